//! `PUBLIC_NOTICE` (公示): previewed by a second person, posted, proved, objected to, closed.

use crate::claim::{Claim, ObjectionStatus, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::guard::{Guard, hold};
use crate::notice::NoticeLine;
use crate::phase::document::documents_due;
use crate::phase::payout::named;
use crate::phase::referral::separate;
use crate::phase::verification::{Evidence, Verified};
use crate::scheme::DueStep;
use crate::{ActedAs, Blocked, NoticeId, ObjectionId, Stamp, Status, calendar};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A notice as it was opened. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// What is posted.
    pub line: NoticeLine,
    /// Hash of what is posted.
    pub content_hash: String,
    /// Day of posting; not counted.
    pub posted_on: NaiveDate,
    /// The last day of the term.
    pub last_day: NaiveDate,
    /// The first instant at which it may close.
    pub closes_at: DateTime<Utc>,
    /// Who opened it, when.
    pub opened: Stamp,
}

/// A proof that the notice hung, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The photo or file.
    pub evidence: Evidence,
    /// The content hash of what was seen.
    pub content_hash: String,
    /// Who recorded it, when.
    pub recorded: Stamp,
}

/// `NOTICE_OPEN` (公示中).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeOpen {
    /// What it rests on.
    pub verified: Verified,
    /// The notice.
    pub notice: Notice,
    /// Proofs of publication.
    pub proofs: Vec<Proof>,
}

/// `NOTICE_CLOSED` (公示期满).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeClosed {
    /// The notice with its proofs.
    pub open: NoticeOpen,
    /// Who closed it, when.
    pub closed: Stamp,
    /// The county's review, if made.
    pub review: Option<Stamp>,
    /// A first approval that awaits a second.
    pub first_approval: Option<super::approval::Approval>,
}

/// The line that would be posted now, for preview and posting.
pub fn compose(claim: &Claim, verified: &Verified, facts: &Facts) -> Result<NoticeLine, Blocked> {
    NoticeLine::compose(
        &claim.number,
        &facts.seen.village_name,
        &facts.seen.head_name,
        facts.seen.persons,
        claim.case.peril,
        verified.assessment.benefit,
        &facts.scheme.notice,
    )
}

pub(crate) fn preview(claim: &Claim, order: &Order, hash: &str, facts: &Facts) -> Ruling {
    let State::Verified(verified) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let composed = compose(claim, verified, facts)?.content_hash();
    hold(Guard::NoticeUnchanged, composed == hash, || {
        Blocked::ContentChanged {}
    })?;
    Ok(Happening::NoticePreviewed {
        content_hash: composed,
    })
}

pub(crate) fn open(claim: &Claim, order: &Order, id: NoticeId, facts: &Facts) -> Ruling {
    let State::Verified(verified) = &claim.state else {
        return Err(invalid(claim, order));
    };
    let line = compose(claim, verified, facts)?;
    let content_hash = line.content_hash();
    let preview = verified
        .preview
        .as_ref()
        .ok_or(Blocked::PreviewRequired {})?;
    if preview.content_hash != content_hash
        || preview
            .previewed
            .persons()
            .any(|it| order.actor.persons().any(|other| other == it))
    {
        return Err(Blocked::PreviewRequired {});
    }
    documents_due(claim, DueStep::PublicNotice, &[], facts)?;
    // No scheme can skip the notice, not even by a term of no days.
    if facts.scheme.notice.term.days == 0 {
        return Err(Blocked::Validation {
            field: "notice.term",
            reason: "NO_DAYS",
        });
    }
    let posted_on = facts.today();
    let last_day = facts
        .calendar
        .last_day(posted_on, facts.scheme.notice.term)?;
    Ok(Happening::PublicNoticeOpened {
        notice: id,
        line: Box::new(line),
        content_hash,
        posted_on,
        last_day,
        closes_at: calendar::end_of(last_day),
    })
}

pub(crate) fn prove(claim: &Claim, order: &Order, hash: &str, evidence: &Evidence) -> Ruling {
    let State::NoticeOpen(open) = &claim.state else {
        return Err(invalid(claim, order));
    };
    hold(
        Guard::NoticeUnchanged,
        open.notice.content_hash == hash,
        || Blocked::ContentChanged {},
    )?;
    if !evidence.is_sound() {
        return Err(Blocked::Validation {
            field: "evidence",
            reason: "NOT_A_SHA256",
        });
    }
    Ok(Happening::PublicationProved {
        content_hash: hash.to_owned(),
        evidence: evidence.clone(),
    })
}

