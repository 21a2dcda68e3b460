//! The assessment (理算) with every step.

use crate::types::scalars::Fen;
use async_graphql::{Enum, SimpleObject};
use benefits::{BandBase, BandMode, CapScope, Method, Per};

/// How the amount was found.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentMethod {
    /// 分段累进,超过起付线的部分: bands, each slice at its own rate, on the excess over the deductible.
    ProgressiveOnExcess,
    /// 分段累进,全额: bands, each slice at its own rate, on the whole loss.
    ProgressiveOnWhole,
    /// 全额套档,超过起付线的部分: the excess at the rate of the band it falls in.
    FlatOnExcess,
    /// 全额套档,全额: the whole loss at the rate of the band it falls in.
    FlatOnWhole,
    /// 定额: one fixed sum.
    Fixed,
    /// 按人定额: a fixed sum for each person hit.
    FixedPerHead,
    /// 按结果定额: the fixed sum of an outcome.
    FixedByOutcome,
    /// 按人数定额: the fixed sum of a number of persons.
    FixedByHeads,
    /// 按件定值: a value for each unit lost.
    PerUnit,
    /// 收入差额补足: what the income per head lacks to a line, for each person.
    IncomeGap,
}

impl From<&Method> for AssessmentMethod {
    fn from(method: &Method) -> Self {
        match method {
            Method::Banded { base, mode } => match (mode, base) {
                (BandMode::Progressive, BandBase::ExcessOverDeductible) => {
                    Self::ProgressiveOnExcess
                }
                (BandMode::Progressive, BandBase::WholeLoss) => Self::ProgressiveOnWhole,
                (BandMode::Flat, BandBase::ExcessOverDeductible) => Self::FlatOnExcess,
                (BandMode::Flat, BandBase::WholeLoss) => Self::FlatOnWhole,
            },
            Method::Fixed {
                per: Per::Event, ..
            } => Self::Fixed,
            Method::Fixed { per: Per::Head, .. } => Self::FixedPerHead,
            Method::FixedByOutcome { .. } => Self::FixedByOutcome,
            Method::FixedByHeads { .. } => Self::FixedByHeads,
            Method::PerUnit { .. } => Self::PerUnit,
            Method::IncomeGap { .. } => Self::IncomeGap,
        }
    }
}

/// The one rounding of an assessment.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "benefits::Rounding")]
pub enum Rounding {
    /// 四舍五入到分: half a fen upwards.
    HalfUp,
    /// 舍去不足一分的部分: down to the fen.
    Down,
}

/// Over which losses a table runs (累计口径).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "benefits::Accumulation")]
pub enum Accumulation {
    /// 每次事故: each event stands alone.
    Event,
    /// 个人年度累计: the losses of the person in the policy year count together.
    PersonYear,
    /// 家庭年度累计: the losses of the household in the policy year count together.
    HouseholdYear,
}

/// What becomes of grants and loans against school fees.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "benefits::AidTreatment")]
pub enum AidTreatment {
    /// 扣除: deducted before the line.
    Deducted,
    /// 不扣除: left out of account.
    Ignored,
}

/// A reading of the table that the scheme did not declare, and what lies between.
#[derive(SimpleObject, Debug, Clone)]
pub struct Reading {
    /// How it would find the amount.
    method: AssessmentMethod,
    /// What it would pay.
    benefit_fen: Fen,
    /// That less what the declared reading pays; may be negative.
    difference_fen: Fen,
}

impl From<&benefits::Reading> for Reading {
    fn from(it: &benefits::Reading) -> Self {
        let benefits::Reading {
            base,
            mode,
            benefit,
            difference,
        } = *it;
        Self {
            method: (&Method::Banded { base, mode }).into(),
            benefit_fen: Fen(benefit),
            difference_fen: Fen(difference),
        }
    }
}

