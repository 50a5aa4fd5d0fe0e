//! The SQLite file: opening, bringing up to date, and turning SQLite's errors into ours.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::InventoryError;
use super::schema::{APPLICATION_ID, MIGRATIONS};
use crate::home::Home;

/// How long to wait for another process that writes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Files up to this size are checked whole when opened, which takes a few milliseconds; larger ones on request, and
/// whenever SQLite stumbles.
const CHECKED_ON_OPEN: u64 = 8 * 1024 * 1024;

/// One connection, shared by its clones.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    path: Arc<PathBuf>,
}

impl Database {
    pub(crate) fn open(home: &Home) -> Result<Self, InventoryError> {
        let path = home.inventory();
        // Made beforehand, because SQLite would create it with the process's umask; -wal and -shm take its mode
        // (sqlite.org/walformat.html does not say so, os_unix.c `findCreateFileMode` does).
        let mut options = std::fs::File::options();
        options.append(true).create(true);
        crate::home::private(&mut options);
        let file = options.open(&path).map_err(|error| access(&path, "opened", &error))?;
        let size = file.metadata().map_err(|error| access(&path, "opened", &error))?.len();
        drop(file);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| explain(&path, error))?;
        let database = Self { connection: Arc::new(Mutex::new(connection)), path: Arc::new(path) };
        database.prepare()?;
        if size <= CHECKED_ON_OPEN {
            database.check("quick_check")?;
        }
        Ok(database)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on the connection, one caller at a time.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, InventoryError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|error| explain(&self.path, error))
    }

    /// Runs `work` in a transaction that has the write lock from its beginning, so that what it read stays true.
    pub(crate) fn write<T, E: From<InventoryError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<Result<T, E>, rusqlite::Error>,
    ) -> Result<T, E> {
        let explain = |error| explain(&self.path, error);
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(explain)?;
        // An early return drops the transaction, which rolls it back.
        let value = work(&transaction).map_err(explain)??;
        transaction.commit().map_err(explain)?;
        Ok(value)
    }

    fn prepare(&self) -> Result<(), InventoryError> {
        self.read(|connection| connection.busy_timeout(PATIENCE))?;
        self.refuse_foreign()?;
        self.switch_to_wal()?;
        self.read(|connection| {
            connection.pragma_update(None, "foreign_keys", true)?;
            // FULL: a verdict that was shown survives a power cut.
            connection.pragma_update(None, "synchronous", "FULL")
        })?;
        if self.format()? < newest() { self.migrate() } else { Ok(()) }
    }

    /// Stops at files of other programs and of newer versions, before anything is written.
    fn refuse_foreign(&self) -> Result<(), InventoryError> {
        let (owner, found, tables) = self.read(|connection| {
            // One snapshot: between two, another process may finish making the file, and its tables would look
            // like those of a stranger.
            let snapshot = connection.unchecked_transaction()?;
            let owner: i64 = snapshot.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let found: i64 = snapshot.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let tables: i64 = snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((owner, found, tables))
        })?;
        let path = || self.path().to_owned();
        if owner != APPLICATION_ID && (owner != 0 || tables > 0) {
            Err(InventoryError::NotOurs { path: path() })
        } else if found > newest() {
            Err(InventoryError::Newer { path: path(), found, known: newest() })
        } else {
            Ok(())
        }
    }

    /// Readers and one writer at a time no longer stop each other. The mode stays with the file.
    fn switch_to_wal(&self) -> Result<(), InventoryError> {
        let mode = |connection: &Connection| {
            connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
        };
        if self.read(mode)? == "wal" {
            return Ok(());
        }
        let switch = |connection: &Connection| {
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
        };
        match self.read(switch) {
            // The switch needs the file for itself, and SQLite does not wait for that (wal.html, section 3.4):
            // another process is opening it this very moment and switches for both.
            Ok(_) | Err(InventoryError::Busy { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn format(&self) -> Result<i64, InventoryError> {
        self.read(|connection| connection.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    fn migrate(&self) -> Result<(), InventoryError> {
        self.write(|transaction| {
            // Read again under the lock: another process may have done it meanwhile.
            let from: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", newest().max(from))?;
            Ok(Ok(()))
        })
    }

    pub(crate) fn check(&self, pragma: &str) -> Result<(), InventoryError> {
        let found = self.read(|connection| {
            let mut statement = connection.prepare(&format!("PRAGMA {pragma}(3)"))?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        if found == ["ok"] {
            Ok(())
        } else {
            Err(InventoryError::Damaged { path: self.path().to_owned(), detail: found.join("; ") })
        }
    }

    pub(crate) fn back_up(&self, target: &Path) -> Result<(), InventoryError> {
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        crate::home::private(&mut options);
        options.open(target).map_err(|error| access(target, "written", &error))?;
        self.read(|connection| connection.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map(drop))
    }

    /// Serialises a value for a column.
    pub(crate) fn json(what: &'static str, value: &impl serde::Serialize) -> Result<String, InventoryError> {
        serde_json::to_string(value).map_err(|error| InventoryError::Unstorable { what, detail: error.to_string() })
    }

    /// An error for a column that does not read back.
    pub(crate) fn unreadable(&self, what: impl Into<String>, detail: impl ToString) -> InventoryError {
        InventoryError::Unreadable { path: self.path().to_owned(), what: what.into(), detail: detail.to_string() }
    }

    /// A time column.
    pub(crate) fn time(&self, milliseconds: i64) -> Result<Timestamp, InventoryError> {
        Timestamp::from_millisecond(milliseconds).map_err(|error| self.unreadable("a time", error))
    }
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn access(path: &Path, what: &'static str, error: &std::io::Error) -> InventoryError {
    InventoryError::Access { path: path.to_owned(), what, detail: error.to_string() }
}

fn explain(path: &Path, error: rusqlite::Error) -> InventoryError {
    let path = path.to_owned();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => InventoryError::Damaged { path, detail },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => InventoryError::Busy { path },
        Some(ErrorCode::DiskFull) => InventoryError::Full { path },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            InventoryError::Access { path, what: "opened", detail }
        }
        Some(ErrorCode::ReadOnly) => InventoryError::Access { path, what: "written", detail },
        // The enum is SQLite's and open.
        _ => InventoryError::Failed { path, detail },
    }
}
