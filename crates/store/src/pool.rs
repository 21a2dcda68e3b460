//! Pools. What no claim moves is judged under the county's lock, in the lane of a judge: the order, its
//! transfers and the balances are one transaction.

use crate::connect::{Core, SqlStore, commit};
use crate::dialect::{Dialect, instant};
use crate::entity::pool_account;
use crate::lane::{self, Lane};
use crate::read::add_balance;
use crate::registry::failed;
use crate::rows;
use async_trait::async_trait;
use benefits::Fen;
use chrono::{DateTime, Utc};
use engine::pool::{
    PoolAsk, PoolBalances, PoolEntry, PoolJudge, PoolTransfer, Pools, Queued, count_claims,
    movement_of, next_pool, transfer_id,
};
use engine::{Fault, Page, Sight, Slice, limits, sight};
use lifecycle::pool::{
    Flows, PoolBlocked, PoolClaims, PoolDecision, PoolOrder, PoolOrderKind, PoolOrderStatus,
    PoolSeen, Waiting,
};
use lifecycle::{ClaimId, CountyCode, PoolAccount, Posting, SchemeId, Status};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryResult,
    Statement,
};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

const ORDER: &[&str] = &[
    "county_code",
    "id",
    "scheme_id",
    "kind",
    "amount_fen",
    "reference",
    "reason",
    "ordered_by",
    "ordered_for",
    "ordered_at",
    "status",
    "decided_by",
    "decided_for",
    "decided_at",
    "county_seq",
    "settlement",
];

const ENTRY: &[&str] = &[
    "county_code",
    "seq",
    "order_id",
    "entry",
    "previous_hash",
    "hash",
];

const TRANSFER: &[&str] = &[
    "county_code",
    "id",
    "scheme_id",
    "debit",
    "credit",
    "amount_fen",
    "order_id",
    "at",
];

fn flows_text(dialect: Dialect, county: CountyCode, pool: SchemeId) -> Statement {
    dialect.statement(
        "SELECT debit, credit, CAST(sum(amount_fen) AS BIGINT) AS fen FROM transfer \
         WHERE county_code = $1 AND scheme_id = $2 GROUP BY debit, credit",
        [rows::county(county), dialect.id(pool.0)],
    )
}

fn orders_text(dialect: Dialect, county: CountyCode, pool: SchemeId) -> Statement {
    dialect.statement(
        "SELECT CAST(id AS TEXT) AS id, kind, amount_fen, reference, reason, CAST(ordered_by AS TEXT) AS ordered_by, \
         CAST(ordered_for AS TEXT) AS ordered_for, ordered_at, status, CAST(decided_by AS TEXT) AS decided_by, \
         CAST(decided_for AS TEXT) AS decided_for, decided_at, county_seq, settlement FROM pool_order \
         WHERE county_code = $1 AND scheme_id = $2 ORDER BY ordered_at, pool_order.id",
        [rows::county(county), dialect.id(pool.0)],
    )
}

fn claims_text(dialect: Dialect, county: CountyCode, pool: SchemeId) -> Statement {
    dialect.statement(
        "SELECT c.status, count(*) AS claims, CAST(COALESCE(sum(c.assessed_fen), 0) AS BIGINT) AS fen \
         FROM claim c JOIN scheme s ON s.county_code = c.county_code AND s.id = c.scheme_id \
         WHERE c.county_code = $1 AND s.pool_id = $2 GROUP BY c.status",
        [rows::county(county), dialect.id(pool.0)],
    )
}

fn posting_of(row: &QueryResult, fen: &'static str) -> Result<Posting, Fault> {
    let account = |column| {
        let code: String = rows::get(row, column)?;
        rows::code("transfer", column, &"", &code, PoolAccount::from_code)
    };
    Ok(Posting {
        from: account("debit")?,
        to: account("credit")?,
        amount: Fen::new(rows::get(row, fen)?),
    })
}

