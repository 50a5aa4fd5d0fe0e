/** How sites and runs are, in words with their shape; and what the verbs of runs are called. */
import type { RunState, SiteState } from "$lib/backend";
import type { Tone } from "$lib/design/State.svelte";

export function siteWords(state: SiteState): { tone: Tone; text: string } {
  switch (state) {
    case "serving":
      return { tone: "ok", text: "Serving" };
    case "degraded":
      return { tone: "warn", text: "Serving with trouble" };
    case "down":
      return { tone: "fail", text: "Not serving" };
    case "not-deployed":
      return { tone: "idle", text: "Not deployed yet" };
    case "interrupted":
      return { tone: "warn", text: "Left in between" };
  }
}

export const RUN_STATES: readonly RunState[] = [
  "under-way",
  "succeeded",
  "unchanged",
  "rolled-back",
  "failed-intact",
  "split",
  "unknown",
  "not-begun",
  "abandoned",
];

export function runWords(state: RunState): { tone: Tone; text: string; meaning: string } {
  switch (state) {
    case "under-way":
      return { tone: "going", text: "Under way", meaning: "It goes on now." };
    case "succeeded":
      return { tone: "ok", text: "Succeeded", meaning: "It ended as planned." };
    case "unchanged":
      return { tone: "ok", text: "Nothing to do", meaning: "Everything was as planned already; nothing was changed." };
    case "rolled-back":
      return { tone: "back", text: "Rolled back", meaning: "The new release did not do; the one before serves again." };
    case "failed-intact":
      return { tone: "fail", text: "Failed", meaning: "It failed before anything that is being served was touched." };
    case "split":
      return {
        tone: "fail",
        text: "Left in between",
        meaning: "The host is neither as it was nor as planned. It needs you.",
      };
    case "unknown":
      return { tone: "warn", text: "Not known", meaning: "The host could not be asked how it ended." };
    case "not-begun":
      return { tone: "idle", text: "Not begun", meaning: "It did not begin; nothing was changed." };
    case "abandoned":
      return {
        tone: "warn",
        text: "Cut off",
        meaning: "Slipway ended before the run did, so how it ended was not seen here.",
      };
  }
}

/** "Deploy", "Roll back", "Set up". */
export function verbWords(verb: string): string {
  return { apply: "Set up", deploy: "Deploy", rollback: "Roll back", uninstall: "Remove" }[verb] ?? verb;
}

/** "Deploying planner on web-1". */
export function goingWords(verb: string, site: string | null, host: string): string {
  const what = site ?? "everything";
  switch (verb) {
    case "apply":
      return `Setting up ${what} on ${host}`;
    case "deploy":
      return `Deploying ${what} to ${host}`;
    case "uninstall":
      return `Removing ${what} from ${host}`;
    case "rollback":
      return `Rolling ${what} back on ${host}`;
    default:
      return `${verb}: ${what} on ${host}`;
  }
}

/** "Deployment of planner to web-1". */
export function doneWords(verb: string, site: string | null, host: string): string {
  const what = site ?? "everything";
  switch (verb) {
    case "apply":
      return `Setup of ${what} on ${host}`;
    case "deploy":
      return `Deployment of ${what} to ${host}`;
    case "uninstall":
      return `Removal of ${what} from ${host}`;
    case "rollback":
      return `Rollback of ${what} on ${host}`;
    default:
      return `${verb}: ${what} on ${host}`;
  }
}
