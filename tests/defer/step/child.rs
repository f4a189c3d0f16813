//! What the traced child does in each round, and what must hold whenever the signal comes.

use crate::common::raw::{self, kernel_mask};
use crate::common::tracer::mark;
use crate::defer::fail;
use signal::{
    blocked, install, pending, raise, BlockGuard, DeferGuard, Handler, Signal, SignalSet,
    UnblockGuard, SIGBUS, SIGHUP, SIGTERM, SIGURG, SIGUSR1, SIGUSR2,
};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Whose the handler of SIGBUS is, and whether it leaves a section open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Ours,
    Foreign,
    LeavesOpen,
}

/// The one that is stepped through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    Enter,
    Arrive,
    Block,
    DropBlock,
    Unblock,
    DropUnblock,
    Leave,
}

impl Operation {
    /// Each before and after the arrival. A section that is left open would change all but the last.
    pub fn all(fault: Fault) -> impl Iterator<Item = (Operation, bool)> {
        use Operation::*;
        let after = [Block, DropBlock, Unblock, DropUnblock, Leave];
        let before = [Enter].into_iter().chain(after).map(|operation| (operation, false));
        before.chain([Arrive].into_iter().chain(after).map(|operation| (operation, true))).filter(
            move |(operation, _)| fault != Fault::LeavesOpen || *operation == Operation::Leave,
        )
    }
}

/// The section that a handler has left open, until the program ends it.
struct LeftOpen(Cell<Option<DeferGuard>>);

// SAFETY: the child has one thread.
unsafe impl Sync for LeftOpen {}
static LEFT_OPEN: LeftOpen = LeftOpen(Cell::new(None));
static LEAVES_OPEN: AtomicBool = AtomicBool::new(false);

/// In how many sections the thread is: incremented after entering, decremented before leaving.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static SENT: AtomicUsize = AtomicUsize::new(0);
static HANDLED: AtomicUsize = AtomicUsize::new(0);
static ARRIVED: AtomicUsize = AtomicUsize::new(0);
static NESTED: AtomicUsize = AtomicUsize::new(0);
static FAULTS: AtomicUsize = AtomicUsize::new(0);

fn must(holds: bool, why: &str) {
    if !holds {
        fail(why)
    }
}

fn on_signal(signal: Signal) {
    must(INSIDE.load(SeqCst) == 0, "a handler ran in a section\n");
    must(blocked().contains(signal) && blocked().contains(SIGHUP), "a handler without its mask\n");
    if signal == SIGUSR1 { &HANDLED } else { &ARRIVED }.fetch_add(1, SeqCst);
    if blocked().contains(SIGURG) || LEAVES_OPEN.load(SeqCst) {
        // It has interrupted that one's handler, or a fault may leave open what would end here.
        return;
    }
    // No section is open: what arrives in this one is handled before its end.
    let section = DeferGuard::new();
    let before = NESTED.load(SeqCst);
    let _ = raise(SIGURG);
    must(NESTED.load(SeqCst) == before, "a handler ran in a section of a handler\n");
    drop(section);
    must(NESTED.load(SeqCst) > before, "the end of a section of a handler\n");
}

/// Uses everything that a handler may use.
fn on_fault() {
    FAULTS.fetch_add(1, SeqCst);
    let before = blocked();
    let block = BlockGuard::new(SIGTERM | SIGUSR1);
    must(block.previous() == before && blocked() == before | SIGTERM | SIGUSR1, "block\n");
    let _ = raise(SIGTERM);
    let taken = SignalSet::from(SIGTERM).wait_timeout(Duration::ZERO);
    must(taken.map_or(false, |info| info.map_or(false, |info| info.signal() == SIGTERM)), "wait\n");
    let unblock = UnblockGuard::new(SIGHUP | SIGTERM);
    must(blocked() == (before | SIGUSR1) - (SIGHUP | SIGTERM), "unblock\n");
    drop(unblock);
    drop(block);
    must(blocked() == before, "the guards of a fault's handler\n");
    let section = DeferGuard::new();
    INSIDE.fetch_add(1, SeqCst);
    SENT.fetch_add(1, SeqCst);
    let _ = raise(SIGUSR1);
    must(pending().contains(SIGUSR1), "kept from running\n");
    drop(UnblockGuard::new(SIGUSR1));
    must(blocked() == before, "the section of a fault's handler\n");
    INSIDE.fetch_sub(1, SeqCst);
    drop(section);
    must(blocked() == before, "after the section of a fault's handler\n");
}

