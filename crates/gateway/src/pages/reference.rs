//! The reference: every type, field, argument, value and code of the schema on one page, so that
//! the browser's own search finds it.

use super::documents::{ALL, Document};
use super::model::{TYPES, codes, deprecation, fields, inputs, named, prose};
use super::{frame, heading};
use crate::errors::ErrorCode;
use crate::messages::{Language, UserErrorCode};
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
};
use maud::{Markup, html};

const ROOTS: &[(&str, &str, &str)] = &[
    ("Query", "查询", "Queries"),
    ("Mutation", "办理", "Mutations"),
    ("Subscription", "订阅", "Subscriptions"),
];

/// The kinds of types after the roots, as a reader looks for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shelf {
    Objects,
    Interfaces,
    Unions,
    Inputs,
    Payloads,
    Enums,
    Scalars,
}

const SHELVES: &[(Shelf, &str, &str, &str)] = &[
    (Shelf::Objects, "objects", "对象", "Objects"),
    (Shelf::Interfaces, "interfaces", "接口类型", "Interfaces"),
    (Shelf::Unions, "unions", "联合", "Unions"),
    (Shelf::Inputs, "inputs", "输入", "Inputs"),
    (Shelf::Payloads, "payloads", "答复", "Payloads"),
    (Shelf::Enums, "enums", "枚举", "Enums"),
    (Shelf::Scalars, "scalars", "标量", "Scalars"),
];

fn shelf(name: &str, kind: &TypeKind) -> Shelf {
    match kind {
        TypeKind::Object(_) if name.ends_with("Payload") => Shelf::Payloads,
        TypeKind::Object(_) => Shelf::Objects,
        TypeKind::Interface(_) => Shelf::Interfaces,
        TypeKind::Union(_) => Shelf::Unions,
        TypeKind::InputObject(_) => Shelf::Inputs,
        TypeKind::Enum(_) => Shelf::Enums,
        TypeKind::Scalar => Shelf::Scalars,
    }
}

/// The whole page.
pub(super) fn page() -> Markup {
    let types = |wanted: Shelf| {
        TYPES.iter().filter(move |(name, it)| {
            !ROOTS.iter().any(|(root, _, _)| root == name) && shelf(name, &it.kind) == wanted
        })
    };
    frame(
        "接口文档",
        &html! {
            h1 { "GraphQL 接口文档 " small lang="en" { "API reference" } }
            p {
                "由服务器自己的模式生成,与发布的 " a href="/docs/schema.graphql" { code { "schema.graphql" } } " 一致;在浏览器里按 Ctrl-F 查找。"
                "金额一律为分(字符串),时间为 UTC,日期为北京时间的法定日。"
            }
            p.second lang="en" {
                "Generated from the server's own schema, the same as the released schema.graphql; find things with Ctrl-F. "
                "Money is whole fen as a string, instants are UTC, days are legal days in Asia/Shanghai."
            }
            ul.toc {
                @for (root, zh, _) in ROOTS.iter().filter(|(root, _, _)| TYPES.contains_key(*root)) {
                    li { a href={ "#" (root) } { strong { (zh) " " (root) } } }
                }
                @for (kind, anchor, zh, en) in SHELVES {
                    @if types(*kind).next().is_some() {
                        li { a href={ "#" (anchor) } { strong { (zh) " " (en) } } }
                    }
                }
                li { a href="#codes" { strong { "代码 Codes" } } }
                li { a href="#top-level-codes" { strong { "顶层错误 Errors" } } }
            }
            @for (root, zh, en) in ROOTS.iter().filter(|(root, _, _)| TYPES.contains_key(*root)) {
                (heading(zh, en, root))
                ul.toc {
                    @for field in fields(root) {
                        li { a href={ "#" (root) "." (field.node.name.node) } { (field.node.name.node) } }
                    }
                }
                @for field in fields(root) { (root_field(root, &field.node)) }
            }
            @for (kind, anchor, zh, en) in SHELVES {
                @if types(*kind).next().is_some() {
                    (heading(zh, en, anchor))
                    ul.toc {
                        @for (name, _) in types(*kind) { li { a href={ "#" (name) } { (name) } } }
                    }
                    @for (name, definition) in types(*kind) { (one_type(name, definition)) }
                }
            }
            (heading("业务代码", "Codes of userErrors", "codes"))
            p { "办理被拒绝时 " code { "userErrors[].code" } " 的取值;什么都没有写入。" small lang="en" { "Why a mutation was not carried out; nothing was written." } }
            dl.fields {
                @for code in UserErrorCode::ALL {
                    dt id={ "code-" (code.code()) } { code { (code.code()) } }
                    dd {
                        p { (code.template(Language::Chinese)) }
                        p.second lang="en" { (code.template(Language::English)) }
                    }
                }
            }
            (heading("顶层错误代码", "Codes of top-level errors", "top-level-codes"))
            p { code { "errors[].extensions.code" } small lang="en" { ": authentication, scope, limits, concurrency, internal. Retry with the same idempotency key where it says retryable." } }
            dl.fields {
                @for code in ErrorCode::ALL {
                    dt id={ "error-" (code.code()) } {
                        code { (code.code()) }
                        @if code.retryable() { " " small { "可重试 retryable" } }
                    }
                    dd { p lang="en" { (code.meaning().trim()) } }
                }
            }
        },
    )
}

