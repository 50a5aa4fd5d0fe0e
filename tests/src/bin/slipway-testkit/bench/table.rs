//! A table of contenders: their seconds in each column, and the ratio to the first of them, the floor.

use super::median;
use super::watch::Cost;

/// What was measured of one contender in one column.
#[derive(Default)]
struct Cell {
    costs: Vec<Cost>,
    /// Why the figures mean nothing: the host was not what it was to become.
    void: Option<String>,
}

/// What was measured so far.
pub(super) struct Table {
    contenders: Vec<String>,
    columns: Vec<String>,
    /// By contender, then by column.
    cells: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(contenders: &[&str], columns: Vec<String>) -> Self {
        let row = || columns.iter().map(|_| Cell::default()).collect();
        let cells = contenders.iter().map(|_| row()).collect();
        Self { contenders: contenders.iter().map(|name| (*name).to_owned()).collect(), columns, cells }
    }

    /// Takes one measurement, with what an independent look at the host says against it.
    pub(super) fn take(&mut self, contender: usize, column: usize, cost: Cost, void: Option<String>) {
        if let Some(cell) = self.cells.get_mut(contender).and_then(|row| row.get_mut(column)) {
            cell.costs.push(cost);
            cell.void = cell.void.take().or(void);
        }
    }

    /// Prints medians, ratios, and what was passed and computed in the first column.
    pub(super) fn print(&self) {
        let heads: Vec<String> = self.columns.iter().map(|column| format!("{column} | |")).collect();
        println!("| | {} KiB | CPU here |", heads.join(" "));
        println!("|---|{}---:|---:|", "---:|---:|".repeat(self.columns.len()));
        let floors: Vec<Option<f64>> = self.cells.first().into_iter().flatten().map(Cell::seconds).collect();
        for (name, row) in self.contenders.iter().zip(&self.cells) {
            let times: Vec<String> = row
                .iter()
                .zip(&floors)
                .map(|(cell, floor)| match (cell.seconds(), floor) {
                    (Some(seconds), Some(floor)) => format!("{seconds:.2} s | {:.2}", seconds / floor),
                    (Some(seconds), None) => format!("{seconds:.2} s | —"),
                    (None, _) => "void | —".to_owned(),
                })
                .collect();
            let near = row.first().map(|cell| cell.costs.as_slice()).unwrap_or_default();
            let bytes = near.iter().map(|cost| cost.traffic.bytes()).collect::<Vec<_>>();
            let cpu = median(&near.iter().map(|cost| cost.cpu).collect::<Vec<_>>()).unwrap_or_default();
            let kib = median(&bytes).unwrap_or_default() / 1024;
            println!("| {name} | {} | {kib} | {cpu:.2} s |", times.join(" | "));
        }
        for (name, row) in self.contenders.iter().zip(&self.cells) {
            for (column, cell) in self.columns.iter().zip(row) {
                if let Some(void) = &cell.void {
                    println!("\n{name}, {column}: void, because {void}");
                }
            }
        }
    }
}

impl Cell {
    /// The median; none when the figures mean nothing.
    fn seconds(&self) -> Option<f64> {
        let seconds: Vec<f64> = self.costs.iter().map(|cost| cost.seconds).collect();
        median(&seconds).filter(|_| self.void.is_none())
    }
}

#[cfg(test)]
mod tests {
    use slipway_tests::relay::Traffic;

    use super::*;

    #[test]
    fn one_turn_that_left_something_undone_voids_its_cell_alone() {
        let cost = |seconds| Cost { seconds, cpu: 0.0, traffic: Traffic::default() };
        let mut table = Table::new(&["floor", "other"], vec!["0 ms".to_owned(), "80 ms".to_owned()]);
        table.take(1, 0, cost(3.0), Some("a file is missing".to_owned()));
        table.take(1, 0, cost(1.0), None);
        table.take(1, 1, cost(2.0), None);
        let of = |contender: usize, column: usize| table.cells[contender][column].seconds();
        assert_eq!((of(1, 0), of(1, 1), of(0, 0)), (None, Some(2.0), None));
    }
}
