//! Carries webhooks: HTTPS to the public internet, or to a network that the county lists; no redirections, no proxy,
//! no more than a status read. A name is looked up anew for each connection and every address it has must be lawful:
//! what was checked is what is connected to.

use crate::node_id::{self, Kind};
use crate::types::scalars::instant_text;
use async_trait::async_trait;
use chrono::DateTime;
use engine::hooks::address::{AddressCheck, AllowList};
use engine::hooks::relay::{Courier, Parcel, Told};
use engine::hooks::schedule::Answer;
use engine::hooks::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use engine::limits::{HOOK_TIMEOUT_SECONDS, HOOK_URL_CHARS_MAX};
use engine::{Clock, SystemClock};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::json;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::lookup_host;
use uuid::Uuid;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next message: shorter than receivers keep theirs (Node: 5 s, as long as the
/// wait before the second attempt), so that none is sent on a connection that the other side is just giving up.
const KEEP_IDLE: Duration = Duration::from_secs(2);

/// An address to which nothing is sent.
#[derive(Debug, Clone, Copy)]
struct Unlawful;

impl fmt::Display for Unlawful {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name leads to an address that webhooks are not sent to")
    }
}

impl Error for Unlawful {}

/// Looks names up, and gives none of their addresses away if one is unlawful.
#[derive(Clone)]
struct Lookup {
    allow: Arc<AllowList>,
    is_https: bool,
}

impl Lookup {
    async fn addresses(
        self,
        host: String,
    ) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found: Vec<SocketAddr> = lookup_host((host, 0)).await?.collect();
        let lawful = |it: &SocketAddr| self.allow.admits(it.ip(), self.is_https);
        if found.iter().all(lawful) {
            Ok(found)
        } else {
            Err(Box::new(Unlawful))
        }
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, host) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move {
            let found = lookup.addresses(host).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address that stands in a URL in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// A URL of an endpoint, or why it is none.
fn read(url: &str) -> Result<Url, &'static str> {
    if url.chars().count() > HOOK_URL_CHARS_MAX {
        return Err("TOO_LONG");
    }
    let url = Url::parse(url).map_err(|_| "NOT_A_URL")?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err("NOT_A_URL");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("NOT_A_URL");
    }
    Ok(url)
}

/// Whether webhooks may be sent to a URL, as its name leads now; else why not.
pub async fn check_address(url: &str, allow: &AllowList) -> Result<(), &'static str> {
    let url = read(url)?;
    let lookup = Lookup {
        allow: Arc::new(allow.clone()),
        is_https: url.scheme() == "https",
    };
    if let Some(ip) = literal(&url) {
        let lawful = lookup.allow.admits(ip, lookup.is_https);
        return lawful.then_some(()).ok_or("ADDRESS_REFUSED");
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    match tokio::time::timeout(CONNECT, lookup.addresses(host)).await {
        Ok(Ok(found)) if !found.is_empty() => Ok(()),
        Ok(Err(fault)) if fault.is::<Unlawful>() => Err("ADDRESS_REFUSED"),
        Ok(_) | Err(_) => Err("HOST_UNKNOWN"),
    }
}

/// The courier over HTTP.
pub struct HttpCourier {
    allow: Arc<AllowList>,
    https: Client,
    http: Client,
}

impl HttpCourier {
    /// A courier that sends where it is lawful, and to these networks.
    pub fn new(allow: AllowList) -> Result<Self, reqwest::Error> {
        // A second provider of cryptography can only be installed by somebody else, and is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let allow = Arc::new(allow);
        let client = |is_https| {
            let allow = Arc::clone(&allow);
            Client::builder()
                .dns_resolver(Arc::new(Lookup { allow, is_https }))
                .redirect(Policy::none())
                .no_proxy()
                .https_only(is_https)
                .connect_timeout(CONNECT)
                .pool_idle_timeout(KEEP_IDLE)
                .timeout(Duration::from_secs(HOOK_TIMEOUT_SECONDS))
                .user_agent("fangpin-webhooks")
                .build()
        };
        Ok(Self {
            https: client(true)?,
            http: client(false)?,
            allow,
        })
    }
}

/// Seconds of a `Retry-After`: a number, or a date.
fn retry_after(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - SystemClock.now()).num_seconds())
}

