//! Households: who is insured and who is paid. What is private is sealed on its way in and opened on
//! its way out, here and nowhere else; the plain value leaves through [`Households::disclose`] only.

use crate::connect::{Core, SqlStore, commit};
use crate::dialect::{Dialect, instant};
use crate::entity::{claim, household, member, payee, payee_check};
use crate::registry::{failed, unknown};
use crate::rows;
use crate::seal::{KeyId, Keyring, Place};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use engine::disclosure::{
    Disclosed, Disclosing, Disclosure, DisclosureFilter, PrivateField, PrivateSubject, Purpose,
};
use engine::household::{
    BankAccount, HeirPapers, Household, Households, IdNumber, Member, Payee, PayeeCheck, Phone,
    PrivateDetails, PrivateText,
};
use engine::ids;
use engine::{Fault, HouseholdFilter, Page, Scope, Slice, limits};
use lifecycle::{
    AccountId, ClaimId, CountyCode, HouseholdId, MemberId, NameCheckMeans, PayeeId, PayeeRelation,
    PersonId, RegionCode,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, QueryTrait, Value,
};
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

const HOUSEHOLD: &[&str] = &[
    "county_code",
    "id",
    "village",
    "kind",
    "listed_on",
    "head_id",
    "persons",
    "phone",
];

const MEMBER: &[&str] = &[
    "county_code",
    "id",
    "household_id",
    "position",
    "name",
    "id_index",
    "relation",
    "died_on",
    "checked_on",
    "id_number",
];

const PAYEE: &[&str] = &[
    "county_code",
    "id",
    "household_id",
    "position",
    "member_id",
    "holder_name",
    "bank",
    "account_index",
    "fingerprint",
    "account_no",
    "relation",
    "death_certificate",
    "relation_proof",
    "heirs_agreement",
    "entered_by",
    "entered_for",
];

const CHECK: &[&str] = &[
    "county_code",
    "payee_id",
    "position",
    "id",
    "means",
    "result",
    "checked_by",
    "checked_for",
    "checked_on",
    "sha256",
];

const PASSED: &str = "PASSED";
const FAILED: &str = "FAILED";

const DIAGNOSIS: &[&str] = &[
    "county_code",
    "claim_id",
    "sealed",
    "recorded_at",
    "recorded_by",
];

const DISCLOSURE: &[&str] = &[
    "county_code",
    "seq",
    "household_id",
    "field",
    "subject_id",
    "purpose",
    "reason",
    "account_id",
    "person_id",
    "at",
    "previous_hash",
    "hash",
];

/// What indexes are made of: a number is never an account.
pub(crate) const ID_NUMBER: &str = "member.id_number";
pub(crate) const ACCOUNT: &str = "payee.account_no";

/// Characters of the salt of a payee's fingerprint: 128 bits.
const SALT_CHARS: usize = 32;

const DISCLOSURES: &str = "SELECT d.county_code, d.seq, CAST(d.household_id AS TEXT) AS household_id, d.field, \
     CAST(d.subject_id AS TEXT) AS subject_id, d.purpose, d.reason, CAST(d.account_id AS TEXT) AS account_id, \
     CAST(d.person_id AS TEXT) AS person_id, d.at, d.previous_hash, d.hash FROM disclosure d";

fn place(table: &'static str, column: &'static str, county: CountyCode, row: Uuid) -> Place {
    Place {
        table,
        column,
        county,
        row,
    }
}

/// Where a member's identity number stands.
pub(crate) fn id_number_of(county: CountyCode, member: Uuid) -> Place {
    place("member", "id_number", county, member)
}

/// Where a payee's account stands.
pub(crate) fn account_of(county: CountyCode, payee: Uuid) -> Place {
    place("payee", "account_no", county, payee)
}

fn phone_of(county: CountyCode, household: Uuid) -> Place {
    place("household", "phone", county, household)
}

fn diagnosis_of(county: CountyCode, claim: Uuid) -> Place {
    place("diagnosis", "sealed", county, claim)
}

