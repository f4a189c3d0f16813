//! What the starter was started with, and what its services get of it.

mod common;

use common::{eventually, pid_in, run, run_with};
use signal::{BlockGuard, SIGCHLD, SIGTERM, SIGUSR1};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;

#[test]
fn blocked_signals_make_it_neither_blind_nor_deaf() {
    let blocked = BlockGuard::new(SIGCHLD | SIGTERM | SIGUSR1);
    let running = run("[service.a]\ncommand = ['true']\nrestart = 'never'\n");
    drop(blocked);
    running.wait_for_line(&["exited with code 0"]);
    running.signal(SIGUSR1);
    running.wait_for_line(&["status"]);
    running.end();
}

/// The descriptors of a service, and what they are.
fn descriptors(pid: signal::Pid) -> Vec<(i32, String)> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, std::fs::read_link(entry.path()).ok()?.to_str()?.to_owned()))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn descriptors_that_somebody_forgot_to_close_do_not_go_to_services() {
    let file = File::open("/etc/passwd").unwrap();
    let number = file.as_raw_fd();
    let config = "[service.a]\ncommand = ['sleep', '1000']\n\
         [service.b]\ncommand = ['sleep', '1000']\ndescriptors = [77]\n\
         [service.c]\ncommand = ['sleep', '1000']\ndescriptors = [78]\n\
         [service.own]\ncommand = ['sleep', '1000']\ndescriptors = [5]\n";
    let running = run_with(config, |command| {
        // SAFETY: system calls on plain values.
        unsafe {
            command.pre_exec(move || {
                for copy in [55, 77] {
                    if libc::dup2(number, copy) == -1 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            })
        };
    });
    let pid = |name: &str| pid_in(&running.wait_for_line(&["started", &format!("\"{name}\"")]));
    let (a, b) = (pid("a"), pid("b"));
    // While it starts, a program opens files of the C library's.
    let has = |pid, expected: &[i32]| {
        eventually(&format!("{expected:?} are its descriptors"), || {
            let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
            let of = descriptors(pid);
            let numbers = of.iter().map(|(number, _)| *number);
            let started = program != Path::new(env!("CARGO_BIN_EXE_starter"));
            (started && numbers.eq(expected.iter().copied())).then_some(of)
        })
    };
    has(a, &[0, 1, 2]);
    assert_eq!(has(b, &[0, 1, 2, 77])[3].1, "/etc/passwd");
    running.wait_for_line(&["ERROR", "`descriptors`: the starter was started without 78"]);
    // Under that number it has one of its own.
    assert!(descriptors(running.pid()).iter().any(|(number, _)| *number == 5));
    running.wait_for_line(&["ERROR", "`descriptors`: the starter was started without 5"]);
    running.end();
}

#[test]
fn services_get_the_limits_that_the_starter_was_started_with() {
    let config = "[service.a]\ncommand = ['sh', '-c', 'ulimit -Sn > soft']\nrestart = 'never'\n\
                  [service.b]\ncommand = ['sh', '-c', 'ulimit -n > own; ulimit -c >> own; umask >> own; nice >> own']\nrestart = 'never'\n\
                  nofile = 64\ncore = 0\numask = '027'\nnice = 5\n";
    let running = run_with(config, |command| {
        // SAFETY: system calls on plain values.
        unsafe {
            command.pre_exec(|| {
                let limit = libc::rlimit { rlim_cur: 99, rlim_max: 512 };
                match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
    });
    running.wait_for_state("a", "done");
    running.wait_for_state("b", "done");
    assert_eq!(running.place.read("soft"), "99\n");
    let own = running.place.read("own");
    assert_eq!(own, "64\n0\n0027\n5\n");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert!(files.split_whitespace().filter(|word| *word == "512").count() == 2, "{files}");
    running.end();
}

#[test]
fn users_and_groups_may_be_numbers() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "id -u; id -g; id -G; exec sleep 1000"]
        user = "4242"
        [service.b]
        command = ["sh", "-c", "id -u; id -g; exec sleep 1000"]
        user = "4242"
        group = "4343"
        [service.c]
        command = ["sh", "-c", "id -un; id -gn; echo $HOME; exec sleep 1000"]
        user = "nobody"
        group = "daemon"
        [service.d]
        command = ["true"]
        group = "no-such-group"
    "#);
    running.wait_for_line(&["ERROR", "\"d\"", "there is no group `no-such-group`: add it"]);
    for (name, lines) in [
        ("a", "4242\n4242\n4242\n"),
        ("b", "4242\n4343\n"),
        ("c", "nobody\ndaemon\n/nonexistent\n"),
    ] {
        eventually("it has said who it is", || {
            (running.ask(&["logs", name]) == lines).then_some(())
        });
    }
    running.end();
}
