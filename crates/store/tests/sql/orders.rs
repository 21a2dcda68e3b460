//! The five orders of steps, each as its scheme file says, on either database.

use crate::on_both;
use crate::support::Db;
use engine::testkit::orders::ORDERS;
use std::sync::Arc;

on_both! {
    order_a_is_paid,
    order_b_is_paid,
    order_c_is_paid,
    order_d_is_paid,
    order_e_is_paid,
}

async fn walk(db: &Db, order: usize) {
    ORDERS[order].walk(Arc::new(db.store.clone())).await;
}

async fn order_a_is_paid(db: &Db) {
    walk(db, 0).await;
}

async fn order_b_is_paid(db: &Db) {
    walk(db, 1).await;
}

async fn order_c_is_paid(db: &Db) {
    walk(db, 2).await;
}

async fn order_d_is_paid(db: &Db) {
    walk(db, 3).await;
}

async fn order_e_is_paid(db: &Db) {
    walk(db, 4).await;
}
