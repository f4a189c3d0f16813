//! What happens when a signal arrives.

use super::*;
use crate::common::{self, count, pipe, raw};
use signal::{blocked, install, kill, pending, query, raise, Action, DefaultEffect, Errno, Flags};
use signal::{AltStack, Handler, Info, Pid, Signal, SIGTERM, SIGUSR1, SIGUSR2};
use std::io::{Read, Write};

/// The function that was installed for a signal is called, with its number, each time that it
/// arrives: it stays installed.
/// XSH sigaction, DESCRIPTION
fn a_function_is_called_with_the_number_of_its_signal() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        clear();
        for times in 1..=2 {
            raise(signal).unwrap();
            let number = signal.as_raw();
            waits(signal, logged, vec![number; times - 1], vec![number; times]);
        }
        assert_eq!(query(signal).unwrap().handler(), logging());
    }
}

/// With SA_SIGINFO the function is also told who sent the signal, and that a process did.
/// XSH sigaction, DESCRIPTION; XSH 2.4.3 Signal Actions
fn siginfo_tells_the_sender() {
    fn note(signal: Signal, info: &Info) {
        let own = info.sender_pid() == Some(Pid::current());
        log(if own && info.signal() == signal { signal.as_raw() } else { -1 });
    }
    // SAFETY: atomics, and `getpid`.
    let handler = unsafe { Handler::with_info(note) };
    for signal in catchable() {
        install(signal, handler).unwrap();
        clear();
        kill(Pid::current(), signal).unwrap();
        waits(signal, logged, vec![], vec![signal.as_raw()]);
    }
}

/// What was installed before is returned: function, mask and flags; so is what is installed when
/// nothing new is given, and that changes nothing.
/// XSH sigaction, DESCRIPTION (act and oact)
fn the_previous_action_is_returned() {
    for signal in catchable() {
        let action = Action::new(logging()).block(SIGTERM | SIGUSR2).flags(Flags::NODEFER);
        let inherited = query(signal).unwrap();
        assert_eq!(install(signal, action), Ok(inherited));
        let installed = query(signal).unwrap();
        assert_eq!((installed.handler(), installed.mask()), (logging(), SIGTERM | SIGUSR2));
        assert!(installed.installed_flags().contains(Flags::NODEFER));
        assert_eq!(install(signal, Handler::Ignore), Ok(installed));
        assert_eq!(install(signal, Handler::Default).unwrap().handler(), Handler::Ignore);
        assert_eq!(query(signal).unwrap().handler(), Handler::Default);
        assert_eq!(query(signal), query(signal));
    }
}

/// SIGKILL and SIGSTOP can be neither caught nor ignored: EINVAL, and nothing changes.
/// XSH sigaction, DESCRIPTION and ERRORS
fn sigkill_and_sigstop_cannot_be_caught_or_ignored() {
    for signal in [SIGKILL, SIGSTOP] {
        assert_eq!(install(signal, logging()), Err(Errno::EINVAL));
        assert_eq!(install(signal, Handler::Ignore), Err(Errno::EINVAL));
    }
}

/// An ignored signal has no effect.
/// XSH 2.4.3 Signal Actions (SIG_IGN)
fn an_ignored_signal_has_no_effect() {
    for signal in catchable() {
        install(signal, Handler::Ignore).unwrap();
        raise(signal).unwrap();
        kill(Pid::current(), signal).unwrap();
        assert!(!pending().contains(signal), "{signal}");
    }
}

/// What the default action does to a child that sends itself the signal.
fn default_effect(signal: Signal) -> DefaultEffect {
    let child = common::fork(|| {
        // A group that is not orphaned: the others stop too.
        common::process::no_core_file();
        install(signal, Handler::Default).unwrap();
        raise(signal).unwrap();
        0
    });
    let status = common::process::wait_stopped_or_ended(child);
    if libc::WIFSTOPPED(status) {
        assert_eq!(libc::WSTOPSIG(status), signal.as_raw());
        kill(child, SIGKILL).unwrap();
        common::wait_for(child);
        return DefaultEffect::Stop;
    }
    match signal::child::Status::from_raw(status).signal() {
        Some(by) => {
            assert_eq!(by, signal);
            DefaultEffect::Terminate
        }
        None => DefaultEffect::Ignore,
    }
}

