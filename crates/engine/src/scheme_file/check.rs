//! What makes no sense in a scheme, or against the law: refused, with the reason. What a county should
//! know before it signs: warned of.

use super::Findings;
use super::lines::Lines;
use super::reader::Procedure;
use benefits::{Band, BandBase, BandMode, Cap, Fen, Per, Rule, Schedule};
use chrono::{Datelike, NaiveDate};
use lifecycle::calendar::YearDays;
use lifecycle::scheme::{
    Authority, Clause, Coverage, Deadline, DocumentRule, EvaluationTerms, NoticeTerms, PerilTerms,
    PolicyYear, PoolTerms,
};
use lifecycle::{Calendar, Check, CommandKind, Duty, Status, Term, duty};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// The shortest notice: 公示不少于5天.
const NOTICE_DAYS_MIN: u16 = 5;
/// The longest time for a refusal letter: 保险法 art. 24, three days.
const REFUSAL_LETTER_DAYS_MAX: u16 = 3;
/// The time for an appeal: long enough to think it over, and to an end (ours: no source names one).
const APPEAL_DAYS: RangeInclusive<u16> = 10..=90;
/// The longest time for a decision: 保险法 art. 23, thirty days.
const DECISION_DAYS_MAX: i64 = 30;
/// The longest time for a payment: 保险法 art. 23, ten days after the agreement.
const PAYMENT_DAYS_MAX: i64 = 10;
/// The most a sum may come to: ten trillion yuan, as for the figures of a table.
const SUM_MAX: Fen = Fen::from_yuan(10_000_000_000_000);
/// The longest policy year, in days: a leap year.
const YEAR_DAYS_MAX: i64 = 366;

/// Looks at values that could be read, and says what is wrong with them.
pub(super) struct Judge<'a, 't> {
    lines: &'a Lines<'t>,
    findings: &'a mut Findings,
}

impl<'a, 't> Judge<'a, 't> {
    pub fn new(lines: &'a Lines<'t>, findings: &'a mut Findings) -> Self {
        Self { lines, findings }
    }

    fn fault(&mut self, path: &str, reason: impl Into<String>) {
        self.findings.fault(self.lines, path, reason);
    }

    fn warn(&mut self, path: &str, reason: impl Into<String>) {
        self.findings.warn(self.lines, path, reason);
    }

    pub fn year(&mut self, year: &PolicyYear, calendar: Option<&Calendar>) {
        if year.to < year.from {
            self.fault("year.to", "lies before year.from");
            return;
        }
        let days = (year.to - year.from).num_days() + 1;
        if days > YEAR_DAYS_MAX {
            self.fault(
                "year.to",
                format!("a policy year of {days} days: at most {YEAR_DAYS_MAX}"),
            );
        }
        if year.from.year() != year.year {
            self.fault(
                "year.year",
                format!("the year begins in {}", year.from.year()),
            );
        }
        let Some(calendar) = calendar else { return };
        let missing: Vec<String> = (year.from.year()..=year.to.year())
            .filter(|wanted| !calendar.years().any(|(held, _)| held == *wanted))
            .map(|year| year.to_string())
            .collect();
        if !missing.is_empty() {
            self.warn(
                "year",
                format!(
                    "the calendar holds no holidays for {}: no notice can be opened there, and terms \
                     in working days are measured by weekends alone",
                    missing.join(", ")
                ),
            );
        }
    }

    pub fn refusal_letter(&mut self, days: u16) {
        if days > REFUSAL_LETTER_DAYS_MAX {
            self.fault(
                "deadlines.refusal_letter_days",
                format!(
                    "a refusal letter is due within {REFUSAL_LETTER_DAYS_MAX} days (保险法 24)"
                ),
            );
        }
    }

    pub fn appeal(&mut self, days: u16) {
        if !APPEAL_DAYS.contains(&days) {
            self.fault(
                "deadlines.appeal_days",
                format!(
                    "a household has {} to {} days to appeal",
                    APPEAL_DAYS.start(),
                    APPEAL_DAYS.end()
                ),
            );
        }
    }

