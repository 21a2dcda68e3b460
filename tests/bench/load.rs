//! The load: claims under verification, and clients that reassign their survey.

use crate::http::Connection;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The measured mutation.
pub const ASSIGN: &str = "mutation AssignSurvey($input: AssignSurveyInput!) { assignSurvey(input: $input) { \
    claim { id number status version } event { seq type recordedAt } userErrors { code field message } } }";

/// One claim a client works on.
#[derive(Debug, Clone)]
pub struct Target {
    pub claim: String,
    pub version: u64,
    pub surveyor: String,
}

/// What a run counted.
pub struct Done {
    pub count: u64,
    latencies_us: Vec<u64>,
}

impl Done {
    /// A percentile of the latencies, in microseconds.
    pub fn percentile(&self, percent: usize) -> u64 {
        let index = self.latencies_us.len() * percent / 100;
        self.latencies_us
            .get(index.min(self.latencies_us.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    }
}

pub struct Load {
    address: String,
    token: String,
    targets: Vec<Arc<Mutex<Target>>>,
}

async fn ask(connection: &mut Connection, query: &str, variables: Value) -> Result<Value, Failure> {
    let text = connection
        .post(&json!({ "query": query, "variables": variables }).to_string())
        .await?;
    let answer: Value = serde_json::from_str(&text)?;
    if answer["errors"].is_array() {
        return Err(text.into());
    }
    Ok(answer["data"].clone())
}

pub async fn sign_in(address: &str, login: &str) -> Result<(String, Connection), Failure> {
    let mut connection = Connection::open(address, "").await?;
    let query = "mutation($input: LogInInput!) { logIn(input: $input) { token } }";
    let input = json!({ "login": login, "password": "fangpin-demo-2020" });
    let data = ask(&mut connection, query, json!({ "input": input })).await?;
    let token = data["logIn"]["token"]
        .as_str()
        .ok_or("no token")?
        .to_owned();
    let connection = Connection::open(address, &token).await?;
    Ok((token, connection))
}

/// One mutation; its claim, or what refused it.
async fn mutate(connection: &mut Connection, name: &str, input: Value) -> Result<Value, Failure> {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation($input: {kind}!) {{ {name}(input: $input) {{ claim {{ id version }} userErrors {{ code field }} }} }}"
    );
    let data = ask(connection, &query, json!({ "input": input })).await?;
    let payload = &data[name];
    if payload["claim"].is_null()
        || payload["userErrors"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    {
        return Err(format!("{name}: {payload}").into());
    }
    Ok(payload["claim"].clone())
}

impl Load {
    /// Makes `claims` claims of one household of the sample county and brings them under verification.
    pub async fn prepare(address: &str, claims: usize) -> Result<Self, Failure> {
        let (_, mut office) = sign_in(address, "smz.wang").await?;
        let (token, mut insurer) = sign_in(address, "ins.sun").await?;
        let query = "{ claims(first: 1) { edges { node { scheme { id } household { id members { id } payees(first: 10) { nodes { id } } } } } } }";
        let data = ask(&mut office, query, json!({})).await?;
        let node = &data["claims"]["edges"][0]["node"];
        let staff = ask(
            &mut insurer,
            "{ colleagues(duty: SURVEYOR, first: 10) { nodes { id } } }",
            json!({}),
        )
        .await?;
        let surveyor = staff["colleagues"]["nodes"][0]["id"]
            .as_str()
            .ok_or("no surveyor")?
            .to_owned();
        let mut targets = Vec::with_capacity(claims);
        for index in 0..claims {
            let (month, day) = (index / 28 % 12 + 1, index % 28 + 1);
            let input = json!({
                "idempotencyKey": fresh(), "schemeId": node["scheme"]["id"],
                "householdId": node["household"]["id"],
                "insuredMemberId": node["household"]["members"][0]["id"],
                "peril": "ILLNESS", "eventOn": format!("2020-{month:02}-{day:02}"),
                "submittedFen": "4120000", "payeeId": node["household"]["payees"]["nodes"][0]["id"],
                "basis": { "decidedOn": "2020-05-18", "document": "bench" },
            });
            let mut claim = mutate(&mut office, "draftReferral", input).await?;
            for step in ["referCase", "acceptReferral", "assignSurvey"] {
                let mut input = json!({
                    "idempotencyKey": fresh(), "claimId": claim["id"], "expectedVersion": claim["version"],
                });
                if step == "assignSurvey" {
                    input["surveyorId"] = json!(surveyor);
                }
                let connection = if step == "referCase" {
                    &mut office
                } else {
                    &mut insurer
                };
                claim = mutate(connection, step, input).await?;
            }
            targets.push(Arc::new(Mutex::new(Target {
                claim: claim["id"].as_str().ok_or("no id")?.to_owned(),
                version: claim["version"].as_u64().ok_or("no version")?,
                surveyor: surveyor.clone(),
            })));
        }
        Ok(Self {
            address: address.to_owned(),
            token,
            targets,
        })
    }

    /// `clients` clients work for `time`, each on claims of its own.
    pub async fn run(&self, clients: usize, time: Duration) -> Result<Done, Failure> {
        let mut tasks = Vec::with_capacity(clients);
        for client in 0..clients {
            let mine: Vec<_> = self
                .targets
                .iter()
                .skip(client)
                .step_by(clients)
                .cloned()
                .collect();
            let mut connection = Connection::open(&self.address, &self.token).await?;
            tasks.push(tokio::spawn(async move {
                let end = now() + time;
                let mut latencies = Vec::new();
                let mut turn = 0;
                while now() < end {
                    let target = Arc::clone(&mine[turn % mine.len()]);
                    turn += 1;
                    let body = lock(&target).body(fresh());
                    let began = now();
                    let text = connection.post(&body).await?;
                    latencies.push(u64::try_from(began.elapsed().as_micros())?);
                    if !text.contains("\"userErrors\":[]") {
                        return Err::<_, Failure>(text.into());
                    }
                    lock(&target).version += 1;
                }
                Ok(latencies)
            }));
        }
        let mut latencies_us = Vec::new();
        for task in tasks {
            latencies_us.extend(task.await??);
        }
        latencies_us.sort_unstable();
        Ok(Done {
            count: u64::try_from(latencies_us.len())?,
            latencies_us,
        })
    }
}

fn lock(target: &Mutex<Target>) -> std::sync::MutexGuard<'_, Target> {
    target
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine"
)]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a client makes its own keys")]
fn fresh() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}
