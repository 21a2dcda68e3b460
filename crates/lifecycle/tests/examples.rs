//! Each reason to say no, once, as the office would tell it. The last assertion holds the list of
//! reasons that were never given empty.

mod world;

use benefits::{Accumulation, Fen, Layer};
use chrono::{Duration, NaiveDate};
use lifecycle::phase::referral::{Case, FollowKind};
use lifecycle::phase::refusal::RefusalLine;
use lifecycle::phase::verification::{Evidence, Flag, IncomeFacts, LossFacts, Verifying, Votes};
use lifecycle::pool::{
    Flows, PoolBlocked, PoolClaims, PoolCommand, PoolSeen, Waiting, decide_pool,
};
use lifecycle::scheme::{
    Clause, DocumentRule, DueStep, IncomeTerms, IncomeWindow, QueueOrder, Supplier, VoteBase,
    YearDate,
};
use lifecycle::{
    Actor, Blocked, Check, Claim, ClaimId, Command, CommandKind as C, NameCheck, NameCheckMeans,
    OpenAdvance, Order, Param, PayeeRelation, Peril, RunningShare, Status,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use world::office::Office;
use world::{Step, Who, World, at, day, evidence, path_to, plus, yuan};

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
            .choices(kind, self.0.claim(0), self.0.now)
            .swap_remove(choice);
        let actor = Who::giver(&command).actor();
        self.when_order(&Order { actor, command })
    }

    /// The usual command of a kind, by somebody else.
    fn when_by(self, actor: Actor, kind: C) -> When {
        let command = self.0.world.usual(kind, self.0.claim(0), self.0.now);
        self.when_order(&Order { actor, command })
    }

    /// This very command, by whoever usually gives it, goes through.
    fn then_goes(mut self, command: Command) {
        let actor = Who::giver(&command).actor();
        let went = self.0.submit(0, &Order { actor, command });
        assert!(went.is_ok(), "{went:?}");
        assert_eq!(self.0.violations, []);
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

/// Two claims of one household whose notices have both closed, the second one approved.
fn two_of_one_household() -> Given {
    two_of_one_household_in(World::new())
}

fn two_of_one_household_in(world: World) -> Given {
    Given(Office::with_two(world, yuan(5_000)))
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
    refusal(&mut seen);
    scheme_terms(&mut seen);
    // Said before a command is made, by the desk.
    let at_the_door = ["PRIVATE_IN_TEXT"];
    let never: Vec<&&str> = Blocked::CODES
        .iter()
        .filter(|it| !seen.0.contains(*it) && !at_the_door.contains(*it))
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
    given(Status::Draft)
        .but(|office| {
            let other = office.world.draft(0, 1);
            assert!(office.submit(1, &Who::Town.orders(other)).is_ok());
            // As the store tells of a claim out of the caller's sight.
            office.files[1].claim.number.clear();
        })
        .when_given(Command::AmendReferral {
            case: World::new().case(0, 1),
        })
        .then_blocked(seen, "DUPLICATE_ELSEWHERE");
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
    let moved = Case {
        event_on: World::new().case(0, 1).event_on,
        ..World::new().case(0, 0)
    };
    for (status, earlier) in [
        (Status::Verified, Err("NOT_ENDED")),
        (Status::Ineligible, Err("NOT_ENDED")),
        (Status::PayReturned, Err("NOT_ENDED")),
        (Status::Paid, Ok(FollowKind::Supplement)),
        (Status::Closed, Ok(FollowKind::Supplement)),
        (Status::WrittenOff, Ok(FollowKind::Supplement)),
        (Status::Recovered, Ok(FollowKind::Reopened)),
        (Status::Withdrawn, Ok(FollowKind::Reopened)),
        (Status::RefusalClosed, Ok(FollowKind::Reopened)),
    ] {
        let mut office = Office::at(World::new(), status);
        let no = |reason| {
            Err(Blocked::Validation {
                field: "followsClaimId",
                reason,
            })
        };
        let follow = |number: u32, earlier: ClaimId, case: Case, office: &Office| {
            let mut command = office.world.draft(0, number);
            if let Command::DraftReferral(draft) = &mut command {
                draft.follows = Some(earlier);
                draft.case = case;
            }
            Who::Town.orders(command)
        };
        let (id, same) = (office.claim(0).id, office.claim(0).case.clone());
        let unknown = follow(7, ClaimId(world::id(1)), same.clone(), &office);
        assert_eq!(office.submit(1, &unknown), no("UNKNOWN"));
        let elsewhere = follow(7, id, moved.clone(), &office);
        assert_eq!(office.submit(1, &elsewhere), no("ANOTHER_EVENT"));
        let advance = Case {
            advance: true,
            ..same.clone()
        };
        if earlier.is_ok() {
            let advance = follow(7, id, advance, &office);
            let refused = Err(Blocked::Validation {
                field: "isAdvance",
                reason: "FOLLOWS",
            });
            assert_eq!(office.submit(1, &advance), refused);
        }
        let lawful = follow(7, id, same.clone(), &office);
        let done = office.submit(1, &lawful);
        match earlier {
            Err(reason) => {
                assert_eq!(done, no(reason), "{status:?}");
                continue;
            }
            Ok(kind) => {
                assert!(done.is_ok(), "{status:?}: {done:?}");
                let follows = office.claim(1).follows.clone();
                let follows = follows.expect("it goes on with the first");
                assert_eq!((follows.claim, follows.first, follows.kind), (id, id, kind));
            }
        }
        let again = follow(8, id, same, &office);
        assert_eq!(office.submit(2, &again), no("FOLLOWED_ALREADY"));
        let moved = Command::AmendReferral {
            case: moved.clone(),
        };
        let moved = office.submit(1, &Who::Town.orders(moved));
        assert_eq!(moved, no("ANOTHER_EVENT"));
    }
    for (status, command) in [
        (Status::Verifying, C::RecordVerification),
        (Status::NoticeClosed, C::ApproveClaim),
    ] {
        let ready = |holds_money| {
            let advance = OpenAdvance {
                number: "先行".into(),
                holds_money,
            };
            let given = given(status).but(|office| office.open_advance = Some(advance));
            given.and(if command == C::ApproveClaim {
                &[C::CountyReviewClaim]
            } else {
                &[C::RecordFinding, C::RecordFinding]
            })
        };
        ready(true)
            .when(command)
            .then_blocked(seen, "ADVANCE_STANDS");
        // Nobody waits for an advance that is no money yet.
        let mut office = ready(false).0;
        office.walk(0, &[Step::Do(command)]);
    }
    let advance = Case {
        advance: true,
        ..World::new().case(0, 0)
    };
    given(Status::Draft)
        .when_given(Command::AmendReferral { case: advance })
        .then_blocked(seen, "VALIDATION");
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
            let change = office
                .world
                .usual(C::ChangePayee, office.claim(0), office.now);
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
            let preview = office
                .world
                .usual(C::PreviewNotice, office.claim(0), office.now);
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
    // The same photo twice is one proof.
    let two_proofs = World::new().with_scheme(|it| it.notice.proofs_min = 2);
    given_in(two_proofs, Status::NoticeOpen)
        .and(&[C::RecordPublicationProof, C::RecordPublicationProof])
        .but(|office| office.now += Duration::days(6))
        .when(C::CloseNotice)
        .with("have", &Param::Number(1))
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
    // What was seen is not what stands there: dossier, payee, for the first approver and the second.
    let unlike = |field: &str| Param::Text(field.into());
    for (choice, field) in [(5, "dossierHash"), (6, "payeeId")] {
        reviewed()
            .when_choice(C::ApproveClaim, choice)
            .with("field", &unlike(field))
            .then_blocked(seen, "MISMATCH");
    }
    for (choice, field) in [(2, "dossierHash"), (3, "payeeId")] {
        first()
            .when_choice(C::SecondApproveClaim, choice)
            .with("field", &unlike(field))
            .then_blocked(seen, "MISMATCH");
    }
    // A document came between the two: the first approver has not seen it, and may approve anew.
    let between = || first().and(&[C::AttachDocument]);
    between()
        .when(C::SecondApproveClaim)
        .then_blocked(seen, "DOSSIER_CHANGED");
    let mut anew = between().0;
    anew.walk(0, &[Step::Other(C::ApproveClaim)]);
    anew.walk(0, &[Step::Do(C::SecondApproveClaim)]);
    assert_eq!(anew.claim(0).status(), Status::Approved);
    // Both were assessed within the cap; the first approval leaves too little for the second.
    two_of_one_household()
        .when(C::ApproveClaim)
        .with("remaining", &Param::Money(yuan(1_500)))
        .then_blocked(seen, "CAP_EXCEEDED");
    given(Status::AwaitingFunds)
        .but(|office| office.world.pool = yuan(1_999))
        .when(C::ReserveWaiting)
        .with("available", &Param::Money(yuan(1_999)))
        .then_blocked(seen, "POOL_INSUFFICIENT");
    given(Status::AwaitingFunds)
        .when_choice(C::ReserveWaiting, 1)
        .then_blocked(seen, "MISMATCH");
    behind_another()
        .when(C::ReserveWaiting)
        .then_blocked(seen, "NOT_FIRST");
    reviewed()
        .but(|office| {
            let payee = office.claim(0).case.payee;
            office.payees_died.insert(payee);
        })
        .when(C::ApproveClaim)
        .then_blocked(seen, "PAYEE_DECEASED");
}

/// Whose account it is, and in what relation its holder is paid.
fn payee(seen: &mut Seen) {
    let own = |change: fn(&mut world::PayeeRow)| {
        given(Status::Approved).but(|office| change(&mut office.world.payees[0]))
    };
    // The latest check counts, and one that the scheme takes must be recent.
    own(|it| it.checked.push(world::compared(false)))
        .when(C::InstructPayout)
        .then_blocked(seen, "ACCOUNT_NAME_MISMATCH");
    own(|it| it.checked.clear())
        .when(C::InstructPayout)
        .then_blocked(seen, "ACCOUNT_NAME_MISMATCH");
    let terms = |means, days_max| {
        given(Status::Approved).but(|office| {
            let scheme = Arc::make_mut(&mut office.world.scheme);
            scheme.payee_check = means;
            scheme.payee_check_days_max = days_max;
        })
    };
    let strict = || terms(NameCheckMeans::BankReply, 365);
    strict()
        .when(C::InstructPayout)
        .with("means", &Param::Text("BANK_REPLY".into()))
        .then_blocked(seen, "NAME_CHECK_DUE");
    let told = |office: &mut Office| {
        office.world.payees[0].checked.push(NameCheck {
            means: NameCheckMeans::BankReply,
            ..world::compared(true)
        });
    };
    let instruct = |given: &Given| {
        let office = &given.0;
        office
            .world
            .usual(C::InstructPayout, office.claim(0), office.now)
    };
    let replied = strict().but(told);
    let command = instruct(&replied);
    replied.then_goes(command);
    // From 2 May to 11 June, to the day.
    terms(NameCheckMeans::NamesCompared, 39)
        .when(C::InstructPayout)
        .with("days_max", &Param::Number(39))
        .then_blocked(seen, "NAME_CHECK_DUE");
    let fresh = terms(NameCheckMeans::NamesCompared, 40);
    let command = instruct(&fresh);
    fresh.then_goes(command);
    own(|it| it.relation = PayeeRelation::Insured)
        .when(C::InstructPayout)
        .then_blocked(seen, "RELATION_MISMATCH");
    own(|it| it.relation = PayeeRelation::Heir)
        .when(C::InstructPayout)
        .then_blocked(seen, "RELATION_MISMATCH");
    // The insured has died since.
    let orphaned = || given(Status::Approved).but(|it| it.insured.died_on = Some(day(6, 9)));
    orphaned()
        .when(C::InstructPayout)
        .then_blocked(seen, "HEIR_REQUIRED");
    let heir = orphaned().but(|it| it.world.payees[0].relation = PayeeRelation::Heir);
    let command = instruct(&heir);
    heir.then_goes(command);
}

fn payout(seen: &mut Seen) {
    payee(seen);
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
    recoveries(seen);
}

/// A claim whose notice closed later than another one's that waits. Its money is there: it waits too.
fn behind_another() -> Given {
    let mut office = Office::new(World::new());
    for place in [0, 1] {
        let draft = office.world.draft(place, u32::try_from(place).unwrap_or(0));
        office
            .submit(place, &Who::Town.orders(draft))
            .expect("a draft");
    }
    office.walk(1, &path_to(Status::AwaitingFunds)[1..]);
    office.walk(0, &path_to(Status::NoticeClosed)[1..]);
    office.walk(
        0,
        &[Step::Do(C::CountyReviewClaim), Step::Do(C::ApproveClaim)],
    );
    assert_eq!(office.claim(0).status(), Status::AwaitingFunds);
    Given(office)
}

/// Whatever was paid wrongly comes back in parts, each known by its reference; the rest is written off by two.
fn recoveries(seen: &mut Seen) {
    let recovering = || given(Status::Recovering);
    recovering()
        .when_choice(C::RecordRecovery, 2)
        .with("outstanding", &Param::Money(yuan(2_000)))
        .then_blocked(seen, "OVER_OUTSTANDING");
    recovering()
        .when_by(Who::Cashier.actor(), C::RecordRecovery)
        .then_blocked(seen, "SECOND_PERSON_REQUIRED");
    let again = Step::Last(C::RecordRecovery);
    recovering()
        .but(|it| it.walk(0, &[again]))
        .when_choice(C::RecordRecovery, 3)
        .then_blocked(seen, "REFERENCE_TAKEN");
    recovering()
        .when_choice(C::WriteOffRecovery, 1)
        .then_blocked(seen, "MISMATCH");
    recovering()
        .when(C::ConfirmWriteOff)
        .then_blocked(seen, "NO_WRITE_OFF");
    let proposed = || recovering().and(&[C::WriteOffRecovery]);
    proposed()
        .when_choice(C::ConfirmWriteOff, 1)
        .then_blocked(seen, "MISMATCH");
    // Whoever proposed it does not confirm it, whatever duties there are; nor does whoever paid.
    let supervising = |who: Who| Actor {
        duties: Who::Supervisor.duties(),
        ..who.actor()
    };
    for who in [Who::Accountant, Who::Cashier] {
        proposed()
            .when_by(supervising(who), C::ConfirmWriteOff)
            .then_blocked(seen, "SECOND_PERSON_REQUIRED");
    }
    // Money that comes in makes a proposal void.
    proposed()
        .but(|it| it.walk(0, &[Step::Other(C::RecordRecovery)]))
        .when(C::ConfirmWriteOff)
        .then_blocked(seen, "NO_WRITE_OFF");
    // The scheme's limit, for both persons.
    let careful = World::new().with_scheme(|it| it.pool.write_off_max = yuan(1_999));
    given_in(careful, Status::Recovering)
        .when(C::WriteOffRecovery)
        .with("limit", &Param::Money(yuan(1_999)))
        .then_blocked(seen, "BEYOND_AUTHORITY");
    proposed()
        .but(|it| {
            it.world = it
                .world
                .clone()
                .with_scheme(|scheme| scheme.pool.write_off_max = yuan(1_999));
        })
        .when(C::ConfirmWriteOff)
        .then_blocked(seen, "BEYOND_AUTHORITY");
}

/// What of a wrong payment came back and what did not are together what was paid; a written-off loss stays
/// in the books, counts for the caps and keeps its event.
#[test]
fn recovered_and_written_off_are_what_was_paid() {
    let office = Office::at(World::new(), Status::WrittenOff);
    let books = office.books();
    assert_eq!((books.paid_out, books.written_off), (0, yuan(1_000).get()));
    assert_eq!(books.available, yuan(4_000).get());
    let claim = office.claim(0);
    assert_eq!(claim.counted().benefit, yuan(1_000));
    assert!(claim.status().is_living());
    assert_eq!(office.violations, []);
    let office = Office::at(World::new(), Status::Recovered);
    assert_eq!(office.claim(0).counted(), RunningShare::default());
    assert!(!office.claim(0).status().is_living());
}

/// Each order of the queue puts another claim first (failure 34: a setting that nobody reads).
#[test]
fn the_queue_is_in_the_order_the_scheme_declares() {
    // The second household's claim: its notice closed a day later, it was approved first, its sum is
    // smaller, its group is named first.
    let first = |order: QueueOrder| {
        let mut world = World::new().with_scheme(|scheme| {
            scheme.pool.queue_order = order;
            scheme.coverage.groups = vec!["脱贫户".into(), world::GROUP.into()];
        });
        world.houses[1].group = "脱贫户".into();
        let mut office = Office::new(world);
        for place in [0, 1] {
            let draft = office.world.draft(place, u32::try_from(place).unwrap_or(0));
            office
                .submit(place, &Who::Town.orders(draft))
                .expect("a draft");
        }
        let (noticed, short) = (path_to(Status::NoticeClosed), Step::Pool(yuan(1)));
        office.walk(0, &noticed[1..]);
        let verified = path_to(Status::Verifying);
        office.walk(1, &verified[1..]);
        office.walk(1, &[Step::Do(C::RecordFinding), Step::Do(C::RecordFinding)]);
        let smaller = office
            .world
            .usual(C::RecordVerification, office.claim(1), office.now);
        let Command::RecordVerification { mut facts } = smaller else {
            unreachable!("the command of the kind");
        };
        facts.bills[0].amount = Fen::new(facts.bills[0].amount.get() - 100);
        let smaller = Who::Surveyor.orders(Command::RecordVerification { facts });
        office.submit(1, &smaller).expect("a smaller sum");
        office.walk(1, &noticed[path_to(Status::Verified).len()..]);
        let approval = [
            Step::Do(C::CountyReviewClaim),
            short,
            Step::Do(C::ApproveClaim),
        ];
        office.walk(1, &approval);
        office.now += Duration::minutes(1);
        office.walk(0, &approval);
        let mut ranks: Vec<(String, usize)> = [0, 1]
            .map(|place| {
                let waiting = Waiting::of(office.claim(place)).expect("it waits");
                (waiting.rank, place)
            })
            .into();
        ranks.sort();
        ranks[0].1
    };
    assert_eq!(first(QueueOrder::NoticeClosed), 0);
    assert_eq!(first(QueueOrder::Approval), 1);
    assert_eq!(first(QueueOrder::SmallestFirst), 1);
    assert_eq!(first(QueueOrder::Group), 1);
}

/// What a county writes into its scheme: each term is seen to refuse, and the same case passes
/// without it (failure 34).
fn scheme_terms(seen: &mut Seen) {
    coverage(seen);
    documents(seen);
    policy_year(seen);
    authority(seen);
    twelve_months(seen);
    yearly_losses(seen);
}

fn coverage(seen: &mut Seen) {
    let others_only = World::new().with_scheme(|it| it.coverage.groups = vec!["脱贫户".into()]);
    given_in(others_only, Status::Referred)
        .when(C::AcceptReferral)
        .with("reason", &Param::Text("GROUP".into()))
        .then_blocked(seen, "NOT_COVERED");
    let nobody_listed = || {
        let mut world = World::new();
        world.houses[0].listed = false;
        world
    };
    let open = nobody_listed().with_scheme(|it| it.coverage.listed_first = false);
    assert_eq!(
        Office::at(open, Status::Referred).claim(0).status(),
        Status::Referred
    );
    // The line is 1.5 times 4,000; 6,000 exactly is not above it.
    let lined = || {
        World::new().with_scheme(|it| {
            it.coverage.income = Some(IncomeTerms {
                base: yuan(4_000),
                multiplier_bp: 15_000,
                window: IncomeWindow::RollingYear,
                groups: vec![world::GROUP.into()],
            });
        })
    };
    let income = |per_head: Fen, from: NaiveDate| {
        facts_of(|it| {
            it.income = Some(IncomeFacts {
                per_head,
                from,
                to: day(5, 31),
            });
        })
    };
    let june = NaiveDate::from_ymd_opt(2019, 6, 1).expect("a day");
    let checked =
        |world| given_in(world, Status::Verifying).and(&[C::RecordFinding, C::RecordFinding]);
    checked(lined())
        .when(C::RecordVerification)
        .with("field", &Param::Text("income".into()))
        .then_blocked(seen, "VALIDATION");
    checked(lined())
        .when_given(income(yuan(5_000), day(1, 1)))
        .with("from", &Param::Day(june))
        .with("to", &Param::Day(day(5, 31)))
        .then_blocked(seen, "INCOME_WINDOW");
    checked(lined())
        .when_given(income(plus(yuan(6_000), 1), june))
        .with("line", &Param::Money(yuan(6_000)))
        .then_blocked(seen, "OVER_INCOME_LINE");
    checked(lined()).then_goes(income(yuan(6_000), june));
    let elsewhere = lined().with_scheme(|it| {
        let terms = it.coverage.income.as_mut().expect("a line");
        terms.groups = vec!["脱贫户".into()];
    });
    checked(elsewhere).then_goes(income(yuan(60_000), june));
    // A flag is rebutted with a reason, or the check is not passed; it never decides in silence.
    let flagged = |exclusion: &str, rebuttal: Option<&str>, passed| Command::RecordFinding {
        check: Check::FieldVisit,
        on: day(6, 1),
        passed,
        votes: None,
        evidence: vec![evidence("入户照片")],
        flags: vec![Flag {
            exclusion: exclusion.into(),
            rebuttal: rebuttal.map(Into::into),
        }],
    };
    for rebuttal in [None, Some(" ")] {
        given(Status::Verifying)
            .when_given(flagged("购买商品房", rebuttal, true))
            .with("flags", &Param::Text("购买商品房".into()))
            .then_blocked(seen, "FLAG_STANDS");
    }
    given(Status::Verifying)
        .when_given(flagged("养宠物", Some("虚构"), true))
        .then_blocked(seen, "VALIDATION");
    given(Status::Verifying).then_goes(flagged("购买商品房", Some("系拆迁安置房(虚构)"), true));
    given(Status::Verifying).then_goes(flagged("购买商品房", None, false));
    // Nine present is the quorum; two thirds of those present pass, reached or exceeded.
    let votes = |present, agree, passed| Command::RecordFinding {
        check: Check::VillageEvaluation,
        on: day(6, 1),
        passed,
        votes: Some(Votes {
            present,
            agree,
            against: 1,
        }),
        evidence: vec![],
        flags: vec![],
    };
    let visited = |world| given_in(world, Status::Verifying).and(&[C::RecordFinding]);
    visited(World::new())
        .when_given(votes(8, 7, true))
        .with("present_min", &Param::Number(9))
        .then_blocked(seen, "QUORUM_MISSING");
    let two_thirds = |exceeded, of| {
        World::new().with_scheme(|it| {
            it.evaluation.numerator = 2;
            it.evaluation.denominator = 3;
            it.evaluation.exceeded = exceeded;
            it.evaluation.of = of;
        })
    };
    visited(two_thirds(false, VoteBase::Present)).then_goes(votes(12, 8, true));
    visited(two_thirds(true, VoteBase::Present))
        .when_given(votes(12, 8, true))
        .then_blocked(seen, "VALIDATION");
    visited(two_thirds(true, VoteBase::Cast)).then_goes(votes(12, 8, true));
}

fn documents(seen: &mut Seen) {
    let needs = |due| {
        World::new().with_scheme(|it| {
            let terms = &mut it.perils[0];
            terms.documents.push(DocumentRule {
                kind: "返贫证明".into(),
                count_min: 2,
                supplier: Supplier::County,
                due,
                advance: false,
            });
        })
    };
    let paper = |number: u8| Command::AttachDocument {
        evidence: Evidence {
            kind: "返贫证明".into(),
            sha256: format!("{number:064x}"),
        },
    };
    for (due, status, before, command) in [
        (DueStep::Referral, Status::Draft, vec![], C::ReferCase),
        (
            DueStep::Verification,
            Status::Verifying,
            vec![C::RecordFinding, C::RecordFinding],
            C::RecordVerification,
        ),
        (
            DueStep::PublicNotice,
            Status::Verified,
            vec![C::PreviewNotice],
            C::OpenPublicNotice,
        ),
        (
            DueStep::Approval,
            Status::NoticeClosed,
            vec![C::CountyReviewClaim],
            C::ApproveClaim,
        ),
        (DueStep::Payout, Status::Approved, vec![], C::InstructPayout),
        (DueStep::Archive, Status::Paid, vec![], C::CloseClaim),
    ] {
        let missing = |lacking: u8| Param::Text(format!("返贫证明×{lacking}(县级)"));
        given_in(needs(due), status)
            .and(&before)
            .when(command)
            .with("kinds", &missing(2))
            .then_blocked(seen, "EVIDENCE_MISSING");
        // The same paper twice is one paper.
        let hand_in =
            |office: &mut Office, number| office.submit(0, &Who::Town.orders(paper(number)));
        given_in(needs(due), status)
            .and(&before)
            .but(|office| {
                hand_in(office, 1).expect("handed in");
                assert!(hand_in(office, 1).is_err());
            })
            .when(command)
            .with("kinds", &missing(1))
            .then_blocked(seen, "EVIDENCE_MISSING");
        given_in(needs(due), status)
            .and(&before)
            .but(|office| {
                hand_in(office, 1).expect("handed in");
                hand_in(office, 2).expect("handed in");
            })
            .and(&[command]);
    }
}

fn policy_year(seen: &mut Seen) {
    let fixed_by = |which| {
        World::new().with_scheme(|it| {
            // A contract year that ends before anything of the tests happens but the event.
            it.year.from = day(3, 1);
            it.year.to = day(4, 30);
            it.year.fixed_by = which;
        })
    };
    let outside = |which: YearDate| Param::Text(which.code().into());
    given_in(fixed_by(YearDate::Application), Status::Draft)
        .when(C::ReferCase)
        .with("date", &outside(YearDate::Application))
        .then_blocked(seen, "OUTSIDE_POLICY_YEAR");
    let late = World::new().with_scheme(|it| it.year.to = day(3, 31));
    given_in(late, Status::Referred)
        .when(C::AcceptReferral)
        .with("date", &outside(YearDate::Event))
        .then_blocked(seen, "OUTSIDE_POLICY_YEAR");
    given_in(fixed_by(YearDate::Approval), Status::NoticeClosed)
        .and(&[C::CountyReviewClaim])
        .when(C::ApproveClaim)
        .with("date", &outside(YearDate::Approval))
        .then_blocked(seen, "OUTSIDE_POLICY_YEAR");
    let billed = |on| {
        facts_of(|it| {
            it.bills[0].on = on;
        })
    };
    let checked = || {
        given_in(fixed_by(YearDate::Bill), Status::Verifying)
            .and(&[C::RecordFinding, C::RecordFinding])
    };
    checked()
        .when_given(billed(None))
        .with("field", &Param::Text("bills.on".into()))
        .then_blocked(seen, "VALIDATION");
    checked()
        .when_given(billed(Some(day(5, 1))))
        .with("date", &outside(YearDate::Bill))
        .then_blocked(seen, "OUTSIDE_POLICY_YEAR");
    checked().then_goes(billed(Some(day(4, 30))));
}

fn authority(seen: &mut Seen) {
    let limits = |alone, second| {
        World::new().with_scheme(|it| {
            it.authority[0].alone_max = yuan(alone);
            it.authority[0].second_max = second;
        })
    };
    let reviewed = |world| given_in(world, Status::NoticeClosed).and(&[C::CountyReviewClaim]);
    reviewed(limits(1_000, Some(yuan(1_999))))
        .when(C::ApproveClaim)
        .with("limit", &Param::Money(yuan(1_999)))
        .then_blocked(seen, "BEYOND_AUTHORITY");
    let unwritten = World::new().with_scheme(|it| it.authority.clear());
    reviewed(unwritten)
        .when(C::ApproveClaim)
        .with("limit", &Param::Money(Fen::ZERO))
        .then_blocked(seen, "BEYOND_AUTHORITY");
    // Alone, with a second, and a second whose own authority does not reach.
    let mut alone = reviewed(limits(2_000, Some(yuan(2_000)))).0;
    alone.walk(0, &[Step::Do(C::ApproveClaim)]);
    assert_eq!(alone.claim(0).status(), Status::Approved);
    let mut second = reviewed(limits(1_999, None)).0;
    second.walk(0, &[Step::Do(C::ApproveClaim)]);
    assert_eq!(second.claim(0).status(), Status::NoticeClosed);
    let small = lifecycle::scheme::Authority {
        duty: lifecycle::Duty::CountyReviewer,
        alone_max: yuan(500),
        second_max: Some(yuan(1_500)),
        twelve_months_alone_max: None,
        twelve_months_second_max: None,
    };
    let world = limits(1_999, None).with_scheme(|it| {
        it.authority.push(small);
        let duties = vec![lifecycle::Duty::Approver, lifecycle::Duty::CountyReviewer];
        it.duties.insert(C::SecondApproveClaim, duties);
        it.county_review = false;
    });
    given_in(world, Status::NoticeClosed)
        .and(&[C::ApproveClaim])
        .when_by(Who::Reviewer.actor(), C::SecondApproveClaim)
        .with("limit", &Param::Money(yuan(1_500)))
        .then_blocked(seen, "BEYOND_AUTHORITY");
}

/// What a household was approved in twelve months counts beside the claim (近十二个月累计).
fn twelve_months(seen: &mut Seen) {
    let limits = |alone, second| {
        let world = World::new().with_scheme(|it| {
            it.authority[0].twelve_months_alone_max = alone;
            it.authority[0].twelve_months_second_max = second;
        });
        Given(Office::with_two(world, yuan(4_000)))
    };
    // To the fen: 1,500 stand, 1,500 come.
    let mut alone = limits(Some(yuan(3_000)), None).0;
    alone.walk(0, &[Step::Do(C::ApproveClaim)]);
    assert_eq!(alone.claim(0).status(), Status::Approved);
    let above = || limits(Some(plus(yuan(3_000), -1)), None).and(&[C::ApproveClaim]);
    assert_eq!(above().0.claim(0).status(), Status::NoticeClosed);
    above()
        .when(C::ApproveClaim)
        .with("approved", &Param::Money(yuan(1_500)))
        .then_blocked(seen, "OVER_TWELVE_MONTH_LIMIT");
    let mut second = above().0;
    second.walk(0, &[Step::Do(C::SecondApproveClaim)]);
    assert_eq!(second.claim(0).status(), Status::Approved);
    limits(Some(yuan(1_500)), Some(plus(yuan(3_000), -1)))
        .when(C::ApproveClaim)
        .with("limit", &Param::Money(plus(yuan(3_000), -1)))
        .then_blocked(seen, "BEYOND_TWELVE_MONTH_AUTHORITY");
    // What was approved and is void, or lies further back, counts no more.
    let mut back = limits(Some(yuan(1_500)), None).0;
    back.walk(1, &[Step::Do(C::ChangePayee)]);
    back.walk(0, &[Step::Do(C::ApproveClaim)]);
    assert_eq!(back.claim(0).status(), Status::Approved);
}

/// What is in the dossier's hash, and what is not.
#[test]
fn a_dossier_is_all_that_an_approval_rests_on() {
    let hash = |office: &Office| lifecycle::dossier::hash(office.claim(0));
    let at = |status| hash(&Office::at(World::new(), status));
    assert_eq!(at(Status::NoticeOpen), None, "nothing to approve yet");
    let mut office = Office::at(World::new(), Status::NoticeClosed);
    let closed = hash(&office).expect("a closed notice");
    let mut seen = BTreeSet::from([closed.clone()]);
    for kind in [
        C::AttachDocument,
        C::RaiseObjection,
        C::ResolveObjection,
        C::CountyReviewClaim,
    ] {
        office.walk(0, &[Step::Do(kind)]);
        let now = hash(&office).expect("it is still to be approved");
        assert!(seen.insert(now), "{kind} left the dossier as it was");
    }
    let reviewed = hash(&office);
    office.walk(0, &[Step::Other(C::ApproveClaim)]);
    assert_eq!(hash(&office), reviewed, "two approvers see one dossier");
    office.walk(0, &[Step::Do(C::SecondApproveClaim)]);
    assert_eq!(hash(&office), reviewed);
    // What comes later is in the hash and leaves the approval standing.
    office.walk(0, &[Step::Do(C::AttachDocument)]);
    assert_ne!(hash(&office), reviewed);
    let approved = office.claim(0).state.approved().expect("it is approved");
    assert!(approved.approval.dossier.stands(office.claim(0)));
    office.walk(0, &[Step::Do(C::InstructPayout)]);
    // Each value of the case counts.
    let claim = office.claim(0).clone();
    let seal = &claim.state.approved().expect("approved").approval.dossier;
    let changes: [fn(&mut Claim); 6] = [
        |it| it.case.submitted = yuan(1),
        |it| it.case.event_on = day(3, 1),
        |it| it.case.basis = None,
        |it| it.documents.clear(),
        |it| it.objections[0].findings = None,
        |it| it.scheme = lifecycle::SchemeId(world::id(1)),
    ];
    for change in changes {
        let mut other = claim.clone();
        change(&mut other);
        assert!(!seal.stands(&other), "{other:?}");
    }
    // An earlier hash belongs to the version that had it last; another to none.
    let events = &office.files[0].history;
    let version = lifecycle::dossier::version_of(events, &closed);
    let closed_at = events
        .iter()
        .position(|it| it.what.kind() == lifecycle::EventKind::NoticeClosed);
    assert_eq!(version.map(|it| it as usize), closed_at.map(|it| it + 1));
    let none = lifecycle::dossier::version_of(events, &"0".repeat(64));
    assert_eq!(none, None);
}

/// Losses that add up over the year: the second claim was assessed beside the first, so once the
/// first is approved its sum is another one.
fn yearly_losses(seen: &mut Seen) {
    let mut given = two_of_one_household_in(World::new().with_scheme(|it| {
        let terms = &mut it.perils[0];
        let schedule = &mut terms.tables[0].schedule;
        schedule.accumulation = Accumulation::HouseholdYear;
        schedule.caps.clear();
    }));
    given.0.world.pool = yuan(50_000);
    given
        .when(C::ApproveClaim)
        .then_blocked(seen, "ASSESSMENT_STALE");
}

fn refusal(seen: &mut Seen) {
    let refused = |lines: Vec<RefusalLine>| Command::DeclareIneligible { lines };
    let line = world::refusal_line;
    for lines in [
        vec![],
        vec![
            line(),
            RefusalLine {
                facts: " ".into(),
                ..line()
            },
        ],
    ] {
        given(Status::Verifying)
            .when_given(refused(lines.clone()))
            .then_blocked(seen, "VALIDATION");
        given(Status::NoticeClosed)
            .when_given(Command::RejectClaim { lines })
            .then_blocked(seen, "VALIDATION");
    }
    given(Status::Verifying)
        .when_given(refused(vec![RefusalLine {
            clause: "of another scheme".into(),
            ..line()
        }]))
        .then_blocked(seen, "CLAUSE_UNKNOWN");
    // The scheme's own clauses count, besides those of its tables.
    let with_clause = World::new().with_scheme(|scheme| {
        scheme.clauses = vec![Clause {
            id: "covered".into(),
            text: "第二条(虚构)".into(),
        }];
    });
    given_in(with_clause, Status::Verifying).then_goes(refused(vec![RefusalLine {
        clause: "covered".into(),
        ..line()
    }]));
    // No letter, no end and no appeal; once told, the time must run.
    for status in [Status::Ineligible, Status::Rejected] {
        given(status)
            .when(C::CloseClaim)
            .then_blocked(seen, "LETTER_MISSING");
        given(status)
            .when(C::LodgeAppeal)
            .then_blocked(seen, "LETTER_MISSING");
        let told = || given(status).and(&[C::IssueRefusalLetter]);
        told()
            .when(C::IssueRefusalLetter)
            .then_blocked(seen, "LETTER_ISSUED");
        told()
            .but(|office| office.now += Duration::days(10))
            .when(C::CloseClaim)
            .then_blocked(seen, "APPEAL_TIME_RUNS");
        told()
            .but(|office| office.now += Duration::days(13))
            .when(C::LodgeAppeal)
            .then_blocked(seen, "APPEAL_TIME_OVER");
    }
    // Ten days after 5 June is the 15th, a Monday; after the 10th the 20th, a Saturday: until Monday.
    let told = given(Status::Ineligible).and(&[C::IssueRefusalLetter]);
    let until = |given: &Given| given.0.claim(0).refusals[0].appeal_until();
    assert_eq!(until(&told), Some(day(6, 15)));
    assert_eq!(told.0.claim(0).due_on(), None, "nobody owes anything");
    let rolled = given(Status::Ineligible)
        .but(|office| office.now = at(6, 10, 9))
        .and(&[C::IssueRefusalLetter]);
    assert_eq!(until(&rolled), Some(day(6, 22)));
    // A letter is what was seen, delivered on a day that was, and recorded soon.
    given(Status::Ineligible)
        .when_choice(C::IssueRefusalLetter, 1)
        .with("reason", &Param::Text("IN_THE_FUTURE".into()))
        .then_blocked(seen, "VALIDATION");
    let letter_on = |office: &Office, now| {
        let mut choices = office
            .world
            .choices(C::IssueRefusalLetter, office.claim(0), now);
        choices.swap_remove(0)
    };
    for (passed, delivered, reason) in [
        (4, at(6, 5, 9), "TOO_LONG_AGO"),
        (0, at(6, 4, 9), "BEFORE_THE_DECISION"),
    ] {
        let office = given(Status::Ineligible).but(|it| it.now += Duration::days(passed));
        let letter = letter_on(&office.0, delivered);
        office
            .when_given(letter)
            .with("reason", &Param::Text(reason.into()))
            .then_blocked(seen, "VALIDATION");
    }
    let issue = |change: &dyn Fn(&mut String, &mut String)| {
        let office = given(Status::Ineligible);
        let Command::IssueRefusalLetter {
            mut content_hash,
            delivered_on,
            delivery,
            mut handed_to,
        } = letter_on(&office.0, office.0.now)
        else {
            panic!("a letter");
        };
        change(&mut content_hash, &mut handed_to);
        office.when_given(Command::IssueRefusalLetter {
            content_hash,
            delivered_on,
            delivery,
            handed_to,
        })
    };
    issue(&|hash, _| *hash = "0".repeat(64)).then_blocked(seen, "CONTENT_CHANGED");
    issue(&|_, to| to.clear()).then_blocked(seen, "VALIDATION");
    given(Status::Ineligible)
        .but(|office| office.world.houses[0].head_name = "张建国130302195001010011".into())
        .when(C::IssueRefusalLetter)
        .then_blocked(seen, "NOTICE_PRIVATE");
    // A letter in December needs the next year's calendar.
    given(Status::Ineligible)
        .but(|office| office.now = at(12, 28, 9))
        .when(C::IssueRefusalLetter)
        .then_blocked(seen, "CALENDAR_MISSING");
    appeal(seen);
}

/// An appeal is heard once, by somebody who had no part.
fn appeal(seen: &mut Seen) {
    given(Status::Ineligible)
        .and(&[C::IssueRefusalLetter])
        .when_given(Command::LodgeAppeal {
            grounds: " ".into(),
        })
        .then_blocked(seen, "VALIDATION");
    given(Status::Appealed)
        .when_given(Command::DecideAppeal {
            upheld: true,
            findings: String::new(),
        })
        .then_blocked(seen, "VALIDATION");
    let rejected = || {
        given(Status::NoticeClosed).and(&[
            C::CountyReviewClaim,
            C::RejectClaim,
            C::IssueRefusalLetter,
            C::LodgeAppeal,
        ])
    };
    for (who, part) in [
        (Who::Surveyor, "SURVEYOR"),
        (Who::Approver, "REFUSER"),
        (Who::Town, "REFERRER"),
        (Who::Reviewer, "REVIEWER"),
    ] {
        rejected()
            .when_by(with_duties(who, Who::Supervisor), C::DecideAppeal)
            .with("acted_as", &Param::Text(part.into()))
            .then_blocked(seen, "DUTY_CONFLICT");
        // Failure 8: nor in somebody's place, nor through somebody.
        rejected()
            .when_by(who.acting_for(Who::Supervisor), C::DecideAppeal)
            .then_blocked(seen, "DUTY_CONFLICT");
        let mut through = Who::Supervisor.actor();
        through.on_behalf_of = Some(who.person());
        rejected()
            .when_by(through, C::DecideAppeal)
            .then_blocked(seen, "DUTY_CONFLICT");
    }
    // Nor whoever recorded it.
    let by_county = given(Status::Ineligible)
        .and(&[C::IssueRefusalLetter])
        .but(|office| {
            let appeal = office
                .world
                .usual(C::LodgeAppeal, office.claim(0), office.now);
            let lodged = office.submit(0, &Who::County.orders(appeal));
            assert!(lodged.is_ok(), "{lodged:?}");
        });
    by_county
        .when_by(with_duties(Who::County, Who::Supervisor), C::DecideAppeal)
        .with("acted_as", &Param::Text("APPELLANT".into()))
        .then_blocked(seen, "DUTY_CONFLICT");
    // Dismissed is final, and told by a letter before the end.
    given(Status::AppealDismissed)
        .when(C::LodgeAppeal)
        .then_blocked(seen, "INVALID_STATE");
    given(Status::AppealDismissed)
        .when(C::CloseClaim)
        .then_blocked(seen, "LETTER_MISSING");
}

/// An appeal that is upheld takes the case up where it can be verified anew; a payee that nobody has confirmed is not
/// confirmed by it, and the refusal stays on record.
#[test]
fn an_upheld_appeal_takes_the_case_up_again() {
    let upheld = [
        Step::Do(C::IssueRefusalLetter),
        Step::Do(C::LodgeAppeal),
        Step::Other(C::DecideAppeal),
    ];
    for (before, steps, after) in [
        (
            Status::Accepted,
            &[C::DeclareIneligible][..],
            Status::Accepted,
        ),
        (Status::Verified, &[C::DeclareIneligible], Status::Verifying),
        (Status::NoticeClosed, &[C::RejectClaim], Status::Verifying),
        (
            Status::Verifying,
            &[C::ChangePayee, C::DeclareIneligible],
            Status::Verifying,
        ),
    ] {
        let mut office = given(before).and(steps).0;
        office.walk(0, &upheld);
        let claim = office.claim(0);
        assert_eq!(claim.status(), after);
        assert_eq!(claim.refusals.len(), 1);
        let unconfirmed = claim
            .state
            .verifying()
            .and_then(Verifying::unconfirmed_payee_by);
        assert_eq!(unconfirmed.is_some(), steps.contains(&C::ChangePayee));
        assert_eq!(office.violations, []);
    }
}

/// The letter in the words the household reads.
#[test]
fn a_letter_says_what_was_asked_found_and_may_be_done() {
    let office = given(Status::Ineligible).and(&[C::IssueRefusalLetter]).0;
    let letter = office.claim(0).refusals[0].letter.as_ref().expect("issued");
    assert_eq!(letter.letter.content_hash(), letter.content_hash);
    assert_eq!(
        letter.letter.text(),
        format!(
            "拒赔通知书\n案件编号:{}\n西庄村(虚构) 张建国 户:\n\
             您家按《防贫险方案(虚构)》申请因病救助(事件日期2020年4月1日,申报自付8,000.00元)。经核查,2020年6月5日决定:这次申请不予赔付。原因如下。\n\
             1. 收入或财产不符合条件\n查明的情况:该户在县城有商品房一套(虚构)\n依据的条款:“第一条(虚构)”\n\
             如果您不同意,可以在2020年6月15日以前(含当天)提出申诉:向县级防贫主管部门说明理由即可,书面、口头都行,村里和乡镇的经办人员可以代您提交,不收费用。\
             申诉由没有参与这次决定的人员重新审查,结果会书面告诉您。有不明白的地方,请打电话0335-0000000询问。\n送达日期:2020年6月5日",
            office.claim(0).number
        )
    );
    let office = given(Status::AppealDismissed)
        .and(&[C::IssueRefusalLetter])
        .0;
    let decision = office.claim(0).refusals[0].decision().expect("decided");
    let text = decision.letter.as_ref().expect("issued").letter.text();
    for words in [
        "申诉决定通知书",
        "维持不予赔付",
        "经县级复核(虚构)",
        "最后决定",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

/// A day's worth of scheme data moves a command to another duty; nothing moves it to a surveyor.
#[test]
fn a_scheme_moves_duties_but_not_to_whom_it_must_not() {
    let moved = World::new().with_scheme(|scheme| {
        let duties = vec![lifecycle::Duty::CountyReviewer, lifecycle::Duty::Surveyor];
        scheme.duties.insert(C::ApproveClaim, duties);
        scheme.authority[0].duty = lifecycle::Duty::CountyReviewer;
    });
    let mut office = Office::at(moved, Status::NoticeClosed);
    office.walk(0, &[Step::Do(C::CountyReviewClaim)]);
    let approve = office
        .world
        .usual(C::ApproveClaim, office.claim(0), office.now);
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

/// Whoever was approved and waits for money is not forgotten when the year is settled.
#[test]
fn a_year_is_not_settled_over_those_who_wait() {
    let scheme = World::new().scheme;
    let settle = |waiting| {
        let seen = PoolSeen {
            now: at(12, 31, 23) + Duration::days(1),
            log: 1,
            flows: Flows::default(),
            orders: Vec::new(),
            claims: PoolClaims {
                waiting,
                waiting_sum: yuan(2_000),
                ..PoolClaims::default()
            },
            next: None,
        };
        let command = PoolCommand::Settle {
            reference: "2020-HS-01".into(),
            reason: "年度核算(虚构)".into(),
        };
        let (order, actor) = (world::id(0xe0), Who::Accountant.actor());
        decide_pool(order, Some(&actor), &command, &scheme, &seen)
    };
    let (claims, sum) = (1, yuan(2_000));
    assert_eq!(settle(1), Err(PoolBlocked::ClaimsWaiting { claims, sum }));
    assert!(settle(0).is_ok());
}
