//! Reading and writing messages, three ways over the same bytes: this project's crates, the `kafka-protocol` crate,
//! and a cursor written by hand.

mod by_hand;
mod peer;
mod samples;

use bytes::Bytes;
use milena_protocol::Message;

use crate::Failure;
use samples::Samples;

/// What is done, and who does it.
pub struct Case {
    /// What, in a few words.
    pub name: &'static str,
    /// Who; this project first.
    pub contenders: Vec<Contender>,
}

/// Does something several times in a row inside of `measure`, and drops the results outside.
type Run = dyn Fn(usize, &mut dyn FnMut(&mut dyn FnMut()));

/// One way to do it.
pub struct Contender {
    /// Whose.
    pub name: &'static str,
    run: Box<Run>,
}

impl Contender {
    fn new<T>(name: &'static str, once: impl Fn() -> T + 'static) -> Self {
        let run = move |times, measure: &mut dyn FnMut(&mut dyn FnMut())| {
            let mut results = Vec::with_capacity(times);
            measure(&mut || {
                for _ in 0..times {
                    results.push(once());
                }
            });
        };
        Self {
            name,
            run: Box::new(run),
        }
    }

    /// Calls `measure` with the work of `times` runs.
    pub fn run(&self, times: usize, measure: &mut dyn FnMut(&mut dyn FnMut())) {
        (self.run)(times, measure);
    }
}

pub(crate) const OURS: &str = "milena";
pub(crate) const PEER: &str = "kafka-protocol";
pub(crate) const BY_HAND: &str = "by hand";

/// A message, and how each contender reads and writes it.
struct Ways<M, P> {
    version: i16,
    message: M,
    read_by_hand: fn(&Bytes) -> Result<M, by_hand::Malformed>,
    write_by_hand: fn(&M) -> Vec<Bytes>,
    convert: fn(&P) -> M,
}

impl<M: Message, P: peer::Peer> Ways<M, P> {
    /// The cases of the message, after it has been made sure that all agree on it.
    fn cases(self, names: [&'static str; 2]) -> Result<[Case; 2], Failure> {
        let Self {
            version, message, ..
        } = self;
        let bytes = message.encode(version)?.into_bytes();
        let peers = P::read(&bytes, version)?;
        let agreed = [
            ("we read", M::decode(&bytes, version)? == message),
            ("the peer reads", (self.convert)(&peers) == message),
            ("the peer writes", peers.write(version)? == bytes),
            ("the cursor reads", (self.read_by_hand)(&bytes)? == message),
            (
                "the cursor writes",
                (self.write_by_hand)(&message).concat() == bytes,
            ),
        ];
        if let Some((what, _)) = agreed.iter().find(|(_, agreed)| !agreed) {
            return Err(format!("{}: {what} something else", M::NAME).into());
        }

        let [ours, theirs, hand] = [(); 3].map(|()| bytes.clone());
        let reading = vec![
            Contender::new(OURS, move || M::decode(&ours, version).unwrap()),
            Contender::new(PEER, move || P::read(&theirs, version).unwrap()),
            Contender::new(BY_HAND, move || (self.read_by_hand)(&hand).unwrap()),
        ];
        let same = message.clone();
        let writing = vec![
            Contender::new(OURS, move || message.encode(version).unwrap()),
            Contender::new(PEER, move || peers.write(version).unwrap()),
            Contender::new(BY_HAND, move || (self.write_by_hand)(&same)),
        ];
        let [read, write] = names;
        Ok([
            Case {
                name: read,
                contenders: reading,
            },
            Case {
                name: write,
                contenders: writing,
            },
        ])
    }
}

/// Everything that is compared.
pub fn cases() -> Result<Vec<Case>, Failure> {
    let Samples {
        metadata,
        produce,
        produced,
        fetch,
    } = Samples::make()?;
    let bytes = fetch.encode(samples::FETCH)?.into_bytes();
    let records = records(bytes)?;
    let metadata = Ways {
        version: samples::METADATA,
        message: metadata,
        read_by_hand: by_hand::read_metadata_response,
        write_by_hand: by_hand::write_metadata_response,
        convert: peer::metadata_response,
    };
    let produce = Ways {
        version: samples::PRODUCE,
        message: produce,
        read_by_hand: by_hand::read_produce_request,
        write_by_hand: by_hand::write_produce_request,
        convert: peer::produce_request,
    };
    let produced = Ways {
        version: samples::PRODUCE,
        message: produced,
        read_by_hand: by_hand::read_produce_response,
        write_by_hand: by_hand::write_produce_response,
        convert: peer::produce_response,
    };
    let fetch = Ways {
        version: samples::FETCH,
        message: fetch,
        read_by_hand: by_hand::read_fetch_response,
        write_by_hand: by_hand::write_fetch_response,
        convert: peer::fetch_response,
    };
    let mut cases = Vec::new();
    cases.extend(metadata.cases(["decode MetadataResponse", "encode MetadataResponse"])?);
    cases.extend(produce.cases(["decode ProduceRequest", "encode ProduceRequest"])?);
    cases.extend(produced.cases(["decode ProduceResponse", "encode ProduceResponse"])?);
    cases.extend(fetch.cases(["decode FetchResponse", "encode FetchResponse"])?);
    cases.push(records);
    Ok(cases)
}

/// A fetch response with all its records taken out, which the cursor leaves to others.
fn records(bytes: Bytes) -> Result<Case, Failure> {
    let ours = samples::read_records(&bytes)?;
    if ours != peer::convert_records(&peer::read_records(&bytes)?) {
        return Err("the peer reads other records".into());
    }
    let theirs = bytes.clone();
    let contenders = vec![
        Contender::new(OURS, move || samples::read_records(&bytes).unwrap()),
        Contender::new(PEER, move || peer::read_records(&theirs).unwrap()),
    ];
    Ok(Case {
        name: "decode FetchResponse, its records",
        contenders,
    })
}
