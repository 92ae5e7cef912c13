"""Names of Keras that fastmlp does not have, and what there is instead."""

_DENSE = "fastmlp trains multilayer perceptrons: Dense layers, with normalisation, dropout and residual connections"
_IMAGES = f"{_DENSE}. Images are rows of pixels (Flatten); convolutions and pooling need another library"
_SEQUENCES = f"{_DENSE}. Sequences and attention need another library"
_GRAPHS = (
    "models are sequences of layers. A skip connection is fastmlp.Residual([...]), and model[:2] is a part of a model, "
    "such as the encoder of an autoencoder; there are no graphs of tensors"
)
_FEATURES = "prepare features before training, or begin the model with fastmlp.Normalization()"
_OWN = "there are no layers of your own; a function of your own can be an activation, a loss, a metric or a callback"
_SERIAL = "use get_config-like descriptions: config() of a layer, an optimiser or a loss, and files by model.save(path)"
_REGISTERED = "nothing is registered, as files hold no code: give functions to load_model(custom_objects={...})"
_SETS = 'there are fastmlp.datasets.load("digits"), mnist and fashion_mnist, and load_csv for files of your own'
_ITSELF = "fastmlp stands for keras: import fastmlp as keras, or from fastmlp.layers import Dense"
_TENSORS = "models take and give NumPy arrays: use NumPy"

# Modules of Keras, of any version, inside of those that have all of their names here.
PARTS = {
    "layers": (
        "activation attention advanced_activations convolutional convolutional_recurrent core cudnn_recurrent "
        "embeddings experimental local merge merging noise normalization pooling preprocessing recurrent "
        "regularization reshaping rnn wrappers"
    ),
    "optimizers": "experimental legacy",
    "utils": (
        "conv_utils data_utils generic_utils io_utils layer_utils legacy np_utils numerical_utils python_utils "
        "training_utils vis_utils"
    ),
}

