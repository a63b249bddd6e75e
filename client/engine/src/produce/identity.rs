//! The producer id and epoch of an idempotent producer.

use milena_protocol::Str;

use super::enrolment::{Enrolment, Generation};

/// A producer id and epoch: together with a sequence number, they name a batch for the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    /// Given by a broker (InitProducerId).
    pub producer_id: i64,
    /// Raised each time a partition has to restart its sequence.
    pub epoch: i16,
}

impl ProducerIdentity {
    /// The identity in a response, if there is one.
    pub fn from_wire(producer_id: i64, epoch: i16) -> Option<Self> {
        (producer_id >= 0 && epoch >= 0).then_some(Self { producer_id, epoch })
    }
}

/// The identity that a producer's partitions draw on.
///
/// A partition keeps the identity that it began with until it has to restart its sequence. Raising the epoch needs
/// no broker: the new epoch reaches each partition's leader with the first batch that carries it. So one partition's
/// trouble costs the others nothing.
///
/// With transactions, only the coordinator gives an epoch, and only between transactions; while one is open, its
/// partitions are noted here.
#[derive(Debug, Default)]
pub struct Identity {
    current: Option<ProducerIdentity>,
    enrolment: Option<Enrolment>,
}

impl Identity {
    /// No identity yet; one is [`wanted`](Self::wanted).
    pub const fn new() -> Self {
        Self {
            current: None,
            enrolment: None,
        }
    }

    /// The identity for a partition that begins.
    pub const fn current(&self) -> Option<ProducerIdentity> {
        self.current
    }

    /// Whether a broker has to be asked for a producer id.
    pub const fn wanted(&self) -> bool {
        self.current.is_none()
    }

    /// A broker has given an id.
    pub const fn handle_granted(&mut self, identity: ProducerIdentity) {
        self.current = Some(identity);
    }

    /// The transaction that is open.
    pub(crate) const fn enrolment(&mut self) -> &mut Option<Enrolment> {
        &mut self.enrolment
    }

    /// Whether a batch may be sent to a partition as part of a transaction. If not, the partition is asked for.
    pub(crate) fn admits(&mut self, topic: &Str, index: i32) -> bool {
        let enrolment = self.enrolment.as_mut();
        enrolment.is_some_and(|enrolment| enrolment.admits(topic, index))
    }

    /// Whether the transaction coordinator has to be asked to add partitions.
    pub fn wants_partitions(&self) -> bool {
        self.enrolment.as_ref().is_some_and(Enrolment::wants)
    }

    /// How the open transaction is spoken of.
    pub(super) fn generation(&self) -> Option<Generation> {
        self.enrolment.as_ref().map(Enrolment::generation)
    }

    /// The identity with which a partition restarts that used `old` until now, or `None` while a new producer id is
    /// needed, because epochs end at 32767.
    pub fn succeed(&mut self, old: Option<ProducerIdentity>) -> Option<ProducerIdentity> {
        let current = self.current?;
        if Some(current) == old {
            self.current = current
                .epoch
                .checked_add(1)
                .map(|epoch| ProducerIdentity { epoch, ..current });
        }
        self.current
    }
}

/// Access to the producer's [`Identity`], wherever that is kept. It is asked for while a batch is taken, and not while
/// one is compressed, so that several senders do not wait for each other.
pub trait Identities {
    /// Access for as long as `f` runs.
    fn with<R>(&mut self, f: impl FnOnce(&mut Identity) -> R) -> R;
}

impl Identities for Identity {
    fn with<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        f(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ProducerIdentity = ProducerIdentity {
        producer_id: 7,
        epoch: 0,
    };

    #[test]
    fn one_bump_serves_every_partition_that_used_the_old_epoch() {
        let mut identity = Identity::new();
        identity.handle_granted(FIRST);
        let second = identity.succeed(Some(FIRST));
        assert_eq!(second.map(|id| id.epoch), Some(1));
        assert_eq!(identity.succeed(Some(FIRST)), second);
        assert_eq!(identity.succeed(second).map(|id| id.epoch), Some(2));
    }

    #[test]
    fn the_last_epoch_is_followed_by_a_new_producer_id() {
        let last = ProducerIdentity {
            producer_id: 7,
            epoch: i16::MAX,
        };
        let mut identity = Identity::new();
        identity.handle_granted(last);
        assert_eq!(identity.succeed(Some(last)), None);
        assert!(identity.wanted());
        let fresh = ProducerIdentity {
            producer_id: 8,
            epoch: 0,
        };
        identity.handle_granted(fresh);
        assert_eq!(identity.succeed(Some(last)), Some(fresh));
    }
}
