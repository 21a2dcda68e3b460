//! Rounds (group commit): what is served together stays apart.

use crate::on_both;
use crate::support::Db;
use benefits::{Cap, CapScope};
use engine::testkit::world::{
    Expect, Journey, Role, TestDesk, World, county, day, invent_household, yuan,
};
use engine::{Ask, ClaimStore, Fault, Judge, Outcome, Store, Target, audit, ids, limits};
use lifecycle::{Calendar, Claim, Command, Facts, Order, PoolAccount, Posting, Status, decide};
use sea_orm::{DatabaseTransaction, TransactionTrait};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

async fn desk(db: &Db) -> TestDesk {
    TestDesk::open(Arc::new(db.store.clone())).await
}

/// Drafts, one for each household of the county.
async fn drafts(desk: &TestDesk) -> Vec<Claim> {
    let mut drafts = Vec::new();
    for household in desk
        .world
        .households
        .iter()
        .filter(|it| it.listed_on.is_some())
    {
        drafts.push(desk.draft(household).await);
    }
    drafts
}

fn ask(desk: &TestDesk, claim: &Claim, command: &Command) -> Ask {
    let caller = Role::caseworker_of(&claim.village).caller();
    Ask {
        county: county(),
        account: caller.account,
        key: ids::fresh(),
        fingerprint: ids::sha256(format!("{command:?}")),
        command: command.kind(),
        target: Target::Existing {
            id: claim.id,
            expected_version: claim.version,
        },
        scope: caller.scope.clone(),
        persons: caller.actor().persons().collect(),
        named: None,
        payee: None,
        event: None,
        follows: None,
        bills: Vec::new(),
        recovery_ref: command.recovery_ref().map(str::to_owned),
        now: desk.now(),
    }
}

/// A judge like the desk's, whose commit a test may spoil.
fn judge(claim: &Claim, spoil: impl FnOnce(&mut engine::Commit) + Send + 'static) -> Judge {
    let order = Order {
        actor: Role::caseworker_of(&claim.village).caller().actor(),
        command: Command::ReferCase,
    };
    Box::new(move |claim, found| {
        let facts = Facts {
            scheme: found.scheme,
            calendar: Arc::new(Calendar::default()),
            seen: found.seen,
        };
        let decision = decide(claim.expect("the claim exists"), &order, &facts)?;
        let mut commit = engine::Commit {
            claim: decision.claim,
            event: decision.event,
            postings: decision.postings,
            seen: facts.seen,
            bills: Vec::new(),
        };
        spoil(&mut commit);
        Ok(commit)
    })
}

/// Holds the county's lock from outside, so that whatever is asked meanwhile is served together.
async fn hold(db: &Db) -> DatabaseTransaction {
    use sea_orm::ConnectionTrait;
    let options = sea_orm::TransactionOptions {
        sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let held = db.raw.begin_with_options(options).await.expect("begin");
    held.execute_unprepared("UPDATE county_head SET last_hash = last_hash")
        .await
        .expect("locking");
    held
}

/// Asks all of it while the lock is held: the first alone, the others in one round.
async fn in_one_round(db: &Db, asked: Vec<(Ask, Judge)>) -> Vec<Result<Outcome, Fault>> {
    let held = hold(db).await;
    let mut tasks = Vec::new();
    for (ask, judge) in asked {
        let store = db.store.clone();
        tasks.push(tokio::spawn(
            async move { store.transact(ask, judge).await },
        ));
        // In this order; the first is taken before the second is asked.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    held.commit().await.expect("releasing");
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("a task"));
    }
    answers
}

fn is_done(answer: &Result<Outcome, Fault>) -> bool {
    matches!(answer, Ok(Outcome::Done { replay: false, .. }))
}

on_both! {
    a_command_that_cannot_be_written_falls_out_alone,
    a_judge_that_panics_falls_out_alone,
    a_caller_who_went_away_disturbs_nobody,
    a_full_queue_refuses,
    two_hundred_approvals_at_once,
    two_thousand_approvals_at_once,
    two_hundred_approvals_under_one_cap,
    two_processes_share_a_county,
    facts_are_read_under_the_lock,
    a_verification_reads_one_snapshot,
}

async fn a_command_that_cannot_be_written_falls_out_alone(db: &Db) {
    let desk = desk(db).await;
    let drafts = drafts(&desk).await;
    let command = Command::ReferCase;
    let mut asked = Vec::new();
    for (index, claim) in drafts.iter().enumerate() {
        let poisoned = index == 2;
        let spoil = move |commit: &mut engine::Commit| {
            if poisoned {
                // More than the pool holds: no judge would, and the database refuses.
                commit.postings.push(Posting {
                    from: PoolAccount::Available,
                    to: PoolAccount::Reserved,
                    amount: yuan(9_000_000),
                });
            }
        };
        asked.push((ask(&desk, claim, &command), judge(claim, spoil)));
    }
    let answers = in_one_round(db, asked).await;
    for (index, answer) in answers.iter().enumerate() {
        if index == 2 {
            assert!(answer.is_err(), "{answer:?}");
        } else {
            assert!(is_done(answer), "{index}: {answer:?}");
        }
    }
    let poisoned = desk.claim(drafts[2].id).await;
    assert_eq!(poisoned.status(), Status::Draft);
    desk.expect_sound().await;
    desk.on(&poisoned).refer().await;
}

