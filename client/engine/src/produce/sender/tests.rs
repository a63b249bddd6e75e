//! One broker's requests and their answers.

mod fairness;
mod measuring;
mod splitting;
mod transactional;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use bytes::BytesMut;
use milena_codec::{BatchHeader, Compression, RecordRef};
use milena_protocol::{
    ErrorCode,
    produce::{LeaderIdAndEpoch, NodeEndpoint, PartitionProduceData, TopicProduceResponse},
};

use super::*;
use crate::produce::identity::Identity;
use crate::{
    backoff::Backoff,
    produce::{Cause, Choice, Ended, Grant, Need, Persistence, ProducerIdentity, Reason, Room},
};

const NODE: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);
const BACKOFF: Duration = Duration::from_millis(100);

struct Plenty;

impl Room for Plenty {
    fn take(&mut self, need: Need) -> Option<Grant> {
        Some(Grant {
            chunk: (need.chunk > 0).then(|| BytesMut::with_capacity(need.chunk)),
            reserved: need.chunk,
        })
    }
}

/// A partition; its completions are its number.
#[derive(Clone)]
struct Handle(Rc<Inner>);

struct Inner {
    topic: Str,
    id: Uuid,
    index: i32,
    queue: RefCell<PartitionQueue<i32>>,
    looks: Cell<u32>,
}

impl Partition for Handle {
    type Completion = i32;

    fn topic(&self) -> &Str {
        &self.0.topic
    }

    fn topic_id(&self) -> Uuid {
        self.0.id
    }

    fn index(&self) -> i32 {
        self.0.index
    }

    fn with<R>(&self, f: impl FnOnce(&mut PartitionQueue<i32>) -> R) -> R {
        self.0.looks.set(self.0.looks.get() + 1);
        f(&mut self.0.queue.borrow_mut())
    }
}

struct Bench {
    sender: Sender<Handle>,
    settings: Settings,
    identity: Identity,
    effects: Effects<Handle>,
    partitions: Vec<Handle>,
    now: Instant,
}

impl Bench {
    /// Partitions of two topics by turns: a/0, b/1, a/2, ….
    fn new(partitions: i32) -> Self {
        let mut identity = Identity::new();
        identity.handle_granted(ProducerIdentity {
            producer_id: 7,
            epoch: 0,
        });
        let handle = |index| {
            let second = index % 2 == 1;
            Handle(Rc::new(Inner {
                topic: Str::from_static(if second { "b" } else { "a" }),
                id: Uuid::from([if second { 2 } else { 1 }; 16]),
                index,
                queue: RefCell::new(PartitionQueue::new(Some(Leader {
                    node: NODE,
                    epoch: 3,
                }))),
                looks: Cell::new(0),
            }))
        };
        Self {
            sender: Sender::new(NODE, 1),
            settings: Settings {
                acks: Acks::All,
                idempotent: true,
                transactional_id: None,
                batch_size: 200,
                linger: Duration::ZERO,
                max_in_flight: 5,
                max_request_size: 10_000,
                delivery_timeout: Duration::from_secs(10),
                request_timeout: Duration::from_secs(1),
                retries: u32::MAX,
                retry_backoff: Backoff {
                    base: BACKOFF,
                    max: BACKOFF,
                },
                compression: Compression::NONE,
            },
            identity,
            effects: Effects::new(),
            partitions: (0..partitions).map(handle).collect(),
            now: Instant::from_millis(1000),
        }
    }

    /// As [`new`](Self::new), and a batch of each partition is stored.
    fn established(partitions: i32) -> Self {
        let mut bench = Self::new(partitions);
        for partition in 0..partitions {
            bench.batch(partition, 1);
        }
        while let Some(outbound) = bench.poll() {
            bench.answer(&outbound, |_| stored(0));
        }
        bench.effects = Effects::new();
        bench
    }

    /// Appends a batch of its own, with a value of `bytes`.
    fn batch(&mut self, partition: i32, bytes: usize) {
        let handle = self.partitions[partition as usize].clone();
        let value = vec![0; bytes];
        let record = RecordRef {
            value: Some((&value).into()),
            ..RecordRef::default()
        };
        let (now, settings) = (self.now, self.settings.clone());
        let mut queue = handle.0.queue.borrow_mut();
        queue.seal_open();
        let appended = queue.append(
            &record,
            Choice::Given,
            &settings,
            &mut Plenty,
            || now,
            || partition,
        );
        queue.seal_open();
        drop(queue);
        if let Some(wake) = appended.unwrap().wake {
            assert_eq!(wake.node, NODE);
            self.sender.handle_wake(handle, wake.at);
        }
    }

