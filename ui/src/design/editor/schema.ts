/** What the JSON Schema of the site file says about a key: for help on hover and for completion. */

export interface About {
  /** `a whole number`, `one of self-signed, own`, …. */
  kind: string;
  description: string;
  default: string | null;
  example: string | null;
  choices: readonly { value: string; description: string }[];
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function textOf(value: unknown): string {
  return typeof value === "string" ? value.replace(/\s*\n\s*/g, " ").trim() : "";
}
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export class SchemaWords {
  readonly #root: Node;
  constructor(schema: unknown) {
    this.#root = isNode(schema) ? schema : {};
  }

  /** Follows references; what stands beside one wins. */
  #whole(node: unknown, deep = 0): Node | null {
    if (!isNode(node)) return null;
    const reference = node["$ref"];
    if (typeof reference !== "string" || deep > 8) return node;
    let target: unknown = this.#root;
    for (const part of reference.replace(/^#\//, "").split("/")) target = isNode(target) ? target[part] : undefined;
    const found = this.#whole(target, deep + 1);
    return found ? { ...found, ...node } : node;
  }

  #step(node: Node, key: string): Node | null {
    if (node["type"] === "array") return /^\d+$/.test(key) ? this.#whole(node["items"]) : null;
    const properties = node["properties"];
    if (isNode(properties) && Object.hasOwn(properties, key)) return this.#whole(properties[key]);
    const patterns = node["patternProperties"];
    if (isNode(patterns)) {
      for (const [pattern, child] of Object.entries(patterns)) {
        try {
          if (new RegExp(pattern).test(key)) return this.#whole(child);
        } catch {
          // A pattern that this engine does not know describes nothing.
        }
      }
    }
    return this.#whole(node["additionalProperties"]);
  }

  #at(path: readonly string[]): Node | null {
    let node: Node | null = this.#root;
    for (const key of path) {
      node = node && this.#step(node, key);
      if (!node) return null;
    }
    return node;
  }

  /** What is known of a key; null when the schema does not know it. */
  about(path: readonly string[]): About | null {
    const node = path.length ? this.#at(path) : null;
    if (!node) return null;
    const choices = choicesOf(node);
    const fallback = node["default"];
    const example = list(node["examples"])[0];
    const plain = (value: unknown) =>
      value === undefined || (typeof value === "object" && value !== null && !Object.keys(value).length)
        ? null
        : JSON.stringify(value);
    return {
      kind: kindOf(node, choices),
      description: textOf(node["description"]),
      default: plain(fallback),
      example: plain(example),
      choices,
    };
  }

  /** Keys that may stand in a table. */
  keys(table: readonly string[]): { key: string; about: About }[] {
    const node = this.#at(table);
    const properties = node?.["properties"];
    if (!isNode(properties)) return [];
    return Object.keys(properties).flatMap((key) => {
      const about = this.about([...table, key]);
      return about ? [{ key, about }] : [];
    });
  }

  /** Values that a key can have, where they can be listed. */
  values(path: readonly string[]): readonly { value: string; description: string }[] {
    const node = this.#at(path);
    if (!node) return [];
    if (node["type"] === "boolean")
      return [
        { value: "true", description: "" },
        { value: "false", description: "" },
      ];
    const items = node["type"] === "array" ? this.#whole(node["items"]) : null;
    return choicesOf(items ?? node).map((choice) => ({ ...choice, value: JSON.stringify(choice.value) }));
  }

  /** Tables, for headings: `tls`, `process.web` as `process.…`. */
  tables(): { header: string; about: About }[] {
    return this.keys([]).flatMap(({ key, about }) => {
      const node = this.#at([key]);
      if (!node) return [];
      const items = node["type"] === "array" ? this.#whole(node["items"]) : null;
      if (items?.["type"] === "object") return [{ header: `[[${key}]]`, about }];
      if (node["type"] !== "object") return [];
      return [{ header: node["patternProperties"] && !node["properties"] ? `[${key}.` : `[${key}]`, about }];
    });
  }
}

function choicesOf(node: Node): { value: string; description: string }[] {
  const named = list(node["oneOf"]).flatMap((one) => {
    if (!isNode(one)) return [];
    const many = list(one["enum"]).flatMap((value) => (typeof value === "string" ? [{ value, description: "" }] : []));
    return typeof one["const"] === "string" ? [{ value: one["const"], description: textOf(one["description"]) }] : many;
  });
  const plain = list(node["enum"]).flatMap((value) => (typeof value === "string" ? [{ value, description: "" }] : []));
  return [...named, ...plain];
}

function kindOf(node: Node, choices: readonly unknown[]): string {
  if (choices.length) return "one of a few words";
  switch (node["type"]) {
    case "string":
      return "text";
    case "integer": {
      const { minimum, maximum } = node;
      return typeof minimum === "number" && typeof maximum === "number"
        ? `a whole number, ${minimum} to ${maximum}`
        : "a whole number";
    }
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
      return "a table";
    default:
      return "a value";
  }
}
