//! The self-pipe over previous handlers: each is still called, as its owner installed it.

use crate::common::load::Flood;
use crate::common::{self, raw, Latch, FLAG};
use libc::{c_int, c_void, siginfo_t};
use signal::{
    install, query, raise, Action, BlockGuard, Cause, Flags, Handler, Info, InfoQueue,
    InstallGuard, Pid, SelfPipe, Signal, SIGABRT, SIGALRM, SIGCHLD, SIGINT, SIGSEGV, SIGTERM,
    SIGUSR1, SIGUSR2, SIGWINCH,
};
use std::io::{ErrorKind, Read};
use std::os::unix::io::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering::SeqCst};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static NUMBER: AtomicI32 = AtomicI32::new(0);
static SENDER: AtomicI32 = AtomicI32::new(0);
static INFO: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

fn on_signal(signal: Signal) {
    NUMBER.store(signal.as_raw(), SeqCst);
    CALLS.fetch_add(1, SeqCst);
}

fn on_info(signal: Signal, info: &Info) {
    SENDER.store(info.sender_pid().map_or(-1, Pid::as_raw), SeqCst);
    on_signal(signal);
}

extern "C" fn raw_plain(number: c_int) {
    NUMBER.store(number, SeqCst);
    CALLS.fetch_add(1, SeqCst);
}

extern "C" fn raw_with_info(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel, or the entry that chains to this, passes a valid structure.
    let number_there = unsafe { (*info).si_signo };
    INFO.store(context, SeqCst);
    NUMBER.store(if number_there == number { number } else { -1 }, SeqCst);
    CALLS.fetch_add(1, SeqCst);
}

fn function() -> Handler {
    // SAFETY: atomic stores.
    unsafe { Handler::new(on_signal) }
}

/// Every SIGUSR1 reaches a pipe on it and the previous handler, which is restored at the end.
fn both_are_notified(calls: impl Fn() -> usize) {
    let before = query(SIGUSR1);
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    for expected in 1..=3 {
        raise(SIGUSR1).unwrap();
        assert_eq!((calls(), pipe.pending()), (expected, SIGUSR1.into()));
    }
    raise(SIGUSR2).unwrap();
    let other = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(calls(), 4, "two pipes, one call");
    assert_eq!((pipe.pending(), other.pending()), (SIGUSR1 | SIGUSR2, SIGUSR1.into()));
    drop(pipe);
    raise(SIGUSR1).unwrap();
    assert_eq!((calls(), other.pending()), (5, SIGUSR1.into()));
    drop(other);
    assert_eq!(query(SIGUSR1), before);
    raise(SIGUSR1).unwrap();
    assert_eq!(calls(), 6);
}

fn a_function_is_called_too() {
    install(SIGUSR1, function()).unwrap();
    both_are_notified(|| CALLS.load(SeqCst));
    assert_eq!(NUMBER.load(SeqCst), SIGUSR1.as_raw());
}

fn a_flag_is_set_too() {
    install(SIGUSR1, &FLAG).unwrap();
    both_are_notified(|| {
        assert!(FLAG.swap(false, SeqCst));
        CALLS.fetch_add(1, SeqCst) + 1
    });
}

fn a_count_is_counted_too() {
    install(SIGUSR1, &CALLS).unwrap();
    both_are_notified(|| CALLS.load(SeqCst));
}

fn a_function_with_info_learns_who_sent_it() {
    // SAFETY: atomic stores.
    install(SIGUSR1, unsafe { Handler::with_info(on_info) }).unwrap();
    both_are_notified(|| CALLS.load(SeqCst));
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let me = Pid::current();
    let child = common::fork(|| i32::from(signal::kill(me, SIGUSR1).is_err()));
    assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
    // The entry notifies the pipe first.
    common::eventually("the function is called", || SENDER.load(SeqCst) == child.as_raw());
    common::wait_for(child);
}

