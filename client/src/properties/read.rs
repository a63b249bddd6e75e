//! From properties to a configuration, or to all that is wrong with them.

use std::collections::BTreeSet;

use super::{
    ProducerConfig, Properties, PropertiesError, PropertyError, PropertyErrorKind, PropertyWarning,
    draft::Draft,
    error::{Place, Refusal},
    keys::{Class, KEYS, PREFIXES},
    similar::similar,
};

const BOOTSTRAP: &str = "bootstrap.servers";
/// Where an address is missing, to find what else is wrong.
const ANYWHERE: &str = "localhost:9092";

pub(super) fn read(properties: &Properties) -> Result<ProducerConfig, PropertiesError> {
    let mut reading = Reading {
        properties,
        errors: Vec::new(),
        warnings: Vec::new(),
        wrong: BTreeSet::new(),
    };
    let draft = reading.entries();
    match reading.together(draft) {
        Some(mut config) if reading.errors.is_empty() => {
            reading.warnings.sort_by(|a, b| a.at.cmp(&b.at));
            config.warnings = reading.warnings;
            Ok(config)
        }
        _ => {
            reading.errors.sort_by(|a, b| a.at.cmp(&b.at));
            Err(PropertiesError {
                errors: reading.errors,
            })
        }
    }
}

struct Reading<'a> {
    properties: &'a Properties,
    errors: Vec<PropertyError>,
    warnings: Vec<PropertyWarning>,
    /// Keys whose value is not taken.
    wrong: BTreeSet<&'a str>,
}

impl<'a> Reading<'a> {
    /// Each by itself.
    fn entries(&mut self) -> Draft {
        let properties = self.properties;
        for &line in &properties.malformed {
            let why = "\\u is not followed by four hexadecimal digits";
            self.errors.push(PropertyError {
                at: Place {
                    line: Some(line),
                    key: String::new(),
                },
                kind: PropertyErrorKind::Malformed,
                value: None,
                why: why.to_owned(),
            });
        }
        let mut draft = Draft::new(ANYWHERE);
        if properties.get(BOOTSTRAP).is_none() {
            let why = "must be there: host:port, or several with commas between";
            self.refuse(BOOTSTRAP, PropertyErrorKind::Missing, None, why);
        }
        for (key, entry) in &properties.entries {
            if let Some(first) = entry.repeats {
                self.warn(
                    key,
                    format!("is given in line {first} too; the last counts, as in Java"),
                );
            }
            match class(key) {
                Some(Class::Applied(apply)) => {
                    let value = entry.value.trim();
                    if let Err(Refusal { kind, why }) = apply(&mut draft, value) {
                        self.refuse(key, kind, Some(value), why);
                    }
                }
                Some(Class::Ignored(why)) => self.warn(key, (*why).to_owned()),
                Some(Class::Unavailable(why)) => {
                    self.refuse(key, PropertyErrorKind::Unavailable, None, *why);
                }
                None => self.refuse(key, PropertyErrorKind::Unknown, None, unknown(key)),
            }
        }
        draft
    }

    /// All of them, but for what is wrong: that is left out, and the others are looked at again.
    fn together(&mut self, mut draft: Draft) -> Option<ProducerConfig> {
        let properties = self.properties;
        for _ in &KEYS {
            let adjusted = draft.adjusted();
            let error = match draft.finish() {
                Ok(config) => {
                    for (key, how) in adjusted {
                        self.warn(key, how);
                    }
                    return Some(config);
                }
                Err(error) => error,
            };
            let (key, ..) = KEYS
                .iter()
                .find(|(_, setting, _)| *setting == error.field())?;
            let value = properties.get(key).map(str::trim);
            self.refuse(key, PropertyErrorKind::Invalid, value, error.reason());
            value?;
            draft = Draft::new(ANYWHERE);
            for (key, entry) in &properties.entries {
                if let Some(Class::Applied(apply)) = class(key)
                    && !self.wrong.contains(key.as_str())
                {
                    apply(&mut draft, entry.value.trim()).ok()?;
                }
            }
        }
        None
    }

    fn refuse(
        &mut self,
        key: &'a str,
        kind: PropertyErrorKind,
        value: Option<&str>,
        why: impl Into<String>,
    ) {
        self.wrong.insert(key);
        self.errors.push(PropertyError {
            at: self.place(key),
            kind,
            value: value.map(str::to_owned),
            why: why.into(),
        });
    }

    fn warn(&mut self, key: &str, why: String) {
        self.warnings.push(PropertyWarning {
            at: self.place(key),
            why,
        });
    }

    fn place(&self, key: &str) -> Place {
        let entry = self.properties.entries.get(key);
        Place {
            line: entry.and_then(|entry| entry.line),
            key: key.to_owned(),
        }
    }
}

fn class(key: &str) -> Option<&'static Class> {
    let by_name = KEYS.iter().find(|(name, ..)| *name == key);
    let by_name = by_name.map(|(_, _, class)| class);
    by_name.or_else(|| {
        let prefix = PREFIXES.iter().find(|(prefix, _)| key.starts_with(prefix));
        prefix.map(|(_, class)| class)
    })
}

fn unknown(key: &str) -> String {
    match similar(key, KEYS.iter().map(|(name, ..)| *name)) {
        Some(name) => format!("is not a setting of producers; did you mean {name}?"),
        None => "is not a setting of producers".to_owned(),
    }
}
