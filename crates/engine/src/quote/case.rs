//! A case as a file: JSON as people write it by hand.
//!
//! Every amount stands once, in whole fen (`submittedFen`) or in yuan (`submittedYuan`, as text where it
//! has decimals).

use super::QuoteCase;
use benefits::{EventTotals, Fen, Layer, Loss, RunningTotals, UnitCount};
use lifecycle::Peril;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads a case; every fault at once, each with its field.
pub fn parse_case(text: &str) -> Result<QuoteCase, Vec<String>> {
    let case: Map<String, Value> =
        serde_json::from_str(text).map_err(|fault| vec![fault.to_string()])?;
    let mut faults = Vec::new();
    let mut fields = Fields::new(case, "", &mut faults);
    let peril = fields.take::<String>("peril").and_then(|code| {
        let peril = Peril::from_code(&code);
        if peril.is_none() {
            let known: Vec<&str> = Peril::ALL.iter().map(|it| it.code()).collect();
            let reason = format!("{code:?} is not known: one of {}", known.join(", "));
            fields.fault("peril", &reason);
        }
        peril
    });
    let group = fields.take::<String>("group").unwrap_or_default();
    let advance = fields.take::<bool>("isAdvance").unwrap_or_default();
    let submitted = fields.money("submitted");
    let stated_eligible = fields.money("statedEligible");
    let other = fields.money("otherCompensation").unwrap_or_default();
    let grants = fields.money("grants").unwrap_or_default();
    let loans = fields.money("loans").unwrap_or_default();
    let income_per_head = fields.money("incomePerHead");
    let outcome = fields.take::<String>("outcome");
    let heads = fields.take::<u16>("heads");
    let event_loss = fields.money("usedEventLoss").unwrap_or_default();
    let event_benefit = fields.money("usedEvent").unwrap_or_default();
    let used = RunningTotals {
        person_year: fields.money("usedPersonYear").unwrap_or_default(),
        household_year: fields.money("usedHouseholdYear").unwrap_or_default(),
        person_year_loss: fields.money("usedPersonYearLoss").unwrap_or_default(),
        household_year_loss: fields.money("usedHouseholdYearLoss").unwrap_or_default(),
        event: EventTotals {
            benefit: event_benefit,
            advanced: fields.money("usedEventAdvanced").unwrap_or_default(),
            held: event_benefit,
            loss: event_loss,
            year_loss: event_loss,
            submitted: fields.money("usedEventSubmitted").unwrap_or_default(),
        },
    };
    let layers = fields.list("layers", |it| {
        let name = it.take::<String>("name");
        let paid = it.money("paid");
        it.need(name.is_some(), "name", "the layer's name");
        it.need(paid.is_some(), "paidFen", "what the layer paid");
        Some(Layer {
            name: name?,
            paid: paid?,
        })
    });
    let units = fields.list("units", |it| {
        let unit = it.take::<String>("unit");
        let count = it.take::<u32>("count");
        it.need(unit.is_some(), "unit", "the unit, such as 猪");
        it.need(count.is_some(), "count", "how many");
        Some(UnitCount {
            unit: unit?,
            count: count?,
        })
    });
    fields.need(peril.is_some(), "peril", "such as ILLNESS");
    // A loss of nothing is a lawful case, but never meant where the loss alone decides.
    let counted = outcome.is_some() || heads.is_some() || income_per_head.is_some();
    fields.need(
        submitted.is_some() || advance || counted || !units.is_empty(),
        "submittedFen",
        "what the bills come to",
    );
    fields.end();
    match peril {
        Some(peril) if faults.is_empty() => Ok(QuoteCase {
            peril,
            group,
            advance,
            loss: Loss {
                submitted: submitted.unwrap_or_default(),
                layers,
                stated_eligible,
                other,
                grants,
                loans,
                outcome,
                heads,
                units,
                income_per_head,
            },
            used,
        }),
        Some(_) | None => Err(faults),
    }
}

