/**
 * Examples of plans. `?plan=` keeps one for `#/plan/ID` (deploy, apply, rollback, uninstall, drift, blocked, empty,
 * large, hostile), `?start=stale|locked|refused` is how applying it fails.
 */
import type { Backend, FileChange, PlanGroup, PlanRequest, PlanStep, PlanView } from "..";
import { SlipwayError } from "..";
import { app } from "../../state/app.svelte";
import { type Scene, failure, refuse } from "./scene";

const ID = "7f3a91c04be2a8d5f6017732c19e84ab50d3f2e96c7b4a1d88f0e2b7716a9c35";
/** The id of every example plan but the one that was made anew. */
export const PLAN_ID = ID;
export const NEW_PLAN_ID = `c0ffee${ID.slice(6)}`;

const NGINX_OLD = `# Written by Slipway. Changes by hand are found and shown before the next apply.
upstream planner {
    least_conn;
    server unix:/run/planner/1.sock max_fails=1 fail_timeout=5s;
    keepalive 32;
}

map $http_upgrade $planner_connection {
    default upgrade;
    ''      "";
}

server {
    listen 80;
    server_name planner.example.org www.planner.example.org;
    return 301 https://$host$request_uri;
}

server {
    listen 443 ssl http2;
    server_name planner.example.org www.planner.example.org;
    ssl_certificate     /etc/nginx/ssl/selfsigned.crt;
    ssl_certificate_key /etc/nginx/ssl/selfsigned.key;
    client_max_body_size 100m;

    location / {
        proxy_pass http://planner;
        proxy_set_header Host $host;
    }

    location /socket.io/ {
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_pass http://planner;
    }
}
`;
const NGINX_NEW = NGINX_OLD.replace("    least_conn;\n", "    hash $planner_route consistent;\n")
  .replace(
    "1.sock max_fails=1 fail_timeout=5s;\n",
    "1.sock max_fails=1 fail_timeout=5s;\n    server unix:/run/planner/2.sock max_fails=1 fail_timeout=5s;\n",
  )
  .replace("/etc/nginx/ssl/selfsigned.crt", "/etc/nginx/ssl/planner.example.org/fullchain.pem")
  .replace("/etc/nginx/ssl/selfsigned.key", "/etc/nginx/ssl/planner.example.org/privkey.pem")
  .replace("client_max_body_size 100m;\n", "client_max_body_size 100m;\n    limit_req zone=planner burst=40 nodelay;\n")
  .replace(
    "Upgrade $http_upgrade;\n",
    "Upgrade $http_upgrade;\n        proxy_set_header Connection $planner_connection;\n        proxy_read_timeout 86400s;\n",
  );
const UNIT = `[Unit]
Description=planner, instance %i
After=network.target redis.service

[Service]
Type=notify
User=planner
Group=planner
EnvironmentFile=/etc/planner/environment
WorkingDirectory=/opt/planner/current
ExecStart=/opt/planner/current/env/bin/gunicorn --bind unix:/run/planner/%i.sock planner:app
Restart=on-failure
RestartSec=2
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/var/lib/planner /run/planner

[Install]
WantedBy=multi-user.target
`;
const ENVIRONMENT = (key: string) => `DATABASE_URL=postgresql:///planner
REDIS_URL=unix:///run/redis/redis.sock
SECRET_KEY=${key}
MAIL_FROM=planner@example.org
`;

function file(path: string, old: string | null, next: string | null, more: Partial<FileChange> = {}): FileChange {
  return {
    path,
    mode: "0644",
    owner: "root:root",
    kind: old === null ? "create" : next === null ? "remove" : "change",
    attributes: [],
    secret: false,
    old,
    new: next,
    hidden: null,
    ...more,
  };
}

type Rough = Partial<PlanStep> & Pick<PlanStep, "title" | "reason">;

function grouped(rough: readonly (readonly [string, readonly Rough[]])[]): PlanGroup[] {
  let index = 0;
  return rough.map(([heading, steps]) => ({
    heading,
    steps: steps.map((step) => {
      const made: PlanStep = {
        id: `step-${index}`,
        index,
        kind: "run",
        risk: "none",
        drift: false,
        about: [],
        commands: [],
        files: [],
        ...step,
      };
      index += 1;
      return made;
    }),
  }));
}

