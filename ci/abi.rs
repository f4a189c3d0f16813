//! The numbers, sizes and offsets that this crate believes in, for `ci/check-abi` to compare with
//! the system's headers.
//!
//! Compiled with `--cfg signal_abi` only. The name of each entry is the C expression that must have
//! the same value.

#[cfg(has_setsig)]
use super::owner;
#[cfg(has_setitimer)]
use super::timer;
use super::{code, flag, number, siginfo};
use crate::{errno, signal};
use core::mem::{offset_of, size_of};
use libc::{c_int, c_long, c_void, pid_t, siginfo_t, uid_t};

macro_rules! constants {
    ($($(#[$cfg:meta])? $name:ident)*) => {
        &[$($(#[$cfg])? (stringify!($name), libc::$name as i64),)*]
    };
}

const CONSTANTS: &[(&str, i64)] = constants! {
    SIG_BLOCK SIG_UNBLOCK SIG_SETMASK WNOHANG POLLIN POLLOUT POLLNVAL SOL_SOCKET SO_ERROR CLOCK_MONOTONIC
    PROT_NONE PROT_READ PROT_WRITE MAP_PRIVATE MAP_ANON _SC_PAGESIZE
    O_NONBLOCK O_CLOEXEC F_SETFD F_SETFL F_GETFL FD_CLOEXEC F_SETOWN F_GETOWN O_ASYNC
    #[cfg(has_eventfd)] EFD_NONBLOCK
    #[cfg(has_eventfd)] EFD_CLOEXEC
    #[cfg(all(has_sigtimedwait, target_env = "musl", not(target_arch = "riscv32")))] SYS_rt_sigtimedwait
};

const fn size_of_field<S, T>(_: fn(&S) -> &T) -> i64 {
    size_of::<T>() as i64
}

const OWN: &[(&str, i64)] = &[
    ("SA_NOCLDSTOP", flag::NOCLDSTOP as i64),
    ("SA_RESETHAND", flag::RESETHAND as i64),
    ("SA_NODEFER", flag::NODEFER as i64),
    ("SA_SIGINFO", flag::SIGINFO as i64),
    ("SA_RESTART", flag::RESTART as i64),
    ("SA_ONSTACK", flag::ONSTACK as i64),
    ("SA_NOCLDWAIT", flag::NOCLDWAIT as i64),
    #[cfg(all(has_sa_interrupt, target_env = "gnu"))]
    ("SA_INTERRUPT", flag::INTERRUPT as i64),
    #[cfg(target_os = "freebsd")]
    ("_SIG_MAXSIG", number::HIGHEST as i64),
    #[cfg(not(target_os = "freebsd"))]
    ("NSIG - 1", number::HIGHEST as i64),
    ("SI_USER", code::CODES.user as i64),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("SI_TKILL", code::CODES.thread as i64),
    #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
    ("SI_LWP", code::CODES.thread as i64),
    ("SI_QUEUE", code::CODES.queue as i64),
    ("SI_TIMER", code::CODES.timer as i64),
    #[cfg(not(target_os = "openbsd"))]
    ("SI_ASYNCIO", code::CODES.async_io as i64),
    #[cfg(not(target_os = "openbsd"))]
    ("SI_MESGQ", code::CODES.message as i64),
    ("CLD_EXITED", code::CODES.child as i64),
    ("CLD_KILLED", code::CODES.child as i64 + 1),
    ("CLD_DUMPED", code::CODES.child as i64 + 2),
    ("CLD_TRAPPED", code::CODES.child as i64 + 3),
    ("CLD_STOPPED", code::CODES.child as i64 + 4),
    ("CLD_CONTINUED", code::CODES.child as i64 + 5),
    #[cfg(has_setitimer)]
    ("ITIMER_REAL", timer::REAL as i64),
    #[cfg(has_setitimer)]
    ("ITIMER_VIRTUAL", timer::VIRTUAL as i64),
    #[cfg(has_setitimer)]
    ("ITIMER_PROF", timer::PROFILE as i64),
    #[cfg(has_setsig)]
    ("F_SETSIG", owner::F_SETSIG as i64),
    #[cfg(has_setsig)]
    ("F_GETOWN_EX", owner::F_GETOWN_EX as i64),
    #[cfg(has_setsig)]
    ("F_OWNER_PGRP", owner::F_OWNER_PGRP as i64),
    ("sizeof(sigset_t)", size_of::<libc::sigset_t>() as i64),
    ("sizeof(siginfo_t)", size_of::<siginfo_t>() as i64),
    ("offsetof(siginfo_t, si_signo)", offset_of!(siginfo_t, si_signo) as i64),
    ("offsetof(siginfo_t, si_code)", offset_of!(siginfo_t, si_code) as i64),
    ("sizeof(struct sigaction)", size_of::<libc::sigaction>() as i64),
    ("offsetof(struct sigaction, sa_handler)", offset_of!(libc::sigaction, sa_sigaction) as i64),
    ("offsetof(struct sigaction, sa_mask)", offset_of!(libc::sigaction, sa_mask) as i64),
    ("offsetof(struct sigaction, sa_flags)", offset_of!(libc::sigaction, sa_flags) as i64),
    ("sizeof(((struct sigaction *)0)->sa_flags)", size_of_field(|a: &libc::sigaction| &a.sa_flags)),
    #[cfg(all(has_registers, target_vendor = "apple"))]
    ("offsetof(ucontext_t, uc_mcontext)", 48),
    #[cfg(has_sigaltstack)]
    ("SS_DISABLE", libc::SS_DISABLE as i64),
    #[cfg(has_sigaltstack)]
    ("sizeof(stack_t)", size_of::<libc::stack_t>() as i64),
    #[cfg(has_sigaltstack)]
    ("offsetof(stack_t, ss_sp)", offset_of!(libc::stack_t, ss_sp) as i64),
    #[cfg(has_sigaltstack)]
    ("offsetof(stack_t, ss_flags)", offset_of!(libc::stack_t, ss_flags) as i64),
    #[cfg(has_sigaltstack)]
    ("offsetof(stack_t, ss_size)", offset_of!(libc::stack_t, ss_size) as i64),
    #[cfg(has_ucontext_mask)]
    ("offsetof(ucontext_t, uc_sigmask)", offset_of!(libc::ucontext_t, uc_sigmask) as i64),
    // `libc` still binds the functions of 32-bit musl that take the times of old, of which the
    // headers no longer speak.
    #[cfg(not(all(target_env = "musl", target_pointer_width = "32")))]
    ("sizeof(struct timespec)", size_of::<libc::timespec>() as i64),
    #[cfg(all(has_setitimer, not(all(target_env = "musl", target_pointer_width = "32"))))]
    ("sizeof(struct itimerval)", size_of::<libc::itimerval>() as i64),
    #[cfg(all(has_wait4, not(all(target_env = "musl", target_pointer_width = "32"))))]
    ("sizeof(struct rusage)", size_of::<libc::rusage>() as i64),
    #[cfg(all(has_wait4, not(all(target_env = "musl", target_pointer_width = "32"))))]
    ("offsetof(struct rusage, ru_maxrss)", offset_of!(libc::rusage, ru_maxrss) as i64),
];

/// The registers in a signal frame, as the header of this platform calls them.
#[cfg(not(has_registers))]
const REGISTERS: &[(&str, i64)] = &[];
#[cfg(has_registers)]
const REGISTERS: &[(&str, i64)] = {
    use super::register::AT;
    macro_rules! rows {
        ($structure:literal $instruction:literal $stack:literal $frame:literal) => {
            &[
                (concat!("offsetof(", $structure, ", ", $instruction, ")"), AT.instruction as i64),
                (concat!("offsetof(", $structure, ", ", $stack, ")"), AT.stack as i64),
                (concat!("offsetof(", $structure, ", ", $frame, ")"), AT.frame as i64),
            ]
        };
    }
    cfg_if::cfg_if! {
        if #[cfg(all(target_vendor = "apple", target_arch = "x86_64"))] {
            rows!("struct __darwin_mcontext64" "__ss.__rip" "__ss.__rsp" "__ss.__rbp")
        } else if #[cfg(target_vendor = "apple")] {
            rows!("struct __darwin_mcontext64" "__ss.__pc" "__ss.__sp" "__ss.__fp")
        } else if #[cfg(all(target_os = "freebsd", target_arch = "x86_64"))] {
            rows!("ucontext_t" "uc_mcontext.mc_rip" "uc_mcontext.mc_rsp" "uc_mcontext.mc_rbp")
        } else if #[cfg(target_os = "freebsd")] {
            rows!("ucontext_t" "uc_mcontext.mc_gpregs.gp_elr" "uc_mcontext.mc_gpregs.gp_sp"
                "uc_mcontext.mc_gpregs.gp_x[29]")
        } else if #[cfg(all(target_os = "netbsd", target_arch = "x86_64"))] {
            rows!("ucontext_t" "uc_mcontext.__gregs[_REG_RIP]" "uc_mcontext.__gregs[_REG_RSP]"
                "uc_mcontext.__gregs[_REG_RBP]")
        } else if #[cfg(target_os = "netbsd")] {
            rows!("ucontext_t" "uc_mcontext.__gregs[_REG_PC]" "uc_mcontext.__gregs[_REG_SP]"
                "uc_mcontext.__gregs[_REG_X29]")
        } else if #[cfg(all(target_os = "openbsd", target_arch = "x86_64"))] {
            rows!("ucontext_t" "sc_rip" "sc_rsp" "sc_rbp")
        } else if #[cfg(target_os = "openbsd")] {
            rows!("ucontext_t" "sc_elr" "sc_sp" "sc_x[29]")
        } else if #[cfg(target_os = "dragonfly")] {
            rows!("ucontext_t" "uc_mcontext.mc_rip" "uc_mcontext.mc_rsp" "uc_mcontext.mc_rbp")
        } else if #[cfg(target_arch = "x86_64")] {
            rows!("ucontext_t" "uc_mcontext.gregs[REG_RIP]" "uc_mcontext.gregs[REG_RSP]"
                "uc_mcontext.gregs[REG_RBP]")
        } else if #[cfg(target_arch = "x86")] {
            rows!("ucontext_t" "uc_mcontext.gregs[REG_EIP]" "uc_mcontext.gregs[REG_ESP]"
                "uc_mcontext.gregs[REG_EBP]")
        } else if #[cfg(target_arch = "aarch64")] {
            rows!("ucontext_t" "uc_mcontext.pc" "uc_mcontext.sp" "uc_mcontext.regs[29]")
        } else if #[cfg(target_arch = "arm")] {
            rows!("ucontext_t" "uc_mcontext.arm_pc" "uc_mcontext.arm_sp" "uc_mcontext.arm_fp")
        } else if #[cfg(target_arch = "riscv64")] {
            rows!("ucontext_t" "uc_mcontext.__gregs[0]" "uc_mcontext.__gregs[2]"
                "uc_mcontext.__gregs[8]")
        } else if #[cfg(target_arch = "s390x")] {
            rows!("ucontext_t" "uc_mcontext.psw.addr" "uc_mcontext.gregs[15]"
                "uc_mcontext.gregs[11]")
        } else if #[cfg(target_arch = "powerpc64")] {
            rows!("ucontext_t" "uc_mcontext.gp_regs[32]" "uc_mcontext.gp_regs[1]"
                "uc_mcontext.gp_regs[31]")
        } else {
            rows!("ucontext_t" "uc_mcontext.__pc" "uc_mcontext.__gregs[3]"
                "uc_mcontext.__gregs[22]")
        }
    }
};

