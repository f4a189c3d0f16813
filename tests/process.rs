//! Which process this is: children that have their parent's pid, and children of `vfork`.

use crate::common::load::ready;
use crate::common::process::{sleep_forever, wait_for_zombie};
use crate::common::{self, count, in_child, wait_for, COUNT};
use signal::child::{reap, reap_group};
use signal::{install, kill, kill_group, raise, session, Errno, Pid, SelfPipe, Signal};
use signal::{SIGKILL, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Forks a child that is process 1 of a pid namespace of its own; it exits with what `body`
/// returns, or 101. `None`: not permitted here.
#[cfg(target_os = "linux")]
fn fork_process_1(body: impl FnOnce() -> i32) -> Option<Pid> {
    // What clone3 takes: flags, three addresses, the signal at the end, stack, its size, tls.
    let arguments: [u64; 8] = [libc::CLONE_NEWPID as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    // SAFETY: as `fork`: the child has a copy of the memory and one thread.
    match unsafe { libc::syscall(libc::SYS_clone3, &arguments, std::mem::size_of_val(&arguments)) }
    {
        0 => {
            let body = std::panic::AssertUnwindSafe(body);
            let code = std::panic::catch_unwind(body).unwrap_or(101);
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
        pid => Pid::from_raw(pid as libc::pid_t),
    }
}

#[cfg(not(target_os = "linux"))]
fn fork_process_1(_: impl FnOnce() -> i32) -> Option<Pid> {
    None
}

/// Runs `body` as process 1.
fn as_process_1(body: impl FnOnce()) {
    let child = fork_process_1(|| {
        assert_eq!(Pid::current(), Pid::from_raw(1).unwrap());
        body();
        0
    });
    assert!(wait_for(child.expect("permitted once")).success());
}

/// Without the mark nothing tells process 1 from a process 1 that it has started.
fn needs_namespaces_and_a_mark() {
    common::needs(cfg!(has_wipe_on_fork), "the platform has no memory that a fork wipes");
    needs_namespaces();
}

fn needs_namespaces() {
    match fork_process_1(|| 0) {
        None => common::skip("no pid namespaces here, or not permitted"),
        Some(child) => assert!(wait_for(child).success()),
    }
}

/// To a process of one thread: `raise` of musl remembers the number of the thread, and only a fork
/// by the C library tells it the new one.
fn send_to_itself(signal: Signal) -> signal::Result<()> {
    kill(Pid::current(), signal)
}

/// To the system, the number says every process.
fn group_1_is_a_group_to_its_members() {
    needs_namespaces();
    let group = Pid::from_raw(1).unwrap();
    as_process_1(|| {
        install(SIGUSR1, &COUNT).unwrap();
        // Its group is one of the namespace outside.
        assert_eq!(kill_group(group, SIGUSR1), Err(Errno::EINVAL));
        assert_eq!(reap_group(group).next(), Some(Err(Errno::EINVAL)));
        session::join_group(group, group).unwrap();
        let child = common::fork(|| 3);
        let elsewhere = common::fork(|| sleep_forever());
        session::join_group(elsewhere, elsewhere).unwrap();
        wait_for_zombie(child);
        kill_group(group, SIGUSR1).unwrap();
        assert_eq!(count(), 1);
        let exited = reap_group(group).next().unwrap().unwrap();
        assert_eq!((exited.pid, exited.status.code()), (child, Some(3)));
        assert_eq!(reap(elsewhere), Ok(None), "the signal was not for everybody");
    });
}

fn a_child_with_its_parents_pid_leaves_its_pipe_alone() {
    needs_namespaces_and_a_mark();
    as_process_1(|| {
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        as_process_1(|| {
            send_to_itself(SIGUSR1).unwrap();
            assert!(!ready(pipe.as_raw_fd()), "it wakes its parent");
            assert_eq!(pipe.pending(), SIGUSR1.into(), "its own signal is lost");
            send_to_itself(SIGUSR2).unwrap();
            assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
        });
        assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
        send_to_itself(SIGUSR2).unwrap();
        as_process_1(|| {
            assert!(pipe.pending().is_empty(), "it takes what its parent has received");
            assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
        });
        assert!(ready(pipe.as_raw_fd()), "the child has drained it");
        as_process_1(|| {
            // SAFETY: the child ends before anything could use the original.
            drop(unsafe { std::ptr::read(&pipe) });
        });
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
        send_to_itself(SIGUSR1).unwrap();
        assert_eq!(pipe.wait(), Ok(SIGUSR1.into()), "the child has silenced it");
    });
}

#[cfg(feature = "std")]
fn a_child_with_its_parents_pid_leaves_its_pid_file_alone() {
    needs_namespaces_and_a_mark();
    let path = std::env::temp_dir().join(format!("signal-process-1-{}", Pid::current()));
    as_process_1(|| {
        let pid_file = signal::session::PidFile::create(&path).unwrap();
        as_process_1(|| {
            // SAFETY: the child ends before anything could use the original.
            drop(unsafe { std::ptr::read(&pid_file) });
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n");
        assert!(signal::session::PidFile::create(&path).is_err(), "the child has unlocked it");
    });
    std::fs::remove_file(path).unwrap();
}

fn each_process_1_in_a_row_has_its_own_signals() {
    needs_namespaces_and_a_mark();
    as_process_1(|| {
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        for reopens in [false, true] {
            as_process_1(|| {
                if reopens {
                    pipe.reopen().unwrap();
                }
                // A pipe of its own has another owner than the inherited one.
                let own = SelfPipe::new(SIGUSR2).unwrap();
                as_process_1(|| {
                    send_to_itself(SIGUSR2).unwrap();
                    assert!(!ready(pipe.as_raw_fd()) && !ready(own.as_raw_fd()));
                    assert_eq!((pipe.pending(), own.pending()), (SIGUSR2.into(), SIGUSR2.into()));
                });
                assert!(pipe.pending().is_empty() && own.pending().is_empty());
                send_to_itself(SIGUSR1).unwrap();
                assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
            });
        }
        assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
    });
}

/// Forks while another thread makes and drops pipes, so that the registry is locked most of the
/// time; the child makes one too.
fn children_are_not_locked_out(fork: fn() -> Pid) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                drop(SelfPipe::new(SIGUSR1));
            }
        });
        for _ in 0..common::scaled(200) {
            let child = fork();
            let start = Instant::now();
            loop {
                let mut status = 0;
                // SAFETY: room for the status.
                match unsafe { libc::waitpid(child.as_raw(), &mut status, libc::WNOHANG) } {
                    0 if start.elapsed() > Duration::from_secs(60) => {
                        kill(child, SIGKILL).unwrap();
                        wait_for(child);
                        done.store(true, SeqCst);
                        panic!("the child hangs in a lock that it has inherited");
                    }
                    0 => drop(common::pause(1)),
                    pid => break assert_eq!((pid, status), (child.as_raw(), 0)),
                }
            }
        }
        done.store(true, SeqCst);
    });
}

