//! Sessions, process groups, and clean signals for the programs that one starts.
//!
//! A signal to a process group reaches all of it. In 2001 the sending of one mail killed every file
//! server of a machine: all services had been started by one parent and shared its group, and the
//! mail service told its own children by `kill(0, SIGUSR1)` that mail had come. A service belongs
//! in a session of its own:
//!
//! ```
//! use signal::CommandExt;
//! use std::process::Command;
//!
//! let mut service = Command::new("true");
//! let mut service = service.new_session().reset_signals().spawn_with_signals_blocked()?;
//! assert!(service.wait()?.success());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Within a session, job control: a shell gives each job a group ([`new_group`], [`join_group`])
//! and lends it the terminal ([`set_foreground`]);
//! [`child::wait_change`](crate::child::wait_change) says when the job stops or ends. The example
//! `shell` is such a shell.
//!
//! [`daemonize`] is for a program that puts itself into the background; `PidFile` for one that
//! stays and must run once only.
//!
//! Guide: [fork, exec and daemons](crate::guide::daemons), [job control](crate::guide::job_control).

#[cfg(feature = "std")]
mod command;
mod daemon;
mod error;
mod paths;
#[cfg(feature = "std")]
mod pid_file;
mod ready;

#[cfg(feature = "std")]
pub use self::command::CommandExt;
#[doc(alias = "daemon")]
pub use self::daemon::daemonize;
pub use self::daemon::{Daemon, Options};
pub use self::error::{Error, Step};
#[cfg(feature = "std")]
pub use self::pid_file::PidFile;

use crate::errno::{check, Errno, Result};
use crate::fd::{number, AsFd};
use crate::handler::Handler;
use crate::install::{install, query};
use crate::mask::{set_blocked, BlockGuard};
use crate::pid::Pid;
use crate::set::SignalSet;
use crate::signal::{Signal, SIGTTOU};
use crate::sys::number::HIGHEST;
use libc::c_int;

/// Makes the calling process the leader of a new session and of a new process group, without a
/// controlling terminal, and returns the id of all three (`setsid`). Async-signal-safe.
///
/// Errors: [`Errno::EPERM`] if it leads a process group already, as what a
/// shell starts does: fork first ([`daemonize`]), or have the parent see to it
/// (`CommandExt::new_session`).
///
/// Source: POSIX.1-2024
/// [`setsid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/setsid.html).
#[doc(alias = "setsid")]
pub fn new_session() -> Result<Pid> {
    // SAFETY: takes nothing.
    check(unsafe { libc::setsid() }).map(|_| Pid::current())
}

/// Makes the calling process the leader of a new process group in its session, and returns the id
/// of the group, which is its own (`setpgid`). One that leads a group already keeps it.
/// Async-signal-safe.
///
/// Errors: [`Errno::EPERM`] if it leads a session.
///
/// ```
/// use signal::{child, session, Pid};
///
/// // SAFETY: this process has one thread.
/// match Pid::from_raw(unsafe { libc::fork() }) {
///     None => {
///         let leads = session::new_group() == Ok(Pid::current());
///         // SAFETY: ends the child at once.
///         unsafe { libc::_exit(i32::from(!leads)) }
///     }
///     Some(child) => assert!(child::wait(child)?.status.success()),
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`setpgid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/setpgid.html).
#[doc(alias = "setpgid")]
pub fn new_group() -> Result<Pid> {
    // SAFETY: takes plain values.
    check(unsafe { libc::setpgid(0, 0) }).map(|_| Pid::current())
}

/// Moves a process, the caller or a child that has not called `exec` yet, into a process group of
/// the same session (`setpgid`). With its own id it leads a new group. Async-signal-safe.
///
/// A shell does this twice, in the parent and in the child, since either may need it first:
/// the parent then takes `EACCES` for success. `CommandExt::join_group` needs it once.
///
/// Errors: [`Errno::EACCES`] for a child that has called `exec`; [`Errno::EPERM`] if the group is
/// not one of the session, or the process leads a session or belongs to another; [`Errno::ESRCH`]
/// if the process is neither the caller nor a child.
///
/// ```
/// use signal::{child, session, Pid};
///
/// // SAFETY: this process has one thread.
/// match Pid::from_raw(unsafe { libc::fork() }) {
///     None => {
///         let leads = session::join_group(Pid::current(), Pid::current());
///         // SAFETY: ends the child at once.
///         unsafe { libc::_exit(i32::from(leads.is_err())) }
///     }
///     Some(child) => {
///         session::join_group(child, child)?;
///         assert!(child::wait(child)?.status.success());
///     }
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`setpgid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/setpgid.html); Stevens,
/// APUE 9.4.
#[doc(alias = "setpgid")]
pub fn join_group(pid: Pid, group: Pid) -> Result<()> {
    // SAFETY: takes plain values.
    check(unsafe { libc::setpgid(pid.as_raw(), group.as_raw()) }).map(drop)
}

/// The process group of the caller (`getpgrp`). Async-signal-safe, unless it panics.
///
/// Panics where the group has no id: Linux, in a pid namespace, for a group that was made outside
/// (`unshare --pid --fork`). [`new_group`] or [`new_session`] makes one inside.
///
/// ```
/// use signal::{kill_group, session, SIGCONT};
///
/// // To everybody in it, the caller included.
/// kill_group(session::own_group(), SIGCONT)?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`getpgrp`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getpgrp.html).
#[doc(alias = "getpgrp")]
pub fn own_group() -> Pid {
    // SAFETY: takes nothing and cannot fail.
    let group = unsafe { libc::getpgrp() };
    Pid::from_raw(group).expect("the process group was made outside of this pid namespace")
}