fn a_queued_value_comes_through() {
    common::needs(cfg!(has_sigqueue), "no sigqueue here");
    let note = |_: Signal, info: &Info| NUMBER.store(info.value().unwrap_or(-1), SeqCst);
    // SAFETY: an atomic store.
    install(SIGUSR1, unsafe { Handler::with_info(note) }).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    signal::queue(Pid::current(), SIGUSR1, 0x1234_5678).unwrap();
    assert_eq!((NUMBER.load(SeqCst), pipe.pending()), (0x1234_5678, SIGUSR1.into()));
}

fn a_raw_handler_of_one_argument_is_called_too() {
    raw::set(SIGUSR1, raw_plain as raw::Plain as usize, 0, &[SIGINT]);
    both_are_notified(|| CALLS.load(SeqCst));
    assert_eq!(NUMBER.load(SeqCst), SIGUSR1.as_raw());
}

fn a_raw_handler_of_three_arguments_gets_all_three() {
    let flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    raw::set(SIGUSR1, raw_with_info as raw::WithInfo as usize, flags as c_int, &[SIGINT, SIGTERM]);
    both_are_notified(|| CALLS.load(SeqCst));
    assert_eq!(NUMBER.load(SeqCst), SIGUSR1.as_raw());
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    INFO.store(std::ptr::null_mut(), SeqCst);
    raise(SIGUSR1).unwrap();
    assert!(!INFO.load(SeqCst).is_null());
    assert!(!pipe.pending().is_empty());
}

static PIPE: AtomicI32 = AtomicI32::new(-1);

/// After many signals, writes the byte that the interrupted program waits for.
extern "C" fn feeds(_: c_int) {
    if CALLS.fetch_add(1, SeqCst) == 20 {
        // SAFETY: one byte.
        unsafe { libc::write(PIPE.load(SeqCst), b"x".as_ptr().cast(), 1) };
    }
}

/// A `read` that is interrupted repeatedly, with and without the flag on the previous handler.
fn a_handler_without_sa_restart_still_interrupts_and_one_with_it_does_not() {
    let read = |flags: c_int, signal: Signal| {
        common::fork(|| {
            raw::set(signal, feeds as raw::Plain as usize, flags, &[]);
            let pipe = SelfPipe::new(signal).unwrap();
            let (mut reader, writer) = common::pipe();
            PIPE.store(writer.as_raw_fd(), SeqCst);
            let flood = Flood::of(&[signal], 2);
            let result = reader.read(&mut [0]);
            drop(flood);
            assert!(!pipe.pending().is_empty());
            match result {
                Ok(1) => 1,
                Err(error) if error.kind() == ErrorKind::Interrupted => 2,
                _ => 3,
            }
        })
    };
    assert_eq!(common::wait_for(read(0, SIGUSR1)).code(), Some(2));
    #[cfg(has_sa_restart)]
    for signal in [SIGUSR1, SIGALRM] {
        assert_eq!(common::wait_for(read(libc::SA_RESTART as c_int, signal)).code(), Some(1));
    }
}

/// Over a default disposition the rule of `install` applies.
fn over_a_default_disposition_only_sigalrm_interrupts() {
    let _pipe = SelfPipe::new(SIGUSR1 | SIGALRM).unwrap();
    #[cfg(has_sa_restart)]
    for (signal, restarts) in [(SIGUSR1, true), (SIGALRM, false)] {
        assert_eq!(query(signal).unwrap().installed_flags().contains(Flags::RESTART), restarts);
    }
}

/// The reset of SA_RESETHAND removes the predecessor of the pipe and not the pipe.
fn the_pipe_outlives_a_one_shot_handler() {
    install(SIGUSR1, Action::new(function()).flags(Flags::RESETHAND | Flags::NODEFER)).unwrap();
    let before = query(SIGUSR1).unwrap();
    drop(SelfPipe::new(SIGUSR1).unwrap());
    assert_eq!(query(SIGUSR1), Ok(before), "it was not called");
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    for _ in 0..2 {
        raise(SIGUSR1).unwrap();
        assert_eq!(pipe.pending(), SIGUSR1.into());
    }
    drop(pipe);
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default, "the kernel has reset it");
}

