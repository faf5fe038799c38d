"""Widget messages reach Python while a cell waits for a run.

A kernel runs one cell at a time, and most kernels let a click wait until the cell has ended. Here
the stream of incoming messages is given another receiver for as long as a run is awaited: it hands
widget messages to their widgets at once and leaves all others to the kernel. Where the main thread
is blocked, it reads the messages itself.

All private names of ipykernel and pyzmq that the package uses are used in this module, after a
look whether they are there: `SubshellManager._shell_channel_to_main`, `ZMQStream._recv_callback`,
`ZMQStream._handle_events`, `Kernel._publish_status`, `Kernel._get_shell_context_var`,
`Kernel._shell_parent_ident`, and in ipykernel 6 `Kernel._parent_ident` and
`Kernel.msg_queue._queue`.
"""

# ruff: noqa: SLF001 - see above: this is the place for it

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fluffy_nb.engine.blocking import LOOK_SECONDS
from fluffy_nb.notebook.requests import Requests

try:
    import zmq
except ImportError:  # a kernel in a browser has no sockets, and no bridge
    zmq = None  # type: ignore[assignment]

COMM = frozenset({"comm_open", "comm_msg", "comm_close"})
THROUGH = COMM | {"kernel_info_request", "comm_info_request"}
"""What does not wait for the cell: a page that is reloaded asks which widgets there are."""

TOO_LATE = (
    "this kernel keeps clicks until the cell has ended: start the run with %fluffy run or "
    "agent.start(), and answer when the cell is done"
)


