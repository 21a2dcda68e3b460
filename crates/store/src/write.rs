//! What a round writes: the rows that follow from its commits, one statement a table.
//!
//! The rows of each event are derived in [`Rows::project`] by an exhaustive match: a new event
//! breaks the build here.

mod retelling;

pub(crate) use retelling::SqlRetelling;

use crate::connect::{Head, execute};
use crate::dialect::{Dialect, instant};
use crate::gather;
use crate::rows;
use benefits::{CapScope, Fen, Schedule};
use chrono::{DateTime, NaiveDate, Utc};
use engine::{Ask, Fault, Receipt, Recorded, ids};
use lifecycle::calendar::{end_of, legal_day};
use lifecycle::phase::approval::Approved;
use lifecycle::pool::Waiting;
use lifecycle::{
    AccountId, BillKey, Claim, ClaimId, CommandKind, CountyCode, Event, Happening, HouseholdId,
    MemberId, NoticeId, ObjectionId, OrgId, PayeeId, PaymentId, PersonId, PoolAccount, Posting,
    RunningShare, Scheme, SchemeId, State,
};
use sea_orm::DatabaseTransaction;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// The statements of the write path, made once.
pub(crate) struct Texts {
    pub(crate) gather: String,
    pub(crate) bills: String,
    pub(crate) head_begin: String,
    pub(crate) head_lock: String,
    pub(crate) head_move: String,
    claim_insert: String,
    claim_update: String,
    event: String,
    receipt: String,
    core: String,
    refusal: String,
    counter: String,
    living_drop: String,
    living_insert: String,
    notice_insert: String,
    notice_update: String,
    objection_insert: String,
    objection_update: String,
    letter_insert: String,
    appeal_insert: String,
    appeal_update: String,
    payment_insert: String,
    payment_update: String,
    bill_drop: String,
    bill_insert: String,
    transfer: String,
    pool: String,
    pub(crate) queue: String,
    queue_leave: String,
    queue_join: String,
    recovery: String,
    total_begin: String,
    total_add: String,
    approval_insert: String,
    approval_end: String,
}

const CLAIM: &[&str] = &[
    "county_code",
    "id",
    "follows_id",
    "first_id",
    "number",
    "version",
    "status",
    "phase",
    "peril",
    "scheme_id",
    "insurer_id",
    "household_id",
    "insured_id",
    "payee_id",
    "village",
    "event_on",
    "policy_year",
    "submitted_fen",
    "assessed_fen",
    "uplift_fen",
    "approved_fen",
    "referrer_id",
    "surveyor_id",
    "approver_id",
    "second_approver_id",
    "payer_id",
    "due_on",
    "opened_at",
    "updated_at",
    "body",
];

/// What an event may change in the row of a claim.
const CLAIM_CHANGES: &[&str] = &[
    "version",
    "status",
    "phase",
    "peril",
    "insured_id",
    "payee_id",
    "event_on",
    "submitted_fen",
    "assessed_fen",
    "uplift_fen",
    "approved_fen",
    "referrer_id",
    "surveyor_id",
    "approver_id",
    "second_approver_id",
    "payer_id",
    "due_on",
    "updated_at",
    "body",
];

/// What the decision of an appeal changes in its row.
const APPEAL_DECISION: &[&str] = &["status", "decided_by", "decided_for", "decided_at"];

const EVENT: &[&str] = &[
    "county_code",
    "county_seq",
    "claim_id",
    "version",
    "kind",
    "actor_id",
    "at",
    "event",
    "seen",
    "previous_hash",
    "hash",
];

const RECEIPT: &[&str] = &[
    "county_code",
    "account_id",
    "idempotency_key",
    "fingerprint",
    "claim_id",
    "version",
    "county_seq",
    "kind",
    "at",
];

/// Moves the head of the log on; its five parameters begin at `first`.
fn head_move(dialect: Dialect, first: u8) -> String {
    let [seq, hash, at, county, before] = [0, 1, 2, 3, 4].map(|more| first + more);
    let cast = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => "::timestamptz",
    };
    format!(
        "UPDATE county_head SET last_seq = ${seq}, last_hash = ${hash}, last_at = ${at}{cast} \
         WHERE county_code = ${county} AND last_seq = ${before}"
    )
}

