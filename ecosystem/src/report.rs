//! What all processes of a run write to: memory that they share.

use crate::step::{parse, to_text, Step, STEPS};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering::SeqCst};

pub const LONGEST: usize = 64;
const FAILURES: usize = 1 << 15;

/// Zeroed memory is a report of nothing.
#[repr(C)]
pub struct Report {
    /// How many sequences of each length were run.
    counts: [AtomicU64; LONGEST + 1],
    failed: AtomicUsize,
    failures: [Text; FAILURES],
    pub workers: [Worker; 64],
}

/// What a worker's children leave behind when they die.
#[repr(C)]
pub struct Worker {
    /// Whether the next kill must end the process.
    pub deadly: AtomicBool,
    steps: [AtomicU8; LONGEST],
    taken: AtomicUsize,
    pub wrong: Text,
}

#[repr(C)]
pub struct Text {
    bytes: [AtomicU8; 1000],
}

impl Text {
    pub fn set(&self, text: &str) {
        let text = text.as_bytes().iter().copied().chain(std::iter::repeat(0));
        self.bytes.iter().zip(text).for_each(|(byte, new)| byte.store(new, SeqCst));
    }

    pub fn get(&self) -> String {
        let bytes = self.bytes.iter().map(|byte| byte.load(SeqCst)).take_while(|byte| *byte != 0);
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
    }
}

impl Worker {
    pub fn start(&self) {
        self.taken.store(0, SeqCst);
        self.deadly.store(false, SeqCst);
        self.wrong.set("");
    }

    /// Notes a step that is about to be taken.
    pub fn note(&self, step: Step) {
        let index = STEPS.iter().position(|known| *known == step).expect("a step");
        if let Some(place) = self.steps.get(self.taken.fetch_add(1, SeqCst)) {
            place.store(index as u8, SeqCst);
        }
    }

    pub fn steps(&self) -> Vec<Step> {
        let taken = self.taken.load(SeqCst).min(LONGEST);
        self.steps[..taken].iter().map(|step| STEPS[usize::from(step.load(SeqCst))]).collect()
    }
}

/// Zeroed memory that this process and its children share. It is never given back.
///
/// # Safety
///
/// Zero is valid for each part of a `T`, and each part is atomic.
pub unsafe fn shared<T>() -> &'static T {
    let (size, access) = (size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, aligned to a page, and as the caller says.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast::<T>()
    }
}

impl Report {
    pub fn new() -> &'static Report {
        // SAFETY: all its parts are atomic, and zero is valid for them.
        unsafe { shared() }
    }

    pub fn count(&self, length: usize) {
        self.counts[length.min(LONGEST)].fetch_add(1, SeqCst);
    }

    /// Lengths and how many sequences of them were run.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let counts = self.counts.iter().map(|count| count.load(SeqCst)).enumerate();
        counts.filter(|(_, count)| *count > 0)
    }

    pub fn total(&self) -> u64 {
        self.counts().map(|(_, count)| count).sum()
    }

    pub fn fail(&self, steps: &[Step], wrong: &str) {
        if let Some(text) = self.failures.get(self.failed.fetch_add(1, SeqCst)) {
            text.set(&format!("{}: {wrong}", to_text(steps)));
        }
    }

    pub fn failed(&self) -> usize {
        self.failed.load(SeqCst)
    }

    /// The failures that do not contain a shorter one.
    pub fn shortest(&self) -> Vec<String> {
        let texts = self.failures[..self.failed().min(FAILURES)].iter().map(Text::get);
        let mut failures: Vec<(Vec<Step>, String)> = texts
            .map(|text| (parse(text.split(':').next().unwrap_or("")).unwrap_or_default(), text))
            .collect();
        failures.sort();
        failures.sort_by_key(|(steps, _)| steps.len());
        let mut shortest: Vec<(Vec<Step>, String)> = Vec::new();
        for (steps, text) in failures {
            if !shortest.iter().any(|(shorter, _)| contains(&steps, shorter)) {
                shortest.push((steps, text));
            }
        }
        shortest.into_iter().map(|(_, text)| text).collect()
    }
}

/// Whether all steps of `part` are in `whole`, in their order.
fn contains(whole: &[Step], part: &[Step]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|step| whole.any(|other| other == step))
}
