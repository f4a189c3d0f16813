//! The one capability table: which platform has what. Each row becomes `cfg(has_NAME)` for the library, its tests
//! and its examples. `--cfg signal_without="NAME"` in RUSTFLAGS takes a capability away (`"all"`: every one that has
//! a substitute), so that the substitutes can be tested on a platform that has the real thing.

use std::env::var;
use std::process::Command;

/// The targets that libc and the kernel sources call "BSD": they share most of their answers.
const BSD: &[&str] = &["freebsd", "netbsd", "openbsd", "dragonfly"];
const APPLE: &[&str] = &["macos", "ios", "tvos", "watchos", "visionos"];
const SOLARISH: &[&str] = &["illumos", "solaris"];
const LINUX: &[&str] = &["linux", "android"];

struct Target {
    os: String,
    arch: String,
    env: String,
    pointer_width: String,
    /// Whether the feature `defer` is on.
    defer: bool,
    /// The minor version of the compiler: what its std has.
    rustc: u32,
}

impl Target {
    fn is(&self, families: &[&[&str]]) -> bool {
        families.iter().any(|family| family.contains(&self.os.as_str()))
    }

    fn mips(&self) -> bool {
        self.arch.starts_with("mips")
    }
}

/// Capability, whether it can be taken away with `signal_without`, and where it exists.
type Row = (&'static str, bool, fn(&Target) -> bool);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Functions that have a substitute.
    ("pipe2",        true,  |t| !t.is(&[APPLE, &["aix", "haiku", "nto"]])),
    // write and close past the C library, whose own are cancellation points.
    ("raw_calls",    true,  |t| t.is(&[LINUX])),
    ("eventfd",      true,  |t| t.is(&[&["linux", "android", "freebsd", "illumos"]])),
    ("sigtimedwait", true,  |t| t.is(&[LINUX, &["freebsd", "netbsd", "dragonfly", "aix", "haiku", "hurd", "redox", "nto", "cygwin"]])),
    ("signalfd",     true,  |t| t.is(&[LINUX, &["illumos"]])),
    ("kqueue",       true,  |t| t.is(&[APPLE, BSD])),
    ("sigqueue",     true,  |t| !t.is(&[APPLE, &["openbsd", "dragonfly", "hurd"]])),
    ("wait4",        true,  |t| !t.is(&[SOLARISH, &["redox", "cygwin"]])),
    // Android kills a program that makes a system call it does not know.
    ("pidfd",        true,  |t| t.os == "linux" && (t.env == "gnu" || t.env == "musl") && t.arch != "m68k"),
    ("setitimer",    true,  |t| !t.is(&[&["redox"]])),
    ("setown",       false, |t| !t.is(&[&["haiku", "redox"]])),
    ("setsig",       true,  |t| t.is(&[LINUX])),
    ("sigaltstack",  false, |t| !t.is(&[&["nto", "redox"]])),
    ("registers",    false, registers),
    ("o_async",      true,  |t| t.is(&[LINUX, APPLE, BSD, &["hurd", "nto"]])),
    ("fioasync",     false, |t| t.is(&[APPLE, BSD, SOLARISH, &["linux", "aix", "nto", "cygwin"]])),
    ("deferral",      true,  |t| t.defer && ucontext_mask(t)),
    ("ucontext_mask", false, ucontext_mask),
    ("wipe_on_fork",  true,  |t| t.is(&[LINUX, &["freebsd", "netbsd", "openbsd"]])),
    // flock(2) as a lock of its own: AIX and Solaris have at most a front for fcntl's record locks.
    ("flock",        true,  |t| !t.is(&[&["solaris", "aix", "redox"]])),
    ("file_locks",   false, |t| t.os != "redox"),
    // std's own `Command::process_group`.
    ("process_group", true, |t| t.rustc >= 64),
    // `#[diagnostic::do_not_recommend]` and, older, `#[diagnostic::on_unimplemented]`.
    ("diagnostics",   true, |t| t.rustc >= 85),
    // Whether this table, and what goes with it in src/sys, has been made for the system at all.
    ("known_system", false, |t| t.is(&[LINUX, APPLE, BSD, SOLARISH, &["aix", "haiku", "hurd", "redox", "nto", "cygwin"]])),
    // Flags.
    ("sa_restart",   true,  |t| !t.is(&[&["nto"]])),
    ("sa_nocldwait", true,  |t| !t.is(&[&["hurd", "cygwin"]])),
    ("sa_onstack",   false, |t| !t.is(&[&["nto"]])),
    ("sa_interrupt", false, |t| t.is(&[&["linux"]])),
    // Kinds of signals.
    ("realtime",     true,  |t| !t.is(&[APPLE, &["openbsd", "dragonfly", "hurd"]])),
    ("sigemt",       false, |t| t.is(&[APPLE, BSD, SOLARISH, &["aix", "hurd", "nto", "cygwin"]])
                                || t.os == "linux" && (t.mips() || t.arch.starts_with("sparc"))),
    ("sigstkflt",    false, |t| t.is(&[LINUX, &["redox"]]) && !t.mips() && !t.arch.starts_with("sparc")),
    ("sigpwr",       false, |t| t.is(&[LINUX, SOLARISH, &["netbsd", "aix", "redox", "nto", "cygwin"]])),
    ("siginfo",      false, |t| t.is(&[APPLE, BSD, SOLARISH, &["hurd"]])),
    ("sigio",        false, |t| t.os != "haiku"),
    ("sigpoll",      false, |t| t.is(&[LINUX, SOLARISH, &["aix", "haiku", "hurd", "nto", "cygwin"]])),
    ("siglost",      false, |t| t.os == "hurd"),
    ("sigthr",       false, |t| t.is(&[&["freebsd", "openbsd", "dragonfly"]])),
    ("siglibrt",     false, |t| t.os == "freebsd"),
    ("sigcld",       false, |t| t.is(&[LINUX, SOLARISH, &["aix", "hurd", "nto", "cygwin"]])),
    // Default effects in which platforms differ.
    ("sigio_ignored",   false, |t| t.is(&[APPLE, BSD])),
    ("sigpwr_ignored",  false, |t| t.is(&[SOLARISH, &["netbsd", "aix"]])),
    ("sigthr_ignored",  false, |t| t.is(&[&["openbsd", "dragonfly"]])),
    ("sigxcpu_dumps",   false, |t| !t.is(&[APPLE, BSD])),
];

