//! The promises every store keeps. A store proves itself by [`crate::store_contracts!`], one test
//! a promise; each promise wants a store of its own, migrated and empty.
//!
//! "Failure n" names a row of the list of what went wrong in other systems.

use crate::bulk::{BatchId, BatchLine, Download, Export, ExportFormat, ExportKind, Progress};
use crate::caller::Scope;
use crate::desk::Submission;
use crate::disclosure::{Disclosing, Disclosure, DisclosureFilter, PrivateSubject, Purpose};
use crate::household::{
    BankAccount, Diagnosis, HeirPapers, Household, IdNumber, Payee, PayeeCheck, Phone,
    PrivateDetails,
};
use crate::identity::Rules;
use crate::ids;
use crate::outlook::Outlook;
use crate::pool::{PoolBalances, fund_pool};
use crate::ports::{
    Ask, ClaimFilter, Commit, Fault, Happened, HouseholdFilter, Judge, Outcome, Page, Receipt,
    Recorded, Slice, Span, StatusCount, Store, Target,
};
use crate::registry::{Account, OrgKind, Region};
use crate::testkit::world::{
    Expect, Journey, Role, TestDesk, World, county, day, evidence, invent_household, yuan,
};
use crate::timer::close_due_notices;
use benefits::{Cap, CapScope, Fen, Loss, RunningTotals, assess};
use chrono::{Duration, NaiveDate};
use lifecycle::phase::referral::{Case, FollowKind};
use lifecycle::phase::verification::LossFacts;
use lifecycle::pool::{PoolBlocked, Waiting};
use lifecycle::{
    Claim, ClaimId, Command, CommandKind, CountyCode, Event, EventKind, Happening, HouseholdId,
    MemberId, NameCheckMeans, PayeeId, PayeeRelation, PaymentId, Peril, PoolAccount, Posting,
    RegionCode, Stamp, State, Status, calendar,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

mod bank;
mod hooks;
mod identity;
mod pools;

use hooks::{
    messages_are_quarantined, messages_in_any_order, messages_wait_and_keys_end,
    webhook_keys_overlap, webhooks_are_given_up, webhooks_arrive_in_order,
    webhooks_keep_to_their_scope, webhooks_remind_of_deadlines, webhooks_survive_a_crash,
};

/// A promise: its name, and the test of it on a fresh store.
pub type Contract = (
    &'static str,
    fn(Arc<dyn Store>) -> Pin<Box<dyn Future<Output = ()>>>,
);

/// Generates one test for each promise. `$make` is an `async fn` that returns a fresh store and
/// whatever must live as long as it (a folder, a server; `()` for nothing).
///
/// ```text
/// mod memory {
///     engine::store_contracts!(async || (std::sync::Arc::new(MemoryStore::new()), ()));
/// }
/// ```
#[macro_export]
macro_rules! store_contracts {
    (@list $then:ident $given:tt) => {
        $crate::store_contracts! { @$then $given
            whole_journey
            every_event_is_kept
            stale_screen_changes_nothing
            one_of_two_decisions
            versions_share_a_pool
            repeated_key_acts_once
            replay_answers_as_then
            sequences_without_a_gap
            log_grows_in_commit_order
            log_never_runs_backwards
            followers_see_their_claims
            scope_of_a_township
            scope_of_an_insurer
            scope_of_a_county
            refusal_writes_nothing
            one_event_one_claim
            numbers_without_a_gap
            pool_is_never_overdrawn
            shortage_is_a_queue
            money_takes_two_persons
            a_year_is_settled
            shortage_and_surplus_by_rule
            person_year_cap_holds
            household_year_cap_holds
            twelve_months_are_summed
            facts_are_looked_up
            payee_is_checked_when_paid
            names_are_checked
            upheld_objection_releases_money
            changed_payee_voids_approval
            bill_is_compensated_once
            claims_of_one_event_form_a_line
            an_event_is_paid_as_one
            payment_returned_and_paid_again
            unknown_payment_is_reconciled
            wrong_payment_is_recovered
            recovery_comes_in_parts
            a_batch_says_what_became_of_each
            a_bank_file_moves_nothing_by_itself
            a_line_of_an_earlier_instruction_moves_nothing
            timer_closes_what_is_due
            sessions_end
            secrets_follow_each_other
            duties_for_a_time
            each_code_once
            attempts_are_counted
            published_scheme_is_immutable
            registry_is_idempotent
            households_grow
            private_values_are_told_on_record
            households_are_listed
            histories_are_read_together
            outlook_is_what_happens
            bulk_work_is_on_record
            webhooks_arrive_in_order
            webhooks_survive_a_crash
            webhooks_are_given_up
            webhooks_remind_of_deadlines
            webhooks_keep_to_their_scope
            webhook_keys_overlap
            messages_in_any_order
            messages_are_quarantined
            messages_wait_and_keys_end
            pages_are_stable
            filters_select
            counts_agree_with_rows
            second_lock_holds
            bad_command_falls_out_alone
            hanging_up_leaves_nothing_half_done
        }
    };
    (@table () $($name:ident)+) => {
        &[$((stringify!($name), |store| Box::pin($name(store)))),+]
    };
    (@tests ($make:expr) $($name:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, _kept) = ($make)().await;
                $crate::testkit::contract::check(stringify!($name), store).await;
            }
        )+
    };
    ($make:expr) => { $crate::store_contracts! { @list tests ($make) } };
}

/// Every promise.
pub const CONTRACTS: &[Contract] = crate::store_contracts!(@list table ());

/// Checks one promise on a fresh store.
pub async fn check(name: &str, store: Arc<dyn Store>) {
    let mut contracts = CONTRACTS.iter();
    let (_, run) = contracts
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("no promise is called {name}"));
    run(store).await;
}

/// Checks every promise, each on a fresh store.
pub async fn check_all(make: impl AsyncFn() -> Arc<dyn Store>) {
    for (_, run) in CONTRACTS {
        run(make().await).await;
    }
}

// Words the promises are told in.

/// All of this at once; the answers in no order.
async fn together<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    work.into_iter().collect::<JoinSet<T>>().join_all().await
}

async fn all(stories: impl IntoIterator<Item = Journey>) -> Vec<Claim> {
    let mut claims = together(stories.into_iter().map(IntoFuture::into_future)).await;
    claims.sort_by(|one, other| one.number.cmp(&other.number));
    claims
}

/// Illness of 41,200 yuan earns 25,340.
const COST: Fen = yuan(41_200);
const BENEFIT: Fen = yuan(25_340);

/// The day of the nth event: claims for different days are different claims.
fn event_day(number: u32) -> NaiveDate {
    day(2019, 1, 2) + Duration::days(i64::from(number))
}

/// Brings drafts to the regular end of their notices, all on the same days.
async fn through_notice(desk: &TestDesk, drafts: Vec<Journey>) -> Vec<Claim> {
    let posted = drafts.into_iter().map(|draft| {
        draft
            .refer()
            .through_verification(COST)
            .preview()
            .open_notice()
            .prove()
    });
    let posted = all(posted).await;
    desk.pass_days(6);
    all(posted.iter().map(|claim| desk.on(claim).close_notice())).await
}

fn receipt(outcome: Outcome) -> (Receipt, Claim, bool) {
    match outcome {
        Outcome::Done {
            receipt,
            claim,
            replay,
        } => (receipt, *claim, replay),
        other @ (Outcome::Blocked(_)
        | Outcome::Stale { .. }
        | Outcome::NotFound
        | Outcome::KeyReused) => panic!("not done: {other:?}"),
    }
}

/// How many were done, and how many were refused with this code; nothing else may have happened.
fn tally(outcomes: &[Outcome], code: &str) -> (usize, usize) {
    let mut tally = (0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Done { .. } => tally.0 += 1,
            Outcome::Blocked(blocked) if blocked.code() == code => tally.1 += 1,
            other @ (Outcome::Blocked(_)
            | Outcome::Stale { .. }
            | Outcome::NotFound
            | Outcome::KeyReused) => panic!("neither done nor {code}: {other:?}"),
        }
    }
    tally
}

fn times(amount: Fen, times: i64) -> Fen {
    Fen::new(amount.get() * times)
}

fn scope_of(role: Role) -> Scope {
    role.caller().scope
}

async fn numbers_of(desk: &TestDesk, scope: &Scope, filter: &ClaimFilter) -> Vec<String> {
    let slice = desk.store().claims(scope, filter, &Page::first(100)).await;
    let rows = slice.expect("reading").rows;
    rows.into_iter().map(|claim| claim.number).collect()
}

async fn payments_of(desk: &TestDesk, claim: ClaimId) -> Vec<(String, Fen)> {
    let rows = desk.store().payments(county()).await.expect("reading");
    let mut payments: Vec<(String, Fen)> = rows
        .into_iter()
        .filter(|row| row.claim == claim)
        .map(|row| (row.status, row.amount))
        .collect();
    payments.sort();
    payments
}

fn balances(put_in: Fen, reserved: Fen, in_flight: Fen, paid_out: Fen) -> PoolBalances {
    let out = reserved.get() + in_flight.get() + paid_out.get();
    PoolBalances {
        county_fund: Fen::new(-put_in.get()),
        available: Fen::new(put_in.get() - out),
        reserved,
        in_flight,
        paid_out,
        ..PoolBalances::default()
    }
}

// Journeys.

/// From referral to archive; the row, the history and the money tell the same (invariants 5, 6).
async fn whole_journey(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claim = desk
        .refer(desk.world.household("石门寨"))
        .through_verification(COST)
        .through_notice()
        .through_payout()
        .archive()
        .await;
    claim.expect_status(Status::Closed).expect_paid(BENEFIT);
    assert_eq!(desk.claim(claim.id).await, claim, "read your write");
    let scope = scope_of(Role::Shimenzhai);
    let by_number = desk.store().claim_by_number(&scope, &claim.number).await;
    assert_eq!(by_number.expect("reading").as_ref(), Some(&claim));

    let history = desk.history(claim.id).await;
    let events = history.iter().map(|entry| &entry.event);
    assert_eq!(Claim::fold(events).as_ref(), Some(&claim));
    let kinds: Vec<EventKind> = history.iter().map(|it| it.event.what.kind()).collect();
    assert_eq!(
        kinds,
        [
            EventKind::ReferralDrafted,
            EventKind::CaseReferred,
            EventKind::ReferralAccepted,
            EventKind::SurveyAssigned,
            EventKind::FindingRecorded,
            EventKind::FindingRecorded,
            EventKind::VerificationRecorded,
            EventKind::NoticePreviewed,
            EventKind::PublicNoticeOpened,
            EventKind::PublicationProved,
            EventKind::NoticeClosed,
            EventKind::ClaimApproved,
            EventKind::PayoutInstructed,
            EventKind::PayoutConfirmed,
            EventKind::ClaimClosed,
        ]
    );
    let zero = Fen::ZERO;
    let expected = balances(desk.world.pool, zero, zero, BENEFIT);
    assert_eq!(desk.pool().await, expected);
    let report = desk.expect_sound().await;
    assert_eq!((report.events, report.claims, report.payments), (15, 1, 1));
    assert_eq!((report.pools, report.paid), (2, BENEFIT));
    desk.store().ready().await.expect("ready");
}

/// Stories that together make every kind of event there is; each is kept and read back.
async fn every_event_is_kept(store: Arc<dyn Store>) {
    let mut world = World {
        pool: yuan(100_000),
        ..World::new()
    };
    // Days pass; the check of the living stays good.
    world.scheme.liveness_days_max = 365;
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let other_payee = household.payees[1].id;
    let begin = |number| desk.draft(&household).event_on(event_day(number));

    let given_back = begin(1).refer().give_back().await;
    let case = Case {
        submitted: yuan(40_000),
        ..given_back.case.clone()
    };
    let amended = desk.on(&given_back).amend(case).refer().await;
    assert_eq!(amended.case.submitted, yuan(40_000));
    let ineligible = desk.on(&amended).accept().declare_ineligible().await;
    ineligible.expect_status(Status::Ineligible);
    // Nothing told, nothing closed; the event stays taken as long as the household can appeal.
    desk.on(&ineligible)
        .archive()
        .expect_blocked("LETTER_MISSING")
        .await;
    let told = desk.on(&ineligible).issue_letter().await;
    desk.on(&told)
        .archive()
        .expect_blocked("APPEAL_TIME_RUNS")
        .await;
    begin(1).expect_blocked("DUPLICATE_EVENT").await;

    // Above one approver's limit, with an uplift, after review, questions and a dismissed objection.
    let asked = begin(2)
        .refer()
        .through_verification(yuan(60_000))
        .through_notice()
        .review()
        .send_back()
        .visit()
        .evaluate()
        .verify(yuan(60_000))
        .preview()
        .open_notice()
        .object()
        .dismiss()
        .prove()
        .pass_days(6)
        .close_notice()
        .approve_with_uplift(yuan(1_000))
        .second_approve()
        .await;
    assert_eq!(asked.approved_amount(), Some(yuan(39_500)));
    let unknown = desk.on(&asked).instruct().mark_unknown().await;
    let failed = desk.on(&unknown).reconcile_failed().await;
    let failed = desk.on(&failed).reinstate().instruct().fail().await;
    let paid = desk.on(&failed).reinstate().instruct().confirm().await;
    let returned = desk.on(&paid).give_money_back().await;
    let changed = desk
        .on(&returned)
        .change_payee(other_payee)
        .confirm_payee()
        .await;
    assert_eq!(changed.case.payee, other_payee);
    let paid = desk
        .on(&changed)
        .visit()
        .evaluate()
        .verify(yuan(60_000))
        .through_notice()
        .approve()
        .second_approve()
        .command(
            Role::CountyCaseworker,
            Command::RaiseObjection {
                objection: lifecycle::ObjectionId(ids::fresh()),
                grounds: "再次异议(测试)".into(),
            },
        )
        .dismiss()
        .instruct()
        .confirm()
        .await;
    paid.expect_paid(yuan(38_500));
    desk.on(&paid).archive().start_recovery().recover().await;

    let rejected = begin(3)
        .refer()
        .through_verification(COST)
        .through_notice()
        .reject()
        .await;
    rejected.expect_status(Status::Rejected);
    // Refused, told, upheld; refused again, told, dismissed, told, archived.
    let again = desk.on(&rejected).issue_letter().appeal().uphold_appeal();
    let archived = again
        .visit()
        .declare_ineligible()
        .issue_letter()
        .appeal()
        .dismiss_appeal()
        .issue_letter()
        .archive()
        .await;
    archived.expect_status(Status::RefusalClosed);
    assert_eq!(archived.refusals.len(), 2);
    let withdrawn = begin(4)
        .command(
            Role::CountyCaseworker,
            Command::AttachDocument {
                evidence: evidence("补充说明(测试)"),
            },
        )
        .refer()
        .through_verification(COST)
        .through_notice()
        .approve()
        .object()
        .uphold()
        .withdraw()
        .await;
    withdrawn.expect_status(Status::Withdrawn);

    // The pool runs short, and two wait; the first is given what comes free. Of what was paid wrongly a part comes
    // back, the rest is written off.
    let closed = through_notice(&desk, (10..15).map(begin).collect()).await;
    let held = all(closed[..3].iter().map(|it| desk.on(it).approve())).await;
    let first = desk.on(&closed[3]).approve().await;
    let second = desk.on(&closed[4]).approve_with_uplift(yuan(1_000));
    let second = second.second_approve().await;
    for waits in [&first, &second] {
        waits.expect_status(Status::AwaitingFunds);
    }
    for claim in &held {
        desk.on(claim).withdraw().await;
    }
    desk.on(&second).withdraw().await;
    let paid = desk.on(&first).reserve_waiting().instruct().confirm().await;
    let part = desk.on(&paid).start_recovery().recover_part(yuan(10_000));
    part.propose_write_off().confirm_write_off().await;

    let log = desk.log().await;
    let made: BTreeSet<EventKind> = log.iter().map(|it| it.event.what.kind()).collect();
    let every: BTreeSet<EventKind> = EventKind::ALL.iter().copied().collect();
    assert_eq!(made, every);
    let (zero, put_in) = (Fen::ZERO, desk.world.pool);
    let written_off = yuan(15_340);
    let expected = PoolBalances {
        available: put_in.saturating_sub_to_zero(written_off),
        written_off,
        ..balances(put_in, zero, zero, zero)
    };
    assert_eq!(desk.pool().await, expected);
    for claim in [&told, &archived, &withdrawn] {
        assert_eq!(desk.claim(claim.id).await, *claim);
    }
    desk.expect_sound().await;
}

// Versions, keys, sequences.

