//! JSON whose text cannot steer a terminal.

use std::io::{self, Write};

/// Passes JSON on, with what a terminal would act on rather than show written as escapes: JSON itself asks for
/// that below U+0020 only, and what a peer sent may hold more.
///
/// Each write is whole text, as a JSON serializer's writes are.
#[derive(Debug)]
pub(crate) struct Visible<W>(pub(crate) W);

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(json).map_err(io::Error::other)?;
        for piece in text.split_inclusive(steers) {
            let plain = piece.strip_suffix(steers).unwrap_or(piece);
            self.0.write_all(plain.as_bytes())?;
            if let Some(steering) = piece.chars().next_back().filter(|last| steers(*last)) {
                write!(self.0, "\\u{:04x}", u32::from(steering))?;
            }
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Controls other than those that lay JSON out, and marks that turn the direction of text around.
fn steers(letter: char) -> bool {
    matches!(
        letter,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
    ) || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::Visible;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_still_the_same_text() {
        let value = serde_json::json!({
            "csi": "\u{9b}31m", "delete": "a\u{7f}", "turned": "\u{202e}dlo", "isolated": "\u{2066}x\u{2069}",
            "mark": "\u{61c}\u{200f}", "line": "a\u{2028}b", "plain": "klíč \u{a0}😀\n",
        });
        for pretty in [false, true] {
            let mut out = Visible(Vec::new());
            if pretty {
                serde_json::to_writer_pretty(&mut out, &value).unwrap();
            } else {
                serde_json::to_writer(&mut out, &value).unwrap();
            }
            let text = String::from_utf8(out.0).unwrap();
            assert!(text.contains(r#""\u009b31m""#), "{text}");
            assert!(text.contains(r#""klíč "#) && text.contains("😀"), "{text}");
            let acts = |letter: char| {
                letter.is_control() && letter != '\n' || ('\u{2000}'..'\u{2070}').contains(&letter)
            };
            assert!(!text.contains(acts), "{text:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                value
            );
        }
    }
}
