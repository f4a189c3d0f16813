//! What differs from a real block: a test for each row of the table in `DeferGuard`'s documentation
//! that no other test shows. Each test of a row names it, by how it begins: `ci/promises` knows of
//! no row without one.

use super::alike::{Enter, REGIONS};
use super::foreign::fill_the_queue;
use super::needs_deferral;
use crate::common::raw::{self, kernel_mask};
use crate::common::{self, count, in_child, status_of, COUNT};
use signal::{
    blocked, install, pending, raise, AltStack, BlockGuard, DeferGuard, Handler, Info, Pid, Signal,
    SignalSet, UnblockGuard, SIGBUS, SIGINT, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

static VALUES: [AtomicI32; 8] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each element
    const NONE: AtomicI32 = AtomicI32::new(-1);
    [NONE; 8]
};

/// Notes the value of each, and -2 for none.
fn noting() -> Handler {
    fn note(_: Signal, info: &Info) {
        if let Some(place) = VALUES.get(COUNT.fetch_add(1, SeqCst)) {
            place.store(info.value().unwrap_or(-2), SeqCst);
        }
    }
    // SAFETY: atomics.
    unsafe { Handler::with_info(note) }
}

fn values() -> Vec<i32> {
    VALUES[..count()].iter().map(|value| value.load(SeqCst)).collect()
}

/// What the scenario says in a block of everything, and in a section.
fn both<T: PartialEq + std::fmt::Debug>(scenario: impl Fn(Enter) -> T, block: T, section: T) {
    needs_deferral();
    for (enter, expected) in REGIONS.into_iter().zip([block, section]) {
        in_child(|| assert_eq!(scenario(enter), expected));
    }
}

/// Row: default effects
fn default_effects_happen_until_a_signal_has_come() {
    needs_deferral();
    let ends = |enter: Enter, arrives: bool| {
        status_of(|| {
            install(SIGUSR1, &COUNT).unwrap();
            // The shell starts what runs in the background with SIGINT ignored.
            install(SIGINT, Handler::Default).unwrap();
            let _region = enter();
            if arrives {
                raise(SIGUSR1).unwrap();
            }
            raise(SIGINT).unwrap();
            // SAFETY: ends the process.
            unsafe { libc::_exit(3) }
        })
    };
    let [block, section] = REGIONS;
    assert_eq!((ends(block, false).code(), ends(section, false).signal()), (Some(3), Some(SIGINT)));
    assert_eq!((ends(block, true).code(), ends(section, true).code()), (Some(3), Some(3)));
}

/// What is installed for SIGUSR1, and counts, runs in a section until SIGUSR2 has come there.
fn runs_until_another_has_come(prepare: impl Fn()) {
    let scenario = |enter: Enter| {
        prepare();
        install(SIGUSR2, &COUNT).unwrap();
        let region = enter();
        raise(SIGUSR1).unwrap();
        let first = count();
        raise(SIGUSR2).unwrap();
        raise(SIGUSR1).unwrap();
        let second = count();
        drop(region);
        (first, second, count())
    };
    both(scenario, (0, 0, 2), (1, 1, 3));
}

/// A foreign handler runs, until a signal has come, and so does what it calls on of this crate.
/// Row: handlers installed by other means
fn foreign_handlers_run_until_a_signal_has_come() {
    static ENTRY: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn chains(
        number: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the address of an entry that was installed with SA_SIGINFO.
        unsafe {
            std::mem::transmute::<usize, raw::WithInfo>(ENTRY.load(SeqCst))(number, info, context);
        }
    }
    runs_until_another_has_come(|| {
        install(SIGUSR1, &COUNT).unwrap();
        ENTRY.store(raw::handler(SIGUSR1), SeqCst);
        raw::set(SIGUSR1, chains as raw::WithInfo as usize, libc::SA_SIGINFO, &[]);
    });
}

/// A function that the kernel calls as it is runs, whoever has installed it.
/// Row: handlers installed by other means
fn a_raw_function_runs_until_a_signal_has_come() {
    extern "C" fn raw(_: libc::c_int) {
        COUNT.fetch_add(1, SeqCst);
    }
    runs_until_another_has_come(|| {
        // SAFETY: an atomic addition.
        install(SIGUSR1, unsafe { Handler::from_raw(raw) }).unwrap();
    });
}

/// Another thread that lets it through does not get it.
/// Row: a signal for the process
fn a_signal_for_the_process_is_this_threads_once_it_has_come() {
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        let outside = BlockGuard::new(SIGUSR1);
        let (go, wait) = std::sync::mpsc::channel();
        let (done, wait_done) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            wait.recv().unwrap();
            drop(UnblockGuard::new(SIGUSR1));
            done.send(()).unwrap();
        });
        drop(outside);
        let region = enter();
        raw::send_to_self(SIGUSR1);
        assert!(pending().contains(SIGUSR1));
        go.send(()).unwrap();
        wait_done.recv().unwrap();
        let elsewhere = count();
        thread.join().unwrap();
        drop(region);
        (elsewhere, count())
    };
    both(scenario, (1, 1), (0, 1));
}

