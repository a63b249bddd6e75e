//! Hex dumps as xxd, `hexdump -C`, `od -t x1` and Wireshark print them: an offset in front of each line, and often text
//! behind the digits.

use anyhow::{Context, anyhow};
use bytes::Bytes;

use super::input::from_hex;

/// The fewest digits of an offset.
const OFFSET: usize = 4;
/// After how many bytes some tools leave more room, though more bytes follow.
const HALF: usize = 8;

/// A line of a dump.
#[derive(Debug)]
struct Row<'a> {
    /// The digits of its offset.
    offset: &'a str,
    /// A colon stands behind the offset, so it can be nothing else.
    marked: bool,
    /// How far the first digits stand from the offset.
    gap: usize,
    /// The digits of its bytes, as they stand together.
    groups: Vec<&'a str>,
}

/// The bytes that a dump shows; `None` if the text is no dump.
///
/// Where no colon tells them, offsets have to stand in front of single bytes, and to count these: digits alone could look
/// like a dump otherwise.
pub(super) fn read(text: &str) -> Option<anyhow::Result<Bytes>> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Vec<Row<'_>> = lines()
        .filter(|line| *line != "*")
        .map(Row::new)
        .collect::<Option<_>>()?;
    let (first, last) = (rows.first()?, rows.last()?);
    let width = first.groups.first()?.len();
    let are_bytes = rows.iter().all(|row| row.is_of_width(2));
    if !first.marked && !are_bytes {
        let is_closed = last.groups.is_empty() && rows.iter().all(|row| row.is_of_width(width));
        return is_closed.then(|| {
            Err(anyhow!(
                "this looks like a dump of words or of octal numbers; `xxd` and `hexdump -C` show bytes"
            ))
        });
    }
    let is_alone = rows.len() == 1 && !(first.gap > 1 && first.is_at_zero());
    if !first.marked && is_alone {
        return None;
    }
    if rows.len() < lines().count() {
        return Some(Err(anyhow!(
            "the dump leaves lines out, with a `*` in their place; `hexdump -v`, `od -v`, and xxd without -a show them"
        )));
    }
    let bytes = [16, 10, 8].iter().find_map(|base| bytes(&rows, *base));
    if bytes.is_none() && first.marked {
        return Some(Err(anyhow!(
            "this looks like a dump, but its offsets do not count its bytes"
        )));
    }
    bytes
}

