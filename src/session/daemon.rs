//! The classic way into the background.

use crate::errno::{check, Errno, Result};
use crate::interrupt::retry;
use crate::mask::BlockGuard;
use crate::session::new_session;
use crate::set::SignalSet;
use crate::signal::SIGPIPE;
use crate::sys;
use core::ptr;
use core::time::Duration;
use libc::{c_char, c_int, mode_t};

/// How to [`daemonize`].
///
/// ```
/// let options = signal::session::Options::new().umask(0o027).directory("/var/empty").pid_file("/run/mine.pid");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    umask: mode_t,
    keep_descriptors: bool,
    #[cfg(feature = "std")]
    directory: Option<std::ffi::CString>,
    #[cfg(feature = "std")]
    pid_file: Option<std::ffi::CString>,
    #[cfg(feature = "std")]
    bad_path: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// Umask 022, working directory `/`, standard descriptors to `/dev/null`, no pid file.
    pub fn new() -> Options {
        Options {
            umask: 0o022,
            keep_descriptors: false,
            #[cfg(feature = "std")]
            directory: None,
            #[cfg(feature = "std")]
            pid_file: None,
            #[cfg(feature = "std")]
            bad_path: false,
        }
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
        self.directory = self.path(path.as_ref());
        self
    }

    /// A file for the daemon's process id, locked (`F_SETLK`) as long as it lives, so that a second one fails with
    /// [`Errno::EAGAIN`]. A relative path is taken from where `daemonize` is called.
    #[cfg(feature = "std")]
    pub fn pid_file(mut self, path: impl AsRef<std::path::Path>) -> Options {
        self.pid_file = self.path(path.as_ref());
        self
    }

    #[cfg(feature = "std")]
    fn path(&mut self, path: &std::path::Path) -> Option<std::ffi::CString> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::CString::new(path.as_os_str().as_bytes());
        self.bad_path |= path.is_err();
        path.ok()
    }

    #[cfg(feature = "std")]
    fn raw_paths(&self) -> Result<(*const c_char, *const c_char)> {
        let raw = |path: &Option<std::ffi::CString>| path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
        if self.bad_path {
            return Err(Errno::EINVAL);
        }
        Ok((raw(&self.directory), raw(&self.pid_file)))
    }

    #[cfg(not(feature = "std"))]
    fn raw_paths(&self) -> Result<(*const c_char, *const c_char)> {
        Ok((ptr::null(), ptr::null()))
    }
}

/// The process goes on in the background: fork, a new session, fork again (so that no terminal can become its own), umask,
/// working directory, pid file, standard descriptors to `/dev/null`.
///
/// It returns in the daemon. The original process waits until the daemon says [`ready`](Daemon::ready) and then exits with
/// code 0: whoever started it knows that it runs. If anything fails, here or in the daemon before it is ready, this returns the
/// error *in the original process*, and there is no daemon.
///
/// Errors: [`Errno::EBUSY`] if other threads are running (they would not exist in the daemon; told on Linux, Android and
/// macOS, and not on the BSDs: call this first thing in `main`); [`Errno::EAGAIN`] if the pid file is locked by
/// another, or no process can be made; [`Errno::ECANCELED`] if the daemon ended before it was ready;
/// [`Errno::EINVAL`] for a path with a zero byte; whatever `open`, `chdir` and `pipe` fail with.
///
/// ```no_run
/// use signal::session::{daemonize, Options};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let daemon = daemonize(Options::new().pid_file("/run/mine.pid"))?;
///     let listener = match std::net::TcpListener::bind("0.0.0.0:7") {
///         Ok(listener) => listener,
///         Err(error) => daemon.fail(error.raw_os_error().map_or(signal::Errno::ECANCELED, signal::Errno::from_raw_os_error)),
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
pub fn daemonize(options: Options) -> Result<Daemon> {
    let (directory, pid_file) = options.raw_paths()?;
    if sys::threads::others() == Some(true) {
        return Err(Errno::EBUSY);
    }
    let [read, write] = report_pipe()?;
    match fork() {
        Ok(0) => {
            close(read);
            let daemon = Daemon { report: write };
            // SAFETY: the paths are null or end in a zero byte, and live as long as the options.
            match unsafe { go_into_background(&options, directory, pid_file) } {
                Ok(()) => Ok(daemon),
                Err(error) => daemon.fail(error),
            }
        }
        Ok(child) => {
            close(write);
            let report = read_report(read);
            close(read);
            // The first child, which is gone by now or soon.
            // SAFETY: no status is asked for.
            let _ = retry(|| check(unsafe { libc::waitpid(child, ptr::null_mut(), 0) }));
            match report {
                // SAFETY: ends the process, whose buffers the daemon has its own copies of.
                0 => unsafe { libc::_exit(0) },
                error => Err(Errno::from_raw_os_error(error)),
            }
        }
        Err(error) => {
            close(read);
            close(write);
            Err(error)
        }
    }
}

