//! What is private at rest: sealed in its own row, under keys that can be changed beside a server at
//! work, and told only when it stands on record.

use crate::on_both;
use crate::support::{Db, keys, keys_of};
use engine::disclosure::{Disclosing, Disclosure, PrivateSubject, Purpose};
use engine::household::{Diagnosis, Household, Households, IdNumber, Phone, PrivateDetails};
use engine::identity::{Change, Identity};
use engine::testkit::world::{Role, TestDesk, county, yuan};
use engine::{Fault, audit, ids};
use lifecycle::Claim;
use std::sync::Arc;
use store::{KeyId, Keyring, SqlStore};

const FIRST: &str = "dGhlIGZpcnN0IGtleSBvZiBhIHRlc3QsIDMyIGJ5dGU=";
const SECOND: &str = "dGhlIHNlY29uZCBrZXkgb2YgYSB0ZXN0LCAzMmJ5dGU=";

on_both! {
    a_value_moved_to_another_row_does_not_open,
    no_value_stands_in_the_clear,
    details_are_written_together,
    going_over_to_another_key,
    another_key_is_told,
    an_older_database_is_sealed,
    what_cannot_be_recorded_is_not_told,
    disclosures_stay,
    sealed_values_are_not_taken_back,
}

async fn desk(db: &Db) -> TestDesk {
    TestDesk::open(Arc::new(db.store.clone())).await
}

/// A made-up secret of a second factor, in base32.
const FACTOR: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ";

async fn put_factor(store: &SqlStore) {
    let put = Change::PutFactor {
        account: Role::Finance.account_id(),
        secret: FACTOR.to_owned(),
    };
    let put = store.change(county(), &[put], None).await;
    assert_eq!(put.expect("writing"), 1);
}

async fn factor(store: &SqlStore) -> String {
    let account = Role::Finance.account_id();
    let read = store.second_factor(county(), account).await;
    read.expect("reading").expect("a factor").secret
}

async fn paid(desk: &TestDesk, home: &Household) -> Claim {
    desk.refer(home)
        .through_verification(yuan(41_200))
        .preview()
        .open_notice()
        .prove()
        .pass_days(6)
        .close_notice()
        .through_payout()
        .await
}

async fn reopened(db: &Db, keys: Arc<Keyring>) -> SqlStore {
    store::connect(&db.url, keys).await.expect("connecting")
}

async fn text(db: &Db, sql: &str) -> String {
    let rows = db.rows(sql).await;
    let row = rows.first().expect("a row");
    row.try_get_by_index(0).expect("a text")
}

fn ask(home: &Household, subject: PrivateSubject) -> Disclosure {
    Disclosure {
        county: county(),
        household: home.id,
        subject,
        purpose: Purpose::Contact,
        reason: "通知到户".into(),
        account: Role::Handler.account_id(),
        person: Role::Handler.person_id(),
        at: "2020-06-01T00:00:00Z".parse().expect("an instant"),
    }
}

/// Who can write to the tables cannot make one person out of another.
async fn a_value_moved_to_another_row_does_not_open(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    let (one, other) = (home.members[0].id, home.members[1].id);
    db.sure(&format!(
        "UPDATE member SET id_number = (SELECT id_number FROM member WHERE id = '{other}') WHERE id = '{one}'"
    ))
    .await;
    let fault = db.store.household(county(), home.id).await;
    let fault = fault.expect_err("moved").to_string();
    assert!(fault.contains("does not open"), "{fault}");
    for member in &home.members {
        assert!(!fault.contains(member.id_number.reveal()), "{fault}");
    }
}

/// Every column of every table, as text.
async fn no_value_stands_in_the_clear(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    let claim = desk.refer(&home).await;
    let diagnosis = Diagnosis::parse("某种要保密的病").expect("a text");
    let details = PrivateDetails {
        county: county(),
        household: home.id,
        phone: Phone::parse("13900000001"),
        diagnosis: Some((claim.id, diagnosis.clone())),
        by: Role::Shimenzhai.person_id(),
        at: desk.now(),
    };
    let put = db.store.put_private_details(&details).await;
    put.expect("writing");
    put_factor(&db.store).await;
    assert_eq!(factor(&db.store).await, FACTOR);
    let phone = details.phone.expect("a phone").reveal().to_owned();
    let mut secrets = vec![diagnosis.reveal().to_owned(), phone, FACTOR.to_owned()];
    for home in &desk.world.households {
        secrets.extend(home.phone.as_ref().map(|it| it.reveal().to_owned()));
        secrets.extend(
            home.members
                .iter()
                .map(|it| it.id_number.reveal().to_owned()),
        );
        secrets.extend(home.payees.iter().map(|it| it.account.reveal().to_owned()));
    }
    let dump = dump(db).await;
    assert!(dump.contains("v1.") && dump.contains(&home.members[0].name));
    for secret in secrets {
        assert!(!dump.contains(&secret), "{secret}");
    }
}

