//! From the text of a scheme file to its values: all that is missing or unreadable, each with its
//! line; and block by block what makes no sense in itself.

use super::check;
use super::lines::Lines;
use super::text::{
    AuthorityText, BandText, CapText, ClauseText, CoveredText, DayText, DeadlineText,
    DeadlinesText, DocumentText, EvaluationText, HeadsText, IncomeText, Listed, Multiplier,
    NoticeText, OutcomeText, Percent, PerilText, PoolText, ProcedureText, RuleText, SchemeText,
    Share, TableText, UnitText, Word, Written, YearText, Yuan,
};
use super::{Findings, org_id};
use crate::ids;
use benefits::{
    Accumulation, AidTreatment, Band, Cap, Fen, HeadAmount, OutcomeAmount, Per, Rate, Rule,
    Schedule, UnitValue,
};
use chrono::NaiveDate;
use lifecycle::scheme::{
    Authority, Clause, Coverage, Deadline, DocumentRule, EvaluationTerms, GroupTable, IncomeTerms,
    NoticeTerms, PerilTerms, PolicyYear, PoolTerms, QueueOrder, VoteBase,
};
use lifecycle::{
    Calendar, Check, CommandKind, CountyCode, Duty, NameCheckMeans, Scheme, SchemeId, Term,
};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What a scheme that names no evaluation gets: nobody holds one under it.
const NO_EVALUATION: EvaluationTerms = EvaluationTerms {
    present_min: 1,
    numerator: 1,
    denominator: 2,
    exceeded: true,
    of: VoteBase::Present,
};

/// Reads a scheme, its faults and warnings into `findings`.
pub(super) fn read(
    text: SchemeText,
    lines: &Lines<'_>,
    calendar: Option<&Calendar>,
    findings: &mut Findings,
) -> Option<Scheme> {
    let mut reader = Reader { lines, findings };
    let county = reader.county(text.county);
    let code = reader.text(
        text.code,
        "code",
        "a short stable code, such as \"haigang-2020\"",
    );
    let version = reader.count(text.version, "version", "from 1 upwards");
    if version == Some(0) {
        reader.fault("version", "versions count from 1");
    }
    let name = reader.text(text.name, "name", "the scheme's name, as letters print it");
    let source = reader.text(text.source, "source", "where the figures come from");
    let insurer = reader.text(
        text.insurer,
        "insurer",
        "the insurer's code in the county file",
    );
    let year = reader
        .need(text.year, "year", "the policy year (保单年度)")
        .and_then(|it| reader.year(it));
    let coverage = reader
        .need(text.covered, "covered", "who is covered (保障对象)")
        .and_then(|it| reader.covered(it));
    let procedure = reader
        .need(text.procedure, "procedure", "how a claim goes (办理程序)")
        .and_then(|it| reader.procedure(it));
    let notice = reader
        .need(
            text.notice,
            "notice",
            "no money is paid without a public notice (公示)",
        )
        .and_then(|it| reader.notice(it));
    let deadlines = reader
        .need(text.deadlines, "deadlines", "deadlines (办理时限)")
        .and_then(|it| reader.deadlines(it));
    let pool = reader
        .need(text.pool, "pool", "premium, pool and fee (保费、资金池)")
        .and_then(|it| reader.pool(it));
    let perils = reader
        .need(text.perils, "perils", "at least one [[perils]] (保障责任)")
        .and_then(|it| reader.perils(it));
    let clauses = reader.each(text.clauses, "clauses", Reader::clause);

    let mut judge = check::Judge::new(lines, findings);
    if let Some(year) = &year {
        judge.year(year, calendar);
        if let Some((_, _, deadlines)) = &deadlines {
            judge.deadlines(deadlines, year, calendar);
        }
        if let Some(perils) = &perils {
            judge.covers(perils, year);
        }
    }
    judge.sums(coverage.as_ref(), pool.as_ref());
    if let (Some(clauses), Some(perils)) = (&clauses, &perils) {
        judge.clauses(clauses, perils);
    }
    if let (Some(coverage), Some(perils)) = (&coverage, &perils) {
        judge.groups(coverage, perils);
    }
    if let Some(procedure) = &procedure {
        judge.procedure(&procedure.checks, &procedure.duties);
        judge.authority(procedure, perils.as_deref());
    }

    if !findings.faults.is_empty() {
        return None;
    }
    let (county, code, version) = (county?, code?, version?);
    let procedure = procedure?;
    let (refusal_letter_days, appeal_days, deadlines) = deadlines?;
    let id = SchemeId(ids::named("scheme", &format!("{county}/{code}/{version}")));
    Some(Scheme {
        id,
        // Its own, until it is published beside an earlier version of the year.
        pool_id: id,
        county,
        insurer: org_id(county, &insurer?),
        code,
        version,
        name: name?,
        year: year?,
        source: source?,
        coverage: coverage?,
        clauses: clauses?,
        perils: perils?,
        checks: procedure.checks,
        evaluation: procedure.evaluation,
        notice: notice?,
        county_review: procedure.county_review,
        authority: procedure.authority,
        uplift_max: procedure.uplift_max,
        liveness_days_max: procedure.liveness_days_max,
        payee_check: procedure.payee_check,
        payee_check_days_max: procedure.payee_check_days_max,
        refusal_letter_days,
        appeal_days,
        deadlines,
        pool: pool?,
        duties: procedure.duties,
    })
}

