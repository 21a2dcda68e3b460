//! A small county for tests: its scheme, its people, two poor households. All of them are invented.
//!
//! [`office`] keeps the books that a store would keep; [`monitor`] knows the invariants of the
//! design and looks only at events, postings and books, never at a guard.

pub mod monitor;
pub mod office;

use benefits::{
    Accumulation, AidTreatment, Band, BandBase, BandMode, Cap, CapScope, Fen, Rate, Rounding, Rule,
    RunningTotals, Schedule,
};
use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use lifecycle::calendar::{self, YearDays};
use lifecycle::letter::Letter;
use lifecycle::phase::approval::Uplift;
use lifecycle::phase::payout::BankOutcome;
use lifecycle::phase::public_notice;
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::phase::refusal::{Delivery, RefusalCode, RefusalLine};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::pool::Waiting;
use lifecycle::scheme::{
    Authority, Coverage, DocumentRule, DueStep, EvaluationTerms, GroupTable, NoticeTerms,
    PerilTerms, PolicyYear, PoolTerms, QueueOrder, Shortage, Supplier, Surplus, VoteBase, YearDate,
};
use lifecycle::{
    Actor, BillKey, Calendar, Check, Claim, ClaimId, Command, CommandKind, Counting, CountyCode,
    Door, DraftReferral, Duty, EarlierClaim, Facts, HouseholdId, Liveness, MemberId, NameCheck,
    NameCheckMeans, NoticeId, ObjectionId, ObjectionStatus, OpenAdvance, Order, OrgId, PayeeFacts,
    PayeeId, PayeeRelation, PaymentId, Peril, PersonId, RegionCode, Scheme, SchemeId, Seen, State,
    Status, Term,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, month, day).expect("a day of 2020")
}

/// An instant of 2020 in Asia/Shanghai.
pub fn at(month: u32, day: u32, hour: u32) -> DateTime<Utc> {
    let local = Utc.with_ymd_and_hms(2020, month, day, hour, 0, 0);
    local.single().expect("an instant of 2020") - Duration::hours(8)
}

pub const fn yuan(yuan: i64) -> Fen {
    Fen::from_yuan(yuan)
}

pub fn plus(amount: Fen, fen: i64) -> Fen {
    Fen::new(amount.get() + fen)
}

/// Somebody who works in the county.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// 王: township.
    Town,
    /// 赵: county caseworker.
    County,
    /// 钱: county supervisor.
    Supervisor,
    /// 沈: county reviewer.
    Reviewer,
    /// 孙: handler.
    Handler,
    /// 韩: another handler.
    OtherHandler,
    /// 周: surveyor.
    Surveyor,
    /// 郑: another surveyor.
    OtherSurveyor,
    /// 吴: approver.
    Approver,
    /// 冯: another approver.
    OtherApprover,
    /// 陈: cashier.
    Cashier,
    /// 褚: accountant.
    Accountant,
    /// 卫: holds every duty a person can hold.
    Jack,
    /// 蒋: holds every duty, and is a cousin of the first household.
    Cousin,
    /// The bank's connector.
    Bank,
    /// The timer.
    Timer,
    /// The printer of notices.
    Renderer,
    /// A timer's account to which somebody also gave the duties of approval and payment.
    RashTimer,
}

impl Who {
    pub const ALL: [Self; 18] = [
        Self::Town,
        Self::County,
        Self::Supervisor,
        Self::Reviewer,
        Self::Handler,
        Self::OtherHandler,
        Self::Surveyor,
        Self::OtherSurveyor,
        Self::Approver,
        Self::OtherApprover,
        Self::Cashier,
        Self::Accountant,
        Self::Jack,
        Self::Cousin,
        Self::Bank,
        Self::Timer,
        Self::Renderer,
        Self::RashTimer,
    ];

    pub const fn person(self) -> PersonId {
        PersonId(id(0x9e00 + self as u128))
    }

    pub const fn is_program(self) -> bool {
        matches!(
            self,
            Self::Bank | Self::Timer | Self::Renderer | Self::RashTimer
        )
    }

    pub fn duties(self) -> Vec<Duty> {
        match self {
            Self::Town => vec![Duty::TownshipCaseworker],
            Self::County => vec![Duty::CountyCaseworker],
            Self::Supervisor => vec![Duty::CountySupervisor],
            Self::Reviewer => vec![Duty::CountyReviewer],
            Self::Handler | Self::OtherHandler => vec![Duty::InsurerHandler],
            Self::Surveyor | Self::OtherSurveyor => vec![Duty::Surveyor],
            Self::Approver | Self::OtherApprover => vec![Duty::Approver],
            Self::Cashier | Self::Accountant => vec![Duty::Finance],
            Self::Jack | Self::Cousin => Duty::ALL
                .iter()
                .copied()
                .filter(|duty| !duty.is_system())
                .collect(),
            Self::Bank => vec![Duty::BankConnector],
            Self::Timer => vec![Duty::Timer],
            Self::Renderer => vec![Duty::NoticeRenderer],
            Self::RashTimer => vec![
                Duty::Timer,
                Duty::Approver,
                Duty::Finance,
                Duty::BankConnector,
            ],
        }
    }

