/**
 * Examples of runs. `?run=` is how the run of `#/runs/ID` is (going, early, stopping, flood, succeeded, unchanged,
 * rolled-back, failed, split, unknown, not-begun, abandoned, lost, loading, missing, hostile); `?history=many|empty|
 * failing|loading`; `?active=N` runs are under way; `?closing=N` asks to close.
 */
import type { Backend, RunBatch, RunCard, RunDetail, RunState, RunStep, StepChange, StepState, Verdict } from "..";
import { NOW, type Scene, failure, never, refuse } from "./scene";
import { examplePlan } from "./plans";

/** A run tells of the lines of its plan. */
const STEPS = examplePlan("deploy").groups.flatMap((group) => group.steps.map((step) => step.title));
const BUILDING = STEPS.indexOf("Run npm run build");
const PROVING = STEPS.findIndex((title) => title.startsWith("Prove "));
const REPLACING = STEPS.findIndex((title) => title.startsWith("Replace "));
const LOG = [
  "Booting worker with pid: 4128",
  "Loaded 214 routes",
  "sqlalchemy.exc.OperationalError: no such column: task.recur_rule",
  '  File "planner/health.py", line 31, in check_schema',
  "GET /health 503 0.004s",
  "GET /health 503 0.003s",
];

/** The run that is shown. */
export const runCard = (): RunCard => ({
  id: 418,
  verb: "deploy",
  site: "planner",
  host: "web-1",
  operator: "ann@desk-7",
  started_ms: NOW - 3 * 60_000,
  finished_ms: NOW - 108_000,
  state: "rolled-back",
  summary: "v2.8.0 did not become healthy. Went back by itself; release v2.7.4 keeps serving",
  step: null,
  cancelling: false,
});

/** A step as it is told, in its place. */
export function stepChange(step: number, title: string, state: StepState, more: Partial<RunStep> = {}): StepChange {
  return { step, now: { title, state, started_ms: null, ended_ms: null, message: null, log: [], ...more } };
}

/** What has changed in a run, by default nothing. */
export function runBatch(change: Partial<RunBatch>): RunBatch {
  return {
    anew: false,
    count: STEPS.length,
    steps: [],
    output: [],
    notes: [],
    current: null,
    failed: null,
    elapsed_ms: 0,
    verdict: null,
    ended: false,
    ...change,
  };
}

/** What the build prints. */
const BUILT = Array.from({ length: 240 }, (_, i) =>
  i % 40 === 0
    ? `\u001b[32m✓\u001b[39m chunk ${i} gzip: 12.${i} kB`
    : `transforming (${i}) src/components/Board/Column${i}.tsx`,
);
const LENGTHS = [1100, 100, 31_400, 100, 100, 200, 600, 12_000, 2800, 400, 4500, 4600, 10_000, 300, 200];

/** A run from its beginning: steps before `upTo` ran, each with its output; `rest` is what became of the others. */
function walk(upTo: number, fail: number | null, rest: StepState, change: Partial<RunBatch> = {}): RunBatch {
  let at = 0;
  const steps = STEPS.map((title, step) => {
    if (step >= upTo) return stepChange(step, title, rest);
    const started_ms = at;
    at += LENGTHS[step] ?? 500;
    const times = { started_ms, ended_ms: at };
    if (step !== fail) return stepChange(step, title, step === 1 ? "unchanged" : "done", times);
    const message =
      step === BUILDING
        ? "npm run build ended with 1 on web-1"
        : "/health answered 503 for 12 s after starting (expected 200)";
    return stepChange(step, title, "failed", { ...times, message, log: LOG });
  });
  const output = [
    { step: BUILDING, lines: BUILT },
    { step: PROVING, lines: LOG },
  ];
  return runBatch({
    anew: true,
    steps,
    output: output.filter(({ step }) => step < upTo),
    notes: upTo > 3 ? [{ at_ms: 32_600, text: "web-1 asks for a restart after its last updates" }] : [],
    failed: fail,
    elapsed_ms: at,
    ...change,
  });
}

/** The same, up to its end. */
function walked(upTo: number, fail: number | null, verdict: Verdict): RunBatch {
  const good = verdict.state === "succeeded" || verdict.state === "unchanged";
  const whole = walk(upTo, fail, good ? "done" : "not-begun", { verdict, ended: true });
  return { ...whole, elapsed_ms: whole.elapsed_ms + 200 };
}

