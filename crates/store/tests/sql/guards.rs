//! The second lock: raw SQL goes around the engine and is refused. Each guard that is a trigger is
//! also shown to be what refuses: with the triggers taken away, the same statement goes through.

use crate::on_both;
use crate::support::Db;
use engine::ids;
use engine::testkit::world::{TestDesk, World, day, yuan};
use lifecycle::{Claim, Movement, PoolAccount};
use std::sync::Arc;

/// A claim in each state that a guard is about.
struct Cast {
    draft: Claim,
    /// Notice open, its term not run.
    posted: Claim,
    /// Notice closed, an objection open.
    objected: Claim,
    /// Approved, an objection open.
    approved: Claim,
    instructed: Claim,
    paid: Claim,
    /// Refused, nothing told.
    refused: Claim,
    /// Refused and told; the time for an appeal runs.
    told: Claim,
    /// An appeal is open.
    appealed: Claim,
    /// An appeal was dismissed, and that not told.
    dismissed: Claim,
}

async fn cast(db: &Db) -> Cast {
    let mut world = World::new();
    // Days pass; the check of the living stays good.
    world.scheme.liveness_days_max = 365;
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let home = |number: usize| desk.world.households[number].clone();
    let noticed = |number| {
        let home = home(number);
        let referred = desk.refer(&home);
        referred
            .accept()
            .assign()
            .visit()
            .evaluate()
            .verify(yuan(41_200))
            .preview()
            .open_notice()
            .prove()
            .pass_days(6)
            .close_notice()
    };
    let objected = noticed(1).object().await;
    let approved = noticed(2).approve().object().await;
    let instructed = noticed(3).approve().instruct().await;
    let paid = noticed(4).approve().instruct().confirm().await;
    let posted = desk
        .refer(&home(5))
        .accept()
        .assign()
        .visit()
        .evaluate()
        .verify(yuan(41_200))
        .preview()
        .open_notice()
        .prove()
        .await;
    let refused = |which| {
        let begun = desk.draft(&home(0)).event_on(day(2020, 4, which)).refer();
        begun.accept().assign().declare_ineligible()
    };
    let dismissed = refused(1).issue_letter().appeal().dismiss_appeal().await;
    let appealed = refused(2).issue_letter().appeal().await;
    let told = refused(3).issue_letter().await;
    let refused = refused(4).await;
    let draft = desk.draft(&home(0)).await;
    // A refusal on record.
    desk.on(&draft)
        .accept()
        .expect_blocked("INVALID_STATE")
        .await;
    Cast {
        draft,
        posted,
        objected,
        approved,
        instructed,
        paid,
        refused,
        told,
        appealed,
        dismissed,
    }
}

fn letter(claim: &Claim, kind: &str, ends_at: &str) -> String {
    format!(
        "INSERT INTO refusal_letter (county_code, claim_id, refusal_no, kind, content_hash, due_on, delivered_on, delivery, appeal_ends_at, \
         issued_by, issued_at) SELECT county_code, id, 1, '{kind}', '{}', event_on, event_on, 'POSTED', {ends_at}, insured_id, updated_at \
         FROM claim WHERE id = '{}'",
        "0".repeat(64),
        claim.id
    )
}

fn appeal(claim: &Claim, status: &str, decided: &str) -> String {
    format!(
        "INSERT INTO appeal (county_code, claim_id, refusal_no, status, refused_by, lodged_by, lodged_at, decided_by, decided_at) \
         SELECT county_code, id, 1, '{status}', insured_id, household_id, updated_at, {decided} FROM claim WHERE id = '{}'",
        claim.id
    )
}

/// The decision of an open appeal.
fn decided(claim: &Claim, by: &str) -> String {
    format!(
        "UPDATE appeal SET status = 'UPHELD', decided_by = {by}, decided_at = lodged_at WHERE claim_id = '{}'",
        claim.id
    )
}

/// A draft that goes on with a claim.
fn follower(claim: &Claim, follows: &str, first: &str) -> String {
    let columns = "county_code, id, number, version, status, phase, peril, scheme_id, insurer_id, household_id, insured_id, payee_id, \
                   village, event_on, policy_year, submitted_fen, uplift_fen, opened_at, updated_at, body, follows_id, first_id";
    format!(
        "INSERT INTO claim ({columns}) {}",
        following(claim, "c.insured_id", follows, first)
    )
}

