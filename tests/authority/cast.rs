//! Who acts in the matrix, and about what: two counties, three townships, three insurers; one claim
//! of one household as the target, others around it; a person of every duty at every vantage.

use super::operation::{How, Operation, Shape};
use super::{Ending, covers, holds};
use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::Duration;
use engine::access::{Office, SESSION_COOKIE};
use engine::authority::Reach;
use engine::household::Household;
use engine::identity::{Change, Pass, PassId};
use engine::registry::{Account, Org, OrgKind, Person, Region};
use engine::scheme_file::{org_id, parse_scheme};
use engine::testkit::world::{SCHEME, county, invent_household};
use engine::testkit::{Role, TestDesk, yuan};
use engine::{Caller, ClaimFilter, Page, Scope, Store, ids, sight};
use lifecycle::{AccountId, Claim, CountyCode, Duty, OrgId, PersonId, RegionCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tower::ServiceExt;

const FOREIGN: u32 = 130_303;

/// The account that pays the batch of the target's insurer.
const PAYER: &str = "目标的付款户";
/// The file of its bank.
const FILE: &str = "目标的回盘.csv";

/// From where somebody looks at the target, which lies in 西上庄坨村 of 石门寨镇.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// An office of the target's own village.
    Village,
    /// The office of its township.
    Township,
    /// The county's office.
    County,
    /// Its insurer.
    Insurer,
    /// Its insurer's branch in its township.
    InsurerBranch,
    /// The office of another village of the township: the target lies in its parent.
    SiblingVillage,
    /// The office of another township.
    SiblingTownship,
    /// Another insurer of the county.
    OtherInsurer,
    /// Its insurer's branch in another township.
    OtherBranch,
    /// The office of another county.
    ForeignOffice,
    /// An insurer of another county.
    ForeignInsurer,
}

const VANTAGES: [(Vantage, &str, &str); 11] = [
    (Vantage::Village, "office", "130302105201"),
    (Vantage::Township, "shimenzhai", "130302105"),
    (Vantage::County, "office", "130302"),
    (Vantage::Insurer, "insurer", "130302"),
    (Vantage::InsurerBranch, "insurer", "130302105"),
    (Vantage::SiblingVillage, "shimenzhai", "130302105202"),
    (Vantage::SiblingTownship, "zhucaoying", "130302106"),
    (Vantage::OtherInsurer, "rival", "130302"),
    (Vantage::OtherBranch, "insurer", "130302106"),
    (Vantage::ForeignOffice, "office", "130303"),
    (Vantage::ForeignInsurer, "insurer", "130303"),
];

/// A vantage with its scope.
#[derive(Debug, Clone)]
pub struct Seat {
    pub vantage: Vantage,
    pub org: OrgId,
    pub scope: Scope,
}

/// What is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    Valid,
    Revoked,
    Expired,
}

/// What came back.
#[derive(Debug)]
pub struct Found {
    pub ending: Ending,
    /// Whether the target is in it.
    pub shows: bool,
    pub text: String,
}

impl Found {
    /// The answer but for the request's id.
    pub fn told(&self) -> String {
        match serde_json::from_str::<Value>(&self.text) {
            Ok(mut value) => {
                scrub(&mut value);
                value.to_string()
            }
            Err(_) => self.text.clone(),
        }
    }
}

fn scrub(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("requestId");
            object.remove("cost");
            object.values_mut().for_each(scrub);
        }
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub struct Cast {
    router: Router,
    office: Office,
    pub claim: Claim,
    household: Household,
    pub surveyor: Person,
    /// Node ids of the target and of what belongs to it, by type.
    pub nodes: HashMap<String, String>,
    /// Ids of the target, and ids of the same kind that name nothing.
    pub invented: Vec<(String, String)>,
    /// Every claim of the county.
    claims: Vec<Claim>,
    /// What betrays the target.
    markers: Vec<String>,
}

fn county_of(region: &str) -> CountyCode {
    CountyCode::new(region[..6].parse().unwrap()).unwrap()
}

fn code(text: &str) -> RegionCode {
    RegionCode::new(text).unwrap()
}

