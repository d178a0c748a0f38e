//! Names that stand escaped in JSON, as Python writes them, in few steps.
//!
//! A name of another script takes six bytes a letter so, too many for a slot, and every spelling would
//! stand beside its identity. Most are undone here; what is not plain is left to who decodes anything.

/// Bytes of a name that is undone here.
pub(super) const ROOM: usize = 128;

/// Undoes the `\uXXXX` of a name in a JSON string, and returns how many bytes it has then.
///
/// `None` if there are none, if there are other escapes, if it is too long, or if a character would
/// have to stay escaped in JSON.
pub(super) fn unescape(name: &[u8], text: &mut [u8; ROOM]) -> Option<usize> {
    if name.len() > ROOM {
        return None;
    }
    let (mut at, mut length, mut met) = (0, 0, false);
    while let Some(&byte) = name.get(at) {
        if byte != b'\\' {
            *text.get_mut(length)? = byte;
            length += 1;
            at += 1;
            continue;
        }
        met = true;
        let mut code = unit(name, at)?;
        at += 6;
        if code & 0xfc00 == 0xd800 {
            let second = unit(name, at)?;
            if second & 0xfc00 != 0xdc00 {
                return None;
            }
            at += 6;
            code = 0x10000 + ((code & 0x3ff) << 10 | second & 0x3ff);
        }
        let c = char::from_u32(code).filter(|&c| c >= ' ' && c != '"' && c != '\\')?;
        length += c.encode_utf8(text.get_mut(length..length + 4)?).len();
    }
    met.then_some(length)
}

/// The number of a `\uXXXX` that stands at a place.
#[inline]
fn unit(name: &[u8], at: usize) -> Option<u32> {
    /// More than any number, wherever the digit stands.
    const NONE: u32 = 0xff_0000;
    static DIGITS: [u32; 256] = {
        let mut digits = [NONE; 256];
        let mut value = 0;
        while value < 16 {
            let digit = b"0123456789abcdef"[value as usize];
            digits[digit as usize] = value;
            digits[digit.to_ascii_uppercase() as usize] = value;
            value += 1;
        }
        digits
    };
    let &[b'\\', b'u', a, b, c, d] = name.get(at..)?.first_chunk::<6>()? else {
        return None;
    };
    let [a, b, c, d] = [a, b, c, d].map(|digit| DIGITS[usize::from(digit)]);
    let number = a << 12 | b << 8 | c << 4 | d;
    (number <= 0xffff).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_undone_is_what_json_means(
            name in "([a-zé]|\\\\u0[0-9a-f]{3}|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude0[0-9]|\\\\ud83d|\\\\[nu\\\\\"]){0,24}",
        ) {
            let mut text = [0; ROOM];
            if let Some(length) = unescape(name.as_bytes(), &mut text) {
                let decoded: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                prop_assert_eq!(&text[..length], decoded.as_bytes());
                prop_assert!(!decoded.contains(['\\', '"', '\0']));
            }
        }
    }

    #[test]
    fn letters_and_emoji_are_undone() {
        let mut text = [0; ROOM];
        let length = unescape(br"fyp\u0444\ud83d\ude00x", &mut text);
        assert_eq!(&text[..length.unwrap()], "fypф😀x".as_bytes());
        for odd in [
            "fyp", r"\n", r"\u00", r"\ud83dx", r"\ude00", r"\u0022", r"\u005c", r"\u0000",
        ] {
            assert_eq!(unescape(odd.as_bytes(), &mut text), None, "{odd}");
        }
    }
}
