"""Every importer: one line each, and the only place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from costaudit.prices.importers import genai_prices, litellm, model_prices, models_dev, openrouter, veqen
from costaudit.prices.importers.observation import Observation, SkippedStatement, Windows


class Importer(msgspec.Struct, frozen=True):
    """A kind of source: how to recognise it, how to read it, and what to say of it in sources.csv."""

    kind: str
    title: str
    url: str
    licence: str
    fits: Callable[[Any], bool]
    parse: Callable[[Any, Windows | None], Iterator[Observation | SkippedStatement]]
    package: str | None = None
    """The Python package that carries the data, if there is one."""
    resource: str = ""
    """The data file in that package."""


IMPORTERS: Final = (
    Importer(
        genai_prices.KIND, "genai-prices", "https://github.com/pydantic/genai-prices", "MIT",
        genai_prices.fits, genai_prices.parse_genai_prices, "genai-prices", "genai_prices/data.py",
    ),
    Importer(
        litellm.KIND, "litellm, model_prices_and_context_window", "https://github.com/BerriAI/litellm", "MIT",
        litellm.fits, litellm.parse_litellm, "litellm", "litellm/model_prices_and_context_window_backup.json",
    ),
    Importer(
        model_prices.KIND, "model-prices: dated prices", "https://github.com/wakamex/model-prices", "MIT",
        model_prices.fits, model_prices.parse_model_prices, "model-prices", "model_prices/snapshot.json",
    ),
    Importer(
        veqen.KIND, "veqen-pricebook", "https://github.com/Keyveve/veqen-sdks", "MIT",
        veqen.fits, veqen.parse_veqen, "veqen-pricebook", "veqen_pricebook/prices.json",
    ),
    Importer(
        models_dev.KIND, "models.dev, api.json", "https://github.com/anomalyco/models.dev", "MIT",
        models_dev.fits, models_dev.parse_models_dev,
    ),
    Importer(
        openrouter.KIND, "OpenRouter, models endpoint", "https://openrouter.ai/api/v1/models",
        "vendor page; facts only", openrouter.fits, openrouter.parse_openrouter,
    ),
)  # fmt: skip