    fn poll(&mut self) -> Option<Outbound> {
        self.sender.poll_request(
            self.now,
            &self.settings,
            &mut self.identity,
            &mut self.effects,
        )
    }

    fn respond(&mut self, token: u64, response: &ProduceResponse) {
        self.sender
            .handle_response(token, response, self.now, &self.settings, &mut self.effects);
    }

    /// Answers for each partition, by topic id and in an order of its own.
    fn answer(
        &mut self,
        outbound: &Outbound,
        mut answer: impl FnMut(i32) -> PartitionProduceResponse,
    ) {
        let mut response = ProduceResponse::default();
        for topic in outbound.request.topic_data.iter().rev() {
            let partitions = topic.partition_data.iter().rev();
            response.responses.push(TopicProduceResponse {
                topic_id: topic.topic_id,
                partition_responses: partitions
                    .map(|data| PartitionProduceResponse {
                        index: data.index,
                        ..answer(data.index)
                    })
                    .collect(),
                ..TopicProduceResponse::default()
            });
        }
        self.respond(outbound.token, &response);
    }

    /// Partitions and base offsets of what is stored since the last call.
    fn acknowledged(&mut self) -> Vec<(i32, Option<i64>)> {
        let finished = std::mem::take(&mut self.effects.finished);
        let told = |finished: Finished<Handle>| {
            assert_eq!(finished.share.completion, finished.partition.index());
            (
                finished.share.completion,
                finished.result.unwrap().base_offset,
            )
        };
        finished.into_iter().map(told).collect()
    }
}

fn stored(base_offset: i64) -> PartitionProduceResponse {
    PartitionProduceResponse {
        base_offset,
        ..PartitionProduceResponse::default()
    }
}

fn refused(error_code: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse {
        error_code,
        ..PartitionProduceResponse::default()
    }
}

/// Topics and partitions of a request, in its order.
fn contents(outbound: &Outbound) -> Vec<(String, i32)> {
    let topics = outbound.request.topic_data.iter();
    let batches = topics.flat_map(|topic| {
        let partitions = topic.partition_data.iter();
        partitions.map(|data| (topic.name.to_string(), data.index))
    });
    batches.collect()
}

fn numbers(outbound: &Outbound) -> Vec<i32> {
    let topics = outbound.request.topic_data.iter();
    let data = topics.flat_map(|topic| &topic.partition_data);
    let sequence = |data: &PartitionProduceData| {
        let records = data.records.clone().unwrap().into_bytes();
        BatchHeader::parse(&records).unwrap().base_sequence
    };
    data.map(sequence).collect()
}

fn bytes(outbound: &Outbound) -> usize {
    let topics = outbound.request.topic_data.iter();
    let data = topics.flat_map(|topic| &topic.partition_data);
    data.map(|data| data.records.as_ref().unwrap().len()).sum()
}

#[test]
fn a_request_carries_many_partitions_and_one_batch_of_each() {
    let mut bench = Bench::established(5);
    for partition in [3, 0, 4, 0, 1, 3] {
        bench.batch(partition, 1);
    }
    let first = bench.poll().unwrap();
    let name = |(topic, index): (&str, i32)| (topic.to_owned(), index);
    assert_eq!(
        contents(&first),
        [("a", 0), ("a", 4), ("b", 1), ("b", 3)].map(name)
    );
    assert_eq!(first.max_version, None);
    let second = bench.poll().unwrap();
    assert_eq!(contents(&second), [("a", 0), ("b", 3)].map(name));
    assert_eq!(
        (numbers(&first), numbers(&second)),
        (vec![1; 4], vec![2; 2])
    );
    assert!(bench.poll().is_none());
    bench.answer(&first, |partition| stored(i64::from(partition) * 10));
    let mut acknowledged = bench.acknowledged();
    acknowledged.sort_unstable();
    let offset = |partition| (partition, Some(i64::from(partition) * 10));
    assert_eq!(acknowledged, [0, 1, 3, 4].map(offset));
}

#[test]
fn a_request_keeps_to_its_size_unless_one_batch_is_larger_alone() {
    let mut bench = Bench::established(4);
    bench.settings.max_request_size = 500;
    for partition in 0..3 {
        bench.batch(partition, 150);
    }
    bench.batch(3, 900);
    let mut requests = Vec::new();
    while let Some(outbound) = bench.poll() {
        assert!(bytes(&outbound) <= 500 || contents(&outbound).len() == 1);
        requests.push(contents(&outbound).len());
    }
    assert_eq!(requests, [2, 1, 1]);
}

