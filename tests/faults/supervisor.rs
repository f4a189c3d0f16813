//! Has one system call fail: a filter stops each call of the process, and a supervisor, a process
//! that shares its descriptors, says whether the kernel may continue it (`seccomp_unotify`).

use crate::common::{self, load::shared};
use std::mem::{zeroed, MaybeUninit};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

/// `SECCOMP_IOCTL_NOTIF_RECV` and `_SEND`, which older versions of libc do not have.
const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;

/// Which call fails: the `nth` of this number, while `is_armed`.
#[derive(Default)]
pub struct Plan {
    listener: AtomicI32,
    is_armed: AtomicI32,
    number: AtomicI32,
    nth: AtomicUsize,
    errno: AtomicI32,
    /// How many calls of each number there were, and all of them in turn.
    counts: [AtomicUsize; 32],
    made: AtomicUsize,
    calls: [[AtomicI32; 2]; 32],
    /// For the test: what a function has returned.
    pub result: AtomicI32,
}

/// Of a call: its number, and how many of that number came before.
pub type Call = (libc::c_long, usize);

impl Plan {
    /// In memory that the process shares with its supervisor.
    pub fn new() -> &'static Plan {
        // SAFETY: made of atomics, for which zero is valid.
        unsafe { shared() }
    }

    pub fn fail(&self, (number, nth): Call, errno: i32) {
        self.number.store(number as i32, SeqCst);
        self.nth.store(nth, SeqCst);
        self.errno.store(errno, SeqCst);
    }

    pub fn arm(&self, on: bool) {
        self.is_armed.store(i32::from(on), SeqCst);
    }

    /// What was called while it was armed.
    pub fn calls(&self) -> Vec<Call> {
        let made = self.made.load(SeqCst);
        assert!(made <= self.calls.len(), "{made} system calls");
        let call = |[number, nth]: &[AtomicI32; 2]| {
            (number.load(SeqCst).into(), nth.load(SeqCst) as usize)
        };
        self.calls[..made].iter().map(call).collect()
    }

    /// The error with which this call is to fail, or 0.
    fn judge(&self, index: usize, number: i32) -> i32 {
        if self.is_armed.load(SeqCst) == 0 {
            return 0;
        }
        let nth = self.counts[index].fetch_add(1, SeqCst);
        if let Some(call) = self.calls.get(self.made.fetch_add(1, SeqCst)) {
            call[0].store(number, SeqCst);
            call[1].store(nth as i32, SeqCst);
        }
        let is_it = self.number.load(SeqCst) == number && self.nth.load(SeqCst) == nth;
        if is_it {
            self.errno.load(SeqCst)
        } else {
            0
        }
    }
}

/// Skips the test where there is no supervision, under an emulator for one, and where the library
/// is built without what the system has: its calls are then others.
pub fn needs_supervision() {
    let has_all = cfg!(all(
        has_eventfd,
        has_flock,
        has_o_async,
        has_pidfd,
        has_pipe2,
        has_setitimer,
        has_setsig,
        has_signalfd,
        has_sigqueue,
        has_sigtimedwait,
        has_wait4,
        has_wipe_on_fork,
    ));
    common::needs(has_all, "the library is built for another system");
    let works = common::status_of(|| {
        let plan = Plan::new();
        supervise(plan, &[libc::SYS_getppid]);
        plan.fail((libc::SYS_getppid, 0), libc::ENOTTY);
        plan.arm(true);
        // SAFETY: takes nothing.
        assert_eq!(unsafe { libc::syscall(libc::SYS_getppid) }, -1);
        assert_eq!(signal::Errno::last(), signal::Errno::ENOTTY);
    });
    common::needs(works.success(), "no notifications of system calls here");
}

/// From now on these calls of the calling process and of its children are the plan's.
pub fn supervise(plan: &'static Plan, numbers: &[libc::c_long]) {
    plan.listener.store(-1, SeqCst);
    // Not a thread: some functions do not run beside one. Without a signal at its end, `wait` does
    // not know it.
    // SAFETY: the child has descriptors in common with this process, and a copy of the rest; it
    // allocates nothing.
    unsafe {
        match libc::syscall(libc::SYS_clone, libc::CLONE_FILES, 0, 0, 0, 0) {
            0 => serve(plan, numbers),
            -1 => panic!("clone"),
            _ => {}
        }
        let listener = filter(numbers);
        assert!(listener >= 0, "no listener");
        plan.listener.store(listener, SeqCst);
    }
}

/// # Safety
///
/// None.
unsafe fn filter(numbers: &[libc::c_long]) -> i32 {
    let statement =
        |code: u32, [jt, jf]: [u8; 2], k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, [0, 0], 0)];
    for number in numbers {
        let jump = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        filter.push(statement(jump, [0, 1], *number as u32));
        filter.push(statement(libc::BPF_RET | libc::BPF_K, [0, 0], libc::SECCOMP_RET_USER_NOTIF));
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, [0, 0], libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: plain values, and a whole program.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &program,
        ) as i32
    }
}

/// The supervisor, until nobody is left.
fn serve(plan: &Plan, numbers: &[libc::c_long]) -> ! {
    // SAFETY: structures of integers, zeroed or filled in; takes plain values.
    unsafe {
        // Away from the test's group, which is killed when the test is done: a daemon may still be
        // about to end, and would wait for an answer for ever.
        libc::setsid();
        // Its parent may end before the filter is there.
        let mut turns = 0;
        while plan.listener.load(SeqCst) < 0 {
            libc::poll(std::ptr::null_mut(), 0, 1);
            turns += 1;
            if turns > 60_000 {
                libc::_exit(0);
            }
        }
        let listener = plan.listener.load(SeqCst);
        loop {
            let mut entry = libc::pollfd { fd: listener, events: libc::POLLIN, revents: 0 };
            libc::poll(&mut entry, 1, -1);
            if entry.revents & libc::POLLIN == 0 {
                libc::_exit(0);
            }
            let mut request: libc::seccomp_notif = MaybeUninit::zeroed().assume_init();
            if libc::ioctl(listener, RECEIVE as _, &mut request) != 0 {
                continue;
            }
            let number = request.data.nr;
            let index = numbers.iter().position(|one| *one as i32 == number).unwrap_or(0);
            let errno = plan.judge(index, number);
            let mut response: libc::seccomp_notif_resp = zeroed();
            response.id = request.id;
            response.error = -errno;
            response.flags =
                if errno == 0 { libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32 } else { 0 };
            libc::ioctl(listener, SEND as _, &response);
        }
    }
}
