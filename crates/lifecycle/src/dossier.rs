//! The dossier (审批卷宗): all that an approval rests on, as one hash.
//!
//! Whoever approves confirms the hash that was shown; the approval keeps it, and the verification of
//! the log computes it anew. **In it**: scheme version, case and basis, payee, findings, accepted
//! facts, assessment, notice with its proofs, the county's review, every document handed in, every
//! objection and what came of it. **Not in it**: what the registers say on the day (life of the
//! payee, check of the name, caps, pool), which each judgement looks up anew; approvals themselves,
//! so that two approvers confirm the same dossier; deadlines. What comes in after the approval (a
//! document, an objection that is dismissed) leaves the approval standing: an objection that is
//! upheld, another payee and a claim sent back end it by its state.

use crate::claim::{Claim, Objection};
use crate::event::{Event, Stamp};
use crate::ids::hex;
use crate::phase::document::Document;
use crate::phase::public_notice::NoticeClosed;
use crate::phase::verification::{Evidence, Finding, LossFacts};
use benefits::{Assessment, Fen};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{Display, Write};

/// A dossier as an approver saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// SHA-256, lower-case hexadecimal.
    pub hash: String,
    /// How many documents had been handed in.
    pub documents: usize,
    /// How many objections had been raised.
    pub objections: usize,
}

impl Seal {
    /// The seal of a hash that was confirmed on a claim as it stands.
    pub(crate) fn on(claim: &Claim, hash: &str) -> Self {
        Self {
            hash: hash.to_owned(),
            documents: claim.documents.len(),
            objections: claim.objections.len(),
        }
    }

    /// Whether the claim still holds what was seen; later documents and objections aside.
    pub fn stands(&self, claim: &Claim) -> bool {
        let parts = claim
            .documents
            .get(..self.documents)
            .zip(claim.objections.get(..self.objections))
            .zip(claim.state.closed_notice());
        parts.is_some_and(|((documents, objections), closed)| {
            self.hash == hash_of(claim, closed, documents, objections)
        })
    }
}

/// The hash of the dossier as it stands; `None` before the notice has closed and after the claim
/// went back: there is nothing to approve.
pub fn hash(claim: &Claim) -> Option<String> {
    let closed = claim.state.closed_notice()?;
    Some(hash_of(claim, closed, &claim.documents, &claim.objections))
}

/// The last version of a claim whose dossier has this hash; `None` if no version had it.
pub fn version_of<'a>(events: impl IntoIterator<Item = &'a Event>, wanted: &str) -> Option<u32> {
    let mut events = events.into_iter();
    let mut claim = Claim::begin(events.next()?)?;
    let mut found = None;
    for event in events {
        claim = claim.apply(event);
        if hash(&claim).as_deref() == Some(wanted) {
            found = Some(claim.version);
        }
    }
    found
}

fn hash_of(
    claim: &Claim,
    closed: &NoticeClosed,
    documents: &[Document],
    objections: &[Objection],
) -> String {
    let mut page = Page::default();
    let case = &claim.case;
    page.line("dossier", 1);
    page.line("claim", claim.id);
    page.line("scheme", claim.scheme);
    page.line("household", claim.household);
    page.line("insured", case.insured);
    page.line("peril", case.peril);
    page.line("event", case.event_on);
    page.fen("submitted", case.submitted);
    page.line("payee", case.payee);
    if let Some(basis) = &case.basis {
        page.line("basis", basis.decided_on);
        page.line("record", &basis.document);
    }
    let verified = &closed.open.verified;
    for finding in &verified.verifying.findings {
        page.finding(finding);
    }
    page.loss(&verified.facts);
    page.assessment(&verified.assessment);
    page.stamp("verified", &verified.verified);
    let notice = &closed.open.notice;
    page.line("notice", notice.id);
    page.line("content", &notice.content_hash);
    page.line("posted", notice.posted_on);
    page.line("closes", notice.closes_at.to_rfc3339());
    for proof in &closed.open.proofs {
        page.evidence("proof", &proof.evidence);
        page.line("seen", &proof.content_hash);
    }
    page.stamp("closed", &closed.closed);
    if let Some(review) = &closed.review {
        page.stamp("reviewed", review);
    }
    for document in documents {
        page.evidence("document", &document.evidence);
    }
    for objection in objections {
        page.line("objection", objection.id);
        page.line("status", objection.status);
        page.line("grounds", &objection.grounds);
        page.line("findings", objection.findings.as_deref().unwrap_or("-"));
    }
    hex(&Sha256::digest(page.0))
}

