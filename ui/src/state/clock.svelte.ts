/** The present moment, moved on once a second, so that "3 min ago" stays true. */
class Clock {
  now = $state(Date.now());
  #timer: ReturnType<typeof setInterval>;
  constructor() {
    this.#timer = setInterval(() => (this.now = Date.now()), 1000);
  }
  /** For pictures: the same moment for ever. */
  standStill(at: number): void {
    clearInterval(this.#timer);
    this.now = at;
  }
}

export const clock = new Clock();
