//! Real starters with real services, in a directory of their own.

#![allow(dead_code)] // each test file uses its own part

#[path = "../../src/place.rs"]
mod place;

pub use self::place::Place;

use signal::child::Status;
use signal::{CommandExt, Pid, Signal, SIGKILL, SIGTERM};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Looks until `condition` holds, for half a minute at most: emulated and busy machines are slow.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn starter() -> Command {
    Command::new(env!("CARGO_BIN_EXE_starter"))
}

/// A starter that runs `starter.toml`, with its log in the file `log`.
pub struct Running {
    pub place: Place,
    child: Child,
}

pub fn run(config: &str) -> Running {
    run_with(config, |_| {})
}

pub fn run_with(config: &str, change: impl FnOnce(&mut Command)) -> Running {
    let place = Place::new();
    let config = place.write("starter.toml", config);
    let log = fs::File::create(place.join("log")).unwrap();
    let mut command = starter();
    command.arg("run").arg(config).arg("--socket").arg(place.join("socket"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    change(&mut command);
    // Away from the test's own group, whatever the services do.
    let child = command.new_session().spawn().unwrap();
    let running = Running { place, child };
    eventually("the starter runs", || {
        UnixStream::connect(running.place.join("socket")).ok().map(drop)
    });
    running
}

impl Running {
    pub fn pid(&self) -> Pid {
        Pid::from(&self.child)
    }

    pub fn log(&self) -> String {
        self.place.read("log")
    }

    /// The lines of the log with all these parts.
    pub fn lines(&self, parts: &[&str]) -> Vec<String> {
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        self.log().lines().filter(has_all).map(str::to_owned).collect()
    }

    pub fn wait_for_line(&self, parts: &[&str]) -> String {
        self.wait_for_lines(1, parts).remove(0)
    }

    pub fn wait_for_lines(&self, count: usize, parts: &[&str]) -> Vec<String> {
        let start = Instant::now();
        loop {
            let lines = self.lines(parts);
            if lines.len() >= count {
                return lines;
            }
            let found = lines.len();
            assert!(
                start.elapsed() < Duration::from_secs(50),
                "{found} of {count} lines {parts:?} in\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where a line with these parts stands in the log.
    pub fn position(&self, parts: &[&str]) -> usize {
        let log = self.log();
        let has_all = |line: &str| parts.iter().all(|part| line.contains(part));
        log.lines().position(has_all).unwrap_or_else(|| panic!("no line {parts:?} in\n{log}"))
    }

    pub fn control(&self, words: &[&str]) -> Output {
        starter().args(words).arg("--socket").arg(self.place.join("socket")).output().unwrap()
    }

    /// Of the files that the starter writes: one that is as large is full, as a disk is.
    #[cfg(target_os = "linux")]
    pub fn limit_file_size(&self, size: u64) {
        let limit = libc::rlimit { rlim_cur: size, rlim_max: libc::RLIM_INFINITY };
        let pid = self.pid().as_raw();
        // SAFETY: reads one limit and stores none.
        let set = unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
        assert_eq!(set, 0);
    }

    /// What a command prints that must succeed.
    pub fn ask(&self, words: &[&str]) -> String {
        let output = self.control(words);
        assert!(output.status.success(), "{words:?}: {output:?}\n{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The state of a service: `ready 123`.
    pub fn state(&self, name: &str) -> (String, Option<Pid>) {
        let services: serde_json::Value =
            serde_json::from_str(&self.ask(&["status", "--json"])).unwrap();
        let service =
            services.as_array().unwrap().iter().find(|service| service["name"] == name).unwrap();
        let pid = service["pid"].as_i64().and_then(|pid| Pid::from_raw(pid as i32));
        (service["state"].as_str().unwrap().to_owned(), pid)
    }

    pub fn wait_for_state(&self, name: &str, state: &str) -> Option<Pid> {
        eventually(&format!("{name} is {state}"), || {
            let (is, pid) = self.state(name);
            (is == state).then_some(pid)
        })
    }

    pub fn signal(&self, signal: Signal) {
        signal::kill(self.pid(), signal).unwrap();
    }

    pub fn wait(&mut self) -> Status {
        let status = eventually("the starter ends", || self.child.try_wait().unwrap());
        Status::from(status)
    }

    /// Asks it to end, and expects it to do so with success.
    pub fn end(mut self) -> Place {
        self.signal(SIGTERM);
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.log());
        std::mem::replace(&mut self.place, Place(PathBuf::new()))
    }

    fn stat(&self) -> Vec<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').map(str::to_owned).collect()
    }

    pub fn is_stopped(&self) -> bool {
        self.stat()[0] == "T"
    }

    pub fn cpu_time(&self) -> Duration {
        let ticks: u64 =
            self.stat()[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    /// Its children, zombies included, with their states.
    pub fn children(&self) -> Vec<(Pid, char)> {
        children_of(self.pid())
    }
}

impl Drop for Running {
    /// After a failed test, too.
    fn drop(&mut self) {
        for signal in [SIGTERM, SIGTERM, SIGKILL] {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(1) {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                if start.elapsed() < Duration::from_millis(5) {
                    let _ = signal::kill(self.pid(), signal);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.wait();
    }
}

/// From /proc: parent and state of every process.
pub fn children_of(parent: Pid) -> Vec<(Pid, char)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let child = |path: &Path| {
        let pid = Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?)?;
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        (fields.next()?.parse() == Ok(parent.as_raw())).then_some((pid, state))
    };
    entries.filter_map(|entry| child(&entry.path())).collect()
}

/// Whether a process is there and not just a zombie that somebody else has to reap.
pub fn is_running(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A TCP or UDP port that nobody uses.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The number behind `pid=` in a line of the log.
pub fn pid_in(line: &str) -> Pid {
    let number = line.split("pid=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    Pid::from_raw(number.unwrap_or_else(|| panic!("no pid in {line}"))).unwrap()
}