static MASK: AtomicUsize = AtomicUsize::new(0);

extern "C" fn notes_its_mask(_: c_int) {
    let blocked = signal::blocked();
    let bits = [SIGUSR1, SIGINT, SIGABRT].iter().enumerate();
    MASK.store(bits.map(|(at, signal)| usize::from(blocked.contains(*signal)) << at).sum(), SeqCst);
}

#[cfg(has_sa_onstack)]
extern "C" fn notes_its_stack(_: c_int) {
    // SAFETY: zero is valid, and there is room for the structure.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &mut stack);
        CALLS.store(if stack.ss_flags & libc::SS_ONSTACK == 0 { 1 } else { 2 }, SeqCst);
    }
}

/// A handler whose owner did not request the alternate stack may not fit there.
#[cfg(has_sa_onstack)]
fn it_runs_on_the_stack_that_its_owner_requested() {
    raw::alternate_stack(1 << 16);
    for (flags, expected) in [(0, 1), (libc::SA_ONSTACK as c_int, 2)] {
        raw::set(SIGUSR1, notes_its_stack as raw::Plain as usize, flags, &[]);
        let _pipe = SelfPipe::new(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        assert_eq!(CALLS.load(SeqCst), expected);
    }
}

#[cfg(not(has_sa_onstack))]
fn it_runs_on_the_stack_that_its_owner_requested() {
    common::skip("no alternate stack here");
}

fn the_mask_of_its_owner_is_blocked_while_it_runs() {
    raw::set(SIGUSR1, notes_its_mask as raw::Plain as usize, 0, &[SIGINT, SIGABRT]);
    raise(SIGUSR1).unwrap();
    assert_eq!(MASK.load(SeqCst), 7);
    let _pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(MASK.load(SeqCst), 7);
}

fn a_forked_child_calls_it_too() {
    install(SIGUSR1, function()).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    common::in_child(|| {
        raise(SIGUSR1).unwrap();
        assert_eq!((CALLS.load(SeqCst), pipe.wait()), (1, Ok(SIGUSR1.into())));
    });
    assert_eq!((CALLS.load(SeqCst), pipe.pending().is_empty()), (0, true));
}

/// The pipe is notified before the handler forks, and the pipe of the child is its own.
fn a_handler_that_forks_notifies_only_its_own_pipe() {
    static CHILD: AtomicI32 = AtomicI32::new(-1);
    let forks = |_: Signal| {
        // SAFETY: takes nothing; one thread.
        CHILD.store(unsafe { libc::fork() }, SeqCst);
    };
    // SAFETY: `fork`, with one thread, and an atomic store.
    install(SIGUSR1, unsafe { Handler::new(forks) }).unwrap();
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    let latch = Latch::new();
    let blocked = BlockGuard::new(SIGUSR2);
    raise(SIGUSR1).unwrap();
    drop(blocked);
    match Pid::from_raw(CHILD.load(SeqCst)) {
        None => {
            let heard = raise(SIGUSR2).is_ok() && pipe.wait() == Ok(SIGUSR2.into());
            latch.open();
            // SAFETY: ends the child.
            unsafe { libc::_exit(i32::from(!heard)) }
        }
        Some(child) => {
            latch.wait();
            assert!(common::wait_for(child).success());
            assert_eq!(pipe.pending(), SIGUSR1.into());
        }
    }
}

/// Somebody has saved the action of the pipe and puts it back when the pipe is gone: the signal is
/// not swallowed.
fn an_entry_that_is_put_back_without_pipes_has_the_default_effect() {
    for signal in [SIGTERM, SIGUSR1, SIGINT] {
        let status = common::status_of(|| {
            install(signal, Handler::Default).unwrap();
            let pipe = SelfPipe::new(signal).unwrap();
            let saved = query(signal).unwrap();
            drop(pipe);
            install(signal, saved).unwrap();
            raise(signal).unwrap();
        });
        assert_eq!(status.signal(), Some(signal));
    }
}

/// `std`'s handler for stack overflows sets the default in its own place, to die of a fault; but
/// this one was sent.
fn a_fault_that_is_sent_leaves_the_pipe_installed() {
    if query(SIGSEGV).unwrap().handler() == Handler::Default {
        common::skip("std catches no faults here");
    }
    let pipe = SelfPipe::new(SIGSEGV).unwrap();
    let own = query(SIGSEGV).unwrap();
    let _over_the_default = SelfPipe::new(SIGUSR1).unwrap();
    for _ in 0..3 {
        raise(SIGSEGV).unwrap();
        assert_eq!(pipe.pending(), SIGSEGV.into());
        let now = query(SIGSEGV).unwrap();
        // What it stood over did not have calls restarted, and is gone.
        let flags = query(SIGUSR1).unwrap().installed_flags();
        assert_eq!((now.handler(), now.installed_flags()), (own.handler(), flags));
    }
    drop(pipe);
    assert_eq!(query(SIGSEGV).unwrap().handler(), Handler::Default, "as it has set it");
}

/// Where it is no fault, that is the predecessor's own business.
fn a_handler_that_sets_the_default_is_believed() {
    extern "C" fn once(number: c_int) {
        raw_plain(number);
        raw::set(SIGUSR1, libc::SIG_DFL, 0, &[]);
    }
    raw::set(SIGUSR1, once as raw::Plain as usize, 0, &[]);
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!((CALLS.load(SeqCst), pipe.pending()), (1, SIGUSR1.into()));
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
}

/// Its owner has been called for the only time; the next signal has the default effect.
fn a_one_shot_handler_below_an_entry_without_pipes_is_called_once() {
    let status = common::status_of(|| {
        raw::set(SIGUSR1, raw_plain as raw::Plain as usize, libc::SA_RESETHAND as c_int, &[]);
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        let entry = raw::handler(SIGUSR1);
        drop(pipe);
        raw::set(SIGUSR1, entry, libc::SA_SIGINFO as c_int, &[]);
        raise(SIGUSR1).unwrap();
        assert_eq!(CALLS.load(SeqCst), 1);
        raise(SIGUSR1).unwrap();
    });
    assert_eq!((status.signal(), CALLS.load(SeqCst)), (Some(SIGUSR1), 0));
}

/// A fault of which the kernel says no more than that it is one: the pipe does not have the
/// instruction fail for ever, be it over the default or over `std`'s handler, and also if somebody
/// has put back its entry so that the kernel says nothing at all.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn a_fault_without_an_address_ends_the_process() {
    for handler in [Some(Handler::Default), None] {
        for put_back in [false, true] {
            let status = common::status_of(|| {
                common::process::no_core_file();
                handler.map(|handler| install(SIGSEGV, handler).unwrap());
                let _pipe = SelfPipe::new(SIGSEGV).unwrap();
                if put_back {
                    raw::put_back_by_signal(SIGSEGV);
                }
                // An instruction that failed for ever would take so much of the processor.
                let limit = libc::rlimit { rlim_cur: 5, rlim_max: 6 };
                // SAFETY: a whole structure; the instruction is not for programs.
                unsafe {
                    assert_eq!(libc::setrlimit(libc::RLIMIT_CPU, &limit), 0);
                    std::arch::asm!("hlt");
                }
            });
            assert_eq!(status.signal(), Some(SIGSEGV));
        }
    }
}

