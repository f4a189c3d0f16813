//! Dispositions, on a real kernel.

use crate::common::process::{is_re_executed, re_exec};
use crate::common::strace::{mark, trace};
use crate::common::{self, count, raw, COUNT, FLAG};
use signal::{
    install, install_unless_ignored, query, Action, Errno, Handler, InstallGuard, Signal, SignalSet,
};
use signal::{SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

static OTHER_FLAG: AtomicBool = AtomicBool::new(false);
static OTHER_COUNT: AtomicUsize = AtomicUsize::new(0);
static FOREIGN_CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn foreign(_: libc::c_int) {
    FOREIGN_CALLS.fetch_add(1, SeqCst);
}

extern "C" fn foreign_with_info(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    FOREIGN_CALLS.fetch_add(1, SeqCst);
}

fn own(_: Signal) {
    OTHER_COUNT.fetch_add(1, SeqCst);
}

fn own_handler() -> Handler {
    // SAFETY: an atomic addition.
    unsafe { Handler::new(own) }
}

/// Every kind of action that a program can set.
fn every_kind() -> [Action; 5] {
    let handlers = [
        Handler::Default,
        Handler::Ignore,
        Handler::Flag(&FLAG),
        Handler::Count(&COUNT),
        own_handler(),
    ];
    handlers.map(Action::new)
}

/// Handlers that are not of this crate, with unusual flags.
fn foreign_actions() -> [(usize, libc::c_int); 2] {
    let unusual = libc::SA_NODEFER | libc::SA_RESETHAND;
    let plain = foreign as raw::Plain as usize;
    let with_info = foreign_with_info as raw::WithInfo as usize;
    [(plain, unusual), (with_info, unusual | libc::SA_SIGINFO | libc::SA_NOCLDSTOP)]
}

fn sigterm_kills_again_after_the_guard() {
    for action in every_kind() {
        let status = common::status_of(|| {
            drop(InstallGuard::new(SIGTERM, action).unwrap());
            signal::raise(SIGTERM).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGTERM), "{action:?}");
    }
}

fn the_guard_holds_while_it_lives_and_knows_the_previous_action() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = InstallGuard::new(SIGUSR1, &FLAG).unwrap();
    assert_eq!(guard.previous().handler(), Handler::Count(&COUNT));
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((FLAG.load(SeqCst), count()), (true, 0));
    drop(guard);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(count(), 1);
}

fn guards_nest() {
    raw::set(SIGUSR1, foreign as raw::Plain as usize, libc::SA_NODEFER, &[SIGHUP]);
    let before = raw::disposition(SIGUSR1);
    let outer = InstallGuard::new(SIGUSR1, &FLAG).unwrap();
    let with_outer = raw::disposition(SIGUSR1);
    let inner = InstallGuard::new(SIGUSR1, &OTHER_FLAG).unwrap();
    drop(inner);
    assert_eq!(raw::disposition(SIGUSR1), with_outer);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((FLAG.load(SeqCst), OTHER_FLAG.load(SeqCst)), (true, false));
    drop(outer);
    assert_eq!(raw::disposition(SIGUSR1), before);
}

fn a_guard_that_is_restored_says_whether_it_was_its_own() {
    let guard = InstallGuard::new(SIGUSR1, &COUNT).unwrap();
    assert_eq!(guard.restore(), Ok(true));
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
    let guard = InstallGuard::new(SIGUSR1, &COUNT).unwrap();
    install(SIGUSR1, own_handler()).unwrap();
    assert_eq!(guard.restore(), Ok(false));
    assert_eq!(query(SIGUSR1).unwrap().handler(), own_handler(), "it is somebody else's");
}

/// Somebody who has saved an entry bit by bit puts it back later, and it must do what it did.
fn the_target_of_before_comes_back_with_the_guard() {
    static FLAGS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
    static COUNTS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let pairs = [
        [Handler::Flag(&FLAGS[0]), Handler::Flag(&FLAGS[1])],
        [Handler::FlagOrDefault(&FLAGS[0]), Handler::FlagOrDefault(&FLAGS[1])],
        [Handler::Count(&COUNTS[0]), Handler::Count(&COUNTS[1])],
    ];
    for [before, meanwhile] in pairs {
        install(SIGUSR1, before).unwrap();
        let saved = raw::handler(SIGUSR1);
        raw::set(SIGUSR1, libc::SIG_DFL, 0, &[]);
        drop(InstallGuard::new(SIGUSR1, meanwhile).unwrap());
        raw::set(SIGUSR1, saved, libc::SA_SIGINFO, &[]);
        signal::raise(SIGUSR1).unwrap();
        assert_eq!(query(SIGUSR1).unwrap().handler(), before);
        let heard = [0, 1].map(|which| FLAGS[which].swap(false, SeqCst));
        let counted = [0, 1].map(|which| COUNTS[which].swap(0, SeqCst));
        let expected = match before {
            Handler::Count(_) => ([false, false], [1, 0]),
            _ => ([true, false], [0, 0]),
        };
        assert_eq!((heard, counted), expected, "{before:?}");
    }
}

