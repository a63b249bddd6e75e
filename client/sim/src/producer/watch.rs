//! What every request of a producer has to keep to, whatever happens.

use std::{collections::BTreeMap, time::Duration};

use milena_codec::BatchHeader;
use milena_engine::{
    cluster::NodeId,
    produce::{Leader, Settings},
    time::Instant,
};
use milena_protocol::{
    ErrorCode,
    produce::{PartitionProduceData, ProduceRequest, ProduceResponse},
};

use crate::{
    ledger::{Place, Violation},
    part::Part,
};

/// Looks at requests as they are sent and at answers as they come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    sent: BTreeMap<(NodeId, u64), Vec<(Place, Number, Option<Leader>)>>,
    refused: BTreeMap<Place, Refusal>,
}

/// Producer id, epoch and sequence of a batch.
type Number = (i64, i16, i32);

/// A batch that was refused for now.
#[derive(Debug)]
struct Refusal {
    number: Number,
    at: Instant,
    /// Who led the partition when the batch was sent.
    leader: Option<Leader>,
}

/// By how much jitter shortens a pause at most, in percent.
const JITTER: u32 = 20;

impl Watch {
    /// A request is sent.
    pub(super) fn sends(
        &mut self,
        (node, token): (NodeId, u64),
        request: &ProduceRequest,
        parts: &BTreeMap<Place, Part>,
        settings: &Settings,
        now: Instant,
    ) -> Result<(), Violation> {
        let mut batches: Vec<(Place, Number, Option<Leader>)> = Vec::new();
        let mut bytes = 0;
        for topic in &request.topic_data {
            for data in &topic.partition_data {
                let part = parts
                    .values()
                    .find(|part| part.name() == &*topic.name && part.place().1 == data.index);
                let part = part.ok_or_else(|| Violation("an unknown partition".to_owned()))?;
                if batches.iter().any(|(place, ..)| *place == part.place()) {
                    let place = part.place();
                    return Err(Violation(format!(
                        "two batches of {place:?} in one request"
                    )));
                }
                bytes += data.records.as_ref().map_or(0, |records| records.len());
                let number = number(data);
                self.check_pause(part, number, settings, now)?;
                batches.push((part.place(), number, part.queue(|queue| queue.leader())));
            }
        }
        if batches.len() > 1 && bytes > settings.max_request_size {
            let limit = settings.max_request_size;
            return Err(Violation(format!(
                "a request of {bytes} bytes, the limit is {limit}"
            )));
        }
        if batches.is_empty() {
            return Err(Violation("an empty request".to_owned()));
        }
        self.sent.insert((node, token), batches);
        Ok(())
    }

    /// What was refused for now is not sent again at once, unless somebody else leads meanwhile.
    fn check_pause(
        &self,
        part: &Part,
        number: Number,
        settings: &Settings,
        now: Instant,
    ) -> Result<(), Violation> {
        let Some(refusal) = self.refused.get(&part.place()) else {
            return Ok(());
        };
        let backoff = settings.retry_backoff;
        let pause = (backoff.base * (100 - JITTER) / 100).min(backoff.max);
        let leader = part.queue(|queue| queue.leader());
        let early = now.since(refusal.at) + Duration::from_nanos(1) < pause;
        if settings.idempotent && refusal.number == number && refusal.leader == leader && early {
            let (place, waited) = (part.place(), now.since(refusal.at));
            return Err(Violation(format!(
                "{place:?} tries again after {waited:?}, not {pause:?}"
            )));
        }
        Ok(())
    }

    /// A request was answered.
    pub(super) fn answered(
        &mut self,
        request: (NodeId, u64),
        response: &ProduceResponse,
        parts: &BTreeMap<Place, Part>,
        settings: &Settings,
        now: Instant,
    ) -> Result<(), Violation> {
        let batches = self.sent.remove(&request).unwrap_or_default();
        for topic in &response.responses {
            for answer in &topic.partition_responses {
                let code = answer.error_code;
                let part = parts
                    .values()
                    .find(|part| part.is_of(topic) && part.place().1 == answer.index);
                let Some(part) = part.filter(|_| code.is_err()) else {
                    continue;
                };
                let place = part.place();
                let misplaced = matches!(
                    code,
                    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::INVALID_PRODUCER_EPOCH
                );
                if misplaced && settings.max_in_flight == 1 {
                    return Err(Violation(format!(
                        "{code} at {place:?}, where nothing is sent before what was sent last is settled"
                    )));
                }
                let batch = batches.iter().find(|(sent, ..)| *sent == place);
                if let Some((_, number, leader)) = batch
                    && !misplaced
                {
                    let refusal = Refusal {
                        number: *number,
                        at: now,
                        leader: *leader,
                    };
                    self.refused.insert(place, refusal);
                }
            }
        }
        Ok(())
    }

    /// A connection is gone.
    pub(super) fn lost(&mut self, node: NodeId) {
        self.sent.retain(|(to, _), _| *to != node);
    }
}

fn number(data: &PartitionProduceData) -> Number {
    let records = data.records.as_ref();
    let header = records.and_then(|records| BatchHeader::parse(records.segments().first()?));
    header.map_or((-1, -1, -1), |header| {
        (
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
        )
    })
}
