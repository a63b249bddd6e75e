//! Plans with transactions drawn from a seed.

use std::time::Duration;

use milena_engine::{
    backoff::{Backoff, Rng},
    produce::Settings,
    time::Instant,
};
use milena_protocol::{ApiKey, ErrorCode};

use super::{Dice, OVERHEAD, Theme};
use crate::{
    mishap::{Mishap, Spell, SpellKind},
    plan::{End, Load, Plan, ProducerPlan, TransactionPlan, TransactionsPlan},
};

/// What coordinators are asked, and what they tell partitions.
const APIS: [ApiKey; 7] = [
    ApiKey::FIND_COORDINATOR,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::ADD_PARTITIONS_TO_TXN,
    ApiKey::ADD_OFFSETS_TO_TXN,
    ApiKey::TXN_OFFSET_COMMIT,
    ApiKey::END_TXN,
    ApiKey::WRITE_TXN_MARKERS,
];

impl Plan {
    /// The plan of a seed, with producers of transactions.
    pub fn draw_with_transactions(seed: u64) -> Self {
        // Other numbers than those of the plan without.
        Dice(Rng::new(seed ^ 0x7472_616e_7361_6374)).transactional_plan(seed)
    }
}

impl Dice {
    fn transactional_plan(&mut self, seed: u64) -> Plan {
        let nodes = self.number(1, 3);
        let topics: Vec<i32> = match self.below(3) {
            0 => vec![1],
            1 => vec![self.number(1, 3)],
            _ => vec![self.number(1, 2), self.number(1, 2)],
        };
        let slowest = self.pick(1, &[1, 5, 20]);
        let latency = (Duration::from_micros(100), self.millis(1, slowest));
        let horizon = self.within(100, 1500);
        let count = self.pick(1, &[1, 2, 2, 3]);
        let share = self.one_in(3);
        let mut producers = Vec::new();
        for number in 0..count {
            let id = if share { 0 } else { number };
            producers.push(self.transactional_producer(&topics, horizon, id));
        }
        if self.one_in(3) {
            let mut plain = self.producer(&topics, horizon, Theme::Everything);
            plain.patient = false;
            producers.push(plain);
        }
        let mut plan = Plan {
            seed,
            nodes,
            topics,
            grown: None,
            latency,
            window: self.size(1, 6),
            first_epoch: 0,
            by_name: self.one_in(4),
            transaction_version: self.pick(2, &[2, 2, 0, 1]),
            producers,
            mishaps: Vec::new(),
            heal: Instant::from_millis(horizon + 3000),
        };
        let mishaps = self.pick(0, &[1, 2, 4, 8, 12, 16]);
        let mut drawn: Vec<_> = (0..mishaps)
            .map(|_| {
                let at = Instant::ZERO + self.millis(0, horizon);
                (at, self.transactional_mishap(&plan, count))
            })
            .collect();
        drawn.sort_by_key(|(at, _)| *at);
        plan.mishaps = drawn;
        plan
    }

    fn transactional_producer(&mut self, topics: &[i32], horizon: u64, id: usize) -> ProducerPlan {
        let largest = self.pick(40, &[60, 150]);
        let request_timeout = self.pick(100, &[40, 60, 200]);
        let slow = self.one_in(2);
        let settings = Settings {
            request_timeout: Duration::from_millis(request_timeout),
            delivery_timeout: Duration::from_millis(request_timeout + self.within(0, 800)),
            linger: Duration::from_millis(self.pick(0, &[0, 1, 5])),
            max_in_flight: self.size(1, 5),
            retries: if self.one_in(6) {
                self.pick(0, &[1, 3])
            } else {
                u32::MAX
            },
            retry_backoff: Backoff {
                base: self.millis(1, if slow { 60 } else { 5 }),
                max: self.millis(if slow { 60 } else { 5 }, if slow { 200 } else { 30 }),
            },
            ..self.settings(largest, Theme::Refusals)
        };
        let room = settings.chunk_size().max(largest + OVERHEAD);
        let count = self.within(2, 8);
        let pause = horizon / count;
        ProducerPlan {
            transactions: Some(TransactionsPlan {
                id,
                starts: self.millis(0, horizon / 2),
                timeout: if self.one_in(4) {
                    self.millis(50, 600)
                } else {
                    Duration::from_secs(10)
                },
                script: (0..count)
                    .map(|_| self.transaction(topics, pause, largest))
                    .collect(),
            }),
            callers: Vec::new(),
            settings,
            buffer_memory: room * self.pick(100, &[100, 4, 1]),
            max_block: self.millis(5, 500),
            setup_timeout: Duration::from_millis(self.within(50, 300)),
            patient: false,
        }
    }