impl Texts {
    pub(crate) fn of(dialect: Dialect) -> Self {
        let by_id = &["county_code", "id"];
        let by_claim = &["county_code", "claim_id"];
        let claims = |table: &str| {
            let rows = dialect.rows(1, table, by_claim);
            format!(
                "DELETE FROM {table} WHERE (county_code, claim_id) IN (SELECT county_code, claim_id FROM {rows} AS r)"
            )
        };
        let changes: Vec<String> = CLAIM_CHANGES.iter().map(|it| format!("r.{it}")).collect();
        let changes: Vec<(&str, &str)> = CLAIM_CHANGES
            .iter()
            .copied()
            .zip(changes.iter().map(String::as_str))
            .collect();
        let claim_update = |parameter| {
            dialect.update(
                parameter,
                "claim",
                &["county_code", "id"],
                &changes,
                CLAIM_CHANGES,
                "claim.version = r.version - 1",
            )
        };
        let claim_insert = |parameter| dialect.insert(parameter, "claim", CLAIM);
        let event = |parameter| dialect.insert(parameter, "claim_event", EVENT);
        let receipt = |parameter| dialect.insert(parameter, "receipt", RECEIPT);
        Self {
            gather: gather::text(dialect),
            bills: gather::bills_text(dialect),
            head_begin: "INSERT INTO county_head (county_code, last_seq, last_hash) VALUES ($1, 0, '') ON CONFLICT (county_code) DO NOTHING".into(),
            head_lock: match dialect {
                Dialect::Sqlite => "SELECT last_seq, last_hash, last_at FROM county_head WHERE county_code = $1".into(),
                Dialect::Postgres => "SELECT last_seq, last_hash, last_at FROM county_head WHERE county_code = $1 FOR UPDATE".into(),
            },
            head_move: head_move(dialect, 1),
            claim_insert: claim_insert(1),
            claim_update: claim_update(1),
            event: event(1),
            receipt: receipt(1),
            core: core_text(
                &claim_insert(1),
                &claim_update(2),
                &event(3),
                &receipt(4),
                &head_move(dialect, 5),
            ),
            refusal: dialect.insert(1, "refusal", &["county_code", "id", "claim_id", "account_id", "command", "code", "at"]),
            counter: format!(
                "{} ON CONFLICT (county_code, policy_year) DO UPDATE SET last_number = excluded.last_number",
                dialect.insert(1, "claim_counter", &["county_code", "policy_year", "last_number"])
            ),
            living_drop: claims("living_event"),
            living_insert: dialect.insert(1, "living_event", &[
                "county_code", "insured_id", "peril", "event_on", "claim_id", "first_id", "place", "is_advance", "policy_year", "held_fen",
                "benefit_fen", "advanced_fen", "netted_fen", "loss_fen", "submitted_fen",
            ]),
            notice_insert: dialect.insert(1, "notice", &[
                "county_code", "id", "claim_id", "content_hash", "posted_on", "last_day", "opened_at",
                "closes_at", "proofs_min", "proofs", "status",
            ]),
            notice_update: dialect.update(
                1,
                "notice",
                by_id,
                &[
                    ("status", "COALESCE(r.status, notice.status)"),
                    ("closed_at", "COALESCE(r.closed_at, notice.closed_at)"),
                    ("voided_at", "r.voided_at"),
                    ("proofs", "notice.proofs + r.proofs"),
                ],
                &["claim_id", "status", "closed_at", "voided_at", "proofs"],
                "notice.claim_id = r.claim_id",
            ),
            objection_insert: dialect.insert(1, "objection", &["county_code", "id", "claim_id", "status", "raised_at"]),
            objection_update: dialect.update(
                1,
                "objection",
                &["county_code", "id", "claim_id"],
                &[("status", "r.status"), ("resolved_at", "r.resolved_at")],
                &["status", "resolved_at"],
                "objection.status = 'OPEN'",
            ),
            letter_insert: dialect.insert(1, "refusal_letter", &[
                "county_code", "claim_id", "refusal_no", "kind", "content_hash", "due_on", "delivered_on", "delivery",
                "appeal_ends_at", "issued_by", "issued_for", "issued_at",
            ]),
            appeal_insert: dialect.insert(1, "appeal", &[
                "county_code", "claim_id", "refusal_no", "status", "refused_by", "refused_for", "lodged_by", "lodged_for", "lodged_at",
            ]),
            appeal_update: dialect.update(
                1,
                "appeal",
                &["county_code", "claim_id", "refusal_no"],
                &[
                    ("status", "r.status"),
                    ("decided_by", "r.decided_by"),
                    ("decided_for", "r.decided_for"),
                    ("decided_at", "r.decided_at"),
                ],
                APPEAL_DECISION,
                "appeal.status = 'OPEN'",
            ),
            payment_insert: dialect.insert(1, "payment", &[
                "county_code", "id", "claim_id", "instruction_no", "amount_fen", "payee_id", "status", "instructed_at",
            ]),
            payment_update: dialect.update(
                1,
                "payment",
                by_id,
                &[("status", "r.status"), ("settled_at", "r.settled_at")],
                &["claim_id", "status", "settled_at"],
                "payment.claim_id = r.claim_id",
            ),
            bill_drop: claims("bill"),
            bill_insert: dialect.insert(1, "bill", &["county_code", "bill_key", "claim_id"]),
            transfer: dialect.insert(1, "transfer", &[
                "county_code", "id", "scheme_id", "debit", "credit", "amount_fen", "claim_id", "county_seq", "at",
            ]),
            pool: dialect.update(
                1,
                "pool_account",
                &["county_code", "scheme_id", "account"],
                &[("balance_fen", "pool_account.balance_fen + r.balance_fen")],
                &["balance_fen"],
                "true",
            ),
            queue: "SELECT CAST(claim_id AS TEXT) AS claim_id, rank FROM pool_queue \
                WHERE county_code = $1 AND scheme_id = $2 AND left_at IS NULL ORDER BY rank LIMIT $3".into(),
            queue_leave: dialect.update(
                1,
                "pool_queue",
                by_claim,
                &[("left_at", "r.left_at")],
                &["left_at"],
                "pool_queue.left_at IS NULL",
            ),
            queue_join: format!(
                "{} ON CONFLICT (county_code, claim_id) DO UPDATE SET rank = excluded.rank, \
                amount_fen = excluded.amount_fen, queued_at = excluded.queued_at, left_at = NULL",
                dialect.insert(1, "pool_queue", &[
                    "county_code", "claim_id", "scheme_id", "rank", "amount_fen", "queued_at",
                ])
            ),
            recovery: dialect.insert(1, "recovery", &[
                "county_code", "claim_id", "line_no", "kind", "amount_fen", "bank_ref", "proposed_by", "recorded_by", "recorded_at",
            ]),
            total_begin: {
                let columns = &["county_code", "policy_year", "peril", "subject_kind", "subject_id"];
                let list = columns.join(", ");
                let rows = dialect.rows(1, "running_total", columns);
                format!("INSERT INTO running_total ({list}, used_fen, loss_fen) SELECT {list}, 0, 0 FROM {rows} AS r WHERE true ON CONFLICT ({list}) DO NOTHING")
            },
            total_add: dialect.update(
                1,
                "running_total",
                &["county_code", "policy_year", "peril", "subject_kind", "subject_id"],
                &[
                    ("used_fen", "running_total.used_fen + r.used_fen"),
                    ("loss_fen", "running_total.loss_fen + r.loss_fen"),
                    ("cap_fen", "COALESCE(r.cap_fen, running_total.cap_fen)"),
                ],
                &["used_fen", "loss_fen", "cap_fen"],
                "true",
            ),
            approval_insert: dialect.insert(1, "approval", &[
                "county_code", "claim_id", "approved_at", "approved_on", "household_id", "amount_fen", "payee_id", "dossier_hash",
                "approved_by", "approved_for", "second_by", "second_for",
            ]),
            approval_end: dialect.update(
                1,
                "approval",
                &["county_code", "claim_id", "approved_at"],
                &[("ended_at", "r.ended_at")],
                &["ended_at"],
                "approval.ended_at IS NULL",
            ),
        }
    }
}

#[cfg(test)]
impl Texts {
    /// Every statement that looks rows up or changes them, with the number of its parameters.
    pub(crate) fn lookups(&self) -> [(&str, usize); 24] {
        [
            (&self.gather, 1),
            (&self.bills, 2),
            (&self.head_lock, 1),
            (&self.head_move, 5),
            (&self.claim_insert, 1),
            (&self.claim_update, 1),
            (&self.event, 1),
            (&self.receipt, 1),
            (&self.living_drop, 1),
            (&self.living_insert, 1),
            (&self.notice_update, 1),
            (&self.objection_update, 1),
            (&self.appeal_update, 1),
            (&self.payment_update, 1),
            (&self.bill_drop, 1),
            (&self.pool, 1),
            (&self.queue, 3),
            (&self.queue_leave, 1),
            (&self.queue_join, 1),
            (&self.recovery, 1),
            (&self.total_begin, 1),
            (&self.total_add, 1),
            (&self.transfer, 1),
            (&self.approval_end, 1),
        ]
    }

