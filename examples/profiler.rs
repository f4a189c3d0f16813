//! A sampling profiler: SIGPROF interrupts the program a thousand times a second of processor time,
//! and the handler notes where it was.

use signal::timer::{self, Timer};
use signal::{install, Context, Handler, Info, Result, Signal, SIGPROF};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const ROOM: usize = 10_000;
#[allow(clippy::declare_interior_mutable_const)] // the initial value of each sample
const NONE: AtomicUsize = AtomicUsize::new(0);
static SAMPLES: [AtomicUsize; ROOM] = [NONE; ROOM];
static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn sample(_: Signal, _: &Info, context: &mut Context) {
    let number = TAKEN.fetch_add(1, Relaxed);
    if let (Some(sample), Some(place)) = (SAMPLES.get(number), context.instruction_pointer()) {
        sample.store(place, Relaxed);
    }
}

/// Pseudo-random numbers (xorshift), without a call.
#[inline(never)]
fn shift(mut x: u64, mut rounds: u32) -> u64 {
    while rounds > 0 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        rounds -= 1;
    }
    x
}

/// A sum of digits, without a call.
#[inline(never)]
fn digits(mut x: u64) -> u64 {
    let mut sum = 0;
    while x > 0 {
        sum += x % 10;
        x /= 10;
    }
    sum
}

/// The name of the function that holds this address: that which begins nearest below it.
fn function_at(place: usize, functions: &[(&'static str, usize)]) -> &'static str {
    let below = functions.iter().filter(|(_, start)| *start <= place && place - start < 1024);
    below.max_by_key(|(_, start)| *start).map_or("elsewhere", |(name, _)| name)
}

fn main() -> Result<()> {
    if std::env::args().len() > 1 {
        println!("usage: profiler");
        return Ok(());
    }
    // SAFETY: atomics.
    install(SIGPROF, unsafe { Handler::with_context(sample) })?;
    let tick = Duration::from_millis(1);
    let before = timer::start(Timer::Profile, tick, tick)?;
    let (mut x, mut sum) = (88_172_645_463_325_252, 0);
    while TAKEN.load(Relaxed) < 100 {
        x = shift(x, 10_000);
        sum += digits(x);
    }
    timer::start(Timer::Profile, before.left, before.interval)?;

    let functions = [
        ("shift", shift as fn(u64, u32) -> u64 as usize),
        ("digits", digits as fn(u64) -> u64 as usize),
    ];
    let taken = TAKEN.load(Relaxed).min(ROOM);
    println!("{taken} samples (the program computed {sum})");
    for name in ["shift", "digits", "elsewhere"] {
        let in_it = |sample: &&AtomicUsize| function_at(sample.load(Relaxed), &functions) == name;
        let count = SAMPLES[..taken].iter().filter(in_it).count();
        println!("{:3} % {name}", count * 100 / taken);
    }
    Ok(())
}
