//! Reading claims and the log. The scope is part of every statement, never a filter afterwards.

use crate::connect::SqlStore;
use crate::dialect::Dialect;
use crate::entity::{Id, claim, claim_event};
use crate::rows;
use crate::write::SqlRetelling;
use async_trait::async_trait;
use benefits::Fen;
use chrono::{DateTime, Utc};
use engine::pool::PoolBalances;
use engine::ports::PaymentRow;
use engine::retelling::Retelling;
use engine::{
    ClaimFilter, ClaimReader, Fault, Happened, LogRow, Page, Recorded, Scope, Slice, Span,
    StatusCount, limits, sight,
};
use lifecycle::{Claim, ClaimId, CountyCode, EventKind, PersonId, PoolAccount, SchemeId, Status};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    QueryTrait, Select, Statement, Value,
};
use serde_json::json;
use std::fmt::Write;

fn failed(context: &'static str) -> impl FnOnce(sea_orm::DbErr) -> Fault {
    move |fault| Fault::store(context, fault)
}

fn claim_of(body: &str) -> Result<Claim, Fault> {
    rows::json("claim", "body", &"", body)
}

fn recorded(entry: &claim_event::Model) -> Result<Recorded, Fault> {
    let seq = entry.county_seq;
    Ok(Recorded {
        claim: ClaimId(entry.claim_id.0),
        version: rows::whole("claim_event", "version", &seq, entry.version)?,
        county_seq: seq,
        event: rows::json("claim_event", "event", &seq, &entry.event)?,
        seen: rows::json("claim_event", "seen", &seq, &entry.seen)?,
        previous_hash: entry.previous_hash.clone(),
        hash: entry.hash.clone(),
    })
}

/// Adds to the balances of a pool.
pub(crate) fn add_balance(
    balances: &mut PoolBalances,
    account: PoolAccount,
    fen: i64,
) -> Result<(), Fault> {
    let slot = balances.slot(account);
    *slot = slot
        .checked_add(Fen::new(fen))
        .ok_or_else(|| rows::impossible("transfer", "amount_fen", &account, "out of range"))?;
    Ok(())
}

impl SqlStore {
    pub(crate) fn within(&self, scope: &Scope) -> Select<claim::Entity> {
        let dialect = self.core.dialect;
        let mut select = claim::Entity::find()
            .filter(claim::Column::CountyCode.eq(rows::county_number(scope.county)))
            .filter(claim::Column::Village.starts_with(scope.region.as_str()));
        if let Some(insurer) = scope.insurer {
            select = select.filter(claim::Column::InsurerId.eq(dialect.id(insurer.0)));
        }
        select
    }

    fn filtered(&self, scope: &Scope, filter: &ClaimFilter) -> Select<claim::Entity> {
        let dialect = self.core.dialect;
        let ClaimFilter {
            statuses,
            perils,
            region,
            scheme,
            household,
            event_from,
            event_to,
            opened_from,
            opened_before,
            due_from,
            due_to,
        } = filter;
        let mut select = self.within(scope);
        if !statuses.is_empty() {
            let codes = statuses.iter().map(|status| status.code());
            select = select.filter(claim::Column::Status.is_in(codes));
        }
        if !perils.is_empty() {
            let codes = perils.iter().map(|peril| peril.code());
            select = select.filter(claim::Column::Peril.is_in(codes));
        }
        if let Some(region) = region {
            select = select.filter(claim::Column::Village.starts_with(region.as_str()));
        }
        if let Some(scheme) = scheme {
            select = select.filter(claim::Column::SchemeId.eq(dialect.id(scheme.0)));
        }
        if let Some(household) = household {
            select = select.filter(claim::Column::HouseholdId.eq(dialect.id(household.0)));
        }
        if let Some(day) = event_from {
            select = select.filter(claim::Column::EventOn.gte(dialect.day(*day)));
        }
        if let Some(day) = event_to {
            select = select.filter(claim::Column::EventOn.lte(dialect.day(*day)));
        }
        if let Some(at) = opened_from {
            select = select.filter(claim::Column::OpenedAt.gte(dialect.at(*at)));
        }
        if let Some(at) = opened_before {
            select = select.filter(claim::Column::OpenedAt.lt(dialect.at(*at)));
        }
        if let Some(day) = due_from {
            select = select.filter(claim::Column::DueOn.gte(dialect.day(*day)));
        }
        if let Some(day) = due_to {
            select = select.filter(claim::Column::DueOn.lte(dialect.day(*day)));
        }
        select
    }

