//! Payment batches (批量代发): approved claims that are chosen together and instructed one by one.
//!
//! A batch moves no money by itself. Whoever confirms its control totals has each line submitted as an ordinary
//! `InstructPayout`: whether it may be paid is judged again on that day, in the transaction that writes the
//! instruction. What was chosen stays: a claim that moved on since is not paid by this batch. A line's key follows
//! from the batch, so a batch that was broken off goes on where it stood.

use crate::caller::{Caller, Scope};
use crate::desk::{Desk, Submission};
use crate::disclosure::{PrivateSubject, Purpose, Revealed};
use crate::household::BankAccount;
use crate::ids;
use crate::limits::{BATCH_AT_ONCE, PAGE_MAX, PAYMENT_BATCH_MAX, PAYMENTS_AT_ONCE};
use crate::ports::{ClaimFilter, Fault, Outcome, Page, Slice};
use async_trait::async_trait;
use benefits::Fen;
use futures_util::{StreamExt, stream};
use lifecycle::{
    AccountId, Blocked, Claim, ClaimId, Command, CountyCode, HouseholdId, OrgId, Param, PayeeId,
    SchemeId, Stamp, State, Status,
};
use std::collections::HashSet;
use uuid::Uuid;

lifecycle::coded! {
    /// What became of a line of a batch.
    PaymentEnd {
        /// It was chosen.
        Waiting = "WAITING" "待下达",
        /// Its instruction is written.
        Instructed = "INSTRUCTED" "已下达",
        /// It may not be paid, or was changed since it was chosen.
        Failed = "FAILED" "未通过",
        /// There is nothing to pay any more: paid otherwise, withdrawn.
        Skipped = "SKIPPED" "已跳过",
    }
}

/// Number and sum of payments, as bank and payer compare them (控制总数).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many.
    pub count: u32,
    /// Fen together.
    pub sum: Fen,
}

impl Totals {
    /// The totals of some amounts; `None` beyond what can be counted.
    pub fn of(amounts: impl IntoIterator<Item = Fen>) -> Option<Self> {
        amounts
            .into_iter()
            .try_fold(Self::default(), |so_far, amount| {
                Some(Self {
                    count: so_far.count.checked_add(1)?,
                    sum: so_far.sum.checked_add(amount)?,
                })
            })
    }

    /// The parameters of a refusal that tells them.
    pub(crate) fn params(self) -> Vec<(&'static str, Param)> {
        vec![
            ("count", Param::Number(i64::from(self.count))),
            ("sum", Param::Money(self.sum)),
        ]
    }
}

/// The account that pays: the insurer's own (付款账户), as it stands in the order to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// Its holder.
    pub name: String,
    /// Its number.
    pub account: String,
    /// Its bank.
    pub bank: String,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentBatch {
    /// Its id.
    pub id: Uuid,
    /// The county.
    pub county: CountyCode,
    /// The scheme version whose claims it pays.
    pub scheme: SchemeId,
    /// The insurer that pays.
    pub insurer: OrgId,
    /// The account that chose, and alone instructs it: keys belong to accounts.
    pub account: AccountId,
    /// Who chose, when.
    pub made: Stamp,
    /// The account that pays.
    pub payer: Payer,
    /// Its lines, by number from 1.
    pub lines: Vec<PaymentLine>,
}

/// A line: one claim, as it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLine {
    /// Its number, from 1.
    pub line_no: u32,
    /// The claim.
    pub claim: ClaimId,
    /// Its number (案号).
    pub number: String,
    /// The version that was seen.
    pub version: u32,
    /// Its household.
    pub household: HouseholdId,
    /// To whom.
    pub payee: PayeeId,
    /// Fen, as approved.
    pub amount: Fen,
    /// What became of it.
    pub end: PaymentEnd,
    /// Why it failed or was skipped: the code of the refusal.
    pub code: Option<String>,
    /// The number of the instruction, once it is written.
    pub instruction_no: Option<String>,
}

/// How far a batch is: succeeded + failed + skipped + waiting = selected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines chosen.
    pub selected: Totals,
    /// Lines instructed.
    pub succeeded: Totals,
    /// Lines that may not be paid.
    pub failed: Totals,
    /// Lines with nothing to pay any more.
    pub skipped: Totals,
    /// Lines not yet submitted.
    pub waiting: Totals,
}

