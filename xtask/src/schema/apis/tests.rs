//! Each kind of difference is noticed: a made-up API under a real key, and one change of its schema at a time.

use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::{Api, ApiKey, VersionRange};

use super::compare;
use crate::schema::kafka::{Message, parse};

const REQUEST: &str = r#"{
    "apiKey": 12, "type": "request", "listeners": ["controller", "broker"], "name": "HeartbeatRequest",
    "validVersions": "0-3", "latestVersionUnstable": true, "flexibleVersions": "2+",
    "fields": [ // in wire order
        { "name": "GroupName", "type": "string", "versions": "0+", "mapKey": true, "about": "Who." },
        { "name": "RetryAfterMs", "type": "int32", "versions": "1+", "default": "-1", "ignorable": true },
        { "name": "Places", "type": "[]Place", "versions": "0+", "fields": [
            { "name": "Id", "type": "uuid", "versions": "0-1" },
            { "name": "Size", "type": "int64", "versions": "0+" } ] },
        { "name": "Home", "type": "Place", "versions": "0+" },
        { "name": "Note", "type": "string", "versions": "2+", "nullableVersions": "2+", "default": "null",
          "taggedVersions": "2+", "tag": 0 }
    ]
}"#;

const RESPONSE: &str = r#"{
    "apiKey": 12, "type": "response", "name": "HeartbeatResponse",
    "validVersions": "0-3", "flexibleVersions": "2+",
    "fields": [
        { "name": "ErrorCode", "type": "int16", "versions": "0+" },
        { "name": "Place", "type": "Place", "versions": "3+" }
    ],
    "commonStructs": [ { "name": "Place", "versions": "3+", "fields": [
        { "name": "Found", "type": "bool", "versions": "3+", "default": false } ] } ]
}"#;

const fn since(min: i16) -> VersionRange {
    VersionRange { min, max: i16::MAX }
}

const fn row(name: &'static str, ty: Type, versions: VersionRange) -> FieldSchema {
    FieldSchema {
        name,
        ty,
        versions,
        nullable: None,
        tag: None,
        default: None,
        key: false,
        ignorable: false,
    }
}

const fn table(name: &'static str, fields: &'static [FieldSchema]) -> StructSchema {
    StructSchema {
        name,
        fields,
        size: 0,
    }
}

static PLACE: StructSchema = table(
    "Place",
    &[
        row("id", Type::Uuid, VersionRange { min: 0, max: 1 }),
        row("size", Type::Int64, since(0)),
    ],
);
static HEARTBEAT_REQUEST: StructSchema = table(
    "HeartbeatRequest",
    &[
        FieldSchema {
            key: true,
            ..row("group_name", Type::String, since(0))
        },
        FieldSchema {
            default: Some("-1"),
            ignorable: true,
            ..row("retry_after_ms", Type::Int32, since(1))
        },
        row("places", Type::Array(&Type::Struct(&PLACE)), since(0)),
        row("home", Type::Struct(&PLACE), since(0)),
        FieldSchema {
            nullable: Some(since(2)),
            tag: Some(0),
            default: Some("None"),
            ..row("note", Type::String, since(2))
        },
    ],
);
static PLACE_RESPONSE: StructSchema = table("PlaceResponse", &[row("found", Type::Bool, since(3))]);
static HEARTBEAT_RESPONSE: StructSchema = table(
    "HeartbeatResponse",
    &[
        row("error_code", Type::Int16, since(0)),
        row("place", Type::Struct(&PLACE_RESPONSE), since(3)),
    ],
);

fn heartbeat() -> Api {
    Api {
        key: ApiKey::HEARTBEAT,
        name: "Heartbeat",
        versions: VersionRange { min: 0, max: 3 },
        latest_stable: 2,
        flexible_from: Some(2),
        request: &HEARTBEAT_REQUEST,
        response: &HEARTBEAT_RESPONSE,
    }
}

