//! A pool (资金池) as clients see it: balances, terms, orders, transfers. Nothing of households.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::enums::{PoolMovement, PoolOrderKind, PoolOrderStatus, Shortage, Surplus};
use crate::types::event::count;
use crate::types::scalars::{Date, DateTime, Fen, Uuid};
use crate::types::scheme::{PoolTerms, SchemeNode};
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use engine::pool::{PoolBook, PoolTransfer as Row, Side};
use lifecycle::pool::{PoolOrder as Order, Settlement as Outcome};
use lifecycle::{Movement, PersonId, PoolAccount};
use std::sync::Arc;

/// A pool: one for each code, insurer and contract year.
#[derive(Clone)]
pub struct PoolNode(pub Arc<PoolBook>);

/// What stands on the accounts of a pool. What came in less what went out is what is there.
#[derive(SimpleObject, Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "named as on the wire, with their unit"
)]
pub struct PoolBalances {
    /// 保费: premium paid in by orders of two persons.
    premium_fen: Fen,
    /// 操作员录入的县级资金: entered by the operator at the machine; it counts as premium.
    operator_funding_fen: Fen,
    /// 补足资金: topped up.
    top_up_fen: Fen,
    /// 上年结转: carried in from the year before.
    carried_in_fen: Fen,
    /// 保险公司承担: borne by the insurer.
    insurer_share_fen: Fen,
    /// 可用: can still be reserved.
    available_fen: Fen,
    /// 已预留: approved, not instructed.
    reserved_fen: Fen,
    /// 在途: instructed, not settled.
    in_flight_fen: Fen,
    /// 已赔付: paid, less what came back, was recovered or written off.
    paid_out_fen: Fen,
    /// 已核销: paid wrongly, and not to come back.
    written_off_fen: Fen,
    /// 服务费: taken for the insurer.
    fee_fen: Fen,
    /// 结转下年: carried over.
    carried_out_fen: Fen,
    /// 结余退回: returned to the county.
    surplus_returned_fen: Fen,
}

impl PoolBalances {
    fn of(book: &PoolBook) -> Self {
        let on = |account: PoolAccount| Fen(book.shown(account));
        Self {
            premium_fen: on(PoolAccount::Premium),
            operator_funding_fen: on(PoolAccount::CountyFund),
            top_up_fen: on(PoolAccount::TopUp),
            carried_in_fen: on(PoolAccount::CarriedIn),
            insurer_share_fen: on(PoolAccount::InsurerShare),
            available_fen: on(PoolAccount::Available),
            reserved_fen: on(PoolAccount::Reserved),
            in_flight_fen: on(PoolAccount::InFlight),
            paid_out_fen: on(PoolAccount::PaidOut),
            written_off_fen: on(PoolAccount::WrittenOff),
            fee_fen: on(PoolAccount::Fee),
            carried_out_fen: on(PoolAccount::CarriedOut),
            surplus_returned_fen: on(PoolAccount::SurplusReturned),
        }
    }
}

/// What a year comes to (年度核算), with everything it follows from.
#[derive(SimpleObject, Debug, Clone)]
pub struct PoolSettlement {
    /// Paid to households.
    paid_fen: Fen,
    /// Came back from the bank (退票).
    returned_fen: Fen,
    /// Recovered from wrong payments (追回).
    recovered_fen: Fen,
    /// Written off (核销): paid wrongly, and a cost of the pool; no fee is taken of it.
    written_off_fen: Fen,
    /// Paid less returned, recovered and written off: what the fee is a share of.
    net_paid_fen: Fen,
    /// The fee's share in basis points.
    fee_basis_points: i32,
    /// The insurer's fee of the year: the share of net paid, rounded half up to a fen.
    fee_fen: Fen,
    /// How the fee follows, in yuan.
    fee_working: String,
    /// What of it an earlier settlement took.
    fee_taken_fen: Fen,
    /// What the pool has before.
    available_fen: Fen,
    /// What lacks for the fee.
    shortage_fen: Fen,
    /// Who makes it up.
    made_up_by: Shortage,
    /// What is left after the fee.
    surplus_fen: Fen,
    /// What becomes of it.
    surplus_rule: Surplus,
    /// The scheme whose pool a surplus is carried into; null if there is none, or none is carried.
    carried_to: Option<ID>,
}

impl From<&Outcome> for PoolSettlement {
    fn from(outcome: &Outcome) -> Self {
        let Outcome {
            paid,
            returned,
            recovered,
            written_off,
            net_paid,
            rate,
            fee,
            fee_taken,
            available,
            shortage,
            made_up_by,
            surplus,
            surplus_rule,
            carried_to,
        } = *outcome;
        Self {
            paid_fen: Fen(paid),
            returned_fen: Fen(returned),
            recovered_fen: Fen(recovered),
            written_off_fen: Fen(written_off),
            net_paid_fen: Fen(net_paid),
            fee_basis_points: count(rate.basis_points()),
            fee_fen: Fen(fee),
            fee_working: outcome.fee_working(),
            fee_taken_fen: Fen(fee_taken),
            available_fen: Fen(available),
            shortage_fen: Fen(shortage),
            made_up_by: made_up_by.into(),
            surplus_fen: Fen(surplus),
            surplus_rule: surplus_rule.into(),
            carried_to: carried_to.map(|id| node_id::encode(Kind::Scheme, id.0)),
        }
    }
}

