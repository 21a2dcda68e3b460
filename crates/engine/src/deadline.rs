//! Deadlines (办理时限): what is due soon or overdue, and the reminder of it.
//!
//! The day by which something is due stands with the claim ([`Claim::due`]); here it is only looked at. A reminder
//! is a webhook about the claim as it stands, told once for each status and deadline. It is no event of the claim: it
//! gives no command and moves no version under anybody's hands (failure 9: silence approves nothing and pays nothing).

use crate::caller::Caller;
use crate::desk::Desk;
use crate::hooks::{Delivery, Endpoint, Reminder};
use crate::limits::{HOOK_WAITING_MAX, PAGE_MAX};
use crate::ports::{ClaimFilter, Fault, Happened, Page, Slice, Span};
use crate::work_queue;
use chrono::NaiveDate;
use lifecycle::calendar::legal_day;
use lifecycle::days::{Due, Holder, holder};
use lifecycle::{CalendarFault, Claim, ClaimId, Counting, RegionCode, Scheme, Term};
use std::collections::HashMap;
use std::sync::Arc;

lifecycle::coded! {
    /// How near a deadline is.
    DueState {
        /// Its last day is at most so many working days away.
        DueSoon = "DUE_SOON" "即将到期",
        /// Its last day is over.
        Overdue = "OVERDUE" "已逾期",
    }
}

/// What is asked of the deadlines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueAsk {
    /// Only these; `None` for both.
    pub state: Option<DueState>,
    /// Working days before the last day from which on something is due soon; `None` for what the installation says.
    pub within: Option<u16>,
    /// Only claims in a status in which one of the caller's duties is awaited.
    pub mine: bool,
    /// In this region.
    pub region: Option<RegionCode>,
}

/// A claim with what is due of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueClaim {
    /// The claim.
    pub claim: Claim,
    /// What is due.
    pub what: Due,
    /// The last legal day of its term.
    pub on: NaiveDate,
    /// How near that is.
    pub state: DueState,
    /// Days over, counted as the term counts them; 0 unless it is overdue.
    pub days_over: u32,
    /// How the term counts its days.
    pub counting: Counting,
    /// Who must act.
    pub holder: Holder,
}

/// What came of a round of reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminded {
    /// Reminders that were not told before.
    pub told: u64,
    /// What the calendar lacks to tell what is due soon; what is overdue was told.
    pub lacks: Option<CalendarFault>,
}

/// How a claim's term counts its days.
fn counting(claim: &Claim, what: Due, scheme: &Scheme) -> Counting {
    match what {
        Due::Term => scheme
            .deadline(claim.status())
            .map_or(Counting::CalendarDays, |term| term.counting),
        Due::Notice => scheme.notice.term.counting,
        Due::Letter => Counting::CalendarDays,
    }
}

impl DueState {
    /// How near a last day is that is due soon or over.
    fn of(on: NaiveDate, today: NaiveDate) -> Self {
        if on < today {
            Self::Overdue
        } else {
            Self::DueSoon
        }
    }
}

impl Desk {
    /// The last day that is due soon.
    fn soon_until(&self, today: NaiveDate, within: u16) -> Result<NaiveDate, CalendarFault> {
        let term = Term {
            days: within,
            counting: Counting::WorkingDays,
            rolls: false,
        };
        if within == 0 {
            return Ok(today);
        }
        self.calendar().last_day(today, term)
    }

    /// A page of what is due in the caller's scope, by claim number. A year that the calendar lacks is told, never
    /// passed over.
    pub async fn due_claims(
        &self,
        caller: &Caller,
        ask: &DueAsk,
        page: &Page,
    ) -> Result<Result<Slice<DueClaim>, CalendarFault>, Fault> {
        let store = self.store();
        let schemes = store.schemes(caller.scope.county).await?;
        let today = legal_day(self.clock().now());
        let within = ask.within.unwrap_or(self.remind_workdays());
        let due_to = match ask.state {
            Some(DueState::Overdue) => today.pred_opt().ok_or(CalendarFault::OutOfRange),
            Some(DueState::DueSoon) | None => self.soon_until(today, within),
        };
        let due_to = match due_to {
            Ok(day) => day,
            Err(fault) => return Ok(Err(fault)),
        };
        let statuses = if ask.mine {
            work_queue::statuses(caller, &schemes)
        } else {
            Vec::new()
        };
        if ask.mine && statuses.is_empty() {
            let (rows, more) = (Vec::new(), false);
            return Ok(Ok(Slice { rows, more }));
        }
        let filter = ClaimFilter {
            statuses,
            region: ask.region.clone(),
            due_from: (ask.state == Some(DueState::DueSoon)).then_some(today),
            due_to: Some(due_to),
            ..ClaimFilter::default()
        };
        let slice = store.claims(&caller.scope, &filter, page).await?;
        let schemes: HashMap<_, &Arc<Scheme>> = schemes.iter().map(|it| (it.id, it)).collect();
        let more = slice.more;
        let rows = slice.rows.into_iter().filter_map(|claim| {
            let scheme = schemes.get(&claim.scheme)?;
            Some(self.due_claim(claim, scheme, today))
        });
        let rows: Result<Vec<Option<DueClaim>>, CalendarFault> = rows.collect();
        Ok(rows.map(|rows| Slice {
            rows: rows.into_iter().flatten().collect(),
            more,
        }))
    }

