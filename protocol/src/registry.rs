//! All APIs of the crate, for code that is about every one of them.

use crate::api_key::ApiKey;
use crate::message::{Message, Request};
use crate::schema::StructSchema;
use crate::version::VersionRange;

/// Which of an API's two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the broker.
    Request,
    /// From the broker.
    Response,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Request, Self::Response];
}

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
    /// The API of that key, if this crate has it.
    #[must_use]
    pub fn find(key: ApiKey) -> Option<&'static Self> {
        let apis = crate::apis();
        let at = apis.binary_search_by_key(&key, |api| api.key).ok()?;
        apis.get(at)
    }

    /// The table of one of its messages.
    #[must_use]
    pub const fn schema(&self, direction: Direction) -> &'static StructSchema {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }

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
        pub fn apis() -> &'static [Api] {
            static APIS: LazyLock<Vec<Api>> = LazyLock::new(|| {
                let mut apis = vec![$(Api::of::<$module::$request>()),*];
                apis.sort_by_key(|api| api.key);
                apis
            });
            &APIS
        }

        /// Calls the visitor with the types of every API, for tests and tools that are about all messages.
        pub fn visit_apis<V: ApiVisitor>(visitor: &mut V) {
            $(visitor.visit::<$module::$request>();)*
        }
    };
}
