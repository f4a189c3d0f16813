//! Sets of signals.

use crate::signal::{self, Signal};
use crate::sys::sigset::{self, Words, MEMBERS, WORDS};
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use libc::c_int;

/// A set of signals: a bitmap of its own, 8 bytes on Linux, which becomes a `sigset_t` at each
/// system call.
///
/// Built with `|` from signals, from an array, a slice or an iterator, or as a constant with
/// [`with`](SignalSet::with). Functions that want a set take `impl Into<SignalSet>`, so that a
/// single signal will do.
///
/// A signal that the C library reserves (32 and 33 under glibc, 32 to 34 under musl) or that its
/// `sigset_t` has no room for (realtime signals on 32-bit Android) cannot be a member:
/// [`insert`](SignalSet::insert) says so.
///
/// ```
/// use signal::{SignalSet, SIGHUP, SIGINT, SIGTERM};
///
/// const STOP: SignalSet = SignalSet::empty().with(SIGINT).with(SIGTERM);
///
/// let mut set = SIGINT | SIGTERM;
/// assert_eq!(set, STOP);
/// assert!(set.insert(SIGHUP) && !set.insert(SIGHUP));
/// assert_eq!(set - (SIGHUP | SIGINT), SignalSet::from(SIGTERM));
/// assert_eq!(format!("{:?}", SIGINT | SIGHUP), "{SIGHUP, SIGINT}");
/// ```
///
/// All its functions are async-signal-safe, except [`wait`](SignalSet::wait) and
/// [`wait_timeout`](SignalSet::wait_timeout), whose calls POSIX does not list.
///
/// Source: POSIX.1-2024
/// [`sigaddset`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaddset.html) and its
/// family.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalSet(Words);

/// The word and the bit of a signal. The remainder changes nothing; with it, the compiler sees no
/// way to panic.
const fn place(signal: Signal) -> (usize, u64) {
    let index = (signal.as_raw() as usize).wrapping_sub(1);
    #[allow(clippy::modulo_one)] // as it is on Linux
    (index / 64 % WORDS, 1 << (index % 64))
}

impl SignalSet {
    /// The set without members.
    #[doc(alias = "sigemptyset")]
    pub const fn empty() -> SignalSet {
        SignalSet([0; WORDS])
    }

    /// Every signal that the C library lets a program block, `SIGKILL` and `SIGSTOP` included,
    /// which stay unblocked all the same.
    #[doc(alias = "sigfillset")]
    pub const fn full() -> SignalSet {
        SignalSet(MEMBERS)
    }

    /// Everything that can be blocked without harm, for a region in which nothing may come in
    /// between: all except SIGKILL and SIGSTOP, the faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
    /// SIGTRAP, SIGSYS), which kill (Linux) or spin for ever (macOS) while they are blocked, and
    /// SIGABRT, without which `abort` does not.
    ///
    /// ```
    /// use signal::{BlockGuard, SignalSet};
    ///
    /// let _guard = BlockGuard::new(SignalSet::asynchronous());
    /// ```
    pub const fn asynchronous() -> SignalSet {
        const ASYNCHRONOUS: SignalSet = SignalSet::full()
            .without(signal::SIGKILL)
            .without(signal::SIGSTOP)
            .without(signal::SIGSEGV)
            .without(signal::SIGBUS)
            .without(signal::SIGFPE)
            .without(signal::SIGILL)
            .without(signal::SIGTRAP)
            .without(signal::SIGSYS)
            .without(signal::SIGABRT);
        ASYNCHRONOUS
    }

    /// This set and `signal`, if that can be a member.
    #[must_use]
    pub const fn with(self, signal: Signal) -> SignalSet {
        let (word, bit) = place(signal);
        let mut words = self.0;
        words[word] |= bit & MEMBERS[word];
        SignalSet(words)
    }

    /// This set except `signal`.
    #[must_use]
    pub const fn without(self, signal: Signal) -> SignalSet {
        let (word, bit) = place(signal);
        let mut words = self.0;
        words[word] &= !bit;
        SignalSet(words)
    }

    /// The members of either set. In a `const`; elsewhere `|` does it.
    #[must_use]
    pub const fn union(self, other: SignalSet) -> SignalSet {
        let mut words = self.0;
        let mut index = 0;
        while index < WORDS {
            words[index] |= other.0[index];
            index += 1;
        }
        SignalSet(words)
    }

