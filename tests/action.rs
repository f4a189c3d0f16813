//! Actions: handler, flags and mask, and what the kernel makes of them.

use crate::common::{self, count, errno, process, raw, Latch, COUNT, FLAG};
use signal::{install, query, Action, Errno, Flags, Handler, Pid, Signal, SignalSet};
use signal::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

static DEPTH: AtomicUsize = AtomicUsize::new(0);
static DEEPEST: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static OTHER: AtomicBool = AtomicBool::new(false);
static NOTIFY: AtomicI32 = AtomicI32::new(-1);

fn nothing(_: Signal) {}

fn function() -> Handler {
    // SAFETY: does nothing.
    unsafe { Handler::new(nothing) }
}

fn a_new_action_has_the_default_flags_and_an_empty_mask() {
    for handler in [
        Handler::Default,
        Handler::Ignore,
        Handler::Flag(&FLAG),
        Handler::Count(&COUNT),
        function(),
    ] {
        let action = Action::new(handler);
        assert_eq!((action.handler(), action.mask()), (handler, SignalSet::empty()));
        #[cfg(has_sa_onstack)]
        assert!(!action.installed_flags().contains(Flags::ONSTACK));
        let has_function = !matches!(handler, Handler::Default | Handler::Ignore);
        assert_eq!(action.installed_flags().contains(Flags::SIGINFO), has_function);
        assert!(!action
            .installed_flags()
            .intersects(Flags::RESETHAND | Flags::NODEFER | Flags::NOCLDSTOP));
    }
}

fn conversions_make_the_same_actions() {
    assert_eq!(Action::from(Handler::Ignore), Action::new(Handler::Ignore));
    assert_eq!(Action::from(&FLAG), Action::new(Handler::Flag(&FLAG)));
    assert_eq!(Action::from(&COUNT), Action::new(&COUNT));
    assert_eq!(
        (Handler::from(&FLAG), Handler::from(&COUNT)),
        (Handler::Flag(&FLAG), Handler::Count(&COUNT))
    );
    assert_ne!(Handler::Flag(&FLAG), Handler::Count(&COUNT));
    assert_ne!(Handler::Flag(&FLAG), Handler::Flag(&OTHER));
    assert_ne!(Handler::FlagOrDefault(&FLAG), Handler::FlagOrDefault(&OTHER));
    assert_ne!(Handler::Count(&COUNT), Handler::Count(&CALLS));
    assert_ne!(Handler::Default, Handler::Ignore);
    assert_ne!(Action::new(&FLAG), Action::new(&FLAG).block(SIGHUP));
    assert_ne!(Action::new(&FLAG), Action::new(&FLAG).flags(Flags::NODEFER));
    assert_eq!(function(), function());
    // SAFETY: does nothing.
    assert_ne!(function(), unsafe { Handler::new(|_: Signal| {}) });
}

/// Not by the address alone: it can be that of an entry, and be called by either convention.
fn a_function_is_its_address_and_its_convention() {
    install(SIGUSR1, &FLAG).unwrap();
    let entry = raw::handler(SIGUSR1);
    let found = |flags| {
        raw::set(SIGUSR2, entry, flags, &[]);
        query(SIGUSR2).unwrap().handler()
    };
    let (plain, with_info) = (found(0), found(libc::SA_SIGINFO as _));
    assert_ne!(plain, with_info);
    assert!([plain, with_info].iter().all(|function| *function != Handler::Flag(&FLAG)));
    assert_eq!(with_info, found(libc::SA_SIGINFO as _));
}

fn debug_shows_handler_mask_and_flags() {
    let text = format!("{:?}", Action::new(Handler::Ignore).block(SIGHUP).flags(Flags::NODEFER));
    assert!(["Ignore", "SIGHUP", "NODEFER"].iter().all(|word| text.contains(word)), "{text}");
    assert!(format!("{:?}", function()).contains("Function(0x"));
}

#[cfg(has_sa_restart)]
fn the_last_word_on_restarting_counts() {
    let action = |flags: Flags| Action::new(&FLAG).flags(flags).installed_flags();
    let has_restart = Action::new(&FLAG).restart(true).installed_flags();
    let has_none = Action::new(&FLAG).restart(false).installed_flags();
    assert_eq!(action(Flags::RESTART), has_restart);
    #[cfg(has_sa_interrupt)]
    {
        assert_eq!(action(Flags::INTERRUPT), has_none);
        assert_eq!(action(Flags::RESTART | Flags::INTERRUPT), has_restart);
    }
    assert_eq!(Action::new(&FLAG).restart(true).restart(false).installed_flags(), has_none);
    assert_eq!(Action::new(&FLAG).restart(false).restart(true).installed_flags(), has_restart);
    assert_eq!(Action::new(&FLAG).restart(true).restart(true).installed_flags(), has_restart);
    assert_eq!(Action::new(&FLAG).restart(false).restart(false).installed_flags(), has_none);
}

