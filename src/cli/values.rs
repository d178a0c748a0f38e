//! Values as people type them.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Date;

/// `5s`, `1ms`, `2m`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 5s or 500ms");
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| wrong());
    }
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

/// `2024-05-31`, also without the signs.
pub(super) fn day(text: &str) -> Result<Date, String> {
    let day = crate::source::research::parse_date(text);
    day.ok_or_else(|| format!("`{text}` is no day such as 2024-05-31"))
}

/// A time in which something can happen.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() {
        return Err("nothing can be done in no time".to_owned());
    }
    Ok(time)
}

/// A number that nothing was left out of.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    let digits = text.chars().all(|c| c.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("`{text}` is no whole number such as 1000000, in digits only"))
}

/// A number of things of which there must be some.
pub(super) fn at_least_one<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    match whole(text)? {
        0 => Err("0 would leave nothing: name 1 or more".to_owned()),
        number => N::try_from(number).map_err(|_| format!("{number} is more than can be counted")),
    }
}

/// A number of bytes: `500M`, `1.5G`, `800k`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size such as 500M");
    let text = text.trim().trim_end_matches(['b', 'B']);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err(wrong()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let tenths: u64 = match part.len() {
        1 => part.parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let bytes = whole
        .checked_mul(unit)
        .and_then(|bytes| bytes.checked_add(unit / 10 * tenths));
    bytes.filter(|&bytes| bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_where_none_makes_no_sense_not_zero() {
        assert_eq!(whole("1000000"), Ok(1_000_000));
        assert_eq!(whole("0"), Ok(0));
        assert_eq!(at_least_one("7"), Ok(7_u64));
        for text in [
            "",
            "1e6",
            "1.5",
            "-1",
            "+1",
            "1M",
            "1 000",
            "99999999999999999999",
        ] {
            assert!(
                whole(text).is_err() && at_least_one::<u64>(text).is_err(),
                "{text}"
            );
        }
        assert!(at_least_one::<u64>("0").is_err() && at_least_one::<u64>("00").is_err());
        assert!(some_time("0s").is_err() && some_time("1ms").is_ok());
    }

    #[test]
    fn waits_are_written_as_people_do() {
        for (text, millis) in [("5s", 5000), ("1ms", 1), ("2m", 120_000), ("0.5", 500)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in ["-1s", "soon", "-1", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        for (text, bytes) in [
            ("500M", 500 << 20),
            ("2G", 2 << 30),
            ("1.5k", 1024 + 510),
            ("7", 7),
            ("3KB", 3072),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "-1", "M", "1.55G", "1T", "99999999999G", "1e3"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
