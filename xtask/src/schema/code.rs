//! What Kafka's schemas leave to its code, as a Java program prints it: header versions and error codes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::java;

/// The facts of a release.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) headers: Vec<Headers>,
    /// Code, and its name with what else is said of it: `7` and `REQUEST_TIMED_OUT retriable`.
    pub(crate) errors: BTreeMap<i16, String>,
}

/// Which header versions an API has in one of its versions.
#[derive(Debug)]
pub(crate) struct Headers {
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) request: i16,
    pub(crate) response: i16,
}

impl Code {
    /// Asks the release whose jars lie in that folder.
    pub(crate) fn of(jars: &Path) -> Result<Self> {
        java::build()?;
        let output = Command::new("java")
            .args(java::SHORT_LIVED)
            .arg("-cp")
            .arg(java::classpath(&java::classes(), jars))
            .arg("milena.Protocol")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("starting java")?;
        if !output.status.success() {
            bail!("Protocol ended with {}", output.status);
        }
        Self::parse(&String::from_utf8(output.stdout)?)
    }

    /// Reads what the program prints.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut code = Self::default();
        for line in text.lines() {
            let wrong = || format!("Protocol printed `{line}`");
            match line.split_once(' ') {
                Some(("headers", numbers)) => {
                    let numbers: Result<Vec<i16>, _> = numbers.split(' ').map(str::parse).collect();
                    let [api, version, request, response] = numbers.with_context(wrong)?[..] else {
                        bail!(wrong());
                    };
                    code.headers.push(Headers {
                        api,
                        version,
                        request,
                        response,
                    });
                }
                Some(("error", error)) => {
                    let (number, what) = error.split_once(' ').with_context(wrong)?;
                    let number = number.parse().with_context(wrong)?;
                    code.errors.insert(number, what.to_owned());
                }
                _ => bail!(wrong()),
            }
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn anything_unexpected_is_an_error() {
        let code = Code::parse("headers 3 9 2 1\nerror 7 A retriable\n").unwrap();
        assert_eq!(
            (code.headers.len(), code.errors[&7].as_str()),
            (1, "A retriable")
        );
        for wrong in [
            "headers 3 9 2",
            "headers 3 9 2 x",
            "error 7",
            "error x A",
            "other",
            "\n",
        ] {
            let error = Code::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("Protocol printed `"), "{error}");
        }
    }
}
