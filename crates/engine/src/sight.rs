//! Sight (所见): on whose behalf the store is asked. Every door sets it once, from the caller it
//! has authenticated, before anything else is read; the store's second lock (row-level security on
//! `PostgreSQL`) keeps to it, whatever scope a resolver hands over later. A resolver that gets a scope
//! wrong meets a lock that does not know of it.
//!
//! It travels with the task: work that is spawned must be [`carried`], else it sees nothing. It can
//! only be narrowed: inside a caller's sight there is no other caller's and no system's. The one
//! exception is declared: [`whole_county`].

use crate::caller::{Caller, Scope};
use lifecycle::AccountId;
use std::future::Future;
use std::sync::Arc;

/// On whose behalf the store is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Nobody's yet: who there is (logins, sessions, staff), and nothing of the county.
    Nobody,
    /// A caller's: what lies in the scope, and what belongs to the account.
    Within(Scope, AccountId),
    /// The system's own work: timers, relays, verification, the command line.
    System,
}

tokio::task_local! {
    static SIGHT: Arc<Sight>;
}

/// The sight of this task, if a door has set one.
pub fn current() -> Option<Arc<Sight>> {
    SIGHT.try_with(Arc::clone).ok()
}

/// Whether this task already acts for a caller.
fn is_narrow() -> bool {
    current().is_some_and(|sight| matches!(*sight, Sight::Within(..)))
}

async fn with<F: Future>(sight: Sight, work: F) -> F::Output {
    if is_narrow() {
        return work.await;
    }
    SIGHT.scope(Arc::new(sight), work).await
}

/// Works for a caller. For doors.
pub async fn within<F: Future>(caller: &Caller, work: F) -> F::Output {
    with(Sight::Within(caller.scope.clone(), caller.account), work).await
}

/// Works for the system itself. For timers, relays and the command line.
pub async fn system<F: Future>(work: F) -> F::Output {
    with(Sight::System, work).await
}

/// Takes the sight of this task along into another one.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let sight = current();
    async move {
        match sight {
            Some(sight) => SIGHT.scope(sight, work).await,
            None => work.await,
        }
    }
}

/// Looks at the whole county of a caller, for a question whose answer tells nothing of what was
/// seen: whether an identity number is registered anywhere. The only widening there is.
pub async fn whole_county<F: Future>(work: F) -> F::Output {
    let sight = match current().as_deref() {
        Some(Sight::Within(scope, account)) => {
            let wide = Scope {
                county: scope.county,
                region: scope.region.county(),
                insurer: None,
            };
            Sight::Within(wide, *account)
        }
        Some(Sight::Nobody | Sight::System) | None => return work.await,
    };
    SIGHT.scope(Arc::new(sight), work).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Role;

    #[tokio::test]
    async fn sight_is_set_once_carried_and_only_narrowed() {
        assert_eq!(current(), None);
        let own = Role::Shimenzhai.caller();
        let other = Role::Zhucaoying.caller();
        let sees = |caller: &Caller| {
            let scope = caller.scope.clone();
            Some(Arc::new(Sight::Within(scope, caller.account)))
        };
        system(async {
            assert_eq!(current(), Some(Arc::new(Sight::System)));
            within(&own, async {
                assert_eq!(current(), sees(&own));
                within(&other, async { assert_eq!(current(), sees(&own)) }).await;
                system(async { assert_eq!(current(), sees(&own)) }).await;
                let bare = tokio::spawn(async { current() }).await;
                assert_eq!(bare.expect("it ends"), None, "a spawned task sees nothing");
                let along = tokio::spawn(carried(async { current() })).await;
                assert_eq!(along.expect("it ends"), sees(&own));
                let wide = whole_county(async { current() }).await;
                let scope = Role::CountyCaseworker.caller().scope;
                assert_eq!(
                    wide,
                    sees(&Caller {
                        scope,
                        ..own.clone()
                    })
                );
            })
            .await;
        })
        .await;
        assert_eq!(current(), None);
    }
}