    /// A refusal names a clause by its id.
    pub fn clauses(&mut self, clauses: &[Clause], perils: &[PerilTerms]) {
        let tables = perils.iter().flat_map(|terms| &terms.tables);
        let mut taken: BTreeSet<&str> = tables.map(|it| it.schedule.id.as_str()).collect();
        for (index, clause) in clauses.iter().enumerate() {
            if !taken.insert(&clause.id) {
                self.fault(
                    &format!("clauses[{index}].id"),
                    format!("{} stands twice", clause.id),
                );
            }
        }
    }

    pub fn notice(&mut self, notice: &NoticeTerms) {
        if notice.term.days < NOTICE_DAYS_MIN {
            self.fault(
                "notice.days",
                format!("a notice runs at least {NOTICE_DAYS_MIN} days (公示不少于5天)"),
            );
        }
        if notice.proofs_min == 0 {
            self.fault(
                "notice.proofs_min",
                "at least one proof of publication is needed",
            );
        }
    }

    pub fn evaluation(&mut self, terms: &EvaluationTerms) {
        let (part, whole) = (terms.numerator, terms.denominator);
        let path = "procedure.evaluation.pass";
        if terms.present_min == 0 {
            self.fault(
                "procedure.evaluation.present_min",
                "an evaluation of nobody decides nothing: at least 1 person",
            );
        }
        if whole == 0 || part > whole {
            self.fault(
                path,
                format!("{part}/{whole} of the votes can never be reached"),
            );
        } else if part == 0 {
            self.fault(path, "no vote in favour is needed: everybody would pass");
        } else if part == whole && terms.exceeded {
            self.fault(
                path,
                format!("more than {part}/{whole} of the votes can never be reached"),
            );
        }
    }

