//! `kafka!`: a table of an API becomes its structs, their defaults, parsers, encoders and schema.
//!
//! ```text
//! kafka! {
//!     api Metadata = 3, versions 0-13, flexible 9+, MetadataRequest => MetadataResponse;
//!
//!     /// Doc comments are kept.
//!     struct MetadataRequest {
//!         0+    topics: Option<Vec<MetadataRequestTopic>>, null 1+;
//!         4+    allow_auto_topic_creation: bool = true;
//!         8-10  include_cluster_authorized_operations: bool;
//!     }
//! }
//! ```
//!
//! The first line says key, valid versions, an `unstable` top version if there is one (`versions 0-6, unstable 6`),
//! and the first flexible version (`flexible none` if there is none). Request and response are structs of the table.
//!
//! A row is `versions name: type = default, null versions, tag number, key, ignorable;` in that order, all after the type
//! optional. Rows stand in wire order. Versions are `4+` or `4-7`, also for one version: `4-4`.
//!
//! - The type is one that implements `Field`. With `null` it is an `Option` of one, and nothing else is.
//! - Without a default a row starts as zero, false or empty; a nullable one as `Some` of that. Null is `= None`.
//! - A tagged row is written in the tagged section of every version it has. Tagged rows stand in ascending order.
//! - `key`: the row tells the elements of an array apart; Kafka keeps such an array as a map.
//! - `ignorable`: versions that lack the row drop its value. Otherwise a value that is not the default is an error.

