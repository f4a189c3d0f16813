//! The echo server.

use super::{echoes, example, helps, output, refused, Server};
use crate::common;
use signal::{kill, Handler, Pid, SIGCHLD, SIGHUP, SIGINT, SIGSTOP, SIGTERM};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

fn count(log: &str, words: &str) -> usize {
    log.lines().filter(|line| line.contains(words)).count()
}

fn the_demo_succeeds_and_prints_one_summary() {
    let output = output(example("echo_server").arg("--demo"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "connections             200 ",
        "children reaped         200",
        "zombies left              0",
        "accepts interrupted",
        "signals delivered",
    ] {
        assert_eq!(count(&text, expected), 1, "{expected:?} in:\n{text}");
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

fn sigterm_lets_clients_finish() {
    let mut server = Server::start(&["--grace", "1000"]);
    let (mut client, pid) = server.client();
    server.send(SIGTERM);
    server.logged("SIGTERM: no more clients; 1 children may finish");
    assert!(TcpStream::connect(server.address).is_err());
    echoes(&mut client);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, &format!("child {pid} for ")), 1, "{log}");
    assert_eq!(count(&log, "exited with code 0: "), 1, "{log}");
}

fn idle_clients_are_ended_after_the_grace_period() {
    let mut server = Server::start(&["--grace", "0.3"]);
    let clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    // The others end by themselves.
    drop(TcpStream::connect(server.address).unwrap());
    server.logged("exited with code 0");
    let start = Instant::now();
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(count(&log, "killed by SIGTERM: "), 5, "{log}");
    assert_eq!(count(&log, "6 connections, 6 children reaped"), 1, "{log}");
    for (mut client, _) in clients {
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    }
}

fn a_child_that_does_not_end_is_killed() {
    let mut server = Server::start(&["--grace=0"]);
    let (_client, pid) = server.client();
    // SIGTERM waits until a stopped process continues.
    kill(pid, SIGSTOP).unwrap();
    common::eventually("stopped", || state(pid) == 'T');
    server.send(SIGINT);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, "SIGTERM to 1 children"), 1, "{log}");
    assert_eq!(count(&log, &format!("child {pid} for ")), 1, "{log}");
    assert_eq!(count(&log, "killed by SIGKILL: "), 1, "{log}");
}

/// The state of a process, which need not be a child, as `ps` shows it: T is stopped.
fn state(pid: Pid) -> char {
    let state = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The name in parentheses can hold anything.
        Ok(text) => text.rsplit(") ").next().and_then(|rest| rest.chars().next()),
        Err(_) => {
            match Command::new("ps").args(["-o", "state=", "-p", &pid.to_string()]).output() {
                Ok(output) if output.status.success() => {
                    String::from_utf8_lossy(&output.stdout).trim().chars().next()
                }
                _ => common::skip("neither /proc nor ps"),
            }
        }
    };
    state.unwrap_or('?')
}

fn a_second_ctrl_c_ends_it_at_once() {
    for first in [SIGINT, SIGTERM] {
        let mut server = Server::start(&["--grace", "1000"]);
        let clients: Vec<_> = (0..3).map(|_| server.client()).collect();
        server.send(first);
        server.logged("no more clients");
        // Another SIGTERM does not.
        server.send(SIGTERM);
        // As from a terminal: to the children too, which leave it to the server.
        signal::kill_group(Pid::from(&server.child), SIGINT).unwrap();
        let (status, log) = server.ended();
        assert_eq!(status.signal(), Some(SIGINT), "{log}");
        assert_eq!(count(&log, "killed by SIGKILL: "), clients.len(), "{log}");
    }
}

fn ctrl_c_leaves_the_children_alone() {
    let mut server = Server::start(&["--grace", "1000"]);
    let (mut client, _) = server.client();
    signal::kill_group(Pid::from(&server.child), SIGINT).unwrap();
    server.logged("SIGINT: no more clients");
    echoes(&mut client);
    drop(client);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
}