/** A run whose build is `state`; it began at `at`. */
function building(state: StepState, at: number, rest: StepState, change: Partial<RunBatch> = {}): RunBatch {
  const current = state === "running" ? BUILDING : null;
  const whole = walk(BUILDING, null, rest, { elapsed_ms: at, current, ...change });
  const ended_ms = state === "running" ? null : at;
  whole.steps[BUILDING] = stepChange(BUILDING, STEPS[BUILDING] ?? "", state, { started_ms: at, ended_ms });
  return whole;
}

function verdictOf(state: RunState): Verdict {
  const none = { evidence: [], hint: null, log: [] };
  switch (state) {
    case "succeeded":
      return {
        state,
        summary: "release v2.8.0 is live on web-1",
        evidence: [
          "current points to 20261121-135700-1c9e2f7",
          "planner@1.service and planner@2.service run from it",
          "/health answers 200 through nginx in 12 ms",
        ],
        hint: null,
        log: [],
      };
    case "unchanged":
      return {
        ...none,
        state,
        summary: "web-1 was as planned already",
        evidence: ["looked again afterwards: nothing is left to do"],
      };
    case "rolled-back":
      return {
        state,
        summary: "v2.8.0 did not become healthy. Went back by itself; release v2.7.4 keeps serving",
        evidence: [
          "current points to v2.7.4",
          "planner@1.service and planner@2.service run from v2.7.4",
          "/health answers 200 through nginx",
        ],
        hint: "mend the release and deploy again; its files are kept for inspection",
        log: LOG,
      };
    case "failed-intact":
      return {
        state,
        summary:
          "“Run npm run build” failed: npm run build ended with 1 on web-1. What is being served was not touched",
        evidence: ["step 3 of 15; the activation, which alone changes what is being served, was not begun"],
        hint: "mend the cause and run the same command again: it goes on where this one ended",
        log: ["error during build:", 'src/main.tsx:12:8: ERROR: Could not resolve "./Board"'],
      };
    case "split":
      return {
        state,
        summary: "the activation ended without a word; web-1 is in a mixed state",
        evidence: ["planner@1.service runs from v2.8.0", "planner@2.service runs from v2.7.4"],
        hint: "look at each instance on the site’s page; rolling back brings one release back",
        log: [],
      };
    case "unknown":
      return {
        state,
        summary: "web-1 could not be asked how it ended: connection reset by peer",
        evidence: [],
        hint: "what was begun there ends by itself; look at the site once the host answers again",
        log: [],
      };
    default:
      return { ...none, state, summary: state };
  }
}

function manyRuns(count: number): RunCard[] {
  const states: RunState[] = [
    "succeeded",
    "succeeded",
    "unchanged",
    "succeeded",
    "rolled-back",
    "succeeded",
    "failed-intact",
    "succeeded",
    "not-begun",
    "split",
    "unknown",
    "abandoned",
  ];
  return Array.from({ length: count }, (_, i): RunCard => {
    const state = states[i % states.length] ?? "succeeded";
    const started_ms = NOW - (i + 1) * 5_400_000;
    return {
      id: 418 - i + (count > 400 ? 2000 : 0),
      verb: ["deploy", "apply", "deploy", "rollback"][i % 4] ?? "deploy",
      site: i % 9 === 8 ? null : (["planner", "shop", "wiki"][i % 3] ?? null),
      host: ["web-1", "web-2", "lab"][i % 3] ?? "web-1",
      operator: i % 5 ? "ann@desk-7" : "bo@desk-2",
      started_ms,
      finished_ms: state === "abandoned" ? null : started_ms + 12_000 + i * 731,
      state,
      summary:
        state === "abandoned"
          ? null
          : state === "not-begun"
            ? "web-1 is locked by bo@desk-2: deploying planner (for 42 s)"
            : state === "succeeded"
              ? i % 4 === 1
                ? "web-2 is set up for shop"
                : `release v2.${Math.max(0, 40 - i)}.0 is live`
              : verdictOf(state).summary,
      step: null,
      cancelling: false,
    };
  });
}

function activeRuns(count: number): RunCard[] {
  return Array.from({ length: count }, (_, i): RunCard => ({
    ...runCard(),
    id: 500 + i,
    site: ["planner", "shop"][i % 2] ?? "planner",
    host: ["web-1", "lab"][i % 2] ?? "web-1",
    state: "under-way",
    finished_ms: null,
    summary: null,
    started_ms: NOW - 47_000 * (i + 1),
    step: i % 2 ? "Install nginx, python3-venv, logrotate" : "Run npm run build",
    cancelling: i === 2,
  }));
}

