//! Batches of payments and the bank's files as clients see them: claims by number, payees masked.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::node_id::{self, Kind};
use crate::types::connection::{Connection, PageArgs};
use crate::types::enums::{BankForm, BankSays, LineClass, LineState, PaymentEnd};
use crate::types::event::count;
use crate::types::scalars::{DateTime, Fen};
use crate::visit::Visit;
use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use engine::bank_file::{BankFile, BankLine as Line, Queues};
use engine::payment_batch::{PaymentBatch, PaymentLine, Tally as Counts, Totals as Counted};
use lifecycle::PersonId;
use std::sync::Arc;

/// Number and sum of payments, as bank and payer compare them (控制总数).
#[derive(SimpleObject, Debug, Clone)]
pub struct Totals {
    /// How many.
    count: i32,
    /// Together.
    sum_fen: Fen,
}

impl From<Counted> for Totals {
    fn from(totals: Counted) -> Self {
        Self {
            count: count(u64::from(totals.count)),
            sum_fen: Fen(totals.sum),
        }
    }
}

/// How far a batch is: `succeeded`, `failed`, `skipped` and `waiting` together are `selected`.
#[derive(SimpleObject, Debug, Clone)]
pub struct PaymentTally {
    /// Lines chosen.
    selected: Totals,
    /// Lines instructed.
    succeeded: Totals,
    /// Lines that may not be paid, or were changed since they were chosen.
    failed: Totals,
    /// Lines with nothing to pay any more.
    skipped: Totals,
    /// Lines not yet submitted.
    waiting: Totals,
}

/// A line of a batch: one claim, as it was chosen.
#[derive(SimpleObject, Debug, Clone)]
pub struct BatchPayment {
    /// Its number, from 1.
    line_no: i32,
    /// The claim.
    claim_id: ID,
    /// The claim's number (案号).
    claim_number: String,
    /// The version that was seen.
    claim_version: i32,
    /// How much, as approved.
    amount_fen: Fen,
    /// What became of it.
    ended: PaymentEnd,
    /// Why it failed or was skipped: the code of the refusal.
    code: Option<String>,
    /// The number of its instruction.
    instruction_no: Option<String>,
}

impl From<&PaymentLine> for BatchPayment {
    fn from(line: &PaymentLine) -> Self {
        let PaymentLine {
            line_no,
            claim,
            number,
            version,
            household: _,
            payee: _,
            amount,
            end,
            code,
            instruction_no,
        } = line;
        Self {
            line_no: count(u64::from(*line_no)),
            claim_id: node_id::encode(Kind::Claim, claim.0),
            claim_number: number.clone(),
            claim_version: count(u64::from(*version)),
            amount_fen: Fen(*amount),
            ended: (*end).into(),
            code: code.clone(),
            instruction_no: instruction_no.clone(),
        }
    }
}

/// A batch of payments, with or without its lines.
#[derive(Clone)]
pub struct BatchNode {
    /// The batch.
    pub batch: Arc<PaymentBatch>,
    /// How far it is.
    pub tally: Counts,
}

impl BatchNode {
    /// A batch of a list, which holds no lines.
    pub fn listed(batch: PaymentBatch, tally: Counts) -> Self {
        let batch = Arc::new(batch);
        Self { batch, tally }
    }
}

impl From<PaymentBatch> for BatchNode {
    fn from(batch: PaymentBatch) -> Self {
        let tally = batch.tally();
        Self::listed(batch, tally)
    }
}

async fn name(ctx: &Context<'_>, person: PersonId) -> Result<Option<String>, ApiError> {
    Visit::of(ctx)?.person_name(person).await
}

/// A batch of payments (批量代发): approved claims chosen together. It moves no money by itself: each line becomes an
/// instruction that is judged again on the day.
#[Object(name = "PaymentBatch")]
impl BatchNode {
    /// Its id.
    async fn id(&self) -> ID {
        node_id::encode(Kind::PaymentBatch, self.batch.id)
    }

    /// The scheme version whose claims it pays.
    async fn scheme_id(&self) -> ID {
        node_id::encode(Kind::Scheme, self.batch.scheme.0)
    }

    /// When it was made.
    async fn made_at(&self) -> DateTime {
        self.batch.made.at.into()
    }

    /// Who made it.
    async fn made_by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        name(ctx, self.batch.made.by).await
    }

    /// The account that pays: its holder.
    async fn payer_name(&self) -> &str {
        &self.batch.payer.name
    }

    /// How far it is, with the control totals that are confirmed.
    async fn tally(&self) -> PaymentTally {
        let tally = &self.tally;
        PaymentTally {
            selected: tally.selected.into(),
            succeeded: tally.succeeded.into(),
            failed: tally.failed.into(),
            skipped: tally.skipped.into(),
            waiting: tally.waiting.into(),
        }
    }

    /// Its lines, by number.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that ended so.")] ended: Option<PaymentEnd>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<BatchPayment>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let wanted = ended.map(engine::payment_batch::PaymentEnd::from);
        let filter = (self.batch.id, wanted);
        let binding = Binding::new("paymentLines", &filter, Visit::of(ctx)?.caller()?);
        let page = args.parse(&binding)?;
        let batch = if self.batch.lines.is_empty() {
            let visit = Visit::of(ctx)?;
            let store = visit.office.desk.store();
            let found = store.payment_batch(&visit.caller()?.scope, self.batch.id);
            Arc::new(found.await?.ok_or_else(ApiError::not_found)?)
        } else {
            Arc::clone(&self.batch)
        };
        let lines = batch.lines.iter();
        let rows = lines
            .filter(|line| wanted.is_none_or(|it| it == line.end))
            .map(|line| (format!("{:010}", line.line_no), BatchPayment::from(line)));
        Ok(Connection::of_keyed(rows.collect(), &page, &binding))
    }
}

