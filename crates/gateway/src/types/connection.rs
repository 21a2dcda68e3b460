//! Relay connections: one shape for every list that grows.
//!
//! A page is cut by a key of its rows, never by an offset, so a row that comes or goes neither
//! shifts nor repeats another (failure 15). A list that only ever grows at its end (a history, the
//! documents of a claim) has the place in it as key.

use crate::cursor::Binding;
use crate::errors::ApiError;
use crate::types::claim::ClaimNode;
use async_graphql::{OutputType, SimpleObject, TypeName};
use engine::Page;
use engine::limits::PAGE_MAX;
use lifecycle::Claim;
use std::borrow::Cow;

/// Where a page begins and ends.
#[derive(SimpleObject, Debug, Clone)]
pub struct PageInfo {
    /// Whether more rows follow this page, as far as the direction of paging tells.
    pub has_next_page: bool,
    /// Whether more rows stand before this page, as far as the direction of paging tells.
    pub has_previous_page: bool,
    /// The first row's cursor: `before` for the page before.
    pub start_cursor: Option<String>,
    /// The last row's cursor: `after` for the next page.
    pub end_cursor: Option<String>,
}

/// A row of a list.
#[derive(SimpleObject, Clone)]
#[graphql(name_type)]
pub struct Edge<T: OutputType + Clone> {
    /// The row.
    node: T,
    /// Its cursor: opaque, and valid only for the same list under the same filter.
    cursor: String,
}

impl<T: OutputType + Clone> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page of a list, in ascending order of the rows' keys.
#[derive(SimpleObject, Clone)]
#[graphql(name_type)]
pub struct Connection<T: OutputType + Clone> {
    /// The rows with their cursors.
    edges: Vec<Edge<T>>,
    /// The rows without.
    nodes: Vec<T>,
    /// Where the page begins and ends.
    page_info: PageInfo,
}

impl<T: OutputType + Clone> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// A page of claims, by claim number.
pub type ClaimConnection = Connection<ClaimNode>;

/// The arguments of a connection.
#[derive(Debug)]
pub struct PageArgs {
    /// Rows from the beginning.
    pub first: Option<i32>,
    /// Rows after this cursor.
    pub after: Option<String>,
    /// Rows from the end.
    pub last: Option<i32>,
    /// Rows before this cursor.
    pub before: Option<String>,
}

impl PageArgs {
    /// The page they name.
    pub fn parse(self, binding: &Binding) -> Result<Page, ApiError> {
        let Self {
            first,
            after,
            last,
            before,
        } = self;
        let (size, from_end) = match (first, last) {
            (Some(first), None) => (first, false),
            (None, Some(last)) => (last, true),
            (None, None) | (Some(_), Some(_)) => {
                return Err(ApiError::invalid("give exactly one of first and last"));
            }
        };
        Ok(Page {
            size: page_size(size)?,
            after: after.map(|it| binding.key(&it)).transpose()?,
            before: before.map(|it| binding.key(&it)).transpose()?,
            from_end,
        })
    }
}

/// A page size of 1 to 100.
fn page_size(size: i32) -> Result<u32, ApiError> {
    u32::try_from(size)
        .ok()
        .filter(|size| (1..=PAGE_MAX).contains(size))
        .ok_or_else(|| ApiError::invalid("a page has 1 to 100 rows"))
}

/// The places of a page in a list that only grows at its end: those after one, up to and with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Places after this one, counted from 1.
    pub after: u32,
    /// Up to and with this place.
    pub upto: u32,
    /// Whether there are more beyond the end that was asked for.
    pub more: bool,
}

impl Window {
    /// The key of a place, which sorts as the places do.
    pub fn key(place: u32) -> String {
        format!("{place:010}")
    }

    /// The places of a page in a list of this length.
    pub fn of(length: u32, page: &Page) -> Self {
        let place = |key: &String| key.parse::<u32>().unwrap_or(0);
        let low = page.after.as_ref().map_or(0, place).min(length);
        let before = page.before.as_ref().map(place);
        let high = before.map_or(length, |it| it.saturating_sub(1).min(length));
        let high = high.max(low);
        if page.from_end {
            let after = low.max(high.saturating_sub(page.size));
            Self {
                after,
                upto: high,
                more: after > low,
            }
        } else {
            let upto = high.min(low.saturating_add(page.size));
            Self {
                after: low,
                upto,
                more: upto < high,
            }
        }
    }
}