fn unanswered(fault: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(fault);
    while let Some(one) = cause {
        if one.is::<Unlawful>() {
            return "ADDRESS_REFUSED";
        }
        cause = one.source();
    }
    if fault.is_timeout() {
        "TIMEOUT"
    } else if fault.is_connect() {
        "NOT_REACHED"
    } else {
        "BROKEN_OFF"
    }
}

#[async_trait]
impl AddressCheck for HttpCourier {
    async fn check(&self, url: &str) -> Result<(), &'static str> {
        check_address(url, &self.allow).await
    }
}

#[async_trait]
impl Courier for HttpCourier {
    fn write(&self, told: &Told) -> String {
        let Told {
            county,
            claim,
            number,
            version,
            kind,
            at,
            reminder,
        } = told;
        let mut data = json!({
            "county": county.to_string(),
            "claimId": node_id::encode(Kind::Claim, claim.0).as_str(),
            "number": number,
            "seq": version,
        });
        let what = if let Some(reminder) = reminder {
            data["status"] = reminder.status.code().into();
            data["dueOn"] = reminder.due_on.to_string().into();
            reminder.state.code()
        } else {
            let event = Uuid::from_u128(u128::from(*version));
            data["id"] = node_id::encode_part(Kind::Event, claim.0, event)
                .as_str()
                .into();
            kind.code()
        };
        json!({
            "type": format!("claim.{}", what.to_ascii_lowercase()),
            "timestamp": instant_text(*at),
            "data": data,
        })
        .to_string()
    }