    pub fn documents(&mut self, documents: &[DocumentRule], path: &str) {
        for (index, document) in documents.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if document.count_min == 0 {
                self.fault(&format!("{path}.count"), "at least 1, or leave the row out");
            }
            if documents[..index]
                .iter()
                .any(|it| it.kind == document.kind && it.due == document.due)
            {
                self.fault(
                    &format!("{path}.kind"),
                    format!("\"{}\" stands twice for {}", document.kind, document.due),
                );
            }
        }
    }

    pub fn perils(&mut self, perils: &[PerilTerms]) {
        let mut ids: BTreeMap<&str, String> = BTreeMap::new();
        for (index, terms) in perils.iter().enumerate() {
            let path = format!("perils[{index}]");
            if perils[..index].iter().any(|it| it.peril == terms.peril) {
                self.fault(&format!("{path}.peril"), "the peril stands twice");
            }
            if terms.covers_to < terms.covers_from {
                self.fault(&format!("{path}.covers_to"), "lies before covers_from");
            }
            for (index, table) in terms.tables.iter().enumerate() {
                let path = format!("{path}.tables[{index}]");
                let id = table.schedule.id.as_str();
                if let Some(first) = ids.get(id) {
                    let reason = format!("\"{id}\" names another table already: {first}");
                    self.fault(&format!("{path}.id"), reason);
                } else {
                    ids.insert(id, path.clone());
                }
                let earlier = terms.tables[..index].iter();
                let earlier: Vec<_> = earlier.filter(|it| it.advance == table.advance).collect();
                if table.advance && table.schedule.asks_for_bills() {
                    self.fault(
                        &format!("{path}.rule"),
                        "an advance is paid before there are bills, so bands have nothing to run on: use a fixed sum",
                    );
                }
                if earlier.iter().any(|it| it.groups.is_empty()) {
                    self.fault(
                        &path,
                        "an earlier table is for everybody, so this one serves nobody",
                    );
                }
                for group in &table.groups {
                    if earlier.iter().any(|it| it.groups.contains(group)) {
                        self.fault(
                            &format!("{path}.groups"),
                            format!("an earlier table serves \"{group}\" already"),
                        );
                    }
                }
            }
        }
    }

    /// Sums that the file only implies must fit as well as the figures themselves.
    pub fn sums(&mut self, coverage: Option<&Coverage>, pool: Option<&PoolTerms>) {
        let line = coverage
            .and_then(|it| it.income.as_ref())
            .map(|income| ("covered.income.base", income.line()));
        let premium = pool.map(|terms| ("pool.premium", terms.premium_total()));
        for (path, sum) in line.into_iter().chain(premium) {
            if sum > SUM_MAX {
                self.fault(
                    path,
                    format!("what follows from it is too large; the most is {SUM_MAX} yuan"),
                );
            }
        }
    }

    pub fn covers(&mut self, perils: &[PerilTerms], year: &PolicyYear) {
        for (index, terms) in perils.iter().enumerate() {
            if terms.covers_from <= terms.covers_to
                && year.from <= year.to
                && (terms.covers_to < year.from || year.to < terms.covers_from)
            {
                self.fault(
                    &format!("perils[{index}].covers_from"),
                    format!(
                        "the cover never meets the policy year {} to {}",
                        year.from, year.to
                    ),
                );
            }
        }
    }

    pub fn groups(&mut self, coverage: &Coverage, perils: &[PerilTerms]) {
        for (index, group) in coverage.groups.iter().enumerate() {
            let path = format!("covered.groups[{index}]");
            if coverage.groups[..index].contains(group) {
                self.fault(&path, format!("\"{group}\" stands twice"));
                continue;
            }
            let unserved: Vec<usize> = (0..perils.len())
                .filter(|peril| perils[*peril].schedule(group, false).is_none())
                .collect();
            if unserved.len() == perils.len() {
                self.fault(&path, format!("no table serves \"{group}\""));
            } else {
                for peril in unserved {
                    let reason = format!("no table of this peril serves \"{group}\"");
                    self.warn(&format!("perils[{peril}].tables"), reason);
                }
            }
        }
        let for_all = |it: &PerilTerms| {
            let mut tables = it.tables.iter().filter(|table| !table.advance);
            tables.any(|table| table.groups.is_empty())
        };
        if coverage.groups.is_empty() && !perils.iter().any(for_all) {
            self.fault(
                "covered.groups",
                "everybody is covered ([]), but every table is for some groups only",
            );
        }
        if let Some(income) = &coverage.income {
            self.known_groups(coverage, &income.groups, "covered.income.groups");
        }
        for (peril, terms) in perils.iter().enumerate() {
            for (index, table) in terms.tables.iter().enumerate() {
                let path = format!("perils[{peril}].tables[{index}].groups");
                self.known_groups(coverage, &table.groups, &path);
            }
        }
    }

    fn known_groups(&mut self, coverage: &Coverage, groups: &[String], path: &str) {
        for (index, group) in groups.iter().enumerate() {
            if !coverage.covers(group) {
                self.fault(
                    &format!("{path}[{index}]"),
                    format!("\"{group}\" is not in covered.groups"),
                );
            }
        }
    }

    pub fn procedure(&mut self, checks: &[Check], duties: &BTreeMap<CommandKind, Vec<Duty>>) {
        if checks.is_empty() {
            self.fault("procedure.checks", "verification needs at least one check");
        }
        for (index, check) in checks.iter().enumerate() {
            let path = format!("procedure.checks[{index}]");
            if checks[..index].contains(check) {
                self.fault(&path, format!("{check} stands twice"));
            }
            let recorder = check.duty();
            if !held_by(duties, CommandKind::RecordFinding).contains(&recorder) {
                self.fault(
                    &path,
                    format!(
                        "nobody may record {check}: it is for {recorder}, which RECORD_FINDING \
                         leaves out"
                    ),
                );
            }
        }
        // Whoever the survey was given to holds SURVEYOR, and nobody else may accept the facts.
        if !held_by(duties, CommandKind::RecordVerification).contains(&Duty::Surveyor) {
            self.fault(
                "procedure.duties.RECORD_VERIFICATION",
                "nobody may do this step: the facts are accepted by the surveyor the claim was \
                 given to, and SURVEYOR is left out",
            );
        }
        for (command, held) in duties {
            let path = format!("procedure.duties.{command}");
            let barred: Vec<String> = held
                .iter()
                .filter(|it| duty::forbidden(*command, **it))
                .map(|it| format!("{it} ({})", it.zh()))
                .collect();
            let nobody = barred.len() == held.len();
            if !barred.is_empty() {
                let rest = if nobody {
                    ", so nobody may do this step"
                } else {
                    ""
                };
                self.fault(
                    &path,
                    format!("{} may never do this{rest}", barred.join(", ")),
                );
            } else if nobody {
                self.fault(&path, "a step nobody may do");
            }
        }
    }

    pub fn authority(&mut self, procedure: &Procedure, perils: Option<&[PerilTerms]>) {
        let rows = &procedure.authority;
        let list = "procedure.authority";
        if rows.is_empty() {
            self.fault(list, "nobody may approve any sum: write one row at least");
            return;
        }
        let approving = held_by(&procedure.duties, CommandKind::ApproveClaim);
        let seconding = held_by(&procedure.duties, CommandKind::SecondApproveClaim);
        let mut sound = true;
        for (index, row) in rows.iter().enumerate() {
            let path = format!("{list}[{index}]");
            let before = self.findings.faults.len();
            if rows[..index].iter().any(|it| it.duty == row.duty) {
                self.fault(
                    &format!("{path}.duty"),
                    format!("{} stands twice", row.duty),
                );
            }
            if !approving.contains(&row.duty) && !seconding.contains(&row.duty) {
                self.fault(
                    &format!("{path}.duty"),
                    format!(
                        "{} ({}) may not approve, so nobody can reach this limit",
                        row.duty,
                        row.duty.zh()
                    ),
                );
            }
            if row.second_max.is_some_and(|it| it < row.alone_max) {
                self.fault(
                    &format!("{path}.with_second"),
                    "lies below what one person may approve alone",
                );
            } else if approving.contains(&row.duty)
                && row.second_max != Some(row.alone_max)
                && !rows.iter().any(|it| seconding.contains(&it.duty))
            {
                self.fault(
                    &format!("{path}.alone"),
                    "nothing above it can be approved: no duty with a limit may give \
                     SECOND_APPROVE_CLAIM",
                );
            }
            let (alone, second) = (row.twelve_months_alone_max, row.twelve_months_second_max);
            if second.is_some_and(|second| alone.is_none_or(|alone| second < alone)) {
                self.fault(
                    &format!("{path}.with_second_twelve_months"),
                    "lies below what one person may let twelve months come to alone",
                );
            }
            sound = sound && before == self.findings.faults.len();
        }
        if let (true, Some(perils)) = (sound, perils) {
            self.reach(rows, approving, seconding, procedure.uplift_max, perils);
        }
    }

    /// Whether somebody can approve the largest sum that the tables can pay.
    fn reach(
        &mut self,
        rows: &[Authority],
        approving: &[Duty],
        seconding: &[Duty],
        uplift_max: Fen,
        perils: &[PerilTerms],
    ) {
        let of = |duties: &[Duty]| -> Vec<Authority> {
            let held = rows.iter().filter(|row| duties.contains(&row.duty));
            held.copied().collect()
        };
        let (first, second) = (of(approving), of(seconding));
        let unlimited = |rows: &[Authority]| rows.iter().any(|row| row.second_max.is_none());
        let limit = |rows: &[Authority]| {
            let limits = rows.iter().filter_map(|row| row.second_max);
            limits.max().unwrap_or(Fen::ZERO)
        };
        let together = match (unlimited(&first), unlimited(&second)) {
            (true, true) => return,
            (true, false) => limit(&second),
            (false, true) => limit(&first),
            (false, false) => limit(&first).min(limit(&second)),
        };
        let alone = first.iter().map(|row| row.alone_max).max();
        let reach = together.max(alone.unwrap_or(Fen::ZERO));
        for (peril, terms) in perils.iter().enumerate() {
            for (index, table) in terms.tables.iter().enumerate() {
                let path = format!("perils[{peril}].tables[{index}]");
                let sum = match largest(&table.schedule, uplift_max) {
                    Largest::None => continue,
                    Largest::Sum(sum) if sum <= reach => continue,
                    Largest::Sum(sum) => format!("up to {sum} yuan"),
                    Largest::Unbounded => "any sum, for want of a cap".to_owned(),
                };
                self.fault(
                    "procedure.authority",
                    format!(
                        "{path} \"{}\" can pay {sum}, but nobody may approve more than {reach} yuan",
                        table.schedule.id
                    ),
                );
            }
        }
    }

    pub fn deadlines(
        &mut self,
        deadlines: &[Deadline],
        year: &PolicyYear,
        calendar: Option<&Calendar>,
    ) {
        for (index, row) in deadlines.iter().enumerate() {
            let path = format!("deadlines.status[{index}]");
            if deadlines[..index].iter().any(|it| it.status == row.status) {
                self.fault(
                    &format!("{path}.status"),
                    format!("{} stands twice", row.status),
                );
            }
            if row.status.is_final() && !row.status.is_refused() {
                self.fault(
                    &format!("{path}.status"),
                    format!(
                        "{} ({}) is an end: nothing is due there",
                        row.status,
                        row.status.zh()
                    ),
                );
            }
            if row.status.is_refused() && row.status != Status::Appealed {
                self.fault(
                    &format!("{path}.status"),
                    "deadlines.refusal_letter_days and deadlines.appeal_days say what is due there",
                );
            }
            if row.term.days == 0 {
                self.fault(
                    &format!("{path}.days"),
                    "at least 1 day, or leave the row out",
                );
            }
        }
        let measure = Measure { year, calendar };
        self.statutory(
            deadlines,
            &[
                Status::Accepted,
                Status::Verifying,
                Status::Verified,
                Status::NoticeClosed,
            ],
            "a decision",
            DECISION_DAYS_MAX,
            &measure,
        );
        self.statutory(
            deadlines,
            &[Status::Approved, Status::Instructed],
            "payment",
            PAYMENT_DAYS_MAX,
            &measure,
        );
    }

    fn statutory(
        &mut self,
        deadlines: &[Deadline],
        statuses: &[Status],
        what: &str,
        days_max: i64,
        measure: &Measure<'_>,
    ) {
        let rows: Vec<(usize, Term)> = statuses
            .iter()
            .filter_map(|status| {
                let index = deadlines.iter().position(|it| it.status == *status)?;
                Some((index, deadlines[index].term))
            })
            .collect();
        let Some((last, _)) = rows.last() else { return };
        let terms: Vec<Term> = rows.iter().map(|(_, term)| *term).collect();
        let days = measure.longest(&terms);
        if days.is_none_or(|days| days > days_max) {
            let days = days.map_or("years".to_owned(), |days| format!("{days} days"));
            let names: Vec<&str> = rows
                .iter()
                .map(|(index, _)| deadlines[*index].status.code())
                .collect();
            self.fault(
                &format!("deadlines.status[{last}].days"),
                format!(
                    "{} can take {days}, and {what} is due within {days_max} days (保险法 23)",
                    names.join(" and ")
                ),
            );
        }
    }

    pub fn schedule(&mut self, schedule: &Schedule, path: &str) {
        let faults = schedule.check();
        for fault in &faults {
            self.fault(&format!("{path}.{}", fault.path()), fault.to_string());
        }
        if !faults.is_empty() {
            return;
        }
        if schedule.deductible == schedule.warning_line && schedule.deductible > Fen::ZERO {
            self.warn(
                &format!("{path}.deductible"),
                format!(
                    "deductible (起付线) and warning line (预警线) are both {}: often so, but they \
                     are two figures; make sure that the plan means both",
                    schedule.deductible
                ),
            );
        }
        match &schedule.rule {
            Rule::Banded { base, mode, bands } => {
                self.cliffs(bands, *mode, &format!("{path}.rule.mode"));
                self.gate(schedule.deductible, *base, *mode, bands, path);
            }
            Rule::Unknown { missing } => self.warn(
                &format!("{path}.rule"),
                format!("the figures are not known and nothing is paid by it; missing: {missing}"),
            ),
            Rule::Fixed { .. }
            | Rule::FixedByOutcome { .. }
            | Rule::FixedByHeads { .. }
            | Rule::PerUnit { .. }
            | Rule::IncomeGap { .. } => {}
        }
    }

    fn cliffs(&mut self, bands: &[Band], mode: BandMode, path: &str) {
        match mode {
            BandMode::Progressive => return,
            BandMode::Flat => {}
        }
        let jumps: Vec<(Fen, Fen)> = bands
            .windows(2)
            .filter_map(|pair| {
                let [before, band] = pair else { return None };
                let edge = band.from;
                let jump = part(edge, band).checked_sub(part(edge, before))?;
                Some((edge, jump))
            })
            .collect();
        let Some((edge, largest)) = jumps.iter().max_by_key(|(_, jump)| jump.get().abs()) else {
            return;
        };
        let all: Vec<String> = jumps
            .iter()
            .map(|(edge, jump)| format!("{jump} at {edge}"))
            .collect();
        self.warn(
            path,
            format!(
                "flat mode (全额套档) has cliffs: one fen more of loss changes the benefit by up to \
                 {largest} yuan, at {edge}; edge by edge: {}",
                all.join(", ")
            ),
        );
    }

    /// A whole loss that counts once it is over the deductible jumps there, whatever the mode.
    fn gate(
        &mut self,
        deductible: Fen,
        base: BandBase,
        mode: BandMode,
        bands: &[Band],
        path: &str,
    ) {
        match base {
            BandBase::ExcessOverDeductible => return,
            BandBase::WholeLoss if deductible == Fen::ZERO => return,
            BandBase::WholeLoss => {}
        }
        let below = |edge: Option<Fen>| edge.is_none_or(|edge| deductible < edge);
        let jump = match mode {
            BandMode::Flat => bands
                .iter()
                .find(|band| below(band.to))
                .map_or(Fen::ZERO, |band| part(deductible, band)),
            BandMode::Progressive => bands.iter().fold(Fen::ZERO, |sum, band| {
                let top = band.to.map_or(deductible, |to| to.min(deductible));
                let slice = top.saturating_sub_to_zero(band.from);
                sum.checked_add(part(slice, band)).unwrap_or(sum)
            }),
        };
        self.warn(
            &format!("{path}.rule.base"),
            format!(
                "the whole loss counts (全额) once it is over the deductible: one fen above \
                 {deductible} pays {jump} yuan at once"
            ),
        );
    }
}

