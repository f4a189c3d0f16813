//! Says of each signal that arrives where it came from, until SIGINT or SIGTERM ends it.

use signal::{block, die_by, Info, Pid, Result, SignalSet, SIGINT, SIGTERM};

fn line(info: &Info) -> String {
    let mut line = format!("{} ({:?})", info.signal(), info.cause());
    if let Some(pid) = info.sender_pid() {
        line += &format!(" from process {pid}");
    }
    if let Some(uid) = info.sender_uid() {
        line += &format!(" of user {uid}");
    }
    if let Some(status) = info.status() {
        line += &format!(", status {status}");
    }
    if let Some(value) = info.value() {
        line += &format!(", value {value}");
    }
    line
}

fn main() -> Result<()> {
    if std::env::args().len() > 1 {
        println!("usage: who_sent_it");
        return Ok(());
    }
    // Not the signals of faults, which cannot wait.
    let set = SignalSet::asynchronous();
    block(set);
    println!("try: kill -USR1 {}", Pid::current());
    loop {
        let info = set.wait()?;
        println!("{}", line(&info));
        if [SIGINT, SIGTERM].contains(&info.signal()) {
            die_by(info.signal());
        }
    }
}
