//! Alternate signal stacks.

use crate::common::{self, needs};
use signal::{install, Action, AltStack, Errno, Handler, Info, Signal, SIGBUS, SIGSEGV, SIGUSR1};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

static PLACE: AtomicUsize = AtomicUsize::new(0);
static RESULT: AtomicI32 = AtomicI32::new(-1);

/// The alternate stack of the calling thread: address and size, if there is one.
fn current() -> Option<(usize, usize)> {
    // SAFETY: made of integers and a pointer; changes nothing.
    let stack = unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(std::ptr::null(), &mut stack), 0);
        stack
    };
    let enabled = stack.ss_flags & libc::SS_DISABLE == 0;
    enabled.then_some((stack.ss_sp as usize, stack.ss_size))
}

fn place_of_handler() -> usize {
    let place = |_: Signal| {
        let here = 0u8;
        PLACE.store(&here as *const u8 as usize, SeqCst);
    };
    // SAFETY: an atomic store.
    let handler = Action::new(unsafe { Handler::new(place) });
    install(SIGUSR1, handler.flags(signal::Flags::ONSTACK)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    PLACE.load(SeqCst)
}

fn handlers_run_on_it_and_what_was_there_comes_back() {
    let before = current();
    let outer = AltStack::new().unwrap();
    let (start, size) = current().unwrap();
    assert!(size >= (64 << 10) + 2048, "{size}");
    assert!((start..start + size).contains(&place_of_handler()));
    {
        let _inner = AltStack::with_size(1 << 20).unwrap();
        let (inner, size) = current().unwrap();
        assert_eq!(size, 1 << 20);
        assert!((inner..inner + size).contains(&place_of_handler()));
    }
    assert_eq!(current(), Some((start, size)));
    assert!((start..start + size).contains(&place_of_handler()));
    drop(outer);
    assert_eq!(current(), before);
}

/// The one that is dropped first leaves the other's alone, which is then back on its memory.
fn the_wrong_order_does_no_harm() {
    let first = AltStack::new().unwrap();
    let of_first = current();
    let second = AltStack::new().unwrap();
    let of_second = current();
    drop(first);
    assert_eq!(current(), of_second);
    place_of_handler();
    drop(second);
    assert_eq!(current(), of_first);
    let (start, size) = of_first.unwrap();
    assert!((start..start + size).contains(&place_of_handler()));
}

fn a_foreign_stack_stays() {
    let mine = AltStack::new().unwrap();
    let foreign = common::raw::alternate_stack(1 << 16);
    let of_foreign = current();
    drop(mine);
    assert_eq!(current(), of_foreign);
    assert!(foreign.contains(&place_of_handler()));
}

fn each_thread_has_its_own() {
    let _mine = AltStack::new().unwrap();
    let before = current();
    std::thread::spawn(move || {
        let inherited = current();
        assert_ne!(inherited, before);
        let stack = AltStack::new().unwrap();
        assert!(current() != before && current() != inherited);
        drop(stack);
        assert_eq!(current(), inherited);
    })
    .join()
    .unwrap();
    assert_eq!(current(), before);
}

fn one_in_a_thread_local_outlives_that_of_std() {
    std::thread_local! {
        static KEPT: std::cell::RefCell<Option<AltStack>> = const { std::cell::RefCell::new(None) };
    }
    for _ in 0..20 {
        let thread = std::thread::spawn(|| {
            KEPT.with(|kept| *kept.borrow_mut() = Some(AltStack::new().unwrap()));
        });
        thread.join().unwrap();
    }
}

fn sizes_that_cannot_be_are_refused() {
    let before = (current(), common::signal_state());
    for size in [0, 1, 1024] {
        assert_eq!(AltStack::with_size(size).err(), Some(Errno::EINVAL), "{size}");
    }
    for size in [usize::MAX, usize::MAX - 4096, usize::MAX / 2] {
        // Where the kernel has more bits than the program, half of its addresses may be free.
        if size == usize::MAX / 2 && cfg!(target_pointer_width = "32") {
            continue;
        }
        assert_eq!(AltStack::with_size(size).err(), Some(Errno::ENOMEM), "{size}");
    }
    assert!((current(), common::signal_state()) == before);
    #[cfg(target_os = "linux")]
    {
        // SAFETY: takes a plain value (AT_MINSIGSTKSZ).
        let largest_frame = unsafe { libc::getauxval(51) } as usize;
        let minimum = largest_frame.max(libc::SIGSTKSZ);
        assert_eq!(AltStack::with_size(minimum - 1).err(), Some(Errno::EINVAL));
        assert!(AltStack::with_size(minimum).is_ok());
    }
    // In whole pages.
    let stack = AltStack::with_size(200_001).unwrap();
    assert!(format!("{stack:?}").starts_with("AltStack"));
    let (start, size) = current().unwrap();
    // SAFETY: takes a plain value.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    assert!(size >= 200_001 && size < 200_001 + page && start % page == 0 && size % page == 0);
}

fn nobody_replaces_the_stack_on_which_he_runs() {
    fn replace(_: Signal) {
        RESULT.store(AltStack::new().err().map_or(0, Errno::raw_os_error), SeqCst);
    }
    let stack = AltStack::new().unwrap();
    let before = current();
    // SAFETY: nothing else happens in the process.
    let handler = Action::new(unsafe { Handler::new(replace) });
    install(SIGUSR1, handler.flags(signal::Flags::ONSTACK)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((RESULT.load(SeqCst), current()), (libc::EPERM, before));
    drop(stack);
}

/// The report: whether the address is close to the thread's stack, and this on the stack for it.
fn report(_: Signal, info: &Info) {
    let here = 0u8;
    let address = info.address().map_or(0, |address| address as usize);
    let near = address.abs_diff(PLACE.load(SeqCst)) < 16 << 20;
    let elsewhere = address.abs_diff(&here as *const u8 as usize) > 4096;
    let code = if near && elsewhere { 42 } else { 43 };
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Uses all of the stack.
#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let mut room = [depth; 128];
    // SAFETY: an element of the array, written so that it is there.
    unsafe { std::ptr::write_volatile(&mut room[0], depth + 1) };
    overflow(room[0]) + room[1]
}

fn a_stack_overflow_in_a_thread_is_reported_with_its_address() {
    needs(cfg!(has_sigtimedwait) || cfg!(target_os = "macos"), "addresses are not told here");
    // SAFETY: atomics and `_exit`.
    let handler = unsafe { Handler::with_info(report) };
    let status = common::status_of(|| {
        install(SIGSEGV, handler).unwrap();
        install(SIGBUS, handler).unwrap();
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
            let _stack = AltStack::new().unwrap();
            let here = 0u8;
            PLACE.store(&here as *const u8 as usize, SeqCst);
            overflow(0)
        });
        drop(thread.unwrap().join());
    });
    assert_eq!(status.code(), Some(42), "{status}");
}

/// Instead of writing into what lies below.
fn an_overflow_of_the_stack_itself_ends_the_process() {
    fn overflows(_: Signal) {
        overflow(0);
    }
    let status = common::status_of(|| {
        let _stack = AltStack::new().unwrap();
        install(SIGSEGV, Handler::Default).unwrap();
        install(SIGBUS, Handler::Default).unwrap();
        // SAFETY: arithmetic on the stack; it ends the process.
        let handler = Action::new(unsafe { Handler::new(overflows) });
        install(SIGUSR1, handler.flags(signal::Flags::ONSTACK)).unwrap();
        signal::raise(SIGUSR1).unwrap();
    });
    assert!([Some(SIGSEGV), Some(SIGBUS)].contains(&status.signal()), "{status}");
}

tests! {
    handlers_run_on_it_and_what_was_there_comes_back,
    the_wrong_order_does_no_harm,
    a_foreign_stack_stays,
    each_thread_has_its_own,
        one_in_a_thread_local_outlives_that_of_std,
    sizes_that_cannot_be_are_refused,
    nobody_replaces_the_stack_on_which_he_runs,
        a_stack_overflow_in_a_thread_is_reported_with_its_address,
    an_overflow_of_the_stack_itself_ends_the_process,
}
