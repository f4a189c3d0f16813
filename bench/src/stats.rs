//! Rounds in which all contestants take turns, and their medians. Neither criterion nor divan can
//! do this: they run one contestant after the other, so that a machine that slows down meanwhile
//! favours the first.

use serde_json::{json, Value};

/// What one contestant did in each round.
#[derive(Clone)]
pub struct Samples {
    pub contestant: String,
    pub values: Vec<f64>,
}

/// A median and its quartiles.
#[derive(Clone, Copy)]
pub struct Median {
    pub low: f64,
    pub value: f64,
    pub high: f64,
}

impl Median {
    pub fn of(mut values: Vec<f64>) -> Median {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (values.len() - 1) as f64;
            let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
            low + (high - low) * place.fract()
        };
        Median { low: at(0.25), value: at(0.5), high: at(0.75) }
    }

    pub fn json(&self) -> Value {
        json!({ "median": self.value, "quartiles": [self.low, self.high] })
    }
}

impl Samples {
    pub fn empty(contestants: &[&str]) -> Vec<Samples> {
        let empty = |it: &&str| Samples { contestant: it.to_string(), values: Vec::new() };
        contestants.iter().map(empty).collect()
    }

    pub fn median(&self) -> Median {
        Median::of(self.values.clone())
    }

    /// The median of the ratios to another contestant in the same rounds.
    pub fn ratio(&self, other: &Samples) -> Median {
        Median::of(self.values.iter().zip(&other.values).map(|(one, two)| one / two).collect())
    }
}

/// Measures each contestant once in each round; each round begins with another one.
pub fn interleave(
    contestants: &[&str],
    rounds: usize,
    mut measure: impl FnMut(usize) -> f64,
) -> Vec<Samples> {
    let mut samples = Samples::empty(contestants);
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            samples[index].values.push(measure(index));
        }
    }
    samples
}
