//! The bank's files (银行回盘、对账单): read in, their queues with totals, posted by a second person, closed with a
//! reason. A file comes as an upload, so it may be larger than a request of the API.

use super::frame::{self, Place, heading};
use super::guard::{SignedIn, may, offers};
use super::payments::{insurers, newest, schemes, totals_fields};
use super::words::{Staff, Told, time, yuan};
use super::{Console, Stop};
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::bank_file::{BankFile, BankLine, BankOrder, BankRefusal, LineClass, LineState};
use engine::limits::BANK_FILE_BYTES_MAX;
use engine::payment_batch::Totals;
use engine::{Caller, Desk, Fault, ids};
use lifecycle::Param;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

/// Lines of one queue that are shown at a time.
const LINES_SHOWN: usize = 200;

/// Which file, which of its queues, from which line on; which batch a file answers that is to be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    file: String,
    class: String,
    from: String,
    batch: String,
}

/// What the form brought.
#[derive(Default)]
struct Sent {
    bytes: Vec<u8>,
    name: String,
    key: Option<Uuid>,
    batch: Option<Uuid>,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    if asked.file.is_empty() {
        return list(&console, &caller, &asked.batch, &Told::Nothing).await;
    }
    let id = asked.file.parse().map_err(|_| Stop::NotFound)?;
    let file = found(&console, &caller, id).await?;
    let shown = Shown {
        class: LineClass::from_code(&asked.class),
        from: asked.from.parse().unwrap_or(0),
    };
    one(&console, &caller, &file, shown, &Told::Nothing).await
}

async fn found(console: &Console, caller: &Caller, id: Uuid) -> Result<BankFile, Stop> {
    let store = console.office.desk.store();
    let file = store.bank_file(&caller.scope, id).await?;
    file.ok_or(Stop::NotFound)
}

async fn list(
    console: &Console,
    caller: &Caller,
    batch: &str,
    told: &Told,
) -> Result<Markup, Stop> {
    let store = console.office.desk.store();
    let schemes = schemes(console, caller).await?;
    let (mut files, mut batches) = (Vec::new(), Vec::new());
    for scope in insurers(caller, &schemes) {
        files.extend(store.bank_files(&scope, &newest()).await?.rows);
        batches.extend(store.payment_batches(&scope, &newest()).await?.rows);
    }
    files.sort_by_key(|(it, _)| std::cmp::Reverse(it.read.at));
    batches.sort_by_key(|(it, _)| std::cmp::Reverse(it.made.at));
    let content = html! {
        h1 { "银行回盘与对账单 " small lang="en" { "The bank's files" } }
        (told)
        p.crumb { a href="/payments" { "代发批次" } " · " strong { "银行回盘与对账单" } }
        @if files.is_empty() {
            p.empty { "还没有导入文件。" small lang="en" { "None yet." } }
        } @else {
            table.claims {
                thead { tr { th scope="col" { "导入" } th scope="col" { "文件" } th scope="col" { "格式" } th scope="col" { "待处理" } } }
                tbody {
                    @for (file, queues) in &files {
                        tr {
                            th scope="row" data-label="导入" { a href=(format!("/payments/files?file={}", file.id)) { (time(file.read.at)) } }
                            td data-label="文件" { (file.name) }
                            td data-label="格式" { (file.form.zh()) }
                            td data-label="待处理" {
                                @if queues.is_empty() { "无" }
                                @for (class, totals) in queues { (class.zh()) (totals.count) "笔 " }
                            }
                        }
                    }
                }
            }
        }
        @if offers(caller, "readBankFile") && caller.scope.insurer.is_some() {
            form.card.import method="post" action="/payments/files" enctype="multipart/form-data" {
                (heading("导入", "Read a file"))
                input type="hidden" name="key" value=(ids::fresh());
                label for="batch" { "所答复的批次" }
                select #batch name="batch" {
                    option value="" { "不限(对账单)" }
                    @for (it, tally) in &batches {
                        option value=(it.id) selected[it.id.to_string() == batch] {
                            (super::words::instant(it.made.at)) " · " (tally.selected.count) "笔 " (tally.selected.sum) "元"
                        }
                    }
                }
                label for="file" { "文件:代发结果表(.xlsx、.csv)、camt.053 或 MT940,最大8 MiB" }
                input #file type="file" name="file" required;
                button type="submit" { "导入,不入账 " small lang="en" { "Read" } }
            }
        }
    };
    Ok(frame::page(
        caller,
        Some(Place::Payments),
        "银行回盘与对账单",
        &content,
    ))
}

/// What of a file is shown.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    class: Option<LineClass>,
    from: usize,
}

