//! Pools through the API: two persons, who sees what, refusals with their codes.

use super::Wire;
use crate::node_id::{self, Kind};
use engine::ids;
use engine::testkit::world::{Role, yuan};
use serde_json::{Value, json};

fn scheme_of(wire: &Wire) -> Value {
    json!(node_id::encode(Kind::Scheme, wire.desk.world.scheme.id.0))
}

fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["userErrors"].as_array().into_iter().flatten();
    errors.filter_map(|it| it["code"].as_str()).collect()
}

/// The committed documents of the roles: an order, its confirmation, the pool before and after.
#[tokio::test]
async fn money_comes_in_by_two_persons() {
    let wire = Wire::open().await;
    let scheme = scheme_of(&wire);
    let fund = async |role, kind: &str, fen: &str, key: &uuid::Uuid| {
        let input = json!({ "input": {
            "idempotencyKey": key, "schemeId": scheme, "kind": kind, "amountFen": fen,
            "reference": "2020-12", "reason": "年中补足",
        } });
        wire.document(role, "insurer/FundPool.graphql", input).await
    };
    let key = ids::fresh();
    let reply = fund(Role::Finance, "TOP_UP", "12345", &key).await;
    let first = reply.body["data"]["fundPool"].clone();
    let order = first["order"].clone();
    assert_eq!(order["status"], "PENDING", "{}", reply.body);
    assert_eq!(order["orderedBy"], "陈出纳");
    assert_eq!(first["pool"]["balances"]["availableFen"], "100000000");
    let again = fund(Role::Finance, "TOP_UP", "12345", &key).await;
    assert_eq!(again.body["data"]["fundPool"]["order"], order);
    assert_eq!(again.body["extensions"]["idempotentReplay"], true);
    let other = fund(Role::Finance, "TOP_UP", "12346", &key).await;
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
    // The operator entered more than the year's premium.
    let premium = fund(Role::Supervisor, "PREMIUM", "1", &ids::fresh()).await;
    let premium = &premium.body["data"]["fundPool"];
    assert_eq!(codes(premium), ["PREMIUM_EXCEEDED"]);
    let message = &premium["userErrors"][0]["message"];
    assert_eq!(*message, "超过应缴保费,还可缴0.00元");
    for (role, fen) in [(Role::Finance, "0"), (Role::Supervisor, "-5")] {
        let wrong = fund(role, "TOP_UP", fen, &ids::fresh()).await;
        assert_eq!(codes(&wrong.body["data"]["fundPool"]), ["VALIDATION"]);
    }
    for role in [
        Role::CountyCaseworker,
        Role::Approver,
        Role::Auditor,
        Role::Handler,
    ] {
        let denied = fund(role, "TOP_UP", "1", &ids::fresh()).await;
        assert_eq!(denied.code(), "FORBIDDEN", "{role:?}");
    }

    let decided = json!({ "input": { "schemeId": scheme, "orderId": order["id"] } });
    let confirm = async |role| {
        let file = "office/ConfirmPoolOrder.graphql";
        wire.document(role, file, decided.clone()).await
    };
    let alone = confirm(Role::SecondFinance).await;
    assert_eq!(alone.code(), "FORBIDDEN", "an insurer alone moves nothing");
    for replay in [Value::Null, json!(true)] {
        let posted = confirm(Role::Supervisor).await;
        let answer = &posted.body["data"]["confirmPoolOrder"];
        assert_eq!(answer["order"]["status"], "POSTED", "{}", posted.body);
        assert_eq!(answer["order"]["decidedBy"], "钱主管");
        assert_eq!(answer["pool"]["balances"]["availableFen"], "100012345");
        assert_eq!(posted.body["extensions"]["idempotentReplay"], replay);
    }
    let file = "insurer/VoidPoolOrder.graphql";
    let late = wire.document(Role::Finance, file, decided).await;
    let late = &late.body["data"]["voidPoolOrder"];
    assert_eq!(codes(late), ["ORDER_DECIDED"]);
    assert_eq!(late["userErrors"][0]["message"], "该指令已入账,不能再办理");
    // Whoever ordered does not confirm.
    let own = fund(Role::Supervisor, "TOP_UP", "7", &ids::fresh()).await;
    let id = &own.body["data"]["fundPool"]["order"]["id"];
    let input = json!({ "input": { "schemeId": scheme, "orderId": id } });
    let file = "office/ConfirmPoolOrder.graphql";
    let own = wire.document(Role::Supervisor, file, input).await;
    let own = &own.body["data"]["confirmPoolOrder"];
    assert_eq!(codes(own), ["SECOND_PERSON_REQUIRED"]);
    // The year runs.
    let input = json!({ "input": {
        "idempotencyKey": ids::fresh(), "schemeId": scheme, "reference": "x", "reason": "x",
    } });
    let file = "office/VoidPoolOrder.graphql";
    let id = json!({ "input": { "schemeId": scheme, "orderId": id } });
    let voided = wire.document(Role::Supervisor, file, id).await;
    assert_eq!(codes(&voided.body["data"]["voidPoolOrder"]), [""; 0]);
    let file = "office/SettlePool.graphql";
    let early = wire.document(Role::Supervisor, file, input).await;
    assert_eq!(codes(&early.body["data"]["settlePool"]), ["YEAR_NOT_OVER"]);
}

