/** Reading answers out of a draft's values, whose types nobody promises, and judging what is typed. */

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is at a path; positions in lists as digits. */
export function at(values: unknown, path: readonly string[]): unknown {
  let found = values;
  for (const key of path) {
    if (Array.isArray(found)) {
      const list: readonly unknown[] = found;
      found = list[Number(key)];
    } else if (isTable(found) && Object.hasOwn(found, key)) found = found[key];
    else return undefined;
  }
  return found;
}
export const asText = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
export const asNumber = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
export const asList = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
export const asTables = (value: unknown): Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isTable) : [];
export const keys = (value: unknown): string[] => (isTable(value) ? Object.keys(value) : []);

/** A judgement: what is wrong with a text, or null. An empty text is an answer that was taken back. */
export type Judge = (text: string) => string | null;

export const nameProblem: Judge = (text) =>
  !text
    ? null
    : !/^[a-z]/.test(text)
      ? "Begin with a lower-case letter."
      : /[^a-z0-9-]/.test(text)
        ? "Only lower-case letters, digits and hyphens."
        : /--|-$/.test(text)
          ? "Hyphens stand singly, between letters or digits."
          : text.length > 24
            ? "At most 24 characters."
            : null;

export const domainProblem: Judge = (text) => {
  const rest = text.replace(/^\*\./, "");
  if (
    !text ||
    (text.length <= 253 &&
      rest.split(".").every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)))
  )
    return null;
  if (/^[a-z]+:\/\//i.test(text)) return `“${text}”: leave out the scheme; only the name, such as app.example.com.`;
  if (/[:/]/.test(text)) return `“${text}”: only the name, without port or path.`;
  return `“${text}” is not a name such as app.example.com; write international names in their xn-- form.`;
};
export const sizeProblem: Judge = (text) =>
  !text || /^[0-9]{1,12}[KMG]?$/.test(text) ? null : "A number and K, M or G, such as 20M.";
export const spanProblem: Judge = (text) =>
  !text || /^[0-9]{1,12}[smhd]$/.test(text) ? null : "A number and s, m, h or d, such as 60s.";
export const environmentProblem: Judge = (text) =>
  !text || /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text)
    ? null
    : "Letters, digits and underscores, not beginning with a digit.";
export const pathProblem: Judge = (text) =>
  !text || /^(?!.*\/\/)(?!.*\/\.{1,2}(?:\/|$))\/[A-Za-z0-9/._~!$&'()*+,=:@%-]*$/.test(text)
    ? null
    : "A path that begins with /, without spaces or a query.";
export const networkProblem: Judge = (text) =>
  !text || /^[0-9a-fA-F.:]+(?:\/\d{1,3})?$/.test(text) ? null : `“${text}” is no network such as 192.168.1.0/24.`;
export function between(least: number, most: number): Judge {
  return (text) =>
    !text || (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most)
      ? null
      : `A whole number from ${least.toLocaleString("en")} to ${most.toLocaleString("en")}.`;
}

/** A command as one would type it; words with spaces are quoted. No shell reads it. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`)).join(" ");
}
/** The words of it; null while a quote is open. */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let i = 0; i < line.length; i += 1) {
    const c = line[i] ?? "";
    if (quote) {
      if (c === quote) quote = "";
      else if (c === "\\" && quote === '"' && /["\\]/.test(line[i + 1] ?? "")) {
        i += 1;
        word = (word ?? "") + (line[i] ?? "");
      } else word = (word ?? "") + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= "";
    } else if (c === "\\" && /["'\\\s]/.test(line[i + 1] ?? "")) {
      i += 1;
      word = (word ?? "") + (line[i] ?? "");
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + c;
  }
  if (quote) return null;
  if (word !== null) words.push(word);
  return words;
}
