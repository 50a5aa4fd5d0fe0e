/** What the examples of sites are: cards, releases, states, commits, log lines. `sites.ts` says which of them are shown. */
import type { Commit, Diagnostic, Drift, FileChange, LogLine, Ref, Release, RunCard, SiteCard, SiteStatus } from "..";
import { fileChange } from "./files";
import { NOW, failure } from "./scene";

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const UNREACHABLE = failure(
  "unreachable",
  "web-1 does not answer; nothing was changed",
  ["connect to 203.0.113.20 port 22: connection timed out after 10 s"],
  "Check that the server runs and that this computer is on the network; Slipway tries again by itself.",
);

/** What a repository may contain when somebody means harm: it must be shown as text, whole and harmless. */
export const HOSTILE =
  "\u001b[31mfix\u001b[0m \u202egnp.exe <img src=x onerror=alert(1)> {@html} " + "very ".repeat(60) + "long";

function run(id: number, site: string, host: string, state: RunCard["state"], at: number, summary: string): RunCard {
  return {
    id,
    verb: "deploy",
    site,
    host,
    operator: "ann@desk-7",
    started_ms: at,
    finished_ms: state === "under-way" ? null : at + 21_000,
    state,
    summary: state === "under-way" ? null : summary,
    step: state === "under-way" ? "Make release v2.8.2" : null,
    cancelling: false,
  };
}

export const PLANNER: SiteCard = {
  name: "planner",
  domains: ["planner.example.org", "www.planner.example.org"],
  url: "https://planner.example.org",
  hosts: ["web-1"],
  file: "/home/ann/.local/share/slipway/sites/planner.toml",
  file_problem: null,
  last_run: run(41, "planner", "web-1", "succeeded", NOW - 3 * HOUR, "v2.8.1 is live on web-1"),
};

export function cards(kind: string | null): SiteCard[] {
  if (kind === "empty") return [];
  const shop: SiteCard = {
    ...PLANNER,
    name: "shop",
    domains: ["shop.example.org"],
    url: "https://shop.example.org",
    hosts: ["web-1", "web-2"],
    file: "/home/ann/.local/share/slipway/sites/shop.toml",
    last_run: run(40, "shop", "web-2", "rolled-back", NOW - 26 * HOUR, "/health answered 503; v1.4.0 serves again"),
  };
  const few: SiteCard[] = [
    PLANNER,
    shop,
    {
      ...PLANNER,
      name: "docs",
      domains: ["docs.example.org"],
      url: "https://docs.example.org",
      hosts: ["web-2"],
      file: "/home/ann/.local/share/slipway/sites/docs.toml",
      file_problem: "line 14: `prot` is not known in [process.web]; did you mean `port`?",
      last_run: run(38, "docs", "web-2", "succeeded", NOW - 9 * DAY, "main 4be1 is live on web-2"),
    },
    {
      ...PLANNER,
      name: "lab",
      domains: [],
      url: null,
      hosts: [],
      file: "/home/ann/.local/share/slipway/sites/lab.toml",
      last_run: null,
    },
    {
      ...PLANNER,
      name: "tracker",
      domains: ["tracker.example.org"],
      url: "https://tracker.example.org",
      hosts: ["lab"],
      file: null,
      file_problem: "the site file /home/ann/old/tracker.toml is not there any more",
      last_run: run(39, "tracker", "lab", "under-way", NOW - 40_000, ""),
    },
  ];
  if (kind !== "many") return few;
  return [
    ...few,
    ...Array.from({ length: 300 }, (_, i): SiteCard => ({
      ...PLANNER,
      name: `site-${i + 1}`,
      domains: Array.from({ length: 1 + (i % 30) }, (_x, d) => `n${d}.site-${i + 1}.example.org`),
      url: `https://n0.site-${i + 1}.example.org`,
      hosts: [`web-${(i % 200) + 1}`],
      last_run: run(
        1000 + i,
        `site-${i + 1}`,
        `web-${(i % 200) + 1}`,
        i % 7 ? "succeeded" : "failed-intact",
        NOW - i * HOUR,
        "",
      ),
    })),
  ];
}

