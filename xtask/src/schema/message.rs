//! One message on both sides: its versions, and every field of every struct in wire order.

use std::collections::{BTreeSet, VecDeque};

use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::{Api, VersionRange};

use super::default;
use super::difference::{Sheet, show};
use super::kafka::{Field, Message};

/// Compares a request, or a response when its request is given. Returns how many fields Kafka has in it.
pub(crate) fn compare(
    sheet: &mut Sheet,
    kafka: &Message,
    api: &Api,
    request: Option<&Message>,
) -> usize {
    let name = kafka.name.as_str();
    let ours = if request.is_some() {
        api.response
    } else {
        api.request
    };
    sheet.equal(name, "name", Some(name), Some(ours.name));
    sheet.equal(name, "valid versions", kafka.versions, Some(api.versions));
    let flexible = api
        .flexible_from
        .map(|min| VersionRange { min, max: i16::MAX });
    sheet.equal(name, "flexible versions", kafka.flexible, flexible);
    for entry in &kafka.unknown {
        sheet.differ(name, "entry", entry, "not understood");
    }
    let mut walk = Walk {
        sheet,
        message: kafka,
        request,
        seen: BTreeSet::new(),
        absent: VecDeque::new(),
        fields: 0,
    };
    walk.fields_of(name, &kafka.fields, ours);
    while let Some((place, field)) = walk.absent.pop_front() {
        walk.inside_absent(&place, field);
    }
    walk.fields
}

/// The walk through a message.
struct Walk<'a> {
    sheet: &'a mut Sheet,
    message: &'a Message,
    /// The request, if this is a response.
    request: Option<&'a Message>,
    /// Structs of Kafka's that are done; several fields may hold the same.
    seen: BTreeSet<&'a str>,
    /// Fields that we lack, and where.
    absent: VecDeque<(String, &'a Field)>,
    /// Fields of Kafka's so far.
    fields: usize,
}

impl<'a> Walk<'a> {
    /// The fields of a struct.
    fn fields_of(&mut self, place: &str, kafka: &'a [Field], ours: &StructSchema) {
        self.fields += kafka.len();
        let mut order = Vec::new();
        for (field, row) in pairs(kafka, ours.fields) {
            match row {
                Some(row) => {
                    order.push(row.name);
                    self.field(&join(place, row.name), field, row);
                }
                None => self.absent(place, field),
            }
        }
        let (both, left): (Vec<&FieldSchema>, Vec<_>) = ours
            .fields
            .iter()
            .partition(|row| order.contains(&row.name));
        for row in left {
            let here = format!("{}, versions {}", type_name(row.ty), row.versions);
            self.sheet
                .differ(&join(place, row.name), "field", "none", here);
        }
        let here: Vec<_> = both.iter().map(|row| row.name).collect();
        if order != here {
            let (kafka, here) = where_they_differ(&order, &here);
            self.sheet
                .differ(place, "order", kafka.join(", "), here.join(", "));
        }
    }

    fn field(&mut self, place: &str, kafka: &'a Field, ours: &FieldSchema) {
        let sheet = &mut *self.sheet;
        sheet.equal(
            place,
            "name",
            Some(snake(&kafka.name).as_str()),
            Some(ours.name),
        );
        let ty = type_name(ours.ty);
        if !same_type(kafka, &ty, self.request) {
            sheet.differ(place, "type", &kafka.ty, &ty);
        }
        sheet.equal(place, "versions", Some(kafka.versions), Some(ours.versions));
        sheet.equal(place, "nullable versions", kafka.nullable, ours.nullable);
        sheet.equal(place, "tag", kafka.tag, ours.tag);
        // A row with a tag is tagged in all of its versions.
        sheet.equal(
            place,
            "tagged versions",
            kafka.tagged,
            ours.tag.map(|_| ours.versions),
        );
        if !default::same(kafka.default.as_deref(), ours.default, ours.ty) {
            sheet.differ(
                place,
                "default",
                show(kafka.default.as_ref()),
                show(ours.default),
            );
        }
        let flag = |is: bool| is.then_some("yes");
        sheet.equal(place, "mapKey", flag(kafka.key), flag(ours.key));
        sheet.equal(
            place,
            "ignorable",
            flag(kafka.ignorable),
            flag(ours.ignorable),
        );
        if let Some(flexible) = &kafka.flexible {
            sheet.differ(place, "flexible versions", flexible, "those of the message");
        }
        for entry in &kafka.unknown {
            sheet.differ(place, "entry", entry, "not understood");
        }
        if let Some(inner) = struct_of(ours.ty)
            && self.seen.insert(kafka.struct_name())
        {
            self.fields_of(place, self.message.fields_of(kafka), inner);
        }
    }

