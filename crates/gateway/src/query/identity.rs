//! Sessions, keys, staff, substitution, and the record.

use crate::cursor::Binding;
use crate::errors::{ApiError, ErrorCode};
use crate::types::connection::{Connection, PageArgs};
use crate::types::identity::{
    ApiKey, Assignment, IdentityEvent, Session, StaffMember, Substitution,
};
use crate::visit::Visit;
use async_graphql::{Context, Object, OutputType};
use engine::access::Refusal;
use engine::identity::PassKind;
use uuid::Uuid;

/// Queries of identities.
#[derive(Default)]
pub struct IdentityQueries;

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::SecondFactor => ApiError::new(
            ErrorCode::SecondFactorRequired,
            "sign in with a second factor for this",
        ),
        _ => ApiError::new(ErrorCode::Forbidden, "your duties do not allow this"),
    }
}

/// A page of rows that are all at hand, by a key.
fn paged<T: OutputType + Clone>(
    visit: &Visit,
    list: &str,
    args: PageArgs,
    mut rows: Vec<(String, T)>,
) -> Result<Connection<T>, ApiError> {
    let caller = visit.caller()?;
    let binding = Binding::new(list, &caller.account, caller);
    let page = args.parse(&binding)?;
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(Connection::of_keyed(rows, &page, &binding))
}

macro_rules! identity_queries {
    ($($(#[doc = $doc:literal])+ $name:ident -> $node:ident = |$visit:ident, $args:ident| $body:expr;)+) => {
        #[Object]
        impl IdentityQueries {
            $(
                $(#[doc = $doc])+
                async fn $name(
                    &self,
                    ctx: &Context<'_>,
                    #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
                    first: Option<i32>,
                    #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
                    #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")]
                    last: Option<i32>,
                    #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
                ) -> Result<Connection<$node>, ApiError> {
                    let $args = PageArgs { first, after, last, before };
                    let $visit = Visit::of(ctx)?;
                    $body
                }
            )+
        }
    };
}

identity_queries! {
    /// One's own living sessions, the oldest first.
    sessions -> Session = |visit, args| {
        let (caller, access) = (visit.caller()?, &visit.office.access);
        let current = match visit.token() {
            Some(token) => access.presented(token).await?.map(|it| it.pass.id),
            None => None,
        };
        let kind = PassKind::Session;
        let found = access.passes_of(caller.scope.county, caller.account, kind).await?;
        let rows = found.iter().map(|it| {
            (it.id.to_string(), Session::new(it, Some(it.id) == current))
        });
        paged(visit, "sessions", args, rows.collect())
    };

    /// The living API keys of one's own account and of those one administers, the oldest first.
    api_keys -> ApiKey = |visit, args| {
        let keys = visit.office.access.keys(visit.caller()?).await?;
        let rows = keys.into_iter().map(|(pass, login)| {
            (pass.id.to_string(), ApiKey::new(&pass, login))
        });
        paged(visit, "apiKeys", args, rows.collect())
    };

    /// The people with a login whom one administers: of one's own organisation and of those under it.
    staff -> StaffMember = |visit, args| {
        let staff = visit.office.access.staff(visit.caller()?).await?.map_err(refused)?;
        let rows = staff.iter().map(|it| (it.login.clone(), StaffMember::from(it)));
        paged(visit, "staff", args, rows.collect())
    };

    /// The duties for a time of the people whom one administers.
    assignments -> Assignment = |visit, args| {
        let staff = visit.office.access.staff(visit.caller()?).await?.map_err(refused)?;
        let rows = staff.iter().flat_map(|it| &it.assignments);
        let rows = rows.map(|it| (it.id.to_string(), Assignment::from(it)));
        paged(visit, "assignments", args, rows.collect())
    };

    /// The substitutions one is part of, or administers.
    substitutions -> Substitution = |visit, args| {
        let found = visit.office.access.substitutions(visit.caller()?).await?;
        let rows = found.iter().map(|it| (it.id.to_string(), Substitution::from(it)));
        paged(visit, "substitutions", args, rows.collect())
    };

    /// The record of who did what to whose access, the oldest first; `last` for the newest. For
    /// administrators and auditors.
    identity_events -> IdentityEvent = |visit, args| {
        let caller = visit.caller()?;
        let binding = Binding::new("identityEvents", &caller.account, caller);
        let page = args.parse(&binding)?;
        let id = |key: &Option<String>| key.as_ref().and_then(|it| Uuid::parse_str(it).ok());
        let (after, before) = (id(&page.after), id(&page.before));
        let limit = page.size + 1;
        let read = visit.office.access.events(caller, after, before, page.from_end, limit);
        let mut events = read.await?.map_err(refused)?;
        let more = events.len() > usize::try_from(page.size).unwrap_or(usize::MAX);
        if more {
            events.pop();
        }
        if page.from_end {
            events.reverse();
        }
        let rows = events.iter().map(|it| (it.id.to_string(), IdentityEvent::from(it)));
        Ok(Connection::of(rows, more, &page, &binding))
    };
}
