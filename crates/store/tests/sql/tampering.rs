//! A hand in the database, the triggers out of its way: whatever one thing it changes, verification
//! names table, row and column of that thing and of nothing else, and no value.

use crate::on_both;
use crate::support::Db;
use engine::testkit::world::{TestDesk, World, yuan};
use lifecycle::Claim;
use std::sync::Arc;

on_both! {
    one_thing_changed_is_one_fault,
    money_moved_by_hand_is_seen,
    a_queue_and_a_recovery_by_hand_are_seen,
    an_order_changed_by_hand_is_seen,
}

/// A claim that was refused in error, objected to and paid, one that waits, and one that was voided and noticed again.
async fn books(db: &Db) -> (TestDesk, Claim) {
    let mut world = World::new();
    // Days pass; the check of the living stays good.
    world.scheme.liveness_days_max = 365;
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let home = |number: usize| desk.world.households[number].clone();
    let paid = desk
        .refer(&home(0))
        .accept()
        .declare_ineligible()
        .issue_letter()
        .appeal()
        .uphold_appeal()
        .assign()
        .visit()
        .evaluate()
        .verify(yuan(41_200))
        .preview()
        .open_notice()
        .object()
        .dismiss()
        .prove()
        .pass_days(6)
        .close_notice()
        .through_payout()
        .await;
    desk.refer(&home(1))
        .through_verification(yuan(31_200))
        .preview()
        .open_notice()
        .object()
        .uphold()
        .await;
    desk.draft(&home(2)).await;
    desk.expect_sound().await;
    open(db).await;
    (desk, paid)
}

/// Takes triggers and foreign keys out of the way.
async fn open(db: &Db) {
    db.without_triggers().await;
    db.sure(if db.is_postgres() {
        "SET session_replication_role = replica"
    } else {
        "PRAGMA foreign_keys = OFF"
    })
    .await;
}

/// Carries out one change, reads the faults, and puts the table back as it was.
async fn told(db: &Db, desk: &TestDesk, table: &str, change: &str) -> Vec<String> {
    db.sure(&format!("CREATE TABLE kept AS SELECT * FROM {table}"))
        .await;
    match db.execute(change).await {
        Ok(done) => assert_eq!(done.rows_affected(), 1, "{change}"),
        Err(fault) => panic!("{change}: {fault}"),
    }
    let faults = desk.audit().await.faults;
    db.sure(&format!("DELETE FROM {table}")).await;
    db.sure(&format!("INSERT INTO {table} SELECT * FROM kept"))
        .await;
    db.sure("DROP TABLE kept").await;
    faults
}

const ID: &str = "'00000000-0000-7000-8000-000000000001'";
const AT: &str = "'2019-01-01T00:00:00.000000Z'";

/// Table, the row's name in the fault, which row, and each column with another lawful value.
type Change = (&'static str, String, String, Vec<(&'static str, String)>);

