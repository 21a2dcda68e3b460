//! Identities: accounts, passes and their secrets, duties for a time, substitution, second factors,
//! attempts, and the record of every change.

use crate::connect::{SqlStore, commit, execute};
use crate::dialect::{Dialect, instant};
use crate::entity::account;
use crate::registry::{failed, kind_of};
use crate::rows;
use crate::seal::Place;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use engine::identity::{
    Assignment, Change, Holder, Identity, IdentityEvent, IdentityEventKind, Pass, PassId, PassKind,
    Presented, SecondFactor, Substitution,
};
use engine::registry::{Account, Org, Person};
use engine::throttle::{Tally, Throttle};
use engine::{Fault, Grant};
use lifecycle::{AccountId, CountyCode, Duty, OrgId, PersonId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryResult, Value,
};
use serde_json::json;
use uuid::Uuid;

/// The secret of an account's second factor.
fn factor_of(county: CountyCode, account: AccountId) -> Place {
    Place {
        table: "second_factor",
        column: "secret",
        county,
        row: account.0,
    }
}

const PASS: &[&str] = &[
    "county_code",
    "id",
    "account_id",
    "kind",
    "label",
    "grants",
    "duties",
    "region_code",
    "on_behalf_of",
    "second_factor",
    "opened_at",
    "seen_at",
    "renewed_at",
    "ends_at",
    "ended_at",
];

/// The columns of a pass `s`, as [`pass_of`] reads them.
const PASS_READ: &str = "s.county_code, CAST(s.id AS TEXT) AS pass_id, CAST(s.account_id AS TEXT) AS account_id, s.kind AS pass_kind, \
     s.label, s.grants, s.duties AS only_duties, s.region_code AS only_region, CAST(s.on_behalf_of AS TEXT) AS on_behalf_of, \
     s.second_factor, s.opened_at, s.seen_at, s.renewed_at, s.ends_at, s.ended_at";

/// The columns of a person `p` and its organisation `o`, as [`holder_of`] reads them.
const HOLDER_READ: &str = "CAST(p.id AS TEXT) AS person_id, p.name, p.region_code, p.duties, CAST(o.id AS TEXT) AS org_id, \
     o.name AS org_name, o.kind AS org_kind, CAST(o.parent_id AS TEXT) AS org_parent";

fn account_of(row: account::Model) -> Account {
    Account {
        id: AccountId(row.id.0),
        login: row.login,
        password_hash: row.password_hash,
        person: PersonId(row.person_id.0),
    }
}

fn grants_of(row: &dyn std::fmt::Display, text: &str) -> Result<Vec<Grant>, Fault> {
    let codes: Vec<String> = rows::json("pass", "grants", row, text)?;
    codes
        .iter()
        .map(|code| rows::code("pass", "grants", row, code, Grant::from_code))
        .collect()
}

fn pass_of(row: &QueryResult) -> Result<Pass, Fault> {
    let id = PassId(rows::sure_id(row, "pass_id")?);
    let kind: String = rows::get(row, "pass_kind")?;
    let grants: String = rows::get(row, "grants")?;
    let duties: Option<String> = rows::get(row, "only_duties")?;
    let region: Option<String> = rows::get(row, "only_region")?;
    Ok(Pass {
        id,
        account: AccountId(rows::sure_id(row, "account_id")?),
        kind: rows::code("pass", "kind", &id, &kind, PassKind::from_code)?,
        label: rows::get(row, "label")?,
        grants: grants_of(&id, &grants)?,
        duties: duties
            .map(|text| rows::json("pass", "duties", &id, &text))
            .transpose()?,
        region: region
            .map(|text| rows::region("pass", "region_code", &id, text))
            .transpose()?,
        on_behalf_of: rows::id(row, "on_behalf_of")?.map(PersonId),
        second_factor: rows::get(row, "second_factor")?,
        opened_at: rows::get(row, "opened_at")?,
        seen_at: rows::get(row, "seen_at")?,
        renewed_at: rows::get(row, "renewed_at")?,
        ends_at: rows::get(row, "ends_at")?,
        ended_at: rows::get(row, "ended_at")?,
    })
}

