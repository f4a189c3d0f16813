//! The table of `starter status`.

use crate::control::Status;

pub fn table(services: &[Status]) -> String {
    let width = services.iter().map(|service| service.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  {:11}  {:>8}  {:>9}  {:>6}  REMARK\n",
        "NAME", "STATE", "PID", "RUNNING", "STARTS"
    );
    for service in services {
        let Status { name, state, starts, .. } = service;
        let pid = service.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let running = service.running.map_or_else(|| "-".to_owned(), duration);
        let remark = service.remark.as_deref().unwrap_or("");
        let line =
            format!("{name:width$}  {state:11}  {pid:>8}  {running:>9}  {starts:>6}  {remark}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Two units will do: `4d 3h`, `59s`.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86400, seconds / 3600 % 24),
    }
}
