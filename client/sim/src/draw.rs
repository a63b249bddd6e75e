//! Plans drawn from a seed.

use std::time::Duration;

use milena_codec::Compression;
use milena_engine::{
    backoff::{Backoff, Rng},
    produce::{Acks, Settings},
    time::Instant,
};
use milena_protocol::{ApiKey, ErrorCode};

use crate::{
    mishap::{Mishap, Spell, SpellKind, Way},
    plan::{Load, Plan, ProducerPlan},
};

/// Bytes by which a record grows in a batch of its own, at most.
const OVERHEAD: usize = 120;

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        Dice(Rng::new(seed)).plan(seed)
    }
}

struct Dice(Rng);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// True in one of `n` cases.
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn micros(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.within(low, high))
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        self.micros(low * 1000, high * 1000)
    }

    fn size(&mut self, low: u64, high: u64) -> usize {
        usize::try_from(self.within(low, high)).unwrap_or(usize::MAX)
    }

    fn number(&mut self, low: u64, high: u64) -> i32 {
        i32::try_from(self.within(low, high)).unwrap_or(i32::MAX)
    }

    fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let at = self.size(0, others.len() as u64);
        at.checked_sub(1)
            .and_then(|at| others.get(at))
            .copied()
            .unwrap_or(first)
    }

    fn plan(&mut self, seed: u64) -> Plan {
        let nodes = self.number(1, 3);
        let topics: Vec<i32> = match self.below(3) {
            0 => vec![1],
            1 => vec![self.number(1, 4)],
            _ => vec![self.number(1, 2), self.number(1, 3)],
        };
        let slowest = self.pick(1, &[5, 20, 40]);
        let latency = (Duration::from_micros(100), self.millis(1, slowest));
        let count = self.pick(1, &[1, 2, 3]);
        let horizon = self.within(100, 1500);
        let producers: Vec<_> = (0..count)
            .map(|_| self.producer(&topics, horizon))
            .collect();
        let mut plan = Plan {
            seed,
            nodes,
            topics,
            latency,
            window: self.size(1, 6),
            first_epoch: if self.one_in(8) {
                i16::MAX - i16::try_from(self.below(4)).unwrap_or(0)
            } else {
                0
            },
            producers,
            mishaps: Vec::new(),
            heal: Instant::from_millis(horizon + 3000),
        };
        let mishaps = self.pick(0, &[2, 4, 8, 12, 16, 24]);
        plan.mishaps = (0..mishaps)
            .map(|_| {
                let at = Instant::ZERO + self.millis(0, horizon);
                (at, self.mishap(&plan))
            })
            .collect();
        plan.mishaps.sort_by_key(|(at, _)| *at);
        let hopeless = plan.mishaps.iter().any(|(_, mishap)| mishap.ends_batches());
        for producer in &mut plan.producers {
            producer.patient &= !hopeless;
        }
        plan
    }

    fn producer(&mut self, topics: &[i32], horizon: u64) -> ProducerPlan {
        let idempotent = !self.one_in(6);
        let batch_size = self.pick(100, &[200, 300, 600, 1500]);
        let largest = self.pick(60, &[150, 400, 1000]);
        let whole = batch_size.max(largest + OVERHEAD);
        let request_timeout = self.pick(200, &[60, 100, 400]);
        let linger = self.pick(0, &[0, 1, 5, 30]);
        let patient = self.one_in(2);
        let delivery_timeout = if patient {
            60_000
        } else {
            linger + request_timeout + self.within(0, 600)
        };
        let settings = Settings {
            acks: match idempotent {
                true => Acks::All,
                false => self.pick(Acks::All, &[Acks::Leader, Acks::None]),
            },
            idempotent,
            batch_size,
            linger: Duration::from_millis(linger),
            max_in_flight: self.size(1, 5),
            max_request_size: whole * self.size(1, 4),
            delivery_timeout: Duration::from_millis(delivery_timeout),
            request_timeout: Duration::from_millis(request_timeout),
            retries: if patient || !self.one_in(5) {
                u32::MAX
            } else {
                self.pick(0, &[1, 3])
            },
            retry_backoff: Backoff {
                base: self.millis(1, 60),
                max: self.millis(60, 200),
            },
            compression: self.pick(
                Compression::NONE,
                &[
                    Compression::NONE,
                    Compression::NONE,
                    Compression::LZ4,
                    Compression::SNAPPY,
                ],
            ),
        };
        let room = settings.chunk_size().max(largest + OVERHEAD);
        let callers = self.within(1, 3);
        let records = self.pick(10, &[30, 60, 120]) / callers;
        // The last partition stays idle in some runs.
        let spare_one = self.one_in(3);
        let callers = (0..callers)
            .map(|_| {
                let pause = horizon / records.max(1);
                let bursts = self.one_in(2);
                (0..records)
                    .map(|_| {
                        let topic = self.size(0, topics.len() as u64 - 1);
                        let count = topics.get(topic).copied().unwrap_or(1);
                        let last = if spare_one && count > 1 {
                            count - 2
                        } else {
                            count - 1
                        };
                        Load {
                            after: if bursts && !self.one_in(8) {
                                Duration::ZERO
                            } else {
                                self.millis(0, 2 * pause)
                            },
                            topic,
                            partition: self.number(0, u64::try_from(last).unwrap_or(0)),
                            size: self.size(4, largest as u64),
                        }
                    })
                    .collect()
            })
            .collect();
        ProducerPlan {
            settings,
            buffer_memory: room * self.pick(1, &[2, 4, 16, 64]),
            max_block: if patient {
                Duration::from_secs(60)
            } else {
                self.millis(5, 500)
            },
            setup_timeout: Duration::from_millis(self.within(50, 300)),
            callers,
            patient,
        }
    }

    fn mishap(&mut self, plan: &Plan) -> Mishap {
        let node = self.number(1, u64::try_from(plan.nodes).unwrap_or(1));
        let producers = plan.producers.len() as u64;
        let producer = self.size(0, producers - 1);
        let some = self.one_in(2).then_some(producer);
        let topic = self.size(0, plan.topics.len() as u64 - 1);
        let count = plan.topics.get(topic).copied().unwrap_or(1);
        let partition = self.number(0, u64::try_from(count - 1).unwrap_or(0));
        match self.below(20) {
            0..=2 => Mishap::Cut {
                node,
                producer: some,
            },
            3..=6 => Mishap::Stall {
                node,
                producer: some,
                way: self.pick(Way::Up, &[Way::Down, Way::Both]),
                lasts: self.millis(5, 1500),
                later_ones: self.one_in(4),
            },
            7 => Mishap::NodeDown {
                node,
                lasts: self.millis(5, 600),
            },
            8 => Mishap::Unreachable {
                node,
                lasts: self.millis(5, 600),
            },
            9..=10 => Mishap::MoveLeader {
                topic,
                partition,
                node,
            },
            11..=14 => Mishap::Bewitch(self.refusal(Some((topic, partition)))),
            15..=17 => Mishap::Bewitch(self.trouble(node)),
            18 => Mishap::Bewitch(self.elsewhere(node)),
            _ if self.one_in(3) => Mishap::Close { producer },
            _ => Mishap::Flush { producer },
        }
    }

    fn refusal(&mut self, at: Option<(usize, i32)>) -> Spell {
        let refuse = SpellKind::Refuse;
        let kind = if self.one_in(6) {
            self.pick(
                refuse(ErrorCode::MESSAGE_TOO_LARGE),
                &[
                    refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED),
                    refuse(ErrorCode::INVALID_RECORD),
                    SpellKind::Deny(ErrorCode::UNKNOWN_SERVER_ERROR),
                ],
            )
        } else {
            self.pick(
                refuse(ErrorCode::NOT_ENOUGH_REPLICAS),
                &[
                    refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                    refuse(ErrorCode::LEADER_NOT_AVAILABLE),
                    refuse(ErrorCode::REQUEST_TIMED_OUT),
                    refuse(ErrorCode::KAFKA_STORAGE_ERROR),
                    refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                    refuse(ErrorCode::CORRUPT_MESSAGE),
                    SpellKind::Deny(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                    SpellKind::Deny(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                    SpellKind::Deny(ErrorCode::REQUEST_TIMED_OUT),
                    SpellKind::Deny(ErrorCode::KAFKA_STORAGE_ERROR),
                ],
            )
        };
        Spell {
            kind,
            api: ApiKey::PRODUCE,
            at,
            node: None,
            after: self.pick(0, &[0, 1, 3, 6]),
            times: self.pick(1, &[1, 2, 5]),
        }
    }

    fn trouble(&mut self, node: i32) -> Spell {
        let by = self.millis(1, 700);
        let kind = self.pick(
            SpellKind::LoseRequest,
            &[
                SpellKind::LoseAnswer,
                SpellKind::LoseAnswer,
                SpellKind::Hang,
                SpellKind::HangAfterApplying,
                SpellKind::Garbage,
                SpellKind::Truncate,
                SpellKind::WrongCorrelationId,
                SpellKind::Delay(by),
                SpellKind::Delay(by),
                SpellKind::Throttle(by),
            ],
        );
        Spell {
            kind,
            api: ApiKey::PRODUCE,
            at: None,
            node: Some(node),
            after: self.pick(0, &[0, 1, 3, 6]),
            times: self.pick(1, &[1, 2, 4]),
        }
    }

    fn elsewhere(&mut self, node: i32) -> Spell {
        let by = self.millis(1, 700);
        let (api, kind) = self.pick(
            (ApiKey::METADATA, SpellKind::Stale),
            &[
                (ApiKey::METADATA, SpellKind::Stale),
                (ApiKey::METADATA, SpellKind::Delay(by)),
                (ApiKey::METADATA, SpellKind::Hang),
                (
                    ApiKey::METADATA,
                    SpellKind::Refuse(ErrorCode::LEADER_NOT_AVAILABLE),
                ),
                (
                    ApiKey::INIT_PRODUCER_ID,
                    SpellKind::Refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
                ),
                (ApiKey::INIT_PRODUCER_ID, SpellKind::LoseAnswer),
                (ApiKey::INIT_PRODUCER_ID, SpellKind::Delay(by)),
                (ApiKey::API_VERSIONS, SpellKind::Hang),
                (ApiKey::API_VERSIONS, SpellKind::LoseRequest),
            ],
        );
        Spell {
            kind,
            api,
            at: None,
            node: self.one_in(2).then_some(node),
            after: self.pick(0, &[0, 1, 2]),
            times: self.pick(1, &[2, 4]),
        }
    }
}

impl Mishap {
    /// Whether records may fail by it however patient their producer is.
    fn ends_batches(&self) -> bool {
        match self {
            Self::Close { .. } => true,
            Self::Bewitch(Spell {
                kind: SpellKind::Refuse(code) | SpellKind::Deny(code),
                ..
            }) => !code.is_retriable(),
            _ => false,
        }
    }
}
