//! The registry of closures, from several threads.

use super::{example, output};
use crate::common;
use registry::{add, remove};
use signal::{install, query, Handler, Pid, Signal, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::thread;

#[allow(dead_code)] // its `main`
#[path = "../../examples/registry.rs"]
#[allow(clippy::module_inception)] // the name of the example
mod registry;

static BEFORE: AtomicUsize = AtomicUsize::new(0);

/// An action that adds to what it has captured.
fn adds(signal: Signal, sum: &Arc<AtomicUsize>, number: usize) -> registry::Id {
    let sum = sum.clone();
    // SAFETY: an atomic addition.
    unsafe { add(signal, move |_| _ = sum.fetch_add(number, SeqCst)) }.unwrap()
}

fn the_example_runs() {
    let output = output(&mut example("registry"));
    assert!(output.status.success());
    assert_eq!(output.stdout, b"12 added, 0 actions left\n");
}

fn actions_come_and_go_and_what_was_there_is_called() {
    let count = |_: Signal| _ = BEFORE.fetch_add(1, SeqCst);
    // SAFETY: an atomic addition.
    install(SIGUSR1, unsafe { Handler::new(count) }).unwrap();
    let before = query(SIGUSR1).unwrap();
    let sum = Arc::new(AtomicUsize::new(0));
    let send = || {
        signal::raise(SIGUSR1).unwrap();
        (sum.swap(0, SeqCst), BEFORE.swap(0, SeqCst))
    };
    let (one, ten) = (adds(SIGUSR1, &sum, 1), adds(SIGUSR1, &sum, 10));
    assert_eq!(send(), (11, 1));
    remove(one).unwrap();
    assert_eq!((send(), Arc::strong_count(&sum)), ((10, 1), 2), "what it captured is gone");
    remove(one).unwrap();
    let hundred = adds(SIGUSR1, &sum, 100);
    assert_eq!(send(), (110, 1));
    remove(ten).unwrap();
    remove(hundred).unwrap();
    assert_eq!(query(SIGUSR1).unwrap(), before);
    assert_eq!((send(), Arc::strong_count(&sum)), ((0, 1), 1));
    adds(SIGUSR1, &sum, 5);
    assert_eq!(send(), (5, 1));
}

fn what_cannot_be_caught_is_refused() {
    let sum = Arc::new(());
    let before = common::signal_state();
    let captured = sum.clone();
    // SAFETY: does nothing.
    let refused = unsafe { add(signal::SIGKILL, move |_| _ = Arc::strong_count(&captured)) };
    assert!(refused.is_err());
    assert_eq!((Arc::strong_count(&sum), common::signal_state()), (1, before));
}

/// Each action owns what it writes to; one that ran after its removal would meet freed memory, and
/// find `ALIVE` missing.
fn actions_do_not_run_after_their_removal() {
    const ALIVE: usize = 0x1234_5678;
    static BROKEN: AtomicBool = AtomicBool::new(false);
    struct Captured(AtomicUsize);
    impl Drop for Captured {
        fn drop(&mut self) {
            self.0.store(0, SeqCst);
        }
    }
    let done = Arc::new(AtomicBool::new(false));
    let always = Arc::new(AtomicUsize::new(0));
    adds(SIGUSR1, &always, 1);
    let kept = [SIGUSR1, SIGUSR2].map(|signal| adds(signal, &always, 1));
    // In every thread's handlers.
    let senders = [SIGUSR1, SIGUSR2].map(|signal| {
        let done = done.clone();
        thread::spawn(move || {
            while !done.load(SeqCst) {
                signal::raise(signal).unwrap();
                signal::kill(Pid::current(), signal).unwrap();
            }
        })
    });
    let writers = [SIGUSR1, SIGUSR2, SIGUSR1].map(|signal| {
        thread::spawn(move || {
            for _ in 0..common::scaled(300) {
                let captured = Box::new(Captured(AtomicUsize::new(ALIVE)));
                let look = move |_: &signal::Info| {
                    if captured.0.load(SeqCst) != ALIVE {
                        BROKEN.store(true, SeqCst);
                    }
                };
                // SAFETY: atomics.
                let id = unsafe { add(signal, look) }.unwrap();
                remove(id).unwrap();
            }
        })
    });
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    done.store(true, SeqCst);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert!(!BROKEN.load(SeqCst) && always.load(SeqCst) > 0);
    kept.into_iter().for_each(|id| remove(id).unwrap());
}

tests! {
    the_example_runs,
    actions_come_and_go_and_what_was_there_is_called,
    what_cannot_be_caught_is_refused,
    actions_do_not_run_after_their_removal,
}
