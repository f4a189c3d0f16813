//! What is to be looked at: services about which something has changed, and deadlines.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// By position.
#[derive(Default)]
pub struct Agenda {
    queue: VecDeque<usize>,
    queued: Vec<bool>,
    timers: BTreeSet<(Instant, usize)>,
    scheduled: Vec<Option<Instant>>,
}

impl Agenda {
    /// For so many services, all of which are to be looked at.
    pub fn new(count: usize, deadline: impl Fn(usize) -> Option<Instant>) -> Agenda {
        let mut agenda = Agenda {
            queue: (0..count).collect(),
            queued: vec![true; count],
            timers: BTreeSet::new(),
            scheduled: vec![None; count],
        };
        (0..count).for_each(|index| agenda.schedule(index, deadline(index)));
        agenda
    }

    pub fn push(&mut self, index: usize) {
        if !std::mem::replace(&mut self.queued[index], true) {
            self.queue.push_back(index);
        }
    }

    pub fn pop(&mut self) -> Option<usize> {
        let index = self.queue.pop_front()?;
        self.queued[index] = false;
        Some(index)
    }

    /// Whether something about it has changed that has not been looked at.
    pub fn has(&self, index: usize) -> bool {
        self.queued[index]
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn schedule(&mut self, index: usize, at: Option<Instant>) {
        if self.scheduled[index] == at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.scheduled[index], at) {
            self.timers.remove(&(before, index));
        }
        if let Some(at) = at {
            self.timers.insert((at, index));
        }
    }

    /// Those whose time has come. They are to be scheduled again.
    pub fn due(&mut self, now: Instant) -> Vec<usize> {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, index)| *index).collect()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }
}
