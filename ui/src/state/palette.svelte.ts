/** Whether the command palette or the list of shortcuts is open. */
class Palette {
  open = $state<"commands" | "keys" | null>(null);
  show(what: "commands" | "keys" = "commands"): void {
    this.open = what;
  }
  hide(): void {
    this.open = null;
  }
}

export const palette = new Palette();
