//! The schema: up, down, up; the same on both databases; the county leads every primary key and
//! stands in every unique one.

use crate::support::Db;
use std::collections::BTreeMap;

const SQLITE_COLUMNS: &str = "SELECT m.name AS one, p.name AS other FROM sqlite_schema m JOIN pragma_table_info(m.name) p \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid";
const POSTGRES_COLUMNS: &str = "SELECT table_name::text AS one, column_name::text AS other FROM information_schema.columns \
     WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";

const SQLITE_KEYS: &str = "SELECT m.name || ' ' || l.name AS one, i.name AS other FROM sqlite_schema m \
     JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i \
     WHERE m.type = 'table' AND l.\"unique\" = 1 ORDER BY m.name, l.name, i.seqno";
const POSTGRES_KEYS: &str = "SELECT t.relname || ' ' || c.relname AS one, a.attname::text AS other FROM pg_index x \
     JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class c ON c.oid = x.indexrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public' \
     CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (number, place) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
     WHERE x.indisunique ORDER BY t.relname, c.relname, k.place";

const SQLITE_REFERENCES: &str = "SELECT m.name || ' ' || f.id AS one, f.\"from\" AS other FROM sqlite_schema m \
     JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq";
const POSTGRES_REFERENCES: &str = "SELECT t.relname || ' ' || c.conname AS one, a.attname::text AS other FROM pg_constraint c \
     JOIN pg_class t ON t.oid = c.conrelid \
     CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
     WHERE c.contype = 'f' ORDER BY t.relname, c.conname, k.place";

const SQLITE_INDEXES: &str = "SELECT name AS one, tbl_name AS other FROM sqlite_schema \
     WHERE type = 'index' AND name NOT LIKE 'sqlite_autoindex%' ORDER BY name";
const POSTGRES_INDEXES: &str = "SELECT indexname::text AS one, tablename::text AS other FROM pg_indexes \
     WHERE schemaname = 'public' AND indexname !~ '(_pkey|_key)$' ORDER BY indexname";

const SQLITE_CLAIM_INDEXES: &str = "SELECT name AS one, coalesce(sql, '') AS other FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'claim'";
const POSTGRES_CLAIM_INDEXES: &str =
    "SELECT indexname::text AS one, indexdef AS other FROM pg_indexes WHERE tablename = 'claim'";

/// What belongs to the installation, not to a county.
const OF_THE_INSTALLATION: &[&str] = &[
    "login",
    "subject",
    "attempt",
    "setup_link",
    "lawful_transition",
    "seaql_migrations",
];

type Snapshot = BTreeMap<String, Vec<String>>;

async fn snapshot(db: &Db, sqlite: &str, postgres: &str) -> Snapshot {
    let sql = if db.is_postgres() { postgres } else { sqlite };
    let mut snapshot = Snapshot::new();
    for row in db.rows(sql).await {
        let one: String = row.try_get("", "one").expect("a name");
        let other: String = row.try_get("", "other").expect("a name");
        snapshot.entry(one).or_default().push(other);
    }
    snapshot
}

async fn columns(db: &Db) -> Snapshot {
    snapshot(db, SQLITE_COLUMNS, POSTGRES_COLUMNS).await
}

async fn up_down_up(db: Db) -> (Snapshot, Snapshot) {
    let steps = migrations::STEPS.len();
    assert!(
        db.store
            .migrations()
            .await
            .expect("reading")
            .iter()
            .all(|step| !step.applied)
    );
    db.store.migrate().await.expect("up");
    let first = columns(&db).await;
    // One by one, so that each step is seen to undo itself.
    for left in (0..steps).rev() {
        db.store.migrate_down(1).await.expect("down");
        let states = db.store.migrations().await.expect("reading");
        assert_eq!(states.iter().filter(|step| step.applied).count(), left);
    }
    let empty = columns(&db).await;
    assert_eq!(empty.keys().collect::<Vec<_>>(), ["seaql_migrations"]);
    db.store.migrate().await.expect("up again");
    db.store.migrate().await.expect("nothing to do");
    let second = columns(&db).await;
    assert_eq!(first, second);
    let indexes = snapshot(&db, SQLITE_INDEXES, POSTGRES_INDEXES).await;
    db.close().await;
    (second, indexes)
}

