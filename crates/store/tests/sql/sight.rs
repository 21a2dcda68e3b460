//! Row-level security: without a sight there is nothing, with one there is what lies in it, whatever
//! the statement asks for; nothing stays on a connection; every table is guarded.

use crate::support::Db;
use engine::bulk::{BatchId, BatchLine, Bulk, Download, Export, ExportFormat, ExportKind};
use engine::household::Households;
use engine::identity::Identity;
use engine::pool::Pools;
use engine::registry::Registry;
use engine::testkit::world::{Role, TestDesk, World, county};
use engine::{Caller, ClaimFilter, ClaimReader, Page, Scope, ids, sight};
use lifecycle::RegionCode;
use sea_orm::ConnectionTrait;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::connect_serving;

/// Tables of the installation, which hold nothing of a county.
const OPEN: &[&str] = &["lawful_transition", "seaql_migrations"];

/// Every table of a county is guarded, also against its owner, and every role that has a privilege on
/// it has a policy.
#[tokio::test]
async fn every_table_is_guarded() {
    let db = Db::postgres().await;
    let open: Vec<String> = OPEN.iter().map(|table| format!("'{table}'")).collect();
    let open = open.join(", ");
    let bare = db
        .rows(&format!(
            "SELECT c.relname::text AS one FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
             AND c.relkind = 'r' AND c.relname NOT IN ({open}) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ))
        .await;
    let bare: Vec<String> = bare
        .iter()
        .map(|row| row.try_get("", "one").expect("a name"))
        .collect();
    assert!(
        bare.is_empty(),
        "tables without row-level security: {bare:?}; give each its policies in a step of its own, as \
         migrations/sql/0011_row_security.postgres.up.sql does"
    );
    let idle = db
        .rows(&format!(
            "SELECT DISTINCT g.table_name || ' for ' || g.grantee AS one FROM information_schema.role_table_grants g \
             WHERE g.grantee LIKE 'fangpin\\_%' AND g.table_schema = 'public' AND g.table_name NOT IN ({open}) \
             AND NOT EXISTS (SELECT 1 FROM pg_policies p WHERE p.tablename = g.table_name AND g.grantee = ANY (p.roles))"
        ))
        .await;
    let idle: Vec<String> = idle
        .iter()
        .map(|row| row.try_get("", "one").expect("a name"))
        .collect();
    assert_eq!(idle, Vec::<String>::new(), "privileges without a policy");
    let system = db
        .number("SELECT count(*) FROM pg_policies WHERE 'fangpin_system' = ANY (roles)")
        .await;
    assert!(system >= 25, "{system}");
    db.close().await;
}

async fn numbers(
    store: &store::SqlStore,
    scope: &Scope,
) -> Result<BTreeSet<String>, engine::Fault> {
    let found = store
        .claims(scope, &ClaimFilter::default(), &Page::first(100))
        .await?;
    Ok(found.rows.into_iter().map(|claim| claim.number).collect())
}

/// Claims of both townships and both insurers.
async fn cast(db: &Db) -> (TestDesk, [String; 3]) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let one = desk
        .refer(desk.world.household("石门寨"))
        .await
        .number
        .clone();
    let two = desk
        .refer(desk.world.household("驻操营"))
        .await
        .number
        .clone();
    let third = &desk.world.households[1];
    let rival = desk
        .draft(third)
        .under(&desk.world.rival)
        .await
        .number
        .clone();
    (desk, [one, two, rival])
}

