//! What a section has in common with a block of everything: each scenario runs with one and with
//! the other, in a process of its own, and must leave the same log and end in the same way.

use super::needs_deferral;
use crate::common::raw::{self, kernel_mask};
use crate::common::{self, load};
use signal::child::Status;
use signal::{
    blocked, install, pending, query, raise, Action, BlockGuard, DeferGuard, Flags, Handler, Info,
    Pid, Signal, SignalSet, UnblockGuard, SIGCONT, SIGHUP, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Dropping it is its use.
#[allow(dead_code)]
pub enum Region {
    Block(BlockGuard),
    Section(DeferGuard),
}

pub type Enter = fn() -> Region;

pub const REGIONS: [Enter; 2] = [
    || Region::Block(BlockGuard::new(SignalSet::asynchronous())),
    || Region::Section(DeferGuard::new()),
];

/// In memory that the child shares.
#[repr(C)]
struct Log {
    len: AtomicUsize,
    entries: [AtomicI32; 256],
}

static LOG: AtomicPtr<Log> = AtomicPtr::new(std::ptr::null_mut());

/// In handlers too.
fn log(entry: i32) {
    // SAFETY: set before the first handler is installed, to memory that stays for ever.
    let log = unsafe { &*LOG.load(SeqCst) };
    if let Some(place) = log.entries.get(log.len.fetch_add(1, SeqCst)) {
        place.store(entry, SeqCst);
    }
}

/// The log and the end of the scenario, which are those of a block.
fn same_as_a_block(scenario: impl Fn(Enter)) -> (Status, Vec<i32>) {
    needs_deferral();
    let [block, section] = REGIONS.map(|enter| {
        // SAFETY: made of atomics, for which zero is valid.
        let memory = unsafe { load::shared::<Log>() };
        LOG.store(memory as *const Log as *mut Log, SeqCst);
        let status = common::status_of(|| {
            common::process::no_core_file();
            scenario(enter);
        });
        let len = memory.len.load(SeqCst);
        (status, memory.entries[..len].iter().map(|entry| entry.load(SeqCst)).collect::<Vec<i32>>())
    });
    assert_eq!(section, block);
    section
}

fn success() -> Status {
    Status::from_raw(0)
}

/// Logs the number.
fn logging() -> Handler {
    // SAFETY: atomics.
    unsafe { Handler::new(|signal| log(signal.as_raw())) }
}

fn a_one_shot_handler_stays_one_when_another_is_replaced() {
    let (status, entries) = same_as_a_block(|enter| {
        for signal in [SIGUSR1, SIGUSR2] {
            install(signal, Action::new(logging()).flags(Flags::RESETHAND)).unwrap();
        }
        install(SIGUSR2, logging()).unwrap();
        let region = enter();
        raise(SIGUSR1).unwrap();
        log(0);
        drop(region);
        log(-1);
    });
    assert_eq!((status, entries), (success(), vec![0, SIGUSR1.as_raw(), -1]));
}

fn a_one_shot_handler_takes_one_of_two_arrivals() {
    // The first is the thread's, the second the process's: two that are pending.
    let (status, entries) = same_as_a_block(|enter| {
        install(SIGUSR1, Action::new(logging()).flags(Flags::RESETHAND)).unwrap();
        let before = query(SIGUSR1).unwrap();
        // gVisor forgets the flags with the handler.
        install(SIGUSR2, Action::new(&common::COUNT).flags(Flags::RESETHAND)).unwrap();
        raise(SIGUSR2).unwrap();
        let forgets_flags = query(SIGUSR2).unwrap().installed_flags().is_empty();
        let region = enter();
        raise(SIGUSR1).unwrap();
        signal::kill(Pid::current(), SIGUSR1).unwrap();
        // Not called yet. (A panic would leave the region, and then the signal kills.)
        let now = query(SIGUSR1).unwrap();
        let is_kept = now.handler() == logging() && (forgets_flags || now == before);
        log(i32::from(is_kept));
        drop(region);
        log(-1);
    });
    assert_eq!((status.signal(), entries), (Some(SIGUSR1), vec![1, SIGUSR1.as_raw()]));
    let (status, entries) = same_as_a_block(|enter| {
        install(SIGUSR1, Action::new(logging()).flags(Flags::RESETHAND)).unwrap();
        let region = enter();
        (0..2).for_each(|_| raise(SIGUSR1).unwrap());
        drop(region);
        assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
        log(-1);
    });
    assert_eq!((status, entries), (success(), vec![SIGUSR1.as_raw(), -1]));
}

/// Signals of several kinds, some in numbers.
fn the_order_is_the_kernels() {
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    let realtime = common::realtime_or_skip(1);
    let with_value = |_: Signal, info: &Info| log(1000 + info.value().unwrap_or(-1));
    for first in [SIGUSR2, realtime, SIGHUP] {
        let (status, entries) = same_as_a_block(|enter| {
            for signal in SIGUSR1 | SIGUSR2 | SIGHUP | SIGTERM {
                install(signal, logging()).unwrap();
            }
            // SAFETY: atomics.
            install(realtime, unsafe { Handler::with_info(with_value) }).unwrap();
            let region = enter();
            if first != realtime {
                raise(first).unwrap();
            }
            for value in 0..20 {
                signal::queue(Pid::current(), realtime, value).unwrap();
                raise(if value % 2 == 0 { SIGUSR2 } else { SIGUSR1 }).unwrap();
            }
            raise(SIGHUP).unwrap();
            assert_eq!(pending(), SIGUSR1 | SIGUSR2 | SIGHUP | realtime);
            drop(region);
            raise(SIGTERM).unwrap();
            log(-1);
        });
        assert_eq!((status, entries.len()), (success(), 25));
        let values: Vec<i32> = entries.iter().copied().filter(|entry| *entry >= 1000).collect();
        assert_eq!(values, (1000..1020).collect::<Vec<i32>>());
    }
}

/// Its own signal and `sa_mask` are blocked in it, and what it changes ends with it.
fn a_handler_has_a_mask_of_its_own() {
    fn handler(signal: Signal) {
        blocked().iter().for_each(|member| log(member.as_raw()));
        if blocked().iter().map(Signal::as_raw).ne(kernel_mask_without_allocation()) {
            log(-9);
        }
        let before = signal::unblock(SIGHUP | signal);
        signal::block(SIGUSR2);
        std::mem::forget(BlockGuard::new(SIGTERM));
        log(before.len() as i32);
        log(blocked().len() as i32);
    }
    /// The mask without the crate.
    fn kernel_mask_without_allocation() -> impl Iterator<Item = i32> {
        // SAFETY: a set made of zeros, which the call fills.
        let set = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set);
            set
        };
        // SAFETY: a whole set.
        (1..=64).filter(move |number| unsafe { libc::sigismember(&set, *number) } == 1)
    }
    for flags in [Flags::empty(), Flags::NODEFER] {
        let (status, entries) = same_as_a_block(|enter| {
            // SAFETY: masks and atomics.
            let action =
                Action::new(unsafe { Handler::new(handler) }).block(SIGHUP | SIGTERM).flags(flags);
            install(SIGUSR1, action).unwrap();
            let outside = BlockGuard::new(SIGCONT);
            let region = enter();
            raise(SIGUSR1).unwrap();
            drop(region);
            assert_eq!((blocked(), kernel_mask()), (SIGCONT.into(), vec![SIGCONT.as_raw()]));
            drop(outside);
            assert_eq!(kernel_mask(), []);
        });
        let mut mask: Vec<i32> = vec![SIGHUP.as_raw(), SIGTERM.as_raw(), SIGCONT.as_raw()];
        mask.extend(Some(SIGUSR1.as_raw()).filter(|_| flags.is_empty()));
        mask.sort_unstable();
        mask.extend([mask.len() as i32, 3]);
        assert_eq!((status, entries), (success(), mask));
    }
}

