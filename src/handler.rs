//! Handlers: what happens when a signal arrives.

use crate::entry::{self, Entry};
use crate::info::Info;
use crate::set::SignalSet;
use crate::signal::Signal;
use crate::sys::flag;
use crate::sys::sigaction::{RawAction, DEFAULT, IGNORE};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize};

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

/// A function that handles a signal. Opaque: somebody else may have given it to the kernel.
///
/// A function that was found in the system (by [`query`](crate::query), or as the previous action) can be installed for
/// the signal on which it was found, and for no other; it keeps the flags and the mask that it was found with. Nobody has
/// promised that it can bear anything else.
#[derive(Clone, Copy)]
pub struct Function {
    address: usize,
    mask: SignalSet,
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
    /// `errno` as the interrupted code left it, and that is put back afterwards.
    ///
    /// A panic in it, even if caught, writes where it was to standard error and aborts the process
    /// (SIGABRT), without allocating. For that, the first call puts a panic hook before the program's, to which it leaves
    /// all panics outside of handlers: it must not be called in a handler, and a hook that is set
    /// later should call the one before. What cannot be mended: `std` formats a message with arguments
    /// (an index out of bounds, `unwrap` on an `Err`, `panic!("{x}")`) into memory that it allocates
    /// before it calls a hook. If the handler has interrupted the allocator, that can wait for ever. A
    /// constant message (`expect` on an `Option`, an overflow) cannot. Without the feature `std` there
    /// is no hook: a panic aborts when it reaches the end of the handler.
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
        Handler::function(entry::function::<F>)
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
        Handler::function(entry::function_with_info::<F>)
    }

    /// The entry of a function of the program.
    fn function(entry: Entry) -> Handler {
        #[cfg(feature = "std")]
        entry::panic::guard(entry);
        Handler::entry(entry)
    }

    /// What the kernel returned for `signal`. `flag` and `count` are asked for the targets of that signal's entries.
    #[inline]
    pub(crate) fn from_raw(
        signal: Signal,
        raw: &RawAction,
        flag: impl FnOnce() -> Option<&'static AtomicBool>,
        count: impl FnOnce() -> Option<&'static AtomicUsize>,
    ) -> Handler {
        let target = match raw.handler {
            DEFAULT => Some(Handler::Default),
            IGNORE => Some(Handler::Ignore),
            address if address == entry::flag as Entry as usize => flag().map(Handler::Flag),
            address if address == entry::count as Entry as usize => count().map(Handler::Count),
            _ => None,
        };
        target.unwrap_or(Handler::Function(Function {
            address: raw.handler,
            mask: SignalSet::from_words(raw.mask),
            flags: raw.flags,
            found_on: Some(signal),
        }))
    }

    /// Whether it can be installed for `signal`: a function that was found on another cannot.
    #[inline]
    pub(crate) fn installable_for(&self, signal: Signal) -> bool {
        match self {
            Handler::Function(function) => {
                function.found_on.map_or(true, |found_on| found_on == signal)
            }
            _ => true,
        }
    }

    /// One of this crate's own entries.
    pub(crate) fn entry(entry: Entry) -> Handler {
        let function = Function {
            address: entry as usize,
            mask: SignalSet::empty(),
            flags: flag::SIGINFO,
            found_on: None,
        };
        Handler::Function(function)
    }

    /// What the kernel gets to see.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        match self {
            Handler::Default => DEFAULT,
            Handler::Ignore => IGNORE,
            Handler::Flag(_) => entry::flag as Entry as usize,
            Handler::Count(_) => entry::count as Entry as usize,
            Handler::Function(function) => function.address,
        }
    }

    /// The address of a function without and with SA_SIGINFO: zero is none.
    pub(crate) fn function_addresses(&self) -> (usize, usize) {
        match (self.address(), self.requirements()) {
            (DEFAULT | IGNORE, _) => (0, 0),
            (address, (_, flags, _)) if flag::has(flags, flag::SIGINFO) => (0, address),
            (address, _) => (address, 0),
        }
    }

    /// The mask and the flags without which it must not be called, and whether it was found in the system.
    #[inline]
    pub(crate) fn requirements(&self) -> (SignalSet, u32, bool) {
        match self {
            Handler::Default | Handler::Ignore => (SignalSet::empty(), 0, false),
            Handler::Flag(_) | Handler::Count(_) => (SignalSet::empty(), flag::SIGINFO, false),
            Handler::Function(function) => {
                (function.mask, function.flags, function.found_on.is_some())
            }
        }
    }
}

impl PartialEq for Handler {
    fn eq(&self, other: &Handler) -> bool {
        match (self, other) {
            (Handler::Flag(one), Handler::Flag(two)) => ptr::eq(*one, *two),
            (Handler::Count(one), Handler::Count(two)) => ptr::eq(*one, *two),
            (Handler::Function(one), Handler::Function(two)) => one == two,
            _ => {
                self.address() == other.address()
                    && mem::discriminant(self) == mem::discriminant(other)
            }
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

/// Two are equal when the kernel calls the same address in the same way.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        let by = |function: &Function| (function.address, function.flags & flag::SIGINFO);
        by(self) == by(other)
    }
}

impl Eq for Function {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({:#x})", self.address)
    }
}
