//! What the kernel calls: what a handler finds, what it leaves behind, where it runs.

use crate::common::{self, count, process, raw, COUNT, FLAG};
use signal::{install, Context, Errno, Handler, Info, Pid, Signal};
use signal::{SIGABRT, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

static SEEN: AtomicI32 = AtomicI32::new(0);
static FOUND: AtomicI32 = AtomicI32::new(0);
static FIRST: AtomicBool = AtomicBool::new(false);
static PLACE: AtomicUsize = AtomicUsize::new(0);

/// Every handler that runs code of the crate; the functions make `errno` ENOENT.
fn handlers() -> [Handler; 6] {
    fn clobber() {
        FOUND.store(Errno::last().raw_os_error(), SeqCst);
        // SAFETY: a path that ends; there is no such file.
        unsafe { libc::open(b"\0".as_ptr().cast(), libc::O_RDONLY) };
        SEEN.store(Errno::last().raw_os_error(), SeqCst);
    }
    // SAFETY: atomics and `open`.
    let [plain, with_info, with_context] = unsafe {
        [
            Handler::new(|_: Signal| clobber()),
            Handler::with_info(|_: Signal, _: &Info| clobber()),
            Handler::with_context(|_: Signal, _: &Info, _: &mut Context| clobber()),
        ]
    };
    let flag_or_default = Handler::FlagOrDefault(&FIRST);
    [Handler::Flag(&FLAG), flag_or_default, Handler::Count(&COUNT), plain, with_info, with_context]
}

fn every_kind_of_handler_keeps_errno() {
    for handler in handlers() {
        SEEN.store(libc::ENOENT, SeqCst);
        FOUND.store(libc::EBADF, SeqCst);
        install(SIGUSR1, handler).unwrap();
        raw::fail_with_ebadf();
        raw::send_to_self(SIGUSR1);
        let after = Errno::last();
        assert_eq!(after, Errno::EBADF, "{handler:?}");
        assert_eq!(SEEN.load(SeqCst), libc::ENOENT, "the handler changes it");
        assert_eq!(FOUND.load(SeqCst), libc::EBADF, "the handler finds the old value");
    }
    assert!(FLAG.load(SeqCst) && count() == 1);
}

fn handlers_run_in_the_thread_that_the_signal_is_for() {
    install(SIGUSR1, &COUNT).unwrap();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| signal::raise(SIGUSR1))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    assert_eq!(count(), 4);
}

/// As at the end of a critical region: the system stacks their handlers. On the small alternate
/// stack that `std` makes, three can be too many.
fn signals_that_arrive_together_are_all_handled() {
    let together = [
        SIGUSR1,
        SIGUSR2,
        SIGTERM,
        signal::SIGHUP,
        signal::SIGINT,
        signal::SIGQUIT,
        signal::SIGALRM,
    ];
    let guard = signal::BlockGuard::new(together);
    for signal in together {
        install(signal, &COUNT).unwrap();
        signal::raise(signal).unwrap();
    }
    drop(guard);
    assert_eq!(count(), together.len());
}

#[cfg(has_sa_onstack)]
fn handlers_run_on_the_alternate_stack_on_request() {
    let place = |_: Signal| {
        let here = 0u8;
        PLACE.store(&here as *const u8 as usize, SeqCst);
    };
    let stack = raw::alternate_stack(1 << 18);
    // SAFETY: an atomic store.
    let handler = unsafe { Handler::new(place) };
    install(SIGUSR1, handler).unwrap();
    signal::raise(SIGUSR1).unwrap();
    let on_stack = || stack.contains(&PLACE.load(SeqCst));
    assert!(!on_stack(), "not without the flag");
    install(SIGUSR1, signal::Action::new(handler).flags(signal::Flags::ONSTACK)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert!(on_stack());
    raw::no_alternate_stack();
    signal::raise(SIGUSR1).unwrap();
    assert!(!on_stack());
}

#[cfg(not(has_sa_onstack))]
fn handlers_run_on_the_alternate_stack_on_request() {
    common::skip("the platform has no alternate stacks");
}

fn a_panic_in_a_handler_aborts_with_a_message() {
    fn panics(_: Signal) {
        panic!("on purpose");
    }
    fn panics_with_info(_: Signal, _: &Info) {
        panic!("on purpose");
    }
    fn panics_with_context(_: Signal, _: &Info, _: &mut Context) {
        panic!("on purpose");
    }
    // SAFETY: not async-signal-safe, but nothing else happens in the process.
    let handlers = unsafe {
        [
            Handler::new(panics),
            Handler::with_info(panics_with_info),
            Handler::with_context(panics_with_context),
        ]
    };
    for handler in handlers {
        let (status, stderr) = process::with_stderr(|| {
            install(SIGUSR1, handler).unwrap();
            signal::raise(SIGUSR1).unwrap();
        });
        assert_eq!(status.signal(), Some(SIGABRT), "{stderr}");
        // Where the unwinder cannot pass the frame of a signal (musl), `std` aborts before this
        // crate can.
        let messages =
            ["signal: a signal handler panicked, aborting\n", "failed to initiate panic"];
        assert!(messages.iter().any(|message| stderr.contains(message)), "{stderr}");
    }
}

fn a_forked_child_keeps_the_handlers() {
    install(SIGTERM, &COUNT).unwrap();
    common::in_child(|| {
        signal::kill(Pid::current(), SIGTERM).unwrap();
        assert_eq!(count(), 1);
    });
    assert_eq!(count(), 0);
}

tests! {
    every_kind_of_handler_keeps_errno,
    handlers_run_in_the_thread_that_the_signal_is_for,
    signals_that_arrive_together_are_all_handled,
    handlers_run_on_the_alternate_stack_on_request,
    a_panic_in_a_handler_aborts_with_a_message,
    a_forked_child_keeps_the_handlers,
}