/// Phone and diagnosis in one transaction, wherever in it the database refuses.
async fn details_are_written_together(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    let claim = desk.refer(&home).await;
    let details = PrivateDetails {
        county: county(),
        household: home.id,
        phone: Phone::parse("13900000001"),
        diagnosis: Diagnosis::parse("某种要保密的病").map(|text| (claim.id, text)),
        by: Role::Shimenzhai.person_id(),
        at: desk.now(),
    };
    for (table, event) in [("household", "UPDATE"), ("diagnosis", "INSERT")] {
        stop(db, table, event).await;
        let put = db.store.put_private_details(&details).await;
        assert!(put.is_err(), "{table}");
        go_on(db, table).await;
        assert_eq!(db.number("SELECT count(*) FROM diagnosis").await, 0);
        let read = db.store.household(county(), home.id).await;
        let read = read.expect("reading").expect("a household");
        assert_eq!(read.phone, home.phone, "{table}");
    }
    let put = db.store.put_private_details(&details).await;
    put.expect("writing");
    assert_eq!(db.number("SELECT count(*) FROM diagnosis").await, 1);
    let read = db.store.household(county(), home.id).await;
    let read = read.expect("reading").expect("a household");
    assert_eq!(read.phone, details.phone);
}

/// The database refuses an event on a table until [`go_on`].
async fn stop(db: &Db, table: &str, event: &str) {
    db.sure(&if db.is_postgres() {
        format!("CREATE TRIGGER stop BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse('stopped')")
    } else {
        format!("CREATE TRIGGER stop BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'stopped'); END")
    })
    .await;
}

async fn go_on(db: &Db, table: &str) {
    db.sure(&if db.is_postgres() {
        format!("DROP TRIGGER stop ON {table}")
    } else {
        "DROP TRIGGER stop".to_owned()
    })
    .await;
}

async fn dump(db: &Db) -> String {
    let tables = if db.is_postgres() {
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table'"
    };
    let mut dump = String::new();
    for table in db.rows(tables).await {
        let name: String = table.try_get("", "name").expect("a name");
        let whole = if db.is_postgres() {
            format!("SELECT t::text AS line FROM {name} t")
        } else {
            let columns = format!("SELECT name FROM pragma_table_info('{name}')");
            let mut list = Vec::new();
            for column in db.rows(&columns).await {
                let column: String = column.try_get("", "name").expect("a name");
                list.push(format!("coalesce({column}, '')"));
            }
            format!("SELECT {} AS line FROM {name}", list.join(" || ' ' || "))
        };
        for row in db.rows(&whole).await {
            let line: String = row.try_get("", "line").expect("a line");
            dump.push_str(&line);
            dump.push('\n');
        }
    }
    dump
}

fn uses_of(uses: &[store::KeyUse], key: &KeyId) -> (bool, bool, u64) {
    uses.iter()
        .find(|it| it.key == *key)
        .map_or((false, false, 0), |it| (it.seals, it.indexes, it.values))
}

/// Beside a store at work, interrupted half-way, and finished.
async fn going_over_to_another_key(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    paid(&desk, &home).await;
    put_factor(&db.store).await;
    let both = reopened(db, keys_of(&format!("{FIRST},{SECOND}"))).await;
    let names = keys_of(&format!("{FIRST},{SECOND}")).names();
    let (first, second) = (&names[0].0, &names[1].0);
    let values = uses_of(&both.key_uses().await.expect("reading"), first);
    assert!(values.0 && values.1 && values.2 > 20, "{values:?}");

    // Something stops it half-way: members are sealed anew, payees are not.
    stop(db, "payee", "UPDATE").await;
    assert!(both.rotate(county()).await.is_err(), "it was not stopped");
    let uses = both.key_uses().await.expect("reading");
    let (old, new) = (uses_of(&uses, first), uses_of(&uses, second));
    assert!(old.1 && old.2 > 0 && new.0 && new.2 > 0, "{uses:?}");
    let known = async |store: &SqlStore| {
        let found = store.household_of(county(), &home.members[1].id_number);
        found.await.expect("reading").map(|it| it.id)
    };
    // Both keys at once: everything is found, nobody is registered twice, new values take the new key.
    assert_eq!(known(&both).await, Some(home.id));
    let double = Household {
        id: lifecycle::HouseholdId(ids::fresh()),
        members: vec![engine::household::Member {
            id: lifecycle::MemberId(ids::fresh()),
            ..home.members[1].clone()
        }],
        payees: Vec::new(),
        ..home.clone()
    };
    let put = both.put_household(&double).await;
    assert!(matches!(put, Err(Fault::Conflict(_))), "{put:?}");
    // A process that has the old key only neither reads on nor writes on.
    let fault = db.store.household(county(), home.id).await;
    let fault = fault.expect_err("it lacks the key").to_string();
    assert!(fault.contains(second.as_str()), "{fault}");
    assert!(db.store.put_household(&home).await.is_err());

    go_on(db, "payee").await;
    let done = both.rotate(county()).await.expect("taken up again");
    assert!(done.values > 0 && done.indexes > done.values, "{done:?}");
    let uses = both.key_uses().await.expect("reading");
    assert_eq!(uses_of(&uses, first), (false, false, 0), "{uses:?}");
    assert_eq!(
        both.rotate(county()).await.expect("nothing to do"),
        store::Rotated::default()
    );
    // The old key is needed by nothing.
    let only = reopened(db, keys_of(SECOND)).await;
    only.migrate().await.expect("its keys are held");
    assert_eq!(known(&only).await, Some(home.id));
    assert_eq!(factor(&only).await, FACTOR);
    let put = only.put_household(&double).await;
    assert!(matches!(put, Err(Fault::Conflict(_))), "{put:?}");
    let read = only.household(county(), home.id).await.expect("reading");
    assert_eq!(read.expect("a household").payees, home.payees);
    let report = audit::verify(&only).await.expect("reading");
    assert_eq!(report.faults, [""; 0]);
}

