//! What a field of the schema costs, before anything is executed.
//!
//! The formula, also shown to clients in `extensions.cost`:
//!
//! - an object costs 1; a scalar costs nothing; a mutation's root field costs [`MUTATION_COST`] more;
//! - a connection costs 1, and each of its rows what is selected of it, times `first` or `last`
//!   ([`PAGE_MAX`] where neither is given);
//! - another list costs its items times [`LIST_ROWS`], or times the number of `ids` asked for;
//! - introspection costs [`INTROSPECTION_COST`].

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition,
};
use std::collections::{HashMap, HashSet};

/// What a mutation costs beyond its answer: a transaction.
pub const MUTATION_COST: usize = 10;
/// What `__schema` or `__type` costs.
pub const INTROSPECTION_COST: usize = 500;
/// The rows a list that is not paged is taken for.
pub const LIST_ROWS: usize = 3;
/// The rows of a page that says neither `first` nor `last`.
pub const PAGE_MAX: usize = engine::limits::PAGE_MAX as usize;

/// How a field multiplies what is selected below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// A list as it is.
    List,
    /// A connection: its lists hold the page's rows.
    Page,
}

/// A field of the schema.
#[derive(Debug)]
pub struct Price {
    /// The name of its type.
    pub ty: String,
    /// How it multiplies.
    pub shape: Shape,
    /// What one value costs.
    pub own: usize,
}

/// The price of every field of the schema.
#[derive(Debug, Default)]
pub struct Prices {
    types: HashMap<String, HashMap<String, Price>>,
}

impl Prices {
    /// The prices of a schema's text.
    pub fn of(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).map(|document| document.definitions);
        let definitions: Vec<_> = definitions
            .unwrap_or_default()
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => Some(definition.node),
                TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
            })
            .collect();
        let is_leaf = |kind: &TypeKind| matches!(kind, TypeKind::Scalar | TypeKind::Enum(_));
        let composite: HashSet<String> = definitions
            .iter()
            .filter(|definition| !is_leaf(&definition.kind))
            .map(|definition| definition.name.node.to_string())
            .collect();
        let mut types = HashMap::new();
        for definition in definitions {
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar
                | TypeKind::Union(_)
                | TypeKind::Enum(_)
                | TypeKind::InputObject(_) => continue,
            };
            let priced = fields
                .into_iter()
                .map(|field| {
                    let price = price(&field.node, &composite);
                    (field.node.name.node.to_string(), price)
                })
                .collect();
            types.insert(definition.name.node.to_string(), priced);
        }
        Self { types }
    }

    /// The price of a field; `None` if the schema has none such, and then validation refuses it.
    pub fn field(&self, ty: Option<&str>, name: &str) -> Option<&Price> {
        self.types.get(ty?)?.get(name)
    }
}

fn price(field: &FieldDefinition, composite: &HashSet<String>) -> Price {
    let (ty, list) = named(&field.ty.node, false);
    let shape = if ty.ends_with("Connection") {
        Shape::Page
    } else if list {
        Shape::List
    } else {
        Shape::One
    };
    Price {
        own: usize::from(composite.contains(&ty)),
        ty,
        shape,
    }
}

fn named(ty: &Type, list: bool) -> (String, bool) {
    match &ty.base {
        BaseType::Named(name) => (name.to_string(), list),
        BaseType::List(item) => named(item, true),
    }
}
