//! Signals: numbers, names and effects.

mod common;

use signal::{DefaultEffect, Errno, Signal, SignalSet};
use signal::{SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use std::collections::HashSet;
use std::process::Command;

fn highest() -> Signal {
    (1..=1000).filter_map(Signal::from_raw).max().unwrap()
}

/// `SIGRTMIN`, `SIGRTMIN+1` and so on.
fn realtime() -> Vec<Signal> {
    (0..).map_while(Signal::realtime).collect()
}

/// What the C library keeps for itself: no program can put it into a set.
fn reserved() -> Vec<Signal> {
    let known: Vec<Signal> = Signal::all().collect();
    let all = (1..=highest().as_raw()).filter_map(Signal::from_raw);
    all.filter(|signal| !known.contains(signal) && !SignalSet::full().contains(*signal)).collect()
}

fn only_the_numbers_from_one_to_the_highest_are_signals() {
    for number in [0, -1, -17, i32::MIN, highest().as_raw() + 1, 1000, i32::MAX] {
        assert_eq!(Signal::from_raw(number), None);
        assert_eq!(number.to_string().parse::<Signal>(), Err(Errno::EINVAL), "{number}");
    }
    for number in 1..=highest().as_raw() {
        let signal = Signal::from_raw(number).unwrap();
        assert_eq!((signal.as_raw(), i32::from(signal)), (number, number));
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

fn all_are_in_order_and_have_names_or_are_realtime() {
    let all: Vec<Signal> = Signal::all().collect();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1] && pair[0].as_raw() < pair[1].as_raw()));
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    assert!(all.iter().all(|signal| signal.name().is_some() != signal.is_realtime()));
    assert_eq!(all.iter().copied().filter(|signal| signal.is_realtime()).collect::<Vec<_>>(), realtime());
    let described: HashSet<&str> = all.iter().map(|signal| signal.description()).collect();
    let named = all.iter().filter(|signal| signal.name().is_some()).count();
    assert_eq!(described.len(), named + usize::from(!realtime().is_empty()), "no two read the same");
}

fn names_and_numbers_are_read_back() {
    for signal in Signal::all() {
        let (long, short) = (signal.to_string(), format!("{signal:#}"));
        assert_eq!(long, format!("SIG{short}"));
        assert_eq!(format!("{signal:?}"), long);
        let number = signal.as_raw().to_string();
        for text in [&long, &short, &long.to_lowercase(), &short.to_lowercase(), &number] {
            assert_eq!(text.parse(), Ok(signal), "{text}");
        }
    }
    assert_eq!("sIgChLd".parse(), Ok(SIGCHLD));
    assert_eq!("SIGIOT".parse(), Ok(signal::SIGABRT));
    assert_eq!("iot".parse(), Ok(signal::SIGABRT));
    #[cfg(has_sigcld)]
    assert_eq!(("CLD".parse(), signal::SIGCLD), (Ok(SIGCHLD), SIGCHLD));
    #[cfg(all(has_sigpoll, has_sigio))]
    assert_eq!(("POLL".parse(), signal::SIGPOLL), (Ok(signal::SIGIO), signal::SIGIO));
}

fn what_is_no_name_is_refused() {
    let wrong = [
        "",
        " ",
        "SIG",
        "sig",
        "CHLD ",
        " CHLD",
        "SIG CHLD",
        "SIGSIGCHLD",
        "CHL",
        "CHLDX",
        "SIG17",
        "+1",
        "-1",
        "1 ",
        " 1",
        "1.0",
        "0x1",
        "0",
        "00",
        "99999999999999999999",
        "4294967297",
        "RTMIN+",
        "RTMIN-1",
        "RTMIN+-1",
        "RTMIN++1",
        "RTMIN + 1",
        "RTMAX+1",
        "RTMAX-",
        "RTMAX--1",
        "RTMIN+999",
        "RTMAX-999",
        "RTMIN+2147483647",
        "RTMAX-2147483648",
        "RTMIN1",
        "RT",
        "RTMIN+0x1",
        "é",
        "SIGé",
        "RTMIé",
        "CHLD\0",
        "１",
    ];
    for text in wrong {
        assert_eq!(text.parse::<Signal>(), Err(Errno::EINVAL), "{text:?}");
    }
}

