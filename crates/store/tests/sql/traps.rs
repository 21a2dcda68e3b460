//! Traps that were measured, each shown with and without what closes it.

use crate::support::Db;
use chrono::Duration;
use engine::pool::{Pools, fund_pool};
use engine::testkit::world::{World, county};
use engine::{Clock, ids};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// Polls a future a few times and drops it, as a closing socket would.
async fn abandon(polls: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let done = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if done.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Abandons many BEGINs, writes once, and says whether another connection sees the write.
async fn write_after_abandoned_begins(connection: &DatabaseConnection, db: &Db) -> i64 {
    let mut seen = 0;
    for round in 0..20 {
        for polls in 1..4 {
            abandon(polls, connection.begin()).await;
        }
        let id = ids::fresh();
        connection
            .execute_unprepared(&format!(
                "INSERT INTO org (county_code, id, name, kind) VALUES (130302, '{id}', 'round {round}', 'OFFICE')"
            ))
            .await
            .expect("acknowledged");
        seen += db
            .number(&format!("SELECT count(*) FROM org WHERE id = '{id}'"))
            .await;
    }
    seen
}

#[tokio::test]
async fn an_abandoned_begin_loses_no_acknowledged_write() {
    let db = Db::postgres().await;
    let mut naive = ConnectOptions::new(&db.url);
    naive
        .max_connections(1)
        .test_before_acquire(false)
        .sqlx_logging(false);
    let naive = Database::connect(naive).await.expect("connecting");
    let lost = 20 - write_after_abandoned_begins(&naive, &db).await;
    assert!(lost > 0, "the trap is gone from sqlx; the hook may go too");
    naive.close().await.expect("closing");
    let guarded = store::writer_for_tests(&db.url).await.expect("connecting");
    let seen = write_after_abandoned_begins(&guarded, &db).await;
    assert_eq!(seen, 20, "acknowledged writes were lost");
    guarded.close().await.expect("closing");
    db.close().await;
}

async fn read_then_write(connection: &DatabaseConnection) -> bool {
    let work = async {
        let transaction = connection.begin().await?;
        transaction
            .execute_unprepared("SELECT count(*) FROM region")
            .await?;
        tokio::task::yield_now().await;
        transaction
            .execute_unprepared("UPDATE region SET name = name || '.'")
            .await?;
        transaction.commit().await
    };
    let work: Result<(), sea_orm::DbErr> = work.await;
    work.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_sqlite_file_never_fail() {
    let db = Db::sqlite().await;
    let world = World::new();
    world.seed(&db.store).await.expect("seeding");
    // Without: deferred transactions that read first fail when another one wrote meanwhile.
    let mut failed = 0;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let naive = ConnectOptions::new(&db.url);
        let naive = Database::connect(naive).await.expect("connecting");
        tasks.push(tokio::spawn(async move {
            let mut failed = 0;
            for _ in 0..25 {
                failed += u32::from(!read_then_write(&naive).await);
            }
            failed
        }));
    }
    for task in tasks {
        failed += task.await.expect("a task");
    }
    assert!(failed > 0, "the trap is gone; IMMEDIATE may go too");
    // With: eight stores on the same file, all writing after reading.
    let mut tasks = Vec::new();
    for number in 0..8_u32 {
        let other = store::connect(&db.url, crate::support::keys())
            .await
            .expect("connecting");
        let scheme = world.scheme.id;
        tasks.push(tokio::spawn(async move {
            let at = engine::SystemClock.now() + Duration::seconds(1);
            for _ in 0..25 {
                let amount = benefits::Fen::new(i64::from(number) + 1);
                let reference = ids::fresh().to_string();
                let funded = fund_pool(&other, county(), scheme, amount, &reference, at);
                funded.await.expect("funding").expect("it comes in");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a task");
    }
    let expected = world.pool.get() + 25 * (1..=8).sum::<i64>();
    let pool = db
        .store
        .pool(county(), world.scheme.id)
        .await
        .expect("pool");
    assert_eq!(pool.available.get(), expected);
    db.close().await;
}
