//! Fetching: from whom, for which partitions, and what an answer means.

use std::collections::BTreeMap;

use milena_engine::{
    cluster::{BrokerView, Leader, NodeId},
    metadata::LeaderHint,
};
use milena_protocol::{
    ErrorCode, Str, Uuid,
    fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData},
};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{IN_USE, Reader, aborted::Aborted, offsets};
use crate::{
    error::{Cause, ReadError},
    io::{lane::RequestError, pool::Target},
};

/// What a task came back with.
#[derive(Debug)]
pub(super) enum Fetched {
    Records {
        node: NodeId,
        partitions: Vec<i32>,
        outcome: Result<FetchResponse, RequestError>,
    },
    /// The first offset of a partition and the one after its last.
    Bounds {
        partition: i32,
        outcome: Result<(i64, i64), ReadError>,
    },
}

impl Reader {
    /// Sends a fetch to each leader that has none under way and leads a partition in need of records.
    pub(super) fn start_fetches(&mut self, now: Instant) {
        if now >= self.reported + IN_USE {
            self.reported = now;
            self.client.control().track(&self.topic, false);
        }
        let cluster = self.client.cluster();
        let view = cluster.topic(&self.topic);
        if let Some(view) = view
            && view.id != self.topic_id
            && view.id != Uuid::ZERO
        {
            return self.fail_all("the topic was deleted and created anew");
        }
        let mut by_leader: BTreeMap<NodeId, Vec<FetchPartition>> = BTreeMap::new();
        let mut leaderless = false;
        for cursor in self
            .cursors
            .iter_mut()
            .filter(|cursor| cursor.wants_fetch(now))
        {
            let known = view.and_then(|view| view.partition(cursor.partition));
            let leader = known.and_then(|partition| partition.leader);
            let (Some(known), Some(leader)) = (known, leader) else {
                leaderless = true;
                let config = self.client.config();
                let pause = config.retry.delay(cursor.failures, &mut self.rng);
                let cause = Cause::from(ErrorCode::LEADER_NOT_AVAILABLE);
                cursor.handle_failure(&self.topic, cause, pause, config.api_timeout);
                continue;
            };
            if self.busy.contains(&leader) {
                continue;
            }
            cursor.asked = true;
            by_leader.entry(leader).or_default().push(FetchPartition {
                partition: cursor.partition,
                current_leader_epoch: known.leader_epoch,
                fetch_offset: cursor.fetch_from,
                partition_max_bytes: cursor.max_bytes,
                ..Default::default()
            });
        }
        if leaderless {
            self.client.control().request_refresh();
            self.client.control().track(&self.topic, false);
        }
        for (node, partitions) in by_leader {
            self.start_fetch(node, partitions);
        }
    }

    fn start_fetch(&mut self, node: NodeId, partitions: Vec<FetchPartition>) {
        self.busy.insert(node);
        let numbers = partitions
            .iter()
            .map(|partition| partition.partition)
            .collect();
        let max_wait = self.settings.max_wait;
        let request = FetchRequest {
            max_wait_ms: i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: self.settings.min_bytes,
            max_bytes: self.settings.max_bytes,
            isolation_level: self.settings.isolation_level.to_wire(),
            topics: vec![FetchTopic {
                topic: Str::from(&*self.topic),
                topic_id: self.topic_id,
                partitions,
                ..Default::default()
            }],
            ..Default::default()
        };
        let timeout = self
            .client
            .config()
            .request_timeout
            .saturating_add(max_wait);
        let (pool, purpose) = (self.client.pool().clone(), self.purpose);
        let fetch = async move {
            let make = move |_| request;
            let outcome = pool
                .request_with(Target::Node(node), purpose, make, None, timeout)
                .await;
            Fetched::Records {
                node,
                partitions: numbers,
                outcome,
            }
        };
        self.fetches.spawn_on(fetch, self.client.runtime());
    }

    pub(super) fn handle_records(
        &mut self,
        node: NodeId,
        partitions: &[i32],
        outcome: Result<FetchResponse, RequestError>,
    ) {
        let mut response = match outcome {
            Ok(response) => response,
            Err(error) => {
                debug!(node = node.0, %error, "fetch failed");
                self.client.control().request_refresh();
                let is_final = !error.is_retriable();
                return self.retry_later(partitions, &error.into(), is_final);
            }
        };
        if response.error_code.is_err() {
            let cause = Cause::from(response.error_code);
            return self.retry_later(partitions, &cause, !response.error_code.is_retriable());
        }
        let topics = std::mem::take(&mut response.responses);
        for data in topics.into_iter().flat_map(|topic| topic.partitions) {
            if partitions.contains(&data.partition_index) {
                self.handle_partition(data, &response);
            }
        }
        // What the answer does not mention is asked for again.
        let unmentioned = |p: &&i32| {
            self.cursors
                .iter()
                .any(|c| c.partition == **p && c.asked && !c.awaits_bounds())
        };
        let unmentioned: Vec<i32> = partitions.iter().filter(unmentioned).copied().collect();
        if !unmentioned.is_empty() {
            let cause = Cause::Other("the broker's answer leaves the partition out".into());
            self.retry_later(&unmentioned, &cause, false);
        }
    }

