/**
 * Examples of plans. `?plan=` keeps one for `#/plan/ID` (deploy, apply, rollback, uninstall, drift, blocked, records,
 * empty, large, hostile), `?start=stale|locked|refused` is how applying it fails, `?make=failing|consent` how planning
 * does.
 */
import type { Backend, PlanRequest, PlanView, Verb } from "..";
import { SlipwayError } from "..";
import { app } from "../../state/app.svelte";
import { fileChange } from "./files";
import { UNITS, deploy, grouped, leaving, recorded, setUp } from "./plan-steps";
import { type Scene, failure, refuse } from "./scene";

const ID = "7f3a91c04be2a8d5f6017732c19e84ab50d3f2e96c7b4a1d88f0e2b7716a9c35";
/** The id of every example plan but the one that was made anew. */
export const PLAN_ID = ID;
export const NEW_PLAN_ID = `c0ffee${ID.slice(6)}`;

function summed(plan: PlanView): PlanView {
  const steps = plan.groups.flatMap((group) => group.steps);
  const changed = steps.flatMap((step) => step.files).filter((file) => file.kind !== "same");
  const lines = changed.flatMap((file) => file.unified.split("\n").slice(2));
  const counted = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  const does = (verb: Verb) => steps.filter((step) => step.verb === verb).length;
  return {
    ...plan,
    summary: {
      ...plan.summary,
      counts: { create: does("create"), change: does("change"), remove: does("remove"), run: does("run") },
      files: new Set(changed.map((file) => file.path)).size,
      added: counted("+"),
      removed: counted("-"),
      noticeable: !plan.summary.noticed.startsWith("Nothing") && steps.some((step) => step.risk !== "none"),
      needs_consent: steps.filter((step) => step.drift).map((step) => step.id),
      blockers: plan.notices.filter((notice) => notice.severity === "blocker").length,
    },
  };
}

export function examplePlan(state: string, site = "planner", host = "web-1"): PlanView {
  const isDeploy = !["apply", "empty", "large", "records"].includes(state);
  const base: PlanView = {
    id: ID,
    short_id: "7f3a91",
    site,
    host,
    verb: state === "rollback" ? "rollback" : isDeploy ? "deploy" : "apply",
    release: state === "rollback" ? "v2.7.4" : isDeploy ? "v2.8.0" : null,
    groups: grouped(isDeploy ? deploy : setUp),
    notices: [],
    summary: {
      counts: { create: 0, change: 0, remove: 0, run: 0 },
      files: 0,
      added: 0,
      removed: 0,
      noticeable: false,
      needs_consent: [],
      blockers: 0,
      restarts: isDeploy
        ? ["planner@1.service is replaced", "planner@2.service is replaced", "nginx reloads; it drops no connection"]
        : ["nginx.service starts", "nginx reloads; it drops no connection"],
      noticed: isDeploy
        ? "What people will notice: open WebSockets reconnect; no request waits, none is lost; data changes in a way that going back does not undo."
        : "Nothing is being served yet, so nobody will notice.",
    },
  };
  switch (state) {
    case "uninstall":
      base.verb = "uninstall";
      base.release = null;
      base.groups = grouped(leaving);
      base.notices = [
        {
          severity: "info",
          text: "packages stay: nginx, python3-venv",
          hint: "other programs may need them by now; the host's package manager removes them",
        },
      ];
      base.summary = {
        ...base.summary,
        restarts: [...UNITS.split(", ").map((unit) => `${unit} stops`), "nginx reloads; it drops no connection"],
        noticed: "The site is gone for everybody. Its data goes with it, for good.",
      };
      break;
    case "drift": {
      const changed = ["Web server", "Configuration"];
      base.groups = base.groups.map((group) => ({
        ...group,
        steps: group.steps.map((step) =>
          changed.includes(group.heading) && step.verb === "change" ? { ...step, drift: true } : step,
        ),
      }));
      base.notices = [
        {
          severity: "warning",
          text: "2 files on web-1 were changed by hand since Slipway wrote them",
          hint: "take the changes over into the site file or a template, or agree below that they are replaced",
        },
      ];
      break;
    }
    case "blocked":
      base.notices = [
        { severity: "info", text: "web-1 asks for a restart after its last updates", hint: null },
        {
          severity: "blocker",
          text: "The secret SECRET_KEY has no value in the keyring",
          hint: "give it one on the site’s Secrets tab, then plan again",
        },
        {
          severity: "warning",
          text: "/ has 1.2 GB left; this release needs about 0.9 GB",
          hint: "remove old releases first",
        },
      ];
      break;
    case "records":
      base.groups = grouped(recorded);
      base.summary = { ...base.summary, restarts: [], noticed: "People who use the site will notice nothing." };
      break;
    case "empty":
      base.groups = [];
      base.summary = { ...base.summary, restarts: [], noticed: "People who use the site will notice nothing." };
      base.notices = [
        { severity: "info", text: "The certificate is renewed by certbot.timer; it has 61 days left", hint: null },
      ];
      break;
    case "large": {
      const old = Array.from(
        { length: 2000 },
        (_, i) => `    location /area-${i}/ { proxy_pass http://planner; proxy_read_timeout ${i % 60}s; }`,
      ).join("\n");
      const next = old
        .split("\n")
        .map((line, i) => (i % 97 === 0 ? line.replace("proxy_read_timeout", "proxy_send_timeout") : line))
        .join("\n");
      base.groups = grouped([
        [
          "Web server",
          [
            {
              title: "Change /etc/nginx/conf.d/planner-areas.conf",
              reason: "the site file, a template or a secret changed",
              verb: "change",
              files: [fileChange("/etc/nginx/conf.d/planner-areas.conf", old, next)],
            },
          ],
        ],
        [
          "Configuration",
          Array.from({ length: 180 }, (_, i) => ({
            title: `Write /etc/planner/areas/${String(i).padStart(3, "0")}.toml`,
            reason: "it is not there yet",
            verb: "create" as const,
            files: [fileChange(`/etc/planner/areas/${i}.toml`, null, `name = "area ${i}"\nlimit = ${i}\n`)],
          })),
        ],
      ]);
      base.notices = Array.from({ length: 12 }, (_, i) => ({
        severity: "warning" as const,
        text: `Area ${i} is served by two locations; nginx takes the longer one`,
        hint: null,
      }));
      break;
    }
    case "hostile":
      base.groups = grouped([
        [
          "Configuration",
          [
            {
              title: `Change /etc/pla\u202enner\u0007.conf ${"very-long-name-".repeat(40)}`,
              reason: "<img src=x onerror=alert(1)> because",
              verb: "change",
              commands: [`printf '\u001b[31mred\u001b[0m' > /tmp/${"x".repeat(400)}`],
              files: [
                fileChange(
                  `/etc/${"deep/".repeat(40)}conf`,
                  "a = 1\nb = \u202etxt.exe\n",
                  `a = 2\nb = \u0000zero\n${"y".repeat(5000)}\n`,
                ),
              ],
            },
          ],
        ],
      ]);
      break;
    default:
  }
  return summed(base);
}