/// The second is pending for the process, the first for the thread: two.
/// Row: a signal for the process
fn a_signal_for_the_process_is_not_one_with_the_next() {
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        let region = enter();
        (0..3).for_each(|_| raw::send_to_self(SIGUSR1));
        drop(region);
        count()
    };
    both(scenario, 1, 2);
}

/// Row: a signal for the process
fn a_signal_for_the_process_does_not_survive_the_thread() {
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        let _outside = BlockGuard::new(SIGUSR1);
        let thread = std::thread::spawn(move || {
            signal::unblock(SIGUSR1);
            let region = enter();
            raw::send_to_self(SIGUSR1);
            std::mem::forget(region);
        });
        thread.join().unwrap();
        pending().contains(SIGUSR1)
    };
    both(scenario, true, false);
}

/// Sends a value to this thread.
fn queue_to_thread(signal: Signal, value: usize) {
    // SAFETY: an Info of this shape is what `pthread_sigqueue` passes; the thread is this one.
    #[cfg(has_deferral)]
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_signo = signal.as_raw();
        info.si_code = libc::SI_QUEUE;
        let union = if cfg!(target_pointer_width = "64") { 4 } else { 3 };
        let fields = (&mut info as *mut libc::siginfo_t).cast::<i32>().add(union);
        fields.write(libc::getpid());
        fields.add(2).cast::<usize>().write(value);
        let thread = libc::syscall(libc::SYS_gettid);
        let sent = libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            libc::getpid(),
            thread,
            signal.as_raw(),
            &info,
        );
        assert_eq!(sent, 0);
    }
    let _ = (signal, value);
}

/// Those that were sent to the thread before it could come wait in front of it.
/// Row: realtime signals sent to the thread
fn a_realtime_signal_for_the_thread_can_fall_behind() {
    needs_deferral();
    let signal = common::realtime_or_skip(1);
    common::needs(cfg!(target_endian = "little"), "the value of an Info is written by hand");
    let scenario = |enter: Enter| {
        install(signal, noting()).unwrap();
        let before = BlockGuard::new(signal);
        (0..4).for_each(|value| queue_to_thread(signal, value));
        let region = enter();
        let open = UnblockGuard::new(signal);
        // In a block of everything they have all run.
        drop(open);
        drop(region);
        drop(before);
        values()
    };
    both(scenario, vec![0, 1, 2, 3], vec![1, 2, 3, 0]);
    // Not those for the process.
    let scenario = |enter: Enter| {
        install(signal, noting()).unwrap();
        let before = BlockGuard::new(signal);
        (0..4).for_each(|value| signal::queue(Pid::current(), signal, value).unwrap());
        let region = enter();
        drop(UnblockGuard::new(signal));
        drop(region);
        drop(before);
        values()
    };
    both(scenario, vec![0, 1, 2, 3], vec![0, 1, 2, 3]);
}

/// It comes, without its value, and is one with others of its number.
/// Row: a queue that is full
fn a_full_queue_loses_the_value_of_what_comes() {
    needs_deferral();
    let signal = common::realtime_or_skip(1);
    let other = common::realtime_or_skip(2);
    let scenario = |enter: Enter| {
        install(signal, noting()).unwrap();
        install(other, noting()).unwrap();
        let before = BlockGuard::new(signal | other);
        signal::queue(Pid::current(), signal, 7).unwrap();
        (0..2).for_each(|value| signal::queue(Pid::current(), other, value).unwrap());
        let full = fill_the_queue();
        let region = enter();
        drop(UnblockGuard::new(signal | other));
        drop(region);
        drop(before);
        drop(full);
        let mut values = values();
        values.sort_unstable();
        values
    };
    both(scenario, vec![0, 1, 7], vec![-2, 1]);
}

/// It waits in a section, whatever else lets it through.
/// Row: an [`UnblockGuard`]
fn an_unblock_guard_lets_nothing_through() {
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        let before = BlockGuard::new(SIGUSR1);
        raise(SIGUSR1).unwrap();
        let region = enter();
        let open = UnblockGuard::new(SIGUSR1);
        let inside = count();
        drop(open);
        drop(region);
        drop(before);
        (inside, count())
    };
    both(scenario, (1, 1), (0, 1));
}

/// How many signals a program starts with blocked.
fn blocked_in_program(command: &mut Command) -> usize {
    let output = command.arg("/proc/self/status").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("SigBlk").trim();
    u64::from_str_radix(mask, 16).unwrap().count_ones() as usize
}