/// A function of C's that does not expect to be interrupted by its own signal.
fn a_found_function_does_not_become_reentrant() {
    // SAFETY: a function of one number, which does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ignore as extern "C" fn(i32) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let found = query(SIGUSR1).unwrap();
    let flags = Flags::NODEFER | Flags::RESETHAND;
    let expected = found.installed_flags() | Flags::RESETHAND;
    assert_eq!(found.flags(flags).installed_flags(), expected);
    assert_eq!(Action::new(&FLAG).flags(flags).installed_flags() & flags, flags);
}

extern "C" fn ignore(_: i32) {}

fn block_and_flags_accumulate_and_reach_the_kernel() {
    let action = Action::new(&FLAG).block(SIGHUP).block(SIGINT | SIGTERM);
    let action =
        action.flags(Flags::RESETHAND).flags(Flags::NODEFER | Flags::NOCLDSTOP).restart(false);
    install(SIGUSR1, action).unwrap();
    let seen = query(SIGUSR1).unwrap();
    assert_eq!((seen.handler(), seen.mask()), (action.handler(), SIGHUP | SIGINT | SIGTERM));
    let flags = seen.installed_flags();
    assert!(
        flags.contains(Flags::RESETHAND | Flags::NODEFER | Flags::NOCLDSTOP | Flags::SIGINFO),
        "{flags:?}"
    );
    #[cfg(has_sa_restart)]
    assert!(!flags.contains(Flags::RESTART));
    // Signals that cannot be blocked are left out silently.
    install(SIGUSR1, Action::new(&FLAG).block(SIGKILL | SIGSTOP | SIGHUP)).unwrap();
    assert!(query(SIGUSR1).unwrap().mask().contains(SIGHUP));
}

fn unknown_bits_and_siginfo_of_the_caller_are_ignored() {
    let unknown = Flags::from_bits_retain(!Flags::all().bits());
    assert_eq!(Action::new(&FLAG).flags(unknown), Action::new(&FLAG));
    assert_eq!(Action::new(Handler::Ignore).flags(Flags::SIGINFO), Action::new(Handler::Ignore));
}

#[cfg(has_sa_restart)]
fn every_signal_except_sigalrm_restarts() {
    let restarts =
        |signal: Signal| query(signal).unwrap().installed_flags().contains(Flags::RESTART);
    let catchable = |signal: &Signal| *signal != SIGKILL && *signal != SIGSTOP;
    for signal in Signal::all().filter(catchable).filter(|signal| install(*signal, &FLAG).is_ok()) {
        assert_eq!(restarts(signal), signal != SIGALRM, "{signal}");
        install(signal, Action::new(&FLAG).restart(true)).unwrap();
        assert!(restarts(signal));
        install(signal, Action::new(&FLAG).restart(false)).unwrap();
        assert!(!restarts(signal));
        install(signal, Action::new(&FLAG).flags(Flags::RESTART)).unwrap();
        assert!(restarts(signal));
        // An action returned by the system keeps its flag, whatever the rule.
        let found = query(signal).unwrap();
        install(signal, Action::new(&FLAG).restart(false)).unwrap();
        install(signal, found).unwrap();
        assert!(restarts(signal));
    }
}

#[cfg(not(has_sa_restart))]
fn every_signal_except_sigalrm_restarts() {
    common::skip("the platform does not restart");
}

fn notify(_: Signal) {
    // SAFETY: one byte, into a pipe of the test.
    unsafe { libc::write(NOTIFY.load(SeqCst), b"x".as_ptr().cast(), 1) };
}

/// Reads from a pipe while a child sends the signal a hundred times, each time after the handler
/// has run, and only then writes. Some of these signals meet the read while it sleeps.
fn read_during_a_flood(signal: Signal, action: Action) -> Result<usize, Errno> {
    const TIMES: usize = 100;
    let (handled, (mut data, writer)) = (Latch::new(), common::pipe());
    NOTIFY.store(handled.write_end(), SeqCst);
    install(signal, action).unwrap();
    let reader = Pid::current();
    let sender = common::fork(|| {
        for _ in 0..TIMES {
            signal::kill(reader, signal).unwrap();
            handled.wait();
            // The reader falls asleep.
            common::pause(1);
        }
        i32::from((&writer).write(b"x").is_err())
    });
    let read = errno(data.read(&mut [0]));
    assert!(common::wait_for(sender).success());
    read
}

/// With SA_RESTART a system call that a function interrupts continues; without it the call fails
/// with EINTR.
/// XSH sigaction, DESCRIPTION (SA_RESTART)
fn sigalrm_interrupts_a_read_and_sigusr1_does_not() {
    // SAFETY: `write` is async-signal-safe.
    let notifying = Action::new(unsafe { Handler::new(notify) });
    let restarted = if cfg!(has_sa_restart) { Ok(1) } else { Err(Errno::EINTR) };
    assert_eq!(read_during_a_flood(SIGALRM, notifying), Err(Errno::EINTR));
    assert_eq!(read_during_a_flood(SIGUSR1, notifying), restarted);
    assert_eq!(read_during_a_flood(SIGALRM, notifying.restart(true)), restarted);
    assert_eq!(read_during_a_flood(SIGUSR1, notifying.restart(false)), Err(Errno::EINTR));
}

