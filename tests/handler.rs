//! Handlers: what they find, what they leave behind, and what they may not be.

mod common;

use common::raw;
use signal::{install, query, Action, Errno, Handler, Info, Pid, Signal, SignalSet};
use signal::{SIGABRT, SIGTERM, SIGUSR1, SIGUSR2};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

static FLAG: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static SEEN: AtomicI32 = AtomicI32::new(0);
static FOUND: AtomicI32 = AtomicI32::new(0);
static PLACE: AtomicUsize = AtomicUsize::new(0);

/// Every handler that runs code of the crate; the functions make `errno` ENOENT.
fn handlers() -> [Handler; 4] {
    fn clobber() {
        FOUND.store(Errno::last().raw_os_error(), Ordering::SeqCst);
        // SAFETY: a path that ends; there is no such file.
        unsafe { libc::open(b"\0".as_ptr().cast(), libc::O_RDONLY) };
        SEEN.store(Errno::last().raw_os_error(), Ordering::SeqCst);
    }
    // SAFETY: atomics and `open`.
    let [plain, with_info] =
        unsafe { [Handler::new(|_: Signal| clobber()), Handler::with_info(|_: Signal, _: &Info| clobber())] };
    [Handler::Flag(&FLAG), Handler::Count(&COUNT), plain, with_info]
}

fn errno_is_as_before_after_every_kind_of_handler() {
    for handler in handlers() {
        SEEN.store(libc::ENOENT, Ordering::SeqCst);
        FOUND.store(libc::EBADF, Ordering::SeqCst);
        install(SIGUSR1, handler).unwrap();
        raw::fail_with_ebadf();
        raw::send_to_self(SIGUSR1);
        let after = Errno::last();
        assert_eq!(after, Errno::EBADF, "{handler:?}");
        assert_eq!(SEEN.load(Ordering::SeqCst), libc::ENOENT, "the handler did change it");
        assert_eq!(FOUND.load(Ordering::SeqCst), libc::EBADF, "the handler finds what was there");
    }
    assert!(FLAG.load(Ordering::SeqCst) && COUNT.load(Ordering::SeqCst) == 1);
}

fn a_flag_is_set_and_a_count_counts() {
    const TIMES: usize = 1000;
    install(SIGUSR1, &FLAG).unwrap();
    install(SIGUSR2, &COUNT).unwrap();
    for times in 0..TIMES {
        assert_eq!(COUNT.load(Ordering::SeqCst), times);
        signal::raise(SIGUSR2).unwrap();
        assert!(!FLAG.swap(false, Ordering::SeqCst));
        signal::raise(SIGUSR1).unwrap();
        assert!(FLAG.swap(false, Ordering::SeqCst));
    }
    COUNT.store(usize::MAX, Ordering::SeqCst);
    signal::raise(SIGUSR2).unwrap();
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "it wraps");
}

fn realtime_signals_are_counted_one_by_one() {
    let signal = Signal::realtime(1).unwrap_or_else(|| common::skip("no realtime signals"));
    install(signal, &COUNT).unwrap();
    let guard = signal::BlockGuard::new(signal);
    for _ in 0..20 {
        signal::raise(signal).unwrap();
    }
    drop(guard);
    assert_eq!(COUNT.load(Ordering::SeqCst), 20);
}

fn a_function_is_told_the_signal() {
    let remember = |signal: Signal| SEEN.store(signal.as_raw(), Ordering::SeqCst);
    let remember_both = |signal: Signal, info: &Info| {
        SEEN.store(signal.as_raw(), Ordering::SeqCst);
        FOUND.store(info.signal().as_raw(), Ordering::SeqCst);
    };
    // SAFETY: atomic stores.
    let (plain, with_info) = unsafe { (Handler::new(remember), Handler::with_info(remember_both)) };
    assert_ne!(plain, with_info);
    let members = Signal::all().filter(|signal| SignalSet::full().contains(*signal));
    for signal in members.filter(|signal| install(*signal, plain).is_ok()) {
        signal::raise(signal).unwrap();
        assert_eq!(SEEN.swap(0, Ordering::SeqCst), signal.as_raw());
        install(signal, with_info).unwrap();
        signal::raise(signal).unwrap();
        assert_eq!(
            (SEEN.swap(0, Ordering::SeqCst), FOUND.swap(0, Ordering::SeqCst)),
            (signal.into(), signal.into())
        );
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
    assert_eq!(
        (COUNT.load(Ordering::SeqCst), query(SIGUSR1).unwrap().handler()),
        (1, Handler::Count(&COUNT))
    );
}

fn handlers_run_in_whichever_thread_the_signal_is_for() {
    install(SIGUSR1, &COUNT).unwrap();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| signal::raise(SIGUSR1))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    assert_eq!(COUNT.load(Ordering::SeqCst), 4);
}

