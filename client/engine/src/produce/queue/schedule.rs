//! What a partition's queue has to do next, and when; and who has been told.

use super::{Drained, PartitionQueue, Place};
use crate::{cluster::NodeId, produce::settings::Settings, time::Instant};

/// The sender of `node` has to look at a partition, now or at a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The leading broker.
    pub node: NodeId,
    /// When; `None` for now.
    pub at: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) ready_on: Option<NodeId>,
    pub(super) timer: Option<Instant>,
    pub(super) watched: bool,
    /// The last request that looked here, so that none looks twice.
    pub(super) visit: Option<(NodeId, u64)>,
}

pub(super) enum Step {
    Now,
    At(Instant),
    Nothing,
}

impl<C> PartitionQueue<C> {
    /// Notes what is to be done next, and says who has to be told, if that is news.
    pub fn reschedule(&mut self, now: Instant, settings: &Settings) -> Option<Wake> {
        let node = self.leader?.node;
        if self.schedule.ready_on.is_some() {
            return None;
        }
        match self.step(now, settings) {
            Step::Now => {
                self.schedule.ready_on = Some(node);
                Some(Wake { node, at: None })
            }
            Step::At(at) if self.schedule.timer.is_none_or(|timer| at < timer) => {
                self.schedule.timer = Some(at);
                Some(Wake { node, at: Some(at) })
            }
            Step::At(_) | Step::Nothing => None,
        }
    }

    /// Whether the sender of `node` was told to look at once, and has not yet.
    pub(in crate::produce) fn is_ready_on(&self, node: NodeId) -> bool {
        self.schedule.ready_on == Some(node)
    }

    /// A time that was asked for has come.
    pub(in crate::produce) fn handle_timer(&mut self, now: Instant) {
        if self.schedule.timer.is_some_and(|timer| timer <= now) {
            self.schedule.timer = None;
        }
    }

    /// Whether request `request` of `node` sees this partition for the first time.
    pub(in crate::produce) fn visit(&mut self, node: NodeId, request: u64) -> bool {
        let first = self.is_first(node, request);
        if first && self.schedule.ready_on == Some(node) {
            self.schedule.ready_on = None;
        }
        first
    }

    /// As [`visit`](Self::visit), without looking.
    pub(in crate::produce) fn is_first(&mut self, node: NodeId, request: u64) -> bool {
        self.schedule.visit.replace((node, request)) != Some((node, request))
    }

    /// Closes the open batch if nothing but lingering keeps it from being sent. Says whether it did.
    pub(in crate::produce) fn stop_lingering(&mut self) -> bool {
        let waits = |batch: &Drained<C>| matches!(batch.place, Place::Waiting { .. });
        let lingers = self.open.is_some() && !self.drained.iter().any(waits);
        if lingers {
            self.handle_timer(Instant::FAR_FUTURE);
            self.seal_open();
        }
        lingers
    }

    /// Whether a batch with `before` unsettled ones before it may be on its way together with them. Those behind the
    /// oldest that are settled count too: the broker recognises a repeat of the oldest only while it is among the last
    /// five that it took.
    pub(super) fn is_within_window(&self, before: usize, settings: &Settings) -> bool {
        let overtaken = self.drained.front().map_or(0, |oldest| oldest.overtaken);
        let settled = if settings.idempotent { overtaken } else { 0 };
        before + settled < settings.max_in_flight
    }

    pub(super) fn step(&self, now: Instant, settings: &Settings) -> Step {
        let Some(leader) = self.leader else {
            return Step::Nothing;
        };
        let mut waiting = None;
        let mut in_flight = 0;
        for (before, batch) in self.drained.iter().enumerate() {
            match &batch.place {
                // Batches that another broker still has in flight are resolved there first: otherwise the new
                // leader could see later ones before them.
                Place::InFlight { node, .. } if *node != leader.node || self.numbering.broken() => {
                    return Step::Nothing;
                }
                Place::InFlight { .. } => in_flight += 1,
                Place::Waiting {
                    not_before, epoch, ..
                } => {
                    waiting = waiting.or(Some((before, *not_before, *epoch)));
                }
            }
        }
        let alone = settings.idempotent && !self.numbering.established();
        if in_flight > 0 && (alone || in_flight >= settings.max_in_flight) {
            return Step::Nothing;
        }
        if let Some((before, not_before, epoch)) = waiting {
            return if !self.is_within_window(before, settings) {
                Step::Nothing
            } else if not_before <= now || epoch < leader.epoch {
                Step::Now
            } else {
                Step::At(not_before)
            };
        }
        let held_back = self.numbering.has_hole() && !self.drained.is_empty();
        if held_back || !self.is_within_window(self.drained.len(), settings) {
            Step::Nothing
        } else if !self.sealed.is_empty() {
            Step::Now
        } else if let Some(open) = &self.open {
            let at = open.created + settings.linger;
            if at <= now { Step::Now } else { Step::At(at) }
        } else {
            Step::Nothing
        }
    }
}
