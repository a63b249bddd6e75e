//! What is to be compressed: pieces that are taken as one.

/// Pieces of a records section, cut anew into the blocks that a codec wants.
pub(super) struct Input<'i, 'a> {
    pieces: &'i mut (dyn Iterator<Item = &'a [u8]> + 'i),
    piece: &'a [u8],
    left: usize,
    scratch: &'i mut Vec<u8>,
}

impl<'i, 'a> Input<'i, 'a> {
    /// `len` is the sum of the pieces' lengths.
    pub(super) fn new(
        pieces: &'i mut (dyn Iterator<Item = &'a [u8]> + 'i),
        len: usize,
        scratch: &'i mut Vec<u8>,
    ) -> Self {
        Self {
            pieces,
            piece: &[],
            left: len,
            scratch,
        }
    }

    /// Bytes not taken yet.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// The next stretch that is in one piece.
    pub(super) fn next_piece(&mut self) -> Option<&'a [u8]> {
        while self.piece.is_empty() {
            self.piece = self.pieces.next()?;
        }
        self.left = self.left.saturating_sub(self.piece.len());
        Some(std::mem::take(&mut self.piece))
    }

    /// The next `size` bytes in one piece, or what is left: where they are if they stand together,
    /// else gathered in the scratch memory.
    pub(super) fn next_block(&mut self, size: usize) -> Option<&[u8]> {
        while self.piece.is_empty() {
            self.piece = self.pieces.next()?;
        }
        let size = size.min(self.left);
        if size == 0 {
            return None;
        }
        self.left -= size;
        if let Some((block, rest)) = self.piece.split_at_checked(size) {
            self.piece = rest;
            return Some(block);
        }
        self.scratch.clear();
        self.scratch.reserve(size);
        loop {
            let wanted = size - self.scratch.len();
            let (now, rest) = self.piece.split_at(wanted.min(self.piece.len()));
            self.scratch.extend_from_slice(now);
            self.piece = rest;
            if now.len() == wanted {
                return Some(self.scratch);
            }
            match self.pieces.next() {
                Some(piece) => self.piece = piece,
                // Fewer bytes than their lengths came to: not for the pieces of one iterator.
                None => return Some(self.scratch),
            }
        }
    }
}
