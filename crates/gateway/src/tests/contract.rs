//! The committed contract is fresh, described, without floating point, and the roles' documents
//! fit it.

use super::contract_file;
use crate::guard::{COST_MAX, Guard};
use crate::messages::{UserErrorCode, codes_markdown};
use crate::schema::{builder, sdl};
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::types::{
    BaseType, ConstDirective, InterfaceType, ObjectType, OperationType, Selection, Type, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Positioned, Response, async_trait};
use lifecycle::CommandKind;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Compares a generated text with the committed one; `UPDATE_GOLDEN=1` writes it.
pub fn fresh(path: &str, generated: &str) {
    let path = contract_file(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is stale: UPDATE_GOLDEN=1 cargo test -p gateway",
        path.display()
    );
}

#[test]
fn the_committed_schema_is_fresh() {
    fresh("schema.graphql", &sdl());
}

#[test]
fn the_committed_codes_are_fresh() {
    fresh("codes.md", &codes_markdown());
}

#[test]
fn there_is_no_float() {
    assert!(!sdl().contains("Float"));
}

#[test]
fn everything_is_described() {
    let mut bare = Vec::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.clone();
        let mut see = |described: bool, what: String| {
            if !described {
                bare.push(what);
            }
        };
        see(definition.node.description.is_some(), name.to_string());
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            TypeKind::Enum(values) => {
                for value in values.values {
                    let code = value.node.value.node;
                    see(value.node.description.is_some(), format!("{name}.{code}"));
                }
                continue;
            }
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    let field = field.node;
                    see(
                        field.description.is_some(),
                        format!("{name}.{}", field.name.node),
                    );
                }
                continue;
            }
            TypeKind::Scalar | TypeKind::Union(_) => continue,
        };
        for field in fields {
            let field = field.node;
            let path = format!("{name}.{}", field.name.node);
            for argument in field.arguments {
                let argument = argument.node;
                see(
                    argument.description.is_some(),
                    format!("{path}({})", argument.name.node),
                );
            }
            see(field.description.is_some(), path);
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "without description");
}

/// Lists of values that belong to one thing and that a named limit bounds. Whatever may grow is a
/// connection.
const BOUNDED_LISTS: &[(&str, &str)] = &[
    ("ApiKey.grants", "kinds of grant"),
    ("ApiKey.duties", "kinds of duty"),
    ("BankFile.queues", "kinds of queue"),
    ("WebhookEndpoint.eventTypes", "kinds of event"),
    (
        "WebhookEndpoint.keys",
        "one, and those that overlap with it for some hours",
    ),
    ("ConfirmEnrolmentPayload.recoveryCodes", "RECOVERY_CODES"),
    ("StaffMember.duties", "kinds of duty"),
    ("Assessment.layers", "LIST_ITEMS_MAX, of the input"),
    ("Assessment.slices", "bands of the scheme's table"),
    ("Assessment.caps", "caps of the scheme's table"),
    ("Assessment.steps", "slices and caps of the scheme's table"),
    ("BenefitQuote.otherReadings", "readings of one table"),
    ("BenefitTable.groups", "the scheme, immutable"),
    ("Claim.availableActions", "commands of TABLE"),
    ("Claim.blockers", "commands of TABLE"),
    ("ClaimBlocker.params", "parameters of one message"),
    ("Claim.findings", "checks of the scheme"),
    ("Claim.reasons", "LIST_ITEMS_MAX, of the input"),
    ("Refusal.lines", "LIST_ITEMS_MAX, of the input"),
    ("Scheme.clauses", "the scheme, immutable"),
    ("Colleague.duties", "kinds of duty"),
    ("DaysUsed.byHolder", "kinds of holder"),
    ("Coverage.groups", "the scheme, immutable"),
    ("Coverage.exclusions", "the scheme, immutable"),
    ("Finding.evidence", "LIST_ITEMS_MAX, of the input"),
    ("Finding.flags", "LIST_ITEMS_MAX, of the input"),
    ("Household.members", "MEMBERS_MAX"),
    ("IncomeLine.groups", "the scheme, immutable"),
    ("Query.nodes", "NODES_MAX, of the argument"),
    ("Query.claimStatusSummary", "kinds of status"),
    ("Scheme.perils", "kinds of peril"),
    ("Scheme.checks", "kinds of check"),
    ("Scheme.authority", "kinds of duty"),
    ("Scheme.deadlines", "kinds of status"),
    ("ReferBatchPayload.lines", "BATCH_LINES_MAX, of the input"),
    ("SchemePeril.tables", "the scheme, immutable"),
    ("SchemePeril.documents", "the scheme, immutable"),
    ("UserError.field", "depth of an input"),
    ("UserError.params", "parameters of one message"),
    ("Viewer.duties", "kinds of duty"),
];