    /// The statement of every round on `PostgreSQL`.
    pub(crate) fn round(&self) -> &str {
        &self.core
    }
}

/// The four writes of every round as one statement: `PostgreSQL` pays for each round trip.
/// `$5` to `$9` are those of [`head_move`].
fn core_text(insert: &str, update: &str, event: &str, receipt: &str, head: &str) -> String {
    format!(
        "WITH begun AS ({insert} RETURNING 1), moved AS ({update} RETURNING 1), logged AS ({event} RETURNING 1), \
         answered AS ({receipt} RETURNING 1), head AS ({head} RETURNING 1) \
         SELECT (SELECT count(*) FROM begun) AS begun, (SELECT count(*) FROM moved) AS moved, \
         (SELECT count(*) FROM logged) AS logged, (SELECT count(*) FROM answered) AS answered, \
         (SELECT count(*) FROM head) AS head"
    )
}

/// One judged command, to be written.
pub(crate) struct Item {
    pub(crate) account: AccountId,
    pub(crate) key: Uuid,
    pub(crate) fingerprint: String,
    /// The claim before; `None` if it begins.
    pub(crate) before: Option<Claim>,
    pub(crate) claim: Claim,
    pub(crate) event: Event,
    pub(crate) postings: Vec<Posting>,
    pub(crate) bills: Vec<BillKey>,
    pub(crate) scheme: Arc<Scheme>,
    /// The number taken, if the claim begins.
    pub(crate) number: Option<u32>,
    pub(crate) body_text: String,
    pub(crate) event_text: String,
    pub(crate) seen_text: String,
}

impl Item {
    /// What the event adds to the running totals of person and household; may be negative.
    pub(crate) fn change(&self) -> RunningShare {
        let before = self.before.as_ref().map(Claim::counted);
        self.claim.counted().since(before.unwrap_or_default())
    }

    /// The approvals that stand before and after, where the event changes which.
    pub(crate) fn approvals(&self) -> (Option<&Approved>, Option<&Approved>) {
        let before = self.before.as_ref().and_then(Claim::standing_approval);
        let after = self.claim.standing_approval();
        if before.is_some() == after.is_some() {
            return (None, None);
        }
        (before, after)
    }

    /// The benefit table the claim was assessed by.
    fn table(&self) -> Option<&Schedule> {
        let assessment = self.claim.assessment()?;
        let terms = self.scheme.terms(self.claim.case.peril)?;
        terms.schedule_of(&assessment.schedule_id)
    }
}

/// One command that was blocked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refusal {
    county_code: u32,
    id: Uuid,
    claim_id: ClaimId,
    account_id: AccountId,
    command: &'static str,
    code: &'static str,
    at: String,
}

impl Refusal {
    pub(crate) fn of(ask: &Ask, command: CommandKind, code: &'static str) -> Self {
        Self {
            county_code: ask.county.get(),
            id: ids::fresh(),
            claim_id: ask.target.id(),
            account_id: ask.account,
            command: command.code(),
            code,
            at: instant(ask.now),
        }
    }
}

#[derive(Serialize)]
struct ClaimRow<'a> {
    county_code: u32,
    id: ClaimId,
    follows_id: Option<ClaimId>,
    first_id: Option<ClaimId>,
    number: &'a str,
    version: u32,
    status: &'static str,
    phase: &'static str,
    peril: &'static str,
    scheme_id: SchemeId,
    insurer_id: OrgId,
    household_id: HouseholdId,
    insured_id: MemberId,
    payee_id: PayeeId,
    village: &'a str,
    event_on: NaiveDate,
    policy_year: i32,
    submitted_fen: i64,
    assessed_fen: Option<i64>,
    uplift_fen: i64,
    approved_fen: Option<i64>,
    referrer_id: Option<PersonId>,
    surveyor_id: Option<PersonId>,
    approver_id: Option<PersonId>,
    second_approver_id: Option<PersonId>,
    payer_id: Option<PersonId>,
    due_on: Option<NaiveDate>,
    opened_at: String,
    updated_at: String,
    body: &'a str,
}

/// Who referred, whether or not it has been accepted.
fn referrer(state: &State) -> Option<PersonId> {
    if let State::Referred(referred) = state {
        return Some(referred.referred.by);
    }
    state.accepted().map(|accepted| accepted.referred.by)
}

impl<'a> ClaimRow<'a> {
    fn of(item: &'a Item) -> Self {
        let claim = &item.claim;
        let state = &claim.state;
        let approved = state.approved();
        let uplift = approved.and_then(|it| it.approval.uplift.as_ref());
        let at = instant(item.event.stamp.at);
        Self {
            county_code: claim.county.get(),
            id: claim.id,
            follows_id: claim.follows.as_ref().map(|it| it.claim),
            first_id: claim.follows.as_ref().map(|it| it.first),
            number: &claim.number,
            version: claim.version,
            status: claim.status().code(),
            phase: claim.status().phase().code(),
            peril: claim.case.peril.code(),
            scheme_id: claim.scheme,
            insurer_id: claim.insurer,
            household_id: claim.household,
            insured_id: claim.case.insured,
            payee_id: claim.case.payee,
            village: claim.village.as_str(),
            event_on: claim.case.event_on,
            policy_year: claim.policy_year,
            submitted_fen: claim.case.submitted.get(),
            assessed_fen: claim.assessment().map(|it| it.benefit.get()),
            uplift_fen: uplift.map_or(0, |it| it.amount.get()),
            approved_fen: claim.approved_amount().map(Fen::get),
            referrer_id: referrer(state),
            surveyor_id: state.verifying().map(|it| it.surveyor),
            approver_id: approved.map(|it| it.approval.approved.by),
            second_approver_id: approved.and_then(|it| it.second.as_ref()).map(|it| it.by),
            payer_id: state.instructed().map(|it| it.instruction.instructed.by),
            due_on: claim.due_on(),
            opened_at: at.clone(),
            updated_at: at,
            body: &item.body_text,
        }
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    county_code: u32,
    county_seq: i64,
    claim_id: ClaimId,
    version: u32,
    kind: &'static str,
    actor_id: PersonId,
    at: String,
    event: &'a str,
    seen: &'a str,
    previous_hash: String,
    hash: String,
}

#[derive(Serialize)]
struct ReceiptRow<'a> {
    county_code: u32,
    account_id: AccountId,
    idempotency_key: Uuid,
    fingerprint: &'a str,
    claim_id: ClaimId,
    version: u32,
    county_seq: i64,
    kind: &'static str,
    at: String,
}

