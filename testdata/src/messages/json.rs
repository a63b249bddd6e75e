//! Our JSON form and Kafka's in one spelling, so that the two are compared as text.

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

/// JSON leaves it open how a control character is written.
struct Spelling;

impl Formatter for Spelling {
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

/// Kafka's text, with its floating-point numbers spelt as ours are. Which digits Java writes depends on its version, which
/// of two equally near ones included; that they are read as the same number does not.
pub(super) fn respelt(kafkas: &str) -> String {
    let mut text = String::with_capacity(kafkas.len());
    let mut rest = kafkas;
    while let Some(start) = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    {
        let (before, token) = rest.split_at(start);
        let length = match token.strip_prefix('"') {
            Some(inside) => string_length(inside) + 1,
            None => token
                .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'E'))
                .unwrap_or(token.len()),
        };
        let (token, after) = token.split_at(length);
        text.push_str(before);
        match token.parse::<f64>() {
            Ok(number) if token.contains('.') => text.push_str(&Value::from(number).to_string()),
            _ => text.push_str(token),
        }
        rest = after;
    }
    text + rest
}

/// How many bytes a string has up to its closing quote, and with it.
fn string_length(inside: &str) -> usize {
    let mut escaped = false;
    let end = inside.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or(inside.len(), |quote| quote + 1)
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
    use super::respelt;

    #[test]
    fn a_number_is_the_same_however_its_digits_are_chosen() {
        // Both are as near to the number between them; one Java writes the first, another the second.
        let one = respelt("[-8.147713335302262E14]");
        assert_eq!(one, respelt("[-8.147713335302263E14]"));
        assert_ne!(one, respelt("[-8.147713335302264E14]"));
        for (java, ours) in [
            ("0.0", "0.0"),
            ("-0.0", "-0.0"),
            ("1.0E7", "10000000.0"),
            ("4.9E-324", "5e-324"),
            ("12", "12"),
        ] {
            assert_eq!(respelt(java), ours);
        }
    }

    #[test]
    fn only_numbers_are_respelt() {
        let text =
            r#"{"a\\":"1.0E7","b\"1.0E7":[true,null,-7,"\\\"",9007199254740993],"é":"𝄞 1.50"}"#;
        assert_eq!(respelt(text), text);
        assert_eq!(
            respelt(r#"{"a":1.50,"b":"1.50"}"#),
            r#"{"a":1.5,"b":"1.50"}"#
        );
        assert_eq!(respelt(r#"["cut \"#), r#"["cut \"#);
    }
}
