//! One way to ask for each row of the table, made from the SDL.

use super::cast::Cast;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, InputValueDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition,
};
use engine::authority::{Authority, Place, Reach, TABLE, row};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What kind of answer there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One thing, or `NOT_FOUND`.
    One,
    /// A list that holds the target or does not.
    List,
    /// A count of the claims in the scope.
    Count,
    /// A list that need not hold the target: only what must not be in it can be told.
    Queue,
    /// Not about the target, but about the caller, the organisation or nothing.
    Errand,
    /// A mutation about the target: it reaches the judge or is `NOT_FOUND`.
    Command,
    /// A stream about the target, or `NOT_FOUND` in it.
    Stream,
    /// An empty form, or an answer about the caller: no target in it.
    Form,
}

/// One way to ask.
#[derive(Debug, Clone)]
pub struct Operation {
    pub place: Place,
    pub name: String,
    pub reach: Reach,
    pub shape: Shape,
    /// The rows that are asked on the way.
    pub asked: Vec<&'static Authority>,
    /// The row of a node's type, whose refusal reads like nothing.
    pub node: Option<&'static Authority>,
    pub how: How,
}

#[derive(Debug, Clone)]
pub enum How {
    Document { text: String, variables: Value },
    Page { path: String },
}

impl Operation {
    /// The same about things that do not exist.
    pub fn of_nothing(&self, cast: &Cast) -> Self {
        let mut other = self.clone();
        if let How::Document { text: _, variables } = &mut other.how {
            let mut text = variables.to_string();
            for (real, invented) in &cast.invented {
                text = text.replace(real, invented);
            }
            *variables = serde_json::from_str(&text).unwrap();
        }
        other
    }
}

struct Sdl {
    types: HashMap<String, TypeKind>,
}

impl Sdl {
    fn read() -> Self {
        let document: ServiceDocument = parse_schema(gateway::sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self {
            types: types.collect(),
        }
    }

    fn field(&self, parent: &str, name: &str) -> Option<(&Type, Vec<&InputValueDefinition>)> {
        let TypeKind::Object(object) = self.types.get(parent)? else {
            return None;
        };
        let field = object.fields.iter().find(|it| it.node.name.node == name)?;
        let arguments = field.node.arguments.iter().map(|it| &it.node).collect();
        Some((&field.node.ty.node, arguments))
    }

    /// A value of a type that fits the schema; what it is about comes from the cast.
    fn value(&self, cast: &Cast, operation: &str, name: &str, ty: &Type) -> Result<Value, String> {
        let base = match &ty.base {
            BaseType::List(item) => return Ok(json!([self.value(cast, operation, name, item)?])),
            BaseType::Named(base) => base.as_str(),
        };
        let unknown = || Err(format!("{operation}: {name}: {base}"));
        Ok(match base {
            "ID" => match cast.id(operation, name) {
                Some(id) => json!(id),
                // About something else than the target: there is no such thing.
                None if is_errand(operation) => json!("AQ"),
                None => return unknown(),
            },
            "UUID" => json!(engine::ids::fresh()),
            "String" => json!(cast.text(operation, name)),
            "Int" if name == "expectedVersion" => json!(cast.claim.version),
            "Int" => json!(1),
            "Boolean" => json!(true),
            "ExportKind" if operation == "startExport" => json!("CLAIMS"),
            "ExportKind" => json!(operation),
            // What would be written if it were right is wrong: a claim of nothing, a check to come.
            "Fen" => json!("0"),
            "Date" => json!("2099-01-01"),
            "DateTime" => json!("2001-01-01T00:00:00Z"),
            _ => match self.types.get(base) {
                Some(TypeKind::Enum(_)) if name == "duty" => json!("SURVEYOR"),
                Some(TypeKind::Enum(values)) => json!(values.values[0].node.value.node.as_str()),
                Some(TypeKind::InputObject(input)) => {
                    let mut object = serde_json::Map::new();
                    for field in &input.fields {
                        let field = &field.node;
                        if !field.ty.node.nullable && field.default_value.is_none() {
                            let name = field.name.node.as_str();
                            object.insert(
                                name.to_owned(),
                                self.value(cast, operation, name, &field.ty.node)?,
                            );
                        }
                    }
                    Value::Object(object)
                }
                Some(_) | None => return unknown(),
            },
        })
    }

    /// What is selected below a type: enough to tell the target.
    fn selection(&self, ty: &Type) -> String {
        let base = match &ty.base {
            BaseType::List(item) => return self.selection(item),
            BaseType::Named(base) => base.as_str(),
        };
        let fields = match self.types.get(base) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            Some(_) | None => return String::new(),
        };
        let has = |name: &str| fields.iter().any(|it| it.node.name.node == name);
        if has("pageInfo") && has("nodes") {
            let nodes = fields
                .iter()
                .find(|it| it.node.name.node == "nodes")
                .unwrap();
            return format!(" {{ nodes{} }}", self.selection(&nodes.node.ty.node));
        }
        let mut chosen = vec!["__typename".to_owned()];
        for name in ["id", "code", "status", "claims", "claimId"] {
            let plain = fields
                .iter()
                .find(|it| it.node.name.node == name && it.node.arguments.is_empty());
            if plain.is_some_and(|it| self.is_leaf(&it.node.ty.node)) {
                chosen.push(name.to_owned());
            }
        }
        if has("userErrors") {
            chosen.push("userErrors { code }".to_owned());
        }
        format!(" {{ {} }}", chosen.join(" "))
    }

