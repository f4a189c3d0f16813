//! Handlers: flags, counts, functions.

use crate::common::{self, count, process, raw, COUNT, FLAG};
use signal::{
    install, query, Action, Context, Errno, Flags, Handler, Info, Pid, Signal, SignalSet,
};
use signal::{SIGINT, SIGSEGV, SIGTSTP, SIGUSR1, SIGUSR2};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

static SEEN: AtomicI32 = AtomicI32::new(0);
static FOUND: AtomicI32 = AtomicI32::new(0);

fn a_flag_is_set_and_a_count_counts() {
    const TIMES: usize = 1000;
    install(SIGUSR1, &FLAG).unwrap();
    install(SIGUSR2, &COUNT).unwrap();
    for times in 0..TIMES {
        assert_eq!(count(), times);
        signal::raise(SIGUSR2).unwrap();
        assert!(!FLAG.swap(false, SeqCst));
        signal::raise(SIGUSR1).unwrap();
        assert!(FLAG.swap(false, SeqCst));
    }
    COUNT.store(usize::MAX, SeqCst);
    signal::raise(SIGUSR2).unwrap();
    assert_eq!(count(), 0, "it wraps");
}

fn realtime_signals_are_counted_one_by_one() {
    let signal = common::realtime_or_skip(1);
    install(signal, &COUNT).unwrap();
    let guard = signal::BlockGuard::new(signal);
    for _ in 0..20 {
        signal::raise(signal).unwrap();
    }
    drop(guard);
    assert_eq!(count(), 20);
}

fn a_function_is_told_the_signal() {
    let remember = |signal: Signal| SEEN.store(signal.as_raw(), SeqCst);
    let remember_both = |signal: Signal, info: &Info| {
        SEEN.store(signal.as_raw(), SeqCst);
        FOUND.store(info.signal().as_raw(), SeqCst);
    };
    // SAFETY: atomic stores.
    let (plain, with_info) = unsafe { (Handler::new(remember), Handler::with_info(remember_both)) };
    assert_ne!(plain, with_info);
    let members = Signal::all().filter(|signal| SignalSet::full().contains(*signal));
    for signal in members.filter(|signal| install(*signal, plain).is_ok()) {
        signal::raise(signal).unwrap();
        assert_eq!(SEEN.swap(0, SeqCst), signal.as_raw());
        install(signal, with_info).unwrap();
        signal::raise(signal).unwrap();
        assert_eq!((SEEN.swap(0, SeqCst), FOUND.swap(0, SeqCst)), (signal.into(), signal.into()));
    }
}

fn a_handler_may_install_another() {
    let replace = |signal: Signal| {
        let _ = install(signal, &COUNT);
    };
    // SAFETY: `install` is async-signal-safe.
    install(SIGUSR1, unsafe { Handler::new(replace) }).unwrap();
    signal::raise(SIGUSR1).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((count(), query(SIGUSR1).unwrap().handler()), (1, Handler::Count(&COUNT)));
}

extern "C" fn raw_one(number: libc::c_int) {
    SEEN.store(number, SeqCst);
}

extern "C" fn raw_two(number: libc::c_int) {
    SEEN.store(-number, SeqCst);
}

extern "C" fn raw_with_info(
    number: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: what the system has passed.
    let (info, context) = unsafe { (Info::from_raw(*info), Context::from_raw(context)) };
    SEEN.store(number, SeqCst);
    FOUND.store(info.sender_pid().map_or(-1, Pid::as_raw), SeqCst);
    FLAG.store(!context.as_ptr().is_null(), SeqCst);
}

