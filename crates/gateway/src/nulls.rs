//! Null propagation. async-graphql 7.2.1 leaves a failed field out of the answer; the
//! specification wants null there, or in the nearest field above that may be null.
//!
//! Nothing is done for an answer without errors. The types come from the schema's text.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, PathSegment, Response, Value};
use std::collections::HashMap;

/// The type of every field of the schema.
#[derive(Debug, Default)]
pub struct Shapes {
    fields: HashMap<String, HashMap<String, Type>>,
}

/// A value that must be null in the answer, and with it whatever may not hold it.
struct Walk<'a> {
    shapes: &'a Shapes,
    document: &'a ExecutableDocument,
    path: &'a [PathSegment],
    /// How deep null was written, if it was.
    nulled_at: Option<usize>,
}

impl Shapes {
    /// The shapes of a schema's text.
    pub fn of(sdl: &str) -> Self {
        let mut fields: HashMap<String, HashMap<String, Type>> = HashMap::new();
        let definitions = parse_schema(sdl).map(|document| document.definitions);
        for definition in definitions.unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let found = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar
                | TypeKind::Union(_)
                | TypeKind::Enum(_)
                | TypeKind::InputObject(_) => continue,
            };
            let types = fields
                .entry(definition.node.name.node.to_string())
                .or_default();
            for field in found {
                types.insert(field.node.name.node.to_string(), field.node.ty.node);
            }
        }
        Self { fields }
    }

    /// The fields of a type; none for a type that has none.
    #[cfg(test)]
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.fields.get(name).into_iter().flatten();
        fields.map(|(field, _)| field.as_str())
    }

    /// The name of the type behind a field, whatever lists and exclamation marks stand around it.
    pub fn type_of(&self, parent: &str, field: &str) -> Option<&str> {
        let mut ty = &self.fields.get(parent)?.get(field)?.base;
        loop {
            match ty {
                BaseType::Named(name) => return Some(name),
                BaseType::List(item) => ty = &item.base,
            }
        }
    }

    /// The name of an operation's root type.
    pub const fn root(kind: OperationType) -> &'static str {
        match kind {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        }
    }

    /// Writes null where each error says.
    pub fn settle(
        &self,
        response: &mut Response,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) {
        let root = Self::root(operation.ty);
        let mut nulled: Vec<Vec<PathSegment>> = Vec::new();
        for error in &response.errors {
            if error.path.is_empty() || nulled.iter().any(|path| error.path.starts_with(path)) {
                continue;
            }
            let mut walk = Walk {
                shapes: self,
                document,
                path: &error.path,
                nulled_at: None,
            };
            let sets = [&operation.selection_set.node];
            if walk.object(&mut response.data, root, &sets, 0) {
                response.data = Value::Null;
                return;
            }
            if let Some(depth) = walk.nulled_at {
                nulled.push(error.path[..depth].to_vec());
            }
        }
    }
}