function stateFor(request: PlanRequest): string {
  return request.request;
}

export function fakePlans(scene: Scene): Partial<Backend> {
  const state = scene.get("plan");
  if (state && state !== "gone") app.keep(examplePlan(state), { request: "deploy", reference: "v2.8.0" });
  return {
    makePlan: (site, host, request) => {
      if (scene.get("make") === "failing")
        return refuse(
          failure(
            "unreachable",
            `${host} does not answer`,
            ["connect to 192.0.2.10 port 22: timed out after 10 s"],
            "look whether it is on; nothing was changed",
          ),
        );
      if (scene.get("make") === "consent")
        return refuse({
          ...failure(
            "consent",
            `the secrets of ${site} were made for another source; nothing was changed`,
            [
              `they were made for /home/ann/${site}/slipway.toml, with the source https://git.example.com/${site}.git`,
              `/home/ann/${site}/slipway.toml asks for them, with the source https://git.example.org/bo/${site}.git`,
              "it would receive DATABASE_PASSWORD, SECRET_KEY",
            ],
            `if this is to be ${site} from now on, trust this source (--trust-source), which is remembered; if it is another site, give it another name`,
          ),
          asks: {
            allow: "secrets",
            site,
            file: `/home/ann/${site}/slipway.toml`,
            source: `https://git.example.org/bo/${site}.git`,
          },
        });
      const wanted = scene.get("next") ?? state ?? stateFor(request);
      return Promise.resolve({ ...examplePlan(wanted, site, host), id: NEW_PLAN_ID, short_id: "c0ffee" });
    },
    allow: () => Promise.resolve(null),
    exportPlan: () => Promise.resolve("/home/ann/planner-7f3a91.json"),
    startRun: () => {
      switch (scene.get("start")) {
        case "stale":
          return Promise.reject(
            new SlipwayError({
              code: "stale",
              message: "web-1 is not as it was when this plan was made; nothing was changed",
              causes: ["2 things that the plan depends on are different now"],
              hint: "make a new plan and look at it",
              moved: [
                { subject: "/etc/nginx/conf.d/planner.conf", was: "sha256 4f1a90c2", now: "sha256 d1029fe7" },
                { subject: "active release", was: "v2.7.4", now: "v2.7.5" },
              ],
              asks: null,
            }),
          );
        case "locked":
          return refuse(
            failure(
              "locked",
              "web-1 is locked by bo@desk-2: deploying planner v2.7.5 (for 42 s), and it is at work there now",
              [],
              "wait until it has ended, then try again; nothing was changed",
            ),
          );
        case "refused":
          return refuse(
            failure(
              "refused",
              "planner has 2 files that were changed by hand on web-1",
              [],
              "agree that they are replaced, or take the changes over",
            ),
          );
        default:
          return Promise.resolve(418);
      }
    },
  };
}