const setUp: readonly (readonly [string, readonly Rough[]])[] = [
  [
    "Packages",
    [
      {
        title: "Install nginx 1.22, redis 7.0 and logrotate",
        reason: "the site needs them and web-1 does not have them",
        commands: ["apt-get install -y --no-install-recommends nginx redis-server logrotate"],
        kind: "create",
      },
    ],
  ],
  [
    "User",
    [
      {
        title: "User planner, no login shell",
        reason: "the processes run as a user of their own",
        commands: ["useradd --system --home-dir /var/lib/planner --shell /usr/sbin/nologin planner"],
        kind: "create",
      },
    ],
  ],
  [
    "Directories",
    [
      {
        title: "5 directories under /opt/planner and /var/lib/planner",
        reason: "they are not there yet",
        commands: [
          "install -d -m 0755 -o root -g root /opt/planner /opt/planner/releases",
          "install -d -m 0750 -o planner -g planner /var/lib/planner /var/log/planner /run/planner",
        ],
        kind: "create",
      },
      {
        title: "Remove /opt/planner/tmp-build",
        reason: "a build left it behind",
        commands: ["rm -rf -- /opt/planner/tmp-build"],
        kind: "remove",
      },
    ],
  ],
  [
    "Certificate",
    [
      {
        title: "Let’s Encrypt for planner.example.org and www.planner.example.org",
        reason: "the one that is served is self-signed",
        commands: [
          "certbot certonly --webroot -w /var/www/letsencrypt -d planner.example.org -d www.planner.example.org",
        ],
        kind: "create",
      },
    ],
  ],
  [
    "Configuration",
    [
      {
        title: "/etc/planner/environment: 1 of 4 values changes",
        reason: "SECRET_KEY has another value in the keyring",
        kind: "change",
        files: [
          file(
            "/etc/planner/environment",
            ENVIRONMENT("‹fingerprint 4f1a 90c2›"),
            ENVIRONMENT("‹fingerprint 88e0 17bd›"),
            { mode: "0640", owner: "root:planner", secret: true, attributes: ["0644 root:root → 0640 root:planner"] },
          ),
        ],
        about: ["the processes read it when they start"],
      },
      {
        title: "/etc/planner/licence.key",
        reason: "the secret file is not on the host yet",
        kind: "create",
        files: [
          file("/etc/planner/licence.key", null, null, {
            kind: "create",
            mode: "0600",
            owner: "planner:planner",
            secret: true,
            hidden: "it is a secret file; only its fingerprint is compared",
          }),
        ],
      },
    ],
  ],
  [
    "Services",
    [
      {
        title: "planner@.service and planner@.socket",
        reason: "two instances are asked for",
        kind: "create",
        files: [
          file("/etc/systemd/system/planner@.service", null, UNIT),
          file(
            "/etc/systemd/system/planner@.socket",
            null,
            "[Unit]\nDescription=planner, socket %i\n\n[Socket]\nListenStream=/run/planner/%i.sock\n" +
              "SocketUser=www-data\n\n[Install]\nWantedBy=sockets.target\n",
          ),
        ],
        commands: ["systemctl daemon-reload"],
      },
      {
        title: "Remove /etc/systemd/system/planner-old.service",
        reason: "the site file does not name it any more",
        kind: "remove",
        files: [
          file("/etc/systemd/system/planner-old.service", "[Service]\nExecStart=/usr/bin/python3 -m planner\n", null),
        ],
      },
    ],
  ],
  [
    "Web server",
    [
      {
        title: "/etc/nginx/conf.d/planner.conf",
        reason:
          "the site asks for two instances that keep a browser on the same one (Socket.IO long polling), and this nginx (1.22) does not know “http2 on”",
        kind: "change",
        files: [file("/etc/nginx/conf.d/planner.conf", NGINX_OLD, NGINX_NEW)],
      },
      {
        title: "Test the whole tree, then reload once",
        reason: "nginx reads its configuration only when it is told to",
        commands: ["nginx -t", "systemctl reload nginx"],
        risk: "reconnect",
      },
    ],
  ],
  [
    "Firewall",
    [
      {
        title: "Allow http and https, keep ssh",
        reason: "ufw is on and lets neither in",
        commands: ["ufw allow 80/tcp", "ufw allow 443/tcp"],
        kind: "change",
      },
    ],
  ],
];
const deploy: readonly (readonly [string, readonly Rough[]])[] = [
  [
    "Source",
    [
      {
        title: "Fetch v2.8.0 (1c9e2f7)",
        reason: "web-1 has v2.7.4",
        commands: ["git fetch --depth 1 origin refs/tags/v2.8.0"],
      },
    ],
  ],
  [
    "Build",
    [
      {
        title: "Reuse environment 8b41 (lock unchanged)",
        kind: "keep",
        reason: "requirements.lock is the same as in v2.7.4",
      },
      { title: "Build front end", reason: "the release has sources of its own", commands: ["npm ci", "npm run build"] },
    ],
  ],
  ["Configuration", setUp[4]?.[1].slice(0, 1) ?? []],
  ["Web server", setUp[6]?.[1] ?? []],
  [
    "Release",
    [
      {
        title: "Migrate, then replace 2 instances one after the other",
        reason: "one program on the host does this and what follows, and goes back by itself when it must",
        risk: "data",
        commands: ["planner db upgrade", "systemctl restart planner@1.service", "systemctl restart planner@2.service"],
      },
      {
        title: "Keep 5 releases, remove v2.6.9",
        reason: "the site file keeps 5",
        kind: "remove",
        commands: ["rm -rf -- /opt/planner/releases/20260901-101500-77ab3c1"],
      },
    ],
  ],
];

