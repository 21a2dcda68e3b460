//! The pool of a contract year (保费资金池): who may move money that no claim moves, and what the year
//! comes to. As pure as [`crate::decide`]: what a judgement needs stands in [`PoolSeen`].
//!
//! An order (指令) waits until a second person confirms it; then it is posted, once, or it is voided,
//! once. The settlement (年度核算) takes the insurer's fee, makes up a shortage or hands on a surplus
//! as the scheme says, and closes the pool: nothing is approved from it afterwards.

use crate::coded;
use crate::scheme::{PolicyYear, PoolTerms, Scheme, Shortage, Surplus};
use crate::{
    Actor, Claim, ClaimId, Movement, Param, PoolAccount, Posting, SchemeId, Stamp, State, calendar,
};
use benefits::{Fen, Rate};
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

coded! {
    /// What an order does.
    PoolOrderKind {
        OperatorFunding = "OPERATOR_FUNDING" "操作员录入",
        Premium = "PREMIUM" "缴入保费",
        TopUp = "TOP_UP" "补足资金",
        Settlement = "SETTLEMENT" "年度核算",
    }
}

impl PoolOrderKind {
    /// As what its money comes in; a settlement is several transfers.
    pub const fn comes_in(self) -> Option<Movement> {
        match self {
            Self::OperatorFunding => Some(Movement::Funded),
            Self::Premium => Some(Movement::PremiumPaid),
            Self::TopUp => Some(Movement::ToppedUp),
            Self::Settlement => None,
        }
    }
}

coded! {
    /// How an order stands.
    PoolOrderStatus {
        Pending = "PENDING" "待确认",
        Posted = "POSTED" "已入账",
        Voided = "VOIDED" "已作废",
    }
}

/// An order: money that no claim moves, with its reference, its reason and its two persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolOrder {
    /// Its id.
    pub id: Uuid,
    /// The pool.
    pub pool: SchemeId,
    /// What it does.
    pub kind: PoolOrderKind,
    /// How much comes in; of a settlement the surplus or shortage.
    pub amount: Fen,
    /// The voucher (凭证号).
    pub reference: String,
    /// Why.
    pub reason: String,
    /// Who ordered it, when; for the operator at the machine there is nobody.
    pub ordered: Option<Stamp>,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// How it stands.
    pub status: PoolOrderStatus,
    /// Who confirmed or voided it.
    pub decided: Option<Stamp>,
    /// The last entry of the county's log when it was posted: the books it rests on.
    pub posted_after: Option<i64>,
    /// Of a settlement: what it comes to.
    pub settlement: Option<Settlement>,
}

/// The sum of each kind of transfer of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flows(BTreeMap<Movement, Fen>);

impl Flows {
    /// The sum of one kind.
    pub fn of(&self, movement: Movement) -> Fen {
        self.0.get(&movement).copied().unwrap_or_default()
    }

    /// Adds a transfer. Sums stay within what an amount can hold.
    pub fn add(&mut self, movement: Movement, amount: Fen) {
        let sum = self.0.entry(movement).or_default();
        *sum = plus(*sum, amount);
    }

    /// What stands on an account.
    pub fn balance(&self, account: PoolAccount) -> Fen {
        self.0
            .iter()
            .fold(Fen::ZERO, |balance, (movement, amount)| {
                let (from, to) = movement.accounts();
                if from == account {
                    minus(balance, *amount)
                } else if to == account {
                    plus(balance, *amount)
                } else {
                    balance
                }
            })
    }

    /// Premium paid in, what the operator entered included.
    pub fn premium(&self) -> Fen {
        plus(self.of(Movement::PremiumPaid), self.of(Movement::Funded))
    }
}

/// The claims of a pool, as far as its money waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolClaims {
    /// Approved, not instructed: money is reserved.
    pub reserved: u32,
    /// Instructed, not settled: money is in flight.
    pub in_flight: u32,
    /// Assessed, not approved, not ended.
    pub open: u32,
    /// What those were assessed at.
    pub assessed: Fen,
    /// Approved, waiting for money: nothing is reserved.
    pub waiting: u32,
    /// What those were approved at.
    pub waiting_sum: Fen,
}

