//! What POSIX says of dispositions, masks and what is pending, for one thread: a model to compare
//! the library with. Where POSIX leaves it open it does as Linux: a signal that is ignored stays
//! pending while it is blocked.

use libc::c_int;
use signal::{Handler, Signal, SignalSet};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Two that end a process by default, one that does nothing, two that queue.
pub fn kinds() -> [Signal; 5] {
    let realtime = |offset| Signal::realtime(offset).expect("Linux has 30 of them");
    [signal::SIGUSR1, signal::SIGTERM, signal::SIGURG, realtime(0), realtime(1)]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Default,
    Ignore,
    Count,
    FlagOrDefault,
}

/// Signals by their place among `kinds`, sets as bits of these.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Install(usize, Disposition),
    InstallUnlessIgnored(usize, Disposition),
    Block(u8),
    Unblock(u8),
    SetBlocked(u8),
    /// `BlockGuard`, `UnblockGuard`, and the drop of the last.
    Guard(u8),
    OpenGuard(u8),
    DropGuard,
    Kill(usize),
    Queue(usize, c_int),
    Suspend(u8),
    Wait(u8),
    ClearFlag(usize),
}

/// What can be seen after each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the call has returned, as text.
    pub result: String,
    pub blocked: u8,
    pub pending: u8,
    pub counts: [usize; 5],
    pub flags: [bool; 5],
    pub installed: [Disposition; 5],
}

#[derive(Clone, Debug)]
pub struct Model {
    installed: [Disposition; 5],
    blocked: u8,
    guards: Vec<u8>,
    /// The values of each that is pending; `None` for one without.
    pending: BTreeMap<usize, VecDeque<Option<c_int>>>,
    counts: [usize; 5],
    flags: [bool; 5],
    /// By one of which signals the process has died. A handler that has the default happen begins
    /// after the kernel has looked at the others that are pending.
    pub dead: Option<u8>,
}

const URGENT: usize = 2;

fn is_realtime(kind: usize) -> bool {
    kind > URGENT
}

fn has(set: u8, kind: usize) -> bool {
    set >> kind & 1 == 1
}

impl Default for Model {
    fn default() -> Model {
        Model {
            installed: [Disposition::Default; 5],
            blocked: 0,
            guards: Vec::new(),
            pending: BTreeMap::new(),
            counts: [0; 5],
            flags: [false; 5],
            dead: None,
        }
    }
}

impl Model {
    fn is_ignored(&self, kind: usize) -> bool {
        match self.installed[kind] {
            Disposition::Ignore => true,
            Disposition::Default => kind == URGENT,
            _ => false,
        }
    }

    fn deliver(&mut self, kind: usize) {
        match self.installed[kind] {
            Disposition::Count => self.counts[kind] += 1,
            Disposition::FlagOrDefault if !self.flags[kind] => self.flags[kind] = true,
            Disposition::Ignore => {}
            _ if kind == URGENT => {
                // The library has the default happen, and then the handler is gone.
            }
            _ => self.dead = self.dead.or(Some(1 << kind | self.deadly())),
        }
    }

    /// What is pending, may be delivered, and can end the process.
    fn deadly(&self) -> u8 {
        let may = |kind: &usize| match self.installed[*kind] {
            Disposition::Default => *kind != URGENT,
            disposition => disposition == Disposition::FlagOrDefault,
        };
        self.pending.keys().filter(|kind| may(kind)).fold(0, |set, kind| set | 1 << kind)
            & !self.blocked
    }

    /// Delivers what may be, the lowest first, until one ends the process.
    fn deliver_pending(&mut self) {
        while let Some(kind) = self.pending.keys().copied().find(|kind| !has(self.blocked, *kind)) {
            self.take(kind);
            if self.dead.is_none() {
                self.deliver(kind);
            }
        }
    }

    fn take(&mut self, kind: usize) -> Option<c_int> {
        let values = self.pending.get_mut(&kind)?;
        let value = values.pop_front().flatten();
        if values.is_empty() {
            self.pending.remove(&kind);
        }
        value
    }