export function fakeRuns(scene: Scene): Partial<Backend> {
  const how = scene.get("run") ?? "rolled-back";
  const going = ["going", "early", "stopping", "flood", "lost", "hostile"].includes(how);
  const ended: RunState =
    how === "failed"
      ? "failed-intact"
      : how === "rolled-back" ||
          how === "succeeded" ||
          how === "unchanged" ||
          how === "split" ||
          how === "unknown" ||
          how === "not-begun" ||
          how === "abandoned"
        ? how
        : "succeeded";
  const state: RunState = going ? "under-way" : ended;
  const hasVerdict = !going && state !== "not-begun" && state !== "abandoned";
  const card = (id: number): RunCard => ({
    ...runCard(),
    id,
    state,
    started_ms: going ? NOW - 45_000 : runCard().started_ms,
    finished_ms: going || state === "abandoned" ? null : runCard().finished_ms,
    summary: hasVerdict ? verdictOf(state).summary : null,
    step: null,
    cancelling: how === "stopping",
  });
  const actives = activeRuns(Number(scene.get("active") ?? 0));
  const history = scene.get("history");
  const list = history === "empty" ? [] : manyRuns(history === "many" ? 2000 : 23);
  return {
    watchActive: (news) => {
      news(how === "stopping" ? [card(418)] : actives);
      return () => undefined;
    },
    run: (id) => {
      if (how === "loading") return never<RunDetail>();
      if (how === "missing")
        return refuse(
          failure("not-found", `There is no run ${id} on this desktop`, [], "the history shows those that there are"),
        );
      return Promise.resolve({
        card: card(id),
        plan: how === "abandoned" ? null : examplePlan("deploy"),
        failure:
          state === "not-begun"
            ? failure(
                "locked",
                "web-1 is locked by bo@desk-2: deploying planner v2.7.5 (for 42 s), and it is at work there now",
                [],
                "wait until it has ended, then apply again",
              )
            : null,
      });
    },
    watchRun: (_run, batch, failed) => {
      let timer: ReturnType<typeof setInterval> | undefined;
      switch (how) {
        case "early":
          break;
        case "lost":
          batch(building("running", 1300, "waiting"));
          failed(
            failure(
              "window",
              "This run cannot be watched any more",
              ["the part of Slipway that tells of it does not answer"],
              "it goes on by itself; try again",
            ),
          );
          break;
        case "going":
        case "stopping":
        case "hostile": {
          const line =
            how === "hostile"
              ? `\u001b]0;owned\u0007\u202e${"A".repeat(1_000_000)}`
              : "transforming (240) src/main.tsx";
          const output = [
            { step: null, lines: ["of nobody"] },
            { step: BUILDING, lines: [...BUILT, line] },
          ];
          batch(building("running", 1300, "waiting", { output, elapsed_ms: 25_000 }));
          break;
        }
        case "flood": {
          batch(building("running", 1300, "waiting"));
          let at = 0;
          timer = setInterval(() => {
            const lines = Array.from(
              { length: 500 },
              (_, i) => `line ${at + i} of a very chatty build, with some words to be found`,
            );
            batch(runBatch({ output: [{ step: BUILDING, lines }], current: BUILDING, elapsed_ms: 1300 + at / 5 }));
            at += 500;
            if (at >= 100_000) clearInterval(timer);
          }, 100);
          break;
        }
        case "abandoned":
          batch(building("cut-off", 1300, "not-begun", { ended: true }));
          break;
        case "rolled-back":
          batch(walked(PROVING + 1, PROVING, verdictOf("rolled-back")));
          break;
        case "failed":
          batch(walked(BUILDING + 1, BUILDING, verdictOf("failed-intact")));
          break;
        case "split":
        case "unknown":
          batch(walked(REPLACING + 1, null, verdictOf(how)));
          break;
        default:
          batch(walked(STEPS.length, null, verdictOf(state)));
      }
      return () => clearInterval(timer);
    },
    cancelRun: () =>
      scene.get("cancel") === "failing"
        ? refuse(failure("ended", "This run has ended already", [], null))
        : Promise.resolve(null),
    runs: ({ host, site, before, limit }) => {
      if (history === "loading") return never<RunCard[]>();
      if (history === "failing")
        return refuse(
          failure(
            "store",
            "The history could not be read",
            ["database disk image is malformed"],
            "the file is /home/ann/.local/share/slipway/history.db; hosts keep their own record",
          ),
        );
      return Promise.resolve(
        list
          .filter(
            (run) =>
              (!host || run.host === host) && (!site || run.site === site) && (before === null || run.id < before),
          )
          .slice(0, limit),
      );
    },
    ...(scene.has("closing")
      ? {
          onCloseAsked: (asked: (runs: number) => void) => {
            const timer = setTimeout(() => asked(Number(scene.get("closing"))), 50);
            return () => clearTimeout(timer);
          },
        }
      : {}),
  };
}
