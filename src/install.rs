//! Setting and reading dispositions.

use crate::action::Action;
use crate::disposition::Handler;
use crate::errno::Result;
use crate::handler::{COUNTS, FLAGS};
use crate::signal::Signal;
use crate::sys::sigaction::sigaction;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Sets what happens when `signal` arrives, and returns what happened before: handler, flags and mask, whoever
/// installed them. Installing that again restores them exactly. One system call, `sigaction`.
///
/// Interrupted system calls go on (`SA_RESTART`) after every signal but SIGALRM, unless [`Action::restart`] says
/// otherwise. Nothing but the signal itself is blocked while the handler runs, unless [`Action::block`] says so.
///
/// Async-signal-safe. If two threads set a `Flag` or a `Count` for the same signal at the same moment, the target of
/// one and the flags of the other may remain.
///
/// Errors, after which everything is as before: [`Errno::EINVAL`](crate::Errno::EINVAL) for SIGKILL, SIGSTOP, the signals that the C
/// library keeps for itself, and a function that was found on another signal.
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
/// Source: POSIX.1-2024 [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html);
/// Stevens, UNP 5.8, Figure 5.6.
#[doc(alias = "sigaction")]
#[doc(alias = "signal")]
#[inline]
pub fn install(signal: Signal, action: impl Into<Action>) -> Result<Action> {
    let mut action = action.into();
    written_in_place(|old| exchange(signal, &mut action, old))
}

/// What `write` makes of an action, which is some 200 bytes and need not be moved.
#[inline(always)]
fn written_in_place(write: impl FnOnce(&mut Action) -> Result<()>) -> Result<Action> {
    let mut action = Ok(Action::unknown());
    if let Err(error) = action.as_mut().map_or(Ok(()), write) {
        action = Err(error);
    }
    action
}

#[inline]
fn exchange(signal: Signal, action: &mut Action, old: &mut Action) -> Result<()> {
    let handler = action.handler();
    let raw = action.raw_for(signal)?;
    let before = Targets::of(signal);
    // Before the kernel knows the entry, which must find its target.
    match handler {
        Handler::Flag(flag) => FLAGS[index(signal)].store(as_mut(flag), Ordering::Release),
        Handler::Count(count) => COUNTS[index(signal)].store(as_mut(count), Ordering::Release),
        _ => {}
    }
    let exchanged = sigaction(signal.as_raw(), Some(raw), old.raw_mut());
    if exchanged.is_err() {
        // Unless another thread has set one since.
        match handler {
            Handler::Flag(flag) => put_back(&FLAGS[index(signal)], flag, before.flag),
            Handler::Count(count) => put_back(&COUNTS[index(signal)], count, before.count),
            _ => {}
        }
        return exchanged;
    }
    // A target that another thread has set since stands in for one that was not there yet.
    let now = Targets::of(signal);
    old.recognize(signal, before.flag.or(now.flag), before.count.or(now.count));
    Ok(())
}

/// What happens when `signal` arrives. Changes nothing. Async-signal-safe.
///
/// Errors: [`Errno::EINVAL`](crate::Errno::EINVAL) for a signal that the C library keeps for itself; on some systems
/// for SIGKILL and SIGSTOP too.
///
/// ```
/// use signal::{query, Handler, SIGTERM};
///
/// assert_eq!(query(SIGTERM)?.handler(), Handler::Default);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024 [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html).
#[doc(alias = "sigaction")]
#[inline]
pub fn query(signal: Signal) -> Result<Action> {
    written_in_place(|found| {
        sigaction(signal.as_raw(), None, found.raw_mut())?;
        let targets = Targets::of(signal);
        found.recognize(signal, targets.flag, targets.count);
        Ok(())
    })
}

/// [`install`], unless the signal is ignored: then `None`, and it stays ignored.
///
/// Whoever started the program may have wished it so: `nohup` ignores SIGHUP, a shell without job control ignores SIGINT
/// and SIGQUIT for what it puts into the background, and `exec` keeps that.
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
/// Two system calls: another thread can change the disposition in between. Async-signal-safe; errors as for [`install`].
///
/// Source: Stevens, APUE 10.3.
pub fn install_unless_ignored(signal: Signal, action: impl Into<Action>) -> Result<Option<Action>> {
    if query(signal)?.handler() == Handler::Ignore {
        return Ok(None);
    }
    install(signal, action).map(Some)
}

/// [`install`] for as long as it lives: dropping it puts the previous action back.
///
/// It puts it back whatever has been installed since: drop guards of the same signal in the reverse order.
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
#[derive(Debug)]
#[must_use = "the previous action comes back when the guard is dropped"]
pub struct InstallGuard {
    signal: Signal,
    previous: Action,
}

impl InstallGuard {
    /// Installs `action` for `signal`. Errors as for [`install`].
    pub fn new(signal: Signal, action: impl Into<Action>) -> Result<InstallGuard> {
        Ok(InstallGuard { signal, previous: install(signal, action)? })
    }

    /// The action that was there before and comes back on drop.
    pub fn previous(&self) -> Action {
        self.previous
    }
}

impl Drop for InstallGuard {
    fn drop(&mut self) {
        // What the kernel took once for this signal it takes again.
        let _ = install(self.signal, self.previous);
    }
}

/// What a signal's `Flag` sets and its `Count` counts.
struct Targets {
    flag: Option<&'static AtomicBool>,
    count: Option<&'static AtomicUsize>,
}

impl Targets {
    #[inline]
    fn of(signal: Signal) -> Targets {
        let (flag, count) = (&FLAGS[index(signal)], &COUNTS[index(signal)]);
        // SAFETY: the tables hold null or what `install` made of `'static` references.
        unsafe {
            Targets {
                flag: flag.load(Ordering::Acquire).as_ref(),
                count: count.load(Ordering::Acquire).as_ref(),
            }
        }
    }
}

#[inline]
fn index(signal: Signal) -> usize {
    signal.as_raw() as usize
}

fn put_back<T>(place: &AtomicPtr<T>, set: &'static T, before: Option<&'static T>) {
    let before = before.map_or(ptr::null_mut(), as_mut);
    let _ = place.compare_exchange(as_mut(set), before, Ordering::AcqRel, Ordering::Relaxed);
}

#[inline]
fn as_mut<T>(target: &'static T) -> *mut T {
    target as *const T as *mut T
}
