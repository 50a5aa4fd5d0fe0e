/**
 * Where in a TOML text one is: which table, which key. It scans and never fails, because it is asked about texts that
 * are being typed. Tables of an array count as digits, as paths in edits do: `["route", "0", "path"]`.
 */

export interface LinePlace {
  /** Path of the table that the line belongs to; of the header itself on a header's line. */
  table: string[];
  /** Path of the key that the line assigns or goes on with, from the outermost. */
  key: string[] | null;
  header: boolean;
  /** The line goes on with a value that began above. */
  continued: boolean;
}

/** Keys of `a.b."c d"`; none when it is no key. */
export function keysOf(dotted: string): string[] | null {
  const keys: string[] = [];
  let rest = dotted.trim();
  while (rest) {
    const found = /^(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(\.\s*|$)/.exec(rest);
    if (!found) return null;
    keys.push(found[1] ?? found[2] ?? found[3] ?? "");
    rest = rest.slice(found[0].length);
    if (found[4] && !rest) return null;
  }
  return keys.length ? keys : null;
}

/** What is open at the end of a piece of a value: brackets, and the quotes of a text of several lines. */
function openAfter(piece: string, depth: number, quote: string): { depth: number; quote: string } {
  let at = 0;
  while (at < piece.length) {
    const rest = piece.slice(at, at + 3);
    if (quote) {
      if (quote === '"""' && piece[at] === "\\") at += 2;
      else if (rest === quote) {
        quote = "";
        at += 3;
      } else at += 1;
    } else if (rest === '"""' || rest === "'''") {
      quote = rest;
      at += 3;
    } else if (piece[at] === '"' || piece[at] === "'") {
      const one = piece[at];
      at += 1;
      while (at < piece.length && piece[at] !== one) at += one === '"' && piece[at] === "\\" ? 2 : 1;
      at += 1;
    } else if (piece[at] === "#") break;
    else {
      if (piece[at] === "[" || piece[at] === "{") depth += 1;
      if (piece[at] === "]" || piece[at] === "}") depth = Math.max(0, depth - 1);
      at += 1;
    }
  }
  return { depth, quote };
}

/** The place of every line. */
export function places(text: string): LinePlace[] {
  const counts = new Map<string, number>();
  let table: string[] = [];
  let key: string[] | null = null;
  let open = { depth: 0, quote: "" };
  return text.split("\n").map((line): LinePlace => {
    if (open.depth > 0 || open.quote) {
      open = openAfter(line, open.depth, open.quote);
      return { table, key, header: false, continued: true };
    }
    key = null;
    const header = /^\s*(\[\[?)([^\]]*)(?:\]\]?)?\s*(?:#.*)?$/.exec(line);
    if (header) {
      const keys = keysOf(header[2] ?? "");
      if (keys) {
        const name = keys.join("\u0000");
        if (header[1] === "[[") {
          counts.set(name, (counts.get(name) ?? -1) + 1);
          table = [...keys, String(counts.get(name))];
        } else {
          // A table within the last one of an array.
          table = keys.flatMap((part, i) => {
            const count = i < keys.length - 1 ? counts.get(keys.slice(0, i + 1).join("\u0000")) : undefined;
            return count === undefined ? [part] : [part, String(count)];
          });
        }
      }
      return { table, key: null, header: true, continued: false };
    }
    const assigned =
      /^\s*((?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*=(.*)$/.exec(
        line,
      );
    if (assigned) {
      const keys = keysOf(assigned[1] ?? "");
      if (keys) key = [...table, ...keys];
      open = openAfter(assigned[2] ?? "", 0, "");
    }
    return { table, key, header: false, continued: false };
  });
}

/** Path that a line (from 1) is about: of its key, else of its table. */
export function pathAtLine(text: string, line: number): string[] {
  const place = places(text)[line - 1];
  return place ? (place.key ?? place.table) : [];
}
