//! Partitions, the senders of a few brokers, memory, and the requests between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use milena_codec::{Compression, CompressionType, LINK_THRESHOLD, Payload, RecordRef};
use milena_engine::backoff::Backoff;
use milena_engine::cluster::{Leader, NodeId};
use milena_engine::produce::{
    Acks, Budget, Choice, Effects, Ended, Grant, Identity, Need, NotAppended, Outbound, Partition,
    ProducerIdentity, Reaper, Room, Sender, Settings, Ticket, Wake,
};
use milena_engine::time::Instant;
use milena_protocol::produce::{
    LeaderIdAndEpoch, PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use milena_protocol::{ErrorCode, Str};

use super::ledger::Ledger;
use super::part::{Batch, Part};
use crate::input::Input;

const PARTS: usize = 3;
const NODES: usize = 2;

/// What a broker may say, by the byte that chooses it; other bytes are error codes of their own.
const CODES: [ErrorCode; 16] = [
    ErrorCode::NONE,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::UNKNOWN_PRODUCER_ID,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::FENCED_LEADER_EPOCH,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::UNKNOWN_SERVER_ERROR,
    ErrorCode::INVALID_RECORD,
    ErrorCode::NONE,
    ErrorCode::NONE,
];
/// With these, the records may be in the log all the same.
const VAGUE: [ErrorCode; 6] = [
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NETWORK_EXCEPTION,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];
/// The partition is left out of the answer.
const LEFT_OUT: u8 = 255;

/// A payload that is linked into a batch.
static LARGE: [u8; LINK_THRESHOLD] = [7; LINK_THRESHOLD];

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) identity: Identity,
    pub(super) now: Instant,
    pub(super) parts: Vec<Part>,
    pub(super) lanes: Vec<Lane>,
    pub(super) reaper: Reaper<Part>,
    pub(super) ledger: Ledger,
    budget: Budget,
    line: VecDeque<Ticket>,
    producer_ids: i64,
    leader_epoch: i32,
    by_id: bool,
}

/// One broker's sender, and what it has sent.
pub(super) struct Lane {
    pub(super) sender: Sender<Part>,
    pub(super) wire: VecDeque<Flight>,
}

/// A request on its way.
pub(super) struct Flight {
    token: u64,
    answered: bool,
    batches: Vec<(Part, Batch)>,
}

struct Memory<'a>(&'a mut Budget);

impl Room for Memory<'_> {
    fn take(&mut self, need: Need) -> Option<Grant> {
        self.0.try_take(need)
    }
}