fn functions_that_are_values_are_called_by_the_kernel() {
    let chosen: [extern "C" fn(libc::c_int); 2] = [raw_one, raw_two];
    for (function, expected) in chosen.into_iter().zip([SIGUSR1.as_raw(), -SIGUSR1.as_raw()]) {
        // SAFETY: an atomic store.
        let handler = unsafe { Handler::from_raw(function) };
        install(SIGUSR1, handler).unwrap();
        assert_eq!(raw::handler(SIGUSR1), function as usize);
        assert_eq!(query(SIGUSR1).unwrap().handler(), handler);
        assert!(!query(SIGUSR1).unwrap().installed_flags().contains(Flags::SIGINFO));
        signal::raise(SIGUSR1).unwrap();
        assert_eq!(SEEN.load(SeqCst), expected);
    }
    // SAFETY: atomic stores.
    let handler = unsafe { Handler::from_raw_with_info(raw_with_info) };
    install(SIGUSR2, handler).unwrap();
    assert_eq!(raw::handler(SIGUSR2), raw_with_info as raw::WithInfo as usize);
    assert!(query(SIGUSR2).unwrap().installed_flags().contains(Flags::SIGINFO));
    signal::kill(Pid::current(), SIGUSR2).unwrap();
    common::eventually("it arrives", || SEEN.load(SeqCst) == SIGUSR2.as_raw());
    assert_eq!((FOUND.load(SeqCst), FLAG.load(SeqCst)), (Pid::current().as_raw(), true));
}

/// The function that was there before, for `chain`.
static mut PREVIOUS: Option<Handler> = None;

fn chain(signal: Signal, info: &Info, context: &mut Context) {
    COUNT.fetch_add(1, SeqCst);
    // SAFETY: written before this is installed.
    if let Some(Handler::Function(function)) = unsafe { ptr::addr_of!(PREVIOUS).read() } {
        // SAFETY: in a handler of the signal on which it was found.
        unsafe { function.call(signal, info, Some(context)) };
    }
}

fn a_function_is_called_by_the_convention_of_its_installation() {
    let mine = |signal: Signal, info: &Info| raw_with_info_of(signal, info);
    // SAFETY: atomics, and for `chain` what could be called before.
    let (previous, chain) = unsafe {
        (
            [
                Handler::from_raw(raw_one),
                Handler::from_raw_with_info(raw_with_info),
                Handler::with_info(mine),
            ],
            Handler::with_context(chain),
        )
    };
    for (number, previous) in previous.into_iter().enumerate() {
        install(SIGUSR1, previous).unwrap();
        let found = query(SIGUSR1).unwrap().handler();
        // SAFETY: `chain` is not installed.
        unsafe { ptr::addr_of_mut!(PREVIOUS).write(Some(found)) };
        install(SIGUSR1, chain).unwrap();
        SEEN.store(0, SeqCst);
        FOUND.store(0, SeqCst);
        signal::kill(Pid::current(), SIGUSR1).unwrap();
        common::eventually("it arrives", || count() == number + 1);
        assert_eq!(SEEN.load(SeqCst), SIGUSR1.as_raw());
        let sender = if number == 0 { 0 } else { Pid::current().as_raw() };
        assert_eq!(FOUND.load(SeqCst), sender);
        install(SIGUSR1, Handler::Ignore).unwrap();
    }
}

fn raw_with_info_of(signal: Signal, info: &Info) {
    SEEN.store(signal.as_raw(), SeqCst);
    FOUND.store(info.sender_pid().map_or(-1, Pid::as_raw), SeqCst);
}

/// The first one sets the flag, and again after it was cleared; the second one ends the process.
fn what_arrives_while_the_flag_is_set_has_its_default_effect() {
    for (signal, times) in [(SIGUSR1, 1), (SIGINT, 3), (signal::SIGABRT, 2), (SIGSEGV, 1)] {
        let status = common::status_of(|| {
            install(signal, Handler::FlagOrDefault(&FLAG)).unwrap();
            for _ in 0..times {
                signal::raise(signal).unwrap();
                assert!(FLAG.swap(false, SeqCst));
            }
            signal::raise(signal).unwrap();
            signal::raise(signal).unwrap();
        });
        assert_eq!(status.signal(), Some(signal));
    }
    // Nothing, by default.
    install(signal::SIGWINCH, Handler::FlagOrDefault(&FLAG)).unwrap();
    for _ in 0..3 {
        signal::raise(signal::SIGWINCH).unwrap();
        assert!(FLAG.load(SeqCst));
    }
    let installed = query(signal::SIGWINCH).unwrap().handler();
    assert_eq!(installed, Handler::FlagOrDefault(&FLAG));
}

