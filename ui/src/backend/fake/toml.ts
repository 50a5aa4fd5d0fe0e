/** Just enough TOML for examples: tables, arrays of tables, texts, numbers, lists, inline tables. */

export type Value = string | number | boolean | Value[] | { [key: string]: Value };
export type Table = { [key: string]: Value };

export class NotToml extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

const isTable = (value: Value | undefined): value is Table => typeof value === "object" && !Array.isArray(value);

function inner(root: Table, keys: readonly string[]): Table {
  let at = root;
  for (const key of keys) {
    const there = at[key];
    const last = Array.isArray(there) ? there.at(-1) : there;
    if (isTable(last)) at = last;
    else {
      const made: Table = {};
      at[key] = made;
      at = made;
    }
  }
  return at;
}

export function parse(text: string): Table {
  const root: Table = {};
  let table = root;
  let at = 0;
  const line = () => text.slice(0, at).split("\n").length;
  const fail = (message: string): never => {
    throw new NotToml(line(), message);
  };
  const blank = (newlines: boolean) => {
    for (;;) {
      const found = (newlines ? /^(?:\s+|#[^\n]*)/ : /^(?:[ \t]+|#[^\n]*)/).exec(text.slice(at));
      if (!found) return;
      at += found[0].length;
    }
  };
  const keys = (): string[] => {
    const found: string[] = [];
    do {
      blank(false);
      const key = /^(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')/.exec(text.slice(at));
      if (!key) return fail("expected a key");
      found.push(key[0].replace(/^["']|["']$/g, ""));
      at += key[0].length;
      blank(false);
    } while (text[at] === "." && ++at);
    return found;
  };
  const value = (): Value => {
    const rest = text.slice(at);
    const word = /^(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|true\b|false\b|[+-]?\d[\d_]*(?:\.\d+)?)/.exec(rest);
    if (word) {
      at += word[0].length;
      if (word[0].startsWith('"')) {
        const read: unknown = JSON.parse(word[0]);
        return String(read);
      }
      if (word[0].startsWith("'")) return word[0].slice(1, -1);
      return word[0] === "true" ? true : word[0] === "false" ? false : Number(word[0].replaceAll("_", ""));
    }
    if (rest.startsWith("[")) {
      const list: Value[] = [];
      at += 1;
      for (blank(true); text[at] !== "]"; blank(true)) {
        if (at >= text.length) fail("the list has no end");
        list.push(value());
        blank(true);
        if (text[at] === ",") at += 1;
        else if (text[at] !== "]") fail("expected a comma");
      }
      at += 1;
      return list;
    }
    if (rest.startsWith("{")) {
      const made: Table = {};
      at += 1;
      for (blank(false); text[at] !== "}"; blank(false)) {
        assign(made);
        if (text[at] === ",") at += 1;
        else if (text[at] !== "}") fail("expected a comma");
      }
      at += 1;
      return made;
    }
    return fail("expected a value");
  };
  const assign = (into: Table) => {
    const path = keys();
    if (text[at] !== "=") fail("expected `=` after the key");
    at += 1;
    blank(false);
    inner(into, path.slice(0, -1))[path.at(-1) ?? ""] = value();
    blank(false);
  };
  for (blank(true); at < text.length; blank(true)) {
    if (text[at] !== "[") {
      assign(table);
    } else {
      const many = text[at + 1] === "[";
      at += many ? 2 : 1;
      const path = keys();
      if (!text.startsWith(many ? "]]" : "]", at)) fail("expected `]`");
      at += many ? 2 : 1;
      if (many) {
        const parent = inner(root, path.slice(0, -1));
        const key = path.at(-1) ?? "";
        const list = parent[key];
        table = {};
        if (Array.isArray(list)) list.push(table);
        else parent[key] = [table];
      } else table = inner(root, path);
      blank(false);
    }
    if (at < text.length && text[at] !== "\n") fail("expected the end of the line");
  }
  return root;
}

const bare = (key: string) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key));
function inline(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isTable(value))
    return Object.keys(value).length
      ? `{ ${Object.entries(value)
          .map(([key, one]) => `${bare(key)} = ${inline(one)}`)
          .join(", ")} }`
      : "{}";
  return JSON.stringify(value);
}

export function write(table: Table, path: readonly string[] = []): string {
  const lines: string[] = [];
  const after: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    const whole = [...path, key];
    const name = whole.map(bare).join(".");
    if (Array.isArray(value) && value.length && value.every(isTable))
      for (const one of value) after.push(`\n[[${name}]]\n${isTable(one) ? write(one, whole) : ""}`);
    else if (isTable(value) && path[0] !== "access")
      after.push(
        Object.values(value).some((one) => !isTable(one)) || !Object.keys(value).length
          ? `\n[${name}]\n${write(value, whole)}`
          : write(value, whole),
      );
    else lines.push(`${bare(key)} = ${inline(value)}\n`);
  }
  return lines.join("") + after.join("");
}

/** The table after one answer. */
export function edit(table: Table, path: readonly string[], value: unknown): void {
  const [key = "", ...rest] = path;
  const there = table[key];
  if (!rest.length) {
    if (value === null) delete table[key];
    else table[key] = JSON.parse(JSON.stringify(value)) as Value;
  } else if (Array.isArray(there)) {
    const one = there[Number(rest[0])];
    if (isTable(one)) edit(one, rest.slice(1), value);
  } else {
    if (value === null && !isTable(there)) return;
    const next: Table = isTable(there) ? there : {};
    table[key] = next;
    edit(next, rest, value);
  }
}
