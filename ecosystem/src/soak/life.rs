//! A process among all of them, for some rounds.

use super::actions::Actions;
use super::children::Children;
use super::kinds::{
    is_realtime, of_fd, piped, queued, realtime, waited, ACKNOWLEDGED, COUNTED, CROWDED, QUEUED,
    RAISED,
};
use super::ledger::{Count, Ledger, SENDERS};
use super::senders::{Sender, PATIENCE};
use crate::process::{self, End};
use crate::random::Random;
use crate::world::Listener;
use libc::c_int;
use signal::{BlockGuard, Handler, Info, InfoQueue, Pid, SelfPipe, Signal, SignalFd, SignalSet};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many rounds a life has: one in eight is long.
fn rounds(seed: u64) -> u64 {
    if seed.is_multiple_of(8) {
        400
    } else {
        40
    }
}

const THREADS: usize = 3;

static QUEUE: InfoQueue<64> = InfoQueue::new();

/// What the handlers of `COUNTED` and of `RAISED` count: the one below, and the guards'.
pub static COUNTS: [[AtomicUsize; 4]; 2] = [const { [const { AtomicUsize::new(0) }; 4] }; 2];

/// How often a handler of one of the two has counted.
pub fn counted(which: usize) -> u64 {
    COUNTS[which].iter().map(|count| count.load(SeqCst) as u64).sum()
}

pub struct Life {
    pub ledger: &'static Ledger,
    pub random: Random,
    pub pipe: SelfPipe,
    pub queue: SelfPipe,
    fd: SignalFd,
    pub children: Children,
    /// Values that were ordered and did not come yet: of the queue, and of the others.
    queued: HashSet<c_int>,
    waited: HashSet<c_int>,
    lost: u64,
    /// The next value of each sender.
    values: [c_int; SENDERS],
    /// How often `RAISED` was raised.
    pub raised: u64,
    pub alarms: u64,
    /// At the begin of a round: how many children have ended, and SIGCHLD was heard.
    at_begin: (u64, u64),
}

fn text(error: signal::Errno) -> String {
    error.to_string()
}

impl Life {
    fn begin(ledger: &'static Ledger, seed: u64) -> Result<Life, String> {
        let below = [(COUNTED, &COUNTS[0][0]), (RAISED, &COUNTS[1][0])];
        for (signal, count) in below {
            signal::install(signal, count).map_err(text)?;
        }
        signal::block(waited());
        Ok(Life {
            ledger,
            random: Random(seed),
            pipe: SelfPipe::new(piped()).map_err(text)?,
            queue: SelfPipe::with_queue(queued(), &QUEUE).map_err(text)?,
            fd: SignalFd::new(of_fd()).map_err(text)?,
            children: Children::default(),
            queued: HashSet::new(),
            waited: HashSet::new(),
            lost: 0,
            values: [0; SENDERS],
            raised: 0,
            alarms: 0,
            at_begin: (0, 0),
        })
    }

    /// Looks at everything, and for no longer than that waits for something to come.
    pub fn look(&mut self, timeout: Duration) -> Result<(), String> {
        let heard = self.pipe.wait_timeout(timeout).map_err(text)?.unwrap_or_default();
        for signal in heard {
            self.ledger.heard[signal.as_raw() as usize].fetch_add(1, SeqCst);
        }
        for (which, signal) in [COUNTED, RAISED].into_iter().enumerate() {
            self.ledger.heard[signal.as_raw() as usize].store(counted(which), SeqCst);
        }
        let infos: Vec<Info> = self.queue.infos().collect();
        for info in infos {
            take(&mut self.queued, &info, queued())?;
            self.ledger.add(Count::Read, 1);
        }
        while let Some(info) =
            SignalSet::from(waited()).wait_timeout(Duration::ZERO).map_err(text)?
        {
            take(&mut self.waited, &info, waited().into())?;
        }
        while let Some(info) = self.fd.read().map_err(text)? {
            take(&mut self.waited, &info, of_fd().into())?;
        }
        Ok(())
    }

