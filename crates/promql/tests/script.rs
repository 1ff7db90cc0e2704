//! The script runner itself: it must see what is wrong.

use promql::script::run_file;

fn failures(script: &str) -> Vec<String> {
    run_file(script, "t").failures.iter().map(ToString::to_string).collect()
}

const LOAD: &str =
    "load 1m\n  m{a=\"1\"} 1+1x10\n  m{a=\"2\"} 5x10\n  h {{count:2 sum:3 buckets:[1 1]}}x10\n\n";

#[test]
fn what_is_as_expected_passes() {
    let script = format!(
        "{LOAD}
eval instant at 2m m
  {{__name__=\"m\", a=\"1\"}} 3
  m{{a=\"2\"}} 5

eval range from 0 to 2m step 1m sum(m)
  {{}} 6 7 8

eval instant at 1m 1 + 1
  2

eval instant at 1m (\"x\")
  expect string \"x\"

eval instant at 5m m[2m]
  expect range vector from 4m to 5m step 1m
  m{{a=\"1\"}} 5 6
  m{{a=\"2\"}} 5 5

eval instant at 1m topk(2, m)
  expect ordered
  m{{a=\"2\"}} 5
  m{{a=\"1\"}} 2

eval instant at 1m max(h)
  expect info msg: PromQL info: ignored histogram in max aggregation (1:5)
  expect no_warn

eval_fail instant at 1m m + on () m
  expected_fail_regexp found duplicate series.*

clear
eval instant at 1m m
"
    );
    let report = run_file(&script, "t");
    assert_eq!((report.passed, report.failures), (9, Vec::new()));
}

#[test]
fn what_is_not_as_expected_fails() {
    for (body, says) in [
        ("eval instant at 2m m{a=\"1\"}\n  m{a=\"1\"} 4", "m{a=\"1\"} 3"),
        ("eval instant at 2m m\n  m{a=\"1\"} 3", "m{a=\"2\"} 5"),
        ("eval instant at 2m m{a=\"1\"}\n  m{a=\"1\"} 3\n  m{a=\"2\"} 5", "no such series"),
        ("eval instant at 2m m{a=\"1\"}\n  {a=\"1\"} 3", "no other series"),
        ("eval range from 0 to 2m step 1m sum(m)\n  {} 6 7 9", "8 @120000"),
        ("eval range from 0 to 2m step 1m sum(m)\n  {} 6 7", "8 @120000"),
        ("eval range from 0 to 2m step 1m sum(m)\n  {} 6 7 8 9", "4 values"),
        ("eval instant at 1m 1 + 1\n  3", "2"),
        ("eval instant at 1m (\"x\")\n  expect string \"y\"", "\"x\""),
        ("eval instant at 1m topk(2, m)\n  expect ordered\n  m{a=\"1\"} 2\n  m{a=\"2\"} 5", "position 1"),
        ("eval instant at 1m max(h)\n  expect no_info", "ignored histogram"),
        ("eval instant at 1m max(h)\n  expect warn", "no warning"),
        ("eval instant at 1m max(h)\n  expect info msg: other (1:5)", "ignored histogram"),
        ("eval instant at 1m m\n  expect fail", "a result"),
        ("eval instant at 1m m + on () m\n  expect fail msg: other", "duplicate series"),
        ("eval instant at 1m rat(m)\n  {} 1", "unknown function"),
        ("eval instant at 1m h\n  h {{count:2 sum:3 buckets:[1 2]}}", "buckets:[1 1]"),
        ("eval instant at 1m h\n  h {{count:2 sum:3 buckets:[1 1] counter_reset_hint:gauge}}", "not_reset"),
        ("eval instant at 1m h\n  h 2", "buckets:[1 1]"),
        ("evaluate m", "\"instant\" or \"range\""),
        ("test m", "invalid command"),
        ("load 1m\n  m 1 2 bad", "bad"),
        ("load 1m\n  m@st -1m\n  m 1 2", "@st line has 1 values"),
    ] {
        let failures = failures(&format!("{LOAD}{body}\n"));
        assert_eq!(failures.len(), 1, "{body}: {failures:?}");
        assert!(failures[0].starts_with("t:6: ") && failures[0].contains(says), "{}", failures[0]);
    }
}
