//! What the system tells about a signal.

use crate::common::{self, needs, raw};
use libc::{c_int, c_void, siginfo_t};
use signal::{install, BlockGuard, Cause, Handler, Info, Pid, Signal};
use signal::{SIGALRM, SIGBUS, SIGCHLD, SIGSEGV, SIGTERM, SIGTRAP, SIGUSR1};
use std::mem::zeroed;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// What the handler was told last. There is one thread, which reads this after the handler has run.
static mut LAST: Option<Info> = None;
static CALLS: AtomicUsize = AtomicUsize::new(0);
static PLACE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

fn remember(signal: Signal, info: &Info) {
    // SAFETY: see LAST.
    unsafe { ptr::addr_of_mut!(LAST).write((info.signal() == signal).then_some(*info)) };
    CALLS.fetch_add(1, SeqCst);
}

fn last() -> Info {
    // SAFETY: see LAST.
    unsafe { ptr::addr_of!(LAST).read() }.expect("a handler that was told of its own signal")
}

/// What a handler is told of a signal that `send` has sent.
fn info_of<T>(signal: Signal, send: impl FnOnce() -> T) -> (Info, T) {
    // SAFETY: a write that nobody else can see and an atomic addition.
    install(signal, unsafe { Handler::with_info(remember) }).unwrap();
    let before = CALLS.load(SeqCst);
    let guard = BlockGuard::new(signal);
    let sent = send();
    while CALLS.load(SeqCst) == before {
        guard.wait();
    }
    (last(), sent)
}

/// What a handler is told of a signal that never was: the test calls the entry.
fn info_of_call(info: *mut siginfo_t, signal: Signal) -> Info {
    // SAFETY: a write that nobody else can see and an atomic addition.
    install(signal, unsafe { Handler::with_info(remember) }).unwrap();
    // SAFETY: the address is that of an entry with SA_SIGINFO, whose arguments these are. It looks
    // at neither the context nor a siginfo that is null.
    unsafe {
        let entry: raw::WithInfo = std::mem::transmute(raw::handler(signal));
        entry(signal.as_raw(), info, ptr::null_mut());
    }
    last()
}

fn made_up(signal: Signal, code: c_int) -> siginfo_t {
    // SAFETY: made of integers and pointers, for which zero is valid.
    let mut info: siginfo_t = unsafe { zeroed() };
    info.si_signo = signal.as_raw();
    info.si_code = code;
    info
}

fn own_uid() -> libc::uid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getuid() }
}

/// Asserts that the info does not have these fields.
macro_rules! assert_silent {
    ($info:expr, $($name:ident)*) => { $( assert_eq!($info.$name(), None, "{:?}", $info); )* };
}

fn kill_tells_who_sent_it() {
    let (info, ()) = info_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap());
    assert_eq!(
        (info.signal(), info.sender_pid(), info.sender_uid()),
        (SIGUSR1, Some(Pid::current()), Some(own_uid()))
    );
    assert_silent!(info, status value address band);

    let parent = Pid::current();
    let (info, child) =
        info_of(SIGTERM, || common::fork(|| i32::from(signal::kill(parent, SIGTERM).is_err())));
    assert_eq!(
        (info.signal(), info.sender_pid(), info.sender_uid()),
        (SIGTERM, Some(child), Some(own_uid()))
    );
    assert!(common::wait_for(child).success());
}

fn raise_tells_no_other_sender() {
    let (info, ()) = info_of(SIGUSR1, || signal::raise(SIGUSR1).unwrap());
    // Not every system says who sent a signal to one thread.
    assert!(
        info.sender_pid().map_or(cfg!(not(has_sigtimedwait)), |pid| pid == Pid::current()),
        "{info:?}"
    );
    assert_silent!(info, status value address band);
}

/// The zeros that Linux leaves then are no sender: least of all root.
fn a_signal_without_room_in_the_queue_tells_no_sender() {
    let can_tell = cfg!(all(target_os = "linux", has_sigqueue, has_sigtimedwait));
    needs(can_tell, "no limit that a test may set, or nothing that tells it");
    #[cfg(target_os = "linux")]
    {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a whole structure.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &none) }, 0);
        let send: [fn() -> Result<(), signal::Errno>; 2] =
            [|| signal::raise(SIGUSR1), || signal::queue(Pid::current(), SIGUSR1, 7)];
        for send in send {
            let (info, ()) = info_of(SIGUSR1, || send().unwrap());
            assert_eq!((info.signal(), info.cause()), (SIGUSR1, Cause::User));
            assert_silent!(info, sender_pid sender_uid status value address band);
        }
        let (info, ()) = info_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap());
        assert_eq!(
            (info.sender_pid(), info.sender_uid()),
            (Some(Pid::current()), Some(own_uid())),
            "there is always room for this"
        );
    }
}

