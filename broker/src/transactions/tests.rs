use std::time::Duration;

use bytes::Bytes;
use milena_codec::{Batches, Decompressor};
use milena_protocol::add_offsets_to_txn::AddOffsetsToTxnRequest;
use milena_protocol::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use milena_protocol::end_txn::EndTxnRequest;
use milena_protocol::fetch::FetchResponse;
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use milena_protocol::{ApiKey, Request, Uuid};

use super::*;
use crate::testing::*;
use crate::{Fault, Reply};

/// Its coordinator is node 3 to begin with.
const ID: &str = "a";
const TIMEOUT: i64 = 60_000;
const SECOND: i16 = 12;

type Holder = (i64, i16);

/// What a client with one transactional id does, at a time of its own.
struct Client<'a> {
    state: &'a mut State,
    now: i64,
}

impl Client<'_> {
    fn ask<R: Request>(&mut self, node: i32, version: i16, request: &R) -> R::Response {
        match handle(self.state, node, version, request, self.now) {
            Reply::Answer(answer) => body::<R>(&answer, version),
            other => panic!("{other:?}"),
        }
    }

    fn coordinator(&self) -> i32 {
        let of = CoordinatorType::Transaction;
        self.state.coordinator(of, ID).unwrap()
    }

    fn init_as(&mut self, expected: Holder, version: i16) -> Result<Holder, ErrorCode> {
        let request = InitProducerIdRequest {
            transactional_id: Some(Str::from(ID)),
            transaction_timeout_ms: i32::try_from(TIMEOUT).unwrap(),
            producer_id: expected.0,
            producer_epoch: expected.1,
            ..Default::default()
        };
        let response = self.ask(self.coordinator(), version, &request);
        let holder = (response.producer_id, response.producer_epoch);
        result(response.error_code).map(|()| holder)
    }

    fn init(&mut self) -> Result<Holder, ErrorCode> {
        self.init_as((-1, -1), 5)
    }

    fn add_in(&mut self, holder: Holder, partitions: &[i32], version: i16) -> Vec<ErrorCode> {
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: Str::from(ID),
            v3_and_below_producer_id: holder.0,
            v3_and_below_producer_epoch: holder.1,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: Str::from("orders"),
                partitions: partitions.to_vec(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let response = self.ask(self.coordinator(), version, &request);
        let topics = response.results_by_topic_v3_and_below;
        let partitions = topics
            .into_iter()
            .flat_map(|topic| topic.results_by_partition);
        partitions
            .map(|partition| partition.partition_error_code)
            .collect()
    }

    fn add(&mut self, holder: Holder, partition: i32) -> ErrorCode {
        self.add_in(holder, &[partition], 3)[0]
    }

    fn write(&mut self, version: i16, partition: i32, batch: Bytes) -> ErrorCode {
        self.write_all(version, &[(partition, batch)], Some(ID))
    }

    /// Over the leader of the first partition.
    fn write_all(&mut self, version: i16, batches: &[(i32, Bytes)], id: Option<&str>) -> ErrorCode {
        let request = milena_protocol::produce::ProduceRequest {
            transactional_id: id.map(Str::from),
            ..produce_request("orders", batches, -1)
        };
        let (leader, _) = self.state.leader("orders", batches[0].0).unwrap();
        only(self.ask(leader, version, &request)).error_code
    }

    fn end_in(
        &mut self,
        holder: Holder,
        committed: bool,
        version: i16,
    ) -> Result<Holder, ErrorCode> {
        let request = EndTxnRequest {
            transactional_id: Str::from(ID),
            producer_id: holder.0,
            producer_epoch: holder.1,
            committed,
            ..Default::default()
        };
        let response = self.ask(self.coordinator(), version, &request);
        let holder = (response.producer_id, response.producer_epoch);
        result(response.error_code).map(|()| holder)
    }

    fn fetch(&mut self, partition: i32, isolation_level: i8) -> FetchResponse {
        let request = milena_protocol::fetch::FetchRequest {
            max_wait_ms: 0,
            isolation_level,
            ..fetch_request("orders", Uuid::ZERO, partition, 0)
        };
        let (leader, _) = self.state.leader("orders", partition).unwrap();
        self.ask(leader, 11, &request)
    }

    /// What is below the last stable offset, with what is told of it: that offset, and the aborted transactions.
    fn committed(&mut self, partition: i32) -> (Vec<String>, i64, Vec<(i64, i64)>) {
        let response = self.fetch(partition, 1);
        let data = &response.responses[0].partitions[0];
        let aborted = data.aborted_transactions.iter().flatten();
        let aborted = aborted.map(|aborted| (aborted.producer_id, aborted.first_offset));
        let values = fetched(&response).into_iter().map(|(_, value)| value);
        (values.collect(), data.last_stable_offset, aborted.collect())
    }

    /// The ends of transactions in a log, with the producer epoch they carry: committed or not, and coordinator epoch.
    fn markers(&mut self, partition: i32) -> Vec<(i16, bool, i32)> {
        let response = self.fetch(partition, 0);
        let records = response.responses[0].partitions[0].records.clone().unwrap();
        let mut found = Vec::new();
        for batch in Batches::exact(records.into_bytes()) {
            let batch = batch.unwrap().into_current().unwrap();
            if batch.is_control() {
                let epoch = batch.header().producer_epoch;
                let mut records = batch.records(&mut Decompressor::default()).unwrap();
                let end = EndTransaction::parse(&records.next().unwrap().unwrap()).unwrap();
                found.push((epoch, end.committed, end.coordinator_epoch));
            }
        }
        found
    }
}

