//! A storm of signals from other threads and processes, against random nesting of the three guards
//! on two threads.
//!
//! `SIGNAL_TEST_SEED` replays what the threads do, `SIGNAL_TEST_SECONDS` says how long (2).

mod walk;

use super::fail;
use crate::common::{self, fork, load, raw};
use signal::{
    install, raise, BlockGuard, DeferGuard, Errno, Handler, Info, Pid, Signal, SignalSet,
};
use signal::{SIGHUP, SIGSEGV, SIGTERM, SIGURG, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};
use walk::{walk, Random, WALKS};

/// Each from one sender: two processes, which send to this one, and a thread, which sends to one
/// thread at a time.
const KINDS: [Signal; 3] = [SIGUSR1, SIGUSR2, SIGHUP];

/// What this process shares with the senders.
#[repr(C)]
struct Shared {
    started: AtomicUsize,
    stop: AtomicUsize,
    /// For each kind: counted before the signal is sent.
    sent: [AtomicUsize; 3],
    /// For each kind: how many had been sent when the handler last ran.
    handled: [AtomicUsize; 3],
    /// For each of the two realtime signals, one for each walking thread: from each of the two
    /// senders, a process and a thread.
    queued: [[AtomicUsize; 2]; 2],
    received: [[AtomicUsize; 2]; 2],
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

fn shared() -> &'static Shared {
    // SAFETY: set before the first handler is installed, to memory that stays for ever.
    unsafe { &*SHARED.load(SeqCst) }
}

/// Who sends which kind, then who sends realtime signals.
static SENDERS: [AtomicI32; 3] = [AtomicI32::new(0), AtomicI32::new(0), AtomicI32::new(0)];
static THREADS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
static FINISHED: AtomicBool = AtomicBool::new(false);

std::thread_local! {
    static ME: AtomicUsize = const { AtomicUsize::new(9) };
    /// How many sections the thread is in: incremented after entering, decremented before leaving.
    static INSIDE: AtomicUsize = const { AtomicUsize::new(0) };
    /// SIGTERM comes from the thread itself.
    static OWN_SENT: AtomicUsize = const { AtomicUsize::new(0) };
    static OWN_HANDLED: AtomicUsize = const { AtomicUsize::new(0) };
}

fn in_no_section() {
    if INSIDE.with(|inside| inside.load(SeqCst)) != 0 {
        fail("a handler ran in a section\n");
    }
}

fn enter() -> DeferGuard {
    let section = DeferGuard::new();
    INSIDE.with(|inside| inside.fetch_add(1, SeqCst));
    section
}

fn leave(section: DeferGuard) {
    INSIDE.with(|inside| inside.fetch_sub(1, SeqCst));
    drop(section);
}

fn on_standard(signal: Signal, info: &Info) {
    in_no_section();
    for kind in (0..KINDS.len()).filter(|kind| KINDS[*kind] == signal) {
        let handled = &shared().handled[kind];
        handled.fetch_max(shared().sent[kind].load(SeqCst), SeqCst);
        let sender = info.sender_pid().map_or(0, Pid::as_raw);
        if kind < 2 && sender != SENDERS[kind].load(SeqCst) {
            fail("a signal with another's info\n");
        }
    }
    if signal == SIGHUP {
        leave(enter());
    }
}

fn on_realtime(signal: Signal, info: &Info) {
    in_no_section();
    let realtime = usize::from(Some(signal) == Signal::realtime(2));
    let value = info.value().unwrap_or(-1);
    let (sender, number) = ((value >> 24) as usize, value & 0xff_ffff);
    if sender > 1 || ME.with(|me| me.load(SeqCst)) != realtime {
        fail("a realtime signal went astray\n");
    }
    let received = shared().received[realtime][sender].fetch_add(1, SeqCst);
    if received as i32 & 0xff_ffff != number {
        fail("a realtime signal lost its place\n");
    }
    let expected = if sender == 0 { SENDERS[2].load(SeqCst) } else { Pid::current().as_raw() };
    if info.sender_pid().map_or(0, Pid::as_raw) != expected {
        fail("a realtime signal with another's info\n");
    }
}

fn on_own(_: Signal) {
    in_no_section();
    let sent = OWN_SENT.with(|sent| sent.load(SeqCst));
    OWN_HANDLED.with(|handled| handled.store(sent, SeqCst));
}

fn raise_own() {
    OWN_SENT.with(|sent| sent.fetch_add(1, SeqCst));
    if raise(SIGTERM).is_err() {
        fail("raise\n");
    }
}

/// Runs in a section too, as our own handler of a fault does; the mask is restored when it returns.
extern "C" fn foreign(_: libc::c_int) {
    raise_own();
}