/// It continues, with what arrives in it and what is pending.
fn a_section_that_a_handler_leaves_open_continues() {
    for with_one_pending in [false, true] {
        let (status, entries) = same_as_a_block(|enter| {
            install(SIGUSR1, logging()).unwrap();
            // SAFETY: opening a section is async-signal-safe.
            let leaves_open = unsafe {
                Handler::new(|_| {
                    std::mem::forget(DeferGuard::new());
                    log(1000);
                })
            };
            install(SIGUSR2, leaves_open).unwrap();
            let region = enter();
            if with_one_pending {
                raise(SIGUSR1).unwrap();
            }
            raise(SIGUSR2).unwrap();
            drop(region);
            assert_eq!(blocked(), SignalSet::empty(), "the mask is the program's");
            raise(SIGUSR1).unwrap();
            // In the section that was left open.
            drop(DeferGuard::new());
            drop(UnblockGuard::new(SIGUSR1));
            assert!(pending().contains(SIGUSR1));
            assert_eq!(blocked(), SignalSet::empty());
        });
        assert_eq!((status, entries), (success(), vec![1000]));
    }
}

/// It ends before the handler does, and what arrived in it is handled before that.
fn a_section_in_a_handler_at_the_end_of_a_section_ends_there() {
    fn handler(_: Signal) {
        let section = DeferGuard::new();
        let _ = raise(SIGUSR2);
        log(1);
        drop(section);
        log(2);
        let block = BlockGuard::new(SIGUSR2);
        let _ = raise(SIGUSR2);
        log(3);
        drop(block);
        log(4);
    }
    let (status, entries) = same_as_a_block(|enter| {
        // SAFETY: sections, raise and atomics are async-signal-safe.
        install(SIGUSR1, unsafe { Handler::new(handler) }).unwrap();
        install(SIGUSR2, logging()).unwrap();
        let region = enter();
        raise(SIGUSR1).unwrap();
        drop(region);
    });
    let other = SIGUSR2.as_raw();
    assert_eq!((status, entries), (success(), vec![1, other, 2, 3, other, 4]));
}

