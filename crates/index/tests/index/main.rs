//! The index from outside, beside a naive list.

mod concurrency_and_limits;
mod damage;
mod naive;
mod random_operations;