/// Person and organisation; its duties for a time come from their own table.
fn holder_of(row: &QueryResult) -> Result<Holder, Fault> {
    let person = rows::sure_id(row, "person_id")?;
    let org = OrgId(rows::sure_id(row, "org_id")?);
    let duties: String = rows::get(row, "duties")?;
    let kind: String = rows::get(row, "org_kind")?;
    let region = rows::get(row, "region_code")?;
    Ok(Holder {
        person: Person {
            id: PersonId(person),
            name: rows::get(row, "name")?,
            org,
            region: rows::region("person", "region_code", &person, region)?,
            duties: rows::json("person", "duties", &person, &duties)?,
            interests: Vec::new(),
        },
        org: Org {
            id: org,
            name: rows::get(row, "org_name")?,
            kind: rows::code("org", "kind", &org, &kind, kind_of)?,
            parent: rows::id(row, "org_parent")?.map(OrgId),
        },
        assignments: Vec::new(),
    })
}

fn assignment_of(row: &QueryResult) -> Result<Assignment, Fault> {
    let id = rows::sure_id(row, "id")?;
    let duty: String = rows::get(row, "duty")?;
    Ok(Assignment {
        id,
        person: PersonId(rows::sure_id(row, "person_id")?),
        duty: rows::code("assignment", "duty", &id, &duty, Duty::from_code)?,
        region: rows::region(
            "assignment",
            "region_code",
            &id,
            rows::get(row, "region_code")?,
        )?,
        from: rows::day(row, "valid_from")?.ok_or_else(|| rows::missing("assignment", id))?,
        until: rows::day(row, "valid_until")?,
    })
}

fn substitution_of(row: &QueryResult) -> Result<Substitution, Fault> {
    let id = rows::sure_id(row, "id")?;
    let day = |column| rows::day(row, column)?.ok_or_else(|| rows::missing("substitution", id));
    Ok(Substitution {
        id,
        absent: PersonId(rows::sure_id(row, "absent_id")?),
        substitute: PersonId(rows::sure_id(row, "substitute_id")?),
        from: day("valid_from")?,
        until: day("valid_until")?,
        ended_at: rows::get(row, "ended_at")?,
    })
}

fn event_of(row: &QueryResult) -> Result<IdentityEvent, Fault> {
    let id = rows::sure_id(row, "id")?;
    let kind: String = rows::get(row, "kind")?;
    Ok(IdentityEvent {
        id,
        at: rows::get(row, "at")?,
        kind: rows::code(
            "identity_event",
            "kind",
            &id,
            &kind,
            IdentityEventKind::from_code,
        )?,
        actor: rows::id(row, "actor_id")?.map(PersonId),
        subject: rows::id(row, "subject_id")?.map(PersonId),
        detail: rows::get(row, "detail")?,
    })
}

fn codes<T>(list: &[T], code: impl Fn(&T) -> &'static str) -> String {
    let codes: Vec<&str> = list.iter().map(code).collect();
    json!(codes).to_string()
}

fn duty_codes(duties: &[Duty]) -> String {
    codes(duties, |duty| duty.code())
}

const ASSIGNMENT_READ: &str = "SELECT CAST(id AS TEXT) AS id, CAST(person_id AS TEXT) AS person_id, duty, region_code, \
     CAST(valid_from AS TEXT) AS valid_from, CAST(valid_until AS TEXT) AS valid_until FROM assignment WHERE county_code = $1";
const SUBSTITUTION_READ: &str = "SELECT CAST(id AS TEXT) AS id, CAST(absent_id AS TEXT) AS absent_id, CAST(substitute_id AS TEXT) AS substitute_id, \
     CAST(valid_from AS TEXT) AS valid_from, CAST(valid_until AS TEXT) AS valid_until, ended_at FROM substitution WHERE county_code = $1";

impl SqlStore {
    async fn run(
        &self,
        transaction: &DatabaseTransaction,
        context: &'static str,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, Fault> {
        let statement = self.core.dialect.statement(sql, values);
        execute(transaction, context, statement).await
    }

