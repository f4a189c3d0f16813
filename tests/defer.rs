//! Deferred sections, on a real kernel. The sections among foreign handlers are in `foreign`, what
//! they do to the mask in `mask`, many signals at once in `storm`.

pub mod alike;
pub mod foreign;
pub mod mask;
pub mod shared_object;
pub mod step;
pub mod storm;
pub mod table;

use crate::common::{self, count, COUNT};
use signal::{
    blocked, install, pending, raise, Action, BlockGuard, DeferGuard, Flags, Handler, Info,
    InstallGuard, Pid, Signal, SignalSet, UnblockGuard, SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1,
    SIGUSR2,
};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static OTHER: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicI32 = AtomicI32::new(-1);
static DISORDER: AtomicBool = AtomicBool::new(false);

/// Skips the test where a section is a block.
fn needs_deferral() {
    common::needs(cfg!(has_deferral), "a deferred section is a block here");
}

/// In a handler: ends the test.
fn fail(why: &str) -> ! {
    // SAFETY: valid for so many bytes; both are async-signal-safe.
    unsafe {
        libc::write(2, why.as_ptr().cast(), why.len());
        libc::_exit(101)
    }
}

/// Row: [`blocked`]
fn a_signal_waits_for_the_end_of_the_section() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    let before = blocked();
    let guard = DeferGuard::new();
    assert_eq!(format!("{guard:?}"), "DeferGuard");
    raise(SIGUSR1).unwrap();
    assert_eq!(count(), 0);
    assert!(pending().contains(SIGUSR1));
    assert_eq!(blocked(), before, "the program's mask is unchanged");
    drop(guard);
    assert_eq!(count(), 1);
    assert!(pending().is_empty());
    assert_eq!(blocked(), before);
    raise(SIGUSR1).unwrap();
    assert_eq!(count(), 2, "signals arrive as before");
}

fn only_the_outermost_guard_ends_the_section() {
    install(SIGUSR1, &COUNT).unwrap();
    let outer = DeferGuard::new();
    let inner = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    drop(inner);
    assert_eq!(count(), 0);
    drop(outer);
    assert_eq!(count(), 1);
}

fn every_kind_of_handler_waits() {
    static FLAG: AtomicBool = AtomicBool::new(false);
    install(SIGUSR1, &FLAG).unwrap();
    // SAFETY: an atomic addition.
    install(SIGUSR2, unsafe {
        Handler::new(|_| {
            let _ = COUNT.fetch_add(1, SeqCst);
        })
    })
    .unwrap();
    // SAFETY: an atomic addition.
    install(SIGHUP, unsafe {
        Handler::with_info(|_, _| {
            let _ = COUNT.fetch_add(10, SeqCst);
        })
    })
    .unwrap();
    install(SIGINT, &OTHER).unwrap();
    let pipe = signal::SelfPipe::new(SIGTERM).unwrap();
    let guard = DeferGuard::new();
    for signal in SIGUSR1 | SIGUSR2 | SIGHUP | SIGINT | SIGTERM {
        raise(signal).unwrap();
    }
    assert!(!FLAG.load(SeqCst) && count() == 0 && OTHER.load(SeqCst) == 0);
    assert!(pipe.pending().is_empty());
    assert_eq!(pending(), SIGUSR1 | SIGUSR2 | SIGHUP | SIGINT | SIGTERM);
    drop(guard);
    assert!(FLAG.load(SeqCst) && count() == 11 && OTHER.load(SeqCst) == 1);
    assert_eq!(pipe.pending(), SignalSet::from(SIGTERM));
}

fn each_signal_keeps_its_own_info() {
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    fn remember(_: Signal, info: &Info) {
        LAST.store(info.value().unwrap_or(-2), SeqCst);
        OTHER.store(info.sender_pid().map_or(0, |pid| pid.as_raw() as usize), SeqCst);
    }
    // SAFETY: atomic stores.
    install(SIGUSR1, unsafe { Handler::with_info(remember) }).unwrap();
    let guard = DeferGuard::new();
    signal::queue(Pid::current(), SIGUSR1, -42).unwrap();
    drop(guard);
    assert_eq!(LAST.load(SeqCst), -42);
    assert_eq!(OTHER.load(SeqCst), Pid::current().as_raw() as usize);
}

/// Values must arrive in order, each once.
fn in_order(_: Signal, info: &Info) {
    let value = info.value().unwrap_or(-2);
    if LAST.swap(value, SeqCst) != value - 1 {
        DISORDER.store(true, SeqCst);
    }
    COUNT.fetch_add(1, SeqCst);
}

