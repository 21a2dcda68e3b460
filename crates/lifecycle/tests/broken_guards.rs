//! Every guard is needed: with it, an order is refused; without it, the same order goes through and
//! the monitor, which knows no guard, sees an invariant break. Run with `--features broken-guards`.
#![cfg(feature = "broken-guards")]

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use lifecycle::guard::{Guard, with_broken};
use lifecycle::{Actor, CommandKind as C, Order, Status};
use world::office::Office;
use world::{Step, Who, World, path_to, yuan};

/// A story that leads an office into temptation.
struct Story {
    office: Office,
    orders: Vec<Temptation>,
}

/// A command of a kind by its choice, or the passing of days.
#[derive(Clone, Copy)]
enum Temptation {
    Days(i64),
    Give(C, usize, Option<Who>, Option<Who>),
}

/// The usual command.
const fn give(kind: C) -> Temptation {
    Temptation::Give(kind, 0, None, None)
}

/// Another command of the kind.
const fn choice(kind: C, choice: usize) -> Temptation {
    Temptation::Give(kind, choice, None, None)
}

/// The usual command, by somebody with the duties of somebody.
const fn by(who: Who, duties: Who, kind: C) -> Temptation {
    Temptation::Give(kind, 0, Some(who), Some(duties))
}

fn story(status: Status, orders: &[Temptation]) -> Story {
    Story {
        office: Office::at(World::new(), status),
        orders: orders.to_vec(),
    }
}

/// A claim that only waits for its approval.
fn reviewed(orders: &[Temptation]) -> Story {
    let mut story = story(Status::NoticeClosed, orders);
    story.office.walk(0, &[Step::Do(C::CountyReviewClaim)]);
    story
}

/// What each guard keeps from happening.
fn story_of(guard: Guard) -> Story {
    let to_approval = [
        give(C::CloseNotice),
        give(C::CountyReviewClaim),
        give(C::ApproveClaim),
    ];
    match guard {
        Guard::NoticeTermRan => {
            let mut story = story(Status::NoticeOpen, &to_approval);
            story.office.walk(0, &[Step::Do(C::RecordPublicationProof)]);
            story
        }
        Guard::NoticeProved => {
            let mut story = story(Status::NoticeOpen, &to_approval);
            story.office.walk(0, &[Step::Days(6)]);
            story
        }
        Guard::NoticeUnchanged => {
            let proofs = [choice(C::RecordPublicationProof, 1), Temptation::Days(6)];
            let mut story = story(Status::NoticeOpen, &[&proofs[..], &to_approval].concat());
            story.office.walk(0, &[Step::Do(C::RecordPublicationProof)]);
            story
        }
        Guard::NoObjectionOpen => {
            let mut story = reviewed(&[give(C::ApproveClaim)]);
            story.office.walk(0, &[Step::Do(C::RaiseObjection)]);
            story
        }
        Guard::OutcomeKnown => story(
            Status::PayUnknown,
            &[give(C::ReinstatePayout), give(C::InstructPayout)],
        ),
        Guard::WithinOutstanding => story(Status::Recovering, &[choice(C::RecordRecovery, 2)]),
        Guard::ReferenceOnce => story(
            Status::Recovering,
            &[choice(C::RecordRecovery, 3), choice(C::RecordRecovery, 3)],
        ),
        Guard::QueueOrder => behind_another(),
        Guard::ExactlyInstructed => story(Status::Approved, &[choice(C::InstructPayout, 1)]),
        Guard::WithinAssessment => reviewed(&[choice(C::ApproveClaim, 2)]),
        Guard::WithinCaps => two_of_one_household(),
        Guard::WithinPool => {
            let mut story = story(Status::AwaitingFunds, &[give(C::ReserveWaiting)]);
            story.office.world.pool = yuan(1_999);
            story
        }
        Guard::WithinLimit => {
            let mut story = reviewed(&[choice(C::ApproveClaim, 1)]);
            story.office.walk(0, &[Step::Other(C::ApproveClaim)]);
            story
        }
        Guard::WithinTwelveMonths => {
            let mut story = twelve_months();
            story.office.walk(0, &[Step::Do(C::ApproveClaim)]);
            story
        }
        Guard::DossierAsSeen => reviewed(&[choice(C::ApproveClaim, 5)]),
        Guard::ApprovalStands => {
            let mut story = story(Status::Approved, &[give(C::InstructPayout)]);
            // Somebody changed the file past the desk.
            story.office.files[0].claim.case.submitted = yuan(9_000);
            story
        }
        Guard::SeparatePersons => reviewed(&[by(Who::Surveyor, Who::Approver, C::ApproveClaim)]),
        Guard::NoOwnHousehold => story(
            Status::Referred,
            &[by(Who::Cousin, Who::Handler, C::AcceptReferral)],
        ),
        Guard::PositiveAmount => {
            let notice = [
                choice(C::RecordVerification, 4),
                give(C::PreviewNotice),
                give(C::OpenPublicNotice),
                give(C::RecordPublicationProof),
                Temptation::Days(6),
            ];
            let mut story = story(Status::Verifying, &[&notice[..], &to_approval].concat());
            story
                .office
                .walk(0, &[Step::Do(C::RecordFinding), Step::Do(C::RecordFinding)]);
            story
        }
        Guard::NoticePrivate => {
            let mut story = story(
                Status::Verified,
                &[give(C::PreviewNotice), give(C::OpenPublicNotice)],
            );
            story.office.world.houses[0].head_name = "张建国130302195001010011".into();
            story
        }
        Guard::PayeeAsApproved => story(Status::Approved, &[choice(C::InstructPayout, 2)]),
        Guard::BillOnce => {
            let mut story = story(Status::Verifying, &[choice(C::RecordVerification, 2)]);
            story
                .office
                .walk(0, &[Step::Do(C::RecordFinding), Step::Do(C::RecordFinding)]);
            story
        }
        Guard::NoTimerDecides => reviewed(&[by(Who::RashTimer, Who::RashTimer, C::ApproveClaim)]),
        Guard::RefusalTold => story(Status::AppealDismissed, &[give(C::CloseClaim)]),
        Guard::AppealTimeRan => {
            let mut story = story(Status::Rejected, &[give(C::CloseClaim)]);
            story.office.walk(0, &[Step::Do(C::IssueRefusalLetter)]);
            story
        }
        Guard::AppealInTime => {
            let mut story = story(Status::Rejected, &[give(C::LodgeAppeal)]);
            let told = [Step::Do(C::IssueRefusalLetter), Step::Days(20)];
            story.office.walk(0, &told);
            story
        }
        Guard::NameChecked => {
            let mut story = story(Status::Approved, &[give(C::InstructPayout)]);
            let checked = &mut story.office.world.payees[0].checked;
            checked.push(world::compared(false));
            story
        }
        Guard::HeirProved => {
            let mut story = story(Status::Approved, &[give(C::InstructPayout)]);
            story.office.insured.died_on = Some(world::day(6, 9));
            story
        }
        Guard::PayeeAlive => {
            let mut story = story(Status::Approved, &[give(C::InstructPayout)]);
            let payee = story.office.claim(0).case.payee;
            story.office.payees_died.insert(payee);
            story
        }
    }
}

