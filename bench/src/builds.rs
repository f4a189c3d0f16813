//! What a program pays for a dependency: time to build it, crates, size.

use crate::measure::Bench;
use crate::stats::{interleave, Samples};
use libc::rusage;
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Of a clean debug build of a program that installs a handler.
    WallTime,
    /// Of a clean release build of an empty program, less that of libc.
    UserTime,
    Crates,
    Size,
}

/// The peers of `Cost::UserTime`: the others take too long.
const USER_TIME: &[&str] = &["raw", "posix-signal", "signal-hook", "nix"];

pub fn measure(bench: &Bench, cost: Cost) -> Vec<Samples> {
    let programs = programs(&bench.root).into_iter();
    let packages: Vec<Package> = programs
        .filter(|program| cost != Cost::UserTime || USER_TIME.contains(&program.peer))
        .map(|program| Package::create(bench, &program, cost == Cost::UserTime))
        .collect();
    let peers: Vec<&str> = packages.iter().map(|package| package.peer).collect();
    let rounds = match cost {
        Cost::WallTime => bench.choose(1, 5),
        Cost::UserTime => bench.choose(1, 9),
        Cost::Crates | Cost::Size => 1,
    };
    let samples = interleave(&peers, rounds, |index| match cost {
        Cost::WallTime => packages[index].wall_time(),
        Cost::UserTime => packages[index].user_time(),
        Cost::Crates => packages[index].crates(),
        Cost::Size => packages[index].size(),
    });
    packages.iter().for_each(Package::clean);
    if cost == Cost::UserTime {
        less_the_first(samples)
    } else {
        samples
    }
}

fn less_the_first(mut samples: Vec<Samples>) -> Vec<Samples> {
    let first = samples.remove(0);
    for samples in &mut samples {
        samples.values.iter_mut().zip(&first.values).for_each(|(value, first)| *value -= first);
    }
    samples
}

struct Program {
    peer: &'static str,
    /// Its line in Cargo.toml. Cargo.lock chooses the version.
    dependency: String,
    /// Installs a handler.
    main: &'static str,
}

fn programs(root: &Path) -> Vec<Program> {
    let program =
        |peer, dependency: &str, main| Program { peer, dependency: dependency.into(), main };
    let library = format!("signal = {{ package = \"posix-signal\", path = {root:?} }}");
    vec![
        program("raw", "", RAW),
        program("posix-signal", &library, POSIX_SIGNAL),
        program("signal-hook", "signal-hook = \"*\"", SIGNAL_HOOK),
        program("nix", &with_features("nix", "\"signal\""), NIX),
        program("tokio", &with_features("tokio", "\"rt\", \"signal\""), TOKIO),
        program("async-signal", "async-signal = \"*\"", ASYNC_SIGNAL),
        program("ctrlc", "ctrlc = \"*\"", CTRLC),
    ]
}

fn with_features(name: &str, features: &str) -> String {
    format!("{name} = {{ version = \"*\", default-features = false, features = [{features}] }}")
}

const PRELUDE: &str = "use std::sync::atomic::{AtomicUsize, Ordering};
static HITS: AtomicUsize = AtomicUsize::new(0);
fn hit() { HITS.fetch_add(1, Ordering::Relaxed); }
";
const RAW: &str = "extern \"C\" fn on(_: libc::c_int) { hit(); }
fn main() { unsafe {
    let mut action: libc::sigaction = std::mem::zeroed();
    action.sa_sigaction = on as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    libc::sigemptyset(&mut action.sa_mask);
    assert_eq!(libc::sigaction(libc::SIGTERM, &action, std::ptr::null_mut()), 0);
} }";
const POSIX_SIGNAL: &str = "use signal::{install, Handler, SIGTERM};
fn main() { install(SIGTERM, unsafe { Handler::new(|_| hit()) }).unwrap(); }";
const SIGNAL_HOOK: &str =
    "fn main() { unsafe { signal_hook::low_level::register(15, hit) }.unwrap(); }";
const NIX: &str = "use nix::sys::signal::*;
extern \"C\" fn on(_: i32) { hit(); }
fn main() {
    let handler = SigHandler::Handler(on);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    unsafe { sigaction(SIGTERM, &action) }.unwrap();
}";
const TOKIO: &str = "use tokio::{runtime::Builder, signal::unix::{signal, SignalKind}};
fn main() {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async { signal(SignalKind::terminate()).unwrap(); hit() });
}";
const ASYNC_SIGNAL: &str = "use async_signal::{Signal, Signals};
fn main() { Signals::new([Signal::Term]).unwrap(); hit(); }";
const CTRLC: &str = "fn main() { ctrlc::set_handler(hit).unwrap(); }";

/// A package with one dependency beside libc, in a folder and a workspace of its own.
struct Package {
    peer: &'static str,
    folder: PathBuf,
}

impl Package {
    fn create(bench: &Bench, program: &Program, empty: bool) -> Package {
        let folder = bench.target.join("programs").join(program.peer);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src")).unwrap();
        let main =
            if empty { "fn main() {}".to_owned() } else { format!("{PRELUDE}{}", program.main) };
        fs::write(folder.join("src/main.rs"), main + "\n").unwrap();
        // `empty` is for the row that subtracts libc: there every package has it.
        let libc = if empty || program.peer == "raw" { "libc = \"*\"\n" } else { "" };
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
             [workspace]\n\n[dependencies]\n{libc}{}\n\n[profile.release]\nstrip = true\n",
            program.dependency
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        // It chooses the versions, the same for all.
        fs::copy(bench.root.join("bench/Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Package { peer: program.peer, folder }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.folder).args(arguments).arg("--offline").stderr(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", self.folder.join("target"));
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_INCREMENTAL");
        cargo
    }

    fn clean(&self) {
        let _ = fs::remove_dir_all(self.folder.join("target"));
    }

    fn build(&self, arguments: &[&str]) {
        self.clean();
        let status = self.cargo(&["build"]).args(arguments).status().unwrap();
        assert!(status.success(), "{} does not build", self.peer);
    }

    fn wall_time(&self) -> f64 {
        let start = Instant::now();
        self.build(&[]);
        start.elapsed().as_secs_f64()
    }

    fn user_time(&self) -> f64 {
        let before = children_user_time();
        self.build(&["--release"]);
        children_user_time() - before
    }

    /// Without the program itself.
    fn crates(&self) -> f64 {
        let arguments = ["tree", "--prefix", "none", "-e", "normal,build", "--no-dedupe"];
        let text = String::from_utf8(self.cargo(&arguments).output().unwrap().stdout).unwrap();
        let lines = text.lines().map(|line| line.trim_end_matches(" (proc-macro)"));
        let mut lines: Vec<&str> = lines.collect();
        lines.sort_unstable();
        lines.dedup();
        (lines.len() - 1) as f64
    }

    /// In bytes, linked statically and stripped.
    fn size(&self) -> f64 {
        let mut build = self.cargo(&["build", "--release"]);
        build.env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
        assert!(build.status().unwrap().success(), "{} does not build", self.peer);
        let program = self.folder.join("target/release/program");
        assert!(Command::new(&program).status().unwrap().success());
        fs::metadata(program).unwrap().len() as f64
    }
}

/// In seconds, of all children that have been reaped, and of theirs.
fn children_user_time() -> f64 {
    let mut usage = MaybeUninit::<rusage>::uninit();
    // SAFETY: `usage` is valid for writes of the structure.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    usage.ru_utime.tv_sec as f64 + usage.ru_utime.tv_usec as f64 / 1e6
}
