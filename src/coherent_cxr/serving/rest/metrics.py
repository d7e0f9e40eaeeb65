"""Numbers about the service for Prometheus; none of them is about a patient."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """What is counted, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "coherent_cxr_requests",
            "Requests by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "coherent_cxr_request_seconds",
            "From the head of a request to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "coherent_cxr_stage_seconds",
            "Reading, decoding, and writing with the wait for it, by request.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "coherent_cxr_batch_studies",
            "Studies that were written together.",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )
        self.active = Gauge(
            "coherent_cxr_active_requests",
            "Requests that are read, wait or are answered.",
            registry=self.registry,
        )
        self.held = Gauge("coherent_cxr_held_bytes", "Bytes of these requests.", registry=self.registry)
        self.notes = Counter(
            "coherent_cxr_notes", "Notes beside reports, by code.", ("code",), registry=self.registry
        )
        self.refused = Counter(
            "coherent_cxr_refused",
            "Requests without a report, by reason.",
            ("reason",),
            registry=self.registry,
        )
