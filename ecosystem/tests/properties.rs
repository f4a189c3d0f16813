//! What must hold for any input: names, sets, and sequences of calls against a model of POSIX.
//! `PROPTEST_CASES` says how many of each are tried.

use ecosystem::posix::{kinds, Call, Disposition, Model, Real};
use ecosystem::process::{self, End, WRONG};
use ecosystem::report::Report;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use signal::{Signal, SignalSet};
use std::collections::BTreeSet;

/// A runner of so many cases, or as many as the environment says.
fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(cases);
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// `sig2str` and `str2sig` of POSIX.1-2024 for Linux, written a second time: what a text means.
fn meaning(text: &str) -> Option<i32> {
    const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM \
        STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";
    const ALIASES: [(&str, i32); 3] = [("IOT", 6), ("CLD", 17), ("POLL", 29)];
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number(text) {
        return text.parse().ok().filter(|number| (1..=64).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(at) = NAMES.split(' ').position(|known| known == name) {
        return Some(at as i32 + 1);
    }
    if let Some((_, number)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        return Some(*number);
    }
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let offset = |rest: &str, sign| match rest.strip_prefix(sign) {
        Some(digits) if is_number(digits) => digits.parse::<i32>().ok(),
        _ => rest.is_empty().then_some(0),
    };
    let number = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => first.checked_add(offset(rest, '+')?)?,
        (_, Some(rest)) => last.checked_sub(offset(rest, '-')?)?,
        _ => return None,
    };
    (first..=last).contains(&number).then_some(number)
}

/// Texts that are nearly names, and any others.
fn texts() -> impl Strategy<Value = String> {
    let near = "(sig|SIG|Sig|SIGSIG|)(hup|TERM|Usr1|IO|POLL|cld|iot|STKFLT|unused|rtmin|RTMAX|)\
        ([+-]?[0-9]{0,3}|[+-]{2}|[ \\x00]|ſ|K)";
    prop_oneof![4 => near, 1 => "[0-9+-]{0,12}", 1 => any::<String>()]
}

fn a_text_is_the_signal_that_posix_says() {
    let parsed = |text: String| {
        let found = text.parse::<Signal>().ok();
        prop_assert_eq!(found.map(Signal::as_raw), meaning(&text), "{:?}", text);
        if let Some(signal) = found {
            for text in [signal.to_string(), format!("{signal:#}"), signal.as_raw().to_string()] {
                prop_assert_eq!(text.parse(), Ok(signal), "{}", text);
                prop_assert_eq!(meaning(&text), Some(signal.as_raw()), "{}", text);
            }
        }
        Ok(())
    };
    runner(20_000).run(&texts(), parsed).unwrap();
}

/// The numbers that can be members.
fn numbers() -> Vec<i32> {
    SignalSet::full().iter().map(Signal::as_raw).collect()
}

fn signal(number: i32) -> Signal {
    Signal::from_raw(number).expect("a number of a signal")
}

fn to_set(numbers: &BTreeSet<i32>) -> SignalSet {
    numbers.iter().copied().map(signal).collect()
}

fn to_numbers(set: SignalSet) -> BTreeSet<i32> {
    set.iter().map(Signal::as_raw).collect()
}

/// As libc has it.
fn to_libc(numbers: &BTreeSet<i32>) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: room for a set, which `sigemptyset` fills.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        numbers.iter().for_each(|number| drop_zero(libc::sigaddset(set.as_mut_ptr(), *number)));
        set.assume_init()
    }
}

fn drop_zero(result: i32) {
    assert_eq!(result, 0);
}

fn from_libc(set: &libc::sigset_t) -> BTreeSet<i32> {
    // SAFETY: a whole set.
    (1..=64).filter(|number| unsafe { libc::sigismember(set, *number) } == 1).collect()
}

fn a_set_is_one_of_numbers_and_that_of_libc() {
    let some = || prop::collection::btree_set(prop::sample::select(numbers()), 0..64);
    let each = (some(), some(), prop::sample::select(numbers()));
    let agrees = |(left, right, number): (BTreeSet<i32>, BTreeSet<i32>, i32)| {
        let (a, b, one) = (to_set(&left), to_set(&right), signal(number));
        let full: BTreeSet<i32> = numbers().into_iter().collect();
        for (set, expected) in [
            (a, left.clone()),
            (a | b, &left | &right),
            (a.union(b), &left | &right),
            (a & b, &left & &right),
            (a.intersection(b), &left & &right),
            (a - b, &left - &right),
            (a.difference(b), &left - &right),
            (!a, &full - &left),
            (a.with(one), &left | &BTreeSet::from([number])),
            (a.without(one), &left - &BTreeSet::from([number])),
            (SignalSet::from_raw(&to_libc(&left)), left.clone()),
        ] {
            prop_assert!(set.iter().map(Signal::as_raw).eq(expected.iter().copied()));
            prop_assert_eq!(set.len(), expected.len());
            prop_assert_eq!(set.iter().len(), expected.len());
            prop_assert_eq!(set.is_empty(), expected.is_empty());
            prop_assert_eq!(set.contains(one), expected.contains(&number));
            prop_assert_eq!(from_libc(&set.to_raw()), expected.clone());
            prop_assert_eq!(set == a, expected == left);
        }
        let (mut changed, mut expected) = (a, left);
        prop_assert_eq!(changed.insert(one), expected.insert(number));
        prop_assert_eq!(changed.remove(one), expected.remove(&number));
        changed.extend(b);
        expected.extend(&right);
        prop_assert_eq!(to_numbers(changed), expected);
        Ok(())
    };
    runner(5_000).run(&each, agrees).unwrap();
}

