//! What a finished command tells the shell: the exit codes of guichet's command line.
//!
//! In: how the work ended. Out: a number that scripts and systemd rely on. Prints nothing.

use std::process::ExitCode;

/// How a command ended. The numbers are a promise to scripts and to the systemd unit
/// (`RestartPreventExitStatus=78`): they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All was done. Quarantined records alone are not a failure.
    Done = 0,
    /// Failed; also: not one source gave anything.
    Failed = 1,
    /// Wrong usage, or an id that does not exist. clap ends with this code by itself.
    Usage = 2,
    /// Done, but some sources failed or are partial, or the upload failed.
    Partial = 3,
    /// A gate refused the publication; the one before stays in place.
    Refused = 4,
    /// Another instance holds the data directory (`EX_TEMPFAIL`): asking later can help.
    Locked = 75,
    /// The configuration is wrong (`EX_CONFIG`): starting again cannot help.
    Config = 78,
}

impl Exit {
    /// The number itself.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The end of a run over several sources: `whole` of them gave all they have, `faulty` failed
    /// or were cut short. A run of no source at all is done.
    pub fn of_run(whole: usize, faulty: usize) -> Self {
        match (whole, faulty) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Failed,
            (_, _) => Exit::Partial,
        }
    }

    /// The worse of two ends of one command, as for a harvest followed by a publication: a
    /// failure outweighs a refusal, which outweighs failed sources.
    pub fn worse(self, other: Self) -> Self {
        fn weight(exit: Exit) -> u8 {
            match exit {
                Exit::Done => 0,
                Exit::Partial => 1,
                Exit::Refused => 2,
                Exit::Failed => 3,
                Exit::Locked => 4,
                Exit::Usage => 5,
                Exit::Config => 6,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_partial_when_some_sources_gave_something_and_failed_when_none_did() {
        assert_eq!(Exit::of_run(0, 0), Exit::Done);
        assert_eq!(Exit::of_run(3, 0), Exit::Done);
        assert_eq!(Exit::of_run(3, 1), Exit::Partial);
        assert_eq!(Exit::of_run(0, 1), Exit::Failed);
    }

    #[test]
    fn a_refused_publication_outweighs_failed_sources() {
        assert_eq!(Exit::Partial.worse(Exit::Refused).code(), 4);
        assert_eq!(Exit::Refused.worse(Exit::Done).code(), 4);
        assert_eq!(Exit::Failed.worse(Exit::Partial).code(), 1);
    }
}
