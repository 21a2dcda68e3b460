//! Free texts of commands. They go into the log, which is kept for ever and is not sealed: what has a field of its own
//! has no place in them.

use crate::household::holds_private;
use lifecycle::Command;
use lifecycle::phase::referral::Case;
use lifecycle::phase::verification::{Evidence, LossFacts};

/// A text with the field it came in.
type Text<'a> = (&'static str, &'a str);

/// The field of the first free text that holds what looks like a private value.
pub(crate) fn private_in(command: &Command) -> Option<&'static str> {
    let mut texts = texts(command).into_iter();
    texts.find_map(|(field, text)| holds_private(text).then_some(field))
}

/// The free texts of a command. References are none: those of a bank may be as long as an account.
fn texts(command: &Command) -> Vec<Text<'_>> {
    match command {
        Command::DraftReferral(draft) => basis(&draft.case),
        Command::AmendReferral { case } => basis(case),
        Command::ReturnReferral { reasons } => all("reasons", reasons),
        Command::SendBackClaim { questions } => all("questions", questions),
        Command::RecordFinding {
            evidence, flags, ..
        } => {
            let mut texts = kinds(evidence);
            for flag in flags {
                texts.push(("flags", &flag.exclusion));
                texts.extend(flag.rebuttal.as_deref().map(|it| ("flags", it)));
            }
            texts
        }
        Command::AttachDocument { evidence } | Command::RecordPublicationProof { evidence, .. } => {
            vec![("evidence", evidence.kind.as_str())]
        }
        Command::RecordVerification { facts } => of_facts(facts),
        Command::DeclareIneligible { lines } | Command::RejectClaim { lines } => {
            let facts = lines.iter().map(|it| ("lines", it.facts.as_str()));
            facts.collect()
        }
        Command::ApproveClaim { uplift, .. } => {
            let reason = uplift.iter().map(|it| ("uplift", it.reason.as_str()));
            reason.collect()
        }
        Command::RaiseObjection { grounds, .. } | Command::LodgeAppeal { grounds } => {
            vec![("grounds", grounds.as_str())]
        }
        Command::ResolveObjection { findings, .. } | Command::DecideAppeal { findings, .. } => {
            vec![("findings", findings.as_str())]
        }
        Command::ReportPayoutFailure { reason, .. }
        | Command::MarkPayoutUnknown { reason }
        | Command::WithdrawClaim { reason }
        | Command::StartRecovery { reason }
        | Command::WriteOffRecovery { reason, .. } => vec![("reason", reason.as_str())],
        Command::CloseClaim { archive_no } => vec![("archiveNo", archive_no.as_str())],
        Command::IssueRefusalLetter { handed_to, .. } => vec![("handedTo", handed_to.as_str())],
        Command::ReferCase
        | Command::AcceptReferral
        | Command::AssignSurvey { .. }
        | Command::PreviewNotice { .. }
        | Command::OpenPublicNotice { .. }
        | Command::CloseNotice
        | Command::CountyReviewClaim
        | Command::SecondApproveClaim { .. }
        | Command::ReserveWaiting { .. }
        | Command::ChangePayee { .. }
        | Command::ConfirmPayee { .. }
        | Command::InstructPayout { .. }
        | Command::ConfirmPayout { .. }
        | Command::ReportPayoutReturned { .. }
        | Command::ReconcilePayout { .. }
        | Command::ReinstatePayout { .. }
        | Command::RecordRecovery { .. }
        | Command::ConfirmWriteOff { .. } => Vec::new(),
    }
}

fn all<'a>(field: &'static str, texts: &'a [String]) -> Vec<Text<'a>> {
    texts.iter().map(|it| (field, it.as_str())).collect()
}

fn basis(case: &Case) -> Vec<Text<'_>> {
    let basis = case.basis.iter();
    basis.map(|it| ("basis", it.document.as_str())).collect()
}

fn kinds(evidence: &[Evidence]) -> Vec<Text<'_>> {
    let kinds = evidence.iter().map(|it| ("evidence", it.kind.as_str()));
    kinds.collect()
}

fn of_facts(facts: &LossFacts) -> Vec<Text<'_>> {
    let layers = facts.layers.iter().map(|it| ("layers", it.name.as_str()));
    let units = facts.units.iter().map(|it| ("units", it.unit.as_str()));
    let outcome = facts.outcome.iter().map(|it| ("outcome", it.as_str()));
    let texts = layers.chain(units).chain(outcome);
    texts.chain(kinds(&facts.evidence)).collect()
}
