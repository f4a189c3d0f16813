//! The self-pipe across fork: a child never notifies or drains its parent's pipe, nothing is lost.

use super::{arrived, is_nonblocking_and_closed_on_exec};
use crate::common::load::{ready, Flood};
use crate::common::{self, in_child, status_of, wait_for, Latch};
use signal::{raise, SelfPipe, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

fn pipe() -> SelfPipe {
    SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap()
}

/// How a child can take over the pipe.
const FIRST_USES: [fn(&SelfPipe); 4] = [
    |pipe| pipe.reopen().unwrap(),
    |pipe| assert!(pipe.pending().is_empty()),
    |pipe| assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None)),
    |pipe| {
        raise(SIGUSR2).unwrap();
        assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
    },
];

fn signals_after_the_first_use_in_a_child_reach_the_child_alone() {
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

fn signals_before_the_first_use_in_a_child_are_not_lost() {
    let pipe = pipe();
    let raise_both = || [SIGUSR1, SIGUSR2].into_iter().for_each(|signal| raise(signal).unwrap());
    in_child(|| {
        raise_both();
        assert!(!ready(pipe.as_raw_fd()), "the descriptor is still that of the parent");
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

fn signals_that_the_parent_has_not_read_stay_there() {
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
        in_child(|| {
            raise(SIGUSR1).unwrap();
            assert_eq!(pipe.wait(), Ok(SIGUSR1.into()), "the child's own of the same number");
        });
        in_child(|| assert!(ready(pipe.as_raw_fd()), "a child that does nothing leaves it alone"));
    }
    assert_eq!(arrived(&pipe), SIGUSR1.into());
}

fn each_generation_has_its_own_signals() {
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
        assert!(is_nonblocking_and_closed_on_exec(fd));
        // A grandchild is notified through a descriptor of its own.
        let latch = Latch::new();
        in_child(|| {
            pipe.reopen().unwrap();
            raise(SIGUSR1).unwrap();
            latch.open();
            assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
        });
        latch.wait();
        assert!(arrived(&pipe).is_empty());
    });
}

fn dropping_it_in_a_child_restores_there_and_only_there() {
    let pipe = SelfPipe::new(SIGTERM).unwrap();
    for reopens in [false, true] {
        let status = status_of(|| {
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
        });
        assert_eq!(status.signal(), Some(SIGTERM));
        raise(SIGTERM).unwrap();
        assert_eq!(arrived(&pipe), SIGTERM.into());
    }
}

fn a_new_pipe_in_a_child_does_not_report_signals_of_an_old_one() {
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

fn a_child_changes_its_watched_signals_alone() {
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
                    common::pause(1);
                }
            });
        }
        let flood = Flood::of(&[SIGUSR1], 0);
        for _ in 0..common::scaled(200) {
            // Nothing here allocates: the fork may have caught another thread in the allocator.
            let child = common::fork(|| {
                let fd = pipe.as_raw_fd();
                let before = pipe.pending();
                let notified = raise(SIGUSR2).is_ok() && pipe.pending() == SIGUSR2.into();
                // SAFETY: the child ends before anything could use the original; asks for flags.
                let closed = unsafe {
                    drop(std::ptr::read(&pipe));
                    libc::fcntl(fd, libc::F_GETFD) == -1
                };
                let again = SelfPipe::new(SIGUSR2).map_or(false, |pipe| pipe.pending().is_empty());
                i32::from(!before.is_empty())
                    + i32::from(!notified) * 2
                    + i32::from(!closed) * 4
                    + i32::from(!again) * 8
            });
            assert_eq!(wait_for(child).code(), Some(0));
            pipe.wait().unwrap();
        }
        drop(flood);
        done.store(true, SeqCst);
    });
}

tests! {
    signals_after_the_first_use_in_a_child_reach_the_child_alone,
    signals_before_the_first_use_in_a_child_are_not_lost,
    signals_that_the_parent_has_not_read_stay_there,
    each_generation_has_its_own_signals,
    the_same_descriptors_work_in_the_child_and_no_more_are_open,
    dropping_it_in_a_child_restores_there_and_only_there,
    a_new_pipe_in_a_child_does_not_report_signals_of_an_old_one,
    a_child_changes_its_watched_signals_alone,
    a_signal_that_races_with_reopen_on_another_thread_is_not_lost,
    a_child_of_a_process_whose_threads_take_signals_starts_clean,
}
