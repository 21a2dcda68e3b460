//! Pools (资金池): one for each code, insurer and contract year of a county's schemes. What moves
//! their money without a claim goes through [`Desk::order_pool`]: judged under the county's lock by
//! [`lifecycle::pool::decide_pool`], written whole or not at all.

use crate::caller::Caller;
use crate::desk::Desk;
use crate::ids;
use crate::ports::{Fault, Page, Slice, Store};
use crate::sight;
use async_trait::async_trait;
use benefits::Fen;
use chrono::{DateTime, SubsecRound, Utc};
use lifecycle::pool::{
    Flows, Forecast, Funding, NextPool, PoolBlocked, PoolClaims, PoolCommand, PoolDecision,
    PoolOrder, PoolSeen, Settlement, Waiting, decide_pool, is_settled,
};
use lifecycle::{
    Claim, CountyCode, Movement, PoolAccount, Posting, Scheme, SchemeId, Status, calendar,
};
use std::sync::Arc;
use uuid::Uuid;

/// The balances of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolBalances {
    /// 操作员录入的县级资金 (negative: what came in).
    pub county_fund: Fen,
    /// 保费 (negative).
    pub premium: Fen,
    /// 补足资金 (negative).
    pub top_up: Fen,
    /// 上年结转 (negative).
    pub carried_in: Fen,
    /// 保险公司承担 (negative).
    pub insurer_share: Fen,
    /// 可用.
    pub available: Fen,
    /// 已预留.
    pub reserved: Fen,
    /// 在途.
    pub in_flight: Fen,
    /// 已赔付.
    pub paid_out: Fen,
    /// 已核销.
    pub written_off: Fen,
    /// 服务费.
    pub fee: Fen,
    /// 结转下年.
    pub carried_out: Fen,
    /// 结余退回.
    pub surplus_returned: Fen,
}

impl PoolBalances {
    /// The balance of an account.
    pub const fn slot(&mut self, account: PoolAccount) -> &mut Fen {
        match account {
            PoolAccount::CountyFund => &mut self.county_fund,
            PoolAccount::Premium => &mut self.premium,
            PoolAccount::TopUp => &mut self.top_up,
            PoolAccount::CarriedIn => &mut self.carried_in,
            PoolAccount::InsurerShare => &mut self.insurer_share,
            PoolAccount::Available => &mut self.available,
            PoolAccount::Reserved => &mut self.reserved,
            PoolAccount::InFlight => &mut self.in_flight,
            PoolAccount::PaidOut => &mut self.paid_out,
            PoolAccount::WrittenOff => &mut self.written_off,
            PoolAccount::Fee => &mut self.fee,
            PoolAccount::CarriedOut => &mut self.carried_out,
            PoolAccount::SurplusReturned => &mut self.surplus_returned,
        }
    }

    /// The balance of an account.
    pub const fn of(mut self, account: PoolAccount) -> Fen {
        *self.slot(account)
    }

    /// The sum of all accounts: zero, if the books are sound.
    pub fn total(&self) -> i128 {
        let accounts = PoolAccount::ALL.iter();
        accounts.map(|it| i128::from(self.of(*it).get())).sum()
    }
}

/// What is to be looked up for a command on a pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolAsk {
    /// The county.
    pub county: CountyCode,
    /// The pool.
    pub pool: SchemeId,
    /// The pool of the year after, if there is one.
    pub next: Option<SchemeId>,
    /// The instant.
    pub now: DateTime<Utc>,
}

/// The synchronous judge of a command on a pool.
pub type PoolJudge = Box<dyn FnOnce(&PoolSeen) -> Result<PoolDecision, PoolBlocked> + Send>;

/// One transfer of a pool, as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTransfer {
    /// Its id.
    pub id: Uuid,
    /// The accounts and the amount.
    pub posting: Posting,
    /// When.
    pub at: DateTime<Utc>,
    /// The place in the county's log of the event of a claim that made it.
    pub county_seq: Option<i64>,
    /// The order that made it.
    pub order: Option<Uuid>,
}

impl PoolTransfer {
    /// Its key in the list: by time.
    pub fn key(&self) -> String {
        Page::key_in_time(self.at, self.id)
    }
}

/// A claim in the queue of its pool, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// How it waits.
    pub waiting: Waiting,
    /// The claim's number.
    pub number: String,
    /// Its place, from 1.
    pub place: u32,
    /// What all up to its place, itself included, were approved at.
    pub through: Fen,
}

