//! Where spans stand to each other.
//!
//! Sets are places in ascending order; see [`super::trace`] for why every operator is one pass over both sides.

use super::trace::Trace;
use crate::ast::{Mode, Relation};

/// The spans that a structural operator gives.
pub(super) fn structural(
    trace: &Trace<'_>,
    relation: Relation,
    mode: Mode,
    left: &[u32],
    right: &[u32],
) -> Vec<u32> {
    let found = related(trace, relation, left, right);
    match mode {
        Mode::Plain => found,
        Mode::Not => without(right, &found),
        // Those of the left side for which there is one of the right: the relation seen from the other end.
        Mode::Union => union(&related(trace, turned(relation), right, left), &found),
    }
}

fn turned(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// The spans of the right side that stand so to one of the left.
fn related(trace: &Trace<'_>, relation: Relation, left: &[u32], right: &[u32]) -> Vec<u32> {
    let parent = |at: &u32| trace.parent(*at as usize).map(|p| p as u32);
    match relation {
        Relation::Child => right
            .iter()
            .copied()
            .filter(|b| parent(b).is_some_and(|p| left.binary_search(&p).is_ok()))
            .collect(),
        Relation::Parent => {
            let mut parents: Vec<u32> = left.iter().filter_map(parent).collect();
            parents.sort_unstable();
            right.iter().copied().filter(|b| parents.binary_search(b).is_ok()).collect()
        }
        Relation::Descendant => {
            // Intervals nest, so the one that reaches furthest decides.
            let (mut reach, mut next) = (0, left.iter().peekable());
            let below = |b: &u32| {
                while let Some(a) = next.next_if(|a| *a < b) {
                    reach = reach.max(trace.end(*a as usize));
                }
                (*b as usize) < reach
            };
            right.iter().copied().filter(below).collect()
        }
        Relation::Ancestor => {
            let above = |b: &u32| {
                let next = left.partition_point(|a| a <= b);
                left.get(next).is_some_and(|a| (*a as usize) < trace.end(*b as usize))
            };
            right.iter().copied().filter(above).collect()
        }
        Relation::Sibling => {
            let mut parents: Vec<u32> = left.iter().filter_map(parent).collect();
            parents.sort_unstable();
            let beside = |b: &u32| {
                let Some(p) = parent(b) else { return false };
                let from = parents.partition_point(|x| *x < p);
                let count = parents[from..].iter().take(2).take_while(|x| **x == p).count();
                // It is no sibling of its own.
                count > usize::from(left.binary_search(b).is_ok())
            };
            right.iter().copied().filter(beside).collect()
        }
    }
}

/// Both sets as one.
pub(super) fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let take_a = j == b.len() || (i < a.len() && a[i] <= b[j]);
        let next = if take_a { a[i] } else { b[j] };
        i += usize::from(take_a);
        j += usize::from(!take_a || (j < b.len() && b[j] == next));
        out.push(next);
    }
    out
}

/// The first set without what is in the second.
fn without(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut rest = b.iter().peekable();
    let kept = |x: &u32| {
        while rest.next_if(|y| *y < x).is_some() {}
        rest.peek() != Some(&x)
    };
    a.iter().copied().filter(kept).collect()
}
