/**
 * Examples of hosts and of connection tests.
 *
 * `?hosts=empty|one|calm|many|loading|failing`, `?host=loading|failing|partial`, `?runs=none`,
 * `?trial=plain|key|password|passphrase|sudo|changed|revoked|refused|slow` (without it: the key, then both passwords),
 * `?agent=none`, `?keys=none`, `?aliases=none|failing|many`, `?disposable=none|slow|failing`.
 */
import type {
  Answers,
  Backend,
  FactSection,
  HostCard,
  HostDetail,
  HostForm,
  HostKey,
  RunCard,
  SshAlias,
  Trial,
  TrialStep,
} from "..";
import { SlipwayError } from "..";
import { NOW, type Scene, failure, never, refuse } from "./scene";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function run(id: number, host: string, site: string, state: RunCard["state"], at: number, summary: string): RunCard {
  return {
    id,
    verb: "deploy",
    site,
    host,
    operator: "ann@desk-7",
    started_ms: at,
    finished_ms: at + 21_000,
    state,
    summary,
    step: null,
    cancelling: false,
  };
}

const UP: HostCard = {
  name: "web-1",
  address: "deploy@203.0.113.20",
  tags: ["production", "eu"],
  os: "AlmaLinux 9.4",
  system: "x86_64, SELinux enforcing",
  reach: { state: "up" },
  load: { cpu_percent: 31, memory_percent: 58, disk_percent: 44, load1: 0.62 },
  updates: { pending: 12, security: 3 },
  sites: ["planner", "shop"],
  last_run: run(41, "web-1", "planner", "succeeded", NOW - 3 * HOUR, "v2.8.1 is live on web-1"),
  last_seen_ms: NOW - 4_000,
};

const DOWN = failure(
  "unreachable",
  "db-1 does not answer",
  ["connect to 203.0.113.31 port 22: connection timed out after 10 s"],
  "Check that the server runs and that this computer is on the network.",
);

/** A host that means harm with its words. */
const HOSTILE = "\u001b[31mDebian\u001b[0m \u202exunil 12 <img src=x onerror=alert(1)> " + "and more ".repeat(30);

function few(): HostCard[] {
  return [
    UP,
    {
      ...UP,
      name: "web-2",
      address: "deploy@203.0.113.21",
      tags: ["production", "us"],
      os: "Debian 12.8",
      system: "x86_64",
      load: { cpu_percent: 22, memory_percent: 41, disk_percent: 37, load1: 0.3 },
      updates: { pending: 0, security: 0 },
      sites: ["shop", "docs"],
      last_run: run(40, "web-2", "shop", "rolled-back", NOW - 26 * HOUR, "/health answered 503; v1.4.0 serves again"),
    },
    {
      ...UP,
      name: "lab",
      address: "root@192.0.2.40:2222",
      tags: ["lab"],
      os: "Debian 12.8",
      system: "aarch64",
      load: { cpu_percent: 9, memory_percent: 35, disk_percent: 91, load1: 0.08 },
      updates: { pending: 4, security: null },
      sites: ["tracker"],
      last_run: null,
    },
    {
      ...UP,
      name: "db-1",
      address: "deploy@203.0.113.31",
      tags: ["production", "eu"],
      os: "Rocky Linux 9.4",
      system: "x86_64, SELinux enforcing",
      reach: { state: "down", failure: DOWN, next_try_ms: NOW + 42_000 },
      sites: [],
      last_seen_ms: NOW - 2 * HOUR,
      last_run: run(31, "db-1", "shop", "succeeded", NOW - 12 * DAY, ""),
    },
    {
      ...UP,
      name: "gate",
      address: "ann@198.51.100.7",
      tags: [],
      os: null,
      system: null,
      reach: { state: "needs", need: "password" },
      load: null,
      updates: null,
      sites: [],
      last_run: null,
      last_seen_ms: null,
    },
    {
      ...UP,
      name: "old-shop",
      address: "root@198.51.100.90",
      tags: ["retire"],
      os: "Debian 11.9",
      system: "x86_64",
      reach: { state: "needs", need: "host-key-changed" },
      sites: ["legacy"],
      last_seen_ms: NOW - 9 * DAY,
      last_run: run(12, "old-shop", "legacy", "failed-intact", NOW - 30 * DAY, ""),
    },
  ];
}

