//! MessagePack.

use milena_codec::Payload;
use serde::Serialize;

use super::{SerializeError, Serializer, SerializerContext};

/// MessagePack, of whatever serde serializes. With the feature `msgpack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePack {
    is_named: bool,
}

impl MessagePack {
    /// Structs become maps, in which each field has its name: what most other languages expect.
    pub const fn named() -> Self {
        Self { is_named: true }
    }

    /// Structs become arrays of their fields, in their order: smaller, and for readers that know the order.
    pub const fn compact() -> Self {
        Self { is_named: false }
    }
}

impl<T: Serialize + ?Sized> Serializer<T> for MessagePack {
    fn serialize<'a>(
        &self,
        value: &'a T,
        _: &mut SerializerContext<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError> {
        if self.is_named {
            rmp_serde::encode::write_named(buffer, value)?;
        } else {
            rmp_serde::encode::write(buffer, value)?;
        }
        Ok(Payload::Slice(buffer))
    }
}