fn changes(paid: &Claim) -> Vec<Change> {
    let of_claim = format!("claim_id = '{}'", paid.id);
    let payment = paid
        .state
        .instructed()
        .expect("it is paid")
        .instruction
        .payment;
    let notice = paid.state.notice().expect("it was noticed").notice.id;
    let approved_at = paid.standing_approval().expect("approved").completed().at;
    let household = paid.household;
    let text = |column, value: &str| (column, value.to_owned());
    vec![
        (
            "claim",
            paid.number.clone(),
            format!("id = '{}'", paid.id),
            vec![
                text("number", "'FORGED'"),
                text("version", "99"),
                text("status", "'CLOSED'"),
                text("phase", "'APPROVAL'"),
                text("peril", "'SCHOOLING'"),
                text("scheme_id", ID),
                text("insurer_id", ID),
                text("household_id", ID),
                text("insured_id", ID),
                text("payee_id", ID),
                text("village", "'130302106201'"),
                text("event_on", "'2019-01-01'"),
                text("policy_year", "2021"),
                text("submitted_fen", "1"),
                text("assessed_fen", "assessed_fen + 1"),
                text("uplift_fen", "1"),
                text("approved_fen", "approved_fen - 1"),
                text("referrer_id", ID),
                text("surveyor_id", ID),
                text("approver_id", ID),
                text("second_approver_id", ID),
                text("payer_id", "NULL"),
                text("due_on", "'2019-01-01'"),
                text("opened_at", AT),
                text("updated_at", AT),
                text("body", "replace(body, '4120000', '4120001')"),
                text("body", "'nonsense'"),
            ],
        ),
        (
            "claim_event",
            "9".into(),
            "county_seq = 9".into(),
            vec![
                text("kind", "'PAYOUT_CONFIRMED'"),
                text("actor_id", ID),
                text("at", AT),
            ],
        ),
        (
            "notice",
            notice.to_string(),
            of_claim.clone(),
            vec![
                text("claim_id", ID),
                text("content_hash", "'forged'"),
                text("posted_on", "'2019-01-01'"),
                text("last_day", "'2020-06-30'"),
                text("opened_at", AT),
                text("closes_at", "'2020-06-02T00:00:00.000000Z'"),
                text("proofs_min", "0"),
                text("proofs", "7"),
                text("closed_at", "'2020-06-30T00:00:00.000000Z'"),
            ],
        ),
        (
            "objection",
            paid.objections[0].id.to_string(),
            of_claim.clone(),
            vec![
                text("claim_id", ID),
                text("status", "'UPHELD'"),
                text("raised_at", AT),
                text("resolved_at", AT),
            ],
        ),
        (
            "refusal_letter",
            format!("{}/1/REFUSAL", paid.id),
            of_claim.clone(),
            vec![
                ("content_hash", format!("'{}'", "0".repeat(64))),
                text("due_on", "'2019-01-01'"),
                text("delivered_on", "'2019-01-01'"),
                text("delivery", "'POSTED'"),
                text("appeal_ends_at", AT),
                text("issued_by", ID),
                text("issued_for", ID),
                text("issued_at", AT),
            ],
        ),
        (
            "appeal",
            format!("{}/1", paid.id),
            of_claim.clone(),
            vec![
                text("status", "'DISMISSED'"),
                text("refused_by", ID),
                text("refused_for", ID),
                text("lodged_by", ID),
                text("lodged_for", ID),
                text("lodged_at", AT),
                text("decided_by", ID),
                text("decided_for", ID),
                text("decided_at", AT),
            ],
        ),
        (
            "payment",
            payment.to_string(),
            of_claim.clone(),
            vec![
                text("claim_id", ID),
                text("instruction_no", "'FORGED'"),
                text("amount_fen", "amount_fen + 1"),
                text("payee_id", ID),
                text("status", "'FAILED'"),
                text("instructed_at", AT),
                text("settled_at", "NULL"),
            ],
        ),
        (
            "approval",
            format!(
                "{}/{}",
                paid.id,
                approved_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
            ),
            of_claim.clone(),
            vec![
                text("approved_on", "'2019-01-01'"),
                text("household_id", ID),
                text("amount_fen", "amount_fen + 1"),
                text("payee_id", ID),
                text("dossier_hash", &format!("'{}'", "0".repeat(64))),
                text("approved_by", ID),
                text("approved_for", ID),
                text("second_by", ID),
                text("ended_at", AT),
            ],
        ),
        (
            "living_event",
            paid.id.to_string(),
            of_claim,
            vec![
                text("insured_id", ID),
                text("peril", "'SCHOOLING'"),
                text("event_on", "'2019-01-01'"),
                text("first_id", ID),
                text("place", "place + 1"),
                text("is_advance", "1 - is_advance"),
                text("policy_year", "policy_year + 1"),
                text("held_fen", "held_fen + 1"),
                text("benefit_fen", "benefit_fen + 1"),
                text("advanced_fen", "advanced_fen + 1"),
                text("netted_fen", "netted_fen + 1"),
                text("loss_fen", "loss_fen + 1"),
                text("submitted_fen", "submitted_fen + 1"),
            ],
        ),
        (
            "running_total",
            format!("2020/ILLNESS/HOUSEHOLD/{household}"),
            format!("subject_id = '{household}'"),
            vec![
                text("used_fen", "used_fen - 1"),
                text("loss_fen", "loss_fen - 1"),
                text("cap_fen", "COALESCE(cap_fen, used_fen) + 1"),
            ],
        ),
        (
            "claim_counter",
            "2020".into(),
            "policy_year = 2020".into(),
            vec![text("last_number", "1")],
        ),
        (
            "county_head",
            "130302".into(),
            "county_code = 130302".into(),
            vec![
                text("last_seq", "7"),
                text("last_hash", "'forged'"),
                text("last_at", AT),
            ],
        ),
    ]
}

