"""Who served a request and where, by the host and path that it went to.

An OpenAI client says `openai` of whatever host it talks to, and regional prices apply by the endpoint: the
region stands in the host (Bedrock, Vertex AI, OpenAI's data residency) or in the path (Vertex AI).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

PROVIDER_BY_HOST: Final = (
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("services.ai.azure.com", "azure"),
    ("api.anthropic.com", "anthropic"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral"),
    ("openrouter.ai", "openrouter"),
    ("api.together.ai", "together"),
    ("api.together.xyz", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("api.x.ai", "xai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "vertex"),
    ("rep.googleapis.com", "vertex"),
    ("api.ai21.com", "ai21"),
    ("api.inceptionlabs.ai", "inception"),
    ("api.inference.crusoecloud.com", "crusoe"),
    ("api.meta.ai", "meta"),
    ("api.nova.amazon.com", "amazon_nova"),
    ("inference.do-ai.run", "gradient_ai"),
    ("oai.endpoints.kepler.ai.cloud.ovh.net", "ovhcloud"),
    ("dashscope.aliyuncs.com", "alibaba"),
    ("dashscope-intl.aliyuncs.com", "alibaba"),
    ("dashscope-us.aliyuncs.com", "alibaba"),
    ("inference.baseten.co", "baseten"),
    ("cloud.databricks.com", "databricks"),
    ("gcp.databricks.com", "databricks"),
    ("azuredatabricks.net", "databricks"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.friendli.ai", "friendliai"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.lambda.ai", "lambda"),
    ("api.llama.com", "meta"),
    ("api.minimax.io", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("codestral.mistral.ai", "mistral"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.studio.nebius.com", "nebius"),
    ("api.tokenfactory.nebius.com", "nebius"),
    ("api.novita.ai", "novita"),
    ("inference.api.nscale.com", "nscale"),
    ("api.perplexity.ai", "perplexity"),
    ("api.replicate.com", "replicate"),
    ("api.sambanova.ai", "sambanova"),
    ("api.scaleway.ai", "scaleway"),
    ("snowflakecomputing.com", "snowflake"),
    ("api.voyageai.com", "voyage"),
    ("api.inference.wandb.ai", "wandb"),
    ("ml.cloud.ibm.com", "watsonx"),
    ("api.writer.com", "writer"),
    ("api.z.ai", "zai"),
    ("open.bigmodel.cn", "zai"),
    ("bytepluses.com", "byteplus"),
    ("api.githubcopilot.com", "github_copilot"),
    ("api.gmi-serving.com", "gmi"),
    ("api.jina.ai", "jina"),
    ("api.siliconflow.com", "siliconflow"),
    ("api.stepfun.ai", "stepfun"),
    ("api.stepfun.com", "stepfun"),
    ("api.upstage.ai", "upstage"),
    ("volces.com", "volcengine"),
    ("api.xiaomimimo.com", "xiaomi"),
)
"""Ends of host names with the provider behind them; a host that is not here gives no provider."""

BEDROCK: Final = re.compile(r"bedrock-[a-z-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.")
"""How the host names of Bedrock's endpoints start, in every region and partition."""
_OPENAI: Final = re.compile(r"([a-z]{2})\.api\.openai\.com")
"""OpenAI's hosts of a geography: data residency, at a surcharge."""
_VERTEX: Final = re.compile(
    r"([a-z0-9-]+)-aiplatform\.googleapis\.com|aiplatform\.([a-z]+)\.rep\.googleapis\.com"
)
_LOCATION: Final = re.compile(r"/locations/([a-z0-9-]+)/")
_MODEL: Final = re.compile(r"/(?:models?|deployments|publishers/[^/]+/models)/([^/:?]+)")
_BEDROCK_MODEL: Final = re.compile(r"/model/([^/?]+)")
"""Bedrock's ids have a colon of their own (`…-v1:0`), which not every client escapes."""


class Served(msgspec.Struct, frozen=True):
    """What an address says of a request; None for what it does not."""

    provider: str | None = None
    region: str | None = None
    model: str | None = None
    """The model in the path, or an Azure deployment."""


@lru_cache(maxsize=1 << 12)
def served(address: str | None, path: str | None = None) -> Served:
    """What a host or URL, and the path where it stands on its own, say.

    >>> served("https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/x")
    Served(provider='vertex', region='us-east5', model=None)
    >>> served("bedrock-runtime.eu-west-1.amazonaws.com", "/model/amazon.nova-lite-v1:0/converse")
    Served(provider='bedrock', region='eu-west-1', model='amazon.nova-lite-v1:0')
    >>> served("acme.openai.azure.com").provider, served("llm.local").provider
    ('azure', None)
    """
    host, within = _split(address)
    path = path or within
    bedrock = BEDROCK.match(host)
    if bedrock or host.startswith("bedrock-"):
        found = _BEDROCK_MODEL.search(path) or _MODEL.search(path)
        return Served("bedrock", bedrock[1] if bedrock else None, unquote(found[1]) if found else None)
    found = _MODEL.search(path)
    return Served(_provider(host), _region(host, path), unquote(found[1]) if found else None)


def _split(address: str | None) -> tuple[str, str]:
    """Host in lower case, and path."""
    if not address:
        return "", ""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return (parts.hostname or "").lower(), parts.path
    except ValueError:
        return "", ""


def _provider(host: str) -> str | None:
    for end, provider in PROVIDER_BY_HOST:
        if host == end or host.endswith((f".{end}", f"-{end}")):
            return provider
    return None


def _region(host: str, path: str) -> str | None:
    named = _OPENAI.fullmatch(host) or _VERTEX.fullmatch(host)
    if named:
        return next(part for part in named.groups() if part)
    location = _LOCATION.search(path) if "aiplatform" in host else None
    return None if location is None or location[1] == "global" else location[1]
