//! `GET /exports/{id}`: an export, made while it is taken away.
//!
//! Nothing is kept: rows are read page by page, by key, and leave at once; memory holds one page. (A
//! workbook is put together first, in pieces, and has a smaller cap.) Who takes it away must be who asked
//! for it, and is asked again before every page: a revoked credential, a lost duty, a narrower region end
//! the export where it stands. Private values are masked in every form, and every taking away is recorded
//! before the first row leaves.

use crate::door::{self, Way};
use crate::errors::{ApiError, ErrorCode};
use crate::node_id::{self, Kind};
use crate::types::scalars::instant_text;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::access::Office;
use engine::authority::{self, Place};
use engine::bulk::{Download, Export, ExportFormat, ExportKind};
use engine::household::Household;
use engine::limits::{EXPORT_ROWS_MAX, EXPORT_SHEET_ROWS_MAX, PAGE_MAX};
use engine::{Caller, ClaimFilter, Desk, Fault, HouseholdFilter, Page, Span, ids, sight};
use futures_util::{StreamExt, stream};
use lifecycle::{
    Claim, EventKind, HouseholdId, Peril, PersonId, Phase, RegionCode, SchemeId, Status,
};
use rust_xlsxwriter::{Format, Workbook};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sheet::cell::{float_in_yuan, float_of};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Which rows an export holds, as it stands on record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Filter {
    /// In this region.
    pub region: Option<String>,
    /// Of this scheme version.
    pub scheme: Option<Uuid>,
}

/// The route.
pub fn routes(office: Office) -> Router {
    Router::new()
        .route("/exports/{id}", get(take_away))
        .with_state(office)
}

/// A column: what machines call it, what a workbook's reader calls it, and how a workbook shows it.
struct Column {
    name: &'static str,
    zh: &'static str,
    is: Is,
}

#[derive(Clone, Copy)]
enum Is {
    Text,
    Number,
    /// Fen to machines, yuan in a workbook.
    Money,
    /// A code to machines, its term in a workbook.
    Coded(fn(&str) -> Option<&'static str>),
}

const fn coded(
    name: &'static str,
    zh: &'static str,
    term: fn(&str) -> Option<&'static str>,
) -> Column {
    let is = Is::Coded(term);
    Column { name, zh, is }
}

fn status(code: &str) -> Option<&'static str> {
    Status::from_code(code).map(Status::zh)
}

fn phase(code: &str) -> Option<&'static str> {
    Phase::from_code(code).map(Phase::zh)
}

fn peril(code: &str) -> Option<&'static str> {
    Peril::from_code(code).map(Peril::zh)
}

fn event(code: &str) -> Option<&'static str> {
    EventKind::from_code(code).map(EventKind::zh)
}

const fn text(name: &'static str, zh: &'static str) -> Column {
    let is = Is::Text;
    Column { name, zh, is }
}

const fn number(name: &'static str, zh: &'static str) -> Column {
    let is = Is::Number;
    Column { name, zh, is }
}

const fn money(name: &'static str, zh: &'static str) -> Column {
    let is = Is::Money;
    Column { name, zh, is }
}

const CLAIMS: &[Column] = &[
    text("number", "案号"),
    coded("status", "状态", status),
    coded("phase", "阶段", phase),
    coded("peril", "致贫原因", peril),
    text("eventOn", "出险日期"),
    number("policyYear", "保单年度"),
    text("villageCode", "村级代码"),
    text("village", "村"),
    text("headName", "户主"),
    text("insuredName", "被保险人"),
    text("insuredIdMasked", "证件号码(掩码)"),
    text("payeeName", "领款人"),
    text("payeeAccountMasked", "账号(掩码)"),
    money("submittedFen", "申报金额(元)"),
    money("benefitFen", "核算金额(元)"),
    money("approvedFen", "核定金额(元)"),
    money("amountFen", "现计金额(元)"),
    text("dueOn", "限办日期"),
    number("version", "版本"),
];
const EVENTS: &[Column] = &[
    text("claimNumber", "案号"),
    number("seq", "序号"),
    coded("type", "事件", event),
    text("recordedAt", "记录时间"),
    text("by", "经办人"),
    text("organisation", "单位"),
];
const HOUSEHOLDS: &[Column] = &[
    text("id", "标识"),
    text("villageCode", "村级代码"),
    text("village", "村"),
    text("kind", "户类型"),
    text("listedOn", "纳入监测日期"),
    text("headName", "户主"),
    text("headIdMasked", "证件号码(掩码)"),
    number("persons", "家庭人口"),
    number("members", "登记成员"),
    number("payees", "领款账户"),
];

