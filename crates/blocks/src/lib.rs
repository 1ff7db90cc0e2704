//! Immutable named parts; refuses to know what is in a part.