fn result(code: ErrorCode) -> Result<(), ErrorCode> {
    match code {
        ErrorCode::NONE => Ok(()),
        code => Err(code),
    }
}

fn client(state: &mut State) -> Client<'_> {
    Client { state, now: NOW }
}

#[test]
fn a_transaction_of_the_first_generation() {
    let mut state = builder().transaction_version(1).into_state().unwrap();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    assert_eq!(client.add_in(holder, &[0, 1], 3), [ErrorCode::NONE; 2]);
    for version in [3, 11] {
        let sequence = if version == 3 { 0 } else { 1 };
        let batch = transactional(holder, sequence, &["one"]);
        assert_eq!(client.write(version, 0, batch), ErrorCode::NONE);
    }
    assert_eq!(client.committed(0), (vec![], 0, vec![]));
    assert_eq!(client.end_in(holder, true, 4), Ok((-1, -1)));
    assert_eq!(client.committed(0).0, ["one", "one"]);
    // The second partition has a marker, too, and nothing to be seen.
    assert_eq!(client.markers(1), [(0, true, 0)]);
    assert_eq!(client.committed(1), (vec![], 1, vec![]));
    // Epoch and sequences go on.
    assert_eq!(client.add(holder, 0), ErrorCode::NONE);
    let batch = transactional(holder, 2, &["two"]);
    assert_eq!(client.write(11, 0, batch), ErrorCode::NONE);
    assert_eq!(client.end_in(holder, false, 4), Ok((-1, -1)));
    assert_eq!(client.end_in(holder, false, 4), Ok((-1, -1)));
    let (values, stable, aborted) = client.committed(0);
    assert_eq!((values.len(), stable), (3, 5));
    assert_eq!(aborted, [(holder.0, 3)]);
    assert_eq!(client.markers(0), [(0, true, 0), (0, false, 0)]);
}

