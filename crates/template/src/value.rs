//! What templates compute with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A value.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing; it is written as `<no value>`.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    String(Arc<str>),
    /// Values in order.
    List(Arc<[Value]>),
    /// Values by name.
    Map(Arc<Map>),
    /// Something with fields or methods.
    Object(Arc<dyn Object>),
}

/// Values by name, in ascending order of name.
#[derive(Debug, Clone)]
pub struct Map {
    /// The values there are.
    pub entries: BTreeMap<String, Value>,
    /// What a name that is not there stands for.
    pub absent: Value,
}

impl Map {
    /// Texts by name; a name that is not there is the empty text.
    pub fn of_texts<N: Into<String>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Map {
        let entries = pairs.into_iter().map(|(n, v)| (n.into(), Value::from(v.as_ref()))).collect();
        Map { entries, absent: Value::from("") }
    }

    /// Any values by name; a name that is not there is nothing.
    pub fn of_values<N: Into<String>>(pairs: impl IntoIterator<Item = (N, Value)>) -> Map {
        Map { entries: pairs.into_iter().map(|(n, v)| (n.into(), v)).collect(), absent: Value::Nil }
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Value {
        self.entries.get(name).unwrap_or(&self.absent).clone()
    }
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A text.
    String,
    /// An object of this type, see [`Object::type_name`].
    Object(&'static str),
}

impl Kind {
    /// As error messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "interface {}",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float64",
            Kind::String => "string",
            Kind::Object(name) => name,
        }
    }
}

/// What a function or method takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Its parameters; the last one repeats, or is absent, if `variadic`.
    pub params: &'static [Kind],
    /// Whether the last parameter may occur any number of times.
    pub variadic: bool,
}

impl Signature {
    /// Exactly these parameters.
    pub const fn fixed(params: &'static [Kind]) -> Signature {
        Signature { params, variadic: false }
    }

    /// The last of these parameters any number of times.
    pub const fn variadic(params: &'static [Kind]) -> Signature {
        Signature { params, variadic: true }
    }

    /// The parameters that must be given.
    pub(crate) fn required(&self) -> usize {
        self.params.len() - usize::from(self.variadic)
    }

    /// The kind of an argument.
    pub(crate) fn param(&self, i: usize) -> Kind {
        self.params.get(i).or(self.params.last()).copied().unwrap_or(Kind::Any)
    }
}

/// A value with fields or methods.
pub trait Object: fmt::Debug + Send + Sync {
    /// The type, as error messages and `printf "%T"` name it.
    fn type_name(&self) -> &'static str;

    /// The value of a field.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// What a method takes, if there is such a method.
    fn method(&self, _name: &str) -> Option<Signature> {
        None
    }

    /// Calls a method that is there, with arguments of the right number and kind.
    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is not a method"))
    }

    /// The plain value inside: what `range`, `index`, `len`, comparisons and `printf "%d"` work on.
    fn content(&self) -> Option<Value> {
        None
    }

    /// As it is written out.
    fn print(&self) -> String;
}

impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::String(Arc::from(s))
    }
}

impl From<String> for Value {
    fn from(s: String) -> Value {
        Value::String(Arc::from(s))
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Value {
        Value::Float(v)
    }
}

impl From<i64> for Value {
    fn from(v: i64) -> Value {
        Value::Int(v)
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Value {
        Value::Bool(v)
    }
}

impl From<Map> for Value {
    fn from(m: Map) -> Value {
        Value::Map(Arc::new(m))
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Value {
        Value::List(Arc::from(list))
    }
}

impl Value {
    /// An object.
    pub fn object(o: impl Object + 'static) -> Value {
        Value::Object(Arc::new(o))
    }

    /// The type, as error messages name it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::String(_) => "string",
            Value::List(_) => "[]interface {}",
            Value::Map(m) => match m.absent {
                Value::String(_) => "map[string]string",
                _ => "map[string]interface {}",
            },
            Value::Object(o) => o.type_name(),
        }
    }

    /// The value without an object around it.
    pub(crate) fn plain(&self) -> Value {
        match self {
            Value::Object(o) => o.content().unwrap_or_else(|| self.clone()),
            v => v.clone(),
        }
    }

    /// Whether it counts as true: it is not nothing, false, zero or empty.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(v) => *v != 0,
            Value::Float(v) => *v != 0.0,
            Value::String(s) => !s.is_empty(),
            Value::List(l) => !l.is_empty(),
            Value::Map(m) => !m.entries.is_empty(),
            Value::Object(o) => o.content().is_none_or(|v| v.is_true()),
        }
    }

    /// Bytes of text directly in it: what a function that reads it has to do.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::String(s) => s.len(),
            Value::List(l) => l.len(),
            Value::Map(m) => m.entries.len(),
            _ => 0,
        }
    }
}