/// The duties that hold a step.
fn held_by(duties: &BTreeMap<CommandKind, Vec<Duty>>, command: CommandKind) -> &[Duty] {
    duties
        .get(&command)
        .map_or_else(|| duty::standard(command), Vec::as_slice)
}

/// An amount at a band's rate, in whole fen.
fn part(amount: Fen, band: &Band) -> Fen {
    let exact = i128::from(amount.get()) * i128::from(band.rate.basis_points()) / 10_000;
    Fen::new(i64::try_from(exact).unwrap_or(i64::MAX))
}

/// The largest sum that a table can pay.
enum Largest {
    /// Nothing: its figures are not known.
    None,
    /// This sum.
    Sum(Fen),
    /// Nothing holds it.
    Unbounded,
}

fn largest(schedule: &Schedule, uplift_max: Fen) -> Largest {
    let by_rule = match &schedule.rule {
        Rule::Unknown { .. } => return Largest::None,
        Rule::Fixed { amount, per } => match per {
            Per::Event => Some(*amount),
            Per::Head => None,
        },
        Rule::FixedByOutcome { amounts } => amounts.iter().map(|it| it.amount).max(),
        Rule::FixedByHeads { amounts } => amounts.iter().map(|it| it.amount).max(),
        Rule::Banded { .. } | Rule::PerUnit { .. } | Rule::IncomeGap { .. } => None,
    };
    let lifted = by_rule.and_then(|it| it.checked_add(uplift_max));
    let capped = schedule.caps.iter().map(|Cap { limit, .. }| *limit).min();
    match (lifted, capped) {
        (Some(one), Some(other)) => Largest::Sum(one.min(other)),
        (Some(one), None) | (None, Some(one)) => Largest::Sum(one),
        (None, None) => Largest::Unbounded,
    }
}

