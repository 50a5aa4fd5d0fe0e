/** Everything that can be found or done by typing (Ctrl/Cmd-K). Pages add what they offer while they are shown. */

export interface Command {
  id: string;
  title: string;
  /** Heading in the list. */
  group: "Go to" | "Hosts" | "Sites" | "Actions" | "This page";
  /** Shown beside it, also searched. */
  note?: string;
  /** Keys as typed, for the list of shortcuts: `["d"]`, `["g", "h"]`. */
  keys?: readonly string[];
  run: () => void;
}

class Commands {
  page = $state.raw<readonly Command[]>([]);
}

export const offered = new Commands();

/** Offers commands while a component is shown; call during its initialisation. */
export function offer(commands: () => readonly Command[]): void {
  $effect(() => {
    offered.page = commands();
    return () => (offered.page = []);
  });
}