/// Failure 7: whoever decides on a stale screen is told the version that stands, nothing else.
async fn stale_screen_changes_nothing(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let seen = desk.refer(desk.world.household("石门寨")).await;
    let now = desk.on(&seen).accept().await;
    let log = desk.log().await;
    let ahead = Claim {
        version: now.version + 1,
        ..now.clone()
    };
    for screen in [&seen, &ahead] {
        for act in [desk.on(screen).give_back(), desk.on(screen).withdraw()] {
            let outcome = act.outcome().await;
            assert!(
                matches!(outcome, Outcome::Stale { current } if current == now.version),
                "{outcome:?}"
            );
        }
    }
    assert_eq!(desk.log().await, log);
    assert_eq!(desk.claim(now.id).await, now);
    desk.on(&now).assign().await;
    desk.expect_sound().await;
}

/// Failure 6: of many decisions on the same version, one is made.
async fn one_of_two_decisions(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claim = desk.refer(desk.world.household("石门寨")).await;
    let acts = (0..30).map(|turn| {
        let journey = desk.on(&claim);
        let journey = match turn % 3 {
            0 => journey.accept(),
            1 => journey.give_back(),
            _ => journey.withdraw(),
        };
        journey.outcome()
    });
    let mut done = Vec::new();
    for outcome in together(acts).await {
        match outcome {
            Outcome::Done { claim, replay, .. } => {
                assert!(!replay);
                done.push(*claim);
            }
            Outcome::Stale { current } => assert_eq!(current, claim.version + 1),
            other @ (Outcome::Blocked(_) | Outcome::NotFound | Outcome::KeyReused) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(done.len(), 1);
    assert_eq!(desk.claim(claim.id).await, done[0]);
    assert_eq!(desk.history(claim.id).await.len(), 3);
    desk.expect_sound().await;
}

/// A second version of the year's scheme goes on with the year's money; another code does not. The
/// claim that began before keeps its version, and its own publication says the same again.
async fn versions_share_a_pool(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let first = desk.world.scheme.clone();
    let with = |change: &dyn Fn(&mut lifecycle::Scheme), code: &str, version: u32| {
        let id = ids::named("scheme", &format!("{}/{code}/{version}", county()));
        let mut scheme = lifecycle::Scheme {
            id: lifecycle::SchemeId(id),
            pool_id: lifecycle::SchemeId(id),
            code: code.to_owned(),
            version,
            ..first.clone()
        };
        change(&mut scheme);
        scheme
    };
    let second = with(&|scheme| scheme.liveness_days_max = 90, &first.code, 2);
    let other = with(&|_| (), "other-2020", 1);
    let store = desk.store();
    for scheme in [&second, &second, &other, &first] {
        store.put_scheme(scheme).await.expect("published");
    }
    let pool_of = async |scheme: &lifecycle::Scheme| {
        let published = store.scheme(county(), scheme.id).await.expect("reading");
        published.expect("published").pool_id
    };
    assert_eq!(pool_of(&second).await, first.id);
    assert_eq!(pool_of(&other).await, other.id);
    let begun = desk.refer(&desk.world.households[0]).await;
    let later = desk
        .draft(&desk.world.households[1])
        .under(&second)
        .refer()
        .through_verification(COST)
        .through_notice()
        .approve()
        .await;
    assert_eq!((begun.scheme, later.scheme), (first.id, second.id));
    assert_eq!(desk.pool().await.reserved, BENEFIT);
    desk.on(&later).instruct().confirm().await;
    assert_eq!(desk.expect_sound().await.paid, BENEFIT);
}

/// Failures 11, 12: the same key fifty times at once makes one claim, one event, one answer.
async fn repeated_key_acts_once(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let (draft_key, refer_key) = (ids::fresh(), ids::fresh());

    let drafts = (0..50).map(|_| desk.draft(&household).keyed(draft_key).outcome());
    let answers: Vec<_> = together(drafts).await.into_iter().map(receipt).collect();
    let claim = one_answer(&answers);
    let refers = (0..50).map(|_| desk.on(&claim).refer().keyed(refer_key).outcome());
    let answers: Vec<_> = together(refers).await.into_iter().map(receipt).collect();
    let claim = one_answer(&answers);
    assert_eq!(desk.claim(claim.id).await, claim);
    assert_eq!(desk.log().await.len(), 2);

    // Keys belong to an account: another one's key is no answer of its own.
    let accepted = desk.on(&claim).accept().keyed(refer_key).await;
    accepted.expect_status(Status::Accepted);
    desk.expect_sound().await;
}

/// One was done, all were answered the same.
fn one_answer(answers: &[(Receipt, Claim, bool)]) -> Claim {
    let (first, claim, _) = &answers[0];
    for (receipt, other, _) in answers {
        assert_eq!((receipt, other), (first, claim));
    }
    let done = answers.iter().filter(|(_, _, replay)| !replay).count();
    assert_eq!(done, 1, "acted once");
    claim.clone()
}

/// Failure 12: years later the same key gives the answer of then; another payload is refused.
async fn replay_answers_as_then(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let (draft_key, refer_key, reason_key) = (ids::fresh(), ids::fresh(), ids::fresh());
    let draft = || desk.draft(&household).keyed(draft_key).outcome();
    let first = receipt(draft().await);
    let referred = receipt(desk.on(&first.1).refer().keyed(refer_key).outcome().await);
    let later = desk
        .on(&referred.1)
        .accept()
        .assign()
        .withdraw()
        .keyed(reason_key)
        .await;
    desk.pass_days(400);

    let again = receipt(draft().await);
    assert_eq!((&again.0, &again.1), (&first.0, &first.1));
    assert!(again.2 && !first.2);
    let again = receipt(desk.on(&first.1).refer().keyed(refer_key).outcome().await);
    assert_eq!((&again.0, &again.1), (&referred.0, &referred.1));
    assert_eq!(desk.claim(later.id).await, later);

    let log = desk.log().await.len();
    let other_day = desk.draft(&household).keyed(draft_key);
    let misuses = [
        other_day.event_on(event_day(9)).outcome().await,
        desk.on(&first.1)
            .withdraw()
            .keyed(draft_key)
            .outcome()
            .await,
        // The same words about another version are another payload.
        desk.on(&later).refer().keyed(refer_key).outcome().await,
    ];
    for outcome in misuses {
        assert!(matches!(outcome, Outcome::KeyReused), "{outcome:?}");
    }
    assert_eq!(desk.log().await.len(), log);
    desk.expect_sound().await;
}

/// Invariant 6: each claim's history and the county's log count from 1 without a gap, whoever
/// works at once.
async fn sequences_without_a_gap(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let households = desk.world.households[..6].to_vec();
    let stories = households.iter().flat_map(|household| {
        let desk = &desk;
        (0..3).map(move |number| {
            let draft = desk.draft(household).event_on(event_day(number));
            draft.refer().through_verification(COST).preview()
        })
    });
    let claims = all(stories).await;
    let log = desk.log().await;
    assert_eq!(log.len(), claims.len() * 8);
    let mut versions: BTreeMap<ClaimId, u32> = BTreeMap::new();
    let mut hash = String::new();
    for (place, entry) in (1..).zip(&log) {
        assert_eq!(entry.county_seq, place);
        assert_eq!(entry.previous_hash, hash);
        hash.clone_from(&entry.hash);
        let version = versions.entry(entry.claim).or_default();
        *version += 1;
        assert_eq!(entry.version, *version);
    }
    for claim in &claims {
        let history = desk.history(claim.id).await;
        let own: Vec<Recorded> = log
            .iter()
            .filter(|it| it.claim == claim.id)
            .cloned()
            .collect();
        assert_eq!(history, own);
        assert_eq!(
            Claim::fold(history.iter().map(|it| &it.event)).as_ref(),
            Some(claim)
        );
    }

    // In pieces it is the same log, and the texts are those the hashes were made of.
    let mut pieces: Vec<Recorded> = Vec::new();
    loop {
        let after = pieces.last().map_or(0, |entry| entry.county_seq);
        let piece = desk.store().log(county(), after, 7).await.expect("reading");
        let texts = desk.store().log_rows(county(), after, 7).await;
        let texts = texts.expect("reading");
        assert!(piece.len() <= 7 && piece.len() == texts.len());
        for (entry, row) in piece.iter().zip(&texts) {
            assert_eq!(entry.county_seq, row.county_seq);
            let hash = Recorded::hash_of(
                &entry.previous_hash,
                row.county_seq,
                entry.claim,
                entry.version,
                &row.event,
                &row.seen,
            );
            assert_eq!(entry.hash, hash);
            let Event { stamp, what, .. } = &entry.event;
            assert_eq!((row.actor, row.at), (stamp.by, stamp.at));
            assert_eq!(row.kind, what.kind().code());
        }
        if piece.is_empty() {
            break;
        }
        pieces.extend(piece);
    }
    assert_eq!(pieces, log);
    desk.expect_sound().await;
}

/// The measured trap "sequence order is not commit order": a reader that asks for what came after
/// its last entry never meets a gap, however many write meanwhile.
async fn log_grows_in_commit_order(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let written = Arc::new(AtomicBool::new(false));
    let reader = {
        let (desk, written) = (desk.clone(), Arc::clone(&written));
        tokio::spawn(async move {
            let mut last = 0;
            loop {
                // Asked before reading: what was written before is then surely read.
                let finished = written.load(Ordering::SeqCst);
                let entries = desk.store().log(county(), last, 1_000).await;
                let entries = entries.expect("reading");
                if finished && entries.is_empty() {
                    return last;
                }
                for entry in entries {
                    assert_eq!(entry.county_seq, last + 1, "a reader met a gap");
                    last = entry.county_seq;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let household = desk.world.household("石门寨").clone();
    let stories = (0..24).map(|number| {
        let draft = desk.draft(&household).event_on(event_day(number));
        draft.refer().accept().assign().visit()
    });
    let claims = all(stories).await;
    written.store(true, Ordering::SeqCst);
    let read = reader.await.expect("the reader met no gap");
    assert_eq!(usize::try_from(read).ok(), Some(claims.len() * 5));
    desk.expect_sound().await;
}

/// Whoever follows the log is told of the claims in its scope, all of them, in order, from any place
/// on.
async fn followers_see_their_claims(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let (ours, theirs) = (
        Role::Shimenzhai.caller().scope,
        Role::Zhucaoying.caller().scope,
    );
    let read = desk.store();
    assert_eq!(read.log_end(county()).await.expect("reading"), 0);
    assert_eq!(read.last_event(&ours).await.expect("reading"), None);
    let mut claims = Vec::new();
    for (number, town) in (0..).zip(["石门寨", "驻操营", "石门寨"]) {
        let draft = desk.draft(desk.world.household(town));
        claims.push(draft.event_on(event_day(number)).refer().await);
    }
    let whole: Vec<Happened> = desk
        .log()
        .await
        .iter()
        .map(|entry| Happened {
            claim: entry.claim,
            version: entry.version,
            county_seq: entry.county_seq,
            kind: entry.event.what.kind(),
            at: entry.event.stamp.at,
        })
        .collect();
    let end = read.log_end(county()).await.expect("reading");
    assert_eq!(Some(end), whole.last().map(|entry| entry.county_seq));
    for (scope, towns) in [(&ours, vec![0, 2]), (&theirs, vec![1])] {
        let of = |entry: &&Happened| towns.iter().any(|at| claims[*at].id == entry.claim);
        let seen: Vec<Happened> = whole.iter().filter(of).copied().collect();
        for after in 0..=end {
            let rest: Vec<Happened> = seen
                .iter()
                .filter(|entry| entry.county_seq > after)
                .copied()
                .collect();
            let found = read.events_after(scope, after, None, 100).await;
            assert_eq!(found.expect("reading"), rest);
            let found = read.events_after(scope, after, None, 1).await;
            assert_eq!(found.expect("reading"), rest[..rest.len().min(1)]);
        }
        let last = read.last_event(scope).await.expect("reading");
        assert_eq!(last.as_ref(), seen.last());
        // Another's claim is not followed by its name either.
        for (at, claim) in claims.iter().enumerate() {
            let found = read.events_after(scope, 0, Some(claim.id), 100).await;
            let found = found.expect("reading");
            assert_eq!(!found.is_empty(), towns.contains(&at));
            assert!(found.iter().all(|entry| entry.claim == claim.id));
        }
    }
    let rival = scope_of(Role::RivalHandler);
    let found = read.events_after(&rival, 0, None, 100).await;
    assert_eq!(found.expect("reading"), []);
    for entry in &whole {
        let place = read.place_of(county(), entry.claim, entry.version).await;
        assert_eq!(place.expect("reading"), Some(entry.county_seq));
    }
    let nowhere = read.place_of(county(), claims[0].id, 99).await;
    assert_eq!(nowhere.expect("reading"), None);
}

/// A clock that was set back writes nothing; the small lag of another machine's clock is made up.
async fn log_never_runs_backwards(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let began = desk.now();
    let key = ids::fresh();
    let draft = |key| {
        let draft = desk.draft(desk.world.household("石门寨")).keyed(key);
        draft.outcome()
    };
    let (_, claim, _) = receipt(draft(key).await);
    desk.clock.set(began - Duration::seconds(2));
    let referred = desk.on(&claim).refer().await;
    let history = desk.history(claim.id).await;
    let instants: Vec<_> = history.iter().map(|it| it.event.stamp.at).collect();
    assert_eq!(instants, [began, began], "the lag is made up");
    desk.expect_sound().await;

    let back = began - Duration::seconds(2) - Duration::microseconds(1);
    desk.clock.set(back);
    let log = desk.log().await;
    let submission = Submission {
        claim: Some((referred.id, referred.version)),
        key: ids::fresh(),
        command: Command::AcceptReferral,
    };
    let handler = Role::Handler.caller();
    let refused = desk.desk.submit(&handler, submission.clone()).await;
    let Err(Fault::ClockSetBack { now, last }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((now, last), (back, began));
    assert_eq!(desk.log().await, log);
    // What was done before is still answered.
    let (_, again, replay) = receipt(draft(key).await);
    assert!(replay && again == claim);

    desk.clock.set(began);
    let accepted = desk.desk.submit(&handler, submission).await;
    let (accepted, ..) = receipt(accepted.expect("an answer"));
    assert_eq!(accepted.recorded_at, began);
    desk.expect_sound().await;
}

// Scope (invariant 8).

/// Failure 14: list, single record, number, history, counts and commands agree that a claim of
/// another township is not there.
async fn scope_of_a_township(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let ours = desk.refer(desk.world.household("石门寨")).await;
    let theirs = desk.refer(desk.world.household("驻操营")).await;
    sees_only(&desk, &scope_of(Role::Shimenzhai), &ours, &theirs).await;
    sees_only(&desk, &scope_of(Role::Zhucaoying), &theirs, &ours).await;
    let county = scope_of(Role::CountyCaseworker);
    let everything = numbers_of(&desk, &county, &ClaimFilter::default()).await;
    assert_eq!(everything, [ours.number.clone(), theirs.number.clone()]);

    // A filter for another region opens no door (failure 13).
    let filter = ClaimFilter {
        region: Some(theirs.village.clone()),
        ..ClaimFilter::default()
    };
    let ours_only = scope_of(Role::Shimenzhai);
    assert!(numbers_of(&desk, &ours_only, &filter).await.is_empty());

    not_found(&desk, Role::Shimenzhai, &theirs).await;
    not_found(&desk, Role::Zhucaoying, &ours).await;
    let stranger = desk.draft(desk.world.household("驻操营"));
    let outcome = stranger.event_on(event_day(1)).by(Role::Shimenzhai);
    assert!(matches!(outcome.outcome().await, Outcome::NotFound));
    let caller = Role::Shimenzhai.caller();
    for (household, seen) in [(ours.household, true), (theirs.household, false)] {
        let household = desk.desk.household(&caller, household).await;
        assert_eq!(household.expect("reading").is_some(), seen);
    }
    desk.expect_sound().await;
}

/// An insurer sees the claims of its own schemes, and households only through them.
async fn scope_of_an_insurer(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let ours = desk.refer(desk.world.household("石门寨")).await;
    let rival = desk.world.rival.clone();
    let theirs = desk
        .draft(desk.world.household("驻操营"))
        .under(&rival)
        .refer()
        .await;
    sees_only(&desk, &scope_of(Role::Handler), &ours, &theirs).await;
    sees_only(&desk, &scope_of(Role::RivalHandler), &theirs, &ours).await;
    not_found(&desk, Role::Handler, &theirs).await;
    not_found(&desk, Role::RivalHandler, &ours).await;
    let caller = Role::RivalHandler.caller();
    for (household, seen) in [(ours.household, false), (theirs.household, true)] {
        let household = desk.desk.household(&caller, household).await;
        assert_eq!(household.expect("reading").is_some(), seen);
    }
    let accepted = desk.on(&theirs).accept().by(Role::RivalHandler).await;
    accepted.expect_status(Status::Accepted);
    desk.expect_sound().await;
}

/// A caller of another county is nobody here, whatever ids are known.
async fn scope_of_a_county(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let claim = desk.refer(desk.world.household("石门寨")).await;
    let elsewhere = CountyCode::new(130_303).expect("six digits");
    let region = RegionCode::new(elsewhere.to_string()).expect("a county's region");
    let mut stranger = Role::CountyCaseworker.caller();
    stranger.scope = Scope {
        county: elsewhere,
        region,
        insurer: None,
    };
    sees_nothing(&desk, &stranger.scope, &claim).await;
    // Not even with this county's region in the scope of the other county.
    let mixed = Scope {
        region: scope_of(Role::Auditor).region,
        ..stranger.scope.clone()
    };
    sees_nothing(&desk, &mixed, &claim).await;
    let log = desk.log().await.len();
    for version in [claim.version, 1] {
        let submission = Submission {
            claim: Some((claim.id, version)),
            key: ids::fresh(),
            command: Command::WithdrawClaim { reason: "?".into() },
        };
        let outcome = desk.desk.submit(&stranger, submission).await;
        assert!(matches!(outcome, Ok(Outcome::NotFound)), "{outcome:?}");
    }
    let other_log = desk.store().log(elsewhere, 0, 10).await;
    assert!(other_log.expect("reading").is_empty());
    assert_eq!(desk.log().await.len(), log);
    desk.expect_sound().await;
}

/// Failures 13 to 15: households are listed within scope and filter, page by page, while others are
/// added; an insurer sees those it has a claim of; several are read as each would be.
async fn households_are_listed(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let all = async |scope: &Scope, filter: &HouseholdFilter, from_end: bool| {
        let (mut seen, mut edge): (Vec<Household>, Option<String>) = (Vec::new(), None);
        loop {
            let (after, before) = if from_end {
                (None, edge.take())
            } else {
                (edge.take(), None)
            };
            let page = Page {
                size: 2,
                after,
                before,
                from_end,
            };
            let slice = store.households(scope, filter, &page).await;
            let Slice { rows, more } = slice.expect("reading");
            assert!(rows.len() == 2 || !more);
            let last = if from_end { rows.first() } else { rows.last() };
            edge = last.map(|it| it.id.to_string());
            if from_end {
                seen.splice(0..0, rows);
            } else {
                seen.extend(rows);
            }
            if !more {
                return seen;
            }
        }
    };
    for number in 900..905 {
        let village = desk.world.household("石门寨").village.to_string();
        let household = invent_household(number, &village);
        store.put_household(&household).await.expect("writing");
    }
    let county_scope = scope_of(Role::CountyCaseworker);
    let every = all(&county_scope, &HouseholdFilter::default(), false).await;
    let mut sorted = every.clone();
    sorted.sort_by_key(|it| it.id);
    assert_eq!(every, sorted);
    assert_eq!(every.len(), desk.world.households.len() + 5);
    assert_eq!(
        all(&county_scope, &HouseholdFilter::default(), true).await,
        every
    );
    for household in &every {
        let one = store.household(county(), household.id).await;
        assert_eq!(one.expect("reading").as_ref(), Some(household));
    }
    let ids: Vec<HouseholdId> = every.iter().map(|it| it.id).collect();
    let mut asked = ids.clone();
    asked.push(HouseholdId(ids::fresh()));
    let together = store.households_by_ids(county(), &asked).await;
    let mut together = together.expect("reading");
    together.sort_by_key(|it| it.id);
    assert_eq!(together, every);

    let near = scope_of(Role::Shimenzhai);
    let own: Vec<_> = every
        .iter()
        .filter(|it| near.region.covers(&it.village))
        .cloned()
        .collect();
    assert!(!own.is_empty() && own.len() < every.len());
    assert_eq!(all(&near, &HouseholdFilter::default(), false).await, own);
    let filters = [
        HouseholdFilter {
            listed: Some(false),
            ..HouseholdFilter::default()
        },
        HouseholdFilter {
            listed: Some(true),
            ..HouseholdFilter::default()
        },
        HouseholdFilter {
            kind: Some(every[0].kind.clone()),
            ..HouseholdFilter::default()
        },
        HouseholdFilter {
            region: Some(near.region.clone()),
            ..HouseholdFilter::default()
        },
        HouseholdFilter {
            kind: Some("no such kind".into()),
            ..HouseholdFilter::default()
        },
    ];
    for filter in filters {
        let wanted = every.iter().filter(|it| {
            filter
                .listed
                .is_none_or(|listed| it.listed_on.is_some() == listed)
                && filter.kind.as_ref().is_none_or(|kind| it.kind == *kind)
                && filter
                    .region
                    .as_ref()
                    .is_none_or(|region| region.covers(&it.village))
        });
        let wanted: Vec<_> = wanted.cloned().collect();
        assert_eq!(
            all(&county_scope, &filter, false).await,
            wanted,
            "{filter:?}"
        );
    }
    // A filter for another region opens no door.
    let elsewhere = HouseholdFilter {
        region: Some(desk.world.household("驻操营").village.clone()),
        ..HouseholdFilter::default()
    };
    assert_eq!(all(&near, &elsewhere, false).await, []);

    let insurer = scope_of(Role::Handler);
    assert_eq!(all(&insurer, &HouseholdFilter::default(), false).await, []);
    let claim = desk.refer(desk.world.household("石门寨")).await;
    let seen = all(&insurer, &HouseholdFilter::default(), false).await;
    let seen: Vec<_> = seen.iter().map(|it| it.id).collect();
    assert_eq!(seen, [claim.household]);
    let rival = all(
        &scope_of(Role::RivalHandler),
        &HouseholdFilter::default(),
        false,
    )
    .await;
    assert_eq!(rival, []);
}

/// Stretches of several histories are read as each history would be, within the scope.
async fn histories_are_read_together(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let ours = desk
        .refer(desk.world.household("石门寨"))
        .through_verification(yuan(41_200));
    let ours = ours.await;
    let theirs = desk.refer(desk.world.household("驻操营")).await;
    let scope = scope_of(Role::CountyCaseworker);
    let spans = [
        Span {
            claim: ours.id,
            after: 2,
            upto: 4,
        },
        Span {
            claim: theirs.id,
            after: 0,
            upto: 99,
        },
        Span {
            claim: ClaimId(ids::fresh()),
            after: 0,
            upto: 9,
        },
    ];
    let store = desk.store();
    let read = async |scope: &Scope, spans: &[Span], kinds: &[EventKind]| {
        store.events(scope, spans, kinds).await.expect("reading")
    };
    let mut expected = desk.history(ours.id).await[2..4].to_vec();
    expected.extend(desk.history(theirs.id).await);
    expected.sort_by_key(|it| (it.claim, it.version));
    assert_eq!(read(&scope, &spans, &[]).await, expected);
    expected.retain(|it| it.event.what.kind() == EventKind::CaseReferred);
    assert_eq!(
        read(&scope, &spans, &[EventKind::CaseReferred]).await,
        expected
    );
    assert_eq!(expected.len(), 1);
    assert_eq!(read(&scope, &[], &[]).await, []);
    let near = read(&scope_of(Role::Shimenzhai), &spans, &[]).await;
    assert!(near.len() == 2 && near.iter().all(|it| it.claim == ours.id));
    assert_eq!(read(&scope_of(Role::RivalHandler), &spans, &[]).await, []);
}

/// What would happen is what then happens, and looking writes nothing: not even a refusal, nor a key.
async fn outlook_is_what_happens(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let draft = desk.draft(desk.world.household("石门寨")).await;
    let look = async |role: Role, claim: &Claim, key, command: Command| {
        let submission = Submission {
            claim: Some((claim.id, claim.version)),
            key,
            command,
        };
        desk.desk
            .preview(&role.caller(), submission)
            .await
            .expect("reading")
    };
    let log = desk.log().await;
    let key = ids::fresh();
    let would = look(Role::Shimenzhai, &draft, key, Command::ReferCase).await;
    let Outlook::Would { claim, event } = would else {
        panic!("{would:?}");
    };
    assert_eq!(desk.log().await, log);
    let outcome = desk
        .submit_with_key(Role::Shimenzhai, Some(&draft), Command::ReferCase, key)
        .await;
    let Outcome::Done {
        claim: done,
        replay,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(!replay, "the key was not used up");
    assert_eq!(claim, done);
    let last = desk.log().await.pop().expect("it was referred");
    assert_eq!(*event, last.event);

    let stale = look(Role::Shimenzhai, &draft, key, Command::ReferCase).await;
    assert_eq!(stale, Outlook::Stale { current: 2 });
    let foreign = look(Role::Zhucaoying, &done, ids::fresh(), Command::ReferCase).await;
    assert_eq!(foreign, Outlook::NotFound);
    let refused = look(Role::Handler, &done, ids::fresh(), Command::CloseNotice).await;
    let Outlook::Blocked(refused) = refused else {
        panic!("{refused:?}");
    };
    let outcome = desk
        .submit(Role::Handler, Some(&done), Command::CloseNotice)
        .await;
    let Outcome::Blocked(blocked) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(refused, blocked);
    // Two that would each go through are each judged alone, though both cannot.
    let pair = [Command::AcceptReferral, Command::AcceptReferral];
    for command in pair {
        let outlook = look(Role::Handler, &done, ids::fresh(), command).await;
        assert!(matches!(outlook, Outlook::Would { .. }), "{outlook:?}");
    }
    // A key that was used hides nothing of what would happen now.
    let used = look(Role::Handler, &done, key, Command::AcceptReferral).await;
    assert!(matches!(used, Outlook::Would { .. }), "{used:?}");
    desk.expect_sound().await;
}

/// Failure 23: received is done and refused; what is done stays done; an export is its requester's.
async fn bulk_work_is_on_record(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let (store, at) = (desk.store(), desk.now());
    let batch = BatchId {
        county: county(),
        account: Role::Shimenzhai.account_id(),
        key: ids::fresh(),
    };
    let line = |line_no, claim: Option<ClaimId>| BatchLine {
        line_no,
        claim,
        code: claim.is_none().then(|| "VALIDATION".to_owned()),
        at,
    };
    let progress = async || store.batch_progress(&batch).await.expect("reading");
    assert_eq!(progress().await, None);
    let claim = Some(ClaimId(ids::fresh()));
    let lines = [line(1, claim), line(2, None), line(7, None)];
    store
        .put_batch_lines(&batch, &lines)
        .await
        .expect("writing");
    let told = |received, done, last_line| {
        Some(Progress {
            received,
            done,
            refused: received - done,
            last_line,
        })
    };
    assert_eq!(progress().await, told(3, 1, 7));
    let lines = [line(1, None), line(2, claim)];
    store
        .put_batch_lines(&batch, &lines)
        .await
        .expect("writing");
    assert_eq!(progress().await, told(3, 2, 7), "what is done stays done");
    let mut done = store
        .done_lines(&batch, &[7, 2, 1, 3])
        .await
        .expect("reading");
    done.sort_unstable();
    assert_eq!(done, [1, 2]);
    for other in [
        BatchId {
            key: ids::fresh(),
            ..batch
        },
        BatchId {
            account: Role::CountyCaseworker.account_id(),
            ..batch
        },
    ] {
        assert_eq!(store.batch_progress(&other).await.expect("reading"), None);
        let done = store.done_lines(&other, &[1, 2]).await.expect("reading");
        assert!(done.is_empty());
    }

    let export = Export {
        id: ids::fresh(),
        county: county(),
        account: batch.account,
        kind: ExportKind::Claims,
        format: ExportFormat::Csv,
        filter: "{}".into(),
        purpose: "年度核对".into(),
        created_at: at,
        expires_at: at + Duration::hours(24),
    };
    store.put_export(&export).await.expect("writing");
    let again = Export {
        created_at: at + Duration::hours(1),
        ..export.clone()
    };
    store.put_export(&again).await.expect("the same once more");
    let other = Export {
        purpose: "其他".into(),
        ..export.clone()
    };
    let conflict = store.put_export(&other).await;
    assert!(matches!(conflict, Err(Fault::Conflict(_))), "{conflict:?}");
    let own = store.export(county(), export.account, export.id).await;
    assert_eq!(own.expect("reading").as_ref(), Some(&export));
    let foreign = store
        .export(county(), Role::CountyCaseworker.account_id(), export.id)
        .await;
    assert_eq!(foreign.expect("reading"), None);
    let mut download = Download {
        id: ids::fresh(),
        export: export.id,
        at,
        rows: None,
    };
    let note = async |download: &Download| {
        let noted = store
            .note_download(county(), export.account, download)
            .await;
        noted.expect("writing");
        store.downloads(county(), export.id).await.expect("reading")
    };
    assert_eq!(note(&download).await, [download.clone()]);
    download.rows = Some(12);
    assert_eq!(note(&download).await, [download.clone()]);
}

async fn sees_only(desk: &TestDesk, scope: &Scope, own: &Claim, foreign: &Claim) {
    let store = desk.store();
    let filter = ClaimFilter::default();
    let numbers = numbers_of(desk, scope, &filter).await;
    assert_eq!(numbers, std::slice::from_ref(&own.number));
    let single = store.claim(scope, own.id).await.expect("reading");
    assert_eq!(single.as_ref(), Some(own));
    let named = store.claim_by_number(scope, &own.number).await;
    assert_eq!(named.expect("reading").as_ref(), Some(own));
    let history = store.history(scope, own.id).await.expect("reading");
    assert_eq!(history.len(), 2);
    let counts = store.status_counts(scope, &filter).await.expect("reading");
    assert_eq!(
        counts,
        [StatusCount {
            status: own.status(),
            claims: 1,
            amount: own.amount(),
        }]
    );
    let one = store.claim(scope, foreign.id).await.expect("reading");
    assert_eq!(one, None);
    let one = store.claim_by_number(scope, &foreign.number).await;
    assert_eq!(one.expect("reading"), None);
    let history = store.history(scope, foreign.id).await.expect("reading");
    assert!(history.is_empty());
}

async fn sees_nothing(desk: &TestDesk, scope: &Scope, claim: &Claim) {
    let store = desk.store();
    let filter = ClaimFilter::default();
    assert!(numbers_of(desk, scope, &filter).await.is_empty());
    let one = store.claim(scope, claim.id).await.expect("reading");
    assert_eq!(one, None);
    let one = store.claim_by_number(scope, &claim.number).await;
    assert_eq!(one.expect("reading"), None);
    let history = store.history(scope, claim.id).await.expect("reading");
    assert!(history.is_empty());
    let counts = store.status_counts(scope, &filter).await.expect("reading");
    assert!(counts.is_empty());
}

/// Neither a command nor the version that would be right can be told from a claim that is not
/// there.
async fn not_found(desk: &TestDesk, role: Role, claim: &Claim) {
    let before = desk.log().await.len();
    for version in [claim.version, claim.version + 5, 1] {
        let screen = Claim {
            version,
            ..claim.clone()
        };
        for command in [
            Command::AcceptReferral,
            Command::WithdrawClaim {
                reason: "不是本辖区(测试)".into(),
            },
        ] {
            let outcome = desk.submit(role, Some(&screen), command).await;
            assert!(matches!(outcome, Outcome::NotFound), "{outcome:?}");
        }
    }
    assert_eq!(desk.log().await.len(), before);
    assert_eq!(desk.claim(claim.id).await, *claim);
}

// Refusals, conflicts, limits.

/// Failures 1, 2, 3: a step the status does not allow is an answer with a code; no event, no
/// version, no money. A refused key is free again.
async fn refusal_writes_nothing(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let draft = desk.draft(&household).await;
    let referred = desk.draft(&household).event_on(event_day(1)).refer().await;
    for claim in [&draft, &referred] {
        let on = || desk.on(claim);
        for act in vec![
            on().assign(),
            on().visit(),
            on().evaluate(),
            on().verify(COST),
            on().declare_ineligible(),
            on().open_notice(),
            on().prove(),
            on().object(),
            on().uphold(),
            on().dismiss(),
            on().close_notice(),
            on().review(),
            on().approve(),
            on().second_approve(),
            on().reject(),
            on().send_back(),
            on().change_payee(household.payees[1].id),
            on().confirm_payee(),
            on().instruct(),
            on().confirm(),
            on().fail(),
            on().give_money_back(),
            on().mark_unknown(),
            on().reconcile_settled(),
            on().reinstate(),
            on().archive(),
            on().start_recovery(),
            on().recover(),
            on().issue_letter(),
            on().appeal(),
            on().uphold_appeal(),
        ] {
            act.expect_blocked("INVALID_STATE").await;
        }
        // Whoever holds no duty for a step is refused before the status is looked at.
        for act in [on().approve(), on().accept(), on().withdraw()] {
            act.by(Role::Auditor).expect_blocked("DUTY_MISSING").await;
        }
    }
    let key = ids::fresh();
    let open = desk
        .on(&referred)
        .through_verification(COST)
        .preview()
        .open_notice()
        .prove()
        .await;
    let close = |claim: &Claim| desk.on(claim).close_notice().keyed(key);
    close(&open).expect_blocked("PERIOD_INCOMPLETE").await;
    desk.pass_days(6);
    let closed = close(&open).await;
    desk.on(&closed)
        .object()
        .approve()
        .expect_blocked("OBJECTION_OPEN")
        .await;
    assert_eq!(desk.pool().await.available, desk.world.pool);
    desk.expect_sound().await;
}

/// The same member, peril and day: one living claim, however many press the button at once.
async fn one_event_one_claim(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..50).map(|turn| {
        let role = [Role::Shimenzhai, Role::CountyCaseworker][turn % 2];
        desk.draft(&household).by(role).outcome()
    });
    let outcomes = together(drafts).await;
    assert_eq!(tally(&outcomes, "DUPLICATE_EVENT"), (1, 49));
    let numbers = numbers_of(&desk, &scope_of(Role::Auditor), &ClaimFilter::default()).await;
    assert_eq!(numbers, ["130302-2020-00001"]);
    let named = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Blocked(blocked) => Some(blocked.clone()),
        Outcome::Done { .. } | Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
            None
        }
    });
    for blocked in named {
        let number = numbers[0].clone();
        assert_eq!(blocked, lifecycle::Blocked::DuplicateEvent { number });
    }

    // Amending into the same event is the same; another day, member or peril is another event.
    let other = desk.draft(&household).event_on(event_day(3)).await;
    let first = outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Done { claim, .. } => Some(*claim),
        Outcome::Blocked(_) | Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
            None
        }
    });
    let first = first.expect("one was done");
    desk.on(&other)
        .amend(first.case.clone())
        .expect_blocked("DUPLICATE_EVENT")
        .await;
    desk.draft(&household).peril(Peril::Schooling).await;
    desk.draft(&household)
        .insured(household.members[1].id)
        .await;

    // The number of a claim out of sight is not told: the household has moved to another township.
    let moved = Household {
        village: desk.world.household("驻操营").village.clone(),
        ..household.clone()
    };
    desk.store().put_household(&moved).await.expect("writing");
    desk.draft(&household)
        .by(Role::Zhucaoying)
        .expect_blocked("DUPLICATE_ELSEWHERE")
        .await;
    desk.draft(&household)
        .by(Role::CountyCaseworker)
        .expect_blocked("DUPLICATE_EVENT")
        .await;
    let back = desk.store().put_household(&household).await;
    back.expect("writing");

    // A claim that no longer lives is in nobody's way; then there is one again.
    desk.on(&first).withdraw().await;
    let again = together((0..20).map(|_| desk.draft(&household).outcome())).await;
    assert_eq!(tally(&again, "DUPLICATE_EVENT"), (1, 19));
    desk.expect_sound().await;
}

/// Failure 10: numbers are unique and follow one another; a refused draft takes none.
async fn numbers_without_a_gap(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let households = ["石门寨", "驻操营"].map(|place| desk.world.household(place).clone());
    let drafts = (0..90_u32).map(|number| {
        let household = if number % 2 == 0 {
            &households[0]
        } else {
            &households[1]
        };
        let draft = desk.draft(household);
        let future = day(2020, 12, 1);
        let draft = draft.event_on(if number % 3 == 0 {
            future
        } else {
            event_day(number)
        });
        draft.outcome()
    });
    let outcomes = together(drafts).await;
    assert_eq!(tally(&outcomes, "VALIDATION"), (60, 30));
    let numbers = numbers_of(&desk, &scope_of(Role::Auditor), &ClaimFilter::default()).await;
    let number = |it: u32| format!("130302-2020-{it:05}");
    assert_eq!(numbers, (1..=60).map(number).collect::<Vec<_>>());

    // What happens to claims meanwhile takes no numbers either, nor does a withdrawal free one.
    let last = desk.refer(&households[0]).await;
    let withdrawn = desk.on(&last).accept().withdraw().await;
    let next = desk.draft(&households[0]).await;
    assert_eq!([withdrawn.number, next.number], [61, 62].map(number));
    desk.expect_sound().await;
}

/// Invariant 3: of sixty approvals at once, as many go through as the pool can pay.
async fn pool_is_never_overdrawn(store: Arc<dyn Store>) {
    let world = World {
        pool: Fen::new(times(BENEFIT, 36).get() + 1_267_000),
        ..World::new()
    };
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..60).map(|number| desk.draft(&household).event_on(event_day(number)));
    let closed = through_notice(&desk, drafts.collect()).await;
    let outcomes = together(closed.iter().map(|it| desk.on(it).approve().outcome())).await;
    let (approved, waiting) = approved_and_waiting(outcomes);
    assert_eq!((approved.len(), waiting.len()), (36, 24));
    let pool = desk.pool().await;
    assert_eq!(pool.available, Fen::new(1_267_000));
    assert_eq!(pool.reserved, times(BENEFIT, 36));

    // Money that comes back is the first one's, whoever asks at once.
    desk.on(&approved[0]).withdraw().await;
    let outcomes = together(
        waiting
            .iter()
            .map(|it| desk.on(it).reserve_waiting().outcome()),
    )
    .await;
    let (reserved, _) = approved_and_waiting(outcomes);
    assert_eq!(reserved.len(), 1);
    let least = waiting.iter().map(|it| &it.number).min();
    assert_eq!(Some(&reserved[0].number), least);
    desk.expect_sound().await;
}

/// The claims that were approved, and those that wait for money.
fn approved_and_waiting(outcomes: Vec<Outcome>) -> (Vec<Claim>, Vec<Claim>) {
    let claims = outcomes.into_iter().filter_map(|outcome| match outcome {
        Outcome::Done { claim, .. } => Some(*claim),
        Outcome::Blocked(_) | Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
            None
        }
    });
    claims
        .filter(|it| [Status::Approved, Status::AwaitingFunds].contains(&it.status()))
        .partition(|it| it.status() == Status::Approved)
}

