//! Many exits, and processes that leave their service.

mod common;

use common::{eventually, is_running, pid_in, run, run_with};
use signal::{kill, Pid, SIGKILL};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

#[test]
fn two_hundred_services_start_and_stop() {
    let config: String =
        (0..200).map(|n| format!("[service.s{n}]\ncommand = ['sleep', '1000']\n")).collect();
    let running = run(&config);
    running.wait_for_lines(200, &["ready"]);
    assert_eq!(running.children().len(), 200);
    let place = running.end();
    assert_eq!(place.read("log").matches("killed by SIGTERM").count(), 200);
}

#[test]
fn a_storm_of_a_thousand_exits_leaves_no_zombie_and_loses_no_line() {
    let config: String = (0..1000)
        .map(|n| format!("[service.s{n}]\ncommand = ['true']\nrestart = 'never'\n"))
        .collect();
    let running = run(&config);
    let lines = running.wait_for_lines(1000, &["exited with code 0"]);
    let pids: std::collections::HashSet<_> = lines.iter().map(|line| pid_in(line)).collect();
    assert_eq!((lines.len(), pids.len()), (1000, 1000));
    assert_eq!(running.children(), []);
    running.end();
}

#[test]
fn orphans_are_adopted_and_reaped() {
    // The grandchild leaves the session first. In a cgroup it is found all the same, and told to
    // stop; otherwise it ends by itself.
    let config = r#"
        [service.a]
        command = ["sh", "-c", "setsid sh -c 'touch away; while [ -e away ]; do sleep 0.01; done; exit 7' & until [ -e away ]; do sleep 0.01; done"]
        restart = "never"
    "#;
    let running = run_with(config, |command| {
        command.arg("--reap-orphans");
    });
    running.wait_for_state("a", "done");
    std::fs::remove_file(running.place.join("away")).unwrap();
    let line = running.wait_for_line(&["orphan"]);
    let in_time = line.contains("exited with code 7") || line.contains("killed by SIGTERM");
    assert!(in_time, "{line}");
    eventually("nothing is left", || running.children().is_empty().then_some(()));
    running.end();
}

#[test]
fn nothing_of_a_service_escapes_from_its_cgroup() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "setsid sh -c 'echo $$ > escaped; : > away; exec sleep 1000' & until [ -e away ]; do sleep 0.01; done; echo >&$NOTIFY_FD; exec sleep 1000"]
        ready = "notify"
    "#);
    running.wait_for_line(&["ready", "\"a\""]);
    let escaped = Pid::from_raw(running.place.read("escaped").trim().parse().unwrap()).unwrap();
    let cgroup = std::fs::read_to_string(format!("/proc/{escaped}/cgroup")).unwrap_or_default();
    if !cgroup.contains("/service-a") {
        eprintln!("skipped: there are no cgroups of version 2 here that could be made");
        kill(escaped, SIGKILL).unwrap();
        return;
    }
    running.ask(&["stop", "a"]);
    assert!(!is_running(escaped));
    let pid = running.pid();
    running.end();
    assert!(!cgroups().contains(&format!("starter-{pid}.1")));
}

