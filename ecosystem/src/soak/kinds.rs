//! Which signal is used for what.

use libc::c_int;
use signal::{Signal, SignalSet};

/// One sender at a time, which sends the next when this one was heard: none merges.
pub const ACKNOWLEDGED: [Signal; 6] = [
    signal::SIGHUP,
    signal::SIGQUIT,
    signal::SIGUSR2,
    signal::SIGURG,
    signal::SIGWINCH,
    signal::SIGIO,
];

/// In crowds, without a look back. Not SIGCONT, which discards those that stop.
pub const CROWDED: [Signal; 8] = [
    signal::SIGINT,
    signal::SIGTERM,
    signal::SIGTSTP,
    signal::SIGTTIN,
    signal::SIGTTOU,
    signal::SIGXCPU,
    signal::SIGPIPE,
    signal::SIGXFSZ,
];

/// Counted by handlers that come and go: sent by others one at a time, and by the process itself.
pub const COUNTED: Signal = signal::SIGPROF;
pub const RAISED: Signal = signal::SIGVTALRM;

/// Realtime signals: the first ones for a pipe with a queue, one to wait for, one for a signalfd.
pub const QUEUED: u32 = 4;

pub fn realtime(offset: u32) -> Signal {
    Signal::realtime(offset).expect("Linux has 30 of them")
}

pub fn queued() -> SignalSet {
    (0..QUEUED).map(realtime).collect()
}

pub fn waited() -> Signal {
    realtime(QUEUED)
}

pub fn of_fd() -> Signal {
    realtime(QUEUED + 1)
}

pub fn is_realtime(kind: c_int) -> bool {
    Signal::from_raw(kind).is_some_and(Signal::is_realtime)
}

pub fn is_acknowledged(kind: c_int) -> bool {
    kind == COUNTED.as_raw() || ACKNOWLEDGED.iter().any(|signal| signal.as_raw() == kind)
}

/// What the pipe watches whose every report is accounted for.
pub fn piped() -> SignalSet {
    let of_children = signal::SIGCHLD | signal::SIGALRM;
    of_children | SignalSet::from(&ACKNOWLEDGED[..]) | SignalSet::from(&CROWDED[..])
}
