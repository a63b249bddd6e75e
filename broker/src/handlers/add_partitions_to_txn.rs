//! AddPartitionsToTxn: partitions become part of a transaction, all of them or none.

use milena_protocol::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
};
use milena_protocol::{ErrorCode, Str};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::handlers::{Serve, Served, by_version};
use crate::state::{Call, State};
use crate::transaction::Participant;

/// From this version on brokers ask each other.
const BROKERS_FROM_VERSION: i16 = 4;
/// Older clients know no PRODUCER_FENCED.
const FENCED_FROM_VERSION: i16 = 2;

impl Serve for AddPartitionsToTxnRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        let mut partitions = self.v3_and_below_topics.iter().flat_map(|topic| {
            let indexes = topic.partitions.iter();
            indexes.map(|index| (&topic.name, *index))
        });
        address.is_whole_request() || partitions.any(|(topic, index)| address.covers(topic, index))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<AddPartitionsToTxnResponse> {
        let throttle_time_ms = call.faults.throttle();
        if call.version >= BROKERS_FROM_VERSION {
            return Served::Answer(AddPartitionsToTxnResponse {
                throttle_time_ms,
                // No client has that authority in a cluster that guards it.
                error_code: ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
                ..Default::default()
            });
        }
        let errors = match add(state, call, &self) {
            Ok(()) => Errors::SameForAll(ErrorCode::NONE),
            Err(errors) => errors,
        };
        let topics = self.v3_and_below_topics.into_iter().map(|topic| {
            let results = topic.partitions.iter().map(|&index| {
                let error = errors.at(state, call, &topic.name, index);
                AddPartitionsToTxnPartitionResult {
                    partition_index: index,
                    partition_error_code: by_version(error, call, FENCED_FROM_VERSION),
                    ..Default::default()
                }
            });
            let results_by_partition = results.collect();
            AddPartitionsToTxnTopicResult {
                name: topic.name,
                results_by_partition,
                ..Default::default()
            }
        });
        Served::Answer(AddPartitionsToTxnResponse {
            throttle_time_ms,
            results_by_topic_v3_and_below: topics.collect(),
            ..Default::default()
        })
    }
}

/// Why nothing was added.
enum Errors {
    SameForAll(ErrorCode),
    /// Some partitions cannot be added, so the others were not tried.
    Each,
}

impl Errors {
    fn at(&self, state: &State, call: &Call, topic: &str, index: i32) -> ErrorCode {
        match self {
            Self::SameForAll(error) => *error,
            Self::Each => {
                refusal(state, call, topic, index).unwrap_or(ErrorCode::OPERATION_NOT_ATTEMPTED)
            }
        }
    }
}

/// Why a partition cannot be in a transaction.
fn refusal(state: &State, call: &Call, topic: &str, index: i32) -> Option<ErrorCode> {
    let known = state
        .topics
        .get(topic)
        .and_then(|topic| topic.partition(index));
    let unknown = known
        .is_none()
        .then_some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    call.faults.error_at(topic, index).or(unknown)
}

fn add(state: &mut State, call: &Call, request: &AddPartitionsToTxnRequest) -> Result<(), Errors> {
    let id = request.v3_and_below_transactional_id.as_str();
    if id.is_empty() {
        return Err(Errors::SameForAll(ErrorCode::INVALID_REQUEST));
    }
    let mut participants = Vec::new();
    for topic in &request.v3_and_below_topics {
        for &index in &topic.partitions {
            if refusal(state, call, &topic.name, index).is_some() {
                return Err(Errors::Each);
            }
            // A copy: a name from a request must not keep the whole frame in memory.
            let name = Str::from(topic.name.as_str());
            participants.push(Participant::Partition(name, index));
        }
    }
    let holder = (
        request.v3_and_below_producer_id,
        request.v3_and_below_producer_epoch,
    );
    state
        .check_coordinator(CoordinatorType::Transaction, id, call.node, call.now)
        .and_then(|()| state.add_to_transaction(id, holder, participants, call.now))
        .map_err(Errors::SameForAll)
}