/// A name, padded with zeros, and at the end the value in little-endian order: a table without
/// pointers, so that it stands in the compiled code as it is.
type Row = [u8; 64];

const fn row(name: &str, value: i64) -> Row {
    let mut row = [0; 64];
    let (mut i, name, value) = (0, name.as_bytes(), value.to_le_bytes());
    while i < name.len() {
        row[i] = name[i];
        i += 1;
    }
    i = 0;
    while i < 8 {
        row[56 + i] = value[i];
        i += 1;
    }
    row
}

const ROWS: usize =
    CONSTANTS.len() + OWN.len() + REGISTERS.len() + signal::TABLE.len() + errno::KNOWN.len();

/// What is known when the crate is compiled.
#[no_mangle]
static SIGNAL_ABI: [Row; ROWS] = {
    let mut rows = [[0; 64]; ROWS];
    let (mut n, mut i) = (0, 0);
    while i < CONSTANTS.len() {
        rows[n] = row(CONSTANTS[i].0, CONSTANTS[i].1);
        (n, i) = (n + 1, i + 1);
    }
    i = 0;
    while i < OWN.len() {
        rows[n] = row(OWN[i].0, OWN[i].1);
        (n, i) = (n + 1, i + 1);
    }
    i = 0;
    while i < REGISTERS.len() {
        rows[n] = row(REGISTERS[i].0, REGISTERS[i].1);
        (n, i) = (n + 1, i + 1);
    }
    i = 0;
    while i < signal::TABLE.len() {
        rows[n] = row(signal::TABLE[i].name, signal::TABLE[i].signal.as_raw() as i64);
        (n, i) = (n + 1, i + 1);
    }
    i = 0;
    while i < errno::KNOWN.len() {
        rows[n] = row(errno::KNOWN[i].1, errno::KNOWN[i].0.raw_os_error() as i64);
        (n, i) = (n + 1, i + 1);
    }
    rows
};

