//! Tests under strace: they look at their own system calls, or have some of them fail.

use super::process::re_exec;
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// A system call by which `trace` finds a process, and a test a place in it.
pub fn mark() {
    // SAFETY: takes nothing and changes nothing.
    unsafe { libc::getppid() };
}

/// Skips the test where there is no strace that can do this.
fn strace_or_skip(arguments: &[&str]) -> Command {
    let command = || {
        let mut command = Command::new("strace");
        command.args(arguments);
        command
    };
    let mut probe = command();
    probe.args(["-o", "/dev/null", "true"]).stdin(Stdio::null()).stderr(Stdio::null());
    if !probe.status().map_or(false, |status| status.success()) {
        super::skip("no strace here that can do this");
    }
    command()
}

/// Appends the current test, started again.
fn of_this_test(mut strace: Command) -> Command {
    let program = re_exec();
    strace.arg(program.get_program()).args(program.get_args());
    // The leak sanitizer, if there is one, cannot look for leaks in a process that is traced.
    strace.env("LSAN_OPTIONS", "detect_leaks=0");
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

/// The system calls of the current test, started again, one a line: of the process that calls
/// `mark`.
pub fn trace() -> String {
    // One file for each process: in one file, the lines of several interrupt each other.
    let mut strace = strace_or_skip(&["-f"]);
    let traces = env::temp_dir().join(format!("signal-test-strace-{}", std::process::id()));
    fs::create_dir(&traces).unwrap();
    strace.args(["-ff", "-o"]).arg(traces.join("trace"));
    let output = of_this_test(strace).output().unwrap();
    let read = |entry: io::Result<fs::DirEntry>| fs::read_to_string(entry.ok()?.path()).ok();
    let texts: Vec<String> = fs::read_dir(&traces).unwrap().filter_map(read).collect();
    fs::remove_dir_all(&traces).unwrap();
    let text = match texts.into_iter().find(|text| text.contains("getppid(")) {
        Some(text) => text,
        None => super::skip("strace may not trace here"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    text
}

/// Starts the current test again, where system calls fail: `calls` in strace's syntax, `when` too.
pub fn with_failing(calls: &str, error: &str, when: &str) {
    let (trace, inject) =
        (format!("trace={calls}"), format!("inject={calls}:error={error}:when={when}"));
    let mut strace = strace_or_skip(&["-f", "-q", "-e", &trace, "-e", &inject]);
    strace.args(["-o", "/dev/null"]);
    let output = of_this_test(strace).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
