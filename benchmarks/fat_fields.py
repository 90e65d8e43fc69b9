"""What a gateway's full dump says beside what an audit reads: some ninety fields, most of them nested."""

from __future__ import annotations

import random
from typing import Any, Final

ZONES: Final = ("eu-west-1", "us-east-2", "ap-south-1")
AGENTS: Final = ("python-httpx/0.28.1", "OpenAI/Python 2.11.0", "axios/1.12.2", "Go-http-client/2.0")
PHASES: Final = ("queue", "auth", "guardrails", "connect", "tls", "first_byte", "last_byte")


def fat_fields(rng: random.Random) -> dict[str, Any]:
    """One record's fields that nobody reads."""
    return {
        **_flat(rng),
        "http": _http(rng),
        "key": _key(rng),
        "routing": {
            "strategy": rng.choice(("least-busy", "latency", "simple-shuffle")),
            "considered": [
                {"deployment": _hex(rng, 16), "weight": round(rng.random(), 4), "cooling": False}
                for _ in range(rng.randrange(2, 4))
            ],
            "fallbacks": [], "reason": None,
        },
        "timings": {phase: round(rng.expovariate(0.05), 3) for phase in PHASES},
        "guardrails": [
            {"name": name, "verdict": "allowed", "score": round(rng.random(), 5), "found": []}
            for name in ("pii", "secrets")
        ],
        "params": {
            "temperature": round(rng.random(), 2), "top_p": 1, "n": 1, "seed": None, "logit_bias": {},
            "stop": ["\n\n", "###"], "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False,
        },
        "labels": {f"label_{n}": rng.choice(("a", "prod", "staging", "", "x-\u00fc")) for n in range(6)},
    }  # fmt: skip


def _flat(rng: random.Random) -> dict[str, Any]:
    return {
        "log_version": 7, "hostname": f"gw-{rng.randrange(24)}", "pod": f"gateway-{_hex(rng, 10)}",
        "zone": rng.choice(ZONES), "build": "2026.02.3", "pid": rng.randrange(1, 65_536), "level": "INFO",
        "thread": rng.randrange(64), "logger": "gateway.access", "sampled": True, "shard": rng.randrange(16),
        "organisation": _hex(rng, 12), "project": f"project-{rng.randrange(30)}", "environment": "production",
        "cost_centre": str(rng.randrange(1000, 9999)), "trace_flags": "01", "w3c_trace": _hex(rng, 32),
        "deployment": _hex(rng, 16), "upstream_version": "2025-11-01", "cache_key": _hex(rng, 64),
        "upstream_request": f"req_{_hex(rng, 24)}", "cache_policy": "none", "retries_left": rng.randrange(3),
        "queue_depth": rng.randrange(200), "bytes_in": rng.randrange(90_000), "moderated": False,
        "bytes_out": rng.randrange(20_000), "ratelimit_requests_left": rng.randrange(10_000),
        "ratelimit_reset": f"{rng.randrange(60)}s", "system_fingerprint": f"fp_{_hex(rng, 10)}",
        "redacted": True, "stored": None, "note": "", "ab_test": rng.choice((None, "a", "b")),
    }  # fmt: skip


def _http(rng: random.Random) -> dict[str, Any]:
    return {
        "method": "POST", "route": "/v1/chat/completions", "version": "2", "scheme": "https",
        "client": {
            "ip": f"10.{rng.randrange(256)}.{rng.randrange(256)}.1", "port": rng.randrange(65_536),
            "agent": rng.choice(AGENTS), "country": "DE", "asn": rng.randrange(70_000),
        },
        "headers": {
            "content-type": "application/json", "x-request-start": f"t={rng.randrange(10**12)}",
            "x-forwarded-for": f"192.0.2.{rng.randrange(256)}", "accept-encoding": "gzip, deflate, br",
            "x-retry-count": "0", "x-team": f"team {rng.randrange(40)}",
        },
    }  # fmt: skip


def _key(rng: random.Random) -> dict[str, Any]:
    budget = {"max": rng.choice((None, 250.0, 1000.0)), "reset_at": None, "duration": "30d"}
    return {
        "alias": f"key-{rng.randrange(400)}", "hash": _hex(rng, 64),
        "team": {"id": _hex(rng, 12), "alias": f"team {rng.randrange(40)}", "budget": budget},
        "owners": [f"owner-{rng.randrange(90)}@mail.example" for _ in range(rng.randrange(1, 3))],
    }  # fmt: skip


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"
