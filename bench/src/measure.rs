//! Measures each source once, for all rows that show it.

use crate::builds;
use crate::contestants::{self, Operation};
use crate::counts;
use crate::report::{Cell, Row, PEERS};
use crate::rows::{Source, Spec};
use crate::server;
use crate::stats::{interleave, Samples};
use crate::workers;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub struct Bench {
    quick: bool,
    /// The repository.
    pub root: PathBuf,
    /// For everything that is built.
    pub target: PathBuf,
    start: Instant,
    measured: HashMap<Source, Vec<Samples>>,
}

impl Bench {
    pub fn new(quick: bool, root: PathBuf, target: PathBuf) -> Bench {
        Bench { quick, root, target, start: Instant::now(), measured: HashMap::new() }
    }

    pub fn rounds(&self, full: usize) -> usize {
        if self.quick {
            (full / 20).max(2)
        } else {
            full
        }
    }

    pub fn choose(&self, quick: usize, full: usize) -> usize {
        if self.quick {
            quick
        } else {
            full
        }
    }

    pub fn row(&mut self, spec: &'static Spec) -> Row {
        eprintln!("bench: {} (after {} s)", spec.id, self.start.elapsed().as_secs());
        let samples = self.samples(spec.source);
        let find = |contestant: &str| samples.iter().find(|it| it.contestant == contestant);
        let mut cells: Vec<Cell> = if spec.cells.is_empty() {
            let cell = |peer: &&'static str| {
                Some(Cell { peer, samples: find(peer)?.clone(), counts: None })
            };
            PEERS.iter().filter_map(cell).collect()
        } else {
            let cell = |(peer, contestant): &(&'static str, &str)| {
                let samples = find(contestant).expect("a contestant").clone();
                Cell { peer, samples, counts: None }
            };
            spec.cells.iter().map(cell).collect()
        };
        if let Source::Operation(group) = spec.source {
            for cell in &mut cells {
                cell.counts = counts::count(group, &cell.samples.contestant, &self.target);
            }
        }
        Row { spec, cells }
    }

    fn samples(&mut self, source: Source) -> &[Samples] {
        if !self.measured.contains_key(&source) {
            let samples = match source {
                Source::Operation(group) => self.in_process(group),
                Source::FirstInstall => self.first_install(),
                Source::Feature => self.feature(),
                Source::Latency => self.latency(),
                Source::Reap(live) => self.reap(live),
                Source::ReapGrowth => self.reap_growth(),
                Source::Echo => server::echo(self),
                Source::Build(cost) => builds::measure(self, cost),
            };
            self.measured.insert(source, samples);
        }
        &self.measured[&source]
    }

    /// In ten processes, one after the other: the addresses of the stack and of the program differ
    /// between processes, and with them the time of a copy.
    fn in_process(&self, group: &str) -> Vec<Samples> {
        let mut samples = Samples::empty(contestants::group(group));
        let rounds = self.rounds(100);
        for _ in 0..self.rounds(10) {
            let values = worker(&["group", group, &rounds.to_string()]);
            for (samples, values) in samples.iter_mut().zip(values.chunks(rounds)) {
                samples.values.extend(values);
            }
        }
        samples
    }

    fn first_install(&self) -> Vec<Samples> {
        let contestants = workers::contestants("first");
        interleave(contestants, self.rounds(200), |index| worker(&["first", contestants[index]])[0])
    }

    /// The median of each round, and the 99th percentile as a contestant of its own.
    fn latency(&self) -> Vec<Samples> {
        let contestants = workers::contestants("latency");
        let mut high = Samples::empty(contestants);
        high.iter_mut().for_each(|samples| samples.contestant += ", 99th");
        let count = self.choose(50, 500).to_string();
        let mut samples = interleave(contestants, self.rounds(40), |index| {
            let mut times = worker(&["latency", contestants[index], &count]);
            times.sort_by(f64::total_cmp);
            high[index].values.push(times[times.len() * 99 / 100]);
            times[times.len() / 2]
        });
        samples.extend(high);
        samples
    }

    /// 10,000 children for each contestant, 1,000 in each round; fewer while others live.
    fn reap(&self, live: usize) -> Vec<Samples> {
        let contestants = workers::contestants("reap");
        let (rounds, dead) = if live == 0 { (10, 1000) } else { (20, 200) };
        let dead = self.choose(50, dead).to_string();
        interleave(contestants, self.choose(2, rounds), |index| {
            worker(&["reap", contestants[index], &live.to_string(), &dead])[0]
        })
    }

    fn reap_growth(&mut self) -> Vec<Samples> {
        let mut all = Vec::new();
        for (live, name) in [(10, "10 live"), (1000, "1,000 live")] {
            for (contestant, way) in [("by pid", "by pid"), ("posix-signal", "any")] {
                let mut samples = self.samples(Source::Reap(live)).iter();
                let samples = samples.find(|it| it.contestant == contestant).expect("a contestant");
                let contestant = format!("{way}, {name}");
                all.push(Samples { contestant, values: samples.values.clone() });
            }
        }
        all
    }

    /// The library's own cost of a delivery with the feature `defer` and without: two builds of
    /// one program.
    fn feature(&self) -> Vec<Samples> {
        let build = |name: &str, features: &[&str]| {
            let target = self.target.join(name);
            let mut cargo = Command::new("cargo");
            cargo.current_dir(self.root.join("ci/probe"));
            cargo.args(["build", "-q", "--release", "--locked"]).args(features);
            assert!(cargo.arg("--target-dir").arg(&target).status().unwrap().success());
            target.join("release/probe")
        };
        let (off, on) = (build("off", &[]), build("defer", &["--features", "defer"]));
        let programs = [(&off, "raise"), (&on, "raise"), (&on, "raise-ever")];
        interleave(&["off", "on", "on, after a section"], self.rounds(200), |index| {
            let (program, operation) = programs[index];
            let output = Command::new(program).args([operation, "20000", "--time"]).output();
            String::from_utf8(output.unwrap().stdout).unwrap().trim().parse().unwrap()
        })
    }
}

/// In one process: each contestant repeats its operation for about half a millisecond, then the
/// next one does.
pub fn take_turns(group: &str, rounds: usize) -> Vec<f64> {
    let contestants = contestants::group(group);
    let calibrated = |contestant: &&str| {
        let mut operation = contestants::operation(group, contestant);
        let mut count = 1;
        while timed(&mut operation, count) < Duration::from_micros(400) {
            count *= 2;
        }
        (operation, count)
    };
    let mut operations: Vec<(Operation, u64)> = contestants.iter().map(calibrated).collect();
    let samples = interleave(contestants, rounds, |index| {
        let (operation, count) = &mut operations[index];
        timed(operation, *count).as_nanos() as f64 / *count as f64
    });
    samples.into_iter().flat_map(|samples| samples.values).collect()
}

fn timed(operation: &mut Operation, count: u64) -> Duration {
    let start = Instant::now();
    operation(count);
    start.elapsed()
}

/// Runs a worker (`workers::work`) and returns what it printed.
fn worker(arguments: &[&str]) -> Vec<f64> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.arg("--worker").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the worker {arguments:?} failed");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}
