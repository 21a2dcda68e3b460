//! Payments (付款): batches with their control totals, the order to the bank, the way to the bank's files.

use super::frame::{self, Place, heading};
use super::guard::{SignedIn, may, offers};
use super::words::{Staff, Told, time, yuan};
use super::{Console, Stop, files};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bank::order::{OrderForm, PaymentOrder};
use benefits::Fen;
use chrono::NaiveDate;
use engine::household::BankAccount;
use engine::payment_batch::{
    BatchOrder, BatchRefusal, Payer, PaymentBatch, PaymentEnd, Tally, Totals,
};
use engine::{Caller, Desk, Fault, Page, Scope, ids};
use lifecycle::calendar::legal_day;
use lifecycle::{OrgId, Scheme, SchemeId};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

/// Newest rows of a list.
const NEWEST: u32 = 20;

/// Which batch; none for the lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    batch: String,
}

/// What a form of the page brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    action: String,
    key: String,
    scheme: String,
    batch: String,
    file: String,
    payer_name: String,
    payer_account: String,
    payer_bank: String,
    count: String,
    sum: String,
    form: String,
    on: String,
    class: String,
    line: String,
    note: String,
}

/// A totals line as a person types it in, from the order in their hands.
fn confirmed(count: &str, sum: &str) -> Option<Totals> {
    Some(Totals {
        count: count.trim().parse().ok()?,
        sum: Fen::parse_yuan(sum).ok()?,
    })
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Markup, Stop> {
    if asked.batch.is_empty() {
        return list(&console, &caller, &Told::Nothing).await;
    }
    let id = asked.batch.parse().map_err(|_| Stop::NotFound)?;
    let batch = found(&console, &caller, id).await?;
    one(&console, &caller, &batch, &Told::Nothing).await
}

async fn found(console: &Console, caller: &Caller, id: Uuid) -> Result<PaymentBatch, Stop> {
    let store = console.office.desk.store();
    let batch = store.payment_batch(&caller.scope, id).await?;
    batch.ok_or(Stop::NotFound)
}

/// The schemes whose insurer's books the caller sees.
pub(super) async fn schemes(console: &Console, caller: &Caller) -> Result<Vec<Arc<Scheme>>, Fault> {
    let store = console.office.desk.store();
    let mut schemes = store.schemes(caller.scope.county).await?;
    schemes.retain(|it| caller.scope.covers_books_of(it.county, it.insurer));
    Ok(schemes)
}

/// The scopes of the insurers whose books these are.
pub(super) fn insurers(caller: &Caller, schemes: &[Arc<Scheme>]) -> Vec<Scope> {
    let mut insurers: Vec<OrgId> = schemes.iter().map(|it| it.insurer).collect();
    insurers.sort_unstable();
    insurers.dedup();
    let narrowed = insurers.into_iter().map(|insurer| Scope {
        insurer: Some(insurer),
        ..caller.scope.clone()
    });
    narrowed.collect()
}

/// The newest rows of a list by time.
pub(super) fn newest() -> Page {
    Page {
        from_end: true,
        ..Page::first(NEWEST)
    }
}

pub(super) async fn list(console: &Console, caller: &Caller, told: &Told) -> Result<Markup, Stop> {
    let store = console.office.desk.store();
    let schemes = schemes(console, caller).await?;
    let mut batches = Vec::new();
    for scope in insurers(caller, &schemes) {
        batches.extend(store.payment_batches(&scope, &newest()).await?.rows);
    }
    batches.sort_by_key(|(it, _)| std::cmp::Reverse(it.made.at));
    let name = |scheme: SchemeId| {
        let found = schemes.iter().find(|it| it.id == scheme);
        found.map_or("", |it| it.name.as_str())
    };
    let content = html! {
        h1 { "付款 " small lang="en" { "Payments" } }
        (told)
        p.crumb { strong { "代发批次" } " · " a href="/payments/files" { "银行回盘与对账单" } }
        @if schemes.is_empty() {
            p.empty { "您的辖区内没有付款账册:账册属于全县。 " small lang="en" { "Books are the whole county's." } }
        }
        @if batches.is_empty() {
            p.empty { "还没有代发批次。" small lang="en" { "No batches yet." } }
        } @else {
            table.claims {
                thead { tr {
                    th scope="col" { "生成" } th scope="col" { "方案" } th scope="col" { "付款账户" } th.amount scope="col" { "笔数" }
                    th.amount scope="col" { "金额(元)" } th scope="col" { "进度" }
                } }
                tbody {
                    @for (batch, tally) in &batches {
                        tr {
                            th scope="row" data-label="生成" { a href=(format!("/payments?batch={}", batch.id)) { (time(batch.made.at)) } }
                            td data-label="方案" { (name(batch.scheme)) }
                            td data-label="付款账户" { (batch.payer.name) }
                            td.amount data-label="笔数" { (tally.selected.count) }
                            td.amount data-label="金额(元)" { (tally.selected.sum) }
                            td data-label="进度" { (progress(tally)) }
                        }
                    }
                }
            }
        }
        @if offers(caller, "preparePaymentBatch") && !schemes.is_empty() { (prepare(&schemes)) }
    };
    Ok(frame::page(caller, Some(Place::Payments), "付款", &content))
}

fn progress(tally: &Tally) -> Markup {
    let Tally {
        selected: _,
        succeeded,
        failed,
        skipped,
        waiting,
    } = tally;
    html! {
        "已下达" (succeeded.count)
        @if failed.count > 0 { ",未通过" (failed.count) }
        @if skipped.count > 0 { ",已跳过" (skipped.count) }
        @if waiting.count > 0 { "," strong { "待下达" (waiting.count) } }
    }
}

fn prepare(schemes: &[Arc<Scheme>]) -> Markup {
    html! {
        form.card.sign-in method="post" action="/payments" {
            (heading("生成代发批次", "New batch"))
            input type="hidden" name="action" value="prepare";
            input type="hidden" name="key" value=(ids::fresh());
            p { "把方案下所有已审批的案件(最多500笔)列为一批;此时还不付款。" }
            label for="scheme" { "方案" }
            select #scheme name="scheme" required {
                @for scheme in schemes { option value=(scheme.id) { (scheme.name) "(第" (scheme.version) "版)" } }
            }
            label for="payer_name" { "付款账户户名" }
            input #payer_name name="payer_name" required;
            label for="payer_account" { "付款账号" }
            input #payer_account name="payer_account" inputmode="numeric" autocomplete="off" required;
            label for="payer_bank" { "付款银行" }
            input #payer_bank name="payer_bank" required;
            button type="submit" { "生成 " small lang="en" { "Prepare" } }
        }
    }
}

