//! Test files.

use crate::file::FileOptions;
use crate::language::Language;
use crate::problem::{Place, Problem};
use crate::yaml::{self, Node, Reader};
use std::collections::BTreeMap;
use template::Time;

/// A file of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    /// The rule files that are tested: paths, or patterns of paths, relative to the test file.
    pub rule_files: Vec<String>,
    /// Milliseconds between evaluations.
    pub evaluation_interval_ms: i64,
    /// Names of groups in the order in which they are evaluated.
    pub group_eval_order: Vec<String>,
    /// Whether numbers that differ in their last bit are equal.
    pub fuzzy_compare: bool,
    /// What rule files and queries are written in where they do not say so.
    pub language: Language,
    /// The tests.
    pub tests: Vec<TestGroup>,
}

/// Series, and what must hold of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TestGroup {
    /// Its name; empty if it has none.
    pub name: String,
    /// Milliseconds between samples of the series.
    pub interval_ms: i64,
    /// The series.
    pub input_series: Vec<InputSeries>,
    /// Log lines and events, as scripts of LogQL have them.
    pub input_lines: Option<InputText>,
    /// Spans, as scripts of TraceQL have them.
    pub input_spans: Option<InputText>,
    /// Which alerts fire.
    pub alert_rule_tests: Vec<AlertTest>,
    /// What queries give.
    pub promql_expr_tests: Vec<ExprTest>,
    /// What templates see as `$externalLabels`.
    pub external_labels: BTreeMap<String, String>,
    /// What templates see as `$externalURL`.
    pub external_url: String,
    /// The time of the first sample and evaluation, Unix milliseconds.
    pub start_ms: i64,
    /// Where it stands.
    pub at: Place,
}

/// A series as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSeries {
    /// `up{job="x"}`
    pub series: String,
    /// `1 2+3x4 _ stale`
    pub values: String,
    /// Where it stands.
    pub at: Place,
}

/// Records as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputText {
    /// Several lines.
    pub text: String,
    /// Where they stand.
    pub at: Place,
}

/// The alerts of one name that fire at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertTest {
    /// Milliseconds after the start.
    pub eval_time_ms: i64,
    /// The name.
    pub alertname: String,
    /// All of them.
    pub exp_alerts: Vec<ExpectedAlert>,
    /// Where it stands.
    pub at: Place,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAlert {
    /// Its labels; `alertname` need not be among them.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What a query gives at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct ExprTest {
    /// The query.
    pub expr: String,
    /// What it is written in.
    pub language: Language,
    /// Milliseconds after the start.
    pub eval_time_ms: i64,
    /// All its samples.
    pub exp_samples: Vec<ExpectedSample>,
    /// Where it stands.
    pub at: Place,
}

/// A sample as written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedSample {
    /// `up{job="x"}`
    pub labels: String,
    /// Its value.
    pub value: f64,
    /// A native histogram in the notation of series; if there is one, the value does not count.
    pub histogram: String,
}

const MINUTE_MS: i64 = 60_000;

impl TestFile {
    /// Reads a test file.
    pub fn parse(text: &str, options: FileOptions) -> Result<TestFile, Vec<Problem>> {
        let (root, _) = yaml::parse(text).map_err(|p| vec![p])?;
        let mut reader = Reader { allow_unknown: options.ignore_unknown_fields, ..Reader::default() };
        let file = root.and_then(|root| test_file(&mut reader, &root));
        let empty = TestFile {
            rule_files: Vec::new(),
            evaluation_interval_ms: MINUTE_MS,
            group_eval_order: Vec::new(),
            fuzzy_compare: false,
            language: Language::PromQl,
            tests: Vec::new(),
        };
        reader.finish(file.unwrap_or(empty))
    }
}

fn test_file(reader: &mut Reader, root: &Node) -> Option<TestFile> {
    const KEYS: [&str; 6] =
        ["rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare", "language"];
    let fields = reader.section(root, &KEYS)?;
    let texts = |reader: &mut Reader, key: &str| -> Vec<String> {
        let nodes = reader.list(fields.get(key));
        nodes.iter().filter_map(|n| reader.text(n)).collect()
    };
    let rule_files = texts(reader, "rule_files");
    let group_eval_order = texts(reader, "group_eval_order");
    for (i, name) in group_eval_order.iter().enumerate() {
        if group_eval_order[..i].contains(name) {
            let message = format!("group name repeated in evaluation order: {name}");
            reader.complain(fields.place("group_eval_order"), message);
        }
    }
    let interval = reader.duration(fields.get("evaluation_interval"));
    let evaluation_interval_ms = interval.filter(|ms| *ms > 0).unwrap_or(MINUTE_MS);
    let fuzzy_compare = reader.bool(fields.get("fuzzy_compare")).unwrap_or(false);
    let nodes = reader.list(fields.get("tests"));
    let language = language(reader, fields.get("language")).unwrap_or_default();
    let tests =
        nodes.iter().filter_map(|n| test_group(reader, n, evaluation_interval_ms, language)).collect();
    Some(TestFile { rule_files, evaluation_interval_ms, group_eval_order, fuzzy_compare, language, tests })
}

fn language(reader: &mut Reader, node: Option<&Node>) -> Option<Language> {
    let node = node?;
    let name = reader.text(node)?;
    name.parse().map_err(|e: String| reader.complain(node.at, e)).ok()
}

