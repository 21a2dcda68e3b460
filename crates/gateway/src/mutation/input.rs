//! Parsing of inputs: what the wire says becomes what the state machine reads. Sizes are bounded
//! here; everything else is judged by `lifecycle`.

use crate::node_id::{self, Kind};
use crate::types::enums::RefusalCode;
use crate::types::scalars::{Date, Fen};
use async_graphql::{ID, InputObject};
use engine::household::holds_private;
use engine::limits::{LIST_ITEMS_MAX, TEXT_CHARS_MAX};
use lifecycle::phase::approval::Uplift;
use lifecycle::phase::referral::Basis;
use lifecycle::phase::refusal::RefusalLine;
use lifecycle::phase::verification::{Bill, Evidence, Flag, IncomeFacts, Votes};
use lifecycle::{BillKey, Blocked, MemberId, PayeeId};
use uuid::Uuid;

/// The village's decision on which a referral rests (村级评议决议).
#[derive(InputObject)]
pub struct BasisInput {
    /// Day of the decision.
    decided_on: Date,
    /// The record's reference.
    document: String,
}

/// A document or photo in the evidence store.
#[derive(InputObject)]
pub struct EvidenceInput {
    /// The kind, as the scheme names it (材料类别).
    kind: String,
    /// SHA-256 of the content, lower-case hexadecimal.
    sha256: String,
}

/// One bill (票据). Issuer and number are hashed at once and kept nowhere in the clear.
#[derive(InputObject)]
pub struct BillInput {
    /// Who issued it.
    issuer: String,
    /// Its number.
    number: String,
    /// Its amount.
    amount_fen: Fen,
    /// Its date; needed where the scheme's policy year goes by bills.
    on: Option<Date>,
}

/// An exclusion that was found (疑点).
#[derive(InputObject)]
pub struct FlagInput {
    /// The exclusion, as the scheme names it.
    exclusion: String,
    /// Why it does not exclude the household; null while it stands.
    rebuttal: Option<String>,
}

/// The income that was looked into (收入核算).
#[derive(InputObject)]
pub struct IncomeInput {
    /// Income per head over the months counted, after all aid.
    per_head_fen: Fen,
    /// First day of the months counted.
    from: Date,
    /// Last day of the months counted.
    to: Date,
}

/// Units of one kind that were lost (猪, 羊).
#[derive(InputObject)]
pub struct UnitInput {
    /// The unit, as the scheme names it.
    unit: String,
    /// How many.
    count: i32,
}

/// What one layer (报销层) reimbursed.
#[derive(InputObject)]
pub struct LayerInput {
    /// Its name: 基本医保, 大病保险, 医疗救助.
    name: String,
    /// What it paid.
    paid_fen: Fen,
}

/// The votes of a village evaluation (民主评议).
#[derive(InputObject)]
pub struct VotesInput {
    /// Persons entitled to vote who were present.
    present: i32,
    /// Votes in favour.
    agree: i32,
    /// Votes against.
    against: i32,
}

/// An uplift (特殊提标) beyond the table: its own line, and always a second approver.
#[derive(InputObject)]
pub struct UpliftInput {
    /// Positive fen.
    amount_fen: Fen,
    /// Why the table amount does not remove the risk.
    reason: String,
}

/// One reason of a refusal.
#[derive(InputObject)]
pub struct RefusalLineInput {
    /// The reason.
    code: RefusalCode,
    /// What was found, in plain words: the household reads it.
    facts: String,
    /// The clause it rests on: an `id` of the claim's `scheme { clauses }`.
    clause_id: String,
}

const fn wrong(field: &'static str, reason: &'static str) -> Blocked {
    Blocked::Validation { field, reason }
}

/// A free text that is in no command: within bounds, and without what has fields of its own. Those of commands are
/// looked through by the desk.
pub fn prose(field: &'static str, prose: String) -> Result<String, Blocked> {
    let prose = text(field, prose)?;
    if holds_private(&prose) {
        return Err(Blocked::PrivateInText { field });
    }
    Ok(prose)
}

/// Texts within bounds.
pub fn texts(field: &'static str, items: Vec<String>) -> Result<Vec<String>, Blocked> {
    list(field, items, |item| text(field, item))
}

/// A text within bounds.
pub fn text(field: &'static str, text: String) -> Result<String, Blocked> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(wrong(field, "TOO_LONG"));
    }
    Ok(text)
}

/// A list within bounds.
fn list<T, U>(
    field: &'static str,
    items: Vec<T>,
    parse: impl Fn(T) -> Result<U, Blocked>,
) -> Result<Vec<U>, Blocked> {
    if items.len() > LIST_ITEMS_MAX {
        return Err(wrong(field, "TOO_MANY"));
    }
    items.into_iter().map(parse).collect()
}

/// The UUID of an id that must be of a kind.
pub fn uuid(field: &'static str, kind: Kind, id: &ID) -> Result<Uuid, Blocked> {
    node_id::decode_as(kind, id).ok_or_else(|| wrong(field, "UNKNOWN"))
}

