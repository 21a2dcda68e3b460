//! The schema as the pages read it: from its text, as clients do.

use crate::schema::sdl;
use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, FieldDefinition, InputValueDefinition, Type, TypeDefinition,
    TypeKind, TypeSystemDefinition,
};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Every type by its name. Our own text parses; a test says so.
pub(super) static TYPES: LazyLock<BTreeMap<String, TypeDefinition>> = LazyLock::new(|| {
    let definitions = parse_schema(sdl()).map(|it| it.definitions);
    let definitions = definitions.unwrap_or_default().into_iter();
    definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        })
        .collect()
});

/// The fields of an object or interface.
pub(super) fn fields(name: &str) -> &'static [Positioned<FieldDefinition>] {
    match TYPES.get(name).map(|it| &it.kind) {
        Some(TypeKind::Object(object)) => &object.fields,
        Some(TypeKind::Interface(interface)) => &interface.fields,
        Some(
            TypeKind::InputObject(_) | TypeKind::Enum(_) | TypeKind::Union(_) | TypeKind::Scalar,
        )
        | None => &[],
    }
}

/// The fields of an input.
pub(super) fn inputs(name: &str) -> &'static [Positioned<InputValueDefinition>] {
    match TYPES.get(name).map(|it| &it.kind) {
        Some(TypeKind::InputObject(input)) => &input.fields,
        Some(
            TypeKind::Object(_)
            | TypeKind::Interface(_)
            | TypeKind::Enum(_)
            | TypeKind::Union(_)
            | TypeKind::Scalar,
        )
        | None => &[],
    }
}

/// The type inside its lists.
pub(super) fn named(wanted: &Type) -> &str {
    match &wanted.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// Why something will go, if it will.
pub(super) fn deprecation(directives: &[Positioned<ConstDirective>]) -> Option<String> {
    let directive = directives
        .iter()
        .find(|it| it.node.name.node == "deprecated")?;
    let reason = directive.node.get_argument("reason");
    Some(reason.map_or_else(String::new, |it| it.node.to_string()))
}

/// A description; what stands in backticks is code, and a link where it names a type or a field.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 0 {
                (part)
            } @else if TYPES.contains_key(part.split('.').next().unwrap_or_default()) {
                a href={ "/docs/graphql#" (part) } { code { (part) } }
            } @else {
                code { (part) }
            }
        }
    }
}

/// What a mutation's description says before its list of codes, and the list.
pub(super) fn codes(text: &str) -> (&str, Vec<&str>) {
    match text.split_once("Codes besides the common ones: ") {
        None => (text, Vec::new()),
        Some((before, list)) => {
            let list = list.split('.').next().unwrap_or_default();
            let codes = list.split(", ").filter(|it| *it != "none").collect();
            (before.trim_end(), codes)
        }
    }
}
