//! Transactions question by question, in virtual time.

use std::time::Duration;

use milena_protocol::{
    ErrorCode, Str,
    add_offsets_to_txn::AddOffsetsToTxnResponse,
    add_partitions_to_txn::{
        AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse,
        AddPartitionsToTxnTopicResult,
    },
    end_txn::EndTxnResponse,
    find_coordinator::{Coordinator, FindCoordinatorResponse},
    init_producer_id::InitProducerIdResponse,
    txn_offset_commit::{
        TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
    },
};

use super::*;
use crate::{
    backoff::Backoff,
    cluster::NodeId,
    produce::{Failure, Generation, Identity, Persistence, ProducerIdentity, Reason},
    time::Instant,
};

mod ending;
mod opening;

const COORDINATOR: NodeId = NodeId(1);
const GROUPS: NodeId = NodeId(2);
const BACKOFF: Duration = Duration::from_millis(100);
const NONE: ErrorCode = ErrorCode::NONE;

struct Bench {
    txn: Transactions,
    identity: Identity,
    now: Instant,
    generation: Generation,
    serial: u64,
}

impl Bench {
    fn new(generation: Generation) -> Self {
        let backoff = Backoff {
            base: BACKOFF,
            max: BACKOFF,
        };
        Self {
            txn: Transactions::new(Str::from_static("tx"), Duration::from_secs(60), backoff, 1),
            identity: Identity::new(),
            now: Instant::from_millis(1000),
            generation,
            serial: 0,
        }
    }

    /// Initialized, with a transaction open.
    fn open(generation: Generation) -> Self {
        let mut bench = Self::new(generation);
        bench.txn.initialize();
        bench.find(COORDINATOR);
        bench.initialized(7, 0);
        bench.begin();
        bench
    }

    fn begin(&mut self) {
        let begun = self.txn.begin(self.generation, &mut self.identity);
        self.serial = begun.unwrap().expect("ready");
    }

    /// A partition has something to send.
    fn batch(&mut self, topic: &'static str, index: i32) -> bool {
        self.identity.admits(&Str::from_static(topic), index)
    }

    fn poll(&mut self) -> Option<Outbound> {
        self.txn.poll_question(self.now, &mut self.identity)
    }

    /// The next question, which must be there by now.
    fn ask(&mut self) -> Outbound {
        self.poll().expect("a question")
    }

    /// The next question, once its time has come.
    fn ask_later(&mut self) -> Outbound {
        let at = self
            .txn
            .poll_timeout(&mut self.identity)
            .expect("something to ask");
        if at > self.now {
            assert!(self.poll().is_none(), "before its time");
            self.now = at;
        }
        self.ask()
    }

    fn answer(&mut self, answer: Answer) {
        self.txn
            .handle_answer(&answer, self.now, &mut self.identity);
    }

    fn find(&mut self, node: NodeId) {
        let asked = self.ask_later();
        let Question::FindCoordinator { key, .. } = asked.question else {
            panic!("{asked:?}");
        };
        assert_eq!(asked.to, None);
        self.answer(found(&key, NONE, node.0));
    }

    fn initialized(&mut self, producer_id: i64, epoch: i16) -> InitProducer {
        let asked = self.ask_later();
        let Question::InitProducerId(request) = asked.question else {
            panic!("{asked:?}");
        };
        assert_eq!(asked.to, Some(COORDINATOR));
        self.answer(granted(NONE, producer_id, epoch));
        (request.producer_id, request.producer_epoch)
    }

    /// Asked to end the transaction; returns whether by committing it.
    fn end(&mut self) -> bool {
        let asked = self.ask_later();
        let Question::EndTxn(request) = asked.question else {
            panic!("{asked:?}");
        };
        assert_eq!(asked.to, Some(COORDINATOR));
        assert_eq!(
            asked.max_version,
            (self.generation == Generation::Explicit).then_some(4)
        );
        request.committed
    }

