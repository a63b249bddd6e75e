//! Defaults: Kafka writes a value, our tables a Rust expression, and either may leave out what the type begins with.

use milena_protocol::schema::Type;

/// A default that both sides can write.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    /// All-zero, empty, or a struct that begins with its own defaults.
    Initial,
}

/// Whether Kafka's default and ours are the same value. One that cannot be read is the same as nothing.
pub(crate) fn same(kafka: Option<&str>, ours: Option<&str>, ty: Type) -> bool {
    let kafka = match kafka {
        Some(text) => of_kafka(text, ty),
        // Kafka begins with null here, whatever the schema says.
        None if ty == Type::Records => Some(Value::Null),
        None => Some(initial(ty)),
    };
    let ours = ours.map_or_else(|| Some(initial(ty)), |text| of_table(text, ty));
    kafka.is_some() && kafka == ours
}

fn initial(ty: Type) -> Value {
    match ty {
        Type::Bool => Value::Bool(false),
        Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Int64 => Value::Number(0),
        Type::String => Value::Text(String::new()),
        _ => Value::Initial,
    }
}

fn of_kafka(text: &str, ty: Type) -> Option<Value> {
    match (initial(ty), text) {
        (_, "null") => Some(Value::Null),
        (Value::Text(_), text) => Some(Value::Text(text.to_owned())),
        (initial, "") => Some(initial),
        (Value::Bool(_), text) => text.parse().ok().map(Value::Bool),
        (Value::Number(_), text) => number(text).map(Value::Number),
        _ => None,
    }
}

fn of_table(text: &str, ty: Type) -> Option<Value> {
    match (initial(ty), text) {
        (_, "None") => Some(Value::Null),
        (Value::Bool(_), text) => text.parse().ok().map(Value::Bool),
        (Value::Number(_), text) => match text {
            "i16::MIN" => Some(i16::MIN.into()),
            "i16::MAX" => Some(i16::MAX.into()),
            "i32::MIN" => Some(i32::MIN.into()),
            "i32::MAX" => Some(i32::MAX.into()),
            "i64::MIN" => Some(i64::MIN),
            "i64::MAX" => Some(i64::MAX),
            text => number(&text.replace('_', "")),
        }
        .map(Value::Number),
        (Value::Text(_), text) => {
            let (_, quoted) = text.split_once('"')?;
            let (text, _) = quoted.rsplit_once('"')?;
            Some(Value::Text(text.to_owned()))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use milena_protocol::schema::Type;

    use super::same;

    #[test]
    fn the_same_value_in_either_spelling() {
        for (kafka, ours, ty) in [
            (None, None, Type::Int32),
            (Some("0"), None, Type::Int32),
            (None, Some("0"), Type::Int8),
            (Some("0x7fffffff"), Some("0x7fff_ffff"), Type::Int32),
            (Some("0x7fffffff"), Some("i32::MAX"), Type::Int32),
            (Some("-2147483648"), Some("i32::MIN"), Type::Int32),
            (Some("9223372036854775807"), Some("i64::MAX"), Type::Int64),
            (Some("false"), None, Type::Bool),
            (Some("true"), Some("true"), Type::Bool),
            (Some("null"), Some("None"), Type::String),
            (Some(""), None, Type::String),
            (Some("a"), Some("Str::from_static(\"a\")"), Type::String),
            (Some("null"), Some("None"), Type::Array(&Type::Int8)),
            (None, Some("None"), Type::Records),
            (Some(""), None, Type::Array(&Type::Int8)),
        ] {
            assert!(same(kafka, ours, ty), "{kafka:?} {ours:?} {ty:?}");
        }
        for (kafka, ours, ty) in [
            (None, Some("-1"), Type::Int32),
            (Some("-1"), None, Type::Int32),
            (Some("0x10"), Some("10"), Type::Int32),
            (Some("true"), None, Type::Bool),
            (Some("null"), None, Type::String),
            (None, Some("None"), Type::Bytes),
            (Some("a"), Some("Str::from_static(\"b\")"), Type::String),
            (None, None, Type::Records),
            // Nobody knows what these are, so nobody knows that they are the same.
            (Some("many"), Some("many"), Type::Int32),
            (Some("x"), Some("x"), Type::Uuid),
        ] {
            assert!(!same(kafka, ours, ty), "{kafka:?} {ours:?} {ty:?}");
        }
    }
}
