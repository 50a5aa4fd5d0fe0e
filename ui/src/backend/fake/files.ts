/** Files as plans and comparisons tell of them, with their differences. */
import type { FileChange } from "..";

/** A line and what becomes of it: `" "` stays, `"-"` goes, `"+"` comes. */
type Told = readonly [" " | "-" | "+", string];

function linesOf(text: string | null): string[] {
  return text ? text.replace(/\n$/, "").split("\n") : [];
}

/** The longest common part of two texts stays. Texts that are too long for that are compared line by line. */
function told(old: readonly string[], next: readonly string[]): Told[] {
  if (old.length * next.length > 250_000)
    return Array.from({ length: Math.max(old.length, next.length) }, (_, i): Told[] => {
      const [was, is] = [old[i], next[i]];
      if (was !== undefined && was === is) return [[" ", was]];
      return [...(was === undefined ? [] : [["-", was] as const]), ...(is === undefined ? [] : [["+", is] as const])];
    }).flat();
  const common = Array.from({ length: old.length + 1 }, () => new Array<number>(next.length + 1).fill(0));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = next.length - 1; j >= 0; j--)
      (common[i] ?? [])[j] = old[i] === next[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const out: Told[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < next.length) {
    if (i < old.length && j < next.length && old[i] === next[j]) {
      out.push([" ", old[i] ?? ""]);
      i += 1;
      j += 1;
    } else if (i < old.length && (j >= next.length || at(i + 1, j) >= at(i, j + 1))) out.push(["-", old[i++] ?? ""]);
    else out.push(["+", next[j++] ?? ""]);
  }
  return out;
}

/** A unified diff with three lines around each change. */
function unified(path: string, old: string | null, next: string | null): string {
  if (old === next) return "";
  const all = told(linesOf(old), linesOf(next));
  const near = all.map((_, i) => all.slice(Math.max(0, i - 3), i + 4).some(([sign]) => sign !== " "));
  const out = [`--- ${old === null ? "/dev/null" : path}`, `+++ ${next === null ? "/dev/null" : path}`];
  let [was, is] = [1, 1];
  for (let i = 0; i < all.length;) {
    const end = near.indexOf(!near[i], i);
    const hunk = all.slice(i, end < 0 ? all.length : end);
    const [wases, ises] = [hunk.filter(([sign]) => sign !== "+").length, hunk.filter(([sign]) => sign !== "-").length];
    if (near[i]) {
      out.push(`@@ -${wases ? was : was - 1},${wases} +${ises ? is : is - 1},${ises} @@`);
      for (const [sign, line] of hunk) out.push(sign + line);
    }
    was += wases;
    is += ises;
    i += hunk.length;
  }
  return `${out.join("\n")}\n`;
}

/** A file that changes; root's, when nothing else is said. */
export function fileChange(
  path: string,
  old: string | null,
  next: string | null,
  more: Partial<FileChange> = {},
): FileChange {
  const kind = old === null ? "create" : next === null ? "remove" : old === next ? "same" : "change";
  const stays = next === null && old !== null ? null : "root";
  return {
    path,
    kind,
    mode: stays && "0644",
    owner: stays,
    group: stays,
    secret: false,
    old,
    new: next,
    attributes: [],
    hidden: null,
    unified: unified(path, old, next),
    ...more,
  };
}