/// A claim that waits for its pool's money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The claim.
    pub claim: ClaimId,
    /// Its place: the one with the smallest text is first.
    pub rank: String,
    /// What was approved, in fen.
    pub amount: Fen,
    /// When it began to wait.
    pub queued_at: DateTime<Utc>,
}

impl Waiting {
    /// How a claim waits; `None` if it does not.
    pub fn of(claim: &Claim) -> Option<Self> {
        let State::AwaitingFunds(waiting) = &claim.state else {
            return None;
        };
        Some(Self {
            claim: claim.id,
            rank: waiting.rank.clone(),
            amount: waiting.approved.approval.amount,
            queued_at: waiting.approved.completed().at,
        })
    }
}

/// The pool that a surplus is carried into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPool {
    /// The pool of the same code and insurer for the year after.
    pub pool: SchemeId,
    /// Whether it is settled already.
    pub settled: bool,
}

/// What a judgement may look at, read under the county's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSeen {
    /// The instant of the judgement.
    pub now: DateTime<Utc>,
    /// The last entry of the county's log.
    pub log: i64,
    /// What moved so far.
    pub flows: Flows,
    /// The orders so far.
    pub orders: Vec<PoolOrder>,
    /// The claims money waits for.
    pub claims: PoolClaims,
    /// Where a surplus could go.
    pub next: Option<NextPool>,
}

impl PoolSeen {
    fn is_settled(&self) -> bool {
        is_settled(&self.orders)
    }

    fn pending(&self, kind: PoolOrderKind) -> Fen {
        let orders = self.orders.iter();
        orders
            .filter(|it| it.kind == kind && it.status == PoolOrderStatus::Pending)
            .fold(Fen::ZERO, |sum, it| plus(sum, it.amount))
    }
}

/// Whether a pool is settled: nothing is approved from it any more.
pub fn is_settled(orders: &[PoolOrder]) -> bool {
    orders
        .iter()
        .any(|it| it.kind == PoolOrderKind::Settlement && it.status == PoolOrderStatus::Posted)
}

/// As what money comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funding {
    /// Entered by the operator at the machine.
    Operator,
    /// Premium.
    Premium,
    /// Top-up.
    TopUp,
}

impl Funding {
    const fn kind(self) -> PoolOrderKind {
        match self {
            Self::Operator => PoolOrderKind::OperatorFunding,
            Self::Premium => PoolOrderKind::Premium,
            Self::TopUp => PoolOrderKind::TopUp,
        }
    }
}

/// What somebody wants of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolCommand {
    /// Money comes in; it waits for a second person.
    Fund {
        /// As what.
        funding: Funding,
        /// How much.
        amount: Fen,
        /// The voucher.
        reference: String,
        /// Why.
        reason: String,
    },
    /// The year is settled; it waits for a second person.
    Settle {
        /// The voucher.
        reference: String,
        /// Why.
        reason: String,
    },
    /// The second person confirms: it is posted.
    Confirm,
    /// It is not to be: it is voided.
    Void,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolBlocked {
    /// An amount must be positive.
    NotPositive,
    /// More than headcount times premium would be paid in.
    PremiumExceeded {
        /// What may still be paid in, orders that wait included.
        remaining: Fen,
    },
    /// The year is settled.
    Settled,
    /// Money is reserved or in flight.
    NotBalanced {
        /// How much is reserved.
        reserved: Fen,
        /// How much is in flight.
        in_flight: Fen,
        /// For how many claims.
        claims: u32,
    },
    /// Approved claims wait for money: they are reserved, sent back, rejected or withdrawn before.
    ClaimsWaiting {
        /// How many.
        claims: u32,
        /// What they were approved at.
        sum: Fen,
    },
    /// The contract year runs until this day.
    YearNotOver {
        /// Its last day.
        to: NaiveDate,
    },
    /// A surplus is to be carried over, and the next year has no open pool.
    NextPoolMissing {
        /// That year.
        year: i32,
    },
    /// Orders wait for confirmation.
    OrderPending {
        /// How many.
        orders: usize,
    },
    /// The order was posted or voided before.
    OrderDecided {
        /// How it stands.
        status: PoolOrderStatus,
    },
    /// Whoever ordered may not confirm.
    SecondPersonRequired,
    /// The books moved since the settlement was ordered.
    SettlementChanged,
    /// There is no such order.
    OrderUnknown,
    /// The key was used for another order.
    KeyReused,
}