    pub fn actor(self) -> Actor {
        Actor {
            person: self.person(),
            on_behalf_of: None,
            duties: self.duties(),
            door: if self.is_program() {
                Door::System
            } else {
                Door::Person
            },
        }
    }

    /// Acting in the place of somebody else, with that one's duties.
    pub fn acting_for(self, other: Self) -> Actor {
        Actor {
            on_behalf_of: Some(other.person()),
            duties: other.duties(),
            ..self.actor()
        }
    }

    pub fn orders(self, command: Command) -> Order {
        Order {
            actor: self.actor(),
            command,
        }
    }

    /// Whoever gives this command in the ordinary course of things.
    pub const fn giver(command: &Command) -> Self {
        if let Command::RecordFinding { check, .. } = command {
            return match check {
                Check::DataComparison => Self::County,
                Check::FieldVisit => Self::Surveyor,
                Check::VillageEvaluation | Check::TownshipReview => Self::Town,
            };
        }
        Self::usual(command.kind())
    }

    const fn usual(kind: CommandKind) -> Self {
        use CommandKind as C;
        match kind {
            C::DraftReferral
            | C::AmendReferral
            | C::ReferCase
            | C::PreviewNotice
            | C::RaiseObjection
            | C::AttachDocument
            | C::WithdrawClaim
            | C::LodgeAppeal => Self::Town,
            C::ReturnReferral
            | C::AcceptReferral
            | C::AssignSurvey
            | C::DeclareIneligible
            | C::ChangePayee
            | C::StartRecovery
            | C::IssueRefusalLetter => Self::Handler,
            C::ConfirmPayee => Self::OtherHandler,
            C::RecordFinding | C::RecordVerification => Self::Surveyor,
            C::OpenPublicNotice | C::CloseClaim => Self::County,
            C::RecordPublicationProof => Self::Renderer,
            C::ResolveObjection | C::DecideAppeal | C::ConfirmWriteOff => Self::Supervisor,
            C::CloseNotice | C::MarkPayoutUnknown => Self::Timer,
            C::CountyReviewClaim => Self::Reviewer,
            C::ApproveClaim | C::RejectClaim | C::SendBackClaim => Self::Approver,
            C::SecondApproveClaim | C::ReserveWaiting => Self::OtherApprover,
            C::InstructPayout | C::ReinstatePayout => Self::Cashier,
            C::ReconcilePayout | C::RecordRecovery | C::WriteOffRecovery => Self::Accountant,
            C::ConfirmPayout | C::ReportPayoutFailure | C::ReportPayoutReturned => Self::Bank,
        }
    }
}

/// A payee, as the register of accounts has it.
#[derive(Debug, Clone)]
pub struct PayeeRow {
    pub id: PayeeId,
    pub household: HouseholdId,
    pub relation: PayeeRelation,
    /// By which means the name was checked, with which result, when.
    pub checked: Vec<NameCheck>,
    pub shared: bool,
}

/// A household, as the list of monitored households has it.
#[derive(Debug, Clone)]
pub struct House {
    pub id: HouseholdId,
    pub listed: bool,
    pub group: String,
    pub head_name: String,
    pub insured: MemberId,
    pub kin: BTreeSet<PersonId>,
    /// What must never stand on a notice.
    pub secrets: Vec<&'static str>,
}

/// What does not change while a test runs.
#[derive(Debug, Clone)]
pub struct World {
    pub scheme: Arc<Scheme>,
    pub calendar: Arc<Calendar>,
    pub houses: Vec<House>,
    pub payees: Vec<PayeeRow>,
    /// Rest days on weekdays, and worked weekend days, known to the monitor on its own account.
    pub holidays: Vec<NaiveDate>,
    pub workdays: Vec<NaiveDate>,
    /// What the pool is funded with.
    pub pool: Fen,
}

/// The books and registers at the moment of judgement.
#[derive(Debug, Clone)]
pub struct Scene {
    pub now: DateTime<Utc>,
    pub household: usize,
    pub pool_available: Fen,
    pub first_waiting: Option<ClaimId>,
    /// Whether a claim of the pool that is not this one waits before it.
    pub is_overtaking: bool,
    pub recovery_refs: Vec<String>,
    pub used: RunningTotals,
    /// Approved for the household in twelve months, by other claims.
    pub approved_twelve_months: Fen,
    pub bills_taken: Vec<BillKey>,
    pub duplicate: Option<String>,
    pub followed: Option<EarlierClaim>,
    pub open_advance: Option<OpenAdvance>,
    pub insured: Liveness,
    pub payees_died: BTreeSet<PayeeId>,
    pub payees_checked_on: Option<NaiveDate>,
    pub next_number: u32,
}