/// The bytes of all lines, if the offsets count them in this base.
fn bytes(rows: &[Row<'_>], base: u32) -> Option<anyhow::Result<Bytes>> {
    let offset = |row: &Row<'_>| usize::from_str_radix(row.offset, base).ok();
    let start = offset(rows.first()?)?;
    let mut bytes = Vec::new();
    for row in rows {
        if offset(row)?.checked_sub(start)? != bytes.len() {
            return None;
        }
        for group in &row.groups {
            match from_hex(group.as_bytes()).with_context(|| format!("{group:?} in the dump")) {
                Ok(read) => bytes.extend(read),
                Err(error) => return Some(Err(error)),
            }
        }
    }
    Some(Ok(bytes.into()))
}

impl<'a> Row<'a> {
    fn new(line: &'a str) -> Option<Self> {
        let hex = line.strip_prefix("0x").unwrap_or(line);
        let end = hex.find(|letter: char| !letter.is_ascii_hexdigit());
        let (offset, behind) = hex.split_at(end.unwrap_or(hex.len()));
        let unmarked = behind.strip_prefix(':');
        let mut rest = unmarked.unwrap_or(behind);
        let is_apart = rest.is_empty() || rest.starts_with([' ', '\t']);
        if offset.len() < OFFSET || !is_apart {
            return None;
        }
        let mut row = Self {
            offset,
            marked: unmarked.is_some(),
            gap: 0,
            groups: Vec::new(),
        };
        loop {
            let group = rest.trim_start_matches([' ', '\t']);
            let gap = rest.len() - group.len();
            let (group, behind) = group.split_at(group.find([' ', '\t']).unwrap_or(group.len()));
            let is_half = row.groups.len() == HALF && gap == 2 && group.len() == 2;
            // Text stands apart from the digits.
            let is_text = !row.groups.is_empty() && gap > 1 && !(is_half && row.is_of_width(2));
            if group.is_empty() || is_text {
                return Some(row);
            }
            if row.groups.is_empty() {
                row.gap = gap;
            }
            row.groups.push(group);
            rest = behind;
        }
    }

    /// Whether that many digits stand together everywhere.
    fn is_of_width(&self, width: usize) -> bool {
        self.groups.iter().all(|group| group.len() == width)
    }

    fn is_at_zero(&self) -> bool {
        self.offset.bytes().all(|digit| digit == b'0')
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    /// A frame with text in it that looks like digits.
    const FRAME: &[u8] = b"\0\x03\0\x01\0\0\0\x07\0\x04cafe\0\0\0\0";

    #[test]
    fn dumps_of_all_tools_are_read() {
        let dumps = [
            // xxd, with single bytes, with decimal offsets, and from an offset on
            "00000000: 0003 0001 0000 0007 0004 6361 6665 0000  ..........cafe..\n00000010: 0000                                     ..\n",
            "00000000: 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00  ..........cafe..\n00000010: 00 00                                            ..",
            "00000000: 0003 0001 0000 0007 0004 6361 6665 0000  ..........cafe..\n00000016: 0000                                     ..\n",
            "00000004: 0003 0001 0000 0007 0004 6361 6665 0000  ..........cafe..\n00000014: 0000                                     ..\n",
            // hexdump -C
            "00000000  00 03 00 01 00 00 00 07  00 04 63 61 66 65 00 00  |..........cafe..|\n00000010  00 00                                             |..|\n00000012\n",
            // od -t x1, in octal, in decimal, and in hex
            "0000000 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00\n0000020 00 00\n0000022\n",
            "0000000 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00\n0000016 00 00\n0000018\n",
            "000000 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00\n000010 00 00\n000012\n",
            // tcpdump -X
            "\t0x0000:  0003 0001 0000 0007 0004 6361 6665 0000  ..........cafe..\n\t0x0010:  0000                                     ..\n",
            // Wireshark
            "0000   00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00   ..........cafe..\r\n0010   00 00                                             ..\r\n",
        ];
        for dump in dumps {
            let bytes = read(dump).unwrap_or_else(|| panic!("{dump}")).unwrap();
            assert_eq!(bytes, FRAME, "{dump}");
        }
        let lines: [(&str, &[u8]); 6] = [
            ("00000000: 6361 6665    cafe", b"cafe"),
            (
                "0000: 63 61 66 65 63 61 66 65  63 61  cafecafeca",
                b"cafecafeca",
            ),
            ("0000: 63 61 66 65 63 61 66 65   cafecafe", b"cafecafe"),
            ("0000: 6361 6665 6361 6665  cafecafe", b"cafecafe"),
            ("0000   63 61 66 65   cafe", b"cafe"),
            ("00000000  63 61 66 65  |cafe|", b"cafe"),
        ];
        for (line, bytes) in lines {
            assert_eq!(read(line).unwrap().unwrap(), bytes, "{line}");
        }
        // Fourteen bytes, whose closing offset is one in octal as well.
        let decimal = "0000000 00 03 00 01 00 00 00 07 ff ff 00 00 00 00\n0000014\n";
        assert_eq!(read(decimal).unwrap().unwrap().len(), 14);
    }

    #[test]
    fn digits_alone_are_no_dump() {
        for text in [
            "0003 0001 00000007",
            "00000000 0003",
            "0000 00 12",
            "00000007  01 05",
            "0000 0012 0003 0001\n0010 0000 0000 0000",
            "0000 0003 0000 0007\n0006 636c69656e74 ffff 0001",
            "0000\n0000\n0000",
            "0000:000e:0003:0001",
            "00:03:00:01",
            "0x00, 0x03",
            "AAMAAQ==",
            "",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_a_dump_does_not_show_is_said() {
        for (dump, complaint) in [
            (
                "0000000 0300 0100\n0000004\n",
                "of words or of octal numbers",
            ),
            (
                "0000000 000 003 000\n0000003\n",
                "of words or of octal numbers",
            ),
            ("00000000  00 00 00 00\n*\n00000010\n", "leaves lines out"),
            ("00000000: 0003 0001\n00000010: 0000 0007\n", "do not count"),
            (
                "00000000: 0003 0001\nffffffffffffffffff: 00\n",
                "do not count",
            ),
            (
                "00000000: 0003 0001\n00000004: 00 O3 00\n",
                "\"O3\" in the dump",
            ),
            ("00000000: 0003 000\n", "\"000\" in the dump"),
        ] {
            let error = read(dump).unwrap().unwrap_err().to_string();
            assert!(error.contains(complaint), "{dump}: {error}");
        }
    }
}
