//! Webhooks between real processes. Out: receivers in JavaScript and Python, with the verifiers their registries hold,
//! which fail, ask to be left alone, hang, break off and go away, while servers are killed. In: a bank whose
//! messages come in any order and number, beside forgers, while the server is killed. What must hold is counted.

use crate::support::{Client, Place, Server, http, node, python, root, run};
use engine::hooks::inbox::payee_fingerprint;
use engine::{ClaimReader, Clock, Scope, SystemClock};
use lifecycle::{ClaimId, CountyCode, Happening, PersonId, RegionCode};
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ROUNDS: usize = 6;
/// Households referred in a round: two events each.
const A_ROUND: usize = 10;
/// The bank's account.
pub const LOGIN: &str = "bank.link";

pub fn county() -> CountyCode {
    CountyCode::new(130_302).unwrap()
}

pub fn below(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}

fn key() -> Value {
    json!(engine::ids::fresh())
}

/// A receiver: a process of its own, and everything that arrived there.
struct Receiver {
    child: Child,
    url: String,
    keys: PathBuf,
    arrivals: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn start(mut command: Command, keys: PathBuf, more: &[&str]) -> Self {
        std::fs::write(&keys, "[]").unwrap();
        command.arg(&keys).args(more).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&arrivals);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock()
                    .unwrap()
                    .push(serde_json::from_str(&line).unwrap());
            }
        });
        let url = format!("http://127.0.0.1:{}/in", first["port"]);
        Self {
            child,
            url,
            keys,
            arrivals,
        }
    }

    fn verifies_with(&self, keys: &[&str]) {
        std::fs::write(&self.keys, json!(keys).to_string()).unwrap();
    }

    /// The events that came, and the reminders of deadlines.
    fn sorted(&self) -> [Vec<Value>; 2] {
        let all = self.arrivals.lock().unwrap().clone();
        let is_event = |it: &Value| {
            let text = it["text"].as_str().unwrap_or_default();
            !text.contains("\"claim.overdue\"") && !text.contains("\"claim.due_soon\"")
        };
        let (events, reminders) = all.into_iter().partition(is_event);
        [events, reminders]
    }

    fn arrivals(&self) -> Vec<Value> {
        let [events, _] = self.sorted();
        events
    }

    /// Reminders, each under the one id it must always have; and how many ids there are.
    fn reminded(&self) -> (BTreeSet<String>, usize) {
        let [_, reminders] = self.sorted();
        let ids: BTreeSet<String> = reminders.iter().map(|it| it["id"].to_string()).collect();
        let texts = reminders.iter().map(|it| {
            let body: Value = serde_json::from_str(it["text"].as_str().unwrap()).unwrap();
            let data = &body["data"];
            format!(
                "{} {} {} {}",
                body["type"], data["number"], data["status"], data["dueOn"]
            )
        });
        (texts.collect(), ids.len())
    }

    /// Which events came at last: number of the claim and place in its history, each once, in order of arrival.
    fn took(&self) -> Vec<(String, u64)> {
        let mut seen = BTreeSet::new();
        let taken = self
            .arrivals()
            .into_iter()
            .filter(|it| it["answer"] == 204 || it["answer"] == "lost");
        let events = taken.map(|it| event_of(&it));
        events.filter(|event| seen.insert(event.clone())).collect()
    }
}