/// What the pool is funded with, unless a test says otherwise.
pub const POOL: Fen = yuan(5_000);
pub const UPLIFT: Fen = yuan(100);
/// The population group of both households.
pub const GROUP: &str = "边缘易致贫户";
const EVIDENCE_KIND: &str = "医疗费用结算单";

pub fn evidence(kind: &str) -> Evidence {
    Evidence {
        kind: kind.into(),
        sha256: "0123456789abcdef".repeat(4),
    }
}

impl World {
    /// The county as most tests want it: five natural days of notice, two checks, a county review;
    /// 50 % above 1,000 yuan, one approver up to 3,000; a household may have 3,000 a year.
    pub fn new() -> Self {
        let holidays = vec![day(6, 25), day(6, 26)];
        let workdays = vec![day(6, 28)];
        let year = YearDays {
            holidays: holidays.iter().copied().collect(),
            workdays: workdays.iter().copied().collect(),
            ..YearDays::default()
        };
        let kin = BTreeSet::from([Who::Cousin.person()]);
        let house = |number: u128, head_name: &str, kin: BTreeSet<PersonId>| House {
            id: HouseholdId(id(0x4000 + number)),
            listed: true,
            group: GROUP.into(),
            head_name: head_name.into(),
            insured: MemberId(id(0x3000 + number)),
            kin,
            secrets: vec!["130302195001010011", "13900000000", "尿毒症", "人民医院"],
        };
        let payee = |number: u128, household: u128| PayeeRow {
            id: PayeeId(id(0xa000 + number)),
            household: HouseholdId(id(0x4000 + household)),
            relation: PayeeRelation::Head,
            checked: vec![compared(true)],
            shared: false,
        };
        Self {
            scheme: Arc::new(scheme()),
            calendar: Arc::new(Calendar::new(BTreeMap::from([(2020, year)]))),
            houses: vec![house(1, "张建国", kin), house(2, "李秀英", BTreeSet::new())],
            payees: vec![
                payee(11, 1),
                payee(12, 1),
                payee(21, 2),
                payee(22, 2),
                PayeeRow {
                    checked: vec![compared(false)],
                    ..payee(13, 1)
                },
                PayeeRow {
                    shared: true,
                    ..payee(14, 1)
                },
            ],
            holidays,
            workdays,
            pool: POOL,
        }
    }

    pub fn with_scheme(mut self, change: impl FnOnce(&mut Scheme)) -> Self {
        change(Arc::make_mut(&mut self.scheme));
        self
    }

    /// The payees of a household that can be paid: the first, and one to change to.
    pub fn payee(&self, household: usize, which: usize) -> PayeeId {
        let house = self.houses[household].id;
        let mut own = self.payees.iter().filter(|row| row.household == house);
        own.nth(which).expect("two payees for each household").id
    }

    pub fn bill(number: u32) -> BillKey {
        BillKey::of("某医院(虚构)", &format!("{number:08}"))
    }

    /// What the household claims; each claim is about an event of its own.
    pub fn case(&self, household: usize, number: u32) -> Case {
        Case {
            insured: self.houses[household].insured,
            peril: Peril::Illness,
            event_on: day(4, 1) + Duration::days(i64::from(number)),
            submitted: yuan(8_000),
            payee: self.payee(household, 0),
            basis: Some(Basis {
                decided_on: day(5, 20),
                document: "村民代表会议决议(虚构)".into(),
            }),
            advance: false,
        }
    }

    pub fn draft(&self, household: usize, number: u32) -> Command {
        Command::DraftReferral(DraftReferral {
            id: ClaimId(id(0xc000 + u128::from(number))),
            scheme: self.scheme.id,
            household: self.houses[household].id,
            case: self.case(household, number),
            follows: None,
        })
    }

    /// Facts a surveyor accepts; 5,000 yuan of bills give a benefit of 2,000.
    pub fn loss(bills: &[(BillKey, Fen)]) -> LossFacts {
        LossFacts {
            bills: bills
                .iter()
                .map(|(key, amount)| Bill {
                    key: key.clone(),
                    amount: *amount,
                    on: None,
                })
                .collect(),
            other_compensation: Some(Fen::ZERO),
            evidence: vec![evidence(EVIDENCE_KIND)],
            ..LossFacts::default()
        }
    }

    /// The household of a claim, by its place.
    pub fn place_of(&self, claim: &Claim) -> usize {
        let place = self.houses.iter().position(|it| it.id == claim.household);
        place.expect("a household of the world")
    }

