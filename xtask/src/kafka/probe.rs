//! The least a client can say to a broker, to learn whether it is ready.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// A ready broker on the loopback interface answers at once.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Answers to these requests are a few hundred bytes.
const LONGEST: usize = 1 << 20;

/// Any number: the answer must bear it too.
const CORRELATION: i32 = 0x4d49_4c45;

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;

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

    let answer = ask(&mut stream, API_VERSIONS, 0, &[])?;
    let code = answer
        .first_chunk()
        .map(|bytes| i16::from_be_bytes(*bytes))
        .context("a truncated answer")?;
    ensure!(code == 0, "error {code} to ApiVersions");

    // Version 1: brokers first in the answer, and an empty list of topics asks for none.
    let answer = ask(&mut stream, METADATA, 1, &0_i32.to_be_bytes())?;
    let count = answer
        .first_chunk()
        .map(|bytes| i32::from_be_bytes(*bytes))
        .context("a truncated answer")?;
    usize::try_from(count).context("a negative count of brokers")
}

/// One request and the body of its answer.
fn ask(stream: &mut TcpStream, api: i16, version: i16, body: &[u8]) -> Result<Vec<u8>> {
    stream.write_all(&request(api, version, body))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(4..=LONGEST).contains(&length) {
        bail!("this is not a Kafka broker: it announced {length} bytes");
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    let body = answer.split_off(4);
    ensure!(
        answer == CORRELATION.to_be_bytes(),
        "an answer to another request"
    );
    Ok(body)
}

/// A request with header version 1 and no client id.
fn request(api: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(14 + body.len());
    let length = u32::try_from(10 + body.len()).unwrap_or(u32::MAX);
    frame.extend(length.to_be_bytes());
    frame.extend(api.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(CORRELATION.to_be_bytes());
    frame.extend((-1_i16).to_be_bytes());
    frame.extend(body);
    frame
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::{CORRELATION, brokers, request};

    #[test]
    fn a_request_is_framed() {
        let frame = request(3, 1, &[0, 0, 0, 0]);
        assert_eq!(
            frame,
            [
                0, 0, 0, 14, 0, 3, 0, 1, 0x4d, 0x49, 0x4c, 0x45, 0xff, 0xff, 0, 0, 0, 0
            ]
        );
    }

    #[test]
    fn counts_the_brokers_of_an_answer() {
        let [a, b, c, d] = CORRELATION.to_be_bytes();
        let versions = vec![0, 0, 0, 10, a, b, c, d, 0, 0, 0, 0, 0, 0];
        let metadata = vec![0, 0, 0, 8, a, b, c, d, 0, 0, 0, 3];
        assert_eq!(brokers(answering(vec![versions, metadata])).unwrap(), 3);
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
