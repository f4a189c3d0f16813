//! Lines of services, as they stand in the log.

/// `NAME | line`.
pub fn plain(name: &str, text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b" | ");
        lines.extend_from_slice(line);
    }
    lines
}

/// An object each.
pub fn json(name: &str, text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() * 2);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.trim_ascii_end());
        let object = serde_json::json!({ "service": name, "output": line });
        lines.extend_from_slice(object.to_string().as_bytes());
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_whose_it_is() {
        assert_eq!(plain("a", b"one\n\xfftwo\n"), b"a | one\na | \xfftwo\n");
        let lines = String::from_utf8(json("a", b"say \"x\"\r\n\xff\n")).unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines[0], r#"{"output":"say \"x\"","service":"a"}"#);
        assert_eq!(lines.len(), 2);
    }
}
