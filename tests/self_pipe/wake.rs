//! Waking the reader of a self-pipe without a signal.

use crate::common::{self, in_child, load::ready, load::FewDescriptors, raw, Latch};
use signal::{install, raise, Errno, Handler, SelfPipe, Signal, SignalSet, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const NOTHING: SignalSet = SignalSet::empty();
const LONG: Duration = Duration::from_secs(60);

fn a_wake_is_an_empty_set_once() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    for calls in 1..4 {
        (0..calls).for_each(|_| pipe.wake());
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(pipe.wait(), Ok(NOTHING));
        assert!(!ready(pipe.as_raw_fd()));
        assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
    }
    pipe.wake();
    assert_eq!(pipe.wait_timeout(LONG), Ok(Some(NOTHING)));
    pipe.wake();
    raise(SIGUSR1).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGUSR1.into()), "a signal is not hidden");
    assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
}

fn pending_takes_a_wake() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    pipe.wake();
    assert!(pipe.pending().is_empty() && !ready(pipe.as_raw_fd()));
    assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
}

fn another_thread_wakes_a_sleeper_each_time() {
    let (pipe, woken) = (SelfPipe::new(SIGUSR1).unwrap(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=common::scaled(2000) {
                pipe.wake();
                common::eventually("the reader wakes", || woken.load(SeqCst) == round);
            }
        });
        for _ in 0..common::scaled(2000) {
            assert_eq!(pipe.wait_timeout(LONG), Ok(Some(NOTHING)));
            woken.fetch_add(1, SeqCst);
        }
    });
}

static PIPE: AtomicPtr<SelfPipe> = AtomicPtr::new(std::ptr::null_mut());

fn a_handler_wakes_and_keeps_errno() {
    let wake = |_: Signal| {
        // SAFETY: leaked below.
        unsafe { &*PIPE.load(SeqCst) }.wake();
    };
    let pipe: &'static SelfPipe = Box::leak(Box::new(SelfPipe::new(SIGUSR1).unwrap()));
    PIPE.store(pipe as *const SelfPipe as *mut SelfPipe, SeqCst);
    // SAFETY: `wake` is async-signal-safe.
    install(SIGUSR2, unsafe { Handler::new(wake) }).unwrap();
    for _ in 0..3 {
        raw::fail_with_ebadf();
        raw::send_to_self(SIGUSR2);
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(pipe.wait(), Ok(NOTHING));
    }
    // The function itself keeps it, where the descriptor does not take what it writes.
    let most = u64::MAX - 1;
    // SAFETY: eight bytes; the descriptor of an eventfd, or of a pipe, which refuses them.
    while unsafe { libc::write(pipe.as_raw_fd(), (&most as *const u64).cast(), 8) } == 8 {}
    raw::fail_with_ebadf();
    pipe.wake();
    assert_eq!(Errno::last(), Errno::EBADF);
    assert_eq!(pipe.wait(), Ok(NOTHING));
}

fn a_childs_wake_is_its_own() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let latch = Latch::new();
    in_child(|| {
        pipe.wake();
        assert!(!ready(pipe.as_raw_fd()), "the descriptor is still that of the parent");
        assert_eq!(pipe.wait(), Ok(NOTHING));
        assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
        pipe.wake();
        assert_eq!(pipe.wait(), Ok(NOTHING));
        pipe.wake();
        latch.open();
    });
    latch.wait();
    assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
    pipe.wake();
    in_child(|| assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None)));
    assert_eq!(pipe.wait(), Ok(NOTHING), "a child does not take what is the parent's");
}

fn a_wake_before_a_reopen_that_fails_stays() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    in_child(|| {
        pipe.wake();
        let few = FewDescriptors::new(0);
        assert_eq!(pipe.wait(), Err(Errno::EMFILE));
        drop(few);
        assert_eq!(pipe.wait(), Ok(NOTHING));
    });
}

fn a_slot_that_is_used_again_is_not_woken() {
    for _ in 0..100 {
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        pipe.wake();
        drop(pipe);
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
    }
}

tests! {
    a_wake_is_an_empty_set_once,
    pending_takes_a_wake,
    another_thread_wakes_a_sleeper_each_time,
    a_handler_wakes_and_keeps_errno,
    a_childs_wake_is_its_own,
    a_wake_before_a_reopen_that_fails_stays,
    a_slot_that_is_used_again_is_not_woken,
}