/// The fields of every object and interface: owner, field, type, names of the arguments.
fn fields_of_the_schema() -> Vec<(String, String, Type, Vec<String>)> {
    let mut all = Vec::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let owner = definition.node.name.node.to_string();
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            TypeKind::Enum(_)
            | TypeKind::InputObject(_)
            | TypeKind::Scalar
            | TypeKind::Union(_) => continue,
        };
        for field in fields {
            let field = field.node;
            let arguments = field
                .arguments
                .iter()
                .map(|it| it.node.name.node.to_string());
            let (name, ty) = (field.name.node.to_string(), field.ty.node);
            all.push((owner.clone(), name, ty, arguments.collect()));
        }
    }
    all
}

/// Every list that may grow is a connection with the four arguments; the others are named, each with
/// what bounds it.
#[test]
fn every_list_that_grows_is_a_connection() {
    let (mut unbounded, mut bounded) = (Vec::new(), BTreeSet::new());
    for (owner, name, ty, arguments) in fields_of_the_schema() {
        let path = format!("{owner}.{name}");
        match ty.base {
            BaseType::List(_) if owner.ends_with("Connection") => {}
            // At most one entry a guard or line; at most PAGE_MAX events.
            BaseType::List(_) if name == "userErrors" || name == "changedSince" => {}
            BaseType::List(_) => {
                if BOUNDED_LISTS.iter().any(|(known, _)| *known == path) {
                    bounded.insert(path);
                } else {
                    unbounded.push(path);
                }
            }
            BaseType::Named(named) if named.ends_with("Connection") => {
                for wanted in ["first", "after", "last", "before"] {
                    assert!(arguments.iter().any(|it| it == wanted), "{path}({wanted})");
                }
            }
            BaseType::Named(_) => {}
        }
    }
    assert_eq!(
        unbounded,
        Vec::<String>::new(),
        "neither bounded nor connections"
    );
    let known: BTreeSet<String> = BOUNDED_LISTS
        .iter()
        .map(|(it, _)| (*it).to_owned())
        .collect();
    assert_eq!(known, bounded, "named but not in the schema");
}

/// Answers without executing: what is left are the errors of validation.
struct ValidateOnly;

#[async_trait::async_trait]
impl Extension for ValidateOnly {
    async fn execute(
        &self,
        _ctx: &ExtensionContext<'_>,
        _operation_name: Option<&str>,
        _next: NextExecute<'_>,
    ) -> Response {
        Response::default()
    }
}

impl ExtensionFactory for ValidateOnly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

