//! Households in memory, and who has read what is private in them.

use super::{MemoryStore, Tables, merge, of_county, refused, sliced};
use crate::caller::Scope;
use crate::disclosure::{Disclosed, Disclosing, Disclosure, DisclosureFilter, PrivateSubject};
use crate::household::{
    Household, Households, IdNumber, Payee, PayeeCheck, PrivateDetails, PrivateText,
};
use crate::ports::{Fault, HouseholdFilter, Page, Slice};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use lifecycle::{ClaimId, CountyCode, HouseholdId, MemberId, PayeeId};
use std::collections::BTreeSet;

impl Tables {
    fn private(&self, disclosure: &Disclosure) -> Option<PrivateText> {
        let key = (disclosure.county, disclosure.household);
        let home = self.households.get(&key)?;
        let text = match disclosure.subject {
            PrivateSubject::IdNumber(id) => {
                let mut members = home.members.iter();
                members.find(|it| it.id == id)?.id_number.reveal()
            }
            PrivateSubject::Account(id) => {
                let mut payees = home.payees.iter();
                payees.find(|it| it.id == id)?.account.reveal()
            }
            PrivateSubject::Phone(id) => home.phone.as_ref().filter(|_| id == home.id)?.reveal(),
            PrivateSubject::Diagnosis(id) => {
                let claim = self.claims.get(&(disclosure.county, id))?;
                if claim.claim.household != home.id {
                    return None;
                }
                self.diagnoses.get(&(disclosure.county, id))?.reveal()
            }
        };
        Some(PrivateText::new(text.to_owned()))
    }
}

#[async_trait]
impl Households for MemoryStore {
    async fn put_household(&self, household: &Household) -> Result<(), Fault> {
        let mut tables = self.tables();
        let county = household.county;
        let stolen = tables
            .households
            .iter()
            .filter(|((of, id), _)| *of == county && *id != household.id)
            .flat_map(|(_, other)| &other.members)
            .any(|other| {
                let mut members = household.members.iter();
                members.any(|it| it.id == other.id || it.id_number == other.id_number)
            });
        if stolen {
            return Err(Fault::Conflict("member"));
        }
        let known = tables.households.remove(&(county, household.id));
        let merged = match known {
            None => household.clone(),
            Some(known) => merge(known, household),
        };
        tables.counties.insert(county);
        tables.households.insert((county, household.id), merged);
        Ok(())
    }

    async fn household(
        &self,
        county: CountyCode,
        id: HouseholdId,
    ) -> Result<Option<Household>, Fault> {
        Ok(self.tables().households.get(&(county, id)).cloned())
    }

    async fn households_by_ids(
        &self,
        county: CountyCode,
        ids: &[HouseholdId],
    ) -> Result<Vec<Household>, Fault> {
        let tables = self.tables();
        let known = |id: &HouseholdId| tables.households.get(&(county, *id)).cloned();
        Ok(ids.iter().filter_map(known).collect())
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
        let tables = self.tables();
        let own = |home: &&Household| {
            scope.insurer.is_none()
                || tables
                    .claims_of(scope.county)
                    .any(|row| row.claim.household == home.id && scope.covers(&row.claim))
        };
        let rows = tables
            .households_of(scope.county)
            .filter(|home| scope.region.covers(&home.village))
            .filter(|home| region.as_ref().is_none_or(|it| it.covers(&home.village)))
            .filter(|home| kind.as_ref().is_none_or(|it| home.kind == *it))
            .filter(|home| listed.is_none_or(|it| home.listed_on.is_some() == it))
            .filter(own)
            .collect();
        Ok(sliced(rows, page, |home| home.id.to_string()))
    }

    async fn household_of(
        &self,
        county: CountyCode,
        id_number: &IdNumber,
    ) -> Result<Option<Household>, Fault> {
        let households: Vec<Household> = of_county(&self.tables().households, county);
        Ok(households.into_iter().find(|household| {
            let mut members = household.members.iter();
            members.any(|it| it.id_number == *id_number)
        }))
    }

    async fn put_payee(
        &self,
        county: CountyCode,
        household: HouseholdId,
        payee: &Payee,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let mut payees = tables
            .households
            .iter()
            .filter(|((of, _), _)| *of == county)
            .flat_map(|(_, home)| home.payees.iter().map(move |payee| (home.id, payee)));
        if let Some((home, known)) = payees.find(|(_, it)| it.id == payee.id) {
            return if home == household && known.is_version(payee) {
                Ok(())
            } else {
                Err(Fault::Conflict("payee"))
            };
        }
        drop(payees);
        let Some(home) = tables.households.get_mut(&(county, household)) else {
            return Err(refused("a payee of an unknown household"));
        };
        if !home.members.iter().any(|it| it.id == payee.member) {
            return Err(refused("a payee who is no member of the household"));
        }
        home.payees.push(payee.clone());
        Ok(())
    }

