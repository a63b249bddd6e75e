//! InitProducerId: an identity for an idempotent producer.

use milena_protocol::ErrorCode;
use milena_protocol::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};

impl Serve for InitProducerIdRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<InitProducerIdResponse> {
        let mut response = InitProducerIdResponse {
            throttle_time_ms: call.faults.throttle(),
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        match call
            .faults
            .error_for_request()
            .map_or_else(|| self.check(), Err)
        {
            Err(error) => response.error_code = error,
            // Without a transactional id Kafka gives a new producer id, whatever the request carries.
            Ok(()) => {
                response.producer_id = state.next_producer_id;
                response.producer_epoch = 0;
                state.next_producer_id += 1;
            }
        }
        Served::Answer(response)
    }
}

trait Check {
    fn check(&self) -> Result<(), ErrorCode>;
}

impl Check for InitProducerIdRequest {
    fn check(&self) -> Result<(), ErrorCode> {
        if (self.producer_id == -1) != (self.producer_epoch == -1) {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        match self.transactional_id.as_deref() {
            None => Ok(()),
            Some("") => Err(ErrorCode::INVALID_REQUEST),
            // There is no transaction coordinator here. Of the codes that end a transactional producer at once this is
            // the one that says so.
            Some(_) => Err(ErrorCode::UNSUPPORTED_VERSION),
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
    fn mistakes_and_transactions_are_refused() {
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
                    transactional_id: Some(Str::from("tx")),
                    ..request
                },
                ErrorCode::UNSUPPORTED_VERSION,
            ),
        ] {
            let response = ask(&mut cluster(), 1, 4, &request);
            assert_eq!((response.error_code, response.producer_id), (code, -1));
        }
    }
}
