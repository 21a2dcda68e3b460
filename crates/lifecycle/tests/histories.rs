//! Random histories: any command by anybody on three claims of two households and one pool, while
//! days pass, people die, and clocks jump. After every step the monitor looks at the events, the
//! transfers and the books (invariants 1 to 6 and 9 to 12 of design.md; failures 4, 5, 8, 9 and 27).

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::days::{Due, Holder, by_holder, ledger};
use lifecycle::scheme::Deadline;
use lifecycle::{Claim, CommandKind, Counting, Event, EventKind, Status, Term, allowed};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use world::office::Office;
use world::{Step, Who, World, path_to};

const CLAIMS: usize = 3;
/// Steps of one history.
const STEPS: usize = 160;
/// Histories of a quick run.
const CASES: u32 = 500;

/// One step, as numbers, so that a failing history shrinks.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// A command of a kind the status allows, by whoever usually gives it.
    Fitting { claim: usize, kind: u8, choice: u8 },
    /// Any command by anybody, possibly in the place of somebody else.
    Any {
        claim: usize,
        kind: u8,
        choice: u8,
        who: u8,
        acting_for: Option<u8>,
    },
    /// Hours pass; a clock that was set wrong goes back.
    Hours(i64),
    /// The register is asked whether everybody lives.
    Check,
    /// A payee dies.
    Death(u8),
}

fn a_move() -> impl Strategy<Value = Move> {
    let place = || 0..CLAIMS;
    prop_oneof![
        20 => (place(), any::<u8>(), 0_u8..8)
            .prop_map(|(claim, kind, choice)| Move::Fitting { claim, kind, choice }),
        5 => (place(), any::<u8>(), any::<u8>(), any::<u8>(), prop::option::weighted(0.3, any::<u8>()))
            .prop_map(|(claim, kind, choice, who, acting_for)| Move::Any {
                claim, kind, choice, who, acting_for,
            }),
        3 => (1_i64..96).prop_map(Move::Hours),
        1 => (-48_i64..0).prop_map(Move::Hours),
        1 => Just(Move::Check),
        1 => any::<u8>().prop_map(Move::Death),
    ]
}

/// The one of several that a random number points at.
fn pick<T: Copy>(all: &[T], number: u8) -> Option<T> {
    all.get(usize::from(number) % all.len().max(1)).copied()
}

/// Claims 0 and 1 are of the first household, claim 2 of the second.
fn household(place: usize) -> usize {
    usize::from(place == 2)
}

/// Begins a claim and takes it towards a status, as far as pool and caps let it come.
fn begin(office: &mut Office, place: usize, towards: Status) {
    let number = u32::try_from(place).unwrap_or(0);
    let draft = office.world.draft(household(place), number);
    let begun = office.submit(place, &Who::Town.orders(draft));
    assert_eq!(begun, Ok(EventKind::ReferralDrafted));
    for step in path_to(towards).into_iter().skip(1) {
        if let Step::Days(days) = step {
            office.now += Duration::days(days);
        } else if let Step::Do(kind) = step {
            let command = office.world.usual(kind, office.claim(place), office.now);
            let _ = office.submit(place, &Who::giver(&command).orders(command));
        }
    }
}

