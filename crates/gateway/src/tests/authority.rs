//! The table of authority covers the schema, and this door keeps to it.

use super::{Wire, contract, contract_file};
use crate::authority::authority_markdown;
use crate::nulls::Shapes;
use crate::schema::sdl;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use axum::http::StatusCode;
use engine::authority::{Place, TABLE, row};
use engine::testkit::world::Role;
use std::collections::BTreeSet;

/// The object types that implement `Node`.
fn node_types() -> BTreeSet<String> {
    let definitions = parse_schema(sdl()).unwrap().definitions;
    let types = definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else {
            return None;
        };
        let TypeKind::Object(object) = &definition.node.kind else {
            return None;
        };
        let is_node = object.implements.iter().any(|it| it.node == "Node");
        is_node.then(|| definition.node.name.node.to_string())
    });
    types.collect()
}

fn of(place: Place) -> BTreeSet<String> {
    let rows = TABLE.iter().filter(|row| row.place == place);
    rows.map(|row| row.name.to_string())
        .filter(|name| !name.starts_with("__"))
        .collect()
}

/// Failure 8: what is not in the table is nobody's, and the table holds nothing that is not there.
#[test]
fn the_committed_schema_and_the_authority_table_cover_each_other() {
    let shapes = Shapes::of(&sdl());
    let fields = |name: &str| shapes.fields(name).map(str::to_owned).collect();
    let how = "every root field and node type of the schema has one row in crates/engine/src/authority.rs \
               (ROWS; commands have theirs by themselves), and every row is in the schema: add or take away the row";
    for (place, expected) in [
        (Place::Query, fields("Query")),
        (Place::Mutation, fields("Mutation")),
        (Place::Subscription, fields("Subscription")),
        (Place::Node, node_types()),
    ] {
        let listed = of(place);
        let lacks: Vec<_> = expected.difference(&listed).collect();
        let idle: Vec<_> = listed.difference(&expected).collect();
        assert!(
            lacks.is_empty() && idle.is_empty(),
            "{place:?}: without a row {lacks:?}; rows of nothing {idle:?}; {how}"
        );
    }
    for name in of(Place::Field) {
        let (parent, field) = name.split_once('.').unwrap();
        assert!(shapes.type_of(parent, field).is_some(), "{name}: {how}");
    }
    let mut names = BTreeSet::new();
    for row in TABLE.iter() {
        assert!(names.insert((row.place, &row.name)), "{} twice", row.name);
    }
}

#[test]
fn the_committed_authority_table_is_fresh() {
    contract::fresh("authority.md", &authority_markdown());
    assert!(contract_file("authority.md").is_file());
}

/// A root field or sensitive field is refused wherever it hides, before anything is executed.
#[tokio::test]
async fn denied_before_execution() {
    let wire = Wire::open().await;
    let household = wire.desk.world.household("石门寨").id;
    let id = crate::node_id::encode(crate::node_id::Kind::Household, household.0);
    let id = id.as_str();
    let texts = [
        format!("{{ household(id: \"{id}\") {{ id }} }}"),
        format!(
            "{{ viewer {{ name }} ...f }} fragment f on Query {{ household(id: \"{id}\") {{ id }} }}"
        ),
        format!("{{ ... on Query {{ x: household(id: \"{id}\") @skip(if: true) {{ id }} }} }}"),
        "{ claims(first: 1) { nodes { household { id } } } }".to_owned(),
        "{ claims(first: 1) { edges { node { ...c } } } } fragment c on Claim { insured { name } }"
            .to_owned(),
        format!("{{ node(id: \"{id}\") {{ ... on Household {{ members {{ name }} }} }} }}"),
    ];
    for text in texts {
        let denied = wire.ask(Role::Connector, &text).await;
        assert_eq!(denied.status, StatusCode::FORBIDDEN, "{text}");
        assert_eq!(denied.code(), "FORBIDDEN", "{text}");
        assert_eq!(denied.body.get("data"), None, "{text}");
        let allowed = wire.ask(Role::Shimenzhai, &text).await;
        assert_eq!(allowed.body.get("errors"), None, "{text}");
        let nobody = wire.post(None, &serde_json::json!({ "query": text })).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{text}");
    }
    // A node of a type that the caller may not read is answered like one that does not exist, though the
    // household has a claim of the caller's insurer, who sees it through that.
    let home = wire.desk.world.household("石门寨").clone();
    wire.desk.refer(&home).await;
    let seen = format!("{{ node(id: \"{id}\") {{ id }} }}");
    assert_eq!(
        wire.ask(Role::Handler, &seen).await.body["data"]["node"]["id"],
        id
    );
    let node = format!("{{ node(id: \"{id}\") {{ id }} }}");
    assert_eq!(wire.ask(Role::Connector, &node).await.code(), "NOT_FOUND");
    assert!(row(Place::Node, "Household").is_some());
}