    fn is_leaf(&self, ty: &Type) -> bool {
        match &ty.base {
            BaseType::List(_) => false,
            BaseType::Named(base) => !matches!(
                self.types.get(base.as_str()),
                Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
            ),
        }
    }

    /// A field with its arguments; they become variables.
    fn ask(
        &self,
        cast: &Cast,
        operation: &str,
        parent: &str,
        name: &str,
        below: Option<&str>,
    ) -> Result<Asked, String> {
        let (ty, arguments) = self
            .field(parent, name)
            .ok_or_else(|| format!("{operation}: no {parent}.{name}"))?;
        let mut asked = Asked::default();
        let mut given = Vec::new();
        for argument in arguments {
            let (argument, kind) = (argument.name.node.as_str(), &argument.ty.node);
            let wanted = !kind.nullable
                || argument == "first"
                || matches!(
                    (operation, argument),
                    ("claim", "id") | ("claimEvents", "after" | "claimId")
                );
            if !wanted {
                continue;
            }
            let variable = format!("{parent}_{name}_{argument}").replace('.', "_");
            let value = if argument == "first" {
                json!(50)
            } else {
                self.value(cast, operation, argument, kind)?
            };
            asked.declared.push(format!("${variable}: {kind}"));
            asked.variables.push((variable.clone(), value));
            given.push(format!("{argument}: ${variable}"));
        }
        let given = if given.is_empty() {
            String::new()
        } else {
            format!("({})", given.join(", "))
        };
        let below = below.map_or_else(|| self.selection(ty), |below| format!(" {{ {below} }}"));
        asked.text = format!("{name}{given}{below}");
        Ok(asked)
    }
}

#[derive(Default)]
struct Asked {
    text: String,
    declared: Vec<String>,
    variables: Vec<(String, Value)>,
}

impl Asked {
    /// Puts a field around this one.
    fn inside(mut self, mut outer: Self, text: String) -> Self {
        outer.text = text;
        outer.declared.append(&mut self.declared);
        outer.variables.append(&mut self.variables);
        outer
    }

    fn document(self, kind: &str) -> How {
        let declared = if self.declared.is_empty() {
            String::new()
        } else {
            format!("({})", self.declared.join(", "))
        };
        How::Document {
            text: format!("{kind} Cell{declared} {{ {} }}", self.text),
            variables: Value::Object(self.variables.into_iter().collect()),
        }
    }
}

/// Whether an operation is about the caller, the organisation or nothing, not about the target.
fn is_errand(name: &str) -> bool {
    let places = [Place::Query, Place::Mutation, Place::Export];
    let found = places.into_iter().find_map(|place| row(place, name));
    found.is_some_and(|row| {
        row.place == Place::Export
            || (name != "colleagues"
                && matches!(
                    row.reach,
                    Reach::Own | Reach::Nothing | Reach::Organisation | Reach::County
                ))
    })
}

/// How a field of a type is come to: root field, the fields between, and their rows.
fn way_to(parent: &str) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
    Some(match parent {
        "Claim" => ("claim", &[]),
        "Household" => ("household", &[]),
        "Scheme" => ("scheme", &[]),
        "Member" => ("household", &[("Household", "members")]),
        "Payee" => ("household", &[("Household", "payees")]),
        "Objection" => ("claim", &[("Claim", "objections")]),
        _ => return None,
    })
}

fn field(
    sdl: &Sdl,
    cast: &Cast,
    name: &'static str,
) -> Result<(How, Vec<&'static Authority>, Reach), String> {
    let (parent, leaf) = name.split_once('.').ok_or_else(|| name.to_owned())?;
    let (root, between) = way_to(parent).ok_or_else(|| format!("{name}: no way to {parent}"))?;
    let mut asked = vec![row(Place::Query, root).unwrap()];
    let mut inner = sdl.ask(cast, name, parent, leaf, None)?;
    for (of, through) in between.iter().rev() {
        asked.extend(row(Place::Field, &format!("{of}.{through}")));
        let (ty, _) = sdl.field(of, through).ok_or_else(|| name.to_owned())?;
        let is_connection = ty.to_string().contains("Connection");
        let below = if is_connection {
            format!("nodes {{ {} }}", inner.text)
        } else {
            inner.text.clone()
        };
        let outer = sdl.ask(cast, name, of, through, Some(&below))?;
        let text = outer.text.clone();
        inner = inner.inside(outer, text);
    }
    let reach = asked[0].reach;
    let outer = sdl.ask(cast, root, "Query", root, Some(&inner.text))?;
    let text = outer.text.clone();
    asked.extend(row(Place::Field, name));
    Ok((inner.inside(outer, text).document("query"), asked, reach))
}