    async fn carry(&self, parcel: Parcel) -> Answer {
        let url = match read(&parcel.url) {
            Ok(url) => url,
            Err(why) => return Answer::None(why),
        };
        let is_https = url.scheme() == "https";
        if literal(&url).is_some_and(|ip| !self.allow.admits(ip, is_https)) {
            return Answer::None("ADDRESS_REFUSED");
        }
        let client = if is_https { &self.https } else { &self.http };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ID_HEADER, parcel.id)
            .header(TIMESTAMP_HEADER, parcel.at)
            .header(SIGNATURE_HEADER, parcel.signature)
            .body(parcel.body);
        match request.send().await {
            Ok(answer) => Answer::Status {
                code: answer.status().as_u16(),
                retry_after: retry_after(answer.headers()),
            },
            Err(fault) => Answer::None(unanswered(&fault)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::deadline::DueState;
    use engine::hooks::Reminder;
    use engine::limits::HOOK_BODY_BYTES_MAX;
    use lifecycle::{ClaimId, CountyCode, EventKind, Status};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn parcel(url: &str) -> Parcel {
        Parcel {
            url: url.to_owned(),
            id: "msg_1".into(),
            at: 1,
            signature: "v1,x".into(),
            body: "{}".into(),
        }
    }

    /// Failure 36: by name or by number, in every spelling, at registration and again at the connection.
    #[tokio::test]
    async fn nothing_is_sent_inside() {
        let none = AllowList::default();
        let courier = HttpCourier::new(none.clone()).expect("a client");
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://0/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://localhost:8443/",
            "https://LOCALHOST/",
            "http://127.0.0.1/",
            "http://localhost/",
            "http://1.1.1.1/",
            "https://[fe80::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://100.64.0.1/",
        ] {
            assert_eq!(
                check_address(url, &none).await,
                Err("ADDRESS_REFUSED"),
                "{url}"
            );
            let answer = courier.carry(parcel(url)).await;
            assert_eq!(answer, Answer::None("ADDRESS_REFUSED"), "{url}");
        }
        for url in [
            "",
            "x",
            "ftp://1.1.1.1/",
            "file:///etc/passwd",
            "https://",
            "https://a:b@1.1.1.1/",
            "https://1.1.1.1/#x",
            "javascript:1",
        ] {
            assert_eq!(check_address(url, &none).await, Err("NOT_A_URL"), "{url}");
        }
        assert_eq!(check_address("https://1.1.1.1/", &none).await, Ok(()));
        let long = format!("https://1.1.1.1/{}", "x".repeat(HOOK_URL_CHARS_MAX));
        assert_eq!(check_address(&long, &none).await, Err("TOO_LONG"));
    }

    /// A server that answers each connection with these bytes; what it was asked first.
    async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/in", listener.local_addr().expect("an address"));
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.expect("a request");
            stream
                .write_all(answer.as_bytes())
                .await
                .expect("an answer");
            String::from_utf8_lossy(&bytes[..read]).into_owned()
        });
        (url, asked)
    }

    #[tokio::test]
    async fn answers_are_read_and_redirections_are_not_followed() {
        let courier = HttpCourier::new(AllowList::read("127.0.0.0/8").expect("a network"));
        let courier = courier.expect("a client");
        for (answer, expected) in [
            (
                "HTTP/1.1 204 No Content\r\n\r\n",
                Answer::Status {
                    code: 204,
                    retry_after: None,
                },
            ),
            (
                "HTTP/1.1 429 Wait\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
                Answer::Status {
                    code: 429,
                    retry_after: Some(7),
                },
            ),
            (
                "HTTP/1.1 302 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                Answer::Status {
                    code: 302,
                    retry_after: None,
                },
            ),
            ("nonsense\r\n\r\n", Answer::None("BROKEN_OFF")),
        ] {
            let (url, asked) = server(answer).await;
            assert_eq!(courier.carry(parcel(&url)).await, expected);
            let asked = asked.await.expect("it was asked");
            for line in [
                "POST /in HTTP/1.1",
                "webhook-id: msg_1",
                "webhook-timestamp: 1",
                "webhook-signature: v1,x",
            ] {
                assert!(asked.contains(line), "{asked}");
            }
        }
        assert_eq!(
            courier.carry(parcel("http://127.0.0.1:1/")).await,
            Answer::None("NOT_REACHED")
        );
        // A name that leads to a listed and to an unlisted address would be refused; a listed one is not.
        let listed = AllowList::read("127.0.0.0/8,::1").expect("networks");
        assert_eq!(check_address("http://localhost:9/", &listed).await, Ok(()));
    }

    #[test]
    fn a_date_to_come_again() {
        let mut headers = HeaderMap::new();
        let at = SystemClock.now() + chrono::Duration::seconds(100);
        headers.insert(
            RETRY_AFTER,
            at.format("%a, %d %b %Y %H:%M:%S GMT")
                .to_string()
                .parse()
                .expect("a header"),
        );
        let seconds = retry_after(&headers).expect("seconds");
        assert!((95..=100).contains(&seconds), "{seconds}");
        headers.insert(RETRY_AFTER, "soon".parse().expect("a header"));
        assert_eq!(retry_after(&headers), None);
    }

    /// Thin: which claim, which event, nothing of a household.
    #[test]
    fn a_body_is_thin() {
        let courier = HttpCourier::new(AllowList::default()).expect("a client");
        for kind in EventKind::ALL {
            let told = Told {
                county: CountyCode::new(130_302).expect("a county"),
                claim: ClaimId(Uuid::from_u128(7)),
                number: "130302-2020-00001".into(),
                version: 3,
                kind: *kind,
                at: DateTime::UNIX_EPOCH,
                reminder: None,
            };
            let body = courier.write(&told);
            assert!(body.len() < HOOK_BODY_BYTES_MAX / 40, "{}", body.len());
            let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let fields = |value: &serde_json::Value| -> Vec<String> {
                value
                    .as_object()
                    .expect("an object")
                    .keys()
                    .cloned()
                    .collect()
            };
            assert_eq!(fields(&body), ["data", "timestamp", "type"]);
            assert_eq!(
                fields(&body["data"]),
                ["claimId", "county", "id", "number", "seq"]
            );
        }
    }

    /// A reminder says which deadline, and that nothing happened: it names no event.
    #[test]
    fn a_reminder_is_thin() {
        let courier = HttpCourier::new(AllowList::default()).expect("a client");
        let told = Told {
            county: CountyCode::new(130_302).expect("a county"),
            claim: ClaimId(Uuid::from_u128(7)),
            number: "130302-2020-00001".into(),
            version: 3,
            kind: EventKind::ReferralAccepted,
            at: DateTime::UNIX_EPOCH,
            reminder: Some(Reminder {
                state: DueState::DueSoon,
                status: Status::Accepted,
                due_on: DateTime::UNIX_EPOCH.date_naive(),
            }),
        };
        let body: serde_json::Value = serde_json::from_str(&courier.write(&told)).expect("JSON");
        assert_eq!(body["type"], "claim.due_soon");
        let mut data = body["data"].clone();
        data["claimId"].take();
        let expected = json!({
            "claimId": null, "county": "130302", "number": "130302-2020-00001", "seq": 3,
            "status": "ACCEPTED", "dueOn": "1970-01-01",
        });
        assert_eq!(data, expected);
    }
}
