//! The worklist: one line for each thing in which Kafka and we differ.

use std::fmt::{self, Display};

/// Where Kafka and we differ, in what, and what each says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The heading it belongs under: the API, mostly.
    pub(crate) group: String,
    /// The message, and the path to the field in it.
    place: String,
    /// What differs: `type`, `default`, `versions`, …
    aspect: &'static str,
    kafka: String,
    here: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            aspect,
            kafka,
            here,
            ..
        } = self;
        write!(f, "{place}: {aspect}: Kafka {kafka}, here {here}")
    }
}

/// The differences under one heading.
pub(crate) struct Sheet {
    group: String,
    pub(crate) differences: Vec<Difference>,
}

impl Sheet {
    pub(crate) fn new(group: String) -> Self {
        Self {
            group,
            differences: Vec::new(),
        }
    }

    /// Notes a difference.
    pub(crate) fn differ(
        &mut self,
        place: &str,
        aspect: &'static str,
        kafka: impl Display,
        here: impl Display,
    ) {
        self.differences.push(Difference {
            group: self.group.clone(),
            place: place.to_owned(),
            aspect,
            kafka: kafka.to_string(),
            here: here.to_string(),
        });
    }

    /// Notes a difference unless the two are the same.
    pub(crate) fn equal<T: PartialEq + Display>(
        &mut self,
        place: &str,
        aspect: &'static str,
        kafka: Option<T>,
        here: Option<T>,
    ) {
        if kafka != here {
            self.differ(place, aspect, show(kafka), show(here));
        }
    }
}

/// A value, or that there is none.
pub(crate) fn show<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
