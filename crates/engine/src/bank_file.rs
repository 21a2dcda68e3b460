//! What a bank's files say (回盘、对账单): every line is set beside what was instructed and lands in a named queue.
//!
//! Reading a file moves no money. Somebody who did not instruct confirms a queue's control totals; then each of its
//! lines is submitted as an ordinary command (confirmation, failure, return, unknown), and what the state machine
//! refuses stays in the queue with the reason. What does not fit is closed by a person with a reason, never by itself.

use crate::caller::{Caller, Scope};
use crate::desk::{Desk, Submission};
use crate::household::holds_private;
use crate::ids;
use crate::limits::BATCH_AT_ONCE;
use crate::payment_batch::{PaymentEnd, Totals};
use crate::ports::{Fault, Outcome, Page, Slice};
use async_trait::async_trait;
use benefits::Fen;
use chrono::SubsecRound;
use futures_util::{StreamExt, stream};
use lifecycle::phase::payout::{BankOutcome, BankSays, Meaning, PaymentStatus, meaning};
use lifecycle::{
    AccountId, Blocked, Claim, ClaimId, Command, CountyCode, OrgId, Param, Stamp, State,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

lifecycle::coded! {
    /// The queue a line lands in.
    LineClass {
        /// It arrived, as instructed.
        Confirmed = "CONFIRMED" "到账",
        /// It failed.
        Failed = "FAILED" "失败",
        /// It came back.
        Returned = "RETURNED" "退票",
        /// Nobody knows.
        Unknown = "UNKNOWN" "结果不明",
        /// Another amount than instructed.
        WrongAmount = "WRONG_AMOUNT" "金额不符",
        /// Told before, by this file or another.
        Duplicate = "DUPLICATE" "重复",
        /// Instructed by the batch, and the file does not name it.
        Missing = "MISSING" "缺行",
        /// No instruction of this number is known.
        UnknownReference = "UNKNOWN_REFERENCE" "无此指令",
        /// It cannot be true together with what was proved before.
        Contradiction = "CONTRADICTION" "相互矛盾",
    }
}

lifecycle::coded! {
    /// What was done about a line.
    LineState {
        /// Nothing yet.
        Open = "OPEN" "待处理",
        /// Its command was accepted.
        Posted = "POSTED" "已入账",
        /// A person closed it, with a reason.
        Closed = "CLOSED" "已关闭",
    }
}

lifecycle::coded! {
    /// The form of a bank's file.
    BankForm {
        /// The bank's result of a batch, a spreadsheet.
        ResultList = "RESULT_LIST" "代发结果表",
        /// ISO 20022 bank-to-customer statement.
        Camt053 = "CAMT_053" "camt.053对账单",
        /// SWIFT customer statement.
        Mt940 = "MT_940" "MT940对账单",
    }
}

/// A line as the bank wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the file, from 1.
    pub line_no: u32,
    /// The number of the instruction, if it names one.
    pub instruction_no: Option<String>,
    /// Fen, if it says.
    pub amount: Option<Fen>,
    /// What it says.
    pub said: BankSays,
    /// The bank's own reference.
    pub bank_ref: String,
    /// Its reason.
    pub reason: String,
}

/// An instruction as it stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instructed {
    /// Its number.
    pub instruction_no: String,
    /// The claim.
    pub claim: ClaimId,
    /// Fen.
    pub amount: Fen,
    /// How it stands.
    pub status: PaymentStatus,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFile {
    /// Its id.
    pub id: Uuid,
    /// The county.
    pub county: CountyCode,
    /// The insurer whose bank wrote it.
    pub insurer: OrgId,
    /// The account that brought it.
    pub account: AccountId,
    /// Who brought it, when.
    pub read: Stamp,
    /// What it was called.
    pub name: String,
    /// Its form.
    pub form: BankForm,
    /// SHA-256 of its bytes: the same file is read once.
    pub hash: String,
    /// The batch it answers, if it answers one.
    pub batch: Option<Uuid>,
    /// Its lines, the missing ones last.
    pub lines: Vec<BankLine>,
}

/// The open lines of each queue that has any, counted.
pub type Queues = BTreeMap<LineClass, Totals>;

