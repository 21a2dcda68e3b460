//! The matrix of authority: every root field, node type, sensitive field, subscription, export and
//! page × every duty × scopes that hold the target and scopes that do not × credentials that are
//! valid, revoked, expired or missing. What must happen is computed from the table
//! (`engine::authority::TABLE`) and the scope; what happens is what the real router answers, on real
//! databases: with both locks, with row-level security alone, with the application's check alone.
//!
//! Nothing is listed by hand that the schema can tell: arguments are made from the SDL. What cannot
//! be made is reported as uncovered, and that list must be empty.

mod cast;
mod operation;

use crate::support::Place as Database;
use cast::{Cast, Credentials, Seat, Vantage};
use engine::authority::{Authority, Denied, Reach, TABLE, Who, permit};
use engine::{Caller, Scope, Store, sight};
use lifecycle::Duty;
use operation::{Operation, Shape, operations};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What must become of a cell, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// Nobody has signed in.
    Unauthenticated,
    /// No duty or grant.
    Forbidden,
    /// As if it did not exist, or an answer without it.
    Unseen,
    /// The target was shown, or the command reached the judge.
    Seen,
    /// Answered; there is no target in it.
    Served,
    /// Something else: a fault of the server, or the target shown beside an error.
    Odd,
}

/// Which locks are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locks {
    Both,
    /// The application takes every caller for one of the whole county.
    RowSecurityAlone,
    /// The policies are gone.
    ApplicationAlone,
    /// There never were any.
    Sqlite,
}

/// Whether a scope holds the target of a row.
fn holds(cast: &Cast, seat: &Seat, reach: Reach) -> Option<bool> {
    let scope = &seat.scope;
    Some(match reach {
        Reach::Nothing | Reach::Own | Reach::OfNode => return None,
        Reach::County => scope.county == cast.claim.county,
        Reach::Organisation => seat.org == cast.surveyor.org && scope.county == cast.claim.county,
        Reach::Region => {
            scope.county == cast.claim.county && scope.region.covers(&cast.claim.village)
        }
        Reach::Scheme => {
            scope.county == cast.claim.county
                && scope.insurer.is_none_or(|it| it == cast.claim.insurer)
        }
        Reach::Pool => {
            scope.county == cast.claim.county
                && scope.region == scope.region.county()
                && scope.insurer.is_none_or(|it| it == cast.claim.insurer)
        }
        // The household has one claim, the insurer's own: so both reach alike.
        Reach::Claim | Reach::Household => scope.covers(&cast.claim),
    })
}

/// What the table says of a cell.
fn expected(cast: &Cast, operation: &Operation, seat: &Seat, caller: Option<&Caller>) -> Ending {
    for row in &operation.asked {
        match permit(caller, Some(row)) {
            Ok(()) => {}
            Err(Denied::Anonymous) => return Ending::Unauthenticated,
            Err(_) => return Ending::Forbidden,
        }
    }
    let readable = operation
        .node
        .is_none_or(|row| permit(caller, Some(row)).is_ok());
    match holds(cast, seat, operation.reach) {
        None => Ending::Served,
        Some(_) if operation.shape == Shape::Errand => Ending::Served,
        Some(within) if within && readable => match operation.shape {
            Shape::Queue | Shape::Form | Shape::Errand => Ending::Served,
            Shape::One | Shape::List | Shape::Count | Shape::Command | Shape::Stream => {
                Ending::Seen
            }
        },
        Some(_) => match operation.shape {
            Shape::Form | Shape::Errand => Ending::Served,
            Shape::One
            | Shape::List
            | Shape::Count
            | Shape::Command
            | Shape::Stream
            | Shape::Queue => Ending::Unseen,
        },
    }
}

/// A mismatch, told in one line.
fn told(
    operation: &Operation,
    seat: &Seat,
    duty: Duty,
    credentials: Credentials,
    expected: Ending,
    found: &cast::Found,
) -> String {
    format!(
        "{:?} {} by {duty} of {:?}, {credentials:?}: expected {expected:?}, found {:?} {}",
        operation.place,
        operation.name,
        seat.vantage,
        found.ending,
        found.text.chars().take(240).collect::<String>()
    )
}

#[derive(Debug, Default)]
struct Tally {
    cells: usize,
    /// By what was expected.
    endings: BTreeMap<Ending, usize>,
    /// Denied by duty, grant or credential, or about the caller's own: no row decides these.
    beyond_rows: usize,
    mismatches: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.cells += other.cells;
        self.beyond_rows += other.beyond_rows;
        self.mismatches.extend(other.mismatches);
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
    }

    fn note(&mut self, expected: Ending) {
        self.cells += 1;
        *self.endings.entry(expected).or_default() += 1;
    }
}

