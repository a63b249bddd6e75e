//! Frames as somebody sees them who stands beside the connections.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use milena_protocol::{ApiKey, Direction};

/// A frame that passes between a client and the cluster, byte for byte;
/// see [`ClusterBuilder::observe`](crate::ClusterBuilder::observe).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// The node.
    pub node: i32,
    /// The number of the connection, as in [`RequestEntry`](crate::RequestEntry): its low 32 bits count the connections
    /// of the node, from 1.
    pub connection: u64,
    /// Which request of the connection this is, or answers, from 1.
    pub sequence: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// The API that the request names, and the version; `None` if it is too short for that.
    pub api: Option<(ApiKey, i16)>,
    /// All of it, length prefix included, as on the wire. To keep a segment is to keep a handle, not a copy.
    pub segments: &'a [Bytes],
}

/// Whom connections show their frames, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&Frame<'_>) + Send + Sync;

impl Observer {
    pub(crate) fn new(observe: impl Fn(&Frame<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    pub(crate) fn get(&self) -> Option<&Observe> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some" } else { "None" })
    }
}
