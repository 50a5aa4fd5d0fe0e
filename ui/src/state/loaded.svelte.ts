/** Something that is asked for: on its way, there, or failed. A newer question silences the older one's answer. */
import { type Failure, asFailure } from "$lib/backend";

export class Loaded<T> {
  value = $state<T | null>(null);
  failure = $state<Failure | null>(null);
  loading = $state(false);
  #asked = 0;
  constructor(private readonly ask: () => Promise<T>) {}

  async load(): Promise<T | null> {
    this.#asked += 1;
    const mine = this.#asked;
    this.loading = true;
    try {
      const value = await this.ask();
      if (mine !== this.#asked) return null;
      this.value = value;
      this.failure = null;
      return value;
    } catch (error) {
      if (mine === this.#asked) this.failure = asFailure(error);
      return null;
    } finally {
      if (mine === this.#asked) this.loading = false;
    }
  }
}
