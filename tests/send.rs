//! Sending signals, and dying by one.

use crate::common::process::{sleeper, wait_for_zombie, wait_stopped_or_ended};
use crate::common::{self, count, Latch, COUNT};
use signal::{
    exists, install, kill, kill_group, kill_own_group, raise, BlockGuard, DefaultEffect, Errno,
};
use signal::{Handler, Info, Pid, Signal, SignalSet};
use signal::{SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGURG, SIGUSR1};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

static VALUES: [AtomicI32; 8] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each entry
    const ZERO: AtomicI32 = AtomicI32::new(0);
    [ZERO; 8]
};

fn raise_runs_the_handler_before_it_returns() {
    install(SIGUSR1, &COUNT).unwrap();
    for times in 1..=100 {
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), times);
    }
}

fn raise_stays_in_its_thread() {
    install(SIGUSR1, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1);
    std::thread::spawn(|| {
        let _unblocked = signal::UnblockGuard::new(SIGUSR1);
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), 1);
    })
    .join()
    .unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(count(), 1);
}

#[cfg(feature = "std")]
fn kill_thread_reaches_that_thread() {
    use std::sync::atomic::AtomicBool;
    static HERE: AtomicI32 = AtomicI32::new(0);
    static DONE: AtomicBool = AtomicBool::new(false);
    std::thread_local! { static NUMBER: std::cell::Cell<i32> = const { std::cell::Cell::new(0) } }
    let tell = |_: Signal| HERE.store(NUMBER.with(|number| number.get()), SeqCst);
    // SAFETY: an atomic store, and a thread-local of the program itself without a destructor.
    install(SIGUSR1, unsafe { Handler::new(tell) }).unwrap();
    let (ready, started) = std::sync::mpsc::channel();
    let threads = [1, 2, 3].map(|number| {
        let ready = ready.clone();
        std::thread::spawn(move || {
            NUMBER.with(|cell| cell.set(number));
            ready.send(()).unwrap();
            common::eventually("the test is done", || DONE.load(SeqCst));
        })
    });
    threads.iter().for_each(|_| started.recv().unwrap());
    for number in [2, 1, 3, 2] {
        signal::kill_thread(&threads[number as usize - 1], SIGUSR1).unwrap();
        common::eventually("it arrives", || HERE.load(SeqCst) == number);
    }
    DONE.store(true, SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A thread that has ended and is not joined yet can be sent a signal, which does nothing.
/// XSH pthread_kill, DESCRIPTION; RATIONALE
#[cfg(feature = "std")]
fn a_thread_that_has_ended_is_not_signalled() {
    install(SIGUSR1, &COUNT).unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || drop(held));
    common::eventually("the thread ends", || hold.send(()).is_err());
    common::pause(20);
    let sent = signal::kill_thread(&thread, SIGUSR1);
    assert!([Ok(()), Err(Errno::ESRCH)].contains(&sent), "{sent:?}");
    thread.join().unwrap();
}

fn kill_reaches_another_process() {
    for signal in [SIGTERM, SIGKILL, SIGUSR1] {
        let child = sleeper();
        kill(child, signal).unwrap();
        assert_eq!(common::wait_for(child).signal(), Some(signal));
    }
    let child = sleeper();
    kill(child, SIGSTOP).unwrap();
    assert!(libc::WIFSTOPPED(wait_stopped_or_ended(child)));
    kill(child, SIGKILL).unwrap();
    assert_eq!(common::wait_for(child).signal(), Some(SIGKILL));
}

fn raise_of_sigkill_is_the_end() {
    let status = common::status_of(|| raise(SIGKILL).unwrap());
    assert_eq!(status.signal(), Some(SIGKILL));
}

fn a_process_that_is_gone_cannot_be_signalled() {
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    let before = common::signal_state();
    assert_eq!(kill(gone, SIGTERM), Err(Errno::ESRCH));
    assert_eq!(kill_group(gone, SIGTERM), Err(Errno::ESRCH));
    let expected = if cfg!(has_sigqueue) { Errno::ESRCH } else { Errno::ENOSYS };
    assert_eq!(signal::queue(gone, SIGTERM, 1), Err(expected));
    assert_eq!(common::signal_state(), before);
}

fn kill_group_reaches_the_whole_group_and_nobody_else() {
    install(SIGUSR1, &COUNT).unwrap();
    let ready = Latch::new();
    let member_of = |group: libc::pid_t| {
        common::fork(|| {
            install(SIGUSR1, Handler::Default).unwrap();
            // SAFETY: takes plain values.
            assert_eq!(unsafe { libc::setpgid(0, group) }, 0);
            ready.open();
            common::wait_for(sleeper());
            0
        })
    };
    let leader = member_of(0);
    ready.wait();
    let second = member_of(leader.as_raw());
    ready.wait();
    kill_group(leader, SIGURG).unwrap();
    kill_group(leader, SIGUSR1).unwrap();
    for member in [leader, second] {
        assert_eq!(common::wait_for(member).signal(), Some(SIGUSR1));
    }
    common::eventually("the whole group is gone", || {
        kill_group(leader, SIGURG) == Err(Errno::ESRCH)
    });
    assert_eq!(count(), 0);
}

/// `kill(-1)` would reach every process.
fn group_one_is_refused() {
    install(SIGURG, &COUNT).unwrap();
    let init = Pid::from_raw(1).unwrap();
    let before = common::signal_state();
    assert_eq!(kill_group(init, SIGURG), Err(Errno::EINVAL));
    assert_eq!(kill_group(init, SIGCONT), Err(Errno::EINVAL));
    assert_eq!((count(), common::signal_state()), (0, before));
}

fn kill_own_group_reaches_the_caller_and_its_children() {
    install(SIGUSR1, &COUNT).unwrap();
    let (child_is_blocking, sent) = (Latch::new(), Latch::new());
    let child = common::fork(|| {
        let guard = BlockGuard::new(SIGUSR1);
        child_is_blocking.open();
        sent.wait();
        drop(guard);
        i32::from(count() != 1)
    });
    let outsider = common::fork(|| {
        // SAFETY: takes plain values.
        unsafe { libc::setpgid(0, 0) };
        child_is_blocking.open();
        sent.wait();
        i32::from(count() != 0)
    });
    (0..2).for_each(|_| child_is_blocking.wait());
    kill_own_group(SIGUSR1).unwrap();
    assert_eq!(count(), 1);
    (0..2).for_each(|_| sent.open());
    assert!(common::wait_for(child).success() && common::wait_for(outsider).success());
}

fn zombies_exist_and_the_reaped_do_not() {
    assert!(exists(Pid::current()));
    let child = common::fork(|| 0);
    wait_for_zombie(child);
    assert!(exists(child));
    common::wait_for(child);
    assert!(!exists(child));
}

/// EPERM: the process belongs to somebody else. It exists all the same.
/// XSH kill, ERRORS
fn a_process_that_may_not_be_signalled_exists() {
    common::in_child(|| {
        let init = Pid::from_raw(1).unwrap();
        // SAFETY: takes plain values; the child gives up its privileges.
        let refused = unsafe {
            libc::setuid(65534);
            libc::kill(1, 0) == -1 && Errno::last() == Errno::EPERM
        };
        if refused {
            // Not SIGCONT, which every member of a session may send; SIGURG does no harm.
            assert_eq!(kill(init, SIGURG), Err(Errno::EPERM));
        }
        assert!(exists(init));
    });
}

fn queued_values_come_in_order_and_none_is_lost() {
    if cfg!(not(has_sigqueue)) {
        install(SIGUSR1, &COUNT).unwrap();
        assert_eq!(signal::queue(Pid::current(), SIGUSR1, 1), Err(Errno::ENOSYS));
        assert_eq!(count(), 0);
        return;
    }
    let remember = |_: Signal, info: &Info| {
        if let (Some(place), Some(value)) = (VALUES.get(COUNT.fetch_add(1, SeqCst)), info.value()) {
            place.store(value, SeqCst);
        }
    };
    let signal = common::realtime_or_skip(3);
    // SAFETY: atomics.
    install(signal, unsafe { Handler::with_info(remember) }).unwrap();
    let sent = [7, -1, i32::MAX, i32::MIN, 0, 0x1234_5678, -2, 7];
    let guard = BlockGuard::new(signal);
    for value in sent {
        signal::queue(Pid::current(), signal, value).unwrap();
    }
    assert_eq!(count(), 0);
    drop(guard);
    let received: Vec<i32> = VALUES.iter().map(|value| value.load(SeqCst)).collect();
    assert_eq!((count(), &received[..]), (sent.len(), &sent[..]));
}

/// Even if the process catches, ignores or blocks the signal.
fn dying_by_a_signal_is_what_the_parent_sees() {
    let all: Vec<Signal> = Signal::all().collect();
    for signal in all.iter().copied().chain(common::reserved_signals()) {
        for preparation in 0..3 {
            let child = common::fork(|| {
                common::process::no_core_file();
                let _blocked = BlockGuard::new(SignalSet::full());
                match preparation {
                    0 => drop(install(signal, &COUNT)),
                    1 => drop(install(signal, Handler::Ignore)),
                    _ => {}
                }
                signal::die_by(signal)
            });
            let mut status = wait_stopped_or_ended(child);
            if libc::WIFSTOPPED(status) {
                assert_eq!(signal.default_effect(), DefaultEffect::Stop);
                kill(child, SIGCONT).unwrap();
                status = common::wait_for(child).as_raw();
            }
            let terminates = matches!(
                signal.default_effect(),
                DefaultEffect::Terminate | DefaultEffect::CoreDump
            );
            let status = signal::child::Status::from_raw(status);
            if status.signal().is_none() {
                assert!(!terminates || !all.contains(&signal), "{signal}: {status}");
                assert_eq!(status.code(), Some(128 + signal.as_raw()));
            } else {
                assert_eq!((terminates, status.signal()), (true, Some(signal)));
            }
        }
    }
    assert_eq!(
        SIGCHLD.default_effect(),
        DefaultEffect::Ignore,
        "a signal that does not end a process was among them"
    );
}

/// Stopped and continued from outside, `stop_by` returns in a child that catches, ignores or blocks
/// the signal, or has one pending; and everything is as it was.
fn stop_by_stops_once_and_the_handler_is_back() {
    use signal::child::{wait_change, Change, Which};
    for signal in [SIGSTOP, signal::SIGTSTP, signal::SIGTTIN, signal::SIGTTOU] {
        for preparation in 0..5 {
            let child = common::fork(|| {
                // In a session of its own it would be orphaned, and only SIGSTOP would stop it.
                signal::session::new_group().unwrap();
                let blocked = BlockGuard::new(SIGUSR1);
                match preparation {
                    0 => drop(install(signal, &COUNT)),
                    1 => drop(install(signal, Handler::Ignore)),
                    2 => drop(install(signal, signal::Action::new(&COUNT).block(SIGUSR1))),
                    3 => {
                        // Pending for the process, when that for the thread comes.
                        let _ = install(signal, &COUNT);
                        signal::block(signal);
                        if signal != SIGSTOP {
                            kill(Pid::current(), signal).unwrap();
                        }
                    }
                    _ => {}
                }
                let before = common::signal_state();
                assert_eq!(signal::stop_by(signal), Ok(()));
                assert_eq!((common::signal_state(), count()), (before, 0));
                if preparation == 0 && signal != SIGSTOP {
                    signal::raise(signal).unwrap();
                    assert_eq!(count(), 1);
                }
                drop(blocked);
                0
            });
            let which = Which::Pid(child);
            let case = format!("{signal} {preparation}");
            assert_eq!(wait_change(which), Ok(Change::Stopped(child, signal)), "{case}");
            kill(child, SIGCONT).unwrap();
            // Only the last change is kept: it may have ended already.
            let change = wait_change(which);
            match if let Ok(Change::Continued(_)) = change { wait_change(which) } else { change } {
                Ok(Change::Ended(exited)) => assert!(exited.status.success(), "{case}"),
                other => panic!("{case}: {other:?}"),
            }
        }
    }
}

fn stop_by_another_signal_is_einval_and_changes_nothing() {
    let before = common::signal_state();
    for signal in Signal::all().filter(|signal| signal.default_effect() != DefaultEffect::Stop) {
        assert_eq!(signal::stop_by(signal), Err(Errno::EINVAL), "{signal}");
    }
    assert_eq!(common::signal_state(), before);
}

tests! {
    raise_runs_the_handler_before_it_returns,
    raise_stays_in_its_thread,
    #[cfg(feature = "std")]
    kill_thread_reaches_that_thread,
    #[cfg(feature = "std")]
    a_thread_that_has_ended_is_not_signalled,
    kill_reaches_another_process,
    raise_of_sigkill_is_the_end,
    a_process_that_is_gone_cannot_be_signalled,
    kill_group_reaches_the_whole_group_and_nobody_else,
    group_one_is_refused,
    kill_own_group_reaches_the_caller_and_its_children,
    zombies_exist_and_the_reaped_do_not,
    a_process_that_may_not_be_signalled_exists,
    queued_values_come_in_order_and_none_is_lost,
    dying_by_a_signal_is_what_the_parent_sees,
    stop_by_stops_once_and_the_handler_is_back,
    stop_by_another_signal_is_einval_and_changes_nothing,
}