fn lines(kafka: &[&str]) -> Vec<String> {
    let messages: Vec<Message> = kafka.iter().map(|text| parse(text).unwrap()).collect();
    let differences = compare(&messages, &[heartbeat()]).differences;
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_is_no_difference() {
    let messages = [parse(REQUEST).unwrap(), parse(RESPONSE).unwrap()];
    let comparison = compare(&messages, &[heartbeat()]);
    assert_eq!(comparison.differences, []);
    assert_eq!((comparison.apis, comparison.fields), (1, 10));
}

/// A change of the texts above (in both, if both have it), and the lines that are to tell of it.
#[rustfmt::skip]
const CHANGES: &[(&str, &str, &[&str])] = &[
    (r#""validVersions": "0-3""#, r#""validVersions": "0-4""#, &[
        "HeartbeatRequest: valid versions: Kafka 0-4, here 0-3",
        "HeartbeatResponse: valid versions: Kafka 0-4, here 0-3"]),
    (r#""flexibleVersions": "2+""#, r#""flexibleVersions": "none""#, &[
        "HeartbeatRequest: flexible versions: Kafka none, here 2+",
        "HeartbeatResponse: flexible versions: Kafka none, here 2+"]),
    ("true, \"flexible", "false, \"flexible", &["Heartbeat: top version: Kafka none, here unstable"]),
    (r#""flexible"#, r#""deprecatedVersions": "0-1", "flexible"#, &[
        "Heartbeat: deprecated versions: Kafka 0-1, here none"]),
    (r#", "broker""#, "", &["Heartbeat: listeners: Kafka controller, here a broker's"]),
    (r#""name": "HeartbeatRe"#, r#""name": "PulseRe"#, &[
        "Heartbeat: name: Kafka Pulse, here Heartbeat",
        "Heartbeat: name of the key: Kafka Pulse, here Heartbeat",
        "PulseRequest: name: Kafka PulseRequest, here HeartbeatRequest",
        "PulseResponse: name: Kafka PulseResponse, here HeartbeatResponse"]),
    (r#""flexible"#, r#""colour": 7, "flexible"#, &[
        "HeartbeatRequest: entry: Kafka colour: 7, here not understood",
        "HeartbeatResponse: entry: Kafka colour: 7, here not understood"]),

    ("GroupName", "GroupId", &[
        "HeartbeatRequest.group_name: name: Kafka group_id, here group_name"]),
    (r#""type": "int64""#, r#""type": "int32""#, &[
        "HeartbeatRequest.places.size: type: Kafka int32, here int64"]),
    (r#""type": "uuid""#, r#""type": "[]uuid""#, &[
        "HeartbeatRequest.places.id: type: Kafka []uuid, here uuid"]),
    (r#""versions": "0-1""#, r#""versions": "0+""#, &[
        "HeartbeatRequest.places.id: versions: Kafka 0+, here 0-1"]),
    (r#""nullableVersions": "2+""#, r#""nullableVersions": "3+""#, &[
        "HeartbeatRequest.note: nullable versions: Kafka 3+, here 2+"]),
    (r#""tag": 0"#, r#""tag": 1"#, &["HeartbeatRequest.note: tag: Kafka 1, here 0"]),
    (r#""taggedVersions": "2+""#, r#""taggedVersions": "3+""#, &[
        "HeartbeatRequest.note: tagged versions: Kafka 3+, here 2+"]),
    (r#""default": "-1""#, r#""default": "1""#, &[
        "HeartbeatRequest.retry_after_ms: default: Kafka 1, here -1"]),
    (r#""default": "null","#, "", &["HeartbeatRequest.note: default: Kafka none, here None"]),
    (r#""default": false"#, r#""default": true"#, &[
        "HeartbeatResponse.place.found: default: Kafka true, here none"]),
    (r#", "mapKey": true"#, "", &["HeartbeatRequest.group_name: mapKey: Kafka none, here yes"]),
    (r#", "ignorable": true"#, "", &["HeartbeatRequest.retry_after_ms: ignorable: Kafka none, here yes"]),
    (r#""int64", "#, r#""int64", "flexibleVersions": "none", "#, &[
        "HeartbeatRequest.places.size: flexible versions: Kafka none, here those of the message"]),
    (r#""int64", "#, r#""int64", "colour": 7, "#, &[
        "HeartbeatRequest.places.size: entry: Kafka colour: 7, here not understood"]),

    // A struct that is called differently is a difference, and its fields are compared all the same.
    (r#""type": "[]Place""#, r#""type": "[]Spot""#, &[
        "HeartbeatRequest.places: type: Kafka []Spot, here []Place",
        "HeartbeatRequest.home.id: field: Kafka none, here uuid, versions 0-1",
        "HeartbeatRequest.home.size: field: Kafka none, here int64, versions 0+",
        // The response's struct may only be called so because the request has one of its name.
        "HeartbeatResponse.place: type: Kafka Place, here PlaceResponse"]),
    (r#"{ "name": "Id", "type": "uuid", "versions": "0-1" },"#, "", &[
        "HeartbeatRequest.places.id: field: Kafka none, here uuid, versions 0-1"]),
    (r#"{ "name": "Size""#, r#"{ "name": "Seen", "type": "bool", "versions": "3+", "nullableVersions": "3+",
        "tag": 4, "default": "true", "mapKey": true, "ignorable": "true" }, { "name": "Size""#, &[
        "HeartbeatRequest.places.seen: field: Kafka bool, versions 3+, nullable 3+, tag 4, default true, mapKey, \
         ignorable, here none"]),
    // What is in a struct that we lack is told too, but once, and not if it is in one that we have.
    (r#"{ "name": "ErrorCode""#, r#"{ "name": "Was", "type": "Place", "versions": "3+" }, { "name": "ErrorCode""#, &[
        "HeartbeatResponse.was: field: Kafka Place, versions 3+, here none"]),
    (r#"{ "name": "Home""#, r#"
        { "name": "New", "type": "[]Thing", "versions": "3+", "fields": [
            { "name": "Weight", "type": "int8", "versions": "3+" } ] },
        { "name": "Other", "type": "Thing", "versions": "3+" },
        { "name": "Home""#, &[
        "HeartbeatRequest.new: field: Kafka []Thing, versions 3+, here none",
        "HeartbeatRequest.other: field: Kafka Thing, versions 3+, here none",
        "HeartbeatRequest.new.weight: field: Kafka int8, versions 3+, here none"]),
];

