//! Bulk work on record: what became of each line of a batch, which exports were asked for, and who
//! took them away.

use crate::ports::Fault;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifecycle::{AccountId, ClaimId, CountyCode};
use uuid::Uuid;

/// A batch: what its sender calls it. Another account's batch of the same key is another batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// The county.
    pub county: CountyCode,
    /// The account that sends it.
    pub account: AccountId,
    /// The key its sender made.
    pub key: Uuid,
}

/// What became of a line of a batch, at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Its number, as its sender counts.
    pub line_no: u32,
    /// The claim that stands for it; `None` while it comes back.
    pub claim: Option<ClaimId>,
    /// Why it comes back: the code of the first reason; `None` once it is done.
    pub code: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// How far a batch is. `received == done + refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Lines seen so far, each counted once.
    pub received: u64,
    /// Lines for which a claim stands.
    pub done: u64,
    /// Lines that come back.
    pub refused: u64,
    /// The highest line number seen.
    pub last_line: u32,
}

lifecycle::coded! {
    /// What an export holds.
    ExportKind {
        Claims = "CLAIMS" "案件",
        Events = "EVENTS" "办理记录",
        Households = "HOUSEHOLDS" "农户",
    }
}

lifecycle::coded! {
    /// The form of an export.
    ExportFormat {
        Jsonl = "JSONL" "JSON行",
        Csv = "CSV" "CSV表",
        Xlsx = "XLSX" "Excel表",
    }
}

/// An export that was asked for. It is made while it is taken away: no file with personal data stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: Uuid,
    /// The county.
    pub county: CountyCode,
    /// The account that asked; nobody else may take it away.
    pub account: AccountId,
    /// What it holds.
    pub kind: ExportKind,
    /// Its form.
    pub format: ExportFormat,
    /// Which rows: the filter as the door reads it again.
    pub filter: String,
    /// What for (用途).
    pub purpose: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Until when it may be taken away.
    pub expires_at: DateTime<Utc>,
}

/// An export that was taken away, whole or not. Never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its id.
    pub id: Uuid,
    /// The export.
    pub export: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The rows that left, once it was whole; `None` while it is under way, or broke off.
    pub rows: Option<u64>,
}

/// Bulk work on record.
#[async_trait]
pub trait Bulk: Send + Sync {
    /// Records what became of lines; a later result replaces an earlier one, but what is done stays
    /// done.
    async fn put_batch_lines(&self, batch: &BatchId, lines: &[BatchLine]) -> Result<(), Fault>;
    /// Which of these lines are done.
    async fn done_lines(&self, batch: &BatchId, line_nos: &[u32]) -> Result<Vec<u32>, Fault>;
    /// How far a batch is; `None` if no line of it was seen.
    async fn batch_progress(&self, batch: &BatchId) -> Result<Option<Progress>, Fault>;
    /// Records an export; the same id with other contents is `Fault::Conflict`.
    async fn put_export(&self, export: &Export) -> Result<(), Fault>;
    /// An export that this account asked for.
    async fn export(
        &self,
        county: CountyCode,
        account: AccountId,
        id: Uuid,
    ) -> Result<Option<Export>, Fault>;
    /// Records that an export leaves, before its first row does; and once more when it was whole.
    async fn note_download(
        &self,
        county: CountyCode,
        account: AccountId,
        download: &Download,
    ) -> Result<(), Fault>;
    /// How often an export was taken away, in order.
    async fn downloads(&self, county: CountyCode, export: Uuid) -> Result<Vec<Download>, Fault>;
}