fn query_changes_nothing() {
    for action in every_kind() {
        install(SIGTERM, action).unwrap();
        let before = raw::disposition(SIGTERM);
        let seen = query(SIGTERM).unwrap();
        assert_eq!((seen.handler(), query(SIGTERM)), (action.handler(), Ok(seen)));
        assert_eq!(install(SIGTERM, seen), Ok(seen));
        assert_eq!(raw::disposition(SIGTERM), before);
    }
}

/// Handler, flags, mask and everything else in the structure.
fn the_returned_action_restores_a_foreign_handler_bit_for_bit() {
    for (handler, flags) in foreign_actions() {
        raw::set(SIGUSR1, handler, flags, &[SIGHUP, SIGUSR2]);
        let before = raw::disposition(SIGUSR1);
        for action in every_kind() {
            let previous = install(SIGUSR1, action).unwrap();
            assert_ne!(raw::disposition(SIGUSR1), before);
            assert!(matches!(previous.handler(), Handler::Function(_)));
            assert_eq!(previous.mask(), SIGHUP | SIGUSR2);
            assert_eq!(previous.installed_flags().bits() & flags as u32, flags as u32);
            install(SIGUSR1, previous).unwrap();
            assert_eq!(raw::disposition(SIGUSR1), before);
            drop(InstallGuard::new(SIGUSR1, action).unwrap());
            assert_eq!(raw::disposition(SIGUSR1), before);
        }
        FOREIGN_CALLS.store(0, SeqCst);
        signal::raise(SIGUSR1).unwrap();
        assert_eq!(FOREIGN_CALLS.load(SeqCst), 1);
        assert_eq!(
            query(SIGUSR1).unwrap().handler(),
            Handler::Default,
            "RESETHAND was restored too"
        );
    }
}

fn the_returned_action_restores_flags_counts_and_functions() {
    let firsts = [Handler::Flag(&FLAG), Handler::Count(&COUNT), own_handler(), Handler::Ignore];
    let seconds =
        [Handler::Flag(&OTHER_FLAG), Handler::Count(&OTHER_COUNT), own_handler(), Handler::Default];
    for first in firsts {
        for second in seconds {
            install(SIGUSR1, Action::new(first).block(SIGHUP)).unwrap();
            let before = raw::disposition(SIGUSR1);
            let previous = install(SIGUSR1, second).unwrap();
            assert_eq!((previous.handler(), previous.mask()), (first, SignalSet::from(SIGHUP)));
            install(SIGUSR1, previous).unwrap();
            assert_eq!(raw::disposition(SIGUSR1), before);
            assert_eq!(query(SIGUSR1).unwrap().handler(), first);
        }
    }
    install(SIGUSR1, &FLAG).unwrap();
    let previous = install(SIGUSR1, &OTHER_FLAG).unwrap();
    install(SIGUSR1, previous).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((FLAG.load(SeqCst), OTHER_FLAG.load(SeqCst)), (true, false));
}

fn each_signal_has_its_own_flag() {
    install(SIGUSR1, &FLAG).unwrap();
    install(SIGUSR2, &OTHER_FLAG).unwrap();
    signal::raise(SIGUSR2).unwrap();
    assert_eq!((FLAG.load(SeqCst), OTHER_FLAG.load(SeqCst)), (false, true));
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Flag(&FLAG));
}

fn a_function_found_on_one_signal_is_refused_for_others() {
    raw::set(SIGUSR1, foreign as raw::Plain as usize, 0, &[]);
    install(SIGHUP, own_handler()).unwrap();
    for found_on in [SIGUSR1, SIGHUP] {
        let found = query(found_on).unwrap();
        let before = common::signal_state();
        assert_eq!(install(SIGUSR2, found), Err(Errno::EINVAL));
        assert_eq!(install(SIGUSR2, found.handler()), Err(Errno::EINVAL));
        assert_eq!(install_unless_ignored(SIGUSR2, found), Err(Errno::EINVAL));
        assert!(matches!(InstallGuard::new(SIGUSR2, found), Err(Errno::EINVAL)));
        assert_eq!(common::signal_state(), before);
        assert!(install(found_on, found.handler()).is_ok());
    }
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(FOREIGN_CALLS.load(SeqCst), 1);
    assert!(install(SIGUSR2, own_handler()).is_ok(), "a function of this program can go anywhere");
}