fn test_group(
    reader: &mut Reader,
    node: &Node,
    evaluation_interval_ms: i64,
    language: Language,
) -> Option<TestGroup> {
    const KEYS: [&str; 10] = [
        "name",
        "interval",
        "input_series",
        "input_lines",
        "input_spans",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
        "start_timestamp",
    ];
    let fields = reader.section(node, &KEYS)?;
    let text =
        |reader: &mut Reader, key: &str| fields.get(key).and_then(|n| reader.text(n)).unwrap_or_default();
    let interval = reader.duration(fields.get("interval")).filter(|ms| *ms > 0);
    let inputs = reader.list(fields.get("input_series"));
    let input_series = inputs.iter().filter_map(|n| input(reader, n)).collect();
    let alerts = reader.list(fields.get("alert_rule_test"));
    let alert_rule_tests = alerts.iter().filter_map(|n| alert_test(reader, n)).collect();
    let exprs = reader.list(fields.get("promql_expr_test"));
    let promql_expr_tests = exprs.iter().filter_map(|n| expr_test(reader, n, language)).collect();
    Some(TestGroup {
        name: text(reader, "name"),
        interval_ms: interval.unwrap_or(evaluation_interval_ms),
        input_series,
        input_lines: input_text(reader, fields.get("input_lines")),
        input_spans: input_text(reader, fields.get("input_spans")),
        alert_rule_tests,
        promql_expr_tests,
        external_labels: plain(reader, fields.get("external_labels")),
        external_url: text(reader, "external_url"),
        start_ms: fields.get("start_timestamp").and_then(|n| start(reader, n)).unwrap_or(0),
        at: node.at,
    })
}

fn plain(reader: &mut Reader, node: Option<&Node>) -> BTreeMap<String, String> {
    reader.texts(node).into_iter().map(|(name, (text, _))| (name, text)).collect()
}

/// Unix seconds or RFC 3339.
fn start(reader: &mut Reader, node: &Node) -> Option<i64> {
    let text = reader.text(node)?;
    const SECONDS_MAX: f64 = 9_000_000_000_000.0;
    let seconds = text.parse::<f64>().ok().filter(|s| s.abs() < SECONDS_MAX);
    let ms = seconds.map(|s| (s * 1000.0).round() as i64);
    let ms = ms.or_else(|| Time::parse_rfc3339(&text).map(|t| t.nanos.div_euclid(1_000_000) as i64));
    if ms.is_none() {
        let message =
            format!("{text:?} is no time: write Unix seconds or for example \"2021-01-01T00:00:00Z\"");
        reader.complain(node.at, message);
    }
    ms
}

fn input(reader: &mut Reader, node: &Node) -> Option<InputSeries> {
    let fields = reader.section(node, &["series", "values"])?;
    let series = fields.get("series").and_then(|n| reader.text(n)).unwrap_or_default();
    let values = fields.get("values").and_then(|n| reader.text(n)).unwrap_or_default();
    Some(InputSeries { series, values, at: node.at })
}

fn input_text(reader: &mut Reader, node: Option<&Node>) -> Option<InputText> {
    let node = node?;
    Some(InputText { text: reader.text(node)?, at: node.at })
}

fn alert_test(reader: &mut Reader, node: &Node) -> Option<AlertTest> {
    let fields = reader.section(node, &["eval_time", "alertname", "exp_alerts"])?;
    let alertname = fields.get("alertname").and_then(|n| reader.text(n)).unwrap_or_default();
    if alertname.is_empty() {
        reader.complain(fields.at, "an item under alert_rule_test misses required attribute alertname");
    }
    let nodes = reader.list(fields.get("exp_alerts"));
    let exp_alerts = nodes
        .iter()
        .filter_map(|n| {
            let fields = reader.section(n, &["exp_labels", "exp_annotations"])?;
            let labels = plain(reader, fields.get("exp_labels"));
            Some(ExpectedAlert { labels, annotations: plain(reader, fields.get("exp_annotations")) })
        })
        .collect();
    let eval_time_ms = reader.duration(fields.get("eval_time")).unwrap_or(0);
    Some(AlertTest { eval_time_ms, alertname, exp_alerts, at: node.at })
}

fn expr_test(reader: &mut Reader, node: &Node, unless_said: Language) -> Option<ExprTest> {
    let fields = reader.section(node, &["expr", "eval_time", "exp_samples", "language"])?;
    let language = language(reader, fields.get("language")).unwrap_or(unless_said);
    let expr = fields.get("expr").and_then(|n| reader.text(n)).unwrap_or_default();
    let nodes = reader.list(fields.get("exp_samples"));
    let exp_samples = nodes
        .iter()
        .filter_map(|n| {
            let fields = reader.section(n, &["labels", "value", "histogram"])?;
            let text = |reader: &mut Reader, key: &str| {
                fields.get(key).and_then(|n| reader.text(n)).unwrap_or_default()
            };
            let value = reader.float(fields.get("value")).unwrap_or(0.0);
            Some(ExpectedSample {
                labels: text(reader, "labels"),
                value,
                histogram: text(reader, "histogram"),
            })
        })
        .collect();
    let eval_time_ms = reader.duration(fields.get("eval_time")).unwrap_or(0);
    Some(ExprTest { expr, language, eval_time_ms, exp_samples, at: node.at })
}
