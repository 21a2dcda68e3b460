//! The guard before execution: whatever comes in is measured first, in time linear in its size.
//!
//! async-graphql's own limits walk fragments as often as they are spread: 698 bytes burnt 16 s.
//! Here each fragment's weight is computed once and added up, saturating; cycles are found on the way.
//! What a field costs stands in `prices`.

use crate::prices::{INTROSPECTION_COST, LIST_ROWS, MUTATION_COST, PAGE_MAX, Prices, Shape};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Positioned, ServerError, Value, Variables};
use async_graphql_value::Value as Literal;
use std::collections::HashMap;

/// Bytes of a document.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024;
/// Tokens of a document.
pub const TOKENS_MAX: usize = 2_000;
/// Brackets within brackets, before the parser recurses on them: depth of fields and literals.
pub const NESTING_MAX: usize = 40;
/// Lists and objects within one another in an argument.
pub const LITERAL_NESTING_MAX: usize = 10;
/// Items of a list in the document.
pub const LITERAL_LIST_MAX: usize = 200;
/// Fields within fields.
pub const DEPTH_MAX: usize = 10;
/// Selection sets within one another, fragments included; async-graphql stops at 32.
pub const SETS_MAX: usize = 30;
/// The depth of introspection, whose customary query is deeper (`ofType` nine times).
pub const INTROSPECTION_DEPTH_MAX: usize = 20;
/// Lists within lists of introspection: types, their fields, their arguments.
pub const INTROSPECTION_LISTS_MAX: usize = 3;
/// Selections of an operation after all fragments are expanded.
pub const SELECTIONS_MAX: usize = 1_000;
/// The same of all operations and fragments of a document together: all of them are validated.
pub const DOCUMENT_SELECTIONS_MAX: usize = 4_000;
/// Aliases.
pub const ALIASES_MAX: usize = 30;
/// Directives.
pub const DIRECTIVES_MAX: usize = 20;
/// Arguments of one field or directive: validation compares them with one another.
pub const ARGUMENTS_MAX: usize = 20;
/// Fragment definitions.
pub const FRAGMENTS_MAX: usize = 50;
/// Operations of a document; one of them is executed.
pub const OPERATIONS_MAX: usize = 5;
/// Variables of an operation.
pub const VARIABLES_MAX: usize = 50;
/// Lists and objects within one another in the values of variables.
pub const VARIABLES_DEPTH_MAX: usize = 10;
/// Items of a list in the values of variables: the lines of a batch.
pub const VARIABLES_LIST_MAX: usize = 1_000;
/// Values in a request's body, all counted.
pub const BODY_VALUES_MAX: usize = 20_000;
/// Root fields of a query.
pub const ROOT_FIELDS_MAX: usize = 10;
/// Root fields of a mutation.
pub const MUTATIONS_MAX: usize = 1;
/// Root fields of a subscription, `__typename` among them.
pub const SUBSCRIPTIONS_MAX: usize = 1;
/// Rows of lists within lists.
pub const LIST_NODES_MAX: usize = 10_000;
/// The cost of a request, unless configured.
pub const COST_MAX: u32 = 2_000;

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
    /// Whether it asks for the schema.
    pub introspects: bool,
    /// What it costs at worst.
    pub cost: u32,
}

/// The guard: prices and the limit that can be configured.
#[derive(Debug)]
pub struct Guard {
    prices: Prices,
    cost_max: u32,
}

impl Guard {
    /// A guard for a schema's text.
    pub fn new(sdl: &str, cost_max: u32) -> Self {
        Self {
            prices: Prices::of(sdl),
            cost_max,
        }
    }