fn documented_effect(signal: Signal) -> DefaultEffect {
    match signal.default_effect() {
        DefaultEffect::CoreDump => DefaultEffect::Terminate,
        DefaultEffect::Continue => DefaultEffect::Ignore,
        other => other,
    }
}

/// The default action of each signal ends the process, stops it or does nothing, as the table of
/// signals says.
/// XSH 2.4.3 Signal Actions (SIG_DFL); XBD signal.h
fn the_default_action_takes_place() {
    for signal in catchable() {
        assert_eq!(default_effect(signal), documented_effect(signal), "{signal}");
    }
}

/// The default action takes place also when the thread has caught other signals before.
/// XSH 2.4.3 Signal Actions (SIG_DFL)
fn the_default_action_takes_place_after_another_signal() {
    something_arrives();
    for signal in catchable() {
        let (effect, posix) = (default_effect(signal), documented_effect(signal));
        if NEVER_WAIT.contains(signal) || posix == DefaultEffect::Ignore {
            assert_eq!(effect, posix, "{signal}");
        } else {
            differs(DEFAULT_EFFECTS, effect, posix, DefaultEffect::Ignore);
        }
    }
}

/// A pending signal is discarded when its action becomes to ignore it, or the default where that
/// does nothing, whether it is blocked or not.
/// XSH 2.4.3 Signal Actions (SIG_DFL, SIG_IGN)
fn ignoring_a_signal_discards_what_is_pending() {
    let _blocked = signal::BlockGuard::new(SignalSet::full());
    for signal in catchable() {
        let mut actions = vec![Handler::Ignore];
        if signal.default_effect() == DefaultEffect::Ignore {
            actions.push(Handler::Default);
        }
        for action in actions {
            install(signal, logging()).unwrap();
            raise(signal).unwrap();
            kill(Pid::current(), signal).unwrap();
            assert!(pending().contains(signal), "{signal}");
            install(signal, action).unwrap();
            install(signal, logging()).unwrap();
            assert!(!pending().contains(signal), "{signal}");
        }
    }
}

/// Logs the start, sends itself its signal, and logs the end.
fn again(signal: Signal) {
    log(1);
    if count() < 4 {
        let _ = raise(signal);
    }
    log(2);
}

/// A signal is blocked while its function runs, and what arrives meanwhile is delivered after that.
/// XSH sigaction, DESCRIPTION
fn a_signal_is_blocked_while_its_function_runs() {
    // SAFETY: atomics and `raise`.
    run_again(unsafe { Handler::new(again) }.into(), &[1, 2, 1, 2, 1, 2]);
}

/// With SA_NODEFER a signal is not blocked while its function runs: that is interrupted by itself.
/// XSH sigaction, DESCRIPTION (SA_NODEFER)
fn with_nodefer_it_is_not() {
    // SAFETY: as above; the function is reentrant.
    let action = Action::new(unsafe { Handler::new(again) }).flags(Flags::NODEFER);
    run_again(action, &[1, 1, 1, 1, 2, 2, 2, 2]);
}

fn run_again(action: Action, expected: &[i32]) {
    // That of std has no room for four frames.
    raw::no_alternate_stack();
    for signal in catchable() {
        install(signal, action).unwrap();
        clear();
        raise(signal).unwrap();
        waits(signal, logged, vec![], expected.to_vec());
    }
}

/// While a function runs, the signals of its mask are blocked besides its own and those that were
/// blocked before.
/// XSH sigaction, DESCRIPTION (sa_mask)
fn the_mask_of_the_action_is_blocked_while_the_function_runs() {
    fn note(_: Signal) {
        blocked().iter().for_each(|member| log(member.as_raw()));
    }
    let before = signal::block(SIGUSR2);
    for signal in catchable() {
        // SAFETY: atomics and `pthread_sigmask`.
        install(signal, Action::new(unsafe { Handler::new(note) }).block(SIGTERM)).unwrap();
        if signal == SIGUSR2 {
            continue;
        }
        clear();
        raise(signal).unwrap();
        let mask = SIGTERM | SIGUSR2 | signal;
        let expected: Vec<i32> = mask.iter().map(Signal::as_raw).collect();
        waits(signal, logged, vec![], expected);
    }
    signal::set_blocked(before);
}

fn blocks_sigterm(_: Signal) {
    signal::block(SIGTERM);
    log(1);
}

