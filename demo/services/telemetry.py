"""OpenTelemetry and Sentry, as every Python service of the shop sets them up."""

import logging
import os
import socket

import sentry_sdk
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.scope import register_external_propagation_context


class Telemetry:
    """What a service says of itself: spans and logs by OTLP over gRPC, metrics to be scraped, errors by Sentry's SDK."""

    def __init__(self, service, version):
        self.service, self.version = service, version
        resource = Resource.create({
            "service.name": service,
            "service.version": version,
            # The same as the label that a scrape gives, so that both are one instance.
            "service.instance.id": f"127.0.0.1:{os.environ['PORT']}" if "PORT" in os.environ else socket.gethostname(),
            "deployment.environment.name": "demo",
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        })
        otlp = {"endpoint": os.environ["OTLP_GRPC"], "insecure": True}
        self._spans = TracerProvider(resource=resource)
        self._spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**otlp), schedule_delay_millis=1000))
        trace.set_tracer_provider(self._spans)
        self._logs = LoggerProvider(resource=resource)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**otlp), schedule_delay_millis=1000))
        set_logger_provider(self._logs)
        metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[PrometheusMetricReader()]))
        RequestsInstrumentor().instrument()

        sentry_sdk.init(
            dsn=os.environ["SENTRY_DSN"],
            release=f"{service}@{version}",
            environment="demo",
            integrations=[LoggingIntegration(event_level=None)],
        )
        sentry_sdk.set_tag("service", service)
        register_external_propagation_context(active_span)

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger().addHandler(LoggingHandler(logger_provider=self._logs))
        self.log = logging.getLogger(service)
        self.tracer = trace.get_tracer(service, version)
        self.meter = metrics.get_meter(service, version)

    def stop(self):
        """Sends what is left."""
        self._spans.shutdown()
        self._logs.shutdown()
        sentry_sdk.flush(2)


def active_span():
    """The trace and span that Sentry's events belong to."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