    async fn end_passes(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        account: AccountId,
        except: Option<PassId>,
        at: DateTime<Utc>,
    ) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let except = except.map_or_else(Uuid::nil, |it| it.0);
        self.run(
            transaction,
            "pass",
            "UPDATE pass SET ended_at = $4 WHERE county_code = $1 AND account_id = $2 AND id <> $3 AND ended_at IS NULL",
            [
                rows::county(county),
                dialect.id(account.0),
                dialect.id(except),
                dialect.at(at),
            ],
        )
        .await
    }

    async fn put_secret(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        pass: &Pass,
        hash: &str,
    ) -> Result<u64, Fault> {
        self.put(
            transaction,
            "credential",
            &[
                "county_code",
                "hash",
                "account_id",
                "label",
                "expires_at",
                "revoked",
                "pass_id",
            ],
            json!([{
                "county_code": county.get(),
                "hash": hash,
                "account_id": pass.account,
                "label": pass.label,
                "expires_at": instant(pass.ends_at),
                "revoked": false,
                "pass_id": pass.id.0,
            }]),
            "ON CONFLICT (county_code, hash) DO NOTHING",
        )
        .await
    }

    async fn open_pass(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        pass: &Pass,
        hash: &str,
    ) -> Result<u64, Fault> {
        let opened = self
            .put(
                transaction,
                "pass",
                PASS,
                json!([{
                    "county_code": county.get(),
                    "id": pass.id.0,
                    "account_id": pass.account,
                    "kind": pass.kind.code(),
                    "label": pass.label,
                    "grants": codes(&pass.grants, |grant| grant.code()),
                    "duties": pass.duties.as_deref().map(duty_codes),
                    "region_code": pass.region,
                    "on_behalf_of": pass.on_behalf_of,
                    "second_factor": pass.second_factor,
                    "opened_at": instant(pass.opened_at),
                    "seen_at": instant(pass.seen_at),
                    "renewed_at": instant(pass.renewed_at),
                    "ends_at": instant(pass.ends_at),
                    "ended_at": pass.ended_at.map(instant),
                }]),
                "ON CONFLICT (county_code, id) DO NOTHING",
            )
            .await?;
        if opened > 0 {
            self.put_secret(transaction, county, pass, hash).await?;
        }
        Ok(opened)
    }

    /// Carries out one change; how many rows it touched.
    async fn carry_out(
        &self,
        transaction: &DatabaseTransaction,
        county: CountyCode,
        change: &Change,
    ) -> Result<u64, Fault> {
        let dialect = self.core.dialect;
        let of = rows::county(county);
        match change {
            Change::OpenPass { pass, hash } => {
                self.open_pass(transaction, county, pass, hash).await
            }
            Change::RenewPass {
                pass,
                seen_renewed_at,
                hash,
                old_ends_at,
                at,
                second_factor,
            } => {
                let id = dialect.id(pass.0);
                let touched = self
                    .run(
                        transaction,
                        "pass",
                        "UPDATE pass SET renewed_at = $4, seen_at = $4, second_factor = $5 \
                         WHERE county_code = $1 AND id = $2 AND renewed_at = $3 AND ended_at IS NULL",
                        [
                            of.clone(),
                            id.clone(),
                            dialect.at(*seen_renewed_at),
                            dialect.at(*at),
                            (*second_factor).into(),
                        ],
                    )
                    .await?;
                if touched == 0 {
                    return Ok(0);
                }
                self.run(
                    transaction,
                    "credential",
                    "UPDATE credential SET expires_at = $3 WHERE county_code = $1 AND pass_id = $2 AND expires_at > $3",
                    [of.clone(), id.clone(), dialect.at(*old_ends_at)],
                )
                .await?;
                self.run(
                    transaction,
                    "credential",
                    "INSERT INTO credential (county_code, hash, account_id, label, expires_at, revoked, pass_id) \
                     SELECT county_code, $3, account_id, label, ends_at, false, id FROM pass WHERE county_code = $1 AND id = $2",
                    [of, id, hash.as_str().into()],
                )
                .await
            }
            Change::EndPass { pass, at } => {
                self.run(
                    transaction,
                    "pass",
                    "UPDATE pass SET ended_at = $3 WHERE county_code = $1 AND id = $2 AND ended_at IS NULL",
                    [of, dialect.id(pass.0), dialect.at(*at)],
                )
                .await
            }
            Change::EndAccount {
                account,
                except,
                at,
            } => {
                self.end_passes(transaction, county, *account, *except, *at)
                    .await
            }
            Change::SetPassword {
                account,
                password_hash,
                except,
                at,
            } => {
                let set = self
                    .run(
                        transaction,
                        "account",
                        "UPDATE account SET password_hash = $3 WHERE county_code = $1 AND id = $2",
                        [of, dialect.id(account.0), password_hash.as_str().into()],
                    )
                    .await?;
                let ended = self
                    .end_passes(transaction, county, *account, *except, *at)
                    .await?;
                Ok(if set == 0 { 0 } else { set + ended })
            }
            Change::ActAs {
                pass,
                on_behalf_of,
                region,
            } => {
                let row = json!([{
                    "county_code": county.get(),
                    "id": pass.0,
                    "on_behalf_of": on_behalf_of,
                    "region_code": region,
                }]);
                let update = dialect.update(
                    1,
                    "pass",
                    &["county_code", "id"],
                    &[
                        ("on_behalf_of", "r.on_behalf_of"),
                        ("region_code", "r.region_code"),
                    ],
                    &["on_behalf_of", "region_code"],
                    "true",
                );
                self.run(transaction, "pass", &update, [row.to_string().into()])
                    .await
            }
            Change::SetDuties {
                person,
                duties,
                region,
            } => {
                self.run(
                    transaction,
                    "person",
                    "UPDATE person SET duties = $3, region_code = $4 WHERE county_code = $1 AND id = $2",
                    [
                        of,
                        dialect.id(person.0),
                        duty_codes(duties).into(),
                        region.as_str().into(),
                    ],
                )
                .await
            }
            Change::PutAssignment(it) => {
                self.put(
                    transaction,
                    "assignment",
                    &["county_code", "id", "person_id", "duty", "region_code", "valid_from", "valid_until"],
                    json!([{
                        "county_code": county.get(),
                        "id": it.id,
                        "person_id": it.person,
                        "duty": it.duty.code(),
                        "region_code": it.region,
                        "valid_from": it.from,
                        "valid_until": it.until,
                    }]),
                    "ON CONFLICT (county_code, id) DO UPDATE SET valid_from = excluded.valid_from, valid_until = excluded.valid_until",
                )
                .await
            }
            Change::PutSubstitution(it) => {
                self.put(
                    transaction,
                    "substitution",
                    &["county_code", "id", "absent_id", "substitute_id", "valid_from", "valid_until", "ended_at"],
                    json!([{
                        "county_code": county.get(),
                        "id": it.id,
                        "absent_id": it.absent,
                        "substitute_id": it.substitute,
                        "valid_from": it.from,
                        "valid_until": it.until,
                        "ended_at": it.ended_at.map(instant),
                    }]),
                    "ON CONFLICT (county_code, id) DO UPDATE SET ended_at = excluded.ended_at",
                )
                .await
            }
            Change::PutFactor { account, secret } => {
                let sealing = self.core.sealing(transaction, county).await?;
                let secret = sealing.seal(&factor_of(county, *account), secret)?;
                self.put(
                    transaction,
                    "second_factor",
                    &["county_code", "account_id", "secret", "confirmed_at", "last_step"],
                    json!([{
                        "county_code": county.get(),
                        "account_id": account,
                        "secret": secret,
                        "confirmed_at": null,
                        "last_step": 0,
                    }]),
                    "ON CONFLICT (county_code, account_id) DO UPDATE SET secret = excluded.secret WHERE second_factor.confirmed_at IS NULL",
                )
                .await
            }
            Change::ConfirmFactor {
                account,
                step,
                recovery,
                at,
            } => {
                let id = dialect.id(account.0);
                let confirmed = self
                    .run(
                        transaction,
                        "second_factor",
                        "UPDATE second_factor SET confirmed_at = $3, last_step = $4 \
                         WHERE county_code = $1 AND account_id = $2 AND confirmed_at IS NULL",
                        [of.clone(), id.clone(), dialect.at(*at), (*step).into()],
                    )
                    .await?;
                if confirmed == 0 {
                    return Ok(0);
                }
                self.run(
                    transaction,
                    "recovery_code",
                    "DELETE FROM recovery_code WHERE county_code = $1 AND account_id = $2",
                    [of, id],
                )
                .await?;
                let codes: Vec<_> = recovery
                    .iter()
                    .map(|hash| json!({ "county_code": county.get(), "account_id": account, "hash": hash, "used_at": null }))
                    .collect();
                self.put(
                    transaction,
                    "recovery_code",
                    &["county_code", "account_id", "hash", "used_at"],
                    json!(codes),
                    "",
                )
                .await?;
                Ok(confirmed)
            }
            Change::DropFactor { account } => {
                let id = dialect.id(account.0);
                self.run(
                    transaction,
                    "recovery_code",
                    "DELETE FROM recovery_code WHERE county_code = $1 AND account_id = $2",
                    [of.clone(), id.clone()],
                )
                .await?;
                self.run(
                    transaction,
                    "second_factor",
                    "DELETE FROM second_factor WHERE county_code = $1 AND account_id = $2",
                    [of, id],
                )
                .await
            }
            Change::LinkSubject {
                issuer,
                subject,
                account,
            } => {
                self.run(
                    transaction,
                    "subject",
                    "INSERT INTO subject (issuer, subject, county_code, account_id) SELECT $1, $2, $3, $4 \
                     WHERE NOT EXISTS (SELECT 1 FROM subject WHERE issuer = $1 AND county_code = $3 AND account_id = $4) \
                     ON CONFLICT (issuer, subject) DO NOTHING",
                    [
                        issuer.as_str().into(),
                        subject.as_str().into(),
                        of,
                        dialect.id(account.0),
                    ],
                )
                .await
            }
        }
    }

    async fn assignments_of(
        &self,
        county: CountyCode,
        person: PersonId,
    ) -> Result<Vec<Assignment>, Fault> {
        let dialect = self.core.dialect;
        let sql = format!("{ASSIGNMENT_READ} AND person_id = $2 ORDER BY valid_from, id");
        let select = dialect.statement(&sql, [rows::county(county), dialect.id(person.0)]);
        let found = self.all("reading assignments", select).await?;
        found.iter().map(assignment_of).collect()
    }

    async fn holder(&self, county: CountyCode, person: PersonId) -> Result<Option<Holder>, Fault> {
        let dialect = self.core.dialect;
        let sql = format!(
            "SELECT {HOLDER_READ} FROM person p JOIN org o ON o.county_code = p.county_code AND o.id = p.org_id \
             WHERE p.county_code = $1 AND p.id = $2"
        );
        let select = dialect.statement(&sql, [rows::county(county), dialect.id(person.0)]);
        let found = self.all("reading a person", select).await?;
        let Some(row) = found.first() else {
            return Ok(None);
        };
        let assignments = self.assignments_of(county, person).await?;
        Ok(Some(Holder {
            assignments,
            ..holder_of(row)?
        }))
    }
}

