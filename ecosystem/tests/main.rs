//! The library in company. Each test runs in a process of its own.

#[path = "../../tests/harness.rs"]
#[macro_use]
#[allow(dead_code)]
mod harness;

mod coming_from;
mod faults;
mod limits;
mod loops;
mod properties;
mod sequences;
mod threads;

fn main() {
    let others = [
        coming_from::TESTS,
        faults::TESTS,
        limits::TESTS,
        threads::TESTS,
        sequences::TESTS,
        properties::TESTS,
    ];
    harness::run(&[loops::TESTS, &others].concat());
}
