//! How far a consumer group has read.

use milena_engine::transaction::{Group, Offset};
use milena_protocol::Str;

use crate::ConfigError;

/// The next offset that a consumer group will read in a partition.
///
/// ```
/// use milena::PartitionOffset;
///
/// // The record at offset 41 was the last to be read.
/// let offset = PartitionOffset::new("orders", 0, 42).leader_epoch(3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOffset(Offset);

impl PartitionOffset {
    /// Of one partition of a topic.
    pub fn new(topic: impl AsRef<str>, partition: i32, offset: i64) -> Self {
        Self(Offset {
            topic: Str::from(topic.as_ref()),
            partition,
            offset,
            leader_epoch: -1,
            metadata: None,
        })
    }

    /// The leader epoch of the last record that was read, by which a consumer notices that a log was truncated.
    #[must_use]
    pub const fn leader_epoch(mut self, epoch: i32) -> Self {
        self.0.leader_epoch = epoch;
        self
    }

    /// Text that is kept with the offset.
    #[must_use]
    pub fn metadata(mut self, metadata: impl AsRef<str>) -> Self {
        self.0.metadata = Some(Str::from(metadata.as_ref()));
        self
    }

    pub(super) fn engine(self) -> Result<Offset, ConfigError> {
        check_length("topic", &self.0.topic)?;
        check_length("metadata", self.0.metadata.as_deref().unwrap_or_default())?;
        Ok(self.0)
    }
}

/// A consumer group, and the member on whose behalf offsets are committed (KIP-447).
///
/// With the member given, the group's coordinator refuses the offsets of one that does not belong to the current
/// generation, and so keeps a former owner of a partition from committing what the new one has done already.
///
/// ```
/// use milena::ConsumerGroupMetadata;
///
/// let group = ConsumerGroupMetadata::new("billing").member("consumer-1-abc", 7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMetadata(Group);

impl ConsumerGroupMetadata {
    /// A group, and no member of it.
    pub fn new(group_id: impl AsRef<str>) -> Self {
        Self(Group {
            id: Str::from(group_id.as_ref()),
            generation: -1,
            member: Str::default(),
            instance: None,
        })
    }

    /// The member, and the generation that it belongs to.
    #[must_use]
    pub fn member(mut self, member_id: impl AsRef<str>, generation_id: i32) -> Self {
        self.0.member = Str::from(member_id.as_ref());
        self.0.generation = generation_id;
        self
    }

    /// The name of a static member.
    #[doc(alias = "group.instance.id")]
    #[must_use]
    pub fn group_instance_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.instance = Some(Str::from(id.as_ref()));
        self
    }

    pub(super) fn engine(&self) -> Result<Group, ConfigError> {
        if self.0.id.is_empty() {
            return Err(ConfigError::new("group_id", "must not be empty"));
        }
        check_length("group_id", &self.0.id)?;
        check_length("member_id", &self.0.member)?;
        let instance = self.0.instance.as_deref().unwrap_or_default();
        check_length("group_instance_id", instance)?;
        if self.0.generation > 0 && self.0.member.is_empty() {
            return Err(ConfigError::new(
                "member_id",
                "must not be empty where there is a generation",
            ));
        }
        Ok(self.0.clone())
    }
}

/// Longer texts cannot be written.
pub(super) fn check_length(field: &'static str, text: &str) -> Result<(), ConfigError> {
    if text.len() > Str::MAX_LEN {
        let why = format!("must be {} bytes or less", Str::MAX_LEN);
        return Err(ConfigError::new(field, why));
    }
    Ok(())
}
