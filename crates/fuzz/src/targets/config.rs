//! Configuration: of the server, of an agent, of scraping; lists of targets; relabelling.

use agent::AgentConfig;
use model::{Labels, METRIC_NAME};
use scrape::config::{GlobalConfig, Jobs, ScrapeSections, TargetGroup};
use std::path::Path;

/// What is read must be shown again as configuration that reads the same.
pub fn server(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parse = |text: &str| server::config::parse(text, "watchfire.yml", Path::new("."));
    match parse(text) {
        Ok(config) => {
            let shown = config.effective_yaml();
            // Secrets are not shown, so a job that has one may not be read.
            if let Ok(again) = parse(&shown) {
                assert_eq!(again.effective_yaml(), shown, "of {text:?}");
            }
        }
        Err(e) => assert!(e.to_string().len() < 64 << 10, "a message people can read"),
    }
}

pub fn server_seeds() -> Vec<Vec<u8>> {
    let own = "storage: {retention: 12h, memory: 64MB, limits: {series: 5}}\nhttp:\n  listen: '127.0.0.1:0'\nquery: {timeout: 1m, concurrency: 3}\nagent: {interval: 5s, labels: {a: b}, disabled_collectors: [cpu]}\n";
    let mut seeds = scrape_seeds();
    seeds.extend([own.into(), nested("[", "]", 600), nested("{a: ", "}", 600), aliases(), huge_scalar()]);
    seeds.push(
        b"storage: &a {retention: 1d, retention_size: 0}\nquery: {<<: *a}\n--- x\n? !!str a\n: |2-\n  b\n"
            .to_vec(),
    );
    seeds
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("scrape_configs: {}{}\n", open.repeat(depth), close.repeat(depth)).into_bytes()
}

/// Nine levels, each nine times the one before.
fn aliases() -> Vec<u8> {
    let mut text = "a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let before = format!("*a{}", n - 1);
        text += &format!("b{n}: &a{n} [{}]\n", [before.as_str(); 9].join(", "));
    }
    text += "scrape_configs: *a8\n";
    text.into_bytes()
}

fn huge_scalar() -> Vec<u8> {
    format!("http: {{listen: \"{}\", cors_origin: '{}'}}\n", "a:".repeat(20_000), "(a|b)*".repeat(2000))
        .into_bytes()
}

pub fn agent(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = AgentConfig::from_yaml(text);
}

pub fn agent_seeds() -> Vec<Vec<u8>> {
    let yaml = "to: https://s:7766\nspool_bytes_max: 1GB\ninterval: 1s\nlabels: {instance: web-1}\nheaders: {X-A: b}\ntls: {ca_file: a.pem}\nscrape_configs: [{job_name: a, static_configs: [{targets: ['h:1']}]}]\n";
    vec![yaml.as_bytes().to_vec(), aliases(), nested("[", "]", 600)]
}

/// The sections of a `prometheus.yml`, and the jobs they come to.
pub fn scrape(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(sections) = ScrapeSections::from_yaml(text) {
        let _ = Jobs::resolve(&sections.global, &sections.scrape_configs, Path::new("."));
    }
}

pub fn scrape_seeds() -> Vec<Vec<u8>> {
    let yaml = r#"global:
  scrape_interval: 15s
  external_labels: {dc: ams1}
scrape_configs:
  - job_name: node
    scrape_timeout: 10s
    static_configs:
      - targets: ["localhost:9100", "b:1"]
        labels: {env: prod}
    relabel_configs:
      - source_labels: [__address__, job]
        regex: "(.*):(.*)"
        target_label: host
        replacement: "$1"
        action: replace
    basic_auth: {username: a, password: b}
"#;
    vec![yaml.as_bytes().to_vec()]
}

/// Lists of targets as files and servers give them, in YAML and JSON.
pub fn targets(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = TargetGroup::list(text, false);
    let _ = TargetGroup::list(text, true);
}

pub fn targets_seeds() -> Vec<Vec<u8>> {
    let yaml = "# ours\n- targets: [a:1, b:2]\n  labels: {x: y}\n- targets: [c:3]\n";
    let json = r#"[{"targets": ["a:1", "b:2"], "labels": {"x": "y"}}, {"targets": ["c:3"], "labels": null}]"#;
    vec![yaml.as_bytes().to_vec(), json.as_bytes().to_vec(), aliases()]
}

/// Rules written as the YAML of a job's `relabel_configs`, on a target's labels.
pub fn relabel(data: &[u8]) {
    use scrape::config::NameScheme;
    use scrape::relabel::Rules;
    let Ok(text) = std::str::from_utf8(data) else { return };
    let yaml = format!("scrape_configs:\n- job_name: a\n  relabel_configs:\n{text}");
    let Ok(sections) = ScrapeSections::from_yaml(&yaml) else { return };
    let Some(job) = sections.scrape_configs.first() else { return };
    let _ = Jobs::resolve(&GlobalConfig::default(), &sections.scrape_configs, Path::new("."));
    for names in [NameScheme::Utf8, NameScheme::Legacy] {
        let Ok(rules) = Rules::compile(&job.relabel_configs, names, "relabel_configs") else { continue };
        let pairs = [(METRIC_NAME, "up"), ("__address__", "db-1.eu:9100"), ("é", "x;y"), ("job", "a")];
        let labels = Labels::from_pairs(pairs).expect("the labels are valid");
        let mut builder = labels.to_builder();
        let kept = rules.apply(&mut builder);
        let mut again = labels.to_builder();
        assert_eq!(rules.apply(&mut again), kept);
        let built = builder.build();
        assert_eq!(again.build(), built, "rules give the same for the same labels");
        assert_eq!(Labels::from_key(built.key()).expect("what rules make is valid"), built);
    }
}

pub fn relabel_seeds() -> Vec<Vec<u8>> {
    let actions = [
        "  - {source_labels: [__address__], regex: '(?P<h>.*):(.*)', target_label: host, replacement: '${h}-$2'}",
        "  - {source_labels: [job, é], separator: ';', modulus: 7, target_label: __tmp, action: hashmod}",
        "  - {regex: 'j(.*)', replacement: 'k$1', action: labelmap}\n  - {regex: 'x.*', action: labeldrop}",
        "  - {source_labels: [job], target_label: job, action: uppercase}\n  - {regex: a, action: labelkeep}",
        "  - {source_labels: [job], target_label: __address__, action: dropequal}\n  - {source_labels: [job], regex: b, action: drop}",
    ];
    actions.iter().map(|s| s.as_bytes().to_vec()).collect()
}
