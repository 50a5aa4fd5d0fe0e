import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Backend, type Edit, type PlanView, SlipwayError, useBackend } from "$lib/backend";
import { failure, fake } from "$lib/backend/fake";
import Wizard from "$lib/features/wizard/Wizard.svelte";
import { questionOf } from "$lib/features/wizard/questions";
import { domainProblem, joinWords, nameProblem, splitWords } from "$lib/features/wizard/values";
import { app } from "$lib/state/app.svelte";

// The editor itself is looked at in a browser: here it only says what it was given.
vi.mock("$lib/design/editor/mount", () => ({
  mountEditor: (place: HTMLElement, options: { text: string; label: string; changed: (text: string) => void }) => {
    const area = document.createElement("textarea");
    area.setAttribute("aria-label", options.label);
    area.value = options.text;
    area.addEventListener("input", () => options.changed(area.value));
    place.append(area);
    return {
      view: { destroy: () => area.remove(), requestMeasure: () => undefined },
      mark: () => undefined,
      show: (text: string) => {
        if (area.value !== text) area.value = text;
      },
      lock: () => undefined,
      reveal: () => undefined,
    };
  },
}));

const VIEW = {
  id: "f00d",
  short_id: "f00d",
  site: "planner",
  host: "web-1",
  verb: "apply",
  release: null,
  groups: [],
  notices: [],
  summary: {
    counts: { create: 0, change: 0, remove: 0, run: 0 },
    files: 0,
    added: 0,
    removed: 0,
    restarts: [],
    noticed: "",
    noticeable: false,
    needs_consent: [],
    blockers: 0,
  },
} satisfies PlanView;
let sent: Edit[][] = [];

async function open(query: string, change: Partial<Backend> = {}) {
  const base = fake(new URLSearchParams(query));
  sent = [];
  const parts: Partial<Backend> = {
    editDraft: (id, edits) => {
      sent.push(edits);
      return base.editDraft(id, edits);
    },
    makePlan: () => Promise.resolve(VIEW),
    ...change,
  };
  useBackend(
    new Proxy(base, { get: (target, name) => Reflect.get(parts, name) ?? (Reflect.get(target, name) as unknown) }),
  );
  app.toasts = [];
  await app.start();
  const shown = render(Wizard, { id: "k3v9" });
  const user = userEvent.setup();
  if (!change.draft && !/wizard=(gone|loading)/.test(query)) await screen.findByRole("heading", { level: 1 });
  return { user, base, ...shown };
}
const heading = () => screen.getByRole("heading", { level: 1 }).textContent;
const button = (name: string | RegExp) => screen.getByRole("button", { name });
const edits = () => sent.flat();

beforeEach(() => {
  location.hash = "#/new/k3v9";
});
afterEach(() => app.stop());

describe("the way through", () => {
  it("resumes at the question where it was left", async () => {
    await open("wizard=full&step=secrets");
    expect(heading()).toBe("What must nobody see?");
    expect(screen.getByText(/Step 7 of 9/)).toBeTruthy();
  });
  it("goes on with Enter, back with Alt+Left, anywhere by the progress bar, and notes each place", async () => {
    const places: string[] = [];
    const base = fake(new URLSearchParams("wizard=full&step=host"));
    const { user } = await open("wizard=full&step=host", {
      setDraftPlace: (id, step, host) => {
        places.push(`${step}@${host}`);
        return base.setDraftPlace(id, step, host);
      },
    });
    await user.keyboard("{Enter}");
    await waitFor(() => expect(heading()).toBe("Is the host ready?"));
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("heading", { level: 1 })));
    await user.keyboard("{Alt>}{ArrowLeft}{/Alt}");
    await waitFor(() => expect(heading()).toBe("Which host will run it?"));
    await user.click(button(/^8\. Care/));
    await waitFor(() => expect(heading()).toBe("How is it looked after?"));
    await waitFor(() => expect(places).toEqual(["readiness@web-1", "host@web-1", "care@web-1"]));
  });
  it("does not take the focus from somebody who types while an answer is still being written", async () => {
    let write: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (write = resolve));
    const base = fake(new URLSearchParams("wizard=full&step=care"));
    const { user } = await open("wizard=full&step=care", {
      editDraft: async (id, edits) => {
        await written;
        return base.editDraft(id, edits);
      },
    });
    await user.type(screen.getByLabelText("At the latest after"), "5");
    await user.click(button(/^7\. Secrets/));
    await waitFor(() => expect(heading()).toBe("What must nobody see?"));
    const field = screen.getByLabelText(/Another one/);
    await user.click(field);
    write();
    await waitFor(() => expect(screen.getByText(/Step 7 of 9/).textContent).toContain("· saved"));
    await user.keyboard("TOKEN");
    expect(field).toHaveProperty("value", "TOKEN");
  });
  it("begins a draft and takes its address", async () => {
    location.hash = "#/new?host=web-2";
    dispatchEvent(new Event("hashchange"));
    useBackend(fake(new URLSearchParams("wizard=new")));
    const replace = vi.spyOn(location, "replace").mockImplementation(() => undefined);
    render(Wizard, { id: "" });
    await waitFor(() => expect(replace).toHaveBeenCalledWith("#/new/k3v9"));
    replace.mockRestore();
  });
  it("says when there is no such draft, and shows that it is being opened", async () => {
    await open("wizard=gone");
    expect(await screen.findByRole("alert")).toHaveProperty(
      "textContent",
      expect.stringContaining("There is no such draft"),
    );
  });
  it("shows that it is being opened", async () => {
    await open("wizard=loading");
    expect(screen.getByRole("status", { name: "Opening the set-up" })).toBeTruthy();
  });
});