#[test]
fn each_change_is_told_in_its_own_line() {
    for (from, to, expected) in CHANGES {
        let [request, response] = [REQUEST, RESPONSE].map(|text| text.replacen(from, to, 1));
        assert!(request != REQUEST || response != RESPONSE, "{from}");
        assert_eq!(lines(&[&request, &response]), *expected, "{from} => {to}");
    }
}

#[test]
fn fields_that_change_places_are_told() {
    let (start, end) = REQUEST.split_once(r#"{ "name": "Home""#).unwrap();
    let (home, note) = end.split_once(r#"{ "name": "Note""#).unwrap();
    let (note, end) = note.split_once("}\n").unwrap();
    let swapped = format!(
        r#"{start}{{ "name": "Note"{note}}}, {{ "name": "Home"{}{end}"#,
        home.trim_end().trim_end_matches(',')
    );
    assert_eq!(
        lines(&[&swapped, RESPONSE]),
        ["HeartbeatRequest: order: Kafka note, home, here home, note"]
    );
}

#[test]
fn an_api_that_one_side_lacks_is_told() {
    let gone = "Heartbeat: API: Kafka none, here versions 0-3";
    assert_eq!(lines(&[]), [gone]);
    assert_eq!(lines(&[REQUEST]), [gone]);
    assert_eq!(lines(&[RESPONSE]), [gone]);
    let given_up = REQUEST.replace("0-3", "none");
    assert_eq!(lines(&[&given_up, RESPONSE]), [gone]);

    let new = r#"{ "apiKey": 999, "type": "request", "name": "FlyRequest", "listeners": ["broker"],
        "validVersions": "0-1", "fields": [{ "name": "A", "type": "int8", "versions": "0+" }] }"#;
    let told = "Fly: API: Kafka key 999, versions 0-1, flexible none, listeners broker, 1 fields in the request, here none";
    assert_eq!(lines(&[REQUEST, RESPONSE, new]), [told]);
    // Another key under the same name is another API.
    let moved = REQUEST.replace("12", "999");
    let lines = lines(&[&moved, RESPONSE]);
    assert_eq!(lines[0], gone);
    assert!(lines[1].starts_with("Heartbeat: API: Kafka key 999, "));
}

#[test]
fn what_is_left_out_must_be_what_it_is_taken_for() {
    let vote = r#"{ "apiKey": 52, "type": "request", "name": "VoteRequest", "listeners": ["controller"],
        "validVersions": "0-1", "fields": [] }"#;
    assert_eq!(lines(&[REQUEST, RESPONSE, vote]), [""; 0]);
    assert_eq!(
        lines(&[REQUEST, RESPONSE, &vote.replace("controller", "broker")]),
        ["Vote: listeners: Kafka broker, here left out: between the controllers of a quorum"]
    );
    assert_eq!(
        lines(&[REQUEST, RESPONSE, &vote.replace("VoteR", "ElectR")]),
        ["Elect: name of the key: Kafka Elect, here Vote"]
    );
}