    /// The claims of a selection, whole.
    async fn bodies(
        &self,
        context: &'static str,
        select: Select<claim::Entity>,
    ) -> Result<Vec<Claim>, Fault> {
        let bodies: Vec<String> = select
            .select_only()
            .column(claim::Column::Body)
            .into_tuple()
            .all(&self.core.reader)
            .await
            .map_err(failed(context))?;
        bodies.iter().map(|body| claim_of(body)).collect()
    }

    pub(crate) async fn all(
        &self,
        context: &'static str,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, Fault> {
        self.core
            .reader
            .query_all_raw(statement)
            .await
            .map_err(failed(context))
    }

    /// A page of what `select` finds, by time and id; and whether there is more.
    pub(crate) async fn by_time(
        &self,
        context: &'static str,
        select: &str,
        mut values: Vec<Value>,
        (at, id): (&str, &str),
        page: &Page,
    ) -> Result<(Vec<QueryResult>, bool), Fault> {
        let dialect = self.core.dialect;
        let mut sql = select.to_owned();
        for (key, than) in [(&page.after, '>'), (&page.before, '<')] {
            if let Some((instant, row)) = key.as_deref().and_then(Page::place_in_time) {
                let place = values.len() + 1;
                let next = place + 1;
                let _ = write!(sql, " AND ({at}, {id}) {than} (${place}, ${next})");
                values.extend([dialect.at(instant), dialect.id(row)]);
            }
        }
        let size = page.size.clamp(1, limits::PAGE_MAX);
        let order = if page.from_end { "DESC" } else { "ASC" };
        values.push(rows::count(size + 1));
        let limit = values.len();
        let _ = write!(sql, " ORDER BY {at} {order}, {id} {order} LIMIT ${limit}");
        let mut found = self.all(context, dialect.statement(&sql, values)).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        if page.from_end {
            found.reverse();
        }
        Ok((found, more))
    }

    /// Entries of the log whose claim lies in the scope.
    fn seen_by(&self, scope: &Scope) -> Select<claim_event::Entity> {
        let same_claim = Expr::col((claim::Entity, claim::Column::Id))
            .equals((claim_event::Entity, claim_event::Column::ClaimId));
        let visible = self
            .within(scope)
            .filter(same_claim)
            .select_only()
            .column(claim::Column::Id)
            .into_query();
        claim_event::Entity::find()
            .filter(claim_event::Column::CountyCode.eq(rows::county_number(scope.county)))
            .filter(Expr::exists(visible))
    }

    async fn happened(
        &self,
        context: &'static str,
        select: Select<claim_event::Entity>,
    ) -> Result<Vec<Happened>, Fault> {
        let found: Vec<(Id, i32, i64, String, DateTime<Utc>)> = select
            .select_only()
            .column(claim_event::Column::ClaimId)
            .column(claim_event::Column::Version)
            .column(claim_event::Column::CountySeq)
            .column(claim_event::Column::Kind)
            .column(claim_event::Column::At)
            .into_tuple()
            .all(&self.core.reader)
            .await
            .map_err(failed(context))?;
        found
            .into_iter()
            .map(|(claim, version, county_seq, kind, at)| {
                Ok(Happened {
                    claim: ClaimId(claim.0),
                    version: rows::whole("claim_event", "version", &county_seq, version)?,
                    county_seq,
                    kind: rows::code(
                        "claim_event",
                        "kind",
                        &county_seq,
                        &kind,
                        EventKind::from_code,
                    )?,
                    at,
                })
            })
            .collect()
    }

