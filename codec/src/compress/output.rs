//! Where decompressed bytes go: memory that grows with what is really there, up to a limit.

use super::Fault;

/// A buffer filled from the front. Its memory beyond the filled part is initialised once and kept,
/// so that asking for room costs nothing when there is some.
pub(super) struct Output {
    memory: Vec<u8>,
    filled: usize,
    limit: usize,
}

/// The least growth.
const STEP: usize = 16 * 1024;

impl Output {
    /// `memory` is reused for its capacity and length; its content does not matter.
    pub(super) const fn new(memory: Vec<u8>, limit: usize) -> Self {
        Self {
            memory,
            filled: 0,
            limit,
        }
    }

    pub(super) fn filled(&self) -> &[u8] {
        self.memory.get(..self.filled).unwrap_or_default()
    }

    pub(super) fn into_inner(self) -> Vec<u8> {
        self.memory
    }

    pub(super) const fn too_large(&self) -> Fault {
        Fault::TooLarge { limit: self.limit }
    }

    /// Room for exactly `size` bytes.
    pub(super) fn exactly(&mut self, size: usize) -> Result<&mut [u8], Fault> {
        let limit = self.too_large();
        self.up_to(size).get_mut(..size).ok_or(limit)
    }

    /// Room for `size` bytes, or as many as the limit leaves.
    pub(super) fn up_to(&mut self, size: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(size).min(self.limit);
        self.grow(end);
        self.memory.get_mut(self.filled..end).unwrap_or_default()
    }

    /// All the room there is, and some more when there is none; empty at the limit.
    pub(super) fn up_to_some(&mut self) -> &mut [u8] {
        if self.filled == self.memory.len() {
            self.grow(
                self.filled
                    .saturating_mul(2)
                    .max(self.filled.saturating_add(STEP)),
            );
        }
        let end = self.memory.len().min(self.limit);
        self.memory.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Counts the first `size` bytes of the room as filled.
    pub(super) fn advance(&mut self, size: usize) {
        self.filled = self.memory.len().min(self.filled + size);
    }

    fn grow(&mut self, end: usize) {
        let end = end.min(self.limit);
        let more = end.saturating_sub(self.memory.len());
        if more == 0 {
            return;
        }
        if end > self.memory.capacity() {
            // As `Vec` grows, but for its going beyond the limit.
            let doubled = self.memory.capacity().saturating_mul(2).min(self.limit);
            let more = doubled.max(end) - self.memory.len();
            self.memory.reserve_exact(more);
        }
        self.memory.resize(end, 0);
    }
}