/// Ignored while it is pending, waited for, stopped and continued.
fn what_is_pending_is_the_kernels() {
    let (status, entries) = same_as_a_block(|enter| {
        for signal in SIGUSR1 | SIGUSR2 | SIGTSTP | SIGCONT {
            install(signal, logging()).unwrap();
        }
        let region = enter();
        raise(SIGUSR1).unwrap();
        install(SIGUSR1, Handler::Ignore).unwrap();
        assert!(!pending().contains(SIGUSR1));
        install(SIGUSR1, logging()).unwrap();
        raise(SIGUSR2).unwrap();
        assert_eq!(SignalSet::from(SIGUSR2).wait().unwrap().signal(), SIGUSR2);
        assert!(SignalSet::from(SIGUSR2).wait_timeout(Duration::ZERO).unwrap().is_none());
        raise(SIGTSTP).unwrap();
        assert_eq!(pending(), SIGTSTP.into());
        raise(SIGCONT).unwrap();
        assert_eq!(pending(), SIGCONT.into());
        raise(SIGTSTP).unwrap();
        assert_eq!(pending(), SIGTSTP.into());
        drop(region);
    });
    assert_eq!((status, entries), (success(), vec![SIGTSTP.as_raw()]));
}

/// The handlers of one thread run one after the other; a child that is forked in between inherits
/// nothing that is pending.
fn a_child_that_a_handler_forks_inherits_nothing_pending() {
    fn fork(_: Signal) {
        log(2);
        // SAFETY: on Linux, in a process with one thread, as good as any system call; the child
        // ends when its own handlers have run.
        unsafe {
            let child = libc::fork();
            if child > 0 {
                libc::waitpid(child, std::ptr::null_mut(), 0);
            } else {
                log(if pending().is_empty() { 3 } else { -1 });
                libc::_exit(0);
            }
        }
    }
    let (status, entries) = same_as_a_block(|enter| {
        // SAFETY: as above. SIGUSR1 waits while it runs.
        install(SIGUSR2, Action::new(unsafe { Handler::new(fork) }).block(SIGUSR1)).unwrap();
        install(SIGUSR1, logging()).unwrap();
        let region = enter();
        raise(SIGUSR2).unwrap();
        raise(SIGUSR1).unwrap();
        drop(region);
        raise(SIGUSR2).unwrap();
    });
    assert_eq!((status, entries), (success(), vec![2, 3, SIGUSR1.as_raw(), 2, 3]));
}

/// After the first arrival of a handler of this crate, a section is a block for everybody.
fn after_an_arrival_everything_waits() {
    extern "C" fn foreign(number: libc::c_int) {
        log(number);
    }
    let (status, entries) = same_as_a_block(|enter| {
        install(SIGUSR1, logging()).unwrap();
        raw::set(SIGUSR2, foreign as raw::Plain as usize, 0, &[]);
        let region = enter();
        raise(SIGUSR1).unwrap();
        raise(SIGUSR2).unwrap();
        raise(SIGTERM).unwrap();
        assert_eq!(pending(), SIGUSR1 | SIGUSR2 | SIGTERM);
        assert!(!common::pause(1), "no system call is interrupted");
        log(0);
        install(SIGTERM, logging()).unwrap();
        drop(region);
    });
    // The kernel takes them in the order of their numbers, and the last that it takes runs first.
    let expected = [SIGTERM, SIGUSR2, SIGUSR1].map(Signal::as_raw);
    assert_eq!((status, entries), (success(), [&[0][..], &expected].concat()));
}

