//! Handlers: what happens when a signal arrives.

use crate::context::Context;
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
use libc::{c_int, c_void, siginfo_t};

/// What happens when a signal arrives.
///
/// All but a function are safe to build. `Flag`, `FlagOrDefault` and `Count` are enough for a
/// program that looks at them from time to time; a [`SelfPipe`](crate::SelfPipe) is the way into an
/// event loop.
///
/// Guide: [writing a handler](crate::guide::handlers), [shutting down](crate::guide::shutdown).
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
    #[doc(alias = "SIG_DFL")]
    Default,
    /// Nothing.
    #[doc(alias = "SIG_IGN")]
    Ignore,
    /// Sets the flag. Load it with `Acquire`, or swap it. One that is made at run time is
    /// leaked: `Box::leak`.
    Flag(&'static AtomicBool),
    /// Sets the flag; a signal that arrives while it is still set has its default effect instead.
    /// So a second Ctrl-C ends a program that hangs and no longer looks at the flag.
    ///
    /// Clear the flag (swap it) when you have seen it. A signal that stops the process leaves the
    /// handler in place, for the time after SIGCONT.
    #[doc(alias = "ctrl-c")]
    #[doc(alias = "ctrlc")]
    FlagOrDefault(&'static AtomicBool),
    /// Adds one, wrapping. A standard signal that arrives several times before it is delivered is
    /// delivered once.
    Count(&'static AtomicUsize),
    /// Calls a function: made by [`Handler::new`] and its like, or found by
    /// [`query`](crate::query).
    Function(Function),
}

/// A function that handles a signal. Opaque: somebody else may have given it to the kernel.
///
/// A function that was found in the system (by [`query`](crate::query), or as the previous action)
/// can be installed for the signal on which it was found, and for no other; it keeps the flags and
/// the mask that it was found with. Nobody has promised that it can bear anything else.
#[derive(Clone, Copy)]
pub struct Function {
    address: usize,
    mask: SignalSet,
    flags: u32,
    found_on: Option<Signal>,
}

/// What the entries of a signal's `Flag`, `FlagOrDefault` and `Count` find.
pub(crate) trait Targets {
    fn flag(&self) -> Option<&'static AtomicBool>;
    fn flag_or_default(&self) -> Option<&'static AtomicBool>;
    fn count(&self) -> Option<&'static AtomicUsize>;
}

/// Proof that a type has no size, by compiling at all.
struct ZeroSized<F>(PhantomData<F>);

impl<F> ZeroSized<F> {
    const PROOF: () = assert!(
        mem::size_of::<F>() == 0,
        "a signal handler must be a fn item or a closure that captures nothing: the kernel has no \
         room for captured values, put them into statics (an extern \"C\" fn pointer: from_raw)"
    );
}

impl Handler {
    /// A function to call when the signal arrives, with the signal.
    ///
    /// `f` is a `fn` item or a closure that captures nothing; anything else (a closure that
    /// captures, a `fn` pointer) does not compile when it is built; an `extern "C"` function, or a
    /// pointer to one, is for [`from_raw`](Handler::from_raw). The kernel calls `f` directly, with
    /// no table and no lock in between. It finds `errno` as the interrupted code left it, and that
    /// is put back afterwards.
    ///
    /// A panic in it, even if caught, writes where it was to standard error and aborts the process
    /// (SIGABRT), without allocating. For that, the first call puts a panic hook before the
    /// program's, to which it leaves all panics outside of handlers: it must not be called in a
    /// handler, and a hook that is set later should call the one before. What cannot be mended:
    /// `std` formats a message with arguments (an index out of bounds, `unwrap` on an `Err`,
    /// `panic!("{x}")`) into memory that it allocates before it calls a hook. If the handler has
    /// interrupted the allocator, that can wait for ever. A constant message (`expect` on an
    /// `Option`, an overflow) cannot. Without the feature `std` there is no hook: a panic aborts
    /// when it reaches the end of the handler.
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
    /// `f` must be async-signal-safe: it must do nothing that would be undefined behaviour between
    /// any two instructions of any thread of the program. It may use atomics and call functions of
    /// [the list of POSIX](https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_04_03);
    /// it may not allocate or free, lock a mutex, print through `std`, or touch thread-locals with
    /// destructors. The functions of this crate say where they may be called.
    #[inline]
    pub unsafe fn new<F>(f: F) -> Handler
    where
        F: Fn(Signal) + Copy + Send + Sync + 'static,
    {
        let () = ZeroSized::<F>::PROOF;
        let _ = f;
        Handler::guarded(entry::function::<F>)
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
    #[inline]
    pub unsafe fn with_info<F>(f: F) -> Handler
    where
        F: Fn(Signal, &Info) + Copy + Send + Sync + 'static,
    {
        let () = ZeroSized::<F>::PROOF;
        let _ = f;
        Handler::guarded(entry::function_with_info::<F>)
    }

    /// The entry of a function of the program.
    #[inline]
    fn guarded(entry: Entry) -> Handler {
        #[cfg(feature = "std")]
        entry::panic::guard(entry);
        Handler::entry(entry)
    }

    /// As [`Handler::with_info`], for a function that also wants the context that it has
    /// interrupted: a profiler, a crash report.
    ///
    /// ```
    /// use signal::{install, timer, Context, Handler, Info, Signal, SIGPROF};
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// static SAMPLE: AtomicUsize = AtomicUsize::new(0);
    /// let sample = |_: Signal, _: &Info, context: &mut Context| {
    ///     SAMPLE.store(context.instruction_pointer().unwrap_or(0), Ordering::Release);
    /// };
    /// // SAFETY: an atomic store.
    /// install(SIGPROF, unsafe { Handler::with_context(sample) })?;
    /// signal::raise(SIGPROF)?;
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// - As for [`Handler::new`].
    /// - What `f` changes in the context becomes the interrupted thread's: it must be able to
    ///   continue so.
    #[inline]
    pub unsafe fn with_context<F>(f: F) -> Handler
    where
        F: Fn(Signal, &Info, &mut Context) + Copy + Send + Sync + 'static,
    {
        let () = ZeroSized::<F>::PROOF;
        let _ = f;
        Handler::guarded(entry::function_with_context::<F>)
    }

    /// A function that is a value, chosen at run time or written in C. The kernel calls it as it
    /// is: nothing of this crate is in between, and a `DeferGuard` does not keep it from running.
    ///
    /// ```
    /// use signal::{install, Handler, SIGUSR1};
    /// use std::sync::atomic::{AtomicI32, Ordering};
    ///
    /// static SEEN: AtomicI32 = AtomicI32::new(0);
    /// extern "C" fn remember(number: libc::c_int) {
    ///     SEEN.store(number, Ordering::Release);
    /// }
    /// let chosen: extern "C" fn(libc::c_int) = remember;
    /// // SAFETY: an atomic store.
    /// install(SIGUSR1, unsafe { Handler::from_raw(chosen) })?;
    /// signal::raise(SIGUSR1)?;
    /// assert_eq!(SEEN.load(Ordering::Acquire), SIGUSR1.as_raw());
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// - As for [`Handler::new`].
    /// - `f` must leave `errno` as it finds it.
    /// - `f` must not unwind.
    #[doc(alias = "sa_handler")]
    pub unsafe fn from_raw(f: extern "C" fn(c_int)) -> Handler {
        Handler::function(f as usize, 0)
    }

    /// As [`Handler::from_raw`], for a function that also takes the `siginfo_t` and the
    /// `ucontext_t` (`SA_SIGINFO`): [`Info::from_raw`] and [`Context::from_raw`] make of them what
    /// other handlers get.
    ///
    /// # Safety
    ///
    /// As for [`Handler::from_raw`].
    #[doc(alias = "sa_sigaction")]
    pub unsafe fn from_raw_with_info(
        f: extern "C" fn(c_int, *mut siginfo_t, *mut c_void),
    ) -> Handler {
        Handler::entry(f)
    }

    /// What the kernel returned for `signal`. `target` is asked for the target of one of that
    /// signal's entries.
    #[inline]
    pub(crate) fn decode(signal: Signal, raw: &RawAction, targets: &impl Targets) -> Handler {
        let handler = match raw.handler {
            DEFAULT => Some(Handler::Default),
            IGNORE => Some(Handler::Ignore),
            address if address == entry::flag as Entry as usize => {
                targets.flag().map(Handler::Flag)
            }
            address if address == entry::flag_or_default as Entry as usize => {
                targets.flag_or_default().map(Handler::FlagOrDefault)
            }
            address if address == entry::count as Entry as usize => {
                targets.count().map(Handler::Count)
            }
            _ => None,
        };
        handler.unwrap_or(Handler::Function(Function {
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

    /// Whether the kernel calls the same, perhaps by another convention: C's `signal`, which puts
    /// back an address that it has returned, knows no flags.
    pub(crate) fn is_still(&self, found: &Handler) -> bool {
        match (self, found) {
            (Handler::Function(one), Handler::Function(two)) => one.address == two.address,
            _ => self == found,
        }
    }

    /// Whether a function that calls it on calls the same: the target of a `Flag` or a `Count` is
    /// none of the function's.
    pub(crate) fn is_called_like(&self, other: &Handler) -> bool {
        let by = |handler: &Handler| (handler.address(), handler.function_addresses());
        by(self) == by(other)
    }

    /// A function with SA_SIGINFO: most are this crate's own entries.
    #[inline]
    pub(crate) fn entry(entry: Entry) -> Handler {
        Handler::function(entry as usize, flag::SIGINFO)
    }

    #[inline]
    fn function(address: usize, flags: u32) -> Handler {
        let mask = SignalSet::empty();
        Handler::Function(Function { address, mask, flags, found_on: None })
    }

    /// What the kernel gets to see.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        match self {
            Handler::Default => DEFAULT,
            Handler::Ignore => IGNORE,
            Handler::Flag(_) => entry::flag as Entry as usize,
            Handler::FlagOrDefault(_) => entry::flag_or_default as Entry as usize,
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

    /// The mask and the flags without which it must not be called, and whether it was found in the
    /// system.
    #[inline]
    pub(crate) fn requirements(&self) -> (SignalSet, u32, bool) {
        match self {
            Handler::Default | Handler::Ignore => (SignalSet::empty(), 0, false),
            Handler::Flag(_) | Handler::FlagOrDefault(_) | Handler::Count(_) => {
                (SignalSet::empty(), flag::SIGINFO, false)
            }
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
            (Handler::FlagOrDefault(one), Handler::FlagOrDefault(two)) => ptr::eq(*one, *two),
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

impl Function {
    /// Calls the function, by the convention with which it was installed: for a handler that
    /// chains to the one that it replaced. One that takes the signal alone is given no more.
    ///
    /// A function with `SA_RESETHAND` expects to be called once.
    ///
    /// ```
    /// use signal::{install, query, Context, Handler, Info, Signal, SIGUSR1};
    /// use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    ///
    /// # static FIRST: AtomicUsize = AtomicUsize::new(0);
    /// # // SAFETY: an atomic addition.
    /// # let first = unsafe { Handler::new(|_: Signal| { FIRST.fetch_add(1, Ordering::AcqRel); }) };
    /// # install(SIGUSR1, first)?;
    /// // What was there stays where the handler finds it.
    /// static PREVIOUS: AtomicPtr<Handler> = AtomicPtr::new(std::ptr::null_mut());
    /// let previous = Box::into_raw(Box::new(query(SIGUSR1)?.handler()));
    /// PREVIOUS.store(previous, Ordering::Release);
    ///
    /// let chained = |signal: Signal, info: &Info, context: &mut Context| {
    ///     // SAFETY: never freed.
    ///     let previous = unsafe { *PREVIOUS.load(Ordering::Acquire) };
    ///     if let Handler::Function(function) = previous {
    ///         // SAFETY: what this handler was given, for the signal on which it was found.
    ///         unsafe { function.call(signal, info, Some(context)) };
    ///     }
    /// };
    /// // SAFETY: an atomic load, and what could be called before.
    /// install(SIGUSR1, unsafe { Handler::with_context(chained) })?;
    /// signal::raise(SIGUSR1)?;
    /// # assert_eq!(FIRST.load(Ordering::Acquire), 1);
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// - The function must still be there, and bear to be called at this moment: in a handler of
    ///   `signal`, or with what it touches in order and `signal` blocked.
    /// - `signal` must be one for which it is, or was, installed.
    /// - `info` must be true, and with `None` as the context the function must not look at that: it
    ///   gets null. In a section of a `DeferGuard` the functions of this crate do look.
    pub unsafe fn call(self, signal: Signal, info: &Info, context: Option<&mut Context>) {
        let number = signal.as_raw();
        if !flag::has(self.flags, flag::SIGINFO) {
            // SAFETY: the address is a function's without SA_SIGINFO; the rest is the caller's
            // promise.
            return unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(self.address)(number) };
        }
        let mut info = *info.as_raw();
        let context = context.map_or(ptr::null_mut(), |context| context.as_ptr());
        // SAFETY: the address is a function's with SA_SIGINFO; the rest is the caller's promise.
        unsafe { mem::transmute::<usize, Entry>(self.address)(number, &mut info, context) }
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
