/** Steps of example plans, in the words of the engine. */
import type { PlanGroup, PlanStep } from "..";
import { fileChange } from "./files";

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
  .replace("/etc/nginx/ssl/selfsigned.crt", "/etc/planner/tls/fullchain.pem")
  .replace("/etc/nginx/ssl/selfsigned.key", "/etc/planner/tls/privkey.pem")
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
const LOGROTATE = "/var/log/nginx/planner.*.log {\n    daily\n    rotate 14\n    compress\n}\n";

/** What is said of a step, with defaults for the rest. */
export type Rough = Partial<PlanStep> & Pick<PlanStep, "title" | "reason">;
type Groups = readonly (readonly [string, readonly Rough[]])[];

/** Steps under their headings, numbered. */
export function grouped(rough: Groups): PlanGroup[] {
  let index = 0;
  return rough.map(([heading, steps]) => ({
    heading,
    steps: steps.map((step) => {
      const made: PlanStep = {
        id: `step-${index}`,
        index,
        verb: "run",
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

const directory = (path: string, mode: string, owner: string, reason: string): Rough => ({
  id: `directory:${path}`,
  title: `${path} (${mode} ${owner})`,
  reason,
  verb: "create",
});
const phase = (key: string, title: string, more: Partial<Rough> = {}): Rough => ({
  id: `activate:${key}`,
  title,
  reason: "one program on the host does this and what follows, and goes back by itself when it must",
  ...more,
});

/** Units of the instances. */
export const UNITS = "planner@1.socket, planner@1.service, planner@2.socket, planner@2.service";
const ENVIRONMENT_CHANGES: Rough = {
  id: "file:/etc/planner/environment",
  title: "Change /etc/planner/environment",
  reason: "the site file, a template or a secret changed",
  verb: "change",
  files: [
    fileChange(
      "/etc/planner/environment",
      ENVIRONMENT("‹fingerprint 4f1a 90c2›"),
      ENVIRONMENT("‹fingerprint 88e0 17bd›"),
      { mode: "0640", group: "planner", secret: true, attributes: ["0644 root:root → 0640 root:planner"] },
    ),
  ],
  about: ["mode 0640, root:planner"],
};
const NGINX_CHANGES: Rough = {
  id: "file:/etc/nginx/conf.d/planner.conf",
  title: "Change /etc/nginx/conf.d/planner.conf",
  reason: "the site file, a template or a secret changed",
  verb: "change",
  files: [fileChange("/etc/nginx/conf.d/planner.conf", NGINX_OLD, NGINX_NEW)],
  about: ["mode 0644, root:root"],
};
const NGINX_TAKES_UP: Rough = {
  id: "effect:nginx",
  title: "Rehearse nginx's configuration, put it in place and reload nginx",
  reason: "all files that nginx reads change together, or none of them does",
  about: ["a copy of the whole configuration is tried with nginx -t first"],
};

/** Everything that is brought to a host. */
export const setUp: Groups = [
  [
    "Packages",
    [
      {
        id: "package:nginx",
        title: "Install nginx, python3-venv, logrotate",
        reason: "needed and not installed; apt takes them from the host's own repositories",
        commands: [
          "apt-get update",
          "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends nginx python3-venv logrotate",
        ],
        verb: "create",
      },
    ],
  ],
  [
    "User",
    [
      {
        id: "user:planner",
        title: "Create the system user planner",
        reason: "the application runs as its own user that nobody can log in as",
        about: ["user and group planner, home /opt/planner/cache, shell /usr/sbin/nologin"],
        verb: "create",
      },
    ],
  ],
  [
    "Directories",
    [
      directory(
        "/opt/planner",
        "0755",
        "root:root",
        "the site; root's, so that the application cannot change its own code",
      ),
      directory(
        "/opt/planner/cache",
        "0700",
        "planner:planner",
        "the site user's home: package caches and the git mirror",
      ),
      directory("/opt/planner/shared", "0755", "root:root", "data that outlives releases"),
    ],
  ],
  [
    "Certificate",
    [
      {
        id: "certificate:planner",
        title: "Make a self-signed certificate for planner.example.org, www.planner.example.org",
        reason: "browsers need an encrypted connection; this one is signed by itself, so they will warn",
        about: ["for planner.example.org, www.planner.example.org, valid 825 days, in /etc/planner/tls"],
        verb: "create",
      },
    ],
  ],
  [
    "Configuration",
    [
      ENVIRONMENT_CHANGES,
      {
        id: "file:/etc/planner/secrets/licence.key",
        title: "Write /etc/planner/secrets/licence.key",
        reason: "it is not there yet",
        verb: "create",
        files: [
          fileChange("/etc/planner/secrets/licence.key", null, null, {
            kind: "create",
            mode: "0400",
            owner: "planner",
            group: "planner",
            secret: true,
            hidden: "it may hold secrets, so what is on the host is not shown",
          }),
        ],
        about: ["mode 0400, planner:planner"],
      },
      {
        id: "file:/etc/systemd/system/planner@.service",
        title: "Write /etc/systemd/system/planner@.service",
        reason: "it is not there yet",
        verb: "create",
        files: [fileChange("/etc/systemd/system/planner@.service", null, UNIT)],
        about: ["mode 0644, root:root"],
      },
      {
        id: "file:/etc/systemd/system/planner@.socket",
        title: "Write /etc/systemd/system/planner@.socket",
        reason: "it is not there yet",
        verb: "create",
        files: [
          fileChange(
            "/etc/systemd/system/planner@.socket",
            null,
            "[Unit]\nDescription=planner, socket %i\n\n[Socket]\nListenStream=/run/planner/%i.sock\n" +
              "SocketUser=www-data\n\n[Install]\nWantedBy=sockets.target\n",
          ),
        ],
        about: ["mode 0644, root:root"],
      },
      {
        id: "remove:/etc/systemd/system/planner-old.service",
        title: "Remove /etc/systemd/system/planner-old.service",
        reason: "the site file no longer calls for it",
        verb: "remove",
        files: [
          fileChange(
            "/etc/systemd/system/planner-old.service",
            "[Service]\nExecStart=/usr/bin/python3 -m planner\n",
            null,
          ),
        ],
      },
    ],
  ],
  [
    "Services",
    [
      {
        id: "effect:systemd",
        title: "Make systemd read its units again",
        reason: "units changed",
        commands: ["systemctl daemon-reload"],
      },
      {
        id: "unit:nginx.service",
        title: "Start nginx.service, also at boot",
        reason: "it serves the site",
        commands: ["systemctl enable nginx.service", "systemctl start nginx.service"],
      },
    ],
  ],
  ["Web server", [NGINX_CHANGES, NGINX_TAKES_UP]],
  [
    "Firewall",
    [
      {
        id: "firewall:http",
        title: "Allow http, https in ufw",
        reason: "the firewall is on and does not let them in",
        about: ["opens http, https"],
        commands: ["ufw allow 80/tcp", "ufw allow 443/tcp"],
      },
    ],
  ],
];
/** Nothing but the records. */
export const recorded: Groups = [
  [
    "Records",
    [
      {
        id: "records",
        title: "Record what belongs to planner on web-1",
        reason: "all of it is there already; nothing else is changed",
        verb: "change",
      },
    ],
  ],
];
/** A release. */
export const deploy: Groups = [
  [
    "Source",
    [
      {
        id: "source",
        title: "Check out 1c9e2f7a44b1",
        reason: "from the site's git mirror on the host",
        about: ["commit 1c9e2f7a44b1d02c5e7790ab31f84c6d5e20a9f3"],
      },
    ],
  ],
  [
    "Build",
    [
      {
        id: "environment",
        title: "Build the Python 3.11 environment 8b41c0de",
        reason: "no environment on this host was built from these requirements yet",
        about: ["in /opt/planner/envs/8b41c0de"],
        commands: [
          "python3.11 -m venv /opt/planner/envs/8b41c0de",
          "/opt/planner/envs/8b41c0de/bin/pip install --require-hashes --requirement requirements.lock",
        ],
      },
      {
        id: "build:1",
        title: "Run npm run build",
        reason: "a build step of the site file",
        commands: ["npm run build"],
      },
    ],
  ],
  ["Configuration", [ENVIRONMENT_CHANGES]],
  ["Web server", [NGINX_CHANGES]],
  [
    "Configuration",
    [
      {
        id: "config",
        title: "Keep 2 more configuration files with the release",
        reason: "a rollback brings them back with the code",
        about: [
          "/etc/systemd/system/planner@.service  mode 0644, root:root",
          "/etc/logrotate.d/planner  mode 0644, root:root",
        ],
        files: [
          fileChange("/etc/systemd/system/planner@.service", UNIT, UNIT),
          fileChange("/etc/logrotate.d/planner", LOGROTATE, LOGROTATE),
        ],
      },
    ],
  ],
  [
    "Release",
    [
      { id: "seal", title: "Seal release v2.8.0", reason: "from here on nobody but root can change it" },
      phase("gate:web", "Prove v2.8.0 on a private port (45900) before it gets any traffic", {
        commands: ["/opt/planner/current/env/bin/planner db upgrade"],
      }),
      phase("migrate", "Run migrations once (data cannot be rolled back from here on)", {
        reason: "hooks of the site file",
        risk: "data",
      }),
      phase("switch", "Switch to release v2.8.0", {
        reason: "one atomic change of a link; configuration that differs is put in place",
      }),
      ...[1, 2].map((i) =>
        phase(`replace:planner@${i}.service`, `Replace planner@${i}.service`, {
          reason: "the new one starts beside the old one, and both serve until it has proved itself",
        }),
      ),
      phase("settle", "Watch every instance for 10 s", { reason: "a release counts as good only after that" }),
      phase("verify", "Ask through nginx", { reason: "what people will see is what counts" }),
      phase("drain", "Let v2.7.4 finish what it has begun, in the background", {
        reason: "it takes nothing new; each process gets the time that its unit gives it",
        risk: "reconnect",
      }),
      {
        id: "prune",
        title: "Remove 1 failed release",
        reason: "the newest 3 failed ones are kept for inspection, and every known-good one",
        about: ["20260901-101500-77ab3c1"],
        verb: "remove",
      },
    ],
  ],
];

/** A site that leaves. */
export const leaving: Groups = [
  [
    "Web server",
    [
      {
        id: "remove:/etc/nginx/conf.d/planner.conf",
        title: "Remove /etc/nginx/conf.d/planner.conf",
        reason: "nginx is rehearsed without it first",
        verb: "remove",
        risk: "gone",
        files: [fileChange("/etc/nginx/conf.d/planner.conf", NGINX_OLD, null)],
      },
      NGINX_TAKES_UP,
    ],
  ],
  [
    "Services",
    [
      {
        id: "remove:planner@1.socket",
        title: `Stop for good: 5 units: planner.target, ${UNITS}`,
        reason: "each gets the time to end that the site file gives it",
        commands: ["stop", "disable"].map((verb) => `systemctl ${verb} planner.target ${UNITS.replaceAll(",", "")}`),
      },
    ],
  ],
  [
    "Configuration",
    [
      {
        id: "remove:/etc/planner/environment",
        title: "Remove /etc/planner/environment",
        reason: "Slipway wrote it for this site",
        verb: "remove",
        files: [fileChange("/etc/planner/environment", ENVIRONMENT("‹fingerprint 4f1a 90c2›"), null)],
      },
      {
        id: "remove:/etc/systemd/system/planner@.service",
        title: "Remove /etc/systemd/system/planner@.service",
        reason: "Slipway wrote it for this site",
        verb: "remove",
        files: [fileChange("/etc/systemd/system/planner@.service", UNIT, null)],
      },
    ],
  ],
  [
    "Directories",
    [
      {
        id: "remove:/opt/planner/cache",
        title: "Remove /opt/planner/cache, /opt/planner/envs, /opt/planner/releases",
        reason: "Slipway's own, with everything in it",
        verb: "remove",
        about: ["/opt/planner/cache", "/opt/planner/envs", "/opt/planner/releases"],
      },
      {
        id: "remove:/opt/planner/shared",
        title: "Remove /opt/planner/shared",
        reason: "the data of the application: as asked for",
        verb: "remove",
        risk: "data",
        about: ["/opt/planner/shared"],
      },
    ],
  ],
  [
    "User",
    [
      {
        id: "remove:planner",
        title: "Remove the system user planner",
        reason: "nothing is left that belongs to it",
        verb: "remove",
        commands: ["userdel planner"],
      },
    ],
  ],
  [
    "Records",
    [
      {
        id: "records",
        title: "Record that planner has left web-1",
        reason: "the audit log stays, and says who did this; the list of its releases goes",
        verb: "change",
      },
    ],
  ],
];