/// A line with its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankLine {
    /// What the bank wrote.
    pub told: Told,
    /// The queue.
    pub class: LineClass,
    /// The claim it is about, if one is known.
    pub claim: Option<ClaimId>,
    /// What was done about it.
    pub state: LineState,
    /// Why its command was refused, the last time.
    pub code: Option<String>,
    /// Why it was closed.
    pub note: Option<String>,
    /// Who posted or closed it, when.
    pub decided: Option<Stamp>,
}

/// Bank files on record.
#[async_trait]
pub trait BankFiles: Send + Sync {
    /// The instructions of these numbers, of claims in the scope.
    async fn instructed(&self, scope: &Scope, numbers: &[String])
    -> Result<Vec<Instructed>, Fault>;
    /// What earlier files said of these instructions; lines that were closed do not count.
    async fn told_before(
        &self,
        scope: &Scope,
        numbers: &[String],
    ) -> Result<Vec<(String, BankSays)>, Fault>;
    /// Records a file with its lines; whether it is new. The same bytes of the same insurer are one file.
    async fn put_bank_file(&self, file: &BankFile) -> Result<bool, Fault>;
    /// A file in the scope, with its lines.
    async fn bank_file(&self, scope: &Scope, id: Uuid) -> Result<Option<BankFile>, Fault>;
    /// A file in the scope by the hash of its bytes.
    async fn bank_file_by_hash(&self, scope: &Scope, hash: &str)
    -> Result<Option<BankFile>, Fault>;
    /// A page of files in the scope, by time: each without its lines, and with its queues.
    async fn bank_files(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(BankFile, Queues)>, Fault>;
    /// Records what was done about an open line; whether it was open.
    async fn decide_bank_line(
        &self,
        county: CountyCode,
        file: Uuid,
        line: &BankLine,
    ) -> Result<bool, Fault>;
}

/// The queue of a line, from what it says and how the payment stands.
fn class_of(says: BankSays, stands: PaymentStatus) -> LineClass {
    match meaning(says, stands) {
        Meaning::Known => LineClass::Duplicate,
        Meaning::Contradiction => LineClass::Contradiction,
        // What is early waits in its queue: posted too soon, it is refused and stays.
        Meaning::News | Meaning::Early => match says {
            BankSays::Settled => LineClass::Confirmed,
            BankSays::Failed => LineClass::Failed,
            BankSays::Returned => LineClass::Returned,
            BankSays::Unknown => LineClass::Unknown,
        },
    }
}

/// Whether two things that are said of one payment cannot both be true.
const fn contradict(one: BankSays, other: BankSays) -> bool {
    matches!(
        (one, other),
        (BankSays::Settled | BankSays::Returned, BankSays::Failed)
            | (BankSays::Failed, BankSays::Settled | BankSays::Returned)
    )
}

/// Sets each line of a file beside what was instructed. `expected` are the instructions of the batch that the file
/// answers: those it does not name are missing.
pub fn classify(
    lines: Vec<Told>,
    known: &[Instructed],
    before: &[(String, BankSays)],
    expected: &[Instructed],
) -> Vec<BankLine> {
    let known: HashMap<&str, &Instructed> = known
        .iter()
        .map(|it| (it.instruction_no.as_str(), it))
        .collect();
    let mut said: HashMap<String, Vec<BankSays>> = HashMap::new();
    for (number, what) in before {
        said.entry(number.clone()).or_default().push(*what);
    }
    let mut named = HashSet::new();
    let mut last = 0;
    let mut classified: Vec<BankLine> = lines
        .into_iter()
        .map(|told| {
            last = last.max(told.line_no);
            let number = told.instruction_no.clone().unwrap_or_default();
            let found = known.get(number.as_str()).copied();
            let class = match found {
                None => LineClass::UnknownReference,
                Some(payment) => {
                    named.insert(number.clone());
                    let earlier = said.entry(number).or_default();
                    let must_say = matches!(told.said, BankSays::Settled | BankSays::Returned);
                    let amount_fits = match told.amount {
                        Some(amount) => amount == payment.amount,
                        None => !must_say,
                    };
                    if !amount_fits {
                        LineClass::WrongAmount
                    } else if earlier.contains(&told.said) {
                        LineClass::Duplicate
                    } else if earlier.iter().any(|it| contradict(*it, told.said)) {
                        LineClass::Contradiction
                    } else {
                        earlier.push(told.said);
                        class_of(told.said, payment.status)
                    }
                }
            };
            BankLine {
                told,
                class,
                claim: found.map(|it| it.claim),
                state: LineState::Open,
                code: None,
                note: None,
                decided: None,
            }
        })
        .collect();
    let missing = expected
        .iter()
        .filter(|it| !named.contains(&it.instruction_no));
    for (payment, line_no) in missing.zip(last + 1..) {
        classified.push(BankLine {
            told: Told {
                line_no,
                instruction_no: Some(payment.instruction_no.clone()),
                amount: Some(payment.amount),
                said: BankSays::Unknown,
                bank_ref: String::new(),
                reason: String::new(),
            },
            class: LineClass::Missing,
            claim: Some(payment.claim),
            state: LineState::Open,
            code: None,
            note: None,
            decided: None,
        });
    }
    classified
}

/// What a file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankOrder {
    /// The id it will have.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// Its form.
    pub form: BankForm,
    /// SHA-256 of its bytes.
    pub hash: String,
    /// The batch it answers.
    pub batch: Option<Uuid>,
    /// Its lines.
    pub lines: Vec<Told>,
}