describe("answers", () => {
  it("are written when the typing pauses, and the latest wins", async () => {
    const { user } = await open("wizard=full&step=care");
    const field = screen.getByLabelText(/Largest upload/);
    await user.clear(field);
    await user.type(field, "250M");
    await user.tab();
    await waitFor(() => expect(edits().at(-1)).toEqual({ path: ["limits", "body"], value: "250M" }));
    await waitFor(() => expect(screen.getByText(/· saved/)).toBeTruthy());
  });
  it("that are taken back remove the key", async () => {
    const { user } = await open("wizard=full&step=care");
    await user.clear(screen.getByLabelText(/Page that is asked/));
    await user.tab();
    await waitFor(() => expect(edits()).toContainEqual({ path: ["health", "path"], value: null }));
  });
  it("stay when they cannot be written, and are tried again", async () => {
    let full = true;
    const base = fake(new URLSearchParams("wizard=full"));
    const { user } = await open("wizard=full&step=reach", {
      editDraft: (id, list) =>
        full ? Promise.reject(new SlipwayError(failure("disk", "no space is left"))) : base.editDraft(id, list),
    });
    const field = screen.getByLabelText("Names, one per line");
    await user.type(field, "\nshop.example.org");
    await user.tab();
    expect((await screen.findByRole("alert")).textContent).toContain("no space is left");
    expect(screen.getByText(/not saved/)).toBeTruthy();
    expect(field).toHaveProperty("value", expect.stringContaining("shop.example.org"));
    full = false;
    await user.click(button("Try again"));
    await waitFor(() => expect(screen.getByText(/· saved/)).toBeTruthy());
    expect((await base.draft("k3v9")).text).toContain("shop.example.org");
  });
  it("are judged while typed, and Enter leads to what is wrong", async () => {
    const { user } = await open("wizard=begun&step=source");
    const field = screen.getByLabelText("Name of the site");
    await user.clear(field);
    await user.type(field, "My Site");
    expect(screen.getByText(/Begin with a lower-case letter/)).toBeTruthy();
    await user.click(button("Continue"));
    expect(heading()).toBe("Where does the code come from?");
    expect(document.activeElement).toBe(field);
  });
});

