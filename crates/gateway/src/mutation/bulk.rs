//! Bulk: many referrals in one call, and exports.

use crate::errors::{ApiError, ErrorCode};
use crate::export::Filter;
use crate::messages::{UserError, UserErrorCode};
use crate::mutation::{input, kept, refusal};
use crate::node_id::{self, Kind};
use crate::types::bulk::{BulkOperation, ExportFormat, ExportKind, ReferralBatch};
use crate::types::claim::ClaimNode;
use crate::types::enums::Peril;
use crate::types::scalars::{Date, Fen, Uuid};
use crate::visit::Visit;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::Duration;
use engine::authority::{self, Place};
use engine::bulk::{BatchId, BatchLine, Export};
use engine::household::{BankAccount, IdNumber};
use engine::limits::{BATCH_AT_ONCE, BATCH_LINES_MAX, EXPORT_HOURS_MAX};
use engine::referral_batch::{Clerk, End, Hand, Line, LineFault, LineKey, may_refer};
use engine::{Desk, Fault};
use futures_util::{StreamExt, stream};
use lifecycle::{Blocked, RegionCode, Scheme, SchemeId};
use std::collections::HashSet;

/// One line of a batch: a household, the person it concerns, and what happened. Whoever is not on
/// record yet is registered with it.
#[derive(InputObject, Clone)]
pub struct ReferLineInput {
    /// Its number, as the sender counts; each once in a batch.
    line_no: i32,
    /// Region code of the household's village, 12 digits.
    village_code: String,
    /// Name of the head of household (户主).
    head_name: String,
    /// Identity number of the head; send it as a variable.
    #[graphql(secret)]
    head_id_number: String,
    /// Household type (户类型) as the national list names it.
    kind: String,
    /// Persons in the household by the police register.
    persons: i32,
    /// Name of the person concerned: patient, student.
    insured_name: String,
    /// Identity number of the person concerned.
    #[graphql(secret)]
    insured_id_number: String,
    /// Relation to the head (与户主关系): 户主, 配偶, 子, 女.
    relation: String,
    /// Why the household is referred.
    peril: Peril,
    /// Day of the event: discharge, admission to school, disaster.
    event_on: Date,
    /// Self-paid cost as the household states it (申报).
    submitted_fen: Fen,
    /// Day of the village's decision (村级评议).
    decided_on: Date,
    /// The decision's reference.
    document: String,
    /// Name of the payee, who must be a member of the household.
    payee_name: String,
    /// Identity number of the payee, where two members share the name.
    #[graphql(secret)]
    payee_id_number: Option<String>,
    /// The payee's bank.
    bank: String,
    /// The payee's account number.
    #[graphql(secret)]
    account: String,
}

/// Input. Refers many households at once.
#[derive(InputObject)]
pub struct ReferBatchInput {
    /// Made by the client once for the whole list, best a UUID of version 7: sent again with the same key, a
    /// line that was done is not done twice. A long list is sent in several calls with one key.
    batch_key: Uuid,
    /// The scheme version the claims will keep.
    scheme_id: ID,
    /// The lines, 1 to 500; a request's body of 256 KiB holds about as many.
    lines: Vec<ReferLineInput>,
}

/// What became of a line.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferLineStatus {
    /// 已推送: referred by this call.
    Added,
    /// 已有: referred already; nothing was done.
    AlreadyThere,
    /// 退回: it comes back, with reasons.
    Refused,
}

/// What became of one line.
#[derive(SimpleObject)]
pub struct ReferLineResult {
    /// Its number, as the sender counts.
    line_no: i32,
    /// What became of it.
    status: ReferLineStatus,
    /// The claim that stands for it; null where it comes back, and where somebody else's claim that the
    /// caller may not see stands for it.
    claim: Option<ClaimNode>,
    /// Why it comes back, each with the path to the field; empty when a claim stands for it.
    user_errors: Vec<UserError>,
}

/// Answer. Refers many households at once.
#[derive(SimpleObject)]
pub struct ReferBatchPayload {
    /// One result for each line, in the order of the input.
    lines: Vec<ReferLineResult>,
    /// How far the whole batch is, with this call.
    batch: Option<ReferralBatch>,
    /// Why nothing was read at all; empty when each line has its result.
    user_errors: Vec<UserError>,
}

/// Input. Asks for an export.
#[derive(InputObject)]
pub struct StartExportInput {
    /// Made by the client: the same key with the same input asks once and answers the same.
    idempotency_key: Uuid,
    /// What it shall hold.
    kind: ExportKind,
    /// Its form.
    format: ExportFormat,
    /// In this county, township or village: a region code of 6, 9 or 12 digits; all of the caller's own if
    /// omitted.
    region: Option<String>,
    /// Claims of this scheme version, and their events; not for households.
    scheme_id: Option<ID>,
    /// What for (用途): recorded with each download.
    purpose: String,
}

