//! What an installation decides about signing in: how long sessions last, second factor, the county's
//! own sign-in service, where people come from.

use console::{Front, LoginClaim, Oidc};
use engine::identity::{Rules, SecondFactorRule};
use std::path::Path;
use std::sync::Arc;

/// A sign-in service, as it is configured.
#[derive(Clone)]
pub struct OidcKeys {
    issuer: String,
    client: String,
    secret: String,
    claim: LoginClaim,
    label: String,
}

/// The secret stays out of whatever prints a configuration.
impl std::fmt::Debug for OidcKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "OidcKeys({})", self.issuer)
    }
}

/// The keys about signing in.
#[derive(Debug, Clone)]
pub struct SigningIn {
    pub rules: Rules,
    /// Where people reach this installation, such as `https://fangpin.example.gov.cn`.
    pub public_url: Option<String>,
    /// Whether a proxy of one's own stands before it and says where requests come from.
    pub behind_proxy: bool,
    pub oidc: Option<OidcKeys>,
}

impl SigningIn {
    /// The keys from their texts; what is wrong goes to `wrong` with the key it is about.
    pub fn read(
        text: &mut dyn FnMut(&str) -> Option<String>,
        wrong: &mut dyn FnMut(&str, String),
    ) -> Self {
        let mut rules = Rules::default();
        let mut number = |key: &str, range: std::ops::RangeInclusive<i64>| {
            let given = text(key)?;
            let number = given.parse().ok().filter(|it| range.contains(it));
            if number.is_none() {
                let (from, to) = (range.start(), range.end());
                wrong(
                    key,
                    format!("{given:?} is not a number from {from} to {to}"),
                );
            }
            number
        };
        if let Some(minutes) = number("session_idle_minutes", 1..=1_440) {
            rules.idle = chrono::Duration::minutes(minutes);
        }
        if let Some(hours) = number("session_hours", 1..=72) {
            rules.absolute = chrono::Duration::hours(hours);
        }
        if let Some(minutes) = number("session_renew_minutes", 1..=1_440) {
            rules.renew = chrono::Duration::minutes(minutes);
        }
        rules.second_factor = match text("second_factor").as_deref() {
            None | Some("optional") => SecondFactorRule::Optional,
            Some("money") => SecondFactorRule::Money,
            Some("required") => SecondFactorRule::Required,
            Some(other) => {
                let what = format!("{other:?} is none of optional, money, required");
                wrong("second_factor", what);
                SecondFactorRule::Required
            }
        };
        let behind_proxy = match text("behind_proxy").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                wrong(
                    "behind_proxy",
                    format!("{other:?} is neither true nor false"),
                );
                false
            }
        };
        let public_url = text("public_url");
        if let Some(url) = public_url.as_deref().filter(|it| !is_http(it)) {
            wrong("public_url", format!("{url:?} is not an http address"));
        }
        let oidc = OidcKeys::read(text, wrong, public_url.is_some());
        Self {
            rules,
            public_url,
            behind_proxy,
            oidc,
        }
    }

    /// The front of the console.
    pub fn front(&self) -> Result<Front, console::OidcProblem> {
        let public = self.public_url.as_deref().unwrap_or_default();
        let oidc = self.oidc.as_ref().map(|keys| {
            let OidcKeys {
                issuer,
                client,
                secret,
                claim,
                label,
            } = keys;
            Oidc::new(issuer, client, secret, public, *claim, label).map(Arc::new)
        });
        Ok(Front {
            oidc: oidc.transpose()?,
            secure: public.starts_with("https://"),
            ..Front::default()
        })
    }
}

fn is_http(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

impl OidcKeys {
    fn read(
        text: &mut dyn FnMut(&str) -> Option<String>,
        wrong: &mut dyn FnMut(&str, String),
        has_public_url: bool,
    ) -> Option<Self> {
        let issuer = text("oidc_issuer");
        let client = text("oidc_client_id");
        let secret = text("oidc_client_secret");
        let file = text("oidc_client_secret_file");
        let claim = text("oidc_claim");
        let label = text("oidc_label");
        let Some(issuer) = issuer else {
            let others = [
                ("oidc_client_id", client.is_some()),
                ("oidc_client_secret", secret.is_some()),
                ("oidc_client_secret_file", file.is_some()),
                ("oidc_claim", claim.is_some()),
                ("oidc_label", label.is_some()),
            ];
            for (key, _) in others.into_iter().filter(|(_, given)| *given) {
                let what = "does nothing without oidc_issuer; give that too, or take this away";
                wrong(key, what.to_owned());
            }
            return None;
        };
        if !has_public_url {
            let what = "is missing: the sign-in service leads people back there".to_owned();
            wrong("public_url", what);
        }
        if !is_http(&issuer) {
            wrong("oidc_issuer", format!("{issuer:?} is not an http address"));
        }
        let secret = match (secret, file) {
            (Some(secret), None) => Some(secret),
            (None, Some(file)) => std::fs::read_to_string(Path::new(&file))
                .map(|text| text.trim().to_owned())
                .map_err(|fault| {
                    wrong(
                        "oidc_client_secret_file",
                        format!("{file} cannot be read: {fault}"),
                    );
                })
                .ok(),
            (Some(_), Some(_)) => {
                let what = "stands beside oidc_client_secret_file; one of them is enough";
                wrong("oidc_client_secret", what.to_owned());
                None
            }
            (None, None) => {
                let what = "is missing, and oidc_client_secret_file too";
                wrong("oidc_client_secret", what.to_owned());
                None
            }
        };
        if client.is_none() {
            wrong("oidc_client_id", "is missing".to_owned());
        }
        let claim = match claim.as_deref() {
            None | Some("preferred_username") => LoginClaim::PreferredUsername,
            Some("email") => LoginClaim::Email,
            Some("sub") => LoginClaim::Subject,
            Some(other) => {
                let what = format!("{other:?} is none of preferred_username, email, sub");
                wrong("oidc_claim", what);
                LoginClaim::PreferredUsername
            }
        };
        Some(Self {
            issuer,
            client: client?,
            secret: secret?,
            claim,
            label: label.unwrap_or_else(|| "统一身份认证登录".to_owned()),
        })
    }
}
