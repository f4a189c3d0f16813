//! What is refused, and what cannot be made right.

use ecosystem::neighbours::{self, CHAINS};
use ecosystem::process::{self, End};
use signal::{install, query, raise, Action, Handler, SelfPipe, SIGSEGV, SIGUSR1};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// A signal has four predecessors over which self-pipes can be made. Over a fifth there is an
/// error.
fn a_pipe_over_a_fifth_predecessor_is_refused_and_nothing_changes() {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let buried = SelfPipe::new(SIGUSR1).unwrap();
    neighbours::install_chains();
    let others: [Action; 3] = [Handler::Ignore.into(), (&FLAG).into(), (&COUNT).into()];
    let chains = query(SIGUSR1).unwrap();
    for action in others {
        install(SIGUSR1, action).unwrap();
        drop(SelfPipe::new(SIGUSR1).unwrap());
    }
    install(SIGUSR1, chains).unwrap();
    for result in [SelfPipe::new(SIGUSR1).map(drop), buried.insert(SIGUSR1)] {
        assert_eq!(result.map_err(|error| error.raw_os_error()), Err(libc::ELOOP));
    }
    assert_eq!(query(SIGUSR1), Ok(chains));
    raise(SIGUSR1).unwrap();
    assert_eq!((CHAINS.load(SeqCst), buried.pending()), (1, SIGUSR1.into()));
    // Over those that are known there are still pipes.
    for action in others {
        install(SIGUSR1, action).unwrap();
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        assert_eq!(pipe.pending(), SIGUSR1.into());
    }
}

/// Neither version can know that the other's entry has nobody either: each leaves the default to
/// it.
fn entries_of_two_versions_without_pipes_swallow_the_signal_if_restored() {
    let end = process::run(|| {
        let one = SelfPipe::new(SIGUSR1).unwrap();
        let two = second::SelfPipe::new(second::SIGUSR1).unwrap();
        let saved = query(SIGUSR1).unwrap();
        drop(two);
        drop(one);
        install(SIGUSR1, saved).unwrap();
        raise(SIGUSR1).unwrap();
        0
    });
    assert_eq!(end, End::Exit(0));
}

/// The upper version takes the handler of std, which the lower one has called, for the lower one.
fn of_two_versions_over_the_handler_of_std_the_upper_one_hears_on() {
    let lower = SelfPipe::new(SIGSEGV).unwrap();
    let upper = second::SelfPipe::new(second::SIGSEGV).unwrap();
    for lower_hears in [true, false, false] {
        signal::kill(signal::Pid::current(), SIGSEGV).unwrap();
        assert_eq!(lower.pending().contains(SIGSEGV), lower_hears);
        assert_eq!(upper.pending(), second::SIGSEGV.into());
    }
}

tests! {
    a_pipe_over_a_fifth_predecessor_is_refused_and_nothing_changes,
    entries_of_two_versions_without_pipes_swallow_the_signal_if_restored,
    of_two_versions_over_the_handler_of_std_the_upper_one_hears_on,
}
