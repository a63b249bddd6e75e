//! Properties of producers, and what Apache's own client makes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
};

use milena::{ProducerConfig, Properties, PropertyError, PropertyErrorKind};

use crate::java;

/// What Java says of a text.
struct Verdict {
    entries: BTreeMap<String, String>,
    word: String,
}

/// Keys with their defaults, and a verdict on each text.
async fn ask_java(texts: &[String]) -> (BTreeMap<String, Option<String>>, Vec<Verdict>) {
    let file = std::env::temp_dir().join(format!("milena-properties-{}", fastrand::u64(..)));
    let mut lines = String::new();
    for text in texts {
        for byte in text.bytes() {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    fs::write(&file, lines).unwrap();
    let said = java::producer_keys(file.to_str().unwrap()).await;
    fs::remove_file(&file).unwrap();
    let mut keys = BTreeMap::new();
    let mut verdicts = Vec::new();
    let mut entries = BTreeMap::new();
    for line in said {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["key", key, default] => {
                let default = (default != "-").then(|| unhex(default));
                keys.insert(key.to_owned(), default);
            }
            ["entry", key, value] => {
                entries.insert(unhex(key), unhex(value));
            }
            [word] => verdicts.push(Verdict {
                entries: std::mem::take(&mut entries),
                word: word.to_owned(),
            }),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(verdicts.len(), texts.len());
    (keys, verdicts)
}

fn unhex(text: &str) -> String {
    let digits = text.as_bytes().chunks(2);
    let bytes = digits
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect();
    String::from_utf8(bytes).unwrap()
}

/// What is wrong with a text, if we take nothing of it.
fn ours(text: &str) -> Result<ProducerConfig, Vec<PropertyErrorKind>> {
    ProducerConfig::from_properties(text)
        .map_err(|error| error.errors().iter().map(PropertyError::kind).collect())
}

#[tokio::test]
#[ignore = "needs Java and Apache's client: cargo xtask test"]
async fn texts_are_read_as_java_reads_them() {
    let mut rng = fastrand::Rng::with_seed(11);
    let pieces = [
        "a",
        "b",
        "=",
        ":",
        " ",
        "\t",
        "\x0c",
        "\\",
        "\\",
        "\n",
        "\r",
        "\r\n",
        "#",
        "!",
        "\\u0041",
        "\\u00e9",
        "\\ud83d\\udc1f",
        "\\u12",
        "\\\n",
        "n",
        "u",
        "é",
        "🐟",
        ",",
    ];
    // With something at the end: of a lone backslash there Java makes an empty key.
    let text = |_| {
        let pieces = (0..rng.usize(0..25)).map(|_| pieces[rng.usize(..pieces.len())]);
        pieces.chain(["\nz\n"]).collect()
    };
    let texts: Vec<String> = (0..5000).map(text).collect();
    let (_, verdicts) = ask_java(&texts).await;
    let mut malformed = 0;
    for (text, verdict) in texts.iter().zip(verdicts) {
        // There are no addresses, whatever else there is.
        let kinds = ours(text).unwrap_err();
        let is_malformed = verdict.word == "malformed";
        assert_eq!(
            kinds.contains(&PropertyErrorKind::Malformed),
            is_malformed,
            "{text:?}"
        );
        if is_malformed {
            malformed += 1;
            continue;
        }
        let properties = Properties::from(text.as_str());
        // Half a surrogate pair is nothing that either side could write as UTF-8.
        let ours = format!("{properties:?}").replace('\u{fffd}', "?");
        let keys: BTreeSet<_> = verdict.entries.keys().collect();
        assert_eq!(ours, format!("Properties {keys:?}"), "{text:?}");
        for (key, value) in &verdict.entries {
            let Some(ours) = properties.get(key) else {
                assert!(key.contains('?'), "{key:?} in {text:?}");
                continue;
            };
            assert_eq!(&ours.replace('\u{fffd}', "?"), value, "{key:?} in {text:?}");
        }
    }
    assert!((100..4000).contains(&malformed), "{malformed}");
}

#[tokio::test]
#[ignore = "needs Java and Apache's client: cargo xtask test"]
async fn every_key_of_apaches_producer_is_known_and_no_value_is_taken_that_it_refuses() {
    let (keys, _) = ask_java(&[]).await;
    assert!(keys.len() > 100, "{keys:?}");
    let values = [
        "",
        "-2",
        "-1",
        "0",
        "1",
        "5",
        "6",
        "9",
        "17",
        "18",
        "22",
        "23",
        "5000",
        "40000",
        "1048577",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "true",
        "FALSE",
        "none",
        "gzip",
        "snappy",
        "lz4",
        "zstd",
        "all",
        "PLAINTEXT",
        "plaintext",
        "SSL",
        "x",
        "+7",
        " 7 ",
        "0x10",
        "1_000",
        "1.0",
        "rebootstrap",
        "use_all_dns_ips",
    ];
    let mut cases = Vec::new();
    for (key, default) in &keys {
        let values = values.iter().copied().chain(default.as_deref());
        cases.extend(values.map(|value| (key.as_str(), value.to_owned())));
    }
    let bootstrap = "bootstrap.servers=127.0.0.1:9092\n";
    let texts: Vec<String> = cases
        .iter()
        .map(|(key, value)| format!("{bootstrap}{key}={value}\n"))
        .collect();
    let (_, verdicts) = ask_java(&texts).await;
    let (mut taken, mut refused) = (0, 0);
    for (((key, value), text), verdict) in cases.iter().zip(&texts).zip(verdicts) {
        let java = match verdict.word.as_str() {
            "accepted" => true,
            "refused" => false,
            other => panic!("{other}: {text:?}"),
        };
        match ours(text) {
            Ok(config) => {
                let is_ignored = config
                    .warnings()
                    .iter()
                    .any(|it| it.to_string().contains("is ignored"));
                assert!(java || is_ignored, "Java refuses {key}={value:?}");
                taken += usize::from(!is_ignored);
            }
            Err(kinds) => match kinds[..] {
                [PropertyErrorKind::Unavailable] => {}
                [PropertyErrorKind::Invalid] if java => {
                    assert!(is_stricter(key, value.trim()), "Java takes {key}={value:?}");
                }
                [PropertyErrorKind::Invalid] => refused += 1,
                _ => panic!("{kinds:?}: {key}={value:?}"),
            },
        }
    }
    assert!(taken > 300 && refused > 500, "{taken} {refused}");
}

/// Values that Apache's client takes at first, and can do nothing with or that this one can do nothing with.
fn is_stricter(key: &str, value: &str) -> bool {
    let number = || value.parse::<i64>().unwrap();
    match key {
        // It looks at addresses later.
        "bootstrap.servers" => true,
        "buffer.memory" => number() < 16_384,
        "batch.size" => number() > 32 << 20,
        "delivery.timeout.ms" => number() < 30_005,
        "connections.max.idle.ms"
        | "max.request.size"
        | "metadata.max.age.ms"
        | "request.timeout.ms"
        | "socket.connection.setup.timeout.ms"
        | "socket.connection.setup.timeout.max.ms"
        | "transaction.timeout.ms" => number() < 1,
        _ => false,
    }
}
