//! Not a part of the tests: a program that `shared_object` compiles and links in several ways.

use signal::{DeferGuard, InstallGuard, SIGUSR1};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static COUNT: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let _installed = InstallGuard::new(SIGUSR1, &COUNT).unwrap();
    let section = DeferGuard::new();
    let deferred = signal::blocked().is_empty();
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(COUNT.load(SeqCst), 0);
    drop(section);
    assert_eq!(COUNT.load(SeqCst), 1);
    println!("{}", if deferred { "deferred" } else { "blocked" });
}