    /// The partitions of the next request to add some.
    fn adding(&mut self) -> Vec<(String, Vec<i32>)> {
        let asked = self.ask_later();
        let Question::AddPartitionsToTxn(request) = asked.question else {
            panic!("{asked:?}");
        };
        assert_eq!((asked.to, asked.max_version), (Some(COORDINATOR), Some(3)));
        let topics = request.v3_and_below_topics.into_iter();
        topics
            .map(|topic| (topic.name.to_string(), topic.partitions))
            .collect()
    }

    fn commit(&mut self) {
        self.txn.commit();
        assert!(self.poll().is_none(), "records are still on their way");
        self.txn.handle_drained(Duty::Flush);
    }

    fn abort(&mut self) {
        self.txn.abort(&mut self.identity);
        self.txn.handle_drained(Duty::Discard);
    }

    fn fail(&mut self, reason: Reason, numbered: bool) {
        let failure = Failure {
            reason,
            records: 1,
            persistence: Persistence::No,
            attempts: 0,
            numbered,
            cause: None,
            broker: None,
            queued: Duration::ZERO,
            in_flight: Duration::ZERO,
            record_errors: Vec::new(),
        };
        self.txn.handle_batch_failed(&failure, &mut self.identity);
    }

    fn outcome(&self) -> Result<Option<Outcome>, Spoiled> {
        self.txn.outcome(self.serial)
    }

    fn epoch(&self) -> i16 {
        self.identity.current().unwrap().epoch
    }
}

/// Producer id and epoch of a request.
type InitProducer = (i64, i16);

fn found(key: &str, error_code: ErrorCode, node_id: i32) -> Answer {
    Answer::FindCoordinator(FindCoordinatorResponse {
        coordinators: vec![Coordinator {
            key: key.into(),
            node_id,
            error_code,
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn granted(error_code: ErrorCode, producer_id: i64, producer_epoch: i16) -> Answer {
    Answer::InitProducerId(InitProducerIdResponse {
        error_code,
        producer_id,
        producer_epoch,
        ..Default::default()
    })
}

fn added(results: &[(&str, i32, ErrorCode)]) -> Answer {
    let topic = |&(name, partition_index, partition_error_code): &(&str, i32, ErrorCode)| {
        AddPartitionsToTxnTopicResult {
            name: name.into(),
            results_by_partition: vec![AddPartitionsToTxnPartitionResult {
                partition_index,
                partition_error_code,
                ..Default::default()
            }],
            ..Default::default()
        }
    };
    Answer::AddPartitionsToTxn(AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: results.iter().map(topic).collect(),
        ..Default::default()
    })
}

fn group_added(error_code: ErrorCode) -> Answer {
    Answer::AddOffsetsToTxn(AddOffsetsToTxnResponse {
        error_code,
        ..Default::default()
    })
}

fn offsets(results: &[(&str, i32, ErrorCode)]) -> Answer {
    let topic = |&(name, partition_index, error_code): &(&str, i32, ErrorCode)| {
        TxnOffsetCommitResponseTopic {
            name: name.into(),
            partitions: vec![TxnOffsetCommitResponsePartition {
                partition_index,
                error_code,
                ..Default::default()
            }],
            ..Default::default()
        }
    };
    Answer::TxnOffsetCommit(TxnOffsetCommitResponse {
        topics: results.iter().map(topic).collect(),
        ..Default::default()
    })
}

fn ended(error_code: ErrorCode, producer_id: i64, producer_epoch: i16) -> Answer {
    Answer::EndTxn(EndTxnResponse {
        error_code,
        producer_id,
        producer_epoch,
        ..Default::default()
    })
}

fn group() -> Group {
    Group {
        id: Str::from_static("readers"),
        generation: 3,
        member: Str::from_static("me"),
        instance: None,
    }
}

fn offset(topic: &'static str, partition: i32, offset: i64) -> Offset {
    Offset {
        topic: Str::from_static(topic),
        partition,
        offset,
        leader_epoch: -1,
        metadata: None,
    }
}