impl World {
    pub(super) fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let idempotent = flags & 1 == 0;
        let acks = match flags >> 1 & 3 {
            _ if idempotent => Acks::All,
            0 => Acks::None,
            1 => Acks::Leader,
            _ => Acks::All,
        };
        let by_id = flags & 8 != 0;
        let codec = CompressionType::ALL[input.below(CompressionType::ALL.len())];
        let settings = Settings {
            acks,
            idempotent,
            transactional_id: None,
            batch_size: 100 + 4 * usize::from(input.byte()),
            linger: Duration::from_millis(u64::from(input.byte())),
            max_in_flight: 1 + input.below(5),
            max_request_size: 100 + 8 * usize::from(input.byte()),
            delivery_timeout: Duration::from_millis(1 << (8 + input.below(8))),
            request_timeout: Duration::from_millis(100),
            retries: match input.byte() {
                255 => u32::MAX,
                retries => u32::from(retries),
            },
            retry_backoff: Backoff {
                base: Duration::from_millis(10),
                max: Duration::from_millis(100),
            },
            compression: Compression::of(codec),
        };
        let total = 4 * LINK_THRESHOLD + 512 * usize::from(input.byte());
        Self {
            identity: Identity::new(),
            now: Instant::from_millis(1),
            parts: (0..PARTS).map(|number| Part::new(number, by_id)).collect(),
            lanes: (0..NODES)
                .map(|node| Lane {
                    sender: Sender::new(NodeId(node as i32), 7 + node as u64),
                    wire: VecDeque::new(),
                })
                .collect(),
            reaper: Reaper::new(),
            ledger: Ledger::default(),
            budget: Budget::new(total, settings.chunk_size()),
            line: VecDeque::new(),
            producer_ids: 0,
            leader_epoch: 0,
            by_id,
            settings,
        }
    }

    pub(super) fn pick_part(&self, input: &mut Input<'_>) -> Part {
        self.parts[input.below(PARTS)].clone()
    }

    pub(super) fn pick_node(&self, input: &mut Input<'_>) -> usize {
        input.below(NODES)
    }

    /// What holds at every moment.
    pub(super) fn check(&self) {
        assert!(self.budget.reserved() <= self.budget.total());
        let sum = |count: fn(&Part) -> u64| self.parts.iter().map(count).sum::<u64>();
        let told = sum(|part| {
            part.with(|queue| {
                queue
                    .unsettled()
                    .map(|(_, records)| records.len() as u64)
                    .sum()
            })
        });
        assert_eq!(told, self.ledger.unsettled_records);
        let records = sum(|part| {
            let unsettled = part.with(|queue| queue.unsettled_records());
            unsettled.waiting + unsettled.in_flight
        });
        assert_eq!(records, self.ledger.unsettled_records);
        let accepted = sum(|part| part.with(|queue| queue.accepted()));
        assert_eq!(accepted, u64::from(self.ledger.next_record()));
        for lane in &self.lanes {
            assert_eq!(lane.sender.in_flight(), lane.wire.len());
            assert!(lane.wire.len() <= self.settings.max_in_flight);
        }
    }

    /// What holds in the end.
    pub(super) fn check_nothing_left(&mut self) {
        while !self.line.is_empty() {
            self.leave_the_line();
        }
        self.check();
        assert_eq!(self.ledger.unsettled_records, 0, "records are not settled");
        assert_eq!(self.budget.reserved(), 0, "memory is lost");
        assert!(!self.budget.has_waiters());
    }

    /// A record whose value begins with its number.
    pub(super) fn append(&mut self, part: Part, choice: u8, size: u8) {
        let mut value = self.ledger.next_record().to_be_bytes().to_vec();
        value.resize(4 + 2 * usize::from(size), size);
        let large = Bytes::from_static(&LARGE);
        let record = RecordRef {
            timestamp: i64::from(choice),
            // One size stands for a payload that is linked.
            key: (size == 255).then_some(Payload::Shared(&large)),
            value: Some(Payload::Slice(&value)),
            headers: &[],
        };
        let choice = match choice % 4 {
            0 | 1 => Choice::Given,
            2 => Choice::Sticky,
            _ => Choice::StickyNew,
        };
        let (next, now) = (self.ledger.next_batch(), self.now);
        let memory = &mut Memory(&mut self.budget);
        let appended = part
            .with(|queue| queue.append(&record, choice, &self.settings, memory, || now, || next));
        match appended {
            Ok(appended) => {
                self.ledger
                    .appended(part.number(), appended.completion, appended.index);
                if let Some(at) = appended.watch {
                    self.reaper.watch(part.clone(), at);
                }
                self.wake(part, appended.wake);
            }
            Err(NotAppended::Shortage(need)) => assert!(!need.is_nothing()),
            Err(NotAppended::TurnOver) => assert_eq!(choice, Choice::Sticky),
        }
    }

    fn wake(&mut self, part: Part, wake: Option<Wake>) {
        if let Some(Wake { node, at }) = wake {
            self.lanes[node.0 as usize].sender.handle_wake(part, at);
        }
    }

    fn reschedule(&mut self, part: Part) {
        let wake = part.with(|queue| queue.reschedule(self.now, &self.settings));
        self.wake(part, wake);
    }

    /// Polls one request and puts it on the wire. Returns whether there was one.
    pub(super) fn send(&mut self, node: usize) -> bool {
        let mut effects = Effects::new();
        let polled = self.lanes[node].sender.poll_request(
            self.now,
            &self.settings,
            &mut self.identity,
            &mut effects,
        );
        // What was given up came before what is sent, and its numbers with it.
        self.absorb(effects);
        let sent = polled.is_some();
        if let Some(Outbound {
            token,
            request,
            answered,
            max_version,
        }) = polled
        {
            assert_eq!(request.acks, self.settings.acks.wire());
            assert_eq!(answered, self.settings.acks != Acks::None);
            assert_eq!(max_version, (!self.by_id).then_some(12));
            let (mut batches, mut size) = (Vec::new(), 0);
            for topic in request.topic_data {
                for data in topic.partition_data {
                    let here =
                        |part: &&Part| *part.topic() == topic.name && part.index() == data.index;
                    let part = self.parts.iter().find(here).expect("a known partition");
                    assert_eq!(part.topic_id(), topic.topic_id);
                    let records = data.records.expect("records").into_bytes();
                    size += records.len();
                    let Settings {
                        idempotent,
                        max_in_flight,
                        ..
                    } = self.settings;
                    let node = self.lanes[node].sender.node();
                    let batch =
                        self.ledger
                            .sent(part.number(), node, records, idempotent, max_in_flight);
                    batches.push((part.clone(), batch));
                }
            }
            assert!(!batches.is_empty());
            assert!(batches.len() == 1 || size <= self.settings.max_request_size);
            self.lanes[node].wire.push_back(Flight {
                token,
                answered,
                batches,
            });
        }
        sent
    }

    /// The oldest request is answered, partition by partition.
    pub(super) fn answer(&mut self, node: usize, input: &mut Input<'_>) -> bool {
        let Some(flight) = self.lanes[node].wire.pop_front() else {
            return false;
        };
        let mut effects = Effects::new();
        let (now, settings) = (self.now, &self.settings);
        let sender = &mut self.lanes[node].sender;
        let mut stored = Vec::new();
        if flight.answered {
            let mut response = ProduceResponse::default();
            for (part, batch) in &flight.batches {
                let byte = input.byte();
                let code = match CODES.get(usize::from(byte)) {
                    Some(code) => *code,
                    None => ErrorCode(i16::from(byte)),
                };
                let is_stored =
                    matches!(code, ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
                let is_known = byte != LEFT_OUT && !VAGUE.contains(&code);
                self.ledger.answered(*batch, is_known.then_some(is_stored));
                if byte == LEFT_OUT {
                    continue;
                }
                if is_stored {
                    stored.push(*batch);
                }
                let mut answer = PartitionProduceResponse {
                    index: part.index(),
                    error_code: code,
                    base_offset: i64::from(*batch),
                    ..Default::default()
                };
                if code.refreshes_metadata() {
                    self.leader_epoch += 1;
                    answer.current_leader = LeaderIdAndEpoch {
                        leader_id: i32::from(byte % 3) - 1,
                        leader_epoch: self.leader_epoch,
                        ..Default::default()
                    };
                }
                let by_id = self.by_id;
                response.responses.push(TopicProduceResponse {
                    name: if by_id {
                        Str::default()
                    } else {
                        part.topic().clone()
                    },
                    topic_id: if by_id {
                        part.topic_id()
                    } else {
                        Default::default()
                    },
                    partition_responses: vec![answer],
                    ..Default::default()
                });
            }
            response.responses.reverse();
            sender.handle_response(flight.token, &response, now, settings, &mut effects);
        } else {
            for (_, batch) in &flight.batches {
                self.ledger.answered(*batch, Some(true));
                stored.push(*batch);
            }
            sender.handle_written(flight.token, now, settings, &mut effects);
        }
        self.absorb(effects);
        for batch in stored {
            assert!(
                self.ledger.is_settled(batch),
                "batch {batch} is stored, and nobody is told"
            );
        }
        true
    }

    /// The connection is lost. `sent` requests, from the oldest, left at least in part.
    pub(super) fn lose(&mut self, node: usize, sent: u8) {
        let mut effects = Effects::new();
        let Lane { sender, wire } = &mut self.lanes[node];
        let flights: Vec<_> = wire.drain(..).collect();
        let unsent: Vec<_> = flights
            .iter()
            .skip(usize::from(sent))
            .map(|f| f.token)
            .collect();
        for flight in &flights {
            let known = unsent.contains(&flight.token).then_some(false);
            for (_, batch) in &flight.batches {
                self.ledger.answered(*batch, known);
            }
        }
        let sent = |token| !unsent.contains(&token);
        sender.handle_lost(&cause(), sent, self.now, &self.settings, &mut effects);
        self.absorb(effects);
    }

    /// The connection does not take the latest request.
    pub(super) fn refuse_to_write(&mut self, node: usize) {
        if let Some(flight) = self.lanes[node].wire.pop_back() {
            self.failed(node, &flight, false);
        }
    }

    /// The answer to the oldest request is of no use.
    pub(super) fn misread_answer(&mut self, node: usize) {
        if let Some(flight) = self.lanes[node].wire.pop_front() {
            self.failed(node, &flight, true);
        }
    }

    fn failed(&mut self, node: usize, flight: &Flight, sent: bool) {
        for (_, batch) in &flight.batches {
            self.ledger.answered(*batch, (!sent).then_some(false));
        }
        let mut effects = Effects::new();
        let sender = &mut self.lanes[node].sender;
        sender.handle_failed(
            flight.token,
            &cause(),
            sent,
            self.now,
            &self.settings,
            &mut effects,
        );
        self.absorb(effects);
    }

    /// To a broker, or to none; now and then without a new epoch.
    pub(super) fn move_leader(&mut self, part: Part, leader: u8) {
        if leader & 128 == 0 {
            self.leader_epoch += 1;
        }
        let node = NodeId::from_wire(i32::from(leader & 127) % (1 + NODES as i32) - 1);
        let epoch = self.leader_epoch;
        self.lead(part, node.map(|node| Leader { node, epoch }));
    }

    pub(super) fn lead(&mut self, part: Part, leader: Option<Leader>) {
        part.with(|queue| queue.handle_leader(leader));
        self.reschedule(part);
    }

    pub(super) fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    pub(super) fn expire(&mut self) {
        while let Some(part) = self.reaper.poll(self.now) {
            let mut ended = Ended::default();
            let again = part.with(|queue| queue.expire(self.now, &self.settings, &mut ended));
            self.absorb_ended(part.number(), ended);
            if let Some(at) = again {
                assert!(at > self.now);
                self.reaper.watch(part.clone(), at);
            }
            self.reschedule(part);
        }
    }

    pub(super) fn absorb_ended(&mut self, part: usize, ended: Ended<Batch>) {
        for (share, failure) in ended.failed {
            self.ledger.settled(part, &share, &Err(failure));
        }
        self.free(ended.freed);
    }

    pub(super) fn free(&mut self, freed: Vec<milena_engine::produce::Content>) {
        for content in freed {
            self.budget
                .release(content.reserved, content.batch.recycle());
        }
    }

    pub(super) fn press(&mut self, node: usize) {
        let mut effects = Effects::new();
        let sender = &mut self.lanes[node].sender;
        sender.handle_pressure(self.now, &self.settings, &mut effects);
        self.absorb(effects);
    }

    pub(super) fn trouble(&mut self, node: usize) {
        self.lanes[node].sender.handle_trouble(&cause());
    }

    /// A new id where one is wanted; some begin near the end of their epochs.
    pub(super) fn grant_identity(&mut self, late: bool) {
        if self.identity.wanted() {
            self.producer_ids += 1;
            self.identity.handle_granted(ProducerIdentity {
                producer_id: self.producer_ids,
                epoch: if late { i16::MAX - 1 } else { 0 },
            });
        }
    }

    pub(super) fn flush(&mut self, part: Part) {
        part.with(|queue| queue.seal_open());
        self.reschedule(part);
    }

    pub(super) fn queue_for_memory(&mut self, size: u16) {
        let need = Need {
            chunk: usize::from(size),
            linked: 0,
        };
        if self.budget.beyond(need).is_none() && self.line.len() < 8 {
            self.line.push_back(self.budget.wait(need));
        }
    }

    /// The first in line takes what it was granted and gives it back, or goes away without.
    pub(super) fn leave_the_line(&mut self) {
        let Some(ticket) = self.line.pop_front() else {
            return;
        };
        match self.budget.poll_granted(ticket) {
            Some(grant) => self.budget.release(grant.reserved, grant.chunk),
            None => self.budget.cancel(ticket),
        }
    }

    pub(super) fn absorb(&mut self, effects: Effects<Part>) {
        self.budget.release(0, effects.chunks);
        self.free(effects.freed);
        for finished in effects.finished {
            let part = finished.partition.number();
            self.ledger.settled(part, &finished.share, &finished.result);
        }
        for (part, wake) in effects.wakes {
            self.wake(part, Some(wake));
        }
        for hint in effects.hints {
            if hint.leader.node.0 < NODES as i32 {
                self.lead(hint.partition, Some(hint.leader));
            }
        }
        for retried in effects.retried {
            assert!(retried.attempts > 0);
        }
    }
}

fn cause() -> Arc<str> {
    "lost".into()
}