/// The procedure of a scheme.
pub(super) struct Procedure {
    pub checks: Vec<Check>,
    pub county_review: bool,
    pub uplift_max: Fen,
    pub liveness_days_max: u16,
    pub payee_check: NameCheckMeans,
    pub payee_check_days_max: u16,
    pub evaluation: EvaluationTerms,
    pub authority: Vec<Authority>,
    pub duties: BTreeMap<CommandKind, Vec<Duty>>,
}

struct Reader<'a, 't> {
    lines: &'a Lines<'t>,
    findings: &'a mut Findings,
}

impl Reader<'_, '_> {
    fn fault(&mut self, path: &str, reason: impl Display) {
        self.findings.fault(self.lines, path, reason.to_string());
    }

    fn need<T>(&mut self, value: Option<T>, path: &str, what: &str) -> Option<T> {
        if value.is_none() {
            self.fault(path, format!("is missing: {what}"));
        }
        value
    }

    fn text(&mut self, value: Option<String>, path: &str, what: &str) -> Option<String> {
        let value = self.need(value, path, what)?;
        if value.trim().is_empty() {
            self.fault(path, format!("is empty: {what}"));
            return None;
        }
        Some(value)
    }

    fn count<T: TryFrom<i64>>(&mut self, value: Option<i64>, path: &str, what: &str) -> Option<T> {
        let value = self.need(value, path, what)?;
        let count = T::try_from(value).ok();
        if count.is_none() {
            self.fault(path, format!("{value} is out of range: {what}"));
        }
        count
    }

    fn readable<T, F: Display>(&mut self, value: Result<T, F>, path: &str) -> Option<T> {
        value.map_err(|fault| self.fault(path, fault)).ok()
    }

    fn yuan(&mut self, value: Option<Yuan>, path: &str) -> Option<Fen> {
        let Yuan(written) = self.need(value, path, "an amount in yuan, such as 5000")?;
        self.readable(yuan(&written), path)
    }

    fn yuan_or_none(&mut self, value: Option<Yuan>, path: &str) -> Option<Fen> {
        match value {
            None => Some(Fen::ZERO),
            Some(_) => self.yuan(value, path),
        }
    }

    fn percent(&mut self, value: Option<Percent>, path: &str) -> Option<Rate> {
        let Percent(written) = self.need(value, path, "a rate, such as \"30%\"")?;
        self.readable(percent(&written), path)
    }

    fn day(&mut self, value: Option<DayText>, path: &str) -> Option<NaiveDate> {
        let text = match self.need(value, path, "a day, such as 2020-01-31")? {
            DayText::Date(date) => date.to_string(),
            DayText::Text(text) => text,
        };
        let day = text
            .trim()
            .parse()
            .map_err(|_| format!("{text:?} is not a day such as 2020-01-31"));
        self.readable(day, path)
    }

