/**
 * What the events of a run come to. Pure: the same events give the same state, however they were cut into batches.
 * Nothing is believed of their order: steps may be missing, end before they begin, or lie outside the plan.
 */
import type { RunBatch, StepOutcome, Verdict } from "$lib/backend";
import { type Chunked, added, none } from "./chunked";

/** How far a step is. `cut-short`: the run ended while it was at work. */
export type StepState = "waiting" | "going" | "done" | "unchanged" | "failed" | "not-begun" | "cut-short";

export interface StepRun {
  title: string;
  state: StepState;
  /** Since the run began. */
  begun: number | null;
  ended: number | null;
  output: Chunked<string>;
  /** What failed. */
  message: string | null;
  /** Last lines of what failed. */
  log: readonly string[];
}

export interface Note {
  at: number;
  text: string;
}

export interface Folded {
  /** Whether the titles of the steps are known. */
  begun: boolean;
  steps: readonly StepRun[];
  /** The step at work. */
  current: number | null;
  /** The first one that failed. */
  failed: number | null;
  notes: Chunked<Note>;
  /** Output of steps that the plan does not have. */
  strays: Chunked<string>;
  verdict: Verdict | null;
  /** When the last event happened. */
  last: number;
  /** Nothing more will come. */
  ended: boolean;
}

/** Before the first event. */
export const NOTHING: Folded = {
  begun: false,
  steps: [],
  current: null,
  failed: null,
  notes: none(),
  strays: none(),
  verdict: null,
  last: 0,
  ended: false,
};

/** Steps are made up for events that come before the titles, up to this many. */
const MADE_UP = 1000;

function waiting(title: string): StepRun {
  return { title, state: "waiting", begun: null, ended: null, output: none(), message: null, log: [] };
}

function stateOf(outcome: StepOutcome): Pick<StepRun, "state" | "message" | "log"> {
  switch (outcome.outcome) {
    case "done":
      return { state: "done", message: null, log: [] };
    case "unchanged":
      return { state: "unchanged", message: null, log: [] };
    case "failed":
      return { state: "failed", message: outcome.message, log: outcome.log };
  }
}

export function fold(was: Folded, batch: RunBatch): Folded {
  let { begun, current, failed, verdict, last } = was;
  let { notes, strays } = was;
  let steps = was.steps.slice();
  // Output is collected and added once, whatever the size of the batch.
  let printed = new Map<number, string[]>();
  let stray: string[] = [];
  let noted: Note[] = [];

  const known = (step: number): boolean => {
    if (!Number.isInteger(step) || step < 0) return false;
    if (step < steps.length) return true;
    if (begun || step >= MADE_UP) return false;
    while (steps.length <= step) steps.push(waiting(`Step ${steps.length + 1}`));
    return true;
  };
  const change = (step: number, to: (of: StepRun) => Partial<StepRun>) => {
    const of = steps[step];
    if (of) steps[step] = { ...of, ...to(of) };
  };

  for (const { at_ms, what } of batch.events) {
    const at = Number.isFinite(at_ms) ? Math.max(last, at_ms) : last;
    last = at;
    switch (what.event) {
      case "started":
        if (begun) {
          // Told from the beginning again, after the link was lost.
          steps = what.steps.map(waiting);
          printed = new Map();
          [stray, noted, notes, strays, current, failed, verdict] = [[], [], none(), none(), null, null, null];
          last = Math.max(0, at_ms);
        } else {
          steps = what.steps.map((title, i) => ({ ...(steps[i] ?? waiting(title)), title }));
        }
        begun = true;
        break;
      case "step-started":
        if (!known(what.step)) break;
        change(what.step, () => ({ state: "going", begun: at, ended: null, message: null, log: [] }));
        current = what.step;
        break;
      case "output":
        if (known(what.step)) {
          const lines = printed.get(what.step);
          if (lines) lines.push(what.line);
          else printed.set(what.step, [what.line]);
        } else {
          stray.push(what.line);
        }
        break;
      case "step-finished":
        if (!known(what.step)) break;
        change(what.step, (of) => ({ ...stateOf(what.outcome), begun: of.begun ?? null, ended: at }));
        if (what.outcome.outcome === "failed") failed ??= what.step;
        if (current === what.step) current = null;
        break;
      case "note":
        noted.push({ at, text: what.text });
        break;
      case "finished":
        verdict = what.verdict;
        break;
    }
  }
  for (const [step, lines] of printed) change(step, (of) => ({ output: added(of.output, lines) }));
  const ended = was.ended || batch.ended || verdict !== null;
  if (ended) {
    // What was at work has stopped without a word, and nothing more will begin.
    steps = steps.map((of) =>
      of.state === "going"
        ? { ...of, state: "cut-short", ended: last }
        : of.state === "waiting"
          ? { ...of, state: "not-begun" }
          : of,
    );
    current = null;
  }
  return {
    begun,
    steps,
    current,
    failed,
    notes: added(notes, noted),
    strays: added(strays, stray),
    verdict,
    last,
    ended,
  };
}