impl PoolBlocked {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPositive => "VALIDATION",
            Self::PremiumExceeded { .. } => "PREMIUM_EXCEEDED",
            Self::Settled => "POOL_SETTLED",
            Self::NotBalanced { .. } => "NOT_BALANCED",
            Self::ClaimsWaiting { .. } => "CLAIMS_WAITING",
            Self::YearNotOver { .. } => "YEAR_NOT_OVER",
            Self::NextPoolMissing { .. } => "NEXT_POOL_MISSING",
            Self::OrderPending { .. } => "ORDER_PENDING",
            Self::OrderDecided { .. } => "ORDER_DECIDED",
            Self::SecondPersonRequired => "SECOND_PERSON_REQUIRED",
            Self::SettlementChanged => "SETTLEMENT_CHANGED",
            Self::OrderUnknown => "ORDER_UNKNOWN",
            Self::KeyReused => "KEY_REUSED",
        }
    }

    /// The parameters of the message.
    pub fn params(&self) -> Vec<(&'static str, Param)> {
        match self {
            Self::NotPositive => vec![
                ("field", Param::Text("amountFen".into())),
                ("reason", Param::Text("NOT_POSITIVE".into())),
            ],
            Self::PremiumExceeded { remaining } => vec![("remaining", Param::Money(*remaining))],
            Self::NotBalanced {
                reserved,
                in_flight,
                claims,
            } => vec![
                ("reserved", Param::Money(*reserved)),
                ("in_flight", Param::Money(*in_flight)),
                ("claims", Param::Number(i64::from(*claims))),
            ],
            Self::ClaimsWaiting { claims, sum } => vec![
                ("claims", Param::Number(i64::from(*claims))),
                ("sum", Param::Money(*sum)),
            ],
            Self::YearNotOver { to } => vec![("to", Param::Day(*to))],
            Self::NextPoolMissing { year } => vec![("year", Param::Number(i64::from(*year)))],
            Self::OrderPending { orders } => {
                let orders = i64::try_from(*orders).unwrap_or(i64::MAX);
                vec![("orders", Param::Number(orders))]
            }
            Self::OrderDecided { status } => {
                vec![("order_status", Param::Text(status.code().into()))]
            }
            Self::SecondPersonRequired => vec![("field", Param::Text("orderId".into()))],
            Self::Settled | Self::SettlementChanged | Self::OrderUnknown | Self::KeyReused => {
                Vec::new()
            }
        }
    }
}

/// A judgement that goes ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolDecision {
    /// The order after it.
    pub order: PoolOrder,
    /// Transfers, each with its pool.
    pub postings: Vec<(SchemeId, Posting)>,
    /// Whether this is the answer of an earlier call, and nothing is written.
    pub replay: bool,
}

impl PoolDecision {
    const fn of(order: PoolOrder) -> Self {
        Self {
            order,
            postings: Vec::new(),
            replay: false,
        }
    }

    const fn again(order: PoolOrder) -> Self {
        Self {
            order,
            postings: Vec::new(),
            replay: true,
        }
    }
}

/// What a year comes to (年度核算), with everything it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Paid to households.
    pub paid: Fen,
    /// Came back from the bank.
    pub returned: Fen,
    /// Recovered from wrong payments.
    pub recovered: Fen,
    /// Written off: paid wrongly, and a cost of the pool. No fee is taken of it.
    pub written_off: Fen,
    /// Paid less returned, recovered and written off: what the fee is a share of.
    pub net_paid: Fen,
    /// The share.
    pub rate: Rate,
    /// The fee of the year: rate times net paid, rounded half up to a fen.
    pub fee: Fen,
    /// What of it an earlier settlement took.
    pub fee_taken: Fen,
    /// What the pool has before.
    pub available: Fen,
    /// What lacks for the fee.
    pub shortage: Fen,
    /// Who makes it up.
    pub made_up_by: Shortage,
    /// What is left after the fee.
    pub surplus: Fen,
    /// What becomes of it.
    pub surplus_rule: Surplus,
    /// The pool a surplus is carried into.
    pub carried_to: Option<SchemeId>,
}

