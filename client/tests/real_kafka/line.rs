//! A record as one line of text, exactly as Apache's consumer prints it.

use std::fmt::Write;

/// The parts of a record that was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    /// `CreateTime` or `LogAppendTime`.
    pub(crate) timestamp_type: &'a str,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl Line<'_> {
    /// The text, with these headers.
    pub(crate) fn text<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, Option<&'h [u8]>)>,
    ) -> String {
        let Line {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            ..
        } = self;
        let mut out = format!(
            "{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":{offset},\"timestamp\":{timestamp},\
             \"timestampType\":\"{timestamp_type}\",\"key\":"
        );
        bytes(&mut out, self.key);
        out.push_str(",\"value\":");
        bytes(&mut out, self.value);
        out.push_str(",\"headers\":[");
        for (place, (key, value)) in headers.into_iter().enumerate() {
            out.push_str(if place == 0 { "[" } else { ",[" });
            string(&mut out, key);
            out.push(',');
            bytes(&mut out, value);
            out.push(']');
        }
        out.push_str("]}");
        out
    }
}

/// The number of that field, in a line of a single level.
pub(crate) fn number(line: &str, field: &str) -> i64 {
    let at = line
        .find(&format!("\"{field}\":"))
        .unwrap_or_else(|| panic!("no {field} in {line}"));
    let digits = &line[at + field.len() + 3..];
    let end = digits.find([',', '}']).unwrap();
    digits[..end].parse().unwrap()
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Base64 with padding, or null.
fn bytes(out: &mut String, bytes: Option<&[u8]>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(bytes) = bytes else {
        out.push_str("null");
        return;
    };
    out.push('"');
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() {
                char::from(sextet)
            } else {
                '='
            });
        }
    }
    out.push('"');
}

#[test]
fn base64_is_padded() {
    let text = |plain: &str| {
        let mut out = String::new();
        bytes(&mut out, Some(plain.as_bytes()));
        out
    };
    assert_eq!(text(""), "\"\"");
    assert_eq!(text("f"), "\"Zg==\"");
    assert_eq!(text("fo"), "\"Zm8=\"");
    assert_eq!(text("foobar"), "\"Zm9vYmFy\"");
}

#[test]
fn numbers_are_found() {
    let line = r#"{"index":7,"topic":"t","partition":-1,"timestamp":1700000000000}"#;
    assert_eq!(
        ["index", "partition", "timestamp"].map(|field| number(line, field)),
        [7, -1, 1_700_000_000_000]
    );
}
