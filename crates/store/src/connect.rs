//! Connections: how each database must be opened so that nothing acknowledged is lost.

use crate::dialect::Dialect;
use crate::lane::{self, Lane};
use crate::rows;
use crate::seal::Keyring;
use crate::transact::{self, Waiting};
use crate::write::Texts;
use chrono::{DateTime, Utc};
use engine::{Fault, Sight, limits, sight};
use lifecycle::{CountyCode, Scheme, SchemeId};
use migrations::{MigrationStatus, Migrator, MigratorTrait, STEPS};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    QueryResult, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Connections that read. `SQLite` reads beside its writer (WAL).
const READERS: u32 = 8;
/// Connections that read a SQLite file: each keeps pages of its own in memory, and two cores are
/// busy with four.
const FILE_READERS: u32 = 4;
/// Connections that write to `PostgreSQL`: the writer task, and registry writes beside it. `SQLite` has
/// one: two would only wait for each other.
const WRITERS: u32 = 4;
/// How long a writer waits for another process that writes to the same `SQLite` file.
const BUSY: Duration = Duration::from_secs(20);
/// A transaction that does nothing for so long was abandoned; `PostgreSQL` ends it.
const IDLE_IN_TRANSACTION: &str = "15s";
/// How long a server may take to answer the first connection.
const REACH: Duration = Duration::from_secs(5);
/// A snapshot is the system's own look. A schema without row-level security has no role for it.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SELECT set_config('role', 'fangpin_system', true) FROM pg_class \
    WHERE relname = 'claim' AND relrowsecurity AND relnamespace = current_schema()::regnamespace";
/// The key of the advisory lock under which one process migrates.
const MIGRATION_LOCK: i64 = 0x6661_6e67_7069_6e01;

/// The head of a county's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "named as the columns")]
pub(crate) struct Head {
    pub(crate) last_seq: i64,
    pub(crate) last_hash: String,
    /// The instant of the last entry; `None` before the first.
    pub(crate) last_at: Option<DateTime<Utc>>,
}

/// What every part of the store shares.
pub(crate) struct Core {
    pub(crate) dialect: Dialect,
    pub(crate) reader: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    pub(crate) texts: Texts,
    /// What opens private values.
    pub(crate) keys: Arc<Keyring>,
    /// Statements the reader has run.
    read: Arc<AtomicU64>,
    /// Published schemes never change, so they are read once.
    schemes: Mutex<HashMap<(CountyCode, SchemeId), Arc<Scheme>>>,
}

/// The store in a database.
#[derive(Clone)]
pub struct SqlStore {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: mpsc::Sender<Waiting>,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SqlStore({:?})", self.core.dialect)
    }
}

/// One step of the schema and whether it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name.
    pub name: String,
    /// Whether it was applied.
    pub applied: bool,
}

/// Opens a database: `sqlite://path?mode=rwc` or `postgres://…`. Must be called within a tokio
/// runtime: the store's writer is a task. For a program without doors (a tool, a test): whoever asks
/// without a [`Sight`] is the system itself. Private values are read and written with these keys.
pub async fn connect(url: &str, keys: Arc<Keyring>) -> Result<SqlStore, Fault> {
    connect_reading(url, keys, Reading::Now, Sight::System).await
}

/// The same for a program with doors, which set a [`Sight`]: whoever asks without one is nobody and
/// sees nothing of the county.
pub async fn connect_serving(url: &str, keys: Arc<Keyring>) -> Result<SqlStore, Fault> {
    connect_reading(url, keys, Reading::Now, Sight::Nobody).await
}

/// The same for reading only: everything is read as the database stood at the first look, for a
/// verification beside a server at work. Its one transaction lasts as long as the store. Nothing is
/// made that is not there, and nothing can be written.
pub async fn connect_snapshot(url: &str, keys: Arc<Keyring>) -> Result<SqlStore, Fault> {
    connect_reading(url, keys, Reading::Snapshot, Sight::System).await
}

