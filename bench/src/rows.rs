//! The rows of the table.

use crate::counts;
use crate::groups::{self, Settings};
use crate::report::{Cell, Row, Target, Unit};
use crate::stats::Samples;
use std::path::Path;
use std::time::Instant;

fn most(against: &'static str, limit: f64) -> Target {
    Target { against, limit, at_least: false }
}

/// The cells of a row: peer, and which of the group's contestants stands for it.
fn cells(samples: &[Samples], whos: &[(&'static str, &str)]) -> Vec<Cell> {
    let cell = |(peer, who): &(&'static str, &str)| {
        let found = samples.iter().find(|samples| samples.who == *who).expect("a contestant");
        let samples = Samples { who: found.who.clone(), values: found.values.clone() };
        Cell { peer, samples, counts: None }
    };
    whos.iter().map(cell).collect()
}

/// Everybody who stands for itself.
fn all_cells(samples: &[Samples]) -> Vec<Cell> {
    let peers = crate::report::PEERS.iter().filter(|peer| samples.iter().any(|it| it.who == **peer));
    let whos: Vec<_> = peers.map(|peer| (*peer, *peer)).collect();
    cells(samples, &whos)
}

const NO_SIGNALS: (&str, &str) = ("rustix", "sets no handlers");
const NO_HANDLER: (&str, &str) = ("tokio", "no handlers: streams");
const NO_HANDLER_EITHER: (&str, &str) = ("async-signal", "no handlers: streams");
const ONCE: (&str, &str) = ("ctrlc", "once in a process");
const ON_THREAD: (&str, &str) = ("ctrlc", "calls on a thread");
const NO_MASKS: (&str, &str) = ("*", "no masks");
const NO_REAPING: (&str, &str) = ("*", "does not reap any child");

pub fn all(settings: &Settings, root: &Path, target: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let start = Instant::now();
    let progress = |what: &str| eprintln!("bench: {what} (after {} s)", start.elapsed().as_secs());
    // Counted beside the clock, from the same code.
    let in_process = |group: &str, whos: Option<&[(&'static str, &str)]>, samples: &[Samples]| {
        let mut cells = whos.map_or_else(|| all_cells(samples), |whos| self::cells(samples, whos));
        for cell in &mut cells {
            cell.counts = counts::count(group, &cell.samples.who, target);
        }
        cells
    };
    // First those that fork.
    progress("first install");
    let first = groups::first_install(settings);
    progress("latency");
    let (latency, latency99) = groups::latency(settings);
    progress("reaping");
    let reaping: Vec<Vec<Samples>> = [0, 10, 100, 1000].map(|live| groups::reap(settings, live)).into();
    progress("echo server");
    let echo = groups::echo(settings, root, target);
    progress("delivery with and without the feature");
    let feature = groups::feature(settings, root, target);
    progress("operations");
    let measure = |group: &str| groups::in_process(settings, group);
    let [install, query, raise, block, hit, pipe, burst] =
        ["install", "query", "raise", "block", "hit", "pipe", "burst"].map(measure);
    progress("builds");
    let cost = groups::build_cost(settings, root, target);
    progress("counts");

    let row =
        |id, title, unit, cells| Row { id, title, unit, cells, targets: Vec::new(), cannot: &[], note: None };
    rows.push(Row {
        targets: vec![most("raw", 1.02)],
        cannot: &[NO_SIGNALS, NO_HANDLER, NO_HANDLER_EITHER, ONCE],
        note: Some("signal-hook adds an action to its own table and takes it away again: its handler stays, and after the first time there is no system call. The library makes a `struct sigaction` of the `Action` and an `Action` of the old one, 152 bytes each, and keeps the targets of `Flag` and `Count`: these are the instructions that it has more than raw libc."),
        ..row("install", "install a handler", Unit::Nanoseconds, in_process("install", None, &install))
    });
    rows.push(Row {
        cannot: &[NO_SIGNALS],
        note: Some("Each in a fresh process, where tokio and async-signal set up their pipes, and ctrlc starts its thread."),
        ..row("first", "install, the first time in a process", Unit::Nanoseconds, all_cells(&first))
    });
    rows.push(Row {
        cannot: &[NO_SIGNALS, ("*", "cannot ask")],
        ..row("query", "query a disposition", Unit::Nanoseconds, in_process("query", None, &query))
    });
    rows.push(Row {
        targets: vec![most("raw", 1.03)],
        cannot: &[NO_SIGNALS, NO_HANDLER, NO_HANDLER_EITHER, ON_THREAD],
        ..row("raise", "raise, and the handler has run", Unit::Nanoseconds, in_process("raise", None, &raise))
    });
    rows.push(Row {
        targets: vec![most("raw", 1.03)],
        note: Some("Here `raw libc` is the library without the feature `defer`: what the feature costs those who do not use it, in two builds of one program."),
        ..row("feature", "the same, with the feature `defer` and without", Unit::Nanoseconds,
            cells(&feature, &[("raw", "off"), ("posix-signal", "on")]))
    });
    rows.push(Row {
        targets: vec![most("raw", 1.03)],
        ..row(
            "feature-used",
            "the same, after a `DeferGuard` was used",
            Unit::Nanoseconds,
            cells(&feature, &[("raw", "off"), ("posix-signal", "on, after a section")]),
        )
    });
    rows.push(Row {
        targets: vec![most("raw", 1.0)],
        cannot: &[NO_SIGNALS],
        note: Some("From `kill` on another thread to the reader's return; each round in a process of its own. nix reads a signalfd, tokio and async-signal run an executor, ctrlc's reader is the handler on its thread. The library asks for the pid once in the handler and once in the reader, a few hundredths of the median; the 99th percentile is mostly what the machine does beside, as its quartiles show."),
        ..row("latency", "wake-up of a sleeping reader, median", Unit::Nanoseconds, all_cells(&latency))
    });
    rows.push(Row {
        targets: vec![most("raw", 1.0)],
        cannot: &[NO_SIGNALS],
        ..row("latency99", "the same, 99th percentile", Unit::Nanoseconds, all_cells(&latency99))
    });
    let guards = [("raw", "raw"), ("posix-signal", "posix-signal"), ("nix", "nix")];
    let deferred = [("raw", "raw"), ("posix-signal", "DeferGuard")];
    rows.push(Row {
        targets: vec![most("raw", 1.02)],
        cannot: &[NO_MASKS],
        note: Some("The old mask is zeroed first, for the C library writes 8 of its 128 bytes; and with the feature `defer` each change asks whether there has ever been a section."),
        ..row(
            "block",
            "block and restore (`BlockGuard`)",
            Unit::Nanoseconds,
            in_process("block", Some(&guards), &block),
        )
    });
    rows.push(Row {
        targets: vec![most("raw", 0.01)],
        cannot: &[("*", "no such thing")],
        ..row(
            "defer",
            "deferred section (`DeferGuard`), against block and restore",
            Unit::Nanoseconds,
            in_process("block", Some(&deferred), &block),
        )
    });
    rows.push(Row {
        cannot: &[NO_MASKS],
        ..row(
            "hit-block",
            "`BlockGuard` hit by a signal",
            Unit::Nanoseconds,
            in_process("hit", Some(&guards), &hit),
        )
    });
    rows.push(Row {
        cannot: &[("*", "no such thing")],
        note: Some("The price of a section that costs nothing when no signal comes: four system calls more, and sets of signals that are built and compared one signal at a time through the C library, which are most of the instructions."),
        ..row(
            "hit-defer",
            "`DeferGuard` hit by a signal, against block and restore",
            Unit::Nanoseconds,
            in_process("hit", Some(&deferred), &hit),
        )
    });
    rows.push(Row {
        targets: vec![most("signal-hook", 0.65)],
        cannot: &[NO_SIGNALS, ("ctrlc", "no pipe to read")],
        note: Some("Most of it is the raising, which all have in common (see above). Beyond it the library has two `getpid`, one in the handler and one in the reader, which keep a forked child away from its parent's pipe."),
        ..row(
            "pipe",
            "self-pipe: one signal, raised and read",
            Unit::Nanoseconds,
            in_process("pipe", None, &pipe),
        )
    });
    let whos = ["posix-signal", "signal-hook", "nix", "tokio", "async-signal"].map(|who| (who, who));
    let mut against_nothing = vec![("raw", "nothing")];
    against_nothing.extend(whos);
    rows.push(Row {
        targets: vec![most("raw", 1.10)],
        cannot: &[NO_SIGNALS, ("ctrlc", "no pipe to read")],
        note: Some("Here `raw libc` is a handler that does nothing, and nobody who reads."),
        ..row(
            "burst",
            "1,000 signals, then one look",
            Unit::Nanoseconds,
            in_process("burst", Some(&against_nothing), &burst),
        )
    });
    rows.push(Row {
        cannot: &[("*", "see above")],
        ..row(
            "burst-pipe",
            "the same against a raw self-pipe",
            Unit::Nanoseconds,
            in_process("burst", Some(&[("raw", "raw"), ("posix-signal", "posix-signal")]), &burst),
        )
    });
    let any = [("raw", "raw"), ("posix-signal", "posix-signal"), ("nix", "nix"), ("rustix", "rustix")];
    let usage = [("raw", "raw wait4"), ("posix-signal", "posix-signal")];
    let by_pid = [("raw", "raw by pid"), ("posix-signal", "by pid")];
    rows.push(Row {
        targets: vec![most("raw", 1.02)],
        cannot: &[NO_REAPING],
        note: Some("The library always learns what the child used, which costs the kernel more than `waitpid` without it; the next row compares like with like. While others live, the kernel looks at each of them until it finds one that has ended, whoever asks: only reaping by pid does not depend on their number."),
        ..row("reap", "reap 10,000 children, each", Unit::Nanoseconds, cells(&reaping[0], &any))
    });
    rows.push(Row {
        targets: vec![most("raw", 1.02)],
        cannot: &[("*", "no resource usage")],
        note: Some("`raw libc` calls `wait4`, as the library does: both learn what the child used."),
        ..row("reap-usage", "the same, with resource usage", Unit::Nanoseconds, cells(&reaping[0], &usage))
    });
    let titles = [
        ("reap-10", "reap any child while 10 live, each"),
        ("reap-100", "… while 100 live"),
        ("reap-1000", "… while 1,000 live"),
    ];
    for ((id, title), samples) in titles.into_iter().zip(&reaping[1..]) {
        rows.push(Row {
            targets: vec![most("raw", 1.02)],
            cannot: &[NO_REAPING],
            ..row(id, title, Unit::Nanoseconds, cells(samples, &any))
        });
    }
    let titles = [
        ("reap-pid-10", "reap one child by its pid while 10 live"),
        ("reap-pid-100", "… while 100 live"),
        ("reap-pid-1000", "… while 1,000 live"),
    ];
    for ((id, title), samples) in titles.into_iter().zip(&reaping[1..]) {
        rows.push(Row {
            targets: vec![most("raw", 1.02)],
            cannot: &[("*", "not measured")],
            ..row(id, title, Unit::Nanoseconds, cells(samples, &by_pid))
        });
    }
    let flat = |who: &str| {
        let of =
            |group: usize| reaping[group].iter().find(|samples| samples.who == who).expect("a contestant");
        let cell = |peer, group: usize| {
            let samples = Samples { who: who.to_owned(), values: of(group).values.clone() };
            Cell { peer, samples, counts: None }
        };
        vec![cell("raw", 1), cell("posix-signal", 3)]
    };
    rows.push(Row {
        targets: vec![most("raw", 1.02)],
        cannot: &[("*", "not measured")],
        note: Some("Here both columns are the library: on the left while 10 children live, on the right while 1,000 do."),
        ..row("flat-pid", "reap by pid, 1,000 living children against 10", Unit::Nanoseconds, flat("by pid"))
    });
    rows.push(Row {
        cannot: &[("*", "not measured")],
        ..row("flat-any", "the same, reap any", Unit::Nanoseconds, flat("posix-signal"))
    });
    rows.push(Row {
        targets: vec![Target { against: "raw", limit: 0.98, at_least: true }],
        cannot: &[("*", "no such server")],
        note: Some("Here `raw libc` is bench/echo_server.c: the same server in C. More is better. For each connection it makes 27 system calls and the library's 40, of which eight are the asking for and putting back of four dispositions when the child drops its `SelfPipe`."),
        ..row("echo", "echo server, connections a second", Unit::PerSecond, all_cells(&echo))
    });
    rows.push(Row {
        targets: vec![most("signal-hook", 0.7), most("nix", 0.5)],
        cannot: &[NO_SIGNALS],
        note: Some("libc, which all of them need, already takes longer than either target leaves: see the first column. What the library adds is nearly all its own code, which takes about as long as libc's (`cargo build --timings`)."),
        ..row("build", "clean build of a program that depends on it", Unit::Seconds, all_cells(&cost.seconds))
    });
    rows.push(Row {
        cannot: &[NO_SIGNALS],
        ..row("crates", "crates that it brings along, itself included", Unit::Crates, all_cells(&cost.crates))
    });
    rows.push(Row {
        cannot: &[NO_SIGNALS],
        note: Some("Linked statically with glibc and std, which are most of it."),
        ..row(
            "size",
            "stripped static program that installs one handler",
            Unit::Bytes,
            all_cells(&cost.bytes),
        )
    });
    rows
}
