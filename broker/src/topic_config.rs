//! The settings of a topic: Kafka's names and defaults, for what this broker honours.

use std::collections::BTreeMap;

use thiserror::Error;

/// A topic's settings, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    /// As given at creation, by name.
    given: BTreeMap<String, String>,
    pub(crate) max_message_bytes: usize,
    pub(crate) segment_bytes: usize,
    /// Per partition; `None` keeps everything that the cluster's own limit allows.
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) retention_ms: Option<i64>,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
    pub(crate) min_insync_replicas: usize,
    pub(crate) compacted: bool,
}

/// Whose clock dates a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// A setting that this broker does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicConfigError {
    /// Kafka has no topic setting of this name, or this broker does not know it.
    #[error("unknown topic config name: {0}")]
    Unknown(String),
    /// The value is not in the setting's range.
    #[error("invalid value {value} for configuration {name}: {expected}")]
    Invalid {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// Name, Kafka's default, and how a value is taken in.
type Row = (
    &'static str,
    &'static str,
    fn(&mut TopicConfig, &str) -> Result<(), &'static str>,
);

const ROWS: &[Row] = &[
    ("cleanup.policy", "delete", |config, value| {
        config.compacted = match value {
            "delete" => false,
            "compact" | "compact,delete" | "delete,compact" => true,
            _ => return Err("a list of: compact, delete"),
        };
        Ok(())
    }),
    ("compression.type", "producer", |_, value| match value {
        "producer" => Ok(()),
        _ => Err("this broker never recompresses, so only: producer"),
    }),
    ("max.message.bytes", "1048588", |config, value| {
        config.max_message_bytes = parse(value).ok_or("bytes, 0 or more")?;
        Ok(())
    }),
    (
        "message.timestamp.after.max.ms",
        "3600000",
        |config, value| {
            config.timestamp_after_max_ms = at_least(value, 0).ok_or("milliseconds, 0 or more")?;
            Ok(())
        },
    ),
    (
        "message.timestamp.before.max.ms",
        "9223372036854775807",
        |config, value| {
            config.timestamp_before_max_ms = at_least(value, 0).ok_or("milliseconds, 0 or more")?;
            Ok(())
        },
    ),
    ("message.timestamp.type", "CreateTime", |config, value| {
        config.timestamp_type = match value {
            "CreateTime" => TimestampType::CreateTime,
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => return Err("one of: CreateTime, LogAppendTime"),
        };
        Ok(())
    }),
    ("min.insync.replicas", "1", |config, value| {
        config.min_insync_replicas = parse(value)
            .filter(|n| *n > 0)
            .ok_or("a number, 1 or more")?;
        Ok(())
    }),
    ("retention.bytes", "-1", |config, value| {
        let limit = at_least(value, -1).ok_or("bytes, or -1 for no limit")?;
        config.retention_bytes = u64::try_from(limit).ok();
        Ok(())
    }),
    ("retention.ms", "604800000", |config, value| {
        let limit = at_least(value, -1).ok_or("milliseconds, or -1 for no limit")?;
        config.retention_ms = Some(limit).filter(|limit| *limit >= 0);
        Ok(())
    }),
    ("segment.bytes", "1073741824", |config, value| {
        config.segment_bytes = parse(value)
            .filter(|bytes| *bytes >= 14)
            .ok_or("bytes, 14 or more")?;
        Ok(())
    }),
];

impl Default for TopicConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            given: BTreeMap::new(),
            max_message_bytes: 1_048_588,
            segment_bytes: 1 << 30,
            retention_bytes: None,
            retention_ms: Some(604_800_000),
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            min_insync_replicas: 1,
            compacted: false,
        }
    }
}

impl TopicConfig {
    /// Sets one setting by Kafka's name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), TopicConfigError> {
        let Some((_, _, apply)) = ROWS.iter().find(|(known, ..)| *known == name) else {
            return Err(TopicConfigError::Unknown(name.to_owned()));
        };
        apply(self, value).map_err(|expected| TopicConfigError::Invalid {
            name: name.to_owned(),
            value: value.to_owned(),
            expected,
        })?;
        self.given.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Every setting in the order of names: name, value, whether it was given at creation.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'static str, &str, bool)> {
        ROWS.iter()
            .map(|(name, default, _)| match self.given.get(*name) {
                Some(value) => (*name, value.as_str(), true),
                None => (*name, *default, false),
            })
    }
}

fn parse(value: &str) -> Option<usize> {
    value.trim().parse().ok()
}

fn at_least(value: &str, least: i64) -> Option<i64> {
    value.trim().parse().ok().filter(|n| *n >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_default_agree() {
        let mut config = TopicConfig::default();
        for (name, default, _) in ROWS {
            config.set(name, default).unwrap();
        }
        config.given.clear();
        assert_eq!(config, TopicConfig::default());
        assert!(ROWS.is_sorted_by_key(|row| row.0));
    }

    #[test]
    fn a_given_value_is_kept_and_marked() {
        let mut config = TopicConfig::default();
        config.set("max.message.bytes", "2000").unwrap();
        assert_eq!(config.max_message_bytes, 2000);
        assert!(
            config
                .entries()
                .any(|entry| entry == ("max.message.bytes", "2000", true))
        );
        assert!(
            config
                .entries()
                .any(|entry| entry == ("retention.bytes", "-1", false))
        );
    }

    #[test]
    fn unknown_names_and_bad_values_are_refused() {
        let mut config = TopicConfig::default();
        assert_eq!(
            config.set("no.such", "1"),
            Err(TopicConfigError::Unknown("no.such".to_owned()))
        );
        for (name, value) in [
            ("cleanup.policy", "keep"),
            ("compression.type", "gzip"),
            ("max.message.bytes", "-1"),
            ("message.timestamp.type", "createtime"),
            ("min.insync.replicas", "0"),
            ("retention.bytes", "-2"),
            ("retention.ms", "soon"),
            ("segment.bytes", "13"),
        ] {
            assert!(
                matches!(
                    config.set(name, value),
                    Err(TopicConfigError::Invalid { .. })
                ),
                "{name}={value}"
            );
        }
        assert_eq!(config, TopicConfig::default());
    }
}
