//! ISO 20022 bank-to-customer statement, `camt.053`: debits of ours that were booked, and returns.

use crate::{Contents, FileFault, instruction_in, yuan};
use engine::bank_file::{BankForm, Told};
use lifecycle::phase::payout::BankSays;
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "BkToCstmrStmt")]
    statements: Statements,
}

#[derive(Deserialize)]
struct Statements {
    #[serde(rename = "Stmt", default)]
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "TxsSummry")]
    summary: Option<Summary>,
    #[serde(rename = "Ntry", default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(rename = "TtlNtries")]
    total: Option<TotalEntries>,
}

#[derive(Deserialize)]
struct TotalEntries {
    #[serde(rename = "NbOfNtries")]
    count: Option<usize>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Amt")]
    amount: Amount,
    #[serde(rename = "CdtDbtInd")]
    side: String,
    #[serde(rename = "RvslInd", default)]
    reversal: bool,
    #[serde(rename = "AcctSvcrRef", default)]
    reference: String,
    #[serde(rename = "Sts")]
    status: Option<Status>,
    #[serde(rename = "NtryDtls", default)]
    details: Vec<Details>,
    #[serde(rename = "AddtlNtryInf", default)]
    information: String,
}

/// `BOOK` as text in version 02, in `Cd` since 08.
#[derive(Deserialize)]
struct Status {
    #[serde(rename = "$text", default)]
    text: String,
    #[serde(rename = "Cd", default)]
    code: String,
}

#[derive(Deserialize)]
struct Amount {
    #[serde(rename = "@Ccy")]
    currency: String,
    #[serde(rename = "$text")]
    text: String,
}

#[derive(Deserialize)]
struct Details {
    #[serde(rename = "TxDtls", default)]
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "Refs")]
    references: Option<References>,
    #[serde(rename = "Amt")]
    amount: Option<Amount>,
    #[serde(rename = "RtrInf")]
    returned: Option<Returned>,
    #[serde(rename = "AddtlTxInf", default)]
    information: String,
}

#[derive(Deserialize)]
struct References {
    #[serde(rename = "EndToEndId", default)]
    end_to_end: String,
    #[serde(rename = "InstrId", default)]
    instruction: String,
    #[serde(rename = "AcctSvcrRef", default)]
    reference: String,
}

#[derive(Deserialize)]
struct Returned {
    #[serde(rename = "Rsn")]
    reason: Option<Reason>,
    #[serde(rename = "AddtlInf", default)]
    information: Vec<String>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(rename = "Cd", default)]
    code: String,
}

fn damaged(what: impl Into<String>) -> FileFault {
    FileFault::Statement {
        form: "camt.053",
        what: what.into(),
    }
}

pub fn read(bytes: &[u8]) -> Result<Contents, FileFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("不是UTF-8"))?;
    if !text.contains("BkToCstmrStmt") {
        return Err(FileFault::Unrecognised);
    }
    // The parser's own words may quote what stands in the file.
    let document: Document =
        quick_xml::de::from_str(text).map_err(|_| damaged("XML不完整或缺少必填项"))?;
    let mut lines = Vec::new();
    for statement in &document.statements.statements {
        let total = statement.summary.as_ref().and_then(|it| it.total.as_ref());
        let count = total.and_then(|it| it.count);
        let entries = statement.entries.len();
        if count.is_some_and(|count| count != entries) {
            return Err(FileFault::Totals {
                said: format!("{}笔", count.unwrap_or_default()),
                found: format!("{entries}笔"),
            });
        }
        for entry in &statement.entries {
            read_entry(entry, &mut lines)?;
        }
    }
    Ok(Contents {
        form: BankForm::Camt053,
        lines,
    })
}

fn read_entry(entry: &Entry, lines: &mut Vec<Told>) -> Result<(), FileFault> {
    let status = entry.status.as_ref();
    let status = status.map_or("BOOK", |it| {
        if it.code.is_empty() {
            it.text.trim()
        } else {
            &it.code
        }
    });
    let debit = match entry.side.as_str() {
        "DBIT" => true,
        "CRDT" => false,
        _ => return Err(damaged("CdtDbtInd")),
    };
    let transactions: Vec<Option<&Transaction>> = {
        let all: Vec<_> = entry
            .details
            .iter()
            .flat_map(|it| &it.transactions)
            .map(Some)
            .collect();
        if all.is_empty() { vec![None] } else { all }
    };
    for transaction in transactions {
        let references = transaction.and_then(|it| it.references.as_ref());
        let named = references.and_then(|it| {
            instruction_in(&it.end_to_end).or_else(|| instruction_in(&it.instruction))
        });
        let information = transaction.map_or("", |it| &it.information);
        let number = named
            .or_else(|| instruction_in(information))
            .or_else(|| instruction_in(&entry.information));
        let returned = transaction.and_then(|it| it.returned.as_ref());
        let back = !debit || entry.reversal || returned.is_some();
        if back && number.is_none() && returned.is_none() && !entry.reversal {
            // Money that came in from elsewhere: not ours to match.
            continue;
        }
        let amount = transaction
            .and_then(|it| it.amount.as_ref())
            .unwrap_or(&entry.amount);
        if amount.currency != "CNY" {
            return Err(damaged(format!(
                "币种 {}",
                amount.currency.chars().take(3).collect::<String>()
            )));
        }
        let reference = references.map_or("", |it| &it.reference);
        let reason = returned
            .and_then(|it| it.reason.as_ref())
            .map_or("", |it| &it.code);
        let more = returned
            .map(|it| it.information.join(" "))
            .unwrap_or_default();
        lines.push(Told {
            line_no: u32::try_from(lines.len() + 1).unwrap_or(u32::MAX),
            instruction_no: number,
            amount: Some(yuan(&amount.text).ok_or_else(|| damaged("Amt"))?),
            said: match (back, status) {
                (true, _) => BankSays::Returned,
                (false, "BOOK") => BankSays::Settled,
                (false, _) => BankSays::Unknown,
            },
            bank_ref: if reference.is_empty() {
                entry.reference.clone()
            } else {
                reference.to_owned()
            },
            reason: format!("{reason} {more}").trim().to_owned(),
        });
    }
    Ok(())
}
