"""PyTorch: cross-entropy of logits, and fused Adam.

`index_select` picks the rows from one tensor, because a DataLoader is slower. Adam's other forms are slower:
784-128-64-10 took 1.4 times as long with ``foreach``, 2.3 times with neither.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from ..._base.types import Array
from ..workloads import Task


class Eager:
    """As it is written."""

    def __init__(self, task: Task) -> None:
        torch.set_num_threads(task.threads)
        self.task = task
        self.x, self.y = torch.from_numpy(task.x), torch.from_numpy(task.y)
        layers: list[Any] = []
        for fan_in, units in task.workload.layers:
            layers += [torch.nn.Linear(fan_in, units), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        self.compile()
        self.start()

    def compile(self) -> None:
        self.loss = self._loss

    def _loss(self, x: Any, y: Any) -> Any:
        return cross_entropy(self.model(x), y)

    def start(self) -> None:
        values = [torch.from_numpy(weight.T) for weight in self.task.weights]
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), values, strict=True):
                parameter.copy_(value)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.epoch = 0

    def train_epoch(self) -> float:
        order = torch.from_numpy(self.task.order(self.epoch))
        self.epoch += 1
        total = torch.zeros(())
        for rows in order.split(self.task.workload.batch_size):
            loss = self.loss(self.x.index_select(0, rows), self.y.index_select(0, rows))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(rows)
        return float(total) / len(order)

    def predict(self, x: Array) -> Array:
        with torch.inference_mode():
            probabilities: Array = self.model(torch.from_numpy(x)).softmax(1).numpy()
        return probabilities


class Compiled(Eager):
    """Loss and gradients through `torch.compile`."""

    def compile(self) -> None:
        torch.compiler.reset()  # its limit on recompilations also counts earlier networks
        self.loss = torch.compile(self._loss, dynamic=False)
