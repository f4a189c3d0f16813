//! Actions: handler, flags and mask, and what the kernel makes of them.

mod common;

use common::raw;
use signal::{install, query, Action, Errno, Flags, Handler, Pid, Signal, SignalSet};
use signal::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

static FLAG: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static DEPTH: AtomicUsize = AtomicUsize::new(0);
static DEEPEST: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static DOORBELL: AtomicI32 = AtomicI32::new(-1);

fn nothing(_: Signal) {}

fn function() -> Handler {
    // SAFETY: does nothing.
    unsafe { Handler::new(nothing) }
}

fn a_new_action_has_the_default_flags_and_an_empty_mask() {
    for handler in
        [Handler::Default, Handler::Ignore, Handler::Flag(&FLAG), Handler::Count(&COUNT), function()]
    {
        let action = Action::new(handler);
        assert_eq!((action.handler(), action.mask()), (handler, SignalSet::empty()));
        #[cfg(has_sa_onstack)]
        assert!(!action.installed_flags().contains(Flags::ONSTACK));
        let has_function = !matches!(handler, Handler::Default | Handler::Ignore);
        assert_eq!(action.installed_flags().contains(Flags::SIGINFO), has_function);
        assert!(!action.installed_flags().intersects(Flags::RESETHAND | Flags::NODEFER | Flags::NOCLDSTOP));
    }
}

fn conversions_make_the_same_actions() {
    assert_eq!(Action::from(Handler::Ignore), Action::new(Handler::Ignore));
    assert_eq!(Action::from(&FLAG), Action::new(Handler::Flag(&FLAG)));
    assert_eq!(Action::from(&COUNT), Action::new(&COUNT));
    assert_eq!((Handler::from(&FLAG), Handler::from(&COUNT)), (Handler::Flag(&FLAG), Handler::Count(&COUNT)));
    assert_ne!(Handler::Flag(&FLAG), Handler::Count(&COUNT));
    assert_ne!(Action::new(&FLAG), Action::new(&FLAG).block(SIGHUP));
    assert_ne!(Action::new(&FLAG), Action::new(&FLAG).flags(Flags::NODEFER));
    assert_eq!(function(), function());
}

fn debug_tells_handler_mask_and_flags() {
    let text = format!("{:?}", Action::new(Handler::Ignore).block(SIGHUP).flags(Flags::NODEFER));
    assert!(["Ignore", "SIGHUP", "NODEFER"].iter().all(|word| text.contains(word)), "{text}");
    assert!(format!("{:?}", function()).contains("Function(0x"));
}

fn block_and_flags_add_up_and_reach_the_kernel() {
    let action = Action::new(&FLAG).block(SIGHUP).block(SIGINT | SIGTERM);
    let action = action.flags(Flags::RESETHAND).flags(Flags::NODEFER | Flags::NOCLDSTOP).restart(false);
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
    // What cannot be blocked is left out silently.
    install(SIGUSR1, Action::new(&FLAG).block(SIGKILL | SIGSTOP | SIGHUP)).unwrap();
    assert!(query(SIGUSR1).unwrap().mask().contains(SIGHUP));
}

fn bits_without_a_name_and_siginfo_are_not_taken_from_the_caller() {
    let unknown = Flags::from_bits_retain(!Flags::all().bits());
    assert_eq!(Action::new(&FLAG).flags(unknown), Action::new(&FLAG));
    assert_eq!(Action::new(Handler::Ignore).flags(Flags::SIGINFO), Action::new(Handler::Ignore));
}

#[cfg(has_sa_restart)]
fn every_signal_restarts_but_sigalrm() {
    let restarts = |signal: Signal| query(signal).unwrap().installed_flags().contains(Flags::RESTART);
    let catchable = |signal: &Signal| *signal != SIGKILL && *signal != SIGSTOP;
    for signal in Signal::all().filter(catchable).filter(|signal| install(*signal, &FLAG).is_ok()) {
        assert_eq!(restarts(signal), signal != SIGALRM, "{signal}");
        install(signal, Action::new(&FLAG).restart(true)).unwrap();
        assert!(restarts(signal));
        install(signal, Action::new(&FLAG).restart(false)).unwrap();
        assert!(!restarts(signal));
        install(signal, Action::new(&FLAG).flags(Flags::RESTART)).unwrap();
        assert!(restarts(signal));
        // A found action carries its flag with it, whatever the rule.
        let found = query(signal).unwrap();
        install(signal, Action::new(&FLAG).restart(false)).unwrap();
        install(signal, found).unwrap();
        assert!(restarts(signal));
    }
}

