"""The definition of every kernel, in obvious NumPy: same names, same signatures, no speed.

Read these to learn what a kernel computes; tests compare `fastmlp.kernels` with them. Outputs come first and are
overwritten, as in kernels. The twins do not check their arguments: NumPy never writes outside of an array, and
arguments that the kernels refuse raise some error here, or give meaningless numbers. This package imports only numpy
and the tables.
"""

from .activations import activation_backward, activation_forward, relu_backward, relu_forward
from .custom import custom_forward, custom_loss
from .dense import dense_backward_inputs, dense_backward_parameters, dense_forward
from .layout import pack_panels, unpack_panels
from .losses import elementwise_loss, softmax_crossentropy, sparse_softmax_crossentropy
from .math import exp, log
from .network import evaluate_batches, network_update, predict_batches, predict_rows, train_batches
from .noise import dropout, gaussian_noise
from .normalization import batch_norm_backward, batch_norm_forward, layer_norm_backward, layer_norm_forward, normalize
from .optimizers import adam_update, optimizer_update, sgd_update
from .rng import philox_words, shuffle
from .scale import scale_backward, scale_forward
from .softmax import softmax_backward, softmax_forward
from .sparse import sparse_backward_weights, sparse_forward

__all__ = [
    "activation_backward",
    "activation_forward",
    "adam_update",
    "batch_norm_backward",
    "batch_norm_forward",
    "custom_forward",
    "custom_loss",
    "dense_backward_inputs",
    "dense_backward_parameters",
    "dense_forward",
    "dropout",
    "elementwise_loss",
    "evaluate_batches",
    "exp",
    "gaussian_noise",
    "layer_norm_backward",
    "layer_norm_forward",
    "log",
    "network_update",
    "normalize",
    "optimizer_update",
    "pack_panels",
    "philox_words",
    "predict_batches",
    "predict_rows",
    "relu_backward",
    "relu_forward",
    "scale_backward",
    "scale_forward",
    "sgd_update",
    "shuffle",
    "softmax_backward",
    "softmax_crossentropy",
    "softmax_forward",
    "sparse_backward_weights",
    "sparse_forward",
    "sparse_softmax_crossentropy",
    "train_batches",
    "unpack_panels",
]
