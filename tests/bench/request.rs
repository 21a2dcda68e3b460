//! What the guard and the sealing cost of a normal request: their CPU time, measured here on the very document
//! and as many values, as a share of the CPU time the server spends on the whole request, in the same run.

use crate::http::Connection;
use crate::load::{self, Load};
use crate::processes::{KEY, Server};
use gateway::{COST_MAX, Guard};
use lifecycle::CountyCode;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Duration;
use store::{Keyring, Place};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Seconds of one measurement.
const SECONDS: u64 = 5;
/// Repetitions of what is measured in this process.
const TURNS: u32 = 20_000;

/// A page of claims as a caseworker's list shows it, with every value that is stored sealed.
const PAGE: &str = "query Page { claims(first: 20) { nodes { id number status version dueOn amountFen household { id headName \
    phoneMasked members { id name idNumberMasked } payees(first: 10) { nodes { id holderName accountMasked } } } \
    timeline(first: 10) { nodes { seq type recordedAt } } } } }";

/// Fields of an answer behind which a sealed value was opened.
const SEALED: [&str; 3] = ["phoneMasked", "idNumberMasked", "accountMasked"];

pub async fn measure() -> Result<(), Failure> {
    let server = Server::start(None)?;
    let guard = Guard::new(&gateway::sdl(), COST_MAX);
    let keys = Keyring::of_text(&KEY.to_owned().into())?;
    let (open, index) = (opening(&keys)?, indexing(&keys)?);
    println!("\nguard and sealing, share of the server's CPU of one request; one client, SQLite\n");
    println!(
        "| request | server us | parsing alone us | guard, parsing included us | guard | values opened | opening us | sealing |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (_, mut office) = load::sign_in(&server.address, "office.zhao").await?;
    let answer = office.post(&body(PAGE, &json!({}))).await?;
    let values = sealed_in(&serde_json::from_str(&answer)?);
    let whole = page(&server, &mut office).await?;
    row(
        "a page of 20 claims",
        whole,
        &guard,
        PAGE,
        f64::from(values),
        open,
    );
    let load = Load::prepare(&server.address, 64).await?;
    load.run(1, Duration::from_secs(1)).await?;
    let before = server.cpu(false)?;
    let done = load.run(1, Duration::from_secs(SECONDS)).await?;
    let whole = server.cpu(false)?.since(&before, done.count).server();
    row("assignSurvey", whole, &guard, load::ASSIGN, 0.0, open);
    println!("\nopening one value {open:.2} us, a blind index {index:.2} us");
    Ok(())
}

fn body(query: &str, variables: &Value) -> String {
    json!({ "query": query, "variables": variables }).to_string()
}

async fn page(server: &Server, connection: &mut Connection) -> Result<u64, Failure> {
    let body = body(PAGE, &json!({}));
    let before = server.cpu(false)?;
    let end = load::now() + Duration::from_secs(SECONDS);
    let mut count = 0;
    while load::now() < end {
        let answer = connection.post(&body).await?;
        if answer.contains("\"errors\"") {
            return Err(answer.into());
        }
        count += 1;
    }
    Ok(server.cpu(false)?.since(&before, count).server())
}

/// How many values of an answer came out of a seal.
fn sealed_in(answer: &Value) -> u32 {
    match answer {
        Value::Object(fields) => (fields.iter())
            .map(|(name, value)| {
                let is_sealed = SEALED.contains(&name.as_str()) && !value.is_null();
                u32::from(is_sealed) + sealed_in(value)
            })
            .sum(),
        Value::Array(items) => items.iter().map(sealed_in).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Microseconds of one turn.
fn each(mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    work()?;
    let began = load::now();
    for _ in 0..TURNS {
        work()?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(TURNS))
}

fn place() -> Result<Place, Failure> {
    Ok(Place {
        table: "member",
        column: "id_number",
        county: CountyCode::new(130_302)?,
        row: uuid::Uuid::nil(),
    })
}

fn opening(keys: &Keyring) -> Result<f64, Failure> {
    let place = place()?;
    let (key, _) = keys.names().pop().ok_or("no key")?;
    let sealed = keys.seal(&key, &place, "13030219500101001X")?;
    each(|| {
        black_box(keys.open(&place, black_box(&sealed))?);
        Ok(())
    })
}

fn indexing(keys: &Keyring) -> Result<f64, Failure> {
    let county = CountyCode::new(130_302)?;
    each(|| {
        black_box(keys.indexes("member.id_number", county, black_box("13030219500101001X"))?);
        Ok(())
    })
}

fn row(what: &str, whole: u64, guard: &Guard, query: &str, values: f64, open: f64) {
    let variables = async_graphql::Variables::default();
    let parse = each(|| {
        black_box(async_graphql::parser::parse_query(black_box(query))?);
        Ok(())
    });
    let admit = each(|| {
        let admitted = guard.admit(black_box(query), None, &variables);
        black_box(admitted.map_err(|refusal| format!("{refusal:?}"))?);
        Ok(())
    });
    let (Ok(parse), Ok(admit)) = (parse, admit) else {
        println!("| {what} | {whole} | the guard refuses it |");
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "microseconds of one request")]
    let whole = whole as f64;
    println!(
        "| {what} | {whole:.0} | {parse:.1} | {admit:.1} | {:.3} | {values:.0} | {:.1} | {:.3} |",
        admit / whole,
        values * open,
        values * open / whole,
    );
}
