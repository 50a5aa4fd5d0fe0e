/** Drafts that were thrown away: gone from sight at once, and really removed when Undo has had its time. */
import { asFailure, backend } from "$lib/backend";
import { app } from "$lib/state/app.svelte";

/** As long as the message with Undo stays. */
const UNDO = 12_000;

class Thrown {
  ids = $state.raw<readonly string[]>([]);
  throwAway(id: string, name: string): void {
    this.ids = [...this.ids, id];
    const timer = setTimeout(() => void this.#remove(id), UNDO);
    app.tell(`${name} was thrown away`, "info", {
      title: "Undo",
      run: () => {
        clearTimeout(timer);
        this.#forget(id);
      },
    });
  }
  async #remove(id: string): Promise<void> {
    try {
      await backend().removeDraft(id);
    } catch (error) {
      this.#forget(id);
      app.tell(asFailure(error).message, "fail");
    }
  }
  #forget(id: string): void {
    this.ids = this.ids.filter((one) => one !== id);
  }
}

export const thrown = new Thrown();
