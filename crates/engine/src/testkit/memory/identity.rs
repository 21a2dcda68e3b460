//! Identities in memory.

use super::{MemoryStore, refused};
use crate::identity::{
    Assignment, Change, Holder, Identity, IdentityEvent, Pass, PassId, PassKind, Presented,
    SecondFactor, Substitution,
};
use crate::ports::Fault;
use crate::registry::{Account, Org, Person};
use crate::throttle::{Tally, Throttle};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifecycle::{AccountId, CountyCode, OrgId, PersonId};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Clone)]
struct Secret {
    county: CountyCode,
    pass: PassId,
    ends_at: DateTime<Utc>,
}

#[derive(Clone, Default)]
pub(super) struct Identities {
    pub(super) accounts: BTreeMap<AccountId, (CountyCode, Account)>,
    secrets: BTreeMap<String, Secret>,
    passes: BTreeMap<(CountyCode, PassId), Pass>,
    assignments: BTreeMap<(CountyCode, Uuid), Assignment>,
    substitutions: BTreeMap<(CountyCode, Uuid), Substitution>,
    factors: BTreeMap<AccountId, SecondFactor>,
    /// Whether each was used.
    recovery: BTreeMap<(AccountId, String), bool>,
    subjects: BTreeMap<(String, String), AccountId>,
    attempts: BTreeMap<String, Tally>,
    setup_links: BTreeMap<String, (DateTime<Utc>, bool)>,
    events: Vec<(CountyCode, IdentityEvent)>,
}

type People = BTreeMap<(CountyCode, PersonId), Person>;
type Orgs = BTreeMap<(CountyCode, OrgId), Org>;

impl Identities {
    fn end(&mut self, county: CountyCode, which: impl Fn(&Pass) -> bool, at: DateTime<Utc>) -> u64 {
        let mut ended = 0;
        for ((of, _), pass) in &mut self.passes {
            if *of == county && pass.ended_at.is_none() && which(pass) {
                pass.ended_at = Some(at);
                ended += 1;
            }
        }
        ended
    }

