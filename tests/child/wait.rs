//! Waiting for one child, with and without a limit of time.

use crate::common::load::FewDescriptors;
#[cfg(target_os = "linux")]
use crate::common::process;
use crate::common::process::{is_re_executed, sleeper, wait_for_zombie};
use crate::common::{self, count, eventually, fork, signal_state, skip, strace, Latch, COUNT};
use signal::child::{self, wait_timeout};
use signal::{install, kill, Action, BlockGuard, Errno, Handler, Pid};
use signal::{SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGUSR1};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
#[cfg(target_os = "linux")]
use {
    signal::{child::Exited, Signal},
    std::env,
    std::fs,
    std::io::{Read, Write},
    std::sync::atomic::{AtomicI32, Ordering::SeqCst},
};

const MINUTE: Duration = Duration::from_secs(60);
/// An emulated or a busy machine lets a thread wait for the processor.
const SLACK: Duration = Duration::from_secs(5);

fn code(pid: Pid) -> Option<i32> {
    let exited = wait_timeout(pid, MINUTE).unwrap().expect("it ends");
    assert_eq!(exited.pid, pid);
    exited.status.code()
}

fn killed(child: Pid) {
    kill(child, SIGKILL).unwrap();
    assert_eq!(child::wait(child).unwrap().status.signal(), Some(SIGKILL));
}

fn wait_blocks_until_the_child_ends() {
    let latch = Arc::new(Latch::new());
    let child = fork(|| {
        latch.wait();
        7
    });
    let opener = {
        let latch = latch.clone();
        thread::spawn(move || {
            common::pause(20);
            latch.open();
        })
    };
    let exited = child::wait(child).unwrap();
    assert_eq!((exited.pid, exited.status.code()), (child, Some(7)));
    assert_eq!(exited.usage.is_some(), cfg!(has_wait4));
    opener.join().unwrap();
    for gone in [child, Pid::current(), Pid::parent().unwrap()] {
        assert_eq!(child::wait(gone), Err(Errno::ECHILD));
        assert_eq!(wait_timeout(gone, MINUTE), Err(Errno::ECHILD));
        assert_eq!(wait_timeout(gone, Duration::ZERO), Err(Errno::ECHILD));
    }
}

/// The child sends signals until the parent's handler has run ten times; nothing else ends it.
fn handlers_do_not_end_a_wait() {
    install(SIGUSR1, Action::new(&COUNT).restart(false)).unwrap();
    let parent = Pid::current();
    for timed in [true, false] {
        let before = count();
        let latch = Arc::new(Latch::new());
        let child = fork(|| {
            let sender = fork(|| loop {
                kill(parent, SIGUSR1).unwrap();
                common::pause(1);
            });
            latch.wait();
            kill(sender, SIGKILL).unwrap();
            0
        });
        let opener = {
            let latch = latch.clone();
            thread::spawn(move || {
                let _blocked = BlockGuard::new(SIGUSR1);
                eventually("ten signals", || count() >= before + 10);
                latch.open();
            })
        };
        let exited =
            if timed { wait_timeout(child, MINUTE).unwrap() } else { child::wait(child).ok() };
        assert!(exited.unwrap().status.success());
        assert!(count() >= before + 10);
        opener.join().unwrap();
    }
}

fn the_time_is_kept_whatever_interrupts() {
    install(SIGUSR1, Action::new(&COUNT).restart(false)).unwrap();
    let child = sleeper();
    let state = signal_state();
    for millis in [0, 1, 2, 10, 100] {
        let (timeout, start) = (Duration::from_millis(millis), Instant::now());
        assert_eq!(wait_timeout(child, timeout), Ok(None));
        let took = start.elapsed();
        assert!(took >= timeout && took < timeout + SLACK, "{timeout:?}: {took:?}");
    }
    assert_eq!(signal_state(), state);
    {
        let _flood = common::load::Flood::of(&[SIGUSR1], 1);
        let (timeout, start) = (Duration::from_millis(100), Instant::now());
        assert_eq!(wait_timeout(child, timeout), Ok(None));
        let took = start.elapsed();
        assert!(took >= timeout && took < timeout + SLACK, "{took:?}");
    }
    kill(child, SIGKILL).unwrap();
    // Longer than can be counted.
    assert!(wait_timeout(child, Duration::MAX).unwrap().is_some());
}