/// Never half-working: another key, or none, is told before anything is done.
async fn another_key_is_told(db: &Db) {
    desk(db).await;
    let needed = keys().names()[0].0.clone();
    let told = db.store.keys_needed().await.expect("reading");
    assert_eq!(told, std::slice::from_ref(&needed));
    for keys in [keys_of(SECOND), Arc::new(Keyring::none())] {
        let other = reopened(db, keys).await;
        for told in [other.migrate().await, other.expect_keys().await] {
            let fault = told.expect_err("another key");
            assert!(matches!(fault, Fault::Unusable(_)), "{fault}");
            assert!(fault.to_string().contains(needed.as_str()), "{fault}");
        }
    }
    db.store.expect_keys().await.expect("the right one");
}

/// What an older program wrote is sealed by the step, and stays in no page.
async fn an_older_database_is_sealed(db: &Db) {
    let last = migrations::STEPS.len();
    let private = migrations::STEPS
        .iter()
        .position(|it| it.name == "0014_private");
    let back = u32::try_from(last - private.expect("the step")).expect("a few");
    db.store.migrate_down(back).await.expect("empty");
    let (number, account) = ("130302195506151238", "6228480000001234567");
    let (home, member, payee) = (ids::fresh(), ids::fresh(), ids::fresh());
    for sql in [
        format!(
            "INSERT INTO household VALUES (130302, '{home}', '130302105201', '边缘易致贫户', NULL, '{member}', 1)"
        ),
        format!(
            "INSERT INTO member VALUES (130302, '{member}', '{home}', 0, '某人', '{number}', '户主', NULL, NULL)"
        ),
        format!(
            "INSERT INTO payee VALUES (130302, '{payee}', '{home}', 0, '{member}', '某人', '某行', '{account}', 'seal')"
        ),
    ] {
        db.sure(&sql).await;
    }
    let without = reopened(db, Arc::new(Keyring::none())).await;
    let fault = without.migrate().await.expect_err("no key");
    assert!(fault.to_string().contains("FANGPIN_KEY"), "{fault}");
    drop(without);
    db.store.migrate().await.expect("up");
    db.store.migrate().await.expect("nothing to do");
    let id_number = IdNumber::parse(number).expect("valid");
    let read = db.store.household_of(county(), &id_number).await;
    let read = read.expect("reading").expect("a household");
    assert_eq!(read.members[0].id_number, id_number);
    assert_eq!(read.payees[0].account.reveal(), account);
    let dump = dump(db).await;
    assert!(dump.contains("某人") && !dump.contains(number) && !dump.contains(account));
    if !db.is_postgres() {
        let path = db.url.strip_prefix("sqlite://").expect("a file");
        let path = path.split('?').next().expect("a path");
        for file in [path.to_owned(), format!("{path}-wal")] {
            let bytes = std::fs::read(&file).unwrap_or_default();
            for plain in [number, account] {
                let found = bytes.windows(plain.len()).any(|it| it == plain.as_bytes());
                assert!(!found, "{file} still holds {plain}");
            }
        }
    }
}

