import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, useBackend } from "$lib/backend";
import { fake } from "$lib/backend/fake";
import Sites from "../src/features/sites/Sites.svelte";
import { thrown } from "../src/features/sites/thrown.svelte";
import { app } from "$lib/state/app.svelte";

function use(scene: string, more: Partial<Backend> = {}): void {
  const base = fake(new URLSearchParams(scene));
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) }));
}

beforeEach(() => {
  location.hash = "#/sites";
  thrown.ids = [];
  app.toasts = [];
});

describe("the list of sites", () => {
  it("says in words what needs a person, and what is wrong with each file", async () => {
    use("");
    render(Sites);
    expect(await screen.findByRole("heading", { level: 1, name: "5 sites, 3 need you" })).toBeTruthy();
    expect(screen.getByText(/`prot` is not known/)).toBeTruthy();
    expect(screen.getByText("Rolled back")).toBeTruthy();
    expect(screen.getByText("no domain yet")).toBeTruthy();
  });
  it("goes by keyboard: J, K and Enter", async () => {
    use("");
    render(Sites);
    const list = await screen.findByRole("listbox", { name: "Sites" });
    list.focus();
    await userEvent.keyboard("jjk");
    expect(within(list).getAllByRole("option", { selected: true })).toHaveLength(1);
    expect(within(list).getByRole("option", { selected: true }).textContent).toContain("shop");
    await userEvent.keyboard("{Enter}");
    // Two hosts: which one is asked there.
    expect(location.hash).toBe("#/sites/shop");
    await userEvent.keyboard("k{Enter}");
    expect(location.hash).toBe("#/sites/planner/web-1");
  });
  it("keeps few rows in the page however many sites there are, and filters them", async () => {
    use("sites=many");
    render(Sites);
    const list = await screen.findByRole("listbox", { name: "Sites" });
    expect(within(list).getAllByRole("option").length).toBeLessThan(40);
    await userEvent.type(screen.getByRole("searchbox"), "site-299 web-99");
    expect(within(screen.getByRole("listbox")).getAllByRole("option")).toHaveLength(1);
    await userEvent.type(screen.getByRole("searchbox"), " nothing-like-this");
    expect(screen.getByText("No site matches")).toBeTruthy();
  });
  it("resumes a draft, throws one away and takes that back", async () => {
    const removeDraft = vi.fn(() => Promise.resolve(null));
    use("", { removeDraft });
    render(Sites);
    const first = await screen.findByRole("button", { name: "Throw away billing" });
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
      await user.click(first);
      expect(screen.queryByText("billing")).toBeNull();
      app.toasts[0]?.action?.run();
      await waitFor(() => expect(screen.getByText("billing")).toBeTruthy());
      vi.advanceTimersByTime(20_000);
      expect(removeDraft).not.toHaveBeenCalled();
      await user.click(screen.getByRole("button", { name: "Throw away billing" }));
      vi.advanceTimersByTime(20_000);
      expect(removeDraft).toHaveBeenCalledExactlyOnceWith("d-17");
      await user.click(screen.getByRole("button", { name: "Go on with A site without a name" }));
      expect(location.hash).toBe("#/new/d-18");
    } finally {
      vi.useRealTimers();
    }
  });
  it("begins a new site", async () => {
    const card = { id: "d-99", site: null, host: null, step: "host", updated_ms: 0 };
    const newDraft = vi.fn(() =>
      Promise.resolve({ card, text: "", values: null, diagnostics: [], secrets: [], detected: null }),
    );
    use("sites=empty", { newDraft });
    render(Sites);
    await userEvent.click(await screen.findByRole("button", { name: "Set up a site" }));
    expect(newDraft).toHaveBeenCalledWith(null);
    expect(location.hash).toBe("#/new/d-99");
  });
  it("says why the list is not there, and tries again", async () => {
    let broken = true;
    const good = fake().sites;
    const bad = fake(new URLSearchParams("sites=failing")).sites;
    use("", { sites: () => (broken ? bad() : good()) });
    render(Sites);
    expect((await screen.findByRole("alert")).textContent).toContain("could not be read");
    broken = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("planner.example.org, www.planner.example.org")).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
  });
});