    async fn put_payee_check(
        &self,
        county: CountyCode,
        payee: PayeeId,
        check: &PayeeCheck,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let found = tables
            .households
            .iter_mut()
            .filter(|((of, _), _)| *of == county)
            .flat_map(|(_, household)| &mut household.payees)
            .find(|it| it.id == payee);
        let Some(payee) = found else {
            return Err(refused("a check of an unknown payee"));
        };
        if !payee.takes(check) {
            return Err(refused("a check by whoever entered the payee"));
        }
        match payee.checks.iter().find(|it| it.id == check.id) {
            Some(known) if known.says(check) => {}
            Some(_) => return Err(Fault::Conflict("payee_check")),
            None => payee.checks.push(check.clone()),
        }
        Ok(())
    }

    async fn record_liveness(
        &self,
        county: CountyCode,
        member: MemberId,
        checked_on: NaiveDate,
        died_on: Option<NaiveDate>,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let found = tables
            .households
            .iter_mut()
            .filter(|((of, _), _)| *of == county)
            .flat_map(|(_, household)| &mut household.members)
            .find(|it| it.id == member);
        let Some(found) = found else {
            return Err(refused("a check of an unknown member"));
        };
        found.checked_on = Some(checked_on);
        found.died_on = died_on;
        Ok(())
    }

    async fn put_private_details(&self, details: &PrivateDetails) -> Result<(), Fault> {
        let mut tables = self.tables();
        let county = details.county;
        let key = (county, details.household);
        if !tables.households.contains_key(&key) {
            return Err(refused("private details of an unknown household"));
        }
        if let Some((claim, diagnosis)) = &details.diagnosis {
            let found = tables.claims.get(&(county, *claim));
            if found.is_none_or(|it| it.claim.household != details.household) {
                return Err(refused(
                    "a diagnosis of a claim that is not the household's",
                ));
            }
            tables.diagnoses.insert((county, *claim), diagnosis.clone());
        }
        if let (Some(phone), Some(home)) = (&details.phone, tables.households.get_mut(&key)) {
            home.phone = Some(phone.clone());
        }
        Ok(())
    }

    async fn diagnosed(
        &self,
        county: CountyCode,
        claims: &[ClaimId],
    ) -> Result<BTreeSet<ClaimId>, Fault> {
        let tables = self.tables();
        let known = claims.iter().copied();
        Ok(known
            .filter(|claim| tables.diagnoses.contains_key(&(county, *claim)))
            .collect())
    }

    async fn disclose(
        &self,
        disclosure: Disclosure,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Disclosing, Fault> {
        let mut tables = self.tables();
        let Some(value) = tables.private(&disclosure) else {
            return Ok(Disclosing::Absent);
        };
        let record = tables.disclosures.entry(disclosure.county).or_default();
        let read = record
            .iter()
            .filter(|it| it.what.account == disclosure.account && it.what.at >= since)
            .count();
        if u32::try_from(read).is_ok_and(|read| read >= limit) {
            return Ok(Disclosing::Exhausted);
        }
        let (seq, hash) = head(record);
        let entry = Disclosed::after(seq, &hash, disclosure);
        record.push(entry.clone());
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
        let tables = self.tables();
        let DisclosureFilter {
            household,
            person,
            among,
            region,
        } = filter;
        let lies_in = |id: HouseholdId| {
            let home = tables.households.get(&(county, id));
            region
                .as_ref()
                .is_none_or(|region| home.is_some_and(|home| region.covers(&home.village)))
        };
        let record = tables.disclosures.get(&county).into_iter().flatten();
        let rows = record
            .filter(|it| {
                household.is_none_or(|id| id == it.what.household)
                    && person.is_none_or(|id| id == it.what.person)
                    && among
                        .as_ref()
                        .is_none_or(|list| list.contains(&it.what.person))
                    && lies_in(it.what.household)
            })
            .collect();
        Ok(sliced(rows, page, Disclosed::key))
    }

    async fn disclosure_log(
        &self,
        county: CountyCode,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Disclosed>, Fault> {
        let tables = self.tables();
        let record = tables.disclosures.get(&county).into_iter().flatten();
        Ok(record
            .filter(|it| it.seq > after)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect())
    }

    async fn disclosure_head(&self, county: CountyCode) -> Result<(i64, String), Fault> {
        let tables = self.tables();
        let record = tables.disclosures.get(&county);
        Ok(record.map(|it| head(it)).unwrap_or_default())
    }
}

fn head(record: &[Disclosed]) -> (i64, String) {
    let last = record.last();
    last.map(|it| (it.seq, it.hash.clone())).unwrap_or_default()
}
