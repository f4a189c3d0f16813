//! The story of 2001: one mail, and every file server of the machine is dead. And how it goes on
//! when each service has a session of its own.

mod common;

use common::{eventually, free_port, pid_in, run_with, Running};
use std::net::UdpSocket;

const NAMES: [&str; 4] = ["comsat", "daytime", "fileserver", "spool"];

/// The example, on ports and in a directory of its own. Returns comsat's port too.
fn server(arguments: &[&str]) -> (Running, u16) {
    let example =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/server.toml"))
            .unwrap();
    let (comsat, fileserver, daytime) = (free_port(), free_port(), free_port());
    let config = example
        .replace("5120", &comsat.to_string())
        .replace("5121", &fileserver.to_string())
        .replace("5122", &daytime.to_string())
        .replace("/tmp/starter-spool", "spool")
        // What has died stays dead, to be looked at.
        .replace("restart = \"always\"\n", "")
        .replace("\ncommand", "\nrestart = \"never\"\ncommand");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_comsat")).parent().unwrap().to_owned();
    let running = run_with(&config, |command| {
        command.args(arguments).env("PATH", programs);
    });
    running.wait_for_lines(4, &["INFO ready"]);
    (running, comsat)
}

fn send_mail(port: u16) {
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"me@0", ("127.0.0.1", port)).unwrap();
}

#[test]
fn in_sessions_of_their_own_only_the_workers_hear_of_mail() {
    let (running, port) = server(&[]);
    let pids = NAMES.map(|name| running.state(name).1.unwrap());
    for mails in 1..=3 {
        send_mail(port);
        running.wait_for_lines(3 * mails, &["comsat worker", "has heard of mail"]);
    }
    assert_eq!(NAMES.map(|name| running.state(name).1.unwrap()), pids);
    assert_eq!(running.lines(&["SIGUSR1"]), [""; 0]);
    assert!(running.ask(&["status"]).contains("knows what time it is"));
    let place = running.end();
    assert!(!place.join("spool/open").exists());
}

#[test]
fn in_a_shared_group_the_mail_kills_every_other_service() {
    let (running, port) = server(&["--shared-group"]);
    let comsat = running.state("comsat").1;
    send_mail(port);
    for name in ["daytime", "fileserver", "spool"] {
        let line = running.wait_for_line(&["killed by SIGUSR1", &format!("service=\"{name}\"")]);
        assert!(line.contains("signal=\"SIGUSR1\""), "{line}");
    }
    running.wait_for_lines(3, &["comsat worker", "has heard of mail"]);
    assert_eq!(running.state("comsat"), ("ready".to_owned(), comsat));
    let started = running.wait_for_lines(4, &["INFO started"]);
    let comsat = comsat.unwrap();
    assert!(started.iter().any(|line| pid_in(line) == comsat));
    running.end();
    eventually("comsat is gone", || (!common::is_running(comsat)).then_some(()));
}
