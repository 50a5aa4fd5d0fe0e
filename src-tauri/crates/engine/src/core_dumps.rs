//! Core dumps: none of this process. They would hold the secrets that were in its memory, where secrets must not be.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves no core file when this process, or a program that it starts, crashes.
///
/// systemd-coredump keeps nothing either when the limit is 0 (core(5); coredump.conf(5)). Other handlers that the
/// kernel pipes dumps to need not heed it: see [`forbid`].
pub fn limit() {
    let maximum = getrlimit(Resource::Core).maximum;
    // Lowering a limit of one's own is always allowed (setrlimit(2)).
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

/// Leaves no dump at all of this process, and lets no other process of the same user read its memory.
///
/// Not for the window: the desktop's portals look at the processes that they serve through `/proc` and refuse those
/// that are closed to them.
pub fn forbid() {
    limit();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // PR_SET_DUMPABLE with SUID_DUMP_DISABLE has no way to fail (PR_SET_DUMPABLE(2const)).
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
