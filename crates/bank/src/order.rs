//! The order to the bank: the list of payments (代发清单) and `pain.001`, with control totals.

use crate::FileFault;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use engine::payment_batch::{Payer, PaymentBatch, ToPay, Totals};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use sheet::grid::{self, Cell, Grid, Look};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// An order to the bank.
#[derive(Clone)]
pub struct PaymentOrder {
    /// Its number.
    pub order_no: String,
    /// The account that pays.
    pub payer: Payer,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The day it is to be carried out.
    pub on: NaiveDate,
    /// The payments.
    pub payments: Vec<ToPay>,
}

/// Headings of the list, as the bank's result list repeats them.
pub(crate) const SERIAL: &str = "序号";
pub(crate) const INSTRUCTION: &str = "指令号";
pub(crate) const HOLDER: &str = "收款人姓名";
pub(crate) const ACCOUNT: &str = "收款账号";
pub(crate) const BANK: &str = "开户银行";
pub(crate) const AMOUNT: &str = "金额(元)";
pub(crate) const REMARK: &str = "附言";
pub(crate) const SUM: &str = "合计";

const REMARK_TEXT: &str = "防贫险";

/// What a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Everything: for the bank.
    Plain,
    /// Accounts masked, no bank: to be published.
    Masked,
}

lifecycle::coded! {
    /// The form of an order.
    OrderForm {
        /// The list as a workbook, for the bank.
        ListXlsx = "LIST_XLSX" "代发清单(.xlsx)",
        /// The list as text, for the bank.
        ListCsv = "LIST_CSV" "代发清单(.csv)",
        /// ISO 20022, for the bank.
        Pain001 = "PAIN_001" "pain.001报文(.xml)",
        /// The list with masked accounts, to be published.
        PublicationXlsx = "PUBLICATION_XLSX" "公示用清单(账号脱敏)",
    }
}

impl OrderForm {
    /// Whether accounts stand in it in the clear.
    pub const fn is_plain(self) -> bool {
        match self {
            Self::ListXlsx | Self::ListCsv | Self::Pain001 => true,
            Self::PublicationXlsx => false,
        }
    }
}

/// An order as a file.
pub struct OrderFile {
    /// What to call it.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl PaymentOrder {
    /// The order of a batch.
    pub fn of(batch: &PaymentBatch, on: NaiveDate, payments: Vec<ToPay>) -> Self {
        Self {
            order_no: format!("FB{}", &batch.id.simple().to_string()[..24]),
            payer: batch.payer.clone(),
            made_at: batch.made.at,
            on,
            payments,
        }
    }