function cards(kind: string | null): HostCard[] {
  switch (kind) {
    case "empty":
      return [];
    case "one":
      return [UP];
    case "calm":
      return few().slice(0, 2);
    case "many":
      return [
        ...few(),
        ...Array.from({ length: 194 }, (_, i): HostCard => ({
          ...UP,
          name:
            i === 3
              ? `a-host-with-a-name-that-somebody-made-far-too-long-${"x".repeat(40)}`
              : `node-${String(i + 1).padStart(3, "0")}`,
          address: `deploy@10.0.${Math.floor(i / 250)}.${(i % 250) + 1}`,
          tags: [i % 2 ? "eu" : "us", `rack-${i % 12}`],
          os: i === 2 ? HOSTILE : UP.os,
          load: {
            cpu_percent: (i * 37) % 100,
            memory_percent: (i * 53) % 100,
            disk_percent: (i * 29) % 89,
            load1: (i % 40) / 10,
          },
          sites: i % 9 ? ["planner"] : Array.from({ length: 14 }, (_x, s) => `site-${s}`),
          reach:
            i % 23 === 0
              ? {
                  state: "down",
                  failure: { ...DOWN, message: `node-${String(i + 1).padStart(3, "0")} does not answer` },
                  next_try_ms: NOW + 60_000,
                }
              : i % 31 === 0
                ? { state: "connecting" }
                : { state: "up" },
        })),
      ];
    default:
      return few();
  }
}

const KEY = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDLR1rqpXQeZ0gFf4E";
const ART = [
  "+--[ED25519 256]--+",
  "|        .o+=.    |",
  "|       . o=.+    |",
  "|      . o+ = .   |",
  "|     . =o.= o    |",
  "|      o So.+ .   |",
  "|     . =.o= o    |",
  "|      + =+.B     |",
  "|     . B+o* o    |",
  "|      E=**.o     |",
  "+----[SHA256]-----+",
].join("\n");

function facts(partial: boolean): FactSection[] {
  const bad = { label: "Free ports", value: "could not be read: `ss` is not installed", state: "failed" as const };
  return [
    {
      title: "System",
      rows: [
        { label: "Operating system", value: "AlmaLinux 9.4", state: "known" },
        { label: "Kernel", value: "5.14.0-427.13.1.el9_4.x86_64", state: "known" },
        { label: "Architecture", value: "x86_64", state: "known" },
        { label: "SELinux", value: "enforcing", state: "known" },
        { label: "Up since", value: "41 d", state: "known" },
      ],
    },
    {
      title: "Size",
      rows: [
        { label: "Processors", value: "4", state: "known" },
        { label: "Memory", value: "7.8 GB", state: "known" },
        { label: "Disk /", value: "44 % of 80 GB used", state: "known" },
        ...(partial
          ? [{ label: "Disk /srv", value: "df ended with 1: Permission denied \u001b[31m", state: "failed" as const }]
          : []),
      ],
    },
    {
      title: "Software",
      rows: [
        { label: "nginx", value: "1.24.0", state: "known" },
        { label: "Python", value: "3.9.18, 3.11.7", state: "known" },
        { label: "Node.js", value: "not installed", state: "absent" },
        { label: "PostgreSQL", value: "not installed", state: "absent" },
      ],
    },
    {
      title: "Network",
      rows: [
        { label: "Firewall", value: "firewalld: ssh, http, https", state: "known" },
        partial ? bad : { label: "Listening", value: "22, 80, 443, 5001, 5002", state: "known" },
      ],
    },
  ];
}

function detail(card: HostCard, partial: boolean): HostDetail {
  const [user, place = ""] = card.address.includes("@") ? card.address.split("@") : [null, card.address];
  const [address = "", port] = place.split(":");
  return {
    card,
    facts: card.last_seen_ms === null ? [] : facts(partial),
    host_key: card.last_seen_ms === null ? null : KEY,
    form: {
      name: card.name,
      address,
      port: port ? Number(port) : null,
      user: user ?? null,
      auth: card.name === "gate" ? { kind: "password" } : { kind: "agent", fingerprint: null },
      jump: null,
      sudo: "auto",
      tags: card.tags,
    },
  };
}

const SHOWN: HostKey = { host: "203.0.113.50", algorithm: "ssh-ed25519", fingerprint: KEY, randomart: ART };

const STEPS: readonly [string, string, string, number][] = [
  ["resolve", "Look up the address", "203.0.113.50", 12],
  ["connect", "Connect to port 22", "OpenSSH_8.7", 31],
  ["host-key", "Check the host key", "ssh-ed25519, known", 4],
  ["authenticate", "Log in as deploy", "with a key of the agent", 148],
  ["sudo", "Become root", "sudo without a password", 60],
  ["facts", "Look at the system", "AlmaLinux 9.4, 4 processors, 7.8 GB", 812],
];