    /// What the store would look up for an order, from the registers and the books.
    pub fn facts(&self, scene: &Scene, claim: Option<&Claim>, order: &Order) -> Facts {
        let house = &self.houses[scene.household];
        let named = order.command.named_person();
        let persons = order.actor.persons().chain(named);
        let payee = order
            .command
            .payee()
            .or_else(|| claim.map(|it| it.case.payee));
        let payee = self.payees.iter().find(|row| Some(row.id) == payee);
        let named_duties = Who::ALL
            .iter()
            .find(|who| Some(who.person()) == named)
            .map(|who| who.duties())
            .unwrap_or_default();
        let bills = order.command.bills();
        Facts {
            scheme: Arc::clone(&self.scheme),
            calendar: Arc::clone(&self.calendar),
            seen: Seen {
                now: scene.now,
                household_listed: house.listed,
                group: house.group.clone(),
                village: RegionCode::new("130302105201").ok(),
                insured: scene.insured,
                insured_of_household: insured_of(claim, order)
                    .is_none_or(|insured| insured == house.insured),
                head_name: house.head_name.clone(),
                village_name: "西庄村(虚构)".into(),
                persons: 4,
                payee: payee.map(|row| PayeeFacts {
                    of_household: row.household == house.id,
                    member: MemberId(id(0x3900)),
                    relation: row.relation,
                    name_checks: row.checked.clone(),
                    shared: row.shared,
                    liveness: Liveness {
                        died_on: scene.payees_died.contains(&row.id).then(|| day(6, 1)),
                        checked_on: scene.payees_checked_on,
                    },
                }),
                payee_seal: None,
                interested: persons.filter(|it| house.kin.contains(it)).collect(),
                named_duties,
                duplicate: scene.duplicate.clone(),
                open_advance: scene.open_advance.clone(),
                followed: scene.followed.clone(),
                bills_taken: scene
                    .bills_taken
                    .iter()
                    .filter(|it| bills.contains(it))
                    .cloned()
                    .collect(),
                pool_available: scene.pool_available,
                pool_settled: false,
                first_waiting: scene.first_waiting,
                reference_of: order
                    .command
                    .recovery_ref()
                    .is_some_and(|it| scene.recovery_refs.iter().any(|known| known == it))
                    .then_some(ClaimId(id(0))),
                used: scene.used.clone(),
                approved_twelve_months: scene.approved_twelve_months,
                next_number: scene.next_number,
            },
        }
    }

    /// The command of this kind that fits the claim as it stands, in the ordinary course of things.
    pub fn usual(&self, kind: CommandKind, claim: &Claim, now: DateTime<Utc>) -> Command {
        let mut fitting = self.choices(kind, claim, now);
        fitting.swap_remove(0)
    }

    /// The letter the claim owes, handed over on a day.
    fn letter(&self, claim: &Claim, delivered_on: NaiveDate) -> Command {
        let scene = Scene::quiet(self.place_of(claim), at(6, 5, 9));
        let order = Who::Town.orders(Command::ReferCase);
        let facts = self.facts(&scene, Some(claim), &order);
        let letter = Letter::compose(
            claim,
            &facts.seen.village_name,
            &facts.seen.head_name,
            &self.scheme,
            &self.calendar,
            delivered_on,
        );
        Command::IssueRefusalLetter {
            content_hash: letter
                .ok()
                .flatten()
                .map_or_else(|| "1".repeat(64), |letter| letter.content_hash()),
            delivered_on,
            delivery: Delivery::HandedOver,
            handed_to: "张建国(虚构)".into(),
        }
    }

