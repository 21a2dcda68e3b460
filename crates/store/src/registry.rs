//! The registry: regions, organisations, people, accounts, schemes, pools, households.
//!
//! Reads go through entities. Writes are transactions of their own; those that a judgement looks at
//! take the county's lock first, so that no fact changes between gathering and commit.

use crate::connect::{SqlStore, commit, execute};
use crate::dialect::instant;
use crate::entity::{
    Id, claim, household, member, org, payee, person, pool_account, region, scheme,
};
use crate::read::add_balance;
use crate::rows;
use async_trait::async_trait;
use benefits::Fen;
use chrono::{DateTime, NaiveDate, Utc};
use engine::household::{BankAccount, Household, IdNumber, Member, Payee, PoolBalances};
use engine::registry::{Org, OrgKind, Person, Region, Registry};
use engine::{Fault, HouseholdFilter, Page, Scope, Slice, limits};
use lifecycle::{
    CountyCode, HouseholdId, MemberId, OrgId, PayeeId, PersonId, PoolAccount, Scheme, SchemeId,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Value,
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn failed(context: &'static str) -> impl FnOnce(sea_orm::DbErr) -> Fault {
    move |fault| Fault::store(context, fault)
}

fn unknown(context: &'static str) -> Fault {
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

fn member_of(row: member::Model) -> Result<Member, Fault> {
    let id = row.id.0;
    Ok(Member {
        id: MemberId(id),
        name: row.name,
        id_number: IdNumber::parse(&row.id_number)
            .map_err(|fault| rows::impossible("member", "id_number", &id, fault))?,
        relation: row.relation,
        died_on: row.died_on,
        checked_on: row.checked_on,
    })
}

pub(crate) fn payee_of(row: payee::Model) -> Result<Payee, Fault> {
    let id = row.id.0;
    Ok(Payee {
        id: PayeeId(id),
        member: MemberId(row.member_id.0),
        holder_name: row.holder_name,
        bank: row.bank,
        account: BankAccount::parse(&row.account_no)
            .ok_or_else(|| rows::impossible("payee", "account_no", &id, "not an account"))?,
    })
}

fn payee_row(county: CountyCode, household: HouseholdId, position: usize, payee: &Payee) -> Json {
    json!({
        "county_code": county.get(),
        "id": payee.id,
        "household_id": household,
        "position": position,
        "member_id": payee.member,
        "holder_name": payee.holder_name,
        "bank": payee.bank,
        "account_no": payee.account.reveal(),
        "fingerprint": payee.fingerprint(household),
    })
}

const PAYEE: &[&str] = &[
    "county_code",
    "id",
    "household_id",
    "position",
    "member_id",
    "holder_name",
    "bank",
    "account_no",
    "fingerprint",
];

const MEMBER: &[&str] = &[
    "county_code",
    "id",
    "household_id",
    "position",
    "name",
    "id_number",
    "relation",
    "died_on",
    "checked_on",
];

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

    async fn put_one(
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

    async fn change(
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

    async fn members<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Vec<Member>, Fault> {
        member::Entity::find()
            .filter(member::Column::CountyCode.eq(rows::county_number(county)))
            .filter(member::Column::HouseholdId.eq(self.core.dialect.id(id.0)))
            .order_by_asc(member::Column::Position)
            .order_by_asc(member::Column::Id)
            .all(connection)
            .await
            .map_err(failed("reading members"))?
            .into_iter()
            .map(member_of)
            .collect()
    }

    async fn payees<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Vec<Payee>, Fault> {
        payee::Entity::find()
            .filter(payee::Column::CountyCode.eq(rows::county_number(county)))
            .filter(payee::Column::HouseholdId.eq(self.core.dialect.id(id.0)))
            .order_by_asc(payee::Column::Position)
            .order_by_asc(payee::Column::Id)
            .all(connection)
            .await
            .map_err(failed("reading payees"))?
            .into_iter()
            .map(payee_of)
            .collect()
    }

    async fn put_members(
        &self,
        transaction: &DatabaseTransaction,
        household: &Household,
    ) -> Result<(), Fault> {
        let county = household.county;
        let known = self.members(transaction, county, household.id).await?;
        let mut position = known.len();
        let mut list = Vec::with_capacity(household.members.len());
        for member in &household.members {
            let earlier = known.iter().find(|it| it.id == member.id);
            let at = known.iter().position(|it| it.id == member.id);
            // What is known of a life is kept unless it is told anew.
            let died_on = member.died_on.or_else(|| earlier.and_then(|it| it.died_on));
            let checked_on = member.checked_on.max(earlier.and_then(|it| it.checked_on));
            list.push(json!({
                "county_code": county.get(),
                "id": member.id,
                "household_id": household.id,
                "position": at.unwrap_or(position),
                "name": member.name,
                "id_number": member.id_number.reveal(),
                "relation": member.relation,
                "died_on": died_on,
                "checked_on": checked_on,
            }));
            position += usize::from(at.is_none());
        }
        let written = list.len();
        // A member of another household is not taken over: the condition leaves that row alone.
        let touched = self
            .put(
                transaction,
                "member",
                MEMBER,
                Json::Array(list),
                "ON CONFLICT (county_code, id) DO UPDATE SET name = excluded.name, id_number = excluded.id_number, \
                 relation = excluded.relation, died_on = excluded.died_on, checked_on = excluded.checked_on \
                 WHERE member.household_id = excluded.household_id",
            )
            .await?;
        rows::sure("member", touched, written).map_err(|_| Fault::Conflict("member"))
    }

    async fn household_row<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Option<household::Model>, Fault> {
        household::Entity::find()
            .filter(household::Column::CountyCode.eq(rows::county_number(county)))
            .filter(household::Column::Id.eq(self.core.dialect.id(id.0)))
            .one(connection)
            .await
            .map_err(failed("reading a household"))
    }

    /// Households with their people and payees: two more statements, however many there are.
    async fn whole_households(
        &self,
        county: CountyCode,
        found: Vec<household::Model>,
    ) -> Result<Vec<Household>, Fault> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let (number, dialect) = (rows::county_number(county), self.core.dialect);
        let ids: Vec<Value> = found.iter().map(|row| dialect.id(row.id.0)).collect();
        let members = member::Entity::find()
            .filter(member::Column::CountyCode.eq(number))
            .filter(member::Column::HouseholdId.is_in(ids.clone()))
            .order_by_asc(member::Column::Position)
            .order_by_asc(member::Column::Id)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading members"))?;
        let payees = payee::Entity::find()
            .filter(payee::Column::CountyCode.eq(number))
            .filter(payee::Column::HouseholdId.is_in(ids))
            .order_by_asc(payee::Column::Position)
            .order_by_asc(payee::Column::Id)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading payees"))?;
        let mut households = Vec::with_capacity(found.len());
        let mut places = HashMap::with_capacity(found.len());
        for row in found {
            let id = HouseholdId(row.id.0);
            places.insert(row.id, households.len());
            households.push(Household {
                id,
                county,
                village: rows::region("household", "village", &id, row.village)?,
                kind: row.kind,
                listed_on: row.listed_on,
                head: MemberId(row.head_id.0),
                persons: rows::whole("household", "persons", &id, row.persons)?,
                members: Vec::new(),
                payees: Vec::new(),
            });
        }
        for row in members {
            if let Some(place) = places.get(&row.household_id) {
                households[*place].members.push(member_of(row)?);
            }
        }
        for row in payees {
            if let Some(place) = places.get(&row.household_id) {
                households[*place].payees.push(payee_of(row)?);
            }
        }
        Ok(households)
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
            None => self
                .pool_of(&transaction, scheme)
                .await?
                .unwrap_or(scheme.id),
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

    async fn fund_pool(
        &self,
        county: CountyCode,
        scheme: SchemeId,
        amount: Fen,
        key: Uuid,
        at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let (transaction, _) = self.core.begin_county(county).await?;
        let select = dialect.statement(
            "SELECT CAST(scheme_id AS TEXT) AS scheme_id, amount_fen FROM transfer WHERE county_code = $1 AND id = $2",
            [rows::county(county), dialect.id(key)],
        );
        let earlier = transaction
            .query_one_raw(select)
            .await
            .map_err(failed("reading a funding"))?;
        if let Some(earlier) = earlier {
            let same = rows::sure_id(&earlier, "scheme_id")? == scheme.0
                && rows::get::<i64>(&earlier, "amount_fen")? == amount.get();
            return if same {
                Ok(())
            } else {
                Err(Fault::Conflict("funding"))
            };
        }
        let (from, to) = (PoolAccount::CountyFund, PoolAccount::Available);
        for (account, fen) in [(from, -amount.get()), (to, amount.get())] {
            let touched = self
                .change(
                    &transaction,
                    "pool_account",
                    "UPDATE pool_account SET balance_fen = balance_fen + $4 WHERE county_code = $1 AND scheme_id = $2 AND account = $3",
                    [
                        rows::county(county),
                        dialect.id(scheme.0),
                        account.code().into(),
                        fen.into(),
                    ],
                )
                .await?;
            rows::sure("pool_account", touched, 1)
                .map_err(|_| unknown("funding an unknown pool"))?;
        }
        self.put(
            &transaction,
            "transfer",
            &[
                "county_code",
                "id",
                "scheme_id",
                "debit",
                "credit",
                "amount_fen",
                "at",
            ],
            json!([{
                "county_code": county.get(),
                "id": key,
                "scheme_id": scheme,
                "debit": from.code(),
                "credit": to.code(),
                "amount_fen": amount.get(),
                "at": instant(at),
            }]),
            "",
        )
        .await?;
        commit(transaction).await
    }

    async fn pool(&self, county: CountyCode, scheme: SchemeId) -> Result<PoolBalances, Fault> {
        let accounts = pool_account::Entity::find()
            .filter(pool_account::Column::CountyCode.eq(rows::county_number(county)))
            .filter(pool_account::Column::SchemeId.eq(self.core.dialect.id(scheme.0)))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading a pool"))?;
        let mut balances = PoolBalances::default();
        for row in accounts {
            let account = rows::code(
                "pool_account",
                "account",
                &scheme,
                &row.account,
                PoolAccount::from_code,
            )?;
            add_balance(&mut balances, account, row.balance_fen)?;
        }
        Ok(balances)
    }

    async fn put_household(&self, household: &Household) -> Result<(), Fault> {
        let county = household.county;
        let (transaction, _) = self.core.begin_county(county).await?;
        self.put(
            &transaction,
            "household",
            &["county_code", "id", "village", "kind", "listed_on", "head_id", "persons"],
            json!([{
                "county_code": county.get(),
                "id": household.id,
                "village": household.village,
                "kind": household.kind,
                "listed_on": household.listed_on,
                "head_id": household.head,
                "persons": household.persons,
            }]),
            "ON CONFLICT (county_code, id) DO UPDATE SET village = excluded.village, kind = excluded.kind, \
             listed_on = excluded.listed_on, head_id = excluded.head_id, persons = excluded.persons",
        )
        .await?;
        self.put_members(&transaction, household).await?;
        let known = self.payees(&transaction, county, household.id).await?;
        let fresh: Vec<Json> = household
            .payees
            .iter()
            .filter(|payee| !known.iter().any(|it| it.id == payee.id))
            .enumerate()
            .map(|(index, payee)| payee_row(county, household.id, known.len() + index, payee))
            .collect();
        self.put(&transaction, "payee", PAYEE, Json::Array(fresh), "")
            .await?;
        commit(transaction).await
    }

    async fn household(
        &self,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Option<Household>, Fault> {
        let row = self.household_row(&self.core.reader, county, id).await?;
        let found = self.whole_households(county, row.into_iter().collect());
        Ok(found.await?.pop())
    }

    async fn households_by_ids(
        &self,
        county: CountyCode,
        ids: &[HouseholdId],
    ) -> Result<Vec<Household>, Fault> {
        let ids = ids.iter().map(|id| self.core.dialect.id(id.0));
        let found = household::Entity::find()
            .filter(household::Column::CountyCode.eq(rows::county_number(county)))
            .filter(household::Column::Id.is_in(ids))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading households"))?;
        self.whole_households(county, found).await
    }

    async fn households(
        &self,
        scope: &Scope,
        filter: &HouseholdFilter,
        page: &Page,
    ) -> Result<Slice<Household>, Fault> {
        let HouseholdFilter {
            region,
            kind,
            listed,
        } = filter;
        let dialect = self.core.dialect;
        let mut select = household::Entity::find()
            .filter(household::Column::CountyCode.eq(rows::county_number(scope.county)))
            .filter(household::Column::Village.starts_with(scope.region.as_str()));
        if let Some(region) = region {
            select = select.filter(household::Column::Village.starts_with(region.as_str()));
        }
        if let Some(kind) = kind {
            select = select.filter(household::Column::Kind.eq(kind.as_str()));
        }
        select = match listed {
            Some(true) => select.filter(household::Column::ListedOn.is_not_null()),
            Some(false) => select.filter(household::Column::ListedOn.is_null()),
            None => select,
        };
        if scope.insurer.is_some() {
            let own = self.within(scope).select_only();
            let own = own.column(claim::Column::HouseholdId).into_query();
            select = select.filter(household::Column::Id.in_subquery(own));
        }
        // A key that is no id stands before or after every id, as text would.
        let key = |text: &String| {
            Uuid::try_parse(text).map_or(dialect.id(Uuid::nil()), |id| dialect.id(id))
        };
        if let Some(after) = &page.after {
            select = select.filter(household::Column::Id.gt(key(after)));
        }
        if let Some(before) = &page.before {
            select = select.filter(household::Column::Id.lt(key(before)));
        }
        let select = if page.from_end {
            select.order_by_desc(household::Column::Id)
        } else {
            select.order_by_asc(household::Column::Id)
        };
        let size = page.size.clamp(1, limits::PAGE_MAX);
        let mut found = select
            .limit(u64::from(size) + 1)
            .all(&self.core.reader)
            .await
            .map_err(failed("reading a page of households"))?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        if page.from_end {
            found.reverse();
        }
        let rows = self.whole_households(scope.county, found).await?;
        Ok(Slice { rows, more })
    }

    async fn household_of(
        &self,
        county: CountyCode,
        id_number: &IdNumber,
    ) -> Result<Option<Household>, Fault> {
        let found = member::Entity::find()
            .filter(member::Column::CountyCode.eq(rows::county_number(county)))
            .filter(member::Column::IdNumber.eq(id_number.reveal()))
            .one(&self.core.reader)
            .await
            .map_err(failed("reading a member"))?;
        match found {
            Some(member) => {
                self.household(county, HouseholdId(member.household_id.0))
                    .await
            }
            None => Ok(None),
        }
    }

    async fn put_payee(
        &self,
        county: CountyCode,
        household: HouseholdId,
        payee: &Payee,
    ) -> Result<(), Fault> {
        let (transaction, _) = self.core.begin_county(county).await?;
        let earlier = payee::Entity::find()
            .filter(payee::Column::CountyCode.eq(rows::county_number(county)))
            .filter(payee::Column::Id.eq(self.core.dialect.id(payee.id.0)))
            .one(&transaction)
            .await
            .map_err(failed("reading a payee"))?;
        if let Some(earlier) = earlier {
            let home = earlier.household_id.0;
            return if home == household.0 && payee_of(earlier)? == *payee {
                Ok(())
            } else {
                Err(Fault::Conflict("payee"))
            };
        }
        let members = self.members(&transaction, county, household).await?;
        if !members.iter().any(|member| member.id == payee.member) {
            return Err(unknown("a payee who is no member of the household"));
        }
        let position = self.payees(&transaction, county, household).await?.len();
        let row = payee_row(county, household, position, payee);
        self.put(&transaction, "payee", PAYEE, json!([row]), "")
            .await?;
        commit(transaction).await
    }

    async fn record_liveness(
        &self,
        county: CountyCode,
        member: MemberId,
        checked_on: NaiveDate,
        died_on: Option<NaiveDate>,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let (transaction, _) = self.core.begin_county(county).await?;
        let key = ["county_code", "id"];
        let update = dialect.update(
            1,
            "member",
            &key,
            &[("checked_on", "r.checked_on"), ("died_on", "r.died_on")],
            &["checked_on", "died_on"],
            "true",
        );
        let row = json!([{
            "county_code": county.get(),
            "id": member,
            "checked_on": checked_on,
            "died_on": died_on,
        }]);
        let touched = self
            .change(&transaction, "member", &update, [row.to_string().into()])
            .await?;
        rows::sure("member", touched, 1).map_err(|_| unknown("a check of an unknown member"))?;
        commit(transaction).await
    }
}
