import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { describe, expect, it } from "vitest";
import { complete, marks } from "$lib/design/editor/mount";
import { SchemaWords } from "$lib/design/editor/schema";
import { keysOf, pathAtLine, places } from "$lib/design/editor/toml-places";
import schema from "../../templates/slipway.schema.json";

const words = new SchemaWords(schema);
const text = `name = "shop" # [not.a.table]
domains = [
    "a.example.org", # ]
    "b.example.org",
]

[process.web.gunicorn]
app = "wsgi:application"

[[route]]
path = "/"

[[route]]
path = "/api"

[config_file."config/app.json".json]
note = """
[tls]
mode = "own"
"""

[tls]
mode = "own"`;

function offered(doc: string, explicit = true) {
  const at = doc.indexOf("|");
  const whole = doc.replace("|", "");
  const result = complete(new CompletionContext(EditorState.create({ doc: whole }), at, explicit), words);
  return (
    result && { labels: result.options.map((one) => one.label), replaces: whole.slice(result.from, result.to ?? at) }
  );
}

describe("places in a TOML text", () => {
  const at = (needle: string, nth = 0) => {
    const lines = text.split("\n");
    const found = lines.flatMap((line, i) => (line.includes(needle) ? [i + 1] : []))[nth];
    return pathAtLine(text, found ?? 0);
  };
  it("tells tables, keys, and what goes on over several lines", () => {
    expect(at("b.example.org")).toEqual(["domains"]);
    expect(at("app = ")).toEqual(["process", "web", "gunicorn", "app"]);
    expect(at("path = ", 0)).toEqual(["route", "0", "path"]);
    expect(at("path = ", 1)).toEqual(["route", "1", "path"]);
    expect(at("[config_file")).toEqual(["config_file", "config/app.json", "json"]);
  });
  it("does not take the inside of a text for tables", () => {
    expect(at('mode = "own"', 0)).toEqual(["config_file", "config/app.json", "json", "note"]);
    expect(at('mode = "own"', 1)).toEqual(["tls", "mode"]);
  });
  it("never fails on what is being typed", () => {
    for (const broken of ["[", "[[", "[a.", "a = [", 'a = "', '"', "= 1", "a..b = 1", '"""', "]"])
      expect(places(broken)).toHaveLength(1);
    expect(keysOf("a..b")).toBeNull();
    expect(pathAtLine("", 99)).toEqual([]);
  });
  it("is quick on a large text", () => {
    const large = "a = [1, 2, 3] # x\n".repeat(50_000);
    const began = performance.now();
    expect(places(large)).toHaveLength(50_001);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe("words of the schema", () => {
  it("explains keys, also behind references and patterns", () => {
    expect(words.about(["process", "web", "instances"])).toMatchObject({
      kind: "a whole number, 1 to 64",
      description: "How many copies run.",
      default: "1",
    });
    expect(words.about(["tls", "mode"])?.choices.map((one) => one.value)).toContain("self-signed");
    expect(words.about(["route", "0", "websocket"])?.kind).toBe("true or false");
    expect(words.about(["nothing", "here"])).toBeNull();
  });
  it("says nothing of a schema that is none", () => {
    for (const none of [
      null,
      3,
      "x",
      [],
      { properties: { a: { $ref: "#/$defs/gone" } } },
      { $defs: { a: { $ref: "#/$defs/a" } }, properties: { a: { $ref: "#/$defs/a" } } },
    ])
      expect(new SchemaWords(none).keys(["a"])).toEqual([]);
  });
});

describe("completion", () => {
  it("offers the keys of the table that are not there yet", () => {
    const keys = offered('[tls]\nmode = "own"\n|');
    expect(keys?.labels).toContain("certificate");
    expect(keys?.labels).not.toContain("mode");
  });
  it("offers values with their quotes, in place of what is typed", () => {
    expect(offered('[tls]\nmode = "se|"')).toEqual({
      labels: expect.arrayContaining(['"self-signed"', '"own"']) as string[],
      replaces: '"se"',
    });
    expect(offered("[logs]\ndirectory = |")?.labels).toEqual(["true", "false"]);
  });
  it("offers headings", () => {
    const headings = offered("[ro|]");
    expect(headings?.labels).toEqual(expect.arrayContaining(["[[route]]", "[tls]", "[process."]));
    expect(headings?.replaces).toBe("[ro]");
  });
  it("offers nothing unasked, within texts, or without a schema", () => {
    expect(offered("|", false)).toBeNull();
    expect(offered('note = """\n|', true)).toBeNull();
    expect(complete(new CompletionContext(EditorState.create({ doc: "" }), 0, true), null)).toBeNull();
  });
});

describe("marks", () => {
  const told = (line: number, column: number) => ({ error: true, line, column, message: "wrong", hint: null });
  it("mark the word at the place, counting characters and not units", () => {
    const state = EditorState.create({ doc: 'a = "😀" # b\nmode = "x"' });
    const [first, second] = marks(state, [told(1, 5), told(2, 8)]);
    expect(state.sliceDoc(first?.from, first?.to)).toBe('"😀"');
    expect(state.sliceDoc(second?.from, second?.to)).toBe('"x"');
  });
  it("stay within the text, wherever they are said to be", () => {
    const state = EditorState.create({ doc: "a\n" });
    for (const [line, column] of [
      [0, 0],
      [99, 99],
      [-5, -5],
      [Number.NaN, 1],
      [2, 1],
    ] as const)
      for (const mark of marks(state, [told(line, column)])) {
        expect(mark.from).toBeGreaterThanOrEqual(0);
        expect(mark.to).toBeLessThanOrEqual(state.doc.length);
        expect(mark.from).toBeLessThanOrEqual(mark.to);
      }
  });
});
