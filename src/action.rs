//! Actions: what happens when a signal arrives, with which flags and which mask.

use crate::errno::{Errno, Result};
use crate::handler::{self, Entry};
use crate::info::Info;
use crate::set::SignalSet;
use crate::signal::{Signal, SIGALRM};
use crate::sys::flag;
use crate::sys::sigaction::{self, Sigaction};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize};

bitflags::bitflags! {
    /// The `SA_` flags of an [`Action`]. A platform that does not have one does not have the constant.
    ///
    /// [`Action::restart`] is the portable way to say `RESTART` or its absence.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Flags: u32 {
        /// No `SIGCHLD` when a child stops or goes on.
        const NOCLDSTOP = flag::NOCLDSTOP;
        /// Children that end leave no status to collect ([`child`](crate::child)).
        #[cfg(has_sa_nocldwait)]
        const NOCLDWAIT = flag::NOCLDWAIT;
        /// Run on the alternate stack, if the thread has one.
        ///
        /// Off by default: `std` gives each thread one of 8 KiB, for its report of stack overflow, and where a signal frame takes
        /// 3 KiB of that (x86_64 with AVX-512) three signals that are let through at once overflow it, and the process dies of
        /// SIGSEGV. A process that hosts a Go runtime needs it for every handler: there, [`block`](Action::block) the other
        /// signals too, so that one frame is all. A [`SelfPipe`](crate::SelfPipe) does both.
        #[cfg(has_sa_onstack)]
        const ONSTACK = flag::ONSTACK;
        /// Back to the default action when the signal arrives.
        const RESETHAND = flag::RESETHAND;
        /// Do not block the signal while its own handler runs.
        const NODEFER = flag::NODEFER;
        /// Go on with an interrupted system call, where the system can. On by default, but for SIGALRM.
        #[cfg(has_sa_restart)]
        const RESTART = flag::RESTART;
        /// Do not. On by default for SIGALRM. Kernels of today take it for granted, and Linux since 5.11 does not give it
        /// back.
        #[cfg(has_sa_interrupt)]
        const INTERRUPT = flag::INTERRUPT;
        /// The handler takes three arguments. Set where it is needed.
        const SIGINFO = flag::SIGINFO;
    }
}

