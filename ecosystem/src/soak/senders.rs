//! Those who send: processes and threads, which do as they are ordered.

use super::kinds::{is_acknowledged, is_realtime};
use super::ledger::{Count, Ledger, Order};
use libc::c_int;
use signal::{Errno, Pid, Signal};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Nobody waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// To whom.
#[derive(Clone, Copy)]
pub enum Way {
    Process,
    /// A thread of the process: its first one, or the sender itself.
    First,
    Itself,
}

pub const WAYS: [Way; 3] = [Way::Process, Way::First, Way::Itself];

pub struct Sender {
    pub ledger: &'static Ledger,
    pub index: usize,
    pub target: Pid,
    /// The first thread of the process, if the sender is another one.
    pub first: Option<libc::pthread_t>,
}

fn nap(time: Duration) {
    std::thread::sleep(time);
}

/// Sleeps while the word has this value, or until a signal comes.
fn sleep_while(word: &AtomicU32, value: u32) {
    let none = std::ptr::null::<libc::timespec>();
    // SAFETY: waits on a word that stays, without a limit.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, none) };
}

impl Order {
    /// Has a sender do that.
    pub fn give(&self, kind: c_int, count: u32, way: usize, value: i32) {
        self.kind.store(kind, SeqCst);
        self.count.store(count, SeqCst);
        self.way.store(way as u32, SeqCst);
        self.value.store(value, SeqCst);
        self.number.fetch_add(1, SeqCst);
        // SAFETY: wakes who waits on the word.
        unsafe { libc::syscall(libc::SYS_futex, self.number.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    pub fn is_done(&self) -> bool {
        self.done.load(SeqCst) == self.number.load(SeqCst)
    }
}

impl Sender {
    /// Until the order to end.
    pub fn work(&self) {
        let order = &self.ledger.orders[self.index];
        let mut done = 0;
        loop {
            while order.number.load(SeqCst) == done {
                sleep_while(&order.number, done);
            }
            done += 1;
            let kind = order.kind.load(SeqCst);
            let Some(signal) = Signal::from_raw(kind) else { return };
            let count = order.count.load(SeqCst);
            if is_realtime(kind) {
                self.queue(signal, order.value.load(SeqCst), count as i32);
            } else {
                self.send_all(signal, count, WAYS[order.way.load(SeqCst) as usize]);
            }
            order.done.store(done, SeqCst);
        }
    }

    fn queue(&self, signal: Signal, first: i32, count: i32) {
        for value in first..first + count {
            while let Err(error) = signal::queue(self.target, signal, value) {
                if error != Errno::EAGAIN {
                    return self.ledger.fail(&format!("{signal} was not queued: {error}"));
                }
                self.ledger.add(Count::Refused, 1);
                nap(Duration::from_millis(1));
            }
        }
        self.ledger.sent[signal.as_raw() as usize].fetch_add(count as u64, SeqCst);
    }

    fn send_all(&self, signal: Signal, count: u32, way: Way) {
        let acknowledged = is_acknowledged(signal.as_raw());
        for _ in 0..count {
            let before = self.ledger.heard(signal.as_raw());
            self.send(signal, way);
            if acknowledged && !self.is_heard(signal, before) {
                return;
            }
        }
        // After a crowd, the last ones must be heard: the first of these may merge with it.
        for _ in 0..if acknowledged { 0 } else { 3 } {
            let before = self.ledger.heard(signal.as_raw());
            self.send(signal, way);
            if !self.is_heard(signal, before) {
                return;
            }
        }
    }

    fn send(&self, signal: Signal, way: Way) {
        self.ledger.sent[signal.as_raw() as usize].fetch_add(1, SeqCst);
        let sent = match (way, self.first) {
            (Way::First, Some(first)) => {
                // SAFETY: the first thread outlives the others.
                match unsafe { libc::pthread_kill(first, signal.as_raw()) } {
                    0 => Ok(()),
                    error => Err(Errno::from_raw_os_error(error)),
                }
            }
            (Way::Itself, Some(_)) => signal::raise(signal),
            _ => signal::kill(self.target, signal),
        };
        if let Err(error) = sent {
            self.ledger.fail(&format!("{signal} was not sent: {error}"));
        }
    }

    /// Waits until the reader has heard it once more.
    fn is_heard(&self, signal: Signal, before: u64) -> bool {
        let start = Instant::now();
        while self.ledger.heard(signal.as_raw()) == before {
            if start.elapsed() > PATIENCE {
                self.ledger.fail(&format!("{signal} of sender {} was lost", self.index));
                return false;
            }
            nap(Duration::from_micros(30));
        }
        true
    }
}