#[derive(Serialize)]
struct ClaimKey {
    county_code: u32,
    claim_id: ClaimId,
}

#[derive(Serialize)]
struct CounterRow {
    county_code: u32,
    policy_year: i32,
    last_number: u32,
}

#[derive(PartialEq, Serialize)]
struct LivingRow {
    county_code: u32,
    insured_id: MemberId,
    peril: &'static str,
    event_on: NaiveDate,
    claim_id: ClaimId,
    first_id: ClaimId,
    place: u16,
    is_advance: u8,
    policy_year: i32,
    held_fen: i64,
    benefit_fen: i64,
    advanced_fen: i64,
    netted_fen: i64,
    loss_fen: i64,
    submitted_fen: i64,
}

impl LivingRow {
    fn of(claim: &Claim) -> Option<Self> {
        let counted = claim.counted_for_event();
        claim.status().is_living().then(|| Self {
            county_code: claim.county.get(),
            insured_id: claim.case.insured,
            peril: claim.case.peril.code(),
            event_on: claim.case.event_on,
            claim_id: claim.id,
            first_id: claim.first_of_event(),
            place: claim.place_in_event(),
            is_advance: u8::from(claim.case.advance),
            policy_year: claim.policy_year,
            held_fen: counted.held.get(),
            benefit_fen: counted.benefit.get(),
            advanced_fen: counted.advanced.get(),
            netted_fen: counted.netted.get(),
            loss_fen: counted.loss.get(),
            submitted_fen: counted.submitted.get(),
        })
    }
}

#[derive(Serialize)]
struct NoticeRow<'a> {
    county_code: u32,
    id: NoticeId,
    claim_id: ClaimId,
    content_hash: &'a str,
    posted_on: NaiveDate,
    last_day: NaiveDate,
    opened_at: String,
    closes_at: String,
    proofs_min: u16,
    proofs: u16,
    status: &'static str,
}

#[derive(Serialize)]
struct NoticeChange {
    county_code: u32,
    id: NoticeId,
    claim_id: ClaimId,
    status: Option<&'static str>,
    closed_at: Option<String>,
    voided_at: Option<String>,
    proofs: u16,
}

#[derive(Serialize)]
struct ObjectionRow {
    county_code: u32,
    id: ObjectionId,
    claim_id: ClaimId,
    status: &'static str,
    raised_at: Option<String>,
    resolved_at: Option<String>,
}

#[derive(Serialize)]
struct LetterRow<'a> {
    county_code: u32,
    claim_id: ClaimId,
    refusal_no: usize,
    kind: &'static str,
    content_hash: &'a str,
    due_on: Option<NaiveDate>,
    delivered_on: NaiveDate,
    delivery: &'static str,
    appeal_ends_at: Option<String>,
    issued_by: PersonId,
    issued_for: Option<PersonId>,
    issued_at: String,
}

#[derive(Serialize)]
struct AppealRow {
    county_code: u32,
    claim_id: ClaimId,
    refusal_no: usize,
    status: &'static str,
    refused_by: PersonId,
    refused_for: Option<PersonId>,
    lodged_by: PersonId,
    lodged_for: Option<PersonId>,
    lodged_at: String,
}

#[derive(Serialize)]
struct AppealChange {
    county_code: u32,
    claim_id: ClaimId,
    refusal_no: usize,
    status: &'static str,
    decided_by: PersonId,
    decided_for: Option<PersonId>,
    decided_at: String,
}

#[derive(Serialize)]
struct PaymentRow<'a> {
    county_code: u32,
    id: PaymentId,
    claim_id: ClaimId,
    instruction_no: &'a str,
    amount_fen: i64,
    payee_id: PayeeId,
    status: &'static str,
    instructed_at: String,
}

#[derive(Serialize)]
struct PaymentChange {
    county_code: u32,
    id: PaymentId,
    claim_id: ClaimId,
    status: &'static str,
    settled_at: Option<String>,
}

#[derive(Serialize)]
struct BillRow<'a> {
    county_code: u32,
    bill_key: &'a BillKey,
    claim_id: ClaimId,
}

#[derive(Serialize)]
struct TransferRow {
    county_code: u32,
    id: Uuid,
    scheme_id: SchemeId,
    debit: &'static str,
    credit: &'static str,
    amount_fen: i64,
    claim_id: ClaimId,
    county_seq: i64,
    at: String,
}

#[derive(Serialize)]
struct QueueRow {
    county_code: u32,
    claim_id: ClaimId,
    scheme_id: SchemeId,
    rank: String,
    amount_fen: i64,
    queued_at: String,
}

#[derive(Serialize)]
struct QueueLeft {
    county_code: u32,
    claim_id: ClaimId,
    left_at: String,
}

#[derive(Serialize)]
struct RecoveryRow<'a> {
    county_code: u32,
    claim_id: ClaimId,
    line_no: usize,
    kind: &'static str,
    amount_fen: i64,
    bank_ref: Option<&'a str>,
    proposed_by: Option<PersonId>,
    proposed_for: Option<PersonId>,
    recorded_by: PersonId,
    recorded_for: Option<PersonId>,
    recorded_at: String,
}

#[derive(Serialize)]
struct PoolRow {
    county_code: u32,
    scheme_id: SchemeId,
    account: &'static str,
    balance_fen: i64,
}

/// An approval, by the instant at which it was complete.
#[derive(Serialize)]
struct ApprovalRow<'a> {
    county_code: u32,
    claim_id: ClaimId,
    approved_at: String,
    approved_on: NaiveDate,
    household_id: HouseholdId,
    amount_fen: i64,
    payee_id: PayeeId,
    dossier_hash: &'a str,
    approved_by: PersonId,
    approved_for: Option<PersonId>,
    second_by: Option<PersonId>,
    second_for: Option<PersonId>,
}

#[derive(Serialize)]
struct ApprovalEnd {
    county_code: u32,
    claim_id: ClaimId,
    approved_at: String,
    ended_at: String,
}

/// Whose running total, in which year and peril.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TotalKey {
    pub(crate) policy_year: i32,
    pub(crate) peril: &'static str,
    pub(crate) subject_kind: &'static str,
    pub(crate) subject: Uuid,
}