/// Shortage is a queue: nobody overtakes, not with a smaller sum, not with a second command, not while
/// eighty approvals and reservations come at once; money that comes in is given in the queue's order.
async fn shortage_is_a_queue(store: Arc<dyn Store>) {
    let world = World {
        pool: times(BENEFIT, 2),
        ..World::new()
    };
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..8).map(|number| desk.draft(&household).event_on(event_day(number)));
    let closed = through_notice(&desk, drafts.collect()).await;
    // A claim that would need less than what is left, noticed later than the others.
    let small = desk.draft(&household).event_on(event_day(20)).refer();
    let small = small.through_verification(yuan(6_000));
    let small = small.through_notice().await;
    let outcomes = together(closed.iter().map(|it| desk.on(it).approve().outcome())).await;
    let (approved, mut waiting) = approved_and_waiting(outcomes);
    assert_eq!((approved.len(), waiting.len()), (2, 6));
    let rank = |it: &Claim| Waiting::of(it).expect("it waits").rank;
    waiting.sort_by_key(rank);
    let late = desk.on(&small).approve().await;
    late.expect_status(Status::AwaitingFunds);
    desk.on(&late)
        .reserve_waiting()
        .expect_blocked("NOT_FIRST")
        .await;
    desk.on(&waiting[0])
        .reserve_waiting()
        .expect_blocked("POOL_INSUFFICIENT")
        .await;

    // The queue tells each place and what is missing, and the forecast and the settlement know of it.
    let pool = desk.world.scheme.pool_id;
    let queue = desk
        .store()
        .pool_queue(county(), pool, &Page::first(5))
        .await;
    let queue = queue.expect("reading");
    assert!(queue.more);
    for (place, (row, claim)) in (0_u32..).zip(queue.rows.iter().zip(&waiting)) {
        assert_eq!((row.place, row.waiting.claim), (place + 1, claim.id));
        assert_eq!(row.missing(Fen::ZERO), times(BENEFIT, i64::from(place) + 1));
    }
    let rest = Page {
        after: Some(queue.rows[4].waiting.rank.clone()),
        ..Page::first(5)
    };
    let rest = desk.store().pool_queue(county(), pool, &rest).await;
    let rest = rest.expect("reading");
    let ids: Vec<_> = rest.rows.iter().map(|it| it.waiting.claim).collect();
    assert_eq!((ids, rest.more), (vec![waiting[5].id, late.id], false));
    let claims = desk.store().pool_claims(county(), pool).await;
    let claims = claims.expect("reading");
    let sum = times(BENEFIT, 6).checked_add(yuan(700)).expect("in range");
    assert_eq!((claims.waiting, claims.waiting_sum), (7, sum));

    // Two come back: everybody who waits asks, many times at once; the first two have it, in order.
    for claim in &approved {
        desk.on(claim).withdraw().await;
    }
    let everybody = waiting.iter().chain([&late]);
    let tries = everybody.flat_map(|it| (0..8).map(|_| desk.on(it).reserve_waiting().outcome()));
    let outcomes = together(tries).await;
    let (reserved, _) = approved_and_waiting(outcomes);
    let ids: BTreeSet<_> = reserved.iter().map(|it| it.id).collect();
    assert!(!ids.is_empty() && ids.contains(&waiting[0].id), "{ids:?}");
    assert!(
        ids.iter()
            .all(|it| waiting[..2].iter().any(|of| of.id == *it))
    );
    if ids.len() == 1 {
        desk.on(&waiting[1]).reserve_waiting().await;
    }
    assert_eq!(desk.pool().await.available, Fen::ZERO);

    // Whoever leaves the queue makes place: the first is sent back, the second is first.
    desk.on(&waiting[2]).send_back().await;
    let one = reserved.iter().find(|it| it.id == waiting[0].id);
    desk.on(one.expect("the first")).withdraw().await;
    let third = desk.on(&waiting[3]).reserve_waiting().await;
    third.expect_status(Status::Approved);
    desk.on(&waiting[4]).reject().await;
    desk.on(&waiting[5]).withdraw().await;
    desk.on(&third).withdraw().await;
    let late = desk.on(&late).reserve_waiting();
    late.instruct().confirm().await.expect_paid(yuan(700));
    desk.expect_sound().await;
}

