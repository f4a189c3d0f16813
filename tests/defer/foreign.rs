//! Deferred sections among foreign handlers, with a full queue, in system calls that sleep.

use super::needs_deferral;
use crate::common::raw::{self, kernel_mask};
use crate::common::{self, count, COUNT};
use libc::c_int;
use signal::{
    blocked, install, pending, raise, BlockGuard, DeferGuard, Handler, Info, Pid, Signal,
    SignalSet, UnblockGuard, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

static OTHER: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);
static DISORDER: AtomicBool = AtomicBool::new(false);

fn in_order(_: Signal, info: &Info) {
    if info.value() != Some(NEXT.fetch_add(1, SeqCst) as i32) {
        DISORDER.store(true, SeqCst);
    }
}

fn realtime() -> Signal {
    needs_deferral();
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    common::realtime_or_skip(1)
}

/// A foreign handler, during which one of our signals arrives.
extern "C" fn foreign(_: c_int) {
    if let (Some(signal), before) = (Signal::realtime(1), NEXT.load(SeqCst)) {
        let _ = signal::queue(Pid::current(), signal, OTHER.fetch_add(1, SeqCst) as i32);
        if NEXT.load(SeqCst) != before {
            DISORDER.store(true, SeqCst);
        }
    }
}

/// A section that has deferred `rounds` realtime signals: each arrived in a foreign handler, at
/// whose end the kernel restores the mask.
fn keep_several(rounds: usize) -> (Signal, DeferGuard) {
    let signal = realtime();
    // SAFETY: atomics.
    install(signal, unsafe { Handler::with_info(in_order) }).unwrap();
    raw::set(SIGHUP, foreign as raw::Plain as usize, 0, &[]);
    let section = DeferGuard::new();
    for _ in 0..rounds {
        raise(SIGHUP).unwrap();
    }
    (signal, section)
}

fn a_foreign_handler_in_a_section_runs_and_what_arrives_in_it_waits() {
    // With 16, no place is left.
    for rounds in [1, 3, 16] {
        OTHER.store(0, SeqCst);
        NEXT.store(0, SeqCst);
        let before = kernel_mask();
        let (signal, section) = keep_several(rounds);
        assert_eq!(
            (OTHER.load(SeqCst), NEXT.load(SeqCst), kernel_mask()),
            (rounds, 0, before.clone())
        );
        assert_eq!(pending(), signal.into());
        // Outside that handler the first fills the mask, and the second stays pending in the
        // kernel.
        (0..2).for_each(|last| {
            signal::queue(Pid::current(), signal, (rounds + last) as i32).unwrap()
        });
        let block = BlockGuard::new(SIGTERM);
        assert_eq!((block.previous(), blocked()), (SignalSet::empty(), SIGTERM.into()));
        drop(block);
        assert_eq!(NEXT.load(SeqCst), 0);
        drop(section);
        assert_eq!((NEXT.load(SeqCst), DISORDER.load(SeqCst)), (rounds + 2, false));
        assert_eq!((kernel_mask(), pending()), (before, SignalSet::empty()));
    }
}

/// Given back to the kernel, taken out, and blocked again, while later signals wait in the kernel.
fn what_stays_blocked_keeps_its_place() {
    // 17: one more than there are places.
    for (rounds, raw) in [(2, false), (2, true), (17, false), (17, true)] {
        OTHER.store(0, SeqCst);
        NEXT.store(0, SeqCst);
        let (signal, section) = keep_several(rounds);
        let block = BlockGuard::new(signal);
        drop(section);
        for _ in 0..3 {
            let _section = DeferGuard::new();
            drop(UnblockGuard::new(signal));
        }
        assert_eq!(
            (NEXT.load(SeqCst), pending(), kernel_mask()),
            (0, signal.into(), vec![signal.as_raw()])
        );
        if raw {
            // SAFETY: a whole set.
            unsafe {
                let mut set: libc::sigset_t = std::mem::zeroed();
                libc::sigaddset(&mut set, signal.as_raw());
                assert_eq!(libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()), 0);
            }
        }
        drop(block);
        assert_eq!((NEXT.load(SeqCst), DISORDER.load(SeqCst)), (rounds, false), "{rounds} {raw}");
        assert_eq!((kernel_mask(), pending()), (vec![], SignalSet::empty()));
    }
}

/// From now on the kernel queues nothing for this process. The upper limit stays.
#[cfg(has_deferral)]
fn fill_the_queue() {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for the structure, and a whole one.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_SIGPENDING, &mut limits), 0);
        limits.rlim_cur = 0;
        assert_eq!(libc::setrlimit(libc::RLIMIT_SIGPENDING, &limits), 0);
    }
}

#[cfg(not(has_deferral))]
fn fill_the_queue() {}

