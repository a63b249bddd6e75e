//! Strings on a shared buffer, checked once.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;

/// A UTF-8 string on a shared buffer: cloning and reading it from a frame copy nothing.
///
/// A string that was read from a frame keeps that whole frame alive; make a new one (`Str::from(&*name)`) to keep a
/// short name for long.
///
/// ```
/// use milena_protocol::Str;
/// let topic = Str::from_static("orders");
/// assert_eq!(topic, "orders");
/// assert!(topic.starts_with("ord"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(ByteString);

impl Str {
    /// The most bytes that a string of a message may have. Kafka keeps to it in flexible versions too, whose lengths
    /// could say more.
    pub const MAX_LEN: usize = i16::MAX as usize;

    /// A string without an allocation.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The buffer.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self
    }
}

// `Hash` and `Ord` are those of `str`, so maps keyed by `Str` can be asked with a `&str`.
impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.as_str().to_owned()
    }
}

impl TryFrom<Bytes> for Str {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        ByteString::try_from(bytes).map(Self)
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<Str> for str {
    fn eq(&self, other: &Str) -> bool {
        *self == **other
    }
}

impl PartialEq<Str> for &str {
    fn eq(&self, other: &Str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn maps_are_asked_with_str() {
        let hashed = HashMap::from([(Str::from("orders"), 1)]);
        let ordered = BTreeMap::from([(Str::from_static("orders"), 1)]);
        assert_eq!(
            (hashed.get("orders"), ordered.get("orders")),
            (Some(&1), Some(&1))
        );
    }

    #[test]
    fn bytes_are_checked_and_shared() {
        let bytes = Bytes::from(b"orders".to_vec());
        let text = Str::try_from(bytes.clone()).unwrap();
        assert_eq!(text.into_bytes().as_ptr(), bytes.as_ptr());
        assert!(Str::try_from(Bytes::from_static(b"\xff")).is_err());
    }

    #[test]
    fn shows_like_str() {
        assert_eq!(
            format!("{0} {0:?} {0:>4}", Str::from("a\"")),
            "a\" \"a\\\"\"   a\""
        );
    }
}
