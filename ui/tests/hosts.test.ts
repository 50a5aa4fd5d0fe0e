import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, SlipwayError, useBackend } from "$lib/backend";
import { failure, fake } from "$lib/backend/fake";
import { fakeHosts } from "$lib/backend/fake/hosts";
import { app } from "$lib/state/app.svelte";
import { to } from "$lib/state/router.svelte";
import Host from "../src/features/hosts/Host.svelte";
import Hosts from "../src/features/hosts/Hosts.svelte";
import { headline, matching, needing, ordered } from "../src/features/hosts/attention";

async function use(scene: string, more: Partial<Backend> = {}): Promise<void> {
  const base = fake(new URLSearchParams(scene));
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) }));
  app.stop();
  app.hosts = null;
  app.failure = null;
  app.toasts = [];
  await app.start();
}

beforeEach(() => {
  location.hash = "#/hosts";
});

describe("the list of hosts", () => {
  it("says the whole in a sentence and what needs a person first, worst first", async () => {
    await use("");
    render(Hosts);
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe(
      "One of 6 hosts does not answer. 3 more hosts need you.",
    );
    const urgent = within(screen.getByRole("region", { name: "What needs you" }))
      .getAllByRole("listitem")
      .map((item) => item.textContent);
    expect(urgent.map((text) => /old-shop|db-1|gate|lab/.exec(text ?? "")?.[0])).toEqual([
      "old-shop",
      "db-1",
      "gate",
      "lab",
    ]);
    expect(urgent[3]).toContain("91 % full");
  });
  it("is calm when nothing is wrong", async () => {
    await use("hosts=calm");
    render(Hosts);
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Everything answers.");
    expect(screen.queryByRole("region", { name: "What needs you" })).toBeNull();
  });
  it("counts in words", () => {
    const all = (kind: string) => {
      let found = app.hosts ?? [];
      fake(new URLSearchParams(kind)).watchHosts(
        (hosts) => (found = hosts),
        () => undefined,
      )();
      return found;
    };
    const few = all("");
    const [up, , lab, down] = few;
    if (!up || !lab || !down) throw new Error("examples are missing");
    expect(headline([up, lab])).toBe("Everything answers. One host needs you.");
    expect(headline([down])).toBe("Your host does not answer.");
    expect(headline([{ ...up, reach: { state: "needs", need: "password" } }])).toBe("Your host needs you.");
    expect(
      headline([
        { ...up, reach: { state: "connecting" } },
        { ...up, reach: { state: "unknown" } },
      ]),
    ).toBe("Looking at 2 hosts.");
    // A full disk that was seen long ago is not what needs somebody: that the host is silent is.
    expect(needing([{ ...lab, reach: down.reach }]).map((one) => one.word)).toEqual(["No answer"]);
    expect(ordered(few, "load")[0]?.name).toBe("lab");
    expect(ordered(few, "name").map((host) => host.name)).toEqual([
      "db-1",
      "gate",
      "lab",
      "old-shop",
      "web-1",
      "web-2",
    ]);
    expect(ordered(few, "seen")[0]?.name).toBe("gate");
    expect(matching(few, "debian shop", []).map((host) => host.name)).toEqual(["web-2", "old-shop"]);
    expect(matching(few, "", ["production", "eu"]).map((host) => host.name)).toEqual(["web-1", "db-1"]);
  });
  it("moves with J, K and arrows; each card leads to its host", async () => {
    await use("");
    render(Hosts);
    const links = within(screen.getByRole("list", { name: "Hosts" })).getAllByRole("link");
    links[0]?.focus();
    await userEvent.keyboard("jj{ArrowLeft}");
    expect(document.activeElement).toBe(links[1]);
    expect(links.map((link) => link.tabIndex)).toEqual([-1, 0, -1, -1, -1, -1]);
    expect(links[1]?.getAttribute("href")).toBe("#/hosts/gate");
  });
  it("filters by text and tags, and finds the way back from nothing", async () => {
    await use("");
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "eu", pressed: false }));
    expect(screen.getByText("2 of 6 hosts")).toBeTruthy();
    await userEvent.type(screen.getByRole("searchbox"), "nothing-like-it");
    expect(screen.getByText("No host matches")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Show all" }));
    expect(screen.getByText("6 hosts")).toBeTruthy();
  });
  it("keeps the choice of a table, which holds few rows however many hosts there are", async () => {
    const saveSettings = vi.fn(() => Promise.resolve(null));
    await use("hosts=many", { saveSettings });
    render(Hosts);
    expect(within(screen.getByRole("list", { name: "Hosts" })).getAllByRole("link").length).toBeLessThan(60);
    await userEvent.click(screen.getByRole("button", { name: "Table" }));
    expect(saveSettings).toHaveBeenCalledWith(expect.objectContaining({ hosts_view: "table" }));
    const list = screen.getByRole("listbox", { name: "Hosts" });
    expect(within(list).getAllByRole("option").length).toBeLessThan(60);
    list.focus();
    await userEvent.keyboard("j{Enter}");
    expect(location.hash).toMatch(/^#\/hosts\/./);
  });
  it("shows what a host says as text, whatever it says", async () => {
    await use("hosts=many");
    const { container } = render(Hosts);
    await userEvent.type(screen.getByRole("searchbox"), "onerror");
    expect(container.querySelector(".tiles img")).toBeNull();
    expect(container.querySelector(".tiles")?.textContent).toContain("\\u{1b}[31mDebian");
  });
  it("gives a password to a host without keeping it in the page", async () => {
    const answerHost = vi.fn<Backend["answerHost"]>(() => Promise.resolve(null));
    await use("", { answerHost });
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Give it to gate" }));
    const input = await screen.findByLabelText("Password");
    expect(input.getAttribute("autocomplete")).toBe("off");
    await userEvent.type(input, "s3cret-word");
    await userEvent.click(screen.getByLabelText("Keep it in the keyring of this desktop"));
    await userEvent.click(screen.getByRole("button", { name: "Connect" }));
    expect(answerHost).toHaveBeenCalledExactlyOnceWith("gate", {
      accepted_fingerprint: null,
      password: "s3cret-word",
      passphrase: null,
      sudo_password: null,
      remember: true,
    });
    expect(document.documentElement.outerHTML).not.toContain("s3cret-word");
    await waitFor(() =>
      expect([...document.querySelectorAll("input")].map((one) => one.value)).not.toContain("s3cret-word"),
    );
  });
});

