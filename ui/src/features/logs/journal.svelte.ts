/** The log of a site on a host as it comes in, what of it is shown, and what was found in it. */
import { type Failure, type LogLine, type LogQuery, type Stop, backend } from "$lib/backend";
import { Lines, type Search } from "./lines";

/** A portion of the search, in milliseconds: less than a frame. */
const PORTION = 8;

export class Journal {
  readonly #lines = new Lines();
  /** Changes when lines came; whoever reads the lines reads this first. */
  #version = $state(0);
  /** Places of lines that are shown, when not all are. */
  #shown: number[] | null = null;
  #hits: number[] = [];
  #looked = 0;
  #search: Search | null = null;
  #only = false;
  #worst = 7;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** While paused: as many lines were there. */
  #paused: number | null = $state(null);
  lost = $state.raw<Failure | null>(null);
  /** Whether anything was answered yet, were it nothing. */
  begun = $state(false);
  searching = $state(false);
  units = $state.raw<readonly string[]>([]);
  #known = new Set<string>();

  watch(site: string, host: string, query: LogQuery): Stop {
    clearTimeout(this.#timer);
    this.#lines.clear();
    this.#paused = null;
    this.lost = null;
    this.begun = false;
    this.#again();
    let wanted = true;
    const stop = backend().watchLogs(
      site,
      host,
      query,
      (batch) => {
        if (wanted) this.#take(batch.lines);
      },
      (failure) => {
        if (wanted) this.lost = failure;
      },
    );
    return () => {
      wanted = false;
      stop();
      clearTimeout(this.#timer);
    };
  }
  /** Another site: other units. */
  forget(): void {
    this.#known.clear();
    this.units = [];
  }
  #take(lines: LogLine[]): void {
    this.begun = true;
    this.lost = null;
    const gone = this.#lines.add(lines);
    let fresh = false;
    for (const line of lines)
      if (this.#known.size < 200 && !this.#known.has(line.unit)) {
        this.#known.add(line.unit);
        fresh = true;
      }
    if (fresh) this.units = [...this.#known].sort();
    if (gone) {
      // The oldest gave way: all places move.
      const moved = (places: number[]) => places.filter((place) => place >= gone).map((place) => place - gone);
      this.#hits = moved(this.#hits);
      if (this.#shown) this.#shown = moved(this.#shown);
      this.#looked = Math.max(0, this.#looked - gone);
      if (this.#paused !== null) this.#paused = Math.max(0, this.#paused - gone);
    }
    this.#version += 1;
    this.#look();
  }
  /** What is searched for, whether only that is shown, and how bad it must be. */
  choose(search: Search | null, only: boolean, worst: number): void {
    this.#search = search;
    this.#only = only;
    this.#worst = worst;
    this.#again();
    this.#look();
  }
  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#hits = [];
    this.#looked = 0;
    this.#shown = (this.#only && this.#search) || this.#worst < 7 ? [] : null;
    this.#version += 1;
  }
  /** Looks at what was not looked at yet, a portion at a time. */
  #look(): void {
    if (this.#timer !== undefined) return;
    if (!this.#search && !this.#shown) {
      this.#looked = this.#lines.length;
      this.searching = false;
      return;
    }
    const until = performance.now() + PORTION;
    let found = false;
    while (this.#looked < this.#lines.length) {
      const line = this.#lines.at(this.#looked);
      if (line && line.priority <= this.#worst) {
        const hit = this.#search?.matches(line.text) ?? false;
        if (this.#shown && (hit || !this.#only || !this.#search)) {
          if (hit) this.#hits.push(this.#shown.length);
          this.#shown.push(this.#looked);
          found = true;
        } else if (hit) {
          this.#hits.push(this.#looked);
          found = true;
        }
      }
      this.#looked += 1;
      // The time is asked for seldom: it costs more than most lines.
      if ((this.#looked & 63) === 0 && performance.now() > until) break;
    }
    this.searching = this.#looked < this.#lines.length;
    if (found || !this.searching) this.#version += 1;
    if (this.searching)
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#look();
      });
  }
  /** Lines that came, shown or not. */
  get all(): number {
    void this.#version;
    return this.#lines.length;
  }
  get dropped(): number {
    void this.#version;
    return this.#lines.dropped;
  }
  /** Rows that are shown. */
  get count(): number {
    void this.#version;
    const all = this.#shown ? this.#shown.length : this.#lines.length;
    return this.#paused === null ? all : Math.min(all, this.#paused);
  }
  /** Rows that wait while paused. */
  get waiting(): number {
    void this.#version;
    return this.#paused === null
      ? 0
      : Math.max(0, (this.#shown ? this.#shown.length : this.#lines.length) - this.#paused);
  }
  line(row: number): LogLine | undefined {
    void this.#version;
    return this.#lines.at(this.#shown ? (this.#shown[row] ?? -1) : row);
  }
  get hits(): number {
    void this.#version;
    return this.#hits.length;
  }
  /** The next hit after a row, or the one before it; round at the ends. */
  hit(row: number, step: 1 | -1): number | null {
    // Sorted, so the place is found by halving.
    let low = 0;
    let high = this.#hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#hits[middle] ?? 0) < row) low = middle + 1;
      else high = middle;
    }
    const exactly = this.#hits[low] === row;
    const next = step === 1 ? (exactly ? low + 1 : low) : low - 1;
    const length = this.#hits.length;
    return length ? (this.#hits[(next + length) % length] ?? null) : null;
  }
  get paused(): boolean {
    return this.#paused !== null;
  }
  pause(): void {
    this.#paused ??= this.count;
  }
  follow(): void {
    this.#paused = null;
  }
}
