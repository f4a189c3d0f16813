//! Processes that do more than fork: they exec, die loudly, or are traced.

use signal::child::Status;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::io::FromRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

const STAGE: &str = "SIGNAL_TEST_STAGE";

/// The test of this name, begun anew by `exec`; there `is_re_executed` is true.
pub fn re_exec(test: &str) -> Command {
    let program = env::current_exe().unwrap();
    must_start(&program, "--list");
    let mut command = Command::new(program);
    command.args(["--exact", test]).env(STAGE, "exec");
    command
}

pub fn is_re_executed() -> bool {
    env::var_os(STAGE).is_some()
}

/// Whether a program can be started at all.
pub fn exists(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map_or(false, |status| status.success())
}

/// Skips the test where a program of this kind cannot be started: under an emulator of one program's processor, and not of a
/// machine. The error may be lost on the way (then the child exits with 127), and some C libraries give what the system
/// cannot execute to the shell.
pub fn must_start(program: &Path, argument: &str) {
    let starts = match Command::new(program).arg(argument).stdin(Stdio::null()).output() {
        Ok(output) => {
            let taken_for_a_script = String::from_utf8_lossy(&output.stderr).contains("yntax error");
            output.status.code() != Some(127) && !taken_for_a_script
        }
        Err(error) => error.raw_os_error() != Some(libc::ENOEXEC),
    };
    if !starts {
        super::skip("cannot start such programs");
    }
}

/// For processes that are meant to die: leave no file behind.
pub fn no_core_file() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: points to a whole structure.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) }, 0);
}

/// Runs `body` in a child; how the child ended, and what it wrote to standard error.
pub fn with_stderr(body: impl FnOnce()) -> (Status, String) {
    let mut fds = [-1; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
    let child = super::fork(|| {
        no_core_file();
        // SAFETY: plain system calls on descriptors that are ours.
        unsafe {
            libc::dup2(fds[1], 2);
            libc::close(fds[0]);
            libc::close(fds[1]);
        }
        body();
        0
    });
    // SAFETY: the child has its own; the reading end has no other owner.
    let mut read = unsafe {
        libc::close(fds[1]);
        File::from_raw_fd(fds[0])
    };
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    (super::wait_for(child), text)
}

/// The status of a child as `waitpid` stores it, stopping included.
pub fn wait_stopped_or_ended(pid: signal::Pid) -> libc::c_int {
    let mut status = 0;
    // SAFETY: room for the status.
    let waited =
        signal::retry(|| match unsafe { libc::waitpid(pid.as_raw(), &mut status, libc::WUNTRACED) } {
            -1 => Err(signal::Errno::last()),
            pid => Ok(pid),
        });
    assert_eq!(waited, Ok(pid.as_raw()));
    status
}

/// The system calls of this test, executed anew, one a line: of that process alone which calls `getppid`.
pub fn trace(test: &str) -> String {
    let version = Command::new("strace").arg("-V").output();
    if !version.map_or(false, |output| output.stdout.starts_with(b"strace -- version")) {
        super::skip("no strace");
    }
    // One file a process: the lines of several in one file interrupt each other.
    let traces = env::temp_dir().join(format!("signal-test-strace-{}", std::process::id()));
    fs::create_dir(&traces).unwrap();
    let program = re_exec(test);
    let mut strace = Command::new("strace");
    strace.args(["-ff", "-o"]).arg(traces.join("trace")).arg(program.get_program()).args(program.get_args());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = strace.output().unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.ok()?.path()).ok();
    let texts: Vec<String> = fs::read_dir(&traces).unwrap().filter_map(read).collect();
    fs::remove_dir_all(&traces).unwrap();
    let text = match texts.into_iter().find(|text| text.contains("getppid(")) {
        Some(text) => text,
        None => super::skip("strace may not trace here"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    text
}
