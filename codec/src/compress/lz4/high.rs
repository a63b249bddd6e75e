//! The high compressor: it finds what the fast one does not look for.

use std::ops::RangeInclusive;

use super::chains::Chains;
use super::longest::Longest;
use super::parse::Stretch;
use super::sequence::{Block, Writer};

pub(super) struct HighCompressor {
    /// Earlier positions to look at from one.
    depth: usize,
    /// How far before the end of a match to search for one that goes on behind it.
    edge: RangeInclusive<usize>,
    /// Earlier positions to look at for each byte of a block, on average, before all matches are
    /// found in another way, which takes its time but always the same.
    patience: usize,
    chains: Chains,
    longest: Longest,
    stretch: Stretch,
}

/// The four bytes that begin there are in almost any match that goes on behind the end.
const ALMOST: RangeInclusive<usize> = 2..=2;
/// One of these is in any match that goes on behind the end.
const ANY: RangeInclusive<usize> = 1..=3;

impl HighCompressor {
    pub(super) fn new(level: i32) -> Self {
        let (depth, edge, patience) = match level {
            ..=2 => (2, ALMOST, usize::MAX),
            3..=9 => (1 << (level - 1), ALMOST, usize::MAX),
            10 => (256, ANY, 16),
            11 => (1024, ANY, 4),
            12.. => (usize::MAX, ANY, 1),
        };
        Self {
            depth,
            edge,
            patience,
            chains: Chains::new(),
            longest: Longest::default(),
            stretch: Stretch::default(),
        }
    }

    /// Appends the compressed form of a block of at most 64 KiB.
    pub(super) fn compress(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut writer = Writer::new(bytes, out);
        if let Some(block) = Block::new(bytes)
            && !self.write_by_chains(&block, &mut writer)
        {
            writer.restart();
            self.longest.write(&block, &mut self.stretch, &mut writer);
        }
        writer.finish();
    }

    /// Writes a block's matches; stops when patience is at an end, and returns false.
    fn write_by_chains(&mut self, block: &Block<'_>, writer: &mut Writer<'_>) -> bool {
        self.chains
            .clear(self.patience.saturating_mul(block.bytes.len()));
        let mut at = 0;
        while at <= block.last_start && self.chains.is_patient() {
            let reached = self.find_stretch(block, at);
            self.stretch.write(block, writer);
            at = reached.max(at + 1);
        }
        self.chains.is_patient()
    }

    /// Finds a match that starts at `start`, and others that overlap with it and with one another;
    /// returns where the last one ends, or `start` if there is none.
    ///
    /// A match that begins within another and goes on behind it has four bytes in common with it that
    /// begin three, two or one before that one's end. So only these are searched for.
    fn find_stretch(&mut self, block: &Block<'_>, start: usize) -> usize {
        let (near, far) = self.edge.clone().into_inner();
        self.stretch.clear();
        let (mut at, mut first, mut reached) = (start, start, start);
        loop {
            self.chains.insert(block.bytes, at);
            let further =
                self.chains
                    .search(block, at, first, reached, self.depth, &mut self.stretch);
            if further > reached {
                first = at;
                reached = further;
                at = (at + 1).max(reached - far);
            } else {
                at += 1;
            }
            if at + near > reached || at > block.last_start {
                return reached;
            }
        }
    }
}