/// The keys under which a county's values are written.
pub(crate) struct Sealing {
    pub(crate) keys: Arc<Keyring>,
    pub(crate) county: CountyCode,
    pub(crate) seal: KeyId,
    pub(crate) index: KeyId,
    /// The head of the record of disclosures.
    pub(crate) last_seq: i64,
    pub(crate) last_hash: String,
}

impl Sealing {
    pub(crate) fn seal(&self, place: &Place, plain: &str) -> Result<String, Fault> {
        self.keys.seal(&self.seal, place, plain)
    }

    pub(crate) fn index(&self, field: &'static str, plain: &str) -> Result<String, Fault> {
        self.keys.index(&self.index, field, self.county, plain)
    }
}

/// An account as it is sealed: with the salt of its fingerprint, where it has one.
pub(crate) fn salted(account: &str, salt: &str) -> String {
    if salt.is_empty() {
        account.to_owned()
    } else {
        format!("{account} {salt}")
    }
}

/// Account and salt out of what was sealed.
pub(crate) fn unsalted(plain: &str) -> (&str, &str) {
    plain.split_once(' ').unwrap_or((plain, ""))
}

/// A payee out of its row, and whether it fits its own fingerprint.
pub(crate) fn payee_of(keys: &Keyring, row: payee::Model) -> Result<(Payee, String), Fault> {
    let id = row.id.0;
    let county = rows::county_of("payee", row.county_code)?;
    let sealed = row.account_no.unwrap_or_default();
    let plain = keys.open(&account_of(county, id), &sealed)?;
    let (account, salt) = unsalted(&plain);
    let papers = row
        .death_certificate
        .zip(row.relation_proof)
        .zip(row.heirs_agreement);
    let payee = Payee {
        id: PayeeId(id),
        member: MemberId(row.member_id.0),
        relation: rows::code(
            "payee",
            "relation",
            &id,
            &row.relation,
            PayeeRelation::from_code,
        )?,
        papers: papers.map(
            |((death_certificate, relation_proof), heirs_agreement)| HeirPapers {
                death_certificate,
                relation_proof,
                heirs_agreement,
            },
        ),
        holder_name: row.holder_name,
        bank: row.bank,
        account: BankAccount::parse(account)
            .ok_or_else(|| rows::impossible("payee", "account_no", &id, "not an account"))?,
        entered_by: row.entered_by.map(|it| PersonId(it.0)),
        entered_for: row.entered_for.map(|it| PersonId(it.0)),
        // Rows of their own.
        checks: Vec::new(),
    };
    let fingerprint = payee.fingerprint(HouseholdId(row.household_id.0), salt);
    Ok((payee, fingerprint))
}

fn payee_row(
    sealing: &Sealing,
    household: HouseholdId,
    position: usize,
    payee: &Payee,
) -> Result<Json, Fault> {
    let county = sealing.county;
    let mut salt = ids::secret().map_err(|fault| Fault::store("drawing a salt", fault))?;
    salt.truncate(SALT_CHARS);
    let account = payee.account.reveal();
    Ok(json!({
        "county_code": county.get(),
        "id": payee.id,
        "household_id": household,
        "position": position,
        "member_id": payee.member,
        "holder_name": payee.holder_name,
        "bank": payee.bank,
        "account_index": sealing.index(ACCOUNT, account)?,
        "fingerprint": payee.fingerprint(household, &salt),
        "account_no": sealing.seal(&account_of(county, payee.id.0), &salted(account, &salt))?,
        "relation": payee.relation.code(),
        "death_certificate": payee.papers.as_ref().map(|it| &it.death_certificate),
        "relation_proof": payee.papers.as_ref().map(|it| &it.relation_proof),
        "heirs_agreement": payee.papers.as_ref().map(|it| &it.heirs_agreement),
        "entered_by": payee.entered_by,
        "entered_for": payee.entered_for,
    }))
}

