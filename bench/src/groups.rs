//! What is measured: each group of contestants, round by round.

use crate::contestants::{self, Operation};
use crate::stats::{interleave, Samples};
use crate::workers;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Settings {
    pub quick: bool,
}

impl Settings {
    fn rounds(&self, full: usize) -> usize {
        if self.quick {
            (full / 20).max(2)
        } else {
            full
        }
    }
}

/// In ten processes, one after the other: where the stack and the program lie differs from one to the next, and with it the
/// time of a copy.
pub fn in_process(settings: &Settings, group: &str) -> Vec<Samples> {
    let whos = contestants::group(group);
    let mut samples: Vec<Samples> =
        whos.iter().map(|who| Samples { who: who.to_string(), values: Vec::new() }).collect();
    let rounds = settings.rounds(100);
    for _ in 0..settings.rounds(10) {
        let values = worker(&["group", group, &rounds.to_string()]);
        for (samples, values) in samples.iter_mut().zip(values.chunks(rounds)) {
            samples.values.extend(values);
        }
    }
    samples
}

/// In one process: each does its operation for about half a millisecond, then the next.
pub fn take_turns(group: &str, rounds: usize) -> Vec<f64> {
    let whos = contestants::group(group);
    let mut operations: Vec<(Operation, u64)> = whos
        .iter()
        .map(|who| {
            let mut operation = contestants::operation(group, who);
            let mut count = 1;
            while timed(&mut operation, count) < Duration::from_micros(400) {
                count *= 2;
            }
            (operation, count)
        })
        .collect();
    let samples = interleave(whos, rounds, |index| {
        let (operation, count) = &mut operations[index];
        timed(operation, *count).as_nanos() as f64 / *count as f64
    });
    samples.into_iter().flat_map(|samples| samples.values).collect()
}

fn timed(operation: &mut Operation, count: u64) -> Duration {
    let start = Instant::now();
    operation(count);
    start.elapsed()
}

fn worker(arguments: &[&str]) -> Vec<f64> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.arg("--worker").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the worker {arguments:?} failed");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

pub fn first_install(settings: &Settings) -> Vec<Samples> {
    let whos = workers::contestants("first");
    interleave(whos, settings.rounds(200), |index| worker(&["first", whos[index]])[0])
}

/// The median and the 99th percentile of each round.
pub fn latency(settings: &Settings) -> (Vec<Samples>, Vec<Samples>) {
    let whos = workers::contestants("latency");
    let mut highs: Vec<Samples> =
        whos.iter().map(|who| Samples { who: who.to_string(), values: Vec::new() }).collect();
    let count = if settings.quick { 50 } else { 500 };
    let medians = interleave(whos, settings.rounds(40), |index| {
        let mut times = worker(&["latency", whos[index], &count.to_string()]);
        times.sort_by(f64::total_cmp);
        highs[index].values.push(times[times.len() * 99 / 100]);
        times[times.len() / 2]
    });
    (medians, highs)
}

/// 10,000 children for each contestant, 1,000 in each round; fewer while others live.
pub fn reap(settings: &Settings, live: usize) -> Vec<Samples> {
    let whos = workers::contestants("reap");
    let (rounds, dead) = if live == 0 { (10, 1000) } else { (20, 200) };
    let (rounds, dead) = if settings.quick { (2, 50) } else { (rounds, dead) };
    interleave(whos, rounds, |index| worker(&["reap", whos[index], &live.to_string(), &dead.to_string()])[0])
}