const fn columns(kind: ExportKind) -> &'static [Column] {
    match kind {
        ExportKind::Claims => CLAIMS,
        ExportKind::Events => EVENTS,
        ExportKind::Households => HOUSEHOLDS,
    }
}

/// A row: a value for each column.
type Row = Vec<Option<String>>;

/// An export on its way.
struct Source {
    office: Office,
    token: String,
    export: Export,
    filter: Filter,
    download: Uuid,
    after: Option<String>,
    more: bool,
    rows: u64,
    regions: HashMap<RegionCode, String>,
    people: HashMap<PersonId, (String, String)>,
}

impl Source {
    /// Who takes it away, as things stand now.
    async fn caller(&self) -> Result<Caller, Fault> {
        let caller = self.office.access.going_on(&self.token).await?;
        let caller = caller.filter(|caller| {
            let row = authority::row(Place::Export, self.export.kind.code());
            caller.account == self.export.account && authority::permit(Some(caller), row).is_ok()
        });
        caller.ok_or_else(|| Fault::Unusable("the credential is not good for it any more".into()))
    }

    /// The names that rows show.
    async fn names(&mut self, caller: &Caller) -> Result<(), Fault> {
        let (store, county) = (self.office.desk.store(), caller.scope.county);
        let regions = store.regions(county).await?;
        let orgs = store.orgs(county).await?;
        let people = store.people(county).await?;
        self.regions = regions.into_iter().map(|it| (it.code, it.name)).collect();
        self.people = people
            .into_iter()
            .map(|person| {
                let org = orgs.iter().find(|it| it.id == person.org);
                let org = org.map(|it| it.name.clone()).unwrap_or_default();
                (person.id, (person.name, org))
            })
            .collect();
        Ok(())
    }

