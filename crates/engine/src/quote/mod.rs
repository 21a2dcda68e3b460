//! A quote: what a scheme would pay for a case, and why. Needs no claim and no store.

mod case;

pub use case::parse_case;

use benefits::{
    AssessFault, Assessment, Fen, Loss, Reading, RunningTotals, Schedule, assess, other_readings,
};
use lifecycle::phase::approval::uplift_room;
use lifecycle::scheme::{Authority, GroupTable};
use lifecycle::{CommandKind, Peril, Scheme};
use std::fmt;

/// A case to quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteCase {
    /// The peril.
    pub peril: Peril,
    /// The household's population group, in the words of the scheme; empty where it does not matter.
    pub group: String,
    /// Whether it is an advance.
    pub advance: bool,
    /// The loss.
    pub loss: Loss,
    /// What the policy year holds before it.
    pub used: RunningTotals,
}

/// What a scheme pays for a case, with its derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The scheme's code.
    pub code: String,
    /// The scheme's version.
    pub version: u32,
    /// The scheme's name.
    pub name: String,
    /// The population group it was computed for; empty where it does not matter.
    pub group: String,
    /// The benefit with every step; its table is `schedule_id`, its clause `clause`.
    pub assessment: Assessment,
    /// What the readings that were not declared would pay; empty for rules without bands.
    pub other_readings: Vec<Reading>,
    /// The uplift that could be approved on top, in fen: within the scheme's limit, what the
    /// household bears, and what the caps leave.
    pub uplift_max: Fen,
    /// The limits of the duties that may approve.
    pub authority: Vec<Authority>,
}

impl Quote {
    /// The most that one approver may approve alone, in fen; an uplift always needs a second.
    pub fn alone_max(&self) -> Fen {
        self.authority
            .iter()
            .map(|row| row.alone_max)
            .max()
            .unwrap_or(Fen::ZERO)
    }

    /// Whether one approver may approve the benefit alone.
    pub fn one_approver_is_enough(&self) -> bool {
        self.assessment.benefit <= self.alone_max()
    }
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteFault {
    /// The scheme does not cover the peril.
    PerilNotCovered {
        /// What the scheme covers.
        covered: Vec<Peril>,
    },
    /// The scheme does not cover the group, or has no table for it.
    GroupNotCovered {
        /// The groups it has a table for.
        covered: Vec<String>,
    },
    /// The scheme pays no advance on the peril.
    NoAdvance,
    /// The table depends on the group, and the case names none.
    GroupNeeded {
        /// The groups it has a table for.
        groups: Vec<String>,
    },
    /// The table's figures are not known; nothing may be paid by it.
    Unknown {
        /// The table.
        table: String,
        /// What is missing.
        missing: String,
    },
    /// The case does not fit the table.
    Case(AssessFault),
}

impl QuoteFault {
    /// The field of the case that is at fault, as JSON and GraphQL name it; `None` where the scheme
    /// is at fault.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::PerilNotCovered { .. } => Some("peril"),
            Self::NoAdvance => Some("isAdvance"),
            Self::GroupNotCovered { .. } | Self::GroupNeeded { .. } => Some("group"),
            Self::Unknown { .. } => None,
            Self::Case(fault) => field_of(fault),
        }
    }
}

fn field_of(fault: &AssessFault) -> Option<&'static str> {
    match fault {
        AssessFault::NegativeAmount { field, .. } => Some(match field.as_str() {
            "submitted" => "submittedFen",
            "stated_eligible" => "statedEligibleFen",
            "grants" => "grantsFen",
            "loans" => "loansFen",
            "income_per_head" => "incomePerHeadFen",
            "person_year" => "usedPersonYearFen",
            "household_year" => "usedHouseholdYearFen",
            "person_year_loss" => "usedPersonYearLossFen",
            "household_year_loss" => "usedHouseholdYearLossFen",
            // Anything else is the name of a layer.
            _layer => "layers",
        }),
        AssessFault::LayersExceedSubmitted { .. } | AssessFault::LayersDiffer { .. } => {
            Some("layers")
        }
        AssessFault::SumMismatch { .. } => Some("statedEligibleFen"),
        AssessFault::NoOutcome | AssessFault::UnknownOutcome { .. } => Some("outcome"),
        AssessFault::NoHeads => Some("heads"),
        AssessFault::NoUnits | AssessFault::UnknownUnit { .. } => Some("units"),
        AssessFault::NoIncome => Some("incomePerHeadFen"),
        AssessFault::Overflow => Some("submittedFen"),
        AssessFault::Unknown { .. }
        | AssessFault::NoBand { .. }
        | AssessFault::UnsoundSchedule { .. } => None,
    }
}

