//! Sequences that are played from their start, each in a process of its own: long ones by chance, a
//! failing one of which is made as short as it goes; and those with tokio, whose driver does not
//! survive the forks of `walk.rs`.

use crate::oracle::Oracle;
use crate::process;
use crate::report::{Report, Worker, LONGEST};
use crate::step::{Step, STEPS};
use crate::walk::{code, finish, judge, take};
use crate::world::World;
use std::time::Instant;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }
}

/// Takes steps until there are no more; those that are not allowed are left out.
fn play(steps: impl FnMut(&Oracle) -> Option<Step>, worker: &Worker) -> Result<(), String> {
    let (mut world, mut oracle, mut steps) = (World::default(), Oracle::default(), steps);
    while let Some(step) = steps(&oracle) {
        if oracle.allows(step) {
            take(&mut world, &mut oracle, step, worker)?;
        }
    }
    finish(&mut world, &mut oracle, worker)
}

/// Plays a sequence in a child, which notes what it does with a worker.
pub fn replay(steps: &[Step], worker: &Worker) -> Result<(), String> {
    worker.start();
    let mut steps = steps.iter().copied();
    judge(worker, process::run(|| code(worker, play(|_| steps.next(), worker))))
}

fn by_chance(seed: u64, worker: &Worker) -> Result<(), String> {
    worker.start();
    let mut random = Random(seed);
    let mut left = 7 + random.below(LONGEST - 20 - 7);
    let next = |oracle: &Oracle| {
        left = left.checked_sub(1)?;
        let step = STEPS[random.below(STEPS.len())];
        // A process dies once only.
        let deadly = step == Step::Kill && oracle.clone().kill().dies && random.below(16) > 0;
        Some(if deadly { Step::Save } else { step })
    };
    judge(worker, process::run(|| code(worker, play(next, worker))))
}

/// Leaves out each step without which the sequence fails as well.
fn shorten(steps: Vec<Step>, worker: &Worker) -> Vec<Step> {
    let mut steps = steps;
    let mut at = 0;
    while at < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(at);
        if replay(&fewer, worker).is_err() {
            (steps, at) = (fewer, 0);
        } else {
            at += 1;
        }
    }
    steps
}

/// Has processes work on every `jobs`th index each, as long as there are any.
fn share(jobs: usize, report: &'static Report, work: impl Fn(u64, &Worker) -> bool) {
    let start = |job: usize| {
        process::fork(|| {
            process::limit(0);
            let mut indices = (job as u64..).step_by(jobs);
            while indices.next().is_some_and(|index| work(index, &report.workers[job])) {}
            0
        })
    };
    let children: Vec<_> = (0..jobs).map(start).collect();
    for child in children {
        assert_eq!(process::wait(child).1, process::End::Exit(0));
    }
}

/// Runs `count` sequences that follow from `seed`, or fewer if the time is over.
pub fn all(report: &'static Report, seed: u64, count: u64, until: Option<Instant>, jobs: usize) {
    share(jobs, report, |index, worker| {
        if index >= count || until.is_some_and(|until| Instant::now() > until) {
            return false;
        }
        let result = by_chance(seed.wrapping_add(index), worker);
        report.count(worker.steps().len());
        // Many long ones fail for one reason.
        if result.is_err() && report.failed() < 200 {
            let steps = shorten(worker.steps(), worker);
            let wrong = replay(&steps, worker).err();
            report.fail(&steps, &wrong.unwrap_or_else(|| "fails now and then".into()));
        }
        true
    });
}

/// Sequences of these that a program could run, one for each length and order.
fn sequences(of: &[Step], length: usize) -> Vec<Vec<Step>> {
    let mut all = vec![(Vec::new(), Oracle::default())];
    let mut at = 0;
    while at < all.len() {
        let (taken, oracle) = all[at].clone();
        let is_next = |step: &&Step| taken.len() < length && oracle.allows(**step);
        for step in of.iter().filter(is_next) {
            let mut after = oracle.clone();
            if *step != Step::Kill {
                after.take(*step);
            } else if after.kill().dies {
                continue;
            }
            all.push(([&taken[..], &[*step]].concat(), after));
        }
        at += 1;
    }
    all.into_iter().map(|(steps, _)| steps).filter(|steps| !steps.is_empty()).collect()
}

/// All sequences up to a length of pipes, guards, signal-hook, a handler that calls nobody, and
/// tokio.
pub fn with_tokio(report: &'static Report, length: usize, jobs: usize) {
    use Step::*;
    let of = [
        Make(0),
        Drop(0),
        Make(2),
        Drop(2),
        Guard,
        Unguard,
        Register,
        Alone,
        Unalone,
        Listen,
        Unlisten,
        Kill,
    ];
    let mut sequences = sequences(&of, length);
    sequences.retain(|steps| steps.contains(&Listen));
    share(jobs, report, |index, worker| {
        let steps = sequences.get(index as usize);
        steps.inspect(|steps| report.count(steps.len()));
        if let Some(Err(wrong)) = steps.map(|steps| replay(steps, worker)) {
            report.fail(&worker.steps(), &wrong);
        }
        steps.is_some()
    });
}