    fn send(&mut self, kind: usize, value: Option<c_int>) {
        if !has(self.blocked, kind) {
            return self.deliver(kind);
        }
        let values = self.pending.entry(kind).or_default();
        if values.is_empty() || is_realtime(kind) {
            values.push_back(value);
        }
    }

    fn set_blocked(&mut self, set: u8) -> String {
        let old = std::mem::replace(&mut self.blocked, set);
        self.deliver_pending();
        format!("{old:05b}")
    }

    fn install(&mut self, kind: usize, new: Disposition) -> String {
        let old = std::mem::replace(&mut self.installed[kind], new);
        if self.is_ignored(kind) {
            self.pending.remove(&kind);
        }
        format!("{old:?}")
    }

    fn pending_set(&self) -> u8 {
        self.pending.keys().fold(0, |set, kind| set | 1 << kind)
    }

    /// Whether a program may make the call: `suspend` would sleep for ever; the guards are dropped
    /// in their order.
    pub fn allows(&self, call: Call) -> bool {
        match call {
            Call::Suspend(set) => {
                (0..5).any(|kind| has(self.pending_set() & !set, kind) && !self.is_ignored(kind))
            }
            Call::Wait(set) => set != 0 && set & !self.blocked == 0,
            Call::DropGuard => !self.guards.is_empty(),
            Call::Block(_) | Call::Unblock(_) | Call::SetBlocked(_) => self.guards.is_empty(),
            Call::Queue(kind, _) => is_realtime(kind),
            // With a default that does nothing the flag would say nothing.
            Call::Install(kind, new) | Call::InstallUnlessIgnored(kind, new) => {
                kind != URGENT || new != Disposition::FlagOrDefault
            }
            _ => true,
        }
    }

    /// Makes the call; what it returns.
    pub fn call(&mut self, call: Call) -> String {
        match call {
            Call::Install(kind, new) => self.install(kind, new),
            Call::InstallUnlessIgnored(kind, _) if self.installed[kind] == Disposition::Ignore => {
                "ignored".into()
            }
            Call::InstallUnlessIgnored(kind, new) => self.install(kind, new),
            Call::Block(set) => self.set_blocked(self.blocked | set),
            Call::Unblock(set) => self.set_blocked(self.blocked & !set),
            Call::SetBlocked(set) => self.set_blocked(set),
            Call::Guard(set) => {
                self.guards.push(self.blocked);
                self.set_blocked(self.blocked | set)
            }
            Call::OpenGuard(set) => {
                self.guards.push(self.blocked);
                self.set_blocked(self.blocked & !set)
            }
            Call::DropGuard => {
                let before = self.guards.pop().expect("allowed");
                self.set_blocked(before);
                String::new()
            }
            Call::Kill(kind) => {
                self.send(kind, None);
                String::new()
            }
            Call::Queue(kind, value) => {
                self.send(kind, Some(value));
                String::new()
            }
            Call::Suspend(set) => {
                let before = std::mem::replace(&mut self.blocked, set);
                // The lowest one with a handler once: that blocks it until it returns, after the
                // others, to the mask of before.
                let pending = |kind: &usize| self.pending.contains_key(kind) && !has(set, *kind);
                let lowest = (0..5).find(|kind| pending(kind) && !self.is_ignored(*kind));
                let later = lowest
                    .and_then(|kind| self.pending.get_mut(&kind).map(|values| values.split_off(1)));
                self.deliver_pending();
                if let Some((kind, values)) = lowest.zip(later) {
                    if !values.is_empty() {
                        self.pending.insert(kind, values);
                    }
                }
                self.blocked = before;
                String::new()
            }
            Call::Wait(set) => {
                let first = self.pending.keys().copied().find(|kind| has(set, *kind));
                first.map_or("nothing".into(), |kind| format!("{kind} {:?}", self.take(kind)))
            }
            Call::ClearFlag(kind) => std::mem::take(&mut self.flags[kind]).to_string(),
        }
    }

    pub fn seen(&self, result: String) -> Seen {
        Seen {
            result,
            blocked: self.blocked,
            pending: self.pending_set(),
            counts: self.counts,
            flags: self.flags,
            installed: self.installed,
        }
    }
}