impl Tally {
    /// Counts lines that ended so, given together.
    pub fn add(&mut self, end: PaymentEnd, lines: Totals) {
        let of = match end {
            PaymentEnd::Waiting => &mut self.waiting,
            PaymentEnd::Instructed => &mut self.succeeded,
            PaymentEnd::Failed => &mut self.failed,
            PaymentEnd::Skipped => &mut self.skipped,
        };
        for totals in [of, &mut self.selected] {
            totals.count += lines.count;
            // What was chosen was summed before it was stored.
            totals.sum = totals.sum.checked_add(lines.sum).unwrap_or(totals.sum);
        }
    }
}

impl PaymentBatch {
    /// Counts its lines.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for line in &self.lines {
            let (count, sum) = (1, line.amount);
            tally.add(line.end, Totals { count, sum });
        }
        tally
    }
}

/// What a batch is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOrder {
    /// The id it will have; the same again is the same batch.
    pub id: Uuid,
    /// The scheme version.
    pub scheme: SchemeId,
    /// These claims; `None` for all that are approved.
    pub claims: Option<Vec<ClaimId>>,
    /// The account that pays.
    pub payer: Payer,
}

/// Why a batch is not made, or not instructed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchRefusal {
    /// No claim of the scheme is approved and waits for payment.
    NothingApproved,
    /// More than a batch may hold.
    TooMany,
    /// These are not approved claims of the scheme; one that is out of sight has no number.
    NotApproved(Vec<String>),
    /// The totals are others than those confirmed.
    Totals(Totals),
    /// It is another account's.
    NotOwn,
    /// The key made another batch.
    KeyReused,
}

impl BatchRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NothingApproved => "NOTHING_APPROVED",
            Self::TooMany => "BATCH_TOO_LARGE",
            Self::NotApproved(_) => "NOT_APPROVED",
            Self::Totals(_) => "TOTALS_DIFFER",
            Self::NotOwn => "NOT_OWN_BATCH",
            Self::KeyReused => "KEY_REUSED",
        }
    }

    /// The parameters of its message.
    pub fn params(&self) -> Vec<(&'static str, Param)> {
        match self {
            Self::NotApproved(numbers) => {
                let seen = numbers.iter().filter(|it| !it.is_empty());
                let seen: Vec<&str> = seen.map(String::as_str).collect();
                vec![("claims", Param::Text(seen.join("、")))]
            }
            Self::Totals(totals) => totals.params(),
            Self::NothingApproved | Self::TooMany | Self::NotOwn | Self::KeyReused => Vec::new(),
        }
    }
}

/// One payment of a batch, with its account: for the order to the bank.
#[derive(Debug, Clone)]
pub struct ToPay {
    /// The number of the instruction (指令号).
    pub instruction_no: String,
    /// The holder's name.
    pub holder: String,
    /// The account.
    pub account: BankAccount,
    /// Its bank.
    pub bank: String,
    /// Fen.
    pub amount: Fen,
}

/// Why no order to the bank is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderRefusal {
    /// Nothing of the batch is instructed.
    Nothing,
    /// A payee is not known any more.
    PayeeUnknown,
}

impl OrderRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "NOTHING_APPROVED",
            Self::PayeeUnknown => "PAYEE_UNKNOWN",
        }
    }
}

