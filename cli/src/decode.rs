//! `milena decode`: what the bytes of a request or a response say.

mod frame;
mod input;
mod place;
mod records;

use std::io::{Write, stdout};

use anyhow::{Context, bail};
use bytes::Bytes;
use milena_protocol::{Api, ApiKey, Direction, apis};

use crate::{Misuse, Outcome, say};
use frame::Decoder;
use place::Complaint;

/// Print captured requests or responses as JSON, with the records in them.
///
/// Each is a frame, with or without the four bytes of its length; several may follow one another. A request says in its
/// header what it is; for a response --api and --api-version say what it answers. The JSON is the form that Kafka's own
/// request log has. What cannot be read is shown with a mark under the offending byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milena decode --hex '00 03 00 01 00 00 00 07 ff ff 00 00 00 00'
  milena decode --response --api Metadata --api-version 12 capture.bin
  xxd -p capture.bin | milena decode --response --api Fetch --api-version 16
  milena decode --body --api Produce --api-version 9 body.bin

Wireshark's \"Copy as a Hex Stream\" of the Kafka layer is what --hex takes.")]
pub(crate) struct Args {
    /// A file with the bytes, or with their hex digits or base64; `-` or nothing: standard input.
    #[arg(value_name = "FILE", conflicts_with_all = ["hex", "base64"])]
    file: Option<std::path::PathBuf>,
    /// The bytes as hex digits; white space, `0x`, `:` and `,` between them do not matter.
    #[arg(long, value_name = "DIGITS", conflicts_with = "base64", value_parser = |text: &str| input::from_hex(text.as_bytes()))]
    hex: Option<Bytes>,
    /// The bytes as base64.
    #[arg(long, value_name = "TEXT", value_parser = |text: &str| input::from_base64(text.as_bytes()))]
    base64: Option<Bytes>,
    /// What FILE or standard input holds.
    #[arg(long, value_enum, default_value_t = input::Encoding::Auto, value_name = "ENCODING")]
    encoding: input::Encoding,
    /// Whether the four bytes of a length stand in front of each frame.
    #[arg(long, value_enum, default_value_t = frame::Framing::Auto, value_name = "FRAMING")]
    framing: frame::Framing,
    /// The bytes are a response, not a request.
    #[arg(long)]
    response: bool,
    /// Name or number of the API.
    #[arg(long, value_name = "API", value_parser = parse_api, required_if_eq_any([("response", "true"), ("body", "true")]))]
    api: Option<ApiKey>,
    /// Version of the API.
    #[arg(long, value_name = "N", required_if_eq_any([("response", "true"), ("body", "true")]))]
    api_version: Option<i16>,
    /// The bytes are one body, without a header.
    #[arg(long)]
    body: bool,
    /// One line for each message.
    #[arg(long)]
    compact: bool,
}

fn parse_api(text: &str) -> anyhow::Result<ApiKey> {
    let found = match text.parse() {
        Ok(number) => Api::find(ApiKey(number)),
        Err(_) => apis()
            .iter()
            .find(|api| api.name.eq_ignore_ascii_case(text)),
    };
    match found {
        Some(api) => Ok(api.key),
        None => bail!("no such API; `Metadata` and `3` are the same one"),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let bytes = match args.hex.as_ref().or(args.base64.as_ref()) {
        Some(bytes) => bytes.clone(),
        None => input::read(args.file.as_deref(), args.encoding)?,
    };
    if bytes.is_empty() {
        return Err(Misuse("there is nothing to decode").into());
    }
    let decoder = Decoder {
        direction: if args.response {
            Direction::Response
        } else {
            Direction::Request
        },
        api: args.api,
        version: args.api_version,
    };
    let frames = if args.body {
        vec![frame::Frame::whole(&bytes)]
    } else {
        decoder.split(&bytes, args.framing)
    };
    let mut outcome = Outcome::Done;
    let mut complain = |complaint: Complaint| {
        say::warn(complaint.show(&bytes));
        outcome = Outcome::Failed;
    };
    for frame in frames {
        if let Some(complaint) = frame.too_short() {
            complain(complaint);
        }
        let decoded = if args.body {
            decoder.body(&frame, &bytes)
        } else {
            decoder.frame(&frame, &bytes)
        };
        match decoded {
            Err(complaint) => complain(complaint),
            Ok(message) => {
                let form = message.form();
                let mut out = stdout().lock();
                let written = if args.compact {
                    serde_json::to_writer(&mut out, &form)
                } else {
                    serde_json::to_writer_pretty(&mut out, &form)
                };
                written
                    .map_err(std::io::Error::from)
                    .and_then(|()| out.write_all(b"\n"))
                    .context("standard output cannot be written")?;
                drop(out);
                form.complaints().into_iter().for_each(&mut complain);
            }
        }
    }
    Ok(outcome)
}