/// A type as it is written, its name a link.
fn written(wanted: &Type) -> Markup {
    html! {
        @match &wanted.base {
            BaseType::Named(name) => {
                @if TYPES.contains_key(name.as_str()) { a href={ "#" (name) } { (name) } } @else { (name) }
            }
            BaseType::List(inner) => { "[" (written(inner)) "]" }
        }
        @if !wanted.nullable { "!" }
    }
}

fn described(text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { p { (prose(text)) } } }
}

fn gone(reason: Option<String>) -> Markup {
    html! {
        @if let Some(reason) = reason {
            p { span.gone { "将停用 deprecated" } " " (reason.trim_matches('"')) }
        }
    }
}

fn argument(path: &str, argument: &InputValueDefinition) -> Markup {
    let name = &argument.name.node;
    let text = argument.description.as_ref();
    html! {
        li id={ (path) "(" (name) ")" } {
            code { (name) ": " (written(&argument.ty.node)) }
            @if let Some(value) = &argument.default_value { " = " code { (value.node) } }
            @if let Some(text) = text { " " (prose(&text.node)) }
            (gone(deprecation(&argument.directives)))
        }
    }
}

/// A query, mutation or subscription: with its input's fields, its codes and its documents.
fn root_field(root: &str, field: &FieldDefinition) -> Markup {
    let name = &field.name.node;
    let path = format!("{root}.{name}");
    let text = field.description.as_ref().map_or("", |it| it.node.as_str());
    let (text, listed) = codes(text);
    let examples: Vec<&Document> = ALL
        .iter()
        .filter(|it| it.root() == root && it.field == name.as_str())
        .collect();
    html! {
        h3 id=(path) {
            a.self href={ "#" (path) } { code { (name) } }
            ": " code { (written(&field.ty.node)) }
        }
        p { (prose(text)) }
        (gone(deprecation(&field.directives)))
        @for one in &field.arguments {
            @let input = named(&one.node.ty.node);
            ul.arguments {
                (argument(&path, &one.node))
                @for inner in inputs(input) {
                    li {
                        code { (one.node.name.node) "." (inner.node.name.node) ": " (written(&inner.node.ty.node)) }
                        @if let Some(text) = &inner.node.description { " " (prose(&text.node)) }
                    }
                }
            }
        }
        @if !listed.is_empty() {
            p.codes-of {
                "代码 " small lang="en" { "codes besides the common ones" } ": "
                @for code in listed { a href={ "#code-" (code) } { code { (code) } } " " }
            }
        }
        @if let Some(first) = examples.first() {
            details {
                summary { "例 " small lang="en" { "Example" } " " (first.role) "/" (first.name) }
                pre { (first.text) }
            }
            p.codes-of {
                "运行 " small lang="en" { "run" } ": "
                @for one in &examples {
                    a href={ "/operations/" (one.role) "/" (one.name) } { (one.role) "/" (one.name) } " "
                }
            }
        }
    }
}

