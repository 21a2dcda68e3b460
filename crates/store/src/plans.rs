//! No statement of the write path reads a whole table, not even one planned while it was empty.

use crate::connect::{SqlStore, connect};
use crate::dialect::Dialect;
use crate::lane::{self, Lane};
use crate::seal::Keyring;
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::sync::Arc;

async fn explain(store: &SqlStore, prefix: &str, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(store.core.dialect.backend(), format!("{prefix} {sql}"));
    // As a round of commands does it, policies included.
    let lane = Lane::Judge(engine::testkit::Role::Handler.caller().scope);
    lane::round(lane, store.core.writer.query_all_raw(statement))
        .await
        .unwrap_or_else(|fault| panic!("{sql}: {fault}"))
}

#[tokio::test]
async fn sqlite_reads_by_key() {
    let store = connect("sqlite::memory:", Arc::new(Keyring::none()))
        .await
        .expect("connecting");
    store.migrate().await.expect("migrating");
    for (sql, _) in store.core.texts.lookups() {
        for row in explain(&store, "EXPLAIN QUERY PLAN", sql).await {
            let detail: String = row.try_get("", "detail").expect("a plan");
            let of_parameter = detail.contains("json_each") || detail.contains("VIRTUAL TABLE");
            assert!(
                !detail.starts_with("SCAN")
                    || of_parameter
                    || detail == "SCAN r"
                    || detail == "SCAN a",
                "{detail}\n{sql}"
            );
        }
    }
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests/run hands the server over in the environment"
)]
async fn postgres_reads_by_key() {
    let url = std::env::var("FANGPIN_TEST_POSTGRES")
        .expect("FANGPIN_TEST_POSTGRES is not set: run through tests/run, which starts a server");
    let admin = sea_orm::Database::connect(&url).await.expect("connecting");
    let name = format!("fangpin_{}", engine::ids::fresh().simple());
    let create = format!("CREATE DATABASE {name}");
    admin.execute_unprepared(&create).await.expect("creating");
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    let store = connect(&format!("{server}/{name}"), Arc::new(Keyring::none()))
        .await
        .expect("connecting");
    store.migrate().await.expect("migrating");
    let texts = &store.core.texts;
    for (sql, parameters) in texts.lookups().into_iter().chain([(texts.round(), 9)]) {
        // Written in place of the parameters, in the order of their places from the last.
        let filled = (1..=parameters).rev().fold(sql.to_owned(), |sql, place| {
            let id = "scheme_id = '00000000-0000-0000-0000-000000000001'";
            sql.replace(&format!("scheme_id = ${place}"), id)
                .replace(&format!("${place}::jsonb"), "'[]'::jsonb")
                .replace(&format!("${place}::timestamptz"), "now()")
                .replace(&format!("${place}"), "'1'")
        });
        let plan: Vec<String> = explain(&store, "EXPLAIN (COSTS OFF)", &filled)
            .await
            .iter()
            .map(|row| row.try_get_by_index(0).expect("a plan"))
            .collect();
        for (index, line) in plan.iter().enumerate() {
            assert!(!line.contains("Seq Scan"), "{sql}\n{}", plan.join("\n"));
            if line.contains("Index") && line.contains("Scan using") {
                let next = plan.get(index + 1).map_or("", String::as_str);
                assert!(next.contains("Index Cond"), "{line}\n{}", plan.join("\n"));
            }
        }
    }
    assert_eq!(store.core.dialect, Dialect::Postgres);
    drop(store);
    let remove = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.execute_unprepared(&remove).await.expect("dropping");
}
