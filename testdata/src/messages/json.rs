//! Our JSON form, spelt the way Kafka's library spells it, so that the two are compared as text.

use std::io::{self, Write};

use milena_protocol::tree::Tree;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// A message's JSON on one line.
pub(super) fn of(tree: &Tree) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, Spelling);
    tree.serialize(&mut serializer)
        .expect("a vector takes all that is written");
    String::from_utf8(text).expect("JSON is text")
}

/// JSON leaves it open how a number is written, and a control character.
struct Spelling;

impl Formatter for Spelling {
    fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        to.write_all(java_double(value).as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let short = match escape {
            CharEscape::Quote => '"',
            CharEscape::ReverseSolidus => '\\',
            CharEscape::Solidus => '/',
            CharEscape::Backspace => 'b',
            CharEscape::FormFeed => 'f',
            CharEscape::LineFeed => 'n',
            CharEscape::CarriageReturn => 'r',
            CharEscape::Tab => 't',
            CharEscape::AsciiControl(byte) => return write!(to, "\\u{byte:04X}"),
        };
        write!(to, "\\{short}")
    }
}

/// The shortest digits that tell the number from its neighbours, but two of them at least; as a plain fraction from
/// 1/1000 up to ten million, and with an exponent beyond.
fn java_double(value: f64) -> String {
    let mut digits = format!("{value:e}");
    if !digits.contains('.') {
        // The nearest with two digits, which need not be the shortest with a zero after it.
        digits = format!("{value:.1e}");
    }
    let exponent = digits
        .split_once('e')
        .map_or(0, |(_, exponent)| exponent.parse().unwrap_or(0));
    if value == 0.0 || (-3..7).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    digits.replace('e', "E")
}

/// Where two texts of JSON part: by path, or else by column.
pub(super) fn first_difference(kafkas: &str, ours: &str) -> String {
    let column = kafkas
        .bytes()
        .zip(ours.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let parsed = |text| serde_json::from_str::<Value>(text).ok();
    let path = match (parsed(kafkas), parsed(ours)) {
        (Some(kafkas), Some(ours)) => differ(&kafkas, &ours, ""),
        _ => None,
    };
    let around = |text: &str| -> String {
        let from = (0..=column.saturating_sub(20))
            .rev()
            .find(|at| text.is_char_boundary(*at));
        text[from.unwrap_or(0)..].chars().take(50).collect()
    };
    let place = path.map_or_else(
        || format!("in how it is written or ordered, at column {column}"),
        |path| format!("at {}", path.trim_start_matches('.')),
    );
    format!(
        "{place}: …{}… of Kafka, …{}… of ours",
        around(kafkas),
        around(ours)
    )
}

fn differ(kafkas: &Value, ours: &Value, path: &str) -> Option<String> {
    match (kafkas, ours) {
        (Value::Object(kafkas), Value::Object(ours)) => {
            let keys = kafkas.keys().chain(ours.keys());
            keys.into_iter()
                .find_map(|key| match (kafkas.get(key), ours.get(key)) {
                    (Some(a), Some(b)) => differ(a, b, &format!("{path}.{key}")),
                    _ => Some(format!("{path}.{key}")),
                })
        }
        (Value::Array(kafkas), Value::Array(ours)) if kafkas.len() == ours.len() => {
            let mut pairs = kafkas.iter().zip(ours).enumerate();
            pairs.find_map(|(n, (a, b))| differ(a, b, &format!("{path}[{n}]")))
        }
        _ => (kafkas != ours).then(|| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::java_double;

    #[test]
    fn doubles_are_spelt_as_java_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (1024.5, "1024.5"),
            (0.001, "0.001"),
            (9.99e-4, "9.99E-4"),
            (1e7, "1.0E7"),
            (9_999_999.5, "9999999.5"),
            (1e23, "1.0E23"),
            (2e-323, "2.0E-323"),
            (f64::from_bits(1), "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }
}
