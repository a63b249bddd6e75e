//! Messages that Apache Kafka wrote, and what Kafka makes of messages that we wrote.
//!
//! Both are text of one form, a line for each thing, written by `testdata/java/…/Golden.java`. The committed corpus is
//! that text in `testdata/messages/NAME.gz`, one file for each API; `zcat` shows it. `cargo xtask golden` writes it anew.
//!
//! ```text
//! kafka 4.3.1
//! api KEY NAME MIN MAX STABLE REQUEST-HEADERS RESPONSE-HEADERS
//! MESSAGE VERSION KIND BYTES WRITTEN OTHER JSON
//! MESSAGE VERSION KIND BYTES ! what Kafka has against them
//! end
//! ```
//!
//! - `MIN` to `MAX` are the API's versions, up to `STABLE` they are stable. The headers are one digit for each version:
//!   the version of its header.
//! - `KIND` says how the message was filled; with message and version it names the case.
//! - `BYTES`, in hexadecimal or `-` for none, were read by Kafka's own class. `WRITTEN` is what it writes then, or `=`
//!   for the same: not the same when a tagged field was sent at its default. `JSON` is what its converter writes.
//! - `OTHER` is what Kafka writes of the same message as another version, `VERSION:BYTES`, or `VERSION:!why` when it
//!   does not, for that version lacks what is set; `-` when there is no other version.
//! - `end` tells a whole text from one that was cut short.

mod check;
mod corpus;
mod coverage;
mod json;
mod known;
mod ours;

use bytes::Bytes;

pub use check::{check, check_api};
pub use corpus::{files, write};
pub use coverage::Coverage;
pub use ours::ours;

/// One line of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// The version of Kafka that writes.
    Kafka(&'a str),
    /// An API, before its cases.
    Api(ApiLine<'a>),
    /// A message.
    Case(Case<'a>),
    /// The end.
    End,
}

/// An API as Kafka has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApiLine<'a> {
    /// Its key.
    pub key: i16,
    /// Its name.
    pub name: &'a str,
    /// The lowest and the highest version.
    pub versions: (i16, i16),
    /// The highest stable version.
    pub stable: i16,
    /// The versions of the headers of requests and of responses, a digit for each version of the API.
    pub headers: (&'a str, &'a str),
}

/// A message, and what Kafka makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case<'a> {
    /// The message's name.
    pub message: &'a str,
    /// The version.
    pub version: i16,
    /// How it was filled.
    pub kind: &'a str,
    /// What Kafka read.
    pub read: Bytes,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// What Kafka made of some bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// It read them.
    Taken {
        /// What it writes.
        written: Bytes,
        /// What it writes as another version, or why it does not.
        other: Option<(i16, Result<Bytes, &'a str>)>,
        /// Its JSON form.
        json: &'a str,
    },
    /// It did not.
    Refused(&'a str),
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is none of this text.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        Self::parts(line).ok_or_else(|| {
            let shown: String = line.chars().take(200).collect();
            format!("not a line of golden messages: {shown:?}")
        })
    }

    fn parts(line: &'a str) -> Option<Self> {
        if line == "end" {
            return Some(Self::End);
        }
        let (first, rest) = line.split_once(' ')?;
        match first {
            "kafka" => Some(Self::Kafka(rest)),
            "api" => {
                let parts: Vec<&str> = rest.split(' ').collect();
                let [key, name, min, max, stable, requests, responses] = *parts.as_slice() else {
                    return None;
                };
                Some(Self::Api(ApiLine {
                    key: key.parse().ok()?,
                    name,
                    versions: (min.parse().ok()?, max.parse().ok()?),
                    stable: stable.parse().ok()?,
                    headers: (requests, responses),
                }))
            }
            message => {
                let mut parts = rest.splitn(4, ' ');
                let version = parts.next()?.parse().ok()?;
                let kind = parts.next()?;
                let read = unhex(parts.next()?)?;
                let outcome = Outcome::parse(&read, parts.next()?)?;
                Some(Self::Case(Case {
                    message,
                    version,
                    kind,
                    read,
                    outcome,
                }))
            }
        }
    }
}

impl<'a> Outcome<'a> {
    fn parse(read: &Bytes, text: &'a str) -> Option<Self> {
        if let Some(reason) = text.strip_prefix("! ") {
            return Some(Self::Refused(reason));
        }
        let mut parts = text.splitn(3, ' ');
        let written = match parts.next()? {
            "=" => read.clone(),
            written => unhex(written)?,
        };
        let other = match parts.next()? {
            "-" => None,
            other => {
                let (version, bytes) = other.split_once(':')?;
                let bytes = match bytes.strip_prefix('!') {
                    Some(reason) => Err(reason),
                    None => Ok(unhex(bytes)?),
                };
                Some((version.parse().ok()?, bytes))
            }
        };
        let json = parts.next()?;
        Some(Self::Taken {
            written,
            other,
            json,
        })
    }
}

/// Bytes as the text has them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    if bytes.is_empty() {
        return "-".to_owned();
    }
    let digits = |byte: &u8| {
        [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 0xf)],
        ]
    };
    bytes.iter().flat_map(digits).collect()
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits = match text {
        "-" => &[],
        _ => text.as_bytes(),
    };
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks(2) {
        let [high, low] = *pair else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes.into())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let case = Line::parse(r#"HeartbeatRequest 4 random-0 - 0a1f 3:!no_way {"a b":1}"#);
        let taken = Outcome::Taken {
            written: Bytes::from_static(b"\x0a\x1f"),
            other: Some((3, Err("no_way"))),
            json: r#"{"a b":1}"#,
        };
        let expected = Case {
            message: "HeartbeatRequest",
            version: 4,
            kind: "random-0",
            read: Bytes::new(),
            outcome: taken,
        };
        assert_eq!(case, Ok(Line::Case(expected)));
        let api = Line::parse("api 3 Metadata 0 1 1 11 00");
        assert!(matches!(
            api,
            Ok(Line::Api(ApiLine {
                key: 3,
                headers: ("11", "00"),
                ..
            }))
        ));
        let refused = Line::parse("X 0 k 00 ! too short").unwrap();
        assert!(matches!(
            refused,
            Line::Case(Case {
                outcome: Outcome::Refused("too short"),
                ..
            })
        ));
        assert!(Line::parse("X 0 k 00 = - {}").is_ok());
        for wrong in [
            "",
            "X",
            "X 0 k 0 = - {}",
            "X 0 k zz = - {}",
            "X y k 00 = - {}",
            "X 0 k 00 = -",
        ] {
            assert!(Line::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hex_round_trips() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)).as_deref(), Some(all.as_slice()));
    }
}
