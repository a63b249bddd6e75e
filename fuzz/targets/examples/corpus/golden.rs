//! What Apache Kafka and other clients wrote, as `testdata` has it.

use std::io;

use milena_codec::{Batch, Batches};
use milena_protocol::apis;
use milena_testdata::batches::{self, Case as Set};
use milena_testdata::captures;
use milena_testdata::messages::{self, Case, Line, Outcome};

use crate::Inputs;

/// As much as the fuzzer looks at.
const MAX_LEN: usize = 4000;

pub(crate) fn write(seeds: &Inputs<'_>) -> io::Result<()> {
    for (file, text) in messages::files()? {
        for (n, line) in text.lines().enumerate() {
            if let Line::Case(case) = Line::parse(line).map_err(io::Error::other)? {
                message(seeds, &format!("golden-{file}-{n}"), &case)?;
            }
        }
    }
    for (n, line) in batches::corpus()?.lines().enumerate() {
        let case = Set::parse(line).map_err(io::Error::other)?;
        record_set(seeds, &format!("golden-{n}"), &case)?;
    }
    for (n, client) in captures::clients()?.iter().enumerate() {
        let requests = client.scenarios.iter().flat_map(|all| &all.requests);
        for (m, request) in requests.enumerate() {
            if request.bytes.len() > MAX_LEN {
                continue;
            }
            let name = format!("captured-{n}-{m}");
            let frame = [&[0], &request.bytes[4..]].concat();
            seeds.add("frame", &name, &frame)?;
            let stream = [&[2, 20, 1, 6], &request.bytes[..]].concat();
            seeds.add("frame", &format!("{name}-stream"), &stream)?;
        }
    }
    Ok(())
}

fn message(seeds: &Inputs<'_>, name: &str, case: &Case<'_>) -> io::Result<()> {
    let found = apis().iter().find_map(|api| {
        let names = [api.request.name, api.response.name];
        let direction = names.iter().position(|name| *name == case.message)?;
        Some((api.key.0 as u8, direction as u8))
    });
    let Some((key, direction)) = found.filter(|_| case.read.len() <= MAX_LEN) else {
        return Ok(());
    };
    let version = case.version as u8;
    let bytes = [&[key, version, direction], &case.read[..]].concat();
    seeds.add("message", name, &bytes)?;
    let other = match &case.outcome {
        Outcome::Taken {
            other: Some((other, _)),
            ..
        } => *other as u8,
        _ => version,
    };
    let bytes = [&[key, version, other, direction], &case.read[..]].concat();
    seeds.add("difference", name, &bytes)
}

fn record_set(seeds: &Inputs<'_>, name: &str, case: &Set) -> io::Result<()> {
    if case.set.len() > MAX_LEN {
        return Ok(());
    }
    seeds.add("batch", name, &[&[0, 20], &case.set[..]].concat())?;
    for (n, batch) in Batches::new(case.set.clone()).flatten().enumerate() {
        let Batch::Current(batch) = batch else {
            continue;
        };
        let Ok(codec @ 1..) = batch.codec().map(|codec| codec as u8) else {
            continue;
        };
        let data = [&[codec, 20], &batch.records_section()[..]].concat();
        seeds.add("decompress", &format!("{name}-{n}"), &data)?;
    }
    Ok(())
}