/// Number and sum of a queue, to be typed in as they stand on paper.
pub(super) fn totals_fields() -> Markup {
    html! {
        label { "核对笔数 " input name="count" inputmode="numeric" size="6" autocomplete="off" required; }
        label { "核对金额(元) " input name="sum" inputmode="decimal" size="12" autocomplete="off" required; }
    }
}

async fn one(
    console: &Console,
    caller: &Caller,
    batch: &PaymentBatch,
    told: &Told,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let staff = Staff::of(desk, caller).await?;
    let tally = batch.tally();
    let today = legal_day(desk.clock().now());
    let own = batch.account == caller.account;
    let row = |label: &str, totals: Totals| {
        html! { div { dt { (label) } dd { (totals.count) "笔 " (yuan(totals.sum)) } } }
    };
    let content = html! {
        p.crumb { a href="/payments" { "付款" } " / 代发批次" }
        h1 { "代发批次 " small lang="en" { "Payment batch" } }
        (told)
        section.card {
            p { (staff.actor(&batch.made)) " " (time(batch.made.at)) " 生成;付款账户:" (batch.payer.name) "," (batch.payer.bank) }
            dl.facts.totals {
                (row("选定", tally.selected)) (row("已下达", tally.succeeded)) (row("未通过", tally.failed))
                (row("已跳过", tally.skipped)) (row("待下达", tally.waiting))
            }
            @if tally.waiting.count > 0 && offers(caller, "instructPaymentBatch") {
                @if own {
                    form.filter method="post" action="/payments" {
                        input type="hidden" name="action" value="instruct";
                        input type="hidden" name="batch" value=(batch.id);
                        (totals_fields())
                        button type="submit" { "核对无误,下达付款 " small lang="en" { "Instruct" } }
                    }
                    p.second { "请对照纸质清单输入选定的总笔数和总金额。每笔在下达时重新审核;一次办理200笔,未办完的再点一次。" }
                } @else {
                    p.second { "须由生成本批的账号下达。" }
                }
            }
            @if tally.succeeded.count > 0 && offers(caller, "writePaymentOrder") {
                form.filter method="post" action="/payments" {
                    input type="hidden" name="action" value="order";
                    input type="hidden" name="batch" value=(batch.id);
                    label { "代发文件 " select name="form" { @for form in OrderForm::ALL { option value=(form.code()) { (form.zh()) } } } }
                    label { "执行日 " input type="date" name="on" value=(today) required; }
                    button type="submit" { "下载 " small lang="en" { "Download" } }
                }
                p.second { "除公示用清单外,文件含完整账号:每个账号的读取都记入隐私查看记录。" }
            }
            @if offers(caller, "readBankFile") {
                p { a href=(format!("/payments/files?batch={}", batch.id)) { "导入本批的银行回盘" } }
            }
        }
        (lines(console, batch))
    };
    Ok(frame::page(
        caller,
        Some(Place::Payments),
        "代发批次",
        &content,
    ))
}

