//! Retelling: the tables beside the log are told anew from it and compared with what stands.
//!
//! Lists, scopes, filters, totals and triggers look at columns, never at the log. A store that keeps
//! such tables tells them again with the very code that wrote them; whoever changed a row by hand
//! did not change the log, so the two differ. What differs is named by table, row and column, and
//! never by its value: values may be private.

use crate::ports::{Fault, Recorded};
use async_trait::async_trait;
use lifecycle::{BillKey, Claim, Happening, PayeeId, PayeeSeal, Scheme};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An event of the log, with the claim it happened to.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The entry.
    pub entry: &'a Recorded,
    /// The claim before; `None` if the event begins it.
    pub before: Option<&'a Claim>,
    /// The claim after.
    pub claim: &'a Claim,
    /// The claim's pinned scheme.
    pub scheme: &'a Arc<Scheme>,
}

impl Told<'_> {
    /// The bills that the event compensates.
    pub fn bills(&self) -> Vec<BillKey> {
        if let Happening::VerificationRecorded { facts, .. } = &self.entry.event.what {
            facts.bills.iter().map(|bill| bill.key.clone()).collect()
        } else {
            Vec::new()
        }
    }
}

/// A county's tables, told anew.
#[async_trait]
pub trait Retelling: Send {
    /// The next event of the log.
    fn tell(&mut self, told: Told<'_>) -> Result<(), Fault>;

    /// What stands otherwise than the log tells, in order of table and row.
    async fn differences(self: Box<Self>) -> Result<Vec<Difference>, Fault>;
}

/// A row that is not what the log tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row: the number of a claim, else the key.
    pub row: String,
    /// What is wrong with it.
    pub unlike: Unlike,
}

/// In what a row differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unlike {
    /// The log tells a row that is not there.
    Missing,
    /// There is a row that the log does not tell.
    Untold,
    /// These columns differ.
    Columns(Vec<String>),
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, unlike } = self;
        match unlike {
            Unlike::Missing => write!(out, "{table} {row}: the log tells a row that is missing"),
            Unlike::Untold => write!(out, "{table} {row}: a row that the log does not tell"),
            Unlike::Columns(columns) => write!(
                out,
                "{table} {row}: not what the log tells in {}",
                columns.join(", ")
            ),
        }
    }
}

/// The columns of a row, as text; an empty column is left out.
pub type Columns = BTreeMap<String, String>;

/// Rows as the log tells them, to be compared one by one with those that stand.
#[derive(Debug, Default)]
pub struct Shelf {
    rows: BTreeMap<(&'static str, String), Columns>,
    differences: Vec<Difference>,
}

impl Shelf {
    /// Puts a row; one with the same key is replaced.
    pub fn put(&mut self, table: &'static str, key: String, columns: Columns) {
        self.rows.insert((table, key), columns);
    }

    /// A row that was put.
    pub fn row(&mut self, table: &'static str, key: &str) -> Option<&mut Columns> {
        self.rows.get_mut(&(table, key.to_owned()))
    }

    /// Takes the rows of a table away whose keys begin so.
    pub fn remove_under(&mut self, table: &'static str, prefix: &str) {
        let from = (table, prefix.to_owned());
        let under = self.rows.range(from..).map(|(key, _)| key);
        let under = under.take_while(|(of, key)| *of == table && key.starts_with(prefix));
        for key in under.cloned().collect::<Vec<_>>() {
            self.rows.remove(&key);
        }
    }

    /// Compares a row that stands; each row once.
    pub fn meet(&mut self, table: &'static str, key: String, stands: &Columns) {
        let Some((_, told)) = self.rows.remove_entry(&(table, key.clone())) else {
            self.differ(table, key, Unlike::Untold);
            return;
        };
        let mut columns: Vec<String> = told
            .iter()
            .filter(|(column, value)| stands.get(*column) != Some(*value))
            .map(|(column, _)| column.clone())
            .collect();
        let more = stands.keys().filter(|column| !told.contains_key(*column));
        columns.extend(more.cloned());
        columns.sort();
        if !columns.is_empty() {
            self.differ(table, name_of(&told, key), Unlike::Columns(columns));
        }
    }

    /// Compares a payee that stands, by its fingerprint; `None` if the row contradicts itself. Of a
    /// payee that no event was about the log tells nothing.
    pub fn meet_payee(&mut self, payee: PayeeId, fingerprint: Option<String>) {
        let key = payee.to_string();
        if self.row(PAYEE, &key).is_some() {
            let stands = fingerprint.map(sealed).unwrap_or_default();
            self.meet(PAYEE, key, &stands);
        } else if fingerprint.is_none() {
            self.differ(PAYEE, key, Unlike::Columns(vec![SEALED.into()]));
        }
    }

    /// Notes the seal of a payee. A second one is another row than was sealed first.
    pub fn seal(&mut self, seal: &PayeeSeal) {
        let key = seal.payee.to_string();
        let columns = sealed(seal.fingerprint.clone());
        match self.row(PAYEE, &key) {
            None => self.put(PAYEE, key, columns),
            Some(first) if *first == columns => {}
            Some(_) => self.differ(PAYEE, key, Unlike::Columns(vec![SEALED.into()])),
        }
    }

    /// Notes a difference that no comparison of rows shows.
    pub fn differ(&mut self, table: &'static str, row: String, unlike: Unlike) {
        self.differences.push(Difference { table, row, unlike });
    }

    /// What differs, after every row that stands was met.
    pub fn finish(mut self) -> Vec<Difference> {
        for ((table, key), told) in std::mem::take(&mut self.rows) {
            self.differ(table, name_of(&told, key), Unlike::Missing);
        }
        self.differences.sort();
        self.differences
    }
}

const PAYEE: &str = "payee";

/// What the fingerprint of a payee is taken of: the log cannot tell which of them was changed.
const SEALED: &str =
    "household_id, member_id, relation, papers, holder_name, bank, account_no or account_index";

fn sealed(fingerprint: String) -> Columns {
    Columns::from([(SEALED.into(), fingerprint)])
}

/// People know a claim by its number.
fn name_of(told: &Columns, key: String) -> String {
    told.get("number").cloned().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, &str)]) -> Columns {
        let text = |(column, value): &(&str, &str)| ((*column).into(), (*value).into());
        columns.iter().map(text).collect()
    }

    #[test]
    fn every_way_to_differ_is_named_and_no_value() {
        let mut shelf = Shelf::default();
        for key in ["1", "2", "3", "4"] {
            let number = format!("N{key}");
            let columns = [("number", number.as_str()), ("status", "PAID")];
            shelf.put("claim", key.into(), row(&columns));
        }
        shelf.meet(
            "claim",
            "1".into(),
            &row(&[("number", "N1"), ("status", "PAID")]),
        );
        shelf.meet(
            "claim",
            "2".into(),
            &row(&[("number", "N2"), ("status", "DRAFT")]),
        );
        let more = [
            ("number", "N3"),
            ("status", "PAID"),
            ("due_on", "2020-01-01"),
        ];
        shelf.meet("claim", "3".into(), &row(&more));
        shelf.meet("claim", "5".into(), &row(&[("number", "N5")]));
        let told: Vec<String> = shelf.finish().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "claim 5: a row that the log does not tell",
                "claim N2: not what the log tells in status",
                "claim N3: not what the log tells in due_on",
                "claim N4: the log tells a row that is missing",
            ]
        );
    }
}
