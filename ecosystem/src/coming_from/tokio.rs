//! Coming from tokio::signal.

use super::{arrange, not_shown, rows, Outcome};
use signal::{child, Pid, SelfPipe, SignalSet};
use signal::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use std::future::Future;
use std::io;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::watch;

fn run(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(future)
}

// shown:begin
type Signals = AsyncFd<SelfPipe>;

fn signals(set: impl Into<SignalSet>) -> io::Result<Signals> {
    let pipe = SelfPipe::new(set)?;
    // SAFETY: a pipe keeps its descriptor and its open file as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(pipe, Interest::READABLE) }?)
}

/// What has arrived, at least one. Cancel safe.
async fn next(signals: &Signals) -> io::Result<SignalSet> {
    loop {
        let arrived = signals.get_ref().pending();
        if !arrived.is_empty() {
            return Ok(arrived);
        }
        signals.readable().await?.clear_ready();
    }
}
// shown:end

/// Ctrl-C
pub mod ctrl_c {
    use super::*;

    pub fn there() -> Outcome {
        run(async {
            not_shown! { arrange::arrives(SIGINT); }
            tokio::signal::ctrl_c().await?;
            Ok(())
        })
    }

    pub fn here() -> Outcome {
        run(async {
            not_shown! { arrange::arrives(SIGINT); }
            next(&signals(SIGINT)?).await?;
            Ok(())
        })
    }
}

/// One of several
pub mod select {
    use super::*;

    pub fn there() -> Outcome {
        run(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut hangup = signal(SignalKind::hangup())?;
            not_shown! { arrange::arrives(SIGTERM); }
            loop {
                tokio::select! {
                    _ = hangup.recv() => println!("reading the configuration again"),
                    _ = terminate.recv() => break,
                }
            }
            Ok(())
        })
    }

    pub fn here() -> Outcome {
        run(async {
            let signals = signals(SIGTERM | SIGHUP)?;
            not_shown! { arrange::arrives(SIGTERM); }
            loop {
                let arrived = next(&signals).await?;
                if arrived.contains(SIGHUP) {
                    println!("reading the configuration again");
                }
                if arrived.contains(SIGTERM) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Beside other work
pub mod beside {
    use super::*;

    pub fn there() -> Outcome {
        run(async {
            let mut terminate = signal(SignalKind::terminate())?;
            not_shown! { arrange::arrives(SIGTERM); }
            not_shown! { let work = std::future::pending::<()>(); }
            tokio::select! {
                () = work => {}
                _ = terminate.recv() => println!("ending"),
            }
            Ok(())
        })
    }

    pub fn here() -> Outcome {
        run(async {
            let signals = signals(SIGTERM)?;
            not_shown! { arrange::arrives(SIGTERM); }
            not_shown! { let work = std::future::pending::<()>(); }
            tokio::select! {
                () = work => {}
                _ = next(&signals) => println!("ending"),
            }
            Ok(())
        })
    }
}

/// Many listeners. (There, each has a stream; here, one pipe tells them: a process has 32.)
pub mod many_listeners {
    use super::*;

    pub fn there() -> Outcome {
        run(async {
            let mut listeners = Vec::new();
            for _ in 0..100 {
                listeners.push(signal(SignalKind::user_defined1())?);
            }
            not_shown! { signal::raise(SIGUSR1)?; }
            for listener in &mut listeners {
                listener.recv().await;
            }
            Ok(())
        })
    }

    pub fn here() -> Outcome {
        run(async {
            let (sender, receiver) = watch::channel(());
            let mut listeners = vec![receiver; 100];
            let signals = signals(SIGUSR1)?;
            tokio::spawn(async move {
                while next(&signals).await.is_ok() {
                    sender.send_replace(());
                }
            });
            not_shown! { signal::raise(SIGUSR1)?; }
            for listener in &mut listeners {
                listener.changed().await?;
            }
            Ok(())
        })
    }
}

/// Children of one's own, by pid, since tokio's `Child` waits for its own
pub mod children {
    use super::*;

    pub fn there() -> Outcome {
        run(async {
            let mut changes = signal(SignalKind::child())?;
            not_shown! { let pid = arrange::child(3).as_raw(); }
            let mut status = 0;
            // SAFETY: room for the status.
            while unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == 0 {
                changes.recv().await;
            }
            not_shown! { assert_eq!(libc::WEXITSTATUS(status), 3); }
            Ok(())
        })
    }

    pub fn here() -> Outcome {
        run(async {
            let changes = signals(SIGCHLD)?;
            not_shown! { let pid: Pid = arrange::child(3); }
            let exited = loop {
                match child::reap(pid)? {
                    Some(exited) => break exited,
                    None => drop(next(&changes).await?),
                }
            };
            not_shown! { assert_eq!(exited.status.code(), Some(3)); }
            Ok(())
        })
    }
}

rows! {
    "tokio::signal",
    "tokio.rs":
    ctrl_c, select, beside, many_listeners, children,
}