/// All cells of one seat.
async fn of_seat(
    cast: Arc<Cast>,
    operations: Arc<Vec<Operation>>,
    seat: Seat,
    locks: Locks,
) -> Tally {
    let mut tally = Tally::default();
    for duty in Duty::ALL.iter().copied() {
        // With row-level security alone, the application believes in an officer of the whole county.
        let believed = match locks {
            Locks::RowSecurityAlone => cast.seat(Vantage::County),
            Locks::Both | Locks::ApplicationAlone | Locks::Sqlite => seat.clone(),
        };
        let caller = cast.caller(&believed, duty).await;
        for operation in operations.iter() {
            let expected = expected(&cast, operation, &seat, Some(&caller));
            let undecided = matches!(
                expected,
                Ending::Forbidden | Ending::Unauthenticated | Ending::Served
            ) || operation.reach == Reach::Organisation;
            if locks == Locks::RowSecurityAlone && undecided {
                tally.beyond_rows += 1;
                continue;
            }
            tally.note(expected);
            let token = cast.token(&believed, duty, Credentials::Valid);
            let found = match locks {
                Locks::Both | Locks::ApplicationAlone | Locks::Sqlite => {
                    cast.ask(operation, Some(&token), &seat).await
                }
                Locks::RowSecurityAlone => {
                    // Who calls is found at the door, before anything is seen on anybody's behalf; it is
                    // remembered for less than a second.
                    let mut found = None;
                    while found.is_none() {
                        cast.caller(&believed, duty).await;
                        let asked = cast.ask(operation, Some(&token), &seat);
                        let seen = Caller {
                            scope: seat.scope.clone(),
                            ..caller.clone()
                        };
                        let asked = sight::within(&seen, asked).await;
                        found = Some(asked).filter(|it| it.ending != Ending::Unauthenticated);
                    }
                    found.expect("asked")
                }
            };
            // A lock that refuses a write may do so by a fault: nothing is shown and nothing written.
            let refused = locks == Locks::RowSecurityAlone
                && expected == Ending::Unseen
                && found.ending == Ending::Odd
                && !found.shows;
            if found.ending != expected && !refused {
                tally.mismatches.push(told(
                    operation,
                    &seat,
                    duty,
                    Credentials::Valid,
                    expected,
                    &found,
                ));
            }
        }
        // What a credential is worth is found before any lock: with one database of each kind.
        if matches!(locks, Locks::RowSecurityAlone | Locks::ApplicationAlone) {
            continue;
        }
        for credentials in [Credentials::Revoked, Credentials::Expired] {
            let token = cast.token(&seat, duty, credentials);
            for operation in operations.iter() {
                tally.note(Ending::Unauthenticated);
                let found = cast.ask(operation, Some(&token), &seat).await;
                // Whoever presents nothing valid is told so even where nobody need sign in.
                if found.ending != Ending::Unauthenticated {
                    tally.mismatches.push(told(
                        operation,
                        &seat,
                        duty,
                        credentials,
                        Ending::Unauthenticated,
                        &found,
                    ));
                }
            }
        }
    }
    tally
}

async fn matrix(cast: Cast, locks: Locks) -> Tally {
    let cast = Arc::new(cast);
    let (operations, uncovered) = operations(&cast);
    assert_eq!(
        uncovered,
        Vec::<String>::new(),
        "uncovered: tests/authority/operation.rs cannot make these"
    );
    let rows: Vec<&Authority> = TABLE
        .iter()
        .filter(|row| {
            !operations
                .iter()
                .any(|it| it.place == row.place && it.name == row.name)
        })
        .collect();
    assert!(rows.is_empty(), "rows without a cell: {rows:?}");
    let operations = Arc::new(operations);
    let written = cast.written().await;
    let mut tasks = JoinSet::new();
    for seat in cast.seats() {
        tasks.spawn(of_seat(
            Arc::clone(&cast),
            Arc::clone(&operations),
            seat,
            locks,
        ));
    }
    let mut tally = Tally::default();
    while let Some(of_seat) = tasks.join_next().await {
        tally.add(of_seat.expect("a seat's cells"));
    }
    // Nobody at all.
    let somewhere = cast.seat(Vantage::Township);
    for operation in operations
        .iter()
        .filter(|_| locks != Locks::RowSecurityAlone)
    {
        let expected = expected(&cast, operation, &somewhere, None);
        tally.note(expected);
        let found = cast.ask(operation, None, &somewhere).await;
        if found.ending != expected {
            tally.mismatches.push(format!(
                "{:?} {} by nobody: expected {expected:?}, found {:?} {}",
                operation.place, operation.name, found.ending, found.text
            ));
        }
    }
    println!(
        "authority matrix, {locks:?}: {} operations × {} duties × {} scopes; {} cells {:?}; {} beyond what a row can decide; {} mismatches; uncovered: none",
        operations.len(),
        Duty::ALL.len(),
        cast.seats().len(),
        tally.cells,
        tally.endings,
        tally.beyond_rows,
        tally.mismatches.len()
    );
    let shown: Vec<&String> = tally.mismatches.iter().take(20).collect();
    assert!(
        tally.mismatches.is_empty(),
        "{} mismatches: {shown:#?}",
        tally.mismatches.len()
    );
    let after = cast.written().await;
    assert_eq!(
        after, written,
        "a denied or blocked operation wrote something"
    );
    tally
}

