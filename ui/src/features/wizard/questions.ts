/** The questions of a set-up, in order, and which of them a key of the site file belongs to. */

export interface Question {
  id: "host" | "readiness" | "source" | "kind" | "processes" | "reach" | "secrets" | "care" | "review";
  title: string;
  short: string;
  why: readonly string[];
}
export type QuestionId = Question["id"];

export const QUESTIONS: readonly Question[] = [
  {
    id: "host",
    title: "Which host will run it?",
    short: "Host",
    why: [
      "One host is chosen now. The same site file can be put on more hosts later.",
      "Nothing happens on the host before you have read a plan and agreed to it.",
      "Sites share a host without seeing each other: each has its own system user, its own folder and its own units.",
    ],
  },
  {
    id: "readiness",
    title: "Is the host ready?",
    short: "Readiness",
    why: [
      "These are looks from here and on the host. Nothing is changed by looking.",
      "▲ works, but is worth a look. ✕ will stand in the way: the plan says so again, and applies nothing until it is mended.",
      "You may go on with any of them; come back here whenever you like.",
    ],
  },
  {
    id: "source",
    title: "Where does the code come from?",
    short: "Source",
    why: [
      "A git repository is best: every release then has a commit, and the host fetches it itself.",
      "A folder is uploaded as it is, without .git, .venv, node_modules and __pycache__.",
      "The site's name becomes the system user, the folder under /opt and the prefix of the units, so it is hard to change later.",
    ],
  },
  {
    id: "kind",
    title: "What kind of application is it?",
    short: "Kind",
    why: [
      "A blueprint is a whole site file with the choices that people who run such applications make.",
      "What fits is told from the files, with the lines that say so. Nothing of the code is run.",
      "Your name, domains and source stay when you choose another one, and the choice can be undone.",
    ],
  },
  {
    id: "processes",
    title: "What runs, and how much of it?",
    short: "Processes",
    why: [
      "Each process listens on 127.0.0.1 only: visitors reach it through nginx.",
      "A new release starts beside the old one, which ends once the new one works: nobody waits.",
      "More instances need sessions that all of them find, in Redis or in files.",
    ],
  },
  {
    id: "reach",
    title: "How do people reach it?",
    short: "Address",
    why: [
      "TLS 1.2 and 1.3 with Mozilla's intermediate ciphers. Plain http is redirected to https.",
      "HSTS is off until you say so: browsers that have seen it refuse plain http, and certificates they cannot check, for as long as it says.",
      "The first name is the canonical one; the others redirect to it.",
    ],
  },
  {
    id: "secrets",
    title: "What must nobody see?",
    short: "Secrets",
    why: [
      "Values go to the keyring of this computer, and from there only to the host, readable by the site's user alone.",
      "They never stand in the site file, in plans, in logs or on a command line. This page does not keep them either.",
      "A made one is as random as its format allows. Prefer it to anything that a person thinks up.",
    ],
  },
  {
    id: "care",
    title: "How is it looked after?",
    short: "Care",
    why: [
      "Standard output is in the journal in any case; a log folder is for applications that write files.",
      "A new release must answer the health check before visitors get it. Otherwise the old one goes on serving.",
      "Strict fencing takes away what a web application does not need. Loosen it when a library fails with “operation not permitted”.",
    ],
  },
  {
    id: "review",
    title: "Is this what you want?",
    short: "Review",
    why: [
      "Making the plan looks at the host and changes nothing.",
      "The plan shows every file and every command, and what people will notice. You agree to it there, or not.",
      "All of this can be changed later, in the site file.",
    ],
  },
];

export function questionAt(id: string): number {
  return Math.max(
    0,
    QUESTIONS.findIndex((one) => one.id === id),
  );
}

/** Where a mistake about this key is mended; null when only the text says it. */
export function questionOf(path: readonly string[]): QuestionId | null {
  const [first, , third] = path;
  switch (first) {
    case "name":
    case "source":
      return "source";
    case "runtime":
      return "kind";
    case "process":
      return third === "resources" ? null : "processes";
    case "affinity":
      return "processes";
    case "domains":
    case "tls":
      return "reach";
    case "secret":
    case "secret_file":
      return "secrets";
    case "logs":
    case "limits":
    case "health":
    case "hardening":
    case "access":
      return "care";
    default:
      return null;
  }
}
