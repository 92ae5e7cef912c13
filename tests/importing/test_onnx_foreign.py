"""ONNX files as other programs write them become models that predict the same; others name what is in the way."""

import numpy as np
import pytest

import fastmlp as fm

from ..shared.onnx_files import file, node

onnx = pytest.importorskip("onnx")
evaluator = pytest.importorskip("onnx.reference")

random = np.random.default_rng(0)
X = random.normal(size=(30, 4)).astype("f4")


def f4(*shape):
    return random.normal(size=shape).astype("f4")


W = {"w": f4(4, 5), "b": f4(1, 5), "v": f4(5, 3), "c": f4(1, 3), "wt": f4(5, 4), "vt": f4(3, 5), "b1": f4(5)}
W |= {"one": np.float32(1), "half": np.float32(0.5), "root": np.float32(np.sqrt(2)), "zero": np.float32(0)}
W |= {"three": np.float32(3), "six": np.float32(6), "cubic": np.float32(0.044715), "pi": np.float32(0.7978846)}
W |= {"cube": np.float32(3), "mean": f4(4), "std": abs(f4(1, 4)) + np.float32(0.1), "twenty": np.float32(20)}
W |= {"gamma": f4(5), "beta": f4(5), "m": f4(5), "var": abs(f4(5)) + np.float32(0.1), "slope": np.float32([0.1])}
W |= {"u": f4(5, 1), "d": f4(1, 1), "reshape": np.array([-1, 1]), "rows": np.array([-1]), "q": f4(5, 5)}


def dense(x="x", output="h"):
    """As scikit-learn's converter writes it."""
    return [node("MatMul", f"{x} w", "mul"), node("Add", "mul b", output)]


def of(*nodes, output="y"):
    """A hidden layer, then the nodes from h to a, then a last layer."""
    return [*dense(), *nodes, node("Gemm", "a vt c", output, transB=1)]


STYLES = {
    "matrix products and sums": [*dense(), node("Relu", "h", "a"), node("MatMul", "a v", "o"), node("Add", "c o", "y")],
    "casts and identities": [
        node("Cast", "x", "k", to=1),
        *dense("k"),
        node("Identity", "h", "i"),
        node("Tanh", "i", "a"),
        node("Gemm", "a v c", "y"),
    ],
    "factors of Gemm": [node("Gemm", "x wt b1", "y", transB=1, alpha=0.5, beta=2.0)],
    "Gemm without a bias": [node("Gemm", "x w", "y")],
    "batch normalisation": of(node("BatchNormalization", "h gamma beta m var", "n"), node("Relu", "n", "a")),
    "layer normalisation": of(node("LayerNormalization", "h gamma beta", "a", epsilon=0.001)),
    "layer normalisation without beta": of(node("LayerNormalization", "h gamma", "a")),
    "dropout": of(node("Dropout", "h", "a")),
    "a function of its own": of(node("Selu", "h", "s"), node("Elu", "s", "e"), node("LeakyRelu", "e", "a")),
    "one slope for all": of(node("PRelu", "h slope", "a")),
    "softplus and sigmoid": of(node("Softplus", "h", "s"), node("Sigmoid", "s", "a")),
    "silu": of(node("Sigmoid", "h", "s"), node("Mul", "s h", "a")),
    "mish": of(node("Softplus", "h", "s"), node("Tanh", "s", "t"), node("Mul", "h t", "a")),
    "gelu": of(
        node("Div", "h root", "r"),
        node("Erf", "r", "e"),
        node("Add", "e one", "f"),
        node("Mul", "h f", "g"),
        node("Mul", "g half", "a"),
    ),
    "gelu, half before": of(
        node("Div", "h root", "r"),
        node("Erf", "r", "e"),
        node("Add", "one e", "f"),
        node("Mul", "f half", "g"),
        node("Mul", "h g", "a"),
    ),
    "gelu by tanh": of(
        node("Pow", "h cube", "p"),
        node("Mul", "cubic p", "q3"),
        node("Add", "h q3", "s"),
        node("Mul", "s pi", "i"),
        node("Tanh", "i", "t"),
        node("Add", "t one", "u1"),
        node("Mul", "h half", "k"),
        node("Mul", "k u1", "a"),
    ),
    "hard swish": of(
        node("Add", "h three", "p"),
        node("Clip", "p zero six", "q6"),
        node("Div", "q6 six", "r"),
        node("Mul", "h r", "a"),
    ),
    "relu6": of(node("Clip", "h zero six", "a")),
    "hard sigmoid": of(node("HardSigmoid", "h", "a", alpha=1 / 6)),
    "softplus of a new exporter": of(
        node("Softplus", "h", "s"), node("Greater", "h twenty", "g"), node("Where", "g h s", "a")
    ),
    "relu as a maximum": of(node("Max", "h zero", "a")),
    "statistics of features": [node("Sub", "x mean", "s"), node("Div", "s std", "n"), *dense("n", "y")],
    "a constant node": [
        node("Constant", "", "two", value_float=2.0),
        node("Mul", "x two", "d2"),
        *dense("d2", "y"),
    ],
    "a residual connection": [
        *dense(),
        node("Relu", "h", "a"),
        node("Gemm", "a q b1", "s"),
        node("Add", "s h", "r"),
        node("Gemm", "r v c", "y"),
    ],
    "a residual connection around a function": of(node("Tanh", "h", "t"), node("Add", "h t", "a")),
    "residuals of normalised values": [
        *dense(),
        node("LayerNormalization", "h gamma beta", "n"),
        node("Gemm", "n q b1", "s"),
        node("Gelu", "s", "g", approximate="tanh"),
        node("Gemm", "g q b1", "t"),
        node("Add", "h t", "r"),
        node("Add", "r r", "y"),
    ],
    "softmax over rows": [*dense(), node("Softmax", "h", "y", axis=1)],
    "one output": [*dense(), node("Gemm", "h u d", "o"), node("Reshape", "o reshape", "y")],
}