    /// Gives each sender something to do.
    fn order(&mut self) -> SignalSet {
        let mut kinds: Vec<Signal> = ACKNOWLEDGED.into_iter().chain(CROWDED).collect();
        kinds.extend((0..QUEUED + 2).map(realtime).chain([COUNTED]));
        let mut ordered = SignalSet::empty();
        for sender in 0..SENDERS {
            let kind = kinds.swap_remove(self.random.below(kinds.len()));
            let (count, way) = (1 + self.random.below(120), self.random.below(3));
            self.ledger.trace(kind.as_raw() as u64 | (count as u64) << 8 | (way as u64) << 20);
            let first = (sender as c_int) << 24 | self.values[sender];
            if is_realtime(kind.as_raw()) {
                self.values[sender] += count as c_int;
                let of_queue = queued().contains(kind);
                let values = if of_queue { &mut self.queued } else { &mut self.waited };
                values.extend(first..first + count as c_int);
                let sent = if of_queue { Count::Queued } else { Count::Waited };
                self.ledger.add(sent, count as u64);
            } else {
                ordered.insert(kind);
            }
            self.ledger.orders[sender].give(kind.as_raw(), count as u32, way, first);
        }
        ordered
    }

    /// Until everything that was sent is accounted for.
    fn settle(&mut self, actions: &Actions, ordered: SignalSet) -> Result<(), String> {
        let start = Instant::now();
        loop {
            self.look(Duration::from_millis(1))?;
            let done = self.ledger.orders.iter().all(|order| order.is_done());
            if done && self.is_settled() && actions.has_heard(ordered) {
                break;
            }
            if self.ledger.has_failed.load(SeqCst) {
                return Err("another process has found something wrong".into());
            }
            if start.elapsed() > 2 * PATIENCE {
                return Err(self.account());
            }
        }
        let lost = QUEUE.lost() as u64;
        self.ledger.add(Count::Lost, lost - self.lost);
        self.lost = lost;
        self.queued.clear();
        Ok(())
    }

    /// Each signal that must have been heard once was, and no other more often than it was sent.
    fn is_settled(&self) -> bool {
        let exact = ACKNOWLEDGED.into_iter().chain([COUNTED, RAISED, signal::SIGALRM]);
        let lost = QUEUE.lost() as u64 - self.lost;
        let (ended, of_children) = self.at_begin;
        let of_children = self.ledger.heard(libc::SIGCHLD) > of_children;
        exact.map(Signal::as_raw).all(|kind| self.ledger.heard(kind) == self.sent(kind))
            && self.queued.len() as u64 == lost
            && self.waited.is_empty()
            && (of_children || self.children.ended == ended)
            && signal::pending().is_empty()
    }

    fn sent(&self, kind: c_int) -> u64 {
        match kind {
            kind if kind == RAISED.as_raw() => self.raised,
            kind if kind == libc::SIGALRM => self.alarms,
            kind => self.ledger.sent(kind),
        }
    }

    fn account(&self) -> String {
        let kinds = (1..32).filter(|kind| self.sent(*kind) + self.ledger.heard(*kind) > 0);
        let kinds: Vec<String> = kinds
            .map(|kind| format!("{kind}: {} of {}", self.ledger.heard(kind), self.sent(kind)))
            .collect();
        let lost = QUEUE.lost() as u64 - self.lost;
        let queued = format!("{} missing, {lost} lost", self.queued.len());
        let done = self.ledger.orders.iter().filter(|order| order.is_done()).count();
        let rest = format!("{} waited for, {:?} pending", self.waited.len(), signal::pending());
        format!("heard: {}; {queued}; {rest}; {done} senders are done", kinds.join(", "))
    }

    fn round(&mut self, actions: &mut Actions) -> Result<(), String> {
        let ordered = actions.begin_round(self)?;
        let ordered = (self.order() & piped()) & ordered;
        self.at_begin = (self.children.ended, self.ledger.heard(libc::SIGCHLD));
        for _ in 0..20 + self.random.below(40) {
            actions.take(self)?;
            self.ledger.add(Count::Actions, 1);
        }
        actions.end_round(self)?;
        self.children.reap(3, self.ledger)?;
        self.settle(actions, ordered)?;
        let (ended, heard) = (self.children.ended, self.ledger.heard(libc::SIGCHLD));
        if heard > ended {
            return Err(format!("{heard} SIGCHLD for {ended} children"));
        }
        for kind in CROWDED {
            let (sent, heard) = (self.ledger.sent(kind.as_raw()), self.ledger.heard(kind.as_raw()));
            if heard > sent || (sent > 0 && heard == 0) {
                return Err(format!("{kind}: heard {heard} times, sent {sent} times"));
            }
        }
        let mask = SignalSet::from([waited(), of_fd()]);
        if signal::blocked() != mask {
            return Err(format!("{:?} are blocked", signal::blocked()));
        }
        self.ledger.add(Count::Rounds, 1);
        Ok(())
    }