describe("a host that needs two things", () => {
  it.each([
    [["first"], true],
    [["first", "second"], false],
    [["second"], true],
    [[], false],
  ])("keeps both in the keyring or none (%s pressed: %s)", async (pressed, kept) => {
    const answerHost = vi.fn<Backend["answerHost"]>((_, answers) =>
      Promise.resolve(answers.sudo_password ? null : "sudo-password"),
    );
    await use("", { answerHost });
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Give it to gate" }));
    for (const [when, label] of [
      ["first", "Password"],
      ["second", "sudo password"],
    ] as const) {
      await userEvent.type(await screen.findByLabelText(label), "w0rd");
      if (pressed.includes(when)) await userEvent.click(screen.getByRole("checkbox", { name: /Keep it/ }));
      await userEvent.click(screen.getByRole("button", { name: "Connect" }));
    }
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(answerHost.mock.lastCall?.[1].remember).toBe(kept);
  });
  it("asks for one after the other and gives both together", async () => {
    const answerHost = vi.fn<Backend["answerHost"]>((_, answers) =>
      Promise.resolve(answers.sudo_password ? null : "sudo-password"),
    );
    await use("", { answerHost });
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Give it to gate" }));
    await userEvent.type(await screen.findByLabelText("Password"), "s3cret-word");
    await userEvent.click(screen.getByRole("button", { name: "Connect" }));
    await userEvent.type(await screen.findByLabelText("sudo password"), "0ther-word");
    expect(screen.queryByLabelText("Password")).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Connect" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    const both = {
      accepted_fingerprint: null,
      password: "s3cret-word",
      passphrase: null,
      sudo_password: "0ther-word",
      remember: false,
    };
    expect(answerHost).toHaveBeenCalledTimes(2);
    expect(answerHost).toHaveBeenLastCalledWith("gate", both);
    expect(document.documentElement.outerHTML).not.toMatch(/s3cret-word|0ther-word/);
  });
});

describe("the first run", () => {
  it("offers three ways to begin", async () => {
    await use("hosts=empty");
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Add your first server" }));
    expect(location.hash).toBe(to("hosts", "+add"));
    await userEvent.click(screen.getByRole("button", { name: "Try it on a disposable host" }));
    await waitFor(() => expect(location.hash).toBe("#/hosts/lab-1"));
  });
  it("says why there can be no disposable host", async () => {
    await use("hosts=empty&disposable=none");
    render(Hosts);
    await screen.findByText(/Neither Podman nor Docker/);
    const button = screen.getByRole<HTMLButtonElement>("button", { name: "Try it on a disposable host" });
    expect(button.disabled).toBe(true);
    expect(document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent).toContain(
      "Neither Podman nor Docker",
    );
  });
  it("shows how far starting one is, and how it failed", async () => {
    await use("hosts=empty&disposable=failing");
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Try it on a disposable host" }));
    expect((await screen.findByRole("alert")).textContent).toContain("no route to host");
    expect(
      within(screen.getByRole("list", { name: "Starting the disposable host" })).getAllByRole("listitem"),
    ).toHaveLength(4);
  });
  it("takes over only what was chosen of ~/.ssh/config", async () => {
    const importAliases = vi.fn<Backend["importAliases"]>(() => Promise.resolve([]));
    await use("hosts=empty", { importAliases });
    render(Hosts);
    await userEvent.click(screen.getByRole("button", { name: "Import from SSH config" }));
    const known = await screen.findByRole<HTMLInputElement>("checkbox", { name: /^web-1/ });
    expect(known.disabled).toBe(true);
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: /^build-/ }).disabled).toBe(true);
    await userEvent.click(screen.getByRole("checkbox", { name: /^All that/ }));
    await userEvent.click(screen.getByRole("checkbox", { name: /^bastion/ }));
    await userEvent.click(screen.getByRole("button", { name: "Take 2 hosts over" }));
    expect(importAliases).toHaveBeenCalledExactlyOnceWith(["staging", "backup"]);
  });
});

