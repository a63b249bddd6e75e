//! Separators as they are typed: `\t`, `\n`, `\r`, `\0`, `\\` and `\xHH` stand for single bytes.

use std::str::FromStr;

/// Bytes that may have been typed with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Escaped(pub(crate) Vec<u8>);

impl FromStr for Escaped {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            rest = after;
            if *first != b'\\' {
                bytes.push(*first);
                continue;
            }
            let (byte, after) = escape(rest).ok_or_else(|| {
                format!("in {text:?}: \\ is followed by one of t n r 0 \\ or xHH")
            })?;
            bytes.push(byte);
            rest = after;
        }
        Ok(Self(bytes))
    }
}

/// What follows a backslash.
fn escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (letter, after) = rest.split_first()?;
    match letter {
        b't' => Some((b'\t', after)),
        b'n' => Some((b'\n', after)),
        b'r' => Some((b'\r', after)),
        b'0' => Some((0, after)),
        b'\\' => Some((b'\\', after)),
        b'x' => {
            let (digits, after) = after.split_at_checked(2)?;
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let [high, low] = digits else { return None };
            Some((u8::try_from(digit(high)? * 16 + digit(low)?).ok()?, after))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_single_bytes() {
        let parse = |text: &str| text.parse::<Escaped>().map(|escaped| escaped.0);
        assert_eq!(parse(":").unwrap(), b":");
        assert_eq!(parse("a\\t\\\\\\x1F\\0").unwrap(), b"a\t\\\x1f\0");
        assert_eq!(parse("ü").unwrap(), "ü".as_bytes());
        for wrong in ["\\", "\\q", "\\x1", "\\xg0"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