/// The process group in the foreground of the caller's controlling terminal, which `fd` must be
/// (`tcgetpgrp`); `None` if no process is in it any more, or none that this pid namespace knows.
/// Async-signal-safe.
///
/// With `std`, `fd` is anything with `AsFd`: `std::io::stdin()`, a `&File`. Without, it is a
/// number.
///
/// Errors: [`Errno::ENOTTY`] if it is not the controlling terminal; [`Errno::EBADF`].
///
/// ```
/// use signal::{session, Errno};
///
/// match session::foreground(std::io::stdin()) {
///     Ok(group) if group == Some(session::own_group()) => println!("in the foreground"),
///     Ok(_) => println!("in the background"),
///     Err(error) => assert!(error == Errno::ENOTTY || error == Errno::EBADF),
/// }
/// ```
///
/// Source: POSIX.1-2024
/// [`tcgetpgrp`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/tcgetpgrp.html).
#[doc(alias = "tcgetpgrp")]
pub fn foreground(fd: impl AsFd) -> Result<Option<Pid>> {
    // SAFETY: takes a plain value.
    let group = check(unsafe { libc::tcgetpgrp(number(&fd)) })?;
    // For no group, some systems have 0, some a number that no group has, some that of the last.
    // SAFETY: takes plain values; signal 0 is never sent. (To `kill`, −1 is everybody.)
    let is_gone = || group > 1 && check(unsafe { libc::kill(-group, 0) }) == Err(Errno::ESRCH);
    Ok(Pid::from_raw(group).filter(|_| !is_gone()))
}

/// Puts a process group of the session into the foreground of the caller's controlling terminal,
/// which `fd` must be (`tcsetpgrp`): it may read, and Ctrl-C and Ctrl-Z are for it.
/// Async-signal-safe.
///
/// SIGTTOU, which would stop a caller in the background, is blocked meanwhile: a shell takes the
/// terminal back with this when its job has stopped. `fd` as for [`foreground`].
///
/// Errors, after which the terminal is as before: [`Errno::ENOTTY`] if it is not the controlling
/// terminal; [`Errno::EPERM`] for a group that is not of this session, or (Linux: [`Errno::ESRCH`])
/// none at all; [`Errno::EBADF`].
///
/// ```no_run
/// use signal::{child, kill_group, session, CommandExt, Pid, SIGCONT};
///
/// let terminal = std::fs::File::open("/dev/tty")?;
/// let job = std::process::Command::new("vi").new_group().spawn()?;
/// let job = Pid::from(&job);
/// session::set_foreground(&terminal, job)?;
/// kill_group(job, SIGCONT)?; // it may have been too early, and have stopped
/// child::wait_change(child::Which::Pid(job))?;
/// session::set_foreground(&terminal, session::own_group())?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`tcsetpgrp`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/tcsetpgrp.html);
/// Stevens, APUE 9.7 and 9.8.
#[doc(alias = "tcsetpgrp")]
pub fn set_foreground(fd: impl AsFd, group: Pid) -> Result<()> {
    lend_terminal(number(&fd), group.as_raw())
}

fn lend_terminal(fd: c_int, group: libc::pid_t) -> Result<()> {
    let _blocked = BlockGuard::new(SIGTTOU);
    // SAFETY: takes plain values.
    check(unsafe { libc::tcsetpgrp(fd, group) }).map(drop)
}

/// Every signal at its default effect and none blocked in this thread, whatever the program was
/// started with: for the first line of `main` of a program that starts others. Async-signal-safe.
///
/// `exec` keeps what is ignored or blocked: a supervisor started under `nohup` would give all its
/// programs SIGHUP ignored. Handlers of the C library's own signals stay. What Rust's runtime has
/// set goes too: SIGPIPE, which it ignores, ends the program again, and a stack overflow is no
/// longer reported. Self-pipes that exist hear nothing any more.
///
/// ```
/// use signal::{session, Handler, SIGHUP, SIGTERM};
///
/// signal::install(SIGHUP, Handler::Ignore)?;
/// signal::block(SIGTERM);
/// session::reset_signals();
/// assert_eq!(signal::query(SIGHUP)?.handler(), Handler::Default);
/// assert!(signal::blocked().is_empty());
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// For programs that are started: `CommandExt::reset_signals`.
pub fn reset_signals() {
    reset_actions(|_| true);
    // After that: what is pending meets the default effect.
    set_blocked(SignalSet::empty());
}

fn reset_actions(chosen: impl Fn(Handler) -> bool) {
    for signal in (1..=HIGHEST).filter_map(Signal::from_raw) {
        if query(signal).map_or(false, |action| chosen(action.handler())) {
            // SIGKILL, SIGSTOP and what the C library reserves have no other.
            let _ = install(signal, Handler::Default);
        }
    }
}
