//! What the cluster has agreed on, as last heard of.

use std::sync::{Mutex, PoisonError};

use milena_engine::versions::Features;

/// Every connection begins with what its broker knows; the newest of that counts.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Features>);

impl Heard {
    pub(crate) fn note(&self, features: Features) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = features.max(*latest);
    }

    pub(crate) fn latest(&self) -> Features {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
