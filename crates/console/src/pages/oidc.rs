//! Signing in through the county's own service (统一身份认证), by `OpenID` Connect: code flow with PKCE,
//! state and nonce. Only who has an account here gets in.

use super::guard::{encode, local};
use super::{Console, Stop, frame, login};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::html;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse as _,
};
use serde::Deserialize;
use std::pin::Pin;
use std::time::Duration;

/// How long somebody may take at the provider's.
const MINUTES_AWAY_MAX: u32 = 10;
/// How long the provider may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer of the provider.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const COOKIE: &str = "fangpin_oidc";

/// Which claim of the provider is the login here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginClaim {
    /// `preferred_username`.
    PreferredUsername,
    /// `email`, where the provider has verified it.
    Email,
    /// `sub`.
    Subject,
}

/// A provider, as it is configured.
pub struct Oidc {
    issuer: IssuerUrl,
    client: ClientId,
    secret: ClientSecret,
    redirect: RedirectUrl,
    claim: LoginClaim,
    label: String,
    http: Http,
}

/// What is wrong with the configuration of a provider.
#[derive(Debug, thiserror::Error)]
pub enum OidcProblem {
    /// An address is none.
    #[error("not an address: {0}")]
    Address(String),
    /// The HTTP client cannot be made.
    #[error("no HTTP client")]
    Client(#[from] reqwest::Error),
}

#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("the provider did not answer")]
    Http(#[from] reqwest::Error),
    #[error("the provider's answer is too long")]
    TooLong,
}

/// The HTTP client that `openidconnect` asks with: the one we have.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.0.execute(request.try_into()?).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                if body.len() + piece.len() > ANSWER_BYTES_MAX {
                    return Err(Unanswered::TooLong);
                }
                body.extend_from_slice(&piece);
            }
            let mut response = HttpResponse::new(body);
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            Ok(response)
        })
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Oidc {
    /// A provider by its issuer, and this installation's address for people.
    pub fn new(
        issuer: &str,
        client: &str,
        secret: &str,
        public_url: &str,
        claim: LoginClaim,
        label: &str,
    ) -> Result<Self, OidcProblem> {
        // A second provider of cryptography can only be installed by somebody else, and is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = |text: &str| OidcProblem::Address(text.to_owned());
        let back = format!("{}/login/oidc/callback", public_url.trim_end_matches('/'));
        Ok(Self {
            issuer: IssuerUrl::new(issuer.to_owned()).map_err(|_| address(issuer))?,
            client: ClientId::new(client.to_owned()),
            secret: ClientSecret::new(secret.to_owned()),
            redirect: RedirectUrl::new(back.clone()).map_err(|_| address(&back))?,
            claim,
            label: label.to_owned(),
            // What the provider answers is read as it is: no redirect leads elsewhere.
            http: Http(
                reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .timeout(ANSWER)
                    .build()?,
            ),
        })
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The provider as it describes itself, with the keys it signs with now.
    async fn found(&self) -> Result<Client, Failure> {
        let metadata =
            CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await?;
        let secret = Some(self.secret.clone());
        Ok(
            CoreClient::from_provider_metadata(metadata, self.client.clone(), secret)
                .set_redirect_uri(self.redirect.clone()),
        )
    }

    /// Where to send somebody, and what to remember of them meanwhile.
    async fn begin(&self, next: &str) -> Result<(String, Journey), Failure> {
        let client = self.found().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let journey = Journey {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            next: next.to_owned(),
        };
        Ok((url.to_string(), journey))
    }

    /// Whom the provider means, and the login it names.
    async fn end(
        &self,
        journey: &Journey,
        code: String,
    ) -> Result<(String, Option<String>), Failure> {
        let client = self.found().await?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(PkceCodeVerifier::new(journey.verifier.clone()))
            .request_async(&self.http)
            .await?;
        let id_token = tokens.id_token().ok_or("the provider sent no ID token")?;
        let verifier = client.id_token_verifier();
        let claims = id_token.claims(&verifier, &Nonce::new(journey.nonce.clone()))?;
        if let Some(expected) = claims.access_token_hash() {
            let actual = openidconnect::AccessTokenHash::from_token(
                tokens.access_token(),
                id_token.signing_alg()?,
                id_token.signing_key(&verifier)?,
            )?;
            if actual != *expected {
                return Err("the access token is another's".into());
            }
        }
        let subject = claims.subject().as_str().to_owned();
        let named = match self.claim {
            LoginClaim::Subject => Some(subject.clone()),
            LoginClaim::PreferredUsername => {
                claims.preferred_username().map(|it| it.as_str().to_owned())
            }
            LoginClaim::Email => claims
                .email()
                .filter(|_| claims.email_verified() == Some(true))
                .map(|it| it.as_str().to_owned()),
        };
        Ok((subject, named))
    }
}

/// What a browser keeps while its owner is at the provider's.
struct Journey {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
}

impl Journey {
    fn cookie(&self, secure: bool) -> String {
        let Self {
            state,
            nonce,
            verifier,
            next,
        } = self;
        // Lax: the way back begins on the provider's page.
        let seconds = MINUTES_AWAY_MAX * 60;
        let rest = format!("Path=/login/oidc; HttpOnly; SameSite=Lax; Max-Age={seconds}");
        let secure = if secure { "; Secure" } else { "" };
        format!(
            "{COOKIE}={state}!{nonce}!{verifier}!{}; {rest}{secure}",
            encode(next).replace('/', "%2F")
        )
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::COOKIE).iter();
        let mut pairs = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
        let mut parts = value.splitn(4, '!');
        let mut part = || parts.next().map(str::to_owned);
        Some(Self {
            state: part()?,
            nonce: part()?,
            verifier: part()?,
            next: decoded(&part()?),
        })
    }
}

