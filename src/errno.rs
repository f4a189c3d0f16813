//! Error numbers: what every function of this crate fails with; keeping `errno` across a handler.

use crate::sys;
use core::fmt;
use libc::c_int;

/// What a function of this crate returns.
pub type Result<T> = core::result::Result<T, Errno>;

/// An `errno` value: why a system call failed.
///
/// `Display` says in words what it means for the calls of this crate and what to do about it. An
/// `errno` value cannot carry which call it came from: where a number has a reason for each
/// function ([`EINVAL`](Errno::EINVAL), [`EPERM`](Errno::EPERM)), the words go by function. With
/// the feature `std` it converts into `std::io::Error`, which keeps the raw number, and back with
/// `try_from`. `Debug` has the name and the words too.
///
/// ```
/// # use signal::{Errno, SIGKILL};
/// let error = signal::install(SIGKILL, signal::Handler::Ignore).unwrap_err();
/// assert_eq!(error, Errno::EINVAL);
/// assert!(error.to_string().contains("SIGKILL"));
/// ```
///
/// Source: POSIX.1-2024, XSH 2.3, Error Numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Errno(c_int);

macro_rules! errnos {
    ($($name:ident $message:literal)*) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($name), "`: ", $message, ".")]
                pub const $name: Errno = Errno(libc::$name);
            )*
        }

        pub(crate) const KNOWN: &[(Errno, &str, &str)] = &[$((Errno::$name, stringify!($name), $message)),*];
    };
}

errnos! {
    EACCES "permission denied"
    EAGAIN "try again later: a limit (of queued signals, of processes) is reached for now"
    EBADF "not an open descriptor"
    EBUSY "in use: another self-pipe has the queue, or other threads run, which a fork would leave behind"
    ECANCELED "given up: the other process ended before it was done"
    ECHILD "no child with a status to collect: not a child of this process, reaped already, or SIGCHLD is ignored (perhaps since before this program started), in which case the system keeps no statuses"
    ECONNREFUSED "connection refused: nothing listens at that address"
    ECONNRESET "connection reset by the peer"
    EHOSTUNREACH "no route to the host"
    EINPROGRESS "the operation continues in the background"
    EINTR "interrupted by a signal handler: call again (signal::retry does)"
    EINVAL "invalid argument: for install and SelfPipe, SIGKILL and SIGSTOP, a signal that the C library reserves, or a function found on another signal; for wait and SignalFd, a set with nothing to wait for; for kill_group and child, group 1; for stop_by, a signal that does not stop; for insert_with, a flag other than RESTART and NOCLDSTOP; for try_from, a number that is no signal or process id; for AltStack, a size that is too small; for timer::start, a timer that this system lacks"
    ELOOP "too many predecessors: self-pipes have been made over too many different handlers of this signal"
    EMFILE "this process has too many open descriptors: close some or raise RLIMIT_NOFILE"
    ENETUNREACH "the network is unreachable"
    ENFILE "the system has too many open files"
    ENOMEM "out of memory"
    ENOSPC "no room: all self-pipes that a process can have are in use, drop one first; or the device is full"
    ENOSYS "this system has no such call"
    ENOTCONN "not connected: the attempt was given up, call connect again"
    ENOTSOCK "not a socket"
    ENOTTY "not a terminal, or not the controlling terminal of this session"
    EPERM "not permitted: for kill, a process that belongs to somebody else; for new_session, the caller leads a process group already; for groups and set_foreground, one of another session; for AltStack, the thread runs on an alternate stack; for others, a sandbox refuses the call"
    EPIPE "the other end is closed"
    ESRCH "no such process or process group"
    ETIMEDOUT "timed out"
}

impl Errno {
    /// The error of the last call into C that failed on the calling thread. Async-signal-safe.
    pub fn last() -> Errno {
        Errno(sys::errno::get())
    }

    /// An error from its number. Async-signal-safe.
    pub const fn from_raw_os_error(code: i32) -> Errno {
        Errno(code)
    }

    /// The number, as `std::io::Error::raw_os_error` gives it. Async-signal-safe.
    pub const fn raw_os_error(self) -> i32 {
        self.0
    }

    fn known(self) -> Option<&'static (Errno, &'static str, &'static str)> {
        KNOWN.iter().find(|known| known.0 == self)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((_, name, message)) => write!(f, "{message} ({name})"),
            None => fmt::Display::fmt(&SystemWords(*self), f),
        }
    }
}