/// Two claims of one household of 1,500 each, one approved, where one approver may let twelve months
/// come to 2,500.
fn twelve_months() -> Story {
    let world = World::new().with_scheme(|it| {
        it.authority[0].twelve_months_alone_max = Some(yuan(2_500));
    });
    let office = Office::with_two(world, yuan(4_000));
    Story {
        office,
        orders: vec![give(C::ApproveClaim)],
    }
}

/// Two claims of one household, both assessed within the cap; one is approved.
fn two_of_one_household() -> Story {
    Story {
        office: Office::with_two(World::new(), yuan(5_000)),
        orders: vec![give(C::ApproveClaim)],
    }
}

/// Two claims of two households: one waits for money, the other one's notice closed later.
fn behind_another() -> Story {
    let mut office = Office::new(World::new());
    for place in [0, 1] {
        let draft = office.world.draft(place, u32::try_from(place).unwrap_or(0));
        office
            .submit(place, &Who::Town.orders(draft))
            .expect("a draft");
    }
    office.walk(1, &path_to(Status::AwaitingFunds)[1..]);
    office.walk(0, &path_to(Status::NoticeClosed)[1..]);
    office.walk(0, &[Step::Do(C::CountyReviewClaim)]);
    Story {
        office,
        orders: vec![give(C::ApproveClaim), give(C::ReserveWaiting)],
    }
}

/// Tells the story as far as it goes; the codes of what was refused.
fn tell(story: &Story) -> (Office, Vec<&'static str>) {
    let mut office = story.office.clone();
    let mut refused = Vec::new();
    for temptation in &story.orders {
        match *temptation {
            Temptation::Days(days) => office.now += chrono::Duration::days(days),
            Temptation::Give(kind, choice, who, duties) => {
                let command = office
                    .world
                    .choices(kind, office.claim(0), office.now)
                    .swap_remove(choice);
                let who = who.unwrap_or_else(|| Who::giver(&command));
                let duties = duties.map_or_else(|| who.duties(), Who::duties);
                let actor = Actor {
                    duties,
                    ..who.actor()
                };
                if let Err(blocked) = office.submit(0, &Order { actor, command }) {
                    refused.push(blocked.code());
                }
            }
        }
    }
    (office, refused)
}

/// The invariant a guard says it serves; whom to pay is invariant 10.
fn invariant_of(guard: Guard) -> u8 {
    let number = guard
        .zh()
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>();
    number.parse().unwrap_or(10)
}

#[test]
fn without_each_guard_an_invariant_breaks() {
    let mut unproved = Vec::new();
    for guard in Guard::ALL {
        let story = story_of(*guard);
        let (kept, refused) = tell(&story);
        assert_eq!(
            kept.violations,
            [],
            "{guard}: broken although the guard stands"
        );
        assert!(!refused.is_empty(), "{guard}: nothing was refused");
        let (broken, _) = with_broken(*guard, || tell(&story));
        let served = invariant_of(*guard);
        match broken.violations.iter().find(|it| it.invariant == served) {
            Some(seen) => println!("{guard}: refused {refused:?}; without it {seen:?}"),
            None => unproved.push(*guard),
        }
    }
    assert_eq!(unproved, [], "guards without a proof that they are needed");
}
