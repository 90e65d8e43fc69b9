"""Which gateway stood in between, where the log does not name one: the provider or the model's prefix may."""

from __future__ import annotations

import numpy as np

from costaudit.prices.book import PriceBook
from costaudit.tape.columns import Words


def with_gateways(gateway: Words, provider: Words, model: Words, book: PriceBook) -> Words:
    """The gateway column, filled where a provider (openrouter) or a model's prefix (openrouter/…) is one."""
    by_provider = [_gateway_id(name, book) for name in provider.values]
    by_model = [_gateway_id(name.partition("/")[0], book) if name else None for name in model.values]
    if not any(by_provider) and not any(by_model):
        return gateway
    values = list(gateway.values)
    codes = gateway.codes.copy()
    unnamed = np.isin(codes, [i for i, name in enumerate(values) if name is None])
    for column, names in ((model, by_model), (provider, by_provider)):
        for code, name in enumerate(names):
            if name is not None:
                if name not in values:
                    values.append(name)
                codes[unnamed & (column.codes == code)] = values.index(name)
    return Words(codes, tuple(values))


def _gateway_id(name: str | None, book: PriceBook) -> str | None:
    provider = book.provider_by_log_name.get(name.strip().lower()) if name else None
    return provider if provider is not None and book.providers[provider].kind == "gateway" else None