/// Recovered in parts, the rest written off by two: what was paid is what came back and what did not.
async fn recovery_comes_in_parts(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let paid = |number| {
        let draft = desk.draft(&household).event_on(event_day(number)).refer();
        let verified = draft.through_verification(COST);
        verified.through_notice().through_payout().start_recovery()
    };
    let (one, other) = (paid(0).await, paid(1).await);
    let part = yuan(10_000);
    let one = desk.on(&one).recover_part(part).recover_part(part).await;
    assert_eq!(one.outstanding(), BENEFIT.checked_sub(yuan(20_000)));
    // One reference of the bank is money once, in the whole county.
    let taken = one.state.recovering().expect("it is recovered").instalments[0].clone();
    let again = Command::RecordRecovery {
        amount: yuan(1),
        bank_ref: taken.bank_ref,
    };
    desk.on(&other)
        .command(Role::SecondFinance, again)
        .expect_blocked("REFERENCE_TAKEN")
        .await;
    let too_much = Command::RecordRecovery {
        amount: BENEFIT,
        bank_ref: "BANK-OVER".into(),
    };
    desk.on(&one)
        .command(Role::SecondFinance, too_much)
        .expect_blocked("OVER_OUTSTANDING")
        .await;
    let recovered = desk.on(&one).recover().await;
    recovered.expect_status(Status::Recovered);
    assert_eq!(desk.pool().await.paid_out, BENEFIT);

    // Beyond the limit nothing is written off; within it two persons do.
    desk.on(&other)
        .propose_write_off()
        .expect_blocked("BEYOND_AUTHORITY")
        .await;
    let proposed = desk.on(&other).recover_part(part).propose_write_off().await;
    let rest = BENEFIT.checked_sub(part).expect("in range");
    desk.on(&proposed)
        .confirm_write_off()
        .by(Role::SecondFinance)
        .expect_blocked("DUTY_MISSING")
        .await;
    let written = desk.on(&proposed).confirm_write_off().await;
    written.expect_status(Status::WrittenOff);
    let pool = desk.pool().await;
    assert_eq!((pool.paid_out, pool.written_off), (Fen::ZERO, rest));
    assert_eq!(
        payments_of(&desk, written.id).await,
        [("WRITTEN_OFF".to_owned(), BENEFIT)]
    );
    // What the household keeps counts against a second claim for the event; what came back does not.
    desk.draft(&household)
        .event_on(event_day(1))
        .expect_blocked("DUPLICATE_EVENT")
        .await;
    desk.draft(&household).event_on(event_day(0)).await;
    desk.expect_sound().await;
}

/// Invariant 3: of sixty approvals at once for one person, as many as the person's year allows.
async fn person_year_cap_holds(store: Arc<dyn Store>) {
    let desk = capped(store, CapScope::PersonYear).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..60).map(|number| desk.draft(&household).event_on(event_day(number)));
    room_for_36(&desk, drafts.collect()).await;

    // The next assessment sees what is left; another person has a year of her own.
    let rest = desk.refer(&household).through_verification(COST).await;
    rest.expect_benefit(Fen::new(1_267_000));
    let spouse = desk.draft(&household).insured(household.members[1].id);
    let spouse = spouse.refer().through_verification(COST).await;
    spouse.expect_benefit(BENEFIT);
    let closed = desk.on(&rest).through_notice().await;
    desk.on(&closed).approve().await;
    let none = desk.draft(&household).event_on(event_day(100)).refer();
    none.through_verification(COST)
        .expect_blocked("NO_BENEFIT")
        .await;
    desk.expect_sound().await;
}

/// Invariant 3: the same for a household, whichever of its members.
async fn household_year_cap_holds(store: Arc<dyn Store>) {
    let desk = capped(store, CapScope::HouseholdYear).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..60_u32).map(|number| {
        let draft = desk.draft(&household).event_on(event_day(number));
        if number % 2 == 0 {
            draft
        } else {
            draft.insured(household.members[1].id)
        }
    });
    room_for_36(&desk, drafts.collect()).await;
    let rest = desk.refer(&household).through_verification(COST).await;
    rest.expect_benefit(Fen::new(1_267_000));
    let neighbours = desk.world.household("驻操营");
    let neighbours = desk.refer(neighbours).through_verification(COST).await;
    neighbours.expect_benefit(BENEFIT);
    desk.expect_sound().await;
}

/// Of twenty approvals at once for one household, as many by one person as twelve months allow; the others
/// are first approvals. What is void, or lies further back, counts no more.
async fn twelve_months_are_summed(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.scheme.authority[0].twelve_months_alone_max = Some(times(BENEFIT, 12));
    world.pool = yuan(5_000_000);
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = (0..20_u32).map(|number| {
        let draft = desk.draft(&household).event_on(event_day(number));
        // Whichever of its members.
        if number % 2 == 0 {
            draft
        } else {
            draft.insured(household.members[1].id)
        }
    });
    let closed = through_notice(&desk, drafts.collect()).await;
    let approved = all(closed.iter().map(|it| desk.on(it).approve())).await;
    let (alone, first): (Vec<&Claim>, Vec<&Claim>) = approved
        .iter()
        .partition(|it| it.status() == Status::Approved);
    assert_eq!((alone.len(), first.len()), (12, 8));
    assert_eq!(desk.pool().await.reserved, times(BENEFIT, 12));
    desk.on(first[0])
        .approve()
        .expect_blocked("OVER_TWELVE_MONTH_LIMIT")
        .await;
    let second = desk.on(first[0]).second_approve().await;
    second.expect_status(Status::Approved);
    // Two are free again; then one more goes, by one person.
    for claim in &alone[..2] {
        desk.on(claim).withdraw().await;
    }
    desk.on(first[1])
        .approve()
        .await
        .expect_status(Status::Approved);
    desk.on(first[2])
        .approve()
        .expect_blocked("OVER_TWELVE_MONTH_LIMIT")
        .await;
    // Twelve months to the day.
    let counted = async |claim: &Claim| {
        let history = desk.history(claim.id).await;
        let last = history.last().expect("an event");
        last.seen.approved_twelve_months
    };
    desk.pass_days(364);
    let objected = desk.on(first[3]).object().await;
    assert_eq!(counted(&objected).await, times(BENEFIT, 12));
    desk.pass_days(1);
    let dismissed = desk.on(&objected).dismiss().await;
    assert_eq!(counted(&dismissed).await, Fen::ZERO);
    desk.expect_sound().await;
}

async fn capped(store: Arc<dyn Store>, scope: CapScope) -> TestDesk {
    let mut world = World::new();
    world.cap(&Cap {
        scope,
        limit: Fen::new(times(BENEFIT, 36).get() + 1_267_000),
    });
    world.pool = yuan(5_000_000);
    TestDesk::open_with(store, world).await
}

async fn room_for_36(desk: &TestDesk, drafts: Vec<Journey>) {
    let closed = through_notice(desk, drafts).await;
    let outcomes = together(closed.iter().map(|it| desk.on(it).approve().outcome())).await;
    assert_eq!(tally(&outcomes, "CAP_EXCEEDED"), (36, 24));
    assert_eq!(desk.pool().await.reserved, times(BENEFIT, 36));
}

