//! The registry: regions, organisations, people, accounts, schemes, pools.
//!
//! Reads go through entities. Writes are transactions of their own; those that a judgement looks at
//! take the county's lock first, so that no fact changes between gathering and commit.

use crate::connect::{SqlStore, commit, execute};
use crate::entity::{Id, org, person, region, scheme};
use crate::rows;
use async_trait::async_trait;
use engine::Fault;
use engine::registry::{Org, OrgKind, Person, Region, Registry};
use lifecycle::{CountyCode, HouseholdId, OrgId, PersonId, PoolAccount, Scheme, SchemeId};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, Value};
use serde_json::{Value as Json, json};
use std::sync::Arc;

pub(crate) fn failed(context: &'static str) -> impl FnOnce(sea_orm::DbErr) -> Fault {
    move |fault| Fault::store(context, fault)
}

pub(crate) fn unknown(context: &'static str) -> Fault {
    Fault::Store {
        context: context.into(),
        source: None,
    }
}

pub(crate) fn kind_of(code: &str) -> Option<OrgKind> {
    OrgKind::from_code(code)
}

fn region_of(row: region::Model) -> Result<Region, Fault> {
    Ok(Region {
        code: rows::region("region", "code", &row.county_code, row.code)?,
        name: row.name,
    })
}

fn org_of(row: org::Model) -> Result<Org, Fault> {
    Ok(Org {
        id: OrgId(row.id.0),
        kind: rows::code("org", "kind", &row.id.0, &row.kind, kind_of)?,
        name: row.name,
        parent: row.parent_id.map(|id| OrgId(id.0)),
    })
}

impl SqlStore {
    /// The pool that versions of the same code, year and insurer share, if one was published.
    async fn pool_of(
        &self,
        transaction: &DatabaseTransaction,
        scheme: &Scheme,
    ) -> Result<Option<SchemeId>, Fault> {
        let first = scheme::Entity::find()
            .filter(scheme::Column::CountyCode.eq(rows::county_number(scheme.county)))
            .filter(scheme::Column::Code.eq(scheme.code.as_str()))
            .filter(scheme::Column::PolicyYear.eq(scheme.year.year))
            .all(transaction)
            .await
            .map_err(failed("looking for a pool"))?
            .into_iter()
            .find(|row| row.insurer_id.0 == scheme.insurer.0);
        Ok(first.map(|row| SchemeId(row.pool_id.0)))
    }

    /// Writes rows given as JSON; `then` is what follows the insert, such as a conflict clause.
    pub(crate) async fn put(
        &self,
        transaction: &DatabaseTransaction,
        table: &'static str,
        columns: &[&str],
        list: Json,
        then: &str,
    ) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let insert = format!("{} {then}", dialect.insert(1, table, columns));
        let statement = dialect.statement(&insert, [list.to_string().into()]);
        execute(transaction, table, statement).await
    }

    pub(crate) async fn put_one(
        &self,
        table: &'static str,
        columns: &[&str],
        row: Json,
        then: &str,
    ) -> Result<(), Fault> {
        let transaction = self.core.begin().await?;
        self.put(&transaction, table, columns, json!([row]), then)
            .await?;
        commit(transaction).await
    }

    pub(crate) async fn change(
        &self,
        transaction: &DatabaseTransaction,
        context: &'static str,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, Fault> {
        execute(
            transaction,
            context,
            self.core.dialect.statement(sql, values),
        )
        .await
    }
}

#[async_trait]
impl Registry for SqlStore {
    async fn put_region(&self, county: CountyCode, region: &Region) -> Result<(), Fault> {
        let (transaction, _) = self.core.begin_county(county).await?;
        self.put(
            &transaction,
            "region",
            &["county_code", "code", "name"],
            json!([{ "county_code": county.get(), "code": region.code, "name": region.name }]),
            "ON CONFLICT (county_code, code) DO UPDATE SET name = excluded.name",
        )
        .await?;
        commit(transaction).await
    }

    async fn regions(&self, county: CountyCode) -> Result<Vec<Region>, Fault> {
        region::Entity::find()
            .filter(region::Column::CountyCode.eq(rows::county_number(county)))
            .order_by_asc(region::Column::Code)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading regions"))?
            .into_iter()
            .map(region_of)
            .collect()
    }

