//! What the embedded cluster answers to producers with a transactional id, request by request, against what Apache Kafka
//! answers.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use milena_broker::{
    Cluster,
    protocol::{
        ErrorCode, Message, Records, Request, Str, Uuid,
        add_offsets_to_txn::AddOffsetsToTxnRequest,
        add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic},
        decode_response_header, encode_request,
        end_txn::EndTxnRequest,
        fetch::{FetchPartition, FetchRequest, FetchTopic},
        find_coordinator::FindCoordinatorRequest,
        init_producer_id::InitProducerIdRequest,
        list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic},
        offset_commit::{
            OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
        },
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        produce::{PartitionProduceData, ProduceRequest, TopicProduceData},
        txn_offset_commit::{
            TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
        },
    },
};
use milena_codec::{BatchBuilder, RecordRef, Stamp};

use crate::place::Place;

type Holder = (i64, i16);

const NOBODY: Holder = (-1, -1);

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// The versions in which a producer speaks of transactions.
#[derive(Clone, Copy)]
struct Versions {
    produce: i16,
    end: i16,
    offsets: i16,
}

/// The highest of the first generation.
const FIRST: Versions = Versions {
    produce: 11,
    end: 4,
    offsets: 4,
};
/// Those of the second.
const SECOND: Versions = Versions {
    produce: 12,
    end: 5,
    offsets: 5,
};

/// One connection to a cluster of one node, one transactional id, and what was answered.
struct Conversation {
    stream: TcpStream,
    newest: Versions,
    topic: String,
    id: String,
    /// Epochs are told as they are, producer ids as the place of the first time that they came.
    producers: Vec<i64>,
    told: Vec<String>,
}

impl Conversation {
    fn new(bootstrap: &str, topic: &str, newest: Versions) -> Self {
        let stream = TcpStream::connect(bootstrap).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self {
            stream,
            newest,
            topic: topic.to_owned(),
            id: String::new(),
            producers: Vec::new(),
            told: Vec::new(),
        }
    }

    fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let frame = encode_request(1, None, version, request).unwrap();
        for segment in frame {
            self.stream.write_all(&segment).unwrap();
        }
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut answer).unwrap();
        let answer = Bytes::from(answer);
        let (_, body) = decode_response_header(&answer, R::API, version).unwrap();
        R::Response::decode(&body, version).unwrap()
    }

    /// Asks until the answer is no longer that something is on its way: a leader, a coordinator, a marker.
    fn ask_patiently<T>(
        &mut self,
        mut ask: impl FnMut(&mut Self) -> (ErrorCode, T),
    ) -> (ErrorCode, T) {
        for _ in 0..1200 {
            match ask(self) {
                (
                    ErrorCode::COORDINATOR_NOT_AVAILABLE
                    | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
                    | ErrorCode::NOT_COORDINATOR
                    | ErrorCode::CONCURRENT_TRANSACTIONS
                    | ErrorCode::NOT_ENOUGH_REPLICAS
                    | ErrorCode::NOT_LEADER_OR_FOLLOWER
                    | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                    | ErrorCode::UNSTABLE_OFFSET_COMMIT,
                    _,
                ) => sleep(Duration::from_millis(50)),
                settled => return settled,
            }
        }
        panic!("it does not settle; so far: {:#?}", self.told)
    }

    fn tell(&mut self, what: &str, code: ErrorCode, more: &str) {
        let code = code.name().unwrap_or("?");
        self.told
            .push(format!("{}: {what}: {code} {more}", self.id));
    }

    fn tell_holder(&mut self, what: &str, code: ErrorCode, holder: Holder) {
        let place = match self.producers.iter().position(|id| *id == holder.0) {
            _ if holder.0 < 0 => -1,
            Some(place) => i64::try_from(place).unwrap(),
            None => {
                self.producers.push(holder.0);
                i64::try_from(self.producers.len()).unwrap() - 1
            }
        };
        self.tell(what, code, &format!("producer {place} epoch {}", holder.1));
    }

    /// Another transactional id, which nobody has used.
    fn begin(&mut self, what: &str) {
        self.id = what.to_owned();
        for key_type in [0, 1] {
            self.ask_patiently(|it| {
                let request = FindCoordinatorRequest {
                    key_type,
                    coordinator_keys: vec![it.key()],
                    ..Default::default()
                };
                (it.ask(4, &request).coordinators[0].error_code, ())
            });
        }
    }

    /// The transactional id, and the group.
    fn key(&self) -> Str {
        Str::from(format!("{}-{}", self.topic, self.id))
    }

    fn init_with(&mut self, version: i16, holder: Holder, timeout_ms: i32) -> Holder {
        let (code, given) = self.ask_patiently(|it| {
            let request = InitProducerIdRequest {
                transactional_id: Some(it.key()),
                transaction_timeout_ms: timeout_ms,
                producer_id: holder.0,
                producer_epoch: holder.1,
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            (
                answer.error_code,
                (answer.producer_id, answer.producer_epoch),
            )
        });
        self.tell_holder(&format!("init {version}"), code, given);
        given
    }

    fn init(&mut self) -> Holder {
        self.init_with(5, NOBODY, 60_000)
    }

    fn add(&mut self, version: i16, holder: Holder, partitions: &[i32]) {
        let (_, codes) = self.ask_patiently(|it| {
            let request = AddPartitionsToTxnRequest {
                v3_and_below_transactional_id: it.key(),
                v3_and_below_producer_id: holder.0,
                v3_and_below_producer_epoch: holder.1,
                v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                    name: Str::from(it.topic.as_str()),
                    partitions: partitions.to_vec(),
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            let mut codes = answer.results_by_topic_v3_and_below[0]
                .results_by_partition
                .iter()
                .map(|result| (result.partition_index, result.partition_error_code))
                .collect::<Vec<_>>();
            // Kafka keeps them in no order.
            codes.sort_unstable_by_key(|(index, _)| *index);
            (codes[0].1, codes)
        });
        for (index, code) in codes {
            self.tell(&format!("add {version}"), code, &format!("at {index}"));
        }
    }

    fn add_group(&mut self, version: i16, holder: Holder) {
        let (code, ()) = self.ask_patiently(|it| {
            let request = AddOffsetsToTxnRequest {
                transactional_id: it.key(),
                producer_id: holder.0,
                producer_epoch: holder.1,
                group_id: it.key(),
                ..Default::default()
            };
            (it.ask(version, &request).error_code, ())
        });
        self.tell(&format!("add group {version}"), code, "");
    }

    /// A batch of one record; outside transactions if the sequence is negative.
    fn write_as(&mut self, version: i16, holder: Holder, sequence: i32, named: bool) {
        let mut batch = BatchBuilder::new(BatchBuilder::MAX_LEN);
        let record = RecordRef {
            // Kafka begins a new segment where times are far apart, and an answer to a fetch ends with one.
            timestamp: now(),
            value: Some(b"value"[..].into()),
            ..Default::default()
        };
        batch.append(batch.cost(&record)).unwrap();
        let stamp = Stamp {
            producer_id: holder.0,
            producer_epoch: holder.1,
            base_sequence: sequence.abs(),
            transactional: sequence >= 0,
        };
        let batch = Bytes::from(batch.seal().encode(stamp).concat());
        let (code, ()) = self.ask_patiently(|it| {
            let request = ProduceRequest {
                transactional_id: named.then(|| it.key()),
                acks: -1,
                timeout_ms: 10_000,
                topic_data: vec![TopicProduceData {
                    name: Str::from(it.topic.as_str()),
                    partition_data: vec![PartitionProduceData {
                        index: 0,
                        records: Some(Records::from(batch.clone())),
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            (answer.responses[0].partition_responses[0].error_code, ())
        });
        self.tell(&format!("write {version} {sequence}"), code, "");
    }

    fn write(&mut self, version: i16, holder: Holder, sequence: i32) {
        self.write_as(version, holder, sequence, true);
    }

    /// Begins a transaction with its first record.
    fn enter(&mut self, holder: Holder) {
        if self.newest.produce < SECOND.produce {
            self.add(3, holder, &[0]);
        }
        self.write(self.newest.produce, holder, 0);
    }

    /// Takes the group into the transaction where that is a request of its own.
    fn enter_group(&mut self, holder: Holder) {
        if self.newest.offsets < SECOND.offsets {
            self.add_group(3, holder);
        } else {
            self.write(self.newest.produce, holder, 0);
        }
    }

    fn end(&mut self, version: i16, holder: Holder, committed: bool) -> Holder {
        let (code, given) = self.ask_patiently(|it| {
            let request = EndTxnRequest {
                transactional_id: it.key(),
                producer_id: holder.0,
                producer_epoch: holder.1,
                committed,
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            (
                answer.error_code,
                (answer.producer_id, answer.producer_epoch),
            )
        });
        let given = if version < 5 { NOBODY } else { given };
        let what = if committed { "commit" } else { "abort" };
        self.tell_holder(&format!("{what} {version}"), code, given);
        given
    }

    fn commit_offset(&mut self, version: i16, holder: Holder, generation: i32, offset: i64) {
        let (code, ()) = self.ask_patiently(|it| {
            let request = TxnOffsetCommitRequest {
                transactional_id: it.key(),
                group_id: it.key(),
                producer_id: holder.0,
                producer_epoch: holder.1,
                generation_id: generation,
                member_id: Str::from(if generation < 0 { "" } else { "member" }),
                topics: vec![TxnOffsetCommitRequestTopic {
                    name: Str::from(it.topic.as_str()),
                    partitions: vec![TxnOffsetCommitRequestPartition {
                        committed_offset: offset,
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            (answer.topics[0].partitions[0].error_code, ())
        });
        self.tell(&format!("offset in transaction {version}"), code, "");
    }

    fn commit_offset_alone(&mut self, version: i16, generation: i32, offset: i64) {
        let (code, ()) = self.ask_patiently(|it| {
            let request = OffsetCommitRequest {
                group_id: it.key(),
                generation_id_or_member_epoch: generation,
                member_id: Str::from(if generation < 0 { "" } else { "member" }),
                topics: vec![OffsetCommitRequestTopic {
                    name: Str::from(it.topic.as_str()),
                    partitions: vec![OffsetCommitRequestPartition {
                        committed_offset: offset,
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = it.ask(version, &request);
            (answer.topics[0].partitions[0].error_code, ())
        });
        self.tell(&format!("offset {version}"), code, "");
    }

    fn offset(&mut self, require_stable: bool) {
        let ask = |it: &mut Self| {
            let request = OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: it.key(),
                    topics: Some(vec![OffsetFetchRequestTopics {
                        name: Str::from(it.topic.as_str()),
                        partition_indexes: vec![0],
                        ..Default::default()
                    }]),
                    ..Default::default()
                }],
                require_stable,
                ..Default::default()
            };
            let answer = it.ask(8, &request);
            let found = &answer.groups[0].topics[0].partitions[0];
            (found.error_code, found.committed_offset)
        };
        let (code, offset) = ask(self);
        self.tell("offset fetched", code, &offset.to_string());
    }

    /// Waits until every transaction has ended, which Kafka sees to every ten seconds.
    fn wait_until_stable(&mut self) {
        for _ in 0..600 {
            let ends = [0, 1].map(|isolation_level| self.list_end(isolation_level).1);
            if ends[0] == ends[1] {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("a transaction stays open");
    }

    fn list_end(&mut self, isolation_level: i8) -> (ErrorCode, i64) {
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level,
            topics: vec![ListOffsetsTopic {
                name: Str::from(self.topic.as_str()),
                partitions: vec![ListOffsetsPartition {
                    timestamp: -1,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self.ask(7, &request);
        let found = &answer.topics[0].partitions[0];
        (found.error_code, found.offset)
    }

    /// Last stable offset, end, and the aborted transactions; and the end by ListOffsets. Kafka's markers may still be on
    /// their way after a transaction's end; once its producer was given a new epoch, or could add again, they are not.
    fn look(&mut self) {
        for isolation_level in [0, 1] {
            let request = FetchRequest {
                max_wait_ms: 0,
                max_bytes: 1 << 20,
                isolation_level,
                topics: vec![FetchTopic {
                    topic: Str::from(self.topic.as_str()),
                    topic_id: Uuid::ZERO,
                    partitions: vec![FetchPartition {
                        partition_max_bytes: 1 << 20,
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer = self.ask(11, &request);
            let data = &answer.responses[0].partitions[0];
            let aborted = data.aborted_transactions.as_ref().map(|aborted| {
                let first = aborted.iter().map(|aborted| aborted.first_offset);
                // In the order of their ends, which is up to Kafka where several run out of time at once.
                first.collect::<BTreeSet<_>>()
            });
            let bytes = data.records.clone().unwrap_or_default().into_bytes().len();
            let seen = format!(
                "stable {} end {} aborted {aborted:?} bytes {bytes}",
                data.last_stable_offset, data.high_watermark
            );
            let code = data.error_code;
            self.tell(&format!("fetch {isolation_level}"), code, &seen);
            let (code, offset) = self.list_end(isolation_level);
            let offset = offset.to_string();
            self.tell(&format!("end {isolation_level}"), code, &offset);
        }
    }
}

/// Everything that a producer can do right and wrong, and what came of it.
fn converse(bootstrap: &str, topic: &str, newest: Versions) -> Vec<String> {
    let mut it = Conversation::new(bootstrap, topic, newest);
    strangers(&mut it);
    identities(&mut it);
    first_generation(&mut it);
    if newest.end >= SECOND.end {
        second_generation(&mut it);
    }
    fenced(&mut it);
    offsets(&mut it);
    late(&mut it);
    groups(&mut it);
    it.told
}

fn strangers(it: &mut Conversation) {
    it.begin("unknown");
    it.add(3, (7, 0), &[0]);
    it.add_group(3, (7, 0));
    for versions in [FIRST, it.newest] {
        it.end(versions.end, (7, 0), true);
        it.write(versions.produce, (7, 0), 0);
    }
    for timeout in [0, -1, 900_001] {
        it.init_with(5, NOBODY, timeout);
    }
    it.init_with(5, (7, -1), 60_000);
    it.init_with(5, (7, 3), 60_000);
}

fn identities(it: &mut Conversation) {
    it.begin("identity");
    let first = it.init();
    let second = it.init_with(5, first, 60_000);
    it.init_with(5, first, 60_000);
    it.init_with(3, (first.0 + 50_000, 1), 60_000);
    it.init_with(4, (first.0 + 50_000, 1), 60_000);
    let third = it.init();
    it.init_with(4, second, 60_000);
    for version in 0..=3 {
        it.add(version, second, &[0]);
        it.add_group(version, second);
        it.end(version, second, true);
    }
    it.add(3, third, &[0, 9]);
    it.add(3, third, &[1, 0]);
}

fn first_generation(it: &mut Conversation) {
    it.begin("first generation");
    let holder = it.init();
    it.end(4, holder, true);
    it.end(4, holder, false);
    for version in [3, 10, 11] {
        it.write(version, holder, 0);
    }
    it.add(3, holder, &[0]);
    it.write(11, holder, 0);
    it.write(11, holder, 0);
    it.write(11, holder, -1);
    it.write_as(11, holder, 1, false);
    it.write(11, holder, 5);
    it.look();
    it.end(4, holder, true);
    it.end(4, holder, true);
    it.end(4, holder, false);
    it.write(11, holder, 2);
    it.add(3, holder, &[0]);
    it.write(11, holder, 1);
    it.write(11, holder, 2);
    it.end(4, holder, false);
    it.end(4, holder, false);
    it.end(4, holder, true);
    it.add(3, holder, &[1]);
    it.look();
    it.end(4, holder, false);
    it.init();
}

fn second_generation(it: &mut Conversation) {
    it.begin("second generation");
    let first = it.init();
    it.end(5, first, true);
    let second = it.end(5, first, false);
    it.end(5, first, false);
    it.end(5, first, true);
    it.write(12, first, 0);
    it.write_as(12, second, 0, false);
    it.write(12, second, 3);
    it.write(12, second, 0);
    it.write(12, second, 0);
    it.write(12, second, 2);
    it.write(12, second, -1);
    it.look();
    let third = it.end(5, second, true);
    it.end(5, second, true);
    it.end(5, second, false);
    it.end(5, third, true);
    it.write(12, second, 1);
    it.write(12, third, 1);
    it.write(12, third, 0);
    it.end(5, second, true);
    it.end(4, third, false);
    it.end(4, third, false);
    it.end(5, third, false);
    it.init_with(5, third, 60_000);
    it.look();
}

fn fenced(it: &mut Conversation) {
    it.begin("fenced");
    let newest = it.newest;
    let first = it.init();
    it.enter(first);
    let second = it.init();
    it.write(newest.produce, first, 1);
    it.end(newest.end, first, true);
    it.end(4, first, true);
    it.init_with(5, first, 60_000);
    it.enter(second);
    it.end(newest.end, second, true);
    it.init();
    it.look();
}

fn offsets(it: &mut Conversation) {
    it.begin("offsets");
    let newest = it.newest;
    let first = it.init();
    it.offset(true);
    it.commit_offset(3, first, 5, 1);
    it.commit_offset(3, first, -1, 1);
    it.commit_offset(4, first, -1, 1);
    it.add_group(3, first);
    it.commit_offset(3, first, -1, 2);
    it.offset(false);
    it.offset(true);
    it.end(4, first, true);
    it.add_group(3, first);
    it.offset(true);
    it.end(4, first, false);
    let second = it.init();
    it.commit_offset(newest.offsets, first, -1, 3);
    it.enter_group(second);
    it.commit_offset(newest.offsets, second, -1, 3);
    it.commit_offset(newest.offsets, second, 5, 3);
    let third = it.end(newest.end, second, false);
    let third = if third == NOBODY { second } else { third };
    it.enter_group(third);
    // Its group's marker is written before anything of the next transaction.
    it.offset(true);
    it.commit_offset(newest.offsets, third, -1, 4);
    it.end(newest.end, third, true);
    it.init();
    it.offset(true);
}

/// Three transactions that are left to themselves, and what their producers do afterwards.
fn late(it: &mut Conversation) {
    let newest = it.newest;
    let mut left = Vec::new();
    for what in ["late commit", "late abort", "late init"] {
        it.begin(what);
        let holder = it.init_with(5, NOBODY, 5000);
        it.enter(holder);
        left.push((what, holder));
    }
    it.wait_until_stable();
    for (what, holder) in left {
        it.begin(what);
        it.write(newest.produce, holder, 1);
        it.write(11, holder, 1);
        it.write(newest.produce, holder, -1);
        it.commit_offset(newest.offsets, holder, -1, 1);
        let next = match what {
            "late commit" => it.end(newest.end, holder, true),
            "late abort" => it.end(newest.end, holder, false),
            _ => it.init_with(5, holder, 60_000),
        };
        if next != NOBODY {
            it.enter(next);
            it.end(newest.end, next, true);
        }
        it.end(4, holder, false);
        it.init_with(5, holder, 60_000);
        it.init();
    }
    it.look();
}

fn groups(it: &mut Conversation) {
    it.begin("group");
    it.commit_offset_alone(8, 5, 1);
    if it.newest.end >= SECOND.end {
        // The old release has no error of its own for a group that nobody knows.
        it.commit_offset_alone(9, 5, 1);
    }
    it.offset(true);
    it.commit_offset_alone(8, -1, 1);
    it.commit_offset_alone(8, 5, 2);
    it.commit_offset_alone(9, 5, 2);
    it.offset(true);
}

/// Has the same conversation with a real cluster and an embedded one.
async fn compare(place: Place, newest: Versions, transaction_version: i16) {
    let client = place.client().await;
    let topic = place.topic(&client, "converse", 2).await;
    let embedded = Cluster::builder().transaction_version(transaction_version);
    let embedded = embedded.topic(&topic, 2).start().await.unwrap();
    let (real, ours) = (place.bootstrap(), embedded.bootstrap());
    let name = topic.clone();
    let theirs = tokio::task::spawn_blocking(move || converse(&real, &name, newest));
    let ours = tokio::task::spawn_blocking(move || converse(&ours, &topic, newest));
    let (theirs, ours) = (theirs.await.unwrap(), ours.await.unwrap());
    assert!(theirs.len() > 100, "{}", theirs.len());
    let differences = theirs
        .iter()
        .zip(&ours)
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| format!("Kafka    {theirs}\nembedded {ours}"))
        .collect::<Vec<_>>();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(theirs.len(), ours.len());
    println!("{} answers are the same", ours.len());
    embedded.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn the_embedded_coordinator_answers_as_kafkas() {
    compare(Place::Single, SECOND, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn the_embedded_coordinator_answers_as_that_of_an_old_release() {
    compare(Place::Old, FIRST, 1).await;
}