/// The store is asked for the whole county each time; what comes back is what the sight allows.
#[tokio::test]
async fn a_sight_holds_whatever_is_asked_for() {
    let db = Db::postgres().await;
    let (desk, [one, two, rival]) = cast(&db).await;
    let store = connect_serving(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let whole = Role::CountyCaseworker.caller().scope;
    let set = |list: &[&String]| list.iter().map(|it| (*it).clone()).collect::<BTreeSet<_>>();
    for (role, expected) in [
        (Role::CountyCaseworker, set(&[&one, &two, &rival])),
        (Role::Shimenzhai, set(&[&one, &rival])),
        (Role::Zhucaoying, set(&[&two])),
        (Role::Handler, set(&[&one, &two])),
        (Role::RivalHandler, set(&[&rival])),
    ] {
        let caller = role.caller();
        let seen = sight::within(&caller, numbers(&store, &whole)).await;
        assert_eq!(seen.expect("reading"), expected, "{role:?}");
        // The log tells of the same claims, and of no others.
        let told = sight::within(&caller, store.events_after(&whole, 0, None, 100)).await;
        let told = told.expect("reading").into_iter();
        let told: BTreeSet<_> = told.map(|it| it.claim).collect();
        assert_eq!(told.len(), expected.len(), "{role:?}");
        // Schemes: all of the county; for an insurer those it runs.
        let schemes = sight::within(&caller, store.schemes(county())).await;
        let schemes = schemes.expect("reading");
        let of_insurer = |insurer| schemes.iter().any(|it| it.insurer == insurer);
        let own = caller.scope.insurer;
        for scheme in [&desk.world.scheme, &desk.world.rival] {
            let expected = own.is_none_or(|own| own == scheme.insurer);
            assert_eq!(of_insurer(scheme.insurer), expected, "{role:?}");
        }
        let scheme = &desk.world.scheme;
        let pool = sight::within(&caller, store.pool(county(), scheme.id)).await;
        let is_seen = pool.expect("reading").available != benefits::Fen::ZERO;
        // Its pool: whoever has the whole county.
        let has_county = caller.scope.region == whole.region;
        let expected = has_county && own.is_none_or(|own| own == scheme.insurer);
        assert_eq!(is_seen, expected, "{role:?}");
    }
    // A household, its members and payees: of the region, and for an insurer through a claim.
    let homes = [
        &desk.world.households[0],
        &desk.world.households[4],
        &desk.world.households[2],
    ];
    for (role, expected) in [
        (Role::CountyCaseworker, [true, true, true]),
        (Role::Shimenzhai, [true, false, true]),
        (Role::Zhucaoying, [false, true, false]),
        (Role::Handler, [true, true, false]),
        (Role::RivalHandler, [false, false, false]),
    ] {
        let caller = role.caller();
        for (home, expected) in homes.iter().zip(expected) {
            let found = sight::within(&caller, store.household(county(), home.id)).await;
            let found = found.expect("reading");
            assert_eq!(found.is_some(), expected, "{role:?}");
            let member = home.members[0].id_number.clone();
            let by_number = sight::within(&caller, store.household_of(county(), &member)).await;
            assert_eq!(by_number.expect("reading").is_some(), expected, "{role:?}");
            if let Some(found) = found {
                assert_eq!((found.members.len(), found.payees.len()), (3, 2));
            }
        }
    }
    // Another county sees nothing of this one, whatever it asks for.
    let elsewhere = Caller {
        scope: Scope {
            county: lifecycle::CountyCode::new(130_303).expect("six digits"),
            region: RegionCode::new("130303").expect("a region"),
            insurer: None,
        },
        ..Role::CountyCaseworker.caller()
    };
    let seen = sight::within(&elsewhere, numbers(&store, &whole)).await;
    assert_eq!(seen.expect("reading"), BTreeSet::new());
    assert!(
        sight::within(&elsewhere, store.schemes(county()))
            .await
            .expect("reading")
            .is_empty()
    );
    assert!(
        sight::within(&elsewhere, store.people(county()))
            .await
            .expect("reading")
            .is_empty()
    );
    // Nobody: a login is found, nothing of the county is.
    assert!(store.account("smz.wang").await.expect("reading").is_some());
    assert!(numbers(&store, &whole).await.is_err());
    assert!(store.household(county(), homes[0].id).await.is_err());
    // The system sees everything, and so does a store without doors.
    let seen = sight::system(numbers(&store, &whole)).await;
    assert_eq!(seen.expect("reading").len(), 3);
    assert_eq!(numbers(&db.store, &whole).await.expect("reading").len(), 3);
    db.close().await;
}

/// Many callers share few connections, and some hang up in the middle: each sees only its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_on_a_connection() {
    let db = Db::postgres().await;
    let (_, [one, two, rival]) = cast(&db).await;
    let store = connect_serving(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let whole = Role::CountyCaseworker.caller().scope;
    let mut tasks = Vec::new();
    for turn in 0..240_usize {
        let (store, whole) = (store.clone(), whole.clone());
        let (role, expected) = match turn % 4 {
            0 => (Role::Shimenzhai, vec![one.clone(), rival.clone()]),
            1 => (Role::Zhucaoying, vec![two.clone()]),
            2 => (Role::RivalHandler, vec![rival.clone()]),
            _ => (Role::Handler, vec![one.clone(), two.clone()]),
        };
        tasks.push(tokio::spawn(async move {
            let caller = role.caller();
            if turn % 3 == 0 {
                let hurried = sight::within(&caller, numbers(&store, &whole));
                let _ = tokio::time::timeout(std::time::Duration::from_micros(300), hurried).await;
                assert!(
                    numbers(&store, &whole).await.is_err(),
                    "nobody sees anything"
                );
                return;
            }
            let seen = sight::within(&caller, numbers(&store, &whole))
                .await
                .expect("reading");
            assert_eq!(
                seen,
                expected.into_iter().collect::<BTreeSet<_>>(),
                "{role:?}"
            );
        }));
    }
    for task in tasks {
        task.await.expect("each sees its own");
    }
    db.close().await;
}

/// A payee or a check of a member cannot be written for a household out of sight.
#[tokio::test]
async fn nothing_is_written_out_of_sight() {
    let db = Db::postgres().await;
    let (desk, _) = cast(&db).await;
    let store = connect_serving(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let home = desk.world.household("驻操营");
    let count = async || db.number("SELECT count(*) FROM payee").await;
    let before = count().await;
    let payee = engine::household::Payee {
        id: lifecycle::PayeeId(ids::fresh()),
        checks: Vec::new(),
        ..home.payees[0].clone()
    };
    let own = Role::Shimenzhai.caller();
    let put = sight::within(&own, store.put_payee(county(), home.id, &payee)).await;
    assert!(put.is_err(), "{put:?}");
    let on = engine::testkit::world::day(2020, 6, 1);
    let checked = store.record_liveness(county(), home.members[0].id, on, None);
    assert!(sight::within(&own, checked).await.is_err());
    let moved = engine::household::Household {
        village: desk.world.households[0].village.clone(),
        ..home.clone()
    };
    let taken = sight::within(&own, store.put_household(&moved)).await;
    assert!(
        taken.is_err(),
        "a household is not taken over from another township"
    );
    assert_eq!(count().await, before);
    let theirs = Role::Zhucaoying.caller();
    let put = sight::within(&theirs, store.put_payee(county(), home.id, &payee)).await;
    put.expect("its own township may");
    assert_eq!(count().await, before + 1);
    db.close().await;
}

/// A batch, an export and the record of its downloads are seen by the account that began them, whatever
/// account is asked for.
#[tokio::test]
async fn bulk_work_belongs_to_its_account() {
    let db = Db::postgres().await;
    let (desk, _) = cast(&db).await;
    let store = connect_serving(&db.url, crate::support::keys())
        .await
        .expect("connecting");
    let (own, other) = (Role::CountyCaseworker.caller(), Role::Supervisor.caller());
    let at = desk.now();
    let batch = BatchId {
        county: county(),
        account: own.account,
        key: ids::fresh(),
    };
    let line = BatchLine {
        line_no: 1,
        claim: None,
        code: Some("VALIDATION".to_owned()),
        at,
    };
    let export = Export {
        id: ids::fresh(),
        county: county(),
        account: own.account,
        kind: ExportKind::Claims,
        format: ExportFormat::Csv,
        filter: "{}".to_owned(),
        purpose: "a test".to_owned(),
        created_at: at,
        expires_at: at + chrono::Duration::hours(1),
    };
    let download = Download {
        id: ids::fresh(),
        export: export.id,
        at,
        rows: None,
    };
    let begun = async {
        store.put_batch_lines(&batch, &[line]).await?;
        store.put_export(&export).await?;
        store.note_download(county(), own.account, &download).await
    };
    sight::within(&own, begun).await.expect("writing");
    for (caller, seen) in [(&own, true), (&other, false)] {
        let progress = sight::within(caller, store.batch_progress(&batch)).await;
        assert_eq!(progress.expect("reading").is_some(), seen);
        let found = store.export(county(), own.account, export.id);
        let found = sight::within(caller, found).await;
        assert_eq!(found.expect("reading").is_some(), seen);
        let taken = sight::within(caller, store.downloads(county(), export.id)).await;
        assert_eq!(taken.expect("reading").len(), usize::from(seen));
    }
    let forged = Export {
        id: ids::fresh(),
        ..export.clone()
    };
    assert!(
        sight::within(&other, store.put_export(&forged))
            .await
            .is_err()
    );
    db.close().await;
}

/// A database user who owns the tables and is no superuser: told what a superuser must run once, and
/// bound by the policies itself.
#[tokio::test]
async fn the_owner_is_bound_and_told_what_it_lacks() {
    let made = Db::postgres().await;
    made.close().await;
    let db = Db::postgres_empty().await;
    let owner = format!("owner_{}", ids::fresh().simple());
    let database = db.url.rsplit('/').next().expect("a name").to_owned();
    db.sure(&format!("CREATE ROLE {owner} LOGIN PASSWORD 'p'"))
        .await;
    db.sure(&format!("ALTER DATABASE {database} OWNER TO {owner}"))
        .await;
    let url = db.url.replacen("postgres@", &format!("{owner}:p@"), 1);
    assert_ne!(url, db.url);
    let store = store::connect(&url, crate::support::keys())
        .await
        .expect("connecting");
    let fault = store
        .migrate()
        .await
        .expect_err("it may not take the roles");
    let told = fault.to_string();
    assert!(
        matches!(fault, engine::Fault::Unusable(_))
            && told.contains("GRANT fangpin_door")
            && told.contains(&owner),
        "{told}"
    );
    db.sure(&format!(
        "GRANT fangpin_door, fangpin_scoped, fangpin_judge, fangpin_system TO {owner}"
    ))
    .await;
    store.migrate().await.expect("now it may");
    World::new()
        .seed(&store)
        .await
        .expect("seeding as the system");
    let raw = crate::support::raw(&url).await;
    let count = async |before: &str| {
        raw.execute_unprepared(before).await.expect("taking a role");
        let statement = sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            "SELECT count(*) AS n FROM household",
        );
        let row = raw
            .query_one_raw(statement)
            .await
            .expect("reading")
            .expect("a row");
        row.try_get::<i64>("", "n").expect("a number")
    };
    assert_eq!(count("RESET ROLE").await, 0, "the owner without a role");
    assert_eq!(count("SET ROLE fangpin_system").await, 7);
    assert_eq!(
        count("SET ROLE fangpin_scoped").await,
        0,
        "without settings"
    );
    raw.close().await.expect("closing");
    drop(store);
    db.sure(&format!("ALTER DATABASE {database} OWNER TO postgres"))
        .await;
    db.sure(&format!("REASSIGN OWNED BY {owner} TO postgres"))
        .await;
    db.sure(&format!("DROP OWNED BY {owner}")).await;
    db.sure(&format!("DROP ROLE {owner}")).await;
    db.close().await;
}