fn a_child_that_has_ended_is_collected_in_no_time() {
    let child = fork(|| 4);
    wait_for_zombie(child);
    let state = signal_state();
    assert_eq!(wait_timeout(child, Duration::ZERO).unwrap().unwrap().status.code(), Some(4));
    assert_eq!(signal_state(), state);
}

fn every_way_to_end_is_reported_as_it_was() {
    for expected in [0, 1, 127, 255] {
        let latch = Latch::new();
        let child = fork(|| {
            latch.wait();
            expected
        });
        latch.open();
        assert_eq!(code(child), Some(expected));
    }
    for signal in [SIGKILL, signal::SIGABRT, signal::SIGTERM] {
        let child = fork(|| {
            common::process::no_core_file();
            common::pause(5);
            signal::die_by(signal)
        });
        let exited = wait_timeout(child, MINUTE).unwrap().unwrap();
        assert_eq!((exited.status.code(), exited.status.signal()), (None, Some(signal)));
        assert_eq!(exited.usage.is_some(), cfg!(any(has_wait4, has_pidfd)));
    }
}

fn a_stopped_child_has_not_ended() {
    let child = sleeper();
    kill(child, SIGSTOP).unwrap();
    assert_eq!(wait_timeout(child, Duration::from_millis(20)), Ok(None));
    kill(child, SIGCONT).unwrap();
    assert_eq!(wait_timeout(child, Duration::from_millis(20)), Ok(None));
    killed(child);
}

#[cfg(target_os = "linux")]
static TRACED: AtomicI32 = AtomicI32::new(0);

/// The first stop is there before the wait begins, and the second comes while it lasts: the tracer
/// is the thread that waits, in a handler. Then only the end is left.
#[cfg(target_os = "linux")]
fn the_stops_of_a_traced_child_do_not_end_a_wait() {
    let goes_on = |_: Signal| {
        let child = Pid::from_raw(TRACED.load(SeqCst));
        process::trace(libc::PTRACE_CONT, child, 0);
    };
    // SAFETY: a system call.
    install(SIGUSR1, unsafe { Handler::new(goes_on) }).unwrap();
    install(SIGCHLD, &COUNT).unwrap();
    let parent = Pid::current();
    let waits: [fn(Pid) -> Option<Exited>; 2] =
        [|child| child::wait(child).ok(), |child| wait_timeout(child, MINUTE).unwrap()];
    for wait in waits {
        let second = Latch::new();
        let child = process::traced(|| {
            second.open();
            signal::raise(SIGSTOP).unwrap();
            3
        });
        TRACED.store(child.as_raw(), SeqCst);
        let other = fork(|| {
            let waits = || eventually("the parent waits", || process::is_in_state(parent, 'S'));
            waits();
            kill(parent, SIGUSR1).unwrap();
            second.wait();
            eventually("the second stop", || process::is_in_state(child, 't'));
            waits();
            kill(child, SIGKILL).unwrap();
            0
        });
        assert_eq!(wait(child).unwrap().status.signal(), Some(SIGKILL));
        assert!(common::wait_for(other).success());
    }
}