fn realtime_signals_keep_order_and_count() {
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    let signal = common::realtime_or_skip(1);
    // SAFETY: atomics.
    install(signal, unsafe { Handler::with_info(in_order) }).unwrap();
    let guard = DeferGuard::new();
    // gVisor keeps 32 of each number.
    for value in 0..32 {
        signal::queue(Pid::current(), signal, value).unwrap();
    }
    assert_eq!(count(), 0);
    drop(guard);
    assert_eq!(count(), 32);
    assert!(!DISORDER.load(SeqCst));
}

fn the_mask_comes_back_whatever_guards_were_nested() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    install(SIGUSR2, &OTHER).unwrap();
    let _outside = BlockGuard::new(SIGHUP);
    let before = blocked();

    // A block created before the arrival and dropped after it.
    let section = DeferGuard::new();
    let block = BlockGuard::new(SIGTERM);
    raise(SIGUSR1).unwrap();
    assert_eq!(blocked(), before | SIGTERM);
    drop(block);
    raise(SIGUSR2).unwrap();
    assert_eq!((count(), OTHER.load(SeqCst)), (0, 0), "dropping a block ends no deferral");
    // Both kinds after the arrival.
    {
        let block = BlockGuard::new(SIGINT);
        let _unblock = UnblockGuard::new(SIGHUP | SIGUSR1);
        assert_eq!(block.previous(), before);
        assert_eq!(blocked(), (before | SIGINT) - SIGHUP);
        assert_eq!((count(), OTHER.load(SeqCst)), (0, 0), "unblocking ends no deferral");
    }
    assert_eq!(blocked(), before);
    drop(section);
    assert_eq!((count(), OTHER.load(SeqCst)), (1, 1));
    assert_eq!(blocked(), before);
}

fn what_is_blocked_when_the_section_ends_stays_pending() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    let block = BlockGuard::new(SIGUSR1);
    drop(section);
    assert_eq!(count(), 0);
    assert!(pending().contains(SIGUSR1));
    drop(block);
    assert_eq!(count(), 1);
}

/// Row: SIGSEGV, SIGBUS, SIGFPE
fn faults_and_abort_are_not_deferred() {
    for signal in [signal::SIGSEGV, signal::SIGBUS, signal::SIGFPE, signal::SIGILL, signal::SIGABRT]
    {
        let _installed = InstallGuard::new(signal, &COUNT).unwrap();
        let before = count();
        let guard = DeferGuard::new();
        raise(signal).unwrap();
        let inside = count();
        drop(guard);
        assert_eq!((inside, count()), (before + 1, before + 1), "{signal}");
    }
}

fn errno_is_untouched() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = DeferGuard::new();
    // SAFETY: closes nothing.
    unsafe { libc::close(-1) };
    let ebadf = signal::Errno::last();
    // SAFETY: takes plain values; the call does not touch errno when it succeeds.
    unsafe { libc::raise(SIGUSR1.as_raw()) };
    assert_eq!(signal::Errno::last(), ebadf);
    drop(guard);
    assert_eq!(signal::Errno::last(), ebadf);
    assert_eq!(count(), 1);
}

fn a_forked_child_drops_what_was_deferred() {
    install(SIGUSR1, &COUNT).unwrap();
    let before = blocked();
    let guard = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    common::in_child(|| {
        assert!(pending().is_empty(), "a child has nothing pending");
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), 0, "the section continues in the child");
        // A section within the child's copy of the section.
        drop(DeferGuard::new());
        assert_eq!(count(), 0);
    });
    let status = common::wait_for(common::fork(|| {
        // SAFETY: the child never uses the original again.
        drop(unsafe { std::ptr::read(&guard) });
        i32::from(!(count() == 0 && blocked() == before && raise(SIGUSR1).is_ok() && count() == 1))
    }));
    assert!(status.success(), "{status}");
    drop(guard);
    assert_eq!(count(), 1);
}

fn a_panic_ends_the_section() {
    install(SIGUSR1, &COUNT).unwrap();
    let caught = std::panic::catch_unwind(|| {
        let _guard = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), 0);
        panic!("on purpose");
    });
    assert!(caught.is_err());
    assert_eq!(count(), 1);
}

fn a_nodefer_handler_waits_too() {
    install(SIGUSR1, Action::new(&COUNT).flags(Flags::NODEFER)).unwrap();
    let guard = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(count(), 0);
    drop(guard);
    assert!(count() >= 1);
    assert!(blocked().is_empty());
}

