//! Zig-zag varints: seven bits a byte, least significant first, as Kafka's records use them.

/// A varint did not end within the bytes it may take, or within the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VarintFault {
    /// The input ended inside the varint.
    Truncated,
    /// More bits than the type holds.
    Overflow,
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Bytes that `value` takes, 1 to 10; an `i32` takes 1 to 5 as the same number.
#[inline]
pub(crate) const fn varint_len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros();
    // ceil(bits / 7) for 1..=64, without a division.
    ((bits * 9 + 64) >> 6) as usize
}

/// Bytes that the length `len` takes as a varint.
#[inline]
pub(crate) const fn length_len(len: usize) -> usize {
    varint_len(len as i64)
}

/// A few small values, 16 bytes in all, put together in a register so that they reach the chunk in
/// one store.
#[derive(Clone, Copy, Default)]
pub(crate) struct Packed {
    bits: u128,
    len: usize,
}

impl Packed {
    #[inline]
    pub(crate) fn byte(self, byte: u8) -> Self {
        self.join(u128::from(byte), 1)
    }

    #[inline]
    pub(crate) fn varint(self, value: i64) -> Self {
        let value = zigzag(value);
        if value < 0x80 {
            self.join(u128::from(value), 1)
        } else if value < 0x4000 {
            self.join(u128::from(value & 0x7f | 0x80 | value >> 7 << 8), 2)
        } else {
            self.long_varint(value)
        }
    }

    fn long_varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self = self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8)
    }

    /// The length of an optional field: -1 for null.
    #[inline]
    pub(crate) fn length(self, len: Option<usize>) -> Self {
        self.varint(len.map_or(-1, |len| len as i64))
    }

    #[inline]
    fn join(self, bits: u128, len: usize) -> Self {
        debug_assert!(self.len + len <= 16);
        Self {
            bits: self.bits | bits << (8 * self.len),
            len: self.len + len,
        }
    }

    /// 16 bytes, and how many of them count.
    #[inline]
    pub(crate) const fn parts(self) -> ([u8; 16], usize) {
        (self.bits.to_le_bytes(), self.len)
    }
}

/// Takes a varint of at most 32 bits off the front of `input`.
pub(crate) fn take_i32(input: &mut &[u8]) -> Result<i32, VarintFault> {
    let value = take_u64::<5>(input)?;
    u32::try_from(value)
        .map(|value| unzigzag(u64::from(value)) as i32)
        .map_err(|_| VarintFault::Overflow)
}

/// Takes a varint of at most 64 bits off the front of `input`.
pub(crate) fn take_i64(input: &mut &[u8]) -> Result<i64, VarintFault> {
    take_u64::<10>(input).map(unzigzag)
}

#[inline]
fn take_u64<const MAX: usize>(input: &mut &[u8]) -> Result<u64, VarintFault> {
    // Most are lengths and deltas below 64.
    if let Some((&byte, rest)) = input.split_first()
        && byte < 0x80
    {
        *input = rest;
        return Ok(u64::from(byte));
    }
    take_long::<MAX>(input)
}

fn take_long<const MAX: usize>(input: &mut &[u8]) -> Result<u64, VarintFault> {
    let mut value = 0u64;
    for (index, &byte) in input.iter().take(MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index as u32;
        // The tenth byte has room for one bit only.
        if shift == 63 && bits > 1 {
            return Err(VarintFault::Overflow);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            *input = input.get(index + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(if input.len() < MAX {
        VarintFault::Truncated
    } else {
        VarintFault::Overflow
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: i64) -> Vec<u8> {
        let (bytes, len) = Packed::default().varint(value).parts();
        bytes[..len].to_vec()
    }

    #[test]
    fn known_bytes() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (-65, &[0x81, 0x01]),
            (8191, &[0xfe, 0x7f]),
            (8192, &[0x80, 0x80, 0x01]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i64::from(i32::MIN), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            (
                i64::MAX,
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
            (
                i64::MIN,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
        ] {
            assert_eq!(written(value), bytes, "{value}");
            assert_eq!(varint_len(value), bytes.len(), "{value}");
            let mut input = bytes;
            assert_eq!(take_i64(&mut input), Ok(value));
            assert!(input.is_empty());
            if let Ok(small) = i32::try_from(value) {
                assert_eq!(take_i32(&mut &bytes[..]), Ok(small));
            }
        }
    }

    #[test]
    fn every_bit_length_round_trips() {
        for shift in 0..64 {
            for value in [
                1i64 << shift,
                (1i64 << shift).wrapping_sub(1),
                (1i64 << shift).wrapping_neg(),
            ] {
                let bytes = written(value);
                assert_eq!(bytes.len(), varint_len(value), "{value}");
                assert_eq!(take_i64(&mut &bytes[..]), Ok(value));
            }
        }
    }

    #[test]
    fn too_long_or_too_short_is_refused() {
        assert_eq!(take_i32(&mut &[][..]), Err(VarintFault::Truncated));
        assert_eq!(take_i32(&mut &[0x80; 4][..]), Err(VarintFault::Truncated));
        assert_eq!(take_i32(&mut &[0x80; 5][..]), Err(VarintFault::Overflow));
        assert_eq!(
            take_i32(&mut &[0xff, 0xff, 0xff, 0xff, 0x10][..]),
            Err(VarintFault::Overflow)
        );
        assert_eq!(take_i64(&mut &[0x80; 9][..]), Err(VarintFault::Truncated));
        assert_eq!(take_i64(&mut &[0xff; 11][..]), Err(VarintFault::Overflow));
        let ten = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(take_i64(&mut &ten[..]), Err(VarintFault::Overflow));
    }
}
