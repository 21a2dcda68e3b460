//! The route as a picture (办理路线): drawn from the table of lawful transitions, with the way this
//! claim has gone and where it stands.

use engine::Recorded;
use lifecycle::{Claim, Phase, Status, TABLE};
use maud::{Markup, PreEscaped, html};
use std::collections::{HashMap, VecDeque};

const COLUMN: i32 = 100;
const MARGIN: i32 = 56;
const MAIN_Y: i32 = 128;
const SIDE_Y: i32 = 218;
const SIDE_STEP: i32 = 58;
/// A side exit hangs between its station and the next.
const SIDE_X: i32 = 34;
/// Ways from and to distant side exits run between the columns.
const LANE_X: i32 = 47;
const RADIUS: i32 = 9;
/// Width of the part that a narrow screen shows first.
const CLOSE_UP: i32 = 360;

/// The main line: the shortest lawful way from nothing to the archive.
pub(super) fn main_line() -> Vec<Status> {
    let mut before: HashMap<Status, Option<Status>> = HashMap::new();
    let mut queue: VecDeque<Option<Status>> = VecDeque::from([None]);
    while let Some(from) = queue.pop_front() {
        for row in TABLE.iter().filter(|row| row.from == from) {
            before.entry(row.to).or_insert_with(|| {
                queue.push_back(Some(row.to));
                from
            });
        }
    }
    let mut line = Vec::new();
    let mut at = Some(Status::Closed);
    while let Some(status) = at {
        line.push(status);
        at = before.get(&status).copied().flatten();
    }
    line.reverse();
    line
}

/// The statuses a history went through; a repeated one counts once in a row.
pub(super) fn visited(history: &[Recorded]) -> Vec<Status> {
    let mut events = history.iter().map(|entry| &entry.event);
    let Some(mut claim) = events.next().and_then(Claim::begin) else {
        return Vec::new();
    };
    let mut statuses = vec![claim.status()];
    for event in events {
        claim = claim.apply(event);
        if statuses.last() != Some(&claim.status()) {
            statuses.push(claim.status());
        }
    }
    statuses
}

/// A place on the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    x: i32,
    y: i32,
    column: i32,
    /// The row of a side exit, from 0; `None` on the main line.
    side: Option<i32>,
}

struct Map {
    spots: Vec<(Status, Spot)>,
    line: Vec<Status>,
}

fn leads(from: Status, to: Status) -> bool {
    TABLE
        .iter()
        .any(|row| row.from == Some(from) && row.to == to)
}

impl Map {
    fn draw() -> Self {
        let line = main_line();
        let mut spots: Vec<(Status, Spot)> = (0..)
            .zip(&line)
            .map(|(column, status)| {
                let x = MARGIN + column * COLUMN;
                let spot = Spot {
                    x,
                    y: MAIN_Y,
                    column,
                    side: None,
                };
                (*status, spot)
            })
            .collect();
        // A side exit stands below the emptiest station of its phase that leads to it, or below the
        // side exit that leads to it, or at its phase's first station.
        for status in Status::ALL.iter().filter(|it| !line.contains(it)) {
            let of_phase = |other: &Status| other.phase() == status.phase();
            let taken = |column: i32| {
                let below = spots
                    .iter()
                    .filter(|(_, spot)| spot.side.is_some() && spot.column == column);
                i32::try_from(below.count()).unwrap_or(0)
            };
            let column = spots
                .iter()
                .filter(|(other, spot)| {
                    of_phase(other) && spot.side.is_none() && leads(*other, *status)
                })
                .map(|(_, spot)| spot.column)
                .min_by_key(|column| taken(*column))
                .or_else(|| {
                    let mut sides = spots.iter().filter(|(_, spot)| spot.side.is_some());
                    sides
                        .find(|(other, _)| leads(*other, *status))
                        .map(|(_, spot)| spot.column)
                })
                .or_else(|| {
                    spots
                        .iter()
                        .find(|(other, _)| of_phase(other))
                        .map(|(_, spot)| spot.column)
                })
                .unwrap_or(0);
            let row = taken(column);
            let spot = Spot {
                x: MARGIN + column * COLUMN + SIDE_X,
                y: SIDE_Y + row * SIDE_STEP,
                column,
                side: Some(row),
            };
            spots.push((*status, spot));
        }
        Self { spots, line }
    }

    fn spot(&self, status: Status) -> Option<Spot> {
        let mut spots = self.spots.iter();
        spots
            .find(|(other, _)| *other == status)
            .map(|(_, spot)| *spot)
    }

    /// Whether a step goes on along the main line, where direction needs no arrow.
    fn follows(&self, from: Status, to: Status) -> bool {
        self.line.windows(2).any(|pair| pair == [from, to])
    }