    /// The members of both sets. In a `const`; elsewhere `&` does it.
    #[must_use]
    pub const fn intersection(self, other: SignalSet) -> SignalSet {
        let mut words = self.0;
        let mut index = 0;
        while index < WORDS {
            words[index] &= other.0[index];
            index += 1;
        }
        SignalSet(words)
    }

    /// The members of this set that are not in the other. In a `const`; elsewhere `-` does it.
    #[must_use]
    pub const fn difference(self, other: SignalSet) -> SignalSet {
        let mut words = self.0;
        let mut index = 0;
        while index < WORDS {
            words[index] &= !other.0[index];
            index += 1;
        }
        SignalSet(words)
    }

    /// Whether `signal` is a member.
    #[doc(alias = "sigismember")]
    pub const fn contains(&self, signal: Signal) -> bool {
        let (word, bit) = place(signal);
        self.0[word] & bit != 0
    }

    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of members.
    pub const fn len(&self) -> usize {
        let (mut count, mut index) = (0, 0);
        while index < WORDS {
            count += self.0[index].count_ones() as usize;
            index += 1;
        }
        count
    }

    /// Adds `signal`. Returns whether that changed the set: not if it was a member already, nor if
    /// it cannot be one.
    #[doc(alias = "sigaddset")]
    pub fn insert(&mut self, signal: Signal) -> bool {
        let before = *self;
        *self = before.with(signal);
        *self != before
    }

    /// Takes `signal` out. Returns whether it was a member.
    #[doc(alias = "sigdelset")]
    pub fn remove(&mut self, signal: Signal) -> bool {
        let before = *self;
        *self = before.without(signal);
        *self != before
    }

    /// The members, in the order of their numbers.
    pub fn iter(&self) -> Iter {
        Iter(*self)
    }

    /// The C structure, for calls that this crate does not make: `ppoll`, `pselect`, `signalfd`,
    /// `posix_spawn`.
    ///
    /// ```
    /// use signal::{SignalSet, SIGINT};
    ///
    /// let raw = SignalSet::from(SIGINT).to_raw();
    /// // SAFETY: a whole set.
    /// assert_eq!(unsafe { libc::sigismember(&raw, libc::SIGINT) }, 1);
    /// assert_eq!(SignalSet::from_raw(&raw), SIGINT.into());
    /// ```
    #[doc(alias = "sigset_t")]
    pub fn to_raw(&self) -> libc::sigset_t {
        sigset::whole(self.0)
    }

    /// The set that a C structure holds, except what the C library reserves.
    pub fn from_raw(raw: &libc::sigset_t) -> SignalSet {
        // SAFETY: a reference to a whole set.
        SignalSet(unsafe { sigset::read(raw) })
    }

    #[inline]
    pub(crate) const fn to_words(self) -> Words {
        self.0
    }

    /// From words that hold nothing else than `MEMBERS` does.
    #[inline]
    pub(crate) const fn from_words(words: Words) -> SignalSet {
        SignalSet(words)
    }
}

/// The members of a [`SignalSet`], in the order of their numbers.
#[derive(Clone, Debug)]
pub struct Iter(SignalSet);

