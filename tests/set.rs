//! Sets of signals.

use crate::common::reserved_signals;
use signal::{Signal, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::mem::{size_of, MaybeUninit};

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
    assert_eq!(SignalSet::from(&[SIGHUP, SIGINT]), set);
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
    for left in (0..=expected.len()).rev() {
        assert_eq!((rest.size_hint(), rest.len()), ((left, Some(left)), left));
        assert_eq!(rest.next().is_some(), left > 0);
    }
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

/// A set of the C library with the given members, as far as it takes them.
fn raw_set(numbers: impl IntoIterator<Item = i32>) -> libc::sigset_t {
    // SAFETY: zeros, which the first call makes an empty set.
    unsafe {
        let mut raw = MaybeUninit::zeroed();
        assert_eq!(libc::sigemptyset(raw.as_mut_ptr()), 0);
        let mut raw = raw.assume_init();
        for number in numbers {
            libc::sigaddset(&mut raw, number);
        }
        raw
    }
}

fn is_raw_member(raw: &libc::sigset_t, number: i32) -> bool {
    // SAFETY: a whole set.
    unsafe { libc::sigismember(raw, number) == 1 }
}

/// The numbers that `sigaddset` takes, and that the library then finds in the set. A C library may
/// take one that it reserves and leave it out later: then `full` has it too.
fn the_members_are_those_of_the_c_library() {
    for signal in (1..=1000).filter_map(Signal::from_raw) {
        let number = signal.as_raw();
        assert_eq!(
            is_raw_member(&raw_set([number]), number),
            SignalSet::full().contains(signal),
            "{number}"
        );
    }
    // SAFETY: room for a set, which the call fills.
    let full = unsafe {
        let mut raw = MaybeUninit::zeroed();
        assert_eq!(libc::sigfillset(raw.as_mut_ptr()), 0);
        raw.assume_init()
    };
    let numbers = |set: SignalSet| set.iter().map(Signal::as_raw).collect::<Vec<i32>>();
    // Within the signals of the system: a C library may fill more.
    let highest = numbers(SignalSet::full()).last().copied().unwrap();
    let filled: Vec<i32> = (1..=highest).filter(|number| is_raw_member(&full, *number)).collect();
    assert_eq!(numbers(SignalSet::full()), filled);
    assert_eq!(SignalSet::from_raw(&full), SignalSet::full());
    assert_eq!(SignalSet::from_raw(&raw_set([])), SignalSet::empty());
}

/// Each signal by itself, and each with all that came before.
fn the_layout_is_that_of_the_c_library() {
    let mut growing = SignalSet::empty();
    for signal in members() {
        growing.insert(signal);
        for set in [SignalSet::from(signal), growing, !growing] {
            let expected = raw_set(set.iter().map(Signal::as_raw));
            let raw = set.to_raw();
            for number in 1..=1000 {
                assert_eq!(
                    is_raw_member(&raw, number),
                    is_raw_member(&expected, number),
                    "{number} in {set:?}"
                );
            }
            assert_eq!(SignalSet::from_raw(&expected), set);
            assert_eq!(
                (SignalSet::from_raw(&raw), hash(SignalSet::from_raw(&raw))),
                (set, hash(set))
            );
            // SAFETY: two whole sets, whose bytes are zero or written.
            let bytes = |raw: &libc::sigset_t| unsafe {
                let start = (raw as *const libc::sigset_t).cast::<u8>();
                std::slice::from_raw_parts(start, size_of::<libc::sigset_t>()).to_vec()
            };
            assert_eq!(bytes(&raw), bytes(&expected), "{set:?}");
        }
    }
}

/// Not by any way into a set, nor as garbage in a C structure.
fn what_the_c_library_reserves_is_in_no_set() {
    // SAFETY: a structure of integers, all bits of which are set.
    let garbage: libc::sigset_t = unsafe {
        let mut raw = MaybeUninit::uninit();
        std::ptr::write_bytes(raw.as_mut_ptr(), 0xff, 1);
        raw.assume_init()
    };
    for signal in reserved_signals() {
        let mut inserted = SignalSet::empty();
        inserted.insert(signal);
        let mut extended = SignalSet::empty();
        extended.extend([signal]);
        let mut joined = SignalSet::from(SIGHUP);
        joined |= signal;
        let sets = [
            SignalSet::full(),
            SignalSet::asynchronous(),
            SignalSet::empty().with(signal),
            SignalSet::from([signal]),
            SignalSet::from(&[signal][..]),
            SignalSet::from(signal),
            SignalSet::from_raw(&garbage),
            SignalSet::from_raw(&raw_set([signal.as_raw()])),
            [signal].into_iter().collect(),
            signal | SIGHUP,
            SIGHUP | signal,
            !SignalSet::empty(),
            !SignalSet::from(SIGHUP),
            SignalSet::full().union(SignalSet::from(signal)),
            signal::blocked(),
            inserted,
            extended,
            joined,
        ];
        for set in sets {
            assert!(
                !set.contains(signal) && set.iter().all(|member| member != signal),
                "{signal} in {set:?}"
            );
            assert!(
                !is_raw_member(&set.to_raw(), signal.as_raw()),
                "{signal} in the C structure of {set:?}"
            );
        }
    }
    assert_eq!(SignalSet::from_raw(&garbage), SignalSet::full());
}

/// In the place of a constant, with each function that is one.
fn sets_can_be_constants() {
    const STOP: SignalSet = SignalSet::empty().with(SIGINT).with(SIGTERM);
    const MORE: SignalSet = STOP.union(SignalSet::empty().with(SIGHUP)).without(SIGTERM);
    const BOTH: SignalSet = STOP.intersection(MORE);
    const REST: SignalSet = SignalSet::full().difference(SignalSet::asynchronous());
    const FACTS: (bool, bool, usize) = (STOP.contains(SIGINT), BOTH.is_empty(), STOP.len());
    static KEPT: SignalSet = STOP;
    assert_eq!((STOP, KEPT), (SIGINT | SIGTERM, SIGTERM | SIGINT));
    assert_eq!((MORE, BOTH), (SIGHUP | SIGINT, SIGINT.into()));
    assert_eq!(FACTS, (true, false, 2));
    assert!(REST.contains(SIGKILL) && REST.contains(SIGSTOP) && !REST.contains(SIGTERM));
    assert_eq!(!REST, SignalSet::asynchronous());
}

fn sets_and_actions_are_small() {
    let highest = Signal::all().map(Signal::as_raw).max().unwrap() as usize;
    assert_eq!(size_of::<SignalSet>(), (highest + 63) / 64 * 8);
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")) {
        assert_eq!(size_of::<SignalSet>(), 8);
        assert!(size_of::<signal::Action>() <= 48, "{}", size_of::<signal::Action>());
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
    the_members_are_those_of_the_c_library,
    the_layout_is_that_of_the_c_library,
    what_the_c_library_reserves_is_in_no_set,
    sets_can_be_constants,
    sets_and_actions_are_small,
    debug_lists_the_members,
    signals_join_into_sets,
}
