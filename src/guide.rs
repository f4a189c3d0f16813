//! How to do it: one chapter for each task, with a whole program that the tests run.
//!
//! Each chapter is short and stands alone. The programs are in
//! [`examples/`](https://github.com/posix-signal/posix-signal/tree/main/examples).
//!
//! | chapter | program |
//! |---|---|
//! | [Shutting down](shutdown) | `stop` |
//! | [Children without zombies](children) | `children`, `echo_server`, `timeout`, `init` |
//! | [Critical regions](regions) | `region` |
//! | [Signals and threads](threads) | `threads`, `who_sent_it` |
//! | [Fork, exec and daemons](daemons) | `daemon`, `nohup` |
//! | [What does not restart](not_restarted) | `not_restarted`, `echo_client` |
//! | [Writing a handler](handlers) | `handler`, `crash_report`, `profiler`, `registry` |
//! | [With others in one process](neighbours) | `neighbours` |
//! | [Job control](job_control) | `shell`, `progress` |

/// The whole program, as the tests run it.
macro_rules! program {
    ($name:literal) => {
        concat!(
            "\n\n# The program\n\n`cargo run --example ",
            $name,
            "`\n\n```no_run\n",
            include_str!(concat!("../examples/", $name, ".rs")),
            "```\n"
        )
    };
}

/// A picture of docs/pictures/.
macro_rules! picture {
    ($name:literal) => {
        concat!("\n\n", include_str!(concat!("../docs/pictures/", $name, ".svg")), "\n\n")
    };
}

/// Shutting down: Ctrl-C, the second Ctrl-C, SIGTERM, and reloading on SIGHUP.
#[doc = include_str!("guide/shutdown.md")]
#[doc = program!("stop")]
#[doc(alias = "ctrl-c")]
#[doc(alias = "ctrlc")]
#[doc(alias = "graceful shutdown")]
#[doc(alias = "reload")]
pub mod shutdown {}

/// Children: a server that never leaves zombies.
#[doc = picture!("pipe")]
#[doc = include_str!("guide/children.md")]
#[doc = program!("children")]
#[doc(alias = "zombie")]
pub mod children {}

/// Critical regions: code that no handler interrupts.
#[doc = picture!("delivery")]
#[doc = include_str!("guide/regions.md")]
#[doc = program!("region")]
#[doc(alias = "critical section")]
pub mod regions {}

/// Signals and threads: who gets a signal, and one thread that takes them all.
#[doc = include_str!("guide/threads.md")]
#[doc = program!("threads")]
pub mod threads {}

/// Fork, exec and daemons: what a child and a new program inherit.
#[doc = picture!("daemon")]
#[doc = include_str!("guide/daemons.md")]
#[doc = program!("daemon")]
#[doc(alias = "fork")]
#[doc(alias = "daemon")]
#[doc(alias = "double fork")]
#[doc(alias = "sd_notify")]
pub mod daemons {}

/// What does not restart: the calls that fail with `EINTR`, and how to continue.
#[doc = include_str!("guide/not_restarted.md")]
#[doc = program!("not_restarted")]
#[doc(alias = "EINTR")]
pub mod not_restarted {}

/// Writing a handler: what a function may do when it can run at any moment.
#[doc = include_str!("guide/handlers.md")]
#[doc = program!("handler")]
#[doc(alias = "segfault")]
pub mod handlers {}

/// With others in one process: a chain of handlers, and who hears what.
#[doc = picture!("chain")]
#[doc = include_str!("guide/neighbours.md")]
#[doc = program!("neighbours")]
pub mod neighbours {}

/// Job control: sessions, process groups and the terminal.
#[doc = picture!("sessions")]
#[doc = include_str!("guide/job_control.md")]
#[doc = program!("progress")]
#[doc(alias = "shell")]
pub mod job_control {}
