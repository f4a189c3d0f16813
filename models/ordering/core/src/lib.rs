//! `core`, whose atomics and cells are loom's. Loom's own cannot stand in a static: here each
//! static one has one of loom's for each run, which its first use makes. Loom wants that to come
//! before what other threads do: the models use everything once before they start any.

#![no_std]

extern crate std;

pub use core::*;

use std::boxed::Box;
use std::cell::RefCell;
use std::collections::HashMap;

std::thread_local! {
    /// Of this run, by address. All of loom's threads run on one.
    static TWINS: RefCell<HashMap<usize, &'static dyn core::any::Any>> = RefCell::default();
}

/// Begins a run.
pub fn begin() {
    TWINS.take();
}

fn twin<T: 'static>(of: *const (), make: impl FnOnce() -> T) -> &'static T {
    let known = TWINS.with_borrow(|twins| twins.get(&(of as usize)).copied());
    let twin = known.unwrap_or_else(|| {
        // Leaked: loom looks at what is dropped, and the library's never are.
        let made: &'static T = Box::leak(Box::new(make()));
        TWINS.with_borrow_mut(|twins| twins.insert(of as usize, made));
        made
    });
    twin.downcast_ref().expect("the type of before")
}

pub mod cell {
    pub use core::cell::*;

    /// Loom sees who has access at the same time.
    pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    pub struct Access<T> {
        value: *mut T,
        _tracked: loom::cell::MutPtr<()>,
    }

    impl<T> UnsafeCell<T> {
        pub const fn new(value: T) -> UnsafeCell<T> {
            UnsafeCell(core::cell::UnsafeCell::new(value))
        }

        pub fn get(&self) -> Access<T> {
            let twin = crate::twin((&raw const *self).cast(), || loom::cell::UnsafeCell::new(()));
            Access { value: self.0.get(), _tracked: twin.get_mut() }
        }
    }

    impl<T> core::ops::Deref for Access<T> {
        type Target = T;

        fn deref(&self) -> &T {
            // SAFETY: loom ends the run if anybody else has access.
            unsafe { &*self.value }
        }
    }

    impl<T> core::ops::DerefMut for Access<T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: as above.
            unsafe { &mut *self.value }
        }
    }
}

pub mod sync {
    pub use core::sync::*;

    pub mod atomic {
        pub use core::sync::atomic::Ordering;
        use loom::sync::atomic as twins;

        macro_rules! atomic {
            ($name:ident $(<$of:ident>)?, $type:ty) => {
                /// The value of the start.
                pub struct $name $(<$of>)? ($type);

                // SAFETY: the value only changes in loom's.
                unsafe impl $(<$of>)? Sync for $name $(<$of>)? {}
                // SAFETY: as above.
                unsafe impl $(<$of>)? Send for $name $(<$of>)? {}

                impl $(<$of: 'static>)? $name $(<$of>)? {
                    pub const fn new(value: $type) -> Self {
                        $name(value)
                    }

                    fn twin(&self) -> &'static twins::$name $(<$of>)? {
                        let (turn, twin) = crate::twin((&raw const *self).cast(), || {
                            (twins::AtomicUsize::new(0), twins::$name::new(self.0))
                        });
                        // Loom remembers the last access alone: a thread that looks before it
                        // stores hides the look of another. What all change it takes apart.
                        turn.fetch_add(1, Ordering::Relaxed);
                        twin
                    }

                    pub fn load(&self, order: Ordering) -> $type {
                        self.twin().load(order)
                    }

                    pub fn store(&self, new: $type, order: Ordering) {
                        self.twin().store(new, order);
                    }

                    pub fn compare_exchange(
                        &self,
                        old: $type,
                        new: $type,
                        order: Ordering,
                        failed: Ordering,
                    ) -> Result<$type, $type> {
                        self.twin().compare_exchange(old, new, order, failed)
                    }
                }
            };
        }

        atomic! { AtomicUsize, usize }
        atomic! { AtomicI32, i32 }
        atomic! { AtomicPtr<T>, *mut T }

        impl AtomicUsize {
            pub fn fetch_add(&self, other: usize, order: Ordering) -> usize {
                self.twin().fetch_add(other, order)
            }
        }
    }
}