async fn a_judge_that_panics_falls_out_alone(db: &Db) {
    let desk = desk(db).await;
    let drafts = drafts(&desk).await;
    let command = Command::ReferCase;
    let asked = drafts.iter().enumerate().map(|(index, claim)| {
        let spoil = move |_: &mut engine::Commit| assert!(index != 3, "a programming error");
        (ask(&desk, claim, &command), judge(claim, spoil))
    });
    let answers = in_one_round(db, asked.collect()).await;
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(is_done(answer), index != 3, "{index}: {answer:?}");
    }
    desk.expect_sound().await;
}

async fn a_caller_who_went_away_disturbs_nobody(db: &Db) {
    let desk = desk(db).await;
    let drafts = drafts(&desk).await;
    let command = Command::ReferCase;
    let held = hold(db).await;
    let mut tasks = Vec::new();
    for claim in &drafts {
        let store = db.store.clone();
        let (ask, judge) = (ask(&desk, claim, &command), judge(claim, |_| {}));
        tasks.push(tokio::spawn(
            async move { store.transact(ask, judge).await },
        ));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    // The first is being served, the third waits.
    tasks[0].abort();
    tasks[2].abort();
    tokio::time::sleep(Duration::from_millis(30)).await;
    held.commit().await.expect("releasing");
    for (index, task) in tasks.into_iter().enumerate() {
        let answer = task.await;
        assert_eq!(answer.is_err(), index == 0 || index == 2);
        assert!(answer.is_err() || is_done(&answer.expect("an answer")));
    }
    let report = desk.expect_sound().await;
    assert!(report.events >= 2 * 6 - 2, "{}", report.events);
}

async fn a_full_queue_refuses(db: &Db) {
    let desk = desk(db).await;
    let drafts = drafts(&desk).await;
    let held = hold(db).await;
    let mut tasks = JoinSet::new();
    // Ten more than are needed: where filling the queue takes longer than a writer waits for the lock, the command
    // that was being served falls out, and its place is free again.
    for _ in 0..limits::QUEUE_MAX + 20 {
        let store = db.store.clone();
        let (ask, judge) = (
            ask(&desk, &drafts[0], &Command::ReferCase),
            judge(&drafts[0], |_| {}),
        );
        tasks.spawn(async move { store.transact(ask, judge).await });
    }
    let mut overloaded = 0;
    while overloaded < 9 {
        let answer = tasks.join_next().await.expect("a task").expect("an answer");
        assert!(answer.is_err(), "{answer:?}");
        overloaded += usize::from(matches!(answer, Err(Fault::Overloaded)));
    }
    // Whoever still waits goes away; then the store serves as before.
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    held.commit().await.expect("releasing");
    tokio::time::sleep(Duration::from_millis(500)).await;
    desk.on(&drafts[1]).refer().await;
    desk.expect_sound().await;
}

const CLAIMS: u32 = 200;
const AFFORDABLE: i64 = 120;

/// Two hundred approvals at once against a pool that holds 120 of them.
async fn two_hundred_approvals_at_once(db: &Db) {
    let mut world = World::new();
    world.households = (0..CLAIMS)
        .map(|number| invent_household(number, "130302105201"))
        .collect();
    world.pool = yuan(25_340 * AFFORDABLE + 25_339);
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let drafts = desk.world.households.iter().map(|it| desk.refer(it));
    approve_together(&desk, drafts, None, AFFORDABLE).await;
    assert_eq!(desk.pool().await.available, yuan(25_339));
}

/// Two thousand approvals at once against a pool that fits exactly a thousand of them.
async fn two_thousand_approvals_at_once(db: &Db) {
    let mut world = World::new();
    world.households = (0..2_000)
        .map(|number| invent_household(number, "130302105201"))
        .collect();
    world.pool = yuan(25_340 * 1_000);
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let drafts = desk.world.households.iter().map(|it| desk.refer(it));
    approve_together(&desk, drafts, None, 1_000).await;
    assert_eq!(desk.pool().await.available, yuan(0));
}

/// Two hundred approvals at once for one household, against room for 120 under its yearly cap.
async fn two_hundred_approvals_under_one_cap(db: &Db) {
    let mut world = World::new();
    world.cap(&Cap {
        scope: CapScope::HouseholdYear,
        limit: yuan(25_340 * AFFORDABLE + 25_339),
    });
    world.pool = yuan(25_340 * i64::from(CLAIMS));
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let household = &desk.world.households[0];
    let drafts = (0..CLAIMS).map(|number| {
        let ago = chrono::Days::new(u64::from(number));
        desk.draft(household)
            .event_on(day(2020, 5, 1) - ago)
            .refer()
    });
    approve_together(&desk, drafts, Some("CAP_EXCEEDED"), AFFORDABLE).await;
}

/// Brings claims up to the approver, approves all at once, and sees exactly as many pass as may; the others are
/// refused, or wait for money.
async fn approve_together(
    desk: &TestDesk,
    drafts: impl Iterator<Item = Journey>,
    refused_with: Option<&str>,
    affordable: i64,
) {
    let mut stories = JoinSet::new();
    for draft in drafts {
        let story = draft
            .accept()
            .assign()
            .visit()
            .evaluate()
            .verify(yuan(41_200))
            .preview()
            .open_notice()
            .prove();
        stories.spawn(async move { story.await });
    }
    let posted = stories.join_all().await;
    let claims = i64::try_from(posted.len()).expect("few");
    desk.pass_days(6);
    let mut stories = JoinSet::new();
    for claim in &posted {
        let story = desk.on(claim).close_notice();
        stories.spawn(async move { story.await });
    }
    let closed = stories.join_all().await;
    let mut approvals = JoinSet::new();
    for claim in closed {
        let desk = desk.clone();
        approvals.spawn(async move { desk.on(&claim).approve().outcome().await });
    }
    let (mut approved, mut refused) = (0, 0);
    for outcome in approvals.join_all().await {
        match outcome {
            Outcome::Done { claim, .. } if claim.status() == Status::Approved => approved += 1,
            Outcome::Done { claim, .. } => {
                assert_eq!(
                    (claim.status(), refused_with),
                    (Status::AwaitingFunds, None)
                );
                refused += 1;
            }
            Outcome::Blocked(blocked) => {
                assert_eq!(Some(blocked.code()), refused_with);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((approved, refused), (affordable, claims - affordable));
    assert_eq!(desk.pool().await.reserved, yuan(25_340 * affordable));
    desk.expect_sound().await;
}

async fn two_processes_share_a_county(db: &Db) {
    let other = store::connect(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let one = desk(db).await;
    let two = TestDesk::open(Arc::new(other)).await;
    let mut stories = JoinSet::new();
    for (index, household) in one.world.households.iter().enumerate().take(6) {
        let desk = if index % 2 == 0 { &one } else { &two };
        let story = desk.refer(household);
        let story = story.accept().assign().visit().evaluate();
        stories.spawn(async move { story.await });
    }
    // Both for the same event: one of them is refused.
    let same = one.world.households[0].clone();
    let (first, second) = tokio::join!(
        one.draft(&same)
            .peril(lifecycle::Peril::Schooling)
            .outcome(),
        two.draft(&same)
            .peril(lifecycle::Peril::Schooling)
            .outcome(),
    );
    let done = [&first, &second]
        .iter()
        .filter(|it| matches!(it, Outcome::Done { .. }))
        .count();
    assert_eq!(done, 1, "{first:?} {second:?}");
    let claims = stories.join_all().await;
    assert_eq!(claims.len(), 6);
    let report = one.expect_sound().await;
    assert_eq!(report.claims, 7);
    let store: Arc<dyn Store> = two.store().clone();
    let again = audit::verify(store.as_ref()).await.expect("reading");
    assert_eq!(report, again);
}

/// A registry write waits for the county's lock, so no fact changes between gathering and commit.
async fn facts_are_read_under_the_lock(db: &Db) {
    let desk = desk(db).await;
    let household = desk.world.households[0].clone();
    let held = hold(db).await;
    let store = Arc::clone(desk.store());
    let write = tokio::spawn(async move {
        let unlisted = engine::household::Household {
            listed_on: None,
            ..household
        };
        store.put_household(&unlisted).await
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!write.is_finished(), "the write did not wait for the lock");
    held.commit().await.expect("releasing");
    write.await.expect("a task").expect("written");
    let household = &desk.world.households[0];
    desk.draft(household)
        .refer()
        .expect_blocked("HOUSEHOLD_NOT_LISTED")
        .await;
    let other = desk.world.households[1].clone();
    desk.refer(&other).await.expect_status(Status::Referred);
}

/// Beside a server at work, a verification reads what stood when it began to look.
async fn a_verification_reads_one_snapshot(db: &Db) {
    let desk = desk(db).await;
    let households = desk.world.households.clone();
    desk.refer(&households[0]).accept().await;
    let still = store::connect_snapshot(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let before = audit::verify(&still).await.expect("reading");
    assert_eq!((before.claims, before.faults.len()), (1, 0));
    desk.refer(&households[1]).accept().assign().await;
    let again = audit::verify(&still).await.expect("reading");
    assert_eq!(again, before, "the snapshot moved");
    let now = audit::verify(&db.store).await.expect("reading");
    assert_eq!(now.claims, 2);
}
