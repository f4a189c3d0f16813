//! Actions: what happens when a signal arrives, with which flags and which mask.

use crate::errno::{Errno, Result};
use crate::handler::Handler;
use crate::set::SignalSet;
use crate::signal::{Signal, SIGALRM, SIGBUS, SIGSEGV};
use crate::sys::flag;
use crate::sys::sigaction::RawAction;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicUsize};

bitflags::bitflags! {
    /// The `SA_` flags of an [`Action`]. A platform that does not have one does not have the
    /// constant.
    ///
    /// [`Action::restart`] is the portable way to say `RESTART` or its absence.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Flags: u32 {
        /// No `SIGCHLD` when a child stops or continues.
        const NOCLDSTOP = flag::NOCLDSTOP;
        /// Children that end leave no status to collect ([`child`](crate::child)).
        #[cfg(has_sa_nocldwait)]
        const NOCLDWAIT = flag::NOCLDWAIT;
        /// Run on the alternate stack, if the thread has one.
        ///
        /// Set by default for SIGSEGV and SIGBUS, whose handlers could not report a stack overflow
        /// otherwise. Not for others: `std` gives each thread an alternate stack of 8 KiB, and
        /// where a signal frame takes 3 KiB of that (x86_64 with AVX-512) three signals delivered
        /// at once overflow it. A process that hosts a Go runtime needs the flag for every handler:
        /// [`block`](Action::block) the other signals there too, so that one frame is all. A
        /// [`SelfPipe`](crate::SelfPipe) does both.
        #[cfg(has_sa_onstack)]
        const ONSTACK = flag::ONSTACK;
        /// Back to the default action when the signal is delivered.
        const RESETHAND = flag::RESETHAND;
        /// Do not block the signal while its own handler runs.
        const NODEFER = flag::NODEFER;
        /// Restart interrupted system calls where the system can. Set by default for every signal
        /// except SIGALRM.
        #[cfg(has_sa_restart)]
        const RESTART = flag::RESTART;
        /// Do not restart them. Set by default for SIGALRM. Kernels of today take it for granted,
        /// and Linux since 5.11 does not return it.
        #[cfg(has_sa_interrupt)]
        const INTERRUPT = flag::INTERRUPT;
        /// The handler takes three arguments. Set where it is needed.
        const SIGINFO = flag::SIGINFO;
    }
}

/// A handler with its flags and its mask: `struct sigaction`.
///
/// A new action blocks only its own signal, runs on the ordinary stack (SIGSEGV and SIGBUS: on the
/// alternate one), and follows the default rule: system calls are restarted, except after SIGALRM,
/// whose purpose is to interrupt them.
///
/// An action returned by the system, whoever created it, can be reinstalled unchanged, bit for bit.
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
/// Source: POSIX.1-2024
/// [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html);
/// Stevens, UNP 5.8.
#[doc(alias = "sigaction")]
#[derive(Clone, Copy)]
pub struct Action {
    handler: Handler,
    mask: SignalSet,
    flags: u32,
    /// Whether restarting and the stack are still up to the signal.
    restart_by_rule: bool,
    stack_by_rule: bool,
}

// 48 bytes on Linux.
const _: () = assert!(core::mem::size_of::<Action>() <= 32 + 2 * core::mem::size_of::<SignalSet>());

impl Action {
    /// An action with the default flags and an empty mask. A function that the system returned
    /// keeps the flags and the mask that it was found with: it may rely on them.
    #[inline]
    pub fn new(handler: impl Into<Handler>) -> Action {
        let handler = handler.into();
        let (mask, flags, found) = handler.requirements();
        let function = !matches!(handler, Handler::Default | Handler::Ignore);
        Action { handler, mask, flags, restart_by_rule: !found, stack_by_rule: function && !found }
    }

    /// Blocks the signals of `set`, in addition to those already named, while the handler runs.
    #[must_use]
    pub fn block(mut self, set: impl Into<SignalSet>) -> Action {
        self.mask |= set;
        self
    }

    /// Whether interrupted system calls are restarted, whichever signal it is. Some never are,
    /// whatever the flag: `poll`, `select`, `nanosleep`, `connect` on macOS and the BSDs.
    #[doc(alias = "siginterrupt")]
    #[must_use]
    pub fn restart(mut self, restart: bool) -> Action {
        self.flags = restarting(self.flags, restart);
        self.restart_by_rule = false;
        self
    }