fn flows_of(found: &[QueryResult]) -> Result<Flows, Fault> {
    let mut flows = Flows::default();
    for row in found {
        let posting = posting_of(row, "fen")?;
        flows.add(movement_of(&posting)?, posting.amount);
    }
    Ok(flows)
}

fn claims_of(found: &[QueryResult]) -> Result<PoolClaims, Fault> {
    let mut claims = PoolClaims::default();
    for row in found {
        let code: String = rows::get(row, "status")?;
        let status = rows::code("claim", "status", &"", &code, Status::from_code)?;
        let count: i64 = rows::get(row, "claims")?;
        let count = rows::whole("claim", "status", &code, count)?;
        // Those that wait are counted by the queue, which knows what they were approved at.
        if status != Status::AwaitingFunds {
            count_claims(&mut claims, status, count, Fen::new(rows::get(row, "fen")?));
        }
    }
    Ok(claims)
}

fn last_entry_text(dialect: Dialect, county: CountyCode) -> Statement {
    dialect.statement(
        "SELECT seq, entry, previous_hash, hash FROM pool_log WHERE county_code = $1 ORDER BY seq DESC LIMIT 1",
        [rows::county(county)],
    )
}

fn entry_of(row: &QueryResult) -> Result<PoolEntry, Fault> {
    Ok(PoolEntry {
        seq: rows::get(row, "seq")?,
        text: rows::get(row, "entry")?,
        previous_hash: rows::get(row, "previous_hash")?,
        hash: rows::get(row, "hash")?,
    })
}

fn waiting_text(dialect: Dialect, county: CountyCode, pool: SchemeId) -> Statement {
    dialect.statement(
        "SELECT count(*) AS claims, CAST(COALESCE(sum(amount_fen), 0) AS BIGINT) AS fen FROM pool_queue \
         WHERE county_code = $1 AND scheme_id = $2 AND left_at IS NULL",
        [rows::county(county), dialect.id(pool.0)],
    )
}

/// Adds those that wait for money.
fn wait(claims: &mut PoolClaims, found: &[QueryResult]) -> Result<(), Fault> {
    for row in found {
        let count: i64 = rows::get(row, "claims")?;
        let count = rows::whole("pool_queue", "claim_id", &"", count)?;
        let fen = Fen::new(rows::get(row, "fen")?);
        count_claims(claims, Status::AwaitingFunds, count, fen);
    }
    Ok(())
}

fn queued_of(row: &QueryResult) -> Result<Queued, Fault> {
    let claim = ClaimId(rows::sure_id(row, "claim_id")?);
    let place: i64 = rows::get(row, "place")?;
    Ok(Queued {
        waiting: Waiting {
            claim,
            rank: rows::get(row, "rank")?,
            amount: Fen::new(rows::get(row, "amount_fen")?),
            queued_at: rows::get(row, "queued_at")?,
        },
        number: rows::get(row, "number")?,
        place: rows::whole("pool_queue", "rank", &claim, place)?,
        through: Fen::new(rows::get(row, "through")?),
    })
}

fn order_of(pool: SchemeId, row: &QueryResult) -> Result<PoolOrder, Fault> {
    let table = "pool_order";
    let id = rows::sure_id(row, "id")?;
    let (kind, status): (String, String) = (rows::get(row, "kind")?, rows::get(row, "status")?);
    let ordered_at: DateTime<Utc> = rows::get(row, "ordered_at")?;
    let settlement: Option<String> = rows::get(row, "settlement")?;
    Ok(PoolOrder {
        id,
        pool,
        kind: rows::code(table, "kind", &id, &kind, PoolOrderKind::from_code)?,
        amount: Fen::new(rows::get(row, "amount_fen")?),
        reference: rows::get(row, "reference")?,
        reason: rows::get(row, "reason")?,
        ordered: rows::stamp(row, "ordered_by", "ordered_for", "ordered_at")?,
        ordered_at,
        status: rows::code(table, "status", &id, &status, PoolOrderStatus::from_code)?,
        decided: rows::stamp(row, "decided_by", "decided_for", "decided_at")?,
        posted_after: rows::get(row, "county_seq")?,
        settlement: settlement
            .map(|text| rows::json(table, "settlement", &id, &text))
            .transpose()?,
    })
}