/// The fields of an object that have not been read yet.
struct Fields<'a> {
    left: Map<String, Value>,
    prefix: String,
    read: Vec<String>,
    faults: &'a mut Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(left: Map<String, Value>, prefix: &str, faults: &'a mut Vec<String>) -> Self {
        Self {
            left,
            prefix: prefix.to_owned(),
            read: Vec::new(),
            faults,
        }
    }

    fn fault(&mut self, name: &str, reason: &str) {
        self.faults.push(format!("{}{name}: {reason}", self.prefix));
    }

    /// Tells that a field is missing, unless it was there and unreadable, which is told already.
    fn need(&mut self, there: bool, name: &str, what: &str) {
        if !there && !self.read.iter().any(|it| it == name) {
            self.fault(name, &format!("is missing: {what}"));
        }
    }

    fn value(&mut self, name: &str) -> Option<Value> {
        let value = self.left.remove(name)?;
        if value.is_null() {
            return None;
        }
        self.read.push(name.to_owned());
        Some(value)
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        serde_json::from_value(value)
            .map_err(|fault| self.fault(name, &fault.to_string()))
            .ok()
    }

    fn money(&mut self, stem: &str) -> Option<Fen> {
        let (in_fen, in_yuan) = (format!("{stem}Fen"), format!("{stem}Yuan"));
        let twice = self.left.contains_key(&in_fen) && self.left.contains_key(&in_yuan);
        let fen = self.take::<i64>(&in_fen).map(Fen::new);
        let yuan = self.value(&in_yuan).and_then(|value| {
            self.read.push(in_fen.clone());
            yuan(&value)
                .map_err(|reason| self.fault(&in_yuan, &reason))
                .ok()
        });
        if twice {
            self.fault(
                &in_yuan,
                &format!("stands beside {in_fen}: write one of them"),
            );
        }
        fen.or(yuan)
    }

    fn list<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Vec<T> {
        let items: Vec<Map<String, Value>> = self.take(name).unwrap_or_default();
        let mut values = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let prefix = format!("{}{name}[{index}].", self.prefix);
            let mut fields = Fields::new(item, &prefix, self.faults);
            values.extend(read(&mut fields));
            fields.end();
        }
        values
    }

    fn end(self) {
        for name in self.left.keys() {
            self.faults
                .push(format!("{}{name}: is not a field of a case", self.prefix));
        }
    }
}

fn yuan(value: &Value) -> Result<Fen, String> {
    if let Some(text) = value.as_str() {
        return Fen::parse_yuan(text).map_err(|fault| fault.to_string());
    }
    let yuan = value.as_i64().and_then(|it| it.checked_mul(100));
    yuan.map(Fen::new).ok_or_else(|| {
        format!("{value} is not an amount in yuan: write it in quotes, such as \"5,000.50\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stand_in_fen_or_in_yuan() {
        let fen = r#"{"peril": "ILLNESS", "group": "边缘易致贫户", "submittedFen": 9120050,
            "layers": [{"name": "基本医保", "paidFen": 5000000}], "usedPersonYearFen": 100}"#;
        let yuan = r#"{"peril": "ILLNESS", "group": "边缘易致贫户", "submittedYuan": "91,200.50",
            "layers": [{"name": "基本医保", "paidYuan": 50000}], "usedPersonYearYuan": 1}"#;
        let read = parse_case(fen).expect("a case");
        assert_eq!(read.loss.submitted, Fen::new(9_120_050));
        assert_eq!(parse_case(yuan).expect("a case"), read);
    }

    #[test]
    fn what_a_rule_counts_may_stand_without_bills() {
        for counted in [
            r#""heads": 3"#,
            r#""outcome": "本科""#,
            r#""units": [{"unit": "猪", "count": 2}]"#,
            r#""incomePerHeadYuan": 3000"#,
        ] {
            let case = format!(r#"{{"peril": "DISASTER", {counted}}}"#);
            assert!(parse_case(&case).is_ok(), "{case}");
        }
    }

    #[test]
    fn every_fault_names_its_field() {
        let case = r#"{"peril": "OLD_AGE", "submittedFen": 12.5, "submittedYuan": 5, "heads": -1,
            "layers": [{"name": "基本医保", "paid": 5}, {"paidYuan": "3万"}],
            "units": 7, "grantsYuan": 1.5, "household": 4}"#;
        let faults = parse_case(case).expect_err("a faulty case");
        let fields: Vec<&str> = faults
            .iter()
            .map(|it| it.split(':').next().unwrap_or_default())
            .collect();
        let expected = [
            "peril",
            "submittedFen",
            "submittedYuan",
            "grantsYuan",
            "heads",
            "layers[0].paidFen",
            "layers[0].paid",
            "layers[1].paidYuan",
            "layers[1].name",
            "units",
            "household",
        ];
        assert_eq!(fields, expected, "{faults:#?}");
        let missing = parse_case("{}").expect_err("an empty case");
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(parse_case("[]").is_err());
    }
}