    async fn entries(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<claim_event::Model>, Fault> {
        claim_event::Entity::find()
            .filter(claim_event::Column::CountyCode.eq(rows::county_number(county)))
            .filter(claim_event::Column::CountySeq.gt(after))
            .order_by_asc(claim_event::Column::CountySeq)
            .limit(u64::from(limit))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading the log"))
    }
}

#[async_trait]
impl ClaimReader for SqlStore {
    async fn claim(&self, scope: &Scope, id: ClaimId) -> Result<Option<Claim>, Fault> {
        let select = self
            .within(scope)
            .filter(claim::Column::Id.eq(self.core.dialect.id(id.0)));
        Ok(self.bodies("reading a claim", select).await?.pop())
    }

    async fn claim_by_number(&self, scope: &Scope, number: &str) -> Result<Option<Claim>, Fault> {
        let select = self.within(scope).filter(claim::Column::Number.eq(number));
        Ok(self.bodies("reading a claim", select).await?.pop())
    }

    async fn claims(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
        page: &Page,
    ) -> Result<Slice<Claim>, Fault> {
        let Page {
            size,
            after,
            before,
            from_end,
        } = page;
        let size = (*size).clamp(1, limits::PAGE_MAX);
        let mut select = self.filtered(scope, filter);
        if let Some(after) = after {
            select = select.filter(claim::Column::Number.gt(after.as_str()));
        }
        if let Some(before) = before {
            select = select.filter(claim::Column::Number.lt(before.as_str()));
        }
        let select = if *from_end {
            select.order_by_desc(claim::Column::Number)
        } else {
            select.order_by_asc(claim::Column::Number)
        };
        // One row more than asked for tells whether there are more.
        let select = select.limit(u64::from(size) + 1);
        let mut found = self.bodies("reading a page of claims", select).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        if *from_end {
            found.reverse();
        }
        Ok(Slice { rows: found, more })
    }

    async fn history(&self, scope: &Scope, id: ClaimId) -> Result<Vec<Recorded>, Fault> {
        let visible = self
            .within(scope)
            .filter(claim::Column::Id.eq(self.core.dialect.id(id.0)))
            .select_only()
            .column(claim::Column::Version)
            .into_tuple::<i32>()
            .one(&self.core.reader)
            .await
            .map_err(failed("reading a claim"))?;
        if visible.is_none() {
            return Ok(Vec::new());
        }
        claim_event::Entity::find()
            .filter(claim_event::Column::CountyCode.eq(rows::county_number(scope.county)))
            .filter(claim_event::Column::ClaimId.eq(self.core.dialect.id(id.0)))
            .order_by_asc(claim_event::Column::Version)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading a history"))?
            .iter()
            .map(recorded)
            .collect()
    }

    async fn events(
        &self,
        scope: &Scope,
        spans: &[Span],
        kinds: &[EventKind],
    ) -> Result<Vec<Recorded>, Fault> {
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let dialect = self.core.dialect;
        // The rows borrow columns of `claim_event`: `version` is the last one wanted, `county_seq` the
        // one before the first.
        let wanted: Vec<serde_json::Value> = spans
            .iter()
            .map(|span| {
                json!({ "claim_id": span.claim, "version": span.upto, "county_seq": span.after })
            })
            .collect();
        let spans = dialect.rows(2, "claim_event", &["claim_id", "version", "county_seq"]);
        let mut sql = format!(
            "SELECT e.* FROM {spans} AS r \
             JOIN claim c ON c.county_code = $1 AND c.id = r.claim_id AND c.village LIKE $3 \
             JOIN claim_event e ON e.county_code = $1 AND e.claim_id = c.id \
             AND e.version > r.county_seq AND e.version <= r.version WHERE true"
        );
        let mut values = vec![
            rows::county(scope.county),
            serde_json::Value::Array(wanted).to_string().into(),
            format!("{}%", scope.region).into(),
        ];
        if let Some(insurer) = scope.insurer {
            sql.push_str(" AND c.insurer_id = $4");
            values.push(dialect.id(insurer.0));
        }
        if !kinds.is_empty() {
            let codes: Vec<String> = kinds.iter().map(|it| format!("'{}'", it.code())).collect();
            let _ = write!(sql, " AND e.kind IN ({})", codes.join(", "));
        }
        sql.push_str(" ORDER BY e.claim_id, e.version");
        claim_event::Entity::find()
            .from_raw_sql(dialect.statement(&sql, values))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading histories"))?
            .iter()
            .map(recorded)
            .collect()
    }

