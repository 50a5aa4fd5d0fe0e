import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { type Backend, useBackend } from "$lib/backend";
import { fake } from "$lib/backend/fake";
import { app } from "$lib/state/app.svelte";
import Settings from "../src/features/settings/Settings.svelte";

async function use(scene: string, more: Partial<Backend> = {}): Promise<void> {
  const base = fake(new URLSearchParams(scene));
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) }));
  app.stop();
  await app.start();
}

describe("settings", () => {
  it("keep at once what was chosen, and change the colours", async () => {
    const saveSettings = vi.fn<Backend["saveSettings"]>(() => Promise.resolve(null));
    await use("", { saveSettings });
    render(Settings);
    await userEvent.click(screen.getByRole("radio", { name: "Light" }));
    expect(document.documentElement.dataset["theme"]).toBe("light");
    await userEvent.click(screen.getByRole("radio", { name: /Side by side/ }));
    await userEvent.click(screen.getByRole("checkbox", { name: /Tell me when a run ends/ }));
    expect(saveSettings).toHaveBeenLastCalledWith({
      theme: "light",
      hosts_view: "cards",
      diff_view: "split",
      notifications: false,
    });
  });
  it("say what to do when there is no keyring, and look again", async () => {
    let missing = true;
    const good = fake().keyringState;
    const bad = fake(new URLSearchParams("keyring=missing")).keyringState;
    await use("", { keyringState: () => (missing ? bad() : good()) });
    render(Settings);
    expect(await screen.findByText(/Install and start gnome-keyring/)).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toContain("The keyring is not there");
    missing = false;
    await userEvent.click(screen.getByRole("button", { name: "Look again" }));
    expect(await screen.findByText("Ready")).toBeTruthy();
  });
  it("list the templates with where one's own goes", async () => {
    await use("");
    render(Settings);
    expect(await screen.findByText("/home/ann/.local/share/slipway/templates/nginx/site.conf")).toBeTruthy();
    expect(screen.getByText("1 of 5 your own")).toBeTruthy();
  });
  it("export, and import keeping what is here", async () => {
    await use("");
    render(Settings);
    await userEvent.click(screen.getByRole("button", { name: "Export…" }));
    expect(await screen.findByText("3 names in it: web-1, web-2, lab.")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Import, keep what is here…" }));
    expect((await screen.findByText("Kept as they were")).nextElementSibling?.textContent).toBe("web-1");
    expect(screen.getByText("Added").nextElementSibling?.textContent).toBe("web-9");
  });
  it("replace only after saying what is lost", async () => {
    const importInventory = vi.fn<Backend["importInventory"]>((replace) => fake().importInventory(replace));
    await use("", { importInventory });
    render(Settings);
    await userEvent.click(screen.getByRole("button", { name: "Import and replace…" }));
    expect((await screen.findByRole("dialog")).textContent).toContain("how they were is lost");
    expect(importInventory).not.toHaveBeenCalled();
    await userEvent.click(screen.getByRole("button", { name: "Choose the file" }));
    expect(importInventory).toHaveBeenCalledExactlyOnceWith(true);
    expect((await screen.findByText("Replaced")).nextElementSibling?.textContent).toBe("web-1");
  });
  it("say nothing when no file was chosen, and why when it failed", async () => {
    await use("inventory=cancelled");
    const { unmount } = render(Settings);
    await userEvent.click(screen.getByRole("button", { name: "Export…" }));
    expect(screen.queryByText("Exported")).toBeNull();
    unmount();
    await use("inventory=failing");
    render(Settings);
    await userEvent.click(screen.getByRole("button", { name: "Import, keep what is here…" }));
    expect((await screen.findByRole("alert")).textContent).toContain("line 3: expected");
  });
});
