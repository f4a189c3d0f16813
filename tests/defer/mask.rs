//! Deferred sections and the mask: no system call, only the mask of the frame changes, faults in
//! between.

use super::needs_deferral;
use crate::common::process::{is_re_executed, under};
use crate::common::raw::{self, kernel_mask};
use crate::common::skip;
use crate::common::strace::{mark, trace};
use crate::common::{count, COUNT};
use libc::c_void;
use signal::{
    blocked, install, pending, raise, Action, BlockGuard, DeferGuard, Flags, Handler, Info, Signal,
    SignalSet, UnblockGuard, SIGHUP, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};

static OTHER: AtomicUsize = AtomicUsize::new(0);
static EARLY: AtomicBool = AtomicBool::new(false);
static OPEN: AtomicBool = AtomicBool::new(false);

fn entering_and_leaving_makes_no_system_call() {
    needs_deferral();
    if is_re_executed() {
        install(SIGUSR1, &COUNT).unwrap();
        // The first of a process asks the kernel which signals there are.
        drop(DeferGuard::new());
        mark();
        for _ in 0..1000 {
            let outer = DeferGuard::new();
            let _inner = DeferGuard::new();
            drop(outer);
        }
        mark();
        return;
    }
    let text = trace();
    let between: Vec<&str> =
        text.lines().skip_while(|line| !line.starts_with("getppid(")).skip(1).take(1).collect();
    assert!(between.len() == 1 && between[0].starts_with("getppid("), "{text}");
}

