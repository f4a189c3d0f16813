//! What all processes of a soak write to, in memory that they share.

use crate::report::{shared, Text};
use libc::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};

pub const SENDERS: usize = 6;
const KINDS: usize = 65;

macro_rules! counts {
    ($($name:ident $text:literal)*) => {
        /// What is counted over all lives.
        #[derive(Clone, Copy)]
        pub enum Count { $($name),* }

        pub const COUNTS: &[(Count, &str)] = &[$((Count::$name, $text)),*];
    };
}

counts! {
    Lives "lives"
    Rounds "rounds"
    Actions "actions"
    Acknowledged "standard signals, each sent after the last was heard: heard exactly once"
    Crowded "standard signals in crowds: sent"
    Merged "of these merged with one that was pending, and none after the last heard"
    Counted "signals counted by handlers: exactly once"
    Alarms "alarms: each heard"
    Queued "realtime signals to a queue: sent"
    Read "of these read, each value once"
    Lost "of these counted as lost"
    Waited "realtime signals waited for or read from a signalfd: each value once"
    Refused "refusals of the kernel to queue one more: sent again"
    Children "children: each reaped once, with its status"
    Grandchildren "their own children: the same"
    Reopened "children that heard their own signals alone in an inherited pipe"
    InChildren "signals and values that those heard"
    Extra "more pipes that came and went"
    Guards "guards that came and went"
    Sections "sections, with what arrived in them heard at the end"
    Blocks "blocks, the same"
    Threads "threads that came and went"
    ByHook "signals of the first kind that signal-hook heard too, while it was there"
    Steps "steps of neighbours on one signal"
    Kills "of these signals, heard by exactly whom the oracle said"
}

/// What a sender is to do. It begins when `number` changes, and stores that in `done`.
#[repr(C)]
#[derive(Default)]
pub struct Order {
    pub number: AtomicU32,
    pub done: AtomicU32,
    /// 0: end.
    pub kind: AtomicI32,
    pub count: AtomicU32,
    pub way: AtomicU32,
    /// The value of the first realtime signal.
    pub value: AtomicI32,
}

/// Zeroed memory is one in which nothing has happened.
#[repr(C)]
pub struct Ledger {
    /// Of each kind, how many were sent in this life, and how often the reader has heard it.
    pub sent: [AtomicU64; KINDS],
    pub heard: [AtomicU64; KINDS],
    pub orders: [Order; SENDERS],
    totals: [AtomicU64; COUNTS.len()],
    /// Which actions have been taken: the same for the same seed.
    pub trail: AtomicU64,
    pub has_failed: AtomicBool,
    pub wrong: Text,
}

impl Ledger {
    pub fn new() -> &'static Ledger {
        // SAFETY: all its parts are atomic, and zero is valid for them.
        unsafe { shared() }
    }

    pub fn begin_life(&self) {
        self.sent.iter().chain(&self.heard).for_each(|count| count.store(0, SeqCst));
        for order in &self.orders {
            order.number.store(0, SeqCst);
            order.done.store(0, SeqCst);
        }
    }

    pub fn add(&self, count: Count, more: u64) {
        self.totals[count as usize].fetch_add(more, SeqCst);
    }

    pub fn total(&self, count: Count) -> u64 {
        self.totals[count as usize].load(SeqCst)
    }

    pub fn sent(&self, kind: c_int) -> u64 {
        self.sent[kind as usize].load(SeqCst)
    }

    pub fn heard(&self, kind: c_int) -> u64 {
        self.heard[kind as usize].load(SeqCst)
    }

    /// The first thing that went wrong.
    pub fn fail(&self, wrong: &str) {
        if !self.has_failed.swap(true, SeqCst) {
            self.wrong.set(wrong);
        }
    }

    /// Notes what is done, by FNV-1a.
    pub fn trace(&self, action: u64) {
        let trail = self.trail.load(SeqCst) ^ action;
        self.trail.store(trail.wrapping_mul(0x0100_0000_01b3), SeqCst);
    }
}