class Bridge:
    """The way into a kernel whose main thread awaits a run.

    Args:
        kernel: The kernel.
        requests: Know the cell that runs.
    """

    def __init__(self, kernel: Any, requests: Requests) -> None:
        self._kernel = kernel
        self._requests = requests
        self._stream: Any = None
        self._receive: Callable[[Any], Any] = lambda _: None  # the kernel's own receiver
        self._holders = 0

    @property
    def note(self) -> str:
        """What a person has to know because clicks do not get through; empty when they do."""
        return "" if self._find_stream() is not None else TOO_LATE

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let widget messages through meanwhile; may be entered any number of times."""
        stream = self._find_stream()
        if stream is None:
            yield
            return
        if self._holders == 0:
            self._stream, self._receive = stream, stream._recv_callback
            stream.on_recv(self._sort, copy=False)
            self._take_queued()
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0:
                self._stream.on_recv(self._receive, copy=False)

    def block(self, done: concurrent.futures.Future[Any]) -> None:
        """Block the main thread until a future is done, and let widget messages through meanwhile.

        All other messages, as those of cells that are queued, are kept and received afterwards, in
        their order.

        Args:
            done: What another thread does.
        """
        stream = self._find_stream()
        kept: list[Any] = []
        bell, rope = socket.socketpair()
        with bell, rope:
            done.add_done_callback(lambda _: _ring(rope))
            poller = zmq.Poller()
            poller.register(bell, zmq.POLLIN)
            if stream is not None:
                poller.register(stream.socket, zmq.POLLIN)
                self._take_queued()
            try:
                while not done.done():
                    ready = dict(poller.poll(int(1000 * LOOK_SECONDS)))
                    if stream is not None and stream.socket in ready:
                        self._receive_now(stream.socket, kept)
            finally:
                if stream is not None:
                    _receive_later(stream, kept)

    def _receive_now(self, channel: Any, kept: list[Any]) -> None:
        frames = channel.recv_multipart(copy=False)
        if self._type(frames) in THROUGH:
            self._handle(frames)
        else:
            kept.append(frames)

    def _find_stream(self) -> Any:
        """Where messages for the main thread come in; None where this kernel is made otherwise."""
        kernel = self._kernel
        if self._holders:
            return self._stream
        try:
            thread = getattr(kernel, "shell_channel_thread", None)
            if thread is None:  # ipykernel 6
                stream = kernel.shell_stream
            else:
                stream = thread.manager._shell_channel_to_main.to_stream
            usable = callable(stream._recv_callback) and callable(stream._handle_events)
        except AttributeError:
            return None
        methods = ("feed_identities", "deserialize")
        usable = usable and all(callable(getattr(kernel.session, name, None)) for name in methods)
        usable = usable and callable(getattr(kernel, "_publish_status", None))
        return stream if usable and set(kernel.shell_handlers) >= THROUGH else None

    # ------------------------------------------------------------ one message

    def _sort(self, frames: Any) -> Any:
        """Receive a message: a widget's is handled at once, others as ever."""
        if self._type(frames) in THROUGH:
            self._handle(frames)
            return None
        return self._receive(frames)

    def _type(self, frames: Any) -> str:
        session = self._kernel.session
        try:
            _, rest = session.feed_identities(frames, copy=False)
            header = session.deserialize(rest, content=False, copy=False)["header"]
        except Exception:  # noqa: BLE001 - not a message: the kernel says so in its own way
            return ""
        return str(header["msg_type"])

    def _handle(self, frames: Any) -> None:
        kernel = self._kernel
        identities, rest = kernel.session.feed_identities(frames, copy=False)
        message = kernel.session.deserialize(rest, content=True, copy=False)
        cell = self._cell()

        def work() -> None:
            kernel.set_parent(identities, message, channel="shell")
            kernel._publish_status("busy", "shell")
            try:
                channel = self._reply_channel()
                handler = kernel.shell_handlers[message["header"]["msg_type"]]
                _complete(handler(channel, identities, message))
                if hasattr(channel, "flush"):  # the loop that would do it may stand still
                    channel.flush(zmq.POLLOUT)
            except Exception:
                kernel.log.exception("Exception in a widget's handler:")
            finally:
                # ipywidgets' front end sends nothing more before it sees this idle.
                kernel._publish_status("idle", "shell")
                kernel.set_parent(*cell, channel="shell")
                if self._requests.latest() is not None:
                    kernel._publish_status("busy", "shell", parent=cell[1])  # the cell runs still

        contextvars.copy_context().run(work)

    def _reply_channel(self) -> Any:
        """Where replies go out that are made in the main thread."""
        thread = getattr(self._kernel, "shell_channel_thread", None)
        if thread is None:
            return self._kernel.shell_stream
        return thread.manager.get_subshell_to_shell_channel_socket(None)

    def _cell(self) -> tuple[Any, Any]:
        """The identities and the message of the cell that runs, not this callback's own."""
        kernel = self._kernel

        def parent() -> tuple[Any, Any]:
            if hasattr(kernel, "_get_shell_context_var"):
                identities = kernel._get_shell_context_var(kernel._shell_parent_ident)
            else:  # ipykernel 6, and 7.0
                identities = kernel._parent_ident["shell"]
            return identities, kernel.get_parent("shell")

        try:
            return self._requests.context().run(parent)
        except LookupError:  # ipykernel 7.0, while no cell runs
            return [], {}

    def _take_queued(self) -> None:
        """Handle the widget messages that ipykernel 6 has put into its own queue already."""
        queue = getattr(getattr(self._kernel, "msg_queue", None), "_queue", None)
        for item in list(queue or ()):
            frames = item[-1][0] if item[-1] else None
            if queue is not None and frames is not None and self._type(frames) in THROUGH:
                queue.remove(item)
                self._handle(frames)


def _complete(result: Any) -> None:
    """Bring a handler to its end, also one that is a coroutine; none of those let through waits."""
    if asyncio.iscoroutine(result):
        with contextlib.suppress(StopIteration):
            result.send(None)
            result.close()


def _ring(rope: socket.socket) -> None:
    with contextlib.suppress(OSError):  # nobody waits any more
        rope.send(b".")


def _receive_later(stream: Any, kept: list[Any]) -> None:
    """Let a stream receive what was read from its socket while the loop stood still."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[Any]]()

    def receive(frames: Any) -> None:
        received = stream._recv_callback(frames)
        if asyncio.iscoroutine(received):
            task = loop.create_task(received)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    for frames in kept:
        loop.call_soon(receive, frames)
    # The loop hears of a message once; those that came meanwhile have been heard of here.
    loop.call_soon(lambda: stream.closed() or stream._handle_events(stream.socket, 0))