static QUEUE: InfoQueue<4> = InfoQueue::new();

/// Nothing, a word that is no address, and what is no siginfo_t in memory of the stack.
fn an_entry_that_is_put_back_and_called_by_number_hears_the_number() {
    common::needs(cfg!(target_os = "linux"), "the C library may stand in between");
    for signal in [SIGUSR1, SIGSEGV] {
        install(signal, Handler::Default).unwrap();
        let pipe = SelfPipe::with_queue(signal, &QUEUE).unwrap();
        for left in [8, usize::MAX, 0] {
            raw::put_back_and_call_by_number(signal, left);
            raise(signal).unwrap();
            assert_eq!(pipe.pending(), signal.into());
            let infos: Vec<_> = pipe.infos().collect();
            assert_eq!((infos.len(), infos[0].signal()), (1, signal));
            assert_eq!((infos[0].sender_pid(), infos[0].address()), (None, None));
            // The next one comes from the kernel.
            raise(signal).unwrap();
            assert_eq!(pipe.pending(), signal.into());
            let sender = pipe.infos().next().and_then(|info| info.sender_pid());
            assert_eq!(sender, Some(Pid::current()));
        }
    }
}

/// It gets no siginfo_t from the kernel, which leaves in its place what was there.
#[cfg(has_sa_onstack)]
fn an_entry_that_is_put_back_without_its_flags_believes_nothing_else() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    raw::put_back_over_numbers(SIGUSR1);
    raise(SIGUSR1).unwrap();
    let infos: Vec<_> = pipe.infos().collect();
    assert_eq!((pipe.pending(), infos.len()), (SIGUSR1.into(), 1));
    assert_eq!((infos[0].signal(), infos[0].cause()), (SIGUSR1, Cause::Unknown));
}

