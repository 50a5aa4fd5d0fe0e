import { describe, expect, it } from "vitest";
import { ago, bytes, duration, visible } from "$lib/design/words";

describe("words", () => {
  it("says moments as people do", () => {
    const now = 1_000_000_000_000;
    expect([2_000, 40_000, 180_000, 3 * 3_600_000, 9 * 86_400_000].map((off) => ago(now - off, now))).toEqual([
      "now",
      "40 s ago",
      "3 min ago",
      "3 h ago",
      "9 d ago",
    ]);
    expect(ago(now + 3_600_000, now)).toBe("in 1 h");
  });
  it("says lengths and sizes with their units", () => {
    expect([400, 12_000, 185_000, 3_720_000].map(duration)).toEqual(["0.4 s", "12 s", "3 min 05 s", "1 h 02 min"]);
    expect([0, 999, 1_000, 212_400_000, 1_400_000_000].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "212 MB",
      "1.4 GB",
    ]);
  });
  it("shows what a terminal or a text direction would obey", () => {
    expect(visible("a\u001b[31mred\u202egnp.exe\u0000")).toBe("a\\u{1b}[31mred\\u{202e}gnp.exe\\u{0}");
    expect(visible("x".repeat(30), 10)).toBe("xxxxxxxxxx … (20 more characters)");
  });
});
