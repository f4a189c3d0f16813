//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Counted from 1; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    pub message: String,
}

/// All that is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub struct Problems {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl Problems {
    pub fn new(path: &Path, problems: Vec<Problem>) -> Problems {
        Problems { path: path.to_owned(), problems }
    }
}

impl fmt::Display for Problems {
    /// One line each, `FILE:LINE: what`, as compilers write it and editors read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, message }) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            match line {
                Some(line) => write!(f, "{separator}{}:{line}: {message}", self.path.display())?,
                None => write!(f, "{separator}{}: {message}", self.path.display())?,
            }
        }
        Ok(())
    }
}