    /// The next rows; empty only at the end.
    async fn page(&mut self) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        while rows.is_empty() && self.more {
            let caller = self.caller().await?;
            // The body of an answer is written outside of the request's task.
            rows = sight::within(&caller, self.read(&caller)).await?;
        }
        self.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if self.rows > EXPORT_ROWS_MAX {
            return Err(Fault::Unusable(
                "an export has more rows than it may".into(),
            ));
        }
        if rows.is_empty() {
            self.note(Some(self.rows)).await?;
        }
        Ok(rows)
    }

    async fn read(&mut self, caller: &Caller) -> Result<Vec<Row>, Fault> {
        if self.regions.is_empty() {
            self.names(caller).await?;
        }
        let region = self.filter.region.clone().map(RegionCode::new).transpose();
        let region = region.map_err(|_| Fault::Conflict("bulk_export"))?;
        let page = Page {
            after: self.after.take(),
            ..Page::first(PAGE_MAX)
        };
        let store = self.office.desk.store();
        if self.export.kind == ExportKind::Households {
            let filter = HouseholdFilter {
                region,
                ..HouseholdFilter::default()
            };
            let slice = store.households(&caller.scope, &filter, &page).await?;
            self.more = slice.more;
            self.after = slice.rows.last().map(|it| it.id.to_string());
            return Ok(slice.rows.iter().map(|it| self.household(it)).collect());
        }
        let filter = ClaimFilter {
            region,
            scheme: self.filter.scheme.map(SchemeId),
            ..ClaimFilter::default()
        };
        let slice = store.claims(&caller.scope, &filter, &page).await?;
        self.more = slice.more;
        self.after = slice.rows.last().map(|it| it.number.clone());
        if self.export.kind == ExportKind::Events {
            let span = |claim: &Claim| Span {
                claim: claim.id,
                after: 0,
                upto: claim.version,
            };
            let spans: Vec<Span> = slice.rows.iter().map(span).collect();
            let mut events = store.events(&caller.scope, &spans, &[]).await?;
            let numbers: HashMap<_, _> = slice.rows.iter().map(|it| (it.id, &it.number)).collect();
            events.sort_by_key(|it| (numbers.get(&it.claim), it.version));
            return Ok(events
                .iter()
                .map(|recorded| {
                    let stamp = &recorded.event.stamp;
                    let by = self.people.get(&stamp.by);
                    vec![
                        numbers.get(&recorded.claim).map(|it| (*it).clone()),
                        Some(recorded.version.to_string()),
                        Some(recorded.event.what.kind().code().to_owned()),
                        Some(instant_text(stamp.at)),
                        by.map(|(name, _)| name.clone()),
                        by.map(|(_, org)| org.clone()),
                    ]
                })
                .collect());
        }
        let homes: Vec<HouseholdId> = slice.rows.iter().map(|it| it.household).collect();
        let homes = store.households_by_ids(caller.scope.county, &homes).await?;
        let near = homes
            .into_iter()
            .filter(|it| caller.scope.covers_household(it));
        let homes: HashMap<_, _> = near.map(|it| (it.id, it)).collect();
        Ok(slice
            .rows
            .iter()
            .map(|claim| self.claim(claim, homes.get(&claim.household)))
            .collect())
    }

    fn region(&self, code: &RegionCode) -> Option<String> {
        self.regions.get(code).cloned()
    }

    fn claim(&self, claim: &Claim, home: Option<&Household>) -> Row {
        let insured = home.and_then(|home| Desk::member(home, claim.case.insured));
        let mut payees = home.into_iter().flat_map(|home| &home.payees);
        let payee = payees.find(|it| it.id == claim.case.payee);
        let fen = |fen: benefits::Fen| fen.get().to_string();
        vec![
            Some(claim.number.clone()),
            Some(claim.status().code().to_owned()),
            Some(claim.status().phase().code().to_owned()),
            Some(claim.case.peril.code().to_owned()),
            Some(claim.case.event_on.to_string()),
            Some(claim.policy_year.to_string()),
            Some(claim.village.to_string()),
            self.region(&claim.village),
            home.map(|home| home.head_name().to_owned()),
            insured.map(|it| it.name.clone()),
            insured.map(|it| it.id_number.masked()),
            payee.map(|it| it.holder_name.clone()),
            payee.map(|it| it.account.masked()),
            Some(fen(claim.case.submitted)),
            claim.assessment().map(|it| fen(it.benefit)),
            claim.approved_amount().map(fen),
            Some(fen(claim.amount())),
            claim.due_on().map(|day| day.to_string()),
            Some(claim.version.to_string()),
        ]
    }

    fn household(&self, home: &Household) -> Row {
        let head = Desk::member(home, home.head);
        vec![
            Some(node_id::encode(Kind::Household, home.id.0).to_string()),
            Some(home.village.to_string()),
            self.region(&home.village),
            Some(home.kind.clone()),
            home.listed_on.map(|day| day.to_string()),
            Some(home.head_name().to_owned()),
            head.map(|it| it.id_number.masked()),
            Some(home.persons.to_string()),
            Some(home.members.len().to_string()),
            Some(home.payees.len().to_string()),
        ]
    }

    /// Puts on record that it leaves, or that it has left whole.
    async fn note(&self, rows: Option<u64>) -> Result<(), Fault> {
        let caller = self.caller().await?;
        let download = Download {
            id: self.download,
            export: self.export.id,
            at: self.office.desk.clock().now(),
            rows,
        };
        let store = self.office.desk.store();
        let (county, account) = (self.export.county, self.export.account);
        sight::within(&caller, store.note_download(county, account, &download)).await
    }
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

