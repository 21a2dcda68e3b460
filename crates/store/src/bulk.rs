//! Bulk work on record.

use crate::connect::{SqlStore, commit};
use crate::dialect::instant;
use crate::rows;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use engine::Fault;
use engine::bulk::{
    BatchId, BatchLine, Bulk, Download, Export, ExportFormat, ExportKind, Progress,
};
use lifecycle::{AccountId, CountyCode};
use sea_orm::{QueryResult, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const LINE: &[&str] = &[
    "county_code",
    "account_id",
    "batch_key",
    "line_no",
    "claim_id",
    "code",
    "at",
];

const EXPORT: &[&str] = &[
    "county_code",
    "id",
    "account_id",
    "kind",
    "format",
    "filter",
    "purpose",
    "created_at",
    "expires_at",
];

const DOWNLOAD: &[&str] = &[
    "county_code",
    "id",
    "export_id",
    "account_id",
    "at",
    "row_count",
];

fn export_of(county: CountyCode, account: AccountId, row: &QueryResult) -> Result<Export, Fault> {
    let id = rows::sure_id(row, "id")?;
    let (kind, format): (String, String) = (rows::get(row, "kind")?, rows::get(row, "format")?);
    Ok(Export {
        id,
        county,
        account,
        kind: rows::code("bulk_export", "kind", &id, &kind, ExportKind::from_code)?,
        format: rows::code(
            "bulk_export",
            "format",
            &id,
            &format,
            ExportFormat::from_code,
        )?,
        filter: rows::get(row, "filter")?,
        purpose: rows::get(row, "purpose")?,
        created_at: rows::get(row, "created_at")?,
        expires_at: rows::get(row, "expires_at")?,
    })
}

impl SqlStore {
    fn batch(&self, batch: &BatchId) -> [Value; 3] {
        let dialect = self.core.dialect;
        [
            rows::county(batch.county),
            dialect.id(batch.account.0),
            dialect.id(batch.key),
        ]
    }
}

#[async_trait]
impl Bulk for SqlStore {
    async fn put_batch_lines(&self, batch: &BatchId, lines: &[BatchLine]) -> Result<(), Fault> {
        let list: Vec<Json> = lines
            .iter()
            .map(|line| {
                json!({
                    "county_code": batch.county.get(), "account_id": batch.account, "batch_key": batch.key,
                    "line_no": line.line_no, "claim_id": line.claim, "code": line.code, "at": instant(line.at),
                })
            })
            .collect();
        let transaction = self.core.begin().await?;
        self.put(
            &transaction,
            "batch_line",
            LINE,
            Json::Array(list),
            "ON CONFLICT (county_code, account_id, batch_key, line_no) DO UPDATE SET \
             claim_id = COALESCE(batch_line.claim_id, excluded.claim_id), \
             code = CASE WHEN batch_line.claim_id IS NULL THEN excluded.code END, at = excluded.at",
        )
        .await?;
        commit(transaction).await
    }

    async fn done_lines(&self, batch: &BatchId, line_nos: &[u32]) -> Result<Vec<u32>, Fault> {
        let Some((first, last)) = line_nos.iter().min().zip(line_nos.iter().max()) else {
            return Ok(Vec::new());
        };
        let [county, account, key] = self.batch(batch);
        let select = self.core.dialect.statement(
            "SELECT line_no FROM batch_line WHERE county_code = $1 AND account_id = $2 AND batch_key = $3 \
             AND line_no BETWEEN $4 AND $5 AND claim_id IS NOT NULL",
            [county, account, key, rows::count(*first), rows::count(*last)],
        );
        let found = self.all("reading lines of a batch", select).await?;
        let mut done = Vec::with_capacity(found.len());
        for row in found {
            let line_no: i32 = rows::get(&row, "line_no")?;
            let line_no = rows::whole("batch_line", "line_no", &line_no, line_no)?;
            if line_nos.contains(&line_no) {
                done.push(line_no);
            }
        }
        Ok(done)
    }

    async fn batch_progress(&self, batch: &BatchId) -> Result<Option<Progress>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT count(*) AS received, count(claim_id) AS done, COALESCE(max(line_no), 0) AS last_line \
             FROM batch_line WHERE county_code = $1 AND account_id = $2 AND batch_key = $3",
            self.batch(batch),
        );
        let found = self.all("reading the progress of a batch", select).await?;
        let Some(row) = found.first() else {
            return Ok(None);
        };
        let (received, done): (i64, i64) = (rows::get(row, "received")?, rows::get(row, "done")?);
        let last_line: i32 = rows::get(row, "last_line")?;
        let received: u64 = rows::whole("batch_line", "", &batch.key, received)?;
        let done: u64 = rows::whole("batch_line", "", &batch.key, done)?;
        Ok((received > 0).then_some(Progress {
            received,
            done,
            refused: received - done,
            last_line: rows::whole("batch_line", "line_no", &batch.key, last_line)?,
        }))
    }

    async fn put_export(&self, export: &Export) -> Result<(), Fault> {
        let known = self
            .export(export.county, export.account, export.id)
            .await?;
        if let Some(known) = known {
            let same = Export {
                created_at: known.created_at,
                expires_at: known.expires_at,
                ..export.clone()
            };
            return if known == same {
                Ok(())
            } else {
                Err(Fault::Conflict("bulk_export"))
            };
        }
        let row = json!({
            "county_code": export.county.get(), "id": export.id, "account_id": export.account,
            "kind": export.kind.code(), "format": export.format.code(), "filter": export.filter,
            "purpose": export.purpose, "created_at": instant(export.created_at),
            "expires_at": instant(export.expires_at),
        });
        self.put_one("bulk_export", EXPORT, row, "ON CONFLICT DO NOTHING")
            .await
    }

    async fn export(
        &self,
        county: CountyCode,
        account: AccountId,
        id: Uuid,
    ) -> Result<Option<Export>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT CAST(id AS TEXT) AS id, kind, format, filter, purpose, created_at, expires_at FROM bulk_export \
             WHERE county_code = $1 AND id = $2 AND account_id = $3",
            [rows::county(county), dialect.id(id), dialect.id(account.0)],
        );
        let found = self.all("reading an export", select).await?;
        let found = found.first();
        found.map(|row| export_of(county, account, row)).transpose()
    }

    async fn note_download(
        &self,
        county: CountyCode,
        account: AccountId,
        download: &Download,
    ) -> Result<(), Fault> {
        let row = json!({
            "county_code": county.get(), "id": download.id, "export_id": download.export,
            "account_id": account, "at": instant(download.at), "row_count": download.rows,
        });
        self.put_one(
            "bulk_download",
            DOWNLOAD,
            row,
            "ON CONFLICT (county_code, id) DO UPDATE SET row_count = excluded.row_count",
        )
        .await
    }

    async fn downloads(&self, county: CountyCode, export: Uuid) -> Result<Vec<Download>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT CAST(id AS TEXT) AS id, at, row_count FROM bulk_download \
             WHERE county_code = $1 AND export_id = $2 ORDER BY at, id",
            [rows::county(county), dialect.id(export)],
        );
        let found = self.all("reading downloads", select).await?;
        let download = |row: &QueryResult| {
            let id = rows::sure_id(row, "id")?;
            let count: Option<i64> = rows::get(row, "row_count")?;
            let count = count.map(|count| rows::whole("bulk_download", "row_count", &id, count));
            let at: DateTime<Utc> = rows::get(row, "at")?;
            Ok(Download {
                id,
                export,
                at,
                rows: count.transpose()?,
            })
        };
        found.iter().map(download).collect()
    }
}