    fn carry_out(
        &mut self,
        people: &mut People,
        county: CountyCode,
        change: &Change,
    ) -> Result<u64, Fault> {
        let known = |accounts: &BTreeMap<AccountId, (CountyCode, Account)>, id: &AccountId| {
            accounts.get(id).is_some_and(|(of, _)| *of == county)
        };
        Ok(match change {
            Change::OpenPass { pass, hash } => {
                if !known(&self.accounts, &pass.account) {
                    return Err(refused("a pass of an unknown account"));
                }
                if self.passes.contains_key(&(county, pass.id)) {
                    return Ok(0);
                }
                self.passes.insert((county, pass.id), pass.clone());
                self.secrets.entry(hash.clone()).or_insert(Secret {
                    county,
                    pass: pass.id,
                    ends_at: pass.ends_at,
                });
                1
            }
            Change::RenewPass {
                pass,
                seen_renewed_at,
                hash,
                old_ends_at,
                at,
                second_factor,
            } => {
                let found = self.passes.get_mut(&(county, *pass));
                let found =
                    found.filter(|it| it.ended_at.is_none() && it.renewed_at == *seen_renewed_at);
                let Some(found) = found else { return Ok(0) };
                found.renewed_at = *at;
                found.seen_at = *at;
                found.second_factor = *second_factor;
                let ends_at = found.ends_at;
                for secret in self.secrets.values_mut().filter(|it| it.pass == *pass) {
                    secret.ends_at = secret.ends_at.min(*old_ends_at);
                }
                let secret = Secret {
                    county,
                    pass: *pass,
                    ends_at,
                };
                self.secrets.insert(hash.clone(), secret);
                1
            }
            Change::EndPass { pass, at } => self.end(county, |it| it.id == *pass, *at),
            Change::EndAccount {
                account,
                except,
                at,
            } => self.end(
                county,
                |it| it.account == *account && Some(it.id) != *except,
                *at,
            ),
            Change::SetPassword {
                account,
                password_hash,
                except,
                at,
            } => {
                let Some((_, found)) = self.accounts.get_mut(account).filter(|it| it.0 == county)
                else {
                    return Ok(0);
                };
                found.password_hash.clone_from(password_hash);
                let others = |it: &Pass| it.account == *account && Some(it.id) != *except;
                1 + self.end(county, others, *at)
            }
            Change::ActAs {
                pass,
                on_behalf_of,
                region,
            } => {
                let Some(found) = self.passes.get_mut(&(county, *pass)) else {
                    return Ok(0);
                };
                found.on_behalf_of = *on_behalf_of;
                found.region.clone_from(region);
                1
            }
            Change::SetDuties {
                person,
                duties,
                region,
            } => {
                let Some(found) = people.get_mut(&(county, *person)) else {
                    return Ok(0);
                };
                found.duties.clone_from(duties);
                found.region = region.clone();
                1
            }
            Change::PutAssignment(it) => {
                if !people.contains_key(&(county, it.person)) {
                    return Err(refused("an assignment of an unknown person"));
                }
                let found = self.assignments.entry((county, it.id));
                let found = found.or_insert_with(|| it.clone());
                (found.from, found.until) = (it.from, it.until);
                1
            }
            Change::PutSubstitution(it) => {
                let both = [it.absent, it.substitute];
                let known = both.iter().all(|id| people.contains_key(&(county, *id)));
                if !known || it.absent == it.substitute {
                    return Err(refused("a substitution of nobody, or of oneself"));
                }
                let found = self.substitutions.entry((county, it.id));
                found.or_insert_with(|| it.clone()).ended_at = it.ended_at;
                1
            }
            Change::PutFactor { account, secret } => {
                if !known(&self.accounts, account) {
                    return Err(refused("a second factor of an unknown account"));
                }
                if self.factors.get(account).is_some_and(|it| it.is_confirmed) {
                    return Ok(0);
                }
                let factor = SecondFactor {
                    secret: secret.clone(),
                    is_confirmed: false,
                    last_step: 0,
                };
                self.factors.insert(*account, factor);
                1
            }
            Change::ConfirmFactor {
                account,
                step,
                recovery,
                at: _,
            } => {
                let found = self.factors.get_mut(account);
                let Some(found) = found.filter(|it| !it.is_confirmed) else {
                    return Ok(0);
                };
                found.is_confirmed = true;
                found.last_step = *step;
                self.recovery.retain(|(of, _), _| of != account);
                let codes = recovery
                    .iter()
                    .map(|hash| ((*account, hash.clone()), false));
                self.recovery.extend(codes);
                1
            }
            Change::DropFactor { account } => {
                self.recovery.retain(|(of, _), _| of != account);
                u64::from(self.factors.remove(account).is_some())
            }
            Change::LinkSubject {
                issuer,
                subject,
                account,
            } => {
                let mut subjects = self.subjects.iter();
                let tied = subjects
                    .any(|((of, name), to)| of == issuer && (to == account || name == subject));
                if tied {
                    return Ok(0);
                }
                let key = (issuer.clone(), subject.clone());
                self.subjects.insert(key, *account);
                1
            }
        })
    }

    /// The duties a person has for a time.
    pub(super) fn assignments_of(
        &self,
        county: CountyCode,
        person: PersonId,
    ) -> impl Iterator<Item = &Assignment> {
        let all = self.assignments.iter();
        all.filter(move |((of, _), it)| *of == county && it.person == person)
            .map(|(_, it)| it)
    }

    fn holder(
        &self,
        people: &People,
        orgs: &Orgs,
        county: CountyCode,
        person: PersonId,
    ) -> Option<Holder> {
        let person = people.get(&(county, person))?;
        let org = orgs.get(&(county, person.org))?;
        let mut assignments: Vec<Assignment> =
            self.assignments_of(county, person.id).cloned().collect();
        assignments.sort_by_key(|it| (it.from, it.id));
        Some(Holder {
            person: Person {
                interests: Vec::new(),
                ..person.clone()
            },
            org: org.clone(),
            assignments,
        })
    }
}