fn key(vantage: Vantage, duty: Duty) -> String {
    format!("{vantage:?}.{duty}")
}

impl Cast {
    /// Seeds a fresh store, as the system.
    pub async fn enter(store: &Arc<dyn Store>) -> Self {
        sight::system(Box::pin(Self::seeded(store))).await
    }

    async fn seeded(store: &Arc<dyn Store>) -> Self {
        let desk = TestDesk::open(Arc::clone(store)).await;
        let household = desk.world.household("石门寨").clone();
        let claim = desk
            .refer(&household)
            .accept()
            .declare_ineligible()
            .issue_letter()
            .appeal()
            .uphold_appeal()
            .assign()
            .visit()
            .evaluate()
            .verify(yuan(41_200))
            .preview()
            .open_notice()
            .prove()
            .object()
            .dismiss()
            .pass_days(6)
            .close_notice()
            .through_payout()
            .start_recovery()
            .recover()
            .await;
        // Around it: another village, another township, another insurer, other statuses.
        desk.refer(&desk.world.households[1]).await;
        // A letter is owed for one: the page of deadlines has a row.
        desk.refer(desk.world.household("驻操营"))
            .accept()
            .declare_ineligible()
            .await;
        desk.draft(&desk.world.households[2])
            .under(&desk.world.rival)
            .await;
        desk.draft(&desk.world.households[3]).await;
        // Something that waits for payment.
        desk.draft(&desk.world.household("石门寨").clone())
            .event_on(engine::testkit::world::day(2020, 4, 2))
            .refer()
            .through_verification(yuan(41_200))
            .through_notice()
            .approve()
            .await;
        foreign_county(store.as_ref()).await;
        for (vantage, org, region) in VANTAGES {
            let county = county_of(region);
            for duty in Duty::ALL.iter().copied() {
                seat_one(
                    store.as_ref(),
                    county,
                    org_id(county, org),
                    &code(region),
                    vantage,
                    duty,
                )
                .await;
            }
        }
        let office = desk.office();
        let plenty = gateway::Settings {
            allowance: gateway::Allowance {
                max: u32::MAX,
                refill_per_second: u32::MAX,
            },
            ..gateway::Settings::default()
        };
        let router = gateway::router(office.clone(), plenty).merge(console::router(office.clone()));
        let filter = ClaimFilter::default();
        let all = Role::Auditor.caller().scope;
        let claims = store
            .claims(&all, &filter, &Page::first(100))
            .await
            .unwrap()
            .rows;
        let mut cast = Self {
            router,
            office,
            claim,
            household,
            surveyor: Role::Surveyor.person(),
            nodes: HashMap::new(),
            invented: Vec::new(),
            claims,
            markers: Vec::new(),
        };
        cast.look().await;
        cast
    }

