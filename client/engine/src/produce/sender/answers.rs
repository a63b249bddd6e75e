//! What a broker answered about each batch of a request.

use milena_protocol::{
    ErrorCode, Uuid,
    produce::{PartitionProduceResponse, ProduceResponse},
};

use super::{Carried, Partition};
use crate::produce::{
    outcome::{Ack, Cause, may_be_written},
    queue::Answer,
};

/// A response's answers, to be looked up by partition: a broker may give them in any order.
pub(super) struct Answers<'a> {
    sorted: Vec<(Key<'a>, &'a PartitionProduceResponse)>,
    by_id: bool,
}

/// A topic by name or, from version 13 on, by id; and the partition.
type Key<'a> = (&'a str, Uuid, i32);

impl<'a> Answers<'a> {
    pub(super) fn new(response: &'a ProduceResponse) -> Self {
        let topics = response.responses.iter();
        let mut sorted: Vec<_> = topics
            .flat_map(|topic| {
                let answers = topic.partition_responses.iter();
                answers.map(|answer| ((&*topic.name, topic.topic_id, answer.index), answer))
            })
            .collect();
        sorted.sort_by_key(|(key, _)| *key);
        Self {
            by_id: sorted.iter().any(|((name, _, _), _)| name.is_empty()),
            sorted,
        }
    }

    pub(super) fn find<P: Partition>(
        &self,
        carried: &Carried<P>,
    ) -> Option<&'a PartitionProduceResponse> {
        let index = carried.partition.index();
        let key: Key<'_> = if self.by_id {
            ("", carried.topic_id, index)
        } else {
            (carried.partition.topic(), Uuid::ZERO, index)
        };
        let at = self
            .sorted
            .binary_search_by(|(entry, _)| entry.cmp(&key))
            .ok()?;
        self.sorted.get(at).map(|(_, answer)| *answer)
    }
}

pub(super) fn outcome(answer: &PartitionProduceResponse) -> Answer {
    match answer.error_code {
        ErrorCode::NONE => Answer::Stored(Ack {
            base_offset: (answer.base_offset >= 0).then_some(answer.base_offset),
            log_append_time: (answer.log_append_time_ms >= 0).then_some(answer.log_append_time_ms),
        }),
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Answer::Stored(Ack {
            base_offset: None,
            log_append_time: None,
        }),
        code => Answer::Refused {
            code,
            message: answer.error_message.as_deref().map(Into::into),
            may_be_written: may_be_written(code, answer.base_offset),
            record_errors: answer
                .record_errors
                .iter()
                .filter_map(|record| {
                    let index = u32::try_from(record.batch_index).ok()?;
                    let message = record.batch_index_error_message.as_deref();
                    Some((index, message.map(Into::into)))
                })
                .collect(),
        },
    }
}

pub(super) fn cause(answer: &Answer) -> Option<Cause> {
    match answer {
        Answer::Refused { code, message, .. } => Some(Cause::Answer {
            code: *code,
            message: message.clone(),
        }),
        Answer::Lost(what) => Some(Cause::Connection(what.clone())),
        Answer::Stored(_) | Answer::Unsent | Answer::Outgrown | Answer::Unsendable(_) => None,
    }
}
