//! A county's scheme as a TOML file.

use crate::ids;
use benefits::{Fen, Schedule};
use chrono::NaiveDate;
use lifecycle::scheme::{NoticeTerms, PerilTerms};
use lifecycle::{
    Check, CommandKind, Counting, CountyCode, Duty, OrgId, Peril, Scheme, SchemeId, Term, duty,
};
use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeMap;
use std::fmt;

/// What is wrong with a file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Where: a line for a syntax fault, a field otherwise.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.reason)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemeText {
    county: u32,
    code: String,
    version: u32,
    name: String,
    source: String,
    policy_year: i32,
    insurer: String,
    single_approval_max_fen: Fen,
    uplift_max_fen: Fen,
    county_review: bool,
    liveness_days_max: u16,
    refusal_letter_days: u16,
    checks: Vec<Check>,
    notice: NoticeText,
    perils: Vec<PerilText>,
    #[serde(default)]
    duties: BTreeMap<CommandKind, Vec<Duty>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeText {
    days: u16,
    counting: Counting,
    rolls: bool,
    proofs_min: u16,
    shows_amount: bool,
    shows_peril: bool,
    hot_line: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerilText {
    peril: Peril,
    #[serde(deserialize_with = "day")]
    covers_from: NaiveDate,
    #[serde(deserialize_with = "day")]
    covers_to: NaiveDate,
    evidence: Vec<String>,
    schedule: Schedule,
}

/// A day as a TOML date, `2020-01-31`, or as a text, `"2020-01-31"`: people write both.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a day such as 2020-01-31")]
enum DayText {
    Date(toml::value::Datetime),
    Text(String),
}

pub(crate) fn day<'de, D: Deserializer<'de>>(file: D) -> Result<NaiveDate, D::Error> {
    let text = match DayText::deserialize(file)? {
        DayText::Date(date) => date.to_string(),
        DayText::Text(text) => text,
    };
    text.parse()
        .map_err(|_| de::Error::custom(format!("{text:?} is not a day such as 2020-01-31")))
}

/// The shortest notice: 公示不少于5天.
const NOTICE_DAYS_MIN: u16 = 5;
/// The longest time for a refusal letter: 保险法 art. 24, three days.
const REFUSAL_LETTER_DAYS_MAX: u16 = 3;

/// The organisation id that belongs to an insurer's code in a county.
pub fn org_id(county: CountyCode, code: &str) -> OrgId {
    OrgId(ids::named("org", &format!("{county}/{code}")))
}

pub(crate) fn syntax(text: &str, fault: &toml::de::Error) -> FileFault {
    let line = fault.span().map_or(0, |span| {
        text.get(..span.start)
            .map_or(0, |before| before.matches('\n').count() + 1)
    });
    FileFault {
        place: format!("line {line}"),
        reason: fault.message().to_owned(),
    }
}

/// Reads and checks a scheme file; every fault at once.
pub fn parse_scheme(text: &str) -> Result<Scheme, Vec<FileFault>> {
    let file: SchemeText = toml::from_str(text).map_err(|fault| vec![syntax(text, &fault)])?;
    let mut faults = Vec::new();
    let mut fault = |place: String, reason: String| faults.push(FileFault { place, reason });
    let county = CountyCode::new(file.county);
    if let Err(wrong) = &county {
        fault("county".into(), wrong.to_string());
    }
    if file.checks.is_empty() {
        fault(
            "checks".into(),
            "verification needs at least one check".into(),
        );
    }
    for (index, check) in file.checks.iter().enumerate() {
        if file.checks[..index].contains(check) {
            fault("checks".into(), format!("{check} stands twice"));
        }
    }
    if file.notice.days < NOTICE_DAYS_MIN {
        fault(
            "notice.days".into(),
            format!("a notice runs at least {NOTICE_DAYS_MIN} days"),
        );
    }
    if file.notice.proofs_min == 0 {
        fault(
            "notice.proofs_min".into(),
            "at least one proof of publication is needed".into(),
        );
    }
    if file.refusal_letter_days > REFUSAL_LETTER_DAYS_MAX {
        fault(
            "refusal_letter_days".into(),
            format!("a refusal letter is due within {REFUSAL_LETTER_DAYS_MAX} days (保险法 24)"),
        );
    }
    if file.single_approval_max_fen.is_negative() || file.uplift_max_fen.is_negative() {
        fault(
            "single_approval_max_fen, uplift_max_fen".into(),
            "may not be negative".into(),
        );
    }
    if file.perils.is_empty() {
        fault("perils".into(), "a scheme covers at least one peril".into());
    }
    for (index, terms) in file.perils.iter().enumerate() {
        let place = format!("perils[{index}] {}", terms.peril);
        if terms.covers_from > terms.covers_to {
            fault(place.clone(), "covers_from lies after covers_to".into());
        }
        if file.perils[..index]
            .iter()
            .any(|other| other.peril == terms.peril)
        {
            fault(place.clone(), "the peril stands twice".into());
        }
        for wrong in terms.schedule.check() {
            fault(format!("{place}.schedule"), wrong.to_string());
        }
    }
    for (command, duties) in &file.duties {
        if duties.is_empty() {
            fault(format!("duties.{command}"), "a step nobody may do".into());
        }
        for held in duties
            .iter()
            .filter(|held| duty::forbidden(*command, **held))
        {
            fault(
                format!("duties.{command}"),
                format!("{held} may never do this"),
            );
        }
    }
    let county = match county {
        Ok(county) if faults.is_empty() => county,
        Ok(_) | Err(_) => return Err(faults),
    };
    Ok(Scheme {
        id: SchemeId(ids::named(
            "scheme",
            &format!("{county}/{}/{}", file.code, file.version),
        )),
        county,
        insurer: org_id(county, &file.insurer),
        code: file.code,
        version: file.version,
        name: file.name,
        policy_year: file.policy_year,
        source: file.source,
        perils: file
            .perils
            .into_iter()
            .map(|it| PerilTerms {
                peril: it.peril,
                covers_from: it.covers_from,
                covers_to: it.covers_to,
                schedule: it.schedule,
                evidence: it.evidence,
            })
            .collect(),
        checks: file.checks,
        notice: NoticeTerms {
            term: Term {
                days: file.notice.days,
                counting: file.notice.counting,
                rolls: file.notice.rolls,
            },
            proofs_min: file.notice.proofs_min,
            shows_amount: file.notice.shows_amount,
            shows_peril: file.notice.shows_peril,
            hot_line: file.notice.hot_line,
        },
        county_review: file.county_review,
        single_approval_max: file.single_approval_max_fen,
        uplift_max: file.uplift_max_fen,
        liveness_days_max: file.liveness_days_max,
        refusal_letter_days: file.refusal_letter_days,
        duties: file.duties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world::{SCHEME, day, yuan};

    fn faults(text: &str) -> Vec<String> {
        let faults = parse_scheme(text).expect_err("a faulty scheme");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_file_says_what_it_says() {
        let scheme = parse_scheme(SCHEME).expect("sound");
        assert_eq!(scheme.id, parse_scheme(SCHEME).expect("sound").id);
        assert_eq!(scheme.county.get(), 130_302);
        assert_eq!(scheme.insurer, org_id(scheme.county, "insurer"));
        assert_eq!(scheme.single_approval_max, yuan(30_000));
        assert_eq!(scheme.notice.term.days, 5);
        assert_eq!(scheme.checks, [Check::FieldVisit, Check::VillageEvaluation]);
        let illness = scheme.terms(Peril::Illness).expect("covered");
        assert_eq!(illness.covers_from, day(2019, 1, 1));
        assert_eq!(scheme.terms(Peril::Disaster), None);
        let next = SCHEME.replace("version = 1", "version = 2");
        let next = parse_scheme(&next).expect("sound");
        assert_ne!(next.id, scheme.id, "each version is a scheme of its own");
    }

    /// Dates as TOML has them, and as a spreadsheet would quote them.
    #[test]
    fn days_are_read_quoted_or_not() {
        let quoted = SCHEME.replace("2019-01-01", "\"2019-01-01\"");
        assert_eq!(parse_scheme(&quoted), parse_scheme(SCHEME));
        let hour = SCHEME.replace("2019-01-01", "2019-01-01T08:00:00");
        assert!(parse_scheme(&hour).is_err(), "a day has no hour");
    }

    /// Each reason, produced once, alone, with its place.
    #[test]
    fn each_fault_is_told_with_its_place() {
        let evaluation = "[\"FIELD_VISIT\", \"VILLAGE_EVALUATION\"]";
        for (find, replace, fault) in [
            (
                "county = 130302",
                "county = 1303",
                "county: \"1303\" is not a six-digit county code",
            ),
            (
                evaluation,
                "[]",
                "checks: verification needs at least one check",
            ),
            (
                evaluation,
                "[\"FIELD_VISIT\", \"FIELD_VISIT\"]",
                "checks: FIELD_VISIT stands twice",
            ),
            (
                "days = 5",
                "days = 4",
                "notice.days: a notice runs at least 5 days",
            ),
            (
                "proofs_min = 1",
                "proofs_min = 0",
                "notice.proofs_min: at least one proof of publication is needed",
            ),
            (
                "refusal_letter_days = 3",
                "refusal_letter_days = 4",
                "refusal_letter_days: a refusal letter is due within 3 days (保险法 24)",
            ),
            (
                "uplift_max_fen = 200000",
                "uplift_max_fen = -1",
                "single_approval_max_fen, uplift_max_fen: may not be negative",
            ),
            (
                "single_approval_max_fen = 3000000",
                "single_approval_max_fen = -1",
                "single_approval_max_fen, uplift_max_fen: may not be negative",
            ),
            (
                "peril = \"SCHOOLING\"",
                "peril = \"ILLNESS\"",
                "perils[1] ILLNESS: the peril stands twice",
            ),
            (
                "[notice]",
                "[duties]\nAPPROVE_CLAIM = []\n[notice]",
                "duties.APPROVE_CLAIM: a step nobody may do",
            ),
            (
                "[notice]",
                "[duties]\nAPPROVE_CLAIM = [\"APPROVER\", \"SURVEYOR\"]\n[notice]",
                "duties.APPROVE_CLAIM: SURVEYOR may never do this",
            ),
            (
                "[notice]",
                "[duties]\nINSTRUCT_PAYOUT = [\"TIMER\"]\n[notice]",
                "duties.INSTRUCT_PAYOUT: TIMER may never do this",
            ),
        ] {
            assert!(SCHEME.contains(find), "{find}");
            assert_eq!(faults(&SCHEME.replacen(find, replace, 1)), [fault]);
        }
        let (terms, _) = SCHEME.split_once("[[perils]]").expect("perils");
        assert_eq!(
            faults(&format!("perils = []\n{terms}")),
            ["perils: a scheme covers at least one peril"]
        );
        let late = SCHEME.replacen("covers_from = 2019", "covers_from = 2021", 1);
        assert_eq!(
            faults(&late),
            ["perils[0] ILLNESS: covers_from lies after covers_to"]
        );
        let told = faults(&SCHEME.replacen("bands = [{ from = 0", "bands = [{ from = 100", 1));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("perils[0] ILLNESS.schedule: "),
            "{told:?}"
        );
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = SCHEME
            .replace("days = 5", "days = 1")
            .replace("proofs_min = 1", "proofs_min = 0")
            .replace("county = 130302", "county = 7");
        assert_eq!(faults(&text).len(), 3);
    }

    /// A fault of syntax names its line; a word nobody reads is a fault (failure 34).
    #[test]
    fn syntax_is_told_with_its_line() {
        for (find, replace) in [
            ("policy_year = 2020", "policy_year = \"zwanzig\""),
            ("policy_year = 2020", "policy_year = 2020\nnotice_dayz = 9"),
            ("policy_year = 2020", "policy_year = "),
            ("peril = \"ILLNESS\"", "peril = \"OLD_AGE\""),
            ("county_review = false", ""),
        ] {
            let told = faults(&SCHEME.replacen(find, replace, 1));
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("line "), "{told:?}");
        }
        let told = faults(&SCHEME.replacen("policy_year = 2020", "policy_year = ?", 1));
        assert!(told[0].starts_with("line 7: "), "{told:?}");
    }
}
