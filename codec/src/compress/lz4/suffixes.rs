//! All suffixes of a text in order, by induced sorting (SA-IS: Nong, Zhang and Chan, 2009). The
//! time it takes grows with the length alone, whatever the text is.
//!
//! A suffix is *rising* if it is smaller than the one behind it, and a *valley* if it is rising
//! and the one before it is not. Once the valleys are in order, a sweep up puts those in order that
//! are not rising, and a sweep down those that are. If the valleys are in no order yet, the same
//! sweeps order them as far as to the next valley. Where some come out equal, each is numbered, and
//! the numbers, as they follow one another in the text, are a text at most half as long: its
//! suffixes in order are the valleys in order.

/// No position: they are smaller, and so are symbols.
const NONE: u16 = u16::MAX;
/// A text, and those of numbers, each at most half as long as the one before.
const TEXTS: usize = 17;

/// What sorting needs, kept for the next time.
#[derive(Default)]
pub(super) struct Suffixes(Box<[Text; TEXTS]>);

#[derive(Default)]
struct Text {
    symbols: Vec<u16>,
    rising: Vec<bool>,
    valleys: Vec<u16>,
    /// How often each symbol occurs.
    counts: Vec<u16>,
    /// Where the next suffix goes that begins with a symbol.
    places: Vec<u16>,
    /// Positions in the order of the suffixes that begin there.
    order: Vec<u16>,
    /// The numbers of valleys, by half their position.
    numbers: Vec<u16>,
}

impl Suffixes {
    /// The positions of a text of less than 64 KiB in the order of what stands from there on.
    pub(super) fn sort(&mut self, text: &[u8]) -> &[u16] {
        let [first, ..] = &mut *self.0;
        first.symbols.clear();
        first.symbols.extend(text.iter().copied().map(u16::from));
        sort(&mut *self.0);
        let [first, ..] = &*self.0;
        &first.order
    }
}

/// Sorts the suffixes of the first text with the help of the others.
fn sort(texts: &mut [Text]) {
    let [text, others @ ..] = texts else {
        return;
    };
    text.survey();
    text.induce();
    if let [numbered, ..] = others {
        let kinds = text.number_valleys(&mut numbered.symbols);
        if kinds < numbered.symbols.len() {
            sort(others);
        } else {
            numbered.order_unique();
        }
    }
    if let [numbered, ..] = others {
        text.order_valleys(&numbered.order);
    }
    text.induce();
}

impl Text {
    /// Finds out which suffixes rise, which are valleys, and how often each symbol occurs.
    fn survey(&mut self) {
        let Self {
            symbols,
            rising,
            valleys,
            counts,
            places,
            ..
        } = self;
        let kinds = symbols
            .iter()
            .max()
            .map_or(0, |most| usize::from(*most) + 1);
        counts.clear();
        counts.resize(kinds, 0);
        places.clear();
        places.resize(kinds, 0);
        rising.clear();
        rising.resize(symbols.len(), false);
        valleys.clear();
        // The last one has nothing behind it, which is smaller than anything.
        let (mut behind, mut rises) = (0, false);
        for (at, (symbol, rising)) in symbols.iter().zip(rising).enumerate().rev() {
            let rose = rises;
            rises = *symbol < behind || (*symbol == behind && rises);
            if rose && !rises {
                valleys.push(at as u16 + 1);
            }
            *rising = rises;
            behind = *symbol;
            if let Some(count) = counts.get_mut(usize::from(*symbol)) {
                *count += 1;
            }
        }
        valleys.reverse();
    }

    /// Orders all suffixes, given the valleys in order.
    fn induce(&mut self) {
        self.order.clear();
        self.order.resize(self.symbols.len(), NONE);
        self.place_ends();
        for index in (0..self.valleys.len()).rev() {
            let valley = self.valleys.get(index).copied().unwrap_or(NONE);
            self.put_before(valley);
        }
        self.place_starts();
        // What comes before the end of the text, the smallest suffix of all.
        self.put_behind((self.symbols.len() as u16).wrapping_sub(1));
        for index in 0..self.order.len() {
            let before = self.order.get(index).map_or(NONE, |at| at.wrapping_sub(1));
            if self.rising.get(usize::from(before)) == Some(&false) {
                self.put_behind(before);
            }
        }
        self.place_ends();
        for index in (0..self.order.len()).rev() {
            let before = self.order.get(index).map_or(NONE, |at| at.wrapping_sub(1));
            if self.rising.get(usize::from(before)) == Some(&true) {
                self.put_before(before);
            }
        }
    }

