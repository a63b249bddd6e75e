//! The error codes.

use std::collections::{BTreeMap, BTreeSet};

use milena_protocol::ErrorCode;

use super::code::Code;
use super::difference::{Difference, Sheet};

/// Compares codes, names, and what is said of them.
pub(crate) fn compare(kafka: &Code) -> Vec<Difference> {
    let here: BTreeMap<i16, String> = ErrorCode::ALL
        .iter()
        .map(|code| (code.0, describe(*code)))
        .collect();
    let codes: BTreeSet<i16> = kafka.errors.keys().chain(here.keys()).copied().collect();
    let mut sheet = Sheet::new("error codes".to_owned());
    for code in codes {
        let place = format!("ErrorCode {code}");
        sheet.equal(&place, "code", kafka.errors.get(&code), here.get(&code));
    }
    sheet.differences
}

fn describe(code: ErrorCode) -> String {
    let mut text = code.name().unwrap_or_default().to_owned();
    for (is, word) in [
        (code.is_retriable(), " retriable"),
        (code.refreshes_metadata(), " metadata"),
    ] {
        if is {
            text += word;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use milena_protocol::ErrorCode;

    use super::{compare, describe};
    use crate::schema::code::Code;

    #[test]
    fn codes_that_are_added_renamed_or_changed_are_noticed() {
        let line = |code: &ErrorCode| format!("error {} {}\n", code.0, describe(*code));
        let all: String = ErrorCode::ALL.iter().map(line).collect();
        assert_eq!(compare(&Code::parse(&all).unwrap()), []);
        for (from, to, expected) in [
            (
                "0 NONE\n",
                "0 NOTHING\n",
                "ErrorCode 0: code: Kafka NOTHING, here NONE",
            ),
            (
                "error 0 NONE\n",
                "",
                "ErrorCode 0: code: Kafka none, here NONE",
            ),
            (
                "error 0",
                "error 9999 NEW\nerror 0",
                "ErrorCode 9999: code: Kafka NEW, here none",
            ),
            (
                "7 REQUEST_TIMED_OUT retriable",
                "7 REQUEST_TIMED_OUT",
                "ErrorCode 7: code: Kafka REQUEST_TIMED_OUT, here REQUEST_TIMED_OUT retriable",
            ),
        ] {
            let changed = Code::parse(&all.replacen(from, to, 1)).unwrap();
            let lines: Vec<String> = compare(&changed).iter().map(ToString::to_string).collect();
            assert_eq!(lines, [expected]);
        }
    }
}
