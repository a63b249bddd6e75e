//! Hex dumps, as xxd, `hexdump -C`, od, tcpdump and Wireshark make them: an offset in front of each line, and often text
//! behind the digits.

use anyhow::anyhow;
use bytes::Bytes;

use super::input::from_hex;

/// The fewest digits of an offset.
const OFFSET: usize = 4;
/// No dump has more bytes in a line.
const WIDEST: usize = 256;

/// A line of a dump.
#[derive(Debug)]
struct Row<'a> {
    /// The digits of its offset.
    offset: &'a str,
    /// A colon stands behind the offset, so it can be nothing else.
    marked: bool,
    /// The digits of its bytes, and what stands behind them.
    rest: &'a str,
}

/// The bytes that a dump shows; `None` if the text is no dump.
///
/// Without colons, a dump is told from digits alone by its offsets: they have to count the bytes.
pub(super) fn read(text: &str) -> Option<anyhow::Result<Bytes>> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let rows: Vec<Row<'_>> = lines()
        .filter(|line| line.trim() != "*")
        .map(Row::new)
        .collect::<Option<_>>()?;
    let first = rows.first()?;
    let is_zero = first.offset.bytes().all(|digit| digit == b'0');
    if !is_zero || !(first.marked || rows.len() > 1) {
        return None;
    }
    if rows.len() < lines().count() {
        return Some(Err(anyhow!(
            "the dump leaves lines out, with a `*` in their place; -v makes it whole"
        )));
    }
    match [16, 8, 10].iter().find_map(|base| bytes(&rows, *base)) {
        Some(bytes) if first.marked || !first.is_in_words() => Some(Ok(bytes)),
        Some(_) => Some(Err(anyhow!(
            "the dump shows words, whose bytes are in the order of some machine; `xxd` and `hexdump -C` show bytes"
        ))),
        None if first.marked => Some(Err(anyhow!(
            "this looks like a dump, but its offsets do not count its bytes"
        ))),
        None => None,
    }
}

/// The bytes of all lines, if the offsets count them in this base.
fn bytes(rows: &[Row<'_>], base: u32) -> Option<Bytes> {
    let mut bytes = Vec::new();
    let mut next = rows.iter().skip(1);
    for row in rows {
        let at = usize::from_str_radix(row.offset, base).ok()?;
        if at != bytes.len() {
            return None;
        }
        let Some(next) = next.next() else {
            bytes.extend(row.bytes(None));
            break;
        };
        let behind = usize::from_str_radix(next.offset, base).ok()?;
        let wanted = behind
            .checked_sub(at)
            .filter(|wanted| (1..=WIDEST).contains(wanted))?;
        bytes.extend(row.bytes(Some(wanted)));
    }
    Some(bytes.into())
}

impl<'a> Row<'a> {
    fn new(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let hex = line.strip_prefix("0x").unwrap_or(line);
        let end = hex.find(|letter: char| !letter.is_ascii_hexdigit());
        let (offset, rest) = hex.split_at(end.unwrap_or(hex.len()));
        let unmarked = rest.strip_prefix(':');
        let is_apart = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (offset.len() >= OFFSET && (unmarked.is_some() || is_apart)).then(|| Self {
            offset,
            marked: unmarked.is_some(),
            rest: unmarked.unwrap_or(rest),
        })
    }

    /// The bytes of the line: as many as are wanted, or up to what stands apart from them.
    fn bytes(&self, wanted: Option<usize>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = self.rest;
        loop {
            let group = rest.trim_start();
            let gap = rest.len() - group.len();
            let end = group.find(char::is_whitespace).unwrap_or(group.len());
            let (digits, behind) = group.split_at(end);
            let is_over = match wanted {
                Some(wanted) => bytes.len() >= wanted,
                // Text stands apart; after eight bytes, the other eight may do so as well.
                None => !bytes.is_empty() && gap > 1 && !(bytes.len() == 8 && gap == 2),
            };
            match from_hex(digits.as_bytes()) {
                Ok(read) if !is_over && !read.is_empty() => bytes.extend(read),
                _ => return bytes,
            }
            rest = behind;
        }
    }

    /// Whether the digits stand together for more than one byte.
    fn is_in_words(&self) -> bool {
        self.rest
            .split_whitespace()
            .next()
            .is_some_and(|group| group.len() > 2)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    /// What all the dumps show: the words of a frame, and text that looks like digits.
    const FRAME: &[u8] = b"\0\x03\0\x01\0\0\0\x07\0\x04cafe\0\0\0\0";

    #[test]
    fn dumps_of_all_tools_are_read() {
        let dumps = [
            // xxd, and with single bytes
            "00000000: 0003 0001 0000 0007 0004 6361 6665 0000  ..........cafe..\n00000010: 0000                                     ..\n",
            "00000000: 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00  ..........cafe..\n00000010: 00 00                                            ..",
            // hexdump -C
            "00000000  00 03 00 01 00 00 00 07  00 04 63 61 66 65 00 00  |..........cafe..|\n00000010  00 00                                             |..|\n00000012\n",
            // od -t x1, in octal and in hex
            "0000000 00 03 00 01 00 00 00 07 00 04 63 61 66 65 00 00\n0000020 00 00\n0000022\n",
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
        // The last line, of which no offset says how long it is.
        for (dump, bytes) in [
            ("00000000: 6361 6665    cafe", &b"cafe"[..]),
            (
                "0000: 63 61 66 65 63 61 66 65  63 61  cafecafeca",
                b"cafecafeca",
            ),
            ("0000: 63 61 66 65 63 61 66 65   cafecafe", b"cafecafe"),
        ] {
            assert_eq!(read(dump).unwrap().unwrap(), bytes, "{dump}");
        }
    }

    #[test]
    fn digits_alone_are_no_dump() {
        for text in [
            "0003 0001 00000007",
            "00000000 0003",
            "0000 0012 0003 0001\n0010 0000 0000 0000",
            "0000\n0000\n0000",
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
            ("0000000 0300 0100\n0000004\n", "the order of some machine"),
            ("00000000  00 00 00 00\n*\n00000010\n", "leaves lines out"),
            ("00000000: 0003 0001\n00000010: 0000 0007\n", "do not count"),
            (
                "00000000: 0003 0001\nffffffffffffffffff: 00\n",
                "do not count",
            ),
        ] {
            let error = read(dump).unwrap().unwrap_err().to_string();
            assert!(error.contains(complaint), "{dump}: {error}");
        }
    }
}