/// A payee.
pub fn payee(id: &ID) -> Result<PayeeId, Blocked> {
    node_id::decode_as(Kind::Payee, id)
        .map(PayeeId)
        .ok_or(Blocked::PayeeUnknown {})
}

/// A member.
pub fn member(field: &'static str, id: &ID) -> Result<MemberId, Blocked> {
    uuid(field, Kind::Member, id).map(MemberId)
}

/// The basis of a referral.
pub fn basis(basis: Option<BasisInput>) -> Result<Option<Basis>, Blocked> {
    basis
        .map(
            |BasisInput {
                 decided_on,
                 document,
             }| {
                Ok(Basis {
                    decided_on: decided_on.0,
                    document: text("basis", document)?,
                })
            },
        )
        .transpose()
}

/// One piece of evidence.
pub fn one_evidence(EvidenceInput { kind, sha256 }: EvidenceInput) -> Result<Evidence, Blocked> {
    Ok(Evidence {
        kind: text("evidence", kind)?,
        sha256: text("evidence", sha256)?,
    })
}

/// Evidence.
pub fn evidence(items: Vec<EvidenceInput>) -> Result<Vec<Evidence>, Blocked> {
    list("evidence", items, one_evidence)
}

/// Bills, by their keys.
pub fn bills(items: Vec<BillInput>) -> Result<Vec<Bill>, Blocked> {
    list("bills", items, |bill| {
        let BillInput {
            issuer,
            number,
            amount_fen,
            on,
        } = bill;
        if issuer.trim().is_empty() || number.trim().is_empty() {
            return Err(wrong("bills", "EMPTY"));
        }
        Ok(Bill {
            key: BillKey::of(&text("bills", issuer)?, &text("bills", number)?),
            amount: amount_fen.0,
            on: on.map(|day| day.0),
        })
    })
}

/// Exclusions that were found.
pub fn flags(items: Option<Vec<FlagInput>>) -> Result<Vec<Flag>, Blocked> {
    list("flags", items.unwrap_or_default(), |flag| {
        let FlagInput {
            exclusion,
            rebuttal,
        } = flag;
        Ok(Flag {
            exclusion: text("flags", exclusion)?,
            rebuttal: rebuttal.map(|it| text("flags", it)).transpose()?,
        })
    })
}

/// The income looked into.
pub fn income(income: Option<IncomeInput>) -> Option<IncomeFacts> {
    income.map(
        |IncomeInput {
             per_head_fen,
             from,
             to,
         }| IncomeFacts {
            per_head: per_head_fen.0,
            from: from.0,
            to: to.0,
        },
    )
}

/// The reasons of a refusal.
pub fn refusal_lines(items: Vec<RefusalLineInput>) -> Result<Vec<RefusalLine>, Blocked> {
    list("lines", items, |line| {
        let RefusalLineInput {
            code,
            facts,
            clause_id,
        } = line;
        Ok(RefusalLine {
            code: code.into(),
            facts: text("lines", facts)?,
            clause: text("lines", clause_id)?,
        })
    })
}

/// Units lost.
pub fn units(items: Option<Vec<UnitInput>>) -> Result<Vec<benefits::UnitCount>, Blocked> {
    list(
        "units",
        items.unwrap_or_default(),
        |UnitInput { unit, count }| {
            Ok(benefits::UnitCount {
                unit: text("units", unit)?,
                count: u32::try_from(count).map_err(|_| wrong("units", "NOT_A_NUMBER"))?,
            })
        },
    )
}

/// A number of persons.
pub fn heads(heads: Option<i32>) -> Result<Option<u16>, Blocked> {
    heads
        .map(|it| u16::try_from(it).map_err(|_| wrong("heads", "NOT_A_NUMBER")))
        .transpose()
}

/// Layers.
pub fn layers(items: Vec<LayerInput>) -> Result<Vec<benefits::Layer>, Blocked> {
    list("layers", items, |LayerInput { name, paid_fen }| {
        Ok(benefits::Layer {
            name: text("layers", name)?,
            paid: paid_fen.0,
        })
    })
}

/// Votes.
pub fn votes(votes: Option<VotesInput>) -> Result<Option<Votes>, Blocked> {
    let number = |value: i32| u16::try_from(value).map_err(|_| wrong("votes", "NOT_A_NUMBER"));
    votes
        .map(
            |VotesInput {
                 present,
                 agree,
                 against,
             }| {
                Ok(Votes {
                    present: number(present)?,
                    agree: number(agree)?,
                    against: number(against)?,
                })
            },
        )
        .transpose()
}

/// An uplift.
pub fn uplift(uplift: Option<UpliftInput>) -> Result<Option<Uplift>, Blocked> {
    uplift
        .map(|UpliftInput { amount_fen, reason }| {
            Ok(Uplift {
                amount: amount_fen.0,
                reason: text("uplift", reason)?,
            })
        })
        .transpose()
}