    fn transaction(&mut self, topics: &[i32], pause: u64, largest: usize) -> TransactionPlan {
        let count = self.pick(1, &[0, 1, 2, 4, 8]);
        let bursts = self.one_in(2);
        let records = (0..count)
            .map(|_| {
                let topic = self.size(0, topics.len() as u64 - 1);
                let partitions = topics.get(topic).copied().unwrap_or(1);
                Load {
                    after: if bursts {
                        Duration::ZERO
                    } else {
                        self.millis(0, pause / 4)
                    },
                    topic,
                    partition: self.number(0, u64::try_from(partitions - 1).unwrap_or(0)),
                    size: self.size(4, largest as u64),
                }
            })
            .collect();
        let last = topics.first().map_or(0, |partitions| partitions - 1);
        let last = u64::try_from(last).unwrap_or(0);
        TransactionPlan {
            after: self.millis(0, pause / 2),
            records,
            offsets: self.one_in(2).then(|| self.number(0, last)),
            awaits_offsets: self.one_in(2),
            end: self.pick(
                End::Commit,
                &[
                    End::Commit,
                    End::Commit,
                    End::Commit,
                    End::CommitAndLeave,
                    End::Abort,
                    End::Abort,
                    End::Drop,
                ],
            ),
        }
    }

    fn transactional_mishap(&mut self, plan: &Plan, producers: usize) -> Mishap {
        let node = self.number(1, u64::try_from(plan.nodes).unwrap_or(1));
        match self.below(10) {
            0..=4 => match self.mishap(plan, Theme::Everything) {
                // Records of a transaction are not purged.
                Mishap::Purge { producer } => Mishap::Flush { producer },
                other => other,
            },
            5 => Mishap::MoveCoordinator {
                id: self.size(0, producers as u64 - 1),
                node,
                loads: self.millis(0, 100),
            },
            6 if self.one_in(3) => Mishap::Upgrade {
                level: self.pick(2, &[2, 0, 1]),
            },
            _ => Mishap::Bewitch(self.coordinator_trouble(node)),
        }
    }

    fn coordinator_trouble(&mut self, node: i32) -> Spell {
        let api = self.pick(ApiKey::END_TXN, &APIS);
        let by = self.millis(1, 700);
        let refuse = SpellKind::Refuse;
        let kind = match self.below(8) {
            0..=2 => self.pick(
                refuse(ErrorCode::CONCURRENT_TRANSACTIONS),
                &[
                    refuse(ErrorCode::NOT_COORDINATOR),
                    refuse(ErrorCode::COORDINATOR_NOT_AVAILABLE),
                    refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
                    refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                    refuse(ErrorCode::REQUEST_TIMED_OUT),
                ],
            ),
            // Whoever asks for the end again is not told that there was none, if there was.
            3 if api != ApiKey::END_TXN && self.one_in(2) => self.pick(
                refuse(ErrorCode::TRANSACTION_ABORTABLE),
                &[
                    refuse(ErrorCode::INVALID_TXN_STATE),
                    refuse(ErrorCode::UNKNOWN_SERVER_ERROR),
                    refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED),
                    refuse(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
                    refuse(ErrorCode::PRODUCER_FENCED),
                ],
            ),
            _ => self.pick(
                SpellKind::LoseAnswer,
                &[
                    SpellKind::LoseAnswer,
                    SpellKind::LoseRequest,
                    SpellKind::Hang,
                    SpellKind::HangAfterApplying,
                    SpellKind::Garbage,
                    SpellKind::Truncate,
                    SpellKind::WrongCorrelationId,
                    SpellKind::Delay(by),
                    SpellKind::Throttle(by),
                ],
            ),
        };
        Spell {
            kind,
            api,
            at: None,
            node: self.one_in(3).then_some(node),
            after: self.pick(0, &[0, 1, 3]),
            times: self.pick(1, &[1, 2, 4]),
        }
    }
}