    /// The order as a file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn file(&self, form: OrderForm) -> Result<OrderFile, FileFault> {
        const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let (bytes, media_type, ending) = match form {
            OrderForm::ListXlsx => (self.xlsx(Shows::Plain)?, XLSX, "xlsx"),
            OrderForm::ListCsv => (self.csv(Shows::Plain)?, "text/csv; charset=utf-8", "csv"),
            OrderForm::Pain001 => (self.pain001()?, "application/xml", "xml"),
            OrderForm::PublicationXlsx => (self.xlsx(Shows::Masked)?, XLSX, "xlsx"),
        };
        Ok(OrderFile {
            name: format!("{}.{ending}", self.order_no),
            media_type,
            bytes,
        })
    }

    /// Its control totals; `None` beyond what can be counted.
    pub fn totals(&self) -> Option<Totals> {
        Totals::of(self.payments.iter().map(|it| it.amount))
    }

    fn rows(&self, shows: Shows) -> Vec<Vec<String>> {
        let numbered = self.payments.iter().zip(1_u32..);
        let mut rows: Vec<Vec<String>> = numbered
            .map(|(it, serial)| {
                let mut row = vec![
                    serial.to_string(),
                    it.instruction_no.clone(),
                    it.holder.clone(),
                ];
                match shows {
                    Shows::Plain => row.extend([it.account.reveal().to_owned(), it.bank.clone()]),
                    Shows::Masked => row.push(it.account.masked()),
                }
                row.extend([it.amount.decimal(), REMARK_TEXT.to_owned()]);
                row
            })
            .collect();
        let totals = self.totals().unwrap_or_default();
        let mut last = vec![SUM.to_owned(), format!("{}笔", totals.count), String::new()];
        last.resize(heading(shows).len() - 2, String::new());
        last.extend([totals.sum.decimal(), String::new()]);
        rows.push(last);
        rows
    }

    /// The list as `.csv`: UTF-8 with a byte order mark, the totals in the last row.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn csv(&self, shows: Shows) -> Result<Vec<u8>, FileFault> {
        let failed =
            |fault: csv::Error| FileFault::Sheet(sheet::SheetFault::Unwritable(Box::new(fault)));
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer("\u{feff}".as_bytes().to_vec());
        writer.write_record(heading(shows)).map_err(failed)?;
        for row in self.rows(shows) {
            writer.write_record(row).map_err(failed)?;
        }
        let written = writer.into_inner();
        written.map_err(|fault| failed(csv::Error::from(fault.into_error())))
    }

    /// The list as `.xlsx`: every cell text, so that no account loses a figure.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn xlsx(&self, shows: Shows) -> Result<Vec<u8>, FileFault> {
        let heading = heading(shows);
        let mut rows = vec![heading.iter().map(|it| Cell::text(*it)).collect()];
        let texts = |row: Vec<String>| row.into_iter().map(Cell::text).collect();
        rows.extend(self.rows(shows).into_iter().map(texts));
        let look = Look {
            header_row: 0,
            text_columns: (0..heading.len()).collect::<BTreeSet<_>>(),
            widths: BTreeMap::from([(1, 26), (3, 26)]),
            ..Look::default()
        };
        let grid = Grid {
            name: "代发清单".into(),
            rows,
        };
        Ok(grid::write(&grid, &look)?)
    }

    /// ISO 20022 customer credit transfer initiation, `pain.001.001.09`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn pain001(&self) -> Result<Vec<u8>, FileFault> {
        let written = self.document();
        written.map_err(|fault| FileFault::Sheet(sheet::SheetFault::Unwritable(Box::new(fault))))
    }

    fn document(&self) -> io::Result<Vec<u8>> {
        let totals = self.totals().unwrap_or_default();
        let (count, sum) = (totals.count.to_string(), totals.sum.decimal());
        let made = self.made_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let xmlns = ("xmlns", "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09");
        within(&mut writer, "Document", &[xmlns], |writer| {
            within(writer, "CstmrCdtTrfInitn", &[], |writer| {
                within(writer, "GrpHdr", &[], |writer| {
                    text(writer, "MsgId", &self.order_no)?;
                    text(writer, "CreDtTm", &made)?;
                    text(writer, "NbOfTxs", &count)?;
                    text(writer, "CtrlSum", &sum)?;
                    within(writer, "InitgPty", &[], |writer| {
                        text(writer, "Nm", &self.payer.name)
                    })
                })?;
                within(writer, "PmtInf", &[], |writer| {
                    text(writer, "PmtInfId", &self.order_no)?;
                    text(writer, "PmtMtd", "TRF")?;
                    text(writer, "NbOfTxs", &count)?;
                    text(writer, "CtrlSum", &sum)?;
                    within(writer, "ReqdExctnDt", &[], |writer| {
                        text(writer, "Dt", &self.on.to_string())
                    })?;
                    within(writer, "Dbtr", &[], |writer| {
                        text(writer, "Nm", &self.payer.name)
                    })?;
                    account(writer, "DbtrAcct", &self.payer.account)?;
                    agent(writer, "DbtrAgt", &self.payer.bank)?;
                    self.payments.iter().try_for_each(|it| transfer(writer, it))
                })
            })
        })?;
        Ok(writer.into_inner())
    }
}

const fn heading(shows: Shows) -> &'static [&'static str] {
    match shows {
        Shows::Plain => &[SERIAL, INSTRUCTION, HOLDER, ACCOUNT, BANK, AMOUNT, REMARK],
        Shows::Masked => &[SERIAL, INSTRUCTION, HOLDER, ACCOUNT, AMOUNT, REMARK],
    }
}

type Xml = Writer<Vec<u8>>;

fn within(
    writer: &mut Xml,
    name: &str,
    attributes: &[(&str, &str)],
    inside: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    writer
        .create_element(name)
        .with_attributes(attributes.iter().copied())
        .write_inner_content(inside)?;
    Ok(())
}

fn text(writer: &mut Xml, name: &str, content: &str) -> io::Result<()> {
    writer
        .create_element(name)
        .write_text_content(BytesText::new(content))?;
    Ok(())
}

fn account(writer: &mut Xml, name: &str, number: &str) -> io::Result<()> {
    within(writer, name, &[], |writer| {
        within(writer, "Id", &[], |writer| {
            within(writer, "Othr", &[], |writer| text(writer, "Id", number))
        })
    })
}

fn agent(writer: &mut Xml, name: &str, bank: &str) -> io::Result<()> {
    within(writer, name, &[], |writer| {
        within(writer, "FinInstnId", &[], |writer| text(writer, "Nm", bank))
    })
}

fn transfer(writer: &mut Xml, payment: &ToPay) -> io::Result<()> {
    within(writer, "CdtTrfTxInf", &[], |writer| {
        within(writer, "PmtId", &[], |writer| {
            text(writer, "InstrId", &payment.instruction_no)?;
            text(writer, "EndToEndId", &payment.instruction_no)
        })?;
        within(writer, "Amt", &[], |writer| {
            writer
                .create_element("InstdAmt")
                .with_attribute(("Ccy", "CNY"))
                .write_text_content(BytesText::new(&payment.amount.decimal()))?;
            Ok(())
        })?;
        agent(writer, "CdtrAgt", &payment.bank)?;
        within(writer, "Cdtr", &[], |writer| {
            text(writer, "Nm", &payment.holder)
        })?;
        account(writer, "CdtrAcct", payment.account.reveal())?;
        within(writer, "RmtInf", &[], |writer| {
            text(writer, "Ustrd", REMARK_TEXT)
        })
    })
}
