//! The keys of what is private: which one seals a county's values, going over to another one beside a
//! server at work, and sealing what an older program left in the clear.

use crate::connect::{Core, SqlStore, commit, execute};
use crate::dialect::Dialect;
use crate::household::{ACCOUNT, ID_NUMBER, Sealing, account_of, id_number_of, unsalted};
use crate::registry::failed;
use crate::rows;
use crate::seal::{KeyId, Place};
use engine::Fault;
use lifecycle::CountyCode;
use migrations::STEPS;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// A column of sealed values: table, column, and the column whose id is sealed in with each. Writing
/// to one takes the county's lock.
pub(crate) const SEALED: &[(&str, &str, &str)] = &[
    ("member", "id_number", "id"),
    ("payee", "account_no", "id"),
    ("household", "phone", "id"),
    ("diagnosis", "sealed", "claim_id"),
    ("second_factor", "secret", "account_id"),
    ("webhook_key", "sealed", "id"),
];

/// An index beside a sealed column, and what it is made of.
struct Indexed {
    table: &'static str,
    index: &'static str,
    column: &'static str,
    field: &'static str,
    place: fn(CountyCode, Uuid) -> Place,
}

const INDEXED: [Indexed; 2] = [
    Indexed {
        table: "member",
        index: "id_index",
        column: "id_number",
        field: ID_NUMBER,
        place: id_number_of,
    },
    Indexed {
        table: "payee",
        index: "account_index",
        column: "account_no",
        field: ACCOUNT,
        place: account_of,
    },
];

/// Rows sealed anew under one lock: a few milliseconds, between which commands go on.
const BATCH: u32 = 500;
/// The step that brings sealing.
const STEP: &str = "0014_private";
/// The step that brings the secrets of webhooks.
const HOOKS: &str = "0016_hooks";

/// What a key is used for in a county.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// County.
    pub county: CountyCode,
    /// The key.
    pub key: KeyId,
    /// Whether new values of the county are sealed under it.
    pub seals: bool,
    /// Whether the county's indexes are made with it.
    pub indexes: bool,
    /// Values sealed under it.
    pub values: u64,
}

/// What going over to another key did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Values sealed anew.
    pub values: u64,
    /// Indexes made anew.
    pub indexes: u64,
}

/// A row of a sealed column, as it is read and written again.
struct Row {
    id: Uuid,
    text: String,
}

fn row_of(found: &QueryResult) -> Result<Row, Fault> {
    Ok(Row {
        id: rows::sure_id(found, "id")?,
        text: rows::get(found, "text")?,
    })
}

impl Core {
    /// Writes columns of rows of a county, found by one id column.
    async fn rewrite(
        &self,
        transaction: &DatabaseTransaction,
        table: &'static str,
        id: &str,
        columns: &[&str],
        county: CountyCode,
        list: Vec<(Uuid, Vec<String>)>,
    ) -> Result<(), Fault> {
        let written = list.len();
        let list: Vec<Json> = list
            .into_iter()
            .map(|(row, values)| {
                let mut object = Map::new();
                object.insert("county_code".into(), county.get().into());
                object.insert(id.to_owned(), row.to_string().into());
                for (column, value) in columns.iter().zip(values) {
                    object.insert((*column).to_owned(), value.into());
                }
                Json::Object(object)
            })
            .collect();
        let set: Vec<(&str, String)> = columns
            .iter()
            .map(|column| (*column, format!("r.{column}")))
            .collect();
        let set: Vec<(&str, &str)> = set
            .iter()
            .map(|(column, value)| (*column, value.as_str()))
            .collect();
        let update = self
            .dialect
            .update(1, table, &["county_code", id], &set, columns, "true");
        let statement = self
            .dialect
            .statement(&update, [Json::Array(list).to_string().into()]);
        let touched = execute(transaction, table, statement).await?;
        rows::sure(table, touched, written)
    }

