import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, type LogBatch, type LogLine, type OnFailure, useBackend } from "$lib/backend";
import { NOW, fake } from "$lib/backend/fake";
import { UNREACHABLE } from "$lib/backend/fake/site-examples";
import { app } from "$lib/state/app.svelte";
import { clock } from "$lib/state/clock.svelte";
import { router } from "$lib/state/router.svelte";
import Logs from "../src/features/logs/Logs.svelte";
import { Journal } from "../src/features/logs/journal.svelte";
import { Lines, MOST_LINES, copied, oneRow, pieces, processOf, reading, shortUnit } from "../src/features/logs/lines";

function use(scene = "", more: Partial<Backend> = {}): void {
  const base = fake(new URLSearchParams(scene));
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) }));
}
const line = (text: string, priority = 6): LogLine => ({
  at_ms: NOW,
  unit: "planner-web@5001.service",
  priority,
  text,
});

beforeEach(() => {
  clock.standStill(NOW);
  router.path = "/logs?site=planner&host=web-1";
  location.hash = "#/logs?site=planner&host=web-1";
  app.toasts = [];
});

describe("log lines", () => {
  it("give way when there are too many, oldest first", () => {
    const lines = new Lines();
    expect(lines.add(Array.from({ length: MOST_LINES }, (_, i) => line(String(i))))).toBe(0);
    const gone = lines.add([line("last")]);
    expect(gone).toBeGreaterThan(MOST_LINES / 20);
    expect(lines.length + lines.dropped).toBe(MOST_LINES + 1);
    expect(lines.at(0)?.text).toBe(String(gone));
    expect(lines.at(lines.length - 1)?.text).toBe("last");
  });
  it("are searched by text or by expression", () => {
    expect(reading("RATE (limit").search?.matches("198.51 rate (limit exceeded")).toBe(true);
    expect(reading("/^err.*5\\d\\d$/i").search?.matches("ERROR 503")).toBe(true);
    expect(reading("/(/").problem).toBeTruthy();
    expect(reading("").search).toBeNull();
    // Only the beginning of a line is looked at, so that one that backtracks on a megabyte does not stop the window.
    expect(reading("/x*y/").search?.matches("x".repeat(1_000_000) + "y")).toBe(false);
  });
  it("are shown as text, in one row, with what was found", () => {
    expect(oneRow("a\u001b[31m\u202eb\nc")).toBe("a\\u{1b}[31m\\u{202e}b ⏎ c");
    expect(oneRow("x".repeat(1_000_000)).length).toBeLessThan(700);
    expect(pieces("one two one", reading("one").search)).toEqual([
      { text: "one", hit: true },
      { text: " two ", hit: false },
      { text: "one", hit: true },
    ]);
    expect(copied(line("\u001b]0;gotcha\u0007", 3))).toBe(
      "2026-11-21T14:00:00.000Z planner-web@5001.service error \\u{1b}]0;gotcha\\u{7}",
    );
  });
  it("know which process wrote them", () => {
    expect(processOf("planner-web@5001.service", "planner")).toBe("web");
    expect(processOf("planner-web.5001@20261121T104500Z-9f2c1a.service", "planner")).toBe("web");
    expect(processOf("planner-web@5001.socket", "planner")).toBe("web");
    expect(processOf("nginx.service", "planner")).toBeNull();
    expect(shortUnit("planner-web.5001@20261121T104500Z-9f2c1a.service", "planner")).toBe("web@5001 · 9f2c1a");
    expect(shortUnit("planner-web.5001@20261121T104500Z-9f2c1a.2.service", "planner")).toBe("web@5001 · 9f2c1a.2");
    expect(shortUnit("planner-worker@1.service", "planner")).toBe("worker@1");
  });
});

describe("a journal", () => {
  it("takes 200,000 lines in batches, and finds what is in them", async () => {
    let send: (batch: LogBatch) => void = () => undefined;
    use("", {
      watchLogs: (_site, _host, _query, lines) => {
        send = lines;
        return () => undefined;
      },
    });
    const journal = new Journal();
    journal.watch("planner", "web-1", { processes: [], lines: 1, since: null });
    for (let batch = 0; batch < 40; batch += 1) {
      const lines = Array.from({ length: 5_000 }, (_, i) =>
        line(i % 1_000 === 7 ? "a needle" : "hay", i % 100 === 0 ? 3 : 6),
      );
      send({ lines });
    }
    expect(journal.count).toBe(200_000);
    journal.choose(reading("needle").search, false, 7);
    await waitFor(() => expect(journal.searching).toBe(false), { timeout: 10_000 });
    expect(journal.hits).toBe(200);
    expect(journal.hit(-1, 1)).toBe(7);
    expect(journal.hit(7, 1)).toBe(1_007);
    expect(journal.hit(7, -1)).toBe(199_007);
    journal.choose(reading("needle").search, true, 7);
    await waitFor(() => expect(journal.count).toBe(200));
    journal.choose(null, false, 3);
    await waitFor(() => expect(journal.count).toBe(2_000));
    send({ lines: [line("one more", 0)] });
    expect(journal.count).toBe(2_001);
  });
  it("stands still while paused and tells how much waits", () => {
    let send: (batch: LogBatch) => void = () => undefined;
    use("", {
      watchLogs: (_site, _host, _query, lines) => {
        send = lines;
        return () => undefined;
      },
    });
    const journal = new Journal();
    journal.watch("planner", "web-1", { processes: [], lines: 1, since: null });
    send({ lines: [line("a")] });
    journal.pause();
    send({ lines: [line("b"), line("c")] });
    expect([journal.count, journal.waiting]).toEqual([1, 2]);
    journal.follow();
    expect([journal.count, journal.waiting]).toEqual([3, 0]);
  });
});

