//! All tests, in one program: a module for each room of the library, with the same name; `examples`
//! for the programs in examples/; `compile_errors` and `messages` for what a mistake is told.
//!
//! `cargo test --test tests -- self_pipe::` runs the tests of one room. Those of `examples` want
//! the programs built: `cargo build --examples`, or `cargo test` without `--test`.

#[macro_use]
mod harness;
mod common;

mod action;
#[cfg(has_sigaltstack)]
mod alt_stack;
mod child;
mod compile_errors;
mod context;
#[cfg(feature = "defer")]
mod defer;
mod entry;
mod errno;
#[cfg(feature = "std")]
mod examples;
#[cfg(all(feature = "std", has_known_calls))]
mod faults;
mod handler;
mod info;
mod install;
mod interrupt;
mod lock;
mod mask;
mod messages;
mod name;
mod owner;
mod pid;
mod posix;
mod process;
#[cfg(target_os = "linux")]
mod sandbox;
mod self_pipe;
mod send;
#[cfg(feature = "std")]
mod session;
mod set;
mod signal;
mod signal_fd;
#[cfg(has_sa_restart)]
mod step;
mod timer;
mod wait;

fn main() {
    posix::exec::probe();
    harness::run(&[
        errno::TESTS,
        pid::TESTS,
        process::TESTS,
        lock::TESTS,
        #[cfg(target_os = "linux")]
        sandbox::TESTS,
        set::TESTS,
        signal::TESTS,
        name::TESTS,
        info::TESTS,
        handler::TESTS,
        entry::TESTS,
        context::TESTS,
        action::TESTS,
        install::TESTS,
        mask::TESTS,
        #[cfg(has_sigaltstack)]
        alt_stack::TESTS,
        interrupt::TESTS,
        owner::TESTS,
        timer::TESTS,
        send::TESTS,
        wait::TESTS,
        signal_fd::TESTS,
        #[cfg(feature = "defer")]
        defer::TESTS,
        #[cfg(feature = "defer")]
        defer::alike::TESTS,
        #[cfg(feature = "defer")]
        defer::foreign::TESTS,
        #[cfg(feature = "defer")]
        defer::mask::TESTS,
        #[cfg(feature = "defer")]
        defer::shared_object::TESTS,
        #[cfg(feature = "defer")]
        defer::step::TESTS,
        #[cfg(feature = "defer")]
        defer::storm::TESTS,
        #[cfg(feature = "defer")]
        defer::table::TESTS,
        messages::TESTS,
        self_pipe::TESTS,
        self_pipe::chain::TESTS,
        self_pipe::errors::TESTS,
        self_pipe::flags::TESTS,
        self_pipe::fork::TESTS,
        self_pipe::load::TESTS,
        self_pipe::queue::TESTS,
        self_pipe::vfork::TESTS,
        self_pipe::wake::TESTS,
        #[cfg(all(feature = "std", has_known_calls))]
        faults::TESTS,
        #[cfg(all(feature = "std", has_known_calls))]
        faults::daemon::TESTS,
        #[cfg(all(feature = "std", has_known_calls))]
        faults::limits::TESTS,
        child::TESTS,
        child::wait::TESTS,
        child::change::TESTS,
        #[cfg(has_sa_restart)]
        step::TESTS,
        #[cfg(feature = "std")]
        session::TESTS,
        #[cfg(feature = "std")]
        session::command::TESTS,
        #[cfg(feature = "std")]
        session::job::TESTS,
        #[cfg(feature = "std")]
        session::daemon::TESTS,
        #[cfg(feature = "std")]
        session::pid_file::TESTS,
        posix::sigaction::TESTS,
        posix::pthread_sigmask::TESTS,
        posix::sigpending::TESTS,
        posix::sigsuspend::TESTS,
        posix::sigwait::TESTS,
        posix::sigqueue::TESTS,
        posix::kill::TESTS,
        posix::raise::TESTS,
        posix::alarm::TESTS,
        #[cfg(has_sigaltstack)]
        posix::sigaltstack::TESTS,
        posix::pthread_kill::TESTS,
        posix::waitpid::TESTS,
        #[cfg(feature = "std")]
        posix::tcsetpgrp::TESTS,
        posix::sigsetops::TESTS,
        posix::fork::TESTS,
        posix::exec::TESTS,
        posix::pthread_create::TESTS,
        compile_errors::TESTS,
        #[cfg(feature = "std")]
        examples::server::TESTS,
        #[cfg(feature = "std")]
        examples::client::TESTS,
        #[cfg(feature = "std")]
        examples::guide::TESTS,
        #[cfg(feature = "std")]
        examples::progress::TESTS,
        #[cfg(feature = "std")]
        examples::registry::TESTS,
        #[cfg(feature = "std")]
        examples::reports::TESTS,
        #[cfg(feature = "std")]
        examples::timeout::TESTS,
        #[cfg(feature = "std")]
        examples::nohup::TESTS,
        #[cfg(feature = "std")]
        examples::init::TESTS,
        #[cfg(feature = "std")]
        examples::shell::TESTS,
    ])
}
