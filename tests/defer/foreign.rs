//! Deferred sections among foreign handlers, with a full queue, in system calls that sleep.

use super::needs_deferral;
use crate::common::raw::{self, kernel_mask};
use crate::common::{self, count, COUNT};
use libc::{c_int, c_void};
use signal::{
    blocked, install, pending, raise, Action, BlockGuard, DeferGuard, Flags, Handler, Info, Pid,
    Signal, SignalSet, UnblockGuard, SIGHUP, SIGTERM, SIGUSR1,
};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static SENT: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);
static DISORDER: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicBool = AtomicBool::new(false);

fn in_order(_: Signal, info: &Info) {
    let value = NEXT.fetch_add(1, SeqCst) as i32;
    if info.value() != Some(value) || CLOSED.load(SeqCst) {
        DISORDER.store(true, SeqCst);
    }
}

fn realtime() -> Signal {
    needs_deferral();
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    let signal = common::realtime_or_skip(1);
    // SAFETY: atomics.
    install(signal, unsafe { Handler::with_info(in_order) }).unwrap();
    signal
}

/// For the process, with the next value.
fn send(signal: Signal) {
    signal::queue(Pid::current(), signal, SENT.fetch_add(1, SeqCst) as i32).unwrap();
}

/// A foreign handler, during which one of our signals arrives.
extern "C" fn foreign(_: c_int) {
    if let Some(signal) = Signal::realtime(1) {
        let _ = signal::queue(Pid::current(), signal, SENT.fetch_add(1, SeqCst) as i32);
    }
}

/// Only the first: the signal that arrives in it fills the mask, when the foreign handler has
/// ended.
fn a_foreign_handler_in_a_section_runs_and_what_arrives_in_it_waits() {
    let (signal, before) = (realtime(), kernel_mask());
    raw::set(SIGHUP, foreign as raw::Plain as usize, 0, &[]);
    for round in 0..3 {
        SENT.store(0, SeqCst);
        NEXT.store(0, SeqCst);
        let section = DeferGuard::new();
        CLOSED.store(true, SeqCst);
        raise(SIGHUP).unwrap();
        assert_eq!((SENT.load(SeqCst), NEXT.load(SeqCst), blocked()), (1, 0, SignalSet::empty()));
        assert_eq!(pending(), signal.into());
        assert_ne!(kernel_mask(), before);
        (0..round).for_each(|_| raise(SIGHUP).unwrap());
        (0..2).for_each(|_| send(signal));
        assert_eq!(
            (SENT.load(SeqCst), pending().contains(SIGHUP)),
            (3, round > 0),
            "the others wait"
        );
        let block = BlockGuard::new(SIGTERM);
        assert_eq!((block.previous(), blocked()), (SignalSet::empty(), SIGTERM.into()));
        drop(block);
        assert_eq!(NEXT.load(SeqCst), 0);
        CLOSED.store(false, SeqCst);
        drop(section);
        let all = if round > 0 { 4 } else { 3 };
        assert_eq!(
            (SENT.load(SeqCst), NEXT.load(SeqCst), DISORDER.load(SeqCst)),
            (all, all, false)
        );
        assert_eq!((kernel_mask(), pending()), (before.clone(), SignalSet::empty()));
    }
}

static ENTRY: AtomicUsize = AtomicUsize::new(0);

/// Sent again, the signal would meet the foreign handler twice.
fn a_one_shot_handler_under_a_foreign_one_is_not_put_off() {
    extern "C" fn passes_on(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the address of an entry, with the arguments that the kernel has passed.
        unsafe {
            std::mem::transmute::<usize, raw::WithInfo>(ENTRY.load(SeqCst))(number, info, context);
        }
    }
    needs_deferral();
    install(SIGUSR1, Action::new(&COUNT).flags(Flags::RESETHAND)).unwrap();
    ENTRY.store(raw::handler(SIGUSR1), SeqCst);
    raw::set(SIGUSR1, passes_on as raw::WithInfo as usize, libc::SA_SIGINFO, &[]);
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    assert_eq!(count(), 1);
    assert_eq!(raw::handler(SIGUSR1), passes_on as raw::WithInfo as usize);
    drop(section);
    assert_eq!(count(), 1);
}

/// Blocked when the section ends, and let through in others, where it is put off each time.
fn what_stays_blocked_keeps_its_place() {
    let signal = realtime();
    for (count, raw) in [(2, false), (2, true), (17, false), (17, true)] {
        SENT.store(0, SeqCst);
        NEXT.store(0, SeqCst);
        let section = DeferGuard::new();
        (0..count).for_each(|_| send(signal));
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
                let set = SignalSet::from(signal).to_raw();
                assert_eq!(libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()), 0);
            }
        }
        drop(block);
        assert_eq!((NEXT.load(SeqCst), DISORDER.load(SeqCst)), (count, false), "{count} {raw}");
        assert_eq!((kernel_mask(), pending()), (vec![], SignalSet::empty()));
    }
}

/// While it lives, the kernel queues nothing more for this process.
pub struct FullQueue {
    #[cfg(has_deferral)]
    before: libc::rlimit,
}

