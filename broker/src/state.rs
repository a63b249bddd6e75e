//! The cluster as plain data, and the way of a request through it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use bytes::Bytes;
use milena_codec::{Decompressor, Limits};
use milena_protocol::{ApiKey, RequestHeader, Str, Uuid, decode_request_header, encode_response};

use crate::batch::MAX_DECOMPRESSED;
use crate::coordinators::Coordinators;
use crate::fault::{Delivery, Ending, Fault, FaultId, Faults, Happening};
use crate::groups::Group;
use crate::handlers::{self, Acknowledgement, Serve, Served};
use crate::journal::{Fate, Journal, RequestEntry};
use crate::log::Stored;
use crate::producers::ProducerIds;
use crate::reply::{Answer, CloseReason, Reply, Waiting};
use crate::settings::Settings;
use crate::topic::Topic;
use crate::topic_config::TopicConfig;
use crate::topology::TopologyError;
use crate::transactions::Transactions;
use crate::versions::Versions;
use crate::view::{Endpoint, View};

/// The levels of the feature `transaction.version`.
pub(crate) const TRANSACTION_VERSIONS: RangeInclusive<i16> = 0..=2;

/// A whole cluster, without sockets, clock or tasks.
///
/// Requests go in as frames, with the time; replies come out. The same calls in the same order give the same replies,
/// so a simulation can drive a cluster under virtual time and replay it. [`Cluster`](crate::Cluster) puts sockets
/// around it. Made by [`ClusterBuilder::into_state`](crate::ClusterBuilder::into_state).
///
/// Time is in milliseconds on one clock of the caller's choice. Record timestamps are compared with it, so it should be
/// the clock of the clients as well.
///
/// ```
/// use milena_broker::protocol::{self, Str, api_versions::ApiVersionsRequest};
/// use milena_broker::{Cluster, Reply};
///
/// let mut cluster = Cluster::builder().nodes(3).topic("orders", 6).into_state()?;
/// let request = ApiVersionsRequest {
///     client_software_name: Str::from_static("example"),
///     client_software_version: Str::from_static("1.0"),
///     ..Default::default()
/// };
/// let frame = protocol::encode_request(7, None, 3, &request)?.into_iter().collect::<Vec<_>>().concat();
///
/// // A frame is what follows the length prefix. Here it comes to node 1, on connection 0, at time 5.
/// let Reply::Answer(answer) = cluster.handle(1, 0, frame[4..].to_vec().into(), 5) else { panic!() };
/// assert_eq!(answer.due, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct State {
    pub(crate) cluster_id: Str,
    pub(crate) versions: Versions,
    pub(crate) default_partitions: i32,
    pub(crate) default_replication: i16,
    pub(crate) default_config: TopicConfig,
    pub(crate) auto_create: bool,
    pub(crate) retention_bytes: u64,
    /// In the order of ids, from 1.
    pub(crate) nodes: Vec<Node>,
    pub(crate) topics: BTreeMap<Str, Topic>,
    pub(crate) names: BTreeMap<Uuid, Str>,
    pub(crate) coordinators: Coordinators,
    pub(crate) topics_created: u64,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) transactions: Transactions,
    /// The level of the feature `transaction.version`, and how often it has changed.
    pub(crate) transaction_version: i16,
    pub(crate) features_epoch: i64,
    pub(crate) groups: BTreeMap<Str, Group>,
    pub(crate) decompressor: Decompressor,
    /// Appends so far, over all logs.
    pub(crate) appends: u64,
    /// Bytes in all logs.
    pub(crate) log_bytes: u64,
    /// Which partition each append went to, oldest first, for the cluster's retention limit.
    pub(crate) append_order: VecDeque<(u64, Uuid, i32)>,
    /// Records that were acknowledged in topics deleted since.
    pub(crate) acknowledged_in_deleted: u64,
    pub(crate) changes: u64,
    faults: Faults,
    journal: Journal,
    /// Until when each throttled connection was asked to be silent.
    throttled: BTreeMap<u64, i64>,
}

/// A node of the cluster.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) up: bool,
}

/// One request on its way through the cluster.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) node: i32,
    pub(crate) connection: u64,
    pub(crate) now: i64,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) faults: Happening,
    /// What the answer acknowledges, if it leaves.
    pub(crate) acknowledges: Vec<Acknowledgement>,
}

