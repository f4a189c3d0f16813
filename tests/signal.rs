//! Signals: numbers, constants and effects.

use crate::common::{self, process, raw};
use signal::{DefaultEffect, Errno, Signal};
use signal::{SIGKILL, SIGSTOP};
use std::collections::HashSet;

fn highest() -> Signal {
    (1..=1000).filter_map(Signal::from_raw).max().unwrap()
}

/// `SIGRTMIN`, `SIGRTMIN+1` and so on.
fn realtime() -> Vec<Signal> {
    (0..).map_while(Signal::realtime).collect()
}

fn only_the_numbers_from_one_to_the_highest_are_signals() {
    for number in [0, -1, -17, i32::MIN, highest().as_raw() + 1, 1000, i32::MAX] {
        assert_eq!(Signal::from_raw(number), None);
        assert!(number.to_string().parse::<Signal>().is_err(), "{number}");
        assert_eq!(Signal::try_from(number), Err(Errno::EINVAL));
    }
    for number in [0, highest().as_raw() as u32 + 1, 1 << 31, u32::MAX] {
        assert_eq!(Signal::try_from(number), Err(Errno::EINVAL));
    }
    for number in 1..=highest().as_raw() {
        let signal = Signal::from_raw(number).unwrap();
        assert_eq!((signal.as_raw(), i32::from(signal)), (number, number));
        assert_eq!(
            (Signal::try_from(number), Signal::try_from(number as u32)),
            (Ok(signal), Ok(signal))
        );
    }
    assert!(highest().as_raw() >= 31);
    assert_eq!(std::mem::size_of::<Option<Signal>>(), std::mem::size_of::<libc::c_int>());
}

fn the_constants_are_those_of_the_c_library() {
    macro_rules! same {
        ($($name:ident)*) => {
            $(
                assert_eq!(signal::$name.as_raw(), libc::$name);
                assert_eq!(signal::$name.name(), Some(stringify!($name)));
                assert!(Signal::all().any(|signal| signal == signal::$name));
            )*
        };
    }
    same!(SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGFPE SIGKILL SIGBUS SIGSEGV SIGSYS SIGPIPE SIGALRM SIGTERM);
    same!(SIGURG SIGSTOP SIGTSTP SIGCONT SIGCHLD SIGTTIN SIGTTOU SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH);
    same!(SIGUSR1 SIGUSR2);
    #[cfg(has_sigio)]
    same!(SIGIO);
    #[cfg(has_siginfo)]
    assert_eq!(signal::SIGINFO.name(), Some("SIGINFO"));
    #[cfg(has_sigpwr)]
    assert_eq!(signal::SIGPWR.name(), Some("SIGPWR"));
    #[cfg(has_sigstkflt)]
    same!(SIGSTKFLT);
}

fn all_are_ordered_and_either_named_or_realtime() {
    let all: Vec<Signal> = Signal::all().collect();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1] && pair[0].as_raw() < pair[1].as_raw()));
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    assert!(all.iter().all(|signal| signal.name().is_some() != signal.is_realtime()));
    assert_eq!(
        all.iter().copied().filter(|signal| signal.is_realtime()).collect::<Vec<_>>(),
        realtime()
    );
    let described: HashSet<&str> = all.iter().map(|signal| signal.description()).collect();
    let named = all.iter().filter(|signal| signal.name().is_some()).count();
    assert_eq!(
        described.len(),
        named + usize::from(!realtime().is_empty()),
        "no two read the same"
    );
    assert!(realtime().iter().all(|signal| signal.description() == "Realtime signal"));
    let reserved = common::reserved_signals();
    let unknown = "Unknown or reserved signal";
    assert!(reserved.iter().all(|signal| signal.description() == unknown));
}

fn realtime_signals_are_those_of_the_running_library() {
    let all = realtime();
    assert_eq!(all.is_empty(), cfg!(not(has_realtime)));
    assert_eq!((Signal::realtime(all.len() as u32), Signal::realtime(u32::MAX)), (None, None));
    for (offset, signal) in all.iter().enumerate() {
        assert_eq!(signal.as_raw(), all[0].as_raw() + offset as i32);
        let from_the_end = all.len() - 1 - offset;
        for text in [
            format!("RTMIN+{offset}"),
            format!("rtmax-{from_the_end}"),
            format!("SIGRTMIN+{offset}"),
        ] {
            assert_eq!(text.parse(), Ok(*signal), "{text}");
        }
        let shown = match (offset, from_the_end) {
            (0, _) => "SIGRTMIN".to_owned(),
            (_, 0) => "SIGRTMAX".to_owned(),
            // POSIX.1-2024: the lower half counts up, the upper half down.
            (up, down) if up <= down => format!("SIGRTMIN+{up}"),
            (_, down) => format!("SIGRTMAX-{down}"),
        };
        assert_eq!(signal.to_string(), shown);
        assert_eq!((signal.name(), signal.default_effect()), (None, DefaultEffect::Terminate));
    }
    if let [first, .., last] = all[..] {
        assert!(all.len() >= 8, "_POSIX_RTSIG_MAX");
        assert_eq!(("RTMIN".parse(), "sigrtmax".parse()), (Ok(first), Ok(last)));
    }
}

/// The table against the kernel: what happens to a process with default actions that gets the
/// signal.
fn the_default_effects_are_the_kernels() {
    for signal in Signal::all() {
        let child = common::fork(|| {
            process::no_core_file();
            let _ = signal::install(signal, signal::Handler::Default);
            let _unblocked = signal::UnblockGuard::new(signal);
            raw::send_to_self(signal);
            0
        });
        let status = process::wait_stopped_or_ended(child);
        let seen = if libc::WIFSTOPPED(status) {
            signal::kill(child, SIGKILL).unwrap();
            common::wait_for(child);
            vec![DefaultEffect::Stop]
        } else if libc::WIFSIGNALED(status) {
            assert_eq!(libc::WTERMSIG(status), signal.as_raw());
            vec![DefaultEffect::Terminate, DefaultEffect::CoreDump]
        } else {
            vec![DefaultEffect::Ignore, DefaultEffect::Continue]
        };
        assert!(seen.contains(&signal.default_effect()), "{signal}: {seen:?}");
    }
    assert_eq!(SIGSTOP.default_effect(), DefaultEffect::Stop);
    assert_eq!(signal::SIGCONT.default_effect(), DefaultEffect::Continue);
    assert_eq!(signal::SIGQUIT.default_effect(), DefaultEffect::CoreDump);
}

tests! {
    only_the_numbers_from_one_to_the_highest_are_signals,
    the_constants_are_those_of_the_c_library,
    all_are_ordered_and_either_named_or_realtime,
    realtime_signals_are_those_of_the_running_library,
    the_default_effects_are_the_kernels,
}
