//! Each reason to say no, once, as the office would tell it. The last assertion holds the list of
//! reasons that were never given empty.

mod world;

use benefits::{Fen, Layer};
use chrono::Duration;
use lifecycle::phase::referral::Case;
use lifecycle::phase::verification::LossFacts;
use lifecycle::{
    Actor, Blocked, Check, Claim, Command, CommandKind as C, Order, Param, Peril, Status,
};
use std::collections::BTreeSet;
use world::office::Office;
use world::{Step, Who, World, at, day, evidence, yuan};

/// A claim that came to a status.
fn given(status: Status) -> Given {
    Given(Office::at(World::new(), status))
}

/// A claim that came to a status in another world.
fn given_in(world: World, status: Status) -> Given {
    Given(Office::at(world, status))
}

struct Given(Office);

impl Given {
    /// What happened besides.
    fn but(mut self, change: impl FnOnce(&mut Office)) -> Self {
        change(&mut self.0);
        self
    }

    /// What happened next.
    fn and(mut self, kinds: &[C]) -> Self {
        let steps: Vec<Step> = kinds.iter().copied().map(Step::Do).collect();
        self.0.walk(0, &steps);
        self
    }

    /// The usual command of a kind, by whoever usually gives it.
    fn when(self, kind: C) -> When {
        self.when_choice(kind, 0)
    }

    /// Another of the commands of a kind.
    fn when_choice(self, kind: C, choice: usize) -> When {
        let command = self
            .0
            .world
            .choices(kind, self.0.claim(0))
            .swap_remove(choice);
        let actor = Who::giver(&command).actor();
        self.when_order(&Order { actor, command })
    }

    /// The usual command of a kind, by somebody else.
    fn when_by(self, actor: Actor, kind: C) -> When {
        let command = self.0.world.usual(kind, self.0.claim(0));
        self.when_order(&Order { actor, command })
    }

    /// This very command.
    fn when_given(self, command: Command) -> When {
        let actor = Who::giver(&command).actor();
        self.when_order(&Order { actor, command })
    }

    fn when_order(mut self, order: &Order) -> When {
        let before: Vec<Claim> = self.0.files.iter().map(|it| it.claim.clone()).collect();
        let books = self.0.books();
        let blocked = self.0.submit(0, order).expect_err("this should be refused");
        let after: Vec<Claim> = self.0.files.iter().map(|it| it.claim.clone()).collect();
        assert_eq!(
            (before, books),
            (after, self.0.books()),
            "a refusal changed something"
        );
        assert_eq!(self.0.violations, []);
        When(blocked)
    }
}

struct When(Blocked);

impl When {
    fn then_blocked(self, seen: &mut Seen, code: &'static str) {
        assert_eq!(self.0.code(), code, "{:?}", self.0);
        for (name, param) in self.0.params() {
            assert!(!name.is_empty() && !param.to_string().is_empty());
        }
        seen.0.insert(code);
    }

    fn with(self, name: &str, value: &Param) -> Self {
        let params = self.0.params();
        assert!(
            params.iter().any(|it| it.0 == name && it.1 == *value),
            "{params:?}"
        );
        self
    }
}

