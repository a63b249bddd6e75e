//! Which records a reader sees.

/// Which records of transactions a [`Reader`](crate::Reader) sees; the names are Kafka's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "isolation.level")]
pub enum IsolationLevel {
    /// All, also those of transactions that are open or were aborted.
    #[default]
    ReadUncommitted,
    /// Those of committed transactions, and those outside transactions. What lies behind the beginning of a transaction
    /// that is open, in the same partition, is not there yet: reading waits until that has ended.
    ReadCommitted,
}

impl IsolationLevel {
    pub(super) const fn to_wire(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}