async fn one(
    console: &Console,
    caller: &Caller,
    file: &BankFile,
    shown: Shown,
    told: &Told,
) -> Result<Markup, Stop> {
    let staff = Staff::of(&console.office.desk, caller).await?;
    let content = html! {
        p.crumb { a href="/payments" { "付款" } " / " a href="/payments/files" { "银行文件" } }
        h1 { (file.name) " " small { (file.form.zh()) } }
        (told)
        section.card {
            p { (staff.actor(&file.read)) " " (time(file.read.at)) " 导入;导入不入账。"
                @if let Some(batch) = file.batch { " " a href=(format!("/payments?batch={batch}")) { "所答复的批次" } } }
            (heading("队列", "Queues"))
            (queues(caller, file))
        }
        (lines(console, caller, file, shown, &staff))
    };
    Ok(frame::page(
        caller,
        Some(Place::Payments),
        &file.name,
        &content,
    ))
}

fn queues(caller: &Caller, file: &BankFile) -> Markup {
    let open = file.queues();
    let may_post = offers(caller, "postBankLines");
    let all = LineClass::ALL.iter().copied();
    let all = all.filter(|class| file.lines.iter().any(|it| it.class == *class));
    let waits = Totals::default();
    html! {
        table.list {
            thead { tr { th { "队列" } th { "共" } th { "待处理" } th { "办理" } } }
            tbody {
                @for class in all {
                    @let totals = open.get(&class).copied().unwrap_or(waits);
                    tr {
                        th scope="row" { a href=(format!("/payments/files?file={}&class={}", file.id, class.code())) { (class.zh()) } }
                        td { (file.lines.iter().filter(|it| it.class == class).count()) "笔" }
                        td { (totals.count) "笔 " (yuan(totals.sum)) }
                        td {
                            @if totals.count == 0 { "已处理" }
                            @else if !class.is_posted() { "逐笔查明,填写原因后关闭" }
                            @else if may_post {
                                form.filter method="post" action="/payments" {
                                    input type="hidden" name="action" value="post";
                                    input type="hidden" name="file" value=(file.id);
                                    input type="hidden" name="class" value=(class.code());
                                    (totals_fields())
                                    button type="submit" { "入账 " small lang="en" { "Post" } }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if may_post { p.second { "请对照银行单据输入待处理的笔数和金额;下达付款的人不能入账。" } }
    }
}

fn lines(
    console: &Console,
    caller: &Caller,
    file: &BankFile,
    shown: Shown,
    staff: &Staff,
) -> Markup {
    let of_class = |it: &&BankLine| shown.class.is_none_or(|class| it.class == class);
    let all: Vec<&BankLine> = file.lines.iter().filter(of_class).collect();
    let part = all.iter().skip(shown.from).take(LINES_SHOWN);
    let next = shown.from + LINES_SHOWN;
    let class = shown.class.map_or("", LineClass::code);
    let may_close = offers(caller, "closeBankLine");
    html! {
        table.claims.loose {
            thead { tr {
                th scope="col" { "行" } th scope="col" { "指令号" } th.amount scope="col" { "金额(元)" } th scope="col" { "银行说" }
                th scope="col" { "队列" } th scope="col" { "处理" }
            } }
            tbody {
                @for line in part {
                    tr {
                        th scope="row" data-label="行" { (line.told.line_no) }
                        td data-label="指令号" { @match &line.told.instruction_no { Some(number) => span.code { (number) }, None => "—" } }
                        td.amount data-label="金额(元)" { @match line.told.amount { Some(amount) => (amount), None => "—" } }
                        td data-label="银行说" { (line.told.said.zh()) " " (line.told.reason) }
                        td data-label="队列" { (line.class.zh()) }
                        td data-label="处理" {
                            (line.state.zh())
                            @if let Some(code) = &line.code { " · " (console.says_of(code)) " " small { (code) } }
                            @if let Some(note) = &line.note { " · " (note) }
                            @if let Some(stamp) = &line.decided { " " small { (staff.actor(stamp)) } }
                            @if may_close && line.state == LineState::Open {
                                details {
                                    summary { "关闭" }
                                    form.inline method="post" action="/payments" {
                                        input type="hidden" name="action" value="close";
                                        input type="hidden" name="file" value=(file.id);
                                        input type="hidden" name="line" value=(line.told.line_no);
                                        input name="note" aria-label="查明的原因" placeholder="查明的原因" required;
                                        button.quiet type="submit" { "关闭,不入账" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if next < all.len() {
            nav.pager aria-label="翻页" {
                a rel="next" href=(format!("/payments/files?file={}&class={class}&from={next}", file.id)) { "下" (LINES_SHOWN) "行 →" }
            }
        }
    }
}

fn refused(console: &Console, refusal: &BankRefusal) -> Told {
    Told::refused(console.says(refusal.code(), &refusal.params()))
}

/// Nothing if the upload broke off or is larger than it may be.
async fn read(mut form: Multipart) -> Option<Sent> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.ok()? {
        match field.name() {
            Some("file") => {
                sent.name = field.file_name().unwrap_or_default().to_owned();
                sent.bytes = field.bytes().await.ok()?.to_vec();
            }
            Some("key") => sent.key = field.text().await.ok()?.parse().ok(),
            Some("batch") => sent.batch = field.text().await.ok()?.parse().ok(),
            _ => {}
        }
    }
    Some(sent).filter(|it| it.bytes.len() <= BANK_FILE_BYTES_MAX)
}

pub(super) async fn receive(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    form: Multipart,
) -> Result<Response, Stop> {
    may(&caller, "readBankFile")?;
    let Some(sent) = read(form).await else {
        let told = Told::Refused(
            "文件没有收全,或超过8 MiB:请按日期或批次分成几个文件。".into(),
            "The upload was cut off or is too large: split the file.".into(),
        );
        let page = list(&console, &caller, "", &told).await?;
        return Ok((StatusCode::PAYLOAD_TOO_LARGE, page).into_response());
    };
    let batch = sent.batch.map_or_else(String::new, |it| it.to_string());
    match taken(&console, &caller, sent).await? {
        Ok(file) => {
            let told = Told::done(
                "已导入,各行进入下列队列;还没有入账。",
                "Read; nothing is posted yet.",
            );
            let page = one(&console, &caller, &file, Shown::default(), &told).await?;
            Ok(page.into_response())
        }
        Err(told) => {
            let page = list(&console, &caller, &batch, &told).await?;
            Ok((told.status(), page).into_response())
        }
    }
}

async fn taken(
    console: &Console,
    caller: &Caller,
    sent: Sent,
) -> Result<Result<BankFile, Told>, Stop> {
    let key = sent.key.ok_or(Stop::NotFound)?;
    let name = match console.entry("文件名", &sent.name) {
        Ok(name) => name,
        Err(said) => return Ok(Err(Told::refused(said))),
    };
    // A large file takes its time: not on a thread that others wait for.
    let read = move || (bank::read(&sent.bytes), ids::sha256(&sent.bytes));
    let read = tokio::task::spawn_blocking(read).await;
    let (contents, hash) =
        read.map_err(|fault| Fault::store("reading a bank's file ended", fault))?;
    let contents = match contents {
        Ok(contents) => contents,
        Err(fault) => {
            let params = [("reason", Param::Text(fault.to_string()))];
            return Ok(Err(Told::refused(console.says("FILE_UNREADABLE", &params))));
        }
    };
    let order = BankOrder {
        id: Desk::ids(caller, key).made("bank-file"),
        name,
        form: contents.form,
        hash,
        batch: sent.batch,
        lines: contents.lines,
    };
    let read = console.office.desk.read_bank_file(caller, order).await?;
    Ok(read.map_err(|refusal| refused(console, &refusal)))
}

/// Posts a queue for whoever confirms its totals.
pub(super) async fn post(
    console: &Console,
    caller: &Caller,
    id: Uuid,
    class: &str,
    totals: Option<Totals>,
) -> Result<Response, Stop> {
    let class = LineClass::from_code(class).ok_or(Stop::NotFound)?;
    let before = found(console, caller, id).await?;
    let (file, told) = match totals {
        None => (
            before,
            Told::refused(console.unfit("核对笔数、金额", "NOT_A_NUMBER")),
        ),
        Some(totals) => {
            let desk = &console.office.desk;
            let posted = desk.post_bank_lines(caller, id, class, totals).await?;
            match posted.ok_or(Stop::NotFound)? {
                Ok(file) => {
                    let left = file.open(class).count;
                    let told = Told::done(
                        format!("“{}”已办理;仍待处理{left}笔,原因见各行。", class.zh()),
                        "Posted; what was refused stays open, with its reason.",
                    );
                    (file, told)
                }
                Err(refusal) => (before, refused(console, &refusal)),
            }
        }
    };
    let shown = Shown {
        class: Some(class),
        from: 0,
    };
    let page = one(console, caller, &file, shown, &told).await?;
    Ok((told.status(), page).into_response())
}

/// Closes a line with a reason.
pub(super) async fn close(
    console: &Console,
    caller: &Caller,
    id: Uuid,
    line_no: u32,
    note: &str,
) -> Result<Response, Stop> {
    let before = found(console, caller, id).await?;
    let class = before.lines.iter().find(|it| it.told.line_no == line_no);
    let shown = Shown {
        class: class.map(|it| it.class),
        from: 0,
    };
    let (file, told) = match console.entry("原因", note) {
        Err(said) => (before, Told::refused(said)),
        Ok(note) => {
            let desk = &console.office.desk;
            let closed = desk.close_bank_line(caller, id, line_no, note).await?;
            match closed.ok_or(Stop::NotFound)? {
                Ok(file) => {
                    let told = Told::done("已关闭,没有动用资金。", "Closed; no money moved.");
                    (file, told)
                }
                Err(refusal) => (before, refused(console, &refusal)),
            }
        }
    };
    let page = one(console, caller, &file, shown, &told).await?;
    Ok((told.status(), page).into_response())
}
