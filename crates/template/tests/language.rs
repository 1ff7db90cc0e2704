//! The language, case by case: a template, and what it writes or why it fails.

use proptest::prelude::*;
use template::{Duration, Functions, Kind, Limits, Map, Signature, TemplateError, Templates, Time, Value};

/// `join` puts texts together, `fail` fails, `pair` wants a number and a text.
struct Few;

impl Functions for Few {
    fn signature(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "join" => Signature::variadic(&[Kind::String]),
            "fail" => Signature::fixed(&[]),
            "pair" => Signature::fixed(&[Kind::Float, Kind::String]),
            "time" => Signature::fixed(&[]),
            "minutes" => Signature::fixed(&[Kind::Int]),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match (name, args) {
            ("fail", _) => Err("it was asked to".to_owned()),
            ("time", _) => Ok(Value::object(Time::from_unix_ms(1_353_755_652_034))),
            ("minutes", [Value::Int(n)]) => Ok(Value::object(Duration { nanos: n * 60_000_000_000 })),
            _ => Ok(Value::from(args.iter().map(|a| format!("{a:?};")).collect::<String>())),
        }
    }
}

fn data() -> Value {
    let inner = Map::of_texts([("host", "a"), ("job", "node")]);
    let list = vec![Value::Int(3), Value::Int(4), Value::Int(5)];
    Value::from(Map::of_values([
        ("labels", Value::from(inner)),
        ("list", Value::from(list)),
        ("empty", Value::from(Vec::new())),
        ("zero", Value::Int(0)),
        ("half", Value::Float(0.5)),
        ("text", Value::from("hello \"you\" <b>")),
        ("yes", Value::Bool(true)),
        ("two-words", Value::from("x")),
    ]))
}

fn run(text: &str) -> Result<String, TemplateError> {
    let mut templates = Templates::new();
    templates.parse("t", text, &Few)?;
    templates.execute("t", &data(), &Few, Limits { bytes_max: 10_000, work_max: 10_000 })
}

