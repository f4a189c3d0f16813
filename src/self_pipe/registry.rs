//! Which pipe watches which signal, and what each signal did before.
//!
//! The entry of pipes is compiled in several generations (`entry/chain.rs`). For each signal, a
//! generation is bound for good to the predecessor over which it was first installed: a function,
//! the default, or ignoring. So no chain becomes a circle: a function that was there before the
//! generation cannot have it in its own chain. A pipe made over another predecessor takes another
//! generation. None is ever bound anew, even if it seems unused: nobody knows who has saved its
//! address, or calls it, and would find another predecessor there.

use crate::action::{Action, Flags};
use crate::entry::chain::{Chained, CHAINED, ENTRIES};
use crate::entry::pipe::{GENERATIONS, WATCHERS};
use crate::errno::{Errno, Result};
use crate::handler::Handler;
use crate::install::{install, put_back, query};
use crate::lock::{Lock, Locked};
use crate::set::SignalSet;
use crate::signal::{Signal, SIGCHLD};
use crate::sys::flag;
use crate::sys::number::HIGHEST;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::fence;
use core::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};

/// The flags that a program may choose for a watched signal.
pub(super) const CHOSEN: Flags = Flags::from_bits_retain(flag::RESTART | flag::NOCLDSTOP);

/// Held while dispositions and the table of pipes change.
pub(super) static REGISTRY: Lock = Lock::new();

/// What is known of one generation's entry for one signal.
#[derive(Clone, Copy)]
struct Entry {
    /// The predecessor; filled in when `is_bound`.
    saved: MaybeUninit<Action>,
    is_bound: bool,
}

struct Table(UnsafeCell<[[Entry; HIGHEST as usize + 1]; GENERATIONS]>);

// SAFETY: touched only by the holder of the registry.
unsafe impl Sync for Table {}

static TABLE: Table = {
    let entry = Entry { saved: MaybeUninit::uninit(), is_bound: false };
    Table(UnsafeCell::new([[entry; HIGHEST as usize + 1]; GENERATIONS]))
};

/// One generation's entry for one signal.
#[derive(Clone, Copy)]
struct Place {
    generation: usize,
    signal: Signal,
}

impl Place {
    fn all(signal: Signal) -> impl Iterator<Item = Place> {
        (0..GENERATIONS).map(move |generation| Place { generation, signal })
    }

    fn handler(self) -> Handler {
        Handler::entry(ENTRIES[self.generation])
    }

    fn chained(self) -> &'static Chained {
        CHAINED[self.generation].of(self.signal)
    }

    fn watchers(self) -> u32 {
        WATCHERS[self.generation].of(self.signal).load(Acquire)
    }

    fn add_watcher(self, bit: u32) {
        WATCHERS[self.generation].of(self.signal).fetch_or(bit, AcqRel);
    }

    fn remove_watcher(self, bit: u32) {
        WATCHERS[self.generation].of(self.signal).fetch_and(!bit, SeqCst);
    }

    #[allow(clippy::mut_from_ref)] // the registry is held, and each caller is done with one entry before the next
    fn entry<'a>(self, _registry: &'a Locked<'_>) -> &'a mut Entry {
        // SAFETY: only the holder of the registry comes here, and no reference outlives the
        // statement that asks for it.
        unsafe { &mut (*TABLE.0.get())[self.generation][self.signal.as_raw() as usize] }
    }

    fn saved(self, registry: &Locked<'_>) -> Option<Action> {
        let entry = self.entry(registry);
        // SAFETY: filled in before `is_bound` was set.
        entry.is_bound.then(|| unsafe { entry.saved.assume_init() })
    }

    /// Whether it stands over that predecessor.
    fn is_bound_to(self, registry: &Locked<'_>, action: &Action) -> bool {
        self.saved(registry)
            .map_or(false, |saved| saved.handler().is_called_like(&action.handler()))
    }

    fn bind(self, registry: &Locked<'_>, action: Action) {
        let one_shot = flag::has(action.installed_flags().bits(), flag::RESETHAND);
        let (plain, with_info) = action.handler().function_addresses();
        let is_default = action.handler() == Handler::Default;
        self.chained().set(plain, with_info, one_shot && plain | with_info != 0, is_default);
        self.entry(registry).saved = MaybeUninit::new(action);
        // In this order: a child that another thread forks now finds it filled in.
        fence(SeqCst);
        self.entry(registry).is_bound = true;
    }

    /// What was there before, as it would be now.
    fn predecessor(self, registry: &Locked<'_>) -> Action {
        match self.saved(registry) {
            Some(saved) if !self.chained().is_spent() => saved,
            _ => Action::new(Handler::Default),
        }
    }

    /// Puts the predecessor back, unless somebody else's handler is installed.
    fn give_back(self, registry: &Locked<'_>) -> Result<()> {
        if self.handler().is_still(&query(self.signal)?.handler()) {
            let predecessor = self.predecessor(registry);
            let replaced = install(self.signal, predecessor)?;
            if !self.handler().is_still(&replaced.handler()) {
                // Another thread was faster: what is its own stays.
                put_back(self.signal, predecessor, replaced)?;
            }
        }
        Ok(())
    }
}

