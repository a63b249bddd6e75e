//! `milena decode`: what the bytes of a request or a response say.

mod dump;
mod frame;
mod input;
mod place;
mod records;

use std::io::{self, BufWriter, Write, stdout};

use anyhow::{Context, bail};
use bytes::Bytes;
use milena_protocol::{Api, ApiKey, Direction, apis};
use strsim::jaro_winkler;

use crate::{Misuse, Outcome, say, visible::Visible};
use frame::{Decoded, Decoder, Frame};
use place::Complaint;
use records::Form;

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
    /// A file with the bytes, or with their hex digits, a dump or base64; `-` or nothing: standard input.
    #[arg(value_name = "FILE", conflicts_with_all = ["hex", "base64"])]
    file: Option<std::path::PathBuf>,
    /// The bytes as hex digits; white space, `0x`, `:` and `,` between them do not matter; or a dump of bytes
    /// with offsets.
    #[arg(long, value_name = "DIGITS", conflicts_with = "base64", value_parser = |text: &str| input::from_digits(text.as_bytes()))]
    hex: Option<Bytes>,
    /// The bytes as base64.
    #[arg(long, value_name = "TEXT", value_parser = |text: &str| input::from_base64(text.as_bytes()))]
    base64: Option<Bytes>,
    /// What FILE or standard input holds.
    #[arg(long, value_enum, default_value_t = input::Encoding::Auto, value_name = "ENCODING", conflicts_with_all = ["hex", "base64"])]
    encoding: input::Encoding,
    /// Whether the four bytes of a length stand in front of each frame.
    #[arg(long, value_enum, default_value_t = frame::Framing::Auto, value_name = "FRAMING")]
    framing: frame::Framing,
    /// The bytes are a response, not a request.
    #[arg(long)]
    response: bool,
    /// Name or number of the API.
    #[arg(long, value_name = "API", value_parser = parse_api, allow_negative_numbers = true, required_if_eq_any([("response", "true"), ("body", "true")]))]
    api: Option<ApiKey>,
    /// Version of the API.
    #[arg(long, value_name = "N", allow_negative_numbers = true, required_if_eq_any([("response", "true"), ("body", "true")]))]
    api_version: Option<i16>,
    /// The bytes are one body, without a header.
    #[arg(long, conflicts_with = "framing")]
    body: bool,
    /// One line for each message.
    #[arg(long)]
    compact: bool,
}

/// The API of a name or a number.
fn parse_api(text: &str) -> anyhow::Result<ApiKey> {
    let named = |key: &ApiKey| {
        key.name()
            .is_some_and(|name| name.eq_ignore_ascii_case(text))
    };
    let key = match text.parse() {
        Ok(number) => Some(ApiKey(number)),
        Err(_) => ApiKey::ALL.iter().copied().find(named),
    };
    match key {
        Some(key) if Api::find(key).is_some() => Ok(key),
        Some(key) => bail!(frame::no_api_of_clients(key)),
        None => match most_like(text) {
            Some(api) => bail!("no such API; did you mean {api}?"),
            None => bail!("no such API; `Metadata` and `3` are the same one"),
        },
    }
}

/// The API whose name is most like the text, if one is.
fn most_like(text: &str) -> Option<ApiKey> {
    const LIKE: f64 = 0.8;
    let text = text.to_lowercase();
    let likeness = |api: &Api| (jaro_winkler(&text, &api.name.to_lowercase()), api.key);
    let best = apis()
        .iter()
        .map(likeness)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness > LIKE)
        .map(|(_, key)| key)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let input = match args.hex.as_ref().or(args.base64.as_ref()) {
        Some(bytes) => bytes.clone(),
        None => input::read(args.file.as_deref(), args.encoding)?,
    };
    if input.is_empty() {
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
    let mut printer = Printer {
        input: &input,
        compact: args.compact,
        outcome: Outcome::Done,
    };
    if args.body {
        printer.print(decoder.body(&Frame::whole(&input)))?;
        return Ok(printer.outcome);
    }
    let cut = decoder.cut(&input, args.framing);
    if cut.measured {
        printer.print_measured(&decoder)?;
    } else {
        printer.print(decoder.frame(&Frame::whole(&input)))?;
    }
    if cut.guessed {
        say::warn(if cut.measured {
            "taken for frames with lengths in front; for one without: --framing none"
        } else {
            "taken for a frame without its length in front; for one with it: --framing length"
        });
    }
    Ok(printer.outcome)
}

/// Prints messages, and what is wrong with the input.
struct Printer<'a> {
    input: &'a Bytes,
    compact: bool,
    outcome: Outcome,
}

impl Printer<'_> {
    fn print_measured(&mut self, decoder: &Decoder) -> anyhow::Result<()> {
        let mut behind = Some(0);
        for frame in Frame::all_measured(self.input) {
            behind = frame.is_whole().then(|| frame.end());
            if let Some(complaint) = frame.too_short() {
                self.complain(&complaint);
            }
            self.print(decoder.frame(&frame))?;
        }
        if let Some(at) = behind.filter(|at| *at < self.input.len()) {
            self.complain(&Complaint {
                what: format!(
                    "{} bytes are left, too few for a frame's length",
                    self.input.len() - at
                ),
                at: Some(at),
            });
        }
        Ok(())
    }

    fn print(&mut self, decoded: Result<Decoded, Complaint>) -> anyhow::Result<()> {
        let message = match decoded {
            Ok(message) => message,
            Err(complaint) => {
                self.complain(&complaint);
                return Ok(());
            }
        };
        let form = Form::new(&message, self.input);
        let mut out = Visible(BufWriter::new(stdout().lock()));
        let written = if self.compact {
            serde_json::to_writer(&mut out, &form)
        } else {
            serde_json::to_writer_pretty(&mut out, &form)
        };
        let written = written
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush());
        drop(out);
        for complaint in form.complaints() {
            self.complain(&complaint);
        }
        match written {
            // Whoever reads no further does not mind.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("standard output cannot be written"),
        }
    }

    fn complain(&mut self, complaint: &Complaint) {
        say::warn(complaint.show(self.input));
        self.outcome = Outcome::Failed;
    }
}