/// The library's own cost of a delivery with the feature `defer` and without: two builds of one program.
pub fn feature(settings: &Settings, root: &Path, target: &Path) -> Vec<Samples> {
    let build = |name: &str, features: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root.join("ci/probe")).args(["build", "-q", "--release", "--locked"]);
        let status = cargo.args(features).arg("--target-dir").arg(target.join(name)).status().unwrap();
        assert!(status.success());
        target.join(name).join("release/probe")
    };
    let (off, on) = (build("off", &[]), build("defer", &["--features", "defer"]));
    let programs = [(&off, "raise"), (&on, "raise"), (&on, "raise-ever")];
    interleave(&["off", "on", "on, after a section"], settings.rounds(200), |index| {
        let (program, operation) = programs[index];
        let output = Command::new(program).args([operation, "20000", "--time"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    })
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(program: &Path, arguments: &[&str]) -> Server {
        let mut process = Command::new(program).args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the server listens");
        let address = address.split(',').next().unwrap().to_owned();
        // Somebody must read the log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { process, address }
    }

    /// Connections a second, one after the other, each of which has one line echoed.
    fn serve(&self, connections: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..connections {
            let mut stream = TcpStream::connect(&self.address).unwrap();
            stream.write_all(b"hello\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut echo = Vec::new();
            stream.read_to_end(&mut echo).unwrap();
            assert_eq!(echo, b"hello\n");
        }
        connections as f64 / start.elapsed().as_secs_f64()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: takes plain values; a child that has not been reaped.
        unsafe { libc::kill(self.process.id() as i32, libc::SIGTERM) };
        let _ = self.process.wait();
    }
}

pub fn echo(settings: &Settings, root: &Path, target: &Path) -> Vec<Samples> {
    let c = target.join("echo_server_c");
    let source = root.join("bench/echo_server.c");
    let status =
        Command::new("cc").args(["-O2", "-Wall", "-Wno-unused-result", "-o"]).arg(&c).arg(source).status();
    assert!(status.expect("a C compiler").success());
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args([
        "build",
        "-q",
        "--release",
        "-p",
        "posix-signal",
        "--example",
        "echo_server",
    ]);
    assert!(cargo.arg("--target-dir").arg(target.join("echo")).status().unwrap().success());
    let ours = target.join("echo/release/examples/echo_server");
    let servers = [Server::start(&c, &[]), Server::start(&ours, &["--port", "0"])];
    let connections = if settings.quick { 50 } else { 300 };
    interleave(&["raw", "posix-signal"], settings.rounds(60), |index| servers[index].serve(connections))
}

/// A program that depends on one of them, in a folder of its own.
pub struct Cost {
    pub seconds: Vec<Samples>,
    pub crates: Vec<Samples>,
    pub bytes: Vec<Samples>,
}

const MAIN: &str = "use std::sync::atomic::{AtomicUsize, Ordering};
static HITS: AtomicUsize = AtomicUsize::new(0);
fn hit() { HITS.fetch_add(1, Ordering::Relaxed); }
";

/// Name, dependency line and the statement that installs a handler.
fn programs(root: &Path) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("raw", String::from("libc = \"0.2.186\""), "extern \"C\" fn on(_: libc::c_int) { hit(); }
fn main() { unsafe {
    let mut action: libc::sigaction = std::mem::zeroed();
    action.sa_sigaction = on as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    libc::sigemptyset(&mut action.sa_mask);
    assert_eq!(libc::sigaction(libc::SIGTERM, &action, std::ptr::null_mut()), 0);
} }"),
        ("posix-signal", format!("signal = {{ package = \"posix-signal\", path = {root:?} }}"),
         "fn main() { signal::install(signal::SIGTERM, unsafe { signal::Handler::new(|_| hit()) }).unwrap(); }"),
        ("signal-hook", String::from("signal-hook = \"0.4.6\""),
         "fn main() { unsafe { signal_hook::low_level::register(15, hit) }.unwrap(); }"),
        ("nix", String::from("nix = { version = \"0.31.3\", default-features = false, features = [\"signal\"] }"),
         "use nix::sys::signal::*;
extern \"C\" fn on(_: i32) { hit(); }
fn main() { unsafe { sigaction(SIGTERM, &SigAction::new(SigHandler::Handler(on), SaFlags::SA_RESTART, SigSet::empty())) }.unwrap(); }"),
        ("tokio", String::from("tokio = { version = \"1.54.1\", default-features = false, features = [\"rt\", \"signal\"] }"),
         "fn main() { tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap(); hit() }); }"),
        ("async-signal", String::from("async-signal = \"0.2.14\""),
         "fn main() { async_signal::Signals::new([async_signal::Signal::Term]).unwrap(); hit(); }"),
        ("ctrlc", String::from("ctrlc = \"3.5.2\""), "fn main() { ctrlc::set_handler(hit).unwrap(); }"),
    ]
}

pub fn build_cost(settings: &Settings, root: &Path, target: &Path) -> Cost {
    let folder = target.join("programs");
    let _ = fs::remove_dir_all(&folder);
    let programs = programs(root);
    let names: Vec<&str> = programs.iter().map(|(name, ..)| *name).collect();
    let cargo = |name: &str, arguments: &[&str]| {
        let folder = folder.join(name);
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&folder)
            .args(arguments)
            .arg("--offline")
            .env("CARGO_TARGET_DIR", folder.join("target"));
        cargo.env_remove("RUSTFLAGS").env("CARGO_INCREMENTAL", "1").stderr(Stdio::null());
        cargo
    };
    for (name, dependency, body) in &programs {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("src/main.rs"), format!("{MAIN}{body}\n")).unwrap();
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
             [dependencies]\n{dependency}\n\n[profile.release]\nstrip = true\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        // The same versions for all.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    }
    let clean = |name: &str| drop(fs::remove_dir_all(folder.join(name).join("target")));
    let seconds = interleave(&names, if settings.quick { 1 } else { 5 }, |index| {
        clean(names[index]);
        let start = Instant::now();
        assert!(
            cargo(names[index], &["build"]).status().unwrap().success(),
            "{} does not build",
            names[index]
        );
        start.elapsed().as_secs_f64()
    });
    let crates = interleave(&names, 1, |index| {
        let mut tree =
            cargo(names[index], &["tree", "--prefix", "none", "-e", "normal,build", "--no-dedupe"]);
        let text = String::from_utf8(tree.output().unwrap().stdout).unwrap();
        let mut lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches(" (proc-macro)")).collect();
        lines.sort_unstable();
        lines.dedup();
        // Without the program itself.
        (lines.len() - 1) as f64
    });
    let bytes = interleave(&names, 1, |index| {
        let mut build = cargo(names[index], &["build", "--release"]);
        assert!(build.env("RUSTFLAGS", "-Ctarget-feature=+crt-static").status().unwrap().success());
        let program: PathBuf = folder.join(names[index]).join("target/release/program");
        assert!(Command::new(&program).status().unwrap().success());
        fs::metadata(program).unwrap().len() as f64
    });
    names.iter().for_each(|name| clean(name));
    Cost { seconds, crates, bytes }
}
