//! Bulk work as clients see it.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::event::count;
use crate::types::scalars::{DateTime, Uuid};
use crate::visit::Visit;
use async_graphql::{Enum, ID, SimpleObject};
use engine::bulk::Progress;

/// How far a batch of referrals is. `received` is `done` and `refused` together.
#[derive(SimpleObject, Debug, Clone)]
pub struct ReferralBatch {
    /// The key its sender made.
    batch_key: Uuid,
    /// Lines seen so far, each counted once.
    received: i32,
    /// Lines for which a claim stands.
    done: i32,
    /// Lines that come back.
    refused: i32,
    /// The highest line number seen: where to go on.
    last_line_no: i32,
}

impl ReferralBatch {
    /// The progress of a batch.
    pub fn of(batch_key: Uuid, progress: Progress) -> Self {
        let Progress {
            received,
            done,
            refused,
            last_line,
        } = progress;
        Self {
            batch_key,
            received: count(received),
            done: count(done),
            refused: count(refused),
            last_line_no: count(last_line),
        }
    }
}

/// What an export holds.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::bulk::ExportKind")]
pub enum ExportKind {
    /// 案件: one row a claim, with household, person concerned and payee, masked.
    Claims,
    /// 办理记录: one row an event of each claim.
    Events,
    /// 农户: one row a household, masked.
    Households,
}

/// The form of an export.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "engine::bulk::ExportFormat")]
pub enum ExportFormat {
    /// One JSON object a line, in UTF-8.
    Jsonl,
    /// Comma-separated, in UTF-8 with a byte order mark, first row of names.
    Csv,
    /// A workbook; at most 20,000 rows.
    Xlsx,
}

/// How an export stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkState {
    /// 待下载: it can be taken away.
    Ready,
    /// 已下载: it was taken away whole at least once, and can be again.
    Completed,
    /// 已过期: it cannot be taken away any more.
    Expired,
}

/// An export that the caller asked for.
#[derive(SimpleObject, Debug, Clone)]
pub struct BulkOperation {
    /// The node id.
    #[graphql(owned)]
    pub id: ID,
    /// How it stands.
    state: BulkState,
    /// What it holds.
    kind: ExportKind,
    /// Its form.
    format: ExportFormat,
    /// What for (用途).
    purpose: String,
    /// Where it is taken away, by GET with the same credentials; null when it has expired.
    url: Option<String>,
    /// The rows it had when it was last taken away whole.
    rows: Option<i32>,
    /// How often it was taken away, whole or not.
    downloads: i32,
    /// When it was asked for.
    created_at: DateTime,
    /// Until when it can be taken away.
    expires_at: DateTime,
}

impl BulkOperation {
    /// The export of an id, if the caller asked for it.
    pub async fn find(visit: &Visit, id: uuid::Uuid) -> Result<Option<Self>, ApiError> {
        let caller = visit.caller()?;
        let desk = &visit.office.desk;
        let (store, county) = (desk.store(), caller.scope.county);
        let Some(export) = store.export(county, caller.account, id).await? else {
            return Ok(None);
        };
        let downloads = store.downloads(county, id).await?;
        let rows = downloads.iter().rev().find_map(|it| it.rows);
        let expired = desk.clock().now() >= export.expires_at;
        let node = node_id::encode(Kind::Bulk, id);
        Ok(Some(Self {
            state: match (expired, rows) {
                (true, _) => BulkState::Expired,
                (false, Some(_)) => BulkState::Completed,
                (false, None) => BulkState::Ready,
            },
            kind: export.kind.into(),
            format: export.format.into(),
            purpose: export.purpose,
            url: (!expired).then(|| format!("/exports/{}", node.as_str())),
            rows: rows.map(count),
            downloads: count(downloads.len()),
            created_at: DateTime(export.created_at),
            expires_at: DateTime(export.expires_at),
            id: node,
        }))
    }
}
