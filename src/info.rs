//! What the system says of a signal that arrived.

use crate::pid::Pid;
use crate::signal::{self, Signal};
use crate::sys::code::{self, CODES};
use crate::sys::siginfo;
use core::borrow::Borrow;
use core::fmt;
use libc::{c_int, c_long, c_void, siginfo_t, uid_t};

/// Where a signal came from and what it says: `siginfo_t`.
///
/// The structure is a union, most of whose fields mean nothing for most signals. Each accessor is
/// `Some` only where the kernel has filled that field in, by signal and code; on macOS and OpenBSD,
/// where [`SignalSet::wait`] learns the number alone, none of them is.
///
/// Where the queue of pending signals is full (`RLIMIT_SIGPENDING`), Linux forgets everything except
/// the number for most signals: they look as if sent by [`kill`](crate::kill), by nobody.
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

/// Why a signal was sent: what [`Info::code`] means, whatever its number on this platform.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A process called [`kill`](crate::kill).
    User,
    /// A process called [`queue`](crate::queue): there is a value.
    Queue,
    /// A thread called [`raise`](crate::raise), `kill_thread` or their like.
    /// Where a system does not tell these from `kill`, it is `User`.
    Thread,
    /// A timer of `timer_create` expired: there is a value.
    Timer,
    /// An asynchronous read or write (`aio_read`) is done: there is a value.
    AsyncIo,
    /// A message came into an empty queue (`mq_notify`): there is a value.
    Message,
    /// The kernel, without saying more: the terminal, [`alarm`](crate::alarm), a broken pipe.
    Kernel,
    /// An instruction failed: [`Info::address`], if that is known.
    Fault,
    /// I/O became possible: [`Info::band`].
    Io,
    /// A child exited: [`Info::status`] is its exit code.
    Exited,
    /// A child was ended by a signal, without a core file: [`Info::status`] is the signal.
    Killed,
    /// A child was ended by a signal, with a core file.
    Dumped,
    /// A child that is traced came to a trap.
    Trapped,
    /// A child was stopped by a signal.
    Stopped,
    /// A child was continued.
    Continued,
    /// A code that this crate does not know, or none.
    Unknown,
}

impl Info {
    /// A copy of a `siginfo_t`, given by value or by reference: from a handler made with
    /// [`Handler::from_raw_with_info`](crate::Handler::from_raw_with_info), from `waitid` or
    /// `ptrace`.
    pub fn from_raw(raw: impl Borrow<siginfo_t>) -> Info {
        Info(*raw.borrow())
    }

    /// The structure of the system.
    pub fn as_raw(&self) -> &siginfo_t {
        &self.0
    }

    /// Information that says no more than the number, for kernels that pass none.
    pub(crate) fn number_only(number: c_int) -> Info {
        // SAFETY: the structure is made of integers and raw pointers, for which zero is valid.
        let mut raw: siginfo_t = unsafe { core::mem::MaybeUninit::zeroed().assume_init() };
        raw.si_signo = number;
        // Every accessor answers `None`.
        raw.si_code = code::NONE;
        Info(raw)
    }

    /// The signal. SIGKILL, which nobody is ever told of, for a structure that has none, such as
    /// `waitid` leaves when there is no child to report.
    pub fn signal(&self) -> Signal {
        Signal::from_raw(self.0.si_signo).unwrap_or(signal::SIGKILL)
    }

    /// `si_code`: why the signal was sent. Its values differ between platforms.
    #[doc(alias = "si_code")]
    pub fn code(&self) -> c_int {
        self.0.si_code
    }

    fn is_child(&self) -> bool {
        self.signal() == signal::SIGCHLD && code::from_kernel(self.code())
    }

    /// Signals other than `IO` mean I/O too, where a program can choose the signal.
    fn is_io(&self) -> bool {
        code::from_kernel(self.code())
            && (self.signal() == IO
                || code::is_chosen_io(self.code())
                    && !self.is_child()
                    && !self.is_fault()
                    && self.signal() != signal::SIGSYS)
    }

    /// Whether an instruction has failed.
    pub(crate) fn is_fault(&self) -> bool {
        const FAULTS: [Signal; 5] =
            [signal::SIGSEGV, signal::SIGBUS, signal::SIGFPE, signal::SIGILL, signal::SIGTRAP];
        FAULTS.contains(&self.signal()) && code::is_fault(self.code())
    }

