"""What `simulate` is asked about fees: --markup, --break-even and --commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from costaudit.prices.gateways import Gateways
    from costaudit.questions.audit.fees.build import Fees
    from costaudit.questions.audit.fees.commitment import Commitment
    from costaudit.questions.audit.fees.markup import Asked


class AskedFees(msgspec.Struct, frozen=True):
    """The options as written, checked, before fees of gateways are looked up for a day."""

    markups: Sequence[Asked]
    options: Sequence[tuple[str, Asked]]
    commitments: Sequence[Commitment]
    gateways: Gateways

    def at(self, us: int | None) -> Fees:
        """The fees in force at an instant, or now."""
        from costaudit.questions.audit.fees.break_even import Option  # noqa: PLC0415
        from costaudit.questions.audit.fees.build import Fees  # noqa: PLC0415 - start-up
        from costaudit.questions.audit.fees.gateway_fees import look_up  # noqa: PLC0415

        moment = int(datetime.now(UTC).timestamp()) * 1_000_000 if us is None else us
        return Fees(
            markups=[look_up(asked, self.gateways, moment) for asked in self.markups],
            options=[Option(name, look_up(asked, self.gateways, moment)) for name, asked in self.options],
            commitments=self.commitments,
        )


def asked_fees(
    markups: Sequence[str] | None,
    break_even: Sequence[str] | None,
    commits: Sequence[str] | None,
    gateways: Gateways,
) -> AskedFees:
    """Parse the three options before anything is read; raises UsageError."""
    from costaudit.questions.audit.fees.break_even import check_names, parse_option  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.fees.commitment import parse_commitment  # noqa: PLC0415
    from costaudit.questions.audit.fees.gateway_fees import check_known  # noqa: PLC0415
    from costaudit.questions.audit.fees.markup import parse_markups  # noqa: PLC0415

    asked = [one for text in markups or [] for one in parse_markups(text)]
    options = [parse_option(text) for text in break_even or []]
    check_names(options)
    check_known([*asked, *(form for _, form in options)], gateways)
    return AskedFees(asked, options, [parse_commitment(text) for text in commits or []], gateways)