/// The mask of a thread and of a program, started in the region before and after an arrival; and of
/// a program that starts with its signals reset.
/// Row: a thread or a program
fn what_is_started_in_the_region_inherits_the_block_of_everything() {
    use signal::CommandExt;
    let inherited = || {
        let thread = std::thread::spawn(|| blocked().len());
        let program = blocked_in_program(&mut Command::new("cat"));
        let reset = blocked_in_program(Command::new("cat").reset_signals());
        (thread.join().unwrap(), program, reset)
    };
    let everything = SignalSet::asynchronous().len();
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        let _region = enter();
        let before = inherited();
        raise(SIGUSR1).unwrap();
        (before, inherited())
    };
    let all = (everything, everything, 0);
    both(scenario, (all, all), ((0, 0, 0), all));
}

/// Elsewhere the kernel undoes what a handler does to the mask.
/// Row: a mask that a handler of these
fn a_handler_of_a_fault_can_change_the_mask_of_the_region() {
    fn block_termination(_: Signal) {
        signal::block(SIGTERM);
    }
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        // std's own is small where the kernel does not tell the size of a signal frame.
        let _stack = AltStack::new().unwrap();
        // SAFETY: changing the mask is async-signal-safe.
        install(SIGBUS, unsafe { Handler::new(block_termination) }).unwrap();
        let region = enter();
        raise(SIGBUS).unwrap();
        let before = kernel_mask().is_empty() || blocked() == SignalSet::asynchronous();
        raise(SIGUSR1).unwrap();
        raise(SIGBUS).unwrap();
        drop(region);
        (before, blocked())
    };
    both(scenario, (true, SignalSet::empty()), (true, SIGTERM.into()));
}

/// Blocked for ever, or deferred for ever.
/// Row: leaked
fn a_leaked_guard_keeps_handlers_from_running_for_ever() {
    let scenario = |enter: Enter| {
        install(SIGUSR1, &COUNT).unwrap();
        std::mem::forget(enter());
        raise(SIGUSR1).unwrap();
        drop(enter());
        drop(UnblockGuard::new(SIGTERM));
        (count(), pending().contains(SIGUSR1), blocked().is_empty())
    };
    both(scenario, (0, true, false), (0, true, true));
}

/// Its frame had been made when another handler, which ran first, replaced it.
/// Row: a handler that another thread replaces
fn a_handler_that_is_replaced_before_it_begins_runs_in_the_section() {
    needs_deferral();
    extern "C" fn replaces(_: libc::c_int) {
        raw::set(SIGUSR1, libc::SIG_IGN, 0, &[]);
    }
    install(SIGUSR1, &COUNT).unwrap();
    raw::set(SIGUSR2, replaces as raw::Plain as usize, 0, &[]);
    let before = BlockGuard::new(SIGUSR1 | SIGUSR2);
    raise(SIGUSR1).unwrap();
    raise(SIGUSR2).unwrap();
    let section = DeferGuard::new();
    drop(UnblockGuard::new(SIGUSR1 | SIGUSR2));
    assert_eq!((count(), pending()), (1, SignalSet::empty()));
    drop(section);
    assert_eq!(blocked(), before.previous() | SIGUSR1 | SIGUSR2);
}

/// More than the depth can count: the last ones change nothing any more.
fn a_depth_that_would_wrap_stays_where_it_is() {
    needs_deferral();
    common::needs(!cfg!(debug_assertions), "takes minutes where it is not optimized");
    install(SIGUSR1, &COUNT).unwrap();
    raise(SIGUSR1).unwrap();
    for _ in 0..1_u64 << 31 {
        std::mem::forget(DeferGuard::new());
    }
    raise(SIGUSR1).unwrap();
    (0..100).for_each(|_| drop((DeferGuard::new(), DeferGuard::new())));
    assert_eq!((count(), pending()), (1, SIGUSR1.into()));
}

tests! {
    default_effects_happen_until_a_signal_has_come,
    foreign_handlers_run_until_a_signal_has_come,
    a_raw_function_runs_until_a_signal_has_come,
    a_signal_for_the_process_is_this_threads_once_it_has_come,
    a_signal_for_the_process_is_not_one_with_the_next,
    a_signal_for_the_process_does_not_survive_the_thread,
    a_realtime_signal_for_the_thread_can_fall_behind,
    a_full_queue_loses_the_value_of_what_comes,
    an_unblock_guard_lets_nothing_through,
    what_is_started_in_the_region_inherits_the_block_of_everything,
    a_handler_of_a_fault_can_change_the_mask_of_the_region,
    a_handler_that_is_replaced_before_it_begins_runs_in_the_section,
    a_leaked_guard_keeps_handlers_from_running_for_ever,
    a_depth_that_would_wrap_stays_where_it_is,
}