static COUNTS: [AtomicUsize; 5] = [const { AtomicUsize::new(0) }; 5];
static FLAGS: [AtomicBool; 5] = [const { AtomicBool::new(false) }; 5];

enum Guard {
    Closed { _guard: signal::BlockGuard },
    Open { _guard: signal::UnblockGuard },
}

/// The library.
#[derive(Default)]
pub struct Real {
    guards: Vec<Guard>,
}

fn to_set(bits: u8) -> SignalSet {
    (0..5).filter(|kind| has(bits, *kind)).map(|kind| kinds()[kind]).collect()
}

fn to_bits(set: SignalSet) -> u8 {
    (0..5).filter(|kind| set.contains(kinds()[*kind])).fold(0, |bits, kind| bits | 1 << kind)
}

fn handler(kind: usize, disposition: Disposition) -> Handler {
    match disposition {
        Disposition::Default => Handler::Default,
        Disposition::Ignore => Handler::Ignore,
        Disposition::Count => Handler::Count(&COUNTS[kind]),
        Disposition::FlagOrDefault => Handler::FlagOrDefault(&FLAGS[kind]),
    }
}

fn disposition(handler: Handler) -> Disposition {
    match handler {
        Handler::Default => Disposition::Default,
        Handler::Ignore => Disposition::Ignore,
        Handler::Count(_) => Disposition::Count,
        Handler::FlagOrDefault(_) => Disposition::FlagOrDefault,
        other => panic!("{other:?} was not installed"),
    }
}

impl Real {
    pub fn call(&mut self, call: Call) -> signal::Result<String> {
        let mask = |set| format!("{:05b}", to_bits(set));
        Ok(match call {
            Call::Install(kind, new) => {
                let old = signal::install(kinds()[kind], handler(kind, new))?;
                format!("{:?}", disposition(old.handler()))
            }
            Call::InstallUnlessIgnored(kind, new) => {
                let old = signal::install_unless_ignored(kinds()[kind], handler(kind, new))?;
                old.map_or("ignored".into(), |old| format!("{:?}", disposition(old.handler())))
            }
            Call::Block(set) => mask(signal::block(to_set(set))),
            Call::Unblock(set) => mask(signal::unblock(to_set(set))),
            Call::SetBlocked(set) => mask(signal::set_blocked(to_set(set))),
            Call::Guard(set) => {
                let _guard = signal::BlockGuard::new(to_set(set));
                let previous = _guard.previous();
                self.guards.push(Guard::Closed { _guard });
                mask(previous)
            }
            Call::OpenGuard(set) => {
                let _guard = signal::UnblockGuard::new(to_set(set));
                let previous = _guard.previous();
                self.guards.push(Guard::Open { _guard });
                mask(previous)
            }
            Call::DropGuard => {
                self.guards.pop();
                String::new()
            }
            Call::Kill(kind) => {
                signal::kill(signal::Pid::current(), kinds()[kind])?;
                String::new()
            }
            Call::Queue(kind, value) => {
                signal::queue(signal::Pid::current(), kinds()[kind], value)?;
                String::new()
            }
            Call::Suspend(set) => {
                signal::suspend(to_set(set));
                String::new()
            }
            Call::Wait(set) => {
                let taken = to_set(set).wait_timeout(Duration::ZERO)?;
                taken.map_or("nothing".into(), |info| {
                    let kind = kinds().iter().position(|kind| *kind == info.signal());
                    format!("{} {:?}", kind.expect("one of these"), info.value())
                })
            }
            Call::ClearFlag(kind) => FLAGS[kind].swap(false, SeqCst).to_string(),
        })
    }

    pub fn seen(&self, result: String) -> signal::Result<Seen> {
        let mut installed = [Disposition::Default; 5];
        for (installed, kind) in installed.iter_mut().zip(kinds()) {
            *installed = disposition(signal::query(kind)?.handler());
        }
        Ok(Seen {
            result,
            blocked: to_bits(signal::blocked()),
            pending: to_bits(signal::pending()),
            counts: std::array::from_fn(|kind| COUNTS[kind].load(SeqCst)),
            flags: std::array::from_fn(|kind| FLAGS[kind].load(SeqCst)),
            installed,
        })
    }
}
