//! The self-pipe across fork: no wires are crossed, nothing is lost.

mod common;

use common::load::{ready, Rain};
use common::{in_child, wait_for, Gate};
use signal::{raise, SelfPipe, SignalSet, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

fn pipe() -> SelfPipe {
    SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap()
}

/// What is there to read, by readiness and by content.
fn arrived(pipe: &SelfPipe) -> SignalSet {
    let readable = ready(pipe.as_raw_fd());
    let set = pipe.pending();
    assert_eq!(readable, !set.is_empty(), "{set:?}");
    assert!(pipe.pending().is_empty() && !ready(pipe.as_raw_fd()));
    set
}

/// How a child can make the pipe its own.
const FIRST_USES: [fn(&SelfPipe); 4] = [
    |pipe| pipe.reopen().unwrap(),
    |pipe| assert!(pipe.pending().is_empty()),
    |pipe| assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None)),
    |pipe| {
        raise(SIGUSR2).unwrap();
        assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
    },
];

fn a_child_that_raises_after_it_made_the_pipe_its_own_hears_it_alone() {
    let pipe = pipe();
    for first_use in FIRST_USES {
        in_child(|| {
            first_use(&pipe);
            for signal in [SIGUSR1, SIGUSR2] {
                raise(signal).unwrap();
                assert_eq!(arrived(&pipe), signal.into());
            }
        });
        assert!(arrived(&pipe).is_empty());
    }
}

fn a_child_that_raises_before_it_made_the_pipe_its_own_loses_nothing() {
    let pipe = pipe();
    let raise_both = || [SIGUSR1, SIGUSR2].into_iter().for_each(|signal| raise(signal).unwrap());
    in_child(|| {
        raise_both();
        assert!(!ready(pipe.as_raw_fd()), "that is the parent's");
        pipe.reopen().unwrap();
        assert_eq!(arrived(&pipe), SIGUSR1 | SIGUSR2);
    });
    in_child(|| {
        raise_both();
        assert_eq!(pipe.pending(), SIGUSR1 | SIGUSR2);
        raise(SIGUSR1).unwrap();
        assert_eq!(arrived(&pipe), SIGUSR1.into());
    });
    in_child(|| {
        raise_both();
        assert_eq!(pipe.wait(), Ok(SIGUSR1 | SIGUSR2));
        assert!(arrived(&pipe).is_empty());
    });
    assert!(arrived(&pipe).is_empty());
    raise(SIGUSR2).unwrap();
    assert_eq!(arrived(&pipe), SIGUSR2.into());
}

fn what_the_parent_has_not_read_stays_the_parents() {
    let pipe = pipe();
    raise(SIGUSR1).unwrap();
    for first_use in FIRST_USES {
        in_child(|| {
            first_use(&pipe);
            assert!(arrived(&pipe).is_empty());
        });
        in_child(|| {
            raise(SIGUSR2).unwrap();
            assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
        });
        in_child(|| assert!(ready(pipe.as_raw_fd()), "a child that does nothing leaves it alone"));
    }
    assert_eq!(arrived(&pipe), SIGUSR1.into());
}

fn each_generation_has_signals_of_its_own() {
    let pipe = pipe();
    for child_reopens in [false, true] {
        for grandchild_is_late in [false, true] {
            in_child(|| {
                raise(SIGUSR1).unwrap();
                if child_reopens {
                    pipe.reopen().unwrap();
                }
                in_child(|| {
                    if grandchild_is_late {
                        assert!(pipe.pending().is_empty());
                    }
                    raise(SIGUSR2).unwrap();
                    pipe.reopen().unwrap();
                    assert_eq!(arrived(&pipe), SIGUSR2.into());
                });
                pipe.reopen().unwrap();
                assert_eq!(arrived(&pipe), SIGUSR1.into());
            });
        }
    }
    assert!(arrived(&pipe).is_empty());
}

fn the_same_descriptors_work_in_the_child_and_no_more_are_open() {
    let pipe = pipe();
    let (fd, before) = (pipe.as_raw_fd(), common::signal_state());
    in_child(|| {
        pipe.reopen().unwrap();
        assert_eq!((pipe.as_raw_fd(), common::signal_state()), (fd, before.clone()));
        // SAFETY: asks for flags.
        let (flags, status) = unsafe { (libc::fcntl(fd, libc::F_GETFD), libc::fcntl(fd, libc::F_GETFL)) };
        assert_eq!(
            (flags & libc::FD_CLOEXEC, status & libc::O_NONBLOCK),
            (libc::FD_CLOEXEC, libc::O_NONBLOCK)
        );
        // While the child looks at its own, the parent may ring: two doorbells.
        let gate = Gate::new();
        in_child(|| {
            pipe.reopen().unwrap();
            raise(SIGUSR1).unwrap();
            gate.open();
            assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
        });
        gate.wait();
        assert!(arrived(&pipe).is_empty());
    });
}