impl Settlement {
    /// What the year comes to as the books stand.
    pub fn of(terms: &PoolTerms, flows: &Flows, next: Option<SchemeId>) -> Self {
        let net_paid = flows.balance(PoolAccount::PaidOut);
        let fee = share(net_paid, terms.fee);
        let fee_taken = flows.balance(PoolAccount::Fee);
        let available = flows.balance(PoolAccount::Available);
        let rest = minus(available, minus(fee, fee_taken));
        let surplus = rest.max(Fen::ZERO);
        let carried = terms.surplus == Surplus::CarriedOver && surplus > Fen::ZERO;
        Self {
            paid: flows.of(Movement::Paid),
            returned: flows.of(Movement::PayReturned),
            recovered: flows.of(Movement::Recovered),
            written_off: flows.of(Movement::WrittenOff),
            net_paid,
            rate: terms.fee,
            fee,
            fee_taken,
            available,
            shortage: minus(surplus, rest),
            made_up_by: terms.shortage,
            surplus,
            surplus_rule: terms.surplus,
            carried_to: next.filter(|_| carried),
        }
    }

    /// How the fee follows, in yuan.
    pub fn fee_working(&self) -> String {
        let points = self.rate.basis_points();
        format!(
            "({} - {} - {} - {}) × {}.{:02}% = {}",
            self.paid,
            self.returned,
            self.recovered,
            self.written_off,
            points / 100,
            points % 100,
            self.fee
        )
    }

    /// The transfers it is: money that lacks comes in before the fee goes out.
    pub fn postings(&self, pool: SchemeId) -> Vec<(SchemeId, Posting)> {
        let mut postings = Vec::new();
        let mut post = |pool, movement: Movement, amount: Fen| {
            if amount > Fen::ZERO {
                postings.push((pool, movement.of(amount)));
            }
        };
        let made_up = match self.made_up_by {
            Shortage::CountyTopsUp => Movement::ToppedUp,
            Shortage::InsurerBears => Movement::InsurerBore,
        };
        post(pool, made_up, self.shortage);
        post(pool, Movement::FeeTaken, minus(self.fee, self.fee_taken));
        post(
            pool,
            Movement::FeeGivenBack,
            minus(self.fee_taken, self.fee),
        );
        match self.surplus_rule {
            Surplus::CarriedOver => {
                post(pool, Movement::CarriedOut, self.surplus);
                if let Some(next) = self.carried_to {
                    post(next, Movement::CarriedIn, self.surplus);
                }
            }
            Surplus::Returned => post(pool, Movement::SurplusReturned, self.surplus),
        }
        postings
    }
}

/// When a pool runs out, by a plain rule: first every claim that waits takes what it was approved at and
/// every open claim what it was assessed at; then
/// approvals go on at their average of the year so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Approved so far, less what was released and recovered.
    pub approved: Fen,
    /// Days of the contract year so far, today included.
    pub days: i64,
    /// What open claims were assessed at.
    pub assessed: Fen,
    /// What claims that wait for money were approved at.
    pub waiting: Fen,
    /// What the pool lacks for the waiting and the open claims alone.
    pub lacking: Fen,
    /// The day the pool no longer suffices; `None`: not this year.
    pub runs_out_on: Option<NaiveDate>,
}

