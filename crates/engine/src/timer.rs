//! Timers: a due deadline is a command through the same door. No timer can approve or pay.

use crate::caller::{Caller, Grant, Scope};
use crate::desk::{Desk, Submission};
use crate::ports::{Fault, Outcome};
use crate::{ids, limits};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use lifecycle::calendar::legal_day;
use lifecycle::{
    AccountId, Calendar, CalendarWarning, Claim, Command, CountyCode, Door, Duty, OrgId, PersonId,
    RegionCode,
};

/// The caller that stands for the timer of a county.
pub fn timer_caller(county: CountyCode) -> Option<Caller> {
    let id = ids::named("system", "timer");
    Some(Caller {
        account: AccountId(id),
        person: PersonId(id),
        name: "定时任务".into(),
        on_behalf_of: None,
        org: OrgId(id),
        org_name: "系统".into(),
        duties: vec![Duty::Timer],
        scope: Scope {
            county,
            region: RegionCode::new(county.to_string()).ok()?,
            insurer: None,
        },
        door: Door::System,
        grants: vec![Grant::Read, Grant::Act],
        second_factor: false,
        second_factor_wanted: false,
    })
}

/// Compares the machine's clock with the time that really passed. Somebody who sets the clock five
/// days ahead must not end a notice (invariant 11), so from a jump on timers stand still, in this
/// process, until it is started again: whoever does that has looked at the clock.
#[derive(Debug)]
pub struct Pace {
    clock: DateTime<Utc>,
    passed: Duration,
    ahead: Option<Duration>,
}

impl Pace {
    /// Begins now, with `passed` on a counter that nobody can set, such as the machine's uptime.
    pub const fn new(clock: DateTime<Utc>, passed: Duration) -> Self {
        Self {
            clock,
            passed,
            ahead: None,
        }
    }

    /// Looks again; how far the clock has jumped ahead, if it ever has. Set back, it shortens nothing.
    pub fn look(&mut self, clock: DateTime<Utc>, passed: Duration) -> Option<Duration> {
        let ahead = (clock - self.clock) - (passed - self.passed);
        if ahead > Duration::minutes(limits::CLOCK_AHEAD_MINUTES_MAX) {
            self.ahead = self.ahead.max(Some(ahead));
        }
        self.clock = clock;
        self.passed = passed;
        self.ahead
    }
}

/// Tells once a legal day what the calendar lacks, from the first look on.
#[derive(Debug, Default)]
pub struct CalendarWatch {
    looked_on: Option<NaiveDate>,
}

impl CalendarWatch {
    /// Looks again; the warnings that have not been told today.
    pub fn look(&mut self, calendar: &Calendar, now: DateTime<Utc>) -> Vec<CalendarWarning> {
        let today = legal_day(now);
        if self.looked_on.replace(today) == Some(today) {
            return Vec::new();
        }
        calendar.warnings(today)
    }
}

