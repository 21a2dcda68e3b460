//! The five orders of steps (办理程序 A to E) that counties follow. Each is a scheme file, and each
//! walks one claim from draft to payment as its file says: its checks in its order, its duties by
//! its map, its documents, its notice. Nothing here knows what an order looks like.

use crate::desk::Desk;
use crate::household::Household;
use crate::ids;
use crate::ports::{Outcome, Store};
use crate::scheme_file::parse_scheme;
use crate::testkit::world::{
    Expect, Role, TestDesk, World, county, day, dossier_of, evidence, yuan,
};
use benefits::Fen;
use lifecycle::phase::referral::{Basis, Case};
use lifecycle::phase::verification::{Bill, Evidence, LossFacts, Votes};
use lifecycle::scheme::DueStep;
use lifecycle::{
    BillKey, Check, Claim, Command, CommandKind, DraftReferral, Duty, Peril, Scheme, State, Status,
    calendar,
};
use std::sync::Arc;
use uuid::Uuid;

/// An order of steps, and what its claim comes to.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Its letter and name.
    pub name: &'static str,
    /// The scheme file.
    pub text: &'static str,
    /// What the household's bill says, in fen.
    pub loss: Fen,
    /// What must arrive, in fen; computed by hand.
    pub paid: Fen,
    /// A change of the file for its second version: a text, and what stands in its place.
    pub changed: (&'static str, &'static str),
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../server/schemes/orders/", $name, ".toml"))
    };
}

/// The five orders. A's claim lies beyond what one person may approve alone.
pub const ORDERS: [Order; 5] = [
    Order {
        name: "A office first",
        text: file!("a-office-first"),
        loss: yuan(60_000),
        paid: yuan(38_500),
        changed: ("rate = \"70%\"", "rate = \"60%\""),
    },
    Order {
        name: "B insurer first",
        text: file!("b-insurer-first"),
        loss: yuan(41_200),
        paid: yuan(25_340),
        changed: ("rate = \"70%\"", "rate = \"60%\""),
    },
    Order {
        name: "C village first",
        text: file!("c-village-first"),
        loss: yuan(41_200),
        paid: yuan(25_340),
        changed: ("rate = \"70%\"", "rate = \"60%\""),
    },
    Order {
        name: "D Haigang",
        text: file!("d-haigang"),
        loss: yuan(41_200),
        paid: yuan(25_340),
        changed: ("rate = \"70%\"", "rate = \"60%\""),
    },
    Order {
        name: "E certificate",
        text: file!("e-certificate"),
        loss: yuan(41_200),
        // Four persons of the household, 4,000 yuan each.
        paid: yuan(16_000),
        changed: ("amount = 4000", "amount = 3000"),
    },
];

/// Refusals that send the step to the next person who holds its duty.
const FOR_SOMEBODY_ELSE: [&str; 4] = [
    "DUTY_CONFLICT",
    "DUTY_MISSING",
    "PREVIEW_REQUIRED",
    "SECOND_PERSON_REQUIRED",
];

