//! Sets of signals.

use crate::common::reserved_signals;
use signal::{Signal, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

fn hash(set: SignalSet) -> u64 {
    let mut hasher = DefaultHasher::new();
    set.hash(&mut hasher);
    hasher.finish()
}

/// Every signal that a program can put into a set.
fn members() -> Vec<Signal> {
    Signal::all().filter(|signal| SignalSet::full().contains(*signal)).collect()
}

fn empty_and_full_are_opposites() {
    assert!(SignalSet::empty().is_empty() && SignalSet::default().is_empty());
    assert_eq!((SignalSet::empty().len(), SignalSet::empty().iter().next()), (0, None));
    assert_eq!(!SignalSet::empty(), SignalSet::full());
    assert_eq!(!SignalSet::full(), SignalSet::empty());
    assert!(!SignalSet::full().is_empty());
    assert!([SIGHUP, SIGKILL, SIGSTOP, SIGUSR1]
        .iter()
        .all(|signal| SignalSet::full().contains(*signal)));
}

fn insert_and_remove_say_whether_they_changed_anything() {
    let mut set = SignalSet::empty();
    for (count, signal) in members().into_iter().enumerate() {
        assert_eq!((set.contains(signal), set.remove(signal), set.len()), (false, false, count));
        assert_eq!(
            (set.insert(signal), set.insert(signal), set.contains(signal)),
            (true, false, true)
        );
    }
    for signal in members() {
        assert_eq!(
            (set.remove(signal), set.remove(signal), set.contains(signal)),
            (true, false, false)
        );
    }
    assert!(set.is_empty());
}

fn operators_follow_the_members() {
    let (ab, bc) = (SIGHUP | SIGINT, SIGINT | SIGTERM);
    assert_eq!(ab | bc, SignalSet::from([SIGHUP, SIGINT, SIGTERM]));
    assert_eq!(ab & bc, SignalSet::from(SIGINT));
    assert_eq!(ab - bc, SignalSet::from(SIGHUP));
    assert_eq!(bc - ab, SignalSet::from(SIGTERM));
    assert_eq!(!ab & bc, SignalSet::from(SIGTERM));
    assert_eq!(!!ab, ab);
    assert_eq!(!(ab | bc), !ab & !bc);
    assert_eq!(ab - SignalSet::full(), SignalSet::empty());

    let mut set = ab;
    set |= bc;
    assert_eq!(set, ab | bc);
    set &= bc;
    assert_eq!(set, bc);
    set -= SIGINT;
    assert_eq!(set, SignalSet::from(SIGTERM));
}

fn operators_take_everything_that_converts_to_a_set() {
    let set = SIGHUP | SIGINT;
    assert_eq!(set | SIGHUP, set);
    assert_eq!(set & SIGHUP, SignalSet::from(SIGHUP));
    assert_eq!(set - [SIGHUP, SIGTERM], SignalSet::from(SIGINT));
    assert_eq!(SIGTERM | [SIGHUP, SIGINT], SIGTERM | set);
    let borrowed = &set;
    assert_eq!(SIGTERM | borrowed, SIGTERM | set);
}

fn sets_are_collected_extended_and_iterated() {
    let mut set: SignalSet = [SIGTERM, SIGHUP, SIGTERM].into_iter().collect();
    assert_eq!(set.len(), 2);
    set.extend([SIGINT, SIGHUP]);
    assert_eq!(set, SIGHUP | SIGINT | SIGTERM);
    set.extend(SIGCHLD | SIGUSR1);
    assert_eq!(set.len(), 5);

    let mut expected: Vec<Signal> = vec![SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGUSR1];
    expected.sort_by_key(|signal| signal.as_raw());
    assert_eq!(set.iter().collect::<Vec<_>>(), expected);
    assert_eq!(set.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!((&set).into_iter().collect::<Vec<_>>(), expected);
    let mut rest = set.iter();
    rest.by_ref().for_each(drop);
    assert_eq!((rest.next(), rest.next()), (None, None), "it stays at its end");
}

/// `sigfillset` and a series of `sigaddset` need not leave the same bytes.
fn equality_and_hash_go_by_the_members() {
    for kept in [vec![], vec![SIGHUP], vec![SIGINT, SIGTERM], members()] {
        let inserted: SignalSet = kept.iter().copied().collect();
        let left: SignalSet = SignalSet::full() - (SignalSet::full() - inserted);
        assert_eq!(left, inserted);
        assert_eq!(hash(left), hash(inserted));
        let mut taken = SignalSet::full();
        SignalSet::full().iter().filter(|signal| !kept.contains(signal)).for_each(|signal| {
            assert!(taken.remove(signal));
        });
        assert_eq!((taken, hash(taken)), (inserted, hash(inserted)));
    }
    assert_ne!(SignalSet::from(SIGHUP), SignalSet::from(SIGINT));
    assert_ne!(SignalSet::from(SIGHUP), SIGHUP | SIGINT);
    assert_ne!(hash(SignalSet::from(SIGHUP)), hash(SignalSet::from(SIGINT)));
}

fn the_kernels_sets_equal_ours() {
    let set = SIGHUP | SIGINT;
    let _guard = signal::BlockGuard::new(!SignalSet::empty());
    let _unblocked = signal::UnblockGuard::new(!set);
    assert_eq!((signal::blocked(), hash(signal::blocked())), (set, hash(set)));
    // glibc returns garbage in the part of an action's mask that the kernel does not know.
    signal::install(SIGUSR1, signal::Action::new(signal::Handler::Ignore).block(set)).unwrap();
    let mask = signal::query(SIGUSR1).unwrap().mask();
    assert_eq!((mask, hash(mask)), (set, hash(set)));
}

fn realtime_signals_are_full_members() {
    let realtime: Vec<Signal> =
        members().into_iter().filter(|signal| signal.is_realtime()).collect();
    for signal in &realtime {
        let alone = SignalSet::from(*signal);
        assert_ne!(alone, SignalSet::empty());
        assert!(!alone.is_empty() && alone.contains(*signal) && alone.len() == 1);
        assert_eq!(SignalSet::empty() | alone, alone);
        assert_eq!(alone | SignalSet::empty(), alone);
        assert_eq!((SIGHUP | alone).iter().collect::<Vec<_>>(), [SIGHUP, *signal]);
        assert_eq!((SIGHUP | alone) & alone, alone);
        assert_eq!((SIGHUP | alone) - SIGHUP, alone);
        assert!(!(!alone).contains(*signal));
        assert_ne!(hash(alone), hash(SignalSet::empty()));
        assert_eq!(format!("{alone:?}"), format!("{{{signal}}}"));
    }
    for pair in realtime.windows(2) {
        assert_ne!(SignalSet::from(pair[0]), SignalSet::from(pair[1]));
    }
}

fn reserved_signals_cannot_be_members() {
    for signal in reserved_signals() {
        let mut set = SignalSet::from(SIGHUP);
        assert_eq!(
            (set.insert(signal), set.contains(signal), set.remove(signal)),
            (false, false, false)
        );
        assert_eq!(set, SignalSet::from(SIGHUP));
        assert!(SignalSet::from(signal).is_empty());
    }
}

fn debug_lists_the_members() {
    assert_eq!(format!("{:?}", SignalSet::empty()), "{}");
    assert_eq!(format!("{:?}", SIGTERM | SIGHUP), "{SIGHUP, SIGTERM}");
}

fn signals_join_into_sets() {
    assert_eq!(SIGINT | SIGTERM, SignalSet::from([SIGTERM, SIGINT]));
    assert_eq!(SIGINT | (SIGTERM | SIGHUP), SIGHUP | SIGINT | SIGTERM);
}

tests! {
    empty_and_full_are_opposites,
    insert_and_remove_say_whether_they_changed_anything,
    operators_follow_the_members,
    operators_take_everything_that_converts_to_a_set,
    sets_are_collected_extended_and_iterated,
    equality_and_hash_go_by_the_members,
    the_kernels_sets_equal_ours,
    realtime_signals_are_full_members,
    reserved_signals_cannot_be_members,
    debug_lists_the_members,
    signals_join_into_sets,
}