impl Queued {
    /// A whole queue in its order.
    pub fn line_up<'a>(claims: impl Iterator<Item = &'a Claim>) -> Vec<Self> {
        let waiting = claims.filter_map(|it| Some((Waiting::of(it)?, it.number.clone())));
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_by(|one, other| one.0.rank.cmp(&other.0.rank));
        let mut through = 0_i64;
        let place = |(place, (waiting, number)): (usize, (Waiting, String))| {
            through = through.saturating_add(waiting.amount.get());
            Self {
                waiting,
                number,
                place: u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1),
                through: Fen::new(through),
            }
        };
        waiting.into_iter().enumerate().map(place).collect()
    }

    /// What must come in, beyond what is available, before it can be reserved.
    pub const fn missing(&self, available: Fen) -> Fen {
        self.through.saturating_sub_to_zero(available)
    }
}

/// An entry of the chain that a county's orders of pools are told in: an order as somebody gave it, confirmed it
/// or voided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolEntry {
    /// Its place, from 1.
    pub seq: i64,
    /// The order, as text.
    pub text: String,
    /// The hash of the entry before; empty for the first.
    pub previous_hash: String,
    /// Its own.
    pub hash: String,
}

impl PoolEntry {
    /// The entry that tells of an order after the last one.
    pub fn after(last: Option<&Self>, order: &PoolOrder) -> Result<Self, Fault> {
        let text = serde_json::to_string(order)
            .map_err(|fault| Fault::store("writing a pool's order", fault))?;
        let seq = last.map_or(0, |it| it.seq) + 1;
        let previous_hash = last.map(|it| it.hash.clone()).unwrap_or_default();
        Ok(Self {
            hash: Self::hash_of(&previous_hash, seq, &text),
            seq,
            text,
            previous_hash,
        })
    }

    /// The hash of an entry: SHA-256 over the hash before it, its place and its text.
    pub fn hash_of(previous_hash: &str, seq: i64, text: &str) -> String {
        ids::sha256(format!("{previous_hash}\n{seq}\n{text}"))
    }

    /// The order it tells of; `None` if it cannot be read.
    pub fn order(&self) -> Option<PoolOrder> {
        serde_json::from_str(&self.text).ok()
    }
}

/// The pools of a county.
#[async_trait]
pub trait Pools: Send + Sync {
    /// Judges a command on a pool under the county's lock and writes what the judge decides: the order,
    /// its transfers, the balances. An unknown pool is a fault.
    async fn keep_pool(
        &self,
        ask: PoolAsk,
        judge: PoolJudge,
    ) -> Result<Result<PoolDecision, PoolBlocked>, Fault>;
    /// A pool's balances.
    async fn pool(&self, county: CountyCode, pool: SchemeId) -> Result<PoolBalances, Fault>;
    /// The sum of each kind of transfer of a pool; `None` if no account of it is in sight.
    async fn pool_flows(&self, county: CountyCode, pool: SchemeId) -> Result<Option<Flows>, Fault>;
    /// The orders of a pool, in the order they were given.
    async fn pool_orders(
        &self,
        county: CountyCode,
        pool: SchemeId,
    ) -> Result<Vec<PoolOrder>, Fault>;
    /// The claims a pool's money waits for.
    async fn pool_claims(&self, county: CountyCode, pool: SchemeId) -> Result<PoolClaims, Fault>;
    /// The chain of the orders of a county's pools after a place.
    async fn pool_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<PoolEntry>, Fault>;
    /// The claims that wait for a pool's money, the first one first. Their key is their rank.
    async fn pool_queue(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<Queued>, Fault>;
    /// The transfers of a pool, by time.
    async fn pool_transfers(
        &self,
        county: CountyCode,
        pool: SchemeId,
        page: &Page,
    ) -> Result<Slice<PoolTransfer>, Fault>;
}

/// Counts the claims of a status towards what the money of their pool waits for, or what waits for it: `fen`
/// is what those that wait were approved at, what the others were assessed at.
pub fn count_claims(claims: &mut PoolClaims, status: Status, count: u32, fen: Fen) {
    if status.holds() == Some(PoolAccount::Reserved) {
        claims.reserved += count;
    }
    if status.holds() == Some(PoolAccount::InFlight) {
        claims.in_flight += count;
    }
    if status == Status::AwaitingFunds {
        claims.waiting += count;
        let sum = claims.waiting_sum.get().saturating_add(fen.get());
        claims.waiting_sum = Fen::new(sum);
    }
    if status.awaits_approval() {
        claims.open += count;
        let sum = claims.assessed.get().saturating_add(fen.get());
        claims.assessed = Fen::new(sum);
    }
}

/// The id of the nth transfer of an order.
pub fn transfer_id(order: Uuid, place: usize) -> Uuid {
    ids::named("pool-transfer", &format!("{order}/{place}"))
}

/// A pool with everything a statement (年度核算表) shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolBook {
    /// The newest version of the scheme: the terms that hold.
    pub scheme: Arc<Scheme>,
    /// What moved.
    pub flows: Flows,
    /// Its orders.
    pub orders: Vec<PoolOrder>,
    /// The claims its money waits for.
    pub claims: PoolClaims,
    /// What the year comes to as the books stand; after the settlement nothing is left to come.
    pub outcome: Settlement,
    /// When it runs out.
    pub forecast: Forecast,
}