    fn word<T: Listed>(&mut self, value: Option<Word<T>>, path: &str) -> Option<T> {
        let word = self.need(value, path, &words::<T>())?;
        let value = word
            .value()
            .ok_or_else(|| format!("\"{}\" is not known: {}", word.text, words::<T>()));
        self.readable(value, path)
    }

    fn word_or<T: Listed>(&mut self, value: Option<Word<T>>, path: &str, default: T) -> Option<T> {
        match value {
            None => Some(default),
            Some(_) => self.word(value, path),
        }
    }

    /// The items of a list, each with its path; `None` if one of them is at fault.
    fn each<T, R>(
        &mut self,
        items: Vec<T>,
        path: &str,
        mut read: impl FnMut(&mut Self, T, &str) -> Option<R>,
    ) -> Option<Vec<R>> {
        let read: Vec<Option<R>> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| read(self, item, &format!("{path}[{index}]")))
            .collect();
        read.into_iter().collect()
    }

    fn county(&mut self, value: Option<Written>) -> Option<CountyCode> {
        let what = "the county's six-digit division code, such as \"130302\"";
        let text = match self.need(value, "county", what)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        let not_a_code = || format!("{text:?} is not a six-digit county code");
        let code = text.trim().parse().map_err(|_| not_a_code());
        let code = code.and_then(|it| CountyCode::new(it).map_err(|_| not_a_code()));
        self.readable(code, "county")
    }

    fn year(&mut self, text: YearText) -> Option<PolicyYear> {
        let YearText {
            year,
            from,
            to,
            fixed_by,
        } = text;
        let year = self.count(year, "year.year", "the year it begins in");
        let from = self.day(from, "year.from");
        let to = self.day(to, "year.to");
        let fixed_by = self.word(fixed_by, "year.fixed_by");
        Some(PolicyYear {
            year: year?,
            from: from?,
            to: to?,
            fixed_by: fixed_by?,
        })
    }

    fn covered(&mut self, text: CoveredText) -> Option<Coverage> {
        let CoveredText {
            groups,
            listed_first,
            exclusions,
            income,
        } = text;
        let groups = self.need(
            groups,
            "covered.groups",
            "the population groups (人群类别); [] for everybody",
        );
        let listed_first = self.need(
            listed_first,
            "covered.listed_first",
            "true where a household must stand on the monitored list first, else false",
        );
        let income = match income {
            None => Some(None),
            Some(income) => self.income(income).map(Some),
        };
        Some(Coverage {
            groups: groups?,
            listed_first: listed_first?,
            income: income?,
            exclusions,
        })
    }

    fn income(&mut self, text: IncomeText) -> Option<IncomeTerms> {
        let IncomeText {
            base,
            multiplier,
            window,
            groups,
        } = text;
        let base = self.yuan(base, "covered.income.base");
        let path = "covered.income.multiplier";
        let multiplier = self
            .need(multiplier, path, "how many times the base, such as \"1.5\"")
            .and_then(|Multiplier(written)| self.readable(multiplier_bp(&written), path));
        let window = self.word(window, "covered.income.window");
        Some(IncomeTerms {
            base: base?,
            multiplier_bp: multiplier?,
            window: window?,
            groups,
        })
    }

    fn procedure(&mut self, text: ProcedureText) -> Option<Procedure> {
        let ProcedureText {
            checks,
            county_review,
            uplift_max,
            liveness_days_max,
            payee_check,
            payee_check_days_max,
            evaluation,
            authority,
            duties,
        } = text;
        let path = "procedure.checks";
        let checks = self
            .need(checks, path, "the checks of verification, in order")
            .and_then(|it| self.each(it, path, |this, check, path| this.word(Some(check), path)));
        let county_review = self.need(
            county_review,
            "procedure.county_review",
            "true where the county reviews (审定) before the insurer approves, else false",
        );
        let uplift_max = self.yuan_or_none(uplift_max, "procedure.uplift_max");
        let liveness_days_max = self.count(
            liveness_days_max,
            "procedure.liveness_days_max",
            "how old a check of the payee may be on the payment day, in days",
        );
        let payee_check = self.word_or(
            payee_check,
            "procedure.payee_check",
            NameCheckMeans::NamesCompared,
        );
        let payee_check_days_max = self.count(
            payee_check_days_max.or(Some(365)),
            "procedure.payee_check_days_max",
            "how old a check of the account's name may be, in days",
        );
        let held = checks
            .as_ref()
            .is_some_and(|it| it.contains(&Check::VillageEvaluation));
        let path = "procedure.evaluation";
        let evaluation = match evaluation {
            None if held => self.need(
                None,
                path,
                "the check VILLAGE_EVALUATION needs a quorum and a pass rule",
            ),
            None => Some(NO_EVALUATION),
            Some(text) => self.evaluation(text),
        };
        let path = "procedure.authority";
        let authority = self
            .need(authority, path, "what each duty may approve (审批权限)")
            .and_then(|it| self.each(it, path, Self::authority));
        let duties = self.duties(duties);
        Some(Procedure {
            checks: checks?,
            county_review: county_review?,
            uplift_max: uplift_max?,
            liveness_days_max: liveness_days_max?,
            payee_check: payee_check?,
            payee_check_days_max: payee_check_days_max?,
            evaluation: evaluation?,
            authority: authority?,
            duties: duties?,
        })
    }

    fn evaluation(&mut self, text: EvaluationText) -> Option<EvaluationTerms> {
        let EvaluationText {
            present_min,
            pass,
            exceeded,
            of,
        } = text;
        let present_min = self.count(
            present_min,
            "procedure.evaluation.present_min",
            "persons present at least",
        );
        let path = "procedure.evaluation.pass";
        let pass = self
            .need(
                pass,
                path,
                "the share of votes that passes, such as \"2/3\"",
            )
            .and_then(|Share(written)| self.readable(share(&written), path));
        let exceeded = self.need(
            exceeded,
            "procedure.evaluation.exceeded",
            "true where the share must be exceeded (超过), false where reaching it is enough",
        );
        let of = self.word(of, "procedure.evaluation.of");
        let (numerator, denominator) = pass?;
        let terms = EvaluationTerms {
            present_min: present_min?,
            numerator,
            denominator,
            exceeded: exceeded?,
            of: of?,
        };
        check::Judge::new(self.lines, self.findings).evaluation(&terms);
        Some(terms)
    }

    fn authority(&mut self, text: AuthorityText, path: &str) -> Option<Authority> {
        let AuthorityText {
            duty,
            alone,
            with_second,
            alone_twelve_months,
            with_second_twelve_months,
        } = text;
        let at = |key: &str| format!("{path}.{key}");
        let duty = self.word(duty, &at("duty"));
        // Four eyes unless the county writes otherwise.
        let alone = self.yuan_or_none(alone, &at("alone"));
        // A limit that is left out is none.
        let mut limit = |value: Option<Yuan>, key: &str| match value {
            None => Some(None),
            Some(_) => self.yuan(value, &at(key)).map(Some),
        };
        let with_second = limit(with_second, "with_second");
        let twelve_alone = limit(alone_twelve_months, "alone_twelve_months");
        let twelve_second = limit(with_second_twelve_months, "with_second_twelve_months");
        Some(Authority {
            duty: duty?,
            alone_max: alone?,
            second_max: with_second?,
            twelve_months_alone_max: twelve_alone?,
            twelve_months_second_max: twelve_second?,
        })
    }

    fn duties(
        &mut self,
        text: BTreeMap<String, Vec<Word<Duty>>>,
    ) -> Option<BTreeMap<CommandKind, Vec<Duty>>> {
        let rows: Vec<Option<(CommandKind, Vec<Duty>)>> = text
            .into_iter()
            .map(|(step, duties)| {
                let path = format!("procedure.duties.{step}");
                let command = CommandKind::from_code(&step);
                if command.is_none() {
                    self.fault(&path, format!("is not a step: {}", words::<CommandKind>()));
                }
                let duties = self.each(duties, &path, |this, duty, path| {
                    this.word(Some(duty), path)
                });
                Some((command?, duties?))
            })
            .collect();
        rows.into_iter().collect()
    }

    fn notice(&mut self, text: NoticeText) -> Option<NoticeTerms> {
        let NoticeText {
            days,
            counting,
            rolls,
            proofs_min,
            shows_amount,
            shows_peril,
            hot_line,
        } = text;
        let days = self.count(days, "notice.days", "the length of the notice in days");
        let counting = self.word(counting, "notice.counting");
        let rolls = self.need(
            rolls,
            "notice.rolls",
            "true where a term that ends on a rest day moves on, else false",
        );
        let proofs_min = self.count(
            proofs_min,
            "notice.proofs_min",
            "proofs of publication (公示照片), at least 1",
        );
        let shows_amount = self.need(shows_amount, "notice.shows_amount", "true or false");
        let shows_peril = self.need(shows_peril, "notice.shows_peril", "true or false");
        let hot_line = self.text(hot_line, "notice.hot_line", "the hot line (监督电话)");
        let terms = NoticeTerms {
            term: Term {
                days: days?,
                counting: counting?,
                rolls: rolls?,
            },
            proofs_min: proofs_min?,
            shows_amount: shows_amount?,
            shows_peril: shows_peril?,
            hot_line: hot_line?,
        };
        check::Judge::new(self.lines, self.findings).notice(&terms);
        Some(terms)
    }

    fn deadlines(&mut self, text: DeadlinesText) -> Option<(u16, u16, Vec<Deadline>)> {
        let DeadlinesText {
            refusal_letter_days,
            appeal_days,
            status,
        } = text;
        let path = "deadlines.refusal_letter_days";
        let letter = self.count(
            refusal_letter_days,
            path,
            "days within which a refusal letter is due, at most 3",
        );
        if let Some(days) = letter {
            check::Judge::new(self.lines, self.findings).refusal_letter(days);
        }
        let appeal = self.count(
            appeal_days,
            "deadlines.appeal_days",
            "days within which a refusal may be appealed against, 10 to 90",
        );
        if let Some(days) = appeal {
            check::Judge::new(self.lines, self.findings).appeal(days);
        }
        let status = self.each(status, "deadlines.status", Self::deadline);
        Some((letter?, appeal?, status?))
    }

    fn deadline(&mut self, text: DeadlineText, path: &str) -> Option<Deadline> {
        let DeadlineText {
            status,
            days,
            counting,
            rolls,
        } = text;
        let status = self.word(status, &format!("{path}.status"));
        let days = self.count(days, &format!("{path}.days"), "a number of days from 1");
        let counting = self.word(counting, &format!("{path}.counting"));
        Some(Deadline {
            status: status?,
            term: Term {
                days: days?,
                counting: counting?,
                rolls,
            },
        })
    }

    fn pool(&mut self, text: PoolText) -> Option<PoolTerms> {
        let PoolText {
            headcount,
            headcount_basis,
            premium,
            fee,
            surplus,
            shortage,
            queue_order,
            write_off_max,
        } = text;
        let headcount = self.count(
            headcount,
            "pool.headcount",
            "how many persons the premium is paid for",
        );
        let headcount_basis = self.text(
            headcount_basis,
            "pool.headcount_basis",
            "what the headcount rests on",
        );
        let premium = self.yuan(premium, "pool.premium");
        let fee = self.percent(fee, "pool.fee");
        let surplus = self.word(surplus, "pool.surplus");
        let shortage = self.word(shortage, "pool.shortage");
        let queue_order = self.word_or(queue_order, "pool.queue_order", QueueOrder::NoticeClosed);
        let write_off_max = self.yuan_or_none(write_off_max, "pool.write_off_max");
        Some(PoolTerms {
            headcount: headcount?,
            headcount_basis: headcount_basis?,
            premium: premium?,
            fee: fee?,
            surplus: surplus?,
            shortage: shortage?,
            queue_order: queue_order?,
            write_off_max: write_off_max?,
        })
    }

    fn perils(&mut self, text: Vec<PerilText>) -> Option<Vec<PerilTerms>> {
        if text.is_empty() {
            self.fault("perils", "a scheme covers at least one peril");
            return None;
        }
        let perils = self.each(text, "perils", Self::peril)?;
        check::Judge::new(self.lines, self.findings).perils(&perils);
        Some(perils)
    }

    fn peril(&mut self, text: PerilText, path: &str) -> Option<PerilTerms> {
        let PerilText {
            peril,
            covers_from,
            covers_to,
            documents,
            tables,
        } = text;
        let peril = self.word(peril, &format!("{path}.peril"));
        let covers_from = self.day(covers_from, &format!("{path}.covers_from"));
        let covers_to = self.day(covers_to, &format!("{path}.covers_to"));
        let documents_path = format!("{path}.documents");
        let documents = self.each(documents, &documents_path, Self::document);
        if let Some(documents) = &documents {
            check::Judge::new(self.lines, self.findings).documents(documents, &documents_path);
        }
        let tables_path = format!("{path}.tables");
        let tables = self
            .need(
                tables,
                &tables_path,
                "at least one benefit table (赔付标准): [[perils.tables]]",
            )
            .and_then(|it| {
                if it.is_empty() {
                    self.fault(&tables_path, "a peril has at least one benefit table");
                    return None;
                }
                self.each(it, &tables_path, Self::table)
            });
        Some(PerilTerms {
            peril: peril?,
            covers_from: covers_from?,
            covers_to: covers_to?,
            tables: tables?,
            documents: documents?,
        })
    }

    fn document(&mut self, text: DocumentText, path: &str) -> Option<DocumentRule> {
        let DocumentText {
            kind,
            count,
            supplier,
            due,
            advance,
        } = text;
        let kind = self.text(kind, &format!("{path}.kind"), "such as 医疗费用结算单");
        let count_min = self.count(
            count.or(Some(1)),
            &format!("{path}.count"),
            "how many at least, from 1",
        );
        let supplier = self.word(supplier, &format!("{path}.supplier"));
        let due = self.word(due, &format!("{path}.due"));
        Some(DocumentRule {
            kind: kind?,
            count_min: count_min?,
            supplier: supplier?,
            due: due?,
            advance,
        })
    }

    fn clause(&mut self, text: ClauseText, path: &str) -> Option<Clause> {
        let ClauseText { id, text } = text;
        let id = self.text(
            id,
            &format!("{path}.id"),
            "a name of its own, such as \"covered\"",
        );
        let text = self.text(
            text,
            &format!("{path}.text"),
            "the clause (条款), word for word",
        );
        Some(Clause {
            id: id?,
            text: text?,
        })
    }

    fn table(&mut self, text: TableText, path: &str) -> Option<GroupTable> {
        let TableText {
            groups,
            advance,
            id,
            clause,
            source,
            warning_line,
            layers,
            grants,
            loans,
            deductible,
            deductible_of_total,
            accumulation,
            rounding,
            caps,
            rule,
        } = text;
        let at = |field: &str| format!("{path}.{field}");
        // Whether a text says something is the schedule's own check.
        let id = self.need(id, &at("id"), "a name of its own, such as \"illness-2020\"");
        let clause = self.need(clause, &at("clause"), "the clause (条款), word for word");
        let source = self.need(source, &at("source"), "where the figures come from");
        let warning_line = self.yuan(warning_line, &at("warning_line"));
        let grants = self.word_or(grants, &at("grants"), AidTreatment::default());
        let loans = self.word_or(loans, &at("loans"), AidTreatment::default());
        let deductible = self.yuan_or_none(deductible, &at("deductible"));
        let deductible_of_total = match deductible_of_total {
            None => Some(None),
            Some(_) => self
                .percent(deductible_of_total, &at("deductible_of_total"))
                .map(Some),
        };
        let accumulation = self.word_or(accumulation, &at("accumulation"), Accumulation::default());
        let rounding = self.word(rounding, &at("rounding"));
        let caps = self
            .need(
                caps,
                &at("caps"),
                "write caps = [] where the plan sets no cap (不设封顶)",
            )
            .and_then(|it| self.each(it, &at("caps"), Self::cap));
        let rule = self
            .need(
                rule,
                &at("rule"),
                "how the amount is found: [perils.tables.rule]",
            )
            .and_then(|it| self.rule(it, &at("rule")));
        let schedule = Schedule {
            id: id?,
            clause: clause?,
            source: source?,
            warning_line: warning_line?,
            layers,
            grants: grants?,
            loans: loans?,
            deductible: deductible?,
            deductible_of_total: deductible_of_total?,
            accumulation: accumulation?,
            rule: rule?,
            caps: caps?,
            rounding: rounding?,
        };
        check::Judge::new(self.lines, self.findings).schedule(&schedule, path);
        Some(GroupTable {
            groups,
            advance,
            schedule,
        })
    }

    fn cap(&mut self, text: CapText, path: &str) -> Option<Cap> {
        let CapText { scope, limit } = text;
        let scope = self.word(scope, &format!("{path}.scope"));
        let limit = self.yuan(limit, &format!("{path}.limit"));
        Some(Cap {
            scope: scope?,
            limit: limit?,
        })
    }

    fn rule(&mut self, text: RuleText, path: &str) -> Option<Rule> {
        let at = |field: &str| format!("{path}.{field}");
        match text {
            RuleText::Banded { base, mode, bands } => {
                let base = self.declared(base, &at("base"), BASE_READINGS);
                let mode = self.declared(mode, &at("mode"), MODE_READINGS);
                let bands = self
                    .need(bands, &at("bands"), "the bands, from 0 upwards")
                    .and_then(|it| self.each(it, &at("bands"), Self::band));
                Some(Rule::Banded {
                    base: base?,
                    mode: mode?,
                    bands: bands?,
                })
            }
            RuleText::Fixed { amount, per } => {
                let amount = self.yuan(amount, &at("amount"));
                let per = self.word_or(per, &at("per"), Per::default());
                Some(Rule::Fixed {
                    amount: amount?,
                    per: per?,
                })
            }
            RuleText::FixedByOutcome { amounts } => {
                let amounts = self.need(amounts, &at("amounts"), "a sum for each outcome")?;
                let amounts = self.each(amounts, &at("amounts"), |this, it, path| {
                    let OutcomeText { outcome, amount } = it;
                    let outcome = this.need(outcome, &format!("{path}.outcome"), "such as 本科");
                    let amount = this.yuan(amount, &format!("{path}.amount"));
                    Some(OutcomeAmount {
                        outcome: outcome?,
                        amount: amount?,
                    })
                })?;
                Some(Rule::FixedByOutcome { amounts })
            }
            RuleText::FixedByHeads { amounts } => {
                let amounts = self.need(amounts, &at("amounts"), "sums by persons, from 1")?;
                let amounts = self.each(amounts, &at("amounts"), |this, it, path| {
                    let HeadsText { heads, amount } = it;
                    let heads = this.count(heads, &format!("{path}.heads"), "persons, from 1");
                    let amount = this.yuan(amount, &format!("{path}.amount"));
                    Some(HeadAmount {
                        heads: heads?,
                        amount: amount?,
                    })
                })?;
                Some(Rule::FixedByHeads { amounts })
            }
            RuleText::PerUnit { values, minimum } => {
                let minimum = self.yuan_or_none(minimum, &at("minimum"));
                let values = self
                    .need(values, &at("values"), "a value for each unit")
                    .and_then(|it| self.each(it, &at("values"), Self::unit));
                Some(Rule::PerUnit {
                    values: values?,
                    minimum: minimum?,
                })
            }
            RuleText::IncomeGap { line } => {
                let line = self.yuan(line, &at("line"))?;
                Some(Rule::IncomeGap { line })
            }
            RuleText::Unknown { missing } => {
                let missing = self.need(missing, &at("missing"), "what the source leaves out")?;
                Some(Rule::Unknown { missing })
            }
            RuleText::Unread {} => None,
        }
    }

    /// A reading that no plan may leave open.
    fn declared<T: Listed>(
        &mut self,
        value: Option<Word<T>>,
        path: &str,
        readings: &str,
    ) -> Option<T> {
        let word = self.need(value, path, readings)?;
        self.word(Some(word), path)
    }

    fn band(&mut self, text: BandText, path: &str) -> Option<Band> {
        let BandText { from, to, rate } = text;
        let from = self.yuan(from, &format!("{path}.from"));
        let to = match to {
            None => Some(None),
            Some(_) => self.yuan(to, &format!("{path}.to")).map(Some),
        };
        let rate = self.percent(rate, &format!("{path}.rate"));
        Some(Band {
            from: from?,
            to: to?,
            rate: rate?,
        })
    }

    fn unit(&mut self, text: UnitText, path: &str) -> Option<UnitValue> {
        let UnitText { unit, value } = text;
        let unit = self.need(unit, &format!("{path}.unit"), "such as 猪");
        let value = self.yuan(value, &format!("{path}.value"));
        Some(UnitValue {
            unit: unit?,
            value: value?,
        })
    }
}

