import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, type RunBatch, type RunCard, type RunState, useBackend } from "$lib/backend";
import { failure, fake } from "$lib/backend/fake";
import { runBatch, runCard, stepChange } from "$lib/backend/fake/runs";
import { NEW_PLAN_ID } from "$lib/backend/fake/plans";
import Closing from "$lib/features/run/Closing.svelte";
import Run from "$lib/features/run/Run.svelte";
import { app } from "$lib/state/app.svelte";
import { runWords } from "$lib/state/verdict";

async function use(query: string, change: Partial<Backend> = {}) {
  const api = fake(new URLSearchParams(query));
  useBackend(new Proxy(api, { get: (target, name) => Reflect.get(change, name) ?? Reflect.get(target, name) }));
  app.state = await api.appState();
}
async function open(query: string, change: Partial<Backend> = {}, id = "418") {
  await use(query, change);
  render(Run, { id });
  await screen.findByRole("heading", { level: 1 });
  return userEvent.setup();
}
const selected = () => screen.getByRole("option", { selected: true }).textContent;

beforeEach(() => {
  location.hash = "";
  app.active = [];
  app.plans = {};
});

describe("run", () => {
  it("opens the failing step by itself, with its output and why", async () => {
    const user = await open("run=rolled-back");
    await waitFor(() => expect(selected()).toContain("Prove v2.8.0"));
    expect(selected()).toContain("12 s");
    expect(screen.getByText(/answered 503 for 12 s/)).toBeTruthy();
    expect(within(screen.getByRole("log")).getByText(/no such column: task.recur_rule/)).toBeTruthy();
    expect(screen.getAllByRole("option").at(-1)?.textContent).toContain("not begun");
    await user.keyboard("j");
    expect(selected()).toContain("Run migrations");
  });
  it("says how it ended, from what, how long it took, who, and what now", async () => {
    await open("run=rolled-back");
    const verdict = await screen.findByRole("region", { name: "How it ended" });
    await waitFor(() => expect(verdict.textContent).toContain("Verified from web-1: current points to v2.7.4"));
    for (const words of [
      "Rolled back",
      "release v2.7.4 keeps serving",
      "1 min 12 s · by ann@desk-7",
      "Mend the release and deploy again",
      "Last log lines",
    ])
      expect(verdict.textContent).toContain(words);
  });
  it.each<[string, RunState]>([
    ["succeeded", "succeeded"],
    ["unchanged", "unchanged"],
    ["rolled-back", "rolled-back"],
    ["failed", "failed-intact"],
    ["split", "split"],
    ["unknown", "unknown"],
    ["not-begun", "not-begun"],
    ["abandoned", "abandoned"],
  ])("has words for %s", async (query, state) => {
    await open(`run=${query}`);
    const verdict = await screen.findByRole("region", { name: "How it ended" });
    expect(within(verdict).getByText(runWords(state).text)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Stop…" })).toBeNull();
    expect(screen.getByRole("button", { name: "Go to planner" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Plan again" }) === null).toBe(
      state === "succeeded" || state === "unchanged",
    );
  });
  it.each([
    ["planner is gone from web-1", "planner is gone from web-1"],
    ["release v2 is live on web-1", "Release v2 is live on web-1"],
    ["nothing was changed", "Nothing was changed"],
  ])("writes “%s” as a sentence and no name with a capital", async (summary, shown) => {
    const api = fake(new URLSearchParams("run=not-begun"));
    const run: Backend["run"] = async (id) => {
      const found = await api.run(id);
      return { ...found, card: { ...found.card, summary }, verdict: null };
    };
    await open("run=not-begun", { run });
    const verdict = await screen.findByRole("region", { name: "How it ended" });
    await waitFor(() => expect(within(verdict).getByText(shown)).toBeTruthy());
  });
  it("leads to the site and opens it after success", async () => {
    const openLink = vi.fn<Backend["openLink"]>(() => Promise.resolve(null));
    const user = await open("run=succeeded", {
      openLink,
      site: (name) =>
        Promise.resolve({
          name,
          domains: [],
          url: "https://planner.example.org/",
          hosts: ["web-1"],
          file: null,
          file_problem: null,
          last_run: null,
        }),
    });
    await user.click(await screen.findByRole("button", { name: /Open planner/ }));
    expect(openLink).toHaveBeenCalledWith("https://planner.example.org/");
    await user.click(screen.getByRole("button", { name: "Go to planner" }));
    expect(location.hash).toBe("#/sites/planner/web-1");
  });
  it.each<[string, string, string]>([
    ["what is not https", "javascript:alert(1)", "deploy"],
    ["what is gone", "https://planner.example.org/", "uninstall"],
  ])("does not offer to open %s", async (_, url, verb) => {
    const api = fake(new URLSearchParams("run=succeeded"));
    const run: Backend["run"] = async (id) => {
      const found = await api.run(id);
      return { ...found, card: { ...found.card, verb } };
    };
    const site = vi.fn<Backend["site"]>((name) =>
      Promise.resolve({ name, domains: [], url, hosts: [], file: null, file_problem: null, last_run: null }),
    );
    await open("run=succeeded", { run, site });
    await screen.findByText("Succeeded");
    await waitFor(() => expect(site).toHaveBeenCalled());
    await site.mock.results[0]?.value;
    await tick();
    expect(screen.getByRole("button", { name: "Go to planner" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: /Open planner/ })).toBeNull();
  });
  it("says what stopping means, asks, and then says that it stops", async () => {
    const cancelRun = vi.fn<Backend["cancelRun"]>(() => Promise.resolve(null));
    const user = await open("run=going", { cancelRun });
    await user.click(await screen.findByRole("button", { name: "Stop…" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("The command at work ends first");
    expect(cancelRun).not.toHaveBeenCalled();
    await user.click(within(dialog).getByRole("button", { name: "Stop at the next safe point" }));
    expect(cancelRun).toHaveBeenCalledExactlyOnceWith(418);
    await waitFor(() =>
      expect(screen.getByRole<HTMLButtonElement>("button", { name: "Stopping…" }).disabled).toBe(true),
    );
  });
  it("says so when it cannot be stopped", async () => {
    const user = await open("run=going&cancel=failing");
    await user.click(await screen.findByRole("button", { name: "Stop…" }));
    await user.click(
      within(await screen.findByRole("dialog")).getByRole("button", { name: "Stop at the next safe point" }),
    );
    expect((await screen.findByRole("alert")).textContent).toContain("has ended already");
  });
  it("goes on in the background", async () => {
    const user = await open("run=going");
    await user.click(await screen.findByRole("button", { name: "Go on in the background" }));
    expect(location.hash).toBe("#/history");
  });
  it("follows the step at work until the person looks elsewhere, and ends with the verdict", async () => {
    let tell: (batch: RunBatch) => void = () => undefined;
    const ended = vi.fn();
    const run = vi.fn<Backend["run"]>(() =>
      Promise.resolve({
        card: { ...runCard(), state: "under-way", finished_ms: null, summary: null } as RunCard,
        plan: null,
        failure: null,
      }),
    );
    const user = await open("", {
      run,
      watchRun: (_id, batch) => {
        tell = batch;
        return ended;
      },
    });
    expect(await screen.findByLabelText("Waiting for the first step")).toBeTruthy();
    const done = { started_ms: 0, ended_ms: 9 };
    const one = stepChange(0, "one", "running", { started_ms: 0 });
    const others = [stepChange(1, "two", "waiting"), stepChange(2, "three", "waiting")];
    tell(runBatch({ anew: true, count: 3, steps: [one, ...others], current: 0 }));
    await waitFor(() => expect(selected()).toContain("one"));
    tell(
      runBatch({
        count: 3,
        steps: [stepChange(0, "one", "done", done), stepChange(1, "two", "running", { started_ms: 9 })],
        output: [{ step: 1, lines: ["\u001b[31mred\u202e"] }],
        current: 1,
        elapsed_ms: 10,
      }),
    );
    await waitFor(() => expect(selected()).toContain("two"));
    await waitFor(() => expect(screen.getByText("\\u{1b}[31mred\\u{202e}")).toBeTruthy());
    await user.click(screen.getByRole("option", { name: /one/ }));
    const three = stepChange(2, "three", "running", { started_ms: 20 });
    tell(runBatch({ count: 3, steps: [stepChange(1, "two", "done", done), three], current: 2, elapsed_ms: 20 }));
    await waitFor(() => expect(screen.getByRole("option", { name: /at work/ }).textContent).toContain("three"));
    expect(selected()).toContain("one");
    await user.click(screen.getByRole("button", { name: "Follow the step at work" }));
    expect(selected()).toContain("three");
    expect(run).toHaveBeenCalledTimes(1);
    const verdict = { state: "succeeded" as const, summary: "it is live", evidence: [], hint: null, log: [] };
    const last = stepChange(2, "three", "done", done);
    tell(runBatch({ count: 3, steps: [last], elapsed_ms: 30, verdict, ended: true }));
    // The end is told once more by itself.
    tell(runBatch({ count: 3, elapsed_ms: 30, verdict, ended: true }));
    await waitFor(() =>
      expect(screen.getByRole("region", { name: "How it ended" }).textContent).toContain("It is live"),
    );
    expect(run).toHaveBeenCalledTimes(2);
  });
  it("counts steps that others did, and shows the last one that told of itself", async () => {
    const verdict = { state: "succeeded" as const, summary: "it is live", evidence: [], hint: null, log: [] };
    const times = { started_ms: 0, ended_ms: 9 };
    const steps = [stepChange(0, "switch", "done", times), stepChange(1, "reload nginx", "done")];
    await open("run=succeeded", {
      watchRun: (_id, batch) => {
        batch(runBatch({ anew: true, count: 2, steps, verdict, ended: true }));
        return () => undefined;
      },
    });
    expect(await screen.findByText("2 of 2 steps done")).toBeTruthy();
    expect(selected()).toContain("switch");
  });
  it("says that the link is lost, keeps what was seen, and begins anew", async () => {
    let times = 0;
    const user = await open("run=going", {
      watchRun: (_id, batch, failed) => {
        times += 1;
        const one = stepChange(0, "one", "running", { started_ms: 0 });
        batch(runBatch({ anew: true, count: 1, steps: [one], output: [{ step: 0, lines: ["hello"] }], current: 0 }));
        if (times === 1) failed(failure("window", "This run cannot be watched any more"));
        return () => undefined;
      },
    });
    expect((await screen.findByRole("alert")).textContent).toContain("cannot be watched");
    expect(screen.getByText("hello")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Watch again" }));
    expect(times).toBe(2);
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.getAllByText("hello")).toHaveLength(1);
  });
  it("stops watching when it is left", async () => {
    const end = vi.fn();
    await use("run=going", { watchRun: () => end });
    const view = render(Run, { id: "418" });
    await screen.findByRole("button", { name: "Stop…" });
    view.unmount();
    expect(end).toHaveBeenCalledOnce();
  });
  it("shows the plan of the run", async () => {
    const user = await open("run=succeeded");
    await user.click(await screen.findByRole("tab", { name: "What was planned" }));
    expect(screen.getByRole("option", { name: /Check out 1c9e2f7a44b1/ })).toBeTruthy();
    expect(screen.getByRole("searchbox", { name: "Find a step" })).toBeTruthy();
  });
  it("plans again after a failure", async () => {
    const user = await open("run=failed");
    await user.click(await screen.findByRole("button", { name: "Plan again" }));
    await waitFor(() => expect(location.hash).toBe(`#/plan/${NEW_PLAN_ID}`));
    expect(app.plans[NEW_PLAN_ID]?.request).toEqual({ request: "deploy", reference: null });
  });
  it("says why it did not begin", async () => {
    await open("run=not-begun");
    expect((await screen.findByRole("alert")).textContent).toContain("locked by bo@desk-2");
    expect(screen.getByText("No step was begun")).toBeTruthy();
  });
  it("leads back from a run that is not there", async () => {
    await open("run=missing");
    expect((await screen.findByRole("alert")).textContent).toContain("no run 418");
  });
  it("says when the address names no run", async () => {
    await open("", {}, "nonsense");
    expect(screen.getByText("There is no such run")).toBeTruthy();
  });
  it("bounds a line of a megabyte and takes lines of no known step", async () => {
    const user = await open("run=hostile");
    await waitFor(() => expect(selected()).toContain("Run npm run build"));
    const log = screen.getByRole("log");
    Object.defineProperty(log, "scrollHeight", { value: 241 * 20 });
    log.scrollTop = 220 * 20;
    await fireEvent.scroll(log);
    await user.click(await screen.findByRole("button", { name: "Show all of line 241" }));
    expect(screen.getByText("Line 241")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Close" }));
    await user.click(screen.getByRole("button", { name: "1 line of no known step" }));
    expect(screen.getByText("of nobody")).toBeTruthy();
    expect(document.body.textContent?.length ?? 0).toBeLessThan(50_000);
  });
  it("searches the output", async () => {
    const user = await open("run=rolled-back");
    await waitFor(() => expect(selected()).toContain("Prove v2.8.0"));
    const search = screen.getByRole("searchbox", { name: /^Search: Output of Prove/ });
    await user.type(search, "GET /health");
    expect(screen.getByText("2", { selector: ".hits" })).toBeTruthy();
    await user.keyboard("{Enter}");
    expect(screen.getByText("1 of 2")).toBeTruthy();
    await user.clear(search);
    await user.type(search, "nowhere");
    expect(screen.getByText("No line has it")).toBeTruthy();
  });
  it("draws only lines in sight of many", async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`);
    const one = stepChange(0, "one", "running", { started_ms: 0 });
    await open("run=going", {
      watchRun: (_id, batch) => {
        batch(runBatch({ anew: true, count: 1, steps: [one], output: [{ step: 0, lines }], current: 0 }));
        return () => undefined;
      },
    });
    await screen.findByText("50,000 lines");
    expect(screen.getByRole("log").querySelectorAll(".line").length).toBeLessThan(200);
  });
});

describe("closing", () => {
  async function ask(runs: number, change: Partial<Backend> = {}) {
    let asked: (runs: number) => void = () => undefined;
    const closeChoice = vi.fn<Backend["closeChoice"]>(() => Promise.resolve(null));
    await use("", {
      closeChoice,
      onCloseAsked: (tell) => {
        asked = tell;
        return () => undefined;
      },
      ...change,
    });
    render(Closing);
    expect(screen.queryByRole("dialog")).toBeNull();
    asked(runs);
    await screen.findByRole("dialog");
    return { user: userEvent.setup(), closeChoice, asked: () => asked(runs) };
  }
  it("goes on in the background", async () => {
    const { user, closeChoice } = await ask(1);
    expect(screen.getByRole("dialog").textContent).toContain("A run is going on");
    expect(screen.getByRole("dialog").textContent).toContain("notification");
    await user.click(screen.getByRole("button", { name: "Continue in the background" }));
    expect(closeChoice).toHaveBeenCalledExactlyOnceWith("background");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });
  it("stops, and says so until the window ends", async () => {
    const { user, closeChoice } = await ask(2);
    expect(screen.getByRole("dialog").textContent).toContain("2 runs are going on");
    await user.click(screen.getByRole("button", { name: "Stop at a safe point, then close" }));
    expect(closeChoice).toHaveBeenCalledExactlyOnceWith("stop");
    expect(
      await screen.findByText(/Stopping at the next safe point; Slipway ends when they have stopped/),
    ).toBeTruthy();
  });
  it("keeps the window open with the button and with Escape, and can be asked again", async () => {
    const { user, closeChoice, asked } = await ask(1);
    await user.click(screen.getByRole("button", { name: "Keep the window open" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    asked();
    await screen.findByRole("dialog");
    await fireEvent.keyDown(screen.getByRole("dialog"), { key: "Escape" });
    await waitFor(() => expect(closeChoice.mock.calls).toEqual([["stay"], ["stay"]]));
  });
  it("says when the choice did not arrive", async () => {
    const { user } = await ask(1, { closeChoice: () => Promise.reject(new Error("gone")) });
    await user.click(screen.getByRole("button", { name: "Continue in the background" }));
    expect((await screen.findByRole("alert")).textContent).toContain("gone");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Keep the window open" }).disabled).toBe(false);
  });
});
