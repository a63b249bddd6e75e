//! Headers, streams of frames, and what happens to a connection.

use std::io;

use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::{Str, encode_request};

use crate::Inputs;

pub(crate) fn write(seeds: &Inputs<'_>) -> io::Result<()> {
    let client_id = Str::from_static("client");
    let mut stream = vec![20, 3, 0, 6, 40];
    for version in [1, 9, 12] {
        let request = MetadataRequest::default();
        let frame = encode_request(7, Some(&client_id), version, &request);
        let frame = frame.map_err(io::Error::other)?.into_bytes();
        stream.extend_from_slice(&frame);
        let bytes = [&[0], &frame[4..]].concat();
        seeds.add("frame", &format!("request-{version}"), &bytes)?;
    }
    let frame = encode_request(7, None, 3, &ApiVersionsRequest::default());
    let frame = frame.map_err(io::Error::other)?.into_bytes();
    seeds.add("frame", "request-versions", &[&[0], &frame[4..]].concat())?;
    seeds.add("frame", "stream", &[&[2], &stream[..]].concat())?;
    seeds.add(
        "frame",
        "stream-http",
        b"\x02\x14\x01\x02HTTP/1.1 400 Bad Request\r\n",
    )?;
    seeds.add(
        "frame",
        "stream-large",
        b"\x02\x1e\x02\xff\x80\x00\x01\x00\x00 and less than that",
    )?;
    // Response headers: of ApiVersions, of an old Metadata and of a flexible one.
    seeds.add(
        "frame",
        "response-versions",
        b"\x01\x12\x03\0\0\0\x07\0\0\x01\0\0\0\0\0",
    )?;
    seeds.add(
        "frame",
        "response-old",
        b"\x01\x03\x00\0\0\0\x07\0\0\0\0\0\0\0\0",
    )?;
    seeds.add(
        "frame",
        "response-flexible",
        b"\x01\x16\x04\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02\0",
    )?;
    // A handshake, of which the first attempt is too new; requests; answers, a pause, and time.
    let ready = b"\x03\x07\x00\x00\x03\x00\x00\x0b\x03\x00\x0c\x16\x00\x04";
    let retried =
        b"\x03\x07\x01\x01\x12\x00\x03\x03\x07\x00\x05\x03\x00\x00\x0b\x03\x00\x0c\x16\x00\x04";
    let requests = b"\x00\xff\x01\x20\x01\x01\x00\x20\x02\xff\x00\x20\x03\x04\x04\x04";
    let answers = b"\x06\x08\0\0\0\0\0\0\0\0\x06\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0";
    let time = b"\x08\x10\x01\x09\x00\x10\x08\xff";
    let connection = |name: &str, parts: &[&[u8]]| {
        let bytes = [&[3], &parts.concat()[..]].concat();
        seeds.add("frame", &format!("connection-{name}"), &bytes)
    };
    connection("answers", &[ready, requests, answers, time])?;
    connection("retried", &[retried, requests, time])?;
    connection("nonsense", &[ready, requests, b"\x05\x08\0\0\0\x09abcd"])?;
    // Two are sent, one is answered, and the next answer comes before its request.
    let two = b"\x00\xff\x00\x20\x00\xff\x00\x20\x03\x04";
    connection("ahead", &[ready, two, b"\x06\x08\0\0\0\0\0\0\0\0\x0b"])?;
    connection("ended", &[ready, requests, b"\x0a\x05\x09"])
}