/// Blocked at the end of the section, they go back to the kernel, which has no room.
fn a_full_queue_loses_neither_signals_nor_their_order() {
    let (signal, section) = keep_several(3);
    let block = BlockGuard::new(signal);
    fill_the_queue();
    drop(section);
    assert_eq!((NEXT.load(SeqCst), pending()), (0, signal.into()));
    // Nor are they lost at the end of another section that finds no room.
    drop(DeferGuard::new());
    assert_eq!((NEXT.load(SeqCst), pending(), blocked()), (0, signal.into(), signal.into()));
    drop(block);
    assert_eq!(
        (NEXT.load(SeqCst), DISORDER.load(SeqCst), pending()),
        (3, false, SignalSet::empty())
    );
    assert_eq!(kernel_mask(), []);
}

/// More signals at once than there are places, and no room in the kernel for the rest.
fn a_full_queue_loses_nothing_that_found_no_place() {
    realtime();
    let crowd: Vec<Signal> = Signal::all().filter(|signal| signal.is_realtime()).collect();
    for signal in &crowd {
        install(*signal, &COUNT).unwrap();
    }
    let block = BlockGuard::new(crowd.iter().copied().collect::<SignalSet>());
    crowd.iter().for_each(|signal| signal::queue(Pid::current(), *signal, 7).unwrap());
    fill_the_queue();
    let section = DeferGuard::new();
    drop(block);
    assert_eq!(count(), 0);
    drop(section);
    assert_eq!((count(), kernel_mask()), (crowd.len(), vec![]));
}

/// Deferred signals are handled one by one; a child that is forked in between inherits none.
fn a_handler_that_forks_takes_nothing_kept_along() {
    needs_deferral();
    fn fork(_: Signal) {
        // SAFETY: on Linux, in a process with one thread, as good as any system call.
        OTHER.store(unsafe { libc::fork() } as usize, SeqCst);
    }
    // SAFETY: as above.
    install(SIGUSR2, unsafe { Handler::new(fork) }).unwrap();
    install(SIGUSR1, &COUNT).unwrap();
    let crowd = SIGUSR1 | SIGUSR2;
    let block = BlockGuard::new(crowd);
    crowd.iter().for_each(|signal| raise(signal).unwrap());
    let section = DeferGuard::new();
    // Both at once: the kernel stacks the handlers, and the one with the higher number is kept
    // first.
    drop(block);
    assert_eq!(pending(), crowd);
    drop(section);
    let (child, handled) = (OTHER.load(SeqCst) as i32, count());
    if child == 0 {
        // SAFETY: ends the child.
        unsafe { libc::_exit(handled as i32) };
    }
    let status = common::wait_for(Pid::from_raw(child).unwrap());
    assert_eq!((handled, status.code(), blocked()), (1, Some(0), SignalSet::empty()));
}

/// The section that it leaves open continues, with the signals that have not been handled.
fn a_handler_that_leaves_a_section_open_ends_the_settling() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    // SAFETY: opening a section is async-signal-safe.
    install(SIGUSR2, unsafe { Handler::new(|_| std::mem::forget(DeferGuard::new())) }).unwrap();
    let crowd = SIGUSR1 | SIGUSR2;
    let block = BlockGuard::new(crowd);
    crowd.iter().for_each(|signal| raise(signal).unwrap());
    let section = DeferGuard::new();
    // As above: SIGUSR2 is the first.
    drop(block);
    drop(section);
    raise(SIGUSR1).unwrap();
    assert_eq!((count(), blocked()), (0, SignalSet::empty()));
    assert!(pending().contains(SIGUSR1));
}

/// Whether a process sleeps.
fn asleep(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().map_or(false, |rest| rest.trim_start().starts_with('S'))
}

/// A read that restarts and a poll that never does.
fn no_handler_runs_in_a_call_that_sleeps() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    for polls in [false, true] {
        COUNT.store(0, SeqCst);
        let (latch, reader) = (common::Latch::new(), Pid::current());
        let section = DeferGuard::new();
        let sender = common::fork(|| {
            common::eventually("the reader sleeps", || asleep(reader));
            signal::kill(reader, SIGUSR1).unwrap();
            latch.open();
            0
        });
        if polls {
            assert!(common::pause(60_000), "the signal interrupts it");
        }
        latch.wait();
        assert_eq!((count(), pending().contains(SIGUSR1)), (0, true));
        drop(section);
        assert_eq!((count(), kernel_mask()), (1, vec![]));
        assert!(common::wait_for(sender).success());
    }
}

tests! {
    a_foreign_handler_in_a_section_runs_and_what_arrives_in_it_waits,
    what_stays_blocked_keeps_its_place,
    a_full_queue_loses_neither_signals_nor_their_order,
    a_full_queue_loses_nothing_that_found_no_place,
    a_handler_that_forks_takes_nothing_kept_along,
    a_handler_that_leaves_a_section_open_ends_the_settling,
    no_handler_runs_in_a_call_that_sleeps,
}