/// Blocks many signals, sends each, and lets them all through in a section: the kernel stacks their
/// handlers.
fn many_signals_at_once_are_all_kept() {
    needs_deferral();
    let crowd: Vec<Signal> = Signal::all()
        .filter(|signal| {
            signal.is_realtime() || [SIGUSR1, SIGUSR2, SIGHUP, SIGINT, SIGTERM].contains(signal)
        })
        .collect();
    for signal in &crowd {
        install(*signal, &COUNT).unwrap();
    }
    let crowd_set: SignalSet = crowd.iter().copied().collect();
    let before = blocked();
    let block = BlockGuard::new(crowd_set);
    crowd.iter().for_each(|signal| raise(*signal).unwrap());
    let section = DeferGuard::new();
    drop(block);
    assert_eq!(count(), 0);
    assert_eq!(blocked(), before);
    assert_eq!(pending(), crowd_set);
    drop(section);
    assert_eq!(count(), crowd.len());
    assert_eq!(blocked(), before);
}

fn a_handler_can_open_a_section() {
    fn handler(_: Signal) {
        let section = DeferGuard::new();
        raise(SIGUSR2).unwrap_or(());
        if OTHER.load(SeqCst) != 0 {
            DISORDER.store(true, SeqCst);
        }
        drop(section);
        COUNT.fetch_add(1, SeqCst);
    }
    // SAFETY: sections, raise and atomics are async-signal-safe.
    install(SIGUSR1, unsafe { Handler::new(handler) }).unwrap();
    install(SIGUSR2, &OTHER).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!((count(), OTHER.swap(0, SeqCst)), (1, 1));
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    drop(section);
    assert_eq!((count(), OTHER.load(SeqCst)), (2, 1));
    assert!(!DISORDER.load(SeqCst));
    assert!(blocked().is_empty());
}

fn threads_have_sections_of_their_own() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    let section = DeferGuard::new();
    let (go, wait) = std::sync::mpsc::channel();
    // Started before the arrival: afterwards it would inherit a full mask.
    let thread = std::thread::spawn(move || {
        wait.recv().unwrap();
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), 1, "this thread is in no section");
    });
    raise(SIGUSR1).unwrap();
    go.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(count(), 1);
    drop(section);
    assert_eq!(count(), 2);
}

fn waiting_takes_what_is_kept() {
    install(SIGUSR1, &COUNT).unwrap();
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    let set = SignalSet::from(SIGUSR1);
    assert_eq!(set.wait().unwrap().signal(), SIGUSR1);
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap().map(|info| info.signal()), None);
    raise(SIGUSR1).unwrap();
    assert_eq!(set.wait().unwrap().signal(), SIGUSR1);
    drop(section);
    assert_eq!(count(), 0);
    assert!(blocked().is_empty());
}

/// Row: waiting for a handler
fn waiting_for_a_handler_in_a_section_lets_none_run() {
    install(SIGUSR1, &COUNT).unwrap();
    install(SIGALRM, &OTHER).unwrap();
    let waits = common::fork(|| {
        let _section = DeferGuard::new();
        let block = BlockGuard::new(SIGUSR1);
        raise(SIGUSR1).unwrap();
        signal::alarm(Duration::from_millis(20));
        block.wait();
        0
    });
    // It must still wait when its own alarm has long been pending; SIGKILL ends it.
    common::in_child(|| {
        let _guard = BlockGuard::new(SIGALRM);
        signal::alarm(Duration::from_millis(200));
        SignalSet::from(SIGALRM).wait().unwrap();
    });
    assert_eq!(signal::child::reap(waits), Ok(None));
    signal::kill(waits, signal::SIGKILL).unwrap();
    assert_eq!(common::wait_for(waits).signal(), Some(signal::SIGKILL));
}

fn dying_by_a_signal_works_in_a_section() {
    install(SIGUSR1, &COUNT).unwrap();
    let child = common::fork(|| {
        let _section = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        signal::die_by(SIGTERM)
    });
    assert_eq!(common::wait_for(child).signal(), Some(SIGTERM));
}

tests! {
    a_signal_waits_for_the_end_of_the_section,
    only_the_outermost_guard_ends_the_section,
    every_kind_of_handler_waits,
    each_signal_keeps_its_own_info,
    realtime_signals_keep_order_and_count,
    the_mask_comes_back_whatever_guards_were_nested,
    what_is_blocked_when_the_section_ends_stays_pending,
    faults_and_abort_are_not_deferred,
    errno_is_untouched,
    a_forked_child_drops_what_was_deferred,
    a_panic_ends_the_section,
    a_nodefer_handler_waits_too,
    many_signals_at_once_are_all_kept,
    a_handler_can_open_a_section,
    threads_have_sections_of_their_own,
    waiting_takes_what_is_kept,
    waiting_for_a_handler_in_a_section_lets_none_run,
    dying_by_a_signal_works_in_a_section,
}
