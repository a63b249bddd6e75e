//! AddOffsetsToTxn: the offsets of a group become part of a transaction.

use milena_protocol::ErrorCode;
use milena_protocol::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::handlers::{Serve, Served, by_version};
use crate::state::{Call, State};
use crate::transaction::Participant;

/// Older clients know no PRODUCER_FENCED.
const FENCED_FROM_VERSION: i16 = 2;

impl Serve for AddOffsetsToTxnRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<AddOffsetsToTxnResponse> {
        let outcome = match call.faults.error_for_request() {
            Some(error) => Err(error),
            None => add(state, call, &self),
        };
        let error = outcome.err().unwrap_or(ErrorCode::NONE);
        Served::Answer(AddOffsetsToTxnResponse {
            throttle_time_ms: call.faults.throttle(),
            error_code: by_version(error, call, FENCED_FROM_VERSION),
            ..Default::default()
        })
    }
}

fn add(state: &mut State, call: &Call, request: &AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    let id = request.transactional_id.as_str();
    if id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    state.check_coordinator(CoordinatorType::Transaction, id, call.node, call.now)?;
    let holder = (request.producer_id, request.producer_epoch);
    let group = Participant::group(&request.group_id);
    state.add_to_transaction(id, holder, [group], call.now)
}
