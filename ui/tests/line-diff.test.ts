import { describe, expect, it } from "vitest";
import { lineDiff } from "$lib/design/line-diff";

/** Applying the changes to the old text gives the new one. */
function applied(a: string, b: string): string {
  let out = "";
  let at = 0;
  for (const change of lineDiff(a, b)) {
    out += a.slice(at, change.fromA) + b.slice(change.fromB, change.toB);
    at = change.toA;
  }
  return out + a.slice(at);
}

describe("lineDiff", () => {
  it.each([
    ["", "a\n"],
    ["a\n", ""],
    ["a", "a\n"],
    ["a\nb\nc\n", "a\nx\nc\nd"],
    ["x\ny\n", "y\nx\n"],
    ["same\n", "same\n"],
  ])("leads from %j to %j", (a, b) => expect(applied(a, b)).toBe(b));
  it("finds 21 changed lines among 2,000, and nothing else", () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `location /area-${i}/ { proxy_read_timeout ${i % 60}s; }`);
    const changed = lines.map((line, i) => (i % 97 === 0 ? line.replace("read", "send") : line));
    const [a, b] = [lines.join("\n"), changed.join("\n")];
    const changes = lineDiff(a, b);
    expect(applied(a, b)).toBe(b);
    expect(changes.reduce((sum, change) => sum + change.toA - change.fromA, 0)).toBeLessThan(21 * 60);
    expect(new Set(changes.map((change) => a.slice(0, change.fromA).split("\n").length)).size).toBe(21);
  });
});
