//! What every request of a producer has to keep to, whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use milena_codec::BatchHeader;
use milena_engine::{
    cluster::{Leader, NodeId},
    produce::Settings,
    time::Instant,
};
use milena_protocol::{
    ErrorCode, Uuid,
    produce::{PartitionProduceData, ProduceRequest, ProduceResponse},
};

use crate::{
    ledger::{Place, Violation},
    part::Part,
};

/// Looks at requests as they are sent and at answers as they come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Batches in flight, by request.
    sent: BTreeMap<(NodeId, u64), Vec<Sent>>,
    /// The latest batch of each partition that was refused for now.
    refused: BTreeMap<Place, Refusal>,
    /// The latest batch of each partition that was refused because of one before it.
    misplaced: BTreeMap<Place, Refusal>,
    /// Partitions of which a batch was divided. If the whole of it is stored, the parts are refused as misplaced.
    divided: BTreeSet<Place>,
}

/// Producer id, epoch and sequence of a batch.
type Number = (i64, i16, i32);

/// A batch in flight.
#[derive(Clone, Copy, Debug)]
struct Sent {
    place: Place,
    /// By which the request names the topic, if it does.
    topic_id: Uuid,
    number: Number,
    /// Who leads the partition, as far as was known.
    leader: Option<Leader>,
}

/// A batch that was refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    number: Number,
    at: Instant,
    leader: Option<Leader>,
    /// How often it was sent and refused without a pause.
    in_a_row: u32,
}

/// How often a batch may be refused without a pause because of one before it.
const IN_A_ROW: u32 = 3;
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
        let mut batches: Vec<Sent> = Vec::new();
        let mut bytes = 0;
        for topic in &request.topic_data {
            for data in &topic.partition_data {
                let part = parts
                    .values()
                    .find(|part| part.name() == &*topic.name && part.place().1 == data.index);
                let part = part.ok_or_else(|| Violation("an unknown partition".to_owned()))?;
                bytes += data.records.as_ref().map_or(0, |records| records.len());
                let place = part.place();
                let sent = Sent {
                    place,
                    topic_id: topic.topic_id,
                    number: number(data),
                    leader: part.queue(|queue| queue.leader()),
                };
                if batches.iter().any(|batch| batch.place == place) {
                    let what = format!("two batches of {place:?} in one request");
                    return Err(Violation(what));
                }
                // What was refused for now is not sent again at once, unless somebody else leads meanwhile.
                if settings.idempotent && sent.comes_early(self.refused.get(&place), settings, now)
                {
                    return Err(Violation(format!("{place:?} tries again without a pause")));
                }
                batches.push(sent);
            }
        }
        if batches.len() > 1 && bytes > settings.max_request_size {
            let limit = settings.max_request_size;
            let what = format!("a request of {bytes} bytes, the limit is {limit}");
            return Err(Violation(what));
        }
        if batches.is_empty() {
            return Err(Violation("an empty request".to_owned()));
        }
        self.sent.insert((node, token), batches);
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
                let is_of = |batch: &&Sent| {
                    let part = parts.get(&batch.place);
                    let named = part.is_some_and(|part| part.name() == &*topic.name);
                    let by_id = topic.name.is_empty() && topic.topic_id == batch.topic_id;
                    batch.place.1 == answer.index && (named || by_id)
                };
                let batch = batches
                    .iter()
                    .find(is_of)
                    .ok_or_else(|| Violation(format!("an answer to nothing: {answer:?}")))?;
                if answer.error_code.is_err() {
                    self.refused(*batch, answer.error_code, settings, now)?;
                }
            }
        }
        Ok(())
    }

    fn refused(
        &mut self,
        batch: Sent,
        code: ErrorCode,
        settings: &Settings,
        now: Instant,
    ) -> Result<(), Violation> {
        let Sent {
            place,
            number,
            leader,
            ..
        } = batch;
        let mut refusal = Refusal {
            number,
            at: now,
            leader,
            in_a_row: 1,
        };
        let misplaced = matches!(
            code,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::INVALID_PRODUCER_EPOCH
        );
        if matches!(
            code,
            ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE
        ) {
            // Its first part goes out at once, under the same number.
            self.divided.insert(place);
            return Ok(());
        }
        if !misplaced {
            self.refused.insert(place, refusal);
            return Ok(());
        }
        if settings.transactional_id.is_some() {
            // Within a transaction the epoch is the coordinator's, which may end both.
            return Ok(());
        }
        if settings.max_in_flight == 1 && !self.divided.contains(&place) {
            return Err(Violation(format!(
                "{code} at {place:?}: {number:?} was sent although what comes before it is missing"
            )));
        }
        // The one before it pauses before it is sent again, and so does this one, unless the other is given up.
        let before = self.misplaced.get(&place);
        if batch.comes_early(before, settings, now) {
            refusal.in_a_row += before.map_or(0, |before| before.in_a_row);
        }
        if refusal.in_a_row > IN_A_ROW {
            return Err(Violation(format!(
                "{code} at {place:?}: {number:?} is sent again and again"
            )));
        }
        self.misplaced.insert(place, refusal);
        Ok(())
    }

    /// A connection is gone.
    pub(super) fn lost(&mut self, node: NodeId) {
        self.sent.retain(|(to, _), _| *to != node);
    }
}

impl Sent {
    /// Whether the pause after a refusal of this very batch is not over, and nobody else leads meanwhile.
    fn comes_early(&self, refusal: Option<&Refusal>, settings: &Settings, now: Instant) -> bool {
        let backoff = settings.retry_backoff;
        let pause = (backoff.base * (100 - JITTER) / 100).min(backoff.max);
        refusal.is_some_and(|refusal| {
            refusal.number == self.number
                && refusal.leader == self.leader
                && now.since(refusal.at) + Duration::from_nanos(1) < pause
        })
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