describe("questions", () => {
  it("host: offers to add one when there is none", async () => {
    await open("wizard=nohosts&step=host");
    expect(screen.getByRole("link", { name: "Add a host" }).getAttribute("href")).toBe("#/hosts/%2Badd");
  });
  it("host: finds one of many", async () => {
    const { user } = await open("wizard=manyhosts&step=host");
    await user.type(screen.getByLabelText("Find one of 200"), "node-137");
    expect(screen.getAllByRole("radio")).toHaveLength(1);
  });
  it("readiness: says what stands in the way first, and does not lock the way", async () => {
    const { user } = await open("wizard=full&step=readiness");
    expect(await screen.findByText("One thing will stand in the way.")).toBeTruthy();
    expect(
      screen.getAllByRole("listitem").find((item) => item.textContent?.includes("Port 80"))?.textContent,
    ).toContain("In the way");
    await user.click(button("Continue"));
    await waitFor(() => expect(heading()).toBe("Where does the code come from?"));
  });
  it("readiness: a silent host can be asked again, and a slow one is not waited for", async () => {
    const first = await open("wizard=silent&step=readiness");
    expect((await screen.findByRole("alert")).textContent).toContain("web-1 does not answer");
    first.unmount();
    const { user } = await open("wizard=looking&step=readiness");
    await user.click(button("Do not wait"));
    expect(button("Look again")).toBeTruthy();
  });
  it("source: another kind takes the place of the first, and going back restores it", async () => {
    const { user } = await open("wizard=full&step=source");
    await user.click(screen.getByRole("radio", { name: /A git repository/ }));
    await user.type(await screen.findByLabelText("Address of the repository"), "git@git.example.com:team/app.git");
    await user.tab();
    expect(await screen.findByLabelText(/Host key of the git server/)).toBeTruthy();
    await user.click(screen.getByRole("radio", { name: /A folder here/ }));
    await waitFor(() => expect(screen.getByLabelText("Folder")).toHaveProperty("value", "/home/ann/planner"));
  });
  it("kind: looks by itself, puts what fits first with its reasons, and a choice can be undone", async () => {
    const { user, base } = await open("wizard=full&step=kind");
    expect(await screen.findByText("requirements.txt:4 asks for flask-socketio")).toBeTruthy();
    const before = (await base.draft("k3v9")).text;
    await user.click(button(/^Files only/));
    await waitFor(() => expect(app.toasts.at(-1)?.action?.title).toBe("Undo"));
    expect((await base.draft("k3v9")).text).not.toBe(before);
    app.toasts.at(-1)?.action?.run();
    await waitFor(async () => expect((await base.draft("k3v9")).text).toBe(before));
  });
  it("kind: looking can be left off", async () => {
    const { user } = await open("wizard=looking&step=kind");
    await user.click(await screen.findByRole("button", { name: "Do not look" }));
    expect(button("Look at it")).toBeTruthy();
  });
  it("processes: a size that is not there yet cannot be chosen; commands are split into words", async () => {
    const { user } = await open("wizard=full&step=processes");
    expect(await screen.findByRole("radio", { name: /For many hosts/ })).toHaveProperty("disabled", true);
    const worker = within(screen.getByRole("region", { name: "worker" }));
    const field = worker.getByLabelText("Command");
    await user.clear(field);
    await user.type(field, 'python -m worker "two words"');
    await user.tab();
    await waitFor(() =>
      expect(edits().at(-1)).toEqual({
        path: ["process", "worker", "command"],
        value: ["python", "-m", "worker", "two words"],
      }),
    );
  });
  it("address: HSTS stays off when one's own certificate is chosen, and the key becomes a secret", async () => {
    const { user } = await open("wizard=full&step=reach");
    await user.click(screen.getByRole("radio", { name: /Your own certificate/ }));
    await waitFor(() =>
      expect(edits()).toEqual(
        expect.arrayContaining([
          { path: ["tls", "mode"], value: "own" },
          { path: ["tls", "hsts"], value: "0s" },
          { path: ["secret", "TLS_KEY"], value: {} },
        ]),
      ),
    );
    expect(screen.getByRole("checkbox", { name: /HSTS/ })).toHaveProperty("checked", false);
  });
  it("address: says that Let's Encrypt is not in this version yet", async () => {
    await open("wizard=full&step=reach");
    expect(
      screen.getByRole<HTMLInputElement>("radio", { name: /Let's Encrypt.*not in this version yet/ }).disabled,
    ).toBe(true);
  });
  it("secrets: a value goes to the back end once and is nowhere in the page", async () => {
    const values: unknown[] = [];
    const base = fake(new URLSearchParams("wizard=full"));
    const { user, container } = await open("wizard=full&step=secrets", {
      setDraftSecret: (id, name, value) => {
        values.push([name, value]);
        return base.setDraftSecret(id, name, value);
      },
    });
    await user.click(button("Type or paste: SMTP_PASSWORD"));
    const field = screen.getByLabelText("Value of SMTP_PASSWORD");
    expect(field.getAttribute("type")).toBe("password");
    await user.type(field, "correct horse battery");
    expect(await screen.findByText(/strong/)).toBeTruthy();
    await user.keyboard("{Enter}");
    await waitFor(() => expect(values).toEqual([["SMTP_PASSWORD", { from: "text", value: "correct horse battery" }]]));
    await waitFor(() => expect(screen.getByText("All of them have a value.")).toBeTruthy());
    expect(screen.queryByLabelText("Value of SMTP_PASSWORD")).toBeNull();
    expect(container.innerHTML + JSON.stringify(app.toasts)).not.toContain("correct horse");
    expect([...document.querySelectorAll("input")].some((input) => input.value.includes("correct"))).toBe(false);
    expect(heading()).toBe("What must nobody see?");
  });
  it("secrets: Escape gives up typing one", async () => {
    const { user } = await open("wizard=full&step=secrets");
    await user.click(button("Type or paste: SMTP_PASSWORD"));
    await user.type(screen.getByLabelText("Value of SMTP_PASSWORD"), "abc{Escape}");
    expect(screen.queryByLabelText("Value of SMTP_PASSWORD")).toBeNull();
  });
  it("care: who may come in gets a secret for the password", async () => {
    const { user } = await open("wizard=full&step=care");
    await user.type(screen.getByLabelText(/name of the user/), "ann.b{Enter}");
    await waitFor(() =>
      expect(edits()).toEqual([
        { path: ["access", "basic", "ann.b"], value: "ANN_B_PASSWORD" },
        { path: ["secret", "ANN_B_PASSWORD"], value: { generate: "password", length: 20 } },
      ]),
    );
  });
});

describe("review", () => {
  it("says it in words, with the way back to each question", async () => {
    const { user } = await open("wizard=full&step=review");
    expect(screen.getByText("People reach it at planner.example.org, www.planner.example.org.")).toBeTruthy();
    await user.click(button("Change Processes"));
    await waitFor(() => expect(heading()).toBe("What runs, and how much of it?"));
  });
  it("leads from a mistake to its question, and makes no plan while there is one", async () => {
    const { user } = await open("wizard=mistakes&step=review");
    expect(screen.getByText("3 things to mend before a plan can be made")).toBeTruthy();
    expect(button("Make the plan")).toHaveProperty("disabled", true);
    await user.click(
      within(screen.getByRole("region", { name: "What to mend" })).getAllByRole("button", { name: "Source" })[0] ??
        document.body,
    );
    await waitFor(() => expect(heading()).toBe("Where does the code come from?"));
  });
  it("finishes the draft once, plans, and goes to the plan", async () => {
    let finished = 0;
    let planned = 0;
    const base = fake(new URLSearchParams("wizard=full"));
    const { user } = await open("wizard=full&step=review", {
      finishDraft: (id) => {
        finished += 1;
        return base.finishDraft(id);
      },
      makePlan: (site, host, request) => {
        planned += 1;
        expect([site, host, request]).toEqual(["planner", "web-1", { request: "apply" }]);
        return planned === 1
          ? Promise.reject(new SlipwayError(failure("unreachable", "web-1 does not answer")))
          : Promise.resolve(VIEW);
      },
    });
    await user.click(button("Make the plan"));
    expect((await screen.findByRole("alert")).textContent).toContain("web-1 does not answer");
    await user.click(button("Try again"));
    await waitFor(() => expect(location.hash).toBe("#/plan/f00d"));
    expect([finished, planned]).toEqual([1, 2]);
    expect(app.plans["f00d"]?.request).toEqual({ request: "apply" });
  });
});

describe("the site file", () => {
  it("is shown beside the question, edited, and left without loss", async () => {
    const { user, base } = await open("wizard=full&step=reach");
    await user.click(button("Show the site file"));
    const area = await screen.findByLabelText("Site file", { selector: "textarea" });
    await user.clear(area);
    await user.paste('schema = 1\nname = "typed"\n[source]\nfolder = "/srv/typed"\n');
    await user.click(button("Back to the question"));
    expect((await base.draft("k3v9")).text).toContain("typed");
    expect(heading()).toBe("How do people reach it?");
    expect(screen.getByLabelText("Names, one per line")).toHaveProperty("value", "");
  });
  it("closes the questions while it cannot be read", async () => {
    const { user } = await open("wizard=broken&step=reach");
    expect(screen.getByText(/The questions wait/)).toBeTruthy();
    expect(button("Continue")).toHaveProperty("disabled", true);
    expect(screen.getByRole("group", { name: "How do people reach it?" })).toHaveProperty("disabled", true);
    await user.click(button("Mend it in the site file"));
    expect(await screen.findByLabelText("Site file", { selector: "textarea" })).toBeTruthy();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByLabelText("Site file", { selector: "textarea" })).toBeNull());
  });
});

