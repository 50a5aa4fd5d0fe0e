import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, SlipwayError, useBackend } from "$lib/backend";
import { failure, fake } from "$lib/backend/fake";
import { NEW_PLAN_ID, PLAN_ID, examplePlan } from "$lib/backend/fake/plans";
import { planText } from "$lib/design/plan-words";
import { languageOf } from "$lib/design/languages";
import Plan from "$lib/features/plan/Plan.svelte";
import { app } from "$lib/state/app.svelte";
import { offered } from "$lib/state/commands.svelte";

async function open(query: string, change: Partial<Backend> = {}, id = PLAN_ID) {
  app.plans = {};
  const api = { ...fake(new URLSearchParams(query)), ...change };
  useBackend(
    new Proxy(api, {
      get: (target, name) => Reflect.get(target, name) ?? Reflect.get(fake(new URLSearchParams(query)), name),
    }),
  );
  app.state = await fake(new URLSearchParams(query)).appState();
  render(Plan, { id });
  return userEvent.setup();
}
const options = () => screen.getAllByRole("option");
const chosen = () => screen.getByRole("option", { selected: true }).textContent;

beforeEach(() => {
  location.hash = "";
});

describe("plan review", () => {
  it("says what would happen, what restarts and what people notice", async () => {
    await open("plan=deploy");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Deploy v2.8.0 of planner to web-1");
    expect(screen.getByText("16 steps on web-1: 2 changed, 1 removed; 2 files differ (+8 −4)")).toBeTruthy();
    expect(screen.getByText(/planner@1.service is replaced/)).toBeTruthy();
    expect(screen.getByText(/open WebSockets reconnect/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Apply this plan 7f3a91" })).toBeTruthy();
    expect(offered.page.map((command) => command.id)).toContain("plan-apply");
  });
  it("applies and goes to the run", async () => {
    const startRun = vi.fn<Backend["startRun"]>(() => Promise.resolve(77));
    const user = await open("plan=deploy", { startRun });
    await user.click(screen.getByRole("button", { name: /Apply this plan/ }));
    expect(startRun).toHaveBeenCalledExactlyOnceWith(PLAN_ID, false);
    await waitFor(() => expect(location.hash).toBe("#/runs/77"));
  });
  it("moves with the keys, finds with /, and leaves the search with Escape", async () => {
    const user = await open("plan=deploy");
    expect(chosen()).toContain("Check out 1c9e2f7a44b1");
    await user.keyboard("j");
    expect(chosen()).toContain("Build the Python");
    await user.keyboard("k");
    expect(chosen()).toContain("Check out");
    screen.getByRole("listbox").focus();
    await user.keyboard("{End}");
    expect(chosen()).toContain("Remove 1 failed release");
    await user.keyboard("/nginx");
    expect(options().length).toBe(2);
    expect(chosen()).toContain("planner.conf");
    await user.keyboard("j{Escape}");
    expect(options().length).toBe(16);
    expect(document.activeElement).toBe(screen.getByRole("listbox"));
  });
  it("goes into the step with Enter and back with Escape", async () => {
    const user = await open("plan=deploy");
    screen.getByRole("listbox").focus();
    await user.keyboard("{Enter}");
    expect(document.activeElement).toBe(screen.getByRole("region", { name: "The step" }));
    await user.keyboard("{Escape}");
    expect(document.activeElement).toBe(screen.getByRole("listbox"));
  });
  it("does not move while somebody types", async () => {
    const user = await open("plan=deploy");
    await user.click(screen.getByRole("searchbox"));
    await user.keyboard("k");
    expect(screen.getByRole<HTMLInputElement>("searchbox").value).toBe("k");
  });
  it("says when no step has the word", async () => {
    const user = await open("plan=deploy");
    await user.type(screen.getByRole("searchbox"), "zebra");
    expect(screen.queryAllByRole("option")).toHaveLength(0);
    expect(screen.getByText("No step has “zebra”.")).toBeTruthy();
  });
  it("wants consent before it replaces what was changed by hand, and sends it", async () => {
    const startRun = vi.fn<Backend["startRun"]>(() => Promise.resolve(78));
    const user = await open("plan=drift", { startRun });
    const apply = screen.getByRole<HTMLButtonElement>("button", { name: /Apply this plan/ });
    expect(apply.disabled).toBe(true);
    expect(offered.page.map((command) => command.id)).not.toContain("plan-apply");
    const consent = screen.getByRole("checkbox", {
      name: /\/etc\/planner\/environment.*\/etc\/nginx\/conf\.d\/planner\.conf.*kept aside on the host/,
    });
    await user.click(consent);
    expect(apply.disabled).toBe(false);
    await user.click(apply);
    expect(startRun).toHaveBeenCalledExactlyOnceWith(PLAN_ID, true);
  });
  it("cannot be applied while something is in the way, and says what to do", async () => {
    await open("plan=blocked");
    expect(screen.queryByRole("button", { name: /Apply this plan/ })).toBeNull();
    const notices = within(screen.getByRole("list", { name: /To know/ })).getAllByRole("listitem");
    expect(notices[0]?.textContent).toContain("SECRET_KEY has no value");
    expect(notices[0]?.textContent).toContain("Secrets tab");
    expect(screen.getByText("Cannot be applied")).toBeTruthy();
    expect(offered.page.map((command) => command.id)).not.toContain("plan-apply");
  });
  it("says that there is nothing to do, and what was looked at", async () => {
    await open("plan=empty");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Nothing to do");
    expect(screen.getByText(/Slipway looked at web-1: packages/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: /Apply/ })).toBeNull();
  });
  it("leads back when the plan is gone", async () => {
    await open("plan=gone");
    expect(screen.getByText(/not here any more/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "Go to the sites" }).getAttribute("href")).toBe("#/sites");
  });
  it("shows what moved and makes a new plan for the same question", async () => {
    const makePlan = vi.fn<Backend["makePlan"]>(() => Promise.resolve({ ...examplePlan("deploy"), id: NEW_PLAN_ID }));
    const user = await open("plan=deploy&start=stale", { makePlan });
    await user.click(screen.getByRole("button", { name: /Apply this plan/ }));
    const problem = await screen.findByRole("alert");
    expect(problem.textContent).toContain("v2.7.5");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: /Apply this plan/ }).disabled).toBe(true);
    await user.click(within(problem).getByRole("button", { name: "Make a new plan" }));
    expect(makePlan).toHaveBeenCalledExactlyOnceWith("planner", "web-1", { request: "deploy", reference: "v2.8.0" });
    await waitFor(() => expect(location.hash).toBe(`#/plan/${NEW_PLAN_ID}`));
    expect(app.plans[NEW_PLAN_ID]?.request).toEqual({ request: "deploy", reference: "v2.8.0" });
  });
  it("shows who holds the lock and tries again", async () => {
    const startRun = vi
      .fn<Backend["startRun"]>()
      .mockRejectedValueOnce(new SlipwayError(failure("locked", "web-1 is locked by bo@desk-2")))
      .mockResolvedValueOnce(5);
    const user = await open("plan=deploy", { startRun });
    await user.click(screen.getByRole("button", { name: /Apply this plan/ }));
    expect((await screen.findByRole("alert")).textContent).toContain("bo@desk-2");
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(location.hash).toBe("#/runs/5"));
  });
  it("says so when the new plan cannot be made", async () => {
    const user = await open("plan=deploy&start=stale&make=failing");
    await user.click(screen.getByRole("button", { name: /Apply this plan/ }));
    await user.click(await screen.findByRole("button", { name: "Make a new plan" }));
    expect((await screen.findByText(/does not answer/)).textContent).toContain("web-1");
  });
  it("asks once whether another source may have the secrets, and allows exactly what it showed", async () => {
    const allow = vi.fn<Backend["allow"]>(() => Promise.resolve(null));
    const user = await open("plan=deploy&start=stale&make=consent", { allow });
    await user.click(screen.getByRole("button", { name: /Apply this plan/ }));
    await user.click(await screen.findByRole("button", { name: "Make a new plan" }));
    expect((await screen.findByText(/it would receive/)).textContent).toContain("SECRET_KEY");
    await user.click(screen.getByRole("button", { name: "Trust this source" }));
    expect(allow).toHaveBeenCalledExactlyOnceWith({
      allow: "secrets",
      site: "planner",
      file: "/home/ann/planner/slipway.toml",
      source: "https://git.example.org/bo/planner.git",
    });
    expect(await screen.findByText("Allowed")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Trust this source" })).toBeNull();
  });
  it("masks secrets and says so", async () => {
    const user = await open("plan=apply");
    await user.click(screen.getByText("Change /etc/planner/environment"));
    expect(screen.getByText(/Secrets are shown as fingerprints/)).toBeTruthy();
    expect(screen.getByText("+1 −1 0640 root:planner")).toBeTruthy();
    expect(screen.getByText("0644 root:root → 0640 root:planner")).toBeTruthy();
    expect(screen.getByText("mode 0640, root:planner")).toBeTruthy();
    await user.click(screen.getByText("Write /etc/planner/secrets/licence.key"));
    expect(screen.getByText(/Its text is not shown: it may hold secrets/)).toBeTruthy();
  });
  it("tells each step by sign and word, and a phase of an activation as a step of its own", async () => {
    const user = await open("plan=deploy");
    const named = options().map((option) => option.textContent?.replace(/\s+/g, " ").trim() ?? "");
    expect(named).toContain("›Runs: Check out 1c9e2f7a44b1");
    expect(named).toContain("~Changes: Change /etc/planner/environment");
    expect(named).toContain("−Removes: Remove 1 failed release");
    expect(named).toContain("›Runs: Replace planner@2.service");
    expect(named).toContain("›Runs: Let v2.7.4 finish what it has begun, in the background reconnects");
    await user.click(screen.getByText("Let v2.7.4 finish what it has begun, in the background"));
    const step = screen.getByRole("region", { name: "The step" });
    expect(step.textContent).toContain("› Runs · step 15 of 16");
    expect(step.textContent).toContain("Open WebSockets reconnect");
  });
  it("says of a file that stays that it does, and has no difference to show", async () => {
    const user = await open("plan=deploy");
    await user.click(screen.getByText(/Keep 2 more configuration files/));
    expect(screen.getAllByText("stays")).toHaveLength(2);
    expect(screen.getAllByText("The text stays the same.")).toHaveLength(2);
  });
  it("can be nothing but a record", async () => {
    await open("plan=records");
    expect(screen.getByText("1 step on web-1: 1 changed; no file differs")).toBeTruthy();
    expect(screen.getByRole("group", { name: "Records" })).toBeTruthy();
    expect(screen.getByText("Nothing restarts.")).toBeTruthy();
  });
  it("keeps how differences are shown", async () => {
    const saveSettings = vi.fn<Backend["saveSettings"]>(() => Promise.resolve(null));
    const user = await open("plan=deploy", { saveSettings });
    await user.click(screen.getByText("Change /etc/nginx/conf.d/planner.conf"));
    await user.click(screen.getByRole("button", { name: "Side by side" }));
    expect(saveSettings.mock.calls[0]?.[0].diff_view).toBe("split");
    expect(screen.getByRole("button", { name: "Side by side", pressed: true })).toBeTruthy();
    const drawn = () => document.querySelector<HTMLElement>(".diff")?.shadowRoot;
    await waitFor(() => expect(drawn()?.querySelectorAll(".cm-mergeViewEditor")).toHaveLength(2));
    await waitFor(() => expect(drawn()?.querySelector(".cm-collapsedLines")).toBeTruthy());
    await user.click(screen.getByRole("button", { name: "Whole file" }));
    await waitFor(() => expect(drawn()?.querySelector(".cm-collapsedLines")).toBeNull());
    await user.click(screen.getByRole("button", { name: "Unified" }));
    await waitFor(() => expect(drawn()?.querySelector(".cm-deletedChunk")?.textContent).toContain("least_conn"));
    expect(drawn()?.querySelectorAll("style")).toHaveLength(0);
  });
  it("exports and tells where", async () => {
    const user = await open("plan=deploy");
    await user.click(screen.getByRole("button", { name: "Export" }));
    await waitFor(() => expect(app.toasts.at(-1)?.text).toBe("The plan was written to /home/ann/planner-7f3a91.json"));
  });
  it("shows hostile text as text", async () => {
    await open("plan=hostile");
    expect(document.querySelector("img")).toBeNull();
    expect(document.body.textContent).not.toMatch(/[\u0007\u001b\u202e]/);
  });
});

describe("plan as text", () => {
  it("has every step with commands and files", () => {
    const text = planText(examplePlan("deploy"));
    for (const wanted of [
      "plan 7f3a91",
      "› Check out 1c9e2f7a44b1",
      "$ npm run build",
      "~ Change /etc/nginx/conf.d/planner.conf",
      "+    hash $planner_route consistent;",
      "-    least_conn;",
      "− Remove 1 failed release",
      "people notice: Data changes in a way that going back does not undo.",
      "secrets as fingerprints",
    ])
      expect(text).toContain(wanted);
  });
});

describe("languages", () => {
  it("are known by path and first line", () => {
    expect(
      [
        ["/etc/nginx/conf.d/a.conf", ""],
        ["/etc/systemd/system/a@.service", ""],
        ["/opt/a/run", "#!/bin/sh\n"],
        ["/a/b.toml", ""],
        ["/a/b.json", ""],
        ["/etc/a/environment", ""],
        ["/a/readme", "words"],
      ].map(([path, text]) => languageOf(path ?? "", text ?? "")),
    ).toEqual(["nginx", "ini", "shell", "toml", "json", "ini", "plain"]);
  });
});