lifecycle::coded! {
    /// The sides of a statement: what came in is what went out and what is held.
    Side {
        In = "IN" "收入",
        Out = "OUT" "支出",
        Held = "HELD" "现存",
    }
}

/// The side of a statement on which an account stands.
pub const fn side(account: PoolAccount) -> Side {
    match account {
        PoolAccount::CountyFund
        | PoolAccount::Premium
        | PoolAccount::TopUp
        | PoolAccount::CarriedIn
        | PoolAccount::InsurerShare => Side::In,
        PoolAccount::PaidOut
        | PoolAccount::WrittenOff
        | PoolAccount::Fee
        | PoolAccount::CarriedOut
        | PoolAccount::SurplusReturned => Side::Out,
        PoolAccount::Available | PoolAccount::Reserved | PoolAccount::InFlight => Side::Held,
    }
}

impl PoolBook {
    /// What stands on an account, as it reads in a statement: never below zero, if the books are sound.
    pub fn shown(&self, account: PoolAccount) -> Fen {
        let balance = self.flows.balance(account);
        if account.is_source() {
            Fen::new(-balance.get())
        } else {
            balance
        }
    }

    /// The accounts of a side with what stands on them.
    pub fn lines(&self, side: Side) -> impl Iterator<Item = (PoolAccount, Fen)> + '_ {
        let accounts = PoolAccount::ALL.iter().copied();
        let accounts = accounts.filter(move |account| self::side(*account) == side);
        accounts.map(|account| (account, self.shown(account)))
    }

    /// The sum of a side.
    pub fn sum(&self, side: Side) -> Fen {
        Fen::new(self.lines(side).map(|(_, amount)| amount.get()).sum())
    }

    /// What came in, less what went out and what is held: zero, if the books are sound.
    pub fn difference(&self) -> Fen {
        let [came_in, out, held] = [Side::In, Side::Out, Side::Held].map(|side| self.sum(side));
        Fen::new(came_in.get() - out.get() - held.get())
    }

    /// Whether the year is settled.
    pub fn is_settled(&self) -> bool {
        is_settled(&self.orders)
    }

    /// Reads the book of a pool; `None` if there is no such pool.
    pub async fn read(
        store: &dyn Store,
        county: CountyCode,
        scheme: SchemeId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, Fault> {
        let Some((scheme, next)) = terms_of(store, county, scheme).await? else {
            return Ok(None);
        };
        let pool = scheme.pool_id;
        let Some(flows) = store.pool_flows(county, pool).await? else {
            return Ok(None);
        };
        let claims = store.pool_claims(county, pool).await?;
        let today = calendar::legal_day(now);
        Ok(Some(Self {
            outcome: Settlement::of(&scheme.pool, &flows, next),
            forecast: Forecast::of(&flows, &claims, &scheme.year, today),
            orders: store.pool_orders(county, pool).await?,
            scheme,
            flows,
            claims,
        }))
    }
}

