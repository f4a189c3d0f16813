//! Setting and reading dispositions.

use crate::action::{Action, IntoAction};
use crate::entry::{deferred, COUNTS, FLAGS, FLAGS_OR_DEFAULT};
use crate::errno::Result;
use crate::handler::{Handler, Targets};
use crate::signal::Signal;
use crate::sys::flag;
use crate::sys::sigaction::{sigaction, RawAction};
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};

/// Sets what happens when `signal` arrives, and returns what happened before: handler, flags and
/// mask, whoever installed them. Installing that again restores them exactly. One system call,
/// `sigaction`.
///
/// Interrupted system calls are restarted (`SA_RESTART`) after every signal except SIGALRM, unless
/// [`Action::restart`] says otherwise. Only the signal itself is blocked while the handler runs,
/// unless [`Action::block`] says so.
///
/// Async-signal-safe. If two threads set a `Flag` or a `Count` for the same signal at the same
/// moment, the target of one and the flags of the other may remain. Each has one target for a
/// signal: a handler that calls on a `Flag` calls on the one that was installed last, also when its
/// action is installed again; [`InstallGuard`] puts the target back too.
///
/// Errors, after which everything is as before: [`Errno::EINVAL`](crate::Errno::EINVAL) for
/// SIGKILL, SIGSTOP, the signals that the C library reserves, and a function that was found on
/// another signal.
///
/// ```
/// use signal::{install, Handler, SIGTERM};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static STOP: AtomicBool = AtomicBool::new(false);
///
/// let previous = install(SIGTERM, &STOP)?;
/// assert_eq!(previous.handler(), Handler::Default);
/// signal::raise(SIGTERM)?;
/// assert!(STOP.load(Ordering::Acquire));
/// install(SIGTERM, previous)?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html);
/// Stevens, UNP 5.8, Figure 5.6.
#[doc(alias = "sigaction")]
#[doc(alias = "signal")]
#[inline(always)] // where the action is a constant, so is most of this
pub fn install(signal: Signal, action: impl IntoAction) -> Result<Action> {
    install_action(signal, action.into())
}

#[inline]
fn install_action(signal: Signal, action: Action) -> Result<Action> {
    match action.handler() {
        Handler::Flag(_) | Handler::FlagOrDefault(_) | Handler::Count(_) => {
            install_with_target(signal, action)
        }
        _ => swap_action(signal, action, Replaced::default()),
    }
}

/// Before the kernel knows the entry of a `Flag` or a `Count`, that must find its target.
#[inline(never)]
fn install_with_target(signal: Signal, action: Action) -> Result<Action> {
    let replaced = Replaced::replace(signal, action.handler());
    let swapped = swap_action(signal, action, replaced);
    if swapped.is_err() {
        replaced.restore(signal, action.handler());
    }
    swapped
}

#[inline(always)]
fn swap_action(signal: Signal, action: Action, replaced: Replaced) -> Result<Action> {
    let raw = action.to_raw(signal)?;
    deferred::note_one_shot(signal, flag::has(raw.flags, flag::RESETHAND));
    Ok(decode(signal, sigaction(signal.as_raw(), Some(raw))?, replaced))
}

/// What happens when `signal` arrives. Changes nothing. Async-signal-safe.
///
/// Errors: [`Errno::EINVAL`](crate::Errno::EINVAL) for a signal that the C library reserves; on
/// some systems for SIGKILL and SIGSTOP too.
///
/// ```
/// use signal::{query, Handler, SIGTERM};
///
/// assert_eq!(query(SIGTERM)?.handler(), Handler::Default);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html).
#[doc(alias = "sigaction")]
#[inline]
pub fn query(signal: Signal) -> Result<Action> {
    Ok(decode(signal, sigaction(signal.as_raw(), None)?, Replaced::default()))
}

/// [`install`], unless the signal is ignored: then `None`, and it stays ignored.
///
/// The program's parent may have wanted that: `nohup` ignores SIGHUP, a shell without job
/// control ignores SIGINT and SIGQUIT for what it puts into the background, and `exec` keeps that.
///
/// ```
/// use signal::{install, install_unless_ignored, Handler, SIGHUP};
/// use std::sync::atomic::AtomicBool;
///
/// static RELOAD: AtomicBool = AtomicBool::new(false);
/// install(SIGHUP, Handler::Ignore)?; // as under nohup
/// assert_eq!(install_unless_ignored(SIGHUP, &RELOAD)?, None);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Two system calls: another thread can change the disposition in between. Async-signal-safe;
/// errors as for [`install`].
///
/// Source: Stevens, APUE 10.3.
pub fn install_unless_ignored(signal: Signal, action: impl IntoAction) -> Result<Option<Action>> {
    if query(signal)?.handler() == Handler::Ignore {
        return Ok(None);
    }
    install(signal, action).map(Some)
}

/// [`install`] for as long as it lives: dropping it puts the previous action back, if its own is
/// still installed. A handler that somebody has installed over it stays.
///
/// ```
/// use signal::{query, Handler, InstallGuard, SIGTERM};
///
/// let guard = InstallGuard::new(SIGTERM, Handler::Ignore)?;
/// assert_eq!(guard.previous().handler(), Handler::Default);
/// drop(guard);
/// assert_eq!(query(SIGTERM)?.handler(), Handler::Default);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Drop guards of the same signal in the reverse order: one that is dropped earlier leaves its own
/// action to the later ones, which put it back. (Two with the same handler cannot be told apart:
/// the one that is dropped first ends both.)
#[derive(Debug)]
#[must_use = "the previous action comes back when the guard is dropped"]
pub struct InstallGuard {
    signal: Signal,
    handler: Handler,
    previous: Action,
    /// What the targets of the signal were, whatever the previous handler: it may call on an entry
    /// of this crate.
    targets: Replaced,
}