impl<'a> Walk<'a> {
    /// Follows the path into an object. Whether the object itself must become null.
    fn object(
        &mut self,
        value: &mut Value,
        parent: &str,
        sets: &[&'a SelectionSet],
        depth: usize,
    ) -> bool {
        let Some(segment) = self.path.get(depth) else {
            return true;
        };
        let PathSegment::Field(key) = segment else {
            return false;
        };
        let mut found = Found::default();
        for set in sets {
            found.gather(self.document, set, parent, key);
        }
        let ty = found
            .field
            .and_then(|(parent, name)| self.shapes.fields.get(parent)?.get(name));
        let Some(ty) = ty else {
            return false;
        };
        if *value == Value::Null {
            // Every field failed, so async-graphql left nothing of the object.
            *value = Value::Object(async_graphql::indexmap::IndexMap::new());
        }
        let Value::Object(object) = value else {
            return false;
        };
        let failed = match object.get_mut(key.as_str()) {
            Some(child) if depth + 1 < self.path.len() => {
                self.within(child, ty, &found.sets, depth + 1)
            }
            Some(_) | None => true,
        };
        if failed && ty.nullable {
            object.insert(Name::new(key), Value::Null);
            self.nulled_at = Some(depth + 1);
        }
        failed && !ty.nullable
    }

    /// Follows the path into a value of a type. Whether the value must become null.
    fn within(
        &mut self,
        value: &mut Value,
        ty: &Type,
        sets: &[&'a SelectionSet],
        depth: usize,
    ) -> bool {
        match &ty.base {
            BaseType::Named(name) => self.object(value, name, sets, depth),
            BaseType::List(item) => {
                let (Some(PathSegment::Index(index)), Value::List(items)) =
                    (self.path.get(depth), value)
                else {
                    return true;
                };
                let Some(child) = items.get_mut(*index) else {
                    return true;
                };
                let failed = self.within(child, item, sets, depth + 1);
                if failed && item.nullable {
                    *child = Value::Null;
                    self.nulled_at = Some(depth + 1);
                }
                failed && !item.nullable
            }
        }
    }
}

/// The field behind a key of the answer, and what is selected below it.
#[derive(Default)]
struct Found<'a, 'p> {
    field: Option<(&'p str, &'a str)>,
    sets: Vec<&'a SelectionSet>,
}

impl<'a: 'p, 'p> Found<'a, 'p> {
    fn gather(
        &mut self,
        document: &'a ExecutableDocument,
        set: &'a SelectionSet,
        parent: &'p str,
        key: &str,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    if field.node.response_key().node.as_str() == key {
                        self.field
                            .get_or_insert((parent, field.node.name.node.as_str()));
                        self.sets.push(&field.node.selection_set.node);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let parent = on.map_or(parent, |on| on.node.on.node.as_str());
                    self.gather(document, &inline.node.selection_set.node, parent, key);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.gather(document, &fragment.node.selection_set.node, on, key);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use async_graphql::{ServerError, value};

    const SDL: &str = "type Query { maybe: Thing must: Thing! list: [Thing!] holes: [Thing] }
        type Thing { name: String! note: String inner: Thing! }";

    fn settled(query: &str, data: Value, path: &[&str]) -> Value {
        let document = parse_query(query).unwrap();
        let operation = crate::guard::operation(&document, None).unwrap();
        let mut response = Response::new(data);
        let mut error = ServerError::new("failed", None);
        error.path = path
            .iter()
            .map(|segment| match segment.parse() {
                Ok(index) => PathSegment::Index(index),
                Err(_) => PathSegment::Field((*segment).to_owned()),
            })
            .collect();
        response.errors.push(error);
        Shapes::of(SDL).settle(&mut response, &document, operation);
        response.data
    }

    #[test]
    fn a_failed_field_is_null_where_it_may_be() {
        let data = value!({ "maybe": { "name": "a" } });
        let query = "{ maybe { name note } }";
        let expected = value!({ "maybe": { "name": "a", "note": null } });
        assert_eq!(settled(query, data, &["maybe", "note"]), expected);
        assert_eq!(
            settled("{ maybe { name } }", value!({}), &["maybe"]),
            value!({ "maybe": null })
        );
    }

    #[test]
    fn a_field_that_may_not_be_null_takes_its_parent_with_it() {
        let query = "{ x: maybe { ...f } } fragment f on Thing { note inner { name } }";
        let data = value!({ "x": { "note": "b", "inner": null } });
        let path = ["x", "inner", "name"];
        assert_eq!(settled(query, data, &path), value!({ "x": null }));
        let data = value!({ "must": null });
        assert_eq!(
            settled("{ must { name } }", data, &["must", "name"]),
            Value::Null
        );
    }

    #[test]
    fn lists_keep_or_lose_their_items() {
        let data = value!({ "list": [{ "name": "a" }, { "note": null }] });
        let query = "{ list { name note } }";
        assert_eq!(
            settled(query, data, &["list", "1", "name"]),
            value!({ "list": null })
        );
        let data = value!({ "holes": [{ "name": "a" }, { "note": null }] });
        let query = "{ holes { name note } }";
        let expected = value!({ "holes": [{ "name": "a" }, null] });
        assert_eq!(settled(query, data, &["holes", "1", "name"]), expected);
    }
}
