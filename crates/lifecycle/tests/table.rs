//! Every status against every command: what goes through is a row of the table, everything else is
//! refused with a stable code and changes nothing (failures 1, 2, 3, 6 and 9).

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use lifecycle::{
    Blocked, Command, CommandKind, Event, EventKind, Status, TABLE, Transition, allowed,
    available_actions, duty,
};
use std::collections::BTreeSet;
use world::office::Office;
use world::{Step, Who, World, path_to, yuan};

type Row = (Option<Status>, CommandKind, EventKind, Status);

const fn row(it: Transition) -> Row {
    (it.from, it.command, it.event, it.to)
}

/// Histories that make a command fit which the plainest history to a status does not: an objection
/// to resolve, a payee to confirm, a first approval.
fn fuller_histories(status: Status) -> Vec<Vec<Step>> {
    use CommandKind as C;
    let with = |steps: &[Step]| {
        let mut path = path_to(status);
        path.extend(steps);
        path
    };
    let mut histories = vec![path_to(status)];
    match status {
        Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::PayFailed
        | Status::PayReturned => histories.push(with(&[Step::Do(C::RaiseObjection)])),
        Status::Verifying => {
            histories.push(with(&[Step::Do(C::ChangePayee)]));
            histories.push(with(&[
                Step::Do(C::RecordFinding),
                Step::Do(C::RecordFinding),
            ]));
        }
        Status::Verified => histories.push(with(&[Step::Do(C::PreviewNotice)])),
        Status::Recovering => histories.push(with(&[
            Step::Other(C::RecordRecovery),
            Step::Do(C::WriteOffRecovery),
        ])),
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Instructed
        | Status::PayUnknown
        | Status::Paid
        | Status::Closed
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::RefusalClosed => {}
        Status::Ineligible | Status::Rejected => {
            histories.push(with(&[Step::Do(C::IssueRefusalLetter)]));
            histories.push(with(&[Step::Do(C::IssueRefusalLetter), Step::Days(20)]));
        }
        Status::Appealed => {
            let mut path = path_to(Status::Rejected);
            path.extend([Step::Do(C::IssueRefusalLetter), Step::Do(C::LodgeAppeal)]);
            histories.push(path);
        }
        Status::AppealDismissed => histories.push(with(&[Step::Do(C::IssueRefusalLetter)])),
    }
    if status == Status::NoticeOpen {
        histories.push(with(&[Step::Do(C::RecordPublicationProof), Step::Days(6)]));
    }
    if status == Status::NoticeClosed {
        histories.push(with(&[Step::Do(C::CountyReviewClaim)]));
        histories.push(with(&[
            Step::Do(C::CountyReviewClaim),
            Step::Other(C::ApproveClaim),
        ]));
        let short = Step::Pool(yuan(1_000));
        histories.push(with(&[Step::Do(C::CountyReviewClaim), short]));
        histories.push(with(&[
            Step::Do(C::CountyReviewClaim),
            Step::Other(C::ApproveClaim),
            short,
        ]));
    }
    histories
}

fn tries(office: &Office, kind: CommandKind) -> Vec<(Who, Command)> {
    let claim = office.claim(0);
    let choices = office.world.choices(kind, claim, office.now);
    choices
        .into_iter()
        .flat_map(|command| [Who::giver(&command), Who::Jack].map(|who| (who, command.clone())))
        .collect()
}

