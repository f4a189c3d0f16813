//! Signals as text.

use crate::common::{self, reserved_signals};
use signal::{Signal, SIGCHLD, SIGHUP};
use std::process::Command;

fn names_and_numbers_parse() {
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

/// POSIX: those up to the middle by their distance from the first, the others from the last.
fn realtime_signals_are_named_from_the_nearer_end() {
    let all: Vec<Signal> = (0..1000).map_while(Signal::realtime).collect();
    let numbers = all.first().zip(all.last()).map(|(first, last)| (first.as_raw(), last.as_raw()));
    let (first, last) = numbers.unwrap_or_else(|| common::skip("no realtime signals here"));
    for signal in all {
        let number = signal.as_raw();
        let name = match (number - first, last - number) {
            (0, _) => "SIGRTMIN".into(),
            (_, 0) => "SIGRTMAX".into(),
            (up, _) if 2 * number <= first + last => format!("SIGRTMIN+{up}"),
            (_, down) => format!("SIGRTMAX-{down}"),
        };
        assert_eq!((signal.to_string(), name.parse()), (name, Ok(signal)));
    }
}

fn other_texts_are_refused() {
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
        let error = text.parse::<Signal>().expect_err(text).to_string();
        assert!(error.contains("name") && !error.contains("SIGKILL"), "{error}");
    }
}

fn reserved_signals_are_plain_numbers() {
    for signal in reserved_signals() {
        assert!(signal.name().is_none() && !signal.is_realtime());
        assert_eq!(signal.to_string(), signal.as_raw().to_string());
        assert_eq!(format!("{signal:#}"), signal.as_raw().to_string());
        assert_eq!(signal.to_string().parse(), Ok(signal));
        assert!(!signal.description().is_empty());
    }
}

fn display_keeps_the_width() {
    assert_eq!(
        format!("[{SIGHUP:>10}] [{SIGHUP:<8}] [{SIGHUP:^#7}]"),
        "[    SIGHUP] [SIGHUP  ] [  HUP  ]"
    );
    let others = Signal::realtime(0)
        .into_iter()
        .chain(Signal::realtime(1))
        .chain(reserved_signals().into_iter().take(1));
    for signal in others {
        assert_eq!(format!("{signal:>12}"), format!("{:>12}", signal.to_string()));
        assert_eq!(format!("{signal:<#12}|"), format!("{:<12}|", format!("{signal:#}")));
    }
}

/// Names in the C headers of single systems that the `libc` crate lacks, and with it the table.
const ELSEWHERE: &[&str] = &[
    "WAITING", "LWP", "FREEZE", "THAW", "CANCEL", "LOST", "XRES", "JVM1", "JVM2", "CKPT",
    "CKPTEXIT", "KILLTHR", "DANGER", "MIGRATE", "PRE", "MSG", "GRANT", "RETRACT", "SOUND", "SAK",
    "CPUFAIL", "RECONFIG",
];

fn the_shell_knows_no_signal_that_the_table_lacks() {
    let numbers: Vec<String> =
        (1..=1000).filter_map(Signal::from_raw).map(|signal| signal.as_raw().to_string()).collect();
    let script =
        format!("for n in {}; do echo \"$n $(kill -l $n)\"; done; true", numbers.join(" "));
    let output = match Command::new("sh").args(["-c", &script]).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => common::skip("no shell that runs `kill -l`"),
    };
    let mut seen = 0;
    for line in output.lines() {
        let (number, name) = line.split_once(' ').unwrap();
        // The shell may use another C library, whose realtime signals begin elsewhere.
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || name.starts_with("RT")
        {
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

tests! {
    names_and_numbers_parse,
    realtime_signals_are_named_from_the_nearer_end,
    other_texts_are_refused,
    reserved_signals_are_plain_numbers,
    display_keeps_the_width,
    the_shell_knows_no_signal_that_the_table_lacks,
}
