//! Finding matches by chains of positions that start alike.

use super::BLOCK;
use super::parse::{Match, Stretch};
use super::sequence::{Block, MIN_MATCH};

const HASH_BITS: u32 = 16;
const HEADS: usize = 1 << HASH_BITS;

/// For each hash of four bytes the last position that has it, and for each position the one before
/// with the same hash. Positions are counted from 1; 0 is none.
pub(super) struct Chains {
    heads: Box<[u16; HEADS]>,
    links: Box<[u16; BLOCK]>,
    /// Positions that are in the chains.
    inserted: usize,
    /// Positions that may still be looked at.
    patience: usize,
}

impl Chains {
    pub(super) fn new() -> Self {
        Self {
            heads: Box::new([0; HEADS]),
            links: Box::new([0; BLOCK]),
            inserted: 0,
            patience: 0,
        }
    }

    /// Empties the chains, and allows so many positions to be looked at.
    pub(super) fn clear(&mut self, patience: usize) {
        self.heads.fill(0);
        self.inserted = 0;
        self.patience = patience;
    }

    /// Whether more positions may be looked at.
    pub(super) const fn is_patient(&self) -> bool {
        self.patience > 0
    }

    /// Puts all positions up to and with `last` into the chains.
    pub(super) fn insert(&mut self, block: &[u8], last: usize) {
        let fours = block.get(self.inserted..).unwrap_or_default().windows(4);
        let links = self.links.get_mut(self.inserted..=last);
        let mut position = self.inserted as u16;
        for (four, link) in fours.zip(links.unwrap_or_default()) {
            let four = four
                .first_chunk()
                .map_or(0, |four| u32::from_le_bytes(*four));
            position += 1;
            if let Some(head) = self.heads.get_mut(hash(four)) {
                *link = *head;
                *head = position;
            }
        }
        self.inserted = usize::from(position);
    }

    /// Looks at up to `depth` earlier positions like `at`, which is in the chains, for matches that
    /// start from `first` on and go on behind `reached`; returns how far they go.
    ///
    /// The first one that it finds is a match, and each that goes further or begins earlier than
    /// those before.
    pub(super) fn search(
        &mut self,
        block: &Block<'_>,
        at: usize,
        first: usize,
        reached: usize,
        depth: usize,
        stretch: &mut Stretch,
    ) -> usize {
        let bytes = block.bytes;
        let (mut start, mut end) = (at, reached.max(at + MIN_MATCH - 1));
        let mut further = reached;
        // The four bytes that a match has if it goes further, and if it begins earlier.
        let mut tail = four(bytes, end - 3);
        let mut head = four(bytes, start.wrapping_sub(1));
        let mut next = self.links.get(at).copied().unwrap_or(0);
        let depth = depth.min(self.patience);
        let mut left = depth;
        while next != 0 && left > 0 {
            left -= 1;
            let earlier = usize::from(next.wrapping_sub(1));
            next = self.links.get(earlier).copied().unwrap_or(0);
            let offset = at - earlier;
            let is_tail = || four(bytes, end - 3 - offset) == tail;
            let is_head = || start > first && four(bytes, (start - 1).wrapping_sub(offset)) == head;
            if !is_tail() && !is_head() {
                continue;
            }
            let found_end = at + common(bytes, earlier, at, block.end);
            if found_end < at + MIN_MATCH {
                continue;
            }
            let found_start = at - common_before(bytes, earlier, at, first);
            if found_end <= end && found_start >= start {
                continue;
            }
            stretch.add(Match {
                start: found_start,
                end: found_end,
                offset: offset as u16,
            });
            if found_end > end {
                (end, further) = (found_end, found_end);
                if end == block.end {
                    break;
                }
                tail = four(bytes, end - 3);
            }
            if found_start < start {
                start = found_start;
                head = four(bytes, start.wrapping_sub(1));
            }
        }
        self.patience -= depth - left;
        further
    }
}

/// Knuth's multiplicative hash: by the golden ratio.
const fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS)) as usize
}

/// The four bytes at a position.
fn four(block: &[u8], at: usize) -> u32 {
    block
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Bytes that two positions have in common, up to `end`.
#[inline]
pub(super) fn common(block: &[u8], earlier: usize, later: usize, end: usize) -> usize {
    let earlier = block.get(earlier..).unwrap_or_default();
    let later = block.get(later..end).unwrap_or_default();
    let (chunks, _) = later.as_chunks::<8>();
    let mut len = 0;
    for (a, b) in earlier.as_chunks::<8>().0.iter().zip(chunks) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return len + differing.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = earlier.iter().zip(later).skip(len);
    len + rest.take_while(|(a, b)| a == b).count()
}

/// Bytes before two positions that they have in common, down to `floor`.
fn common_before(block: &[u8], earlier: usize, later: usize, floor: usize) -> usize {
    let most = earlier.min(later - floor);
    let earlier = block.get(earlier - most..earlier).unwrap_or_default();
    let later = block.get(later - most..later).unwrap_or_default();
    let ((_, earlier_chunks), (_, later_chunks)) = (earlier.as_rchunks::<8>(), later.as_rchunks());
    let mut len = 0;
    for (a, b) in earlier_chunks.iter().rev().zip(later_chunks.iter().rev()) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return len + differing.leading_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = earlier.iter().rev().zip(later.iter().rev()).skip(len);
    len + rest.take_while(|(a, b)| a == b).count()
}
