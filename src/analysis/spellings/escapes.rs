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
    let mut at = name.iter().position(|&byte| byte == b'\\')?;
    if name.len() > ROOM {
        return None;
    }
    text.get_mut(..at)?.copy_from_slice(&name[..at]);
    let mut length = at;
    while let Some(&byte) = name.get(at) {
        if byte != b'\\' {
            *text.get_mut(length)? = byte;
            length += 1;
            at += 1;
            continue;
        }
        let mut code = unit(name.get(at..at + 6)?)?;
        at += 6;
        if code & 0xfc00 == 0xd800 {
            let second = unit(name.get(at..at + 6)?)?;
            if second & 0xfc00 != 0xdc00 {
                return None;
            }
            at += 6;
            code = 0x10000 + ((code & 0x3ff) << 10 | second & 0x3ff);
        }
        let c = char::from_u32(code).filter(|&c| c >= ' ' && c != '"' && c != '\\')?;
        length += c.encode_utf8(text.get_mut(length..length + 4)?).len();
    }
    Some(length)
}

/// The number behind `\u`.
fn unit(escape: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', ref digits @ ..] = escape else {
        return None;
    };
    let mut number = 0;
    for &digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        number = number << 4 | u32::from(value);
    }
    Some(number)
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