/// Why a queue is not posted, or a line not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankRefusal {
    /// Lines of this queue are closed by a person, not posted.
    NotPosted(LineClass),
    /// The totals are others than those confirmed.
    Totals(Totals),
    /// The line is not open.
    NotOpen,
    /// There is no such batch.
    NoBatch,
    /// Only an insurer's people read its bank's files.
    NoInsurer,
    /// The key read other bytes.
    KeyReused,
}

impl BankRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPosted(_) => "QUEUE_NOT_POSTED",
            Self::Totals(_) => "TOTALS_DIFFER",
            Self::NotOpen => "LINE_NOT_OPEN",
            Self::NoBatch | Self::NoInsurer => "NOT_FOUND",
            Self::KeyReused => "KEY_REUSED",
        }
    }

    /// The parameters of its message.
    pub fn params(&self) -> Vec<(&'static str, Param)> {
        match self {
            Self::NotPosted(class) => vec![("class", Param::Text(class.code().into()))],
            Self::Totals(totals) => totals.params(),
            Self::NotOpen | Self::NoBatch | Self::NoInsurer | Self::KeyReused => Vec::new(),
        }
    }
}

impl BankFile {
    /// The open lines of a queue, counted.
    pub fn open(&self, class: LineClass) -> Totals {
        let lines = self.lines.iter();
        let open = lines.filter(|it| it.class == class && it.state == LineState::Open);
        Totals::of(open.map(|it| it.told.amount.unwrap_or_default())).unwrap_or_default()
    }

    /// Its queues with their open lines, those that have any.
    pub fn queues(&self) -> Queues {
        let counted = LineClass::ALL
            .iter()
            .map(|class| (*class, self.open(*class)));
        counted.filter(|(_, totals)| totals.count > 0).collect()
    }
}

/// What a bank wrote, without private data: a reason may repeat an account.
fn without_private(mut told: Told) -> Told {
    if holds_private(&told.reason) {
        "(含隐私信息,已略)".clone_into(&mut told.reason);
    }
    told
}

/// Why a line of an earlier instruction is not posted while another one stands.
const ANOTHER: Blocked = Blocked::Mismatch {
    field: "instructionNo",
};

/// Whether another instruction of the claim stands than the one the line is about: of that one it says nothing. Not
/// every command names its instruction, so it is asked here for all.
fn is_about_another(claim: &Claim, line: &BankLine) -> bool {
    claim.state.instructed().is_some_and(|stands| {
        Some(&stands.instruction.instruction_no) != line.told.instruction_no.as_ref()
    })
}

