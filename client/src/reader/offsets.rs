//! Looking up offsets.

use std::collections::BTreeMap;

use milena_engine::{backoff::Rng, cluster::NodeId};
use milena_protocol::{
    ErrorCode, Str,
    list_offsets::{
        ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
    },
};
use tokio::time::Instant;

use super::IsolationLevel;
use crate::{
    Client,
    error::{Cause, ReadError},
    io::{lane::RequestError, pool::Target},
};

/// The time that stands for the offset after the last record.
pub(super) const LATEST: i64 = -1;
/// The time that stands for the first offset.
pub(super) const EARLIEST: i64 = -2;

/// The first offset of a partition, and the one after its last.
pub(super) async fn bounds(
    client: &Client,
    topic: &str,
    partition: i32,
    deadline: Instant,
) -> Result<(i64, i64), ReadError> {
    // Of the log itself, whatever is committed.
    let all = IsolationLevel::ReadUncommitted;
    let start = look_up(client, topic, &[partition], EARLIEST, all, deadline).await?;
    let end = look_up(client, topic, &[partition], LATEST, all, deadline).await?;
    let of = |offsets: &BTreeMap<i32, i64>| offsets.get(&partition).copied().unwrap_or(0);
    Ok((of(&start), of(&end)))
}

/// The offset of each partition at a time: of the first record not before it that is to be seen, or -1 when there is none.
pub(super) async fn look_up(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    time: i64,
    isolation_level: IsolationLevel,
    deadline: Instant,
) -> Result<BTreeMap<i32, i64>, ReadError> {
    let started = Instant::now();
    let mut rng = Rng::new(fastrand::u64(..));
    let mut open = partitions.to_vec();
    let mut found = BTreeMap::new();
    let mut attempt = 0;
    loop {
        let mut cause = None;
        for (node, partitions) in by_leader(client, topic, &open) {
            let Some(node) = node else {
                let code = ErrorCode::LEADER_NOT_AVAILABLE;
                cause = Some(Cause::from(code));
                continue;
            };
            let outcome = ask(
                client,
                node,
                topic,
                &partitions,
                time,
                isolation_level,
                deadline,
            )
            .await;
            let failed = |partition, cause| ReadError::Failed {
                topic: topic.to_owned(),
                partition,
                cause,
            };
            let response = match outcome {
                Ok(response) => response,
                Err(error) if error.is_retriable() => {
                    cause = Some(error.into());
                    continue;
                }
                Err(error) => {
                    return Err(failed(
                        partitions.first().copied().unwrap_or(0),
                        error.into(),
                    ));
                }
            };
            for answer in response
                .topics
                .into_iter()
                .flat_map(|topic| topic.partitions)
            {
                let (partition, code) = (answer.partition_index, answer.error_code);
                match code {
                    ErrorCode::NONE => {
                        found.insert(partition, answer.offset);
                    }
                    code if code.is_retriable() => cause = Some(Cause::from(code)),
                    code => return Err(failed(partition, Cause::from(code))),
                }
            }
        }
        open.retain(|partition| !found.contains_key(partition));
        let Some(&partition) = open.first() else {
            return Ok(found);
        };
        client.control().request_refresh();
        let pause = client.config().retry.delay(attempt, &mut rng);
        attempt += 1;
        if Instant::now() + pause >= deadline {
            let (topic, waited) = (topic.to_owned(), started.elapsed());
            return Err(ReadError::TimedOut {
                topic,
                partition,
                waited,
                cause,
            });
        }
        tokio::time::sleep(pause).await;
    }
}

fn by_leader(
    client: &Client,
    topic: &str,
    partitions: &[i32],
) -> BTreeMap<Option<NodeId>, Vec<i32>> {
    let cluster = client.cluster();
    let mut grouped: BTreeMap<_, Vec<i32>> = BTreeMap::new();
    for &partition in partitions {
        grouped
            .entry(cluster.leader(topic, partition))
            .or_default()
            .push(partition);
    }
    grouped
}

async fn ask(
    client: &Client,
    node: NodeId,
    topic: &str,
    partitions: &[i32],
    timestamp: i64,
    isolation_level: IsolationLevel,
    deadline: Instant,
) -> Result<ListOffsetsResponse, RequestError> {
    let partition = |&partition_index: &i32| ListOffsetsPartition {
        partition_index,
        timestamp,
        ..Default::default()
    };
    let timeout = client
        .config()
        .request_timeout
        .min(deadline - Instant::now());
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: isolation_level.to_wire(),
        topics: vec![ListOffsetsTopic {
            name: Str::from(topic),
            partitions: partitions.iter().map(partition).collect(),
            ..Default::default()
        }],
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        ..Default::default()
    };
    client.request(Target::Node(node), request, timeout).await
}