fn lines(console: &Console, batch: &PaymentBatch) -> Markup {
    html! {
        table.claims.loose {
            thead { tr {
                th scope="col" { "序号" } th scope="col" { "案件" } th.amount scope="col" { "金额(元)" } th scope="col" { "状态" } th scope="col" { "指令号或原因" }
            } }
            tbody {
                @for line in &batch.lines {
                    tr {
                        th scope="row" data-label="序号" { (line.line_no) }
                        td data-label="案件" { a href=(format!("/claims/{}", line.number)) { (line.number) } }
                        td.amount data-label="金额(元)" { (line.amount) }
                        td data-label="状态" { span.pill.(tone(line.end)) { (line.end.zh()) } }
                        td data-label="指令号或原因" {
                            @if let Some(number) = &line.instruction_no { span.code { (number) } }
                            @if let Some(code) = &line.code { (console.says_of(code)) " " small { (code) } }
                        }
                    }
                }
            }
        }
    }
}

const fn tone(end: PaymentEnd) -> &'static str {
    match end {
        PaymentEnd::Waiting => "under-way",
        PaymentEnd::Instructed => "good",
        PaymentEnd::Failed => "care",
        PaymentEnd::Skipped => "ended",
    }
}

fn refused(console: &Console, refusal: &BatchRefusal) -> Told {
    Told::refused(console.says(refusal.code(), &refusal.params()))
}

/// The account that pays, as the form says.
fn payer(console: &Console, given: &Order) -> Result<Payer, Told> {
    let entry = |field: &str, text: &str| console.entry(field, text).map_err(Told::refused);
    let name = entry("付款账户户名", &given.payer_name)?;
    let bank = entry("付款银行", &given.payer_bank)?;
    let account = BankAccount::parse(&given.payer_account)
        .ok_or_else(|| Told::refused(console.unfit("付款账号", "NOT_AN_ACCOUNT")))?;
    Ok(Payer {
        name,
        account: account.reveal().to_owned(),
        bank,
    })
}

pub(super) async fn change(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Form(given): Form<Order>,
) -> Result<Response, Stop> {
    match given.action.as_str() {
        "prepare" => {
            may(&caller, "preparePaymentBatch")?;
            prepared(&console, &caller, &given).await
        }
        "instruct" => {
            may(&caller, "instructPaymentBatch")?;
            instructed(&console, &caller, &given).await
        }
        "order" => {
            may(&caller, "writePaymentOrder")?;
            ordered(&console, &caller, &given).await
        }
        "post" => {
            may(&caller, "postBankLines")?;
            let file = given.file.parse().map_err(|_| Stop::NotFound)?;
            let totals = confirmed(&given.count, &given.sum);
            files::post(&console, &caller, file, &given.class, totals).await
        }
        "close" => {
            may(&caller, "closeBankLine")?;
            let file = given.file.parse().map_err(|_| Stop::NotFound)?;
            let line = given.line.parse().map_err(|_| Stop::NotFound)?;
            files::close(&console, &caller, file, line, &given.note).await
        }
        _ => Err(Stop::NotFound),
    }
}