#[test]
fn templates_are_written_out() {
    let cases: &[(&str, &str)] = &[
        ("", ""),
        ("plain { } text", "plain { } text"),
        ("{{/* nothing */}}a{{- /* more */ -}} b", "ab"),
        ("a {{- 1 -}} b {{ -1 }}", "a1b -1"),
        ("{{\n1\n}}", "1"),
        // Constants.
        (
            "{{1}} {{1.0}} {{1e3}} {{0x10}} {{'a'}} {{\"q\"}} {{`r\\n`}} {{true}}",
            "1 1 1000 16 97 q r\\n true",
        ),
        ("{{1e6}} {{1234567.0}} {{.5}} {{1_000}}", "1e+06 1.234567e+06 0.5 1000"),
        // Fields and variables.
        ("{{.labels.host}} {{.labels.none}}|{{.none}}|{{.none.more}}", "a |<no value>|<no value>"),
        (
            "{{$x := .labels}}{{$x.job}} {{$.zero}} {{$}}{{with $y := 1}}{{$y}}{{end}}",
            "node 0 map[empty:[] half:0.5 labels:map[host:a job:node] list:[3 4 5] text:hello \"you\" <b> two-words:x yes:true zero:0]1",
        ),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"),
        ("{{(.labels).host}} {{(index .list 1)}}", "a 4"),
        ("{{index . \"two-words\"}} {{index .labels \"none\"}}|{{index .list 0}}", "x |3"),
        // Conditions.
        ("{{if .zero}}a{{else if .half}}b{{else}}c{{end}}", "b"),
        ("{{if .empty}}a{{else}}c{{end}}{{if not .none}}d{{end}}", "cd"),
        ("{{with .labels}}{{.host}}{{else}}none{{end}}{{with .none}}{{else with .half}}{{.}}{{end}}", "a0.5"),
        // Loops.
        ("{{range .list}}{{.}},{{end}}{{range .empty}}{{else}}none{{end}}", "3,4,5,none"),
        (
            "{{range $i, $v := .list}}{{$i}}={{$v}} {{end}}{{range $k, $v := .labels}}{{$k}}:{{$v}} {{end}}",
            "0=3 1=4 2=5 host:a job:node ",
        ),
        ("{{range $v := .list}}{{if eq $v 4}}{{continue}}{{end}}{{$v}}{{end}}", "35"),
        ("{{range .list}}{{if eq . 4}}{{break}}{{end}}{{.}}{{end}}{{range 3}}{{.}}{{end}}", "3012"),
        ("{{$s := 0}}{{range $s = .list}}{{end}}{{$s}}", "5"),
        ("{{range .none}}a{{else}}b{{end}}", "b"),
        // Templates.
        ("{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" 1}}{{template \"x\"}}", "<1><<no value>>"),
        ("{{block \"b\" .half}}[{{.}}]{{end}}{{template \"b\" 2}}", "[0.5][2]"),
        // Pipelines and functions.
        ("{{\"a\" | join \"b\"}} {{join}}", "String(\"b\");String(\"a\"); "),
        ("{{pair 1 \"x\"}} {{\"x\" | pair 2.5}}", "Float(1.0);String(\"x\"); Float(2.5);String(\"x\");"),
        (
            "{{and 1 0 2}} {{and 1 2}} {{or 0 \"\" 3}} {{or 0 false}} {{0 | or 1}} {{not 0}}",
            "0 2 3 false 1 true",
        ),
        ("{{or 1 fail}} {{and 0 fail}}", "1 0"),
        (
            "{{eq 1 1}} {{eq 1 2 1}} {{ne \"a\" \"b\"}} {{lt 1 2}} {{le 2 2}} {{gt 1.5 1.0}} {{ge \"a\" \"b\"}} {{eq .none .none}}",
            "true true true true true true false true",
        ),
        ("{{len .text}} {{len .list}} {{len .labels}} {{len \"é\"}}", "15 3 2 2"),
        (
            "{{slice .list 1}} {{slice .list 1 2}} {{slice \"hello\" 1 3}} {{slice .list 0 1 2}}",
            "[4 5] [4] el [3]",
        ),
        (
            "{{html .text}} {{js \"it's\"}} {{urlquery \"a b\" 1}} {{.text | html}}",
            "hello &#34;you&#34; &lt;b&gt; it\\'s a+b1 hello &#34;you&#34; &lt;b&gt;",
        ),
        ("{{print 1 2 \"a\" 3 true}}|{{println 1 \"a\"}}|{{print .none}}", "1 2a3 true|1 a\n|<nil>"),
        // printf.
        (
            "{{printf \"%d %5d|%-5d|%05d %+d %x %X %o %b %c %q %U\" 1 2 3 4 5 255 255 8 5 97 97 97}}",
            "1     2|3    |00004 +5 ff FF 10 101 a 'a' U+0061",
        ),
        (
            "{{printf \"%f %.2f %8.3f|%e %g %.3g %G %v %06.1f %+.1f\" 1.5 1.555 1.5 1.5 1e10 1234.5 1e-7 2.0 2.5 1.0}}",
            "1.500000 1.55    1.500|1.500000e+00 1e+10 1.23e+03 1E-07 2 0002.5 +1.0",
        ),
        (
            "{{printf \"%s|%5s|%-5s|%.2s|%q|%x|%v|%t|%%\" \"a\" \"b\" \"c\" \"def\" \"g\\n\" \"hi\" \"i\" true}}",
            "a|    b|c    |de|\"g\\n\"|6869|i|true|%",
        ),
        ("{{printf \"%d %s %!\" \"x\" 5}}", "%!d(string=x) %!s(int=5) %!!(MISSING)"),
        (
            "{{printf \"%d\"}} {{printf \"a\" 1 \"b\"}} {{printf \"%[2]d %[1]d\" 1 2}} {{printf \"%*d\" 4 1}}",
            "%!d(MISSING) a%!(EXTRA int=1, string=b) 2 1    1",
        ),
        (
            "{{printf \"%v %d %T %T %s\" .list .list .list 1.5 .labels}}",
            "[3 4 5] [3 4 5] []interface {} float64 map[host:a job:node]",
        ),
        ("{{printf \"%v %v\" .none .half}}", "<nil> 0.5"),
        // Times.
        (
            "{{time.Format \"2006-01-02\"}} {{time.Year}} {{time.Month}} {{printf \"%d\" time.Month}} {{time.Unix}} {{time}}",
            "2012-11-24 2012 November 11 1353755652 2012-11-24 11:14:12.034 +0000 UTC",
        ),
        (
            "{{(time.Add (minutes -30)).Format \"15:04\"}} {{minutes 90}} {{(minutes 90).Hours}} {{time.After time}}",
            "10:44 1h30m0s 1.5 false",
        ),
        (
            "{{(time.AddDate 0 3 7).Format \"Jan 2\"}} {{time.Weekday}} {{(minutes 3).Seconds | printf \"%.0f\"}}",
            "Mar 3 Saturday 180",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let got = run(text);
        if got.as_deref() != Ok(*expected) {
            wrong.push(format!("{text}\n  expected {expected:?}\n  got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn failures_say_where_and_why() {
    let cases: &[(&str, &str)] = &[
        // Reading.
        ("{{", "template: t:1: unclosed action"),
        ("a\n{{ if }}", "template: t:2: missing value for if"),
        ("{{if 1}}", "template: t:1: unexpected EOF"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{else}}", "template: t:1: unexpected {{else}}"),
        ("{{nope}}", "template: t:1: function \"nope\" not defined"),
        ("{{$x}}", "template: t:1: undefined variable \"$x\""),
        (
            "{{define \"a\"}}{{$}}{{end}}{{if $y := 1}}{{end}}{{$y}}",
            "template: t:1: undefined variable \"$y\"",
        ),
        ("{{ \"a }}", "template: t:1: unterminated quoted string"),
        ("{{ (1 }}", "template: t:1: unclosed left paren"),
        ("{{ 1) }}", "template: t:1: unexpected right paren"),
        ("{{ 1 | 2 }}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{ 1 | }}", "template: t:1: missing value for command"),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
        ("{{ .a.b! }}", "template: t:1: bad character U+0021 '!'"),
        ("{{ \u{a0} }}", "template: t:1: unrecognized character in action: U+00A0"),
        ("{{ 1.2.3 }}", "template: t:1: unexpected \".3\" in operand"),
        ("{{ 99999999999999999999 }}", "template: t:1: integer overflow: \"99999999999999999999\""),
        ("{{template}}", "template: t:1: unexpected \"}}\" in template clause"),
        ("{{template \"x\" . | }}", "template: t:1: missing value for command"),
        ("{{/* a", "template: t:1: unclosed comment"),
        ("{{range $a, $b, $c := .}}{{end}}", "template: t:1: too many declarations in range"),
        (
            "{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}",
            "template: t:1: template: multiple definition of template \"a\"",
        ),
        ("{{\"a\".b}}", "template: t:1: unexpected . after term \"\\\"a\\\"\""),
        // Writing.
        ("{{fail}}", "template: t:1:2: executing \"t\" at <fail>: error calling fail: it was asked to"),
        (
            "ab\n{{1 | join}}",
            "template: t:2:6: executing \"t\" at <join>: wrong type for value; expected string; got int",
        ),
        ("{{join 1}}", "template: t:1:7: executing \"t\" at <1>: expected string; found 1"),
        (
            "{{pair 1}}",
            "template: t:1:2: executing \"t\" at <pair>: wrong number of args for pair: want 2 got 1",
        ),
        (
            "{{.half.x}}",
            "template: t:1:7: executing \"t\" at <.half.x>: can't evaluate field x in type float64",
        ),
        (
            "{{.half 1}}",
            "template: t:1:2: executing \"t\" at <.half>: half is not a method but has arguments",
        ),
        ("{{nil}}", "template: t:1:2: executing \"t\" at <nil>: nil is not a command"),
        ("{{1 2}}", "template: t:1:2: executing \"t\" at <1>: can't give argument to non-function 1"),
        (
            "{{template \"x\"}}",
            "template: t:1:11: executing \"t\" at <{{template \"x\"}}>: template \"x\" not defined",
        ),
        (
            "{{define \"x\"}}{{fail}}{{end}}{{template \"x\"}}",
            "template: t:1:16: executing \"x\" at <fail>: error calling fail: it was asked to",
        ),
        ("{{range 1.5}}{{end}}", "template: t:1:8: executing \"t\" at <1.5>: range can't iterate over 1.5"),
        (
            "{{index .list 9}}",
            "template: t:1:2: executing \"t\" at <index .list 9>: error calling index: index out of range: 9",
        ),
        (
            "{{lt 1 1.5}}",
            "template: t:1:2: executing \"t\" at <lt 1 1.5>: error calling lt: incompatible types for comparison",
        ),
        ("{{len 1}}", "template: t:1:2: executing \"t\" at <len 1>: error calling len: len of type int"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let got = run(text).map_err(|e| e.to_string());
        if got.as_ref().err().map(String::as_str) != Some(*expected) {
            wrong.push(format!("{text}\n  expected {expected}\n  got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_grows_without_bound() {
    for (text, limit) in [
        (
            "{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}",
            "exceeded maximum template depth (100)",
        ),
        ("{{range 1000000000}}{{end}}", "the template does more than 10000 steps"),
        (
            "{{range 1000000000}}long long long long long long long{{end}}",
            "the text is longer than 10000 bytes",
        ),
        ("{{$s := \"ab\"}}{{range 100}}{{$s = print $s $s}}{{end}}", "the text is longer than 10000 bytes"),
        ("{{printf \"%9999d%9999d\" 1 2}}", "the text is longer than 10000 bytes"),
    ] {
        let error = run(text).unwrap_err().to_string();
        assert!(error.contains(limit), "{text}: {error}");
    }
    for text in ["{{".to_owned() + &"(".repeat(5000) + "1", "{{if 1}}".repeat(5000)] {
        assert!(run(&text).unwrap_err().to_string().contains("nested deeper than 100 levels"));
    }
}

/// Pieces that make templates more often than not.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "if ",
        "else ",
        "end",
        "range ",
        "with ",
        "define \"x\"",
        "template \"x\" .",
        ".list",
        ".labels.host",
        "$x",
        " := ",
        " = ",
        "(",
        ")",
        " | ",
        "printf \"%5.2f|%-4v|%q|%x\" ",
        "1.5",
        " 7 ",
        "`r`",
        "'c'",
        "index ",
        "slice ",
        "len ",
        "eq ",
        "and ",
        "html ",
        "break",
        "time.Add ",
        "join ",
        "nil",
        ", ",
        "text",
        "\n",
        "/* c */",
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

proptest! {
    #[test]
    fn nothing_panics(pieces in proptest::collection::vec(piece(), 0..30)) {
        if let Ok(out) = run(&pieces.concat()) {
            prop_assert!(out.len() <= 10_000);
        }
    }

    #[test]
    fn shortest_floats_read_back(bits in any::<u64>()) {
        let v = f64::from_bits(bits);
        let back = template::parse_float(&template::float_shortest(v)).unwrap();
        prop_assert!(back.to_bits() == v.to_bits() || (back.is_nan() && v.is_nan()));
    }
}
