//! Reading a referral list in: the form, the result, the sheet that comes back.

use super::frame::{self, Place};
use super::guard::{SignedIn, encode};
use super::{Console, Stop};
use crate::import::{self, ImportFault, ImportReport};
use axum::extract::{Multipart, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::Caller;
use lifecycle::{AccountId, Scheme, SchemeId};
use maud::{Markup, html};
use std::sync::{Arc, Mutex, PoisonError};

/// Accounts whose last returned sheet is kept; it can be had again by reading the list again.
const RETURNED_MAX: usize = 16;
/// Faults shown on the page; the sheet holds all of them.
const FAULTS_SHOWN_MAX: usize = 200;

/// The sheet last returned to each account.
#[derive(Default)]
pub(super) struct ReturnedSheets {
    kept: Mutex<Vec<(AccountId, Vec<u8>)>>,
}

impl ReturnedSheets {
    fn keep(&self, account: AccountId, sheet: Option<Vec<u8>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != account);
        kept.extend(sheet.map(|sheet| (account, sheet)));
        if kept.len() > RETURNED_MAX {
            kept.remove(0);
        }
    }

    fn of(&self, account: AccountId) -> Option<Vec<u8>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = kept.iter();
        kept.find(|(other, _)| *other == account)
            .map(|(_, sheet)| sheet.clone())
    }
}

/// What the form brought.
#[derive(Default)]
struct Sent {
    bytes: Vec<u8>,
    scheme: Option<SchemeId>,
    dry_run: bool,
}

pub(super) async fn form(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
) -> Result<Markup, Stop> {
    let schemes = import::schemes(&console.office.desk, &caller).await?;
    Ok(render(&caller, &schemes, &html! {}))
}

fn render(caller: &Caller, schemes: &[Arc<Scheme>], result: &Markup) -> Markup {
    let content = html! {
        h1 { "导入推送名单 " small lang="en" { "Import a referral list" } }
        (result)
        @if schemes.is_empty() {
            p.alert { "没有您的岗位可以推送的方案:请由乡镇或县级经办人导入,或先发布方案。 "
                small lang="en" { "No scheme lets your duties refer: let a caseworker read the list in, or publish a scheme first." } }
        } @else {
        form.card.import method="post" action="/referrals/import" enctype="multipart/form-data" {
            label for="sheet" { "名单文件(.xlsx 或 .csv)" }
            input #sheet type="file" name="sheet" required
                accept=".xlsx,.csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            label for="scheme" { "方案 " small lang="en" { "Scheme" } }
            select #scheme name="scheme" required {
                @for scheme in schemes {
                    option value=(scheme.id) { (scheme.name) "(第" (scheme.version) "版)" }
                }
            }
            label.check { input type="checkbox" name="dry_run" value="1"; "只检查,不导入 " small lang="en" { "Check only" } }
            button type="submit" { "上传 " small lang="en" { "Upload" } }
        }
        }
        section.card.hints {
            (frame::heading("怎么填", "How to fill it in"))
            ul {
                li { "照办公室常用的名单格式:上面是标题,下一行是表头,列的先后不限。" }
                li { "身份证号和银行账号请设为文本格式;全角数字、空格可以自动识别。" }
                li { "日期可写 2020-05-18、2020/5/18、2020.5.18、2020年5月18日 或 20200518;金额以元为单位。" }
                li { "“联系电话”“患病情况”两列可有可无:加密保存,不在任何页面、名单或日志里显示。" }
                li { "有误的行会以同样格式的表退回,标明哪一行、哪一列、什么问题、怎么办;改好后直接再次上传。" }
                li { "重复上传不会重复推送:已有的案件保持不变。" }
            }
        }
    };
    frame::page(caller, Some(Place::Import), "导入推送名单", &content)
}

