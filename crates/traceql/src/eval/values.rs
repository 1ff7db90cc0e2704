//! What spans have: values of a field, names of attributes.

use super::code::{ColumnSet, Here, Slot};
use super::operand::Operand;
use crate::field::{Field, Scope};
use crate::literal::Literal;
use hashbrown::HashMap;
use model::record::Value;
use model::record::span::{Place, name as names, place};
use promql::{EvalError, Held};
use std::collections::{BTreeMap, BTreeSet};

/// What a value takes besides its text.
const VALUE_BYTES: u64 = 96;

/// Collects the values of a field.
pub(super) struct Values {
    slot: Slot,
    limit: usize,
    found: HashMap<Vec<u8>, Literal>,
    key: Vec<u8>,
}

impl Values {
    pub fn new(field: &Field, limit: usize, columns: &mut ColumnSet) -> Values {
        Values { slot: Slot::new(field, columns), limit, found: HashMap::new(), key: Vec::new() }
    }

    pub fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    pub fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        let mut failure = None;
        let Values { slot, limit, found, key } = self;
        slot.of(here).any(|value| {
            let literal = match value {
                Operand::Nil | Operand::Other | Operand::List(_) | Operand::Each(..) => return false,
                value => value.to_literal(),
            };
            key.clear();
            literal.push_key(key);
            if found.len() >= *limit || found.contains_key(key.as_slice()) {
                return false;
            }
            failure = held.grow(VALUE_BYTES + 2 * key.len() as u64).err();
            found.insert(key.clone(), literal);
            failure.is_some()
        });
        failure.map_or(Ok(()), Err)
    }

    /// The values: numbers in their order, then texts in theirs.
    pub fn finish(self) -> Vec<Literal> {
        let mut all: Vec<Literal> = self.found.into_values().collect();
        all.sort_by(|a, b| match (a.number(), b.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a_number, b_number) => {
                b_number.is_some().cmp(&a_number.is_some()).then_with(|| a.plain().cmp(&b.plain()))
            }
        });
        all
    }
}

/// Collects the names of attributes of so many spans.
pub(super) struct Names {
    left: usize,
    found: BTreeMap<Scope, BTreeSet<String>>,
}

impl Names {
    pub fn new(sample: usize) -> Names {
        Names { left: sample, found: BTreeMap::new() }
    }

    pub fn is_full(&self) -> bool {
        self.left == 0
    }

    pub fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        for (name, _) in here.span.resource().iter() {
            self.name(Scope::Resource, name, held)?;
        }
        for (stored, value) in here.span.all().iter() {
            match (place(stored), value) {
                (Place::Span(own), _) => self.name(Scope::Span, own, held)?,
                (Place::Resource(own), _) => self.name(Scope::Resource, own, held)?,
                (Place::Scope(own), _) => self.name(Scope::Instrumentation, own, held)?,
                (Place::Intrinsic(which @ (names::EVENTS | names::LINKS)), Value::List(items)) => {
                    let scope = if which == names::EVENTS { Scope::Event } else { Scope::Link };
                    for item in items.iter() {
                        let Value::Map(map) = item else { continue };
                        let Some(Value::Map(attributes)) = map.get(names::ATTRIBUTES) else { continue };
                        for (name, _) in attributes.iter() {
                            self.name(scope, name, held)?;
                        }
                    }
                }
                (Place::Intrinsic(_), _) => {}
            }
        }
        Ok(())
    }

    fn name(&mut self, scope: Scope, name: &str, held: &mut Held) -> Result<(), EvalError> {
        let names = self.found.entry(scope).or_default();
        if !names.contains(name) {
            held.grow(VALUE_BYTES + name.len() as u64)?;
            names.insert(name.to_owned());
        }
        Ok(())
    }

    pub fn finish(self) -> BTreeMap<Scope, Vec<String>> {
        self.found.into_iter().map(|(scope, names)| (scope, names.into_iter().collect())).collect()
    }
}
