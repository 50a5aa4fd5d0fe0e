//! A host's facts on one screen.

use slipway_core::facts::Facts;
use slipway_core::facts::overview::{Standing, overview};

use super::style::Style;
use super::text::visible;

/// The summary after a host was added, and the whole of `slipway facts`.
pub(crate) fn facts(facts: &Facts, style: Style) -> String {
    let mut out = String::new();
    for row in overview(facts).into_iter().flat_map(|section| section.rows) {
        for (at, line) in row.lines.iter().enumerate() {
            let text = visible(line);
            let text = match row.standing {
                Standing::Known => text,
                Standing::Good => format!("{} {text}", style.green("●")),
                Standing::Watch => style.yellow(format!("▲ {text}")),
                Standing::Absent => style.dim(text),
                Standing::Failed => style.yellow(format!("▲ {text}")),
            };
            let label = if at == 0 { style.dim(format!("{:<10}", row.label)) } else { " ".repeat(10) };
            out.push_str(&format!("  {label}  {text}\n"));
        }
    }
    out
}