    /// Commands of a kind: the usual one first, then lawful and unlawful others.
    pub fn choices(&self, kind: CommandKind, claim: &Claim, now: DateTime<Utc>) -> Vec<Command> {
        use CommandKind as C;
        let household = self.place_of(claim);
        let number = u32::try_from(claim.id.0.as_u128() & 0xfff).expect("a small number");
        let text = || "理由(虚构)".to_owned();
        let other_payee = if claim.case.payee == self.payee(household, 0) {
            self.payee(household, 1)
        } else {
            self.payee(household, 0)
        };
        let strange_payee = self.payee(1 - household, 0);
        match kind {
            C::DraftReferral => vec![self.draft(household, number)],
            C::AmendReferral => vec![
                Command::AmendReferral {
                    case: claim.case.clone(),
                },
                Command::AmendReferral {
                    case: Case {
                        payee: strange_payee,
                        ..claim.case.clone()
                    },
                },
            ],
            C::ReferCase => vec![Command::ReferCase],
            C::ReturnReferral => vec![
                Command::ReturnReferral {
                    reasons: vec![text()],
                },
                Command::ReturnReferral { reasons: vec![] },
            ],
            C::AcceptReferral => vec![Command::AcceptReferral],
            C::AssignSurvey => [
                Who::Surveyor,
                Who::OtherSurveyor,
                Who::Jack,
                Who::Cousin,
                Who::Town,
            ]
            .map(|who| Command::AssignSurvey {
                surveyor: who.person(),
            })
            .into(),
            C::RecordFinding => self.findings(claim),
            C::AttachDocument => vec![Command::AttachDocument {
                evidence: evidence(&format!("补充材料{}(虚构)", claim.documents.len() + 1)),
            }],
            C::RecordVerification => {
                let own = Self::bill(number);
                let shared = Self::bill(999);
                [
                    vec![(own.clone(), yuan(5_000))],
                    vec![(shared, yuan(5_000))],
                    vec![(own.clone(), yuan(4_000)), (own.clone(), yuan(4_000))],
                    vec![(own.clone(), yuan(7_500))],
                    vec![(own, yuan(900))],
                ]
                .map(|bills| Command::RecordVerification {
                    facts: Self::loss(&bills),
                })
                .into()
            }
            C::DeclareIneligible => vec![Command::DeclareIneligible {
                lines: vec![refusal_line()],
            }],
            C::PreviewNotice => [self.hash(claim), "0".repeat(64)]
                .map(|content_hash| Command::PreviewNotice { content_hash })
                .into(),
            C::OpenPublicNotice => vec![Command::OpenPublicNotice {
                notice: NoticeId(id(0x7000 + u128::from(claim.version))),
            }],
            C::RecordPublicationProof => [self.hash(claim), "0".repeat(64)]
                .map(|content_hash| Command::RecordPublicationProof {
                    content_hash,
                    evidence: evidence("公示照片"),
                })
                .into(),
            C::RaiseObjection => vec![Command::RaiseObjection {
                objection: ObjectionId(id(0xb000 + claim.objections.len() as u128)),
                grounds: "该户有商品房(虚构)".into(),
            }],
            C::ResolveObjection => resolutions(claim),
            C::CloseNotice => vec![Command::CloseNotice],
            C::CountyReviewClaim => vec![Command::CountyReviewClaim],
            C::ApproveClaim => {
                let benefit = claim.assessment().map_or(Fen::ZERO, |it| it.benefit);
                let uplift = |amount| {
                    Some(Uplift {
                        amount,
                        reason: "表内金额不足以消除风险(虚构)".into(),
                    })
                };
                let (payee, dossier) = (claim.case.payee, dossier_of(claim));
                let strange = "0".repeat(64);
                [
                    (benefit, None, payee, &dossier),
                    (benefit, uplift(UPLIFT), payee, &dossier),
                    (plus(benefit, 1), None, payee, &dossier),
                    (plus(benefit, -1), None, payee, &dossier),
                    (benefit, uplift(yuan(9_000)), payee, &dossier),
                    (benefit, None, payee, &strange),
                    (benefit, None, other_payee, &dossier),
                ]
                .map(|(benefit, uplift, payee, dossier)| Command::ApproveClaim {
                    benefit,
                    uplift,
                    payee,
                    dossier: dossier.clone(),
                })
                .into()
            }
            C::SecondApproveClaim => {
                let closed = claim.state.closed_notice();
                let first = closed.and_then(|it| it.first_approval.as_ref());
                let amount = first.map_or(Fen::ZERO, |it| it.amount);
                let (payee, dossier) = (claim.case.payee, dossier_of(claim));
                let strange = "0".repeat(64);
                [
                    (amount, payee, &dossier),
                    (plus(amount, 1), payee, &dossier),
                    (amount, payee, &strange),
                    (amount, other_payee, &dossier),
                ]
                .map(|(amount, payee, dossier)| Command::SecondApproveClaim {
                    amount,
                    payee,
                    dossier: dossier.clone(),
                })
                .into()
            }
            C::ReserveWaiting => {
                let amount = Waiting::of(claim).map_or(Fen::ZERO, |it| it.amount);
                [amount, plus(amount, 1)]
                    .map(|amount| Command::ReserveWaiting { amount })
                    .into()
            }
            C::RejectClaim => vec![Command::RejectClaim {
                lines: vec![refusal_line()],
            }],
            C::SendBackClaim => vec![Command::SendBackClaim {
                questions: vec![text()],
            }],
            C::ChangePayee => [other_payee, strange_payee, claim.case.payee]
                .map(|payee| Command::ChangePayee { payee })
                .into(),
            C::ConfirmPayee => [claim.case.payee, other_payee]
                .map(|payee| Command::ConfirmPayee { payee })
                .into(),
            C::InstructPayout => {
                let amount = claim.approved_amount().unwrap_or(Fen::ZERO);
                [
                    (amount, claim.case.payee),
                    (plus(amount, 1), claim.case.payee),
                    (amount, other_payee),
                ]
                .map(|(amount, payee)| Command::InstructPayout {
                    payment: PaymentId(id(0xf000 + u128::from(claim.version))),
                    amount,
                    payee,
                })
                .into()
            }
            C::ConfirmPayout => {
                let (number, amount) = told(claim);
                [
                    (number.clone(), amount),
                    (number.clone(), plus(amount, 1)),
                    (format!("{number}9"), amount),
                ]
                .map(|(instruction_no, amount)| Command::ConfirmPayout {
                    instruction_no,
                    amount,
                    bank_ref: bank_ref(),
                })
                .into()
            }
            C::ReportPayoutFailure => {
                let (number, _) = told(claim);
                [number.clone(), format!("{number}9")]
                    .map(|instruction_no| Command::ReportPayoutFailure {
                        instruction_no,
                        reason: "账户已销户(虚构)".into(),
                    })
                    .into()
            }
            C::ReportPayoutReturned => {
                let (number, amount) = told(claim);
                [
                    (number.clone(), amount),
                    (number.clone(), plus(amount, 1)),
                    (format!("{number}9"), amount),
                ]
                .map(|(instruction_no, amount)| Command::ReportPayoutReturned {
                    instruction_no,
                    amount,
                    bank_ref: bank_ref(),
                })
                .into()
            }
            C::ReconcilePayout => {
                let (_, amount) = told(claim);
                let settled = |amount| BankOutcome::Settled {
                    amount,
                    bank_ref: bank_ref(),
                };
                let failed = BankOutcome::Failed {
                    bank_ref: bank_ref(),
                };
                [settled(amount), failed, settled(plus(amount, 1))]
                    .map(|outcome| Command::ReconcilePayout { outcome })
                    .into()
            }
            C::RecordRecovery => {
                let amount = claim.outstanding().unwrap_or(yuan(1));
                let number = claim.version;
                let fresh = format!("20200616-{number}-{}(虚构)", claim.number);
                [
                    (amount, fresh.clone()),
                    (Fen::new(amount.get() / 2), fresh.clone()),
                    (plus(amount, 1), fresh),
                    (yuan(1), bank_ref()),
                ]
                .map(|(amount, bank_ref)| Command::RecordRecovery { amount, bank_ref })
                .into()
            }
            C::WriteOffRecovery => {
                let amount = claim.outstanding().unwrap_or(yuan(1));
                [amount, plus(amount, -1)]
                    .map(|amount| Command::WriteOffRecovery {
                        amount,
                        reason: text(),
                    })
                    .into()
            }
            C::ConfirmWriteOff => {
                let amount = claim.outstanding().unwrap_or(yuan(1));
                [amount, plus(amount, -1)]
                    .map(|amount| Command::ConfirmWriteOff { amount })
                    .into()
            }
            C::MarkPayoutUnknown => vec![Command::MarkPayoutUnknown { reason: text() }],
            C::ReinstatePayout => [claim.case.payee, other_payee]
                .map(|payee| Command::ReinstatePayout { payee })
                .into(),
            C::WithdrawClaim => vec![Command::WithdrawClaim { reason: text() }],
            C::CloseClaim => vec![Command::CloseClaim {
                archive_no: "2020-01(虚构)".into(),
            }],
            C::StartRecovery => vec![Command::StartRecovery { reason: text() }],
            C::IssueRefusalLetter => [now, now + Duration::days(1)]
                .map(|delivered| self.letter(claim, calendar::legal_day(delivered)))
                .into(),
            C::LodgeAppeal => vec![Command::LodgeAppeal {
                grounds: "该房为危房,不能居住(虚构)".into(),
            }],
            C::DecideAppeal => [false, true]
                .map(|upheld| Command::DecideAppeal {
                    upheld,
                    findings: "经县级复核(虚构)".into(),
                })
                .into(),
        }
    }

