/** How runs and sites are, in words with their shape. */
import type { RunState, SiteState } from "$lib/backend";
import type { Tone } from "$lib/design/State.svelte";

export function siteWords(state: SiteState): { tone: Tone; text: string } {
  switch (state) {
    case "serving": return { tone: "ok", text: "Serving" };
    case "degraded": return { tone: "warn", text: "Serving with trouble" };
    case "down": return { tone: "fail", text: "Not serving" };
    case "not-deployed": return { tone: "idle", text: "Not set up yet" };
    case "interrupted": return { tone: "warn", text: "Left in between" };
  }
}

export function runWords(state: RunState): { tone: Tone; text: string } {
  switch (state) {
    case "under-way": return { tone: "going", text: "Under way" };
    case "succeeded": return { tone: "ok", text: "Succeeded" };
    case "unchanged": return { tone: "ok", text: "Nothing to do" };
    case "rolled-back": return { tone: "back", text: "Rolled back" };
    case "failed-intact": return { tone: "fail", text: "Failed, nothing changed" };
    case "split": return { tone: "fail", text: "Left in between" };
    case "unknown": return { tone: "warn", text: "Not known" };
    case "not-begun": return { tone: "idle", text: "Did not begin" };
    case "abandoned": return { tone: "warn", text: "Abandoned" };
  }
}