/// The command that a line stands for, as the claim stands; `None` where it says what is so already.
fn command_of(claim: &Claim, line: &BankLine) -> Option<Command> {
    let told = &line.told;
    let instruction_no = told.instruction_no.clone().unwrap_or_default();
    let amount = told.amount.unwrap_or_default();
    let bank_ref = told.bank_ref.clone();
    let texts = [&*told.reason, &*told.bank_ref, told.said.zh()];
    // A reference may look like an account, which no reason holds.
    let reason = texts
        .into_iter()
        .find(|it| !it.trim().is_empty() && !holds_private(it));
    let reason = reason.unwrap_or_default().to_owned();
    let unknown = matches!(claim.state, State::PayUnknown(_));
    match (line.class, &claim.state) {
        (LineClass::Confirmed, State::Paid(paid)) if paid.bank_ref == bank_ref => None,
        (LineClass::Failed, State::PayFailed(failed)) if failed.reason == reason => None,
        (LineClass::Returned, State::PayReturned(back)) if back.bank_ref == bank_ref => None,
        (LineClass::Confirmed, _) if unknown => Some(Command::ReconcilePayout {
            outcome: BankOutcome::Settled { amount, bank_ref },
        }),
        (LineClass::Failed, _) if unknown => Some(Command::ReconcilePayout {
            outcome: BankOutcome::Failed { bank_ref: reason },
        }),
        (LineClass::Confirmed, _) => Some(Command::ConfirmPayout {
            instruction_no,
            amount,
            bank_ref,
        }),
        (LineClass::Failed, _) => Some(Command::ReportPayoutFailure {
            instruction_no,
            reason,
        }),
        (LineClass::Returned, _) => Some(Command::ReportPayoutReturned {
            instruction_no,
            amount,
            bank_ref,
        }),
        (LineClass::Unknown, State::PayUnknown(_))
        | (
            LineClass::WrongAmount
            | LineClass::Duplicate
            | LineClass::Missing
            | LineClass::UnknownReference
            | LineClass::Contradiction,
            _,
        ) => None,
        (LineClass::Unknown, _) => Some(Command::MarkPayoutUnknown { reason }),
    }
}

impl LineClass {
    /// Whether lines of this queue are posted: as commands, when somebody confirms the totals.
    pub const fn is_posted(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::Failed | Self::Returned | Self::Unknown
        )
    }
}

impl Desk {
    /// Reads a bank's file: each line into its queue. The same bytes again are the file that stands.
    pub async fn read_bank_file(
        &self,
        caller: &Caller,
        order: BankOrder,
    ) -> Result<Result<BankFile, BankRefusal>, Fault> {
        let (store, scope) = (self.store(), &caller.scope);
        let Some(insurer) = scope.insurer else {
            return Ok(Err(BankRefusal::NoInsurer));
        };
        if let Some(known) = store.bank_file_by_hash(scope, &order.hash).await? {
            return Ok(Ok(known));
        }
        let expected = match order.batch {
            None => Vec::new(),
            Some(batch) => match store.payment_batch(scope, batch).await? {
                None => return Ok(Err(BankRefusal::NoBatch)),
                Some(batch) => {
                    let lines = batch.lines.iter();
                    let instructed = lines.filter(|it| it.end == PaymentEnd::Instructed);
                    let numbers: Vec<String> = instructed
                        .filter_map(|it| it.instruction_no.clone())
                        .collect();
                    store.instructed(scope, &numbers).await?
                }
            },
        };
        let lines: Vec<Told> = order.lines.into_iter().map(without_private).collect();
        let numbers: HashSet<String> = lines
            .iter()
            .filter_map(|it| it.instruction_no.clone())
            .collect();
        let numbers: Vec<String> = numbers.into_iter().collect();
        let known = store.instructed(scope, &numbers).await?;
        let before = store.told_before(scope, &numbers).await?;
        let file = BankFile {
            id: order.id,
            county: scope.county,
            insurer,
            account: caller.account,
            read: self.stamp(caller),
            name: order.name,
            form: order.form,
            hash: order.hash,
            batch: order.batch,
            lines: classify(lines, &known, &before, &expected),
        };
        if store.put_bank_file(&file).await? {
            return Ok(Ok(file));
        }
        // Somebody brought the same file at the same time, or the id is another file's.
        let known = store.bank_file_by_hash(scope, &file.hash).await?;
        Ok(known.ok_or(BankRefusal::KeyReused))
    }