const BASE_READINGS: &str = "the plan must say what the rates apply to once a loss lies above the \
    deductible: \"excess_over_deductible\", only the part above it (超过起付线的部分), or \
    \"whole_loss\", all of it, the deductible being only a gate (全额). The county must decide; \
    `fangpin scheme quote` shows how many yuan lie between";

const MODE_READINGS: &str = "the plan must say how the rates apply: \"progressive\", each slice at \
    the rate of its own band (分段累进), or \"flat\", the whole at the rate of the band it falls in \
    (全额套档). The county must decide; `fangpin scheme quote` shows how many yuan lie between";

/// The words of a list, with their meaning.
fn words<T: Listed>() -> String {
    let words: Vec<String> = T::WORDS
        .iter()
        .map(|(word, _, zh)| format!("\"{word}\" ({zh})"))
        .collect();
    format!("one of {}", words.join(", "))
}

fn yuan(written: &Written) -> Result<Fen, String> {
    match written {
        Written::Number(yuan) if *yuan < 0 => Err(format!("{yuan} is negative")),
        Written::Number(yuan) => yuan
            .checked_mul(100)
            .map(Fen::new)
            .ok_or_else(|| format!("{yuan} is too large")),
        Written::Text(text) => Fen::parse_yuan(text).map_err(|fault| fault.to_string()),
    }
}