#[async_trait]
impl Identity for MemoryStore {
    async fn put_account(&self, county: CountyCode, account: &Account) -> Result<(), Fault> {
        let mut tables = self.tables();
        if !tables.people.contains_key(&(county, account.person)) {
            return Err(refused("an account of an unknown person"));
        }
        let mut others = tables.identities.accounts.values();
        if others.any(|(_, other)| other.login == account.login && other.id != account.id) {
            return Err(Fault::Conflict("account"));
        }
        let accounts = &mut tables.identities.accounts;
        accounts.insert(account.id, (county, account.clone()));
        Ok(())
    }

    async fn account(&self, login: &str) -> Result<Option<(CountyCode, Account)>, Fault> {
        let tables = self.tables();
        let mut accounts = tables.identities.accounts.values();
        Ok(accounts.find(|(_, it)| it.login == login).cloned())
    }

    async fn accounts(&self, county: CountyCode) -> Result<Vec<Account>, Fault> {
        let tables = self.tables();
        let of_county = tables.identities.accounts.values();
        let mut accounts: Vec<Account> = of_county
            .filter(|(of, _)| *of == county)
            .map(|(_, account)| account.clone())
            .collect();
        accounts.sort_by(|one, other| one.login.cmp(&other.login));
        Ok(accounts)
    }

    async fn anybody_can_sign_in(&self) -> Result<bool, Fault> {
        let tables = self.tables();
        let mut accounts = tables.identities.accounts.values();
        Ok(accounts.any(|(_, it)| !it.password_hash.is_empty()))
    }

    async fn change(
        &self,
        county: CountyCode,
        changes: &[Change],
        record: Option<&IdentityEvent>,
    ) -> Result<u64, Fault> {
        let mut tables = self.tables();
        let mut identities = tables.identities.clone();
        let mut people = tables.people.clone();
        let mut touched = 0;
        for change in changes {
            touched = identities.carry_out(&mut people, county, change)?;
            if touched == 0 {
                return Ok(0);
            }
        }
        identities
            .events
            .extend(record.map(|record| (county, record.clone())));
        tables.identities = identities;
        tables.people = people;
        Ok(touched)
    }

    async fn presented(&self, hash: &str) -> Result<Option<Presented>, Fault> {
        let tables = self.tables();
        let it = &tables.identities;
        let holder = |county, person| it.holder(&tables.people, &tables.orgs, county, person);
        let found = it.secrets.get(hash).and_then(|secret| {
            let county = secret.county;
            let pass = it.passes.get(&(county, secret.pass))?.clone();
            let (_, account) = it.accounts.get(&pass.account)?;
            let absent = pass.on_behalf_of.and_then(|absent| {
                let substitutions = it.substitutions.iter();
                let substitutions = substitutions
                    .filter(|((of, _), it)| {
                        *of == county && it.absent == absent && it.substitute == account.person
                    })
                    .map(|(_, it)| it.clone());
                Some((holder(county, absent)?, substitutions.collect()))
            });
            Some(Presented {
                county,
                pass,
                secret_ends_at: secret.ends_at,
                holder: holder(county, account.person)?,
                absent,
            })
        });
        Ok(found)
    }

    async fn see(&self, county: CountyCode, pass: PassId, at: DateTime<Utc>) -> Result<(), Fault> {
        let mut tables = self.tables();
        if let Some(pass) = tables.identities.passes.get_mut(&(county, pass)) {
            pass.seen_at = pass.seen_at.max(at);
        }
        Ok(())
    }

    async fn passes(
        &self,
        county: CountyCode,
        kind: PassKind,
        now: DateTime<Utc>,
    ) -> Result<Vec<Pass>, Fault> {
        let tables = self.tables();
        let mut passes: Vec<Pass> = tables
            .identities
            .passes
            .iter()
            .filter(|((of, _), it)| *of == county && it.kind == kind)
            .map(|(_, it)| it.clone())
            .filter(|it| it.ended_at.is_none() && it.ends_at > now)
            .collect();
        passes.sort_by_key(|it| std::cmp::Reverse((it.opened_at, it.id)));
        Ok(passes)
    }