impl fmt::Display for QuoteFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerilNotCovered { covered } => {
                let covered: Vec<&str> = covered.iter().map(|it| it.code()).collect();
                write!(out, "the scheme covers only {}", covered.join(", "))
            }
            Self::GroupNotCovered { covered } => write!(
                out,
                "the scheme has no table for this group, only for {}",
                covered.join(", ")
            ),
            Self::NoAdvance => out.write_str("the scheme pays no advance (先行救助) on this peril"),
            Self::GroupNeeded { groups } => write!(
                out,
                "the table depends on the household's group: one of {}",
                groups.join(", ")
            ),
            Self::Unknown { table, missing } => write!(
                out,
                "no quote: the figures of table {table} are not known, and nothing may be paid by \
                 it; missing: {missing}"
            ),
            Self::Case(fault) => fault.fmt(out),
        }
    }
}

impl std::error::Error for QuoteFault {}

/// Computes what `scheme` pays for `case`.
pub fn quote(scheme: &Scheme, case: &QuoteCase) -> Result<Quote, QuoteFault> {
    let schedule = table(scheme, case)?;
    if let Some(missing) = schedule.unknown() {
        return Err(QuoteFault::Unknown {
            table: schedule.id.clone(),
            missing: missing.to_owned(),
        });
    }
    let assessment = assess(schedule, &case.loss, &case.used).map_err(QuoteFault::Case)?;
    let other_readings =
        other_readings(schedule, &case.loss, &case.used).map_err(QuoteFault::Case)?;
    let approving = scheme.duties_of(CommandKind::ApproveClaim);
    Ok(Quote {
        code: scheme.code.clone(),
        version: scheme.version,
        name: scheme.name.clone(),
        group: case.group.clone(),
        uplift_max: uplift_max(scheme, schedule, &assessment),
        assessment,
        other_readings,
        authority: scheme
            .authority
            .iter()
            .filter(|row| approving.contains(&row.duty))
            .copied()
            .collect(),
    })
}

fn table<'a>(scheme: &'a Scheme, case: &QuoteCase) -> Result<&'a Schedule, QuoteFault> {
    let terms = scheme
        .terms(case.peril)
        .ok_or_else(|| QuoteFault::PerilNotCovered {
            covered: scheme.perils.iter().map(|it| it.peril).collect(),
        })?;
    let tables: Vec<&GroupTable> = (terms.tables.iter())
        .filter(|it| it.advance == case.advance)
        .collect();
    if case.advance && tables.is_empty() {
        return Err(QuoteFault::NoAdvance);
    }
    let served = || -> Vec<String> {
        let groups = tables.iter().flat_map(|it| it.groups.clone());
        let mut groups: Vec<String> = groups.collect();
        if tables.iter().any(|it| it.groups.is_empty()) {
            let others = scheme.coverage.groups.iter();
            let others: Vec<String> = others.filter(|it| !groups.contains(it)).cloned().collect();
            groups.extend(others);
        }
        groups
    };
    // A household without a group is nobody's in a real claim; a quote may leave the group open
    // where one table is for everybody, and nobody has a table apart.
    if case.group.is_empty() {
        return match tables.as_slice() {
            [only] if only.groups.is_empty() => Ok(&only.schedule),
            _several => Err(QuoteFault::GroupNeeded { groups: served() }),
        };
    }
    if !scheme.coverage.covers(&case.group) {
        return Err(QuoteFault::GroupNotCovered {
            covered: scheme.coverage.groups.clone(),
        });
    }
    terms
        .schedule(&case.group, case.advance)
        .ok_or_else(|| QuoteFault::GroupNotCovered { covered: served() })
}

