//! Answers as aligned columns, as CSV, and as sparklines.

use super::answer::{Data, Point, Series, number};
use super::sparkline::{bounds, sparkline, tall};
use super::units::Unit;
use std::collections::BTreeSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// The range that was asked for, seconds.
pub type Range = Option<(f64, f64)>;

/// Columns for people.
pub fn table(out: &mut dyn Write, data: &Data, unit: Unit, range: Range, width: usize) -> io::Result<()> {
    match data {
        Data::Scalar(point) => writeln!(out, "{}", unit.format(number(&point.1))),
        Data::String(point) => writeln!(out, "{}", point.1),
        Data::Vector(series) => instant(out, series, unit),
        Data::Matrix(series) => match range {
            Some(range) => over_time(out, series, unit, range, width),
            None => samples(out, series, unit),
        },
    }
}

/// Labels that all series share say nothing in a table; they are named once above it.
fn split_labels(series: &[Series]) -> (Vec<(String, String)>, Vec<String>) {
    let names: BTreeSet<&String> = series.iter().flat_map(|s| s.metric.keys()).collect();
    let mut shared = Vec::new();
    let mut differing = Vec::new();
    for name in names {
        let first = series[0].metric.get(name);
        match first {
            Some(v) if series.len() > 1 && series.iter().all(|s| s.metric.get(name) == first) => {
                shared.push((name.clone(), v.clone()));
            }
            _ => differing.push(name.clone()),
        }
    }
    (shared, differing)
}

fn heading(out: &mut dyn Write, shared: &[(String, String)], count: usize) -> io::Result<()> {
    if !shared.is_empty() {
        let labels = model::Labels::from_pairs(shared.iter().map(|(n, v)| (n, v)));
        writeln!(out, "{}", labels.map_or_else(|_| format!("{shared:?}"), |l| l.to_string()))?;
    }
    if count > 1 {
        writeln!(out, "{count} series")?;
    }
    Ok(())
}

fn title(name: &str) -> String {
    if name == model::METRIC_NAME { "metric".to_owned() } else { name.to_owned() }
}

fn instant(out: &mut dyn Write, series: &[Series], unit: Unit) -> io::Result<()> {
    if series.is_empty() {
        return writeln!(out, "no series");
    }
    let (shared, names) = split_labels(series);
    heading(out, &shared, series.len())?;
    let mut rows = vec![names.iter().map(|n| title(n)).chain(["value".to_owned()]).collect::<Vec<_>>()];
    for s in series {
        let mut row: Vec<String> = labels_of(s, &names);
        row.push(match (&s.value, &s.histogram) {
            (Some((_, v)), _) => unit.format(number(v)),
            (None, Some((_, h))) => format!("histogram: count {}, sum {}", h.count, h.sum),
            (None, None) => String::new(),
        });
        rows.push(row);
    }
    aligned(out, &rows, &[names.len()])
}

fn labels_of(s: &Series, names: &[String]) -> Vec<String> {
    names.iter().map(|n| s.metric.get(n).cloned().unwrap_or_default()).collect()
}

fn over_time(
    out: &mut dyn Write,
    series: &[Series],
    unit: Unit,
    (start, end): (f64, f64),
    width: usize,
) -> io::Result<()> {
    if series.is_empty() {
        return writeln!(out, "no series");
    }
    let (shared, names) = split_labels(series);
    heading(out, &shared, series.len())?;
    let mut rows = vec![
        names
            .iter()
            .map(|n| title(n))
            .chain(["last", "min", "mean", "max"].map(str::to_owned))
            .collect::<Vec<_>>(),
    ];
    for s in series {
        let points = s.numbers();
        let (low, high) = bounds(points.iter().map(|p| p.1));
        let finite: Vec<f64> = points.iter().map(|p| p.1).filter(|v| v.is_finite()).collect();
        let mean = finite.iter().sum::<f64>() / finite.len() as f64;
        let mut row = labels_of(s, &names);
        let last = points.last().map_or(f64::NAN, |p| p.1);
        if finite.is_empty() && !s.histograms.is_empty() {
            row.extend([
                format!("{} histograms", s.histograms.len()),
                String::new(),
                String::new(),
                String::new(),
            ]);
        } else {
            row.extend([last, low, mean, high].map(|v| unit.format(v)));
        }
        rows.push(row);
    }
    let right: Vec<usize> = (names.len()..names.len() + 4).collect();
    let taken: usize = widths(&rows).iter().map(|w| w + 2).sum();
    let spark = width.saturating_sub(taken).clamp(12, 60);
    rows[0].push(String::new());
    for (row, s) in rows[1..].iter_mut().zip(series) {
        row.push(sparkline(&s.numbers(), start, end, spark));
    }
    aligned(out, &rows, &right)
}

fn samples(out: &mut dyn Write, series: &[Series], unit: Unit) -> io::Result<()> {
    if series.is_empty() {
        return writeln!(out, "no series");
    }
    for s in series {
        writeln!(out, "{}", s.name())?;
        for (t, v) in &s.values {
            writeln!(out, "  {}  {}", time(*t), unit.format(number(v)))?;
        }
        for (t, h) in &s.histograms {
            writeln!(out, "  {}  histogram: count {}, sum {}", time(*t), h.count, h.sum)?;
        }
    }
    Ok(())
}

