//! How a process ended, for the log.

use signal::child::Exited;
use std::time::Duration;

/// One line for each exit of a service.
pub fn exited(name: &str, exited: &Exited, ran: Duration) {
    let Fields { code, signal, cpu, memory } = Fields::of(exited);
    let core = exited.status.core_dumped();
    tracing::info!(
        service = name,
        pid = exited.pid.as_raw(),
        code,
        signal,
        core,
        cpu_seconds = cpu,
        peak_memory_kib = memory,
        ran_seconds = seconds(ran),
        "{}",
        exited.status
    );
}

/// A process that is nobody's: adopted, or inherited from what ran before the starter in its
/// process.
pub fn orphan(exited: &Exited) {
    let Fields { code, signal, cpu, memory } = Fields::of(exited);
    tracing::info!(
        pid = exited.pid.as_raw(),
        code,
        signal,
        cpu_seconds = cpu,
        peak_memory_kib = memory,
        "orphan {}",
        exited.status
    );
}

struct Fields {
    code: Option<i32>,
    signal: Option<String>,
    cpu: Option<f64>,
    memory: Option<u64>,
}

impl Fields {
    fn of(exited: &Exited) -> Fields {
        Fields {
            code: exited.status.code(),
            signal: exited.status.signal().map(|signal| signal.to_string()),
            cpu: exited.usage.map(|usage| seconds(usage.user + usage.system)),
            memory: exited.usage.map(|usage| usage.peak_memory / 1024),
        }
    }
}

/// Seconds, to the millisecond.
pub fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}
