//! The Java programs under `testdata/java`: Apache's own client as the reference.
//!
//! They are compiled into `target/kafka/java`, and `target/kafka/java/classpath` then holds one line, the
//! class path, so that a test in Rust starts one without a shell:
//!
//! ```text
//! java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp CLASSPATH milena.ReadBack --bootstrap HOST:PORT --topic T
//! java … -cp CLASSPATH milena.Write --bootstrap HOST:PORT --topic T --count 1000 --compression lz4
//! ```
//!
//! `cargo xtask java` compiles, `cargo xtask java ReadBack --help` compiles and runs. `cargo xtask test` hands
//! the class path to the real tier as `MILENA_JAVA_CLASSPATH`. The options and the output are described at the
//! head of each Java file.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::kafka::DEFAULT_VERSION;
use crate::{interrupt, maven, paths};

/// Flags for a JVM that lives for seconds: a quick start matters more than the best code.
pub(crate) const SHORT_LIVED: [&str; 3] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xshare:auto",
];

/// The oldest Java that current Kafka brokers run on.
const OLDEST: u32 = 17;

/// Checks that `java` runs and is new enough.
pub(crate) fn check() -> Result<()> {
    let output = Command::new("java")
        .arg("-version")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        bail!(
            "`java` was not found; Kafka needs Java {OLDEST} or newer (Debian: apt-get install default-jdk-headless)"
        );
    };
    let text = String::from_utf8_lossy(&output.stderr);
    match major(&text) {
        Some(major) if major < OLDEST => {
            bail!("Java {major} is too old; Kafka needs Java {OLDEST} or newer")
        }
        Some(_) => Ok(()),
        None => bail!("`java -version` said something unexpected: {}", text.trim()),
    }
}

/// What this machine lacks to run the programs, with the client that we are to be equal to.
pub(crate) fn missing() -> Option<String> {
    if let Err(error) = check() {
        return Some(format!("{error:#}"));
    }
    let cached = client_jars(DEFAULT_VERSION).exists();
    (!cached && !maven::available()).then(|| {
        "`mvn` was not found, and the client's jars are not here yet (Debian: apt-get install maven)".to_owned()
    })
}

/// The major version in the output of `java -version`; before Java 9 it was the second number.
fn major(text: &str) -> Option<u32> {
    let version = text.split('"').nth(1)?;
    let mut numbers = version.split(['.', '-', '+', '_']).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

/// Compiles the programs unless that is done already, and returns the class path.
pub(crate) fn build() -> Result<String> {
    check()?;
    let project = project();
    let out = paths::kafka().join("java");
    fs::create_dir_all(&out)?;
    let lock = maven::lock(&out.join("build.lock"))?;
    let jars = client(DEFAULT_VERSION)?;
    let mut sources = Vec::new();
    files(&project.join("src"), &mut sources)?;
    sources.sort();
    let stamp = fingerprint(&sources)?;
    let (sources, resources): (Vec<_>, Vec<_>) = sources.into_iter().partition(|path| {
        path.extension()
            .is_some_and(|extension| extension == "java")
    });
    let classes = classes();
    let stamp_file = out.join("stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|kept| kept == stamp) && classes.exists() {
        return Ok(fs::read_to_string(out.join("classpath"))?.trim().to_owned());
    }
    let _ = fs::remove_file(&stamp_file);
    let _ = fs::remove_dir_all(&classes);
    let mut javac = Command::new("javac");
    javac.args([
        "--release",
        "17",
        "-Xlint:all",
        "-Werror",
        "-encoding",
        "UTF-8",
        "-proc:none",
    ]);
    javac
        .arg("-d")
        .arg(&classes)
        .arg("-cp")
        .arg(jars.join("*"))
        .args(&sources)
        .stdin(Stdio::null());
    let mut group = interrupt::spawn_group(&mut javac)
        .context("`javac` was not found; compiling the reference programs needs a JDK (Debian: default-jdk-headless)")?;
    let status = group.child.wait()?;
    if !status.success() {
        bail!("javac ended with {status}");
    }
    for resource in resources {
        fs::copy(
            &resource,
            classes.join(resource.file_name().context("a file has a name")?),
        )?;
    }
    let classpath = classpath(&classes, &jars);
    fs::write(out.join("classpath"), format!("{classpath}\n"))?;
    fs::write(stamp_file, stamp)?;
    drop(lock);
    Ok(classpath)
}

/// Fetches the client of a release, unless it is here, and returns the folder of its jars.
pub(crate) fn client(version: &str) -> Result<PathBuf> {
    let jars = client_jars(version);
    let pom = project().join("pom.xml");
    maven::fetch_jars(&pom, &[("kafka.version", version)], &jars)
        .with_context(|| format!("fetching the client of Apache Kafka {version}"))?;
    Ok(jars)
}

/// Where the jars of that client are, or will be.
pub(crate) fn client_jars(version: &str) -> PathBuf {
    paths::kafka().join("clients").join(version)
}

/// Where the compiled programs are, after [`build`].
pub(crate) fn classes() -> PathBuf {
    paths::kafka().join("java").join("classes")
}

/// The class path of classes and all jars of a folder.
pub(crate) fn classpath(classes: &Path, jars: &Path) -> String {
    let separator = if cfg!(windows) { ";" } else { ":" };
    format!(
        "{}{separator}{}",
        classes.display(),
        jars.join("*").display()
    )
}

fn project() -> PathBuf {
    paths::root().join("testdata").join("java")
}

/// Compiles, and when a class is named, runs it with the arguments.
pub(crate) fn command(program: Option<&str>, arguments: &[OsString]) -> Result<()> {
    let classpath = build()?;
    let Some(program) = program else {
        println!("{classpath}");
        return Ok(());
    };
    let mut java = Command::new("java");
    java.args(SHORT_LIVED)
        .arg("-cp")
        .arg(classpath)
        .arg(format!("milena.{program}"))
        .args(arguments);
    let status = java.status().context("starting java")?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Changes when a source changes, or the folder they all are in: the class path is absolute.
fn fingerprint(sources: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        source.hash(&mut hasher);
        fs::read(source)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn java_versions_old_and_new() {
        assert_eq!(
            major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"),
            Some(17)
        );
        assert_eq!(major("openjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(major("openjdk version \"26-ea\" 2026-03-17"), Some(26));
        assert_eq!(major("java version \"1.8.0_402\""), Some(8));
        assert_eq!(major("command not found"), None);
    }
}