fn queue_tells_sender_and_value() {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    for value in [0, 1, -1, 4711, i32::MAX, i32::MIN] {
        let (info, ()) =
            info_of(SIGUSR1, || signal::queue(Pid::current(), SIGUSR1, value).unwrap());
        assert_eq!(info.cause(), Cause::Queue);
        assert_eq!((info.value(), info.sender_pid()), (Some(value), Some(Pid::current())));
        assert_eq!(info.sender_uid(), Some(own_uid()));
        assert_silent!(info, status address band);
    }
}

/// The value can be a pointer.
/// XSH sigqueue, DESCRIPTION (union sigval)
fn queue_pointer_tells_the_pointer() {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    let here = &CALLS as *const AtomicUsize as *mut c_void;
    for pointer in [here, ptr::null_mut(), usize::MAX as *mut c_void] {
        let (info, ()) = info_of(SIGUSR1, || {
            signal::queue_pointer(Pid::current(), SIGUSR1, pointer).unwrap();
        });
        assert_eq!(info.cause(), Cause::Queue);
        assert_eq!(
            (info.pointer_value(), info.sender_pid()),
            (Some(pointer), Some(Pid::current()))
        );
    }
    let (info, ()) = info_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap());
    assert_eq!(info.pointer_value(), None);
}

fn the_cause_has_a_name() {
    let cause_of = |signal, send: fn()| info_of(signal, send).0.cause();
    assert_eq!(cause_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap()), Cause::User);
    let thread = cause_of(SIGUSR1, || signal::raise(SIGUSR1).unwrap());
    let expected =
        if cfg!(has_setsig) { &[Cause::Thread][..] } else { &[Cause::Thread, Cause::User] };
    assert!(expected.contains(&thread), "{thread:?}");
    let alarm = cause_of(SIGALRM, || assert_eq!(signal::alarm(Duration::from_nanos(1)), None));
    let expected =
        if cfg!(has_setsig) { &[Cause::Kernel][..] } else { &[Cause::Kernel, Cause::Timer] };
    assert!(expected.contains(&alarm), "{alarm:?}");
    let unknown = info_of_call(&mut made_up(SIGUSR1, c_int::MIN), SIGUSR1);
    assert_eq!(unknown.cause(), Cause::Unknown);
    assert_eq!(info_of_call(ptr::null_mut(), SIGCHLD).cause(), Cause::Unknown);
    assert_eq!(info_of_call(&mut made_up(SIGSEGV, 1), SIGSEGV).cause(), Cause::Fault);
    for (code, cause) in [
        (libc::CLD_EXITED, Cause::Exited),
        (libc::CLD_KILLED, Cause::Killed),
        (libc::CLD_DUMPED, Cause::Dumped),
        (libc::CLD_TRAPPED, Cause::Trapped),
        (libc::CLD_STOPPED, Cause::Stopped),
        (libc::CLD_CONTINUED, Cause::Continued),
    ] {
        assert_eq!(info_of_call(&mut made_up(SIGCHLD, code), SIGCHLD).cause(), cause);
    }
}

/// All that the headers of Linux have.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn each_code_has_its_cause() {
    let cause = |signal, code| info_of_call(&mut made_up(signal, code), signal).cause();
    let chosen_io = if cfg!(has_setsig) { Cause::Io } else { Cause::Kernel };
    for (code, expected) in [
        (libc::SI_USER, Cause::User),
        (libc::SI_TKILL, Cause::Thread),
        (libc::SI_QUEUE, Cause::Queue),
        (libc::SI_TIMER, Cause::Timer),
        (libc::SI_ASYNCIO, Cause::AsyncIo),
        (libc::SI_MESGQ, Cause::Message),
        (libc::SI_KERNEL, Cause::Kernel),
        // Old kernels' for SIGIO; nothing of today's sends it.
        (libc::SI_SIGIO, Cause::Unknown),
        // The signal was chosen by F_SETSIG.
        (1, chosen_io),
        (6, chosen_io),
        (7, Cause::Kernel),
    ] {
        assert_eq!(cause(SIGUSR1, code), expected, "{code}");
    }
    assert_eq!(cause(signal::SIGIO, 1), Cause::Io);
    assert_eq!(cause(signal::SIGSYS, 1), Cause::Kernel);
    // A fault that was sent is none.
    assert_eq!(cause(signal::SIGSEGV, libc::SI_TKILL), Cause::Thread);
    assert_eq!(cause(signal::SIGSEGV, libc::SI_KERNEL), Cause::Fault);
    assert_eq!(cause(SIGCHLD, 7), Cause::Kernel);
}