    /// Why the signal was sent.
    ///
    /// ```
    /// use signal::{BlockGuard, Cause, Pid, SignalSet, SIGCHLD};
    ///
    /// let _guard = BlockGuard::new(SIGCHLD);
    /// let mut child = std::process::Command::new("true").spawn().unwrap();
    /// let info = SignalSet::from(SIGCHLD).wait()?;
    /// match info.cause() {
    ///     Cause::Exited => assert_eq!(info.sender_pid(), Some(Pid::from(&child))),
    ///     // Where `wait` learns the number alone.
    ///     cause => assert_eq!(cause, Cause::Unknown),
    /// }
    /// child.wait().unwrap();
    /// # Ok::<(), signal::Errno>(())
    /// ```
    pub fn cause(&self) -> Cause {
        let code = self.code();
        if self.is_child() {
            return match code - CODES.child {
                0 => Cause::Exited,
                1 => Cause::Killed,
                2 => Cause::Dumped,
                3 => Cause::Trapped,
                4 => Cause::Stopped,
                5 => Cause::Continued,
                _ => Cause::Kernel,
            };
        }
        match code {
            code::NONE => Cause::Unknown,
            _ if self.is_fault() => Cause::Fault,
            _ if self.is_io() => Cause::Io,
            _ if code == CODES.user => Cause::User,
            _ if code == CODES.thread => Cause::Thread,
            _ if code == CODES.queue => Cause::Queue,
            _ if code == CODES.timer => Cause::Timer,
            _ if code == CODES.async_io => Cause::AsyncIo,
            _ if code == CODES.message => Cause::Message,
            _ if code > 0 && code::are_known() => Cause::Kernel,
            _ => Cause::Unknown,
        }
    }

    /// The process that sent the signal, or the child that changed state. `None` too when the
    /// sender lies outside the process's pid namespace.
    #[doc(alias = "si_pid")]
    pub fn sender_pid(&self) -> Option<Pid> {
        let known = code::from_user(self.code()) || self.is_child();
        known.then(|| siginfo::pid(&self.0)).and_then(Pid::from_raw)
    }

    /// The real user id of the process that sent the signal, or of the child that changed state.
    /// `None` too where the system says 0 and no process: it has forgotten the sender (see
    /// [`Info`]), or that is root outside the process's pid namespace.
    #[doc(alias = "si_uid")]
    pub fn sender_uid(&self) -> Option<uid_t> {
        let known = code::from_user(self.code()) || self.is_child();
        let uid = known.then(|| siginfo::uid(&self.0));
        uid.filter(|uid| *uid != 0 || siginfo::pid(&self.0) != 0)
    }

    /// For `SIGCHLD`: the exit code of the child, or the number of the signal that ended, stopped
    /// or continued it; [`code`](Info::code) tells which (`CLD_EXITED` and so on).
    ///
    /// One `SIGCHLD` can stand for many children: collect them with [`child`](crate::child).
    #[doc(alias = "si_status")]
    pub fn status(&self) -> Option<c_int> {
        self.is_child().then(|| siginfo::status(&self.0))
    }

    /// The value that [`queue`](crate::queue) or a timer sent along.
    #[doc(alias = "si_value")]
    #[doc(alias = "sival_int")]
    pub fn value(&self) -> Option<c_int> {
        let has_value = code::has_value(self.code());
        has_value.then(|| siginfo::value(&self.0)).flatten()
    }

    /// The value as a pointer, if it was sent as one ([`queue_pointer`](crate::queue_pointer)). The
    /// system does not say which it was, nor whether the sender is this process: look at
    /// [`sender_pid`](Info::sender_pid) before you follow it.
    #[doc(alias = "sival_ptr")]
    pub fn pointer_value(&self) -> Option<*mut c_void> {
        let has_value = code::has_value(self.code());
        has_value.then(|| siginfo::pointer_value(&self.0)).flatten()
    }

    /// For a fault (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`): the address of the memory
    /// or the instruction. `None` if the system does not know it (x86: of a pointer that is no
    /// address at all).
    #[doc(alias = "si_addr")]
    pub fn address(&self) -> Option<*mut c_void> {
        let known = self.is_fault() && code::from_kernel(self.code());
        known.then(|| siginfo::address(&self.0))
    }

    /// For I/O that became possible: the events, as `poll` has them. With `SIGIO` (`SIGPOLL`); on
    /// Linux only if [`owner::signal`](crate::owner::signal) has asked for it, and then with any
    /// signal. `None` where this crate does not know where the platform keeps them.
    #[doc(alias = "si_band")]
    pub fn band(&self) -> Option<c_long> {
        self.is_io().then(|| siginfo::band(&self.0)).flatten()
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Info");
        fields.field("signal", &self.signal()).field("cause", &self.cause());
        fields.field("code", &self.code());
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
