//! FindCoordinator: which node looks after a group or a transactional id.

use milena_protocol::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use milena_protocol::{ErrorCode, Str};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::view::Endpoint;

/// From this version on a request has several keys.
const BATCHED_FROM_VERSION: i16 = 4;
const TRANSACTION: i8 = 1;
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
                .map(|key| locate(state, self.key_type, key, error))
                .collect();
            return Served::Answer(FindCoordinatorResponse {
                throttle_time_ms,
                coordinators,
                ..Default::default()
            });
        }
        let found = locate(state, self.key_type, self.key, error);
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

fn locate(state: &State, key_type: i8, key: Str, error: Option<ErrorCode>) -> Coordinator {
    match error.map_or_else(
        || coordinator(state, key_type, &key).ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        Err,
    ) {
        Ok(node) => Coordinator {
            key,
            node_id: node.node,
            host: node.host.clone(),
            port: node.port,
            error_message: None,
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

/// Share groups, which nothing else here knows, live where consumer groups do.
fn coordinator<'a>(state: &'a State, key_type: i8, key: &str) -> Option<&'a Endpoint> {
    let of = match key_type {
        TRANSACTION => CoordinatorType::Transaction,
        _ => CoordinatorType::Group,
    };
    let node = state.coordinator(of, key)?;
    state.node(node).map(|node| &node.endpoint)
}

#[cfg(test)]
mod tests {
    use milena_protocol::Request;

    use super::*;
    use crate::State;
    use crate::testing::*;

    fn find(state: &mut State, node: i32, version: i16, key: &str) -> (ErrorCode, i32) {
        let key = Str::from(key);
        if version >= BATCHED_FROM_VERSION {
            let request = FindCoordinatorRequest {
                coordinator_keys: vec![key.clone()],
                ..Default::default()
            };
            let response = ask(state, node, version, &request);
            assert_eq!(response.coordinators[0].key, key);
            return (
                response.coordinators[0].error_code,
                response.coordinators[0].node_id,
            );
        }
        let response = ask(
            state,
            node,
            version,
            &FindCoordinatorRequest {
                key,
                ..Default::default()
            },
        );
        (response.error_code, response.node_id)
    }

    #[test]
    fn every_node_gives_the_same_answer_in_every_version() {
        let mut state = cluster();
        let (code, node) = find(&mut state, 1, 0, "group");
        assert_eq!(code, ErrorCode::NONE);
        for version in 0..=FindCoordinatorRequest::LATEST_STABLE {
            for asked in 1..=3 {
                assert_eq!(
                    find(&mut state, asked, version, "group"),
                    (ErrorCode::NONE, node)
                );
            }
        }
    }

    #[test]
    fn keys_spread_and_move_when_their_node_goes() {
        let mut state = cluster();
        let mut places = (0..100)
            .map(|n| find(&mut state, 1, 4, &format!("key {n}")).1)
            .collect::<Vec<_>>();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places, [1, 2, 3]);
        let key = (0..)
            .map(|n| format!("key {n}"))
            .find(|key| find(&mut state, 1, 4, key).1 == 2)
            .unwrap();
        state.node_down(2).unwrap();
        assert_eq!(find(&mut state, 1, 4, &key), (ErrorCode::NONE, 3));
    }

    #[test]
    fn transactions_have_coordinators_of_their_own() {
        let mut state = cluster();
        state
            .move_coordinator(CoordinatorType::Transaction, "a", 2)
            .unwrap();
        for (key_type, node) in [(0, 3), (TRANSACTION, 2)] {
            let request = FindCoordinatorRequest {
                key_type,
                coordinator_keys: vec![Str::from("a")],
                ..Default::default()
            };
            let response = ask(&mut state, 1, 4, &request);
            assert_eq!(response.coordinators[0].node_id, node);
        }
    }

    #[test]
    fn an_unknown_kind_of_key_is_refused() {
        let request = FindCoordinatorRequest {
            key_type: 3,
            ..Default::default()
        };
        let response = ask(&mut cluster(), 1, 3, &request);
        assert_eq!(
            (response.error_code, response.node_id),
            (ErrorCode::INVALID_REQUEST, -1)
        );
    }
}