/// Closes the notices whose term has run. Returns how many were closed. A claim that cannot be
/// served keeps none of the others from closing; its fault is reported after them.
pub async fn close_due_notices(desk: &Desk) -> Result<usize, Fault> {
    let due = desk
        .store()
        .due_notices(desk.clock().now(), limits::TIMER_ROUND_MAX)
        .await?;
    let mut closed = 0;
    let mut first_fault = None;
    for claim in due {
        match close(desk, &claim).await {
            Ok(Outcome::Done { replay: false, .. }) => closed += 1,
            Ok(
                Outcome::Done { replay: true, .. }
                | Outcome::Blocked(_)
                | Outcome::Stale { .. }
                | Outcome::NotFound
                | Outcome::KeyReused,
            ) => {}
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    first_fault.map_or(Ok(closed), Err)
}

async fn close(desk: &Desk, claim: &Claim) -> Result<Outcome, Fault> {
    let Some(caller) = timer_caller(claim.county) else {
        return Ok(Outcome::NotFound);
    };
    let submission = Submission {
        claim: Some((claim.id, claim.version)),
        key: ids::named("close-notice", &format!("{}/{}", claim.id, claim.version)),
        command: Command::CloseNotice,
    };
    desk.submit(&caller, submission).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Store;
    use crate::testkit::world::{World, county, day};
    use crate::testkit::{Expect, MemoryStore, Tamper, TestDesk, yuan};
    use chrono::Datelike;
    use lifecycle::calendar::{end_of, start_of};
    use lifecycle::phase::payout::BankOutcome;
    use lifecycle::{PayeeId, PaymentId, Status};
    use std::sync::Arc;

    #[test]
    fn timers_stand_still_once_the_clock_has_jumped() {
        let began = DateTime::<Utc>::UNIX_EPOCH + Duration::days(18_414);
        let minutes = Duration::minutes;
        let mut pace = Pace::new(began, minutes(500));
        // It runs as the time does, slept a night with the machine, and is set a little, and back.
        for (clock, passed) in [
            (1, 501),
            (481, 981),
            (490, 982),
            (482, 983),
            (100, 984),
            (101, 985),
        ] {
            assert_eq!(
                pace.look(began + minutes(clock), minutes(passed)),
                None,
                "{clock}"
            );
        }
        let five_days = minutes(5 * 24 * 60);
        let jumped = began + minutes(102) + five_days;
        assert_eq!(pace.look(jumped, minutes(986)), Some(five_days));
        // It stays so, even when the clock is set right.
        assert_eq!(
            pace.look(began + minutes(103), minutes(987)),
            Some(five_days)
        );
    }

    /// Failure 18: told at the start and once a day, by the village's midnight.
    #[test]
    fn a_missing_year_is_told_once_a_day() {
        let calendar = World::new().calendar;
        let mut watch = CalendarWatch::default();
        let mut told = |at: DateTime<Utc>| watch.look(&calendar, at);
        let next = CalendarWarning::NextYearMissing(2027);
        let midnight = start_of(day(2026, 10, 1));
        let minute = Duration::minutes(1);
        assert_eq!(told(midnight - minute), []);
        assert_eq!(told(midnight), [next]);
        assert_eq!(told(midnight + minute), []);
        assert_eq!(told(midnight + Duration::hours(23)), []);
        assert_eq!(told(midnight + Duration::days(1)), [next]);
        let year_end = start_of(day(2027, 1, 1));
        assert_eq!(told(year_end - minute), [next]);
        assert_eq!(told(year_end), [CalendarWarning::YearMissing(2027)]);
    }

    /// Failure 9, invariant 11: silence approves nothing and pays nothing.
    #[tokio::test]
    async fn timer_can_neither_approve_nor_pay() {
        let desk = TestDesk::in_memory().await;
        let story = desk.refer(desk.world.household("石门寨"));
        let closed = story
            .through_verification(yuan(41_200))
            .through_notice()
            .await;
        let timer = timer_caller(county()).expect("a timer for every county");
        let amount = yuan(25_340);
        let payee = PayeeId(ids::fresh());
        let dossier = "0".repeat(64);
        let bank_ref = String::from("B1");
        let instruction_no = String::from("FP1");
        for command in [
            Command::ApproveClaim {
                benefit: amount,
                uplift: None,
                payee,
                dossier: dossier.clone(),
            },
            Command::SecondApproveClaim {
                amount,
                payee,
                dossier,
            },
            Command::RejectClaim { lines: Vec::new() },
            Command::DecideAppeal {
                upheld: true,
                findings: "R".into(),
            },
            Command::CloseClaim {
                archive_no: "R".into(),
            },
            Command::InstructPayout {
                payment: PaymentId(ids::fresh()),
                amount,
                payee,
            },
            Command::ConfirmPayout {
                instruction_no,
                amount,
                bank_ref: bank_ref.clone(),
            },
            Command::ReconcilePayout {
                outcome: BankOutcome::Settled { amount, bank_ref },
            },
            Command::ReinstatePayout { payee },
        ] {
            let submission = Submission {
                claim: Some((closed.id, closed.version)),
                key: ids::fresh(),
                command,
            };
            let outcome = desk.desk.submit(&timer, submission).await;
            let Ok(Outcome::Blocked(blocked)) = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(blocked.code(), "DUTY_MISSING");
        }
        desk.pass_days(400);
        assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 0);
        let log = desk.log().await.len();
        crate::deadline::remind(&desk.desk).await.expect("a round");
        assert_eq!(desk.log().await.len(), log, "a reminder is no event");
        desk.claim(closed.id)
            .await
            .expect_status(Status::NoticeClosed);
        desk.expect_sound().await;
    }

    /// The same round again is the same command: its key follows from claim and version.
    #[tokio::test]
    async fn round_counts_what_it_closed() {
        let desk = TestDesk::in_memory().await;
        let story = desk.refer(desk.world.household("石门寨"));
        let open = story
            .through_verification(yuan(41_200))
            .preview()
            .open_notice()
            .prove()
            .await;
        desk.pass_days(6);
        let first = close(&desk.desk, &open).await.expect("closing");
        assert!(matches!(first, Outcome::Done { replay: false, .. }));
        let again = close(&desk.desk, &open).await.expect("closing");
        assert!(matches!(again, Outcome::Done { replay: true, .. }));
        assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 0);
    }

    /// Failure 20: whenever it was posted, a notice is due after any downtime of 0 to 40 days, at no
    /// moment before its term is over, and the first round then closes it. Notices whose term leaves
    /// the calendar cannot be opened. Every eleventh day meets every weekday and part of a month;
    /// `lifecycle/tests/downtime.rs` judges every day.
    #[tokio::test]
    async fn a_notice_closes_after_any_downtime_and_never_early() {
        let mut closed = 0;
        for year in 2018..=2026 {
            // A clock is never set back, so a desk posts again when its longest downtime is over.
            for lane in 0..LANES {
                closed += Box::pin(closed_in(year, lane)).await;
            }
        }
        assert_eq!(closed, 9 * 34 - 1, "all but one late in December 2026");
    }

    const LANES: usize = 6;

    /// A claim of the year's own, so that its history stays short, goes round again and again.
    async fn closed_in(year: i32, lane: usize) -> usize {
        let memory = Arc::new(MemoryStore::new());
        let desk = TestDesk::open(Arc::clone(&memory) as Arc<dyn Store>).await;
        let story = desk.refer(desk.world.household("石门寨"));
        let mut verified = story.through_verification(yuan(41_200)).await;
        // The claim is of June 2020; that it may be posted in earlier years, its log ends before them.
        let ends_early = Tamper::EventText {
            county_seq: i64::from(verified.version),
            find: desk.now().format("%Y-%m-%dT").to_string(),
            replace: "2017-06-01T".into(),
        };
        memory.tamper(county(), ends_early);
        let due = async |at| {
            let due = desk.store().due_notices(at, 10).await.expect("reading");
            due.iter().map(|it| it.id).collect::<Vec<_>>()
        };
        let mut closed = 0;
        let days = day(year, 1, 1).iter_days();
        let days = days.take_while(|it| it.year() == year).step_by(11);
        for posted in days.skip(lane).step_by(LANES) {
            desk.clock.set(start_of(posted) + Duration::hours(9));
            let term = desk.world.scheme.notice.term;
            let previewed = desk.on(&verified).preview().await;
            let Ok(last_day) = desk.world.calendar.last_day(posted, term) else {
                assert!(posted >= day(2026, 12, 27), "{posted}");
                let story = desk.on(&previewed).open_notice();
                let refused = story.expect_blocked("CALENDAR_MISSING").await;
                verified = refused.expect("a claim");
                continue;
            };
            let open = desk.on(&previewed).open_notice().prove().await;
            let early = end_of(last_day) - Duration::microseconds(1);
            for hangs in posted.iter_days().take_while(|it| *it <= last_day) {
                let at = end_of(hangs) - Duration::microseconds(1);
                assert_eq!(due(at).await, [], "{posted} {hangs}");
            }
            for downtime in 0..=40 {
                let back = end_of(last_day) + Duration::days(downtime);
                assert_eq!(due(back).await, [open.id], "{posted} {downtime}");
            }
            desk.clock.set(early);
            assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 0);
            let downtime = i64::from(posted.num_days_from_ce()) % 41;
            desk.clock.set(end_of(last_day) + Duration::days(downtime));
            assert_eq!(close_due_notices(&desk.desk).await.expect("a round"), 1);
            closed += 1;
            let again = desk.on(&desk.claim(open.id).await).send_back();
            verified = again.visit().evaluate().verify(yuan(41_200)).await;
        }
        closed
    }
}