macro_rules! kafka {
    (
        api $api:ident = $key:literal, versions $min:literal-$max:literal, $(unstable $unstable:literal,)?
        flexible $($flexible:literal +)? $($none:ident)?, $request:ident => $response:ident;
        $(
            $(#[$struct_doc:meta])*
            struct $name:ident {
                $(
                    $(#[$doc:meta])*
                    $lo:literal $to:tt $($hi:literal)? $field:ident: $ty:ty $(= $default:expr)?
                    $(, null $null_lo:literal $null_to:tt $($null_hi:literal)?)?
                    $(, tag $tag:literal)? $(, key $(@ $no_key:tt)?)? $(, ignorable $(@ $never:tt)?)?;
                )*
            }
        )*
    ) => {
        impl $crate::message::Message for $request {
            kafka!(@message $request, $api, $key, $min, $max, $($flexible)? $($none)?);
        }

        impl $crate::message::Request for $request {
            type Response = $response;
            const LATEST_STABLE: i16 = kafka!(@stable $max $($unstable)?);
        }

        impl $crate::message::Message for $response {
            kafka!(@message $response, $api, $key, $min, $max, $($flexible)? $($none)?);
        }

        const VALID: $crate::version::VersionRange = kafka!(@range $min - $max);

        $(
            $(#[$struct_doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                $(
                    $(#[$doc])*
                    ///
                    #[doc = concat!("Versions ", stringify!($lo), stringify!($to) $(, stringify!($hi))?, ".")]
                    pub $field: $ty,
                )*
                /// Tagged fields that this crate does not know.
                pub unknown_tags: $crate::tags::UnknownTags,
            }

            impl Default for $name {
                fn default() -> Self {
                    Self {
                        $($field: kafka!(@default [$($default)?] [$($null_lo)?]),)*
                        unknown_tags: $crate::tags::UnknownTags::default(),
                    }
                }
            }

            impl $crate::field::Field for $name {
                const TYPE: $crate::schema::Type = $crate::schema::Type::Struct(&$crate::schema::StructSchema {
                    name: stringify!($name),
                    fields: &[$($crate::schema::FieldSchema {
                        name: kafka!(@name $field),
                        ty: <kafka!(@inner $ty, [$($null_lo)?]) as $crate::field::Field>::TYPE,
                        versions: kafka!(@range $lo $to $($hi)?),
                        nullable: kafka!(@option [$(kafka!(@range $null_lo $null_to $($null_hi)?))?]),
                        tag: kafka!(@option [$($tag)?]),
                        default: kafka!(@option [$(stringify!($default))?]),
                        key: kafka!(@flag $(key $($no_key)?)?),
                        ignorable: kafka!(@flag $(ignorable $($never)?)?),
                    }),*],
                    size: size_of::<Self>(),
                });

                fn initial() -> Self {
                    Self::default()
                }

                #[allow(unused_mut, unused_assignments)]
                fn least(ver: $crate::version::Ver) -> usize {
                    let mut least = usize::from(ver.flexible);
                    $(if kafka!(@has ver, $lo $to $($hi)?) {
                        least += kafka!(@least ver, $ty, [$($null_lo)?] [$($tag)?]);
                    })*
                    least
                }

                #[inline]
                #[allow(unused_mut, unused_variables)]
                fn read_to<'a, R>(
                    i: $crate::wire::Wire<'a>,
                    frame: &$crate::wire::Frame<'a>,
                    keep: impl FnOnce(Self) -> R,
                ) -> $crate::wire::Parsed<'a, R> {
                    let ver = frame.ver;
                    $(
                        let (i, mut $field) = if kafka!(@inline ver, [$lo $to $($hi)?] [$($tag)?]) {
                            kafka!(@try $field, kafka!(@read i, frame, ver, [$($null_lo $null_to $($null_hi)?)?]))
                        } else {
                            (i, kafka!(@default [$($default)?] [$($null_lo)?]))
                        };
                    )*
                    let (i, unknown_tags) = $crate::tags::read_tags(i, frame, &mut |tag, value| {
                        $(kafka!(@read_tag tag, value, frame, ver, $field, [$lo $to $($hi)?]
                            [$($null_lo $null_to $($null_hi)?)?] [$($tag)?]);)*
                        Ok($crate::tags::Tag::Unknown)
                    })?;
                    Ok((i, keep(Self { $($field,)* unknown_tags })))
                }

                #[inline]
                #[allow(unused_mut)]
                fn write(&self, out: &mut $crate::sink::Sink, ver: $crate::version::Ver) -> $crate::sink::Encoded {
                    $(
                        if kafka!(@has ver, $lo $to $($hi)?) {
                            kafka!(@write self.$field, out, ver, $field, [$($null_lo $null_to $($null_hi)?)?] [$($tag)?]);
                        } else if !kafka!(@flag $(ignorable $($never)?)?)
                            && $crate::field::differs(&self.$field, &kafka!(@default [$($default)?] [$($null_lo)?]))
                        {
                            return Err($crate::error::EncodeError::absent(kafka!(@name $field)));
                        }
                    )*
                    let mut tags = $crate::tags::TagWriter::begin(out, ver, &self.unknown_tags)?;
                    $(kafka!(@write_tag self.$field, tags, ver, $field, [$lo $to $($hi)?] [$($default)?]
                        [$($null_lo $null_to $($null_hi)?)?] [$($tag)?]);)*
                    tags.finish()
                }
            }
        )*
    };

    (@message $name:ident, $api:ident, $key:literal, $min:literal, $max:literal, $flexible:tt) => {
        const API: $crate::ApiKey = $crate::ApiKey($key);
        const API_NAME: &'static str = stringify!($api);
        const NAME: &'static str = stringify!($name);
        const VERSIONS: $crate::version::VersionRange = VALID;
        const FLEXIBLE_FROM: Option<i16> = kafka!(@flexible $flexible);

        fn encode(&self, version: i16) -> Result<$crate::Segments, $crate::EncodeError> {
            $crate::message::write_body(self, version, &$crate::sink::assemble)
        }

        fn decode(body: &::bytes::Bytes, version: i16) -> Result<Self, $crate::DecodeError> {
            $crate::message::read_body(body, version)
        }
    };
    (@flexible none) => { None };
    (@flexible $version:literal) => { Some($version) };
    (@stable $max:literal) => { $max };
    (@stable $max:literal $unstable:literal) => { $unstable - 1 };

    // `?` with the row's name for an error, in fewer steps for the compiler, which sees thousands of these.
    (@try $field:ident, $result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err($crate::error::StepOut::in_row(error, kafka!(@name $field))),
        }
    };
    (@name $field:ident) => { const { $crate::schema::without_raw(stringify!($field)) } };
    (@range $lo:literal +) => { $crate::version::VersionRange { min: $lo, max: i16::MAX } };
    (@range $lo:literal - $hi:literal) => { $crate::version::VersionRange { min: $lo, max: $hi } };
    (@has $ver:ident, $($range:tt)*) => { $ver.has(const { kafka!(@range $($range)*) }, VALID) };
    // Whether a row is written between its neighbours; a tagged one never is.
    (@inline $ver:ident, [$($range:tt)*] []) => { kafka!(@has $ver, $($range)*) };
    (@inline $ver:ident, [$($range:tt)*] [$tag:literal]) => { false };

    (@option []) => { None };
    (@option [$($some:tt)+]) => { Some($($some)+) };
    (@flag) => { false };
    (@flag $flag:ident) => { true };
    (@default [$default:expr] [$($null:literal)?]) => { $default };
    (@default [] []) => { $crate::field::Field::initial() };
    (@default [] [$null:literal]) => { Some($crate::field::Field::initial()) };
    (@inner $ty:ty, []) => { $ty };
    (@inner $ty:ty, [$null:literal]) => { <$ty as $crate::field::Nullable>::Inner };

    (@least $ver:ident, $ty:ty, [$($null:literal)?] [$tag:literal]) => { 0 };
    (@least $ver:ident, $ty:ty, [] []) => { <$ty as $crate::field::Field>::least($ver) };
    (@least $ver:ident, $ty:ty, [$null:literal] []) => {
        <<$ty as $crate::field::Nullable>::Inner as $crate::field::Field>::least_nullable($ver)
    };

    (@read $i:ident, $frame:ident, $ver:ident, []) => { $crate::field::Field::read($i, $frame) };
    (@read $i:ident, $frame:ident, $ver:ident, [$($null:tt)+]) => {
        $crate::field::read_nullable($i, $frame, kafka!(@has $ver, $($null)+))
    };
    (@read_tag $tag:ident, $value:ident, $frame:ident, $ver:ident, $field:ident, [$($range:tt)*] [$($null:tt)*] []) => {};
    (@read_tag $tag:ident, $value:ident, $frame:ident, $ver:ident, $field:ident, [$($range:tt)*] [$($null:tt)*] [$number:literal]) => {
        if $tag == $number {
            if !kafka!(@has $ver, $($range)*) {
                return Ok($crate::tags::Tag::OtherVersion);
            }
            let parsed = kafka!(@read $value, $frame, $ver, [$($null)*]);
            $field = $crate::field::whole(parsed, kafka!(@name $field))?;
            return Ok($crate::tags::Tag::Taken);
        }
    };

    (@write $value:expr, $out:ident, $ver:ident, $field:ident, [$($null:tt)*] [$tag:literal]) => {};
    (@write $value:expr, $out:ident, $ver:ident, $field:ident, [] []) => {
        kafka!(@try $field, $crate::field::Field::write(&$value, $out, $ver));
    };
    (@write $value:expr, $out:ident, $ver:ident, $field:ident, [$($null:tt)+] []) => {
        let null = kafka!(@has $ver, $($null)+);
        kafka!(@try $field, $crate::field::write_nullable($value.as_ref(), $out, $ver, null));
    };
    // Whether a tagged row is written: it is not when it has its default.
    (@present $value:expr, $ver:ident, [$($range:tt)*] $default:tt $null:tt) => {
        kafka!(@has $ver, $($range)*) && $crate::field::differs(&$value, &kafka!(@default $default $null))
    };
    (@write_tag $value:expr, $tags:ident, $ver:ident, $field:ident, $range:tt $default:tt [$($null:tt)*] []) => {};
    (@write_tag $value:expr, $tags:ident, $ver:ident, $field:ident, $range:tt $default:tt [] [$tag:literal]) => {
        if kafka!(@present $value, $ver, $range $default []) {
            $tags.field($tag, kafka!(@name $field), &|out| $crate::field::Field::write(&$value, out, $ver))?;
        }
    };
    (@write_tag $value:expr, $tags:ident, $ver:ident, $field:ident, $range:tt $default:tt [$lo:literal $($null:tt)+] [$tag:literal]) => {
        if kafka!(@present $value, $ver, $range $default [$lo]) {
            let null = kafka!(@has $ver, $lo $($null)+);
            $tags.field($tag, kafka!(@name $field), &|out| {
                $crate::field::write_nullable($value.as_ref(), out, $ver, null)
            })?;
        }
    };
}

#[cfg(test)]
mod tests;
