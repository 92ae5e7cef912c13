"""scikit-learn's multilayer perceptrons on fastmlp's kernels: one import line of a program changes.

`MLPClassifier` and `MLPRegressor` have the parameters, attributes, warnings and errors of scikit-learn's estimators of
these names, and further parameters after them. They need scikit-learn: ``pip install 'fastmlp[sklearn]'``.
"""

from .._base.errors import MissingExtraError

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError:
    raise MissingExtraError("fastmlp.sklearn needs scikit-learn: pip install 'fastmlp[sklearn]'") from None

from .._base.public import as_public
from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]

as_public(globals())
