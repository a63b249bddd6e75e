//! Apache's message schemas as they stand in the client's jar: one JSON file a message, with `//` comments.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use milena_protocol::VersionRange;
use serde_json::{Map, Value};

/// What a file describes. Kafka also keeps its log and snapshot records in this form, which no API sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Header,
    Other,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) key: Option<i16>,
    /// Which listeners take the request: `broker`, `controller`, and before 4.0 `zkBroker`.
    pub(crate) listeners: Vec<String>,
    /// `None` for a message that Kafka has given up.
    pub(crate) versions: Option<VersionRange>,
    pub(crate) latest_unstable: bool,
    pub(crate) deprecated: Option<VersionRange>,
    pub(crate) flexible: Option<VersionRange>,
    pub(crate) fields: Vec<Field>,
    /// Structs that several fields share.
    common: Vec<Common>,
    /// Entries of the file, or of its structs, that nothing here understands.
    pub(crate) unknown: Vec<String>,
}

/// A struct that has a name of its own.
#[derive(Debug)]
struct Common {
    name: String,
    fields: Vec<Field>,
    unknown: Vec<String>,
}

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// As it is written: `int32`, `[]string`, `[]FetchTopic`.
    pub(crate) ty: String,
    pub(crate) versions: VersionRange,
    pub(crate) nullable: Option<VersionRange>,
    pub(crate) tag: Option<u32>,
    pub(crate) tagged: Option<VersionRange>,
    pub(crate) default: Option<String>,
    pub(crate) key: bool,
    pub(crate) ignorable: bool,
    /// Where the field is written the flexible way, if that is not said by the message.
    pub(crate) flexible: Option<String>,
    /// What its struct holds, unless that is a common one.
    pub(crate) fields: Vec<Self>,
    pub(crate) unknown: Vec<String>,
}

impl Message {
    /// The API's name, if this is a request.
    pub(crate) fn api_name(&self) -> &str {
        self.name.strip_suffix("Request").unwrap_or(&self.name)
    }

    /// What the struct of a field holds: its own fields, or those of the common struct it names.
    pub(crate) fn fields_of<'a>(&'a self, field: &'a Field) -> &'a [Field] {
        let name = field.struct_name();
        match self.common.iter().find(|common| common.name == name) {
            Some(common) if field.fields.is_empty() => &common.fields,
            _ => &field.fields,
        }
    }

    /// Whether a struct of that name stands somewhere in it.
    pub(crate) fn has_struct(&self, name: &str) -> bool {
        fn holds(fields: &[Field], name: &str) -> bool {
            let is = |field: &Field| field.struct_name() == name && !field.fields.is_empty();
            fields
                .iter()
                .any(|field| is(field) || holds(&field.fields, name))
        }
        let common = |common: &Common| common.name == name || holds(&common.fields, name);
        self.common.iter().any(common) || holds(&self.fields, name)
    }

    /// How many fields it has, each struct counted once.
    pub(crate) fn field_count(&self) -> usize {
        let common = self.common.iter().map(|common| count(&common.fields));
        count(&self.fields) + common.sum::<usize>()
    }
}

impl Field {
    /// The type without the array around it.
    pub(crate) fn struct_name(&self) -> &str {
        self.ty.trim_start_matches("[]")
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, versions {}", self.ty, self.versions)?;
        if let Some(nullable) = self.nullable {
            write!(f, ", nullable {nullable}")?;
        }
        if let Some(tag) = self.tag {
            write!(f, ", tag {tag}")?;
        }
        if let Some(default) = &self.default {
            write!(f, ", default {default}")?;
        }
        for (is, word) in [(self.key, "mapKey"), (self.ignorable, "ignorable")] {
            if is {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + count(&field.fields)).sum()
}

/// Reads every schema of a folder.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = fs::read_to_string(&path)?;
            messages.push(parse(&text).with_context(|| format!("in {}", path.display()))?);
        }
    }
    messages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(messages)
}

/// Reads one schema.
pub(crate) fn parse(text: &str) -> Result<Message> {
    let json: Value = serde_json::from_str(&without_comments(text))?;
    let mut message = Message {
        name: String::new(),
        kind: Kind::Other,
        key: None,
        listeners: Vec::new(),
        versions: None,
        latest_unstable: false,
        deprecated: None,
        flexible: None,
        fields: Vec::new(),
        common: Vec::new(),
        unknown: Vec::new(),
    };
    for (entry, value) in object(&json)? {
        match entry.as_str() {
            "name" => message.name = text_of(value)?,
            "type" => {
                message.kind = match text_of(value)?.as_str() {
                    "request" => Kind::Request,
                    "response" => Kind::Response,
                    "header" => Kind::Header,
                    _ => Kind::Other,
                }
            }
            "apiKey" => message.key = Some(number(value)?.try_into()?),
            "listeners" => {
                message.listeners = list(value)?.iter().map(text_of).collect::<Result<_>>()?
            }
            "validVersions" => message.versions = versions(&text_of(value)?)?,
            "flexibleVersions" => message.flexible = versions(&text_of(value)?)?,
            "deprecatedVersions" => message.deprecated = versions(&text_of(value)?)?,
            "latestVersionUnstable" => message.latest_unstable = flag(value)?,
            "fields" => message.fields = fields(value)?,
            "commonStructs" => {
                for common in list(value)? {
                    let mut common = common_struct(object(common)?)?;
                    message.unknown.append(&mut common.unknown);
                    message.common.push(common);
                }
            }
            other => message.unknown.push(format!("{other}: {value}")),
        }
    }
    if message.name.is_empty() {
        bail!("a schema without a name");
    }
    Ok(message)
}

