//! One macro for the closed lists of the field: a stable code, the Chinese term, all values.

/// Declares a fieldless enum whose variants carry a stable code (wire, SQL) and a Chinese term.
#[macro_export]
macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal $zh:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $code, "`, ", $zh, ".")] #[serde(rename = $code)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code, as it stands on the wire and in SQL.
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)+ } }

            /// The Chinese term, as a caseworker reads it.
            pub const fn zh(self) -> &'static str { match self { $(Self::$variant => $zh,)+ } }

            /// The value of a code; `None` for a code that does not exist.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { out.write_str(self.code()) }
        }
    };
}
