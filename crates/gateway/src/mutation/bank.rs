//! Batches of payments to the bank, and what the bank's files say. None of these moves money by itself: lines become
//! ordinary commands of claims.

use super::registry::{Refused, named};
use crate::errors::ApiError;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::key_reused;
use crate::node_id::{self, Kind};
use crate::query::bank::{batch, books, file};
use crate::types::bank::{BankFileNode, BatchNode};
use crate::types::enums::LineClass;
use crate::types::scalars::{Date, Fen, Uuid};
use crate::visit::Visit;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use bank::order::PaymentOrder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::bank_file::{BankOrder, BankRefusal};
use engine::payment_batch::{BatchOrder, BatchRefusal, Payer, Totals};
use engine::{Desk, ids};
use lifecycle::{ClaimId, Param};

/// Input. Chooses approved claims for payment.
#[derive(InputObject)]
pub struct PreparePaymentBatchInput {
    /// Made by the client: the same key makes one batch.
    idempotency_key: Uuid,
    /// The scheme version whose claims are paid.
    scheme_id: ID,
    /// These claims, at most 500; null for all that are approved.
    claim_ids: Option<Vec<ID>>,
    /// The account that pays, the insurer's own: its holder.
    payer_name: String,
    /// Its number, 8 to 32 digits; send it as a variable.
    #[graphql(secret)]
    payer_account: String,
    /// Its bank.
    payer_bank: String,
}

/// Input. Confirms a batch's control totals and submits its lines.
#[derive(InputObject)]
pub struct InstructPaymentBatchInput {
    /// The batch.
    batch_id: ID,
    /// Lines chosen, as the person confirms them.
    count: i32,
    /// Their sum, as the person confirms it.
    total_fen: Fen,
}

/// The form of an order to the bank.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "bank::order::OrderForm")]
pub enum OrderForm {
    /// 代发清单: the list as a workbook, for the bank.
    ListXlsx,
    /// 代发清单: the list as text, for the bank.
    ListCsv,
    /// ISO 20022 `pain.001.001.09`, for the bank.
    #[graphql(name = "PAIN_001")]
    Pain001,
    /// 公示用清单: the list with masked accounts, to be published.
    PublicationXlsx,
}

/// Input. Writes the order to the bank.
#[derive(InputObject)]
pub struct WritePaymentOrderInput {
    /// The batch.
    batch_id: ID,
    /// In which form.
    form: OrderForm,
    /// The day it is to be carried out.
    execute_on: Date,
}

/// Input. Reads a file of the bank.
#[derive(InputObject)]
pub struct ReadBankFileInput {
    /// Made by the client. The same bytes are read once, whatever the key.
    idempotency_key: Uuid,
    /// A version of a scheme the insurer runs.
    scheme_id: ID,
    /// The batch it answers: what the batch instructed and the file does not name is then missing.
    batch_id: Option<ID>,
    /// What it is called.
    name: String,
    /// Its bytes, base64; send it as a variable.
    #[graphql(secret)]
    content: String,
}

/// Input. Posts the open lines of a queue.
#[derive(InputObject)]
pub struct PostBankLinesInput {
    /// The file.
    file_id: ID,
    /// The queue.
    class: LineClass,
    /// Its open lines, as the person confirms them.
    count: i32,
    /// Their sum, as the person confirms it.
    total_fen: Fen,
}

/// Input. Closes a line that does not fit.
#[derive(InputObject)]
pub struct CloseBankLineInput {
    /// The file.
    file_id: ID,
    /// The line.
    line_no: i32,
    /// Why: what was found out, and what was done.
    note: String,
}

macro_rules! payloads {
    ($($doc:literal $name:ident { $what:literal $field:ident: $node:ty })+) => {$(
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub struct $name {
            #[doc = $what]
            $field: Option<$node>,
            /// Why it was refused; empty when it was done.
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn done(node: $node) -> Self {
                Self { $field: Some(node), user_errors: Vec::new() }
            }

            const fn refused(user_errors: Vec<UserError>) -> Self {
                Self { $field: None, user_errors }
            }
        }
    )+};
}

payloads! {
    "Answer. Chooses approved claims for payment." PreparePaymentBatchPayload { "The batch." batch: BatchNode }
    "Answer. Submits the lines of a batch." InstructPaymentBatchPayload { "The batch as it stands; while lines wait, send the same again." batch: BatchNode }
    "Answer. Reads a file of the bank." ReadBankFilePayload { "The file with its queues." file: BankFileNode }
    "Answer. Posts the open lines of a queue." PostBankLinesPayload { "The file as it stands; what was refused stays open, with its code." file: BankFileNode }
    "Answer. Closes a line." CloseBankLinePayload { "The file as it stands." file: BankFileNode }
    "Answer. Writes the order to the bank." WritePaymentOrderPayload { "The order." order: WrittenOrder }
}

