//! The committed record sets of Apache Kafka: our reader gives what Java read, and our builder gives what Java wrote.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use milena_testdata::batches::{Case, check, corpus, difference};
use serde_json::Value;

#[test]
fn every_case_reads_and_builds_as_in_java() {
    let (tally, mismatches) = check(&corpus().unwrap());
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    println!("{tally:?}");
    assert!(tally.records > 20_000 && tally.rebuilt > 200, "{tally:?}");
}

#[test]
fn the_corpus_holds_what_it_should() {
    let lines = corpus().unwrap();
    let cases: Vec<Case> = lines
        .lines()
        .map(|line| Case::parse(line).unwrap())
        .collect();
    let mut groups = BTreeMap::new();
    for case in &cases {
        let group = case.name.split('/').next().unwrap();
        *groups.entry(group).or_insert(0) += 1;
    }
    let names: Vec<_> = groups.keys().copied().collect();
    assert_eq!(
        names,
        [
            "compacted",
            "control",
            "frame",
            "legacy",
            "level",
            "shape",
            "size"
        ]
    );
    // None, snappy, ten of gzip, 17 of lz4, 28 of zstd.
    assert_eq!(groups["level"], 2 + 10 + 17 + 28);
    let largest = cases.iter().map(|case| case.set.len()).max().unwrap();
    assert!(largest > 1 << 20, "{largest}");
    let has = |field: &str, value: Value| {
        cases
            .iter()
            .flat_map(|case| case.batches.as_array().unwrap())
            .any(|batch| batch[field] == value)
    };
    for magic in 0..3 {
        assert!(has("magic", magic.into()));
    }
    for kind in ["NoTimestampType", "CreateTime", "LogAppendTime"] {
        assert!(has("timestampType", kind.into()));
    }
    for field in ["control", "transactional"] {
        assert!(has(field, 0.into()) && has(field, 1.into()));
    }
    assert!(has("count", 0.into()), "a batch without records");
}

#[test]
fn a_difference_is_noticed() {
    let lines = corpus().unwrap();
    let line = lines
        .lines()
        .find(|line| line.contains("\"shape/headers/gzip\""))
        .unwrap();
    let case = Case::parse(line).unwrap();
    case.check().unwrap();
    let mut altered = 0;
    for_each_leaf(&case.batches, &mut Vec::new(), &mut |path| {
        let mut java = case.batches.clone();
        let leaf = path.iter().fold(&mut java, |value, step| match step {
            Ok(index) => &mut value[*index],
            Err(name) => &mut value[name.as_str()],
        });
        *leaf = match &leaf {
            Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
            Value::String(text) => format!("{text}0").into(),
            _ => Value::from(0),
        };
        let found = difference(&java, &case.batches).unwrap();
        let place: Vec<String> = path
            .iter()
            .map(|step| {
                step.clone()
                    .map_or_else(|name| name, |index| index.to_string())
            })
            .collect();
        let expected = format!("batches.{}: Java has ", place.join("."));
        assert!(found.starts_with(&expected), "{found}");
        altered += 1;
    });
    assert!(altered > 400, "{altered}");
}

type Step = Result<usize, String>;

fn for_each_leaf(value: &Value, path: &mut Vec<Step>, then: &mut impl FnMut(&[Step])) {
    let mut within = |step: Step, value: &Value| {
        path.push(step);
        for_each_leaf(value, path, then);
        path.pop();
    };
    match value {
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| within(Ok(index), value)),
        Value::Object(values) => values
            .iter()
            .for_each(|(name, value)| within(Err(name.clone()), value)),
        _ => then(path),
    }
}
