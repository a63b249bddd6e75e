//! Requests of other clients, as they were on the wire, under `testdata/captures`.
//!
//! Each client was asked to send known records in several scenarios, to `milena broker --record`; `cargo xtask captures`
//! does it again. A folder has the requests of a client at a version, each in a file
//! `SCENARIO.NUMBER.API-vVERSION.bin` with its length in front, and `note.txt`, which says how the client was got, and
//! what was asked of it in each scenario.

use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;

/// A client at a version.
#[derive(Debug)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// In the order of capturing.
    pub scenarios: Vec<Scenario>,
}

/// What a client was asked to send, and its requests.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// `none`, or the name of a codec.
    pub compression: String,
    /// `0`, `1` or `all`.
    pub acks: String,
    /// `none`, `idempotent` or `transactional`. The last was refused, before a record was sent.
    pub identity: String,
    /// The version of Kafka that the client was told to talk as to, or `newest`.
    pub speaks: String,
    /// What was sent, in this order.
    pub records: Vec<Record>,
    /// All produce requests, and of the others those that no earlier scenario had, in the order of sending.
    pub requests: Vec<Captured>,
}

/// A record that a client was asked to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where to.
    pub partition: i32,
    /// In ms since 1970.
    pub timestamp: i64,
    /// `None` is null.
    pub key: Option<Bytes>,
    /// `None` is null.
    pub value: Option<Bytes>,
    /// Names and values, in this order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// A request.
#[derive(Debug)]
pub struct Captured {
    /// Its file.
    pub path: PathBuf,
    /// API and version by the name of the file, such as `Produce-v9`.
    pub what: String,
    /// All of it, the four bytes of its length included.
    pub bytes: Bytes,
}

/// Everything that was captured.
///
/// # Errors
/// When a file cannot be read or is not as it should be.
pub fn clients() -> io::Result<Vec<Client>> {
    let root = root();
    let mut clients = Vec::new();
    for folder in sorted(&root)? {
        if folder.join("note.txt").exists() {
            clients.push(client(&root, &folder)?);
        }
    }
    Ok(clients)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn sorted(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn client(root: &Path, folder: &Path) -> io::Result<Client> {
    let note = folder.join("note.txt");
    let wrong = |what: &str| io::Error::other(format!("{}: {what}", note.display()));
    let text = fs::read_to_string(&note)?;
    let name = text.lines().find_map(|line| line.strip_prefix("client: "));
    let (name, version) = name
        .and_then(|name| name.split_once(' '))
        .ok_or_else(|| wrong("no line `client: NAME VERSION`"))?;
    let mut scenarios = Vec::new();
    for line in text
        .lines()
        .skip_while(|line| *line != "scenarios:")
        .skip(1)
    {
        scenarios.push(scenario(root, line).map_err(|what| wrong(&what))?);
    }
    for path in sorted(folder)? {
        if path == note {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut parts = name.rsplitn(4, '.').skip(1);
        let what = parts.next().map(str::to_owned);
        let of = parts.nth(1);
        let scenario = scenarios
            .iter_mut()
            .find(|scenario| Some(scenario.name.as_str()) == of);
        let (Some(scenario), Some(what)) = (scenario, what) else {
            return Err(wrong(&format!("{name} is of no scenario")));
        };
        let bytes = fs::read(&path)?.into();
        scenario.requests.push(Captured { path, what, bytes });
    }
    Ok(Client {
        name: name.to_owned(),
        version: version.to_owned(),
        scenarios,
    })
}

/// From a line of a note: `NAME: compression NAME, acks NAME, …`.
fn scenario(root: &Path, line: &str) -> Result<Scenario, String> {
    let wrong = || format!("not a scenario: {line}");
    let (name, settings) = line.split_once(": ").ok_or_else(wrong)?;
    let setting = |name: &str| {
        let mut settings = settings.split(", ");
        let found = settings.find_map(|setting| setting.strip_prefix(name)?.strip_prefix(' '));
        found.map(str::to_owned).ok_or_else(wrong)
    };
    let mut records = Vec::new();
    for file in setting("records")?
        .split(' ')
        .filter(|file| *file != "none")
    {
        let path = root.join(file);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            records.push(record(line).ok_or_else(|| format!("{file}: not a record: {line}"))?);
        }
    }
    Ok(Scenario {
        name: name.to_owned(),
        compression: setting("compression")?,
        acks: setting("acks")?,
        identity: setting("identity")?,
        speaks: setting("speaks")?,
        records,
        requests: Vec::new(),
    })
}

/// From a line of `records.txt`, whose head describes it.
fn record(line: &str) -> Option<Record> {
    let mut fields = line.split('\t');
    let partition = fields.next()?.parse().ok()?;
    let timestamp = fields.next()?.parse().ok()?;
    let key = content(fields.next()?)?;
    let value = content(fields.next()?)?;
    let mut headers = Vec::new();
    while let Some(name) = fields.next() {
        let name = String::from_utf8(content(name)??.to_vec()).ok()?;
        headers.push((name, content(fields.next()?)?));
    }
    Some(Record {
        partition,
        timestamp,
        key,
        value,
        headers,
    })
}

/// `null`, `"TEXT"` or `"TEXT"*N`.
fn content(field: &str) -> Option<Option<Bytes>> {
    if field == "null" {
        return Some(None);
    }
    let (text, times) = field.strip_prefix('"')?.rsplit_once('"')?;
    let times = match times.strip_prefix('*') {
        Some(times) => times.parse().ok()?,
        None if times.is_empty() => 1,
        None => return None,
    };
    Some(Some(text.repeat(times).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line() {
        let read = record("2\t-5\tnull\t\"ab\"*3\t\"\"\t\"x\\\"\t\"h\"\tnull");
        let expected = Record {
            partition: 2,
            timestamp: -5,
            key: None,
            value: Some("ababab".into()),
            headers: vec![(String::new(), Some("x\\".into())), ("h".to_owned(), None)],
        };
        assert_eq!(read, Some(expected));
        for wrong in [
            "",
            "2\t5\tnull",
            "2\t5\tnull\tab",
            "2\t5\tnull\t\"a\"*",
            "0\t0\t\"\"\t\"\"\t\"h\"",
        ] {
            assert_eq!(record(wrong), None, "{wrong}");
        }
    }
}