/// How long terms can take within a policy year.
struct Measure<'a> {
    year: &'a PolicyYear,
    calendar: Option<&'a Calendar>,
}

impl Measure<'_> {
    /// The longest that these terms can take one after the other, in natural days. Where no calendar
    /// reaches, only weekends are known to be rest days, so that the truth can be longer. `None` for
    /// years.
    fn longest(&self, terms: &[Term]) -> Option<i64> {
        let from = self.year.from.year();
        let weekends = (from..=from + 3).map(|year| (year, YearDays::default()));
        let weekends = Calendar::new(weekends.collect());
        let days = self
            .year
            .from
            .iter_days()
            .take_while(|day| *day <= self.year.to)
            // A year too long is told elsewhere; it must not keep us here.
            .take(usize::try_from(YEAR_DAYS_MAX).unwrap_or_default());
        days.flat_map(|day| {
            let known = self.calendar.and_then(|it| taken(it, day, terms));
            [known, taken(&weekends, day, terms)]
        })
        .flatten()
        .max()
    }
}

fn taken(calendar: &Calendar, from: NaiveDate, terms: &[Term]) -> Option<i64> {
    let mut last = from;
    for term in terms {
        last = calendar.last_day(last, *term).ok()?;
    }
    Some((last - from).num_days())
}
