//! Who hears what, in Markdown: measured, not asserted.

use crate::neighbours::NUMBER;
use crate::process::{self, End};
use crate::report::{Report, Worker};
use crate::step::Step;
use crate::world::World;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A name, how it comes, and how it leaves.
type Neighbour = (&'static str, Step, Option<Step>);

const NEIGHBOURS: [Neighbour; 10] = [
    ("signal-hook", Step::Register, Some(Step::Unregister)),
    ("tokio", Step::Listen, Some(Step::Unlisten)),
    ("another version of this crate", Step::Make(2), Some(Step::Drop(2))),
    ("`InstallGuard` with a flag", Step::Guard, Some(Step::Unguard)),
    ("nix `sigaction`, restored", Step::Alone, Some(Step::Unalone)),
    ("C handler that chains, restored", Step::Chains, Some(Step::Unchains)),
    ("C handler that installs itself again", Step::Rearms, None),
    ("C handler with `SA_RESETHAND`", Step::Once, None),
    ("`system`, or who ignores and restores", Step::Save, Some(Step::Restore)),
    ("who saves and restores", Step::Look, Some(Step::Restore)),
];

const COLUMNS: [&str; 8] = [
    "over the pipe",
    "pipe gone",
    "neighbour gone",
    "both gone, pipe first",
    "under the pipe",
    "pipe gone",
    "neighbour gone",
    "both gone, neighbour first",
];

/// The steps before the signal, for each column: `P` and `p` for the pipe, `N` and `n` for the
/// neighbour.
const ORDERS: [&str; 8] = ["PN", "PNp", "PNn", "PNpn", "NP", "NPp", "NPn", "NPnp"];

fn steps(order: &str, (_, join, leave): Neighbour) -> Option<Vec<Step>> {
    let step = |letter| match letter {
        'P' => Some(Step::Make(0)),
        'p' => Some(Step::Drop(0)),
        'N' => Some(join),
        _ => leave,
    };
    order.chars().map(step).collect()
}

fn name(pipe: bool, neighbour: bool) -> &'static str {
    match (pipe, neighbour) {
        (true, true) => "both",
        (true, false) => "pipe",
        (false, true) => "neighbour",
        (false, false) => "nobody",
    }
}

/// Runs that in a child, which names who has heard, or dies of it.
fn measure(worker: &Worker, play: impl FnOnce() -> &'static str) -> String {
    worker.start();
    let end = process::run(|| {
        worker.wrong.set(play());
        0
    });
    match end {
        End::Exit(0) => worker.wrong.get(),
        End::Signal(number) if number == NUMBER || number == libc::SIGINT => "**default**".into(),
        other => format!("{other:?}"),
    }
}

fn play(steps: &[Step]) -> &'static str {
    let mut world = World::default();
    for step in steps.iter().chain(&[Step::Kill]) {
        assert_eq!(world.take(*step), Ok(()));
    }
    let heard = world.heard();
    let counts = [heard.hook, heard.chains, heard.alone, heard.rearms, heard.once];
    name(heard.pipes[0], heard.pipes[2] || heard.flags[0] || heard.listener || counts.contains(&1))
}

static CTRLC: AtomicU32 = AtomicU32::new(0);

/// ctrlc has SIGINT, a thread, and no way to leave.
fn play_ctrlc(order: &str) -> &'static str {
    let mut pipe = None;
    let number = second::SIGINT;
    for letter in order.chars() {
        match letter {
            'P' => pipe = second::SelfPipe::new(number).ok(),
            'p' => pipe = None,
            _ => ctrlc::set_handler(|| {
                CTRLC.fetch_add(1, SeqCst);
            })
            .expect("the first"),
        }
    }
    second::raise(number).expect("sent");
    let deadline = Instant::now() + Duration::from_millis(500);
    while CTRLC.load(SeqCst) == 0 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    name(pipe.is_some_and(|pipe| pipe.pending().contains(number)), CTRLC.load(SeqCst) == 1)
}

/// The whole table: a row for each neighbour, who hears in each order.
pub fn markdown() -> String {
    let worker = &Report::new().workers[0];
    let mut text =
        format!("| neighbour | {} |\n|---|{}\n", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()));
    let mut row = |name: &str, cell: &dyn Fn(&str) -> Option<String>| {
        let cells = ORDERS.map(|order| cell(order).unwrap_or_else(|| "–".into()));
        text += &format!("| {name} | {} |\n", cells.join(" | "));
    };
    for neighbour in NEIGHBOURS {
        row(neighbour.0, &|order| {
            steps(order, neighbour).map(|steps| measure(worker, || play(&steps)))
        });
    }
    row("ctrlc", &|order| (!order.contains('n')).then(|| measure(worker, || play_ctrlc(order))));
    text
}
