//! POSIX.1-2024, requirement by requirement, as far as this crate can express them: a module for
//! each function, and a test for each requirement, which its comment states, with where the
//! standard has it. Other tests that show one say so in the same way. `ci/promises` makes
//! docs/conformance.md of it.
//!
//! With the feature `defer` each runs three times: as it is, after a section was used, and inside
//! a section. What differs inside names its row of the table in `DeferGuard`'s documentation:
//! `differs`, or `waits` where the section only delays it. Everything else must be the same.

pub mod alarm;
pub mod exec;
pub mod fork;
pub mod kill;
pub mod pthread_create;
pub mod pthread_kill;
pub mod pthread_sigmask;
pub mod raise;
pub mod sigaction;
#[cfg(has_sigaltstack)]
pub mod sigaltstack;
pub mod sigpending;
pub mod sigqueue;
pub mod sigsetops;
pub mod sigsuspend;
pub mod sigwait;
#[cfg(feature = "std")]
pub mod tcsetpgrp;
pub mod waitpid;

use crate::common::process::{is_re_executed, no_core_file};
use crate::common::{self, skip, COUNT};
use crate::harness::{exit_with, SKIPPED};
use signal::{install, raise, Handler, Info, Signal, SignalSet, SIGURG};
use signal::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP};
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::sync::Mutex;

/// Rows of the table of differences, by how they begin.
pub const HANDLERS: &str = "handlers of this crate";
pub const DEFAULT_EFFECTS: &str = "default effects";
pub const MASK_OF_A_FAULT: &str = "a mask that a handler of these leaves changed";
pub const SYSTEM_CALLS: &str = "a system call in the region";
pub const STARTED: &str = "a thread or a program started in the region";
pub const UNBLOCK_GUARD: &str = "an [`UnblockGuard`]";
pub const WAITING: &str = "waiting for a handler";

/// Those of the row "never wait".
pub const NEVER_WAIT: SignalSet = SignalSet::empty()
    .with(SIGSEGV)
    .with(SIGBUS)
    .with(SIGFPE)
    .with(SIGILL)
    .with(SIGTRAP)
    .with(SIGSYS)
    .with(SIGABRT);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Outside,
    AfterASection,
    InASection,
}

#[cfg(feature = "defer")]
type Section = signal::DeferGuard;
#[cfg(not(feature = "defer"))]
#[derive(Default)]
struct Section {}

std::thread_local! {
    static SECTION: Cell<Option<Section>> = const { Cell::new(None) };
    static PLACE: Cell<Place> = const { Cell::new(Place::Outside) };
}

fn enter() {
    SECTION.with(|section| section.set(Some(Section::default())));
}

fn leave() {
    let _ended = SECTION.with(|section| section.take());
}

/// Whether the requirement is tried inside a section, which every function of a test is then in,
/// and every child that it forks. Not a thread.
pub fn in_section() -> bool {
    PLACE.with(|place| place.get() == Place::InASection)
}

/// Has a signal of this crate's handlers arrive in the section, if there is one: from then on
/// everything waits.
pub fn something_arrives() {
    if in_section() {
        let before = install(SIGURG, Handler::Count(&ARRIVED)).unwrap();
        raise(SIGURG).unwrap();
        // It is not to be pending for the test.
        SignalSet::from(SIGURG).wait().unwrap();
        install(SIGURG, before).unwrap();
        assert_eq!(ARRIVED.load(SeqCst), 0);
    }
}

static ARRIVED: AtomicUsize = AtomicUsize::new(0);

fn begin(place: Place) {
    no_core_file();
    // Before a section, in which this crate keeps the mask.
    catchable();
    if place == Place::AfterASection {
        let before = install(SIGURG, Handler::Count(&ARRIVED)).unwrap();
        enter();
        raise(SIGURG).unwrap();
        leave();
        assert_eq!(ARRIVED.swap(0, SeqCst), 1);
        install(SIGURG, before).unwrap();
    }
    PLACE.with(|cell| cell.set(place));
    if place == Place::InASection {
        enter();
    }
}

