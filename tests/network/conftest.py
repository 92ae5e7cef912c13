"""What tests of this room share."""

import pytest

from ..shared.tiny import fit, network


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trained model and its file."""
    model = network()
    fit(model, epochs=2)
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    model.save(path)
    return model, path