fn orders_of(pool: SchemeId, found: &[QueryResult]) -> Result<Vec<PoolOrder>, Fault> {
    found.iter().map(|row| order_of(pool, row)).collect()
}

fn transfer_of(row: &QueryResult) -> Result<PoolTransfer, Fault> {
    Ok(PoolTransfer {
        id: rows::sure_id(row, "id")?,
        posting: posting_of(row, "amount_fen")?,
        at: rows::get(row, "at")?,
        county_seq: rows::get(row, "county_seq")?,
        order: rows::id(row, "order_id")?,
    })
}

fn order_row(county: CountyCode, order: &PoolOrder) -> Result<Json, Fault> {
    let settlement = order.settlement.as_ref().map(serde_json::to_string);
    let settlement = settlement
        .transpose()
        .map_err(|fault| Fault::store("writing a settlement", fault))?;
    let (ordered, decided) = (order.ordered.as_ref(), order.decided.as_ref());
    Ok(json!({
        "county_code": county.get(),
        "id": order.id,
        "scheme_id": order.pool,
        "kind": order.kind.code(),
        "amount_fen": order.amount.get(),
        "reference": order.reference,
        "reason": order.reason,
        "ordered_by": ordered.map(|it| it.by),
        "ordered_for": ordered.and_then(|it| it.on_behalf_of),
        "ordered_at": instant(order.ordered_at),
        "status": order.status.code(),
        "decided_by": decided.map(|it| it.by),
        "decided_for": decided.and_then(|it| it.on_behalf_of),
        "decided_at": decided.map(|it| instant(it.at)),
        "county_seq": order.posted_after,
        "settlement": settlement,
    }))
}

