//! The classic way into the background.

use crate::errno::{check, Errno, Result};
use crate::interrupt::retry;
use crate::pid::Pid;
use crate::session::error::{Error, Step};
use crate::session::new_session;
use crate::session::paths::{Paths, PidFile};
use crate::session::ready::{self, close, wait_ready, READY};
use crate::sys;
use core::ptr;
use libc::{c_int, mode_t};

/// How to [`daemonize`].
///
/// ```
/// use signal::session::Options;
///
/// let options = Options::new().umask(0o027).directory("/var/empty").pid_file("/run/mine.pid");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    umask: mode_t,
    keep_descriptors: bool,
    paths: Paths,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// Umask 022, working directory `/`, standard descriptors to `/dev/null`, no pid file.
    pub fn new() -> Options {
        Options { umask: 0o022, keep_descriptors: false, paths: Paths::default() }
    }

    /// The file mode creation mask.
    pub fn umask(mut self, umask: u32) -> Options {
        self.umask = umask as mode_t;
        self
    }

    /// Leaves standard input, output and error as they are.
    pub fn keep_standard_descriptors(mut self) -> Options {
        self.keep_descriptors = true;
        self
    }

    /// The working directory.
    #[cfg(feature = "std")]
    pub fn directory(mut self, path: impl AsRef<std::path::Path>) -> Options {
        self.paths.directory = Some(path.as_ref().to_path_buf());
        self
    }

    /// A file for the daemon's process id, locked as long as it lives, so that a second one fails:
    /// [`PidFile`](crate::session::PidFile). A relative path is taken from where `daemonize` is
    /// called.
    #[cfg(feature = "std")]
    pub fn pid_file(mut self, path: impl AsRef<std::path::Path>) -> Options {
        self.paths.pid_file = Some(path.as_ref().to_path_buf());
        self
    }
}

/// Moves the process into the background: fork, a new session, fork again (so that no terminal can
/// become its own), pid file, umask, working directory, standard descriptors to `/dev/null`.
///
/// It returns in the daemon. The original process waits until the daemon says
/// [`ready`](Daemon::ready) and then exits with code 0: its parent knows that it runs. If
/// anything fails, here or in the daemon before it is ready, this returns the error *in the
/// original process*, there is no daemon, and its pid file is empty, unless the daemon ended
/// without dropping its [`Daemon`]: killed, aborted, or by `std::process::exit`.
///
/// What was printed with `print!` is written first, as at an exit. (What C's `stdio` holds is for
/// the caller to flush.)
///
/// Errors: an [`Error`] that says which [`Step`] failed, with which path and why. Before anything
/// is done: [`Errno::EPERM`] as process 1, of a container for example, which must stay in the
/// foreground; [`Errno::EBUSY`] if other threads are running (they would not exist in the daemon;
/// told on Linux, Android and Apple systems, and not elsewhere: call this first thing in `main`). A
/// thread that has been joined can need some time more to be gone: this waits for it, a tenth of a
/// second or a little more. Then those of the pid file ([`Errno::EAGAIN`]: another
/// instance holds it), of `fork`, `chdir`, `open`; [`Errno::ECANCELED`] if the daemon ended before
/// it was ready; and what the daemon reports by [`fail`](Daemon::fail).
///
/// ```no_run
/// use signal::session::{daemonize, Options};
/// use signal::Errno;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let daemon = daemonize(Options::new().pid_file("/run/mine.pid"))?;
///     let listener = match std::net::TcpListener::bind("0.0.0.0:7") {
///         Ok(listener) => listener,
///         Err(error) => daemon.fail(Errno::try_from(error).unwrap_or(Errno::ECANCELED)),
///     };
///     daemon.ready();
///     loop {
///         listener.accept()?;
///     }
/// }
/// ```
///
/// Source: Stevens, UNP 13.4, APUE 13.3.
#[doc(alias = "daemon")]
pub fn daemonize(options: Options) -> core::result::Result<Daemon, Error> {
    if Pid::current().as_raw() == 1 {
        return Err(Error::new(Step::FirstProcess, Errno::EPERM));
    }
    if has_other_threads() {
        return Err(Error::new(Step::Threads, Errno::EBUSY));
    }
    // Its buffer would be lost with the original process, or be written by both.
    flush_stdout();
    // Above the standard descriptors, whose place `/dev/null` will take: they may be closed now.
    let [read, write] = sys::pipe::pipe().map_err(|errno| Error::new(Step::Pipe, errno))?;
    match fork() {
        Ok(0) => {
            close(read);
            let mut daemon = Daemon { ready: write, pid_file: None };
            match go_into_background(&options, &mut daemon.pid_file) {
                Ok(()) => Ok(daemon),
                Err(error) => daemon.end(&error),
            }
        }
        Ok(child) => {
            close(write);
            let failed = wait_ready(read);
            close(read);
            // The first child, which is gone by now or soon.
            // SAFETY: no status is asked for.
            let _ = retry(|| check(unsafe { libc::waitpid(child, ptr::null_mut(), 0) }));
            match failed {
                // SAFETY: ends the process, whose buffers the daemon has its own copies of.
                None => unsafe { libc::_exit(0) },
                Some((step, errno)) => Err(Error::with_path(step, errno, options.paths.of(step))),
            }
        }
        Err(errno) => {
            close(read);
            close(write);
            Err(Error::new(Step::Fork, errno))
        }
    }
}

