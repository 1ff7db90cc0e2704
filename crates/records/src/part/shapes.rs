//! The shapes of a part.

use super::filter::Trigrams;
use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint};
use crate::shape::{Habit, VARS_MAX, Values, WHOLE, holes};
use hashbrown::HashMap;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Shapes of a part at most, in number and in bytes; lines of further shapes are kept as one variable.
const SHAPES_MAX: usize = 64 << 10;
const SHAPE_BYTES_MAX: usize = 8 << 20;

/// Shapes while a part is written, and what their variables are like.
#[derive(Default)]
pub(crate) struct Shapes {
    by_hash: HashMap<u64, u32>,
    pub table: ShapeTable,
}

/// Shapes by number.
#[derive(Debug, Default)]
pub(crate) struct ShapeTable {
    texts: Vec<u8>,
    text_ends: Vec<u32>,
    /// By shape, by variable.
    habits: Vec<Habit>,
    habit_ends: Vec<u32>,
}

impl Shapes {
    /// The number of a shape, given away now if there is room for one more.
    pub fn number(&mut self, shape: &[u8]) -> Option<u32> {
        let mut hash = xxh3_64(shape);
        loop {
            match self.by_hash.get(&hash) {
                Some(n) if self.table.text(*n) == shape => return Some(*n),
                Some(_) => hash = hash.wrapping_add(1),
                None => break,
            }
        }
        let full = self.table.len() >= SHAPES_MAX || self.table.texts.len() + shape.len() > SHAPE_BYTES_MAX;
        if full && shape != WHOLE {
            return None;
        }
        let n = self.table.len() as u32;
        self.by_hash.insert(hash, n);
        self.table.push(shape, (0..holes(shape)).map(|_| Habit::default()));
        Some(n)
    }

    /// Takes values of a variable into account.
    pub fn see(&mut self, shape: u32, k: usize, values: &Values<'_>, trigrams: &mut Trigrams) {
        if let Some(habit) = self.table.habits_mut(shape).get_mut(k) {
            habit.see(values, trigrams);
        }
    }
}

impl ShapeTable {
    fn push(&mut self, text: &[u8], habits: impl Iterator<Item = Habit>) {
        self.texts.extend_from_slice(text);
        self.text_ends.push(self.texts.len() as u32);
        self.habits.extend(habits);
        self.habit_ends.push(self.habits.len() as u32);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.text_ends.len()
    }

    fn habit_range(&self, n: u32) -> Range<usize> {
        range(&self.habit_ends, n)
    }

    /// The shape of a number, empty where there is none.
    pub fn text(&self, n: u32) -> &[u8] {
        &self.texts[range(&self.text_ends, n)]
    }

    /// What its variables are like.
    pub fn habits(&self, n: u32) -> &[Habit] {
        &self.habits[self.habit_range(n)]
    }

    fn habits_mut(&mut self, n: u32) -> &mut [Habit] {
        let range = self.habit_range(n);
        &mut self.habits[range]
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uvarint(&mut out, self.len() as u64);
        for n in 0..self.len() as u32 {
            put_bytes(&mut out, self.text(n));
            self.habits(n).iter().for_each(|h| out.extend_from_slice(&[h.classes, h.longest]));
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
            table.push(text, habits);
        }
        Ok(table)
    }
}

fn range(ends: &[u32], n: u32) -> Range<usize> {
    let Some(end) = ends.get(n as usize) else { return 0..0 };
    let start = if n == 0 { 0 } else { ends[n as usize - 1] };
    start as usize..*end as usize
}