    async fn pass(&self, county: CountyCode, id: PassId) -> Result<Option<Pass>, Fault> {
        Ok(self.tables().identities.passes.get(&(county, id)).cloned())
    }

    async fn assignments(&self, county: CountyCode) -> Result<Vec<Assignment>, Fault> {
        let mut found = super::of_county(&self.tables().identities.assignments, county);
        found.sort_by_key(|it| (it.from, it.id));
        Ok(found)
    }

    async fn substitutions(&self, county: CountyCode) -> Result<Vec<Substitution>, Fault> {
        let mut found = super::of_county(&self.tables().identities.substitutions, county);
        found.sort_by_key(|it| (it.from, it.id));
        Ok(found)
    }

    async fn second_factor(
        &self,
        _county: CountyCode,
        account: AccountId,
    ) -> Result<Option<SecondFactor>, Fault> {
        Ok(self.tables().identities.factors.get(&account).cloned())
    }

    async fn use_step(
        &self,
        _county: CountyCode,
        account: AccountId,
        step: i64,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let found = tables.identities.factors.get_mut(&account);
        let found = found.filter(|it| it.is_confirmed && it.last_step < step);
        Ok(found.map(|it| it.last_step = step).is_some())
    }

    async fn use_recovery(
        &self,
        _county: CountyCode,
        account: AccountId,
        hash: &str,
        _at: DateTime<Utc>,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let key = (account, hash.to_owned());
        let used = tables.identities.recovery.get_mut(&key);
        Ok(used.is_some_and(|used| !std::mem::replace(used, true)))
    }

    async fn account_of_subject(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(CountyCode, Account)>, Fault> {
        let tables = self.tables();
        let it = &tables.identities;
        let account = it.subjects.get(&(issuer.to_owned(), subject.to_owned()));
        Ok(account.and_then(|id| it.accounts.get(id)).cloned())
    }

    async fn attempt(
        &self,
        key: &str,
        rule: Throttle,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Fault> {
        let mut tables = self.tables();
        let attempts = &mut tables.identities.attempts;
        match rule.count(attempts.get(key).copied(), now) {
            Ok(tally) => {
                attempts.insert(key.to_owned(), tally);
                Ok(None)
            }
            Err(until) => Ok(Some(until)),
        }
    }

    async fn forget_attempts(&self, key: &str) -> Result<(), Fault> {
        self.tables().identities.attempts.remove(key);
        Ok(())
    }

    async fn take_back_attempt(&self, key: &str) -> Result<(), Fault> {
        if let Some(tally) = self.tables().identities.attempts.get_mut(key) {
            tally.failures = (tally.failures - 1).max(0);
        }
        Ok(())
    }

    async fn put_setup_link(&self, hash: &str, ends_at: DateTime<Utc>) -> Result<(), Fault> {
        let mut tables = self.tables();
        let links = &mut tables.identities.setup_links;
        links.insert(hash.to_owned(), (ends_at, false));
        Ok(())
    }

    async fn use_setup_link(&self, hash: &str, at: DateTime<Utc>) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let mut accounts = tables.identities.accounts.values();
        if accounts.any(|(_, it)| !it.password_hash.is_empty()) {
            return Ok(false);
        }
        let link = tables.identities.setup_links.get_mut(hash);
        let link = link.filter(|(ends_at, used)| !used && at < *ends_at);
        Ok(link.map(|(_, used)| *used = true).is_some())
    }

    async fn identity_events(
        &self,
        county: CountyCode,
        after: Option<Uuid>,
        before: Option<Uuid>,
        newest_first: bool,
        limit: u32,
    ) -> Result<Vec<IdentityEvent>, Fault> {
        let tables = self.tables();
        let mut events: Vec<IdentityEvent> = tables
            .identities
            .events
            .iter()
            .filter(|(of, it)| *of == county && before.is_none_or(|before| it.id < before))
            .filter(|(_, it)| after.is_none_or(|after| it.id > after))
            .map(|(_, it)| it.clone())
            .collect();
        events.sort_by_key(|it| it.id);
        if newest_first {
            events.reverse();
        }
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(events)
    }
}
