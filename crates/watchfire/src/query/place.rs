//! Where in a query a remark of the server belongs.

use unicode_width::UnicodeWidthStr;

/// The remark, and if it ends in a place as `(line:column)`, below it that line of the query with a caret.
pub fn with_caret(remark: &str, query: &str) -> String {
    let Some((text, line, column)) = split(remark) else { return remark.to_owned() };
    let shown = query.split('\n').nth(line - 1);
    let Some((before, shown)) = shown.and_then(|l| Some((l.get(..column - 1)?, l))) else {
        return remark.to_owned();
    };
    let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    // Wide characters take two columns, and a blank takes one.
    let wide = before.width().saturating_sub(before.chars().count());
    format!("{text}\n  {shown}\n  {indent}{}^", " ".repeat(wide))
}

/// Text, line and column (in bytes, both from 1) of a remark that ends in a place.
fn split(remark: &str) -> Option<(&str, usize, usize)> {
    let (text, place) = remark.strip_suffix(')')?.rsplit_once(" (")?;
    let (line, column) = place.split_once(':')?;
    let from_one = |t: &str| t.parse::<usize>().ok().filter(|n| *n > 0);
    Some((text, from_one(line)?, from_one(column)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_where_the_remark_says() {
        for (remark, query, shown) in [
            ("PromQL info: x (1:5)", "sum(a)", "PromQL info: x\n  sum(a)\n      ^"),
            ("m (2:3)", "a +\n\t b", "m\n  \t b\n  \t ^"),
            ("m (1:14)", "a{b=\"火\"} + c", "m\n  a{b=\"火\"} + c\n              ^"),
            ("no place", "a", "no place"),
            ("truncated (3 occurrences)", "a", "truncated (3 occurrences)"),
            ("m (9:1)", "a", "m (9:1)"),
            ("m (1:99)", "a", "m (1:99)"),
            ("m (0:0)", "a", "m (0:0)"),
        ] {
            assert_eq!(with_caret(remark, query), shown);
        }
    }
}