// Facts.

/// What a judgement must know about people and households is looked up, under the lock.
async fn facts_are_looked_up(store: Arc<dyn Store>) {
    let mut world = World::new();
    let (own, visited) = (world.households[0].id, world.households[1].id);
    world.interests = vec![(Role::Shimenzhai, own), (Role::Surveyor, visited)];
    let desk = TestDesk::open_with(store, world).await;
    let [first, second, third] = [0, 1, 2].map(|it| desk.world.households[it].clone());
    let foreign = desk.world.household("驻操营").clone();

    // Nobody acts on a household of their own, nor is sent to one (failure 8, invariant 4).
    desk.draft(&first).expect_blocked("SELF_DEALING").await;
    let drafted = desk.draft(&first).by(Role::CountyCaseworker).await;
    desk.on(&drafted)
        .withdraw()
        .expect_blocked("SELF_DEALING")
        .await;
    let accepted = desk.refer(&second).accept().await;
    desk.on(&accepted)
        .assign()
        .expect_blocked("CONFLICT_OF_INTEREST")
        .await;
    desk.on(&accepted)
        .assign_to(Role::Handler)
        .expect_blocked("NOT_QUALIFIED")
        .await;

    let unlisted = desk.refer(desk.world.unlisted());
    unlisted.expect_blocked("HOUSEHOLD_NOT_LISTED").await;
    desk.refer(&third)
        .without_basis()
        .expect_blocked("MISSING_BASIS")
        .await;
    let stranger = desk.draft(&third).insured(foreign.head);
    stranger.expect_blocked("VALIDATION").await;
    for payee in [foreign.payees[0].id, PayeeId(ids::fresh())] {
        let draft = desk.draft(&third).event_on(event_day(2)).paid_to(payee);
        draft.expect_blocked("PAYEE_UNKNOWN").await;
    }
    let nowhere = Household {
        id: HouseholdId(ids::fresh()),
        ..third.clone()
    };
    let outcome = desk.draft(&nowhere).outcome().await;
    assert!(matches!(outcome, Outcome::NotFound), "{outcome:?}");
    let unpublished = lifecycle::Scheme {
        id: lifecycle::SchemeId(ids::fresh()),
        ..desk.world.scheme.clone()
    };
    let outcome = desk
        .draft(&third)
        .event_on(event_day(4))
        .under(&unpublished);
    assert!(matches!(outcome.outcome().await, Outcome::NotFound));

    // The dead are known, and the facts are recorded with the event.
    let verifying = desk
        .draft(&third)
        .event_on(day(2020, 5, 20))
        .refer()
        .accept()
        .assign()
        .visit()
        .evaluate()
        .await;
    let store = desk.store();
    let checked_on = day(2020, 6, 1);
    let died_on = Some(day(2020, 5, 19));
    store
        .record_liveness(county(), third.head, checked_on, died_on)
        .await
        .expect("writing");
    desk.on(&verifying)
        .verify(COST)
        .expect_blocked("INSURED_DECEASED")
        .await;
    let died_on = Some(day(2020, 5, 21));
    store
        .record_liveness(county(), third.head, checked_on, died_on)
        .await
        .expect("writing");
    let verified = desk.on(&verifying).verify(COST).await;
    let history = desk.history(verified.id).await;
    let seen = &history.last().expect("seven events").seen;
    assert_eq!(seen.now, desk.now());
    assert_eq!(seen.village.as_ref(), Some(&third.village));
    assert_eq!(seen.head_name, third.head_name());
    assert_eq!((seen.village_name.as_str(), seen.persons), ("沙锅店村", 4));
    assert_eq!(
        (seen.insured.died_on, seen.insured.checked_on),
        (died_on, Some(checked_on))
    );
    assert!(seen.household_listed && seen.insured_of_household);
    assert_eq!(seen.pool_available, desk.world.pool);
    assert_eq!((&seen.duplicate, seen.bills_taken.len()), (&None, 0));
    desk.expect_sound().await;
}

/// Invariant 10: account holder, shared account, life of the payee, at approval and instruction.
async fn payee_is_checked_when_paid(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.households[0].clone();
    let neighbour = desk.world.households[1].clone();
    let payee = |name: &str, account: BankAccount| {
        let mut payee = Payee {
            id: PayeeId(ids::fresh()),
            holder_name: name.into(),
            account,
            checks: Vec::new(),
            ..household.payees[0].clone()
        };
        let town = Role::Shimenzhai.person_id();
        let compared = payee.compared(&household.members[0], day(2020, 6, 1), town);
        payee.checks.push(compared);
        payee
    };
    let own = BankAccount::parse("6228480000000000999").expect("digits");
    let shared = payee(household.head_name(), neighbour.payees[0].account.clone());
    let misnamed = payee("另有其人", own);
    for payee in [&shared, &misnamed] {
        let put = desk.store().put_payee(county(), household.id, payee).await;
        put.expect("writing");
    }
    let drafts = [
        desk.draft(&household)
            .paid_to(shared.id)
            .event_on(event_day(1)),
        desk.draft(&household)
            .paid_to(misnamed.id)
            .event_on(event_day(2)),
        desk.draft(&household).event_on(event_day(3)),
        // Two of one household may share an account; two households may not (failure 37).
        desk.draft(&neighbour).event_on(event_day(4)),
    ];
    let closed = through_notice(&desk, drafts.into()).await;
    let find = |payee: PayeeId| {
        let mut claims = closed.iter();
        claims.find(|it| it.case.payee == payee).expect("a claim")
    };
    desk.on(find(shared.id))
        .approve()
        .expect_blocked("ACCOUNT_SHARED")
        .await;
    desk.on(find(neighbour.payees[0].id))
        .approve()
        .expect_blocked("ACCOUNT_SHARED")
        .await;
    desk.on(find(misnamed.id))
        .approve()
        .expect_blocked("ACCOUNT_NAME_MISMATCH")
        .await;

    let approved = desk.on(find(household.payees[0].id)).approve().await;
    desk.pass_days(30);
    desk.on(&approved)
        .instruct()
        .expect_blocked("LIVENESS_STALE")
        .await;
    let today = calendar::legal_day(desk.now());
    let record = async |died_on| {
        desk.store()
            .record_liveness(county(), household.head, today, died_on)
            .await
            .expect("writing");
    };
    record(Some(today)).await;
    desk.on(&approved)
        .instruct()
        .expect_blocked("PAYEE_DECEASED")
        .await;
    record(None).await;
    desk.on(&approved).instruct().confirm().await;
    desk.expect_sound().await;
}

/// A check of a payee's name is a record of its own, by somebody else than entered the payee; it stays, and the latest
/// counts. An heir is registered with papers.
async fn names_are_checked(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.scheme.payee_check = NameCheckMeans::DocumentSeen;
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let payee = &household.payees[0];
    let closed = desk
        .refer(&household)
        .through_verification(COST)
        .through_notice()
        .await;
    let record = async |check: &PayeeCheck| {
        let put = desk.store().put_payee_check(county(), payee.id, check);
        put.await
    };
    let today = calendar::legal_day(desk.now());
    let check = |role: Role, means, passed| PayeeCheck {
        id: ids::fresh(),
        means,
        passed,
        by: role.person_id(),
        on_behalf_of: None,
        on: today,
        sha256: Some(ids::sha256("the bank's reply")),
    };
    desk.on(&closed)
        .approve()
        .expect_blocked("NAME_CHECK_DUE")
        .await;
    let own = check(Role::Shimenzhai, NameCheckMeans::DocumentSeen, true);
    assert!(record(&own).await.is_err(), "whoever entered it");
    let through = PayeeCheck {
        by: Role::Handler.person_id(),
        on_behalf_of: Some(own.by),
        ..own
    };
    assert!(record(&through).await.is_err(), "and through somebody");
    let failed = check(Role::Handler, NameCheckMeans::BankReply, false);
    let seen = check(Role::Handler, NameCheckMeans::DocumentSeen, true);
    for again in [&failed, &failed] {
        record(again).await.expect("writing");
    }
    desk.on(&closed)
        .approve()
        .expect_blocked("ACCOUNT_NAME_MISMATCH")
        .await;
    record(&seen).await.expect("writing");
    // Another try of what was recorded before changes nothing: neither what counts, nor what stands.
    record(&failed).await.expect("writing");
    let other = PayeeCheck {
        passed: true,
        ..failed.clone()
    };
    assert!(record(&other).await.is_err(), "one check says one thing");
    let stands = desk.store().household(county(), household.id).await;
    let stands = stands.expect("reading").expect("it is on record");
    assert_eq!(
        stands.payees[0].checks,
        [payee.checks[0].clone(), failed, seen]
    );
    let approved = desk.on(&closed).approve().await;
    let history = desk.history(approved.id).await;
    let facts = history.last().and_then(|it| it.seen.payee.clone());
    let told = facts.map(|it| (it.member, it.relation, it.name_checks.len()));
    assert_eq!(told, Some((payee.member, PayeeRelation::Head, 3)));
    let unknown =
        desk.store()
            .put_payee_check(county(), PayeeId(ids::fresh()), &stands.payees[0].checks[2]);
    assert!(unknown.await.is_err());

    // The insured dies before the money is sent.
    desk.store()
        .record_liveness(county(), approved.case.insured, today, Some(today))
        .await
        .expect("writing");
    let hash = |text: &str| ids::sha256(text);
    let heir = Payee {
        id: PayeeId(ids::fresh()),
        relation: PayeeRelation::Heir,
        papers: Some(HeirPapers {
            death_certificate: hash("死亡证明"),
            relation_proof: hash("亲属关系证明"),
            heirs_agreement: hash("继承人协议"),
        }),
        checks: vec![check(Role::Handler, NameCheckMeans::BankReply, true)],
        ..household.payees[1].clone()
    };
    let spouse = &household.payees[1];
    let checked = check(Role::Handler, NameCheckMeans::BankReply, true);
    desk.store()
        .put_payee_check(county(), spouse.id, &checked)
        .await
        .expect("writing");
    desk.on(&approved)
        .change_payee(spouse.id)
        .expect_blocked("HEIR_REQUIRED")
        .await;
    for _ in 0..2 {
        let put = desk.store().put_payee(county(), household.id, &heir).await;
        put.expect("writing");
    }
    let stands = desk.store().household(county(), household.id).await;
    let stands = stands.expect("reading").expect("it is on record");
    assert_eq!(stands.payees.last(), Some(&heir));
    desk.on(&approved).change_payee(heir.id).await;
    desk.expect_sound().await;
}

// Money.

/// An objection upheld after approval: the money is free, the case is verified again, and the same
/// bill may be compensated by the same claim.
async fn upheld_objection_releases_money(store: Arc<dyn Store>) {
    let desk = capped(store, CapScope::PersonYear).await;
    let (zero, put_in) = (Fen::ZERO, desk.world.pool);
    let approved = desk
        .refer(desk.world.household("石门寨"))
        .through_verification(COST)
        .through_notice()
        .approve()
        .await;
    assert_eq!(desk.pool().await, balances(put_in, BENEFIT, zero, zero));
    let objected = desk.on(&approved).object().await;
    desk.on(&objected)
        .instruct()
        .expect_blocked("OBJECTION_OPEN")
        .await;
    let verifying = desk.on(&objected).uphold().await;
    verifying.expect_status(Status::Verifying);
    assert_eq!(desk.pool().await, balances(put_in, zero, zero, zero));
    let paid = desk
        .on(&verifying)
        .visit()
        .evaluate()
        .verify(yuan(15_000))
        .through_notice()
        .through_payout()
        .await;
    paid.expect_paid(yuan(7_000));
    assert_eq!(desk.pool().await, balances(put_in, zero, zero, yuan(7_000)));
    let history = desk.history(paid.id).await;
    let totals = history.iter().map(|it| it.seen.used.person_year);
    assert!(
        totals.into_iter().all(|used| used == zero),
        "a claim's own reservation is not counted against it"
    );
    desk.expect_sound().await;
}

/// Failure 37: another payee after approval voids notice and approval; a second person confirms.
async fn changed_payee_voids_approval(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let other = household.payees[1].id;
    let approved = desk
        .refer(&household)
        .through_verification(COST)
        .through_notice()
        .approve()
        .await;
    let payee = approved.case.payee;
    // The facts are those of the payee that is named, not of the one that is on the claim.
    let foreign = desk.world.household("驻操营").payees[0].id;
    desk.on(&approved)
        .change_payee(foreign)
        .expect_blocked("PAYEE_UNKNOWN")
        .await;
    let wrong = Command::InstructPayout {
        payment: PaymentId(ids::fresh()),
        amount: BENEFIT,
        payee: other,
    };
    desk.on(&approved)
        .command(Role::Finance, wrong)
        .expect_blocked("MISMATCH")
        .await;
    let changed = desk.on(&approved).change_payee(other).await;
    assert_ne!(changed.case.payee, payee);
    assert_eq!(desk.pool().await.reserved, Fen::ZERO);
    let visited = desk.on(&changed).visit().evaluate().await;
    desk.on(&visited)
        .verify(COST)
        .expect_blocked("PAYEE_UNCONFIRMED")
        .await;
    desk.on(&visited)
        .confirm_payee()
        .by(Role::Handler)
        .expect_blocked("SECOND_PERSON_REQUIRED")
        .await;
    let paid = desk
        .on(&visited)
        .confirm_payee()
        .verify(COST)
        .through_notice()
        .through_payout()
        .await;
    paid.expect_paid(BENEFIT);
    let instructed = paid.state.instructed().map(|it| it.instruction.payee);
    assert_eq!(instructed, Some(other));
    desk.expect_sound().await;
}

/// A county that advances money, where days pass.
fn advancing() -> World {
    let mut world = World::advancing();
    world.scheme.liveness_days_max = 365;
    world
}

const ADVANCE: Fen = yuan(5_000);

/// What a surveyor accepts before there are bills.
fn no_bills() -> LossFacts {
    LossFacts {
        other_compensation: Some(Fen::ZERO),
        ..LossFacts::default()
    }
}

/// Claims of one event form one line, each after the end of the one before; of twenty that would go on with one at once,
/// one does.
async fn claims_of_one_event_form_a_line(store: Arc<dyn Store>) {
    let desk = TestDesk::open_with(store, advancing()).await;
    let household = desk.world.household("石门寨").clone();
    let begin = || desk.draft(&household);
    let first = begin().refer().through_verification(COST).await;
    begin().follows(&first).expect_blocked("VALIDATION").await;
    begin().expect_blocked("DUPLICATE_EVENT").await;
    let first = desk.on(&first).through_notice().through_payout().await;
    begin().expect_blocked("DUPLICATE_EVENT").await;
    let elsewhere = begin().event_on(event_day(1)).follows(&first);
    elsewhere.expect_blocked("VALIDATION").await;
    let strange = desk.world.household("驻操营").clone();
    let strange = desk.draft(&strange).follows(&first);
    strange.expect_blocked("VALIDATION").await;
    begin()
        .advance()
        .follows(&first)
        .expect_blocked("VALIDATION")
        .await;

    let outcomes = together((0..20).map(|_| begin().follows(&first).outcome())).await;
    assert_eq!(tally(&outcomes, "VALIDATION"), (1, 19));
    let second = outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Done { claim, .. } => Some(*claim),
        Outcome::Blocked(_) | Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
            None
        }
    });
    let second = second.expect("one goes on");
    let follows = second.follows.clone().expect("it follows");
    assert_eq!((follows.claim, follows.first), (first.id, first.id));
    assert_eq!(follows.kind, FollowKind::Supplement);
    let moved = Case {
        event_on: event_day(1),
        ..second.case.clone()
    };
    desk.on(&second)
        .amend(moved)
        .expect_blocked("VALIDATION")
        .await;
    // A bill of the first is not a bill of the second.
    let surveyed = desk
        .on(&second)
        .refer()
        .accept()
        .assign()
        .visit()
        .evaluate();
    let surveyed = surveyed.await;
    desk.on(&surveyed)
        .verify_bill(&first.number, COST)
        .expect_blocked("BILL_TAKEN")
        .await;
    // Money that comes back goes out again although another claim has gone on meanwhile.
    let back = desk.on(&first).give_money_back().reinstate().instruct();
    let first = back.confirm().await;
    first.expect_paid(BENEFIT);
    // Withdrawn, it still is the one that followed: the next goes on with it.
    let withdrawn = desk.on(&surveyed).withdraw().await;
    begin().follows(&first).expect_blocked("VALIDATION").await;
    let third = begin().follows(&withdrawn).await;
    let follows = third.follows.clone().expect("it follows");
    assert_eq!((follows.claim, follows.first), (withdrawn.id, first.id));
    assert_eq!(follows.kind, FollowKind::Reopened);

    // A refused case is reopened by a claim of its own.
    let other = || desk.draft(&household).event_on(event_day(2));
    let refused = other().refer().accept().declare_ineligible().issue_letter();
    let refused = refused.await;
    other().follows(&refused).expect_blocked("VALIDATION").await;
    let closed = desk.on(&refused).pass_days(40).archive().await;
    let reopened = other().follows(&closed).await;
    let follows = reopened.follows.clone().expect("it follows");
    assert_eq!(follows.kind, FollowKind::Reopened);
    other().expect_blocked("DUPLICATE_EVENT").await;
    desk.expect_sound().await;
}