fn no_more_children_than_allowed() {
    let mut server = Server::start(&["--max-children", "2"]);
    let (mut first, _) = server.client();
    let (mut second, _) = server.client();
    let mut third = TcpStream::connect(server.address).unwrap();
    third.write_all(b"ping\n").unwrap();
    // Between two answers the server has looked at every source of events.
    for _ in 0..3 {
        server.send(SIGHUP);
        server.logged("2 children now; 2 connections, 0 children reaped");
    }
    echoes(&mut second);
    first.shutdown(Shutdown::Write).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
    let mut reply = [0; 5];
    third.read_exact(&mut reply).unwrap();
    server.send(SIGHUP);
    server.logged("2 children now; 3 connections, 1 children reaped");
    drop((second, third));
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn what_nohup_and_background_shells_ignore_stays_ignored() {
    let before = || {
        signal::install(SIGHUP, Handler::Ignore)?;
        signal::install(SIGINT, Handler::Ignore)?;
        Ok(())
    };
    let mut server = Server::start_after(&[], before);
    for _ in 0..2 {
        server.send(SIGHUP);
        server.send(SIGINT);
        drop(server.client());
    }
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, "children now"), 0, "{log}");
    assert_eq!(count(&log, "SIGINT"), 0, "{log}");
}

fn what_the_parent_has_blocked_and_ignored_does_no_harm() {
    let before = || {
        signal::install(SIGCHLD, Handler::Ignore)?;
        std::mem::forget(signal::BlockGuard::new(SIGCHLD | SIGTERM | SIGHUP));
        Ok(())
    };
    let mut server = Server::start_after(&[], before);
    drop(server.client());
    server.logged("exited with code 0: ");
    server.send(SIGHUP);
    server.logged("0 children now; 1 connections, 1 children reaped");
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn clients_that_reset_do_no_harm() {
    let mut server = Server::start(&[]);
    for _ in 0..20 {
        let (client, _) = server.client();
        reset(client);
        server.logged(" lost ");
        server.logged("exited with code 1: ");
    }
    // These may be gone before the server accepts them.
    for _ in 0..20 {
        reset(TcpStream::connect(server.address).unwrap());
    }
    server.client();
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn reset(client: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let (pointer, size) = (&linger as *const libc::linger, std::mem::size_of::<libc::linger>());
    // SAFETY: a whole structure, and its size.
    let set = unsafe {
        libc::setsockopt(
            client.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            pointer.cast(),
            size as libc::socklen_t,
        )
    };
    assert_eq!(set, 0);
}

fn without_descriptors_clients_wait_and_the_server_does_not_spin() {
    // The smallest limit with which the server starts leaves no descriptor for a client.
    let server = (3..32).find_map(|limit| {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        let before = move || {
            (3..64).for_each(close_on_exec);
            // SAFETY: a whole structure.
            match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        };
        Server::try_start_after(&[], before).ok()
    });
    let mut server = server.expect("starts with 32 descriptors");
    let _client = TcpStream::connect(server.address).unwrap();
    let start = Instant::now();
    server.logged("accept: ");
    server.logged("accept: ");
    // It tries again, but not before a second has passed.
    assert!(start.elapsed() >= Duration::from_millis(900));
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert!(count(&log, "0 connections, 0 children reaped, ") == 1, "{log}");
}

fn close_on_exec(fd: i32) {
    // SAFETY: plain values; harmless for a number that is not open.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

fn bad_options_of_the_server() {
    for (arguments, message) in [
        (&["--port", "65536"][..], "--port wants a number from 0 to 65535, not \"65536\""),
        (&["--port"], "--port wants a value"),
        (&["--port=x"], "--port wants a number"),
        (&["--grace", "-1"], "--grace wants a number from 0 to 1000000, not \"-1\""),
        (&["--grace", "nan"], "--grace wants a number"),
        (&["--max-children", "0"], "--max-children wants a number from 1 to"),
        (&["--demo", "--port", "1"], "--demo takes no other options"),
        (&["--demo=1"], "unknown argument \"--demo=1\""),
        (&["7"], "unknown argument \"7\""),
    ] {
        refused("echo_server", arguments, message);
    }
    helps("echo_server");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = output(example("echo_server").args(["--port", &port.to_string()]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("port {port} is in use: choose another with --port")), "{text}");
}

tests! {
    the_demo_succeeds_and_prints_one_summary,
    sigterm_lets_clients_finish,
    idle_clients_are_ended_after_the_grace_period,
    a_child_that_does_not_end_is_killed,
    a_second_ctrl_c_ends_it_at_once,
    ctrl_c_leaves_the_children_alone,
    no_more_children_than_allowed,
    what_nohup_and_background_shells_ignore_stays_ignored,
    what_the_parent_has_blocked_and_ignored_does_no_harm,
    clients_that_reset_do_no_harm,
    without_descriptors_clients_wait_and_the_server_does_not_spin,
    bad_options_of_the_server,
}
