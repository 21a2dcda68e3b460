//! An insurer and a bank, real processes with databases of their own (`tests/insurer`, `tests/bank/reference.py`), beside one
//! process of ours or two, while households are referred round by round. All of them are killed at random, again
//! and again; at the end every claim has come to its end, every webhook has arrived, and both sides tell the same
//! of every fen.

use super::bulk::id_number;
use super::hooks::{LOGIN, below, books, county, furnished, log_end};
use crate::support::{Place, Server, both, free_port, http, python, root, run, variable};
use chrono::{DateTime, Duration as Span, Utc};
use engine::{Clock, Store, SystemClock, ids};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often insurer and bank are killed, each; `FANGPIN_TEST_KILLS` says otherwise.
const KILLS: usize = 200;
/// Households of a round, and the losses they submit, in fen: one needs a second approver, one is sent back.
const HOUSEHOLDS: usize = 16;
const LOSSES: [&str; HOUSEHOLDS] = [
    "6000000", "300000", "812345", "1234567", "900000", "812345", "1234567", "900000", "812345",
    "1234567", "900000", "812345", "1234567", "900000", "812345", "1234567",
];
const SENT_BACK: &str = "300000";
/// From one round to the next: longer than a notice.
const ROUND_DAYS: i64 = 6;
/// How long anything may take: a webhook's third attempt comes after 300 s.
const WAIT_SECONDS_MAX: i64 = 600;
const LOGINS: [&str; 7] = [
    "ins.sun",
    "ins.zhou",
    "ins.wu",
    "ins.feng",
    "ins.chen",
    "ins.chu",
    "ins.admin",
];
/// Those who do nothing but by a command of their own: each of their events was answered to the insurer.
const ANSWERED: [&str; 4] = ["ins.sun", "ins.zhou", "ins.wu", "ins.feng"];
const OPEN: [&str; 11] = [
    "REFERRED",
    "ACCEPTED",
    "VERIFYING",
    "VERIFIED",
    "NOTICE_OPEN",
    "NOTICE_CLOSED",
    "APPROVED",
    "INSTRUCTED",
    "PAY_UNKNOWN",
    "PAY_FAILED",
    "PAY_RETURNED",
];
/// What the office reads before it acts.
const STANDING: &str = "query($statuses: [Status!], $after: String) { \
    claims(first: 50, after: $after, filter: { statuses: $statuses }) { \
        nodes { id number version status nextCheck noticePreview { contentHash } \
            notice { contentHash proofs(first: 1) { nodes { kind } } } timeline(last: 1) { nodes { type } } } \
        pageInfo { hasNextPage endCursor } } }";

