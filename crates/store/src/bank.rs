//! Batches of payments and the bank's files. What is chosen or read is written once; what becomes of a line, once.

use crate::connect::{SqlStore, commit};
use crate::dialect::instant;
use crate::rows;
use async_trait::async_trait;
use benefits::Fen;
use engine::bank_file::{
    BankFile, BankFiles, BankForm, BankLine, Instructed, LineClass, LineState, Queues, Told,
};
use engine::payment_batch::{
    Payer, PaymentBatch, PaymentBatches, PaymentEnd, PaymentLine, Tally, Totals,
};
use engine::{Fault, Page, Scope, Slice};
use lifecycle::phase::payout::{BankSays, PaymentStatus};
use lifecycle::{AccountId, ClaimId, CountyCode, HouseholdId, OrgId, PayeeId, SchemeId};
use sea_orm::{QueryResult, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const BATCH: &[&str] = &[
    "county_code",
    "id",
    "scheme_id",
    "insurer_id",
    "account_id",
    "made_by",
    "made_for",
    "made_at",
    "payer_name",
    "payer_account",
    "payer_bank",
];

const PAYMENT: &[&str] = &[
    "county_code",
    "batch_id",
    "line_no",
    "claim_id",
    "claim_number",
    "claim_version",
    "household_id",
    "payee_id",
    "amount_fen",
    "ended",
];

const FILE: &[&str] = &[
    "county_code",
    "id",
    "insurer_id",
    "account_id",
    "read_by",
    "read_for",
    "read_at",
    "name",
    "form",
    "hash",
    "batch_id",
];

const LINE: &[&str] = &[
    "county_code",
    "file_id",
    "line_no",
    "instruction_no",
    "amount_fen",
    "said",
    "bank_ref",
    "reason",
    "class",
    "claim_id",
    "state",
];

const BATCHES: &str = "SELECT CAST(b.id AS TEXT) AS id, CAST(b.scheme_id AS TEXT) AS scheme_id, CAST(b.insurer_id AS TEXT) AS insurer_id, \
     CAST(b.account_id AS TEXT) AS account_id, CAST(b.made_by AS TEXT) AS made_by, CAST(b.made_for AS TEXT) AS made_for, b.made_at, \
     b.payer_name, b.payer_account, b.payer_bank FROM payment_batch b WHERE b.county_code = $1 AND (b.insurer_id = $2 OR $2 IS NULL)";

const FILES: &str = "SELECT CAST(f.id AS TEXT) AS id, CAST(f.insurer_id AS TEXT) AS insurer_id, CAST(f.account_id AS TEXT) AS account_id, \
     CAST(f.read_by AS TEXT) AS read_by, CAST(f.read_for AS TEXT) AS read_for, f.read_at, f.name, f.form, f.hash, \
     CAST(f.batch_id AS TEXT) AS batch_id FROM bank_file f WHERE f.county_code = $1 AND (f.insurer_id = $2 OR $2 IS NULL)";

fn batch_of(county: CountyCode, row: &QueryResult) -> Result<PaymentBatch, Fault> {
    let id = rows::sure_id(row, "id")?;
    Ok(PaymentBatch {
        id,
        county,
        scheme: SchemeId(rows::sure_id(row, "scheme_id")?),
        insurer: OrgId(rows::sure_id(row, "insurer_id")?),
        account: AccountId(rows::sure_id(row, "account_id")?),
        made: rows::stamp(row, "made_by", "made_for", "made_at")?
            .ok_or_else(|| rows::missing("payment_batch", id))?,
        payer: Payer {
            name: rows::get(row, "payer_name")?,
            account: rows::get(row, "payer_account")?,
            bank: rows::get(row, "payer_bank")?,
        },
        lines: Vec::new(),
    })
}

fn payment_of(row: &QueryResult) -> Result<PaymentLine, Fault> {
    let line_no: i32 = rows::get(row, "line_no")?;
    let version: i32 = rows::get(row, "claim_version")?;
    let ended: String = rows::get(row, "ended")?;
    let table = "payment_batch_line";
    Ok(PaymentLine {
        line_no: rows::whole(table, "line_no", &line_no, line_no)?,
        claim: ClaimId(rows::sure_id(row, "claim_id")?),
        number: rows::get(row, "claim_number")?,
        version: rows::whole(table, "claim_version", &line_no, version)?,
        household: HouseholdId(rows::sure_id(row, "household_id")?),
        payee: PayeeId(rows::sure_id(row, "payee_id")?),
        amount: Fen::new(rows::get(row, "amount_fen")?),
        end: rows::code(table, "ended", &line_no, &ended, PaymentEnd::from_code)?,
        code: rows::get(row, "code")?,
        instruction_no: rows::get(row, "instruction_no")?,
    })
}

fn file_of(county: CountyCode, row: &QueryResult) -> Result<BankFile, Fault> {
    let id = rows::sure_id(row, "id")?;
    let form: String = rows::get(row, "form")?;
    Ok(BankFile {
        id,
        county,
        insurer: OrgId(rows::sure_id(row, "insurer_id")?),
        account: AccountId(rows::sure_id(row, "account_id")?),
        read: rows::stamp(row, "read_by", "read_for", "read_at")?
            .ok_or_else(|| rows::missing("bank_file", id))?,
        name: rows::get(row, "name")?,
        form: rows::code("bank_file", "form", &id, &form, BankForm::from_code)?,
        hash: rows::get(row, "hash")?,
        batch: rows::id(row, "batch_id")?,
        lines: Vec::new(),
    })
}

fn line_of(row: &QueryResult) -> Result<BankLine, Fault> {
    let line_no: i32 = rows::get(row, "line_no")?;
    let said: String = rows::get(row, "said")?;
    let class: String = rows::get(row, "class")?;
    let state: String = rows::get(row, "state")?;
    let amount: Option<i64> = rows::get(row, "amount_fen")?;
    let table = "bank_line";
    Ok(BankLine {
        told: Told {
            line_no: rows::whole(table, "line_no", &line_no, line_no)?,
            instruction_no: rows::get(row, "instruction_no")?,
            amount: amount.map(Fen::new),
            said: rows::code(table, "said", &line_no, &said, BankSays::from_code)?,
            bank_ref: rows::get(row, "bank_ref")?,
            reason: rows::get(row, "reason")?,
        },
        class: rows::code(table, "class", &line_no, &class, LineClass::from_code)?,
        claim: rows::id(row, "claim_id")?.map(ClaimId),
        state: rows::code(table, "state", &line_no, &state, LineState::from_code)?,
        code: rows::get(row, "code")?,
        note: rows::get(row, "note")?,
        decided: rows::stamp(row, "decided_by", "decided_for", "decided_at")?,
    })
}

fn totals(row: &QueryResult, table: &'static str) -> Result<Totals, Fault> {
    let lines: i64 = rows::get(row, "lines")?;
    Ok(Totals {
        count: rows::whole(table, "", &"", lines)?,
        sum: Fen::new(rows::get(row, "fen")?),
    })
}

fn in_json(list: &impl serde::Serialize) -> Value {
    json!(list).to_string().into()
}

impl SqlStore {
    /// County and insurer of a scope that holds an insurer's books; `None` if it does not.
    fn books(&self, scope: &Scope) -> Option<[Value; 2]> {
        (scope.region == scope.region.county()).then(|| {
            let insurer = scope.insurer.map(|it| it.0);
            [
                rows::county(scope.county),
                self.core.dialect.id_or_null(insurer),
            ]
        })
    }

    async fn lines_of_batches(
        &self,
        county: CountyCode,
        batches: &mut [PaymentBatch],
    ) -> Result<(), Fault> {
        let ids: Vec<Uuid> = batches.iter().map(|it| it.id).collect();
        let select = self.core.dialect.statement(
            &format!(
                "SELECT CAST(batch_id AS TEXT) AS batch_id, line_no, CAST(claim_id AS TEXT) AS claim_id, claim_number, claim_version, \
                 CAST(household_id AS TEXT) AS household_id, CAST(payee_id AS TEXT) AS payee_id, amount_fen, ended, code, instruction_no \
                 FROM payment_batch_line WHERE county_code = $1 AND CAST(batch_id AS TEXT) IN {} ORDER BY batch_id, line_no",
                self.core.dialect.texts(2)
            ),
            [rows::county(county), in_json(&ids)],
        );
        let mut lines: BTreeMap<Uuid, Vec<PaymentLine>> = BTreeMap::new();
        for row in &self.all("reading lines of payment batches", select).await? {
            let batch = rows::sure_id(row, "batch_id")?;
            lines.entry(batch).or_default().push(payment_of(row)?);
        }
        for batch in batches {
            batch.lines = lines.remove(&batch.id).unwrap_or_default();
        }
        Ok(())
    }

    async fn lines_of_files(
        &self,
        county: CountyCode,
        files: &mut [BankFile],
    ) -> Result<(), Fault> {
        let ids: Vec<Uuid> = files.iter().map(|it| it.id).collect();
        let select = self.core.dialect.statement(
            &format!(
                "SELECT CAST(file_id AS TEXT) AS file_id, line_no, instruction_no, amount_fen, said, bank_ref, reason, class, \
                 CAST(claim_id AS TEXT) AS claim_id, state, code, note, CAST(decided_by AS TEXT) AS decided_by, \
                 CAST(decided_for AS TEXT) AS decided_for, decided_at \
                 FROM bank_line WHERE county_code = $1 AND CAST(file_id AS TEXT) IN {} ORDER BY file_id, line_no",
                self.core.dialect.texts(2)
            ),
            [rows::county(county), in_json(&ids)],
        );
        let mut lines: BTreeMap<Uuid, Vec<BankLine>> = BTreeMap::new();
        for row in &self.all("reading lines of bank files", select).await? {
            let file = rows::sure_id(row, "file_id")?;
            lines.entry(file).or_default().push(line_of(row)?);
        }
        for file in files {
            file.lines = lines.remove(&file.id).unwrap_or_default();
        }
        Ok(())
    }

    async fn one_file(
        &self,
        scope: &Scope,
        condition: &str,
        value: Value,
    ) -> Result<Option<BankFile>, Fault> {
        let Some([county, insurer]) = self.books(scope) else {
            return Ok(None);
        };
        let sql = format!("{FILES} AND {condition}");
        let select = self.core.dialect.statement(&sql, [county, insurer, value]);
        let found = self.all("reading a bank file", select).await?;
        let mut files = found
            .iter()
            .map(|row| file_of(scope.county, row))
            .collect::<Result<Vec<_>, _>>()?;
        self.lines_of_files(scope.county, &mut files).await?;
        Ok(files.pop())
    }
}

#[async_trait]
impl PaymentBatches for SqlStore {
    async fn put_payment_batch(&self, batch: &PaymentBatch) -> Result<(), Fault> {
        let row = json!([{
            "county_code": batch.county.get(), "id": batch.id, "scheme_id": batch.scheme, "insurer_id": batch.insurer,
            "account_id": batch.account, "made_by": batch.made.by, "made_for": batch.made.on_behalf_of,
            "made_at": instant(batch.made.at), "payer_name": batch.payer.name, "payer_account": batch.payer.account,
            "payer_bank": batch.payer.bank,
        }]);
        let lines: Vec<Json> = batch
            .lines
            .iter()
            .map(|line| {
                json!({
                    "county_code": batch.county.get(), "batch_id": batch.id, "line_no": line.line_no, "claim_id": line.claim,
                    "claim_number": line.number, "claim_version": line.version, "household_id": line.household,
                    "payee_id": line.payee, "amount_fen": line.amount, "ended": line.end.code(),
                })
            })
            .collect();
        let transaction = self.core.begin().await?;
        let then = "ON CONFLICT (county_code, id) DO NOTHING";
        let new = self
            .put(&transaction, "payment_batch", BATCH, row, then)
            .await?;
        if new > 0 {
            let lines = Json::Array(lines);
            self.put(&transaction, "payment_batch_line", PAYMENT, lines, "")
                .await?;
        }
        commit(transaction).await
    }

    async fn payment_batch(&self, scope: &Scope, id: Uuid) -> Result<Option<PaymentBatch>, Fault> {
        let Some([county, insurer]) = self.books(scope) else {
            return Ok(None);
        };
        let dialect = self.core.dialect;
        let sql = format!("{BATCHES} AND b.id = $3");
        let select = dialect.statement(&sql, [county, insurer, dialect.id(id)]);
        let found = self.all("reading a payment batch", select).await?;
        let mut batches = found
            .iter()
            .map(|row| batch_of(scope.county, row))
            .collect::<Result<Vec<_>, _>>()?;
        self.lines_of_batches(scope.county, &mut batches).await?;
        Ok(batches.pop())
    }

    async fn payment_batches(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(PaymentBatch, Tally)>, Fault> {
        let Some(values) = self.books(scope) else {
            return Ok(Slice {
                rows: Vec::new(),
                more: false,
            });
        };
        let (found, more) = self
            .by_time(
                "reading payment batches",
                BATCHES,
                values.into(),
                ("b.made_at", "b.id"),
                page,
            )
            .await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push((batch_of(scope.county, row)?, Tally::default()));
        }
        let ids = rows.iter().map(|(it, _)| it.id).collect::<Vec<_>>();
        let select = self.core.dialect.statement(
            &format!(
                "SELECT CAST(batch_id AS TEXT) AS batch_id, ended, count(*) AS lines, CAST(sum(amount_fen) AS BIGINT) AS fen \
                 FROM payment_batch_line WHERE county_code = $1 AND CAST(batch_id AS TEXT) IN {} GROUP BY batch_id, ended",
                self.core.dialect.texts(2)
            ),
            [rows::county(scope.county), in_json(&ids)],
        );
        for row in &self
            .all("counting lines of payment batches", select)
            .await?
        {
            let batch = rows::sure_id(row, "batch_id")?;
            let ended: String = rows::get(row, "ended")?;
            let of = PaymentEnd::from_code;
            let end = rows::code("payment_batch_line", "ended", &batch, &ended, of)?;
            let totals = totals(row, "payment_batch_line")?;
            if let Some((_, tally)) = rows.iter_mut().find(|(it, _)| it.id == batch) {
                tally.add(end, totals);
            }
        }
        Ok(Slice { rows, more })
    }

    async fn end_payment_line(
        &self,
        county: CountyCode,
        batch: Uuid,
        line: &PaymentLine,
    ) -> Result<(), Fault> {
        let dialect = self.core.dialect;
        let transaction = self.core.begin().await?;
        self.change(
            &transaction,
            "ending a line of a payment batch",
            "UPDATE payment_batch_line SET ended = $1, code = $2, instruction_no = $3 \
             WHERE county_code = $4 AND batch_id = $5 AND line_no = $6 AND ended = 'WAITING'",
            [
                line.end.code().into(),
                line.code.clone().into(),
                line.instruction_no.clone().into(),
                rows::county(county),
                dialect.id(batch),
                rows::count(line.line_no),
            ],
        )
        .await?;
        commit(transaction).await
    }
}

#[async_trait]
impl BankFiles for SqlStore {
    async fn instructed(
        &self,
        scope: &Scope,
        numbers: &[String],
    ) -> Result<Vec<Instructed>, Fault> {
        let Some([county, insurer]) = self.books(scope) else {
            return Ok(Vec::new());
        };
        let select = self.core.dialect.statement(
            &format!(
                "SELECT p.instruction_no, CAST(p.claim_id AS TEXT) AS claim_id, p.amount_fen, p.status FROM payment p \
                 JOIN claim c ON c.county_code = p.county_code AND c.id = p.claim_id \
                 WHERE p.county_code = $1 AND (c.insurer_id = $2 OR $2 IS NULL) AND p.instruction_no IN {} ORDER BY p.instruction_no",
                self.core.dialect.texts(3)
            ),
            [county, insurer, in_json(&numbers)],
        );
        let found = self.all("reading instructions", select).await?;
        let instructed = |row: &QueryResult| {
            let instruction_no: String = rows::get(row, "instruction_no")?;
            let status: String = rows::get(row, "status")?;
            let of = PaymentStatus::from_code;
            Ok(Instructed {
                status: rows::code("payment", "status", &instruction_no, &status, of)?,
                instruction_no,
                claim: ClaimId(rows::sure_id(row, "claim_id")?),
                amount: Fen::new(rows::get(row, "amount_fen")?),
            })
        };
        found.iter().map(instructed).collect()
    }

    async fn told_before(
        &self,
        scope: &Scope,
        numbers: &[String],
    ) -> Result<Vec<(String, BankSays)>, Fault> {
        let Some([county, insurer]) = self.books(scope) else {
            return Ok(Vec::new());
        };
        let select = self.core.dialect.statement(
            &format!(
                "SELECT DISTINCT l.instruction_no, l.said FROM bank_line l \
                 JOIN bank_file f ON f.county_code = l.county_code AND f.id = l.file_id \
                 WHERE l.county_code = $1 AND (f.insurer_id = $2 OR $2 IS NULL) AND l.instruction_no IN {} \
                 AND l.class IN ('CONFIRMED', 'FAILED', 'RETURNED', 'UNKNOWN') AND l.state <> 'CLOSED' \
                 ORDER BY l.instruction_no, l.said",
                self.core.dialect.texts(3)
            ),
            [county, insurer, in_json(&numbers)],
        );
        let found = self.all("reading what was told before", select).await?;
        let told = |row: &QueryResult| {
            let (number, said): (String, String) =
                (rows::get(row, "instruction_no")?, rows::get(row, "said")?);
            let said = rows::code("bank_line", "said", &number, &said, BankSays::from_code)?;
            Ok((number, said))
        };
        found.iter().map(told).collect()
    }

    async fn put_bank_file(&self, file: &BankFile) -> Result<bool, Fault> {
        let row = json!([{
            "county_code": file.county.get(), "id": file.id, "insurer_id": file.insurer, "account_id": file.account,
            "read_by": file.read.by, "read_for": file.read.on_behalf_of, "read_at": instant(file.read.at), "name": file.name,
            "form": file.form.code(), "hash": file.hash, "batch_id": file.batch,
        }]);
        let lines: Vec<Json> = file
            .lines
            .iter()
            .map(|line| {
                json!({
                    "county_code": file.county.get(), "file_id": file.id, "line_no": line.told.line_no,
                    "instruction_no": line.told.instruction_no, "amount_fen": line.told.amount, "said": line.told.said.code(),
                    "bank_ref": line.told.bank_ref, "reason": line.told.reason, "class": line.class.code(), "claim_id": line.claim,
                    "state": line.state.code(),
                })
            })
            .collect();
        let transaction = self.core.begin().await?;
        let new = self
            .put(
                &transaction,
                "bank_file",
                FILE,
                row,
                "ON CONFLICT DO NOTHING",
            )
            .await?;
        if new > 0 {
            self.put(&transaction, "bank_line", LINE, Json::Array(lines), "")
                .await?;
        }
        commit(transaction).await?;
        Ok(new > 0)
    }

    async fn bank_file(&self, scope: &Scope, id: Uuid) -> Result<Option<BankFile>, Fault> {
        let id = self.core.dialect.id(id);
        self.one_file(scope, "f.id = $3", id).await
    }

    async fn bank_file_by_hash(
        &self,
        scope: &Scope,
        hash: &str,
    ) -> Result<Option<BankFile>, Fault> {
        self.one_file(scope, "f.hash = $3", hash.into()).await
    }

    async fn bank_files(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(BankFile, Queues)>, Fault> {
        let Some(values) = self.books(scope) else {
            return Ok(Slice {
                rows: Vec::new(),
                more: false,
            });
        };
        let (found, more) = self
            .by_time(
                "reading bank files",
                FILES,
                values.into(),
                ("f.read_at", "f.id"),
                page,
            )
            .await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push((file_of(scope.county, row)?, Queues::new()));
        }
        let ids = rows.iter().map(|(it, _)| it.id).collect::<Vec<_>>();
        let select = self.core.dialect.statement(
            &format!(
                "SELECT CAST(file_id AS TEXT) AS file_id, class, count(*) AS lines, CAST(COALESCE(sum(amount_fen), 0) AS BIGINT) AS fen \
                 FROM bank_line WHERE county_code = $1 AND CAST(file_id AS TEXT) IN {} AND state = 'OPEN' GROUP BY file_id, class",
                self.core.dialect.texts(2)
            ),
            [rows::county(scope.county), in_json(&ids)],
        );
        for row in &self.all("counting lines of bank files", select).await? {
            let file = rows::sure_id(row, "file_id")?;
            let class: String = rows::get(row, "class")?;
            let class = rows::code("bank_line", "class", &file, &class, LineClass::from_code)?;
            let totals = totals(row, "bank_line")?;
            if let Some((_, queues)) = rows.iter_mut().find(|(it, _)| it.id == file) {
                queues.insert(class, totals);
            }
        }
        Ok(Slice { rows, more })
    }

    async fn decide_bank_line(
        &self,
        county: CountyCode,
        file: Uuid,
        line: &BankLine,
    ) -> Result<bool, Fault> {
        let dialect = self.core.dialect;
        let decided = line.decided.as_ref();
        let transaction = self.core.begin().await?;
        let touched = self
            .change(
                &transaction,
                "deciding on a line of a bank file",
                "UPDATE bank_line SET state = $1, code = $2, note = $3, decided_by = $4, decided_for = $5, decided_at = $6 \
                 WHERE county_code = $7 AND file_id = $8 AND line_no = $9 AND state = 'OPEN'",
                [
                    line.state.code().into(),
                    line.code.clone().into(),
                    line.note.clone().into(),
                    dialect.id_or_null(decided.map(|it| it.by.0)),
                    dialect.id_or_null(decided.and_then(|it| it.on_behalf_of).map(|it| it.0)),
                    dialect.at_or_null(decided.map(|it| it.at)),
                    rows::county(county),
                    dialect.id(file),
                    rows::count(line.told.line_no),
                ],
            )
            .await?;
        commit(transaction).await?;
        Ok(touched > 0)
    }
}
