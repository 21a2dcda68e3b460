//! A county as a TOML file: its regions, organisations and people with their duties.

use crate::identity::{Assignment, Change};
use crate::ids;
use crate::ports::{Fault, Store};
use crate::registry::{Account, Org, OrgKind, Person, Region};
use crate::scheme_file::{FileFault, org_id, syntax};
use chrono::NaiveDate;
use lifecycle::{AccountId, CountyCode, Duty, PersonId, RegionCode};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountyText {
    county: u32,
    name: String,
    regions: Vec<RegionText>,
    orgs: Vec<OrgText>,
    people: Vec<PersonText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionText {
    code: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrgText {
    code: String,
    name: String,
    kind: OrgKindText,
    /// The code of the organisation it is under, of the same kind.
    parent: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrgKindText {
    Office,
    Insurer,
    Auditor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonText {
    login: String,
    name: String,
    org: String,
    region: String,
    duties: Vec<Duty>,
    /// First day of the duties; without it and `until` they stand.
    from: Option<toml::value::Datetime>,
    /// Last day of the duties.
    until: Option<toml::value::Datetime>,
}

/// A county file that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountyFile {
    /// The county.
    pub county: CountyCode,
    /// County, townships, villages.
    pub regions: Vec<Region>,
    /// Organisations.
    pub orgs: Vec<Org>,
    /// People, each with a login.
    pub people: Vec<(String, Person)>,
    /// Duties for a time.
    pub assignments: Vec<Assignment>,
}

/// The first day of a duty that has always been held.
const EVER: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

fn legal_day(at: &toml::value::Datetime) -> Result<NaiveDate, ()> {
    let date = at.date.filter(|_| at.time.is_none()).ok_or(())?;
    let (year, month, day) = (
        i32::from(date.year),
        u32::from(date.month),
        u32::from(date.day),
    );
    NaiveDate::from_ymd_opt(year, month, day).ok_or(())
}

/// Reads and checks a county file; every fault at once.
pub fn parse_county(text: &str) -> Result<CountyFile, Vec<FileFault>> {
    let file: CountyText = toml::from_str(text).map_err(|fault| vec![syntax(text, &fault)])?;
    let mut faults = Vec::new();
    let county = CountyCode::new(file.county).map_err(|wrong| {
        vec![FileFault {
            place: "county".into(),
            reason: wrong.to_string(),
        }]
    })?;
    let mut fault = |place: String, reason: String| faults.push(FileFault { place, reason });
    let mut region = |place: String, code: String| match RegionCode::new(code) {
        Ok(code) if code.as_str().starts_with(&county.to_string()) => Some(code),
        Ok(code) => {
            fault(place, format!("{code} does not lie in county {county}"));
            None
        }
        Err(wrong) => {
            fault(place, wrong.to_string());
            None
        }
    };
    let mut regions: Vec<Region> = region("county".into(), county.to_string())
        .map(|code| Region {
            code,
            name: file.name,
        })
        .into_iter()
        .collect();
    for (index, it) in file.regions.into_iter().enumerate() {
        let code = region(format!("regions[{index}]"), it.code);
        regions.extend(code.map(|code| Region {
            code,
            name: it.name,
        }));
    }
    let orgs: Vec<Org> = file
        .orgs
        .iter()
        .map(|it| Org {
            id: org_id(county, &it.code),
            name: it.name.clone(),
            kind: match it.kind {
                OrgKindText::Office => OrgKind::Office,
                OrgKindText::Insurer => OrgKind::Insurer,
                OrgKindText::Auditor => OrgKind::Auditor,
            },
            parent: it.parent.as_ref().map(|code| org_id(county, code)),
        })
        .collect();
    let mut people = Vec::new();
    let mut assignments = Vec::new();
    let mut untimely = Vec::new();
    for it in file.people {
        if let Some(code) = region(format!("people {}", it.login), it.region) {
            let key = format!("{county}/{}", it.login);
            let id = PersonId(ids::named("person", &key));
            let mut person = Person {
                id,
                name: it.name,
                org: org_id(county, &it.org),
                region: code,
                duties: it.duties,
                interests: Vec::new(),
            };
            if it.from.is_some() || it.until.is_some() {
                let first = it.from.map_or(Ok(NaiveDate::MIN), |at| legal_day(&at));
                let last = it.until.map(|at| legal_day(&at)).transpose();
                match (first, last) {
                    (Ok(from), Ok(until)) if until.is_none_or(|until| from <= until) => {
                        assignments.extend(person.duties.drain(..).map(|duty| Assignment {
                            id: ids::named("assignment", &format!("{key}/{duty}")),
                            person: id,
                            duty,
                            region: person.region.clone(),
                            from: from.max(EVER),
                            until,
                        }));
                    }
                    _ => untimely.push(it.login.clone()),
                }
            }
            people.push((it.login, person));
        }
    }
    for login in untimely {
        faults.push(FileFault {
            place: format!("people {login}"),
            reason: "from and until are days, like 2021-12-31, in this order".into(),
        });
    }
    for (it, org) in file.orgs.iter().zip(&orgs) {
        let Some(parent) = org.parent else { continue };
        let above = orgs.iter().find(|other| other.id == parent);
        if !above.is_some_and(|above| above.kind == org.kind && above.parent.is_none()) {
            faults.push(FileFault {
                place: format!("orgs {}", it.code),
                reason: "the parent is an organisation of the same kind that has none itself"
                    .into(),
            });
        }
    }
    for (login, person) in &people {
        if !orgs.iter().any(|org| org.id == person.org) {
            faults.push(FileFault {
                place: format!("people {login}"),
                reason: "the organisation is not among [[orgs]]".into(),
            });
        }
        if people.iter().filter(|(other, _)| other == login).count() > 1 {
            faults.push(FileFault {
                place: format!("people {login}"),
                reason: "the login stands twice".into(),
            });
        }
    }
    if faults.is_empty() {
        Ok(CountyFile {
            county,
            regions,
            orgs,
            people,
            assignments,
        })
    } else {
        Err(faults)
    }
}

/// Writes a county. Accounts that do not exist yet get `password_hash`; existing ones keep theirs,
/// as people keep the interests they declared.
pub async fn load_county(
    store: &dyn Store,
    file: &CountyFile,
    password_hash: &str,
) -> Result<(), Fault> {
    for region in &file.regions {
        store.put_region(file.county, region).await?;
    }
    // Whatever is above others comes first.
    let (above, below): (Vec<_>, Vec<_>) = file.orgs.iter().partition(|it| it.parent.is_none());
    for org in above.into_iter().chain(below) {
        store.put_org(file.county, org).await?;
    }
    let known = store.people(file.county).await?;
    for (login, person) in &file.people {
        // The file knows no interests (回避); those a person declared meanwhile stay (invariant 4).
        let declared = known.iter().find(|it| it.id == person.id);
        let person = Person {
            interests: declared.map_or_else(Vec::new, |it| it.interests.clone()),
            ..person.clone()
        };
        store.put_person(file.county, &person).await?;
        if store.account(login).await?.is_none() {
            let account = Account {
                id: AccountId(ids::named("account", &format!("{}/{login}", file.county))),
                login: login.clone(),
                password_hash: password_hash.to_owned(),
                person: person.id,
            };
            store.put_account(file.county, &account).await?;
        }
    }
    for assignment in &file.assignments {
        let put = Change::PutAssignment(assignment.clone());
        store.change(file.county, &[put], None).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::registry::Registry;
    use crate::testkit::MemoryStore;
    use lifecycle::HouseholdId;

    const SAMPLE: &str = include_str!("../../server/sample/county.toml");

    fn faults(text: &str) -> Vec<String> {
        let faults = parse_county(text).expect_err("a faulty county");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_sample_county_is_sound() {
        let file = parse_county(SAMPLE).expect("sound");
        assert_eq!(file.regions[0].code.as_str(), "130302");
        assert!(file.regions.iter().any(|it| it.name == "石门寨镇"));
        assert!(file.orgs.iter().any(|it| it.kind == OrgKind::Insurer));
        // Somebody can do each step (failure 35).
        for command in lifecycle::CommandKind::ALL.iter().copied() {
            let duties = lifecycle::duty::standard(command);
            let by_person = duties.iter().any(|duty| !duty.is_system());
            let people = file.people.iter();
            let able = people
                .filter(|(_, it)| it.duties.iter().any(|duty| duties.contains(duty)))
                .count();
            assert!(!by_person || able > 0, "nobody may {command}");
        }
    }

    #[test]
    fn each_fault_is_told_with_its_place() {
        for (find, replace, fault) in [
            (
                "county = 130302",
                "county = 13",
                "county: \"13\" is not a six-digit county code",
            ),
            (
                "code = \"130302105\"",
                "code = \"1303021\"",
                "regions[0]: \"1303021\" is not a region code of 6, 9 or 12 digits",
            ),
            (
                "code = \"130302105\"",
                "code = \"130303105\"",
                "regions[0]: 130303105 does not lie in county 130302",
            ),
            (
                "org = \"shimenzhai\"",
                "org = \"nowhere\"",
                "people smz.wang: the organisation is not among [[orgs]]",
            ),
            (
                "region = \"130302105\"",
                "region = \"999999\"",
                "people smz.wang: 999999 does not lie in county 130302",
            ),
        ] {
            assert!(SAMPLE.contains(find), "{find}");
            assert_eq!(faults(&SAMPLE.replacen(find, replace, 1)), [fault]);
        }
        let twice = faults(&SAMPLE.replacen("zcy.li", "smz.wang", 1));
        assert_eq!(twice, ["people smz.wang: the login stands twice"; 2]);
        let unknown = faults(&SAMPLE.replacen("SURVEYOR", "SURVEYER", 1));
        assert!(unknown.len() == 1 && unknown[0].starts_with("line "));
    }

    /// Loading again corrects duties and keeps passwords and declared interests.
    #[tokio::test]
    async fn loading_twice_keeps_what_was_declared() {
        let store = MemoryStore::new();
        let file = parse_county(SAMPLE).expect("sound");
        load_county(&store, &file, "first").await.expect("writing");
        let (_, person) = &file.people[0];
        let declared = Person {
            interests: vec![HouseholdId(ids::fresh())],
            duties: Vec::new(),
            ..person.clone()
        };
        let put = store.put_person(file.county, &declared).await;
        put.expect("writing");
        load_county(&store, &file, "second").await.expect("writing");
        let people = store.people(file.county).await.expect("reading");
        let stands = people.iter().find(|it| it.id == person.id);
        let stands = stands.expect("the person");
        assert_eq!(stands.interests, declared.interests);
        assert_eq!(stands.duties, person.duties);
        let accounts = store.accounts(file.county).await.expect("reading");
        assert_eq!(accounts.len(), file.people.len());
        assert!(accounts.iter().all(|it| it.password_hash == "first"));
    }
}
