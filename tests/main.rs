//! All tests, in one program: a module for each room of the library, with the same name, and
//! `examples` for the programs in examples/.
//!
//! `cargo test --test tests -- self_pipe::` runs the tests of one room. Those of `examples` want
//! the programs built: `cargo build --examples`, or `cargo test` without `--test`.

#[macro_use]
mod harness;
mod common;

mod action;
mod child;
#[cfg(feature = "defer")]
mod defer;
mod entry;
mod errno;
#[cfg(feature = "std")]
mod examples;
mod handler;
mod info;
mod install;
mod interrupt;
mod mask;
mod name;
mod owner;
mod pid;
mod self_pipe;
mod send;
#[cfg(feature = "std")]
mod session;
mod set;
mod signal;
mod signal_fd;
mod timer;
mod wait;

fn main() {
    harness::run(&[
        errno::TESTS,
        pid::TESTS,
        set::TESTS,
        signal::TESTS,
        name::TESTS,
        info::TESTS,
        handler::TESTS,
        entry::TESTS,
        action::TESTS,
        install::TESTS,
        mask::TESTS,
        interrupt::TESTS,
        owner::TESTS,
        timer::TESTS,
        send::TESTS,
        wait::TESTS,
        signal_fd::TESTS,
        #[cfg(feature = "defer")]
        defer::TESTS,
        #[cfg(feature = "defer")]
        defer::foreign::TESTS,
        #[cfg(feature = "defer")]
        defer::mask::TESTS,
        #[cfg(feature = "defer")]
        defer::storm::TESTS,
        self_pipe::TESTS,
        self_pipe::chain::TESTS,
        self_pipe::errors::TESTS,
        self_pipe::flags::TESTS,
        self_pipe::fork::TESTS,
        self_pipe::load::TESTS,
        self_pipe::queue::TESTS,
        self_pipe::vfork::TESTS,
        self_pipe::wake::TESTS,
        child::TESTS,
        #[cfg(feature = "std")]
        session::TESTS,
        #[cfg(feature = "std")]
        session::command::TESTS,
        #[cfg(feature = "std")]
        session::daemon::TESTS,
        #[cfg(feature = "std")]
        session::pid_file::TESTS,
        #[cfg(feature = "std")]
        examples::server::TESTS,
        #[cfg(feature = "std")]
        examples::client::TESTS,
    ])
}