const leaving: readonly (readonly [string, readonly Rough[]])[] = [
  [
    "Web server",
    [
      {
        title: "Remove /etc/nginx/conf.d/planner.conf",
        reason: "nginx is rehearsed without it first",
        kind: "remove",
        risk: "gone",
        files: [file("/etc/nginx/conf.d/planner.conf", NGINX_OLD, null)],
      },
    ],
  ],
  [
    "Services",
    [
      {
        title: "Stop planner.target for good, with 4 units of it",
        reason: "each gets the time to end that the site file gives it",
        commands: [
          "systemctl stop planner.target planner-web@5000.socket planner-web@5000.service planner-web@5001.socket planner-web@5001.service",
          "systemctl disable planner.target planner-web@5000.socket planner-web@5000.service planner-web@5001.socket planner-web@5001.service",
        ],
      },
    ],
  ],
  [
    "Configuration",
    [
      {
        title: "Remove /etc/planner/environment",
        reason: "Slipway wrote it for this site",
        kind: "remove",
        files: [file("/etc/planner/environment", ENVIRONMENT("‹fingerprint 4f1a 90c2›"), null, { secret: true })],
      },
      {
        title: "Remove /etc/systemd/system/planner-web@.service",
        reason: "Slipway wrote it for this site",
        kind: "remove",
        files: [file("/etc/systemd/system/planner-web@.service", UNIT, null)],
      },
    ],
  ],
  [
    "Directories",
    [
      {
        title: "Remove all 5 releases, environments and caches",
        reason: "the site's code",
        kind: "remove",
        about: ["/opt/planner/current", "/opt/planner/releases", "/opt/planner/envs", "/opt/planner/cache"],
      },
      {
        title: "Remove /opt/planner/shared",
        reason: "the data of the application: as asked for",
        kind: "remove",
        risk: "data",
        about: ["/opt/planner/shared"],
      },
      {
        title: "Remove the records in /var/lib/slipway/planner",
        reason: "all that they name is gone; the audit log stays, and says who did this",
        kind: "remove",
      },
    ],
  ],
];

function summed(plan: PlanView): PlanView {
  const steps = plan.groups.flatMap((group) => group.steps);
  const files = steps.flatMap((step) => step.files);
  const kind = (wanted: string) => steps.filter((one) => one.kind === wanted).length;
  return {
    ...plan,
    summary: {
      ...plan.summary,
      steps: steps.length,
      created: kind("create"),
      changed: kind("change"),
      removed: kind("remove"),
      files: files.length,
      noticeable: !plan.summary.noticed.startsWith("Nothing") && steps.some((step) => step.risk !== "none"),
      drifted: steps.filter((step) => step.drift).length,
      blocked: plan.notices.some((notice) => notice.severity === "blocker"),
    },
  };
}

export function examplePlan(state: string, site = "planner", host = "web-1"): PlanView {
  const isDeploy = state !== "apply" && state !== "empty" && state !== "large";
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
      steps: 0,
      created: 0,
      changed: 0,
      removed: 0,
      files: 0,
      noticeable: false,
      drifted: 0,
      blocked: false,
      restarts: ["planner@1.service restarts", "planner@2.service restarts", "nginx.service reloads"],
      noticed: isDeploy
        ? "What people will notice: open WebSockets reconnect; requests wait, none is lost; data changes in a way that going back does not undo."
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
        restarts: [
          "planner-web@5000.service stops",
          "planner-web@5001.service stops",
          "nginx reloads; it drops no connection",
        ],
        noticed: "The site is gone for everybody. Its data goes with it, for good.",
      };
      break;
    case "drift": {
      const changed = ["Web server", "Configuration"];
      base.groups = base.groups.map((group) => ({
        ...group,
        steps: group.steps.map((step) =>
          changed.includes(group.heading) && step.files.length ? { ...step, drift: true } : step,
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
              title: "/etc/nginx/conf.d/planner-areas.conf",
              reason: "21 areas have other limits",
              kind: "change",
              files: [file("/etc/nginx/conf.d/planner-areas.conf", old, next)],
            },
          ],
        ],
        [
          "Configuration",
          Array.from({ length: 180 }, (_, i) => ({
            title: `/etc/planner/areas/${String(i).padStart(3, "0")}.toml`,
            reason: "it is not there yet",
            kind: "create" as const,
            files: [file(`/etc/planner/areas/${i}.toml`, null, `name = "area ${i}"\nlimit = ${i}\n`)],
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
              title: `/etc/pla\u202enner\u0007.conf ${"very-long-name-".repeat(40)}`,
              reason: "<img src=x onerror=alert(1)> because",
              kind: "change",
              commands: [`printf '\u001b[31mred\u001b[0m' > /tmp/${"x".repeat(400)}`],
              files: [
                file(
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
      const wanted = scene.get("next") ?? state ?? stateFor(request);
      return Promise.resolve({ ...examplePlan(wanted, site, host), id: NEW_PLAN_ID, short_id: "c0ffee" });
    },
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