/// It is the pipe's own still: what was there before comes back, what was ignored is known to be,
/// and no place for another predecessor is used up.
fn an_entry_that_is_put_back_without_its_flags_is_the_pipes() {
    for handler in [Handler::Default, Handler::Ignore, function()] {
        install(SIGUSR1, handler).unwrap();
        let before = query(SIGUSR1);
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        let own = query(SIGUSR1);
        for _ in 0..6 {
            raw::put_back_by_signal(SIGUSR1);
            let other = SelfPipe::new_unless_ignored(SIGUSR1).unwrap();
            assert_eq!(other.watched().is_empty(), handler == Handler::Ignore);
            raise(SIGUSR1).unwrap();
            assert_eq!((pipe.pending(), other.pending()), (SIGUSR1.into(), other.watched()));
            pipe.insert(SIGUSR1).unwrap();
            assert_eq!(query(SIGUSR1), own);
        }
        raw::put_back_by_signal(SIGUSR1);
        drop(pipe);
        assert_eq!(query(SIGUSR1), before);
    }
}

/// Over `std`'s handler, which sets the default in its own place: as it has no info, it gets the
/// signal again with one.
fn a_fault_that_is_sent_to_an_entry_put_back_leaves_it_installed() {
    let pipe = SelfPipe::new(SIGSEGV).unwrap();
    let own = query(SIGSEGV).unwrap().handler();
    raw::put_back_by_signal(SIGSEGV);
    for _ in 0..3 {
        raise(SIGSEGV).unwrap();
        assert_eq!((pipe.pending(), query(SIGSEGV).unwrap().handler()), (SIGSEGV.into(), own));
    }
}

/// Whatever their targets: the function that the entry calls is one.
fn pipes_come_and_go_over_any_number_of_flags() {
    for _ in 0..6 {
        let flag: &AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let guard = InstallGuard::new(SIGUSR1, flag).unwrap();
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        assert_eq!((pipe.pending(), flag.load(SeqCst)), (SIGUSR1.into(), true));
        drop(pipe);
        assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Flag(flag));
        drop(guard);
        assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
    }
}

