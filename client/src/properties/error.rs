//! What is said of properties that are not right, and of those that change nothing.

use std::fmt;

/// Properties that no configuration can be made of: all that is wrong with them, in the order of lines.
///
/// ```
/// use milena::{ProducerConfig, PropertyErrorKind};
///
/// let error = ProducerConfig::from_properties("
///     bootstrap.servers = localhost:9092
///     linger.ms = -1
///     lingr.ms = 20
///     ssl.truststore.location = /etc/kafka/truststore.jks
/// ").unwrap_err();
/// assert_eq!(error.errors().len(), 3);
/// assert_eq!(error.errors()[0].kind(), PropertyErrorKind::Invalid);
/// assert_eq!(error.errors()[0].to_string(), "line 3: linger.ms=-1: must be 0 or more");
/// assert_eq!(error.errors()[1].to_string(), "line 4: lingr.ms: is not a setting of producers; did you mean linger.ms?");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    pub(super) errors: Vec<PropertyError>,
}

impl PropertiesError {
    /// What is wrong; at least one thing.
    pub fn errors(&self) -> &[PropertyError] {
        &self.errors
    }
}

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.errors.iter().enumerate() {
            let between = if nth == 0 { "" } else { "\n" };
            write!(f, "{between}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PropertiesError {}

/// One thing that is wrong with properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyError {
    pub(super) at: Place,
    pub(super) kind: PropertyErrorKind,
    /// Only of keys whose values are no secrets.
    pub(super) value: Option<String>,
    pub(super) why: String,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyErrorKind {
    /// The line is not in the format of properties files.
    Malformed,
    /// The key has to be there.
    Missing,
    /// The value cannot be, or does not go with another.
    Invalid,
    /// Kafka's own client has it, and this one has not: nothing would be as the file says.
    Unavailable,
    /// No producer has such a key.
    Unknown,
}

impl PropertyError {
    /// The key; empty for a line that has none.
    pub fn key(&self) -> &str {
        &self.at.key
    }

    /// The line, counted from 1; `None` for what does not come from a text.
    pub fn line(&self) -> Option<usize> {
        self.at.line
    }

    /// What kind of thing is wrong.
    pub fn kind(&self) -> PropertyErrorKind {
        self.kind
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        match &self.value {
            Some(value) => write!(f, "={}: {}", value.escape_debug(), self.why),
            None => write!(f, ": {}", self.why),
        }
    }
}

/// A property that was not taken as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyWarning {
    pub(super) at: Place,
    pub(super) why: String,
}

impl PropertyWarning {
    /// The key.
    pub fn key(&self) -> &str {
        &self.at.key
    }

    /// The line, counted from 1; `None` for what does not come from a text.
    pub fn line(&self) -> Option<usize> {
        self.at.line
    }
}

impl fmt::Display for PropertyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

/// A key, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: Option<usize>,
    pub(super) key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) if self.key.is_empty() => write!(f, "line {line}"),
            Some(line) => write!(f, "line {line}: {}", self.key.escape_debug()),
            None => write!(f, "{}", self.key.escape_debug()),
        }
    }
}

/// Why a value is not taken.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) kind: PropertyErrorKind,
    pub(super) why: String,
}
