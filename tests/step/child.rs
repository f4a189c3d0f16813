//! What the traced child does in each round, and what must hold whenever the signal comes.

use super::operations::Operation;
use crate::common::raw::{disposition, kernel_mask, no_alternate_stack};
use crate::common::tracer::mark;
use crate::common::{fork, open_descriptors, process};
use signal::{
    child, install, pending, session, BlockGuard, Info, InfoQueue, InstallGuard, Pid, SelfPipe,
    Signal, SignalFd, SignalSet, UnblockGuard, SIGUSR1, SIGUSR2,
};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// The one that may come after each instruction.
pub const SIGNAL: Signal = SIGUSR1;

/// What the handlers of the signal count: that below, and the one of an operation.
pub static BELOW: AtomicUsize = AtomicUsize::new(0);
pub static ABOVE: AtomicUsize = AtomicUsize::new(0);
/// For another signal, which the operations use.
pub static OTHER: AtomicUsize = AtomicUsize::new(0);

static QUEUE: InfoQueue<8> = InfoQueue::new();
pub static SECOND_QUEUE: InfoQueue<8> = InfoQueue::new();

/// What an operation works with, from its `before` to its `after`.
#[derive(Default)]
pub struct Desk {
    /// A pipe that watches the signal all the time, with a queue.
    pub pipe: Option<SelfPipe>,
    pub second: Option<SelfPipe>,
    pub fd: Option<SignalFd>,
    pub guard: Option<InstallGuard>,
    pub block: Option<BlockGuard>,
    pub unblock: Option<UnblockGuard>,
    pub child: Option<Pid>,
    /// What `pipe` has reported already; and how often something else has taken the signal.
    pub reported: SignalSet,
    pub infos: usize,
    pub taken: usize,
}

impl Desk {
    pub fn pipe(&self) -> &SelfPipe {
        self.pipe.as_ref().expect("the operation asks for it")
    }

    pub fn second(&self) -> &SelfPipe {
        self.second.as_ref().expect("made before")
    }

    pub fn child(&self) -> Pid {
        self.child.expect("forked before")
    }

    /// A report of the pipe, which must not be the second of the same signal.
    pub fn report(&mut self, set: SignalSet) {
        assert!((set & self.reported).is_empty(), "{set:?} was reported twice");
        self.reported |= set;
    }

    pub fn take(&mut self, info: Info) {
        self.taken += usize::from(info.signal() == SIGNAL);
    }

    /// A child that has ended.
    pub fn zombie(&mut self) {
        let child = fork(|| 5);
        process::wait_for_zombie(child);
        self.child = Some(child);
    }

    pub fn reaped(&mut self, exited: Option<child::Exited>) {
        let exited = exited.expect("it has ended");
        assert_eq!((Some(exited.pid), exited.status.code()), (self.child.take(), Some(5)));
    }

    /// The same, as the leader of a group.
    pub fn zombie_group(&mut self) {
        self.zombie();
        session::join_group(self.child(), self.child()).unwrap();
    }

    /// A child that runs.
    pub fn sleeper(&mut self) {
        // In a group of its own the harness does not find it.
        self.child = Some(fork(|| {
            // SAFETY: takes plain values.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            process::sleep_forever()
        }));
    }

    pub fn sleeping_group(&mut self) {
        self.sleeper();
        session::join_group(self.child(), self.child()).unwrap();
    }

    pub fn end_sleeper(&mut self) {
        let child = self.child.take().expect("started before");
        signal::kill(child, signal::SIGKILL).unwrap();
        process::wait(child, 0);
    }

    /// The other signal, pending.
    pub fn other_is_pending(&mut self, also: impl Into<SignalSet>) {
        self.block = Some(BlockGuard::new(also.into() | SIGUSR2));
        signal::raise(SIGUSR2).unwrap();
    }

    /// Takes the other signal, if it is still pending, and unblocks what was blocked.
    pub fn take_other(&mut self) {
        while let Some(info) = SignalSet::from(SIGUSR2).wait_timeout(Duration::ZERO).unwrap() {
            assert_eq!(info.signal(), SIGUSR2);
        }
        self.block = None;
    }
}

/// A word that the tracer shares with its children: whether it has sent the signal.
pub fn shared() -> &'static AtomicU32 {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, which is never given back, and zero is valid.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast::<AtomicU32>()
    }
}

type State = (Vec<(Vec<i32>, Vec<u8>)>, Vec<i32>, Vec<i32>, SignalSet);

fn state() -> State {
    let dispositions = (1..32).filter_map(Signal::from_raw).map(disposition).collect();
    (dispositions, kernel_mask(), open_descriptors(), pending())
}

/// What there is before the first round. The pipe over the handler, if the operation wants it.
pub fn desk(operation: &Operation) -> Desk {
    install(SIGNAL, &BELOW).unwrap();
    install(SIGUSR2, &OTHER).unwrap();
    let pipe = operation.piped.then(|| SelfPipe::with_queue(SIGNAL, &QUEUE).unwrap());
    Desk { pipe, ..Desk::default() }
}

/// In the child: rounds for ever, or one and a mark.
pub fn run(operation: &Operation, sent: &AtomicU32, desk: &mut Desk) -> i32 {
    no_alternate_stack();
    loop {
        round(operation, sent, desk);
        if operation.once {
            mark();
        }
    }
}

fn round(operation: &Operation, sent: &AtomicU32, desk: &mut Desk) {
    [&BELOW, &ABOVE, &OTHER].iter().for_each(|count| count.store(0, SeqCst));
    let before = state();
    (operation.before)(desk);
    mark();
    (operation.body)(desk);
    mark();
    (operation.after)(desk);
    check(operation, sent.load(SeqCst) as usize, desk);
    assert_eq!(state(), before, "{}: the state", operation.name);
}

/// Heard exactly once if it was sent, otherwise not at all.
fn check(operation: &Operation, sent: usize, desk: &mut Desk) {
    let (handled, taken) =
        (BELOW.load(SeqCst) + ABOVE.load(SeqCst), std::mem::take(&mut desk.taken));
    assert_eq!(handled + taken, sent, "{}: handled", operation.name);
    if operation.piped {
        let rest = desk.pipe().pending();
        desk.report(rest);
        let infos = desk.pipe().infos().count() + std::mem::take(&mut desk.infos);
        let reported = std::mem::take(&mut desk.reported);
        assert_eq!(usize::from(reported.contains(SIGNAL)), handled, "{}: the set", operation.name);
        // What comes for a child before it has made the pipe its own is lost to the queue.
        let infos = infos + if operation.once { QUEUE.lost() } else { 0 };
        assert_eq!(infos, handled, "{}: the queue", operation.name);
    }
}
