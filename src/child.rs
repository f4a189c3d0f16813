//! Children: collecting the statuses of those that have ended, waiting for one, job control.
//!
//! One `SIGCHLD` can stand for many children. Its handler, or the loop that its
//! [`SelfPipe`](crate::SelfPipe) wakes, therefore collects until nothing is left:
//!
//! ```
//! use signal::{child, SelfPipe, SIGCHLD};
//!
//! let pipe = SelfPipe::new(SIGCHLD)?;
//! let child = std::process::Command::new("true").spawn().unwrap();
//! while pipe.wait()?.contains(SIGCHLD) {
//!     for exited in child::reap_any() {
//!         let exited = exited?;
//!         assert_eq!(exited.pid, signal::Pid::from(&child));
//!         assert_eq!(exited.status.code(), Some(0));
//!         return Ok(());
//!     }
//! }
//! # Ok::<(), signal::Errno>(())
//! ```
//!
//! | | ended children | stopped and continued ones too |
//! |---|---|---|
//! | without blocking | [`reap`], [`reap_group`], [`reap_any`] | [`next_change`] |
//! | blocking | [`wait`](wait()), [`wait_timeout`] | [`wait_change`] |
//!
//! **While SIGCHLD is ignored there are no statuses**: the system throws them away as children end
//! (the flag `SA_NOCLDWAIT` does the same). `exec` keeps signals ignored, so that a program can
//! find itself started like that: catch SIGCHLD, or set it to [`Handler::Default`], before the
//! first child. Where it is ignored, the functions here fail with [`Errno::ECHILD`], which says so,
//! once no child that they ask for is left; as long as one runs, nothing tells of those that end.
//!
//! **Collect by pid unless every child is yours.** [`reap_any`] and the [`Which::Any`] of the
//! others take the statuses that `std::process::Child`, tokio's `Child` and other libraries wait
//! for, which then find no child.
//!
//! All functions here are async-signal-safe, except [`wait_timeout`]. They call `waitpid`, which
//! POSIX lists, or `wait4`, which is on no list and is a bare system call in every C library that
//! has it.
//!
//! Guide: [children](crate::guide::children), [job control](crate::guide::job_control).
//!
//! Source: POSIX.1-2024
//! [`waitpid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/wait.html), `wait4` of
//! BSD; Stevens, UNP 5.9 and 5.10.

mod change;
mod wait;

use crate::action::Action;
use crate::errno::{Errno, Result};
use crate::handler::Handler;
use crate::install::query;
use crate::pid::Pid;
use crate::signal::{Signal, SIGCHLD};
use crate::sys;
use core::fmt;
use core::iter::FusedIterator;
use libc::c_int;

pub use self::change::Change;
#[doc(alias = "WUNTRACED")]
pub use self::change::{next_change, wait_change};
#[doc(alias = "waitpid")]
#[doc(alias = "wait4")]
pub use self::wait::wait;
pub use self::wait::wait_timeout;
pub use crate::sys::child::Usage;

/// Which children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// This one.
    Pid(Pid),
    /// Those in this process group. Group 1 only if it is the caller's own: `waitpid` has no way to
    /// say it otherwise.
    Group(Pid),
    /// Those in the caller's own process group.
    OwnGroup,
    /// All.
    Any,
}

/// A child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exited {
    /// Which child.
    pub pid: Pid,
    /// How it ended.
    pub status: Status,
    /// What it used, and its own reaped children with it; `None` where the platform has no `wait4`
    /// (illumos, Solaris, Redox, Cygwin).
    pub usage: Option<Usage>,
}

/// How a child ended, with a code or by a signal; or that it stopped or was continued, in a status
/// that somebody else has asked `waitpid` for ([`next_change`] has [`Change`] for that).
///
/// ```
/// # use std::os::unix::process::ExitStatusExt;
/// use signal::{child::Status, SIGTERM};
///
/// let status = Status::from_raw(SIGTERM.as_raw());
/// assert_eq!((status.code(), status.signal()), (None, Some(SIGTERM)));
/// assert_eq!(status.to_string(), "killed by SIGTERM");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(c_int);

impl Status {
    /// The status that `waitpid` stores.
    pub const fn from_raw(raw: c_int) -> Status {
        Status(raw)
    }

    /// The number that `waitpid` stores.
    pub const fn as_raw(self) -> c_int {
        self.0
    }

    /// The code that it passed to `exit`, 0 to 255; `None` if a signal ended it.
    #[doc(alias = "WEXITSTATUS")]
    pub fn code(self) -> Option<c_int> {
        libc::WIFEXITED(self.0).then(|| libc::WEXITSTATUS(self.0))
    }

    /// The signal that ended it, realtime signals included; `None` if it ended by itself.
    #[doc(alias = "WTERMSIG")]
    pub fn signal(self) -> Option<Signal> {
        sys::child::signal(self.0).and_then(Signal::from_raw)
    }

    /// Whether the signal that ended it left a core file.
    #[doc(alias = "WCOREDUMP")]
    pub fn core_dumped(self) -> bool {
        sys::child::signal(self.0).is_some() && libc::WCOREDUMP(self.0)
    }

