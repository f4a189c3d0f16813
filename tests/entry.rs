//! What the kernel calls: what a handler finds, what it leaves behind, where it runs.

#[cfg(feature = "std")]
use crate::common::package::Package;
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

/// Of the crate. Where the unwinder cannot find the way (some processors under an emulator), `std`
/// aborts before the crate can.
const LAST_WORDS: [&str; 2] =
    ["signal: a signal handler panicked, aborting\n", "failed to initiate panic"];

fn panics(_: Signal) {
    panic!("on purpose");
}

/// A value that the compiler cannot know.
fn opaque<T: Copy>(value: T) -> T {
    // SAFETY: a reference.
    unsafe { std::ptr::read_volatile(&value) }
}

fn panics_with_info(_: Signal, _: &Info) {
    panic!("on {}", opaque("purpose"));
}

fn a_panic_in_a_handler_aborts_with_a_message() {
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
        assert!(LAST_WORDS.iter().any(|words| stderr.contains(words)), "{stderr}");
        assert!(stderr.contains("on purpose") && stderr.contains(file!()), "{stderr}");
    }
}

/// `std`'s own hook would wait in the allocator for what the interrupted code holds: some 50 of 100
/// processes did.
#[cfg(feature = "std")]
fn a_panic_in_a_handler_that_interrupts_the_allocator_aborts() {
    fn allocate_forever(mut number: usize) {
        let mut blocks = Vec::new();
        loop {
            number = number.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
            blocks.push(vec![0u8; opaque(16 + (number >> 8) % 6000)]);
            if blocks.len() > 50 {
                blocks.clear();
            }
        }
    }
    // SAFETY: what it is not, async-signal-safe, is what the test is about.
    let handler = unsafe { Handler::new(panics) };
    for round in 0..common::scaled(200) {
        let (status, stderr) = process::with_stderr(|| {
            install(SIGUSR1, handler).unwrap();
            // SAFETY: takes a plain value. One that hangs dies by another signal.
            unsafe { libc::alarm(60) };
            for number in 0..4 {
                std::thread::spawn(move || allocate_forever(number));
            }
            signal::block(SIGUSR1);
            common::pause(round as i32 % 4);
            signal::kill(Pid::current(), SIGUSR1).unwrap();
            process::sleep_forever();
        });
        assert_eq!(status.signal(), Some(SIGABRT), "round {round}: {stderr}");
        assert!(LAST_WORDS.iter().any(|words| stderr.contains(words)), "{stderr}");
    }
}

/// The same in a program that is built with `panic = "abort"`: nothing unwinds there, and the hook
/// finds its way up the stack by tables that compilers make for it since 1.92.
#[cfg(feature = "std")]
fn a_panic_in_a_handler_of_a_program_that_never_unwinds_aborts() {
    use std::os::unix::process::ExitStatusExt;
    if Package::compiler() < 92 {
        common::skip("this compiler makes no unwind tables for such programs");
    }
    std::env::set_var("CARGO_PROFILE_DEV_PANIC", "abort");
    let package = Package::new();
    let main = r#"
        fn allocate_forever() { loop { (1..300).for_each(|n| drop(vec![0u8; 17 * n])) } }
        install(SIGUSR1, unsafe { Handler::new(|_: Signal| panic!("on purpose")) }).unwrap();
        timer::alarm(std::time::Duration::from_secs(60));
        for _ in 0..3 { std::thread::spawn(allocate_forever); }
        block(SIGUSR1);
        kill(Pid::current(), SIGUSR1).unwrap();
        loop { std::thread::park() }
    "#;
    let (compiles, said) = package.build("panics", main);
    assert!(compiles, "{said}");
    for round in 0..common::scaled(100) {
        let ended = package.program("panics").output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.signal(), Some(SIGABRT.as_raw()), "round {round}: {stderr}");
        assert!(stderr.contains("on purpose") && stderr.ends_with(LAST_WORDS[0]), "{stderr}");
    }
}