/// Failures 1, 2 and 3: status written without looking, silently ignored, approved what was never
/// submitted.
#[test]
fn what_goes_through_is_a_row_and_every_row_goes_through() {
    let mut exercised: BTreeSet<Row> = BTreeSet::new();
    let mut tried = 0_u32;
    for status in Status::ALL {
        for history in fuller_histories(*status) {
            let mut office = Office::new(World::new());
            office.walk(0, &history);
            assert_eq!(office.claim(0).status(), *status);
            for kind in CommandKind::ALL {
                for (who, command) in tries(&office, *kind) {
                    tried += 1;
                    let mut after = office.clone();
                    match after.submit(0, &who.orders(command.clone())) {
                        Ok(event) => {
                            let went = (Some(*status), *kind, event, after.claim(0).status());
                            assert!(
                                TABLE.iter().any(|it| row(*it) == went),
                                "{went:?} is not in the table"
                            );
                            exercised.insert(went);
                        }
                        Err(blocked) => {
                            assert_eq!(after.claim(0), office.claim(0));
                            assert_eq!(after.files[0].history, office.files[0].history);
                            assert_eq!(after.books(), office.books());
                            check_refusal(*status, *kind, &blocked);
                        }
                    }
                    assert_eq!(after.violations, []);
                }
            }
        }
    }
    let draft = Office::at(World::new(), Status::Draft);
    exercised.insert((
        None,
        CommandKind::DraftReferral,
        draft.files[0].history[0].what.kind(),
        draft.claim(0).status(),
    ));
    let table: BTreeSet<Row> = TABLE.iter().copied().map(row).collect();
    assert_eq!(TABLE.len(), table.len(), "a row stands twice");
    let missing: Vec<&Row> = table.difference(&exercised).collect();
    assert!(missing.is_empty(), "never went through: {missing:?}");
    println!("{tried} orders tried, {} rows exercised", exercised.len());
}

/// Where the table has no row, the refusal says that the state is wrong, whoever asks.
fn check_refusal(status: Status, kind: CommandKind, blocked: &Blocked) {
    assert!(Blocked::CODES.contains(&blocked.code()));
    if allowed(status).any(|it| it == kind) || kind == CommandKind::DraftReferral {
        return;
    }
    let code = blocked.code();
    let told = match kind {
        CommandKind::ReportPayoutFailure | CommandKind::ConfirmPayout => {
            ["INVALID_STATE", "CONTRADICTION"].contains(&code)
        }
        CommandKind::InstructPayout | CommandKind::ReinstatePayout => {
            ["INVALID_STATE", "ALREADY_INSTRUCTED"].contains(&code)
        }
        CommandKind::DraftReferral
        | CommandKind::AmendReferral
        | CommandKind::ReferCase
        | CommandKind::ReturnReferral
        | CommandKind::AcceptReferral
        | CommandKind::AssignSurvey
        | CommandKind::RecordFinding
        | CommandKind::AttachDocument
        | CommandKind::RecordVerification
        | CommandKind::DeclareIneligible
        | CommandKind::PreviewNotice
        | CommandKind::OpenPublicNotice
        | CommandKind::RecordPublicationProof
        | CommandKind::RaiseObjection
        | CommandKind::ResolveObjection
        | CommandKind::CloseNotice
        | CommandKind::CountyReviewClaim
        | CommandKind::ApproveClaim
        | CommandKind::SecondApproveClaim
        | CommandKind::RejectClaim
        | CommandKind::SendBackClaim
        | CommandKind::ChangePayee
        | CommandKind::ConfirmPayee
        | CommandKind::ReportPayoutReturned
        | CommandKind::MarkPayoutUnknown
        | CommandKind::ReconcilePayout
        | CommandKind::WithdrawClaim
        | CommandKind::CloseClaim
        | CommandKind::StartRecovery
        | CommandKind::ReserveWaiting
        | CommandKind::WriteOffRecovery
        | CommandKind::ConfirmWriteOff
        | CommandKind::RecordRecovery
        | CommandKind::IssueRefusalLetter
        | CommandKind::LodgeAppeal
        | CommandKind::DecideAppeal => code == "INVALID_STATE",
    };
    assert!(told, "{kind} on {status}: {code}");
}

