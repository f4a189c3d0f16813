//! Actions: what happens when a signal arrives, with which flags and which mask.

use crate::disposition::Handler;
use crate::errno::{Errno, Result};
use crate::set::SignalSet;
use crate::signal::{Signal, SIGALRM};
use crate::sys::flag;
use crate::sys::sigaction::{Sigaction, DEFAULT};
use core::fmt;
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
    #[inline]
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
        self.set_restart(restart);
        self
    }

    #[inline]
    fn set_restart(&mut self, restart: bool) {
        let (set, clear) =
            if restart { (flag::RESTART, flag::INTERRUPT) } else { (flag::INTERRUPT, flag::RESTART) };
        self.raw.set_flags(self.raw.flags() & !clear | set);
        self.restart_by_rule = false;
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
    #[inline]
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

    /// Makes it what the kernel gets to see; [`Errno::EINVAL`] for a function that was found on another signal.
    #[inline]
    pub(crate) fn raw_for(&mut self, signal: Signal) -> Result<&Sigaction> {
        if !self.handler.may_handle(signal) {
            return Err(Errno::EINVAL);
        }
        if self.restart_by_rule {
            self.set_restart(signal != SIGALRM);
        }
        Ok(&self.raw)
    }

    /// Room for what the kernel will say.
    #[inline]
    pub(crate) fn unknown() -> Action {
        Action { handler: Handler::Default, raw: Sigaction::new(DEFAULT, 0), restart_by_rule: false }
    }

    #[inline]
    pub(crate) fn raw_mut(&mut self) -> &mut Sigaction {
        &mut self.raw
    }

    /// Takes what the kernel said for what it is. `flag` and `count` are the targets of that signal's entries at that time.
    #[inline]
    pub(crate) fn recognize(
        &mut self,
        signal: Signal,
        flag: Option<&'static AtomicBool>,
        count: Option<&'static AtomicUsize>,
    ) {
        self.handler = Handler::found(signal, self.raw.handler(), self.raw.flags(), flag, count);
    }
}

impl From<Handler> for Action {
    #[inline]
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
