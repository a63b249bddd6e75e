//! What a line means: a value, or a key and a value.

use anyhow::bail;

use crate::{Misuse, escape::Escaped};

/// How lines are taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Stands between key and value; without it, the whole line is the value.
    pub(crate) key_separator: Option<Escaped>,
    /// A key or value that is exactly this is null.
    pub(crate) null_marker: Option<Escaped>,
}

/// Key and value of a record; `None` is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl Layout {
    /// Whether the separators can be told from each other and from nothing.
    pub(crate) fn check(&self) -> Result<(), Misuse> {
        if self
            .key_separator
            .as_ref()
            .is_some_and(|separator| separator.0.is_empty())
        {
            return Err(Misuse("--key-separator must not be empty"));
        }
        if self.key_separator.is_some() && self.key_separator == self.null_marker {
            return Err(Misuse("--key-separator and --null-marker must differ"));
        }
        Ok(())
    }

    /// Takes a line apart; `number` counts from 1.
    pub(crate) fn parse<'a>(&self, number: u64, line: &'a [u8]) -> anyhow::Result<Parts<'a>> {
        let Some(Escaped(separator)) = &self.key_separator else {
            return Ok(Parts {
                key: None,
                value: self.unless_null(line),
            });
        };
        let at = line
            .windows(separator.len())
            .position(|window| window == separator);
        let split = at.and_then(|at| {
            let (key, rest) = line.split_at_checked(at)?;
            Some((key, rest.get(separator.len()..)?))
        });
        let Some((key, value)) = split else {
            bail!(
                "line {number} has no key separator {:?}: {:?}",
                String::from_utf8_lossy(separator),
                shortened(line)
            );
        };
        Ok(Parts {
            key: self.unless_null(key),
            value: self.unless_null(value),
        })
    }

    fn unless_null<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let is_null = self
            .null_marker
            .as_ref()
            .is_some_and(|marker| marker.0 == bytes);
        (!is_null).then_some(bytes)
    }
}

/// Enough of a line to find it by.
fn shortened(line: &[u8]) -> String {
    const MOST: usize = 60;
    let text = String::from_utf8_lossy(line.get(..MOST).unwrap_or(line)).into_owned();
    if line.len() > MOST {
        text + "…"
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(separator: &str, marker: &str) -> Layout {
        let some = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Layout {
            key_separator: some(separator),
            null_marker: some(marker),
        }
    }

    #[test]
    fn a_line_is_a_value_unless_a_separator_is_given() {
        let parts = layout("", "").parse(1, b"a:b").unwrap();
        assert_eq!(
            parts,
            Parts {
                key: None,
                value: Some(b"a:b")
            }
        );
        let parts = layout(":", "").parse(1, b"a:b:c").unwrap();
        assert_eq!(
            parts,
            Parts {
                key: Some(b"a"),
                value: Some(b"b:c")
            }
        );
        let parts = layout("\\t\\t", "").parse(1, b"a\tb\t\tc").unwrap();
        assert_eq!(
            parts,
            Parts {
                key: Some(b"a\tb"),
                value: Some(b"c")
            }
        );
    }

    #[test]
    fn empty_is_not_null() {
        let parts = layout(":", "NULL").parse(1, b":").unwrap();
        assert_eq!(
            parts,
            Parts {
                key: Some(b""),
                value: Some(b"")
            }
        );
        let parts = layout(":", "NULL").parse(1, b"NULL:NULL").unwrap();
        assert_eq!(
            parts,
            Parts {
                key: None,
                value: None
            }
        );
        assert_eq!(layout("", "NULL").parse(1, b"NULL").unwrap().value, None);
    }

    #[test]
    fn a_missing_separator_is_named_with_its_line() {
        let error = layout("\\t", "")
            .parse(17, b"no tab\xff here")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("line 17 has no key separator \"\\t\": \"no tab"),
            "{error}"
        );
    }

    #[test]
    fn separators_that_cannot_work_are_refused() {
        assert!(layout(":", ":").check().is_err());
        let empty = Layout {
            key_separator: Some(Escaped(vec![])),
            null_marker: None,
        };
        assert!(empty.check().is_err());
        assert!(layout(":", "NULL").check().is_ok());
    }
}