/// One way to ask for each row, and the rows there is none for.
pub fn operations(cast: &Cast) -> (Vec<Operation>, Vec<String>) {
    let sdl = Sdl::read();
    let mut found = Vec::new();
    let mut uncovered = Vec::new();
    for authority in TABLE.iter() {
        match of_row(&sdl, cast, authority) {
            Ok(operation) => found.push(operation),
            Err(what) => uncovered.push(what),
        }
    }
    (found, uncovered)
}

fn of_row(sdl: &Sdl, cast: &Cast, authority: &'static Authority) -> Result<Operation, String> {
    let name: &'static str = &authority.name;
    let mut operation = Operation {
        place: authority.place,
        name: name.to_owned(),
        reach: authority.reach,
        shape: Shape::One,
        asked: vec![authority],
        node: None,
        how: How::Page {
            path: name.to_owned(),
        },
    };
    let meta = match name {
        "__typename" => Some("__typename"),
        "__schema" => Some("__schema { queryType { name } }"),
        "__type" => Some("__type(name: \"Claim\") { name }"),
        _ => None,
    };
    match authority.place {
        Place::Query | Place::Mutation if meta.is_some() => {
            let kind = if authority.place == Place::Query {
                "query"
            } else {
                "mutation"
            };
            let text = format!("{kind} Cell {{ {} }}", meta.unwrap_or_default());
            operation.how = How::Document {
                text,
                variables: json!({}),
            };
            operation.shape = Shape::Form;
        }
        Place::Query => {
            let (ty, _) = sdl.field("Query", name).ok_or_else(|| name.to_owned())?;
            let is_list = ty.to_string().contains("Connection") || ty.to_string().starts_with('[');
            operation.shape = match name {
                "claimStatusSummary" => Shape::Count,
                "claims" | "households" | "nodes" | "schemes" | "regions" | "colleagues" => {
                    Shape::List
                }
                // Where the log stands now, as an opaque text.
                "claimEventCursor" => Shape::Form,
                _ if is_errand(name) => Shape::Errand,
                _ if is_list => Shape::Queue,
                _ => Shape::One,
            };
            if authority.reach == Reach::OfNode {
                // Asked for the claim; the types have rows of their own.
                operation.reach = Reach::Claim;
                operation.node = row(Place::Node, "Claim");
            }
            operation.how = sdl.ask(cast, name, "Query", name, None)?.document("query");
        }
        Place::Mutation => {
            operation.shape = match name {
                // Each of its lines is answered by itself.
                "referBatch" => Shape::Errand,
                _ if is_errand(name) => Shape::Errand,
                _ => Shape::Command,
            };
            operation.how = sdl
                .ask(cast, name, "Mutation", name, None)?
                .document("mutation");
        }
        Place::Node => {
            let nothing = "AQ".to_owned();
            let known = cast.nodes.get(name);
            let id = match known {
                Some(id) => id,
                None if authority.reach == Reach::Own => &nothing,
                None => return Err(format!("node {name}")),
            };
            if known.is_none() {
                operation.shape = Shape::Errand;
            }
            operation.asked = vec![row(Place::Query, "node").unwrap()];
            operation.node = Some(authority);
            operation.how = How::Document {
                text: "query Cell($id: ID!) { node(id: $id) { __typename id } }".to_owned(),
                variables: json!({ "id": id }),
            };
        }
        Place::Field => {
            let (how, asked, reach) = field(sdl, cast, name)?;
            operation.how = how;
            operation.asked = asked;
            operation.reach = reach;
        }
        Place::Page => {
            operation.shape = match name {
                "/claims" => Shape::List,
                "/claims/{number}" | "/claims/{number}/refusal-letter" => Shape::One,
                "/overdue" | "/pools" | "/payments" | "/payments/files" => Shape::Queue,
                _ => Shape::Form,
            };
            operation.how = How::Page {
                path: name.replace("{number}", &cast.claim.number),
            };
            if operation.how_is_open() {
                return Err(format!("page {name}"));
            }
        }
        Place::Subscription if name == "__typename" => {
            // A document of nothing but its type's name is refused by the specification; the row
            // stands for the schema's sake.
            operation.how = How::Document {
                text: "query Cell { __typename }".to_owned(),
                variables: json!({}),
            };
            operation.shape = Shape::Form;
        }
        Place::Subscription => {
            operation.shape = Shape::Stream;
            let followed = sdl.ask(cast, name, "Subscription", name, None)?;
            operation.how = followed.document("subscription");
        }
        Place::Export => {
            // What is in it is read by whoever began it, page by page, through the same store.
            let start = row(Place::Mutation, "startExport").ok_or_else(|| name.to_owned())?;
            operation.asked = vec![start, authority];
            operation.shape = Shape::Errand;
            let begun = sdl.ask(cast, name, "Mutation", "startExport", None)?;
            operation.how = begun.document("mutation");
        }
    }
    Ok(operation)
}

impl Operation {
    /// Whether a part of a page's path is still to be filled in.
    fn how_is_open(&self) -> bool {
        matches!(&self.how, How::Page { path } if path.contains('{'))
    }
}
