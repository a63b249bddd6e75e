//! DeleteTopics: by name, or by id.

use std::collections::BTreeMap;

use milena_protocol::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use milena_protocol::{ErrorCode, Str};

use crate::fault::Address;
use crate::handlers::create_topics::refusal;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};

impl Serve for DeleteTopicsRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        let by_state = self
            .topics
            .iter()
            .filter_map(|topic| resolve(state, topic).ok());
        address.is_whole_request()
            || self
                .topic_names
                .iter()
                .any(|name| address.covers_topic(name))
            || by_state.into_iter().any(|name| address.covers_topic(&name))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<DeleteTopicsResponse> {
        let by_name = |name| DeleteTopicState {
            name: Some(name),
            ..Default::default()
        };
        let wanted = self
            .topic_names
            .into_iter()
            .map(by_name)
            .chain(self.topics)
            .collect::<Vec<_>>();
        let resolved = wanted
            .iter()
            .map(|topic| resolve(state, topic))
            .collect::<Vec<_>>();
        let mut named = BTreeMap::<Str, u32>::new();
        for name in resolved.iter().flatten() {
            *named.entry(name.clone()).or_default() += 1;
        }
        let results = wanted.into_iter().zip(resolved).map(|(wanted, name)| {
            let outcome = name.and_then(|name| {
                if let Some(error) = call.faults.error_for_topic(&name) {
                    return Err((error, "an injected fault".to_owned()));
                }
                if named.get(&name).is_some_and(|times| *times > 1) {
                    return Err((
                        ErrorCode::INVALID_REQUEST,
                        format!("the request names topic {name} more than once"),
                    ));
                }
                state.delete_topic(&name).map_err(refusal)?;
                Ok(name)
            });
            let (name, error_code, error_message) = match outcome {
                Ok(name) => (Some(name), ErrorCode::NONE, None),
                Err((error, message)) => (wanted.name, error, Some(Str::from(message))),
            };
            DeletableTopicResult {
                name,
                topic_id: wanted.topic_id,
                error_code,
                error_message,
                ..Default::default()
            }
        });
        let responses = results.collect();
        Served::Answer(DeleteTopicsResponse {
            throttle_time_ms: call.faults.throttle(),
            responses,
            ..Default::default()
        })
    }
}

/// The name of a topic that is wanted by one of both.
fn resolve(state: &State, wanted: &DeleteTopicState) -> Result<Str, (ErrorCode, String)> {
    match &wanted.name {
        Some(_) if !wanted.topic_id.is_zero() => Err((
            ErrorCode::INVALID_REQUEST,
            "a topic is given by name or by id, not by both".to_owned(),
        )),
        Some(name) => Ok(name.clone()),
        None => state.names.get(&wanted.topic_id).cloned().ok_or_else(|| {
            (
                ErrorCode::UNKNOWN_TOPIC_ID,
                format!("there is no topic of id {}", wanted.topic_id),
            )
        }),
    }
}
