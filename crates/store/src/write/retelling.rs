//! The tables beside the log, told anew: an event of the log becomes the very rows that were
//! written for it ([`Rows`]), and they are kept in memory as the statements would have kept them.

use super::{APPEAL_DECISION, CLAIM_CHANGES, HeadRow, Item, NoticeChange, Rows, TotalRow};
use crate::connect::{Head, SqlStore};
use crate::entity::payee;
use crate::household::{ACCOUNT, payee_of};
use crate::rows;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use engine::retelling::{Columns, Difference, Retelling, Shelf, Told};
use engine::{Fault, ids};
use lifecycle::{AccountId, Claim, CountyCode, PayeeId};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, JsonValue, QueryFilter};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// Each table with the columns that name a row, in the order they are read. Rows that go with their
/// claim are named by it first.
const TABLES: &[(&str, &[&str])] = &[
    ("approval", &["claim_id", "approved_at"]),
    ("appeal", &["claim_id", "refusal_no"]),
    ("bill", &["claim_id", "bill_key"]),
    ("claim", &["id"]),
    ("claim_counter", &["policy_year"]),
    ("county_head", &["county_code"]),
    ("living_event", &["claim_id"]),
    ("notice", &["id"]),
    ("objection", &["id"]),
    ("payment", &["id"]),
    ("pool_queue", &["claim_id"]),
    ("recovery", &["claim_id", "line_no"]),
    ("refusal_letter", &["claim_id", "refusal_no", "kind"]),
    (
        "running_total",
        &["policy_year", "peril", "subject_kind", "subject_id"],
    ),
    ("transfer", &["county_seq", "debit", "credit"]),
];

/// Rows of a table that are read at a time.
const CHUNK: u32 = 5_000;

fn key_of(table: &'static str, columns: &Columns) -> String {
    let keys = TABLES.iter().filter(|(name, _)| *name == table);
    let parts: Vec<&str> = keys
        .flat_map(|(_, keys)| *keys)
        .map(|key| columns.get(*key).map_or("", String::as_str))
        .collect();
    parts.join("/")
}

/// A row as text. Both databases and both directions give an instant one form.
fn columns_of(row: &JsonValue) -> Columns {
    let mut columns = Columns::new();
    for (column, value) in row.as_object().into_iter().flatten() {
        let text = match value {
            JsonValue::Null => continue,
            JsonValue::String(text) => text.clone(),
            JsonValue::Bool(_)
            | JsonValue::Number(_)
            | JsonValue::Array(_)
            | JsonValue::Object(_) => value.to_string(),
        };
        let is_instant = column == "at" || column.ends_with("_at");
        let at = is_instant
            .then(|| text.parse::<DateTime<Utc>>().ok())
            .flatten();
        columns.insert(column.clone(), at.map_or(text, super::instant));
    }
    columns
}

fn row_of<T: Serialize>(row: &T) -> Result<Columns, Fault> {
    let row =
        serde_json::to_value(row).map_err(|fault| Fault::store("telling a row anew", fault))?;
    Ok(columns_of(&row))
}

/// What stands for a body: of equal claims equal, though one was written before a field was added.
fn body_seal(claim: &Claim) -> Result<String, Fault> {
    let text = serde_json::to_string(claim)
        .map_err(|fault| Fault::store("telling a claim anew", fault))?;
    Ok(ids::sha256(text))
}

/// `SET column = r.column` for these columns.
fn set(row: &mut Columns, change: &Columns, columns: &[&str]) {
    for column in columns {
        match change.get(*column) {
            Some(value) => row.insert((*column).to_owned(), value.clone()),
            None => row.remove(*column),
        };
    }
}

/// `SET column = column + more`.
fn add(row: &mut Columns, column: &str, more: i64) {
    let stands: i64 = row.get(column).and_then(|it| it.parse().ok()).unwrap_or(0);
    row.insert(column.to_owned(), stands.saturating_add(more).to_string());
}

pub(crate) struct SqlRetelling<'a> {
    store: &'a SqlStore,
    county: CountyCode,
    shelf: Shelf,
    head: Head,
}

impl<'a> SqlRetelling<'a> {
    pub(crate) fn new(store: &'a SqlStore, county: CountyCode) -> Self {
        Self {
            store,
            county,
            shelf: Shelf::default(),
            head: Head::default(),
        }
    }

