//! The last lines of a service, in memory.

/// So many bytes are kept at least, if there have been so many.
const KEPT: usize = 16 * 1024;

#[derive(Default)]
pub struct Recent {
    text: Vec<u8>,
}

impl Recent {
    pub fn add(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        if self.text.len() > 2 * KEPT {
            let cut = self.text.len() - KEPT;
            // Before the line in which it is: that may be all there is.
            let line = self.text[..cut].iter().rposition(|byte| *byte == b'\n');
            self.text.drain(..line.map_or(0, |at| at + 1));
        }
    }

    pub fn last(&self, lines: usize) -> String {
        let ends = self.text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
        let from = ends.map(|(at, _)| at + 1).nth(lines).unwrap_or(0);
        String::from_utf8_lossy(&self.text[from..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut recent = Recent::default();
        assert_eq!(recent.last(3), "");
        recent.add(b"one\ntwo\n");
        assert_eq!(recent.last(0), "");
        assert_eq!(recent.last(1), "two\n");
        assert_eq!(recent.last(9), "one\ntwo\n");
        for number in 0..10_000 {
            recent.add(format!("line {number}\n").as_bytes());
        }
        assert_eq!(recent.last(2), "line 9998\nline 9999\n");
        let all = recent.last(usize::MAX);
        assert!((KEPT..=2 * KEPT).contains(&all.len()) && all.starts_with("line "));
    }

    #[test]
    fn a_line_that_is_longer_than_what_is_kept_is_kept() {
        let mut recent = Recent::default();
        let line = "x".repeat(KEPT + 4) + "\n";
        for _ in 0..9 {
            recent.add(line.as_bytes());
            assert_eq!(recent.last(1), line);
        }
        assert!(recent.text.len() <= 3 * KEPT);
    }
}
