//! The 61 bytes in front of a batch's records.

use bytes::{Buf, BufMut};

use crate::{CompressionType, Stamp};

/// Bytes of a batch header, base offset and length included.
pub const HEADER_LEN: usize = 61;
/// Bytes in front of the part that the header's length counts: base offset and the length itself.
pub const LENGTH_OVERHEAD: usize = 12;
/// Where the part that the CRC covers begins: at the attributes.
pub(crate) const CRC_START: usize = 21;
const CRC_AT: usize = 17;

/// The record format that this crate builds; it reads 0 and 1 as well.
pub const MAGIC: i8 = 2;
/// Where the magic byte stands, in every record format.
pub(crate) const MAGIC_AT: usize = 16;

/// What a batch's timestamps mean: attribute bit 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// Set by the producer, record by record.
    CreateTime,
    /// Set by the broker: every record has the batch's max timestamp.
    LogAppendTime,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0b111;
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The attributes a producer writes.
    #[must_use]
    pub const fn new(codec: CompressionType, transactional: bool) -> Self {
        let transactional = if transactional {
            Self::TRANSACTIONAL
        } else {
            0
        };
        Self(codec as i16 | transactional)
    }

    /// The codec of the records section; the three bits as they are when they name none.
    pub const fn codec(self) -> Result<CompressionType, u8> {
        let bits = (self.0 & Self::CODEC) as u8;
        match CompressionType::from_bits(bits) {
            Some(codec) => Ok(codec),
            None => Err(bits),
        }
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Part of a transaction.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Written by a broker for consumers' bookkeeping, such as the end of a transaction; never for
    /// the application.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// The base timestamp is the time at which tombstones may go (KIP-534).
    #[must_use]
    pub const fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }
}

/// A batch header, field by field, as Kafka names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchHeader {
    /// Offset of the first record; 0 from a producer.
    pub base_offset: i64,
    /// Bytes of the batch after this field: the whole batch less 12.
    pub batch_length: i32,
    /// Set by the broker, outside the CRC; -1 from a producer.
    pub partition_leader_epoch: i32,
    /// CRC-32C of everything from the attributes to the end of the batch.
    pub crc: u32,
    /// Codec, timestamp type and flags.
    pub attributes: Attributes,
    /// Last offset less base offset; records a compaction removed still count.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to, in ms.
    pub base_timestamp: i64,
    /// The greatest timestamp, in ms.
    pub max_timestamp: i64,
    /// -1 without idempotence.
    pub producer_id: i64,
    /// -1 without idempotence.
    pub producer_epoch: i16,
    /// Sequence of the first record; -1 without idempotence.
    pub base_sequence: i32,
    /// Records in the batch.
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads a header off the front of `bytes`; `None` when they are fewer than 61. The magic byte
    /// is not looked at.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut input = bytes.get(..HEADER_LEN)?;
        let base_offset = input.get_i64();
        let batch_length = input.get_i32();
        let partition_leader_epoch = input.get_i32();
        let _magic = input.get_i8();
        Some(Self {
            base_offset,
            batch_length,
            partition_leader_epoch,
            crc: input.get_u32(),
            attributes: Attributes(input.get_i16()),
            last_offset_delta: input.get_i32(),
            base_timestamp: input.get_i64(),
            max_timestamp: input.get_i64(),
            producer_id: input.get_i64(),
            producer_epoch: input.get_i16(),
            base_sequence: input.get_i32(),
            records_count: input.get_i32(),
        })
    }

    /// What its producer stamped on the batch: with this, the same records are a batch of that producer again.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            transactional: self.attributes.is_transactional(),
        }
    }

    /// The header's 61 bytes, with magic 2 and `self.crc` as it stands.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut out = bytes.as_mut_slice();
        out.put_i64(self.base_offset);
        out.put_i32(self.batch_length);
        out.put_i32(self.partition_leader_epoch);
        out.put_i8(MAGIC);
        out.put_u32(self.crc);
        out.put_i16(self.attributes.0);
        out.put_i32(self.last_offset_delta);
        out.put_i64(self.base_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.base_sequence);
        out.put_i32(self.records_count);
        bytes
    }

    /// The header's 61 bytes with the CRC over its own tail and `records`, which it does not touch.
    #[must_use]
    pub fn encode_with_crc<'a>(
        &self,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> [u8; HEADER_LEN] {
        let mut bytes = self.encode();
        let crc = crc_of(&bytes, records);
        if let Some(field) = bytes.get_mut(CRC_AT..CRC_START) {
            field.copy_from_slice(&crc.to_be_bytes());
        }
        bytes
    }
}

/// CRC-32C of a batch given as its first bytes, at least the header, and what follows.
pub(crate) fn crc_of<'a>(head: &[u8], rest: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let covered = head.get(CRC_START..).unwrap_or_default();
    rest.into_iter()
        .fold(crc32c::crc32c(covered), crc32c::crc32c_append)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_castagnoli() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c::crc32c(b"Some String"), 608_512_271);
    }

    #[test]
    fn fields_stand_where_kafka_has_them() {
        let header = BatchHeader {
            base_offset: 0x0102_0304_0506_0708,
            batch_length: 0x1112_1314,
            partition_leader_epoch: 0x2122_2324,
            crc: 0x3132_3334,
            attributes: Attributes(0x4142),
            last_offset_delta: 0x5152_5354,
            base_timestamp: 0x6162_6364_6566_6768,
            max_timestamp: 0x7172_7374_7576_7778,
            producer_id: 0x0a0b_0c0d_0e0f_1011,
            producer_epoch: 0x1a1b,
            base_sequence: 0x2a2b_2c2d,
            records_count: 0x3a3b_3c3d,
        };
        let bytes = header.encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "0102030405060708111213142122232402313233344142515253546162636465666768\
             71727374757677780a0b0c0d0e0f10111a1b2a2b2c2d3a3b3c3d"
        );
        assert_eq!(BatchHeader::parse(&bytes), Some(header));
        assert_eq!(BatchHeader::parse(&bytes[..60]), None);
    }

    #[test]
    fn attribute_bits() {
        assert_eq!(Attributes::new(CompressionType::Zstd, true).0, 0b1_0100);
        assert_eq!(Attributes(5).codec(), Err(5));
        assert_eq!(Attributes(8).timestamp_type(), TimestampType::LogAppendTime);
        assert!(Attributes(0x20).is_control() && !Attributes(0x10).is_control());
        assert!(Attributes(0x40).has_delete_horizon());
    }
}
