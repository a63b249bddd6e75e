//! The headers, which we read by hand: bytes laid out by Kafka's schema are given to our reader.

use std::fmt::{Debug, Display};

use bytes::{BufMut, Bytes};
use milena_protocol::{
    ApiKey, RequestHeader, ResponseHeader, Str, VersionRange, decode_request_header,
    decode_response_header,
};

use super::difference::{Difference, Sheet};
use super::kafka::{Kind, Message};

/// What follows the header in a frame.
const BODY: &[u8] = b"body";

/// The header versions that our reader knows: the second of each is the flexible one.
const REQUEST: VersionRange = VersionRange { min: 1, max: 2 };
const RESPONSE: VersionRange = VersionRange { min: 0, max: 1 };

/// A request of the API with each kind of header.
const API: ApiKey = ApiKey::METADATA;
const RIGID: i16 = 0;
const FLEXIBLE: i16 = 9;

/// Compares both headers.
pub(crate) fn compare(kafka: &[Message]) -> Vec<Difference> {
    let mut sheet = Sheet::new("headers".to_owned());
    for (name, ours) in [("RequestHeader", REQUEST), ("ResponseHeader", RESPONSE)] {
        let named = |message: &&Message| message.kind == Kind::Header && message.name == name;
        let Some(header) = kafka.iter().find(named) else {
            sheet.differ(name, "header", "none", format!("versions {ours}"));
            continue;
        };
        sheet.equal(name, "valid versions", header.versions, Some(ours));
        for (version, api_version) in [(ours.min, RIGID), (ours.max, FLEXIBLE)] {
            let here = match lay_out(header, version, api_version) {
                Err(unknown) => unknown,
                Ok(frame) if name == "RequestHeader" => request(&frame, api_version),
                Ok(frame) => response(&frame, api_version),
            };
            if !here.is_empty() {
                sheet.differ(
                    name,
                    "bytes",
                    format!("version {version} by its schema"),
                    here,
                );
            }
        }
    }
    sheet.differences
}

/// The values that the fields get.
fn expected(api_version: i16) -> RequestHeader {
    RequestHeader {
        api_key: API,
        api_version,
        correlation_id: 0x0102_0304,
        client_id: Some(Str::from_static("client")),
        ..RequestHeader::default()
    }
}

/// A frame with that header. A field that our header does not have is an error in words.
fn lay_out(header: &Message, version: i16, api_version: i16) -> Result<Bytes, String> {
    let values = expected(api_version);
    let flexible = header.flexible.is_some_and(|range| range.contains(version));
    let mut frame = Vec::new();
    for field in header
        .fields
        .iter()
        .filter(|field| field.versions.contains(version))
    {
        let compact = flexible && field.flexible.as_deref() != Some("none");
        match (field.name.as_str(), field.ty.as_str()) {
            ("RequestApiKey", "int16") => frame.put_i16(values.api_key.0),
            ("RequestApiVersion", "int16") => frame.put_i16(values.api_version),
            ("CorrelationId", "int32") => frame.put_i32(values.correlation_id),
            ("ClientId", "string") => {
                let id = values.client_id.as_deref().unwrap_or_default();
                match u8::try_from(id.len()) {
                    Ok(length) if compact => frame.put_u8(length + 1),
                    Ok(length) => frame.put_i16(length.into()),
                    Err(_) => return Err("cannot write a client id that long".to_owned()),
                }
                frame.put_slice(id.as_bytes());
            }
            (name, ty) => return Err(format!("without {name}: {ty}")),
        }
    }
    if flexible {
        frame.put_u8(0);
    }
    frame.put_slice(BODY);
    Ok(frame.into())
}

/// What our reader makes of it, if that is not what was laid out.
fn request(frame: &Bytes, api_version: i16) -> String {
    let expected = (expected(api_version), Bytes::from_static(BODY));
    differing(decode_request_header(frame), expected)
}

fn response(frame: &Bytes, api_version: i16) -> String {
    let header = ResponseHeader {
        correlation_id: expected(api_version).correlation_id,
        ..ResponseHeader::default()
    };
    let expected = (header, Bytes::from_static(BODY));
    differing(decode_response_header(frame, API, api_version), expected)
}

fn differing<T: PartialEq + Debug, E: Display>(read: Result<T, E>, expected: T) -> String {
    match read {
        Ok(read) if read == expected => String::new(),
        Ok(read) => format!("reads {read:?}"),
        Err(error) => format!("refuses them: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::schema::kafka::{Message, parse};

    const REQUEST: &str = r#"{ "name": "RequestHeader", "type": "header", "validVersions": "1-2",
        "flexibleVersions": "2+", "fields": [
        { "name": "RequestApiKey", "type": "int16", "versions": "0+" },
        { "name": "RequestApiVersion", "type": "int16", "versions": "0+" },
        { "name": "CorrelationId", "type": "int32", "versions": "0+" },
        { "name": "ClientId", "type": "string", "versions": "1+", "flexibleVersions": "none" } ] }"#;
    const RESPONSE: &str = r#"{ "name": "ResponseHeader", "type": "header", "validVersions": "0-1",
        "flexibleVersions": "1+", "fields": [ { "name": "CorrelationId", "type": "int32", "versions": "0+" } ] }"#;

    fn lines(request: &str, response: &str) -> Vec<String> {
        let messages: Vec<Message> = [request, response]
            .iter()
            .filter_map(|text| parse(text).ok())
            .collect();
        compare(&messages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn our_headers_are_these() {
        assert_eq!(lines(REQUEST, RESPONSE), [""; 0]);
    }

    #[test]
    fn every_change_of_a_header_is_noticed() {
        let missing = lines("", RESPONSE);
        assert_eq!(
            missing,
            ["RequestHeader: header: Kafka none, here versions 1-2"]
        );
        for (from, to, expected) in [
            (
                "1-2",
                "0-2",
                "RequestHeader: valid versions: Kafka 0-2, here 1-2",
            ),
            (
                r#", "flexibleVersions": "none""#,
                "",
                "RequestHeader: bytes: Kafka version 2 by its schema, here re",
            ),
            (
                "\"RequestApiVersion\"",
                "\"CorrelationId\"",
                "RequestHeader: bytes: Kafka version 1 by its schema, here without",
            ),
            (
                "ClientId",
                "ClientName",
                "RequestHeader: bytes: Kafka version 1 by its schema, here without ClientName: string",
            ),
            (
                "\"versions\": \"1+\"",
                "\"versions\": \"3+\"",
                "RequestHeader: bytes: Kafka version 1 by its schema, here re",
            ),
        ] {
            let changed = REQUEST.replacen(from, to, 1);
            assert_ne!(changed, REQUEST);
            let lines = lines(&changed, RESPONSE);
            assert!(
                lines.iter().any(|line| line.starts_with(expected)),
                "{lines:?}"
            );
        }
        let rigid = RESPONSE.replace("1+", "none");
        assert!(
            lines(REQUEST, &rigid)[0]
                .starts_with("ResponseHeader: bytes: Kafka version 1 by its schema")
        );
    }
}
