//! What Slipway itself uses: this process and those of its web view.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::view::app::Usage;

/// Measures from one look to the next.
pub(crate) struct Gauge(Mutex<Option<System>>);

impl Default for Gauge {
    fn default() -> Self {
        // Where the system does not say, the window shows nothing of it.
        Self(Mutex::new(System::new().ok()))
    }
}

impl Gauge {
    /// Processor time since the last look, and memory now.
    pub(crate) fn now(&self) -> Usage {
        let nothing = Usage { cpu_percent: 0.0, memory_bytes: 0 };
        let mut system = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(system) = system.as_mut() else { return nothing };
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let mut own: BTreeSet<Pid> = BTreeSet::from([Pid::from_u32(std::process::id())]);
        // The web view's processes are children, and theirs; two rounds reach them all.
        for _ in 0..2 {
            let parent = |pid: &Pid| system.process(*pid).and_then(sysinfo::Process::parent);
            let children: Vec<Pid> = system
                .processes()
                .keys()
                .filter(|pid| parent(pid).is_some_and(|p| own.contains(&p)))
                .copied()
                .collect();
            own.extend(children);
        }
        let processes = own.iter().filter_map(|pid| system.process(*pid));
        processes.fold(nothing, |sum, process| Usage {
            cpu_percent: sum.cpu_percent + f64::from(process.cpu_usage()),
            memory_bytes: sum.memory_bytes + process.memory(),
        })
    }
}