pub(crate) fn object(claim: &Claim, order: &Order, id: ObjectionId, grounds: &str) -> Ruling {
    match claim.state.status() {
        Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::PayFailed
        | Status::PayReturned => {
            named("grounds", grounds)?;
            if claim.objections.iter().any(|it| it.id == id) {
                return Err(Blocked::Validation {
                    field: "objectionId",
                    reason: "STANDS_ALREADY",
                });
            }
            Ok(Happening::ObjectionRaised {
                objection: id,
                grounds: grounds.to_owned(),
            })
        }
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::Ineligible
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::Paid
        | Status::Closed
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => Err(invalid(claim, order)),
    }
}

pub(crate) fn resolve(
    claim: &Claim,
    order: &Order,
    id: ObjectionId,
    upheld: bool,
    findings: &str,
) -> Ruling {
    match claim.state.status() {
        Status::NoticeOpen
        | Status::NoticeClosed
        | Status::AwaitingFunds
        | Status::Approved
        | Status::PayFailed
        | Status::PayReturned => {}
        Status::Draft
        | Status::Referred
        | Status::Returned
        | Status::Accepted
        | Status::Verifying
        | Status::Verified
        | Status::Ineligible
        | Status::Rejected
        | Status::Instructed
        | Status::PayUnknown
        | Status::Paid
        | Status::Closed
        | Status::Recovering
        | Status::Recovered
        | Status::WrittenOff
        | Status::Withdrawn
        | Status::Appealed
        | Status::AppealDismissed
        | Status::RefusalClosed => return Err(invalid(claim, order)),
    }
    let open = claim
        .objections
        .iter()
        .any(|it| it.id == id && it.status == ObjectionStatus::Open);
    if !open {
        return Err(Blocked::ObjectionUnknown {});
    }
    // As the reviewer may not have resolved, so the resolver may not have reviewed.
    let reviewers = claim
        .state
        .closed_notice()
        .and_then(|closed| closed.review.as_ref())
        .into_iter()
        .flat_map(Stamp::persons)
        .map(|it| ("REVIEWER", it));
    separate(
        order,
        claim
            .who_acted_as(ActedAs::Referrer)
            .chain(claim.who_acted_as(ActedAs::Surveyor))
            .chain(reviewers),
    )?;
    named("findings", findings)?;
    let findings = findings.to_owned();
    Ok(if upheld {
        Happening::ObjectionUpheld {
            objection: id,
            findings,
        }
    } else {
        Happening::ObjectionDismissed {
            objection: id,
            findings,
        }
    })
}

pub(crate) fn close(claim: &Claim, order: &Order, facts: &Facts) -> Ruling {
    let State::NoticeOpen(open) = &claim.state else {
        return Err(invalid(claim, order));
    };
    term_ran(open, facts)?;
    proved(open, facts)?;
    no_objection_open(claim)?;
    Ok(Happening::NoticeClosed)
}

/// Invariant 1, first part: the notice ran its full term. Two conditions that say the same by
/// different ways: the recorded instant, and the recorded last day against today's legal day.
pub(crate) fn term_ran(open: &NoticeOpen, facts: &Facts) -> Result<(), Blocked> {
    hold(
        Guard::NoticeTermRan,
        facts.seen.now >= open.notice.closes_at && facts.today() > open.notice.last_day,
        || Blocked::PeriodIncomplete {
            closes_at: open.notice.closes_at,
        },
    )
}

/// Invariant 1, second part: it hung, unchanged.
pub(crate) fn proved(open: &NoticeOpen, facts: &Facts) -> Result<(), Blocked> {
    let matching = || {
        let proofs = open.proofs.iter();
        proofs.filter(|proof| proof.content_hash == open.notice.content_hash)
    };
    // The same photo twice is one proof.
    let photos: BTreeSet<&str> = matching().map(|it| it.evidence.sha256.as_str()).collect();
    let have = photos.len();
    let need = usize::from(facts.scheme.notice.proofs_min.max(1));
    hold(Guard::NoticeProved, have >= need, || {
        Blocked::ProofMissing { have, need }
    })?;
    hold(
        Guard::NoticeUnchanged,
        open.notice.line.content_hash() == open.notice.content_hash
            && matching().count() == open.proofs.len(),
        || Blocked::ContentChanged {},
    )
}

/// Invariant 1, third part: no objection is open.
pub(crate) fn no_objection_open(claim: &Claim) -> Result<(), Blocked> {
    let objections = claim.open_objections();
    hold(Guard::NoObjectionOpen, objections == 0, || {
        Blocked::ObjectionOpen { objections }
    })
}