#[tokio::test]
async fn up_down_up_and_the_same_on_both() {
    let sqlite = up_down_up(Db::sqlite_empty().await).await;
    let postgres = up_down_up(Db::postgres_empty().await).await;
    assert!(sqlite.0.len() > 25, "{:?}", sqlite.0.keys());
    assert_eq!(sqlite, postgres);
}

/// Whoever only looks says which schema it needs, and changes nothing.
async fn another_schema_is_told(db: Db) {
    let look = async || {
        let store = store::connect_snapshot(&db.url).await.expect("connecting");
        store.expect_current_schema().await
    };
    let told = |looked: Result<(), engine::Fault>| looked.expect_err("another").to_string();
    assert!(told(look().await).contains("no schema of fangpin"));
    db.store.migrate().await.expect("up");
    look().await.expect("its own");
    db.store.migrate_down(1).await.expect("down");
    let older = told(look().await);
    let last = migrations::STEPS.last().expect("a step").name;
    assert!(older.contains("older") && older.contains(last), "{older}");
    db.store.migrate().await.expect("up");
    db.sure("INSERT INTO seaql_migrations (version, applied_at) VALUES ('9999_future', 0)")
        .await;
    let newer = told(look().await);
    assert!(
        newer.contains("newer") && newer.contains("9999_future"),
        "{newer}"
    );
    db.close().await;
}

#[tokio::test]
async fn another_schema_is_told_on_sqlite() {
    another_schema_is_told(Db::sqlite_empty().await).await;
}

#[tokio::test]
async fn another_schema_is_told_on_postgres() {
    another_schema_is_told(Db::postgres_empty().await).await;
}

#[tokio::test]
async fn two_processes_migrate_at_once() {
    let db = Db::postgres_empty().await;
    let other = store::connect(&db.url).await.expect("connecting");
    let (one, two) = tokio::join!(db.store.migrate(), other.migrate());
    one.expect("the one");
    two.expect("the other");
    drop(other);
    db.close().await;
}

async fn the_county_leads(db: Db) {
    for (table, columns) in columns(&db).await {
        if !OF_THE_INSTALLATION.contains(&table.as_str()) {
            assert_eq!(columns[0], "county_code", "{table}");
        }
    }
    let mut keys = snapshot(&db, SQLITE_KEYS, POSTGRES_KEYS).await;
    if !db.is_postgres() {
        // A key that is one INTEGER column is SQLite's row id and has no index.
        keys.insert("county_head ".into(), vec!["county_code".into()]);
    }
    assert!(keys.len() > 25, "{keys:?}");
    for (key, columns) in keys {
        let table = key.split(' ').next().unwrap_or_default();
        if !OF_THE_INSTALLATION.contains(&table) {
            assert!(columns.iter().any(|it| it == "county_code"), "{key}");
        }
    }
    let references = snapshot(&db, SQLITE_REFERENCES, POSTGRES_REFERENCES).await;
    assert!(references.len() > 15, "{references:?}");
    for (reference, columns) in references {
        assert_eq!(columns[0], "county_code", "{reference}");
    }
    for (index, text) in snapshot(&db, SQLITE_CLAIM_INDEXES, POSTGRES_CLAIM_INDEXES).await {
        assert!(
            !text.join(" ").contains("status"),
            "{index}: status is in no index of claim"
        );
    }
    db.close().await;
}

#[tokio::test]
async fn the_county_leads_every_key_on_sqlite() {
    the_county_leads(Db::sqlite().await).await;
}

#[tokio::test]
async fn the_county_leads_every_key_on_postgres() {
    the_county_leads(Db::postgres().await).await;
}
