//! What a scheme would pay for a case, and why: the same quote as on the command line.

use crate::errors::ApiError;
use crate::messages::UserError;
use crate::mutation::input::{self, LayerInput, UnitInput};
use crate::node_id::Kind;
use crate::types::assessment::{Assessment, Reading};
use crate::types::enums::Peril;
use crate::types::scalars::Fen;
use crate::types::scheme::SchemeNode;
use crate::visit::Visit;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use benefits::{EventTotals, Loss, RunningTotals};
use engine::quote::{QuoteCase, QuoteFault, quote};
use lifecycle::{Blocked, SchemeId};

/// A case to compute: no household, no claim, nothing is written.
#[derive(InputObject)]
pub struct PreviewBenefitInput {
    /// The scheme version.
    scheme_id: ID,
    /// The peril.
    peril: Peril,
    /// The household's population group, in the words of the scheme; null where it does not matter.
    group: Option<String>,
    /// Whether it is an advance (先行救助); left out: no.
    is_advance: Option<bool>,
    /// What the bills or receipts come to.
    submitted_fen: Fen,
    /// What other layers reimbursed, in order.
    #[graphql(default)]
    layers: Vec<LayerInput>,
    /// What the settlement slip says the household bore itself.
    stated_eligible_fen: Option<Fen>,
    /// What anybody else compensated.
    other_compensation_fen: Option<Fen>,
    /// Grants (助学金) against school fees.
    grants_fen: Option<Fen>,
    /// Loans (助学贷款) against school fees.
    loans_fen: Option<Fen>,
    /// The outcome a fixed sum depends on (本科, 专科).
    outcome: Option<String>,
    /// Persons hit.
    heads: Option<i32>,
    /// Units lost.
    units: Option<Vec<UnitInput>>,
    /// Income per head.
    income_per_head_fen: Option<Fen>,
    /// Benefits of the person already paid or reserved in the policy year.
    used_person_year_fen: Option<Fen>,
    /// The same of the household.
    used_household_year_fen: Option<Fen>,
    /// Eligible losses of the person they rest on.
    used_person_year_loss_fen: Option<Fen>,
    /// The same of the household.
    used_household_year_loss_fen: Option<Fen>,
    /// Benefits of earlier claims of the same event, an advance among them.
    used_event_fen: Option<Fen>,
    /// What of those benefits was advanced and is not netted yet.
    used_event_advanced_fen: Option<Fen>,
    /// Eligible losses they rest on; they are a part of the year's.
    used_event_loss_fen: Option<Fen>,
    /// What was submitted for them.
    used_event_submitted_fen: Option<Fen>,
}

impl PreviewBenefitInput {
    fn case(self) -> Result<QuoteCase, Blocked> {
        let fen = |value: Option<Fen>| value.map_or(benefits::Fen::ZERO, |fen| fen.0);
        let text =
            |field, value: Option<String>| value.map(|it| input::text(field, it)).transpose();
        Ok(QuoteCase {
            peril: self.peril.into(),
            group: text("group", self.group)?.unwrap_or_default(),
            advance: self.is_advance.unwrap_or_default(),
            loss: Loss {
                submitted: self.submitted_fen.0,
                layers: input::layers(self.layers)?,
                stated_eligible: self.stated_eligible_fen.map(|fen| fen.0),
                other: fen(self.other_compensation_fen),
                grants: fen(self.grants_fen),
                loans: fen(self.loans_fen),
                outcome: text("outcome", self.outcome)?,
                heads: input::heads(self.heads)?,
                units: input::units(self.units)?,
                income_per_head: self.income_per_head_fen.map(|fen| fen.0),
            },
            used: RunningTotals {
                person_year: fen(self.used_person_year_fen),
                household_year: fen(self.used_household_year_fen),
                person_year_loss: fen(self.used_person_year_loss_fen),
                household_year_loss: fen(self.used_household_year_loss_fen),
                event: EventTotals {
                    benefit: fen(self.used_event_fen),
                    advanced: fen(self.used_event_advanced_fen),
                    held: fen(self.used_event_fen),
                    loss: fen(self.used_event_loss_fen),
                    year_loss: fen(self.used_event_loss_fen),
                    submitted: fen(self.used_event_submitted_fen),
                },
            },
        })
    }
}

/// What a scheme would pay for a case.
#[derive(SimpleObject)]
pub struct BenefitQuote {
    /// The benefit.
    benefit_fen: Fen,
    /// The derivation.
    assessment: Assessment,
    /// What the readings that the scheme did not declare would pay.
    other_readings: Vec<Reading>,
    /// The uplift (特殊提标) that could be approved on top, as its own line.
    uplift_max_fen: Fen,
    /// The most that one approver may approve alone.
    alone_max_fen: Fen,
    /// Whether one approver may approve the benefit alone.
    one_approver_is_enough: bool,
}

/// The answer to `previewBenefit`.
#[derive(SimpleObject)]
pub struct BenefitPreview {
    /// The scheme version it was computed with.
    scheme: SchemeNode,
    /// The quote; null where `userErrors` say why there is none.
    quote: Option<BenefitQuote>,
    /// Why there is no quote; empty when there is one.
    user_errors: Vec<UserError>,
}

/// Previews of benefits.
#[derive(Default)]
pub struct PreviewQueries;

#[Object]
impl PreviewQueries {
    /// Computes what a scheme would pay for a case, with the whole derivation; writes nothing. Null
    /// with `NOT_FOUND` if there is no such scheme in the caller's scope.
    async fn preview_benefit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The case.")] input: PreviewBenefitInput,
    ) -> Result<Option<BenefitPreview>, ApiError> {
        let visit = Visit::of(ctx)?;
        let id = crate::node_id::decode_as(Kind::Scheme, &input.scheme_id);
        let id = SchemeId(id.ok_or_else(ApiError::not_found)?);
        let scheme = visit.scheme(id).await?.ok_or_else(ApiError::not_found)?;
        let computed = input
            .case()
            .and_then(|case| quote(&scheme, &case).map_err(|fault| refusal(&fault)));
        let language = visit.language;
        let (quote, user_errors) = match computed {
            Ok(quote) => (Some(quote), Vec::new()),
            Err(blocked) => (
                None,
                UserError::blocked(&blocked, language).into_iter().collect(),
            ),
        };
        Ok(Some(BenefitPreview {
            scheme: SchemeNode(scheme),
            quote: quote.map(|quote| BenefitQuote {
                benefit_fen: Fen(quote.assessment.benefit),
                uplift_max_fen: Fen(quote.uplift_max),
                alone_max_fen: Fen(quote.alone_max()),
                one_approver_is_enough: quote.one_approver_is_enough(),
                other_readings: quote.other_readings.iter().map(Reading::from).collect(),
                assessment: (&quote.assessment).into(),
            }),
            user_errors,
        }))
    }
}

/// The refusal that recording the same facts on a claim would meet.
fn refusal(fault: &QuoteFault) -> Blocked {
    match fault {
        QuoteFault::PerilNotCovered { .. } => Blocked::NotCovered { reason: "PERIL" },
        QuoteFault::NoAdvance => Blocked::Validation {
            field: "isAdvance",
            reason: "NOT_IN_SCHEME",
        },
        QuoteFault::GroupNotCovered { .. } | QuoteFault::GroupNeeded { .. } => {
            Blocked::NotCovered { reason: "GROUP" }
        }
        QuoteFault::Unknown { .. } | QuoteFault::Case(_) => Blocked::AssessmentFailed {
            reason: fault.to_string(),
        },
    }
}