fn documents() -> Vec<(String, String, String)> {
    let mut documents = Vec::new();
    for role in ["office", "insurer", "reports"] {
        for file in std::fs::read_dir(contract_file("operations").join(role)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            documents.push((
                role.to_owned(),
                name,
                std::fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    documents
}

fn camel(code: &str) -> String {
    let mut words = code.split('_').map(str::to_ascii_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |mut out, word| {
        let (head, tail) = word.split_at(1);
        out.push_str(&head.to_ascii_uppercase());
        out.push_str(tail);
        out
    })
}

#[tokio::test]
async fn every_document_of_every_role_fits_the_schema_and_the_guard() {
    let gate = Guard::new(&sdl(), COST_MAX);
    let schema = builder().extension(ValidateOnly).finish();
    for (role, name, text) in documents() {
        let response = schema.execute(text.as_str()).await;
        assert_eq!(response.errors, [], "{role}/{name}");
        let admitted = gate
            .admit(&text, Some(&name), &async_graphql::Variables::default())
            .expect(&name);
        if admitted.kind == OperationType::Mutation && name != "LogOut" {
            assert!(
                text.contains("userErrors {\n      code\n      field\n      message\n"),
                "{name}"
            );
        }
    }
}

#[test]
fn every_command_is_a_mutation_and_stands_in_a_documented_day() {
    let sdl = sdl();
    let used: BTreeSet<String> = documents().into_iter().map(|(_, name, _)| name).collect();
    for command in CommandKind::ALL {
        let field = camel(command.code());
        let mut name = field.clone();
        name[..1].make_ascii_uppercase();
        assert!(
            sdl.contains(&format!("{field}(")) && sdl.contains(&format!("type {name}Payload ")),
            "{command} is no mutation"
        );
        assert!(used.contains(&name), "no role uses {name}");
    }
}

/// The fields of the three roots, `Type.field`.
fn root_fields() -> BTreeSet<String> {
    let roots = ["Query", "Mutation", "Subscription"];
    let mut fields = BTreeSet::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && let TypeKind::Object(object) = definition.node.kind
            && roots.contains(&definition.node.name.node.as_str())
        {
            let name = definition.node.name.node;
            let own = object.fields.into_iter().map(|field| field.node.name.node);
            fields.extend(own.map(|field| format!("{name}.{field}")));
        }
    }
    fields
}

/// Root fields without a document: each would need a reason here.
const WITHOUT_DOCUMENT: &[&str] = &[];

#[test]
fn every_root_field_stands_in_a_document_of_some_role() {
    let mut unused = root_fields();
    assert!(unused.len() > CommandKind::ALL.len());
    for (role, name, text) in documents() {
        let document = parse_query(&text).unwrap();
        for (operation, definition) in document.operations.iter() {
            assert_eq!(
                operation.map(ToString::to_string).as_ref(),
                Some(&name),
                "{role}/{name}: the operation is named as its file"
            );
            let root = match definition.node.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            };
            for selection in &definition.node.selection_set.node.items {
                if let Selection::Field(field) = &selection.node {
                    unused.remove(&format!("{root}.{}", field.node.name.node));
                }
            }
        }
    }
    let unused: Vec<String> = unused.into_iter().collect();
    assert_eq!(unused, WITHOUT_DOCUMENT, "no document uses them");
}

/// Every `@deprecated` of a schema: what it stands on, and its reason.
fn deprecations(sdl: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut see = |path: String, directives: &[Positioned<ConstDirective>]| {
        for directive in directives {
            if directive.node.name.node == "deprecated" {
                let reason = directive.node.get_argument("reason");
                let reason = reason.map_or_else(String::new, |it| it.node.to_string());
                found.push((path.clone(), reason));
            }
        }
    };
    for definition in parse_schema(sdl).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node;
        match definition.node.kind {
            TypeKind::Object(ObjectType { fields, .. })
            | TypeKind::Interface(InterfaceType { fields, .. }) => {
                for field in fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    for argument in &field.node.arguments {
                        let argument = &argument.node;
                        see(
                            format!("{path}({})", argument.name.node),
                            &argument.directives,
                        );
                    }
                    see(path, &field.node.directives);
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    let path = format!("{name}.{}", value.node.value.node);
                    see(path, &value.node.directives);
                }
            }
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    see(path, &field.node.directives);
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    found
}

fn day_after(text: &str, words: &str) -> Option<chrono::NaiveDate> {
    let (_, rest) = text.split_once(words)?;
    rest.get(..10)?.parse().ok()
}

/// The deprecations that a client could not have planned for: `@deprecated(reason: "…; removed on or after DAY")`
/// and an announcement "`Type.field` deprecated on DAY" at least twelve months before.
fn unplanned(sdl: &str, changelog: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, reason) in deprecations(sdl) {
        let announced = changelog
            .lines()
            .filter(|line| line.contains(&format!("`{path}`")))
            .find_map(|line| day_after(line, "deprecated on "));
        let removed = day_after(&reason, "removed on or after ");
        let year = chrono::Months::new(12);
        match (announced, removed) {
            (_, None) => wrong.push(format!("{path}: no \"removed on or after\" day")),
            (None, _) => wrong.push(format!("{path}: not announced in graphql/CHANGELOG.md")),
            (Some(from), Some(to)) if from + year > to => {
                wrong.push(format!("{path}: less than twelve months"));
            }
            (Some(_), Some(_)) => {}
        }
    }
    wrong
}

#[test]
fn every_deprecation_is_announced_a_year_before() {
    let changelog = std::fs::read_to_string(contract_file("CHANGELOG.md")).unwrap();
    assert_eq!(unplanned(&sdl(), &changelog), Vec::<String>::new());
}

#[test]
fn an_unplanned_deprecation_is_seen() {
    let sdl = |reason: &str| {
        format!(
            "type Query {{ a: Int @deprecated(reason: \"{reason}\") b(c: Int @deprecated(reason: \"{reason}\")): E }}\n\
             enum E {{ F @deprecated(reason: \"{reason}\") }}\n\
             input G {{ h: Int @deprecated(reason: \"{reason}\") }}"
        )
    };
    let dated = sdl("use x; removed on or after 2027-12-01");
    let announced = "- `Query.a`, `Query.b(c)`, `E.F`, `G.h` deprecated on 2026-12-01";
    assert_eq!(unplanned(&dated, announced), Vec::<String>::new());
    let late = "- `Query.a`, `Query.b(c)`, `E.F`, `G.h` deprecated on 2026-12-02";
    assert_eq!(unplanned(&dated, late).len(), 4);
    assert_eq!(unplanned(&dated, "").len(), 4);
    assert_eq!(unplanned(&sdl("use x"), announced).len(), 4);
}

/// Failure 13: an unknown filter or argument is an error, never "everything".
#[tokio::test]
async fn an_unknown_filter_is_an_error() {
    let schema = builder().extension(ValidateOnly).finish();
    for query in [
        "{ claims(first: 1, filter: {statusses: [PAID]}) { nodes { id } } }",
        "{ claims(first: 1, state: PAID) { nodes { id } } }",
        "{ claims(first: 1, filter: {statuses: [SETTLED]}) { nodes { id } } }",
    ] {
        assert_ne!(schema.execute(query).await.errors, [], "{query}");
    }
}

#[test]
fn the_codes_a_mutation_lists_exist() {
    let sdl = sdl().split_whitespace().collect::<Vec<_>>().join(" ");
    let lists: Vec<&str> = sdl
        .split("Codes besides the common ones: ")
        .skip(1)
        .filter_map(|rest| rest.split('.').next())
        .collect();
    assert_eq!(lists.len(), CommandKind::ALL.len());
    for code in lists.iter().flat_map(|list| list.split(", ")) {
        assert!(
            code == "none" || UserErrorCode::from_code(code).is_some(),
            "{code}"
        );
    }
}