/// A line of a bank's file, with the queue it is in.
#[derive(SimpleObject, Debug, Clone)]
#[graphql(complex)]
pub struct BankLine {
    /// Its place in the file, from 1; lines the file lacks come last.
    line_no: i32,
    /// The number of the instruction, if it names one.
    instruction_no: Option<String>,
    /// The claim, if one is known.
    claim_id: Option<ID>,
    /// How much, if it says.
    amount_fen: Option<Fen>,
    /// What it says.
    said: BankSays,
    /// The bank's reference.
    bank_ref: String,
    /// The bank's reason.
    reason: String,
    /// Its queue.
    class: LineClass,
    /// What was done about it.
    state: LineState,
    /// Why its command was refused, the last time.
    code: Option<String>,
    /// Why it was closed.
    note: Option<String>,
    /// When it was posted or closed.
    decided_at: Option<DateTime>,
    #[graphql(skip)]
    decided: Option<PersonId>,
}

#[ComplexObject]
impl BankLine {
    /// Who posted or closed it.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        match self.decided {
            Some(person) => name(ctx, person).await,
            None => Ok(None),
        }
    }
}

impl From<&Line> for BankLine {
    fn from(line: &Line) -> Self {
        let Line {
            told,
            class,
            claim,
            state,
            code,
            note,
            decided,
        } = line;
        Self {
            line_no: count(u64::from(told.line_no)),
            instruction_no: told.instruction_no.clone(),
            claim_id: claim.map(|it| node_id::encode(Kind::Claim, it.0)),
            amount_fen: told.amount.map(Fen),
            said: told.said.into(),
            bank_ref: told.bank_ref.clone(),
            reason: told.reason.clone(),
            class: (*class).into(),
            state: (*state).into(),
            code: code.clone(),
            note: note.clone(),
            decided_at: decided.as_ref().map(|it| it.at.into()),
            decided: decided.as_ref().map(|it| it.by),
        }
    }
}

/// A queue of a bank's file: its open lines.
#[derive(SimpleObject, Debug, Clone)]
pub struct BankQueue {
    /// The queue.
    class: LineClass,
    /// Its open lines, with the control totals that are confirmed.
    open: Totals,
}

/// A bank's file, with or without its lines.
#[derive(Clone)]
pub struct BankFileNode {
    /// The file.
    pub file: Arc<BankFile>,
    /// Its queues.
    pub queues: Queues,
}

impl BankFileNode {
    /// A file of a list, which holds no lines.
    pub fn listed(file: BankFile, queues: Queues) -> Self {
        let file = Arc::new(file);
        Self { file, queues }
    }
}

impl From<BankFile> for BankFileNode {
    fn from(file: BankFile) -> Self {
        let queues = file.queues();
        Self::listed(file, queues)
    }
}

/// A file of the bank (回盘、对账单). Reading it moves no money: each line is in a queue until a person posts or closes it.
#[Object(name = "BankFile")]
impl BankFileNode {
    /// Its id.
    async fn id(&self) -> ID {
        node_id::encode(Kind::BankFile, self.file.id)
    }

    /// What it was called.
    async fn name(&self) -> &str {
        &self.file.name
    }

    /// Its form.
    async fn form(&self) -> BankForm {
        self.file.form.into()
    }

    /// The batch it answers, if it answers one.
    async fn batch_id(&self) -> Option<ID> {
        self.file
            .batch
            .map(|it| node_id::encode(Kind::PaymentBatch, it))
    }

    /// When it was read.
    async fn read_at(&self) -> DateTime {
        self.file.read.at.into()
    }

    /// Who read it.
    async fn read_by(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        name(ctx, self.file.read.by).await
    }

    /// Its queues that hold open lines.
    async fn queues(&self) -> Vec<BankQueue> {
        let queues = self.queues.iter();
        queues
            .map(|(class, open)| BankQueue {
                class: (*class).into(),
                open: (*open).into(),
            })
            .collect()
    }

    /// Its lines, by place.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this queue.")] class: Option<LineClass>,
        #[graphql(desc = "Rows from the beginning, 1 to 100; either `first` or `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows from the end, 1 to 100; either `first` or `last`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<Connection<BankLine>, ApiError> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let class = class.map(engine::bank_file::LineClass::from);
        let filter = (self.file.id, class);
        let binding = Binding::new("bankLines", &filter, Visit::of(ctx)?.caller()?);
        let page = args.parse(&binding)?;
        let file = if self.file.lines.is_empty() {
            let visit = Visit::of(ctx)?;
            let store = visit.office.desk.store();
            let found = store.bank_file(&visit.caller()?.scope, self.file.id);
            Arc::new(found.await?.ok_or_else(ApiError::not_found)?)
        } else {
            Arc::clone(&self.file)
        };
        let lines = file.lines.iter();
        let rows = lines
            .filter(|line| class.is_none_or(|it| it == line.class))
            .map(|line| (format!("{:010}", line.told.line_no), BankLine::from(line)));
        Ok(Connection::of_keyed(rows.collect(), &page, &binding))
    }
}
