//! All APIs of the crate, for code that is about every one of them.

use crate::api_key::ApiKey;
use crate::message::{Message, Request};
use crate::schema::StructSchema;
use crate::version::VersionRange;

/// What is known of an API without naming its types.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// The key.
    pub key: ApiKey,
    /// Kafka's name.
    pub name: &'static str,
    /// The versions that can be read and written.
    pub versions: VersionRange,
    /// The highest version that a client should offer.
    pub latest_stable: i16,
    /// The first flexible version.
    pub flexible_from: Option<i16>,
    /// The request's table.
    pub request: &'static StructSchema,
    /// The response's table.
    pub response: &'static StructSchema,
}

impl Api {
    pub(crate) fn of<R: Request>() -> Self {
        Self {
            key: R::API,
            name: R::API_NAME,
            versions: R::VERSIONS,
            latest_stable: R::LATEST_STABLE,
            flexible_from: R::FLEXIBLE_FROM,
            request: R::schema(),
            response: R::Response::schema(),
        }
    }
}

/// Something to be done with the types of every API; see [`visit_apis`](crate::visit_apis).
pub trait ApiVisitor {
    /// Called with one API after the other.
    fn visit<R: Request>(&mut self);
}

pub(crate) fn flexible_from(api: ApiKey) -> Option<i16> {
    crate::messages::FLEXIBLE_FROM
        .iter()
        .find(|(key, _)| *key == api)
        .and_then(|(_, from)| *from)
}

/// Declares the modules of the APIs, one file each, and lists them once for everything else.
macro_rules! apis {
    ($($module:ident::$request:ident),* $(,)?) => {
        $(pub mod $module;)*

        pub(crate) const FLEXIBLE_FROM: &[(ApiKey, Option<i16>)] =
            &[$((<$module::$request as Message>::API, <$module::$request as Message>::FLEXIBLE_FROM)),*];

        /// Every API this crate has, by key.
        #[must_use]
        pub fn apis() -> Vec<Api> {
            let mut apis = vec![$(Api::of::<$module::$request>()),*];
            apis.sort_by_key(|api| api.key);
            apis
        }

        /// Calls the visitor with the types of every API, for tests and tools that are about all messages.
        pub fn visit_apis<V: ApiVisitor>(visitor: &mut V) {
            $(visitor.visit::<$module::$request>();)*
        }
    };
}
