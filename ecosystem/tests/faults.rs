//! The faults that were seen once, each as it was seen, and what is right.

use ecosystem::neighbours::{self, NUMBER};
use ecosystem::process::{self, End};
use ecosystem::world::Listener;
use signal::{install, query, raise, Action, Flags, Handler, InstallGuard, SelfPipe, Signal};
use signal::{SIGINT, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// signal-hook, which counts.
fn register(signal: Signal) -> signal_hook::SigId {
    let count = || {
        CALLS.fetch_add(1, SeqCst);
    };
    // SAFETY: an atomic addition.
    unsafe { signal_hook::low_level::register(signal.as_raw(), count) }.unwrap()
}

/// The signal is raised three times, and each time the pipe hears and signal-hook counts one.
fn both_hear(pipe: &SelfPipe) {
    CALLS.store(0, SeqCst);
    for calls in 1..=3 {
        raise(SIGUSR1).unwrap();
        assert_eq!((CALLS.load(SeqCst), pipe.pending()), (calls, SIGUSR1.into()));
    }
}

/// How a child ends in which that was done and the signal was raised.
fn end_by(signal: Signal, before: impl FnOnce()) -> End {
    process::run(|| {
        before();
        raise(signal).unwrap();
        0
    })
}

fn a_new_pipe_over_signal_hook_over_an_old_one_makes_no_circle() {
    let old = SelfPipe::new(SIGUSR1).unwrap();
    register(SIGUSR1);
    drop(old);
    both_hear(&SelfPipe::new(SIGUSR1).unwrap());
}

/// The same by `insert`.
fn a_pipe_that_watches_again_over_signal_hook_makes_no_circle() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    register(SIGUSR1);
    both_hear(&pipe);
    pipe.insert(SIGUSR1).unwrap();
    both_hear(&pipe);
    pipe.remove(SIGUSR1).unwrap();
    pipe.insert(SIGUSR1).unwrap();
    both_hear(&pipe);
}

/// Where the entry in signal-hook's chain had come back before its pipe left, and looked
/// unused.
fn an_entry_in_a_chain_that_nobody_has_seen_makes_no_circle() {
    static A: AtomicBool = AtomicBool::new(false);
    let old = SelfPipe::new(SIGUSR1).unwrap();
    let entry = query(SIGUSR1).unwrap();
    register(SIGUSR1);
    let hook = install(SIGUSR1, entry).unwrap();
    drop(old);
    // Each of these takes one more of what there is for a signal.
    let others: [Action; 3] = [
        Handler::Ignore.into(),
        (&A).into(),
        // SAFETY: does nothing.
        unsafe { Handler::new(|_| ()) }.into(),
    ];
    for action in others {
        install(SIGUSR1, action).unwrap();
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        assert_eq!(pipe.pending(), SIGUSR1.into());
    }
    install(SIGUSR1, hook).unwrap();
    match SelfPipe::new(SIGUSR1) {
        Ok(pipe) => both_hear(&pipe),
        Err(error) => {
            raise(SIGUSR1).unwrap();
            assert_eq!((error.raw_os_error(), CALLS.load(SeqCst)), (libc::ELOOP, 1));
            assert_eq!(query(SIGUSR1), Ok(hook));
        }
    }
}

fn two_versions_that_leave_in_the_wrong_order_leave_the_default() {
    let wrong_order = || {
        let one = SelfPipe::new(SIGTERM).unwrap();
        let two = second::SelfPipe::new(second::SIGTERM).unwrap();
        drop(one);
        drop(two);
    };
    assert_eq!(end_by(SIGTERM, wrong_order), End::Signal(libc::SIGTERM));
}

fn an_entry_that_somebody_restores_has_the_default_happen() {
    let restore = || {
        let pipe = SelfPipe::new(SIGTERM).unwrap();
        let saved = query(SIGTERM).unwrap();
        drop(pipe);
        install(SIGTERM, saved).unwrap();
    };
    assert_eq!(end_by(SIGTERM, restore), End::Signal(libc::SIGTERM));
}

/// For what was ignored, and what was ignored meanwhile.
fn an_entry_that_somebody_restores_does_what_was_done_before_it() {
    let restore = |before: Handler, meanwhile: Handler| {
        move || {
            install(SIGTERM, before).unwrap();
            let pipe = SelfPipe::new(SIGTERM).unwrap();
            let saved = install(SIGTERM, meanwhile).unwrap();
            drop(pipe);
            drop(SelfPipe::new(SIGTERM).unwrap());
            assert_eq!(query(SIGTERM).unwrap().handler(), meanwhile);
            install(SIGTERM, saved).unwrap();
        }
    };
    let (default, ignore) = (Handler::Default, Handler::Ignore);
    assert_eq!(end_by(SIGTERM, restore(default, ignore)), End::Signal(libc::SIGTERM));
    assert_eq!(end_by(SIGTERM, restore(ignore, default)), End::Exit(0));
}

fn a_guard_leaves_the_handler_of_signal_hook() {
    let guard = InstallGuard::new(SIGUSR1, Handler::Ignore).unwrap();
    let id = register(SIGUSR1);
    let installed = query(SIGUSR1).unwrap();
    drop(guard);
    assert_eq!(query(SIGUSR1), Ok(installed));
    raise(SIGUSR1).unwrap();
    assert!(signal_hook::low_level::unregister(id));
    register(SIGUSR1);
    raise(SIGUSR1).unwrap();
    assert_eq!(CALLS.load(SeqCst), 2);
}

fn a_guard_leaves_the_handler_of_tokio() {
    let guard = InstallGuard::new(SIGUSR1, Handler::Ignore).unwrap();
    let mut listener = Listener::new(NUMBER);
    drop(guard);
    for _ in 0..3 {
        raise(SIGUSR1).unwrap();
        assert!(listener.has_heard());
    }
}