    fn place_starts(&mut self) {
        let mut start = 0;
        for (place, count) in self.places.iter_mut().zip(&self.counts) {
            *place = start;
            start += count;
        }
    }

    fn place_ends(&mut self) {
        let mut end = 0;
        for (place, count) in self.places.iter_mut().zip(&self.counts) {
            end += count;
            *place = end;
        }
    }

    /// Puts a suffix behind those with the same symbol that were put so before.
    fn put_behind(&mut self, at: u16) {
        if let Some(place) = place(&mut self.places, &self.symbols, at) {
            if let Some(slot) = self.order.get_mut(usize::from(*place)) {
                *slot = at;
            }
            *place += 1;
        }
    }

    /// Puts a suffix before those with the same symbol that were put so before.
    fn put_before(&mut self, at: u16) {
        if let Some(place) = place(&mut self.places, &self.symbols, at) {
            *place = place.wrapping_sub(1);
            if let Some(slot) = self.order.get_mut(usize::from(*place)) {
                *slot = at;
            }
        }
    }

    fn is_valley(&self, at: usize) -> bool {
        let rises = |at: usize| self.rising.get(at).copied();
        rises(at) == Some(true) && rises(at.wrapping_sub(1)) == Some(false)
    }

    /// Writes the valleys' numbers as they follow one another; returns how many different ones
    /// there are. The valleys are in order as far as to the next one.
    fn number_valleys(&mut self, numbered: &mut Vec<u16>) -> usize {
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        numbers.resize(self.symbols.len() / 2 + 1, NONE);
        let mut kinds = 0;
        let mut last = None;
        for at in self.order.iter().copied().map(usize::from) {
            if !self.is_valley(at) {
                continue;
            }
            if last.is_none_or(|last| !self.is_same(last, at)) {
                kinds += 1;
            }
            last = Some(at);
            if let Some(number) = numbers.get_mut(at / 2) {
                *number = kinds - 1;
            }
        }
        numbered.clear();
        numbered.extend(numbers.iter().filter(|number| **number != NONE));
        self.numbers = numbers;
        usize::from(kinds)
    }

    /// Whether two valleys are the same as far as to the next one.
    fn is_same(&self, a: usize, b: usize) -> bool {
        for len in 0.. {
            let (a, b) = (a + len, b + len);
            match (self.symbols.get(a), self.symbols.get(b)) {
                (Some(x), Some(y)) if x == y => {}
                _ => return false,
            }
            if len > 0 {
                match (self.is_valley(a), self.is_valley(b)) {
                    (false, false) => {}
                    (a, b) => return a && b,
                }
            }
        }
        false
    }

    /// The order of a text in which no symbol occurs twice.
    fn order_unique(&mut self) {
        self.order.clear();
        self.order.resize(self.symbols.len(), NONE);
        for (at, symbol) in (0..).zip(&self.symbols) {
            if let Some(slot) = self.order.get_mut(usize::from(*symbol)) {
                *slot = at;
            }
        }
    }

    /// Puts the valleys, which are as they stand in the text, in order.
    fn order_valleys(&mut self, order: &[u16]) {
        self.numbers.clear();
        self.numbers.extend_from_slice(&self.valleys);
        for (valley, index) in self.valleys.iter_mut().zip(order) {
            *valley = self
                .numbers
                .get(usize::from(*index))
                .copied()
                .unwrap_or(NONE);
        }
    }
}

fn place<'a>(places: &'a mut [u16], symbols: &[u16], at: u16) -> Option<&'a mut u16> {
    let symbol = symbols.get(usize::from(at))?;
    places.get_mut(usize::from(*symbol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn suffixes_are_in_order(kinds in 1..6_u8, text in vec(any::<u8>(), 0..400), times in 1..6_usize) {
            let text: Vec<u8> = text.iter().map(|byte| byte % kinds).collect();
            let text = text.repeat(times);
            let mut order: Vec<u16> = (0..text.len() as u16).collect();
            order.sort_by_key(|at| text.get(usize::from(*at)..));
            let mut suffixes = Suffixes::default();
            suffixes.sort(b"what was sorted before");
            prop_assert_eq!(suffixes.sort(&text), order);
        }
    }
}