/// A mask in the signal frame that `libc` can name, and thread-locals that a handler may touch.
fn ucontext_mask(t: &Target) -> bool {
    let x32 = t.arch == "x86_64" && t.pointer_width == "32";
    t.os == "linux"
        && match t.arch.as_str() {
            "x86" | "x86_64" | "arm" | "aarch64" | "riscv64" | "s390x" | "loongarch64" => {
                (t.env == "gnu" || t.env == "musl") && !x32
            }
            "powerpc64" => t.env == "gnu",
            _ => false,
        }
}

/// A signal frame whose layout src/sys/register.rs has.
fn registers(t: &Target) -> bool {
    let wide = t.pointer_width == "64";
    match t.arch.as_str() {
        "x86_64" => wide && t.is(&[LINUX, APPLE, BSD]),
        "aarch64" => wide && t.is(&[LINUX, APPLE, &["freebsd", "netbsd", "openbsd"]]),
        "riscv64" | "s390x" | "powerpc64" | "loongarch64" | "x86" | "arm" => t.is(&[LINUX]),
        _ => false,
    }
}

/// 95 of `rustc 1.95.0 (…)`; 0 where it cannot be told, which is the substitute for everything.
fn rustc_minor() -> u32 {
    let rustc = var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("--version").output();
    let text =
        output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = Target {
        os: var("CARGO_CFG_TARGET_OS").unwrap_or_default(),
        arch: var("CARGO_CFG_TARGET_ARCH").unwrap_or_default(),
        env: var("CARGO_CFG_TARGET_ENV").unwrap_or_default(),
        pointer_width: var("CARGO_CFG_TARGET_POINTER_WIDTH").unwrap_or_default(),
        defer: var("CARGO_FEATURE_DEFER").is_ok(),
        rustc: rustc_minor(),
    };
    let without = var("CARGO_CFG_SIGNAL_WITHOUT").unwrap_or_default();
    let without: Vec<&str> = without.split(',').filter(|name| !name.is_empty()).collect();
    for name in &without {
        let known = TABLE.iter().any(|(row, optional, _)| row == name && *optional);
        assert!(
            known || *name == "all",
            "signal_without={name:?} is not a capability with a substitute"
        );
    }
    for (name, optional, exists) in TABLE {
        println!("cargo:rustc-check-cfg=cfg(has_{name})");
        let taken_away = *optional && without.iter().any(|word| word == name || *word == "all");
        if exists(&target) && !taken_away {
            println!("cargo:rustc-cfg=has_{name}");
        }
    }
    // The tests of failing calls know those that glibc makes there, when nothing is taken away.
    println!("cargo:rustc-check-cfg=cfg(has_known_calls)");
    let known = target.os == "linux" && target.env == "gnu";
    if known && ["x86_64", "aarch64"].contains(&target.arch.as_str()) && without.is_empty() {
        println!("cargo:rustc-cfg=has_known_calls");
    }
}