/// A check as what a judgement sees of it is written: in the table, and in the list that gathers it.
fn check_row(county: CountyCode, payee: PayeeId, position: usize, check: &PayeeCheck) -> Json {
    let PayeeCheck {
        id,
        means,
        passed,
        by,
        on_behalf_of,
        on,
        sha256,
    } = check;
    json!({
        "county_code": county.get(),
        "payee_id": payee,
        "position": position,
        "id": id,
        "means": means.code(),
        "result": if *passed { PASSED } else { FAILED },
        "checked_by": by,
        "checked_for": on_behalf_of,
        "checked_on": on,
        "sha256": sha256,
    })
}

/// The checks that payees come with.
fn check_rows<'a>(county: CountyCode, payees: impl Iterator<Item = &'a Payee>) -> Json {
    let rows = payees.flat_map(move |payee| {
        let checks = payee.checks.iter().enumerate();
        checks.map(move |(position, check)| check_row(county, payee.id, position, check))
    });
    Json::Array(rows.collect())
}

/// Whether a check passed, by its code.
pub(crate) fn passed(payee: &Uuid, result: &str) -> Result<bool, Fault> {
    rows::code("payee_check", "result", payee, result, |code| match code {
        PASSED => Some(true),
        FAILED => Some(false),
        _ => None,
    })
}

fn check_of(row: payee_check::Model) -> Result<PayeeCheck, Fault> {
    let payee = row.payee_id.0;
    Ok(PayeeCheck {
        id: row.id.0,
        means: rows::code(
            "payee_check",
            "means",
            &payee,
            &row.means,
            NameCheckMeans::from_code,
        )?,
        passed: passed(&payee, &row.result)?,
        by: PersonId(row.checked_by.0),
        on_behalf_of: row.checked_for.map(|it| PersonId(it.0)),
        on: row.checked_on,
        sha256: row.sha256,
    })
}

impl Core {
    /// The keys of a county, under its lock. A county that has none begins with the newest key.
    pub(crate) async fn sealing(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
    ) -> Result<Sealing, Fault> {
        if let Some(sealing) = self.sealing_of(transaction, county).await? {
            return Ok(sealing);
        }
        let newest = self.keys.newest()?;
        let probe = self.probe(county, &newest)?;
        let begin = self.dialect.statement(
            "INSERT INTO private_head (county_code, seal_key, index_key, probe) VALUES ($1, $2, $2, $3)",
            [
                rows::county(county),
                newest.as_str().into(),
                probe.into(),
            ],
        );
        transaction
            .execute_raw(begin)
            .await
            .map_err(failed("beginning a county's private values"))?;
        self.sealing_of(transaction, county)
            .await?
            .ok_or_else(|| rows::missing("private_head", county))
    }

    /// The word that only the right key opens.
    pub(crate) fn probe(&self, county: CountyCode, key: &KeyId) -> Result<String, Fault> {
        self.keys.seal(key, &probe_of(county), "fangpin")
    }

    /// The keys of a county, if it has any; each must be held and right.
    pub(crate) async fn sealing_of<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
    ) -> Result<Option<Sealing>, Fault> {
        let select = self.dialect.statement(
            "SELECT seal_key, index_key, probe, last_seq, last_hash FROM private_head WHERE county_code = $1",
            [rows::county(county)],
        );
        let found = connection
            .query_one_raw(select)
            .await
            .map_err(failed("reading a county's keys"))?;
        let Some(row) = found else {
            return Ok(None);
        };
        let seal: String = rows::get(&row, "seal_key")?;
        let index: String = rows::get(&row, "index_key")?;
        let probe: String = rows::get(&row, "probe")?;
        let (seal, index) = (KeyId::named(&seal), KeyId::named(&index));
        self.keys.expect(&index)?;
        self.keys.open(&probe_of(county), &probe)?;
        Ok(Some(Sealing {
            keys: Arc::clone(&self.keys),
            county,
            seal,
            index,
            last_seq: rows::get(&row, "last_seq")?,
            last_hash: rows::get(&row, "last_hash")?,
        }))
    }
}

