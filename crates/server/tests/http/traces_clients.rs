//! Senders of spans of others, from Python's and Node's package indexes; `scripts/setup-tests` says how to install them.

use crate::errors_clients::node;
use crate::logs_clients::python;
use crate::site::{Site, quiet, until};

/// The traces of a service, by Jaeger's API.
async fn traces_of(site: &Site, service: &str, count: usize) -> Vec<serde_json::Value> {
    until("the traces", async || {
        let answer = site.get(&format!("/jaeger/api/traces?service={service}&limit=100")).await.json();
        let all = answer["data"].as_array().unwrap().clone();
        (all.len() == count).then_some(all)
    })
    .await
}

fn tag<'a>(span: &'a serde_json::Value, key: &str) -> &'a serde_json::Value {
    let tags = span["tags"].as_array().unwrap();
    tags.iter().find(|t| t["key"] == key).map_or(&serde_json::Value::Null, |t| &t["value"])
}

#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_over_http_and_grpc() {
    let mut config = quiet();
    config.receivers.otlp.grpc = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let grpc = site.receiver("otlp.grpc");
    for (way, endpoint) in [
        ("http", format!("endpoint=\"{}\"", site.url("/v1/traces"))),
        ("grpc", format!("endpoint=\"http://{grpc}\", insecure=True")),
    ] {
        let script = format!(
            r#"
from opentelemetry.exporter.otlp.proto.{way}.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
def provider(service):
    p = TracerProvider(resource=Resource.create({{"service.name": service, "process.pid": 7}}))
    p.add_span_processor(BatchSpanProcessor(OTLPSpanExporter({endpoint})))
    return p
front, cart = provider("front-{way}"), provider("cart-{way}")
tf, tc = front.get_tracer("lib", "1.0"), cart.get_tracer("lib")
before = None
for i in range(5):
    links = [Link(before)] if before else []
    with tf.start_as_current_span("GET /cart", kind=SpanKind.SERVER, attributes={{"i": i, "ratio": 0.5, "ok": True, "list": ["a", "b"]}}, links=links) as s:
        before = s.get_span_context()
        with tf.start_as_current_span("call", kind=SpanKind.CLIENT):
            with tc.start_as_current_span("load", kind=SpanKind.SERVER) as c:
                c.record_exception(ValueError("boom"))
                c.set_status(Status(StatusCode.ERROR, "boom"))
for p in (front, cart):
    assert p.force_flush()
    p.shutdown()
"#
        );
        let module = match way {
            "http" => "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            _ => "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
        };
        if !python(module, script).await {
            return;
        }
        let traces = traces_of(&site, &format!("cart-{way}"), 5).await;
        for trace in &traces {
            let spans = trace["spans"].as_array().unwrap();
            let names: Vec<&str> = spans.iter().map(|s| s["operationName"].as_str().unwrap()).collect();
            assert_eq!(names, ["GET /cart", "call", "load"]);
            assert_eq!(tag(&spans[0], "span.kind"), "server");
            assert_eq!(tag(&spans[0], "list"), r#"["a","b"]"#);
            assert_eq!(
                (tag(&spans[2], "error"), tag(&spans[2], "otel.status_description")),
                (&true.into(), &"boom".into())
            );
            let log = spans[2]["logs"][0]["fields"].to_string();
            assert!(log.contains("exception") && log.contains("ValueError"), "{log}");
            assert!(spans.iter().all(|s| s["warnings"].is_null()), "{spans:?}");
        }
        let links: usize = traces
            .iter()
            .flat_map(|t| t["spans"].as_array().unwrap())
            .map(|s| {
                s["references"].as_array().unwrap().iter().filter(|r| r["refType"] == "FOLLOWS_FROM").count()
            })
            .sum();
        assert_eq!(links, 4);
    }
    site.stop().await;
}

