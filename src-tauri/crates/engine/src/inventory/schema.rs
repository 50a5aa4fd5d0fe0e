//! The tables, and how older ones are brought up to date. Times are milliseconds since 1970 in UTC.

/// Marks the file as ours (SQLite file format 1.3.16): "Slip" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x536c_6970;

/// Steps from each format to the next; the count is the current format. Steps that were released are never edited.
pub(super) const MIGRATIONS: &[&str] = &[FIRST, LOGIN, ALLOWED];

const FIRST: &str = "
CREATE TABLE host (
    name TEXT PRIMARY KEY NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    user TEXT,
    identity_file TEXT,
    jump TEXT,
    sudo TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen INTEGER,
    facts TEXT,
    host_key TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE site (
    name TEXT PRIMARY KEY NOT NULL,
    file TEXT NOT NULL,
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE site_host (
    site TEXT NOT NULL REFERENCES site (name) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    host TEXT NOT NULL,
    PRIMARY KEY (site, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_host_by_host ON site_host (host);

-- Runs keep the names of hosts and sites as they were: they outlive both.
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    site TEXT,
    host TEXT NOT NULL,
    operator TEXT NOT NULL,
    plan_id TEXT,
    plan TEXT,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    verdict TEXT,
    exit_code INTEGER
) STRICT;
CREATE INDEX run_by_site ON run (site, id);
CREATE INDEX run_by_host ON run (host, id);
CREATE INDEX run_unfinished ON run (id) WHERE finished_at IS NULL;

-- One row per batch: events as JSON lines, `first` the number of the first of them within the run.
CREATE TABLE run_events (
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    lines TEXT NOT NULL,
    PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;
";

// Without a value, as the SSH configuration says.
const LOGIN: &str = "ALTER TABLE host ADD COLUMN login TEXT;";

// What is known of a site was its file alone, so its secrets were made for that file, whatever its source.
const ALLOWED: &str = "
CREATE TABLE recipient (
    site TEXT PRIMARY KEY NOT NULL,
    file TEXT NOT NULL,
    source TEXT,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO recipient (site, file, since) SELECT name, file, added_at FROM site;

CREATE TABLE outside_path (
    file TEXT NOT NULL,
    path TEXT NOT NULL,
    allowed_at INTEGER NOT NULL,
    PRIMARY KEY (file, path)
) STRICT, WITHOUT ROWID;
";
