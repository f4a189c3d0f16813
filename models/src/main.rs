//! Models of what runs at the same time: the library's source on a machine (`machine`) that tries
//! every order of events with few preemptions, and others by chance.

mod chain;
mod pipe;
mod process;

use machine::explore;
use model_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// A name, the number of preemptions up to which every order is tried, and what holds in each.
type Model = (&'static str, usize, fn());

const ORDER: Ordering = Ordering::SeqCst;

/// For the models; each run finds them as they stand here.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static OTHER: AtomicUsize = AtomicUsize::new(0);
static FLAG: AtomicBool = AtomicBool::new(false);

fn count() -> usize {
    COUNT.load(ORDER)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let all = arguments.iter().any(|argument| argument == "--all");
    let chosen: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    let models = [pipe::MODELS, process::MODELS, chain::MODELS].concat();
    for (name, preemptions, model) in models {
        if chosen.is_empty() || chosen.iter().any(|part| name.contains(part.as_str())) {
            let start = Instant::now();
            println!("{name}");
            let runs = match all {
                false => explore(preemptions, 200, model),
                true => explore(preemptions + 1, 20_000, model),
            };
            println!("  held in {runs} runs, {:.1} s", start.elapsed().as_secs_f64());
        }
    }
}
