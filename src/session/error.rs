//! Why there is no daemon.

use crate::errno::{Errno, SystemWords};
use core::fmt;
use libc::c_int;

#[cfg(feature = "std")]
pub(super) use std::path::PathBuf;

/// There are none without `std`.
#[cfg(not(feature = "std"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathBuf {}

#[cfg(not(feature = "std"))]
impl PathBuf {
    fn display(&self) -> &str {
        match *self {}
    }
}

/// What [`daemonize`](crate::session::daemonize), or making a `PidFile`, failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The process is process 1 (`EPERM`).
    FirstProcess,
    /// Other threads are running (`EBUSY`).
    Threads,
    /// A pipe between the original process and the daemon.
    Pipe,
    /// `fork`, once or again.
    Fork,
    /// `setsid`.
    Session,
    /// Opening the pid file. `ELOOP`: a symbolic link; `EISDIR`: a directory; `EMLINK`: a file with
    /// another name; `EINVAL`: no regular file, or a path with a zero byte.
    OpenPidFile,
    /// Locking the pid file (`EAGAIN`: another instance holds it).
    LockPidFile,
    /// Writing the pid file, which is empty now.
    WritePidFile,
    /// Changing to the working directory.
    Directory,
    /// `/dev/null` in place of the standard descriptors.
    Descriptors,
    /// What the program itself does before it is ready:
    /// [`Daemon::fail`](crate::session::Daemon::fail).
    Program,
    /// The daemon ended before it was ready, without a word (`ECANCELED`).
    Ready,
}

/// All of them: the number of one on the way through the pipe is its place in here, from 1.
const STEPS: &[Step] = &[
    Step::FirstProcess,
    Step::Threads,
    Step::Pipe,
    Step::Fork,
    Step::Session,
    Step::OpenPidFile,
    Step::LockPidFile,
    Step::WritePidFile,
    Step::Directory,
    Step::Descriptors,
    Step::Program,
    Step::Ready,
];

impl Step {
    /// Not 0, which is success.
    pub(super) fn code(self) -> c_int {
        1 + self as c_int
    }

    pub(super) fn from_code(code: c_int) -> Option<Step> {
        STEPS.iter().find(|step| step.code() == code).copied()
    }
}

/// Why there is no daemon, or no pid file.
///
/// `Display` says what could not be done, with which path, why, and what to do about it; `Debug`
/// says the same, since that is what a `main` that returns it prints.
///
/// ```
/// use signal::session::{daemonize, Options, Step};
/// # use signal::Errno;
///
/// let error = daemonize(Options::new().directory("/no/such/place")).unwrap_err();
/// assert_eq!((error.step(), error.errno().raw_os_error()), (Step::Directory, 2));
/// assert!(error.to_string().starts_with("cannot change to the directory /no/such/place: "));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// What could not be done: to match on, as in `Err(Error { step: Step::LockPidFile, .. })`.
    pub step: Step,
    /// What the system said.
    pub errno: Errno,
    path: Option<PathBuf>,
}

impl Error {
    pub(super) fn new(step: Step, errno: Errno) -> Error {
        Error { step, errno, path: None }
    }

    pub(super) fn with_path(step: Step, errno: Errno, path: Option<PathBuf>) -> Error {
        Error { step, errno, path }
    }

    /// What could not be done.
    pub fn step(&self) -> Step {
        self.step
    }

    /// What the system said.
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// The pid file, or the directory, where the step has one.
    #[cfg(feature = "std")]
    pub fn path(&self) -> Option<&std::path::Path> {
        self.path.as_deref()
    }

