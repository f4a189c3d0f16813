//! How long to sleep: the monotonic clock, and `poll`.

use crate::errno::{check, Errno, Result};
use core::mem::MaybeUninit;
use core::ptr;
use core::time::Duration;
use libc::{c_int, c_short, timespec};

/// A point on the monotonic clock, or none.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Option<Duration>);

impl Deadline {
    pub(crate) const NEVER: Deadline = Deadline(None);

    /// A time too long to be counted never ends.
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline(now().checked_add(timeout))
    }

    /// What is left, zero when it is over; `None`: there is no end.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_sub(now()))
    }

    /// Whether it is over.
    pub(crate) fn is_over(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}

/// The monotonic clock.
fn now() -> Duration {
    let mut time = MaybeUninit::<timespec>::zeroed();
    // SAFETY: there is room for a timespec, which is made of integers; the clock exists on every
    // platform, so that the call cannot fail.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Sleeps until `fd`, unless negative, is ready for one of `events`, the time is over (`false`) or
/// a handler has run (`EINTR`). One call cannot sleep for longer than 24 days: look whether the
/// deadline is over.
pub(crate) fn poll(fd: c_int, events: c_short, deadline: Deadline) -> Result<bool> {
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    let millis = match deadline.left() {
        None => -1,
        // Rounded up: one that wakes early would spin.
        Some(left) => {
            (left + Duration::from_nanos(999_999)).as_millis().min(i32::MAX as u128) as c_int
        }
    };
    // Where a process may have no descriptors, even an entry without one is too many.
    let entries = libc::c_int::from(fd >= 0);
    // SAFETY: the pointer leads to one entry.
    let ready = check(unsafe { libc::poll(&mut entry, entries as _, millis) })?;
    if entry.revents & libc::POLLNVAL != 0 {
        return Err(Errno::EBADF);
    }
    Ok(ready > 0)
}

/// Sleeps for a millisecond, or until a handler has run.
pub(crate) fn pause() {
    // SAFETY: no entries.
    unsafe { libc::poll(ptr::null_mut(), 0, 1) };
}
