//! Who is told by a signal that something can be read, written, or is urgent: `SIGIO` (`SIGPOLL`)
//! and `SIGURG`.
//!
//! A handler alone hears nothing. `SIGURG` needs an owner of the socket; `SIGIO` an owner and
//! [`notify`]:
//!
//! ```
//! use signal::{owner, owner::Owner, InstallGuard, Pid, SIGIO};
//! use std::io::Write;
//! use std::os::unix::net::UnixStream;
//! use std::sync::atomic::{AtomicBool, Ordering};
//!
//! static READY: AtomicBool = AtomicBool::new(false);
//!
//! // First, so that it goes last: on Linux, the default effect of SIGIO is to terminate.
//! let _installed = InstallGuard::new(SIGIO, &READY)?;
//! let (reader, mut writer) = UnixStream::pair()?;
//! owner::set(&reader, Owner::Process(Pid::current()))?;
//! owner::notify(&reader, true)?;
//! writer.write_all(b"x")?;
//! while !READY.load(Ordering::Acquire) {}
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With `std`, `fd` is anything with `AsFd`. Without, it is a number; a library that passes one
//! does not compile in a program that turns `std` on.
//!
//! The owner and the switch belong to the open file description: duplicates and forked children
//! share them.
//!
//! Errors: [`Errno::EBADF`](crate::Errno::EBADF); [`Errno::ENOSYS`](crate::Errno::ENOSYS) where the
//! platform has no such thing (Haiku, Redox); whatever the kind of file does not support.
//!
//! Source: POSIX.1-2024
//! [`fcntl`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/fcntl.html), `F_SETOWN`;
//! `O_ASYNC` and `FIOASYNC` of BSD; Stevens, UNP 24.2 and 25.

use crate::errno::Result;
use crate::fd::{number, AsFd};
use crate::pid::Pid;
use crate::signal::Signal;
use crate::sys;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// One process.
    Process(Pid),
    /// Every process of a group.
    Group(Pid),
}

/// Has `owner` told of this descriptor. Async-signal-safe.
#[doc(alias = "F_SETOWN")]
pub fn set(fd: impl AsFd, owner: Owner) -> Result<()> {
    sys::owner::set(
        number(&fd),
        match owner {
            Owner::Process(pid) => pid.as_raw(),
            Owner::Group(group) => -group.as_raw(),
        },
    )
}

/// Takes the owner away: nobody is told of this descriptor any more. Async-signal-safe.
#[doc(alias = "F_SETOWN")]
pub fn clear(fd: impl AsFd) -> Result<()> {
    sys::owner::set(number(&fd), 0)
}

/// Who is told of this descriptor, if anybody. Async-signal-safe.
#[doc(alias = "F_GETOWN")]
pub fn get(fd: impl AsFd) -> Result<Option<Owner>> {
    let owner = sys::owner::get(number(&fd))?;
    Ok(Pid::from_raw(owner).map(Owner::Process).or_else(|| Pid::from_raw(-owner).map(Owner::Group)))
}

/// Switches `SIGIO` on or off: sent to the owner whenever reading or writing becomes possible.
/// Async-signal-safe.
///
/// Errors, besides those of the module: on Linux, `EOPNOTSUPP` for a kind of file that never tells:
/// a regular file, a directory, an `eventfd`. Other systems may say nothing.
#[doc(alias = "O_ASYNC")]
#[doc(alias = "FIOASYNC")]
pub fn notify(fd: impl AsFd, on: bool) -> Result<()> {
    sys::owner::notify(number(&fd), on)
}

/// Which signal is sent instead of `SIGIO`; any one, `SIGIO` itself included, comes with
/// [`Info::band`](crate::Info::band), which says what has become possible. `None`: the default,
/// `SIGIO` without it. Async-signal-safe.
///
/// A realtime signal is queued for each event, as long as there is room; then `SIGIO` comes once.
///
/// Errors, besides those of the module: [`Errno::EINVAL`](crate::Errno::EINVAL) for a signal that
/// does not exist; [`Errno::ENOSYS`](crate::Errno::ENOSYS) everywhere except on Linux and Android.
///
/// Source: Linux [`fcntl`](https://man7.org/linux/man-pages/man2/F_SETSIG.2const.html), `F_SETSIG`.
#[doc(alias = "F_SETSIG")]
pub fn signal(fd: impl AsFd, signal: Option<Signal>) -> Result<()> {
    sys::owner::signal(number(&fd), signal.map_or(0, Signal::as_raw))
}