# For each module, sentences and the names that they answer.
_LACKING: dict[str, dict[str, str]] = {
    "layers": {
        _IMAGES: (
            "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
            "AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D "
            "AvgPool1D AvgPool2D AvgPool3D Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D "
            "Conv3DTranspose Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose "
            "Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D DepthwiseConv1D "
            "DepthwiseConv2D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
            "GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D "
            "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D MaxPool1D MaxPool2D MaxPool3D "
            "MaxPooling1D MaxPooling2D MaxPooling3D SeparableConv1D SeparableConv2D SeparableConvolution1D "
            "SeparableConvolution2D SpatialDropout1D SpatialDropout2D SpatialDropout3D UpSampling1D "
            "UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D GroupNormalization"
        ),
        _SEQUENCES: (
            "AdditiveAttention Attention Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D GRU GRUCell "
            "GroupQueryAttention LSTM LSTMCell Masking MultiHeadAttention RNN RepeatVector "
            "ReversibleEmbedding SimpleRNN SimpleRNNCell StackedRNNCells TimeDistributed CuDNNLSTM CuDNNGRU"
        ),
        f"{_DENSE}. A category is a group of one-hot columns, to which a Dense layer gives a vector each": "Embedding",
        _GRAPHS: (
            "Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot "
            "maximum minimum multiply subtract"
        ),
        _FEATURES: (
            "AugMix AutoContrast CategoryEncoding CenterCrop ContrastLimitedAdaptiveHistogramEqualization "
            "CutMix Discretization Equalization HashedCrossing Hashing IntegerLookup MaxNumBoundingBoxes "
            "MelSpectrogram MixUp Pipeline RandAugment RandomBrightness RandomColorDegeneration "
            "RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip "
            "RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization "
            "RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom "
            "Resizing STFTSpectrogram Solarization StringLookup TextVectorization"
        ),
        (
            "arrays of uint8 are multiplied by uint8_scale, 1/255, as they are read (see "
            "fastmlp.Sequential); divide other arrays before training, or begin the model with "
            "fastmlp.Normalization()"
        ): "Rescaling",
        _OWN: ("FlaxLayer JaxLayer Lambda TFSMLayer TorchModuleWrapper Wrapper EinsumDense SpectralNormalization"),
        "its slopes are trained, and there are none of the kind: use LeakyReLU(0.25), whose slope is fixed": "PReLU",
        "use Dropout or GaussianNoise": "AlphaDropout GaussianDropout",
        "use LayerNormalization or BatchNormalization": "RMSNormalization UnitNormalization",
        "rows have one dimension: leave it out": "Reshape Permute",
        'use Activation("linear"), or leave it out': "Identity",
        "only weights and biases have penalties: use Dense(kernel_regularizer=...)": "ActivityRegularization",
        _SERIAL: "deserialize serialize InputSpec",
    },
    "optimizers": {
        (
            "AdamW is the nearest; there are SGD, Adam, AdamW, Adamax, Nadam, Adagrad, RMSprop, Adadelta, Rprop, LBFGS"
        ): "Adafactor Lamb Lion Muon ScheduleFreeAdamW",
        "use Adagrad, with kernel_regularizer='l1' of layers for weights near 0": "Ftrl",
        "weights are float32 or float64, and have one optimiser": "LossScaleOptimizer MultiOptimizer OptimizerMap",
        _SERIAL: "deserialize serialize",
    },
    "losses": {
        (
            "train with 'mse' on numpy.log1p(y), and predict with numpy.expm1(model.predict(x))"
        ): "MeanSquaredLogarithmicError mean_squared_logarithmic_error",
        (
            "use 'categorical_crossentropy', which takes rows of probabilities too: both have the same gradient, as "
            "they differ by the entropy of the targets"
        ): "KLDivergence kl_divergence",
        (
            "use 'binary_crossentropy', or write it as two functions of (output, target), "
            "fastmlp.losses.Custom(function, derivative)"
        ): "Hinge SquaredHinge hinge squared_hinge",
        (
            "use a cross-entropy with class_weight= for rare classes; a loss of each output alone can be written as "
            "two functions, fastmlp.losses.Custom(function, derivative)"
        ): (
            "BinaryFocalCrossentropy CategoricalFocalCrossentropy Dice Tversky binary_focal_crossentropy "
            "categorical_focal_crossentropy dice tversky focal focal_loss"
        ),
        "use 'categorical_crossentropy', with label_smoothing for targets that may be wrong": (
            "CategoricalGeneralizedCrossEntropy CategoricalHinge categorical_generalized_cross_entropy "
            "categorical_hinge"
        ),
        (
            "of losses over a whole row there are only cross-entropies; 'mse' on targets of length 1 is the nearest"
        ): "Circle CosineSimilarity circle cosine_similarity cosine_proximity",
        "it is for sequences, and rows have no order of steps": "CTC ctc",
        _SERIAL: "deserialize serialize",
    },
    "metrics": {
        (
            "a function f(targets, outputs) of your own is a metric, and the loss is reported in any case; there are "
            "the metrics of fastmlp.metrics.METRICS"
        ): (
            "BinaryCrossentropy BinaryIoU CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation "
            "CosineSimilarity FBetaScore Hinge IoU KLDivergence LogCoshError Mean MeanIoU MeanMetricWrapper "
            "MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson "
            "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SparseCategoricalCrossentropy "
            "SpecificityAtSensitivity SquaredHinge Sum binary_crossentropy binary_focal_crossentropy "
            "categorical_crossentropy categorical_focal_crossentropy categorical_hinge "
            "concordance_correlation hinge huber kl_divergence log_cosh mean_squared_logarithmic_error "
            "pearson_correlation poisson sparse_categorical_crossentropy squared_hinge"
        ),
        _SERIAL: "deserialize serialize",
    },
    "callbacks": {
        "use ModelCheckpoint, and fit(resume=True) on the model that it saved": "BackupAndRestore OrbaxCheckpoint",
        "use ProgressLine or ProgressBar, or fit(verbose=...)": "ProgbarLogger",
        "use Lambda, or a Callback of your own": "RemoteMonitor CallbackList",
        "use ema_momentum= of the optimiser, and model.swap_averaged_weights()": "SwapEMAWeights",
    },
    "regularizers": {
        "penalties are l1, l2 and l1_l2": "OrthogonalRegularizer orthogonal_regularizer",
        _SERIAL: "deserialize serialize",
    },
    "initializers": {
        "use 'glorot_uniform', or set the matrix of a built model: model.layers[0].set_weights([matrix, bias])": (
            "Identity IdentityInitializer Orthogonal OrthogonalInitializer STFT STFTInitializer identity "
            "orthogonal stft"
        ),
        _SERIAL: "deserialize serialize",
    },
    "constraints": {
        "the only constraint is MaxNorm": (
            "Constraint MinMaxNorm NonNeg UnitNorm min_max_norm non_neg unit_norm get deserialize serialize"
        ),
    },
    "activations": {
        "write it as two functions of x: fastmlp.activations.Custom(function, derivative)": (
            "celu exponential hard_shrink hard_tanh log_sigmoid relu6 soft_shrink softsign sparse_plus sparse_sigmoid "
            "squareplus tanh_shrink threshold"
        ),
        "use 'softmax', and model.predict_log_proba(x) for logarithms": "log_softmax sparsemax",
        "of activations over a whole row there is only 'softmax'": "glu",
        _SERIAL: "deserialize serialize",
    },
    "models": {
        _GRAPHS: "Model Functional",
        "use fastmlp.load(path) for files of model.save(path)": "model_from_yaml model_from_config",
    },
    "utils": {
        "fit takes arrays, iterables of batches, and fastmlp.datasets.Chunks": (
            "pack_x_y_sample_weight unpack_x_y_sample_weight"
        ),
        "there is nothing to configure": "Config",
        "use model.summary()": "plot_model model_to_dot",
        "use fastmlp.datasets.train_test_split": "split_dataset",
        "use fastmlp.datasets.standardize, or begin the model with fastmlp.Normalization()": "normalize FeatureSpace",
        "use fastmlp.datasets.download for its data sets, or urllib": "get_file",
        _FEATURES: (
            "array_to_img audio_dataset_from_directory bounding_boxes image_dataset_from_directory "
            "img_to_array load_img pad_sequences save_img text_dataset_from_directory "
            "timeseries_dataset_from_array"
        ),
        "use fit(verbose=0)": "disable_interactive_logging enable_interactive_logging is_interactive_logging_enabled",
        "use a progress line of fastmlp.callbacks": "Progbar",
        _REGISTERED: (
            "register_keras_serializable get_registered_name get_registered_object custom_object_scope "
            "CustomObjectScope get_custom_objects"
        ),
        _SERIAL: "deserialize_keras_object serialize_keras_object",
        _TENSORS: "is_keras_tensor get_source_inputs standardize_dtype",
    },
    "saving": {
        _REGISTERED: (
            "register_keras_serializable get_registered_name get_registered_object custom_object_scope "
            "CustomObjectScope get_custom_objects"
        ),
        _SERIAL: "deserialize_keras_object serialize_keras_object",
        "files are .npz archives: numpy.load(path) shows what is in one": "KerasFileEditor",
    },
    "datasets": {
        _SETS: "boston_housing california_housing cifar10 cifar100 imdb reuters",
    },
    "backend": {
        _TENSORS: (
            "backend epsilon get_uid image_data_format is_float_dtype is_int_dtype is_keras_tensor "
            "result_type set_epsilon set_image_data_format standardize_dtype mean sum square sqrt abs exp "
            "log max cast variable get_session get_value set_value function"
        ),
        "use Sequential(dtype=...)": "set_floatx",
    },
    "": {
        "they are in the modules layers, losses, metrics, optimizers, regularizers and initializers": (
            "Initializer Loss Metric Optimizer Regularizer"
        ),
        _GRAPHS: "Model Function KerasTensor Operation",
        _OWN: "Layer",
        _TENSORS: "ops random tree Variable",
        "there are no pretrained networks": "applications",
        _FEATURES: "preprocessing",
        "use fastmlp.MLPClassifier and fastmlp.MLPRegressor": "wrappers",
        "training is in one precision: Sequential(dtype=...)": "mixed_precision dtype_policies DTypePolicy quantizers",
        "use n_threads= of fit(), or fastmlp.set_num_threads(...)": "distribution device",
        "use fastmlp.backend, or leave it out": "config",
        _ITSELF: "keras python api src _tf_keras",
        "nothing here needs it: leave it out": "legacy name_scope remat RematScope StatelessScope SymbolicScope",
        "train a network on the outputs of another: model.fit(x, teacher.predict(x))": "distillation",
        "weights are float32 or float64": "Quantizer FloatDTypePolicy",
        "rows have one dimension; a model knows its width as n_features": "InputSpec",
        "use fastmlp.plots": "visualization",
        "use fastmlp.MLPClassifier and fastmlp.MLPRegressor, or fit and evaluate of a model": "estimator",
    },
}


# Short names of Keras, which stand in texts alone
_SHORT = {"msle": "mean_squared_logarithmic_error", "kld": "kl_divergence", "cosine": "cosine_similarity"}


def sentence_of_text(module: str, text: str) -> str | None:
    """`sentence` for a text in any of Keras's spellings."""
    wanted = _plain(_SHORT.get(text.lower(), text))
    rows = _LACKING.get(module, {}).items()
    return next((row for row, names in rows if wanted in map(_plain, names.split())), None)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def sentence(module: str, name: str) -> str | None:
    """What to do without a name of Keras's module; None if Keras has no such name either."""
    return next((text for text, names in _LACKING.get(module, {}).items() if name in names.split()), None)