fn probe_of(county: CountyCode) -> Place {
    place("private_head", "probe", county, Uuid::nil())
}

fn disclosed(row: &QueryResult) -> Result<Disclosed, Fault> {
    let seq: i64 = rows::get(row, "seq")?;
    let table = "disclosure";
    let field: String = rows::get(row, "field")?;
    let field = rows::code(table, "field", &seq, &field, PrivateField::from_code)?;
    let purpose: String = rows::get(row, "purpose")?;
    Ok(Disclosed {
        seq,
        what: Disclosure {
            county: rows::county_of(table, rows::get(row, "county_code")?)?,
            household: HouseholdId(rows::sure_id(row, "household_id")?),
            subject: PrivateSubject::new(field, rows::sure_id(row, "subject_id")?),
            purpose: rows::code(table, "purpose", &seq, &purpose, Purpose::from_code)?,
            reason: rows::get(row, "reason")?,
            account: AccountId(rows::sure_id(row, "account_id")?),
            person: PersonId(rows::sure_id(row, "person_id")?),
            at: rows::get(row, "at")?,
        },
        previous_hash: rows::get(row, "previous_hash")?,
        hash: rows::get(row, "hash")?,
    })
}

fn disclosure_row(entry: &Disclosed) -> Json {
    let Disclosed {
        seq,
        what,
        previous_hash,
        hash,
    } = entry;
    json!([{
        "county_code": what.county.get(),
        "seq": seq,
        "household_id": what.household,
        "field": what.subject.field().code(),
        "subject_id": what.subject.id(),
        "purpose": what.purpose.code(),
        "reason": what.reason,
        "account_id": what.account,
        "person_id": what.person,
        "at": instant(what.at),
        "previous_hash": previous_hash,
        "hash": hash,
    }])
}

impl SqlStore {
    fn member_of(&self, row: member::Model) -> Result<Member, Fault> {
        let id = row.id.0;
        let county = rows::county_of("member", row.county_code)?;
        let sealed = row.id_number.unwrap_or_default();
        let plain = self.core.keys.open(&id_number_of(county, id), &sealed)?;
        Ok(Member {
            id: MemberId(id),
            name: row.name,
            id_number: IdNumber::parse(&plain)
                .map_err(|fault| rows::impossible("member", "id_number", &id, fault))?,
            relation: row.relation,
            died_on: row.died_on,
            checked_on: row.checked_on,
        })
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
            .map(|row| self.member_of(row))
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
            .map(|row| payee_of(&self.core.keys, row).map(|(payee, _)| payee))
            .collect()
    }

    /// The checks of these payees, each payee's in order.
    async fn checks<C: ConnectionTrait>(
        &self,
        connection: &C,
        county: CountyCode,
        payees: impl IntoIterator<Item = PayeeId>,
    ) -> Result<HashMap<PayeeId, Vec<PayeeCheck>>, Fault> {
        let ids = payees.into_iter().map(|it| self.core.dialect.id(it.0));
        let found = payee_check::Entity::find()
            .filter(payee_check::Column::CountyCode.eq(rows::county_number(county)))
            .filter(payee_check::Column::PayeeId.is_in(ids))
            .order_by_asc(payee_check::Column::Position)
            .all(connection)
            .await
            .map_err(failed("reading checks of payees"))?;
        let mut checks: HashMap<PayeeId, Vec<PayeeCheck>> = HashMap::new();
        for row in found {
            let payee = PayeeId(row.payee_id.0);
            checks.entry(payee).or_default().push(check_of(row)?);
        }
        Ok(checks)
    }

