//! Which codec, at which level.

use std::fmt;
use std::str::FromStr;

/// A codec, as attribute bits 0 to 2 of a batch name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CompressionType {
    /// Records as they are.
    #[default]
    None = 0,
    /// One RFC 1952 stream.
    Gzip = 1,
    /// Snappy blocks in the xerial framing.
    Snappy = 2,
    /// One LZ4 frame.
    Lz4 = 3,
    /// One Zstandard frame (KIP-110): Produce 7 and Fetch 10 or later.
    Zstd = 4,
}

impl CompressionType {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec that the attribute bits name, if there is one.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name that Kafka's `compression.type` has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Whether this build has the codec; the crate's features switch them.
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Snappy => cfg!(feature = "snappy"),
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(any(feature = "zstd", feature = "zstd-c")),
        }
    }
}

impl fmt::Display for CompressionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A codec with a level that it can honour.
///
/// As text: the codec's name, with `:level` where it is not the default.
///
/// ```
/// use milena_codec::Compression;
///
/// assert_eq!("zstd:19".parse(), Compression::zstd(19));
/// assert_eq!("gzip".parse(), Ok(Compression::GZIP));
/// assert_eq!(Compression::gzip(6)?.to_string(), "gzip:6");
/// assert!("gzip:10".parse::<Compression>().is_err());
/// # Ok::<(), milena_codec::LevelError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    kind: CompressionType,
    level: i32,
}

const GZIP_DEFAULT: i32 = -1;
const LZ4_DEFAULT: i32 = 9;
const LZ4_MIN: i32 = 1;
const LZ4_MAX: i32 = 17;
const ZSTD_DEFAULT: i32 = 3;
const ZSTD_MIN: i32 = -131_072;
const ZSTD_MAX: i32 = 22;

impl Compression {
    /// No compression.
    pub const NONE: Self = Self {
        kind: CompressionType::None,
        level: 0,
    };
    /// Gzip at the default level (-1, which is 6).
    pub const GZIP: Self = Self {
        kind: CompressionType::Gzip,
        level: GZIP_DEFAULT,
    };
    /// Snappy, which has no levels.
    pub const SNAPPY: Self = Self {
        kind: CompressionType::Snappy,
        level: 0,
    };
    /// Lz4 by the fast compressor, which Kafka calls level 9.
    pub const LZ4: Self = Self {
        kind: CompressionType::Lz4,
        level: LZ4_DEFAULT,
    };
    /// Zstandard at the default level (3).
    pub const ZSTD: Self = Self {
        kind: CompressionType::Zstd,
        level: ZSTD_DEFAULT,
    };

    /// Gzip at a level: 1 (fastest) to 9 (smallest), or -1, the default.
    ///
    /// Level 1 is a single-pass mode, on JSON about a fifth larger and twice as fast as level 2.
    ///
    /// # Errors
    /// [`LevelError::OutOfRange`] for any other level.
    pub const fn gzip(level: i32) -> Result<Self, LevelError> {
        let is_allowed = level == GZIP_DEFAULT || (level >= 1 && level <= 9);
        Self::leveled(CompressionType::Gzip, level, is_allowed, "-1 or 1 to 9")
    }

    /// Lz4 at a level of Kafka's: 1 to 17.
    ///
    /// They mean what they mean to the Java producer:
    ///
    /// | level | |
    /// |---|---|
    /// | 9, the default | the fast compressor: the same as [`Compression::LZ4`] |
    /// | 1 to 8 | the high compressor, which searches the longer the higher the level; 1 and 2 are the same |
    /// | 10 to 12 | the high compressor, which looks for the smallest output |
    /// | 13 to 17 | the same as 12 |
    ///
    /// So 9 is not between 8 and 10: as a rule it is several times as fast as any other level, and its
    /// output the largest.
    ///
    /// # Errors
    /// [`LevelError::OutOfRange`] for any other level.
    pub const fn lz4(level: i32) -> Result<Self, LevelError> {
        let is_allowed = level >= LZ4_MIN && level <= LZ4_MAX;
        Self::leveled(CompressionType::Lz4, level, is_allowed, "1 to 17")
    }

    /// Zstandard at a level: 1 (fastest) to 22 (smallest); 0 is the default, 3; negative levels,
    /// down to -131072, trade size for speed.
    ///
    /// # Errors
    /// [`LevelError::OutOfRange`] for any other level.
    pub const fn zstd(level: i32) -> Result<Self, LevelError> {
        let is_allowed = level >= ZSTD_MIN && level <= ZSTD_MAX;
        let level = if level == 0 { ZSTD_DEFAULT } else { level };
        Self::leveled(CompressionType::Zstd, level, is_allowed, "-131072 to 22")
    }

