//! Fetching jars with Maven, once per set of jars.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt;

/// How often a download is tried. Maven keeps what it has, so a later try only fetches the rest.
const ATTEMPTS: u32 = 4;

/// Fills `dir` with the runtime jars of a pom, unless it holds them already; then neither Maven nor the
/// network is needed. `properties` are passed on as `-Dkey=value`.
pub(crate) fn fetch_jars(pom: &Path, properties: &[(&str, &str)], dir: &Path) -> Result<()> {
    let parent = dir.parent().context("a jar folder has a parent")?;
    fs::create_dir_all(parent)?;
    let lock = lock(&with_suffix(dir, ".lock"))?;
    let source = fs::read(pom).with_context(|| format!("reading {}", pom.display()))?;
    // The pom beside the jars says what they were fetched for.
    if fs::read(dir.join("pom.xml")).is_ok_and(|kept| kept == source) {
        return Ok(());
    }
    if !available() {
        bail!(
            "`mvn` was not found; it fetches the jars of {} (Debian: apt-get install maven)",
            pom.display()
        );
    }
    let started = Instant::now();
    eprintln!(
        "fetching the jars of {} into {}",
        pom.display(),
        dir.display()
    );
    let fresh = with_suffix(dir, ".fetching");
    for attempt in 1..=ATTEMPTS {
        let _ = fs::remove_dir_all(&fresh);
        match run(pom, properties, &fresh, attempt > 1) {
            Ok(()) => break,
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => {
                let pause = Duration::from_secs(1 << (2 * (attempt - 1)));
                eprintln!(
                    "  try {attempt} of {ATTEMPTS} failed, next in {} s: {error:#}",
                    pause.as_secs()
                );
                thread::sleep(pause);
            }
        }
    }
    let jars = jar_count(&fresh)?;
    if jars == 0 {
        bail!("Maven copied no jars for {}", pom.display());
    }
    fs::write(fresh.join("pom.xml"), source)?;
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    // Renamed when whole, so that an interrupted download is never taken for a finished one.
    fs::rename(&fresh, dir).with_context(|| format!("moving jars to {}", dir.display()))?;
    eprintln!("  {jars} jars in {:.1} s", started.elapsed().as_secs_f64());
    drop(lock);
    Ok(())
}

/// Whether there is a Maven that runs.
pub(crate) fn available() -> bool {
    Command::new("mvn")
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn run(pom: &Path, properties: &[(&str, &str)], dir: &Path, again: bool) -> Result<()> {
    fs::create_dir_all(dir)?;
    let log = with_suffix(dir, ".log");
    let out = File::create(&log)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["-B", "-ntp", "-Dstyle.color=never", "-f"])
        .arg(pom);
    if again {
        // Without it Maven remembers that an artifact was missing and does not ask again.
        maven.arg("-U");
    }
    for (key, value) in properties {
        maven.arg(format!("-D{key}={value}"));
    }
    maven
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", dir.display()))
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out);
    let status = interrupt::spawn_group(&mut maven)
        .context("starting mvn")?
        .child
        .wait()?;
    if !status.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let reason = text
            .lines()
            .find(|line| line.starts_with("[ERROR]"))
            .unwrap_or("no [ERROR] line");
        bail!(
            "mvn ended with {status}: {reason} (all of it in {})",
            log.display()
        );
    }
    let _ = fs::remove_file(log);
    Ok(())
}

fn jar_count(dir: &Path) -> Result<usize> {
    let mut jars = 0;
    for entry in fs::read_dir(dir)? {
        jars += usize::from(
            entry?
                .path()
                .extension()
                .is_some_and(|extension| extension == "jar"),
        );
    }
    Ok(jars)
}

/// Waits for an exclusive lock on that file; it ends with the value, or with the process.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    file.lock()
        .with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
