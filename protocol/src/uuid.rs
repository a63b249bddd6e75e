//! Kafka's UUID: sixteen bytes, written as URL-safe base64.

use std::fmt;
use std::str::FromStr;

/// Sixteen bytes that name a topic, a directory or a client instance. All zero means none.
///
/// ```
/// use milena_protocol::Uuid;
/// let id: Uuid = "AAECAwQFBgcICQoLDA0ODw".parse()?;
/// assert_eq!(id, Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
/// assert_eq!(id.to_string(), "AAECAwQFBgcICQoLDA0ODw");
/// # Ok::<(), milena_protocol::ParseUuidError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// Not 22 characters of URL-safe base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Kafka UUID is 22 characters of URL-safe base64 without padding")]
pub struct ParseUuidError;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// No id.
    pub const ZERO: Self = Self([0; 16]);

    /// Whether this is [`Uuid::ZERO`].
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl From<[u8; 16]> for Uuid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 22 characters hold 132 bits: four zero bits follow the id.
        let bits = u128::from_be_bytes(self.0);
        let text: String = (0..22)
            .map(|n| {
                let six = if n == 21 {
                    bits << 4
                } else {
                    bits >> (122 - 6 * n)
                } & 0x3f;
                ALPHABET
                    .get(six as usize)
                    .map_or('?', |byte| char::from(*byte))
            })
            .collect();
        f.pad(&text)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        if text.len() != 22 {
            return Err(ParseUuidError);
        }
        let mut bits = 0_u128;
        for (n, byte) in text.bytes().enumerate() {
            let six = ALPHABET
                .iter()
                .position(|b| *b == byte)
                .ok_or(ParseUuidError)?;
            bits = match n {
                21 if six & 0xf != 0 => return Err(ParseUuidError),
                21 => bits << 2 | six as u128 >> 4,
                _ => bits << 6 | six as u128,
            };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for seed in 0..200_u128 {
            let id =
                Uuid((seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes());
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid([255; 16]).to_string(), "_____________________w");
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in [
            "",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(text.parse::<Uuid>(), Err(ParseUuidError), "{text}");
        }
    }
}
