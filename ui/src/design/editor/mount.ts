/** CodeMirror as this window uses it: in a shadow root, because the content policy allows style sheets only there. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic as Mark } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  dropCursor,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Diagnostic } from "$lib/backend";
import type { About, SchemaWords } from "./schema";
import { followsFonts } from "./fonts";
import { places } from "./toml-places";

/** Colours from the tokens, which reach into shadow roots. */
export const look: Extension = [
  EditorView.theme({
    "&": { height: "100%", backgroundColor: "var(--bg)", color: "var(--text)", fontSize: "var(--fs-2)" },
    "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", fontVariantLigatures: "none" },
    ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      backgroundColor: "var(--accent-soft)",
    },
    ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--text-3)", borderRight: "1px solid var(--line)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--raised)" },
    ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 60%, transparent)" },
    ".cm-activeLineGutter": { color: "var(--text)" },
    ".cm-selectionMatch": { backgroundColor: "var(--info-soft)" },
    ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn)" },
    ".cm-searchMatch-selected": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--raised)", outline: "1px solid var(--line-strong)" },
    ".cm-specialChar": { color: "var(--fail)" },
    ".cm-tooltip": {
      backgroundColor: "var(--raised)",
      color: "var(--text)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--r-1)",
      boxShadow: "var(--shadow)",
      fontFamily: "var(--font)",
      fontSize: "var(--fs-2)",
      maxWidth: "440px",
    },
    ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "220px" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
      backgroundColor: "var(--accent-soft)",
      color: "var(--text)",
    },
    ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
    ".cm-completionDetail": { color: "var(--text-3)", fontStyle: "normal", fontFamily: "var(--font)" },
    ".cm-completionInfo": { maxWidth: "320px", padding: "8px 10px" },
    ".cm-about": { padding: "8px 10px", lineHeight: "1.45" },
    ".cm-about b": { fontFamily: "var(--mono)", fontWeight: "600" },
    ".cm-about div + div": { marginTop: "4px" },
    ".cm-about .muted": { color: "var(--text-2)" },
    ".cm-diagnostic": { padding: "6px 10px" },
    ".cm-diagnostic-error": { borderLeft: "3px solid var(--fail)" },
    ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warn)" },
    ".cm-lintRange-error": {
      backgroundImage: "none",
      textDecoration: "underline wavy var(--fail)",
      textUnderlineOffset: "3px",
    },
    ".cm-lintRange-warning": {
      backgroundImage: "none",
      textDecoration: "underline wavy var(--warn)",
      textUnderlineOffset: "3px",
    },
    ".cm-gutter-lint": { width: "18px" },
    ".cm-lint-marker": {
      content: "none !important",
      width: "auto",
      height: "auto",
      textAlign: "center",
      fontSize: "10px",
    },
    ".cm-lint-marker-error::before": { content: "'✕'", color: "var(--fail)" },
    ".cm-lint-marker-warning::before": { content: "'▲'", color: "var(--warn)" },
    ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--text)", borderColor: "var(--line)" },
    ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
    ".cm-panel.cm-search": { padding: "8px 30px 8px 10px", fontFamily: "var(--font)" },
    ".cm-panel.cm-search label": { fontSize: "var(--fs-2)", color: "var(--text-2)" },
    ".cm-panel.cm-search [name=close]": { color: "var(--text-2)", fontSize: "var(--fs-4)", right: "8px", top: "6px" },
    ".cm-textfield": {
      backgroundColor: "var(--bg)",
      color: "var(--text)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--r-1)",
      fontSize: "var(--fs-2)",
    },
    ".cm-button": {
      backgroundImage: "none",
      backgroundColor: "var(--raised)",
      color: "var(--text)",
      border: "1px solid var(--line-strong)",
      borderRadius: "var(--r-1)",
      fontSize: "var(--fs-2)",
    },
  }),
  syntaxHighlighting(
    HighlightStyle.define([
      { tag: tags.propertyName, color: "var(--syntax-key)" },
      { tag: tags.string, color: "var(--syntax-string)" },
      { tag: [tags.number, tags.atom, tags.bool], color: "var(--syntax-number)" },
      { tag: tags.comment, color: "var(--syntax-comment)" },
      { tag: [tags.keyword, tags.bracket], color: "var(--syntax-keyword)" },
    ]),
  ),
];

export interface Editor {
  view: EditorView;
  mark(diagnostics: readonly Diagnostic[]): void;
  show(text: string): void;
  lock(locked: boolean): void;
  reveal(line: number, column: number): void;
}