describe("the page of a host", () => {
  it("shows what was seen, and what could not be", async () => {
    // Its own runs: which ones the examples hold is another area's choice.
    await use("host=partial", { runs: fakeHosts(new URLSearchParams()).runs });
    render(Host, { name: "web-1" });
    expect(await screen.findByText("AlmaLinux 9.4")).toBeTruthy();
    expect(screen.getByText("2 things could not be seen")).toBeTruthy();
    expect(screen.getByText(/Permission denied \\u\{1b\}/)).toBeTruthy();
    expect(await screen.findByText("Rolled back")).toBeTruthy();
    expect(screen.getByRole("link", { name: "planner" }).getAttribute("href")).toBe("#/sites/planner/web-1");
  });
  it("begins a site on it", async () => {
    const card = { id: "d-9", site: null, host: "web-1", step: "source", updated_ms: 0 };
    const newDraft = vi.fn<Backend["newDraft"]>(() =>
      Promise.resolve({ card, text: "", values: null, diagnostics: [], secrets: [], detected: null }),
    );
    await use("", { newDraft });
    render(Host, { name: "web-1" });
    await userEvent.click(await screen.findByRole("button", { name: "Set up a site here" }));
    expect(newDraft).toHaveBeenCalledExactlyOnceWith("web-1");
    expect(location.hash).toBe("#/new/d-9");
  });
  it("says why a host does not answer, and tries again when asked to", async () => {
    const retryHost = vi.fn<Backend["retryHost"]>(() =>
      Promise.reject(new SlipwayError(failure("unreachable", "db-1 still does not answer"))),
    );
    await use("", { retryHost });
    render(Host, { name: "db-1" });
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("db-1 does not answer");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Set up a site here" }).disabled).toBe(true);
    await userEvent.click(screen.getByRole("button", { name: "Try again now" }));
    expect(retryHost).toHaveBeenCalledExactlyOnceWith("db-1");
    expect(await screen.findByText("db-1 still does not answer")).toBeTruthy();
  });
  it("stops at a changed key: both keys, where, no way on", async () => {
    const answerHost = vi.fn<Backend["answerHost"]>(() => Promise.resolve(null));
    await use("trial=changed", { answerHost });
    render(Host, { name: "old-shop" });
    const stop = await screen.findByRole("alert");
    expect(stop.textContent).toContain("line 17");
    expect(stop.textContent?.replaceAll(/\s/g, "")).toContain("9bQ2mVqk1hT0xXcCw1eYJ8l4uG7PzR3sKfNdEoA5iBw");
    expect(within(stop).queryByRole("button", { name: /go on|accept|continue|trust/i })).toBeNull();
    expect(screen.queryByRole("button", { name: /go on|accept|continue|trust/i })).toBeNull();
    expect(answerHost).not.toHaveBeenCalled();
  });
  it("changes tags without asking for anything else", async () => {
    const editHost = vi.fn<Backend["editHost"]>(() => new Promise(() => undefined));
    await use("", { editHost });
    render(Host, { name: "web-1" });
    await userEvent.click(await screen.findByRole("button", { name: "Remove the tag eu" }));
    expect(editHost.mock.calls[0]?.[1]).toMatchObject({ name: "web-1", tags: ["production"] });
  });
  it("forgets a host only when its name was typed, and ends a lock only when asked to", async () => {
    const removeHost = vi.fn<Backend["removeHost"]>(() => Promise.resolve(null));
    await use("", { removeHost });
    render(Host, { name: "web-1" });
    await userEvent.click(await screen.findByRole("button", { name: "More for this host" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: /Forget this host/ }));
    expect((await screen.findByRole("dialog")).textContent).toContain(
      "Nothing changes on the host: planner, shop go on serving there",
    );
    const action = screen.getByRole<HTMLButtonElement>("button", { name: "Forget it" });
    expect(action.disabled).toBe(true);
    await userEvent.type(screen.getByLabelText("Type web-1 to go on"), "web-1");
    await userEvent.click(action);
    expect(removeHost).toHaveBeenCalledExactlyOnceWith("web-1");
    expect(location.hash).toBe("#/hosts");
  });
  it("tells whose lock it ended", async () => {
    await use("");
    render(Host, { name: "web-1" });
    await userEvent.click(await screen.findByRole("button", { name: "More for this host" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: /End somebody's lock/ }));
    await userEvent.click(await screen.findByRole("button", { name: "End the lock" }));
    await waitFor(() => expect(app.toasts[0]?.text).toContain("bo@laptop"));
  });
  it("says that there is no such host", async () => {
    await use("");
    render(Host, { name: "nobody" });
    expect((await screen.findByRole("alert")).textContent).toContain("There is no host nobody");
    await userEvent.click(screen.getByRole("button", { name: "Back to hosts" }));
    expect(location.hash).toBe("#/hosts");
  });
});