#[test]
fn nor_by_a_cgroup_that_it_makes_itself() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "sleep 1000 & echo $! > escaped; echo >&$NOTIFY_FD; until [ -p end ]; do sleep 0.01; done; read end <end"]
        ready = "notify"
        restart = "never"
    "#);
    nix::unistd::mkfifo(&running.place.join("end"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    running.wait_for_line(&["ready", "\"a\""]);
    let escaped = Pid::from_raw(running.place.read("escaped").trim().parse().unwrap()).unwrap();
    let name = format!("starter-{}.1", running.pid());
    let inner = cgroup().join(&name).join("service-a/inner/most");
    if std::fs::create_dir_all(&inner).is_err() {
        eprintln!("skipped: there are no cgroups of version 2 here that could be made");
        running.end();
        return;
    }
    std::fs::write(inner.join("cgroup.procs"), escaped.to_string()).unwrap();
    std::fs::write(running.place.join("end"), "\n").unwrap();
    running.wait_for_line(&["left processes behind"]);
    running.wait_for_state("a", "done");
    assert!(!is_running(escaped));
    running.end();
    assert!(!cgroups().contains(&name));
}

#[test]
fn a_service_whose_cgroup_was_frozen_starts_again() {
    let running = run("[service.a]\ncommand = ['sleep', '1000']\nstop_timeout = 0\n");
    running.wait_for_line(&["started"]);
    let name = format!("starter-{}.1/service-a/cgroup.freeze", running.pid());
    if std::fs::write(cgroup().join(name), "1").is_err() {
        eprintln!("skipped: there are no cgroups of version 2 here that could be frozen");
        running.end();
        return;
    }
    running.ask(&["restart", "a"]);
    assert_eq!(running.state("a").0, "ready");
    running.end();
}

/// The directory of this test's own.
fn cgroup() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let mount = mounts.lines().find(|line| line.contains(" cgroup2 "));
    let mount = mount.and_then(|line| line.split(' ').nth(1)).unwrap_or("/no cgroups");
    Path::new(mount).join(own)
}

/// What there is in the cgroup of this test.
fn cgroups() -> Vec<String> {
    let entries = std::fs::read_dir(cgroup()).into_iter().flatten();
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[test]
fn a_number_that_another_starter_has_is_no_reason_to_do_without_cgroups() {
    let here = cgroup();
    let running = run_with("[service.a]\ncommand = ['sleep', '1000']\n", move |command| {
        // As if one of this number lived in another container. Its lock is held through `exec`.
        let other = move || {
            let base = here.join(format!("starter-{}.1", std::process::id()));
            let _ = std::fs::create_dir_all(base.join("service-x/its-own"));
            if let Ok(base) = std::fs::File::open(base) {
                // SAFETY: takes plain values.
                unsafe { libc::flock(libc::dup(base.as_raw_fd()), libc::LOCK_EX) };
            }
            Ok(())
        };
        // SAFETY: it allocates, which glibc allows in the child of a process with threads.
        unsafe { command.pre_exec(other) };
    });
    let service = pid_in(&running.wait_for_line(&["started"]));
    let name = format!("starter-{}", running.pid());
    let other = cgroup().join(format!("{name}.1"));
    if other.exists() {
        let own = std::fs::read_to_string(format!("/proc/{service}/cgroup")).unwrap();
        assert!(own.contains(&format!("{name}.2/service-a")), "{own}");
    } else {
        eprintln!("skipped: there are no cgroups of version 2 here that could be made");
    }
    running.end();
    for empty in ["service-x/its-own", "service-x", ""] {
        let _ = std::fs::remove_dir(other.join(empty));
    }
}

#[test]
fn what_a_killed_starter_has_left_is_swept_by_the_next() {
    // It goes on, although the kernel tells it that the starter is gone.
    let mut first = run(r#"
        [service.a]
        command = ["sh", "-c", "trap '' TERM; sleep 1000 & echo $! > inner; echo >&$NOTIFY_FD; exec sleep 1000"]
        ready = "notify"
    "#);
    let service = pid_in(&first.wait_for_line(&["ready", "\"a\""]));
    let worker = Pid::from_raw(first.place.read("inner").trim().parse().unwrap()).unwrap();
    let name = format!("starter-{}.1", first.pid());
    let most = cgroup().join(&name).join("service-a/inner/most");
    if std::fs::create_dir_all(&most).is_err() {
        eprintln!("skipped: there are no cgroups of version 2 here that could be made");
        first.end();
        return;
    }
    std::fs::write(most.join("cgroup.procs"), worker.to_string()).unwrap();
    // What runs is left alone by another starter.
    run("[service.b]\ncommand = ['sleep', '1000']\n").end();
    assert!(is_running(service) && is_running(worker));
    first.signal(SIGKILL);
    first.wait();
    let second = run("[service.a]\ncommand = ['sleep', '1000']\n");
    // That of another test may be sweeping it already.
    eventually("it is swept", || (!cgroups().contains(&name)).then_some(()));
    assert!(!is_running(service) && !is_running(worker));
    second.end();
}