/// An event is paid as one, however many claims it takes: the advance is netted, a supplement earns what it adds, and what
/// was computed on money that came back is computed again.
async fn an_event_is_paid_as_one(store: Arc<dyn Store>) {
    let desk = TestDesk::open_with(store, advancing()).await;
    let household = desk.world.household("石门寨").clone();
    let begin = || desk.draft(&household);
    // Another claim for the illness, under way before anybody thought of an advance.
    let before = begin().event_on(event_day(4)).refer();
    let before = before.accept().assign().visit().evaluate().await;
    let advance = begin().advance().submitted(yuan(30_000)).refer();
    let advance = advance.accept().assign().visit().evaluate();
    let advance = advance.verify_facts(no_bills()).through_notice();
    let advance = advance.through_payout().await;
    advance.expect_paid(ADVANCE);

    // The day of the diagnosis is not that of the discharge: whatever is claimed for the illness settles the advance first.
    let elsewhere = || begin().event_on(event_day(3));
    elsewhere().expect_blocked("ADVANCE_STANDS").await;
    elsewhere().advance().expect_blocked("ADVANCE_STANDS").await;
    desk.on(&before)
        .verify(COST)
        .expect_blocked("ADVANCE_STANDS")
        .await;
    let settled = begin().follows(&advance).refer().through_verification(COST);
    // It is under way, and nothing is netted yet.
    let settled = settled.await;
    elsewhere().expect_blocked("ADVANCE_STANDS").await;
    let settled = desk.on(&settled).through_notice().through_payout().await;
    settled.expect_paid(Fen::new(BENEFIT.get() - ADVANCE.get()));
    desk.on(&before).verify(COST).withdraw().await;
    let kind = settled.follows.as_ref().map(|it| it.kind);
    assert_eq!(kind, Some(FollowKind::Settlement));
    let assessment = settled.assessment().expect("assessed");
    assert_eq!(
        (assessment.table_amount, assessment.advanced),
        (BENEFIT, ADVANCE)
    );

    // Money that comes back after it was netted goes out again whole, to another payee as well.
    let back = desk.on(&advance).give_money_back();
    let other = household.payees[1].id;
    let again = back.change_payee(other).confirm_payee().visit().evaluate();
    let again = again.verify_facts(no_bills()).through_notice();
    let advance = again.through_payout().await;
    advance.expect_paid(ADVANCE);
    elsewhere().refer().withdraw().await;

    let more = yuan(10_000);
    let supplement = begin().follows(&settled).refer().through_verification(more);
    let supplement = supplement.through_notice().await;
    let whole = Loss {
        submitted: Fen::new(COST.get() + more.get()),
        ..Loss::default()
    };
    let terms = &desk.world.scheme.perils[0];
    let alone = assess(&terms.tables[0].schedule, &whole, &RunningTotals::default());
    let whole = alone.expect("assessed").benefit;
    let added = Fen::new(whole.get() - BENEFIT.get());
    assert_eq!(supplement.assessment().map(|it| it.benefit), Some(added));

    // Part of the settlement comes back: what the supplement adds is still the same.
    let recovering = desk.on(&settled).start_recovery().recover_part(yuan(1_000));
    let recovering = recovering.await;
    let approved = desk.on(&supplement).approve().await;
    approved.expect_status(Status::Approved);
    let paid = desk.on(&approved).instruct().confirm().await;
    paid.expect_paid(added);
    // All of it comes back, and its bills with it: what goes on has to be computed again.
    let third = begin().follows(&paid).refer().through_verification(more);
    let third = third.through_notice().await;
    desk.on(&recovering).recover().await;
    desk.on(&third)
        .approve()
        .expect_blocked("ASSESSMENT_STALE")
        .await;
    let again = desk.on(&third).send_back().visit().evaluate();
    let again = again.verify(more).await;
    assert!(again.amount() < third.amount());
    desk.expect_sound().await;
}

/// Invariant 10: one bill, one claim, also when twenty surveyors enter it at once.
async fn bill_is_compensated_once(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let evaluated = (0..20).map(|number| {
        let draft = desk.draft(&household).event_on(event_day(number));
        draft.refer().accept().assign().visit().evaluate()
    });
    let claims = all(evaluated).await;
    let bill = "冀财0420 00017731";
    let outcomes = claims.iter().map(|claim| {
        let journey = desk.on(claim).verify_bill(bill, COST);
        journey.outcome()
    });
    let outcomes = together(outcomes).await;
    assert_eq!(tally(&outcomes, "BILL_TAKEN"), (1, 19));
    let holder = outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Done { claim, .. } => Some(*claim),
        Outcome::Blocked(_) | Outcome::Stale { .. } | Outcome::NotFound | Outcome::KeyReused => {
            None
        }
    });
    let holder = holder.expect("one was done");

    // White space does not make another bill. It stays taken while its claim is verified again.
    let other = claims.iter().find(|it| it.id != holder.id).expect("others");
    desk.on(other)
        .verify_bill("冀财042000017731", COST)
        .expect_blocked("BILL_TAKEN")
        .await;
    let again = desk
        .on(&holder)
        .preview()
        .open_notice()
        .object()
        .uphold()
        .await;
    desk.on(other)
        .verify_bill(bill, COST)
        .expect_blocked("BILL_TAKEN")
        .await;
    let again = desk
        .on(&again)
        .visit()
        .evaluate()
        .verify_bill(bill, COST)
        .await;
    again.expect_status(Status::Verified);

    // A claim that ended without payment gives it back.
    desk.on(&again).withdraw().await;
    desk.on(other).verify_bill(bill, COST).await;
    desk.expect_sound().await;
}

/// Failure 27: money that came back (退票) opens the line again; the second payment is one of its
/// own, and there is never a second live one.
async fn payment_returned_and_paid_again(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let (zero, put_in) = (Fen::ZERO, desk.world.pool);
    let instructed = desk
        .refer(desk.world.household("石门寨"))
        .through_verification(COST)
        .through_notice()
        .approve()
        .instruct()
        .await;
    let id = instructed.id;
    let row = |status: &str| (status.to_owned(), BENEFIT);
    assert_eq!(desk.pool().await, balances(put_in, zero, BENEFIT, zero));
    desk.on(&instructed)
        .instruct()
        .expect_blocked("ALREADY_INSTRUCTED")
        .await;
    let wrong = Command::ConfirmPayout {
        instruction_no: format!("FP{}-1", instructed.number),
        amount: Fen::new(BENEFIT.get() - 1),
        bank_ref: "B1".into(),
    };
    desk.on(&instructed)
        .command(Role::Connector, wrong)
        .expect_blocked("MISMATCH")
        .await;
    desk.on(&instructed)
        .confirm()
        .by(Role::Finance)
        .expect_blocked("SECOND_PERSON_REQUIRED")
        .await;
    let failed = desk.on(&instructed).fail().await;
    assert_eq!(payments_of(&desk, id).await, [row("FAILED")]);
    assert_eq!(desk.pool().await, balances(put_in, BENEFIT, zero, zero));
    let paid = desk.on(&failed).reinstate().instruct().confirm().await;
    assert_eq!(payments_of(&desk, id).await, [row("FAILED"), row("PAID")]);
    assert_eq!(desk.pool().await, balances(put_in, zero, zero, BENEFIT));
    let returned = desk.on(&paid).give_money_back().await;
    returned.expect_status(Status::PayReturned);
    assert_eq!(desk.pool().await, balances(put_in, BENEFIT, zero, zero));
    desk.expect_sound().await;
    let paid = desk.on(&returned).reinstate().instruct().confirm().await;
    assert_eq!(paid.instructions, 3);
    assert_eq!(
        payments_of(&desk, id).await,
        [row("FAILED"), row("PAID"), row("RETURNED")]
    );
    assert_eq!(desk.pool().await, balances(put_in, zero, zero, BENEFIT));
    assert_eq!(desk.expect_sound().await.paid, BENEFIT);
}

/// Invariant 2, failure 26: while nobody knows, no second payment; a statement settles it.
async fn unknown_payment_is_reconciled(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let drafts = [1, 2].map(|number| desk.draft(&household).event_on(event_day(number)));
    let closed = through_notice(&desk, drafts.into()).await;
    let [settled, failed] = [&closed[0], &closed[1]];
    let unknown = desk.on(settled).approve().instruct().mark_unknown().await;
    desk.on(&unknown)
        .reinstate()
        .expect_blocked("ALREADY_INSTRUCTED")
        .await;
    desk.on(&unknown)
        .instruct()
        .expect_blocked("ALREADY_INSTRUCTED")
        .await;
    let row = |status: &str| (status.to_owned(), BENEFIT);
    assert_eq!(payments_of(&desk, unknown.id).await, [row("UNKNOWN")]);
    let paid = desk.on(&unknown).reconcile_settled().await;
    paid.expect_paid(BENEFIT);
    assert_eq!(payments_of(&desk, paid.id).await, [row("PAID")]);

    let unknown = desk.on(failed).approve().instruct().mark_unknown().await;
    let failed = desk.on(&unknown).reconcile_failed().await;
    failed.expect_status(Status::PayFailed);
    assert_eq!(payments_of(&desk, failed.id).await, [row("FAILED")]);
    let pool = desk.pool().await;
    assert_eq!((pool.reserved, pool.in_flight), (BENEFIT, Fen::ZERO));
    assert_eq!(desk.expect_sound().await.paid, BENEFIT);
}

/// A wrong payment that came back whole: the pool has it again, the year is free again, and the
/// event may be claimed anew.
async fn wrong_payment_is_recovered(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.cap(&Cap {
        scope: CapScope::PersonYear,
        limit: BENEFIT,
    });
    let desk = TestDesk::open_with(store, world).await;
    let household = desk.world.household("石门寨").clone();
    let paid = desk
        .refer(&household)
        .through_verification(COST)
        .through_notice()
        .through_payout()
        .await;
    let evaluated = desk.draft(&household).event_on(event_day(1)).refer();
    let evaluated = evaluated.accept().assign().visit().evaluate().await;
    desk.on(&evaluated)
        .verify(COST)
        .expect_blocked("NO_BENEFIT")
        .await;
    let recovering = desk.on(&paid).start_recovery().await;
    assert_eq!(desk.pool().await.paid_out, BENEFIT);
    let recovered = desk.on(&recovering).recover().await;
    recovered.expect_status(Status::Recovered);
    let (zero, put_in) = (Fen::ZERO, desk.world.pool);
    assert_eq!(desk.pool().await, balances(put_in, zero, zero, zero));
    assert_eq!(
        payments_of(&desk, paid.id).await,
        [("RECOVERED".to_owned(), BENEFIT)]
    );
    let verified = desk.on(&evaluated).verify(COST).await;
    verified.expect_benefit(BENEFIT);
    desk.draft(&household).await;
    assert_eq!(desk.expect_sound().await.paid, zero);
}

// The timer.

/// Failures 16, 20: a notice is due at the first instant after its last day, not a microsecond
/// before, still after forty days of downtime, and never while it may not close. One that may not
/// close keeps none from closing.
async fn timer_closes_what_is_due(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let [first, second, third] = [0, 1, 2].map(|it| desk.world.households[it].clone());
    let elsewhere = desk.world.household("驻操营").clone();
    let post = |household: &Household| {
        let verified = desk.refer(household).through_verification(COST);
        verified.preview().open_notice()
    };
    let unproved = post(&first).await;
    let objected = post(&second).prove().object().await;
    desk.pass_days(1);
    let due = post(&third).prove().await;
    desk.pass_days(1);
    let later = post(&elsewhere).prove().await;

    let ids = async |limit| -> Vec<ClaimId> {
        let due = desk.store().due_notices(desk.now(), limit).await;
        due.expect("reading").iter().map(|claim| claim.id).collect()
    };
    let State::NoticeOpen(open) = &due.state else {
        panic!("the notice hangs");
    };
    let closes_at = open.notice.closes_at;
    assert_eq!(closes_at, calendar::start_of(day(2020, 6, 8)));
    desk.clock.set(closes_at - Duration::microseconds(1));
    assert_eq!(ids(10).await, []);
    assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 0);
    desk.clock.set(closes_at);
    assert_eq!(
        ids(1).await,
        [due.id],
        "what may not close is in nobody's way"
    );
    assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 1);
    assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 0);
    desk.claim(due.id).await.expect_status(Status::NoticeClosed);

    desk.pass_days(40);
    assert_eq!(ids(10).await, [later.id]);
    let proved = desk.on(&unproved).prove().await;
    let dismissed = desk.on(&objected).dismiss().await;
    let waiting = ids(10).await;
    assert_eq!(waiting.len(), 3);
    assert_eq!(waiting[2], later.id, "the oldest first");
    assert_eq!(ids(2).await.len(), 2);
    // Two timers at once close each once.
    let rounds = together((0..4).map(|_| {
        let desk = desk.desk.clone();
        async move { close_due_notices(&desk).await.expect("a round") }
    }))
    .await;
    assert_eq!(rounds.iter().sum::<usize>(), 3);
    for claim in [&proved, &dismissed, &later] {
        let closed = desk.claim(claim.id).await;
        closed.expect_status(Status::NoticeClosed);
        assert_eq!(closed.version, claim.version + 1);
    }
    assert_eq!(ids(10).await, []);
    desk.expect_sound().await;
}

// Batches and the bank's files.

/// A batch instructs what may be paid and says what became of each line; nothing is instructed twice.
async fn a_batch_says_what_became_of_each(store: Arc<dyn Store>) {
    Box::pin(bank::a_batch_says_what_became_of_each(store)).await;
}

/// Each line of a bank's file has its queue; what a second person confirms is posted, the rest closed.
async fn a_bank_file_moves_nothing_by_itself(store: Arc<dyn Store>) {
    Box::pin(bank::a_bank_file_moves_nothing_by_itself(store)).await;
}

/// What a bank says of an instruction that failed is not taken for a word on the one that followed it.
async fn a_line_of_an_earlier_instruction_moves_nothing(store: Arc<dyn Store>) {
    Box::pin(bank::a_line_of_an_earlier_instruction_moves_nothing(store)).await;
}

// Pools.

/// What no claim moves is ordered by one person and confirmed by another, once; premium has its limit.
async fn money_takes_two_persons(store: Arc<dyn Store>) {
    Box::pin(pools::money_takes_two_persons(store)).await;
}

/// The year's settlement: refused while money waits, then fee and carry-over; the pool balances to zero.
async fn a_year_is_settled(store: Arc<dyn Store>) {
    Box::pin(pools::a_year_is_settled(store)).await;
}

/// A shortage is made up, a surplus goes back, as the scheme says.
async fn shortage_and_surplus_by_rule(store: Arc<dyn Store>) {
    Box::pin(pools::shortage_and_surplus_by_rule(store)).await;
}

// Who there is.

/// Sessions and keys end: by time, by their owner, with their account; and only they.
async fn sessions_end(store: Arc<dyn Store>) {
    identity::sessions_end(store).await;
}

/// A secret is followed by another, and lives on for a moment.
async fn secrets_follow_each_other(store: Arc<dyn Store>) {
    identity::secrets_follow_each_other(store).await;
}

/// Duties for a time, substitution.
async fn duties_for_a_time(store: Arc<dyn Store>) {
    identity::duties_for_a_time(store).await;
}

/// Second factors, recovery codes: each code once.
async fn each_code_once(store: Arc<dyn Store>) {
    identity::each_code_once(store).await;
}

/// Attempts are counted, also at once; links open once.
async fn attempts_are_counted(store: Arc<dyn Store>) {
    identity::attempts_are_counted(store).await;
}

/// A published scheme never changes; the same once more is no change.
async fn published_scheme_is_immutable(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let published = desk.world.scheme.clone();
    let mut changed = published.clone();
    changed.notice.term.days = 7;
    let put = store.put_scheme(&changed).await;
    assert!(matches!(put, Err(Fault::Conflict(_))), "{put:?}");
    store.put_scheme(&published).await.expect("the same");
    let stands = store.scheme(county(), published.id).await.expect("reading");
    assert_eq!(stands.as_deref(), Some(&published));
    let mut schemes: Vec<_> = store.schemes(county()).await.expect("reading");
    schemes.sort_by_key(|scheme| scheme.id != published.id);
    let schemes: Vec<_> = schemes.iter().map(AsRef::as_ref).collect();
    assert_eq!(schemes, [&published, &desk.world.rival]);
    let unknown = lifecycle::SchemeId(ids::fresh());
    assert_eq!(
        store.scheme(county(), unknown).await.expect("reading"),
        None
    );
    let pool = desk.pool().await;
    assert_eq!(pool.available, desk.world.pool, "the pool is left alone");
}

