/** A set-up in sentences, by question. */
import type { Draft } from "$lib/backend";
import { count, visible } from "$lib/design/words";
import { pathAtLine } from "$lib/design/editor/toml-places";
import { type QuestionId, questionOf } from "./questions";
import { asList, asNumber, asTables, asText, at, isTable, keys } from "./values";

export interface Said {
  question: QuestionId;
  title: string;
  lines: string[];
}

const quoted = (text: string) => visible(text, 160);
function some(list: readonly string[], most = 4): string {
  const shown = list.slice(0, most).map(quoted).join(", ");
  return list.length > most ? `${shown} and ${list.length - most} more` : shown;
}

export function said(draft: Draft): Said[] {
  const get = (...path: string[]) => at(draft.values, path);
  const name = asText(get("name"));
  const folder = asText(get("source", "folder")),
    archive = asText(get("source", "archive")),
    git = asText(get("source", "git"));
  const reference = asText(get("source", "ref"));
  const source = git
    ? `The host fetches ${quoted(git)}, ${reference ? `at ${quoted(reference)}` : "at its default branch"}.`
    : folder
      ? `The folder ${quoted(folder)} is uploaded from this computer.`
      : archive
        ? `The archive ${quoted(archive)} is uploaded from this computer.`
        : "No source has been given.";
  const kind = asText(get("runtime", "kind"));
  const version = asText(get("runtime", "version"));
  const python = version ? ` with Python ${quoted(version)} or newer` : "";
  const runtime =
    kind === "python"
      ? `A Python environment${python} is made for each set of requirements.`
      : kind === "node"
        ? "Node.js, with the packages that the lock file names."
        : kind === "static"
          ? "Only files: nothing is installed and nothing runs."
          : "The source brings its own program.";
  const processes = keys(get("process"))
    .slice(0, 20)
    .map((one) => {
      const number = asNumber(get("process", one, "instances")) ?? 1;
      const port = asNumber(get("process", one, "port"));
      const what = isTable(get("process", one, "gunicorn"))
        ? `gunicorn serves ${quoted(asText(get("process", one, "gunicorn", "app")))}`
        : `runs ${quoted(asList(get("process", one, "command")).join(" ") || "nothing yet")}`;
      return `${quoted(one)}: ${what}, ${count(number, "instance")}${port === null ? ", in the background" : `, from port ${port}`}.`;
    });
  const affinity = asText(get("affinity"));
  if (affinity === "cookie") processes.push("A visitor stays on one instance, by a cookie.");
  if (affinity === "ip") processes.push("A visitor stays on one instance, by address.");
  const domains = asList(get("domains"));
  const mode = asText(get("tls", "mode")) || "self-signed";
  const tls =
    mode === "own"
      ? `Your own certificate, ${quoted(asText(get("tls", "certificate")) || "not given yet")}.`
      : mode === "none"
        ? "Plain http: everything travels readable."
        : mode.startsWith("certbot")
          ? "A certificate from Let's Encrypt."
          : "A self-signed certificate; browsers warn.";
  const health = asText(get("health", "path"));
  const users = keys(get("access", "basic"));
  const allow = asList(get("access", "allow"));
  const limit = asNumber(get("limits", "requests_per_minute"));
  const care = [
    health
      ? `It works when ${quoted(health)} answers ${asNumber(get("health", "status")) ?? 200} ` +
        `within ${quoted(asText(get("health", "start_within")) || "60s")} of starting.`
      : "It works when its port is open; no page is asked.",
    `Uploads up to ${quoted(asText(get("limits", "body")) || "10M")}` +
      `${limit ? `; at most ${count(limit, "request")} a minute from one address` : ""}.`,
    get("logs", "directory") === true
      ? `Log files in /var/log/${quoted(name)}, ${quoted(asText(get("logs", "rotate")) || "daily")}, ` +
        `${asNumber(get("logs", "keep")) ?? 14} old ones kept.`
      : "What it prints is in the journal; it writes no log files.",
    allow.length ? `Only from ${some(allow)}.` : users.length ? "" : "Anybody may come in.",
    users.length ? `nginx asks for a password: ${some(users)}.` : "",
    `Fenced in: ${quoted(asText(get("hardening")) || "strict")}.`,
  ].filter(Boolean);
  const open = draft.secrets.filter((row) => !row.present).map((row) => row.name);
  const declared = [...keys(get("secret")), ...keys(get("secret_file"))];
  const secrets =
    !declared.length && !draft.secrets.length
      ? "It needs none."
      : !draft.secrets.length
        ? `${count(declared.length, "secret")}: ${some(declared)}.`
        : open.length
          ? `${open.length} of ${draft.secrets.length} ${open.length === 1 ? "has" : "have"} no value yet: ${some(open)}.`
          : draft.secrets.length === 1
            ? "Its only one is in the keyring."
            : `All ${draft.secrets.length} are in the keyring.`;
  return [
    {
      question: "host",
      title: "Host",
      lines: [draft.card.host ? `It runs on ${quoted(draft.card.host)}.` : "No host has been chosen."],
    },
    {
      question: "source",
      title: "Source",
      lines: [name ? `The site is called ${quoted(name)}.` : "It has no name yet.", source],
    },
    { question: "kind", title: "Kind", lines: [runtime] },
    {
      question: "processes",
      title: "Processes",
      lines: processes.length ? processes : [asTables(get("route")).length ? "None: nginx serves files." : "None yet."],
    },
    {
      question: "reach",
      title: "Address",
      lines: [
        domains.length ? `People reach it at ${some(domains)}.` : "It answers to the host's address; no name is given.",
        tls,
      ],
    },
    { question: "secrets", title: "Secrets", lines: [secrets] },
    { question: "care", title: "Care", lines: care },
  ];
}

export interface Told {
  error: boolean;
  line: number;
  message: string;
  hint: string | null;
  question: QuestionId | null;
}

/** What is wrong or doubtful, with the question where it is mended. */
export function told(draft: Draft): Told[] {
  return draft.diagnostics
    .map((one) => {
      const missing = /^`(\w+)` is missing/.exec(one.message)?.[1];
      return {
        error: one.error,
        line: one.line,
        message: one.message,
        hint: one.hint,
        question: questionOf(missing ? [missing] : pathAtLine(draft.text, one.line)),
      };
    })
    .toSorted((a, b) => Number(b.error) - Number(a.error) || a.line - b.line);
}
