//! The profiler, the crash report, and the one that says who sent it.

use super::{example, output};
use crate::common::{needs, process};
use signal::{child::Status, Pid, SIGABRT, SIGBUS, SIGSEGV, SIGTERM, SIGUSR1};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn the_profiler_finds_the_hot_function() {
    needs(cfg!(has_registers) && cfg!(has_setitimer), "no registers or no timers here");
    let output = output(&mut example("profiler"));
    let text = String::from_utf8(output.stdout).unwrap();
    let share = |name: &str| -> u32 {
        let line = text.lines().find(|line| line.ends_with(name)).expect(&text);
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    assert!(output.status.success() && share("shift") > 75, "{text}");
    assert!(share("digits") < 20 && share("elsewhere") < 20, "{text}");
}

fn a_crash_is_reported_and_seen_by_the_parent() {
    process::no_core_file();
    let crash = |how| {
        let output = output(example("crash_report").arg(how));
        let text = String::from_utf8(output.stderr).unwrap();
        let report = text.lines().find(|line| line.starts_with("crash_report: "));
        (Status::from(output.status).signal(), report.expect(&text).to_owned())
    };
    let (signal, text) = crash("null");
    let fault = |signal| [Some(SIGSEGV), Some(SIGBUS)].contains(&signal);
    // The hardware of s390x tells the page, and qemu that of PowerPC.
    let pages =
        cfg!(any(target_arch = "s390x", target_arch = "powerpc", target_arch = "powerpc64"));
    let address = if pages { "address 0x0" } else { "address 0x8" };
    assert!(fault(signal) && text.contains(address), "{text}");
    let (signal, text) = crash("abort");
    assert!(signal == Some(SIGABRT) && text.contains("SIGABRT (Aborted)"), "{text}");
    let (signal, text) = crash("overflow");
    assert!(
        fault(signal) && text.contains("address 0x") && !text.contains("address 0x0,"),
        "{text}"
    );
    assert!(!cfg!(has_registers) || text.contains(", at instruction 0x"), "{text}");
}

fn the_sender_is_named() {
    let mut child = example("who_sent_it").stdout(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from(&child);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next(), Some(format!("try: kill -USR1 {pid}")));
    let sender = if cfg!(has_sigtimedwait) {
        // SAFETY: takes nothing.
        format!("(User) from process {} of user {}", Pid::current(), unsafe { libc::getuid() })
    } else {
        "(Unknown)".to_owned()
    };
    signal::kill(pid, SIGUSR1).unwrap();
    assert_eq!(lines.next(), Some(format!("SIGUSR1 {sender}")));
    if cfg!(has_sigqueue) && cfg!(has_sigtimedwait) {
        signal::queue(pid, SIGUSR1, 4711).unwrap();
        let line = lines.next().unwrap();
        assert!(
            line.starts_with("SIGUSR1 (Queue) from ") && line.ends_with(", value 4711"),
            "{line}"
        );
    }
    signal::kill(pid, SIGTERM).unwrap();
    assert_eq!(lines.next(), Some(format!("SIGTERM {sender}")));
    assert_eq!(Status::from(child.wait().unwrap()).signal(), Some(SIGTERM));
}

tests! {
    the_profiler_finds_the_hot_function,
    a_crash_is_reported_and_seen_by_the_parent,
    the_sender_is_named,
}