impl Forecast {
    /// The forecast of a day.
    pub fn of(flows: &Flows, claims: &PoolClaims, year: &PolicyYear, today: NaiveDate) -> Self {
        let held = [
            PoolAccount::Reserved,
            PoolAccount::InFlight,
            PoolAccount::PaidOut,
            PoolAccount::WrittenOff,
        ];
        let approved = held
            .iter()
            .fold(Fen::ZERO, |sum, account| plus(sum, flows.balance(*account)));
        let days = ((today - year.from).num_days() + 1).max(1);
        let wanted = plus(claims.waiting_sum, claims.assessed);
        let left = minus(flows.balance(PoolAccount::Available), wanted);
        let lacking = minus(Fen::ZERO, left).max(Fen::ZERO);
        let lasts = if lacking > Fen::ZERO {
            Some(0)
        } else if approved > Fen::ZERO {
            let lasts = i128::from(left.get()) * i128::from(days) / i128::from(approved.get());
            u64::try_from(lasts).ok().and_then(|it| it.checked_add(1))
        } else {
            None
        };
        let runs_out_on = lasts
            .and_then(|lasts| today.checked_add_days(Days::new(lasts)))
            .filter(|day| *day <= year.to);
        Self {
            approved,
            days,
            assessed: claims.assessed,
            waiting: claims.waiting_sum,
            lacking,
            runs_out_on,
        }
    }
}

/// Judges a command on a pool. `order` is the order's id: of a new one what the key makes, else the one
/// that waits. `actor` is `None` for the operator at the machine.
pub fn decide_pool(
    order: Uuid,
    actor: Option<&Actor>,
    command: &PoolCommand,
    scheme: &Scheme,
    seen: &PoolSeen,
) -> Result<PoolDecision, PoolBlocked> {
    let stamp = actor.map(|actor| Stamp {
        by: actor.person,
        on_behalf_of: actor.on_behalf_of,
        at: seen.now,
    });
    let known = seen.orders.iter().find(|it| it.id == order);
    match command {
        PoolCommand::Fund {
            funding,
            amount,
            reference,
            reason,
        } => {
            let new = PoolOrder {
                id: order,
                pool: scheme.pool_id,
                kind: funding.kind(),
                amount: *amount,
                reference: reference.clone(),
                reason: reason.clone(),
                ordered: stamp,
                ordered_at: seen.now,
                status: PoolOrderStatus::Pending,
                decided: None,
                posted_after: None,
                settlement: None,
            };
            match known {
                Some(known) => replayed(known, &new),
                None => fund(new, *funding, scheme, seen),
            }
        }
        PoolCommand::Settle { reference, reason } => {
            let settlement = Settlement::of(&scheme.pool, &seen.flows, seen.next.map(|it| it.pool));
            let new = PoolOrder {
                id: order,
                pool: scheme.pool_id,
                kind: PoolOrderKind::Settlement,
                amount: settlement.surplus.max(settlement.shortage),
                reference: reference.clone(),
                reason: reason.clone(),
                ordered: stamp,
                ordered_at: seen.now,
                status: PoolOrderStatus::Pending,
                decided: None,
                posted_after: None,
                settlement: Some(settlement),
            };
            if let Some(known) = known {
                return replayed(known, &new);
            }
            let pending = PoolOrderStatus::Pending;
            let orders = seen.orders.iter().filter(|it| it.status == pending).count();
            if orders > 0 {
                return Err(PoolBlocked::OrderPending { orders });
            }
            settleable(&settlement, scheme, seen)?;
            Ok(PoolDecision::of(new))
        }
        PoolCommand::Confirm => confirm(known, stamp, scheme, seen),
        PoolCommand::Void => {
            let known = known.ok_or(PoolBlocked::OrderUnknown)?;
            match (known.status, stamp) {
                (PoolOrderStatus::Pending, Some(stamp)) => Ok(PoolDecision::of(PoolOrder {
                    status: PoolOrderStatus::Voided,
                    decided: Some(stamp),
                    ..known.clone()
                })),
                (PoolOrderStatus::Voided, Some(stamp)) if is_by(known, &stamp) => {
                    Ok(PoolDecision::again(known.clone()))
                }
                (status, _) => Err(PoolBlocked::OrderDecided { status }),
            }
        }
    }
}

/// Whether it was decided by whoever asks again.
fn is_by(order: &PoolOrder, stamp: &Stamp) -> bool {
    let decided = order.decided.as_ref();
    decided.is_some_and(|it| (it.by, it.on_behalf_of) == (stamp.by, stamp.on_behalf_of))
}