fn a_flag_under_signal_hook_is_the_target_again_when_a_guard_has_left() {
    static A: AtomicBool = AtomicBool::new(false);
    static B: AtomicBool = AtomicBool::new(false);
    install(SIGUSR1, &A).unwrap();
    register(SIGUSR1);
    drop(InstallGuard::new(SIGUSR1, &B).unwrap());
    raise(SIGUSR1).unwrap();
    assert_eq!((A.load(SeqCst), B.load(SeqCst), CALLS.load(SeqCst)), (true, false, 1));
}

/// For a program that saves a flag's handler and restores it when the guard has gone.
fn a_handler_of_flags_that_somebody_restores_sets_its_flag() {
    static A: AtomicBool = AtomicBool::new(false);
    let guard = InstallGuard::new(SIGUSR1, &A).unwrap();
    let saved = neighbours::action(None);
    drop(guard);
    neighbours::action(Some(&saved));
    raise(SIGUSR1).unwrap();
    assert!(A.load(SeqCst));
}

fn a_found_function_keeps_its_mask_and_is_not_made_reentrant() {
    neighbours::action(Some(&neighbours::chaining()));
    let found = query(SIGUSR1).unwrap();
    install(SIGUSR1, Action::new(found.handler()).flags(Flags::NODEFER)).unwrap();
    let again = query(SIGUSR1).unwrap();
    assert!(again.mask().contains(SIGUSR2));
    assert!(!again.installed_flags().contains(Flags::NODEFER));
}

/// The classic way to die. Under a pipe it comes once; the pipe hears both, and goes on
/// alone.
fn a_one_shot_handler_that_raises_anew_is_called_once() {
    extern "C" fn once_more(number: libc::c_int) {
        CALLS.fetch_add(1, SeqCst);
        // SAFETY: takes a plain value.
        unsafe { libc::raise(number) };
    }
    // Called for ever, it would never end.
    process::limit(20);
    let mut action = neighbours::one_shot();
    action.sa_sigaction = once_more as *const () as usize;
    neighbours::action(Some(&action));
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    for _ in 0..3 {
        raise(SIGUSR1).unwrap();
        assert_eq!((CALLS.load(SeqCst), pipe.pending()), (1, SIGUSR1.into()));
    }
    drop(pipe);
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
}

/// std's handler, which sets the default in its own place.
fn a_pipe_over_the_handler_of_std_hears_sigsegv_twice() {
    assert!(matches!(query(SIGSEGV).unwrap().handler(), Handler::Function(_)), "that of std");
    let pipe = SelfPipe::new(SIGSEGV).unwrap();
    let installed = query(SIGSEGV).unwrap();
    for _ in 0..2 {
        signal::kill(signal::Pid::current(), SIGSEGV).unwrap();
        assert_eq!(pipe.pending(), SIGSEGV.into());
    }
    assert_eq!(query(SIGSEGV).unwrap().handler(), installed.handler());
}

fn touch_nothing() {
    // SAFETY: it is not: the process has to end here.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    overflow(room[7] + 1) + room[3]
}

/// A pipe on SIGSEGV does not turn a fault into a loop; over std's handler it is as it
/// was.
fn a_real_fault_ends_the_process() {
    let with = |handler: Option<Handler>, fault: fn()| {
        process::run(|| {
            handler.map(|handler| install(SIGSEGV, handler).unwrap());
            let _pipe = SelfPipe::new(SIGSEGV).unwrap();
            fault();
            0
        })
    };
    let overflows = || drop(overflow(1).to_string());
    assert_eq!(with(Some(Handler::Default), touch_nothing), End::Signal(libc::SIGSEGV));
    assert_eq!(with(None, touch_nothing), End::Signal(libc::SIGSEGV));
    assert_eq!(with(None, overflows), End::Signal(libc::SIGABRT));
}

static CTRLC: AtomicU32 = AtomicU32::new(0);

/// ctrlc calls nobody and never leaves: under it a pipe is deaf, over it both hear.
fn ctrlc_is_left_where_it_is() {
    let under = SelfPipe::new(SIGINT).unwrap();
    ctrlc::set_handler(|| {
        CTRLC.fetch_add(1, SeqCst);
    })
    .unwrap();
    let hears = |count: u32| {
        raise(SIGINT).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while CTRLC.load(SeqCst) < count {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    };
    hears(1);
    assert!(under.pending().is_empty());
    let over = SelfPipe::new(SIGINT).unwrap();
    hears(2);
    assert_eq!((over.pending(), under.pending().is_empty()), (SIGINT.into(), true));
    drop((over, under));
    hears(3);
}

tests! {
    a_new_pipe_over_signal_hook_over_an_old_one_makes_no_circle,
    a_pipe_that_watches_again_over_signal_hook_makes_no_circle,
    an_entry_in_a_chain_that_nobody_has_seen_makes_no_circle,
    two_versions_that_leave_in_the_wrong_order_leave_the_default,
    an_entry_that_somebody_restores_has_the_default_happen,
    an_entry_that_somebody_restores_does_what_was_done_before_it,
    a_guard_leaves_the_handler_of_signal_hook,
    a_guard_leaves_the_handler_of_tokio,
    a_flag_under_signal_hook_is_the_target_again_when_a_guard_has_left,
    a_handler_of_flags_that_somebody_restores_sets_its_flag,
    a_found_function_keeps_its_mask_and_is_not_made_reentrant,
    a_one_shot_handler_that_raises_anew_is_called_once,
    a_pipe_over_the_handler_of_std_hears_sigsegv_twice,
    a_real_fault_ends_the_process,
    ctrlc_is_left_where_it_is,
}