    fn findings(&self, claim: &Claim) -> Vec<Command> {
        let next = claim
            .state
            .verifying()
            .and_then(|it| it.next_check(&self.scheme.checks));
        let next = next.unwrap_or(Check::FieldVisit);
        let finding = |check: Check, passed: bool| Command::RecordFinding {
            check,
            on: day(6, 1),
            passed,
            votes: (check == Check::VillageEvaluation).then_some(Votes {
                present: 12,
                agree: if passed { 11 } else { 3 },
                against: if passed { 1 } else { 9 },
            }),
            evidence: vec![evidence("入户照片")],
            flags: Vec::new(),
        };
        vec![
            finding(next, true),
            finding(next, false),
            finding(Check::TownshipReview, true),
        ]
    }

    /// The content hash of the notice as it would be, or is, posted.
    fn hash(&self, claim: &Claim) -> String {
        if let State::Verified(verified) = &claim.state {
            let scene = Scene::quiet(self.place_of(claim), at(6, 5, 9));
            let order = Who::Town.orders(Command::ReferCase);
            let facts = self.facts(&scene, Some(claim), &order);
            return public_notice::compose(claim, verified, &facts)
                .map_or_else(|_| "1".repeat(64), |line| line.content_hash());
        }
        let notice = claim.state.notice();
        notice.map_or_else(|| "1".repeat(64), |it| it.notice.content_hash.clone())
    }
}

/// The names were compared when the payee was entered.
pub fn compared(passed: bool) -> NameCheck {
    NameCheck {
        means: NameCheckMeans::NamesCompared,
        passed,
        on: day(5, 2),
    }
}

/// The hash of the dossier as an approver would see it.
pub fn dossier_of(claim: &Claim) -> String {
    lifecycle::dossier::hash(claim).unwrap_or_else(|| "1".repeat(64))
}

