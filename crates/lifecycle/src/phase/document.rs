//! Documents (材料): handed in at any time before the money is settled, each due at a step.

use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::phase::verification::{Evidence, Verifying};
use crate::scheme::{DocumentRule, DueStep, Scheme};
use crate::{Blocked, Stamp};
use serde::{Deserialize, Serialize};

/// A document that was handed in. It stays with the claim (invariant 12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Kind and content.
    pub evidence: Evidence,
    /// Who recorded it, when.
    pub recorded: Stamp,
}

pub(crate) fn attach(claim: &Claim, order: &Order, evidence: &Evidence) -> Ruling {
    match &claim.state {
        State::Draft(_)
        | State::Referred(_)
        | State::Returned(_)
        | State::Accepted(_)
        | State::Verifying(_)
        | State::Verified(_)
        | State::NoticeOpen(_)
        | State::NoticeClosed(_)
        | State::AwaitingFunds(_)
        | State::Approved(_)
        | State::Instructed(_)
        | State::PayUnknown(_)
        | State::PayFailed(_)
        | State::Paid(_)
        | State::PayReturned(_) => {}
        State::Ineligible(_)
        | State::Rejected(_)
        | State::Closed(_)
        | State::Recovering(_)
        | State::Recovered(_)
        | State::WrittenOff(_)
        | State::Withdrawn(_)
        | State::Appealed(_)
        | State::AppealDismissed(_)
        | State::RefusalClosed(_) => return Err(invalid(claim, order)),
    }
    if !evidence.is_sound() {
        return Err(Blocked::Validation {
            field: "evidence",
            reason: "NOT_A_SHA256",
        });
    }
    if claim.documents.iter().any(|it| it.evidence == *evidence) {
        return Err(Blocked::Validation {
            field: "evidence",
            reason: "STANDS_ALREADY",
        });
    }
    Ok(Happening::DocumentAttached {
        evidence: evidence.clone(),
    })
}

/// Whether everything due at `step` is there, `more` being handed in with the command itself.
pub(crate) fn documents_due(
    claim: &Claim,
    step: DueStep,
    more: &[Evidence],
    facts: &Facts,
) -> Result<(), Blocked> {
    let missing: Vec<String> = checklist(claim, more, &facts.scheme)
        .into_iter()
        .filter(|it| it.rule.due == step && it.lacking() > 0)
        .map(|it| {
            let DocumentRule { kind, supplier, .. } = it.rule;
            format!("{kind}×{}({})", it.lacking(), supplier.zh())
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Blocked::EvidenceMissing { kinds: missing })
    }
}

/// A kind of document that a claim needs, and how much of it is on file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentCheck<'a> {
    /// What the scheme wants.
    pub rule: &'a DocumentRule,
    /// How many different documents of the kind are on file.
    pub on_file: usize,
}

impl DocumentCheck<'_> {
    /// How many are still missing.
    pub fn lacking(&self) -> usize {
        usize::from(self.rule.count_min).saturating_sub(self.on_file)
    }
}

/// The documents a claim needs over its whole course, in the scheme's order, with what is on file;
/// `more` is handed in with the command under judgement.
pub fn checklist<'a>(
    claim: &Claim,
    more: &[Evidence],
    scheme: &'a Scheme,
) -> Vec<DocumentCheck<'a>> {
    let terms = scheme.terms(claim.case.peril);
    let advance = claim.case.advance;
    terms
        .into_iter()
        .flat_map(|terms| terms.documents_of(advance))
        .map(|rule| {
            let mut contents: Vec<&str> = documents(claim)
                .chain(more)
                .filter(|it| it.kind == rule.kind)
                .map(|it| it.sha256.as_str())
                .collect();
            contents.sort_unstable();
            contents.dedup();
            DocumentCheck {
                rule,
                on_file: contents.len(),
            }
        })
        .collect()
}

/// Everything handed in so far, with whatever command.
fn documents(claim: &Claim) -> impl Iterator<Item = &Evidence> {
    let findings = claim
        .state
        .verifying()
        .into_iter()
        .flat_map(|verifying: &Verifying| &verifying.findings)
        .flat_map(|finding| &finding.evidence);
    let facts = claim
        .state
        .verified()
        .into_iter()
        .flat_map(|verified| &verified.facts.evidence);
    let proofs = claim
        .state
        .notice()
        .into_iter()
        .flat_map(|open| &open.proofs)
        .map(|proof| &proof.evidence);
    let attached = claim.documents.iter().map(|it| &it.evidence);
    attached.chain(findings).chain(facts).chain(proofs)
}