/// What readers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// What is committed now.
    Now,
    /// What was committed at the first look.
    Snapshot,
}

impl Reading {
    /// Readers of a snapshot share one connection, whose transaction begins with it and never ends.
    fn hold(self, mut options: ConnectOptions, begin: &'static str) -> ConnectOptions {
        if self == Self::Snapshot {
            options.max_connections(1);
            options.idle_timeout(None::<Duration>);
            options.max_lifetime(None::<Duration>);
            options.after_connect(move |connection| {
                Box::pin(async move { connection.execute_unprepared(begin).await.map(|_| ()) })
            });
        }
        options
    }
}

async fn connect_reading(
    url: &str,
    keys: Arc<Keyring>,
    reading: Reading,
    unset: Sight,
) -> Result<SqlStore, Fault> {
    let (dialect, writer, reader) = if reading == Reading::Snapshot {
        let (dialect, options, begin) = if url.starts_with("sqlite:") {
            sqlite_file_exists(url)?;
            (Dialect::Sqlite, sqlite(url, false), "BEGIN")
        } else {
            reach_postgres(url).await?;
            let options = postgres(url, Use::Snapshot, unset);
            (Dialect::Postgres, options, BEGIN_SNAPSHOT)
        };
        let reader = open(reading.hold(options, begin)).await?;
        (dialect, reader.clone(), reader)
    } else if url.starts_with("sqlite:") {
        let writer = open(sqlite(url, true)).await?;
        // A database in memory belongs to its one connection.
        let reader = if url.contains(":memory:") || url.contains("mode=memory") {
            writer.clone()
        } else {
            open(sqlite(url, false)).await?
        };
        (Dialect::Sqlite, writer, reader)
    } else {
        reach_postgres(url).await?;
        let writer = open(postgres(url, Use::Write, unset.clone())).await?;
        let reader = open(postgres(url, Use::Read, unset)).await?;
        (Dialect::Postgres, writer, reader)
    };
    let read = Arc::new(AtomicU64::new(0));
    let mut reader = reader;
    let counter = Arc::clone(&read);
    reader.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let core = Arc::new(Core {
        dialect,
        reader,
        writer,
        read,
        texts: Texts::of(dialect),
        keys,
        schemes: Mutex::new(HashMap::new()),
    });
    let (queue, waiting) = mpsc::channel(limits::QUEUE_MAX);
    tokio::spawn(transact::write_rounds(Arc::clone(&core), waiting));
    Ok(SqlStore { core, queue })
}

fn sqlite_file_exists(url: &str) -> Result<(), Fault> {
    let options: SqliteConnectOptions = url
        .parse()
        .map_err(|fault: sqlx::Error| Fault::store("reading the database's URL", fault))?;
    let file = options.get_filename();
    if file.is_file() {
        return Ok(());
    }
    Err(Fault::Unusable(format!(
        "there is no database at {}; is it the right folder (--data)?",
        file.display()
    )))
}

/// One connection before the pools: they would try again in silence until their own time is over,
/// and then not say where and why.
async fn reach_postgres(url: &str) -> Result<(), Fault> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|fault: sqlx::Error| Fault::store("reading the database's URL", fault))?;
    // The URL itself may hold a password and is never repeated.
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let because = match tokio::time::timeout(REACH, options.connect()).await {
        Ok(Ok(connection)) => {
            // Whether it says farewell does not matter.
            drop(connection.close().await);
            return Ok(());
        }
        Ok(Err(fault)) => fault.to_string(),
        Err(_) => format!("no answer within {} seconds", REACH.as_secs()),
    };
    Err(Fault::Unusable(format!(
        "PostgreSQL at {place} cannot be used: {because}"
    )))
}

async fn open(options: ConnectOptions) -> Result<DatabaseConnection, Fault> {
    // The first connection is opened before the schema and its roles may be there.
    lane::bare(Database::connect(options))
        .await
        .map_err(|fault| Fault::store("opening the database", fault))
}

fn common(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .sqlx_logging(false)
        // An idle ping on every acquire costs a round trip; the hook below does what is needed.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(20));
    options
}