    fn width(&self) -> i32 {
        // The last band ends as far from the edge as the first begins.
        COLUMN * i32::try_from(self.line.len()).unwrap_or(1) + (MARGIN - COLUMN / 2) * 2
    }

    fn height(&self) -> i32 {
        self.spots
            .iter()
            .map(|(_, spot)| spot.y)
            .max()
            .unwrap_or(MAIN_Y)
            + 44
    }

    /// First and last column of a phase on the main line.
    fn columns(&self, phase: Phase) -> Option<(i32, i32)> {
        let columns = || {
            (0..)
                .zip(&self.line)
                .filter(|(_, it)| it.phase() == phase)
                .map(|(column, _)| column)
        };
        Some((columns().min()?, columns().max()?))
    }

    /// The branch by which a side exit is reached, as it is drawn when nobody took it.
    fn branch(&self, status: Status, spot: Spot) -> Option<String> {
        let row = spot.side?;
        let above = self.spots.iter().find(|(other, it)| {
            it.side == Some(row - 1) && it.column == spot.column && leads(*other, status)
        });
        if let Some((_, above)) = above {
            return Some(format!(
                "M{} {} V{}",
                above.x,
                above.y + RADIUS,
                spot.y - RADIUS
            ));
        }
        let station = spot.x - SIDE_X;
        Some(format!(
            "M{station} {MAIN_Y} H{} Q{} {MAIN_Y} {} {} V{}",
            spot.x - 14,
            spot.x,
            spot.x,
            MAIN_Y + 14,
            spot.y - RADIUS
        ))
    }

    /// The way from one status to the next, as it was gone.
    fn way(&self, from: Status, to: Status) -> Option<String> {
        let (start, end) = (self.spot(from)?, self.spot(to)?);
        Some(match (start.side, end.side) {
            (None, None) if end.column == start.column + 1 => {
                format!("M{} {MAIN_Y} H{}", start.x, end.x - RADIUS)
            }
            (None, None) => {
                // Back (or a leap ahead): an arc above the line, the higher the farther.
                let rise = MAIN_Y - 26 - 7 * (start.column - end.column).abs();
                format!(
                    "M{} {} C{} {rise} {} {rise} {} {}",
                    start.x,
                    MAIN_Y - RADIUS,
                    start.x - 12,
                    end.x + 12,
                    end.x,
                    MAIN_Y - RADIUS - 2
                )
            }
            (None, Some(_)) if end.column == start.column => self.branch(to, end)?,
            (Some(row), Some(next)) if start.column == end.column && next == row + 1 => {
                format!("M{} {} V{}", start.x, start.y + RADIUS, end.y - RADIUS)
            }
            (None, Some(_)) => {
                let down = start.x + LANE_X;
                let lane = end.y + 24;
                let turn = if end.x < down { -10 } else { 10 };
                format!(
                    "M{} {MAIN_Y} Q{down} {MAIN_Y} {down} {} V{} Q{down} {lane} {} {lane} H{} Q{} {lane} {} {} V{}",
                    start.x,
                    MAIN_Y + 30,
                    lane - 10,
                    down + turn,
                    end.x - turn,
                    end.x,
                    end.x,
                    lane - 10,
                    end.y + RADIUS + 2
                )
            }
            (Some(_), None) => {
                let up = end.x - LANE_X;
                let lane = start.y + 24;
                let turn = if up < start.x { -10 } else { 10 };
                format!(
                    "M{} {} V{} Q{} {lane} {} {lane} H{} Q{up} {lane} {up} {} V{} Q{up} {MAIN_Y} {} {MAIN_Y} H{}",
                    start.x,
                    start.y + RADIUS,
                    lane - 10,
                    start.x,
                    start.x + turn,
                    up - turn,
                    lane - 10,
                    MAIN_Y + 14,
                    up + 14,
                    end.x - RADIUS - 2
                )
            }
            (Some(_), Some(_)) => {
                let bend = start.x.midpoint(end.x);
                format!(
                    "M{} {} C{bend} {} {bend} {} {} {}",
                    start.x, start.y, start.y, end.y, end.x, end.y
                )
            }
        })
    }
}

