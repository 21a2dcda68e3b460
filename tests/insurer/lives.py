"""For the tests: the lives of a program. With each line that comes in, it is killed as by a power cut and begins again. The
modules are loaded once and every life is forked from there: a process of its own, which has nothing of the one before but
the database.

    python lives.py PROGRAM.py SETTINGS.json
"""

import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path


def live(program, settings):
    pid = os.fork()
    if pid == 0:
        try:
            program.main(settings)
        finally:
            os._exit(1)
    return pid


if __name__ == "__main__":
    script = Path(sys.argv[1])
    sys.path.insert(0, str(script.parent))
    program = importlib.import_module(script.stem)
    settings = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    pid = live(program, settings)
    while True:
        told, _, _ = select.select([sys.stdin], [], [], 0.2)
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            print("ended by itself", flush=True)
        elif told:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if told and not os.read(0, 1):
            break
        if told or ended:
            pid = live(program, settings)
