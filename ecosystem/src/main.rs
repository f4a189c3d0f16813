//! All sequences up to a length, and others by chance: see `--help`.

use ecosystem::report::Report;
use ecosystem::step::parse;
use ecosystem::{pages, process, random, walk};
use std::process::exit;
use std::time::{Duration, Instant};

const HELP: &str = "\
Company: one signal, and everybody who handles it, in every order.

  --length N     all sequences of up to N steps (default 4)
  --random N     N longer ones by chance (default 0)
  --seed N       by which chance (default 1)
  --seconds N    no more by chance after so long
  --tokio N      all sequences of up to N steps with tokio among fewer others (default 0)
  --jobs N       processes at a time (default: one for each processor)
  --play STEPS   one sequence: --play 'a+ register a- a+ kill'
  --pages        whether the pages in docs/ are what the code says
  --write-pages  makes them so
";

struct Options {
    length: usize,
    random: u64,
    seed: u64,
    seconds: Option<u64>,
    tokio: usize,
    jobs: usize,
}

fn refuse(why: &str) -> ! {
    eprintln!("ecosystem: {why}; see --help");
    exit(2)
}

fn options() -> Options {
    let jobs =
        std::thread::available_parallelism().map_or(1, |processors| processors.get().min(32));
    let mut options = Options { length: 4, random: 0, seed: 1, seconds: None, tokio: 0, jobs };
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let mut value =
            || arguments.next().unwrap_or_else(|| refuse(&format!("{option} wants a value")));
        let number = |text: String| {
            text.parse().unwrap_or_else(|_| refuse(&format!("{text:?} is no number")))
        };
        match option.as_str() {
            "--help" | "-h" => {
                print!("{HELP}");
                exit(0)
            }
            "--pages" | "--write-pages" => match pages::check(option == "--write-pages") {
                Ok(()) => exit(0),
                Err(wrong) => {
                    eprint!("{wrong}");
                    exit(1)
                }
            },
            "--play" => play(&value()),
            "--length" => options.length = number(value()) as usize,
            "--random" => options.random = number(value()),
            "--seed" => options.seed = number(value()),
            "--seconds" => options.seconds = Some(number(value())),
            "--tokio" => options.tokio = number(value()) as usize,
            "--jobs" => options.jobs = (number(value()) as usize).clamp(1, 32),
            unknown => refuse(&format!("unknown option {unknown:?}")),
        }
    }
    options
}

fn play(text: &str) -> ! {
    let steps = parse(text).unwrap_or_else(|| refuse(&format!("{text:?} is no sequence")));
    match random::replay(&steps, &Report::new().workers[0]) {
        Ok(()) => exit(0),
        Err(wrong) => {
            println!("{text}: {wrong}");
            exit(1)
        }
    }
}

fn print(name: &str, report: &Report, start: Instant) {
    println!("{name}: {} sequences in {:.1} s", report.total(), start.elapsed().as_secs_f64());
    report.counts().for_each(|(length, count)| println!("  {count:9} of length {length}"));
    println!("  {:9} failed", report.failed());
    report.shortest().iter().take(40).for_each(|failure| println!("    {failure}"));
}

fn main() {
    process::prepare();
    let options = options();
    let (start, of_all) = (Instant::now(), Report::new());
    if options.length > 0 {
        walk::all(of_all, options.length, options.jobs);
        print("all", of_all, start);
    }
    let (start, by_chance) = (Instant::now(), Report::new());
    if options.random > 0 {
        let until = options.seconds.map(|seconds| start + Duration::from_secs(seconds));
        random::all(by_chance, options.seed, options.random, until, options.jobs);
        print("by chance", by_chance, start);
    }
    let (start, of_tokio) = (Instant::now(), Report::new());
    if options.tokio > 0 {
        random::with_tokio(of_tokio, options.tokio, options.jobs);
        print("with tokio", of_tokio, start);
    }
    exit(i32::from(of_all.failed() + by_chance.failed() + of_tokio.failed() > 0));
}
