//! Process ids.

use crate::errno::Errno;
use core::fmt;
use core::num::NonZeroI32;
use libc::pid_t;

/// The id of a process or of a process group: positive, always.
///
/// `kill(2)` gives 0, −1 and negative numbers meanings of their own (one's own group, everybody, a
/// group). They cannot be expressed here, so that a computed id that went wrong does not signal the
/// world; see [`kill_group`](crate::kill_group) and [`kill_own_group`](crate::kill_own_group).
///
/// ```
/// use signal::Pid;
///
/// assert_eq!(Pid::from_raw(0), None);
/// assert_eq!(Pid::from_raw(-1), None);
/// assert!(signal::exists(Pid::current()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// `None` unless the number is positive.
    pub const fn from_raw(number: pid_t) -> Option<Pid> {
        match NonZeroI32::new(number) {
            Some(nonzero) if number > 0 => Some(Pid(nonzero)),
            _ => None,
        }
    }

    /// The number.
    pub const fn as_raw(self) -> pid_t {
        self.0.get()
    }

    /// The calling process (`getpid`). Async-signal-safe.
    #[doc(alias = "getpid")]
    pub fn current() -> Pid {
        // SAFETY: the call takes nothing, cannot fail, and returns a positive number.
        Pid(unsafe { NonZeroI32::new_unchecked(libc::getpid()) })
    }

    /// The parent of the calling process (`getppid`); `None` where that lies outside the process's
    /// pid namespace, as for the first process of a container. Async-signal-safe.
    #[doc(alias = "getppid")]
    pub fn parent() -> Option<Pid> {
        // SAFETY: takes nothing and cannot fail.
        Pid::from_raw(unsafe { libc::getppid() })
    }
}

impl From<Pid> for pid_t {
    fn from(pid: Pid) -> pid_t {
        pid.as_raw()
    }
}

/// [`Errno::EINVAL`] for a number that is not positive.
///
/// ```
/// use signal::{Errno, Pid};
///
/// assert_eq!(Pid::try_from(std::process::id()), Ok(Pid::current()));
/// assert_eq!(Pid::try_from(0u32), Err(Errno::EINVAL));
/// ```
impl TryFrom<i32> for Pid {
    type Error = Errno;

    fn try_from(number: i32) -> Result<Pid, Errno> {
        Pid::from_raw(number).ok_or(Errno::EINVAL)
    }
}

/// [`Errno::EINVAL`] for 0 and for a number that no `pid_t` holds.
impl TryFrom<u32> for Pid {
    type Error = Errno;

    fn try_from(number: u32) -> Result<Pid, Errno> {
        pid_t::try_from(number).ok().and_then(Pid::from_raw).ok_or(Errno::EINVAL)
    }
}

#[cfg(feature = "std")]
impl From<&std::process::Child> for Pid {
    fn from(child: &std::process::Child) -> Pid {
        let id = pid_t::try_from(child.id()).ok();
        id.and_then(Pid::from_raw).expect("the id of a child is a positive pid_t")
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid({})", self.0)
    }
}