impl<T: OutputType + Clone> Connection<T> {
    /// A page of rows with their keys; `more` is whether there are more beyond the end asked for.
    pub fn of(
        rows: impl IntoIterator<Item = (String, T)>,
        more: bool,
        page: &Page,
        binding: &Binding,
    ) -> Self {
        let edges: Vec<Edge<T>> = rows
            .into_iter()
            .map(|(key, node)| Edge {
                cursor: binding.cursor(&key),
                node,
            })
            .collect();
        let (has_next_page, has_previous_page) = if page.from_end {
            (page.before.is_some(), more)
        } else {
            (more, page.after.is_some())
        };
        let cursor = |edge: Option<&Edge<T>>| edge.map(|edge| edge.cursor.clone());
        Self {
            page_info: PageInfo {
                has_next_page,
                has_previous_page,
                start_cursor: cursor(edges.first()),
                end_cursor: cursor(edges.last()),
            },
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            edges,
        }
    }

    /// A page of rows that are all at hand, in ascending order of their keys.
    pub fn of_keyed(rows: Vec<(String, T)>, page: &Page, binding: &Binding) -> Self {
        let mut within: Vec<(String, T)> = rows
            .into_iter()
            .filter(|(key, _)| page.after.as_ref().is_none_or(|it| key > it))
            .filter(|(key, _)| page.before.as_ref().is_none_or(|it| key < it))
            .collect();
        let size = usize::try_from(page.size).unwrap_or(usize::MAX);
        let more = within.len() > size;
        if page.from_end {
            within.drain(..within.len().saturating_sub(size));
        } else {
            within.truncate(size);
        }
        Self::of(within, more, page, binding)
    }

    /// A page of a list that only grows at its end and is all at hand.
    pub fn of_grown<U>(list: &[U], page: &Page, binding: &Binding) -> Self
    where
        T: for<'a> From<&'a U>,
    {
        let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let window = Window::of(length, page);
        let rows = (window.after..window.upto).filter_map(|index| {
            let row = list.get(usize::try_from(index).ok()?)?;
            Some((Window::key(index + 1), T::from(row)))
        });
        Self::of(rows, window.more, page, binding)
    }

    /// The same page, reaching up to a cursor further on (rows in between did not belong to the list).
    #[must_use]
    pub fn reaching(mut self, cursor: Option<String>, from_end: bool) -> Self {
        if cursor.is_some() {
            if from_end {
                self.page_info.start_cursor = cursor;
            } else {
                self.page_info.end_cursor = cursor;
            }
        }
        self
    }
}

/// A page of claims.
pub fn claims(rows: Vec<Claim>, more: bool, page: &Page, binding: &Binding) -> ClaimConnection {
    let rows = rows
        .into_iter()
        .map(|claim| (claim.number.clone(), ClaimNode::from(claim)));
    Connection::of(rows, more, page, binding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: u32, after: Option<u32>, before: Option<u32>, from_end: bool) -> Page {
        Page {
            size,
            after: after.map(Window::key),
            before: before.map(Window::key),
            from_end,
        }
    }

    /// Failure 15: walking forward or backward through a list that grows meanwhile sees each row once.
    #[test]
    fn a_window_neither_skips_nor_repeats() {
        for size in 1..=7 {
            let (mut seen, mut length, mut at) = (Vec::new(), 10, None);
            loop {
                let window = Window::of(length, &page(size, at, None, false));
                seen.extend(window.after + 1..=window.upto);
                if !window.more {
                    break;
                }
                at = Some(window.upto);
                length = (length + 1).min(15);
            }
            assert_eq!(seen, (1..=length).collect::<Vec<_>>(), "{size}");
            let (mut seen, mut at) = (Vec::new(), None);
            loop {
                let window = Window::of(15, &page(size, None, at, true));
                seen.splice(0..0, window.after + 1..=window.upto);
                if !window.more {
                    break;
                }
                at = Some(window.after + 1);
            }
            assert_eq!(seen, (1..=15).collect::<Vec<_>>(), "{size} from the end");
        }
    }

    #[test]
    fn a_window_of_nothing_is_empty() {
        for args in [
            page(5, None, None, false),
            page(5, Some(9), None, false),
            page(5, Some(3), Some(2), true),
            page(5, None, Some(0), false),
        ] {
            let window = Window::of(0, &args);
            assert_eq!((window.after, window.upto, window.more), (0, 0, false));
        }
    }
}
