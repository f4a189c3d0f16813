//! The lock of the registry: who waits for it sleeps.

use crate::common;

/// Binds the calling thread to one processor, and gives it a priority over all ordinary threads.
#[cfg(target_os = "linux")]
fn bind(to: usize, is_urgent: bool) -> bool {
    // SAFETY: sets and structures made of integers, of which zero is valid, and their sizes.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(to, &mut set);
        let mut priority: libc::sched_param = std::mem::zeroed();
        priority.sched_priority = 10;
        libc::sched_setaffinity(0, std::mem::size_of_val(&set), &set) == 0
            && (!is_urgent
                || libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_FIFO, &priority)
                    == 0)
    }
}

/// The time that the calling thread has computed.
#[cfg(target_os = "linux")]
fn processor_time() -> std::time::Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the time.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// An urgent thread interrupts one of no priority that holds the lock, on the same processor: one
/// that spun, or yielded to its equals, would compute until the system stops it, after 0.95 s.
#[cfg(target_os = "linux")]
fn an_urgent_thread_that_waits_lets_the_holder_run() {
    use signal::{SelfPipe, SIGUSR1, SIGUSR2};
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::{Duration, Instant};

    // SAFETY: takes nothing.
    let processor = unsafe { libc::sched_getcpu() }.max(0) as usize;
    let permitted = std::thread::spawn(move || bind(processor, true)).join().unwrap();
    common::needs(permitted, "no realtime priority here, or not permitted");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            bind(processor, false);
            while !done.load(SeqCst) {
                drop(SelfPipe::new(SIGUSR1));
            }
        });
        let urgent = scope.spawn(|| {
            bind(processor, true);
            let pipe = SelfPipe::new(SIGUSR2).unwrap();
            let (mut waits, mut worst, start) = (0, Duration::ZERO, Instant::now());
            while waits < 20 && start.elapsed() < Duration::from_secs(60) {
                common::pause(1);
                let (computed, asked) = (processor_time(), Instant::now());
                pipe.insert(SIGUSR2).unwrap();
                // Nobody interrupts this thread: it has waited.
                waits += i32::from(asked.elapsed() >= Duration::from_millis(1));
                worst = worst.max(processor_time() - computed);
            }
            (waits, worst)
        });
        let (waits, worst) = urgent.join().unwrap();
        done.store(true, SeqCst);
        assert!(waits == 20, "it has waited {waits} times");
        assert!(worst < Duration::from_millis(100), "it has computed for {worst:?}");
    });
}

#[cfg(not(target_os = "linux"))]
fn an_urgent_thread_that_waits_lets_the_holder_run() {
    common::skip("how threads are bound to a processor is Linux's");
}

tests! {
    an_urgent_thread_that_waits_lets_the_holder_run,
}
