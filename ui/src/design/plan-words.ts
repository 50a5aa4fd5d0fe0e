/** A plan in words. */
import type { FileChange, PlanStep, PlanView, Risk, StepKind } from "$lib/backend";
import { count } from "./words";

/** Shape and word of a kind of change. */
export function kindWords(kind: StepKind): { shape: string; text: string; file: string } {
  switch (kind) {
    case "create":
      return { shape: "+", text: "Makes", file: "new" };
    case "change":
      return { shape: "~", text: "Changes", file: "changed" };
    case "remove":
      return { shape: "−", text: "Removes", file: "removed" };
    case "run":
      return { shape: "▸", text: "Runs", file: "used" };
    case "keep":
      return { shape: "=", text: "Keeps", file: "stays" };
  }
}

export function riskWords(risk: Risk): { mark: string | null; text: string } {
  switch (risk) {
    case "none":
      return { mark: null, text: "Nothing." };
    case "reconnect":
      return { mark: "reconnects", text: "Open WebSockets reconnect. Requests wait, none is lost." };
    case "gone":
      return { mark: "the site goes", text: "People can no longer use the site." };
    case "data":
      return { mark: "changes data", text: "Data changes in a way that going back does not undo." };
  }
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

/** "14 steps on web-1: 5 new, 3 changed, 1 removed; 8 files differ". */
export function countsOf(plan: PlanView): string {
  const { steps, created, changed, removed, files } = plan.summary;
  const kinds = [
    created ? `${created} new` : "",
    changed ? `${changed} changed` : "",
    removed ? `${removed} removed` : "",
  ].filter(Boolean);
  const differ = files ? count(files, "file differs", "files differ") : "no file differs";
  return `${count(steps, "step")} on ${plan.host}${kinds.length ? `: ${kinds.join(", ")}` : ""}; ${differ}`;
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
  const facts = [kindWords(file.kind).file, file.mode, file.owner, file.secret ? "secrets as fingerprints" : null]
    .filter(Boolean)
    .join(", ");
  const lines = (text: string | null, sign: string) =>
    text === null
      ? []
      : text
          .replace(/\n$/, "")
          .split("\n")
          .map((line) => `      ${sign}${line}`);
  return [
    `    ${file.path} (${facts})`,
    ...file.attributes.map((line) => `      ${line}`),
    ...(file.hidden ? [`      not shown: ${file.hidden}`] : []),
    ...(file.old === file.new ? [] : [...lines(file.old, "- "), ...lines(file.new, "+ ")]),
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
      out.push(
        `  ${kindWords(step.kind).shape} ${step.title}${step.drift ? " (changed by hand)" : ""}`,
        `    why: ${step.reason}`,
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
