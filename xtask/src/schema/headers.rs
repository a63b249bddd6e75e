//! The headers, which we read by hand: bytes laid out by Kafka's schema, as Kafka does it for each version of each API, are
//! given to our reader.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use bytes::{BufMut, Bytes};
use milena_protocol::{
    Api, ApiKey, RequestHeader, ResponseHeader, Str, VersionRange, decode_request_header,
    decode_response_header,
};

use super::code::Code;
use super::difference::{Difference, Sheet};
use super::kafka::{Kind, Message};

/// What follows the header in a frame.
const BODY: &[u8] = b"body";

/// The header versions that our reader knows: the second of each is the flexible one.
const REQUEST: VersionRange = VersionRange { min: 1, max: 2 };
const RESPONSE: VersionRange = VersionRange { min: 0, max: 1 };

/// Compares both headers, over the versions of our APIs that Kafka has too.
pub(crate) fn compare(kafka: &[Message], code: &Code, ours: &[Api]) -> Vec<Difference> {
    let mut sheet = Sheet::new("headers".to_owned());
    for (name, versions) in [("RequestHeader", REQUEST), ("ResponseHeader", RESPONSE)] {
        let named = |message: &&Message| message.kind == Kind::Header && message.name == name;
        let Some(header) = kafka.iter().find(named) else {
            sheet.differ(name, "header", "none", format!("versions {versions}"));
            continue;
        };
        sheet.equal(name, "valid versions", header.versions, Some(versions));
        // What is wrong with a header version is wrong for many APIs, and told of the first.
        let mut told = BTreeSet::new();
        for headers in &code.headers {
            let api = ours.iter().find(|api| api.key.0 == headers.api);
            let Some(api) = api.filter(|api| api.versions.contains(headers.version)) else {
                continue;
            };
            let (version, read): (_, Read) = match name {
                "RequestHeader" => (headers.request, request),
                _ => (headers.response, response),
            };
            let expected = expected(api.key, headers.version);
            let here = match lay_out(header, version, &expected) {
                Ok(frame) => read(&frame, expected),
                Err(unknown) => unknown,
            };
            if !here.is_empty() && told.insert(version) {
                let kafka = format!("version {version} for {} {}", api.name, headers.version);
                sheet.differ(name, "bytes", kafka, here);
            }
        }
    }
    sheet.differences
}

/// What our reader makes of a frame, if that is not what was laid out.
type Read = fn(&Bytes, RequestHeader) -> String;

/// The values that the fields get.
fn expected(api_key: ApiKey, api_version: i16) -> RequestHeader {
    RequestHeader {
        api_key,
        api_version,
        correlation_id: 0x0102_0304,
        client_id: Some(Str::from_static("client")),
        ..RequestHeader::default()
    }
}

/// A frame with that header. A field that our header does not have is an error in words.
fn lay_out(header: &Message, version: i16, values: &RequestHeader) -> Result<Bytes, String> {
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

fn request(frame: &Bytes, expected: RequestHeader) -> String {
    differing(decode_request_header(frame), expected)
}

fn response(frame: &Bytes, expected: RequestHeader) -> String {
    let read = decode_response_header(frame, expected.api_key, expected.api_version);
    let expected = ResponseHeader {
        correlation_id: expected.correlation_id,
        ..ResponseHeader::default()
    };
    differing(read, expected)
}

fn differing<T, E>(read: Result<(T, Bytes), E>, expected: T) -> String
where
    T: PartialEq + Debug,
    E: Display,
{
    match read {
        Ok((header, body)) if header == expected && body == BODY => String::new(),
        Ok(read) => format!("reads {read:?}"),
        Err(error) => format!("refuses them: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::schema::code::Code;
    use crate::schema::kafka::{Message, parse};

    const REQUEST: &str = r#"{ "name": "RequestHeader", "type": "header", "validVersions": "1-2",
        "flexibleVersions": "2+", "fields": [
        { "name": "RequestApiKey", "type": "int16", "versions": "0+" },
        { "name": "RequestApiVersion", "type": "int16", "versions": "0+" },
        { "name": "CorrelationId", "type": "int32", "versions": "0+" },
        { "name": "ClientId", "type": "string", "versions": "1+", "flexibleVersions": "none" } ] }"#;
    const RESPONSE: &str = r#"{ "name": "ResponseHeader", "type": "header", "validVersions": "0-1",
        "flexibleVersions": "1+", "fields": [ { "name": "CorrelationId", "type": "int32", "versions": "0+" } ] }"#;

    const CODE: &str =
        "headers 3 0 1 0\nheaders 3 9 2 1\nheaders 18 3 2 0\nheaders 7 0 0 0\nheaders 3 999 2 1";

    fn lines(request: &str, response: &str, code: &str) -> Vec<String> {
        let texts = [request, response].into_iter();
        let messages: Vec<Message> = texts.filter_map(|text| parse(text).ok()).collect();
        let code = Code::parse(code).unwrap();
        let differences = compare(&messages, &code, milena_protocol::apis());
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn our_headers_are_these() {
        assert_eq!(lines(REQUEST, RESPONSE, CODE), [""; 0]);
    }

    #[test]
    fn every_change_of_a_header_is_noticed() {
        let missing = lines("", RESPONSE, CODE);
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
                "RequestHeader: bytes: Kafka version 2 for Metadata 9, here re",
            ),
            (
                r#""RequestApiVersion""#,
                r#""CorrelationId""#,
                "RequestHeader: bytes: Kafka version 1 for Metadata 0, here without CorrelationId: int16",
            ),
            (
                "ClientId",
                "ClientName",
                "RequestHeader: bytes: Kafka version 1 for Metadata 0, here without ClientName: string",
            ),
            (
                r#""versions": "1+""#,
                r#""versions": "3+""#,
                "RequestHeader: bytes: Kafka version 1 for Metadata 0, here re",
            ),
            (
                r#""flexibleVersions": "1+""#,
                r#""flexibleVersions": "none""#,
                "ResponseHeader: bytes: Kafka version 1 for Metadata 9, here re",
            ),
            (
                "headers 18 3 2 0",
                "headers 18 3 2 1",
                "ResponseHeader: bytes: Kafka version 1 for ApiVersions 3, here reads",
            ),
            (
                "headers 18 3 2 0",
                "headers 18 3 1 0",
                "RequestHeader: bytes: Kafka version 1 for ApiVersions 3, here re",
            ),
        ] {
            let [request, response, code] =
                [REQUEST, RESPONSE, CODE].map(|text| text.replacen(from, to, 1));
            let lines = lines(&request, &response, &code);
            assert!(lines.len() <= 2, "once a header version: {lines:?}");
            assert!(lines[0].starts_with(expected), "{lines:?}");
        }
    }
}
