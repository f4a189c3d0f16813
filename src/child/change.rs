//! Job control: children that stop and continue.

use crate::child::{collect, Exited, Which};
use crate::errno::Result;
use crate::pid::Pid;
use crate::signal::Signal;
use libc::c_int;

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It has ended. Its status is collected: this is reported once.
    Ended(Exited),
    /// This signal has stopped it: SIGTSTP (Ctrl-Z), SIGTTIN or SIGTTOU (the terminal is another
    /// group's), SIGSTOP; SIGTRAP and others for a child that the caller traces.
    Stopped(Pid, Signal),
    /// SIGCONT has continued it.
    Continued(Pid),
}

impl Change {
    /// Which child.
    pub fn pid(self) -> Pid {
        match self {
            Change::Ended(exited) => exited.pid,
            Change::Stopped(pid, _) | Change::Continued(pid) => pid,
        }
    }
}

/// The next change of one of these children, if there is one that was not reported yet. Never
/// blocks.
///
/// The system keeps only the last change of a child: one that was stopped and continued since is
/// reported as continued. A shell looks after each SIGCHLD until there is no more; so does a loop
/// with a [`SelfPipe`](crate::SelfPipe), which must ask for children that stop
/// (`SelfPipe::insert_with` and `Flags::RESTART` alone).
///
/// Errors: [`Errno::ECHILD`](crate::Errno::ECHILD) if there are no such children at all, or
/// SIGCHLD is ignored (see [the module](crate::child)); [`Errno::EINVAL`](crate::Errno::EINVAL) for
/// group 1 unless it is the caller's own.
///
/// ```
/// use signal::child::{next_change, wait_change, Change, Which};
/// use signal::{kill, Pid, SIGCONT, SIGKILL, SIGSTOP};
///
/// let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
/// let pid = Pid::from(&child);
/// assert_eq!(next_change(Which::Pid(pid))?, None);
/// kill(pid, SIGSTOP)?;
/// assert_eq!(wait_change(Which::Pid(pid))?, Change::Stopped(pid, SIGSTOP));
/// kill(pid, SIGCONT)?;
/// assert_eq!(wait_change(Which::Pid(pid))?, Change::Continued(pid));
/// kill(pid, SIGKILL)?;
/// match wait_change(Which::Any)? {
///     Change::Ended(exited) => assert_eq!(exited.status.signal(), Some(SIGKILL)),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`waitpid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/wait.html), `WUNTRACED`
/// and `WCONTINUED`; Stevens, APUE 8.6 and 9.9.
#[doc(alias = "WUNTRACED")]
#[doc(alias = "WCONTINUED")]
pub fn next_change(which: Which) -> Result<Option<Change>> {
    loop {
        match collect(which, CHANGES | libc::WNOHANG)? {
            None => return Ok(None),
            Some(report) => {
                if let Some(change) = change(report) {
                    return Ok(Some(change));
                }
            }
        }
    }
}

/// Sleeps until one of these children has a change to report. Handlers run meanwhile and do not end
/// the wait. As [`next_change`] otherwise.
pub fn wait_change(which: Which) -> Result<Change> {
    loop {
        if let Some(change) = collect(which, CHANGES)?.and_then(change) {
            return Ok(change);
        }
    }
}

const CHANGES: c_int = libc::WUNTRACED | libc::WCONTINUED;

fn change(report: Exited) -> Option<Change> {
    let (pid, status) = (report.pid, report.status);
    if status.has_ended() {
        return Some(Change::Ended(report));
    }
    let stopped = status.stopped_by().map(|signal| Change::Stopped(pid, signal));
    stopped.or_else(|| status.continued().then_some(Change::Continued(pid)))
}
