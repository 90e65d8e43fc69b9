"""Calibration of the text scores by labels of one's own traffic: a temperature and a bias for each tier.

The calibrated score of tier t is the softmax of ln(score_t) / temperature + bias_t. A temperature above 1
makes the text less sure of itself; a bias moves probability to a tier that it names too rarely. The five
numbers are the most probable ones under the labels and a prior that they are 1 and 0, which keeps a few
labels from moving them far.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from costaudit.errors import ConfigError
from costaudit.schema import Tier
from costaudit.tiers.scores import WHOLE, scores_of
from costaudit.toml.load import load_toml

SCHEMA: Final = "costaudit/calibration@1"
LEAST_LABELS: Final = 30
"""Labelled requests with a text score, below which nothing is fitted."""

_PRIOR: Final = 1.0
"""Precision of the prior: as much as one standard error of 1."""
_STEPS: Final = 50
_PARTS: Final = 5
_KEYS: Final = ("schema", "temperature", "biases", "labels", "log_loss_before", "log_loss_after")


class Calibration(msgspec.Struct, frozen=True, dict=True):
    """Five numbers, and what they were fitted on."""

    temperature: Decimal
    biases: tuple[Decimal, ...]
    """Of tiers 0 to 3, in logits."""
    labels: int = 0
    log_loss_before: Decimal | None = None
    """Mean of -ln(score of the true tier) over the labels, uncalibrated."""
    log_loss_after: Decimal | None = None
    """The same for requests that the five numbers were not fitted on, by cross-validation."""

    @cached_property
    def _logits(self) -> NDArray[np.int64]:
        """Thousandths of a logit by tier and score: decimal arithmetic, the same on every platform."""
        parts = [(max(Decimal(score), Decimal("0.5")) / WHOLE).ln() for score in range(WHOLE + 1)]
        table = [[round(1000 * (part / self.temperature + bias)) for part in parts] for bias in self.biases]
        return np.array(table, np.int64)

    def apply(self, scores: NDArray[np.integer]) -> NDArray[np.int32]:
        """Calibrated scores in thousandths; a row of zeros stays one."""
        logits = np.stack([self._logits[tier][scores[:, tier]] for tier in Tier], axis=1)
        spoken = np.any(scores, axis=1, keepdims=True)
        return np.where(spoken, scores_of(logits), 0).astype(np.int32)

    def to_toml(self) -> str:
        """The file that `load_calibration` reads."""
        lines = [
            "# How sure the text scorer may be on this traffic: fitted by costaudit label --save.",
            f'schema = "{SCHEMA}"',
            f"temperature = {self.temperature}",
            f"biases = [{', '.join(str(bias) for bias in self.biases)}]",
            f"labels = {self.labels}",
        ]
        losses = {"log_loss_before": self.log_loss_before, "log_loss_after": self.log_loss_after}
        lines += [f"{name} = {value}" for name, value in losses.items() if value is not None]
        return "\n".join(lines) + "\n"


def load_calibration(path: Path) -> Calibration:
    """Read a calibration; raises ConfigError for a file that is none."""
    table = load_toml(path, parse_float=Decimal).table
    hint = "costaudit label --read SAMPLE --save FILE writes one"
    if table.get("schema") != SCHEMA:
        raise ConfigError(f"is no calibration: schema is not {SCHEMA}", path=str(path), hint=hint)
    unknown = next((key for key in table if key not in _KEYS), None)
    if unknown is not None:
        raise ConfigError(f"unknown key {unknown!r}", path=str(path), hint=hint)
    temperature, biases = _number(table.get("temperature")), table.get("biases")
    numbers = [_number(b) for b in biases] if isinstance(biases, list) else []
    if temperature is None or not Decimal("0.05") <= temperature <= 20:
        raise ConfigError("temperature must be a number from 0.05 to 20", path=str(path))
    if len(numbers) != len(Tier) or any(b is None or abs(b) > 10 for b in numbers):
        raise ConfigError("biases must be four numbers from -10 to 10, one per tier", path=str(path))
    labels = table.get("labels", 0)
    return Calibration(
        temperature,
        tuple(b for b in numbers if b is not None),
        labels if isinstance(labels, int) else 0,
        _number(table.get("log_loss_before")),
        _number(table.get("log_loss_after")),
    )


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None


def fit_calibration(scores: NDArray[np.integer], labels: NDArray[np.integer]) -> Calibration | None:
    """The calibration that labels ask for; None with fewer than LEAST_LABELS rows that have a text score.

    `scores` are those of the text alone, uncalibrated, one row per labelled request. The labelled requests
    should be in random order, as a sample has them: every fifth is left out in turn to measure the result.
    """
    rows = np.flatnonzero(scores.any(axis=1))
    if len(rows) < LEAST_LABELS:
        return None
    x, y = np.log(np.maximum(scores[rows], 0.5) / WHOLE), labels[rows].astype(np.intp)
    part = np.arange(len(rows)) % _PARTS
    left_out = np.concatenate(
        [_losses(_fit(x[part != p], y[part != p]), x[part == p], y[part == p]) for p in range(_PARTS)]
    )
    factor, *biases = _fit(x, y)
    return Calibration(
        temperature=_rounded(min(max(1 / factor, 0.05), 20)),
        biases=tuple(_rounded(min(max(bias, -10.0), 10.0)) for bias in biases),
        labels=len(rows),
        log_loss_before=_rounded(float(_losses(np.array([1.0, 0, 0, 0, 0]), x, y).mean())),
        log_loss_after=_rounded(float(left_out.mean())),
    )


def _rounded(value: float) -> Decimal:
    """Four decimals: what differs between platforms lies far behind them."""
    return Decimal(repr(round(float(value), 4) + 0.0))


def _fit(x: Any, y: NDArray[np.intp]) -> Any:
    """One over the temperature, and four biases: Newton's method on a convex function, halving its steps."""
    params, prior = np.array([1.0, 0, 0, 0, 0]), np.array([1.0, 0, 0, 0, 0])
    for _ in range(_STEPS):
        p = _softmax(params, x)
        error = p - np.eye(len(Tier))[y]
        # Derivatives of a logit: the score's logarithm for the first parameter, 1 for the bias of its tier.
        gradient = np.concatenate([[(error * x).sum()], error.sum(axis=0)]) + _PRIOR * (params - prior)
        step = np.linalg.solve(_hessian(p, x), gradient)
        if np.abs(step).max() < 1e-10:
            break
        here, size = _objective(params, prior, x, y), 1.0
        while size > 1e-6 and not _objective(params - size * step, prior, x, y) < here:
            size /= 2
        params = params - size * step
        params[0] = max(params[0], 0.05)
    return params


def _hessian(p: Any, x: Any) -> Any:
    mean = (p * x).sum(axis=1, keepdims=True)
    hessian = np.empty((5, 5))
    hessian[0, 0] = (p * (x - mean) ** 2).sum()
    hessian[0, 1:] = hessian[1:, 0] = (p * (x - mean)).sum(axis=0)
    hessian[1:, 1:] = np.diag(p.sum(axis=0)) - p.T @ p
    return hessian + _PRIOR * np.eye(5)


def _softmax(params: Any, x: Any) -> Any:
    logits = params[0] * x + params[1:]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _losses(params: Any, x: Any, y: NDArray[np.intp]) -> Any:
    return -np.log(_softmax(params, x)[np.arange(len(y)), y])


def _objective(params: Any, prior: Any, x: Any, y: NDArray[np.intp]) -> float:
    return float(_losses(params, x, y).sum() + _PRIOR * ((params - prior) ** 2).sum() / 2)