fn raise_deeper(signal: Signal) {
    let depth = DEPTH.fetch_add(1, SeqCst) + 1;
    DEEPEST.fetch_max(depth, SeqCst);
    if CALLS.fetch_add(1, SeqCst) < 2 {
        let _ = signal::raise(signal);
    }
    DEPTH.fetch_sub(1, SeqCst);
}

fn a_handler_blocks_its_own_signal_unless_nodefer() {
    // SAFETY: atomics and `raise`.
    let deeper = Action::new(unsafe { Handler::new(raise_deeper) });
    for (action, depth) in [(deeper, 1), (deeper.flags(Flags::NODEFER), 3)] {
        DEEPEST.store(0, SeqCst);
        CALLS.store(0, SeqCst);
        install(SIGUSR1, action).unwrap();
        signal::raise(SIGUSR1).unwrap();
        assert_eq!((CALLS.load(SeqCst), DEEPEST.load(SeqCst)), (3, depth));
    }
}

fn read_the_mask(_: Signal) {
    let others = [SIGHUP, SIGUSR2, SIGTERM];
    let set = signal::blocked();
    let bits =
        others.iter().enumerate().map(|(bit, other)| usize::from(set.contains(*other)) << bit);
    COUNT.store(bits.sum(), SeqCst);
    let _ = signal::raise(SIGUSR2);
    CALLS.store(usize::from(FLAG.load(SeqCst)), SeqCst);
}

fn the_named_signals_are_blocked_while_the_handler_runs() {
    // SAFETY: atomics, `pthread_sigmask` and `raise`; the set's functions are async-signal-safe.
    let looking = Action::new(unsafe { Handler::new(read_the_mask) });
    install(SIGUSR2, &FLAG).unwrap();
    install(SIGUSR1, looking).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(count(), 0b000);
    assert_eq!(CALLS.load(SeqCst), 1, "SIGUSR2 arrived at once");

    FLAG.store(false, SeqCst);
    install(SIGUSR1, looking.block(SIGHUP | SIGUSR2)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(count(), 0b011);
    assert_eq!(CALLS.load(SeqCst), 0, "SIGUSR2 had to wait");
    assert!(FLAG.load(SeqCst), "until the handler was done");
    assert!(signal::blocked().is_empty());
}

fn resethand_restores_the_default_after_the_first_signal() {
    let status = common::status_of(|| {
        install(SIGTERM, Action::new(&COUNT).flags(Flags::RESETHAND)).unwrap();
        signal::raise(SIGTERM).unwrap();
        assert_eq!(count(), 1);
        assert_eq!(query(SIGTERM).unwrap().handler(), Handler::Default);
        signal::raise(SIGTERM).unwrap();
    });
    assert_eq!(status.signal(), Some(SIGTERM));
}

fn nocldstop_leaves_out_children_that_stop() {
    for (flags, stops_seen) in [(Flags::empty(), true), (Flags::NOCLDSTOP, false)] {
        COUNT.store(0, SeqCst);
        install(SIGCHLD, Action::new(&COUNT).flags(flags)).unwrap();
        let child = common::fork(|| {
            raw::send_to_self(SIGSTOP);
            0
        });
        assert!(libc::WIFSTOPPED(process::wait_stopped_or_ended(child)));
        // The signal is generated before the status can be collected.
        assert_eq!(count() > 0, stops_seen);
        let before = count();
        signal::kill(child, SIGKILL).unwrap();
        common::wait_for(child);
        common::eventually("SIGCHLD for the end", || count() > before);
    }
}

#[cfg(has_sa_nocldwait)]
fn nocldwait_leaves_no_status() {
    install(SIGCHLD, Action::new(Handler::Default).flags(Flags::NOCLDWAIT)).unwrap();
    let child = common::fork(|| 0);
    // SAFETY: no status is asked for. The call returns when the child has ended without leaving
    // one.
    assert_eq!(unsafe { libc::waitpid(child.as_raw(), std::ptr::null_mut(), 0) }, -1);
    assert_eq!(Errno::last(), Errno::ECHILD);
}

#[cfg(not(has_sa_nocldwait))]
fn nocldwait_leaves_no_status() {
    common::skip("the platform has no SA_NOCLDWAIT");
}

tests! {
    a_new_action_has_the_default_flags_and_an_empty_mask,
    conversions_make_the_same_actions,
    a_function_is_its_address_and_its_convention,
    debug_shows_handler_mask_and_flags,
    #[cfg(has_sa_restart)]
    the_last_word_on_restarting_counts,
    a_found_function_does_not_become_reentrant,
    block_and_flags_accumulate_and_reach_the_kernel,
    unknown_bits_and_siginfo_of_the_caller_are_ignored,
    every_signal_except_sigalrm_restarts,
    sigalrm_interrupts_a_read_and_sigusr1_does_not,
    a_handler_blocks_its_own_signal_unless_nodefer,
    the_named_signals_are_blocked_while_the_handler_runs,
    resethand_restores_the_default_after_the_first_signal,
    nocldstop_leaves_out_children_that_stop,
    nocldwait_leaves_no_status,
}