fn calls() -> impl Strategy<Value = Call> {
    let kind = || 0..kinds().len();
    let set = || 0_u8..32;
    let disposition = || {
        prop_oneof![
            1 => Just(Disposition::Default),
            2 => Just(Disposition::Ignore),
            4 => Just(Disposition::Count),
            3 => Just(Disposition::FlagOrDefault),
        ]
    };
    prop_oneof![
        5 => (kind(), disposition()).prop_map(|(kind, new)| Call::Install(kind, new)),
        2 => (kind(), disposition()).prop_map(|(kind, new)| Call::InstallUnlessIgnored(kind, new)),
        3 => set().prop_map(Call::Block),
        2 => set().prop_map(Call::Unblock),
        2 => set().prop_map(Call::SetBlocked),
        3 => set().prop_map(Call::Guard),
        2 => set().prop_map(Call::OpenGuard),
        4 => Just(Call::DropGuard),
        8 => kind().prop_map(Call::Kill),
        4 => (kind(), -9..9).prop_map(|(kind, value)| Call::Queue(kind, value)),
        3 => set().prop_map(Call::Suspend),
        4 => set().prop_map(Call::Wait),
        3 => kind().prop_map(Call::ClearFlag),
    ]
}

/// And what is still open is dropped.
fn with_drops(calls: Vec<Call>) -> Vec<Call> {
    let drops = calls.len();
    calls.into_iter().chain(std::iter::repeat_n(Call::DropGuard, drops)).collect()
}

/// In a child: makes the calls and compares. The last one may have to end it.
fn play(calls: &[Call]) -> Result<(), String> {
    let (mut model, mut real) = (Model::default(), Real::default());
    for (at, call) in calls.iter().enumerate() {
        if !model.allows(*call) {
            continue;
        }
        let expected = model.call(*call);
        let result = real.call(*call).map_err(|error| format!("{at}: {call:?}: {error}"))?;
        if model.dead.is_some() {
            return Err(format!("{at}: {call:?}: it has survived"));
        }
        let seen = real.seen(result).map_err(|error| error.to_string())?;
        let expected = model.seen(expected);
        if seen != expected {
            return Err(format!("{at}: {call:?}:\n{seen:?}, not\n{expected:?}"));
        }
    }
    Ok(())
}

/// By one of which signals the model says that the process dies.
fn death(calls: &[Call]) -> Option<Vec<End>> {
    let mut model = Model::default();
    for call in calls {
        if model.allows(*call) {
            model.call(*call);
        }
        if let Some(set) = model.dead {
            let kinds = kinds().into_iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            return Some(kinds.map(|(_, signal)| End::Signal(signal.as_raw())).collect());
        }
    }
    None
}

fn calls_do_what_posix_says() {
    process::prepare();
    let worker = &Report::new().workers[0];
    let mut deaths = 0;
    let holds = |calls: Vec<Call>| {
        let calls = with_drops(calls);
        worker.start();
        let end = process::run(|| {
            play(&calls).map_or_else(|wrong| (worker.wrong.set(&wrong), WRONG).1, |()| 0)
        });
        let expected = death(&calls).unwrap_or_else(|| vec![End::Exit(0)]);
        let wrong = worker.wrong.get();
        prop_assert!(expected.contains(&end), "{:?}, not {:?}: {}", end, expected, wrong);
        Ok(())
    };
    let mut runner = runner(3_000);
    runner.run(&prop::collection::vec(calls(), 1..60), holds).unwrap();
    // The model must not be one in which everything ends at once.
    let some = prop::collection::vec(calls(), 1..60);
    for _ in 0..200 {
        let calls = with_drops(some.new_tree(&mut runner).unwrap().current());
        deaths += usize::from(death(&calls).is_some());
    }
    println!("{deaths} of 200 sequences end the process");
    assert!((10..190).contains(&deaths));
}

tests! {
    a_text_is_the_signal_that_posix_says,
    a_set_is_one_of_numbers_and_that_of_libc,
    calls_do_what_posix_says,
}