impl Order {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        parse_scheme(self.text).unwrap_or_else(|faults| panic!("{}: {faults:#?}", self.name))
    }

    /// The scheme's second version, which pays less and posts longer.
    pub fn second_version(&self) -> Scheme {
        let text = [
            ("version = 1", "version = 2"),
            ("\ndays = 5", "\ndays = 9"),
            self.changed,
        ]
        .iter()
        .fold(self.text.to_owned(), |text, (find, replace)| {
            assert!(text.contains(find), "{}: {find}", self.name);
            text.replacen(find, replace, 1)
        });
        parse_scheme(&text).unwrap_or_else(|faults| panic!("{}: {faults:#?}", self.name))
    }

    /// Walks one claim from draft to payment, and shows on the way that
    ///
    /// - nobody gives a step that the file gives to others, and no other insurer gives any;
    /// - no check is recorded out of the file's order, and none is left out;
    /// - no step ends without the documents that are due at it;
    /// - nothing is approved or paid before a notice ran its full term;
    /// - a second version, published in the middle, changes nothing for the claim.
    pub async fn walk(&self, store: Arc<dyn Store>) -> Claim {
        let world = World {
            scheme: self.scheme(),
            ..World::new()
        };
        let desk = TestDesk::open_with(store, world).await;
        self.only_the_listed(&desk).await;
        let household = desk.world.household("石门寨").clone();
        let scheme = desk.world.scheme.clone();
        let mut walk = Walk {
            household,
            scheme,
            loss: self.loss,
            claim: None,
            desk,
        };
        walk.give(CommandKind::DraftReferral).await;
        walk.hand_in(DueStep::Referral, CommandKind::ReferCase)
            .await;
        walk.give(CommandKind::ReferCase).await;
        walk.give(CommandKind::AcceptReferral).await;
        let next = self.second_version();
        walk.publish(&next).await;
        walk.give(CommandKind::AssignSurvey).await;
        walk.checks().await;
        walk.hand_in(DueStep::Verification, CommandKind::RecordVerification)
            .await;
        walk.give(CommandKind::RecordVerification).await;
        walk.notice().await;
        walk.approval().await;
        walk.hand_in(DueStep::Payout, CommandKind::InstructPayout)
            .await;
        walk.give(CommandKind::InstructPayout).await;
        walk.give(CommandKind::ConfirmPayout).await;
        let claim = walk.claim().clone();
        claim.expect_status(Status::Paid).expect_paid(self.paid);
        assert_eq!(claim.scheme, walk.scheme.id, "the version it began with");
        walk.desk.expect_sound().await;
        claim
    }

    /// Whether a household that no village listed can be referred: as the file says.
    async fn only_the_listed(&self, desk: &TestDesk) {
        let scheme = desk.world.scheme.clone();
        let listed_first = scheme.coverage.listed_first;
        let mut walk = Walk {
            household: desk.world.unlisted().clone(),
            scheme,
            loss: self.loss,
            claim: None,
            desk: desk.clone(),
        };
        walk.give(CommandKind::DraftReferral).await;
        if listed_first {
            walk.refused(CommandKind::ReferCase, "HOUSEHOLD_NOT_LISTED")
                .await;
        } else {
            walk.hand_in(DueStep::Referral, CommandKind::ReferCase)
                .await;
            walk.give(CommandKind::ReferCase).await;
        }
    }
}

struct Walk {
    desk: TestDesk,
    scheme: Scheme,
    household: Household,
    loss: Fen,
    claim: Option<Claim>,
}

impl Walk {
    fn claim(&self) -> &Claim {
        self.claim.as_ref().expect("the walk has begun")
    }

    fn may_give(&self, role: Role, kind: CommandKind) -> bool {
        let duties = self.scheme.duties_of(kind);
        role.person().duties.iter().any(|it| duties.contains(it))
    }

    async fn submit(&self, role: Role, kind: CommandKind, check: Option<Check>) -> Outcome {
        let key = ids::fresh();
        let command = match check {
            Some(check) => self.finding(check),
            None => self.command(kind, role, key).await,
        };
        let claim = self.claim.as_ref();
        self.desk.submit_with_key(role, claim, command, key).await
    }

    /// The step, by the first person to whom the file gives it and who may act on this claim; and
    /// by nobody to whom the file does not give it.
    async fn give(&mut self, kind: CommandKind) {
        self.give_check(kind, None).await;
    }

    async fn give_check(&mut self, kind: CommandKind, check: Option<Check>) {
        for role in Role::ALL.iter().copied() {
            if !self.may_give(role, kind) {
                match self.submit(role, kind, check).await {
                    Outcome::NotFound => {}
                    Outcome::Blocked(blocked) => {
                        assert_eq!(blocked.code(), "DUTY_MISSING", "{kind} by {role:?}");
                    }
                    other @ (Outcome::Done { .. } | Outcome::Stale { .. } | Outcome::KeyReused) => {
                        panic!("{kind} by {role:?}: {other:?}")
                    }
                }
            }
        }
        if self.may_give(Role::RivalHandler, kind) {
            let rival = self.submit(Role::RivalHandler, kind, check).await;
            assert!(matches!(rival, Outcome::NotFound), "{kind}: {rival:?}");
        }
        for role in Role::ALL
            .iter()
            .copied()
            .filter(|it| self.may_give(*it, kind))
        {
            match self.submit(role, kind, check).await {
                Outcome::Done { claim, .. } => {
                    self.claim = Some(*claim);
                    self.no_money_before_the_notice().await;
                    return;
                }
                Outcome::Blocked(blocked) if FOR_SOMEBODY_ELSE.contains(&blocked.code()) => {}
                Outcome::NotFound => {}
                other @ (Outcome::Blocked(_) | Outcome::Stale { .. } | Outcome::KeyReused) => {
                    panic!("{kind} by {role:?}: {other:?}")
                }
            }
        }
        panic!("{}: nobody could give {kind}", self.scheme.code);
    }

    /// The step is refused to everybody to whom the file gives it, with this code.
    async fn refused(&self, kind: CommandKind, code: &str) {
        self.refused_check(kind, None, code).await;
    }

