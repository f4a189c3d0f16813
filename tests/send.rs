//! Sending signals, dying by one, and the alarm.

mod common;

use common::process::wait_stopped_or_ended;
use common::Gate;
use signal::{
    alarm, exists, install, kill, kill_group, kill_own_group, raise, BlockGuard, DefaultEffect, Errno,
};
use signal::{Handler, Info, Pid, Signal, SignalSet};
use signal::{SIGALRM, SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGURG, SIGUSR1};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static COUNT: AtomicUsize = AtomicUsize::new(0);
static VALUES: [AtomicI32; 8] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each entry
    const ZERO: AtomicI32 = AtomicI32::new(0);
    [ZERO; 8]
};

fn count() -> usize {
    COUNT.load(Ordering::SeqCst)
}

/// A child that waits to be killed.
fn sleeper() -> Pid {
    common::fork(|| loop {
        // SAFETY: sleeps until a handler has run.
        unsafe { libc::pause() };
    })
}

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
    let child = common::fork(|| i32::from(raise(SIGKILL).is_ok()));
    assert_eq!(common::wait_for(child).signal(), Some(SIGKILL));
}

fn whoever_is_gone_cannot_be_signalled() {
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    let before = common::signal_state();
    assert_eq!(kill(gone, SIGTERM), Err(Errno::ESRCH));
    assert_eq!(kill_group(gone, SIGTERM), Err(Errno::ESRCH));
    let expected = if cfg!(has_sigqueue) { Errno::ESRCH } else { Errno::ENOSYS };
    assert_eq!(signal::queue(gone, SIGTERM, 1), Err(expected));
    assert_eq!(common::signal_state(), before);
}

fn kill_group_reaches_all_of_the_group_and_nobody_else() {
    install(SIGUSR1, &COUNT).unwrap();
    let ready = Gate::new();
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
    common::eventually("the whole group is gone", || kill_group(leader, SIGURG) == Err(Errno::ESRCH));
    assert_eq!(count(), 0);
}

fn group_one_is_refused_for_it_would_be_everybody() {
    install(SIGURG, &COUNT).unwrap();
    let init = Pid::from_raw(1).unwrap();
    let before = common::signal_state();
    assert_eq!(kill_group(init, SIGURG), Err(Errno::EINVAL));
    assert_eq!(kill_group(init, SIGCONT), Err(Errno::EINVAL));
    assert_eq!((count(), common::signal_state()), (0, before));
}

fn kill_own_group_reaches_oneself_and_one_s_children() {
    install(SIGUSR1, &COUNT).unwrap();
    let (child_is_blocking, sent) = (Gate::new(), Gate::new());
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
    // SAFETY: the structure is made of integers and pointers, for which zero is valid; the call leaves the child a zombie.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let ended = libc::WEXITED | libc::WNOWAIT;
        assert_eq!(libc::waitid(libc::P_PID, child.as_raw() as libc::id_t, &mut info, ended), 0);
    }
    assert!(exists(child));
    common::wait_for(child);
    assert!(!exists(child));
}

fn whom_one_may_not_signal_exists_all_the_same() {
    common::in_child(|| {
        let init = Pid::from_raw(1).unwrap();
        // SAFETY: takes plain values; the child gives up what rights it has.
        let refused = unsafe {
            libc::setuid(65534);
            libc::kill(1, 0) == -1 && Errno::last() == Errno::EPERM
        };
        if refused {
            // Not SIGCONT, which anybody may send within his session; nobody misses a SIGURG.
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
        if let (Some(place), Some(value)) = (VALUES.get(COUNT.fetch_add(1, Ordering::SeqCst)), info.value()) {
            place.store(value, Ordering::SeqCst);
        }
    };
    let signal = Signal::realtime(3).unwrap_or_else(|| common::skip("no realtime signals"));
    // SAFETY: atomics.
    install(signal, unsafe { Handler::with_info(remember) }).unwrap();
    let sent = [7, -1, i32::MAX, i32::MIN, 0, 0x1234_5678, -2, 7];
    let guard = BlockGuard::new(signal);
    for value in sent {
        signal::queue(Pid::current(), signal, value).unwrap();
    }
    assert_eq!(count(), 0);
    drop(guard);
    let received: Vec<i32> = VALUES.iter().map(|value| value.load(Ordering::SeqCst)).collect();
    assert_eq!((count(), &received[..]), (sent.len(), &sent[..]));
}

/// Whatever the process had made of the signal: caught, ignored, blocked, pending.
fn dying_by_a_signal_is_what_the_parent_sees() {
    let all: Vec<Signal> = Signal::all().collect();
    let hidden = (1..=1000).filter_map(Signal::from_raw);
    let hidden = hidden.filter(|signal| !all.contains(signal) && !SignalSet::full().contains(*signal));
    for signal in all.iter().copied().chain(hidden) {
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
            let terminates =
                matches!(signal.default_effect(), DefaultEffect::Terminate | DefaultEffect::CoreDump);
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
        "one that does not end a process was among them"
    );
}

/// Sleeps until the alarm has gone off so many times.
fn wait_for_alarms(guard: &BlockGuard, times: usize) {
    while count() < times {
        guard.wait();
    }
}

fn the_alarm_goes_off_once_and_not_early() {
    install(SIGALRM, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGALRM);
    for (round, time) in [Duration::from_nanos(1), Duration::from_millis(30)].into_iter().enumerate() {
        let start = Instant::now();
        assert_eq!(alarm(time), None);
        wait_for_alarms(&guard, round + 1);
        assert!(start.elapsed() >= time, "{:?}", start.elapsed());
        assert_eq!((alarm(Duration::ZERO), count()), (None, round + 1), "it is over");
    }
}

fn the_alarm_tells_what_was_left_and_can_be_cancelled() {
    install(SIGALRM, &COUNT).unwrap();
    let seconds = Duration::from_secs;
    let within = |left: Option<Duration>, low, high| {
        assert!(left.map_or(false, |left| seconds(low) < left && left <= seconds(high)), "{left:?}");
    };
    assert_eq!(alarm(seconds(1000)), None);
    within(alarm(seconds(2000)), 900, 1000);
    within(alarm(Duration::ZERO), 1900, 2000);
    assert_eq!((alarm(Duration::ZERO), count()), (None, 0));
    // Three years, which every system accepts.
    for longest in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
        assert_eq!(alarm(longest), None);
        within(alarm(Duration::ZERO), 99_999_900, 100_000_000);
    }
}

fn a_forked_child_has_no_alarm() {
    assert_eq!(alarm(Duration::from_secs(1000)), None);
    common::in_child(|| assert_eq!(alarm(Duration::ZERO), None));
    assert!(alarm(Duration::ZERO).is_some());
}

common::main! {
    raise_runs_the_handler_before_it_returns,
    raise_stays_in_its_thread,
    kill_reaches_another_process,
    raise_of_sigkill_is_the_end,
    whoever_is_gone_cannot_be_signalled,
    kill_group_reaches_all_of_the_group_and_nobody_else,
    group_one_is_refused_for_it_would_be_everybody,
    kill_own_group_reaches_oneself_and_one_s_children,
    zombies_exist_and_the_reaped_do_not,
    whom_one_may_not_signal_exists_all_the_same,
    queued_values_come_in_order_and_none_is_lost,
    dying_by_a_signal_is_what_the_parent_sees,
    the_alarm_goes_off_once_and_not_early,
    the_alarm_tells_what_was_left_and_can_be_cancelled,
    a_forked_child_has_no_alarm,
}
