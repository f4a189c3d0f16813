//! A critical region: what arrives in it waits until its end.

use signal::{BlockGuard, InstallGuard, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> signal::Result<()> {
    let _installed = InstallGuard::new(SIGTERM, &STOP)?; // the old action comes back on drop
    let region = BlockGuard::new(SIGINT | SIGTERM); // the old mask comes back on drop
    signal::raise(SIGTERM)?; // arrives in the region: stays pending
    println!("in the region: {}", STOP.load(Ordering::Acquire));
    while !STOP.load(Ordering::Acquire) {
        region.wait(); // lets it in and sleeps, in one step: no race between test and sleep
    }
    println!("after the wait: {}", STOP.load(Ordering::Acquire));
    Ok(())
}