fn insured_of(claim: Option<&Claim>, order: &Order) -> Option<MemberId> {
    if let Command::DraftReferral(draft) = &order.command {
        return Some(draft.case.insured);
    }
    if let Command::AmendReferral { case } = &order.command {
        return Some(case.insured);
    }
    claim.map(|it| it.case.insured)
}

fn resolutions(claim: &Claim) -> Vec<Command> {
    let open = claim
        .objections
        .iter()
        .find(|it| it.status == ObjectionStatus::Open)
        .map_or(ObjectionId(id(0xb000)), |it| it.id);
    [
        (open, false),
        (open, true),
        (ObjectionId(id(0xbfff)), false),
    ]
    .map(|(objection, upheld)| Command::ResolveObjection {
        objection,
        upheld,
        findings: "经村两委核实(虚构)".into(),
    })
    .into()
}

/// Why the household is refused.
pub fn refusal_line() -> RefusalLine {
    RefusalLine {
        code: RefusalCode::MeansExceeded,
        facts: "该户在县城有商品房一套(虚构)".into(),
        clause: "illness".into(),
    }
}

/// What a bank would say of the last instruction: its number and its amount.
fn told(claim: &Claim) -> (String, Fen) {
    claim.state.instructed().map_or_else(
        || {
            let amount = claim.approved_amount().unwrap_or(yuan(1));
            let number = format!("FP{}-{}", claim.number, claim.instructions.max(1));
            (number, amount)
        },
        |it| (it.instruction.instruction_no.clone(), it.instruction.amount),
    )
}

/// The reference that may come twice.
pub fn bank_ref() -> String {
    "20200615-001(虚构)".to_owned()
}

impl Scene {
    /// Nothing special: money enough, nothing used, everybody alive and checked.
    pub fn quiet(household: usize, now: DateTime<Utc>) -> Self {
        let alive = Liveness {
            died_on: None,
            checked_on: Some(day(6, 1)),
        };
        Self {
            now,
            household,
            pool_available: POOL,
            first_waiting: None,
            is_overtaking: false,
            recovery_refs: Vec::new(),
            used: RunningTotals::default(),
            approved_twelve_months: Fen::ZERO,
            bills_taken: Vec::new(),
            duplicate: None,
            followed: None,
            open_advance: None,
            insured: alive,
            payees_died: BTreeSet::new(),
            payees_checked_on: Some(day(6, 1)),
            next_number: 1,
        }
    }
}

fn scheme() -> Scheme {
    let cap = |scope, limit| Cap { scope, limit };
    Scheme {
        id: SchemeId(id(0x5c)),
        pool_id: SchemeId(id(0x5c)),
        county: CountyCode::new(130_302).expect("six digits"),
        code: "invented-2020".into(),
        version: 1,
        name: "防贫险方案(虚构)".into(),
        year: PolicyYear {
            year: 2020,
            from: day(1, 1),
            to: day(12, 31),
            fixed_by: YearDate::Event,
        },
        insurer: OrgId(id(0x15)),
        source: "invented".into(),
        coverage: Coverage {
            groups: vec![GROUP.into()],
            listed_first: true,
            income: None,
            exclusions: vec!["购买商品房".into()],
        },
        perils: vec![PerilTerms {
            peril: Peril::Illness,
            covers_from: day(1, 1),
            covers_to: day(12, 31),
            tables: vec![GroupTable {
                groups: Vec::new(),
                advance: false,
                schedule: Schedule {
                    id: "illness".into(),
                    clause: "第一条(虚构)".into(),
                    source: "invented".into(),
                    warning_line: yuan(1_000),
                    layers: Vec::new(),
                    grants: AidTreatment::Ignored,
                    loans: AidTreatment::Ignored,
                    deductible: DEDUCTIBLE,
                    deductible_of_total: None,
                    accumulation: Accumulation::Event,
                    rule: Rule::Banded {
                        base: BandBase::ExcessOverDeductible,
                        mode: BandMode::Progressive,
                        bands: vec![Band {
                            from: Fen::ZERO,
                            to: None,
                            rate: Rate::from_basis_points(5_000).expect("a half"),
                        }],
                    },
                    caps: vec![
                        cap(CapScope::Event, EVENT_CAP),
                        cap(CapScope::PersonYear, PERSON_CAP),
                        cap(CapScope::HouseholdYear, HOUSEHOLD_CAP),
                    ],
                    rounding: Rounding::Down,
                },
            }],
            documents: vec![DocumentRule {
                kind: EVIDENCE_KIND.into(),
                count_min: 1,
                supplier: Supplier::Household,
                due: DueStep::Verification,
                advance: false,
            }],
        }],
        checks: vec![Check::FieldVisit, Check::VillageEvaluation],
        evaluation: EvaluationTerms {
            present_min: 9,
            numerator: 1,
            denominator: 2,
            exceeded: true,
            of: VoteBase::Present,
        },
        notice: NoticeTerms {
            term: Term {
                days: 5,
                counting: Counting::CalendarDays,
                rolls: false,
            },
            proofs_min: 1,
            shows_amount: true,
            shows_peril: true,
            hot_line: "0335-0000000".into(),
        },
        county_review: true,
        authority: vec![Authority {
            duty: Duty::Approver,
            alone_max: yuan(3_000),
            second_max: None,
            twelve_months_alone_max: None,
            twelve_months_second_max: None,
        }],
        uplift_max: yuan(500),
        liveness_days_max: 60,
        payee_check: NameCheckMeans::NamesCompared,
        payee_check_days_max: 365,
        refusal_letter_days: 3,
        appeal_days: 10,
        clauses: Vec::new(),
        deadlines: Vec::new(),
        pool: PoolTerms {
            headcount: 100,
            headcount_basis: "2019年末农村人口的10%(虚构)".into(),
            premium: yuan(50),
            fee: Rate::from_basis_points(1_500).expect("fifteen per cent"),
            surplus: Surplus::CarriedOver,
            shortage: Shortage::CountyTopsUp,
            queue_order: QueueOrder::NoticeClosed,
            write_off_max: yuan(2_500),
        },
        duties: BTreeMap::new(),
    }
}

