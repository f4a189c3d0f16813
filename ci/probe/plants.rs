/// What no handler may do, planted by `ci/handler-calls --self-test` in a copy of the library.
pub(crate) mod planted {
    use core::arch::asm;
    use core::hint::{black_box, spin_loop};
    use core::sync::atomic::AtomicBool;
    use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
    use std::boxed::Box;
    use std::cell::Cell;

    static mut HOOK: fn(i32) = nothing;
    static TABLE: [fn(i32); 3] = [nothing, in_table, nothing];
    static LOCK: AtomicBool = AtomicBool::new(false);

    std::thread_local! {
        static DEPTH: Cell<i32> = const { Cell::new(0) };
    }

    pub(crate) fn all() {
        let number = black_box(1);
        static_mut(number);
        table(number);
        system_call();
        spin_lock(number);
        waits();
        counts();
        trap(number);
        panics(number);
        allocates(number);
        locks();
        thread_local(number);
        recursive(number);
    }

    /// So that the compiler cannot know what is in `HOOK`.
    #[no_mangle]
    fn planted_hook(hook: fn(i32)) {
        unsafe { HOOK = hook }
    }

    fn nothing(_: i32) {}

    fn in_table(number: i32) {
        unsafe { libc::srand(number as libc::c_uint) }
    }

    #[inline(never)]
    fn static_mut(number: i32) {
        unsafe { HOOK(number) }
    }

    #[inline(never)]
    fn table(number: i32) {
        TABLE[number as usize % 3](number)
    }

    /// One more of each in a function that is allowed some.
    #[inline(always)]
    pub(crate) fn one_more() {
        unsafe { HOOK(black_box(0)) }
        while LOCK.compare_exchange(false, true, Acquire, Relaxed).is_err() {}
        LOCK.store(false, Release);
    }

    #[inline(never)]
    fn system_call() {
        let _result: usize;
        unsafe { asm!("syscall", inout("rax") 39usize => _result, out("rcx") _, out("r11") _) }
    }

    #[inline(never)]
    fn spin_lock(number: i32) {
        while LOCK.swap(true, Acquire) {
            spin_loop();
        }
        black_box(number);
        LOCK.store(false, Release);
    }

    /// The same without an atomic read-modify-write.
    #[inline(never)]
    fn waits() {
        while LOCK.load(Relaxed) {}
    }

    /// The same, and something goes on by which it does not end.
    #[inline(never)]
    fn counts() {
        let mut rounds = 0usize;
        while LOCK.load(Relaxed) {
            rounds += 1;
        }
        black_box(rounds);
    }

    #[inline(never)]
    fn trap(number: i32) {
        if number > 1000 {
            unsafe { asm!("ud2") }
        }
    }

    #[inline(never)]
    fn panics(number: i32) {
        black_box(TABLE.get(number as usize).unwrap());
    }

    #[inline(never)]
    fn allocates(number: i32) {
        black_box(Box::new(number));
    }

    #[inline(never)]
    fn locks() {
        let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
        unsafe { libc::pthread_mutex_lock(&mut mutex) };
    }

    #[inline(never)]
    fn thread_local(number: i32) {
        DEPTH.with(|depth| depth.set(depth.get() + number));
    }

    #[inline(never)]
    fn recursive(number: i32) {
        if number > 0 {
            recursive(black_box(number - 1));
            black_box(number);
        }
    }

    /// What is not on POSIX's list, in a function that is documented as async-signal-safe.
    #[inline(never)]
    pub(crate) fn unlisted() {
        unsafe { libc::sched_yield() };
    }
}