/// With its mask, its flags, and the thread's mask.
fn one_that_stops_the_process_leaves_the_handler_in_place() {
    let stopped = |child| libc::WIFSTOPPED(process::wait_stopped_or_ended(child));
    let child = common::fork(|| {
        let action = Action::new(Handler::FlagOrDefault(&FLAG)).block(SIGUSR1).restart(false);
        install(SIGTSTP, action).unwrap();
        // A session's child whose parent is in the same session: not an orphaned group.
        // SAFETY: takes plain values.
        assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
        let before = (query(SIGTSTP).unwrap(), signal::blocked());
        for _ in 0..3 {
            signal::raise(SIGTSTP).unwrap();
            assert!(FLAG.load(SeqCst));
            assert!((query(SIGTSTP).unwrap(), signal::blocked()) == before);
        }
        0
    });
    for _ in 0..2 {
        assert!(stopped(child), "it stops at the second and the third");
        signal::kill(child, signal::SIGCONT).unwrap();
    }
    assert!(common::wait_for(child).success());
}

/// What SIGCONT's handler has installed, for one, before the stopped handler continues.
fn what_is_installed_while_it_is_stopped_stays() {
    fn ignore_it(_: Signal) {
        let _ = install(SIGTSTP, Handler::Ignore);
    }
    let child = common::fork(|| {
        install(SIGTSTP, Handler::FlagOrDefault(&FLAG)).unwrap();
        // SAFETY: one system call.
        install(signal::SIGCONT, unsafe { Handler::new(ignore_it) }).unwrap();
        // SAFETY: takes plain values.
        assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
        signal::raise(SIGTSTP).unwrap();
        signal::raise(SIGTSTP).unwrap();
        assert_eq!(query(SIGTSTP).unwrap().handler(), Handler::Ignore);
        0
    });
    assert!(libc::WIFSTOPPED(process::wait_stopped_or_ended(child)));
    signal::kill(child, signal::SIGCONT).unwrap();
    assert!(common::wait_for(child).success());
}

/// Another kind of handler has another flag, and what was there comes back.
fn flags_with_and_without_a_default_are_two() {
    static OTHER: AtomicBool = AtomicBool::new(false);
    install(SIGUSR1, Handler::FlagOrDefault(&FLAG)).unwrap();
    let previous = install(SIGUSR1, &OTHER).unwrap();
    assert_eq!(previous.handler(), Handler::FlagOrDefault(&FLAG));
    signal::raise(SIGUSR1).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((OTHER.load(SeqCst), FLAG.load(SeqCst)), (true, false));
    assert_eq!(install(SIGUSR1, previous).unwrap().handler(), Handler::Flag(&OTHER));
    let guard = signal::InstallGuard::new(SIGUSR1, Handler::FlagOrDefault(&OTHER)).unwrap();
    assert_eq!(guard.previous(), previous);
    assert_eq!(guard.restore(), Ok(true));
    assert_eq!(query(SIGUSR1).unwrap(), previous);
    signal::raise(SIGUSR1).unwrap();
    assert!(FLAG.load(SeqCst));
    assert_eq!(install(signal::SIGKILL, Handler::FlagOrDefault(&FLAG)).err(), Some(Errno::EINVAL));
}

fn the_same_function_on_two_signals_is_one_handler() {
    // SAFETY: does nothing.
    let handler = unsafe { Handler::new(|_: Signal| ()) };
    install(SIGUSR1, handler).unwrap();
    install(SIGUSR2, Action::new(handler)).unwrap();
    assert_eq!(query(SIGUSR1).unwrap().handler(), query(SIGUSR2).unwrap().handler());
    assert_eq!(raw::handler(SIGUSR1), raw::handler(SIGUSR2));
}

tests! {
    a_flag_is_set_and_a_count_counts,
    realtime_signals_are_counted_one_by_one,
    a_function_is_told_the_signal,
    a_handler_may_install_another,
    functions_that_are_values_are_called_by_the_kernel,
    a_function_is_called_by_the_convention_of_its_installation,
    what_arrives_while_the_flag_is_set_has_its_default_effect,
    one_that_stops_the_process_leaves_the_handler_in_place,
    what_is_installed_while_it_is_stopped_stays,
    flags_with_and_without_a_default_are_two,
    the_same_function_on_two_signals_is_one_handler,
}