    async fn counties(&self) -> Result<Vec<CountyCode>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT county_code FROM region UNION SELECT county_code FROM org \
             UNION SELECT county_code FROM county_head ORDER BY county_code",
            [],
        );
        let found = self.all("reading counties", select).await?;
        found
            .iter()
            .map(|row| rows::county_of("region", rows::get(row, "county_code")?))
            .collect()
    }

    async fn put_org(&self, county: CountyCode, org: &Org) -> Result<(), Fault> {
        self.put_one(
            "org",
            &["county_code", "id", "name", "kind", "parent_id"],
            json!({
                "county_code": county.get(),
                "id": org.id,
                "name": org.name,
                "kind": org.kind.code(),
                "parent_id": org.parent,
            }),
            "ON CONFLICT (county_code, id) DO UPDATE SET name = excluded.name, kind = excluded.kind, parent_id = excluded.parent_id",
        )
        .await
    }

    async fn orgs(&self, county: CountyCode) -> Result<Vec<Org>, Fault> {
        org::Entity::find()
            .filter(org::Column::CountyCode.eq(rows::county_number(county)))
            .order_by_asc(org::Column::Id)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading organisations"))?
            .into_iter()
            .map(org_of)
            .collect()
    }

    async fn put_person(&self, county: CountyCode, person: &Person) -> Result<(), Fault> {
        let duties = serde_json::to_string(&person.duties)
            .map_err(|fault| Fault::store("writing duties", fault))?;
        let (transaction, _) = self.core.begin_county(county).await?;
        self.put(
            &transaction,
            "person",
            &["county_code", "id", "name", "org_id", "region_code", "duties"],
            json!([{
                "county_code": county.get(),
                "id": person.id,
                "name": person.name,
                "org_id": person.org,
                "region_code": person.region,
                "duties": duties,
            }]),
            "ON CONFLICT (county_code, id) DO UPDATE SET name = excluded.name, org_id = excluded.org_id, \
             region_code = excluded.region_code, duties = excluded.duties",
        )
        .await?;
        self.change(
            &transaction,
            "interest",
            "DELETE FROM interest WHERE county_code = $1 AND person_id = $2",
            [rows::county(county), self.core.dialect.id(person.id.0)],
        )
        .await?;
        let interests: Vec<Json> = person
            .interests
            .iter()
            .map(|household| {
                json!({ "county_code": county.get(), "person_id": person.id, "household_id": household })
            })
            .collect();
        self.put(
            &transaction,
            "interest",
            &["county_code", "person_id", "household_id"],
            Json::Array(interests),
            "ON CONFLICT DO NOTHING",
        )
        .await?;
        commit(transaction).await
    }

    async fn people(&self, county: CountyCode) -> Result<Vec<Person>, Fault> {
        let people = person::Entity::find()
            .filter(person::Column::CountyCode.eq(rows::county_number(county)))
            .order_by_asc(person::Column::Id)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading people"))?;
        let select = self.core.dialect.statement(
            "SELECT CAST(person_id AS TEXT) AS person_id, CAST(household_id AS TEXT) AS household_id \
             FROM interest WHERE county_code = $1 ORDER BY household_id",
            [rows::county(county)],
        );
        let interests = self
            .all("reading interests", select)
            .await?
            .iter()
            .map(|row| {
                Ok((
                    Id(rows::sure_id(row, "person_id")?),
                    HouseholdId(rows::sure_id(row, "household_id")?),
                ))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        people
            .into_iter()
            .map(|row| {
                let id = row.id.0;
                let own = interests.iter().filter(|(of, _)| of.0 == id);
                Ok(Person {
                    id: PersonId(id),
                    name: row.name,
                    org: OrgId(row.org_id.0),
                    region: rows::region("person", "region_code", &id, row.region_code)?,
                    duties: rows::json("person", "duties", &id, &row.duties)?,
                    interests: own.map(|(_, household)| *household).collect(),
                })
            })
            .collect()
    }

    async fn put_scheme(&self, scheme: &Scheme) -> Result<(), Fault> {
        let county = scheme.county;
        let (transaction, _) = self.core.begin_county(county).await?;
        let published = self.core.scheme(&transaction, county, scheme.id).await?;
        let pool_id = match &published {
            Some(published) => published.pool_id,
            None => match self.pool_of(&transaction, scheme).await? {
                None => scheme.id,
                Some(pool) => {
                    let first = self.core.scheme(&transaction, county, pool).await?;
                    if first.is_some_and(|first| !scheme.queues_with(&first)) {
                        return Err(Fault::Conflict("pool.queue_order"));
                    }
                    pool
                }
            },
        };
        let scheme = &Scheme {
            pool_id,
            ..scheme.clone()
        };
        let body = serde_json::to_string(scheme)
            .map_err(|fault| Fault::store("writing a scheme", fault))?;
        if let Some(published) = published {
            return if *published == *scheme {
                Ok(())
            } else {
                Err(Fault::Conflict("scheme"))
            };
        }
        self.put(
            &transaction,
            "scheme",
            &[
                "county_code",
                "id",
                "code",
                "version",
                "name",
                "policy_year",
                "insurer_id",
                "pool_id",
                "body",
            ],
            json!([{
                "county_code": county.get(),
                "id": scheme.id,
                "code": scheme.code,
                "version": scheme.version,
                "name": scheme.name,
                "policy_year": scheme.year.year,
                "insurer_id": scheme.insurer,
                "pool_id": scheme.pool_id,
                "body": body,
            }]),
            "",
        )
        .await?;
        if scheme.pool_id != scheme.id {
            return commit(transaction).await;
        }
        let accounts: Vec<Json> = PoolAccount::ALL
            .iter()
            .map(|account| {
                json!({
                    "county_code": county.get(),
                    "scheme_id": scheme.id,
                    "account": account.code(),
                    "balance_fen": 0,
                })
            })
            .collect();
        self.put(
            &transaction,
            "pool_account",
            &["county_code", "scheme_id", "account", "balance_fen"],
            Json::Array(accounts),
            "",
        )
        .await?;
        commit(transaction).await
    }

    async fn scheme(&self, county: CountyCode, id: SchemeId) -> Result<Option<Arc<Scheme>>, Fault> {
        self.core.scheme(&self.core.reader, county, id).await
    }

    async fn schemes(&self, county: CountyCode) -> Result<Vec<Arc<Scheme>>, Fault> {
        let found = scheme::Entity::find()
            .filter(scheme::Column::CountyCode.eq(rows::county_number(county)))
            .order_by_asc(scheme::Column::Id)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading schemes"))?;
        found
            .iter()
            .map(|row| {
                let known = self.core.known_scheme(county, SchemeId(row.id.0));
                match known {
                    Some(known) => Ok(known),
                    None => rows::json("scheme", "body", &row.id.0, &row.body).map(Arc::new),
                }
            })
            .collect()
    }
}
