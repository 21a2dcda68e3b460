//! The public notice (公示): the only printable type, and it cannot hold what must not be shown.
//!
//! Invariant 9: a [`NoticeLine`] has no field for an ID number, account, phone, diagnosis, hospital
//! or a child's name. A student's claim is posted under the head of household. What could still be
//! smuggled in through a name is refused by [`NoticeLine::compose`].

use crate::Blocked;
use crate::guard::{Guard, hold};
use crate::ids::hex;
use crate::scheme::{NoticeTerms, Peril};
use benefits::Fen;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Whether a name can be nothing else that must not be shown.
pub(crate) fn presentable(field: &'static str, name: &str) -> Result<(), Blocked> {
    let digits = name
        .chars()
        .filter(|character| character.is_numeric())
        .count();
    hold(
        Guard::NoticePrivate,
        digits < 5 && name.chars().count() <= 40,
        || Blocked::NoticePrivate { field },
    )
}

/// One line of a notice, as it is posted in the village.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeLine {
    /// Claim number.
    pub number: String,
    /// Village name.
    pub village: String,
    /// Head of household; villagers must be able to object, so the name is whole.
    pub head_name: String,
    /// Number of persons in the household.
    pub persons: u16,
    /// Peril class, if the scheme shows it.
    pub peril: Option<Peril>,
    /// Proposed amount, if the scheme shows it.
    pub amount: Option<Fen>,
    /// Hot line for objections: the office's, printed from the scheme.
    pub hot_line: String,
}

impl NoticeLine {
    /// The line of one claim under the terms of its scheme.
    pub fn compose(
        number: &str,
        village: &str,
        head_name: &str,
        persons: u16,
        peril: Peril,
        amount: Fen,
        terms: &NoticeTerms,
    ) -> Result<Self, Blocked> {
        presentable("village", village)?;
        presentable("headName", head_name)?;
        Ok(Self {
            number: number.to_owned(),
            village: village.to_owned(),
            head_name: head_name.to_owned(),
            persons,
            peril: terms.shows_peril.then_some(peril),
            amount: terms.shows_amount.then_some(amount),
            hot_line: terms.hot_line.clone(),
        })
    }

    /// The text as it is printed, one field a line.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("案件编号:{}", self.number),
            format!("村:{}", self.village),
            format!("户主:{}", self.head_name),
            format!("人口:{}", self.persons),
        ];
        lines.extend(self.peril.map(|peril| format!("类别:{}", peril.zh())));
        lines.extend(self.amount.map(|amount| format!("拟赔付:{amount} 元")));
        lines.push(format!("监督电话:{}", self.hot_line));
        lines.join("\n")
    }

    /// SHA-256 of the text, lower-case hexadecimal: what a proof of publication must match.
    pub fn content_hash(&self) -> String {
        hex(&Sha256::digest(self.text()))
    }
}