/// What happens when a signal arrives.
///
/// All but a function are safe to build. `Flag` and `Count` are enough for a program that looks at them from time to
/// time; a [`SelfPipe`](crate::SelfPipe) is the way into an event loop.
///
/// ```
/// use signal::{install, Handler, SIGUSR1, SIGUSR2};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static STOP: AtomicBool = AtomicBool::new(false);
/// install(SIGUSR1, &STOP)?;
/// install(SIGUSR2, Handler::Ignore)?;
/// signal::raise(SIGUSR1)?;
/// assert!(STOP.load(Ordering::Acquire));
/// # Ok::<(), signal::Errno>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// The default effect ([`Signal::default_effect`]).
    Default,
    /// Nothing.
    Ignore,
    /// Sets the flag. Load it with `Acquire`, or swap it.
    Flag(&'static AtomicBool),
    /// Adds one, wrapping. A standard signal that arrives several times before it is delivered is delivered once.
    Count(&'static AtomicUsize),
    /// Calls a function: made by [`Handler::new`] and [`Handler::with_info`], or found by [`query`](crate::query).
    Function(Function),
}

/// A function that handles a signal. Opaque: the kernel may have got it from somebody else.
///
/// One that was found in the system (by [`query`](crate::query), or as the previous action) can be installed for the
/// signal that it was found on, and for no other: what else it can bear nobody has promised.
#[derive(Clone, Copy)]
pub struct Function {
    address: usize,
    flags: u32,
    found_on: Option<Signal>,
}

/// Proof that a type has no size, by compiling at all.
struct ZeroSized<F>(PhantomData<F>);

impl<F> ZeroSized<F> {
    const PROOF: () = assert!(
        mem::size_of::<F>() == 0,
        "a signal handler must be a fn item or a closure that captures nothing: \
         the kernel keeps no room for captured values, put them into statics"
    );
}

impl Handler {
    /// A function to call when the signal arrives, with the signal.
    ///
    /// `f` is a `fn` item or a closure that captures nothing; anything else (a closure that captures, a `fn` pointer)
    /// does not compile when it is built. The kernel calls it directly, with no table and no lock in between. It finds
    /// `errno` as the interrupted code left it, and that is put back afterwards. A panic aborts the process.
    ///
    /// ```
    /// use signal::{install, Handler, Signal, SIGUSR1};
    ///
    /// fn on_signal(_: Signal) {
    ///     // SAFETY: the bytes are there. `write` is async-signal-safe.
    ///     unsafe { libc::write(2, b"caught\n".as_ptr().cast(), 7) };
    /// }
    /// // SAFETY: `on_signal` calls nothing but `write`.
    /// install(SIGUSR1, unsafe { Handler::new(on_signal) })?;
    /// signal::raise(SIGUSR1)?;
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// `f` must be async-signal-safe: it must do nothing that would be undefined behaviour between any two instructions
    /// of any thread of the program. It may use atomics and call functions of
    /// [the list of POSIX](https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_04_03);
    /// it may not allocate or free, lock a mutex, print through `std`, or touch thread-locals with destructors. The
    /// functions of this crate say where they may be called.
    pub unsafe fn new<F>(f: F) -> Handler
    where
        F: Fn(Signal) + Copy + Send + Sync + 'static,
    {
        let () = ZeroSized::<F>::PROOF;
        let _ = f;
        Handler::entry(handler::function::<F>)
    }

    /// As [`Handler::new`], for a function that also wants to know where the signal came from.
    ///
    /// ```
    /// use signal::{install, Handler, Info, Pid, Signal, SIGUSR1};
    /// use std::sync::atomic::{AtomicI32, Ordering};
    ///
    /// static SENDER: AtomicI32 = AtomicI32::new(0);
    /// let remember = |_: Signal, info: &Info| {
    ///     SENDER.store(info.sender_pid().map_or(0, Pid::as_raw), Ordering::Release);
    /// };
    /// // SAFETY: an atomic store.
    /// install(SIGUSR1, unsafe { Handler::with_info(remember) })?;
    /// signal::kill(Pid::current(), SIGUSR1)?;
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// As for [`Handler::new`].
    pub unsafe fn with_info<F>(f: F) -> Handler
    where
        F: Fn(Signal, &Info) + Copy + Send + Sync + 'static,
    {
        let () = ZeroSized::<F>::PROOF;
        let _ = f;
        Handler::entry(handler::function_with_info::<F>)
    }

    /// One of this crate's own entries.
    pub(crate) fn entry(entry: Entry) -> Handler {
        Handler::Function(Function { address: entry as usize, flags: flag::SIGINFO, found_on: None })
    }

    fn address_and_flags(&self) -> (usize, u32) {
        match self {
            Handler::Default => (sigaction::DEFAULT, 0),
            Handler::Ignore => (sigaction::IGNORE, 0),
            Handler::Flag(_) => (handler::flag as Entry as usize, flag::SIGINFO),
            Handler::Count(_) => (handler::count as Entry as usize, flag::SIGINFO),
            Handler::Function(function) => (function.address, function.flags),
        }
    }
}

impl Handler {
    /// The address of a function without and with SA_SIGINFO: zero is none.
    pub(crate) fn function_address(&self) -> (usize, usize) {
        match self.address_and_flags() {
            (sigaction::DEFAULT | sigaction::IGNORE, _) => (0, 0),
            (address, 0) => (address, 0),
            (address, _) => (0, address),
        }
    }
}

impl PartialEq for Handler {
    fn eq(&self, other: &Handler) -> bool {
        match (self, other) {
            (Handler::Flag(one), Handler::Flag(two)) => ptr::eq(*one, *two),
            (Handler::Count(one), Handler::Count(two)) => ptr::eq(*one, *two),
            _ => self.address_and_flags() == other.address_and_flags(),
        }
    }
}

impl Eq for Handler {}

impl From<&'static AtomicBool> for Handler {
    fn from(flag: &'static AtomicBool) -> Handler {
        Handler::Flag(flag)
    }
}

impl From<&'static AtomicUsize> for Handler {
    fn from(count: &'static AtomicUsize) -> Handler {
        Handler::Count(count)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        (self.address, self.flags) == (other.address, other.flags)
    }
}

impl Eq for Function {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({:#x})", self.address)
    }
}

/// A handler with its flags and its mask: `struct sigaction`.
///
/// A new one blocks nothing while the handler runs (but the signal itself), runs on the ordinary stack, and
/// leaves restarting to the rule: interrupted system calls go on (`SA_RESTART`), except after SIGALRM, whose use it is to
/// interrupt them.
///
/// One that the system returned is installed again exactly as it was, whoever made it, as long as it is not changed.
///
/// ```
/// use signal::{install, Action, Flags, Handler, SIGCHLD, SIGTERM, SIGINT, SIGUSR1};
///
/// let reap = Action::new(Handler::Default).flags(Flags::NOCLDSTOP);
/// install(SIGCHLD, reap)?;
/// let old = install(SIGUSR1, Action::new(Handler::Ignore).block(SIGTERM | SIGINT).restart(false))?;
/// install(SIGUSR1, old)?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024 [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html); Stevens, UNP 5.8.
#[derive(Clone, Copy)]
pub struct Action {
    handler: Handler,
    raw: Sigaction,
    /// Whether restarting is still up to the signal.
    restart_by_rule: bool,
}

impl Action {
    /// An action with the default flags and an empty mask.
    pub fn new(handler: impl Into<Handler>) -> Action {
        let handler = handler.into();
        let (address, flags) = handler.address_and_flags();
        Action { handler, raw: Sigaction::new(address, flags), restart_by_rule: true }
    }