#[cfg(not(has_sa_restart))]
fn every_signal_restarts_but_sigalrm() {
    common::skip("the platform does not restart");
}

fn ring(_: Signal) {
    // SAFETY: one byte, into a pipe of the test.
    unsafe { libc::write(DOORBELL.load(Ordering::SeqCst), b"x".as_ptr().cast(), 1) };
}

/// Reads from a pipe, while a child sends the signal a hundred times, each after the last one's handler has run, and only
/// then writes. Whichever of them meets the read while it sleeps decides.
fn read_while_it_rains(signal: Signal, action: Action) -> Result<isize, Errno> {
    const DROPS: usize = 100;
    let mut fds = [-1; 4];
    // SAFETY: room for twice two descriptors.
    unsafe {
        assert_eq!((libc::pipe(fds.as_mut_ptr()), libc::pipe(fds.as_mut_ptr().add(2))), (0, 0));
    }
    let [data_read, data_write, bell_read, bell_write] = fds;
    DOORBELL.store(bell_write, Ordering::SeqCst);
    install(signal, action).unwrap();
    let reader = Pid::current();
    let mut byte = 0u8;
    let sender = common::fork(|| {
        let mut byte = 0u8;
        for _ in 0..DROPS {
            signal::kill(reader, signal).unwrap();
            // SAFETY: room for one byte; without descriptors, a pause that lets the reader fall asleep.
            unsafe {
                assert_eq!(libc::read(bell_read, (&mut byte as *mut u8).cast(), 1), 1);
                libc::poll(std::ptr::null_mut(), 0, 1);
            }
        }
        // SAFETY: one byte.
        i32::from(unsafe { libc::write(data_write, b"x".as_ptr().cast(), 1) } != 1)
    });
    // SAFETY: room for one byte.
    let read = match unsafe { libc::read(data_read, (&mut byte as *mut u8).cast(), 1) } {
        -1 => Err(Errno::last()),
        read => Ok(read),
    };
    assert!(common::wait_for(sender).success());
    fds.iter().for_each(|fd| {
        // SAFETY: ours, and used no more.
        unsafe { libc::close(*fd) };
    });
    read
}

fn sigalrm_interrupts_a_read_and_sigusr1_does_not() {
    // SAFETY: `write` is async-signal-safe.
    let ringing = Action::new(unsafe { Handler::new(ring) });
    let restarted = if cfg!(has_sa_restart) { Ok(1) } else { Err(Errno::EINTR) };
    assert_eq!(read_while_it_rains(SIGALRM, ringing), Err(Errno::EINTR));
    assert_eq!(read_while_it_rains(SIGUSR1, ringing), restarted);
    assert_eq!(read_while_it_rains(SIGALRM, ringing.restart(true)), restarted);
    assert_eq!(read_while_it_rains(SIGUSR1, ringing.restart(false)), Err(Errno::EINTR));
}

fn raise_deeper(signal: Signal) {
    let depth = DEPTH.fetch_add(1, Ordering::SeqCst) + 1;
    DEEPEST.fetch_max(depth, Ordering::SeqCst);
    if CALLS.fetch_add(1, Ordering::SeqCst) < 2 {
        let _ = signal::raise(signal);
    }
    DEPTH.fetch_sub(1, Ordering::SeqCst);
}

fn a_handler_blocks_its_own_signal_unless_nodefer() {
    // SAFETY: atomics and `raise`.
    let deeper = Action::new(unsafe { Handler::new(raise_deeper) });
    for (action, depth) in [(deeper, 1), (deeper.flags(Flags::NODEFER), 3)] {
        DEEPEST.store(0, Ordering::SeqCst);
        CALLS.store(0, Ordering::SeqCst);
        install(SIGUSR1, action).unwrap();
        signal::raise(SIGUSR1).unwrap();
        assert_eq!((CALLS.load(Ordering::SeqCst), DEEPEST.load(Ordering::SeqCst)), (3, depth));
    }
}