async fn one_thing_changed_is_one_fault(db: &Db) {
    let (desk, paid) = books(db).await;
    let mut seen = 0;
    for (table, row, which, columns) in &changes(&paid) {
        for (column, value) in columns {
            let change = format!("UPDATE {table} SET {column} = {value} WHERE {which}");
            let faults = told(db, &desk, table, &change).await;
            let told_in = if *table == "claim_event" {
                "the event"
            } else {
                "the log"
            };
            let fault = format!("{table} {row}: not what {told_in} tells in {column}");
            assert_eq!(faults, [fault], "{change}");
            seen += 1;
        }
        if !["claim_event", "claim_counter"].contains(table) {
            let faults = told(
                db,
                &desk,
                table,
                &format!("DELETE FROM {table} WHERE {which}"),
            )
            .await;
            let fault = format!("{table} {row}: the log tells a row that is missing");
            assert_eq!(faults, [fault]);
            seen += 1;
        }
    }
    assert_eq!(seen, 106);

    // A bill is named by its claim and its hash.
    let faults = told(
        db,
        &desk,
        "bill",
        &format!("DELETE FROM bill WHERE claim_id = '{}'", paid.id),
    )
    .await;
    assert!(faults.len() == 1 && faults[0].starts_with(&format!("bill {}/", paid.id)));

    // The payee that was paid: the log knows its account by a fingerprint only.
    let payee = paid.case.payee;
    let fault = format!(
        "payee {payee}: not what the log tells in household_id, member_id, relation, papers, holder_name, bank, account_no or account_index"
    );
    for change in [
        "account_no = '62284800000000'",
        "account_no = 'none'",
        "holder_name = 'forged'",
        "bank = 'forged'",
        "fingerprint = 'forged'",
        "relation = 'GUARDIAN'",
        &format!("member_id = {ID}"),
        &format!("household_id = {ID}"),
    ] {
        let change = format!("UPDATE payee SET {change} WHERE id = '{payee}'");
        assert_eq!(
            told(db, &desk, "payee", &change).await,
            [fault.as_str()],
            "{change}"
        );
    }
    let faults = told(
        db,
        &desk,
        "payee",
        &format!("DELETE FROM payee WHERE id = '{payee}'"),
    )
    .await;
    assert_eq!(
        faults,
        [format!(
            "payee {payee}: the log tells a row that is missing"
        )]
    );
    // An account that fits a forged fingerprint does not fit the log.
    let household = &desk.world.households[0];
    let forged = engine::household::Payee {
        bank: "forged".into(),
        ..household.payees[0].clone()
    };
    let change = format!(
        "UPDATE payee SET bank = 'forged', fingerprint = '{}' WHERE id = '{payee}'",
        forged.fingerprint(household.id, "")
    );
    assert_eq!(told(db, &desk, "payee", &change).await, [fault.as_str()]);

    // What no command made.
    let forged = format!(
        "INSERT INTO payment (county_code, id, claim_id, instruction_no, amount_fen, payee_id, status, instructed_at) \
         SELECT county_code, {ID}, claim_id, 'FORGED', 1, payee_id, 'FAILED', {AT} FROM payment"
    );
    let fault = format!(
        "payment {}: a row that the log does not tell",
        ID.trim_matches('\'')
    );
    assert_eq!(told(db, &desk, "payment", &forged).await, [fault]);
    desk.expect_sound().await;
}