fn jsonl(kind: ExportKind, rows: &[Row]) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    for row in rows {
        let cells = columns(kind).iter().zip(row);
        let object: serde_json::Map<String, serde_json::Value> = cells
            .map(|(column, cell)| (column.name.to_owned(), json!(cell)))
            .collect();
        serde_json::to_writer(&mut text, &object)
            .map_err(|fault| Fault::store("writing a row", fault))?;
        text.push(b'\n');
    }
    Ok(text)
}

fn csv_head(kind: ExportKind) -> Vec<u8> {
    // A byte order mark, or the spreadsheet of the office takes it for GB18030.
    let mut text = "\u{feff}".as_bytes().to_vec();
    let names: Vec<_> = columns(kind).iter().map(|it| it.name).collect();
    text.extend(names.join(",").as_bytes());
    text.extend(b"\r\n");
    text
}

fn csv(rows: &[Row]) -> Result<Vec<u8>, Fault> {
    let failed = |fault: csv::Error| Fault::store("writing a row", fault);
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        let cells = row
            .iter()
            .map(|cell| harmless(cell.as_deref().unwrap_or_default()));
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|fault| Fault::store("writing rows", fault.to_string()))
}

/// The whole workbook; `None` if it would have too many rows. For people: headings in Chinese, amounts in yuan.
async fn workbook(source: &mut Source) -> Result<Option<Vec<u8>>, Fault> {
    let failed = |fault| Fault::store("writing a workbook", fault);
    let columns = columns(source.export.kind);
    let plain = Format::new();
    let yuan = Format::new().set_num_format("#,##0.00");
    let mut workbook = Workbook::new();
    // Row by row into a temporary file without a name, not into memory.
    let sheet = workbook
        .add_worksheet_with_constant_memory()
        .map_err(failed)?;
    sheet.set_name(source.export.kind.zh()).map_err(failed)?;
    sheet.set_freeze_panes(1, 0).map_err(failed)?;
    let heading = Format::new().set_bold();
    for (at, column) in (0..).zip(columns) {
        sheet.set_column_width(at, 16).map_err(failed)?;
        sheet
            .write_string_with_format(0, at, column.zh, &heading)
            .map_err(failed)?;
    }
    let mut line = 0;
    loop {
        let rows = source.page().await?;
        if rows.is_empty() {
            break;
        }
        if source.rows > EXPORT_SHEET_ROWS_MAX {
            return Ok(None);
        }
        for row in rows {
            line += 1;
            for (at, (column, cell)) in (0..).zip(columns.iter().zip(row)) {
                let Some(cell) = cell else { continue };
                let term = match column.is {
                    Is::Coded(term) => term(&cell),
                    Is::Text | Is::Number | Is::Money => None,
                };
                let (shown, format) = match column.is {
                    Is::Text | Is::Coded(_) => (None, &plain),
                    Is::Number => (float_of(&cell), &plain),
                    Is::Money => (float_in_yuan(&cell), &yuan),
                };
                let written = match shown {
                    Some(shown) => sheet.write_number_with_format(line, at, shown, format),
                    None => sheet.write_string(line, at, harmless(term.unwrap_or(&cell))),
                };
                written.map_err(failed)?;
            }
        }
    }
    workbook.save_to_buffer().map(Some).map_err(failed)
}

