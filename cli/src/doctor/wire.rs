//! One connection, on which one thing at a time is asked. Whatever is at the other end, it comes to an end in time.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use milena_protocol::{Message, Request, Str, decode_response_header, encode_request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// More than any answer to what is asked here.
const LARGEST: u64 = 16 << 20;
/// Bytes of a frame's length.
const PREFIX: usize = 4;

/// A connection to what may be a broker.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    patience: Duration,
    asked: i32,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    Tls,
    Http,
    /// What came is no answer.
    NotKafka(String),
    /// The other end closed the connection before a whole answer had come.
    Closed,
    Silent,
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = timeout(patience, TcpStream::connect(address));
        let stream = stream
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(Self {
            stream,
            patience,
            asked: 0,
        })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, Trouble> {
        self.asked += 1;
        let (id, client) = (self.asked, Str::from_static("milena-doctor"));
        let no_kafka = |error: &dyn ToString| Trouble::NotKafka(error.to_string());
        let frame = encode_request(id, Some(&client), version, request);
        let frame = frame.map_err(|error| no_kafka(&error))?;
        let frame = frame.into_iter().collect::<Vec<_>>().concat();
        let exchange = timeout(self.patience, self.exchange(&frame));
        let answer = exchange.await.unwrap_or(Err(Trouble::Silent))?;
        let header = decode_response_header(&answer, R::API, version);
        let (header, body) = header.map_err(|error| no_kafka(&error))?;
        if header.correlation_id != id {
            return Err(no_kafka(&"it answers something that was not asked"));
        }
        R::Response::decode(&body, version).map_err(|error| no_kafka(&error))
    }

    async fn exchange(&mut self, frame: &[u8]) -> Result<Bytes, Trouble> {
        // Who closes the connection may have said why before.
        let _ = self.stream.write_all(frame).await;
        let mut head = [0; PREFIX];
        match self.stream.read_exact(&mut head).await {
            Ok(_) => {}
            Err(_) => return Err(Trouble::Closed),
        }
        if is_tls(head) {
            return Err(Trouble::Tls);
        }
        if &head == b"HTTP" {
            return Err(Trouble::Http);
        }
        let length = u64::from(u32::from_be_bytes(head));
        if length > LARGEST {
            let text = format!("its first bytes are {:?}", head.escape_ascii().to_string());
            return Err(Trouble::NotKafka(text));
        }
        // It takes no more memory than has arrived.
        let mut answer = Vec::new();
        let mut rest = (&mut self.stream).take(length);
        match rest.read_to_end(&mut answer).await {
            Ok(read) if read as u64 == length => Ok(answer.into()),
            _ => Err(Trouble::Closed),
        }
    }
}

/// The beginning of a TLS record: its kind, and a version 3.x.
const fn is_tls(head: [u8; PREFIX]) -> bool {
    matches!(head, [0x14..=0x17, 3, 0..=4, _])
}

/// Whether a port that says nothing to a Kafka request answers to the beginning of a TLS connection.
pub(super) async fn speaks_tls(address: SocketAddr, patience: Duration) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&client_hello()).await?;
        let mut head = [0; PREFIX];
        stream.read_exact(&mut head).await?;
        io::Result::Ok(is_tls(head))
    };
    matches!(timeout(patience, greeting).await, Ok(Ok(true)))
}

/// The smallest greeting there is. No server will go on from it, but one that speaks TLS refuses it in TLS.
fn client_hello() -> Vec<u8> {
    let random = [0x4d; 32];
    let suites = [0x13, 0x01, 0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c];
    let mut hello = vec![3, 3];
    hello.extend(random);
    // No session, the suites, and no compression.
    hello.extend([0, 0, suites.len() as u8]);
    hello.extend(suites);
    hello.extend([1, 0]);
    let length = hello.len() as u8;
    let handshake = [1, 0, 0, length];
    let record = [0x16, 3, 1, 0, length + handshake.len() as u8];
    [&record[..], &handshake[..], &hello[..]].concat()
}