/// When a pool runs out, by a plain rule: first every claim that waits takes what it was approved at and every
/// open claim what it was assessed at; then
/// approvals go on at their average of the contract year so far.
#[derive(SimpleObject, Debug, Clone)]
pub struct PoolForecast {
    /// Approved so far, less what was released and recovered.
    approved_fen: Fen,
    /// Days of the contract year so far, today included.
    days: i32,
    /// Claims assessed, not approved, not ended.
    open_claims: i32,
    /// What those were assessed at.
    assessed_fen: Fen,
    /// Claims that were approved and wait for money.
    waiting_claims: i32,
    /// What those were approved at.
    waiting_fen: Fen,
    /// What the pool lacks for the waiting and the open claims alone.
    lacking_fen: Fen,
    /// The day the pool no longer suffices; null: not this year.
    runs_out_on: Option<Date>,
}

/// An order of a pool (资金指令): money that no claim moves, ordered by one person, confirmed by another.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct PoolOrder {
    /// Its id.
    id: ID,
    /// What it does.
    kind: PoolOrderKind,
    /// How much comes in; of a settlement the surplus or shortage.
    amount_fen: Fen,
    /// The voucher (凭证号).
    reference: String,
    /// Why.
    reason: String,
    /// How it stands.
    status: PoolOrderStatus,
    /// When it was ordered.
    ordered_at: DateTime,
    /// When it was confirmed or voided.
    decided_at: Option<DateTime>,
    /// Of a settlement: what it comes to.
    settlement: Option<PoolSettlement>,
    #[graphql(skip)]
    ordered: Option<PersonId>,
    #[graphql(skip)]
    decided: Option<PersonId>,
}

async fn name(ctx: &Context<'_>, person: Option<PersonId>) -> Result<Option<String>, ApiError> {
    match person {
        Some(person) => Visit::of(ctx)?.person_name(person).await,
        None => Ok(None),
    }
}

#[ComplexObject]
impl PoolOrder {
    /// Who ordered it; null for the operator at the machine.
    async fn ordered_by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        name(ctx, self.ordered).await
    }

    /// Who confirmed or voided it.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        name(ctx, self.decided).await
    }
}

impl From<&Order> for PoolOrder {
    fn from(order: &Order) -> Self {
        let Order {
            id,
            pool: _,
            kind,
            amount,
            reference,
            reason,
            ordered,
            ordered_at,
            status,
            decided,
            posted_after: _,
            settlement,
        } = order;
        Self {
            id: node_id::encode(Kind::PoolOrder, *id),
            kind: (*kind).into(),
            amount_fen: Fen(*amount),
            reference: reference.clone(),
            reason: reason.clone(),
            status: (*status).into(),
            ordered_at: (*ordered_at).into(),
            decided_at: decided.as_ref().map(|it| it.at.into()),
            settlement: settlement.as_ref().map(PoolSettlement::from),
            ordered: ordered.as_ref().map(|it| it.by),
            decided: decided.as_ref().map(|it| it.by),
        }
    }
}

/// One transfer of a pool: one row, from one account to another, never changed.
#[derive(SimpleObject, Debug, Clone)]
pub struct PoolTransfer {
    /// Its id.
    id: Uuid,
    /// What it is.
    movement: PoolMovement,
    /// How much: positive.
    amount_fen: Fen,
    /// When.
    at: DateTime,
    /// The place in the county's log of the event that moved it; null for what an order moved.
    county_seq: Option<i64>,
    /// The order that moved it; null for what an event of a claim moved.
    order_id: Option<ID>,
}

impl PoolTransfer {
    /// A row of the list.
    pub fn of(row: &Row, movement: Movement) -> Self {
        Self {
            id: Uuid(row.id),
            movement: movement.into(),
            amount_fen: Fen(row.posting.amount),
            at: row.at.into(),
            county_seq: row.county_seq,
            order_id: row.order.map(|id| node_id::encode(Kind::PoolOrder, id)),
        }
    }
}

/// A claim that waits for its pool's money (待资金).
#[derive(SimpleObject, Debug, Clone)]
pub struct PoolQueueEntry {
    /// Its place, from 1: money is reserved for the first only.
    place: i32,
    /// The claim.
    claim_id: ID,
    /// Its number.
    claim_number: String,
    /// What was approved.
    amount_fen: Fen,
    /// What must come in, beyond what is available, before it can be reserved.
    missing_fen: Fen,
    /// When it began to wait.
    queued_at: DateTime,
}

/// The pool of a contract year (资金池).
#[Object(name = "Pool")]
impl PoolNode {
    /// The newest version of the scheme: its terms hold.
    async fn scheme(&self) -> SchemeNode {
        SchemeNode(Arc::clone(&self.0.scheme))
    }

