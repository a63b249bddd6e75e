//! The clients that are captured, and how each is got and run.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::scenario::Scenario;
use super::{golden, run_to_end, workshop};
use crate::java;

/// A client at a version.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    tool: Tool,
    pub(crate) scenarios: Vec<Scenario>,
}

/// What a client's program is written in.
enum Tool {
    /// A script, and what pip installs for it.
    Python(&'static str, &'static [&'static str]),
    /// The Go module, which has this client at the version in its `go.mod`.
    Go,
    /// `milena.Capture` with the jars of this version.
    Java,
}

/// All of them.
pub(crate) fn all() -> Vec<Client> {
    let with_nulls = |scenarios: Vec<Scenario>| -> Vec<Scenario> {
        let add = |scenario: Scenario| scenario.and("nulls.txt");
        scenarios.into_iter().map(add).collect()
    };
    let client = |name, version, tool, scenarios| Client {
        name,
        version,
        tool,
        scenarios,
    };
    let plain = Scenario::plain;
    // Zstandard is from 2.1.
    let before_zstd = |name| {
        let mut scenarios = Scenario::codecs();
        scenarios.truncate(4);
        scenarios.push(plain(name, "none", "1"));
        with_nulls(scenarios)
    };
    vec![
        client(
            "librdkafka",
            "2.16.0",
            Tool::Python("librdkafka.py", &["confluent-kafka==2.16.1"]),
            with_nulls(Scenario::every()),
        ),
        client(
            "kafka-python",
            "3.0.12",
            Tool::Python(
                "kafka_python.py",
                &[
                    "kafka-python==3.0.12",
                    "python-snappy==0.7.3",
                    "lz4==4.4.5",
                    "zstandard==0.25.0",
                ],
            ),
            Scenario::every(),
        ),
        client(
            "kafka-python",
            "2.0.2",
            Tool::Python(
                "kafka_python.py",
                &[
                    "kafka-python==2.0.2",
                    "python-snappy==0.7.3",
                    "lz4==4.4.5",
                    "zstandard==0.25.0",
                ],
            ),
            vec![
                plain("none-0.11", "none", "all").speaking("0.11"),
                plain("gzip-1.0", "gzip", "1").speaking("1.0"),
                plain("snappy-1.1", "snappy", "all").speaking("1.1"),
                plain("lz4-2.0", "lz4", "all").speaking("2.0"),
                plain("zstd", "zstd", "all"),
            ],
        ),
        client("java", "4.3.1", Tool::Java, with_nulls(Scenario::every())),
        client("java", "2.8.2", Tool::Java, with_nulls(Scenario::codecs())),
        client("java", "1.1.1", Tool::Java, before_zstd("acks-1")),
        client("java", "0.11.0.3", Tool::Java, before_zstd("acks-1")),
        client(
            "franz-go",
            "1.22.3",
            Tool::Go,
            with_nulls(
                [
                    Scenario::every(),
                    vec![
                        plain("lz4-0.11", "lz4", "all").speaking("0.11.0"),
                        plain("zstd-2.4", "zstd", "1").speaking("2.4.0"),
                        plain("gzip-3.8", "gzip", "all").speaking("3.8.0"),
                        plain("snappy-4.0", "snappy", "all").speaking("4.0.0"),
                    ],
                ]
                .concat(),
            ),
        ),
        client(
            "sarama",
            "1.61.1",
            Tool::Go,
            with_nulls(
                [
                    Scenario::every(),
                    vec![
                        plain("gzip-0.11", "gzip", "all").speaking("0.11.0.0"),
                        plain("snappy-1.0", "snappy", "all").speaking("1.0.0"),
                        plain("zstd-2.1", "zstd", "1").speaking("2.1.0"),
                    ],
                ]
                .concat(),
            ),
        ),
    ]
}

impl Client {
    /// The name of its folder.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// What its note says about how it was got.
    pub(crate) fn origin(&self) -> String {
        match self.tool {
            Tool::Python(script, packages) => {
                format!(
                    "clients/python/{script}, pip install {}",
                    packages.join(" ")
                )
            }
            Tool::Go => "clients/go, at the versions in its go.mod".to_owned(),
            Tool::Java => format!(
                "testdata/java milena.Capture, org.apache.kafka:kafka-clients:{}",
                self.version
            ),
        }
    }

    /// Gets what it needs unless it is there already, and returns the command that the arguments follow.
    pub(crate) fn prepare(&self) -> Result<Vec<String>> {
        let tool = workshop().join("tools").join(self.folder());
        if let Some(parent) = tool.parent() {
            fs::create_dir_all(parent)?;
        }
        let clients = golden().join("clients");
        match self.tool {
            Tool::Python(script, packages) => {
                let python = tool.join("bin").join("python");
                let done = tool.join("done");
                if !done.exists() {
                    let mut venv = Command::new("python3");
                    run_to_end(venv.args(["-m", "venv", "--clear"]).arg(&tool))?;
                    let mut pip = Command::new(&python);
                    pip.args([
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                    ])
                    .args(packages);
                    run_to_end(&mut pip)?;
                    fs::write(done, "")?;
                }
                let script = clients.join("python").join(script);
                Ok(vec![text(&python)?, "-B".to_owned(), text(&script)?])
            }
            Tool::Go => {
                let mut go = Command::new("go");
                go.args(["build", "-o"]).arg(&tool).arg(".");
                run_to_end(go.current_dir(clients.join("go")))?;
                Ok(vec![text(&tool)?, self.name.to_owned()])
            }
            Tool::Java => {
                java::build()?;
                let classpath = java::classpath(&java::classes(), &java::client(self.version)?);
                let mut command = vec!["java".to_owned()];
                command.extend(java::SHORT_LIVED.map(str::to_owned));
                command.extend(["-cp".to_owned(), classpath, "milena.Capture".to_owned()]);
                Ok(command)
            }
        }
    }
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("a path that is text")?.to_owned())
}
