//! The orders of events that are tried: every one with few preemptions, and others by chance.

use crate::{kernel, memory};
use shuttle::scheduler::{RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner};
use std::cell::RefCell;

thread_local! {
    static PLACE: RefCell<String> = RefCell::default();
}

/// Which run this is.
pub(crate) fn place() -> String {
    PLACE.with_borrow(Clone::clone)
}

/// One decision: how many ways there were, and which was taken.
struct Choice {
    ways: usize,
    taken: usize,
}

/// Every order in which a thread that could run on is stopped `bound` times at most. Which thread
/// comes next is open too where one ends or sleeps; where one waits in a loop, the next has its
/// turn.
struct Bounded {
    bound: usize,
    path: Vec<Choice>,
    at: usize,
    preempted: usize,
    runs: usize,
}

impl Bounded {
    fn new(bound: usize) -> Bounded {
        Bounded { bound, path: Vec::new(), at: 0, preempted: 0, runs: 0 }
    }

    fn choose(&mut self, ways: usize) -> usize {
        if ways == 1 {
            return 0;
        }
        if self.at == self.path.len() {
            self.path.push(Choice { ways, taken: 0 });
        }
        let choice = &self.path[self.at];
        assert_eq!(choice.ways, ways, "a run does not repeat itself");
        self.at += 1;
        choice.taken
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.runs > 0 {
            while self.path.last().is_some_and(|choice| choice.taken + 1 == choice.ways) {
                self.path.pop();
            }
            self.path.last_mut()?.taken += 1;
        }
        (self.at, self.preempted) = (0, 0);
        self.runs += 1;
        let bound = self.bound;
        PLACE.set(format!("run {} of those with {bound} preemptions at most", self.runs));
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let ids: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        let running = current.and_then(|current| ids.iter().position(|id| *id == current));
        let next = match (current, running) {
            (Some(current), _) if is_yielding => {
                ids.iter().position(|id| *id > current).unwrap_or(0)
            }
            (_, Some(running)) => {
                let ways = if self.preempted < self.bound { ids.len() } else { 1 };
                match self.choose(ways) {
                    0 => running,
                    other => {
                        self.preempted += 1;
                        if other > running {
                            other
                        } else {
                            other - 1
                        }
                    }
                }
            }
            _ => self.choose(ids.len()),
        };
        Some(ids[next])
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("no model throws dice")
    }
}

/// Says which run this is.
struct Counted(RandomScheduler, usize);

impl Scheduler for Counted {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.1 += 1;
        PLACE.set(format!("run {} by chance", self.1));
        self.0.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.0.next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) -> usize {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let runs = Runner::new(scheduler, config).run(move || {
        memory::restore();
        kernel::begin();
        model();
        kernel::end();
    });
    memory::restore();
    runs
}

/// The machine has no `fcntl`, for no function of Rust takes what that takes: the real one sets the
/// flags of a real descriptor, which matter to no model.
fn open_real_descriptors() {
    // SAFETY: takes a plain value.
    while unsafe { libc::dup(2) } < 20 {}
}

/// Runs a model in every order with so many preemptions at most, and in so many others by chance;
/// how many that were.
pub fn explore(preemptions: usize, by_chance: usize, model: fn()) -> usize {
    open_real_descriptors();
    memory::forget();
    // Always the same ones: what is found is found again.
    let random = RandomScheduler::new_from_seed(7, by_chance);
    let mut runs = run(Counted(random, 0), model);
    // Until these orders too have shown no other memory to be shared.
    memory::learn();
    loop {
        runs += run(Bounded::new(preemptions), model);
        if !memory::learn() {
            return runs;
        }
    }
}