/// A percent-encoded text of ours.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let pair = || Some([rest.clone().next()?, rest.clone().nth(1)?]);
        let code = (byte == b'%').then(pair).flatten();
        let code = code.and_then(|pair| {
            let text = std::str::from_utf8(&pair).ok()?.to_owned();
            u8::from_str_radix(&text, 16).ok()
        });
        if let Some(code) = code {
            bytes.push(code);
            rest.nth(1);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

pub(super) async fn begin(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Stop> {
    let oidc = console.oidc.as_ref().ok_or(Stop::NotFound)?;
    match oidc.begin(local(&wanted.next)).await {
        Ok((url, journey)) => {
            let cookie = journey.cookie(console.is_secure(&headers));
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&url)).into_response())
        }
        Err(fault) => {
            tracing::error!(%fault, "the OpenID provider");
            Ok(refused(StatusCode::BAD_GATEWAY))
        }
    }
}

pub(super) async fn end(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Stop> {
    let oidc = console.oidc.as_ref().ok_or(Stop::NotFound)?;
    let Some(journey) = Journey::of(&headers).filter(|it| it.state == back.state) else {
        return Ok(refused(StatusCode::BAD_REQUEST));
    };
    let (subject, named) = match oidc.end(&journey, back.code).await {
        Ok(found) => found,
        Err(fault) => {
            tracing::warn!(%fault, "signing in through the OpenID provider");
            return Ok(refused(StatusCode::UNAUTHORIZED));
        }
    };
    let access = &console.office.access;
    let issuer = oidc.issuer.as_str();
    let outcome = access
        .sign_in_subject(issuer, &subject, named.as_deref())
        .await?;
    let response = login::answer(&console, &headers, outcome, &journey.next, |_, _| {
        refused(StatusCode::FORBIDDEN)
    });
    let gone = format!("{COOKIE}=; Path=/login/oidc; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(onwards(response, gone))
}

/// A redirect would still count as the provider's, and the session's cookie is strict: so a page of
/// our own leads on.
fn onwards(response: Response, gone: String) -> Response {
    let gone = AppendHeaders([(header::SET_COOKIE, gone)]);
    let headers = response.headers();
    let to = headers
        .get(header::LOCATION)
        .and_then(|it| it.to_str().ok());
    let cookie = headers.get(header::SET_COOKIE).cloned();
    let (Some(to), Some(cookie)) = (to, cookie) else {
        return (gone, response).into_response();
    };
    let page = frame::outside(
        "登录",
        &html! {
            meta http-equiv="refresh" content=(format!("0;url={to}"));
            h1 { "已登录 " small lang="en" { "Signed in" } }
            p { a.button href=(to) { "继续 " small lang="en" { "Go on" } } }
        },
    );
    (gone, AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response()
}

fn refused(status: StatusCode) -> Response {
    let page = frame::notice(
        "没有登录",
        "Not signed in",
        "统一身份认证没有成功,或者这里没有您的账号。请重试,或联系管理员。",
        "The sign-in service did not let you in, or you have no account here. Try again, or ask your administrator.",
    );
    (status, page).into_response()
}
