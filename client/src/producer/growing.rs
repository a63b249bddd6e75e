//! A list that grows, and is read without a lock.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// A list that only ever grows at its end.
///
/// Reading costs no more than reading an array: no lock, and no counter that all threads write to. Entries stand in
/// buckets of 1, 2, 4, 8, … places, which are made as they are needed and never moved.
#[derive(Debug)]
pub(crate) struct Growing<T> {
    buckets: [OnceLock<Box<[OnceLock<T>]>>; 32],
    len: AtomicUsize,
}

impl<T> Growing<T> {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const { OnceLock::new() }; 32],
            len: AtomicUsize::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let (bucket, place) = Self::place(index)?;
        self.buckets.get(bucket)?.get()?.get(place)?.get()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// Adds an entry at the end. Whoever calls it sees to it that nobody else does meanwhile: an entry that loses
    /// such a race is dropped.
    pub(crate) fn push(&self, entry: T) {
        let index = self.len();
        let Some((bucket, place)) = Self::place(index) else {
            return;
        };
        let Some(bucket_cell) = self.buckets.get(bucket) else {
            return;
        };
        let entries =
            bucket_cell.get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        if let Some(cell) = entries.get(place)
            && cell.set(entry).is_ok()
        {
            self.len.store(index + 1, Ordering::Release);
        }
    }

    /// Which bucket an entry is in, and where in it.
    fn place(index: usize) -> Option<(usize, usize)> {
        let number = index.checked_add(1)?;
        let bucket = number.ilog2();
        Some((bucket as usize, number - (1 << bucket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_where_they_are_and_in_order() {
        let list = Growing::new();
        assert_eq!((list.len(), list.get(0)), (0, None));
        list.push(0);
        let first: *const i32 = list.get(0).unwrap();
        for entry in 1..1000 {
            list.push(entry);
        }
        assert_eq!(first, std::ptr::from_ref(list.get(0).unwrap()));
        assert!(list.iter().copied().eq(0..1000));
        assert_eq!((list.len(), list.get(1000)), (1000, None));
        assert_eq!(list.get(usize::MAX), None);
    }
}