/// Payment batches on record.
#[async_trait]
pub trait PaymentBatches: Send + Sync {
    /// Records a batch; the same id again changes nothing.
    async fn put_payment_batch(&self, batch: &PaymentBatch) -> Result<(), Fault>;
    /// A batch of an insurer in the scope.
    async fn payment_batch(&self, scope: &Scope, id: Uuid) -> Result<Option<PaymentBatch>, Fault>;
    /// A page of batches in the scope, by time: each without its lines, and how far it is.
    async fn payment_batches(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(PaymentBatch, Tally)>, Fault>;
    /// Records what became of a line that waits; a line that has ended stays as it ended.
    async fn end_payment_line(
        &self,
        county: CountyCode,
        batch: Uuid,
        line: &PaymentLine,
    ) -> Result<(), Fault>;
}

/// A claim as it would stand in a batch; `None` if it does not wait for payment.
fn chosen(claim: &Claim) -> Option<PaymentLine> {
    let State::Approved(approved) = &claim.state else {
        return None;
    };
    Some(PaymentLine {
        line_no: 0,
        claim: claim.id,
        number: claim.number.clone(),
        version: claim.version,
        household: claim.household,
        payee: approved.approval.payee,
        amount: approved.approval.amount,
        end: PaymentEnd::Waiting,
        code: None,
        instruction_no: None,
    })
}

/// The number of the instruction that a claim is paid by.
fn instruction_no(claim: &Claim) -> Option<String> {
    match &claim.state {
        State::Instructed(it) => Some(it.instruction.instruction_no.clone()),
        _ => None,
    }
}

impl Desk {
    /// Chooses approved claims for payment. Nothing is instructed yet.
    pub async fn choose_payments(
        &self,
        caller: &Caller,
        order: BatchOrder,
    ) -> Result<Result<PaymentBatch, BatchRefusal>, Fault> {
        let store = self.store();
        if let Some(known) = store.payment_batch(&caller.scope, order.id).await? {
            let lines: HashSet<ClaimId> = known.lines.iter().map(|it| it.claim).collect();
            let claims = order.claims.map(|it| it.into_iter().collect());
            let same = known.scheme == order.scheme
                && known.payer == order.payer
                && claims.is_none_or(|it: HashSet<ClaimId>| it == lines);
            return Ok(same.then_some(known).ok_or(BatchRefusal::KeyReused));
        }
        let Some(scheme) = self.scheme(caller, order.scheme).await? else {
            return Ok(Err(BatchRefusal::NothingApproved));
        };
        let mut lines = match &order.claims {
            Some(ids) => match self.named_payments(caller, order.scheme, ids).await? {
                Ok(lines) => lines,
                Err(refusal) => return Ok(Err(refusal)),
            },
            None => self.approved_payments(caller, order.scheme).await?,
        };
        if lines.len() > PAYMENT_BATCH_MAX {
            return Ok(Err(BatchRefusal::TooMany));
        }
        if lines.is_empty() {
            return Ok(Err(BatchRefusal::NothingApproved));
        }
        for (line, line_no) in lines.iter_mut().zip(1..) {
            line.line_no = line_no;
        }
        if Totals::of(lines.iter().map(|it| it.amount)).is_none() {
            return Ok(Err(BatchRefusal::TooMany));
        }
        let batch = PaymentBatch {
            id: order.id,
            county: caller.scope.county,
            scheme: order.scheme,
            insurer: scheme.insurer,
            account: caller.account,
            made: self.stamp(caller),
            payer: order.payer,
            lines,
        };
        store.put_payment_batch(&batch).await?;
        Ok(Ok(batch))
    }

    async fn named_payments(
        &self,
        caller: &Caller,
        scheme: SchemeId,
        ids: &[ClaimId],
    ) -> Result<Result<Vec<PaymentLine>, BatchRefusal>, Fault> {
        if ids.len() > PAYMENT_BATCH_MAX {
            return Ok(Err(BatchRefusal::TooMany));
        }
        let (mut lines, mut wrong) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for id in ids.iter().filter(|id| seen.insert(**id)) {
            let claim = self.store().claim(&caller.scope, *id).await?;
            let claim = claim.filter(|claim| claim.scheme == scheme);
            match claim.as_ref().and_then(chosen) {
                Some(line) => lines.push(line),
                // One that is out of sight is told like one that does not exist: without a number.
                None => wrong.push(claim.map_or_else(String::new, |it| it.number)),
            }
        }
        Ok(if wrong.is_empty() {
            Ok(lines)
        } else {
            Err(BatchRefusal::NotApproved(wrong))
        })
    }

    async fn approved_payments(
        &self,
        caller: &Caller,
        scheme: SchemeId,
    ) -> Result<Vec<PaymentLine>, Fault> {
        let filter = ClaimFilter {
            statuses: vec![Status::Approved],
            scheme: Some(scheme),
            ..ClaimFilter::default()
        };
        let mut page = Page::first(PAGE_MAX);
        let mut lines = Vec::new();
        loop {
            let slice = self.store().claims(&caller.scope, &filter, &page).await?;
            lines.extend(slice.rows.iter().filter_map(chosen));
            page.after = slice.rows.last().map(|it| it.number.clone());
            if !slice.more || lines.len() > PAYMENT_BATCH_MAX {
                return Ok(lines);
            }
        }
    }

    /// Submits the lines of a batch that wait, for whoever confirms its control totals; `None` if there is no such
    /// batch in the scope. What is more than a call holds waits for the next one.
    pub async fn instruct_payments(
        &self,
        caller: &Caller,
        id: Uuid,
        confirmed: Totals,
    ) -> Result<Option<Result<PaymentBatch, BatchRefusal>>, Fault> {
        let Some(batch) = self.store().payment_batch(&caller.scope, id).await? else {
            return Ok(None);
        };
        if batch.account != caller.account {
            return Ok(Some(Err(BatchRefusal::NotOwn)));
        }
        let selected = batch.tally().selected;
        if selected != confirmed {
            return Ok(Some(Err(BatchRefusal::Totals(selected))));
        }
        let waiting: Vec<PaymentLine> = batch
            .lines
            .into_iter()
            .filter(|it| it.end == PaymentEnd::Waiting)
            .take(PAYMENTS_AT_ONCE)
            .collect();
        let mut work = stream::iter(waiting)
            .map(|line| self.instruct_line(caller, id, line))
            .buffer_unordered(BATCH_AT_ONCE);
        while let Some(done) = work.next().await {
            done?;
        }
        drop(work);
        let batch = self.store().payment_batch(&caller.scope, id).await?;
        Ok(batch.map(Ok))
    }