fn following(claim: &Claim, id: &str, follows: &str, first: &str) -> String {
    format!(
        "SELECT county_code, {id}, {id} || 'x', 1, 'DRAFT', 'REFERRAL', peril, scheme_id, insurer_id, household_id, insured_id, payee_id, \
         village, event_on, policy_year, submitted_fen, 0, opened_at, updated_at, body, {follows}, {first} FROM claim c WHERE id = '{}'",
        claim.id
    )
}

fn moved(claim: &Claim, change: &str) -> String {
    format!(
        "UPDATE claim SET {change}, version = version + 1 WHERE id = '{}'",
        claim.id
    )
}

fn payment(claim: &Claim, status: &str, amount: i64) -> String {
    format!(
        "INSERT INTO payment (county_code, id, claim_id, instruction_no, amount_fen, payee_id, status, instructed_at) \
         SELECT county_code, '00000000-0000-7000-8000-000000000001', id, 'FORGED', {amount}, payee_id, '{status}', updated_at \
         FROM claim WHERE id = '{}'",
        claim.id
    )
}

/// What must be refused, and the words of the guard.
type Attempt = (String, &'static str);

fn by_trigger(cast: &Cast) -> Vec<Attempt> {
    let Cast {
        draft,
        posted,
        objected,
        approved,
        instructed,
        paid,
        refused,
        told,
        appealed,
        dismissed,
    } = cast;
    let mut attempts = vec![
        (moved(draft, "status = 'RECOVERED'"), "not a lawful transition"),
        (moved(draft, "status = 'DRAFT', version = version + 2").replace(", version = version + 1", ""), "one version at a time"),
        (format!("UPDATE claim SET body = '{{}}' WHERE id = '{}'", draft.id), "one version at a time"),
        (moved(paid, "status = 'DRAFT'"), "not a lawful transition"),
        (moved(paid, "status = 'INSTRUCTED'"), "not a lawful transition"),
        (moved(draft, "number = 'FORGED'"), "a claim keeps number"),
        // Invariant 1, at approval.
        (moved(posted, "status = 'VERIFIED'"), "not a lawful transition"),
        (moved(objected, "status = 'APPROVED'"), "an objection is open"),
        // Invariant 1, at instruction.
        (moved(approved, "status = 'INSTRUCTED'"), "an objection is open"),
        (payment(posted, "INSTRUCTED", 1), "no completed notice"),
        (payment(draft, "INSTRUCTED", 1), "no completed notice"),
        (payment(approved, "INSTRUCTED", 1), "an objection is open"),
        // Nothing is paid that no payment paid.
        (moved(instructed, "status = 'PAID'"), "no settled payment"),
        (format!("UPDATE payment SET amount_fen = amount_fen + 1 WHERE claim_id = '{}'", instructed.id), "keeps amount and payee"),
        (format!("UPDATE payment SET status = 'INSTRUCTED' WHERE claim_id = '{}'", paid.id), "not the course of a payment"),
        (format!("UPDATE notice SET content_hash = 'forged' WHERE claim_id = '{}'", paid.id), "immutable"),
        (format!("UPDATE notice SET proofs_min = 0 WHERE claim_id = '{}'", posted.id), "immutable"),
        (format!("UPDATE notice SET status = 'OPEN', closed_at = NULL WHERE claim_id = '{}'", paid.id), "not the course of a notice"),
        ("UPDATE county_head SET last_seq = 0".into(), "the log only grows"),
        (format!("UPDATE approval SET amount_fen = amount_fen + 1 WHERE claim_id = '{}'", approved.id), "stays as it was given"),
        (format!("UPDATE approval SET dossier_hash = '{}' WHERE claim_id = '{}'", "0".repeat(64), paid.id), "stays as it was given"),
        ("DELETE FROM approval".into(), "approval is never deleted"),
        ("UPDATE payee SET relation = 'GUARDIAN'".into(), "payee is insert-only"),
        ("UPDATE payee SET entered_by = NULL".into(), "payee is insert-only"),
        // Claims of an event form one line, each after the end of the one before.
        (follower(draft, "c.id", "c.id"), "not after an ended claim"),
        (follower(paid, "c.id", "(SELECT d.id FROM claim d WHERE d.status = 'DRAFT')"), "not after an ended claim"),
        (moved(draft, "follows_id = id, first_id = id"), "a claim keeps what it follows"),
        (format!("UPDATE living_event SET benefit_fen = 0 WHERE claim_id = '{}'", paid.id), "a living event is not changed"),
        ("UPDATE payee_check SET result = 'FAILED'".into(), "payee_check is insert-only"),
        ("DELETE FROM payee_check".into(), "payee_check is insert-only"),
        (
            "INSERT INTO payee_check SELECT p.county_code, p.id, 9, p.id, 'BANK_REPLY', 'PASSED', p.entered_by, NULL, '2020-06-01', NULL FROM payee p".into(),
            "whoever entered a payee",
        ),
        (
            format!(
                "INSERT INTO payee_check SELECT p.county_code, p.id, 9, p.id, 'BANK_REPLY', 'PASSED', '{}', p.entered_by, '2020-06-01', NULL FROM payee p",
                draft.id
            ),
            "whoever entered a payee",
        ),
        (
            "INSERT INTO claim SELECT county_code, '00000000-0000-7000-8000-000000000002', 'FORGED', 1, 'APPROVED', phase, peril, scheme_id, \
             insurer_id, household_id, insured_id, payee_id, village, event_on, policy_year, submitted_fen, assessed_fen, uplift_fen, \
             approved_fen, referrer_id, surveyor_id, approver_id, second_approver_id, payer_id, due_on, opened_at, updated_at, body, NULL, NULL \
             FROM claim WHERE status = 'APPROVED'".into(),
            "begins as a draft",
        ),
        ("DELETE FROM objection".into(), "objection is never deleted"),
        ("DELETE FROM notice".into(), "notice is never deleted"),
        ("DELETE FROM payment".into(), "payment is never deleted"),
        ("DELETE FROM credential".into(), "credential is never deleted"),
        // Invariant 13.
        (moved(refused, "status = 'REFUSAL_CLOSED'"), "a refusal ends with its letter"),
        (moved(told, "status = 'REFUSAL_CLOSED'"), "a refusal ends with its letter"),
        (moved(dismissed, "status = 'REFUSAL_CLOSED'"), "a dismissed appeal is told"),
        (moved(told, "status = 'APPEALED'"), "no appeal is open"),
        (moved(appealed, "status = 'ACCEPTED'"), "the appeal was not decided so"),
        (moved(appealed, "status = 'APPEAL_DISMISSED'"), "the appeal was not decided so"),
        (letter(draft, "REFUSAL", "updated_at"), "no letter is owed"),
        (letter(appealed, "APPEAL_DISMISSED", "NULL"), "no letter is owed"),
        (letter(refused, "APPEAL_DISMISSED", "NULL"), "no letter is owed"),
        (appeal(refused, "OPEN", "NULL, NULL"), "in its time"),
        (appeal(told, "UPHELD", "insurer_id, updated_at"), "an appeal begins open"),
        (format!("UPDATE appeal SET refused_by = lodged_by WHERE claim_id = '{}'", appealed.id), "as it was lodged"),
        (format!("UPDATE appeal SET decided_at = lodged_at WHERE claim_id = '{}'", dismissed.id), "as it was decided"),
        (decided(appealed, "(SELECT surveyor_id FROM claim c WHERE c.id = appeal.claim_id)"), "decided by another person"),
        ("DELETE FROM refusal_letter".into(), "is insert-only"),
        ("UPDATE refusal_letter SET delivered_on = due_on, content_hash = content_hash".into(), "is insert-only"),
        ("DELETE FROM appeal".into(), "appeal is never deleted"),
    ];
    for (table, column) in [
        ("transfer", "amount_fen = amount_fen + 1"),
        ("claim_event", "event = '{}'"),
        ("receipt", "fingerprint = 'forged'"),
        ("refusal", "code = 'FORGED'"),
        ("scheme", "body = '{}'"),
        ("payee", "account_no = '62284800000000'"),
    ] {
        attempts.push((format!("UPDATE {table} SET {column}"), "is insert-only"));
    }
    for table in ["transfer", "receipt", "refusal"] {
        attempts.push((format!("DELETE FROM {table}"), "is insert-only"));
    }
    attempts
}

fn by_constraint(cast: &Cast) -> Vec<Attempt> {
    let Cast {
        draft,
        posted,
        objected,
        approved,
        instructed,
        paid,
        refused,
        told: _,
        appealed,
        dismissed: _,
    } = cast;
    vec![
        // Invariant 2.
        (payment(instructed, "INSTRUCTED", 1), "unique constraint"),
        (payment(instructed, "INSTRUCTED", 0), "check constraint"),
        // Invariant 1: a notice closes when its term has run and it was proved.
        (format!("UPDATE notice SET status = 'CLOSED', closed_at = opened_at WHERE claim_id = '{}'", posted.id), "notice_ran"),
        (format!("UPDATE notice SET proofs = 0, status = 'CLOSED', closed_at = closes_at WHERE claim_id = '{}'", posted.id), "notice_ran"),
        // Invariant 3.
        (moved(approved, "status = 'APPROVED', approved_fen = assessed_fen + uplift_fen + 1"), "claim_within_assessment"),
        ("UPDATE pool_account SET balance_fen = -1 WHERE account = 'AVAILABLE'".into(), "pool_account_covered"),
        ("UPDATE running_total SET cap_fen = used_fen - 1".into(), "running_total_within_cap"),
        ("UPDATE running_total SET used_fen = -1".into(), "running_total_positive"),
        // Invariant 4.
        (moved(approved, "status = 'APPROVED', approver_id = surveyor_id"), "claim_surveyor_is_not_approver"),
        (moved(objected, "status = 'NOTICE_CLOSED', surveyor_id = referrer_id"), "claim_referrer_is_not_surveyor"),
        (moved(approved, "status = 'APPROVED', payer_id = approver_id"), "claim_approver_is_not_payer"),
        (decided(appealed, "refused_by"), "appeal_is_decided_by_another"),
        (decided(appealed, "lodged_by"), "another"),
        (decided(appealed, "NULL"), "appeal_decided"),
        // Invariant 13: only the letter of a refusal leaves a time for an appeal.
        (letter(refused, "REFUSAL", "NULL"), "refusal_letter_tells"),
        // Invariant 5.
        ("INSERT INTO transfer SELECT county_code, '00000000-0000-7000-8000-000000000003', scheme_id, debit, credit, 0, claim_id, county_seq, order_id, at FROM transfer".into(), "transfer_positive"),
        ("INSERT INTO transfer SELECT county_code, '00000000-0000-7000-8000-000000000003', scheme_id, debit, debit, 1, claim_id, county_seq, order_id, at FROM transfer".into(), "transfer_kind"),
        ("INSERT INTO transfer SELECT county_code, '00000000-0000-7000-8000-000000000003', scheme_id, debit, credit, 1, NULL, NULL, NULL, at FROM transfer".into(), "transfer_"),
        // Invariant 6.
        ("INSERT INTO claim_event SELECT county_code, county_seq + 1000, claim_id, version, kind, actor_id, at, event, seen, previous_hash, hash FROM claim_event".into(), "unique constraint"),
        // Invariant 10, and one living claim for one event.
        (format!("INSERT INTO living_event SELECT county_code, insured_id, peril, event_on, '{}', '{}', 0, 0, policy_year, 0, 0, 0, 0, 0, 0 FROM living_event WHERE claim_id = '{}'", draft.id, draft.id, paid.id), "claimed already"),
        // Claims of an event form one line.
        (follower(paid, "NULL", "c.id"), "claim_in_line"),
        (format!("{} UNION ALL {}", follower(paid, "c.id", "c.id"), following(paid, "c.household_id", "c.id", "c.id")), "unique constraint"),
        (format!("INSERT INTO bill SELECT county_code, bill_key, '{}' FROM bill", draft.id), "unique constraint"),
        (moved(draft, "status = 'NONSENSE'"), "not a lawful transition"),
        // An heir has papers.
        (
            "INSERT INTO payee (county_code, id, household_id, position, member_id, holder_name, bank, account_index, fingerprint, account_no, \
             relation, death_certificate) SELECT county_code, '00000000-0000-7000-8000-000000000004', household_id, 9, member_id, holder_name, \
             bank, account_index, 'forged', account_no, 'HEIR', 'seen' FROM payee LIMIT 1".into(),
            "heir",
        ),
    ]
}

on_both! {
    raw_sql_is_refused,
    without_the_triggers_it_goes_through,
    a_decided_objection_stays_decided,
    an_approval_needs_a_completed_notice,
    only_known_movements_move,
    an_order_takes_two_persons,
    an_approval_stands_behind_money,
    a_queue_keeps_its_order,
    a_recovery_is_what_was_paid,
}

async fn raw_sql_is_refused(db: &Db) {
    let cast = Box::pin(cast(db)).await;
    for (sql, words) in by_trigger(&cast).iter().chain(&by_constraint(&cast)) {
        db.refused(sql, words).await;
    }
    db.refused("DELETE FROM claim", "never deleted").await;
    db.refused("DELETE FROM claim_event", "insert-only").await;
    if db.is_postgres() {
        db.refused("TRUNCATE claim_event CASCADE", "insert-only")
            .await;
        db.refused("TRUNCATE claim CASCADE", "never deleted").await;
    } else {
        db.sure("PRAGMA recursive_triggers = ON").await;
        db.refused(
            "REPLACE INTO transfer SELECT * FROM transfer",
            "insert-only",
        )
        .await;
    }
}

/// What only a trigger holds goes through when the triggers are gone, so the test above shows them.
async fn without_the_triggers_it_goes_through(db: &Db) {
    let cast = Box::pin(cast(db)).await;
    db.without_triggers().await;
    for (sql, words) in by_trigger(&cast) {
        // A forged second payment of an unnoticed claim, a forged status: nothing else stops them.
        db.sure("BEGIN").await;
        let done = db.execute(&sql).await;
        db.sure("ROLLBACK").await;
        let done = done.unwrap_or_else(|fault| panic!("{sql}: {fault}"));
        assert!(done.rows_affected() > 0, "{words}: {sql}");
    }
}

async fn a_decided_objection_stays_decided(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let home = desk.world.households[0].clone();
    desk.refer(&home)
        .accept()
        .assign()
        .visit()
        .evaluate()
        .verify(yuan(41_200))
        .preview()
        .open_notice()
        .object()
        .dismiss()
        .await;
    db.refused(
        "UPDATE objection SET status = 'OPEN', resolved_at = NULL",
        "stays decided",
    )
    .await;
}

async fn an_approval_needs_a_completed_notice(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let home = desk.world.households[0].clone();
    let posted = desk
        .refer(&home)
        .accept()
        .assign()
        .visit()
        .evaluate()
        .verify(yuan(41_200))
        .preview()
        .open_notice()
        .prove()
        .await;
    // Forging the claim's status alone does not help: the notice itself must have run.
    db.sure(&moved(&posted, "status = 'NOTICE_CLOSED'")).await;
    db.refused(
        &moved(&posted, "status = 'APPROVED'"),
        "no completed notice",
    )
    .await;
}

/// No approved claim without an approval of its sum and payee, of a dossier, by two different persons where there
/// are two; no payment of another sum than stands approved.
async fn an_approval_stands_behind_money(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let through = |number: usize| {
        let referred = desk.refer(&desk.world.households[number]);
        referred.through_verification(yuan(41_200)).through_notice()
    };
    let (approved, closed) = (through(0).approve().await, through(1).await);
    for claim in [
        payment(&approved, "INSTRUCTED", 1),
        moved(&closed, "status = 'APPROVED'"),
    ] {
        db.refused(&claim, "no standing approval").await;
    }
    let sum = approved.approved_amount().map_or(0, benefits::Fen::get);
    let forged = |hash: &str, by: &str, second: &str, amount: i64| {
        format!(
            "INSERT INTO approval (county_code, claim_id, approved_at, approved_on, household_id, amount_fen, payee_id, dossier_hash, \
             approved_by, approved_for, second_by) SELECT county_code, id, updated_at, event_on, household_id, {amount}, payee_id, \
             '{hash}', {by}, surveyor_id, {second} FROM claim WHERE id = '{}'",
            closed.id
        )
    };
    let hash = "0".repeat(64);
    let (one, two) = ("referrer_id", "insured_id");
    db.refused(&forged("seen", one, "NULL", sum), "approval_of_dossier")
        .await;
    for second in [one, "surveyor_id"] {
        db.refused(&forged(&hash, one, second, sum), "approval_two_persons")
            .await;
    }
    db.sure(&forged(&hash, one, two, 1)).await;
    db.refused(&forged(&hash, one, two, 1), "unique constraint")
        .await;
    // Of another sum than the claim's.
    let change = "status = 'APPROVED', approved_fen = assessed_fen";
    db.refused(&moved(&closed, change), "no standing approval")
        .await;
}

/// The database knows the movements of `lifecycle`, no more and no less.
async fn only_known_movements_move(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let home = desk.world.households[0].clone();
    desk.refer(&home).await;
    let pool = desk.world.scheme.id;
    for from in PoolAccount::ALL {
        for to in PoolAccount::ALL {
            for of_claim in [true, false] {
                let origin = if of_claim {
                    "(SELECT id FROM claim), 1, NULL"
                } else {
                    "NULL, NULL, o.id"
                };
                let sql = format!(
                    "INSERT INTO transfer SELECT o.county_code, '{}', o.scheme_id, '{from}', '{to}', 1, {origin}, o.ordered_at \
                     FROM pool_order o WHERE o.scheme_id = '{pool}'",
                    ids::fresh()
                );
                let known = Movement::between(*from, *to);
                if known.is_some_and(|it| it.is_of_claim() == of_claim) {
                    db.sure(&sql).await;
                } else {
                    db.refused(&sql, "transfer_kind").await;
                }
            }
        }
    }
    db.refused(
        &format!("UPDATE pool_account SET account = 'ELSEWHERE' WHERE scheme_id = '{pool}'"),
        "check constraint",
    )
    .await;
}

/// An order begins with one person and is decided once, by another; money moves only by a posted one.
async fn an_order_takes_two_persons(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let (pool, id, one, two) = (
        desk.world.scheme.id,
        ids::fresh(),
        ids::fresh(),
        ids::fresh(),
    );
    let order = |status: &str, by: &str| {
        format!(
            "INSERT INTO pool_order SELECT county_code, '{id}', scheme_id, 'TOP_UP', 100, 'r', 'r', '{one}', NULL, ordered_at, '{status}', \
             {by}, NULL FROM pool_order WHERE scheme_id = '{pool}'"
        )
    };
    let posted = format!("'{two}', NULL, ordered_at, 1");
    db.refused(&order("POSTED", &posted), "begins with one person")
        .await;
    db.sure(&order("PENDING", "NULL, NULL, NULL, NULL")).await;
    let transfer = format!(
        "INSERT INTO transfer SELECT county_code, '{}', scheme_id, 'TOP_UP', 'AVAILABLE', 100, NULL, NULL, id, ordered_at \
         FROM pool_order WHERE id = '{id}'",
        ids::fresh()
    );
    db.refused(&transfer, "no posted order").await;
    let decide = |set: &str| format!("UPDATE pool_order SET {set} WHERE id = '{id}'");
    let by = |who: &str| {
        let stamp = "decided_at = ordered_at, county_seq = 1";
        decide(&format!("status = 'POSTED', decided_by = '{who}', {stamp}"))
    };
    db.refused(&by(&one.to_string()), "pool_order_two_persons")
        .await;
    db.refused(
        &decide("status = 'POSTED', county_seq = 1"),
        "pool_order_decided",
    )
    .await;
    let other = by(&two.to_string());
    db.refused(
        &other.replace("status =", "amount_fen = 200, status ="),
        "keeps its content",
    )
    .await;
    db.sure(&other).await;
    db.sure(&transfer).await;
    for set in ["status = 'VOIDED', county_seq = NULL", "status = 'PENDING'"] {
        db.refused(&decide(set), "stays decided").await;
    }
    db.refused(
        &format!("DELETE FROM pool_order WHERE id = '{id}'"),
        "never deleted",
    )
    .await;
}

/// Nobody overtakes: with money there, raw SQL reserves for the first that waits only.
async fn a_queue_keeps_its_order(db: &Db) {
    let mut world = World::new();
    world.pool = yuan(25_340);
    let desk = TestDesk::open_with(Arc::new(db.store.clone()), world).await;
    let noticed = |number: usize| {
        let referred = desk.refer(&desk.world.households[number]);
        referred.through_verification(yuan(41_200)).through_notice()
    };
    let approved = noticed(0).approve().await;
    let first = noticed(1).approve().await;
    let second = noticed(2).approve().await;
    let new = noticed(3).await;
    desk.on(&approved).withdraw().await;
    let reserve = |claim: &Claim| moved(claim, "status = 'APPROVED', approved_fen = assessed_fen");
    for claim in [&second, &new] {
        db.refused(&reserve(claim), "a claim waits before this one")
            .await;
    }
    let own = |set: &str| {
        format!(
            "UPDATE pool_queue SET {set} WHERE claim_id = '{}'",
            second.id
        )
    };
    for set in [
        "rank = ' '",
        "amount_fen = 1",
        "left_at = queued_at, rank = ' '",
    ] {
        db.refused(&own(set), "not the course of a queue").await;
    }
    db.refused("DELETE FROM pool_queue", "never deleted").await;
    desk.on(&first).reserve_waiting().await;
    db.without_triggers().await;
    db.sure(&reserve(&second)).await;
    db.sure(&reserve(&new)).await;
}

/// What came back and what was written off is never more than was paid, at the end exactly that, and told by
/// others than the payer.
async fn a_recovery_is_what_was_paid(db: &Db) {
    let desk = TestDesk::open(Arc::new(db.store.clone())).await;
    let recovering = |number: usize| {
        let referred = desk.refer(&desk.world.households[number]);
        let verified = referred.through_verification(yuan(41_200));
        verified.through_notice().through_payout().start_recovery()
    };
    let one = recovering(0).recover_part(yuan(10_000)).await;
    let other = recovering(1).await;
    let line = |claim: &Claim, amount: i64, told: &str| {
        format!(
            "INSERT INTO recovery SELECT county_code, id, 9, {told}, NULL, updated_at FROM claim WHERE id = '{}'",
            claim.id
        )
        .replace("AMOUNT", &amount.to_string())
    };
    let stranger = ids::fresh();
    let back = format!("'INSTALMENT', AMOUNT, 'REF', NULL, NULL, '{stranger}'");
    let by_payer = "'INSTALMENT', AMOUNT, 'REF', NULL, NULL, payer_id";
    let off_by_payer = format!("'WRITE_OFF', AMOUNT, NULL, payer_id, NULL, '{stranger}'");
    let alone = format!("'WRITE_OFF', AMOUNT, NULL, '{stranger}', NULL, '{stranger}'");
    let taken =
        format!("'INSTALMENT', AMOUNT, (SELECT bank_ref FROM recovery), NULL, NULL, '{stranger}'");
    let rest = 1_534_000;
    let ended = |status: &str| moved(&one, &format!("status = '{status}'"));
    for (statement, words) in [
        (line(&one, rest + 1, &back), "more than was paid"),
        (line(&one, rest, by_payer), "told by whoever paid"),
        (line(&one, rest, &off_by_payer), "told by whoever paid"),
        (ended("RECOVERED"), "not what was paid"),
        (ended("WRITTEN_OFF"), "not what was paid"),
        (
            "UPDATE recovery SET amount_fen = 1".to_owned(),
            "insert-only",
        ),
        ("DELETE FROM recovery".to_owned(), "insert-only"),
    ] {
        db.refused(&statement, words).await;
    }
    // A constraint stands with or without triggers.
    db.without_triggers().await;
    db.refused(&line(&one, rest, &alone), "recovery_two_persons")
        .await;
    let unique = if db.is_postgres() {
        "unique constraint"
    } else {
        "UNIQUE constraint"
    };
    db.refused(&line(&other, 1, &taken), unique).await;
    db.sure(&line(&one, rest + 1, by_payer)).await;
    db.sure(&ended("RECOVERED")).await;
}