    async fn refused_check(&self, kind: CommandKind, check: Option<Check>, code: &str) {
        let mut told = 0;
        for role in Role::ALL
            .iter()
            .copied()
            .filter(|it| self.may_give(*it, kind))
        {
            match self.submit(role, kind, check).await {
                Outcome::NotFound => {}
                Outcome::Blocked(blocked) => {
                    assert!(
                        blocked.code() == code || FOR_SOMEBODY_ELSE.contains(&blocked.code()),
                        "{kind} by {role:?}: {blocked:?}, not {code}"
                    );
                    told += usize::from(blocked.code() == code);
                }
                other @ (Outcome::Done { .. } | Outcome::Stale { .. } | Outcome::KeyReused) => {
                    panic!("{kind} by {role:?}: {other:?}, not {code}")
                }
            }
        }
        assert!(told > 0, "{kind}: {code} was told to nobody");
    }

    /// Invariant 1: until a notice has closed, nobody approves and nobody pays.
    async fn no_money_before_the_notice(&self) {
        if self.claim().state.closed_notice().is_none() {
            for kind in [
                CommandKind::ApproveClaim,
                CommandKind::SecondApproveClaim,
                CommandKind::InstructPayout,
                CommandKind::ConfirmPayout,
            ] {
                self.refused(kind, "INVALID_STATE").await;
            }
        }
    }

    /// Hands in what is due at a step; without it the step cannot end.
    async fn hand_in(&mut self, due: DueStep, ends: CommandKind) {
        let terms = self.scheme.terms(Peril::Illness).expect("covered");
        let rules: Vec<_> = terms
            .documents
            .iter()
            .filter(|it| it.due == due)
            .cloned()
            .collect();
        for rule in rules {
            for number in 1..=rule.count_min {
                self.refused(ends, "EVIDENCE_MISSING").await;
                let paper = Evidence {
                    kind: rule.kind.clone(),
                    sha256: ids::sha256(format!("{} {number}", rule.kind)),
                };
                self.attach(paper).await;
            }
        }
    }

    async fn attach(&mut self, paper: Evidence) {
        let kind = CommandKind::AttachDocument;
        let role = Role::ALL
            .iter()
            .copied()
            .find(|it| self.may_give(*it, kind));
        let role = role.expect("somebody hands documents in");
        let command = Command::AttachDocument { evidence: paper };
        match self.desk.submit(role, self.claim.as_ref(), command).await {
            Outcome::Done { claim, .. } => self.claim = Some(*claim),
            other @ (Outcome::Blocked(_)
            | Outcome::NotFound
            | Outcome::Stale { .. }
            | Outcome::KeyReused) => panic!("{kind} by {role:?}: {other:?}"),
        }
    }

    /// The file's second version is published; whoever begins now begins under it.
    async fn publish(&self, next: &Scheme) {
        let store = self.desk.store();
        store.put_scheme(next).await.expect("a version of its own");
        let before = self.claim().clone();
        let mut newer = Self {
            desk: self.desk.clone(),
            scheme: next.clone(),
            household: self.desk.world.household("驻操营").clone(),
            loss: self.loss,
            claim: None,
        };
        newer.give(CommandKind::DraftReferral).await;
        assert_eq!(newer.claim().scheme, next.id);
        assert_ne!(next.id, self.scheme.id);
        assert_eq!(self.desk.claim(before.id).await, before);
    }

    /// The file's checks in the file's order; any other check is refused.
    async fn checks(&mut self) {
        let kind = CommandKind::RecordFinding;
        for check in self.scheme.checks.clone() {
            let others = Check::ALL.iter().copied().filter(|it| *it != check);
            for other in others {
                self.refused_check(kind, Some(other), "CHECK_ORDER").await;
            }
            self.refused(CommandKind::RecordVerification, "CHECK_ORDER")
                .await;
            self.give_check(kind, Some(check)).await;
        }
        for check in Check::ALL.iter().copied() {
            self.refused_check(kind, Some(check), "CHECK_ORDER").await;
        }
    }

