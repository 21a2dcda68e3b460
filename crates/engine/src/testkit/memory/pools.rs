//! Pools in memory.

use super::{MemoryStore, Tables, Transfer, refused, rows_of, sliced, transfer};
use crate::pool::{
    PoolAsk, PoolBalances, PoolEntry, PoolJudge, PoolTransfer, Pools, Queued, count_claims,
    movement_of, next_pool, transfer_id,
};
use crate::ports::{Fault, Page, Slice};
use async_trait::async_trait;
use lifecycle::pool::{
    Flows, PoolBlocked, PoolClaims, PoolDecision, PoolOrder, PoolOrderKind, PoolOrderStatus,
    PoolSeen, Waiting, is_settled,
};
use lifecycle::{Claim, CountyCode, SchemeId, Status};

impl Tables {
    fn transfers_of(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> impl Iterator<Item = &PoolTransfer> {
        let transfers = self.transfers.iter();
        transfers
            .filter(move |it| (it.county, it.pool) == (county, pool))
            .map(|it| &it.row)
    }

    fn flows(&self, county: CountyCode, pool: SchemeId) -> Result<Flows, Fault> {
        let mut flows = Flows::default();
        for row in self.transfers_of(county, pool) {
            flows.add(movement_of(&row.posting)?, row.posting.amount);
        }
        Ok(flows)
    }

    fn orders_of(&self, county: CountyCode, pool: SchemeId) -> Vec<PoolOrder> {
        let orders = self.pool_orders.iter();
        let mut orders: Vec<PoolOrder> = orders
            .filter(|((of, _), order)| *of == county && order.pool == pool)
            .map(|(_, order)| order.clone())
            .collect();
        orders.sort_by_key(|it| (it.ordered_at, it.id));
        orders
    }

    /// Whether nothing is reserved from a pool any more.
    pub(super) fn is_settled(&self, county: CountyCode, pool: SchemeId) -> bool {
        is_settled(&self.orders_of(county, pool))
    }

    /// The claims that wait for a pool's money.
    pub(super) fn queue(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> impl Iterator<Item = Waiting> + '_ {
        self.waiting(county, pool).filter_map(Waiting::of)
    }

    fn waiting(&self, county: CountyCode, pool: SchemeId) -> impl Iterator<Item = &Claim> {
        let claims = self.claims_of(county).map(|row| &row.claim);
        claims.filter(move |claim| {
            let scheme = self.schemes.get(&(county, claim.scheme));
            claim.status() == Status::AwaitingFunds && scheme.is_some_and(|it| it.pool_id == pool)
        })
    }

    fn claims_waiting(&self, county: CountyCode, pool: SchemeId) -> PoolClaims {
        let mut claims = PoolClaims::default();
        for row in self.claims_of(county) {
            let claim = &row.claim;
            let scheme = self.schemes.get(&(county, claim.scheme));
            if scheme.is_some_and(|it| it.pool_id == pool) {
                let verified = claim.state.verified();
                let assessed = verified.map(|it| it.assessment.benefit).unwrap_or_default();
                let fen = Waiting::of(claim).map_or(assessed, |it| it.amount);
                count_claims(&mut claims, claim.status(), 1, fen);
            }
        }
        claims
    }

    /// Writes a decision: first everything that can fail, on copies.
    fn keep(
        &mut self,
        county: CountyCode,
        at: chrono::DateTime<chrono::Utc>,
        decision: &PoolDecision,
    ) -> Result<(), Fault> {
        let order = &decision.order;
        let mut balances = self.balances.clone();
        let mut rows = Vec::new();
        for (place, (pool, posting)) in decision.postings.iter().enumerate() {
            let own = balances.get_mut(&(county, *pool));
            transfer(own.ok_or_else(|| refused("an unknown pool"))?, *posting)?;
            if movement_of(posting)?.is_of_claim() {
                return Err(Fault::Conflict("transfer: of no claim"));
            }
            rows.push(Transfer {
                county,
                pool: *pool,
                row: PoolTransfer {
                    id: transfer_id(order.id, place),
                    posting: *posting,
                    at,
                    county_seq: None,
                    order: Some(order.id),
                },
            });
        }
        let known = self.pool_orders.get(&(county, order.id));
        let decided = PoolOrderStatus::Pending;
        if known.is_some_and(|it| it.status != decided)
            || (known.is_none()
                && order.kind != PoolOrderKind::OperatorFunding
                && order.status != decided)
        {
            return Err(Fault::Conflict("pool_order"));
        }
        let log = self.pool_log.entry(county).or_default();
        log.push(PoolEntry::after(log.last(), order)?);
        self.balances = balances;
        self.pool_orders.insert((county, order.id), order.clone());
        self.transfers.extend(rows);
        Ok(())
    }
}

#[async_trait]
impl Pools for MemoryStore {
    async fn keep_pool(
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
        let mut tables = self.tables();
        if !tables.balances.contains_key(&(county, pool)) {
            return Err(refused("an unknown pool"));
        }
        let log = tables.logs.get(&county).and_then(|log| log.last());
        let next_orders = next.map(|next| tables.orders_of(county, next));
        let seen = PoolSeen {
            now,
            log: log.map_or(0, |entry| entry.county_seq),
            flows: tables.flows(county, pool)?,
            orders: tables.orders_of(county, pool),
            claims: tables.claims_waiting(county, pool),
            next: next_pool(next, &next_orders.unwrap_or_default()),
        };
        let decision = match judge(&seen) {
            Ok(decision) => decision,
            Err(blocked) => return Ok(Err(blocked)),
        };
        if !decision.replay {
            tables.keep(county, now, &decision)?;
        }
        Ok(Ok(decision))
    }

    async fn pool(&self, county: CountyCode, pool: SchemeId) -> Result<PoolBalances, Fault> {
        let tables = self.tables();
        let balances = tables.balances.get(&(county, pool));
        Ok(balances.copied().unwrap_or_default())
    }

    async fn pool_flows(&self, county: CountyCode, pool: SchemeId) -> Result<Option<Flows>, Fault> {
        let tables = self.tables();
        if !tables.balances.contains_key(&(county, pool)) {
            return Ok(None);
        }
        tables.flows(county, pool).map(Some)
    }

    async fn pool_orders(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> Result<Vec<PoolOrder>, Fault> {
        Ok(self.tables().orders_of(county, pool))
    }

    async fn pool_claims(&self, county: CountyCode, pool: SchemeId) -> Result<PoolClaims, Fault> {
        Ok(self.tables().claims_waiting(county, pool))
    }

    async fn pool_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<PoolEntry>, Fault> {
        let tables = self.tables();
        let log = tables.pool_log.get(&county).into_iter().flatten();
        let rest = log.filter(|it| it.seq > after).take(rows_of(limit));
        Ok(rest.cloned().collect())
    }

    async fn pool_queue(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<Queued>, Fault> {
        let rows = Queued::line_up(self.tables().waiting(county, pool));
        Ok(sliced(rows.iter().collect(), page, |row| {
            row.waiting.rank.clone()
        }))
    }

    async fn pool_transfers(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<PoolTransfer>, Fault> {
        let rows = self.tables().transfers_of(county, pool).cloned().collect();
        Ok(page.cut_in_time(rows, |row| (row.at, row.id)))
    }
}
