//! How the methods of a builder are written.

/// Public methods that set fields of a builder and give it back, one `name(argument: Type) => field = value;` each.
macro_rules! setters {
    ($(
        $(#[$attribute:meta])*
        $name:ident($($argument:ident: $type:ty),*) => $($($field:ident).+ = $value:expr),+;
    )*) => {$(
        $(#[$attribute])*
        pub fn $name(mut self, $($argument: $type),*) -> Self {
            $(self.$($field).+ = $value;)+
            self
        }
    )*};
}
pub(crate) use setters;
