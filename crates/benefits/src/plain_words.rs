//! An assessment in plain Chinese, for the household.
//!
//! Only figures, and words that stand here or (units) in the scheme: what an official has typed in,
//! such as the name of a layer or an outcome, could hold a name or a diagnosis and is left out.

use crate::{
    Accumulation, AidTreatment, Assessment, BandBase, BandMode, CapScope, CapStep, Fen, Method,
    Per, Rate, Rounding, Slice,
};
use std::fmt::Write as _;

impl Assessment {
    /// A short explanation for the household, in full Chinese sentences, amounts in yuan. It holds no
    /// name, no identity number and no diagnosis.
    pub fn plain_words(&self) -> String {
        let mut words = String::new();
        self.what_the_family_bears(&mut words);
        if self.held_by_deductible() {
            let (loss, line) = (yuan(self.year_loss()), yuan(self.deductible));
            say(
                &mut words,
                format_args!("按规定，自己负担的钱要超过{line}才能补偿，现在是{loss}，没有超过。"),
            );
        } else {
            self.how_it_counts(&mut words);
        }
        if self.advanced > Fen::ZERO && self.table_amount > Fen::ZERO {
            let (advanced, left) = (yuan(self.advanced), yuan(self.after_advance()));
            say(
                &mut words,
                format_args!("这件事之前已经先行赔付了{advanced}，要减去，还剩{left}。"),
            );
        }
        for cap in &self.caps {
            cap.say(&mut words);
        }
        let benefit = yuan(self.benefit);
        if self.benefit == Fen::ZERO {
            say(&mut words, format_args!("所以，这次没有补偿。"));
        } else {
            say(&mut words, format_args!("所以，这次一共补偿{benefit}。"));
        }
        words
    }

    fn what_the_family_bears(&self, words: &mut String) {
        let loss = &self.loss;
        let others: i128 = loss.layers.iter().map(|it| i128::from(it.paid.get())).sum();
        let others = Fen::new(i64::try_from(others).unwrap_or(i64::MAX));
        say(
            words,
            format_args!("这次申报的费用一共是{}。", yuan(loss.submitted)),
        );
        if others > Fen::ZERO {
            say(
                words,
                format_args!("医保、救助等其他渠道已经支付了{}。", yuan(others)),
            );
        }
        for (name, aid, treatment) in [
            ("其他赔偿", loss.other, AidTreatment::Deducted),
            ("助学金和补助", loss.grants, self.grants),
            ("助学贷款", loss.loans, self.loans),
        ] {
            if aid == Fen::ZERO {
                continue;
            }
            let aid = yuan(aid);
            match treatment {
                AidTreatment::Deducted => say(
                    words,
                    format_args!("已经得到的{name}是{aid}，按规定要先减去。"),
                ),
                AidTreatment::Ignored => say(
                    words,
                    format_args!("已经得到的{name}是{aid}，按规定不用减去。"),
                ),
            }
        }
        say(
            words,
            format_args!("家里自己负担的是{}。", yuan(self.eligible)),
        );
        if !self.adds_up() {
            return;
        }
        let before = match self.accumulation {
            Accumulation::Event => "同一件事在这之前",
            Accumulation::PersonYear => "今年在这之前本人",
            Accumulation::HouseholdYear => "今年在这之前全家",
        };
        let (prior, year) = (yuan(self.prior_loss), yuan(self.year_loss()));
        say(
            words,
            format_args!("{before}已经负担了{prior}，和这次合起来是{year}。"),
        );
    }

    fn how_it_counts(&self, words: &mut String) {
        match &self.method {
            Method::Banded { base, mode } => self.how_bands_count(*base, *mode, words),
            Method::Fixed {
                amount,
                per: Per::Event,
                times: _,
            }
            | Method::FixedByOutcome { outcome: _, amount } => say(
                words,
                format_args!("按规定，这种情况补偿固定的{}。", yuan(*amount)),
            ),
            Method::Fixed {
                amount,
                per: Per::Head,
                times,
            } => {
                let (each, sum) = (yuan(*amount), yuan(self.table_amount));
                say(
                    words,
                    format_args!("按规定，每人补偿{each}，一共{times}人，合计{sum}。"),
                );
            }
            Method::FixedByHeads {
                heads,
                from: _,
                amount,
            } => say(
                words,
                format_args!(
                    "按规定，补偿的钱按人数定，家里算{heads}人，对应的是{}。",
                    yuan(*amount)
                ),
            ),
            Method::PerUnit {
                lines,
                sum,
                minimum,
            } => {
                for line in lines {
                    let (unit, count) = (&line.unit, line.count);
                    let (value, amount) = (yuan(line.value), yuan(line.amount));
                    say(
                        words,
                        format_args!("{unit}的数量是{count}，每个单位算{value}，得{amount}。"),
                    );
                }
                say(words, format_args!("合计{}。", yuan(*sum)));
                if sum < minimum {
                    let least = yuan(*minimum);
                    say(
                        words,
                        format_args!("按规定，合计达到{least}才能补偿，这次没有达到。"),
                    );
                }
            }
            Method::IncomeGap {
                line,
                income_per_head,
                gap,
                heads,
            } => {
                let (line, income) = (yuan(*line), yuan(*income_per_head));
                say(
                    words,
                    format_args!("按规定，每人一年的收入要达到{line}，家里现在每人是{income}。"),
                );
                if *gap == Fen::ZERO {
                    say(words, format_args!("收入没有缺口。"));
                } else {
                    let (gap, sum) = (yuan(*gap), yuan(self.table_amount));
                    say(
                        words,
                        format_args!("每人还差{gap}，一共{heads}人，合计{sum}。"),
                    );
                }
            }
        }
    }

