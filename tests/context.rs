//! The interrupted context.

use crate::common::{self, needs, raw, FLAG};
use signal::{install, timer, Action, Context, Handler, Info, Signal, SIGPROF, SIGUSR1};
use std::mem::transmute;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static REGISTERS: [AtomicUsize; 3] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each
    const ZERO: AtomicUsize = AtomicUsize::new(0);
    [ZERO; 3]
};

fn remember(_: Signal, _: &Info, context: &mut Context) {
    let found = [context.instruction_pointer(), context.stack_pointer(), context.frame_pointer()];
    for (register, found) in REGISTERS.iter().zip(found) {
        register.store(found.unwrap_or(0), SeqCst);
    }
    FLAG.store(!context.as_ptr().is_null(), SeqCst);
}

fn registers() -> [usize; 3] {
    [0, 1, 2].map(|index: usize| REGISTERS[index].load(SeqCst))
}

fn the_registers_are_those_of_the_interrupted_code() {
    // SAFETY: atomic stores.
    install(SIGUSR1, unsafe { Handler::with_context(remember) }).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert!(FLAG.load(SeqCst));
    let [instruction, stack, _] = registers();
    if !cfg!(has_registers) {
        assert_eq!(registers(), [0; 3]);
        common::skip("the registers are not known here");
    }
    let here = 0u8;
    let distance = stack.abs_diff(&here as *const u8 as usize);
    assert!(distance < 1 << 16, "{stack:#x} is {distance} bytes from here");
    assert!(instruction > 1 << 12, "{instruction:#x}");
}

/// As the header of the C library has them.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_registers_are_those_of_the_frame() {
    fn compare(_: Signal, _: &Info, context: &mut Context) {
        // SAFETY: what the kernel has passed.
        let saved = unsafe { &(*context.as_ptr().cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        let expected = [libc::REG_RIP, libc::REG_RSP, libc::REG_RBP]
            .map(|it| Some(saved[it as usize] as usize));
        let found =
            [context.instruction_pointer(), context.stack_pointer(), context.frame_pointer()];
        FLAG.store(found == expected, SeqCst);
    }
    // SAFETY: looks at its arguments, and an atomic store.
    install(SIGUSR1, unsafe { Handler::with_context(compare) }).unwrap();
    signal::raise(SIGUSR1).unwrap();
    assert!(FLAG.load(SeqCst));
}

/// Burns processor time, without a call.
#[inline(never)]
extern "C" fn hot(mut x: u64) -> u64 {
    let mut left = 50_000;
    while left > 0 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        left -= 1;
    }
    x
}

/// The same for a hundredth of the time.
#[inline(never)]
extern "C" fn cool(mut x: u64) -> u64 {
    let mut left = 500;
    while left > 0 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        left -= 1;
    }
    x
}

static IN_HOT: AtomicUsize = AtomicUsize::new(0);
static IN_COOL: AtomicUsize = AtomicUsize::new(0);
static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

/// No function of the two is longer.
const LENGTH: usize = 1024;

fn sample(_: Signal, _: &Info, context: &mut Context) {
    let at = context.instruction_pointer().unwrap_or(0);
    let (hot, cool) = (hot as extern "C" fn(u64) -> u64, cool as extern "C" fn(u64) -> u64);
    // That whose start is the nearest below.
    let place = [(hot as usize, &IN_HOT), (cool as usize, &IN_COOL)]
        .into_iter()
        .filter(|(start, _)| *start <= at && at - start < LENGTH)
        .max_by_key(|(start, _)| *start);
    place.map_or(&ELSEWHERE, |(_, count)| count).fetch_add(1, SeqCst);
}

fn a_sampling_profiler_finds_the_hot_function() {
    needs(cfg!(has_registers) && cfg!(has_setitimer), "no registers or no timers here");
    // SAFETY: atomics, and arithmetic on what is on the stack.
    install(SIGPROF, unsafe { Handler::with_context(sample) }).unwrap();
    let tick = Duration::from_millis(1);
    timer::start(timer::Timer::Profile, tick, tick).unwrap();
    // Fewer would prove nothing about their proportions.
    let (mut x, wanted) = (88_172_645_463_325_252, 50);
    common::eventually("enough samples", || {
        // Many times, so that little is spent on looking, which takes system calls.
        x = (0..100).fold(x, |x, _| cool(hot(x)));
        IN_HOT.load(SeqCst) >= wanted
    });
    timer::start(timer::Timer::Profile, Duration::ZERO, Duration::ZERO).unwrap();
    let counts = [&IN_HOT, &IN_COOL, &ELSEWHERE].map(|count| count.load(SeqCst));
    assert!(x != 0 && counts[0] > 4 * (counts[1] + counts[2]), "{counts:?}");
}

/// After a fault, the instruction that failed: the handler continues behind it.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux"))]
fn what_a_handler_changes_is_where_the_code_continues() {
    let skip_ud2 = |_: Signal, _: &Info, context: &mut Context| {
        let at = context.instruction_pointer().unwrap_or(0);
        REGISTERS[0].store(at, SeqCst);
        // SAFETY: the frame of this handler; the instruction has two bytes.
        unsafe {
            let context: *mut libc::ucontext_t = context.as_ptr().cast();
            (*context).uc_mcontext.gregs[libc::REG_RIP as usize] += 2;
        }
    };
    // SAFETY: atomics; the code continues behind the instruction that failed.
    install(signal::SIGILL, unsafe { Handler::with_context(skip_ud2) }).unwrap();
    let expected: usize;
    // SAFETY: notes where the instruction stands; the handler skips it.
    unsafe { std::arch::asm!("lea {}, [rip + 2f]", "2: ud2", out(reg) expected) };
    assert_eq!(REGISTERS[0].load(SeqCst), expected);
}

fn without_a_context_nothing_is_known() {
    // SAFETY: atomic stores.
    install(SIGUSR1, unsafe { Handler::with_context(remember) }).unwrap();
    REGISTERS.iter().for_each(|register| register.store(1, SeqCst));
    FLAG.store(true, SeqCst);
    // SAFETY: the address is that of an entry with SA_SIGINFO, which looks at neither the context
    // nor the siginfo if they are null.
    unsafe {
        let entry: raw::WithInfo = transmute(raw::handler(SIGUSR1));
        entry(SIGUSR1.as_raw(), ptr::null_mut(), ptr::null_mut());
    }
    assert_eq!((registers(), FLAG.load(SeqCst)), ([0; 3], false));
}

/// Also where the frame is on another stack.
#[cfg(has_sa_onstack)]
fn the_stack_pointer_is_not_that_of_the_alternate_stack() {
    needs(cfg!(has_registers), "the registers are not known here");
    let _stack = signal::AltStack::new().unwrap();
    // SAFETY: atomic stores.
    let handler = unsafe { Handler::with_context(remember) };
    install(SIGUSR1, Action::new(handler).flags(signal::Flags::ONSTACK)).unwrap();
    signal::raise(SIGUSR1).unwrap();
    let here = 0u8;
    assert!(registers()[1].abs_diff(&here as *const u8 as usize) < 1 << 16);
}

tests! {
    the_registers_are_those_of_the_interrupted_code,
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    the_registers_are_those_of_the_frame,
    a_sampling_profiler_finds_the_hot_function,
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux"))]
    what_a_handler_changes_is_where_the_code_continues,
    without_a_context_nothing_is_known,
    #[cfg(has_sa_onstack)]
    the_stack_pointer_is_not_that_of_the_alternate_stack,
}