/// What comes in it is handled when it ends. (Where the fault falls between `leave`'s look at the
/// count and its store, the section is not counted, and what has come is handled at once.)
fn leave_open() {
    FAULTS.fetch_add(1, SeqCst);
    LEFT_OPEN.0.set(Some(DeferGuard::new()));
    SENT.fetch_add(1, SeqCst);
    let _ = raise(SIGUSR1);
    must(pending().contains(SIGUSR1) && HANDLED.load(SeqCst) == 0, "a section left open\n");
}

extern "C" fn foreign(_: libc::c_int) {
    on_fault();
}

pub fn run(stepped: Operation, arrived: bool, fault: Fault) -> ! {
    raw::no_alternate_stack();
    // SAFETY: guards, waiting, raise, write, _exit and atomics.
    unsafe {
        install(SIGUSR1, Handler::new(on_signal)).unwrap();
        install(SIGUSR2, Handler::new(on_signal)).unwrap();
        install(SIGURG, &NESTED).unwrap();
        install(SIGTERM, Handler::new(|_| fail("a signal that was waited for\n"))).unwrap();
        install(SIGBUS, Handler::new(|_| on_fault())).unwrap();
    }
    if fault == Fault::LeavesOpen {
        LEAVES_OPEN.store(true, SeqCst);
        // SAFETY: a guard, raise, write, _exit and atomics.
        unsafe { install(SIGBUS, Handler::new(|_| leave_open())).unwrap() };
    } else if fault == Fault::Foreign {
        raw::set(SIGBUS, foreign as raw::Plain as usize, 0, &[SIGUSR2]);
    }
    let _outside = BlockGuard::new(SIGHUP);
    let mask = kernel_mask();
    // The tracer takes over.
    mark();
    loop {
        [&SENT, &HANDLED, &ARRIVED, &FAULTS].iter().for_each(|count| count.store(0, SeqCst));
        round(stepped, arrived);
        check(arrived, &mask);
    }
}

fn round(stepped: Operation, arrived: bool) {
    let at = |operation| {
        if operation == stepped {
            mark();
        }
    };
    at(Operation::Enter);
    let section = DeferGuard::new();
    at(Operation::Enter);
    INSIDE.fetch_add(1, SeqCst);
    at(Operation::Arrive);
    if arrived {
        raise(SIGUSR2).unwrap();
    }
    at(Operation::Arrive);
    at(Operation::Block);
    let block = BlockGuard::new(SIGTERM);
    at(Operation::Block);
    assert_eq!((block.previous(), blocked()), (SIGHUP.into(), SIGHUP | SIGTERM));
    at(Operation::DropBlock);
    drop(block);
    at(Operation::DropBlock);
    assert_eq!(blocked(), SIGHUP.into());
    at(Operation::Unblock);
    let unblock = UnblockGuard::new(SIGHUP);
    at(Operation::Unblock);
    assert_eq!((unblock.previous(), blocked()), (SIGHUP.into(), SignalSet::empty()));
    at(Operation::DropUnblock);
    drop(unblock);
    at(Operation::DropUnblock);
    assert_eq!(blocked(), SIGHUP.into());
    INSIDE.fetch_sub(1, SeqCst);
    at(Operation::Leave);
    drop(section);
    at(Operation::Leave);
    drop(LEFT_OPEN.0.take());
}

fn check(arrived: bool, mask: &[i32]) {
    assert_eq!(
        (kernel_mask(), blocked(), pending()),
        (mask.to_vec(), SIGHUP.into(), SignalSet::empty())
    );
    assert_eq!(ARRIVED.load(SeqCst), usize::from(arrived));
    let (faults, sent, handled) = (FAULTS.load(SeqCst), SENT.load(SeqCst), HANDLED.load(SeqCst));
    assert!(
        faults <= 1 && sent == faults && handled <= 1 && handled >= faults,
        "{faults} {sent} {handled}"
    );
    // What a section has left behind would show in the next, where the program blocks everything.
    let block = BlockGuard::new(SignalSet::asynchronous());
    let full = kernel_mask();
    drop(DeferGuard::new());
    assert_eq!((kernel_mask(), block.previous()), (full, SIGHUP.into()));
    drop(block);
    assert_eq!((kernel_mask(), HANDLED.load(SeqCst)), (mask.to_vec(), handled));
}
