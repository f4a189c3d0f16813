//! Where the control socket is, and what stands next to it.

mod common;

use common::{eventually, run_with, starter, Place};
use signal::{kill, Pid, SIGTERM};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

const SLEEPER: &str = "[service.a]\ncommand = ['sleep', '1000']\n";

#[test]
fn a_directory_with_files_of_others_is_left_alone() {
    let place = Place::new();
    let config = place.write("starter.toml", SLEEPER);
    std::fs::create_dir(place.join("socket.d")).unwrap();
    place.write("socket.d/precious", "not the starter's");
    let output = starter()
        .arg("run")
        .arg(config)
        .arg("--socket")
        .arg(place.join("socket"))
        .output()
        .unwrap();
    assert_eq!(place.read("socket.d/precious"), "not the starter's");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("socket.d/precious is not a starter's: choose another --socket"),
        "{text}"
    );
}

#[test]
fn a_relative_path_means_the_same_to_services_elsewhere() {
    let place = Place::new();
    std::fs::create_dir(place.join("elsewhere")).unwrap();
    let there = "[service.a]\nready = 'notify'\nready_timeout = 5\nrestart = 'never'\ncommand = ['sh', '-c', 'test -S $NOTIFY_SOCKET && echo >&$NOTIFY_FD; exec sleep 1000']\n";
    place.write("elsewhere/starter.toml", there);
    let mut child = starter()
        .args(["run", "elsewhere/starter.toml", "--socket", "socket"])
        .current_dir(&place.0)
        .stderr(std::fs::File::create(place.join("log")).unwrap())
        .spawn()
        .unwrap();
    eventually("it has started", || place.read("log").contains("INFO started").then_some(()));
    let ready = || {
        let output =
            starter().args(["start", "a", "--socket"]).arg(place.join("socket")).output().unwrap();
        output.status.success()
    };
    let answer = ready();
    kill(Pid::from(&child), SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(answer, "{}", place.read("log"));
}

#[test]
fn services_of_other_users_reach_their_sockets_whatever_the_umask() {
    let running = run_with(SLEEPER, |command| {
        // SAFETY: one system call on a plain value.
        unsafe {
            command.pre_exec(|| {
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
                Ok(())
            })
        };
    });
    let mode = std::fs::metadata(running.place.join("socket.d")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o711);
    running.end();
}

#[test]
fn what_keeps_it_from_going_into_the_background_is_told() {
    let running = common::run(SLEEPER);
    let config = running.place.join("starter.toml");
    for pid_file in [false, true] {
        let mut command = starter();
        command
            .arg("run")
            .arg("--daemon")
            .arg(&config)
            .arg("--socket")
            .arg(running.place.join("socket"));
        if pid_file {
            command.arg("--pid-file").arg(running.place.join("pid"));
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("socket: another starter is running"), "{text}");
        assert!(!text.contains("pid file"), "{text}");
    }
    running.end();
}

#[test]
fn a_place_where_no_socket_can_be_is_told_with_what_to_do() {
    let place = Place::new();
    let config = place.write("starter.toml", SLEEPER);
    place.write("taken", "");
    for (name, message) in [
        ("taken", "something else is there: remove it, or choose another --socket"),
        (&"x".repeat(120), "too long a path: choose a shorter --socket"),
    ] {
        let socket = place.join(name);
        let output =
            starter().arg("run").arg(&config).arg("--socket").arg(socket).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(message), "{text}");
    }
    assert!(place.join("taken").exists());
}
