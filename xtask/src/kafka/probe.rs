//! The least a client can say to a broker, to learn whether it is ready.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::{Message, Request, decode_response_header, encode_request};

/// A ready broker on the loopback interface answers at once, unless its machine is busy.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Answers to these requests are a few hundred bytes.
const LONGEST: usize = 1 << 20;

/// Any number: the answer must bear it too.
const CORRELATION: i32 = 0x4d49_4c45;

/// How many brokers the broker on that port knows. An error until it answers ApiVersions.
pub(crate) fn brokers(port: u16) -> Result<usize> {
    ask_for_brokers(port).map_err(|error| {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            // How a timeout of a read is called differs between systems.
            Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                anyhow!("no answer in {} s", TIMEOUT.as_secs())
            }
            _ => error,
        }
    })
}

fn ask_for_brokers(port: u16) -> Result<usize> {
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;

    let code = ask(&mut stream, 0, &ApiVersionsRequest::default())?.error_code;
    ensure!(!code.is_err(), "{code} to ApiVersions");

    // In version 1, an empty list of topics asks for none.
    let nothing = MetadataRequest {
        topics: Some(Vec::new()),
        ..MetadataRequest::default()
    };
    Ok(ask(&mut stream, 1, &nothing)?.brokers.len())
}

/// One request, and its answer.
fn ask<R: Request>(stream: &mut TcpStream, version: i16, request: &R) -> Result<R::Response> {
    for bytes in encode_request(CORRELATION, None, version, request)? {
        stream.write_all(&bytes)?;
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(4..=LONGEST).contains(&length) {
        bail!("this is not a Kafka broker: it announced {length} bytes");
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    let (header, body) = decode_response_header(&answer.into(), R::API, version)?;
    ensure!(
        header.correlation_id == CORRELATION,
        "an answer to another request"
    );
    Ok(R::Response::decode(&body, version)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use milena_protocol::api_versions::ApiVersionsResponse;
    use milena_protocol::encode_response;
    use milena_protocol::metadata::{MetadataResponse, MetadataResponseBroker};

    use super::{CORRELATION, brokers};

    #[test]
    fn counts_the_brokers_of_an_answer() {
        let versions = encode_response(CORRELATION, 0, &ApiVersionsResponse::default());
        let metadata = MetadataResponse {
            brokers: vec![MetadataResponseBroker::default(); 3],
            ..MetadataResponse::default()
        };
        let metadata = encode_response(CORRELATION, 1, &metadata);
        let answers = [versions, metadata].map(|answer| answer.unwrap().into_bytes().to_vec());
        assert_eq!(brokers(answering(answers.into())).unwrap(), 3);
    }

    #[test]
    fn another_protocol_is_said_plainly() {
        let error = brokers(answering(vec![
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        ]))
        .unwrap_err();
        assert!(error.to_string().contains("not a Kafka broker"), "{error}");
    }

    fn answering(answers: Vec<Vec<u8>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut request = [0; 64];
                assert!(stream.read(&mut request).unwrap() > 0);
                stream.write_all(&answer).unwrap();
            }
        });
        port
    }
}
