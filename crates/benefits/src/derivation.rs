//! The calculation sheet (理算书): an assessment line by line, in Chinese and English.

use crate::assess::UNITS_PER_FEN;
use crate::{
    Accumulation, AidTreatment, Assessment, BandBase, BandMode, CapStep, Fen, Layer, Method, Per,
    Slice, UnitLine,
};
use serde::{Deserialize, Serialize};

/// One line of the calculation sheet (理算书).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What the line is, in Chinese.
    pub label_zh: String,
    /// The same in English.
    pub label_en: String,
    /// How its amount comes about, such as `5,000.00 × 30 %`; yuan.
    pub working: String,
    /// Its amount in fen. A slice can end in parts of a fen: they stand in `working`, are cut off here,
    /// and are not lost, because only the sum is rounded.
    pub amount: Fen,
}

fn step(label_zh: &str, label_en: &str, working: &str, amount: Fen) -> Step {
    Step {
        label_zh: label_zh.to_owned(),
        label_en: label_en.to_owned(),
        working: working.to_owned(),
        amount,
    }
}

impl Assessment {
    /// The whole derivation, line by line, ending with the benefit.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.eligible_steps(&mut steps);
        self.line_steps(&mut steps);
        self.table_steps(&mut steps);
        if self.advanced > Fen::ZERO {
            let (amount, advanced, net) = (self.table_amount, self.advanced, self.after_advance());
            let working = if advanced > amount {
                format!("max(0, {amount} − {advanced})")
            } else {
                format!("{amount} − {advanced}")
            };
            steps.push(step(
                "扣除同一事件已先行赔付的部分",
                "Less what was advanced for the same event",
                &working,
                net,
            ));
        }
        steps.extend(self.caps.iter().map(CapStep::step));
        let benefit = self.benefit.to_string();
        steps.push(step("赔付金额", "Benefit", &benefit, self.benefit));
        steps
    }

    fn eligible_steps(&self, steps: &mut Vec<Step>) {
        let loss = &self.loss;
        steps.push(step("申报金额", "Submitted", &self.clause, loss.submitted));
        let mut left = loss.submitted.to_string();
        for Layer { name, paid } in &loss.layers {
            left = format!("{left} − {paid}");
            steps.push(step(
                &format!("已由{name}支付"),
                &format!("Paid by {name}"),
                &paid.to_string(),
                *paid,
            ));
        }
        if let Some(stated) = loss.stated_eligible {
            steps.push(step(
                "结算单自付（与各层核对相符）",
                "Left to the household by the slip (agrees with the layers)",
                &format!("{left} = {stated}"),
                stated,
            ));
        }
        for (zh, en, aid, treatment) in [
            (
                "其他赔偿",
                "Other compensation",
                loss.other,
                AidTreatment::Deducted,
            ),
            ("助学金、补助", "Grants", loss.grants, self.grants),
            ("助学贷款", "Student loans", loss.loans, self.loans),
        ] {
            if aid == Fen::ZERO {
                continue;
            }
            let (treated_zh, treated_en) = match treatment {
                AidTreatment::Deducted => {
                    left = format!("{left} − {aid}");
                    ("扣除", "deducted")
                }
                AidTreatment::Ignored => ("不扣除", "not deducted"),
            };
            steps.push(step(
                &format!("{zh}（{treated_zh}）"),
                &format!("{en} ({treated_en})"),
                &aid.to_string(),
                aid,
            ));
        }
        if self.aid_exceeds_rest() {
            left = format!("max(0, {left})");
        }
        steps.push(step("合规自付", "Eligible", &left, self.eligible));
    }

    /// Whether more aid is deducted than the layers left.
    fn aid_exceeds_rest(&self) -> bool {
        let off = |treatment, aid: Fen| match treatment {
            AidTreatment::Deducted => i128::from(aid.get()),
            AidTreatment::Ignored => 0,
        };
        let layers = self.loss.layers.iter().map(|it| i128::from(it.paid.get()));
        let gone = layers.sum::<i128>()
            + i128::from(self.loss.other.get())
            + off(self.grants, self.loss.grants)
            + off(self.loans, self.loss.loans);
        gone > i128::from(self.loss.submitted.get())
    }

    fn line_steps(&self, steps: &mut Vec<Step>) {
        let (eligible, line) = (self.eligible, self.warning_line);
        let sign = if self.over_warning_line { '>' } else { '≤' };
        steps.push(step(
            "预警线（只启动核查，不影响金额）",
            "Warning line (opens a check, never changes the sum)",
            &format!("{eligible} {sign} {line}"),
            line,
        ));
        if let Some(rate) = self.deductible_of_total {
            let (stated, total) = (self.stated_deductible, self.loss.submitted);
            let before = self.used.event.submitted;
            let total = if before == Fen::ZERO {
                total.to_string()
            } else {
                format!("({before} + {total})")
            };
            steps.push(step(
                "起付线（不低于总费用的规定比例，比例部分进位到分）",
                "Deductible (at least a part of the total; the part is rounded up to the fen)",
                &format!("max({stated}, {total} × {rate})"),
                self.deductible,
            ));
        }
        let accumulated = match self.accumulation {
            Accumulation::Event if self.prior_loss == Fen::ZERO => None,
            Accumulation::Event => Some(("同一事件累计自付", "Losses of the event")),
            Accumulation::PersonYear => Some(("个人本年度累计自付", "Person's losses of the year")),
            Accumulation::HouseholdYear => {
                Some(("家庭本年度累计自付", "Household's losses of the year"))
            }
        };
        if let Some((zh, en)) = accumulated {
            let working = format!("{} + {eligible}", self.prior_loss);
            steps.push(step(zh, en, &working, self.year_loss()));
        }
    }

    /// What the table amount leaves once the advance is off.
    pub(crate) fn after_advance(&self) -> Fen {
        self.table_amount.saturating_sub_to_zero(self.advanced)
    }

    /// Whether the rule ran on more than this loss.
    pub(crate) fn adds_up(&self) -> bool {
        self.accumulation != Accumulation::Event || self.prior_loss > Fen::ZERO
    }

    /// The loss on which the rule ran: with those before it that it adds to.
    pub(crate) fn year_loss(&self) -> Fen {
        Fen::new(self.prior_loss.get().saturating_add(self.eligible.get()))
    }

    /// Whether the deductible kept the rule from paying.
    pub(crate) fn held_by_deductible(&self) -> bool {
        self.deductible > Fen::ZERO && self.year_loss() <= self.deductible
    }

    fn table_steps(&self, steps: &mut Vec<Step>) {
        let amount = self.table_amount;
        match &self.method {
            Method::Banded { base, mode } => self.banded_steps(*base, *mode, steps),
            Method::Fixed {
                amount: each,
                per,
                times,
            } => {
                self.gate_step(steps);
                let (zh, en, working) = match per {
                    Per::Event => ("定额", "Fixed amount", each.to_string()),
                    Per::Head => (
                        "定额（按人）",
                        "Fixed amount per head",
                        format!("{each} × {times}"),
                    ),
                };
                steps.push(step(zh, en, &self.gated(working), amount));
            }
            Method::FixedByOutcome {
                outcome,
                amount: each,
            } => {
                self.gate_step(steps);
                steps.push(step(
                    &format!("定额：{outcome}"),
                    &format!("Fixed amount: {outcome}"),
                    &self.gated(each.to_string()),
                    amount,
                ));
            }
            Method::FixedByHeads {
                heads,
                from,
                amount: each,
            } => {
                self.gate_step(steps);
                steps.push(step(
                    &format!("定额：{heads} 人（{from} 人起）"),
                    &format!("Fixed amount: {heads} persons (from {from} upwards)"),
                    &self.gated(each.to_string()),
                    amount,
                ));
            }
            Method::PerUnit {
                lines,
                sum,
                minimum,
            } => {
                self.gate_step(steps);
                steps.extend(lines.iter().map(UnitLine::step));
                let sign = if sum < minimum { '<' } else { '≥' };
                steps.push(step(
                    "合计与起赔额",
                    "Sum, against the least that is paid",
                    &format!("{sum} {sign} {minimum}"),
                    *sum,
                ));
                let working = if sum < minimum { Fen::ZERO } else { *sum };
                let working = self.gated(working.to_string());
                steps.push(step("理算金额", "Table amount", &working, amount));
            }
            Method::IncomeGap {
                line,
                income_per_head,
                gap,
                heads,
            } => {
                self.gate_step(steps);
                let below = if income_per_head < line {
                    format!("{line} − {income_per_head}")
                } else {
                    format!("{income_per_head} ≥ {line}")
                };
                steps.push(step("人均收入缺口", "Income gap per head", &below, *gap));
                steps.push(step(
                    "理算金额（补差，按人）",
                    "Table amount (the gap, for each head)",
                    &self.gated(format!("{gap} × {heads}")),
                    amount,
                ));
            }
        }
    }

    /// What the deductible says to a rule without bands.
    fn gate_step(&self, steps: &mut Vec<Step>) {
        if self.deductible == Fen::ZERO {
            return;
        }
        let (eligible, deductible) = (self.eligible, self.deductible);
        steps.push(if self.held_by_deductible() {
            let working = format!("{eligible} ≤ {deductible}");
            step(
                "未超过起付线",
                "Not above the deductible",
                &working,
                Fen::ZERO,
            )
        } else {
            let working = format!("{eligible} > {deductible}");
            step("超过起付线", "Above the deductible", &working, eligible)
        });
    }

    fn gated(&self, working: String) -> String {
        if self.held_by_deductible() {
            Fen::ZERO.to_string()
        } else {
            working
        }
    }

    fn banded_steps(&self, base: BandBase, mode: BandMode, steps: &mut Vec<Step>) {
        steps.push(self.base_step(base));
        steps.extend(self.slices.iter().map(|slice| slice.step(mode)));
        let (mode_zh, mode_en) = match mode {
            BandMode::Progressive => ("分段累进", "progressive"),
            BandMode::Flat => ("全额套档", "flat"),
        };
        let exact: Vec<String> = self.slices.iter().map(Slice::exact).collect();
        let sum = if exact.is_empty() {
            Fen::ZERO.to_string()
        } else {
            exact.join(" + ")
        };
        let (zh, en) = (self.rounding.label_zh(), self.rounding.label_en());
        if !self.adds_up() {
            steps.push(step(
                &format!("理算金额（{mode_zh}；{zh}，仅此一次）"),
                &format!("Table amount ({mode_en}; {en}, once)"),
                &sum,
                self.table_amount,
            ));
            return;
        }
        let (whole_zh, whole_en) = match self.accumulation {
            Accumulation::Event => ("全案", "event"),
            Accumulation::PersonYear | Accumulation::HouseholdYear => ("全年", "year"),
        };
        steps.push(step(
            &format!("{whole_zh}理算金额（{mode_zh}；{zh}，仅此一次）"),
            &format!("Table amount of the {whole_en} ({mode_en}; {en}, once)"),
            &sum,
            self.year_amount,
        ));
        steps.push(step(
            "此前损失按同一标准的理算金额",
            "Table amount of the losses before, by the same bands",
            &self.prior_loss.to_string(),
            self.prior_amount,
        ));
        let (year, prior) = (self.year_amount, self.prior_amount);
        steps.push(step(
            "理算金额（本次增加的部分）",
            "Table amount (what this loss adds)",
            &format!("{year} − {prior}"),
            self.table_amount,
        ));
    }

    fn base_step(&self, base: BandBase) -> Step {
        let (loss, deductible) = (self.year_loss(), self.deductible);
        if loss <= deductible {
            return step(
                "未超过起付线",
                "Not above the deductible",
                &format!("{loss} ≤ {deductible}"),
                self.base,
            );
        }
        match base {
            BandBase::ExcessOverDeductible => step(
                "超过起付线的部分",
                "Excess over the deductible",
                &format!("{loss} − {deductible}"),
                self.base,
            ),
            BandBase::WholeLoss => step(
                "超过起付线，按全额计算",
                "Above the deductible: the whole loss counts",
                &format!("{loss} > {deductible}"),
                self.base,
            ),
        }
    }
}

