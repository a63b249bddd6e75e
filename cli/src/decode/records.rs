//! The JSON of a message: header, body, and the batches and records of the record sets in it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use milena_codec::{
    Batch, BatchError, Batches, Decompressor, EndTransaction, Record, RecordBatch, TimestampType,
};
use milena_protocol::{ApiKey, Records, RequestHeader, ResponseHeader, UnknownTags};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::frame::{Decoded, Header};
use super::place::{Complaint, offset_of};
use crate::blob::{Blob, HeaderList};

/// A message as it is printed. Record sets are read on the way, a record at a time, for a small batch may hold more of
/// them than there is memory; so what is wrong with them is known afterwards.
#[derive(Debug)]
pub(super) struct Form<'a> {
    message: &'a Decoded,
    input: &'a Bytes,
    decompressor: RefCell<Decompressor>,
    complaints: RefCell<Vec<Complaint>>,
}

impl<'a> Form<'a> {
    pub(super) fn new(message: &'a Decoded, input: &'a Bytes) -> Self {
        Self {
            message,
            input,
            decompressor: RefCell::default(),
            complaints: RefCell::default(),
        }
    }

    /// What was wrong with record sets.
    pub(super) fn complaints(self) -> Vec<Complaint> {
        self.complaints.into_inner()
    }
}

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sets = |set: &Records| SetForm::new(self, set.clone().into_bytes());
        let body = self.message.tree.json(&sets);
        let (header, name) = match &self.message.header {
            None => return body.serialize(serializer),
            Some(Header::Request(header)) => (HeaderForm::of_request(header), "request"),
            Some(Header::Response(header)) => (HeaderForm::of_response(header), "response"),
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unknown_tagged_fields: BTreeMap<u32, String>,
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
            unknown_tagged_fields: in_base64(&header.unknown_tags),
        }
    }

    fn of_response(header: &ResponseHeader) -> Self {
        Self {
            correlation_id: header.correlation_id,
            unknown_tagged_fields: in_base64(&header.unknown_tags),
            ..Self::default()
        }
    }
}

/// As the message's own are written.
fn in_base64(tags: &UnknownTags) -> BTreeMap<u32, String> {
    tags.iter()
        .map(|(tag, value)| (tag, STANDARD.encode(value)))
        .collect()
}

/// The batches of a record set up to the first that cannot be found.
struct SetForm<'a> {
    form: &'a Form<'a>,
    set: Bytes,
    start: Option<usize>,
}

impl<'a> SetForm<'a> {
    fn new(form: &'a Form<'a>, set: Bytes) -> Self {
        let start = offset_of(&set, form.input);
        Self { form, set, start }
    }

    fn batches(&self) -> Batches {
        // A broker fills the response to the byte, and cuts the last batch off.
        if let ApiKey::FETCH | ApiKey::SHARE_FETCH = self.form.message.api {
            Batches::new(self.set.clone())
        } else {
            Batches::exact(self.set.clone())
        }
    }

    fn complain(&self, error: &BatchError) {
        // In records that were compressed there is no such byte of the input.
        let at = error.byte.unwrap_or(error.position);
        let at = self.start.map(|start| start + at);
        let mut what = error.to_string();
        if at.is_some() && error.byte.is_none() {
            what += ", in the batch that begins";
        }
        self.form
            .complaints
            .borrow_mut()
            .push(Complaint { what, at });
    }
}

impl Serialize for SetForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        let mut batches = self.batches();
        for batch in &mut batches {
            match batch {
                Ok(batch) => seq.serialize_element(&BatchForm::new(self, &batch))?,
                Err(error) => {
                    self.complain(&error);
                    return seq.end();
                }
            }
        }
        let cut_off = self.set.len().saturating_sub(batches.position());
        if cut_off > 0 {
            seq.serialize_element(&json!({ "cutOffBatchSizeInBytes": cut_off }))?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchForm<'a> {
    magic: i8,
    compression: Option<&'static str>,
    timestamp_type: Option<&'static str>,
    last_offset: i64,
    #[serde(flatten)]
    header: Option<BatchHeaderForm>,
    records: RecordsForm<'a>,
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

impl<'a> BatchForm<'a> {
    fn new(set: &'a SetForm<'a>, batch: &'a Batch) -> Self {
        Self {
            magic: batch.magic(),
            compression: batch.codec().ok().map(|codec| codec.name()),
            timestamp_type: batch.timestamp_type().map(|kind| match kind {
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            }),
            last_offset: batch.last_offset(),
            header: batch.as_current().map(BatchHeaderForm::of),
            records: RecordsForm { set, batch },
        }
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

/// The records of a batch up to the first mistake.
struct RecordsForm<'a> {
    set: &'a SetForm<'a>,
    batch: &'a Batch,
}

impl Serialize for RecordsForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        let control = self.batch.is_control();
        match self
            .batch
            .records(&mut self.set.form.decompressor.borrow_mut())
        {
            Err(error) => self.set.complain(&error),
            Ok(records) => {
                for record in records {
                    match record {
                        Err(error) => self.set.complain(&error),
                        Ok(record) => {
                            let end = control.then(|| EndTransaction::parse(&record)).flatten();
                            seq.serialize_element(&RecordForm { record, end })?;
                        }
                    }
                }
            }
        }
        seq.end()
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use milena_codec::{BatchBuilder, RecordRef, Stamp};
    use milena_protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
    use milena_protocol::{Direction, Message};

    use super::super::frame::{Decoder, Frame};
    use super::*;

    /// A Produce request whose batch has three records, of which the last is broken.
    fn broken_at_its_end() -> Bytes {
        let mut batch = BatchBuilder::new(1024);
        for _ in 0..3 {
            let record = RecordRef::default();
            batch.append(batch.cost(&record)).unwrap();
        }
        let mut bytes = batch.seal().encode(Stamp::NONE).concat();
        // The number of its headers, and the checksum of all.
        *bytes.last_mut().unwrap() = 2;
        let broken = Batches::exact(bytes.into()).next().unwrap().unwrap();
        let broken = broken.into_current().unwrap();
        let section = broken.records_section();
        let header = broken.header().encode_with_crc([&section[..]]);
        let partition = PartitionProduceData {
            records: Some(Bytes::from([&header[..], &section].concat()).into()),
            ..PartitionProduceData::default()
        };
        let topic = TopicProduceData {
            partition_data: vec![partition],
            ..TopicProduceData::default()
        };
        let request = ProduceRequest {
            topic_data: vec![topic],
            ..ProduceRequest::default()
        };
        request.encode(9).unwrap().into_bytes()
    }

    /// Takes so many bytes, and fails then.
    struct Takes(usize);

    impl Write for Takes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_record_is_read_when_those_before_it_are_written() {
        let body = broken_at_its_end();
        let decoder = Decoder {
            direction: Direction::Request,
            api: Some(ApiKey::PRODUCE),
            version: Some(9),
        };
        let message = decoder.body(&Frame::whole(&body)).unwrap();
        let whole = serde_json::to_string(&Form::new(&message, &body)).unwrap();
        let second = whole.find("\"offset\":1").unwrap();
        for (room, complaints) in [(second, 0), (usize::MAX, 1)] {
            let form = Form::new(&message, &body);
            let _ = serde_json::to_writer(Takes(room), &form);
            assert_eq!(form.complaints().len(), complaints, "{room}");
        }
    }
}
