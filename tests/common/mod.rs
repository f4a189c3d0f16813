//! What the tests share: a harness that runs each test in a process of its own, forked from a `main` with one thread, so
//! that dispositions, masks, descriptors and children are the test's alone; and small helpers for real processes.
//!
//! A test file ends in `common::main! { name_of_test, ... }`. Arguments: a part of a name, `--exact`, `--list`.
//! `SIGNAL_TEST_SKIP="name=reason;..."` skips by name and says so; `SIGNAL_TEST_SCALE=20` divides the heavy counts.

#![allow(dead_code)] // each test file uses its own part

pub mod load;
pub mod process;
pub mod raw;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::io::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::exit;
use std::time::{Duration, Instant};

/// A test that runs longer than this hangs. Emulated machines are slow.
const LIMIT_SECONDS: u32 = 300;

/// The exit code of a test that cannot run here.
const SKIPPED: i32 = 77;

#[macro_export]
macro_rules! main {
    ($($name:ident),* $(,)?) => {
        fn main() {
            common::run(&[$((stringify!($name), $name as fn())),*])
        }
    };
}
pub use crate::main;

pub fn run(tests: &[(&str, fn())]) -> ! {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen = |name: &str| {
        let matches =
            |filter: &&String| if has("--exact") { name == **filter } else { name.contains(filter.as_str()) };
        filters.is_empty() || filters.iter().any(matches)
    };
    let tests: Vec<_> = tests.iter().filter(|(name, _)| chosen(name)).collect();
    if has("--list") {
        // Nothing here is ever `#[ignore]`d.
        if !has("--ignored") {
            tests.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        exit(0);
    }
    println!("\nrunning {} tests", tests.len());
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    let start = Instant::now();
    for (name, test) in &tests {
        print!("test {name} ... ");
        match outcome(name, *test) {
            Outcome::Passed => {
                passed += 1;
                println!("ok");
            }
            Outcome::Skipped(reason) => {
                skipped += 1;
                println!("ignored, {reason}");
            }
            Outcome::Failed(why, output) => {
                println!("FAILED");
                failed.push(format!("---- {name} ----\n{output}\n{name}: {why}\n"));
            }
        }
    }
    failed.iter().for_each(|failure| println!("\n{failure}"));
    println!(
        "\ntest result: {}. {passed} passed; {} failed; {skipped} ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        failed.len(),
        start.elapsed().as_secs_f32()
    );
    exit(if failed.is_empty() { 0 } else { 101 });
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed(String, String),
}

fn outcome(name: &str, test: fn()) -> Outcome {
    let skips = std::env::var("SIGNAL_TEST_SKIP").unwrap_or_default();
    let skip = skips.split(';').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
    if let Some(reason) = skip {
        return Outcome::Skipped(reason.to_owned());
    }
    let mut output = scratch_file();
    std::io::stdout().flush().unwrap();
    // While SIGCHLD is ignored there is nothing to wait for: the test alone inherits that.
    // SAFETY: no handler is installed; this process has one thread.
    let inherited = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // SAFETY: as above.
    let pid = match unsafe { libc::fork() } {
        0 => {
            // SAFETY: as above.
            unsafe { libc::signal(libc::SIGCHLD, inherited) };
            run_child(test, &output)
        }
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        pid => pid,
    };
    let status = wait_with_limit(pid);
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGCHLD, inherited) };
    let mut text = String::new();
    output.seek(SeekFrom::Start(0)).unwrap();
    output.read_to_string(&mut text).unwrap_or_default();
    match status {
        None => Outcome::Failed(format!("still running after {LIMIT_SECONDS} seconds"), text),
        Some(status) if libc::WIFSIGNALED(status) => {
            Outcome::Failed(format!("killed by signal {}", libc::WTERMSIG(status)), text)
        }
        Some(status) => match libc::WEXITSTATUS(status) {
            0 => Outcome::Passed,
            SKIPPED => Outcome::Skipped(text.trim().to_owned()),
            code => Outcome::Failed(format!("exited with code {code}"), text),
        },
    }
}

