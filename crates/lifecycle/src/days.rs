//! The ledger of days (用时台账): whose desk a claim lay on, day by day, told from its history.
//!
//! A day is a legal day of Asia/Shanghai and belongs to whoever held the claim when it began: the days of
//! all holders add up to the days between the first event and the last, without a remainder.

use crate::calendar::legal_day;
use crate::claim::{Claim, State, Status};
use crate::coded;
use crate::event::Event;
use chrono::{DateTime, NaiveDate, Utc};

coded! {
    /// Who must act next, and so uses the days.
    Holder {
        Village = "VILLAGE" "村",
        Township = "TOWNSHIP" "乡镇",
        CountyOffice = "COUNTY_OFFICE" "县级主管部门",
        Insurer = "INSURER" "保险公司",
        Bank = "BANK" "银行",
        Household = "HOUSEHOLD" "农户",
        Objection = "OBJECTION" "异议处理",
        Appeal = "APPEAL" "申诉处理",
        Nobody = "NOBODY" "已办结",
    }
}

coded! {
    /// What is due of a claim.
    Due {
        /// The term that the scheme sets for its status.
        Term = "TERM" "办理时限",
        /// The notice ends and can be closed.
        Notice = "NOTICE" "公示期满",
        /// The letter that tells a refusal.
        Letter = "LETTER" "告知书送达",
    }
}

/// Some days in one holder's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Who held the claim.
    pub holder: Holder,
    /// The status it stood in.
    pub status: Status,
    /// The legal day on which it came.
    pub from: NaiveDate,
    /// The legal day on which it left, or the day of asking.
    pub until: NaiveDate,
}

impl Stay {
    /// Legal days, 0 if it came and left on one day.
    pub fn days(&self) -> i64 {
        (self.until - self.from).num_days()
    }
}

/// Who must act on a claim as it stands. `county_review`: whether the scheme wants the county's
/// review (审定) before an approval.
pub fn holder(claim: &Claim, county_review: bool) -> Holder {
    // Whatever else is to be done, it waits for the objection.
    if claim.is_stopped() {
        return Holder::Objection;
    }
    let refusal = claim.refusals.last();
    let is_told = refusal.is_some_and(|it| it.standing_letter().0.is_some());
    match &claim.state {
        State::Draft(_) | State::Returned(_) => Holder::Township,
        State::Referred(_) | State::Accepted(_) | State::Verifying(_) | State::Approved(_) => {
            Holder::Insurer
        }
        // The notice is the county's to post, the money its to bring.
        State::Verified(_) | State::AwaitingFunds(_) => Holder::CountyOffice,
        State::NoticeOpen(_) => Holder::Village,
        State::NoticeClosed(closed) if county_review && closed.review.is_none() => {
            Holder::CountyOffice
        }
        State::Instructed(_) | State::PayUnknown(_) => Holder::Bank,
        // The account was wrong or gone, and the household brings another; or it was paid wrongly,
        // and pays back.
        State::PayFailed(_) | State::PayReturned(_) | State::Recovering(_) => Holder::Household,
        // The insurer owes a letter; then the household has its time to appeal.
        State::Ineligible(_) | State::Rejected(_) if is_told => Holder::Household,
        State::AppealDismissed(_) if is_told => Holder::Nobody,
        State::NoticeClosed(_)
        | State::Ineligible(_)
        | State::Rejected(_)
        | State::AppealDismissed(_) => Holder::Insurer,
        State::Appealed(_) => Holder::Appeal,
        State::Paid(_)
        | State::Closed(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::RefusalClosed(_) => Holder::Nobody,
    }
}

/// The first day after the time for an appeal, if one runs or ran out.
fn appeal_ends(claim: &Claim) -> Option<NaiveDate> {
    let (State::Ineligible(_) | State::Rejected(_)) = &claim.state else {
        return None;
    };
    claim.refusals.last()?.appeal_until()?.succ_opt()
}

/// The ledger of days of a history, up to `now`; stays in order, neighbours of the same holder and
/// status joined. A claim that is done gathers no more days. Empty if the history begins no claim.
pub fn ledger<'a>(
    history: impl IntoIterator<Item = &'a Event>,
    county_review: bool,
    now: DateTime<Utc>,
) -> Vec<Stay> {
    let mut events = history.into_iter();
    let Some((first, mut claim)) = events
        .next()
        .and_then(|event| Claim::begin(event).map(|claim| (event, claim)))
    else {
        return Vec::new();
    };
    let mut stays: Vec<Stay> = Vec::new();
    let mut came = legal_day(first.stamp.at);
    for event in events {
        let until = legal_day(event.stamp.at);
        join(&mut stays, &claim, county_review, came, until);
        claim = claim.apply(event);
        came = until;
    }
    let today = legal_day(now).max(came);
    join(&mut stays, &claim, county_review, came, today);
    if let Some(last) = stays.last_mut().filter(|it| it.holder == Holder::Nobody) {
        last.until = last.from.max(came);
    }
    stays
}

fn join(
    stays: &mut Vec<Stay>,
    claim: &Claim,
    county_review: bool,
    from: NaiveDate,
    until: NaiveDate,
) {
    let holder = holder(claim, county_review);
    // The time for an appeal ends by itself: what comes after it lies on nobody's desk.
    let ends = appeal_ends(claim).map(|end| end.max(from));
    match ends.filter(|end| *end < until) {
        Some(end) => {
            push(stays, claim.status(), holder, (from, end));
            push(stays, claim.status(), Holder::Nobody, (end, until));
        }
        None => push(stays, claim.status(), holder, (from, until)),
    }
}

fn push(
    stays: &mut Vec<Stay>,
    status: Status,
    holder: Holder,
    (from, until): (NaiveDate, NaiveDate),
) {
    match stays.last_mut() {
        Some(last) if last.holder == holder && last.status == status => last.until = until,
        Some(_) | None => stays.push(Stay {
            holder,
            status,
            from,
            until,
        }),
    }
}

/// The days of each holder, in the order of [`Holder::ALL`]; holders without a day are left out.
pub fn by_holder(stays: &[Stay]) -> Vec<(Holder, i64)> {
    Holder::ALL
        .iter()
        .map(|holder| {
            let own = stays.iter().filter(|stay| stay.holder == *holder);
            (*holder, own.map(Stay::days).sum())
        })
        .filter(|(_, days)| *days != 0)
        .collect()
}
