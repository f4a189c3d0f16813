//! The configuration: what files say, checked as a whole.

mod environment;
mod file;
mod keys;
mod parse;
mod problem;
mod service;
mod value;

pub use self::file::load;
pub use self::parse::Lines;
pub use self::problem::{Problem, Problems};
pub use self::service::*;

use indexmap::IndexMap;

/// The services by name, in the order of the file.
pub type Services = IndexMap<String, Service>;

#[cfg(test)]
mod tests;
