import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, useBackend } from "$lib/backend";
import { failure, fake, refuse } from "$lib/backend/fake";
import { app } from "$lib/state/app.svelte";
import { offered } from "$lib/state/commands.svelte";
import { palette } from "$lib/state/palette.svelte";
import { to } from "$lib/state/router.svelte";
import Palette from "../src/features/palette/Palette.svelte";
import { score } from "../src/features/palette/match";

async function use(scene: string, more: Partial<Backend> = {}): Promise<void> {
  const base = fake(new URLSearchParams(scene));
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) }));
  app.stop();
  await app.start();
}
async function open(): Promise<HTMLElement> {
  await userEvent.keyboard("{Control>}k{/Control}");
  return screen.findByRole("combobox", { name: "Find or do anything" });
}
function chosen(input: HTMLElement): string {
  return document.getElementById(input.getAttribute("aria-activedescendant") ?? "")?.textContent ?? "";
}

beforeEach(() => {
  location.hash = "#/hosts";
  palette.hide();
  offered.page = [];
});

describe("matching", () => {
  it("finds letters in their order, words best", () => {
    expect(score("hst", "hosts")).not.toBeNull();
    expect(score("xyz", "hosts")).toBeNull();
    expect(score("ah", "Add a host") ?? 0).toBeLessThan(score("add host", "Add a host") ?? 0);
    expect(score("web", "web-1") ?? 0).toBeGreaterThan(score("web", "cobweb") ?? 0);
    expect(score("1 web", "web-1")).not.toBeNull();
  });
});

describe("the palette", () => {
  it("finds a host and goes there, with the keyboard alone", async () => {
    await use("");
    render(Palette);
    const input = await open();
    await waitFor(() => expect(document.activeElement).toBe(input));
    await userEvent.keyboard("web");
    expect(chosen(input)).toContain("web-1");
    await userEvent.keyboard("{ArrowDown}");
    expect(chosen(input)).toContain("web-2");
    expect(screen.getAllByRole("option", { selected: true })).toHaveLength(1);
    await userEvent.keyboard("{Enter}");
    await waitFor(() => expect(location.hash).toBe("#/hosts/web-2"));
    expect(palette.open).toBeNull();
  });
  it("has groups: what the page offers first, sites, half-finished set-ups", async () => {
    // Its own draft: which ones the examples hold is another area's choice.
    await use("", {
      drafts: () => Promise.resolve([{ id: "d-1", site: "billing", host: "web-2", step: "source", updated_ms: 0 }]),
    });
    const ran = vi.fn();
    offered.page = [{ id: "x", title: "Do the thing of this page", group: "This page", run: ran }];
    render(Palette);
    await open();
    await screen.findAllByRole("option", { name: /^shop/ });
    await screen.findByText("Go on setting up billing");
    expect(screen.getAllByRole("group").map((group) => group.querySelector("h3")?.textContent)).toEqual([
      "This page",
      "Go to",
      "Hosts",
      "Sites",
      "Actions",
    ]);
    expect(within(screen.getByRole("group", { name: "Sites" })).getByText("Go on setting up billing")).toBeTruthy();
    await userEvent.keyboard("{Enter}");
    await waitFor(() => expect(ran).toHaveBeenCalledOnce());
  });
  it("goes round, says when nothing fits, and closes with Esc", async () => {
    await use("");
    render(Palette);
    const input = await open();
    await userEvent.keyboard("{ArrowUp}");
    expect(chosen(input)).toContain("List the keys");
    await userEvent.type(input, "zzzzzz");
    expect(screen.getByText(/Nothing fits “zzzzzz”/)).toBeTruthy();
    expect(input.hasAttribute("aria-activedescendant")).toBe(false);
    await userEvent.keyboard("{Enter}");
    expect(palette.open).toBe("commands");
    await userEvent.keyboard("{Escape}");
    expect(palette.open).toBeNull();
  });
  it("works with the rest when sites cannot be looked up", async () => {
    await use("", { sites: () => refuse(failure("local", "the disk is gone")) });
    render(Palette);
    await open();
    expect(await screen.findByText(/the disk is gone/)).toBeTruthy();
    expect(screen.getByRole("option", { name: /db-1/ })).toBeTruthy();
  });
});

describe("keys that work everywhere", () => {
  it("go to places, one letter after the other", async () => {
    await use("");
    render(Palette);
    for (const [keys, place] of [
      ["gs", "sites"],
      ["gl", "logs"],
      ["gy", "history"],
      ["gh", "hosts"],
    ] as const) {
      await userEvent.keyboard(keys);
      expect(location.hash).toBe(to(place));
    }
    await userEvent.keyboard("a");
    expect(location.hash).toBe(to("hosts", "+add"));
  });
  it("begin a new site", async () => {
    const card = { id: "d-5", site: null, host: null, step: "host", updated_ms: 0 };
    await use("", {
      newDraft: () => Promise.resolve({ card, text: "", values: null, diagnostics: [], secrets: [], detected: null }),
    });
    render(Palette);
    await userEvent.keyboard("n");
    await waitFor(() => expect(location.hash).toBe("#/new/d-5"));
  });
  it("do nothing while somebody writes", async () => {
    await use("");
    render(Palette);
    const field = document.createElement("textarea");
    document.body.append(field);
    field.focus();
    await userEvent.keyboard("gsan?");
    expect(field.value).toBe("gsan?");
    expect([location.hash, palette.open]).toEqual(["#/hosts", null]);
    field.remove();
  });
  it("are listed, those of the page too", async () => {
    await use("");
    offered.page = [{ id: "d", title: "Deploy now", group: "This page", keys: ["d"], run: () => undefined }];
    render(Palette);
    await userEvent.keyboard("?");
    const dialog = await screen.findByRole("dialog", { name: "Keys" });
    expect(dialog.textContent).toContain("Go to the history");
    expect(dialog.textContent).toContain("Deploy now");
  });
});