    /// Measures and parses a document.
    pub fn admit(
        &self,
        query: &str,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<Admitted, Refusal> {
        within("documentBytes", query.len(), DOCUMENT_BYTES_MAX)?;
        scan(query)?;
        for value in variables.values() {
            measure_value(value, VARIABLES_DEPTH_MAX)?;
        }
        let document =
            parse_query(query).map_err(|fault| Refusal::Invalid(Box::new(syntax(fault.into()))))?;
        let chosen = operation(&document, operation_name)
            .ok_or_else(|| invalid("the request does not name one operation of the document"))?;
        let roots = self.measure(&document, chosen, variables)?;
        let (kind, introspects) = (chosen.ty, roots.introspects);
        let cost = usize::try_from(self.cost_max).unwrap_or(usize::MAX);
        within("listNodes", roots.weight.rows, LIST_NODES_MAX)?;
        within("cost", roots.weight.cost, cost)?;
        Ok(Admitted {
            document,
            kind,
            introspects,
            cost: u32::try_from(roots.weight.cost).unwrap_or(u32::MAX),
        })
    }

    fn measure(
        &self,
        document: &ExecutableDocument,
        chosen: &OperationDefinition,
        variables: &Variables,
    ) -> Result<Roots, Refusal> {
        within("fragments", document.fragments.len(), FRAGMENTS_MAX)?;
        within(
            "operations",
            document.operations.iter().len(),
            OPERATIONS_MAX,
        )?;
        let mut meter = Meter {
            prices: &self.prices,
            document,
            variables,
            definitions: &chosen.variable_definitions,
            fragments: HashMap::new(),
            aliases: 0,
            directives: 0,
        };
        // Everything the document holds is validated, executed or not: all of it is measured.
        let mut selections: usize = 0;
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            within(
                "variables",
                operation.variable_definitions.len(),
                VARIABLES_MAX,
            )?;
            for variable in &operation.variable_definitions {
                meter.directives += variable.node.directives.len();
                if let Some(value) = &variable.node.default_value {
                    measure_value(&value.node, LITERAL_NESTING_MAX)?;
                }
            }
            meter.directed(&operation.directives)?;
            let weight = meter.set(Some(root(operation.ty)), &operation.selection_set.node)?;
            within("expandedSelections", weight.selections, SELECTIONS_MAX)?;
            within("selectionSets", weight.sets, SETS_MAX)?;
            selections = selections.saturating_add(weight.selections);
        }
        for (name, fragment) in &document.fragments {
            meter.directed(&fragment.node.directives)?;
            let weight = meter.fragment(name)?;
            within("expandedSelections", weight.selections, SELECTIONS_MAX)?;
            within("selectionSets", weight.sets, SETS_MAX)?;
            selections = selections.saturating_add(weight.selections);
        }
        within("documentSelections", selections, DOCUMENT_SELECTIONS_MAX)?;
        within("aliases", meter.aliases, ALIASES_MAX)?;
        within("directives", meter.directives, DIRECTIVES_MAX)?;
        meter.roots(chosen)
    }
}

const fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
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

/// What the parser expected and where, without the line of the document that it quotes: a literal in it may
/// be somebody's identity number.
fn syntax(mut error: ServerError) -> ServerError {
    if error.message.contains('\n') {
        let expected = error.message.split_once("\n  = ").map(|(_, what)| what);
        error.message = format!("syntax error: {}", expected.unwrap_or("unexpected text"));
    }
    error
}

fn invalid(message: &str) -> Refusal {
    Refusal::Invalid(Box::new(ServerError::new(message, None)))
}

/// Counts values and brackets of a JSON body before it is read.
pub fn scan_body(body: &[u8]) -> Result<(), Refusal> {
    // The body, `variables`, and what is in them.
    const DEPTH_MAX: usize = VARIABLES_DEPTH_MAX + 2;
    let (mut depth, mut values): (usize, usize) = (0, 0);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                depth += 1;
                within("variablesDepth", depth, DEPTH_MAX)?;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
    }
    within("bodyValues", values, BODY_VALUES_MAX)
}

/// Depth and lists of a value that stands in JSON, or as the default of a variable.
fn measure_value(value: &Value, depth_left: usize) -> Result<(), Refusal> {
    let deeper = || {
        depth_left.checked_sub(1).ok_or(Refusal::TooComplex {
            limit: "variablesDepth",
            max: VARIABLES_DEPTH_MAX,
        })
    };
    match value {
        Value::List(items) => {
            within("variablesList", items.len(), VARIABLES_LIST_MAX)?;
            let left = deeper()?;
            items.iter().try_for_each(|item| measure_value(item, left))
        }
        Value::Object(fields) => {
            let left = deeper()?;
            fields
                .values()
                .try_for_each(|field| measure_value(field, left))
        }
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => Ok(()),
    }
}