    const fn leveled(
        codec: CompressionType,
        level: i32,
        is_allowed: bool,
        allowed: &'static str,
    ) -> Result<Self, LevelError> {
        if is_allowed {
            Ok(Self { kind: codec, level })
        } else {
            Err(LevelError::OutOfRange {
                codec,
                level,
                allowed,
            })
        }
    }

    /// A codec at its default level.
    #[must_use]
    pub const fn of(codec: CompressionType) -> Self {
        match codec {
            CompressionType::None => Self::NONE,
            CompressionType::Gzip => Self::GZIP,
            CompressionType::Snappy => Self::SNAPPY,
            CompressionType::Lz4 => Self::LZ4,
            CompressionType::Zstd => Self::ZSTD,
        }
    }

    /// The codec at another level.
    ///
    /// # Errors
    /// [`LevelError`] when the codec has no such level, or no levels at all.
    pub const fn with_level(self, level: i32) -> Result<Self, LevelError> {
        match self.kind {
            CompressionType::Gzip => Self::gzip(level),
            CompressionType::Lz4 => Self::lz4(level),
            CompressionType::Zstd => Self::zstd(level),
            codec => Err(LevelError::NoLevels { codec }),
        }
    }

    /// The codec.
    #[must_use]
    pub const fn codec(self) -> CompressionType {
        self.kind
    }

    /// The level: 0 where the codec has none.
    #[must_use]
    pub const fn level(self) -> i32 {
        self.level
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<CompressionType> for Compression {
    fn from(codec: CompressionType) -> Self {
        Self::of(codec)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::of(self.kind) {
            write!(f, "{}", self.kind)
        } else {
            write!(f, "{}:{}", self.kind, self.level)
        }
    }
}

impl FromStr for CompressionType {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| LevelError::UnknownCodec(text.into()))
    }
}

impl FromStr for Compression {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let Some((codec, level)) = text.split_once(':') else {
            return text.parse().map(Self::of);
        };
        let codec: CompressionType = codec.parse()?;
        match level.parse() {
            Ok(level) => Self::of(codec).with_level(level),
            Err(_) => Err(LevelError::NotANumber {
                codec,
                text: level.into(),
            }),
        }
    }
}

/// A codec or level that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelError {
    /// No such level.
    #[error("{codec} has no level {level}: allowed is {allowed}")]
    OutOfRange {
        /// The codec that was asked.
        codec: CompressionType,
        /// The level it lacks.
        level: i32,
        /// The levels it has.
        allowed: &'static str,
    },
    /// A level for a codec without levels.
    #[error("{codec} has no levels")]
    NoLevels {
        /// The codec that was asked.
        codec: CompressionType,
    },
    /// Something other than a number after the colon.
    #[error("the level of {codec} is not a number: {text:?}")]
    NotANumber {
        /// The codec in front of the colon.
        codec: CompressionType,
        /// What stands after it.
        text: Box<str>,
    },
    /// No codec of this name.
    #[error("unknown compression {0:?}: use none, gzip, snappy, lz4 or zstd")]
    UnknownCodec(Box<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for level in [-1, 1, 9] {
            assert_eq!(Compression::gzip(level).unwrap().level(), level);
        }
        for level in [-2, 0, 10] {
            assert!(Compression::gzip(level).is_err());
        }
        for level in [-131_072, -1, 1, 22] {
            assert_eq!(Compression::zstd(level).unwrap().level(), level);
        }
        assert_eq!(Compression::zstd(0), Ok(Compression::ZSTD));
        assert!(Compression::zstd(23).is_err() && Compression::zstd(-131_073).is_err());
        assert_eq!(Compression::lz4(9), Ok(Compression::LZ4));
        for level in 1..=17 {
            assert_eq!(Compression::lz4(level).unwrap().level(), level);
        }
        for level in [-1, 0, 18] {
            assert!(Compression::lz4(level).is_err());
        }
        assert!(matches!(
            Compression::SNAPPY.with_level(1),
            Err(LevelError::NoLevels { .. })
        ));
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "none", "gzip", "gzip:1", "snappy", "lz4", "lz4:1", "lz4:12", "zstd", "zstd:-5",
            "zstd:22",
        ] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        assert_eq!("GZIP:6".parse(), Compression::gzip(6));
        assert_eq!("lz4:9".parse(), Ok(Compression::LZ4));
        for text in [
            "", "brotli", "gzip:", "gzip:x", "none:1", "snappy:1", "lz4:0", "lz4:18", "zstd:99",
        ] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}