pub const DEDUCTIBLE: Fen = yuan(1_000);
pub const EVENT_CAP: Fen = yuan(4_000);
pub const PERSON_CAP: Fen = yuan(3_500);
pub const HOUSEHOLD_CAP: Fen = yuan(3_500);

/// A step on the way to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The usual command, by whoever usually gives it.
    Do(CommandKind),
    /// The second choice among the commands of a kind: the objection upheld, the payment failed.
    Other(CommandKind),
    /// The last choice: the money that came with the reference of another one.
    Last(CommandKind),
    /// Legal days pass.
    Days(i64),
    /// The pool was funded with another sum.
    Pool(Fen),
}

/// The way of a claim to a status, from its draft.
pub fn path_to(status: Status) -> Vec<Step> {
    use CommandKind as C;
    let after = |before: Status, kinds: &[CommandKind]| {
        let mut path = path_to(before);
        path.extend(kinds.iter().copied().map(Step::Do));
        path
    };
    match status {
        Status::Draft => vec![Step::Do(C::DraftReferral)],
        Status::Referred => after(Status::Draft, &[C::ReferCase]),
        Status::Returned => after(Status::Referred, &[C::ReturnReferral]),
        Status::Accepted => after(Status::Referred, &[C::AcceptReferral]),
        Status::Verifying => after(Status::Accepted, &[C::AssignSurvey]),
        Status::Verified => after(
            Status::Verifying,
            &[C::RecordFinding, C::RecordFinding, C::RecordVerification],
        ),
        Status::Ineligible => after(Status::Accepted, &[C::DeclareIneligible]),
        Status::NoticeOpen => after(Status::Verified, &[C::PreviewNotice, C::OpenPublicNotice]),
        Status::NoticeClosed => {
            let mut path = after(Status::NoticeOpen, &[C::RecordPublicationProof]);
            path.extend([Step::Days(6), Step::Do(C::CloseNotice)]);
            path
        }
        Status::Approved => after(
            Status::NoticeClosed,
            &[C::CountyReviewClaim, C::ApproveClaim],
        ),
        Status::AwaitingFunds => {
            let mut path = after(Status::NoticeClosed, &[C::CountyReviewClaim]);
            path.extend([
                Step::Pool(yuan(1_000)),
                Step::Do(C::ApproveClaim),
                Step::Pool(POOL),
            ]);
            path
        }
        Status::Rejected => after(Status::NoticeClosed, &[C::RejectClaim]),
        Status::Instructed => after(Status::Approved, &[C::InstructPayout]),
        Status::PayUnknown => after(Status::Instructed, &[C::MarkPayoutUnknown]),
        Status::PayFailed => after(Status::Instructed, &[C::ReportPayoutFailure]),
        Status::Paid => after(Status::Instructed, &[C::ConfirmPayout]),
        Status::PayReturned => after(Status::Paid, &[C::ReportPayoutReturned]),
        Status::Closed => after(Status::Paid, &[C::CloseClaim]),
        Status::Recovering => after(Status::Paid, &[C::StartRecovery]),
        Status::Recovered => after(Status::Recovering, &[C::RecordRecovery]),
        Status::WrittenOff => {
            let mut path = path_to(Status::Recovering);
            path.extend([
                Step::Other(C::RecordRecovery),
                Step::Do(C::WriteOffRecovery),
                Step::Do(C::ConfirmWriteOff),
            ]);
            path
        }
        Status::Withdrawn => after(Status::Accepted, &[C::WithdrawClaim]),
        Status::Appealed => after(Status::Ineligible, &[C::IssueRefusalLetter, C::LodgeAppeal]),
        Status::AppealDismissed => after(Status::Appealed, &[C::DecideAppeal]),
        Status::RefusalClosed => after(
            Status::AppealDismissed,
            &[C::IssueRefusalLetter, C::CloseClaim],
        ),
    }
}
