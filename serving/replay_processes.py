"""A replay on several processes: each reads its own batches from the database, and what it counted is added up as it comes."""

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from datetime import datetime

from sqlalchemy import URL

from qc_models.errors import ServiceError
from serving import replay
from serving.database.sessions import Database, open_database
from serving.progress_bar import progress_bar
from serving.replay import Flip, Tally
from serving.replay_rules import Rules

_AHEAD = 3  # batches that wait for each process, so that none is idle and memory does not grow


def run(url: URL, since: datetime, rules: Rules, processes: int, tell: Callable[[Flip], None] | None = None) -> Tally:
    """Replays every stored verdict since a time; each flip is told as it comes, in the order of the verdicts."""
    total = Tally()
    with closing(open_database(url)) as database:
        with database.reading() as session:
            until = replay.newest_id(session)
            number = replay.count(session, since, until)
        spans = replay.batches(database, since, until)
        workers = min(processes, -(-number // replay.BATCH))  # one batch is sooner done than a process started
        if workers > 1:
            results = _of_processes(spans, url, since, rules, workers)
        else:
            results = (replay.replay(database, since, *span, rules) for span in spans)
        with progress_bar("replaying", number) as advance:
            for tally, flips in results:
                total.add(tally)
                if tell is not None:
                    for flip in flips:
                        tell(flip)
                for _ in range(tally.studies):
                    advance()
    return total


def _of_processes(
    spans: Iterable[tuple[int, int]], url: URL, since: datetime, rules: Rules, workers: int
) -> Iterator[tuple[Tally, list[Flip]]]:
    """The results of the batches, in their order."""
    running: deque[Future[tuple[Tally, list[Flip]]]] = deque()
    spawning = multiprocessing.get_context("spawn")  # a fork would share the connections
    with ProcessPoolExecutor(workers, spawning, initializer=_begin, initargs=(url, since, rules)) as pool:
        try:
            for span in spans:
                running.append(pool.submit(_replay, *span))
                if len(running) >= workers * _AHEAD:
                    yield _result(running.popleft())
            while running:
                yield _result(running.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[tuple[Tally, list[Flip]]]) -> tuple[Tally, list[Flip]]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise ServiceError("a process of the replay was ended; see to the memory, and try again") from error


_own: tuple[Database, datetime, Rules]  # of one process


def _begin(url: URL, since: datetime, rules: Rules) -> None:
    global _own
    _own = (open_database(url, pool_size=1), since, rules)
    gc.freeze()  # what is here stays, and is not to be looked through after every few reports


def _replay(after: int, up_to: int) -> tuple[Tally, list[Flip]]:
    database, since, rules = _own
    return replay.replay(database, since, after, up_to, rules)
