/**
 * A run that is watched, as far as it was told. What events come to is decided by Slipway (core's `progress`); here its
 * changes are only applied.
 */
import type { RunBatch, RunNote, RunStep, Verdict } from "$lib/backend";
import { type Chunked, added, none } from "./chunked";

/** A step with what it printed. */
export interface SeenStep extends RunStep {
  output: Chunked<string>;
}

export interface Seen {
  steps: readonly SeenStep[];
  /** The step at work. */
  current: number | null;
  /** The one that failed first. */
  failed: number | null;
  notes: Chunked<RunNote>;
  /** Output of steps that the plan does not have. */
  strays: Chunked<string>;
  verdict: Verdict | null;
  /** When the last event happened, since the run began. */
  elapsed_ms: number;
  /** Nothing more will come. */
  ended: boolean;
}

/** Before anything was told. */
export const NOTHING: Seen = {
  steps: [],
  current: null,
  failed: null,
  notes: none(),
  strays: none(),
  verdict: null,
  elapsed_ms: 0,
  ended: false,
};

/** What is seen after `batch`. */
export function applied(before: Seen, batch: RunBatch): Seen {
  const was = batch.anew ? NOTHING : before;
  const steps = was.steps.slice(0, batch.count);
  for (const { step, now } of batch.steps) steps[step] = { ...now, output: steps[step]?.output ?? none() };
  let strays = was.strays;
  for (const { step, lines } of batch.output) {
    const of = step === null ? undefined : steps[step];
    if (step !== null && of) steps[step] = { ...of, output: added(of.output, lines) };
    else strays = added(strays, lines);
  }
  const { current, failed, verdict, elapsed_ms, ended } = batch;
  return { steps, current, failed, notes: added(was.notes, batch.notes), strays, verdict, elapsed_ms, ended };
}