#[derive(Default)]
struct Seen(BTreeSet<&'static str>);

/// Somebody with the duties of another.
fn with_duties(who: Who, of: Who) -> Actor {
    Actor {
        duties: of.duties(),
        ..who.actor()
    }
}

fn facts_of(change: impl FnOnce(&mut LossFacts)) -> Command {
    let mut facts = World::loss(&[(World::bill(7), yuan(5_000))]);
    change(&mut facts);
    Command::RecordVerification { facts }
}

/// Two claims of one household whose notices have both closed.
fn two_of_one_household() -> Given {
    let mut office = Office::new(World::new());
    for place in [0, 1] {
        let number = u32::try_from(place).unwrap_or(0);
        let draft = office.world.draft(0, number);
        office
            .submit(place, &Who::Town.orders(draft))
            .expect("a draft");
        let path = world::path_to(Status::NoticeClosed);
        office.walk(place, &path[1..]);
        office.walk(place, &[Step::Do(C::CountyReviewClaim)]);
    }
    office.walk(1, &[Step::Do(C::ApproveClaim)]);
    Given(office)
}

#[test]
fn every_reason_to_say_no_is_given() {
    let mut seen = Seen::default();
    anybody(&mut seen);
    referral(&mut seen);
    verification(&mut seen);
    public_notice(&mut seen);
    approval(&mut seen);
    payout(&mut seen);
    let never: Vec<&&str> = Blocked::CODES
        .iter()
        .filter(|it| !seen.0.contains(*it))
        .collect();
    assert!(never.is_empty(), "never given: {never:?}");
}

fn anybody(seen: &mut Seen) {
    given(Status::Draft)
        .when(C::ApproveClaim)
        .then_blocked(seen, "INVALID_STATE");
    given(Status::Referred)
        .when_by(Who::Town.actor(), C::AcceptReferral)
        .then_blocked(seen, "DUTY_MISSING");
    given(Status::Referred)
        .when_by(Who::Cousin.actor(), C::AcceptReferral)
        .then_blocked(seen, "SELF_DEALING");
    // Failure 8: delegation does not launder an interest.
    given(Status::Referred)
        .when_by(Who::Handler.acting_for(Who::Cousin), C::AcceptReferral)
        .then_blocked(seen, "SELF_DEALING");
    given(Status::Referred)
        .but(|office| {
            office.world = World::new().with_scheme(|it| it.id.0 = world::id(77));
        })
        .when(C::AcceptReferral)
        .with("reason", &Param::Text("NOT_THE_PINNED_SCHEME".into()))
        .then_blocked(seen, "VALIDATION");
}

fn referral(seen: &mut Seen) {
    given(Status::Referred)
        .when_choice(C::ReturnReferral, 1)
        .then_blocked(seen, "VALIDATION");
    given(Status::Draft)
        .but(|office| {
            let again = office.world.draft(0, 0);
            assert!(office.submit(1, &Who::Town.orders(again)).is_err());
        })
        .but(|office| {
            let other = office.world.draft(0, 1);
            assert!(office.submit(1, &Who::Town.orders(other)).is_ok());
        })
        .when_given(Command::AmendReferral {
            case: World::new().case(0, 1),
        })
        .then_blocked(seen, "DUPLICATE_EVENT");
    let lacking = Case {
        basis: None,
        ..World::new().case(0, 0)
    };
    given(Status::Draft)
        .but(|office| {
            let amend = Command::AmendReferral { case: lacking };
            assert!(office.submit(0, &Who::Town.orders(amend)).is_ok());
        })
        .when(C::ReferCase)
        .then_blocked(seen, "MISSING_BASIS");
    given(Status::Draft)
        .but(|office| office.world.houses[0].listed = false)
        .when(C::ReferCase)
        .then_blocked(seen, "HOUSEHOLD_NOT_LISTED");
    given(Status::Draft)
        .when_choice(C::AmendReferral, 1)
        .then_blocked(seen, "PAYEE_UNKNOWN");
    let schooling = Case {
        peril: Peril::Schooling,
        ..World::new().case(0, 0)
    };
    given(Status::Draft)
        .but(|office| {
            let amend = Command::AmendReferral { case: schooling };
            assert!(office.submit(0, &Who::Town.orders(amend)).is_ok());
        })
        .and(&[C::ReferCase])
        .when(C::AcceptReferral)
        .with("reason", &Param::Text("PERIL".into()))
        .then_blocked(seen, "NOT_COVERED");
}

fn verification(seen: &mut Seen) {
    given(Status::Accepted)
        .when_choice(C::AssignSurvey, 3)
        .then_blocked(seen, "CONFLICT_OF_INTEREST");
    given(Status::Accepted)
        .when_given(Command::AssignSurvey {
            surveyor: Who::Town.person(),
        })
        .then_blocked(seen, "NOT_QUALIFIED");
    given(Status::Verifying)
        .when(C::RecordVerification)
        .with("expected", &Param::Text(Check::FieldVisit.code().into()))
        .then_blocked(seen, "CHECK_ORDER");
    // Somebody else decides an assigned task (failure 5).
    given(Status::Verifying)
        .when_by(Who::OtherSurveyor.actor(), C::RecordFinding)
        .with("acted_as", &Param::Text("NOT_THE_SURVEYOR".into()))
        .then_blocked(seen, "DUTY_CONFLICT");
    let checked = || given(Status::Verifying).and(&[C::RecordFinding, C::RecordFinding]);
    checked()
        .when_given(facts_of(|it| it.evidence.clear()))
        .then_blocked(seen, "EVIDENCE_MISSING");
    checked()
        .when_given(facts_of(|it| it.evidence.push(evidence(" "))))
        .then_blocked(seen, "VALIDATION");
    checked()
        .when_given(facts_of(|it| it.other_compensation = None))
        .then_blocked(seen, "OTHER_COMPENSATION_REQUIRED");
    checked()
        .when_given(facts_of(|it| {
            it.layers.push(Layer {
                name: "基本医保".into(),
                paid: yuan(9_000),
            });
        }))
        .then_blocked(seen, "ASSESSMENT_FAILED");
    checked()
        .but(|office| office.insured.died_on = Some(day(1, 1)))
        .when(C::RecordVerification)
        .with("died_on", &Param::Day(day(1, 1)))
        .then_blocked(seen, "INSURED_DECEASED");
    checked()
        .when_choice(C::RecordVerification, 2)
        .then_blocked(seen, "BILL_TAKEN");
    checked()
        .when_choice(C::RecordVerification, 4)
        .then_blocked(seen, "NO_BENEFIT");
    given(Status::Verifying)
        .and(&[C::ChangePayee, C::RecordFinding, C::RecordFinding])
        .when(C::RecordVerification)
        .then_blocked(seen, "PAYEE_UNCONFIRMED");
    for (which, code) in [(4, "ACCOUNT_NAME_MISMATCH"), (5, "ACCOUNT_SHARED")] {
        let payee = World::new().payees[which].id;
        given(Status::Verifying)
            .when_given(Command::ChangePayee { payee })
            .then_blocked(seen, code);
    }
    given(Status::Verifying)
        .and(&[C::ChangePayee])
        .when_by(Who::Handler.actor(), C::ConfirmPayee)
        .then_blocked(seen, "SECOND_PERSON_REQUIRED");
    // Failure 8: whoever lets somebody change a payee in their place has changed it.
    given(Status::Verifying)
        .but(|office| {
            let change = office.world.usual(C::ChangePayee, office.claim(0));
            let mut order = Who::Handler.orders(change);
            order.actor.on_behalf_of = Some(Who::OtherHandler.person());
            assert!(office.submit(0, &order).is_ok());
        })
        .when(C::ConfirmPayee)
        .then_blocked(seen, "SECOND_PERSON_REQUIRED");
}

fn public_notice(seen: &mut Seen) {
    given(Status::Verified)
        .when(C::OpenPublicNotice)
        .then_blocked(seen, "PREVIEW_REQUIRED");
    given(Status::Verified)
        .but(|office| {
            let preview = office.world.usual(C::PreviewNotice, office.claim(0));
            assert!(office.submit(0, &Who::County.orders(preview)).is_ok());
        })
        .when(C::OpenPublicNotice)
        .then_blocked(seen, "PREVIEW_REQUIRED");
    given(Status::Verified)
        .when_choice(C::PreviewNotice, 1)
        .then_blocked(seen, "CONTENT_CHANGED");
    given(Status::NoticeOpen)
        .when_choice(C::RecordPublicationProof, 1)
        .then_blocked(seen, "CONTENT_CHANGED");
    given(Status::Verified)
        .but(|office| office.world.houses[0].head_name = "张建国130302195001010011".into())
        .when(C::PreviewNotice)
        .with("field", &Param::Text("headName".into()))
        .then_blocked(seen, "NOTICE_PRIVATE");
    // The last moment of the last day (failure 16): posted on the 5th, five days, closes on the
    // 11th at midnight in Shanghai.
    let proved = || given(Status::NoticeOpen).and(&[C::RecordPublicationProof]);
    proved()
        .but(|office| office.now = at(6, 11, 0) - Duration::microseconds(1))
        .when(C::CloseNotice)
        .with("closes_at", &Param::At(at(6, 11, 0)))
        .then_blocked(seen, "PERIOD_INCOMPLETE");
    let mut closes = proved().but(|office| office.now = at(6, 11, 0)).0;
    closes.walk(0, &[Step::Do(C::CloseNotice)]);
    given(Status::NoticeOpen)
        .but(|office| office.now += Duration::days(6))
        .when(C::CloseNotice)
        .with("need", &Param::Number(1))
        .then_blocked(seen, "PROOF_MISSING");
    proved()
        .and(&[C::RaiseObjection])
        .but(|office| office.now += Duration::days(6))
        .when(C::CloseNotice)
        .then_blocked(seen, "OBJECTION_OPEN");
    given(Status::NoticeOpen)
        .when(C::ResolveObjection)
        .then_blocked(seen, "OBJECTION_UNKNOWN");
    given(Status::Verified)
        .and(&[C::PreviewNotice])
        .but(|office| office.now = at(12, 29, 9))
        .when(C::OpenPublicNotice)
        .with("year", &Param::Number(2021))
        .then_blocked(seen, "CALENDAR_MISSING");
    // A scheme cannot skip the notice by a term of no days or by asking for no proof.
    let no_days = World::new().with_scheme(|it| it.notice.term.days = 0);
    given_in(no_days, Status::Verified)
        .and(&[C::PreviewNotice])
        .when(C::OpenPublicNotice)
        .then_blocked(seen, "VALIDATION");
    let no_proofs = World::new().with_scheme(|it| it.notice.proofs_min = 0);
    given_in(no_proofs, Status::NoticeOpen)
        .but(|office| office.now += Duration::days(6))
        .when(C::CloseNotice)
        .then_blocked(seen, "PROOF_MISSING");
    // The same objection cannot stand twice, and nobody resolves what they reviewed.
    given(Status::NoticeOpen)
        .and(&[C::RaiseObjection])
        .when_given(Command::RaiseObjection {
            objection: lifecycle::ObjectionId(world::id(0xb000)),
            grounds: "重复(虚构)".into(),
        })
        .then_blocked(seen, "VALIDATION");
    given(Status::NoticeClosed)
        .and(&[C::CountyReviewClaim, C::RaiseObjection])
        .when_by(
            with_duties(Who::Reviewer, Who::Supervisor),
            C::ResolveObjection,
        )
        .with("acted_as", &Param::Text("REVIEWER".into()))
        .then_blocked(seen, "DUTY_CONFLICT");
}

fn approval(seen: &mut Seen) {
    let reviewed = || given(Status::NoticeClosed).and(&[C::CountyReviewClaim]);
    given(Status::NoticeClosed)
        .when(C::ApproveClaim)
        .then_blocked(seen, "REVIEW_REQUIRED");
    for (who, part) in [(Who::Town, "REFERRER"), (Who::Surveyor, "SURVEYOR")] {
        reviewed()
            .when_by(with_duties(who, Who::Approver), C::ApproveClaim)
            .with("acted_as", &Param::Text(part.into()))
            .then_blocked(seen, "DUTY_CONFLICT");
    }
    // Failure 8: nor in somebody's place, nor through somebody.
    reviewed()
        .when_by(Who::Surveyor.acting_for(Who::Approver), C::ApproveClaim)
        .then_blocked(seen, "DUTY_CONFLICT");
    let mut through = Who::Approver.actor();
    through.on_behalf_of = Some(Who::Surveyor.person());
    reviewed()
        .when_by(through, C::ApproveClaim)
        .then_blocked(seen, "DUTY_CONFLICT");
    // Failure 9: no timer, no program.
    for who in [Who::Timer, Who::RashTimer] {
        reviewed()
            .when_by(who.actor(), C::ApproveClaim)
            .then_blocked(seen, "DUTY_MISSING");
    }
    reviewed()
        .when_choice(C::ApproveClaim, 2)
        .then_blocked(seen, "OVER_ASSESSMENT");
    reviewed()
        .when_choice(C::ApproveClaim, 4)
        .then_blocked(seen, "OVER_ASSESSMENT");
    // Another screen: the approver saw less than stands there.
    reviewed()
        .when_choice(C::ApproveClaim, 3)
        .then_blocked(seen, "MISMATCH");
    reviewed()
        .when(C::SecondApproveClaim)
        .then_blocked(seen, "NO_FIRST_APPROVAL");
    let first = || reviewed().but(|it| it.walk(0, &[Step::Other(C::ApproveClaim)]));
    first()
        .when_choice(C::ApproveClaim, 1)
        .with("limit", &Param::Money(yuan(3_000)))
        .then_blocked(seen, "OVER_LIMIT");
    first()
        .when_by(Who::Approver.actor(), C::SecondApproveClaim)
        .then_blocked(seen, "DUTY_CONFLICT");
    first()
        .when_choice(C::SecondApproveClaim, 1)
        .then_blocked(seen, "MISMATCH");
    // Both were assessed within the cap; the first approval leaves too little for the second.
    two_of_one_household()
        .when(C::ApproveClaim)
        .with("remaining", &Param::Money(yuan(1_500)))
        .then_blocked(seen, "CAP_EXCEEDED");
    let mut poor = World::new();
    poor.pool = yuan(1_999);
    given_in(poor, Status::NoticeClosed)
        .and(&[C::CountyReviewClaim])
        .when(C::ApproveClaim)
        .with("available", &Param::Money(yuan(1_999)))
        .then_blocked(seen, "POOL_INSUFFICIENT");
    reviewed()
        .but(|office| {
            let payee = office.claim(0).case.payee;
            office.payees_died.insert(payee);
        })
        .when(C::ApproveClaim)
        .then_blocked(seen, "PAYEE_DECEASED");
}

fn payout(seen: &mut Seen) {
    given(Status::Approved)
        .and(&[C::RaiseObjection])
        .when(C::InstructPayout)
        .with("objections", &Param::Number(1))
        .then_blocked(seen, "OBJECTION_OPEN");
    given(Status::Approved)
        .but(|office| office.now -= Duration::days(3))
        .when(C::InstructPayout)
        .then_blocked(seen, "PERIOD_INCOMPLETE");
    given(Status::Approved)
        .but(|office| office.now += Duration::days(90))
        .when(C::InstructPayout)
        .with("days_max", &Param::Number(60))
        .then_blocked(seen, "LIVENESS_STALE");
    for choice in [1, 2] {
        given(Status::Approved)
            .when_choice(C::InstructPayout, choice)
            .then_blocked(seen, "MISMATCH");
    }
    given(Status::Approved)
        .when_by(with_duties(Who::Approver, Who::Cashier), C::InstructPayout)
        .with("acted_as", &Param::Text("APPROVER".into()))
        .then_blocked(seen, "DUTY_CONFLICT");
    given(Status::Instructed)
        .when(C::InstructPayout)
        .then_blocked(seen, "ALREADY_INSTRUCTED");
    given(Status::PayUnknown)
        .when(C::ReinstatePayout)
        .then_blocked(seen, "ALREADY_INSTRUCTED");
    for choice in [1, 2] {
        given(Status::Instructed)
            .when_choice(C::ConfirmPayout, choice)
            .then_blocked(seen, "MISMATCH");
    }
    given(Status::Instructed)
        .when_by(Who::Cashier.actor(), C::ConfirmPayout)
        .then_blocked(seen, "SECOND_PERSON_REQUIRED");
    given(Status::PayFailed)
        .when(C::ConfirmPayout)
        .then_blocked(seen, "CONTRADICTION");
    given(Status::Closed)
        .when(C::ReportPayoutFailure)
        .then_blocked(seen, "CONTRADICTION");
    given(Status::Recovering)
        .when_choice(C::RecordRecovery, 1)
        .then_blocked(seen, "MISMATCH");
}

/// A day's worth of scheme data moves a command to another duty; nothing moves it to a surveyor.
#[test]
fn a_scheme_moves_duties_but_not_to_whom_it_must_not() {
    let moved = World::new().with_scheme(|scheme| {
        let duties = vec![lifecycle::Duty::CountyReviewer, lifecycle::Duty::Surveyor];
        scheme.duties.insert(C::ApproveClaim, duties);
    });
    let mut office = Office::at(moved, Status::NoticeClosed);
    office.walk(0, &[Step::Do(C::CountyReviewClaim)]);
    let approve = office.world.usual(C::ApproveClaim, office.claim(0));
    for (who, fine) in [
        (Who::Approver, false),
        (Who::OtherSurveyor, false),
        (Who::Reviewer, true),
    ] {
        let mut tried = office.clone();
        let went = tried.submit(0, &who.orders(approve.clone())).is_ok();
        assert_eq!(went, fine, "{who:?}");
    }
}

/// The two persons of an uplift, with the money that is reserved only at the second.
#[test]
fn an_uplift_is_its_own_line_and_takes_two_approvers() {
    let mut office = Office::at(World::new(), Status::NoticeClosed);
    office.walk(
        0,
        &[Step::Do(C::CountyReviewClaim), Step::Other(C::ApproveClaim)],
    );
    assert_eq!(office.claim(0).status(), Status::NoticeClosed);
    assert_eq!(office.books().reserved, 0);
    office.walk(0, &[Step::Do(C::SecondApproveClaim)]);
    let approved = office
        .claim(0)
        .state
        .approved()
        .map(|it| it.approval.clone());
    let approval = approved.expect("it is approved");
    assert_eq!(
        (approval.benefit, approval.amount),
        (yuan(2_000), yuan(2_100))
    );
    assert_eq!(Fen::new(office.books().reserved), yuan(2_100));
    assert_eq!(evidence("公示照片").sha256.len(), 64);
}