describe("words", () => {
  it("judges names and domains as the back end does", () => {
    for (const good of ["a", "my-app", "a1-b2", "x".repeat(24)]) expect(nameProblem(good), good).toBeNull();
    for (const bad of ["1a", "A", "a_b", "a--b", "a-", "x".repeat(25), "-a", "é"])
      expect(nameProblem(bad), bad).not.toBeNull();
    for (const good of ["localhost", "a.example.org", "*.example.org", "xn--bcher-kva.example"])
      expect(domainProblem(good), good).toBeNull();
    for (const bad of ["https://a.b", "a.b/c", "a.b:80", "-a.b", "a..b", "bücher.example", "a.*.b"])
      expect(domainProblem(bad), bad).not.toBeNull();
  });
  it("takes commands apart and puts them together again", () => {
    for (const command of [
      ["python", "app.py"],
      ["a b", 'c"d', "e\\f", "", "it's"],
      ["-c", "import x; x.run(host='127.0.0.1', port={port})"],
    ])
      expect(splitWords(joinWords(command))).toEqual(command);
    expect(splitWords('open "quote')).toBeNull();
    expect(splitWords("  ")).toEqual([]);
  });
  it("knows the question of a key", () => {
    expect([["tls", "mode"], ["process", "web", "port"], ["health"], ["hooks", "migrate"], []].map(questionOf)).toEqual(
      ["reach", "processes", "care", null, null],
    );
  });
});
