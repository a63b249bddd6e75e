//! Records of every shape.

use bytes::Bytes;
use milena::{HeaderRef, Record};

/// A record to be sent, which keeps its own parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) partition: Option<i32>,
}

impl Sample {
    /// A record with a value alone.
    pub(crate) fn of(value: impl Into<Vec<u8>>) -> Self {
        Self {
            value: Some(Bytes::from(value.into())),
            ..Self::default()
        }
    }

    /// A record with key and value.
    pub(crate) fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::of(value)
        }
    }

    /// The same for a partition.
    pub(crate) fn on(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }

    /// Its headers, borrowed.
    pub(crate) fn header_refs(&self) -> Vec<HeaderRef<'_>> {
        let headers = self.headers.iter();
        headers
            .map(|(key, value)| HeaderRef {
                key,
                value: value.as_ref().map(Into::into),
            })
            .collect()
    }

    /// What the producer takes. Every other value is borrowed as a slice, which is copied, and the others as
    /// [`Bytes`], which are shared when they are large.
    pub(crate) fn record<'a>(&'a self, topic: &'a str, headers: &'a [HeaderRef<'a>]) -> Record<'a> {
        let mut record = Record::to(topic).headers(headers);
        if let Some(key) = &self.key {
            record = record.key(key);
        }
        if let Some(value) = &self.value {
            record = if value.len() % 2 == 0 {
                record.value(value)
            } else {
                record.value(&value[..])
            };
        }
        if let Some(timestamp) = self.timestamp {
            record = record.timestamp(timestamp);
        }
        if let Some(partition) = self.partition {
            record = record.partition(partition);
        }
        record
    }
}

/// Records of every shape: keyed and keyless, null and empty, headers in and out of order, times given and not.
///
/// Text and noise alternate, so that what is compressed shrinks, and not all of it does.
pub(crate) fn zoo(count: usize, partitions: i32) -> impl Iterator<Item = Sample> {
    (0..count).map(move |i| Sample {
        key: match i % 5 {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some((0..=255).collect()),
            3 => Some("klíč".into()),
            _ => Some(format!("key-{}", i % 31).into()),
        },
        value: match i % 7 {
            0 => None,
            1 => Some(Bytes::new()),
            2 => Some(noise(i, 200).into()),
            3 if i % 70 == 3 => Some(text(i, 40_000).into()),
            3 => Some(noise(i, 7).into()),
            _ => Some(text(i, 300 + i % 3).into()),
        },
        headers: headers(i),
        timestamp: match i % 3 {
            0 => None,
            1 => Some(1_700_000_000_000 - i64::try_from(i).unwrap()),
            _ => Some(0),
        },
        partition: (i % 11 == 0).then(|| i32::try_from(i).unwrap() % partitions),
    })
}

fn headers(i: usize) -> Vec<(String, Option<Vec<u8>>)> {
    let header = |key: &str, value: &str| (key.to_owned(), Some(value.as_bytes().to_vec()));
    match i % 4 {
        0 => Vec::new(),
        1 => vec![
            header("b", "1"),
            header("a", "2"),
            header("b", "1"),
            header("b", "0"),
        ],
        2 => vec![
            ("null".into(), None),
            header("empty", ""),
            header("", "no name"),
            header("ключ \"\\\t", "é"),
        ],
        _ => (0..i % 30)
            .map(|n| header(&format!("h{}", n % 4), &n.to_string()))
            .collect(),
    }
}

/// Bytes that compress.
pub(crate) fn text(i: usize, len: usize) -> Vec<u8> {
    format!("value {i}, ").bytes().cycle().take(len).collect()
}

/// Bytes that do not compress, the same for the same `seed`.
pub(crate) fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed as u64);
    (0..len).map(|_| rng.u8(..)).collect()
}