/// It finds nobody, and the default in place: what happens by default is nothing, and must not
/// happen to the next pipe.
fn a_signal_under_way_while_the_last_pipe_leaves_does_no_harm_to_the_next() {
    for signal in [SIGCHLD, SIGWINCH] {
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    raise(signal).unwrap();
                }
            });
            for round in 0..common::scaled(30_000) {
                pipe.insert(signal).unwrap();
                (0..round % 50).for_each(|_| std::hint::spin_loop());
                let is_watched = query(signal).unwrap().handler() != Handler::Default;
                pipe.remove(signal).unwrap();
                if !is_watched {
                    done.store(true, SeqCst);
                    panic!("round {round}: the pipe does not hear {signal}");
                }
            }
            done.store(true, SeqCst);
        });
    }
}

static BELOW: AtomicUsize = AtomicUsize::new(0);

/// What it was installed over.
extern "C" fn passes_on(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the address of a handler with three arguments, which these are.
    unsafe {
        std::mem::transmute::<usize, raw::WithInfo>(BELOW.load(SeqCst))(number, info, context);
    }
}

/// The pipe above and the one below are told, and each handler is called once: no entry is below
/// itself.
fn a_handler_between_two_pipes_is_called_once() {
    raw::set(SIGUSR1, raw_with_info as raw::WithInfo as usize, libc::SA_SIGINFO as c_int, &[]);
    let own = query(SIGUSR1);
    let below = SelfPipe::new(SIGUSR1).unwrap();
    BELOW.store(raw::handler(SIGUSR1), SeqCst);
    raw::set(SIGUSR1, passes_on as raw::WithInfo as usize, libc::SA_SIGINFO as c_int, &[]);
    let between = query(SIGUSR1);
    let above = SelfPipe::new(SIGUSR1).unwrap();
    for calls in 1..4 {
        raise(SIGUSR1).unwrap();
        assert_eq!((below.pending(), above.pending()), (SIGUSR1.into(), SIGUSR1.into()));
        assert_eq!(CALLS.load(SeqCst), calls);
    }
    drop(above);
    assert_eq!(query(SIGUSR1), between);
    raise(SIGUSR1).unwrap();
    assert_eq!((below.pending(), CALLS.load(SeqCst)), (SIGUSR1.into(), 4));
    raw::set(SIGUSR1, BELOW.load(SeqCst), libc::SA_SIGINFO as c_int, &[]);
    drop(below);
    assert_eq!(query(SIGUSR1), own);
}

tests! {
    a_handler_between_two_pipes_is_called_once,
    a_function_is_called_too,
    a_flag_is_set_too,
    a_count_is_counted_too,
    a_function_with_info_learns_who_sent_it,
    a_queued_value_comes_through,
    a_raw_handler_of_one_argument_is_called_too,
    a_raw_handler_of_three_arguments_gets_all_three,
    a_handler_without_sa_restart_still_interrupts_and_one_with_it_does_not,
    over_a_default_disposition_only_sigalrm_interrupts,
    the_pipe_outlives_a_one_shot_handler,
    the_mask_of_its_owner_is_blocked_while_it_runs,
    it_runs_on_the_stack_that_its_owner_requested,
    a_forked_child_calls_it_too,
    a_handler_that_forks_notifies_only_its_own_pipe,
    an_entry_that_is_put_back_without_pipes_has_the_default_effect,
    a_fault_that_is_sent_leaves_the_pipe_installed,
    a_handler_that_sets_the_default_is_believed,
    a_one_shot_handler_below_an_entry_without_pipes_is_called_once,
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    a_fault_without_an_address_ends_the_process,
    an_entry_that_is_put_back_and_called_by_number_hears_the_number,
    #[cfg(has_sa_onstack)]
    an_entry_that_is_put_back_without_its_flags_believes_nothing_else,
    an_entry_that_is_put_back_without_its_flags_is_the_pipes,
    a_fault_that_is_sent_to_an_entry_put_back_leaves_it_installed,
    pipes_come_and_go_over_any_number_of_flags,
    a_signal_under_way_while_the_last_pipe_leaves_does_no_harm_to_the_next,
}