#[async_trait]
impl Identity for SqlStore {
    async fn put_account(&self, county: CountyCode, account: &Account) -> Result<(), Fault> {
        let id = self.core.dialect.id(account.id.0);
        let transaction = self.core.begin().await?;
        self.put(
            &transaction,
            "account",
            &["county_code", "id", "login", "password_hash", "person_id"],
            json!([{
                "county_code": county.get(),
                "id": account.id,
                "login": account.login,
                "password_hash": account.password_hash,
                "person_id": account.person,
            }]),
            "ON CONFLICT (county_code, id) DO UPDATE SET login = excluded.login, \
             password_hash = excluded.password_hash, person_id = excluded.person_id",
        )
        .await?;
        self.run(
            &transaction,
            "login",
            "DELETE FROM login WHERE county_code = $1 AND account_id = $2",
            [rows::county(county), id],
        )
        .await?;
        self.put(
            &transaction,
            "login",
            &["login", "county_code", "account_id"],
            json!([{ "login": account.login, "county_code": county.get(), "account_id": account.id }]),
            "",
        )
        .await?;
        commit(transaction).await
    }

    async fn account(&self, login: &str) -> Result<Option<(CountyCode, Account)>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT a.county_code, CAST(a.id AS TEXT) AS id, a.login, a.password_hash, CAST(a.person_id AS TEXT) AS person_id \
             FROM login l JOIN account a ON a.county_code = l.county_code AND a.id = l.account_id WHERE l.login = $1",
            [login.into()],
        );
        let found = self.all("reading a login", select).await?;
        found.first().map(found_account).transpose()
    }

    async fn accounts(&self, county: CountyCode) -> Result<Vec<Account>, Fault> {
        let mut accounts: Vec<Account> = account::Entity::find()
            .filter(account::Column::CountyCode.eq(rows::county_number(county)))
            .all(&self.core.reader)
            .await
            .map_err(failed("reading accounts"))?
            .into_iter()
            .map(account_of)
            .collect();
        accounts.sort_by(|one, other| one.login.cmp(&other.login));
        Ok(accounts)
    }

    async fn anybody_can_sign_in(&self) -> Result<bool, Fault> {
        let select = self.core.dialect.statement(
            "SELECT 1 AS one FROM account WHERE password_hash <> '' LIMIT 1",
            [],
        );
        let found = self.all("looking for an account", select).await?;
        Ok(!found.is_empty())
    }

    async fn change(
        &self,
        county: CountyCode,
        changes: &[Change],
        record: Option<&IdentityEvent>,
    ) -> Result<u64, Fault> {
        // What is sealed is written under the county's lock, as `SEALED` says.
        let seals = |change: &Change| matches!(change, Change::PutFactor { .. });
        let transaction = if changes.iter().any(seals) {
            self.core.begin_county(county).await?.0
        } else {
            self.core.begin().await?
        };
        let mut touched = 0;
        for change in changes {
            touched = self.carry_out(&transaction, county, change).await?;
            if touched == 0 {
                transaction
                    .rollback()
                    .await
                    .map_err(failed("taking back a change"))?;
                return Ok(0);
            }
        }
        if let Some(event) = record {
            self.put(
                &transaction,
                "identity_event",
                &[
                    "county_code",
                    "id",
                    "at",
                    "kind",
                    "actor_id",
                    "subject_id",
                    "detail",
                ],
                json!([{
                    "county_code": county.get(),
                    "id": event.id,
                    "at": instant(event.at),
                    "kind": event.kind.code(),
                    "actor_id": event.actor,
                    "subject_id": event.subject,
                    "detail": event.detail,
                }]),
                "",
            )
            .await?;
        }
        commit(transaction).await?;
        Ok(touched)
    }

    async fn presented(&self, hash: &str) -> Result<Option<Presented>, Fault> {
        let dialect = self.core.dialect;
        let sql = format!(
            "SELECT {PASS_READ}, {HOLDER_READ}, c.expires_at FROM credential c \
             JOIN pass s ON s.county_code = c.county_code AND s.id = c.pass_id \
             JOIN account a ON a.county_code = s.county_code AND a.id = s.account_id \
             JOIN person p ON p.county_code = a.county_code AND p.id = a.person_id \
             JOIN org o ON o.county_code = p.county_code AND o.id = p.org_id \
             WHERE c.hash = $1 AND NOT c.revoked"
        );
        let select = dialect.statement(&sql, [hash.into()]);
        let found = self.all("reading a pass", select).await?;
        let Some(row) = found.first() else {
            return Ok(None);
        };
        let county = rows::county_of("pass", rows::get(row, "county_code")?)?;
        let pass = pass_of(row)?;
        let holder = holder_of(row)?;
        let own = holder.person.id;
        let assignments = self.assignments_of(county, own).await?;
        let absent = match pass.on_behalf_of {
            None => None,
            Some(absent) => {
                let sql = format!("{SUBSTITUTION_READ} AND substitute_id = $2 AND absent_id = $3");
                let select = dialect.statement(
                    &sql,
                    [
                        rows::county(county),
                        dialect.id(own.0),
                        dialect.id(absent.0),
                    ],
                );
                let found = self.all("reading substitutions", select).await?;
                let substitutions = found
                    .iter()
                    .map(substitution_of)
                    .collect::<Result<_, _>>()?;
                let holder = self.holder(county, absent).await?;
                holder.map(|holder| (holder, substitutions))
            }
        };
        Ok(Some(Presented {
            county,
            pass,
            secret_ends_at: rows::get(row, "expires_at")?,
            holder: Holder {
                assignments,
                ..holder
            },
            absent,
        }))
    }

    async fn see(&self, county: CountyCode, pass: PassId, at: DateTime<Utc>) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        self.run(
            &transaction,
            "pass",
            "UPDATE pass SET seen_at = $3 WHERE county_code = $1 AND id = $2 AND seen_at < $3",
            [rows::county(county), dialect.id(pass.0), dialect.at(at)],
        )
        .await?;
        commit(transaction).await
    }

    async fn passes(
        &self,
        county: CountyCode,
        kind: PassKind,
        now: DateTime<Utc>,
    ) -> Result<Vec<Pass>, Fault> {
        let dialect = self.core.dialect;
        let sql = format!(
            "SELECT {PASS_READ} FROM pass s WHERE s.county_code = $1 AND s.kind = $2 AND s.ends_at > $3 AND s.ended_at IS NULL \
             ORDER BY s.opened_at DESC, s.id DESC"
        );
        let values = [rows::county(county), kind.code().into(), dialect.at(now)];
        let found = self
            .all("reading passes", dialect.statement(&sql, values))
            .await?;
        found.iter().map(pass_of).collect()
    }

    async fn pass(&self, county: CountyCode, id: PassId) -> Result<Option<Pass>, Fault> {
        let dialect = self.core.dialect;
        let sql = format!("SELECT {PASS_READ} FROM pass s WHERE s.county_code = $1 AND s.id = $2");
        let select = dialect.statement(&sql, [rows::county(county), dialect.id(id.0)]);
        let found = self.all("reading a pass", select).await?;
        found.first().map(pass_of).transpose()
    }

    async fn assignments(&self, county: CountyCode) -> Result<Vec<Assignment>, Fault> {
        let sql = format!("{ASSIGNMENT_READ} ORDER BY valid_from, id");
        let select = self.core.dialect.statement(&sql, [rows::county(county)]);
        let found = self.all("reading assignments", select).await?;
        found.iter().map(assignment_of).collect()
    }

    async fn substitutions(&self, county: CountyCode) -> Result<Vec<Substitution>, Fault> {
        let sql = format!("{SUBSTITUTION_READ} ORDER BY valid_from, id");
        let select = self.core.dialect.statement(&sql, [rows::county(county)]);
        let found = self.all("reading substitutions", select).await?;
        found.iter().map(substitution_of).collect()
    }

    async fn second_factor(
        &self,
        county: CountyCode,
        account: AccountId,
    ) -> Result<Option<SecondFactor>, Fault> {
        let dialect = self.core.dialect;
        let select = dialect.statement(
            "SELECT secret, confirmed_at, last_step FROM second_factor WHERE county_code = $1 AND account_id = $2",
            [rows::county(county), dialect.id(account.0)],
        );
        let found = self.all("reading a second factor", select).await?;
        let Some(row) = found.first() else {
            return Ok(None);
        };
        let confirmed: Option<DateTime<Utc>> = rows::get(row, "confirmed_at")?;
        let sealed: String = rows::get(row, "secret")?;
        Ok(Some(SecondFactor {
            secret: self
                .core
                .keys
                .open(&factor_of(county, account), &sealed)?
                .to_string(),
            is_confirmed: confirmed.is_some(),
            last_step: rows::get(row, "last_step")?,
        }))
    }

    async fn use_step(
        &self,
        county: CountyCode,
        account: AccountId,
        step: i64,
    ) -> Result<bool, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        let used = self
            .run(
                &transaction,
                "second_factor",
                "UPDATE second_factor SET last_step = $3 WHERE county_code = $1 AND account_id = $2 \
                 AND last_step < $3 AND confirmed_at IS NOT NULL",
                [rows::county(county), dialect.id(account.0), step.into()],
            )
            .await?;
        commit(transaction).await?;
        Ok(used > 0)
    }

    async fn use_recovery(
        &self,
        county: CountyCode,
        account: AccountId,
        hash: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        let used = self
            .run(
                &transaction,
                "recovery_code",
                "UPDATE recovery_code SET used_at = $4 WHERE county_code = $1 AND account_id = $2 AND hash = $3 AND used_at IS NULL",
                [
                    rows::county(county),
                    dialect.id(account.0),
                    hash.into(),
                    dialect.at(at),
                ],
            )
            .await?;
        commit(transaction).await?;
        Ok(used > 0)
    }

    async fn account_of_subject(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(CountyCode, Account)>, Fault> {
        let select = self.core.dialect.statement(
            "SELECT a.county_code, CAST(a.id AS TEXT) AS id, a.login, a.password_hash, CAST(a.person_id AS TEXT) AS person_id \
             FROM subject l JOIN account a ON a.county_code = l.county_code AND a.id = l.account_id WHERE l.issuer = $1 AND l.subject = $2",
            [issuer.into(), subject.into()],
        );
        let found = self.all("reading a subject", select).await?;
        found.first().map(found_account).transpose()
    }

    async fn attempt(
        &self,
        key: &str,
        rule: Throttle,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        // The row is there and locked before it is read: attempts at once are counted one by one.
        self.run(
            &transaction,
            "attempt",
            "INSERT INTO attempt (key, failures, last_at) VALUES ($1, 0, $2) ON CONFLICT (key) DO NOTHING",
            [key.into(), dialect.at(now)],
        )
        .await?;
        let lock = match dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE",
        };
        let sql =
            format!("SELECT failures, last_at, blocked_until FROM attempt WHERE key = $1{lock}");
        let row = transaction
            .query_one_raw(dialect.statement(&sql, [key.into()]))
            .await
            .map_err(failed("reading attempts"))?
            .ok_or_else(|| rows::missing("attempt", key))?;
        let tally = Tally {
            failures: rows::get(&row, "failures")?,
            last_at: rows::get(&row, "last_at")?,
            blocked_until: rows::get(&row, "blocked_until")?,
        };
        let tally = match rule.count(Some(tally), now) {
            Ok(tally) => tally,
            Err(until) => {
                commit(transaction).await?;
                return Ok(Some(until));
            }
        };
        self.run(
            &transaction,
            "attempt",
            "UPDATE attempt SET failures = $2, last_at = $3, blocked_until = $4 WHERE key = $1",
            [
                key.into(),
                tally.failures.into(),
                dialect.at(tally.last_at),
                dialect.at_or_null(tally.blocked_until),
            ],
        )
        .await?;
        commit(transaction).await?;
        Ok(None)
    }

    async fn forget_attempts(&self, key: &str) -> Result<(), Fault> {
        let transaction = self.core.begin().await?;
        self.run(
            &transaction,
            "attempt",
            "DELETE FROM attempt WHERE key = $1",
            [key.into()],
        )
        .await?;
        commit(transaction).await
    }

    async fn take_back_attempt(&self, key: &str) -> Result<(), Fault> {
        let transaction = self.core.begin().await?;
        self.run(
            &transaction,
            "attempt",
            "UPDATE attempt SET failures = failures - 1 WHERE key = $1 AND failures > 0",
            [key.into()],
        )
        .await?;
        commit(transaction).await
    }

    async fn put_setup_link(&self, hash: &str, ends_at: DateTime<Utc>) -> Result<(), Fault> {
        let transaction = self.core.begin().await?;
        self.run(
            &transaction,
            "setup_link",
            "INSERT INTO setup_link (hash, ends_at) VALUES ($1, $2)",
            [hash.into(), self.core.dialect.at(ends_at)],
        )
        .await?;
        commit(transaction).await
    }

    async fn use_setup_link(&self, hash: &str, at: DateTime<Utc>) -> Result<bool, Fault> {
        let transaction = self.core.begin().await?;
        let used = self
            .run(
                &transaction,
                "setup_link",
                "UPDATE setup_link SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND ends_at > $2 \
                 AND NOT EXISTS (SELECT 1 FROM account WHERE password_hash <> '')",
                [hash.into(), self.core.dialect.at(at)],
            )
            .await?;
        commit(transaction).await?;
        Ok(used > 0)
    }

    async fn identity_events(
        &self,
        county: CountyCode,
        after: Option<Uuid>,
        before: Option<Uuid>,
        newest_first: bool,
        limit: u32,
    ) -> Result<Vec<IdentityEvent>, Fault> {
        let dialect = self.core.dialect;
        let (after, before) = (after.unwrap_or(Uuid::nil()), before.unwrap_or(Uuid::max()));
        let order = if newest_first { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT CAST(id AS TEXT) AS id, at, kind, CAST(actor_id AS TEXT) AS actor_id, CAST(subject_id AS TEXT) AS subject_id, detail \
             FROM identity_event WHERE county_code = $1 AND id > $2 AND id < $3 ORDER BY id {order} LIMIT $4"
        );
        let select = dialect.statement(
            &sql,
            [
                rows::county(county),
                dialect.id(after),
                dialect.id(before),
                rows::count(limit),
            ],
        );
        let found = self.all("reading the record of identities", select).await?;
        found.iter().map(event_of).collect()
    }
}

fn found_account(row: &QueryResult) -> Result<(CountyCode, Account), Fault> {
    let county = rows::county_of("account", rows::get(row, "county_code")?)?;
    let account = Account {
        id: AccountId(rows::sure_id(row, "id")?),
        login: rows::get(row, "login")?,
        password_hash: rows::get(row, "password_hash")?,
        person: PersonId(rows::sure_id(row, "person_id")?),
    };
    Ok((county, account))
}
