//! The letter of a refusal (拒赔通知书) on a sheet of paper: printed, handed over, then put on record by
//! `issueRefusalLetter`. What went out before is shown as it went out.

use super::guard::SignedIn;
use super::{Console, Stop, frame};
use axum::extract::{Path, Query, State};
use chrono::NaiveDate;
use lifecycle::calendar::legal_day;
use lifecycle::letter::Letter;
use maud::{Markup, html};
use serde::Deserialize;

/// The day on which it is to be handed over.
#[derive(Deserialize)]
pub(super) struct Asked {
    on: Option<NaiveDate>,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Path(number): Path<String>,
    Query(Asked { on }): Query<Asked>,
) -> Result<Markup, Stop> {
    let desk = &console.office.desk;
    let claim = desk
        .store()
        .claim_by_number(&caller.scope, &number)
        .await?
        .ok_or(Stop::NotFound)?;
    let delivered_on = on.unwrap_or_else(|| legal_day(desk.clock().now()));
    let owed = desk.refusal_letter(&caller, &claim, delivered_on).await?;
    let refusal = claim.refusals.last().ok_or(Stop::NotFound)?;
    let told = refusal.decision().and_then(|it| it.letter.as_ref());
    let issued = told.or(refusal.letter.as_ref());
    let (letter, is_issued) = match (owed, issued) {
        (Some(Ok(letter)), _) => (letter, false),
        (Some(Err(_)), _) => return Ok(unwritten()),
        (None, Some(issued)) => (issued.letter.clone(), true),
        (None, None) => return Err(Stop::NotFound),
    };
    Ok(frame::paper(letter.kind().zh(), &sheet(&letter, is_issued)))
}

/// No letter can name a last day that nobody knows.
fn unwritten() -> Markup {
    frame::notice(
        "通知书暂时无法生成",
        "The letter cannot be written",
        "缺少节假日安排,不能计算申诉期限,或户主姓名、村名不能印在通知书上。请联系系统管理员。",
        "The calendar lacks a year that the time for an appeal reaches, or a name cannot be printed. Ask your administrator.",
    )
}

fn sheet(letter: &Letter, is_issued: bool) -> Markup {
    html! {
        p.hint {
            @if is_issued { "已送达的通知书。" } @else {
                "打印后于 " (letter.delivered_on) " 送达农户,再登记送达(issueRefusalLetter),内容指纹 "
                span.code { (letter.content_hash()) } "。改日送达请在网址后加 ?on=日期 重新打印。"
            }
        }
        article.letter {
            h1 { (letter.kind().zh()) }
            p.number { "案件编号:" (letter.number) }
            p { (letter.address()) ":" }
            p.body { (letter.opening()) }
            @if let Some(appeal) = &letter.appeal {
                p.body { strong { "复核意见:" } (appeal.findings) }
                p.body { "原决定的原因:" }
            }
            ol.reasons {
                @for line in &letter.lines {
                    li {
                        strong { (line.code.zh()) }
                        p { "查明的情况:" (line.facts) }
                        p { "依据的条款:“" (line.clause) "”" }
                    }
                }
            }
            p.body { (letter.remedy()) }
            div.signed {
                p { "送达日期:" (letter.delivered_on.format("%Y年%-m月%-d日")) }
                p { "经办单位(盖章):" span.blank {} }
            }
            div.receipt {
                p { "送达方式: □ 当面送达  □ 同住成年家属代收  □ 邮寄送达" }
                p { "接收人签名:" span.blank {} "  日期:" span.blank {} }
            }
        }
    }
}