/// The same order again answers the same; another one under its key does not.
fn replayed(known: &PoolOrder, new: &PoolOrder) -> Result<PoolDecision, PoolBlocked> {
    let said = |it: &PoolOrder| {
        let amount = (it.kind != PoolOrderKind::Settlement).then_some(it.amount);
        (it.pool, it.kind, amount, it.reference.clone())
    };
    if said(known) == said(new) && known.reason == new.reason {
        Ok(PoolDecision::again(known.clone()))
    } else {
        Err(PoolBlocked::KeyReused)
    }
}

fn fund(
    new: PoolOrder,
    funding: Funding,
    scheme: &Scheme,
    seen: &PoolSeen,
) -> Result<PoolDecision, PoolBlocked> {
    if new.amount <= Fen::ZERO {
        return Err(PoolBlocked::NotPositive);
    }
    if seen.is_settled() {
        return Err(PoolBlocked::Settled);
    }
    match funding {
        // What the operator enters is there already: nobody confirms it, and it says so.
        Funding::Operator => {
            let posting = Movement::Funded.of(new.amount);
            Ok(PoolDecision {
                postings: vec![(new.pool, posting)],
                ..PoolDecision::of(PoolOrder {
                    status: PoolOrderStatus::Posted,
                    posted_after: Some(seen.log),
                    ..new
                })
            })
        }
        Funding::Premium => {
            let pending = seen.pending(PoolOrderKind::Premium);
            within_premium(new.amount, pending, scheme, seen)?;
            Ok(PoolDecision::of(new))
        }
        Funding::TopUp => Ok(PoolDecision::of(new)),
    }
}

fn within_premium(
    amount: Fen,
    pending: Fen,
    scheme: &Scheme,
    seen: &PoolSeen,
) -> Result<(), PoolBlocked> {
    let taken = plus(seen.flows.premium(), pending);
    let remaining = minus(scheme.pool.premium_total(), taken).max(Fen::ZERO);
    if amount > remaining {
        return Err(PoolBlocked::PremiumExceeded { remaining });
    }
    Ok(())
}

/// Whether the year can be settled now.
fn settleable(
    settlement: &Settlement,
    scheme: &Scheme,
    seen: &PoolSeen,
) -> Result<(), PoolBlocked> {
    let to = scheme.year.to;
    if calendar::legal_day(seen.now) <= to {
        return Err(PoolBlocked::YearNotOver { to });
    }
    let reserved = seen.flows.balance(PoolAccount::Reserved);
    let in_flight = seen.flows.balance(PoolAccount::InFlight);
    if reserved != Fen::ZERO || in_flight != Fen::ZERO {
        return Err(PoolBlocked::NotBalanced {
            reserved,
            in_flight,
            claims: seen.claims.reserved + seen.claims.in_flight,
        });
    }
    let PoolClaims {
        waiting: claims,
        waiting_sum: sum,
        ..
    } = seen.claims;
    if claims > 0 {
        return Err(PoolBlocked::ClaimsWaiting { claims, sum });
    }
    // A settled year is settled once more only for money that came back since.
    if seen.is_settled() && settlement.postings(scheme.pool_id).is_empty() {
        return Err(PoolBlocked::Settled);
    }
    let carries = settlement.surplus_rule == Surplus::CarriedOver && settlement.surplus > Fen::ZERO;
    if carries && seen.next.is_none_or(|it| it.settled) {
        let year = scheme.year.year + 1;
        return Err(PoolBlocked::NextPoolMissing { year });
    }
    Ok(())
}

