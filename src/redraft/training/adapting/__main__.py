"""`python -m redraft.training.adapting FOLDER` does what FOLDER/plan.json plans, or goes on with it.

It is a program of its own, so that torchrun, a container or a worker with a GPU can run it. Neighbour: `process`.
"""

from __future__ import annotations

import sys

from redraft.training.adapting.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
