//! A record to be produced.

use milena_codec::{HeaderRef, Payload};

/// A record to be produced: where it goes, and what it holds.
///
/// Everything is borrowed: `send` copies the bytes once, into the batch they are sent from. A key, value or header
/// that is borrowed as [`bytes::Bytes`] and is 32 KiB or larger is not even copied then, but shared.
///
/// A missing key or value is null, which is not the same as an empty one: a null value is a tombstone, and a null key
/// leaves the choice of the partition to the producer.
///
/// ```
/// use milena::Record;
///
/// let record = Record::to("orders")
///     .key("customer-17")
///     .value(br#"{"amount": 12}"#)
///     .header("trace-id", "4711");
/// assert_eq!(record.topic(), "orders");
/// ```
#[derive(Clone, Debug)]
pub struct Record<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Payload<'a>>,
    pub(crate) value: Option<Payload<'a>>,
    pub(crate) headers: Headers<'a>,
}

/// Headers, borrowed or collected. Not a `Cow`, with which a record could not be used where a shorter-lived one is
/// wanted: no template could be cloned and given a value.
#[derive(Clone, Debug)]
pub(crate) enum Headers<'a> {
    Borrowed(&'a [HeaderRef<'a>]),
    Owned(Vec<HeaderRef<'a>>),
}

impl<'a> Headers<'a> {
    pub(crate) fn as_slice(&self) -> &[HeaderRef<'a>] {
        match self {
            Self::Borrowed(headers) => headers,
            Self::Owned(headers) => headers,
        }
    }

    pub(crate) fn push(&mut self, header: HeaderRef<'a>) {
        match self {
            Self::Borrowed(headers) => {
                let mut headers = headers.to_vec();
                headers.push(header);
                *self = Self::Owned(headers);
            }
            Self::Owned(headers) => headers.push(header),
        }
    }
}

impl<'a> Record<'a> {
    /// A record for `topic`, with neither key nor value.
    pub const fn to(topic: &'a str) -> Self {
        Self {
            topic,
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Headers::Borrowed(&[]),
        }
    }

    /// The key. Records of the same key go to the same partition, and so stay in order.
    #[must_use]
    pub fn key(mut self, key: impl Into<Payload<'a>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The value. Without one, the record is a tombstone.
    #[must_use]
    pub fn value(mut self, value: impl Into<Payload<'a>>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds a header. Order is kept, and so are several headers of the same name.
    #[must_use]
    pub fn header(mut self, key: &'a str, value: impl Into<Payload<'a>>) -> Self {
        self.headers.push(HeaderRef {
            key,
            value: Some(value.into()),
        });
        self
    }

    /// Replaces all headers by `headers`, which may hold null values too.
    #[must_use]
    pub fn headers(mut self, headers: &'a [HeaderRef<'a>]) -> Self {
        self.headers = Headers::Borrowed(headers);
        self
    }

    /// The partition to send to, instead of the one that the key or the producer would choose.
    #[must_use]
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The record's timestamp in milliseconds since 1970, instead of the time at which it is sent.
    #[must_use]
    pub const fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The bytes of the key; `None` is null.
    pub fn key_bytes(&self) -> Option<&'a [u8]> {
        self.key.map(|key| key.as_slice())
    }

    /// The bytes of the value; `None` is null.
    pub fn value_bytes(&self) -> Option<&'a [u8]> {
        self.value.map(|value| value.as_slice())
    }

    /// The headers, in their order.
    pub fn header_refs(&self) -> &[HeaderRef<'a>] {
        self.headers.as_slice()
    }

    /// The topic it goes to.
    pub const fn topic(&self) -> &'a str {
        self.topic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_can_be_given_values_that_live_shorter() {
        let template = Record::to("t").header("a", "1");
        for number in 0..2 {
            let value = number.to_string();
            let record = template
                .clone()
                .value(value.as_str())
                .header("b", value.as_str());
            let keys: Vec<_> = record
                .headers
                .as_slice()
                .iter()
                .map(|header| header.key)
                .collect();
            assert_eq!(keys, ["a", "b"]);
        }
        assert_eq!(template.headers.as_slice().len(), 1);
    }
}
