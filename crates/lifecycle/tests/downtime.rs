//! Failure 20: a timer that missed its moment. Posted on any day of 2018 to 2026, a notice is closed
//! by the timer after any downtime of 0 to 40 days, and at no moment before its term is over.

#[expect(dead_code, reason = "each test uses a part of the world")]
mod world;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, Utc};
use lifecycle::calendar::{YearDays, end_of, start_of};
use lifecycle::{
    Blocked, Calendar, Claim, Command, CommandKind, Counting, Order, Status, Term, decide,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use world::office::Office;
use world::{Step, Who, World};

/// A year with a week of rest in spring, one in autumn, and two Saturdays worked for them.
fn year(year: i32) -> (i32, YearDays) {
    let day = |month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a day");
    let week = |first: NaiveDate| (0..7).map(move |it| first + Days::new(it));
    let saturday = |from: NaiveDate| {
        let mut days = from.iter_days();
        days.find(|it| it.weekday() == chrono::Weekday::Sat)
    };
    let days = YearDays {
        holidays: week(day(2, 10)).chain(week(day(10, 1))).collect(),
        workdays: [saturday(day(2, 17)), saturday(day(10, 8))]
            .into_iter()
            .flatten()
            .collect(),
        ..YearDays::default()
    };
    (year, days)
}

#[test]
fn the_timer_closes_a_notice_after_any_downtime_and_never_early() {
    let term = Term {
        days: 5,
        counting: Counting::CalendarDays,
        rolls: true,
    };
    let mut world = World::new().with_scheme(|scheme| scheme.notice.term = term);
    // The terms of the last days end in 2027.
    world.calendar = Arc::new(Calendar::new(
        (2018..=2027).map(year).collect::<BTreeMap<_, _>>(),
    ));
    let office = {
        let mut office = Office::at(world, Status::Verified);
        office.walk(0, &[Step::Do(CommandKind::PreviewNotice)]);
        office
    };
    let give = |claim: &Claim, order: &Order, now: DateTime<Utc>| {
        let (_, mut facts) = office.facts(0, order);
        facts.seen.now = now;
        decide(claim, order, &facts).map(|decision| decision.claim)
    };
    let order = |kind, claim: &Claim| {
        let command = office.world.usual(kind, claim, office.now);
        Who::giver(&command).orders(command)
    };
    let close = Who::Timer.orders(Command::CloseNotice);
    let (_, mut facts) = office.facts(0, &close);
    let first = NaiveDate::from_ymd_opt(2018, 1, 1).expect("a day");
    let mut judged = 0;
    for posted in first.iter_days().take_while(|it| it.year() <= 2026) {
        let claim = office.claim(0);
        let morning = start_of(posted) + Duration::hours(9);
        let open = order(CommandKind::OpenPublicNotice, claim);
        let open = give(claim, &open, morning).expect("opened");
        let prove = order(CommandKind::RecordPublicationProof, &open);
        let open = give(&open, &prove, morning).expect("proved");
        let closes_at = open.state.notice().expect("it hangs").notice.closes_at;
        let last_day = office.world.calendar.last_day(posted, term);
        assert_eq!(Ok(closes_at), last_day.map(end_of), "{posted}");

        let hangs = posted
            .iter_days()
            .map(|day| end_of(day) - Duration::nanoseconds(1));
        for early in hangs.take_while(|at| *at < closes_at) {
            facts.seen.now = early;
            let blocked = decide(&open, &close, &facts).map(|it| it.claim.status());
            assert_eq!(
                blocked,
                Err(Blocked::PeriodIncomplete { closes_at }),
                "{posted}"
            );
        }
        for downtime in 0..=40 {
            facts.seen.now = closes_at + Duration::days(downtime);
            let closed = decide(&open, &close, &facts).map(|it| it.claim.status());
            assert_eq!(closed, Ok(Status::NoticeClosed), "{posted} {downtime}");
            judged += 1;
        }
    }
    assert_eq!(judged, 3_287 * 41);
}
