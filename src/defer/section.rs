//! A deferred section from its entry to its end; what happens in a handler meanwhile is in `handler::deferral`.

use super::DeferGuard;
use crate::errno::{KeepErrno, Result};
use crate::handler::deferral::{is_full, Kept, Section, EVER, SECTION};
use crate::info::Info;
use crate::install::query;
use crate::mask::{kernel_change, kernel_mask, kernel_pending};
use crate::set::SignalSet;
use crate::signal::{SIGKILL, SIGSTOP};
use crate::sys::{flag, requeue, timedwait};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::compiler_fence;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use libc::c_int;

impl DeferGuard {
    /// Enters a section.
    #[inline]
    pub fn new() -> DeferGuard {
        if !EVER.load(Relaxed) {
            EVER.store(true, SeqCst);
        }
        SECTION.with(|section| section.depth.store(section.depth.load(Relaxed) + 1, Relaxed));
        // What the section protects stays inside.
        compiler_fence(SeqCst);
        DeferGuard { _not_send: PhantomData }
    }
}

impl Drop for DeferGuard {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(SeqCst);
        SECTION.with(|section| {
            let depth = section.depth.load(Relaxed) - 1;
            if depth == 0 && section.attention.load(Relaxed) {
                return section.leave();
            }
            section.depth.store(depth, Relaxed);
            // In this order: what arrives in between is handled at once.
            compiler_fence(SeqCst);
            if depth == 0 && section.attention.load(Relaxed) {
                section.leave();
            }
        });
    }
}

impl Section {
    /// Has everything blocked and `mask` say what the program takes for its mask.
    fn hold(&self) {
        self.hold_from(kernel_mask(libc::SIG_BLOCK, Some(&SignalSet::asynchronous())));
    }

    /// The same, when everything is blocked already and `before` was the mask until then: that of a deferral, or the
    /// program's. A handler of somebody else's, or of a fault, that a deferral has interrupted puts back the program's
    /// when it returns.
    fn hold_from(&self, before: SignalSet) {
        let held = self.holds_mask.load(Relaxed) && is_full(&before);
        if !held {
            self.set_mask(before);
            self.holds_mask.store(true, Relaxed);
            self.attention.store(true, Relaxed);
        }
    }

    /// Whether the thread is in a section, or has kept something.
    #[inline]
    fn has_work(&self) -> bool {
        self.depth.load(Relaxed) != 0 || self.attention.load(Relaxed)
    }

    /// `pthread_sigmask` in a section, or at the end of one: after a deferral it changes what the mask will be.
    #[cold]
    fn change_mask(&self, how: c_int, set: Option<&SignalSet>) -> Option<SignalSet> {
        if self.depth.load(Relaxed) == 0 && !self.settling.load(Relaxed) {
            return None;
        }
        // From here on no deferral comes in between: it has come before, or will when this is done.
        let before = kernel_mask(libc::SIG_BLOCK, Some(&SignalSet::asynchronous()));
        let deferred = self.attention.load(Relaxed);
        if deferred {
            self.hold_from(before);
        }
        let old = if deferred { self.mask() } else { before };
        let new = match (how, set) {
            (_, None) => old,
            (libc::SIG_BLOCK, Some(set)) => old | set,
            (libc::SIG_UNBLOCK, Some(set)) => old - set,
            (_, Some(set)) => *set,
        };
        if deferred {
            self.set_mask(new - (SIGKILL | SIGSTOP));
        } else {
            kernel_mask(libc::SIG_SETMASK, Some(&new));
        }
        Some(old)
    }

    /// After the mask has changed outside a section: what its end had to keep may come now.
    #[cold]
    fn retry(&self) {
        let outside = self.depth.load(Relaxed) == 0 && !self.settling.load(Relaxed);
        if outside && self.attention.load(Relaxed) {
            self.leave();
        }
    }

    /// Ends the section, which has something to settle. Blocks before it leaves: what comes later must not be handled
    /// before what was kept.
    #[cold]
    fn leave(&self) {
        self.hold();
        self.depth.store(0, Relaxed);
        self.settle();
    }

