/**
 * The difference of two texts, by lines first and by words within what changed. Character by character, a long file
 * takes so long that CodeMirror gives up and marks everything as changed.
 */
import { Change, diff, presentableDiff } from "@codemirror/merge";

const MOST_LINES = 60_000;

/** Each line as one character: the same line, the same character. */
function letters(lines: readonly string[], known: Map<string, string>): string {
  let text = "";
  for (const line of lines) {
    let letter = known.get(line);
    if (letter === undefined) {
      // Past control characters and around surrogates.
      const code = 0x100 + known.size;
      letter = String.fromCharCode(code < 0xd800 ? code : code + 0x800);
      known.set(line, letter);
    }
    text += letter;
  }
  return text;
}

/** Where each line begins; and the end. */
function starts(lines: readonly string[], length: number): number[] {
  const found: number[] = [];
  let at = 0;
  for (const line of lines) {
    found.push(at);
    at += line.length;
  }
  found.push(length);
  return found;
}

export function lineDiff(a: string, b: string): readonly Change[] {
  // With their ends, so that a missing last line end is a difference.
  const [linesA, linesB] = [a.match(/[^\n]*\n|[^\n]+/g) ?? [], b.match(/[^\n]*\n|[^\n]+/g) ?? []];
  if (linesA.length + linesB.length > MOST_LINES) return presentableDiff(a, b, { scanLimit: 500, timeout: 300 });
  const known = new Map<string, string>();
  const changes = diff(letters(linesA, known), letters(linesB, known), { timeout: 500 });
  const [atA, atB] = [starts(linesA, a.length), starts(linesB, b.length)];
  return changes.flatMap((change) => {
    const [fromA, toA, fromB, toB] = [
      atA[change.fromA] ?? a.length,
      atA[change.toA] ?? a.length,
      atB[change.fromB] ?? b.length,
      atB[change.toB] ?? b.length,
    ];
    if (fromA === toA || fromB === toB || toA - fromA + toB - fromB > 20_000)
      return [new Change(fromA, toA, fromB, toB)];
    return presentableDiff(a.slice(fromA, toA), b.slice(fromB, toB), { timeout: 50 }).map(
      (inner) => new Change(fromA + inner.fromA, fromA + inner.toA, fromB + inner.fromB, fromB + inner.toB),
    );
  });
}
