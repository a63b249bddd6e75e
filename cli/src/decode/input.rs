//! Bytes as people have them at hand.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use clap::ValueEnum;

use super::dump;

/// Tools differ in whether they pad the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// In front of text, on some systems.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Encoding {
    /// If it is text, a dump, hex digits or base64, in this order, and else the bytes themselves.
    Auto,
    /// Hex digits, or a dump of bytes with offsets, as xxd, `hexdump -C`, `od -t x1` and Wireshark print it.
    Hex,
    /// Base64.
    Base64,
    /// The bytes themselves.
    Raw,
}

/// The bytes of a file, or of standard input without one.
pub(super) fn read(file: Option<&Path>, encoding: Encoding) -> anyhow::Result<Bytes> {
    let content = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?
        }
        None => {
            let mut content = Vec::new();
            std::io::stdin()
                .read_to_end(&mut content)
                .context("standard input cannot be read")?;
            content
        }
    };
    match encoding {
        Encoding::Auto => guess(content),
        Encoding::Hex => from_digits(&content),
        Encoding::Base64 => from_base64(&content),
        Encoding::Raw => Ok(content.into()),
    }
}

/// The bytes that text stands for, and of what is no text the bytes themselves: a request, and a frame with its length,
/// have a zero in front.
fn guess(content: Vec<u8>) -> anyhow::Result<Bytes> {
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        bail!("this is text in UTF-16; for the bytes themselves: --encoding raw");
    }
    let is_text = str::from_utf8(&content)
        .is_ok_and(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()));
    if !is_text {
        return Ok(content.into());
    }
    let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content);
    let is_digit = |letter: &u8| is_between(*letter) || letter.is_ascii_hexdigit();
    // Digits of which one is missing would pass for base64.
    if let Some(bytes) = dump(text) {
        return bytes;
    } else if text.iter().all(is_digit) {
        return from_hex(text);
    }
    from_hex(text).or_else(|not_hex| {
        from_base64(text).map_err(|not_base64| {
            anyhow!(
                "this is text that is neither hex digits ({not_hex}) nor base64 ({not_base64}); for the bytes \
                 themselves: --encoding raw"
            )
        })
    })
}

/// The bytes that hex digits stand for, alone or in a dump.
pub(super) fn from_digits(text: &[u8]) -> anyhow::Result<Bytes> {
    dump(text).unwrap_or_else(|| from_hex(text))
}

fn dump(text: &[u8]) -> Option<anyhow::Result<Bytes>> {
    str::from_utf8(text).ok().and_then(dump::read)
}

/// Whether the letter may stand between digits and means nothing.
fn is_between(letter: u8) -> bool {
    letter.is_ascii_whitespace() || letter == b':' || letter == b','
}

/// The bytes that hex digits stand for.
pub(super) fn from_hex(text: &[u8]) -> anyhow::Result<Bytes> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut text = text.iter().enumerate().peekable();
    while let Some((at, letter)) = text.next() {
        if is_between(*letter) {
            continue;
        }
        let letter = char::from(*letter);
        if letter == '0'
            && high.is_none()
            && text
                .next_if(|(_, next)| matches!(**next, b'x' | b'X'))
                .is_some()
        {
            continue;
        }
        let Some(digit) = letter.to_digit(16) else {
            bail!("{letter:?} at position {at} is no hex digit");
        };
        // A digit is below 16.
        let digit = digit as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    if high.is_some() {
        bail!("the hex digits are odd in number: half a byte is missing");
    }
    Ok(bytes.into())
}

/// The bytes that base64 stands for.
pub(super) fn from_base64(text: &[u8]) -> anyhow::Result<Bytes> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|letter| !letter.is_ascii_whitespace())
        .collect();
    match BASE64.decode(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => bail!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_as_tools_print_it() {
        for text in [
            "00030a",
            "00 03 0A\n",
            "0x00, 0x03, 0x0a",
            "00:03:0a",
            "0x00030a",
        ] {
            assert_eq!(
                from_hex(text.as_bytes()).unwrap(),
                &b"\x00\x03\x0a"[..],
                "{text}"
            );
        }
        for (text, complaint) in [("0", "odd"), ("0g", "'g' at position 1"), ("0x0", "odd")] {
            let error = from_hex(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn base64_may_be_broken_into_lines() {
        assert_eq!(from_base64(b"AAMA\nAQ==\n").unwrap(), &b"\0\x03\0\x01"[..]);
        assert_eq!(from_base64(b"AAMAAQ").unwrap(), &b"\0\x03\0\x01"[..]);
        assert!(from_base64(b"AAMA!").is_err());
    }
}