/// The SDK for Node, in both transports: spans of two services in one trace, with an exception and links, and log records
/// that carry the trace.
#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_of_node_over_http_and_grpc() {
    let mut config = quiet();
    config.receivers.otlp.grpc = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let grpc = format!("http://{}", site.receiver("otlp.grpc"));
    for (way, package, spans, logs) in [
        ("proto", "@opentelemetry/exporter-logs-otlp-proto", site.url("/v1/traces"), site.url("/v1/logs")),
        ("grpc", "@opentelemetry/exporter-logs-otlp-grpc", grpc.clone(), grpc),
    ] {
        let script = format!(
            r#"
const {{ context, trace, SpanKind, SpanStatusCode }} = require("@opentelemetry/api");
const {{ SeverityNumber }} = require("@opentelemetry/api-logs");
const {{ resourceFromAttributes }} = require("@opentelemetry/resources");
const {{ BatchLogRecordProcessor, LoggerProvider }} = require("@opentelemetry/sdk-logs");
const {{ BatchSpanProcessor, NodeTracerProvider }} = require("@opentelemetry/sdk-trace-node");
const {{ OTLPTraceExporter }} = require("@opentelemetry/exporter-trace-otlp-{way}");
const {{ OTLPLogExporter }} = require("@opentelemetry/exporter-logs-otlp-{way}");
const resource = (name) => resourceFromAttributes({{ "service.name": name, "process.pid": 7 }});
const provider = (name) => new NodeTracerProvider({{
  resource: resource(name),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({{ url: "{spans}" }}))],
}});
const front = provider("node-front-{way}"), cart = provider("node-cart-{way}");
front.register();
const exporter = new OTLPLogExporter({{ url: "{logs}" }});
const logs = new LoggerProvider({{ resource: resource("node-cart-{way}"), processors: [new BatchLogRecordProcessor({{ exporter }})] }});
const tf = front.getTracer("lib", "1.0"), tc = cart.getTracer("lib"), logger = logs.getLogger("lib");
let before;
for (let i = 0; i < 5; i++) {{
  const links = before ? [{{ context: before }}] : [];
  const attributes = {{ i, ratio: 0.5, ok: true, list: ["a", "b"] }};
  tf.startActiveSpan("GET /cart", {{ kind: SpanKind.SERVER, attributes, links }}, (server) => {{
    before = server.spanContext();
    tf.startActiveSpan("call", {{ kind: SpanKind.CLIENT }}, (call) => {{
      tc.startActiveSpan("load", {{ kind: SpanKind.SERVER }}, (load) => {{
        load.recordException(new RangeError("boom"));
        load.setStatus({{ code: SpanStatusCode.ERROR, message: "boom" }});
        logger.emit({{ severityNumber: SeverityNumber.WARN, severityText: "WARN", body: "order " + i, attributes: {{ i }}, context: context.active() }});
        load.end();
      }});
      call.end();
    }});
    server.end();
  }});
}}
(async () => {{ for (const p of [front, cart, logs]) {{ await p.forceFlush(); await p.shutdown(); }} }})();
"#
        );
        if !node(package, script).await {
            break;
        }
        let traces = traces_of(&site, &format!("node-cart-{way}"), 5).await;
        let mut links = 0;
        for trace in &traces {
            let spans = trace["spans"].as_array().unwrap();
            let names: Vec<&str> = spans.iter().map(|s| s["operationName"].as_str().unwrap()).collect();
            assert_eq!(names, ["GET /cart", "call", "load"]);
            assert_eq!(tag(&spans[0], "span.kind"), "server");
            assert_eq!(
                (tag(&spans[0], "list"), tag(&spans[0], "ratio")),
                (&r#"["a","b"]"#.into(), &0.5.into())
            );
            assert_eq!(
                (tag(&spans[2], "error"), tag(&spans[2], "otel.status_description")),
                (&true.into(), &"boom".into())
            );
            let log = spans[2]["logs"][0]["fields"].to_string();
            assert!(log.contains("exception") && log.contains("RangeError"), "{log}");
            assert!(spans.iter().all(|s| s["warnings"].is_null()), "{spans:?}");
            let references = spans.iter().flat_map(|s| s["references"].as_array().unwrap());
            links += references.filter(|r| r["refType"] == "FOLLOWS_FROM").count();
        }
        assert_eq!(links, 4);
        let query =
            format!("/loki/api/v1/query_range?query=%7Bservice_name%3D%22node-cart-{way}%22%7D&limit=100");
        let answer = site.get(&query).await.json();
        let streams = answer["data"]["result"].as_array().unwrap();
        let mut of_logs: Vec<&str> =
            streams.iter().map(|s| s["stream"]["trace_id"].as_str().unwrap()).collect();
        let mut of_spans: Vec<&str> = traces.iter().map(|t| t["traceID"].as_str().unwrap()).collect();
        of_logs.sort();
        of_spans.sort();
        assert_eq!(of_logs, of_spans, "each line has the trace that it was written in");
        assert!(streams.iter().all(|s| s["stream"]["detected_level"] == "warn"), "{streams:?}");
        // The exception is an error event of its service, too.
        until("the issue", async || {
            let found =
                site.get(&format!("/api/v1/errors/issues?query=service:node-cart-{way}")).await.json();
            let issue = found["data"]["issues"].as_array()?.first()?.clone();
            (issue["events"] == 5).then(|| assert_eq!(issue["type"], "RangeError"))
        })
        .await;
    }
    site.stop().await;
}

