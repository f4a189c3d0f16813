//! Many services.

mod common;

use common::{eventually, run_with};
use signal::{SIGCONT, SIGSTOP, SIGTERM};
use std::time::Duration;

/// `count` services, each with the lines of `more`.
fn services(count: usize, more: impl Fn(usize) -> String) -> String {
    let one =
        |number| format!("[service.s{number}]\ncommand = ['sleep', '1000']\n{}", more(number));
    (0..count).map(one).collect()
}

#[test]
fn the_order_to_end_is_heard_in_the_middle_of_ten_thousand_starts() {
    let config = services(10_000, |_| "output = 'nowhere'\n".to_owned());
    let mut running = run_with(&config, |_| {});
    running.wait_for_lines(200, &["started"]);
    // It goes on with the signal pending. How long a turn takes is up to the machine; how many
    // services are started until it is heard is not.
    running.signal(SIGSTOP);
    eventually("it stands", || running.is_stopped().then_some(()));
    let before = running.children().len();
    running.signal(SIGTERM);
    running.signal(SIGCONT);
    assert!(running.wait().success());
    let started = running.lines(&["INFO started"]).len();
    assert!(started <= before + 2 * 32, "{before} had been started, and then {started}");
}

#[test]
fn a_chain_of_a_thousand_starts_and_stops() {
    let length = 1000;
    let config = services(length, |number| match number {
        0 => String::new(),
        _ => format!("requires = ['s{}']\n", number - 1),
    });
    let running = run_with(&config, |_| {});
    running.wait_for_line(&["ready", &format!("\"s{}\"", length - 1)]);
    let up = running.cpu_time();
    assert_eq!(running.ask(&["stop", "s0"]).lines().count(), length);
    let down = running.cpu_time() - up;
    // Of a build for tests. A busy machine does not make it longer.
    let most = Duration::from_secs(10);
    assert!(up < most && down < most, "up in {up:?}, down in {down:?}");
    eprintln!("{length} in a chain: up in {up:?}, down in {down:?} of CPU time");
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