    /// What the whole life has heard.
    fn add_up(&self) {
        let sum = |kinds: &[Signal], of: &dyn Fn(c_int) -> u64| -> u64 {
            kinds.iter().map(|kind| of(kind.as_raw())).sum()
        };
        let (sent, heard) = (|kind| self.sent(kind), |kind| self.ledger.heard(kind));
        self.ledger.add(Count::Acknowledged, sum(&ACKNOWLEDGED, &heard));
        self.ledger.add(Count::Crowded, sum(&CROWDED, &sent));
        self.ledger.add(Count::Merged, sum(&CROWDED, &sent) - sum(&CROWDED, &heard));
        self.ledger.add(Count::Counted, sum(&[COUNTED, RAISED], &heard));
        self.ledger.add(Count::Alarms, heard(libc::SIGALRM));
        self.ledger.add(Count::Lives, 1);
    }
}

/// The value that an info has must have been sent, and not have come before.
fn take(values: &mut HashSet<c_int>, info: &Info, kinds: SignalSet) -> Result<(), String> {
    let value = info.value().filter(|_| kinds.contains(info.signal()));
    match value {
        Some(value) if values.remove(&value) => Ok(()),
        _ => Err(format!("{info:?} was not sent, or has come twice")),
    }
}

fn start_senders(ledger: &'static Ledger, children: &mut Children) -> Vec<JoinHandle<()>> {
    let target = Pid::current();
    for index in THREADS..SENDERS {
        let child = process::fork(|| {
            process::limit(0);
            // SAFETY: takes plain values: it ends with its parent.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            Sender { ledger, index, target, first: None }.work();
            10 + index as c_int
        });
        children.expect(Pid::from_raw(child).expect("a child"), End::Exit(10 + index as c_int));
    }
    // SAFETY: takes nothing.
    let first = unsafe { libc::pthread_self() };
    let start = |index| {
        let sender = Sender { ledger, index, target, first: Some(first) };
        // The steps of neighbours are this thread's alone.
        let _block = BlockGuard::new(signal::SIGUSR1);
        std::thread::spawn(move || sender.work())
    };
    (0..THREADS).map(start).collect()
}

/// What is installed for what the pipes watch.
fn handlers() -> Vec<(Signal, Handler)> {
    let handler = |signal| signal::query(signal).expect("a signal").handler();
    (piped() | queued()).iter().map(|signal| (signal, handler(signal))).collect()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// A life from its begin to its end.
pub fn live(ledger: &'static Ledger, seed: u64) -> Result<(), String> {
    ledger.begin_life();
    let mut actions = Actions::new();
    // The two descriptors of tokio's that a process has from its first listener on.
    drop(Listener::new(libc::SIGPWR));
    let (before, descriptors_before) = (handlers(), descriptors());
    let mut senders_of = Children::default();
    let mut life = Life::begin(ledger, seed)?;
    let threads = start_senders(ledger, &mut senders_of);
    for _ in 0..rounds(seed) {
        life.round(&mut actions)?;
        super::pause();
    }
    life.add_up();
    ledger.orders.iter().for_each(|order| order.give(0, 0, 0, 0));
    threads.into_iter().try_for_each(JoinHandle::join).map_err(|_| "a sender panicked")?;
    senders_of.reap(3, ledger)?;
    actions.end(ledger)?;
    drop(life);
    for (before, after) in before.into_iter().zip(handlers()) {
        if before != after && !actions.is_hooked(after.0) {
            return Err(format!("{} was left to {:?}", after.0, after.1));
        }
    }
    match descriptors() {
        after if after == descriptors_before => Ok(()),
        after => Err(format!("{after} descriptors, {descriptors_before} before")),
    }
}
