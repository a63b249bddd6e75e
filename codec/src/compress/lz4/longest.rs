//! Finding the longest match of each position, by the order of suffixes.
//!
//! Of all earlier positions, those that are next to a position in the order of suffixes, one on either
//! side, have the most in common with it. With its neighbour on one side it has at most one byte less
//! in common than the position before it had with its own: so no byte is compared again and again.

use super::chains::common;
use super::parse::{Match, Stretch};
use super::sequence::{Block, MIN_MATCH, Writer};
use super::suffixes::Suffixes;

/// No neighbour.
const NONE: u16 = u16::MAX;

#[derive(Default)]
pub(super) struct Longest {
    suffixes: Suffixes,
    /// The next earlier position on either side in the order, by position.
    smaller: Vec<u16>,
    larger: Vec<u16>,
}

impl Longest {
    /// Writes a block's matches.
    pub(super) fn write(
        &mut self,
        block: &Block<'_>,
        stretch: &mut Stretch,
        writer: &mut Writer<'_>,
    ) {
        self.find_neighbours(block.bytes.get(..block.end).unwrap_or_default());
        stretch.clear();
        let (mut below, mut above, mut reached) = (0, 0, 0);
        let neighbours = self.smaller.iter().zip(&self.larger);
        for (start, (smaller, larger)) in neighbours.enumerate().take(block.last_start + 1) {
            below = shared(block, *smaller, start, below);
            above = shared(block, *larger, start, above);
            let (len, earlier) = if below > above {
                (below, *smaller)
            } else {
                (above, *larger)
            };
            let end = start + len;
            if len < MIN_MATCH || end <= reached {
                continue;
            }
            if start > reached {
                stretch.write(block, writer);
                stretch.clear();
            }
            reached = end;
            stretch.add(Match {
                start,
                end,
                offset: (start as u16).wrapping_sub(earlier),
            });
            if end == block.end {
                break;
            }
        }
        stretch.write(block, writer);
    }

    fn find_neighbours(&mut self, text: &[u8]) {
        let Self {
            suffixes,
            smaller,
            larger,
        } = self;
        let order = suffixes.sort(text);
        for side in [&mut *smaller, &mut *larger] {
            side.clear();
            side.resize(text.len(), NONE);
        }
        for (a, b) in order.iter().zip(order.iter().skip(1)) {
            link(larger, *a, *b);
            link(smaller, *b, *a);
        }
        // From the last position on, each leaves the order: so what is left has earlier ones only.
        for at in (0..text.len()).rev() {
            let a = smaller.get(at).copied().unwrap_or(NONE);
            let b = larger.get(at).copied().unwrap_or(NONE);
            link(larger, a, b);
            link(smaller, b, a);
        }
    }
}

fn link(side: &mut [u16], at: u16, to: u16) {
    if let Some(place) = side.get_mut(usize::from(at)) {
        *place = to;
    }
}

/// Bytes that a position has in common with a neighbour, given how many the one before it had.
fn shared(block: &Block<'_>, neighbour: u16, at: usize, before: usize) -> usize {
    if neighbour == NONE {
        return 0;
    }
    let known = before.saturating_sub(1);
    let earlier = usize::from(neighbour) + known;
    known + common(block.bytes, earlier, at + known, block.end)
}