fn uplift_max(scheme: &Scheme, schedule: &Schedule, assessment: &Assessment) -> Fen {
    let benefit = assessment.benefit;
    if benefit == Fen::ZERO {
        return Fen::ZERO;
    }
    let borne = uplift_room(assessment);
    let left = schedule.caps.iter().map(|cap| {
        let used = assessment.used.of(cap.scope);
        cap.limit
            .saturating_sub_to_zero(used)
            .saturating_sub_to_zero(benefit)
    });
    left.fold(scheme.uplift_max.min(borne), Fen::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme_file::parse_scheme;
    use crate::testkit::world::{SCHEME, yuan};
    use benefits::{BandBase, BandMode, Layer};

    const GROUP: &str = "边缘易致贫户";

    fn scheme(find: &str, replace: &str) -> Scheme {
        assert!(SCHEME.contains(find), "{find:?}");
        let text = SCHEME.replacen(find, replace, 1);
        parse_scheme(&text).unwrap_or_else(|faults| panic!("{faults:#?}"))
    }

    fn case(group: &str, submitted: i64, layer: i64) -> QuoteCase {
        QuoteCase {
            peril: Peril::Illness,
            group: group.into(),
            advance: false,
            loss: Loss {
                submitted: yuan(submitted),
                layers: vec![Layer {
                    name: "基本医保".into(),
                    paid: yuan(layer),
                }],
                ..Loss::default()
            },
            used: RunningTotals::default(),
        }
    }

    fn table_of_illness(begins: &str) -> String {
        let from = SCHEME.find("[[perils.tables]]").expect("there");
        let to = SCHEME
            .find("[[perils]]\nperil = \"SCHOOLING\"")
            .expect("there");
        SCHEME[from..to].replace("id = \"illness-2020\"", begins)
    }

    /// 91,200 less 50,000 leaves 41,200; above 5,000 at 70 %: 25,340. The whole at 70 %: 28,840.
    #[test]
    fn a_quote_names_scheme_table_readings_uplift_and_authority() {
        let read = quote(
            &scheme("version = 1", "version = 3"),
            &case(GROUP, 91_200, 50_000),
        );
        let read = read.expect("a quote");
        assert_eq!(read.assessment.benefit, yuan(25_340));
        assert_eq!((read.code.as_str(), read.version), ("test-2020", 3));
        assert_eq!(read.assessment.schedule_id, "illness-2020");
        let other: Vec<_> = read
            .other_readings
            .iter()
            .map(|it| (it.base, it.mode, it.benefit, it.difference))
            .collect();
        let (excess, whole) = (BandBase::ExcessOverDeductible, BandBase::WholeLoss);
        assert_eq!(
            other,
            [
                (excess, BandMode::Flat, yuan(25_340), Fen::ZERO),
                (whole, BandMode::Progressive, yuan(28_840), yuan(3_500)),
                (whole, BandMode::Flat, yuan(28_840), yuan(3_500)),
            ]
        );
        assert_eq!(read.uplift_max, yuan(2_000), "the scheme's limit");
        assert_eq!(read.alone_max(), yuan(30_000));
        assert!(read.one_approver_is_enough());
        let dear = quote(
            &scheme("version = 1", "version = 3"),
            &case(GROUP, 91_200, 0),
        );
        assert!(!dear.expect("a quote").one_approver_is_enough());
    }

    /// The uplift is held by what the household bears and by what the caps leave, too.
    #[test]
    fn an_uplift_stays_within_the_loss_and_the_caps() {
        let of =
            |scheme: &Scheme, case: &QuoteCase| quote(scheme, case).expect("a quote").uplift_max;
        // 6,000 earns 700 and leaves 5,300; 100 yuan above a deductible of 0 earn 70 and leave 30.
        assert_eq!(
            of(
                &scheme("version = 1", "version = 1"),
                &case(GROUP, 6_000, 0)
            ),
            yuan(2_000)
        );
        let no_deductible = scheme("deductible = 5000", "deductible = 0");
        assert_eq!(of(&no_deductible, &case(GROUP, 100, 0)), yuan(30));
        let capped = scheme(
            "caps = []",
            "caps = [{ scope = \"person_year\", limit = 10000 }]",
        );
        let mut near = case(GROUP, 15_000, 0);
        assert_eq!(of(&capped, &near), yuan(2_000), "7,000 of 10,000");
        near.used.person_year = yuan(2_500);
        assert_eq!(of(&capped, &near), yuan(500), "7,000 of 7,500");
        near.used.person_year = yuan(5_000);
        assert_eq!(of(&capped, &near), Fen::ZERO, "the cap cut the benefit");
        assert_eq!(
            of(&capped, &case(GROUP, 100, 0)),
            Fen::ZERO,
            "nothing is paid"
        );
    }

    #[test]
    fn the_table_is_that_of_the_group() {
        let groups = "[[perils.tables]]\ngroups = [\"边缘易致贫户\", \"脱贫不稳定户\"]";
        let scheme = scheme("[[perils.tables]]", groups);
        assert!(quote(&scheme, &case(GROUP, 9_000, 0)).is_ok());
        let refused = |group: &str| {
            let fault = quote(&scheme, &case(group, 9_000, 0)).expect_err("no table");
            assert_eq!(fault.field(), Some("group"), "{fault}");
            fault
        };
        let served = vec!["边缘易致贫户".to_owned(), "脱贫不稳定户".to_owned()];
        assert_eq!(
            refused(""),
            QuoteFault::GroupNeeded {
                groups: served.clone()
            }
        );
        let covered = served;
        assert_eq!(
            refused("突发严重困难户"),
            QuoteFault::GroupNotCovered { covered }
        );
        let covered = scheme.coverage.groups.clone();
        assert_eq!(refused("低保户"), QuoteFault::GroupNotCovered { covered });
        // A table apart and one for all others: the group decides between them.
        let apart = parse_scheme(&SCHEME.replacen(
            "[[perils.tables]]\nid = \"illness-2020\"",
            &format!(
                "{}{}",
                table_of_illness("groups = [\"脱贫不稳定户\"]\nid = \"apart\""),
                "[[perils.tables]]\nid = \"illness-2020\""
            ),
            1,
        ));
        let apart = apart.unwrap_or_else(|faults| panic!("{faults:#?}"));
        let fault = quote(&apart, &case("", 9_000, 0)).expect_err("two tables");
        let groups = ["脱贫不稳定户", "边缘易致贫户", "突发严重困难户"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(fault, QuoteFault::GroupNeeded { groups });
        let table = |group| {
            quote(&apart, &case(group, 9_000, 0))
                .expect("a quote")
                .assessment
        };
        assert_eq!(table("脱贫不稳定户").schedule_id, "apart");
        assert_eq!(table(GROUP).schedule_id, "illness-2020");
        // One table for everybody: the group may be left out.
        let plain = parse_scheme(SCHEME).expect("sound");
        assert!(quote(&plain, &case("", 9_000, 0)).is_ok());
    }

    #[test]
    fn faults_name_the_field() {
        let plain = parse_scheme(SCHEME).expect("sound");
        let field = |case: &QuoteCase| quote(&plain, case).expect_err("a fault").field();
        assert_eq!(field(&case("", 100, 200)), Some("layers"));
        assert_eq!(field(&case("", -1, 0)), Some("submittedFen"));
        assert_eq!(field(&case("", 1, -1)), Some("layers"));
        let mut slip = case("", 9_000, 0);
        slip.loss.stated_eligible = Some(yuan(8_000));
        assert_eq!(field(&slip), Some("statedEligibleFen"));
        let mut used = case("", 9_000, 0);
        used.used.household_year_loss = yuan(-1);
        assert_eq!(field(&used), Some("usedHouseholdYearLossFen"));
        let mut peril = case("", 9_000, 0);
        peril.peril = Peril::Disaster;
        assert_eq!(field(&peril), Some("peril"));
    }

    #[test]
    fn unknown_figures_give_no_quote_and_name_what_is_missing() {
        let banded = "kind = \"banded\"\nbase = \"excess_over_deductible\"\nmode = \
            \"progressive\"\nbands = [{ from = 0, rate = \"70%\" }]";
        let scheme = scheme(banded, "kind = \"unknown\"\nmissing = \"赔付比例\"");
        let fault = quote(&scheme, &case("", 9_000, 0)).expect_err("no quote");
        assert_eq!(fault.field(), None);
        assert!(fault.to_string().contains("illness-2020"), "{fault}");
        assert!(fault.to_string().contains("missing: 赔付比例"), "{fault}");
        let unknown = crate::scheme_file::unknown_tables(&scheme);
        assert_eq!(unknown, [("illness-2020", "赔付比例")]);
    }
}
