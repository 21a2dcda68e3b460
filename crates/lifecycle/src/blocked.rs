//! The "no" to a command: a stable code and parameters, no prose. The prose stands in the
//! gateway's message catalogue, keyed by the code.

use crate::scheme::YearDate;
use crate::{CalendarFault, Check, CommandKind, Duty, NameCheckMeans, Status};
use benefits::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use std::fmt;

/// A parameter of a refusal, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// A code or a short text without private data.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Money.
    Money(Fen),
    /// A legal day.
    Day(NaiveDate),
    /// An instant.
    At(DateTime<Utc>),
}

impl fmt::Display for Param {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Number(number) => number.fmt(out),
            Self::Money(fen) => fen.fmt(out),
            Self::Day(day) => day.fmt(out),
            Self::At(at) => out.write_str(&at.to_rfc3339()),
        }
    }
}

macro_rules! blocked {
    ($($(#[$meta:meta])* $variant:ident = $code:literal { $($field:ident: $type:ty => $param:expr),* },)+) => {
        /// Why a command was not carried out. Nothing was changed.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields are named for what they hold; each variant is documented")]
        pub enum Blocked { $($(#[$meta])* #[doc = concat!("\n\nCode `", $code, "`.")] $variant { $($field: $type),* },)+ }

        impl Blocked {
            /// Every code, for the catalogue.
            pub const CODES: &'static [&'static str] = &[$($code,)+];

            /// The stable code.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $code,)+ }
            }

            /// The parameters, by name.
            pub fn params(&self) -> Vec<(&'static str, Param)> {
                match self { $(Self::$variant { $($field),* } => vec![$((stringify!($field), { let $field = $field.clone(); $param })),*],)+ }
            }
        }
    };
}

blocked! {
    /// The claim's status does not allow the command.
    InvalidState = "INVALID_STATE" { status: Status => Param::Text(status.code().into()), command: CommandKind => Param::Text(command.code().into()) },
    /// The caller holds none of the duties that may give the command.
    DutyMissing = "DUTY_MISSING" { command: CommandKind => Param::Text(command.code().into()) },
    /// The person already acted on this claim in a duty that must be held by somebody else.
    DutyConflict = "DUTY_CONFLICT" { acted_as: &'static str => Param::Text(acted_as.into()) },
    /// The person belongs to, or declared an interest in, the household.
    SelfDealing = "SELF_DEALING" {},
    /// The named surveyor belongs to, or declared an interest in, the household.
    ConflictOfInterest = "CONFLICT_OF_INTEREST" {},
    /// The person named for a task does not hold the duty for it.
    NotQualified = "NOT_QUALIFIED" { duty: Duty => Param::Text(duty.code().into()) },
    /// A value is missing or out of range.
    Validation = "VALIDATION" { field: &'static str => Param::Text(field.into()), reason: &'static str => Param::Text(reason.into()) },
    /// The same event of the same member is already claimed.
    DuplicateEvent = "DUPLICATE_EVENT" { number: String => Param::Text(number) },
    /// The same, but the other claim is out of the caller's sight: its number is not told.
    DuplicateElsewhere = "DUPLICATE_ELSEWHERE" {},
    /// An advance for the same member and peril waits to be settled: the claim must go on with it.
    AdvanceStands = "ADVANCE_STANDS" { number: String => Param::Text(number) },
    /// No village decision is named as the basis of the referral.
    MissingBasis = "MISSING_BASIS" {},
    /// The household is not on the list of monitored households.
    HouseholdNotListed = "HOUSEHOLD_NOT_LISTED" {},
    /// The scheme does not cover the peril or the day.
    NotCovered = "NOT_COVERED" { reason: &'static str => Param::Text(reason.into()) },
    /// A check is recorded out of the scheme's order, or one is still missing.
    CheckOrder = "CHECK_ORDER" { expected: Option<Check> => Param::Text(expected.map_or("NONE", Check::code).into()) },
    /// Required kinds of evidence are missing.
    EvidenceMissing = "EVIDENCE_MISSING" { kinds: Vec<String> => Param::Text(kinds.join(", ")) },
    /// The date that fixes the policy year lies outside it.
    OutsidePolicyYear = "OUTSIDE_POLICY_YEAR" { date: YearDate => Param::Text(date.code().into()), from: NaiveDate => Param::Day(from), to: NaiveDate => Param::Day(to) },
    /// Income was looked into for other months than the scheme counts.
    IncomeWindow = "INCOME_WINDOW" { from: NaiveDate => Param::Day(from), to: NaiveDate => Param::Day(to) },
    /// The income per head lies above the scheme's line.
    OverIncomeLine = "OVER_INCOME_LINE" { line: Fen => Param::Money(line) },
    /// An exclusion was found and not rebutted: the check is not passed.
    FlagStands = "FLAG_STANDS" { flags: Vec<String> => Param::Text(flags.join(", ")) },
    /// Too few persons were present at the evaluation.
    QuorumMissing = "QUORUM_MISSING" { present_min: u16 => Param::Number(i64::from(present_min)) },
    /// The insured member died before the event.
    InsuredDeceased = "INSURED_DECEASED" { died_on: NaiveDate => Param::Day(died_on) },
    /// The payee has died.
    PayeeDeceased = "PAYEE_DECEASED" {},
    /// Whether others compensated the loss was not stated (state it, also when it is nothing).
    OtherCompensationRequired = "OTHER_COMPENSATION_REQUIRED" {},
    /// A bill was compensated before, by this or another claim.
    BillTaken = "BILL_TAKEN" { bills: usize => Param::Number(i64::try_from(bills).unwrap_or(i64::MAX)) },
    /// The assessed benefit is zero: nothing to post or pay.
    NoBenefit = "NO_BENEFIT" {},
    /// The benefit could not be computed.
    AssessmentFailed = "ASSESSMENT_FAILED" { reason: String => Param::Text(reason) },
    /// The payee's change awaits a second person.
    PayeeUnconfirmed = "PAYEE_UNCONFIRMED" {},
    /// The account is not in the name of the payee, by the latest check or for want of any.
    AccountNameMismatch = "ACCOUNT_NAME_MISMATCH" {},
    /// No check of the account's name that the scheme takes is recent enough.
    NameCheckDue = "NAME_CHECK_DUE" { means: NameCheckMeans => Param::Text(means.code().into()), days_max: u16 => Param::Number(i64::from(days_max)) },
    /// The payee's relation is not to the insured of this claim.
    RelationMismatch = "RELATION_MISMATCH" {},
    /// The insured has died: an heir is to be paid, registered with the papers that show it.
    HeirRequired = "HEIR_REQUIRED" {},
    /// The account is used by another household.
    AccountShared = "ACCOUNT_SHARED" {},
    /// The payee is unknown or not of this household.
    PayeeUnknown = "PAYEE_UNKNOWN" {},
    /// The second person must be somebody else.
    SecondPersonRequired = "SECOND_PERSON_REQUIRED" {},
    /// A second person has not yet previewed the notice as it now stands.
    PreviewRequired = "PREVIEW_REQUIRED" {},
    /// What was published is not what was opened, or the notice would hold a forbidden field.
    ContentChanged = "CONTENT_CHANGED" {},
    /// The notice would show private data.
    NoticePrivate = "NOTICE_PRIVATE" { field: &'static str => Param::Text(field.into()) },
    /// A free text holds what looks like an identity number, an account or a phone number.
    PrivateInText = "PRIVATE_IN_TEXT" { field: &'static str => Param::Text(field.into()) },
    /// The notice's term has not run.
    PeriodIncomplete = "PERIOD_INCOMPLETE" { closes_at: DateTime<Utc> => Param::At(closes_at) },
    /// Proofs of publication are missing.
    ProofMissing = "PROOF_MISSING" { have: usize => Param::Number(i64::try_from(have).unwrap_or(i64::MAX)), need: usize => Param::Number(i64::try_from(need).unwrap_or(i64::MAX)) },
    /// Objections are open.
    ObjectionOpen = "OBJECTION_OPEN" { objections: usize => Param::Number(i64::try_from(objections).unwrap_or(i64::MAX)) },
    /// There is no such open objection.
    ObjectionUnknown = "OBJECTION_UNKNOWN" {},
    /// The scheme wants a county review first.
    ReviewRequired = "REVIEW_REQUIRED" {},
    /// Above one approver's limit: this person's first approval is recorded, another approver must
    /// give the second.
    OverLimit = "OVER_LIMIT" { limit: Fen => Param::Money(limit) },
    /// More than this caller may approve, even with a second approver.
    BeyondAuthority = "BEYOND_AUTHORITY" { limit: Fen => Param::Money(limit) },
    /// With what was approved for the household in the last twelve months, above one approver's
    /// limit: this person's first approval is recorded, another approver must give the second.
    OverTwelveMonthLimit = "OVER_TWELVE_MONTH_LIMIT" { limit: Fen => Param::Money(limit), approved: Fen => Param::Money(approved) },
    /// The same, more than this caller may approve even with a second approver.
    BeyondTwelveMonthAuthority = "BEYOND_TWELVE_MONTH_AUTHORITY" { limit: Fen => Param::Money(limit), approved: Fen => Param::Money(approved) },
    /// What the first approval, or the approval, rests on is not what stands: approve anew.
    DossierChanged = "DOSSIER_CHANGED" {},
    /// Other losses of the year were approved since the assessment: verify again.
    AssessmentStale = "ASSESSMENT_STALE" {},
    /// No first approval awaits a second.
    NoFirstApproval = "NO_FIRST_APPROVAL" {},
    /// The amount is more than the scheme computes from the accepted facts.
    OverAssessment = "OVER_ASSESSMENT" { assessed: Fen => Param::Money(assessed) },
    /// A cap for event, person, household or year would be passed.
    CapExceeded = "CAP_EXCEEDED" { remaining: Fen => Param::Money(remaining) },
    /// The pool does not hold enough.
    PoolInsufficient = "POOL_INSUFFICIENT" { available: Fen => Param::Money(available) },
    /// Another claim waits for the pool's money before this one.
    NotFirst = "NOT_FIRST" {},
    /// More than is outstanding of a payment that is recovered.
    OverOutstanding = "OVER_OUTSTANDING" { outstanding: Fen => Param::Money(outstanding) },
    /// The bank's reference was recorded for a recovery before.
    ReferenceTaken = "REFERENCE_TAKEN" {},
    /// No write-off waits for a second person.
    NoWriteOff = "NO_WRITE_OFF" {},
    /// Amount, payee or instruction number differ from what is recorded.
    Mismatch = "MISMATCH" { field: &'static str => Param::Text(field.into()) },
    /// The report contradicts what is proven.
    Contradiction = "CONTRADICTION" {},
    /// A payment was sent and has neither failed nor come back, as far as is known: a second one
    /// may not be sent.
    AlreadyInstructed = "ALREADY_INSTRUCTED" {},
    /// The last liveness check is too old.
    LivenessStale = "LIVENESS_STALE" { days_max: u16 => Param::Number(i64::from(days_max)) },
    /// The pinned scheme has no such clause.
    ClauseUnknown = "CLAUSE_UNKNOWN" {},
    /// The household was not told of the refusal by letter.
    LetterMissing = "LETTER_MISSING" {},
    /// The letter went out before.
    LetterIssued = "LETTER_ISSUED" {},
    /// The household may still appeal.
    AppealTimeRuns = "APPEAL_TIME_RUNS" { last_day: NaiveDate => Param::Day(last_day) },
    /// The time for an appeal is over.
    AppealTimeOver = "APPEAL_TIME_OVER" { last_day: NaiveDate => Param::Day(last_day) },
    /// The calendar holds no days of a year that is needed.
    CalendarMissing = "CALENDAR_MISSING" { year: i32 => Param::Number(i64::from(year)) },
}

impl From<CalendarFault> for Blocked {
    fn from(fault: CalendarFault) -> Self {
        match fault {
            CalendarFault::MissingYear(year) => Self::CalendarMissing { year },
            CalendarFault::OutOfRange => Self::CalendarMissing { year: i32::MAX },
        }
    }
}