/// A handler with SA_SIGINFO that was there before a self-pipe reads and changes the context of
/// what was interrupted.
#[cfg(has_ucontext_mask)]
fn a_foreign_handler_under_a_pipe_gets_the_context() {
    extern "C" fn foreign(
        number: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: what the kernel passed, of which the kernel's part of the mask is used.
        unsafe {
            let context = &mut *context.cast::<libc::ucontext_t>();
            let mask = std::ptr::addr_of_mut!(context.uc_sigmask).cast::<u64>();
            log(number + (*info).si_code);
            #[cfg(target_arch = "x86_64")]
            {
                let stack = context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
                let here = std::ptr::addr_of!(mask) as usize;
                log(i32::from(here < stack && stack - here < 1 << 16));
                log(i32::from(context.uc_mcontext.gregs[libc::REG_RIP as usize] != 0));
            }
            log(mask.read_unaligned() as i32);
            // Bit n−1 of a word of 64 bits on a little-endian machine.
            mask.write_unaligned(mask.read_unaligned() | 1 << (SIGTERM.as_raw() - 1));
        }
    }
    common::needs(cfg!(target_endian = "little"), "the mask of a context is read by hand");
    let (status, entries) = same_as_a_block(|enter| {
        raw::set(SIGUSR1, foreign as raw::WithInfo as usize, libc::SA_SIGINFO, &[]);
        let pipe = signal::SelfPipe::new(SIGUSR1).unwrap();
        let _outside = BlockGuard::new(SIGHUP);
        let region = enter();
        raw::send_to_self(SIGUSR1);
        drop(region);
        assert_eq!((pipe.pending(), blocked()), (SIGUSR1.into(), SIGHUP | SIGTERM));
    });
    let read = if cfg!(target_arch = "x86_64") { vec![1; 2] } else { vec![] };
    assert_eq!((status, entries), (success(), [vec![SIGUSR1.as_raw()], read, vec![1]].concat()));
}

#[cfg(not(has_ucontext_mask))]
fn a_foreign_handler_under_a_pipe_gets_the_context() {
    needs_deferral();
}

/// It shares the memory of its parent, not the mask nor what is pending.
fn a_vfork_child_in_the_region_leaves_the_parent_alone() {
    extern "C" {
        fn vfork() -> libc::pid_t;
    }
    #[inline(never)]
    fn in_vfork_child(body: fn()) {
        // SAFETY: the child makes system calls, leaves variables as they were, and does not return.
        let child = unsafe {
            let child = vfork();
            if child == 0 {
                body();
                libc::_exit(0);
            }
            child
        };
        assert_eq!(common::wait_for(Pid::from_raw(child).expect("vfork")), success());
    }
    let bodies: [fn(); 4] = [
        || {
            // With guards, which it undoes.
            let unblock = UnblockGuard::new(SIGUSR1 | SIGHUP);
            raw::send_to_self(SIGUSR1);
            drop(unblock);
        },
        || {
            // As C does it, and then signals come.
            let none = SignalSet::empty().to_raw();
            // SAFETY: a whole set.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut()) };
            raw::send_to_self(SIGUSR2);
            raw::send_to_self(SIGUSR1);
        },
        || {
            signal::set_blocked(SIGTERM);
            raw::send_to_self(SIGUSR1);
        },
        || drop(DeferGuard::new()),
    ];
    for body in bodies {
        for arrives in [false, true] {
            needs_deferral();
            let entries = REGIONS.map(|enter| {
                // SAFETY: made of atomics, for which zero is valid.
                let memory = unsafe { load::shared::<Log>() };
                LOG.store(memory as *const Log as *mut Log, SeqCst);
                common::in_child(|| {
                    install(SIGUSR1, logging()).unwrap();
                    install(SIGUSR2, logging()).unwrap();
                    let _outside = BlockGuard::new(SIGHUP);
                    let region = enter();
                    if arrives {
                        raise(SIGUSR1).unwrap();
                    }
                    in_vfork_child(body);
                    memory.len.store(0, SeqCst);
                    assert_eq!(pending().contains(SIGUSR1), arrives);
                    drop(region);
                    assert_eq!(
                        (kernel_mask(), pending()),
                        (vec![SIGHUP.as_raw()], SignalSet::empty())
                    );
                });
                memory.len.load(SeqCst)
            });
            assert_eq!(entries, [usize::from(arrives); 2]);
        }
    }
}

tests! {
    a_one_shot_handler_stays_one_when_another_is_replaced,
    a_one_shot_handler_takes_one_of_two_arrivals,
    the_order_is_the_kernels,
    a_handler_has_a_mask_of_its_own,
    a_section_that_a_handler_leaves_open_continues,
    a_section_in_a_handler_at_the_end_of_a_section_ends_there,
    what_is_pending_is_the_kernels,
    a_child_that_a_handler_forks_inherits_nothing_pending,
    after_an_arrival_everything_waits,
    a_foreign_handler_under_a_pipe_gets_the_context,
    a_vfork_child_in_the_region_leaves_the_parent_alone,
}
