//! SWIFT customer statement, `MT940`: debits of ours, and what came back.

use crate::{Contents, FileFault, instruction_in, yuan};
use engine::bank_file::{BankForm, Told};
use lifecycle::phase::payout::BankSays;
use mt940::{DebitOrCredit, ExtDebitOrCredit, InformationToAccountOwner, parse_mt940};

fn damaged(what: &str) -> FileFault {
    FileFault::Statement {
        form: "MT940",
        what: what.to_owned(),
    }
}

fn signed<D: std::ops::Neg<Output = D>>(debit: bool, amount: D) -> D {
    if debit { -amount } else { amount }
}

/// The text of `:86:` in one line: a number of ours is longer than the reference of `:61:`, and lines break anywhere.
fn plain(told: &InformationToAccountOwner) -> String {
    let text = match told {
        InformationToAccountOwner::Plain(text) => text.clone(),
        InformationToAccountOwner::Structured {
            posting_text,
            purpose,
            additional_purpose,
            ..
        } => {
            let parts = [posting_text, purpose, additional_purpose];
            parts.into_iter().flatten().cloned().collect()
        }
    };
    text.split(['\r', '\n']).collect()
}

pub fn read(bytes: &[u8]) -> Result<Contents, FileFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("不是UTF-8"))?;
    // Blocks of the envelope, and the dash that ends a message.
    let body: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("{4:").map_or(line, |(_, rest)| rest))
        .filter(|line| !matches!(line.trim(), "" | "-" | "-}"))
        .collect();
    let body = format!("{}\r\n\r\n", body.join("\r\n"));
    let messages = parse_mt940(&body).map_err(|_| damaged("不完整或不合MT940格式"))?;
    let mut lines = Vec::new();
    for message in &messages {
        let opening = &message.opening_balance;
        let closing = &message.closing_balance;
        if opening.iso_currency_code != "CNY" {
            return Err(damaged("币种"));
        }
        let mut balance = signed(
            opening.debit_credit_indicator == DebitOrCredit::Debit,
            opening.amount,
        );
        for line in &message.statement_lines {
            let sign = &line.ext_debit_credit_indicator;
            let (debit, reversal) = match sign {
                ExtDebitOrCredit::Debit => (true, false),
                ExtDebitOrCredit::ReverseCredit => (true, true),
                ExtDebitOrCredit::Credit => (false, false),
                ExtDebitOrCredit::ReverseDebit => (false, true),
            };
            balance += signed(debit, line.amount);
            let told = line.information_to_account_owner.as_ref();
            let number = instruction_in(&line.customer_ref)
                .or_else(|| instruction_in(&told.map(plain).unwrap_or_default()));
            let back = !debit || reversal;
            if back && number.is_none() && !reversal {
                continue;
            }
            lines.push(Told {
                line_no: u32::try_from(lines.len() + 1).unwrap_or(u32::MAX),
                instruction_no: number,
                amount: Some(yuan(&line.amount.to_string()).ok_or_else(|| damaged(":61:"))?),
                said: if back {
                    BankSays::Returned
                } else {
                    BankSays::Settled
                },
                bank_ref: line.bank_ref.clone().unwrap_or_default(),
                reason: line.supplementary_details.clone().unwrap_or_default(),
            });
        }
        // A statement that was cut or changed does not add up.
        let end = signed(
            closing.debit_credit_indicator == DebitOrCredit::Debit,
            closing.amount,
        );
        if balance != end {
            return Err(FileFault::Totals {
                said: end.to_string(),
                found: balance.to_string(),
            });
        }
    }
    Ok(Contents {
        form: BankForm::Mt940,
        lines,
    })
}