fn event_of(arrival: &Value) -> (String, u64) {
    let body: Value = serde_json::from_str(arrival["text"].as_str().unwrap()).unwrap();
    let keys: Vec<&str> = body["data"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        ["claimId", "county", "id", "number", "seq"],
        "a thin body"
    );
    (
        body["data"]["number"].as_str().unwrap().to_owned(),
        body["data"]["seq"].as_u64().unwrap(),
    )
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs as a bank does, with the published library of JavaScript.
struct Signer {
    child: Child,
    write: ChildStdin,
    read: BufReader<ChildStdout>,
}

impl Signer {
    fn start() -> Self {
        let mut child = node("hooks", "sender.js")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (write, read) = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Self { child, write, read }
    }

    fn sign(&mut self, key: &str, id: &str, at: i64, body: &str) -> String {
        writeln!(
            self.write,
            "{}",
            json!({ "key": key, "id": id, "at": at, "body": body })
        )
        .unwrap();
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sample county with an administrator and a bank at the insurer's.
pub fn furnished(place: &Place) {
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let mut county =
        std::fs::read_to_string(root().join("crates/server/sample/county.toml")).unwrap();
    for (login, duty) in [("ins.admin", "ADMINISTRATOR"), (LOGIN, "BANK_CONNECTOR")] {
        let _ = writeln!(
            county,
            "\n[[people]]\nlogin = \"{login}\"\nname = \"{login}\"\norg = \"insurer\"\nregion = \"130302\"\nduties = [\"{duty}\"]"
        );
    }
    let file = place.folder.path().join("county.toml");
    std::fs::write(&file, county).unwrap();
    run(&mut place.fangpin(&["county", "load", &file.display().to_string()]));
}

/// An API key made at the machine.
fn key_of(place: &Place, login: &str) -> String {
    let told = run(&mut place.fangpin(&["user", "key", login, "--label", "test"]));
    let key = told.split_whitespace().find(|it| it.starts_with("fpk_"));
    key.unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn serve(place: &Place) -> Server {
    let environment = [
        ("FANGPIN_WEBHOOK_ALLOW", "127.0.0.0/8"),
        ("FANGPIN_COST_BUDGET", "1000000000"),
        ("FANGPIN_COST_REFILL", "1000000"),
    ];
    Server::start_with(place, &["serve"], &environment)
}

async fn done(client: &Client, document: &str, input: Value) -> Value {
    let answer = client.ask(document, json!({ "input": input })).await;
    let payload = answer["data"]
        .as_object()
        .and_then(|data| data.values().next());
    let payload = payload
        .unwrap_or_else(|| panic!("{document}: {answer}"))
        .clone();
    assert_eq!(payload["userErrors"], json!([]), "{document}: {answer}");
    payload
}

/// Households that nobody has referred yet.
fn lines(round: usize, village: &str) -> Vec<Value> {
    let line = |line_no: usize| {
        let number = 20_000 + round * A_ROUND + line_no;
        let (id, name) = (super::bulk::id_number(number), format!("测{number}"));
        json!({
            "lineNo": line_no, "villageCode": village, "headName": name, "headIdNumber": id, "kind": "脱贫不稳定户",
            "persons": 3, "insuredName": name, "insuredIdNumber": id, "relation": "户主", "peril": "ILLNESS",
            "eventOn": "2020-05-20", "submittedFen": "4120000", "decidedOn": "2020-05-28", "document": "决议",
            "payeeName": name, "bank": "某银行", "account": format!("62284800000{number:08}"),
        })
    };
    (1..=A_ROUND).map(line).collect()
}

/// Something happens: a list is referred, some of it accepted.
async fn happen(server: &Server, round: usize) {
    let office = Client::sign_in(server, "smz.wang").await;
    let schemes = office.ask("office/Schemes", json!({})).await;
    let scheme = schemes["data"]["schemes"]["nodes"][0]["id"].clone();
    let input =
        json!({ "batchKey": key(), "schemeId": scheme, "lines": lines(round, "130302105201") });
    let referred = office
        .ask("office/ReferBatch", json!({ "input": input }))
        .await;
    let handler = Client::sign_in(server, "ins.sun").await;
    let referred = referred["data"]["referBatch"]["lines"]
        .as_array()
        .unwrap_or_else(|| panic!("{referred}"))
        .clone();
    for line in referred.iter().take(A_ROUND / 2) {
        let claim = &line["claim"];
        let input = json!({ "claimId": claim["id"], "expectedVersion": claim["version"], "idempotencyKey": key() });
        done(&handler, "insurer/AcceptReferral", input).await;
    }
}

/// The log, as it is told.
pub struct Books {
    numbers: HashMap<ClaimId, String>,
    /// Number of the claim and place in its history, in order of the log.
    pub events: Vec<(String, u64)>,
    /// Who did each.
    pub by: Vec<PersonId>,
}

pub async fn books(place: &Place, after: i64) -> Books {
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    let (mut numbers, mut events, mut by) = (HashMap::new(), Vec::new(), Vec::new());
    let scope = Scope {
        county: county(),
        region: RegionCode::new("130302").unwrap(),
        insurer: None,
    };
    for entry in store.log(county(), after, 1_000_000).await.unwrap() {
        if let Entry::Vacant(place) = numbers.entry(entry.claim) {
            let claim = store.claim(&scope, entry.claim).await.unwrap().unwrap();
            place.insert(claim.number);
        }
        events.push((numbers[&entry.claim].clone(), u64::from(entry.version)));
        by.push(entry.event.stamp.by);
    }
    Books {
        numbers,
        events,
        by,
    }
}

pub async fn log_end(place: &Place) -> i64 {
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    store.log_end(county()).await.unwrap()
}

/// What arrived, compared with the log.
#[derive(Debug)]
struct Figures {
    events: usize,
    arrivals: usize,
    duplicates: usize,
    across_claims: usize,
    violations: usize,
}

fn judged(receiver: &Receiver, books: &Books) -> Figures {
    let took = receiver.took();
    let place: HashMap<&(String, u64), usize> = books
        .events
        .iter()
        .enumerate()
        .map(|(at, it)| (it, at))
        .collect();
    let mut violations = 0;
    for event in &books.events {
        violations += usize::from(!took.contains(event));
    }
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut across_claims = 0;
    for (number, seq) in &took {
        let before = last.insert(number, *seq).unwrap_or(0);
        violations += usize::from(before >= *seq || !place.contains_key(&(number.clone(), *seq)));
    }
    for pair in took.windows(2) {
        across_claims += usize::from(place.get(&pair[0]) > place.get(&pair[1]));
    }
    let arrivals = receiver.arrivals();
    let taken = arrivals
        .iter()
        .filter(|it| it["answer"] == 204 || it["answer"] == "lost")
        .count();
    // One id is one event, and every arrival was verified with every key of its time.
    let mut ids: BTreeMap<&str, (String, u64)> = BTreeMap::new();
    for arrival in &arrivals {
        let known = ids
            .entry(arrival["id"].as_str().unwrap())
            .or_insert_with(|| event_of(arrival));
        violations += usize::from(*known != event_of(arrival));
        let verified = arrival["verified"].as_array().unwrap();
        violations += usize::from(verified.is_empty() || !verified.iter().all(|it| it == true));
    }
    Figures {
        events: books.events.len(),
        arrivals: arrivals.len(),
        duplicates: taken - took.len(),
        across_claims,
        violations,
    }
}

/// A second failed attempt is tried again after five and a half minutes at most: longer than that nothing waits here.
const HALF_SECONDS_MAX: u32 = 2 * 400;

async fn until_all_arrived(place: &Place, receivers: &[&Receiver], after: i64) -> Books {
    let mut waited = 0;
    loop {
        let books = books(place, after).await;
        let is_there = |it: &&Receiver| {
            let took: BTreeSet<_> = it.took().into_iter().collect();
            books.events.iter().all(|event| took.contains(event))
        };
        if receivers.iter().all(is_there) {
            return books;
        }
        waited += 1;
        assert!(
            waited < HALF_SECONDS_MAX,
            "after {waited} half seconds something lacks: {:?}",
            receivers
                .iter()
                .map(|it| judged(it, &books))
                .collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_at_least_once_and_in_order() {
    for place in Place::both() {
        told(&place).await;
    }
}

async fn told(place: &Place) {
    furnished(place);
    let folder = place.folder.path();
    let gone = folder.join("gone");
    let js = Receiver::start(
        node("hooks", "receiver.js"),
        folder.join("js.json"),
        &[&gone.display().to_string()],
    );
    let mut script = python();
    script.arg(root().join("tests/hooks/receiver.py"));
    let py = Receiver::start(script, folder.join("py.json"), &[]);
    // On one PostgreSQL several processes send; on a SQLite file one does.
    let processes = if place.url.is_some() { 2 } else { 1 };
    let mut servers: Vec<Server> = (0..processes).map(|_| serve(place)).collect();
    let key_of_admin = key_of(place, "ins.admin");
    let admin = Client::with_key(&servers[0], &key_of_admin);
    // Inside is out of bounds, whatever is listed.
    for url in [
        "https://10.0.0.1/",
        "http://192.168.1.1/",
        "https://169.254.169.254/latest",
        "ftp://127.0.0.1/",
    ] {
        let input = json!({ "idempotencyKey": key(), "url": url });
        let refused = admin
            .ask("insurer/CreateWebhookEndpoint", json!({ "input": input }))
            .await;
        let code = &refused["data"]["createWebhookEndpoint"]["userErrors"][0]["code"];
        assert_eq!(*code, "VALIDATION", "{refused}");
    }
    let after = log_end(place).await;
    let mut made = Vec::new();
    for (receiver, kind) in [(&js, "HMAC"), (&py, "ED25519")] {
        let input = json!({ "idempotencyKey": key(), "url": receiver.url, "keyKind": kind });
        let payload = done(&admin, "insurer/CreateWebhookEndpoint", input).await;
        let shown = payload["secret"]
            .as_str()
            .or(payload["publicKey"].as_str())
            .unwrap()
            .to_owned();
        receiver.verifies_with(&[&shown]);
        made.push((payload["endpoint"]["id"].clone(), shown));
    }
    let mut kills = 0;
    for round in 0..ROUNDS {
        happen(&servers[round % processes], round).await;
        tokio::time::sleep(Duration::from_millis(100 + below(1_500))).await;
        let killed = servers.remove(usize::try_from(below(processes as u64)).unwrap());
        killed.kill();
        kills += 1;
        servers.push(serve(place));
    }
    until_all_arrived(place, &[&js, &py], after).await;
    // Another key beside the first one: both sign, both are verified.
    let admin = Client::with_key(&servers[0], &key_of_admin);
    for ((receiver, kind), (endpoint, first)) in
        [(&js, "ED25519"), (&py, "HMAC")].into_iter().zip(&made)
    {
        let input = json!({ "idempotencyKey": key(), "endpointId": endpoint, "keyKind": kind, "overlapHours": 1 });
        let payload = done(&admin, "insurer/RotateWebhookSecret", input).await;
        let second = payload["secret"]
            .as_str()
            .or(payload["publicKey"].as_str())
            .unwrap();
        receiver.verifies_with(&[first, second]);
    }
    happen(&servers[0], ROUNDS).await;
    until_all_arrived(place, &[&js, &py], after).await;
    let both = js
        .arrivals()
        .iter()
        .chain(&py.arrivals())
        .filter(|it| it["verified"] == json!([true, true]))
        .count();
    assert!(both >= 2 * A_ROUND, "{both} verified with both keys");
    // The receiver is gone: switched off, with an alarm; nothing is lost when it is back.
    std::fs::write(&gone, "").unwrap();
    happen(&servers[0], ROUNDS + 1).await;
    let mut waited = 0;
    loop {
        let listed = admin
            .ask("insurer/WebhookEndpoints", json!({ "first": 10 }))
            .await;
        let nodes = listed["data"]["webhookEndpoints"]["nodes"]
            .as_array()
            .unwrap()
            .clone();
        let own = nodes
            .iter()
            .find(|it| it["id"] == made[0].0)
            .unwrap()
            .clone();
        if own["disabledReason"] == "GONE" {
            assert!(
                own["disabledAt"].is_string() && own["isEnabled"] == false,
                "{own}"
            );
            break;
        }
        waited += 1;
        assert!(waited < 100, "{own}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    std::fs::remove_file(&gone).unwrap();
    done(
        &admin,
        "insurer/UpdateWebhookEndpoint",
        json!({ "endpointId": made[0].0, "enabled": true }),
    )
    .await;
    let books = until_all_arrived(place, &[&js, &py], after).await;
    for (name, receiver) in [
        ("standardwebhooks of npm", &js),
        ("standardwebhooks of PyPI", &py),
    ] {
        let figures = judged(receiver, &books);
        let Figures {
            events,
            arrivals,
            duplicates,
            across_claims,
            violations,
        } = figures;
        println!(
            "webhooks out, {processes} process(es), {kills} kills, {name}: {events} events, {arrivals} arrivals, {duplicates} duplicates, \
             {across_claims} reorderings across claims, {violations} violations"
        );
        assert_eq!(violations, 0);
        // The sample's claims of 2020 are long overdue: told once, however often servers were killed.
        let (reminded, ids) = receiver.reminded();
        assert!(
            !reminded.is_empty() && reminded.len() == ids,
            "{reminded:?} under {ids} ids"
        );
    }
    assert!(books.numbers.len() >= A_ROUND * ROUNDS);
    // Again on demand: the same ids.
    let before = py.arrivals().len();
    let input = json!({ "endpointId": made[1].0, "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z" });
    let replayed = done(&admin, "insurer/ReplayWebhooks", input).await;
    let (_, reminders) = py.reminded();
    assert_eq!(replayed["count"], books.events.len() + reminders);
    let mut waited = 0;
    while py.arrivals().len() < before + books.events.len() {
        waited += 1;
        assert!(waited < 200, "{}", py.arrivals().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(judged(&py, &books).violations, 0);
}

/// A message, as it is sent.
#[derive(Clone)]
struct Message {
    id: String,
    body: String,
}

#[derive(Debug, Default)]
struct Inbound {
    sent: usize,
    duplicates: usize,
    forgeries: usize,
    kills: usize,
    violations: usize,
}

async fn post(server: &Server, message: &Message, at: i64, signature: &str) -> Option<u16> {
    let request = http()
        .post(server.url(&format!("/hooks/v1/{LOGIN}")))
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature)
        .body(message.body.clone());
    request.send().await.ok().map(|it| it.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heard_in_any_order_and_never_forged() {
    for place in Place::both() {
        heard(&place).await;
    }
}

async fn heard(place: &Place) {
    furnished(place);
    let mut server = serve(place);
    let mut signer = Signer::start();
    let admin = Client::with_key(&server, &key_of(place, "ins.admin"));
    // The bank's own key pair: a made-up seed, and the key that belongs to it.
    let seed = [7_u8; 32];
    let (private, public) = pair(&seed);
    let shared = done(
        &admin,
        "insurer/RegisterConnectorKey",
        json!({ "idempotencyKey": key(), "login": LOGIN }),
    )
    .await;
    let shared = shared["secret"].as_str().unwrap().to_owned();
    let input = json!({ "idempotencyKey": key(), "login": LOGIN, "publicKey": public });
    done(&admin, "insurer/RegisterConnectorKey", input).await;
    let keys = [shared, private];

    // Every payment of the sample: the bank returns what was paid; of what was instructed it confirms and returns.
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    let mut messages = Vec::new();
    let mut claims = BTreeSet::new();
    let log = store.log(county(), 0, 1_000_000).await.unwrap();
    for entry in &log {
        let Happening::PayoutInstructed {
            instruction_no,
            amount,
            payee,
            payment: _,
        } = &entry.event.what
        else {
            continue;
        };
        claims.insert(entry.claim);
        let paid = log.iter().find_map(|it| match &it.event.what {
            Happening::PayoutConfirmed { bank_ref } if it.claim == entry.claim => {
                Some(bank_ref.clone())
            }
            _ => None,
        });
        let paid = paid.unwrap_or_else(|| "CONFIRMED-1".to_owned());
        let body = |kind: &str, bank_ref: &str| {
            json!({ "type": kind, "timestamp": "2020-06-24T00:00:00Z", "data": {
                "instructionNo": instruction_no, "amountFen": amount.get().to_string(),
                "payeeFingerprint": payee_fingerprint(*payee), "bankRef": bank_ref,
            } })
            .to_string()
        };
        for (name, kind, bank_ref) in [
            ("a", "payout.succeeded", paid.as_str()),
            ("b", "payout.succeeded", &paid),
            ("c", "payout.returned", "BACK-1"),
        ] {
            messages.push(Message {
                id: format!("{name}.{instruction_no}"),
                body: body(kind, bank_ref),
            });
        }
    }
    assert!(claims.len() >= 2, "{}", claims.len());
    let mut figures = Inbound::default();
    // Each one to three times, all of them shuffled, some twice at once, with forgeries in between.
    let mut queue: Vec<Message> = messages
        .iter()
        .flat_map(|it| vec![it.clone(); 1 + usize::try_from(below(3)).unwrap()])
        .collect();
    figures.duplicates = queue.len() - messages.len();
    queue.sort_by_cached_key(|_| below(u64::MAX));
    let kill_at: BTreeSet<usize> = (0..3)
        .map(|_| usize::try_from(below(queue.len() as u64)).unwrap())
        .collect();
    for (place_in_queue, message) in queue.iter().enumerate() {
        let at = SystemClock.now().timestamp();
        let key = &keys[usize::try_from(below(2)).unwrap()];
        let signature = signer.sign(key, &message.id, at, &message.body);
        let mut answer = None;
        if kill_at.contains(&place_in_queue) {
            // Nobody knows whether it was kept: it is sent again.
            let sending = post(&server, message, at, &signature);
            let early = tokio::time::timeout(Duration::from_millis(below(30)), sending).await;
            server.kill();
            figures.kills += 1;
            figures.violations += usize::from(matches!(early, Ok(Some(code)) if code != 202));
            server = serve(place);
        }
        while answer.is_none() {
            let (one, two) = tokio::join!(
                post(&server, message, at, &signature),
                post(&server, message, at, &signature)
            );
            answer = one.and(two);
            figures.violations += usize::from(one != Some(202) || two != Some(202));
        }
        figures.sent += 2;
        figures.duplicates += 1;
        // Whoever has no key, or another one, or only an old message.
        let other = signer.sign(
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            &message.id,
            at,
            &message.body,
        );
        let late = at - 400;
        let stale = signer.sign(key, &message.id, late, &message.body);
        let altered = Message {
            body: message.body.replace("amountFen\":\"", "amountFen\":\"9"),
            ..message.clone()
        };
        let renamed = Message {
            id: format!("{}x", message.id),
            ..message.clone()
        };
        for (what, message, at, signature, expected) in [
            ("another key", message, at, &other, 401),
            ("an altered body", &altered, at, &signature, 401),
            ("another id", &renamed, at, &signature, 401),
            ("another time", message, at - 1, &signature, 401),
            ("no signature", message, at, &String::new(), 401),
            ("stale", message, late, &stale, 400),
        ] {
            let answer = post(&server, message, at, signature).await;
            figures.forgeries += 1;
            figures.violations += usize::from(answer != Some(expected));
            assert_eq!(answer, Some(expected), "{what}");
        }
    }
    // The same by mutation: a repetition is known; what differs is quarantined.
    let bank = Client::with_key(&server, &key_of(place, LOGIN));
    let mut by_mutation = Vec::new();
    let wrong = Message {
        id: "wrong".into(),
        body: messages[0]
            .body
            .replace("amountFen\":\"", "amountFen\":\"9"),
    };
    for message in [&messages[0], &wrong] {
        let at = SystemClock.now().timestamp();
        let signature = signer.sign(&keys[1], &message.id, at, &message.body);
        let input = json!({ "messageId": message.id, "timestamp": at.to_string(), "signature": signature, "body": message.body });
        let told = bank
            .ask("insurer/ReceiveBankMessage", json!({ "input": input }))
            .await;
        by_mutation.push(told["data"]["receiveBankMessage"]["message"].clone());
        assert!(
            by_mutation[by_mutation.len() - 1]["id"].is_string(),
            "{told}"
        );
    }
    // All come to rest in the same state.
    let finance = Client::sign_in(&server, "ins.chen").await;
    let mut waited = 0;
    let states = loop {
        let listed = finance
            .ask(
                "insurer/BankMessages",
                json!({ "first": 100, "state": null }),
            )
            .await;
        let nodes = listed["data"]["bankMessages"]["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{listed}"))
            .clone();
        let waiting = finance
            .ask(
                "insurer/BankMessages",
                json!({ "first": 100, "state": "WAITING" }),
            )
            .await;
        if waiting["data"]["bankMessages"]["nodes"] == json!([]) {
            break nodes;
        }
        waited += 1;
        assert!(waited < 200, "{waiting}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(!states.is_empty());
    let scope = Scope {
        county: county(),
        region: RegionCode::new("130302").unwrap(),
        insurer: None,
    };
    for claim in &claims {
        let stands = store.claim(&scope, *claim).await.unwrap().unwrap();
        figures.violations += usize::from(stands.status().code() != "PAY_RETURNED");
        let history = store.history(&scope, *claim).await.unwrap();
        for kind in ["PAYOUT_CONFIRMED", "PAYOUT_RETURNED"] {
            figures.violations += usize::from(
                history
                    .iter()
                    .filter(|it| it.event.what.kind().code() == kind)
                    .count()
                    != 1,
            );
        }
    }
    let quarantined = finance
        .ask(
            "insurer/BankMessages",
            json!({ "first": 100, "state": "QUARANTINED" }),
        )
        .await;
    let codes: BTreeSet<String> = quarantined["data"]["bankMessages"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        codes,
        BTreeSet::from(["FORGED".to_owned(), "MISMATCH".to_owned()])
    );
    // Somebody who did not order the payment looks at what contradicts it, once; what was found stands there.
    let nodes = quarantined["data"]["bankMessages"]["nodes"]
        .as_array()
        .unwrap();
    let mismatch = nodes.iter().find(|it| it["code"] == "MISMATCH").unwrap();
    let close = async |login: &str| {
        let closer = Client::sign_in(&server, login).await;
        let input = json!({ "messageId": mismatch["id"], "reason": "已与银行核对,金额有误" });
        let told = closer
            .ask("insurer/CloseBankMessage", json!({ "input": input }))
            .await;
        told["data"]["closeBankMessage"].clone()
    };
    let own = close("ins.chen").await;
    assert_eq!(own["message"], Value::Null, "{own}");
    assert_eq!(
        own["userErrors"][0]["code"], "SECOND_PERSON_REQUIRED",
        "{own}"
    );
    let closed = close("ins.chu").await;
    assert_eq!(closed["message"]["state"], "CLOSED", "{closed}");
    let again = close("ins.chu").await;
    assert_eq!(again["userErrors"][0]["code"], "VALIDATION", "{again}");
    drop(store);
    let Inbound {
        sent,
        duplicates,
        forgeries,
        kills,
        violations,
    } = figures;
    println!(
        "webhooks in, {} claims, {kills} kills: {sent} sent, {duplicates} of them duplicates, {forgeries} forgeries tried, {violations} violations",
        claims.len()
    );
    assert_eq!(violations, 0);
    run(&mut place.fangpin(&["audit", "verify"]));
}

/// A key pair as Standard Webhooks writes it: `whsk_` with the seed, and the `whpk_` that node derives from it.
fn pair(seed: &[u8; 32]) -> (String, String) {
    let hex = engine::ids::hex(seed);
    let script = format!(
        "const c = require('node:crypto'); const seed = Buffer.from('{hex}', 'hex'); \
         const key = c.createPrivateKey({{ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' }}); \
         const spki = c.createPublicKey(key).export({{ format: 'der', type: 'spki' }}); \
         console.log('whsk_' + seed.toString('base64') + ' whpk_' + spki.subarray(12).toString('base64'));"
    );
    let told = run(Command::new("node").args(["-e", &script]));
    let (private, public) = told.trim().split_once(' ').unwrap();
    (private.to_owned(), public.to_owned())
}