/// The tracer is told first, and the parent when the tracer lets go.
#[cfg(target_os = "linux")]
fn a_child_whose_tracer_has_the_status_has_not_ended() {
    let (attached, ready) = (Latch::new(), Latch::new());
    let child = fork(|| {
        // SAFETY: plain values: anybody may trace it, where a system asks for that.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        ready.open();
        attached.wait();
        5
    });
    ready.wait();
    let (mut told, mut tell) = common::pipe();
    let tracer = fork(|| {
        let is_tracer = process::trace(libc::PTRACE_SEIZE, Some(child), 0) == 0;
        if is_tracer {
            attached.open();
            wait_for_zombie(child);
        }
        tell.write_all(&[u8::from(is_tracer)]).unwrap();
        process::sleep_forever()
    });
    let mut is_traced = [0];
    told.read_exact(&mut is_traced).unwrap();
    if is_traced == [0] {
        skip("may not trace another child here");
    }
    assert_eq!(child::reap(child), Ok(None));
    assert_eq!(wait_timeout(child, Duration::from_millis(20)), Ok(None));
    killed(tracer);
    assert_eq!(code(child), Some(5));
}

/// Where core files have a place of their own, none is made here.
#[cfg(target_os = "linux")]
fn a_core_file_is_reported_as_it_was() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.is_empty() || pattern.starts_with(&['|', '/'][..]) {
        skip("core files would be left somewhere else");
    }
    let place = env::temp_dir().join(format!("signal-core-{}", Pid::current()));
    fs::create_dir(&place).unwrap();
    let dies = || {
        fork(|| {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: points to a whole structure.
            assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_CORE, &mut limit) }, 0);
            limit.rlim_cur = limit.rlim_max.min(1 << 20);
            // SAFETY: as above.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) }, 0);
            env::set_current_dir(&place).unwrap();
            common::pause(5);
            signal::die_by(signal::SIGABRT)
        })
    };
    let expected = child::wait(dies()).unwrap().status;
    let found = wait_timeout(dies(), MINUTE).unwrap().unwrap().status;
    fs::remove_dir_all(&place).unwrap();
    assert_eq!((found, found.signal()), (expected, Some(signal::SIGABRT)));
}

/// Each thread has its own child, and its own deadline. Every second child outlives that.
fn many_threads_wait_at_once_each_for_its_own_child() {
    let children: Vec<(Pid, bool)> = (0..common::scaled(200))
        .map(|number| match number % 2 {
            0 => (sleeper(), false),
            _ => {
                let pause = 20 + number as i32 % 100;
                let child = fork(|| {
                    common::pause(pause);
                    number as i32 % 256
                });
                (child, true)
            }
        })
        .collect();
    let waiters: Vec<_> = children
        .iter()
        .enumerate()
        .map(|(number, (child, ends))| {
            let (child, ends) = (*child, *ends);
            let timeout =
                if ends { MINUTE } else { Duration::from_millis(20 + number as u64 % 200) };
            thread::spawn(move || {
                let start = Instant::now();
                let found = wait_timeout(child, timeout).unwrap();
                let took = start.elapsed();
                let found = found.map(|exited| (exited.pid, exited.status.code()));
                if ends {
                    assert_eq!(found, Some((child, Some(number as i32 % 256))));
                } else {
                    assert_eq!(found, None);
                    assert!(took >= timeout && took < timeout + SLACK, "{timeout:?}: {took:?}");
                }
            })
        })
        .collect();
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    children.iter().filter(|(_, ends)| !ends).for_each(|(child, _)| killed(*child));
    assert_eq!(child::reap_any().next(), None);
}

fn a_child_that_another_thread_reaps_is_echild() {
    for _ in 0..common::scaled(20) {
        let child = sleeper();
        let waiters = [0, 1].map(|_| thread::spawn(move || wait_timeout(child, MINUTE)));
        common::pause(2);
        kill(child, SIGKILL).unwrap();
        let found = waiters.map(|waiter| waiter.join().unwrap());
        let collected = found.iter().filter(|found| matches!(found, Ok(Some(_)))).count();
        let gone = found.iter().filter(|found| **found == Err(Errno::ECHILD)).count();
        assert_eq!((collected, gone), (1, 1), "{found:?}");
    }
}