impl State {
    pub(crate) fn new(
        settings: &Settings,
        versions: Versions,
        default_config: TopicConfig,
    ) -> Self {
        let host = Str::from(
            settings
                .advertised_host
                .as_ref()
                .unwrap_or(&settings.host)
                .as_str(),
        );
        let racks = settings.racks.iter().map(|rack| Some(rack.clone()));
        let racks = racks.chain(std::iter::repeat(None));
        let nodes = (1..=settings.nodes).zip(racks).map(|(id, rack)| {
            let port = if settings.port == 0 {
                0
            } else {
                i32::from(settings.port) + id - 1
            };
            Node {
                endpoint: Endpoint {
                    node: id,
                    host: host.clone(),
                    port,
                    rack,
                },
                up: true,
            }
        });
        Self {
            cluster_id: Str::from(settings.cluster_id.as_str()),
            versions,
            default_partitions: settings.default_partitions,
            default_replication: settings.default_replication(),
            default_config,
            auto_create: settings.auto_create,
            retention_bytes: settings.retention_bytes,
            nodes: nodes.collect(),
            topics: BTreeMap::new(),
            names: BTreeMap::new(),
            coordinators: Coordinators::new(settings.nodes),
            topics_created: 0,
            producer_ids: ProducerIds::default(),
            transactions: Transactions::default(),
            transaction_version: settings.transaction_version,
            features_epoch: 0,
            groups: BTreeMap::new(),
            decompressor: Decompressor::new(Limits {
                max_decompressed: MAX_DECOMPRESSED,
            }),
            appends: 0,
            log_bytes: 0,
            append_order: VecDeque::new(),
            acknowledged_in_deleted: 0,
            changes: 0,
            faults: Faults::default(),
            journal: Journal::new(settings.journal),
            throttled: BTreeMap::new(),
        }
    }

    /// Handles one request: `frame` came to `node` over `connection`, a number of the caller's choice that names one
    /// connection for good, at time `now` (ms).
    ///
    /// Frames of one connection must be given in the order in which they came, and none while one of them waits.
    pub fn handle(&mut self, node: i32, connection: u64, frame: Bytes, now: i64) -> Reply {
        self.advance(now);
        if !self.is_up(node) {
            return Reply::Close(CloseReason::NodeDown);
        }
        let (header, body) = match decode_request_header(&frame) {
            Ok(decoded) => decoded,
            Err(error) => return Reply::Close(CloseReason::Malformed(error)),
        };
        self.write_journal(&header, node, connection, frame.len(), now);
        let call = Call {
            node,
            connection,
            now,
            version: header.api_version,
            correlation_id: header.correlation_id,
            faults: Happening::default(),
            acknowledges: Vec::new(),
        };
        let reply = if self.versions.serves(header.api_key, header.api_version) {
            handlers::dispatch(self, header.api_key, &body, call)
        } else if header.api_key == ApiKey::API_VERSIONS
            && self.versions.offers(ApiKey::API_VERSIONS)
        {
            let call = Call { version: 0, ..call };
            let body = handlers::api_versions::unsupported(self);
            self.answer(&body, call)
        } else {
            Reply::Close(CloseReason::Unsupported {
                api: header.api_key.0,
                version: header.api_version,
            })
        };
        let fate = match &reply {
            Reply::Answer(_) | Reply::Wait(_) => return reply,
            Reply::Silence => Fate::Silent,
            Reply::Hang | Reply::Close(CloseReason::Fault) => return reply,
            Reply::Close(_) => Fate::Refused,
        };
        self.journal.settle(fate);
        reply
    }

    /// Looks again whether a waiting request can be answered, at time `now` (ms).
    pub fn resume(&mut self, waiting: Waiting, now: i64) -> Reply {
        self.advance(now);
        let mut parked = waiting.0;
        if !self.is_up(parked.call.node) {
            return Reply::Close(CloseReason::NodeDown);
        }
        parked.call.now = now;
        handlers::fetch::resume(self, parked)
    }

    /// Counts what may end a wait: records appended, leaders moved, topics created and deleted.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Finalizes a level of the feature `transaction.version`, as an upgrade of the cluster does: 0 and 1 for the first
    /// generation of the transaction protocol, 2 for the second (KIP-890). Clients learn of it with ApiVersions.
    ///
    /// # Errors
    /// If there is no such level.
    pub fn set_transaction_version(&mut self, level: i16) -> Result<(), TopologyError> {
        if !TRANSACTION_VERSIONS.contains(&level) {
            return Err(TopologyError::InvalidTransactionVersion(level));
        }
        self.transaction_version = level;
        self.features_epoch += 1;
        Ok(())
    }

    /// Adds a fault behind those that are there.
    pub fn push_fault(&mut self, fault: Fault) -> FaultId {
        let mut faults = std::mem::take(&mut self.faults);
        let id = faults.push(fault, || View::of_all(self));
        self.faults = faults;
        id
    }