#[test]
fn a_transaction_of_the_second_generation() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let first = client.init().unwrap();
    let batch = transactional(first, 0, &["one", "two"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let second = client.end_in(first, false, 5).unwrap();
    assert_eq!(second, (first.0, first.1 + 1));
    // The marker closed the epoch, so what was late for it stays out, and sequences begin anew.
    let late = transactional(first, 2, &["late"]);
    assert_eq!(
        client.write(SECOND, 0, late),
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    let gap = transactional(second, 2, &["three"]);
    assert_eq!(
        client.write(SECOND, 0, gap.clone()),
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        client.write(SECOND, 1, gap),
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    let batch = transactional(second, 0, &["three"]);
    assert_eq!(client.write(SECOND, 0, batch.clone()), ErrorCode::NONE);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let third = client.end_in(second, true, 5).unwrap();
    // Its answer may have been lost.
    assert_eq!(client.end_in(second, true, 5), Ok(third));
    assert_eq!(client.committed(0).0, ["one", "two", "three"]);
    assert_eq!(client.committed(0).2, [(first.0, 0)]);
    assert_eq!(client.markers(0), [(1, false, 0), (2, true, 0)]);
    let audit = state.audit();
    assert_eq!(audit.partitions[0].aborted.first(), Some(&(0..2)));
    assert_eq!((audit.aborted(), audit.committed()), (2, 1));
    assert_eq!(audit.partitions[0].committed.first(), Some(&(3..4)));
    assert_eq!(
        (audit.stored(), audit.acknowledged(), audit.open()),
        (3, 3, 0)
    );
    assert_eq!((audit.lost(), audit.duplicated()), (0, 0));
}

#[test]
fn records_outside_a_transaction_are_refused() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    for (version, code) in [
        (3, ErrorCode::INVALID_TXN_STATE),
        (10, ErrorCode::INVALID_TXN_STATE),
        (11, ErrorCode::TRANSACTION_ABORTABLE),
    ] {
        assert_eq!(client.write(version, 0, batch.clone()), code, "{version}");
    }
    let without = client.write_all(SECOND, &[(0, batch.clone())], None);
    assert_eq!(without, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    let unknown = client.write_all(SECOND, &[(0, batch.clone())], Some("nobody"));
    assert_eq!(unknown, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    let other = transactional((holder.0, 3), 0, &["a"]);
    assert_eq!(
        client.write(SECOND, 0, other),
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    client.state.move_leader("orders", 1, 1).unwrap();
    let other = transactional((holder.0 + 1, 0), 0, &["a"]);
    let request = produce_request("orders", &[(0, batch.clone()), (1, other)], -1);
    let request = milena_protocol::produce::ProduceRequest {
        transactional_id: Some(Str::from(ID)),
        ..request
    };
    let response = client.ask(1, SECOND, &request);
    for partition in &response.responses[0].partition_responses {
        assert_eq!(partition.error_code, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    }
    assert_eq!(client.state.audit().stored(), 0);
    // While its transaction is open, a producer writes nothing beside it.
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let plain = altered(&transactional(holder, 1, &["b"]), |header| {
        header.attributes.0 &= !(1 << 4);
    });
    assert_eq!(client.write(SECOND, 0, plain), ErrorCode::INVALID_TXN_STATE);
}

#[test]
fn partitions_are_added_all_or_none() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    assert_eq!(
        client.add_in(holder, &[0, 7], 3),
        [
            ErrorCode::OPERATION_NOT_ATTEMPTED,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        ]
    );
    client.state.push_fault(
        Fault::error(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
            .on(ApiKey::ADD_PARTITIONS_TO_TXN)
            .topic("orders")
            .partition(1),
    );
    assert_eq!(
        client.add_in(holder, &[0, 1], 3),
        [
            ErrorCode::OPERATION_NOT_ATTEMPTED,
            ErrorCode::TOPIC_AUTHORIZATION_FAILED
        ]
    );
    assert_eq!(
        client.state.transaction_state(ID),
        Some(TransactionState::Empty)
    );
    let response = client.ask(3, 4, &AddPartitionsToTxnRequest::default());
    assert_eq!(response.error_code, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
}

#[test]
fn errors_are_those_that_the_version_knows() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let fenced = client.init().unwrap();
    client.init().unwrap();
    for version in 0..=3 {
        let code = match version {
            0 | 1 => ErrorCode::INVALID_PRODUCER_EPOCH,
            _ => ErrorCode::PRODUCER_FENCED,
        };
        assert_eq!(client.add_in(fenced, &[0], version), [code], "{version}");
        assert_eq!(client.end_in(fenced, true, version), Err(code), "{version}");
        let request = AddOffsetsToTxnRequest {
            transactional_id: Str::from(ID),
            producer_id: fenced.0,
            producer_epoch: fenced.1,
            group_id: Str::from("g"),
            ..Default::default()
        };
        let response = client.ask(3, version, &request);
        assert_eq!(response.error_code, code, "{version}");
    }
    let other = (fenced.0 + 1, 0);
    let init = client.init_as(other, 3);
    assert_eq!(init, Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    assert_eq!(client.init_as(other, 4), Err(ErrorCode::PRODUCER_FENCED));
    let mut too_long = InitProducerIdRequest {
        transactional_id: Some(Str::from(ID)),
        ..Default::default()
    };
    for timeout in [0, -1, MAX_TIMEOUT_MS + 1] {
        too_long.transaction_timeout_ms = timeout;
        let response = client.ask(3, 5, &too_long);
        assert_eq!(response.error_code, ErrorCode::INVALID_TRANSACTION_TIMEOUT);
    }
}

#[test]
fn a_new_producer_aborts_what_its_predecessor_left() {
    for level in [1, 2] {
        let mut state = builder().transaction_version(level).into_state().unwrap();
        let mut client = client(&mut state);
        let first = client.init().unwrap();
        let batch = transactional(first, 0, &["a"]);
        assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
        assert_eq!(client.init(), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
        assert_eq!(client.init(), Ok((first.0, first.1 + 2)));
        assert_eq!(client.committed(0).2, [(first.0, 0)]);
        let batch = transactional(first, 1, &["b"]);
        assert_eq!(
            client.write(SECOND, 0, batch),
            ErrorCode::INVALID_PRODUCER_EPOCH
        );
        let end = client.end_in(first, true, 5);
        assert_eq!(end, Err(ErrorCode::PRODUCER_FENCED));
    }
}

/// A producer whose transaction ran for too long and was aborted.
fn expired(client: &mut Client<'_>) -> Holder {
    let holder = client.init().unwrap();
    client.now += 1000;
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    client.now += TIMEOUT;
    assert_eq!(client.committed(0).1, 0);
    client.now += 1;
    let aborted = vec![(holder.0, 0)];
    assert_eq!(client.committed(0), (vec!["a".to_owned()], 2, aborted));
    // Nothing of that epoch enters any more, not even outside a transaction.
    let late = transactional(holder, 1, &["b"]);
    let plain = altered(&late, |header| header.attributes.0 &= !(1 << 4));
    for batch in [late, plain] {
        assert_eq!(
            client.write(SECOND, 0, batch),
            ErrorCode::INVALID_PRODUCER_EPOCH
        );
    }
    holder
}

#[test]
fn a_transaction_that_runs_for_too_long_is_aborted_and_its_producer_fenced() {
    let mut state = builder().transaction_version(1).into_state().unwrap();
    let mut client = client(&mut state);
    let holder = expired(&mut client);
    for committed in [true, false] {
        let end = client.end_in(holder, committed, 4);
        assert_eq!(end, Err(ErrorCode::PRODUCER_FENCED));
    }
    let again = client.init_as(holder, 5);
    assert_eq!(again, Err(ErrorCode::PRODUCER_FENCED));
    assert!(client.init().is_ok());
}

#[test]
fn in_the_second_generation_its_producer_goes_on_once_it_knows() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let holder = expired(&mut client);
    let committed = client.end_in(holder, true, 5);
    assert_eq!(committed, Err(ErrorCode::INVALID_TXN_STATE));
    let next = (holder.0, holder.1 + 1);
    assert_eq!(client.end_in(holder, false, 5), Ok(next));
    assert_eq!(client.init_as(holder, 5), Ok(next));
    let batch = transactional(next, 0, &["b"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
}

#[test]
fn the_time_of_one_transaction_is_not_that_of_the_next() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let mut holder = client.init().unwrap();
    for step in 0..5 {
        let batch = transactional(holder, 0, &["a"]);
        assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE, "{step}");
        client.now += TIMEOUT - 1;
        holder = client.end_in(holder, true, 5).unwrap();
    }
    assert_eq!(client.state.audit().committed(), 5);
}

#[test]
fn a_transaction_is_completing_until_every_marker_is_written() {
    let mut state = cluster();
    state.push_fault(
        Fault::delay(Duration::from_millis(50))
            .on(ApiKey::WRITE_TXN_MARKERS)
            .topic("orders")
            .partition(1),
    );
    let mut client = client(&mut state);
    let first = client.init().unwrap();
    for partition in [0, 1] {
        let batch = transactional(first, 0, &["a"]);
        assert_eq!(client.write(SECOND, partition, batch), ErrorCode::NONE);
    }
    let second = client.end_in(first, true, 5).unwrap();
    assert_eq!(client.committed(0).0, ["a"]);
    assert_eq!(client.committed(1).1, 0);
    assert_eq!(
        client.state.transaction_state(ID),
        Some(TransactionState::PrepareCommit)
    );
    let concurrent = ErrorCode::CONCURRENT_TRANSACTIONS;
    assert_eq!(client.init(), Err(concurrent));
    assert_eq!(client.add(second, 2), concurrent);
    assert_eq!(client.end_in(first, true, 5), Err(concurrent));
    let next = transactional(second, 0, &["b"]);
    assert_eq!(client.write(SECOND, 0, next.clone()), concurrent);
    let older = client.write(11, 0, next.clone());
    assert_eq!(older, ErrorCode::NOT_ENOUGH_REPLICAS);
    client.now += 50;
    assert_eq!(client.write(SECOND, 0, next), ErrorCode::NONE);
    assert_eq!(client.committed(1).0, ["a"]);
    assert_eq!(
        client.state.transaction_state(ID),
        Some(TransactionState::Ongoing)
    );
}

#[test]
fn a_marker_waits_for_a_leader_and_for_its_topic_no_longer_than_there_is_one() {
    let mut state = builder().replication_factor(1).into_state().unwrap();
    let (leader, _) = state.leader("orders", 2).unwrap();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 2, batch), ErrorCode::NONE);
    client.state.node_down(leader).unwrap();
    assert!(client.end_in(holder, true, 5).is_ok());
    assert_eq!(client.init(), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    client.state.node_up(leader).unwrap();
    assert_eq!(client.committed(2).0, ["a"]);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 2, batch), ErrorCode::NONE);
    client.state.delete_topic("orders").unwrap();
    assert!(client.end_in(holder, true, 5).is_ok());
    assert!(client.init().is_ok());
}

#[test]
fn a_marker_that_fails_is_written_again_and_one_whose_answer_is_lost_twice() {
    for (fault, at_once, written) in [
        (Fault::lose_request(), 0, 1),
        (Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER), 0, 1),
        (Fault::lose_answer(), 1, 2),
        (
            Fault::error_after_applying(ErrorCode::REQUEST_TIMED_OUT),
            1,
            2,
        ),
    ] {
        for generation in [1, 2] {
            let mut state = cluster();
            // One that names no API is for clients only.
            state.push_fault(Fault::hang().node(2));
            state.push_fault(fault.clone().on(ApiKey::WRITE_TXN_MARKERS));
            let mut client = client(&mut state);
            let holder = client.init().unwrap();
            assert_eq!(client.add(holder, 0), ErrorCode::NONE);
            let batch = transactional(holder, 0, &["a"]);
            assert_eq!(client.write(11, 0, batch), ErrorCode::NONE);
            let version = if generation == 1 { 4 } else { 5 };
            assert!(client.end_in(holder, false, version).is_ok());
            assert_eq!(client.markers(0).len(), at_once);
            assert_eq!(client.init(), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
            client.now += MARKER_RETRY_MS;
            assert_eq!(client.markers(0).len(), written);
            assert_eq!(client.committed(0).2, [(holder.0, 0)]);
            assert!(client.init().is_ok());
            assert_eq!(client.state.pending_faults(), 1);
        }
    }
}

#[test]
fn a_transaction_goes_on_with_another_coordinator() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let first = client.init().unwrap();
    let batch = transactional(first, 0, &["a"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let transaction = CoordinatorType::Transaction;
    client.state.move_coordinator(transaction, ID, 1).unwrap();
    let request = EndTxnRequest {
        transactional_id: Str::from(ID),
        ..Default::default()
    };
    let response = client.ask(3, 5, &request);
    assert_eq!(response.error_code, ErrorCode::NOT_COORDINATOR);
    client.state.load_coordinator(transaction, ID, NOW + 100);
    let loading = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    assert_eq!(client.end_in(first, true, 5), Err(loading));
    assert_eq!(client.init(), Err(loading));
    assert_eq!(client.add(first, 1), loading);
    let batch = transactional(first, 0, &["b"]);
    assert_eq!(
        client.write(SECOND, 1, batch),
        ErrorCode::NOT_ENOUGH_REPLICAS
    );
    client.now += 100;
    let second = client.end_in(first, true, 5);
    assert_eq!(second, Ok((first.0, first.1 + 1)));
    assert_eq!(client.markers(0), [(1, true, 1)]);
}

#[test]
fn while_no_coordinator_serves_nothing_runs_out_of_time() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let until = NOW + 2 * TIMEOUT;
    client
        .state
        .load_coordinator(CoordinatorType::Transaction, ID, until);
    client.now = until - 1;
    assert_eq!(client.committed(0).1, 0);
    client.now = until;
    assert_eq!(client.committed(0).1, 2);
}

#[test]
fn while_it_loads_a_coordinator_writes_no_marker() {
    let mut state = cluster();
    let late = Fault::delay(Duration::from_millis(10));
    state.push_fault(late.on(ApiKey::WRITE_TXN_MARKERS));
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    assert!(client.end_in(holder, true, 5).is_ok());
    client
        .state
        .load_coordinator(CoordinatorType::Transaction, ID, NOW + 100);
    client.now += 99;
    assert_eq!(client.committed(0).1, 0);
    client.now += 1;
    assert_eq!(client.committed(0).1, 2);
}

#[test]
fn offsets_are_told_as_far_as_the_isolation_level_allows() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let before = altered(&plain(&["before"]), |header| {
        header.base_timestamp = NOW - 10;
        header.max_timestamp = NOW - 10;
    });
    assert_eq!(client.write(SECOND, 0, before), ErrorCode::NONE);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["open"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let mut list = |isolation_level, timestamp| {
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level,
            topics: vec![ListOffsetsTopic {
                name: Str::from("orders"),
                partitions: vec![ListOffsetsPartition {
                    timestamp,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        client.ask(1, 7, &request).topics[0].partitions[0].offset
    };
    // The end, the newest record, and times.
    for (timestamp, uncommitted, committed) in
        [(-1, 2, 1), (-3, 1, -1), (NOW - 20, 0, 0), (NOW, 1, -1)]
    {
        assert_eq!(list(0, timestamp), uncommitted, "{timestamp}");
        assert_eq!(list(1, timestamp), committed, "{timestamp}");
    }
}

#[test]
fn the_clock_ends_transactions_without_a_request() {
    let mut state = cluster();
    let mut client = client(&mut state);
    let holder = client.init().unwrap();
    let batch = transactional(holder, 0, &["a"]);
    assert_eq!(client.write(SECOND, 0, batch), ErrorCode::NONE);
    let before = state.changes();
    state.advance(NOW + TIMEOUT);
    assert_eq!((state.audit().open(), state.changes()), (1, before));
    state.advance(NOW + TIMEOUT + 1);
    assert_eq!((state.audit().open(), state.audit().aborted()), (0, 1));
    assert!(state.changes() > before);
}

/// A stream of numbers that looks random and is not.
fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// What a consumer of committed records sees from an offset on, in answers of one batch or more: it leaves out a
/// producer's batches from the first offset that it is told of up to the marker.
fn consume(state: &mut State, mut from: i64, max_bytes: i32) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let request = milena_protocol::fetch::FetchRequest {
            max_wait_ms: 0,
            max_bytes,
            isolation_level: 1,
            ..fetch_request("orders", Uuid::ZERO, 0, from)
        };
        let (leader, _) = state.leader("orders", 0).unwrap();
        let response = ask(state, leader, 11, &request);
        let data = &response.responses[0].partitions[0];
        let records = data.records.clone().unwrap().into_bytes();
        if records.is_empty() {
            return seen;
        }
        let told = data.aborted_transactions.as_ref().unwrap();
        let mut told = told
            .iter()
            .map(|aborted| (aborted.first_offset, aborted.producer_id))
            .collect::<BTreeSet<_>>();
        let mut left_out = BTreeSet::new();
        for batch in Batches::exact(records) {
            let batch = batch.unwrap().into_current().unwrap();
            while let Some(&(first, producer)) = told.first()
                && first < batch.next_offset()
            {
                told.pop_first();
                left_out.insert(producer);
            }
            let mut records = batch.records(&mut Decompressor::default()).unwrap();
            let producer = batch.header().producer_id;
            if batch.is_control() {
                let end = EndTransaction::parse(&records.next().unwrap().unwrap()).unwrap();
                assert!(end.committed != left_out.remove(&producer));
            } else if !batch.header().attributes.is_transactional() || !left_out.contains(&producer)
            {
                let offsets = records.map(|record| record.unwrap().offset);
                seen.extend(offsets.filter(|offset| *offset >= from));
            }
            from = batch.next_offset();
        }
    }
}

/// Transactions of four ids, in one partition and in each other's way.
fn weave(seed: u64) -> State {
    let mut state = cluster();
    let mut next = noise(seed);
    let mut now = NOW;
    let ids = ["a", "b", "c", "d"].map(Str::from);
    let mut open = BTreeMap::<Str, (Holder, i32)>::new();
    for _ in 0..next(60) + 20 {
        now += i64::try_from(next(40)).unwrap();
        state.advance(now);
        let id = &ids[usize::try_from(next(4)).unwrap()];
        match (open.remove(id), next(8)) {
            (held, 0) => {
                let node = 1 + i32::try_from(next(3)).unwrap();
                state.move_leader("orders", 0, node).unwrap();
                open.extend(held.map(|held| (id.clone(), held)));
            }
            (held, 1) => {
                let late = Fault::delay(Duration::from_millis(next(90)));
                state.push_fault(late.on(ApiKey::WRITE_TXN_MARKERS));
                open.extend(held.map(|held| (id.clone(), held)));
            }
            (None, _) => {
                let holder = state.initialize_producer(id, 1000, None, now);
                open.extend(holder.map(|holder| (id.clone(), (holder, 0))));
            }
            (Some((holder, sequence)), 2 | 3) if sequence > 0 => {
                let outcome = [Outcome::Commit, Outcome::Abort][usize::try_from(next(2)).unwrap()];
                let after = state.end_transaction(id, holder, outcome, Generation::Second, now);
                match after {
                    Ok(after) => open.insert(id.clone(), (after, 0)),
                    Err(ErrorCode::CONCURRENT_TRANSACTIONS) => {
                        open.insert(id.clone(), (holder, sequence))
                    }
                    // It ran for too long.
                    Err(error) => {
                        assert!(matches!(
                            error,
                            ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_TXN_STATE
                        ));
                        None
                    }
                };
            }
            (Some((holder, sequence)), kind) => {
                let count = usize::try_from(next(3)).unwrap();
                let values = &["x", "y", "z"][count..];
                let batch = match kind {
                    4 => plain(values),
                    _ => transactional(holder, sequence, values),
                };
                let (leader, _) = state.leader("orders", 0).unwrap();
                let request = milena_protocol::produce::ProduceRequest {
                    transactional_id: Some(id.clone()),
                    ..produce_request("orders", &[(0, batch)], -1)
                };
                let Reply::Answer(answer) = handle(&mut state, leader, 12, &request, now) else {
                    panic!("it is answered")
                };
                type Produce = milena_protocol::produce::ProduceRequest;
                let code = only(body::<Produce>(&answer, 12)).error_code;
                let written = code == ErrorCode::NONE && kind != 4;
                let length = i32::try_from(values.len()).unwrap();
                let sequence = sequence + if written { length } else { 0 };
                if code != ErrorCode::INVALID_PRODUCER_EPOCH {
                    open.insert(id.clone(), (holder, sequence));
                }
            }
        }
    }
    state
}

#[test]
fn whatever_is_woven_consumers_see_what_is_committed() {
    let (mut committed, mut aborted, mut open) = (0, 0, 0);
    for seed in 0..40 {
        let mut state = weave(seed);
        let audit = state.audit();
        committed += audit.committed();
        aborted += audit.aborted();
        open += audit.open();
        let log = &state.topics.get("orders").unwrap().partitions[0].log;
        let (stable, end) = (log.last_stable(), log.end());
        let visible = log
            .batches()
            .filter(|batch| {
                let seen = matches!(
                    batch.membership,
                    crate::log::Membership::Outside | crate::log::Membership::Committed
                );
                seen && batch.last_offset < stable
            })
            .flat_map(|batch| batch.base_offset..=batch.last_offset)
            .collect::<Vec<_>>();
        for from in 0..=end {
            let expected = visible.iter().copied().filter(|offset| *offset >= from);
            let expected = expected.collect::<Vec<_>>();
            for max_bytes in [1, 300, 1 << 20] {
                // `ask` brings a time at which nothing more is due.
                let seen = consume(&mut state, from, max_bytes);
                assert_eq!(seen, expected, "seed {seed} from {from} by {max_bytes}");
            }
        }
    }
    let counts = (committed, aborted, open);
    assert!(committed > 100 && aborted > 100 && open > 20, "{counts:?}");
}
