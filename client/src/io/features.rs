//! What the cluster has agreed on, as last heard of.

use milena_engine::versions::Features;

use crate::lock::Lock;

/// Every connection begins with what its broker knows; the newest of that counts.
#[derive(Debug, Default)]
pub(crate) struct Heard(Lock<Features>);

impl Heard {
    pub(crate) fn note(&self, features: Features) {
        let mut latest = self.0.lock();
        *latest = features.max(*latest);
    }

    pub(crate) fn latest(&self) -> Features {
        *self.0.lock()
    }
}