    /// Learns the node ids of the target as a client would.
    async fn look(&mut self) {
        let text = "query($n: String!) { claim(number: $n) { id scheme { id } objections(first: 1) { nodes { id } }
            notice { id } payout { id } timeline(first: 1) { nodes { id } }
            household { id members { id } payees(first: 1) { nodes { id } } } } colleagues(duty: SURVEYOR, first: 1) { nodes { id } } }";
        let body = json!({ "query": text, "variables": { "n": self.claim.number } });
        let seen = self.send(&body, &Role::Handler.token()).await;
        let data = &seen["data"];
        let claim = &data["claim"];
        let home = &claim["household"];
        for (name, id) in [
            ("Claim", &claim["id"]),
            ("Scheme", &claim["scheme"]["id"]),
            ("Objection", &claim["objections"]["nodes"][0]["id"]),
            ("Notice", &claim["notice"]["id"]),
            ("Payout", &claim["payout"]["id"]),
            ("ClaimEvent", &claim["timeline"]["nodes"][0]["id"]),
            ("Household", &home["id"]),
            ("Member", &home["members"][0]["id"]),
            ("Payee", &home["payees"]["nodes"][0]["id"]),
            ("Colleague", &data["colleagues"]["nodes"][0]["id"]),
        ] {
            let id = id.as_str().unwrap_or_else(|| panic!("{name}: {seen}"));
            self.nodes.insert(name.to_owned(), id.to_owned());
        }
        self.nodes
            .insert("PoolOrder".to_owned(), self.decided_order().await);
        let (batch, file) = self.banked().await;
        self.nodes.insert("PaymentBatch".to_owned(), batch);
        self.nodes.insert("BankFile".to_owned(), file);
        for (name, id) in &self.nodes {
            // The last characters are those of the thing's own UUID.
            let (head, tail) = id.split_at(id.len() - 4);
            let other = if tail.starts_with('A') { "B" } else { "A" };
            self.invented
                .push((id.clone(), format!("{head}{other}{}", &tail[1..])));
            if name != "Colleague" && name != "Scheme" {
                self.markers.push(id.clone());
            }
        }
        let head = &self.household.members[0];
        // What pages of money tell of the target's insurer.
        self.markers.extend([PAYER.to_owned(), FILE.to_owned()]);
        self.markers
            .push(format!("/pools?scheme={}", self.claim.scheme));
        self.markers.push(self.claim.number.clone());
        self.markers.push(head.name.clone());
        self.markers.push(head.id_number.masked());
    }

    /// An order of the target's pool that was voided: whoever decides on it once more reaches the judge.
    async fn decided_order(&self) -> String {
        let scheme = &self.nodes["Scheme"];
        let text = "mutation($i: FundPoolInput!) { fundPool(input: $i) { order { id } } }";
        let input = json!({
            "idempotencyKey": ids::fresh(), "schemeId": scheme, "kind": "TOP_UP", "amountFen": "100",
            "reference": "2020-9", "reason": "多录", });
        let body = json!({ "query": text, "variables": { "i": input } });
        let told = self.send(&body, &Role::Finance.token()).await;
        let id = &told["data"]["fundPool"]["order"]["id"];
        let id = id.as_str().unwrap_or_else(|| panic!("{told}"));
        let text =
            "mutation($i: PoolOrderInput!) { voidPoolOrder(input: $i) { order { status } } }";
        let input = json!({ "schemeId": scheme, "orderId": id });
        let body = json!({ "query": text, "variables": { "i": input } });
        let told = self.send(&body, &Role::Finance.token()).await;
        assert_eq!(
            told["data"]["voidPoolOrder"]["order"]["status"], "VOIDED",
            "{told}"
        );
        id.to_owned()
    }

    /// A batch of the target's insurer, and a file of its bank.
    async fn banked(&self) -> (String, String) {
        let scheme = &self.nodes["Scheme"];
        let text = "mutation($i: PreparePaymentBatchInput!) { preparePaymentBatch(input: $i) { batch { id } userErrors { code } } }";
        let input = json!({
            "idempotencyKey": ids::fresh(), "schemeId": scheme, "payerName": PAYER, "payerAccount": "1300000000000001",
            "payerBank": "某银行", });
        let body = json!({ "query": text, "variables": { "i": input } });
        let told = self.send(&body, &Role::Finance.token()).await;
        let batch = &told["data"]["preparePaymentBatch"]["batch"]["id"];
        let batch = batch
            .as_str()
            .unwrap_or_else(|| panic!("{told}"))
            .to_owned();
        let text = "mutation($i: ReadBankFileInput!) { readBankFile(input: $i) { file { id } userErrors { code message } } }";
        let list = format!("指令号,金额,结果\nFP{}-1,1.00,成功\n", self.claim.number);
        let input = json!({
            "idempotencyKey": ids::fresh(), "schemeId": scheme, "name": FILE, "content": BASE64.encode(list), });
        let body = json!({ "query": text, "variables": { "i": input } });
        let told = self.send(&body, &Role::SecondFinance.token()).await;
        let file = &told["data"]["readBankFile"]["file"]["id"];
        (
            batch,
            file.as_str().unwrap_or_else(|| panic!("{told}")).to_owned(),
        )
    }

    async fn send(&self, body: &Value, token: &str) -> Value {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub fn seats(&self) -> Vec<Seat> {
        VANTAGES
            .iter()
            .map(|(vantage, _, _)| self.seat(*vantage))
            .collect()
    }

    #[expect(clippy::unused_self, reason = "reads like the office")]
    pub fn seat(&self, vantage: Vantage) -> Seat {
        let (_, org, region) = VANTAGES.iter().find(|it| it.0 == vantage).unwrap();
        let county = county_of(region);
        let id = org_id(county, org);
        Seat {
            vantage,
            org: id,
            scope: Scope {
                county,
                region: code(region),
                insurer: matches!(*org, "insurer" | "rival").then_some(id),
            },
        }
    }

    #[expect(clippy::unused_self, reason = "reads like the office")]
    pub fn token(&self, seat: &Seat, duty: Duty, credentials: Credentials) -> String {
        format!("fpk_{credentials:?}_{}", key(seat.vantage, duty))
    }

    /// Who is behind a seat and a duty, as the door finds out.
    pub async fn caller(&self, seat: &Seat, duty: Duty) -> Caller {
        let token = self.token(seat, duty, Credentials::Valid);
        let caller = self.office.access.caller(&token).await.unwrap();
        caller.expect("everybody has a valid credential")
    }

    /// The id an argument is about.
    pub fn id(&self, operation: &str, argument: &str) -> Option<&str> {
        let of = match (operation, argument) {
            ("claim" | "node", "id") | ("nodes", "ids") | (_, "claimId") => "Claim",
            ("household", "id") | (_, "householdId") => "Household",
            ("scheme", "id") | (_, "schemeId") => "Scheme",
            (_, "memberId" | "insuredMemberId") => "Member",
            (_, "payeeId") => "Payee",
            (_, "surveyorId") => "Colleague",
            (_, "objectionId") => "Objection",
            (_, "orderId") => "PoolOrder",
            (_, "batchId") => "PaymentBatch",
            (_, "fileId") => "BankFile",
            _ => return None,
        };
        self.nodes.get(of).map(String::as_str)
    }

    /// The text of an argument.
    pub fn text(&self, operation: &str, argument: &str) -> String {
        match (operation, argument) {
            (_, "idNumber") => self.household.members[0].id_number.reveal().to_owned(),
            // From the first event on.
            ("claimEvents", "after") => String::new(),
            // Longer than a login can be: refused without the slow comparison of a password.
            ("logIn", "login") => "x".repeat(2_000),
            _ => "x".to_owned(),
        }
    }

    /// How much stands in the county's log and in the register of the household.
    pub async fn written(&self) -> (usize, String) {
        let store = self.office.desk.store();
        let look = async {
            let log = store.log(county(), 0, 10_000).await.unwrap().len();
            let home = store.household(county(), self.household.id).await.unwrap();
            (log, format!("{home:?}"))
        };
        sight::system(look).await
    }

    /// Asks, and says what came of it.
    pub async fn ask(&self, operation: &Operation, token: Option<&str>, seat: &Seat) -> Found {
        let request = match &operation.how {
            How::Document { text, variables } => {
                let mut request =
                    Request::post("/graphql").header("content-type", "application/json");
                if let Some(token) = token {
                    request = request.header("authorization", format!("Bearer {token}"));
                }
                let body = json!({ "query": text, "variables": variables });
                let accept = if operation.shape == Shape::Stream {
                    "text/event-stream"
                } else {
                    "application/graphql-response+json"
                };
                request
                    .header("accept", accept)
                    .body(Body::from(body.to_string()))
            }
            How::Page { path } => {
                let mut request = Request::get(path);
                if let Some(token) = token {
                    request = request.header("cookie", format!("{SESSION_COOKIE}={token}"));
                }
                request.body(Body::empty())
            }
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let away = response
            .headers()
            .get("location")
            .and_then(|it| it.to_str().ok())
            .map(str::to_owned);
        let text = if operation.shape == Shape::Stream && status == 200 {
            first_frame(response.into_body()).await
        } else {
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let shows = self
            .markers
            .iter()
            .any(|marker| text.contains(marker.as_str()));
        let ending = match &operation.how {
            How::Page { .. } if operation.shape == Shape::Queue && status == 200 => {
                self.queue_ending(operation, &text, shows, seat)
            }
            How::Page { .. } => self.page_ending(operation, status, away.as_deref(), shows),
            How::Document { .. } => self.ending(operation, status, &text, shows, seat),
        };
        Found {
            ending,
            shows,
            text: format!(
                "{status} {}",
                if status == 200 || text.len() < 2_000 {
                    text.as_str()
                } else {
                    ""
                }
            )
            .replacen(&format!("{status} {{"), "{", 1),
        }
    }

    #[expect(clippy::unused_self, reason = "beside `ending`")]
    fn page_ending(
        &self,
        operation: &Operation,
        status: u16,
        away: Option<&str>,
        shows: bool,
    ) -> Ending {
        match (status, away) {
            (302 | 303, Some(to)) if to.starts_with("/login") => Ending::Unauthenticated,
            (403, _) if !shows => Ending::Forbidden,
            (200 | 303 | 404, _) if operation.shape == Shape::Form => Ending::Served,
            (404, _) if !shows => Ending::Unseen,
            (200, _) if shows => Ending::Seen,
            (200, _) if operation.shape == Shape::List => Ending::Unseen,
            _ => Ending::Odd,
        }
    }

    /// A page of what waits: no claim of another scope on it, and the target's books only within reach.
    fn queue_ending(&self, operation: &Operation, text: &str, shows: bool, seat: &Seat) -> Ending {
        let mut others = self.claims.iter().filter(|it| !seat.scope.covers(it));
        let strays = others.any(|it| text.contains(&it.number));
        match holds(self, seat, operation.reach) {
            _ if strays => Ending::Odd,
            // The target has a pool, a batch and a file; due it is no more.
            Some(true) if operation.reach == Reach::Pool && !shows => Ending::Odd,
            Some(true) => Ending::Served,
            Some(false) | None if shows => Ending::Odd,
            Some(false) | None => Ending::Unseen,
        }
    }

    fn ending(
        &self,
        operation: &Operation,
        status: u16,
        text: &str,
        shows: bool,
        seat: &Seat,
    ) -> Ending {
        let Ok(body) = serde_json::from_str::<Value>(text) else {
            return Ending::Odd;
        };
        let error = body["errors"][0]["extensions"]["code"].as_str();
        match (status, error) {
            (401, Some("UNAUTHENTICATED")) if !shows => return Ending::Unauthenticated,
            // The door was passed and it was executed; a finer rule wants a session, or an own account.
            (200, Some("FORBIDDEN"))
                if operation.shape == Shape::Errand && !shows && body.get("data").is_some() =>
            {
                return Ending::Served;
            }
            (200 | 403, Some("FORBIDDEN" | "SECOND_FACTOR_REQUIRED")) if !shows => {
                return Ending::Forbidden;
            }
            (200, Some("INTERNAL" | "UNAUTHENTICATED")) => return Ending::Odd,
            // Whoever tries too often is told to wait: the door was passed.
            (200 | 429, _) if operation.shape == Shape::Errand => {
                return if shows { Ending::Odd } else { Ending::Served };
            }
            (200, Some("NOT_FOUND")) if !shows => return Ending::Unseen,
            (200, None) => {}
            _ => return Ending::Odd,
        }
        let data = &body["data"];
        let field = data
            .as_object()
            .and_then(|it| it.values().next())
            .unwrap_or(&Value::Null);
        match operation.shape {
            Shape::Queue if seat.scope.covers(&self.claim) => Ending::Served,
            Shape::Queue if shows => Ending::Odd,
            Shape::Queue => Ending::Unseen,
            Shape::Form | Shape::Errand => Ending::Served,
            // A command answers with a business code, or did what it was asked.
            Shape::Command => {
                if field["userErrors"].is_array() {
                    Ending::Seen
                } else {
                    Ending::Odd
                }
            }
            Shape::One | Shape::Stream => {
                if field.is_null() {
                    Ending::Odd
                } else {
                    Ending::Seen
                }
            }
            Shape::Count => {
                let counted: u64 = field
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|it| it["claims"].as_u64())
                    .sum();
                let own = u64::try_from(covers(&seat.scope, &self.claims)).unwrap();
                match (counted == own, seat.scope.covers(&self.claim)) {
                    (false, _) => Ending::Odd,
                    (true, true) => Ending::Seen,
                    (true, false) => Ending::Unseen,
                }
            }
            Shape::List => {
                let marker = match operation.reach {
                    Reach::Organisation => self.nodes["Colleague"].clone(),
                    Reach::Scheme | Reach::Pool => self.nodes["Scheme"].clone(),
                    Reach::Region => format!("\"{}\"", self.claim.village),
                    Reach::Household => self.nodes["Household"].clone(),
                    Reach::Nothing | Reach::Own | Reach::County | Reach::Claim | Reach::OfNode => {
                        self.nodes["Claim"].clone()
                    }
                };
                match (text.contains(&marker), shows) {
                    (true, _) => Ending::Seen,
                    (false, false) => Ending::Unseen,
                    (false, true) => Ending::Odd,
                }
            }
        }
    }
}

/// The data of the first event of a stream; the rest is not waited for.
async fn first_frame(body: Body) -> String {
    let mut body = body;
    let mut text = String::new();
    let read = async {
        while let Some(frame) =
            std::future::poll_fn(|context| HttpBody::poll_frame(Pin::new(&mut body), context)).await
        {
            let more = frame.unwrap().into_data().unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&more));
            let whole = text
                .lines()
                .find_map(|line| line.strip_prefix("data:"))
                .filter(|_| text.contains("\n\n"));
            if let Some(data) = whole {
                return data.trim().to_owned();
            }
        }
        text.clone()
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), read)
        .await
        .expect("a first event")
}

