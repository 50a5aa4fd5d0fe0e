/** Log lines in the window: kept in order, counted, searched in small portions, so that nothing of it is felt. */
import type { LogLine } from "$lib/backend";
import { visible } from "$lib/design/words";

/** As many are kept; older ones give way. */
export const MOST_LINES = 400_000;
/** As many characters are kept; a host that writes megabytes a line must not fill the memory. */
export const MOST_CHARACTERS = 200_000_000;
/** As much of a line is searched with an expression: one that backtracks must not stop the window. */
const SEARCHED = 4_000;
/** As much of a line is shown in the list. */
const IN_LIST = 600;

export class Lines {
  #lines: LogLine[] = [];
  #characters = 0;
  /** Lines that gave way. */
  dropped = 0;

  get length(): number {
    return this.#lines.length;
  }
  at(index: number): LogLine | undefined {
    return this.#lines[index];
  }
  /** Adds some; how many of the oldest gave way for them. */
  add(lines: readonly LogLine[]): number {
    for (const line of lines) {
      this.#lines.push(line);
      this.#characters += line.text.length;
    }
    if (this.#lines.length <= MOST_LINES && this.#characters <= MOST_CHARACTERS) return 0;
    // A tenth at once, so that it is rare.
    let go = Math.max(0, this.#lines.length - Math.floor(MOST_LINES * 0.9));
    let left = this.#characters;
    for (let i = 0; i < this.#lines.length && (i < go || left > MOST_CHARACTERS * 0.9); i += 1) {
      left -= this.#lines[i]?.text.length ?? 0;
      go = Math.max(go, i + 1);
    }
    this.#lines = this.#lines.slice(go);
    this.#characters = left;
    this.dropped += go;
    return go;
  }
  clear(): void {
    this.#lines = [];
    this.#characters = 0;
    this.dropped = 0;
  }
}

/** What is searched for: a text, or an expression between slashes. */
export interface Search {
  matches: (text: string) => boolean;
  /** Places of it in a text that is shown: from, to. */
  places: (text: string) => [number, number][];
}

/** Reads what a person typed; none when nothing was, a sentence when the expression is wrong. */
export function reading(typed: string): { search: Search | null; problem: string | null } {
  if (!typed) return { search: null, problem: null };
  const expression = /^\/(.+)\/([iu]*)$/s.exec(typed);
  let pattern: RegExp;
  if (expression) {
    try {
      pattern = new RegExp(expression[1] ?? "", `g${(expression[2] ?? "").replace(/[^iu]/g, "")}`);
    } catch (error) {
      return {
        search: null,
        problem:
          error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : "not an expression",
      };
    }
  } else {
    pattern = new RegExp(typed.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  }
  const bound = expression ? SEARCHED : Infinity;
  return {
    problem: null,
    search: {
      matches: (text) => {
        pattern.lastIndex = 0;
        return pattern.test(text.length > bound ? text.slice(0, bound) : text);
      },
      places: (text) => {
        const found: [number, number][] = [];
        pattern.lastIndex = 0;
        const within = text.slice(0, SEARCHED);
        for (let hit = pattern.exec(within); hit && found.length < 50; hit = pattern.exec(within)) {
          if (hit[0] === "") pattern.lastIndex += 1;
          else found.push([hit.index, hit.index + hit[0].length]);
        }
        return found;
      },
    },
  };
}

/** A line as one row: control characters as text, its beginning only. */
export function oneRow(text: string): string {
  return (
    visible(text.slice(0, IN_LIST)).replaceAll("\n", " ⏎ ").replaceAll("\t", "  ") + (text.length > IN_LIST ? " …" : "")
  );
}

/** A row in pieces: what was found, and what is between. */
export function pieces(row: string, search: Search | null): { text: string; hit: boolean }[] {
  const list: { text: string; hit: boolean }[] = [];
  let done = 0;
  for (const [from, to] of search?.places(row) ?? []) {
    if (from > done) list.push({ text: row.slice(done, from), hit: false });
    list.push({ text: row.slice(from, to), hit: true });
    done = to;
  }
  if (done < row.length) list.push({ text: row.slice(done), hit: false });
  return list;
}

/** How much a line matters, as syslog says it (RFC 5424, 6.2.1). */
export function priorityWord(priority: number): string {
  return ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"][priority] ?? "info";
}

/** What the list says of a priority; nothing of the usual one. */
export function priorityMark(priority: number): string {
  if (priority === 6) return "";
  const shape = priority <= 3 ? "✕ " : priority === 4 ? "▲ " : "";
  return shape + priorityWord(priority);
}

/** `planner-web.5001@20261121T104500Z-9f2c1a.service`, or `planner-web@5001.service`, of planner → `web`. */
export function processOf(unit: string, site: string): string | null {
  const name = unit.startsWith(`${site}-`) ? unit.slice(site.length + 1) : null;
  const process = name?.replace(/(\.[^.@]+(?=@))?(@.*)?\.(service|socket)$/, "");
  return process || null;
}

/** `web@5001`, and of which release, by what is unique in its name: a unit without what is the same in all of them. */
export function shortUnit(unit: string, site: string): string {
  const name = unit.replace(/\.service$/, "");
  const short = name.startsWith(`${site}-`) ? name.slice(site.length + 1) : name;
  return short.replace(/^(.+)\.([^.@]+)@[0-9TZ]+-([0-9a-f]+(?:\.[0-9]+)?)$/, "$1@$2 · $3");
}

/** Hour, minute, second and thousandth in the person's own zone. */
export function clockTime(at: number): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return "–";
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
}

/** A line as it is copied: no control characters, which a terminal would obey. */
export function copied(line: LogLine): string {
  const moment = new Date(line.at_ms);
  const at = Number.isNaN(moment.getTime()) ? "–" : moment.toISOString();
  return [at, visible(line.unit, 300), priorityWord(line.priority), visible(line.text, Infinity)].join(" ");
}
