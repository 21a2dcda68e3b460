//! A fresh database for each test, on either dialect.

use engine::ids;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, ExecResult,
    QueryResult, Statement,
};
use std::sync::Arc;
use store::{Keyring, SqlStore, connect};
use tempfile::TempDir;

/// A fresh, migrated database, the store on it, and a hand that goes around the store.
pub struct Db {
    pub store: SqlStore,
    pub raw: DatabaseConnection,
    pub url: String,
    admin: Option<(String, String)>,
    _directory: Option<TempDir>,
}

/// Runs a test on `SQLite` and on `PostgreSQL`.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident,)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let db = $crate::support::Db::sqlite().await;
                super::$name(&db).await;
                db.close().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let db = $crate::support::Db::postgres().await;
                super::$name(&db).await;
                db.close().await;
            }
        }
    )+};
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests/run hands the server over in the environment"
)]
fn postgres_url() -> String {
    std::env::var("FANGPIN_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("FANGPIN_TEST_POSTGRES is not set: run through tests/run, which starts a server")
    })
}

/// The keys of every test: one made up, the same for all.
pub fn keys() -> Arc<Keyring> {
    keys_of("dGhlIGZpcnN0IGtleSBvZiBhIHRlc3QsIDMyIGJ5dGU=")
}

/// Keys as the environment would hand them over.
pub fn keys_of(text: &str) -> Arc<Keyring> {
    Arc::new(Keyring::of_text(&text.to_owned().into()).expect("keys"))
}

pub async fn raw(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("connecting")
}

impl Db {
    pub async fn sqlite() -> Self {
        let db = Self::sqlite_empty().await;
        db.store.migrate().await.expect("migrating");
        db
    }

    pub async fn sqlite_empty() -> Self {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("fangpin.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let store = connect(&url, keys()).await.expect("connecting");
        Self {
            raw: raw(&url).await,
            store,
            url,
            admin: None,
            _directory: Some(directory),
        }
    }

    pub async fn postgres() -> Self {
        let db = Self::postgres_empty().await;
        db.store.migrate().await.expect("migrating");
        db
    }

    pub async fn postgres_empty() -> Self {
        let admin_url = postgres_url();
        let name = format!("fangpin_{}", ids::fresh().simple());
        let admin = raw(&admin_url).await;
        admin
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("creating a database");
        admin.close().await.expect("closing");
        let (server, _) = admin_url.rsplit_once('/').expect("a URL with a database");
        let url = format!("{server}/{name}");
        let store = connect(&url, keys()).await.expect("connecting");
        Self {
            raw: raw(&url).await,
            store,
            url,
            admin: Some((admin_url, name)),
            _directory: None,
        }
    }

    /// Drops what was made for this test. A test that failed leaves it for inspection.
    pub async fn close(self) {
        self.raw.close().await.expect("closing");
        if let Some((admin_url, name)) = self.admin {
            let admin = raw(&admin_url).await;
            admin
                .execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)"))
                .await
                .expect("dropping a database");
            admin.close().await.expect("closing");
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.admin.is_some()
    }

    fn backend(&self) -> DbBackend {
        if self.is_postgres() {
            DbBackend::Postgres
        } else {
            DbBackend::Sqlite
        }
    }

    /// Goes around the engine.
    pub async fn execute(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.raw.execute_unprepared(sql).await
    }

    /// Takes every trigger away, so that what they alone hold goes through.
    pub async fn without_triggers(&self) {
        let list = if self.is_postgres() {
            "SELECT format('DROP TRIGGER %I ON %I', t.tgname, c.relname) AS one FROM pg_trigger t \
             JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"
        } else {
            "SELECT 'DROP TRIGGER ' || name AS one FROM sqlite_schema WHERE type = 'trigger'"
        };
        for row in self.rows(list).await {
            let drop: String = row.try_get("", "one").expect("a statement");
            self.sure(&drop).await;
        }
    }

    /// Goes around the engine and must succeed.
    pub async fn sure(&self, sql: &str) {
        if let Err(fault) = self.execute(sql).await {
            panic!("{sql}: {fault}");
        }
    }

    /// Goes around the engine and must be refused, with these words.
    pub async fn refused(&self, sql: &str, words: &str) {
        match self.execute(sql).await {
            Ok(done) => panic!("not refused ({} rows): {sql}", done.rows_affected()),
            Err(fault) => {
                let said = fault.to_string().to_lowercase();
                assert!(said.contains(&words.to_lowercase()), "{sql}: {said}");
            }
        }
    }

    pub async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.backend(), sql);
        self.raw.query_all_raw(statement).await.expect("reading")
    }

    /// One whole number.
    pub async fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql).await;
        rows.first()
            .expect("a row")
            .try_get_by_index(0)
            .expect("a number")
    }
}