impl CapStep {
    fn step(&self) -> Step {
        let (before, limit, used, remaining) = (self.before, self.limit, self.used, self.remaining);
        let left = if used > limit {
            format!("max(0, {limit} − {used})")
        } else {
            format!("{limit} − {used}")
        };
        step(
            &format!("封顶线：{}", self.scope.label_zh()),
            &format!("Cap: {}", self.scope.label_en()),
            &format!("min({before}, {left} = {remaining})"),
            self.after,
        )
    }
}

impl UnitLine {
    fn step(&self) -> Step {
        let unit = &self.unit;
        step(
            &format!("{unit}（按单位）"),
            &format!("Units of {unit}"),
            &format!("{} × {}", self.count, self.value),
            self.amount,
        )
    }
}

impl Slice {
    fn step(&self, mode: BandMode) -> Step {
        let exact = self.exact();
        let cut = Fen::new(self.exact_units / UNITS_PER_FEN);
        let product = format!("{} × {}", self.amount, self.rate);
        let working = if exact == cut.to_string() {
            product
        } else {
            format!("{product} = {exact}")
        };
        let (zh, en) = match mode {
            BandMode::Progressive => ("分段", "Slice"),
            BandMode::Flat => ("所在档", "Band"),
        };
        let from = self.from;
        match self.to {
            Some(to) => step(
                &format!("{zh} {from}（含）至 {to}"),
                &format!("{en} from {from} to below {to}"),
                &working,
                cut,
            ),
            None => step(
                &format!("{zh} {from}（含）以上"),
                &format!("{en} from {from} upwards"),
                &working,
                cut,
            ),
        }
    }

    /// The exact amount in yuan, with as many decimals beyond the fen as it has.
    pub(crate) fn exact(&self) -> String {
        let whole = Fen::new(self.exact_units / UNITS_PER_FEN).to_string();
        let rest = format!("{:04}", self.exact_units % UNITS_PER_FEN);
        format!("{whole}{}", rest.trim_end_matches('0'))
    }
}
