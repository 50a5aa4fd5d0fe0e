import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, type PlanView, type SiteNews, SlipwayError, useBackend } from "$lib/backend";
import { NOW, failure, fake } from "$lib/backend/fake";
import { REVEALED } from "$lib/backend/fake/secrets";
import { RELEASES, SITE_FILE, UNREACHABLE } from "$lib/backend/fake/site-examples";
import { app } from "$lib/state/app.svelte";
import { clock } from "$lib/state/clock.svelte";
import { router } from "$lib/state/router.svelte";
import Deploy from "../src/features/site/Deploy.svelte";
import Rollback from "../src/features/site/Rollback.svelte";
import Site from "../src/features/site/Site.svelte";
import { fallback } from "../src/features/site/releases";

vi.mock("../src/design/editor/SiteFileText.svelte", () => import("./PlainText.svelte"));

function use(scene = "", more: Partial<Backend> = {}): Backend {
  const base = fake(new URLSearchParams(scene));
  const made = new Proxy(base, { get: (target, name) => Reflect.get(more, name) ?? Reflect.get(target, name) });
  useBackend(made);
  return made;
}

const PLAN: PlanView = {
  id: "7f3a91c0ffee",
  short_id: "7f3a91",
  site: "planner",
  host: "web-1",
  verb: "deploy",
  release: "r-new",
  notices: [],
  groups: [
    {
      heading: "Release",
      steps: [
        {
          id: "migrate",
          index: 0,
          title: "Run the migrations",
          reason: "the release brings one",
          verb: "run",
          risk: "data",
          drift: false,
          about: [],
          commands: [],
          files: [],
        },
        {
          id: "switch",
          index: 1,
          title: "Switch to the release",
          reason: "it is new",
          verb: "change",
          risk: "reconnect",
          drift: false,
          about: [],
          commands: [],
          files: [],
        },
      ],
    },
  ],
  summary: {
    counts: { create: 0, change: 1, remove: 0, run: 1 },
    files: 1,
    added: 2,
    removed: 1,
    restarts: ["planner-web@5001 restarts"],
    noticed: "Open pages reconnect once.",
    noticeable: true,
    needs_consent: [],
    blockers: 0,
  },
};

beforeEach(() => {
  clock.standStill(NOW);
  location.hash = "#/sites/planner/web-1";
  router.path = "/sites/planner/web-1";
  app.toasts = [];
  app.plans = {};
});
const site = (tab = "", host = "web-1", name = "planner") => render(Site, { site: name, host, tab });

