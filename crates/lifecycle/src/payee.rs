//! Payees (收款人): in what relation they are paid, and how the name of an account was checked.

use crate::coded;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

coded! {
    /// In what relation to the insured somebody is paid (收款人与被保障人的关系).
    PayeeRelation {
        Insured = "INSURED" "本人",
        Head = "HEAD" "户主",
        Family = "FAMILY" "家庭成员",
        Guardian = "GUARDIAN" "监护人",
        Heir = "HEIR" "法定继承人",
    }
}

coded! {
    /// By which means it was checked that an account is in the payee's name (户名核验方式), the weakest first.
    NameCheckMeans {
        /// The program compared the name the bank has with the name of the member, when it was entered.
        NamesCompared = "NAMES_COMPARED" "户名比对",
        /// Somebody saw identity document and bank card.
        DocumentSeen = "DOCUMENT_SEEN" "查验证件",
        /// The bank answered.
        BankReply = "BANK_REPLY" "银行回复",
    }
}

/// What came of a check of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCheck {
    /// By which means.
    pub means: NameCheckMeans,
    /// Whether the names agree.
    pub passed: bool,
    /// The legal day.
    pub on: NaiveDate,
}