async fn seat_one(
    store: &dyn Store,
    county: CountyCode,
    org: OrgId,
    region: &RegionCode,
    vantage: Vantage,
    duty: Duty,
) {
    let name = key(vantage, duty);
    let person = Person {
        id: PersonId(ids::named("person", &name)),
        name: name.clone(),
        org,
        region: region.clone(),
        duties: vec![duty],
        interests: Vec::new(),
    };
    store.put_person(county, &person).await.unwrap();
    let account = Account {
        id: AccountId(ids::named("account", &name)),
        login: name.to_lowercase(),
        password_hash: String::new(),
        person: person.id,
    };
    store.put_account(county, &account).await.unwrap();
    let begun = engine::testkit::world::day(2020, 6, 1);
    let begun = lifecycle::calendar::start_of(begun);
    for credentials in [
        Credentials::Valid,
        Credentials::Revoked,
        Credentials::Expired,
    ] {
        let days = if credentials == Credentials::Expired {
            1
        } else {
            3_000
        };
        let key = format!("{credentials:?}_{name}");
        let pass = Pass {
            id: PassId(ids::named("pass", &key)),
            account: account.id,
            ends_at: begun + Duration::days(days),
            ..Role::Auditor.pass()
        };
        let mut changes = vec![Change::OpenPass {
            pass: pass.clone(),
            hash: ids::sha256(format!("fpk_{key}")),
        }];
        if credentials == Credentials::Revoked {
            changes.push(Change::EndPass {
                pass: pass.id,
                at: begun,
            });
        }
        store.change(county, &changes, None).await.unwrap();
    }
}

/// Another county with an office, an insurer, a scheme and a household.
async fn foreign_county(store: &dyn Store) {
    let county = CountyCode::new(FOREIGN).unwrap();
    for (region, name) in [
        ("130303", "山海关区(测试)"),
        ("130303101", "第一关镇"),
        ("130303101201", "某村"),
    ] {
        let region = Region {
            code: code(region),
            name: name.into(),
        };
        store.put_region(county, &region).await.unwrap();
    }
    for (org, kind) in [("office", OrgKind::Office), ("insurer", OrgKind::Insurer)] {
        let org = Org {
            id: org_id(county, org),
            name: format!("{org} of 130303"),
            kind,
            parent: None,
        };
        store.put_org(county, &org).await.unwrap();
    }
    let scheme = parse_scheme(&SCHEME.replace("130302", "130303")).unwrap();
    store.put_scheme(&scheme).await.unwrap();
    let home = invent_household(60, "130303101201");
    store
        .put_household(&Household { county, ..home })
        .await
        .unwrap();
}