impl InstallGuard {
    /// Installs `action` for `signal`. Errors as for [`install`].
    pub fn new(signal: Signal, action: impl IntoAction) -> Result<InstallGuard> {
        let action = action.into();
        let targets = Replaced {
            flag: load(FLAGS.of(signal)),
            flag_or_default: load(FLAGS_OR_DEFAULT.of(signal)),
            count: load(COUNTS.of(signal)),
        };
        let previous = install(signal, action)?;
        Ok(InstallGuard { signal, handler: action.handler(), previous, targets })
    }

    /// The action that was there before and comes back on drop.
    pub fn previous(&self) -> Action {
        self.previous
    }

    /// Puts the previous action back, as a drop does, and returns whether it did: `false` if
    /// somebody else's action is installed. Errors as for [`query`].
    pub fn restore(self) -> Result<bool> {
        let restored = self.put_back();
        core::mem::forget(self);
        restored
    }

    fn put_back(&self) -> Result<bool> {
        if !self.handler.is_still(&query(self.signal)?.handler()) {
            return Ok(false);
        }
        let replaced = install(self.signal, self.previous)?;
        if !self.handler.is_still(&replaced.handler()) {
            // Another thread was faster: what is its own stays.
            put_back(self.signal, self.previous, replaced)?;
            return Ok(false);
        }
        self.targets.restore(self.signal, self.handler);
        Ok(true)
    }
}

impl Drop for InstallGuard {
    fn drop(&mut self) {
        // Cannot fail: the kernel has accepted this action for this signal before.
        let _ = self.put_back();
    }
}

/// Puts back an action of somebody else's that `own` has replaced. What it meets in the place of
/// that was installed later still, and stays.
pub(crate) fn put_back(signal: Signal, mut own: Action, mut others: Action) -> Result<()> {
    loop {
        let found = install(signal, others)?;
        if own.handler().is_still(&found.handler()) {
            return Ok(());
        }
        own = others;
        others = found;
    }
}

/// The targets of a signal's `Flag`, `FlagOrDefault` and `Count` that a new one has replaced.
#[derive(Clone, Copy, Debug, Default)]
struct Replaced {
    flag: Option<&'static AtomicBool>,
    flag_or_default: Option<&'static AtomicBool>,
    count: Option<&'static AtomicUsize>,
}

impl Replaced {
    /// Publishes the target of a new handler.
    #[inline]
    fn replace(signal: Signal, handler: Handler) -> Replaced {
        let mut replaced = Replaced::default();
        match handler {
            Handler::Flag(flag) => replaced.flag = swap(FLAGS.of(signal), Some(flag)),
            Handler::FlagOrDefault(flag) => {
                replaced.flag_or_default = swap(FLAGS_OR_DEFAULT.of(signal), Some(flag));
            }
            Handler::Count(count) => replaced.count = swap(COUNTS.of(signal), Some(count)),
            _ => {}
        }
        replaced
    }

    /// Puts them back, unless another thread has published its own since. Where there was none the
    /// new one stays: a handler that somebody has saved and restores later must not do nothing.
    #[cold]
    fn restore(self, signal: Signal, handler: Handler) {
        match handler {
            Handler::Flag(flag) => swap_back(FLAGS.of(signal), flag, self.flag),
            Handler::FlagOrDefault(flag) => {
                swap_back(FLAGS_OR_DEFAULT.of(signal), flag, self.flag_or_default);
            }
            Handler::Count(count) => swap_back(COUNTS.of(signal), count, self.count),
            _ => {}
        }
    }
}

/// What the kernel returned, with the target that it had before a new one replaced that.
#[inline]
fn decode(signal: Signal, raw: RawAction, replaced: Replaced) -> Action {
    Action::from_raw(Handler::decode(signal, &raw, &Before { signal, replaced }), raw)
}

/// The targets of before: those that were replaced, and the present ones.
struct Before {
    signal: Signal,
    replaced: Replaced,
}

impl Targets for Before {
    fn flag(&self) -> Option<&'static AtomicBool> {
        self.replaced.flag.or_else(|| load(FLAGS.of(self.signal)))
    }

    fn flag_or_default(&self) -> Option<&'static AtomicBool> {
        self.replaced.flag_or_default.or_else(|| load(FLAGS_OR_DEFAULT.of(self.signal)))
    }

    fn count(&self) -> Option<&'static AtomicUsize> {
        self.replaced.count.or_else(|| load(COUNTS.of(self.signal)))
    }
}

fn load<T>(place: &AtomicPtr<T>) -> Option<&'static T> {
    // SAFETY: the tables hold null or what `as_mut` made of `'static` references.
    unsafe { place.load(Acquire).as_ref() }
}

fn swap<T>(place: &AtomicPtr<T>, target: Option<&'static T>) -> Option<&'static T> {
    // SAFETY: as in `load`.
    unsafe { place.swap(as_mut(target), AcqRel).as_ref() }
}

fn swap_back<T>(place: &AtomicPtr<T>, set: &'static T, before: Option<&'static T>) {
    if before.is_some() {
        let _ = place.compare_exchange(as_mut(Some(set)), as_mut(before), AcqRel, Relaxed);
    }
}

#[inline]
fn as_mut<T>(target: Option<&'static T>) -> *mut T {
    target.map_or(ptr::null_mut(), |target| target as *const T as *mut T)
}
