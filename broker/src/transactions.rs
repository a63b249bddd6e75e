//! All transactions of a cluster: what their coordinators do by request, and what by time.

use std::collections::{BTreeMap, BTreeSet};

use milena_codec::EndTransaction;
use milena_protocol::{ErrorCode, Str};

use crate::coordinators::{CoordinatorType, partition_for};
use crate::fault::Delivery;
use crate::marker::marker;
use crate::state::State;
use crate::transaction::{
    End, Generation, Initialized, Marker, Outcome, Participant, Transaction, TransactionState,
};

/// Kafka's default of `transaction.max.timeout.ms`.
const MAX_TIMEOUT_MS: i32 = 15 * 60 * 1000;
/// After how many ms a marker that did not arrive is sent again.
const MARKER_RETRY_MS: i64 = 100;
/// Where Kafka keeps the offsets of groups: what faults call a group when its marker is sent.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// What a client understands of transactions, by the version of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Old,
    /// It knows TRANSACTION_ABORTABLE.
    KnowsAbortable,
    /// What it writes adds to the transaction (KIP-890).
    SecondGeneration,
}

/// Every transactional id that was ever used. They do not expire.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<Str, Transaction>,
    /// The last moments of transactions that are ongoing.
    deadlines: BTreeSet<(i64, Str)>,
    /// Ids whose transaction is completing.
    completing: BTreeSet<Str>,
}

impl State {
    /// Does what is due at time `now` (ms) without being asked for: transactions that ran for too long are aborted, and
    /// markers written that wait for their time or a leader. [`handle`](Self::handle) and [`resume`](Self::resume) do
    /// it first of all.
    pub fn advance(&mut self, now: i64) {
        self.abort_expired(now);
        for id in self.transactions.completing.clone() {
            self.go_on_completing(&id, now);
        }
    }

    /// How far the latest transaction of a transactional id is; `None` if nobody used the id.
    #[must_use]
    pub fn transaction_state(&self, transactional_id: &str) -> Option<TransactionState> {
        let transaction = self.transactions.by_id.get(transactional_id)?;
        Some(transaction.state)
    }

    /// The feature `transaction.version`.
    pub(crate) fn generation(&self) -> Generation {
        match self.transaction_version {
            ..2 => Generation::First,
            2.. => Generation::Second,
        }
    }

    /// Why a node cannot serve a group or transactional id.
    pub(crate) fn check_coordinator(
        &self,
        of: CoordinatorType,
        key: &str,
        node: i32,
        now: i64,
    ) -> Result<(), ErrorCode> {
        match self.coordinator_of(of, key) {
            Some(coordinator) if coordinator.leader == Some(node) => {
                match coordinator.is_active(now) {
                    true => Ok(()),
                    false => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
                }
            }
            _ => Err(ErrorCode::NOT_COORDINATOR),
        }
    }