impl Core {
    async fn rows_under_lock(
        transaction: &DatabaseTransaction,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, Fault> {
        transaction
            .query_all_raw(statement)
            .await
            .map_err(failed("reading a pool under the lock"))
    }
}

impl SqlStore {
    async fn accounts(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> Result<Vec<pool_account::Model>, Fault> {
        pool_account::Entity::find()
            .filter(pool_account::Column::CountyCode.eq(rows::county_number(county)))
            .filter(pool_account::Column::SchemeId.eq(self.core.dialect.id(pool.0)))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading a pool"))
    }

    async fn judge_pool(
        &self,
        ask: PoolAsk,
        judge: PoolJudge,
    ) -> Result<Result<PoolDecision, PoolBlocked>, Fault> {
        let PoolAsk {
            county,
            pool,
            next,
            now,
        } = ask;
        let dialect = self.core.dialect;
        let (transaction, head) = self.core.begin_county(county).await?;
        let read = |statement| Core::rows_under_lock(&transaction, statement);
        let flows = read(flows_text(dialect, county, pool)).await?;
        let orders = read(orders_text(dialect, county, pool)).await?;
        let mut claims = claims_of(&read(claims_text(dialect, county, pool)).await?)?;
        wait(
            &mut claims,
            &read(waiting_text(dialect, county, pool)).await?,
        )?;
        let next_orders = match next {
            Some(next) => orders_of(next, &read(orders_text(dialect, county, next)).await?)?,
            None => Vec::new(),
        };
        let seen = PoolSeen {
            now,
            log: head.last_seq,
            flows: flows_of(&flows)?,
            orders: orders_of(pool, &orders)?,
            claims,
            next: next_pool(next, &next_orders),
        };
        let decision = match judge(&seen) {
            Ok(decision) => decision,
            Err(blocked) => return Ok(Err(blocked)),
        };
        if decision.replay {
            return Ok(Ok(decision));
        }
        let known = seen.orders.iter().any(|it| it.id == decision.order.id);
        self.keep_order(&transaction, county, &decision.order, known)
            .await?;
        let last = read(last_entry_text(dialect, county)).await?;
        let last = last.first().map(entry_of).transpose()?;
        let entry = PoolEntry::after(last.as_ref(), &decision.order)?;
        let entry = json!([{
            "county_code": county.get(),
            "seq": entry.seq,
            "order_id": decision.order.id,
            "entry": entry.text,
            "previous_hash": entry.previous_hash,
            "hash": entry.hash,
        }]);
        self.put(&transaction, "pool_log", ENTRY, entry, "").await?;
        self.post(&transaction, county, now, &decision).await?;
        commit(transaction).await?;
        Ok(Ok(decision))
    }

    async fn keep_order(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        order: &PoolOrder,
        known: bool,
    ) -> Result<(), Fault> {
        let list = json!([order_row(county, order)?]);
        if !known {
            let put = self.put(transaction, "pool_order", ORDER, list, "");
            return put.await.map(drop);
        }
        let decided = [
            "status",
            "decided_by",
            "decided_for",
            "decided_at",
            "county_seq",
        ];
        let set = decided.map(|column| (column, format!("r.{column}")));
        let set: Vec<(&str, &str)> = set.iter().map(|(name, from)| (*name, &**from)).collect();
        let key = &["county_code", "id"];
        let update = self.core.dialect.update(
            1,
            "pool_order",
            key,
            &set,
            &decided,
            "pool_order.status = 'PENDING'",
        );
        let touched = self
            .change(
                transaction,
                "pool_order",
                &update,
                [list.to_string().into()],
            )
            .await?;
        rows::sure("pool_order", touched, 1)
    }

    async fn post(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        at: DateTime<Utc>,
        decision: &PoolDecision,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let mut list = Vec::new();
        for (place, (pool, posting)) in decision.postings.iter().enumerate() {
            let Posting { from, to, amount } = *posting;
            for (account, fen) in [(from, -amount.get()), (to, amount.get())] {
                let touched = self
                    .change(
                        transaction,
                        "pool_account",
                        "UPDATE pool_account SET balance_fen = balance_fen + $4 WHERE county_code = $1 AND scheme_id = $2 AND account = $3",
                        [
                            rows::county(county),
                            dialect.id(pool.0),
                            account.code().into(),
                            fen.into(),
                        ],
                    )
                    .await?;
                rows::sure("pool_account", touched, 1)?;
            }
            list.push(json!({
                "county_code": county.get(),
                "id": transfer_id(decision.order.id, place),
                "scheme_id": pool,
                "debit": from.code(),
                "credit": to.code(),
                "amount_fen": amount.get(),
                "order_id": decision.order.id,
                "at": instant(at),
            }));
        }
        self.put(transaction, "transfer", TRANSFER, Json::Array(list), "")
            .await
            .map(drop)
    }
}

#[async_trait]
impl Pools for SqlStore {
    async fn keep_pool(
        &self,
        ask: PoolAsk,
        judge: PoolJudge,
    ) -> Result<Result<PoolDecision, PoolBlocked>, Fault> {
        // A caller's own lane may read the books; only a judge's may write them.
        let lane = match sight::current().as_deref() {
            // A judge sees the books of the county, whatever the region: here nobody may who has less.
            Some(Sight::Within(scope, _)) if scope.region != scope.region.county() => {
                return Err(Fault::Store {
                    context: "a pool is the whole county's".into(),
                    source: None,
                });
            }
            Some(Sight::Within(scope, _)) => Some(Lane::Judge(scope.clone())),
            Some(Sight::Nobody | Sight::System) | None => None,
        };
        let work = self.judge_pool(ask, judge);
        match lane {
            Some(lane) => lane::round(lane, work).await,
            None => work.await,
        }
    }