fn percent(written: &Written) -> Result<Rate, String> {
    match written {
        Written::Number(number) => Err(format!(
            "a rate is written in quotes: \"{number}%\" for {number} per cent"
        )),
        Written::Text(text) => Rate::parse(text).map_err(|fault| fault.to_string()),
    }
}

/// A multiplier in basis points: 15 000 is 1.5 times.
fn multiplier_bp(written: &Written) -> Result<u32, String> {
    let text = match written {
        Written::Number(times) => times.to_string(),
        Written::Text(text) => text.trim().to_owned(),
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let sound = !whole.is_empty() && digits(whole) && digits(decimals) && !text.ends_with('.');
    let not_a_number = || format!("{text:?} is not a number such as \"1.5\"");
    if !sound {
        return Err(not_a_number());
    }
    if decimals.len() > 4 {
        return Err(format!("{text:?} has more than four decimals"));
    }
    match format!("{whole}{decimals:0<4}").parse() {
        Ok(0) => Err("a line of 0 times the base is no line".to_owned()),
        Ok(basis_points) => Ok(basis_points),
        Err(_) => Err(not_a_number()),
    }
}

fn share(written: &Written) -> Result<(u16, u16), String> {
    let not_a_share = |text: &str| format!("{text} is not a share such as \"1/2\" or \"2/3\"");
    match written {
        Written::Number(number) => Err(not_a_share(&number.to_string())),
        Written::Text(text) => text
            .split_once('/')
            .and_then(|(part, whole)| Some((part.trim().parse().ok()?, whole.trim().parse().ok()?)))
            .ok_or_else(|| not_a_share(&format!("{text:?}"))),
    }
}
