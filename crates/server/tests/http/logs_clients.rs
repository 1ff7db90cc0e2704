//! Real clients of others, from Python's package index and the distribution: whoever has them installed sees them tried.
//! `scripts/setup-tests` says how to install them.

use crate::site::{Site, logs_of, quiet};
use std::process::Command;

/// Runs a Python script with the packages it needs; false, and a word about it, if they are not there.
pub async fn python(module: &'static str, script: String) -> bool {
    python_of("WATCHFIRE_TEST_PYTHON", module, script).await
}

/// The same with the Python that a variable names.
async fn python_of(variable: &'static str, module: &'static str, script: String) -> bool {
    let run = move || {
        let python = std::env::var(variable).unwrap_or_else(|_| "python3".to_owned());
        let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        if !found.is_ok_and(|o| o.status.success()) {
            eprintln!("skipped: {python} has no module {module} ({variable} names another Python)");
            return false;
        }
        let done = Command::new(&python).args(["-c", &script]).output().unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
        true
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn lines(dir: &tempfile::TempDir, part: &str) -> usize {
    let found = logs_of(dir, "default");
    let count = found.iter().filter(|l| l.contains(part)).count();
    assert!(count > 0, "{part} in {found:?}");
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch() {
    let site = Site::start().await;
    let script = format!(
        r#"
from elasticsearch import Elasticsearch, helpers
es = Elasticsearch("http://{}")
assert es.info()["tagline"]
docs = ({{"_index": "app", "_op_type": "create", "message": f"from python {{i}}", "n": i}} for i in range(1000))
assert helpers.bulk(es, docs) == (1000, [])
es.index(index="app", **({{"body": {{"message": "single"}}}} if es.info()["version"]["number"].startswith("7") else {{"document": {{"message": "single"}}}}))
assert es.cluster.health()["status"] == "green"
try:
    helpers.bulk(es, [{{"_index": "app", "_op_type": "delete", "_id": "1"}}])
    raise SystemExit("a deletion must be refused")
except helpers.BulkIndexError as e:
    assert "not supported" in str(e.errors), e.errors
"#,
        site.address
    );
    let ran = python("elasticsearch", script).await;
    let dir = site.stop().await;
    if ran {
        assert_eq!(lines(&dir, "from python"), 1000);
        assert_eq!(lines(&dir, "single"), 1);
    }
}

/// The official client, in three versions, finds what it has sent.
#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch_searches() {
    for variable in ["WATCHFIRE_TEST_PYTHON", "WATCHFIRE_TEST_PYTHON_ES8", "WATCHFIRE_TEST_PYTHON_ES7"] {
        let site = Site::start().await;
        let script = SEARCHES.replace("ADDRESS", &site.address.to_string());
        python_of(variable, "elasticsearch", script).await;
        site.stop().await;
    }
}

/// Version 7 takes whole bodies, later ones their parts.
const SEARCHES: &str = r#"
import datetime
from elasticsearch import Elasticsearch, helpers, exceptions
es = Elasticsearch("http://ADDRESS")
old = es.info()["version"]["number"].startswith("7")

def search(index, **body):
    return es.search(index=index, body=body) if old else es.search(index=index, **body)

start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
def document(i):
    at = (start + datetime.timedelta(seconds=i)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {"@timestamp": at, "message": f"request {i} took {i % 50} ms", "level": ["info", "error"][i % 10 == 0],
            "host": {"name": f"h{i % 3}"}, "http": {"status": 200 + i % 5, "ok": i % 5 == 0}, "ms": (i % 50) / 2, "tags": ["a", "b"]}
sent = {str(i): document(i) for i in range(300)}
docs = [{"_index": "app-1", "_id": i, "_source": d} for i, d in sent.items()]
assert helpers.bulk(es, docs, refresh=True)[0] == 300

# What was sent comes back as it was sent.
for hit in search("app-*", size=300)["hits"]["hits"]:
    assert hit["_source"] == sent[hit["_id"]], (hit, sent[hit["_id"]])
assert es.get(index="app-1", id="7")["_source"] == sent["7"]
assert es.count(index="app-1")["count"] == 300
assert es.count(index="app-1", q="level:error")["count"] == 30
assert es.count(index="logs-*")["count"] == 0

found = search("app-1", query={"bool": {"must": [{"match_phrase": {"message": "took 7 ms"}}],
    "filter": [{"term": {"host.name": "h1"}}, {"range": {"@timestamp": {"gte": "now-1h"}}}]}}, sort=[{"@timestamp": "asc"}])
wanted = [i for i in sorted(sent, key=int) if int(i) % 50 == 7 and int(i) % 3 == 1]
assert [h["_id"] for h in found["hits"]["hits"]] == wanted, found

# Pages.
ids, after = [], None
while True:
    more = {"search_after": after} if after else {}
    page = search("app-1", size=77, sort=[{"@timestamp": "desc"}, {"_doc": "desc"}], **more)["hits"]["hits"]
    if not page: break
    ids += [h["_id"] for h in page]
    after = page[-1]["sort"]
assert ids == sorted(sent, key=int, reverse=True), ids

aggs = search("app-1", size=0, aggs={
    "time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1m"}, "aggs": {"level": {"terms": {"field": "level.keyword"}}}},
    "ms": {"percentiles": {"field": "ms", "percents": [50]}}, "hosts": {"cardinality": {"field": "host.name"}},
    "status": {"terms": {"field": "http.status", "order": {"_key": "asc"}}},
})["aggregations"]
assert sum(b["doc_count"] for b in aggs["time"]["buckets"]) == 300
assert sum(l["doc_count"] for b in aggs["time"]["buckets"] for l in b["level"]["buckets"] if l["key"] == "error") == 30
assert aggs["hosts"]["value"] == 3 and aggs["ms"]["values"]["50.0"] == 12.25, aggs
assert [(b["key"], b["doc_count"]) for b in aggs["status"]["buckets"]] == [(200 + i, 60) for i in range(5)]

mapping = es.indices.get_mapping(index="app-1")["app-1"]["mappings"]["properties"]
assert mapping["@timestamp"]["type"] == "date" and mapping["http"]["properties"]["status"]["type"] == "long", mapping
assert mapping["host"]["properties"]["name"]["type"] == "keyword" and mapping["http"]["properties"]["ok"]["type"] == "boolean"
caps = es.field_caps(index="app-*", fields="*")["fields"]
assert caps["level.keyword"]["keyword"]["aggregatable"] and "long" in caps["http.status"], caps
assert [(i["index"], i["docs.count"]) for i in es.cat.indices(format="json")] == [("app-1", "300")]
assert es.indices.exists(index="app-1") and not es.indices.exists(index="nothing")
es.indices.create(index="another")
es.indices.refresh(index="app-1")

searches = [{"index": "app-1"}, {"query": {"match_all": {}}, "size": 1}, {}, {"query": {"nonsense": {}}}]
responses = (es.msearch(body=searches) if old else es.msearch(searches=searches))["responses"]
assert responses[0]["hits"]["total"]["value"] == 300 and responses[0]["status"] == 200
assert responses[1]["status"] == 400 and "unknown query [nonsense]" in responses[1]["error"]["reason"], responses[1]
for ask, status in [(lambda: search("nothing"), 404), (lambda: search("app-1", query={"geo_shape": {}}), 400)]:
    try:
        ask()
        raise SystemExit("it must be refused")
    except (exceptions.TransportError if old else exceptions.ApiError) as e:
        assert (e.status_code if old else e.meta.status) == status, e
"#;

#[tokio::test(flavor = "multi_thread")]
async fn python_logging_loki() {
    let site = Site::start().await;
    let script = format!(
        r#"
import logging, logging_loki
handler = logging_loki.LokiHandler(url="http://{}/loki/api/v1/push", tags={{"application": "py"}}, version="1")
logger = logging.getLogger("x")
logger.addHandler(handler)
def fail(record): raise SystemExit("refused")
handler.handleError = fail
for i in range(20):
    logger.error("loki line %d", i, extra={{"tags": {{"service": "s"}}}})
"#,
        site.address
    );
    let ran = python("logging_loki", script).await;
    let dir = site.stop().await;
    if ran {
        assert_eq!(lines(&dir, "loki line"), 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_over_http_and_grpc() {
    let mut config = quiet();
    config.receivers.otlp.grpc = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    for (module, endpoint) in [
        ("opentelemetry.exporter.otlp.proto.http._log_exporter", site.url("/v1/logs")),
        (
            "opentelemetry.exporter.otlp.proto.grpc._log_exporter",
            format!("http://{}", site.receiver("otlp.grpc")),
        ),
    ] {
        let script = format!(
            r#"
import logging
from {module} import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
provider = LoggerProvider(resource=Resource.create({{"service.name": "py", "x": 1}}))
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint="{endpoint}")))
logger = logging.getLogger("otlp")
logger.addHandler(LoggingHandler(logger_provider=provider))
for i in range(50):
    logger.warning("otlp line %d", i, extra={{"i": i}})
assert provider.force_flush()
provider.shutdown()
"#
        );
        if !python(module, script).await {
            return;
        }
    }
    let dir = site.stop().await;
    assert_eq!(lines(&dir, "otlp line"), 100);
    assert_eq!(lines(&dir, "\"service.name\"=\"py\""), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn fluent_logger() {
    let mut config = quiet();
    config.receivers.fluent.listen = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let script = format!(
        r#"
from fluent import sender
logger = sender.FluentSender("py", host="127.0.0.1", port={}, nanosecond_precision=True)
for i in range(30):
    assert logger.emit("app", {{"message": f"fluent line {{i}}", "n": i}}), logger.last_error
logger.close()
"#,
        site.receiver("fluent.listen").port()
    );
    let ran = python("fluent.sender", script).await;
    if ran {
        crate::logs::arrived(&site, "fluent", 30).await;
    }
    let dir = site.stop().await;
    if ran {
        assert_eq!(lines(&dir, "fluent line"), 30);
        assert_eq!(lines(&dir, "tag=\"py.app\""), 30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn graypy() {
    let mut config = quiet();
    config.receivers.gelf.udp = Some("127.0.0.1:0".to_owned());
    config.receivers.gelf.tcp = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let script = format!(
        r#"
import logging, graypy
logger = logging.getLogger("g")
logger.addHandler(graypy.GELFUDPHandler("127.0.0.1", {}, gelf_chunker=graypy.handler.GELFWarningChunker(chunk_size=100)))
logger.addHandler(graypy.GELFTCPHandler("127.0.0.1", {}))
for i in range(10):
    logger.error("gelf line %d", i, extra={{"n": i, "random": [str(j) for j in range(200)]}})
logging.shutdown()
"#,
        site.receiver("gelf.udp").port(),
        site.receiver("gelf.tcp").port()
    );
    let ran = python("graypy", script).await;
    if ran {
        crate::logs::arrived(&site, "gelf", 20).await;
    }
    let dir = site.stop().await;
    if ran {
        assert_eq!(lines(&dir, "gelf line"), 20);
    }
}

/// `logger` of the distribution, over UDP, TCP and with octet counting.
#[tokio::test(flavor = "multi_thread")]
async fn logger() {
    let mut config = quiet();
    config.receivers.syslog.udp = Some("127.0.0.1:0".to_owned());
    config.receivers.syslog.tcp = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let (udp, tcp) =
        (site.receiver("syslog.udp").port().to_string(), site.receiver("syslog.tcp").port().to_string());
    let run = move || {
        let common = ["-n", "127.0.0.1", "-t", "wf", "-p", "auth.warning", "--id=42"];
        for more in [
            &["-d", "-P", &udp, "--rfc5424", "logger line"][..],
            &["-d", "-P", &udp, "--rfc3164", "logger line"],
            &["-T", "-P", &tcp, "--rfc5424", "logger line"],
            &["-T", "-P", &tcp, "--octet-count", "--rfc5424", "logger line"],
            &["-T", "-P", &tcp, "--rfc3164", "logger line"],
        ] {
            match Command::new("logger").args(common).args(more).output() {
                Ok(done) => assert!(done.status.success(), "{done:?}"),
                Err(e) => {
                    eprintln!("skipped: there is no logger: {e}");
                    return false;
                }
            }
        }
        true
    };
    let ran = tokio::task::spawn_blocking(run).await.unwrap();
    if ran {
        crate::logs::arrived(&site, "syslog", 5).await;
    }
    let dir = site.stop().await;
    if ran {
        assert_eq!(lines(&dir, "\"service.name\"=\"wf\"} \"logger line\" warn"), 5);
    }
}
