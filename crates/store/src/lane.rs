//! Lanes: as whom a connection of `PostgreSQL` works while it is taken. The lane is read from the task
//! that takes the connection and is said to the server before its first statement; the policies of
//! step `0011_row_security` keep to it. `SQLite` has no such lock.

use engine::{Ask, Fault, Scope, Sight, sight};
use lifecycle::Scheme;
use sea_orm::DbErr;
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
    /// As the judge of a round of commands, all within one scope.
    Judge(Scope),
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
        Some(Sight::Within(scope, _)) => {
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

    /// The lane a command is judged in: the scope that the door has set; where no door did, the
    /// caller's own. The system's own commands are the system's.
    pub(crate) fn of_command(ask: &Ask) -> Self {
        match sight::current().as_deref() {
            Some(Sight::System) => Self::Seen(Arc::new(Sight::System)),
            Some(Sight::Within(scope, _)) => Self::Judge(scope.clone()),
            Some(Sight::Nobody) | None => Self::Judge(ask.scope.clone()),
        }
    }

    /// What is said to the server: role and settings, all of them each time, so that nothing of the
    /// one who had the connection before is left. The values are digits, hexadecimal and wildcards.
    pub(crate) fn statement(&self) -> String {
        let (role, scope, account) = match self {
            Self::Owner => ("none", None, None),
            Self::Judge(scope) => ("fangpin_judge", Some(scope), None),
            Self::Seen(sight) => match &**sight {
                Sight::Nobody => ("fangpin_door", None, None),
                Sight::System => ("fangpin_system", None, None),
                Sight::Within(scope, account) => ("fangpin_scoped", Some(scope), Some(account)),
            },
        };
        let said = |part: fn(&Scope) -> String| scope.map(part).unwrap_or_default();
        let settings = [
            ("county", said(|it| it.county.to_string())),
            ("region", said(|it| format!("{}%", it.region))),
            (
                "insurer",
                said(|it| {
                    it.insurer
                        .map(|insurer| insurer.to_string())
                        .unwrap_or_default()
                }),
            ),
            (
                "account",
                account.map(|it| it.0.to_string()).unwrap_or_default(),
            ),
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
        let within = |role: Role| {
            let caller = role.caller();
            Lane::Seen(Arc::new(Sight::Within(caller.scope, caller.account))).statement()
        };
        let account = Role::Handler.caller().account.0;
        let insurer = Role::Handler.caller().scope.insurer.expect("an insurer's");
        assert_eq!(
            within(Role::Handler),
            format!(
                "SELECT set_config('role', 'fangpin_scoped', false), set_config('fangpin.county', '130302', false), \
                 set_config('fangpin.region', '130302%', false), set_config('fangpin.insurer', '{insurer}', false), \
                 set_config('fangpin.account', '{account}', false)"
            )
        );
        let nobody = Lane::Seen(Arc::new(Sight::Nobody)).statement();
        assert!(nobody.contains("fangpin_door") && nobody.matches("''").count() == 4);
        assert_eq!(nobody.matches("set_config").count(), 5);
    }
}
