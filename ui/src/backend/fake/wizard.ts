/**
 * Examples of set-ups. `?wizard=` chooses the state: `new` (nothing answered), `begun`, `full` (default), `device`,
 * `mistakes`, `broken` (no TOML), `gone`, `loading`, `unsaved` (nothing can be written), `nohosts`, `manyhosts`,
 * `looking` (readiness and detection never end), `silent` (the host does not answer), `undetected`.
 * `?step=` chooses the question.
 */
import type { Backend, Blueprint, Check, Diagnostic, Draft, Edit, HostCard, SecretRow, SizeProfile } from "..";
import { NOW, type Scene, failure, never, refuse } from "./scene";
import { NotToml, type Table, edit, parse, write } from "./toml";

const SOCKETS = `# Flask with Socket.IO under gunicorn, one worker, sessions in files.
schema = 1
name = "planner"
domains = ["planner.example.org", "www.planner.example.org"]

[source]
folder = "/home/ann/planner"

[runtime]
kind = "python"                   # a virtual environment per set of requirements
version = "3.9"
extra_packages = ["gunicorn>=22", "eventlet>=0.36"]

[process.web]
port = 5000                       # on 127.0.0.1: only nginx reaches it
instances = 3
stop_timeout = "40s"

[process.web.gunicorn]
app = "src.main:app"              # <- change: module and object
workers = 1                       # Socket.IO needs one
worker_class = "eventlet"

[process.worker]
command = ["celery", "-A", "celery_app", "worker", "--loglevel=info"]

[secret.SECRET_KEY]               # signs the session cookies
generate = "hex"
length = 32
rotation_warning = "everyone is logged out"

[secret.SMTP_PASSWORD]

[[route]]
path = "/"
to = "web"
websocket = true                  # passes upgrades on, without buffering

[limits]
body = "100M"                     # largest upload

[tls]
mode = "self-signed"

[logs]
directory = true
rotate = "daily"
keep = 14

[health]
path = "/health"
start_within = "60s"
`;

const STATIC = `schema = 1
name = "handbook"

[source]
git = "https://git.example.com/team/handbook.git"

[runtime]
kind = "static"

[[route]]
path = "/"
files = "."
`;

const BLUEPRINTS: readonly Blueprint[] = [
  {
    name: "flask-socketio",
    title: "Flask with Socket.IO",
    description: "A multi-user application that pushes to the browser; gunicorn with one worker.",
  },
  {
    name: "flask-celery",
    title: "Flask with Celery",
    description: "Requests that start long computations; sessions and tasks in Redis.",
  },
  {
    name: "flask-react",
    title: "React and Flask",
    description: "A front end that nginx serves, an API under gunicorn, keys of cloud services.",
  },
  {
    name: "flask-device",
    title: "Flask for devices",
    description: "An application without login that talks to devices in its network.",
  },
  {
    name: "nicegui-redis",
    title: "NiceGUI with Redis",
    description: "Several instances; sessions in Redis, errors in MariaDB.",
  },
  {
    name: "static",
    title: "Files only",
    description: "Documentation, a landing page, or a front end that was built elsewhere.",
  },
];

const SIZES: readonly SizeProfile[] = [
  {
    name: "small",
    title: "For a team",
    description: "One instance: sessions may live in its memory or in files.",
    available: true,
  },
  {
    name: "medium",
    title: "For a company",
    description:
      "Three instances behind nginx; each visitor stays on one of them, as WebSockets need. " +
      "Sessions must be kept where all instances find them, for example in Redis.",
    available: true,
  },
  {
    name: "large",
    title: "For many hosts",
    description: "Many hosts behind a load balancer are not supported yet: Slipway deploys to each host by itself.",
    available: false,
  },
];

