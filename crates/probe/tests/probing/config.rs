//! Modules in files: those that are taken, and what is said about those that are not.

use probe::config::{Kind, Modules};
use std::path::Path;

fn dir(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules").join(name)
}

#[test]
fn good_modules_are_taken_and_can_be_read_back() {
    let mut count = 0;
    for file in std::fs::read_dir(dir("good")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let modules = Modules::from_yaml(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        count += modules.modules.len();
        for (name, module) in &modules.modules {
            probe::Prober::new(module).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let loaded = Modules::load(&path).unwrap();
        assert_eq!(loaded.modules.len(), modules.modules.len());
    }
    assert!(count > 15, "{count} modules only");
}

#[test]
fn bad_modules_are_refused_with_what_is_wrong() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(dir("bad")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let want = text.lines().next().unwrap().strip_prefix("# ").expect("the message in the first line");
        let error = Modules::from_yaml(&text).expect_err(&text).to_string();
        if error != want {
            wrong.push(format!("{}\n# {error}", path.display()));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 10, "{count} cases only");
}

#[test]
fn nothing_is_no_module() {
    for text in ["", "# nothing\n", "modules:\n"] {
        assert!(Modules::from_yaml(text).unwrap().modules.is_empty());
    }
}

#[test]
fn files_are_relative_to_the_file_that_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blackbox.yml");
    let text = "modules:\n  m:\n    prober: tcp\n    tcp: {tls: true, tls_config: {ca_file: ca.pem}}\n  h: {prober: http, http: {body_file: b}}\n";
    std::fs::write(&file, text).unwrap();
    let modules = Modules::load(&file).unwrap().modules;
    assert_eq!(modules["m"].tcp.tls_config.as_ref().unwrap().ca_file, Some(dir.path().join("ca.pem")));
    assert_eq!(modules["h"].http.body_file, Some(dir.path().join("b")));
    assert!(Modules::load(&dir.path().join("absent.yml")).unwrap_err().contains("absent.yml"));
}

#[test]
fn what_is_built_in_is_right() {
    let modules = probe::config::built_in();
    for (name, module) in &modules {
        module.check().unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(modules["icmp"].prober, Kind::Icmp);
}