@pytest.mark.parametrize("style", STYLES)
def test_files_of_this_style_become_models_that_predict_the_same(style, write):
    nodes = STYLES[style]
    used = {name for one in nodes for name in one.input}
    content = file(nodes, {name: value for name, value in W.items() if name in used}, opset=20)
    model = fm.import_model(write(content, "a.onnx"))
    expected = evaluator.ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"x": X})[0]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-5)
    assert model.input_kind == "floats"


def test_layers_are_found_instead_of_formulas(write):
    nodes = STYLES["residuals of normalised values"]
    used = {name for one in nodes for name in one.input}
    content = file(nodes, {name: value for name, value in W.items() if name in used}, opset=20)
    tree = fm.import_model(write(content, "a.onnx")).tree()
    assert [type(item.declaration).__name__ for item in tree] == ["Dense", "Residual", "Scale"]
    assert [type(item.declaration).__name__ for item in tree[1].layers] == ["LayerNormalization", "Dense", "Dense"]
    assert tree[1].layers[1].activation == "gelu_tanh"


def classifier(*last, classes, output="probabilities", **options):
    nodes = [*dense(), node("Tanh", "h", "a"), node("MatMul", "a v", "o"), node("Add", "o c", "z"), *last]
    nodes += [
        node("ArgMax", "probabilities", "k", axis=1),
        node("ArrayFeatureExtractor", "classes k", "l", domain="ai.onnx.ml"),
        node("Reshape", "l rows", "label"),
    ]
    used = {name for one in nodes for name in one.input}
    constants = {name: value for name, value in W.items() if name in used}
    return file(nodes, {**constants, "classes": classes}, out=("label", output), **options)


def test_labels_of_scikit_learns_classifiers_become_classes(write):
    content = classifier(
        node("Softmax", "z", "probabilities"), classes=np.array(["no", "é", "so"], object), kinds={"label": np.str_}
    )
    model = fm.import_model(write(content, "a.onnx"))
    assert model.classes.tolist() == ["no", "é", "so"]
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1)
    numbers = classifier(node("Softmax", "z", "probabilities"), classes=np.array([2, 7, 9]), kinds={"label": np.int64})
    assert set(fm.import_model(write(numbers, "a.onnx")).predict_classes(X).tolist()) <= {2, 7, 9}


def test_the_two_probabilities_of_a_binary_classifier_become_one_unit(write):
    nodes = [*dense(), node("Relu", "h", "a"), node("MatMul", "a u", "o"), node("Add", "o d", "z")]
    nodes += [node("Sigmoid", "z", "p"), node("Sub", "one p", "n"), node("Concat", "n p", "probabilities", axis=1)]
    nodes += [node("ArgMax", "probabilities", "label", axis=1)]
    used = {name for one in nodes for name in one.input}
    content = file(
        nodes,
        {name: value for name, value in W.items() if name in used},
        out=("label", "probabilities"),
        kinds={"label": np.int64},
    )
    model = fm.import_model(write(content, "a.onnx"))
    expected = evaluator.ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"x": X})
    np.testing.assert_allclose(model.predict_proba(X), expected[1], atol=1e-6)
    assert (model.predict_classes(X) == expected[0].ravel()).all()


def test_images_are_flattened_and_double_weights_make_a_double_model(write):
    constants = {"w": W["w"].astype("f8"), "b": W["b"].astype("f8")}
    nodes = [node("Flatten", "x", "f"), *dense("f", "y")]
    content = file(nodes, constants, x=("rows", 1, 2, 2), kind=np.float64, kinds={"y": np.float64})
    model = fm.import_model(write(content, "a.onnx"))
    assert (model.dtype, model.n_features) == (np.float64, 4)
    np.testing.assert_allclose(model.predict(X.reshape(30, 1, 2, 2)), X.astype("f8") @ constants["w"] + constants["b"])


@pytest.mark.parametrize("target", [{}, {"zipmap": False}], ids=str)
def test_what_scikit_learns_converter_writes_predicts_the_same(target, write):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    goals = [np.array(["a", "b", "c"])[np.arange(30) % 3], np.arange(30) % 2 + 3, (X[:, :3] > 0).astype(int)]
    learners = [MLPClassifier(5, max_iter=9, random_state=0, activation=name) for name in ("relu", "tanh", "logistic")]
    cases = [*zip(learners, goals, strict=True), (MLPRegressor(hidden_layer_sizes=5, max_iter=9), X[:, 0])]
    cases.append((make_pipeline(StandardScaler(), MLPClassifier(5, max_iter=9)), goals[0]))
    for learner, goal in cases:
        with pytest.warns(ConvergenceWarning):
            learner.fit(X, goal)
        is_plain = hasattr(learner, "classes_") and not hasattr(learner, "steps")
        proto = skl2onnx.to_onnx(learner, X[:1], options={id(learner): target} if is_plain else None)
        model = fm.import_model(write(proto.SerializeToString(), "a.onnx"))
        if hasattr(learner, "classes_"):
            np.testing.assert_allclose(model.predict_proba(X), learner.predict_proba(X), atol=1e-6)
        else:
            np.testing.assert_allclose(model.predict(X)[:, 0], learner.predict(X), atol=1e-6)
        if hasattr(learner, "classes_") and goal.ndim == 1:
            assert model.predict_classes(X).tolist() == learner.predict(X).tolist()