    fn due_claim(
        &self,
        claim: Claim,
        scheme: &Scheme,
        today: NaiveDate,
    ) -> Result<Option<DueClaim>, CalendarFault> {
        let Some((what, on)) = claim.due() else {
            return Ok(None);
        };
        let counting = counting(&claim, what, scheme);
        Ok(Some(DueClaim {
            days_over: self.calendar().counted(on, today, counting)?,
            holder: holder(&claim, scheme.county_review),
            state: DueState::of(on, today),
            claim,
            what,
            on,
            counting,
        }))
    }
}

/// Reminds every endpoint that hears everything of what is due soon and what is overdue in its scope: once for each
/// claim, status and deadline. Nothing else is written.
pub async fn remind(desk: &Desk) -> Result<Reminded, Fault> {
    let today = legal_day(desk.clock().now());
    let soon_until = desk.soon_until(today, desk.remind_workdays());
    // To see that a day is over takes no calendar.
    let due_to = soon_until.ok().or_else(|| today.pred_opt());
    let mut told = 0;
    for county in desk.store().counties().await? {
        for endpoint in desk.store().endpoints(county, None).await? {
            if endpoint.disabled.is_none() && endpoint.kinds.is_empty() {
                told += remind_endpoint(desk, &endpoint, today, due_to).await?;
            }
        }
    }
    Ok(Reminded {
        told,
        lacks: soon_until.err(),
    })
}

