//! Children, and programs as a whole.

use super::*;
use Source::{Build, Echo, Reap, ReapGrowth};
use Unit::Nanoseconds;

const ANY: &[(&str, &str)] =
    &[("raw", "raw"), ("posix-signal", "posix-signal"), ("nix", "nix"), ("rustix", "rustix")];
const BY_PID: &[(&str, &str)] = &[("raw", "raw by pid"), ("posix-signal", "by pid")];

const SYSTEM_CALL: &[Target] = &[at_most("raw", 1.02)];

const fn reap_any(id: &'static str, title: &'static str, live: usize) -> Spec {
    Spec {
        cells: ANY,
        targets: SYSTEM_CALL,
        absent: &[("*", "does not reap any child")],
        ..row(id, title, Nanoseconds, Reap(live))
    }
}

const fn reap_by_pid(id: &'static str, title: &'static str, live: usize) -> Spec {
    Spec {
        cells: BY_PID,
        targets: SYSTEM_CALL,
        absent: &[NOT_MEASURED],
        ..row(id, title, Nanoseconds, Reap(live))
    }
}

pub static ROWS: &[Spec] = &[
    Spec {
        note: Some(
            "The library always learns the child's resource usage, which costs the kernel more \
             than `waitpid` without it; the next row compares like with like. While others live, \
             the kernel looks at each of them until it finds one that has ended, for every \
             caller: only reaping by pid does not depend on their number.",
        ),
        ..reap_any("reap", "reap 10,000 children, each", 0)
    },
    Spec {
        cells: &[("raw", "raw wait4"), ("posix-signal", "posix-signal")],
        targets: SYSTEM_CALL,
        absent: &[("*", "no resource usage")],
        note: Some("`raw libc` calls `wait4`, as the library does."),
        ..row("reap-usage", "the same, with resource usage", Nanoseconds, Reap(0))
    },
    reap_any("reap-10", "reap any child while 10 live, each", 10),
    reap_any("reap-100", "… while 100 live", 100),
    reap_any("reap-1000", "… while 1,000 live", 1000),
    reap_by_pid("reap-pid-10", "reap one child by its pid while 10 live", 10),
    reap_by_pid("reap-pid-100", "… while 100 live", 100),
    reap_by_pid("reap-pid-1000", "… while 1,000 live", 1000),
    Spec {
        cells: &[("raw", "by pid, 10 live"), ("posix-signal", "by pid, 1,000 live")],
        targets: SYSTEM_CALL,
        absent: &[NOT_MEASURED],
        note: Some(
            "Here both columns are the library: the left one while 10 children live, the right \
             one while 1,000 do.",
        ),
        ..row("flat-pid", "reap by pid, 1,000 living children against 10", Nanoseconds, ReapGrowth)
    },
    Spec {
        cells: &[("raw", "any, 10 live"), ("posix-signal", "any, 1,000 live")],
        absent: &[NOT_MEASURED],
        ..row("flat-any", "the same, reap any", Nanoseconds, ReapGrowth)
    },
    Spec {
        targets: &[at_least("raw", 0.98)],
        absent: &[("*", "no such server")],
        note: Some(
            "Here `raw libc` is bench/echo_server.c: the same server in C. More is better. For \
             each connection it makes 27 system calls and the library's server 40, eight of which \
             ask for four dispositions and restore them when the child drops its `SelfPipe`.",
        ),
        ..row("echo", "echo server, connections a second", Unit::PerSecond, Echo)
    },
    Spec {
        targets: &[at_most("signal-hook", 0.7), at_most("nix", 0.5)],
        absent: &[NO_SIGNALS],
        note: Some(
            "libc, which all of them need, already takes longer than either target leaves: see \
             the first column and the next row.",
        ),
        ..row(
            "build",
            "clean build of a program that depends on it",
            Unit::Seconds,
            Build(Cost::WallTime),
        )
    },
    Spec {
        absent: &[("raw", "subtracted"), NO_SIGNALS, NOT_MEASURED],
        note: Some(
            "User time of all processes of `cargo build --release`, for an empty program that \
             depends on libc and on the crate, less the same for libc alone in the same round.",
        ),
        ..row(
            "clean-build",
            "what it adds to a clean release build, user time",
            Unit::Seconds,
            Build(Cost::UserTime),
        )
    },
    Spec {
        absent: &[NO_SIGNALS],
        ..row(
            "crates",
            "crates that it brings along, itself included",
            Unit::Crates,
            Build(Cost::Crates),
        )
    },
    Spec {
        absent: &[NO_SIGNALS],
        note: Some("Linked statically with glibc and std, which are most of it."),
        ..row(
            "size",
            "stripped static program that installs one handler",
            Unit::Bytes,
            Build(Cost::Size),
        )
    },
];
