//! The self-pipe across vfork, whose child runs in the memory of its parent.

use super::arrived;
use crate::common::{in_child, wait_for};
use signal::{raise, SelfPipe, Signal, SIGUSR1, SIGUSR2};

extern "C" {
    fn vfork() -> libc::pid_t;
}

/// A child in the memory of this process takes the signal and ends.
#[inline(never)]
fn raise_in_vfork_child(signal: Signal) {
    // SAFETY: the child calls `getpid`, `kill` and `_exit`, changes no variable and does not
    // return.
    let child = unsafe {
        let child = vfork();
        if child == 0 {
            libc::kill(libc::getpid(), signal.as_raw());
            libc::_exit(0);
        }
        child
    };
    assert!(wait_for(signal::Pid::from_raw(child).expect("vfork")).success());
}

fn a_vfork_child_does_not_disturb_its_parent() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    raise_in_vfork_child(SIGUSR1);
    assert!(arrived(&pipe).is_empty());
    raise(SIGUSR2).unwrap();
    raise_in_vfork_child(SIGUSR1);
    assert_eq!(arrived(&pipe), SIGUSR2.into());
    in_child(|| {
        raise_in_vfork_child(SIGUSR1);
        assert!(arrived(&pipe).is_empty());
    });
}

fn a_vfork_child_does_not_disturb_a_forked_one() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    for reopens in [true, false] {
        in_child(|| {
            raise(SIGUSR1).unwrap();
            if reopens {
                pipe.reopen().unwrap();
            }
            raise_in_vfork_child(SIGUSR2);
            assert_eq!(pipe.pending(), SIGUSR1.into(), "reopened: {reopens}");
        });
    }
}

/// The child's signal is put off in the child; the section that it shares is its parent's.
#[cfg(feature = "defer")]
fn a_vfork_child_leaves_its_parents_section_alone() {
    use crate::common::{count, COUNT};
    signal::install(SIGUSR1, &COUNT).unwrap();
    let mask = signal::blocked();
    for round in 0..3 {
        let section = signal::DeferGuard::new();
        raise_in_vfork_child(SIGUSR1);
        raise(SIGUSR1).unwrap();
        raise_in_vfork_child(SIGUSR1);
        assert_eq!(count(), round);
        drop(section);
        assert_eq!((count(), signal::blocked()), (round + 1, mask));
        let section = signal::DeferGuard::new();
        raise_in_vfork_child(SIGUSR1);
        drop(section);
        assert_eq!((count(), signal::blocked()), (round + 1, mask));
        assert_eq!(
            crate::common::raw::kernel_mask(),
            mask.iter().map(Signal::as_raw).collect::<Vec<_>>()
        );
    }
}

tests! {
    #[cfg(feature = "defer")]
    a_vfork_child_leaves_its_parents_section_alone,
    a_vfork_child_does_not_disturb_its_parent,
    a_vfork_child_does_not_disturb_a_forked_one,
}
