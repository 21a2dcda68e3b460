//! The guard before execution: whatever comes in is measured first, in time linear in its size.
//!
//! async-graphql's own limits walk fragments as often as they are spread: 698 bytes burnt 16 s.
//! Here each fragment's cost is computed once and added up, saturating; cycles are found on the way.

use async_graphql::ServerError;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use std::collections::HashMap;

/// Bytes of a document.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024;
/// Tokens of a document.
pub const TOKENS_MAX: usize = 2_000;
/// Brackets within brackets, before the parser recurses on them: depth of fields and literals.
pub const NESTING_MAX: usize = 40;
/// Fields within fields.
pub const DEPTH_MAX: usize = 10;
/// The same for introspection, whose customary query is deeper (`ofType` nine times).
pub const INTROSPECTION_DEPTH_MAX: usize = 20;
/// Lists within lists of introspection: types, their fields, their arguments.
pub const INTROSPECTION_LISTS_MAX: usize = 3;
/// Selections after all fragments are expanded.
pub const SELECTIONS_MAX: usize = 1_000;
/// Aliases.
pub const ALIASES_MAX: usize = 30;
/// Directives.
pub const DIRECTIVES_MAX: usize = 20;
/// Fragment definitions.
pub const FRAGMENTS_MAX: usize = 50;
/// Operations of a document; one of them is executed.
pub const OPERATIONS_MAX: usize = 5;
/// Root fields of a query.
pub const ROOT_FIELDS_MAX: usize = 10;
/// Root fields of a mutation.
pub const MUTATIONS_MAX: usize = 1;

/// Why a document is not executed.
#[derive(Debug)]
pub enum Refusal {
    /// It does not parse, or does not say what to execute.
    Invalid(Box<ServerError>),
    /// It exceeds a limit.
    TooComplex {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
}

/// A document that may be executed.
#[derive(Debug)]
pub struct Admitted {
    /// The document, parsed once.
    pub document: ExecutableDocument,
    /// What kind of operation it executes.
    pub kind: OperationType,
}

/// Measures and parses a document.
pub fn admit(query: &str, operation_name: Option<&str>) -> Result<Admitted, Refusal> {
    within("documentBytes", query.len(), DOCUMENT_BYTES_MAX)?;
    scan(query)?;
    let document = parse_query(query).map_err(|fault| Refusal::Invalid(Box::new(fault.into())))?;
    let operation = operation(&document, operation_name)
        .ok_or_else(|| invalid("the request does not name one operation of the document"))?;
    measure(&document, operation)?;
    let kind = operation.ty;
    Ok(Admitted { document, kind })
}

/// The operation that is executed.
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(operations), None) => (operations.len() == 1)
            .then(|| operations.values().next().map(|operation| &operation.node))
            .flatten(),
    }
}

const fn within(limit: &'static str, found: usize, max: usize) -> Result<(), Refusal> {
    if found > max {
        Err(Refusal::TooComplex { limit, max })
    } else {
        Ok(())
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::Invalid(Box::new(ServerError::new(message, None)))
}

/// Counts tokens and brackets before the parser sees them. It need not be exact: the parser says
/// what is lawful.
fn scan(query: &str) -> Result<(), Refusal> {
    let bytes = query.as_bytes();
    let mut at = 0;
    let mut tokens = 0;
    let mut nesting: usize = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += until(rest, |byte| matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => string(rest),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                within("nesting", nesting, NESTING_MAX)?;
                1
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            b'.' => 3.min(rest.len()),
            byte if is_word(*byte) => until(rest, |byte| !is_word(byte)),
            _ => 1,
        };
        tokens += 1;
        within("tokens", tokens, TOKENS_MAX)?;
        at += length;
    }
    Ok(())
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+') || byte >= 0x80
}

fn until(bytes: &[u8], end: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|byte| end(*byte))
        .unwrap_or(bytes.len())
}

fn string(bytes: &[u8]) -> usize {
    let block = bytes.starts_with(b"\"\"\"");
    let mut at = if block { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' if !block => return at + 1,
            b'"' if bytes[at..].starts_with(b"\"\"\"") => return at + 3,
            b'\n' if !block => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// What executing a selection set costs.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    selections: usize,
    depth: usize,
    introspection_lists: usize,
}

impl Cost {
    fn and(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.introspection_lists = self.introspection_lists.max(other.introspection_lists);
    }
}

struct Meter<'a> {
    document: &'a ExecutableDocument,
    /// The cost of each fragment; `None` while it is being computed.
    fragments: HashMap<&'a str, Option<Cost>>,
    aliases: usize,
    directives: usize,
}

fn measure(document: &ExecutableDocument, chosen: &OperationDefinition) -> Result<(), Refusal> {
    within("fragments", document.fragments.len(), FRAGMENTS_MAX)?;
    within(
        "operations",
        document.operations.iter().len(),
        OPERATIONS_MAX,
    )?;
    let mut meter = Meter {
        document,
        fragments: HashMap::new(),
        aliases: 0,
        directives: 0,
    };
    // Everything the document holds is validated, executed or not: all of it is measured.
    for (_, operation) in document.operations.iter() {
        meter.directives += operation.node.directives.len();
        let cost = meter.set(&operation.node.selection_set.node)?;
        within("expandedSelections", cost.selections, SELECTIONS_MAX)?;
    }
    for name in document.fragments.keys() {
        let cost = meter.fragment(name)?;
        within("expandedSelections", cost.selections, SELECTIONS_MAX)?;
    }
    within("aliases", meter.aliases, ALIASES_MAX)?;
    within("directives", meter.directives, DIRECTIVES_MAX)?;
    meter.roots(chosen)
}

