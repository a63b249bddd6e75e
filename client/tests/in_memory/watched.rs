//! Connections of which a test sees each reading and writing before it comes about.

use std::{
    fmt::Debug,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use milena::{BoxFuture, Connector, DialError, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a test does meanwhile.
pub(crate) trait Watch: Clone + Debug + Send + Sync + Unpin + 'static {
    fn reads(&self) {}

    /// An error breaks the connection; nothing of these bytes has left then.
    fn writes(&self, _slices: &[IoSlice<'_>]) -> io::Result<()> {
        Ok(())
    }
}

/// A connector whose connections are watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched<C, W>(pub(crate) C, pub(crate) W);

impl<C: Connector, W: Watch> Connector for Watched<C, W> {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.0.connect(host, port, setup_timeout).await?;
            let watch = self.1.clone();
            Ok(Box::new(Line { stream, watch }) as Box<dyn Stream>)
        })
    }
}

struct Line<W> {
    stream: Box<dyn Stream>,
    watch: W,
}

impl<W: Watch> AsyncRead for Line<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.watch.reads();
        Pin::new(&mut *self.stream).poll_read(cx, buffer)
    }
}

impl<W: Watch> AsyncWrite for Line<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watch.writes(slices)?;
        Pin::new(&mut *self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}