    fn handle_partition(&mut self, data: PartitionData, response: &FetchResponse) {
        let (topic, partition) = (self.topic.clone(), data.partition_index);
        let Some(cursor) = self.cursors.iter_mut().find(|c| c.partition == partition) else {
            return;
        };
        match data.error_code {
            ErrorCode::NONE => {
                let records = data.records.unwrap_or_default().into_bytes();
                let aborted = Aborted::new(data.aborted_transactions.unwrap_or_default());
                cursor.handle_records(&topic, records, aborted, &mut self.decompressor);
            }
            ErrorCode::OFFSET_OUT_OF_RANGE => {
                cursor.await_bounds();
                let client = self.client.clone();
                let look_up = async move {
                    let deadline = client.clock().after(client.config().api_timeout);
                    let outcome = offsets::bounds(&client, &topic, partition, deadline).await;
                    Fetched::Bounds { partition, outcome }
                };
                self.fetches.spawn_on(look_up, self.client.runtime());
            }
            code if code.is_retriable() => {
                if let Some(node) = NodeId::from_wire(data.current_leader.leader_id) {
                    let epoch = data.current_leader.leader_epoch;
                    self.client.control().leader_hint(LeaderHint {
                        topic,
                        partition,
                        leader: Leader { node, epoch },
                        endpoint: endpoint(response, node),
                    });
                }
                if code.refreshes_metadata() {
                    self.client.control().request_refresh();
                }
                self.retry_later(&[partition], &Cause::from(code), false);
            }
            code => self.retry_later(&[partition], &Cause::from(code), true),
        }
    }

    /// The offset that was asked for is not in the log. What was overtaken by retention is skipped; anything else is for
    /// the user to decide.
    pub(super) fn handle_bounds(&mut self, partition: i32, outcome: Result<(i64, i64), ReadError>) {
        let Some(cursor) = self.cursors.iter_mut().find(|c| c.partition == partition) else {
            return;
        };
        match outcome {
            Ok((start, _)) if cursor.fetch_from < start && !cursor.is_exact => {
                let (from, topic) = (cursor.fetch_from, &*self.topic);
                warn!(
                    topic,
                    partition,
                    from,
                    to = start,
                    "records were deleted before they were read"
                );
                cursor.seek(start);
            }
            // The log has grown to the offset in the meantime.
            Ok((start, end)) if (start..=end).contains(&cursor.fetch_from) => {
                cursor.seek(cursor.fetch_from);
            }
            Ok((start, end)) => cursor.fail(ReadError::OutOfRange {
                topic: self.topic.to_string(),
                partition,
                offset: cursor.fetch_from,
                start,
                end,
            }),
            Err(error) => cursor.fail(error),
        }
    }

    /// Fetches again after a pause, or never when `is_final`.
    fn retry_later(&mut self, partitions: &[i32], cause: &Cause, is_final: bool) {
        let config = self.client.config();
        for cursor in self
            .cursors
            .iter_mut()
            .filter(|c| partitions.contains(&c.partition))
        {
            if is_final {
                cursor.fail(ReadError::Failed {
                    topic: self.topic.to_string(),
                    partition: cursor.partition,
                    cause: cause.clone(),
                });
            } else {
                let pause = config.retry.delay(cursor.failures, &mut self.rng);
                cursor.handle_failure(&self.topic, cause.clone(), pause, config.api_timeout);
            }
        }
    }

    fn fail_all(&mut self, why: &str) {
        let open = self
            .cursors
            .iter()
            .filter(|cursor| !cursor.is_finished() && !cursor.is_dead());
        let open: Vec<i32> = open.map(|cursor| cursor.partition).collect();
        self.retry_later(&open, &Cause::Other(why.into()), true);
    }
}

fn endpoint(response: &FetchResponse, leader: NodeId) -> Option<BrokerView> {
    let endpoints = &response.node_endpoints;
    let endpoint = endpoints.iter().find(|e| e.node_id == leader.0)?;
    BrokerView::from_wire(
        leader,
        &endpoint.host,
        endpoint.port,
        endpoint.rack.as_deref(),
    )
}
