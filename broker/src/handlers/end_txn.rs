//! EndTxn: a transaction is committed or aborted.

use milena_protocol::ErrorCode;
use milena_protocol::end_txn::{EndTxnRequest, EndTxnResponse};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::handlers::{Serve, Served, by_version};
use crate::state::{Call, State};
use crate::transaction::{Generation, Outcome};

/// From this version on the answer has the id and epoch for the next transaction (KIP-890).
const SECOND_GENERATION_FROM_VERSION: i16 = 5;
/// Older clients know no PRODUCER_FENCED.
const FENCED_FROM_VERSION: i16 = 2;

impl Serve for EndTxnRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<EndTxnResponse> {
        let outcome = match call.faults.error_for_request() {
            Some(error) => Err(error),
            None => end(state, call, &self),
        };
        let (error_code, (producer_id, producer_epoch)) = match outcome {
            Ok(holder) => (ErrorCode::NONE, holder),
            Err(error) => (by_version(error, call, FENCED_FROM_VERSION), (-1, -1)),
        };
        Served::Answer(EndTxnResponse {
            throttle_time_ms: call.faults.throttle(),
            error_code,
            producer_id,
            producer_epoch,
            ..Default::default()
        })
    }
}

fn end(state: &mut State, call: &Call, request: &EndTxnRequest) -> Result<(i64, i16), ErrorCode> {
    let id = request.transactional_id.as_str();
    if id.is_empty() {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    state.check_coordinator(CoordinatorType::Transaction, id, call.node, call.now)?;
    let outcome = match request.committed {
        true => Outcome::Commit,
        false => Outcome::Abort,
    };
    let generation = match call.version {
        ..SECOND_GENERATION_FROM_VERSION => Generation::First,
        SECOND_GENERATION_FROM_VERSION.. => Generation::Second,
    };
    let holder = (request.producer_id, request.producer_epoch);
    state.end_transaction(id, holder, outcome, generation, call.now)
}
