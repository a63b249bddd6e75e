//! Records as lines.

use std::io::{self, Write};

use clap::ValueEnum;
use milena::ReceivedRecord;
use serde::Serialize;

use crate::{
    blob::{Blob, HeaderList},
    visible::Visible,
};

/// A way to write a record as a line.
pub(super) trait Format {
    fn write(&self, record: &ReceivedRecord, out: &mut dyn Write) -> io::Result<()>;
}

/// What the text format may write besides the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Field {
    Timestamp,
    Partition,
    Offset,
    Headers,
    Key,
    /// Always written.
    Value,
}

/// The parts of a record with a separator between them, as kafka-console-consumer writes them.
#[derive(Debug)]
pub(super) struct Text {
    fields: Vec<Field>,
    separator: Vec<u8>,
    null: String,
}

impl Text {
    pub(super) fn new(print: &[Field], separator: Vec<u8>, null: String) -> Self {
        let is_wanted = |field: &Field| *field == Field::Value || print.contains(field);
        let fields = Field::value_variants()
            .iter()
            .filter(|field| is_wanted(field))
            .copied()
            .collect();
        Self {
            fields,
            separator,
            null,
        }
    }

    fn bytes<'a>(&'a self, bytes: Option<&'a [u8]>) -> &'a [u8] {
        bytes.unwrap_or(self.null.as_bytes())
    }

    fn headers(&self, record: &ReceivedRecord, out: &mut dyn Write) -> io::Result<()> {
        if record.headers.is_empty() {
            return out.write_all(b"NO_HEADERS");
        }
        for (number, header) in record.headers.iter().enumerate() {
            if number > 0 {
                out.write_all(b",")?;
            }
            out.write_all(&header.key_bytes)?;
            out.write_all(b":")?;
            out.write_all(self.bytes(header.value.as_deref()))?;
        }
        Ok(())
    }
}

impl Format for Text {
    fn write(&self, record: &ReceivedRecord, out: &mut dyn Write) -> io::Result<()> {
        for (number, field) in self.fields.iter().enumerate() {
            if number > 0 {
                out.write_all(&self.separator)?;
            }
            match field {
                Field::Timestamp if record.timestamp < 0 => out.write_all(b"NO_TIMESTAMP")?,
                Field::Timestamp => write!(out, "CreateTime:{}", record.timestamp)?,
                Field::Partition => write!(out, "Partition:{}", record.partition)?,
                Field::Offset => write!(out, "Offset:{}", record.offset)?,
                Field::Headers => self.headers(record, out)?,
                Field::Key => out.write_all(self.bytes(record.key.as_deref()))?,
                Field::Value => out.write_all(self.bytes(record.value.as_deref()))?,
            }
        }
        out.write_all(b"\n")
    }
}

/// An object a line, with everything there is.
#[derive(Debug)]
pub(super) struct Json;

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Blob<'a>,
    value: Blob<'a>,
    headers: HeaderList<'a>,
}

impl Format for Json {
    fn write(&self, record: &ReceivedRecord, out: &mut dyn Write) -> io::Result<()> {
        let line = Line {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: Blob(record.key.as_deref()),
            value: Blob(record.value.as_deref()),
            headers: HeaderList(&record.headers),
        };
        serde_json::to_writer(Visible(&mut *out), &line)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn record(key: Option<&'static [u8]>, value: Option<&'static [u8]>) -> ReceivedRecord {
        ReceivedRecord {
            topic: "t".into(),
            partition: 3,
            offset: 42,
            timestamp: 1_700_000_000_000,
            key: key.map(Bytes::from_static),
            value: value.map(Bytes::from_static),
            headers: Default::default(),
        }
    }

    fn line(format: &dyn Format, record: &ReceivedRecord) -> Vec<u8> {
        let mut out = Vec::new();
        format.write(record, &mut out).unwrap();
        out
    }

    #[test]
    fn text_is_the_value_and_what_is_asked_for_in_kafkas_order() {
        let text = |print: &[Field]| Text::new(print, b"\t".to_vec(), "null".to_owned());
        let some = record(Some(b"k"), Some(b"v\xff"));
        assert_eq!(line(&text(&[]), &some), b"v\xff\n");
        let all = [
            Field::Key,
            Field::Headers,
            Field::Offset,
            Field::Partition,
            Field::Timestamp,
        ];
        assert_eq!(
            line(&text(&all), &some),
            b"CreateTime:1700000000000\tPartition:3\tOffset:42\tNO_HEADERS\tk\tv\xff\n"
        );
        assert_eq!(
            line(&text(&[Field::Key]), &record(None, None)),
            b"null\tnull\n"
        );
        assert_eq!(
            line(&text(&[Field::Key]), &record(Some(b""), Some(b""))),
            b"\t\n"
        );
    }

    #[test]
    fn json_tells_text_from_null_and_from_bytes() {
        let parsed = |record: &ReceivedRecord| {
            let line = line(&Json, record);
            assert_eq!(line.last(), Some(&b'\n'));
            serde_json::from_slice::<serde_json::Value>(&line).unwrap()
        };
        assert_eq!(
            parsed(&record(Some(b"k\n\"\xc3\xbc"), Some(b"\xff\x00"))),
            serde_json::json!({
                "topic": "t", "partition": 3, "offset": 42, "timestamp": 1_700_000_000_000_u64,
                "key": "k\n\"ü", "value": {"base64": "/wA="}, "headers": [],
            })
        );
        let steers = line(&Json, &record(None, Some("\u{9b}2J".as_bytes())));
        assert!(steers.windows(6).any(|at| at == br"\u009b"));
        let nothing = parsed(&record(None, Some(b"")));
        assert_eq!(
            (&nothing["key"], &nothing["value"]),
            (&serde_json::Value::Null, &"".into())
        );
    }
}