/// Makes one move; tells what happened.
fn make(office: &mut Office, step: Move) -> Option<EventKind> {
    match step {
        Move::Fitting {
            claim,
            kind,
            choice,
        } => {
            let kinds: Vec<CommandKind> = allowed(office.claim(claim).status()).collect();
            let kind = forward(&kinds, kind)?;
            let choices = office.world.choices(kind, office.claim(claim), office.now);
            // Mostly the usual command: histories should get far.
            let last = choices.len() - 1;
            let command = choices
                .get(usize::from(choice).saturating_sub(4).min(last))?
                .clone();
            let who = Who::giver(&command);
            office.submit(claim, &who.orders(command)).ok()
        }
        Move::Any {
            claim,
            kind,
            choice,
            who,
            acting_for,
        } => {
            let kind = pick(CommandKind::ALL, kind)?;
            let choices = office.world.choices(kind, office.claim(claim), office.now);
            let command = choices.get(usize::from(choice) % choices.len())?.clone();
            let who = pick(&Who::ALL, who)?;
            let mut order = who.orders(command);
            if let Some(other) = acting_for.and_then(|it| pick(&Who::ALL, it)) {
                order.actor = who.acting_for(other);
            }
            office.submit(claim, &order).ok()
        }
        Move::Hours(hours) => {
            office.now += Duration::hours(hours);
            None
        }
        Move::Check => {
            office.payees_checked_on = legal_day(office.now);
            None
        }
        Move::Death(which) => {
            // Half of the numbers kill nobody.
            if which >= 128 {
                let payee = office.world.payees[usize::from(which) % 4].id;
                office.payees_died.insert(payee);
            }
            None
        }
    }
}

/// A kind the status allows, more often one that leads on than one that ends or repeats.
fn forward(kinds: &[CommandKind], number: u8) -> Option<CommandKind> {
    use CommandKind as C;
    let ends = [
        C::WithdrawClaim,
        C::DeclareIneligible,
        C::RejectClaim,
        C::ReturnReferral,
        C::AmendReferral,
        C::AssignSurvey,
        C::ChangePayee,
        C::SendBackClaim,
        C::RaiseObjection,
    ];
    let on: Vec<CommandKind> = kinds
        .iter()
        .copied()
        .filter(|it| !ends.contains(it))
        .collect();
    if (240..252).contains(&number) && kinds.contains(&C::RaiseObjection) {
        return Some(C::RaiseObjection);
    }
    if number < 252 && !on.is_empty() {
        pick(&on, number)
    } else {
        pick(kinds, number)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to search is the caller's choice"
)]
fn cases() -> u32 {
    std::env::var("FANGPIN_PROPTEST_CASES")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(CASES)
}

/// Failure 19: the days of all holders together, and the days from the first event to the end (the
/// last event of a claim that is done, else now).
fn days_of(history: &[Event], now: DateTime<Utc>) -> (i64, i64) {
    let stays = ledger(history, true, now);
    assert!(
        stays.windows(2).all(|two| two[0].until == two[1].from),
        "the stays of a claim follow one another: {stays:?}"
    );
    let first = legal_day(history[0].stamp.at);
    let last = legal_day(history[history.len() - 1].stamp.at);
    // The time for an appeal ends without an event.
    let end = match stays.last() {
        Some(stay) if stay.holder == Holder::Nobody => last.max(stay.until),
        Some(_) | None => legal_day(now).max(last),
    };
    let days = by_holder(&stays).into_iter().map(|(_, days)| days).sum();
    (days, (end - first).num_days())
}