/// The running totals a claim adds to: the person's and the household's.
pub(crate) fn total_keys(claim: &Claim) -> [(TotalKey, CapScope); 2] {
    let key = |subject_kind, subject| TotalKey {
        policy_year: claim.policy_year,
        peril: claim.case.peril.code(),
        subject_kind,
        subject,
    };
    [
        (key("PERSON", claim.case.insured.0), CapScope::PersonYear),
        (key("HOUSEHOLD", claim.household.0), CapScope::HouseholdYear),
    ]
}

#[derive(Serialize)]
struct TotalRow {
    county_code: u32,
    policy_year: i32,
    peril: &'static str,
    subject_kind: &'static str,
    subject_id: Uuid,
    used_fen: i64,
    loss_fen: i64,
    cap_fen: Option<i64>,
}

/// The rows of a batch of commits, table by table.
#[derive(Default)]
struct Rows<'a> {
    begun: Vec<ClaimRow<'a>>,
    moved: Vec<ClaimRow<'a>>,
    events: Vec<EventRow<'a>>,
    receipts: Vec<ReceiptRow<'a>>,
    counters: BTreeMap<i32, CounterRow>,
    living_dropped: Vec<ClaimKey>,
    living: Vec<LivingRow>,
    notices: Vec<NoticeRow<'a>>,
    notice_changes: Vec<NoticeChange>,
    objections: Vec<ObjectionRow>,
    objection_changes: Vec<ObjectionRow>,
    letters: Vec<LetterRow<'a>>,
    appeals: Vec<AppealRow>,
    appeal_changes: Vec<AppealChange>,
    payments: Vec<PaymentRow<'a>>,
    payment_changes: Vec<PaymentChange>,
    bills_dropped: Vec<ClaimKey>,
    bills: Vec<BillRow<'a>>,
    queue_left: Vec<QueueLeft>,
    queue: Vec<QueueRow>,
    recoveries: Vec<RecoveryRow<'a>>,
    transfers: Vec<TransferRow>,
    pools: BTreeMap<(SchemeId, PoolAccount), PoolRow>,
    totals: BTreeMap<TotalKey, TotalRow>,
    approvals: Vec<ApprovalRow<'a>>,
    approvals_ended: Vec<ApprovalEnd>,
}

fn out_of_range(table: &'static str) -> Fault {
    rows::impossible(table, "fen", &"", "out of range")
}

/// The head of a county's log, as a row.
#[derive(Serialize)]
struct HeadRow<'a> {
    county_code: u32,
    last_seq: i64,
    last_hash: &'a str,
    last_at: Option<String>,
}

impl<'a> HeadRow<'a> {
    fn of(county: CountyCode, head: &'a Head) -> Self {
        Self {
            county_code: county.get(),
            last_seq: head.last_seq,
            last_hash: &head.last_hash,
            last_at: head.last_at.map(instant),
        }
    }
}

/// What an event does to the claim's live notice and payment.
struct Course {
    notice: Option<NoticeStep>,
    payment: Option<&'static str>,
}

enum NoticeStep {
    Proved,
    Closed,
    /// The claim went where the notice does not count any more.
    Left,
}

impl<'a> Rows<'a> {
    fn add(&mut self, item: &'a Item, county_seq: i64) -> Result<(), Fault> {
        let row = ClaimRow::of(item);
        if item.before.is_some() {
            self.moved.push(row);
        } else {
            self.begun.push(row);
        }
        let county_code = item.claim.county.get();
        if let Some(number) = item.number {
            let policy_year = item.claim.policy_year;
            self.counters.insert(
                policy_year,
                CounterRow {
                    county_code,
                    policy_year,
                    last_number: number,
                },
            );
        }
        self.receipts.push(ReceiptRow {
            county_code,
            account_id: item.account,
            idempotency_key: item.key,
            fingerprint: &item.fingerprint,
            claim_id: item.claim.id,
            version: item.claim.version,
            county_seq,
            kind: item.event.what.kind().code(),
            at: instant(item.event.stamp.at),
        });
        self.project(item);
        self.approval(item);
        self.release(item);
        self.line_up(item);
        self.money(item, county_seq)
    }

