//! Which APIs there are, and what is said of each once; its messages are compared field by field.

use milena_protocol::{Api, ApiKey};

use super::difference::{Difference, Sheet, show};
use super::kafka::{Kind, Message};
use super::left_out::LEFT_OUT;
use super::message;

/// What a comparison of all APIs came to.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// APIs that both sides have.
    pub(crate) apis: usize,
    /// Fields of Kafka's in them.
    pub(crate) fields: usize,
    pub(crate) differences: Vec<Difference>,
}

/// Compares all APIs.
pub(crate) fn compare(kafka: &[Message], ours: &[Api]) -> Comparison {
    let mut comparison = Comparison::default();
    for api in ours {
        let mut sheet = Sheet::new(format!("{} ({})", api.name, api.key.0));
        let request =
            find(kafka, Kind::Request, api.key).filter(|request| request.versions.is_some());
        match (request, find(kafka, Kind::Response, api.key)) {
            (Some(request), Some(response)) => {
                compare_api(&mut sheet, request, api);
                comparison.apis += 1;
                comparison.fields += message::compare(&mut sheet, request, api, None);
                comparison.fields += message::compare(&mut sheet, response, api, Some(request));
            }
            _ => sheet.differ(
                api.name,
                "API",
                "none",
                format!("versions {}", api.versions),
            ),
        }
        comparison.differences.append(&mut sheet.differences);
    }
    let has_table = |key: i16| ours.iter().any(|api| api.key.0 == key);
    for request in kafka.iter().filter(|message| message.kind == Kind::Request) {
        if !request.key.is_some_and(has_table) {
            comparison
                .differences
                .append(&mut without_table(request).differences);
        }
    }
    comparison
}

fn find(kafka: &[Message], kind: Kind, key: ApiKey) -> Option<&Message> {
    kafka
        .iter()
        .find(|message| message.kind == kind && message.key == Some(key.0))
}

fn compare_api(sheet: &mut Sheet, request: &Message, api: &Api) {
    let name = request.api_name();
    sheet.equal(api.name, "name", Some(name), Some(api.name));
    sheet.equal(api.name, "name of the key", Some(name), api.key.name());
    if !request
        .listeners
        .iter()
        .any(|listener| listener == "broker" || listener == "zkBroker")
    {
        sheet.differ(
            api.name,
            "listeners",
            request.listeners.join(" and "),
            "a broker's",
        );
    }
    let unstable = |is: bool| is.then_some("unstable");
    let here = api.latest_stable != api.versions.max;
    sheet.equal(
        api.name,
        "top version",
        unstable(request.latest_unstable),
        unstable(here),
    );
    if let Some(deprecated) = request
        .deprecated
        .and_then(|range| range.intersect(api.versions))
    {
        sheet.differ(api.name, "deprecated versions", deprecated, "none");
    }
}

/// A request that we have no table of: a difference, unless it is left out on purpose and is what we think it is.
fn without_table(request: &Message) -> Sheet {
    let name = request.api_name();
    let key = request.key.map(ApiKey);
    let mut sheet = Sheet::new(format!("{name} ({})", show(request.key)));
    match LEFT_OUT.iter().find(|(left_out, _)| Some(*left_out) == key) {
        Some((key, why)) => {
            sheet.equal(name, "name of the key", Some(name), key.name());
            if request
                .listeners
                .iter()
                .any(|listener| listener == "broker")
            {
                sheet.differ(
                    name,
                    "listeners",
                    request.listeners.join(" and "),
                    format!("left out: {why}"),
                );
            }
        }
        None => sheet.differ(
            name,
            "API",
            format!(
                "key {}, versions {}, flexible {}, listeners {}, {} fields in the request",
                show(request.key),
                show(request.versions),
                show(request.flexible),
                request.listeners.join(" and "),
                request.field_count()
            ),
            "none",
        ),
    }
    sheet
}

#[cfg(test)]
mod tests;