    /// Handles what was kept, and gives back the mask: what has piled up in the kernel is delivered then. Everything
    /// that can be deferred must be blocked.
    fn settle(&self) {
        if self.settling.swap(true, Relaxed) {
            // A handler that is called below has entered a section of its own.
            return;
        }
        let _errno = KeepErrno::new();
        while let Some(kept) = self.take(|kept| !self.mask().contains(kept.signal)) {
            handle(kept);
            if self.depth.load(Relaxed) != 0 {
                // The handler has left a section open: its end will settle the rest.
                self.settling.store(false, Relaxed);
                return;
            }
        }
        let left = !self.is_empty() && !self.give_back();
        self.attention.store(left, Relaxed);
        self.holds_mask.store(false, Relaxed);
        self.settling.store(false, Relaxed);
        kernel_mask(libc::SIG_SETMASK, Some(&self.mask()));
    }

    /// What the program has blocked in the section and not unblocked waits as it would have: in the kernel, unless it
    /// would get behind others there that came later. Such ones are kept on: the first of those that came later lets
    /// them go before it. Whether nothing is left.
    fn give_back(&self) -> bool {
        let pending = kernel_pending();
        let mut refused = SignalSet::empty();
        let mut requeued = |kept: &Kept| {
            let overtaken = kept.signal.is_realtime() && pending.contains(kept.signal);
            // Nor any of the same that came after one that could not be.
            let done = !overtaken
                && !refused.contains(kept.signal)
                && requeue::requeue(kept.signal, &kept.info).is_ok();
            if !done {
                refused.insert(kept.signal);
            }
            done
        };
        while self.take(&mut requeued).is_some() {}
        refused.is_empty()
    }
}

/// Calls the handler, with everything blocked.
fn handle(mut kept: Kept) {
    // The kernel has reset it when it arrived. What has arrived since, and would have been the same arrival had it been
    // blocked, must not meet the default effect.
    let resets = |action: crate::Action| flag::has(action.installed_flags().bits(), flag::RESETHAND);
    if !kept.signal.is_realtime() && query(kept.signal).map_or(false, resets) {
        let same = SignalSet::from(kept.signal);
        while let Ok(Some(_)) = timedwait::sigtimedwait(same.as_raw(), Some(Duration::ZERO)) {}
    }
    let mut context = MaybeUninit::<libc::ucontext_t>::zeroed();
    (kept.entry)(kept.signal.as_raw(), &mut kept.info, context.as_mut_ptr().cast());
}

/// Whether any section has ever been entered.
#[inline]
pub(crate) fn ever() -> bool {
    EVER.load(Relaxed)
}

/// `pthread_sigmask`, for a thread that may be in a section.
#[inline(always)] // with no more returns behind the system call than need be
pub(crate) fn change_mask(how: c_int, set: Option<&SignalSet>, old: Option<&mut SignalSet>) -> Result<()> {
    let section = SECTION.with(|section| section as *const Section);
    // SAFETY: the thread's own, which has no destructor and lives as long as the thread.
    let section = unsafe { &*section };
    if section.has_work() {
        if let Some(before) = section.change_mask(how, set) {
            if let Some(old) = old {
                *old = before;
            }
            return Ok(());
        }
    }
    kernel_change(how, set, old)?;
    if section.has_work() {
        section.retry();
    }
    Ok(())
}

/// What `sigsuspend` may let through: in a section, nothing.
pub(crate) fn suspend_mask(mask: SignalSet) -> SignalSet {
    let inside = SECTION.try_with(|section| section.depth.load(Relaxed) != 0).unwrap_or(false);
    if inside {
        mask | SignalSet::asynchronous()
    } else {
        mask
    }
}

/// The signals that are kept.
pub(crate) fn kept() -> SignalSet {
    let kept = |section: &Section| section.attention.load(Relaxed).then(|| section.kept());
    SECTION.try_with(kept).ok().flatten().unwrap_or_default()
}

/// Takes a kept signal out, as `sigwaitinfo` takes a pending one.
pub(crate) fn take(set: &SignalSet) -> Option<Info> {
    if (kept() & *set).is_empty() {
        return None;
    }
    let take = |section: &Section| {
        section.hold();
        let taken = section.take(|kept| set.contains(kept.signal));
        if section.depth.load(Relaxed) == 0 {
            section.settle();
        }
        taken
    };
    SECTION.try_with(take).ok().flatten().map(|kept| Info::from_raw(kept.info))
}