async fn open(place: &Database) -> Arc<dyn Store> {
    let store = store::connect_serving(&place.url(), place.keys())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_locks() {
    let place = Database::postgres();
    let store = open(&place).await;
    let cast = Cast::enter(&store).await;
    let tally = matrix(cast, Locks::Both).await;
    assert!(tally.cells > 20_000, "{}", tally.cells);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_security_alone() {
    let place = Database::postgres();
    let store = open(&place).await;
    let cast = Cast::enter(&store).await;
    let tally = matrix(cast, Locks::RowSecurityAlone).await;
    assert!(tally.endings[&Ending::Unseen] > 1_000 && tally.endings[&Ending::Seen] > 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn application_alone() {
    let place = Database::postgres();
    let store = open(&place).await;
    let cast = Cast::enter(&store).await;
    crate::support::psql(
        place.url.as_deref().unwrap(),
        "DO $$ DECLARE t record; BEGIN \
         FOR t IN SELECT relname FROM pg_class WHERE relrowsecurity LOOP \
         EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', t.relname); END LOOP; END $$; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO fangpin_door, fangpin_scoped, fangpin_judge",
    );
    matrix(cast, Locks::ApplicationAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn application_alone_on_sqlite() {
    let place = Database::sqlite();
    let store = open(&place).await;
    let cast = Cast::enter(&store).await;
    matrix(cast, Locks::Sqlite).await;
}

/// What lies out of reach is answered byte by byte like what does not exist, but for the request's id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_reach_reads_like_nothing() {
    let place = Database::sqlite();
    let store = open(&place).await;
    let cast = Cast::enter(&store).await;
    let (operations, _) = operations(&cast);
    let seat = cast.seat(Vantage::SiblingTownship);
    let token = cast.token(&seat, Duty::TownshipCaseworker, Credentials::Valid);
    let caller = cast.caller(&seat, Duty::TownshipCaseworker).await;
    let mut compared = 0;
    for operation in operations
        .iter()
        .filter(|it| matches!(it.shape, Shape::One | Shape::Command))
    {
        if expected(&cast, operation, &seat, Some(&caller)) != Ending::Unseen {
            continue;
        }
        let hidden = cast.ask(operation, Some(&token), &seat).await;
        let nothing = cast
            .ask(&operation.of_nothing(&cast), Some(&token), &seat)
            .await;
        assert_eq!(hidden.told(), nothing.told(), "{}", operation.name);
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
}

/// A credential opened for something else: each operation without the one grant it needs.
#[tokio::test]
async fn grants_are_needed_one_by_one() {
    let mut caller = engine::testkit::Role::Supervisor.caller();
    for row in TABLE.iter().filter(|row| row.who != Who::Anyone) {
        caller.duties = Duty::ALL.to_vec();
        caller.grants = engine::Grant::ALL.to_vec();
        assert_eq!(permit(Some(&caller), Some(row)), Ok(()), "{}", row.name);
        caller.grants.retain(|grant| *grant != row.grant);
        assert_eq!(
            permit(Some(&caller), Some(row)),
            Err(Denied::Grant(row.grant)),
            "{}",
            row.name
        );
        assert_eq!(
            permit(None, Some(row)),
            Err(Denied::Anonymous),
            "{}",
            row.name
        );
    }
    assert_eq!(permit(Some(&caller), None), Err(Denied::Unlisted));
}

fn covers(scope: &Scope, claims: &[lifecycle::Claim]) -> usize {
    claims.iter().filter(|claim| scope.covers(claim)).count()
}
