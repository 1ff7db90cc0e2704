//! Container logs: the two formats in which runtimes write them, and what their paths tell.

use ingest::logs::time;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;

/// A line as the program in the container wrote it.
#[derive(Debug, PartialEq)]
pub(super) struct Written<'a> {
    /// The text, without a line feed.
    pub text: Cow<'a, [u8]>,
    /// When, if the runtime tells.
    pub time_ns: Option<i64>,
    /// `stdout` or `stderr`, if the runtime tells.
    pub stream: Option<&'static str>,
    /// Whether the runtime has cut the line here: the next one continues it.
    pub partial: bool,
}

impl<'a> Written<'a> {
    /// A line that is nothing but text.
    pub fn plain(line: &'a [u8]) -> Written<'a> {
        Written { text: Cow::Borrowed(line), time_ns: None, stream: None, partial: false }
    }

    /// A line of Docker's format or of that of the Container Runtime Interface. What is neither is plain.
    pub fn of_runtime(line: &'a [u8]) -> Written<'a> {
        let known = match line.first() {
            Some(b'{') => docker(line),
            Some(b'0'..=b'9') => cri(line),
            _ => None,
        };
        known.unwrap_or_else(|| Written::plain(line))
    }
}

fn stream_named(name: &[u8]) -> Option<&'static str> {
    match name {
        b"stdout" => Some("stdout"),
        b"stderr" => Some("stderr"),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Docker<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
}

/// `{"log":"text\n","stream":"stdout","time":"2026-11-21T10:20:30.123456789Z"}`; a text without `\n` goes on.
fn docker(line: &[u8]) -> Option<Written<'_>> {
    let Docker { log, stream, time } = serde_json::from_slice(line).ok()?;
    let partial = !log.ends_with('\n');
    let text = match log {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\n').unwrap_or(text).as_bytes()),
        Cow::Owned(mut text) => {
            text.truncate(text.strip_suffix('\n').unwrap_or(&text).len());
            Cow::Owned(text.into_bytes())
        }
    };
    Some(Written { text, time_ns: time::parse(&time), stream: stream_named(stream.as_bytes()), partial })
}

/// `2026-11-21T10:20:30.123456789Z stdout F text`; tags are separated by `:`, of which P says that the line goes on.
fn cri(line: &[u8]) -> Option<Written<'_>> {
    let mut parts = line.splitn(4, |b| *b == b' ');
    let (time, stream, tags) = (parts.next()?, parts.next()?, parts.next()?);
    let stream = Some(stream_named(stream)?);
    let time_ns = Some(time::parse(std::str::from_utf8(time).ok()?)?);
    let partial = match tags.split(|b| *b == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    Some(Written { text: Cow::Borrowed(parts.next().unwrap_or_default()), time_ns, stream, partial })
}

/// Where Kubernetes has its logs: below the root, or below where a container sees that of the host.
const CONTAINERS: &str = "/var/log/containers/";
const PODS: &str = "/var/log/pods/";

/// Whether a runtime writes the files of this path.
pub(super) fn is_runtime(path: &Path) -> bool {
    path.to_str().is_some_and(|p| {
        p.contains(CONTAINERS)
            || p.contains(PODS)
            || (p.contains("/docker/containers/") && p.ends_with("-json.log"))
    })
}

/// Labels from a path of Kubernetes or Docker; nothing from others.
pub(super) fn labels_of(path: &Path) -> Vec<(&'static str, String)> {
    let text = path.to_string_lossy();
    if let Some(name) = text.split_once(CONTAINERS).and_then(|(_, n)| n.strip_suffix(".log")) {
        return of_kubernetes_name(name).unwrap_or_default();
    }
    if let Some((_, rest)) = text.split_once(PODS) {
        return of_pods_path(rest).unwrap_or_default();
    }
    if is_runtime(path) { of_docker(path).unwrap_or_default() } else { Vec::new() }
}

/// `POD_NAMESPACE_CONTAINER-ID`; names hold no underscores.
fn of_kubernetes_name(name: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parts = name.splitn(3, '_');
    let (pod, namespace, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (container, id) = rest.rsplit_once('-')?;
    Some(kubernetes(namespace, pod, container, Some(id)))
}

/// `NAMESPACE_POD_UID/CONTAINER/N.log`.
fn of_pods_path(rest: &str) -> Option<Vec<(&'static str, String)>> {
    let (of_pod, rest) = rest.split_once('/')?;
    let mut parts = of_pod.splitn(3, '_');
    let (namespace, pod) = (parts.next()?, parts.next()?);
    Some(kubernetes(namespace, pod, rest.split('/').next()?, None))
}

fn kubernetes(namespace: &str, pod: &str, container: &str, id: Option<&str>) -> Vec<(&'static str, String)> {
    let mut labels = vec![
        ("k8s.namespace.name", namespace.to_owned()),
        ("k8s.pod.name", pod.to_owned()),
        ("k8s.container.name", container.to_owned()),
        ("service.name", container.to_owned()),
    ];
    labels.extend(id.map(|id| ("container.id", short(id))));
    labels
}

/// As people see it everywhere: the first twelve digits.
fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

/// What Docker keeps beside its logs.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    #[serde(default)]
    name: String,
    config: Option<DockerImage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    #[serde(default)]
    image: String,
}

/// A larger file is not read: Docker's are some kilobytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// `…/containers/ID/ID-json.log`; the name is in `config.v2.json` beside it, if we may read that.
fn of_docker(path: &Path) -> Option<Vec<(&'static str, String)>> {
    let id = path.file_name()?.to_str()?.strip_suffix("-json.log")?;
    let mut labels = vec![("container.id", short(id))];
    let config = path.with_file_name("config.v2.json");
    let readable = std::fs::metadata(&config).is_ok_and(|m| m.len() <= CONFIG_BYTES_MAX);
    let read = if readable { std::fs::read(&config).ok() } else { None };
    let known: Option<DockerConfig> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (name, image) = known.map_or((String::new(), String::new()), |c| {
        (c.name.trim_start_matches('/').to_owned(), c.config.map(|i| i.image).unwrap_or_default())
    });
    match name.is_empty() {
        true => labels.push(("service.name", short(id))),
        false => labels.extend([("container.name", name.clone()), ("service.name", name)]),
    }
    if !image.is_empty() {
        labels.push(("container.image.name", image));
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_795_256_430_000_000_000;

    #[test]
    fn formats() {
        for (line, text, time_ns, stream, partial) in [
            (
                r#"{"log":"hello\n","stream":"stderr","time":"2026-11-21T10:20:30.5Z"}"#,
                "hello",
                Some(T + 500_000_000),
                Some("stderr"),
                false,
            ),
            (
                r#"{"log":"a \"quoted\" part","stream":"stdout"}"#,
                "a \"quoted\" part",
                None,
                Some("stdout"),
                true,
            ),
            (r#"{"log":"\u00e9\n","attrs":{"a":"b"}}"#, "é", None, None, false),
            (r#"{"msg":"own JSON"}"#, r#"{"msg":"own JSON"}"#, None, None, false),
            ("2026-11-21T10:20:30Z stdout F hello  world", "hello  world", Some(T), Some("stdout"), false),
            ("2026-11-21T11:20:30+01:00 stderr P:x begin", "begin", Some(T), Some("stderr"), true),
            ("2026-11-21T10:20:30Z stdout F", "", Some(T), Some("stdout"), false),
            ("2026-11-21T10:20:30Z stdout X y", "2026-11-21T10:20:30Z stdout X y", None, None, false),
            ("2026-11-21T10:20:30Z INFO F y", "2026-11-21T10:20:30Z INFO F y", None, None, false),
            ("plain", "plain", None, None, false),
        ] {
            let text = Cow::Borrowed(text.as_bytes());
            assert_eq!(
                Written::of_runtime(line.as_bytes()),
                Written { text, time_ns, stream, partial },
                "{line}"
            );
        }
    }

    #[test]
    fn paths() {
        let of = |path: &str| {
            let labels = labels_of(Path::new(path));
            labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
        };
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(
            of(&format!("/var/log/containers/web-7d9f-x1_shop_nginx-{id}.log")),
            "k8s.namespace.name=shop k8s.pod.name=web-7d9f-x1 k8s.container.name=nginx service.name=nginx container.id=0123456789ab"
        );
        assert_eq!(
            of("/var/log/pods/shop_web-7d9f-x1_uid-1/nginx/0.log"),
            "k8s.namespace.name=shop k8s.pod.name=web-7d9f-x1 k8s.container.name=nginx service.name=nginx"
        );
        assert_eq!(
            of(&format!("/var/lib/docker/containers/{id}/{id}-json.log")),
            "container.id=0123456789ab service.name=0123456789ab"
        );
        assert_eq!(of("/var/log/containers/odd.log"), "");
        assert_eq!(of("/var/log/syslog"), "");
    }

    #[test]
    fn docker_tells_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("docker/containers/abc");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("config.v2.json"), r#"{"Name":"/shop","Config":{"Image":"shop:1"}}"#).unwrap();
        let labels = labels_of(&at.join("abc-json.log"));
        assert!(labels.contains(&("container.name", "shop".to_owned())), "{labels:?}");
        assert!(labels.contains(&("container.image.name", "shop:1".to_owned())), "{labels:?}");
    }
}