#[test]
fn what_found_no_room_is_in_the_next_request() {
    let mut bench = Bench::established(3);
    bench.settings.max_request_size = 500;
    for _ in 0..4 {
        bench.batch(0, 20);
        bench.batch(1, 20);
    }
    bench.batch(2, 400);
    let first = bench.poll().unwrap();
    assert_eq!(contents(&first).len(), 2);
    let second = bench.poll().unwrap();
    assert_eq!(contents(&second), [("a".to_owned(), 2)]);
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut bench = Bench::established(8);
    bench.settings.max_in_flight = 2;
    bench.settings.max_request_size = 1;
    for partition in 0..8 {
        bench.batch(partition, 1);
    }
    let first = bench.poll().unwrap();
    assert!(bench.poll().is_some());
    assert!(bench.poll().is_none());
    assert_eq!(bench.sender.in_flight(), 2);
    bench.answer(&first, |_| stored(1));
    assert!(bench.poll().is_some());
}

#[test]
fn nothing_is_sent_without_an_id() {
    let mut bench = Bench::new(1);
    bench.identity = Identity::new();
    bench.batch(0, 1);
    assert!(bench.poll().is_none() && bench.sender.has_ready());
    bench.identity.handle_granted(ProducerIdentity {
        producer_id: 9,
        epoch: 0,
    });
    assert!(bench.poll().is_some());
}

#[test]
fn a_topic_without_id_is_named() {
    let mut bench = Bench::new(1);
    let inner = Rc::get_mut(&mut bench.partitions[0].0).unwrap();
    inner.id = Uuid::ZERO;
    bench.batch(0, 1);
    let outbound = bench.poll().unwrap();
    assert_eq!(outbound.max_version, Some(12));
    let response = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: Str::from_static("a"),
            partition_responses: vec![stored(4)],
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    };
    bench.respond(outbound.token, &response);
    assert_eq!(bench.acknowledged(), [(0, Some(4))]);
}

