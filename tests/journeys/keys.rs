//! Keys of the private values, changed as an operator changes them: by command, beside a server at work, with
//! the power failing in between. Nothing is lost, and what lacks a key says which.

use crate::support::{Client, KEY, Place, Server, both, http, run};
use engine::household::{Household, Households};
use engine::testkit::world::invent_household;
use engine::{HouseholdFilter, Page, Scope};
use lifecycle::{CountyCode, RegionCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::{KeyId, KeyUse, SqlStore};
use tokio::task::JoinHandle;

/// Households besides the sample's: enough values that going over to another key has a middle.
const HOUSEHOLDS: u32 = 1_200;
/// Kills that must hit the middle.
const KILLS: usize = 12;
/// So that the clerk of these tests is not told to wait.
const PATIENT: [(&str, &str); 3] = [
    ("FANGPIN_REVEALS_PER_DAY", "10000"),
    ("FANGPIN_COST_BUDGET", "1000000000"),
    ("FANGPIN_COST_REFILL", "1000000"),
];
/// Another made-up key.
const SECOND: &str = "dGhlIHNlY29uZCBrZXkgb2YgYSB0ZXN0LCAzMmJ5dGU=";

fn county() -> CountyCode {
    CountyCode::new(130_302).unwrap()
}

/// A number of milliseconds up to a limit.
fn at_random(limit: u64) -> Duration {
    Duration::from_millis(RandomState::new().build_hasher().finish() % limit)
}

fn serve(place: &Place) -> Server {
    Server::start_with(place, &["serve"], &PATIENT)
}

/// What a command says when it fails.
fn refusal(place: &Place, arguments: &[&str]) -> String {
    let output = place.fangpin(arguments).output().unwrap();
    assert!(!output.status.success(), "{}", both(&output));
    both(&output)
}

/// The keys as `keys list` shows them, the newest last: name and what for.
fn listed(place: &Place) -> Vec<(String, String)> {
    let told = run(&mut place.fangpin(&["keys", "list"]));
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in told.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.len()
            - words
                .iter()
                .rev()
                .take_while(|it| !it.chars().all(|it| it.is_ascii_digit()))
                .count();
        keys.push((words[0].to_owned(), words[at..].join(" ")));
    }
    keys
}

fn only_key(place: &Place) -> String {
    let mut keys = listed(place);
    let (key, _) = keys.remove(0);
    assert!(keys.is_empty(), "{keys:?}");
    key
}

async fn uses(place: &Place) -> Vec<KeyUse> {
    let store = store::connect_snapshot(&place.url(), place.keys()).await;
    store.unwrap().key_uses().await.unwrap()
}

/// The sample county, and many more households in it.
async fn furnished(place: &Place) -> Vec<Household> {
    run(&mut place.fangpin(&["demo", "--no-serve", "--json"]));
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    let mut homes = Vec::new();
    for number in 0..HOUSEHOLDS {
        let home = invent_household(5_000 + number, "130302105201");
        store.put_household(&home).await.unwrap();
        homes.push(home);
    }
    homes
}

/// A value that was written, how it is asked for, and what must be told.
type Written = Vec<(Value, String)>;

/// A clerk who writes private values down and reads them again, all the while.
struct Clerk {
    client: Client,
    /// A household of the sample with a claim.
    home: Value,
    homes: Vec<Household>,
}

impl Clerk {
    async fn at(server: &Server, homes: &[Household]) -> Self {
        let client = Client::sign_in(server, "smz.wang").await;
        let claims = client.ask("office/Claims", json!({ "first": 1 })).await;
        let id = claims["data"]["claims"]["edges"][0]["node"]["id"].clone();
        let claim = client.ask("office/Claim", json!({ "id": id })).await;
        let home = claim["data"]["claim"]["household"]["id"].clone();
        let home = client.ask("office/Household", json!({ "id": home })).await;
        let home = home["data"]["household"].clone();
        assert!(
            home["claims"]["nodes"][0]["id"].is_string(),
            "{claim} {home}"
        );
        Self {
            client,
            home,
            homes: homes.to_vec(),
        }
    }

    async fn reveal(&self, field: &Value) -> Value {
        let mut input = json!({ "householdId": self.home["id"], "purpose": "VERIFICATION", "reason": "换钥期间核对" });
        for (name, value) in field.as_object().unwrap() {
            input[name] = value.clone();
        }
        let asked = json!({ "input": input });
        self.client.ask("office/RevealHouseholdField", asked).await
    }