export function mountEditor(
  place: HTMLElement,
  options: {
    text: string;
    label: string;
    locked: boolean;
    words: () => SchemaWords | null;
    changed: (text: string) => void;
  },
): Editor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const locked = new Compartment();
  const lockedAs = (on: boolean) => [
    EditorState.readOnly.of(on),
    EditorView.contentAttributes.of({ "aria-label": options.label, "aria-readonly": String(on), tabindex: "0" }),
  ];
  let quiet = false;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        dropCursor(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        StreamLanguage.define(toml),
        lintGutter(),
        search(),
        look,
        followsFonts,
        EditorView.lineWrapping,
        autocompletion({ override: [(context) => complete(context, options.words())], icons: false }),
        hoverTooltip((shown, at) => explain(shown, at, options.words())),
        // Tab is left alone: it leads on to what comes after the editor, as everywhere in the window.
        keymap.of([
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...completionKeymap,
          ...lintKeymap,
        ]),
        locked.of(lockedAs(options.locked)),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !quiet) options.changed(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    view,
    mark: (diagnostics) => view.dispatch(setDiagnostics(view.state, marks(view.state, diagnostics))),
    show: (text) => {
      const old = view.state.doc.toString();
      if (old === text) return;
      // Only what differs, so that the cursor and the scroll position stay.
      let from = 0;
      const shorter = Math.min(old.length, text.length);
      while (from < shorter && old[from] === text[from]) from += 1;
      let tail = 0;
      while (tail < shorter - from && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
      quiet = true;
      view.dispatch({ changes: { from, to: old.length - tail, insert: text.slice(from, text.length - tail) } });
      quiet = false;
    },
    lock: (on) => view.dispatch({ effects: locked.reconfigure(lockedAs(on)) }),
    reveal: (line, column) => {
      const at = offset(view.state, line, column);
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
  };
}

function offset(state: EditorState, line: number, column: number): number {
  const found = state.doc.line(Math.min(Math.max(1, Math.trunc(line) || 1), state.doc.lines));
  // Columns count characters, offsets count UTF-16 units.
  const before = [...found.text].slice(0, Math.max(0, column - 1)).join("").length;
  return Math.min(found.to, found.from + before);
}

/** Diagnostics as marks; the marked part is the word at the place, or the line. */
export function marks(state: EditorState, diagnostics: readonly Diagnostic[]): Mark[] {
  return diagnostics
    .map((told): Mark => {
      const from = offset(state, told.line, told.column);
      const line = state.doc.lineAt(from);
      const word = /^(?:"(?:[^"\\]|\\.)*"|[^\s=,#\]]+)/.exec(line.text.slice(from - line.from));
      const to = word ? from + word[0].length : line.to;
      return {
        from: to > from ? from : line.from,
        to,
        severity: told.error ? "error" : "warning",
        message: told.hint ? `${told.message}: ${told.hint}` : told.message,
      };
    })
    .sort((a, b) => a.from - b.from);
}

function lines(about: About): string[] {
  return [
    about.description,
    `${about.kind}${about.default ? `; default ${about.default}` : ""}${about.example ? `; for example ${about.example}` : ""}`,
    ...about.choices.map((choice) => (choice.description ? `${choice.value}: ${choice.description}` : choice.value)),
  ].filter(Boolean);
}

function box(title: string | null, texts: readonly string[]): HTMLElement {
  const made = document.createElement("div");
  made.className = "cm-about";
  if (title) {
    const heading = document.createElement("div");
    const bold = document.createElement("b");
    bold.textContent = title;
    heading.append(bold);
    made.append(heading);
  }
  texts.forEach((text, i) => {
    const line = document.createElement("div");
    line.textContent = text;
    if (i > 0) line.className = "muted";
    made.append(line);
  });
  return made;
}

function explain(view: EditorView, at: number, words: SchemaWords | null) {
  if (!words) return null;
  const line = view.state.doc.lineAt(at);
  const place = places(view.state.doc.sliceString(0, line.to))[line.number - 1];
  if (!place || place.continued) return null;
  const path = place.header ? place.table : place.key;
  const about = path && words.about(path);
  if (!path || !about) return null;
  const start = line.text.search(/\S/);
  return {
    pos: line.from + Math.max(0, start),
    end: line.to,
    above: true,
    create: () => ({ dom: box(path.join("."), lines(about)) }),
  };
}

/** What may stand at the cursor: a heading, a key, or one of a key's values. */
export function complete(context: CompletionContext, words: SchemaWords | null): CompletionResult | null {
  if (!words) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const place = places(context.state.doc.sliceString(0, context.pos))[line.number - 1];
  if (!place) return null;
  const heading = /^\s*(\[\[?[^\]#]*)$/.exec(before);
  if (heading && !place.continued) {
    const options = words
      .tables()
      .map(({ header, about }) => ({ label: header, detail: about.kind, info: () => box(null, lines(about)) }));
    // Brackets close themselves; what stands after the cursor is replaced.
    const after = /^\]*/.exec(line.text.slice(context.pos - line.from))?.[0].length ?? 0;
    return { from: context.pos - (heading[1] ?? "").length, to: context.pos + after, options, filter: true };
  }
  if (place.key) {
    const typed =
      /=\s*(?:\[?\s*|.*,\s*)("?[\w-]*)$/.exec(before) ?? (place.continued ? /^\s*("?[\w-]*)$/.exec(before) : null);
    if (!typed) return null;
    const options = words
      .values(place.key)
      .map((choice) => ({ label: choice.value, info: choice.description || undefined }));
    const close = (typed[1] ?? "").startsWith('"') && line.text[context.pos - line.from] === '"' ? 1 : 0;
    return options.length ? { from: context.pos - (typed[1] ?? "").length, to: context.pos + close, options } : null;
  }
  const typed = /^\s*([\w-]*)$/.exec(before);
  if (!typed || (!typed[1] && !context.explicit)) return null;
  const taken = new Set(
    places(context.state.doc.toString()).flatMap((other, i) =>
      i === line.number - 1 || !other.key ? [] : [other.key.join("\u0000")],
    ),
  );
  const options = words
    .keys(place.table)
    .filter(({ key }) => !taken.has([...place.table, key].join("\u0000")))
    .map(({ key, about }) => ({
      label: key,
      apply: `${key} = `,
      detail: about.kind,
      info: () => box(null, lines(about)),
    }));
  return { from: context.pos - (typed[1] ?? "").length, options };
}
