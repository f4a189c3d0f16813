"""CPython: signal.signal and KeyboardInterrupt beside the library in an extension module."""

import os
import signal
import threading
import time

import host

USR1, INT = signal.SIGUSR1, signal.SIGINT
python = 0


def count(number, frame):
    global python
    python += 1


def python_hears():
    """Handlers in Python run on the main thread, some instructions later."""
    global python
    deadline = time.monotonic() + 30
    while python == 0:
        assert time.monotonic() < deadline, "Python does not hear"
    python = 0


def both_hear():
    assert host.heard(30000) == USR1
    python_hears()


signal.signal(USR1, count)
os.kill(os.getpid(), USR1)
python_hears()

assert host.watch(USR1) == 0
assert host.on_stack(USR1) == 1
for _ in range(20):
    os.kill(os.getpid(), USR1)
    both_hear()
    thread = threading.Thread(target=host.send, args=[USR1])
    thread.start()
    thread.join()
    both_hear()
assert host.section(USR1) == 0
python_hears()
assert host.unwatch() == 0
os.kill(os.getpid(), USR1)
python_hears()

# A handler of the module's own, and back.
assert host.install(USR1) == 0
assert host.send(USR1) == 0
assert (host.counted(), python) == (1, 0)
assert host.restore() == 1
assert host.send(USR1) == 0
python_hears()

# Under a pipe Ctrl-C is what it was.
assert host.watch(INT) == 0
try:
    os.kill(os.getpid(), INT)
    time.sleep(30)
    raise AssertionError("no KeyboardInterrupt")
except KeyboardInterrupt:
    pass
assert host.heard(30000) == INT

# What Python installs over a pipe silences it; then the pipe is told to watch again.
signal.signal(INT, count)
os.kill(os.getpid(), INT)
python_hears()
assert host.heard(0) == 0
assert host.unwatch() == 0
os.kill(os.getpid(), INT)
python_hears()