describe("the page of a site", () => {
  it("says how it is, what runs, and how long the certificate holds", async () => {
    use("site=degraded");
    site();
    expect(await screen.findByText("Serving, but one of three processes keeps restarting")).toBeTruthy();
    expect(screen.getByText("Serving with trouble")).toBeTruthy();
    expect(screen.getByText("6 days left")).toBeTruthy();
    expect(screen.getByText("Self-signed")).toBeTruthy();
    expect(screen.getByText("Not the one on disk")).toBeTruthy();
    expect(screen.getByText("▲ 14")).toBeTruthy();
    expect(screen.getByText("▲ not the live one")).toBeTruthy();
  });
  it("stays when the host is lost, and comes back by itself", async () => {
    let tell: (news: SiteNews) => void = () => undefined;
    const stop = vi.fn();
    const base = fake();
    use("", {
      watchSite: (name, host, news, failed) => {
        tell = news;
        base.watchSite(name, host, news, failed);
        return stop;
      },
    });
    const page = site();
    expect(await screen.findByText("planner-web@5001.service")).toBeTruthy();
    tell({ news: "lost", failure: UNREACHABLE });
    expect(await screen.findByText("Was: serving")).toBeTruthy();
    expect(screen.getByText("planner-web@5001.service")).toBeTruthy();
    expect(screen.getByText(/Last seen/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Control planner-web@5001.service" })).toHaveProperty("disabled", true);
    base.watchSite("planner", "web-1", tell, () => undefined);
    expect(await screen.findByText("Serving")).toBeTruthy();
    page.unmount();
    expect(stop).toHaveBeenCalledOnce();
  });
  it("goes to the only host, and asks when there are several", async () => {
    use();
    site("", "", "planner");
    await waitFor(() => expect(location.hash).toBe("#/sites/planner/web-1"));
    site("", "", "shop");
    const links = await screen.findAllByRole("link", { name: /See how it is there/ });
    expect(links.map((link) => link.getAttribute("href"))).toEqual(["#/sites/shop/web-1", "#/sites/shop/web-2"]);
  });
  it("opens https addresses only", async () => {
    const openLink = vi.fn(() => Promise.resolve(null));
    use("site=insecure", { openLink });
    site();
    expect(await screen.findByText("▲ not encrypted")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Open" })).toHaveProperty("disabled", true);
    expect(openLink).not.toHaveBeenCalled();
  });
  it("restarts at once, and asks before it stops", async () => {
    const service = vi.fn(fake().service);
    use("", { service });
    site();
    await userEvent.click(await screen.findByRole("button", { name: "Control planner-web@5002.service" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: /Restart/ }));
    expect(service).toHaveBeenCalledWith("planner", "web-1", "restart", "planner-web@5002.service");
    expect(await screen.findByText(/restart done/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Control" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Stop…" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("get an error page until it is started again");
    expect(service).toHaveBeenCalledTimes(1);
    await userEvent.click(within(dialog).getByRole("button", { name: "Stop it now" }));
    expect(service).toHaveBeenLastCalledWith("planner", "web-1", "stop", null);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });
  it("says why a restart failed", async () => {
    use("service=failing");
    site();
    await userEvent.click(await screen.findByRole("button", { name: "Control planner-web@5001.service" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: /Restart/ }));
    expect((await screen.findByRole("alert")).textContent).toContain("did not restart on web-1");
  });
  it("plans changes and goes to the plan", async () => {
    const makePlan = vi.fn(() => Promise.resolve(PLAN));
    use("", { makePlan });
    site();
    await userEvent.click(await screen.findByRole("button", { name: "Plan changes" }));
    expect(makePlan).toHaveBeenCalledWith("planner", "web-1", { request: "apply" });
    expect(location.hash).toBe(`#/plan/${PLAN.id}`);
    expect(app.plans[PLAN.id]?.request).toEqual({ request: "apply" });
  });
  it("shows drift as differences, and that secrets are not shown", async () => {
    use("drift=some");
    site("drift");
    expect(await screen.findByText("3 files changed by hand")).toBeTruthy();
    expect(screen.getByText("/etc/systemd/system/planner-web@.service")).toBeTruthy();
    expect(screen.getByText(/it may hold secrets, so what is on the host is not shown/)).toBeTruthy();
    expect(screen.getByText("changed · +1 −2")).toBeTruthy();
    expect(screen.getByText("In the way")).toBeTruthy();
    expect(screen.getByText(/the secret SECRET_KEY has no value/).textContent).toContain("Secrets tab");
    expect(screen.getByText("Change /etc/nginx/conf.d/planner.conf")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Plan a repair" })).toBeTruthy();
  });
  it("shows the audit log with hostile names as text", async () => {
    use();
    site("audit");
    expect(await screen.findByText("\\u{202e}root")).toBeTruthy();
    expect(document.querySelector("img")).toBeNull();
  });
});

describe("releases", () => {
  it("fall back to the newest known-good one before the live one", () => {
    expect(fallback(RELEASES)?.id).toBe(RELEASES[2]?.id);
    expect(fallback([])).toBeNull();
  });
  it("can be removed, but neither the live one nor the one to fall back to", async () => {
    const removeRelease = vi.fn(fake().removeRelease);
    use("", { removeRelease });
    site("releases");
    const list = await screen.findByRole("listbox", { name: "Releases" });
    const remove = screen.getByRole("button", { name: "Remove…" });
    expect(remove).toHaveProperty("disabled", true);
    list.focus();
    await userEvent.keyboard("jj");
    expect(remove).toHaveProperty("disabled", true);
    await userEvent.keyboard("k");
    await userEvent.click(remove);
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("can no longer go back to it");
    await userEvent.click(within(dialog).getByRole("button", { name: "Remove its files" }));
    expect(removeRelease).toHaveBeenCalledWith("planner", "web-1", RELEASES[1]?.id);
  });
});

describe("deploying", () => {
  const deploy = () => render(Deploy, { site: "planner", host: "web-1" });
  it("proposes what the site file says and shows what it brings, hostile subjects as text", async () => {
    use();
    deploy();
    expect(await screen.findByText(/7 commits that v2.8.1 does not have/)).toBeTruthy();
    expect(screen.getByRole("option", { selected: true }).textContent).toContain("main");
    expect(document.body.textContent).toContain("\\u{202e}gnp.exe <img src=x");
    expect(document.querySelector("img")).toBeNull();
  });
  it("finds a tag, and takes a commit that is typed", async () => {
    const incoming = vi.fn(fake().incoming);
    use("refs=many", { incoming });
    deploy();
    const search = await screen.findByRole("searchbox");
    await userEvent.type(search, "v2.8.1{Enter}");
    await waitFor(() => expect(incoming).toHaveBeenLastCalledWith("planner", "web-1", "v2.8.1"));
    expect(await screen.findByText("No new commits")).toBeTruthy();
    await userEvent.clear(search);
    await userEvent.type(search, "0000000abc{Enter}");
    expect((await screen.findByRole("alert")).textContent).toContain("has no commit 0000000abc");
    expect(screen.getByRole("button", { name: "See what will happen" })).toHaveProperty("disabled", true);
  });
  it("says in words what will happen, then deploys with one press", async () => {
    const makePlan = vi.fn(() => Promise.resolve(PLAN));
    const startRun = vi.fn(() => Promise.resolve(42));
    use("", { makePlan, startRun });
    deploy();
    await screen.findByText(/7 commits/);
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    expect(await screen.findByRole("heading", { name: "This is what will happen" })).toBe(document.activeElement);
    expect(makePlan).toHaveBeenCalledExactlyOnceWith("planner", "web-1", { request: "deploy", reference: "main" });
    expect(screen.getByText("Open pages reconnect once.")).toBeTruthy();
    expect(screen.getByText(/which going back does not undo: Run the migrations/)).toBeTruthy();
    expect(screen.getByText("planner-web@5001 restarts")).toBeTruthy();
    expect(screen.getByText(/goes back to v2.8.1 by itself/)).toBeTruthy();
    expect(startRun).not.toHaveBeenCalled();
    await userEvent.click(screen.getByRole("button", { name: "Deploy now" }));
    expect(startRun).toHaveBeenCalledWith(PLAN.id, false);
    expect(location.hash).toBe("#/runs/42");
  });
  it("does not write over what was changed by hand without consent", async () => {
    const drifted: PlanView = {
      ...PLAN,
      groups: [
        { heading: "Files", steps: [{ ...PLAN.groups[0]!.steps[1]!, drift: true, title: "Write nginx's file" }] },
      ],
      summary: { ...PLAN.summary, needs_consent: ["switch"] },
    };
    const startRun = vi.fn(() => Promise.resolve(43));
    use("", { makePlan: () => Promise.resolve(drifted), startRun });
    deploy();
    await screen.findByText(/7 commits/);
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    const go = await screen.findByRole("button", { name: "Deploy now" });
    expect(go).toHaveProperty("disabled", true);
    await userEvent.click(screen.getByRole("checkbox"));
    await userEvent.click(go);
    expect(startRun).toHaveBeenCalledWith(PLAN.id, true);
  });
  it("makes a new plan when the host has moved on", async () => {
    const makePlan = vi.fn(() => Promise.resolve(PLAN));
    const stale = {
      ...failure("stale", "web-1 changed since the plan was made; nothing was done"),
      moved: [{ subject: "live release", was: "a", now: "b" }],
    };
    use("", { makePlan, startRun: () => Promise.reject(new SlipwayError(stale)) });
    deploy();
    await screen.findByText(/7 commits/);
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    await userEvent.click(await screen.findByRole("button", { name: "Deploy now" }));
    expect((await screen.findByRole("alert")).textContent).toContain("live release");
    expect(screen.queryByRole("button", { name: "Deploy now" })).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Make a new plan" }));
    expect(makePlan).toHaveBeenCalledTimes(2);
    expect(await screen.findByRole("button", { name: "Deploy now" })).toBeTruthy();
  });
  it("never applies a plan that is blocked or empty", async () => {
    const blocked: PlanView = {
      ...PLAN,
      notices: [{ severity: "blocker", text: "The disk of web-1 is full", hint: "Make room" }],
      summary: { ...PLAN.summary, blockers: 1 },
    };
    use("", { makePlan: () => Promise.resolve(blocked) });
    deploy();
    await screen.findByText(/7 commits/);
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    expect(await screen.findByText("The disk of web-1 is full")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Deploy now" })).toBeNull();
  });
  it("says what is in the way also when nothing could be planned", async () => {
    const blocked: PlanView = {
      ...PLAN,
      groups: [],
      notices: [{ severity: "blocker", text: "web-1 could not be looked at", hint: "Try again" }],
      summary: { ...PLAN.summary, blockers: 1 },
    };
    use("", { makePlan: () => Promise.resolve(blocked) });
    deploy();
    await screen.findByText(/7 commits/);
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    expect(await screen.findByRole("heading", { name: "This cannot be done yet" })).toBeTruthy();
    expect(screen.getByText("web-1 could not be looked at")).toBeTruthy();
    expect(screen.queryByText(/is already what runs/)).toBeNull();
    expect(screen.getByRole("button", { name: "Plan again" })).toBeTruthy();
  });
  it("says what a folder is", async () => {
    const makePlan = vi.fn(() => Promise.resolve({ ...PLAN, groups: [] }));
    use("refs=folder", { makePlan });
    deploy();
    expect(await screen.findByText(/The folder is sent as it is now/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    expect(await screen.findByText("There is nothing to do")).toBeTruthy();
    expect(makePlan).toHaveBeenCalledWith("planner", "web-1", { request: "deploy", reference: null });
    expect(screen.queryByRole("button", { name: "Deploy now" })).toBeNull();
  });
});

describe("rolling back", () => {
  const rollback = () => render(Rollback, { site: "planner", host: "web-1" });
  it("proposes the last known-good release and shows how it differs", async () => {
    const compare = vi.fn(fake().compare);
    const makePlan = vi.fn(() => Promise.resolve({ ...PLAN, verb: "rollback" }));
    const startRun = vi.fn(() => Promise.resolve(44));
    use("", { compare, makePlan, startRun });
    rollback();
    expect(await screen.findByText("src/export/recurring.py")).toBeTruthy();
    expect(compare).toHaveBeenCalledExactlyOnceWith("planner", "web-1", RELEASES[0]?.id, RELEASES[2]?.id);
    expect(screen.getByText("more than 4 files differ from the live release")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "See what will happen" }));
    await userEvent.click(await screen.findByRole("button", { name: "Roll back now" }));
    expect(makePlan).toHaveBeenCalledWith("planner", "web-1", { request: "rollback", to: RELEASES[2]?.id });
    expect(location.hash).toBe("#/runs/44");
  });
  it("begins with the release that was asked for", async () => {
    router.path = `/sites/planner/web-1/rollback?to=${RELEASES[3]?.id ?? ""}`;
    const compare = vi.fn(fake().compare);
    use("compare=same", { compare });
    rollback();
    await waitFor(() => expect(compare).toHaveBeenCalledWith("planner", "web-1", RELEASES[0]?.id, RELEASES[3]?.id));
  });
  it("keeps few of 2,000 releases in the page", async () => {
    use("releases=many&compare=same");
    rollback();
    const list = await screen.findByRole("listbox");
    expect(within(list).getAllByRole("option").length).toBeLessThan(40);
    list.focus();
    await userEvent.keyboard("{End}");
    expect(within(list).getByRole("option", { selected: true }).getAttribute("aria-posinset")).toBe("2000");
  });
  it("has nothing to go back to before the second deployment", async () => {
    use("releases=empty");
    rollback();
    expect(await screen.findByText("There is nothing to go back to")).toBeTruthy();
  });
});

describe("leaving", () => {
  const dialog = async () => {
    site("configuration");
    await userEvent.click(await screen.findByRole("button", { name: "Remove…" }));
    return within(await screen.findByRole("dialog"));
  };
  it("keeps the data unless told otherwise, and shows the plan first", async () => {
    const makePlan = vi.fn(() => Promise.resolve({ ...PLAN, verb: "uninstall" }));
    use("", { makePlan });
    const asked = await dialog();
    expect(asked.getByRole<HTMLInputElement>("radio", { name: /Keep its data/ }).checked).toBe(true);
    await userEvent.click(asked.getByRole("button", { name: "See the plan" }));
    await waitFor(() => expect(location.hash).toBe(`#/plan/${PLAN.id}`));
    expect(makePlan).toHaveBeenCalledExactlyOnceWith("planner", "web-1", { request: "uninstall", data: false });
  });
  it("has the site's name typed before its data may go", async () => {
    const makePlan = vi.fn(() => Promise.resolve({ ...PLAN, verb: "uninstall" }));
    use("", { makePlan });
    const asked = await dialog();
    await userEvent.click(asked.getByRole("radio", { name: /Remove its data/ }));
    const action = asked.getByRole<HTMLButtonElement>("button", { name: "See the plan" });
    expect(action.disabled).toBe(true);
    await userEvent.type(asked.getByRole("textbox", { name: "Type planner to go on" }), "planner");
    await userEvent.click(action);
    await waitFor(() =>
      expect(makePlan).toHaveBeenCalledExactlyOnceWith("planner", "web-1", { request: "uninstall", data: true }),
    );
  });
  it("says why there is no plan, and stays", async () => {
    use("make=failing");
    const asked = await dialog();
    await userEvent.click(asked.getByRole("button", { name: "See the plan" }));
    expect(await asked.findByText(/does not answer/)).toBeTruthy();
    expect(location.hash).toBe("#/sites/planner/web-1");
  });
});

describe("the site file", () => {
  it("is checked as it is typed, saved against what it was, and planned", async () => {
    const saveSiteText = vi.fn(fake().saveSiteText);
    const makePlan = vi.fn(() => Promise.resolve(PLAN));
    use("", { saveSiteText, makePlan });
    site("configuration");
    const text = await screen.findByRole("textbox", { name: "Site file of planner" });
    expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
    await change(text, "prot = 1");
    expect(await screen.findByText("1 mistake")).toBeTruthy();
    expect(screen.getByRole("button", { name: /plan these changes/i })).toHaveProperty("disabled", true);
    await change(text, "# fine\n");
    expect(await screen.findByText("In order, not saved")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Save and plan these changes" }));
    expect(saveSiteText).toHaveBeenCalledWith("planner", expect.stringContaining("# fine"), SITE_FILE);
    await waitFor(() => expect(location.hash).toBe(`#/plan/${PLAN.id}`));
  });
  it("does not write over what something else has changed", async () => {
    use("file=moved");
    site("configuration");
    await change(await screen.findByRole("textbox", { name: "Site file of planner" }), "# mine\n");
    await screen.findByText("In order, not saved");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    expect((await screen.findByRole("alert")).textContent).toContain("nothing was written");
  });
});
async function change(box: HTMLElement, text: string): Promise<void> {
  await userEvent.clear(box);
  await userEvent.type(box, text);
}

describe("secrets", () => {
  it("say what is set and missing, never a value", async () => {
    const revealSecret = vi.fn(fake().revealSecret);
    use("", { revealSecret });
    site("secrets");
    expect(await screen.findByText("SECRET_KEY")).toBeTruthy();
    expect(screen.getByText(/1 value missing/)).toBeTruthy();
    expect(revealSecret).not.toHaveBeenCalled();
    expect(document.documentElement.outerHTML).not.toContain(REVEALED);
  });
  it("are revealed when asked twice, for 20 seconds", async () => {
    const revealSecret = vi.fn(fake().revealSecret);
    use("", { revealSecret });
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
      const page = site("secrets");
      const reveal = async () => {
        await user.click(await screen.findByRole("button", { name: "More for SECRET_KEY" }));
        await user.click(await screen.findByRole("menuitem", { name: /Show the value/ }));
        const show = await screen.findByRole("button", { name: "Show it for 20 seconds" });
        expect(document.documentElement.outerHTML).not.toContain(REVEALED);
        await user.click(show);
        expect(await screen.findByText(REVEALED)).toBeTruthy();
      };
      expect(revealSecret).not.toHaveBeenCalled();
      await reveal();
      expect(revealSecret).toHaveBeenCalledExactlyOnceWith("planner", "SECRET_KEY");
      vi.advanceTimersByTime(21_000);
      await waitFor(() => expect(document.documentElement.outerHTML).not.toContain(REVEALED));
      await reveal();
      page.unmount();
      expect(document.documentElement.outerHTML).not.toContain(REVEALED);
    } finally {
      vi.useRealTimers();
    }
  });
  it("are typed hidden, judged, replaced, and the host does not have them yet", async () => {
    const setSecret = vi.fn(fake().setSecret);
    use("", { setSecret });
    site("secrets");
    await userEvent.click(await screen.findByRole("button", { name: "Rotate DATABASE_URL" }));
    const box = await screen.findByLabelText("Value");
    expect(box.getAttribute("type")).toBe("password");
    expect(box.getAttribute("autocomplete")).toBe("off");
    await userEvent.type(box, "a-secret-that-nobody-knows");
    expect(await screen.findByText("strong")).toBeTruthy();
    expect(document.documentElement.outerHTML).not.toContain("a-secret-that-nobody-knows");
    await userEvent.click(screen.getByRole("button", { name: "Replace it" }));
    expect(setSecret).toHaveBeenCalledWith("planner", "DATABASE_URL", {
      from: "text",
      value: "a-secret-that-nobody-knows",
    });
    expect(await screen.findByText("Not on the host yet")).toBeTruthy();
  });
  it("warn before they are rotated, and are removed only by typing their name", async () => {
    const removeSecret = vi.fn(fake().removeSecret);
    use("", { removeSecret });
    site("secrets");
    await userEvent.click(await screen.findByRole("button", { name: "Rotate SECRET_KEY" }));
    expect((await screen.findByRole("dialog")).textContent).toContain("everyone is logged out");
    await userEvent.click(screen.getByRole("button", { name: "Leave it as it is" }));
    await userEvent.click(await screen.findByRole("button", { name: "More for SECRET_KEY" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Remove…" }));
    const gone = await screen.findByRole("button", { name: "Remove it for ever" });
    expect(gone).toHaveProperty("disabled", true);
    await userEvent.type(screen.getByLabelText("Type SECRET_KEY to go on"), "SECRET_KEY{Enter}");
    await waitFor(() => expect(removeSecret).toHaveBeenCalledWith("planner", "SECRET_KEY"));
  });
  it("say when the keyring cannot be used", async () => {
    use("secrets=failing");
    site("secrets");
    expect((await screen.findByRole("alert")).textContent).toContain("The keyring is locked");
  });
});
