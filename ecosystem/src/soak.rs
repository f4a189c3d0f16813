//! A soak: processes that live for some rounds, one after another, in a crowd of processes and
//! threads that send signals, with children, guards, pipes, sections and neighbours that come and
//! go, and an account of each signal, each value and each child.
//!
//! What a process does follows from the seed of its life: how signals and actions fall together in
//! time does not.

mod actions;
mod children;
mod kinds;
mod ledger;
mod life;
mod senders;

pub use self::ledger::{Count, Ledger, COUNTS};

use crate::process::{self, WRONG};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// After each round, so many microseconds.
static PAUSE: AtomicU64 = AtomicU64::new(0);

/// No life takes longer.
const LONGEST: Duration = Duration::from_secs(300);

fn pause() {
    std::thread::sleep(Duration::from_micros(PAUSE.load(SeqCst)));
}

/// Runs one life. True: everything was accounted for.
pub fn life(ledger: &'static Ledger, seed: u64) -> bool {
    process::prepare();
    let start = Instant::now();
    let child = process::fork(|| {
        process::limit(0);
        // SAFETY: takes plain values: a group of its own, with the senders and the children.
        unsafe { libc::setpgid(0, 0) };
        life::live(ledger, seed).map_or_else(|wrong| (ledger.fail(&wrong), WRONG).1, |()| 0)
    });
    let group = signal::Pid::from_raw(child).expect("a child");
    let end = signal::child::wait_timeout(group, LONGEST).expect("a child");
    if end.is_none() {
        ledger.fail(&format!("hangs after {} s", start.elapsed().as_secs()));
    }
    if end.is_some_and(|end| end.status.success()) && !ledger.has_failed.load(SeqCst) {
        return true;
    }
    ledger.fail(&end.map_or_else(String::new, |end| format!("{:?}", end.status)));
    let _ = signal::kill_group(group, signal::SIGKILL);
    let _ = signal::child::reap(group);
    false
}

/// Runs lives from this seed on until the time is over; what was wrong with which one.
pub fn run(
    ledger: &'static Ledger,
    seed: u64,
    time: Duration,
    pause: Duration,
    each: impl Fn(u64),
) -> Result<(), String> {
    PAUSE.store(pause.as_micros() as u64, SeqCst);
    let (start, mut seeds) = (Instant::now(), seed..);
    while start.elapsed() < time {
        let seed = seeds.next().expect("another one");
        if !life(ledger, seed) {
            return Err(format!("in the life of seed {seed}: {}", ledger.wrong.get()));
        }
        each(seed);
    }
    Ok(())
}
