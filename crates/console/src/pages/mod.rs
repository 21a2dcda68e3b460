//! The pages of the caseworker (经办台): server-rendered, no script, nothing from outside.

mod account;
mod claim;
mod claims;
mod files;
mod frame;
mod guard;
mod letter;
mod link;
mod login;
mod oidc;
mod overdue;
mod payments;
mod people;
mod pools;
mod route;
mod timeline;
mod upload;
mod webhooks;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use engine::access::Office;
use engine::authority::Denied;
use engine::hooks::address::AddressCheck;
use engine::{Fault, ids, limits};
use lifecycle::Param;
use std::sync::{Arc, LazyLock};

use frame::Place;
pub use oidc::{LoginClaim, Oidc, OidcProblem};

/// What every page is given.
#[derive(Clone)]
struct Console {
    office: Office,
    returned: Arc<upload::ReturnedSheets>,
    oidc: Option<Arc<Oidc>>,
    secure: bool,
    words: Option<Words>,
    addresses: Option<Arc<dyn AddressCheck>>,
}

/// What a refusal says, in Chinese and English: code and parameters; nothing for a code that is not known.
pub type Words = fn(&str, &[(&'static str, Param)]) -> Option<(String, String)>;

/// What an installation decides about its front.
#[derive(Clone, Default)]
pub struct Front {
    /// A sign-in service of the county's own.
    pub oidc: Option<Arc<Oidc>>,
    /// Whether people come by HTTPS, whatever the headers say.
    pub secure: bool,
    /// The catalogue of refusals; without it pages show bare codes.
    pub words: Option<Words>,
    /// Who knows where webhooks may be sent; without it no endpoint is set up on a page.
    pub addresses: Option<Arc<dyn AddressCheck>>,
}

/// The pages, on a desk.
pub fn router(office: Office) -> Router {
    router_with(office, Front::default())
}

/// The same, as an installation wants it.
pub fn router_with(office: Office, front: Front) -> Router {
    let console = Console {
        office,
        returned: Arc::default(),
        oidc: front.oidc,
        secure: front.secure,
        words: front.words,
        addresses: front.addresses,
    };
    // The form around a sheet takes some hundred bytes.
    let upload_bytes_max = limits::SHEET_BYTES_MAX + 16 * 1024;
    let import = get(upload::form)
        .post(upload::receive)
        .layer(DefaultBodyLimit::max(upload_bytes_max));
    let files = get(files::page)
        .post(files::receive)
        .layer(DefaultBodyLimit::max(
            limits::BANK_FILE_BYTES_MAX + 16 * 1024,
        ));
    Router::new()
        .route("/", get(guard::home))
        .route("/login", get(login::form).post(login::enter))
        .route("/login/code", post(login::confirm))
        .route("/login/oidc", get(oidc::begin))
        .route("/login/oidc/callback", get(oidc::end))
        .route("/logout", post(login::leave))
        .route("/invite/{token}", get(link::form).post(link::receive))
        .route("/setup/{token}", get(link::set_up_form).post(link::set_up))
        .route("/account", get(account::page).post(account::change))
        .route("/people", get(people::page).post(people::change))
        .route("/claims", get(claims::list))
        .route("/claims/{number}", get(claim::page))
        .route("/claims/{number}/refusal-letter", get(letter::page))
        .route("/overdue", get(overdue::page))
        .route("/pools", get(pools::page).post(pools::change))
        .route("/payments", get(payments::page).post(payments::change))
        .route("/payments/files", files)
        .route("/webhooks", get(webhooks::page).post(webhooks::change))
        .route("/referrals/import", import)
        .route("/referrals/import/returned.xlsx", get(upload::returned))
        .route("/console.css", get(stylesheet))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || Stop::NotFound)
        .layer(middleware::from_fn_with_state(
            console.clone(),
            guard::on_behalf,
        ))
        .layer(middleware::from_fn(guard::same_origin))
        .layer(middleware::from_fn(guard::security_headers))
        .with_state(console)
}

/// The style sheet, with a tag by which a browser asks whether it has changed.
async fn stylesheet(asked: HeaderMap) -> Response {
    const STYLE: &str = include_str!("style.css");
    static TAG: LazyLock<String> = LazyLock::new(|| format!("W/\"{}\"", &ids::sha256(STYLE)[..16]));
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::ETAG, TAG.as_str()),
    ];
    let known = asked.get(header::IF_NONE_MATCH);
    if known.is_some_and(|tag| tag.as_bytes() == TAG.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, STYLE).into_response()
}

/// What a page ends with when it cannot be shown.
enum Stop {
    /// There is no such thing, or it is not the caller's: one answer for both.
    NotFound,
    /// No duty of the caller opens this page.
    Forbidden,
    /// It wants a second factor, and none was shown.
    SecondFactor,
    /// The store failed.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Denied> for Stop {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::SecondFactor => Self::SecondFactor,
            Denied::Anonymous | Denied::Duty | Denied::Grant(_) | Denied::Unlisted => {
                Self::Forbidden
            }
        }
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => {
                let page = frame::notice(
                    "没有找到",
                    "Not found",
                    "没有这个页面或案件,或者它不在您的辖区。",
                    "There is no such page or claim, or it lies outside your region.",
                );
                (StatusCode::NOT_FOUND, page).into_response()
            }
            Self::Forbidden => {
                let page = frame::notice(
                    "您的岗位不能打开这个页面",
                    "Not your duty",
                    "这个页面属于别的岗位。需要时请联系系统管理员。",
                    "This page belongs to another duty.",
                );
                (StatusCode::FORBIDDEN, page).into_response()
            }
            Self::SecondFactor => {
                let page = frame::notice(
                    "请先启用第二因素",
                    "A second factor first",
                    "本单位要求用第二因素登录:请先在“我的账号”(/account)启用,再打开这个页面。",
                    "Set up a second factor under Account, then open this page.",
                );
                (StatusCode::FORBIDDEN, page).into_response()
            }
            Self::Fault(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "a page failed");
                let page = frame::notice(
                    "暂时无法显示",
                    "Temporarily unavailable",
                    "系统出错,已记录。请稍后再试;没有任何数据被改动。",
                    "Something went wrong and was recorded. Nothing was changed.",
                );
                (StatusCode::INTERNAL_SERVER_ERROR, page).into_response()
            }
        }
    }
}
