//! The letter of a refusal (拒赔通知书) in plain words, and that of an appeal that was dismissed (申诉决定通知书).
//!
//! Like a [`NoticeLine`](crate::notice::NoticeLine) a [`Letter`] has no field for an ID number, account,
//! phone, diagnosis or hospital (invariant 9); facts and findings are words of whoever decided, and go to the household alone. Its text follows from its fields alone, and its hash from the text.

use crate::calendar::{Calendar, legal_day};
use crate::claim::{Claim, State};
use crate::ids::hex;
use crate::notice::presentable;
use crate::phase::refusal::RefusalCode;
use crate::scheme::{Peril, Scheme};
use crate::{Blocked, coded};
use benefits::Fen;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

coded! {
    /// What a letter tells.
    LetterKind {
        Refusal = "REFUSAL" "拒赔通知书",
        AppealDismissed = "APPEAL_DISMISSED" "申诉决定通知书",
    }
}

/// One reason, as the household reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterLine {
    /// The reason.
    pub code: RefusalCode,
    /// What was found.
    pub facts: String,
    /// The clause, word for word.
    pub clause: String,
}

/// What became of the household's appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterAppeal {
    /// The legal day of the appeal.
    pub lodged_on: NaiveDate,
    /// The legal day of the decision.
    pub decided_on: NaiveDate,
    /// Why it was dismissed.
    pub findings: String,
}

/// A letter. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Claim number.
    pub number: String,
    /// Village name.
    pub village: String,
    /// Head of household.
    pub head_name: String,
    /// The scheme's name.
    pub scheme: String,
    /// What was asked for: the peril class.
    pub peril: Peril,
    /// Day of the event.
    pub event_on: NaiveDate,
    /// Self-paid cost as the household stated it.
    pub submitted: Fen,
    /// The legal day of the refusal.
    pub refused_on: NaiveDate,
    /// The reasons, at least one.
    pub lines: Vec<LetterLine>,
    /// The appeal that was dismissed; `None` in the letter of the refusal itself.
    pub appeal: Option<LetterAppeal>,
    /// The legal day on which the household receives it.
    pub delivered_on: NaiveDate,
    /// The last day for an appeal, counted from that day; `None` where none is left.
    pub appeal_until: Option<NaiveDate>,
    /// Whom to ask.
    pub hot_line: String,
}

/// A day as it is written in a letter.
fn written(day: NaiveDate) -> String {
    day.format("%Y年%-m月%-d日").to_string()
}

impl Letter {
    /// The letter that the claim owes its household, delivered on a day; `None` if it owes none.
    pub fn compose(
        claim: &Claim,
        village: &str,
        head_name: &str,
        scheme: &Scheme,
        calendar: &Calendar,
        delivered_on: NaiveDate,
    ) -> Result<Option<Self>, Blocked> {
        let Some(refusal) = claim.refusals.last() else {
            return Ok(None);
        };
        let decision = refusal.decision();
        let owed = match &claim.state {
            State::Ineligible(_) | State::Rejected(_) => refusal.letter.is_none(),
            State::AppealDismissed(_) => decision.is_some_and(|it| it.letter.is_none()),
            State::Draft(_)
            | State::Referred(_)
            | State::Returned(_)
            | State::Accepted(_)
            | State::Verifying(_)
            | State::Verified(_)
            | State::NoticeOpen(_)
            | State::NoticeClosed(_)
            | State::Approved(_)
            | State::Instructed(_)
            | State::PayUnknown(_)
            | State::PayFailed(_)
            | State::Paid(_)
            | State::PayReturned(_)
            | State::Closed(_)
            | State::Recovering(_)
            | State::AwaitingFunds(_)
            | State::Recovered(_)
            | State::WrittenOff(_)
            | State::Withdrawn(_)
            | State::Appealed(_)
            | State::RefusalClosed(_) => false,
        };
        if !owed {
            return Ok(None);
        }
        presentable("village", village)?;
        presentable("headName", head_name)?;
        let appeal = refusal.appeal.as_ref().zip(decision);
        let appeal_until = match appeal {
            // One appeal is final.
            Some(_) => None,
            None => Some(calendar.last_day(delivered_on, scheme.appeal_term())?),
        };
        let lines = refusal.lines.iter().map(|line| {
            let clause = scheme
                .clause(&line.clause)
                .ok_or(Blocked::ClauseUnknown {})?;
            Ok(LetterLine {
                code: line.code,
                facts: line.facts.clone(),
                clause: clause.to_owned(),
            })
        });
        Ok(Some(Self {
            number: claim.number.clone(),
            village: village.to_owned(),
            head_name: head_name.to_owned(),
            scheme: scheme.name.clone(),
            peril: claim.case.peril,
            event_on: claim.case.event_on,
            submitted: claim.case.submitted,
            refused_on: legal_day(refusal.decided.at),
            lines: lines.collect::<Result<_, Blocked>>()?,
            appeal: appeal.map(|(appeal, decision)| LetterAppeal {
                lodged_on: legal_day(appeal.lodged.at),
                decided_on: legal_day(decision.decided.at),
                findings: decision.findings.clone(),
            }),
            delivered_on,
            appeal_until,
            hot_line: scheme.notice.hot_line.clone(),
        }))
    }