/// EINVAL: a number that is no signal for programs, as those that the C library reserves.
/// XSH sigaction, ERRORS
fn signals_that_cannot_be_caught_are_refused_and_nothing_changes() {
    install(SIGUSR1, &FLAG).unwrap();
    for signal in common::reserved_signals().into_iter().chain([SIGKILL, SIGSTOP]) {
        for action in every_kind() {
            let before = common::signal_state();
            assert_eq!(install(signal, action), Err(Errno::EINVAL), "{signal}");
            assert_eq!(install_unless_ignored(signal, action), Err(Errno::EINVAL), "{signal}");
            assert!(matches!(InstallGuard::new(signal, action), Err(Errno::EINVAL)), "{signal}");
            assert_eq!(common::signal_state(), before);
        }
    }
}

fn install_unless_ignored_installs_what_is_not_ignored() {
    let previous = install_unless_ignored(SIGUSR1, &FLAG).unwrap().unwrap();
    assert_eq!(previous.handler(), Handler::Default);
    let previous = install_unless_ignored(SIGUSR1, &COUNT).unwrap().unwrap();
    assert_eq!(previous.handler(), Handler::Flag(&FLAG));
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((FLAG.load(SeqCst), count()), (false, 1));
}

/// As under `nohup`: the disposition survives `exec`.
fn an_inherited_ignored_sighup_stays_ignored() {
    if is_re_executed() {
        assert_eq!(install_unless_ignored(SIGHUP, &FLAG), Ok(None));
        raw::send_to_self(SIGHUP);
        assert!(!FLAG.load(SeqCst));
        assert_eq!(raw::handler(SIGHUP), libc::SIG_IGN);
        assert!(install_unless_ignored(SIGTERM, &FLAG).unwrap().is_some());
        return;
    }
    let mut program = re_exec();
    // SAFETY: sets a disposition, nothing else.
    unsafe {
        program.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The handler is the guard's own still.
fn a_guard_ends_although_somebody_has_put_its_handler_back_without_flags() {
    for action in every_kind() {
        let guard = InstallGuard::new(SIGUSR1, action).unwrap();
        raw::put_back_by_signal(SIGUSR1);
        assert_eq!(guard.restore(), Ok(true), "{:?}", action);
        assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
    }
}

fn install_is_one_system_call() {
    if is_re_executed() {
        raw::set(SIGUSR1, foreign as raw::Plain as usize, libc::SA_NODEFER, &[SIGHUP]);
        let found = query(SIGUSR1).unwrap();
        for action in every_kind().into_iter().chain([found]) {
            mark();
            let done = install(SIGUSR1, action);
            mark();
            done.unwrap();
        }
        return;
    }
    let text = trace();
    let calls: Vec<&str> = text.lines().collect();
    let marks: Vec<usize> =
        (0..calls.len()).filter(|index| calls[*index].starts_with("getppid(")).collect();
    assert_eq!(marks.len(), 12, "{text}");
    for pair in marks.chunks(2) {
        let between = &calls[pair[0] + 1..pair[1]];
        assert!(between.len() == 1 && between[0].contains("sigaction(SIGUSR1"), "{between:?}");
    }
}

tests! {
    sigterm_kills_again_after_the_guard,
    the_guard_holds_while_it_lives_and_knows_the_previous_action,
    guards_nest,
    a_guard_that_is_restored_says_whether_it_was_its_own,
    the_target_of_before_comes_back_with_the_guard,
    query_changes_nothing,
    the_returned_action_restores_a_foreign_handler_bit_for_bit,
    the_returned_action_restores_flags_counts_and_functions,
    each_signal_has_its_own_flag,
    a_function_found_on_one_signal_is_refused_for_others,
    signals_that_cannot_be_caught_are_refused_and_nothing_changes,
    install_unless_ignored_installs_what_is_not_ignored,
    an_inherited_ignored_sighup_stays_ignored,
    a_guard_ends_although_somebody_has_put_its_handler_back_without_flags,
    install_is_one_system_call,
}