    /// Blocks the signals of `set`, beside those already named, while the handler runs.
    #[must_use]
    pub fn block(mut self, set: impl Into<SignalSet>) -> Action {
        let mask = self.mask() | set.into();
        self.raw.set_mask(*mask.as_raw());
        self
    }

    /// Whether interrupted system calls go on, whichever signal it is. Some never do, whatever the flag: `poll`, `select`,
    /// `nanosleep`, `connect` on macOS and the BSDs.
    #[must_use]
    pub fn restart(mut self, restart: bool) -> Action {
        let (set, clear) =
            if restart { (flag::RESTART, flag::INTERRUPT) } else { (flag::INTERRUPT, flag::RESTART) };
        self.raw.set_flags(self.raw.flags() & !clear | set);
        self.restart_by_rule = false;
        self
    }

    /// Adds flags. `RESTART` and `INTERRUPT` mean the same as [`restart`](Action::restart); `SIGINFO` is set where the
    /// handler needs it and nowhere else.
    #[must_use]
    pub fn flags(mut self, flags: Flags) -> Action {
        // Bits that have no name here stay out: what they do nobody has promised.
        let bits = flags.bits() & Flags::all().bits() & !flag::SIGINFO;
        if flag::has(bits, flag::RESTART | flag::INTERRUPT) {
            self = self.restart(flag::has(bits, flag::RESTART));
        }
        self.raw.set_flags(self.raw.flags() | bits & !(flag::RESTART | flag::INTERRUPT));
        self
    }

    /// What happens when the signal arrives.
    pub fn handler(&self) -> Handler {
        self.handler
    }

    /// What is blocked while the handler runs, beside the signal itself.
    pub fn mask(&self) -> SignalSet {
        SignalSet::from_raw(*self.raw.mask())
    }

    /// The flags as the system has them, those without a name here included, but for what the C library adds for
    /// itself. Of a new action that leaves restarting to the rule they hold neither `RESTART` nor `INTERRUPT`.
    pub fn installed_flags(&self) -> Flags {
        Flags::from_bits_retain(self.raw.flags() & !flag::PRIVATE)
    }

    /// What the kernel gets to see; [`Errno::EINVAL`] for a function that was found on another signal.
    pub(crate) fn raw_for(mut self, signal: Signal) -> Result<Sigaction> {
        if let Handler::Function(Function { found_on: Some(found_on), .. }) = self.handler {
            if found_on != signal {
                return Err(Errno::EINVAL);
            }
        }
        if self.restart_by_rule {
            self = self.restart(signal != SIGALRM);
        }
        Ok(self.raw)
    }

    /// What the kernel said. `flag` and `count` are the targets of that signal's entries at that time.
    pub(crate) fn found(
        signal: Signal,
        raw: Sigaction,
        flag: Option<&'static AtomicBool>,
        count: Option<&'static AtomicUsize>,
    ) -> Action {
        let address = raw.handler();
        let function = || {
            let flags = raw.flags() & flag::SIGINFO;
            Handler::Function(Function { address, flags, found_on: Some(signal) })
        };
        let handler = if address == sigaction::DEFAULT {
            Handler::Default
        } else if address == sigaction::IGNORE {
            Handler::Ignore
        } else if address == handler::flag as Entry as usize {
            flag.map_or_else(function, Handler::Flag)
        } else if address == handler::count as Entry as usize {
            count.map_or_else(function, Handler::Count)
        } else {
            function()
        };
        Action { handler, raw, restart_by_rule: false }
    }
}

impl From<Handler> for Action {
    fn from(handler: Handler) -> Action {
        Action::new(handler)
    }
}

impl From<&'static AtomicBool> for Action {
    fn from(flag: &'static AtomicBool) -> Action {
        Action::new(flag)
    }
}

impl From<&'static AtomicUsize> for Action {
    fn from(count: &'static AtomicUsize) -> Action {
        Action::new(count)
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Action) -> bool {
        self.handler == other.handler
            && self.mask() == other.mask()
            && self.installed_flags() == other.installed_flags()
            && self.restart_by_rule == other.restart_by_rule
    }
}

impl Eq for Action {}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action")
            .field("handler", &self.handler)
            .field("mask", &self.mask())
            .field("installed_flags", &self.installed_flags())
            .finish()
    }
}