async fn prepared(console: &Console, caller: &Caller, given: &Order) -> Result<Response, Stop> {
    let scheme = given.scheme.parse().map_err(|_| Stop::NotFound)?;
    let key: Uuid = given.key.parse().map_err(|_| Stop::NotFound)?;
    let schemes = schemes(console, caller).await?;
    let known = schemes.iter().find(|it| it.id == SchemeId(scheme));
    let scheme = known.ok_or(Stop::NotFound)?.id;
    let refusal = match payer(console, given) {
        Err(told) => told,
        Ok(payer) => {
            let order = BatchOrder {
                id: Desk::ids(caller, key).made("payment-batch"),
                scheme,
                claims: None,
                payer,
            };
            match console.office.desk.choose_payments(caller, order).await? {
                Ok(batch) => {
                    let told =
                        Told::done("已生成批次,还没有付款。", "Prepared; nothing is paid yet.");
                    return Ok(one(console, caller, &batch, &told).await?.into_response());
                }
                Err(refusal) => refused(console, &refusal),
            }
        }
    };
    let page = list(console, caller, &refusal).await?;
    Ok((refusal.status(), page).into_response())
}

fn instructed_so_far(tally: &Tally) -> Told {
    let Tally {
        selected: _,
        succeeded,
        failed,
        skipped,
        waiting,
    } = tally;
    let zh = format!(
        "已下达{}笔,未通过{}笔,已跳过{}笔,待下达{}笔。",
        succeeded.count, failed.count, skipped.count, waiting.count
    );
    if failed.count > 0 {
        let zh = format!("{zh}未通过的没有付款,原因见各行。");
        return Told::refused((zh, "Some may not be paid: see their lines.".to_owned()));
    }
    Told::done(zh, "Instructed.")
}

async fn instructed(console: &Console, caller: &Caller, given: &Order) -> Result<Response, Stop> {
    let id = given.batch.parse().map_err(|_| Stop::NotFound)?;
    let before = found(console, caller, id).await?;
    let (batch, told) = match confirmed(&given.count, &given.sum) {
        None => {
            let told = Told::refused(console.unfit("核对笔数、金额", "NOT_A_NUMBER"));
            (before, told)
        }
        Some(totals) => {
            let done = console.office.desk.instruct_payments(caller, id, totals);
            match done.await?.ok_or(Stop::NotFound)? {
                Ok(batch) => {
                    let told = instructed_so_far(&batch.tally());
                    (batch, told)
                }
                Err(refusal) => (before, refused(console, &refusal)),
            }
        }
    };
    let page = one(console, caller, &batch, &told).await?;
    Ok((told.status(), page).into_response())
}

async fn ordered(console: &Console, caller: &Caller, given: &Order) -> Result<Response, Stop> {
    let id = given.batch.parse().map_err(|_| Stop::NotFound)?;
    let batch = found(console, caller, id).await?;
    let form = OrderForm::from_code(&given.form).ok_or(Stop::NotFound)?;
    let Ok(on) = given.on.parse::<NaiveDate>() else {
        let told = Told::refused(console.unfit("执行日", "NOT_A_DAY"));
        let page = one(console, caller, &batch, &told).await?;
        return Ok((told.status(), page).into_response());
    };
    let desk = &console.office.desk;
    let payments = match desk.payees_of(caller, &batch, form.is_plain()).await? {
        Ok(payments) => payments,
        Err(refusal) => {
            let told = Told::refused(console.says(refusal.code(), &[]));
            let page = one(console, caller, &batch, &told).await?;
            return Ok((told.status(), page).into_response());
        }
    };
    let file = PaymentOrder::of(&batch, on, payments)
        .file(form)
        .map_err(|fault| Fault::store("writing an order to the bank", fault))?;
    let headers = [
        (header::CONTENT_TYPE, file.media_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file.name),
        ),
    ];
    Ok((headers, file.bytes).into_response())
}
