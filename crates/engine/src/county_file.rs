//! A county as a TOML file: its regions, organisations and people with their duties.

use crate::ids;
use crate::ports::Fault;
use crate::ports::Store;
use crate::registry::{Account, Org, OrgKind, Person, Region};
use crate::scheme_file::{FileFault, org_id, syntax};
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
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OrgKindText {
    Office,
    Insurer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonText {
    login: String,
    name: String,
    org: String,
    region: String,
    duties: Vec<Duty>,
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
            },
        })
        .collect();
    let mut people = Vec::new();
    for it in file.people {
        if let Some(code) = region(format!("people {}", it.login), it.region) {
            let person = Person {
                id: PersonId(ids::named("person", &format!("{county}/{}", it.login))),
                name: it.name,
                org: org_id(county, &it.org),
                region: code,
                duties: it.duties,
                interests: Vec::new(),
            };
            people.push((it.login, person));
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
        })
    } else {
        Err(faults)
    }
}

/// Writes a county. Accounts that do not exist yet get `password_hash`; existing ones keep theirs.
pub async fn load_county(
    store: &dyn Store,
    file: &CountyFile,
    password_hash: &str,
) -> Result<(), Fault> {
    for region in &file.regions {
        store.put_region(file.county, region).await?;
    }
    for org in &file.orgs {
        store.put_org(file.county, org).await?;
    }
    for (login, person) in &file.people {
        store.put_person(file.county, person).await?;
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
    Ok(())
}