fn dropping_it_in_a_child_restores_there_and_only_there() {
    let pipe = SelfPipe::new(SIGTERM).unwrap();
    for reopens in [false, true] {
        let child = common::fork(|| {
            let (fd, inherited) = (pipe.as_raw_fd(), common::open_descriptors());
            // SAFETY: the child ends before anything could use the original.
            let inherited_pipe = unsafe { std::ptr::read(&pipe) };
            if reopens {
                inherited_pipe.reopen().unwrap();
            }
            drop(inherited_pipe);
            let left = common::open_descriptors();
            assert!(left.len() < inherited.len() && !left.contains(&fd));
            raise(SIGTERM).unwrap();
            0
        });
        assert_eq!(wait_for(child).signal(), Some(SIGTERM));
        raise(SIGTERM).unwrap();
        assert_eq!(arrived(&pipe), SIGTERM.into());
    }
}

fn a_new_pipe_of_a_child_does_not_report_what_came_for_an_old_one() {
    let pipe = pipe();
    in_child(|| {
        raise(SIGUSR1).unwrap();
        // SAFETY: the child ends before anything could use the original.
        drop(unsafe { std::ptr::read(&pipe) });
        let new = SelfPipe::new(SIGUSR2).unwrap();
        assert!(arrived(&new).is_empty());
        raise(SIGUSR2).unwrap();
        assert_eq!(arrived(&new), SIGUSR2.into());
    });
}

fn a_child_changes_what_it_watches_without_the_parent() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    in_child(|| {
        pipe.insert(SIGUSR2).unwrap();
        pipe.remove(SIGUSR1).unwrap();
        raise(SIGUSR2).unwrap();
        assert_eq!((pipe.watched(), pipe.wait()), (SIGUSR2.into(), Ok(SIGUSR2.into())));
    });
    raise(SIGUSR1).unwrap();
    assert_eq!((pipe.watched(), arrived(&pipe)), (SIGUSR1.into(), SIGUSR1.into()));
}

fn a_signal_that_races_with_reopen_on_another_thread_is_not_lost() {
    let pipe = pipe();
    for _ in 0..common::scaled(300) {
        in_child(|| {
            let together = AtomicUsize::new(0);
            let meet = || {
                together.fetch_add(1, SeqCst);
                while together.load(SeqCst) < 2 {
                    std::hint::spin_loop();
                }
            };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    meet();
                    raise(SIGUSR1).unwrap();
                });
                meet();
                pipe.reopen().unwrap();
            });
            assert_eq!(arrived(&pipe), SIGUSR1.into());
        });
    }
}

/// Threads of the parent are at any point of the handler when it forks.
fn a_child_of_a_process_whose_threads_take_signals_starts_clean() {
    let (pipe, done) = (pipe(), AtomicBool::new(false));
    let _blocked = signal::BlockGuard::new(SIGUSR1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _open = signal::UnblockGuard::new(SIGUSR1);
                while !done.load(SeqCst) {
                    // SAFETY: no entries.
                    unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
                }
            });
        }
        let rain = Rain::of(&[SIGUSR1], 0);
        for _ in 0..common::scaled(200) {
            // Nothing here allocates: the other threads may have been at that too.
            let child = common::fork(|| {
                let fd = pipe.as_raw_fd();
                let before = pipe.pending();
                let heard = raise(SIGUSR2).is_ok() && pipe.pending() == SIGUSR2.into();
                // SAFETY: the child ends before anything could use the original; asks for flags.
                let closed = unsafe {
                    drop(std::ptr::read(&pipe));
                    libc::fcntl(fd, libc::F_GETFD) == -1
                };
                let again = SelfPipe::new(SIGUSR2).map_or(false, |pipe| pipe.pending().is_empty());
                i32::from(!before.is_empty())
                    + i32::from(!heard) * 2
                    + i32::from(!closed) * 4
                    + i32::from(!again) * 8
            });
            assert_eq!(wait_for(child).code(), Some(0));
            pipe.wait().unwrap();
        }
        drop(rain);
        done.store(true, SeqCst);
    });
}

common::main! {
    a_child_that_raises_after_it_made_the_pipe_its_own_hears_it_alone,
    a_child_that_raises_before_it_made_the_pipe_its_own_loses_nothing,
    what_the_parent_has_not_read_stays_the_parents, each_generation_has_signals_of_its_own,
    the_same_descriptors_work_in_the_child_and_no_more_are_open,
    dropping_it_in_a_child_restores_there_and_only_there,
    a_new_pipe_of_a_child_does_not_report_what_came_for_an_old_one,
    a_child_changes_what_it_watches_without_the_parent,
    a_signal_that_races_with_reopen_on_another_thread_is_not_lost,
    a_child_of_a_process_whose_threads_take_signals_starts_clean,
}