/// A program of the other side, in its lives (`tests/insurer/lives.py`).
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Program {
    fn start(script: &Path, settings: &Path) -> Self {
        let mut child = python()
            // No byte code beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(root().join("tests/insurer/lives.py"))
            .arg(script)
            .arg(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        Self { child, stdin, said }
    }

    /// Lets it do some of its work: a few lines, and a little more. Whether it lives.
    fn works(&self, lines: u64) -> bool {
        for _ in 0..lines {
            match self.said.recv_timeout(Duration::from_secs(1)) {
                Ok(line) if line == "ended by itself" => return false,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        std::thread::sleep(Duration::from_millis(below(120)));
        true
    }

    /// Kills it as a power cut would; it begins again at once.
    fn kill(&mut self) {
        let mut stdin = self.stdin.as_ref().unwrap();
        stdin.write_all(b"\n").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its last life ends with its input.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A program that is killed at its work again and again, and then left alone.
struct Killed {
    script: PathBuf,
    settings: PathBuf,
    kills: Arc<AtomicUsize>,
    /// How often it ended by itself, which it never should.
    ended: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Killed {
    /// `lines`: how many it says before it is killed, at most.
    fn start(script: &str, settings: PathBuf, times: usize, lines: u64) -> Self {
        let script = root().join("tests").join(script);
        let (kills, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let stop = Arc::<AtomicBool>::default();
        let thread = {
            let (script, settings) = (script.clone(), settings.clone());
            let (kills, ended, stop) = (Arc::clone(&kills), Arc::clone(&ended), Arc::clone(&stop));
            move || {
                let mut program = Program::start(&script, &settings);
                while !stop.load(Ordering::Acquire) {
                    let enough = kills.load(Ordering::Acquire) >= times;
                    if !program.works(1 + below(lines)) {
                        ended.fetch_add(1, Ordering::AcqRel);
                    } else if !enough {
                        program.kill();
                        kills.fetch_add(1, Ordering::AcqRel);
                    }
                }
            }
        };
        Self {
            script,
            settings,
            kills,
            ended,
            stop,
            thread: Some(std::thread::spawn(thread)),
        }
    }

    fn kills(&self) -> usize {
        self.kills.load(Ordering::Acquire)
    }

    /// What its books say.
    fn figures(&self) -> Value {
        let mut command = python();
        command
            .arg(&self.script)
            .arg(&self.settings)
            .arg("--figures")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        serde_json::from_str(&run(&mut command)).unwrap()
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Our side: processes at addresses that stay, a clock that jumps from round to round, and the office's people.
struct Ours<'a> {
    place: &'a Place,
    addresses: Vec<String>,
    servers: Vec<Server>,
    began: DateTime<Utc>,
    round: i64,
    kills: usize,
    http: reqwest::Client,
    keys: BTreeMap<String, String>,
}

/// Whether it may still come about.
fn may_come(since: DateTime<Utc>) -> bool {
    (SystemClock.now() - since).num_seconds() < WAIT_SECONDS_MAX
}

/// An API key made at the machine, for everything its account may do.
fn key_of(place: &Place, login: &str) -> String {
    let told = run(&mut place.fangpin(&[
        "user",
        "key",
        login,
        "--label",
        "system",
        "--grants",
        "READ,ACT,BULK,REVEAL",
    ]));
    let key = told.split_whitespace().find(|it| it.starts_with("fpk_"));
    key.unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn serve(place: &Place, now: DateTime<Utc>, address: &str) -> Server {
    let environment = [
        ("FANGPIN_WEBHOOK_ALLOW", "127.0.0.0/8"),
        ("FANGPIN_COST_BUDGET", "1000000000"),
        ("FANGPIN_COST_REFILL", "1000000"),
        ("FANGPIN_TIMER_SECONDS", "1"),
    ];
    let now = now.to_rfc3339();
    Server::start_at(place, &["demo", "--now", &now], &environment, address)
}

impl<'a> Ours<'a> {
    fn start(place: &'a Place) -> Self {
        furnished(place);
        let office = ["smz.wang", "office.zhao"];
        let logins = LOGINS.into_iter().chain(office);
        // On one PostgreSQL two processes serve; on a SQLite file one does.
        let processes = if place.url.is_some() { 2 } else { 1 };
        let mut ours = Self {
            place,
            addresses: (0..processes)
                .map(|_| format!("127.0.0.1:{}", free_port()))
                .collect(),
            servers: Vec::new(),
            began: SystemClock.now(),
            round: 0,
            kills: 0,
            http: http(),
            keys: logins
                .map(|login| (login.to_owned(), key_of(place, login)))
                .collect(),
        };
        ours.serve_all();
        ours
    }

    fn now(&self) -> DateTime<Utc> {
        let first: DateTime<Utc> = "2020-06-24T01:00:00Z".parse().unwrap();
        first + Span::days(ROUND_DAYS * self.round) + (SystemClock.now() - self.began)
    }

    fn serve_all(&mut self) {
        let (place, now) = (self.place, self.now());
        self.servers = std::thread::scope(|scope| {
            let addresses = self.addresses.iter();
            let starting: Vec<_> = addresses
                .map(|address| scope.spawn(move || serve(place, now, address)))
                .collect();
            let started = starting.into_iter().map(|it| it.join().unwrap());
            started.collect()
        });
    }

    /// One of the processes is killed and comes back.
    fn kill_one(&mut self) {
        let at = usize::try_from(below(self.servers.len() as u64)).unwrap();
        self.servers.remove(at).kill();
        self.kills += 1;
        let server = serve(self.place, self.now(), &self.addresses[at]);
        self.servers.insert(at, server);
    }

    /// All are killed, and come back in the next round.
    fn next_round(&mut self) {
        self.kills += self.servers.len();
        self.servers.drain(..).for_each(Server::kill);
        self.round += 1;
        self.serve_all();
    }

    fn urls(&self, path: &str) -> Vec<String> {
        let addresses = self.addresses.iter();
        addresses.map(|it| format!("http://{it}{path}")).collect()
    }

    /// Asks until there is an answer, whichever process gives it.
    async fn ask(&self, login: &str, query: &str, variables: Value) -> Value {
        let urls = self.urls("/graphql");
        let body = json!({ "query": query, "variables": variables });
        let since = SystemClock.now();
        for url in urls.iter().cycle().take_while(|_| may_come(since)) {
            let request = self.http.post(url).bearer_auth(&self.keys[login]);
            let request = request
                .header("accept", "application/graphql-response+json")
                .json(&body);
            if let Ok(response) = request.send().await
                && let Ok(answer) = response.json::<Value>().await
                && answer["errors"][0]["extensions"]["retryable"] != true
            {
                assert!(answer["data"].is_object(), "{login}: {answer}");
                return answer["data"].clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no answer to {query}");
    }

    async fn document(&self, login: &str, name: &str, variables: Value) -> Value {
        let path = root()
            .join("graphql/operations")
            .join(format!("{name}.graphql"));
        let query = std::fs::read_to_string(path).unwrap();
        self.ask(login, &query, variables).await
    }

    /// Gives a command of the office's; the same claim at the same version is the same wish.
    async fn give(&self, login: &str, name: &str, claim: &Value, more: Value) {
        let wish = format!("{name}/{}/{}", claim["id"], claim["version"]);
        let mut input = json!({
            "claimId": claim["id"], "expectedVersion": claim["version"], "idempotencyKey": ids::named("test", &wish),
        });
        let fields = more.as_object().unwrap().clone();
        input.as_object_mut().unwrap().extend(fields);
        let answer = self
            .document(login, &format!("office/{name}"), json!({ "input": input }))
            .await;
        let payload = answer.as_object().unwrap().values().next().unwrap();
        let codes = payload["userErrors"].as_array().unwrap().iter();
        let codes: Vec<&Value> = codes.map(|it| &it["code"]).collect();
        assert!(
            codes.iter().all(|it| *it == "STALE_VERSION"),
            "{name}: {payload}"
        );
    }

    /// Refers households that nobody has referred yet; the numbers of their claims, with the losses.
    async fn refer(&self, scheme: &Value) -> Vec<(String, &'static str)> {
        let round = usize::try_from(self.round).unwrap();
        let line = |line_no: usize| {
            let number = 30_000 + round * HOUSEHOLDS + line_no;
            // A figure in a name would not be posted.
            let spoken = |digit: u8| {
                "零一二三四五六七八九"
                    .chars()
                    .nth(usize::from(digit - b'0'))
            };
            let name: String = number.to_string().bytes().filter_map(spoken).collect();
            let (id, name) = (id_number(number), format!("测{name}"));
            json!({
                "lineNo": line_no, "villageCode": "130302105201", "headName": name, "headIdNumber": id,
                "kind": "脱贫不稳定户", "persons": 3, "insuredName": name, "insuredIdNumber": id, "relation": "户主",
                "peril": "ILLNESS", "eventOn": "2020-05-20", "submittedFen": LOSSES[line_no - 1],
                "decidedOn": "2020-05-28", "document": "决议", "payeeName": name, "bank": "某银行",
                "account": format!("62284800000{number:08}"),
            })
        };
        let lines: Vec<Value> = (1..=HOUSEHOLDS).map(line).collect();
        let key = ids::named("test", &format!("round {round}"));
        let input = json!({ "batchKey": key, "schemeId": scheme, "lines": lines });
        let answer = self
            .document("smz.wang", "office/ReferBatch", json!({ "input": input }))
            .await;
        let referred = answer["referBatch"]["lines"].as_array().unwrap().iter();
        let numbers = referred.map(|it| {
            it["claim"]["number"]
                .as_str()
                .unwrap_or_else(|| panic!("{it}"))
        });
        numbers.map(str::to_owned).zip(LOSSES).collect()
    }

    /// The claims of ours that stand so.
    async fn standing(&self, ours: &BTreeMap<String, &str>, statuses: &[&str]) -> Vec<Value> {
        let (mut found, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "statuses": statuses, "after": after });
            let page = self.ask("smz.wang", STANDING, variables).await["claims"].clone();
            let nodes = page["nodes"].as_array().unwrap().iter();
            found.extend(
                nodes
                    .filter(|it| ours.contains_key(it["number"].as_str().unwrap()))
                    .cloned(),
            );
            if page["pageInfo"]["hasNextPage"] == false {
                return found;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// Does what is the office's to do; how many claims the insurer or the office have before the notice runs.
    async fn office_works(&self, ours: &BTreeMap<String, &str>) -> usize {
        let today = (self.now() + Span::hours(8)).date_naive().to_string();
        let claims = self.standing(ours, &OPEN[..5]).await;
        let mut left = 0;
        for claim in &claims {
            let posted = &claim["notice"]["proofs"]["nodes"];
            let last = &claim["timeline"]["nodes"][0]["type"];
            left += 1;
            match claim["status"].as_str().unwrap() {
                "VERIFYING" if claim["nextCheck"] == "VILLAGE_EVALUATION" => {
                    let votes = json!({ "present": 15, "agree": 14, "against": 1 });
                    let evaluation = json!({
                        "check": "VILLAGE_EVALUATION", "on": today, "passed": true, "evidence": [], "votes": votes,
                    });
                    self.give("smz.wang", "RecordFinding", claim, evaluation)
                        .await;
                }
                "VERIFIED" if last == "NOTICE_PREVIEWED" => {
                    self.give("office.zhao", "OpenPublicNotice", claim, json!({}))
                        .await;
                }
                "VERIFIED" => {
                    let preview = json!({ "contentHash": claim["noticePreview"]["contentHash"] });
                    self.give("smz.wang", "PreviewNotice", claim, preview).await;
                }
                "NOTICE_OPEN" if *posted == json!([]) => {
                    let proof = json!({
                        "contentHash": claim["notice"]["contentHash"],
                        "evidence": { "kind": "公示照片", "sha256": "b".repeat(64) },
                    });
                    self.give("smz.wang", "RecordPublicationProof", claim, proof)
                        .await;
                }
                "NOTICE_OPEN" => left -= 1,
                _ => {}
            }
        }
        left
    }
}

/// What was tried to pass for a webhook of ours at the insurer's door.
#[derive(Debug, Default)]
struct Forged {
    tried: usize,
    taken: usize,
}

impl Forged {
    async fn try_it(&mut self, http: &reqwest::Client, port: u16) {
        let at = SystemClock.now().timestamp().to_string();
        let signature = format!("v1a,{}", "A".repeat(86) + "==");
        let body = r#"{"type":"claim.paid","data":{"id":"x","county":"130302","claimId":"x","number":"x","seq":1}}"#;
        let request = http
            .post(format!("http://127.0.0.1:{port}/webhooks"))
            .header("webhook-id", "forged")
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(body);
        // Killed or not: it is never taken.
        if let Ok(answer) = request.send().await {
            self.tried += 1;
            self.taken += usize::from(answer.status().is_success());
        }
    }
}

fn texts(value: &Value) -> Vec<(String, u64)> {
    let pairs = value.as_array().unwrap().iter();
    pairs
        .map(|it| (it[0].as_str().unwrap().to_owned(), it[1].as_u64().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_hundred_times_on_sqlite() {
    campaign(&Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_hundred_times_on_postgres() {
    campaign(&Place::postgres()).await;
}

async fn campaign(place: &Place) {
    let times = variable("FANGPIN_TEST_KILLS").map_or(KILLS, |it| it.parse().unwrap());
    let mut ours = Ours::start(place);
    let (insurer_port, bank_port) = (free_port(), free_port());
    let input = json!({ "idempotencyKey": ids::fresh(), "login": LOGIN });
    let made = ours
        .document(
            "ins.admin",
            "insurer/RegisterConnectorKey",
            json!({ "input": input }),
        )
        .await;
    let settings = |name: &str, content: Value| {
        let path = place.folder.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path
    };
    let bank = settings(
        "bank.json",
        json!({
            "database": place.folder.path().join("bank.sqlite"), "port": bank_port, "seed": below(1_000_000),
            "urls": ours.urls(&format!("/hooks/v1/{LOGIN}")), "secret": made["registerConnectorKey"]["secret"],
        }),
    );
    let keys: BTreeMap<_, _> = LOGINS.iter().map(|it| (*it, &ours.keys[*it])).collect();
    let insurer = settings(
        "insurer.json",
        json!({
            "urls": ours.urls(""), "keys": keys, "contract": root().join("graphql"),
            "database": place.folder.path().join("insurer.sqlite"), "port": insurer_port,
            "bank": format!("http://127.0.0.1:{bank_port}"),
        }),
    );
    let schemes = ours.document("smz.wang", "office/Schemes", json!({})).await;
    let scheme = schemes["schemes"]["nodes"][0]["id"].clone();
    let began = log_end(place).await;
    let bank = Killed::start("bank/reference.py", bank, times, 3);
    let insurer = Killed::start("insurer/insurer.py", insurer, times, 6);

    // From here on the insurer is told.
    let since = SystemClock.now();
    while ours
        .document(
            "ins.admin",
            "insurer/WebhookEndpoints",
            json!({ "first": 1 }),
        )
        .await["webhookEndpoints"]["nodes"]
        == json!([])
    {
        assert!(may_come(since), "the insurer sets up no endpoint");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let after = log_end(place).await;
    let (mut claims, mut forged) = (BTreeMap::new(), Forged::default());
    while insurer.kills().min(bank.kills()) < times {
        claims.extend(ours.refer(&scheme).await);
        let since = SystemClock.now();
        while ours.office_works(&claims).await > 0 {
            assert!(may_come(since), "round {} does not end", ours.round);
            forged.try_it(&ours.http, insurer_port).await;
            if below(12) == 0 {
                ours.kill_one();
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        ours.next_round();
    }
    // Nobody is killed any more. Everything comes to its end.
    let since = SystemClock.now();
    loop {
        let (open, bank, insurer) = (
            ours.standing(&claims, &OPEN).await,
            bank.figures(),
            insurer.figures(),
        );
        if open.is_empty() && bank["open"] == 0 && insurer["files"]["open"] == 0 {
            break;
        }
        let statuses: Vec<_> = open
            .iter()
            .map(|it| (&it["number"], &it["status"]))
            .collect();
        assert!(
            may_come(since),
            "open: {statuses:?}, bank {}, insurer's files {}, unanswered {}",
            bank["open"],
            insurer["files"],
            insurer["unanswered"]
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for claim in ours.standing(&claims, &["PAID"]).await {
        let archive = json!({ "archiveNo": claim["number"] });
        ours.give("office.zhao", "CloseClaim", &claim, archive)
            .await;
    }
    // What waits for another attempt is due in the next round.
    ours.next_round();
    let books = told_everything(place, after, &insurer).await;
    let (told, ledger) = (insurer.figures(), bank.figures());

    ends_as_expected(&ours, &claims, &ledger).await;
    let violations = in_order(&texts(&told["webhooks"])) + forged.taken;
    // It also took up what was referred before its endpoint was there.
    every_act_was_answered(place, &super::hooks::books(place, began).await, &told).await;
    let messages = ours
        .document(
            "ins.chu",
            "insurer/BankMessages",
            json!({ "first": 100, "state": "QUARANTINED" }),
        )
        .await;
    let quarantined = messages["bankMessages"]["nodes"].as_array().unwrap().iter();
    let quarantined: BTreeSet<_> = quarantined.map(|it| it["code"].to_string()).collect();
    println!(
        "{}: {} rounds, {} claims; killed: insurer {}, bank {}, ours {}\n\
         webhooks: {} events, all arrived, {} duplicates, {} forgeries tried, {violations} violations\n\
         insurer: {} wishes, sent {} times, {} answers replayed; batches {}; files {}\n\
         bank's lines: {}\n\
         bank: {} orders, {} instructions, {} entries, messages and times sent {}; answers {}; quarantined here {quarantined:?}",
        if place.url.is_some() {
            "PostgreSQL"
        } else {
            "SQLite"
        },
        ours.round,
        claims.len(),
        insurer.kills(),
        bank.kills(),
        ours.kills,
        books.events.len(),
        told["duplicates"],
        forged.tried,
        told["wishes"],
        told["sent"],
        told["replayed"],
        told["batches"],
        told["files"],
        told["lines"],
        ledger["orders"],
        ledger["instructions"].as_array().unwrap().len(),
        ledger["entries"].as_array().unwrap().len(),
        ledger["messages"],
        ledger["answers"],
    );
    assert_eq!(violations, 0);
    assert_eq!(told["unanswered"], json!([]), "a wish without an answer");
    assert_eq!(
        ledger["refused"],
        json!([]),
        "a message of the bank was refused"
    );
    for program in [&insurer, &bank] {
        assert_eq!(
            program.ended.load(Ordering::Acquire),
            0,
            "{} ended by itself",
            program.script.display()
        );
    }
    drop((insurer, bank));
    drop(ours);
    let verified = place.fangpin(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", both(&verified));
}

/// Waits until every event of the log has come to the insurer by webhook.
async fn told_everything(place: &Place, after: i64, insurer: &Killed) -> super::hooks::Books {
    let since = SystemClock.now();
    while may_come(since) {
        let books = books(place, after).await;
        let came: BTreeSet<_> = texts(&insurer.figures()["webhooks"]).into_iter().collect();
        if books.events.iter().all(|event| came.contains(event)) {
            return books;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("some webhooks never came");
}

/// How many came before an earlier one of their claim.
fn in_order(webhooks: &[(String, u64)]) -> usize {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let late = webhooks
        .iter()
        .filter(|(number, seq)| last.insert(number, *seq).unwrap_or(0) >= *seq);
    late.count()
}

/// Every claim has come to its end, and the bank's ledger tells of each instruction what we do: nothing was paid
/// twice, nothing was lost.
async fn ends_as_expected(ours: &Ours<'_>, claims: &BTreeMap<String, &str>, ledger: &Value) {
    let mut entries: BTreeMap<(&str, &str), (usize, i64)> = BTreeMap::new();
    for entry in ledger["entries"].as_array().unwrap() {
        let key = (entry[0].as_str().unwrap(), entry[1].as_str().unwrap());
        let booked = entries.entry(key).or_default();
        *booked = (booked.0 + 1, booked.1 + entry[2].as_i64().unwrap());
    }
    let twice: Vec<_> = entries.iter().filter(|(_, it)| it.0 != 1).collect();
    assert!(twice.is_empty(), "the bank booked twice: {twice:?}");
    let (mut paid_here, mut instructions) = (0, 0);
    for (number, loss) in claims {
        let claim = ours
            .document("office.zhao", "office/Claim", json!({ "number": number }))
            .await["claim"]
            .clone();
        let expected = if *loss == SENT_BACK {
            "RETURNED"
        } else {
            "CLOSED"
        };
        assert_eq!(claim["status"], expected, "{number}");
        let mut paid = 0;
        for payment in claim["payments"]["nodes"].as_array().unwrap() {
            let instruction = payment["instructionNo"].as_str().unwrap();
            let amount: i64 = payment["amountFen"].as_str().unwrap().parse().unwrap();
            let booked = |kind| entries.get(&(instruction, kind)).map(|it| it.1);
            let expected = match payment["status"].as_str().unwrap() {
                "PAID" => (Some(amount), None),
                "RETURNED" => (Some(amount), Some(amount)),
                "FAILED" => (None, None),
                other => panic!("{instruction} is {other}"),
            };
            assert_eq!((booked("PAID"), booked("BACK")), expected, "{instruction}");
            instructions += 1;
            if payment["status"] == "PAID" {
                paid += 1;
                paid_here += amount;
            }
        }
        assert_eq!(
            paid,
            usize::from(expected == "CLOSED"),
            "{number} is paid once"
        );
    }
    assert_eq!(
        ledger["instructions"].as_array().unwrap().len(),
        instructions
    );
    assert_eq!(
        ledger["balances"], paid_here,
        "the money at the bank is the money paid here"
    );
}

/// What the insurer's people did stands in the log, and was answered to the insurer: nothing of it was done twice, and
/// nothing without its knowledge.
async fn every_act_was_answered(place: &Place, books: &super::hooks::Books, told: &Value) {
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    let store: &dyn Store = &store;
    let accounts = store.accounts(county()).await.unwrap();
    let of_the_insurer = |login: &str| ANSWERED.contains(&login);
    let persons = accounts.iter().filter(|it| of_the_insurer(&it.login));
    let persons: BTreeSet<_> = persons.map(|it| it.person).collect();
    let logged = books.events.iter().zip(&books.by);
    let logged: Vec<_> = logged
        .filter(|(_, by)| persons.contains(by))
        .map(|(event, _)| event.clone())
        .collect();
    let answers = told["answers"].as_array().unwrap().iter();
    let answers =
        answers.filter(|it| of_the_insurer(it[0].as_str().unwrap()) && it[1]["event"].is_object());
    let answered: BTreeSet<(String, u64)> = answers
        .map(|it| {
            let number = it[1]["claim"]["number"].as_str().unwrap();
            (number.to_owned(), it[1]["event"]["seq"].as_u64().unwrap())
        })
        .collect();
    let unknown: Vec<_> = logged.iter().filter(|it| !answered.contains(*it)).collect();
    assert!(
        unknown.is_empty(),
        "done, and the insurer never learnt of it: {unknown:?}"
    );
    assert_eq!(answered.len(), logged.len(), "answered, and not in the log");
}