    /// Removes a fault; `false` if it has done its work already.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.faults.remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// How many faults are left that may still happen.
    #[must_use]
    pub fn pending_faults(&self) -> usize {
        self.faults.pending()
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &RequestEntry> {
        self.journal.latest()
    }

    /// How many requests of this API came, since the start.
    #[must_use]
    pub fn request_count(&self, api: ApiKey) -> u64 {
        self.journal.count(api)
    }

    /// Whether this is a node of the cluster, and up.
    #[must_use]
    pub fn is_up(&self, node: i32) -> bool {
        self.node(node).is_some_and(|node| node.up)
    }

    /// Adds a batch to a partition's log, where its base offset is the end.
    pub(crate) fn store(&mut self, topic: &str, index: i32, mut batch: Stored) {
        let Some(found) = self.topics.get_mut(topic) else {
            return;
        };
        let id = found.id;
        let Some(partition) = found.partition_mut(index) else {
            return;
        };
        batch.serial = self.appends;
        let now = batch.appended_at;
        self.append_order.push_back((self.appends, id, index));
        self.appends += 1;
        self.log_bytes += batch.len() as u64;
        self.changes += 1;
        partition.log.append(batch);
        self.enforce_retention(topic, index, now);
    }

    /// Sends a marker to the leader of a partition.
    pub(crate) fn deliver_marker(&mut self, node: i32, topic: &str, partition: i32) -> Delivery {
        self.faults.meet_marker(node, topic, partition)
    }

    pub(crate) fn node(&self, id: i32) -> Option<&Node> {
        self.nodes.iter().find(|node| node.endpoint.node == id)
    }

    pub(crate) fn node_mut(&mut self, id: i32) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.endpoint.node == id)
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<&Topic> {
        self.topics.get(self.names.get(&id)?)
    }

    /// Takes a decoded request through faults and its handler.
    pub(crate) fn run<R: Serve>(&mut self, request: R, mut call: Call) -> Reply {
        let mut faults = std::mem::take(&mut self.faults);
        call.faults = faults.meet(R::API, call.node, |address| request.touches(self, address));
        self.faults = faults;
        match call.faults.ending() {
            Some(ending) if ending.is_before_applying() => {
                self.journal.settle(Fate::Lost);
                return if *ending == Ending::Hang {
                    Reply::Hang
                } else {
                    Reply::Close(CloseReason::Fault)
                };
            }
            _ => {}
        }
        match request.serve(self, &mut call) {
            Served::Answer(body) => self.answer(&body, call),
            Served::Silence => Reply::Silence,
            Served::Close(reason) => Reply::Close(reason),
            Served::Park(request, deadline) => {
                Reply::Wait(Waiting(Box::new(handlers::fetch::Parked {
                    request,
                    call,
                    deadline,
                })))
            }
        }
    }

    /// Writes an answer, as the faults will have it.
    pub(crate) fn answer<M: milena_protocol::Message>(&mut self, body: &M, call: Call) -> Reply {
        let ending = call.faults.ending();
        let correlation_id = match ending {
            // No client gives out negative numbers.
            Some(Ending::WrongCorrelationId) => !(call.correlation_id & i32::MAX),
            _ => call.correlation_id,
        };
        let segments = match encode_response(correlation_id, call.version, body) {
            Ok(segments) => segments.into_iter().collect::<Vec<_>>(),
            Err(error) => return Reply::Close(CloseReason::Internal(error.to_string())),
        };
        let due = call.now.saturating_add(call.faults.delay());
        if call.faults.throttle() > 0 {
            self.throttled.insert(
                call.connection,
                due.saturating_add(i64::from(call.faults.throttle())),
            );
        }
        let Some(ending) = ending else {
            for acknowledgement in call.acknowledges {
                self.acknowledge(acknowledgement);
            }
            return Reply::Answer(Answer {
                segments,
                due,
                then_close: false,
            });
        };
        self.journal.settle(Fate::AnswerLost);
        match ending {
            Ending::LoseRequest | Ending::LoseAnswer => Reply::Close(CloseReason::Fault),
            Ending::Hang | Ending::HangAfterApplying => Reply::Hang,
            Ending::Garbage => Reply::Answer(Answer {
                segments: vec![garbage(correlation_id)],
                due,
                then_close: false,
            }),
            Ending::AnswerWith(bytes) => Reply::Answer(Answer {
                segments: vec![bytes.clone()],
                due,
                then_close: true,
            }),
            Ending::Truncate(keep) => {
                let mut bytes = segments.concat();
                bytes.truncate(*keep);
                Reply::Answer(Answer {
                    segments: vec![bytes.into()],
                    due,
                    then_close: true,
                })
            }
            Ending::WrongCorrelationId => Reply::Answer(Answer {
                segments,
                due,
                then_close: false,
            }),
        }
    }

    fn write_journal(
        &mut self,
        header: &RequestHeader,
        node: i32,
        connection: u64,
        bytes: usize,
        now: i64,
    ) {
        let while_throttled = match self.throttled.get(&connection) {
            Some(until) if now < *until => true,
            Some(_) => {
                self.throttled.remove(&connection);
                false
            }
            None => false,
        };
        self.journal.write(RequestEntry {
            at: now,
            node,
            connection,
            api: header.api_key,
            version: header.api_version,
            correlation_id: header.correlation_id,
            // A copy: what came in must not keep the whole frame in memory.
            client_id: header.client_id.as_ref().map(|id| id.as_str().to_owned()),
            bytes,
            while_throttled,
            fate: Fate::Answered,
        });
    }
}

/// A frame that no message has: 32 bytes of ones behind the right length and correlation id.
fn garbage(correlation_id: i32) -> Bytes {
    let mut frame = Vec::with_capacity(40);
    frame.extend_from_slice(&36_i32.to_be_bytes());
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&[0xff; 32]);
    frame.into()
}

#[cfg(test)]
mod tests;
