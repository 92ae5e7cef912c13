"""Arguments of Keras that constructors and methods of ours do not have, and what each of them means here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import ArgumentError, ArgumentTypeError

OUR_DEFAULT = object()  # what a conversion returns for a value, such as None, that stands for the default


class Only(NamedTuple):
    """An argument with values that change nothing here; for all others, a sentence that names the remedy."""

    values: tuple[Any, ...]
    remedy: str


class Renamed(NamedTuple):
    """An argument that has another name here, or other forms of its value."""

    name: str
    convert: Callable[[Any], Any] | None = None


class Ignored(NamedTuple):
    """An argument that changes nothing here, whatever its value."""

    why: str


Rule = Only | Renamed | Ignored


def _or_default(value: Any) -> Any:
    return OUR_DEFAULT if value is None else value


def _width(value: Any) -> Any:
    return OUR_DEFAULT if value is None else (value,)


def _without_batch(shape: Any) -> Any:
    """The shape of a row, from the shape of a batch."""
    if shape is None:
        return OUR_DEFAULT
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if not sizes or sizes[0] is not None:
        raise ArgumentError(f"the shape of a batch must begin with None, as in (None, 784), not {shape!r:.60}")
    return sizes[1:]


def _longest(constraint: Any) -> Any:
    """``max_norm``, from a constraint on weights."""
    if constraint is None:
        return OUR_DEFAULT
    if isinstance(constraint, str) and constraint.lower() in ("max_norm", "maxnorm"):
        return 2.0
    longest = getattr(constraint, "max_value", None)
    if longest is None:
        raise ArgumentTypeError(
            f"kernel_constraint must be fastmlp.constraints.MaxNorm(...) or None, not {constraint!r:.60}: "
            "limits on the length of a unit's weights are the only constraint"
        )
    return longest


def _nothing_to_train(what: str) -> Only:
    return Only((True, False), f"{what} has nothing to train: leave it out")


_NONE = (None,)
_ONE_PRECISION = Only((None, "float32"), "all layers have the precision of the model: use Sequential(dtype='float64')")
_MEANINGLESS_NAME = Ignored("no result has this name")
_MASKS = Only(_NONE, "random numbers follow the model's seed: use Sequential(seed=...), or utils.set_random_seed(...)")
_LAST_AXIS = Only((-1, 1, (-1,), (1,)), "rows have one dimension, and axis=-1 is the only one: leave it out")
_BOTH = "gamma and beta are always trained together: leave it out"
_PLAIN = Only(_NONE, "gamma and beta have no penalties or constraints: leave it out")
_NORMALIZATION: dict[str, Rule] = {
    "axis": _LAST_AXIS,
    "center": Only((True,), _BOTH),
    "scale": Only((True,), _BOTH),
    "beta_initializer": Only(("zeros", "Zeros"), "set model.layers[i].beta once the model is built"),
    "gamma_initializer": Only(("ones", "Ones"), "set model.layers[i].gamma once the model is built"),
    "beta_regularizer": _PLAIN,
    "gamma_regularizer": _PLAIN,
    "beta_constraint": _PLAIN,
    "gamma_constraint": _PLAIN,
}
_NO_OTHER_REDUCTION = "the loss is the mean over the rows: leave it out"
_OTHER_FORMAT = "models are saved as .npz files of our own format: leave it out"
_ALWAYS_REPLACED = "a file of this name is always replaced: leave it out"
_PROCESSES = "data are read without further processes: leave it out"

ARGUMENTS: dict[str, dict[str, Rule]] = {
    # ------------------------------------------------------------ layers
    "Layer": {
        "input_dim": Renamed("input_shape", _width),
        "batch_input_shape": Renamed("input_shape", _without_batch),
        "batch_shape": Renamed("input_shape", _without_batch),
        "dtype": _ONE_PRECISION,
        "autocast": Ignored("there is one precision"),
        "activity_regularizer": Only(_NONE, "only weights and biases have penalties: use kernel_regularizer"),
        "weights": Only(_NONE, "use model.set_weights([...]) once the model is built"),
    },
    "Dense": {
        "kernel_constraint": Renamed("max_norm", _longest),
        "bias_constraint": Only(_NONE, "biases have no constraints: leave it out"),
        "lora_rank": Only(_NONE, "there are no low-rank updates: leave it out"),
        "lora_alpha": Only(_NONE, "there are no low-rank updates: leave it out"),
        "quantization_config": Only(_NONE, "weights are float32 or float64: leave it out"),
    },
    "Activation": {"axis": _LAST_AXIS, "trainable": _nothing_to_train("an activation")},
    "Flatten": {"data_format": Only((None, "channels_last"), "rows are flattened in the order of their memory")},
    "Dropout": {
        "noise_shape": Only(_NONE, "each number is dropped independently: leave it out"),
        "seed": _MASKS,
        "trainable": _nothing_to_train("a dropout"),
    },
    "GaussianNoise": {"seed": _MASKS, "trainable": _nothing_to_train("noise")},
    "BatchNormalization": {
        **_NORMALIZATION,
        "moving_mean_initializer": Only(("zeros", "Zeros"), "initial values have no share in the running means"),
        "moving_variance_initializer": Only(("ones", "Ones"), "initial values have no share in the running means"),
        "renorm": Only((False,), "there is no renormalisation of batches: leave it out"),
        "renorm_clipping": Ignored("there is no renormalisation of batches"),
        "renorm_momentum": Ignored("there is no renormalisation of batches"),
        "synchronized": Only((False,), "a batch is on one machine: leave it out"),
        "virtual_batch_size": Only(_NONE, "statistics are those of the whole batch: leave it out"),
        "fused": Ignored("it chooses between equal computations"),
    },
    "LayerNormalization": _NORMALIZATION,
    "Normalization": {
        "axis": _LAST_AXIS,
        "mean": Only(_NONE, "use adapt(x), or model.set_first_statistics(mean, variance) once the model is built"),
        "variance": Only(_NONE, "use adapt(x), or model.set_first_statistics(mean, variance) once the model is built"),
        "invert": Only((False,), "it only standardises: leave it out"),
        "trainable": _nothing_to_train("a normalisation of features"),
    },
    "InputLayer": {
        "batch_shape": Renamed("shape", _without_batch),
        "batch_size": Only(_NONE, "batches may have any size: leave it out"),
        "dtype": Only((None, "float32", "float64", "uint8"), "rows are numbers of the model's dtype, or pixels"),
        "sparse": Only((None, False), "rows are read as they come: leave it out"),
        "ragged": Only((None, False), "all rows have the same width: leave it out"),
        "tensor": Only(_NONE, "there are no symbolic tensors: leave it out"),
        "input_tensor": Only(_NONE, "there are no symbolic tensors: leave it out"),
        "optional": Only((False,), "there is always an input: leave it out"),
    },
    # ------------------------------------------------------------ models
    "Sequential": {"trainable": Only((True,), "set model.layers[i].trainable = False for each layer")},
    "Sequential.compile": {
        "loss_weights": Only(_NONE, "there is one output, and one loss: leave it out"),
        "weighted_metrics": Only((None, ()), "metrics count all rows alike: use metrics=[...]"),
        "run_eagerly": Only((None, False), "training is compiled, no part of it can be run in Python: leave it out"),
        "jit_compile": Ignored("everything is compiled"),
        "steps_per_execution": Only((None, 1, "auto"), "epochs run without returning to Python: leave it out"),
        "auto_scale_loss": Ignored("there is no mixed precision"),
        "sample_weight_mode": Only(_NONE, "weights are those of rows: leave it out"),
        "target_tensors": Only(_NONE, "there are no symbolic tensors: leave it out"),
    },
    "Sequential.build": {"input_shape": Renamed("n_features", _or_default)},
    "Sequential.summary": {
        "print_fn": Renamed("print_fn", _or_default),
        "line_length": Ignored("columns are as wide as their contents"),
        "positions": Ignored("columns are as wide as their contents"),
        "expand_nested": Ignored("the layers inside a Residual are always shown"),
        "show_trainable": Ignored("the last line counts the parameters that are not trained"),
        "layer_range": Only(_NONE, "all layers are shown: leave it out"),
    },
    "Sequential.save": {
        "filepath": Renamed("path"),
        "overwrite": Only((True,), _ALWAYS_REPLACED),
        "zipped": Only((None, True), _OTHER_FORMAT),
        "include_optimizer": Only((True,), "a file always holds the optimiser's state: use save_weights(path)"),
        "save_format": Only(_NONE, _OTHER_FORMAT),
    },
    "Sequential.save_weights": {
        "filepath": Renamed("path"),
        "overwrite": Only((True,), _ALWAYS_REPLACED),
        "max_shard_size": Only(_NONE, "weights are saved in one file: leave it out"),
        "save_format": Only(_NONE, _OTHER_FORMAT),
    },
    "Sequential.load_weights": {
        "filepath": Renamed("path"),
        "skip_mismatch": Only((False,), "all weights must fit: set those of single layers, model.layers[i].kernel = …"),
        "by_name": Only((False,), "all weights must fit: set those of single layers, model.layers[i].kernel = …"),
    },
    "models.load_model": {
        "filepath": Renamed("path"),
        "compile": Only((True, False), "the model is compiled as it was saved: call compile() to change that"),
        "safe_mode": Ignored("nothing in a file is ever run"),
    },
    "models.clone_model": {
        "input_tensors": Only(_NONE, "there are no symbolic tensors: leave it out"),
        "clone_function": Only(_NONE, "make the layers that you want, and Sequential([...]) of them"),
        "call_function": Only(_NONE, "make the layers that you want, and Sequential([...]) of them"),
        "recursive": Only((False,), "layers inside a Residual are always cloned: leave it out"),
    },
    "models.save_model": {
        "filepath": Renamed("path"),
        "overwrite": Only((True,), _ALWAYS_REPLACED),
        "zipped": Only((None, True), _OTHER_FORMAT),
        "include_optimizer": Only((True,), "a file always holds the optimiser's state: use save_weights(path)"),
        "save_format": Only(_NONE, _OTHER_FORMAT),
    },
    # ------------------------------------------------------------ optimisers
    "Optimizer": {
        "lr": Only((), "the argument is learning_rate, as in Keras since 2.3: use learning_rate=..."),
        "decay": Only(
            (None, 0, 0.0),
            "use learning_rate=schedules.InverseTime(rate, decay=...) for a rate that falls with each step, which is "
            "what decay= did, or weight_decay=... for weights that shrink",
        ),
        "name": _MEANINGLESS_NAME,
        "weight_decay": Renamed("weight_decay", _or_default),
        "epsilon": Renamed("epsilon", _or_default),
        "gradient_accumulation_steps": Renamed("gradient_accumulation_steps", _or_default),
        "amsgrad": Only((False,), "there is no AMSGrad: leave it out"),
        "use_ema": Only(
            (False,), "use ema_momentum=0.99 and, after fit(), model.swap_averaged_weights() to get the average"
        ),
        "ema_overwrite_frequency": Only(_NONE, "call model.swap_averaged_weights() when you want the average"),
        "loss_scale_factor": Only(_NONE, "there is no mixed precision: leave it out"),
        "jit_compile": Ignored("everything is compiled"),
    },
    "RMSprop": {"centered": Only((False,), "there is no centred variant: leave it out")},
    # ------------------------------------------------------------ callbacks
    "ModelCheckpoint": {
        "filepath": Renamed("path"),
        "period": Renamed("every_epochs"),
        "options": Only(_NONE, "there are no options of a file system: leave it out"),
    },
    "LambdaCallback": {
        "on_train_batch_begin": Only(_NONE, "it is never called: use on_train_batch_end"),
        "on_batch_begin": Only(_NONE, "it is never called: use on_train_batch_end"),
    },
    "ReduceLROnPlateau": {"epsilon": Renamed("min_delta")},
    "CSVLogger": {
        "filename": Renamed("path"),
        "separator": Only((",",), "columns are separated by commas: leave it out"),
    },
    "TensorBoard": {
        "log_dir": Renamed("logdir"),
        "histogram_freq": Only((0,), "only the logs are written: leave it out"),
        "write_graph": Ignored("there is no graph"),
        "write_images": Only((False,), "only the logs are written: leave it out"),
        "write_steps_per_second": Ignored("the logs always have samples_per_second"),
        "profile_batch": Only((0,), "there is no profiler: leave it out"),
        "embeddings_freq": Only((0,), "only the logs are written: leave it out"),
        "embeddings_metadata": Only(_NONE, "only the logs are written: leave it out"),
    },
    # ------------------------------------------------------------ losses and metrics
    "Loss": {
        "reduction": Only(("sum_over_batch_size", "auto"), _NO_OTHER_REDUCTION),
        "axis": _LAST_AXIS,
        "name": _MEANINGLESS_NAME,
        "dtype": _ONE_PRECISION,
        "ignore_class": Only(_NONE, "give these rows a sample_weight of 0, and any class"),
    },
    "metrics.Metric": {
        "dtype": Ignored("metrics are computed in float64"),
        "axis": _LAST_AXIS,
        "thresholds": Only((None, 0.5), "decisions are made at one half: leave it out, or use a function of your own"),
        "top_k": Only(_NONE, "use TopKAccuracy(k)"),
        "class_id": Only(_NONE, "use average='macro', or a function of your own for one class"),
    },
    "metrics.AUC": {
        "num_thresholds": Ignored("the area is exact"),
        "summation_method": Only(("interpolation",), "the area is exact: leave it out"),
        "thresholds": Only(_NONE, "the area is exact: leave it out"),
        "num_labels": Ignored("it follows from the outputs"),
        "label_weights": Only(_NONE, "labels count alike: leave it out"),
        "from_logits": Only((False,), "metrics see probabilities, also where the loss reads logits: leave it out"),
    },
}
