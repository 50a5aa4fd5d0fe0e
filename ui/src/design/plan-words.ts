/** A plan in words. */
import type { FileChange, FileKind, Notice, PlanStep, PlanView, Risk, Severity, Verb } from "$lib/backend";
import type { Tone } from "./State.svelte";
import { count } from "./words";

/** Sign and word of what a step does. */
export function verbWords(verb: Verb): { sign: string; text: string } {
  switch (verb) {
    case "create":
      return { sign: "+", text: "Makes" };
    case "change":
      return { sign: "~", text: "Changes" };
    case "remove":
      return { sign: "−", text: "Removes" };
    case "run":
      return { sign: "›", text: "Runs" };
  }
}

/** What becomes of a file. */
export function fileWords(kind: FileKind): string {
  switch (kind) {
    case "create":
      return "new";
    case "change":
      return "changed";
    case "remove":
      return "removed";
    case "same":
      return "stays";
  }
}

/** Lines of a file that come and go: "+12 −3". */
export function linesOf(file: FileChange): string | null {
  if (!file.unified) return null;
  // The first two lines name the file.
  const lines = file.unified.split("\n").slice(2);
  const of = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return `+${of("+")} −${of("-")}`;
}

/** Owner and group: "root:www-data". */
export function ownerOf(file: FileChange): string | null {
  return file.owner !== null && file.group !== null ? `${file.owner}:${file.group}` : file.owner;
}

/** How much a notice matters. */
export function severityWords(severity: Severity): { tone: Tone; text: string } {
  switch (severity) {
    case "blocker":
      return { tone: "fail", text: "In the way" };
    case "warning":
      return { tone: "warn", text: "Watch" };
    case "info":
      return { tone: "info", text: "Note" };
  }
}

export function riskWords(risk: Risk): { mark: string | null; text: string } {
  switch (risk) {
    case "none":
      return { mark: null, text: "Nothing." };
    case "reconnect":
      return { mark: "reconnects", text: "Open WebSockets reconnect. No request waits, none is lost." };
    case "wait":
      return {
        mark: "waits",
        text: "Requests wait while one process ends and another starts. Open WebSockets reconnect.",
      };
    case "gone":
      return { mark: "the site goes", text: "People can no longer use the site." };
    case "data":
      return { mark: "changes data", text: "Data changes in a way that going back does not undo." };
  }
}

/** Notices, with what is in the way first. */
export function byWeight(notices: readonly Notice[]): Notice[] {
  const order = { blocker: 0, warning: 1, info: 2 } as const;
  return notices.toSorted((a, b) => order[a.severity] - order[b.severity]);
}

export function headlineOf(plan: PlanView): string {
  const release = plan.release;
  switch (plan.verb) {
    case "apply":
      return `Set up ${plan.site} on ${plan.host}`;
    case "deploy":
      return `Deploy ${release ? `${release} of ` : ""}${plan.site} to ${plan.host}`;
    case "rollback":
      return `Roll ${plan.site} on ${plan.host} back${release ? ` to ${release}` : ""}`;
    case "uninstall":
      return `Remove ${plan.site} from ${plan.host}`;
    default:
      return `${plan.verb}: ${plan.site} on ${plan.host}`;
  }
}

/** "14 steps on web-1: 5 new, 3 changed, 1 removed; 8 files differ (+40 −12)". */
export function countsOf(plan: PlanView): string {
  const { counts, files, added, removed } = plan.summary;
  const kinds = [
    counts.create ? `${counts.create} new` : "",
    counts.change ? `${counts.change} changed` : "",
    counts.remove ? `${counts.remove} removed` : "",
  ].filter(Boolean);
  const differ = files ? `${count(files, "file differs", "files differ")} (+${added} −${removed})` : "no file differs";
  return `${count(stepsOf(plan).length, "step")} on ${plan.host}${kinds.length ? `: ${kinds.join(", ")}` : ""}; ${differ}`;
}

export function stepsOf(plan: PlanView): PlanStep[] {
  return plan.groups.flatMap((group) => group.steps);
}

/** Files that were changed by hand and would be replaced; a step without files is named by its title. */
export function driftedOf(plan: PlanView): string[] {
  const names = stepsOf(plan)
    .filter((step) => step.drift)
    .flatMap((step) => (step.files.length ? step.files.map((file) => file.path) : [step.title]));
  return [...new Set(names)];
}

function fileText(file: FileChange): string[] {
  const secrets = file.secret ? "secrets as fingerprints" : null;
  const facts = [fileWords(file.kind), file.mode, ownerOf(file), secrets].filter(Boolean).join(", ");
  const lines = file.unified.replace(/\n$/, "").split("\n");
  return [
    `    ${file.path} (${facts})`,
    ...file.attributes.map((line) => `      ${line}`),
    ...(file.hidden ? [`      not shown: ${file.hidden}`] : []),
    ...(file.unified ? lines.map((line) => `      ${line}`) : []),
  ];
}

/** The whole plan as plain text, for a message or a ticket. */
export function planText(plan: PlanView): string {
  const out = [
    `${headlineOf(plan)} (plan ${plan.id})`,
    countsOf(plan),
    plan.summary.noticed,
    ...plan.summary.restarts.map((line) => `  ${line}`),
  ];
  for (const notice of plan.notices)
    out.push(`${notice.severity}: ${notice.text}`, ...(notice.hint ? [`  ${notice.hint}`] : []));
  for (const group of plan.groups) {
    out.push("", group.heading);
    for (const step of group.steps) {
      const risk = riskWords(step.risk);
      out.push(
        `  ${verbWords(step.verb).sign} ${step.title}${step.drift ? " (changed by hand)" : ""}`,
        `    why: ${step.reason}`,
        ...(risk.mark ? [`    people notice: ${risk.text}`] : []),
        ...step.about.map((line) => `    ${line}`),
      );
      for (const command of step.commands) out.push(`    $ ${command}`);
      for (const file of step.files) out.push(...fileText(file));
    }
  }
  return `${out.filter((line) => line !== undefined).join("\n")}\n`;
}

/** Whether a step has a word in what can be read of it. */
export function mentions(step: PlanStep, word: string): boolean {
  const wanted = word.trim().toLowerCase();
  if (!wanted) return true;
  return [step.title, step.reason, ...step.commands, ...step.files.map((file) => file.path)].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}
