//! The committed documents of each role, and a form that runs one of them.

use super::model::{TYPES, codes, fields, inputs, named, prose};
use super::{frame, heading};
use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    BaseType, InputValueDefinition, OperationType, Selection, Type, TypeKind,
};
use maud::{Markup, html};
use std::sync::LazyLock;

/// Role, name and text of every committed document.
const DOCUMENTS: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// The roles, as people call them.
const ROLES: &[(&str, &str, &str)] = &[
    ("office", "经办(扶贫办、乡镇)", "Poverty office"),
    ("insurer", "保险公司", "Insurer"),
    ("reports", "报表与审计", "Reports and audit"),
];

/// How deep a skeleton of variables goes; input types may name themselves.
const SKELETON_DEPTH_MAX: usize = 6;

/// A document as the pages need it.
pub(super) struct Document {
    pub role: &'static str,
    pub name: &'static str,
    pub text: &'static str,
    /// Query, mutation, subscription.
    pub kind: OperationType,
    /// The root field it asks for.
    pub field: String,
    /// The type of its variable `input`.
    input: Option<String>,
    /// Its variables as JSON text, to be filled in.
    skeleton: String,
}

impl Document {
    /// The type whose field it asks for.
    pub const fn root(&self) -> &'static str {
        match self.kind {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        }
    }
}

/// Every committed document. All parse: a test holds them against schema and guard.
pub(super) static ALL: LazyLock<Vec<Document>> = LazyLock::new(|| {
    DOCUMENTS
        .iter()
        .filter_map(|(role, name, text)| {
            let parsed = parse_query(text).ok()?;
            let (_, operation) = parsed.operations.iter().next()?;
            let selections = &operation.node.selection_set.node.items;
            let field = selections.iter().find_map(|it| match &it.node {
                Selection::Field(field) => Some(field.node.name.node.to_string()),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
            })?;
            let mut skeleton = IndexMap::new();
            let mut input = None;
            for variable in &operation.node.variable_definitions {
                let name = &variable.node.name.node;
                let wanted = &variable.node.var_type.node;
                if name == "input" {
                    input = Some(named(wanted).to_owned());
                }
                skeleton.insert(name.clone(), sample(name, wanted, 0));
            }
            Some(Document {
                role,
                name,
                text,
                kind: operation.node.ty,
                field,
                input,
                skeleton: serde_json::to_string_pretty(&skeleton).unwrap_or_default(),
            })
        })
        .collect()
});

/// Something of the type to be overwritten; null where nothing need be said.
fn sample(name: &str, wanted: &Type, depth: usize) -> Value {
    if name == "first" {
        return Value::from(20);
    }
    if wanted.nullable || depth > SKELETON_DEPTH_MAX {
        return Value::Null;
    }
    let named = match &wanted.base {
        BaseType::List(inner) => return Value::List(vec![sample("", inner, depth + 1)]),
        BaseType::Named(named) => named.as_str(),
    };
    match TYPES.get(named).map(|it| &it.kind) {
        Some(TypeKind::InputObject(input)) => {
            let fields = input.fields.iter().map(|it| &it.node);
            let needed = fields.filter(|it| !is_optional(it)).map(|it| {
                let name = &it.name.node;
                (name.clone(), sample(name, &it.ty.node, depth + 1))
            });
            Value::Object(needed.collect())
        }
        Some(TypeKind::Enum(values)) => match values.values.first() {
            Some(value) => Value::from(value.node.value.node.as_str()),
            None => Value::Null,
        },
        Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)) => Value::Null,
        Some(TypeKind::Scalar) | None => match named {
            "Int" => Value::from(0),
            "Boolean" => Value::from(false),
            "UUID" => Value::from("<UUID>"),
            "Fen" => Value::from("0"),
            "Date" => Value::from("2020-01-31"),
            "DateTime" => Value::from("2020-01-31T01:02:03Z"),
            _ => Value::from(""),
        },
    }
}

const fn is_optional(field: &InputValueDefinition) -> bool {
    field.ty.node.nullable || field.default_value.is_some()
}

fn description(document: &Document) -> &'static str {
    let mut fields = fields(document.root()).iter();
    let field = fields.find(|it| it.node.name.node == document.field);
    let text = field.and_then(|it| it.node.description.as_ref());
    text.map_or("", |it| it.node.as_str())
}