/// What a cap (封顶线) counts.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "CapScope")]
pub enum CapCounts {
    /// 每次事故: this event alone.
    Event,
    /// 个人年度累计: all benefits of the person in the policy year.
    PersonYear,
    /// 家庭年度累计: all benefits of the household in the policy year.
    HouseholdYear,
}

/// What one layer (报销层) reimbursed before us.
#[derive(SimpleObject, Debug, Clone)]
pub struct Layer {
    /// Its name: 基本医保, 大病保险, 医疗救助.
    name: String,
    /// What it paid.
    paid_fen: Fen,
}

/// The part of the base to which one rate applies.
#[derive(SimpleObject, Debug, Clone)]
pub struct Slice {
    /// Lower edge of its band, which belongs to it.
    from_fen: Fen,
    /// Upper edge of its band, which does not; null for the last band.
    to_fen: Option<Fen>,
    /// The rate in basis points: 3000 is 30 %.
    rate_basis_points: i32,
    /// The part of the base.
    amount_fen: Fen,
}

/// One cap as it was applied.
#[derive(SimpleObject, Debug, Clone)]
pub struct CapStep {
    /// What it counts.
    counts: CapCounts,
    /// Its limit.
    limit_fen: Fen,
    /// What was used of it before.
    used_fen: Fen,
    /// What was left of it.
    remaining_fen: Fen,
    /// The amount before this cap.
    before_fen: Fen,
    /// The amount after it.
    after_fen: Fen,
}

/// One line of the calculation sheet (理算书).
#[derive(SimpleObject, Debug, Clone)]
pub struct Step {
    /// What the line is, in Chinese.
    label_zh: String,
    /// The same in English.
    label_en: String,
    /// How its amount comes about, in yuan.
    working: String,
    /// Its amount; parts of a fen are cut off here and stand in `working`.
    amount_fen: Fen,
}

/// A benefit with its whole derivation.
#[derive(SimpleObject, Debug, Clone)]
pub struct Assessment {
    /// The schedule it follows.
    schedule_id: String,
    /// The clause it rests on.
    clause: String,
    /// Where the schedule's figures come from.
    source: String,
    /// How the amount was found.
    method: AssessmentMethod,
    /// The outcome a fixed sum was chosen by (本科, 专科).
    outcome: Option<String>,
    /// What was submitted (申报金额).
    submitted_fen: Fen,
    /// What anybody else compensated (其他赔偿); always deducted.
    other_fen: Fen,
    /// Grants (助学金) against school fees.
    grants_fen: Fen,
    /// Whether they were deducted.
    grants: AidTreatment,
    /// Loans (助学贷款) against school fees.
    loans_fen: Fen,
    /// Whether they were deducted.
    loans: AidTreatment,
    /// Persons hit, where they were stated.
    heads: Option<i32>,
    /// What others reimbursed, in order.
    layers: Vec<Layer>,
    /// What is left to the household (合规自付).
    eligible_fen: Fen,
    /// The warning line (预警线): it opens a check and never changes the sum.
    warning_line_fen: Fen,
    /// Whether the eligible loss lies strictly above the warning line.
    over_warning_line: bool,
    /// The deductible (起付线).
    deductible_fen: Fen,
    /// Over which losses the table ran.
    accumulation: Accumulation,
    /// The eligible losses before this one that it adds to: of the year, or of earlier claims of the same event.
    prior_loss_fen: Fen,
    /// What the bands were applied to: this event, or the losses before with it.
    base_fen: Fen,
    /// The slices of the base.
    slices: Vec<Slice>,
    /// The rounding that was applied once.
    rounding: Rounding,
    /// The table amount of the prior losses with this one.
    year_amount_fen: Fen,
    /// The table amount of the prior losses alone.
    prior_amount_fen: Fen,
    /// What the table gives for this loss before any cap (理算金额).
    table_amount_fen: Fen,
    /// What earlier claims of the event were given beyond the table amount of their losses (先行救助): it goes off before any
    /// cap.
    advanced_fen: Fen,
    /// The caps, in order.
    caps: Vec<CapStep>,
    /// The benefit (赔付金额).
    benefit_fen: Fen,
    /// The whole derivation line by line, as it is printed.
    steps: Vec<Step>,
    /// The same in plain Chinese for the household (通俗说明).
    plain_words: String,
}

