//! The parts of the library that stand on acquire and release, under loom: which tries every order
//! with few preemptions, and what each order of memory allows. It takes sequential consistency for
//! acquire and release; what stands on that has its models on the machine.
//!
//! The files are the library's; what they use of others is made here.

#![allow(dead_code)] // the models do not use all of them

#[path = "../../../src/lock.rs"]
mod lock;
#[path = "../../../src/process.rs"]
mod process;
#[allow(unused_unsafe)] // the cells are checked here
#[path = "../../../src/entry/queue.rs"]
mod queue;

mod info {
    /// Two halves that belong together.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Info(pub usize, pub usize);
}

mod pid {
    pub struct Pid;

    impl Pid {
        pub fn current() -> Pid {
            Pid
        }

        pub fn as_raw(&self) -> i32 {
            100
        }
    }
}

mod set {
    #[derive(Clone, Copy)]
    pub struct SignalSet;

    impl SignalSet {
        pub fn asynchronous() -> SignalSet {
            SignalSet
        }
    }
}

mod sigmask {
    use crate::set::SignalSet;

    pub fn swap(_: i32, set: SignalSet) -> SignalSet {
        set
    }

    pub fn set(_: i32, _: SignalSet) {}
}

mod deadline {
    pub fn pause() {
        loom::thread::yield_now();
    }
}

mod sys {
    pub mod wipe_on_fork {
        use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

        static MARKS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        static USED: AtomicUsize = AtomicUsize::new(0);

        /// The models use everything once before they start a thread.
        pub fn prepare() {
            MARKS.iter().chain([&USED]).for_each(|mark| _ = mark.load(Relaxed));
        }

        pub fn wipe() {
            MARKS.iter().for_each(|mark| mark.store(0, Relaxed));
        }

        pub fn allocate() -> Option<*mut AtomicUsize> {
            Some((&raw const MARKS[USED.fetch_add(1, Relaxed)]).cast_mut())
        }
    }
}

use core::cell::UnsafeCell;
use info::Info;
use lock::Lock;
use loom::thread;
use queue::InfoQueue;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

fn whole(number: usize) -> Info {
    Info(number, !number)
}

/// Takes what is there; none is torn.
fn pop_all<const N: usize>(queue: &InfoQueue<N>, into: &mut Vec<usize>) {
    while let Some(info) = queue.ring().pop() {
        assert_eq!(info, whole(info.0), "a torn info");
        into.push(info.0);
    }
}

/// Each info that was put in is read once or counted.
fn all_are_accounted_for<const N: usize>(queue: &InfoQueue<N>, mut read: Vec<usize>, of: usize) {
    pop_all(queue, &mut read);
    let infos = read.len();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read.len(), infos, "an info came twice");
    assert_eq!(infos + queue.lost(), of, "an info is gone");
}

fn two_handlers_and_a_reader() {
    static QUEUE: InfoQueue<2> = InfoQueue::new();
    QUEUE.ring().reset();
    touch_cells(&QUEUE);
    let handlers = [1, 2].map(|number| thread::spawn(move || QUEUE.ring().push(whole(number))));
    let mut read = Vec::new();
    pop_all(&QUEUE, &mut read);
    handlers.into_iter().for_each(|handler| handler.join().unwrap());
    all_are_accounted_for(&QUEUE, read, 2);
}

/// The same cell, lap after lap.
fn a_queue_of_one() {
    static QUEUE: InfoQueue<1> = InfoQueue::new();
    QUEUE.ring().reset();
    touch_cells(&QUEUE);
    let handler = thread::spawn(|| (1..=3).for_each(|number| QUEUE.ring().push(whole(number))));
    let mut read = Vec::new();
    pop_all(&QUEUE, &mut read);
    pop_all(&QUEUE, &mut read);
    handler.join().unwrap();
    assert!(read.windows(2).all(|two| two[0] < two[1]), "out of order");
    all_are_accounted_for(&QUEUE, read, 3);
}

fn two_readers() {
    static QUEUE: InfoQueue<2> = InfoQueue::new();
    QUEUE.ring().reset();
    touch_cells(&QUEUE);
    QUEUE.ring().push(whole(1));
    QUEUE.ring().push(whole(2));
    let reader = || {
        let mut read = Vec::new();
        pop_all(&QUEUE, &mut read);
        read
    };
    let other = thread::spawn(reader);
    let handler = thread::spawn(|| QUEUE.ring().push(whole(3)));
    let mut read = reader();
    handler.join().unwrap();
    read.extend(other.join().unwrap());
    all_are_accounted_for(&QUEUE, read, 3);
}

/// Uses each cell once.
fn touch_cells<const N: usize>(queue: &InfoQueue<N>) {
    (0..N).for_each(|_| queue.ring().push(whole(0)));
    pop_all(queue, &mut Vec::new());
    queue.ring().reset();
}

/// Loom sees whether two threads come to the cell at the same time.
fn a_lock_has_one_holder() {
    static LOCK: Lock = Lock::new();
    struct Counter(UnsafeCell<usize>);
    // SAFETY: touched by the holder of the lock.
    unsafe impl Sync for Counter {}
    static COUNTER: Counter = Counter(UnsafeCell::new(0));
    let add = || {
        let _locked = LOCK.lock();
        *COUNTER.0.get() += 1;
    };
    sys::wipe_on_fork::prepare();
    *COUNTER.0.get() = 0;
    add();
    let others = [(); 2].map(|()| thread::spawn(add));
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(*COUNTER.0.get(), 3);
}

/// Two threads that told their process by different marks would both hold a lock: after a fork,
/// which has wiped the mark.
fn a_process_has_one_mark() {
    sys::wipe_on_fork::prepare();
    let parent = process::token();
    sys::wipe_on_fork::wipe();
    let other = thread::spawn(process::token);
    let token = process::token();
    assert_eq!(token, other.join().unwrap());
    assert_eq!(token, process::token());
    assert_ne!(token, parent);
}

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(if chosen.iter().any(|text| text == "--all") { 3 } else { 2 });
    model.max_branches = 10_000;
    for (name, body) in [
        ("two_handlers_and_a_reader", two_handlers_and_a_reader as fn()),
        ("a_queue_of_one", a_queue_of_one),
        ("two_readers", two_readers),
        ("a_lock_has_one_holder", a_lock_has_one_holder),
        ("a_process_has_one_mark", a_process_has_one_mark),
    ] {
        let chosen: Vec<_> = chosen.iter().filter(|text| !text.starts_with('-')).collect();
        if chosen.is_empty() || chosen.iter().any(|part| name.contains(part.as_str())) {
            static RUNS: AtomicUsize = AtomicUsize::new(0);
            let start = Instant::now();
            println!("{name}");
            model.check(move || {
                RUNS.fetch_add(1, Relaxed);
                core::begin();
                body();
            });
            let runs = RUNS.swap(0, Relaxed);
            println!("  held in {runs} runs, {:.1} s", start.elapsed().as_secs_f64());
        }
    }
}
