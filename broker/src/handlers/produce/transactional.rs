//! Whether a batch may enter a partition as part of a transaction.

use milena_codec::BatchHeader;
use milena_protocol::ErrorCode;
use milena_protocol::produce::{PartitionProduceData, ProduceRequest};

use super::{Refused, Rejected, Rules};
use crate::state::{Call, State};
use crate::transaction::Participant;
use crate::transactions::Client;

/// From this version on a client can be told to abort its transaction (KIP-890).
const ABORTABLE_FROM_VERSION: i16 = 11;
/// From this version on a batch adds its partition to the transaction (KIP-890).
const ADDS_FROM_VERSION: i16 = 12;

/// What a client understands that sends this version.
pub(super) fn client(call: &Call) -> Client {
    match call.version {
        ..ABORTABLE_FROM_VERSION => Client::Old,
        ABORTABLE_FROM_VERSION..ADDS_FROM_VERSION => Client::KnowsAbortable,
        ADDS_FROM_VERSION.. => Client::SecondGeneration,
    }
}

/// The header of the batch if it is in a transaction.
pub(super) fn header(data: &PartitionProduceData) -> Option<BatchHeader> {
    let batch = data.records.clone()?.into_bytes();
    BatchHeader::parse(&batch).filter(|header| header.attributes.is_transactional())
}

/// Why no partition of a request can be served.
pub(super) fn check(request: &ProduceRequest) -> Result<(), (ErrorCode, &'static str)> {
    let partitions = request
        .topic_data
        .iter()
        .flat_map(|topic| &topic.partition_data);
    let mut producers = partitions
        .filter_map(header)
        .map(|header| header.producer_id);
    match producers.next() {
        Some(_) if request.transactional_id.is_none() => Err((
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            "a batch is in a transaction, and the request names none",
        )),
        Some(first) if producers.any(|other| other != first) => Err((
            ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            "the request has transactional batches of several producers",
        )),
        _ => Ok(()),
    }
}

/// Whether a transactional batch may enter a partition: its transaction is open there, or its coordinator knows it.
pub(super) fn verify(
    state: &mut State,
    call: &Call,
    name: &str,
    index: i32,
    header: &BatchHeader,
    rules: &Rules,
) -> Result<(), Rejected> {
    let (producer_id, epoch) = (header.producer_id, header.producer_epoch);
    if producer_id < 0 {
        // It is malformed, which will be seen later.
        return Ok(());
    }
    let Some((topic, partition)) = state
        .topics
        .get(name)
        .and_then(|topic| Some((topic, topic.partition(index)?)))
    else {
        return Ok(());
    };
    if partition.log.has_open(producer_id) && partition.producers.epoch(producer_id) == Some(epoch)
    {
        return Ok(());
    }
    let transactional_id = rules.transactional_id.as_deref().unwrap_or_default();
    let participant = Participant::Partition(topic.name.clone(), index);
    let verified = state.verify_in_transaction(
        transactional_id,
        (producer_id, epoch),
        participant,
        client(call),
        call.now,
    );
    verified.map_err(|code| {
        let message = format!(
            "producer {producer_id} epoch {epoch} has no such transaction by {transactional_id}"
        );
        Refused::new(code, message).into()
    })
}
