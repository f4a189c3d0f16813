//! `core`, in which each access to an atomic or a cell is a step of the machine.

#![no_std]

pub use core::*;

pub mod cell {
    pub use core::cell::*;

    /// As `core`'s. The machine knows of it, so that each run finds it as the program starts.
    #[repr(transparent)]
    pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub const fn new(value: T) -> UnsafeCell<T> {
            UnsafeCell(core::cell::UnsafeCell::new(value))
        }

        pub fn get(&self) -> *mut T {
            machine::access_by_pointer(self.0.get());
            self.0.get()
        }
    }
}

pub mod sync {
    pub use core::sync::*;

    pub mod atomic {
        pub use core::sync::atomic::{compiler_fence, Ordering};

        pub fn fence(_: Ordering) {
            machine::step();
        }

        /// A value that one thread at a time looks at: between two steps nothing else runs.
        #[repr(transparent)]
        struct Value<T>(core::cell::UnsafeCell<T>);

        // SAFETY: as for the type that this stands for; a machine runs on one thread.
        unsafe impl<T> Sync for Value<T> {}

        impl<T: Copy + PartialEq> Value<T> {
            fn change(&self, change: impl FnOnce(T) -> T) -> T {
                // SAFETY: its own value, to which it gives no reference.
                unsafe { machine::access(self.0.get(), change) }
            }
        }

        macro_rules! atomic {
            ($name:ident $(<$of:ident>)?, $type:ty, $($operation:ident)*) => {
                #[repr(transparent)]
                pub struct $name $(<$of>)? (Value<$type>);

                // SAFETY: as for `core`'s.
                unsafe impl $(<$of>)? Send for $name $(<$of>)? {}

                impl $(<$of>)? core::fmt::Debug for $name $(<$of>)? {
                    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(stringify!($name))
                    }
                }

                impl $(<$of>)? $name $(<$of>)? {
                    pub const fn new(value: $type) -> Self {
                        $name(Value(core::cell::UnsafeCell::new(value)))
                    }

                    pub fn load(&self, _: Ordering) -> $type {
                        self.0.change(|now| now)
                    }

                    pub fn store(&self, new: $type, _: Ordering) {
                        self.0.change(|_| new);
                    }

                    pub fn swap(&self, new: $type, _: Ordering) -> $type {
                        self.0.change(|_| new)
                    }

                    pub fn compare_exchange(
                        &self,
                        old: $type,
                        new: $type,
                        _: Ordering,
                        _: Ordering,
                    ) -> Result<$type, $type> {
                        let found = self.0.change(|now| if now == old { new } else { now });
                        if found == old { Ok(found) } else { Err(found) }
                    }

                    pub fn fetch_update(
                        &self,
                        _: Ordering,
                        _: Ordering,
                        mut update: impl FnMut($type) -> Option<$type>,
                    ) -> Result<$type, $type> {
                        let mut now = self.0.change(|now| now);
                        while let Some(new) = update(now) {
                            match self.compare_exchange(now, new, Ordering::SeqCst, Ordering::SeqCst) {
                                Ok(_) => return Ok(now),
                                Err(found) => now = found,
                            }
                        }
                        Err(now)
                    }

                    $(atomic! { @$operation $type })*
                }
            };
            (@add $type:ty) => {
                pub fn fetch_add(&self, other: $type, _: Ordering) -> $type {
                    self.0.change(|now| now.wrapping_add(other))
                }

                pub fn fetch_sub(&self, other: $type, _: Ordering) -> $type {
                    self.0.change(|now| now.wrapping_sub(other))
                }
            };
            (@bits $type:ty) => {
                pub fn fetch_or(&self, other: $type, _: Ordering) -> $type {
                    self.0.change(|now| now | other)
                }

                pub fn fetch_and(&self, other: $type, _: Ordering) -> $type {
                    self.0.change(|now| now & other)
                }
            };
        }

        atomic! { AtomicBool, bool, bits }
        atomic! { AtomicU8, u8, add bits }
        atomic! { AtomicI32, i32, add bits }
        atomic! { AtomicU32, u32, add bits }
        atomic! { AtomicUsize, usize, add bits }
        atomic! { AtomicPtr<T>, *mut T, }
    }
}
