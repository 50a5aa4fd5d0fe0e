/** Keys that work everywhere, as they are listed. */
import { to } from "$lib/state/router.svelte";

export interface Going {
  keys: readonly string[];
  title: string;
  address: string;
}

export const GOING: readonly Going[] = [
  { keys: ["g", "h"], title: "Go to the hosts", address: to("hosts") },
  { keys: ["g", "s"], title: "Go to the sites", address: to("sites") },
  { keys: ["g", "l"], title: "Go to the logs", address: to("logs") },
  { keys: ["g", "y"], title: "Go to the history", address: to("history") },
  { keys: ["g", ","], title: "Go to the settings", address: to("settings") },
  { keys: ["a"], title: "Add a host", address: to("hosts", "+add") },
];

export const LISTS: readonly { keys: readonly string[]; title: string; between: string }[] = [
  { keys: ["↑", "↓"], title: "Move in a list", between: "or" },
  { keys: ["J", "K"], title: "Move down, up", between: "or" },
  { keys: ["Enter"], title: "Open what is chosen", between: "" },
  { keys: ["Esc"], title: "Go back, close", between: "" },
  { keys: ["/"], title: "Filter the list", between: "" },
];

/** Whether somebody is writing, or something is open over the page. */
export function busyWriting(target: EventTarget | null): boolean {
  if (document.querySelector("[role='dialog'], [role='alertdialog'], [role='menu']")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.shadowRoot) return true;
  return (
    target.isContentEditable || target.closest("input, textarea, select, [contenteditable='true'], .cm-editor") !== null
  );
}
