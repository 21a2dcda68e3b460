//! Refusals (拒赔), their letters, and appeals against them.

use crate::errors::ApiError;
use crate::types::enums::{Delivery, LetterKind, RefusalCode};
use crate::types::scalars::{Date, DateTime};
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, SimpleObject};
use chrono::NaiveDate;
use lifecycle::letter::Letter;
use lifecycle::phase::refusal::IssuedLetter;
use lifecycle::{PersonId, calendar};

/// One reason of a refusal.
#[derive(SimpleObject, Debug, Clone)]
pub struct RefusalLine {
    /// The reason.
    code: RefusalCode,
    /// What was found.
    facts: String,
    /// The clause of the scheme it rests on: an `id` of `Scheme.clauses`.
    clause_id: String,
}

/// A letter that reached the household (送达的通知书). Immutable.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct RefusalLetter {
    /// What it tells.
    kind: LetterKind,
    /// Its text, as it was printed.
    text: String,
    /// Hash of the text.
    content_hash: String,
    /// The legal day by which it was due.
    due_on: Date,
    /// The legal day on which the household received it.
    delivered_on: Date,
    /// Whether that was later than it was due.
    late: bool,
    /// How it came there.
    delivery: Delivery,
    /// Who took it.
    handed_to: String,
    /// The last day for an appeal; null where none is left.
    appeal_until: Option<Date>,
    /// When it was put on record.
    issued_at: DateTime,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl RefusalLetter {
    /// The name of the person who issued it.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl RefusalLetter {
    fn of(issued: &IssuedLetter, due_on: NaiveDate) -> Self {
        let IssuedLetter {
            letter,
            content_hash,
            delivery,
            handed_to,
            issued,
        } = issued;
        Self {
            kind: letter.kind().into(),
            text: letter.text(),
            content_hash: content_hash.clone(),
            due_on: Date(due_on),
            delivered_on: Date(letter.delivered_on),
            late: letter.delivered_on > due_on,
            delivery: (*delivery).into(),
            handed_to: handed_to.clone(),
            appeal_until: letter.appeal_until.map(Date),
            issued_at: DateTime(issued.at),
            by: issued.by,
        }
    }
}

/// The decision of an appeal.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct AppealDecision {
    /// Whether the household was right: the case is taken up again.
    upheld: bool,
    /// Why.
    findings: String,
    /// When it was decided.
    decided_at: DateTime,
    /// The legal day by which a letter tells that it was dismissed; null if it was upheld.
    letter_due_on: Option<Date>,
    /// That letter, once it reached the household.
    letter: Option<RefusalLetter>,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl AppealDecision {
    /// The name of the person who decided.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl From<&lifecycle::phase::refusal::AppealDecision> for AppealDecision {
    fn from(decision: &lifecycle::phase::refusal::AppealDecision) -> Self {
        let lifecycle::phase::refusal::AppealDecision {
            upheld,
            findings,
            decided,
            letter_due_on,
            letter,
        } = decision;
        let letter = letter.as_ref().zip(*letter_due_on);
        Self {
            upheld: *upheld,
            findings: findings.clone(),
            decided_at: DateTime(decided.at),
            letter_due_on: letter_due_on.map(Date),
            letter: letter.map(|(letter, due_on)| RefusalLetter::of(letter, due_on)),
            by: decided.by,
        }
    }
}

/// An appeal (申诉) against a refusal: one, and decided by a person who had no part in the claim.
#[derive(SimpleObject, Debug, Clone)]
pub struct Appeal {
    /// Why the household does not agree.
    grounds: String,
    /// When it was recorded.
    lodged_at: DateTime,
    /// What was decided; null while it is open.
    decision: Option<AppealDecision>,
}

/// A refusal (拒赔). It stays with the claim whatever comes of it.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct Refusal {
    /// The reasons, at least one.
    lines: Vec<RefusalLine>,
    /// The legal day of the decision.
    refused_on: Date,
    /// The legal day by which its letter is due.
    letter_due_on: Date,
    /// The letter, once it reached the household.
    letter: Option<RefusalLetter>,
    /// The appeal, if there is one.
    appeal: Option<Appeal>,
    #[graphql(skip)]
    by: PersonId,
}

#[ComplexObject]
impl Refusal {
    /// The name of the person who refused.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Visit::of(ctx)?.person_name(self.by).await
    }
}

impl From<&lifecycle::phase::refusal::Refusal> for Refusal {
    fn from(refusal: &lifecycle::phase::refusal::Refusal) -> Self {
        let lifecycle::phase::refusal::Refusal {
            lines,
            decided,
            letter_due_on,
            letter,
            appeal,
        } = refusal;
        let line = |line: &lifecycle::phase::refusal::RefusalLine| RefusalLine {
            code: line.code.into(),
            facts: line.facts.clone(),
            clause_id: line.clause.clone(),
        };
        Self {
            lines: lines.iter().map(line).collect(),
            refused_on: Date(calendar::legal_day(decided.at)),
            letter_due_on: Date(*letter_due_on),
            letter: letter
                .as_ref()
                .map(|letter| RefusalLetter::of(letter, *letter_due_on)),
            appeal: appeal.as_ref().map(|appeal| Appeal {
                grounds: appeal.grounds.clone(),
                lodged_at: DateTime(appeal.lodged.at),
                decision: appeal.decision.as_ref().map(AppealDecision::from),
            }),
            by: decided.by,
        }
    }
}

/// The letter that is owed to the household, as it is to be printed and handed over.
#[derive(SimpleObject, Debug, Clone)]
pub struct RefusalLetterPreview {
    /// What it tells.
    kind: LetterKind,
    /// The text as it is printed.
    text: String,
    /// Its hash: what `issueRefusalLetter` wants as `contentHash`.
    content_hash: String,
    /// The legal day on which it is handed over: what `issueRefusalLetter` wants as `deliveredOn`.
    delivered_on: Date,
    /// The last day for an appeal, counted from that day; null where none is left.
    appeal_until: Option<Date>,
}

impl From<&Letter> for RefusalLetterPreview {
    fn from(letter: &Letter) -> Self {
        Self {
            kind: letter.kind().into(),
            text: letter.text(),
            content_hash: letter.content_hash(),
            delivered_on: Date(letter.delivered_on),
            appeal_until: letter.appeal_until.map(Date),
        }
    }
}