fn realtime_signals_are_those_of_the_running_library() {
    let all = realtime();
    assert_eq!(all.is_empty(), cfg!(not(has_realtime)));
    assert_eq!((Signal::realtime(all.len() as u32), Signal::realtime(u32::MAX)), (None, None));
    for (offset, signal) in all.iter().enumerate() {
        assert_eq!(signal.as_raw(), all[0].as_raw() + offset as i32);
        let from_the_end = all.len() - 1 - offset;
        for text in [format!("RTMIN+{offset}"), format!("rtmax-{from_the_end}"), format!("SIGRTMIN+{offset}")]
        {
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

fn reserved_signals_are_plain_numbers() {
    for signal in reserved() {
        assert!(signal.name().is_none() && !signal.is_realtime());
        assert_eq!(signal.to_string(), signal.as_raw().to_string());
        assert_eq!(format!("{signal:#}"), signal.as_raw().to_string());
        assert_eq!(signal.to_string().parse(), Ok(signal));
        assert!(!signal.description().is_empty());
    }
}

fn display_keeps_the_width() {
    assert_eq!(format!("[{SIGHUP:>10}] [{SIGHUP:<8}] [{SIGHUP:^#7}]"), "[    SIGHUP] [SIGHUP  ] [  HUP  ]");
    let others = realtime().into_iter().take(2).chain(reserved().into_iter().take(1));
    for signal in others {
        assert_eq!(format!("{signal:>12}"), format!("{:>12}", signal.to_string()));
        assert_eq!(format!("{signal:<#12}|"), format!("{:<12}|", format!("{signal:#}")));
    }
}

/// The table against the kernel: what really happens to a process that gets the signal and has said nothing about it.
fn the_default_effects_are_the_kernels() {
    for signal in Signal::all() {
        let child = common::fork(|| {
            common::process::no_core_file();
            let _ = signal::install(signal, signal::Handler::Default);
            let _unblocked = signal::UnblockGuard::new(signal);
            common::raw::send_to_self(signal);
            0
        });
        let status = common::process::wait_stopped_or_ended(child);
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

/// Names of the C headers of single systems that the `libc` crate does not know, so that neither does the table.
const ELSEWHERE: &[&str] = &[
    "WAITING", "LWP", "FREEZE", "THAW", "CANCEL", "LOST", "XRES", "JVM1", "JVM2", "CKPT", "CKPTEXIT",
    "KILLTHR", "DANGER", "MIGRATE", "PRE", "MSG", "GRANT", "RETRACT", "SOUND", "SAK", "CPUFAIL", "RECONFIG",
];

fn the_shell_knows_no_signal_that_the_table_lacks() {
    let numbers: Vec<String> = (1..=highest().as_raw()).map(|number| number.to_string()).collect();
    let script = format!("for n in {}; do echo \"$n $(kill -l $n)\"; done; true", numbers.join(" "));
    let output = match Command::new("sh").args(["-c", &script]).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => common::skip("no shell that runs `kill -l`"),
    };
    let mut seen = 0;
    for line in output.lines() {
        let (number, name) = line.split_once(' ').unwrap();
        // The shell may be made for another C library, whose realtime signals begin elsewhere.
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || name.starts_with("RT") {
            continue;
        }
        match name.parse::<Signal>() {
            Ok(signal) => assert_eq!(signal.as_raw().to_string(), number, "{name}"),
            Err(_) => assert!(ELSEWHERE.contains(&name), "{name} is {number}"),
        }
        seen += 1;
    }
    if seen == 0 {
        common::skip("`kill -l` prints no names");
    }
    assert!(seen >= 20, "{output}");
}

fn signals_join_into_sets() {
    assert_eq!(SIGINT | SIGTERM, SignalSet::from([SIGTERM, SIGINT]));
    assert_eq!(SIGINT | (SIGTERM | SIGHUP), SIGHUP | SIGINT | SIGTERM);
}

common::main! {
    only_the_numbers_from_one_to_the_highest_are_signals,
    the_constants_are_those_of_the_c_library,
    all_are_in_order_and_have_names_or_are_realtime,
    names_and_numbers_are_read_back,
    what_is_no_name_is_refused,
    realtime_signals_are_those_of_the_running_library,
    reserved_signals_are_plain_numbers,
    display_keeps_the_width,
    the_default_effects_are_the_kernels,
    the_shell_knows_no_signal_that_the_table_lacks,
    signals_join_into_sets,
}
