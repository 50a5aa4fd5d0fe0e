import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Answers, type Backend, useBackend } from "$lib/backend";
import { fake } from "$lib/backend/fake";
import { app } from "$lib/state/app.svelte";
import AddHost from "../src/features/add-host/AddHost.svelte";
import { parse, suggestName } from "../src/features/add-host/address";

let tried: Answers[] = [];
async function use(scene: string, more: Partial<Backend> = {}): Promise<void> {
  const base = fake(new URLSearchParams(scene));
  tried = [];
  const all: Partial<Backend> = {
    tryHost: (form, answers, step) => {
      tried.push({ ...answers });
      return base.tryHost(form, answers, step);
    },
    ...more,
  };
  useBackend(new Proxy(base, { get: (target, name) => Reflect.get(all, name) ?? Reflect.get(target, name) }));
  app.stop();
  app.hosts = null;
  app.toasts = [];
  await app.start();
}
async function fill(address = "deploy@staging.example.org"): Promise<void> {
  await userEvent.type(screen.getByRole("combobox", { name: "Address" }), address);
  await userEvent.click(screen.getByRole("button", { name: "Test and add" }));
}

beforeEach(() => {
  location.hash = "#/hosts/+add";
});

describe("an address", () => {
  it("is understood in the forms that people write", () => {
    expect(parse("ann@web.example.org:2222")).toEqual({ user: "ann", host: "web.example.org", port: 2222 });
    expect(parse("ssh://root@[2001:db8::1]:22/")).toEqual({ user: "root", host: "2001:db8::1", port: 22 });
    expect(parse("2001:db8::1")).toEqual({ user: null, host: "2001:db8::1", port: null });
    expect(parse(" staging ")).toEqual({ user: null, host: "staging", port: null });
    for (const wrong of ["", "a b", "@host", "host:0", "host:70000", "-oProxyCommand=x", "-l@host", "host:22:x"])
      expect(parse(wrong), wrong).toBeNull();
  });
  it("suggests a name", () => {
    expect([
      suggestName("deploy@Web-1.example.org:22"),
      suggestName("203.0.113.20"),
      suggestName("[2001:db8::1]:22"),
      suggestName("-x"),
    ]).toEqual(["web-1", "203-0-113-20", "2001-db8-1", ""]);
  });
});

