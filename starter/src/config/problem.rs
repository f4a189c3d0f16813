//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub place: Option<Place>,
    pub message: String,
}

/// A line of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Place {
    pub file: Rc<PathBuf>,
    pub line: Option<usize>,
}

/// All that is wrong with a configuration.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    /// One line each, `FILE:LINE: what`, as compilers write it and editors read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { place, message }) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            if let Some(Place { file, line }) = place {
                write!(f, "{}:", file.display())?;
                match line {
                    Some(line) => write!(f, "{line}: ")?,
                    None => f.write_str(" ")?,
                }
            }
            f.write_str(message)?;
        }
        Ok(())
    }
}
