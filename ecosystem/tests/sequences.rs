//! Every order in which they can come and go, against the oracle.

use ecosystem::report::Report;
use ecosystem::{process, random, table, walk};
use std::time::{Duration, Instant};

const JOBS: usize = 2;

/// At least so many must have been run, and none may have failed.
fn check(report: &Report, least: u64) {
    report.counts().for_each(|(length, count)| println!("{count} of length {length}"));
    report.shortest().iter().take(20).for_each(|failure| println!("{failure}"));
    assert_eq!(report.failed(), 0);
    assert!(report.total() >= least, "{} sequences", report.total());
}

fn all_up_to_length_4() {
    process::prepare();
    let report = Report::new();
    walk::all(report, 4, JOBS);
    check(report, 12_505);
}

fn with_tokio_up_to_length_4() {
    let report = Report::new();
    random::with_tokio(report, 4, JOBS);
    check(report, 1_100);
}

/// As many as a slow machine runs in the time.
fn longer_ones_by_chance() {
    process::prepare();
    let report = Report::new();
    let until = Instant::now() + Duration::from_secs(20);
    random::all(report, 1, 40_000, Some(until), JOBS);
    check(report, 1_000);
}

/// A death that was not foreseen is one, and so is a life.
fn a_sequence_that_goes_wrong_is_found() {
    let worker = &Report::new().workers[0];
    assert_eq!(walk::judge(worker, process::run(|| 0)), Ok(()));
    for end in [process::run(|| 3), process::run(|| std::process::abort())] {
        assert!(walk::judge(worker, end).is_err());
    }
    let dies = || process::run(|| i32::from(signal::raise(signal::SIGUSR1).is_err()));
    assert!(walk::judge(worker, dies()).is_err());
    for (end, is_right) in [(dies(), true), (process::run(|| 0), false)] {
        worker.deadly.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(walk::judge(worker, end).is_ok(), is_right);
    }
}

/// Every cell has been measured.
fn the_table_is_whole() {
    let table = table::markdown();
    println!("{table}");
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split(" | ").collect()).collect();
    assert_eq!((rows.len(), rows[0].len()), (13, 9));
    let known = ["both", "pipe", "neighbour", "nobody", "**default**", "–"];
    for row in &rows[2..] {
        assert_eq!(row.len(), 9);
        assert!(
            row[1..].iter().all(|cell| known.contains(&cell.trim_end_matches(" |"))),
            "{row:?}"
        );
    }
    assert_eq!(rows[2][1..4], ["both", "neighbour", "pipe"]);
}

tests! {
    all_up_to_length_4,
    with_tokio_up_to_length_4,
    longer_ones_by_chance,
    a_sequence_that_goes_wrong_is_found,
    the_table_is_whole,
}