describe("the log page", () => {
  it("shows lines with their priority in words, control characters as text", async () => {
    use();
    render(Logs);
    expect((await screen.findAllByText("✕ error", { normalizer: String })).length).toBeGreaterThan(0);
    expect(screen.getAllByText("▲ warning").length).toBeGreaterThan(0);
    expect(document.body.textContent).toContain("\\u{1b}[33mWARN");
    expect(screen.getByText("Following")).toBeTruthy();
  });
  it("asks for the chosen processes and time", async () => {
    const watchLogs = vi.fn(fake().watchLogs);
    use("", { watchLogs });
    render(Logs);
    await userEvent.click(await screen.findByRole("button", { name: "worker" }));
    expect(watchLogs.mock.lastCall?.slice(0, 3)).toEqual([
      "planner",
      "web-1",
      { processes: ["worker"], lines: 5_000, since: null },
    ]);
    await userEvent.selectOptions(screen.getByLabelText("Since"), "-1h");
    await waitFor(() =>
      expect(watchLogs.mock.lastCall?.[2]).toEqual({ processes: ["worker"], lines: 100_000, since: "-1h" }),
    );
    // What was chosen can be given up again.
    expect(screen.getByRole("button", { name: "web" })).toBeTruthy();
  });
  it("counts hits, goes to the next one, and shows only them", async () => {
    use();
    render(Logs);
    const list = await screen.findByRole("listbox");
    await userEvent.type(screen.getByRole("searchbox"), "rate limit");
    expect(await screen.findByText("5 hits")).toBeTruthy();
    expect(document.querySelector("mark")?.textContent).toBe("rate limit");
    await userEvent.click(screen.getByRole("button", { name: "Next hit" }));
    expect(within(list).getByRole("option", { selected: true }).textContent).toContain("rate limit");
    expect(screen.getByText("Paused")).toBeTruthy();
    await userEvent.click(screen.getByRole("checkbox", { name: "Only hits" }));
    await waitFor(() => expect(within(screen.getByRole("listbox")).getAllByRole("option")).toHaveLength(5));
    await userEvent.clear(screen.getByRole("searchbox"));
    await userEvent.type(screen.getByRole("searchbox"), "/(/");
    expect(await screen.findByText("Not an expression")).toBeTruthy();
  });
  it("bounds a line of a megabyte until all of it is asked for", async () => {
    use("logs=long");
    render(Logs);
    const list = await screen.findByRole("listbox");
    list.focus();
    await userEvent.keyboard("{End}k");
    const detail = await screen.findByRole("region", { name: "The selected line" });
    expect(document.body.textContent?.length).toBeLessThan(60_000);
    await userEvent.click(within(detail).getByRole("button", { name: /Show all/ }));
    expect(detail.textContent).toContain(" end");
  });
  it("copies what is selected, without what a terminal would obey", async () => {
    use("logs=long");
    render(Logs);
    const user = userEvent.setup();
    const list = await screen.findByRole("listbox");
    list.focus();
    await user.keyboard("{End}{Shift>}{ArrowUp}{ArrowUp}{/Shift}");
    expect(within(list).getAllByRole("option", { selected: true })).toHaveLength(3);
    await user.click(screen.getByRole("button", { name: "Copy 3 lines" }));
    const text = await navigator.clipboard.readText();
    expect(text.split("\n").length).toBe(4);
    expect(text).toContain("line 3\\u{7}");
  });
  it("keeps its lines, greyed, when the host is lost, and goes on when it is back", async () => {
    let send: (batch: LogBatch) => void = () => undefined;
    let lose: OnFailure = () => undefined;
    use("", {
      watchLogs: (_site, _host, _query, lines, failed) => {
        send = lines;
        lose = failed;
        return () => undefined;
      },
    });
    render(Logs);
    await waitFor(() => expect(screen.getByText("Connecting")).toBeTruthy());
    send({ lines: [line("still here")] });
    lose(UNREACHABLE);
    expect(await screen.findByText("still here")).toBeTruthy();
    expect(screen.getAllByText("No news").length).toBeGreaterThan(0);
    send({ lines: [line("back again")] });
    expect(await screen.findByText("back again")).toBeTruthy();
    expect(screen.queryByText("No news")).toBeNull();
  });
  it("says what to do when nothing can be read, and where a site is", async () => {
    use("logs=failing");
    render(Logs);
    expect((await screen.findByRole("alert")).textContent).toContain("web-1 does not answer");
    expect(screen.getByRole("button", { name: "Connect again" })).toBeTruthy();
  });
  it("leads on when there is no site", async () => {
    router.path = "/logs";
    use("sites=empty");
    render(Logs);
    expect(await screen.findByText("No log to show yet")).toBeTruthy();
  });
});