/// The daemon's side of [`daemonize`]. Dropping it unused tells the original process that the
/// daemon has failed.
#[derive(Debug)]
#[must_use = "the original process waits for `ready`"]
pub struct Daemon {
    ready: c_int,
    pid_file: Option<PidFile>,
}

impl Daemon {
    /// The daemon runs: the original process exits with code 0. The pid file stays locked until the
    /// daemon has ended.
    pub fn ready(mut self) {
        if let Some(pid_file) = self.pid_file.take() {
            pid_file.keep();
        }
        ready::notify(self.ready, [READY, 0]);
    }

    /// The daemon cannot run: it ends, its pid file is emptied, and `daemonize` fails in the
    /// original process with [`Step::Program`] and this error; [`Errno::ECANCELED`] in place of the
    /// number 0, which would be none.
    ///
    /// What was printed with `print!` is written first; for that, this waits for a thread that holds
    /// the lock of `std::io::stdout()`. Further details belong in a log: by default, standard error
    /// is `/dev/null` already.
    pub fn fail(self, error: Errno) -> ! {
        let error = if error.raw_os_error() == 0 { Errno::ECANCELED } else { error };
        flush_stdout();
        self.end(&Error::new(Step::Program, error))
    }

    fn end(mut self, error: &Error) -> ! {
        // Before anybody knows: who starts the next one finds it empty.
        self.pid_file = None;
        ready::notify(self.ready, [error.step().code(), error.errno().raw_os_error()]);
        // SAFETY: ends the process.
        unsafe { libc::_exit(1) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Before the original process learns of it.
        self.pid_file = None;
        close(self.ready);
    }
}

fn has_other_threads() -> bool {
    // `join` returns a moment before the kernel has done with the thread.
    for _ in 0..100 {
        if sys::threads::others() != Some(true) {
            return false;
        }
        // SAFETY: no descriptors, a millisecond.
        unsafe { libc::poll(ptr::null_mut(), 0, 1) };
    }
    true
}

fn flush_stdout() {
    #[cfg(feature = "std")]
    {
        use std::io::Write;
        // As at an exit, where nobody asks either.
        let _ = std::io::stdout().flush();
    }
}

fn fork() -> Result<c_int> {
    // SAFETY: there are no other threads, as far as can be told; the documentation asks for it.
    check(unsafe { libc::fork() })
}

fn go_into_background(
    options: &Options,
    pid_file: &mut Option<PidFile>,
) -> core::result::Result<(), Error> {
    let failed = |step| move |errno| Error::new(step, errno);
    new_session().map_err(failed(Step::Session))?;
    if fork().map_err(failed(Step::Fork))? != 0 {
        // SAFETY: ends the leader of the session.
        unsafe { libc::_exit(0) };
    }
    // Before the directory changes, so that its path means what the caller meant.
    *pid_file = options.paths.create_pid_file()?;
    // SAFETY: takes a plain value.
    unsafe { libc::umask(options.umask) };
    options.paths.enter_directory().map_err(failed(Step::Directory))?;
    if !options.keep_descriptors {
        replace_stdio().map_err(failed(Step::Descriptors))?;
    }
    Ok(())
}

fn replace_stdio() -> Result<()> {
    // SAFETY: a C string and plain values.
    unsafe {
        let null = check(libc::open(b"/dev/null\0".as_ptr().cast(), libc::O_RDWR))?;
        for standard in 0..=2 {
            check(libc::dup2(null, standard))?;
        }
        if null > 2 {
            close(null);
        }
    }
    Ok(())
}
