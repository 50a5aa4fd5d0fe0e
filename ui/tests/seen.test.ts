import { describe, expect, it } from "vitest";
import type { RunBatch, Verdict } from "$lib/backend";
import { runBatch, stepChange } from "$lib/backend/fake/runs";
import { added, all, item, none, part, places } from "$lib/state/chunked";
import { NOTHING, type Seen, applied } from "$lib/state/seen";

const good: Verdict = { state: "succeeded", summary: "live", evidence: [], hint: null, log: [] };
const BEGUN = runBatch({
  anew: true,
  count: 3,
  steps: [
    stepChange(0, "one", "done", { started_ms: 10, ended_ms: 110 }),
    stepChange(1, "two", "running", { started_ms: 120 }),
    stepChange(2, "three", "waiting"),
  ],
  output: [
    { step: 0, lines: ["a"] },
    { step: 1, lines: ["b"] },
  ],
  notes: [{ at_ms: 5, text: "n" }],
  current: 1,
  elapsed_ms: 120,
});
const after = (...batches: RunBatch[]) => batches.reduce<Seen>(applied, NOTHING);

describe("what is seen of a run", () => {
  it("is what was told", () => {
    const seen = after(BEGUN);
    expect(seen.steps.map((step) => [step.title, step.state, step.started_ms])).toEqual([
      ["one", "done", 10],
      ["two", "running", 120],
      ["three", "waiting", null],
    ]);
    expect([seen.current, seen.failed, seen.elapsed_ms, seen.ended]).toEqual([1, null, 120, false]);
    expect(seen.steps.map((step) => all(step.output))).toEqual([["a"], ["b"], []]);
    expect(all(seen.notes)).toEqual([{ at_ms: 5, text: "n" }]);
  });
  it("changes where something changed, and keeps what was printed", () => {
    const two = stepChange(1, "two", "failed", { started_ms: 120, ended_ms: 200, message: "no room", log: ["df"] });
    const seen = after(
      BEGUN,
      runBatch({ count: 3, output: [{ step: 1, lines: ["c"] }], current: 1, elapsed_ms: 150 }),
      runBatch({ count: 3, steps: [two], failed: 1, elapsed_ms: 200 }),
      runBatch({
        count: 3,
        steps: [stepChange(2, "three", "not-begun")],
        failed: 1,
        elapsed_ms: 210,
        verdict: { ...good, state: "failed-intact" },
        ended: true,
      }),
    );
    expect(seen.steps.map((step) => step.state)).toEqual(["done", "failed", "not-begun"]);
    expect([seen.steps[1]?.message, seen.steps[1]?.log]).toEqual(["no room", ["df"]]);
    expect(seen.steps.map((step) => all(step.output))).toEqual([["a"], ["b", "c"], []]);
    expect([seen.current, seen.failed, seen.verdict?.state, seen.ended]).toEqual([null, 1, "failed-intact", true]);
    expect(seen.notes).toHaveLength(1);
  });
  it("does not change what it was given", () => {
    const before = after(BEGUN);
    const copy = JSON.stringify(before);
    const output = [{ step: 1, lines: ["x"] }];
    applied(before, runBatch({ count: 2, steps: [stepChange(1, "two", "done")], output, ended: true }));
    expect(JSON.stringify(before)).toBe(copy);
  });
  it("begins anew when it is told from the beginning again", () => {
    const seen = after(BEGUN, { ...BEGUN, notes: [] });
    expect([seen.steps[0]?.output.length, seen.notes.length, seen.strays.length]).toEqual([1, 0, 0]);
  });
  it("drops steps that were made up, and keeps lines of no known step", () => {
    const seen = after(
      BEGUN,
      runBatch({ count: 2, output: [{ step: null, lines: ["lost"] }] }),
      runBatch({ count: 2, output: [{ step: null, lines: ["lost too"] }] }),
    );
    expect([seen.steps.length, all(seen.strays)]).toEqual([2, ["lost", "lost too"]]);
  });
  it("takes 50,000 lines in small batches without copying all of them each time", () => {
    let seen = after(BEGUN);
    const old: unknown[] = [];
    for (let batch = 0; batch < 5_000; batch += 1) {
      const lines = Array.from({ length: 10 }, (_, i) => `line ${batch * 10 + i}`);
      seen = applied(seen, runBatch({ count: 3, output: [{ step: 2, lines }] }));
      if (batch === 2_000) old.push(...(seen.steps[2]?.output.chunks.slice(0, 10) ?? []));
    }
    const output = seen.steps[2]?.output ?? none<string>();
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