/** How a test ends, and at which step. */
function ending(kind: string | null, answers: Answers): { at: string; trial: Trial } | null {
  const keyed = { at: "host-key", trial: { outcome: "needs-host-key", key: SHOWN } } as const;
  switch (kind) {
    case "plain":
      return null;
    case "key":
      return answers.accepted_fingerprint === KEY ? null : keyed;
    case "password":
      return answers.password === "correct"
        ? null
        : { at: "authenticate", trial: { outcome: "needs-password", wrong: answers.password !== null } };
    case "passphrase":
      return answers.passphrase === "correct"
        ? null
        : {
            at: "authenticate",
            trial: {
              outcome: "needs-passphrase",
              file: "/home/ann/.ssh/id_ed25519",
              wrong: answers.passphrase !== null,
            },
          };
    case "sudo":
      return answers.sudo_password === "correct"
        ? null
        : { at: "sudo", trial: { outcome: "needs-sudo-password", wrong: answers.sudo_password !== null } };
    case "changed":
    case "revoked":
      return {
        at: "host-key",
        trial: {
          outcome: "host-key-changed",
          key: SHOWN,
          revoked: kind === "revoked",
          recorded: [
            {
              fingerprint: "SHA256:9bQ2mVqk1hT0xXcCw1eYJ8l4uG7PzR3sKfNdEoA5iBw",
              file: "/home/ann/.ssh/known_hosts",
              line: 17,
            },
          ],
        },
      };
    case "refused":
      return {
        at: "connect",
        trial: {
          outcome: "failed",
          step: "connect",
          failure: failure(
            "unreachable",
            "203.0.113.50 refused the connection on port 22",
            ["connect to 203.0.113.50 port 22: connection refused"],
            "Is sshd running there, and on this port? Ask `systemctl status sshd` on its console, or give another port.",
          ),
        },
      };
    default:
      return ending("key", answers) ?? ending("password", answers) ?? ending("sudo", answers);
  }
}

async function test(
  kind: string | null,
  form: HostForm,
  answers: Answers,
  step: (step: TrialStep) => void,
): Promise<Trial> {
  const end = ending(kind, answers);
  for (const [id, label] of STEPS) step({ step: id, label, state: "waiting", detail: null, elapsed_ms: 0 });
  for (const [id, label, seen, elapsed_ms] of STEPS) {
    step({ step: id, label, state: "started", detail: null, elapsed_ms: 0 });
    if (kind === "slow" && id === "authenticate") return never();
    await Promise.resolve();
    if (end?.at === id) {
      step({ step: id, label, state: "failed", detail: null, elapsed_ms });
      return end.trial;
    }
    step({
      step: id,
      label,
      state: "ok",
      detail: id === "resolve" ? `${form.address} is 203.0.113.50` : seen,
      elapsed_ms,
    });
  }
  return { outcome: "ready", facts: facts(false), host_key: KEY };
}

const ALIASES: SshAlias[] = [
  { alias: "staging", address: "deploy@203.0.113.50:2222", known: false, problem: null },
  { alias: "web-1", address: "deploy@203.0.113.20", known: true, problem: null },
  { alias: "bastion", address: "ann@198.51.100.1", known: false, problem: "ProxyCommand is not followed" },
  { alias: "build-*", address: null, known: false, problem: "is a pattern, not a host" },
  { alias: "backup", address: "root@192.0.2.9", known: false, problem: null },
];

const LINES = [
  "Looking for the image debian-12",
  "Starting the container slipway-lab-1",
  "Waiting for sshd on 127.0.0.1:32771",
  "Adding it as lab-1",
];

