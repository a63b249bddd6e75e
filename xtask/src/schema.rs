//! `cargo xtask schema`: our tables against Apache's own message schemas, which lie in the jar of its client.
//!
//! Maven fetches the jar of a release into `target/kafka/clients/VERSION`, and the JDK takes the schemas out. Nothing of
//! them is kept in the repository. Each difference is one line, under the API it belongs to; against a release other
//! than the one we are equal to, the lines are what that release adds, lacks or does differently.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::kafka::{DEFAULT_VERSION, cluster};
use crate::{java, maven};

mod apis;
mod code;
mod default;
mod difference;
mod error_codes;
mod headers;
mod kafka;
mod left_out;
mod message;

use code::Code;

/// Where the schemas are in the jar.
const IN_JAR: &str = "common/message";

/// What to compare with.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Which release of Apache Kafka. It is a failure to differ from the default one.
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
}

/// Prints every difference. False when there is one to the release that we are to be equal to.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let version = choice.version.as_str();
    cluster::parse_version(version)?;
    java::check()?;
    let jars = java::client(version)?;
    let messages = {
        let _lock = maven::lock(&jars.join("schemas.lock"))?;
        kafka::read_all(&unpack(&jars, version)?)?
    };
    let code = Code::of(&jars)?;

    let ours = milena_protocol::apis();
    let mut comparison = apis::compare(&messages, ours);
    let differences = &mut comparison.differences;
    differences.extend(headers::compare(&messages, &code, ours));
    differences.extend(error_codes::compare(&code));
    let mut group = "";
    for difference in &comparison.differences {
        if difference.group != group {
            group = &difference.group;
            println!("{group}");
        }
        println!("  {difference}");
    }
    let differences = comparison.differences.len();
    println!(
        "schema: {} apis, {} fields, {differences} differences to Kafka {version}",
        comparison.apis, comparison.fields
    );
    Ok(differences == 0 || version != DEFAULT_VERSION)
}

/// Takes the schemas out of the jar, and returns their folder.
fn unpack(jars: &Path, version: &str) -> Result<PathBuf> {
    let jar = jars.join(format!("kafka-clients-{version}.jar"));
    let status = Command::new("jar")
        .arg("--extract")
        .arg("--file")
        .arg(&jar)
        .arg(IN_JAR)
        .current_dir(jars)
        .stdin(Stdio::null())
        .status()
        .context("`jar` was not found; it comes with a JDK (Debian: default-jdk-headless)")?;
    if !status.success() {
        bail!("jar ended with {status} on {}", jar.display());
    }
    Ok(jars.join(IN_JAR))
}
