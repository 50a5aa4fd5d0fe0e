/**
 * Examples of secrets. `?secrets=none|missing|failing|loading|no-keyring` chooses the state.
 */
import type { Backend, SecretRow, SecretValue } from "..";
import { NOW, type Scene, failure, never, refuse } from "./scene";

const DAY = 24 * 3_600_000;

export const SECRET_ROWS: readonly SecretRow[] = [
  {
    name: "SECRET_KEY",
    file: false,
    present: true,
    used: true,
    set_ms: NOW - 31 * DAY,
    used_in: ["environment of web and worker"],
    generator: "hex",
    strength: "256 bits of randomness",
    rotation_warning: "everyone is logged out",
    has_previous: true,
  },
  {
    name: "DATABASE_URL",
    file: false,
    present: true,
    used: true,
    set_ms: NOW - 400 * DAY,
    used_in: ["environment of web and worker"],
    generator: null,
    strength: null,
    rotation_warning: null,
    has_previous: false,
  },
  {
    name: "SMTP_PASSWORD",
    file: false,
    present: false,
    used: true,
    set_ms: null,
    used_in: ["environment of worker"],
    generator: "password",
    strength: "24 characters, about 143 bits",
    rotation_warning: "the mail server must be told the new password",
    has_previous: false,
  },
  {
    name: "certs/private.key",
    file: true,
    present: false,
    used: true,
    set_ms: null,
    used_in: ["file /etc/planner/secrets/private.key"],
    generator: null,
    strength: null,
    rotation_warning: null,
    has_previous: false,
  },
];

/** The value that `revealSecret` gives: tests look for it where it must not be. */
export const REVEALED = "correct-horse-battery-staple";

export function fakeSecrets(scene: Scene): Partial<Backend> {
  const kind = scene.get("secrets");
  const noKeyring = failure(
    "keyring",
    "The keyring is locked; nothing was read or written",
    ["org.freedesktop.secrets: the collection is locked"],
    "Unlock the desktop's keyring, then try again.",
  );
  let rows: SecretRow[] = SECRET_ROWS.map((row) =>
    kind === "missing" ? { ...row, present: false, used: true, set_ms: null, has_previous: false } : { ...row },
  );
  if (kind === "none") rows = [];
  const put = (name: string, value: SecretValue): SecretRow[] => {
    rows = rows.map((row) =>
      row.name !== name
        ? row
        : { ...row, present: true, used: true, set_ms: NOW, has_previous: row.present && value.from !== "previous" },
    );
    return rows;
  };
  return {
    secrets: () => (kind === "failing" ? refuse(noKeyring) : kind === "loading" ? never() : Promise.resolve(rows)),
    setSecret: (_site, name, value) => (kind === "no-keyring" ? refuse(noKeyring) : Promise.resolve(put(name, value))),
    removeSecret: (_site, name) => {
      rows = rows.map((row) =>
        row.name === name ? { ...row, present: false, used: true, set_ms: null, has_previous: false } : row,
      );
      return Promise.resolve(rows);
    },
    revealSecret: () => (kind === "no-keyring" ? refuse(noKeyring) : Promise.resolve(REVEALED)),
    strength: (value) => {
      const score = value.length === 0 ? 0 : value.length < 8 ? 1 : value.length < 14 ? 2 : value.length < 20 ? 3 : 4;
      return Promise.resolve({
        score,
        words: ["empty", "weak: can be guessed", "so-so: can be guessed with effort", "good", "strong"][score] ?? "",
      });
    },
  };
}
