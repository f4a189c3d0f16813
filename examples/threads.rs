//! Threads that work, and one that takes the signals: SIGUSR1 asks how far they are, Ctrl-C stops
//! them all.

use signal::{block, Pid, SignalSet, SIGINT, SIGTERM, SIGUSR1};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{env, thread, time::Duration};

const TAKEN: SignalSet = SignalSet::empty().with(SIGINT).with(SIGTERM).with(SIGUSR1);

static STOP: AtomicBool = AtomicBool::new(false);
static DONE: AtomicUsize = AtomicUsize::new(0);

fn main() {
    block(TAKEN); // before the first thread starts: all inherit it
    thread::spawn(take_signals); // not joined: it ends with the process
    let pieces = env::args().nth(1).map_or(100, |text| text.parse().unwrap_or(0));
    println!("try: kill -USR1 {}", Pid::current());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| work(pieces));
        }
    });
    println!("{} pieces done", DONE.load(Ordering::Relaxed));
}

/// Ordinary code, not a handler: it may allocate, lock and print.
fn take_signals() {
    while let Ok(info) = TAKEN.wait() {
        match info.signal() {
            SIGUSR1 => println!("{} pieces so far", DONE.load(Ordering::Relaxed)),
            signal => {
                println!("{signal}: stopping");
                STOP.store(true, Ordering::Release);
            }
        }
    }
}

fn work(pieces: usize) {
    for _ in 0..pieces {
        if STOP.load(Ordering::Acquire) {
            return;
        }
        thread::sleep(Duration::from_millis(50)); // a piece of work
        DONE.fetch_add(1, Ordering::Relaxed);
    }
}
