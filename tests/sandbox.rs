//! The place it runs in: a sandbox that refuses system calls, and programs without standard
//! descriptors. The filters are seccomp's, made by hand.

use crate::common::load::ready;
use crate::common::process::sleeper;
use crate::common::{self, in_child, open_descriptors, status_of};
use signal::child::wait_timeout;
use signal::{
    kill, raise, Errno, SelfPipe, Signal, SignalFd, SignalSet, SIGKILL, SIGUSR1, SIGUSR2,
};
use std::time::Duration;

/// How sandboxes refuse.
const REFUSALS: [libc::c_int; 3] = [libc::EPERM, libc::ENOSYS, libc::EACCES];

/// From now on these system calls fail with `error` in this thread and its children; `pipe2` only
/// with flags, since without it may be how the C library calls `pipe`.
fn refuse(calls: &[libc::c_long], error: libc::c_int) -> bool {
    let statement =
        |code: u32, [jt, jf]: [u8; 2], k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, [0, 0], offset);
    let unless =
        |value, skip| statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, [0, skip], value);
    let answer = |answer| statement(libc::BPF_RET | libc::BPF_K, [0, 0], answer);
    let refused = answer(libc::SECCOMP_RET_ERRNO | error as u32);
    let allowed = answer(libc::SECCOMP_RET_ALLOW);
    // The number of the call comes first; the low half of its second argument is at 24 or 28.
    let second = if cfg!(target_endian = "little") { 24 } else { 28 };
    let mut filter = vec![load(0)];
    for call in calls {
        if *call == libc::SYS_pipe2 {
            filter.extend([unless(*call as u32, 4), load(second), unless(0, 1), allowed, refused]);
        } else {
            filter.extend([unless(*call as u32, 1), refused]);
        }
    }
    filter.push(allowed);
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: plain values, and a whole program.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    }
}

/// Runs `body` in a child for each way to refuse these calls.
fn where_refused(calls: &[libc::c_long], body: impl Fn()) {
    // An emulator may not pass the filter on.
    let works = |call: &libc::c_long| {
        status_of(|| {
            assert!(refuse(&[*call], libc::ENOTTY));
            // SAFETY: does not get there.
            let refused = unsafe { libc::syscall(*call, 0, 1, 0, 0, 0, 0) } == -1;
            let error = signal::Errno::last().raw_os_error();
            assert_eq!((refused, error), (true, libc::ENOTTY));
        })
        .success()
    };
    common::needs(calls.iter().all(works), "no filters of system calls here");
    for error in REFUSALS {
        in_child(|| {
            assert!(refuse(calls, error));
            body();
        });
    }
}

fn hears(pipe: &SelfPipe, signal: Signal) {
    assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
    for _ in 0..3 {
        raise(signal).unwrap();
    }
    assert!(ready(pipe.as_raw_fd()));
    assert_eq!(pipe.wait(), Ok(SignalSet::from(signal)));
    assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
}

/// A pipe is made, used here and in a child, and leaves no descriptor.
fn a_self_pipe_works(number_of_descriptors: usize) {
    let before = open_descriptors();
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    assert_eq!(open_descriptors().len(), before.len() + number_of_descriptors);
    hears(&pipe, SIGUSR1);
    raise(SIGUSR2).unwrap();
    in_child(|| {
        let inherited = open_descriptors();
        raise(SIGUSR1).unwrap();
        pipe.reopen().unwrap();
        assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
        hears(&pipe, SIGUSR2);
        assert_eq!(open_descriptors(), inherited);
    });
    assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
    drop(pipe);
    assert_eq!(open_descriptors(), before);
}

fn without_eventfd_a_pipe_wakes() {
    where_refused(&[libc::SYS_eventfd2], || a_self_pipe_works(2));
}

fn without_pipe2_an_old_pipe_wakes() {
    where_refused(&[libc::SYS_eventfd2, libc::SYS_pipe2], || {
        a_self_pipe_works(2);
        let before = open_descriptors();
        let _pipe = SelfPipe::new(SIGUSR1).unwrap();
        for fd in open_descriptors().into_iter().filter(|fd| !before.contains(fd)) {
            assert!(crate::self_pipe::is_nonblocking_and_closed_on_exec(fd), "{fd}");
        }
    });
}

