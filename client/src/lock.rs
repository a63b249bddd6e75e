//! A lock, for the moment that a decision takes.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`Mutex`] that a panic does not poison.
///
/// No callback, interceptor, serializer or partitioner runs while one is held, and nobody is woken. Should anything else
/// panic there, those who wait for records or memory are better served by what it left than by panicking in their turn.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
