//! Many services.

mod common;

use common::run_with;
use signal::SIGTERM;
use std::time::{Duration, Instant};

/// `count` services, each with the lines of `more`.
fn services(count: usize, more: impl Fn(usize) -> String) -> String {
    let one =
        |number| format!("[service.s{number}]\ncommand = ['sleep', '1000']\n{}", more(number));
    (0..count).map(one).collect()
}

/// As fast as a release is, or as slow as a build for tests on a busy machine.
fn patience(seconds: u64) -> Duration {
    Duration::from_secs(if cfg!(debug_assertions) { 20 * seconds } else { 3 * seconds })
}

#[test]
fn the_order_to_end_is_heard_in_the_middle_of_ten_thousand_starts() {
    let config = services(10_000, |_| "output = 'nowhere'\n".to_owned());
    let mut running = run_with(&config, |_| {});
    running.wait_for_lines(200, &["started"]);
    running.signal(SIGTERM);
    let began = Instant::now();
    running.wait_for_line(&["SIGTERM: stopping all services"]);
    let heard = began.elapsed();
    assert!(running.wait().success());
    let started = running.lines(&["INFO started"]).len();
    assert!(started < 10_000, "{started} had been started");
    // A turn takes some 10 ms; the limit is for a busy machine.
    assert!(heard < Duration::from_secs(2), "{heard:?}");
    eprintln!("heard after {heard:?}, when {started} had been started");
}

#[test]
fn a_chain_of_a_thousand_starts_and_stops() {
    let length = 1000;
    let config = services(length, |number| match number {
        0 => String::new(),
        _ => format!("requires = ['s{}']\n", number - 1),
    });
    let began = Instant::now();
    let running = run_with(&config, |_| {});
    running.wait_for_line(&["ready", &format!("\"s{}\"", length - 1)]);
    let up = began.elapsed();
    let began = Instant::now();
    assert_eq!(running.ask(&["stop", "s0"]).lines().count(), length);
    let down = began.elapsed();
    assert!(up < patience(1) && down < patience(1), "up in {up:?}, down in {down:?}");
    eprintln!("{length} in a chain: up in {up:?}, down in {down:?}");
    assert_eq!(running.children(), []);
    running.end();
}

#[test]
fn a_chain_of_a_hundred_thousand_is_checked_without_a_stack() {
    let place = common::Place::new();
    let config = services(100_000, |number| match number {
        0 => String::new(),
        _ => format!("requires = ['s{}']\n", number - 1),
    });
    let file = place.write("starter.toml", &config);
    let output = common::starter().arg("check").arg(&file).output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let names = String::from_utf8(output.stdout).unwrap();
    assert!(names.lines().eq((0..100_000).map(|number| format!("s{number}"))));
    // All of them in a circle: one line, which can be read.
    let config = config.replacen("'1000']\n", "'1000']\nrequires = ['s99999']\n", 1);
    let file = place.write("starter.toml", &config);
    let output = common::starter().arg("check").arg(&file).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("and so on, 100000 services in all") && text.len() < 4096, "{text}");
}