/// Where money stands in sums as well, the sums are told beside the row.
async fn money_moved_by_hand_is_seen(db: &Db) {
    let (desk, _) = books(db).await;
    let change = "UPDATE pool_account SET balance_fen = balance_fen + 1 WHERE account = 'PAID_OUT' AND balance_fen > 0";
    let faults = told(db, &desk, "pool_account", change).await;
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("not the sum of transfers"), "{faults:?}");
    for change in [
        "UPDATE transfer SET amount_fen = amount_fen + 1 WHERE credit = 'IN_FLIGHT'",
        "UPDATE transfer SET claim_id = '00000000-0000-7000-8000-000000000009' WHERE credit = 'IN_FLIGHT'",
        "DELETE FROM transfer WHERE credit = 'IN_FLIGHT'",
    ] {
        let faults = told(db, &desk, "transfer", change).await;
        let rows = faults.iter().filter(|it| it.starts_with("transfer "));
        assert_eq!(rows.count(), 1, "{change}: {faults:?}");
    }
    desk.expect_sound().await;
}

/// A better place in a queue, and an instalment that did not come.
async fn a_queue_and_a_recovery_by_hand_are_seen(db: &Db) {
    let mut world = World::new();
    world.pool = yuan(25_340);
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let noticed = |number: usize| {
        let referred = desk.refer(&desk.world.households[number]);
        referred.through_verification(yuan(41_200)).through_notice()
    };
    let paid = noticed(0).through_payout().start_recovery();
    let paid = paid.recover_part(yuan(5_000)).await;
    let waits = noticed(1).approve().await;
    desk.expect_sound().await;
    open(db).await;
    for (table, row, column, value) in [
        ("pool_queue", waits.id.to_string(), "rank", "' '"),
        ("pool_queue", waits.id.to_string(), "amount_fen", "1"),
        ("pool_queue", waits.id.to_string(), "left_at", "queued_at"),
        ("recovery", format!("{}/1", paid.id), "amount_fen", "1"),
        ("recovery", format!("{}/1", paid.id), "bank_ref", "'FORGED'"),
    ] {
        let change = format!("UPDATE {table} SET {column} = {value}");
        let fault = format!("{table} {row}: not what the log tells in {column}");
        assert_eq!(told(db, &desk, table, &change).await, [fault], "{change}");
    }
    let gone = format!(
        "recovery {}/1: the log tells a row that is missing",
        paid.id
    );
    assert_eq!(
        told(db, &desk, "recovery", "DELETE FROM recovery").await,
        [gone]
    );
}

/// An order of a pool whose row, or whose entry in the chain, was changed.
async fn an_order_changed_by_hand_is_seen(db: &Db) {
    let (desk, _) = books(db).await;
    for (table, change, words) in [
        (
            "pool_order",
            "UPDATE pool_order SET reason = 'another' WHERE id = (SELECT id FROM pool_order LIMIT 1)",
            "not what its chain tells",
        ),
        (
            "pool_log",
            "UPDATE pool_log SET hash = 'forged' WHERE seq = 1",
            "the hash chain is broken",
        ),
        (
            "pool_log",
            "DELETE FROM pool_log WHERE seq = 1",
            "not what its chain tells",
        ),
    ] {
        let faults = told(db, &desk, table, change).await;
        assert!(faults.iter().any(|it| it.contains(words)), "{faults:?}");
    }
    desk.expect_sound().await;
}
