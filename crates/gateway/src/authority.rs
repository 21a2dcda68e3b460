//! The table of authority at this door: asked once for a document, before anything is executed.

use crate::errors::{ApiError, ErrorCode};
use crate::nulls::Shapes;
use async_graphql::ServerError;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use engine::Caller;
use engine::authority::{Denied, Place, TABLE, permit, row};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The sensitive fields by their name alone: most fields of a document are none.
static SENSITIVE: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut types: HashMap<_, Vec<_>> = HashMap::new();
    let fields = TABLE.iter().filter(|row| row.place == Place::Field);
    for (of, field) in fields.filter_map(|row| row.name.split_once('.')) {
        types.entry(field).or_default().push(of);
    }
    types
});

/// What the door itself knows.
#[derive(Debug)]
pub struct Door<'a> {
    /// The types of the schema's fields.
    pub shapes: &'a Shapes,
    /// Whether the configuration shows the schema to anybody.
    pub open_schema: bool,
}

/// Whether a caller may execute an operation: every root field and every sensitive field in it is
/// looked up. The work is linear in the document: a fragment is read once. A field that `@skip` or
/// `@include` leaves out is asked for all the same.
pub fn admit(
    door: &Door<'_>,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    caller: Option<&Caller>,
) -> Result<(), ServerError> {
    let root = match operation.ty {
        OperationType::Query => Place::Query,
        OperationType::Mutation => Place::Mutation,
        OperationType::Subscription => Place::Subscription,
    };
    let mut walk = Walk {
        shapes: door.shapes,
        open_schema: door.open_schema,
        document,
        caller,
        root,
        root_type: Shapes::root(operation.ty),
        read: HashSet::new(),
    };
    walk.set(&operation.selection_set.node, walk.root_type)
}

struct Walk<'a> {
    shapes: &'a Shapes,
    open_schema: bool,
    document: &'a ExecutableDocument,
    caller: Option<&'a Caller>,
    root: Place,
    root_type: &'static str,
    read: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, parent: &'a str) -> Result<(), ServerError> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    self.field(parent, name)?;
                    let below = &field.node.selection_set.node;
                    let of = self.shapes.type_of(parent, name);
                    if let Some(of) = of.filter(|_| !below.items.is_empty()) {
                        self.set(below, of)?;
                    }
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let on = on.map_or(parent, |on| on.node.on.node.as_str());
                    self.set(&inline.node.selection_set.node, on)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if self.read.insert(name.as_str()) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(&fragment.node.selection_set.node, on)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&self, parent: &str, name: &str) -> Result<(), ServerError> {
        if parent == self.root_type {
            if self.open_schema && matches!(name, "__schema" | "__type") {
                return Ok(());
            }
            // A field that the schema lacks is the validation's to refuse.
            let known = name.starts_with("__") || self.shapes.type_of(parent, name).is_some();
            return if known {
                self.ask(self.root, name)
            } else {
                Ok(())
            };
        }
        let sensitive = SENSITIVE.get(name);
        if sensitive.is_some_and(|types| types.contains(&parent)) {
            self.ask(Place::Field, &format!("{parent}.{name}"))?;
        }
        Ok(())
    }

    fn ask(&self, place: Place, name: &str) -> Result<(), ServerError> {
        permit(self.caller, row(place, name)).map_err(|denied| refused(denied, name, self.caller))
    }
}

/// The refusal. It names the operation, which the client wrote itself, and nothing it could see.
fn refused(denied: Denied, operation: &str, caller: Option<&Caller>) -> ServerError {
    let account = caller.map(|caller| caller.account.to_string());
    let (code, message) = match denied {
        Denied::Anonymous => (ErrorCode::Unauthenticated, "sign in first"),
        Denied::Duty => (ErrorCode::Forbidden, "your duties do not allow this"),
        Denied::Grant(_) => (
            ErrorCode::Forbidden,
            "this credential was not opened for this",
        ),
        Denied::SecondFactor => (
            ErrorCode::SecondFactorRequired,
            "this wants a second factor: sign in with it, or enrol one first (enrolSecondFactor, or /account) and sign in again",
        ),
        Denied::Unlisted => {
            tracing::error!(operation, "no row in engine::authority::TABLE");
            (ErrorCode::Forbidden, "nobody may do this")
        }
    };
    tracing::warn!(operation, account, code = code.code(), "denied");
    let mut error = ApiError::new(code, message).into_server_error();
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("operation", operation);
    if let Denied::Grant(grant) = denied {
        extensions.set("grant", grant.code());
    }
    error
}

/// `graphql/authority.md`: the table as people read it.
pub fn authority_markdown() -> String {
    use engine::authority::{Reach, Who};
    use lifecycle::Duty;
    use std::fmt::Write as _;
    let mut text = String::from(
        "# Authority 权限\n\n\
         Generated from `crates/engine/src/authority.rs`; a test holds that it is fresh. Who could ever do what; which\n\
         duty of a county gives a command is in its scheme, within these. A field of `Query`, `Mutation` or\n\
         `Subscription` without a row is answered `FORBIDDEN`, and so is whoever lacks duty or grant; what lies out of\n\
         reach is `NOT_FOUND`, as if it did not exist.\n\n",
    );
    let heads: Vec<&str> = Duty::ALL.iter().map(|duty| duty.zh()).collect();
    let places = [
        (Place::Query, "Queries"),
        (Place::Mutation, "Mutations"),
        (Place::Subscription, "Subscriptions"),
        (Place::Node, "Node types"),
        (Place::Field, "Sensitive fields"),
        (Place::Export, "Exports"),
        (Place::Page, "Pages of the console"),
    ];
    for (place, title) in places {
        let mut rows = TABLE.iter().filter(|row| row.place == place).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "## {title}\n");
        let _ = writeln!(
            text,
            "| operation | {} | grant | reach | money |",
            heads.join(" | ")
        );
        let _ = writeln!(text, "|---|{}---|---|---|", "---|".repeat(heads.len()));
        for row in rows {
            let marks: Vec<&str> =
                Duty::ALL
                    .iter()
                    .map(|duty| match row.who {
                        Who::Anyone => "anyone",
                        Who::SignedIn | Who::Holders(_) | Who::Command(_) => {
                            if row.who.admits(*duty) { "x" } else { "" }
                        }
                    })
                    .collect();
            let reach = match row.reach {
                Reach::Nothing => "nothing",
                Reach::Own => "own account",
                Reach::Organisation => "own organisation",
                Reach::County => "county",
                Reach::Region => "region",
                Reach::Scheme => "county; insurer: its own",
                Reach::Pool => "whole county; insurer: its own",
                Reach::Claim => "region; insurer: its own",
                Reach::Household => "region; insurer: through its own claim",
                Reach::OfNode => "as the node",
            };
            let grant = match row.who {
                Who::Anyone => "",
                Who::SignedIn | Who::Holders(_) | Who::Command(_) => row.grant.code(),
            };
            let money = if row.money { "x" } else { "" };
            let _ = writeln!(
                text,
                "| `{}` | {} | {grant} | {reach} | {money} |",
                row.name,
                marks.join(" | ")
            );
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
