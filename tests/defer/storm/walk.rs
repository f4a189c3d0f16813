//! What a thread does in the storm: guards of all kinds, nested at random, with the mask that it
//! must have after each step.

use super::{enter, leave, raise_own, FINISHED, ME, OWN_HANDLED, OWN_SENT, THREADS};
use crate::common::raw::{kernel_mask, no_alternate_stack};
use signal::{blocked, pending, raise, BlockGuard, DeferGuard, Signal, SignalSet, UnblockGuard};
use signal::{SIGHUP, SIGSEGV, SIGTERM, SIGURG, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// How often a thread has left all sections and blocks.
pub static WALKS: AtomicUsize = AtomicUsize::new(0);

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 33) as usize % limit
    }
}

#[allow(dead_code)] // dropping them is their use
enum MaskGuard {
    Block(BlockGuard),
    Unblock(UnblockGuard),
}

/// What one thread does, and what its mask must be. Sections and masks nest in any way with each
/// other.
struct Walk {
    mine: Vec<Signal>,
    mask: SignalSet,
    masks: Vec<(MaskGuard, SignalSet)>,
    sections: Vec<DeferGuard>,
}

impl Walk {
    fn step(&mut self, random: &mut Random) {
        let mut some = SignalSet::empty();
        some.extend(self.mine.iter().copied().filter(|_| random.below(2) == 0));
        match random.below(9) {
            0 | 1 if self.sections.len() < 4 => self.sections.push(enter()),
            2 => self.sections.pop().into_iter().for_each(leave),
            3 if self.masks.len() < 4 => {
                let guard = BlockGuard::new(some);
                assert_eq!(guard.previous(), self.mask);
                self.masks.push((MaskGuard::Block(guard), self.mask));
                self.mask |= some;
            }
            4 if self.masks.len() < 4 => {
                let guard = UnblockGuard::new(some);
                assert_eq!(guard.previous(), self.mask);
                self.masks.push((MaskGuard::Unblock(guard), self.mask));
                self.mask -= some;
            }
            5 => self.close_mask(),
            6 => raise_own(),
            7 => raise(SIGURG).unwrap(),
            8 => raise(SIGSEGV).unwrap(),
            _ => {}
        }
        self.check();
    }

    fn close_mask(&mut self) {
        if let Some((guard, mask)) = self.masks.pop() {
            drop(guard);
            self.mask = mask;
        }
    }

    fn check(&self) {
        assert_eq!(blocked(), self.mask);
        let own =
            || OWN_SENT.with(|sent| sent.load(SeqCst)) == OWN_HANDLED.with(|own| own.load(SeqCst));
        if self.sections.is_empty() {
            let kernel_mask = kernel_mask();
            for signal in Signal::all() {
                assert_eq!(
                    kernel_mask.contains(&signal.as_raw()),
                    self.mask.contains(signal),
                    "{signal} in the mask"
                );
            }
            assert!(own() || self.mask.contains(SIGTERM), "a signal that arrived is not handled");
        }
        assert!(own() || pending().contains(SIGTERM), "a signal is neither handled nor pending");
    }
}

pub fn walk(me: usize, mut random: Random) {
    ME.with(|place| place.store(me, SeqCst));
    // The handler of SIGSEGV and what arrives in it want more.
    no_alternate_stack();
    let mine = [SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGURG];
    let mine: Vec<Signal> = mine.into_iter().chain(Signal::realtime(1 + me as u32)).collect();
    let _open = UnblockGuard::new(mine.iter().copied().chain([SIGSEGV]).collect::<SignalSet>());
    // SAFETY: takes nothing.
    THREADS[me].store(unsafe { libc::pthread_self() } as usize, SeqCst);
    let mut walk = Walk { mine, mask: blocked(), masks: Vec::new(), sections: Vec::new() };
    while !FINISHED.load(SeqCst) {
        (0..random.below(60)).for_each(|_| walk.step(&mut random));
        WALKS.fetch_add(1, SeqCst);
        while !walk.masks.is_empty() || !walk.sections.is_empty() {
            if random.below(2) == 0 {
                walk.close_mask();
            } else {
                walk.sections.pop().into_iter().for_each(leave);
            }
            walk.check();
        }
    }
}
