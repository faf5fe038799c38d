"""How often, and when, a state that failed is tried again (semantics 8.1)."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real

from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.engine.resources import is_amount
from fluffy_nb.errors import InvalidSpecError, explains_init

RetryOn = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]


@explains_init
@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What happens after an attempt that failed.

    Args:
        max_retries: Attempts after the first.
        initial_delay: Seconds before the first retry.
        exponential_base: Each delay is this many times the one before.
        max_delay: Seconds that no delay exceeds.
        jitter: Whether a delay is drawn between half and all of its length.
        retry_on: The errors that are worth another attempt: a class, several, or a function of the
            error; all by default.

    Raises:
        InvalidSpecError: One of them is outside what is allowed.

    Example:
        >>> RetryPolicy(max_retries=5, initial_delay=0.5, retry_on=(ConnectionError, TimeoutError))
    """

    max_retries: int = 3
    initial_delay: float = 1.0
    exponential_base: float = 2.0
    max_delay: float = 60.0
    jitter: bool = True
    retry_on: RetryOn = Exception

    def __post_init__(self) -> None:
        if type(self.max_retries) is not int or self.max_retries < 0:
            raise InvalidSpecError("max_retries", self.max_retries, "a whole number, zero or more")
        for name in ("initial_delay", "max_delay"):
            value = getattr(self, name)
            if not is_amount(value) or value == math.inf:
                raise InvalidSpecError(name, value, "a number of seconds, zero or more")
        base = self.exponential_base
        if not _is_real(base) or not 1 <= base < math.inf:
            raise InvalidSpecError("exponential_base", base, "a number from 1")
        if not isinstance(self.jitter, bool):
            raise InvalidSpecError("jitter", self.jitter, "True or False")
        given = self.retry_on
        if inspect.iscoroutine(given) or (callable(given) and not isinstance(given, type)):
            check_plain("retry_on", given, "the error")
        elif isinstance(given, Iterable) and not isinstance(given, (type, str)):
            object.__setattr__(self, "retry_on", tuple(given))
        if not _is_condition(self.retry_on):
            allowed = "an exception class, several of them, or a function of the error"
            raise InvalidSpecError("retry_on", given, allowed)

    def allows(self, error: BaseException, tries: int) -> bool:
        """Whether another attempt is made.

        Args:
            error: How the latest attempt ended.
            tries: How many attempts there were.
        """
        if tries > self.max_retries:
            return False
        if isinstance(self.retry_on, (type, tuple)):
            return isinstance(error, self.retry_on)
        again: object = self.retry_on(error)
        if again is not True and again is not False:
            check_returned("retry_on", self.retry_on, again, "the error")
        return bool(again)

    def delay(self, tries: int) -> float:
        """Seconds to wait after this many attempts.

        The number of attempts can be large: a power that overflows is cut to `max_delay` as any.
        """
        try:
            delay = min(
                self.initial_delay * float(self.exponential_base) ** (tries - 1), self.max_delay
            )
        except OverflowError:
            delay = self.max_delay if self.initial_delay else 0.0
        import random  # noqa: PLC0415 - most runs retry nothing

        return delay * random.uniform(0.5, 1.0) if self.jitter else delay  # noqa: S311 - no secret


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_condition(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in value)
    if isinstance(value, type):
        return issubclass(value, BaseException)
    return callable(value)
