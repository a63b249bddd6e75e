//! A value as its `Debug` form shows it: the only way to see the fields of any message of `kafka-protocol` by name.

use std::fmt::Write as _;

use milena_protocol::tree::{Tree, Value};

/// What is shown of a value.
#[derive(Debug)]
pub(super) enum Shown<'t> {
    None,
    /// A number, an id, a flag; a text or bytes with their quotation marks and escapes.
    Plain(&'t str),
    List(Vec<Self>),
    /// A struct by field, or a map.
    Fields(Vec<(&'t str, Self)>),
}

impl<'t> Shown<'t> {
    /// Parses the form of a whole message, `Kind(Struct { .. })`.
    pub(super) fn parse(text: &'t str) -> Self {
        Parser { left: text }.value()
    }

    /// Whether a tree shows like this: all of its fields, and its unknown tags. If not, the path of what does not.
    pub(super) fn is(&self, tree: &Tree) -> Result<(), String> {
        for (field, value) in tree.fields() {
            let shown = self.get(field.name);
            let shown = shown.ok_or_else(|| format!("{}, which they lack,", field.name))?;
            shown
                .holds(value)
                .map_err(|path| format!("{}{path}", field.name))?;
        }
        let tags: &[_] = match self.get("unknown_tagged_fields") {
            Some(Self::Fields(tags)) => tags,
            // An API without flexible versions.
            _ => &[],
        };
        let ours = tree.unknown_tags().iter();
        let ours = ours.map(|(tag, bytes)| (tag.to_string(), format!("{bytes:?}")));
        let theirs = tags.iter().map(|(tag, shown)| match shown {
            Self::Plain(bytes) => ((*tag).to_owned(), (*bytes).to_owned()),
            other => ((*tag).to_owned(), format!("{other:?}")),
        });
        if ours.eq(theirs) {
            Ok(())
        } else {
            Err("unknown tags".to_owned())
        }
    }

    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Fields(fields) = self else {
            return None;
        };
        // Where the words of a name end is told differently.
        let letters = |name: &str| name.replace('_', "");
        let named = |shown: &str| letters(shown) == letters(name);
        fields
            .iter()
            .find_map(|(shown, value)| named(shown).then_some(value))
    }

    fn holds(&self, value: &Value) -> Result<(), String> {
        let same = match (self, value) {
            (Self::None, Value::Null) => true,
            (Self::List(list), Value::Array(values)) => {
                for (n, (shown, value)) in list.iter().zip(values).enumerate() {
                    shown.holds(value).map_err(|path| format!("[{n}]{path}"))?;
                }
                list.len() == values.len()
            }
            (Self::Fields(_), Value::Struct(tree)) => {
                return self.is(tree).map_err(|path| format!(".{path}"));
            }
            (Self::Plain(text), value) => plain(text, value),
            _ => false,
        };
        if same { Ok(()) } else { Err(String::new()) }
    }
}

fn plain(text: &str, value: &Value) -> bool {
    match value {
        Value::Bool(flag) => text == if *flag { "true" } else { "false" },
        Value::Integer(number) => text.parse() == Ok(*number),
        // One NaN shows like another; the bytes that are written tell them apart.
        Value::Float(float) => text
            .parse()
            .is_ok_and(|shown: f64| shown == float.0 || shown.is_nan() && float.0.is_nan()),
        Value::Uuid(id) => {
            let hex = id.0.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            text.replace('-', "") == hex
        }
        Value::String(string) => text == format!("{string:?}"),
        Value::Bytes(bytes) => text == format!("{bytes:?}"),
        Value::Records(records) => text == format!("{:?}", records.clone().into_bytes()),
        _ => false,
    }
}

struct Parser<'t> {
    left: &'t str,
}

impl<'t> Parser<'t> {
    fn value(&mut self) -> Shown<'t> {
        if self.take("[") {
            return Shown::List(self.until("]", Self::value));
        }
        if self.take("{") {
            return Shown::Fields(self.until("}", Self::entry));
        }
        if self.left.starts_with(['"', 'b']) && self.left.trim_start_matches('b').starts_with('"') {
            return Shown::Plain(self.quoted());
        }
        let word = self.word();
        if word == "None" {
            Shown::None
        } else if self.take("(") {
            // `Some`, or one of the kinds of messages.
            let inner = self.value();
            assert!(self.take(")"), "one value in {word}");
            inner
        } else if self.take(" { ") {
            Shown::Fields(self.until("}", Self::entry))
        } else {
            Shown::Plain(word)
        }
    }

    fn entry(&mut self) -> (&'t str, Shown<'t>) {
        let name = self.word();
        assert!(self.take(": "), "a value of {name}");
        (name, self.value())
    }

    /// Items with commas between them.
    fn until<T>(&mut self, end: &str, item: fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(item(self));
            let _ = self.take(", ") || self.take(" ");
        }
        items
    }

    fn word(&mut self) -> &'t str {
        let end = self.left.find(|letter: char| " ,:()[]{}".contains(letter));
        self.split(end.unwrap_or(self.left.len()))
    }

    fn quoted(&mut self) -> &'t str {
        let open = self.left.find('"').expect("it begins with one");
        let mut escaped = false;
        let close = self.left[open + 1..].find(|letter| {
            let here = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            here
        });
        self.split(open + close.expect("it is closed") + 2)
    }

    fn split(&mut self, at: usize) -> &'t str {
        let (taken, left) = self.left.split_at(at);
        self.left = left;
        taken
    }

    fn take(&mut self, token: &str) -> bool {
        let left = self.left.strip_prefix(token);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
