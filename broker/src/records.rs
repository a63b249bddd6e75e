//! Walks the records of one batch as far as a broker looks at them, without allocating.
//!
//! The input is the records section in plain form: what follows the 61-byte header of an uncompressed batch, or what
//! decompressing it gave.

use std::fmt;

/// What a broker looks at in one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordView<'a> {
    /// The record's place in the batch, counted from 0.
    pub(crate) index: i32,
    /// Milliseconds after the batch's base timestamp; may be negative.
    pub(crate) timestamp_delta: i64,
    /// Offset after the batch's base offset.
    pub(crate) offset_delta: i32,
    /// Whether the key is present (an empty key is).
    pub(crate) has_key: bool,
    /// Key, value and headers with their lengths, as they stand in the batch.
    pub(crate) content: &'a [u8],
}

/// A record that is not laid out as the format says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Defect {
    /// The record's place in the batch.
    pub(crate) index: i32,
    /// What is wrong with it.
    pub(crate) what: &'static str,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.index, self.what)
    }
}

/// Calls `visit` for each of the `count` records in `section`, which must hold exactly these.
pub(crate) fn walk<'a>(
    section: &'a [u8],
    count: i32,
    mut visit: impl FnMut(RecordView<'a>) -> Result<(), Defect>,
) -> Result<(), Defect> {
    let mut rest = section;
    for index in 0..count {
        let defect = |what| Defect { index, what };
        let length = varint(&mut rest).ok_or_else(|| defect("the batch ends before its length"))?;
        let body = usize::try_from(length)
            .ok()
            .and_then(|length| take(&mut rest, length))
            .ok_or_else(|| defect("its length reaches beyond the batch"))?;
        visit(record(index, body)?)?;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Defect {
            index: count,
            what: "bytes are left after the declared number of records",
        })
    }
}

fn record(index: i32, body: &[u8]) -> Result<RecordView<'_>, Defect> {
    let defect = |what| Defect { index, what };
    let mut rest = body;
    let _attributes = take(&mut rest, 1).ok_or_else(|| defect("it is empty"))?;
    let timestamp_delta =
        varlong(&mut rest).ok_or_else(|| defect("its timestamp delta is malformed"))?;
    let offset_delta = varint(&mut rest).ok_or_else(|| defect("its offset delta is malformed"))?;
    let content = rest;
    let has_key = skip_nullable(&mut rest).ok_or_else(|| defect("its key is malformed"))?;
    skip_nullable(&mut rest).ok_or_else(|| defect("its value is malformed"))?;
    let headers = varint(&mut rest).ok_or_else(|| defect("its header count is malformed"))?;
    if headers < 0 {
        return Err(defect("its header count is negative"));
    }
    for _ in 0..headers {
        match skip_nullable(&mut rest) {
            Some(true) => {}
            Some(false) => return Err(defect("a header key is null")),
            None => return Err(defect("a header key is malformed")),
        }
        skip_nullable(&mut rest).ok_or_else(|| defect("a header value is malformed"))?;
    }
    if !rest.is_empty() {
        return Err(defect("bytes are left after its headers"));
    }
    Ok(RecordView {
        index,
        timestamp_delta,
        offset_delta,
        has_key,
        content,
    })
}

/// Skips a length and that many bytes; `Some(false)` for null.
fn skip_nullable(rest: &mut &[u8]) -> Option<bool> {
    match varint(rest)? {
        -1 => Some(false),
        length => take(rest, usize::try_from(length).ok()?).map(|_| true),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<i32> {
    let raw = u32::try_from(unsigned(rest, 5)?).ok()?;
    Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

fn varlong(rest: &mut &[u8]) -> Option<i64> {
    let raw = unsigned(rest, 10)?;
    Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

fn unsigned(rest: &mut &[u8], longest: u32) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..longest {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = &[0x10, 0x00, 0x02, 0x00, 0x01, 0x04, b'h', b'i', 0x00];

    fn views(section: &[u8], count: i32) -> Result<Vec<(i64, i32, bool)>, Defect> {
        let mut seen = Vec::new();
        walk(section, count, |record| {
            seen.push((record.timestamp_delta, record.offset_delta, record.has_key));
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn reads_a_record_with_a_null_key() {
        assert_eq!(views(PLAIN, 1), Ok(vec![(1, 0, false)]));
    }

    #[test]
    fn refuses_a_count_that_is_not_the_number_of_records() {
        assert_eq!(
            views(PLAIN, 0).unwrap_err().what,
            "bytes are left after the declared number of records"
        );
        assert_eq!(
            views(PLAIN, 2).unwrap_err(),
            Defect {
                index: 1,
                what: "the batch ends before its length"
            }
        );
    }

    #[test]
    fn refuses_every_truncation() {
        for length in 0..PLAIN.len() {
            assert!(views(&PLAIN[..length], 1).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn refuses_a_null_header_key_and_left_over_bytes() {
        let null_header = [0x10, 0x00, 0x00, 0x00, 0x01, 0x01, 0x02, 0x01, 0x01];
        assert_eq!(
            views(&null_header, 1).unwrap_err().what,
            "a header key is null"
        );
        let left_over = [0x0e, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00];
        assert_eq!(
            views(&left_over, 1).unwrap_err().what,
            "bytes are left after its headers"
        );
    }

    #[test]
    fn varints_follow_zigzag_and_end() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], i32::MIN),
            (&[0xfe, 0xff, 0xff, 0xff, 0x0f], i32::MAX),
        ] {
            assert_eq!(varint(&mut &bytes[..]), Some(value));
        }
        assert_eq!(varint(&mut &[0x80_u8; 6][..]), None);
        assert_eq!(varlong(&mut &[0x80_u8; 11][..]), None);
    }
}
