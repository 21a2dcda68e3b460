//! Where in the text something stands.

use super::Findings;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// The line of a byte of `text`, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// A parsed text that knows the line of each field.
pub(super) struct Lines<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

impl<'t> Lines<'t> {
    /// Parses a text; syntax faults, all of them, go into `findings`.
    pub fn parse(text: &'t str, findings: &mut Findings) -> Self {
        let (root, faults) = DeTable::parse_recoverable(text);
        for fault in faults {
            let at = fault.span().map_or(0, |span| span.start);
            findings.fault_at(line_at(text, at), "", fault.message());
        }
        Self { text, root }
    }

    /// The line of a path such as `perils[1].tables[0].rule.bands[2].from`: of the nearest parent
    /// where the field itself is missing.
    pub fn line(&self, path: &str) -> usize {
        line_at(self.text, self.offset(path))
    }

    fn offset(&self, path: &str) -> usize {
        let mut at = 0;
        let mut table = Some(self.root.get_ref());
        for step in path.split('.') {
            let mut parts = step.split(['[', ']']).filter(|it| !it.is_empty());
            let key = parts.next().unwrap_or_default();
            let Some((found, mut value)) = table.and_then(|it| it.get_key_value(key)) else {
                return at;
            };
            at = found.span().start;
            for index in parts.filter_map(|it| it.parse::<usize>().ok()) {
                let Some(item) = value.get_ref().as_array().and_then(|it| it.get(index)) else {
                    return at;
                };
                at = item.span().start;
                value = item;
            }
            table = value.get_ref().as_table();
        }
        at
    }

    /// The path of the field that stands at a byte: the last one that begins at it or before.
    pub fn path_at(&self, offset: usize) -> String {
        let mut nearest = (0, String::new());
        let mut consider = |at: usize, path: &str| {
            if (nearest.0..=offset).contains(&at) {
                nearest = (at, path.to_owned());
            }
        };
        walk(self.root.get_ref(), "", &mut consider);
        nearest.1
    }

    /// The document for serde: decimal numbers become texts, and are told; the kind of each rule
    /// moves in front of its other keys.
    pub fn document(&self, findings: &mut Findings) -> Deserializer<'t> {
        let mut document = self.root.clone();
        let root = document.get_mut();
        let mut path = Vec::new();
        floats_to_text(root, &mut path, &mut |path, written| {
            findings.fault(
                self,
                path,
                format!(
                    "a number with a decimal point is not exact in a computer: write \"{written}\" \
                     in quotes"
                ),
            );
        });
        for (peril_index, peril) in tables(root, "perils") {
            for (index, table) in tables(peril, "tables") {
                let path = format!("perils[{peril_index}].tables[{index}].rule");
                kind_to_front(table, &path, self, findings);
            }
        }
        Deserializer::from(document)
    }
}

/// Calls `visit` with the place and the path of each field and item, outer ones first.
fn walk(table: &DeTable<'_>, path: &str, visit: &mut impl FnMut(usize, &str)) {
    for (key, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", key.get_ref());
        visit(key.span().start, &path);
        walk_value(value, &path, visit);
    }
}

fn walk_value(value: &Spanned<DeValue<'_>>, path: &str, visit: &mut impl FnMut(usize, &str)) {
    if let Some(table) = value.get_ref().as_table() {
        walk(table, path, visit);
    }
    let items = value.get_ref().as_array().map(|it| it.iter());
    for (index, item) in items.into_iter().flatten().enumerate() {
        let path = format!("{path}[{index}]");
        visit(item.span().start, &path);
        walk_value(item, &path, visit);
    }
}

fn floats_to_text(
    table: &mut DeTable<'_>,
    path: &mut Vec<String>,
    tell: &mut impl FnMut(&str, &str),
) {
    for (key, value) in table.iter_mut() {
        path.push(key.get_ref().to_string());
        float_to_text(value, path, tell);
        path.pop();
    }
}

fn float_to_text(
    value: &mut Spanned<DeValue<'_>>,
    path: &mut Vec<String>,
    tell: &mut impl FnMut(&str, &str),
) {
    match value.get_mut() {
        DeValue::Float(float) => {
            let written = float.as_str().to_owned();
            tell(&path.join("."), &written);
            *value.get_mut() = DeValue::String(written.into());
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let key = path.pop().unwrap_or_default();
                path.push(format!("{key}[{index}]"));
                float_to_text(item, path, tell);
                path.pop();
                path.push(key);
            }
        }
        DeValue::Table(table) => floats_to_text(table, path, tell),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// The tables of an array of tables.
fn tables<'a, 't>(
    table: &'a mut DeTable<'t>,
    key: &str,
) -> impl Iterator<Item = (usize, &'a mut DeTable<'t>)> {
    let items = match table.get_mut(key).map(Spanned::get_mut) {
        Some(DeValue::Array(items)) => items.iter_mut().enumerate().collect(),
        Some(_) | None => Vec::new(),
    };
    items
        .into_iter()
        .filter_map(|(index, item)| match item.get_mut() {
            DeValue::Table(table) => Some((index, table)),
            _other => None,
        })
}

/// The kinds of rules, with what each needs said about it.
const KINDS: &[(&str, &str)] = &[
    ("banded", "分段按比例"),
    ("fixed", "定额"),
    ("fixed_by_outcome", "按结果定额"),
    ("fixed_by_heads", "按人数定额"),
    ("per_unit", "按单位计价"),
    ("income_gap", "收入补差"),
    ("unknown", "标准未公布"),
];

fn kind_to_front(table: &mut DeTable<'_>, path: &str, lines: &Lines<'_>, findings: &mut Findings) {
    let Some(rule) = table.get_mut("rule") else {
        return;
    };
    let span = rule.span();
    let DeValue::Table(fields) = rule.get_mut() else {
        return;
    };
    let kind = fields.remove("kind");
    let written = kind.as_ref().map(Spanned::get_ref);
    let known = written
        .and_then(DeValue::as_str)
        .and_then(|kind| KINDS.iter().find(|(known, _)| *known == kind));
    let mut tagged = DeTable::new();
    let (kind, fields) = if let Some((kind, _)) = known {
        (*kind, std::mem::take(fields))
    } else {
        let kinds: Vec<String> = KINDS
            .iter()
            .map(|(kind, zh)| format!("\"{kind}\" ({zh})"))
            .collect();
        let fault = if written.is_some() {
            "is not a kind of rule"
        } else {
            "is missing"
        };
        findings.fault(
            lines,
            &format!("{path}.kind"),
            format!("{fault}: one of {}", kinds.join(", ")),
        );
        ("unread", DeTable::new())
    };
    tagged.insert(
        Spanned::new(span.clone(), kind.into()),
        Spanned::new(span, DeValue::Table(fields)),
    );
    *rule.get_mut() = DeValue::Table(tagged);
}
