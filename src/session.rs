//! Sessions, process groups, and clean signals for the programs that one starts.
//!
//! A signal to a process group reaches all of it. In 2001 the sending of one mail killed every file
//! server of a machine: all services had been started by one parent and shared its group, and the
//! mail service told its own children by `kill(0, SIGUSR1)` that mail had come. A service belongs
//! into a session of its own:
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
//! [`daemonize`] is for a program that puts itself into the background; `PidFile` for one that
//! stays and must run once only.

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
pub use self::daemon::{daemonize, Daemon, Options};
pub use self::error::{Error, Step};
#[cfg(feature = "std")]
pub use self::pid_file::PidFile;

use crate::errno::{check, Result};
use crate::pid::Pid;

/// Makes the calling process the leader of a new session and of a new process group, without a
/// controlling terminal, and returns the id of all three (`setsid`). Async-signal-safe.
///
/// Errors: [`Errno::EPERM`](crate::Errno::EPERM) if it leads a process group already, as what a
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
