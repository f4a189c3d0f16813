//! What the system says of a signal that arrived.

use crate::pid::Pid;
use crate::signal::{self, Signal};
use crate::sys::{code, siginfo};
use core::fmt;
use libc::{c_int, c_long, c_void, siginfo_t, uid_t};

/// Where a signal came from and what it says: `siginfo_t`.
///
/// The structure is a union, most of whose fields mean nothing for most signals. Each accessor is `Some` only where the
/// kernel has filled that field in, by signal and code; on macOS and OpenBSD, where [`SignalSet::wait`] learns the
/// number alone, none of them is.
///
/// ```
/// use signal::{BlockGuard, SignalSet, SIGUSR1};
///
/// let _guard = BlockGuard::new(SIGUSR1);
/// signal::raise(SIGUSR1)?;
/// let info = SignalSet::from(SIGUSR1).wait()?;
/// assert_eq!(info.signal(), SIGUSR1);
/// assert_eq!(info.address(), None);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// All its functions are async-signal-safe.
///
/// Source: POSIX.1-2024 XSH 2.4.3, Signal Actions.
///
/// [`SignalSet::wait`]: crate::SignalSet::wait
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Info(siginfo_t);

// SAFETY: plain data. The pointers inside are never followed.
unsafe impl Send for Info {}
// SAFETY: as above.
unsafe impl Sync for Info {}

#[cfg(has_sigio)]
const IO: Signal = signal::SIGIO;
#[cfg(not(has_sigio))]
const IO: Signal = signal::SIGPOLL;

impl Info {
    pub(crate) fn from_owned(raw: siginfo_t) -> Info {
        Info(raw)
    }

    /// Information that says no more than the number, for kernels that pass none.
    pub(crate) fn number_only(number: c_int) -> Info {
        // SAFETY: the structure is made of integers and raw pointers, for which zero is valid.
        let mut raw: siginfo_t = unsafe { core::mem::MaybeUninit::zeroed().assume_init() };
        raw.si_signo = number;
        // No system has this code: every accessor answers `None`.
        raw.si_code = c_int::MIN;
        Info(raw)
    }

    /// The signal.
    pub fn signal(&self) -> Signal {
        Signal::from_raw(self.0.si_signo).unwrap_or(signal::SIGKILL)
    }

    /// `si_code`: why the signal was sent. Its values differ between platforms.
    pub fn code(&self) -> c_int {
        self.0.si_code
    }

    fn is_child(&self) -> bool {
        self.signal() == signal::SIGCHLD && code::from_kernel(self.code())
    }

    fn is_fault(&self) -> bool {
        const FAULTS: [Signal; 5] =
            [signal::SIGSEGV, signal::SIGBUS, signal::SIGFPE, signal::SIGILL, signal::SIGTRAP];
        FAULTS.contains(&self.signal()) && code::from_kernel(self.code())
    }

    /// The process that sent the signal, or the child that changed state. `None` too when the sender lies outside the
    /// process's pid namespace.
    pub fn sender_pid(&self) -> Option<Pid> {
        let known = code::from_user(self.code()) || self.is_child();
        known.then(|| siginfo::pid(&self.0)).and_then(Pid::from_raw)
    }

    /// The real user id of the process that sent the signal, or of the child that changed state.
    pub fn sender_uid(&self) -> Option<uid_t> {
        let known = code::from_user(self.code()) || self.is_child();
        known.then(|| siginfo::uid(&self.0))
    }

    /// For `SIGCHLD`: the exit code of the child, or the number of the signal that ended, stopped or continued it;
    /// [`code`](Info::code) tells which (`CLD_EXITED` and so on).
    ///
    /// One `SIGCHLD` can stand for many children: collect them with [`child`](crate::child).
    pub fn status(&self) -> Option<c_int> {
        self.is_child().then(|| siginfo::status(&self.0))
    }

    /// The value that [`queue`](crate::queue) or a timer sent along.
    pub fn value(&self) -> Option<c_int> {
        if code::has_value(self.code()) {
            siginfo::value(&self.0)
        } else {
            None
        }
    }

    /// For a fault (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`): the address of the memory or the instruction.
    pub fn address(&self) -> Option<*mut c_void> {
        self.is_fault().then(|| siginfo::address(&self.0))
    }

    /// For I/O that became possible (`SIGIO`, `SIGPOLL`): the events, as `poll` has them. `None` where this crate does
    /// not know where the platform keeps them.
    pub fn band(&self) -> Option<c_long> {
        let io = self.signal() == IO && code::from_kernel(self.code());
        if io {
            siginfo::band(&self.0)
        } else {
            None
        }
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Info");
        fields.field("signal", &self.signal()).field("code", &self.code());
        macro_rules! known {
            ($($name:ident)*) => {
                $(if let Some(value) = self.$name() {
                    fields.field(stringify!($name), &value);
                })*
            };
        }
        known!(sender_pid sender_uid status value address band);
        fields.finish()
    }
}