    /// What it tells.
    pub const fn kind(&self) -> LetterKind {
        if self.appeal.is_some() {
            LetterKind::AppealDismissed
        } else {
            LetterKind::Refusal
        }
    }

    /// To whom it is addressed.
    pub fn address(&self) -> String {
        format!("{} {} 户", self.village, self.head_name)
    }

    /// What was asked, and that it is refused.
    pub fn opening(&self) -> String {
        let asked = format!(
            "您家按《{}》申请{}救助(事件日期{},申报自付{}元)",
            self.scheme,
            self.peril.zh(),
            written(self.event_on),
            self.submitted
        );
        match &self.appeal {
            None => format!(
                "{asked}。经核查,{}决定:这次申请不予赔付。原因如下。",
                written(self.refused_on)
            ),
            Some(appeal) => format!(
                "{asked},{}决定不予赔付。您家于{}提出申诉。经由未参与原决定的人员复核,{}决定:维持不予赔付。",
                written(self.refused_on),
                written(appeal.lodged_on),
                written(appeal.decided_on)
            ),
        }
    }

    /// What the household may do.
    pub fn remedy(&self) -> String {
        let ask = format!("有不明白的地方,请打电话{}询问。", self.hot_line);
        match self.appeal_until {
            Some(day) => format!(
                "如果您不同意,可以在{}以前(含当天)提出申诉:向县级防贫主管部门说明理由即可,书面、口头都行,村里和乡镇的经办人员可以代您提交,不收费用。\
                 申诉由没有参与这次决定的人员重新审查,结果会书面告诉您。{ask}",
                written(day)
            ),
            None => format!(
                "这是对申诉的最后决定。以后如果有新的情况(新的票据、新的事实),可以重新申请,按新案件办理。{ask}"
            ),
        }
    }

    /// The text as it is printed, one paragraph a line.
    pub fn text(&self) -> String {
        let mut lines = vec![
            self.kind().zh().to_owned(),
            format!("案件编号:{}", self.number),
            format!("{}:", self.address()),
            self.opening(),
        ];
        if let Some(appeal) = &self.appeal {
            lines.push(format!("复核意见:{}", appeal.findings));
            lines.push("原决定的原因:".to_owned());
        }
        for (place, line) in self.lines.iter().enumerate() {
            lines.push(format!("{}. {}", place + 1, line.code.zh()));
            lines.push(format!("查明的情况:{}", line.facts));
            lines.push(format!("依据的条款:“{}”", line.clause));
        }
        lines.push(self.remedy());
        lines.push(format!("送达日期:{}", written(self.delivered_on)));
        lines.join("\n")
    }

    /// SHA-256 of the text, lower-case hexadecimal: what whoever hands it over must have seen.
    pub fn content_hash(&self) -> String {
        hex(&Sha256::digest(self.text()))
    }
}
