//! `sigaltstack`, and the memory for a stack.

use crate::errno::Result;

cfg_if::cfg_if! {
    if #[cfg(has_sigaltstack)] {
        use crate::errno::{check, Errno};
        use core::mem::MaybeUninit;
        use core::ptr;
        use libc::{c_int, c_void, stack_t};

        /// Beside the signal frame: for the handler.
        const ROOM: usize = 64 << 10;

        /// The largest signal frame of this processor, or what the headers take for enough. A frame
        /// of x86_64 with AMX takes 11 KiB, more than `SIGSTKSZ` says.
        pub(crate) fn minimum() -> usize {
            let fixed = libc::SIGSTKSZ as usize;
            cfg_if::cfg_if! {
                if #[cfg(any(target_os = "linux", target_os = "android"))] {
                    const AT_MINSIGSTKSZ: libc::c_ulong = 51;
                    // SAFETY: takes a plain value; 0 where the kernel does not say.
                    fixed.max(unsafe { libc::getauxval(AT_MINSIGSTKSZ) } as usize)
                } else {
                    fixed
                }
            }
        }

        pub(crate) fn default_size() -> usize {
            minimum() + ROOM
        }

        /// Memory for a stack, with a guard page below. Unmapped by `unmap` alone.
        pub(crate) struct Memory {
            start: *mut c_void,
            guard: usize,
            size: usize,
        }

        impl Memory {
            /// Maps so many bytes, rounded up to pages.
            pub(crate) fn map(size: usize) -> Result<Memory> {
                // SAFETY: takes a plain value.
                let guard = check(unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as c_int)? as usize;
                let size = size.checked_add(guard - 1).ok_or(Errno::ENOMEM)? / guard * guard;
                let all = size.checked_add(guard).ok_or(Errno::ENOMEM)?;
                let access = libc::PROT_READ | libc::PROT_WRITE;
                #[allow(unused_mut)]
                let mut flags = libc::MAP_PRIVATE | libc::MAP_ANON;
                #[cfg(target_os = "openbsd")]
                {
                    // Where the stack pointer may not be elsewhere.
                    flags |= libc::MAP_STACK;
                }
                // SAFETY: new memory, wherever there is room.
                let start = unsafe { libc::mmap(ptr::null_mut(), all, access, flags, -1, 0) };
                if start == libc::MAP_FAILED {
                    return Err(Errno::last());
                }
                let memory = Memory { start, guard, size };
                // SAFETY: the first page of what has just been mapped.
                let guarded = check(unsafe { libc::mprotect(start, guard, libc::PROT_NONE) });
                if let Err(error) = guarded {
                    // SAFETY: nothing uses it yet.
                    unsafe { memory.unmap() };
                    return Err(error);
                }
                Ok(memory)
            }

            /// # Safety
            ///
            /// Nothing may use the memory, or come to use it.
            pub(crate) unsafe fn unmap(&self) {
                // SAFETY: what `map` has mapped, and by the caller's promise.
                unsafe { libc::munmap(self.start, self.guard + self.size) };
            }

            fn as_stack(&self) -> Stack {
                let mut stack = Stack::disabled();
                stack.0.ss_flags = 0;
                stack.0.ss_size = self.size as _;
                stack.0.ss_sp = self.start.cast::<u8>().wrapping_add(self.guard).cast();
                stack
            }

            /// Makes this the calling thread's; the one of before.
            pub(crate) fn install(&self) -> Result<Stack> {
                // SAFETY: memory of that size, which stays until `unmap`.
                unsafe { swap(Some(&self.as_stack())) }
            }

            /// Whether this is the calling thread's.
            pub(crate) fn is_installed(&self) -> bool {
                // SAFETY: changes nothing.
                unsafe { swap(None) }.map_or(false, |now| {
                    now.0.ss_flags as c_int & libc::SS_DISABLE == 0
                        && now.0.ss_sp == self.as_stack().0.ss_sp
                })
            }
        }

        /// What a thread had.
        pub(crate) struct Stack(stack_t);

        impl Stack {
            fn disabled() -> Stack {
                // SAFETY: the structure is made of integers and a pointer.
                let mut stack: stack_t = unsafe { MaybeUninit::zeroed().assume_init() };
                stack.ss_flags = libc::SS_DISABLE as _;
                // macOS looks at the size all the same.
                stack.ss_size = libc::SIGSTKSZ as _;
                Stack(stack)
            }

            /// Makes it the calling thread's again.
            ///
            /// # Safety
            ///
            /// Its memory must still be there.
            pub(crate) unsafe fn restore(&self) -> Result<()> {
                let disabled = self.0.ss_flags as c_int & libc::SS_DISABLE != 0;
                let stack = if disabled { Stack::disabled() } else { Stack(self.0) };
                // SAFETY: by the caller's promise.
                unsafe { swap(Some(&stack)) }.map(drop)
            }
        }

        /// # Safety
        ///
        /// The memory of the new stack must stay until another one replaces it.
        unsafe fn swap(new: Option<&Stack>) -> Result<Stack> {
            let mut old = Stack::disabled();
            let new = new.map_or(ptr::null(), |stack| ptr::addr_of!(stack.0));
            // SAFETY: `new` is null or points to a whole structure, `old` to room for one.
            check(unsafe { libc::sigaltstack(new, ptr::addr_of_mut!(old.0)) })?;
            Ok(old)
        }
    } else {
        use crate::errno::Errno;

        pub(crate) fn minimum() -> usize {
            0
        }

        pub(crate) fn default_size() -> usize {
            0
        }

        /// There is none.
        pub(crate) enum Memory {}

        impl Memory {
            pub(crate) fn map(_: usize) -> Result<Memory> {
                Err(Errno::ENOSYS)
            }

            /// # Safety
            ///
            /// None here.
            pub(crate) unsafe fn unmap(&self) {
                match *self {}
            }

            pub(crate) fn install(&self) -> Result<Stack> {
                match *self {}
            }

            pub(crate) fn is_installed(&self) -> bool {
                match *self {}
            }
        }

        /// There is none.
        pub(crate) enum Stack {}

        impl Stack {
            /// # Safety
            ///
            /// None here.
            pub(crate) unsafe fn restore(&self) -> Result<()> {
                match *self {}
            }
        }
    }
}