/// An error in the system's own words: for one of a call that the words above do not have in mind.
pub(crate) struct SystemWords(pub(crate) Errno);

impl fmt::Display for SystemWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0.raw_os_error();
        let mut text = [0u8; 128];
        // SAFETY: the buffer is as long as said; the last byte stays zero, whatever the call does.
        unsafe { libc::strerror_r(code, text.as_mut_ptr().cast(), text.len() - 1) };
        let length = text.iter().position(|byte| *byte == 0).unwrap_or(0);
        let message = core::str::from_utf8(&text[..length]).unwrap_or("");
        match self.0.known() {
            Some((_, name, words)) if message.is_empty() => write!(f, "{words} ({name})"),
            Some((_, name, _)) => write!(f, "{message} ({name})"),
            None if message.is_empty() => write!(f, "errno {code}"),
            None => write!(f, "{message} (errno {code})"),
        }
    }
}

/// The name and the words: this is what a `main` that returns a `Result` prints.
impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((_, name, message)) => write!(f, "{name} ({message})"),
            None => fmt::Display::fmt(self, f),
        }
    }
}

#[cfg(feature = "std")]
impl std::error::Error for Errno {}

#[cfg(feature = "std")]
impl From<Errno> for std::io::Error {
    fn from(error: Errno) -> std::io::Error {
        std::io::Error::from_raw_os_error(error.0)
    }
}

/// Fails, with the same error, for one that has no number: one that `std` or a library made.
#[cfg(feature = "std")]
impl TryFrom<std::io::Error> for Errno {
    type Error = std::io::Error;

    fn try_from(error: std::io::Error) -> core::result::Result<Errno, std::io::Error> {
        error.raw_os_error().map(Errno).ok_or(error)
    }
}

/// What a C function returned, or the error that it left in `errno` where that is −1.
#[inline]
pub(crate) fn check(returned: c_int) -> Result<c_int> {
    if returned == -1 {
        Err(Errno::last())
    } else {
        Ok(returned)
    }
}

/// What a `pthread_` function returned: the error number itself. Where one returns −1 all the same,
/// `errno` has it.
#[inline]
pub(crate) fn check_pthread(returned: c_int) -> Result<()> {
    match returned {
        0 => Ok(()),
        -1 => Err(Errno::last()),
        error => Err(Errno(error)),
    }
}

/// Puts `errno` back as it was when this was made: a handler runs between any two instructions of
/// the program, one of which may be about to look at it.
pub(crate) struct KeepErrno(c_int);

impl KeepErrno {
    #[inline(always)]
    pub(crate) fn new() -> KeepErrno {
        KeepErrno(sys::errno::get())
    }
}

impl Drop for KeepErrno {
    #[inline(always)]
    fn drop(&mut self) {
        sys::errno::set(self.0);
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::{format, io};

    #[test]
    fn pthread_errors_come_from_the_returned_number() {
        assert_eq!(check_pthread(0), Ok(()));
        assert_eq!(check_pthread(libc::EINVAL), Err(Errno::EINVAL));
        sys::errno::set(libc::EPERM);
        assert_eq!(check_pthread(-1), Err(Errno::EPERM));
    }

    #[test]
    fn display_names_the_error_and_falls_back_on_the_system() {
        assert!(Errno::ECHILD.to_string().contains("SIGCHLD"));
        assert!(Errno::ECHILD.to_string().ends_with("(ECHILD)"));
        let unnamed = Errno::from_raw_os_error(libc::EDOM).to_string();
        assert!(unnamed.contains(&format!("(errno {})", libc::EDOM)), "{unnamed}");
        assert!(format!("{:?}", Errno::EINTR).starts_with("EINTR (interrupted"));
        assert!(Errno::from_raw_os_error(-7).to_string().contains("-7"));
    }

    #[test]
    fn io_errors_keep_the_number() {
        assert_eq!(io::Error::from(Errno::EMFILE).raw_os_error(), Some(libc::EMFILE));
        assert_eq!(io::Error::from(Errno::EINTR).kind(), io::ErrorKind::Interrupted);
        assert_eq!(Errno::try_from(io::Error::from(Errno::EMFILE)).ok(), Some(Errno::EMFILE));
        let without = Errno::try_from(io::Error::from(io::ErrorKind::TimedOut)).unwrap_err();
        assert_eq!(without.kind(), io::ErrorKind::TimedOut);
    }
}