/// Lists of an argument; its depth was measured by [`scan`].
fn measure_literal(value: &Literal) -> Result<(), Refusal> {
    match value {
        Literal::List(items) => {
            within("listLength", items.len(), LITERAL_LIST_MAX)?;
            items.iter().try_for_each(measure_literal)
        }
        Literal::Object(fields) => fields.values().try_for_each(measure_literal),
        Literal::Variable(_)
        | Literal::Null
        | Literal::Number(_)
        | Literal::String(_)
        | Literal::Boolean(_)
        | Literal::Binary(_)
        | Literal::Enum(_) => Ok(()),
    }
}

/// Counts tokens and brackets before the parser sees them. It need not be exact: the parser says
/// what is lawful.
fn scan(query: &str) -> Result<(), Refusal> {
    let bytes = query.as_bytes();
    let mut at = 0;
    let mut tokens = 0;
    let mut nesting: usize = 0;
    // How deep the outermost parenthesis lies: within it brackets are literals.
    let mut arguments: Option<usize> = None;
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
                match arguments {
                    Some(outside) => {
                        within("literalNesting", nesting - outside, LITERAL_NESTING_MAX)?;
                    }
                    None if *byte == b'(' => arguments = Some(nesting),
                    None => {}
                }
                1
            }
            b'}' | b']' | b')' => {
                if arguments == Some(nesting) {
                    arguments = None;
                }
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

/// What executing a selection set takes.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    selections: usize,
    depth: usize,
    sets: usize,
    introspection_lists: usize,
    /// What it costs, and what each row costs if it is of a connection.
    cost: usize,
    row_cost: usize,
    /// Rows of lists of objects, and those within each row if it is of a connection.
    rows: usize,
    row_rows: usize,
}

impl Weight {
    fn and(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.sets = self.sets.max(other.sets);
        self.introspection_lists = self.introspection_lists.max(other.introspection_lists);
        self.cost = self.cost.saturating_add(other.cost);
        self.row_cost = self.row_cost.saturating_add(other.row_cost);
        self.rows = self.rows.saturating_add(other.rows);
        self.row_rows = self.row_rows.saturating_add(other.row_rows);
    }
}

/// What the root of an operation shows.
struct Roots {
    weight: Weight,
    introspects: bool,
}

struct Meter<'a> {
    prices: &'a Prices,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    definitions: &'a [Positioned<VariableDefinition>],
    /// The weight of each fragment; `None` while it is being computed.
    fragments: HashMap<&'a str, Option<Weight>>,
    aliases: usize,
    directives: usize,
}

impl<'a> Meter<'a> {
    fn set(&mut self, ty: Option<&'a str>, set: &'a SelectionSet) -> Result<Weight, Refusal> {
        let mut total = Weight::default();
        for selection in &set.items {
            total.and(self.selection(ty, &selection.node)?);
        }
        total.sets += 1;
        Ok(total)
    }

    fn directed(
        &mut self,
        directives: &[Positioned<async_graphql::parser::types::Directive>],
    ) -> Result<(), Refusal> {
        self.directives += directives.len();
        directives
            .iter()
            .try_for_each(|directive| arguments(&directive.node.arguments))
    }