/// In a pid namespace the next number can be chosen.
#[cfg(has_pidfd)]
fn the_next_process_with_that_number_is_not_waited_for() {
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
    // SAFETY: takes a plain value.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        skip("a pid namespace is not permitted");
    }
    /// What a thread reads from before it leaves the handler: it sleeps through all of the change.
    static GATE: AtomicI32 = AtomicI32::new(-1);
    fn hold(_: signal::Signal) {
        COUNT.fetch_add(1, SeqCst);
        let mut byte = 0u8;
        // SAFETY: room for one byte.
        unsafe { libc::read(GATE.load(SeqCst), std::ptr::addr_of_mut!(byte).cast(), 1) };
    }
    let status = common::status_of(|| {
        // SAFETY: `hold` makes system calls only.
        install(SIGUSR1, unsafe { Handler::new(hold) }).unwrap();
        let (read, mut write) = common::pipe();
        GATE.store(std::os::unix::io::AsRawFd::as_raw_fd(&read), SeqCst);
        let child = sleeper();
        let before = common::open_descriptors().len();
        let waiter = thread::spawn(move || wait_timeout(child, MINUTE));
        // One that is opened later is the next process's.
        eventually("the thread has its descriptor", || common::open_descriptors().len() > before);
        // SAFETY: the thread has not been joined.
        unsafe { libc::pthread_kill(waiter.as_pthread_t() as _, SIGUSR1.as_raw()) };
        eventually("the thread is held", || count() > 0);
        killed(child);
        let before = child.as_raw() - 1;
        if std::fs::write("/proc/sys/kernel/ns_last_pid", before.to_string()).is_err() {
            skip("the number of the next process cannot be chosen");
        }
        let other = sleeper();
        assert_eq!(other, child);
        // The child has a copy of the pipe's end: closing this one would not do.
        std::io::Write::write_all(&mut write, b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), Err(Errno::ECHILD));
        assert_eq!(child::reap(other), Ok(None));
        killed(other);
    });
    if status.code() == Some(77) {
        skip("the number of the next process cannot be chosen");
    }
    assert!(status.success(), "{status}");
}

#[cfg(not(has_pidfd))]
fn the_next_process_with_that_number_is_not_waited_for() {
    skip("no pidfd here");
}

/// What must hold by every way to wait.
fn ends_and_limits_are_told() {
    let state = signal_state();
    let child = sleeper();
    let start = Instant::now();
    assert_eq!(wait_timeout(child, Duration::from_millis(30)), Ok(None));
    assert!(start.elapsed() >= Duration::from_millis(30));
    killed(child);
    let child = fork(|| {
        common::pause(30);
        9
    });
    assert_eq!(code(child), Some(9));
    assert_eq!(wait_timeout(child, MINUTE), Err(Errno::ECHILD));
    assert_eq!(signal_state(), state);
}

/// As where SIGCHLD comes: alone, with a handler, blocked, ignored.
fn all_ways_to_hear_of_it() {
    ends_and_limits_are_told();
    install(SIGCHLD, &COUNT).unwrap();
    ends_and_limits_are_told();
    assert!(count() >= 2, "the program's own handler is called too");
    {
        let _blocked = BlockGuard::new(SIGCHLD);
        ends_and_limits_are_told();
    }
    install(SIGCHLD, Handler::Ignore).unwrap();
    let child = sleeper();
    assert_eq!(wait_timeout(child, Duration::from_millis(10)), Ok(None));
    kill(child, SIGKILL).unwrap();
    assert_eq!(wait_timeout(child, MINUTE), Err(Errno::ECHILD));
    assert_eq!(signal::query(SIGCHLD).unwrap().handler(), Handler::Ignore);
    install(SIGCHLD, Handler::Default).unwrap();
}

fn a_wait_leaves_no_trace_and_needs_no_handler() {
    all_ways_to_hear_of_it();
}