/// An order to the bank. It holds accounts in the clear, unless it is for publication: keep it like money.
#[derive(SimpleObject)]
pub struct WrittenOrder {
    /// What to call it.
    name: String,
    /// Its media type.
    media_type: String,
    /// Its bytes, base64.
    content: String,
    /// Its control totals.
    totals: crate::types::bank::Totals,
}

/// Mutations of payment batches and bank files.
#[derive(Default)]
pub struct BankMutations;

fn error(visit: &Visit, code: UserErrorCode, params: &[(&'static str, Param)]) -> Vec<UserError> {
    vec![UserError::new(code, params, visit.language)]
}

fn confirmed(count: i32, total: Fen) -> Totals {
    Totals {
        // A negative number differs from every count.
        count: u32::try_from(count).unwrap_or(u32::MAX),
        sum: total.0,
    }
}

/// A refusal by its code.
fn coded(
    visit: &Visit,
    code: &str,
    params: &[(&'static str, Param)],
) -> Result<Vec<UserError>, ApiError> {
    let code = UserErrorCode::from_code(code).ok_or_else(ApiError::not_found)?;
    Ok(error(visit, code, params))
}

fn batch_refused(visit: &Visit, refusal: &BatchRefusal) -> Result<Vec<UserError>, ApiError> {
    if *refusal == BatchRefusal::KeyReused {
        return Err(key_reused());
    }
    coded(visit, refusal.code(), &refusal.params())
}

/// What is no batch or no insurer has no code of its own: it is not found.
fn file_refused(visit: &Visit, refusal: &BankRefusal) -> Result<Vec<UserError>, ApiError> {
    if *refusal == BankRefusal::KeyReused {
        return Err(key_reused());
    }
    coded(visit, refusal.code(), &refusal.params())
}

fn payer(input: &PreparePaymentBatchInput) -> Result<Payer, Refused> {
    let name = named("payerName", &input.payer_name)?;
    let bank = named("payerBank", &input.payer_bank)?;
    let account = engine::household::BankAccount::parse(&input.payer_account);
    let account = account.ok_or(Refused("payerAccount", "NOT_AN_ACCOUNT"))?;
    Ok(Payer {
        name,
        account: account.reveal().to_owned(),
        bank,
    })
}

#[Object]
impl BankMutations {
    /// Chooses approved claims for payment (生成代发批次): a batch of up to 500 lines with control totals. Nothing is
    /// instructed yet. Codes: VALIDATION, `PRIVATE_IN_TEXT`, `NOTHING_APPROVED`, `NOT_APPROVED`, `BATCH_TOO_LARGE`.
    async fn prepare_payment_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which claims, from which account.")] input: PreparePaymentBatchInput,
    ) -> Result<PreparePaymentBatchPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        let scheme = books(visit, &input.scheme_id).await?;
        let payer = match payer(&input) {
            Ok(payer) => payer,
            Err(fault) => return Ok(PreparePaymentBatchPayload::refused(fault.told(visit))),
        };
        let claims = input.claim_ids.map(|ids| {
            // What is no claim's id is found nowhere.
            let id = |id: &ID| node_id::decode_as(Kind::Claim, id).unwrap_or_default();
            ids.iter().map(|it| ClaimId(id(it))).collect()
        });
        let order = BatchOrder {
            id: Desk::ids(caller, input.idempotency_key.0).made("payment-batch"),
            scheme: scheme.id,
            claims,
            payer,
        };
        let chosen = visit.office.desk.choose_payments(caller, order).await?;
        Ok(match chosen {
            Ok(batch) => PreparePaymentBatchPayload::done(batch.into()),
            Err(refusal) => PreparePaymentBatchPayload::refused(batch_refused(visit, &refusal)?),
        })
    }

    /// Confirms a batch's control totals and submits its lines (下达代发): each is judged again, on this day, in the
    /// transaction that writes its instruction. By the account that made the batch; sent again while lines wait, it goes
    /// on. Codes: `TOTALS_DIFFER`, `NOT_OWN_BATCH`; those of `instructPayout` stand on the lines.
    async fn instruct_payment_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which batch, with its totals.")] input: InstructPaymentBatchInput,
    ) -> Result<InstructPaymentBatchPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let known = batch(visit, &input.batch_id).await?.batch;
        let totals = confirmed(input.count, input.total_fen);
        let desk = &visit.office.desk;
        let done = desk
            .instruct_payments(visit.caller()?, known.id, totals)
            .await?;
        Ok(match done.ok_or_else(ApiError::not_found)? {
            Ok(batch) => InstructPaymentBatchPayload::done(batch.into()),
            Err(refusal) => InstructPaymentBatchPayload::refused(batch_refused(visit, &refusal)?),
        })
    }

    /// Writes the order to the bank of what the batch instructed (代发文件): in the clear for the bank, every account on
    /// record as read; or masked, to be published. Codes: `NOTHING_APPROVED`, `PAYEE_UNKNOWN`.
    async fn write_payment_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which batch, in which form.")] input: WritePaymentOrderInput,
    ) -> Result<WritePaymentOrderPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let known = batch(visit, &input.batch_id).await?.batch;
        let form = bank::order::OrderForm::from(input.form);
        let caller = visit.caller()?;
        let desk = &visit.office.desk;
        let lines = desk.payees_of(caller, &known, form.is_plain()).await?;
        let payments = match lines {
            Ok(payments) => payments,
            Err(refusal) => {
                let errors = coded(visit, refusal.code(), &[])?;
                return Ok(WritePaymentOrderPayload::refused(errors));
            }
        };
        let order = PaymentOrder::of(&known, input.execute_on.0, payments);
        let totals = order.totals().unwrap_or_default();
        let file = order
            .file(form)
            .map_err(|fault| engine::Fault::store("writing an order to the bank", fault))?;
        Ok(WritePaymentOrderPayload::done(WrittenOrder {
            name: file.name,
            media_type: file.media_type.to_owned(),
            content: STANDARD.encode(file.bytes),
            totals: totals.into(),
        }))
    }

    /// Reads a file of the bank (导入回盘、对账单): a result list (.xlsx, .csv), camt.053 or MT940. Each line lands in its
    /// queue; no money moves. A file that is damaged is refused whole. Codes: VALIDATION, `PRIVATE_IN_TEXT`, `FILE_UNREADABLE`.
    async fn read_bank_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: ReadBankFileInput,
    ) -> Result<ReadBankFilePayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let caller = visit.caller()?;
        books(visit, &input.scheme_id).await?;
        let refused = |errors| Ok(ReadBankFilePayload::refused(errors));
        let name = match named("name", &input.name) {
            Ok(name) => name,
            Err(fault) => return refused(fault.told(visit)),
        };
        let Ok(bytes) = STANDARD.decode(input.content.trim()) else {
            return refused(Refused("content", "NOT_BASE64").told(visit));
        };
        let batch = match &input.batch_id {
            Some(id) => Some(batch(visit, id).await?.batch.id),
            None => None,
        };
        let contents = match bank::read(&bytes) {
            Ok(contents) => contents,
            Err(fault) => {
                let params = [("reason", Param::Text(fault.to_string()))];
                return refused(error(visit, UserErrorCode::FileUnreadable, &params));
            }
        };
        let order = BankOrder {
            id: Desk::ids(caller, input.idempotency_key.0).made("bank-file"),
            name,
            form: contents.form,
            hash: ids::sha256(&bytes),
            batch,
            lines: contents.lines,
        };
        let read = visit.office.desk.read_bank_file(caller, order).await?;
        Ok(match read {
            Ok(file) => ReadBankFilePayload::done(file.into()),
            Err(refusal) => ReadBankFilePayload::refused(file_refused(visit, &refusal)?),
        })
    }

    /// Confirms the control totals of a queue and posts its open lines (入账): each as the command it stands for, by a
    /// person who did not instruct. What is refused stays open, with its code. Codes: `TOTALS_DIFFER`, `QUEUE_NOT_POSTED`;
    /// those of the commands stand on the lines.
    async fn post_bank_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which queue of which file, with its totals.")] input: PostBankLinesInput,
    ) -> Result<PostBankLinesPayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let known = file(visit, &input.file_id).await?.file;
        let totals = confirmed(input.count, input.total_fen);
        let desk = &visit.office.desk;
        let posted = desk
            .post_bank_lines(visit.caller()?, known.id, input.class.into(), totals)
            .await?;
        Ok(match posted.ok_or_else(ApiError::not_found)? {
            Ok(file) => PostBankLinesPayload::done(file.into()),
            Err(refusal) => PostBankLinesPayload::refused(file_refused(visit, &refusal)?),
        })
    }

    /// Closes an open line with a reason (关闭): no money moves. Codes: VALIDATION, `PRIVATE_IN_TEXT`, `LINE_NOT_OPEN`.
    async fn close_bank_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which line, and why.")] input: CloseBankLineInput,
    ) -> Result<CloseBankLinePayload, ApiError> {
        let visit = Visit::of(ctx)?;
        let known = file(visit, &input.file_id).await?.file;
        let note = match named("note", &input.note) {
            Ok(note) => note,
            Err(fault) => return Ok(CloseBankLinePayload::refused(fault.told(visit))),
        };
        let line_no = u32::try_from(input.line_no).unwrap_or(0);
        let desk = &visit.office.desk;
        let closed = desk
            .close_bank_line(visit.caller()?, known.id, line_no, note)
            .await?;
        Ok(match closed {
            None => CloseBankLinePayload::refused(Refused("lineNo", "UNKNOWN").told(visit)),
            Some(Ok(file)) => CloseBankLinePayload::done(file.into()),
            Some(Err(refusal)) => CloseBankLinePayload::refused(file_refused(visit, &refusal)?),
        })
    }
}
