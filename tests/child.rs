//! Reaping real children.

pub mod change;
pub mod wait;

use crate::common::process::{self, sleeper, wait_for_zombie};
use crate::common::{self, count, fork, wait_for, Latch, COUNT, FLAG};
use signal::child::{reap, reap_any, reap_group, Exited};
use signal::{
    install, kill, query, Action, BlockGuard, Errno, Flags, Handler, Pid, SelfPipe, SIGABRT,
    SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTERM,
};
use std::collections::BTreeMap;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::ExitStatus;
use std::time::Duration;

fn reaped(pid: Pid) -> Exited {
    wait_for_zombie(pid);
    let exited = reap(pid).unwrap().expect("it has ended");
    assert_eq!(exited.pid, pid);
    exited
}

fn reap_distinguishes_running_ended_and_gone() {
    let latch = Latch::new();
    let child = fork(|| {
        latch.wait();
        3
    });
    assert_eq!(reap(child), Ok(None));
    assert_eq!(reap(child), Ok(None));
    latch.open();
    assert_eq!(reaped(child).status.code(), Some(3));
    assert_eq!(reap(child), Err(Errno::ECHILD), "reaped already");
    assert_eq!(reap(Pid::current()), Err(Errno::ECHILD), "not a child");
    let parent = Pid::current();
    common::in_child(|| assert_eq!(reap(parent), Err(Errno::ECHILD), "a parent is no child"));
}

fn every_code_and_every_deadly_signal_is_reported_as_it_was() {
    for code in [0, 1, 77, 128, 255] {
        let status = reaped(fork(|| code)).status;
        assert_eq!(
            (status.code(), status.signal(), status.success()),
            (Some(code), None, code == 0)
        );
        assert_eq!(status.to_string(), format!("exited with code {code}"));
        assert!(!status.core_dumped() && status.stopped_by().is_none());
    }
    for signal in [SIGTERM, SIGKILL, SIGABRT] {
        let child = fork(|| {
            process::no_core_file();
            signal::die_by(signal)
        });
        let status = reaped(child).status;
        assert_eq!((status.code(), status.signal(), status.success()), (None, Some(signal), false));
        assert!(status.to_string().starts_with(&format!("killed by {signal}")));
        assert_eq!(status.core_dumped(), ExitStatus::from_raw(status.as_raw()).core_dumped());
    }
}

/// Whether a core file is written is the system's choice, and where; the bit is the same everywhere.
fn a_status_says_whether_there_is_a_core_file() {
    let texts = [0x80, 0].map(|core| {
        let status = signal::child::Status::from_raw(SIGABRT.as_raw() | core);
        assert_eq!((status.signal(), status.core_dumped()), (Some(SIGABRT), core != 0));
        format!("{status}, {status:?}")
    });
    let with = "killed by SIGABRT (core dumped), Status(killed by SIGABRT (core dumped))";
    assert_eq!(texts, [with, "killed by SIGABRT, Status(killed by SIGABRT)"]);
}

fn death_by_a_realtime_signal_is_an_ordinary_result() {
    let signal = common::realtime_or_skip(1);
    let child = sleeper();
    kill(child, signal).unwrap();
    let status = reaped(child).status;
    assert_eq!((status.signal(), status.code()), (Some(signal), None));
    assert_eq!(status.to_string(), "killed by SIGRTMIN+1");
    let child = sleeper();
    kill(child, signal).unwrap();
    wait_for_zombie(child);
    let all: Vec<_> =
        reap_any().map(|exited| exited.map(|exited| exited.status.signal())).collect();
    assert_eq!(all, [Ok(Some(signal))]);
}

fn a_stopped_child_is_not_reported() {
    install(SIGCHLD, &COUNT).unwrap();
    let child = sleeper();
    kill(child, SIGSTOP).unwrap();
    common::eventually("the child stops", || count() > 0);
    assert_eq!((reap(child), reap_any().next()), (Ok(None), None));
    kill(child, SIGCONT).unwrap();
    assert_eq!((reap(child), reap_any().next()), (Ok(None), None));
    kill(child, SIGKILL).unwrap();
    assert_eq!(reaped(child).status.signal(), Some(SIGKILL));
}

/// The kernel reports the stops of a child that the caller traces, asked for or not.
#[cfg(target_os = "linux")]
fn a_traced_child_that_stops_has_not_ended() {
    let child = process::traced(|| 3);
    assert!(libc::WIFSTOPPED(process::wait_stopped_or_ended(child)));
    // SIGCONT stops it again, before it is delivered.
    kill(child, SIGCONT).unwrap();
    let go_on = || process::trace(libc::PTRACE_CONT, Some(child), 0);
    assert_eq!(go_on(), 0);
    let mut looks = 0;
    common::eventually("it has stopped again", || {
        assert_eq!(reap(child), Ok(None));
        looks += 1;
        go_on() == 0
    });
    assert_eq!(reaped(child).status.code(), Some(3), "after {looks} looks");
}