/// Tries a requirement in each place, in a process of its own.
pub fn check(requirement: fn()) {
    if is_re_executed() {
        return requirement();
    }
    let places: &[Place] = if cfg!(has_deferral) {
        &[Place::Outside, Place::AfterASection, Place::InASection]
    } else {
        // A section is a block, if there is one at all.
        &[Place::Outside]
    };
    for place in places {
        let status = common::status_of(|| {
            begin(*place);
            requirement();
            leave();
        });
        match status.code() {
            Some(0) => {}
            Some(SKIPPED) => exit_with(SKIPPED),
            _ => panic!("{place:?}: {status}"),
        }
    }
}

macro_rules! requirements {
    ($($(#[$cfg:meta])* $name:ident),* $(,)?) => {
        pub const TESTS: &[crate::harness::Test] = &[
            $($(#[$cfg])* (
                concat!(module_path!(), "::", stringify!($name)),
                || crate::posix::check($name),
            )),*
        ];
    };
}
pub(crate) use requirements;

/// What is observed is what POSIX says; in a section it is `inside`, by this row of the table.
pub fn differs<T: PartialEq + Debug>(row: &str, observed: T, posix: T, inside: T) {
    assert_ne!(posix, inside, "no difference");
    assert_eq!(observed, if in_section() { inside } else { posix }, "{row}");
}

/// What is observed is what POSIX says; in a section it is `inside` until that ends, since handlers
/// of this crate wait, except those of faults.
pub fn waits<T: PartialEq + Debug>(signal: Signal, observe: impl Fn() -> T, inside: T, posix: T) {
    if in_section() && !NEVER_WAIT.contains(signal) {
        assert_ne!(posix, inside, "no difference");
        assert_eq!(observe(), inside, "{signal}: {HANDLERS}");
        leave();
        assert_eq!(observe(), posix, "{signal}, after the section");
        enter();
    }
    assert_eq!(observe(), posix, "{signal}");
}

/// Every signal that can be caught, blocked and sent. Some emulators lack the last realtime ones,
/// and some systems keep their thread library's signals unblocked. `SIGNAL_TEST_WITHOUT` names those
/// that an emulator takes for its own.
pub fn catchable() -> SignalSet {
    static CATCHABLE: Mutex<Option<SignalSet>> = Mutex::new(None);
    *CATCHABLE.lock().unwrap().get_or_insert_with(|| {
        let before = signal::set_blocked(SignalSet::full());
        let all = signal::set_blocked(before) - (SIGKILL | SIGSTOP);
        let without = std::env::var("SIGNAL_TEST_WITHOUT").unwrap_or_default();
        all - without.split_whitespace().map(|name| name.parse().unwrap()).collect::<SignalSet>()
    })
}

static LOG: [AtomicI32; 256] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each element
    const NONE: AtomicI32 = AtomicI32::new(0);
    [NONE; 256]
};

/// In handlers.
pub fn log(entry: i32) {
    if let Some(place) = LOG.get(COUNT.fetch_add(1, SeqCst)) {
        place.store(entry, SeqCst);
    }
}

/// What has been logged.
pub fn logged() -> Vec<i32> {
    LOG[..common::count()].iter().map(|entry| entry.load(SeqCst)).collect()
}

/// Forgets what has been logged.
pub fn clear() {
    COUNT.store(0, SeqCst);
}

/// A handler that logs its signal's number.
pub fn logging() -> Handler {
    // SAFETY: atomics.
    unsafe { Handler::new(|signal| log(signal.as_raw())) }
}

/// A handler that logs the value that came with the signal.
pub fn logging_values() -> Handler {
    // SAFETY: atomics.
    unsafe { Handler::with_info(|_, info: &Info| log(info.value().unwrap_or(-1))) }
}

/// Whether `body` ends. In a section it is a matter of time: a tenth of a second.
pub fn ends(body: impl FnOnce()) -> bool {
    let child = common::fork(|| {
        body();
        0
    });
    if !in_section() {
        assert!(common::wait_for(child).success());
        return true;
    }
    common::pause(100);
    let ended = signal::child::reap(child).unwrap().is_some();
    if !ended {
        signal::kill(child, SIGKILL).unwrap();
        common::wait_for(child);
    }
    ended
}

/// Skips the requirement where it is about something that the platform lacks.
pub fn needs_queue() {
    if !cfg!(has_sigqueue) {
        skip("no signals that queue");
    }
}