/// The mask of before comes back when a function returns, whatever that has done to it.
/// XSH sigaction, DESCRIPTION
fn the_mask_comes_back_when_the_function_returns() {
    // SIGSEGV's handler runs on it; std's can be too small.
    let _stack = AltStack::with_size(64 << 10).unwrap();
    // SAFETY: atomics and `pthread_sigmask`.
    let handler = unsafe { Handler::new(blocks_sigterm) };
    for signal in catchable() {
        install(signal, handler).unwrap();
        clear();
        raise(signal).unwrap();
        waits(signal, count, 0, 1);
        assert_eq!(blocked(), SignalSet::empty(), "{signal}");
    }
}

/// The mask of before comes back also when the signal is one of those that report faults.
/// XSH sigaction, DESCRIPTION
fn the_mask_comes_back_after_a_fault() {
    let _stack = AltStack::with_size(64 << 10).unwrap();
    something_arrives();
    for signal in NEVER_WAIT & catchable() {
        // SAFETY: as above.
        install(signal, unsafe { Handler::new(blocks_sigterm) }).unwrap();
        raise(signal).unwrap();
        differs(MASK_OF_A_FAULT, blocked(), SignalSet::empty(), SIGTERM.into());
        signal::set_blocked(SignalSet::empty());
    }
    assert_eq!(count(), (NEVER_WAIT & catchable()).len());
}

/// With SA_RESETHAND the action is the default again when the function begins. Not required of
/// SIGILL and SIGTRAP.
/// XSH sigaction, DESCRIPTION (SA_RESETHAND)
fn resethand_resets_before_the_function_runs() {
    fn note(signal: Signal) {
        let reset = query(signal).map_or(false, |now| now.handler() == Handler::Default);
        log(i32::from(reset));
    }
    for signal in catchable().iter().filter(|signal| *signal != SIGILL && *signal != SIGTRAP) {
        // SAFETY: atomics and `sigaction`.
        let handler = unsafe { Handler::new(note) };
        install(signal, Action::new(handler).flags(Flags::RESETHAND)).unwrap();
        clear();
        raise(signal).unwrap();
        waits(signal, logged, vec![], vec![1]);
        assert_eq!(query(signal).unwrap().handler(), Handler::Default, "{signal}");
    }
}

/// Without SA_RESTART a system call that waits fails with EINTR when a function has run.
/// XSH sigaction, DESCRIPTION (SA_RESTART); XSH 2.4.4
fn without_restart_a_system_call_is_interrupted() {
    install(SIGUSR1, Action::new(&COUNT).restart(false)).unwrap();
    something_arrives();
    let ((mut data, writer), reader) = (pipe(), Pid::current());
    let sender = common::fork(|| {
        // Until it is killed; in a section until the reader has had its chance.
        let mut times = 0;
        while !in_section() || times < 20 {
            kill(reader, SIGUSR1).unwrap();
            common::pause(1);
            times += 1;
        }
        i32::from((&writer).write(b"x").is_err())
    });
    let read = common::errno(data.read(&mut [0]));
    differs(SYSTEM_CALLS, read, Err(Errno::EINTR), Ok(1));
    kill(sender, SIGKILL).unwrap();
    common::wait_for(sender);
}

/// A function that was installed with `sigaction` itself is called as one of this crate's.
/// XSH sigaction, DESCRIPTION
fn a_function_installed_without_this_crate_is_called() {
    extern "C" fn foreign(number: libc::c_int) {
        log(number);
    }
    for signal in catchable() {
        raw::set(signal, foreign as raw::Plain as usize, 0, &[]);
        clear();
        raise(signal).unwrap();
        assert_eq!(logged(), [signal.as_raw()]);
    }
}

requirements! {
    a_function_is_called_with_the_number_of_its_signal,
    siginfo_tells_the_sender,
    the_previous_action_is_returned,
    sigkill_and_sigstop_cannot_be_caught_or_ignored,
    an_ignored_signal_has_no_effect,
    the_default_action_takes_place,
    the_default_action_takes_place_after_another_signal,
    ignoring_a_signal_discards_what_is_pending,
    a_signal_is_blocked_while_its_function_runs,
    with_nodefer_it_is_not,
    the_mask_of_the_action_is_blocked_while_the_function_runs,
    the_mask_comes_back_when_the_function_returns,
    the_mask_comes_back_after_a_fault,
    resethand_resets_before_the_function_runs,
    without_restart_a_system_call_is_interrupted,
    a_function_installed_without_this_crate_is_called,
}
