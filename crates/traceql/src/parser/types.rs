//! Types of field expressions.

use crate::field::{Field, Intrinsic};
use crate::literal::Literal;

/// What a field expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// An attribute: whatever was sent.
    Any,
    Nil,
    Bool,
    Number,
    Text,
    Status,
    Kind,
}

impl Type {
    pub fn of_literal(literal: &Literal) -> Type {
        match literal {
            Literal::Nil => Type::Nil,
            Literal::Bool(_) => Type::Bool,
            Literal::Int(_) | Literal::Float(_) | Literal::Duration(_) => Type::Number,
            Literal::Text(_) => Type::Text,
            Literal::Status(_) => Type::Status,
            Literal::Kind(_) => Type::Kind,
        }
    }

    pub fn of_field(field: &Field) -> Type {
        use Intrinsic::*;
        let Field::Intrinsic(intrinsic) = field else { return Type::Any };
        match intrinsic {
            Duration | TraceDuration | ChildCount | NestedSetLeft | NestedSetRight | NestedSetParent
            | EventTime => Type::Number,
            Status => Type::Status,
            Kind => Type::Kind,
            Parent => Type::Nil,
            _ => Type::Text,
        }
    }

    /// Whether values of the two types can be equal.
    pub fn matches(self, other: Type) -> bool {
        self == other || self == Type::Any || other == Type::Any
    }

    pub fn is_ordered(self) -> bool {
        matches!(self, Type::Any | Type::Number | Type::Text)
    }

    pub fn is_number(self) -> bool {
        matches!(self, Type::Any | Type::Number)
    }

    pub fn is_bool(self) -> bool {
        matches!(self, Type::Any | Type::Bool)
    }

    pub fn is_text(self) -> bool {
        matches!(self, Type::Any | Type::Text)
    }

    /// How it is called in an error text.
    pub fn as_str(self) -> &'static str {
        match self {
            Type::Any => "an attribute",
            Type::Nil => "nil",
            Type::Bool => "a truth value",
            Type::Number => "a number",
            Type::Text => "a string",
            Type::Status => "a status",
            Type::Kind => "a kind",
        }
    }
}
