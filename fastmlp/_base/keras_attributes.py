"""Attributes and methods that Keras's objects have and ours do not, and what there is instead.

`SENTENCES` has the names for the class of an object and each of its bases, `HOOKS` those that subclasses define in
Keras.
"""

_GRAPHS = (
    "there are no tensors of a graph. model[:2] is a model of the first two elements with the same weights, and "
    "model[:2].predict(x) computes their outputs"
)
_LOOPS = (
    "training is compiled as a whole. For a loop of your own there are train_on_batch(x, y), and gradients(x, y) with "
    "apply_gradients(gradients)"
)
_ONE_PRECISION = "all layers have the precision of the model, model.dtype"
_OF_LAYERS = "penalties are kernel_regularizer= and bias_regularizer= of layers, and the reported loss has them"
_IN_MODEL = (
    "a layer is a declaration, of which several models can be made: the model has its tensors, as model.layers[0] or "
    "model.get_layer(name)"
)
_STATE = "the model keeps the state of its optimiser: model.save(path) and fastmlp.load(path)"
_CONFIG = "use config(), whose result this module's get() reads back"
_FLOATS = "weights are float32 or float64"

_STEPS = (
    "train_step test_step predict_step compute_loss compute_metrics make_train_function make_test_function "
    "make_predict_function"
)

SENTENCES: dict[str, dict[str, str]] = {
    "Sequential": {
        f"{_GRAPHS}; model.n_features is the width of the input": "input output inputs outputs",
        "use model(x) or model.predict(x)": "call",
        "use fit, evaluate and predict, which take generators": "fit_generator evaluate_generator predict_generator",
        _LOOPS: (f"{_STEPS} train_function test_function predict_function stateless_call stateless_compute_loss"),
        "each call of train_on_batch, evaluate and fit returns metrics of its own rows": (
            "get_metrics_result metrics_variables"
        ),
        _OF_LAYERS: "losses add_loss activity_regularizer",
        "use compile(metrics=[...])": "add_metric",
        "a model has the tensors of its layers": "add_weight add_variable",
        "everything is compiled, and runs without returning to Python": (
            "run_eagerly jit_compile steps_per_execution supports_jit"
        ),
        _ONE_PRECISION: "dtype_policy compute_dtype variable_dtype input_dtype autocast",
        "use config() or to_json(), and Sequential.from_config(config)": (
            "get_compile_config compile_from_config get_build_config build_from_config to_yaml"
        ),
        "use get_weights and set_weights, or save(path) and fastmlp.load(path)": (
            "get_state_tree set_state_tree load_own_variables save_own_variables state_updates"
        ),
        _FLOATS: "quantize quantization_mode quantized_build quantized_call",
        "use model.learning_rate": "lr",
        "no layer keeps a state from row to row": "reset_states stateful",
        "use model.output_shape": "compute_output_shape compute_output_spec",
    },
    "BoundLayer": {
        _OF_LAYERS: "losses add_loss activity_regularizer",
        "use model[:2].predict(x) for the output of the first two elements": "call",
        "use layer.declaration.config()": "get_config from_config",
        "use layer.output_shape": "compute_output_shape compute_output_spec",
        "the only constraint is layer.max_norm": "kernel_constraint bias_constraint",
        "a model's layers are made when it is built": "build add_weight add_variable",
        _ONE_PRECISION: "dtype_policy compute_dtype variable_dtype input_dtype autocast",
        _FLOATS: "quantize quantization_mode lora_rank lora_enabled enable_lora",
    },
    "Layer": {
        _IN_MODEL: (
            "get_weights set_weights weights kernel bias gamma beta moving_mean moving_variance trainable_weights "
            "non_trainable_weights variables trainable_variables non_trainable_variables count_params built build"
        ),
        _GRAPHS: "input output output_shape call compute_output_shape",
        _OF_LAYERS: "losses add_loss activity_regularizer",
        "use config(), whose result fastmlp.layers.from_config reads back": "get_config from_config",
    },
    "History": {
        "a history belongs to no model; model.history is that of the latest training": "model",
        "it is the result of fit, and no callback: fastmlp.callbacks.History is one": (
            "set_model set_params on_train_begin on_train_end on_epoch_begin on_epoch_end"
        ),
    },
    "Loss": {_CONFIG: "get_config from_config", "use loss(y_true, y_pred)": "call fn"},
    "Metric": {
        "use config(), whose result fastmlp.metrics.get([config]) reads back": "get_config from_config",
        "it keeps the rows that update_state gets, and no tensors": "add_weight add_variable variables",
    },
    "Optimizer": {
        "use learning_rate": "lr",
        "use model.apply_gradients(gradients), with the gradients of model.gradients(x, y)": (
            "apply_gradients apply minimize compute_gradients get_gradients update_step"
        ),
        "model.position counts epochs and batches": "iterations",
        _STATE: "variables get_weights set_weights weights build built",
        _CONFIG: "get_config from_config",
        "use type(optimizer).__name__": "name",
    },
    "Initializer": {_CONFIG: "get_config from_config clone"},
    "Regularizer": {_CONFIG: "get_config from_config"},
    "Callback": {
        "fit sets model and params of its callbacks": "set_model set_params",
        "fit(validation_data=...) evaluates them, and the logs have val_loss; keep them yourself for more": (
            "validation_data"
        ),
    },
}

# What a class derived from ours must not define, because it would never be called.
HOOKS: dict[str, tuple[str, str]] = {
    "Sequential": (f"call {_STEPS}", _LOOPS),
    "Layer": (
        "call build compute_output_shape __call__",
        "there are no layers of your own, but activations: fastmlp.activations.Custom(function, derivative)",
    ),
    "Loss": ("call __call__ fn", "use fastmlp.losses.Custom(function, derivative)"),
    "Metric": (
        "update_state result reset_state reset_states",
        "define __call__(self, targets, outputs), which gets all rows, or give compile(metrics=[...]) a function",
    ),
    "Optimizer": (
        "update_step build minimize apply_gradients apply get_updates resource_apply_dense _resource_apply_dense",
        "there are no optimisers of your own: compute new weights from model.gradients(x, y), for model.set_weights",
    ),
    "Regularizer": ("__call__", "penalties are l1, l2 and l1_l2"),
    "Initializer": ("__call__", "set the weights once the model is built, model.layers[0].kernel = array"),
}
