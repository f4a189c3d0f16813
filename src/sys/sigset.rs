//! `sigset_t`: on every platform a bitmap in which signal n is bit n−1, in parts of 32 or 64 bits.
//!
//! The crate keeps sets as `Words`; this file alone converts. It touches no more of a `sigset_t`
//! than the kernel does, so that it may also be pointed at the mask in a signal frame, behind which
//! other parts of the frame follow. A test compares it with `sigaddset` for every signal.

use super::number::HIGHEST;
use core::mem::{size_of, MaybeUninit};
use libc::sigset_t;

/// Signal n is bit (n−1) mod 64 of word (n−1) div 64.
pub(crate) type Words = [u64; WORDS];
pub(crate) const WORDS: usize = (HIGHEST as usize + 63) / 64;

cfg_if::cfg_if! {
    if #[cfg(all(
        target_pointer_width = "64",
        any(target_os = "linux", target_os = "android", target_os = "aix"),
    ))] {
        type Part = u64;
    } else {
        type Part = u32;
    }
}

const PART_BITS: usize = Part::BITS as usize;
/// How many parts of a `sigset_t` are the kernel's: glibc and musl make room for 1024 signals.
const PARTS: usize = smaller(size_of::<sigset_t>() / size_of::<Part>(), 64 / PART_BITS * WORDS);

/// The numbers that `sigaddset` takes: up to the highest, except what the C library reserves for
/// its threads and what its type has no room for.
pub(crate) const MEMBERS: Words = {
    let mut words = [0; WORDS];
    let mut number = 1;
    while number <= smaller(HIGHEST as usize, 8 * size_of::<sigset_t>()) {
        if !is_reserved(number) {
            words[(number - 1) / 64] |= 1 << ((number - 1) % 64);
        }
        number += 1;
    }
    words
};

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "uclibc")))] {
        const fn is_reserved(number: usize) -> bool {
            number == 32 || number == 33
        }
    } else if #[cfg(all(target_os = "linux", any(target_env = "musl", target_env = "ohos")))] {
        const fn is_reserved(number: usize) -> bool {
            number >= 32 && number <= 34
        }
    } else {
        // Others take what they reserve and leave it out when the mask changes.
        const fn is_reserved(_: usize) -> bool {
            false
        }
    }
}

const fn smaller(one: usize, other: usize) -> usize {
    if one < other {
        one
    } else {
        other
    }
}

/// A set for a system call to read: beyond the kernel's part it is not filled in.
#[inline(always)]
pub(crate) fn argument(words: Words) -> MaybeUninit<sigset_t> {
    let mut raw = MaybeUninit::uninit();
    // SAFETY: room for a whole set.
    unsafe { write(raw.as_mut_ptr(), words) };
    raw
}

/// A whole `sigset_t`, for the program.
pub(crate) fn whole(words: Words) -> sigset_t {
    let mut raw = MaybeUninit::zeroed();
    // SAFETY: room for a whole set, which is made of integers, all of them zero or written.
    unsafe {
        write(raw.as_mut_ptr(), words);
        raw.assume_init()
    }
}

/// # Safety
///
/// `raw` must be valid for writes of the kernel's part of a set.
#[inline(always)]
pub(crate) unsafe fn write(raw: *mut sigset_t, words: Words) {
    for index in 0..PARTS {
        let bit = index * PART_BITS;
        let part = (words[bit / 64] >> (bit % 64)) as Part;
        // SAFETY: within the kernel's part, by the caller's promise; the type is no less aligned.
        unsafe { raw.cast::<Part>().add(index).write(part) };
    }
}

/// Adds to a set, which keeps what the C library reserves.
///
/// # Safety
///
/// `raw` must be valid for reads and writes of the kernel's part of a set.
#[cfg(has_deferral)]
pub(crate) unsafe fn add(raw: *mut sigset_t, words: Words) {
    for index in 0..PARTS {
        let bit = index * PART_BITS;
        // SAFETY: within the kernel's part, by the caller's promise; the type is no less aligned.
        unsafe { *raw.cast::<Part>().add(index) |= (words[bit / 64] >> (bit % 64)) as Part };
    }
}

/// The members that the C library lets a program use.
///
/// # Safety
///
/// `raw` must be valid for reads of the kernel's part of a set.
#[inline(always)]
pub(crate) unsafe fn read(raw: *const sigset_t) -> Words {
    let mut words = [0; WORDS];
    for index in 0..PARTS {
        let bit = index * PART_BITS;
        // SAFETY: within the kernel's part, by the caller's promise; the type is no less aligned.
        let part = unsafe { raw.cast::<Part>().add(index).read() };
        words[bit / 64] |= (part as u64) << (bit % 64);
    }
    for (word, members) in words.iter_mut().zip(MEMBERS) {
        *word &= members;
    }
    words
}