    /// Submits the open lines of a queue, for whoever confirms their totals; `None` if there is no such file in the
    /// scope. What is refused stays open, with the reason.
    pub async fn post_bank_lines(
        &self,
        caller: &Caller,
        id: Uuid,
        class: LineClass,
        confirmed: Totals,
    ) -> Result<Option<Result<BankFile, BankRefusal>>, Fault> {
        let (store, scope) = (self.store(), &caller.scope);
        let Some(file) = store.bank_file(scope, id).await? else {
            return Ok(None);
        };
        if !class.is_posted() {
            return Ok(Some(Err(BankRefusal::NotPosted(class))));
        }
        let open = file.open(class);
        if open != confirmed {
            return Ok(Some(Err(BankRefusal::Totals(open))));
        }
        let lines = file.lines.into_iter();
        let open: Vec<BankLine> = lines
            .filter(|it| it.class == class && it.state == LineState::Open)
            .collect();
        let mut work = stream::iter(open)
            .map(|line| self.post_line(caller, id, line))
            .buffer_unordered(BATCH_AT_ONCE);
        while let Some(done) = work.next().await {
            done?;
        }
        drop(work);
        Ok(store.bank_file(scope, id).await?.map(Ok))
    }

    async fn post_line(
        &self,
        caller: &Caller,
        file: Uuid,
        mut line: BankLine,
    ) -> Result<(), Fault> {
        let (store, scope) = (self.store(), &caller.scope);
        let claim = match line.claim {
            Some(claim) => store.claim(scope, claim).await?,
            None => None,
        };
        let refused = |code: &str| Some(code.to_owned());
        line.code = match &claim {
            None => refused("NOT_FOUND"),
            Some(claim) if is_about_another(claim, &line) => refused(ANOTHER.code()),
            Some(claim) => match command_of(claim, &line) {
                None => None,
                Some(command) => {
                    let name = format!("{file}/{}/{}", line.told.line_no, claim.version);
                    let submission = Submission {
                        claim: Some((claim.id, claim.version)),
                        key: ids::named("bank-line", &name),
                        command,
                    };
                    match self.submit(caller, submission).await? {
                        Outcome::Done { .. } => None,
                        Outcome::Blocked(blocked) => refused(blocked.code()),
                        Outcome::Stale { .. } | Outcome::KeyReused => refused("STALE_VERSION"),
                        Outcome::NotFound => refused("NOT_FOUND"),
                    }
                }
            },
        };
        if line.code.is_none() {
            line.state = LineState::Posted;
            line.decided = Some(self.stamp(caller));
        }
        store.decide_bank_line(scope.county, file, &line).await?;
        Ok(())
    }

    /// Closes an open line, with a reason: no money moves. `None` if there is no such line in the scope.
    pub async fn close_bank_line(
        &self,
        caller: &Caller,
        id: Uuid,
        line_no: u32,
        note: String,
    ) -> Result<Option<Result<BankFile, BankRefusal>>, Fault> {
        let (store, scope) = (self.store(), &caller.scope);
        let Some(file) = store.bank_file(scope, id).await? else {
            return Ok(None);
        };
        let line = file.lines.iter().find(|it| it.told.line_no == line_no);
        let Some(line) = line else {
            return Ok(None);
        };
        let closed = BankLine {
            state: LineState::Closed,
            note: Some(note),
            decided: Some(self.stamp(caller)),
            ..line.clone()
        };
        if line.state != LineState::Open
            || !store.decide_bank_line(scope.county, id, &closed).await?
        {
            return Ok(Some(Err(BankRefusal::NotOpen)));
        }
        Ok(store.bank_file(scope, id).await?.map(Ok))
    }

