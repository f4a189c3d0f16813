//! Signals from a descriptor, without handlers.

use crate::common::load::{ready, FewDescriptors};
use crate::common::{self, fork, in_child, needs, raw, realtime_or_skip, skip, wait_for, Latch};
use signal::{
    blocked, install, kill, pending, queue, raise, BlockGuard, Errno, Info, Pid, Signal, SignalFd,
    SignalSet, SIGCHLD, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn open(set: impl Into<SignalSet>) -> SignalFd {
    match SignalFd::new(set) {
        Err(Errno::ENOSYS) => skip("no signalfd and no kqueue here"),
        opened => opened.unwrap(),
    }
}

fn signals(fd: &SignalFd) -> Vec<Signal> {
    std::iter::from_fn(|| fd.read().unwrap()).map(|info| info.signal()).collect()
}

fn each_signal_is_read_once_and_the_descriptor_says_when() {
    let fd = open(SIGUSR1 | SIGTERM);
    for _ in 0..3 {
        assert!(!ready(fd.as_raw_fd()));
        assert!(fd.read().unwrap().is_none());
        raise(SIGTERM).unwrap();
        assert!(ready(fd.as_raw_fd()));
        raise(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        // Which one is first depends on their numbers.
        let read = signals(&fd);
        assert_eq!(read.len(), 2);
        assert_eq!(read.into_iter().collect::<SignalSet>(), SIGUSR1 | SIGTERM);
        assert!(!ready(fd.as_raw_fd()) && pending().is_empty());
    }
}

fn no_handler_runs() {
    install(SIGUSR1, &common::COUNT).unwrap();
    let fd = open(SIGUSR1);
    raise(SIGUSR1).unwrap();
    assert_eq!(fd.wait().unwrap().signal(), SIGUSR1);
    assert_eq!(common::count(), 0);
}

fn the_mask_is_restored_and_what_was_not_read_is_delivered() {
    install(SIGUSR1, &common::COUNT).unwrap();
    let before = common::signal_state();
    let mask = {
        let fd = open(SIGUSR1 | SIGTERM | SIGKILL);
        let mask = blocked();
        raise(SIGUSR1).unwrap();
        drop(fd);
        mask
    };
    assert_eq!(mask, SIGUSR1 | SIGTERM);
    assert_eq!((common::signal_state(), common::count()), (before, 1));
    let outer = BlockGuard::new(SIGTERM | SIGHUP);
    drop(open(SIGTERM | SIGUSR2));
    assert_eq!(blocked(), SIGTERM | SIGHUP, "what was blocked before stays");
    drop(outer);
}

fn nothing_to_take_is_einval_and_leaves_no_trace() {
    drop(open(SIGTERM));
    let before = common::signal_state();
    let kill_and_stop = SIGKILL | SIGSTOP;
    for set in [SignalSet::empty(), SIGKILL.into(), SIGSTOP.into(), kill_and_stop] {
        assert_eq!(SignalFd::new(set).map(drop), Err(Errno::EINVAL));
        assert_eq!(common::signal_state(), before);
    }
}

fn no_descriptor_left_is_emfile_and_leaves_no_trace() {
    drop(open(SIGTERM));
    let few = FewDescriptors::new(0);
    let before = common::signal_state();
    assert_eq!(SignalFd::new(SIGTERM).map(drop), Err(Errno::EMFILE));
    assert_eq!(common::signal_state(), before);
    drop(few);
    drop(open(SIGTERM));
}

fn the_descriptor_is_above_stdio_does_not_block_and_does_not_survive_exec() {
    // Not in a child, where there is nothing to skip.
    drop(open(SIGUSR1));
    for closed in [0, 1, 2] {
        in_child(|| {
            // SAFETY: the child's own.
            unsafe { libc::close(closed) };
            let fd = open(SIGUSR1);
            assert!(fd.as_raw_fd() > 2);
            // SAFETY: asks for flags.
            let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
            assert_eq!(flags, libc::FD_CLOEXEC);
            #[cfg(has_signalfd)]
            {
                // SAFETY: as above.
                let status = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
                assert!(status & libc::O_NONBLOCK != 0);
            }
            raise(SIGUSR1).unwrap();
            assert!(ready(fd.as_raw_fd()));
            assert_eq!(signals(&fd), [SIGUSR1]);
        });
    }
}

fn it_tells_who_sent_it() {
    needs(cfg!(has_sigtimedwait), "the number is all that can be known here");
    let fd = open(SIGUSR1 | SIGCHLD);
    let me = Pid::current();
    let child = fork(|| i32::from(kill(me, SIGUSR1).is_err()) + 7);
    let mut infos: Vec<Info> = vec![fd.wait_timeout(LONG).unwrap().unwrap()];
    infos.push(fd.wait_timeout(LONG).unwrap().unwrap());
    infos.sort_by_key(|info| info.signal() == SIGCHLD);
    // SAFETY: takes nothing.
    let uid = unsafe { libc::getuid() };
    assert_eq!(
        (infos[0].signal(), infos[0].sender_pid(), infos[0].sender_uid(), infos[0].status()),
        (SIGUSR1, Some(child), Some(uid), None)
    );
    assert_eq!(
        (infos[1].signal(), infos[1].sender_pid(), infos[1].status()),
        (SIGCHLD, Some(child), Some(7))
    );
    wait_for(child);
}

/// Tries again while the system's own queue is full: all processes of a user share that.
fn send(target: Pid, signal: Signal, value: i32) {
    common::eventually("there is room for a signal", || match queue(target, signal, value) {
        Err(Errno::EAGAIN) => false,
        sent => sent.map(|()| true).unwrap(),
    });
}

fn realtime_signals_come_each_and_in_order() {
    needs(cfg!(has_sigqueue) && cfg!(has_sigtimedwait), "no values here");
    let (low, high) = (realtime_or_skip(0), realtime_or_skip(1));
    let fd = open(low | high);
    // gVisor keeps 32 of each number.
    for value in 0..32 {
        send(Pid::current(), high, 100 + value);
        send(Pid::current(), low, value);
    }
    let values: Vec<_> = std::iter::from_fn(|| fd.read().unwrap()).map(|i| i.value()).collect();
    assert_eq!(values, (0..32).chain(100..132).map(Some).collect::<Vec<_>>());
}

/// The sender is held up by the system's queue, nothing is dropped.
fn a_storm_of_values_is_read_whole_and_in_order() {
    needs(cfg!(has_sigqueue) && cfg!(has_sigtimedwait), "no values here");
    let signal = realtime_or_skip(2);
    let fd = open(signal);
    let (me, total) = (Pid::current(), common::scaled(100_000) as i32);
    let child = fork(|| {
        (0..total).for_each(|value| send(me, signal, value));
        0
    });
    let mut next = 0;
    while next < total {
        let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry.
        assert_eq!(unsafe { libc::poll(&mut entry, 1, 60_000) }, 1, "{next} of {total}");
        while let Some(info) = fd.read().unwrap() {
            assert_eq!((info.value(), info.sender_pid()), (Some(next), Some(child)));
            next += 1;
        }
    }
    assert!(wait_for(child).success());
    assert!(fd.read().unwrap().is_none() && !ready(fd.as_raw_fd()));
}

fn waiting_ends_with_a_signal_or_at_the_deadline() {
    let fd = open(SIGUSR1);
    assert!(fd.wait_timeout(Duration::ZERO).unwrap().is_none());
    let start = Instant::now();
    assert!(fd.wait_timeout(Duration::from_millis(30)).unwrap().is_none());
    assert!(start.elapsed() >= Duration::from_millis(30));
    let me = Pid::current();
    for with_limit in [false, true] {
        let latch = Latch::new();
        let child = fork(|| {
            latch.wait();
            i32::from(kill(me, SIGUSR1).is_err())
        });
        latch.open();
        let info =
            if with_limit { fd.wait_timeout(LONG).unwrap().unwrap() } else { fd.wait().unwrap() };
        assert_eq!(info.signal(), SIGUSR1);
        assert!(wait_for(child).success());
    }
}

fn other_handlers_run_while_it_waits() {
    install(SIGUSR2, signal::Action::new(&common::COUNT).restart(false)).unwrap();
    let fd = open(SIGUSR1);
    let me = Pid::current();
    let child = fork(|| {
        for _ in 0..20 {
            kill(me, SIGUSR2).unwrap();
            common::pause(1);
        }
        i32::from(kill(me, SIGUSR1).is_err())
    });
    assert_eq!(fd.wait().unwrap().signal(), SIGUSR1);
    assert!(common::count() > 0 && wait_for(child).success());
}

fn several_share_signals_and_each_is_read_once() {
    let (one, two) = (open(SIGUSR1 | SIGUSR2), open(SIGUSR1));
    raise(SIGUSR1).unwrap();
    assert!(ready(one.as_raw_fd()) && ready(two.as_raw_fd()));
    assert_eq!((signals(&two), signals(&one)), (vec![SIGUSR1], vec![]));
    raise(SIGUSR2).unwrap();
    assert!(!ready(two.as_raw_fd()));
    assert_eq!((signals(&two), signals(&one)), (vec![], vec![SIGUSR2]));
    drop(two);
    assert_eq!(blocked(), SIGUSR1 | SIGUSR2);
}

fn a_forked_child_reads_its_own_signals() {
    let fd = open(SIGUSR1 | SIGUSR2);
    raise(SIGUSR1).unwrap();
    let number = fd.as_raw_fd();
    in_child(|| {
        assert!(fd.read().unwrap().is_none(), "what is pending stays the parent's");
        raise(SIGUSR2).unwrap();
        #[cfg(has_signalfd)]
        assert!(ready(number));
        assert_eq!(signals(&fd), [SIGUSR2]);
        raise(SIGUSR2).unwrap();
        assert_eq!(fd.wait().unwrap().signal(), SIGUSR2);
        let own = open(SIGUSR2);
        raise(SIGUSR2).unwrap();
        assert!(ready(own.as_raw_fd()));
        assert_eq!(signals(&own), [SIGUSR2]);
        drop(own);
        // SAFETY: the child ends before anything could use the original.
        drop(unsafe { std::ptr::read(&fd) });
        assert!(blocked().is_empty());
        assert!(!common::open_descriptors().contains(&number));
    });
    assert!(ready(fd.as_raw_fd()));
    assert_eq!(signals(&fd), [SIGUSR1]);
}

fn a_descriptor_of_a_child_is_not_its_parents() {
    let fd = open(SIGUSR1);
    let latch = Latch::new();
    let child = fork(|| {
        latch.wait();
        i32::from(fd.read().unwrap().map(|info| info.signal()) != Some(SIGUSR1))
    });
    kill(child, SIGUSR1).unwrap();
    latch.open();
    assert!(wait_for(child).success());
    assert!(fd.read().unwrap().is_none());
}

fn every_signal_that_can_be_blocked_can_be_read() {
    let all: Vec<Signal> =
        Signal::all().filter(|signal| SignalSet::asynchronous().contains(*signal)).collect();
    // Where an ignored signal is dropped although it is blocked.
    let nothing = |_: Signal| {};
    for signal in &all {
        // SAFETY: does nothing.
        install(*signal, unsafe { signal::Handler::new(nothing) }).unwrap();
    }
    let fd = open(SignalSet::full());
    for signal in &all {
        raise(*signal).unwrap();
        assert_eq!(signals(&fd), [*signal]);
    }
    assert!(raw::kernel_mask().len() > all.len());
}

#[cfg(feature = "std")]
fn its_descriptor_can_be_borrowed() {
    use std::os::unix::io::{AsFd, AsRawFd};
    let fd = open(SIGUSR1);
    assert_eq!(AsRawFd::as_raw_fd(&fd), fd.as_fd().as_raw_fd());
    assert_eq!(
        format!("{fd:?}"),
        format!("SignalFd {{ fd: {}, signals: {{SIGUSR1}} }}", fd.as_raw_fd())
    );
}

tests! {
    each_signal_is_read_once_and_the_descriptor_says_when,
    no_handler_runs,
    the_mask_is_restored_and_what_was_not_read_is_delivered,
    nothing_to_take_is_einval_and_leaves_no_trace,
    no_descriptor_left_is_emfile_and_leaves_no_trace,
    the_descriptor_is_above_stdio_does_not_block_and_does_not_survive_exec,
    it_tells_who_sent_it,
    realtime_signals_come_each_and_in_order,
    a_storm_of_values_is_read_whole_and_in_order,
    waiting_ends_with_a_signal_or_at_the_deadline,
    other_handlers_run_while_it_waits,
    several_share_signals_and_each_is_read_once,
    a_forked_child_reads_its_own_signals,
    a_descriptor_of_a_child_is_not_its_parents,
    every_signal_that_can_be_blocked_can_be_read,
    #[cfg(feature = "std")]
    its_descriptor_can_be_borrowed,
}
