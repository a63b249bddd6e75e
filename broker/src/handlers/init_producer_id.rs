//! InitProducerId: an identity for an idempotent or transactional producer.

use milena_protocol::ErrorCode;
use milena_protocol::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::handlers::{Serve, Served, by_version};
use crate::state::{Call, State};

/// Older clients know no PRODUCER_FENCED.
const FENCED_FROM_VERSION: i16 = 4;

impl Serve for InitProducerIdRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<InitProducerIdResponse> {
        let outcome = match call.faults.error_for_request() {
            Some(error) => Err(error),
            None => initialize(state, call, &self),
        };
        let (error_code, (producer_id, producer_epoch)) = match outcome {
            Ok(holder) => (ErrorCode::NONE, holder),
            Err(error) => (by_version(error, call, FENCED_FROM_VERSION), (-1, -1)),
        };
        Served::Answer(InitProducerIdResponse {
            throttle_time_ms: call.faults.throttle(),
            error_code,
            producer_id,
            producer_epoch,
            ..Default::default()
        })
    }
}

fn initialize(
    state: &mut State,
    call: &Call,
    request: &InitProducerIdRequest,
) -> Result<(i64, i16), ErrorCode> {
    let expected = match (request.producer_id, request.producer_epoch) {
        (-1, -1) => None,
        (-1, _) | (_, -1) => return Err(ErrorCode::INVALID_REQUEST),
        holder => Some(holder),
    };
    match request.transactional_id.as_deref() {
        // Without a transactional id Kafka gives a new producer id, whatever the request carries.
        None => Ok((state.producer_ids.give(), 0)),
        Some("") => Err(ErrorCode::INVALID_REQUEST),
        Some(id) => {
            state.check_coordinator(CoordinatorType::Transaction, id, call.node, call.now)?;
            state.initialize_producer(id, request.transaction_timeout_ms, expected, call.now)
        }
    }
}

#[cfg(test)]
mod tests {
    use milena_protocol::{Request, Str};

    use super::*;
    use crate::testing::*;

    #[test]
    fn every_request_gets_an_id_of_its_own() {
        let mut state = cluster();
        let mut ids = Vec::new();
        for version in 0..=InitProducerIdRequest::LATEST_STABLE {
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: i32::MAX,
                ..Default::default()
            };
            let node = 1 + i32::from(version) % 3;
            let response = ask(&mut state, node, version, &request);
            assert_eq!(
                (response.error_code, response.producer_epoch),
                (ErrorCode::NONE, 0)
            );
            ids.push(response.producer_id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 6);
    }

    #[test]
    fn mistakes_are_refused() {
        let request = InitProducerIdRequest {
            transactional_id: None,
            ..Default::default()
        };
        for (request, code) in [
            (
                InitProducerIdRequest {
                    producer_id: 7,
                    ..request.clone()
                },
                ErrorCode::INVALID_REQUEST,
            ),
            (
                InitProducerIdRequest {
                    transactional_id: Some(Str::default()),
                    ..request.clone()
                },
                ErrorCode::INVALID_REQUEST,
            ),
            (
                InitProducerIdRequest {
                    transactional_id: Some(Str::from("a")),
                    ..request
                },
                ErrorCode::NOT_COORDINATOR,
            ),
        ] {
            let response = ask(&mut cluster(), 1, 4, &request);
            assert_eq!((response.error_code, response.producer_id), (code, -1));
        }
    }
}
