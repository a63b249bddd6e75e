//! Reading by hand.

use bytes::Bytes;
use milena_protocol::{ErrorCode, Records, Str, UnknownTags, Uuid};
use milena_protocol::{fetch, fetch::FetchResponse};
use milena_protocol::{metadata, metadata::MetadataResponse};
use milena_protocol::{produce, produce::ProduceRequest, produce::ProduceResponse};

/// Not the message.
#[derive(Debug)]
pub(crate) struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("malformed")
    }
}

impl std::error::Error for Malformed {}

type Read<T> = Result<T, Malformed>;

struct Cursor<'a> {
    frame: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn bool(&mut self) -> Read<bool> {
        self.array().map(|[byte]| byte != 0)
    }

    fn i16(&mut self) -> Read<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Read<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Read<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn error_code(&mut self) -> Read<ErrorCode> {
        self.i16().map(ErrorCode)
    }

    fn uuid(&mut self) -> Read<Uuid> {
        self.array().map(Uuid)
    }

    fn varint(&mut self) -> Read<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn length(&mut self) -> Read<Option<usize>> {
        Ok(self.varint()?.checked_sub(1))
    }

    fn bytes(&mut self) -> Read<Option<Bytes>> {
        match self.length()? {
            Some(length) => Ok(Some(self.frame.slice_ref(self.take(length)?))),
            None => Ok(None),
        }
    }

    fn records(&mut self) -> Read<Option<Records>> {
        Ok(self.bytes()?.map(Records::from))
    }

    fn nullable_text(&mut self) -> Read<Option<Str>> {
        match self.bytes()? {
            Some(bytes) => Str::try_from(bytes).map(Some).map_err(|_| Malformed),
            None => Ok(None),
        }
    }

    fn text(&mut self) -> Read<Str> {
        self.nullable_text()?.ok_or(Malformed)
    }

    fn nullable_list<T>(&mut self, read: impl Fn(&mut Self) -> Read<T>) -> Read<Option<Vec<T>>> {
        let Some(count) = self.length()? else {
            return Ok(None);
        };
        if count > self.rest.len() {
            return Err(Malformed);
        }
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(Some(list))
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.nullable_list(read)?.ok_or(Malformed)
    }

    fn numbers(&mut self) -> Read<Vec<i32>> {
        let count = self.length()?.ok_or(Malformed)?;
        let bytes = self.take(4 * count)?;
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers
            .iter()
            .map(|number| i32::from_be_bytes(*number))
            .collect())
    }

    fn tags(&mut self) -> Read<UnknownTags> {
        self.tags_with(|_, _| Ok(false))
    }

    /// `known` reads the fields it knows, and says so.
    fn tags_with(
        &mut self,
        mut known: impl FnMut(usize, &mut Self) -> Read<bool>,
    ) -> Read<UnknownTags> {
        let mut unknown = UnknownTags::default();
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()?;
            let value = self.take(length)?;
            let mut cursor = Cursor {
                frame: self.frame,
                rest: value,
            };
            if known(tag, &mut cursor)? {
                cursor.end()?;
            } else {
                let tag = u32::try_from(tag).map_err(|_| Malformed)?;
                unknown.insert(tag, self.frame.slice_ref(value));
            }
        }
        Ok(unknown)
    }

    fn end(&self) -> Read<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