impl Iterator for Iter {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        for (index, word) in self.0 .0.iter_mut().enumerate() {
            if *word != 0 {
                let number = index as c_int * 64 + word.trailing_zeros() as c_int + 1;
                *word &= *word - 1;
                return Signal::from_raw(number);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for Iter {}
impl FusedIterator for Iter {}

impl IntoIterator for SignalSet {
    type Item = Signal;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl IntoIterator for &SignalSet {
    type Item = Signal;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl Default for SignalSet {
    /// The set without members.
    fn default() -> SignalSet {
        SignalSet::empty()
    }
}

impl From<Signal> for SignalSet {
    #[inline]
    fn from(signal: Signal) -> SignalSet {
        SignalSet::empty().with(signal)
    }
}

impl<const N: usize> From<[Signal; N]> for SignalSet {
    fn from(signals: [Signal; N]) -> SignalSet {
        SignalSet::from(&signals[..])
    }
}

impl<const N: usize> From<&[Signal; N]> for SignalSet {
    fn from(signals: &[Signal; N]) -> SignalSet {
        SignalSet::from(&signals[..])
    }
}

impl From<&[Signal]> for SignalSet {
    fn from(signals: &[Signal]) -> SignalSet {
        signals.iter().copied().collect()
    }
}

impl From<&SignalSet> for SignalSet {
    fn from(set: &SignalSet) -> SignalSet {
        *set
    }
}

impl Extend<Signal> for SignalSet {
    fn extend<I: IntoIterator<Item = Signal>>(&mut self, signals: I) {
        for signal in signals {
            *self = self.with(signal);
        }
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> SignalSet {
        let mut set = SignalSet::empty();
        set.extend(signals);
        set
    }
}

macro_rules! operator {
    ($trait:ident $function:ident $assign_trait:ident $assign:ident $by:ident $doc:literal) => {
        impl<R: Into<SignalSet>> $trait<R> for SignalSet {
            type Output = SignalSet;

            #[doc = $doc]
            #[inline]
            fn $function(self, other: R) -> SignalSet {
                self.$by(other.into())
            }
        }

        impl<R: Into<SignalSet>> $assign_trait<R> for SignalSet {
            fn $assign(&mut self, other: R) {
                *self = self.$by(other.into());
            }
        }
    };
}

operator!(BitOr bitor BitOrAssign bitor_assign union "The members of either.");
operator!(BitAnd bitand BitAndAssign bitand_assign intersection "The members of both.");
operator!(Sub sub SubAssign sub_assign difference "The members of the first that are not in the second.");

impl<R: Into<SignalSet>> BitOr<R> for Signal {
    type Output = SignalSet;

    /// The set of both: `SIGINT | SIGTERM`.
    #[inline]
    fn bitor(self, other: R) -> SignalSet {
        SignalSet::from(self) | other
    }
}

impl Not for SignalSet {
    type Output = SignalSet;

    /// The members of [`SignalSet::full`] that are not in this set.
    fn not(self) -> SignalSet {
        SignalSet::full() - self
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

/// A set that any number of threads and handlers may change at once, signal by signal.
pub(crate) struct AtomicSignals([AtomicU32; 2 * WORDS]);

impl AtomicSignals {
    pub(crate) const fn new() -> AtomicSignals {
        #[allow(clippy::declare_interior_mutable_const)] // the initial value of each element, never used in place
        const NONE: AtomicU32 = AtomicU32::new(0);
        AtomicSignals([NONE; 2 * WORDS])
    }

    /// The half word and the bit of a signal: not every processor has 64-bit atomics.
    #[inline]
    fn place(&self, signal: Signal) -> (&AtomicU32, u32) {
        let index = (signal.as_raw() as usize).wrapping_sub(1);
        (&self.0[index / 32 % (2 * WORDS)], 1 << (index % 32))
    }

    #[inline]
    pub(crate) fn insert(&self, signal: Signal) {
        let (half, bit) = self.place(signal);
        half.fetch_or(bit, SeqCst);
    }

    /// Whether it was a member.
    #[inline]
    pub(crate) fn remove(&self, signal: Signal) -> bool {
        let (half, bit) = self.place(signal);
        half.fetch_and(!bit, SeqCst) & bit != 0
    }

    #[cfg(has_deferral)]
    #[inline]
    pub(crate) fn contains(&self, signal: Signal) -> bool {
        let (half, bit) = self.place(signal);
        half.load(SeqCst) & bit != 0
    }

    /// Whether it is a member, and whoever takes it later sees what was written before this. May
    /// say no while other members change.
    #[inline]
    pub(crate) fn confirm(&self, signal: Signal) -> bool {
        let (half, bit) = self.place(signal);
        let now = half.load(SeqCst);
        now & bit != 0 && half.compare_exchange(now, now, SeqCst, SeqCst).is_ok()
    }

    /// Empties the set and returns what was in it.
    #[inline]
    pub(crate) fn take(&self) -> SignalSet {
        let mut words = [0; WORDS];
        for (index, half) in self.0.iter().enumerate() {
            // Most are empty: a load is cheaper than a swap.
            if half.load(SeqCst) != 0 {
                words[index / 2] |= u64::from(half.swap(0, SeqCst)) << (index % 2 * 32);
            }
        }
        SignalSet(words)
    }
}