    /// Initializes a producer, and gives its id and epoch.
    pub(crate) fn initialize_producer(
        &mut self,
        transactional_id: &str,
        timeout_ms: i32,
        expected: Option<(i64, i16)>,
        now: i64,
    ) -> Result<(i64, i16), ErrorCode> {
        if !(1..=MAX_TIMEOUT_MS).contains(&timeout_ms) {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        let generation = self.generation();
        let Self {
            transactions,
            producer_ids,
            ..
        } = self;
        if !transactions.by_id.contains_key(transactional_id) {
            let created = Transaction::new(producer_ids.give());
            // A copy: an id from a request must not keep the whole frame in memory.
            let id = Str::from(transactional_id);
            transactions.by_id.insert(id, created);
        }
        let transaction = transactions.get_mut(transactional_id)?;
        match transaction.initialize(expected, timeout_ms, || producer_ids.give())? {
            Initialized::Done => Ok((transaction.producer_id, transaction.epoch)),
            Initialized::MustAbort => {
                transaction.fence(generation, now);
                self.begin_completing(transactional_id, now);
                // Even if that was done in an instant: the producer asks again, and gets an epoch of its own.
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
        }
    }

    /// Adds participants to a producer's transaction, which begins with the first.
    pub(crate) fn add_to_transaction(
        &mut self,
        transactional_id: &str,
        (producer_id, epoch): (i64, i16),
        participants: impl IntoIterator<Item = Participant>,
        now: i64,
    ) -> Result<(), ErrorCode> {
        let transaction = self.transactions.get_mut(transactional_id)?;
        transaction.check_add(producer_id, epoch)?;
        if let Some(deadline) = transaction.add(participants, now) {
            let id = Str::from(transactional_id);
            self.transactions.deadlines.insert((deadline, id));
        }
        Ok(())
    }

    /// What the leader of a partition, or the coordinator of a group, asks a transaction's coordinator before it takes
    /// in the first that is written there: the second generation adds it to the transaction by that, the first has
    /// added it before.
    pub(crate) fn verify_in_transaction(
        &mut self,
        transactional_id: &str,
        (producer_id, epoch): (i64, i16),
        participant: Participant,
        client: Client,
        now: i64,
    ) -> Result<(), ErrorCode> {
        let coordinator = self.coordinator_of(CoordinatorType::Transaction, transactional_id);
        if !coordinator.is_some_and(|coordinator| coordinator.is_active(now)) {
            // Older clients would not repeat a batch for what it really is, but do for that.
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        let verified = match client {
            Client::SecondGeneration => {
                let holder = (producer_id, epoch);
                self.add_to_transaction(transactional_id, holder, [participant], now)
            }
            _ => self
                .transactions
                .get_mut(transactional_id)
                .and_then(|known| known.check_has(producer_id, epoch, &participant)),
        };
        verified.map_err(|error| match (error, client) {
            (ErrorCode::PRODUCER_FENCED, _) => ErrorCode::INVALID_PRODUCER_EPOCH,
            (ErrorCode::TRANSACTION_ABORTABLE, Client::Old) => ErrorCode::INVALID_TXN_STATE,
            (ErrorCode::CONCURRENT_TRANSACTIONS, Client::Old | Client::KnowsAbortable) => {
                ErrorCode::NOT_ENOUGH_REPLICAS
            }
            (other, _) => other,
        })
    }

    /// Ends a producer's transaction, and gives the id and epoch for its next.
    pub(crate) fn end_transaction(
        &mut self,
        transactional_id: &str,
        (producer_id, epoch): (i64, i16),
        outcome: Outcome,
        generation: Generation,
        now: i64,
    ) -> Result<(i64, i16), ErrorCode> {
        let Self {
            transactions,
            producer_ids,
            ..
        } = self;
        let transaction = transactions.get_mut(transactional_id)?;
        let end = transaction.check_end(producer_id, epoch, outcome, generation)?;
        if end == End::Prepare {
            transaction.prepare(outcome, generation, now, || producer_ids.give());
        }
        let after = transaction.holder_after();
        if end == End::Prepare {
            self.begin_completing(transactional_id, now);
        }
        Ok(after)
    }

    fn abort_expired(&mut self, now: i64) {
        let generation = self.generation();
        let overdue = |deadlines: &BTreeSet<(i64, Str)>| {
            let overdue = deadlines.iter().take_while(|(deadline, _)| *deadline < now);
            overdue.cloned().collect::<Vec<_>>()
        };
        for entry in overdue(&self.transactions.deadlines) {
            let id = &entry.1;
            let coordinator = self.coordinator_of(CoordinatorType::Transaction, id);
            if !coordinator.is_some_and(|coordinator| coordinator.is_active(now)) {
                continue;
            }
            if let Ok(transaction) = self.transactions.get_mut(id) {
                transaction.fence(generation, now);
                self.begin_completing(id, now);
            }
        }
    }

    fn begin_completing(&mut self, transactional_id: &str, now: i64) {
        let id = Str::from(transactional_id);
        if let Ok(transaction) = self.transactions.get_mut(transactional_id) {
            let deadline = (transaction.deadline(), id.clone());
            self.transactions.deadlines.remove(&deadline);
        }
        self.transactions.completing.insert(id);
        self.go_on_completing(transactional_id, now);
    }

    /// Writes the markers that can be written, and completes the transaction with the last.
    fn go_on_completing(&mut self, transactional_id: &str, now: i64) {
        let coordinator = self.coordinator_of(CoordinatorType::Transaction, transactional_id);
        let Some(coordinator) = coordinator.filter(|coordinator| coordinator.is_active(now)) else {
            return;
        };
        let coordinator_epoch = coordinator.epoch;
        let Ok(transaction) = self.transactions.get_mut(transactional_id) else {
            return;
        };
        let (producer_id, epoch) = (transaction.producer_id, transaction.epoch);
        let end = EndTransaction {
            committed: transaction.state == TransactionState::PrepareCommit,
            coordinator_epoch,
        };
        let mut open = std::mem::take(&mut transaction.markers);
        open.retain(|participant, marker| {
            marker.due > now
                || !self.go_on_with(participant, marker, end, (producer_id, epoch), now)
        });
        let Ok(transaction) = self.transactions.get_mut(transactional_id) else {
            return;
        };
        transaction.markers = open;
        if transaction.markers.is_empty() {
            transaction.complete();
            self.transactions.completing.remove(transactional_id);
        }
    }

    /// Sends or writes one marker. `true` once the coordinator knows that it is written.
    fn go_on_with(
        &mut self,
        participant: &Participant,
        marker: &mut Marker,
        end: EndTransaction,
        holder: (i64, i16),
        now: i64,
    ) -> bool {
        let (topic, index, leader) = match participant {
            Participant::Partition(topic, index) => {
                let Some(partition) = self.topics.get(topic).and_then(|t| t.partition(*index))
                else {
                    // The topic was deleted, and all that was written to it.
                    return true;
                };
                (topic.as_str(), *index, partition.leader)
            }
            Participant::Group(group) => {
                let coordinator = self.coordinator_of(CoordinatorType::Group, group);
                let active = coordinator.filter(|coordinator| coordinator.is_active(now));
                let leader = active.and_then(|coordinator| coordinator.leader);
                (OFFSETS_TOPIC, partition_for(group), leader)
            }
        };
        let Some(leader) = leader else {
            return false;
        };
        if !marker.is_sent {
            match self.deliver_marker(leader, topic, index) {
                Delivery::After(0) => {}
                Delivery::After(ms) => {
                    *marker = Marker {
                        due: now.saturating_add(ms),
                        is_sent: true,
                    };
                    return false;
                }
                Delivery::Fails { is_applied } => {
                    if is_applied {
                        self.write_marker(participant, end, holder, now);
                    }
                    marker.due = now.saturating_add(MARKER_RETRY_MS);
                    return false;
                }
            }
        }
        self.write_marker(participant, end, holder, now);
        true
    }

    fn write_marker(
        &mut self,
        participant: &Participant,
        end: EndTransaction,
        (producer_id, epoch): (i64, i16),
        now: i64,
    ) {
        match participant {
            Participant::Partition(topic, index) => {
                let found = self.topics.get_mut(topic);
                let Some(partition) = found.and_then(|topic| topic.partition_mut(*index)) else {
                    return;
                };
                let (offset, leader_epoch) = (partition.log.end(), partition.leader_epoch);
                let batch = marker(end, producer_id, epoch, offset, leader_epoch, now);
                partition.producers.end_transaction(producer_id, epoch);
                self.store(topic, *index, batch);
            }
            Participant::Group(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.end_transaction(producer_id, end.committed);
                }
            }
        }
    }
}

impl Transactions {
    fn get_mut(&mut self, transactional_id: &str) -> Result<&mut Transaction, ErrorCode> {
        self.by_id
            .get_mut(transactional_id)
            .ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    }
}

#[cfg(test)]
mod tests;
