//! A way to the brokers that notes which requests go by.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use milena::{BoxFuture, Connector, DialError, Stream, TcpConnector};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Connects over TCP and notes the key and version of each request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spy {
    tcp: TcpConnector,
    seen: Arc<Mutex<BTreeSet<(i16, i16)>>>,
}

impl Spy {
    /// The versions in which requests of that key were made, ascending.
    pub(crate) fn versions(&self, key: i16) -> Vec<i16> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|(seen, _)| *seen == key)
            .map(|(_, version)| *version)
            .collect()
    }
}

impl Connector for Spy {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.tcp.connect(host, port, setup_timeout).await?;
            let tapped = Tapped {
                stream,
                seen: self.seen.clone(),
                head: Vec::new(),
                rest: 0,
            };
            Ok(Box::new(tapped) as Box<dyn Stream>)
        })
    }
}

struct Tapped {
    stream: Box<dyn Stream>,
    seen: Arc<Mutex<BTreeSet<(i16, i16)>>>,
    /// Length, key and version of the request that is being written.
    head: Vec<u8>,
    /// Bytes of it that come after these.
    rest: usize,
}

impl Tapped {
    fn note(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            let taken = bytes.len().min(8 - self.head.len());
            self.head.extend(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Ok([a, b, c, d, key @ .., v, w]) = <[u8; 8]>::try_from(&self.head[..]) {
                self.seen
                    .lock()
                    .unwrap()
                    .insert((i16::from_be_bytes(key), i16::from_be_bytes([v, w])));
                self.rest = u32::from_be_bytes([a, b, c, d]) as usize - 4;
                self.head.clear();
            }
        }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.note(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.note(&slice[..part]);
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
