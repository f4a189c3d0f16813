//! Which pipe watches which signal, and what each signal did before.

use crate::action::{Action, Flags};
use crate::disposition::Handler;
use crate::errno::Result;
use crate::handler::{self, PREVIOUS, WATCHERS};
use crate::install::{install, query};
use crate::lock::{Lock, Locked};
use crate::set::SignalSet;
use crate::signal::{Signal, SIGCHLD};
use crate::sys::flag;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Held while dispositions and the table of pipes change.
pub(super) static REGISTRY: Lock = Lock::new();

/// What each watched signal was before.
struct Saved(UnsafeCell<handler::Table<Option<Action>>>);

// SAFETY: touched only by whoever holds the registry.
unsafe impl Sync for Saved {}

static SAVED: Saved = Saved(UnsafeCell::new([None; crate::sys::number::HIGHEST as usize + 1]));

pub(super) fn watchers(signal: Signal) -> u32 {
    WATCHERS[signal.as_raw() as usize].load(Acquire)
}

fn entry() -> Handler {
    Handler::entry(handler::self_pipe)
}

pub(super) fn watch(registry: &Locked<'_>, index: usize, signal: Signal) -> Result<()> {
    let watchers = &WATCHERS[signal.as_raw() as usize];
    let current = query(signal)?;
    if current.handler() == entry() {
        watchers.fetch_or(1 << index, AcqRel);
        return Ok(());
    }
    // What the entry needs stands ready before the kernel can call it; and what comes back in the end, before a child that
    // another thread forks just now can see the watcher.
    call_on(signal, current.handler());
    *saved(registry, signal) = Some(current);
    let before = watchers.fetch_or(1 << index, AcqRel);
    match install(signal, watching(signal, &current)) {
        Ok(old) => {
            if old != current {
                call_on(signal, old.handler());
                *saved(registry, signal) = Some(old);
            }
            Ok(())
        }
        Err(error) => {
            watchers.store(before, Release);
            Err(error)
        }
    }
}

pub(super) fn unwatch(registry: &Locked<'_>, index: usize, signal: Signal) -> Result<()> {
    let before = watchers(signal);
    // The disposition first: a signal in between still finds the pipe.
    if before == 1 << index && query(signal)?.handler() == entry() {
        // Left where it is: a child forked just now needs it too.
        if let Some(previous) = *saved(registry, signal) {
            install(signal, previous)?;
        }
    }
    WATCHERS[signal.as_raw() as usize].fetch_and(!(1 << index), AcqRel);
    Ok(())
}

/// The action of a watched signal. All that can be blocked is blocked while it runs, so that no other handler runs in
/// the middle of it, which could fork there.
fn watching(signal: Signal, current: &Action) -> Action {
    let action = Action::new(entry()).block(SignalSet::asynchronous() | current.mask());
    if let Handler::Default | Handler::Ignore = current.handler() {
        #[cfg(has_sa_onstack)]
        let action = action.flags(Flags::ONSTACK);
        return if signal == SIGCHLD { action.flags(Flags::NOCLDSTOP) } else { action };
    }
    // A function that is called on keeps the flags that its owner gave it, where they are not about the call itself; the
    // stack too: its frames may not fit on an alternate one.
    let flags = current.installed_flags();
    action.restart(flag::has(flags.bits(), flag::RESTART)).flags(flags - Flags::RESETHAND - Flags::NODEFER)
}

/// Has the entry of `signal` call the function that was there before, or none.
fn call_on(signal: Signal, handler: Handler) {
    let previous = &PREVIOUS[signal.as_raw() as usize];
    let (plain, with_info) = handler.function_address();
    previous.plain.store(plain as *mut libc::c_void, Release);
    previous.with_info.store(with_info as *mut libc::c_void, Release);
}

#[allow(clippy::mut_from_ref)] // the registry is held, and each caller is done with one entry before the next
fn saved<'a>(_registry: &'a Locked<'_>, signal: Signal) -> &'a mut Option<Action> {
    // SAFETY: only the holder of the registry comes here, and no reference outlives the statement that asks for it.
    unsafe { &mut (*SAVED.0.get())[signal.as_raw() as usize] }
}