    async fn pool(&self, county: CountyCode, pool: SchemeId) -> Result<PoolBalances, Fault> {
        let mut balances = PoolBalances::default();
        for row in self.accounts(county, pool).await? {
            let account = rows::code(
                "pool_account",
                "account",
                &pool,
                &row.account,
                PoolAccount::from_code,
            )?;
            add_balance(&mut balances, account, row.balance_fen)?;
        }
        Ok(balances)
    }

    async fn pool_flows(&self, county: CountyCode, pool: SchemeId) -> Result<Option<Flows>, Fault> {
        if self.accounts(county, pool).await?.is_empty() {
            return Ok(None);
        }
        let select = flows_text(self.core.dialect, county, pool);
        flows_of(&self.all("summing a pool", select).await?).map(Some)
    }

    async fn pool_orders(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> Result<Vec<PoolOrder>, Fault> {
        let select = orders_text(self.core.dialect, county, pool);
        orders_of(pool, &self.all("reading a pool's orders", select).await?)
    }

    async fn pool_claims(&self, county: CountyCode, pool: SchemeId) -> Result<PoolClaims, Fault> {
        let select = claims_text(self.core.dialect, county, pool);
        let mut claims = claims_of(&self.all("counting a pool's claims", select).await?)?;
        let select = waiting_text(self.core.dialect, county, pool);
        wait(&mut claims, &self.all("counting a queue", select).await?)?;
        Ok(claims)
    }

    async fn pool_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<PoolEntry>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT seq, entry, previous_hash, hash FROM pool_log WHERE county_code = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            [rows::county(county), after.into(), rows::count(limit)],
        );
        let found = self.all("reading the chain of orders", select).await?;
        found.iter().map(entry_of).collect()
    }

    async fn pool_queue(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<Queued>, Fault> {
        let dialect = self.core.dialect;
        let mut sql = String::from(
            "SELECT * FROM (SELECT CAST(q.claim_id AS TEXT) AS claim_id, c.number, q.rank, q.amount_fen, q.queued_at, \
             row_number() OVER (ORDER BY q.rank) AS place, CAST(sum(q.amount_fen) OVER (ORDER BY q.rank) AS BIGINT) AS through \
             FROM pool_queue q JOIN claim c ON c.county_code = q.county_code AND c.id = q.claim_id WHERE q.county_code = $1 AND q.scheme_id = $2 AND q.left_at IS NULL) AS waiting WHERE true",
        );
        let mut values = vec![rows::county(county), dialect.id(pool.0)];
        for (key, than) in [(&page.after, '>'), (&page.before, '<')] {
            if let Some(key) = key {
                values.push(key.as_str().into());
                let _ = write!(sql, " AND rank {than} ${}", values.len());
            }
        }
        let size = page.size.clamp(1, limits::PAGE_MAX);
        let order = if page.from_end { "DESC" } else { "ASC" };
        values.push(rows::count(size + 1));
        let _ = write!(sql, " ORDER BY rank {order} LIMIT ${}", values.len());
        let select = dialect.statement(&sql, values);
        let found = self.all("reading a queue", select).await?;
        let mut rows = found.iter().map(queued_of).collect::<Result<Vec<_>, _>>()?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        if page.from_end {
            rows.reverse();
        }
        Ok(Slice { rows, more })
    }

    async fn pool_transfers(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<PoolTransfer>, Fault> {
        let select = "SELECT CAST(t.id AS TEXT) AS id, t.debit, t.credit, t.amount_fen, t.at, t.county_seq, CAST(t.order_id AS TEXT) AS order_id \
             FROM transfer t WHERE t.county_code = $1 AND t.scheme_id = $2";
        let values = vec![rows::county(county), self.core.dialect.id(pool.0)];
        let (found, more) = self
            .by_time("reading transfers", select, values, ("t.at", "t.id"), page)
            .await?;
        let rows = found
            .iter()
            .map(transfer_of)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Slice { rows, more })
    }
}