fn run_child(test: fn(), output: &File) -> ! {
    // SAFETY: plain system calls on descriptors that are ours.
    unsafe {
        // A group of its own, so that what it leaves behind can be swept up, and no kill_own_group goes further.
        libc::setpgid(0, 0);
        libc::dup2(output.as_raw_fd(), 1);
        libc::dup2(output.as_raw_fd(), 2);
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    let code = match catch_unwind(AssertUnwindSafe(test)) {
        Ok(()) => 0,
        Err(_) => 101,
    };
    // SAFETY: ends the process without the parent's buffers.
    unsafe { libc::_exit(code) }
}

/// `None`: it had to be killed.
fn wait_with_limit(pid: libc::pid_t) -> Option<libc::c_int> {
    extern "C" fn nothing(_: libc::c_int) {}
    let mut status = 0;
    // SAFETY: the action is zeroed and then given a handler that does nothing, without SA_RESTART; `status` has room.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize as _;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
        libc::alarm(LIMIT_SECONDS);
        let mut waited = libc::waitpid(pid, &mut status, 0);
        let in_time = waited == pid;
        if !in_time {
            libc::kill(pid, libc::SIGKILL);
            waited = libc::waitpid(pid, &mut status, 0);
        }
        libc::alarm(0);
        libc::kill(-pid, libc::SIGKILL);
        assert_eq!(waited, pid, "waitpid: {}", std::io::Error::last_os_error());
        in_time.then_some(status)
    }
}

/// A file without a name.
fn scratch_file() -> File {
    let path = std::env::temp_dir().join(format!("signal-test-{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

/// Ends the test as one that cannot run here.
pub fn skip(reason: &str) -> ! {
    println!("{reason}");
    // SAFETY: ends the process; the output has been flushed by the newline or is lost with nothing but the reason.
    unsafe {
        std::io::stdout().flush().unwrap();
        libc::_exit(SKIPPED)
    }
}

/// A heavy count, smaller where `SIGNAL_TEST_SCALE` asks for it.
pub fn scaled(count: usize) -> usize {
    let divisor = std::env::var("SIGNAL_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (count / divisor).max(1)
}

/// Forks a child that runs `body` and then exits with the code that it returns; 101 if it panics.
pub fn fork(body: impl FnOnce() -> i32) -> signal::Pid {
    std::io::stdout().flush().unwrap();
    // SAFETY: the tests fork from one thread, or the child uses only what a fork leaves intact.
    match unsafe { libc::fork() } {
        0 => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
        pid => signal::Pid::from_raw(pid).expect("fork"),
    }
}

/// Waits for a child of ours; its status as `waitpid` stores it.
pub fn wait_for(pid: signal::Pid) -> signal::child::Status {
    let mut status = 0;
    // SAFETY: room for the status.
    let waited = signal::retry(|| match unsafe { libc::waitpid(pid.as_raw(), &mut status, 0) } {
        -1 => Err(signal::Errno::last()),
        pid => Ok(pid),
    });
    assert_eq!(waited, Ok(pid.as_raw()));
    signal::child::Status::from_raw(status)
}

/// Forks, waits, and expects the child to end with code 0.
pub fn in_child(body: impl FnOnce()) {
    let status = wait_for(fork(|| {
        body();
        0
    }));
    assert!(status.success(), "the child {status}");
}

/// Looks until `condition` holds, for a minute at most.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "never happened: {what}");
        std::thread::yield_now();
    }
}

/// A pipe: one process tells another that it has come so far, by writing a byte, or by ending.
pub struct Gate {
    read: std::os::unix::io::RawFd,
    write: std::os::unix::io::RawFd,
}

impl Gate {
    pub fn new() -> Gate {
        let mut fds = [-1; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe(fds.as_mut_ptr()) }, 0);
        Gate { read: fds[0], write: fds[1] }
    }

    pub fn open(&self) {
        // SAFETY: one byte.
        assert_eq!(unsafe { libc::write(self.write, b"x".as_ptr().cast(), 1) }, 1);
    }

    pub fn wait(&self) {
        let mut byte = [0u8];
        let read = signal::retry(|| {
            // SAFETY: room for one byte.
            match unsafe { libc::read(self.read, byte.as_mut_ptr().cast(), 1) } {
                -1 => Err(signal::Errno::last()),
                read => Ok(read),
            }
        });
        assert_eq!(read, Ok(1));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // SAFETY: both are ours.
        unsafe {
            libc::close(self.read);
            libc::close(self.write);
        }
    }
}

/// The open descriptors of this process below 256.
pub fn open_descriptors() -> Vec<i32> {
    // SAFETY: asks for flags.
    (0..256).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
}

/// Handler, flags and mask of every signal, and the mask of the thread: what every error path must leave alone.
pub fn signal_state() -> (Vec<Option<signal::Action>>, signal::SignalSet, Vec<i32>) {
    let actions = (1..=128).filter_map(signal::Signal::from_raw).map(|signal| signal::query(signal).ok());
    (actions.collect(), signal::blocked(), open_descriptors())
}