/// Jaeger's own library, over UDP.
#[tokio::test(flavor = "multi_thread")]
async fn jaeger_client() {
    let mut config = quiet();
    config.receivers.jaeger.compact = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let script = format!(
        r#"
from jaeger_client import Config
import time
config = Config(config={{"sampler": {{"type": "const", "param": 1}}, "logging": False, "reporter_flush_interval": 0.1,
    "local_agent": {{"reporting_host": "127.0.0.1", "reporting_port": {}}}}}, service_name="jaeger-py", validate=True)
tracer = config.initialize_tracer()
for i in range(5):
    with tracer.start_span("GET /") as span:
        span.set_tag("span.kind", "server")
        span.set_tag("http.status_code", 500)
        span.set_tag("error", True)
        span.log_kv({{"event": "retry", "n": 1}})
        with tracer.start_span("db", child_of=span) as child:
            child.set_tag("r", 0.5)
time.sleep(1)
closed = tracer.close()
end = time.time() + 10
while not closed.done() and time.time() < end:
    time.sleep(0.05)
"#,
        site.receiver("jaeger.compact").port()
    );
    if python("jaeger_client", script).await {
        for trace in traces_of(&site, "jaeger-py", 5).await {
            let spans = trace["spans"].as_array().unwrap();
            let names: Vec<&str> = spans.iter().map(|s| s["operationName"].as_str().unwrap()).collect();
            assert_eq!(names, ["GET /", "db"]);
            assert_eq!(tag(&spans[0], "http.status_code"), 500);
            assert_eq!(
                (tag(&spans[0], "error"), tag(&spans[0], "span.kind")),
                (&true.into(), &"server".into())
            );
            assert_eq!(spans[0]["logs"][0]["fields"][0]["value"], "retry");
            assert_eq!(tag(&spans[1], "r"), 0.5);
            assert_eq!(spans[1]["references"][0]["spanID"], spans[0]["spanID"]);
        }
    }
    site.stop().await;
}

/// Zipkin's library, in both encodings, with ids of 64 bits and shared by client and server.
#[tokio::test(flavor = "multi_thread")]
async fn py_zipkin() {
    let site = Site::start().await;
    for (encoding, kind) in [("V2_JSON", "application/json"), ("V2_PROTO3", "application/x-protobuf")] {
        let script = format!(
            r#"
import urllib.request
from py_zipkin.zipkin import zipkin_span, zipkin_client_span, zipkin_server_span, create_http_headers_for_new_span, ZipkinAttrs
from py_zipkin.encoding import Encoding
from py_zipkin.transport import BaseTransportHandler
class Transport(BaseTransportHandler):
    def get_max_payload_bytes(self): return None
    def send(self, payload):
        body = payload.encode() if isinstance(payload, str) else payload
        request = urllib.request.Request("{}", body, {{"Content-Type": "{kind}"}})
        assert urllib.request.urlopen(request).status == 202
common = dict(transport_handler=Transport(), encoding=Encoding.{encoding}, sample_rate=100.0)
for i in range(5):
    with zipkin_server_span(service_name="front-{encoding}", span_name="get", port=80, **common) as front:
        with zipkin_client_span(service_name="front-{encoding}", span_name="call", binary_annotations={{"http.path": "/"}}):
            headers = create_http_headers_for_new_span()
            attrs = ZipkinAttrs(headers["X-B3-TraceId"], headers["X-B3-SpanId"], headers["X-B3-ParentSpanId"], headers["X-B3-Flags"], headers["X-B3-Sampled"] == "1")
            with zipkin_span(service_name="cart-{encoding}", span_name="load", zipkin_attrs=attrs, **common) as cart:
                cart.update_binary_annotations({{"error": "boom"}})
                cart.add_annotation("retry")
"#,
            site.url("/api/v2/spans")
        );
        if !python("py_zipkin", script).await {
            break;
        }
        for trace in traces_of(&site, &format!("cart-{encoding}"), 5).await {
            let spans = trace["spans"].as_array().unwrap();
            let names: Vec<&str> = spans.iter().map(|s| s["operationName"].as_str().unwrap()).collect();
            assert_eq!(names, ["get", "call", "load"]);
            assert_eq!(
                (tag(&spans[2], "error"), tag(&spans[2], "otel.status_description")),
                (&true.into(), &"boom".into())
            );
            assert_eq!(spans[2]["logs"][0]["fields"][0]["value"], "retry");
            assert_eq!(tag(&spans[1], "http.path"), "/");
        }
        let answer = site.get(&format!("/api/v2/traces?serviceName=cart-{encoding}&limit=100")).await.json();
        assert_eq!(answer.as_array().unwrap().len(), 5);
    }
    site.stop().await;
}