#[test]
fn no_history_breaks_an_invariant() {
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/histories.proptest-regressions",
        ))),
        ..Config::default()
    });
    let reached: RefCell<BTreeMap<EventKind, u32>> = RefCell::default();
    let refusals_closed = Cell::new(0_u32);
    let starts = prop::array::uniform3(prop::sample::select(Status::ALL));
    let moves = prop::collection::vec(a_move(), STEPS);
    let outcome = runner.run(&(starts, moves), |(starts, steps)| {
        let mut office = Office::new(World::new());
        for (place, towards) in starts.into_iter().enumerate() {
            begin(&mut office, place, towards);
        }
        for step in steps {
            if let Some(event) = make(&mut office, step) {
                *reached.borrow_mut().entry(event).or_default() += 1;
            }
            prop_assert!(office.violations.is_empty(), "{:?}", office.violations);
        }
        for file in &office.files {
            if file.claim.status() == Status::RefusalClosed {
                refusals_closed.set(refusals_closed.get() + 1);
            }
            let folded = Claim::fold(&file.history);
            prop_assert_eq!(
                folded.as_ref(),
                Some(&file.claim),
                "the history tells another claim"
            );
            prop_assert_eq!(file.history.len(), usize::try_from(file.claim.version)?);
            let (days, lasted) = days_of(&file.history, office.now);
            prop_assert_eq!(days, lasted, "days are lost or counted twice");
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    let reached = reached.into_inner();
    println!("{} histories of {STEPS} steps reached {reached:?}", cases());
    // A run that never pays, or in which no refusal comes to its end, would prove nothing.
    for kind in [
        EventKind::PayoutConfirmed,
        EventKind::RefusalLetterIssued,
        EventKind::AppealUpheld,
        EventKind::AppealDismissed,
    ] {
        assert!(reached.contains_key(&kind), "no {kind}: {reached:?}");
    }
    assert!(refusals_closed.get() > 0, "no refusal was closed");
}

/// Failure 4: whatever the order of commands, approval comes after review, review after the notice.
#[test]
fn the_order_of_phases_is_the_order_of_events() {
    use EventKind as E;
    let order = [
        E::ReferralDrafted,
        E::CaseReferred,
        E::ReferralAccepted,
        E::SurveyAssigned,
        E::VerificationRecorded,
        E::NoticePreviewed,
        E::PublicNoticeOpened,
        E::PublicationProved,
        E::NoticeClosed,
        E::CountyReviewed,
        E::ClaimApproved,
        E::PayoutInstructed,
        E::PayoutConfirmed,
    ];
    let office = Office::at(World::new(), Status::Paid);
    let history = &office.files[0].history;
    let places: Vec<Option<usize>> = order
        .iter()
        .map(|kind| history.iter().position(|it| it.what.kind() == *kind))
        .collect();
    assert!(places.iter().all(Option::is_some), "{places:?}");
    assert!(places.is_sorted(), "{places:?}");
}

/// Failure 27: money that comes back after the file was archived is taken in, and can be paid once
/// more, to a payee who was noticed and approved anew.
#[test]
fn a_return_after_archiving_reopens_the_line() {
    use CommandKind as C;
    let mut office = Office::at(World::new(), Status::Closed);
    let paid = office.books().paid_out;
    office.walk(0, &[Step::Do(C::ReportPayoutReturned)]);
    assert_eq!(
        (office.books().paid_out, office.books().reserved),
        (0, paid)
    );
    office.walk(
        0,
        &[
            Step::Do(C::ReinstatePayout),
            Step::Do(C::InstructPayout),
            Step::Do(C::ConfirmPayout),
        ],
    );
    assert_eq!(office.books().paid_out, paid);
    assert_eq!(office.violations, []);
}

/// Nothing is held for ever: a payment fails because the only payee has died, the claim is
/// withdrawn, the reserved money is free again.
#[test]
fn a_failed_payment_to_the_dead_can_be_withdrawn() {
    use CommandKind as C;
    let mut office = Office::at(World::new(), Status::PayFailed);
    office.payees_died.insert(office.claim(0).case.payee);
    office.walk(0, &[Step::Do(C::WithdrawClaim)]);
    assert_eq!(office.books().available, office.world.pool.get());
    assert_eq!(office.violations, []);
}

/// Failure 8: a part once played is not forgotten when an objection makes the round void, and
/// delegation does not launder it.
#[test]
fn parts_are_kept_over_rounds_and_delegation() {
    use CommandKind as C;
    let mut office = Office::at(World::new(), Status::Approved);
    office.walk(
        0,
        &[
            Step::Do(C::RaiseObjection),
            Step::Other(C::ResolveObjection),
            Step::Other(C::AssignSurvey),
        ],
    );
    let surveyor = Who::OtherSurveyor;
    for kind in [C::RecordFinding, C::RecordFinding, C::RecordVerification] {
        let command = office.world.usual(kind, office.claim(0), office.now);
        let who = if Who::giver(&command) == Who::Town {
            Who::Town
        } else {
            surveyor
        };
        assert!(office.submit(0, &who.orders(command)).is_ok());
    }
    office.walk(
        0,
        &[
            Step::Do(C::PreviewNotice),
            Step::Do(C::OpenPublicNotice),
            Step::Do(C::RecordPublicationProof),
            Step::Days(6),
            Step::Do(C::CloseNotice),
            Step::Do(C::CountyReviewClaim),
        ],
    );
    let approve = office
        .world
        .usual(C::ApproveClaim, office.claim(0), office.now);
    let mut by_first_surveyor = Who::Surveyor.orders(approve);
    by_first_surveyor.actor.duties = Who::Approver.duties();
    let refused = office.submit(0, &by_first_surveyor);
    assert_eq!(refused.map_err(|it| it.code()), Err("DUTY_CONFLICT"));
    by_first_surveyor.actor.on_behalf_of = Some(Who::OtherApprover.person());
    let refused = office.submit(0, &by_first_surveyor);
    assert_eq!(refused.map_err(|it| it.code()), Err("DUTY_CONFLICT"));
}

/// A refusal that is appealed against in vain, counted by hand; and one whose appeal time runs out: what comes
/// after it lies on nobody's desk.
#[test]
fn days_of_a_refusal() {
    use CommandKind as C;
    let days = |office: &Office| {
        let days = by_holder(&ledger(&office.files[0].history, true, office.now));
        let of = |holder| days.iter().find(|it| it.0 == holder).map_or(0, |it| it.1);
        [
            of(Holder::Insurer),
            of(Holder::Household),
            of(Holder::Appeal),
        ]
    };
    let mut office = Office::at(World::new(), Status::Ineligible);
    office.walk(0, &[Step::Days(2), Step::Do(C::IssueRefusalLetter)]);
    let mut silent = office.clone();
    // Ten days from 7 June end on the 17th.
    silent.now += Duration::days(40);
    assert_eq!(days(&silent), [2, 11, 0]);
    silent.walk(0, &[Step::Do(C::CloseClaim)]);
    silent.now += Duration::days(9);
    assert_eq!(days(&silent), [2, 11, 0]);
    office.walk(
        0,
        &[
            Step::Days(4),
            Step::Do(C::LodgeAppeal),
            Step::Days(5),
            Step::Do(C::DecideAppeal),
            Step::Days(1),
            Step::Do(C::IssueRefusalLetter),
            Step::Days(20),
            Step::Do(C::CloseClaim),
        ],
    );
    assert_eq!(days(&office), [3, 4, 5]);
    assert_eq!(office.violations, []);
}

/// A story with an objection and a return, counted by hand.
#[test]
fn days_go_to_whoever_held_the_claim() {
    use CommandKind as C;
    let mut office = Office::at(World::new(), Status::Verified);
    let story: &[Step] = &[
        Step::Days(2),
        Step::Do(C::PreviewNotice),
        Step::Do(C::OpenPublicNotice),
        Step::Do(C::RecordPublicationProof),
        Step::Days(1),
        Step::Do(C::RaiseObjection),
        Step::Days(3),
        Step::Do(C::ResolveObjection),
        Step::Days(4),
        Step::Do(C::CloseNotice),
        Step::Days(1),
        Step::Do(C::CountyReviewClaim),
        Step::Days(2),
        Step::Do(C::ApproveClaim),
    ];
    let before = by_holder(&ledger(&office.files[0].history, true, office.now));
    office.walk(0, story);
    office.now += Duration::days(5);
    let after = by_holder(&ledger(&office.files[0].history, true, office.now));
    let of =
        |days: &[(Holder, i64)], holder| days.iter().find(|it| it.0 == holder).map_or(0, |it| it.1);
    let grown: Vec<(Holder, i64)> = Holder::ALL
        .iter()
        .map(|holder| (*holder, of(&after, *holder) - of(&before, *holder)))
        .filter(|it| it.1 != 0)
        .collect();
    assert_eq!(
        grown,
        [
            (Holder::Village, 1 + 4),
            (Holder::CountyOffice, 2 + 1),
            (Holder::Insurer, 2 + 5),
            (Holder::Objection, 3),
        ]
    );
}

/// A world whose scheme sets a term for every status that is no end: natural and working days by turns.
fn world_of_terms() -> World {
    let open = Status::ALL.iter().filter(|status| !status.is_final());
    let terms = open.zip(1_u16..).map(|(status, number)| Deadline {
        status: *status,
        term: Term {
            days: 1 + number % 4,
            counting: if number % 2 == 0 {
                Counting::CalendarDays
            } else {
                Counting::WorkingDays
            },
            rolls: false,
        },
    });
    World::new().with_scheme(|scheme| scheme.deadlines = terms.collect())
}

/// The last day of the term that runs, counted day by day: a day counts if no objection stopped the clock when it
/// began. `None` if no term runs, or it stands still.
fn counted_by_hand(office: &Office, history: &[Event]) -> Option<NaiveDate> {
    let mut claim = Claim::begin(history.first()?)?;
    let mut standing = vec![(legal_day(history[0].stamp.at), claim.is_stopped())];
    for event in &history[1..] {
        let before = claim.status();
        claim = claim.apply(event);
        if claim.status() != before {
            standing.clear();
        }
        standing.push((legal_day(event.stamp.at), claim.is_stopped()));
    }
    let term = office.world.scheme.deadline(claim.status())?;
    if claim.is_stopped() {
        return None;
    }
    let mut counted = 0;
    let mut days = standing[0].0.iter_days().skip(1);
    days.find(|day| {
        let at_dawn = standing.iter().rev().find(|(came, _)| came < day);
        let stopped = at_dawn.is_some_and(|(_, stopped)| *stopped);
        let counts = match term.counting {
            Counting::CalendarDays => true,
            Counting::WorkingDays => office.world.calendar.is_working_day(*day).unwrap_or(true),
        };
        counted += u16::from(counts && !stopped);
        counted == term.days
    })
}

/// Failures 19 and 34: whatever happens, the deadline is the one counted by hand, in every status a scheme can set a
/// term for; days on which an objection stopped the clock are nobody's.
#[test]
fn a_deadline_is_the_one_counted_by_hand() {
    let mut runner = TestRunner::new(Config {
        // A history is told from its beginning after every event.
        cases: cases() / 10,
        failure_persistence: None,
        ..Config::default()
    });
    let met: RefCell<BTreeMap<Status, u32>> = RefCell::default();
    let dismissed = RefCell::new(0);
    let starts = prop::array::uniform3(prop::sample::select(Status::ALL));
    let moves = prop::collection::vec(a_move(), STEPS);
    let outcome = runner.run(&(starts, moves), |(starts, steps)| {
        let mut office = Office::new(world_of_terms());
        for (place, towards) in starts.into_iter().enumerate() {
            begin(&mut office, place, towards);
        }
        for step in steps {
            if matches!(step, Move::Hours(hours) if hours < 0) {
                continue;
            }
            let event = make(&mut office, step);
            let Some(event) = event else { continue };
            *dismissed.borrow_mut() += u32::from(event == EventKind::ObjectionDismissed);
            for file in &office.files {
                let claim = &file.claim;
                let expected = counted_by_hand(&office, &file.history);
                let term = match claim.due() {
                    Some((Due::Notice | Due::Letter, _)) => claim.deadline,
                    None => None,
                    Some((Due::Term, day)) => Some(day),
                };
                prop_assert_eq!(term, expected, "{:?} {:?}", claim.status(), &file.history);
                *met.borrow_mut().entry(claim.status()).or_default() += 1;
            }
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    let met = met.into_inner();
    println!("{} objections dismissed; met {met:?}", dismissed.borrow());
    assert!(*dismissed.borrow() > 0, "no clock stood and went on");
    let open = Status::ALL.iter().filter(|status| !status.is_final());
    for status in open {
        assert!(met.contains_key(status), "{status} was never met");
    }
}
