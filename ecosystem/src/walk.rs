//! All sequences up to a length, as a tree: a process that has taken some steps forks for each that
//! may come next.

use crate::oracle::Oracle;
use crate::process::{self, End};
use crate::report::{Report, Worker};
use crate::step::{Step, PIPES, STEPS};
use crate::world::World;
use libc::c_int;
use std::sync::atomic::Ordering::SeqCst;

/// Takes a step for real and in the oracle, and compares. The process may have to die of it.
pub fn take(
    world: &mut World,
    oracle: &mut Oracle,
    step: Step,
    worker: &Worker,
) -> Result<(), String> {
    worker.note(step);
    if step == Step::Kill {
        let expected = oracle.kill();
        worker.deadly.store(expected.dies, SeqCst);
        world.take(step).expect("sent");
        let heard = world.heard();
        if heard != expected {
            return Err(format!("{heard} instead of {expected}"));
        }
    } else {
        match world.take(step) {
            Ok(()) => oracle.take(step),
            Err(libc::ELOOP) if oracle.may_refuse(step) => {}
            Err(error) => return Err(format!("{step}: error {error}")),
        }
    }
    if world.has_installed(oracle.now) {
        Ok(())
    } else {
        Err(format!("{:?} should be installed after {step}", oracle.now))
    }
}

/// A kill, and the end of everything that is ours.
pub fn finish(world: &mut World, oracle: &mut Oracle, worker: &Worker) -> Result<(), String> {
    take(world, oracle, Step::Kill, worker)?;
    let guards = [Step::Unguard; 2];
    for step in (0..PIPES).map(Step::Drop).chain(guards) {
        if oracle.allows(step) {
            take(world, oracle, step, worker)?;
        }
    }
    Ok(())
}

/// The exit code of a child that was to do that.
pub fn code(worker: &Worker, result: Result<(), String>) -> c_int {
    result.map_or_else(|wrong| (worker.wrong.set(&wrong), process::WRONG).1, |()| 0)
}

/// What was wrong with a child that has ended.
pub fn judge(worker: &Worker, end: End) -> Result<(), String> {
    let deadly = worker.deadly.swap(false, SeqCst);
    match end {
        End::Signal(libc::SIGUSR1) if deadly => Ok(()),
        End::Exit(0) if !deadly => Ok(()),
        End::Exit(process::WRONG) => Err(worker.wrong.get()),
        other => Err(format!("{other:?}")),
    }
}

/// Whether a kill now is a step of its own; or else it changes nothing, and can be tried on the
/// way.
fn kill_matters(oracle: &Oracle) -> bool {
    let mut after = oracle.clone();
    after.kill().dies || after != *oracle
}

struct Walk<'a> {
    report: &'a Report,
    worker: &'a Worker,
    world: World,
    oracle: Oracle,
    taken: Vec<Step>,
    length: usize,
}

impl Walk<'_> {
    fn next_steps(&self) -> Vec<Step> {
        // tokio's driver does not survive a fork.
        let is_next = |step: &Step| match step {
            Step::Listen | Step::Unlisten => false,
            Step::Kill => kill_matters(&self.oracle),
            step => self.oracle.allows(*step),
        };
        STEPS.iter().copied().filter(is_next).collect()
    }

    /// In a child: takes one more step and goes on from there.
    fn descend(&mut self, step: Step) -> Result<(), String> {
        self.taken.push(step);
        self.report.count(self.taken.len());
        take(&mut self.world, &mut self.oracle, step, self.worker)?;
        if self.taken.len() == self.length {
            return finish(&mut self.world, &mut self.oracle, self.worker);
        }
        if !kill_matters(&self.oracle) {
            take(&mut self.world, &mut self.oracle, Step::Kill, self.worker)?;
        }
        process::limit(0);
        for step in self.next_steps() {
            let end = process::run(|| code(self.worker, self.descend(step)));
            self.judge(step, end);
        }
        Ok(())
    }

    fn judge(&self, step: Step, end: End) {
        if let Err(wrong) = judge(self.worker, end) {
            self.report.fail(&[&self.taken[..], &[step]].concat(), &wrong);
        }
    }
}

/// Runs all sequences up to a length, in so many processes at a time.
pub fn all(report: &'static Report, length: usize, jobs: usize) {
    let walk = |worker| Walk {
        report,
        worker: &report.workers[worker],
        world: World::default(),
        oracle: Oracle::default(),
        taken: Vec::new(),
        length,
    };
    let mut running = Vec::new();
    let reap = |running: &mut Vec<(libc::pid_t, usize, Step)>| {
        let (pid, end) = process::wait(-1);
        let at = running.iter().position(|child| child.0 == pid).expect("a child of this process");
        let (_, worker, step) = running.swap_remove(at);
        walk(worker).judge(step, end);
    };
    for (worker, step) in walk(0).next_steps().into_iter().enumerate() {
        if running.len() == jobs {
            reap(&mut running);
        }
        let pid = process::fork(|| code(&report.workers[worker], walk(worker).descend(step)));
        running.push((pid, worker, step));
    }
    while !running.is_empty() {
        reap(&mut running);
    }
}