/// A daemon makes its pipe, and a child that it forks goes into the sandbox.
fn a_child_in_a_sandbox_makes_its_parents_pipe_its_own() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    let fd = pipe.as_raw_fd();
    where_refused(&[libc::SYS_eventfd2], || {
        raise(SIGUSR1).unwrap();
        pipe.reopen().unwrap();
        assert_eq!((pipe.as_raw_fd(), pipe.wait()), (fd, Ok(SIGUSR1.into())));
        hears(&pipe, SIGUSR2);
        in_child(|| {
            pipe.reopen().unwrap();
            hears(&pipe, SIGUSR1);
        });
        let before = open_descriptors();
        // SAFETY: the child ends before anything could use the original.
        drop(unsafe { std::ptr::read(&pipe) });
        let left = open_descriptors();
        assert!(!left.contains(&fd) && left.len() < before.len());
    });
    hears(&pipe, SIGUSR1);
}

/// Then the pid tells which process this is.
fn without_madvise_a_child_leaves_its_parents_pipe_alone() {
    where_refused(&[libc::SYS_madvise], || {
        a_self_pipe_works(if cfg!(has_eventfd) { 1 } else { 2 });
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        raise(SIGUSR1).unwrap();
        in_child(|| {
            raise(SIGUSR2).unwrap();
            assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(Some(SIGUSR2.into())));
        });
        assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
    });
}

/// The descriptor of a process cannot be waited for: SIGCHLD does, instead of a loop.
#[cfg(has_pidfd)]
fn without_ppoll_a_wait_for_a_child_sleeps() {
    where_refused(&[libc::SYS_ppoll], || {
        let child = common::process::sleeper();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| signal::child::wait_timeout(child, Duration::MAX));
            let catches =
                || signal::query(signal::SIGCHLD).unwrap().handler() != signal::Handler::Default;
            common::eventually("it waits for SIGCHLD", catches);
            signal::kill(child, SIGKILL).unwrap();
            let exited = waiter.join().unwrap().unwrap().expect("it ends");
            assert_eq!(exited.status.signal(), Some(SIGKILL));
        });
    });
}

/// A signal that comes in a section is kept all the same, and comes once.
#[cfg(feature = "defer")]
fn without_rt_tgsigqueueinfo_sections_keep_signals() {
    use crate::common::{count, COUNT};
    where_refused(&[libc::SYS_rt_tgsigqueueinfo], || {
        signal::install(SIGUSR1, &COUNT).unwrap();
        let to_the_thread: fn() = || raise(SIGUSR1).unwrap();
        let to_the_process: fn() = || signal::kill(signal::Pid::current(), SIGUSR1).unwrap();
        for (round, send) in [to_the_thread, to_the_process, to_the_thread].iter().enumerate() {
            let section = signal::DeferGuard::new();
            send();
            assert_eq!(count(), round);
            drop(section);
            assert_eq!((count(), signal::blocked().is_empty()), (round + 1, true));
        }
    });
}

/// How often this process has slept.
fn sleeps() -> i64 {
    // SAFETY: made of integers; room for the structure.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
        usage.ru_nvcsw as i64
    }
}

/// It looks from time to time, and sleeps in between.
fn waits_for_a_child_without_spinning() {
    let child = sleeper();
    let before = sleeps();
    assert_eq!(wait_timeout(child, Duration::from_millis(50)), Ok(None));
    assert!(sleeps() > before);
    kill(child, SIGKILL).unwrap();
    assert!(wait_timeout(child, Duration::from_secs(60)).unwrap().is_some());
}

fn sleeps_are_counted_or_skip() {
    let before = sleeps();
    common::pause(1);
    common::needs(sleeps() > before, "nobody counts how often a process sleeps here");
}