    /// What was to be done, in words that a path can follow.
    fn attempt(&self) -> &'static str {
        match self.step {
            Step::FirstProcess | Step::Threads => "cannot go into the background",
            Step::Pipe => "cannot make a pipe to the daemon",
            Step::Fork => "cannot make a process",
            Step::Session => "cannot make a session",
            Step::OpenPidFile => "cannot use the pid file",
            Step::LockPidFile => "cannot lock the pid file",
            Step::WritePidFile => "cannot write the pid file",
            Step::Directory => "cannot change to the directory",
            Step::Descriptors => "cannot put /dev/null in place of the standard descriptors",
            Step::Program | Step::Ready => "the daemon has failed",
        }
    }

    /// Why, where the number alone would say too little.
    fn reason(&self) -> Option<&'static str> {
        Some(match (self.step, self.errno.raw_os_error()) {
            (Step::FirstProcess, _) => {
                "this is process 1, with which a container ends: stay in the foreground (EPERM)"
            }
            (Step::Threads, _) => {
                "other threads are running, which a fork would leave behind: \
                 do it before the first one starts (EBUSY)"
            }
            (Step::Fork, libc::EAGAIN) => {
                "no more processes are allowed to this user or container (EAGAIN)"
            }
            (Step::OpenPidFile, libc::ELOOP) => {
                "it is a symbolic link, which is not followed, or too many are on the way to it \
                 (ELOOP)"
            }
            (Step::OpenPidFile, libc::EISDIR) => "it is a directory (EISDIR)",
            (Step::OpenPidFile, libc::EMLINK) => "it has another name too, a hard link (EMLINK)",
            (Step::OpenPidFile, libc::ESTALE) => "somebody replaces it again and again (ESTALE)",
            (Step::OpenPidFile, libc::EINVAL) => {
                "it is no regular file, or the path has a zero byte (EINVAL)"
            }
            (Step::Directory, libc::EINVAL) => "the path has a zero byte (EINVAL)",
            (Step::LockPidFile, libc::EAGAIN) => "another instance holds it (EAGAIN)",
            (Step::Ready, _) => "it ended before it was ready (ECANCELED)",
            _ => return None,
        })
    }
}

/// What `Errno` has words for that would mislead here: a full disk is no want of self-pipes.
const ABOUT_SIGNALS: &[Errno] = &[
    Errno::EAGAIN,
    Errno::EBUSY,
    Errno::ECANCELED,
    Errno::ECHILD,
    Errno::EINVAL,
    Errno::ELOOP,
    Errno::ENOSPC,
    Errno::ENOTCONN,
    Errno::ENOTTY,
    Errno::EPERM,
];

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.attempt())?;
        if let Some(path) = &self.path {
            write!(f, " {}", path.display())?;
        }
        match self.reason() {
            Some(reason) => write!(f, ": {reason}"),
            None if ABOUT_SIGNALS.contains(&self.errno) => {
                write!(f, ": {}", SystemWords(self.errno))
            }
            None => write!(f, ": {}", self.errno),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "std")]
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.errno)
    }
}

/// Keeps the words; the number is `errno()` of the error inside.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        std::io::Error::new(std::io::Error::from(error.errno).kind(), error)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_step_finds_its_way_through_the_pipe() {
        for (place, step) in STEPS.iter().enumerate() {
            assert_eq!(step.code(), place as c_int + 1);
            assert_eq!(Step::from_code(step.code()), Some(*step));
        }
        // The last one that there is: a new one must be listed.
        assert_eq!(STEPS.last(), Some(&Step::Ready));
        assert_eq!((Step::from_code(0), Step::from_code(13)), (None, None));
    }

    #[test]
    fn words_name_the_step_the_path_and_the_reason() {
        let path = Some(PathBuf::from("/run/x.pid"));
        let held = Error::with_path(Step::LockPidFile, Errno::EAGAIN, path.clone());
        let words = "cannot lock the pid file /run/x.pid: another instance holds it (EAGAIN)";
        assert_eq!(held.to_string(), words);
        assert_eq!(std::format!("{held:?}"), words);
        let full = Error::with_path(Step::WritePidFile, Errno::ENOSPC, path).to_string();
        assert!(full.starts_with("cannot write the pid file /run/x.pid: "), "{full}");
        assert!(full.ends_with("(ENOSPC)"), "{full}");
        let fork = Error::new(Step::Fork, Errno::EAGAIN).to_string();
        assert!(fork.starts_with("cannot make a process: no more processes"), "{fork}");
        for (step, code, words) in [
            (Step::OpenPidFile, libc::ESTALE, "somebody replaces it again and again (ESTALE)"),
            (Step::Directory, libc::EINVAL, "the path has a zero byte (EINVAL)"),
            (Step::Ready, libc::ECANCELED, "it ended before it was ready (ECANCELED)"),
        ] {
            let text = Error::new(step, Errno::from_raw_os_error(code)).to_string();
            assert!(text.ends_with(words), "{text}");
        }
    }

    #[test]
    fn an_io_error_keeps_words_kind_and_number() {
        let error = Error::new(Step::Program, Errno::ECONNREFUSED);
        let io = std::io::Error::from(error.clone());
        assert_eq!(io.kind(), std::io::ErrorKind::ConnectionRefused);
        assert_eq!(io.to_string(), error.to_string());
        let inside = io.get_ref().and_then(|inside| inside.downcast_ref::<Error>());
        assert_eq!(inside.map(Error::errno), Some(Errno::ECONNREFUSED));
    }
}