    /// Writes an account, a phone and a diagnosis down; what must be told from now on.
    async fn write(&self, round: usize) -> Written {
        let account = format!("62179931{round:011}");
        let input = json!({ "input": {
            "idempotencyKey": uuid::Uuid::from_u128(engine::ids::fresh().as_u128()), "householdId": self.home["id"],
            "memberId": self.home["members"][0]["id"], "holderName": self.home["headName"], "bank": "某银行",
            "account": account,
        } });
        let answer = self.client.ask("office/RegisterPayee", input).await;
        let payee = answer["data"]["registerPayee"]["payee"]["id"].clone();
        assert!(payee.is_string(), "{answer}");
        let claim = &self.home["claims"]["nodes"][0]["id"];
        let (phone, diagnosis) = (format!("139{round:08}"), format!("第{round}次写下的病"));
        let input = json!({ "input": {
            "idempotencyKey": uuid::Uuid::from_u128(engine::ids::fresh().as_u128()), "householdId": self.home["id"],
            "phone": phone, "claimId": claim, "diagnosis": diagnosis,
        } });
        let answer = self.client.ask("office/RecordPrivateDetails", input).await;
        let payload = &answer["data"]["recordPrivateDetails"];
        assert_eq!(payload["claim"]["diagnosisRecorded"], true, "{answer}");
        vec![
            (json!({ "field": "ACCOUNT", "payeeId": payee }), account),
            (json!({ "field": "PHONE" }), phone),
            (json!({ "field": "DIAGNOSIS", "claimId": claim }), diagnosis),
        ]
    }

    /// What was written is told as it was written.
    async fn read(&self, written: &[(Value, String)]) {
        for (field, plain) in written {
            let answer = self.reveal(field).await;
            let told = &answer["data"]["revealHouseholdField"]["value"];
            assert_eq!(told, plain, "{field}: {answer}");
        }
    }

    /// A person is found by the number, under whichever key it is indexed.
    async fn find(&self, round: usize) {
        let home = &self.homes[round * 97 % self.homes.len()];
        let member = &home.members[round % home.members.len()];
        let number = json!({ "idNumber": member.id_number.reveal() });
        let answer = self.client.ask("office/HouseholdOf", number).await;
        let found = &answer["data"]["householdOf"];
        assert_eq!(found["headName"], home.head_name(), "{answer}");
        assert_eq!(
            found["members"].as_array().unwrap().len(),
            home.members.len()
        );
    }

    /// Works until it is told to stop; all accounts, and the last phone and diagnosis.
    async fn work(self, stop: Arc<AtomicBool>, rounds: Arc<AtomicUsize>) -> Written {
        let mut accounts = Vec::new();
        loop {
            let round = rounds.load(Ordering::Relaxed);
            let mut written = self.write(round).await;
            self.read(&written).await;
            self.find(round).await;
            rounds.store(round + 1, Ordering::Relaxed);
            accounts.push(written.remove(0));
            if stop.load(Ordering::Relaxed) {
                accounts.extend(written);
                return accounts;
            }
        }
    }
}

/// A clerk at work, and how far.
struct AtWork {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    clerk: JoinHandle<Written>,
}

impl AtWork {
    fn begin(clerk: Clerk) -> Self {
        let (stop, rounds) = (Arc::default(), Arc::default());
        let clerk = tokio::spawn(clerk.work(Arc::clone(&stop), Arc::clone(&rounds)));
        Self {
            stop,
            rounds,
            clerk,
        }
    }