/// Named values, each with its length, so that no two dossiers have one text.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, name: &str, value: impl Display) {
        let value = value.to_string();
        let length = value.len();
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "{name} {length} {value}");
    }

    fn fen(&mut self, name: &str, value: Fen) {
        self.line(name, value.get());
    }

    fn stamp(&mut self, name: &str, stamp: &Stamp) {
        self.line(name, stamp.at.to_rfc3339());
        for person in stamp.persons() {
            self.line("by", person);
        }
    }

    fn evidence(&mut self, name: &str, evidence: &Evidence) {
        let Evidence { kind, sha256 } = evidence;
        self.line(name, kind);
        self.line("sha256", sha256);
    }

    fn finding(&mut self, finding: &Finding) {
        let Finding {
            check,
            on,
            passed,
            votes,
            evidence,
            flags,
            recorded,
        } = finding;
        self.line("finding", check);
        self.line("on", on);
        self.line("passed", passed);
        if let Some(votes) = votes {
            self.line("present", votes.present);
            self.line("agree", votes.agree);
            self.line("against", votes.against);
        }
        for it in evidence {
            self.evidence("evidence", it);
        }
        for flag in flags {
            self.line("flag", &flag.exclusion);
            self.line("rebuttal", flag.rebuttal.as_deref().unwrap_or("-"));
        }
        self.stamp("recorded", recorded);
    }

    fn loss(&mut self, facts: &LossFacts) {
        let LossFacts {
            bills,
            layers,
            other_compensation,
            outcome,
            stated_eligible,
            grants,
            loans,
            heads,
            units,
            income,
            evidence,
        } = facts;
        for bill in bills {
            self.line("bill", bill.key.as_str());
            self.fen("amount", bill.amount);
            if let Some(on) = bill.on {
                self.line("on", on);
            }
        }
        for layer in layers {
            self.line("layer", &layer.name);
            self.fen("paid", layer.paid);
        }
        for (name, value) in [
            ("other", *other_compensation),
            ("stated", *stated_eligible),
            ("grants", Some(*grants)),
            ("loans", Some(*loans)),
        ] {
            if let Some(value) = value {
                self.fen(name, value);
            }
        }
        if let Some(outcome) = outcome {
            self.line("outcome", outcome);
        }
        if let Some(heads) = heads {
            self.line("heads", heads);
        }
        for unit in units {
            self.line("unit", &unit.unit);
            self.line("count", unit.count);
        }
        if let Some(income) = income {
            self.fen("income", income.per_head);
            self.line("from", income.from);
            self.line("to", income.to);
        }
        for it in evidence {
            self.evidence("evidence", it);
        }
    }

    /// What was computed. How follows from scheme, facts and what the year held before, and the
    /// verification computes it anew.
    fn assessment(&mut self, assessment: &Assessment) {
        self.line("schedule", &assessment.schedule_id);
        self.fen("eligible", assessment.eligible);
        self.fen("deductible", assessment.deductible);
        self.fen("person-year", assessment.used.person_year);
        self.fen("household-year", assessment.used.household_year);
        self.fen("person-loss", assessment.used.person_year_loss);
        self.fen("household-loss", assessment.used.household_year_loss);
        self.fen("benefit", assessment.benefit);
    }
}
