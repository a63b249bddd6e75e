//! Versions: the range an API or a field covers, and the one a message is being read or written in.

use std::fmt;

/// An inclusive range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version; `i16::MAX` in a schema stands for "and every later one".
    pub max: i16,
}

impl VersionRange {
    /// Whether `version` lies in the range.
    #[must_use]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// The versions both ranges have, or `None` when there are none.
    ///
    /// ```
    /// use milena_protocol::VersionRange;
    /// let ours = VersionRange { min: 3, max: 13 };
    /// let theirs = VersionRange { min: 0, max: 11 };
    /// assert_eq!(ours.intersect(theirs), Some(VersionRange { min: 3, max: 11 }));
    /// assert_eq!(ours.intersect(VersionRange { min: 0, max: 2 }), None);
    /// ```
    #[must_use]
    pub const fn intersect(self, other: Self) -> Option<Self> {
        let min = if self.min > other.min {
            self.min
        } else {
            other.min
        };
        let max = if self.max < other.max {
            self.max
        } else {
            other.max
        };
        if min <= max {
            Some(Self { min, max })
        } else {
            None
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, i16::MAX) => write!(f, "{min}+"),
            (min, max) if min == max => write!(f, "{min}"),
            (min, max) => write!(f, "{min}-{max}"),
        }
    }
}

/// The version being read or written, handed down to every nested struct.
#[derive(Clone, Copy, Debug)]
pub struct Ver {
    pub v: i16,
    /// Compact lengths and a tagged section after every struct.
    pub flexible: bool,
}

impl Ver {
    /// Whether a row is present. `valid` is the range of the whole API: a bound of the row that lies outside it
    /// needs no comparison, and both being constants, the compiler drops it.
    #[inline]
    pub const fn has(self, row: VersionRange, valid: VersionRange) -> bool {
        (row.min <= valid.min || self.v >= row.min) && (row.max >= valid.max || self.v <= row.max)
    }
}