fn a_process_that_may_have_no_descriptors_waits_for_a_child() {
    sleeps_are_counted_or_skip();
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a whole structure.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &none) }, 0);
    waits_for_a_child_without_spinning();
}

/// Where `poll` is another call.
fn without_ppoll_a_process_waits_for_a_child() {
    common::needs(cfg!(any(target_arch = "x86_64", target_arch = "x86")), "poll is ppoll here");
    sleeps_are_counted_or_skip();
    where_refused(&[libc::SYS_ppoll], waits_for_a_child_without_spinning);
}

fn without_poll_a_process_waits_for_a_child() {
    sleeps_are_counted_or_skip();
    let calls = [
        libc::SYS_ppoll,
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        libc::SYS_poll,
    ];
    where_refused(&calls, waits_for_a_child_without_spinning);
}

/// Others write messages to these numbers, and replace them.
fn the_descriptors_are_above_the_standard_ones() {
    fn above(closed: &[i32]) {
        let before = open_descriptors();
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        let new = || open_descriptors().into_iter().filter(|fd| !before.contains(fd));
        let is_right = || {
            new().count() > 0
                && new().all(|fd| fd > 2 && crate::self_pipe::is_nonblocking_and_closed_on_exec(fd))
        };
        assert!(is_right(), "closed: {closed:?}, new: {:?}", new().collect::<Vec<_>>());
        hears(&pipe, SIGUSR1);
        in_child(|| {
            pipe.reopen().unwrap();
            assert!(is_right(), "closed: {closed:?}, new: {:?}", new().collect::<Vec<_>>());
            hears(&pipe, SIGUSR1);
        });
    }
    let in_each_combination = |sandbox: &dyn Fn() -> bool| {
        for combination in 0..8 {
            let closed: Vec<i32> = (0..3).filter(|fd| combination >> fd & 1 == 1).collect();
            let status = status_of(|| {
                // What the harness prints would go to a descriptor that has been closed.
                // SAFETY: nothing else uses the numbers.
                closed.iter().for_each(|fd| assert_eq!(unsafe { libc::close(*fd) }, 0));
                assert!(sandbox());
                above(&closed);
            });
            assert!(status.success(), "closed: {closed:?}, {status}");
        }
    };
    in_each_combination(&|| true);
    let is_possible = status_of(|| assert!(refuse(&[libc::SYS_eventfd2], libc::EPERM))).success();
    common::needs(is_possible, "no filters of system calls here");
    in_each_combination(&|| refuse(&[libc::SYS_eventfd2], libc::EPERM));
}

/// A limit that allows the standard descriptors only, one of which is closed.
fn no_number_above_the_standard_ones_is_emfile() {
    let three = libc::rlimit { rlim_cur: 3, rlim_max: 3 };
    let status = status_of(|| {
        // SAFETY: nothing else uses the number; a whole structure.
        unsafe {
            assert_eq!(libc::close(0), 0);
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &three), 0);
        }
        let before = open_descriptors();
        assert_eq!(SelfPipe::new(SIGUSR1).map(drop), Err(Errno::EMFILE));
        let signal_fd = SignalFd::new(SIGUSR1).map(drop);
        assert!(signal_fd == Err(Errno::EMFILE) || signal_fd == Err(Errno::ENOSYS));
        assert_eq!(open_descriptors(), before);
    });
    assert!(status.success(), "{status}");
}

tests! {
    without_eventfd_a_pipe_wakes,
    without_pipe2_an_old_pipe_wakes,
    a_child_in_a_sandbox_makes_its_parents_pipe_its_own,
    without_madvise_a_child_leaves_its_parents_pipe_alone,
    #[cfg(has_pidfd)]
    without_ppoll_a_wait_for_a_child_sleeps,
    #[cfg(feature = "defer")]
    without_rt_tgsigqueueinfo_sections_keep_signals,
    a_process_that_may_have_no_descriptors_waits_for_a_child,
    without_ppoll_a_process_waits_for_a_child,
    without_poll_a_process_waits_for_a_child,
    the_descriptors_are_above_the_standard_ones,
    no_number_above_the_standard_ones_is_emfile,
}
