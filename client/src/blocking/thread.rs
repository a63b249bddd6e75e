//! A thread for the tasks of one client.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::wait;

/// A runtime on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OwnThread {
    runtime: Handle,
    /// Its other end waits for this to go.
    _lives: oneshot::Sender<()>,
}

impl OwnThread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (lives, gone) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("milena".to_owned())
            .spawn(move || {
                wait::forbid();
                let _ = runtime.block_on(gone);
                // A name that is just being resolved holds nobody up.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            _lives: lives,
        })
    }

    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
    }
}
