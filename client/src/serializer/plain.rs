//! Text, and bytes as they are.

use bytes::Bytes;
use milena_codec::Payload;

use super::{SerializeError, Serializer, SerializerContext};

/// Text in UTF-8: for `str`, `String` and what else is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "StringSerializer")]
pub struct Text;

impl<T: AsRef<str> + ?Sized> Serializer<T> for Text {
    fn serialize<'a>(
        &self,
        value: &'a T,
        _: &mut SerializerContext<'_>,
        _: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError> {
        Ok(value.as_ref().into())
    }
}

/// Bytes as they are: for slices, arrays, `Vec<u8>` and [`Bytes`], of which large ones are shared and not copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "ByteArraySerializer")]
pub struct Raw;

macro_rules! raw {
    ($($type:ty $(, $length:ident)?;)+) => {$(
        impl $(<const $length: usize>)? Serializer<$type> for Raw {
            fn serialize<'a>(
                &self,
                value: &'a $type,
                _: &mut SerializerContext<'_>,
                _: &'a mut Vec<u8>,
            ) -> Result<Payload<'a>, SerializeError> {
                Ok(value.into())
            }
        }
    )+};
}

raw! {
    [u8];
    [u8; N], N;
    Vec<u8>;
    Bytes;
}