/// SIGCHLD tells which child has stopped or continued.
/// XSH 2.4.3 Signal Actions; XBD signal.h (CLD_)
fn a_child_that_stops_and_continues_says_so() {
    let (_, child) = info_of(SIGCHLD, || {
        let child = common::process::sleeper();
        signal::kill(child, signal::SIGSTOP).unwrap();
        child
    });
    assert_eq!((last().cause(), last().sender_pid()), (Cause::Stopped, Some(child)));
    assert_eq!(last().status(), Some(signal::SIGSTOP.as_raw()));
    let (info, ()) = info_of(SIGCHLD, || signal::kill(child, signal::SIGKILL).unwrap());
    assert_eq!((info.cause(), info.sender_pid()), (Cause::Killed, Some(child)));
    common::wait_for(child);
}

fn the_raw_structure_goes_in_and_out() {
    let (info, ()) = info_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap());
    let raw: &siginfo_t = info.as_raw();
    assert_eq!((raw.si_signo, raw.si_code), (SIGUSR1.as_raw(), info.code()));
    for copy in [Info::from_raw(raw), Info::from_raw(*raw)] {
        assert_eq!((copy.signal(), copy.cause()), (SIGUSR1, Cause::User));
        assert_eq!(copy.sender_pid(), Some(Pid::current()));
    }
}

/// SIGCHLD tells which child has ended, and how.
/// XSH 2.4.3 Signal Actions; XBD signal.h (CLD_)
fn the_end_of_a_child_tells_which_child_and_how() {
    let (info, child) = info_of(SIGCHLD, || common::fork(|| 42));
    assert_eq!(
        (info.sender_pid(), info.status(), info.code()),
        (Some(child), Some(42), libc::CLD_EXITED)
    );
    assert_eq!(info.sender_uid(), Some(own_uid()));
    assert_silent!(info, value address band);
    common::wait_for(child);

    let (info, child) = info_of(SIGCHLD, || common::fork(|| signal::die_by(SIGTERM)));
    assert_eq!((info.sender_pid(), info.code()), (Some(child), libc::CLD_KILLED));
    assert_eq!(info.status(), Some(SIGTERM.as_raw()));
    common::wait_for(child);

    let (info, ()) = info_of(SIGCHLD, || signal::kill(Pid::current(), SIGCHLD).unwrap());
    assert_eq!(
        (info.status(), info.sender_pid()),
        (None, Some(Pid::current())),
        "not from a child"
    );
}

fn the_alarm_tells_nothing() {
    let (info, _) = info_of(SIGALRM, || signal::alarm(Duration::from_nanos(1)));
    assert_eq!(info.signal(), SIGALRM);
    assert_silent!(info, sender_pid status value address band);
}

/// SIGSEGV tells the address that could not be used.
/// XSH 2.4.3 Signal Actions; XBD signal.h (SEGV_)
fn a_fault_tells_its_address() {
    // The handler of a fault must not return: its exit code says whether the address was right.
    let judge = |signal: Signal, info: &Info| {
        let right = info.signal() == signal
            && info.address() == Some(PLACE.load(SeqCst))
            && (info.sender_pid(), info.value(), info.status(), info.band())
                == (None, None, None, None);
        // SAFETY: ends the process.
        unsafe { libc::_exit(if right { 0 } else { 1 }) }
    };
    let child = common::fork(|| {
        // SAFETY: atomics and `_exit`.
        let handler = unsafe { Handler::with_info(judge) };
        install(SIGSEGV, handler).unwrap();
        install(SIGBUS, handler).unwrap();
        // SAFETY: maps memory that nobody may touch; the write faults.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            let page = libc::mmap(ptr::null_mut(), 1 << 16, libc::PROT_NONE, flags, -1, 0);
            let place = page.cast::<u8>().add(24);
            PLACE.store(place.cast(), SeqCst);
            ptr::write_volatile(place, 1);
        }
        2
    });
    let status = common::wait_for(child);
    assert!(status.success(), "{status}");
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn a_fault_without_an_address_is_a_fault() {
    // Exits with 0 if it is told rightly; emulators make up a code and an address.
    let judge = |_: Signal, info: &Info| {
        let known = info.address().is_some();
        let right = info.cause() == Cause::Fault && known == (info.code() < 0x80);
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!right)) }
    };
    common::in_child(|| {
        // SAFETY: compares integers and calls `_exit`.
        install(SIGSEGV, unsafe { Handler::with_info(judge) }).unwrap();
        // SAFETY: not for programs.
        unsafe { std::arch::asm!("hlt") };
    });
}