const fn kind_of(kind: &TypeKind) -> &'static str {
    match kind {
        TypeKind::Object(_) => "type",
        TypeKind::Interface(_) => "interface",
        TypeKind::Union(_) => "union",
        TypeKind::InputObject(_) => "input",
        TypeKind::Enum(_) => "enum",
        TypeKind::Scalar => "scalar",
    }
}

fn one_type(name: &str, definition: &TypeDefinition) -> Markup {
    let text = definition.description.as_ref();
    html! {
        h3 id=(name) {
            a.self href={ "#" (name) } { code { (name) } }
            " " span.kind { (kind_of(&definition.kind)) }
            @if let TypeKind::Object(object) = &definition.kind {
                @for one in &object.implements {
                    " " span.kind { "implements " a href={ "#" (one.node) } { (one.node) } }
                }
            }
        }
        (described(text.map(|it| it.node.as_str())))
        dl.fields {
            @for field in fields(name) {
                @let field = &field.node;
                @let path = format!("{name}.{}", field.name.node);
                dt id=(path) {
                    a.self href={ "#" (path) } { code { (field.name.node) } }
                    ": " code { (written(&field.ty.node)) }
                }
                dd {
                    (described(field.description.as_ref().map(|it| it.node.as_str())))
                    (gone(deprecation(&field.directives)))
                    @if !field.arguments.is_empty() {
                        ul.arguments { @for one in &field.arguments { (argument(&path, &one.node)) } }
                    }
                }
            }
            @for field in inputs(name) {
                @let field = &field.node;
                @let path = format!("{name}.{}", field.name.node);
                dt id=(path) {
                    a.self href={ "#" (path) } { code { (field.name.node) } }
                    ": " code { (written(&field.ty.node)) }
                    @if let Some(value) = &field.default_value { " = " code { (value.node) } }
                }
                dd {
                    (described(field.description.as_ref().map(|it| it.node.as_str())))
                    (gone(deprecation(&field.directives)))
                }
            }
            @if let TypeKind::Enum(values) = &definition.kind {
                @for value in &values.values {
                    @let value = &value.node;
                    dt id={ (name) "." (value.value.node) } { code { (value.value.node) } }
                    dd {
                        (described(value.description.as_ref().map(|it| it.node.as_str())))
                        (gone(deprecation(&value.directives)))
                    }
                }
            }
            @if let TypeKind::Union(union) = &definition.kind {
                @for member in &union.members {
                    dt { a href={ "#" (member.node) } { code { (member.node) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::TYPES;
    use super::{fields, inputs, page};
    use crate::messages::UserErrorCode;
    use std::collections::BTreeSet;

    #[test]
    fn everything_has_its_place_and_every_link_leads_somewhere() {
        assert!(TYPES.len() > 100);
        let page = page().into_string();
        let anchors: BTreeSet<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        for (name, _) in TYPES.iter() {
            assert!(anchors.contains(name.as_str()), "{name}");
            for field in fields(name) {
                let path = format!("{name}.{}", field.node.name.node);
                assert!(anchors.contains(path.as_str()), "{path}");
                for argument in &field.node.arguments {
                    let path = format!("{path}({})", argument.node.name.node);
                    assert!(anchors.contains(path.as_str()), "{path}");
                }
            }
            for field in inputs(name) {
                let path = format!("{name}.{}", field.node.name.node);
                assert!(anchors.contains(path.as_str()), "{path}");
            }
        }
        for code in UserErrorCode::ALL {
            assert!(anchors.contains(format!("code-{}", code.code()).as_str()));
        }
        let links = page.split("href=\"").skip(1);
        let links = links.filter_map(|rest| rest.split('"').next());
        let broken: BTreeSet<&str> = links
            .filter_map(|it| {
                it.strip_prefix("/docs/graphql")
                    .unwrap_or(it)
                    .strip_prefix('#')
            })
            .filter(|it| *it != "main" && !anchors.contains(it))
            .collect();
        assert_eq!(broken, BTreeSet::new());
    }
}
