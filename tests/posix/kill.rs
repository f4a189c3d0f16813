//! Signals to processes and groups: `kill` and `killpg`.

use super::*;
use crate::common::process::{sleeper, wait_for_zombie};
use crate::common::{self, count, Latch};
use signal::session::{join_group, new_group};
use signal::{exists, install, kill, kill_group, kill_own_group, Errno, Pid, Signal, SIGTERM};

/// Says when the signal may come, and takes it.
fn takes(signal: Signal, ready: &Latch) -> i32 {
    signal::block(SignalSet::full());
    // Some systems drop what is ignored by default, blocked or not.
    install(signal, logging()).unwrap();
    ready.open();
    i32::from(SignalSet::from(signal).wait().unwrap().signal() != signal)
}

/// The signal is sent to the process.
/// XSH kill, DESCRIPTION
fn it_reaches_the_process() {
    for signal in catchable() {
        let ready = Latch::new();
        let child = common::fork(|| takes(signal, &ready));
        ready.wait();
        kill(child, signal).unwrap();
        assert!(common::wait_for(child).success(), "{signal}");
    }
}

/// A signal to the own process, which the only thread does not block, has arrived before the call
/// returns.
/// XSH kill, DESCRIPTION
fn a_signal_to_oneself_arrives_before_the_call_returns() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        clear();
        kill(Pid::current(), signal).unwrap();
        waits(signal, count, 0, 1);
    }
}

/// Signal 0 is not sent: it tells whether there is such a process. One that has ended exists until
/// it is waited for.
/// XSH kill, DESCRIPTION (sig is 0)
fn signal_zero_only_looks() {
    let child = sleeper();
    assert!(exists(child) && exists(Pid::current()));
    kill(child, SIGKILL).unwrap();
    wait_for_zombie(child);
    assert!(exists(child));
    assert_eq!(kill(child, SIGTERM), Ok(()), "a zombie can be sent a signal");
    assert_eq!(common::wait_for(child).signal(), Some(SIGKILL));
    assert!(!exists(child));
}

/// ESRCH: there is no such process or group.
/// XSH kill, ERRORS; XSH killpg, ERRORS
fn what_is_gone_is_esrch() {
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    assert_eq!(kill(gone, SIGTERM), Err(Errno::ESRCH));
    assert_eq!(kill_group(gone, SIGTERM), Err(Errno::ESRCH));
}

/// A negative number, or `killpg`: every process of that group gets the signal, and no other.
/// XSH kill, DESCRIPTION (pid below -1); XSH killpg, DESCRIPTION
fn a_group_gets_it() {
    let members = [sleeper(), sleeper(), sleeper()];
    let outsider = sleeper();
    for member in members {
        join_group(member, members[0]).unwrap();
    }
    kill_group(members[0], SIGKILL).unwrap();
    members.iter().for_each(|member| {
        assert_eq!(common::wait_for(*member).signal(), Some(SIGKILL));
    });
    assert_eq!(signal::child::reap(outsider), Ok(None));
    kill(outsider, SIGKILL).unwrap();
    common::wait_for(outsider);
}

/// Process 0: every process of the own group gets the signal, the caller too.
/// XSH kill, DESCRIPTION (pid is 0)
fn the_own_group_gets_it() {
    common::in_child(|| {
        new_group().unwrap();
        for signal in catchable() {
            let ready = Latch::new();
            let child = common::fork(|| takes(signal, &ready));
            install(signal, logging()).unwrap();
            clear();
            ready.wait();
            kill_own_group(signal).unwrap();
            assert!(common::wait_for(child).success(), "{signal}");
            waits(signal, || count() > 0, false, true);
        }
    });
}

requirements! {
    it_reaches_the_process,
    a_signal_to_oneself_arrives_before_the_call_returns,
    signal_zero_only_looks,
    what_is_gone_is_esrch,
    a_group_gets_it,
    the_own_group_gets_it,
}
