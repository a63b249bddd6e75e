//! Mishaps drawn from a seed.

use std::time::Duration;

use milena_protocol::{ApiKey, ErrorCode};

use super::{Dice, Theme};
use crate::{
    mishap::{Mishap, Spell, SpellKind, Way},
    plan::{Plan, ProducerPlan},
};

/// In milliseconds. What is ahead by an hour, brokers do not take.
const HALF_AN_HOUR: u64 = 30 * 60 * 1000;

impl Dice {
    pub(super) fn mishap(&mut self, plan: &Plan, theme: Theme) -> Mishap {
        let node = self.number(1, u64::try_from(plan.nodes).unwrap_or(1));
        let producers = plan.producers.len() as u64;
        let producer = self.size(0, producers - 1);
        let some = self.one_in(2).then_some(producer);
        let topic = self.size(0, plan.topics.len() as u64 - 1);
        let count = plan.topics.get(topic).copied().unwrap_or(1);
        let partition = self.number(0, u64::try_from(count - 1).unwrap_or(0));
        let waits = |mine: &ProducerPlan| mine.settings.request_timeout;
        let patience = plan.producers.first().map_or(Duration::ZERO, waits);
        let kind = match theme {
            Theme::Everything => self.below(27),
            Theme::Buffers => self.pick(3, &[3, 3, 3, 3, 20, 20, 0, 9, 11, 15, 22, 25]),
            Theme::Refusals => self.pick(11, &[11, 11, 11, 11, 0, 15, 22]),
        };
        match kind {
            0..=2 => Mishap::Cut {
                node,
                producer: some,
            },
            3..=6 => Mishap::Stall {
                node,
                producer: some,
                way: self.pick(Way::Up, &[Way::Up, Way::Down, Way::Both]),
                lasts: match theme {
                    Theme::Everything => self.millis(5, 1500),
                    // Just longer than a client waits for its answer.
                    Theme::Buffers => patience + self.millis(0, 50),
                    Theme::Refusals => self.millis(5, 300),
                },
                later_ones: theme == Theme::Everything && self.one_in(4),
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
            20..=21 => Mishap::Usurp {
                topic,
                partition,
                node,
                lasts: patience / 2 + self.millis(0, 100),
            },
            22..=23 => Mishap::Freeze {
                producer,
                lasts: match theme {
                    Theme::Everything => self.millis(1, 1500),
                    // About as long as anybody waits for it.
                    Theme::Buffers | Theme::Refusals => patience / 2 + self.millis(0, 100),
                },
            },
            24 => Mishap::ClockJump {
                producer,
                by: i64::from(self.number(0, 2 * HALF_AN_HOUR)) - HALF_AN_HOUR.cast_signed(),
            },
            25 => Mishap::DeleteTopic {
                topic,
                lasts: if self.one_in(2) {
                    Duration::ZERO
                } else {
                    self.millis(1, 400)
                },
            },
            26 => Mishap::AddPartitions {
                topic: plan.topics.len() - 1,
            },
            _ if self.one_in(3) => Mishap::Close { producer },
            _ if self.one_in(2) => Mishap::Purge { producer },
            _ => Mishap::Flush { producer },
        }
    }

    fn refusal(&mut self, at: Option<(usize, i32)>) -> Spell {
        let refuse = SpellKind::Refuse;
        let kind = if self.one_in(6) {
            refuse(self.any_code())
        } else if self.one_in(5) {
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
                    refuse(ErrorCode::UNKNOWN_TOPIC_ID),
                    refuse(ErrorCode::FENCED_LEADER_EPOCH),
                    SpellKind::Deny(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                    SpellKind::Deny(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                    SpellKind::Deny(ErrorCode::REQUEST_TIMED_OUT),
                    SpellKind::Deny(ErrorCode::KAFKA_STORAGE_ERROR),
                    SpellKind::Deny(ErrorCode::NOT_LEADER_OR_FOLLOWER),
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

    /// Any code there is, but for those by which a broker would lie about what it has.
    fn any_code(&mut self) -> ErrorCode {
        let lies = [
            ErrorCode::NONE,
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::UNKNOWN_PRODUCER_ID,
        ];
        let honest: Vec<_> = ErrorCode::ALL
            .iter()
            .filter(|code| !lies.contains(code))
            .collect();
        let at = self.size(0, honest.len() as u64 - 1);
        honest
            .get(at)
            .map_or(ErrorCode::UNKNOWN_SERVER_ERROR, |code| **code)
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
    pub(super) fn ends_batches(&self) -> bool {
        match self {
            Self::Close { .. } | Self::Purge { .. } | Self::DeleteTopic { .. } => true,
            Self::Bewitch(Spell {
                kind: SpellKind::Refuse(code) | SpellKind::Deny(code),
                ..
            }) => !code.is_retriable(),
            _ => false,
        }
    }
}
