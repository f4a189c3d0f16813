//! One process, one signal, and everybody who handles it: self-pipes of two versions of the
//! library, its guards, signal-hook, tokio, nix and C code that follows its own customs.
//!
//! `step.rs` is the alphabet, `oracle.rs` says who must hear, `world.rs` does it for real,
//! `walk.rs` tries every sequence and `random.rs` longer ones, each in a process of its own.
//! `soak.rs` lets a process live among all of them and a crowd of senders.
//!
//! `table.rs` prints who hears what, and `pages.rs` puts that into docs/, with what `loops.rs` and
//! `coming_from.rs` show there.

pub mod coming_from;
pub mod heard;
pub mod loops;
pub mod neighbours;
pub mod oracle;
pub mod pages;
pub mod posix;
pub mod process;
pub mod random;
pub mod report;
#[cfg(feature = "defer")]
pub mod soak;
pub mod step;
pub mod table;
pub mod walk;
pub mod world;
