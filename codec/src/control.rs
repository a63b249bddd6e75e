//! Control records: what brokers write into a log for consumers' bookkeeping.

use bytes::Buf;

use crate::Record;

/// The type in the key of a control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControlType {
    /// The end of a transaction that did not happen.
    Abort,
    /// The end of a transaction that did.
    Commit,
    /// A leader's first record in a KRaft log.
    LeaderChange,
    /// The first record of a KRaft snapshot.
    SnapshotHeader,
    /// The last record of a KRaft snapshot.
    SnapshotFooter,
    /// The version of KRaft from here on.
    KRaftVersion,
    /// The voters of KRaft from here on.
    KRaftVoters,
    /// Any other; to be skipped.
    Other(i16),
}

impl ControlType {
    /// Reads the type from a control record's key; `None` when the key is none.
    ///
    /// Keys of a later version than this crate knows begin in the same way.
    #[must_use]
    pub fn parse(mut key: &[u8]) -> Option<Self> {
        let version = key.try_get_i16().ok()?;
        let kind = key.try_get_i16().ok()?;
        (version >= 0).then_some(match kind {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KRaftVersion,
            6 => Self::KRaftVoters,
            other => Self::Other(other),
        })
    }

    /// The number that stands in the key.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KRaftVersion => 5,
            Self::KRaftVoters => 6,
            Self::Other(number) => number,
        }
    }
}

/// The end of a transaction in one partition, as its coordinator had it written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndTransaction {
    /// Committed, or else aborted.
    pub committed: bool,
    /// Epoch of the transaction coordinator.
    pub coordinator_epoch: i32,
}

impl EndTransaction {
    /// Reads a record of a control batch; `None` when it ends no transaction.
    #[must_use]
    pub fn parse(record: &Record) -> Option<Self> {
        let committed = match ControlType::parse(record.key.as_deref()?)? {
            ControlType::Abort => false,
            ControlType::Commit => true,
            _ => return None,
        };
        let mut value = record.value.as_deref()?;
        let version = value.try_get_i16().ok()?;
        let coordinator_epoch = value.try_get_i32().ok()?;
        (version >= 0).then_some(Self {
            committed,
            coordinator_epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_keys() {
        for number in 0..10 {
            let kind = ControlType::parse(&[0, 0, 0, number]).unwrap();
            assert_eq!(kind.number(), i16::from(number));
            assert_eq!(matches!(kind, ControlType::Other(_)), number > 6);
        }
        assert_eq!(ControlType::parse(&[0, 0, 0, 0]), Some(ControlType::Abort));
        assert_eq!(ControlType::parse(&[0, 0, 0, 1]), Some(ControlType::Commit));
        assert_eq!(
            ControlType::parse(&[0, 1, 0, 9, 7]),
            Some(ControlType::Other(9))
        );
        assert_eq!(ControlType::parse(&[0xff, 0xff, 0, 1]), None);
        assert_eq!(ControlType::parse(&[0, 0, 0]), None);
    }
}
