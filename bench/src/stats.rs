//! Rounds in which all contestants take turns, and what is made of them. Neither criterion nor divan can do this: they run one
//! contestant after the other, so that a machine that slows down in between favours the first.

use serde_json::{json, Value};

/// What one contestant did in each round.
pub struct Samples {
    pub who: String,
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
    pub fn median(&self) -> Median {
        Median::of(self.values.clone())
    }

    /// The median of the ratios to another in the same rounds.
    pub fn ratio(&self, other: &Samples) -> Median {
        Median::of(self.values.iter().zip(&other.values).map(|(one, two)| one / two).collect())
    }
}

/// So many rounds; each begins with another contestant.
pub fn interleave(whos: &[&str], rounds: usize, mut measure: impl FnMut(usize) -> f64) -> Vec<Samples> {
    let new = |who: &&str| Samples { who: who.to_string(), values: Vec::new() };
    let mut samples: Vec<Samples> = whos.iter().map(new).collect();
    for round in 0..rounds {
        for turn in 0..whos.len() {
            let index = (round + turn) % whos.len();
            let value = measure(index);
            samples[index].values.push(value);
        }
    }
    samples
}
