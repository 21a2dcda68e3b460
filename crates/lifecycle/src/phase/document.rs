//! Documents (材料): handed in at any time before the money is settled, each due at a step.

use crate::claim::{Claim, State};
use crate::command::Order;
use crate::decide::{Ruling, invalid};
use crate::event::Happening;
use crate::facts::Facts;
use crate::phase::verification::{Evidence, Verifying};
use crate::scheme::DueStep;
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
        | State::Withdrawn(_) => return Err(invalid(claim, order)),
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
    let Some(terms) = facts.scheme.terms(claim.case.peril) else {
        return Ok(());
    };
    let handed_in: Vec<&Evidence> = documents(claim).chain(more).collect();
    let missing: Vec<String> = terms
        .documents
        .iter()
        .filter(|rule| rule.due == step)
        .filter_map(|rule| {
            let mut contents: Vec<&str> = handed_in
                .iter()
                .filter(|it| it.kind == rule.kind)
                .map(|it| it.sha256.as_str())
                .collect();
            contents.sort_unstable();
            contents.dedup();
            let lacking = usize::from(rule.count_min).saturating_sub(contents.len());
            (lacking > 0).then(|| format!("{}×{lacking}({})", rule.kind, rule.supplier.zh()))
        })
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Blocked::EvidenceMissing { kinds: missing })
    }
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
