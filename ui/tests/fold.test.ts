import { describe, expect, it } from "vitest";
import type { RunEvent, RunHappening, Verdict } from "$lib/backend";
import { added, all, item, none, part, places } from "$lib/state/chunked";
import { type Folded, NOTHING, fold } from "$lib/state/fold";

const at = (at_ms: number, what: RunHappening): RunEvent => ({ at_ms, what });
const good: Verdict = { state: "succeeded", summary: "live", evidence: [], hint: null, log: [] };
const started = at(0, { event: "started", steps: ["one", "two", "three"] });
const begin = (step: number, ms: number) => at(ms, { event: "step-started", step });
const end = (step: number, ms: number) => at(ms, { event: "step-finished", step, outcome: { outcome: "done" } });
const line = (step: number, text: string, ms = 0) => at(ms, { event: "output", step, line: text });
const run = (events: RunEvent[], ended = false, from: Folded = NOTHING) => fold(from, { events, ended });

describe("fold", () => {
  it("tells steps with state, times and output", () => {
    const seen = run([started, begin(0, 10), line(0, "a"), end(0, 110), begin(1, 120), line(1, "b")]);
    expect(seen.steps.map((step) => step.state)).toEqual(["done", "going", "waiting"]);
    expect(seen.current).toBe(1);
    expect([seen.steps[0]?.begun, seen.steps[0]?.ended]).toEqual([10, 110]);
    expect(all(seen.steps[0]?.output ?? none<string>())).toEqual(["a"]);
    expect(seen.ended).toBe(false);
  });
  it("is the same however the events are cut", () => {
    const events = [
      started,
      begin(0, 1),
      line(0, "x"),
      line(0, "y"),
      end(0, 5),
      begin(1, 6),
      line(1, "z"),
      at(7, { event: "note", text: "n" }),
      end(1, 8),
      at(9, { event: "finished", verdict: good }),
    ];
    const whole = run(events, true);
    const single = events.reduce(
      (state, event, i) => fold(state, { events: [event], ended: i === events.length - 1 }),
      NOTHING,
    );
    expect(JSON.stringify(single)).toBe(JSON.stringify(whole));
  });
  it("does not change what it was given", () => {
    const before = run([started, begin(0, 1)]);
    const copy = JSON.stringify(before);
    run([line(0, "x"), end(0, 2)], true, before);
    expect(JSON.stringify(before)).toBe(copy);
  });
  it("keeps what failed, and that nothing more will begin", () => {
    const seen = run(
      [
        started,
        begin(0, 0),
        end(0, 1),
        begin(1, 1),
        at(4, { event: "step-finished", step: 1, outcome: { outcome: "failed", message: "no room", log: ["df"] } }),
        at(5, { event: "finished", verdict: { ...good, state: "failed-intact" } }),
      ],
      true,
    );
    expect(seen.steps.map((step) => step.state)).toEqual(["done", "failed", "not-begun"]);
    expect([seen.failed, seen.steps[1]?.message, seen.steps[1]?.log]).toEqual([1, "no room", ["df"]]);
    expect([seen.current, seen.verdict?.state]).toEqual([null, "failed-intact"]);
  });
  it("says when the finish is missing", () => {
    const seen = run([started, begin(0, 5), line(0, "working", 30)], true);
    expect(seen.steps.map((step) => step.state)).toEqual(["cut-short", "not-begun", "not-begun"]);
    expect([seen.verdict, seen.ended, seen.steps[0]?.ended, seen.current]).toEqual([null, true, 30, null]);
  });
  it("makes steps up for who comes late, and names them when the titles come", () => {
    const late = run([line(1, "early"), begin(1, 3)]);
    expect(late.steps.map((step) => step.title)).toEqual(["Step 1", "Step 2"]);
    const named = run([started], false, late);
    expect(named.steps.map((step) => step.title)).toEqual(["one", "two", "three"]);
    expect([named.steps[1]?.state, named.steps[1]?.output.length]).toEqual(["going", 1]);
  });
  it("begins anew when it is told from the beginning again", () => {
    const once = run([started, begin(0, 0), line(0, "a"), end(0, 4), at(4, { event: "note", text: "n" })]);
    const twice = run([started, begin(0, 0), line(0, "a")], false, once);
    expect([twice.steps[0]?.output.length, twice.notes.length, twice.steps[0]?.state]).toEqual([1, 0, "going"]);
  });
  it("does not take steps that the plan does not have", () => {
    const seen = run([
      started,
      begin(7, 1),
      line(7, "lost"),
      line(-1, "lost too"),
      line(1.5, "and this"),
      end(99, 2),
      line(4_000_000_000, "far"),
    ]);
    expect([seen.steps.length, seen.current, all(seen.strays)]).toEqual([
      3,
      null,
      ["lost", "lost too", "and this", "far"],
    ]);
    expect(run([begin(4_000_000_000, 0)]).steps).toHaveLength(0);
  });
  it("takes a step that ends without having begun", () => {
    const seen = run([started, at(9, { event: "step-finished", step: 0, outcome: { outcome: "unchanged" } })]);
    expect([seen.steps[0]?.state, seen.steps[0]?.begun, seen.steps[0]?.ended]).toEqual(["unchanged", null, 9]);
  });
  it("does not let time go back", () => {
    const seen = run([started, begin(0, 100), end(0, 40)]);
    expect([seen.steps[0]?.begun, seen.steps[0]?.ended, seen.last]).toEqual([100, 100, 100]);
  });
  it("takes 50,000 lines in small batches without copying all of them each time", () => {
    let seen = run([started, begin(0, 0)]);
    const old: unknown[] = [];
    for (let batch = 0; batch < 5_000; batch += 1) {
      seen = run(
        Array.from({ length: 10 }, (_, i) => line(0, `line ${batch * 10 + i}`)),
        false,
        seen,
      );
      if (batch === 2_000) old.push(...(seen.steps[0]?.output.chunks.slice(0, 10) ?? []));
    }
    const output = seen.steps[0]?.output ?? none<string>();
    expect([output.length, item(output, 0), item(output, 49_999), item(output, 50_000)]).toEqual([
      50_000,
      "line 0",
      "line 49999",
      undefined,
    ]);
    // Full chunks are shared, never copied.
    old.forEach((chunk, i) => expect(output.chunks[i]).toBe(chunk));
  });
});

describe("chunked", () => {
  it("holds any mix of sizes in order", () => {
    const sizes = [1, 1023, 1, 1024, 5000, 0, 3];
    let list = none<number>();
    let next = 0;
    for (const size of sizes)
      list = added(
        list,
        Array.from({ length: size }, () => next++),
      );
    expect(all(list)).toEqual(Array.from({ length: next }, (_, i) => i));
    expect(list.chunks.slice(0, -1).every((chunk) => chunk.length === 1024)).toBe(true);
    expect([item(list, 1024), item(list, -1), part(list, 1022, 1026)]).toEqual([
      1024,
      undefined,
      [1022, 1023, 1024, 1025],
    ]);
    expect(places(list, (one) => one % 1000 === 0, 1, 3)).toEqual([1000, 2000, 3000]);
  });
});