    fn put<T: Serialize>(&mut self, table: &'static str, row: &T) -> Result<(), Fault> {
        let columns = row_of(row)?;
        self.shelf.put(table, key_of(table, &columns), columns);
        Ok(())
    }

    fn set<T: Serialize>(
        &mut self,
        table: &'static str,
        change: &T,
        columns: &[&str],
    ) -> Result<(), Fault> {
        let change = row_of(change)?;
        if let Some(row) = self.shelf.row(table, &key_of(table, &change)) {
            set(row, &change, columns);
        }
        Ok(())
    }

    /// Puts the rows of one event, in the order in which they are written.
    fn shelve(&mut self, written: Rows<'_>) -> Result<(), Fault> {
        let Rows {
            begun,
            moved,
            // The log itself.
            events: _,
            // What was answered to whom does not follow from the log.
            receipts: _,
            counters,
            living_dropped,
            living,
            notices,
            notice_changes,
            objections,
            objection_changes,
            letters,
            appeals,
            appeal_changes,
            payments,
            payment_changes,
            bills_dropped,
            bills,
            queue_left,
            queue,
            recoveries,
            transfers,
            // The sums of the transfers, which verification adds up.
            pools: _,
            totals,
            approvals,
            approvals_ended,
        } = written;
        for row in &approvals_ended {
            self.set("approval", row, &["ended_at"])?;
        }
        for row in &approvals {
            self.put("approval", row)?;
        }
        for row in &payments {
            self.put("payment", row)?;
        }
        for row in &payment_changes {
            self.set("payment", row, &["status", "settled_at"])?;
        }
        for row in &notices {
            self.put("notice", row)?;
        }
        for row in &notice_changes {
            self.notice(row)?;
        }
        for row in &objections {
            self.put("objection", row)?;
        }
        for row in &objection_changes {
            self.set("objection", row, &["status", "resolved_at"])?;
        }
        for row in &letters {
            self.put("refusal_letter", row)?;
        }
        for row in &appeals {
            self.put("appeal", row)?;
        }
        for row in &appeal_changes {
            self.set("appeal", row, APPEAL_DECISION)?;
        }
        for row in &begun {
            self.put("claim", row)?;
        }
        for row in &moved {
            self.set("claim", row, CLAIM_CHANGES)?;
        }
        for row in counters.values() {
            self.put("claim_counter", row)?;
        }
        for key in &living_dropped {
            self.shelf
                .remove_under("living_event", &key.claim_id.to_string());
        }
        for row in &living {
            self.put("living_event", row)?;
        }
        for key in &bills_dropped {
            self.shelf.remove_under("bill", &key.claim_id.to_string());
        }
        for row in &bills {
            self.put("bill", row)?;
        }
        for row in &queue_left {
            self.set("pool_queue", row, &["left_at"])?;
        }
        for row in &queue {
            self.put("pool_queue", row)?;
        }
        for row in &recoveries {
            self.put("recovery", row)?;
        }
        for row in &transfers {
            let mut columns = row_of(row)?;
            columns.remove("id");
            let key = key_of("transfer", &columns);
            self.shelf.put("transfer", key, columns);
        }
        for row in totals.values() {
            self.total(row)?;
        }
        Ok(())
    }

    fn notice(&mut self, change: &NoticeChange) -> Result<(), Fault> {
        let columns = row_of(change)?;
        let Some(row) = self.shelf.row("notice", &key_of("notice", &columns)) else {
            return Ok(());
        };
        for column in ["status", "closed_at"] {
            if let Some(value) = columns.get(column) {
                row.insert(column.to_owned(), value.clone());
            }
        }
        set(row, &columns, &["voided_at"]);
        add(row, "proofs", i64::from(change.proofs));
        Ok(())
    }

    fn total(&mut self, change: &TotalRow) -> Result<(), Fault> {
        let columns = row_of(change)?;
        let key = key_of("running_total", &columns);
        let Some(row) = self.shelf.row("running_total", &key) else {
            self.shelf.put("running_total", key, columns);
            return Ok(());
        };
        add(row, "used_fen", change.used_fen);
        add(row, "loss_fen", change.loss_fen);
        if change.cap_fen.is_some() {
            set(row, &columns, &["cap_fen"]);
        }
        Ok(())
    }

