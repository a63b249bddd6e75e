//! What to believe of an answer, given what is known already.

use std::{collections::BTreeMap, sync::Arc};

use milena_protocol::{
    ErrorCode, Uuid,
    metadata::{MetadataResponse, MetadataResponsePartition, MetadataResponseTopic},
};

use super::{MISSING_ANSWERS, Metadata, MetadataConfig, MetadataError, Tracked};
use crate::{
    cluster::{BrokerView, Cluster, NodeId, PartitionView, TopicView},
    time::Instant,
};

/// Whether an answer makes sense at all.
pub(super) fn check(response: &MetadataResponse) -> Result<(), MetadataError> {
    if response.error_code == ErrorCode::REBOOTSTRAP_REQUIRED {
        return Err(MetadataError::Rebootstrap);
    }
    if response.error_code.is_err() {
        return Err(MetadataError::Refused(response.error_code));
    }
    if response.brokers.is_empty() {
        return Err(MetadataError::NoBrokers);
    }
    for broker in &response.brokers {
        if u16::try_from(broker.port).is_err() || broker.host.is_empty() {
            return Err(MetadataError::Address {
                node: broker.node_id,
                host: broker.host.to_string(),
                port: broker.port,
            });
        }
    }
    for topic in &response.topics {
        let count = topic.partitions.len();
        let mut seen = vec![false; count];
        for partition in &topic.partitions {
            let index = usize::try_from(partition.partition_index).ok();
            match index.and_then(|index| seen.get_mut(index)) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    return Err(MetadataError::Partitions {
                        topic: topic.name.as_deref().unwrap_or_default().to_owned(),
                        count,
                        partition: partition.partition_index,
                    });
                }
            }
        }
    }
    Ok(())
}

impl Metadata {
    /// Makes a new picture of the old one and an answer that passed [`check`]. Says whether it differs.
    pub(super) fn merge(
        &mut self,
        asked: &[Arc<str>],
        response: &MetadataResponse,
        now: Instant,
    ) -> bool {
        let mut cluster = Cluster {
            version: self.cluster.version,
            cluster_id: response.cluster_id.as_deref().map(Arc::from),
            controller: NodeId::from_wire(response.controller_id),
            brokers: brokers(response),
            topics: self.cluster.topics.clone(),
        };
        let answers: BTreeMap<&str, &MetadataResponseTopic> = response
            .topics
            .iter()
            .filter_map(|topic| Some((topic.name.as_deref()?, topic)))
            .collect();
        for name in asked {
            let Some(tracked) = self.topics.get_mut(name) else {
                continue;
            };
            let old = cluster.topics.get(name);
            let new = match answers.get(&**name) {
                None => reject(
                    name,
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    old,
                    tracked,
                    &self.config,
                    now,
                ),
                Some(topic) if topic.error_code.is_err() => {
                    reject(name, topic.error_code, old, tracked, &self.config, now)
                }
                Some(topic) if topic.partitions.is_empty() => reject(
                    name,
                    ErrorCode::LEADER_NOT_AVAILABLE,
                    old,
                    tracked,
                    &self.config,
                    now,
                ),
                Some(topic) => accept(name, topic, &cluster.brokers, old, tracked),
            };
            if old.is_none_or(|old| **old != new) {
                cluster.topics.insert(name.clone(), Arc::new(new));
            }
        }
        if cluster == *self.cluster {
            return false;
        }
        self.publish(cluster);
        true
    }
}

/// An answer that speaks against a topic. What was known stays until several answers over some time agree: a broker that
/// lags behind may not have heard of the topic yet, and records for it may be on their way.
fn reject(
    name: &Arc<str>,
    error: ErrorCode,
    old: Option<&Arc<TopicView>>,
    tracked: &mut Tracked,
    config: &MetadataConfig,
    now: Instant,
) -> TopicView {
    tracked.error = Some(error);
    let Some(old) = old else {
        return TopicView {
            name: name.clone(),
            id: Uuid::ZERO,
            internal: false,
            partitions: Vec::new(),
            error: Some(error),
        };
    };
    let (since, answers) = tracked.missing.unwrap_or((now, 0));
    tracked.missing = Some((since, answers.saturating_add(1)));
    let is_gone = answers + 1 >= MISSING_ANSWERS && now.since(since) >= config.missing_grace;
    let mut view = TopicView {
        error: Some(error),
        ..TopicView::clone(old)
    };
    if is_gone {
        view.partitions.clear();
    }
    view
}

fn accept(
    name: &Arc<str>,
    topic: &MetadataResponseTopic,
    brokers: &BTreeMap<NodeId, BrokerView>,
    old: Option<&Arc<TopicView>>,
    tracked: &mut Tracked,
) -> TopicView {
    let has_id = topic.topic_id != Uuid::ZERO;
    let before = old.filter(|old| !old.partitions.is_empty());
    if let Some(old) = old.filter(|old| has_id && old.id != Uuid::ZERO && old.id != topic.topic_id)
    {
        let former = tracked.former.as_mut();
        if let Some((_, answers)) = former.filter(|(id, _)| *id == topic.topic_id) {
            // From a broker that has not heard of the new topic yet, unless it was from such a one that the present id came.
            *answers += 1;
            if *answers < MISSING_ANSWERS {
                return TopicView::clone(old);
            }
        }
        tracked.former = Some((old.id, 0));
    } else if let Some((_, answers)) = &mut tracked.former {
        *answers = 0;
    }
    tracked.error = None;
    tracked.missing = None;

    let mut partitions = vec![PartitionView::unknown(); topic.partitions.len()];
    for partition in &topic.partitions {
        let slot = usize::try_from(partition.partition_index).ok();
        if let Some(slot) = slot.and_then(|index| partitions.get_mut(index)) {
            *slot = view(partition, brokers);
        }
    }
    // Of the same topic, an older leader epoch is old news, and partitions never become fewer.
    if let Some(old) = before.filter(|old| old.id == topic.topic_id) {
        for (new, old) in partitions.iter_mut().zip(&old.partitions) {
            if new.leader_epoch >= 0 && new.leader_epoch < old.leader_epoch {
                *new = old.clone();
            }
        }
        if has_id {
            partitions.extend(old.partitions.iter().skip(partitions.len()).cloned());
        }
    }
    TopicView {
        name: name.clone(),
        id: topic.topic_id,
        internal: topic.is_internal,
        partitions,
        error: None,
    }
}

fn view(
    partition: &MetadataResponsePartition,
    brokers: &BTreeMap<NodeId, BrokerView>,
) -> PartitionView {
    let ids = |ids: &[i32]| ids.iter().map(|&id| NodeId(id)).collect();
    PartitionView {
        leader: NodeId::from_wire(partition.leader_id).filter(|id| brokers.contains_key(id)),
        leader_epoch: partition.leader_epoch,
        replicas: ids(&partition.replica_nodes),
        isr: ids(&partition.isr_nodes),
        error: partition
            .error_code
            .is_err()
            .then_some(partition.error_code),
    }
}

fn brokers(response: &MetadataResponse) -> BTreeMap<NodeId, BrokerView> {
    let broker = |broker: &milena_protocol::metadata::MetadataResponseBroker| {
        let id = NodeId(broker.node_id);
        let rack = broker.rack.as_deref();
        let view = BrokerView::from_wire(id, &broker.host, broker.port, rack)?;
        Some((id, view))
    };
    response.brokers.iter().filter_map(broker).collect()
}