impl<'a> Meter<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Result<Cost, Refusal> {
        let mut total = Cost::default();
        for selection in &set.items {
            self.directives += selection.node.directives().len();
            total.and(self.selection(&selection.node)?);
        }
        Ok(total)
    }

    fn selection(&mut self, selection: &'a Selection) -> Result<Cost, Refusal> {
        let mut cost = match selection {
            Selection::Field(field) => {
                self.aliases += usize::from(field.node.alias.is_some());
                let mut cost = self.set(&field.node.selection_set.node)?;
                cost.depth += 1;
                cost.introspection_lists +=
                    usize::from(is_introspection_list(&field.node.name.node));
                cost
            }
            Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node)?,
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
        };
        cost.selections = cost.selections.saturating_add(1);
        Ok(cost)
    }

    fn fragment(&mut self, name: &'a str) -> Result<Cost, Refusal> {
        match self.fragments.get(name) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(invalid("a fragment contains itself")),
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(invalid("a fragment that is spread is not defined"));
        };
        self.fragments.insert(name, None);
        let cost = self.set(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(cost));
        Ok(cost)
    }

    /// Root fields: their number, and the depth of each.
    fn roots(&mut self, chosen: &'a OperationDefinition) -> Result<(), Refusal> {
        let mut sets = vec![&chosen.selection_set.node];
        let mut count = 0;
        while let Some(set) = sets.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => {
                        let name = field.node.name.node.as_str();
                        count += usize::from(name != "__typename");
                        let cost = self.selection(&selection.node)?;
                        if matches!(name, "__schema" | "__type") {
                            within("depth", cost.depth, INTROSPECTION_DEPTH_MAX)?;
                            let lists = cost.introspection_lists;
                            within("introspectionLists", lists, INTROSPECTION_LISTS_MAX)?;
                        } else {
                            within("depth", cost.depth, DEPTH_MAX)?;
                        }
                    }
                    Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                    Selection::FragmentSpread(spread) => sets.extend(
                        self.document
                            .fragments
                            .get(&spread.node.fragment_name.node)
                            .map(|fragment| &fragment.node.selection_set.node),
                    ),
                }
            }
        }
        match chosen.ty {
            OperationType::Mutation => within("rootFields", count, MUTATIONS_MAX),
            OperationType::Query | OperationType::Subscription => {
                within("rootFields", count, ROOT_FIELDS_MAX)
            }
        }
    }
}

fn is_introspection_list(name: &str) -> bool {
    matches!(
        name,
        "types"
            | "fields"
            | "args"
            | "inputFields"
            | "interfaces"
            | "possibleTypes"
            | "enumValues"
            | "directives"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn refused(query: &str) -> &'static str {
        match admit(query, None) {
            Err(Refusal::TooComplex { limit, .. }) => limit,
            Err(Refusal::Invalid(_)) => "invalid",
            Ok(_) => "admitted",
        }
    }

    /// Design, measured traps: 8^40 fields in 3 KB are measured, not walked.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the time the guard itself takes is what is tested"
    )]
    fn nested_fragment_spreads_are_refused_at_once() {
        let mut query = String::from("{ ...f0 }");
        for level in 0..40 {
            let spreads = format!("...f{} ", level + 1).repeat(8);
            let _ = write!(query, " fragment f{level} on Query {{ {spreads} }}");
        }
        query.push_str(" fragment f40 on Query { __typename }");
        assert_eq!(refused(&query), "expandedSelections");
        let document = parse_query(&query).unwrap();
        let begun = std::time::Instant::now();
        assert!(measure(&document, operation(&document, None).unwrap()).is_err());
        assert!(begun.elapsed().as_millis() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn the_corpus_is_refused_by_the_limit_that_names_it() {
        let deep = |levels: usize| format!("{}a{}", "{a".repeat(levels), "}".repeat(levels));
        assert_eq!(
            refused(&format!("{{{}}}", "a ".repeat(9_000))),
            "documentBytes"
        );
        assert_eq!(refused(&format!("{{{}}}", "a ".repeat(2_500))), "tokens");
        assert_eq!(refused(&deep(3_000)), "nesting");
        assert_eq!(
            refused(&format!("{{a(b:{})}}", "[".repeat(5_000))),
            "nesting"
        );
        assert_eq!(refused(&"{a".repeat(12)), "invalid");
        let nested = format!("{}{}", "{a".repeat(12), "}".repeat(12));
        assert_eq!(refused(&nested), "depth");
        let aliases: String = (0..31).fold(String::new(), |mut out, number| {
            let _ = write!(out, "a{number}: b ");
            out
        });
        assert_eq!(refused(&format!("{{ x {{ {aliases} }} }}")), "aliases");
        assert_eq!(refused("{ a b c d e f g h i j k }"), "rootFields");
        assert_eq!(refused("mutation { a b }"), "rootFields");
        assert_eq!(
            refused("mutation { ...f } fragment f on M { a b }"),
            "rootFields"
        );
        assert_eq!(refused("{ ...f } fragment f on Query { ...f }"), "invalid");
        assert_eq!(refused("{ ...f }"), "invalid");
        assert_eq!(refused("query A { a } query B { b }"), "invalid");
        assert_eq!(
            refused(&format!("{{ a {} }}", "@x ".repeat(21))),
            "directives"
        );
        let lists = "{__schema{types{fields{type{fields{type{fields{name}}}}}}}}";
        assert_eq!(refused(lists), "introspectionLists");
        assert_eq!(
            refused("{ a(text: \"{{{{ \\\" \") # }}}} \n b }"),
            "admitted"
        );
        assert_eq!(refused("mutation { a __typename }"), "admitted");
    }
}