fn refused(status: StatusCode, error: ApiError) -> Response {
    let code = error.code();
    let body = json!({ "errors": [{
        "message": error.into_server_error().message,
        "extensions": { "code": code.code(), "retryable": code.retryable() },
    }] });
    let headers = [(CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let scheme = axum::http::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

fn faulty(fault: Fault) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, fault.into())
}

fn unknown() -> Response {
    refused(StatusCode::NOT_FOUND, ApiError::not_found())
}

async fn take_away(
    State(office): State<Office>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let guest = match door::welcome(&office, &headers, Way::Request).await {
        Ok(guest) => guest,
        Err(error) => {
            let status = match error.code() {
                ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
                ErrorCode::CsrfRefused => StatusCode::FORBIDDEN,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            return refused(status, error);
        }
    };
    let (Some(caller), Some(token)) = (guest.caller, guest.token) else {
        let error = ApiError::new(ErrorCode::Unauthenticated, "sign in first");
        return refused(StatusCode::UNAUTHORIZED, error);
    };
    let Some(id) = node_id::decode_as(Kind::Bulk, &id) else {
        return unknown();
    };
    let store = office.desk.store();
    let found = store.export(caller.scope.county, caller.account, id);
    let export = match sight::within(&caller, found).await {
        Ok(Some(export)) if office.desk.clock().now() < export.expires_at => export,
        Ok(_) => return unknown(),
        Err(fault) => return faulty(fault),
    };
    let row = authority::row(Place::Export, export.kind.code());
    if authority::permit(Some(&caller), row).is_err() {
        let error = ApiError::new(ErrorCode::Forbidden, "your duties do not allow this");
        return refused(StatusCode::FORBIDDEN, error);
    }
    let Ok(filter) = serde_json::from_str(&export.filter) else {
        return unknown();
    };
    let mut source = Source {
        office,
        token,
        export,
        filter,
        download: ids::fresh(),
        after: None,
        more: true,
        rows: 0,
        regions: HashMap::new(),
        people: HashMap::new(),
    };
    if let Err(fault) = source.note(None).await {
        return faulty(fault);
    }
    tracing::info!(export = %source.export.id, kind = source.export.kind.code(), "an export is taken away");
    let (kind, format) = (source.export.kind, source.export.format);
    let body = match format {
        ExportFormat::Xlsx => match workbook(&mut source).await {
            Ok(Some(bytes)) => Body::from(bytes),
            Ok(None) => {
                let message = "more rows than a workbook may have; ask for CSV";
                let error = ApiError::new(ErrorCode::PayloadTooLarge, message);
                return refused(StatusCode::PAYLOAD_TOO_LARGE, error);
            }
            Err(fault) => return faulty(fault),
        },
        ExportFormat::Jsonl | ExportFormat::Csv => streamed(source),
    };
    let (media, ending) = match format {
        ExportFormat::Jsonl => ("application/jsonl; charset=utf-8", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::Xlsx => (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
    };
    let name = kind.code().to_ascii_lowercase();
    let headers: [(HeaderName, String); 4] = [
        (CONTENT_TYPE, media.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.{ending}\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
        (
            HeaderName::from_static("x-content-type-options"),
            "nosniff".to_owned(),
        ),
    ];
    (headers, body).into_response()
}

/// Rows that leave as they are read. A fault breaks the answer off: half an export does not look whole.
fn streamed(source: Source) -> Body {
    let kind = source.export.kind;
    let head = match source.export.format {
        ExportFormat::Csv => Some(csv_head(kind)),
        ExportFormat::Jsonl | ExportFormat::Xlsx => None,
    };
    let pages = stream::unfold(
        (Some(source), head),
        move |state: (Option<Source>, Option<Vec<u8>>)| async move {
            let (source, head) = state;
            let mut source = source?;
            if let Some(head) = head {
                return Some((Ok(Bytes::from(head)), (Some(source), None)));
            }
            let page = source.page().await.and_then(|rows| {
                if rows.is_empty() {
                    return Ok(None);
                }
                match source.export.format {
                    ExportFormat::Csv => csv(&rows).map(Some),
                    ExportFormat::Jsonl | ExportFormat::Xlsx => jsonl(kind, &rows).map(Some),
                }
            });
            match page {
                Ok(Some(bytes)) => Some((Ok(Bytes::from(bytes)), (Some(source), None))),
                Ok(None) => None,
                Err(fault) => {
                    tracing::error!(error = %fault, export = %source.export.id, "an export broke off");
                    Some((Err(Arc::new(fault)), (None, None)))
                }
            }
        },
    );
    // A compressor asks once more after the end.
    Body::from_stream(pages.fuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("王某=1"), "王某=1");
        let text = csv(&[vec![
            Some("=cmd|' /C calc'!A0".into()),
            None,
            Some("a,\"b\"".into()),
        ]]);
        let text = String::from_utf8(text.expect("writing")).expect("text");
        assert_eq!(text, "'=cmd|' /C calc'!A0,,\"a,\"\"b\"\"\"\r\n");
    }
}