    /// The notice runs every day of its term before it closes.
    async fn notice(&mut self) {
        self.refused(CommandKind::CloseNotice, "INVALID_STATE")
            .await;
        self.refused(CommandKind::OpenPublicNotice, "PREVIEW_REQUIRED")
            .await;
        self.give(CommandKind::PreviewNotice).await;
        self.hand_in(DueStep::PublicNotice, CommandKind::OpenPublicNotice)
            .await;
        self.give(CommandKind::OpenPublicNotice).await;
        for _ in 0..self.scheme.notice.proofs_min {
            self.give(CommandKind::RecordPublicationProof).await;
        }
        let State::NoticeOpen(open) = &self.claim().state else {
            panic!("the notice is open");
        };
        let term = self.scheme.notice.term;
        let calendar = &self.desk.world.calendar;
        let last_day = calendar.last_day(open.notice.posted_on, term);
        assert_eq!(Ok(open.notice.last_day), last_day);
        let last_day = open.notice.last_day;
        let mut days = 0;
        while calendar::legal_day(self.desk.now()) <= last_day {
            self.refused(CommandKind::CloseNotice, "PERIOD_INCOMPLETE")
                .await;
            self.no_money_before_the_notice().await;
            self.desk.pass_days(1);
            days += 1;
        }
        assert!(days > term.days, "the day of posting does not count");
        self.give(CommandKind::CloseNotice).await;
    }

    /// The county's review where the file wants one; a second approver where the sum wants one.
    async fn approval(&mut self) {
        let approve = CommandKind::ApproveClaim;
        if self.scheme.county_review {
            self.refused(approve, "REVIEW_REQUIRED").await;
            self.give(CommandKind::CountyReviewClaim).await;
        }
        self.hand_in(DueStep::Approval, approve).await;
        let approving = self.scheme.duties_of(approve);
        let (alone, _) = self.scheme.authority_of(approving).expect("a limit");
        self.give(approve).await;
        let benefit = self.claim().assessment().map_or(Fen::ZERO, |it| it.benefit);
        if benefit > alone {
            self.claim().expect_status(Status::NoticeClosed);
            self.refused(CommandKind::InstructPayout, "INVALID_STATE")
                .await;
            self.give(CommandKind::SecondApproveClaim).await;
        }
        self.claim().expect_status(Status::Approved);
    }

    fn finding(&self, check: Check) -> Command {
        Command::RecordFinding {
            check,
            on: calendar::legal_day(self.desk.now()),
            passed: true,
            votes: (check == Check::VillageEvaluation).then_some(Votes {
                present: 30,
                agree: 28,
                against: 1,
            }),
            evidence: vec![evidence("入户照片")],
            flags: Vec::new(),
        }
    }

    /// The hash of the notice as it hangs or would hang.
    async fn content_hash(&self, role: Role) -> String {
        let claim = self.claim();
        if let State::NoticeOpen(open) = &claim.state {
            return open.notice.content_hash.clone();
        }
        let line = self.desk.desk.notice_preview(&role.caller(), claim).await;
        line.expect("reading")
            .map_or_else(|| ids::sha256("no notice"), |line| line.content_hash())
    }

    fn instruction_no(&self) -> String {
        let instructed = self.claim().state.instructed();
        instructed.map_or_else(
            || "none yet".to_owned(),
            |it| it.instruction.instruction_no.clone(),
        )
    }

    fn surveyor() -> Role {
        let holds = |it: &Role| it.person().duties.contains(&Duty::Surveyor);
        let role = Role::ALL.iter().copied().find(holds);
        role.expect("somebody surveys")
    }

    fn case(&self) -> Case {
        Case {
            insured: self.household.head,
            peril: Peril::Illness,
            event_on: day(2020, 5, 6),
            submitted: self.loss,
            payee: self.household.payees[0].id,
            basis: Some(Basis {
                decided_on: day(2020, 5, 18),
                document: "村民代表会议决议 2020-11 号(测试)".into(),
            }),
            advance: false,
        }
    }

    fn facts(&self) -> LossFacts {
        let claim = self.claim();
        LossFacts {
            bills: vec![Bill {
                key: BillKey::of("秦皇岛市某医院(测试)", &claim.number),
                amount: self.loss,
                on: Some(claim.case.event_on),
            }],
            other_compensation: Some(Fen::ZERO),
            ..LossFacts::default()
        }
    }