/// Nothing here allocates: the fork may have caught the other thread in the allocator.
fn make_a_pipe() -> i32 {
    i32::from(SelfPipe::new(SIGUSR2).is_err())
}

fn a_lock_that_is_held_during_a_fork_is_free_in_the_child() {
    children_are_not_locked_out(|| common::fork(make_a_pipe));
}

fn a_lock_is_free_in_a_child_with_its_parents_pid() {
    needs_namespaces_and_a_mark();
    as_process_1(|| {
        children_are_not_locked_out(|| fork_process_1(make_a_pipe).expect("permitted once"));
    });
}

/// The threads race for who sets the mark of the process, and all of them must mean the same.
fn threads_that_tell_the_process_first_agree() {
    for _ in 0..common::scaled(200) {
        in_child(|| {
            let barrier = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        barrier.wait();
                        let pipe = SelfPipe::new(SIGUSR1).unwrap();
                        barrier.wait();
                        let fd = pipe.as_raw_fd();
                        raise(SIGUSR1).unwrap();
                        // A handler in another thread may be the one that is about to write.
                        common::eventually("the pipe is this process's", || ready(fd));
                        assert_eq!(pipe.pending(), SIGUSR1.into());
                        barrier.wait();
                    });
                }
            });
        });
    }
}

tests! {
    group_1_is_a_group_to_its_members,
    a_child_with_its_parents_pid_leaves_its_pipe_alone,
    #[cfg(feature = "std")]
    a_child_with_its_parents_pid_leaves_its_pid_file_alone,
    each_process_1_in_a_row_has_its_own_signals,
    a_lock_that_is_held_during_a_fork_is_free_in_the_child,
    a_lock_is_free_in_a_child_with_its_parents_pid,
    threads_that_tell_the_process_first_agree,
}
