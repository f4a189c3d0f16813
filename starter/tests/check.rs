//! `starter check` and `starter graph`.

mod common;

use common::{starter, Place};
use std::process::Output;

fn call(command: &str, config: &str) -> Output {
    let place = Place::new();
    starter().arg(command).arg(place.write("x.toml", config)).output().unwrap()
}

#[test]
fn check_prints_the_order_of_the_start() {
    let output = call(
        "check",
        "[service.web]\ncommand = ['x']\nrequires = ['db']\n[service.db]\ncommand = ['x']\n",
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"db\nweb\n");
}

#[test]
fn check_names_the_members_of_a_cycle_and_every_line_with_a_problem() {
    let output = call("check", "[service.a]\ncommand = ['x']\nrequires = ['b']\n[service.b]\ncommand = ['x']\nrequires = ['c']\n[service.c]\ncommand = ['x']\nrequires = ['a', 'nobody']\nstop_sginal = 'HUP'\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("x.toml:3: cycle: `a` requires `b`, `b` requires `c`, `c` requires `a`"),
        "{text}"
    );
    assert!(text.contains("x.toml:9: service `c` waits for `nobody`"), "{text}");
    assert!(text.contains("x.toml:10: unknown key `stop_sginal`"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let output = starter().args(["check", "/no/such/file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/no/such/file: No such file"));
}

#[test]
fn graph_is_for_graphviz() {
    let output = call(
        "graph",
        "[service.web]\ncommand = ['x']\nrequires = ['db']\n[service.db]\ncommand = ['x']\noptional = true\n",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("digraph {") && text.contains("0 -> 1"), "{text}");
    assert!(
        text.contains("label = \"web\"") && text.contains("label = \"db\" style = dashed"),
        "{text}"
    );
}

#[test]
fn help_explains_the_configuration_and_the_signals() {
    let text = String::from_utf8(starter().arg("--help").output().unwrap().stdout).unwrap();
    for word in [
        "restart_delay_max",
        "NOTIFY_FD",
        "NOTIFY_SOCKET",
        "stop_timeout",
        "SIGHUP",
        "EXIT CODES",
        "stop-all",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let text =
        String::from_utf8(starter().args(["run", "--help"]).output().unwrap().stdout).unwrap();
    for word in ["--daemon", "--pid-file", "--log", "--reap-orphans", "--shared-group", "--socket"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
}
