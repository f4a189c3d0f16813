#![doc = include_str!("../README.md")]
#![no_std]
#![cfg(unix)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(has_known_system))]
compile_error!(
    "posix-signal does not know this system: build.rs and src/sys must learn what it has"
);

mod action;
mod alt_stack;
pub mod child;
mod context;
mod deadline;
#[cfg(feature = "defer")]
mod defer;
mod entry;
mod errno;
mod fd;
#[cfg(all(any(doc, doctest), feature = "std"))]
pub mod guide;
mod handler;
mod info;
mod install;
mod interrupt;
mod lock;
mod mask;
mod name;
pub mod owner;
mod pid;
mod process;
mod self_pipe;
mod send;
pub mod session;
mod set;
mod sigmask;
mod signal;
mod signal_fd;
mod sys;
pub mod timer;
mod wait;

pub use crate::action::{Action, Flags};
pub use crate::alt_stack::AltStack;
pub use crate::context::Context;
#[cfg(feature = "defer")]
pub use crate::defer::DeferGuard;
pub use crate::entry::queue::InfoQueue;
pub use crate::errno::{Errno, Result};
pub use crate::handler::{Function, Handler};
pub use crate::info::{Cause, Info};
pub use crate::install::{install, install_unless_ignored, query, InstallGuard};
pub use crate::interrupt::{finish_connect, retry, Interrupted};
pub use crate::mask::{block, blocked, pending, set_blocked, suspend, unblock};
pub use crate::mask::{BlockGuard, UnblockGuard};
pub use crate::name::ParseSignalError;
pub use crate::pid::Pid;
pub use crate::self_pipe::SelfPipe;
#[cfg(feature = "std")]
pub use crate::send::kill_thread;
pub use crate::send::{die_by, exists, kill, kill_group, kill_own_group};
pub use crate::send::{queue, queue_pointer, raise, stop_by};
#[cfg(feature = "std")]
pub use crate::session::CommandExt;
pub use crate::set::{Iter, SignalSet};
pub use crate::signal::*;
pub use crate::signal_fd::SignalFd;
pub use crate::timer::alarm;
