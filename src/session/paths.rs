//! The paths of a daemon. Without `std` it has none, and works in `/`.

cfg_if::cfg_if! {
    if #[cfg(feature = "std")] {
        use crate::errno::Result;
        use crate::session::error::{Error, PathBuf, Step};
        use crate::session::pid_file::errno;
        use std::path::Path;

        pub(super) use crate::session::pid_file::PidFile;

        #[derive(Clone, Debug, Default)]
        pub(super) struct Paths {
            pub(super) directory: Option<PathBuf>,
            pub(super) pid_file: Option<PathBuf>,
        }

        impl Paths {
            /// The one that a step has to do with.
            pub(super) fn of(&self, step: Step) -> Option<PathBuf> {
                match step {
                    Step::Directory => Some(self.directory().to_path_buf()),
                    Step::OpenPidFile | Step::LockPidFile | Step::WritePidFile => {
                        self.pid_file.clone()
                    }
                    _ => None,
                }
            }

            pub(super) fn enter_directory(&self) -> Result<()> {
                std::env::set_current_dir(self.directory()).map_err(errno)
            }

            pub(super) fn create_pid_file(&self) -> core::result::Result<Option<PidFile>, Error> {
                self.pid_file.as_ref().map(PidFile::create).transpose()
            }

            fn directory(&self) -> &Path {
                self.directory.as_deref().unwrap_or_else(|| Path::new("/"))
            }
        }
    } else {
        use crate::errno::{check, Result};
        use crate::session::error::{Error, PathBuf, Step};

        #[derive(Debug)]
        pub(super) enum PidFile {}

        impl PidFile {
            pub(super) fn keep(self) {
                match self {}
            }
        }

        #[derive(Clone, Debug, Default)]
        pub(super) struct Paths {}

        impl Paths {
            pub(super) fn of(&self, _: Step) -> Option<PathBuf> {
                None
            }

            pub(super) fn enter_directory(&self) -> Result<()> {
                // SAFETY: a C string.
                check(unsafe { libc::chdir(b"/\0".as_ptr().cast()) }).map(drop)
            }

            pub(super) fn create_pid_file(&self) -> core::result::Result<Option<PidFile>, Error> {
                Ok(None)
            }
        }
    }
}