/// Answer. Asks for an export.
#[derive(SimpleObject)]
pub struct StartExportPayload {
    /// The export; null when it was refused.
    operation: Option<BulkOperation>,
    /// Why it was refused; empty when it was done.
    user_errors: Vec<UserError>,
}

const fn wrong(field: &'static str, reason: &'static str) -> LineFault {
    LineFault::Blocked(Blocked::Validation { field, reason })
}

/// A line as the desk wants it, or every fault of it.
fn line_of(line: ReferLineInput) -> Result<Line, Vec<LineFault>> {
    let mut faults = Vec::new();
    let mut text = |field: &'static str, text: String| {
        let text = text.trim().to_owned();
        if text.is_empty() {
            faults.push(wrong(field, "EMPTY"));
        } else if let Err(blocked) = input::prose(field, text.clone()) {
            faults.push(LineFault::Blocked(blocked));
        }
        text
    };
    let head_name = text("headName", line.head_name);
    let kind = text("kind", line.kind);
    let insured_name = text("insuredName", line.insured_name);
    let relation = text("relation", line.relation);
    let document = text("document", line.document);
    let payee_name = text("payeeName", line.payee_name);
    let bank = text("bank", line.bank);
    let village = RegionCode::new(line.village_code).ok();
    let village = village.filter(|code| code.as_str().len() == 12);
    if village.is_none() {
        faults.push(wrong("villageCode", "UNKNOWN"));
    }
    let persons = u16::try_from(line.persons).ok().filter(|count| *count > 0);
    if persons.is_none() {
        faults.push(wrong("persons", "NOT_A_NUMBER"));
    }
    let mut number = |field, text: &str| {
        let number = IdNumber::parse(text).ok();
        if number.is_none() {
            faults.push(wrong(field, "NOT_AN_ID_NUMBER"));
        }
        number
    };
    let head_id = number("headIdNumber", &line.head_id_number);
    let insured_id = number("insuredIdNumber", &line.insured_id_number);
    let payee_id = line
        .payee_id_number
        .map(|text| number("payeeIdNumber", &text));
    let account = BankAccount::parse(&line.account);
    if account.is_none() {
        faults.push(wrong("account", "NOT_AN_ACCOUNT"));
    }
    let (Some(village), Some(persons)) = (village, persons) else {
        return Err(faults);
    };
    let (Some(head_id), Some(insured_id), Some(account)) = (head_id, insured_id, account) else {
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Line {
        village,
        head_name,
        head_id,
        kind,
        persons,
        insured_name,
        insured_id,
        relation,
        peril: line.peril.into(),
        event_on: line.event_on.0,
        submitted: line.submitted_fen.0,
        decided_on: line.decided_on.0,
        document,
        payee_name,
        payee_id: payee_id.flatten(),
        bank,
        account,
        phone: None,
        diagnosis: None,
    })
}

/// The refusal of a fault.
fn error_of(visit: &Visit, fault: &LineFault) -> Result<UserError, ApiError> {
    let said = |field, reason| Blocked::Validation { field, reason };
    let blocked = match fault {
        LineFault::HeadElsewhere => said("villageCode", "REGISTERED_ELSEWHERE"),
        LineFault::InsuredElsewhere => said("insuredIdNumber", "REGISTERED_ELSEWHERE"),
        LineFault::HeadName => said("headName", "NAME_DIFFERS"),
        LineFault::InsuredName => said("insuredName", "NAME_DIFFERS"),
        LineFault::PayeeNoMember => said("payeeName", "NOT_OF_HOUSEHOLD"),
        LineFault::PayeeName => said("payeeName", "NAME_DIFFERS"),
        LineFault::MembersMax => said("insuredIdNumber", "TOO_MANY"),
        LineFault::Blocked(blocked) => blocked.clone(),
        LineFault::Differs => {
            return Ok(UserError::new(
                UserErrorCode::KeyReused,
                &[],
                visit.language,
            ));
        }
    };
    refusal(visit, &blocked)
}

/// What a batch's lines are taken with.
struct Taking<'a> {
    visit: &'a Visit,
    scheme: &'a Scheme,
    batch: BatchId,
    done: HashSet<u32>,
    /// The villages a line may name.
    villages: HashSet<&'a str>,
}