fn confirm(
    known: Option<&PoolOrder>,
    stamp: Option<Stamp>,
    scheme: &Scheme,
    seen: &PoolSeen,
) -> Result<PoolDecision, PoolBlocked> {
    let known = known.ok_or(PoolBlocked::OrderUnknown)?;
    let status = known.status;
    let stamp = stamp.ok_or(PoolBlocked::SecondPersonRequired)?;
    match status {
        PoolOrderStatus::Pending => {}
        PoolOrderStatus::Posted if is_by(known, &stamp) => {
            return Ok(PoolDecision::again(known.clone()));
        }
        PoolOrderStatus::Posted | PoolOrderStatus::Voided => {
            return Err(PoolBlocked::OrderDecided { status });
        }
    }
    // Invariant 4: two persons, and delegation does not launder it.
    let ordered = known.ordered.as_ref();
    if ordered.is_none_or(|first| stamp.persons().any(|it| first.persons().any(|by| by == it))) {
        return Err(PoolBlocked::SecondPersonRequired);
    }
    let postings = match known.kind.comes_in() {
        None => {
            let settlement = Settlement::of(&scheme.pool, &seen.flows, seen.next.map(|it| it.pool));
            settleable(&settlement, scheme, seen)?;
            if known.settlement != Some(settlement) {
                return Err(PoolBlocked::SettlementChanged);
            }
            settlement.postings(known.pool)
        }
        Some(movement) => {
            if seen.is_settled() {
                return Err(PoolBlocked::Settled);
            }
            if known.kind == PoolOrderKind::Premium {
                within_premium(known.amount, Fen::ZERO, scheme, seen)?;
            }
            vec![(known.pool, movement.of(known.amount))]
        }
    };
    Ok(PoolDecision {
        postings,
        ..PoolDecision::of(PoolOrder {
            status: PoolOrderStatus::Posted,
            decided: Some(stamp),
            posted_after: Some(seen.log),
            ..known.clone()
        })
    })
}

/// A share, rounded half up to a fen.
fn share(amount: Fen, rate: Rate) -> Fen {
    let exact = i128::from(amount.get()) * i128::from(rate.basis_points());
    Fen::new(i64::try_from((exact + 5_000) / 10_000).unwrap_or(i64::MAX))
}

const fn plus(one: Fen, other: Fen) -> Fen {
    Fen::new(one.get().saturating_add(other.get()))
}