/// As when a program leaves a critical region: the system starts all their handlers, one on top of the other. On the small
/// alternate stack that `std` makes, three can be too many.
fn signals_that_arrive_together_are_all_handled() {
    let together =
        [SIGUSR1, SIGUSR2, SIGTERM, signal::SIGHUP, signal::SIGINT, signal::SIGQUIT, signal::SIGALRM];
    let guard = signal::BlockGuard::new(together);
    for signal in together {
        install(signal, &COUNT).unwrap();
        signal::raise(signal).unwrap();
    }
    drop(guard);
    assert_eq!(COUNT.load(Ordering::SeqCst), together.len());
}

#[cfg(has_sa_onstack)]
fn handlers_run_on_the_alternate_stack_if_asked_to() {
    let place = |_: Signal| {
        let here = 0u8;
        PLACE.store(&here as *const u8 as usize, Ordering::SeqCst);
    };
    let mut stack = vec![0u8; 1 << 18];
    let range = stack.as_ptr_range();
    // SAFETY: a structure of integers and a pointer to memory that outlives its use; an atomic store.
    let handler = unsafe {
        let mut alternate: libc::stack_t = std::mem::zeroed();
        alternate.ss_sp = stack.as_mut_ptr().cast();
        alternate.ss_size = stack.len();
        assert_eq!(libc::sigaltstack(&alternate, std::ptr::null_mut()), 0);
        Handler::new(place)
    };
    install(SIGUSR1, handler).unwrap();
    signal::raise(SIGUSR1).unwrap();
    let on_it = || (range.start as usize..range.end as usize).contains(&PLACE.load(Ordering::SeqCst));
    assert!(!on_it(), "not unless it is asked for");
    install(SIGUSR1, signal::Action::new(handler).flags(signal::Flags::ONSTACK)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert!(on_it());
    raw::no_alternate_stack();
    signal::raise(SIGUSR1).unwrap();
    assert!(!on_it());
}

#[cfg(not(has_sa_onstack))]
fn handlers_run_on_the_alternate_stack_if_asked_to() {
    common::skip("the platform has no alternate stacks");
}

fn a_panic_in_a_handler_aborts_with_a_message() {
    fn panics(_: Signal) {
        panic!("on purpose");
    }
    fn panics_with_info(_: Signal, _: &Info) {
        panic!("on purpose");
    }
    // SAFETY: not async-signal-safe, but nothing else goes on in the process.
    let handlers = unsafe { [Handler::new(panics), Handler::with_info(panics_with_info)] };
    for handler in handlers {
        let (status, stderr) = common::process::with_stderr(|| {
            install(SIGUSR1, handler).unwrap();
            signal::raise(SIGUSR1).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGABRT), "{stderr}");
        // Where the frame of a signal cannot be unwound through (musl), `std` aborts before this crate can.
        let messages = ["signal: a signal handler panicked, aborting\n", "failed to initiate panic"];
        assert!(messages.iter().any(|message| stderr.contains(message)), "{stderr}");
    }
}

/// A child killed by a signal that the parent catches: `fork` keeps the handler.
fn a_forked_child_keeps_the_handlers() {
    install(SIGTERM, &COUNT).unwrap();
    common::in_child(|| {
        signal::kill(Pid::current(), SIGTERM).unwrap();
        assert_eq!(COUNT.load(Ordering::SeqCst), 1);
    });
    assert_eq!(COUNT.load(Ordering::SeqCst), 0);
}

/// A package of its own, whose only dependency is this crate.
struct Package(PathBuf);

impl Package {
    fn new() -> Package {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = std::env::temp_dir().join(format!("signal-test-package-{}", std::process::id()));
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
            Ok(output) => (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => common::skip(&format!("no cargo: {error}")),
        }
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn what_captures_or_points_does_not_compile_and_the_compiler_says_why() {
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
        ("captures_with_info", "Handler::with_info(move |_: Signal, _: &Info| assert!(captured == 1))"),
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

common::main! {
    errno_is_as_before_after_every_kind_of_handler,
    a_flag_is_set_and_a_count_counts,
    realtime_signals_are_counted_one_by_one,
    a_function_is_told_the_signal,
    a_handler_may_install_another,
    handlers_run_in_whichever_thread_the_signal_is_for,
    signals_that_arrive_together_are_all_handled,
    handlers_run_on_the_alternate_stack_if_asked_to,
    a_panic_in_a_handler_aborts_with_a_message,
    a_forked_child_keeps_the_handlers,
    what_captures_or_points_does_not_compile_and_the_compiler_says_why,
    the_same_function_on_two_signals_is_one_handler,
}
