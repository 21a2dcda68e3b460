//! The letter of a refusal (拒赔通知书) on a sheet of paper: printed, handed over, then put on record by
//! `issueRefusalLetter`. What went out before is shown as it went out.

use super::guard::{SignedIn, encode};
use super::{Console, Stop, frame};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use lifecycle::calendar::legal_day;
use lifecycle::letter::Letter;
use maud::{Markup, html};
use serde::Deserialize;

/// The day on which it is to be handed over; none for today.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    on: String,
}

pub(super) async fn page(
    State(console): State<Console>,
    SignedIn(caller): SignedIn,
    Path(number): Path<String>,
    Query(Asked { on }): Query<Asked>,
) -> Result<Response, Stop> {
    let desk = &console.office.desk;
    let claim = desk
        .store()
        .claim_by_number(&caller.scope, &number)
        .await?
        .ok_or(Stop::NotFound)?;
    let delivered_on: NaiveDate = match on.as_str() {
        "" => legal_day(desk.clock().now()),
        day => day.parse().map_err(|_| Stop::NotFound)?,
    };
    let owed = desk.refusal_letter(&caller, &claim, delivered_on).await?;
    let issued = claim.refusals.last().and_then(|refusal| {
        let told = refusal.decision().and_then(|it| it.letter.as_ref());
        told.or(refusal.letter.as_ref())
    });
    let (letter, is_issued) = match (owed, issued) {
        (Some(Ok(letter)), _) => (letter, false),
        (Some(Err(blocked)), _) => {
            let (zh, en) = console.says(blocked.code(), &blocked.params());
            let page = frame::notice(
                "通知书暂时无法生成",
                "The letter cannot be written",
                &format!("{zh}。请系统管理员补录日历,或更正户主姓名、村名的登记,再重新打开。"),
                &format!(
                    "{en}: the operator enters the calendar's year, or the registered name is corrected; then open it again."
                ),
            );
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
        (None, Some(issued)) => (issued.letter.clone(), true),
        (None, None) => {
            let page = frame::notice(
                "没有通知书",
                "No letter",
                "本案没有被拒赔,或该户已迁出您的辖区:已迁出的,请由现辖区的经办人员打印。",
                "The claim was not refused; or the household has moved out of your region, whose office prints the letter.",
            );
            return Ok((StatusCode::NOT_FOUND, page).into_response());
        }
    };
    let sheet = sheet(&letter, is_issued);
    Ok(frame::paper(letter.kind().zh(), &sheet).into_response())
}

fn sheet(letter: &Letter, is_issued: bool) -> Markup {
    html! {
        p.hint {
            @if is_issued { "已送达的通知书。" } @else {
                "打印后于 " (letter.delivered_on) " 送达农户,再登记送达(issueRefusalLetter),内容指纹 "
                span.code { (letter.content_hash()) } "。"
            }
        }
        @if !is_issued {
            form.filter method="get" action=(format!("/claims/{}/refusal-letter", encode(&letter.number))) {
                label { "送达日期 " small lang="en" { "Delivered on " } input type="date" name="on" value=(letter.delivered_on) required; }
                button type="submit" { "改日送达,重新生成" }
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