impl Taking<'_> {
    /// Takes one line; what went wrong with the store is a fault of the whole call.
    async fn take(&self, line_no: Option<u32>, line: ReferLineInput) -> Result<End, Fault> {
        let Some(line_no) = line_no else {
            return Ok(End::Faulty(vec![wrong("lineNo", "TWICE")]));
        };
        let line = match line_of(line) {
            Ok(line) => line,
            Err(faults) => return Ok(End::Faulty(faults)),
        };
        let caller = self.visit.caller().map_err(|_| Fault::Overloaded)?;
        if !self.villages.contains(line.village.as_str()) {
            return Ok(End::Faulty(vec![wrong("villageCode", "UNKNOWN")]));
        }
        let clerk = Clerk {
            desk: &self.visit.office.desk,
            caller,
            hand: if self.done.contains(&line_no) {
                Hand::Repeats
            } else {
                Hand::Writes
            },
        };
        let key = LineKey::Named(format!("batch/{}/{line_no}", self.batch.key));
        clerk.take(self.scheme, &line, &key).await
    }

    fn told(&self, line_no: i32, index: usize, end: End) -> Result<ReferLineResult, ApiError> {
        let (status, claim, faults) = match end {
            End::Stands { claim, added: true } => (ReferLineStatus::Added, claim, Vec::new()),
            End::Stands {
                claim,
                added: false,
            } => (ReferLineStatus::AlreadyThere, claim, Vec::new()),
            End::Faulty(faults) => (ReferLineStatus::Refused, None, faults),
        };
        let mut user_errors = Vec::with_capacity(faults.len());
        for fault in &faults {
            let mut error = error_of(self.visit, fault)?;
            let mut path = vec!["lines".to_owned(), index.to_string()];
            path.extend(error.field.take().unwrap_or_default());
            error.field = Some(path);
            user_errors.push(error);
        }
        Ok(ReferLineResult {
            line_no,
            status,
            claim: claim.map(|claim| ClaimNode::from(*claim)),
            user_errors,
        })
    }
}

/// Takes the lines of a batch.
async fn refer_all(visit: &Visit, input: ReferBatchInput) -> Result<ReferBatchPayload, ApiError> {
    let caller = visit.caller()?;
    let ReferBatchInput {
        batch_key,
        scheme_id,
        lines,
    } = input;
    let refused = |error| ReferBatchPayload {
        lines: Vec::new(),
        batch: None,
        user_errors: vec![error],
    };
    let id = node_id::decode_as(Kind::Scheme, &scheme_id).ok_or_else(ApiError::not_found)?;
    let scheme = visit.scheme(SchemeId(id)).await?;
    let scheme = scheme.ok_or_else(ApiError::not_found)?;
    if let Err(blocked) = may_refer(caller, &scheme) {
        return Ok(refused(refusal(visit, &blocked)?));
    }
    if lines.is_empty() || lines.len() > BATCH_LINES_MAX {
        let reason = if lines.is_empty() {
            "EMPTY"
        } else {
            "TOO_MANY"
        };
        let field = "lines";
        return Ok(refused(refusal(
            visit,
            &Blocked::Validation { field, reason },
        )?));
    }
    let batch = BatchId {
        county: caller.scope.county,
        account: caller.account,
        key: batch_key.0,
    };
    // The first of two lines with one number counts; the second has none.
    let mut seen = HashSet::new();
    let mut number = |line: &ReferLineInput| {
        let line_no = u32::try_from(line.line_no).ok();
        line_no.filter(|line_no| seen.insert(*line_no))
    };
    let numbered: Vec<(Option<u32>, ReferLineInput)> = lines
        .into_iter()
        .map(|line| (number(&line), line))
        .collect();
    let numbers: Vec<u32> = numbered
        .iter()
        .filter_map(|(line_no, _)| *line_no)
        .collect();
    let store = visit.office.desk.store();
    let done = store.done_lines(&batch, &numbers).await?;
    let own = &caller.scope.region;
    let villages = visit
        .regions()
        .await?
        .iter()
        .map(|region| region.code.as_str());
    let taking = Taking {
        visit,
        scheme: &scheme,
        batch,
        done: done.into_iter().collect(),
        villages: villages
            .filter(|code| code.starts_with(own.as_str()))
            .collect(),
    };
    let wire: Vec<i32> = numbered.iter().map(|(_, line)| line.line_no).collect();
    let ends: Vec<_> = stream::iter(numbered.clone())
        .map(|(line_no, line)| taking.take(line_no, line))
        .buffered(BATCH_AT_ONCE)
        .collect()
        .await;
    let at = visit.office.desk.clock().now();
    let mut results = Vec::with_capacity(ends.len());
    let mut records = Vec::with_capacity(ends.len());
    let mut broken = None;
    for (index, end) in ends.into_iter().enumerate() {
        let end = match end {
            Ok(end) => end,
            // What was done until then stands on record; the call sent again goes on.
            Err(fault) => {
                broken = Some(fault);
                continue;
            }
        };
        let claim = match &end {
            End::Stands { claim, added: _ } => claim.as_ref().map(|claim| claim.id),
            End::Faulty(_) => None,
        };
        let stands = matches!(end, End::Stands { .. });
        let result = taking.told(wire[index], index, end)?;
        if let Some(line_no) = numbered[index].0 {
            let code = result.user_errors.first().map(|error| error.code.code());
            records.push(BatchLine {
                line_no,
                // A claim out of sight stands for it all the same.
                claim: claim.or_else(|| stands.then(|| lifecycle::ClaimId(uuid::Uuid::nil()))),
                code: code.map(str::to_owned),
                at,
            });
        }
        results.push(result);
    }
    store.put_batch_lines(&batch, &records).await?;
    if let Some(fault) = broken {
        return Err(fault.into());
    }
    let progress = store.batch_progress(&batch).await?;
    Ok(ReferBatchPayload {
        lines: results,
        batch: progress.map(|progress| ReferralBatch::of(batch_key, progress)),
        user_errors: Vec::new(),
    })
}

