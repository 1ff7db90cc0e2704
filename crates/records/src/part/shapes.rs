//! The shapes of a part.

use super::filter::Trigrams;
use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint};
use crate::shape::{Habit, VARS_MAX, WHOLE, holes};
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Shapes of a part at most, in number and in bytes; lines of further shapes are kept as one variable.
const SHAPES_MAX: usize = 64 << 10;
const SHAPE_BYTES_MAX: usize = 8 << 20;

/// Shapes while a part is written, and what their variables are like.
#[derive(Default)]
pub(crate) struct Shapes {
    by_hash: HashMap<u64, u32>,
    pub table: ShapeTable,
    bytes: usize,
}

/// Shapes by number.
#[derive(Debug, Default)]
pub(crate) struct ShapeTable {
    pub texts: Vec<Box<[u8]>>,
    /// By shape, by variable.
    pub habits: Vec<Box<[Habit]>>,
}

impl Shapes {
    /// The number of a shape, given away now if there is room for one more.
    pub fn number(&mut self, shape: &[u8]) -> Option<u32> {
        let mut hash = xxh3_64(shape);
        loop {
            match self.by_hash.get(&hash) {
                Some(n) if *self.table.texts[*n as usize] == *shape => return Some(*n),
                Some(_) => hash = hash.wrapping_add(1),
                None => break,
            }
        }
        let full = self.table.texts.len() >= SHAPES_MAX || self.bytes + shape.len() > SHAPE_BYTES_MAX;
        if full && shape != WHOLE {
            return None;
        }
        let n = self.table.texts.len() as u32;
        self.by_hash.insert(hash, n);
        self.bytes += shape.len();
        self.table.texts.push(shape.into());
        self.table.habits.push(vec![Habit::default(); holes(shape)].into());
        Some(n)
    }

    /// Takes the variables of a line into account.
    pub fn see<'a>(&mut self, shape: u32, mut var: impl FnMut(usize) -> &'a [u8], trigrams: &mut Trigrams) {
        for (k, habit) in self.table.habits[shape as usize].iter_mut().enumerate() {
            habit.see(var(k), trigrams);
        }
    }
}

impl ShapeTable {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uvarint(&mut out, self.texts.len() as u64);
        for (text, habits) in self.texts.iter().zip(&self.habits) {
            put_bytes(&mut out, text);
            habits.iter().for_each(|h| out.extend_from_slice(&[h.classes, h.longest]));
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<ShapeTable, Malformed> {
        let mut r = Reader::new(bytes);
        let mut table = ShapeTable::default();
        for _ in 0..r.count("shapes")? {
            let text = r.bytes("shape")?;
            let n = holes(text);
            if n > VARS_MAX {
                return malformed("shape");
            }
            let habits = r.take(2 * n, "habits")?;
            let habits = habits.chunks_exact(2).map(|h| Habit { classes: h[0], longest: h[1] });
            table.texts.push(text.into());
            table.habits.push(habits.collect());
        }
        Ok(table)
    }
}
