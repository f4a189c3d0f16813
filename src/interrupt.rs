//! Surviving `EINTR`.

use crate::deadline::{poll, Deadline};
use crate::errno::{check, Errno, Result};
use crate::fd::{number, AsFd};
use core::mem::{size_of, MaybeUninit};
use libc::{c_int, socklen_t};

/// An error that may say: interrupted by a signal handler. For [`retry`].
pub trait Interrupted {
    /// Whether it says so.
    fn is_interrupted(&self) -> bool;
}

impl Interrupted for Errno {
    fn is_interrupted(&self) -> bool {
        *self == Errno::EINTR
    }
}

#[cfg(feature = "std")]
impl Interrupted for std::io::Error {
    fn is_interrupted(&self) -> bool {
        self.kind() == std::io::ErrorKind::Interrupted
    }
}

/// Repeats `op` while it fails with `EINTR`.
///
/// For `accept`, `read`, `write`, `open`, `wait`, `flock` and their like: after any signal without
/// `SA_RESTART`, and on Linux after a stop and continue even without a handler. **Never for
/// `close`**, after which the descriptor is gone although it failed, **nor for `connect`**, which
/// continues by itself ([`finish_connect`]). A call with a time limit (`poll`, `nanosleep`) starts
/// it anew each time.
///
/// ```
/// use std::io::Read;
///
/// let (mut reader, writer) = std::os::unix::net::UnixStream::pair()?;
/// drop(writer);
/// assert_eq!(signal::retry(|| reader.read(&mut [0; 8]))?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Guide: [what does not restart](crate::guide::not_restarted).
///
/// Source: Stevens, UNP 5.9.
#[doc(alias = "TEMP_FAILURE_RETRY")]
#[doc(alias = "EINTR")]
pub fn retry<T, E: Interrupted>(
    mut op: impl FnMut() -> core::result::Result<T, E>,
) -> core::result::Result<T, E> {
    loop {
        match op() {
            Err(error) if error.is_interrupted() => {}
            result => return result,
        }
    }
}

/// Waits for a connection attempt that continues by itself: after `connect` on this socket failed
/// with `EINTR` or `EINPROGRESS`. `Ok` means connected.
///
/// A second `connect` would do on Linux and fail elsewhere (`EALREADY`, `EISCONN`). This polls for
/// writability, asks the socket for the error, and then for the peer's name, since an interrupted
/// `connect` to a Unix socket on Linux does not continue at all, although the first two look like
/// success: that is [`Errno::ENOTCONN`], and `connect` must be called again.
///
/// Errors: that of the attempt ([`Errno::ECONNREFUSED`], [`Errno::ETIMEDOUT`], …); [`Errno::EINTR`]
/// when a handler runs while it waits, which is how SIGALRM limits the time
/// (`retry(|| finish_connect(fd))` continues all the same); [`Errno::EBADF`], [`Errno::ENOTSOCK`].
/// The socket stays as it is. Async-signal-safe.
///
/// ```
/// use signal::{finish_connect, retry};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
/// retry(|| finish_connect(&stream))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`connect`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/connect.html); Stevens,
/// UNP 16.4.
#[doc(alias = "connect")]
pub fn finish_connect(fd: impl AsFd) -> Result<()> {
    let fd = number(&fd);
    // First of all: what is no socket may never be writable, and `poll` leaves a negative number
    // alone for ever.
    option(fd, libc::SO_TYPE)?;
    poll(fd, libc::POLLOUT, Deadline::NEVER)?;
    match option(fd, libc::SO_ERROR)? {
        0 => {}
        error => return Err(Errno::from_raw_os_error(error)),
    }
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut size = size_of::<libc::sockaddr_storage>() as socklen_t;
    // SAFETY: room for any address, and its size.
    check(unsafe { libc::getpeername(fd, address.as_mut_ptr().cast(), &mut size) }).map(drop)
}

fn option(fd: c_int, name: c_int) -> Result<c_int> {
    let mut value: c_int = 0;
    let mut size = size_of::<c_int>() as socklen_t;
    let pointer = (&mut value as *mut c_int).cast();
    // SAFETY: room for an int, and its size.
    check(unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, pointer, &mut size) })?;
    Ok(value)
}