/// Valgrind restores the mask that it has noted, not the one in the frame: a signal that is sent
/// again comes at once. Sections must then become blocks, not loops.
fn a_section_ends_where_the_mask_in_the_frame_is_not_honoured() {
    needs_deferral();
    if is_re_executed() {
        install(SIGUSR1, &COUNT).unwrap();
        let section = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        drop(section);
        assert_eq!((count(), blocked(), pending()), (1, SignalSet::empty(), SignalSet::empty()));
        let section = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        assert_eq!(count(), 1);
        drop(section);
        assert_eq!((count(), blocked(), pending()), (2, SignalSet::empty(), SignalSet::empty()));
        return;
    }
    let listed =
        Command::new("valgrind").arg("-q").arg(env::current_exe().unwrap()).arg("--list").output();
    if !listed.map_or(false, |output| output.status.success()) {
        skip("no valgrind here that can run this");
    }
    let output = under("valgrind", &["-q", "--error-exitcode=9"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

#[cfg(has_deferral)]
mod frame {
    use super::*;
    use libc::siginfo_t;
    use std::mem::{size_of, transmute};

    /// The context and the bytes after it: on most machines the siginfo and more of the frame.
    const SIZE: usize = size_of::<libc::ucontext_t>() + 256;
    static ENTRY: AtomicUsize = AtomicUsize::new(0);
    static CHANGED: AtomicUsize = AtomicUsize::new(0);
    static OUTSIDE: AtomicUsize = AtomicUsize::new(0);
    static MASK_AT: AtomicUsize = AtomicUsize::new(0);

    /// # Safety
    /// `context` points to the context that the kernel passed, on a stack with room above it.
    unsafe fn snapshot(context: *const c_void) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        for (index, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: by the caller's promise.
            *byte = unsafe { context.cast::<u8>().add(index).read_volatile() };
        }
        bytes
    }

    extern "C" fn probe(number: libc::c_int, info: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the address of the entry, from the kernel, with the arguments that the kernel
        // passed; the frame lies on the stack of the first thread, far below its top.
        let (before, after, field) = unsafe {
            let entry = transmute::<usize, raw::WithInfo>(ENTRY.load(SeqCst));
            // As if the kernel had called it: what a stranger calls is not put off.
            raw::set(SIGUSR1, ENTRY.load(SeqCst), libc::SA_SIGINFO, &[]);
            let before = snapshot(context);
            entry(number, info, context);
            let field = std::ptr::addr_of!((*context.cast::<libc::ucontext_t>()).uc_sigmask);
            (before, snapshot(context), field as usize - context as usize)
        };
        MASK_AT.store(field, SeqCst);
        for index in (0..SIZE).filter(|index| before[*index] != after[*index]) {
            let counter = if (field..field + 8).contains(&index) { &CHANGED } else { &OUTSIDE };
            counter.fetch_add(1, SeqCst);
        }
    }

    pub(super) fn only_the_kernels_mask_in_the_frame_is_edited() {
        install(SIGUSR1, &COUNT).unwrap();
        ENTRY.store(raw::handler(SIGUSR1), SeqCst);
        raw::set(SIGUSR1, probe as raw::WithInfo as usize, libc::SA_SIGINFO, &[]);
        let before = kernel_mask();
        let section = DeferGuard::new();
        raise(SIGUSR1).unwrap();
        assert_eq!((count(), CHANGED.load(SeqCst), OUTSIDE.load(SeqCst)), (0, 8, 0));
        assert!(MASK_AT.load(SeqCst) > 0);
        // All except SIGKILL, SIGSTOP, six faults, SIGABRT, and the signals that the C library
        // reserves.
        let held = kernel_mask();
        assert!((52..=55).contains(&held.len()), "{held:?}");
        assert!(held.contains(&1) && held.contains(&64));
        drop(section);
        assert_eq!((count(), kernel_mask()), (1, before));
    }
}

#[cfg(has_deferral)]
use frame::only_the_kernels_mask_in_the_frame_is_edited;

#[cfg(not(has_deferral))]
fn only_the_kernels_mask_in_the_frame_is_edited() {
    needs_deferral()
}

static PAGE: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
const PAGE_SIZE: usize = 1 << 16;

/// Makes the page writable, as a garbage collector does; meanwhile another signal arrives.
fn repair(_: Signal, _: &Info) {
    OTHER.fetch_add(1, SeqCst);
    let _ = raise(SIGUSR1);
    drop(BlockGuard::new(SIGTERM));
    if count() != 0 {
        EARLY.store(true, SeqCst);
    }
    if !blocked().contains(SIGSEGV) {
        OPEN.store(true, SeqCst);
    }
    // SAFETY: the page is ours.
    unsafe { libc::mprotect(PAGE.load(SeqCst), PAGE_SIZE, libc::PROT_READ | libc::PROT_WRITE) };
}

/// A fault that is repaired by its handler, during which SIGUSR1 arrives.
fn fault() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: maps fresh memory, which nobody else uses; the handler makes it writable.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), PAGE_SIZE, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        PAGE.store(page, SeqCst);
        page.cast::<u8>().write_volatile(1);
        libc::munmap(page, PAGE_SIZE);
    }
}

/// For each kind of guard after the fault, dropped in the section or after it.
fn a_fault_in_a_section_is_repaired_and_the_mask_comes_back() {
    needs_deferral();
    // Two frames at once, of the fault and of what arrives in its handler, want more.
    raw::no_alternate_stack();
    install(SIGUSR1, &COUNT).unwrap();
    install(SIGUSR2, &COUNT).unwrap();
    // SAFETY: mprotect, raise and guards are async-signal-safe.
    let repair = Action::new(unsafe { Handler::with_info(repair) });
    let _outside = BlockGuard::new(SIGHUP);
    let (mask, before) = (blocked(), kernel_mask());
    let full = SignalSet::full() - (SIGSEGV | SIGUSR2);
    for sa_mask in [SignalSet::empty(), full | SIGUSR2] {
        install(SIGSEGV, repair.block(sa_mask)).unwrap();
        for (early, late) in [(false, false), (true, false), (false, true), (true, true)] {
            COUNT.store(0, SeqCst);
            let section = DeferGuard::new();
            if early {
                raise(SIGUSR2).unwrap();
            }
            fault();
            assert_eq!((count(), blocked()), (0, mask), "in the section, after the fault");
            let block = BlockGuard::new(full);
            assert_eq!((count(), block.previous(), blocked()), (0, mask, full - unblockable()));
            if late {
                drop(section);
                assert_eq!(count(), usize::from(early), "what the block leaves open");
                assert_eq!(blocked(), full - unblockable());
                assert!(pending().contains(SIGUSR1));
                drop(block);
            } else {
                let open = UnblockGuard::new(SIGUSR1);
                assert_eq!((count(), blocked()), (0, full - (unblockable() | SIGUSR1)));
                drop(open);
                drop(block);
                assert_eq!((count(), blocked()), (0, mask));
                drop(section);
            }
            assert_eq!(
                (count(), blocked(), kernel_mask()),
                (1 + usize::from(early), mask, before.clone())
            );
        }
    }
    assert_eq!(OTHER.load(SeqCst), 8);
    assert!(!EARLY.load(SeqCst));
    assert!(!OPEN.load(SeqCst), "its own signal is blocked in the handler");
}