impl From<&benefits::Assessment> for Assessment {
    fn from(it: &benefits::Assessment) -> Self {
        let benefits::Assessment {
            schedule_id,
            clause,
            source,
            method,
            loss,
            used: _,
            grants,
            loans,
            eligible,
            warning_line,
            over_warning_line,
            stated_deductible: _,
            deductible_of_total: _,
            deductible,
            accumulation,
            prior_loss,
            base,
            slices,
            rounding,
            year_amount,
            prior_amount,
            table_amount,
            advanced,
            caps,
            benefit,
        } = it;
        Self {
            schedule_id: schedule_id.clone(),
            clause: clause.clone(),
            source: source.clone(),
            method: method.into(),
            outcome: match method {
                Method::FixedByOutcome { outcome, .. } => Some(outcome.clone()),
                Method::Banded { .. }
                | Method::Fixed { .. }
                | Method::FixedByHeads { .. }
                | Method::PerUnit { .. }
                | Method::IncomeGap { .. } => None,
            },
            submitted_fen: Fen(loss.submitted),
            other_fen: Fen(loss.other),
            grants_fen: Fen(loss.grants),
            grants: (*grants).into(),
            loans_fen: Fen(loss.loans),
            loans: (*loans).into(),
            heads: loss.heads.map(i32::from),
            layers: loss.layers.iter().map(Layer::from).collect(),
            eligible_fen: Fen(*eligible),
            warning_line_fen: Fen(*warning_line),
            over_warning_line: *over_warning_line,
            deductible_fen: Fen(*deductible),
            accumulation: (*accumulation).into(),
            prior_loss_fen: Fen(*prior_loss),
            base_fen: Fen(*base),
            slices: slices.iter().map(Slice::from).collect(),
            rounding: (*rounding).into(),
            year_amount_fen: Fen(*year_amount),
            prior_amount_fen: Fen(*prior_amount),
            table_amount_fen: Fen(*table_amount),
            advanced_fen: Fen(*advanced),
            caps: caps.iter().map(CapStep::from).collect(),
            benefit_fen: Fen(*benefit),
            steps: it.steps().into_iter().map(Step::from).collect(),
            plain_words: it.plain_words(),
        }
    }
}

impl From<&benefits::Layer> for Layer {
    fn from(it: &benefits::Layer) -> Self {
        let benefits::Layer { name, paid } = it;
        Self {
            name: name.clone(),
            paid_fen: Fen(*paid),
        }
    }
}

impl From<&benefits::Slice> for Slice {
    fn from(it: &benefits::Slice) -> Self {
        let benefits::Slice {
            from,
            to,
            rate,
            amount,
            exact_units: _,
        } = it;
        Self {
            from_fen: Fen(*from),
            to_fen: to.map(Fen),
            rate_basis_points: i32::try_from(rate.basis_points()).unwrap_or(i32::MAX),
            amount_fen: Fen(*amount),
        }
    }
}

impl From<&benefits::CapStep> for CapStep {
    fn from(it: &benefits::CapStep) -> Self {
        let benefits::CapStep {
            scope,
            limit,
            used,
            remaining,
            before,
            after,
        } = it;
        let scope: CapScope = *scope;
        Self {
            counts: scope.into(),
            limit_fen: Fen(*limit),
            used_fen: Fen(*used),
            remaining_fen: Fen(*remaining),
            before_fen: Fen(*before),
            after_fen: Fen(*after),
        }
    }
}

impl From<benefits::Step> for Step {
    fn from(it: benefits::Step) -> Self {
        let benefits::Step {
            label_zh,
            label_en,
            working,
            amount,
        } = it;
        Self {
            label_zh,
            label_en,
            working,
            amount_fen: Fen(amount),
        }
    }
}