    /// Adds flags. `RESTART` and `INTERRUPT` mean the same as [`restart`](Action::restart);
    /// `SIGINFO` is set where the handler needs it and nowhere else; `NODEFER` is not added to a
    /// function that the system returned without it, which need not be reentrant. Unknown bits are
    /// ignored: their effect is unspecified.
    #[must_use]
    pub fn flags(mut self, flags: Flags) -> Action {
        let mut bits = flags.bits() & Flags::all().bits() & !flag::SIGINFO;
        if let (_, _, true) = self.handler.requirements() {
            bits &= !flag::NODEFER;
        }
        if flag::has(bits, flag::RESTART | flag::INTERRUPT) {
            self = self.restart(flag::has(bits, flag::RESTART));
        }
        self.flags |= bits & !(flag::RESTART | flag::INTERRUPT);
        self
    }

    /// What happens when the signal arrives.
    #[inline]
    pub fn handler(&self) -> Handler {
        self.handler
    }

    /// What is blocked while the handler runs, in addition to the signal itself.
    pub fn mask(&self) -> SignalSet {
        self.mask
    }

    /// The flags as the system has them, those without a name here included, except what the C
    /// library adds for itself. A new action that follows the default rule shows neither `RESTART`
    /// nor `INTERRUPT` yet.
    pub fn installed_flags(&self) -> Flags {
        Flags::from_bits_retain(self.flags & !flag::PRIVATE)
    }

    /// What the kernel gets to see; [`Errno::EINVAL`] for a function that was found on another
    /// signal.
    #[inline]
    pub(crate) fn to_raw(self, signal: Signal) -> Result<RawAction> {
        if !self.handler.installable_for(signal) {
            return Err(Errno::EINVAL);
        }
        let mut flags = self.flags;
        if self.restart_by_rule {
            flags = restarting(flags, signal != SIGALRM);
        }
        if self.stack_by_rule && (signal == SIGSEGV || signal == SIGBUS) {
            flags |= flag::ONSTACK;
        }
        Ok(RawAction { handler: self.handler.address(), flags, mask: self.mask.to_words() })
    }

    /// What the kernel returned for `signal`, whose handler has been decoded.
    #[inline]
    pub(crate) fn from_raw(handler: Handler, raw: RawAction) -> Action {
        let mask = SignalSet::from_words(raw.mask);
        Action { handler, mask, flags: raw.flags, restart_by_rule: false, stack_by_rule: false }
    }
}

#[inline]
fn restarting(flags: u32, restart: bool) -> u32 {
    if restart {
        flags & !flag::INTERRUPT | flag::RESTART
    } else {
        flags & !flag::RESTART | flag::INTERRUPT
    }
}

/// What can be installed: an [`Action`], and whatever converts into one ([`Handler`], a flag or a
/// count in a static, types of your own with `From`). It is implemented for all of them, and is
/// there for the compiler to say what to do about a plain function.
#[cfg_attr(
    has_diagnostics,
    diagnostic::on_unimplemented(
        message = "`{Self}` is not an action that can be installed for a signal",
        label = "not an `Action`, a `Handler`, a `&'static AtomicBool` or a `&'static AtomicUsize`",
        note = "a function must be async-signal-safe: `unsafe {{ Handler::new(f) }}` promises it",
        note = "without `unsafe`: set a flag, `install(SIGTERM, &FLAG)` with \
                `static FLAG: AtomicBool`, or read a `SelfPipe`"
    )
)]
pub trait IntoAction: Into<Action> {}

#[cfg_attr(has_diagnostics, diagnostic::do_not_recommend)]
impl<T: Into<Action>> IntoAction for T {}

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
            && self.mask == other.mask
            && self.installed_flags() == other.installed_flags()
            && self.restart_by_rule == other.restart_by_rule
            && self.stack_by_rule == other.stack_by_rule
    }
}

impl Eq for Action {}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action")
            .field("handler", &self.handler)
            .field("mask", &self.mask)
            .field("installed_flags", &self.installed_flags())
            .finish()
    }
}