fn the_iterators_end_when_nothing_is_left() {
    assert_eq!((reap_any().next(), reap_group(Pid::current()).next()), (None, None));
    let running = sleeper();
    assert_eq!(reap_any().next(), None);
    let ended = fork(|| 1);
    wait_for_zombie(ended);
    let mut all = reap_any();
    assert_eq!(all.next().map(|exited| exited.map(|exited| exited.pid)), Some(Ok(ended)));
    let late = fork(|| 2);
    wait_for_zombie(late);
    assert!(all.next().is_some());
    assert_eq!((all.next(), all.next()), (None, None));
    let later = fork(|| 3);
    wait_for_zombie(later);
    assert_eq!(all.next(), None, "an iterator that has ended stays so");
    kill(running, SIGKILL).unwrap();
    wait_for_zombie(running);
    assert_eq!(reap_any().count(), 2);
}

fn reap_group_takes_only_the_children_of_that_group() {
    let in_group = |leader: Option<Pid>, code: i32| {
        let child = fork(|| code);
        let group = leader.unwrap_or(child);
        // SAFETY: takes plain values. The child does no more than exit.
        assert_eq!(unsafe { libc::setpgid(child.as_raw(), group.as_raw()) }, 0);
        child
    };
    let leader = in_group(None, 1);
    let members = [leader, in_group(Some(leader), 2), in_group(Some(leader), 3)];
    let own = fork(|| 4);
    members.iter().chain([&own]).for_each(|child| wait_for_zombie(*child));
    let codes = |group: Pid| reap_group(group).map(|exited| exited.unwrap().status.code().unwrap());
    let mut found: Vec<i32> = codes(leader).collect();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
    assert_eq!(reap_group(leader).next(), None);
    assert_eq!(codes(common::own_group()).collect::<Vec<_>>(), [4]);
}

fn reap_group_of_group_1_is_einval_and_takes_nothing() {
    let child = fork(|| 0);
    wait_for_zombie(child);
    let mut reap = reap_group(Pid::from_raw(1).unwrap());
    assert_eq!((reap.next(), reap.next()), (Some(Err(Errno::EINVAL)), None));
    assert_eq!(reap_any().count(), 1);
}

fn two_hundred_children_that_die_while_sigchld_is_blocked_are_reaped_after_one_delivery() {
    install(SIGCHLD, &COUNT).unwrap();
    let pipe = SelfPipe::new(SIGCHLD).unwrap();
    let blocked = BlockGuard::new(SIGCHLD);
    let children: BTreeMap<Pid, i32> = (0..200).map(|code| (fork(|| code), code)).collect();
    children.keys().for_each(|child| wait_for_zombie(*child));
    assert_eq!(count(), 0);
    drop(blocked);
    assert_eq!(pipe.wait(), Ok(SIGCHLD.into()));
    let code = |exited: Exited| (exited.pid, exited.status.code().unwrap());
    let reaped: BTreeMap<Pid, i32> = reap_any().map(|exited| code(exited.unwrap())).collect();
    assert_eq!(reaped, children);
    assert_eq!((count(), pipe.pending().is_empty()), (1, true));
}

fn children_that_ended_before_sigchld_was_caught_are_reaped() {
    let children = [fork(|| 1), fork(|| 2)];
    children.iter().for_each(|child| wait_for_zombie(*child));
    let pipe = SelfPipe::new(SIGCHLD).unwrap();
    assert!(pipe.pending().is_empty());
    assert_eq!(reap_any().filter(Result::is_ok).count(), 2);
}

/// The child ends without a status: every function reports that once.
fn expect_no_status(child: Pid) {
    common::eventually("the child is gone", || match reap(child) {
        Ok(None) => false,
        other => other == Err(Errno::ECHILD),
    });
    assert!(Errno::ECHILD.to_string().contains("SIGCHLD is ignored"));
    for mut reap in [reap_any(), reap_group(child)] {
        assert_eq!((reap.next(), reap.next(), reap.next()), (Some(Err(Errno::ECHILD)), None, None));
    }
}

fn while_sigchld_is_ignored_the_error_says_so() {
    install(SIGCHLD, Handler::Ignore).unwrap();
    let running = sleeper();
    assert_eq!((reap(running), reap_any().next()), (Ok(None), None), "nothing is gone yet");
    kill(running, SIGKILL).unwrap();
    expect_no_status(running);
    install(SIGCHLD, Handler::Default).unwrap();
    assert_eq!(reap_any().next(), None, "no children, nothing to report");
    assert!(reaped(fork(|| 0)).status.success());
}