    async fn meet_table(&mut self, table: &'static str, keys: &[&str]) -> Result<(), Fault> {
        let which = match table {
            // A funding is no event of a claim.
            "transfer" => "AND claim_id IS NOT NULL",
            // A county that has no log yet may have a head.
            "county_head" => "AND last_seq > 0",
            _ => "",
        };
        let order = keys.join(", ");
        let text = format!(
            "SELECT * FROM {table} WHERE county_code = $1 {which} ORDER BY {order} LIMIT $2 OFFSET $3"
        );
        let mut met = 0_u32;
        loop {
            let select = self.store.core.dialect.statement(
                &text,
                [
                    rows::county(self.county),
                    rows::count(CHUNK),
                    rows::count(met),
                ],
            );
            let found = self.store.all("reading a table again", select).await?;
            for row in &found {
                let row = JsonValue::from_query_result(row, "")
                    .map_err(|fault| Fault::store("reading a row again", fault))?;
                let mut columns = columns_of(&row);
                if let Some(body) = columns.get_mut("body") {
                    let claim = serde_json::from_str::<Claim>(body).ok();
                    *body = match claim {
                        Some(claim) => body_seal(&claim)?,
                        None => "no claim".to_owned(),
                    };
                }
                if table == "transfer" {
                    columns.remove("id");
                }
                self.shelf.meet(table, key_of(table, &columns), &columns);
            }
            let Some(next) = u32::try_from(found.len())
                .ok()
                .filter(|found| *found == CHUNK)
            else {
                return Ok(());
            };
            met += next;
        }
    }

    async fn meet_payees(&mut self) -> Result<(), Fault> {
        let keys = &self.store.core.keys;
        let payees = payee::Entity::find()
            .filter(payee::Column::CountyCode.eq(rows::county_number(self.county)))
            .all(&self.store.core.reader)
            .await
            .map_err(|fault| Fault::store("reading payees again", fault))?;
        for row in payees {
            let id = PayeeId(row.id.0);
            let recorded = row.fingerprint.clone();
            let index = row.account_index.clone();
            // A row that does not fit its own fingerprint or index, or cannot be read, has none.
            let found = match payee_of(keys, row) {
                Ok((payee, found)) => {
                    let account = payee.account.reveal();
                    let fits = keys
                        .indexes(ACCOUNT, self.county, account)?
                        .contains(&index);
                    Some(found).filter(|_| fits)
                }
                Err(Fault::Inconsistency { .. }) => None,
                Err(fault) => return Err(fault),
            };
            let fingerprint = found.filter(|found| *found == recorded);
            self.shelf.meet_payee(id, fingerprint);
        }
        Ok(())
    }
}

#[async_trait]
impl Retelling for SqlRetelling<'_> {
    fn tell(&mut self, told: Told<'_>) -> Result<(), Fault> {
        let Told {
            entry,
            before,
            claim,
            scheme,
        } = told;
        let event = &entry.event;
        let item = Item {
            // Whose command it was stands in the receipt only.
            account: AccountId(Uuid::nil()),
            key: Uuid::nil(),
            fingerprint: String::new(),
            before: before.cloned(),
            claim: claim.clone(),
            event: event.clone(),
            postings: before.map_or_else(Vec::new, |it| lifecycle::postings(it, &event.what)),
            bills: told.bills(),
            scheme: Arc::clone(scheme),
            number: before.is_none().then_some(entry.seen.next_number),
            body_text: body_seal(claim)?,
            event_text: String::new(),
            seen_text: String::new(),
        };
        let mut written = Rows::default();
        written.add(&item, entry.county_seq)?;
        self.shelve(written)?;
        if let Some(seal) = &entry.seen.payee_seal {
            self.shelf.seal(seal);
        }
        self.head = Head {
            last_seq: entry.county_seq,
            last_hash: entry.hash.clone(),
            last_at: Some(event.stamp.at),
        };
        Ok(())
    }

    async fn differences(mut self: Box<Self>) -> Result<Vec<Difference>, Fault> {
        if self.head.last_seq > 0 {
            let head = std::mem::take(&mut self.head);
            self.put("county_head", &HeadRow::of(self.county, &head))?;
        }
        for (table, keys) in TABLES {
            self.meet_table(table, keys).await?;
        }
        self.meet_payees().await?;
        Ok(self.shelf.finish())
    }
}
