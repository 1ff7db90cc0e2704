//! Senders of metrics of others, from Python's and Node's package indexes; `scripts/setup-tests` says how to install them.

use crate::errors_clients::node;
use crate::logs_clients::python;
use crate::site::{Site, quiet};

/// What both SDKs are made to send, by what finds it.
async fn check(site: &Site, job: &str, instance: &str) {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64 + 1;
    for (query, want) in [
        (r#"http_requests_total{http_method="GET",JOB}"#, 5.0),
        (r#"http_requests_total{http_method="POST",JOB}"#, 1.0),
        ("open_connections{JOB}", 2.0),
        ("queue_length_bytes{queue=\"a\",JOB}", 17.5),
        ("request_duration_milliseconds_count{JOB}", 4.0),
        ("request_duration_milliseconds_sum{JOB}", 1555.0),
        (r#"request_duration_milliseconds_bucket{le="50",JOB}"#, 2.0),
        (r#"request_duration_milliseconds_bucket{le="+Inf",JOB}"#, 4.0),
        ("histogram_count(payload_size{JOB})", 4.0),
        ("histogram_sum(payload_size{JOB})", 1555.0),
        // Exponential buckets of OpenTelemetry are finer than a tenth.
        ("histogram_quantile(0.4, payload_size{JOB}) > bool 45", 1.0),
        ("histogram_quantile(0.4, payload_size{JOB}) < bool 55", 1.0),
        (r#"target_info{process_pid="7",JOB}"#, 1.0),
    ] {
        let query = query.replace("JOB", &format!("job=\"{job}\",instance=\"{instance}\""));
        let found = site.query(&query, now).await;
        let values: Vec<f64> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["value"][1].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(values, [want], "{query}: {found}");
    }
    let metadata = site.get("/api/v1/metadata?metric=http_requests_total").await.json();
    let of = &metadata["data"]["http_requests_total"][0];
    assert_eq!((&of["type"], &of["help"]), (&"counter".into(), &"Requests by method".into()));
}

async fn site() -> (Site, String) {
    let mut config = quiet();
    config.receivers.otlp.grpc = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let grpc = format!("http://{}", site.receiver("otlp.grpc"));
    (site, grpc)
}

#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_of_python_over_http_and_grpc() {
    let (site, grpc) = site().await;
    for (way, temporality) in
        [("http", "CUMULATIVE"), ("grpc", "CUMULATIVE"), ("http", "DELTA"), ("grpc", "DELTA")]
    {
        let endpoint = match way {
            "http" => format!("endpoint=\"{}\"", site.url("/v1/metrics")),
            _ => format!("endpoint=\"{grpc}\", insecure=True"),
        };
        let script = format!(
            r#"
from opentelemetry.exporter.otlp.proto.{way}.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter, UpDownCounter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
T = AggregationTemporality.{temporality}
preferred = {{Counter: T, Histogram: T, ObservableCounter: T, UpDownCounter: T}}
exporter = OTLPMetricExporter({endpoint}, preferred_temporality=preferred)
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3600000)
provider = MeterProvider(
    resource=Resource.create({{"service.name": "py-{way}-{temporality}", "service.instance.id": "i1", "process.pid": 7}}),
    metric_readers=[reader],
    views=[View(instrument_name="payload.size", aggregation=ExponentialBucketHistogramAggregation())])
meter = provider.get_meter("lib", "1.0")
requests = meter.create_counter("http.requests", unit="{{request}}", description="Requests by method")
connections = meter.create_up_down_counter("open.connections")
meter.create_observable_gauge("queue.length", unit="By", callbacks=[lambda o: [Observation(17.5, {{"queue": "a"}})]])
duration = meter.create_histogram("request.duration", unit="ms")
size = meter.create_histogram("payload.size")
# Half of it, and the other half in a second export.
for values in ([5, 50], [500, 1000]):
    requests.add(2 if values[0] == 5 else 3, {{"http.method": "GET"}})
    connections.add(3 if values[0] == 5 else -1)
    for v in values:
        duration.record(v)
        size.record(v)
    if values[0] == 5:
        requests.add(1, {{"http.method": "POST"}})
    assert provider.force_flush()
provider.shutdown()
"#
        );
        let module = match way {
            "http" => "opentelemetry.exporter.otlp.proto.http.metric_exporter",
            _ => "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
        };
        if !python(module, script).await {
            return;
        }
        check(&site, &format!("py-{way}-{temporality}"), "i1").await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_of_node_over_http_and_grpc() {
    let (site, grpc) = site().await;
    let http = site.url("/v1/metrics");
    for (way, package, url, temporality) in [
        ("proto", "@opentelemetry/exporter-metrics-otlp-proto", &http, "CUMULATIVE"),
        ("grpc", "@opentelemetry/exporter-metrics-otlp-grpc", &grpc, "CUMULATIVE"),
        ("http", "@opentelemetry/exporter-metrics-otlp-http", &http, "DELTA"),
    ] {
        let script = format!(
            r#"
const {{ resourceFromAttributes }} = require("@opentelemetry/resources");
const {{ AggregationType, MeterProvider, PeriodicExportingMetricReader }} = require("@opentelemetry/sdk-metrics");
const {{ AggregationTemporalityPreference }} = require("@opentelemetry/exporter-metrics-otlp-http");
const {{ OTLPMetricExporter }} = require("{package}");
const exporter = new OTLPMetricExporter({{ url: "{url}", temporalityPreference: AggregationTemporalityPreference.{temporality} }});
const provider = new MeterProvider({{
  resource: resourceFromAttributes({{ "service.name": "node-{way}", "service.namespace": "shop", "service.instance.id": "i1", "process.pid": 7 }}),
  readers: [new PeriodicExportingMetricReader({{ exporter, exportIntervalMillis: 3600000 }})],
  views: [{{ instrumentName: "payload.size", aggregation: {{ type: AggregationType.EXPONENTIAL_HISTOGRAM }} }}],
}});
const meter = provider.getMeter("lib", "1.0");
const requests = meter.createCounter("http.requests", {{ unit: "{{request}}", description: "Requests by method" }});
const connections = meter.createUpDownCounter("open.connections");
meter.createObservableGauge("queue.length", {{ unit: "By" }}).addCallback((result) => result.observe(17.5, {{ queue: "a" }}));
const duration = meter.createHistogram("request.duration", {{ unit: "ms" }});
const size = meter.createHistogram("payload.size");
(async () => {{
  for (const values of [[5, 50], [500, 1000]]) {{
    const first = values[0] === 5;
    requests.add(first ? 2 : 3, {{ "http.method": "GET" }});
    connections.add(first ? 3 : -1);
    for (const v of values) {{ duration.record(v); size.record(v); }}
    if (first) requests.add(1, {{ "http.method": "POST" }});
    await provider.forceFlush();
    await new Promise((done) => setTimeout(done, 20));
  }}
  await provider.shutdown();
}})();
"#
        );
        if !node(package, script).await {
            return;
        }
        check(&site, &format!("shop/node-{way}"), "i1").await;
    }
    site.stop().await;
}
