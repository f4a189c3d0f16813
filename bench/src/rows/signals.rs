//! Handlers, masks and self-pipes.

use super::*;
use Source::{Feature, FirstInstall, Latency, Operation};
use Unit::Nanoseconds;

const GUARDS: &[(&str, &str)] = &[("raw", "raw"), ("posix-signal", "posix-signal"), ("nix", "nix")];
const SIGNAL_FD: &[(&str, &str)] = &[("raw", "raw"), ("posix-signal", "SignalFd"), ("nix", "nix")];
const DEFERRED: &[(&str, &str)] = &[("raw", "posix-signal"), ("posix-signal", "DeferGuard")];

pub static ROWS: &[Spec] = &[
    Spec {
        targets: &[at_most("raw", 1.02)],
        absent: &[NO_SIGNALS, NO_HANDLER, NO_HANDLER_EITHER, ("ctrlc", "once in a process")],
        note: Some(
            "signal-hook adds an action to its own table and removes it again: its handler stays, \
             and after the first time there is no system call. The library returns the \
             old action decoded; it fills in fewer bytes of the C structure than the obvious code.",
        ),
        ..row("install", "install a handler", Nanoseconds, Operation("install"))
    },
    Spec {
        absent: &[NO_SIGNALS],
        note: Some(
            "Each in a fresh process, where tokio and async-signal set up their pipes, and ctrlc \
             starts its thread.",
        ),
        ..row("first", "install, the first time in a process", Nanoseconds, FirstInstall)
    },
    Spec {
        absent: &[NO_SIGNALS, ("*", "cannot ask")],
        ..row("query", "query a disposition", Nanoseconds, Operation("query"))
    },
    Spec {
        targets: &[at_most("raw", 1.03)],
        absent: &[NO_SIGNALS, NO_HANDLER, NO_HANDLER_EITHER, ("ctrlc", "calls on a thread")],
        ..row("raise", "raise, and the handler has run", Nanoseconds, Operation("raise"))
    },
    Spec {
        cells: &[("raw", "off"), ("posix-signal", "on")],
        targets: &[at_most("raw", 1.03)],
        note: Some(
            "Here `raw libc` is the library without the feature `defer`: what the feature costs \
             programs that do not use it, in two builds of one program.",
        ),
        ..row("feature", "the same, with the feature `defer` and without", Nanoseconds, Feature)
    },
    Spec {
        cells: &[("raw", "off"), ("posix-signal", "on, after a section")],
        targets: &[at_most("raw", 1.03)],
        ..row("feature-used", "the same, after a `DeferGuard` was used", Nanoseconds, Feature)
    },
    Spec {
        targets: &[at_most("raw", 1.0)],
        absent: &[NO_SIGNALS],
        note: Some(
            "From `kill` on another thread to the reader's return; each round in a process of its \
             own. nix reads a signalfd, tokio and async-signal run an executor, ctrlc's reader is \
             the handler on its thread. The 99th percentile is mostly the work of other processes, \
             as its quartiles show.",
        ),
        ..row("latency", "wake-up of a sleeping reader, median", Nanoseconds, Latency)
    },
    Spec {
        cells: &[
            ("raw", "raw, 99th"),
            ("posix-signal", "posix-signal, 99th"),
            ("signal-hook", "signal-hook, 99th"),
            ("nix", "nix, 99th"),
            ("tokio", "tokio, 99th"),
            ("async-signal", "async-signal, 99th"),
            ("ctrlc", "ctrlc, 99th"),
        ],
        targets: &[at_most("raw", 1.0)],
        absent: &[NO_SIGNALS],
        ..row("latency99", "the same, 99th percentile", Nanoseconds, Latency)
    },
    Spec {
        cells: GUARDS,
        targets: &[at_most("raw", 1.01)],
        absent: &[NO_MASKS],
        note: Some("With the feature `defer` each change asks whether the thread is in a section."),
        ..row("block", "block and restore (`BlockGuard`)", Nanoseconds, Operation("block"))
    },
    Spec {
        cells: DEFERRED,
        targets: &[at_most("raw", 0.003)],
        absent: &[NO_SUCH_THING],
        note: Some(
            "Here `raw libc` is the library's `BlockGuard`: two system calls, so the ratio depends \
             on what those cost on the machine.",
        ),
        ..row(
            "defer",
            "deferred section (`DeferGuard`), against a `BlockGuard`",
            Nanoseconds,
            Operation("block"),
        )
    },
    Spec {
        cells: GUARDS,
        absent: &[NO_MASKS],
        ..row("hit-block", "`BlockGuard` hit by a signal", Nanoseconds, Operation("hit"))
    },
    Spec {
        cells: DEFERRED,
        targets: &[at_most("raw", 1.8)],
        absent: &[NO_SUCH_THING],
        note: Some(
            "Here too `raw libc` is the library's `BlockGuard`. The price of a section that costs \
             nothing when no signal comes: the signal is delivered twice. The first time, the \
             library asks whether its own handler is installed, blocks, sends the signal to the \
             thread again and returns; the second time it runs the handler. Nine system calls \
             against six. Valgrind does not honour the mask in a signal frame, so the \
             instructions are counted by stepping instead, in ci/counts: 371.",
        ),
        ..row(
            "hit-defer",
            "`DeferGuard` hit by a signal, against a `BlockGuard` hit",
            Nanoseconds,
            Operation("hit"),
        )
    },
    Spec {
        targets: &[at_most("signal-hook", 0.65)],
        absent: &[NO_SIGNALS, NO_PIPE],
        note: Some(
            "Most of it is raising the signal, which all have in common (see above). Beyond it \
             the library's handler calls `getpid`, to keep a child of `vfork` away from its \
             parent's pipe.",
        ),
        ..row("pipe", "self-pipe: one signal, raised and read", Nanoseconds, Operation("pipe"))
    },
    Spec {
        cells: &[
            ("raw", "nothing"),
            ("posix-signal", "posix-signal"),
            ("signal-hook", "signal-hook"),
            ("nix", "nix"),
            ("tokio", "tokio"),
            ("async-signal", "async-signal"),
        ],
        targets: &[at_most("raw", 1.10)],
        absent: &[NO_SIGNALS, NO_PIPE],
        note: Some("Here `raw libc` is a handler that does nothing, without a reader."),
        ..row("burst", "1,000 signals, then one look", Nanoseconds, Operation("burst"))
    },
    Spec {
        cells: &[("raw", "raw"), ("posix-signal", "posix-signal")],
        absent: &[("*", "see above")],
        ..row("burst-pipe", "the same against a raw self-pipe", Nanoseconds, Operation("burst"))
    },
    Spec {
        cells: SIGNAL_FD,
        targets: &[at_most("raw", 0.47)],
        absent: &[("*", "see above")],
        note: Some(
            "A `SignalFd` takes the signal with `sigtimedwait`, nix's reads the signalfd: one call \
             each, no handler, and the signal is blocked.",
        ),
        ..row(
            "fd-pipe",
            "`SignalFd` against a raw self-pipe: one signal, raised and read",
            Nanoseconds,
            Operation("pipe"),
        )
    },
    Spec {
        cells: SIGNAL_FD,
        targets: &[at_most("raw", 0.40)],
        absent: &[("*", "see above")],
        ..row("fd-burst", "the same, 1,000 signals, then one look", Nanoseconds, Operation("burst"))
    },
    Spec {
        cells: SIGNAL_FD,
        targets: &[at_most("raw", 0.66)],
        absent: &[("*", "see above")],
        ..row("fd-latency", "the same, wake-up of a sleeping reader, median", Nanoseconds, Latency)
    },
];