fn read<T>(frame: &Bytes, read: impl Fn(&mut Cursor<'_>) -> Read<T>) -> Read<T> {
    let mut cursor = Cursor { frame, rest: frame };
    let message = read(&mut cursor)?;
    cursor.end()?;
    Ok(message)
}

pub(crate) fn read_metadata_response(frame: &Bytes) -> Read<MetadataResponse> {
    read(frame, |i| {
        Ok(MetadataResponse {
            throttle_time_ms: i.i32()?,
            brokers: i.list(|i| {
                Ok(metadata::MetadataResponseBroker {
                    node_id: i.i32()?,
                    host: i.text()?,
                    port: i.i32()?,
                    rack: i.nullable_text()?,
                    unknown_tags: i.tags()?,
                })
            })?,
            cluster_id: i.nullable_text()?,
            controller_id: i.i32()?,
            topics: i.list(|i| {
                Ok(metadata::MetadataResponseTopic {
                    error_code: i.error_code()?,
                    name: i.nullable_text()?,
                    topic_id: i.uuid()?,
                    is_internal: i.bool()?,
                    partitions: i.list(metadata_partition)?,
                    topic_authorized_operations: i.i32()?,
                    unknown_tags: i.tags()?,
                })
            })?,
            cluster_authorized_operations: i32::MIN,
            error_code: i.error_code()?,
            unknown_tags: i.tags()?,
        })
    })
}

fn metadata_partition(i: &mut Cursor<'_>) -> Read<metadata::MetadataResponsePartition> {
    Ok(metadata::MetadataResponsePartition {
        error_code: i.error_code()?,
        partition_index: i.i32()?,
        leader_id: i.i32()?,
        leader_epoch: i.i32()?,
        replica_nodes: i.numbers()?,
        isr_nodes: i.numbers()?,
        offline_replicas: i.numbers()?,
        unknown_tags: i.tags()?,
    })
}

pub(crate) fn read_produce_request(frame: &Bytes) -> Read<ProduceRequest> {
    read(frame, |i| {
        Ok(ProduceRequest {
            transactional_id: i.nullable_text()?,
            acks: i.i16()?,
            timeout_ms: i.i32()?,
            topic_data: i.list(|i| {
                Ok(produce::TopicProduceData {
                    name: Str::default(),
                    topic_id: i.uuid()?,
                    partition_data: i.list(|i| {
                        Ok(produce::PartitionProduceData {
                            index: i.i32()?,
                            records: i.records()?,
                            unknown_tags: i.tags()?,
                        })
                    })?,
                    unknown_tags: i.tags()?,
                })
            })?,
            unknown_tags: i.tags()?,
        })
    })
}

pub(crate) fn read_produce_response(frame: &Bytes) -> Read<ProduceResponse> {
    read(frame, |i| {
        let responses = i.list(|i| {
            Ok(produce::TopicProduceResponse {
                name: Str::default(),
                topic_id: i.uuid()?,
                partition_responses: i.list(produced_partition)?,
                unknown_tags: i.tags()?,
            })
        })?;
        let throttle_time_ms = i.i32()?;
        let mut node_endpoints = Vec::new();
        let unknown_tags = i.tags_with(|tag, i| {
            if tag == 0 {
                node_endpoints = i.list(|i| {
                    Ok(produce::NodeEndpoint {
                        node_id: i.i32()?,
                        host: i.text()?,
                        port: i.i32()?,
                        rack: i.nullable_text()?,
                        unknown_tags: i.tags()?,
                    })
                })?;
            }
            Ok(tag == 0)
        })?;
        Ok(ProduceResponse {
            responses,
            throttle_time_ms,
            node_endpoints,
            unknown_tags,
        })
    })
}

fn produced_partition(i: &mut Cursor<'_>) -> Read<produce::PartitionProduceResponse> {
    let mut partition = produce::PartitionProduceResponse {
        index: i.i32()?,
        error_code: i.error_code()?,
        base_offset: i.i64()?,
        log_append_time_ms: i.i64()?,
        log_start_offset: i.i64()?,
        record_errors: i.list(|i| {
            Ok(produce::BatchIndexAndErrorMessage {
                batch_index: i.i32()?,
                batch_index_error_message: i.nullable_text()?,
                unknown_tags: i.tags()?,
            })
        })?,
        error_message: i.nullable_text()?,
        ..Default::default()
    };
    partition.unknown_tags = i.tags_with(|tag, i| {
        if tag == 0 {
            partition.current_leader = produce::LeaderIdAndEpoch {
                leader_id: i.i32()?,
                leader_epoch: i.i32()?,
                unknown_tags: i.tags()?,
            };
        }
        Ok(tag == 0)
    })?;
    Ok(partition)
}

pub(crate) fn read_fetch_response(frame: &Bytes) -> Read<FetchResponse> {
    read(frame, |i| {
        let throttle_time_ms = i.i32()?;
        let error_code = i.error_code()?;
        let session_id = i.i32()?;
        let responses = i.list(|i| {
            Ok(fetch::FetchableTopicResponse {
                topic: Str::default(),
                topic_id: i.uuid()?,
                partitions: i.list(fetched_partition)?,
                unknown_tags: i.tags()?,
            })
        })?;
        let mut node_endpoints = Vec::new();
        let unknown_tags = i.tags_with(|tag, i| {
            if tag == 0 {
                node_endpoints = i.list(|i| {
                    Ok(fetch::NodeEndpoint {
                        node_id: i.i32()?,
                        host: i.text()?,
                        port: i.i32()?,
                        rack: i.nullable_text()?,
                        unknown_tags: i.tags()?,
                    })
                })?;
            }
            Ok(tag == 0)
        })?;
        Ok(FetchResponse {
            throttle_time_ms,
            error_code,
            session_id,
            responses,
            node_endpoints,
            unknown_tags,
        })
    })
}

fn fetched_partition(i: &mut Cursor<'_>) -> Read<fetch::PartitionData> {
    let mut partition = fetch::PartitionData {
        partition_index: i.i32()?,
        error_code: i.error_code()?,
        high_watermark: i.i64()?,
        last_stable_offset: i.i64()?,
        log_start_offset: i.i64()?,
        aborted_transactions: i.nullable_list(|i| {
            Ok(fetch::AbortedTransaction {
                producer_id: i.i64()?,
                first_offset: i.i64()?,
                unknown_tags: i.tags()?,
            })
        })?,
        preferred_read_replica: i.i32()?,
        records: i.records()?,
        ..Default::default()
    };
    partition.unknown_tags = i.tags_with(|tag, i| {
        match tag {
            0 => {
                partition.diverging_epoch = fetch::EpochEndOffset {
                    epoch: i.i32()?,
                    end_offset: i.i64()?,
                    unknown_tags: i.tags()?,
                }
            }
            1 => {
                partition.current_leader = fetch::LeaderIdAndEpoch {
                    leader_id: i.i32()?,
                    leader_epoch: i.i32()?,
                    unknown_tags: i.tags()?,
                }
            }
            2 => {
                partition.snapshot_id = fetch::SnapshotId {
                    end_offset: i.i64()?,
                    epoch: i.i32()?,
                    unknown_tags: i.tags()?,
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(partition)
}