const fn minus(one: Fen, other: Fen) -> Fen {
    Fen::new(one.get().saturating_sub(other.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{QueueOrder, YearDate};

    fn day(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2020, month, day).expect("a day")
    }

    fn flows(list: &[(Movement, i64)]) -> Flows {
        let mut flows = Flows::default();
        for (movement, fen) in list {
            flows.add(*movement, Fen::new(*fen));
        }
        flows
    }

    /// Half a fen is rounded up; what came back is no payment.
    #[test]
    fn the_fee_is_a_share_of_what_stayed_paid() {
        let terms = |surplus, shortage| PoolTerms {
            headcount: 10,
            headcount_basis: "农村人口的10%".into(),
            premium: Fen::from_yuan(50),
            fee: Rate::from_basis_points(1_500).expect("a rate"),
            surplus,
            shortage,
            queue_order: QueueOrder::NoticeClosed,
            write_off_max: Fen::ZERO,
        };
        let flows = flows(&[
            (Movement::PremiumPaid, 20),
            (Movement::Reserved, 18),
            (Movement::Instructed, 18),
            (Movement::Paid, 18),
            (Movement::PayReturned, 5),
            (Movement::Released, 5),
            (Movement::Recovered, 3),
        ]);
        let carried = terms(Surplus::CarriedOver, Shortage::CountyTopsUp);
        let settlement = Settlement::of(&carried, &flows, None);
        // 15 % of 10 fen are 1.5 fen; 10 are there.
        assert_eq!(
            (settlement.net_paid, settlement.fee),
            (Fen::new(10), Fen::new(2))
        );
        assert_eq!(
            (settlement.available, settlement.surplus),
            (Fen::new(10), Fen::new(8))
        );
        assert_eq!(settlement.shortage, Fen::ZERO);
        // What is written off of it is paid no fee for, and does not come back.
        let mut written = flows.clone();
        written.add(Movement::WrittenOff, Fen::new(4));
        let settlement = Settlement::of(&carried, &written, None);
        let figures = (settlement.net_paid, settlement.written_off, settlement.fee);
        assert_eq!(figures, (Fen::new(6), Fen::new(4), Fen::new(1)));
        assert_eq!(settlement.available, Fen::new(10));
        // All of it spent: the fee lacks, and comes in before it goes out.
        let mut spent = flows;
        for movement in [Movement::Reserved, Movement::Instructed, Movement::Paid] {
            spent.add(movement, Fen::new(10));
        }
        let pool = SchemeId(Uuid::nil());
        let borne = terms(Surplus::Returned, Shortage::InsurerBears);
        let settlement = Settlement::of(&borne, &spent, None);
        assert_eq!(
            (settlement.fee, settlement.shortage),
            (Fen::new(3), Fen::new(3))
        );
        assert_eq!(
            settlement.postings(pool),
            [
                (pool, Movement::InsurerBore.of(Fen::new(3))),
                (pool, Movement::FeeTaken.of(Fen::new(3))),
            ]
        );
    }

    /// Every settlement leaves nothing available, whatever moved and whatever the rules are.
    #[test]
    fn a_settlement_balances() {
        let rules = [Surplus::CarriedOver, Surplus::Returned];
        let bearers = [Shortage::CountyTopsUp, Shortage::InsurerBears];
        let (pool, next) = (SchemeId(Uuid::nil()), SchemeId(Uuid::max()));
        for (paid, taken) in [(0, 0), (7, 0), (100, 0), (100, 15), (3, 15), (100, 40)] {
            for (surplus, shortage) in rules.iter().flat_map(|it| bearers.map(|by| (*it, by))) {
                let terms = PoolTerms {
                    headcount: 1,
                    headcount_basis: String::new(),
                    premium: Fen::new(100),
                    fee: Rate::from_basis_points(1_500).expect("a rate"),
                    surplus,
                    shortage,
                    queue_order: QueueOrder::NoticeClosed,
                    write_off_max: Fen::ZERO,
                };
                let mut flows = flows(&[
                    (Movement::PremiumPaid, 100 + taken),
                    (Movement::FeeTaken, taken),
                    (Movement::Reserved, paid),
                    (Movement::Instructed, paid),
                    (Movement::Paid, paid),
                ]);
                let settlement = Settlement::of(&terms, &flows, Some(next));
                for (of, posting) in settlement.postings(pool) {
                    let movement = Movement::between(posting.from, posting.to).expect("known");
                    assert_eq!(of == next, movement == Movement::CarriedIn);
                    if of == pool {
                        flows.add(movement, posting.amount);
                    }
                    let available = flows.balance(PoolAccount::Available);
                    assert!(available >= Fen::ZERO, "{settlement:?}");
                }
                assert_eq!(flows.balance(PoolAccount::Available), Fen::ZERO);
                assert_eq!(flows.balance(PoolAccount::Fee), settlement.fee);
            }
        }
    }

    #[test]
    fn a_pool_runs_out_by_a_plain_rule() {
        let year = PolicyYear {
            year: 2020,
            from: day(1, 1),
            to: day(12, 31),
            fixed_by: YearDate::Application,
        };
        let open = |assessed| PoolClaims {
            open: 1,
            assessed: Fen::new(assessed),
            ..PoolClaims::default()
        };
        let on = |spent: i64, assessed: i64, today| {
            let moved = flows(&[(Movement::PremiumPaid, 1_000), (Movement::Reserved, spent)]);
            let forecast = Forecast::of(&moved, &open(assessed), &year, today);
            (forecast.runs_out_on, forecast.lacking.get())
        };
        // Ten days, 10 fen each; 900 are left, 300 of them for open claims: sixty days more.
        assert_eq!(on(100, 300, day(1, 10)), (Some(day(3, 11)), 0));
        // Nothing approved: not this year. The open claims alone are too much: today, and how much lacks.
        assert_eq!(on(0, 300, day(1, 10)), (None, 0));
        assert_eq!(on(100, 901, day(1, 10)), (Some(day(1, 10)), 1));
        // Late in the year the same speed lasts.
        assert_eq!(on(100, 0, day(12, 1)), (None, 0));
        // Whoever waits comes before everything: one fen lacks.
        let moved = flows(&[(Movement::PremiumPaid, 1_000), (Movement::Reserved, 100)]);
        let waits = PoolClaims {
            waiting: 1,
            waiting_sum: Fen::new(601),
            ..open(300)
        };
        let forecast = Forecast::of(&moved, &waits, &year, day(1, 10));
        assert_eq!(forecast.lacking, Fen::new(1));
        assert_eq!(forecast.runs_out_on, Some(day(1, 10)));
        assert_eq!(on(1_000, 0, day(12, 1)), (Some(day(12, 2)), 0));
    }
}