    async fn put_members(
        &self,
        transaction: &DatabaseTransaction,
        sealing: &Sealing,
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
            let number = member.id_number.reveal();
            list.push(json!({
                "county_code": county.get(),
                "id": member.id,
                "household_id": household.id,
                "position": at.unwrap_or(position),
                "name": member.name,
                "id_index": sealing.index(ID_NUMBER, number)?,
                "relation": member.relation,
                "died_on": died_on,
                "checked_on": checked_on,
                "id_number": sealing.seal(&id_number_of(county, member.id.0), number)?,
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
                "ON CONFLICT (county_code, id) DO UPDATE SET name = excluded.name, id_index = excluded.id_index, \
                 id_number = excluded.id_number, relation = excluded.relation, died_on = excluded.died_on, \
                 checked_on = excluded.checked_on WHERE member.household_id = excluded.household_id",
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

    fn phone(&self, county: CountyCode, id: Uuid, sealed: &str) -> Result<Phone, Fault> {
        let plain = self.core.keys.open(&phone_of(county, id), sealed)?;
        Phone::parse(&plain).ok_or_else(|| rows::impossible("household", "phone", &id, "no phone"))
    }

    /// Households with their people, payees and the checks of these: three more statements, however many there are.
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
            let phone = row.phone.as_deref();
            places.insert(row.id, households.len());
            households.push(Household {
                id,
                county,
                village: rows::region("household", "village", &id, row.village)?,
                kind: row.kind,
                listed_on: row.listed_on,
                head: MemberId(row.head_id.0),
                persons: rows::whole("household", "persons", &id, row.persons)?,
                phone: phone
                    .map(|sealed| self.phone(county, id.0, sealed))
                    .transpose()?,
                members: Vec::new(),
                payees: Vec::new(),
            });
        }
        for row in members {
            if let Some(place) = places.get(&row.household_id) {
                households[*place].members.push(self.member_of(row)?);
            }
        }
        let named = payees.iter().map(|row| PayeeId(row.id.0));
        let mut checks = self.checks(&self.core.reader, county, named).await?;
        for row in payees {
            if let Some(place) = places.get(&row.household_id) {
                let (mut payee, _) = payee_of(&self.core.keys, row)?;
                payee.checks = checks.remove(&payee.id).unwrap_or_default();
                households[*place].payees.push(payee);
            }
        }
        Ok(households)
    }

    /// The plain value of a subject, which must be of the household.
    async fn plain(
        &self,
        transaction: &DatabaseTransaction,
        disclosure: &Disclosure,
    ) -> Result<Option<PrivateText>, Fault> {
        let county = disclosure.county;
        let id = disclosure.subject.id();
        let (sql, place) = match disclosure.subject {
            PrivateSubject::IdNumber(_) => (
                "SELECT id_number AS sealed FROM member WHERE county_code = $1 AND id = $2 AND household_id = $3",
                id_number_of(county, id),
            ),
            PrivateSubject::Account(_) => (
                "SELECT account_no AS sealed FROM payee WHERE county_code = $1 AND id = $2 AND household_id = $3",
                account_of(county, id),
            ),
            PrivateSubject::Phone(_) => (
                "SELECT phone AS sealed FROM household WHERE county_code = $1 AND id = $2 AND id = $3",
                phone_of(county, id),
            ),
            PrivateSubject::Diagnosis(_) => (
                "SELECT d.sealed FROM diagnosis d JOIN claim c ON c.county_code = d.county_code AND c.id = d.claim_id \
                 WHERE d.county_code = $1 AND d.claim_id = $2 AND c.household_id = $3",
                diagnosis_of(county, id),
            ),
        };
        let dialect = self.core.dialect;
        let select = dialect.statement(
            sql,
            [
                rows::county(county),
                dialect.id(id),
                dialect.id(disclosure.household.0),
            ],
        );
        let found = transaction
            .query_one_raw(select)
            .await
            .map_err(failed("reading a private value"))?;
        let sealed: Option<String> = match found {
            Some(row) => rows::get(&row, "sealed")?,
            None => None,
        };
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let plain = self.core.keys.open(&place, &sealed)?;
        let text = match disclosure.subject {
            PrivateSubject::Account(_) => unsalted(&plain).0,
            PrivateSubject::IdNumber(_)
            | PrivateSubject::Phone(_)
            | PrivateSubject::Diagnosis(_) => &plain,
        };
        Ok(Some(PrivateText::new(text.to_owned())))
    }
}

#[async_trait]
impl Households for SqlStore {
    async fn put_household(&self, household: &Household) -> Result<(), Fault> {
        let county = household.county;
        let (transaction, _) = self.core.begin_county(county).await?;
        let sealing = self.core.sealing(&transaction, county).await?;
        let phone = household.phone.as_ref();
        let phone = phone
            .map(|it| sealing.seal(&phone_of(county, household.id.0), it.reveal()))
            .transpose()?;
        self.put(
            &transaction,
            "household",
            HOUSEHOLD,
            json!([{
                "county_code": county.get(),
                "id": household.id,
                "village": household.village,
                "kind": household.kind,
                "listed_on": household.listed_on,
                "head_id": household.head,
                "persons": household.persons,
                "phone": phone,
            }]),
            "ON CONFLICT (county_code, id) DO UPDATE SET village = excluded.village, kind = excluded.kind, \
             listed_on = excluded.listed_on, head_id = excluded.head_id, persons = excluded.persons, \
             phone = COALESCE(excluded.phone, household.phone)",
        )
        .await?;
        self.put_members(&transaction, &sealing, household).await?;
        let known = self.payees(&transaction, county, household.id).await?;
        let fresh: Vec<&Payee> = household
            .payees
            .iter()
            .filter(|payee| !known.iter().any(|it| it.id == payee.id))
            .collect();
        let written = fresh
            .iter()
            .enumerate()
            .map(|(index, payee)| payee_row(&sealing, household.id, known.len() + index, payee))
            .collect::<Result<Vec<_>, _>>()?;
        self.put(&transaction, "payee", PAYEE, Json::Array(written), "")
            .await?;
        let checks = check_rows(county, fresh.into_iter());
        self.put(&transaction, "payee_check", CHECK, checks, "")
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
        // The county may have gone over to a key that this process has not read yet.
        if self
            .core
            .sealing_of(&self.core.reader, county)
            .await?
            .is_none()
        {
            return Ok(None);
        }
        let indexes = self
            .core
            .keys
            .indexes(ID_NUMBER, county, id_number.reveal())?;
        let found = member::Entity::find()
            .filter(member::Column::CountyCode.eq(rows::county_number(county)))
            .filter(member::Column::IdIndex.is_in(indexes))
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
            return if home == household.0 && payee_of(&self.core.keys, earlier)?.0.is_version(payee)
            {
                Ok(())
            } else {
                Err(Fault::Conflict("payee"))
            };
        }
        let members = self.members(&transaction, county, household).await?;
        if !members.iter().any(|member| member.id == payee.member) {
            return Err(unknown("a payee who is no member of the household"));
        }
        let sealing = self.core.sealing(&transaction, county).await?;
        let position = self.payees(&transaction, county, household).await?.len();
        let row = payee_row(&sealing, household, position, payee)?;
        self.put(&transaction, "payee", PAYEE, json!([row]), "")
            .await?;
        let checks = check_rows(county, std::iter::once(payee));
        self.put(&transaction, "payee_check", CHECK, checks, "")
            .await?;
        commit(transaction).await
    }

    async fn put_payee_check(
        &self,
        county: CountyCode,
        payee: PayeeId,
        check: &PayeeCheck,
    ) -> Result<(), Fault> {
        let (transaction, _) = self.core.begin_county(county).await?;
        let row = payee::Entity::find()
            .filter(payee::Column::CountyCode.eq(rows::county_number(county)))
            .filter(payee::Column::Id.eq(self.core.dialect.id(payee.0)))
            .one(&transaction)
            .await
            .map_err(failed("reading a payee"))?
            .ok_or_else(|| unknown("a check of an unknown payee"))?;
        let (entered, _) = payee_of(&self.core.keys, row)?;
        if !entered.takes(check) {
            return Err(unknown("a check by whoever entered the payee"));
        }
        let known = self.checks(&transaction, county, [payee]).await?;
        let known = known.get(&payee).map(Vec::as_slice).unwrap_or_default();
        match known.iter().find(|it| it.id == check.id) {
            Some(known) if known.says(check) => {}
            Some(_) => return Err(Fault::Conflict("payee_check")),
            None => {
                let row = check_row(county, payee, known.len(), check);
                self.put(&transaction, "payee_check", CHECK, json!([row]), "")
                    .await?;
            }
        }
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

    async fn put_private_details(&self, details: &PrivateDetails) -> Result<(), Fault> {
        let PrivateDetails {
            county,
            household,
            ref phone,
            ref diagnosis,
            by,
            at,
        } = *details;
        let dialect = self.core.dialect;
        let (transaction, _) = self.core.begin_county(county).await?;
        let sealing = self.core.sealing(&transaction, county).await?;
        if let Some((claim, diagnosis)) = diagnosis {
            let of_household = claim::Entity::find()
                .filter(claim::Column::CountyCode.eq(rows::county_number(county)))
                .filter(claim::Column::Id.eq(dialect.id(claim.0)))
                .filter(claim::Column::HouseholdId.eq(dialect.id(household.0)))
                .count(&transaction)
                .await
                .map_err(failed("looking for the claim of a diagnosis"))?;
            if of_household == 0 {
                return Err(unknown(
                    "a diagnosis of a claim that is not the household's",
                ));
            }
            self.put(
                &transaction,
                "diagnosis",
                DIAGNOSIS,
                json!([{
                    "county_code": county.get(),
                    "claim_id": claim,
                    "sealed": sealing.seal(&diagnosis_of(county, claim.0), diagnosis.reveal())?,
                    "recorded_at": instant(at),
                    "recorded_by": by,
                }]),
                "ON CONFLICT (county_code, claim_id) DO UPDATE SET sealed = excluded.sealed, \
                 recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by",
            )
            .await?;
        }
        if let Some(phone) = phone {
            let sealed = sealing.seal(&phone_of(county, household.0), phone.reveal())?;
            let touched = self
                .change(
                    &transaction,
                    "household",
                    "UPDATE household SET phone = $3 WHERE county_code = $1 AND id = $2",
                    [rows::county(county), dialect.id(household.0), sealed.into()],
                )
                .await?;
            rows::sure("household", touched, 1)
                .map_err(|_| unknown("a phone of an unknown household"))?;
        }
        commit(transaction).await
    }

    async fn diagnosed(
        &self,
        county: CountyCode,
        claims: &[ClaimId],
    ) -> Result<BTreeSet<ClaimId>, Fault> {
        let dialect = self.core.dialect;
        let list: Vec<Json> = claims
            .iter()
            .map(|claim| json!({ "county_code": county.get(), "claim_id": claim }))
            .collect();
        let asked = dialect.rows(1, "diagnosis", &["county_code", "claim_id"]);
        let select = dialect.statement(
            &format!(
                "SELECT CAST(d.claim_id AS TEXT) AS claim_id FROM {asked} AS r \
                 JOIN diagnosis d ON d.county_code = r.county_code AND d.claim_id = r.claim_id"
            ),
            [Json::Array(list).to_string().into()],
        );
        let found = self
            .all("reading which diagnoses there are", select)
            .await?;
        found
            .iter()
            .map(|row| rows::sure_id(row, "claim_id").map(ClaimId))
            .collect()
    }

    async fn disclose(
        &self,
        disclosure: Disclosure,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Disclosing, Fault> {
        let dialect = self.core.dialect;
        let county = disclosure.county;
        let (transaction, _) = self.core.begin_county(county).await?;
        let Some(value) = self.plain(&transaction, &disclosure).await? else {
            return Ok(Disclosing::Absent);
        };
        let select = dialect.statement(
            "SELECT count(*) AS read FROM disclosure WHERE county_code = $1 AND account_id = $2 AND at >= $3",
            [
                rows::county(county),
                dialect.id(disclosure.account.0),
                dialect.at(since),
            ],
        );
        let read = transaction
            .query_one_raw(select)
            .await
            .map_err(failed("counting disclosures"))?;
        let read: i64 = match &read {
            Some(row) => rows::get(row, "read")?,
            None => 0,
        };
        if read >= i64::from(limit) {
            return Ok(Disclosing::Exhausted);
        }
        let sealing = self.core.sealing(&transaction, county).await?;
        let entry = Disclosed::after(sealing.last_seq, &sealing.last_hash, disclosure);
        self.put(
            &transaction,
            "disclosure",
            DISCLOSURE,
            disclosure_row(&entry),
            "",
        )
        .await?;
        let touched = self
            .change(
                &transaction,
                "private_head",
                "UPDATE private_head SET last_seq = $2, last_hash = $3 WHERE county_code = $1",
                [
                    rows::county(county),
                    entry.seq.into(),
                    entry.hash.as_str().into(),
                ],
            )
            .await?;
        rows::sure("private_head", touched, 1)?;
        commit(transaction).await?;
        // Only now: it is on record, whatever becomes of the answer.
        Ok(Disclosing::Told {
            entry: Box::new(entry),
            value,
        })
    }

    async fn disclosures(
        &self,
        county: CountyCode,
        filter: &DisclosureFilter,
        page: &Page,
    ) -> Result<Slice<Disclosed>, Fault> {
        let dialect = self.core.dialect;
        let DisclosureFilter {
            household,
            person,
            among,
            region,
        } = filter;
        let mut sql = format!(
            "{DISCLOSURES} JOIN household h ON h.county_code = d.county_code AND h.id = d.household_id \
             WHERE d.county_code = $1"
        );
        let mut values: Vec<Value> = vec![rows::county(county)];
        let mut narrow = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&condition.replace('?', &format!("${}", values.len())));
        };
        if let Some(household) = household {
            narrow(" AND d.household_id = ?", dialect.id(household.0));
        }
        if let Some(person) = person {
            narrow(" AND d.person_id = ?", dialect.id(person.0));
        }
        if let Some(among) = among {
            let list = match dialect {
                Dialect::Sqlite => "SELECT value FROM json_each(?)",
                Dialect::Postgres => "SELECT CAST(jsonb_array_elements_text(?::jsonb) AS uuid)",
            };
            narrow(
                &format!(" AND d.person_id IN ({list})"),
                json!(among).to_string().into(),
            );
        }
        if let Some(region) = region {
            let region: &RegionCode = region;
            narrow(" AND h.village LIKE ?", format!("{region}%").into());
        }
        let place = |key: &String| key.parse::<i64>().unwrap_or(0).into();
        if let Some(after) = &page.after {
            narrow(" AND d.seq > ?", place(after));
        }
        if let Some(before) = &page.before {
            narrow(" AND d.seq < ?", place(before));
        }
        let size = page.size.clamp(1, limits::PAGE_MAX);
        let order = if page.from_end { "DESC" } else { "ASC" };
        narrow(
            &format!(" ORDER BY d.seq {order} LIMIT ?"),
            rows::count(size + 1),
        );
        let select = dialect.statement(&sql, values);
        let found = self.all("reading disclosures", select).await?;
        let mut rows = found.iter().map(disclosed).collect::<Result<Vec<_>, _>>()?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        if page.from_end {
            rows.reverse();
        }
        Ok(Slice { rows, more })
    }

    async fn disclosure_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Disclosed>, Fault> {
        let select = self.core.dialect.statement(
            &format!(
                "{DISCLOSURES} WHERE d.county_code = $1 AND d.seq > $2 ORDER BY d.seq LIMIT $3"
            ),
            [rows::county(county), after.into(), rows::count(limit)],
        );
        let found = self.all("reading disclosures again", select).await?;
        found.iter().map(disclosed).collect()
    }

    async fn disclosure_head(&self, county: CountyCode) -> Result<(i64, String), Fault> {
        let head = self.core.sealing_of(&self.core.reader, county).await?;
        Ok(head.map_or((0, String::new()), |it| (it.last_seq, it.last_hash)))
    }
}
