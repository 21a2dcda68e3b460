//! Lanes: as whom a connection of `PostgreSQL` works while it is taken. The lane is read from the task
//! that takes the connection and is said to the server before its first statement; the policies of
//! step `0011_row_security` keep to it. `SQLite` has no such lock.

use engine::{Ask, Fault, Scope, Sight, sight};
use lifecycle::{CountyCode, Scheme};
use sea_orm::DbErr;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;

/// As whom a connection works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lane {
    /// As the owner of the tables: migrations and their ledger, nothing else.
    Owner,
    /// As the sight of the task says.
    Seen(Arc<Sight>),
    /// As the judge of a round of commands, within the scopes of its callers.
    Round {
        /// The county they are of.
        county: CountyCode,
        /// Patterns for village and insurer of their claims.
        claims: String,
    },
}

tokio::task_local! {
    static LANE: Lane;
}

/// Works as the owner of the tables.
pub(crate) async fn bare<F: Future>(work: F) -> F::Output {
    LANE.scope(Lane::Owner, work).await
}

/// Serves a round of commands.
pub(crate) async fn round<F: Future>(lane: Lane, work: F) -> F::Output {
    LANE.scope(lane, work).await
}

/// Whether this task may be given a scheme that is remembered.
pub(crate) fn sees_scheme(scheme: &Scheme) -> bool {
    match sight::current().as_deref() {
        Some(Sight::Within(scope)) => {
            scope.county == scheme.county
                && scope
                    .insurer
                    .is_none_or(|insurer| insurer == scheme.insurer)
        }
        Some(Sight::Nobody | Sight::System) | None => true,
    }
}

impl Lane {
    /// The lane of this task; `unset` where no door has set a sight.
    pub(crate) fn current(unset: &Arc<Sight>) -> Self {
        LANE.try_with(Self::clone)
            .unwrap_or_else(|_| Self::Seen(sight::current().unwrap_or_else(|| Arc::clone(unset))))
    }

    /// The lane of a round: the scopes that its doors set, each once. Where no door did, the caller's
    /// own. A round of the system's own commands is the system's.
    pub(crate) fn of_round(county: CountyCode, asks: &[(&Ask, Option<&Sight>)]) -> Self {
        let mut patterns = BTreeSet::new();
        for (ask, sight) in asks {
            match sight {
                Some(Sight::System) => return Self::Seen(Arc::new(Sight::System)),
                Some(Sight::Within(scope)) => patterns.insert(pattern(scope)),
                Some(Sight::Nobody) | None => patterns.insert(pattern(&ask.scope)),
            };
        }
        let patterns: Vec<String> = patterns.into_iter().collect();
        Self::Round {
            county,
            claims: format!("{{{}}}", patterns.join(",")),
        }
    }

    /// What is said to the server: role and settings, all of them each time, so that nothing of the
    /// one who had the connection before is left. The values are digits, hexadecimal and wildcards.
    pub(crate) fn statement(&self) -> String {
        let (mut county, mut region) = (String::new(), String::new());
        let (mut insurer, mut claims) = (String::new(), String::new());
        let role = match self {
            Self::Owner => "none",
            Self::Seen(sight) => match &**sight {
                Sight::Nobody => "fangpin_door",
                Sight::System => "fangpin_system",
                Sight::Within(scope) => {
                    county = scope.county.to_string();
                    region = format!("{}%", scope.region);
                    insurer = scope.insurer.map(|it| it.to_string()).unwrap_or_default();
                    "fangpin_scoped"
                }
            },
            Self::Round {
                county: of,
                claims: within,
            } => {
                county = of.to_string();
                claims.clone_from(within);
                "fangpin_judge"
            }
        };
        let settings: [(&str, String); 4] = [
            ("county", county),
            ("region", region),
            ("insurer", insurer),
            ("claims", claims),
        ];
        let mut statement = format!("SELECT set_config('role', '{role}', false)");
        for (name, value) in settings {
            debug_assert!(!value.contains(['\'', '\\']), "not a value of ours");
            let _ = write!(
                statement,
                ", set_config('fangpin.{name}', '{value}', false)"
            );
        }
        statement
    }
}

/// What village and insurer of a claim in the scope look like, one after the other.
fn pattern(scope: &Scope) -> String {
    let region = scope.region.as_str();
    match scope.insurer {
        None => format!("{region}%"),
        Some(insurer) => {
            let below = "_".repeat(VILLAGE_DIGITS.saturating_sub(region.len()));
            format!("{region}{below}{insurer}")
        }
    }
}

const VILLAGE_DIGITS: usize = 12;

/// A database user who may not make or take the roles is told what a superuser must run once.
pub(crate) fn refused_roles(fault: &DbErr) -> Option<Fault> {
    let (DbErr::Exec(sea_orm::RuntimeErr::SqlxError(fault))
    | DbErr::Query(sea_orm::RuntimeErr::SqlxError(fault))) = fault
    else {
        return None;
    };
    let refused = fault.as_database_error()?;
    let refused: &sqlx::postgres::PgDatabaseError = refused.try_downcast_ref()?;
    let hint = refused.hint().filter(|_| refused.code() == "42501")?;
    Some(Fault::Unusable(format!("{}; {hint}", refused.message())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testkit::Role;

    #[test]
    fn a_lane_says_everything_each_time() {
        let within =
            |role: Role| Lane::Seen(Arc::new(Sight::Within(role.caller().scope))).statement();
        let insurer = Role::Handler.caller().scope.insurer.expect("an insurer's");
        assert_eq!(
            within(Role::Handler),
            format!(
                "SELECT set_config('role', 'fangpin_scoped', false), set_config('fangpin.county', '130302', false), \
                 set_config('fangpin.region', '130302%', false), set_config('fangpin.insurer', '{insurer}', false), \
                 set_config('fangpin.claims', '', false)"
            )
        );
        let nobody = Lane::Seen(Arc::new(Sight::Nobody)).statement();
        assert!(nobody.contains("fangpin_door") && nobody.matches("''").count() == 4);
        assert_eq!(nobody.matches("set_config").count(), 5);
    }

    #[test]
    fn patterns_of_a_claim() {
        assert_eq!(pattern(&Role::Shimenzhai.caller().scope), "130302105%");
        let scope = Role::Handler.caller().scope;
        let insurer = scope.insurer.expect("an insurer's");
        assert_eq!(pattern(&scope), format!("130302______{insurer}"));
    }
}
