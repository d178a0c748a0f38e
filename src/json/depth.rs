//! How deep a value is nested.

use memchr::memchr2;

/// Containers around the innermost value of a JSON text, the outermost counted.
///
/// Most parsers give up somewhere: Python's at about 1,000, `serde_json` at 128.
pub fn depth(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut depth, mut deepest): (usize, usize) = (0, 0);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(bytes, at + 1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// Whether some value has more containers around it than that; says so as fast as can be where few
/// brackets open.
pub fn is_deeper(json: &str, than: usize) -> bool {
    let open = memchr::memchr2_iter(b'{', b'[', json.as_bytes());
    open.take(than + 1).count() > than && depth(json) > than
}

/// Where the quote stands that ends a string.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += step;
        if bytes[at] == b'"' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_are_no_containers() {
        for (json, expected) in [
            ("5", 0),
            ("{}", 1),
            (r#"{"a":[{"b":1},[]]}"#, 3),
            (r#"{"a":"[[[[","b\"{":"\\"}"#, 1),
            (r#"["]]",[[1]]]"#, 3),
            (r#"{"open"#, 1),
            ("]]][", 1),
        ] {
            assert_eq!(depth(json), expected, "{json}");
            for than in 0..5 {
                assert_eq!(is_deeper(json, than), expected > than, "{json} {than}");
            }
        }
    }
}
