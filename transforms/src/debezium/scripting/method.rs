//! The methods that expressions call, by the names that Groovy, Java and JavaScript give them.

/// A method, and how many arguments it takes at least and at most.
macro_rules! methods {
    ($($method:ident = $($name:literal)|+, $least:literal to $most:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Method { $($method),+ }

        impl Method {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($($name)|+ => Some(Method::$method),)+ _ => None }
            }

            /// How many arguments it takes.
            pub(super) fn arguments(self) -> std::ops::RangeInclusive<usize> {
                match self { $(Method::$method => $least..=$most),+ }
            }
        }
    };
}

methods! {
    StartsWith = "startsWith", 1 to 1;
    EndsWith = "endsWith", 1 to 1;
    Contains = "contains" | "includes", 1 to 1;
    Equals = "equals", 1 to 1;
    EqualsIgnoreCase = "equalsIgnoreCase", 1 to 1;
    LowerCase = "toLowerCase", 0 to 0;
    UpperCase = "toUpperCase", 0 to 0;
    Trim = "trim" | "strip", 0 to 0;
    Size = "size" | "length" | "count", 0 to 0;
    IsEmpty = "isEmpty", 0 to 0;
    IsBlank = "isBlank", 0 to 0;
    MatchesWhole = "matches", 1 to 1;

    Finds = "match" | "test", 1 to 1;
    Replace = "replace", 2 to 2;
    ReplaceAll = "replaceAll", 2 to 2;
    ReplaceFirst = "replaceFirst", 2 to 2;
    Substring = "substring", 1 to 2;
    IndexOf = "indexOf", 1 to 1;
    LastIndexOf = "lastIndexOf", 1 to 1;
    Split = "split" | "tokenize", 1 to 1;
    Concat = "concat", 1 to 1;
    ToText = "toString", 0 to 0;
    ToInteger = "toInteger" | "toLong" | "intValue" | "longValue", 0 to 0;
    ToNumber = "toBigDecimal" | "toDouble" | "doubleValue" | "toFloat", 0 to 0;
    First = "first", 0 to 0;
    Last = "last", 0 to 0;
    Join = "join", 1 to 1;

    Get = "get" | "getString" | "getInt8" | "getInt16" | "getInt32" | "getInt64" | "getFloat32" | "getFloat64"
        | "getBoolean" | "getStruct" | "getArray" | "getMap" | "getWithoutDefault" | "getAt", 1 to 1;
    ContainsKey = "containsKey" | "has", 1 to 1;
    Schema = "schema" | "getSchema", 0 to 0;
    Value = "value" | "getValue", 0 to 0;
    Field = "field", 1 to 1;
    Name = "name" | "getName", 0 to 0;
    Version = "version", 0 to 0;
    IsOptional = "isOptional", 0 to 0;
    Time = "getTime", 0 to 0;
}

impl Method {
    /// Whether the first argument is a pattern, which is compiled once where it is a constant.
    pub(super) fn takes_pattern(self) -> bool {
        matches!(self, Method::MatchesWhole | Method::Finds | Method::ReplaceAll | Method::ReplaceFirst | Method::Split)
    }
}
