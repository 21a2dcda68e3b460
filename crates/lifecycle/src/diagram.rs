//! The state diagram as Mermaid text, drawn from the table: the README shows it, a test keeps it
//! fresh.

use crate::{Phase, Status, TABLE, Transition};
use std::fmt::Write;

/// The lawful transitions as a Mermaid `stateDiagram-v2`: a box per phase (阶段), an arrow per pair
/// of statuses, labelled with the codes of the commands that lead along it. It is drawn from
/// [`TABLE`] alone, so what it shows is what happens.
pub fn diagram() -> String {
    let mut out = String::from("stateDiagram-v2\n    direction TB\n");
    for phase in Phase::ALL {
        line(
            &mut out,
            1,
            &format!(
                "state \"{} {}\" as {}_PHASE {{",
                phase.code(),
                phase.zh(),
                phase.code()
            ),
        );
        for status in Status::ALL.iter().filter(|it| it.phase() == *phase) {
            line(
                &mut out,
                2,
                &format!("{0} : {0} {1}", status.code(), status.zh()),
            );
        }
        for arrow in arrows().filter(|arrow| arrow.within() == Some(*phase)) {
            line(&mut out, 2, &arrow.text());
        }
        line(&mut out, 1, "}");
    }
    for arrow in arrows().filter(|arrow| arrow.within().is_none()) {
        line(&mut out, 1, &arrow.text());
    }
    for status in Status::ALL.iter().filter(|it| it.is_final()) {
        line(&mut out, 1, &format!("{} --> [*]", status.code()));
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    let _ = writeln!(out, "{:1$}{text}", "", depth * 4);
}

/// All rows of the table between the same two statuses.
struct Arrow {
    from: Option<Status>,
    to: Status,
}

impl Arrow {
    /// The phase both ends belong to.
    fn within(&self) -> Option<Phase> {
        let from = self.from?.phase();
        (from == self.to.phase()).then_some(from)
    }

    fn text(&self) -> String {
        let mut codes: Vec<&str> = Vec::new();
        for row in TABLE.iter().filter(|row| self.is_along(**row)) {
            if !codes.contains(&row.command.code()) {
                codes.push(row.command.code());
            }
        }
        let from = self.from.map_or("[*]", Status::code);
        format!("{from} --> {} : {}", self.to.code(), codes.join(", "))
    }

    fn is_along(&self, row: Transition) -> bool {
        row.from == self.from && row.to == self.to
    }
}

/// The arrows, each once, in the table's order.
fn arrows() -> impl Iterator<Item = Arrow> {
    TABLE
        .iter()
        .enumerate()
        .map(|(place, row)| {
            (
                place,
                Arrow {
                    from: row.from,
                    to: row.to,
                },
            )
        })
        .filter(|(place, arrow)| !TABLE[..*place].iter().any(|row| arrow.is_along(*row)))
        .map(|(_, arrow)| arrow)
}

#[cfg(test)]
mod tests {
    use super::diagram;
    use crate::{CommandKind, Status, TABLE};

    #[test]
    fn the_diagram_shows_every_status_and_every_row_of_the_table() {
        let text = diagram();
        for status in Status::ALL {
            let shown = format!("{0} : {0} {1}\n", status.code(), status.zh());
            assert_eq!(text.matches(&shown).count(), 1, "{status}");
        }
        for command in CommandKind::ALL {
            assert!(text.contains(command.code()), "{command}");
        }
        for row in TABLE {
            let from = row.from.map_or("[*]", Status::code);
            let arrow = format!("    {from} --> {} : ", row.to.code());
            let shown = text.lines().find(|line| line.contains(&arrow));
            let shown =
                shown.is_some_and(|it| it.split([' ', ',']).any(|word| word == row.command.code()));
            assert!(shown, "{row:?}");
        }
    }

    #[test]
    fn an_arrow_is_drawn_once() {
        let text = diagram();
        let mut ends: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("-->"))
            .map(|line| line.split(" : ").next().unwrap_or(line).trim())
            .collect();
        let all = ends.len();
        ends.sort_unstable();
        ends.dedup();
        assert_eq!(ends.len(), all);
    }
}
