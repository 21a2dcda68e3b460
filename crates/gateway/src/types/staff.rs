//! Staff and regions: who signs in, whom a task can be given, where things are.

use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::enums::Duty;
use crate::visit::Visit;
use async_graphql::{ID, SimpleObject};
use engine::Caller;
use engine::registry::Person;
use lifecycle::RegionCode;

/// Who is signed in.
#[derive(SimpleObject, Debug, Clone)]
pub struct Viewer {
    /// Id of the person.
    id: ID,
    /// Name.
    name: String,
    /// Name of the organisation.
    organisation: String,
    /// Whether the organisation is an insurer, which sees only its own claims.
    is_insurer: bool,
    /// Duties held.
    duties: Vec<Duty>,
    /// Region code (区划代码) in which they are held.
    region_code: String,
    /// County code: the tenant.
    county_code: String,
}

impl From<&Caller> for Viewer {
    fn from(caller: &Caller) -> Self {
        Self {
            id: node_id::encode(Kind::Person, caller.person.0),
            name: caller.name.clone(),
            organisation: caller.org_name.clone(),
            is_insurer: caller.scope.insurer.is_some(),
            duties: caller.duties.iter().map(|duty| (*duty).into()).collect(),
            region_code: caller.scope.region.to_string(),
            county_code: caller.scope.county.to_string(),
        }
    }
}

/// A person of staff in the caller's own organisation.
#[derive(SimpleObject, Debug, Clone)]
pub struct Colleague {
    /// The node id: what `assignSurvey` wants as `surveyorId`.
    #[graphql(owned)]
    pub id: ID,
    /// Name.
    name: String,
    /// Duties held.
    duties: Vec<Duty>,
    /// Region code in which they are held.
    region_code: String,
}

impl From<&Person> for Colleague {
    fn from(person: &Person) -> Self {
        Self {
            id: node_id::encode(Kind::Person, person.id.0),
            name: person.name.clone(),
            duties: person.duties.iter().map(|duty| (*duty).into()).collect(),
            region_code: person.region.to_string(),
        }
    }
}

/// A county, township or village.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(name = "Region")]
pub struct RegionName {
    /// Region code (区划代码) of 6, 9 or 12 digits.
    code: String,
    /// Name; empty if the code is not in the county's register.
    name: String,
}

impl From<&engine::registry::Region> for RegionName {
    fn from(region: &engine::registry::Region) -> Self {
        Self {
            code: region.code.to_string(),
            name: region.name.clone(),
        }
    }
}

impl RegionName {
    /// A region with its name from the register.
    pub async fn find(visit: &Visit, code: &RegionCode) -> Result<Self, ApiError> {
        let found = visit.region(code).await?;
        Ok(found.map_or_else(
            || Self {
                code: code.to_string(),
                name: String::new(),
            },
            Self::from,
        ))
    }
}
