//! Chinese words for codes, instants and people.

use super::Console;
use axum::http::StatusCode;
use benefits::Fen;
use chrono::{DateTime, FixedOffset, Utc};
use engine::access::Refusal;
use engine::household::{PRIVATE, entered};
use engine::{Caller, Desk, Fault, timer};
use lifecycle::{OrgId, Param, PersonId, Phase, Stamp};
use maud::{Markup, Render, html};
use std::collections::HashMap;

/// An instant as the office's wall clock showed it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    let shanghai = FixedOffset::east_opt(8 * 3600);
    shanghai.map_or_else(
        || at.to_rfc3339(),
        |zone| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
    )
}

/// The same as an element that programs can read.
pub(super) fn time(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (instant(at)) } }
}

/// Yuan with its sign.
pub(super) fn yuan(amount: Fen) -> Markup {
    html! { span.money { (amount) small { " 元" } } }
}

/// English of a phase.
pub(super) const fn phase_en(phase: Phase) -> &'static str {
    match phase {
        Phase::Referral => "Referral",
        Phase::Verification => "Verification",
        Phase::PublicNotice => "Public notice",
        Phase::Approval => "Approval",
        Phase::Payout => "Payout",
        Phase::Refusal => "Refusal",
    }
}

/// What a page says above everything else.
#[derive(Debug, Clone, Default)]
pub(super) enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// It was done: Chinese and English.
    Done(String, String),
    /// It was refused: Chinese and English.
    Refused(String, String),
}

impl Told {
    pub(super) fn done(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Done(zh.into(), en.into())
    }

    pub(super) fn refused((zh, en): (String, String)) -> Self {
        Self::Refused(zh, en)
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Nothing | Self::Done(..) => StatusCode::OK,
            Self::Refused(..) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl Render for Told {
    fn render(&self) -> Markup {
        html! {
            @match self {
                Self::Nothing => {}
                Self::Done(zh, en) => p.good role="status" { (zh) " " small lang="en" { (en) } },
                Self::Refused(zh, en) => p.alert role="alert" { (zh) " " small lang="en" { (en) } },
            }
        }
    }
}

impl Console {
    /// What a refusal says; the bare code where no catalogue is at hand.
    pub(super) fn says(&self, code: &str, params: &[(&'static str, Param)]) -> (String, String) {
        let said = self.words.and_then(|words| words(code, params));
        said.unwrap_or_else(|| (code.to_owned(), String::new()))
    }

    /// What the code of an old refusal says, whose parameters were not kept.
    pub(super) fn says_of(&self, code: &str) -> String {
        let (said, _) = self.says(code, &[]);
        let mut parts = said.split(['{', '}']);
        let mut text = parts.next().unwrap_or_default().to_owned();
        // Every second part is the name of a parameter.
        while let (Some(_), Some(after)) = (parts.next(), parts.next()) {
            text.push('…');
            text.push_str(after);
        }
        text
    }

    /// What is wrong with an entry, by the reason it was refused for.
    pub(super) fn unfit(&self, field: &str, reason: &str) -> (String, String) {
        let text = |text: &str| Param::Text(text.to_owned());
        if reason == PRIVATE {
            return self.says("PRIVATE_IN_TEXT", &[("field", text(field))]);
        }
        let params = [("field", text(field)), ("reason", text(reason))];
        self.says("VALIDATION", &params)
    }

    /// What a refusal of somebody's access says.
    pub(super) fn denied(&self, refusal: Refusal) -> (String, String) {
        let both = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        match refusal {
            Refusal::Weak(weak) => both(weak.zh(), weak.en()),
            Refusal::WrongPassword => both("现在的口令不对。", "The present password is wrong."),
            Refusal::WrongCode => both("验证码不对或已用过。", "The code is wrong or was used."),
            Refusal::LinkEnded => both("链接已失效或已用过。", "The link has ended or was used."),
            Refusal::Wait { seconds } => (
                format!("尝试次数过多,请在{seconds}秒后再试。"),
                format!("Too many attempts: try again in {seconds} seconds."),
            ),
            Refusal::SecondFactor => both(
                "须先用第二因素登录;尚未设置的,请先在“我的账号”设置。",
                "Sign in with a second factor for this; set one up under Account first if you have none.",
            ),
            Refusal::Own => both("不能更改自己的权限。", "Nobody changes their own rights."),
            Refusal::NotFound => both("没有找到。", "Not found."),
            Refusal::DutyMissing => both("您的岗位不能办理。", "Your duties do not allow this."),
            Refusal::Invalid { field, reason } => self.unfit(field, reason),
        }
    }

    /// A text of a form.
    pub(super) fn entry(&self, field: &str, text: &str) -> Result<String, (String, String)> {
        entered(text).map_err(|reason| self.unfit(field, reason))
    }
}

/// Names of the county's staff, for timelines.
#[derive(Default)]
pub(super) struct Staff {
    people: HashMap<PersonId, (String, OrgId)>,
    orgs: HashMap<OrgId, String>,
}

impl Staff {
    pub(super) async fn of(desk: &Desk, caller: &Caller) -> Result<Self, Fault> {
        let county = caller.scope.county;
        let people = desk.store().people(county).await?;
        let orgs = desk.store().orgs(county).await?;
        let mut staff = Self {
            people: people
                .into_iter()
                .map(|it| (it.id, (it.name, it.org)))
                .collect(),
            orgs: orgs.into_iter().map(|it| (it.id, it.name)).collect(),
        };
        if let Some(timer) = timer::timer_caller(county) {
            staff.people.insert(timer.person, (timer.name, timer.org));
            staff.orgs.insert(timer.org, timer.org_name);
        }
        Ok(staff)
    }

    /// A person's name.
    pub(super) fn name(&self, person: PersonId) -> &str {
        self.people
            .get(&person)
            .map_or("(已注销人员)", |(name, _)| name)
    }

    /// Name and organisation.
    fn full(&self, person: PersonId) -> String {
        let org = self
            .people
            .get(&person)
            .and_then(|(_, org)| self.orgs.get(org));
        match org {
            Some(org) => format!("{} · {org}", self.name(person)),
            None => self.name(person).to_owned(),
        }
    }

    /// Who acted, and for whom.
    pub(super) fn actor(&self, stamp: &Stamp) -> String {
        match stamp.on_behalf_of {
            Some(other) => format!("{}(代 {})", self.full(stamp.by), self.name(other)),
            None => self.full(stamp.by),
        }
    }
}
