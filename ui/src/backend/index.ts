/**
 * What the window can ask Slipway for. The types are generated from the Rust commands; nothing outside this folder
 * imports the Tauri interface. Everything that fails throws a `SlipwayError`.
 */
import type * as generated from "./generated/bindings";

export type * from "./generated/bindings";

type Commands = typeof generated.commands;
type Data<R> = R extends Promise<infer A> ? (A extends { status: "ok"; data: infer D } ? D : never) : never;
/** Commands that answer over a channel; they are given with a function instead. */
type Streamed =
  "startDisposable" | "watchHosts" | "tryHost" | "watchSite" | "watchLogs" | "watchActive" | "watchRun" | "unwatch";
type Plain = {
  [K in Exclude<keyof Commands, Streamed>]: (
    ...args: Parameters<Commands[K]>
  ) => Promise<Data<ReturnType<Commands[K]>>>;
};

/** Ends a subscription. */
export type Stop = () => void;
/** Told when a subscription could not begin. */
export type OnFailure = (failure: generated.Failure) => void;

export interface Backend extends Plain {
  startDisposable(step: (line: string) => void): Promise<string>;
  tryHost(
    form: generated.HostForm,
    answers: generated.Answers,
    step: (step: generated.TrialStep) => void,
  ): Promise<generated.Trial>;
  watchHosts(news: (hosts: generated.HostCard[]) => void, failed: OnFailure): Stop;
  watchActive(news: (runs: generated.RunCard[]) => void, failed: OnFailure): Stop;
  watchSite(site: string, host: string, news: (news: generated.SiteNews) => void, failed: OnFailure): Stop;
  watchLogs(
    site: string,
    host: string,
    query: generated.LogQuery,
    lines: (batch: generated.LogBatch) => void,
    failed: OnFailure,
  ): Stop;
  watchRun(run: number, batch: (batch: generated.RunBatch) => void, failed: OnFailure): Stop;
  /** The person asked to close the window while runs go on. */
  onCloseAsked(asked: (runs: number) => void): Stop;
}

/** A failure that Slipway reported. */
export class SlipwayError extends Error {
  constructor(readonly failure: generated.Failure) {
    super(failure.message);
    this.name = "SlipwayError";
  }
}

/** Any thrown thing as a failure that can be shown. */
export function asFailure(error: unknown): generated.Failure {
  if (error instanceof SlipwayError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "window",
    message: "Something in this window went wrong",
    causes: [message],
    hint: "Try again; when it stays, close and open the window. Nothing on your hosts depends on it.",
    moved: [],
    asks: null,
  };
}

let current: Backend | null = null;

/** Called once at the start, and by tests. */
export function useBackend(backend: Backend): void {
  current = backend;
}

/** The back end in use. */
export function backend(): Backend {
  if (!current) throw new Error("no back end was chosen");
  return current;
}
