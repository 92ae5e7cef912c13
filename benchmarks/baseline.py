"""Against a network of node objects and worker processes."""

from __future__ import annotations

from fastmlp._contest import WORKLOADS
from fastmlp._contest.table import seconds

from .naive import measure_per_sample
from .report import Data, Options, say

TITLE = "Against the naive network"


def measure(options: Options) -> Data:
    """Seconds for a training sample."""
    say("naive network")
    workload = WORKLOADS["W1"]
    samples = 128 if options.quick else 512
    return {"sample": measure_per_sample(workload.widths, samples, batch_size=workload.batch_size), "samples": samples}


def lines(data: Data) -> list[str]:
    """The section, in Markdown."""
    return [
        "The network of [`benchmarks/naive.py`](../benchmarks/naive.py) has an object for each neuron, a queue item",
        (
            f"for each sample, and eight worker processes. For W1 it takes {seconds(data['sample'])} for each training "
            f"sample, measured over {data['samples']} samples."
        ),
    ]
