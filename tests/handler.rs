//! Handlers: flags, counts, functions, and what cannot be one.

use crate::common::{self, count, raw, COUNT, FLAG};
use signal::{install, query, Action, Handler, Info, Signal, SignalSet};
use signal::{SIGUSR1, SIGUSR2};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

static SEEN: AtomicI32 = AtomicI32::new(0);
static FOUND: AtomicI32 = AtomicI32::new(0);

fn a_flag_is_set_and_a_count_counts() {
    const TIMES: usize = 1000;
    install(SIGUSR1, &FLAG).unwrap();
    install(SIGUSR2, &COUNT).unwrap();
    for times in 0..TIMES {
        assert_eq!(count(), times);
        signal::raise(SIGUSR2).unwrap();
        assert!(!FLAG.swap(false, SeqCst));
        signal::raise(SIGUSR1).unwrap();
        assert!(FLAG.swap(false, SeqCst));
    }
    COUNT.store(usize::MAX, SeqCst);
    signal::raise(SIGUSR2).unwrap();
    assert_eq!(count(), 0, "it wraps");
}

fn realtime_signals_are_counted_one_by_one() {
    let signal = common::realtime_or_skip(1);
    install(signal, &COUNT).unwrap();
    let guard = signal::BlockGuard::new(signal);
    for _ in 0..20 {
        signal::raise(signal).unwrap();
    }
    drop(guard);
    assert_eq!(count(), 20);
}

fn a_function_is_told_the_signal() {
    let remember = |signal: Signal| SEEN.store(signal.as_raw(), SeqCst);
    let remember_both = |signal: Signal, info: &Info| {
        SEEN.store(signal.as_raw(), SeqCst);
        FOUND.store(info.signal().as_raw(), SeqCst);
    };
    // SAFETY: atomic stores.
    let (plain, with_info) = unsafe { (Handler::new(remember), Handler::with_info(remember_both)) };
    assert_ne!(plain, with_info);
    let members = Signal::all().filter(|signal| SignalSet::full().contains(*signal));
    for signal in members.filter(|signal| install(*signal, plain).is_ok()) {
        signal::raise(signal).unwrap();
        assert_eq!(SEEN.swap(0, SeqCst), signal.as_raw());
        install(signal, with_info).unwrap();
        signal::raise(signal).unwrap();
        assert_eq!((SEEN.swap(0, SeqCst), FOUND.swap(0, SeqCst)), (signal.into(), signal.into()));
    }
}

fn a_handler_may_install_another() {
    let replace = |signal: Signal| {
        let _ = install(signal, &COUNT);
    };
    // SAFETY: `install` is async-signal-safe.
    install(SIGUSR1, unsafe { Handler::new(replace) }).unwrap();
    signal::raise(SIGUSR1).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((count(), query(SIGUSR1).unwrap().handler()), (1, Handler::Count(&COUNT)));
}

/// A package that depends on this crate alone.
struct Package(PathBuf);

impl Package {
    fn new() -> Package {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory =
            std::env::temp_dir().join(format!("signal-test-package-{}", std::process::id()));
        fs::create_dir_all(directory.join("src/bin")).unwrap();
        let manifest = format!(
            "[package]\nname = \"refused\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
             [dependencies]\nposix-signal = {{ path = {here:?} }}\n[workspace]\n"
        );
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        let _ = fs::copy(here.join("Cargo.lock"), directory.join("Cargo.lock"));
        Package(directory)
    }

    /// Whether a program with this handler compiles, and what the compiler says.
    fn build(&self, name: &str, handler: &str) -> (bool, String) {
        let main = format!(
            "#![allow(unused)]\nuse signal::*;\nfn item(_: Signal) {{}}\nfn item_with_info(_: Signal, _: &Info) {{}}\n\
             fn main() {{ let captured = 1u8; let _ = unsafe {{ {handler} }}; }}\n"
        );
        fs::write(self.0.join(format!("src/bin/{name}.rs")), main).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.0).args(["build", "--offline", "--bin", name]);
        cargo.env("CARGO_TARGET_DIR", self.0.join("target")).env_remove("CARGO_BUILD_TARGET");
        match cargo.output() {
            Ok(output) => {
                (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
            }
            Err(error) => common::skip(&format!("no cargo: {error}")),
        }
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn captures_and_pointers_are_compile_errors_that_say_why() {
    const WHY: &str = "a signal handler must be a fn item or a closure that captures nothing";
    let package = Package::new();
    let accepted = [
        ("item", "[Handler::new(item), Handler::with_info(item_with_info)]"),
        ("closure", "[Handler::new(|_: Signal| ()), Handler::with_info(|_: Signal, _: &Info| ())]"),
    ];
    for (name, handler) in accepted {
        let (compiles, said) = package.build(name, handler);
        if !compiles && !said.contains("src/bin") {
            drop(package);
            common::skip("the crate cannot be built at run time here");
        }
        assert!(compiles, "{said}");
    }
    let refused = [
        ("captures", "Handler::new(move |_: Signal| assert!(captured == 1))"),
        (
            "captures_with_info",
            "Handler::with_info(move |_: Signal, _: &Info| assert!(captured == 1))",
        ),
        ("pointer", "Handler::new(item as fn(Signal))"),
        ("pointer_with_info", "Handler::with_info(item_with_info as fn(Signal, &Info))"),
    ];
    for (name, handler) in refused {
        let (compiles, said) = package.build(name, handler);
        assert!(!compiles && said.contains(WHY), "{name}: {said}");
    }
}

fn the_same_function_on_two_signals_is_one_handler() {
    // SAFETY: does nothing.
    let handler = unsafe { Handler::new(|_: Signal| ()) };
    install(SIGUSR1, handler).unwrap();
    install(SIGUSR2, Action::new(handler)).unwrap();
    assert_eq!(query(SIGUSR1).unwrap().handler(), query(SIGUSR2).unwrap().handler());
    assert_eq!(raw::handler(SIGUSR1), raw::handler(SIGUSR2));
}

tests! {
    a_flag_is_set_and_a_count_counts,
    realtime_signals_are_counted_one_by_one,
    a_function_is_told_the_signal,
    a_handler_may_install_another,
    captures_and_pointers_are_compile_errors_that_say_why,
    the_same_function_on_two_signals_is_one_handler,
}
