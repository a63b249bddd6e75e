//! CreatePartitions: more partitions for a topic that exists.

use milena_protocol::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};
use milena_protocol::{ErrorCode, Str};

use crate::fault::Address;
use crate::handlers::create_topics::{
    MAX_PARTITIONS_PER_REQUEST, Refusal, check_assignment, refusal, too_many,
};
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::topic::Partition;
use crate::topology::TopologyError;

impl Serve for CreatePartitionsRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
            || self
                .topics
                .iter()
                .any(|topic| address.covers_topic(&topic.name))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<CreatePartitionsResponse> {
        let mut room = MAX_PARTITIONS_PER_REQUEST;
        let results = self.topics.into_iter().map(|topic| {
            let grown = match call.faults.error_for_topic(&topic.name) {
                Some(error) => Err((error, "an injected fault".to_owned())),
                None => grow(state, &topic, self.validate_only, &mut room),
            };
            let (error_code, error_message) = match grown {
                Ok(()) => (ErrorCode::NONE, None),
                Err((error, message)) => (error, Some(Str::from(message))),
            };
            CreatePartitionsTopicResult {
                name: topic.name,
                error_code,
                error_message,
                ..Default::default()
            }
        });
        let results = results.collect();
        Served::Answer(CreatePartitionsResponse {
            throttle_time_ms: call.faults.throttle(),
            results,
            ..Default::default()
        })
    }
}

fn grow(
    state: &mut State,
    wanted: &CreatePartitionsTopic,
    validate_only: bool,
    room: &mut usize,
) -> Result<(), Refusal> {
    let unknown = || refusal(TopologyError::UnknownTopic(wanted.name.as_str().to_owned()));
    let topic = state.topics.get(&wanted.name).ok_or_else(unknown)?;
    let present = topic.partitions.len();
    let added = usize::try_from(wanted.count)
        .ok()
        .and_then(|count| count.checked_sub(present))
        .filter(|n| *n > 0);
    let added = added.ok_or_else(|| {
        let what = format!(
            "topic {} has {present} partitions; {} is not more",
            wanted.name, wanted.count
        );
        (ErrorCode::INVALID_PARTITIONS, what)
    })?;
    *room = room.checked_sub(added).ok_or_else(too_many)?;
    let replication = topic
        .partitions
        .first()
        .map_or(1, |partition| partition.replicas.len());
    let replicas = match &wanted.assignments {
        Some(assignments) => {
            let replicas = assignments
                .iter()
                .map(|assignment| assignment.broker_ids.clone())
                .collect::<Vec<_>>();
            if replicas.len() != added {
                let what = format!(
                    "{added} partitions are added, and {} are assigned",
                    replicas.len()
                );
                return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, what));
            }
            check_assignment(state, &replicas, Some(replication))?;
            replicas
        }
        None => {
            let replication = i16::try_from(replication).unwrap_or(i16::MAX);
            state.place(present, added, replication).map_err(refusal)?
        }
    };
    if !validate_only {
        let up = state.nodes_up();
        let topic = state.topics.get_mut(&wanted.name).ok_or_else(unknown)?;
        let partitions = replicas
            .into_iter()
            .map(|replicas| Partition::new(replicas, |node| up.contains(&node)));
        topic.partitions.extend(partitions);
        state.changes += 1;
    }
    Ok(())
}