fn look_at_the_mask(_: Signal) {
    let others = [SIGHUP, SIGUSR2, SIGTERM];
    let set = signal::blocked();
    let bits = others.iter().enumerate().map(|(bit, other)| usize::from(set.contains(*other)) << bit);
    COUNT.store(bits.sum(), Ordering::SeqCst);
    let _ = signal::raise(SIGUSR2);
    CALLS.store(usize::from(FLAG.load(Ordering::SeqCst)), Ordering::SeqCst);
}

fn the_named_signals_are_blocked_while_the_handler_runs() {
    // SAFETY: atomics, `pthread_sigmask` and `raise`; the set's functions are async-signal-safe.
    let looking = Action::new(unsafe { Handler::new(look_at_the_mask) });
    install(SIGUSR2, &FLAG).unwrap();
    install(SIGUSR1, looking).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(COUNT.load(Ordering::SeqCst), 0b000);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1, "SIGUSR2 came at once");

    FLAG.store(false, Ordering::SeqCst);
    install(SIGUSR1, looking.block(SIGHUP | SIGUSR2)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(COUNT.load(Ordering::SeqCst), 0b011);
    assert_eq!(CALLS.load(Ordering::SeqCst), 0, "SIGUSR2 had to wait");
    assert!(FLAG.load(Ordering::SeqCst), "until the handler was done");
    assert!(signal::blocked().is_empty());
}

fn resethand_goes_back_to_the_default_after_the_first() {
    let child = common::fork(|| {
        install(SIGTERM, Action::new(&COUNT).flags(Flags::RESETHAND)).unwrap();
        signal::raise(SIGTERM).unwrap();
        assert_eq!(COUNT.load(Ordering::SeqCst), 1);
        assert_eq!(query(SIGTERM).unwrap().handler(), Handler::Default);
        signal::raise(SIGTERM).unwrap();
        0
    });
    assert_eq!(common::wait_for(child).signal(), Some(SIGTERM));
}

fn nocldstop_leaves_out_children_that_stop() {
    for (flags, stops_seen) in [(Flags::empty(), true), (Flags::NOCLDSTOP, false)] {
        COUNT.store(0, Ordering::SeqCst);
        install(SIGCHLD, Action::new(&COUNT).flags(flags)).unwrap();
        let child = common::fork(|| {
            raw::send_to_self(SIGSTOP);
            0
        });
        assert!(libc::WIFSTOPPED(common::process::wait_stopped_or_ended(child)));
        // The signal is generated before the status can be collected.
        assert_eq!(COUNT.load(Ordering::SeqCst) > 0, stops_seen);
        let before = COUNT.load(Ordering::SeqCst);
        signal::kill(child, SIGKILL).unwrap();
        common::wait_for(child);
        common::eventually("SIGCHLD for the end", || COUNT.load(Ordering::SeqCst) > before);
    }
}

#[cfg(has_sa_nocldwait)]
fn nocldwait_leaves_no_status() {
    install(SIGCHLD, Action::new(Handler::Default).flags(Flags::NOCLDWAIT)).unwrap();
    let child = common::fork(|| 0);
    // SAFETY: no status is asked for. Without one to come, the call ends when the child has.
    assert_eq!(unsafe { libc::waitpid(child.as_raw(), std::ptr::null_mut(), 0) }, -1);
    assert_eq!(Errno::last(), Errno::ECHILD);
}

#[cfg(not(has_sa_nocldwait))]
fn nocldwait_leaves_no_status() {
    common::skip("the platform has no SA_NOCLDWAIT");
}

common::main! {
    a_new_action_has_the_default_flags_and_an_empty_mask,
    conversions_make_the_same_actions,
    debug_tells_handler_mask_and_flags,
    block_and_flags_add_up_and_reach_the_kernel,
    bits_without_a_name_and_siginfo_are_not_taken_from_the_caller,
    every_signal_restarts_but_sigalrm,
    sigalrm_interrupts_a_read_and_sigusr1_does_not,
    a_handler_blocks_its_own_signal_unless_nodefer,
    the_named_signals_are_blocked_while_the_handler_runs,
    resethand_goes_back_to_the_default_after_the_first,
    nocldstop_leaves_out_children_that_stop,
    nocldwait_leaves_no_status,
}
