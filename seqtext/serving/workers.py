"""Workers as the server sees them: processes that it starts, asks and ends."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from seqtext.errors import CheckpointError, LostProcessError
from seqtext.inference.channels import PipeChannel
from seqtext.inference.processes import start_process
from seqtext.serving.messages import Answer, Batch, Description, ModelPlace

_PATIENCE = 5.0  # seconds that a process has to end


class Worker:
    """A process with the model. One thread at a time uses it, and others may kill it.

    Args:
        place: The model.
    """

    def __init__(self, place: ModelPlace) -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process. It loads its model while others start.

        Raises:
            LostProcessError: The process has ended.
        """
        self.end()
        self._process = process = start_process("seqtext.serving.worker")
        assert process.stdin is not None and process.stdout is not None
        self._channel = PipeChannel(process.stdout.fileno(), process.stdin.fileno())
        self._channel.send(self.place)

    def load(self, known: Description | None = None) -> Description:
        """Wait until the process has its model.

        Args:
            known: What the first worker has said. This model has to be the same.

        Raises:
            SeqtextError: It cannot be loaded, or has changed.
            LostProcessError: The process has ended.
        """
        reply: Description | Exception = self._channel.receive()
        if isinstance(reply, Exception):
            raise reply
        if known is not None and reply.state != known.state:
            raise CheckpointError(
                f"{', '.join(self.place.paths)}: has changed since the server read it. Start the server again"
            )
        return reply

    def compute(self, batch: Batch) -> Sequence[Answer]:
        """The answer to each request of a batch, in order.

        Raises:
            LostProcessError: The process has ended.
        """
        try:
            self._channel.send(batch)
            answers: Sequence[Answer] = self._channel.receive()
        except Exception as error:  # an answer that is cut off can raise anything
            self.end()  # until then the process might seem alive
            raise LostProcessError from error
        return answers

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        process = self._process  # another thread may start it again
        return process is not None and process.poll() is None

    def kill(self) -> None:
        """End the process at once. ``compute`` then raises."""
        process = self._process
        if process is not None:
            process.kill()

    def end(self) -> None:
        """End the process, and wait for that."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()  # it waits for a batch, and learns that there is none
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def start_workers(place: ModelPlace, count: int) -> tuple[list[Worker], Description]:
    """Workers that have loaded the model. The first one chooses the precision of all.

    Raises:
        SeqtextError: It cannot be loaded.
        LostProcessError: A process has ended.
    """
    first = Worker(place)
    workers = [first]
    try:
        first.start()
        description = first.load()
        if not place.exported:
            place = place._replace(precision=description.precision)
        first.place = place
        workers += [Worker(place) for _ in range(count - 1)]
        for worker in workers[1:]:
            worker.start()
        for worker in workers[1:]:
            worker.load(description)
    except BaseException as error:
        for worker in workers:
            worker.kill()
            worker.end()
        if isinstance(error, LostProcessError):
            raise LostProcessError("a worker has ended while it loaded the model") from error
        raise
    return workers, description