/// All documents by role.
pub(super) fn list() -> Markup {
    frame(
        "操作",
        &html! {
            h1 { "操作 " small lang="en" { "Documents of each role" } }
            p {
                "各角色一天的工作所用的全部 GraphQL 操作,与发布的 " code { "graphql/operations" } " 一致。点开即可填写变量并以当前登录身份运行。"
            }
            p.second lang="en" {
                "Every operation that a role's day needs, as released under graphql/operations. Open one, fill in its variables and run it as whoever is signed in."
            }
            @for (role, zh, en) in ROLES {
                (heading(zh, en, role))
                dl.fields {
                    @for document in ALL.iter().filter(|it| it.role == *role) {
                        dt {
                            a href={ "/operations/" (role) "/" (document.name) } { code { (document.name) } }
                            " " small { (kind(document.kind)) }
                        }
                        dd { p { (prose(codes(description(document)).0)) } }
                    }
                }
            }
        },
    )
}

const fn kind(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// One document, its variables, and the button.
pub(super) fn page(role: &str, name: &str) -> Option<Markup> {
    let document = ALL.iter().find(|it| it.role == role && it.name == name)?;
    let input = document.input.as_deref().unwrap_or_default();
    let optional = inputs(input).iter().map(|it| &it.node);
    let optional: Vec<_> = optional.filter(|it| is_optional(it)).collect();
    let rows = document.text.lines().count().min(24);
    let rows_of_variables = document.skeleton.lines().count().clamp(3, 24);
    let root = document.root();
    Some(frame(
        name,
        &html! {
            p.crumb { a href={ "/operations#" (role) } { "操作 " small lang="en" { "Documents" } } " / " (role) }
            h1 { (name) " " small { (kind(document.kind)) } }
            p { (prose(codes(description(document)).0)) }
            p { a href={ "/docs/graphql#" (root) "." (document.field) } { "文档 " small lang="en" { "Reference" } } }
            noscript {
                p.alert { "没有脚本就不能在此运行;可复制下面的内容,用 curl 发送。" small lang="en" { "Without script nothing runs here; copy the text and send it by curl." } }
            }
            // Only the script sends it.
            form.run data-kind=(kind(document.kind)) {
                label for="document" { "操作 " small lang="en" { "Document" } }
                textarea #document rows=(rows) spellcheck="false" autocomplete="off" { (document.text) }
                label for="variables" { "变量 " small lang="en" { "Variables, JSON" } }
                textarea #variables rows=(rows_of_variables) spellcheck="false" autocomplete="off" { (document.skeleton) }
                @if !optional.is_empty() {
                    p.second {
                        "可选 " small lang="en" { "optional" } ": "
                        @for field in &optional { a href={ "/docs/graphql#" (input) "." (field.name.node) } { code { (field.name.node) } } " " }
                    }
                }
                @if document.kind == OperationType::Mutation {
                    label.warn {
                        input type="checkbox" required;
                        " 我知道这会改动数据 " small lang="en" { "I know that this changes data" }
                    }
                }
                div.go {
                    button type="submit" { "运行 " small lang="en" { "Run" } }
                    button.quiet type="button" hidden { "停止 " small lang="en" { "Stop" } }
                    span #state role="status" {}
                }
            }
            h3 { "答复 " small lang="en" { "Answer" } }
            pre #answer tabindex="0" {}
            script src="/docs/documents.js" {}
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::{ALL, DOCUMENTS, page};

    #[test]
    fn every_document_has_its_page_with_variables_that_are_json() {
        assert_eq!(ALL.len(), DOCUMENTS.len());
        for document in ALL.iter() {
            let skeleton: serde_json::Value = serde_json::from_str(&document.skeleton).unwrap();
            assert!(skeleton.is_object(), "{}", document.name);
            let page = page(document.role, document.name).unwrap().into_string();
            assert!(page.contains("<textarea"), "{}", document.name);
            assert!(
                !super::description(document).is_empty(),
                "{}",
                document.name
            );
        }
        assert!(page("office", "Nothing").is_none());
    }

    #[test]
    fn a_command_s_skeleton_names_what_must_be_said() {
        let approve = ALL.iter().find(|it| it.name == "ApproveClaim").unwrap();
        let skeleton: serde_json::Value = serde_json::from_str(&approve.skeleton).unwrap();
        assert_eq!(skeleton["input"]["idempotencyKey"], "<UUID>");
        assert_eq!(skeleton["input"]["benefitFen"], "0");
    }
}