fn time(seconds: f64) -> String {
    server::http::time::format_rfc3339((seconds * 1000.0).round() as i64)
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (w, cell) in widths.iter_mut().zip(row) {
            *w = (*w).max(cell.width());
        }
    }
    widths
}

/// Writes rows in columns, those in `right` aligned to the right.
pub fn aligned(out: &mut dyn Write, rows: &[Vec<String>], right: &[usize]) -> io::Result<()> {
    let widths = widths(rows);
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[i] - cell.width());
            let (before, after) = if right.contains(&i) { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// One line per value: time, labels, value.
pub fn csv(out: &mut dyn Write, data: &Data) -> io::Result<()> {
    let one = |out: &mut dyn Write, point: &Point| {
        writeln!(out, "time,value\n{},{}", time(point.0), quoted(&point.1))
    };
    let series = match data {
        Data::Scalar(p) | Data::String(p) => return one(out, p),
        Data::Vector(s) | Data::Matrix(s) => s,
    };
    let names: Vec<String> =
        series.iter().flat_map(|s| s.metric.keys()).collect::<BTreeSet<_>>().into_iter().cloned().collect();
    let header: Vec<String> =
        ["time"].into_iter().map(str::to_owned).chain(names.iter().map(|n| quoted(n))).collect();
    writeln!(out, "{},value", header.join(","))?;
    for s in series {
        let labels: String = labels_of(s, &names).iter().map(|v| quoted(v) + ",").collect();
        for (t, v) in s.value.iter().chain(&s.values) {
            writeln!(out, "{},{labels}{v}", time(*t))?;
        }
        for (t, h) in s.histogram.iter().chain(&s.histograms) {
            let value = format!("count {}; sum {}", h.count, h.sum);
            writeln!(out, "{},{labels}{}", time(*t), quoted(&value))?;
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A large sparkline per series.
pub fn sparklines(
    out: &mut dyn Write,
    data: &Data,
    unit: Unit,
    range: Range,
    width: usize,
) -> io::Result<()> {
    let (Data::Matrix(series), Some((start, end))) = (data, range) else {
        return table(out, data, unit, range, width);
    };
    if series.is_empty() {
        return writeln!(out, "no series");
    }
    for s in series {
        let points = s.numbers();
        let (low, high) = bounds(points.iter().map(|p| p.1));
        let labels = [unit.format(high), String::new(), String::new(), unit.format(low)];
        let margin = labels.iter().map(|l| l.width()).max().unwrap_or(0);
        writeln!(out, "{}", s.name())?;
        let lines = tall(&points, start, end, width.saturating_sub(margin + 3).max(20), labels.len());
        for (label, line) in labels.iter().zip(lines) {
            let pad = " ".repeat(margin - label.width());
            writeln!(out, "{}", format!("{pad}{label} ┤{line}").trim_end())?;
        }
        writeln!(out, "{} {} – {}", " ".repeat(margin), time(start), time(end))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn data(json: &str) -> Data {
        serde_json::from_str(json).unwrap()
    }

    const VECTOR: &str = r#"{"resultType":"vector","result":[
        {"metric":{"__name__":"disk_bytes","device":"sda","host":"h"},"value":[1,"1536"]},
        {"metric":{"__name__":"disk_bytes","device":"磁盘","host":"h"},"value":[1,"NaN"]}]}"#;

    #[test]
    fn shared_labels_stand_above_the_table() {
        insta::assert_snapshot!(text(|o| table(o, &data(VECTOR), Unit::Bytes, None, 80)), @r#"
        disk_bytes{host="h"}
        2 series
        device    value
        sda     1.5 KiB
        磁盘        NaN
        "#);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let d = data(r#"{"resultType":"vector","result":[{"metric":{"a":"x,\"y\""},"value":[1.5,"+Inf"]}]}"#);
        assert_eq!(text(|o| csv(o, &d)), "time,a,value\n1970-01-01T00:00:01.5Z,\"x,\"\"y\"\"\",+Inf\n");
    }

    #[test]
    fn ranges_show_a_sparkline() {
        let d = data(
            r#"{"resultType":"matrix","result":[{"metric":{"m":"a"},"values":[[0,"0"],[30,"5"],[59,"10"]]}]}"#,
        );
        insta::assert_snapshot!(text(|o| table(o, &d, Unit::None, Some((0.0, 60.0)), 40)), @r"
        m  last  min  mean  max
        a    10    0     5   10  ▁      ▅      █
        ");
    }

    #[test]
    fn large_sparklines_have_a_scale() {
        let d =
            data(r#"{"resultType":"matrix","result":[{"metric":{"m":"a"},"values":[[0,"0"],[59,"8"]]}]}"#);
        insta::assert_snapshot!(text(|o| sparklines(o, &d, Unit::None, Some((0.0, 60.0)), 30)), @r#"
        {m="a"}
        8 ┤                         █
          ┤                         █
          ┤                         █
        0 ┤▁                        █
          1970-01-01T00:00:00Z – 1970-01-01T00:01:00Z
        "#);
    }
}