    /// Waits for more rounds of work, so that each part of the story has some.
    async fn some_rounds(&self) {
        let enough = self.rounds.load(Ordering::Relaxed) + 3;
        while self.rounds.load(Ordering::Relaxed) < enough {
            assert!(!self.clerk.is_finished(), "the clerk was turned away");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.clerk.await.unwrap()
    }
}

/// `keys rotate`, killed after a while unless it is through; whether it is.
async fn rotate_for(place: &Place, a_while: Duration) -> bool {
    let mut child = place
        .fangpin(&["keys", "rotate"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(a_while).await;
    if let Some(status) = child.try_wait().unwrap() {
        assert!(status.success(), "{status}");
        return true;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Whether going over has begun and is not through.
fn in_the_middle(uses: &[KeyUse], newest: &KeyId) -> bool {
    let begun = uses.iter().any(|it| it.key == *newest && it.seals);
    begun && uses.iter().any(|it| it.key != *newest)
}

/// Everything the clerk wrote and everything the county had, with the keys that are there now.
async fn nothing_is_lost(place: &Place, homes: &[Household], written: &[(Value, String)]) {
    let server = serve(place);
    let clerk = Clerk::at(&server, homes).await;
    clerk.read(written).await;
    for round in 0..20 {
        clerk.find(round).await;
    }
    clerk.read(&clerk.write(99_999).await).await;
    let ready = http().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let store = store::connect(&place.url(), place.keys()).await.unwrap();
    assert_eq!(all(&store).await, by_id(homes.to_vec()));
    let told = run(&mut place.fangpin(&["audit", "verify"]));
    assert!(told.contains("sound"), "{told}");
}

fn by_id(homes: Vec<Household>) -> HashMap<String, Household> {
    homes
        .into_iter()
        .map(|it| (it.id.to_string(), it))
        .collect()
}

/// The households that were put there besides the sample's.
async fn all(store: &SqlStore) -> HashMap<String, Household> {
    let scope = Scope {
        county: county(),
        region: RegionCode::new("130302").unwrap(),
        insurer: None,
    };
    let filter = HouseholdFilter::default();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = Page {
            after,
            ..Page::first(100)
        };
        let slice = store.households(&scope, &filter, &page).await.unwrap();
        after = slice.rows.last().map(|it| it.id.to_string());
        found.extend(slice.rows);
        if !slice.more {
            break;
        }
    }
    let own = |it: &Household| {
        let bank = it.payees.first().map(|it| it.bank.as_str());
        bank == Some("某农信社(测试)")
    };
    found.retain(own);
    by_id(found)
}

/// The whole story with a key file, which the server at work reads again by itself.
async fn through_kills(place: Place, file: PathBuf) {
    let homes = furnished(&place).await;
    let server = serve(&place);
    let clerk = AtWork::begin(Clerk::at(&server, &homes).await);
    clerk.some_rounds().await;

    let first = &only_key(&place);
    let only_first = std::fs::read_to_string(&file).unwrap();
    let told = refusal(&place, &["keys", "retire", first]);
    assert!(
        told.contains("still used") && told.contains("keys rotate"),
        "{told}"
    );

    let (mut kills, mut tries, mut gone) = (0, 0, Vec::new());
    let mut newest = None;
    while kills < KILLS {
        if newest.is_none() {
            let told = run(&mut place.fangpin(&["keys", "new"]));
            let keys = listed(&place);
            let (key, use_of) = keys.last().unwrap().clone();
            assert!(
                told.contains(&key) && use_of == "nothing",
                "{told} {keys:?}"
            );
            newest = Some(KeyId::named(&key));
        }
        let to = newest.clone().unwrap();
        tries += 1;
        let through = rotate_for(&place, at_random(1_500)).await;
        let uses = uses(&place).await;
        if through {
            assert!(uses.iter().all(|it| it.key == to), "{uses:?}");
            gone.extend(retire_others(&place, &to));
            newest = None;
        } else if in_the_middle(&uses, &to) {
            kills += 1;
            // What is under way needs both keys.
            for key in uses.iter().map(|it| it.key.as_str()) {
                let told = refusal(&place, &["keys", "retire", key]);
                assert!(told.contains("still used"), "{told}");
            }
            clerk.some_rounds().await;
        }
        assert!(!clerk.clerk.is_finished(), "the clerk was turned away");
        assert!(
            tries < 40 * KILLS,
            "{kills} of {tries} kills hit the middle"
        );
    }
    let told = run(&mut place.fangpin(&["keys", "rotate"]));
    assert!(told.contains("130302"), "{told}");
    clerk.some_rounds().await;
    // Nothing stands under another key, and a last call has nothing to do.
    let keys = listed(&place);
    let (last, what) = keys.last().unwrap().clone();
    assert_eq!(what, "new values, indexes");
    let to = KeyId::named(&last);
    let uses = uses(&place).await;
    assert!(uses.iter().all(|it| it.key == to), "{uses:?}");
    let told = run(&mut place.fangpin(&["keys", "rotate"]));
    assert!(told.contains("0 values sealed anew, 0 indexes"), "{told}");
    let told = run(&mut place.fangpin(&["audit", "verify"]));
    assert!(told.contains("sound"), "{told}");

    gone.extend(retire_others(&place, &to));
    assert!(gone.contains(first));
    let left = std::fs::read_to_string(&file).unwrap();
    assert!(
        gone.iter().all(|key| !left.contains(key.as_str())),
        "taken out"
    );
    for key in [last.as_str(), "00000000"] {
        let told = refusal(&place, &["keys", "retire", key]);
        assert!(
            told.contains("still used") || told.contains("no key 00000000"),
            "{told}"
        );
    }
    // The server that began with the first key alone goes on with the last.
    clerk.some_rounds().await;
    let rounds = clerk.rounds.load(Ordering::Relaxed);
    let written = clerk.end().await;
    println!(
        "{kills} of {tries} kills in the middle, {} keys gone, {rounds} rounds of the clerk, {} values read again",
        gone.len(),
        written.len() + 4 * homes.len()
    );
    server.stop();
    nothing_is_lost(&place, &homes, &written).await;

    told_at_the_start(&place, &only_first, &last);
    closed_to_others(&place, &file);
}

/// Takes out every key but one; their names.
fn retire_others(place: &Place, to: &KeyId) -> Vec<String> {
    let names = listed(place).into_iter().map(|(key, _)| key);
    let others: Vec<String> = names.filter(|key| key != to.as_str()).collect();
    for key in &others {
        let told = run(&mut place.fangpin(&["keys", "retire", key]));
        assert!(told.contains(key.as_str()), "{told}");
    }
    others
}

/// A process that is given the old key only does not begin, and names the one it lacks.
fn told_at_the_start(place: &Place, only_first: &str, lacks: &str) {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.toml");
    std::fs::write(&old, only_first).unwrap();
    close(&old, 0o600);
    for command in ["serve", "keys rotate", "keys list", "audit verify"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let mut program = place.fangpin(&arguments);
        program.env("FANGPIN_KEY_FILE", &old);
        let output = program.output().unwrap();
        let told = both(&output);
        assert!(
            !output.status.success() && told.contains(lacks),
            "{command}: {told}"
        );
    }
}

fn close(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A key file that others can read is refused by whatever reads it, with what to do.
fn closed_to_others(place: &Place, file: &Path) {
    let name = file.display().to_string();
    for mode in [0o640, 0o604] {
        close(file, mode);
        for command in [
            "serve",
            "keys list",
            "keys new",
            "keys rotate",
            "audit verify",
        ] {
            let arguments: Vec<&str> = command.split(' ').collect();
            let told = refusal(place, &arguments);
            assert!(
                told.contains("chmod 600") && told.contains(&name),
                "{command}: {told}"
            );
        }
    }
    close(file, 0o600);
    run(&mut place.fangpin(&["audit", "verify"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_is_changed_beside_a_server_on_sqlite() {
    let place = Place::sqlite();
    let file = place.folder.path().join("keys.toml");
    through_kills(place, file).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_is_changed_beside_a_server_on_postgres() {
    let mut place = Place::postgres();
    let file = place.folder.path().join("shared/keys.toml");
    place.keys = None;
    let told = refusal(&place, &["serve"]);
    assert!(told.contains("keys new"), "{told}");
    place.keys = Some(("FANGPIN_KEY_FILE", file.display().to_string()));
    let told = run(&mut place.fangpin(&["keys", "new"]));
    assert!(told.contains("first key"), "{told}");
    through_kills(place, file).await;
}

/// Keys that come through the environment do not change under a process: each is begun again with both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_from_the_environment_are_changed_process_by_process() {
    let mut place = Place::postgres();
    let homes = furnished(&place).await;
    let first = &only_key(&place);
    let left_behind = serve(&place);
    let stranger = Clerk::at(&left_behind, &homes).await;
    let told = refusal(&place, &["keys", "new"]);
    assert!(
        told.contains("FANGPIN_KEY") && told.contains("base64"),
        "{told}"
    );

    place.keys = Some(("FANGPIN_KEY", format!("{KEY},{SECOND}")));
    let server = serve(&place);
    stranger.read(&stranger.write(88_888).await).await;
    let clerk = AtWork::begin(Clerk::at(&server, &homes).await);
    clerk.some_rounds().await;
    let keys = listed(&place);
    let (second, what) = keys.last().unwrap();
    assert_eq!(what, "nothing");
    let mut kills = 0;
    for _ in 0..5 {
        if !rotate_for(&place, at_random(1_500)).await {
            kills += usize::from(in_the_middle(&uses(&place).await, &KeyId::named(second)));
        }
    }
    run(&mut place.fangpin(&["keys", "rotate"]));
    clerk.some_rounds().await;
    println!("{kills} kills in the middle");

    // The process that was not given the new key: no answer is better than a wrong one, and it says so.
    let number = json!({ "idNumber": homes[0].members[0].id_number.reveal() });
    let answer = stranger.client.ask("office/HouseholdOf", number).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "INTERNAL",
        "{answer}"
    );
    let answer = stranger.reveal(&json!({ "field": "PHONE" })).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "INTERNAL",
        "{answer}"
    );
    let ready = http().get(left_behind.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let said = left_behind.stop();
    assert!(
        said.iter().any(|it| it.contains(second.as_str())),
        "{said:?}"
    );

    let told = run(&mut place.fangpin(&["keys", "retire", first]));
    assert!(told.contains("take it out of FANGPIN_KEY"), "{told}");
    let written = clerk.end().await;
    server.stop();
    place.keys = Some(("FANGPIN_KEY", SECOND.to_owned()));
    nothing_is_lost(&place, &homes, &written).await;
    place.keys = Some(("FANGPIN_KEY", KEY.to_owned()));
    for command in ["serve", "keys rotate", "keys list", "audit verify"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let told = refusal(&place, &arguments);
        assert!(told.contains(second.as_str()), "{command}: {told}");
    }
}