/// Puts an export on record.
async fn export_of(visit: &Visit, input: StartExportInput) -> Result<StartExportPayload, ApiError> {
    let caller = visit.caller()?;
    let StartExportInput {
        idempotency_key,
        kind,
        format,
        region,
        scheme_id,
        purpose,
    } = input;
    let kind = engine::bulk::ExportKind::from(kind);
    let row = authority::row(Place::Export, kind.code());
    if authority::permit(Some(caller), row).is_err() {
        return Err(ApiError::new(
            ErrorCode::Forbidden,
            "your duties do not allow this",
        ));
    }
    let refused = |blocked: &Blocked| -> Result<StartExportPayload, ApiError> {
        Ok(StartExportPayload {
            operation: None,
            user_errors: vec![refusal(visit, blocked)?],
        })
    };
    let wrong = |field, reason| refused(&Blocked::Validation { field, reason });
    let purpose = purpose.trim().to_owned();
    if purpose.is_empty() {
        return wrong("purpose", "EMPTY");
    }
    if let Err(blocked) = input::prose("purpose", purpose.clone()) {
        return refused(&blocked);
    }
    let region = crate::query::claims::region(region)?;
    let scheme = match scheme_id {
        None => None,
        Some(id) => match node_id::decode_as(Kind::Scheme, &id) {
            Some(id) => Some(id),
            None => return wrong("schemeId", "UNKNOWN"),
        },
    };
    let filter = Filter {
        region: region.map(|region| region.to_string()),
        scheme,
    };
    let filter =
        serde_json::to_string(&filter).map_err(|fault| Fault::store("writing a filter", fault))?;
    let desk = &visit.office.desk;
    let now = desk.clock().now();
    let export = Export {
        id: Desk::ids(caller, idempotency_key.0).made("export"),
        county: caller.scope.county,
        account: caller.account,
        kind,
        format: format.into(),
        filter,
        purpose,
        created_at: now,
        expires_at: now + Duration::hours(EXPORT_HOURS_MAX),
    };
    kept(desk.store().put_export(&export).await)?;
    let operation = BulkOperation::find(visit, export.id).await?;
    Ok(StartExportPayload {
        operation,
        user_errors: Vec::new(),
    })
}

/// Mutations of bulk work.
#[derive(Default)]
pub struct BulkMutations;

#[Object]
impl BulkMutations {
    /// Refers many households at once (批量推送): one result for each line, in the order of the input; good
    /// lines go on, bad ones come back with field and reason. Sending lines again is harmless: what is done
    /// stays done and is answered as `ALREADY_THERE`; other contents under the number of a line that was done
    /// are refused for that line (`KEY_REUSED`). A list of thousands is sent in several calls with the same
    /// `batchKey`, one after the other; `referralBatch` tells how far it is. Codes: VALIDATION,
    /// `DUTY_MISSING`; of a line also `PRIVATE_IN_TEXT`, `KEY_REUSED` and those of `draftReferral` and `referCase`.
    async fn refer_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The lines and the scheme.")] input: ReferBatchInput,
    ) -> Result<ReferBatchPayload, ApiError> {
        // On the heap: the futures of all mutations are one.
        Box::pin(refer_all(Visit::of(ctx)?, input)).await
    }

    /// Asks for an export (导出). It is made while it is taken away from `url` with the same credentials, from
    /// what the caller may see then; private values are masked in it. It can be taken away for 24 hours, by
    /// nobody else, and each time is recorded. Codes: VALIDATION, `PRIVATE_IN_TEXT`.
    async fn start_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, in which form, what for.")] input: StartExportInput,
    ) -> Result<StartExportPayload, ApiError> {
        Box::pin(export_of(Visit::of(ctx)?, input)).await
    }
}
