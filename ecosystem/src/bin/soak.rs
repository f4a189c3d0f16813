//! Runs the soak: see `--help`.

use ecosystem::soak::{life, run, Count, Ledger, COUNTS};
use std::process::exit;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

const HELP: &str = "\
One process after another in a crowd of senders, and an account of what it heard.

  --seconds N   begins no other after so long (default 120)
  --seed N      the seed of the first one; each has the next (default 1)
  --life N      that of this seed alone
  --pause N     milliseconds after each round (default 0)
";

fn refuse(why: &str) -> ! {
    eprintln!("soak: {why}; see --help");
    exit(2)
}

fn print(ledger: &Ledger, start: Instant) {
    println!(
        "after {:.0} s, trail {:016x}:",
        start.elapsed().as_secs_f64(),
        ledger.trail.load(SeqCst)
    );
    COUNTS.iter().for_each(|(count, text)| println!("{:12} {text}", ledger.total(*count)));
}

fn main() {
    let (mut seconds, mut seed, mut one, mut pause) = (120, 1, None, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        if option == "--help" {
            print!("{HELP}");
            return;
        }
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        let value = value.unwrap_or_else(|| refuse(&format!("{option} wants a number")));
        match option.as_str() {
            "--seconds" => seconds = value,
            "--seed" => seed = value,
            "--life" => one = Some(value),
            "--pause" => pause = value,
            unknown => refuse(&format!("unknown option {unknown:?}")),
        }
    }
    let (ledger, start) = (Ledger::new(), Instant::now());
    let result = match one {
        Some(seed) if life(ledger, seed) => Ok(()),
        Some(_) => Err(ledger.wrong.get()),
        None => {
            let (time, pause) = (Duration::from_secs(seconds), Duration::from_millis(pause));
            run(ledger, seed, time, pause, |_| {
                if ledger.total(Count::Lives) % 100 == 0 {
                    print(ledger, start);
                }
            })
        }
    };
    print(ledger, start);
    if let Err(wrong) = result {
        println!("soak: {wrong}");
        exit(1)
    }
    println!("soak: everything is accounted for");
}