#[cfg(has_deferral)]
pub fn fill_the_queue() -> FullQueue {
    let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for the structure, and a whole one.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_SIGPENDING, &mut before), 0);
        let none = libc::rlimit { rlim_cur: 0, rlim_max: before.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_SIGPENDING, &none), 0);
    }
    FullQueue { before }
}

#[cfg(not(has_deferral))]
pub fn fill_the_queue() -> FullQueue {
    FullQueue {}
}

#[cfg(has_deferral)]
impl Drop for FullQueue {
    fn drop(&mut self) {
        // SAFETY: a whole structure.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &self.before) }, 0);
    }
}

/// What has been sent again is in the kernel's queue: a section that ends needs no room there.
fn a_full_queue_loses_neither_signals_nor_their_order() {
    let signal = realtime();
    for waits in [false, true] {
        SENT.store(0, SeqCst);
        NEXT.store(0, SeqCst);
        let section = DeferGuard::new();
        (0..3).for_each(|_| send(signal));
        let block = BlockGuard::new(signal);
        let full = fill_the_queue();
        drop(section);
        drop(DeferGuard::new());
        assert_eq!((NEXT.load(SeqCst), pending(), blocked()), (0, signal.into(), signal.into()));
        // It would kill this process, not hang it.
        signal::alarm(Duration::from_secs(60));
        if waits {
            while NEXT.load(SeqCst) < 3 {
                block.wait();
            }
        } else {
            for value in 0..3 {
                assert_eq!(SignalSet::from(signal).wait().unwrap().value(), Some(value));
            }
            NEXT.store(3, SeqCst);
        }
        signal::alarm(Duration::ZERO);
        drop(block);
        drop(full);
        assert_eq!(
            (NEXT.load(SeqCst), DISORDER.load(SeqCst), pending()),
            (3, false, SignalSet::empty())
        );
        assert_eq!(kernel_mask(), []);
    }
}

/// Many signals at once, and no room in the kernel's queue to send them again with their values.
fn a_full_queue_loses_nothing_that_found_no_place() {
    realtime();
    let crowd: Vec<Signal> = Signal::all().filter(|signal| signal.is_realtime()).collect();
    for signal in &crowd {
        install(*signal, &COUNT).unwrap();
    }
    let block = BlockGuard::new(crowd.iter().copied().collect::<SignalSet>());
    crowd.iter().for_each(|signal| signal::queue(Pid::current(), *signal, 7).unwrap());
    let _full = fill_the_queue();
    let section = DeferGuard::new();
    drop(block);
    assert_eq!(count(), 0);
    drop(section);
    assert_eq!((count(), kernel_mask()), (crowd.len(), vec![]));
}

/// Whether a process sleeps.
fn asleep(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().map_or(false, |rest| rest.trim_start().starts_with('S'))
}

/// A read that restarts and a poll that never does.
/// Row: a system call in the region
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

/// There is no context whose mask could be changed: the handler runs.
fn an_entry_that_is_put_back_and_called_by_number_is_not_put_off() {
    needs_deferral();
    for (round, left) in [8, usize::MAX, 0].into_iter().enumerate() {
        install(SIGUSR1, &COUNT).unwrap();
        raw::put_back_and_call_by_number(SIGUSR1, left);
        let section = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        assert_eq!((count(), pending(), kernel_mask()), (round + 1, SignalSet::empty(), vec![]));
        drop(section);
        assert_eq!((count(), kernel_mask()), (round + 1, vec![]));
    }
}

/// Nor is there an info: the kernel leaves in its place what was there.
#[cfg(has_sa_onstack)]
fn an_entry_that_is_put_back_without_its_flags_is_not_put_off() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    raw::put_back_over_numbers(SIGUSR1);
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    assert_eq!((count(), pending(), kernel_mask()), (1, SignalSet::empty(), vec![]));
    drop(section);
    assert_eq!((count(), kernel_mask()), (1, vec![]));
}

/// The last that the crate has installed is another: the flags tell.
fn a_one_shot_handler_that_is_put_back_waits() {
    needs_deferral();
    install(SIGUSR1, Action::new(&COUNT).flags(Flags::RESETHAND)).unwrap();
    let entry = raw::handler(SIGUSR1);
    install(SIGUSR1, Handler::Ignore).unwrap();
    raw::set(SIGUSR1, entry, (libc::SA_SIGINFO | libc::SA_RESETHAND) as c_int, &[]);
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    assert_eq!((count(), pending()), (0, SIGUSR1.into()));
    drop(section);
    assert_eq!((count(), signal::query(SIGUSR1).unwrap().handler()), (1, Handler::Default));
}

tests! {
    a_foreign_handler_in_a_section_runs_and_what_arrives_in_it_waits,
    a_one_shot_handler_under_a_foreign_one_is_not_put_off,
    what_stays_blocked_keeps_its_place,
    a_full_queue_loses_neither_signals_nor_their_order,
    a_full_queue_loses_nothing_that_found_no_place,
    no_handler_runs_in_a_call_that_sleeps,
    an_entry_that_is_put_back_and_called_by_number_is_not_put_off,
    #[cfg(has_sa_onstack)]
    an_entry_that_is_put_back_without_its_flags_is_not_put_off,
    a_one_shot_handler_that_is_put_back_waits,
}