/// The first section of a process asks what can be blocked, while the program blocks SIGSYS too.
fn what_is_blocked_at_the_first_section_can_be_unblocked_later() {
    needs_deferral();
    install(SIGUSR1, &COUNT).unwrap();
    let before = blocked();
    let guard = BlockGuard::new(signal::SIGSYS);
    drop(DeferGuard::new());
    drop(guard);
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    drop(section);
    assert_eq!((count(), blocked(), pending()), (1, before, SignalSet::empty()));
}

/// A realtime signal arrives in the handler of a fault, and again when that has returned to a
/// program that blocks all others: what was saved first is the handler's mask.
fn a_mask_that_leaves_realtime_signals_open_is_the_programs() {
    needs_deferral();
    raw::no_alternate_stack();
    let signal = crate::common::realtime_or_skip(0);
    install(signal, &COUNT).unwrap();
    let send = |_: Signal| {
        let _ = Signal::realtime(0).map(raise);
    };
    // SAFETY: `raise` is async-signal-safe.
    install(SIGSEGV, unsafe { Handler::new(send) }).unwrap();
    let standard = Signal::all().filter(|signal| !signal.is_realtime()).collect::<SignalSet>();
    let _outside = BlockGuard::new(standard & SignalSet::asynchronous());
    let before = blocked();
    let section = DeferGuard::new();
    raise(SIGSEGV).unwrap();
    assert_eq!((count(), blocked()), (0, before));
    drop(section);
    assert_eq!((count(), blocked(), pending()), (1, before, SignalSet::empty()));
}

fn unblockable() -> SignalSet {
    signal::SIGKILL | signal::SIGSTOP
}

/// The one that `std` makes for each thread has 8 KiB, of which the frame of a signal can take more
/// than 3.
fn deferral_fits_a_small_alternate_stack() {
    install(SIGUSR1, Action::new(&COUNT).flags(Flags::ONSTACK)).unwrap();
    let pipe = signal::SelfPipe::new(SIGUSR2).unwrap();
    let thread = std::thread::spawn(|| {
        // One after the other: two frames at once hardly fit, whatever the handlers do.
        for signal in [SIGUSR1, SIGUSR2] {
            let section = DeferGuard::new();
            raise(signal).unwrap();
            assert_eq!(pending(), signal.into());
            drop(section);
            assert_eq!((count(), pending()), (1, SignalSet::empty()));
        }
    });
    thread.join().unwrap();
    assert_eq!((count(), pipe.pending()), (1, SIGUSR2.into()));
}

tests! {
    entering_and_leaving_makes_no_system_call,
    only_the_kernels_mask_in_the_frame_is_edited,
    a_fault_in_a_section_is_repaired_and_the_mask_comes_back,
    what_is_blocked_at_the_first_section_can_be_unblocked_later,
    a_mask_that_leaves_realtime_signals_open_is_the_programs,
    deferral_fits_a_small_alternate_stack,
    a_section_ends_where_the_mask_in_the_frame_is_not_honoured,
}