const CHECKS: readonly Check[] = [
  { id: "root", label: "Commands as root", state: "ok", detail: "sudo without a password", hint: null },
  {
    id: "system",
    label: "Operating system",
    state: "ok",
    detail: "AlmaLinux 9.4, x86-64, SELinux enforcing",
    hint: null,
  },
  {
    id: "python",
    label: "Python",
    state: "watch",
    detail: "3.9 is there; 3.12 can be installed",
    hint: "the plan installs python3.12; the system's own Python stays as it is",
  },
  { id: "disk", label: "Room on /opt", state: "ok", detail: "31 GB free of 40 GB", hint: null },
  {
    id: "port:80",
    label: "Port 80",
    state: "fail",
    detail: "httpd (pid 812) holds it, so nginx cannot take it",
    hint: "stop httpd and keep it from starting: systemctl disable --now httpd",
  },
  { id: "port:443", label: "Port 443", state: "ok", detail: "free; nginx will take it", hint: null },
  {
    id: "dns:planner.example.org",
    label: "Domain planner.example.org",
    state: "ok",
    detail: "leads to 192.0.2.17, an address of the host",
    hint: null,
  },
  {
    id: "dns:www.planner.example.org",
    label: "Domain www.planner.example.org",
    state: "watch",
    detail: "has no address",
    hint: "add an A record to 192.0.2.17",
  },
  {
    id: "clock",
    label: "Clock",
    state: "unknown",
    detail: "it could not be read: timedatectl ended with status 1",
    hint: "look again",
  },
];

function hostCard(name: string, change: Partial<HostCard> = {}): HostCard {
  return {
    name,
    address: `root@${name}.example.org:22`,
    tags: [],
    os: "AlmaLinux 9.4",
    system: "SELinux enforcing, x86-64",
    reach: { state: "up" },
    load: { cpu_percent: 4, memory_percent: 31, disk_percent: 22, load1: 0.2 },
    updates: { pending: 3, security: 0 },
    sites: [],
    last_run: null,
    last_seen_ms: NOW - 4_000,
    ...change,
  };
}