    /// The usual contents of each step that leads to payment.
    async fn command(&self, kind: CommandKind, role: Role, key: Uuid) -> Command {
        use CommandKind as C;
        let caller = role.caller();
        let made = Desk::ids(&caller, key);
        match kind {
            C::DraftReferral => Command::DraftReferral(DraftReferral {
                id: made.claim(),
                scheme: self.scheme.id,
                household: self.household.id,
                case: self.case(),
                follows: None,
            }),
            C::ReferCase => Command::ReferCase,
            C::AcceptReferral => Command::AcceptReferral,
            C::AssignSurvey => Command::AssignSurvey {
                surveyor: Self::surveyor().person_id(),
            },
            C::RecordVerification => Command::RecordVerification {
                facts: self.facts(),
            },
            C::PreviewNotice => Command::PreviewNotice {
                content_hash: self.content_hash(role).await,
            },
            C::OpenPublicNotice => Command::OpenPublicNotice {
                notice: made.notice(),
            },
            C::RecordPublicationProof => Command::RecordPublicationProof {
                content_hash: self.content_hash(role).await,
                evidence: Evidence {
                    kind: "公示照片".into(),
                    sha256: ids::sha256(key.to_string()),
                },
            },
            C::CloseNotice => Command::CloseNotice,
            C::CountyReviewClaim => Command::CountyReviewClaim,
            C::ApproveClaim => Command::ApproveClaim {
                benefit: self.claim().assessment().map_or(Fen::ZERO, |it| it.benefit),
                uplift: None,
                payee: self.claim().case.payee,
                dossier: dossier_of(self.claim()),
            },
            C::SecondApproveClaim => Command::SecondApproveClaim {
                amount: self.claim().assessment().map_or(Fen::ZERO, |it| it.benefit),
                payee: self.claim().case.payee,
                dossier: dossier_of(self.claim()),
            },
            C::InstructPayout => Command::InstructPayout {
                payment: made.payment(),
                amount: self.claim().amount(),
                payee: self.claim().case.payee,
            },
            C::ConfirmPayout => Command::ConfirmPayout {
                instruction_no: self.instruction_no(),
                amount: self.claim().amount(),
                bank_ref: format!("BANK{}", self.claim().number),
            },
            C::AmendReferral
            | C::ReturnReferral
            | C::RecordFinding
            | C::AttachDocument
            | C::DeclareIneligible
            | C::RaiseObjection
            | C::ResolveObjection
            | C::RejectClaim
            | C::SendBackClaim
            | C::ChangePayee
            | C::ConfirmPayee
            | C::ReportPayoutFailure
            | C::ReportPayoutReturned
            | C::MarkPayoutUnknown
            | C::ReconcilePayout
            | C::ReinstatePayout
            | C::WithdrawClaim
            | C::CloseClaim
            | C::StartRecovery
            | C::ReserveWaiting
            | C::WriteOffRecovery
            | C::ConfirmWriteOff
            | C::RecordRecovery
            | C::IssueRefusalLetter
            | C::LodgeAppeal
            | C::DecideAppeal => panic!("{kind} is no step of the walk"),
        }
    }
}

/// Every scheme of the orders is of the test county and its insurer.
pub fn expect_of_the_test_county(scheme: &Scheme) {
    assert_eq!(scheme.county, county());
    assert_eq!(scheme.insurer, World::new().scheme.insurer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::MemoryStore;
    use lifecycle::EventKind;
    use std::collections::BTreeSet;

    async fn walk(index: usize) {
        let order = &ORDERS[index];
        expect_of_the_test_county(&order.scheme());
        order.walk(Arc::new(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn order_a_is_paid() {
        walk(0).await;
    }

    #[tokio::test]
    async fn order_b_is_paid() {
        walk(1).await;
    }

    #[tokio::test]
    async fn order_c_is_paid() {
        walk(2).await;
    }

    #[tokio::test]
    async fn order_d_is_paid() {
        walk(3).await;
    }

    #[tokio::test]
    async fn order_e_is_paid() {
        walk(4).await;
    }

    /// The orders differ in what the field says they differ in.
    #[test]
    fn no_two_orders_are_the_same() {
        let shapes: BTreeSet<String> = ORDERS
            .iter()
            .map(|order| {
                let scheme = order.scheme();
                format!(
                    "{:?} {:?} {} {}",
                    scheme.checks,
                    scheme.duties,
                    scheme.county_review,
                    scheme.coverage.listed_first
                )
            })
            .collect();
        assert_eq!(shapes.len(), ORDERS.len());
    }

    /// The events of two orders come in different sequences: the file decides.
    #[tokio::test]
    async fn the_file_decides_who_refers() {
        let order = &ORDERS[1];
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let claim = order.walk(Arc::clone(&store)).await;
        let scope = Role::Auditor.caller().scope;
        let history = store.history(&scope, claim.id).await.expect("reading");
        let referred = history
            .iter()
            .find(|it| it.event.what.kind() == EventKind::CaseReferred);
        let by = referred.map(|it| it.event.stamp.by);
        assert_eq!(by, Some(Role::Handler.person_id()));
    }
}