/// The county's office, the insurer and the auditor read the pool; others do not, and no household is in it.
#[tokio::test]
async fn a_pool_is_read_by_those_it_concerns() {
    let wire = Wire::open().await;
    let story = wire.desk.refer(wire.desk.world.household("石门寨"));
    let story = story.through_verification(yuan(41_200)).through_notice();
    let paid = story.through_payout().await;
    let scheme = json!({ "schemeId": scheme_of(&wire) });
    let page = json!({ "schemeId": scheme_of(&wire), "first": 50 });
    for role in [
        Role::CountyCaseworker,
        Role::Supervisor,
        Role::Finance,
        Role::Auditor,
    ] {
        let pool = wire
            .document(role, "office/Pool.graphql", scheme.clone())
            .await;
        let pool = &pool.body["data"]["pool"];
        assert_eq!(pool["balances"]["paidOutFen"], "2534000", "{role:?}");
        assert_eq!(pool["forecast"]["approvedFen"], "2534000");
        let file = "reports/PoolStatement.graphql";
        let told = wire.document(role, file, scheme.clone()).await;
        let told = &told.body["data"]["poolStatement"];
        assert_eq!(told["outcome"]["feeFen"], "380100");
        assert_eq!(
            told["outcome"]["feeWorking"],
            "(25,340.00 - 0.00 - 0.00 - 0.00) × 15.00% = 3,801.00"
        );
        let file = "reports/PoolTransfers.graphql";
        let rows = wire.document(role, file, page.clone()).await;
        let list = rows.body["data"]["poolTransfers"]["nodes"].as_array();
        let moved: Vec<&Value> = list.unwrap().iter().map(|it| &it["movement"]).collect();
        assert_eq!(moved, ["FUNDED", "RESERVED", "INSTRUCTED", "PAID"]);
        for private in [&*paid.number, "张", "130302"] {
            assert!(!rows.text.contains(private), "{private}");
        }
    }
    for role in [Role::Shimenzhai, Role::Surveyor] {
        let denied = wire
            .document(role, "office/Pool.graphql", scheme.clone())
            .await;
        assert_eq!(denied.code(), "FORBIDDEN", "{role:?}");
    }
    for file in ["office/Pool.graphql", "office/PoolStatement.graphql"] {
        let rival = wire
            .document(Role::RivalHandler, file, scheme.clone())
            .await;
        assert_eq!(rival.code(), "NOT_FOUND", "{}", rival.body);
    }
    let rival = wire
        .document(Role::RivalHandler, "office/PoolTransfers.graphql", page)
        .await;
    assert_eq!(rival.code(), "NOT_FOUND");
}
