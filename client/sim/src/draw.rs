//! Plans drawn from a seed.

mod mishaps;
mod transactions;

use std::time::Duration;

use milena_codec::Compression;
use milena_engine::{
    backoff::{Backoff, Rng},
    produce::{Acks, Settings},
    time::Instant,
};

use crate::plan::{Load, Plan, ProducerPlan};

/// Bytes by which a record grows in a batch of its own, at most.
const OVERHEAD: usize = 120;

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        Dice(Rng::new(seed)).plan(seed)
    }
}

/// What a plan is about. Most of what can go wrong needs several things at once, so some plans look for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    /// A bit of everything.
    Everything,
    /// Little time, and requests that stay in some buffer.
    Buffers,
    /// Many small batches in flight, and refusals of every kind.
    Refusals,
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
        let theme = self.pick(Theme::Everything, &[Theme::Buffers, Theme::Refusals]);
        let focused = theme != Theme::Everything;
        let nodes = self.number(1, if focused { 2 } else { 3 });
        let topics: Vec<i32> = match self.below(3) {
            _ if focused => vec![self.number(1, 2)],
            0 => vec![1],
            1 => vec![self.number(1, 4)],
            _ => vec![self.number(1, 2), self.number(1, 3)],
        };
        let slowest = if focused {
            self.pick(1, &[3])
        } else {
            self.pick(1, &[5, 20, 40])
        };
        let latency = (Duration::from_micros(100), self.millis(1, slowest));
        let count = if focused { 1 } else { self.pick(1, &[1, 2, 3]) };
        let horizon = match theme {
            Theme::Refusals => self.within(50, 300),
            Theme::Buffers => self.within(200, 800),
            Theme::Everything => self.within(100, 1500),
        };
        let producers: Vec<_> = (0..count)
            .map(|_| self.producer(&topics, horizon, theme))
            .collect();
        let rare = if focused { 3 } else { 8 };
        let last = topics.last().copied().unwrap_or(1);
        let grows = last > 1 && self.one_in(6);
        let mut plan = Plan {
            seed,
            nodes,
            topics,
            grown: grows.then(|| self.number(1, u64::try_from(last - 1).unwrap_or(1))),
            latency,
            window: self.size(1, 6),
            first_epoch: if self.one_in(rare) {
                i16::MAX - i16::try_from(self.below(4)).unwrap_or(0)
            } else {
                0
            },
            by_name: self.one_in(4),
            transaction_version: 2,
            producers,
            mishaps: Vec::new(),
            heal: Instant::from_millis(horizon + 3000),
        };
        let mishaps = match theme {
            Theme::Everything => self.pick(0, &[2, 4, 8, 12, 16, 24]),
            Theme::Buffers => self.within(6, 16),
            Theme::Refusals => self.within(6, 30),
        };
        // Several things at once find more than the same things one by one.
        let moment = self.millis(0, horizon);
        let mut drawn: Vec<_> = (0..mishaps)
            .map(|_| {
                let at = if theme == Theme::Refusals && self.one_in(2) {
                    moment
                } else {
                    self.millis(0, horizon)
                };
                (Instant::ZERO + at, self.mishap(&plan, theme))
            })
            .collect();
        drawn.sort_by_key(|(at, _)| *at);
        let hopeless = grows || drawn.iter().any(|(_, mishap)| mishap.ends_batches());
        plan.mishaps = drawn;
        for producer in &mut plan.producers {
            producer.patient &= !hopeless;
        }
        plan
    }

    fn producer(&mut self, topics: &[i32], horizon: u64, theme: Theme) -> ProducerPlan {
        let largest = match theme {
            Theme::Everything => self.pick(60, &[150, 400, 1000]),
            Theme::Buffers | Theme::Refusals => 40,
        };
        let settings = self.settings(largest, theme);
        let patient = settings.delivery_timeout.as_secs() > 5;
        let room = settings.chunk_size().max(largest + OVERHEAD);
        let buffer_memory = match theme {
            Theme::Everything => room * self.pick(1, &[2, 4, 16, 64]),
            Theme::Buffers | Theme::Refusals => room * 100,
        };
        ProducerPlan {
            callers: self.callers(topics, horizon, largest, theme),
            transactions: None,
            settings,
            buffer_memory,
            max_block: if patient {
                Duration::from_secs(60)
            } else {
                self.millis(5, 500)
            },
            setup_timeout: Duration::from_millis(self.within(50, 300)),
            patient,
        }
    }

    fn settings(&mut self, largest: usize, theme: Theme) -> Settings {
        let idempotent = theme != Theme::Everything || !self.one_in(6);
        let batch_size = match theme {
            Theme::Everything => self.pick(100, &[200, 300, 600, 1500]),
            Theme::Buffers | Theme::Refusals => 110,
        };
        let whole = batch_size.max(largest + OVERHEAD);
        let request_timeout = match theme {
            Theme::Everything => self.pick(200, &[60, 100, 400]),
            Theme::Buffers | Theme::Refusals => self.pick(40, &[60, 100]),
        };
        let patient = match theme {
            Theme::Everything | Theme::Refusals => self.one_in(2),
            Theme::Buffers => self.one_in(8),
        };
        let linger = match theme {
            // Nobody waits that long for memory while something lingers.
            Theme::Everything if patient && self.one_in(6) => 3000,
            Theme::Everything => self.pick(0, &[0, 1, 5, 30]),
            Theme::Buffers | Theme::Refusals => self.pick(0, &[1]),
        };
        let delivery_timeout = match theme {
            _ if patient => 60_000,
            Theme::Everything => linger + request_timeout + self.within(0, 600),
            Theme::Buffers => linger + request_timeout + self.within(0, 15),
            Theme::Refusals => linger + request_timeout + self.within(0, 100),
        };
        let slow = theme == Theme::Everything;
        Settings {
            acks: match idempotent {
                true => Acks::All,
                false => self.pick(Acks::All, &[Acks::Leader, Acks::None]),
            },
            idempotent,
            transactional_id: None,
            batch_size,
            linger: Duration::from_millis(linger),
            max_in_flight: match theme {
                Theme::Refusals => self.pick(5, &[5, 3, 1]),
                Theme::Buffers => self.size(2, 5),
                Theme::Everything => self.size(1, 5),
            },
            max_request_size: whole * self.size(1, 4),
            delivery_timeout: Duration::from_millis(delivery_timeout),
            request_timeout: Duration::from_millis(request_timeout),
            retries: if patient || !self.one_in(5) {
                u32::MAX
            } else {
                self.pick(0, &[1, 3])
            },
            retry_backoff: Backoff {
                base: self.millis(1, if slow { 60 } else { 5 }),
                max: self.millis(if slow { 60 } else { 5 }, if slow { 200 } else { 30 }),
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
        }
    }

    fn callers(
        &mut self,
        topics: &[i32],
        horizon: u64,
        largest: usize,
        theme: Theme,
    ) -> Vec<Vec<Load>> {
        let callers = match theme {
            Theme::Everything => self.within(1, 3),
            Theme::Buffers | Theme::Refusals => 1,
        };
        let records = match theme {
            Theme::Everything => self.pick(10, &[30, 60, 120]) / callers,
            Theme::Buffers => self.within(40, 100),
            Theme::Refusals => self.within(20, 60),
        };
        // The last partition stays idle in some runs.
        let spare_one = self.one_in(3);
        let mut script = || {
            let pause = horizon / records.max(1);
            let bursts = self.one_in(if theme == Theme::Buffers { 4 } else { 2 });
            let load = |_| {
                let topic = self.size(0, topics.len() as u64 - 1);
                let count = topics.get(topic).copied().unwrap_or(1);
                let spared = i32::from(spare_one && count > 1);
                let last = u64::try_from(count - 1 - spared).unwrap_or(0);
                Load {
                    after: if bursts && !self.one_in(8) {
                        Duration::ZERO
                    } else {
                        self.millis(0, 2 * pause)
                    },
                    topic,
                    partition: self.number(0, last),
                    size: self.size(4, largest as u64),
                }
            };
            (0..records).map(load).collect()
        };
        (0..callers).map(|_| script()).collect()
    }
}
