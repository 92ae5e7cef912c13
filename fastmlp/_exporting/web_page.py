"""Writes a network as a web page: one file that computes it in the browser, without any request."""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._base import check
from .._base.errors import ArgumentError
from .._network.inputs import PIXELS
from . import limits, texts
from .description import Activation, Affine, LayerNorm, Residual, ScaleShift, Step, described

if TYPE_CHECKING:
    from .._base.types import Array
    from .._network.network import Network
    from .description import Description

_SMALLEST_IMAGE = 16  # the side from which a square number of nameless numbers looks like an image
_DIGITS = 4  # of the numbers that a form begins with


def content(network: Network, path: Path, fold: bool = True, image: bool | None = None, ink: float = 1.0) -> bytes:
    """The bytes of the page.

    Parameters
    ----------
    network : Network
    path : Path
        The title of the page is the name of the file.
    fold : bool, default True
        Whether to write what `fastmlp.Sequential.folded` gives, in which batch normalisation is part of dense layers.
    image : bool, optional
        Whether a row is a square image, to draw on; otherwise the page has a field for each feature. Default: True for
        pixels, and for at least 256 features without names, if their number is a square.
    ink : float, default 1
        The number that drawn pixels have in the training data, where paper has 0, unless the model was trained on
        pixels (uint8): then they have 255.
    """
    limits.refuse_large(network, path)
    ink = check.real_number(ink, "ink")
    net = described(network, fold=fold)
    weights = _Weights(net)
    steps = [weights.step(step) for step in net.steps]
    side = _side_of_image(net, None if image is None else check.yes_or_no(image, "image"))
    description = {
        "about": _about(net, network.engine.program.count),
        "dtype": str(net.dtype),
        "n_features": net.n_features,
        "n_outputs": net.n_outputs,
        "classes": texts.of_labels(net.classes),
        "columns": texts.of_labels(net.labels_of_columns),
        "outputs": vars(net.outputs),
        "steps": steps,
        "image": side and {"side": side, "scale": net.pixel_scale, "ink": ink},
        "table": None if side else {"names": net.feature_texts, "typical": _typical(network)},
    }
    return _page(path.stem, texts.json_in_html(description), weights.base64()).encode("ascii")


def _page(title: str, description: str, weights: str) -> str:
    parts = {name: _asset(name) for name in ("style.css", "network.js", "page.js")}
    scripts = " ".join(_hash(parts[name]) for name in ("network.js", "page.js"))
    words = {
        "TITLE": html.escape(title).encode("ascii", "xmlcharrefreplace").decode(),
        "POLICY": f"default-src 'none'; img-src data:; style-src {_hash(parts['style.css'])}; script-src {scripts}",
        "STYLE": parts["style.css"],
        "NETWORK": parts["network.js"],
        "PAGE": parts["page.js"],
        "DESCRIPTION": description,
        "WEIGHTS": weights,
    }
    return re.sub(r"@([A-Z]+)@", lambda mark: words[mark[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return files(__package__).joinpath("page").joinpath(name).read_text(encoding="ascii")


def _hash(text: str) -> str:
    """A text in the form in which a page allows it to run: no other script does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# ---------------------------------------------------------------- the network


class _Weights:
    """Steps as the page's script reads them, with their tensors in one array."""

    def __init__(self, net: Description) -> None:
        self.dtype = net.dtype
        self._tensors: list[Array] = []
        self._size = 0

    def base64(self) -> str:
        little = self.dtype.newbyteorder("<")
        return base64.b64encode(b"".join(value.astype(little).tobytes() for value in self._tensors)).decode("ascii")

    def step(self, step: Step) -> dict[str, Any]:
        if isinstance(step, Residual):
            return {"type": "residual", "steps": [self.step(inner) for inner in step.steps]}
        if isinstance(step, Activation):
            return {"type": "activation", "kind": step.kind, "numbers": step.numbers}
        if isinstance(step, LayerNorm):
            return self._named("layer_norm", gamma=step.gamma, beta=step.beta) | {"epsilon": step.epsilon}
        if isinstance(step, ScaleShift):
            return self._named("scale_shift", center=step.center, factors=step.factors, offsets=step.offsets)
        assert isinstance(step, Affine)
        return self._named("affine", kernel=step.kernel, bias=step.bias)

    def _named(self, kind: str, **tensors: Array) -> dict[str, Any]:
        return {"type": kind, **{name: self._placed(value) for name, value in tensors.items()}}

    def _placed(self, value: Array) -> dict[str, Any]:
        """The place of a tensor among the weights; or its numbers, if the weights' dtype would round them."""
        if value.dtype != self.dtype:
            return {"values": value.tolist()}
        place = {"at": self._size, "size": value.size}
        self._tensors.append(value)
        self._size += value.size
        return place


def _about(net: Description, count: int) -> str:
    """The network in one line."""
    found = [f"{net.n_features:,}"]
    for step in net.all_steps():
        if isinstance(step, Affine):
            found.append(f"{step.kernel.shape[1]:,}")
        elif isinstance(step, Activation):
            found[-1] += f" {step.kind}"
    return f"{' → '.join(found)}: {count:,} weights in {net.dtype}"


# ---------------------------------------------------------------- what is entered


def _side_of_image(net: Description, wanted: bool | None) -> int | None:
    """The side of the image that a row is; None if it is the row of a table."""
    side = math.isqrt(net.n_features)
    is_square = side * side == net.n_features
    if wanted and not is_square:
        raise ArgumentError(
            f"image=True needs a square number of features, as square images have, not {net.n_features}"
        )
    if wanted is not None:
        return side if wanted else None
    smallest = 2 if net.input_kind == PIXELS else _SMALLEST_IMAGE
    return side if is_square and side >= smallest and net.feature_names is None else None


def _typical(network: Network) -> list[float] | None:
    """Numbers for a form to begin with: the means of the training data, if the network knows them."""
    center = network.reader().center
    return None if center is None else [float(f"{value:.{_DIGITS}g}") for value in center]
