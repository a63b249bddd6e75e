//! The block format: sequences of literals and a match, and literals at the end.

/// Bytes of a match, at least.
pub(super) const MIN_MATCH: usize = 4;
/// Bytes that a match takes besides those of its length: half a token, rounded up, and the offset.
pub(super) const MATCH_COST: usize = 3;
/// The largest value of half a token. It says that the length goes on in bytes of its own.
const LONG: usize = 15;
/// The largest value of such a byte. It says the same.
const LONGER: usize = 255;
/// The last bytes of a block are literals, at least so many.
const LAST_LITERALS: usize = 5;
/// The last match starts at least so many bytes before the block's end.
const LAST_START: usize = 12;

/// A block that may have matches.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    /// Matches start here or before.
    pub(super) last_start: usize,
    /// Matches end here or before.
    pub(super) end: usize,
}

impl<'a> Block<'a> {
    /// None if the bytes are too few.
    pub(super) const fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.len().checked_sub(LAST_START) {
            Some(last_start) => Some(Self {
                bytes,
                last_start,
                end: last_start + LAST_START - LAST_LITERALS,
            }),
            None => None,
        }
    }
}

/// Writes a block's sequences.
pub(super) struct Writer<'a> {
    bytes: &'a [u8],
    /// All before is written.
    anchor: usize,
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub(super) const fn new(bytes: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        Self {
            bytes,
            anchor: 0,
            start: out.len(),
            out,
        }
    }

    /// Takes back what was written.
    pub(super) fn restart(&mut self) {
        self.anchor = 0;
        self.out.truncate(self.start);
    }

    /// Writes the literals up to `start`, and a match from there.
    pub(super) fn put(&mut self, start: usize, len: usize, offset: u16) {
        let more = len.saturating_sub(MIN_MATCH);
        self.put_literals(start, more.min(LONG));
        self.out.extend_from_slice(&offset.to_le_bytes());
        self.put_length(more);
        self.anchor = start + len;
    }

    /// Writes the literals up to the block's end.
    pub(super) fn finish(mut self) {
        self.put_literals(self.bytes.len(), 0);
    }

    fn put_literals(&mut self, end: usize, half_token: usize) {
        let literals = self.bytes.get(self.anchor..end).unwrap_or_default();
        let token = literals.len().min(LONG) << 4 | half_token;
        self.out.push(token as u8);
        self.put_length(literals.len());
        self.out.extend_from_slice(literals);
    }

    /// Writes what of a length is not in the token.
    fn put_length(&mut self, len: usize) {
        if let Some(mut left) = len.checked_sub(LONG) {
            while left >= LONGER {
                self.out.push(LONGER as u8);
                left -= LONGER;
            }
            self.out.push(left as u8);
        }
    }
}

/// Bytes that the length of a match takes behind its offset.
pub(super) const fn length_cost(len: usize) -> usize {
    match len.checked_sub(MIN_MATCH + LONG) {
        Some(more) => more / LONGER + 1,
        None => 0,
    }
}

/// The greatest length that takes a byte less than `len` does, if any takes less.
pub(super) const fn cheaper_length(len: usize) -> Option<usize> {
    match len.checked_sub(MIN_MATCH + LONG) {
        Some(more) => Some(len - more % LONGER - 1),
        None => None,
    }
}
