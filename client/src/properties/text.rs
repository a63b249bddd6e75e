//! The format of `java.util.Properties`.

use std::{collections::BTreeMap, fmt, fs, io, path::Path};

/// Keys and values as a Java properties file has them.
///
/// A line is a key, then `=`, `:` or white space, then a value. Lines that begin with `#` or `!` are comments, and a line that
/// ends with `\` goes on in the next. `\t`, `\n`, `\r`, `\f` and `\uXXXX` stand for characters, and `\` before any other for
/// that one. Of a key that is given several times, the last counts.
///
/// ```
/// use milena::Properties;
///
/// let mut properties = Properties::from(r"
///     # Shop
///     bootstrap.servers = kafka-1:9092,\
///                         kafka-2:9092
///     linger.ms: 20
/// ");
/// properties.set("client.id", "shop");
/// assert_eq!(properties.get("bootstrap.servers"), Some("kafka-1:9092,kafka-2:9092"));
/// assert_eq!(properties.get("linger.ms"), Some("20"));
/// ```
///
/// Values may be secrets, so its debug output has the keys alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    pub(super) entries: BTreeMap<String, Entry>,
    /// Lines with an escape that cannot be.
    pub(super) malformed: Vec<usize>,
}

/// What is given for a key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: String,
    /// Counted from 1; none if it does not come from a text.
    pub(super) line: Option<usize>,
    /// The line before that which gave the same key.
    pub(super) repeats: Option<usize>,
}

impl Properties {
    /// Reads a file, as ISO 8859-1 as Java does.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        fs::read(path).map(|bytes| Self::from(&*bytes))
    }

    /// Gives a value in place of what a text says.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let entry = Entry {
            value: value.into(),
            line: None,
            repeats: None,
        };
        self.entries.insert(key.into(), entry);
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(|entry| entry.value.as_str())
    }

    fn add(&mut self, number: usize, line: &str) {
        let end = key_end(line);
        let (key, rest) = line.split_at(end);
        let rest = rest.trim_start_matches(is_white);
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
        let value = unescape(rest.trim_start_matches(is_white));
        let (Some(key), Some(value)) = (unescape(key), value) else {
            self.malformed.push(number);
            return;
        };
        let repeats = self.entries.get(&key).and_then(|entry| entry.line);
        let entry = Entry {
            value,
            line: Some(number),
            repeats,
        };
        self.entries.insert(key, entry);
    }
}

impl From<&str> for Properties {
    fn from(text: &str) -> Self {
        let mut properties = Self::default();
        let mut lines = (1..).zip(natural_lines(text));
        while let Some((number, first)) = lines.next() {
            let first = first.trim_start_matches(is_white);
            if first.starts_with(['#', '!']) {
                continue;
            }
            let mut line = first.to_owned();
            while goes_on(&line) {
                line.pop();
                if line.is_empty() {
                    break;
                }
                let Some((_, next)) = lines.next() else { break };
                line.push_str(next.trim_start_matches(is_white));
            }
            if !line.is_empty() {
                properties.add(number, &line);
            }
        }
        properties
    }
}