fn common_struct(json: &Map<String, Value>) -> Result<Common> {
    let name = json.get("name").context("a struct without a name")?;
    let mut common = Common {
        name: text_of(name)?,
        fields: Vec::new(),
        unknown: Vec::new(),
    };
    for (entry, value) in json {
        match entry.as_str() {
            // Which versions have the struct follows from the fields that hold it.
            "name" | "versions" | "about" => {}
            "fields" => common.fields = fields(value)?,
            other => common.unknown.push(format!("{other} of {name}: {value}")),
        }
    }
    Ok(common)
}

fn fields(json: &Value) -> Result<Vec<Field>> {
    list(json)?
        .iter()
        .map(|json| field(object(json)?))
        .collect()
}

fn field(json: &Map<String, Value>) -> Result<Field> {
    let required = |entry: &str| {
        let value = json
            .get(entry)
            .with_context(|| format!("a field without {entry}"))?;
        text_of(value)
    };
    let name = required("name")?;
    let mut field = Field {
        ty: required("type")?,
        versions: versions(&required("versions")?)?
            .with_context(|| format!("{name} is in no version"))?,
        nullable: None,
        tag: None,
        tagged: None,
        default: None,
        key: false,
        ignorable: false,
        flexible: None,
        fields: Vec::new(),
        unknown: Vec::new(),
        name,
    };
    for (entry, value) in json {
        match entry.as_str() {
            // The last three are notes for Kafka's own code: what a name is the name of, and how Java keeps bytes.
            "name" | "type" | "versions" | "about" | "entityType" | "zeroCopy" => {}
            "nullableVersions" => field.nullable = versions(&text_of(value)?)?,
            "tag" => field.tag = Some(number(value)?.try_into()?),
            "taggedVersions" => field.tagged = versions(&text_of(value)?)?,
            "default" => {
                field.default = Some(
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                );
            }
            "mapKey" => field.key = flag(value)?,
            "ignorable" => field.ignorable = flag(value)?,
            "flexibleVersions" => field.flexible = Some(text_of(value)?),
            "fields" => field.fields = fields(value)?,
            other => field.unknown.push(format!("{other}: {value}")),
        }
    }
    Ok(field)
}

/// `0-4`, `3+`, `7`, or `none`.
fn versions(text: &str) -> Result<Option<VersionRange>> {
    let range = match text.trim() {
        "none" => return Ok(None),
        text => match (text.strip_suffix('+'), text.split_once('-')) {
            (Some(min), _) => (min.parse(), Ok(i16::MAX)),
            (_, Some((min, max))) => (min.parse(), max.parse()),
            _ => (text.parse(), text.parse()),
        },
    };
    match range {
        (Ok(min), Ok(max)) if min <= max => Ok(Some(VersionRange { min, max })),
        _ => bail!("`{text}` is not a range of versions"),
    }
}

fn object(json: &Value) -> Result<&Map<String, Value>> {
    json.as_object()
        .with_context(|| format!("not an object: {json}"))
}

fn list(json: &Value) -> Result<&Vec<Value>> {
    json.as_array()
        .with_context(|| format!("not a list: {json}"))
}

fn text_of(json: &Value) -> Result<String> {
    let text = json
        .as_str()
        .with_context(|| format!("not a text: {json}"))?;
    Ok(text.to_owned())
}

/// A number, or the same as a text.
fn number(json: &Value) -> Result<i64> {
    match json.as_i64() {
        Some(number) => Ok(number),
        None => Ok(text_of(json)?.parse()?),
    }
}

/// `true`, or the same as a text.
fn flag(json: &Value) -> Result<bool> {
    match json.as_bool() {
        Some(flag) => Ok(flag),
        None => Ok(text_of(json)?.parse()?),
    }
}

/// Takes the comments out, which JSON does not have. What looks like one inside a text is none.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '/' if !quoted && characters.peek() == Some(&'/') => {
                while characters.next_if(|next| *next != '\n').is_some() {}
                continue;
            }
            '"' => quoted = !quoted,
            '\\' if quoted => {
                plain.push(character);
                plain.extend(characters.next());
                continue;
            }
            _ => {}
        }
        plain.push(character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse, without_comments};

    #[test]
    fn comments_end_with_the_line_and_do_not_begin_in_a_text() {
        let text = "{ // one\n\"a\": \"b // c \\\" // d\" // two\n}// three";
        assert_eq!(
            without_comments(text),
            "{ \n\"a\": \"b // c \\\" // d\" \n}"
        );
    }

    #[test]
    fn what_is_not_understood_is_kept_and_what_is_wrong_refused() {
        let message = parse(
            r#"{ "name": "X", "type": "data", "validVersions": "none", "colour": 1,
                 "commonStructs": [{ "name": "S", "versions": "0+", "shape": 2, "fields": [] }] }"#,
        )
        .unwrap();
        assert_eq!((message.kind, message.versions), (Kind::Other, None));
        assert_eq!(message.unknown, ["colour: 1", "shape of \"S\": 2"]);
        let field = |entries: &str| {
            parse(&format!(
                r#"{{ "name": "X", "fields": [{{ "name": "F", {entries} }}] }}"#
            ))
        };
        let kept = field(r#""type": "int8", "versions": "1+", "size": 3"#).unwrap();
        assert_eq!(kept.fields[0].unknown, ["size: 3"]);
        for wrong in [
            r#""type": "int8""#,
            r#""type": "int8", "versions": "none""#,
            r#""type": "int8", "versions": "3-1""#,
            r#""type": "int8", "versions": "0+", "tag": "one""#,
            r#""type": 8, "versions": "0+""#,
        ] {
            assert!(field(wrong).is_err(), "{wrong}");
        }
    }
}