    fn selection(
        &mut self,
        ty: Option<&'a str>,
        selection: &'a Selection,
    ) -> Result<Weight, Refusal> {
        self.directed(selection.directives())?;
        let mut weight = match selection {
            Selection::Field(field) => self.field(ty, &field.node)?,
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                let ty = on.map_or(ty, |on| Some(on.node.on.node.as_str()));
                self.set(ty, &inline.node.selection_set.node)?
            }
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
        };
        weight.selections = weight.selections.saturating_add(1);
        Ok(weight)
    }

    fn field(&mut self, ty: Option<&'a str>, field: &'a Field) -> Result<Weight, Refusal> {
        self.aliases += usize::from(field.alias.is_some());
        arguments(&field.arguments)?;
        let name = field.name.node.as_str();
        let prices = self.prices;
        let price = prices.field(ty, name);
        let below = price.map(|price| price.ty.as_str());
        let mut weight = self.set(below, &field.selection_set.node)?;
        weight.depth += 1;
        weight.introspection_lists += usize::from(is_introspection_list(name));
        let (row_cost, row_rows) = (weight.row_cost, weight.row_rows);
        (weight.row_cost, weight.row_rows) = (0, 0);
        let Some(price) = price else {
            return Ok(weight);
        };
        match price.shape {
            Shape::One => weight.cost = weight.cost.saturating_add(price.own),
            Shape::Page => {
                let rows = self.page(field);
                let cost = rows.saturating_mul(row_cost).saturating_add(price.own);
                weight.cost = weight.cost.saturating_add(cost);
                weight.rows = weight.rows.saturating_add(rows.saturating_mul(row_rows));
            }
            Shape::List => {
                let cost = weight.cost.saturating_add(price.own);
                let within = weight.rows.saturating_add(price.own);
                if ty.is_some_and(|ty| ty.ends_with("Connection")) {
                    (weight.row_cost, weight.row_rows) = (cost, within);
                    (weight.cost, weight.rows) = (0, 0);
                } else {
                    let rows = self.listed(field);
                    weight.cost = rows.saturating_mul(cost);
                    weight.rows = rows.saturating_mul(within);
                }
            }
        }
        if ty == Some("Mutation") {
            weight.cost = weight.cost.saturating_add(MUTATION_COST);
        }
        Ok(weight)
    }

    /// The rows of a page.
    fn page(&self, field: &Field) -> usize {
        let given = ["first", "last"].into_iter();
        let rows = given.filter_map(|name| self.whole(&field.get_argument(name)?.node));
        rows.max().unwrap_or(PAGE_MAX)
    }

    /// The items of a list: as many as ids are asked for, where they are.
    fn listed(&self, field: &Field) -> usize {
        let Some(ids) = field.get_argument("ids") else {
            return LIST_ROWS;
        };
        match &ids.node {
            Literal::List(items) => items.len(),
            Literal::Variable(name) => match self.value_of(name) {
                Some(Value::List(items)) => items.len(),
                Some(_) | None => LIST_ROWS,
            },
            _ => 1,
        }
    }

    fn whole(&self, value: &Literal) -> Option<usize> {
        let number = match value {
            Literal::Number(number) => number,
            Literal::Variable(name) => match self.value_of(name)? {
                Value::Number(number) => number,
                _ => return None,
            },
            _ => return None,
        };
        // A negative one is refused later, one that is out of range here.
        let negative = number.as_i64().is_some_and(i64::is_negative);
        let rows = number
            .as_u64()
            .unwrap_or(if negative { 0 } else { u64::MAX });
        Some(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    fn value_of(&self, name: &Name) -> Option<&Value> {
        self.variables.get(name).or_else(|| {
            let definition = self.definitions.iter();
            let mut definition = definition.filter(|it| it.node.name.node == *name);
            Some(&definition.next()?.node.default_value.as_ref()?.node)
        })
    }

    fn fragment(&mut self, name: &'a str) -> Result<Weight, Refusal> {
        match self.fragments.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err(invalid("a fragment contains itself")),
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(invalid("a fragment that is spread is not defined"));
        };
        self.fragments.insert(name, None);
        let on = fragment.node.type_condition.node.on.node.as_str();
        let weight = self.set(Some(on), &fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(weight));
        Ok(weight)
    }

    /// Root fields: their number, the depth of each, what they cost together. Fragments have been
    /// weighed, and none contains itself; yet the same one may be spread again and again, so the
    /// number of fields is looked at while they are gathered.
    fn roots(&mut self, chosen: &'a OperationDefinition) -> Result<Roots, Refusal> {
        let max = match chosen.ty {
            OperationType::Query => ROOT_FIELDS_MAX,
            OperationType::Mutation => MUTATIONS_MAX,
            OperationType::Subscription => SUBSCRIPTIONS_MAX,
        };
        let counts_all = chosen.ty == OperationType::Subscription;
        let ty = Some(root(chosen.ty));
        let mut roots = Roots {
            weight: Weight::default(),
            introspects: false,
        };
        let mut sets = vec![&chosen.selection_set.node];
        let mut count = 0;
        while let Some(set) = sets.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => {
                        let name = field.node.name.node.as_str();
                        count += usize::from(counts_all || name != "__typename");
                        within("rootFields", count, max)?;
                        let mut weight = self.field(ty, &field.node)?;
                        if matches!(name, "__schema" | "__type") {
                            roots.introspects = true;
                            weight.cost = weight.cost.saturating_add(INTROSPECTION_COST);
                            within("depth", weight.depth, INTROSPECTION_DEPTH_MAX)?;
                            let lists = weight.introspection_lists;
                            within("introspectionLists", lists, INTROSPECTION_LISTS_MAX)?;
                        } else {
                            within("depth", weight.depth, DEPTH_MAX)?;
                        }
                        roots.weight.and(weight);
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
        Ok(roots)
    }
}

/// The arguments of a field or directive.
fn arguments(given: &[(Positioned<Name>, Positioned<Literal>)]) -> Result<(), Refusal> {
    within("arguments", given.len(), ARGUMENTS_MAX)?;
    given
        .iter()
        .try_for_each(|(_, value)| measure_literal(&value.node))
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

    const SDL: &str = "type Query { things(first: Int, last: Int): ThingConnection! tags: [Thing!]! nodes(ids: [ID!]!): [Thing]! n: Int }
        type Mutation { act: Thing }
        type ThingConnection { nodes: [Thing!]! pageInfo: PageInfo! }
        type PageInfo { end: String }
        type Thing { name: String inner: Thing tags: [String!]! things(first: Int): ThingConnection! }";

    fn admit(query: &str) -> Result<Admitted, Refusal> {
        Guard::new(SDL, COST_MAX).admit(query, None, &Variables::default())
    }

    fn cost(query: &str, variables: serde_json::Value) -> u32 {
        let variables = Variables::from_json(variables);
        let admitted = Guard::new(SDL, COST_MAX).admit(query, None, &variables);
        admitted.expect(query).cost
    }

    fn refused(query: &str) -> &'static str {
        match admit(query) {
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
        let guard = Guard::new(SDL, COST_MAX);
        let chosen = operation(&document, None).unwrap();
        let begun = std::time::Instant::now();
        assert!(
            guard
                .measure(&document, chosen, &Variables::default())
                .is_err()
        );
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
            "literalNesting"
        );
        assert_eq!(refused(&"{a".repeat(12)), "invalid");
        let list = |items: usize| format!("{{ a(b: [{}]) }}", "1,".repeat(items));
        assert_eq!(refused(&list(LITERAL_LIST_MAX)), "admitted");
        assert_eq!(refused(&list(LITERAL_LIST_MAX + 1)), "listLength");
        let literal =
            |depth: usize| format!("{{ a(b: {}{}) }}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refused(&literal(LITERAL_NESTING_MAX)), "admitted");
        assert_eq!(refused(&literal(LITERAL_NESTING_MAX + 1)), "literalNesting");
        assert_eq!(refused("subscription { a b }"), "rootFields");
        assert_eq!(refused("subscription { a __typename }"), "rootFields");
        let inline = format!("{}{{a}}{}", "{...on Query".repeat(31), "}".repeat(31));
        assert_eq!(refused(&inline), "selectionSets");
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

    /// The formula of `prices`, figure by figure.
    #[test]
    fn a_document_costs_what_it_may_bring() {
        let none = serde_json::json!({});
        for (query, expected) in [
            ("{ n __typename }", 0),
            ("{ tags { name } }", 3),
            ("{ tags { name inner { name } } }", 6),
            ("{ things(first: 10) { nodes { name } } }", 11),
            (
                "{ things(last: 10) { nodes { inner { name } } pageInfo { end } } }",
                22,
            ),
            ("{ things { nodes { name } } }", 101),
            (
                "{ things(first: 3) { ...p } } fragment p on ThingConnection { nodes { tags } }",
                4,
            ),
            (
                "{ things(first: 3) { nodes { things(first: 4) { nodes { name } } } } }",
                1 + 3 * (1 + 1 + 4),
            ),
            ("{ nodes(ids: [1, 2, 3]) { name } }", 3),
            ("mutation { act { name } }", 11),
            (
                "{ a: things(first: 1) { nodes { name } } b: things(first: 1) { nodes { name } } }",
                4,
            ),
            ("{ __schema { queryType { name } } }", 500),
        ] {
            assert_eq!(cost(query, none.clone()), expected, "{query}");
        }
        let query = "query($n: Int = 7, $i: [ID!]!) { things(first: $n) { nodes { name } } nodes(ids: $i) { name } }";
        assert_eq!(cost(query, serde_json::json!({ "i": [] })), 8);
        assert_eq!(
            cost(query, serde_json::json!({ "n": 20, "i": ["a", "b"] })),
            23
        );
        assert_eq!(cost(query, serde_json::json!({ "n": -20, "i": ["a"] })), 2);
        assert_eq!(
            refused("{ things(first: 2001) { nodes { name } } }"),
            "cost"
        );
        assert_eq!(
            refused("{ things(first: 99999999999999999999) { nodes { name } } }"),
            "listNodes"
        );
        let nested = "{ things(first: 101) { nodes { things(first: 100) { nodes { name } } } } }";
        assert_eq!(refused(nested), "listNodes");
    }

    /// What refuses a document of one operation `q`, by the limit's name.
    fn limit(query: &str, variables: serde_json::Value) -> Option<&'static str> {
        let variables = Variables::from_json(variables);
        match Guard::new(SDL, COST_MAX).admit(query, Some("q"), &variables) {
            Err(Refusal::TooComplex { limit, .. }) => Some(limit),
            Err(Refusal::Invalid(_)) | Ok(_) => None,
        }
    }

    /// Each limit lets its own figure pass, and not one more.
    #[test]
    fn every_limit_holds_at_its_edge() {
        type Make<'a> = &'a dyn Fn(usize) -> String;
        let times =
            |count, piece: &dyn Fn(usize) -> String| -> String { (0..count).map(piece).collect() };
        let q = |inner: String| format!("query q {{ {inner} }}");
        let nested = |count: usize, open: &str, inner: &str| {
            format!("{}{inner}{}", open.repeat(count), "}".repeat(count))
        };
        let edges: [(&str, usize, Make<'_>); 21] = [
            ("documentBytes", DOCUMENT_BYTES_MAX, &|n| {
                format!("query q{{n}}{}", " ".repeat(n - 10))
            }),
            ("tokens", TOKENS_MAX, &|n| "!".repeat(n)),
            ("nesting", NESTING_MAX, &|n| "{".repeat(n)),
            ("literalNesting", LITERAL_NESTING_MAX, &|n| {
                q(format!("n(a: {}{})", "[".repeat(n), "]".repeat(n)))
            }),
            ("listLength", LITERAL_LIST_MAX, &|n| {
                q(format!("n(a: [{}])", "1 ".repeat(n)))
            }),
            ("depth", DEPTH_MAX, &|n| q(nested(n - 1, "a{", "n"))),
            ("depth", INTROSPECTION_DEPTH_MAX, &|n| {
                q(nested(n - 2, "a{", "n").replacen("a{", "__schema{a{", 1) + "}")
            }),
            ("selectionSets", SETS_MAX, &|n| {
                // A field without a set counts as one.
                q(nested(n - 2, "...on Query{", "n"))
            }),
            ("introspectionLists", INTROSPECTION_LISTS_MAX, &|n| {
                q(format!("__schema {{ {} }}", nested(n, "fields{", "name")))
            }),
            ("expandedSelections", SELECTIONS_MAX, &|n| {
                q(format!("x {{ {} }}", "n ".repeat(n - 1)))
            }),
            // The operation 1, `b` 100, nine fragments of 404 each, `r` the rest.
            ("documentSelections", DOCUMENT_SELECTIONS_MAX, &|n| {
                let b = format!("fragment b on Query {{ {} }} ", "n ".repeat(100));
                let four = |it| format!("fragment f{it} on Query {{ ...b ...b ...b ...b }} ");
                let rest = "n ".repeat(n - 1 - 100 - 9 * 404);
                let nine = times(9, &four);
                format!("query q {{ n }} {b}{nine} fragment r on Query {{ {rest} }}")
            }),
            ("aliases", ALIASES_MAX, &|n| {
                q(format!("x {{ {} }}", times(n, &|it| format!("a{it}: n "))))
            }),
            ("directives", DIRECTIVES_MAX, &|n| {
                q(format!("n {}", "@x ".repeat(n)))
            }),
            ("arguments", ARGUMENTS_MAX, &|n| {
                q(format!("n({})", times(n, &|it| format!("a{it}: 1 "))))
            }),
            ("fragments", FRAGMENTS_MAX, &|n| {
                let fragment = |it| format!("fragment f{it} on Query {{ n }} ");
                q("n".to_owned()) + &times(n, &fragment)
            }),
            ("operations", OPERATIONS_MAX, &|n| {
                q("n".to_owned()) + &times(n - 1, &|it| format!("query q{it} {{ n }} "))
            }),
            ("variables", VARIABLES_MAX, &|n| {
                let list = times(n, &|it| format!("$v{it}: Int "));
                format!("query q({list}) {{ n }}")
            }),
            ("variablesList", VARIABLES_LIST_MAX, &|n| {
                format!("query q($v: [Int] = [{}]) {{ n }}", "1 ".repeat(n))
            }),
            ("rootFields", ROOT_FIELDS_MAX, &|n| q("n ".repeat(n))),
            ("listNodes", LIST_NODES_MAX, &|n| {
                let inner = format!("things(first: {}) {{ nodes {{ name }} }}", n - 1);
                q(format!("things(first: 1) {{ nodes {{ {inner} }} }}"))
            }),
            ("cost", COST_MAX as usize, &|n| {
                q(format!("things(first: {}) {{ nodes {{ name }} }}", n - 1))
            }),
        ];
        let none = || serde_json::json!({});
        for (name, max, make) in edges {
            assert_ne!(limit(&make(max), none()), Some(name), "{max}");
            assert_eq!(limit(&make(max + 1), none()), Some(name), "{max}");
        }
        let list = |items: usize| serde_json::json!({ "v": vec![0; items] });
        let deep = |depth: usize| {
            (1..depth).fold(serde_json::json!([]), |inner, _| serde_json::json!([inner]))
        };
        let deep = |depth| serde_json::json!({ "v": deep(depth) });
        for (name, fits, more) in [
            (
                "variablesList",
                list(VARIABLES_LIST_MAX),
                list(VARIABLES_LIST_MAX + 1),
            ),
            (
                "variablesDepth",
                deep(VARIABLES_DEPTH_MAX),
                deep(VARIABLES_DEPTH_MAX + 1),
            ),
        ] {
            assert_eq!(limit("query q { n }", fits), None);
            assert_eq!(limit("query q { n }", more), Some(name));
        }
        let body = |text: &str| match scan_body(text.as_bytes()) {
            Err(Refusal::TooComplex { limit, .. }) => Some(limit),
            Err(Refusal::Invalid(_)) | Ok(()) => None,
        };
        // A bracket is a value, and so is what follows a comma.
        assert_eq!(body(&format!("[{}", ",".repeat(BODY_VALUES_MAX - 1))), None);
        let many = format!("[{}", ",".repeat(BODY_VALUES_MAX));
        assert_eq!(body(&many), Some("bodyValues"));
        assert_eq!(body(&"[".repeat(VARIABLES_DEPTH_MAX + 2)), None);
        let deep = "[".repeat(VARIABLES_DEPTH_MAX + 3);
        assert_eq!(body(&deep), Some("variablesDepth"));
        assert_eq!(refused("mutation { a }"), "admitted");
        assert_eq!(refused("subscription { a }"), "admitted");
    }
}