    /// Premium, fee, surplus and shortage as the scheme says.
    async fn terms(&self) -> PoolTerms {
        (&self.0.scheme.pool).into()
    }

    /// What stands on its accounts.
    async fn balances(&self) -> PoolBalances {
        PoolBalances::of(&self.0)
    }

    /// What of the year's premium is not paid in.
    async fn premium_lacking_fen(&self) -> Fen {
        let total = self.0.scheme.pool.premium_total();
        Fen(total.saturating_sub_to_zero(self.0.flows.premium()))
    }

    /// Whether the year is settled: nothing is approved from it any more.
    async fn settled(&self) -> bool {
        self.0.is_settled()
    }

    /// When it runs out.
    async fn forecast(&self) -> PoolForecast {
        let forecast = &self.0.forecast;
        PoolForecast {
            approved_fen: Fen(forecast.approved),
            days: i32::try_from(forecast.days).unwrap_or(i32::MAX),
            open_claims: count(self.0.claims.open),
            assessed_fen: Fen(forecast.assessed),
            waiting_claims: count(self.0.claims.waiting),
            waiting_fen: Fen(forecast.waiting),
            lacking_fen: Fen(forecast.lacking),
            runs_out_on: forecast.runs_out_on.map(Date),
        }
    }

    /// The claims that wait for its money, in the order the scheme declares (待资金排队). Only the first can be
    /// reserved, by `reserveWaiting`.
    async fn queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PoolQueueEntry>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let pool = self.0.scheme.pool_id;
        let binding = Binding::new("poolQueue", &pool, caller);
        let page = args.parse(&binding)?;
        let store = visit.office.desk.store();
        let county = caller.scope.county;
        let slice = store.pool_queue(county, pool, &page).await?;
        let available = self.0.flows.balance(PoolAccount::Available);
        let rows = slice.rows.iter().map(|row| {
            let entry = PoolQueueEntry {
                place: count(row.place),
                claim_id: node_id::encode(Kind::Claim, row.waiting.claim.0),
                claim_number: row.number.clone(),
                amount_fen: Fen(row.waiting.amount),
                missing_fen: Fen(row.missing(available)),
                queued_at: row.waiting.queued_at.into(),
            };
            (row.waiting.rank.clone(), entry)
        });
        Ok(Connection::of(rows, slice.more, &page, &binding))
    }

    /// Its orders, in the order they were given.
    #[expect(clippy::unused_async, reason = "async-graphql's resolvers are async")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand so; PENDING ones wait for a second person.")]
        status: Option<PoolOrderStatus>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<PoolOrder>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let wanted = status.map(lifecycle::pool::PoolOrderStatus::from);
        let filter = (self.0.scheme.pool_id, wanted);
        let binding = Binding::new("poolOrders", &filter, Visit::of(ctx)?.caller()?);
        let page = args.parse(&binding)?;
        let orders = self.0.orders.iter().enumerate();
        let rows = orders
            .filter(|(_, order)| wanted.is_none_or(|it| it == order.status))
            .map(|(place, order)| (format!("{place:010}"), PoolOrder::from(order)));
        Ok(Connection::of_keyed(rows.collect(), &page, &binding))
    }
}

/// The statement of a contract year (年度核算表): everything that moved, by kind.
#[derive(SimpleObject, Clone)]
pub struct PoolStatement {
    /// The pool.
    pool: PoolNode,
    /// The contract year.
    year: i32,
    /// The base of the headcount (参保人数依据).
    headcount_basis: String,
    /// The premium of the year: headcount times premium.
    premium_total_fen: Fen,
    /// Everything that came in.
    came_in_fen: Fen,
    /// Everything that went out for good.
    went_out_fen: Fen,
    /// What is held: available, reserved, in flight.
    held_fen: Fen,
    /// What came in, less what went out and what is held: zero, if the books are sound.
    difference_fen: Fen,
    /// Reserved at approval, over the year.
    reserved_fen: Fen,
    /// Released again, over the year.
    released_fen: Fen,
    /// Claims money is reserved for.
    reserved_claims: i32,
    /// Claims whose payment is in flight.
    in_flight_claims: i32,
    /// What the year comes to as the books stand; after the settlement nothing is left to come.
    outcome: PoolSettlement,
}

impl PoolStatement {
    /// The statement of a pool.
    pub fn of(book: PoolBook) -> Self {
        Self {
            year: book.scheme.year.year,
            headcount_basis: book.scheme.pool.headcount_basis.clone(),
            premium_total_fen: Fen(book.scheme.pool.premium_total()),
            came_in_fen: Fen(book.sum(Side::In)),
            went_out_fen: Fen(book.sum(Side::Out)),
            held_fen: Fen(book.sum(Side::Held)),
            difference_fen: Fen(book.difference()),
            reserved_fen: Fen(book.flows.of(Movement::Reserved)),
            released_fen: Fen(book.flows.of(Movement::Released)),
            reserved_claims: count(book.claims.reserved),
            in_flight_claims: count(book.claims.in_flight),
            outcome: (&book.outcome).into(),
            pool: PoolNode(Arc::new(book)),
        }
    }
}
