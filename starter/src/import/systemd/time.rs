//! systemd's times and sizes.

/// Our longest: a day.
pub const LONGEST: f64 = 86_400.0;

/// Seconds: a number, or with units as in `1min 30s`. `infinity` and, where systemd takes it for
/// that, 0 are the longest that there is.
pub fn seconds(text: &str, zero_is_infinite: bool) -> Result<f64, String> {
    let number = match text.parse::<f64>() {
        _ if text == "infinity" => LONGEST,
        Ok(number) => number,
        Err(_) => humantime::parse_duration(text)
            .map_err(|error| format!("`{text}`: {error}"))?
            .as_secs_f64(),
    };
    match number {
        number if number == 0.0 && zero_is_infinite => Ok(LONGEST),
        number if number.is_finite() && number >= 0.0 => Ok(number.min(LONGEST)),
        _ => Err(format!("`{text}` is no time")),
    }
}

/// A limit: a number, with K, M, G, or `infinity`. Of `soft:hard` the first counts.
pub fn limit(text: &str) -> Result<toml::Value, String> {
    let soft = text.split(':').next().unwrap_or_default();
    if soft == "infinity" {
        return Ok("unlimited".into());
    }
    let units = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let unit = units.iter().find(|(unit, _)| soft.ends_with(*unit));
    let (number, shift) =
        unit.map_or((soft, 0), |(unit, shift)| (soft.trim_end_matches(*unit), *shift));
    let number = number.parse::<i64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.map(toml::Value::from).ok_or_else(|| format!("`{text}` is no limit"))
}

pub fn is_true(text: &str) -> bool {
    matches!(text, "1" | "yes" | "y" | "true" | "t" | "on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_limits() {
        assert_eq!(seconds("1min 30s", false), Ok(90.0));
        assert_eq!(seconds("500ms", false), Ok(0.5));
        assert_eq!(seconds("1.5", false), Ok(1.5));
        assert_eq!(seconds("0", true), Ok(LONGEST));
        assert_eq!(seconds("infinity", false), Ok(LONGEST));
        assert!(seconds("soon", false).is_err());
        assert_eq!(limit("64K:1M"), Ok(toml::Value::from(65536)));
        assert_eq!(limit("infinity"), Ok(toml::Value::from("unlimited")));
        assert!(limit("many").is_err());
    }
}
