//! The JSON of a message: header, body, and the batches and records of the record sets in it.

use std::cell::RefCell;

use bytes::Bytes;
use milena_codec::{
    Batch, BatchError, Batches, Decompressor, EndTransaction, Record, RecordBatch, TimestampType,
};
use milena_protocol::{ApiKey, RequestHeader};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::frame::{Decoded, Header};
use super::place::{Complaint, offset_of};
use crate::blob::{Blob, HeaderList};

/// A message as it is printed. Record sets are read while it is, so what is wrong with them is known afterwards.
#[derive(Debug)]
pub(super) struct Form<'a> {
    message: &'a Decoded<'a>,
    input: &'a Bytes,
    complaints: RefCell<Vec<Complaint>>,
}

impl<'a> Form<'a> {
    pub(super) fn new(message: &'a Decoded<'a>, input: &'a Bytes) -> Self {
        Self {
            message,
            input,
            complaints: RefCell::default(),
        }
    }

    /// What was wrong with record sets.
    pub(super) fn complaints(self) -> Vec<Complaint> {
        self.complaints.into_inner()
    }

    /// The batches up to the first that cannot be read.
    fn batches(&self, set: Bytes) -> Vec<BatchForm> {
        let start = offset_of(&set, self.input);
        let mut decompressor = Decompressor::default();
        let mut forms = Vec::new();
        let complain = |error: BatchError| {
            // In records that were compressed there is no such byte of the input.
            let at = error.byte.unwrap_or(error.position);
            self.complaints.borrow_mut().push(Complaint {
                what: error.to_string(),
                at: start.map(|start| start + at),
            });
        };
        for batch in Batches::exact(set) {
            match batch {
                Ok(batch) => {
                    let (form, error) = BatchForm::read(&batch, &mut decompressor);
                    forms.push(form);
                    error.into_iter().for_each(complain);
                }
                Err(error) => complain(error),
            }
        }
        forms
    }
}

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let batches = |set: &milena_protocol::Records| self.batches(set.clone().into_bytes());
        let body = self.message.tree.json(&batches);
        let (header, name) = match &self.message.header {
            None => return body.serialize(serializer),
            Some(Header::Request(header)) => (HeaderForm::of_request(header), "request"),
            Some(Header::Response(header)) => (
                HeaderForm {
                    correlation_id: header.correlation_id,
                    ..HeaderForm::default()
                },
                "response",
            ),
        };
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(&format!("{name}Header"), &header)?;
        map.serialize_entry(name, &body)?;
        map.end()
    }
}

/// The fields of a header, by the names that Kafka's request log has for them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeaderForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_api_key: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_api_key_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_api_version: Option<i16>,
    correlation_id: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Option<&'a str>>,
}

impl<'a> HeaderForm<'a> {
    fn of_request(header: &'a RequestHeader) -> Self {
        let ApiKey(key) = header.api_key;
        Self {
            request_api_key: Some(key),
            request_api_key_name: header.api_key.name(),
            request_api_version: Some(header.api_version),
            correlation_id: header.correlation_id,
            client_id: Some(header.client_id.as_deref()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchForm {
    magic: i8,
    compression: Option<&'static str>,
    timestamp_type: Option<&'static str>,
    last_offset: i64,
    #[serde(flatten)]
    header: Option<BatchHeaderForm>,
    records: Vec<RecordForm>,
}

/// What batches of format 2 have, and messages before them had not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchHeaderForm {
    base_offset: i64,
    partition_leader_epoch: i32,
    is_transactional: bool,
    is_control: bool,
    last_offset_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    records_count: i32,
}

impl BatchForm {
    /// The batch with its records up to the first that cannot be read, and why it cannot.
    fn read(batch: &Batch, decompressor: &mut Decompressor) -> (Self, Option<BatchError>) {
        let mut form = Self {
            magic: batch.magic(),
            compression: batch.codec().ok().map(|codec| codec.name()),
            timestamp_type: batch.timestamp_type().map(|kind| match kind {
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            }),
            last_offset: batch.last_offset(),
            header: batch.as_current().map(BatchHeaderForm::of),
            records: Vec::new(),
        };
        let control = batch.is_control();
        let read = batch.records(decompressor).and_then(|records| {
            for record in records {
                let record = record?;
                let end = control.then(|| EndTransaction::parse(&record)).flatten();
                form.records.push(RecordForm { record, end });
            }
            Ok(())
        });
        (form, read.err())
    }
}

impl BatchHeaderForm {
    fn of(batch: &RecordBatch) -> Self {
        let header = batch.header();
        Self {
            base_offset: header.base_offset,
            partition_leader_epoch: header.partition_leader_epoch,
            is_transactional: batch.is_transactional(),
            is_control: batch.is_control(),
            last_offset_delta: header.last_offset_delta,
            base_timestamp: header.base_timestamp,
            max_timestamp: header.max_timestamp,
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            records_count: header.records_count,
        }
    }
}

struct RecordForm {
    record: Record,
    end: Option<EndTransaction>,
}

impl Serialize for RecordForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Record {
            offset,
            timestamp,
            key,
            value,
            headers,
        } = &self.record;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("offset", offset)?;
        map.serialize_entry("timestamp", timestamp)?;
        map.serialize_entry("key", &Blob(key.as_deref()))?;
        map.serialize_entry("value", &Blob(value.as_deref()))?;
        map.serialize_entry("headers", &HeaderList(headers))?;
        if let Some(end) = &self.end {
            map.serialize_entry(
                "endTransaction",
                if end.committed { "COMMIT" } else { "ABORT" },
            )?;
            map.serialize_entry("coordinatorEpoch", &end.coordinator_epoch)?;
        }
        map.end()
    }
}