    async fn batch(
        &self,
        transaction: &DatabaseTransaction,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Fault> {
        let select = self.dialect.statement(sql, values);
        let found = transaction
            .query_all_raw(select)
            .await
            .map_err(failed("reading private values"))?;
        found.iter().map(row_of).collect()
    }

    /// The id that nothing comes before.
    fn before_all(&self) -> Value {
        self.dialect.id(Uuid::nil())
    }
}

impl SqlStore {
    /// Every key that a county of this database needs must be held, and be the right one.
    pub async fn expect_keys(&self) -> Result<(), Fault> {
        for county in self.sealed_counties(&self.core.reader).await? {
            self.core.sealing_of(&self.core.reader, county).await?;
        }
        Ok(())
    }

    /// The names of the keys this database needs; none in one of an older program.
    pub async fn keys_needed(&self) -> Result<Vec<KeyId>, Fault> {
        let applied = self.migrations().await?;
        if !applied.iter().any(|it| it.name == STEP && it.applied) {
            return Ok(Vec::new());
        }
        let mut needed: Vec<KeyId> = self
            .key_uses()
            .await?
            .into_iter()
            .map(|it| it.key)
            .collect();
        needed.sort();
        needed.dedup();
        Ok(needed)
    }

    async fn sealed_counties<C: ConnectionTrait>(
        &self,
        connection: &C,
    ) -> Result<Vec<CountyCode>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT county_code FROM private_head ORDER BY county_code",
            [],
        );
        let found = connection
            .query_all_raw(select)
            .await
            .map_err(failed("reading which counties hold private values"))?;
        found
            .iter()
            .map(|row| rows::county_of("private_head", rows::get(row, "county_code")?))
            .collect()
    }

    /// Which keys are used, where and for what.
    pub async fn key_uses(&self) -> Result<Vec<KeyUse>, Fault> {
        let dialect = self.core.dialect;
        let mut uses: Vec<KeyUse> = Vec::new();
        let mut entry = |county, key: &str| -> usize {
            let key = KeyId::named(key);
            let known = uses
                .iter()
                .position(|it| it.county == county && it.key == key);
            known.unwrap_or_else(|| {
                uses.push(KeyUse {
                    county,
                    key,
                    seals: false,
                    indexes: false,
                    values: 0,
                });
                uses.len() - 1
            })
        };
        let mut found = Vec::new();
        let heads = dialect.statement(
            "SELECT county_code, seal_key, index_key FROM private_head ORDER BY county_code",
            [],
        );
        for row in self.all("reading keys in use", heads).await? {
            let county = rows::county_of("private_head", rows::get(&row, "county_code")?)?;
            let seal: String = rows::get(&row, "seal_key")?;
            let index: String = rows::get(&row, "index_key")?;
            found.push((entry(county, &seal), true, false, 0));
            found.push((entry(county, &index), false, true, 0));
        }
        let key = "substr({column}, 4, 8)";
        let applied = self.migrations().await?;
        let has_hooks = applied.iter().any(|it| it.name == HOOKS && it.applied);
        for (table, column, _) in SEALED {
            // A database of an older program is looked at before it is migrated.
            if *table == "webhook_key" && !has_hooks {
                continue;
            }
            let key = key.replace("{column}", column);
            let select = dialect.statement(
                &format!(
                    "SELECT county_code, {key} AS key, count(*) AS many FROM {table} \
                     WHERE {column} IS NOT NULL GROUP BY county_code, {key}"
                ),
                [],
            );
            for row in self.all("counting values under keys", select).await? {
                let county = rows::county_of(table, rows::get(&row, "county_code")?)?;
                let key: String = rows::get(&row, "key")?;
                let many: i64 = rows::get(&row, "many")?;
                found.push((entry(county, &key), false, false, many));
            }
        }
        for (at, seals, indexes, many) in found {
            let one = &mut uses[at];
            one.seals |= seals;
            one.indexes |= indexes;
            one.values += many.unsigned_abs();
        }
        Ok(uses)
    }

    /// Goes over to the newest key: from now on values are sealed under it; then every value is sealed
    /// anew, some hundred at a time, so that a server goes on beside it; at last the county's indexes are
    /// made anew, in one transaction, so that no person can be registered twice meanwhile. What a
    /// kill interrupts is taken up by the next call.
    pub async fn rotate(&self, county: CountyCode) -> Result<Rotated, Fault> {
        let to = self.core.keys.newest()?;
        let mut done = Rotated::default();
        let (transaction, _) = self.core.begin_county(county).await?;
        let sealing = self.core.sealing(&transaction, county).await?;
        if sealing.seal != to {
            let probe = self.core.probe(county, &to)?;
            self.change(
                &transaction,
                "private_head",
                "UPDATE private_head SET seal_key = $2, probe = $3 WHERE county_code = $1",
                [rows::county(county), to.as_str().into(), probe.into()],
            )
            .await?;
        }
        commit(transaction).await?;
        for (table, column, id) in SEALED {
            done.values += self.seal_anew(county, &to, table, column, id).await?;
        }
        let (transaction, _) = self.core.begin_county(county).await?;
        let sealing = self.core.sealing(&transaction, county).await?;
        if sealing.index != to {
            let sealing = Sealing {
                index: to.clone(),
                ..sealing
            };
            for indexed in &INDEXED {
                done.indexes += self.index_anew(&transaction, &sealing, indexed).await?;
            }
            self.change(
                &transaction,
                "private_head",
                "UPDATE private_head SET index_key = $2 WHERE county_code = $1",
                [rows::county(county), to.as_str().into()],
            )
            .await?;
        }
        commit(transaction).await?;
        Ok(done)
    }

    async fn seal_anew(
        &self,
        county: CountyCode,
        to: &KeyId,
        table: &'static str,
        column: &'static str,
        id: &str,
    ) -> Result<u64, Fault> {
        let core = &self.core;
        let sql = format!(
            "SELECT CAST({id} AS TEXT) AS id, {column} AS text FROM {table} \
             WHERE county_code = $1 AND {id} > $2 AND {column} NOT LIKE $3 ORDER BY {id} LIMIT $4"
        );
        let mut after = core.before_all();
        let mut done = 0;
        loop {
            let (transaction, _) = core.begin_county(county).await?;
            let under = format!("{}{to}.%", crate::seal::FORM);
            let found = core
                .batch(
                    &transaction,
                    &sql,
                    vec![
                        rows::county(county),
                        after,
                        under.into(),
                        rows::count(BATCH),
                    ],
                )
                .await?;
            let Some(end) = found.last() else {
                return Ok(done);
            };
            after = core.dialect.id(end.id);
            let list = found
                .iter()
                .map(|row| {
                    let place = Place {
                        table,
                        column,
                        county,
                        row: row.id,
                    };
                    let plain = core.keys.open(&place, &row.text)?;
                    Ok((row.id, vec![core.keys.seal(to, &place, &plain)?]))
                })
                .collect::<Result<Vec<_>, Fault>>()?;
            done += u64::try_from(list.len()).unwrap_or_default();
            core.rewrite(&transaction, table, id, &[column], county, list)
                .await?;
            commit(transaction).await?;
        }
    }

    async fn index_anew(
        &self,
        transaction: &DatabaseTransaction,
        sealing: &Sealing,
        indexed: &Indexed,
    ) -> Result<u64, Fault> {
        let core = &self.core;
        let county = sealing.county;
        let Indexed {
            table,
            index,
            column,
            field,
            place: of,
        } = *indexed;
        let sql = format!(
            "SELECT CAST(id AS TEXT) AS id, {column} AS text FROM {table} \
             WHERE county_code = $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let mut after = core.before_all();
        let mut done = 0;
        loop {
            let values = vec![rows::county(county), after, rows::count(BATCH)];
            let found = core.batch(transaction, &sql, values).await?;
            let Some(end) = found.last() else {
                return Ok(done);
            };
            after = core.dialect.id(end.id);
            let list = found
                .iter()
                .map(|row| {
                    let text = core.keys.open(&of(county, row.id), &row.text)?;
                    Ok((row.id, vec![sealing.index(field, unsalted(&text).0)?]))
                })
                .collect::<Result<Vec<_>, Fault>>()?;
            done += u64::try_from(list.len()).unwrap_or_default();
            core.rewrite(transaction, table, "id", &[index], county, list)
                .await?;
        }
    }

    /// Seals what an older program wrote in the clear; how many values. Part of migrating.
    pub(crate) async fn seal_plain(&self, transaction: &DatabaseTransaction) -> Result<u64, Fault> {
        let core = &self.core;
        if core.dialect == Dialect::Postgres {
            // The owner of the tables sees no rows; the role goes with the transaction.
            transaction
                .execute_unprepared("SET LOCAL ROLE fangpin_system; SET LOCAL row_security = on")
                .await
                .map_err(failed("looking for values in the clear"))?;
        }
        let mut done = 0;
        for indexed in &INDEXED {
            let Indexed {
                table,
                index,
                column,
                field,
                place: of,
            } = *indexed;
            let counties = core.dialect.statement(
                &format!("SELECT DISTINCT county_code FROM {table} WHERE {column} IS NULL"),
                [],
            );
            let counties = transaction
                .query_all_raw(counties)
                .await
                .map_err(failed("looking for values in the clear"))?;
            for row in &counties {
                let county = rows::county_of(table, rows::get(row, "county_code")?)?;
                let sealing = core.sealing(transaction, county).await?;
                let sql = format!(
                    "SELECT CAST(id AS TEXT) AS id, {index} AS text FROM {table} \
                     WHERE county_code = $1 AND {column} IS NULL ORDER BY id LIMIT $2"
                );
                loop {
                    let values = vec![rows::county(county), rows::count(BATCH)];
                    let found = core.batch(transaction, &sql, values).await?;
                    if found.is_empty() {
                        break;
                    }
                    let list = found
                        .iter()
                        .map(|row| {
                            let sealed = sealing.seal(&of(county, row.id), &row.text)?;
                            Ok((row.id, vec![sealing.index(field, &row.text)?, sealed]))
                        })
                        .collect::<Result<Vec<_>, Fault>>()?;
                    done += u64::try_from(list.len()).unwrap_or_default();
                    core.rewrite(transaction, table, "id", &[index, column], county, list)
                        .await?;
                }
            }
        }
        for county in self.sealed_counties(transaction).await? {
            core.sealing_of(transaction, county).await?;
        }
        Ok(done)
    }

    /// Takes out of the files what the tables no longer hold: an update leaves the old row in its page
    /// until the page is written anew.
    pub(crate) async fn scrub(&self) -> Result<(), Fault> {
        let statements: &[&str] = match self.core.dialect {
            Dialect::Sqlite => &["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"],
            Dialect::Postgres => &["VACUUM FULL member", "VACUUM FULL payee"],
        };
        for statement in statements {
            self.core
                .writer
                .execute_unprepared(statement)
                .await
                .map_err(failed("clearing old pages"))?;
        }
        Ok(())
    }

    /// Taking the step of the sealing back would lose what is sealed.
    pub(crate) async fn expect_nothing_sealed(&self, steps: u32) -> Result<(), Fault> {
        let applied = self.migrations().await?;
        let mut last = applied.iter().rev().filter(|it| it.applied);
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        let taken_back = last.by_ref().take(steps).any(|it| it.name == STEP);
        debug_assert!(STEPS.iter().any(|it| it.name == STEP));
        if taken_back && !self.sealed_counties(&self.core.reader).await?.is_empty() {
            return Err(Fault::Unusable(format!(
                "{STEP} cannot be taken back: private values are sealed here and could not be read any more; \
                 restore a backup from before it instead"
            )));
        }
        Ok(())
    }
}