function release(id: string, at: number, more: Partial<Release>): Release {
  return {
    id,
    created_ms: at,
    reference: "main",
    commit: "0000000000000000000000000000000000000000",
    subject: "Fix export of recurring tasks",
    source: "https://git.example.org/planner.git",
    author: "Ann Moe",
    active: false,
    known_good: true,
    verdict: "served well",
    bytes: 48_200_000,
    configuration_only: false,
    ...more,
  };
}

export const RELEASES: Release[] = [
  release("20261121-110212-9f2c1ab", NOW - 3 * HOUR, {
    reference: "v2.8.1",
    commit: "9f2c1ab7de0148ab36cc7d8ef10224d9c0aa7712",
    active: true,
    verdict: "live since 3 h",
    bytes: 48_900_000,
  }),
  release("20261121-095840-c01d77e", NOW - 4 * HOUR, {
    reference: "v2.8.0",
    commit: "c01d77e2a5f94f1d2c4e8b9a0d1723be4471cc02",
    known_good: false,
    verdict: "rolled back: /health answered 503 after 12 s",
    author: "Bo Lind",
  }),
  release("20261118-081500-77ab001", NOW - 3 * DAY, {
    reference: "v2.7.4",
    commit: "77ab001f0011223344556677889900aabbccddee",
    configuration_only: true,
    bytes: 2_100,
  }),
  release("20261112-140212-77ab001", NOW - 9 * DAY, {
    reference: "v2.7.4",
    commit: "77ab001f0011223344556677889900aabbccddee",
  }),
  release("20261031-101010-5d1e9c3", NOW - 21 * DAY, {
    reference: HOSTILE,
    commit: "5d1e9c3b0011223344556677889900aabbccddee",
    author: "\u202eevil\u0000",
    bytes: null,
  }),
];

export function releases(kind: string | null): Release[] {
  if (kind === "empty") return [];
  if (kind !== "many") return RELEASES;
  return [
    ...RELEASES,
    ...Array.from({ length: 1995 }, (_, i) =>
      release(`2026-${String(i).padStart(5, "0")}-abcdef0`, NOW - 22 * DAY - i * 7 * HOUR, {
        reference: `v2.6.${1995 - i}`,
        known_good: i % 5 !== 0,
        verdict: i % 5 ? "served well" : "failed its health check",
      }),
    ),
  ];
}