/// Everything may be written twice; what is unique stays unique.
async fn registry_is_idempotent(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let before = registry(&desk).await;
    desk.world.seed(store.as_ref()).await.expect("twice");
    assert_eq!(registry(&desk).await, before);
    assert_eq!(store.counties().await.expect("reading"), [county()]);
    let regions = store.regions(county()).await.expect("reading");
    let codes: Vec<&str> = regions.iter().map(|region| region.code.as_str()).collect();
    assert!(codes.is_sorted() && codes.len() == 8);
    let orgs = store.orgs(county()).await.expect("reading");
    let insurers = orgs.iter().filter(|org| org.kind == OrgKind::Insurer);
    assert_eq!((orgs.len(), insurers.count()), (5, 2));
    let people = store.people(county()).await.expect("reading");
    assert_eq!(people.len(), Role::ALL.len());

    // A region and a person are corrected by writing them again.
    let renamed = Region {
        code: regions[0].code.clone(),
        name: "海港区".into(),
    };
    store.put_region(county(), &renamed).await.expect("writing");
    let stands = store.regions(county()).await.expect("reading");
    assert_eq!(stands[0], renamed);
    let mut moved = Role::Auditor.person();
    moved.duties = vec![lifecycle::Duty::Auditor, lifecycle::Duty::CountySupervisor];
    moved.interests = vec![desk.world.households[0].id];
    store.put_person(county(), &moved).await.expect("writing");
    let people = store.people(county()).await.expect("reading");
    assert!(people.contains(&moved));
    let secret = ids::sha256(Role::Auditor.token());
    let presented = store.presented(&secret).await.expect("reading");
    let caller = presented.and_then(|it| it.caller(desk.now(), &Rules::default()));
    assert_eq!(caller.map(|it| it.duties), Some(moved.duties));

    // A login belongs to one account; an account may get another password.
    let stolen = Account {
        id: lifecycle::AccountId(ids::fresh()),
        login: Role::Finance.login().into(),
        password_hash: String::new(),
        person: Role::Auditor.person_id(),
    };
    let put = store.put_account(county(), &stolen).await;
    assert!(matches!(put, Err(Fault::Conflict(_))), "{put:?}");
    let found = store.account(Role::Finance.login()).await.expect("reading");
    let (of, mut account) = found.expect("the account");
    assert_eq!((of, account.id), (county(), Role::Finance.account_id()));
    account.password_hash = "another".into();
    store
        .put_account(county(), &account)
        .await
        .expect("writing");
    let found = store.account(Role::Finance.login()).await.expect("reading");
    assert_eq!(found, Some((county(), account)));
    assert_eq!(store.account("nobody").await.expect("reading"), None);
    let accounts = store.accounts(county()).await.expect("reading");
    assert_eq!(accounts.len(), Role::ALL.len());

    // Money enters a pool once a key.
    let pool = desk.world.scheme.id;
    let enter = async |amount, reference: &str| {
        let put = fund_pool(
            store.as_ref(),
            county(),
            pool,
            amount,
            reference,
            desk.now(),
        );
        put.await.expect("writing")
    };
    for again in [false, true] {
        let put = enter(yuan(500), "2020-001").await.expect("funded");
        assert_eq!(put.replay, again);
    }
    let other = enter(yuan(501), "2020-001").await;
    assert_eq!(other, Err(PoolBlocked::KeyReused));
    let available = Fen::new(desk.world.pool.get() + yuan(500).get());
    assert_eq!(desk.pool().await.available, available);
    for wrong in [Fen::ZERO, yuan(-500)] {
        let put = enter(wrong, &ids::fresh().to_string()).await;
        assert_eq!(put, Err(PoolBlocked::NotPositive));
    }
    let summed = store.summed_transfers(county(), pool).await;
    assert_eq!(summed.expect("reading"), desk.pool().await);
    desk.expect_sound().await;
}

type Written = (
    Vec<Region>,
    usize,
    usize,
    usize,
    PoolBalances,
    Vec<Option<Household>>,
);

async fn registry(desk: &TestDesk) -> Written {
    let store = desk.store();
    let mut households = Vec::new();
    for household in &desk.world.households {
        let stands = store.household(county(), household.id).await;
        households.push(stands.expect("reading"));
    }
    (
        store.regions(county()).await.expect("reading"),
        store.orgs(county()).await.expect("reading").len(),
        store.people(county()).await.expect("reading").len(),
        store.accounts(county()).await.expect("reading").len(),
        desk.pool().await,
        households,
    )
}

/// A household written again gains members and payees and loses none; a payee never changes.
async fn households_grow(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let store = desk.store();
    let known = desk.world.households[0].clone();
    let read = async || {
        let household = store.household(county(), known.id).await;
        household.expect("reading").expect("it is on record")
    };
    assert_eq!(read().await, known);
    let unknown = store.household(county(), HouseholdId(ids::fresh())).await;
    assert_eq!(unknown.expect("reading"), None);
    for member in &known.members {
        let home = store.household_of(county(), &member.id_number).await;
        assert_eq!(home.expect("reading").map(|it| it.id), Some(known.id));
    }
    let nobody = IdNumber::parse("130302199001010016").expect("a valid number");
    let home = store.household_of(county(), &nobody).await;
    assert_eq!(home.expect("reading"), None);

    let newcomer = lifecycle_member(&known, nobody.clone());
    let grown = Household {
        kind: "突发严重困难户".into(),
        persons: 5,
        members: [known.members.clone(), vec![newcomer.clone()]].concat(),
        payees: vec![Payee {
            id: PayeeId(ids::fresh()),
            account: BankAccount::parse("6228480000000000777").expect("digits"),
            checks: Vec::new(),
            ..known.payees[0].clone()
        }],
        ..known.clone()
    };
    store.put_household(&grown).await.expect("writing");
    let stands = read().await;
    assert_eq!(
        (stands.kind.as_str(), stands.persons),
        ("突发严重困难户", 5)
    );
    assert_eq!(stands.members, grown.members);
    let payees = [known.payees.clone(), grown.payees.clone()].concat();
    assert_eq!(
        stands.payees, payees,
        "known payees stay, new ones are added"
    );
    let home = store.household_of(county(), &nobody).await;
    assert_eq!(home.expect("reading").map(|it| it.id), Some(known.id));

    let mut forged = known.payees[0].clone();
    forged.account = BankAccount::parse("6228480000000000666").expect("digits");
    let put = store.put_payee(county(), known.id, &forged).await;
    assert!(matches!(put, Err(Fault::Conflict(_))), "{put:?}");
    let put = store.put_payee(county(), known.id, &known.payees[0]).await;
    put.expect("the same");
    let rewritten = Household {
        payees: vec![forged],
        ..known.clone()
    };
    let _ = store.put_household(&rewritten).await;
    assert_eq!(read().await.payees, payees, "a payee version is immutable");

    let checked_on = day(2020, 6, 1);
    let record = store.record_liveness(county(), known.head, checked_on, None);
    record.await.expect("writing");
    let head = read().await.members[0].clone();
    assert_eq!((head.checked_on, head.died_on), (Some(checked_on), None));
    let unknown = MemberId(ids::fresh());
    let record = store.record_liveness(county(), unknown, checked_on, None);
    assert!(record.await.is_err(), "nobody by that id");

    // Two persons never become one.
    let double = Household {
        members: vec![lifecycle_member(&known, known.members[0].id_number.clone())],
        payees: Vec::new(),
        ..invent_household(50, "130302105201")
    };
    assert!(store.put_household(&double).await.is_err());
    let home = store.household_of(county(), &known.members[0].id_number);
    assert_eq!(home.await.expect("reading").map(|it| it.id), Some(known.id));
}

/// A private value is told after it stands on record, to as many as are allowed, and whoever watches
/// over it sees all of it.
async fn private_values_are_told_on_record(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let home = desk.world.household("石门寨").clone();
    let claim = desk.refer(&home).await;
    let store = desk.store();
    let phone = Phone::parse("13800000000").expect("a phone");
    let diagnosis = Diagnosis::parse("某种要保密的病").expect("a text");
    let at = desk.now();
    let details = PrivateDetails {
        county: county(),
        household: home.id,
        phone: Some(phone.clone()),
        diagnosis: None,
        by: Role::Shimenzhai.person_id(),
        at,
    };
    let unknown = PrivateDetails {
        household: HouseholdId(ids::fresh()),
        ..details.clone()
    };
    let put = store.put_private_details(&unknown).await;
    assert!(put.is_err(), "no such household");
    store.put_private_details(&details).await.expect("writing");
    let phone_now = async || {
        let read = store.household(county(), home.id).await.expect("reading");
        read.and_then(|it| it.phone)
    };
    assert_eq!(phone_now().await.as_ref(), Some(&phone));
    // Written again without a phone, a household keeps the one it has.
    let silent = Household {
        phone: None,
        ..home.clone()
    };
    store.put_household(&silent).await.expect("writing");

    // Both or neither: where the claim is none of the household's, the phone stays as well.
    let other = ClaimId(ids::fresh());
    let strange = desk.refer(desk.world.household("驻操营")).await.id;
    for (household, claim) in [
        (home.id, other),
        (home.id, strange),
        (HouseholdId(ids::fresh()), claim.id),
    ] {
        let put = PrivateDetails {
            household,
            phone: Phone::parse("13900000001"),
            diagnosis: Some((claim, diagnosis.clone())),
            ..details.clone()
        };
        let put = store.put_private_details(&put).await;
        assert!(put.is_err(), "no such claim of the household");
        assert_eq!(phone_now().await.as_ref(), Some(&phone));
    }
    let claims = [other, strange, claim.id];
    let diagnosed = async || store.diagnosed(county(), &claims).await.expect("reading");
    assert_eq!(diagnosed().await, BTreeSet::new());
    // What is not told stays.
    for text in ["先前写下的病", diagnosis.reveal()] {
        let put = PrivateDetails {
            phone: None,
            diagnosis: Diagnosis::parse(text).map(|text| (claim.id, text)),
            ..details.clone()
        };
        store.put_private_details(&put).await.expect("writing");
    }
    assert_eq!(diagnosed().await, BTreeSet::from([claim.id]));
    assert_eq!(phone_now().await.as_ref(), Some(&phone));

    let (member, payee) = (&home.members[1], &home.payees[0]);
    let subjects = [
        (
            PrivateSubject::IdNumber(member.id),
            member.id_number.reveal(),
        ),
        (PrivateSubject::Account(payee.id), payee.account.reveal()),
        (PrivateSubject::Phone(home.id), phone.reveal()),
        (PrivateSubject::Diagnosis(claim.id), diagnosis.reveal()),
    ];
    let ask = |role: Role, subject| Disclosure {
        county: county(),
        household: home.id,
        subject,
        purpose: Purpose::Verification,
        reason: "核对身份".into(),
        account: role.account_id(),
        person: role.person_id(),
        at,
    };
    let since = calendar::start_of(calendar::legal_day(at));
    let mut told = Vec::new();
    for (subject, plain) in subjects {
        let asked = ask(Role::Surveyor, subject);
        let answer = store.disclose(asked.clone(), since, 4).await;
        let Ok(Disclosing::Told { entry, value }) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(value.reveal(), plain);
        assert_eq!(entry.what, asked);
        told.push(*entry);
    }
    // A day has its number; another account, and another day, have theirs.
    let phone_again = || ask(Role::Surveyor, PrivateSubject::Phone(home.id));
    let answer = store.disclose(phone_again(), since, 4).await;
    assert_eq!(answer.expect("reading"), Disclosing::Exhausted);
    let answer = store
        .disclose(phone_again(), at + Duration::days(1), 1)
        .await;
    let Ok(Disclosing::Told { entry, .. }) = answer else {
        panic!("{answer:?}");
    };
    told.push(*entry);
    let handler = ask(Role::Handler, PrivateSubject::Phone(home.id));
    let Ok(Disclosing::Told { entry, .. }) = store.disclose(handler, since, 1).await else {
        panic!("another account");
    };
    told.push(*entry);
    // What is not of this household is not there, and nothing is recorded.
    let stranger = desk.world.household("驻操营");
    for subject in [
        PrivateSubject::IdNumber(stranger.head),
        PrivateSubject::Account(stranger.payees[0].id),
        PrivateSubject::Phone(stranger.id),
        PrivateSubject::Diagnosis(other),
    ] {
        let answer = store.disclose(ask(Role::Approver, subject), since, 9).await;
        assert_eq!(answer.expect("reading"), Disclosing::Absent, "{subject:?}");
    }

    // In order, chained, all of it.
    let log = store.disclosure_log(county(), 0, 100).await;
    assert_eq!(log.expect("reading"), told);
    let later = store.disclosure_log(county(), 4, 1).await.expect("reading");
    assert_eq!(later, told[4..5]);
    let ending = told.last().expect("six");
    assert_eq!(ending.seq, 6);
    let head = store.disclosure_head(county()).await.expect("reading");
    assert_eq!(head, (6, ending.hash.clone()));
    let report = desk.expect_sound().await;
    assert_eq!(report.disclosures, 6);

    let list = async |filter: &DisclosureFilter, page: Page| {
        let found = store.disclosures(county(), filter, &page).await;
        let found = found.expect("reading");
        let seqs: Vec<i64> = found.rows.iter().map(|it| it.seq).collect();
        (seqs, found.more)
    };
    let all = DisclosureFilter::default();
    let page = |after: Option<i64>, before: Option<i64>, from_end| Page {
        size: 2,
        after: after.map(|it| format!("{it:010}")),
        before: before.map(|it| format!("{it:010}")),
        from_end,
    };
    for (page, seqs, more) in [
        (page(None, None, false), vec![1, 2], true),
        (page(Some(2), None, false), vec![3, 4], true),
        (page(Some(4), None, false), vec![5, 6], false),
        (page(None, None, true), vec![5, 6], true),
        (page(None, Some(3), true), vec![1, 2], false),
        (page(Some(1), Some(3), false), vec![2], false),
        (page(Some(6), None, false), vec![], false),
    ] {
        assert_eq!(list(&all, page.clone()).await, (seqs, more), "{page:?}");
    }
    let (handler, approver) = (Role::Handler.person_id(), Role::Approver.person_id());
    let of = |household, person, among, region| DisclosureFilter {
        household,
        person,
        among,
        region,
    };
    for (filter, seqs) in [
        (of(Some(home.id), None, None, None), vec![1, 2, 3, 4, 5, 6]),
        (of(Some(stranger.id), None, None, None), vec![]),
        (of(None, Some(handler), None, None), vec![6]),
        (of(None, None, Some(vec![handler, approver]), None), vec![6]),
        (of(None, None, Some(Vec::new()), None), vec![]),
        (of(None, None, None, Some(stranger.village.clone())), vec![]),
        (
            of(None, Some(handler), None, Some(home.village.clone())),
            vec![6],
        ),
    ] {
        let found = list(&filter, Page::first(100)).await;
        assert_eq!(found, (seqs, false), "{filter:?}");
    }
}

fn lifecycle_member(like: &Household, id_number: IdNumber) -> crate::household::Member {
    crate::household::Member {
        id: MemberId(ids::fresh()),
        name: "新生儿(测试)".into(),
        relation: "孙".into(),
        id_number,
        ..like.members[2].clone()
    }
}

// Reading.