    async fn status_counts(
        &self,
        scope: &Scope,
        filter: &ClaimFilter,
    ) -> Result<Vec<StatusCount>, Fault> {
        let amount = Func::coalesce([
            Expr::col(claim::Column::ApprovedFen),
            Expr::col(claim::Column::AssessedFen),
            Expr::value(0_i64),
        ]);
        let sum = Expr::from(Func::sum(Expr::from(amount))).cast_as("bigint");
        let counts: Vec<(String, i64, i64)> = self
            .filtered(scope, filter)
            .select_only()
            .column(claim::Column::Status)
            .column_as(claim::Column::Id.count(), "claims")
            .column_as(sum, "amount")
            .group_by(claim::Column::Status)
            .into_tuple()
            .all(&self.core.reader)
            .await
            .map_err(failed("counting claims"))?;
        let mut counts = counts
            .into_iter()
            .map(|(status, claims, amount)| {
                let claims = rows::whole("claim", "status", &status, claims)?;
                let status = rows::code("claim", "status", &"", &status, Status::from_code)?;
                Ok(StatusCount {
                    status,
                    claims,
                    amount: if status.ends_without_money() {
                        Fen::ZERO
                    } else {
                        Fen::new(amount)
                    },
                })
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        counts.sort_by_key(|count| count.status);
        Ok(counts)
    }

    async fn due_notices(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Claim>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT c.body FROM notice n JOIN claim c ON c.county_code = n.county_code AND c.id = n.claim_id \
             WHERE n.status = 'OPEN' AND n.closes_at <= $1 AND n.proofs >= n.proofs_min AND c.status = 'NOTICE_OPEN' \
             AND NOT EXISTS (SELECT 1 FROM objection o WHERE o.county_code = n.county_code AND o.claim_id = n.claim_id AND o.status = 'OPEN') \
             ORDER BY n.closes_at, n.county_code, n.claim_id LIMIT $2",
            [dialect.at(now), rows::count(limit)],
        );
        let found = self.all("reading due notices", select).await?;
        found
            .iter()
            .map(|row| claim_of(&rows::get::<String>(row, "body")?))
            .collect()
    }

    async fn log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Recorded>, Fault> {
        let entries = self.entries(county, after, limit).await?;
        entries.iter().map(recorded).collect()
    }

    async fn events_after(
        &self,
        scope: &Scope,
        after: i64,
        claim: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Happened>, Fault> {
        let mut select = self.seen_by(scope);
        if let Some(claim) = claim {
            let id = self.core.dialect.id(claim.0);
            select = select.filter(claim_event::Column::ClaimId.eq(id));
        }
        let select = select
            .filter(claim_event::Column::CountySeq.gt(after))
            .order_by_asc(claim_event::Column::CountySeq)
            .limit(u64::from(limit));
        self.happened("following the log", select).await
    }

    async fn last_event(&self, scope: &Scope) -> Result<Option<Happened>, Fault> {
        let select = self
            .seen_by(scope)
            .order_by_desc(claim_event::Column::CountySeq)
            .limit(1);
        Ok(self.happened("reading the last event", select).await?.pop())
    }

    async fn log_end(&self, county: CountyCode) -> Result<i64, Fault> {
        let select = self.core.dialect.statement(
            "SELECT last_seq FROM county_head WHERE county_code = $1",
            [rows::county(county)],
        );
        let found = self.all("reading where the log ends", select).await?;
        found
            .first()
            .map_or(Ok(0), |row| rows::get(row, "last_seq"))
    }

    async fn place_of(
        &self,
        county: CountyCode,
        claim: ClaimId,
        version: u32,
    ) -> Result<Option<i64>, Fault> {
        claim_event::Entity::find()
            .filter(claim_event::Column::CountyCode.eq(rows::county_number(county)))
            .filter(claim_event::Column::ClaimId.eq(self.core.dialect.id(claim.0)))
            .filter(claim_event::Column::Version.eq(i64::from(version)))
            .select_only()
            .column(claim_event::Column::CountySeq)
            .into_tuple()
            .one(&self.core.reader)
            .await
            .map_err(failed("finding a place in the log"))
    }

    async fn settle(&self) -> Result<(), Fault> {
        match self.core.dialect {
            // Else the last commands stand in the file beside it, `-wal`, and a copy of the one lacks them.
            Dialect::Sqlite => {
                let settle = "PRAGMA wal_checkpoint(TRUNCATE)";
                let settled = self.core.writer.execute_unprepared(settle).await;
                settled
                    .map(drop)
                    .map_err(|fault| Fault::store("settling the database", fault))
            }
            Dialect::Postgres => Ok(()),
        }
    }

    async fn ready(&self) -> Result<(), Fault> {
        // Whoever lacks a key can answer nothing that matters, and says so here as at the start.
        sight::system(self.expect_keys()).await
    }

    async fn claims_after(
        &self,
        county: CountyCode,
        after: Option<ClaimId>,
        limit: u32,
    ) -> Result<Vec<Claim>, Fault> {
        let mut select =
            claim::Entity::find().filter(claim::Column::CountyCode.eq(rows::county_number(county)));
        if let Some(after) = after {
            select = select.filter(claim::Column::Id.gt(self.core.dialect.id(after.0)));
        }
        let select = select
            .order_by_asc(claim::Column::Id)
            .limit(u64::from(limit));
        self.bodies("reading claims", select).await
    }

    async fn payments(&self, county: CountyCode) -> Result<Vec<PaymentRow>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT CAST(p.claim_id AS TEXT) AS claim_id, p.status, p.amount_fen FROM payment p WHERE p.county_code = $1 ORDER BY p.instructed_at, p.id",
            [rows::county(county)],
        );
        let found = self.all("reading payments", select).await?;
        found
            .iter()
            .map(|row| {
                Ok(PaymentRow {
                    claim: ClaimId(rows::sure_id(row, "claim_id")?),
                    status: rows::get(row, "status")?,
                    amount: Fen::new(rows::get(row, "amount_fen")?),
                })
            })
            .collect()
    }

