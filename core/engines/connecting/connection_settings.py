"""What a person may set of a connection: limits, a budget, prices, and what Tagloom would otherwise find out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from core.engines.server.wire import FORMATS
from core.errors import InvalidInput

AUTO = "auto"
# name → (least, most, unit and meaning for people)
_WHOLE = {
    "concurrency": (1, 512, "requests at once"),
    "rpm": (1, 1_000_000, "requests a minute"),
    "tpm": (1, 1_000_000_000, "tokens a minute"),
    "context": (128, 100_000_000, "context in tokens"),
}
_MONEY = {
    "budget": (Decimal(0), Decimal(1_000_000), "budget in US dollars"),
    "price_input": (Decimal(0), Decimal(10_000), "price of a million tokens read"),
    "price_output": (Decimal(0), Decimal(10_000), "price of a million tokens written"),
}


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a person may set of a connection; None where Tagloom finds out or does not limit.

    Attributes:
        concurrency: requests under way at most, over all processes of this host.
        rpm, tpm: requests and tokens a minute at most, over all processes.
        seconds: longest time of one request.
        budget: US dollars that may be spent here in all, over all processes; nothing is sent beyond it.
        price_input, price_output: US dollars per million tokens, each instead of what the price list says.
        context: tokens that the model can take in and give together.
        answer_format: "auto", or a step of the ladder (core.engines.server.wire.FORMATS).
    """

    concurrency: int = 16
    rpm: int | None = None
    tpm: int | None = None
    seconds: float = 120.0
    budget: Decimal | None = None
    price_input: Decimal | None = None
    price_output: Decimal | None = None
    context: int | None = None
    answer_format: str = AUTO

    @classmethod
    def from_json(cls, text: str) -> ConnectionSettings:
        """As the host stores it; unknown names are left out."""
        given: dict[str, Any] = orjson.loads(text)
        values = {name: given[name] for name in cls.__dataclass_fields__ if given.get(name) is not None}
        for name in _MONEY:
            if name in values:
                values[name] = Decimal(str(values[name]))
        return cls(**values)

    @classmethod
    def from_given(cls, given: dict[str, Any]) -> ConnectionSettings:
        """As a person gave it: numbers or their texts, empty for the default.

        Raises:
            InvalidInput: a value is out of range, or a name is unknown.
        """
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown:
            raise InvalidInput(f"A connection has no setting “{unknown[0][:40]}”.", "Leave it out.")
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is None or value == "":
                continue
            if name in _WHOLE:
                values[name] = int(_number(value, *_WHOLE[name], whole=True))
            elif name in _MONEY:
                values[name] = _number(value, *_MONEY[name])
            elif name == "seconds":
                values[name] = float(_number(value, 1, 3600, "longest time in seconds"))
            elif value not in (AUTO, *FORMATS):
                raise InvalidInput(
                    f"There is no way of asking “{str(value)[:40]}”.", f"Ways: {', '.join((AUTO, *FORMATS))}."
                )
            else:
                values[name] = value
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """For people's forms: money as text, so that no digit is lost."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {n: format(v, "f") if isinstance(v, Decimal) else v for n, v in values.items()}

    def to_json(self) -> str:
        return orjson.dumps(self.as_dict()).decode()


def _number(value: Any, least: Any, most: Any, meaning: str, whole: bool = False) -> Decimal:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or not least <= number <= most or (whole and number != number.to_integral_value()):
        kind = "a whole number" if whole else "a number"
        range_ = f"{kind} from {least:,} to {most:,}"
        raise InvalidInput(f"The {meaning}: “{str(value)[:40]}” is not {range_}.", "Correct it.")
    return number