    /// Who acts now.
    pub(crate) fn stamp(&self, caller: &Caller) -> Stamp {
        Stamp {
            by: caller.person,
            on_behalf_of: caller.on_behalf_of,
            at: self.clock().now().trunc_subsecs(6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(number: &str, status: PaymentStatus) -> Instructed {
        Instructed {
            instruction_no: number.into(),
            claim: ClaimId(Uuid::from_u128(1)),
            amount: Fen::new(500_000),
            status,
        }
    }

    fn told(line_no: u32, number: &str, said: BankSays, amount: Option<i64>) -> Told {
        Told {
            line_no,
            instruction_no: (!number.is_empty()).then(|| number.into()),
            amount: amount.map(Fen::new),
            said,
            bank_ref: format!("B{line_no}"),
            reason: String::new(),
        }
    }

    fn classes(
        lines: Vec<Told>,
        before: &[(String, BankSays)],
        status: PaymentStatus,
    ) -> Vec<LineClass> {
        let known = [known("A", status)];
        let lines = classify(lines, &known, before, &[]);
        lines.into_iter().map(|it| it.class).collect()
    }

    /// Every pair of what is said and how the payment stands has its queue.
    #[test]
    fn each_line_has_its_queue() {
        use LineClass as C;
        let stands = PaymentStatus::ALL;
        for (said, expected) in [
            (
                BankSays::Settled,
                [
                    C::Confirmed,
                    C::Confirmed,
                    C::Duplicate,
                    C::Contradiction,
                    C::Duplicate,
                    C::Duplicate,
                ],
            ),
            (
                BankSays::Failed,
                [
                    C::Failed,
                    C::Failed,
                    C::Contradiction,
                    C::Duplicate,
                    C::Contradiction,
                    C::Contradiction,
                ],
            ),
            (
                BankSays::Returned,
                [
                    C::Returned,
                    C::Returned,
                    C::Returned,
                    C::Contradiction,
                    C::Duplicate,
                    C::Contradiction,
                ],
            ),
            (
                BankSays::Unknown,
                [
                    C::Unknown,
                    C::Duplicate,
                    C::Contradiction,
                    C::Contradiction,
                    C::Contradiction,
                    C::Contradiction,
                ],
            ),
        ] {
            for (status, class) in stands.iter().zip(expected) {
                let line = told(1, "A", said, Some(500_000));
                assert_eq!(
                    classes(vec![line], &[], *status),
                    [class],
                    "{said} {status}"
                );
            }
        }
    }

    #[test]
    fn amounts_references_and_repetitions_are_told_apart() {
        use LineClass as C;
        let lines = vec![
            told(1, "A", BankSays::Settled, Some(500_000)),
            told(2, "A", BankSays::Settled, Some(500_000)),
            told(3, "A", BankSays::Settled, Some(499_999)),
            told(4, "A", BankSays::Settled, None),
            told(5, "B", BankSays::Settled, Some(500_000)),
            told(6, "", BankSays::Settled, Some(500_000)),
            told(7, "A", BankSays::Failed, None),
            told(8, "A", BankSays::Returned, Some(500_000)),
        ];
        let expected = [
            C::Confirmed,
            C::Duplicate,
            C::WrongAmount,
            C::WrongAmount,
            C::UnknownReference,
            C::UnknownReference,
            C::Contradiction,
            C::Returned,
        ];
        assert_eq!(classes(lines, &[], PaymentStatus::Instructed), expected);
        let before = [("A".to_owned(), BankSays::Settled)];
        let lines = vec![
            told(1, "A", BankSays::Settled, Some(500_000)),
            told(2, "A", BankSays::Failed, Some(500_000)),
        ];
        assert_eq!(
            classes(lines, &before, PaymentStatus::Instructed),
            [C::Duplicate, C::Contradiction]
        );
    }

    #[test]
    fn what_the_file_does_not_name_is_missing() {
        let all = [
            known("A", PaymentStatus::Instructed),
            known("B", PaymentStatus::Instructed),
        ];
        let lines = vec![told(7, "A", BankSays::Settled, Some(500_000))];
        let lines = classify(lines, &all, &[], &all);
        let found: Vec<_> = lines
            .iter()
            .map(|it| (it.told.line_no, it.class, it.told.instruction_no.as_deref()))
            .collect();
        let expected = [
            (7, LineClass::Confirmed, Some("A")),
            (8, LineClass::Missing, Some("B")),
        ];
        assert_eq!(found, expected);
    }
}
