//! Runs each test in a process of its own, forked from a `main` with one thread: dispositions,
//! mask, descriptors and children are the test's alone.
//!
//! A module ends in `tests! { name_of_test, ... }`, and main.rs lists the modules. A test is called
//! `room::name`. Arguments: parts of names, `--exact`, `--list`, `--test-threads N`.
//! `SIGNAL_TEST_SKIP="room::name=reason;..."` skips tests and says so. `SIGNAL_TEST_AGAIN=1`, for
//! emulated machines, which can be slower than a deadline, runs what failed once more, alone.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::io::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A test that runs longer than this hangs. Emulated machines are slow.
const LIMIT: Duration = Duration::from_secs(300);

/// The exit code of a test that cannot run here.
pub const SKIPPED: i32 = 77;

/// Path and function.
pub type Test = (&'static str, fn());

macro_rules! tests {
    ($($(#[$cfg:meta])* $name:ident),* $(,)?) => {
        pub const TESTS: &[crate::harness::Test] =
            &[$($(#[$cfg])* (concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}

/// The name of the test that this process runs.
static CURRENT: Mutex<&str> = Mutex::new("");

pub fn current_test() -> &'static str {
    *CURRENT.lock().unwrap()
}

/// Ends the test as one that cannot run here.
pub fn skip(reason: &str) -> ! {
    println!("{reason}");
    std::io::stdout().flush().unwrap();
    exit_with(SKIPPED)
}

/// Ends the test as its child has ended, which has said why.
pub fn exit_with(code: i32) -> ! {
    // SAFETY: ends the process; what it has printed is flushed.
    unsafe { libc::_exit(code) }
}

struct Options {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    /// Only those that are `#[ignore]`d, which nothing here ever is.
    ignored: bool,
    /// How many tests run at a time.
    jobs: usize,
}

impl Options {
    fn parse() -> Options {
        let jobs =
            std::thread::available_parallelism().map_or(1, |processors| processors.get().min(2));
        let mut options =
            Options { filters: Vec::new(), exact: false, list: false, ignored: false, jobs };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            // `--name=value` is `--name value`.
            let (option, mut value) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => {
                    (option, Some(value.to_owned()))
                }
                _ => (argument.as_str(), None),
            };
            let mut value = || value.take().or_else(|| arguments.next());
            match option {
                "--exact" => options.exact = true,
                "--list" => options.list = true,
                "--ignored" => options.ignored = true,
                "--test-threads" => match value().and_then(|number| number.parse().ok()) {
                    Some(jobs) if jobs > 0 => options.jobs = jobs,
                    _ => refuse("--test-threads wants a number above 0"),
                },
                // Those of the standard harness that mean nothing here.
                "--format" | "--color" => drop(value()),
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--show-output"
                | "--include-ignored" => {}
                unknown if unknown.starts_with('-') => {
                    refuse(&format!("unknown option {unknown:?}"))
                }
                _ => options.filters.push(argument.clone()),
            }
        }
        options
    }

    fn chooses(&self, name: &str) -> bool {
        let matches =
            |filter: &String| if self.exact { name == filter } else { name.contains(filter) };
        !self.ignored && (self.filters.is_empty() || self.filters.iter().any(matches))
    }
}

fn refuse(why: &str) -> ! {
    eprintln!("tests: {why}");
    exit(2)
}

/// Name and reason of each test that is to be skipped. One that does not exist would skip nothing.
fn skips(tests: &[Test]) -> Vec<(String, String)> {
    let text = std::env::var("SIGNAL_TEST_SKIP").unwrap_or_default();
    let entries = text.split(';').filter(|entry| !entry.is_empty());
    let skips = entries.map(|entry| match entry.split_once('=') {
        Some((name, reason)) if tests.iter().any(|test| test.0 == name) => {
            (name.into(), reason.into())
        }
        _ => refuse(&format!("SIGNAL_TEST_SKIP: there is no test for {entry:?}")),
    });
    skips.collect()
}

pub fn run(rooms: &[&[Test]]) -> ! {
    let options = Options::parse();
    // Without the name of the crate.
    let name = |path: &'static str| path.split_once("::").map_or(path, |(_, name)| name);
    let all: Vec<Test> =
        rooms.iter().copied().flatten().map(|(path, test)| (name(path), *test)).collect();
    let skips = skips(&all);
    let tests: Vec<Test> = all.iter().copied().filter(|(name, _)| options.chooses(name)).collect();
    if options.list {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        exit(0);
    }
    println!("\nrunning {} tests", tests.len());
    let start = Instant::now();
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    let mut runner = Runner::new(options.jobs);
    for (number, (name, _)) in tests.iter().enumerate() {
        print!("test {name} ... ");
        std::io::stdout().flush().unwrap();
        match runner.outcome(number, &tests, &skips) {
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
                println!("\n---- {name} ----\n{output}\n{name}: {why}\n");
                failed.push(tests[number]);
            }
        }
    }
    if std::env::var_os("SIGNAL_TEST_AGAIN").is_some() {
        let mut runner = Runner::new(1);
        let again = failed.clone();
        let mut number = 0;
        failed.retain(|(name, _)| {
            let outcome = runner.outcome(number, &again, &skips);
            number += 1;
            let recovers = matches!(outcome, Outcome::Passed);
            if recovers {
                passed += 1;
                println!("UNSTEADY {name}: failed, and passed alone");
            }
            !recovers
        });
    }
    failed.iter().for_each(|(name, _)| println!("failed: {name}"));
    println!(
        "\ntest result: {}. {passed} passed; {} failed; {skipped} ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        failed.len(),
        all.len() - tests.len(),
        start.elapsed().as_secs_f32()
    );
    exit(if failed.is_empty() { 0 } else { 101 });
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed(String, String),
}

/// A test that has been started.
struct Running {
    number: usize,
    pid: libc::pid_t,
    output: File,
    start: Instant,
}

/// Starts tests in their order, a few at a time.
struct Runner {
    jobs: usize,
    started: usize,
    running: Vec<Running>,
    /// Of tests that ended before one that was started earlier.
    outcomes: Vec<(usize, Outcome)>,
    /// While SIGCHLD is ignored there is nothing to wait for: the tests alone inherit that.
    inherited: libc::sighandler_t,
}

impl Runner {
    fn new(jobs: usize) -> Runner {
        extern "C" fn tick(_: libc::c_int) {
            // SAFETY: takes a plain value and is async-signal-safe.
            unsafe { libc::alarm(1) };
        }
        // SAFETY: the action is zeroed and then given a handler, without SA_RESTART, so that it
        // interrupts `waitpid` every second; this process has one thread.
        let inherited = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = tick as extern "C" fn(libc::c_int) as usize as _;
            libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
            libc::alarm(1);
            libc::signal(libc::SIGCHLD, libc::SIG_DFL)
        };
        Runner { jobs, started: 0, running: Vec::new(), outcomes: Vec::new(), inherited }
    }

    fn outcome(&mut self, number: usize, tests: &[Test], skips: &[(String, String)]) -> Outcome {
        loop {
            if let Some(at) = self.outcomes.iter().position(|(ended, _)| *ended == number) {
                return self.outcomes.swap_remove(at).1;
            }
            while self.started < tests.len() && self.running.len() < self.jobs {
                let (name, test) = tests[self.started];
                match skips.iter().find(|(skip, _)| skip == name) {
                    Some((_, reason)) => {
                        self.outcomes.push((self.started, Outcome::Skipped(reason.clone())));
                    }
                    None => self.start(name, test),
                }
                self.started += 1;
            }
            if !self.running.is_empty() {
                let (ended, status) = self.wait();
                self.outcomes.push((ended.number, ended.outcome(status)));
            }
        }
    }

    fn start(&mut self, name: &'static str, test: fn()) {
        let output = scratch_file();
        // SAFETY: this process has one thread.
        let pid = match unsafe { libc::fork() } {
            0 => {
                *CURRENT.lock().unwrap() = name;
                // SAFETY: puts back what this process inherited.
                unsafe { libc::signal(libc::SIGCHLD, self.inherited) };
                run_child(test, &output)
            }
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            pid => pid,
        };
        let start = Instant::now();
        self.running.push(Running { number: self.started, pid, output, start });
    }

    /// The next test that ends, and its status.
    fn wait(&mut self) -> (Running, libc::c_int) {
        loop {
            let mut status = 0;
            // SAFETY: room for the status.
            let pid = unsafe { libc::waitpid(-1, &mut status, 0) };
            if let Some(at) = self.running.iter().position(|running| running.pid == pid) {
                // SAFETY: takes plain values: what the test has left behind in its group.
                unsafe { libc::kill(-pid, libc::SIGKILL) };
                return (self.running.swap_remove(at), status);
            }
            let error = std::io::Error::last_os_error();
            assert!(
                pid != -1 || error.kind() == std::io::ErrorKind::Interrupted,
                "waitpid: {error}"
            );
            for late in self.running.iter().filter(|running| running.start.elapsed() > LIMIT) {
                // SAFETY: takes plain values; the pid belongs to a child that nobody has waited
                // for.
                unsafe { libc::kill(late.pid, libc::SIGKILL) };
            }
        }
    }
}

impl Running {
    fn outcome(mut self, status: libc::c_int) -> Outcome {
        let mut text = Vec::new();
        self.output.seek(SeekFrom::Start(0)).unwrap();
        self.output.read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        if self.start.elapsed() > LIMIT {
            return Outcome::Failed(
                format!("still running after {} seconds", LIMIT.as_secs()),
                text,
            );
        }
        if libc::WIFSIGNALED(status) {
            return Outcome::Failed(format!("killed by signal {}", libc::WTERMSIG(status)), text);
        }
        match libc::WEXITSTATUS(status) {
            0 => Outcome::Passed,
            // What comes before the reason is of children that tried.
            SKIPPED => Outcome::Skipped(text.trim_end().lines().last().unwrap_or("").to_owned()),
            code => Outcome::Failed(format!("exited with code {code}"), text),
        }
    }
}

fn run_child(test: fn(), output: &File) -> ! {
    // SAFETY: plain system calls on descriptors that are ours.
    unsafe {
        // A group of its own: what it leaves behind can be killed, and `kill_own_group` reaches no
        // other test.
        libc::setpgid(0, 0);
        libc::dup2(output.as_raw_fd(), 1);
        libc::dup2(output.as_raw_fd(), 2);
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    grow_stack();
    let code = if catch_unwind(AssertUnwindSafe(test)).is_ok() { 0 } else { 101 };
    // SAFETY: ends the process without the parent's buffers.
    unsafe { libc::_exit(code) }
}

/// Makes the stack 64 KiB larger. Valgrind 3.19 does not do that for the frame of a handler with
/// SA_ONSTACK, not even where there is no alternate stack.
#[inline(never)]
fn grow_stack() {
    let mut room = std::mem::MaybeUninit::<[u8; 1 << 16]>::uninit();
    // SAFETY: the lowest of these bytes.
    unsafe { room.as_mut_ptr().cast::<u8>().write_volatile(0) };
}

/// A file without a name.
fn scratch_file() -> File {
    let path = std::env::temp_dir().join(format!("signal-test-{}", std::process::id()));
    let file =
        File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}
