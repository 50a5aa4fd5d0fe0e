/**
 * Examples of sites, their releases, what can be deployed, and their log lines.
 *
 * `?sites=empty|many|failing|loading`, `?drafts=none`, `?site=degraded|down|not-deployed|interrupted|lost|gone|loading`,
 * `?file=broken`, `?releases=many|empty|failing|loading`, `?refs=folder|many|failing|plain`, `?drift=some|failing`,
 * `?compare=same|failing`, `?service=failing`, `?audit=empty|failing`, `?logs=many|long|empty|lost|failing|loading`.
 */
import type { Backend, Incoming, LogLine, SiteText } from "..";
import { NOW, type Scene, failure, never, refuse } from "./scene";
import {
  DAY,
  DRIFTED,
  HOSTILE,
  HOUR,
  PLANNER,
  SITE_FILE,
  UNREACHABLE,
  cards,
  commits,
  drifted,
  judge,
  logLine,
  reference,
  releases,
  status,
} from "./site-examples";

export function fakeSites(scene: Scene): Partial<Backend> {
  const list = scene.get("sites");
  const kind = scene.get("site");
  let thrown: string[] = scene.get("drafts") === "none" || list === "empty" ? ["d-17", "d-18"] : [];
  let text = scene.get("file") === "broken" ? SITE_FILE.replace("port = 5000", "prot = 5000") : SITE_FILE;
  let kept = releases(scene.get("releases"));
  const path = PLANNER.file ?? "";
  const file = (of: string): SiteText => ({ path, text: of, diagnostics: judge(of) });
  return {
    sites: () =>
      list === "failing"
        ? refuse(
            failure(
              "local",
              "The list of sites could not be read",
              ["/home/ann/.local/share/slipway/state.db: disk I/O error"],
              "Check that the disk is not full; nothing on your hosts depends on this list.",
            ),
          )
        : list === "loading"
          ? never()
          : Promise.resolve(cards(list)),
    site: (name) => {
      if (kind === "gone")
        return refuse(
          failure("unknown-site", `There is no site ${name}`, [], "It may have been forgotten or renamed."),
        );
      if (kind === "loading") return never();
      const found = cards(list === "many" ? "many" : null).find((card) => card.name === name);
      return found
        ? Promise.resolve(found)
        : refuse(failure("unknown-site", `There is no site ${name}`, [], "It may have been forgotten or renamed."));
    },
    drafts: () =>
      Promise.resolve(
        [
          { id: "d-17", site: "billing", host: "web-2", step: "secrets", updated_ms: NOW - 2 * HOUR },
          { id: "d-18", site: null, host: null, step: "source", updated_ms: NOW - 8 * DAY },
        ].filter((draft) => !thrown.includes(draft.id)),
      ),
    removeDraft: (id) => {
      thrown = [...thrown, id];
      return Promise.resolve(null);
    },
    forgetSite: () => Promise.resolve(null),
    watchSite: (site, host, news) => {
      if (kind === "loading") return () => undefined;
      if (kind === "never") {
        news({ news: "lost", failure: UNREACHABLE });
        return () => undefined;
      }
      news({ news: "seen", status: status(kind, site, host) });
      if (kind === "lost") news({ news: "lost", failure: UNREACHABLE });
      return () => undefined;
    },
    siteText: () => Promise.resolve(file(text)),
    checkText: (of) => Promise.resolve(file(of)),
    saveSiteText: (_site, next, was) => {
      if (scene.get("file") === "moved" || was !== text)
        return refuse(
          failure(
            "changed",
            "The site file was changed by something else since it was opened; nothing was written",
            [path],
            "Load it again, then make your change once more.",
          ),
        );
      text = next;
      return Promise.resolve(file(text));
    },
    releases: () =>
      scene.get("releases") === "failing"
        ? refuse(UNREACHABLE)
        : scene.get("releases") === "loading"
          ? never()
          : Promise.resolve(kept),
    removeRelease: (_site, _host, id) => {
      const one = kept.find((r) => r.id === id);
      if (one?.active)
        return refuse(
          failure("active", `Release ${id} is live and stays`, [], "Deploy or roll back to another one first."),
        );
      kept = kept.filter((r) => r.id !== id);
      return Promise.resolve(null);
    },
    refs: () => {
      switch (scene.get("refs")) {
        case "failing":
          return refuse(
            failure(
              "source",
              "The repository could not be read from web-1",
              ["git ls-remote: Permission denied (publickey)"],
              "Check the deploy key under Secrets, and that the repository's server accepts it.",
            ),
          );
        case "loading":
          return never();
        case "folder":
          return Promise.resolve({
            source: "the folder /home/ann/planner on this computer",
            git: false,
            default_reference: null,
            branches: [],
            tags: [],
          });
        default: {
          const many = scene.get("refs") === "many" ? 2_000 : 4;
          const plain = scene.get("refs") === "plain";
          const named = (name: string, i: number) => {
            const made = reference(name, i);
            return plain && made.subject === HOSTILE ? { ...made, subject: "Fix time zone of exports" } : made;
          };
          return Promise.resolve({
            source: "https://git.example.com/team/planner.git",
            git: true,
            default_reference: "main",
            branches: [
              "main",
              "develop",
              ...(plain ? [] : ["feature/\u202egnp.exe"]),
              ...Array.from({ length: many }, (_, i) => `feature/ticket-${4200 - i}`),
            ].map(named),
            tags: ["v2.8.1", "v2.8.0", "v2.7.4"].map((name, i) => named(name, i + 1)),
          });
        }
      }
    },
    incoming: (_site, _host, asked): Promise<Incoming> => {
      if (scene.get("refs") === "folder")
        return Promise.resolve({
          commits: [],
          more: false,
          note: "The folder is sent as it is now; what has changed in it since the last deployment cannot be told.",
        });
      if (asked === "v2.8.1") return Promise.resolve({ commits: [], more: false, note: null });
      if (asked !== null && /^0{7,}/.test(asked))
        return refuse(
          failure("source", `The repository has no commit ${asked}`, [], "Check the id, or choose a branch or tag."),
        );
      return Promise.resolve(
        asked === "develop"
          ? { commits: commits(200), more: true, note: null }
          : { commits: scene.get("refs") === "plain" ? commits(3) : commits(7), more: false, note: null },
      );
    },
    compare: () => {
      if (scene.get("compare") === "failing") return refuse(UNREACHABLE);
      if (scene.get("compare") === "same")
        return Promise.resolve({ commits: [], note: null, code: [], more: false, configuration: [] });
      return Promise.resolve({
        commits: commits(3),
        code: [
          { path: "src/main.py", change: "changed" },
          { path: "src/export/recurring.py", change: "removed" },
          { path: "migrations/0042_task_owner.py", change: "added" },
          { path: "webengine/\u001b[2J\u202eassets.js", change: "changed" },
        ],
        more: true,
        note: null,
        configuration: DRIFTED.slice(0, 1),
      });
    },
    service: (_site, _host, action, unit) =>
      scene.get("service") === "failing"
        ? refuse(
            failure(
              "service",
              `${unit ?? "planner"} did not ${action} on web-1`,
              ["Job for planner-web@5001.service failed because the control process exited with error code."],
              "Look at its log; the other processes were left alone.",
            ),
          )
        : Promise.resolve({
            good: true,
            summary:
              action === "nginx-test"
                ? "nginx finds nothing wrong with its configuration"
                : `${unit ?? "All processes of planner"}: ${action} done, all are as they should be`,
            output:
              action === "nginx-test"
                ? [
                    "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
                    "nginx: configuration file /etc/nginx/nginx.conf test is successful",
                  ]
                : [],
          }),
    drift: () =>
      scene.get("drift") === "failing"
        ? refuse(UNREACHABLE)
        : scene.get("drift") === "loading"
          ? never()
          : Promise.resolve(drifted(scene.get("drift"))),
    audit: () =>
      scene.get("audit") === "failing"
        ? refuse(UNREACHABLE)
        : Promise.resolve(
            scene.get("audit") === "empty"
              ? []
              : [
                  { at_ms: NOW - 3 * HOUR, who: "ann@desk-7", what: "deployed v2.8.1 (run 41): succeeded" },
                  {
                    at_ms: NOW - 4 * HOUR,
                    who: "bo@laptop",
                    what: "deployed v2.8.0: rolled back, /health answered 503",
                  },
                  { at_ms: NOW - 9 * DAY, who: "ann@desk-7", what: "restarted planner-web@5002.service" },
                  { at_ms: null, who: "\u202eroot", what: HOSTILE },
                ],
          ),
    watchLogs: (_site, _host, query, lines, failed) => {
      const logs = scene.get("logs");
      if (logs === "loading") return () => undefined;
      if (logs === "failing") {
        failed(UNREACHABLE);
        return () => undefined;
      }
      if (logs === "empty") {
        lines({ lines: [] });
        return () => undefined;
      }
      const wanted = (line: LogLine) =>
        query.processes.length === 0 || query.processes.some((process) => line.unit.includes(`-${process}`));
      const number = logs === "many" ? 200_000 : 40;
      for (let from = 0; from < number; from += 5_000) {
        lines({
          lines: Array.from({ length: Math.min(5_000, number - from) }, (_, i) => logLine(from + i, number)).filter(
            wanted,
          ),
        });
      }
      if (logs === "long")
        lines({
          lines: [
            {
              at_ms: NOW - 100,
              unit: "planner-web@5001.service",
              priority: 3,
              text: `begin ${"0123456789abcdef".repeat(65_536)} end`,
            },
            {
              at_ms: NOW - 90,
              unit: "planner-web@5001.service",
              priority: 6,
              text: 'Traceback (most recent call last):\n  File "main.py", line 3\u0007',
            },
          ],
        });
      if (logs === "lost") failed(UNREACHABLE);
      return () => undefined;
    },
  };
}
