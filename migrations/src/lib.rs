//! The schema, step by step, in two dialects.
//!
//! **Owns** the SQL of every table, index and guard, and the order of the steps; sea-orm-migration
//! runs them and keeps the ledger of what ran. **Never** contains a rule of the business that is
//! not also held by `lifecycle`: the guards here are its second lock. **Start here**: [`STEPS`] and
//! the files in `sql/`, one pair (up, down) for each dialect and step.
#![warn(missing_docs)]

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

/// One dialect's text of a step.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Makes it.
    pub up: &'static str,
    /// Undoes it.
    pub down: &'static str,
}

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its name in the ledger: number and subject.
    pub name: &'static str,
    /// For `SQLite`.
    pub sqlite: Text,
    /// For `PostgreSQL`.
    pub postgres: Text,
}

macro_rules! steps {
    ($($(#[$meta:meta])* $name:literal,)+) => {
        /// Every step, in order. A step that was released is never edited: the next one mends it. (0010 was never
        /// released.)
        pub const STEPS: &[Step] = &[$(Step {
            name: $name,
            sqlite: Text {
                up: include_str!(concat!("../sql/", $name, ".sqlite.up.sql")),
                down: include_str!(concat!("../sql/", $name, ".sqlite.down.sql")),
            },
            postgres: Text {
                up: include_str!(concat!("../sql/", $name, ".postgres.up.sql")),
                down: include_str!(concat!("../sql/", $name, ".postgres.down.sql")),
            },
        },)+];
    };
}

steps! {
    // Who there is; nothing else can be owned by anybody without it.
    "0001_directory",
    // Who is insured and who is paid.
    "0002_household",
    // By which rules, from which money.
    "0003_scheme_pool",
    // The aggregate, its number, its event.
    "0004_claim",
    // What happened, in commit order, and what was answered.
    "0005_log",
    // What crosses claims.
    "0006_notice_payment",
    // The transitions of `lifecycle::TABLE` as rows; generated, a test holds that they are fresh.
    "0007_lawful_transition",
    // The second lock. Last, so that it can look at every table.
    "0008_guards",
    // Who may come in, as whom, until when; and the record of it.
    "0009_identity",
    // The second lock on who sees a row: roles and policies of `PostgreSQL`.
    "0011_row_security",
    // What came in and went out in bulk.
    "0012_bulk",
    // The same for the tables of 0009.
    "0013_identity_sight",
    // Private values sealed, blind indexes beside them, who has read what.
    "0014_private",
    // Who moves a pool's money that no claim moves: the second lock of its orders.
    "0015_pool",
    // Webhooks: where they go, what became of each; what connectors said.
    "0016_hooks",
    // Batches of payments, and what the bank answers.
    "0017_bank",
    // Letters of refusals and appeals against them: no end of a refused claim past them.
    "0018_refusal",
    // What an approval was of, and what a household was approved in twelve months.
    "0019_authority",
    // Who waits for a pool's money, in which order; what of wrong payments came back, and what will not;
    // the orders of pools as a chain.
    "0020_queue_recovery",
    // Claims of one event that go on with one another: one line, each after the end of the one before.
    "0021_linked_claims",
}

/// Runs the steps: `up`, `down`, `get_migration_with_status`.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        STEPS
            .iter()
            .map(|step| Box::new(*step) as Box<dyn MigrationTrait>)
            .collect()
    }
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

impl Step {
    fn text(&self, backend: DbBackend) -> Result<Text, DbErr> {
        match backend {
            DbBackend::Sqlite => Ok(self.sqlite),
            DbBackend::Postgres => Ok(self.postgres),
            other => Err(DbErr::Migration(format!("{other:?} is not supported"))),
        }
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = self.text(manager.get_database_backend())?;
        // Unprepared: the whole file goes at once, trigger bodies with their semicolons included.
        let connection = manager.get_connection();
        connection.execute_unprepared(text.up).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = self.text(manager.get_database_backend())?;
        let connection = manager.get_connection();
        connection.execute_unprepared(text.down).await.map(drop)
    }

    /// A step is there or not, on either dialect.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
