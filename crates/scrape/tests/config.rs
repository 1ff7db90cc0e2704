//! Reads `tests/config/good/*.yml`, which must be accepted, and `tests/config/bad/*.yml`, which must be refused
//! with exactly the words after `# error:` in their first line.

use scrape::config::{Jobs, ScrapeProtocol, ScrapeSections};
use std::path::{Path, PathBuf};

fn corpus(kind: &str) -> Vec<(PathBuf, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {dir:?}");
    files.into_iter().map(|p| (p.clone(), std::fs::read_to_string(p).unwrap())).collect()
}

fn read(text: &str) -> Result<Jobs, String> {
    let sections = ScrapeSections::from_yaml(text).map_err(|e| e.to_string())?;
    Jobs::resolve(&sections.global, &sections.scrape_configs, Path::new("/etc/watchfire"))
        .map_err(|e| e.to_string())
}

#[test]
fn good_files_are_accepted_and_survive_being_written_back() {
    for (path, text) in corpus("good") {
        let jobs = read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(!jobs.0.is_empty(), "{}", path.display());
        if text.contains("secret") {
            continue; // what is not shown cannot be read back
        }
        let sections = ScrapeSections::from_yaml(&text).unwrap();
        let again = serde_saphyr::to_string(&sections).unwrap();
        assert_eq!(read(&again), Ok(jobs), "{}: {again}", path.display());
    }
}

#[test]
fn bad_files_are_refused_in_these_words() {
    let mut wrong = Vec::new();
    for (path, text) in corpus("bad") {
        let want = text.lines().next().and_then(|l| l.strip_prefix("# error: "));
        let want = want.unwrap_or_else(|| panic!("{}: the first line is not `# error: …`", path.display()));
        match read(&text) {
            Err(got) if got == want => {}
            got => wrong.push(format!("{}\n  want: {want}\n  got:  {got:?}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn defaults_are_those_of_prometheus() {
    let jobs = read("scrape_configs: [{job_name: a}]").unwrap();
    let job = &jobs.0[0];
    assert_eq!((job.interval.to_string(), job.timeout.to_string()), ("1m".into(), "10s".into()));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert!(job.honor_timestamps && job.compression && !job.honor_labels && !job.native_histograms);
    assert_eq!(job.protocols.first(), Some(&ScrapeProtocol::OpenMetricsText1_0_0));
    let native = read("scrape_configs: [{job_name: a, scrape_native_histograms: true}]").unwrap();
    assert_eq!(native.0[0].protocols.first(), Some(&ScrapeProtocol::PrometheusProto));
}

#[test]
fn a_job_takes_from_global_what_it_does_not_say() {
    let jobs = read(
        "global: {scrape_interval: 5s, scrape_timeout: 4s, sample_limit: 7, body_size_limit: 1MB}\n\
         scrape_configs:\n- {job_name: a}\n- {job_name: b, scrape_interval: 2s, sample_limit: 9}\n",
    )
    .unwrap();
    let seen: Vec<_> = jobs
        .0
        .iter()
        .map(|j| (j.interval.to_string(), j.timeout.to_string(), j.sample_limit, j.body_size_limit.bytes()))
        .collect();
    assert_eq!(seen, [("5s".into(), "4s".into(), 7, 1 << 20), ("2s".into(), "2s".into(), 9, 1 << 20)]);
}

#[test]
fn secrets_are_never_written() {
    let text = "scrape_configs: [{job_name: a, basic_auth: {username: u, password: hunter2}}]";
    let sections = ScrapeSections::from_yaml(text).unwrap();
    let shown = format!("{:?} {}", sections, serde_saphyr::to_string(&sections).unwrap());
    assert!(shown.contains("<secret>") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn file_names_are_relative_to_the_configuration() {
    let jobs = read(
        "scrape_configs: [{job_name: a, basic_auth: {username: u, password_file: pw}, \
         tls_config: {ca_file: /abs/ca.pem}, file_sd_configs: [{files: [sd/*.json]}]}]",
    )
    .unwrap();
    let job = format!("{:?}", jobs.0[0]);
    for path in ["\"/etc/watchfire/pw\"", "\"/abs/ca.pem\"", "\"/etc/watchfire/sd/*.json\""] {
        assert!(job.contains(path), "{path} in {job}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// A good file with a few bytes changed: the likeliest way to write a bad one.
    fn damaged() -> impl Strategy<Value = String> {
        let texts: Vec<String> = corpus("good").into_iter().chain(corpus("bad")).map(|(_, t)| t).collect();
        let edit = (any::<proptest::sample::Index>(), "[ -~\n]{0,3}", 0usize..6);
        (proptest::sample::select(texts), proptest::collection::vec(edit, 1..4)).prop_map(
            |(mut text, edits)| {
                for (at, insert, remove) in edits {
                    let from = text.floor_char_boundary(at.index(text.len() + 1));
                    let to = text.floor_char_boundary((from + remove).min(text.len()));
                    text.replace_range(from..to.max(from), &insert);
                }
                text
            },
        )
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_accepted_or_explained(text in damaged()) {
            if let Err(message) = read(&text) {
                prop_assert!(!message.is_empty() && !message.contains("serde"), "{}", message);
            }
        }
    }
}
