/**
 * Draws the difference of two texts with CodeMirror, in a shadow root: there its styles are adopted sheets, which the
 * content policy allows. Loaded only when a difference is shown.
 */
import { HighlightStyle, StreamLanguage, type StreamParser, syntaxHighlighting } from "@codemirror/language";
import { json } from "@codemirror/legacy-modes/mode/javascript";
import { nginx } from "@codemirror/legacy-modes/mode/nginx";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { python } from "@codemirror/legacy-modes/mode/python";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, EditorView, highlightSpecialChars, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { DiffView } from "$lib/backend";
import { followsFonts } from "./editor/fonts";
import { type Language, languageOf } from "./languages";
import { lineDiff } from "./line-diff";

const modes: Record<Exclude<Language, "plain">, StreamParser<unknown>> = {
  nginx,
  ini: properties,
  shell,
  toml,
  json,
  yaml,
  python,
};

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.heading, tags.atom, tags.bool], color: "var(--syntax-keyword)" },
  {
    tag: [tags.propertyName, tags.definition(tags.variableName), tags.attributeName, tags.standard(tags.variableName)],
    color: "var(--syntax-key)",
  },
  { tag: [tags.string, tags.special(tags.string), tags.quote], color: "var(--syntax-string)" },
  { tag: [tags.number, tags.meta], color: "var(--syntax-number)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--syntax-comment)" },
]);

const sign = (text: string) => ({ content: `"${text}"`, position: "absolute", left: "5px", color: "var(--text-2)" });
const look = EditorView.theme({
  "&": { backgroundColor: "var(--bg)", color: "var(--text)", fontSize: "var(--fs-2)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", overflowX: "auto" },
  ".cm-content": { padding: "4px 0", userSelect: "text", cursor: "text" },
  ".cm-gutters": { backgroundColor: "var(--bg)", color: "var(--text-3)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "34px", padding: "0 6px 0 8px" },
  ".cm-line": { padding: "0 12px 0 20px", position: "relative" },
  ".cm-changeGutter": { display: "none !important" },
  "&.cm-merge-b .cm-changedLine, .cm-insertedLine, .cm-wholly-added": { backgroundColor: "var(--add)" },
  "&.cm-merge-a .cm-changedLine, .cm-deletedChunk, .cm-wholly-removed": { backgroundColor: "var(--del)" },
  "&.cm-merge-b .cm-line.cm-changedLine::before, .cm-line.cm-wholly-added::before": sign("+"),
  "&.cm-merge-a .cm-line.cm-changedLine::before, .cm-line.cm-wholly-removed::before, .cm-deletedLine::before":
    sign("−"),
  "&.cm-merge-b .cm-changedText": { background: "var(--add-strong)", borderRadius: "2px" },
  "&.cm-merge-a .cm-changedText, &.cm-merge-b .cm-deletedText, .cm-deletedChunk .cm-deletedText": {
    background: "var(--del-strong)",
    borderRadius: "2px",
  },
  // On the strong colours only plain text has contrast enough.
  ".cm-changedText, .cm-changedText *, .cm-deletedText, .cm-deletedText *": { color: "var(--text) !important" },
  ".cm-deletedChunk": { padding: "0" },
  ".cm-deletedChunk .cm-deletedLine": { display: "block", padding: "0 12px 0 20px", position: "relative" },
  ".cm-deletedChunk del, .cm-deletedLine del": { textDecoration: "none" },
  ".cm-insertedLine, ins": { textDecoration: "none" },
  ".cm-collapsedLines": {
    background: "var(--raised)",
    color: "var(--text-2)",
    padding: "2px 20px",
    fontSize: "var(--fs-2)",
  },
  ".cm-collapsedLines::before, .cm-collapsedLines::after": { content: '"⋯"' },
  "&.cm-merge-b": { borderLeft: "1px solid var(--line)" },
  ".cm-mergeSpacer": { backgroundColor: "var(--surface)" },
  ".cm-specialChar": { color: "var(--fail)" },
  ".cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
});

/** Marks every line, for a file that is wholly new or wholly gone. */
function wholly(mark: string): Extension {
  const line = Decoration.line({ class: mark });
  return EditorView.decorations.of((view) => {
    const build = new RangeSetBuilder<Decoration>();
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to;) {
        const found = view.state.doc.lineAt(at);
        build.add(found.from, found.from, line);
        at = found.to + 1;
      }
    }
    return build.finish();
  });
}

export interface Shown {
  path: string;
  old: string | null;
  new: string | null;
  view: DiffView;
  /** Unchanged lines are shown too. */
  whole: boolean;
}

/** Draws into a shadow root; the result takes it away again. */
export function draw(root: ShadowRoot, parent: HTMLElement, shown: Shown): () => void {
  const was = shown.old ?? "";
  const is = shown.new ?? "";
  const language = languageOf(shown.path, is || was);
  const extensions = (label: string): Extension[] => [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": "true", tabindex: "0" }),
    EditorState.phrases.of({ "$ unchanged lines": "$ unchanged lines: show" }),
    lineNumbers(),
    EditorView.lineWrapping,
    followsFonts,
    // Direction marks and control characters are shown, not obeyed.
    highlightSpecialChars({ addSpecialChars: /[\u061c\u2060\u180e]/ }),
    syntaxHighlighting(colours),
    look,
    ...(language === "plain" ? [] : [StreamLanguage.define(modes[language])]),
  ];
  const collapse = shown.whole ? {} : { collapseUnchanged: { margin: 3, minSize: 4 } };
  const diffConfig = { override: lineDiff };
  if (shown.old === null || shown.new === null) {
    const gone = shown.new === null;
    const view = new EditorView({
      doc: gone ? was : is,
      parent,
      root,
      extensions: [
        ...extensions(`${shown.path}, ${gone ? "is removed" : "is new"}`),
        wholly(gone ? "cm-wholly-removed" : "cm-wholly-added"),
      ],
    });
    return () => view.destroy();
  }
  if (shown.view === "split") {
    const view = new MergeView({
      a: { doc: was, extensions: extensions(`${shown.path}, before`) },
      b: { doc: is, extensions: extensions(`${shown.path}, after`) },
      parent,
      root,
      ...collapse,
      diffConfig,
      gutter: true,
    });
    return () => view.destroy();
  }
  const view = new EditorView({
    doc: is,
    parent,
    root,
    extensions: [
      ...extensions(`${shown.path}, difference`),
      unifiedMergeView({ original: was, mergeControls: false, gutter: true, ...collapse, diffConfig }),
    ],
  });
  return () => view.destroy();
}