fn sqlite(url: &str, writes: bool) -> ConnectOptions {
    let mut options = common(url);
    options
        .max_connections(if writes { 1 } else { FILE_READERS })
        .min_connections(1)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                // Whoever only reads makes no database.
                .create_if_missing(writes)
                .foreign_keys(true)
                .busy_timeout(BUSY)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                // So that REPLACE cannot walk around the triggers that forbid deletion.
                .pragma("recursive_triggers", "ON")
                .pragma("cell_size_check", "ON");
            if writes {
                options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            } else {
                options.pragma("query_only", "ON")
            }
        });
    if writes {
        // The writer's connection is never replaced: a database in memory would be lost with it.
        options.idle_timeout(None::<Duration>);
        options.max_lifetime(None::<Duration>);
    }
    options
}

/// What a pool of `PostgreSQL` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
    /// One connection, whose transaction is begun by [`Reading::hold`].
    Snapshot,
}

fn postgres(url: &str, what: Use, unset: Sight) -> ConnectOptions {
    let mut options = common(url);
    let writes = what == Use::Write;
    options
        .max_connections(if writes { WRITERS } else { READERS })
        .min_connections(0)
        .map_sqlx_postgres_opts(move |options| {
            let options = options
                .application_name(if writes {
                    "fangpin writer"
                } else {
                    "fangpin reader"
                })
                .options([("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION)]);
            if writes {
                // A round looks rows up by key. Planned while the tables were small, it would be given
                // joins over whole tables, and keep them while the tables grow.
                options.options([
                    ("jit", "off"),
                    ("enable_seqscan", "off"),
                    ("enable_bitmapscan", "off"),
                    ("enable_hashjoin", "off"),
                    ("enable_mergejoin", "off"),
                    // With row-level security it would scan whole tables once and keep their rows.
                    ("enable_material", "off"),
                    ("join_collapse_limit", "1"),
                    ("plan_cache_mode", "force_generic_plan"),
                ])
            } else {
                options.options([("default_transaction_read_only", "on")])
            }
        });
    if what != Use::Snapshot {
        take_lanes(&mut options, unset);
    }
    options
}

/// Whatever a connection was left in, and on whose behalf, it begins clean and on behalf of whoever
/// takes it now: one message, before each use.
///
/// sqlx 0.9.0: a future dropped while BEGIN is in flight gives its connection back inside an open
/// transaction, where later writes are acknowledged and lost.
fn take_lanes(options: &mut ConnectOptions, unset: Sight) {
    let unset = Arc::new(unset);
    let other = Arc::clone(&unset);
    options.map_sqlx_postgres_before_acquire(move |connection, _| {
        let take = Lane::current(&unset).statement();
        Box::pin(async move {
            // Outside a transaction, which is the rule, this is silent; a bare ROLLBACK would warn in
            // the server's log each time. Inside an aborted one BEGIN is refused.
            let clean = sqlx::AssertSqlSafe(format!("BEGIN; ROLLBACK; {take}"));
            if sqlx::Executor::execute(&mut *connection, clean)
                .await
                .is_err()
            {
                let clean = sqlx::AssertSqlSafe(format!("ROLLBACK; {take}"));
                sqlx::Executor::execute(&mut *connection, clean).await?;
            }
            Ok(true)
        })
    });
    // A connection that was just opened has not passed by the hook above.
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let unset = Arc::clone(&other);
        pool.after_connect(move |connection, _| {
            let take = sqlx::AssertSqlSafe(Lane::current(&unset).statement());
            Box::pin(async move { sqlx::Executor::execute(connection, take).await.map(drop) })
        })
    });
}

impl Core {
    /// Begins a write. On `SQLite` always IMMEDIATE: a transaction that reads first and then writes
    /// must hold the write lock from its beginning, or it fails when another one wrote meanwhile.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, Fault> {
        let options = TransactionOptions {
            sqlite_transaction_mode: match self.dialect {
                Dialect::Sqlite => Some(SqliteTransactionMode::Immediate),
                Dialect::Postgres => None,
            },
            ..TransactionOptions::default()
        };
        self.writer
            .begin_with_options(options)
            .await
            .map_err(|fault| Fault::store("beginning a transaction", fault))
    }

    /// Begins a write to what judgements look at: takes the county's lock first.
    pub(crate) async fn begin_county(
        &self,
        county: CountyCode,
    ) -> Result<(DatabaseTransaction, Head), Fault> {
        let transaction = self.begin().await?;
        if let Some(head) = self.lock(&transaction, county).await? {
            return Ok((transaction, head));
        }
        let begin = self
            .dialect
            .statement(&self.texts.head_begin, [rows::county(county)]);
        execute(&transaction, "beginning a log", begin).await?;
        let head = self
            .lock(&transaction, county)
            .await?
            .ok_or_else(|| rows::missing("county_head", county))?;
        Ok((transaction, head))
    }

    async fn lock(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
    ) -> Result<Option<Head>, Fault> {
        let lock = self
            .dialect
            .statement(&self.texts.head_lock, [rows::county(county)]);
        let row = transaction
            .query_one_raw(lock)
            .await
            .map_err(|fault| Fault::store("locking the county", fault))?;
        row.as_ref().map(head_of).transpose()
    }

    /// A scheme already read, if this task sees it: what is remembered is under the same lock as what
    /// is read.
    pub(crate) fn known_scheme(&self, county: CountyCode, id: SchemeId) -> Option<Arc<Scheme>> {
        let schemes = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = schemes.get(&(county, id)).cloned();
        known.filter(|scheme| lane::sees_scheme(scheme))
    }

    /// A scheme through any connection, remembered.
    pub(crate) async fn scheme<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
        id: SchemeId,
    ) -> Result<Option<Arc<Scheme>>, Fault> {
        if let Some(known) = self.known_scheme(county, id) {
            return Ok(Some(known));
        }
        let select = self.dialect.statement(
            "SELECT body FROM scheme WHERE county_code = $1 AND id = $2",
            [rows::county(county), self.dialect.id(id.0)],
        );
        let row = connection
            .query_one_raw(select)
            .await
            .map_err(|fault| Fault::store("reading a scheme", fault))?;
        let Some(row) = row else { return Ok(None) };
        let body: String = rows::get(&row, "body")?;
        let scheme: Arc<Scheme> = Arc::new(rows::json("scheme", "body", &id, &body)?);
        self.schemes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((county, id), Arc::clone(&scheme));
        Ok(Some(scheme))
    }
}