export function fakeHosts(scene: Scene): Partial<Backend> {
  const kind = scene.get("hosts");
  const one = scene.get("host");
  let all = cards(kind);
  let tell: (hosts: HostCard[]) => void = () => undefined;
  const change = (next: HostCard[]) => {
    all = next;
    tell(all);
  };
  const find = (name: string): Promise<HostDetail> => {
    const card = all.find((host) => host.name === name);
    if (one === "loading") return never();
    if (one === "failing")
      return refuse(
        failure(
          "local",
          `What is known of ${name} could not be read`,
          ["state.db: disk I/O error"],
          "Check that the disk is not full.",
        ),
      );
    return card
      ? Promise.resolve(detail(card, one === "partial"))
      : refuse(failure("unknown-host", `There is no host ${name}`, [], "It may have been forgotten or renamed."));
  };
  const kept = (form: HostForm): HostDetail => {
    const card: HostCard = {
      ...UP,
      name: form.name,
      address: form.address,
      tags: form.tags,
      sites: [],
      last_run: null,
    };
    return { ...detail(card, false), form };
  };
  return {
    hosts: () => Promise.resolve(all),
    watchHosts: (news, failed) => {
      if (kind === "failing")
        failed(
          failure(
            "local",
            "The list of hosts could not be read",
            ["state.db: disk I/O error"],
            "Check that the disk is not full; nothing on your hosts depends on this list.",
          ),
        );
      else if (kind !== "loading") {
        tell = news;
        news(all);
      }
      return () => {
        tell = () => undefined;
      };
    },
    host: find,
    refreshHost: find,
    tryHost: (form, answers, step) => test(scene.get("trial"), form, answers, step),
    addHost: (form) => {
      if (all.some((host) => host.name === form.name))
        return refuse(
          failure(
            "name-taken",
            `There is a host ${form.name} already; nothing was added`,
            [],
            "Give this one another name.",
          ),
        );
      const made = kept(form);
      change([...all, made.card]);
      return Promise.resolve(made);
    },
    editHost: (name, form) => {
      const was = all.find((host) => host.name === name);
      if (!was) return refuse(failure("unknown-host", `There is no host ${name}`));
      const next = { ...was, name: form.name, tags: form.tags };
      change(all.map((host) => (host.name === name ? next : host)));
      return Promise.resolve({ ...detail(next, false), form });
    },
    removeHost: (name) => {
      change(all.filter((host) => host.name !== name));
      return Promise.resolve(null);
    },
    agentKeys: () =>
      Promise.resolve(
        scene.get("agent") === "none"
          ? { keys: [], reason: "no agent runs: SSH_AUTH_SOCK is not set" }
          : {
              keys: [
                {
                  fingerprint: "SHA256:Qm0aZ7r1cY5vKp2LwXt8Ue3BnGf6HsDj9Io4TkAbVxY",
                  algorithm: "ssh-ed25519",
                  comment: "ann@desk-7",
                },
                {
                  fingerprint: "SHA256:7yHt5RfVbGnMjK1LqAzWsXeDcPo0Ui9Yt8Re7Wq6Ez5",
                  algorithm: "sk-ssh-ed25519@openssh.com",
                  comment: "token \u202e(blue)",
                },
              ],
              reason: null,
            },
      ),
    keyFiles: () =>
      Promise.resolve(
        scene.get("keys") === "none"
          ? []
          : [
              { path: "/home/ann/.ssh/id_ed25519", algorithm: "ssh-ed25519", encrypted: true },
              { path: "/home/ann/.ssh/deploy_rsa", algorithm: "ssh-rsa", encrypted: false },
            ],
      ),
    sshAliases: () => {
      const which = scene.get("aliases");
      if (which === "failing")
        return refuse(
          failure(
            "local",
            "~/.ssh/config could not be read",
            ["line 14: unknown option `Hosst`"],
            "Correct the file, then try again.",
          ),
        );
      return Promise.resolve(
        which === "none"
          ? []
          : which === "many"
            ? [
                ...ALIASES,
                ...Array.from({ length: 60 }, (_, i): SshAlias => ({
                  alias: `node-${i}`,
                  address: `10.0.0.${i}`,
                  known: false,
                  problem: null,
                })),
              ]
            : ALIASES,
      );
    },
    importAliases: (aliases) => {
      change([
        ...all,
        ...aliases.map((name): HostCard => ({
          ...UP,
          name,
          address: name,
          tags: [],
          os: null,
          system: null,
          reach: { state: "connecting" },
          load: null,
          updates: null,
          sites: [],
          last_run: null,
          last_seen_ms: null,
        })),
      ]);
      return Promise.resolve(
        ALIASES.map((alias) => ({ ...alias, known: alias.known || aliases.includes(alias.alias) })),
      );
    },
    retryHost: () => Promise.resolve(null),
    answerHost: (name, answers) => {
      if (answers.password === "wrong")
        return refuse(failure("password", `${name} refused the password`, [], "Try again; nothing was kept."));
      change(all.map((host) => (host.name === name ? { ...host, reach: { state: "up" } } : host)));
      return Promise.resolve(null);
    },
    unlockHost: () => Promise.resolve("bo@laptop since 11:02, deploy of shop"),
    runs: (filter) =>
      Promise.resolve(
        scene.get("runs") === "none"
          ? []
          : [41, 37, 29].map((id, i) =>
              run(
                id,
                filter.host ?? "web-1",
                "planner",
                i === 1 ? "rolled-back" : "succeeded",
                NOW - (3 + i * 40) * HOUR,
                i === 1 ? "/health answered 503; v2.8.0 serves again" : "v2.8.1 is live",
              ),
            ),
      ),
    startDisposable: async (step) => {
      const which = scene.get("disposable");
      for (const line of LINES) {
        await Promise.resolve();
        step(line);
        if (which === "slow" && line.startsWith("Waiting")) return never<string>();
      }
      if (which === "failing")
        throw new SlipwayError(
          failure(
            "disposable",
            "The disposable host did not start",
            ["podman: image debian-12 could not be pulled: no route to host"],
            "Check the network, then try again. Nothing was added.",
          ),
        );
      return "lab-1";
    },
  };
}
