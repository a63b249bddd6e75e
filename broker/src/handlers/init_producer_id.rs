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