#[test]
fn a_partition_that_the_answer_leaves_out_is_sent_again() {
    let mut bench = Bench::established(2);
    bench.batch(0, 1);
    bench.batch(1, 1);
    let outbound = bench.poll().unwrap();
    let mut response = ProduceResponse::default();
    response.responses.push(TopicProduceResponse {
        topic_id: bench.partitions[0].topic_id(),
        partition_responses: vec![stored(1)],
        ..TopicProduceResponse::default()
    });
    bench.respond(outbound.token, &response);
    assert_eq!(bench.acknowledged(), [(0, Some(1))]);
    assert_eq!(bench.effects.retried.len(), 1);
    assert!(matches!(
        bench.effects.retried[0].cause,
        Cause::Connection(_)
    ));
    assert!(bench.poll().is_none());
    bench.now = bench.sender.poll_timeout().unwrap();
    let again = bench.poll().unwrap();
    assert_eq!(
        (contents(&again), numbers(&again)),
        (vec![("b".to_owned(), 1)], vec![1])
    );
    // And what may be stored is told so.
    bench.now += bench.settings.delivery_timeout;
    bench.answer(&again, |_| refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    let finished = bench.effects.finished.pop().unwrap();
    assert_eq!(finished.result.unwrap_err().persistence, Persistence::Maybe);
}

#[test]
fn without_acks_a_batch_is_done_when_it_is_written() {
    let mut bench = Bench::new(2);
    bench.settings.acks = Acks::None;
    bench.settings.idempotent = false;
    bench.identity = Identity::new();
    bench.batch(0, 1);
    bench.batch(1, 1);
    let outbound = bench.poll().unwrap();
    assert!(!outbound.answered);
    assert_eq!(outbound.request.acks, 0);
    bench.sender.handle_written(
        outbound.token,
        bench.now,
        &bench.settings,
        &mut bench.effects,
    );
    assert_eq!(bench.acknowledged(), [(0, None), (1, None)]);
    assert_eq!(
        (bench.sender.in_flight(), bench.effects.freed.len()),
        (0, 2)
    );
}

#[test]
fn only_what_left_can_be_stored_when_the_connection_is_lost() {
    let mut bench = Bench::established(2);
    bench.settings.max_request_size = 1;
    bench.batch(0, 1);
    bench.batch(1, 1);
    let (first, second) = (bench.poll().unwrap(), bench.poll().unwrap());
    let sent = |token| token == first.token;
    let cause = "cut".into();
    bench
        .sender
        .handle_lost(&cause, sent, bench.now, &bench.settings, &mut bench.effects);
    assert!(bench.effects.stale && bench.sender.in_flight() == 0);
    assert_eq!(bench.effects.retried.len(), 1, "one of them was no attempt");
    assert_eq!(
        contents(&bench.poll().unwrap()),
        contents(&second),
        "which need not wait"
    );
    bench.now += BACKOFF * 2;
    let again = bench.poll().unwrap();
    assert_eq!(
        (contents(&again), numbers(&again)),
        (contents(&first), numbers(&first))
    );
}

#[test]
fn a_broker_that_leads_no_more_may_say_who_does() {
    let mut bench = Bench::established(1);
    bench.batch(0, 1);
    let outbound = bench.poll().unwrap();
    let mut response = ProduceResponse {
        node_endpoints: vec![NodeEndpoint {
            node_id: OTHER.0,
            host: Str::from_static("there"),
            port: 9092,
            rack: Some(Str::from_static("east")),
            ..NodeEndpoint::default()
        }],
        ..ProduceResponse::default()
    };
    response.responses.push(TopicProduceResponse {
        topic_id: bench.partitions[0].topic_id(),
        partition_responses: vec![PartitionProduceResponse {
            current_leader: LeaderIdAndEpoch {
                leader_id: OTHER.0,
                leader_epoch: 4,
                ..LeaderIdAndEpoch::default()
            },
            ..refused(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        }],
        ..TopicProduceResponse::default()
    });
    bench.respond(outbound.token, &response);
    assert!(bench.effects.stale);
    let hint = bench.effects.hints.pop().unwrap();
    let leader = Leader {
        node: OTHER,
        epoch: 4,
    };
    assert_eq!(hint.leader, leader);
    let endpoint = hint.endpoint.unwrap();
    assert_eq!((&*endpoint.host, endpoint.port), ("there", 9092));
    assert_eq!(endpoint.rack.as_deref(), Some("east"));
}

#[test]
fn the_sender_of_the_new_leader_is_told_once_the_old_one_has_answered() {
    let mut bench = Bench::established(1);
    bench.batch(0, 1);
    let outbound = bench.poll().unwrap();
    let leader = Leader {
        node: OTHER,
        epoch: 4,
    };
    let wake = bench.partitions[0].with(|queue| {
        queue.handle_leader(Some(leader));
        queue.reschedule(bench.now, &bench.settings)
    });
    assert_eq!(wake, None);
    bench.answer(&outbound, |_| refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    let (_, wake) = bench.effects.wakes.pop().unwrap();
    assert_eq!(wake.node, OTHER);
    assert!(bench.poll().is_none() && !bench.sender.has_ready());
}

#[test]
fn memory_that_is_short_ends_the_lingering() {
    let mut bench = Bench::established(1);
    bench.settings.linger = Duration::from_secs(1);
    let handle = bench.partitions[0].clone();
    let record = RecordRef::default();
    let (now, settings) = (bench.now, bench.settings.clone());
    let appended = handle
        .with(|queue| queue.append(&record, Choice::Given, &settings, &mut Plenty, || now, || 0));
    bench
        .sender
        .handle_wake(handle, appended.unwrap().wake.unwrap().at);
    assert!(bench.poll().is_none());
    bench
        .sender
        .handle_pressure(bench.now, &bench.settings, &mut bench.effects);
    assert!(bench.poll().is_some());
}

#[test]
fn idle_partitions_are_not_looked_at() {
    let mut bench = Bench::established(5);
    let looks = |bench: &Bench| {
        let looks = bench.partitions.iter().map(|handle| handle.0.looks.get());
        looks.collect::<Vec<_>>()
    };
    let before = looks(&bench);
    for _ in 0..20 {
        bench.batch(2, 1);
        let outbound = bench.poll().unwrap();
        bench.answer(&outbound, |_| stored(1));
        assert!(bench.poll().is_none());
    }
    let after = looks(&bench);
    for idle in [0, 1, 3, 4] {
        assert_eq!(before[idle], after[idle], "partition {idle}");
    }
}

#[test]
fn a_batch_that_the_broker_has_already_is_stored() {
    let mut bench = Bench::new(1);
    bench.batch(0, 1);
    let outbound = bench.poll().unwrap();
    let code = ErrorCode::DUPLICATE_SEQUENCE_NUMBER;
    bench.answer(&outbound, |_| refused(code));
    // Where it is, the broker does not say.
    assert_eq!(bench.acknowledged(), [(0, None)]);
    assert!(bench.poll().is_none());
}

#[test]
fn a_partition_that_was_given_up_over_and_over_is_looked_at_once() {
    let mut bench = Bench::established(1);
    for _ in 0..100 {
        bench.batch(0, 1);
        let (now, mut ended) = (bench.now, Ended::default());
        bench.partitions[0]
            .with(|queue| queue.end_all(&Reason::Purged, now, &bench.settings, &mut ended));
    }
    for _ in 0..20 {
        bench.batch(0, 1);
    }
    assert!(bench.poll().is_some());
    assert_eq!(bench.sender.ready.len(), 1);
}