    /// The rows beside the claim that follow from the event.
    fn project(&mut self, item: &'a Item) {
        let (claim, event) = (&item.claim, &item.event);
        let (county_code, claim_id) = (claim.county.get(), claim.id);
        let at = event.stamp.at;
        let nothing = Course {
            notice: None,
            payment: None,
        };
        let notice = |step| Course {
            notice: Some(step),
            payment: None,
        };
        let payment = |status| Course {
            notice: None,
            payment: Some(status),
        };
        let course = match &event.what {
            Happening::PublicNoticeOpened {
                notice,
                line: _,
                content_hash,
                posted_on,
                last_day,
                closes_at,
            } => {
                self.notices.push(NoticeRow {
                    county_code,
                    id: *notice,
                    claim_id,
                    content_hash,
                    posted_on: *posted_on,
                    last_day: *last_day,
                    opened_at: instant(at),
                    closes_at: instant(*closes_at),
                    proofs_min: item.scheme.notice.proofs_min,
                    proofs: 0,
                    status: "OPEN",
                });
                nothing
            }
            Happening::PublicationProved { .. } => notice(NoticeStep::Proved),
            Happening::NoticeClosed => notice(NoticeStep::Closed),
            Happening::ObjectionRaised {
                objection,
                grounds: _,
            } => {
                self.objections.push(ObjectionRow {
                    county_code,
                    id: *objection,
                    claim_id,
                    status: "OPEN",
                    raised_at: Some(instant(at)),
                    resolved_at: None,
                });
                nothing
            }
            Happening::ObjectionUpheld {
                objection,
                findings: _,
            } => {
                self.resolve(claim, *objection, "UPHELD", at);
                notice(NoticeStep::Left)
            }
            Happening::ObjectionDismissed {
                objection,
                findings: _,
            } => {
                self.resolve(claim, *objection, "DISMISSED", at);
                nothing
            }
            Happening::ClaimSentBack { .. }
            | Happening::PayeeChanged { .. }
            | Happening::ClaimWithdrawn { .. } => notice(NoticeStep::Left),
            Happening::PayoutInstructed {
                payment,
                instruction_no,
                amount,
                payee,
            } => {
                self.payments.push(PaymentRow {
                    county_code,
                    id: *payment,
                    claim_id,
                    instruction_no,
                    amount_fen: amount.get(),
                    payee_id: *payee,
                    status: "INSTRUCTED",
                    instructed_at: instant(at),
                });
                nothing
            }
            Happening::PayoutConfirmed { .. } => payment("PAID"),
            Happening::PayoutFailed { .. } => payment("FAILED"),
            Happening::PayoutReturned { .. } => payment("RETURNED"),
            Happening::PayoutUnknown { .. } => payment("UNKNOWN"),
            Happening::RecoveryRecorded { amount, bank_ref } => {
                self.recover(item, *amount, Some(bank_ref));
                nothing
            }
            Happening::RecoveryCompleted { bank_ref } => {
                let rest = item.before.as_ref().and_then(Claim::outstanding);
                self.recover(item, rest.unwrap_or_default(), Some(bank_ref));
                payment("RECOVERED")
            }
            Happening::RecoveryWrittenOff => {
                self.recover(item, claim.outstanding().unwrap_or_default(), None);
                payment("WRITTEN_OFF")
            }
            Happening::VerificationRecorded { .. } => {
                self.bills_dropped.push(ClaimKey {
                    county_code,
                    claim_id,
                });
                self.bills.extend(item.bills.iter().map(|bill_key| BillRow {
                    county_code,
                    bill_key,
                    claim_id,
                }));
                nothing
            }
            Happening::ReferralDrafted(_)
            | Happening::ReferralAmended { .. }
            | Happening::CaseReferred
            | Happening::ReferralReturned { .. }
            | Happening::ReferralAccepted
            | Happening::SurveyAssigned { .. }
            | Happening::FindingRecorded { .. }
            | Happening::DocumentAttached { .. }
            | Happening::DeclaredIneligible { .. }
            | Happening::NoticePreviewed { .. }
            | Happening::CountyReviewed
            | Happening::FirstApprovalGiven { .. }
            | Happening::ClaimApproved { .. }
            | Happening::SecondApprovalGiven { .. }
            | Happening::ApprovalQueued { .. }
            | Happening::SecondApprovalQueued { .. }
            | Happening::WaitingReserved
            | Happening::ClaimRejected { .. }
            | Happening::WriteOffProposed { .. }
            | Happening::PayeeConfirmed { .. }
            | Happening::PayoutReinstated
            | Happening::ClaimClosed { .. }
            | Happening::RecoveryStarted { .. } => nothing,
            Happening::RefusalLetterIssued {
                letter,
                content_hash,
                delivery,
                handed_to: _,
            } => {
                self.letters.push(LetterRow {
                    county_code,
                    claim_id,
                    refusal_no: claim.refusals.len(),
                    kind: letter.kind().code(),
                    content_hash,
                    due_on: item
                        .claim
                        .refusals
                        .last()
                        .and_then(|it| it.standing_letter().1),
                    delivered_on: letter.delivered_on,
                    delivery: delivery.code(),
                    appeal_ends_at: letter.appeal_until.map(|day| instant(end_of(day))),
                    issued_by: event.stamp.by,
                    issued_for: event.stamp.on_behalf_of,
                    issued_at: instant(at),
                });
                nothing
            }
            Happening::AppealLodged { grounds: _ } => {
                if let Some(refusal) = claim.refusals.last() {
                    self.appeals.push(AppealRow {
                        county_code,
                        claim_id,
                        refusal_no: claim.refusals.len(),
                        status: "OPEN",
                        refused_by: refusal.decided.by,
                        refused_for: refusal.decided.on_behalf_of,
                        lodged_by: event.stamp.by,
                        lodged_for: event.stamp.on_behalf_of,
                        lodged_at: instant(at),
                    });
                }
                nothing
            }
            Happening::AppealUpheld { findings: _ } => {
                self.settle(claim, event, "UPHELD");
                // The notice of a claim that was rejected after it.
                notice(NoticeStep::Left)
            }
            Happening::AppealDismissed { .. } => {
                self.settle(claim, event, "DISMISSED");
                nothing
            }
        };
        self.follow(item, course);
    }

    fn follow(&mut self, item: &Item, course: Course) {
        let (county_code, claim_id) = (item.claim.county.get(), item.claim.id);
        let at = instant(item.event.stamp.at);
        let before = item.before.as_ref().map(|before| &before.state);
        // A claim that leaves for verification or withdrawal may not have had a notice.
        let posted = before.and_then(State::notice).map(|open| open.notice.id);
        if let (Some(step), Some(id)) = (course.notice, posted) {
            let (status, closed_at, voided_at, proofs) = match step {
                NoticeStep::Proved => (None, None, None, 1),
                NoticeStep::Closed => (Some("CLOSED"), Some(at.clone()), None, 0),
                NoticeStep::Left => (Some("VOID"), None, Some(at.clone()), 0),
            };
            self.notice_changes.push(NoticeChange {
                county_code,
                id,
                claim_id,
                status,
                closed_at,
                voided_at,
                proofs,
            });
        }
        let instructed = before.and_then(State::instructed);
        if let (Some(status), Some(instructed)) = (course.payment, instructed) {
            self.payment_changes.push(PaymentChange {
                county_code,
                id: instructed.instruction.payment,
                claim_id,
                status,
                settled_at: (status != "UNKNOWN").then_some(at),
            });
        }
    }

    /// An approval that came to stand, or stands no more.
    fn approval(&mut self, item: &'a Item) {
        let claim = &item.claim;
        let (county_code, claim_id) = (claim.county.get(), claim.id);
        let (before, after) = item.approvals();
        if let Some(approved) = before {
            self.approvals_ended.push(ApprovalEnd {
                county_code,
                claim_id,
                approved_at: instant(approved.completed().at),
                ended_at: instant(item.event.stamp.at),
            });
        }
        if let Some(approved) = after {
            let at = approved.completed().at;
            let Approved {
                approval, second, ..
            } = approved;
            self.approvals.push(ApprovalRow {
                county_code,
                claim_id,
                approved_at: instant(at),
                approved_on: legal_day(at),
                household_id: claim.household,
                amount_fen: approval.amount.get(),
                payee_id: approval.payee,
                dossier_hash: &approval.dossier.hash,
                approved_by: approval.approved.by,
                approved_for: approval.approved.on_behalf_of,
                second_by: second.as_ref().map(|it| it.by),
                second_for: second.as_ref().and_then(|it| it.on_behalf_of),
            });
        }
    }

    fn resolve(&mut self, claim: &Claim, id: ObjectionId, status: &'static str, at: DateTime<Utc>) {
        self.objection_changes.push(ObjectionRow {
            county_code: claim.county.get(),
            id,
            claim_id: claim.id,
            status,
            raised_at: None,
            resolved_at: Some(instant(at)),
        });
    }