/// The picture, with the same said in words.
pub(super) fn render(history: &[Recorded]) -> Markup {
    let gone = visited(history);
    let Some(live) = gone.last().copied() else {
        return html! {};
    };
    let map = Map::draw();
    let (width, height) = (map.width(), map.height());
    let words: Vec<&str> = gone.iter().map(|status| status.zh()).collect();
    let words = words.join(" → ");
    // On a narrow screen the part around the live position comes first, then the whole to scroll.
    let here = map.spot(live).map_or(0, |spot| spot.x) - CLOSE_UP / 2;
    let here = here.clamp(0, (width - CLOSE_UP).max(0));
    html! {
        figure.route {
            svg.close-up viewBox=(format!("{here} 0 {CLOSE_UP} {height}")) aria-hidden="true" {
                use href="#route-drawing" {}
            }
            div.scroll tabindex="0" role="group" aria-label="办理路线图,可左右滚动" {
                svg viewBox=(format!("0 0 {width} {height}")) role="img" aria-labelledby="route-title route-words" {
                    title #route-title { "办理路线:现在" (live.zh()) }
                    desc #route-words { "经过:" (words) }
                    (PreEscaped(ARROW))
                    // The class stands here again: what `use` shows knows no ancestor outside the drawing.
                    g.route #route-drawing {
                    @for phase in Phase::ALL { (band(&map, *phase, live.phase(), height)) }
                    @for pair in map.line.windows(2) {
                        @if let (Some(one), Some(two)) = (map.spot(pair[0]), map.spot(pair[1])) {
                            path.rail d=(format!("M{} {MAIN_Y} H{}", one.x, two.x)) {}
                        }
                    }
                    @for (status, spot) in &map.spots {
                        @if let Some(path) = map.branch(*status, *spot) { path.rail.side d=(path) {} }
                    }
                    @for pair in gone.windows(2) {
                        @if let Some(path) = map.way(pair[0], pair[1]) {
                            path.gone d=(path) marker-end=[(!map.follows(pair[0], pair[1])).then_some("url(#arrow)")] {}
                        }
                    }
                    @for (status, spot) in &map.spots { (station(*status, *spot, &gone, live)) }
                    }
                }
            }
            figcaption {
                span.key.gone-key { "走过" }
                span.key.live-key { "现在:" (live.zh()) }
                span.key.rail-key { "可走" }
                span.key.end-key { "方形为终点" }
                span.words { "经过:" (words) }
            }
        }
    }
}

const ARROW: &str = r#"<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="3.2" markerHeight="3.2" orient="auto-start-reverse"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>"#;

fn band(map: &Map, phase: Phase, live: Phase, height: i32) -> Markup {
    let Some((first, last)) = map.columns(phase) else {
        return html! {};
    };
    let x = MARGIN + first * COLUMN - COLUMN / 2 + 3;
    let width = (last - first + 1) * COLUMN - 6;
    html! {
        rect.band.here[phase == live] x=(x) y="6" width=(width) height=(height - 12) rx="10" {}
        text.phase x=(x + width / 2) y="32" { (phase.zh()) }
        text.phase-en x=(x + width / 2) y="50" { (super::words::phase_en(phase)) }
    }
}

fn station(status: Status, spot: Spot, gone: &[Status], live: Status) -> Markup {
    let is_end = status.is_final() || status == Status::Closed;
    let class = if status == live {
        "station live"
    } else if gone.contains(&status) {
        "station passed"
    } else {
        "station"
    };
    let Spot { x, y, .. } = spot;
    html! {
        g class=(class) {
            title { (status.zh()) " " (status.code()) }
            @if status == live { circle.halo cx=(x) cy=(y) r=(RADIUS + 7) {} }
            @if is_end {
                rect x=(x - RADIUS) y=(y - RADIUS) width=(RADIUS * 2) height=(RADIUS * 2) rx="2" {}
            } @else {
                circle cx=(x) cy=(y) r=(RADIUS) {}
            }
            @if spot.side.is_some() {
                text.beside x=(x - RADIUS - 9) y=(y + 5) { (status.zh()) }
            } @else {
                text x=(x) y=(y + 34) { (status.zh()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, main_line};
    use lifecycle::Status as S;
    use lifecycle::{Status, TABLE};

    #[test]
    fn the_main_line_is_the_shortest_way_to_the_archive() {
        let expected = [
            S::Draft,
            S::Referred,
            S::Accepted,
            S::Verifying,
            S::Verified,
            S::NoticeOpen,
            S::NoticeClosed,
            S::Approved,
            S::Instructed,
            S::Paid,
            S::Closed,
        ];
        assert_eq!(main_line(), expected);
    }

    #[test]
    fn every_status_has_a_spot_of_its_own_and_every_transition_a_way() {
        let map = Map::draw();
        for status in Status::ALL {
            let spot = map
                .spot(*status)
                .unwrap_or_else(|| panic!("{status} has no spot"));
            let sharing = map
                .spots
                .iter()
                .filter(|(_, it)| (it.x, it.y) == (spot.x, spot.y));
            assert_eq!(sharing.count(), 1, "{status}");
            assert!(
                spot.x + 20 < map.width() && spot.y + 20 < map.height(),
                "{status}"
            );
        }
        for row in TABLE {
            if let Some(from) = row.from.filter(|from| *from != row.to) {
                assert!(map.way(from, row.to).is_some(), "{from} to {}", row.to);
            }
        }
    }
}