    /// The signal that stopped it; `None` if it did not stop.
    ///
    /// ```
    /// # use signal::{child, Pid, SIGKILL, SIGSTOP};
    /// let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    /// signal::kill(Pid::from(&child), SIGSTOP)?;
    /// let mut raw = 0;
    /// // SAFETY: room for the status.
    /// unsafe { libc::waitpid(Pid::from(&child).as_raw(), &mut raw, libc::WUNTRACED) };
    /// assert_eq!(child::Status::from_raw(raw).stopped_by(), Some(SIGSTOP));
    /// # signal::kill(Pid::from(&child), SIGKILL)?;
    /// # Ok::<(), signal::Errno>(())
    /// ```
    #[doc(alias = "WSTOPSIG")]
    pub fn stopped_by(self) -> Option<Signal> {
        sys::child::stopped_by(self.0).and_then(Signal::from_raw)
    }

    /// Whether it was stopped and has been continued by SIGCONT.
    #[doc(alias = "WIFCONTINUED")]
    pub fn continued(self) -> bool {
        libc::WIFCONTINUED(self.0)
    }

    fn has_ended(self) -> bool {
        libc::WIFEXITED(self.0) || sys::child::signal(self.0).is_some()
    }

    /// Whether it ended with code 0.
    pub fn success(self) -> bool {
        self.code() == Some(0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exited with code {code}"),
            (_, Some(signal)) if self.core_dumped() => {
                write!(f, "killed by {signal} (core dumped)")
            }
            (_, Some(signal)) => write!(f, "killed by {signal}"),
            _ if self.continued() => f.write_str("continued"),
            _ => match self.stopped_by() {
                Some(signal) => write!(f, "stopped by {signal}"),
                None => write!(f, "wait status {:#x}", self.0),
            },
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({self})")
    }
}

#[cfg(feature = "std")]
impl From<Status> for std::process::ExitStatus {
    fn from(status: Status) -> std::process::ExitStatus {
        std::os::unix::process::ExitStatusExt::from_raw(status.0)
    }
}

#[cfg(feature = "std")]
impl From<std::process::ExitStatus> for Status {
    fn from(status: std::process::ExitStatus) -> Status {
        Status(std::os::unix::process::ExitStatusExt::into_raw(status))
    }
}

/// Collects the status of this child, if it has ended; `None` while it runs.
///
/// Errors: [`Errno::ECHILD`] if there is no such child, or none with a status to collect (see
/// [the module](crate::child)).
#[doc(alias = "WNOHANG")]
pub fn reap(pid: Pid) -> Result<Option<Exited>> {
    ended(Which::Pid(pid), libc::WNOHANG)
}

/// Collects the children in this process group that have ended. Ends when no more have, or there
/// are none.
///
/// Errors: [`Errno::ECHILD`], once, if SIGCHLD is ignored and the statuses are gone;
/// [`Errno::EINVAL`], once, for group 1 unless it is the caller's own ([`Which::Group`]).
#[doc(alias = "WNOHANG")]
pub fn reap_group(group: Pid) -> Reap {
    Reap(Some(Which::Group(group)))
}

/// Collects the children that have ended, whoever started them: a library that waits for its own,
/// as `std::process::Child` and tokio's do, will not find those again. Ends when no more have
/// ended, or there are none.
///
/// Errors: [`Errno::ECHILD`], once, if SIGCHLD is ignored and the statuses are gone.
#[doc(alias = "WNOHANG")]
pub fn reap_any() -> Reap {
    Reap(Some(Which::Any))
}

/// Iterator over children that have ended: [`reap_group`], [`reap_any`].
#[derive(Debug)]
#[must_use = "nothing is collected until it is iterated over"]
pub struct Reap(Option<Which>);

impl Iterator for Reap {
    type Item = Result<Exited>;

    fn next(&mut self) -> Option<Result<Exited>> {
        let found = match ended(self.0?, libc::WNOHANG) {
            Err(Errno::ECHILD) if !statuses_are_discarded() => Ok(None),
            found => found,
        };
        if !matches!(found, Ok(Some(_))) {
            self.0 = None;
        }
        found.transpose()
    }
}

impl FusedIterator for Reap {}

/// The next of these children that has ended; `None`, under `WNOHANG`, while none has.
fn ended(which: Which, options: c_int) -> Result<Option<Exited>> {
    loop {
        match collect(which, options)? {
            // A child that is traced can be reported as stopped without having been asked for.
            Some(stopped) if !stopped.status.has_ended() => {}
            found => return Ok(found),
        }
    }
}

/// The next report, of whatever kind.
fn collect(which: Which, options: c_int) -> Result<Option<Exited>> {
    // To waitpid, −1 is every child and 0 the caller's own group.
    let which = match which {
        Which::Pid(pid) => pid.as_raw(),
        // SAFETY: takes nothing and cannot fail.
        Which::Group(group) if group.as_raw() == 1 => match unsafe { libc::getpgrp() } {
            1 => 0,
            _ => return Err(Errno::EINVAL),
        },
        Which::Group(group) => -group.as_raw(),
        Which::OwnGroup => 0,
        Which::Any => -1,
    };
    loop {
        match sys::child::wait(which, options) {
            Err(Errno::EINTR) => {}
            found => return Ok(found?.and_then(exited)),
        }
    }
}

fn exited(report: sys::child::Report) -> Option<Exited> {
    let (pid, status, usage) = report;
    Pid::from_raw(pid).map(|pid| Exited { pid, status: Status(status), usage })
}

fn statuses_are_discarded() -> bool {
    let discards = |action: Action| {
        let flags = action.installed_flags().bits();
        action.handler() == Handler::Ignore || sys::flag::has(flags, sys::flag::NOCLDWAIT)
    };
    query(SIGCHLD).map_or(false, discards)
}
