//! Single operations of the library, to be counted (ci/counts).
//!
//! `probe OPERATION COUNT` does it so many times; `--mark` surrounds each time with `close(-1)`, a
//! system call that no operation makes; `--time` prints the nanoseconds that one took.

#[cfg(feature = "defer")]
use signal::DeferGuard;
use signal::{child, install, query, BlockGuard, Handler, Pid, SelfPipe, Signal, SIGTERM, SIGUSR1};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

static HITS: AtomicUsize = AtomicUsize::new(0);

fn hit(_: Signal) {
    HITS.fetch_add(1, Relaxed);
}

fn handler() -> Handler {
    // SAFETY: `hit` adds to an atomic and does nothing else.
    unsafe { Handler::new(hit) }
}

/// Sends SIGUSR1 to this thread with one system call, whose numbers have been asked for before.
struct Me {
    process: libc::pid_t,
    thread: libc::c_long,
}

impl Me {
    fn new() -> Me {
        // SAFETY: take nothing and cannot fail.
        unsafe { Me { process: libc::getpid(), thread: libc::syscall(libc::SYS_gettid) } }
    }

    fn send(&self) {
        // SAFETY: takes plain values.
        unsafe { libc::syscall(libc::SYS_tgkill, self.process, self.thread, libc::SIGUSR1) };
    }
}

/// A child that has ended and waits to be reaped.
fn zombie() -> Pid {
    // SAFETY: this process has one thread, and the child calls `_exit`.
    let pid = match unsafe { libc::fork() } {
        // SAFETY: ends the child at once.
        0 => unsafe { libc::_exit(0) },
        pid => Pid::from_raw(pid).expect("fork"),
    };
    let mut info = MaybeUninit::uninit();
    let flags = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: room for the structure.
    assert_eq!(
        unsafe { libc::waitid(libc::P_PID, pid.as_raw() as libc::id_t, info.as_mut_ptr(), flags) },
        0
    );
    pid
}

fn mark() {
    // SAFETY: not a descriptor: fails, and does nothing else.
    unsafe { libc::close(-1) };
}

struct Run {
    count: usize,
    marked: bool,
    timed: bool,
}

impl Run {
    /// What is counted is `measured`; callgrind counts `before` and `after` too, which ci/counts
    /// subtracts.
    fn each<T>(
        &self,
        mut before: impl FnMut() -> T,
        mut measured: impl FnMut(T),
        mut after: impl FnMut(),
    ) {
        if self.marked {
            // What is done on the first time only.
            measured(before());
            after();
        }
        let start = Instant::now();
        for _ in 0..self.count {
            let it = before();
            if self.marked {
                mark();
            }
            measured(it);
            if self.marked {
                mark();
            }
            after();
        }
        if self.timed {
            println!("{:.2}", start.elapsed().as_nanos() as f64 / self.count as f64);
        }
    }

    fn just(&self, measured: impl Fn()) {
        self.each(|| (), |()| measured(), || ());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let operation = arguments.first().map_or("", String::as_str);
    let count = arguments.get(1).and_then(|count| count.parse().ok()).unwrap_or(1);
    let run = Run { count, marked: has("--mark"), timed: has("--time") };
    let me = Me::new();
    let pipe = || SelfPipe::new(SIGUSR1).unwrap();
    match operation {
        "none" => run.just(|| {}),
        "install" => run.just(|| {
            let _ = black_box(install(SIGUSR1, handler()));
        }),
        "query" => run.just(|| {
            let _ = black_box(query(SIGUSR1));
        }),
        "raise" => {
            install(SIGUSR1, handler()).unwrap();
            run.just(|| me.send());
        }
        "block" => {
            let set = SIGUSR1 | SIGTERM;
            run.just(|| drop(black_box(BlockGuard::new(black_box(&set)))));
        }
        #[cfg(feature = "defer")]
        "defer" => run.just(|| {
            let guard = DeferGuard::new();
            black_box(());
            drop(guard);
        }),
        #[cfg(feature = "defer")]
        "hit" => {
            install(SIGUSR1, handler()).unwrap();
            run.just(|| {
                let _guard = DeferGuard::new();
                me.send();
            });
        }
        #[cfg(feature = "defer")]
        "raise-ever" => {
            install(SIGUSR1, handler()).unwrap();
            drop(DeferGuard::new());
            run.just(|| me.send());
        }
        "pipe-first" => {
            let pipe = pipe();
            run.each(
                || (),
                |()| me.send(),
                || {
                    let _ = pipe.pending();
                },
            );
        }
        "pipe-next" => {
            let pipe = pipe();
            run.each(
                || me.send(),
                |()| me.send(),
                || {
                    let _ = pipe.pending();
                },
            );
        }
        "pipe-drain" => {
            let pipe = pipe();
            run.each(|| me.send(), |()| assert!(pipe.pending().contains(SIGUSR1)), || ());
        }
        "pipe-look" => {
            let pipe = pipe();
            run.just(|| {
                let _ = black_box(pipe.pending());
            });
        }
        "fork" => run.each(zombie, |_| (), || ()),
        "reap" => run.each(zombie, |pid| assert!(child::reap(pid).unwrap().is_some()), || ()),
        "reap-any" => run.each(zombie, |_| assert_eq!(child::reap_any().count(), 1), || ()),
        _ => {
            eprintln!("probe: no operation {operation:?}");
            exit(2);
        }
    }
}