// What is known when the code is compiled: the offset from which each of these reads, and how much.

#[export_name = "si_pid"]
extern "C" fn pid(info: &siginfo_t) -> pid_t {
    siginfo::pid(info)
}

#[export_name = "si_uid"]
extern "C" fn uid(info: &siginfo_t) -> uid_t {
    siginfo::uid(info)
}

#[export_name = "si_status"]
extern "C" fn status(info: &siginfo_t) -> c_int {
    siginfo::status(info)
}

#[export_name = "si_addr"]
extern "C" fn address(info: &siginfo_t) -> *mut c_void {
    siginfo::address(info)
}

#[export_name = "si_value.sival_int"]
extern "C" fn value(info: &siginfo_t) -> c_int {
    siginfo::value(info).unwrap_or(0)
}

#[export_name = "si_value.sival_ptr"]
extern "C" fn pointer_value(info: &siginfo_t) -> *mut c_void {
    siginfo::pointer_value(info).unwrap_or(core::ptr::null_mut())
}

#[export_name = "si_band"]
extern "C" fn band(info: &siginfo_t) -> c_long {
    siginfo::band(info).unwrap_or(0)
}

// The realtime range, where it is a constant.

#[export_name = "SIGRTMIN"]
extern "C" fn rtmin() -> c_int {
    number::realtime().map_or(0, |range| range.0)
}

#[export_name = "SIGRTMAX"]
extern "C" fn rtmax() -> c_int {
    number::realtime().map_or(0, |range| range.1)
}