/// As ISO 8859-1: each byte is the character of that number.
impl From<&[u8]> for Properties {
    fn from(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        Self::from(text.as_str())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut properties = Self::default();
        for (key, value) in pairs {
            properties.set(key, value);
        }
        properties
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Properties ")?;
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

const fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

/// Ended by a line feed, a carriage return, or one of each.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split('\n');
    lines.flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Whether the last character is a backslash that no other one escapes.
fn goes_on(line: &str) -> bool {
    let kept = line.trim_end_matches('\\').len();
    (line.len() - kept) % 2 == 1
}

/// Where the key ends: at the first white space, `=` or `:` that is not escaped.
fn key_end(line: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        if !is_escaped && (is_white(c) || matches!(c, '=' | ':')) {
            return at;
        }
        is_escaped = !is_escaped && c == '\\';
    }
    line.len()
}

/// `None` if `\u` is not followed by four hexadecimal digits.
fn unescape(text: &str) -> Option<String> {
    // Java's characters are UTF-16 units, of which `\u` may give any, in pairs too.
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('t')) => '\t',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('f')) => '\x0c',
            ('\\', Some('u')) => {
                let digits = chars.as_str().get(..4)?;
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let unit = u16::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                units.push(unit?);
                chars.nth(3);
                continue;
            }
            ('\\', Some(other)) => other,
            (c, _) => c,
        };
        units.extend(c.encode_utf16(&mut [0; 2]).iter());
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String, usize)> {
        let properties = Properties::from(text);
        assert!(properties.malformed.is_empty());
        let mut pairs: Vec<_> = properties
            .entries
            .into_iter()
            .map(|(key, entry)| (key, entry.value, entry.line.unwrap()))
            .collect();
        pairs.sort_by_key(|(_, _, line)| *line);
        pairs
    }

    #[test]
    fn lines_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("a=b", ("a", "b", 1)),
            ("a:b", ("a", "b", 1)),
            ("a b", ("a", "b", 1)),
            ("  a \t=\x0c b ", ("a", "b ", 1)),
            ("a==b", ("a", "=b", 1)),
            ("a = :b", ("a", ":b", 1)),
            ("a", ("a", "", 1)),
            ("=b", ("", "b", 1)),
            ("\n\r\n \t\na=b", ("a", "b", 4)),
            ("# c\n! c = d\\\na=b", ("a", "b", 3)),
            ("a\\=\\:\\ b = c", ("a=: b", "c", 1)),
            ("a=b # c", ("a", "b # c", 1)),
            ("a=b,\\\n   c", ("a", "b,c", 1)),
            ("a=b\\\r\n\tc\\\r d", ("a", "bcd", 1)),
            ("a=b\\\n# c", ("a", "b# c", 1)),
            ("a=b\\\n\n", ("a", "b", 1)),
            ("a=b\\", ("a", "b", 1)),
            ("a=b\\\\", ("a", "b\\", 1)),
            ("a=b\\\\\\\nc", ("a", "b\\c", 1)),
            ("\\\n  a=b", ("a", "b", 2)),
            ("\\\n#a=b\nc", ("c", "", 3)),
            ("a\\\nb=c", ("ab", "c", 1)),
            ("a=\\t\\n\\r\\f\\q\\\"", ("a", "\t\n\r\x0cq\"", 1)),
            ("\\u0061=\\u00e9\\u017E", ("a", "éž", 1)),
            ("a=\\ud83d\\udc1f", ("a", "🐟", 1)),
            ("a=\\ud83d", ("a", "\u{fffd}", 1)),
            ("a=b\nc=d\na=e", ("c", "d", 2)),
        ] {
            let (key, value, line) = expected;
            let expected = (key.to_owned(), value.to_owned(), line);
            assert_eq!(pairs(text)[0], expected, "{text:?}");
        }
        assert_eq!(pairs("\\\n\n#a=b\n"), []);
    }

    #[test]
    fn the_last_of_several_counts_and_the_one_before_is_known() {
        let properties = Properties::from("a=1\nb=2\na=3");
        assert_eq!(properties.get("a"), Some("3"));
        assert_eq!(properties.entries["a"].repeats, Some(1));
        assert_eq!(properties.entries["b"].repeats, None);
    }

    #[test]
    fn an_escape_that_cannot_be_is_kept_apart() {
        for text in ["a=\\u12", "a=\\u12g4", "\\u+123=b", "a=\\uäöüß", "a=\\u"] {
            let properties = Properties::from(format!("x=y\n{text}\nz=1").as_str());
            assert_eq!(properties.malformed, [2], "{text}");
            assert_eq!(properties.entries.len(), 2);
        }
    }

    #[test]
    fn bytes_are_latin_1() {
        let properties = Properties::from(&b"a=Jesensk\xe1"[..]);
        assert_eq!(properties.get("a"), Some("Jesenská"));
    }

    #[test]
    fn debug_output_has_no_values() {
        let properties = Properties::from("sasl.jaas.config=password");
        assert_eq!(
            format!("{properties:?}"),
            "Properties {\"sasl.jaas.config\"}"
        );
    }
}