/// The generation that is installed for a signal, whose action this is.
fn installed(signal: Signal, action: &Action) -> Option<Place> {
    Place::all(signal).find(|place| place.handler().is_still(&action.handler()))
}

/// A generation to install over somebody else's action.
fn choose(registry: &Locked<'_>, signal: Signal, current: &Action) -> Option<Place> {
    let bound = Place::all(signal).find(|place| place.is_bound_to(registry, current));
    bound.or_else(|| Place::all(signal).find(|place| !place.entry(registry).is_bound))
}

/// The bits of the pipes that watch a signal.
pub(super) fn watchers(signal: Signal) -> u32 {
    Place::all(signal).fold(0, |bits, place| bits | place.watchers())
}

/// How a pipe asks for a signal.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// With the flags that suit a pipe.
    Usual,
    /// With exactly these of `RESTART` and `NOCLDSTOP`.
    With(Flags),
    /// Not at all, if it is ignored or was before the pipes came.
    UnlessIgnored,
}

pub(super) fn watch(registry: &Locked<'_>, index: usize, signal: Signal, how: How) -> Result<()> {
    let bit = 1 << index;
    let place = loop {
        let current = query(signal)?;
        if let How::UnlessIgnored = how {
            let ours = installed(signal, &current);
            let before = ours.map_or(current, |place| place.predecessor(registry));
            if before.handler() == Handler::Ignore {
                return Ok(());
            }
        }
        if let Some(place) = installed(signal, &current) {
            let wanted = match how {
                How::With(flags) => Some(with_exactly(place, &current, flags)),
                // Somebody has put it back without its flags.
                _ if !current.installed_flags().contains(Flags::SIGINFO) => {
                    Some(watching(place, &place.predecessor(registry)))
                }
                _ => None,
            };
            if let Some(action) = wanted {
                let replaced = install(signal, action)?;
                if replaced != current {
                    put_back(signal, action, replaced)?;
                    continue;
                }
            }
            place.add_watcher(bit);
            break place;
        }
        let place = choose(registry, signal, &current).ok_or(Errno::ELOOP)?;
        let before = place.watchers();
        // What the entry needs stands ready before the kernel can call it; and what comes back in
        // the end, before a child that another thread forks just now can see the watcher.
        place.bind(registry, current);
        place.add_watcher(bit);
        let mut action = watching(place, &current);
        if let How::With(flags) = how {
            action = with_exactly(place, &action, flags);
        }
        let replaced = install(signal, action);
        if replaced == Ok(current) {
            break place;
        }
        if before & bit == 0 {
            place.remove_watcher(bit);
        }
        // Another thread has installed something between the look and the change: look again.
        put_back(signal, action, replaced?)?;
    };
    // Somebody else's handler stands over the others: what it passes on would tell the pipe twice.
    Place::all(signal)
        .filter(|other| other.generation != place.generation)
        .for_each(|other| other.remove_watcher(bit));
    Ok(())
}

pub(super) fn unwatch(registry: &Locked<'_>, index: usize, signal: Signal) -> Result<()> {
    let bit = 1 << index;
    for place in Place::all(signal) {
        // The disposition first: a signal in between still finds the pipe.
        if place.watchers() == bit {
            place.give_back(registry)?;
        }
        place.remove_watcher(bit);
    }
    Ok(())
}

/// The action of a watched signal. All that can be blocked is blocked while it runs, so that no
/// other handler runs in the middle of it, which could fork there.
fn watching(place: Place, current: &Action) -> Action {
    let action = Action::new(place.handler()).block(SignalSet::asynchronous() | current.mask());
    if let Handler::Default | Handler::Ignore = current.handler() {
        #[cfg(has_sa_onstack)]
        let action = action.flags(Flags::ONSTACK);
        let is_child = place.signal == SIGCHLD;
        return if is_child { action.flags(Flags::NOCLDSTOP) } else { action };
    }
    // A function that is called on keeps the flags that its owner gave it, where they are not about
    // the call itself; the stack too: its frames may not fit on an alternate one.
    let flags = current.installed_flags();
    action
        .restart(flag::has(flags.bits(), flag::RESTART))
        .flags(flags - Flags::RESETHAND - Flags::NODEFER)
}

/// The action with these of `RESTART` and `NOCLDSTOP`, whichever it had.
fn with_exactly(place: Place, action: &Action, flags: Flags) -> Action {
    let others = action.installed_flags() - CHOSEN;
    Action::new(place.handler())
        .block(action.mask())
        .flags(others | flags)
        .restart(flag::has(flags.bits(), flag::RESTART))
}