/// Bursts, after each of which the last signal must be handled.
fn flood(kind: usize, mut random: Random, send: impl Fn(usize)) {
    let shared = shared();
    common::eventually("the storm begins", || shared.started.load(SeqCst) == 1);
    while shared.stop.load(SeqCst) == 0 {
        let target = random.below(2);
        for _ in 0..1 << random.below(9) {
            shared.sent[kind].fetch_add(1, SeqCst);
            send(target);
        }
        let last = shared.sent[kind].load(SeqCst);
        common::eventually("the last of a burst is handled", || {
            shared.handled[kind].load(SeqCst) == last
        });
    }
}

/// Bursts of realtime signals, each of which must be handled once.
fn queue(sender: usize, target: Pid, mut random: Random) {
    let shared = shared();
    common::eventually("the storm begins", || shared.started.load(SeqCst) == 1);
    while shared.stop.load(SeqCst) == 0 {
        for _ in 0..1 << random.below(9) {
            let realtime = random.below(2);
            let number = shared.queued[realtime][sender].fetch_add(1, SeqCst);
            let value = (sender as i32) << 24 | number as i32 & 0xff_ffff;
            let signal = Signal::realtime(1 + realtime as u32).unwrap();
            common::eventually("there is room in the queue", || {
                match signal::queue(target, signal, value) {
                    Err(Errno::EAGAIN) => false,
                    sent => sent.map(|()| true).unwrap(),
                }
            });
        }
        for realtime in 0..2 {
            let all = shared.queued[realtime][sender].load(SeqCst);
            let received = &shared.received[realtime][sender];
            common::eventually("all of a burst are handled", || received.load(SeqCst) == all);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn a_storm_breaks_into_no_section_and_loses_nothing() {
    super::needs_deferral();
    common::needs(cfg!(all(has_sigqueue, has_realtime)), "no signals that queue");
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("SIGNAL_TEST_SEED").unwrap_or(u64::from(time.subsec_nanos()));
    // Shown if the test fails.
    println!("SIGNAL_TEST_SEED={seed} replays this");
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        fail("the storm is over\n");
    }));
    let random = |stream: u64| Random(seed.wrapping_add(stream << 32));
    // SAFETY: made of atomics, for which zero is valid.
    let memory = unsafe { load::shared::<Shared>() };
    SHARED.store(memory as *const Shared as *mut Shared, SeqCst);
    let shared = shared();
    let _blocked = BlockGuard::new(SignalSet::full());
    let me = Pid::current();
    // SAFETY: atomics, sections, raise, write and _exit.
    unsafe {
        for kind in KINDS {
            install(kind, Handler::with_info(on_standard)).unwrap();
        }
        for realtime in [1, 2] {
            install(Signal::realtime(realtime).unwrap(), Handler::with_info(on_realtime)).unwrap();
        }
        install(SIGTERM, Handler::new(on_own)).unwrap();
        install(SIGSEGV, Handler::new(|_| raise_own())).unwrap();
    }
    raw::set(SIGURG, foreign as raw::Plain as usize, 0, &[]);
    let kinds =
        |kind: usize| flood(kind, random(kind as u64), |_| signal::kill(me, KINDS[kind]).unwrap());
    let bodies: [&dyn Fn(); 3] = [&|| kinds(0), &|| kinds(1), &|| queue(0, me, random(2))];
    let processes = bodies.map(|body| {
        fork(|| {
            body();
            0
        })
    });
    for (process, sender) in processes.iter().zip(&SENDERS) {
        sender.store(process.as_raw(), SeqCst);
    }
    std::thread::scope(|scope| {
        for me in 0..2 {
            let random = random(10 + me as u64);
            scope.spawn(move || walk(me, random));
        }
        common::eventually("both walk", || THREADS.iter().all(|thread| thread.load(SeqCst) != 0));
        let to_thread = |target: usize| {
            // SAFETY: the thread lives until this one has ended.
            let sent =
                unsafe { libc::pthread_kill(THREADS[target].load(SeqCst) as _, SIGHUP.as_raw()) };
            assert_eq!(sent, 0);
        };
        let threads = [
            scope.spawn(move || flood(2, random(3), to_thread)),
            scope.spawn(move || queue(1, me, random(4))),
        ];
        shared.started.store(1, SeqCst);
        std::thread::sleep(Duration::from_secs(number("SIGNAL_TEST_SECONDS").unwrap_or(2)));
        shared.stop.store(1, SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        processes.iter().for_each(|process| assert!(common::wait_for(*process).success()));
        FINISHED.store(true, SeqCst);
    });
    let standard: Vec<usize> = (0..3).map(|kind| shared.sent[kind].load(SeqCst)).collect();
    let realtime: Vec<usize> =
        (0..4).map(|way| shared.received[way / 2][way % 2].load(SeqCst)).collect();
    println!("standard {standard:?}, realtime {realtime:?}, walks {}", WALKS.load(SeqCst));
    assert!(standard.iter().chain(&realtime).all(|count| *count > 0));
}

tests! {
    a_storm_breaks_into_no_section_and_loses_nothing,
}
