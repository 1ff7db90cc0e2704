//! What a query can ask of a span.

use std::fmt;

macro_rules! intrinsics {
    ($($(#[$doc:meta])* $variant:ident $canonical:literal $(| $other:literal)*),* $(,)?) => {
        /// What every span has, whoever sent it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Intrinsic { $($(#[$doc])* $variant),* }

        impl Intrinsic {
            /// All of them.
            pub const ALL: &'static [Intrinsic] = &[$(Intrinsic::$variant),*];

            /// Every spelling: the one that is printed, then others.
            pub fn spellings(self) -> &'static [&'static str] {
                match self { $(Intrinsic::$variant => &[$canonical $(, $other)*]),* }
            }
        }
    };
}

intrinsics! {
    /// Its name.
    Name "name" | "span:name",
    /// How long it took.
    Duration "duration" | "span:duration",
    /// How it ended.
    Status "status" | "span:status",
    /// What was said about how it ended.
    StatusMessage "statusMessage" | "span:statusMessage",
    /// Its role.
    Kind "kind" | "span:kind",
    /// Its id, hexadecimal.
    SpanId "span:id",
    /// The id of its parent, hexadecimal.
    ParentId "span:parentID",
    /// How many spans it is the parent of.
    ChildCount "span:childCount" | "childCount",
    /// Whether it has a parent; only to compare with nil.
    Parent "parent",
    /// From the start of the first span of the trace to the end of the last.
    TraceDuration "traceDuration" | "trace:duration",
    /// The name of the trace's root.
    RootName "rootName" | "trace:rootName",
    /// The service of the trace's root.
    RootService "rootServiceName" | "trace:rootService",
    /// The id of the trace, hexadecimal.
    TraceId "trace:id",
    /// Where it begins in a walk over the trace.
    NestedSetLeft "nestedSetLeft",
    /// Where it ends in a walk over the trace.
    NestedSetRight "nestedSetRight",
    /// Where its parent begins in a walk over the trace; -1 for a root, 0 where the parent is not known.
    NestedSetParent "nestedSetParent",
    /// Names of its events.
    EventName "event:name",
    /// When its events happened, counted from its start.
    EventTime "event:timeSinceStart",
    /// Traces of its links.
    LinkTraceId "link:traceID",
    /// Spans of its links.
    LinkSpanId "link:spanID",
    /// The name of the library that made it.
    InstrumentationName "instrumentation:name",
    /// The version of the library that made it.
    InstrumentationVersion "instrumentation:version",
}

impl Intrinsic {
    /// By any of its spellings.
    pub fn named(text: &str) -> Option<Intrinsic> {
        Intrinsic::ALL.iter().copied().find(|i| i.spellings().contains(&text))
    }

    /// As printed.
    pub fn as_str(self) -> &'static str {
        self.spellings()[0]
    }

    /// Whether a span has it on its own, without the rest of its trace.
    pub fn is_local(self) -> bool {
        use Intrinsic::*;
        !matches!(
            self,
            ChildCount
                | TraceDuration
                | RootName
                | RootService
                | NestedSetLeft
                | NestedSetRight
                | NestedSetParent
        )
    }
}

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// On the span, else on the resource.
    Any,
    /// On the span.
    Span,
    /// On what made the span.
    Resource,
    /// On the events of the span.
    Event,
    /// On the links of the span.
    Link,
    /// On the library that made the span.
    Instrumentation,
}

impl Scope {
    /// All that have a name.
    pub const NAMED: [Scope; 5] =
        [Scope::Span, Scope::Resource, Scope::Event, Scope::Link, Scope::Instrumentation];

    /// As written before a point.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Any => "",
            Scope::Span => "span",
            Scope::Resource => "resource",
            Scope::Event => "event",
            Scope::Link => "link",
            Scope::Instrumentation => "instrumentation",
        }
    }

    /// By its name.
    pub fn named(text: &str) -> Option<Scope> {
        Scope::NAMED.into_iter().find(|s| s.as_str() == text)
    }
}

/// What a query asks of a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// What every span has.
    Intrinsic(Intrinsic),
    /// What its sender gave it.
    Attribute {
        /// Where it is looked for.
        scope: Scope,
        /// Whether that of its parent is meant.
        parent: bool,
        /// Its name.
        name: String,
    },
}

impl Field {
    /// An attribute of the span itself or of what made it.
    pub fn attribute(scope: Scope, name: impl Into<String>) -> Field {
        Field::Attribute { scope, parent: false, name: name.into() }
    }

    /// Whether a span has it on its own, without the rest of its trace.
    pub fn is_local(&self) -> bool {
        match self {
            Field::Intrinsic(i) => i.is_local(),
            Field::Attribute { parent, .. } => !parent,
        }
    }

    /// Whether a span can have several values of it.
    pub fn is_plural(&self) -> bool {
        use Intrinsic::*;
        match self {
            Field::Intrinsic(i) => matches!(i, EventName | EventTime | LinkTraceId | LinkSpanId),
            Field::Attribute { scope, .. } => matches!(scope, Scope::Event | Scope::Link),
        }
    }

    /// The name without its scope, as results show it.
    pub fn short_name(&self) -> &str {
        match self {
            Field::Intrinsic(i) => i.as_str(),
            Field::Attribute { name, .. } => name,
        }
    }
}

/// Whether a character may stand in the name of an attribute without quotes.
pub(crate) fn is_bare(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '{' | '}' | '(' | ')' | '=' | '~' | '!' | '<' | '>' | '&' | '|' | '^' | ',' | '"')
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field::Attribute { scope, parent, name } = self else {
            return f.write_str(self.short_name());
        };
        if *parent {
            f.write_str(if *scope == Scope::Any { "parent" } else { "parent." })?;
        }
        write!(f, "{}.", scope.as_str())?;
        // After `parent.` a name that looks like a scope would be read as one, and a digit after a point as a number.
        let misread = (*parent
            && *scope == Scope::Any
            && name.split_once('.').is_some_and(|(s, _)| Scope::named(s).is_some()))
            || name.starts_with(|c: char| c.is_ascii_digit());
        if !misread && !name.is_empty() && name.chars().all(is_bare) {
            return f.write_str(name);
        }
        f.write_str("\"")?;
        for c in name.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}