#[cfg(has_sa_nocldwait)]
fn under_sa_nocldwait_the_error_says_so() {
    install(SIGCHLD, Action::new(&FLAG).flags(Flags::NOCLDWAIT)).unwrap();
    expect_no_status(fork(|| 0));
    install(SIGCHLD, &FLAG).unwrap();
    assert!(reaped(fork(|| 0)).status.success());
}

#[cfg(not(has_sa_nocldwait))]
fn under_sa_nocldwait_the_error_says_so() {
    let _ = (Action::new(&FLAG), Flags::empty());
    common::skip("no SA_NOCLDWAIT here");
}

fn an_inherited_sig_ign_makes_the_error_say_so() {
    if process::is_re_executed() {
        assert_eq!(query(SIGCHLD).unwrap().handler(), Handler::Ignore);
        expect_no_status(fork(|| 0));
        // As the documentation advises.
        let pipe = SelfPipe::new(SIGCHLD).unwrap();
        let child = fork(|| 5);
        assert_eq!(pipe.wait(), Ok(SIGCHLD.into()));
        assert_eq!(reaped(child).status.code(), Some(5));
        return;
    }
    let mut command = process::re_exec();
    let child = fork(|| {
        install(SIGCHLD, Handler::Ignore).unwrap();
        panic!("exec: {}", command.exec())
    });
    let status = wait_for(child);
    assert!(status.success(), "{status}");
}

#[cfg(has_wait4)]
fn usage_is_what_the_child_used() {
    let cpu = || {
        // SAFETY: zero is valid, and there is room for the structure.
        unsafe {
            let mut time: libc::timespec = std::mem::zeroed();
            assert_eq!(libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time), 0);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        }
    };
    let burned = Duration::from_millis(100);
    let child = fork(|| {
        let fill = std::process::id() as u8 | 1;
        let touched = vec![fill; 64 << 20];
        while cpu() < burned {
            std::hint::spin_loop();
        }
        i32::from(touched.iter().step_by(512).any(|byte| *byte != fill))
    });
    let exited = reaped(child);
    assert!(exited.status.success());
    let usage = exited.usage.unwrap();
    let time = usage.user + usage.system;
    // Some kernels count in ticks.
    assert!(time >= burned / 2 && time < Duration::from_secs(60), "{usage:?}");
    assert!(usage.peak_memory >= 60 << 20 && usage.peak_memory < 8 << 30, "{usage:?}");
    let idle = reaped(fork(|| 0)).usage.unwrap();
    assert!(
        idle.user + idle.system < time && idle.peak_memory < usage.peak_memory,
        "{idle:?} {usage:?}"
    );
}

#[cfg(not(has_wait4))]
fn usage_is_what_the_child_used() {
    let _ = Duration::ZERO;
    assert_eq!(reaped(fork(|| 0)).usage, None);
}

#[cfg(feature = "std")]
fn statuses_convert_both_ways() {
    use signal::child::Status;
    use std::process::Command;
    let exit = Command::new("sh").args(["-c", "exit 3"]).status().unwrap();
    assert_eq!((Status::from(exit).code(), ExitStatus::from(Status::from(exit))), (Some(3), exit));
    let exit = Command::new("sh").args(["-c", "kill -TERM $$"]).status().unwrap();
    assert_eq!(
        (Status::from(exit).signal(), ExitStatus::from(Status::from(exit))),
        (Some(SIGTERM), exit)
    );
    let ours = reaped(fork(|| 9)).status;
    assert_eq!((ExitStatus::from(ours).code(), ExitStatus::from(ours).success()), (Some(9), false));
    assert_eq!(Status::from_raw(ours.as_raw()), ours);
}

tests! {
    reap_distinguishes_running_ended_and_gone,
    every_code_and_every_deadly_signal_is_reported_as_it_was,
    a_status_says_whether_there_is_a_core_file,
    death_by_a_realtime_signal_is_an_ordinary_result,
    a_stopped_child_is_not_reported,
    #[cfg(target_os = "linux")]
    a_traced_child_that_stops_has_not_ended,
    the_iterators_end_when_nothing_is_left,
    reap_group_takes_only_the_children_of_that_group,
    reap_group_of_group_1_is_einval_and_takes_nothing,
    two_hundred_children_that_die_while_sigchld_is_blocked_are_reaped_after_one_delivery,
    children_that_ended_before_sigchld_was_caught_are_reaped,
    while_sigchld_is_ignored_the_error_says_so,
    under_sa_nocldwait_the_error_says_so,
    an_inherited_sig_ign_makes_the_error_say_so,
    usage_is_what_the_child_used,
    #[cfg(feature = "std")]
    statuses_convert_both_ways,
}
