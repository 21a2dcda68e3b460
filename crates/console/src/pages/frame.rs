//! What every page has around its contents.

use engine::Caller;
use engine::authority::{self, permit};
use maud::{DOCTYPE, Markup, html};

/// Which entry of the navigation is the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Claims,
    Overdue,
    Pools,
    Payments,
    Webhooks,
    Import,
    People,
    Account,
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light";
                title { (title) " · 防贫" }
                link rel="stylesheet" href="/console.css";
                link rel="icon" href="data:,";
            }
            body { (body) }
        }
    }
}

/// A page for somebody who has signed in.
pub(super) fn page(caller: &Caller, place: Option<Place>, title: &str, content: &Markup) -> Markup {
    // An entry is shown to whoever may see its page.
    let entry = |here: Place, href: &str, zh: &str, en: &str| {
        html! {
            @if permit(Some(caller), authority::row(authority::Place::Page, href)).is_ok() {
                a href=(href) aria-current=[(place == Some(here)).then_some("page")] {
                    (zh) " " small lang="en" { (en) }
                }
            }
        }
    };
    document(
        title,
        &html! {
            a.skip href="#main" { "跳到正文" }
            header.top {
                a.brand href="/" { "防贫 " small lang="en" { "Fangpin" } }
                nav aria-label="主导航" {
                    (entry(Place::Claims, "/claims", "案件", "Claims"))
                    (entry(Place::Overdue, "/overdue", "时限", "Deadlines"))
                    (entry(Place::Pools, "/pools", "资金池", "Pools"))
                    (entry(Place::Payments, "/payments", "付款", "Payments"))
                    (entry(Place::Import, "/referrals/import", "导入推送名单", "Import"))
                    (entry(Place::People, "/people", "人员与账号", "People"))
                    (entry(Place::Webhooks, "/webhooks", "回调", "Webhooks"))
                    (entry(Place::Account, "/account", "我的账号", "Account"))
                }
                div.who {
                    span { (caller.name) " · " (caller.org_name) }
                    form method="post" action="/logout" { button.quiet type="submit" { "退出" } }
                }
            }
            main #main { (content) }
        },
    )
}

/// A sheet of paper: nothing of the console on it.
pub(super) fn paper(title: &str, content: &Markup) -> Markup {
    document(title, &html! { main.paper #main { (content) } })
}

/// A page for somebody who has not.
pub(super) fn outside(title: &str, content: &Markup) -> Markup {
    document(title, &html! { main.outside #main { (content) } })
}

/// A page that only says something.
pub(super) fn notice(zh: &str, en: &str, text_zh: &str, text_en: &str) -> Markup {
    outside(
        zh,
        &html! {
            h1 { (zh) " " small lang="en" { (en) } }
            p { (text_zh) }
            p.second lang="en" { (text_en) }
            p { a href="/" { "回到首页" } }
        },
    )
}

/// A line of a list of facts.
pub(super) fn row(label: &str, value: &Markup) -> Markup {
    html! { div { dt { (label) } dd { (value) } } }
}

/// A heading with its small English twin.
pub(super) fn heading(zh: &str, en: &str) -> Markup {
    html! { h2 { (zh) " " small lang="en" { (en) } } }
}