    /// A field that we lack. What is in it comes last, for the struct may be one that we have elsewhere.
    fn absent(&mut self, place: &str, kafka: &'a Field) {
        let place = join(place, &snake(&kafka.name));
        self.sheet.differ(&place, "field", kafka, "none");
        self.absent.push_back((place, kafka));
    }

    fn inside_absent(&mut self, place: &str, kafka: &'a Field) {
        if self.seen.insert(kafka.struct_name()) {
            for field in self.message.fields_of(kafka) {
                self.absent(place, field);
            }
        }
    }
}

/// Kafka's fields, each with the row it belongs to. They go by name; where only a name has changed, by place.
fn pairs<'a>(
    kafka: &'a [Field],
    ours: &'static [FieldSchema],
) -> impl Iterator<Item = (&'a Field, Option<&'static FieldSchema>)> {
    let named = |field: &Field| ours.iter().find(|row| row.name == snake(&field.name));
    let alone = |row: &FieldSchema| kafka.iter().all(|field| snake(&field.name) != row.name);
    kafka.iter().enumerate().map(move |(index, field)| {
        let renamed = || {
            let row = ours.get(index).filter(|row| alone(row))?;
            (type_name(row.ty) == field.ty && row.versions == field.versions).then_some(row)
        };
        (field, named(field).or_else(renamed))
    })
}

/// The stretch in which two orders of the same names differ.
fn where_they_differ<'a, T: PartialEq>(kafka: &'a [T], here: &'a [T]) -> (&'a [T], &'a [T]) {
    let differs = |(a, b): (&T, &T)| a != b;
    let first = kafka.iter().zip(here).position(differs).unwrap_or(0);
    let last = kafka.iter().zip(here).rposition(differs).unwrap_or(0);
    let stretch = first..=last;
    (
        kafka.get(stretch.clone()).unwrap_or(kafka),
        here.get(stretch).unwrap_or(here),
    )
}

/// Whether a type of ours is Kafka's. In one respect names may differ: request and response stand in one module, and
/// where both have a struct of one name for two things, the response's ends in `Response`.
fn same_type(kafka: &Field, ours: &str, request: Option<&Message>) -> bool {
    ours == kafka.ty
        || ours.strip_suffix("Response") == Some(&kafka.ty)
            && request.is_some_and(|request| request.has_struct(kafka.struct_name()))
}

/// Kafka's name for a type of ours.
fn type_name(ty: Type) -> String {
    match ty {
        Type::Array(element) => format!("[]{}", type_name(*element)),
        Type::Struct(schema) => schema.name.to_owned(),
        // The others are called as in Kafka, but for the capital letter.
        simple => format!("{simple:?}").to_lowercase(),
    }
}

fn struct_of(ty: Type) -> Option<&'static StructSchema> {
    match ty {
        Type::Array(element) => struct_of(*element),
        Type::Struct(schema) => Some(schema),
        _ => None,
    }
}

/// `ThrottleTimeMs` as `throttle_time_ms`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

fn join(place: &str, name: &str) -> String {
    format!("{place}.{name}")
}