export function status(kind: string | null, site: string, host: string): SiteStatus {
  type Instance = SiteStatus["instances"][number];
  const instance = (name: string, port: number | null, more: Partial<Instance> = {}): Instance => ({
    name,
    unit: name.replace("@", ".").replace(".service", `@${more.release ?? RELEASES[0]?.id ?? ""}.service`),
    draining: false,
    state: "active (running)",
    healthy: true,
    release: RELEASES[0]?.id ?? null,
    port,
    since_ms: NOW - 3 * HOUR,
    memory_bytes: 212_000_000,
    restarts: 0,
    ...more,
  });
  const drains = (one: Instance): Instance => ({
    ...one,
    unit: one.unit.replace(/@[^@]*$/, `@${RELEASES[1]?.id ?? ""}.service`),
    draining: true,
    state: "deactivating (stop-sigterm)",
    healthy: false,
    release: RELEASES[1]?.id ?? null,
    since_ms: null,
  });
  const good: SiteStatus = {
    site,
    host,
    at_ms: NOW - 2_000,
    url: "https://planner.example.org",
    state: "serving",
    headline: "Serving v2.8.1, answers in 18 ms",
    release: RELEASES[0] ?? null,
    instances: [
      instance("planner-web@5001.service", 5001),
      instance("planner-web@5002.service", 5002, { memory_bytes: 208_000_000 }),
      instance("planner-worker@1.service", null, { memory_bytes: 96_400_000 }),
    ],
    health: { status: "200", ok: true, elapsed_ms: 18 },
    certificate: {
      issuer: "Example CA, Intermediate R3",
      names: ["planner.example.org", "www.planner.example.org"],
      expires_ms: NOW + 61 * DAY,
      self_signed: false,
      differs_from_file: false,
    },
  };
  switch (kind) {
    case "draining":
      return { ...good, instances: good.instances.flatMap((i) => (i.port === null ? [i] : [i, drains(i)])) };
    case "degraded":
      return {
        ...good,
        state: "degraded",
        headline: "Serving, but one of three processes keeps restarting",
        instances: [
          good.instances[0],
          instance("planner-web@5002.service", 5002, {
            state: "activating (auto-restart)",
            healthy: false,
            restarts: 14,
            memory_bytes: 406_000_000,
            since_ms: NOW - 9_000,
            release: RELEASES[1]?.id ?? null,
          }),
          good.instances[2],
        ].filter((i) => i !== undefined),
        health: { status: "200", ok: true, elapsed_ms: 1_900 },
        certificate: {
          issuer: "planner.example.org",
          names: ["planner.example.org"],
          expires_ms: NOW + 6 * DAY,
          self_signed: true,
          differs_from_file: true,
        },
      };
    case "down":
      return {
        ...good,
        state: "down",
        headline: "Not serving: nginx answers 502, both web processes have failed",
        instances: good.instances.map((i) => ({
          ...i,
          state: "failed (Result: exit-code)",
          healthy: false,
          memory_bytes: null,
          restarts: 5,
        })),
        health: { status: "502 Bad Gateway", ok: false, elapsed_ms: 3 },
        certificate: {
          ...(good.certificate ?? { issuer: "", names: [], self_signed: false, differs_from_file: false }),
          expires_ms: NOW - 2 * DAY,
        },
      };
    case "not-deployed":
      return {
        ...good,
        state: "not-deployed",
        headline: "Not set up on web-1 yet",
        release: null,
        instances: [],
        health: null,
        certificate: null,
      };
    case "interrupted":
      return { ...good, state: "interrupted", headline: "An activation did not end; v2.8.1 still serves" };
    case "insecure":
      return { ...good, url: "http://planner.example.org", certificate: null };
    default:
      return good;
  }
}

export const SITE_FILE = `# Planner: Flask with Socket.IO under gunicorn.
schema = 1
name = "planner"
domains = ["planner.example.org", "www.planner.example.org"]
hosts = ["web-1"]

[source]
git = "https://git.example.com/team/planner.git"
ref = "main"

[runtime]
kind = "python"
version = "3.11"
requirements = ["requirements.txt"]

[process.web]
port = 5000
instances = 2
stop_timeout = "40s"

[process.worker]
command = "celery -A planner.tasks worker"

[secret.SECRET_KEY]
generate = "hex"
length = 32
rotation_warning = "everyone is logged out"

[secret.DATABASE_URL]

[[route]]
path = "/"
to = "web"
`;

/** A little of what the real check does, enough to see mistakes come and go. */
export function judge(text: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  text.split("\n").forEach((line, i) => {
    if (/^\s*prot\s*=/.test(line))
      found.push({
        error: true,
        line: i + 1,
        column: 1,
        message: "`prot` is not known in [process.web]",
        hint: "did you mean `port`?",
      });
    if (/^\s*\[[^\]]*$/.test(line))
      found.push({
        error: true,
        line: i + 1,
        column: line.length + 1,
        message: "the heading is not closed",
        hint: "write `]`",
      });
    if (/^\s*workers\s*=\s*[2-9]/.test(line))
      found.push({
        error: false,
        line: i + 1,
        column: 1,
        message: "Socket.IO needs one worker",
        hint: "use instances instead",
      });
  });
  return found;
}

