//! Values of each type, as Kafka reads them.

use std::{fmt::Display, str::FromStr, time::Duration};

use super::error::{PropertyErrorKind, Refusal};

/// A whole number, not below the least that Kafka allows.
pub(super) fn number<T: FromStr + PartialOrd + Display>(
    text: &str,
    least: T,
) -> Result<T, Refusal> {
    let number = text
        .parse()
        .map_err(|_| invalid("must be a whole number, and not too large"))?;
    if number < least {
        return Err(invalid(format!("must be {least} or more")));
    }
    Ok(number)
}

/// A time in milliseconds in 64 bits.
pub(super) fn millis(text: &str, least: i64) -> Result<Duration, Refusal> {
    number(text, least).map(|millis| Duration::from_millis(millis.unsigned_abs()))
}

/// A time in milliseconds in 32 bits.
pub(super) fn short_millis(text: &str, least: i32) -> Result<Duration, Refusal> {
    number(text, least).map(|millis| Duration::from_millis(millis.unsigned_abs().into()))
}

/// Bytes in 32 bits.
pub(super) fn bytes(text: &str) -> Result<usize, Refusal> {
    number(text, 0_i32).map(|bytes| bytes.unsigned_abs() as usize)
}

/// `true` or `false`, in any case.
pub(super) fn boolean(text: &str) -> Result<bool, Refusal> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(invalid("must be true or false"))
    }
}

/// Kafka would not take it either.
pub(super) fn invalid(why: impl Into<String>) -> Refusal {
    Refusal {
        kind: PropertyErrorKind::Invalid,
        why: why.into(),
    }
}

/// Kafka would take it.
pub(super) fn unavailable(why: impl Into<String>) -> Refusal {
    Refusal {
        kind: PropertyErrorKind::Unavailable,
        why: why.into(),
    }
}
