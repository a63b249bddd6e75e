//! What our reader reads out of a record set, in the words of the Java program.

use std::fmt::Display;

use bytes::Bytes;
use milena_codec::{
    Batch, Batches, ControlType, Decompressor, EndTransaction, Record, RecordBatch, TimestampType,
};
use serde_json::{Value, json};

use super::to_hex;

/// Keys and values up to so many bytes are written out.
const WRITTEN_OUT: usize = 64;

/// The batches of a record set.
///
/// # Errors
/// Our reader's.
pub fn describe(set: &Bytes) -> Result<Value, String> {
    let mut decompressor = Decompressor::default();
    let mut batches = Vec::new();
    for batch in Batches::exact(set.clone()) {
        let batch = batch.map_err(|error| error.to_string())?;
        batches.push(self::batch(&batch, &mut decompressor).map_err(|error| error.to_string())?);
    }
    Ok(Value::Array(batches))
}

fn batch(
    batch: &Batch,
    decompressor: &mut Decompressor,
) -> Result<Value, milena_codec::BatchError> {
    let mut records = Vec::new();
    for record in batch.records(decompressor)? {
        let record = record?;
        let headers = record
            .headers
            .iter()
            .map(|header| (header.key().into_owned(), header.value));
        let mut described = self::record(
            record.offset,
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            headers,
        );
        if batch.is_control() {
            described.push(control(&record));
        }
        records.push(Value::Array(described));
    }
    let crc = match batch {
        Batch::Current(batch) => batch.header().crc,
        Batch::Legacy(batch) => batch.crc(),
    };
    let mut described = json!({
        "magic": batch.magic(),
        "size": batch.len(),
        "crc": crc,
        "codec": batch.codec()?.name(),
        "timestampType": match batch.timestamp_type() {
            None => "NoTimestampType",
            Some(TimestampType::CreateTime) => "CreateTime",
            Some(TimestampType::LogAppendTime) => "LogAppendTime",
        },
        "maxTimestamp": match batch {
            Batch::Current(batch) => batch.header().max_timestamp,
            Batch::Legacy(batch) => batch.max_timestamp(),
        },
        "lastOffset": batch.last_offset(),
        "nextOffset": batch.next_offset(),
        "records": records,
    });
    if let (Batch::Current(batch), Value::Object(described)) = (batch, &mut described) {
        described.extend(current(batch));
    }
    Ok(described)
}

/// What a batch of format 2 has besides.
fn current(batch: &RecordBatch) -> serde_json::Map<String, Value> {
    let header = batch.header();
    let horizon = header.attributes.has_delete_horizon();
    let described = json!({
        "baseOffset": header.base_offset,
        "baseTimestamp": header.base_timestamp,
        "leaderEpoch": header.partition_leader_epoch,
        "producerId": header.producer_id,
        "producerEpoch": header.producer_epoch,
        "baseSequence": header.base_sequence,
        "lastSequence": batch.last_sequence(),
        "count": batch.count(),
        "transactional": u8::from(batch.is_transactional()),
        "control": u8::from(batch.is_control()),
        "deleteHorizon": horizon.then_some(header.base_timestamp),
    });
    match described {
        Value::Object(described) => described,
        _ => serde_json::Map::new(),
    }
}

/// A record.
pub(super) fn record(
    offset: i64,
    timestamp: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl Iterator<Item = (String, Option<Bytes>)>,
) -> Vec<Value> {
    let headers = headers.map(|(key, value)| json!([key, content(value.as_deref())]));
    vec![
        offset.into(),
        timestamp.into(),
        content(key),
        content(value),
        headers.collect(),
    ]
}

fn content(bytes: Option<&[u8]>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) if bytes.len() <= WRITTEN_OUT => to_hex(bytes).into(),
        Some(bytes) => json!([bytes.len(), crc32c::crc32c(bytes)]),
    }
}

fn control(record: &Record) -> Value {
    let kind = record.key.as_deref().and_then(ControlType::parse);
    let kind = kind.map(ControlType::number);
    match EndTransaction::parse(record) {
        Some(end) => json!([kind, end.coordinator_epoch]),
        None => json!([kind]),
    }
}

/// Where what Java says and what we say first differ, and how.
#[must_use]
pub fn difference(java: &Value, ours: &Value) -> Option<String> {
    differ("batches", Some(java), Some(ours))
}

fn differ(place: &str, java: Option<&Value>, ours: Option<&Value>) -> Option<String> {
    let within = |name: &dyn Display, java, ours| differ(&format!("{place}.{name}"), java, ours);
    match (java, ours) {
        (Some(Value::Array(java)), Some(Value::Array(ours))) => {
            let mut indices = 0..java.len().max(ours.len());
            indices.find_map(|at| within(&at, java.get(at), ours.get(at)))
        }
        (Some(Value::Object(java)), Some(Value::Object(ours))) => {
            let mut names = java.keys().chain(ours.keys());
            names.find_map(|name| within(name, java.get(name), ours.get(name)))
        }
        _ if java == ours => None,
        _ => Some(format!(
            "{place}: Java has {}, we have {}",
            word(java),
            word(ours)
        )),
    }
}

fn word(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    match text.char_indices().nth(100) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}