fn head_of(row: &QueryResult) -> Result<Head, Fault> {
    Ok(Head {
        last_seq: rows::get(row, "last_seq")?,
        last_hash: rows::get(row, "last_hash")?,
        last_at: rows::get(row, "last_at")?,
    })
}

/// Executes a statement; says how many rows it touched.
pub(crate) async fn execute(
    transaction: &DatabaseTransaction,
    context: &'static str,
    statement: sea_orm::Statement,
) -> Result<u64, Fault> {
    transaction
        .execute_raw(statement)
        .await
        .map(|done| done.rows_affected())
        .map_err(|fault| rows::refused(context, fault))
}

/// Commits.
pub(crate) async fn commit(transaction: DatabaseTransaction) -> Result<(), Fault> {
    transaction
        .commit()
        .await
        .map_err(|fault| Fault::store("committing", fault))
}

impl SqlStore {
    /// How many statements were read so far, outside the writer: for metrics, and for tests that a
    /// page costs as many however long it is.
    pub fn statements_read(&self) -> u64 {
        self.core.read.load(Ordering::Relaxed)
    }

    /// Brings the schema up to date. One process at a time; all steps or none.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let transaction = self.begin_migration().await?;
        Migrator::up(&transaction, None).await.map_err(|fault| {
            lane::refused_roles(&fault).unwrap_or_else(|| Fault::store("migrating up", fault))
        })?;
        let sealed = self.seal_plain(&transaction).await?;
        commit(transaction).await?;
        if sealed > 0 {
            tracing::warn!(
                sealed,
                "private values of an older program are sealed now; its backups still hold them in the clear"
            );
            lane::bare(self.scrub()).await?;
        }
        Ok(())
    }

    /// Takes back the last `steps` steps of the schema, with everything in them.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), Fault> {
        sight::system(self.expect_nothing_sealed(steps)).await?;
        let transaction = self.begin_migration().await?;
        Migrator::down(&transaction, Some(steps))
            .await
            .map_err(|fault| Fault::store("migrating down", fault))?;
        commit(transaction).await
    }

    /// The steps of the schema, in order, and which were applied.
    pub async fn migrations(&self) -> Result<Vec<MigrationState>, Fault> {
        let steps = Migrator::get_migration_with_status_read_only(&self.core.reader);
        let steps = lane::bare(steps)
            .await
            .map_err(|fault| Fault::store("reading the ledger of migrations", fault))?;
        Ok(steps
            .iter()
            .map(|step| MigrationState {
                name: step.name().to_owned(),
                applied: step.status() == MigrationStatus::Applied,
            })
            .collect())
    }

    /// The schema must be this program's, no step more and no step less.
    pub async fn expect_current_schema(&self) -> Result<(), Fault> {
        lane::bare(self.compare_schema()).await
    }

    async fn compare_schema(&self) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let ledgers = match dialect {
            Dialect::Sqlite => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'seaql_migrations'"
            }
            Dialect::Postgres => {
                "SELECT table_name FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name = 'seaql_migrations'"
            }
        };
        let context = "reading the ledger of migrations";
        if self
            .all(context, dialect.statement(ledgers, []))
            .await?
            .is_empty()
        {
            return Err(Fault::Unusable(
                "this database holds no schema of fangpin".to_owned(),
            ));
        }
        let select = dialect.statement("SELECT version FROM seaql_migrations", []);
        let applied = self.all(context, select).await?;
        let applied = applied
            .iter()
            .map(|row| rows::get::<String>(row, "version"))
            .collect::<Result<Vec<_>, Fault>>()?;
        let own = || STEPS.iter().map(|step| step.name);
        let lacks: Vec<&str> = own()
            .filter(|step| !applied.iter().any(|it| it == step))
            .collect();
        let unknown = applied.iter().filter(|step| !own().any(|it| it == *step));
        let unknown: Vec<&str> = unknown.map(String::as_str).collect();
        if !unknown.is_empty() {
            return Err(Fault::Unusable(format!(
                "the schema is newer than this program, which does not know {}",
                unknown.join(", ")
            )));
        }
        if !lacks.is_empty() {
            return Err(Fault::Unusable(format!(
                "the schema is older than this program, it lacks {}; `fangpin migrate up` brings it up",
                lacks.join(", ")
            )));
        }
        Ok(())
    }

    /// As the owner of the tables. A step that changes rows must see all of them, or fail: with
    /// `row_security` off a policy refuses loudly where it would leave rows out.
    async fn begin_migration(&self) -> Result<DatabaseTransaction, Fault> {
        let transaction = lane::bare(self.core.begin()).await?;
        match self.core.dialect {
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                let lock = self
                    .core
                    .dialect
                    .statement("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()]);
                transaction
                    .query_one_raw(lock)
                    .await
                    .map_err(|fault: DbErr| Fault::store("waiting to migrate", fault))?;
                transaction
                    .execute_unprepared("SET LOCAL row_security = off")
                    .await
                    .map_err(|fault: DbErr| Fault::store("preparing to migrate", fault))?;
            }
        }
        Ok(transaction)
    }
}

/// The writers' connections as the store opens them, for the test of the abandoned BEGIN.
#[doc(hidden)]
pub async fn writer_for_tests(url: &str) -> Result<DatabaseConnection, Fault> {
    let mut options = postgres(url, Use::Write, Sight::System);
    options.max_connections(1);
    open(options).await
}