/// Of many functions, some of them chosen again and again: `std`'s own hook, which allocates, is
/// not called for any.
#[cfg(feature = "std")]
fn a_panic_in_the_last_of_many_functions_is_known() {
    // SAFETY: these do nothing.
    let _first = unsafe { Handler::new(|_: Signal| ()) };
    for _ in 0..200 {
        // SAFETY: as above.
        let _second = unsafe { Handler::with_info(|_: Signal, _: &Info| ()) };
    }
    // SAFETY: nothing else happens in the process.
    let last = unsafe { Handler::new(panics) };
    let (status, stderr) = process::with_stderr(|| {
        install(SIGUSR1, last).unwrap();
        signal::raise(SIGUSR1).unwrap();
    });
    assert_eq!(status.signal(), Some(SIGABRT), "{stderr}");
    // Where the unwinder cannot find the way, neither can the hook.
    assert!(!stderr.contains("panicked at") || stderr.contains(LAST_WORDS[1]), "{stderr}");
}

/// Before the first function, after it, and with a hook that the program sets later.
#[cfg(feature = "std")]
fn panics_outside_of_handlers_are_the_programs() {
    use std::panic::{set_hook, take_hook};
    let panic_in_a_thread = || {
        assert!(std::thread::spawn(|| panic!("caught")).join().is_err());
        count()
    };
    fn add(number: usize) {
        COUNT.fetch_add(number, SeqCst);
    }
    set_hook(Box::new(move |_| add(1)));
    assert_eq!(panic_in_a_thread(), 1);
    // SAFETY: an atomic.
    let handler = unsafe { Handler::new(|_: Signal| add(10)) };
    install(SIGUSR1, handler).unwrap();
    assert_eq!(panic_in_a_thread(), 2);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(panic_in_a_thread(), 13);
    let before = take_hook();
    set_hook(Box::new(move |info| {
        add(100);
        before(info);
    }));
    assert_eq!(panic_in_a_thread(), 114);
}

/// A destructor that builds a handler while its thread panics may not touch the hook.
#[cfg(feature = "std")]
fn a_handler_can_be_built_while_the_thread_panics() {
    struct Builds;
    impl Drop for Builds {
        fn drop(&mut self) {
            // SAFETY: never installed.
            let _ = unsafe { Handler::new(panics) };
        }
    }
    let thread = std::thread::spawn(|| {
        let _builds = Builds;
        panic!("caught");
    });
    assert!(thread.join().is_err());
    // The next one installs the hook.
    a_panic_in_a_handler_aborts_with_a_message();
}

/// std gives each thread an alternate stack; on the full one no handler could run.
#[cfg(has_sa_onstack)]
fn a_handler_of_sigsegv_runs_when_the_stack_is_full() {
    fn deeper(depth: u64) -> u64 {
        let room = opaque([depth; 64]);
        if depth == u64::MAX {
            return 0;
        }
        deeper(depth + 1) + room[opaque(7)]
    }
    fn report(_: Signal) {
        // SAFETY: the bytes are there; ends the process.
        unsafe {
            libc::write(2, b"stack overflow\n".as_ptr().cast(), 15);
            libc::_exit(7);
        }
    }
    for signal in [signal::SIGSEGV, signal::SIGBUS] {
        // SAFETY: `write` and `_exit`.
        let action = signal::Action::from(unsafe { Handler::new(report) });
        install(signal, action).unwrap();
        assert!(signal::query(signal).unwrap().installed_flags().contains(signal::Flags::ONSTACK));
    }
    let overflows: [fn(); 2] =
        [|| assert_ne!(deeper(0), 1), || drop(std::thread::spawn(|| deeper(0)).join())];
    for overflow in overflows {
        let (status, stderr) = process::with_stderr(overflow);
        assert_eq!((status.code(), stderr.as_str()), (Some(7), "stack overflow\n"), "{status}");
    }
}

#[cfg(not(has_sa_onstack))]
fn a_handler_of_sigsegv_runs_when_the_stack_is_full() {
    common::skip("the platform has no alternate stacks");
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
    #[cfg(feature = "std")]
    a_panic_in_a_handler_that_interrupts_the_allocator_aborts,
    #[cfg(feature = "std")]
    a_panic_in_a_handler_of_a_program_that_never_unwinds_aborts,
    #[cfg(feature = "std")]
    a_panic_in_the_last_of_many_functions_is_known,
    #[cfg(feature = "std")]
    panics_outside_of_handlers_are_the_programs,
    #[cfg(feature = "std")]
    a_handler_can_be_built_while_the_thread_panics,
    a_handler_of_sigsegv_runs_when_the_stack_is_full,
    a_forked_child_keeps_the_handlers,
}