    fn settle(&mut self, claim: &Claim, event: &Event, status: &'static str) {
        self.appeal_changes.push(AppealChange {
            county_code: claim.county.get(),
            claim_id: claim.id,
            refusal_no: claim.refusals.len(),
            status,
            decided_by: event.stamp.by,
            decided_for: event.stamp.on_behalf_of,
            decided_at: instant(event.stamp.at),
        });
    }

    /// Event and bills of a claim that no longer lives; the event of one that begins, moved or counts for another sum.
    fn release(&mut self, item: &Item) {
        let claim = &item.claim;
        let (county_code, claim_id) = (claim.county.get(), claim.id);
        let key = || ClaimKey {
            county_code,
            claim_id,
        };
        let held = item.before.as_ref().and_then(LivingRow::of);
        let holds = LivingRow::of(claim);
        if held == holds {
            return;
        }
        if held.is_some() {
            self.living_dropped.push(key());
        }
        match holds {
            Some(row) => self.living.push(row),
            None => self.bills_dropped.push(key()),
        }
    }

    /// The place of a claim that begins or ends to wait for money.
    fn line_up(&mut self, item: &Item) {
        let (county_code, claim_id) = (item.claim.county.get(), item.claim.id);
        let waited = item.before.as_ref().and_then(Waiting::of);
        match (waited, Waiting::of(&item.claim)) {
            (Some(_), None) => self.queue_left.push(QueueLeft {
                county_code,
                claim_id,
                left_at: instant(item.event.stamp.at),
            }),
            (None, Some(waiting)) => self.queue.push(QueueRow {
                county_code,
                claim_id,
                scheme_id: item.scheme.pool_id,
                rank: waiting.rank,
                amount_fen: waiting.amount.get(),
                queued_at: instant(waiting.queued_at),
            }),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    /// A line of a recovery: what came back under a reference, or what will not.
    fn recover(&mut self, item: &'a Item, amount: Fen, bank_ref: Option<&'a String>) {
        let before = item.before.as_ref().and_then(|it| it.state.recovering());
        let proposed = before.and_then(|it| it.write_off.as_ref());
        let proposed = proposed
            .filter(|_| bank_ref.is_none())
            .map(|it| &it.proposed);
        self.recoveries.push(RecoveryRow {
            county_code: item.claim.county.get(),
            claim_id: item.claim.id,
            line_no: before.map_or(0, |it| it.instalments.len()) + 1,
            kind: if bank_ref.is_some() {
                "INSTALMENT"
            } else {
                "WRITE_OFF"
            },
            amount_fen: amount.get(),
            bank_ref: bank_ref.map(String::as_str),
            proposed_by: proposed.map(|it| it.by),
            proposed_for: proposed.and_then(|it| it.on_behalf_of),
            recorded_by: item.event.stamp.by,
            recorded_for: item.event.stamp.on_behalf_of,
            recorded_at: instant(item.event.stamp.at),
        });
    }

    fn money(&mut self, item: &Item, county_seq: i64) -> Result<(), Fault> {
        let claim = &item.claim;
        let county_code = claim.county.get();
        for posting in &item.postings {
            let Posting { from, to, amount } = *posting;
            self.transfers.push(TransferRow {
                county_code,
                id: ids::fresh(),
                scheme_id: item.scheme.pool_id,
                debit: from.code(),
                credit: to.code(),
                amount_fen: amount.get(),
                claim_id: claim.id,
                county_seq,
                at: instant(item.event.stamp.at),
            });
            self.balance(&item.scheme, from, -amount.get())?;
            self.balance(&item.scheme, to, amount.get())?;
        }
        let change = item.change();
        if change.is_nothing() {
            return Ok(());
        }
        for (key, scope) in total_keys(claim) {
            self.total(item, key, scope, change)?;
        }
        Ok(())
    }

    fn balance(&mut self, scheme: &Scheme, account: PoolAccount, fen: i64) -> Result<(), Fault> {
        let row = self
            .pools
            .entry((scheme.pool_id, account))
            .or_insert_with(|| PoolRow {
                county_code: scheme.county.get(),
                scheme_id: scheme.pool_id,
                account: account.code(),
                balance_fen: 0,
            });
        row.balance_fen = row
            .balance_fen
            .checked_add(fen)
            .ok_or_else(|| out_of_range("pool_account"))?;
        Ok(())
    }

    fn total(
        &mut self,
        item: &Item,
        key: TotalKey,
        scope: CapScope,
        change: RunningShare,
    ) -> Result<(), Fault> {
        let row = self.totals.entry(key).or_insert_with(|| TotalRow {
            county_code: item.claim.county.get(),
            policy_year: key.policy_year,
            peril: key.peril,
            subject_kind: key.subject_kind,
            subject_id: key.subject,
            used_fen: 0,
            loss_fen: 0,
            cap_fen: None,
        });
        let add = |stands: i64, more: Fen| stands.checked_add(more.get());
        row.used_fen =
            add(row.used_fen, change.benefit).ok_or_else(|| out_of_range("running_total"))?;
        row.loss_fen =
            add(row.loss_fen, change.loss).ok_or_else(|| out_of_range("running_total"))?;
        if change.benefit.get() > 0 {
            // The cap of the table that reserves; a release keeps what stands.
            let cap = item
                .table()
                .into_iter()
                .flat_map(|schedule| &schedule.caps)
                .filter(|cap| cap.scope == scope)
                .map(|cap| cap.limit.get())
                .min();
            row.cap_fen = cap.or(row.cap_fen);
        }
        Ok(())
    }
}

fn json<T: Serialize>(rows: &T) -> Result<String, Fault> {
    serde_json::to_string(rows).map_err(|fault| Fault::store("writing rows", fault))
}

/// The connection a batch is written through.
pub(crate) struct Pen<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) texts: &'a Texts,
    pub(crate) transaction: &'a DatabaseTransaction,
    pub(crate) county: CountyCode,
}

