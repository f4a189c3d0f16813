//! Sets of signals.

use crate::signal::Signal;
use crate::sys::number;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::MaybeUninit;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};
use libc::{c_int, sigset_t};

/// A set of signals: `sigset_t`.
///
/// Built with `|` from signals, or from an array or an iterator. Functions that want a set take
/// `impl Into<SignalSet>`, so that a single signal will do. Two sets are equal when they have the same members.
///
/// A signal that the C library keeps for itself (32 and 33 under glibc, 32 to 34 under musl) or that its `sigset_t` has
/// no room for (realtime signals on 32-bit Android) cannot be a member: [`insert`](SignalSet::insert) says so.
///
/// ```
/// use signal::{SignalSet, SIGHUP, SIGINT, SIGTERM};
///
/// let mut set = SIGINT | SIGTERM;
/// assert!(set.contains(SIGINT) && set.len() == 2);
/// assert!(set.insert(SIGHUP) && !set.insert(SIGHUP));
/// assert_eq!(set - (SIGHUP | SIGINT), SignalSet::from(SIGTERM));
/// assert_eq!(format!("{:?}", SIGINT | SIGHUP), "{SIGHUP, SIGINT}");
/// ```
///
/// All its functions are async-signal-safe.
///
/// Source: POSIX.1-2024 [`sigaddset`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaddset.html) and its
/// family.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SignalSet(sigset_t);

impl SignalSet {
    /// The set without members.
    pub fn empty() -> SignalSet {
        // The C libraries write only the part that the kernel knows: the rest must be zero beforehand.
        let mut raw = MaybeUninit::<sigset_t>::zeroed();
        // SAFETY: there is room for a set, which is made of integers, all of them zero or written.
        SignalSet(unsafe {
            libc::sigemptyset(raw.as_mut_ptr());
            raw.assume_init()
        })
    }

    /// Room for a set that the system is about to write.
    #[inline]
    pub(crate) fn zeroed() -> SignalSet {
        // SAFETY: made of integers. All zeros is the empty set on every platform.
        SignalSet(unsafe { MaybeUninit::zeroed().assume_init() })
    }

    /// Every signal that the C library lets a program block, `SIGKILL` and `SIGSTOP` included, which stay unblocked all
    /// the same.
    pub fn full() -> SignalSet {
        let mut set = SignalSet::empty();
        // SAFETY: the pointer leads to a whole set.
        unsafe { libc::sigfillset(&mut set.0) };
        set
    }

    pub(crate) fn from_raw(raw: sigset_t) -> SignalSet {
        SignalSet(raw)
    }

    #[inline]
    pub(crate) fn as_raw(&self) -> &sigset_t {
        &self.0
    }

    #[inline]
    pub(crate) fn as_mut_raw(&mut self) -> &mut sigset_t {
        &mut self.0
    }

    /// Adds `signal`. Returns whether that changed the set: not if it was a member already, nor if it cannot be one.
    pub fn insert(&mut self, signal: Signal) -> bool {
        // SAFETY: the pointer leads to a whole set; the call checks the number.
        !self.contains(signal) && unsafe { libc::sigaddset(&mut self.0, signal.as_raw()) } == 0
    }

    /// Takes `signal` out. Returns whether it was a member.
    pub fn remove(&mut self, signal: Signal) -> bool {
        // SAFETY: the pointer leads to a whole set; the call checks the number.
        self.contains(signal) && unsafe { libc::sigdelset(&mut self.0, signal.as_raw()) } == 0
    }

    /// Whether `signal` is a member.
    pub fn contains(&self, signal: Signal) -> bool {
        // SAFETY: the pointer leads to a whole set; the call checks the number.
        unsafe { libc::sigismember(&self.0, signal.as_raw()) == 1 }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The members, in the order of their numbers.
    pub fn iter(&self) -> Iter {
        Iter { set: *self, next: 1 }
    }
}

/// The members of a [`SignalSet`], in the order of their numbers.
#[derive(Clone, Debug)]
pub struct Iter {
    set: SignalSet,
    next: c_int,
}

impl Iterator for Iter {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        while self.next <= number::HIGHEST {
            let signal = Signal::from_raw(self.next)?;
            self.next += 1;
            if self.set.contains(signal) {
                return Some(signal);
            }
        }
        None
    }
}

impl core::iter::FusedIterator for Iter {}

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
    fn from(signal: Signal) -> SignalSet {
        SignalSet::from([signal])
    }
}

impl<const N: usize> From<[Signal; N]> for SignalSet {
    fn from(signals: [Signal; N]) -> SignalSet {
        signals.into_iter().collect()
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
            self.insert(signal);
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

impl<R: Into<SignalSet>> BitOrAssign<R> for SignalSet {
    fn bitor_assign(&mut self, other: R) {
        self.extend(other.into());
    }
}

impl<R: Into<SignalSet>> BitAndAssign<R> for SignalSet {
    fn bitand_assign(&mut self, other: R) {
        let other = other.into();
        *self = self.iter().filter(|signal| other.contains(*signal)).collect();
    }
}

impl<R: Into<SignalSet>> SubAssign<R> for SignalSet {
    fn sub_assign(&mut self, other: R) {
        for signal in other.into() {
            self.remove(signal);
        }
    }
}

macro_rules! operator {
    ($trait:ident $function:ident $assign:ident $doc:literal) => {
        impl<R: Into<SignalSet>> $trait<R> for SignalSet {
            type Output = SignalSet;

            #[doc = $doc]
            fn $function(mut self, other: R) -> SignalSet {
                self.$assign(other);
                self
            }
        }
    };
}

operator!(BitOr bitor bitor_assign "The members of either.");
operator!(BitAnd bitand bitand_assign "The members of both.");
operator!(Sub sub sub_assign "The members of the first that are not in the second.");

impl Not for SignalSet {
    type Output = SignalSet;

    /// The members of [`SignalSet::full`] that are not in this set.
    fn not(self) -> SignalSet {
        SignalSet::full() - self
    }
}

impl PartialEq for SignalSet {
    fn eq(&self, other: &SignalSet) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SignalSet {}

impl Hash for SignalSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for signal in self {
            signal.hash(state);
        }
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}
