//! Which of the matches that were found to take, and how much of each.
//!
//! All offsets cost the same, and what follows a position costs no less than what follows a later
//! one. So of all matches that cover a position, only the one that goes furthest counts there. Each
//! match then has positions of its own, from its start to where the next one starts that goes further.
//! Seen from the end: where the next one starts, the cost is known. Before that, each literal costs
//! one more, until the match costs no more than they do; and so it is from there down to its start.

use super::sequence::{Block, MATCH_COST, MIN_MATCH, Writer, cheaper_length, length_cost};

/// A match: what stands at `start..end` stands `offset` before, too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) offset: u16,
}

/// A match that may be taken.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    found: Match,
    /// Bytes to the stretch's end from where the match starts, by the cheapest way.
    cost: usize,
    /// Bytes to the stretch's end from where the match ends.
    cost_behind: usize,
    /// Of its own positions, it is taken at those before this one.
    until: usize,
}

/// Matches that overlap, of which none lies within another: ordered by where they start, and so by
/// where they end.
#[derive(Default)]
pub(super) struct Stretch(Vec<Candidate>);

impl Stretch {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes a match in, unless it lies within another, and puts those out that lie within it.
    pub(super) fn add(&mut self, found: Match) {
        let from = self.0.iter().rev();
        let at = self.0.len() - from.take_while(|it| it.found.start >= found.start).count();
        let (before, from) = self.0.split_at(at);
        if before.last().is_some_and(|it| it.found.end >= found.end) {
            return;
        }
        let within = from
            .iter()
            .take_while(|it| it.found.end <= found.end)
            .count();
        let new = Candidate {
            found,
            ..Candidate::default()
        };
        self.0.splice(at..at + within, [new]);
    }

    /// Writes what these matches cover.
    pub(super) fn write(&mut self, block: &Block<'_>, writer: &mut Writer<'_>) {
        if let [only] = self.0.as_slice() {
            let Match { start, end, offset } = only.found;
            writer.put(start, end - start, offset);
        } else {
            self.weigh(block.last_start);
            self.put(writer);
        }
    }

    /// Finds out where each match is taken, and what that costs.
    fn weigh(&mut self, last_start: usize) {
        let mut next = self.0.last().map_or(0, |last| last.found.end);
        let mut next_cost = 0;
        // The match that the end of the one at hand belongs to.
        let mut owner = self.0.len().saturating_sub(1);
        for index in (0..self.0.len()).rev() {
            let Some(found) = self.0.get(index).map(|it| it.found) else {
                return;
            };
            while owner > index
                && self
                    .0
                    .get(owner)
                    .is_some_and(|it| it.found.start > found.end)
            {
                owner -= 1;
            }
            let cost_behind = self.cost(owner, found.end);
            let taken = |at| cost_behind + MATCH_COST + length_cost(found.end - at);
            let literals = |at| next_cost + next - at;
            let mut until = next
                .min(last_start + 1)
                .min((found.end + 1).saturating_sub(MIN_MATCH));
            while until > found.start && taken(until - 1) > literals(until - 1) {
                until -= 1;
            }
            next_cost = if until > found.start {
                taken(found.start)
            } else {
                literals(found.start)
            };
            next = found.start;
            if let Some(candidate) = self.0.get_mut(index) {
                *candidate = Candidate {
                    found,
                    cost: next_cost,
                    cost_behind,
                    until,
                };
            }
        }
    }

    /// Bytes to the end from a position of a match's own, by the cheapest way.
    fn cost(&self, owner: usize, at: usize) -> usize {
        match (self.0.get(owner), self.0.get(owner + 1)) {
            (Some(own), _) if at < own.until => {
                own.cost_behind + MATCH_COST + length_cost(own.found.end - at)
            }
            (_, Some(next)) => next.cost + next.found.start - at,
            (Some(last), None) => last.found.end - at,
            (None, None) => 0,
        }
    }

    fn put(&self, writer: &mut Writer<'_>) {
        let mut at = 0;
        for (index, candidate) in self.0.iter().enumerate() {
            let found = candidate.found;
            let next = self
                .0
                .get(index + 1)
                .map_or(found.end, |next| next.found.start);
            at = at.max(found.start);
            if at < next.min(candidate.until) {
                let end = self.cheaper_end(index, at).unwrap_or(found.end);
                writer.put(at, end - at, found.offset);
                at = end;
            }
        }
    }

    /// Where to end the match, if that saves a byte of its length and costs none behind it.
    fn cheaper_end(&self, index: usize, at: usize) -> Option<usize> {
        let candidate = self.0.get(index)?;
        let end = at + cheaper_length(candidate.found.end - at)?;
        let others = self.0.get(index + 1..)?.iter();
        let others = others.take_while(|it| it.found.start <= end).count();
        (self.cost(index + others, end) <= candidate.cost_behind && others > 0).then_some(end)
    }
}
