"""The threads that decode frames, look at blocks and run models, for one study or for several at a time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A number of threads that take work in the order in which it is given."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="pixels")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for what runs; what has not begun is never done, and who waits for it gets a CancelledError."""
        self._pool.shutdown(cancel_futures=True)

    def cancel(self) -> None:
        """Has whatever has not begun never done, now and from now on; does not wait for what runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Does some work on the next free thread."""
        return self._pool.submit(work, *args, **kwargs)