/// The record comes first: where it cannot be written, no value leaves.
async fn what_cannot_be_recorded_is_not_told(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    let since = "2020-06-01T00:00:00Z".parse().expect("an instant");
    let phone = || ask(&home, PrivateSubject::Phone(home.id));
    for (table, event) in [("disclosure", "INSERT"), ("private_head", "UPDATE")] {
        stop(db, table, event).await;
        let told = db.store.disclose(phone(), since, 9).await;
        assert!(told.is_err(), "{told:?}");
        assert_eq!(db.number("SELECT count(*) FROM disclosure").await, 0);
        go_on(db, table).await;
    }
    let told = db.store.disclose(phone(), since, 9).await.expect("told");
    assert!(matches!(told, Disclosing::Told { .. }), "{told:?}");
    assert_eq!(db.number("SELECT count(*) FROM disclosure").await, 1);
    // Many at once: one record, no gap.
    let asked = (0..20).map(|_| {
        let (store, disclosure) = (db.store.clone(), phone());
        tokio::spawn(async move { store.disclose(disclosure, since, 10).await })
    });
    let mut told = 0;
    for one in asked.collect::<Vec<_>>() {
        match one.await.expect("a task").expect("an answer") {
            Disclosing::Told { .. } => told += 1,
            Disclosing::Exhausted => {}
            Disclosing::Absent => panic!("it is there"),
        }
    }
    assert_eq!(told, 9, "ten a day, one of them before");
    assert_eq!(desk.expect_sound().await.disclosures, 10);
}

/// Who has read what stays: nobody changes it, and whoever goes around the guards is seen.
async fn disclosures_stay(db: &Db) {
    let desk = desk(db).await;
    let home = desk.world.households[0].clone();
    let since = "2020-06-01T00:00:00Z".parse().expect("an instant");
    for _ in 0..3 {
        let phone = ask(&home, PrivateSubject::Phone(home.id));
        db.store.disclose(phone, since, 9).await.expect("told");
    }
    let guarded = [
        ("UPDATE disclosure SET reason = 'forged'", "insert-only"),
        ("DELETE FROM disclosure", "insert-only"),
        ("UPDATE private_head SET last_seq = 0", "only grows"),
        ("DELETE FROM private_head", "never deleted"),
    ];
    for (sql, words) in guarded {
        db.refused(sql, words).await;
    }
    let payee = home.payees[0].id;
    for change in [
        "bank = 'forged'",
        "account_no = NULL",
        "account_index = 'forged'",
        "account_no = 'v1.00000000.forged', bank = 'forged'",
        "account_no = replace(account_no, 'A', 'B') || 'A'",
    ] {
        let change = format!("UPDATE payee SET {change} WHERE id = '{payee}'");
        db.refused(&change, "payee is insert-only").await;
    }
    db.without_triggers().await;
    let faults = async |change: &str| {
        db.sure("CREATE TABLE kept AS SELECT * FROM disclosure")
            .await;
        db.sure(change).await;
        let faults = desk.audit().await.faults;
        db.sure("DELETE FROM disclosure").await;
        db.sure("INSERT INTO disclosure SELECT * FROM kept").await;
        db.sure("DROP TABLE kept").await;
        faults
    };
    desk.expect_sound().await;
    for (change, words) in [
        (
            "UPDATE disclosure SET reason = 'forged' WHERE seq = 2",
            "disclosure 2: the hash chain is broken",
        ),
        (
            "UPDATE disclosure SET purpose = 'PAYMENT' WHERE seq = 3",
            "disclosure 3: the hash chain is broken",
        ),
        (
            "DELETE FROM disclosure WHERE seq = 2",
            "disclosure 3: expected 2",
        ),
        (
            "DELETE FROM disclosure WHERE seq = 3",
            "disclosures of county 130302: the last ones are missing",
        ),
    ] {
        let told = faults(change).await;
        assert!(told.iter().any(|it| it == words), "{change}: {told:?}");
    }
    desk.expect_sound().await;
    // The index of an account that was turned to another one hides a shared account.
    let paid = paid(&desk, &home).await;
    let payee = paid.case.payee;
    let kept = text(
        db,
        &format!("SELECT account_index FROM payee WHERE id = '{payee}'"),
    )
    .await;
    db.sure(&format!(
        "UPDATE payee SET account_index = 'forged' WHERE id = '{payee}'"
    ))
    .await;
    let told = desk.audit().await.faults;
    assert!(
        told.iter().any(|it| it.contains("account_index")),
        "{told:?}"
    );
    db.sure(&format!(
        "UPDATE payee SET account_index = '{kept}' WHERE id = '{payee}'"
    ))
    .await;
    desk.expect_sound().await;
}

async fn sealed_values_are_not_taken_back(db: &Db) {
    desk(db).await;
    let last = u32::try_from(migrations::STEPS.len()).expect("a few");
    let fault = db.store.migrate_down(last).await.expect_err("sealed");
    assert!(
        fault.to_string().contains("cannot be taken back"),
        "{fault}"
    );
    db.store.expect_keys().await.expect("as before");
}
