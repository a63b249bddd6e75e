//! Bytes in JSON: a string where they are text, and an object that says so where they are not.

use base64::{Engine, engine::general_purpose::STANDARD};
use milena_codec::{Header, Headers};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Bytes that are mostly text; `None` is null.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blob<'a>(pub(crate) Option<&'a [u8]>);

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(bytes) = self.0 else {
            return serializer.serialize_none();
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &STANDARD.encode(bytes))?;
                map.end()
            }
        }
    }
}

/// The headers of a record in their order, each a pair of key and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderList<'a>(pub(crate) &'a Headers);

impl Serialize for HeaderList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Pair))
    }
}

struct Pair(Header);

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let header = &self.0;
        (Blob(Some(&header.key_bytes)), Blob(header.value.as_deref())).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Blob;

    #[test]
    fn text_null_and_bytes_are_told_apart() {
        let json = |bytes| serde_json::to_string(&Blob(bytes)).unwrap();
        assert_eq!(json(Some("k\n\"ü".as_bytes())), r#""k\n\"ü""#);
        assert_eq!(json(Some(b"")), r#""""#);
        assert_eq!(json(Some(b"\xff\x00")), r#"{"base64":"/wA="}"#);
        assert_eq!(json(None), "null");
    }
}
