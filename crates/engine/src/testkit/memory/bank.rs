//! Batches of payments and the bank's files in memory.

use super::MemoryStore;
use crate::Scope;
use crate::bank_file::{BankFile, BankFiles, BankLine, Instructed, LineState, Queues};
use crate::payment_batch::{PaymentBatch, PaymentBatches, PaymentEnd, PaymentLine, Tally};
use crate::ports::{Fault, Page, Slice};
use async_trait::async_trait;
use lifecycle::CountyCode;
use lifecycle::phase::payout::{BankSays, PaymentStatus};
use uuid::Uuid;

#[async_trait]
impl PaymentBatches for MemoryStore {
    async fn put_payment_batch(&self, batch: &PaymentBatch) -> Result<(), Fault> {
        let mut tables = self.tables();
        let key = (batch.county, batch.id);
        tables
            .payment_batches
            .entry(key)
            .or_insert_with(|| batch.clone());
        Ok(())
    }

    async fn payment_batch(&self, scope: &Scope, id: Uuid) -> Result<Option<PaymentBatch>, Fault> {
        let tables = self.tables();
        let batch = tables.payment_batches.get(&(scope.county, id));
        let batch = batch.filter(|it| scope.covers_books_of(it.county, it.insurer));
        Ok(batch.cloned())
    }

    async fn payment_batches(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(PaymentBatch, Tally)>, Fault> {
        let tables = self.tables();
        let batches = tables.payment_batches.values();
        let batches = batches.filter(|it| scope.covers_books_of(it.county, it.insurer));
        let batches = batches.map(|it| {
            let lines = Vec::new();
            (
                PaymentBatch {
                    lines,
                    ..it.clone()
                },
                it.tally(),
            )
        });
        Ok(page.cut_in_time(batches.collect(), |(it, _)| (it.made.at, it.id)))
    }

    async fn end_payment_line(
        &self,
        county: CountyCode,
        batch: Uuid,
        line: &PaymentLine,
    ) -> Result<(), Fault> {
        let mut tables = self.tables();
        let batch = tables.payment_batches.get_mut(&(county, batch));
        let mut lines = batch.into_iter().flat_map(|it| &mut it.lines);
        let known = lines.find(|it| it.line_no == line.line_no);
        if let Some(known) = known.filter(|it| it.end == PaymentEnd::Waiting) {
            known.end = line.end;
            known.code.clone_from(&line.code);
            known.instruction_no.clone_from(&line.instruction_no);
        }
        Ok(())
    }
}

#[async_trait]
impl BankFiles for MemoryStore {
    async fn instructed(
        &self,
        scope: &Scope,
        numbers: &[String],
    ) -> Result<Vec<Instructed>, Fault> {
        if scope.region != scope.region.county() {
            return Ok(Vec::new());
        }
        let tables = self.tables();
        let mut found = Vec::new();
        for payment in &tables.payments {
            let claim = tables.claims.get(&(scope.county, payment.claim));
            let seen = claim.is_some_and(|it| scope.covers(&it.claim));
            let status = PaymentStatus::from_code(payment.status);
            if let Some(status) = status
                && seen
                && numbers.contains(&payment.instruction_no)
            {
                found.push(Instructed {
                    instruction_no: payment.instruction_no.clone(),
                    claim: payment.claim,
                    amount: payment.amount,
                    status,
                });
            }
        }
        found.sort_by(|one, other| one.instruction_no.cmp(&other.instruction_no));
        Ok(found)
    }

    async fn told_before(
        &self,
        scope: &Scope,
        numbers: &[String],
    ) -> Result<Vec<(String, BankSays)>, Fault> {
        let tables = self.tables();
        let files = tables.bank_files.values();
        let lines = files
            .filter(|it| scope.covers_books_of(it.county, it.insurer))
            .flat_map(|it| &it.lines)
            .filter(|it| it.class.is_posted() && it.state != LineState::Closed);
        let mut told: Vec<(String, BankSays)> = lines
            .filter_map(|it| Some((it.told.instruction_no.clone()?, it.told.said)))
            .filter(|(number, _)| numbers.contains(number))
            .collect();
        told.sort_by_key(|(number, said)| (number.clone(), said.code()));
        told.dedup();
        Ok(told)
    }

    async fn put_bank_file(&self, file: &BankFile) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let same = |it: &BankFile| {
            it.county == file.county
                && (it.id == file.id || (it.insurer == file.insurer && it.hash == file.hash))
        };
        if tables.bank_files.values().any(same) {
            return Ok(false);
        }
        tables
            .bank_files
            .insert((file.county, file.id), file.clone());
        Ok(true)
    }

    async fn bank_file(&self, scope: &Scope, id: Uuid) -> Result<Option<BankFile>, Fault> {
        let tables = self.tables();
        let file = tables.bank_files.get(&(scope.county, id));
        let file = file.filter(|it| scope.covers_books_of(it.county, it.insurer));
        Ok(file.cloned())
    }

    async fn bank_file_by_hash(
        &self,
        scope: &Scope,
        hash: &str,
    ) -> Result<Option<BankFile>, Fault> {
        let tables = self.tables();
        let mut files = tables.bank_files.values();
        let file = files.find(|it| it.hash == hash && scope.covers_books_of(it.county, it.insurer));
        Ok(file.cloned())
    }

    async fn bank_files(
        &self,
        scope: &Scope,
        page: &Page,
    ) -> Result<Slice<(BankFile, Queues)>, Fault> {
        let tables = self.tables();
        let files = tables.bank_files.values();
        let files = files.filter(|it| scope.covers_books_of(it.county, it.insurer));
        let files = files.map(|it| {
            let lines = Vec::new();
            (
                BankFile {
                    lines,
                    ..it.clone()
                },
                it.queues(),
            )
        });
        Ok(page.cut_in_time(files.collect(), |(it, _)| (it.read.at, it.id)))
    }

    async fn decide_bank_line(
        &self,
        county: CountyCode,
        file: Uuid,
        line: &BankLine,
    ) -> Result<bool, Fault> {
        let mut tables = self.tables();
        let file = tables.bank_files.get_mut(&(county, file));
        let mut lines = file.into_iter().flat_map(|it| &mut it.lines);
        let known = lines.find(|it| it.told.line_no == line.told.line_no);
        Ok(match known.filter(|it| it.state == LineState::Open) {
            Some(known) => {
                known.state = line.state;
                known.code.clone_from(&line.code);
                known.note.clone_from(&line.note);
                known.decided.clone_from(&line.decided);
                true
            }
            None => false,
        })
    }
}
