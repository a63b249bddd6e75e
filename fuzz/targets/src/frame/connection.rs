//! A connection driven by arbitrary events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use milena_engine::connection::{Answer, Connection, ConnectionError, Event, Identity, Terms};
use milena_engine::throttle::Throttled;
use milena_engine::time::Instant;
use milena_protocol::api_versions::{ApiVersion, ApiVersionsResponse};
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::produce::ProduceRequest;
use milena_protocol::{ApiKey, ErrorCode, Request, Str, decode_request_header, encode_response};

use super::unframed;
use crate::input::Input;

/// Events, one after the other.
///
/// Every request that was accepted comes back exactly once, in order: with its answer, as written where no answer
/// comes, or when the connection is closed. Nothing that arrives panics.
pub(super) fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    let mut driver = Driver::new();
    while !input.is_empty() {
        if let Err(error) = driver.step(&mut input) {
            let _ = error.to_string();
            break;
        }
        assert_eq!(driver.connection.in_flight(), driver.sent.len());
    }
    driver.close();
}

struct Driver {
    connection: Connection<u32>,
    now: Instant,
    tokens: u32,
    /// Accepted and not given back.
    sent: VecDeque<Sent>,
    /// Frames that were polled and not reported as transmitted: their correlation ids.
    writing: VecDeque<i32>,
    /// The question for versions that is open: its correlation id and version.
    asked: Option<(i32, i16)>,
}

struct Sent {
    token: u32,
    api: ApiKey,
    version: i16,
    answered: bool,
    /// The correlation id, once it is transmitted.
    id: Option<i32>,
}