/// The daemon's side of [`daemonize`]. Dropping it unused tells the original process that the daemon has failed.
#[derive(Debug)]
#[must_use = "the original process waits for `ready`"]
pub struct Daemon {
    report: c_int,
}

impl Daemon {
    /// The daemon runs: the original process exits with code 0.
    pub fn ready(self) {
        self.tell(0);
    }

    /// The daemon cannot run: it ends, and `daemonize` fails with this error in the original process.
    pub fn fail(self, error: Errno) -> ! {
        self.tell(error.raw_os_error());
        // SAFETY: ends the process.
        unsafe { libc::_exit(1) }
    }

    fn tell(&self, code: c_int) {
        // If the original process is gone, nobody reads, and SIGPIPE would come of it.
        let pipe = BlockGuard::new(SIGPIPE);
        // SAFETY: as many bytes as there are.
        let told =
            retry(|| check(unsafe { libc::write(self.report, ptr::addr_of!(code).cast(), 4) } as c_int));
        if told == Err(Errno::EPIPE) && !pipe.previous().contains(SIGPIPE) {
            let _ = SignalSet::from(SIGPIPE).wait_timeout(Duration::ZERO);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        close(self.report);
    }
}

/// Beyond the standard descriptors, whose place `/dev/null` will take: they may be closed now.
fn report_pipe() -> Result<[c_int; 2]> {
    let [read, write] = sys::pipe::pipe()?;
    let read = move_up(read);
    match (read, move_up(write)) {
        (Ok(read), Ok(write)) => Ok([read, write]),
        (Ok(fd), Err(error)) | (Err(error), Ok(fd)) => {
            close(fd);
            Err(error)
        }
        (Err(error), Err(_)) => Err(error),
    }
}

/// The same open file under a number above the standard ones.
fn move_up(fd: c_int) -> Result<c_int> {
    // SAFETY: takes plain values.
    let moved = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) });
    close(fd);
    moved
}

fn fork() -> Result<c_int> {
    // SAFETY: there are no other threads, as far as can be told; the documentation asks for it.
    check(unsafe { libc::fork() })
}

fn close(fd: c_int) {
    // SAFETY: called once for each descriptor that was made here.
    unsafe { libc::close(fd) };
}

/// What the daemon said; `ECANCELED` if it ended without a word.
fn read_report(fd: c_int) -> c_int {
    let mut code: c_int = 0;
    // SAFETY: room for as many bytes as asked for. So few arrive at once or not at all.
    match retry(|| check(unsafe { libc::read(fd, ptr::addr_of_mut!(code).cast(), 4) } as c_int)) {
        Ok(4) => code,
        _ => libc::ECANCELED,
    }
}

/// SAFETY: the paths are null or C strings.
unsafe fn go_into_background(
    options: &Options,
    directory: *const c_char,
    pid_file: *const c_char,
) -> Result<()> {
    new_session()?;
    if fork()? != 0 {
        // SAFETY: ends the leader of the session.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: C strings, by the caller's promise or as they stand here; plain values otherwise.
    unsafe {
        // Before the directory changes, so that its path means what the caller meant.
        if !pid_file.is_null() {
            lock_pid_file(pid_file)?;
        }
        libc::umask(options.umask);
        let root = b"/\0".as_ptr().cast();
        check(libc::chdir(if directory.is_null() { root } else { directory }))?;
        if !options.keep_descriptors {
            let null = check(libc::open(b"/dev/null\0".as_ptr().cast(), libc::O_RDWR))?;
            for standard in 0..=2 {
                check(libc::dup2(null, standard))?;
            }
            if null > 2 {
                close(null);
            }
        }
    }
    Ok(())
}

/// The descriptor, and with it the lock, stays open as long as the process lives.
///
/// SAFETY: `path` is a C string.
unsafe fn lock_pid_file(path: *const c_char) -> Result<()> {
    let mode: libc::c_uint = 0o644;
    // SAFETY: a C string by the caller's promise.
    let fd = check(unsafe { libc::open(path, libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC, mode) })?;
    // Before it is locked: closing any descriptor of the file gives up the lock.
    let fd = move_up(fd)?;
    match sys::file_lock::lock(fd) {
        // POSIX allows both for a lock that somebody holds.
        Err(Errno::EACCES) => return Err(Errno::EAGAIN),
        locked => locked?,
    }
    // SAFETY: takes plain values.
    check(unsafe { libc::ftruncate(fd, 0) })?;
    let mut text = [b'\n'; 12];
    let mut start = text.len() - 1;
    let mut number = crate::Pid::current().as_raw();
    while number > 0 {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let digits = &text[start..];
    // SAFETY: as many bytes as there are.
    let written = unsafe { libc::write(fd, digits.as_ptr().cast(), digits.len()) };
    check(written as c_int).map(drop)
}