const UNIT = `[Unit]
Description=planner web %i
After=network.target

[Service]
User=planner
ExecStart=/opt/planner/run/web %i
TimeoutStopSec=40
MemoryMax=512M

[Install]
WantedBy=multi-user.target
`;

/** What was changed by hand: the text on the host, and the one that the site file calls for. */
export const DRIFTED: FileChange[] = [
  fileChange(
    "/etc/systemd/system/planner-web@.service",
    UNIT.replace("MemoryMax=512M", "MemoryMax=2G\nEnvironment=DEBUG=1"),
    UNIT,
  ),
  fileChange(
    "/etc/nginx/conf.d/planner-old.conf",
    "server {\n    listen 443 ssl;\n    server_name old.planner.example.org;\n}\n",
    null,
  ),
  fileChange("/etc/planner/environment", null, null, {
    kind: "change",
    mode: "0640",
    group: "planner",
    secret: true,
    hidden: "it may hold secrets, so what is on the host is not shown",
  }),
];

export function drifted(kind: string | null): Drift {
  return kind === "some"
    ? {
        files: DRIFTED,
        notices: [
          {
            severity: "warning",
            text: "planner-web@5001.service was changed on disk after it was started: it runs with the older file",
            hint: null,
          },
          {
            severity: "blocker",
            text: "the secret SECRET_KEY has no value in the keyring",
            hint: "give it one on the site’s Secrets tab, then look again",
          },
        ],
        open: ["Change /etc/nginx/conf.d/planner.conf"],
      }
    : { files: [], notices: [], open: [] };
}

const SUBJECTS = [
  "Fix export of recurring tasks",
  "Faster search",
  "Translations: Danish, Finnish",
  HOSTILE,
  "Bump gunicorn to 23.0",
  "Merge branch 'billing'",
  "Add migration 0042_task_owner",
];

/** Looks like a commit's id, always the same for a number. */
function commitId(number: number): string {
  return Array.from({ length: 5 }, (_, i) => Math.imul(number + i * 7919, 2654435761) >>> 0)
    .map((part) => part.toString(16).padStart(8, "0"))
    .join("");
}

export function commits(number: number): Commit[] {
  return Array.from({ length: number }, (_, i) => ({
    id: commitId(i + 1),
    author: i % 3 ? "Ann Moe" : "Bo Lind",
    at_ms: NOW - 40 * MINUTE - i * 3 * HOUR,
    subject: SUBJECTS[i % SUBJECTS.length] ?? "",
  }));
}

export function reference(name: string, i: number): Ref {
  return {
    name,
    commit: commitId(i + 1000),
    at_ms: NOW - (i + 1) * 5 * HOUR,
    subject: SUBJECTS[i % SUBJECTS.length] ?? null,
  };
}

const MESSAGES: readonly [string, number, string][] = [
  ["planner-web@5001.service", 6, "203.0.113.77 GET /api/tasks?page=2 200 18ms"],
  ["planner-web@5002.service", 6, "socketio client 51f joined room user_51f"],
  ["planner-web@5001.service", 6, "export queued id=8812"],
  ["planner-web@5002.service", 3, "ERROR worker timeout while rendering report 5521 (31.0 s)"],
  ["nginx.service", 4, "198.51.100.4 POST /login 429 1ms rate limit exceeded"],
  ["planner-web@5001.service", 7, "session opened 9c41, 38 open"],
  ["planner-worker@1.service", 5, "\u001b[33mWARN\u001b[0m slow query 412 ms select task.* from task \u202ewhere"],
  ["planner-worker@1.service", 6, "celery queue length 3"],
];

export function logLine(i: number, of: number): LogLine {
  const [unit, priority, text] = MESSAGES[i % MESSAGES.length] ?? ["planner-web@5001.service", 6, ""];
  return { at_ms: NOW - (of - i) * 170, unit, priority, text };
}