impl Pen<'_> {
    /// Writes commits and refusals after the head of the log; gives the receipts and the new head.
    pub(crate) async fn write(
        &self,
        head: &Head,
        items: &[&Item],
        refusals: &[&Refusal],
    ) -> Result<(Vec<Receipt>, Head), Fault> {
        let mut written = Rows::default();
        let mut receipts = Vec::with_capacity(items.len());
        let mut now = head.clone();
        for item in items {
            let county_seq = now.last_seq + 1;
            let claim = &item.claim;
            let hash = Recorded::hash_of(
                &now.last_hash,
                county_seq,
                claim.id,
                claim.version,
                &item.event_text,
                &item.seen_text,
            );
            written.events.push(EventRow {
                county_code: claim.county.get(),
                county_seq,
                claim_id: claim.id,
                version: claim.version,
                kind: item.event.what.kind().code(),
                actor_id: item.event.stamp.by,
                at: instant(item.event.stamp.at),
                event: &item.event_text,
                seen: &item.seen_text,
                previous_hash: std::mem::replace(&mut now.last_hash, hash.clone()),
                hash,
            });
            now.last_seq = county_seq;
            now.last_at = Some(item.event.stamp.at);
            written.add(item, county_seq)?;
            receipts.push(Receipt {
                claim: claim.id,
                version: claim.version,
                county_seq,
                event: item.event.what.kind(),
                recorded_at: item.event.stamp.at,
            });
        }
        let texts = self.texts;
        self.table("refusal", &texts.refusal, refusals).await?;
        if !items.is_empty() {
            self.rows(head, &now, &written).await?;
        }
        Ok((receipts, now))
    }

    /// The order matters: the guards of a claim's new status look at notices, objections, letters, appeals,
    /// payments, approvals, recoveries and at who has left the queue; what refers to a claim that begins comes after it.
    async fn rows(&self, head: &Head, now: &Head, written: &Rows<'_>) -> Result<(), Fault> {
        let texts = self.texts;
        self.table("payment", &texts.payment_insert, &written.payments)
            .await?;
        self.table("payment", &texts.payment_update, &written.payment_changes)
            .await?;
        self.table("notice", &texts.notice_insert, &written.notices)
            .await?;
        self.table("notice", &texts.notice_update, &written.notice_changes)
            .await?;
        self.table("objection", &texts.objection_insert, &written.objections)
            .await?;
        self.table(
            "objection",
            &texts.objection_update,
            &written.objection_changes,
        )
        .await?;
        self.table("refusal_letter", &texts.letter_insert, &written.letters)
            .await?;
        self.table("appeal", &texts.appeal_insert, &written.appeals)
            .await?;
        self.table("appeal", &texts.appeal_update, &written.appeal_changes)
            .await?;
        self.table("approval", &texts.approval_end, &written.approvals_ended)
            .await?;
        self.table("approval", &texts.approval_insert, &written.approvals)
            .await?;
        self.table("pool_queue", &texts.queue_leave, &written.queue_left)
            .await?;
        self.table("recovery", &texts.recovery, &written.recoveries)
            .await?;
        match self.dialect {
            Dialect::Sqlite => self.core_sqlite(head, now, written).await?,
            Dialect::Postgres => self.core_postgres(head, now, written).await?,
        }
        self.table("pool_queue", &texts.queue_join, &written.queue)
            .await?;
        let counters: Vec<&CounterRow> = written.counters.values().collect();
        self.table("claim_counter", &texts.counter, &counters)
            .await?;
        self.drop(&texts.living_drop, &written.living_dropped)
            .await?;
        self.table("living_event", &texts.living_insert, &written.living)
            .await?;
        self.drop(&texts.bill_drop, &written.bills_dropped).await?;
        self.table("bill", &texts.bill_insert, &written.bills)
            .await?;
        let pools: Vec<&PoolRow> = written.pools.values().collect();
        self.table("pool_account", &texts.pool, &pools).await?;
        self.table("transfer", &texts.transfer, &written.transfers)
            .await?;
        let totals: Vec<&TotalRow> = written.totals.values().collect();
        self.drop(&texts.total_begin, &totals).await?;
        self.table("running_total", &texts.total_add, &totals).await
    }

    async fn core_sqlite(&self, head: &Head, now: &Head, written: &Rows<'_>) -> Result<(), Fault> {
        let texts = self.texts;
        self.table("claim", &texts.claim_insert, &written.begun)
            .await?;
        self.table("claim", &texts.claim_update, &written.moved)
            .await?;
        self.table("claim_event", &texts.event, &written.events)
            .await?;
        self.table("receipt", &texts.receipt, &written.receipts)
            .await?;
        let statement = self.dialect.statement(
            &texts.head_move,
            [
                now.last_seq.into(),
                now.last_hash.as_str().into(),
                self.dialect.at_or_null(now.last_at),
                rows::county(self.county),
                head.last_seq.into(),
            ],
        );
        let touched = execute(self.transaction, "county_head", statement).await?;
        rows::sure("county_head", touched, 1)
    }

    async fn core_postgres(
        &self,
        head: &Head,
        now: &Head,
        written: &Rows<'_>,
    ) -> Result<(), Fault> {
        use sea_orm::ConnectionTrait;
        let statement = self.dialect.statement(
            &self.texts.core,
            [
                json(&written.begun)?.into(),
                json(&written.moved)?.into(),
                json(&written.events)?.into(),
                json(&written.receipts)?.into(),
                now.last_seq.into(),
                now.last_hash.as_str().into(),
                self.dialect.at_or_null(now.last_at),
                rows::county(self.county),
                head.last_seq.into(),
            ],
        );
        let row = self
            .transaction
            .query_one_raw(statement)
            .await
            .map_err(|fault| rows::refused("claim", fault))?
            .ok_or_else(|| rows::missing("claim", "the count of rows"))?;
        for (column, expected) in [
            ("begun", written.begun.len()),
            ("moved", written.moved.len()),
            ("logged", written.events.len()),
            ("answered", written.receipts.len()),
            ("head", 1),
        ] {
            let touched: i64 = rows::get(&row, column)?;
            let touched: u64 = rows::whole("claim", column, &"", touched)?;
            rows::sure(column, touched, expected)?;
        }
        Ok(())
    }

    /// One statement for all rows of a table; each row must be touched.
    async fn table<T: Serialize>(
        &self,
        table: &'static str,
        text: &str,
        list: &[T],
    ) -> Result<(), Fault> {
        if list.is_empty() {
            return Ok(());
        }
        let statement = self.dialect.statement(text, [json(&list)?.into()]);
        let touched = execute(self.transaction, table, statement).await?;
        rows::sure(table, touched, list.len())
    }

    /// Like `table`, where a row may be there or not.
    async fn drop<T: Serialize>(&self, text: &str, list: &[T]) -> Result<(), Fault> {
        if list.is_empty() {
            return Ok(());
        }
        let statement = self.dialect.statement(text, [json(&list)?.into()]);
        execute(self.transaction, "releasing", statement)
            .await
            .map(drop)
    }
}