/// While money is on its way or has arrived, a second instruction is told so, not just refused.
#[test]
fn a_second_instruction_is_told_that_there_is_a_first() {
    use CommandKind as C;
    let told = |status, kind: CommandKind| {
        let mut office = Office::at(World::new(), status);
        let command = office.world.usual(kind, office.claim(0), office.now);
        let refused = office.submit(0, &Who::giver(&command).orders(command));
        refused.expect_err("there is no such row").code()
    };
    for status in [
        Status::Instructed,
        Status::PayUnknown,
        Status::Paid,
        Status::Closed,
        Status::Recovering,
    ] {
        assert_eq!(
            told(status, C::InstructPayout),
            "ALREADY_INSTRUCTED",
            "{status}"
        );
    }
    assert_eq!(
        told(Status::PayUnknown, C::ReinstatePayout),
        "ALREADY_INSTRUCTED"
    );
    for status in [
        Status::Paid,
        Status::Closed,
        Status::PayReturned,
        Status::Recovering,
    ] {
        assert_eq!(
            told(status, C::ReportPayoutFailure),
            "CONTRADICTION",
            "{status}"
        );
    }
    for status in [Status::PayFailed, Status::PayReturned] {
        assert_eq!(told(status, C::ConfirmPayout), "CONTRADICTION", "{status}");
    }
}

/// Failure 6: an event that does not follow is not folded, wherever it comes from.
#[test]
fn an_event_of_another_state_changes_nothing() {
    let events: Vec<Event> = Status::ALL
        .iter()
        .flat_map(|status| Office::at(World::new(), *status).files.remove(0).history)
        .collect();
    for status in Status::ALL {
        let office = Office::at(World::new(), *status);
        let claim = office.claim(0);
        for event in &events {
            let after = claim.clone().apply(event);
            let kind = event.what.kind();
            let lawful = TABLE
                .iter()
                .any(|it| (it.from, it.event, it.to) == (Some(*status), kind, after.status()));
            if after.version == claim.version {
                assert_eq!(after, *claim, "{kind} on {status}");
            } else {
                assert!(lawful, "{kind} folded on {status}");
            }
        }
    }
}

/// Failure 9: no timer reaches APPROVED or PAID, whatever duties its account was given.
#[test]
fn no_timer_approves_or_pays() {
    use CommandKind as C;
    for status in Status::ALL {
        for history in fuller_histories(*status) {
            let mut office = Office::new(World::new());
            office.walk(0, &history);
            for kind in CommandKind::ALL {
                for command in office.world.choices(*kind, office.claim(0), office.now) {
                    for who in [Who::Timer, Who::RashTimer] {
                        let mut after = office.clone();
                        if let Ok(event) = after.submit(0, &who.orders(command.clone())) {
                            let to = after.claim(0).status();
                            let lawful = [
                                EventKind::NoticeClosed,
                                EventKind::PayoutUnknown,
                                EventKind::PayoutFailed,
                                EventKind::PayoutReturned,
                            ];
                            let rash = who == Who::RashTimer
                                && [
                                    C::RejectClaim,
                                    C::SendBackClaim,
                                    C::RecordRecovery,
                                    C::AttachDocument,
                                ]
                                .contains(kind);
                            assert!(
                                rash || lawful.contains(&event),
                                "{event} by {who:?} to {to}"
                            );
                            let reached = to != office.claim(0).status();
                            let money = [Status::Approved, Status::Paid].contains(&to);
                            assert!(!(reached && money), "{event} by {who:?} to {to}");
                        }
                    }
                }
            }
        }
    }
    for kind in CommandKind::ALL {
        let lawful = [C::CloseNotice, C::MarkPayoutUnknown].contains(kind);
        assert_eq!(
            !duty::forbidden(*kind, lifecycle::Duty::Timer),
            lawful,
            "{kind}"
        );
    }
}

/// What a screen offers is what the table and the duty map say; Jack is offered what the status
/// allows, an auditor nothing.
#[test]
fn available_actions_follow_table_and_duty() {
    for status in Status::ALL {
        let office = Office::at(World::new(), *status);
        let claim = office.claim(0);
        let scheme = &office.world.scheme;
        let offered = available_actions(claim, &Who::Jack.actor(), scheme);
        assert_eq!(offered, allowed(*status).collect::<Vec<_>>());
        let mut auditor = Who::Jack.actor();
        auditor.duties = vec![lifecycle::Duty::Auditor];
        assert_eq!(available_actions(claim, &auditor, scheme), []);
        assert_eq!(offered.is_empty(), status.is_final(), "{status}");
    }
}
