//! Processes that do more than fork: they sleep, die, stop, or run another program.

use signal::child::Status;
use signal::{Errno, Pid};
use std::env;
use std::io::Read;
use std::os::unix::io::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;

const STAGE: &str = "SIGNAL_TEST_STAGE";

/// The current test, started again by `exec`; there `is_re_executed` is true.
pub fn re_exec() -> Command {
    static ASKED: Once = Once::new();
    let program = env::current_exe().unwrap();
    ASKED.call_once(|| must_start(&program, "--list"));
    let mut command = Command::new(program);
    command.args(["--exact", crate::harness::current_test()]).env(STAGE, "exec");
    command
}

/// The same, run by another program: a tracer, a simulator.
pub fn under(program: &str, arguments: &[&str]) -> Command {
    let again = re_exec();
    let mut command = Command::new(program);
    command.args(arguments).arg(again.get_program()).args(again.get_args());
    command.envs(again.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

pub fn is_re_executed() -> bool {
    env::var_os(STAGE).is_some()
}

/// Skips the test where a program of this kind cannot be started: under an emulator that runs one
/// program and not a machine. The error may be lost on the way (then the child exits with 127), and
/// some C libraries give what the system cannot execute to the shell.
pub fn must_start(program: &Path, argument: &str) {
    let starts = match Command::new(program).arg(argument).stdin(Stdio::null()).output() {
        Ok(output) => {
            let taken_for_a_script =
                String::from_utf8_lossy(&output.stderr).contains("yntax error");
            output.status.code() != Some(127) && !taken_for_a_script
        }
        Err(error) => error.raw_os_error() != Some(libc::ENOEXEC),
    };
    if !starts {
        super::skip("cannot start such programs");
    }
}

/// A child that waits to be killed.
pub fn sleeper() -> Pid {
    super::fork(|| sleep_forever())
}

/// Sleeps until a signal kills the process.
pub fn sleep_forever() -> ! {
    loop {
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
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
    let (mut read, write) = super::pipe();
    let child = super::fork(|| {
        no_core_file();
        // SAFETY: descriptors that are ours.
        unsafe {
            libc::dup2(write.as_raw_fd(), 2);
            libc::close(write.as_raw_fd());
            libc::close(read.as_raw_fd());
        }
        body();
        0
    });
    drop(write);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    (super::wait_for(child), text)
}

/// Calls `waitpid`; the status as that stores it.
pub fn wait(pid: Pid, options: libc::c_int) -> libc::c_int {
    let mut status = 0;
    // SAFETY: room for the status.
    let waited =
        signal::retry(|| match unsafe { libc::waitpid(pid.as_raw(), &mut status, options) } {
            -1 => Err(Errno::last()),
            pid => Ok(pid),
        });
    assert_eq!(waited, Ok(pid.as_raw()));
    status
}

/// Waits for a child to stop or to end; the status as `waitpid` stores it.
pub fn wait_stopped_or_ended(pid: Pid) -> libc::c_int {
    wait(pid, libc::WUNTRACED)
}

/// Waits for a child to end, and leaves its status where it is.
pub fn wait_for_zombie(pid: Pid) {
    wait_for_report(pid, libc::WEXITED);
}

/// Waits for what `waitid` is asked for, and leaves it there; its code, a `CLD_` constant.
fn wait_for_report(pid: Pid, options: libc::c_int) -> libc::c_int {
    // SAFETY: zero is valid for a structure that the kernel fills, and there is room for it.
    let code = signal::retry(|| unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        match libc::waitid(libc::P_PID, pid.as_raw() as _, &mut info, options | libc::WNOWAIT) {
            -1 => Err(Errno::last()),
            _ => Ok(info.si_code),
        }
    });
    code.unwrap()
}

/// A child that this process traces and that has stopped by SIGSTOP, which nobody has been told
/// yet. Then it runs `body`.
#[cfg(target_os = "linux")]
pub fn traced(body: impl FnOnce() -> i32) -> Pid {
    let child = super::fork(|| {
        if trace(libc::PTRACE_TRACEME, None, 0) != 0 {
            return 0;
        }
        signal::raise(signal::SIGSTOP).unwrap();
        body()
    });
    if wait_for_report(child, libc::WSTOPPED | libc::WEXITED) == libc::CLD_EXITED {
        crate::harness::skip("nothing can be traced here");
    }
    child
}

/// Calls `ptrace`, with zero for the address.
#[cfg(target_os = "linux")]
pub fn trace<R>(request: R, pid: Option<Pid>, data: libc::c_int) -> libc::c_long
where
    R: TryInto<libc::c_int>,
{
    let request = request.try_into().ok().expect("a small number");
    let null = std::ptr::null_mut::<u8>();
    // SAFETY: takes no pointer that is followed.
    unsafe { libc::ptrace(request as _, pid.map_or(0, Pid::as_raw), null, data as usize) }
}

/// Whether the main thread of a process is in this state: `S` asleep, `t` stopped by its tracer.
#[cfg(target_os = "linux")]
pub fn is_in_state(pid: Pid, state: char) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which may have spaces and parentheses in it.
    stat.rsplit_once(") ").map_or(false, |(_, rest)| rest.starts_with(state))
}
