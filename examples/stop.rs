//! Works until it is done or Ctrl-C asks it to stop; a second Ctrl-C ends it at once.

use signal::{install, Handler, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, thread, time::Duration};

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> signal::Result<()> {
    install(SIGINT, Handler::FlagOrDefault(&STOP))?; // no unsafe
    install(SIGTERM, Handler::FlagOrDefault(&STOP))?;
    let pieces = env::args().nth(1).map_or(100, |text| text.parse().unwrap_or(0));
    println!("{pieces} pieces of work, until Ctrl-C");
    for piece in 0..pieces {
        if STOP.load(Ordering::Acquire) {
            println!("stopped after {piece}");
            break;
        }
        thread::sleep(Duration::from_millis(100)); // a piece of work
    }
    Ok(())
}