describe("adding a host", () => {
  it("fills the name in until a person writes one", async () => {
    await use("");
    render(AddHost);
    const address = screen.getByRole("combobox", { name: "Address" });
    const name = screen.getByLabelText<HTMLInputElement>("Name here");
    await userEvent.type(address, "ann@shop.example.org:2222");
    expect(name.value).toBe("shop");
    expect(screen.getByText("Understood as shop.example.org, login ann, port 2222.")).toBeTruthy();
    await userEvent.clear(name);
    await userEvent.type(name, "mine");
    await userEvent.type(address, "0");
    expect(name.value).toBe("mine");
  });
  it("offers hosts of ~/.ssh/config, taken with the keyboard", async () => {
    await use("");
    render(AddHost);
    const address = screen.getByRole<HTMLInputElement>("combobox", { name: "Address" });
    await userEvent.type(address, "stag");
    await waitFor(() => expect(address.getAttribute("aria-expanded")).toBe("true"));
    await userEvent.keyboard("{ArrowDown}");
    expect(document.getElementById(address.getAttribute("aria-activedescendant") ?? "")?.textContent).toContain(
      "staging",
    );
    await userEvent.keyboard("{Enter}");
    expect(address.value).toBe("staging");
    expect(tried).toEqual([]);
  });
  it("says what is missing, without testing", async () => {
    await use("");
    render(AddHost);
    await userEvent.click(screen.getByRole("button", { name: "Test and add" }));
    expect(screen.getByText("Give an address.")).toBeTruthy();
    await userEvent.type(screen.getByRole("combobox", { name: "Address" }), "web-1");
    await userEvent.click(screen.getByRole("button", { name: "Test and add" }));
    expect(screen.getByText("There is a host web-1 already.")).toBeTruthy();
    expect(tried).toEqual([]);
  });
  it("asks one question after the other, each answer tested with those before, and forgets them", async () => {
    const addHost = vi.fn<Backend["addHost"]>((form) =>
      fake().addHost(form, {
        accepted_fingerprint: null,
        password: null,
        passphrase: null,
        sudo_password: null,
        remember: false,
      }),
    );
    await use("", { addHost });
    render(AddHost);
    await fill();
    const question = await screen.findByRole("group", { name: "Compare the host key" });
    expect(question.textContent).toContain("ssh-keygen -lvf /etc/ssh/ssh_host_ed25519_key.pub");
    expect(question.textContent).toContain("[ED25519 256]");
    expect(question.textContent?.replaceAll(/\s/g, "")).toContain("uNiVztksCsDhcc0u9e8BgrJXVGDLR1rqpXQeZ0gFf4E");
    await userEvent.click(screen.getByRole("button", { name: "It is the same: go on" }));
    await userEvent.type(await screen.findByLabelText("Password of deploy"), "guess-9{Enter}");
    expect(await screen.findByText(/refused this password/)).toBeTruthy();
    expect(document.documentElement.outerHTML).not.toContain("guess-9");
    await userEvent.type(screen.getByLabelText("Password of deploy"), "correct{Enter}");
    await userEvent.type(await screen.findByLabelText("sudo password"), "correct{Enter}");
    expect(await screen.findByRole("heading", { level: 1, name: "staging is added and ready" })).toBeTruthy();
    const print = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLR1rqpXQeZ0gFf4E";
    expect(tried).toEqual([
      { accepted_fingerprint: null, password: null, passphrase: null, sudo_password: null, remember: false },
      { accepted_fingerprint: print, password: null, passphrase: null, sudo_password: null, remember: false },
      { accepted_fingerprint: print, password: "guess-9", passphrase: null, sudo_password: null, remember: false },
      { accepted_fingerprint: print, password: "correct", passphrase: null, sudo_password: null, remember: false },
      { accepted_fingerprint: print, password: "correct", passphrase: null, sudo_password: "correct", remember: false },
    ]);
    expect(addHost).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ name: "staging", address: "deploy@staging.example.org" }),
      tried[4],
    );
    expect(screen.getByText("AlmaLinux 9.4")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Back to hosts" }));
    expect(location.hash).toBe("#/hosts");
  });
  it("adds nothing when the key differs", async () => {
    const addHost = vi.fn<Backend["addHost"]>();
    await use("trial=key", { addHost });
    render(AddHost);
    await fill();
    await userEvent.click(await screen.findByRole("button", { name: "It differs, or I cannot tell" }));
    expect(screen.getByText("Right: do not go on.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: /It is the same/ })).toBeNull();
    expect(tried).toHaveLength(1);
    expect(addHost).not.toHaveBeenCalled();
  });
  it.each([
    ["changed", "Stop: this host shows another key"],
    ["revoked", "Stop: this host shows a revoked key"],
  ])("has no way on from a %s key", async (kind, title) => {
    const addHost = vi.fn<Backend["addHost"]>();
    await use(`trial=${kind}`, { addHost });
    render(AddHost);
    await fill();
    const stop = await screen.findByRole("alert");
    expect(within(stop).getByRole("heading", { level: 2 }).textContent).toContain(title);
    expect(stop.textContent).toContain("/home/ann/.ssh/known_hosts, line 17");
    expect(stop.textContent?.includes("sed -i '17d'")).toBe(kind === "changed");
    expect(screen.queryByRole("button", { name: /go on|accept|continue|trust|all the same/i })).toBeNull();
    expect(addHost).not.toHaveBeenCalled();
  });
  it("asks for a passphrase, and keeps it only when told to", async () => {
    await use("trial=passphrase");
    render(AddHost);
    await fill();
    const input = await screen.findByLabelText("Passphrase");
    expect([input.getAttribute("type"), input.getAttribute("autocomplete")]).toEqual(["password", "off"]);
    await userEvent.click(screen.getByLabelText("Keep it in the keyring of this desktop"));
    await userEvent.type(input, "correct{Enter}");
    await screen.findByText("What was found");
    expect(tried[1]).toMatchObject({ passphrase: "correct", remember: true });
  });
  it("explains the step that failed; what was filled in stays", async () => {
    await use("trial=refused");
    render(AddHost);
    await fill();
    expect((await screen.findByRole("alert")).textContent).toContain("connection refused");
    const steps = within(screen.getByRole("list", { name: "Connection test" }))
      .getAllByRole("listitem")
      .map((item) => item.textContent);
    expect(steps).toHaveLength(6);
    expect(steps[0]).toContain("12 ms");
    expect(steps[1]).toContain("failed");
    expect(steps[5]).toContain("not begun");
    await userEvent.click(screen.getByRole("button", { name: "Change what was filled in" }));
    expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Address" }).value).toBe(
      "deploy@staging.example.org",
    );
  });
  it("does not leave a form that somebody writes in", async () => {
    await use("trial=refused");
    render(AddHost);
    await userEvent.type(screen.getByRole("combobox", { name: "Address" }), "zz.example.org{Escape}{Escape}");
    expect(location.hash).toBe("#/hosts/+add");
    screen.getByRole("combobox", { name: "Address" }).blur();
    await userEvent.keyboard("{Escape}");
    expect(location.hash).toBe("#/hosts");
  });
  it("silences a test that was left", async () => {
    const addHost = vi.fn<Backend["addHost"]>();
    let end: (trial: Awaited<ReturnType<Backend["tryHost"]>>) => void = () => undefined;
    await use("", { addHost, tryHost: () => new Promise((done) => (end = done)) });
    render(AddHost);
    await fill();
    await userEvent.click(await screen.findByRole("button", { name: "Stop and change" }));
    end({ outcome: "ready", facts: [], host_key: null });
    await Promise.resolve();
    expect(addHost).not.toHaveBeenCalled();
    expect(screen.getByRole("button", { name: "Test and add" })).toBeTruthy();
  });
});

describe("changing how a host is reached", () => {
  it("begins with what is known and keeps the old name for the question", async () => {
    const editHost = vi.fn<Backend["editHost"]>((name, form, answers) => fake().editHost(name, form, answers));
    await use("trial=plain", { editHost });
    render(AddHost, { edit: "web-1" });
    const name = await screen.findByLabelText<HTMLInputElement>("Name here");
    expect(name.value).toBe("web-1");
    await userEvent.clear(name);
    await userEvent.type(name, "front");
    await userEvent.click(screen.getByRole("button", { name: "Test and save" }));
    await screen.findByText("What was found");
    expect(editHost).toHaveBeenCalledExactlyOnceWith(
      "web-1",
      expect.objectContaining({ name: "front", address: "203.0.113.20", user: "deploy" }),
      expect.objectContaining({ password: null }),
    );
  });
});
