//! The order of an answer's fields. async-graphql 7.2.1 puts a field where it was done; the specification wants
//! the order of the selection (7.2.2), which people read and some clients rely on.
//!
//! Fields of one object that stand under different type conditions are taken together, in the order of the text.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The keys of an answer's object in their order, each with the order below it.
#[derive(Default)]
struct Order<'a>(IndexMap<&'a str, Self>);

impl<'a> Order<'a> {
    fn gather(&mut self, document: &'a ExecutableDocument, set: &'a SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    let below = self.0.entry(key).or_default();
                    below.gather(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.gather(document, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let named = document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = named {
                        self.gather(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn arrange(&self, value: &mut Value) {
        match value {
            Value::Object(object) if !self.0.is_empty() => {
                let ordered = object.keys().map(Name::as_str).eq(self.0.keys().copied());
                if !ordered {
                    let mut arranged = IndexMap::with_capacity(object.len());
                    for key in self.0.keys() {
                        if let Some((key, value)) = object.swap_remove_entry(*key) {
                            arranged.insert(key, value);
                        }
                    }
                    *object = arranged;
                }
                for (key, value) in object {
                    if let Some(below) = self.0.get(key.as_str()) {
                        below.arrange(value);
                    }
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            _ => {}
        }
    }
}

/// Puts an operation's answer into the order of its selection. The document was admitted, so the guard has
/// bounded what its fragments come to.
pub fn arrange(answer: &mut Value, document: &ExecutableDocument, selection: &SelectionSet) {
    let mut order = Order::default();
    order.gather(document, selection);
    order.arrange(answer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    #[test]
    fn fields_stand_as_they_were_selected() {
        let query = "{ b { y ...f list { two one } } a: x b { z } }  fragment f on B { n y }";
        let document = parse_query(query).expect("a document");
        let operation = crate::guard::operation(&document, None).expect("an operation");
        let mut answer = value!({
            "a": 1,
            "b": { "z": 1, "list": [{ "one": 1, "two": { "kept": 1, "as_it": 2 } }, { "two": null }, null], "n": 2, "y": 3 },
        });
        arrange(&mut answer, &document, &operation.selection_set.node);
        let expected = r#"{"b":{"y":3,"n":2,"list":[{"two":{"kept":1,"as_it":2},"one":1},{"two":null},null],"z":1},"a":1}"#;
        assert_eq!(serde_json::to_string(&answer).expect("JSON"), expected);
    }
}
