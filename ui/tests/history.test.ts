import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, type RunCard, type RunFilter, useBackend } from "$lib/backend";
import { failure, fake, refuse } from "$lib/backend/fake";
import { runCard } from "$lib/backend/fake/runs";
import History from "$lib/features/history/History.svelte";
import { app } from "$lib/state/app.svelte";

const going: RunCard = {
  ...runCard(),
  id: 900,
  state: "under-way",
  finished_ms: null,
  summary: null,
  step: "Build front end",
};

function open(query: string, change: Partial<Backend> = {}) {
  const api = fake(new URLSearchParams(query));
  const asked: RunFilter[] = [];
  const own: Partial<Backend> = {
    sites: () => Promise.resolve([]),
    runs: (filter) => {
      asked.push(filter);
      return api.runs(filter);
    },
    ...change,
  };
  useBackend(new Proxy(api, { get: (target, name) => Reflect.get(own, name) ?? Reflect.get(target, name) }));
  render(History);
  return { user: userEvent.setup(), asked };
}
const rows = () => screen.getAllByRole("link").filter((link) => link.dataset["run"]);

beforeEach(() => {
  location.hash = "";
  app.active = [];
  app.hosts = [];
});

describe("history", () => {
  it("lists runs newest first, each with verdict, length, who and a way to it", async () => {
    open("");
    await waitFor(() => expect(rows()).toHaveLength(23));
    expect(rows()[0]?.getAttribute("href")).toBe("#/runs/418");
    expect(rows()[4]?.textContent).toContain("Rolled back");
    expect(rows()[0]?.textContent).toMatch(/Deploy planner.*web-1/);
    expect(rows()[0]?.textContent).toContain("bo@desk-2");
    expect(rows()[0]?.textContent).toContain("12 s");
    expect(screen.getByText("These are all runs from this desktop.")).toBeTruthy();
  });
  it("shows older ones page by page", async () => {
    const { user, asked } = open("history=many");
    await waitFor(() => expect(rows()).toHaveLength(50));
    await user.click(screen.getByRole("button", { name: "Show older runs" }));
    await waitFor(() => expect(rows()).toHaveLength(100));
    expect(asked.map((filter) => filter.before)).toEqual([null, Number(rows()[49]?.dataset["run"])]);
  });
  it("asks for a host and a site, and shows all again", async () => {
    const { user, asked } = open("");
    await waitFor(() => expect(rows()).toHaveLength(23));
    await user.selectOptions(screen.getByRole("combobox", { name: "Host" }), "lab");
    await waitFor(() => expect(asked.at(-1)).toEqual({ host: "lab", site: null, before: null, limit: 50 }));
    await waitFor(() => expect(rows().every((row) => row.textContent?.includes("lab"))).toBe(true));
    await user.selectOptions(screen.getByRole("combobox", { name: "Site" }), "wiki");
    await waitFor(() => expect(asked.at(-1)).toEqual({ host: "lab", site: "wiki", before: null, limit: 50 }));
    await user.click(screen.getByRole("button", { name: "Show all" }));
    await waitFor(() => expect(rows()).toHaveLength(23));
  });
  it("looks on by itself when few fit", async () => {
    const { user, asked } = open("history=many");
    await waitFor(() => expect(rows()).toHaveLength(50));
    await user.selectOptions(screen.getByRole("combobox", { name: "How it ended" }), "split");
    await waitFor(() => expect(asked.length).toBeGreaterThan(3));
    await waitFor(() => expect(rows().length).toBeGreaterThan(10));
    expect(rows().every((row) => row.textContent?.includes("Left in between"))).toBe(true);
  });
  it("says when none fits", async () => {
    const { user } = open("");
    await waitFor(() => expect(rows()).toHaveLength(23));
    await user.selectOptions(screen.getByRole("combobox", { name: "What" }), "rollback");
    await user.selectOptions(screen.getByRole("combobox", { name: "How it ended" }), "split");
    expect(await screen.findByText("No run fits")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Show all runs" }));
    await waitFor(() => expect(rows()).toHaveLength(23));
  });
  it("shows runs under way on top, and moves them down when they end", async () => {
    app.active = [going];
    const run = {
      ...going,
      state: "succeeded" as const,
      finished_ms: going.started_ms + 5000,
      summary: "release v3 is live",
    };
    let ended = false;
    open("", { runs: () => Promise.resolve(ended ? [run] : []) });
    const top = await screen.findByRole("region", { name: "Under way" });
    expect(within(top).getByRole("link").textContent).toContain("Build front end");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("One run is going on");
    ended = true;
    app.active = [];
    const below = await screen.findByRole("region", { name: "Ended" });
    expect(within(below).getByRole("link").textContent).toContain("Release v3 is live".replace("R", "r"));
    expect(screen.queryByRole("region", { name: "Under way" })).toBeNull();
  });
  it("is empty at first, and says what will be here", async () => {
    open("history=empty");
    expect(await screen.findByText("What you do on your hosts is kept here")).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Nothing has been run yet");
  });
  it("fails with a way on, and keeps what is there", async () => {
    const runs = vi
      .fn<Backend["runs"]>()
      .mockImplementationOnce(() => refuse(failure("store", "The history could not be read")))
      .mockResolvedValue([runCard()]);
    const { user } = open("", { runs });
    expect((await screen.findByRole("alert")).textContent).toContain("could not be read");
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(rows()).toHaveLength(1));
    expect(screen.queryByRole("alert")).toBeNull();
  });
  it("is walked with the keys", async () => {
    const { user } = open("");
    await waitFor(() => expect(rows()).toHaveLength(23));
    await user.keyboard("jj");
    expect(document.activeElement).toBe(rows()[1]);
    await user.keyboard("{ArrowUp}");
    expect(document.activeElement).toBe(rows()[0]);
    await user.keyboard("{End}");
    expect(document.activeElement).toBe(rows()[22]);
  });
  it("waits with a skeleton", () => {
    open("history=loading");
    expect(screen.getByLabelText("Loading the history")).toBeTruthy();
  });
});