impl Driver {
    fn new() -> Self {
        let identity = Identity {
            client_id: Some(Str::from_static("fuzz")),
            software_name: Str::from_static("milena"),
            software_version: Str::from_static("0"),
        };
        let deadline = Instant::from_millis(1000);
        let connection = Connection::new(Arc::new(identity), Instant::ZERO, deadline);
        Self {
            connection: connection.expect("the question for versions can be written"),
            now: Instant::ZERO,
            tokens: 0,
            sent: VecDeque::new(),
            writing: VecDeque::new(),
            asked: None,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), ConnectionError> {
        match input.byte() {
            0 => self.send(&ProduceRequest::default(), input),
            1 => self.send(&MetadataRequest::default(), input),
            2 => self.send(&InitProducerIdRequest::default(), input),
            3 => self.write(),
            4 => self.transmitted(),
            5 => self.arrive(Bytes::copy_from_slice(input.some()))?,
            6 => self.answer(input)?,
            7 => self.answer_versions(input)?,
            8 => {
                self.now += Duration::from_millis(u64::from(input.byte()));
                self.connection.handle_timeout(self.now)?;
                // What is due is done: otherwise the owner would turn in circles.
                if self
                    .connection
                    .poll_timeout()
                    .is_some_and(|at| at <= self.now)
                {
                    assert!(self.write_one(), "due at once, and nothing to do");
                }
            }
            9 => return Err(self.connection.handle_end(None)),
            10 => {
                let partial = (usize::from(input.byte()), Some(usize::from(input.byte())));
                return Err(self.connection.handle_end(Some(partial)));
            }
            11 => self.answer_ahead()?,
            _ => {}
        }
        Ok(())
    }

    fn send<R: Request>(&mut self, request: &R, input: &mut Input<'_>) {
        let token = self.tokens;
        self.tokens += 1;
        let max_version = Some(i16::from(input.byte())).filter(|max| *max < 128);
        let answered = !input.bit();
        let terms = Terms {
            now: self.now,
            deadline: self.now + Duration::from_millis(10 * u64::from(input.byte())),
            answered,
            max_version,
        };
        let expected = self.connection.version_of::<R>(max_version);
        match self.connection.send(request, token, terms) {
            Ok(version) => {
                assert_eq!(expected.ok(), Some(version));
                assert!(R::VERSIONS.contains(version) && version <= R::LATEST_STABLE);
                assert!(max_version.is_none_or(|max| version <= max));
                self.sent.push_back(Sent {
                    token,
                    api: R::API,
                    version,
                    answered,
                    id: None,
                });
            }
            Err(refused) => {
                assert_eq!(refused.token, token);
                let _ = refused.error.to_string();
            }
        }
    }

    fn write(&mut self) {
        while self.write_one() {}
    }

    fn write_one(&mut self) -> bool {
        let Some(frame) = self.connection.poll_transmit(self.now) else {
            return false;
        };
        let (header, _) = decode_request_header(&unframed(&frame.into_bytes())).expect("a header");
        if self.connection.is_ready() {
            self.writing.push_back(header.correlation_id);
        } else {
            assert_eq!(header.api_key, ApiKey::API_VERSIONS);
            self.asked = Some((header.correlation_id, header.api_version));
            assert!(self.connection.handle_transmitted().is_none());
        }
        true
    }

    fn transmitted(&mut self) {
        let Some(id) = self.writing.pop_front() else {
            return;
        };
        let at = self.sent.iter().position(|sent| sent.id.is_none());
        let at = at.expect("a polled frame is somebody's");
        self.sent[at].id = Some(id);
        let event = self.connection.handle_transmitted();
        if self.sent[at].answered {
            assert!(event.is_none(), "{event:?}");
        } else {
            let sent = self.sent.remove(at).expect("it is there");
            assert!(matches!(event, Some(Event::Written(token)) if token == sent.token));
        }
    }

    fn arrive(&mut self, frame: Bytes) -> Result<(), ConnectionError> {
        let was_ready = self.connection.is_ready();
        match self.connection.handle_frame(frame, self.now)? {
            None => assert!(!was_ready),
            Some(Event::Ready) => assert!(!was_ready && self.connection.is_ready()),
            Some(Event::Written(token)) => panic!("{token} was written by an answer"),
            Some(Event::Answer(answer)) => {
                let sent = self.sent.pop_front().expect("somebody asked");
                assert!(
                    sent.answered && sent.id.is_some(),
                    "answered before it was sent"
                );
                assert_eq!(
                    (answer.token, answer.api, answer.version),
                    (sent.token, sent.api, sent.version)
                );
                match answer.api {
                    ApiKey::PRODUCE => self.read::<ProduceRequest>(&answer)?,
                    ApiKey::METADATA => self.read::<MetadataRequest>(&answer)?,
                    ApiKey::INIT_PRODUCER_ID => self.read::<InitProducerIdRequest>(&answer)?,
                    other => panic!("an answer of {other:?}"),
                }
            }
        }
        Ok(())
    }

    fn read<R: Request>(&mut self, answer: &Answer<u32>) -> Result<(), ConnectionError>
    where
        R::Response: Throttled,
    {
        self.connection.decode::<R, _>(answer, self.now).map(drop)
    }

    /// An answer with the right id, to the oldest request.
    fn answer(&mut self, input: &mut Input<'_>) -> Result<(), ConnectionError> {
        let Some(id) = self.sent.front().and_then(|sent| sent.id) else {
            return Ok(());
        };
        let mut frame = BytesMut::new();
        frame.put_i32(id);
        frame.put_slice(input.some());
        self.arrive(frame.freeze())
    }

    /// An answer to a request that has not left whole: nobody can have read it.
    fn answer_ahead(&mut self) -> Result<(), ConnectionError> {
        let Some(&id) = self.writing.front() else {
            return Ok(());
        };
        let frame = Bytes::copy_from_slice(&[&id.to_be_bytes()[..], &[0; 16]].concat());
        self.arrive(frame)?;
        panic!("an answer to {id} came before its request");
    }

    fn answer_versions(&mut self, input: &mut Input<'_>) -> Result<(), ConnectionError> {
        let Some((id, asked)) = self.asked.filter(|_| !self.connection.is_ready()) else {
            return Ok(());
        };
        let too_new = input.bit();
        let version = if too_new { 0 } else { asked };
        let mut response = ApiVersionsResponse {
            throttle_time_ms: if version >= 1 {
                i32::from(input.byte())
            } else {
                0
            },
            ..Default::default()
        };
        if too_new {
            response.error_code = ErrorCode::UNSUPPORTED_VERSION;
        }
        for _ in 0..input.below(6) {
            response.api_keys.push(ApiVersion {
                api_key: i16::from(input.byte()),
                min_version: i16::from(input.byte().cast_signed()),
                max_version: i16::from(input.byte().cast_signed()),
                ..Default::default()
            });
        }
        let frame = encode_response(id, version, &response).expect("a sound response");
        self.asked = None;
        self.arrive(unframed(&frame.into_bytes()))
    }

    fn close(mut self) {
        let orphans = self.connection.close();
        let got: Vec<_> = orphans
            .iter()
            .map(|orphan| (orphan.token, orphan.api, orphan.transmitted))
            .collect();
        let expected: Vec<_> = self
            .sent
            .iter()
            .map(|sent| (sent.token, sent.api, sent.id.is_some()))
            .collect();
        assert_eq!(got, expected);
        assert!(!self.connection.is_ready() && self.connection.in_flight() == 0);
        assert!(self.connection.poll_transmit(Instant::FAR_FUTURE).is_none());
        assert_eq!(self.connection.poll_timeout(), None);
        assert!(self.connection.version_of::<MetadataRequest>(None).is_err());
    }
}