fn a_fault_that_was_sent_has_no_address() {
    for signal in [SIGSEGV, SIGTRAP, SIGBUS] {
        let (info, ()) = info_of(signal, || signal::kill(Pid::current(), signal).unwrap());
        assert_eq!((info.address(), info.sender_pid()), (None, Some(Pid::current())));
    }
}

fn fields_belong_to_their_signal_not_to_the_code_alone() {
    let event = |signal| info_of_call(&mut made_up(signal, 1), signal);
    assert_eq!((event(SIGCHLD).status(), event(SIGUSR1).status()), (Some(0), None));
    assert_eq!((event(SIGSEGV).address(), event(SIGUSR1).address()), (Some(ptr::null_mut()), None));
    assert_silent!(event(SIGUSR1), sender_pid sender_uid value);
    // Any signal can mean I/O where a program can choose it.
    assert_eq!(event(SIGUSR1).band().is_some(), cfg!(has_setsig));
    assert_silent!(event(SIGSEGV), sender_pid sender_uid value status band);
    // A code that no system has.
    for signal in [SIGUSR1, SIGCHLD, SIGSEGV, SIGALRM] {
        let info = info_of_call(&mut made_up(signal, c_int::MIN), signal);
        assert_eq!((info.signal(), info.code()), (signal, c_int::MIN));
        assert_silent!(info, sender_pid sender_uid status value address band);
    }
}

fn without_a_siginfo_the_signal_remains() {
    for signal in [SIGUSR1, SIGCHLD, SIGSEGV] {
        let info = info_of_call(ptr::null_mut(), signal);
        assert_eq!(info.signal(), signal);
        assert_silent!(info, sender_pid sender_uid status value address band);
    }
}

#[cfg(has_sigtimedwait)]
fn wait_tells_what_a_handler_is_told() {
    static CAUGHT: AtomicUsize = AtomicUsize::new(0);
    let set = signal::SignalSet::from(SIGUSR1);
    let _guard = BlockGuard::new(SIGUSR1);
    signal::kill(Pid::current(), SIGUSR1).unwrap();
    let info = set.wait().unwrap();
    assert_eq!((info.sender_pid(), info.sender_uid()), (Some(Pid::current()), Some(own_uid())));
    assert_silent!(info, status value address band);
    let child = common::process::sleeper();
    install(SIGCHLD, &CAUGHT).unwrap();
    let _guard = BlockGuard::new(SIGCHLD);
    signal::kill(child, signal::SIGKILL).unwrap();
    let info = signal::SignalSet::from(SIGCHLD).wait().unwrap();
    assert_eq!((info.sender_pid(), info.status()), (Some(child), Some(signal::SIGKILL.as_raw())));
    common::wait_for(child);
}

#[cfg(not(has_sigtimedwait))]
fn wait_tells_what_a_handler_is_told() {
    let _guard = BlockGuard::new(SIGUSR1);
    signal::kill(Pid::current(), SIGUSR1).unwrap();
    let info = signal::SignalSet::from(SIGUSR1).wait().unwrap();
    assert_eq!(info.signal(), SIGUSR1);
    // `sigwait` tells no more, and nothing is made up.
    assert_silent!(info, sender_pid sender_uid status value address band);
}

fn debug_shows_what_is_known() {
    let (info, ()) = info_of(SIGUSR1, || signal::kill(Pid::current(), SIGUSR1).unwrap());
    let text = format!("{info:?}");
    assert!(
        text.contains("SIGUSR1, cause: User")
            && text.contains(&format!("sender_pid: Pid({})", Pid::current())),
        "{text}"
    );
    assert!(!text.contains("address") && !text.contains("status"), "{text}");
}

tests! {
    kill_tells_who_sent_it,
    raise_tells_no_other_sender,
    a_signal_without_room_in_the_queue_tells_no_sender,
    queue_tells_sender_and_value,
    queue_pointer_tells_the_pointer,
    the_cause_has_a_name,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    each_code_has_its_cause,
    a_child_that_stops_and_continues_says_so,
    the_raw_structure_goes_in_and_out,
    the_end_of_a_child_tells_which_child_and_how,
    the_alarm_tells_nothing,
    a_fault_tells_its_address,
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    a_fault_without_an_address_is_a_fault,
    a_fault_that_was_sent_has_no_address,
    fields_belong_to_their_signal_not_to_the_code_alone,
    without_a_siginfo_the_signal_remains,
    wait_tells_what_a_handler_is_told,
    debug_shows_what_is_known,
}
