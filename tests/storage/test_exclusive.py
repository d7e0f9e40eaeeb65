from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time

from coherent_cxr.storage.exclusive import sole_holder

HOLD = """
import sys, time
from pathlib import Path
from coherent_cxr.storage.exclusive import sole_holder
with sole_holder(Path(sys.argv[1]), "the other"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_waits_says_for_whom_and_goes_on_when_the_first_is_killed(tmp_path, caplog):
    path = tmp_path / "new folder" / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        threading.Timer(0.3, holder.send_signal, [signal.SIGKILL]).start()
        began = time.monotonic()
        with caplog.at_level(logging.WARNING), sole_holder(path, "mine") as held:
            assert held
            assert time.monotonic() - began > 0.2
    finally:
        holder.kill()
        holder.wait()
    (message,) = [record.getMessage() for record in caplog.records]
    assert f"mine: process {holder.pid} on " in message
    assert str(path) in message


def test_threads_of_one_process_take_turns(tmp_path):
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with sole_holder(tmp_path / "lock", "work"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


def test_an_error_inside_releases_the_lock(tmp_path, caplog):
    for _ in range(2):
        try:
            with sole_holder(tmp_path / "lock", "work"):
                raise KeyError("x")
        except KeyError:
            pass
    assert not caplog.records


def test_a_lock_file_that_may_not_be_written_can_be_held(tmp_path):
    path = tmp_path / "lock"
    path.write_text("process 1 on elsewhere")
    path.chmod(0o444)
    with sole_holder(path, "work") as held:
        assert held