/// Failure 15: pages by key, forwards and backwards, show each claim once although others are
/// drafted between the pages.
async fn pages_are_stable(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let mut drafted = 0;
    let mut more = async |claims: u32| {
        for _ in 0..claims {
            drafted += 1;
            desk.draft(&household).event_on(event_day(drafted)).await;
        }
    };
    let number = |it: u32| format!("130302-2020-{it:05}");
    let numbers =
        |range: std::ops::RangeInclusive<u32>| -> Vec<String> { range.map(number).collect() };
    let scope = scope_of(Role::Shimenzhai);
    let read = async |page: Page| -> (Vec<String>, bool) {
        let slice = desk
            .store()
            .claims(&scope, &ClaimFilter::default(), &page)
            .await;
        let Slice { rows, more } = slice.expect("reading");
        (rows.into_iter().map(|claim| claim.number).collect(), more)
    };
    assert_eq!(read(Page::first(4)).await, (vec![], false));
    more(10).await;

    let mut seen = Vec::new();
    loop {
        let after = seen.last().cloned();
        let page = Page {
            after,
            ..Page::first(4)
        };
        let (rows, further) = read(page).await;
        assert!(rows.len() == 4 || !further);
        seen.extend(rows);
        if !further {
            break;
        }
        if seen.len() < 10 {
            more(1).await;
        }
    }
    assert_eq!(seen, numbers(1..=12));

    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = Page {
            before: seen.first().cloned(),
            from_end: true,
            ..Page::first(5)
        };
        let (rows, further) = read(page).await;
        assert!(rows.is_sorted() && (rows.len() == 5 || !further));
        seen.splice(0..0, rows);
        more(1).await;
        if !further {
            break;
        }
    }
    assert_eq!(seen, numbers(1..=12), "what came later is not before");

    let between = |size, from_end| Page {
        size,
        after: Some(number(3)),
        before: Some(number(9)),
        from_end,
    };
    assert_eq!(read(between(3, false)).await, (numbers(4..=6), true));
    assert_eq!(read(between(3, true)).await, (numbers(6..=8), true));
    assert_eq!(read(between(5, false)).await, (numbers(4..=8), false));
    assert_eq!(read(between(5, true)).await, (numbers(4..=8), false));
    assert_eq!(read(between(9, true)).await, (numbers(4..=8), false));
    let exact = Page {
        size: 12,
        before: Some(number(13)),
        ..Page::first(12)
    };
    assert_eq!(read(exact).await, (numbers(1..=12), false));

    // Verification reads by id, every claim once.
    let mut ids: Vec<ClaimId> = Vec::new();
    loop {
        let after = ids.last().copied();
        let claims = desk.store().claims_after(county(), after, 4).await;
        let claims = claims.expect("reading");
        if claims.is_empty() {
            break;
        }
        ids.extend(claims.iter().map(|claim| claim.id));
    }
    assert!(ids.is_sorted());
    let unique: BTreeSet<ClaimId> = ids.iter().copied().collect();
    assert_eq!(
        unique.len(),
        numbers_of(&desk, &scope, &ClaimFilter::default())
            .await
            .len()
    );
    assert_eq!(unique.len(), ids.len());
}

/// Failure 13: each field of a filter selects, all of them together narrow.
async fn filters_select(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let (ours, theirs) = (
        desk.world.household("石门寨"),
        desk.world.household("驻操营"),
    );
    let first_day = desk.now();
    let illness = desk.refer(ours).event_on(day(2020, 5, 6)).await;
    desk.pass_days(1);
    let schooling = desk
        .draft(theirs)
        .peril(Peril::Schooling)
        .event_on(day(2019, 9, 1))
        .await;
    desk.pass_days(1);
    let rival = desk.draft(ours).under(&desk.world.rival);
    let rival = rival.event_on(day(2020, 5, 7)).refer().await;
    // When it was begun does not move with what happens to it.
    let illness = desk.on(&illness).give_back().await;
    let scope = scope_of(Role::Auditor);
    let any = ClaimFilter::default;
    let select = async |filter: ClaimFilter| numbers_of(&desk, &scope, &filter).await;
    let are = |claims: &[&Claim]| -> Vec<String> {
        claims.iter().map(|claim| claim.number.clone()).collect()
    };

    assert_eq!(select(any()).await, are(&[&illness, &schooling, &rival]));
    for (statuses, expected) in [
        (vec![Status::Referred], are(&[&rival])),
        (vec![Status::Draft], are(&[&schooling])),
        (
            vec![Status::Draft, Status::Referred, Status::Returned],
            are(&[&illness, &schooling, &rival]),
        ),
        (vec![Status::Paid], vec![]),
    ] {
        assert_eq!(select(ClaimFilter { statuses, ..any() }).await, expected);
    }
    for (perils, expected) in [
        (vec![Peril::Illness], are(&[&illness, &rival])),
        (vec![Peril::Schooling, Peril::Disaster], are(&[&schooling])),
        (vec![Peril::Accident], vec![]),
    ] {
        assert_eq!(select(ClaimFilter { perils, ..any() }).await, expected);
    }
    for (region, expected) in [
        (theirs.village.clone(), are(&[&schooling])),
        (ours.village.township(), are(&[&illness, &rival])),
        (scope.region.clone(), are(&[&illness, &schooling, &rival])),
    ] {
        let region = Some(region);
        assert_eq!(select(ClaimFilter { region, ..any() }).await, expected);
    }
    let scheme = Some(desk.world.rival.id);
    assert_eq!(
        select(ClaimFilter { scheme, ..any() }).await,
        are(&[&rival])
    );
    let household = Some(theirs.id);
    let filter = ClaimFilter { household, ..any() };
    assert_eq!(select(filter).await, are(&[&schooling]));
    let filter = ClaimFilter {
        event_from: Some(day(2020, 5, 6)),
        event_to: Some(day(2020, 5, 6)),
        ..any()
    };
    assert_eq!(select(filter).await, are(&[&illness]), "both days count");
    let filter = ClaimFilter {
        event_from: Some(day(2020, 5, 7)),
        ..any()
    };
    assert_eq!(select(filter).await, are(&[&rival]));
    let filter = ClaimFilter {
        event_to: Some(day(2020, 5, 5)),
        ..any()
    };
    assert_eq!(select(filter).await, are(&[&schooling]));
    // Half open, as days are (failure 16).
    let second_day = Some(first_day + Duration::days(1));
    let filter = ClaimFilter {
        opened_from: second_day,
        ..any()
    };
    assert_eq!(select(filter).await, are(&[&schooling, &rival]));
    let filter = ClaimFilter {
        opened_before: second_day,
        ..any()
    };
    assert_eq!(select(filter).await, are(&[&illness]));
    let filter = ClaimFilter {
        statuses: vec![Status::Returned],
        perils: vec![Peril::Illness],
        region: Some(ours.village.clone()),
        scheme: Some(desk.world.scheme.id),
        household: Some(ours.id),
        event_from: Some(day(2020, 1, 1)),
        event_to: Some(day(2020, 12, 31)),
        opened_from: Some(first_day),
        opened_before: second_day,
        due_from: None,
        due_to: None,
    };
    assert_eq!(select(filter.clone()).await, are(&[&illness]));
    let contradiction = ClaimFilter {
        scheme: Some(desk.world.rival.id),
        ..filter
    };
    assert_eq!(select(contradiction).await, Vec::<String>::new());
    let unknown = desk
        .store()
        .claim_by_number(&scope, "130302-2020-99999")
        .await;
    assert_eq!(unknown.expect("reading"), None);
}

/// Failure 33: counts and sums are those of the rows, at once, in the same scope and filter; the
/// amount is the one that rules at each stage.
async fn counts_agree_with_rows(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let [first, second] = [0, 1].map(|it| desk.world.households[it].clone());
    let theirs = desk.world.household("驻操营").clone();
    desk.draft(&first).submitted(yuan(12_345)).await;
    desk.draft(&second).submitted(yuan(54_321)).await;
    desk.refer(&theirs).through_verification(COST).await;
    let approved = desk.draft(&first).event_on(event_day(1)).refer();
    let approved = approved.through_verification(yuan(8_000)).through_notice();
    let approved = approved
        .approve_with_uplift(yuan(100))
        .second_approve()
        .await;
    assert_eq!(approved.amount(), yuan(2_200));
    let count = |status, claims, amount| StatusCount {
        status,
        claims,
        amount,
    };
    let counts = async |role: Role, filter: ClaimFilter| {
        let counts = desk.store().status_counts(&scope_of(role), &filter).await;
        let mut counts = counts.expect("reading");
        counts.sort_by_key(|it| it.status);
        counts
    };
    let drafts = count(Status::Draft, 2, Fen::ZERO);
    let verified = count(Status::Verified, 1, BENEFIT);
    let approved = count(Status::Approved, 1, yuan(2_200));
    let everything = ClaimFilter::default();
    assert_eq!(
        counts(Role::Auditor, everything.clone()).await,
        [drafts, verified, approved]
    );
    assert_eq!(
        counts(Role::Shimenzhai, everything.clone()).await,
        [drafts, approved]
    );
    assert_eq!(
        counts(Role::Zhucaoying, everything.clone()).await,
        [verified]
    );
    assert_eq!(counts(Role::RivalHandler, everything).await, []);
    let open = ClaimFilter {
        statuses: vec![Status::Verified, Status::Approved, Status::Paid],
        ..ClaimFilter::default()
    };
    assert_eq!(counts(Role::Auditor, open).await, [verified, approved]);
    let one = ClaimFilter {
        household: Some(second.id),
        ..ClaimFilter::default()
    };
    assert_eq!(
        counts(Role::Auditor, one).await,
        [count(Status::Draft, 1, Fen::ZERO)]
    );
    // A claim that ended without money counts, but adds nothing.
    let ended = desk.draft(&second).event_on(event_day(2)).refer();
    let ended = ended.through_verification(COST).withdraw().await;
    assert_eq!(ended.amount(), Fen::ZERO);
    let withdrawn = ClaimFilter {
        statuses: vec![Status::Withdrawn],
        ..ClaimFilter::default()
    };
    assert_eq!(
        counts(Role::Auditor, withdrawn).await,
        [count(Status::Withdrawn, 1, Fen::ZERO)]
    );
}

// The second lock: a judge that lets pass what it must not.

/// Invariants 2, 3, 5, 6: what a broken judge would let pass the store refuses: nothing is
/// written, and the next command is served.
async fn second_lock_holds(store: Arc<dyn Store>) {
    let mut world = World::new();
    world.cap(&Cap {
        scope: CapScope::PersonYear,
        limit: yuan(40_000),
    });
    world.pool = yuan(60_000);
    let desk = TestDesk::open_with(store, world).await;
    let [first, second, third] = [0, 1, 2].map(|it| desk.world.households[it].clone());
    let drafts = vec![
        desk.draft(&first).event_on(event_day(1)),
        desk.draft(&first).event_on(event_day(2)),
        desk.draft(&second).event_on(event_day(3)),
        desk.draft(&third).event_on(event_day(4)),
    ];
    let closed = through_notice(&desk, drafts).await;
    let of = |household: &Household| {
        let mut claims = closed.iter().filter(|it| it.household == household.id);
        claims.next_back().expect("a claim").clone()
    };
    let first_of_two = closed.iter().find(|it| it.household == first.id);
    let instructed = first_of_two.expect("a claim");
    let instructed = desk.on(instructed).approve().instruct().await;
    let stamp = |role: Role| Stamp {
        by: role.person_id(),
        on_behalf_of: None,
        at: desk.now(),
    };
    let approval = |claim: &Claim| Event {
        due_on: None,
        stamp: stamp(Role::Approver),
        what: Happening::ClaimApproved {
            benefit: BENEFIT,
            uplift: None,
            amount: BENEFIT,
            payee: claim.case.payee,
            dossier: lifecycle::dossier::hash(claim).expect("a closed notice"),
        },
    };
    let reserve = |amount| Posting {
        from: PoolAccount::Available,
        to: PoolAccount::Reserved,
        amount,
    };

    // A cap of the person's year passed.
    let over_cap = of(&first);
    let event = approval(&over_cap);
    let after = over_cap.clone().apply(&event);
    refused(&desk, &over_cap, after, event, vec![reserve(BENEFIT)]).await;

    // The pool overdrawn: two more than it can pay.
    desk.on(&of(&second)).approve().await;
    let over_pool = of(&third);
    let event = approval(&over_pool);
    let after = over_pool.clone().apply(&event);
    refused(
        &desk,
        &over_pool,
        after,
        event.clone(),
        vec![reserve(BENEFIT)],
    )
    .await;

    // A transfer that is none, or backwards.
    for amount in [Fen::ZERO, yuan(-1)] {
        let after = over_pool.clone().apply(&event);
        refused(
            &desk,
            &over_pool,
            after,
            event.clone(),
            vec![reserve(amount)],
        )
        .await;
    }

    // A version that does not follow.
    let mut after = over_pool.clone().apply(&event);
    after.version += 1;
    refused(&desk, &over_pool, after, event, vec![]).await;

    // A second live payment.
    let event = Event {
        due_on: None,
        stamp: stamp(Role::Finance),
        what: Happening::PayoutInstructed {
            payment: PaymentId(ids::fresh()),
            instruction_no: format!("FP{}-2", instructed.number),
            amount: BENEFIT,
            payee: instructed.case.payee,
        },
    };
    let after = Claim {
        version: instructed.version + 1,
        ..instructed.clone()
    };
    refused(&desk, &instructed, after, event, vec![]).await;

    desk.on(&instructed).confirm().await.expect_paid(BENEFIT);
    desk.expect_sound().await;
}

/// Commands that are served together do not share their fate: those a broken judge spoils fail,
/// each for itself, and the others are served.
async fn bad_command_falls_out_alone(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let stories = (0..40).map(|number| desk.draft(&household).event_on(event_day(number)));
    let drafts = all(stories).await;
    let (spoilt, good): (Vec<_>, Vec<_>) = (0..).zip(drafts).partition(|(turn, _)| turn % 4 == 0);
    let bad = spoilt.iter().map(|(turn, claim)| {
        let event = Event {
            due_on: None,
            stamp: Stamp {
                by: Role::Shimenzhai.person_id(),
                on_behalf_of: None,
                at: desk.now(),
            },
            what: Happening::CaseReferred,
        };
        let mut after = claim.clone().apply(&event);
        let mut postings = Vec::new();
        if turn % 8 == 0 {
            after.version += 1;
        } else {
            postings.push(Posting {
                from: PoolAccount::Available,
                to: PoolAccount::Reserved,
                amount: yuan(9_999_999),
            });
        }
        let store = Arc::clone(desk.store());
        let ask = past_the_desk(&desk, claim);
        async move {
            let answer = store.transact(ask, lying(after, event, postings)).await;
            answer.is_err()
        }
    });
    let well = good.iter().map(|(_, claim)| desk.on(claim).refer());
    let (bad, well) = tokio::join!(together(bad), all(well));
    assert!(bad.into_iter().all(|failed| failed));
    assert_eq!(well.len(), good.len());
    for (_, claim) in &spoilt {
        assert_eq!(desk.claim(claim.id).await, *claim);
        desk.on(claim).refer().await;
    }
    assert_eq!(desk.log().await.len(), 80);
    desk.expect_sound().await;
}

/// The measured trap of the caller who hangs up, failures 11 and 21: whatever was done is whole,
/// and the same key tells.
async fn hanging_up_leaves_nothing_half_done(store: Arc<dyn Store>) {
    let desk = TestDesk::open(store).await;
    let household = desk.world.household("石门寨").clone();
    let keys: Vec<_> = (0..40_u32).map(|number| (number, ids::fresh())).collect();
    let draft = |number, key| {
        let draft = desk.draft(&household).event_on(event_day(number));
        draft.keyed(key).outcome()
    };
    let mut calls = JoinSet::new();
    for (number, key) in keys.iter().copied() {
        let call = calls.spawn(draft(number, key));
        for _ in 0..number % 7 {
            tokio::task::yield_now().await;
        }
        call.abort();
    }
    while calls.join_next().await.is_some() {}
    let again = keys.iter().map(|(number, key)| draft(*number, *key));
    for outcome in together(again).await {
        let (_, claim, _) = receipt(outcome);
        assert_eq!(desk.claim(claim.id).await, claim);
    }
    let numbers = numbers_of(&desk, &scope_of(Role::Auditor), &ClaimFilter::default()).await;
    assert_eq!((numbers.len(), desk.log().await.len()), (40, 40));
    desk.expect_sound().await;
}

/// Submits a commit past the desk; the store must answer with a fault and write nothing.
async fn refused(
    desk: &TestDesk,
    claim: &Claim,
    after: Claim,
    event: Event,
    postings: Vec<Posting>,
) {
    let before = (
        desk.log().await,
        desk.pool().await,
        payments_of(desk, claim.id).await,
    );
    let ask = past_the_desk(desk, claim);
    let answer = desk
        .store()
        .transact(ask, lying(after, event, postings))
        .await;
    assert!(answer.is_err(), "the second lock let it pass: {answer:?}");
    assert_eq!(desk.claim(claim.id).await, *claim);
    let now = (
        desk.log().await,
        desk.pool().await,
        payments_of(desk, claim.id).await,
    );
    assert_eq!(now, before);
}

/// An ask about a claim, as the desk would make one.
fn past_the_desk(desk: &TestDesk, claim: &Claim) -> Ask {
    Ask {
        county: county(),
        account: Role::Approver.account_id(),
        key: ids::fresh(),
        fingerprint: ids::sha256("past the desk"),
        command: CommandKind::ApproveClaim,
        target: Target::Existing {
            id: claim.id,
            expected_version: claim.version,
        },
        scope: scope_of(Role::Auditor),
        persons: Vec::new(),
        named: None,
        payee: None,
        event: None,
        follows: None,
        bills: Vec::new(),
        recovery_ref: None,
        now: desk.now(),
    }
}

/// A judge who lets anything pass.
fn lying(claim: Claim, event: Event, postings: Vec<Posting>) -> Judge {
    Box::new(move |_, found| {
        Ok(Commit {
            claim,
            event,
            postings,
            seen: found.seen,
            bills: Vec::new(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::MemoryStore;

    crate::store_contracts!(async || (Arc::new(MemoryStore::new()), ()));

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = CONTRACTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), CONTRACTS.len());
    }
}