    /// The payees of what a batch instructed. `plain`: every account is told in the clear, on record first.
    pub async fn payees_of(
        &self,
        caller: &Caller,
        batch: &PaymentBatch,
        plain: bool,
    ) -> Result<Result<Vec<ToPay>, OrderRefusal>, Fault> {
        let homes: HashSet<HouseholdId> = batch.lines.iter().map(|it| it.household).collect();
        let homes: Vec<HouseholdId> = homes.into_iter().collect();
        let homes = self.store().households_by_ids(batch.county, &homes).await?;
        let mut payees = Vec::new();
        for line in &batch.lines {
            let Some(instruction_no) = &line.instruction_no else {
                continue;
            };
            let home = homes.iter().find(|it| it.id == line.household);
            let payee = home.and_then(|it| it.payees.iter().find(|it| it.id == line.payee));
            let Some(payee) = payee else {
                return Ok(Err(OrderRefusal::PayeeUnknown));
            };
            if plain {
                let subject = PrivateSubject::Account(payee.id);
                let reason = format!("代发 {instruction_no}");
                // As many as the batch has: the day's limit is for reading one by one.
                let what = (subject, Purpose::Payment, reason);
                let told = self
                    .told_on_record(caller, line.household, what, u32::MAX)
                    .await?;
                match told {
                    Some(Revealed::Told { .. }) => {}
                    Some(Revealed::Absent | Revealed::DutyMissing | Revealed::Exhausted { .. })
                    | None => {
                        return Ok(Err(OrderRefusal::PayeeUnknown));
                    }
                }
            }
            payees.push(ToPay {
                instruction_no: instruction_no.clone(),
                holder: payee.holder_name.clone(),
                account: payee.account.clone(),
                bank: payee.bank.clone(),
                amount: line.amount,
            });
        }
        Ok(if payees.is_empty() {
            Err(OrderRefusal::Nothing)
        } else {
            Ok(payees)
        })
    }

    async fn instruct_line(
        &self,
        caller: &Caller,
        batch: Uuid,
        mut line: PaymentLine,
    ) -> Result<(), Fault> {
        let key = ids::named("payment-line", &format!("{batch}/{}", line.line_no));
        let submission = Submission {
            claim: Some((line.claim, line.version)),
            key,
            command: Command::InstructPayout {
                payment: Self::ids(caller, key).payment(),
                amount: line.amount,
                payee: line.payee,
            },
        };
        let code = |code: &str| Some(code.to_owned());
        (line.end, line.code) = match self.submit(caller, submission).await? {
            Outcome::Done { claim, .. } => {
                line.instruction_no = instruction_no(&claim);
                (PaymentEnd::Instructed, None)
            }
            Outcome::Blocked(blocked) => {
                let nothing_to_pay = matches!(
                    blocked,
                    Blocked::AlreadyInstructed { .. } | Blocked::InvalidState { .. }
                );
                let end = if nothing_to_pay {
                    PaymentEnd::Skipped
                } else {
                    PaymentEnd::Failed
                };
                (end, code(blocked.code()))
            }
            Outcome::Stale { .. } => {
                let claim = self.store().claim(&caller.scope, line.claim).await?;
                let waits = claim.is_some_and(|it| it.status() == Status::Approved);
                let end = if waits {
                    PaymentEnd::Failed
                } else {
                    PaymentEnd::Skipped
                };
                (end, code("STALE_VERSION"))
            }
            Outcome::NotFound | Outcome::KeyReused => (PaymentEnd::Skipped, code("NOT_FOUND")),
        };
        let county = caller.scope.county;
        self.store().end_payment_line(county, batch, &line).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_counted_or_refused() {
        let totals = Totals::of([Fen::new(1), Fen::new(2_099)]);
        let expected = Totals {
            count: 2,
            sum: Fen::new(2_100),
        };
        assert_eq!(totals, Some(expected));
        assert_eq!(Totals::of([Fen::new(i64::MAX), Fen::new(1)]), None);
    }
}
