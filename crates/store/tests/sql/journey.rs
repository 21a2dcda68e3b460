//! Whole stories through the real desk, on either database.

use crate::on_both;
use crate::support::Db;
use engine::testkit::world::{Expect, TestDesk, yuan};
use std::sync::Arc;

async fn desk(db: &Db) -> TestDesk {
    TestDesk::open(Arc::new(db.store.clone())).await
}

on_both! {
    a_draft_is_referred_and_accepted,
    a_case_is_paid,
    a_story_with_objection_return_and_recovery,
}

async fn a_draft_is_referred_and_accepted(db: &Db) {
    let desk = desk(db).await;
    let household = desk.world.household("石门寨").clone();
    desk.refer(&household).accept().await;
    let report = desk.expect_sound().await;
    assert_eq!((report.events, report.claims), (3, 1));
    assert_eq!(db.number("SELECT count(*) FROM living_event").await, 1);
    assert_eq!(db.number("SELECT count(*) FROM receipt").await, 3);
}

async fn a_case_is_paid(db: &Db) {
    let desk = desk(db).await;
    let household = desk.world.household("石门寨").clone();
    desk.refer(&household)
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
        .approve()
        .instruct()
        .confirm()
        .await
        .expect_paid(yuan(25_340));
    desk.expect_sound().await;
}

async fn a_story_with_objection_return_and_recovery(db: &Db) {
    let desk = desk(db).await;
    let household = desk.world.household("石门寨").clone();
    let other = household.payees[1].id;
    let paid = desk
        .refer(&household)
        .accept()
        .assign()
        .visit()
        .evaluate()
        .verify(yuan(41_200))
        .preview()
        .open_notice()
        .object()
        .uphold()
        .visit()
        .evaluate()
        .verify(yuan(31_200))
        .preview()
        .open_notice()
        .prove()
        .pass_days(6)
        .close_notice()
        .approve()
        .change_payee(other)
        .confirm_payee()
        .visit()
        .evaluate()
        .verify(yuan(31_200))
        .preview()
        .open_notice()
        .prove()
        .pass_days(6)
        .close_notice()
        .approve()
        .instruct()
        .fail()
        .reinstate()
        .instruct()
        .mark_unknown()
        .reconcile_settled()
        .give_money_back()
        .object()
        .dismiss()
        .reinstate()
        .instruct()
        .confirm()
        .await;
    paid.expect_paid(yuan(18_340));
    desk.expect_sound().await;
    let notices = "SELECT count(*) FROM notice WHERE status = ";
    assert_eq!(db.number(&format!("{notices}'VOID'")).await, 2);
    assert_eq!(db.number(&format!("{notices}'CLOSED'")).await, 1);
    assert_eq!(db.number("SELECT count(*) FROM payment").await, 3);
    assert_eq!(
        db.number("SELECT max(used_fen) FROM running_total").await,
        1_834_000
    );
    let recovered = desk.on(&paid).archive().start_recovery().recover().await;
    assert!(!recovered.status().is_living());
    desk.expect_sound().await;
    assert_eq!(
        db.number("SELECT max(used_fen) FROM running_total").await,
        0
    );
    assert_eq!(db.number("SELECT count(*) FROM living_event").await, 0);
    assert_eq!(db.number("SELECT count(*) FROM bill").await, 0);
    assert_eq!(desk.pool().await.available, desk.world.pool);
}