/// The newest version of a scheme's code, year and insurer, whose terms hold for the pool; and the pool
/// of the year after.
async fn terms_of(
    store: &dyn Store,
    county: CountyCode,
    scheme: SchemeId,
) -> Result<Option<(Arc<Scheme>, Option<SchemeId>)>, Fault> {
    let schemes = store.schemes(county).await?;
    let Some(named) = schemes.iter().find(|it| it.id == scheme) else {
        return Ok(None);
    };
    let versions = schemes.iter().filter(|it| it.pool_id == named.pool_id);
    let newest = versions.max_by_key(|it| it.version).unwrap_or(named);
    let next = schemes.iter().find(|it| {
        (&it.code, it.insurer, it.year.year) == (&named.code, named.insurer, named.year.year + 1)
    });
    Ok(Some((Arc::clone(newest), next.map(|it| it.pool_id))))
}

/// Enters county money at the machine, once a reference. Nobody confirms it, and the books say so.
pub async fn fund_pool(
    store: &dyn Store,
    county: CountyCode,
    scheme: SchemeId,
    amount: Fen,
    reference: &str,
    now: DateTime<Utc>,
) -> Result<Result<PoolDecision, PoolBlocked>, Fault> {
    let Some((scheme, next)) = terms_of(store, county, scheme).await? else {
        return Err(Fault::Store {
            context: "funding an unknown pool".into(),
            source: None,
        });
    };
    let command = PoolCommand::Fund {
        funding: Funding::Operator,
        amount,
        reference: reference.to_owned(),
        reason: "操作员在服务器上录入".to_owned(),
    };
    let order = ids::named("fund", reference);
    let ask = PoolAsk {
        county,
        pool: scheme.pool_id,
        next,
        now: now.trunc_subsecs(6),
    };
    let judge = move |seen: &PoolSeen| decide_pool(order, None, &command, &scheme, seen);
    store.keep_pool(ask, Box::new(judge)).await
}

impl Desk {
    /// Gives a command on the pool of a scheme. `order` is the order's id: what the key makes, or the
    /// one that waits. `None` if there is no such scheme in the caller's scope, or if the caller has not
    /// the whole county. Runs in a task of its own, as a command does.
    pub async fn order_pool(
        &self,
        caller: &Caller,
        scheme: SchemeId,
        order: Uuid,
        command: PoolCommand,
    ) -> Result<Option<Result<PoolDecision, PoolBlocked>>, Fault> {
        let county = caller.scope.county;
        let Some((scheme, next)) = terms_of(self.store(), county, scheme).await? else {
            return Ok(None);
        };
        if !sees_pool(caller, &scheme) {
            return Ok(None);
        }
        let ask = PoolAsk {
            county,
            pool: scheme.pool_id,
            next,
            now: self.clock().now().trunc_subsecs(6),
        };
        let actor = caller.actor();
        let judge =
            move |seen: &PoolSeen| decide_pool(order, Some(&actor), &command, &scheme, seen);
        let store = self.shared_store();
        let work = async move { store.keep_pool(ask, Box::new(judge)).await };
        tokio::spawn(sight::carried(work))
            .await
            .map_err(|fault| Fault::store("the order's task ended", fault))?
            .map(Some)
    }

    /// The book of a scheme's pool, within the caller's scope.
    pub async fn pool_book(
        &self,
        caller: &Caller,
        scheme: SchemeId,
    ) -> Result<Option<PoolBook>, Fault> {
        let county = caller.scope.county;
        let book = PoolBook::read(self.store(), county, scheme, self.clock().now()).await?;
        Ok(book.filter(|book| sees_pool(caller, &book.scheme)))
    }
}

/// Whether a caller sees the pool of a scheme: a pool is a county's, so the whole county must lie in the
/// caller's region; an insurer sees those of the schemes it runs.
pub fn sees_pool(caller: &Caller, scheme: &Scheme) -> bool {
    caller.scope.covers_books_of(scheme.county, scheme.insurer)
}

/// The next year's pool for a judgement.
pub fn next_pool(pool: Option<SchemeId>, orders: &[PoolOrder]) -> Option<NextPool> {
    pool.map(|pool| NextPool {
        pool,
        settled: is_settled(orders),
    })
}

/// What a transfer is; one of no known kind is a fault.
pub fn movement_of(posting: &Posting) -> Result<Movement, Fault> {
    let Posting {
        from,
        to,
        amount: _,
    } = *posting;
    Movement::between(from, to).ok_or_else(|| Fault::Inconsistency {
        table: "transfer",
        column: "credit",
        row: format!("{from} {to}"),
        reason: "no such movement".to_owned(),
    })
}
