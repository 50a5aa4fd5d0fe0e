//! Exit statuses. They are stable: scripts rely on them.
//!
//! | | |
//! |---|---|
//! | 0 | done; or nothing to change |
//! | 1 | nothing to change, with `--detailed-exitcode` only |
//! | 2 | the command line makes no sense |
//! | 3 | `plan`: there is something to change |
//! | 4 | the site file has mistakes |
//! | 5 | a secret is missing, or the keyring cannot be used |
//! | 6 | the host cannot be reached, or the link was lost |
//! | 7 | the host's key is not accepted |
//! | 8 | login or sudo was refused |
//! | 9 | somebody else holds the host lock |
//! | 10 | the host or the site file has changed since the plan was made |
//! | 11 | files were changed by hand on the host |
//! | 12 | a precondition is not met |
//! | 13 | secrets would go elsewhere, or a path outside would be read, and nobody allowed it |
//! | 20 | failed; what was being served was not touched |
//! | 21 | failed and rolled back; the old release serves |
//! | 22 | failed; parts are old and parts are new |
//! | 23 | how it ended is not known |
//! | 30 | local files or the database cannot be used |
//! | 31 | something on the host did not work, before anything was begun |
//! | 130 | interrupted, or the question was answered with no |
//!
//! 2 to 13, 30 and 31 mean that nothing was changed on the host by this command.

use slipway_core::event::VerdictKind;
use slipway_engine::failure::Code;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or nothing to change.
    Done = 0,
    /// Nothing to change, when the caller wants to tell the difference.
    Unchanged = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A plan with steps.
    Changes = 3,
    /// The site file has mistakes.
    BadSiteFile = 4,
    /// A secret is missing, or the keyring cannot be used.
    Secrets = 5,
    /// The host cannot be reached.
    Unreachable = 6,
    /// The host's key is not accepted.
    HostKey = 7,
    /// Login or sudo was refused.
    Refused = 8,
    /// Somebody else holds the lock.
    Locked = 9,
    /// The plan is out of date.
    Stale = 10,
    /// Files were changed by hand.
    Drift = 11,
    /// A precondition is not met.
    Blocked = 12,
    /// Something that only a person can allow.
    Consent = 13,
    /// Failed, old state intact.
    FailedIntact = 20,
    /// Failed and rolled back.
    RolledBack = 21,
    /// Parts are old and parts are new.
    Split = 22,
    /// How it ended is not known.
    Unknown = 23,
    /// Local state cannot be used.
    Local = 30,
    /// Something on the host did not work, before anything was begun.
    Host = 31,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// For a verdict; `unchanged` is what a run without changes ends with.
    pub(crate) fn of_verdict(kind: VerdictKind, unchanged: Self) -> Self {
        match kind {
            VerdictKind::Succeeded => Self::Done,
            VerdictKind::Unchanged => unchanged,
            VerdictKind::RolledBack => Self::RolledBack,
            VerdictKind::FailedIntact => Self::FailedIntact,
            VerdictKind::Split => Self::Split,
            VerdictKind::Unknown => Self::Unknown,
        }
    }
}

impl From<Code> for Exit {
    fn from(code: Code) -> Self {
        match code {
            Code::Usage => Self::Usage,
            Code::BadSiteFile => Self::BadSiteFile,
            Code::Secrets => Self::Secrets,
            Code::Unreachable => Self::Unreachable,
            Code::HostKey => Self::HostKey,
            Code::Refused => Self::Refused,
            Code::Locked => Self::Locked,
            Code::Stale => Self::Stale,
            Code::Drift => Self::Drift,
            Code::Blocked => Self::Blocked,
            Code::Consent => Self::Consent,
            Code::Host => Self::Host,
            Code::Local => Self::Local,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// The table above, for `slipway help exit-codes`.
pub(crate) const TABLE: &[(Exit, &str)] = &[
    (Exit::Done, "done; or nothing to change"),
    (Exit::Unchanged, "nothing to change, with --detailed-exitcode only"),
    (Exit::Usage, "the command line makes no sense, or nobody could be asked (no terminal, no --yes)"),
    (Exit::Changes, "plan: there is something to change"),
    (Exit::BadSiteFile, "the site file has mistakes"),
    (Exit::Secrets, "a secret is missing, or the keyring cannot be used"),
    (Exit::Unreachable, "the host cannot be reached, or the link was lost"),
    (Exit::HostKey, "the host's key is not accepted"),
    (Exit::Refused, "login or sudo was refused"),
    (Exit::Locked, "somebody else holds the host lock"),
    (Exit::Stale, "the host or the site file has changed since the plan was made"),
    (Exit::Drift, "files were changed by hand on the host"),
    (Exit::Blocked, "a precondition is not met"),
    (
        Exit::Consent,
        "secrets would go to another site file or source, or a path outside would be read; nobody allowed it",
    ),
    (Exit::FailedIntact, "failed; what was being served was not touched"),
    (Exit::RolledBack, "failed and rolled back; the old release serves"),
    (Exit::Split, "failed; parts are old and parts are new"),
    (Exit::Unknown, "how it ended is not known; slipway status tells"),
    (Exit::Local, "local files or the database cannot be used"),
    (Exit::Host, "something on the host did not work, before anything was begun"),
    (Exit::Interrupted, "interrupted, or the question was answered with no"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable() {
        let numbers: Vec<u8> = TABLE.iter().map(|(exit, _)| exit.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 130]);
    }

    #[test]
    fn no_change_can_be_told_from_done_on_request_only() {
        assert_eq!(Exit::of_verdict(VerdictKind::Unchanged, Exit::Done).number(), 0);
        assert_eq!(Exit::of_verdict(VerdictKind::Unchanged, Exit::Unchanged).number(), 1);
        assert_eq!(Exit::of_verdict(VerdictKind::RolledBack, Exit::Unchanged).number(), 21);
    }

    #[test]
    fn every_failure_has_its_own_number() {
        let codes = [
            Code::Usage,
            Code::BadSiteFile,
            Code::Secrets,
            Code::Unreachable,
            Code::HostKey,
            Code::Refused,
            Code::Locked,
            Code::Stale,
            Code::Drift,
            Code::Blocked,
            Code::Consent,
            Code::Host,
            Code::Local,
        ];
        let mut numbers: Vec<u8> = codes.iter().map(|code| Exit::from(*code).number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), codes.len());
    }
}