async fn remind_endpoint(
    desk: &Desk,
    endpoint: &Endpoint,
    today: NaiveDate,
    due_to: Option<NaiveDate>,
) -> Result<u64, Fault> {
    let (store, scope, now) = (desk.store(), &endpoint.scope, desk.clock().now());
    let filter = ClaimFilter {
        due_to,
        ..ClaimFilter::default()
    };
    let mut page = Page::first(PAGE_MAX);
    let mut told = 0;
    // One that takes nothing is reminded again another day.
    while store.waiting(scope.county, endpoint.id).await? < HOOK_WAITING_MAX {
        let slice = store.claims(scope, &filter, &page).await?;
        let last = |claim: &Claim| Span {
            claim: claim.id,
            after: claim.version - 1,
            upto: claim.version,
        };
        let spans: Vec<Span> = slice.rows.iter().map(last).collect();
        let events = store.events(scope, &spans, &[]).await?;
        let events: HashMap<ClaimId, Happened> = events
            .iter()
            .map(|it| {
                let happened = Happened {
                    claim: it.claim,
                    version: it.version,
                    county_seq: it.county_seq,
                    kind: it.event.what.kind(),
                    at: now,
                };
                (it.claim, happened)
            })
            .collect();
        let reminders: Vec<Delivery> = slice
            .rows
            .iter()
            .filter_map(|claim| {
                let due_on = claim.due_on()?;
                let reminder = Reminder {
                    state: DueState::of(due_on, today),
                    status: claim.status(),
                    due_on,
                };
                let event = events.get(&claim.id)?;
                Some(Delivery::reminding(endpoint.id, *event, reminder, now))
            })
            .collect();
        told += store
            .put_reminders(scope.county, endpoint, &reminders)
            .await?;
        page.after = slice.rows.last().map(|it| it.number.clone());
        if !slice.more {
            break;
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Store;
    use crate::testkit::world::{World, day};
    use crate::testkit::{MemoryStore, Role, TestDesk, yuan};
    use chrono::Duration;
    use lifecycle::Status;
    use lifecycle::calendar::start_of;
    use lifecycle::scheme::Deadline;

    async fn desk() -> TestDesk {
        let mut world = World::new();
        let term = |status, days, counting| Deadline {
            status,
            term: Term {
                days,
                counting,
                rolls: false,
            },
        };
        world.scheme.deadlines = vec![
            term(Status::Referred, 5, Counting::WorkingDays),
            term(Status::NoticeClosed, 10, Counting::CalendarDays),
        ];
        let store = Arc::new(MemoryStore::new());
        TestDesk::open_with(store as Arc<dyn Store>, world).await
    }

    fn asking(state: DueState) -> DueAsk {
        DueAsk {
            state: Some(state),
            ..DueAsk::default()
        }
    }

    type Row = (String, Due, DueState, u32, Holder);

    async fn rows(desk: &Desk, role: Role, ask: &DueAsk) -> Result<Vec<Row>, CalendarFault> {
        let found = desk.due_claims(&role.caller(), ask, &Page::first(10)).await;
        let slice = found.expect("reading")?;
        let row = |it: DueClaim| (it.claim.number, it.what, it.state, it.days_over, it.holder);
        Ok(slice.rows.into_iter().map(row).collect())
    }

    /// By the calendar of the scheme, in the caller's scope, for whoever must act; a missing year is told (failures 18, 34).
    #[tokio::test]
    async fn what_is_due_is_told_by_the_calendar() {
        let test = desk().await;
        let claim = test.refer(test.world.household("石门寨")).await;
        // Referred on Monday, 1 June: due on Monday the 8th, due soon from Thursday the 4th on.
        assert_eq!(claim.due_on(), Some(day(2020, 6, 8)));
        let all = DueAsk::default();
        let row = |state, days_over| {
            let number = claim.number.clone();
            Ok(vec![(number, Due::Term, state, days_over, Holder::Insurer)])
        };
        let at = |on| test.clock.set(start_of(on) + Duration::hours(9));
        at(day(2020, 6, 3));
        assert_eq!(rows(&test.desk, Role::Handler, &all).await, Ok(Vec::new()));
        let early = test.desk.clone().reminding(3);
        let soon = row(DueState::DueSoon, 0);
        assert_eq!(rows(&early, Role::Handler, &all).await, soon);
        at(day(2020, 6, 4));
        for role in [Role::Handler, Role::Shimenzhai, Role::Auditor] {
            assert_eq!(rows(&test.desk, role, &all).await, soon, "{role:?}");
        }
        assert_eq!(
            rows(&test.desk, Role::Zhucaoying, &all).await,
            Ok(Vec::new())
        );
        let mine = DueAsk {
            mine: true,
            ..DueAsk::default()
        };
        assert_eq!(rows(&test.desk, Role::Handler, &mine).await, soon);
        assert_eq!(rows(&test.desk, Role::Finance, &mine).await, Ok(Vec::new()));
        let overdue = asking(DueState::Overdue);
        at(day(2020, 6, 8));
        assert_eq!(
            rows(&test.desk, Role::Handler, &overdue).await,
            Ok(Vec::new())
        );
        // Of the days to Sunday the 14th four are worked.
        at(day(2020, 6, 14));
        let over = row(DueState::Overdue, 4);
        assert_eq!(rows(&test.desk, Role::Handler, &overdue).await, over);
        let soon = asking(DueState::DueSoon);
        assert_eq!(rows(&test.desk, Role::Handler, &soon).await, Ok(Vec::new()));
        // Two working days ahead lie in a year that nobody has read.
        at(day(2026, 12, 31));
        let missing = Err(CalendarFault::MissingYear(2027));
        assert_eq!(rows(&test.desk, Role::Handler, &all).await, missing);
        let reminded = remind(&test.desk).await.expect("reminding");
        assert_eq!(reminded.lacks, Some(CalendarFault::MissingYear(2027)));
    }

    /// Failure 19: while an objection is open nothing is due; its days are nobody's.
    #[tokio::test]
    async fn an_objection_stops_the_clock() {
        let test = desk().await;
        let story = test.refer(test.world.household("石门寨"));
        let closed = story.through_verification(yuan(41_200)).through_notice();
        let closed = closed.await;
        let due_on = closed.due_on().expect("a term runs");
        let stopped = test.on(&closed).pass_days(4).object().await;
        assert_eq!(stopped.due_on(), None);
        test.pass_days(60);
        assert_eq!(
            rows(&test.desk, Role::Auditor, &DueAsk::default()).await,
            Ok(Vec::new())
        );
        let goes_on = test.on(&stopped).dismiss().await;
        let later = due_on + chrono::Days::new(60);
        assert_eq!(goes_on.due_on(), Some(later));
        test.expect_sound().await;
    }
}