fn where_the_call_is_refused_there_is_another_way() {
    if is_re_executed() {
        return all_ways_to_hear_of_it();
    }
    common::needs(cfg!(has_pidfd), "no pidfd here");
    for error in ["EPERM", "ENOSYS", "EACCES"] {
        strace::with_failing("pidfd_open", error, "1+");
    }
}

fn where_the_status_cannot_be_had_by_descriptor_there_is_another_way() {
    if is_re_executed() {
        return all_ways_to_hear_of_it();
    }
    common::needs(cfg!(has_pidfd), "no pidfd here");
    strace::with_failing("waitid", "EINVAL", "1+");
}

fn without_descriptors_it_waits_all_the_same() {
    let _few = FewDescriptors::new(0);
    ends_and_limits_are_told();
}

fn more_threads_than_self_pipes_can_wait() {
    if is_re_executed() {
        return many_threads_wait_at_once_each_for_its_own_child();
    }
    common::needs(cfg!(has_pidfd), "no pidfd here");
    strace::with_failing("pidfd_open", "ENOSYS", "1+");
}

fn a_standard_descriptor_that_is_closed_is_not_taken() {
    common::in_child(|| {
        for fd in 0..3 {
            // SAFETY: nobody uses them any more.
            unsafe { libc::close(fd) };
        }
        let child = sleeper();
        let before = common::open_descriptors().len();
        let waiter = thread::spawn(move || wait_timeout(child, MINUTE));
        // For a moment it is where the system has put it.
        eventually("the descriptor is above the standard ones", || {
            let open = common::open_descriptors();
            (open.len() > before || !cfg!(has_pidfd)) && open.iter().all(|fd| *fd > 2)
        });
        kill(child, SIGKILL).unwrap();
        assert!(waiter.join().unwrap().unwrap().is_some());
    });
}

fn one_wait_is_six_system_calls() {
    if is_re_executed() {
        let child = sleeper();
        strace::mark();
        // Long enough to be still waiting when it comes to sleep, however slow strace is.
        assert_eq!(wait_timeout(child, Duration::from_millis(300)), Ok(None));
        strace::mark();
        return killed(child);
    }
    common::needs(cfg!(has_pidfd), "no pidfd here");
    let trace = strace::trace();
    let calls: Vec<&str> = trace
        .split("getppid(")
        .nth(1)
        .expect("two marks")
        .lines()
        .skip(1)
        .filter_map(|line| line.split('(').next())
        .collect();
    let expected = ["wait4", "pidfd_open", "waitid", "ppoll", "waitid", "close"];
    let names = |name: &&str| expected.contains(name) || name.starts_with("ppoll");
    let calls: Vec<&str> = calls.into_iter().filter(names).collect();
    assert_eq!(calls.len(), expected.len(), "{calls:?}");
}

tests! {
    wait_blocks_until_the_child_ends,
    handlers_do_not_end_a_wait,
    the_time_is_kept_whatever_interrupts,
    a_child_that_has_ended_is_collected_in_no_time,
    every_way_to_end_is_reported_as_it_was,
    a_stopped_child_has_not_ended,
    #[cfg(target_os = "linux")]
    the_stops_of_a_traced_child_do_not_end_a_wait,
    #[cfg(target_os = "linux")]
    a_child_whose_tracer_has_the_status_has_not_ended,
    #[cfg(target_os = "linux")]
    a_core_file_is_reported_as_it_was,
    many_threads_wait_at_once_each_for_its_own_child,
    a_child_that_another_thread_reaps_is_echild,
    the_next_process_with_that_number_is_not_waited_for,
    a_wait_leaves_no_trace_and_needs_no_handler,
    where_the_call_is_refused_there_is_another_way,
    where_the_status_cannot_be_had_by_descriptor_there_is_another_way,
    without_descriptors_it_waits_all_the_same,
    more_threads_than_self_pipes_can_wait,
    a_standard_descriptor_that_is_closed_is_not_taken,
    one_wait_is_six_system_calls,
}