    fn how_bands_count(&self, base: BandBase, mode: BandMode, words: &mut String) {
        let counted = yuan(self.base);
        if self.deductible > Fen::ZERO {
            let line = yuan(self.deductible);
            match base {
                BandBase::ExcessOverDeductible => say(
                    words,
                    format_args!("按规定，超过{line}的部分才能补偿，超过的部分是{counted}。"),
                ),
                BandBase::WholeLoss => say(
                    words,
                    format_args!("按规定，超过{line}就可以补偿，而且全部都算，一共是{counted}。"),
                ),
            }
        } else {
            say(words, format_args!("按规定，可以计算补偿的是{counted}。"));
        }
        if !self.slices.is_empty() {
            let parts: Vec<String> = self.slices.iter().map(|it| it.in_words(mode)).collect();
            say(words, format_args!("{}。", parts.join("；")));
        }
        let year = yuan(self.year_amount);
        match (self.rounds(), self.rounding) {
            (false, Rounding::HalfUp | Rounding::Down) => {
                say(words, format_args!("合计{year}。"));
            }
            (true, Rounding::HalfUp) => {
                say(words, format_args!("加起来四舍五入到分，合计{year}。"));
            }
            (true, Rounding::Down) => {
                say(words, format_args!("加起来不到一分的去掉，合计{year}。"));
            }
        }
        if !self.adds_up() {
            return;
        }
        let whole = match self.accumulation {
            Accumulation::Event => "这件事前后合起来",
            Accumulation::PersonYear | Accumulation::HouseholdYear => "全年",
        };
        let (prior, now) = (yuan(self.prior_amount), yuan(self.table_amount));
        say(
            words,
            format_args!("这是{whole}的数，其中{prior}是以前的费用应得的，所以这次增加的是{now}。"),
        );
    }

    /// Whether the sum of the slices had parts of a fen.
    fn rounds(&self) -> bool {
        let units: i128 = self
            .slices
            .iter()
            .map(|it| i128::from(it.exact_units))
            .sum();
        units % i128::from(crate::assess::UNITS_PER_FEN) != 0
    }
}

impl Slice {
    fn in_words(&self, mode: BandMode) -> String {
        let (amount, rate, exact) = (yuan(self.amount), percent(self.rate), self.exact());
        match mode {
            BandMode::Progressive => format!("其中{amount}按{rate}计算，得{exact}元"),
            BandMode::Flat => format!("这些钱全部按{rate}计算，得{exact}元"),
        }
    }
}

impl CapStep {
    fn say(&self, words: &mut String) {
        let whose = match self.scope {
            CapScope::Event => "每一次",
            CapScope::PersonYear => "本人一年里",
            CapScope::HouseholdYear => "全家一年里",
        };
        let (limit, used, remaining) = (yuan(self.limit), yuan(self.used), yuan(self.remaining));
        match self.scope {
            CapScope::Event if self.used == Fen::ZERO => {
                say(words, format_args!("{whose}最多补偿{limit}。"));
            }
            CapScope::Event | CapScope::PersonYear | CapScope::HouseholdYear => say(
                words,
                format_args!("{whose}最多补偿{limit}，已经补偿了{used}，还剩{remaining}。"),
            ),
        }
        if self.after < self.before {
            let after = yuan(self.after);
            say(words, format_args!("所以这次只能按{after}算。"));
        }
    }
}

fn say(words: &mut String, sentence: std::fmt::Arguments<'_>) {
    // A String takes whatever is written.
    let _ = words.write_fmt(sentence);
}

fn yuan(amount: Fen) -> String {
    format!("{amount}元")
}

/// `72.55%`, as Chinese sentences print it, without the blank.
fn percent(rate: Rate) -> String {
    rate.to_string().replace(' ', "")
}
