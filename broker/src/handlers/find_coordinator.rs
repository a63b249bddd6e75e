//! FindCoordinator: which node looks after a group or a transactional id.

use milena_protocol::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use milena_protocol::{ErrorCode, Str};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::view::Endpoint;

/// From this version on a request has several keys.
const BATCHED_FROM_VERSION: i16 = 4;
/// Group, transaction and share group.
const KEY_TYPES: std::ops::RangeInclusive<i8> = 0..=2;

impl Serve for FindCoordinatorRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<FindCoordinatorResponse> {
        let error = call.faults.error_for_request().or_else(|| {
            let known = KEY_TYPES.contains(&self.key_type);
            (!known).then_some(ErrorCode::INVALID_REQUEST)
        });
        let throttle_time_ms = call.faults.throttle();
        if call.version >= BATCHED_FROM_VERSION {
            let coordinators = self
                .coordinator_keys
                .into_iter()
                .map(|key| locate(state, key, error))
                .collect();
            return Served::Answer(FindCoordinatorResponse {
                throttle_time_ms,
                coordinators,
                ..Default::default()
            });
        }
        let found = locate(state, self.key, error);
        Served::Answer(FindCoordinatorResponse {
            throttle_time_ms,
            error_code: found.error_code,
            error_message: found.error_message,
            node_id: found.node_id,
            host: found.host,
            port: found.port,
            ..Default::default()
        })
    }
}

fn locate(state: &State, key: Str, error: Option<ErrorCode>) -> Coordinator {
    match error.map_or_else(
        || coordinator(state, &key).ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        Err,
    ) {
        Ok(node) => Coordinator {
            key,
            node_id: node.node,
            host: node.host.clone(),
            port: node.port,
            ..Default::default()
        },
        Err(error_code) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code,
            error_message: error_code.name().map(Str::from_static),
            ..Default::default()
        },
    }
}

/// The key's own node, or the next in line that is up.
fn coordinator<'a>(state: &'a State, key: &str) -> Option<&'a Endpoint> {
    // FNV-1a: stable over runs and machines.
    let hash = key.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let own = usize::try_from(hash).ok()?.checked_rem(state.nodes.len())?;
    let in_line = state.nodes.iter().cycle().skip(own).take(state.nodes.len());
    in_line
        .filter(|node| node.up)
        .map(|node| &node.endpoint)
        .next()
}
