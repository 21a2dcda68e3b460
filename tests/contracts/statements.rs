//! No N+1: a page of claims with household, notices, payments and last events costs as many statements
//! for 50 claims as for 5.

use crate::support::Place;
use engine::Store;
use engine::household::Households;
use engine::testkit::world::{Role, TestDesk, invent_household, yuan};
use serde_json::{Value, json};
use std::sync::Arc;

/// One for the claims, four for their households (with members, payees and the checks of these), three for their events (last
/// ones, payments, notices), four for names (regions, people with their interests, organisations).
const STATEMENTS_MAX: u64 = 12;

const PAGE: &str = "query($first: Int!) { claims(first: $first) { nodes {
    number status availableActions scheme { code } village { name }
    household { headName persons members { name } payees(first: 3) { nodes { accountMasked } } }
    insured { name } payee { holderName } notice { lastDay proofs(first: 3) { nodes { sha256 } } }
    notices(last: 2) { nodes { postedOn } } payout { status } payments(last: 3) { nodes { status amountFen } }
    timeline(last: 5) { nodes { type recordedAt by organisation } } openedAt
} } }";

const BLOCKERS: &str =
    "query($first: Int!) { claims(first: $first) { nodes { number blockers { action code } } } }";

async fn costs(place: Place) -> [(u64, u64); 2] {
    let store = Arc::new(store::connect(&place.url(), place.keys()).await.unwrap());
    store.migrate().await.unwrap();
    let desk = TestDesk::open(Arc::clone(&store) as Arc<dyn Store>).await;
    let village = desk.world.household("石门寨").village.to_string();
    let paid = desk
        .refer(desk.world.household("石门寨"))
        .through_verification(yuan(41_200));
    paid.through_notice().approve().instruct().confirm().await;
    for number in 0..49 {
        let household = invent_household(800 + number, &village);
        store.put_household(&household).await.unwrap();
        desk.refer(&household).await;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let router = gateway::router(desk.office(), gateway::Settings::default());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = crate::support::http();
    let ask = async |query: &str, first: usize| {
        let before = store.statements_read();
        let reply = client
            .post(&url)
            .header("accept", "application/json")
            .bearer_auth(Role::CountyCaseworker.token())
            .json(&json!({ "query": query, "variables": { "first": first } }))
            .send()
            .await
            .unwrap();
        let body: Value = reply.json().await.unwrap();
        let nodes = body["data"]["claims"]["nodes"].as_array();
        assert_eq!(nodes.map(Vec::len), Some(first), "{body}");
        if query == PAGE {
            assert_eq!(nodes.unwrap()[0]["payout"]["status"], "PAID", "{body}");
        }
        store.statements_read() - before
    };
    // The caller and the scheme are in memory for a while only: on a slow machine one try reads them again.
    let least = async |query: &str, first: usize| {
        let tries = [
            ask(query, first).await,
            ask(query, first).await,
            ask(query, first).await,
        ];
        tries.into_iter().min().unwrap()
    };
    let costs = [
        (least(PAGE, 5).await, least(PAGE, 50).await),
        (least(BLOCKERS, 5).await, least(BLOCKERS, 50).await),
    ];
    server.abort();
    costs
}

async fn check(place: Place) {
    let [page, blockers] = costs(place).await;
    println!("statements of a page of 5 and of 50 claims: {page:?}; with blockers: {blockers:?}");
    assert_eq!(
        page.0, page.1,
        "a page of 50 costs more statements than one of 5"
    );
    assert!(page.1 <= STATEMENTS_MAX, "{page:?}");
    assert_eq!(blockers.0, blockers.1);
    // The claims, and the facts of all their actions.
    assert!(blockers.1 <= 2, "{blockers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_costs_a_fixed_number_of_statements_on_sqlite() {
    check(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_costs_a_fixed_number_of_statements_on_postgres() {
    check(Place::postgres()).await;
}
