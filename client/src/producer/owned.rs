//! A record that owns what it holds.

use std::sync::Arc;

use bytes::Bytes;
use milena_codec::{HeaderRef, Payload};

use super::record::{Headers, Record};

/// A record that owns what it holds: for channels, queues and sinks, where a [`Record`], which borrows everything, does not
/// get through.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Client, OwnedRecord, Record};
///
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
/// sender.send(OwnedRecord::to("orders").key("17").value(format!("{} apples", 12))).await?;
/// // What there is already is copied, but for `Bytes`, which are shared.
/// sender.send(Record::to("orders").value("six pears").into()).await?;
/// drop(sender);
///
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// # let producer = client.producer().build()?;
/// while let Some(record) = receiver.recv().await {
///     producer.send(record.as_record()).await?.await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a record is sent by a producer"]
pub struct OwnedRecord {
    topic: Arc<str>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Vec<(Box<str>, Option<Bytes>)>,
}

impl OwnedRecord {
    /// A record for `topic`, with neither key nor value. An `Arc<str>` makes many records for one topic cheap.
    pub fn to(topic: impl Into<Arc<str>>) -> Self {
        Self {
            topic: topic.into(),
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    /// The key; see [`Record::key`].
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The value; see [`Record::value`].
    pub fn value(mut self, value: impl Into<Bytes>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds a header; see [`Record::header`].
    pub fn header(mut self, key: impl Into<Box<str>>, value: impl Into<Bytes>) -> Self {
        self.headers.push((key.into(), Some(value.into())));
        self
    }

    /// The partition to send to; see [`Record::partition`].
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The timestamp; see [`Record::timestamp`].
    pub const fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The topic it goes to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The record, as producers take it.
    pub fn as_record(&self) -> Record<'_> {
        let headers = self.headers.iter().map(|(key, value)| HeaderRef {
            key,
            value: value.as_ref().map(Payload::from),
        });
        Record {
            topic: &self.topic,
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_ref().map(Payload::from),
            value: self.value.as_ref().map(Payload::from),
            headers: Headers::Owned(headers.collect()),
        }
    }
}

impl From<Record<'_>> for OwnedRecord {
    fn from(record: Record<'_>) -> Self {
        let headers = record.header_refs().iter();
        Self {
            topic: record.topic.into(),
            partition: record.partition,
            timestamp: record.timestamp,
            key: record.key.map(owned),
            value: record.value.map(owned),
            headers: headers
                .map(|header| (header.key.into(), header.value.map(owned)))
                .collect(),
        }
    }
}

fn owned(payload: Payload<'_>) -> Bytes {
    match payload {
        Payload::Slice(bytes) => Bytes::copy_from_slice(bytes),
        Payload::Shared(bytes) => bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_being_owned() {
        let shared = Bytes::from(vec![1; 100]);
        let nulls = [HeaderRef {
            key: "null",
            value: None,
        }];
        let full = Record::to("t")
            .partition(3)
            .timestamp(17)
            .key("k")
            .value(&shared)
            .headers(&nulls);
        for record in [
            full.header("h", ""),
            Record::to("t"),
            Record::to("").value(""),
        ] {
            let owned = OwnedRecord::from(record.clone());
            assert_eq!(
                format!("{:?}", OwnedRecord::from(owned.as_record())),
                format!("{owned:?}")
            );
            let again = owned.as_record();
            assert_eq!(
                (again.topic, again.partition),
                (record.topic, record.partition)
            );
            assert_eq!(again.timestamp, record.timestamp);
            assert_eq!(again.key_bytes(), record.key_bytes());
            assert_eq!(again.value_bytes(), record.value_bytes());
            let pairs = |record: &Record<'_>| {
                let headers = record.header_refs().iter();
                let pairs =
                    headers.map(|h| (h.key.to_owned(), h.value.map(|v| v.as_slice().to_vec())));
                pairs.collect::<Vec<_>>()
            };
            assert_eq!(pairs(&again), pairs(&record));
        }
        let owned = OwnedRecord::from(Record::to("t").value(&shared));
        assert_eq!(
            owned.value.unwrap().as_ptr(),
            shared.as_ptr(),
            "it is not copied"
        );
    }
}