pub(super) async fn receive(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    form: Multipart,
) -> Result<Response, Stop> {
    let desk = &console.office.desk;
    let schemes = import::schemes(desk, &caller).await?;
    let refused = |status: StatusCode, text: &str| {
        let alert = html! { p.alert role="alert" { (text) } };
        (status, render(&caller, &schemes, &alert)).into_response()
    };
    let Some(sent) = read(form).await else {
        return Ok(refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "文件没有收全,或超过大小限制 / the upload was cut off or is too large",
        ));
    };
    let Some(scheme) = sent.scheme.filter(|_| !sent.bytes.is_empty()) else {
        return Ok(refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "请选择文件和方案 / choose a file and a scheme",
        ));
    };
    match import::workbook(desk, &caller, &sent.bytes, scheme, sent.dry_run).await {
        Ok(mut report) => {
            console.returned.keep(caller.account, report.faulty.take());
            Ok(render(&caller, &schemes, &result(&report)).into_response())
        }
        Err(ImportFault::Sheet(fault)) => Ok(refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            &fault.to_string(),
        )),
        Err(ImportFault::Interrupted(fault)) => Err(Stop::Fault(fault)),
    }
}

/// Nothing if the upload broke off or is larger than it may be.
async fn read(mut form: Multipart) -> Option<Sent> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.ok()? {
        match field.name() {
            Some("sheet") => sent.bytes = field.bytes().await.ok()?.to_vec(),
            Some("scheme") => sent.scheme = field.text().await.ok()?.parse().ok().map(SchemeId),
            Some("dry_run") => sent.dry_run = true,
            _ => {}
        }
    }
    Some(sent)
}

fn result(report: &ImportReport) -> Markup {
    html! {
        section.card role="status" {
            h2 { @if report.dry_run { "检查结果 " } @else { "导入结果 " } small lang="en" { "Result" } }
            @if let Some(title) = &report.title { p { (title) } }
            dl.tally {
                div { dt { "行数" } dd { (report.rows) } }
                div { dt { @if report.dry_run { "可新增" } @else { "新增" } } dd.good { (report.added) } }
                div { dt { "已有" } dd { (report.already_there) } }
                div { dt { "退回" } dd.care[report.failed > 0] { (report.failed) } }
                div { dt { "跳过" } dd { (report.skipped) } }
            }
            @if !report.faults.is_empty() { (faults(report)) }
            @if !report.standing.is_empty() {
                details open[report.faults.is_empty()] {
                    summary { "本表对应的案件(" (report.standing.len()) ")" }
                    ul.standing {
                        @for claim in &report.standing {
                            li {
                                "第" (claim.row) "行 "
                                a href=(format!("/claims/{}", encode(&claim.number))) { (claim.number) }
                                @if !claim.added { " (已有)" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn faults(report: &ImportReport) -> Markup {
    html! {
        p { a.button href="/referrals/import/returned.xlsx" download="退回更正表.xlsx" { "下载退回更正表(.xlsx)" } }
        table.faults {
            thead { tr { th scope="col" { "行" } th scope="col" { "列" } th scope="col" { "问题" } th scope="col" { "怎么办" } } }
            tbody {
                @for fault in report.faults.iter().take(FAULTS_SHOWN_MAX) {
                    tr {
                        td data-label="行" { (fault.row) }
                        td data-label="列" { (fault.place()) }
                        td data-label="问题" { (fault.what) }
                        td data-label="怎么办" { (fault.what_to_do) }
                    }
                }
            }
        }
        @if report.faults.len() > FAULTS_SHOWN_MAX {
            p { "其余" (report.faults.len() - FAULTS_SHOWN_MAX) "处见下载的表。" }
        }
    }
}

pub(super) async fn returned(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
) -> Result<Response, Stop> {
    let sheet = console.returned.of(caller.account).ok_or(Stop::NotFound)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"returned.xlsx\"; filename*=UTF-8''%E9%80%80%E5%9B%9E%E6%9B%B4%E6%AD%A3%E8%A1%A8.xlsx",
        ),
    ];
    Ok((headers, sheet).into_response())
}