    async fn summed_transfers(
        &self,
        county: CountyCode,
        scheme: SchemeId,
    ) -> Result<PoolBalances, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT account, CAST(sum(fen) AS BIGINT) AS fen FROM ( \
             SELECT debit AS account, -amount_fen AS fen FROM transfer WHERE county_code = $1 AND scheme_id = $2 \
             UNION ALL \
             SELECT credit AS account, amount_fen AS fen FROM transfer WHERE county_code = $1 AND scheme_id = $2 \
             ) AS movement GROUP BY account",
            [rows::county(county), dialect.id(scheme.0)],
        );
        let mut balances = PoolBalances::default();
        for row in self.all("summing transfers", select).await? {
            let account: String = rows::get(&row, "account")?;
            let account = rows::code(
                "transfer",
                "debit",
                &scheme,
                &account,
                PoolAccount::from_code,
            )?;
            add_balance(&mut balances, account, rows::get(&row, "fen")?)?;
        }
        Ok(balances)
    }

    async fn log_rows(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LogRow>, Fault> {
        let entries = self.entries(county, after, limit).await?;
        Ok(entries
            .into_iter()
            .map(|entry| LogRow {
                county_seq: entry.county_seq,
                kind: entry.kind,
                actor: PersonId(entry.actor_id.0),
                at: entry.at,
                event: entry.event,
                seen: entry.seen,
            })
            .collect())
    }

    fn retelling(&self, county: CountyCode) -> Box<dyn Retelling + '_> {
        Box::new(SqlRetelling::new(self, county))
    }
}