function hostsOf(kind: string): HostCard[] {
  if (kind === "nohosts") return [];
  if (kind === "manyhosts")
    return Array.from({ length: 200 }, (_, i) =>
      hostCard(
        `node-${String(i + 1).padStart(3, "0")}`,
        i % 7 ? {} : { os: null, system: null, reach: { state: "connecting" }, load: null },
      ),
    );
  return [
    hostCard("web-1", { sites: ["shop", "wiki"] }),
    hostCard("web-2", { os: "Debian 12", system: "AppArmor, x86-64" }),
    hostCard("lab", {
      os: null,
      system: null,
      load: null,
      reach: {
        state: "down",
        failure: failure("unreachable", "lab does not answer", ["connection timed out"]),
        next_try_ms: NOW + 20_000,
      },
    }),
  ];
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const part = (value: unknown, key: string): unknown => (isTable(value) ? value[key] : undefined);

function judge(values: Table | null, text: string, error: NotToml | null): Diagnostic[] {
  if (error || !values)
    return [
      {
        error: true,
        line: error?.line ?? 1,
        column: 1,
        message: error?.message ?? "cannot be read",
        hint: "mend this line, or undo",
      },
    ];
  const told: Diagnostic[] = [];
  const lines = text.split("\n");
  const line = (like: RegExp) => Math.max(1, lines.findIndex((one) => like.test(one)) + 1);
  if (!values["name"])
    told.push({ error: true, line: 1, column: 1, message: "`name` is missing", hint: 'add `name = "my-app"`' });
  else if (typeof values["name"] === "string" && !/^[a-z](?:-?[a-z0-9])*$/.test(values["name"]))
    told.push({
      error: true,
      line: line(/^name/),
      column: 8,
      message: "a name is lower-case letters, digits and single hyphens",
      hint: null,
    });
  const source = values["source"];
  if (!["git", "folder", "archive"].some((key) => part(source, key)))
    told.push({
      error: true,
      line: line(/^\[source\]/),
      column: 1,
      message: "`source` needs one of `git`, `folder` and `archive`",
      hint: null,
    });
  const web = part(part(values, "process"), "web");
  if (isTable(web) && !web["gunicorn"] && !web["command"])
    told.push({
      error: true,
      line: line(/^\[process\.web\]/),
      column: 2,
      message: "the process `web` has no `command`",
      hint: 'add `command = ["python", "app.py"]`',
    });
  const mode = part(values["tls"], "mode");
  if (mode === "own" && !part(values["tls"], "certificate"))
    told.push({
      error: true,
      line: line(/^\[tls\]/),
      column: 2,
      message: "the operator's own certificate needs `certificate`",
      hint: 'add `certificate = "chain.pem"`, a file beside the site file',
    });
  if (typeof mode === "string" && mode.startsWith("certbot"))
    told.push({
      error: true,
      line: line(/^mode/),
      column: 8,
      message: "certificates from Let's Encrypt are not in this version yet",
      hint: 'use `mode = "self-signed"` or `mode = "own"`',
    });
  for (const domain of Array.isArray(values["domains"]) ? values["domains"] : [])
    if (typeof domain === "string" && domain.includes("example.com"))
      told.push({
        error: false,
        line: line(/^domains/),
        column: 12,
        message: `\`${domain}\` is an example`,
        hint: "write the name that people type",
      });
  return told;
}

export function fakeWizard(scene: Scene): Partial<Backend> {
  const kind = scene.get("wizard");
  let text =
    kind === "new"
      ? "schema = 1\n"
      : kind === "begun"
        ? STATIC
        : kind === "mistakes"
          ? SOCKETS.replace('name = "planner"', 'name = "Planner 2"')
              .replace('mode = "self-signed"', 'mode = "own"')
              .replace("[process.web.gunicorn]", "[process.other]")
              .replace("planner.example.org", "app.example.com")
          : kind === "broken"
            ? SOCKETS.replace("[source]", "[source")
            : kind === "device"
              ? SOCKETS.replace(
                  "[limits]",
                  '[access]\nallow = ["192.168.1.0/24"]\nbasic = { admin = "ADMIN_PASSWORD" }\n\n[limits]',
                )
              : SOCKETS;
  let place = {
    step: scene.get("step") ?? (kind === "new" ? "" : "reach"),
    host: kind === "new" || kind === "nohosts" ? (null as string | null) : "web-1",
  };
  let detected: Draft["detected"] = null;
  const given = new Map<string, boolean>([["SECRET_KEY", false]]);
  const values = (): { values: Table | null; error: NotToml | null } => {
    try {
      return { values: parse(text), error: null };
    } catch (error) {
      return { values: null, error: error instanceof NotToml ? error : new NotToml(1, String(error)) };
    }
  };
  const rows = (read: Table | null): SecretRow[] =>
    Object.entries(isTable(read?.["secret"]) ? read["secret"] : {}).map(([name, how]) => {
      const generator = part(how, "generate");
      const warning = part(how, "rotation_warning");
      return {
        name,
        file: false,
        present: given.has(name),
        used: true,
        set_ms: given.has(name) ? NOW - 60_000 : null,
        used_in:
          name === "TLS_KEY"
            ? ["private key of the certificate"]
            : name === "DEPLOY_KEY"
              ? ["fetching the repository"]
              : ["environment of web and worker"],
        generator: typeof generator === "string" ? generator : null,
        strength: generator ? "256 bits of randomness" : null,
        rotation_warning: typeof warning === "string" ? warning : null,
        has_previous: given.get(name) ?? false,
      };
    });
  const draft = (): Draft => {
    const read = values();
    const told = judge(read.values, text, read.error);
    const name = read.values?.["name"];
    return {
      card: {
        id: "k3v9",
        site: typeof name === "string" ? name : null,
        host: place.host,
        step: place.step,
        updated_ms: NOW,
      },
      text,
      values: read.values,
      diagnostics: told,
      secrets: told.some((one) => one.error) ? [] : rows(read.values),
      detected,
    };
  };
  const full = failure(
    "disk",
    "The draft could not be saved: no space is left on this computer",
    ["write /home/ann/.local/share/slipway/drafts/k3v9: No space left on device"],
    "Free some space, then try again; what you typed is still here.",
  );
  const change = (make: () => void): Promise<Draft> => {
    if (kind === "unsaved") return refuse(full);
    make();
    return Promise.resolve(draft());
  };
  const answer = (edits: readonly Edit[]) => {
    const read = values().values;
    if (!read) return;
    for (const one of edits) edit(read, one.path, one.value);
    text = write(read);
  };
  return {
    siteSchema: async () => ({ schema: (await import("../../../../templates/slipway.schema.json")).default }),
    blueprints: () => Promise.resolve([...BLUEPRINTS]),
    sizeProfiles: () => Promise.resolve([...SIZES]),
    newDraft: (host) => {
      place = { step: "", host };
      text = "schema = 1\n";
      return Promise.resolve(draft());
    },
    draft: () =>
      kind === "gone"
        ? refuse(
            failure(
              "not-found",
              "There is no such draft",
              [],
              "It may have been finished or thrown away in another window.",
            ),
          )
        : kind === "loading"
          ? never()
          : Promise.resolve(draft()),
    editDraft: (_id, edits) => change(() => answer(edits)),
    setDraftText: (_id, next) => change(() => (text = next)),
    setDraftPlace: (_id, step, host) => {
      place = { step, host };
      return Promise.resolve(draft());
    },
    useBlueprint: (_id, name) =>
      change(() => {
        const before = values().values ?? {};
        const next = parse(name === "static" ? STATIC : SOCKETS);
        for (const key of ["name", "domains", "source"]) {
          const kept = before[key];
          if (kept !== undefined) next[key] = kept;
        }
        text = write(next);
      }),
    detectSource: (_id, where) => {
      if (kind === "looking") return never();
      if (kind === "silent")
        return refuse(
          failure(
            "source",
            "The repository could not be read",
            ["git.example.com: connection timed out"],
            "Check the address and this computer's network, then look again.",
          ),
        );
      const found = kind !== "undetected";
      detected = {
        source: where.kind === "folder" ? `the folder ${where.path}` : `the repository ${where.url}`,
        candidates: found
          ? [
              {
                blueprint: "flask-socketio",
                title: "Flask with Socket.IO",
                reasons: ["requirements.txt:4 asks for flask-socketio", "src/main.py:12 makes SocketIO(app)"],
              },
              {
                blueprint: "flask-celery",
                title: "Flask with Celery",
                reasons: ["requirements.txt:9 asks for celery"],
              },
            ]
          : [],
        findings: found
          ? [
              "src/main.py:31 reads SECRET_KEY from the environment",
              "src/mail.py:8 reads SMTP_PASSWORD from the environment",
              "wsgi.py offers application",
            ]
          : [],
      };
      return change(() => undefined);
    },
    useSize: (_id, name) =>
      change(() =>
        answer([
          { path: ["process", "web", "instances"], value: name === "small" ? 1 : 3 },
          ...(name === "medium" ? [{ path: ["affinity"], value: "cookie" }] : []),
        ]),
      ),
    setDraftSecret: (_id, name) => change(() => given.set(name, given.has(name))),
    finishDraft: () =>
      Promise.resolve({
        name: draft().card.site ?? "",
        domains: [],
        url: null,
        hosts: [],
        file: "/home/ann/.local/share/slipway/sites/planner.toml",
        file_problem: null,
        last_run: null,
      }),
    // Other areas have hosts of their own; a set-up's scenes need these.
    ...(kind === null
      ? {}
      : {
          watchHosts: (news: (hosts: HostCard[]) => void) => {
            news(hostsOf(kind));
            return () => undefined;
          },
          readiness: () =>
            kind === "looking"
              ? never<Check[]>()
              : kind === "silent"
                ? refuse(
                    failure(
                      "unreachable",
                      "web-1 does not answer",
                      ["connection timed out after 10 s"],
                      "Check that it is switched on and that its address is right.",
                    ),
                  )
                : Promise.resolve([...CHECKS]),
        }),
  };
}
