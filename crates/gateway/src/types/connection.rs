//! The Relay connection of claims.

use crate::cursor::Binding;
use crate::types::claim::ClaimNode;
use async_graphql::SimpleObject;
use lifecycle::Claim;

/// Where a page begins and ends.
#[derive(SimpleObject, Debug, Clone)]
pub struct PageInfo {
    /// Whether more rows follow this page, as far as the direction of paging tells.
    pub has_next_page: bool,
    /// Whether more rows stand before this page, as far as the direction of paging tells.
    pub has_previous_page: bool,
    /// The first row's cursor.
    pub start_cursor: Option<String>,
    /// The last row's cursor: `after` for the next page.
    pub end_cursor: Option<String>,
}

/// A claim in a list.
#[derive(SimpleObject, Clone)]
pub struct ClaimEdge {
    /// The claim.
    node: ClaimNode,
    /// Its cursor: opaque, and valid only with the same filter.
    cursor: String,
}

/// A page of claims, in ascending order of claim number.
#[derive(SimpleObject, Clone)]
pub struct ClaimConnection {
    /// The claims with their cursors.
    edges: Vec<ClaimEdge>,
    /// The claims without.
    nodes: Vec<ClaimNode>,
    /// Where the page begins and ends.
    page_info: PageInfo,
}

impl ClaimConnection {
    /// A page of these rows.
    pub fn new(rows: Vec<Claim>, binding: &Binding, has_next: bool, has_previous: bool) -> Self {
        let edges: Vec<ClaimEdge> = rows
            .into_iter()
            .map(|claim| ClaimEdge {
                cursor: binding.cursor(&claim.number),
                node: ClaimNode::from(claim),
            })
            .collect();
        let cursor = |edge: Option<&ClaimEdge>| edge.map(|edge| edge.cursor.clone());
        Self {
            page_info: PageInfo {
                has_next_page: has_next,
                has_previous_page: has_previous,
                start_cursor: cursor(edges.first()),
                end_cursor: cursor(edges.last()),
            },
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            edges,
        }
    }

    /// The same page, ending at a cursor further on (rows in between did not belong to the list).
    #[must_use]
    pub fn ending_at(mut self, cursor: Option<String>) -> Self {
        if cursor.is_some() {
            self.page_info.end_cursor = cursor;
        }
        self
    }
}
