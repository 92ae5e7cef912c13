"""ONNX files that are damaged, hostile, or hold what fastmlp cannot compute: the error names the node or the tensor."""

import tracemalloc

import numpy as np
import pytest

import fastmlp as fm

from ..shared.onnx_files import file, node

onnx = pytest.importorskip("onnx")

W, B = np.ones((4, 3), "f4"), np.ones(3, "f4")
GEMM = node("Gemm", "x w b", "h")
LAST = node("Identity", "h", "y")


def refused(content, message, write):
    tracemalloc.start()
    try:
        with pytest.raises(fm.ModelFileError, match=message):
            fm.import_model(write(content, "a.onnx"))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------- what is not computed


def of(*nodes, **options):
    """A dense layer, then nodes from h to y."""
    constants = {"w": W, "b": B, **options.pop("constants", {})}
    return file([GEMM, *nodes], constants, **options)


NAMED = {
    "an unknown operator": (of(node("LSTM", "h w w", "y")), r"node 'n_y' \(LSTM\): fastmlp has no layer"),
    "an operator of another domain": (of(node("Gelu", "h", "y", domain="com.x")), "'Gelu' of 'com.x'"),
    "a formula of no activation": (of(node("Erf", "h", "y")), r"its output is 1\*erf"),
    "a formula in the middle": (
        of(node("Exp", "h", "e"), node("Gemm", "e v", "y"), constants={"v": W[:3]}),
        r"node 'n_y' \(Gemm\): its input is 1\*exp",
    ),
    "bounds of no activation": (
        of(node("Clip", "h l u", "y"), constants={"l": np.float32(0), "u": np.float32(5)}),
        r"its output is 1\*clip\(1\*x\^1, 0, 5\)",
    ),
    "a product of two branches": (
        of(node("Gemm", "x w", "g"), node("Mul", "h g", "y")),
        r"node 'n_y' \(Mul\): it multiplies two values",
    ),
    "a sum of two branches": (of(node("Gemm", "x w", "g"), node("Add", "h g", "y")), r"\(Add\): it adds two values of"),
    "a difference": (of(node("Tanh", "h", "t"), node("Sub", "h t", "y")), r"\(Sub\): it subtracts two values"),
    "a division by the input": (of(node("Div", "b h", "y")), r"\(Div\): it divides by something"),
    "a power of no activation": (of(node("Pow", "h p", "y"), constants={"p": np.float32(0.5)}), "its exponent is 0.5"),
    "a transposed input": (of(node("Gemm", "h w", "y", transA=1)), "its transA is not 0"),
    "weights that are computed": (of(node("MatMul", "h h", "y")), r"\(MatMul\): its input 1 is not a constant"),
    "a softmax over rows": (of(node("Softmax", "h", "y", axis=0)), r"\(Softmax\): it is not over the units"),
    "a normalisation over rows": (
        of(node("LayerNormalization", "h b", "y", axis=0)),
        r"\(LayerNormalization\): it is not over",
    ),
    "a normalisation that trains": (
        of(node("BatchNormalization", "h b b b b", "y", training_mode=1)),
        r"\(BatchNormalization\): it is one for training",
    ),
    "dropout that trains": (
        of(node("Dropout", "h r t", "y"), constants={"r": np.float32(0.5), "t": np.array(True)}),
        r"\(Dropout\): it is one for training",
    ),
    "numbers for rows": (
        of(node("Add", "h c", "y"), constants={"c": np.ones((3, 1), "f4")}),
        r"its constant is .*\(3, 1\)",
    ),
    "a change of rows": (
        of(node("Reshape", "h s", "y"), constants={"s": np.array([-1, 1])}),
        r"\(Reshape\): it does not keep the rows",
    ),
    "another width": (of(node("Gemm", "h w", "y")), r"\(Gemm\): it needs 4 units, but its input has 3"),
    "another number of offsets": (of(node("Add", "h c", "y"), constants={"c": np.ones(7, "f4")}), "it needs 7 units"),
    "joined values": (of(node("Concat", "h h", "y", axis=1)), r"\(Concat\): it joins other values"),
    "a choice": (
        of(node("Greater", "h t", "g"), node("Where", "g h b", "y"), constants={"t": np.float32(0)}),
        r"\(Where\): ",
    ),
    "a conversion": (of(node("Cast", "h", "y", to=10)), r"\(Cast\): it converts to other numbers"),
    "an image": (of(LAST, x=("rows", 1, 2, 2)), "more than two dimensions: flatten it first"),
    "one dimension": (of(LAST, x=(4,)), "its input has 1 dimensions"),
    "texts": (of(LAST, kind=np.str_), "its input 'x' is string"),
    "no weights": (file([node("Relu", "x", "y")], {}), "it has no dense layer"),
    "an output without input": (file([node("Identity", "w", "y")], {"w": W}), "has 0|one input, not 0"),
    "two outputs of numbers": (of(LAST, out=("h", "y")), "it must have one output of numbers, .* 'h', 'y'"),
    "labels of their own kind": (
        of(LAST, node("ArgMin", "h", "label", axis=1), out=("label", "y"), kinds={"label": np.int64}),
        r"\(ArgMin\): it computes an output that is not the label of the most probable class",
    ),
    "another threshold": (
        of(
            LAST,
            node("Greater", "h t", "g"),
            node("Cast", "g", "label", to=7),
            out=("label", "y"),
            kinds={"label": np.int64},
            constants={"t": np.float32(0.3)},
        ),
        r"\(Greater\): it computes an output that is not the label",
    ),
    "old operators": (of(LAST, opset=6), r"its operators are of version \[6\]"),
    "halves": (file([GEMM, LAST], {"w": W.astype("f2"), "b": B}), "'w' has the type number 10"),
    "whole numbers as weights": (file([GEMM, LAST], {"w": W.astype("i8"), "b": B}), "its weights are int64"),
    "weights that are not finite": (file([GEMM, LAST], {"w": W * np.nan, "b": B}), "must be finite"),
    "a negative variance": (
        of(node("BatchNormalization", "h b b b n", "y"), constants={"n": -B}),
        "moving_variance.*at least 0",
    ),
    "an epsilon of 0": (of(node("LayerNormalization", "h b b", "y", epsilon=0.0)), "epsilon must be .*greater than 0"),
    "endless powers": (
        of(
            *[node("Mul", f"{a} {a}", b) for a, b in zip("hijklmn", "ijklmno", strict=True)], node("Identity", "o", "y")
        ),
        r"\(Mul\): ",
    ),
}


@pytest.mark.parametrize("kind", NAMED)
def test_the_error_names_what_is_not_supported(kind, write):
    content, message = NAMED[kind]
    refused(content, message, write)


def test_residuals_inside_of_each_other_have_an_end(write):
    layers = [node("Gemm", f"h{i} w", f"h{i + 1}") for i in range(150)]
    sums = [node("Add", f"{f'r{i - 1}' if i else 'h150'} h{149 - i}", f"r{i}") for i in range(150)]
    nodes = [node("Gemm", "x w", "h0"), *layers, *sums, node("Identity", "r149", "y")]
    refused(file(nodes, {"w": np.eye(4, dtype="f4")}), "depth of 100", write)


# ---------------------------------------------------------------- what is damaged or hostile


def good():
    return onnx.load_from_string(of(LAST))


def changed(change):
    model = good()
    change(model)
    return model.SerializeToString()


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"


def external_in_node(model):
    constant = node("Constant", "", "k", value=onnx.numpy_helper.from_array(W, "k"))
    model.graph.node.insert(0, constant)
    entry = model.graph.node[0].attribute[0].t.external_data.add()
    entry.key, entry.value = "location", "secret.bin"


def raw(model):
    return model.graph.initializer[0]


def subgraph(model):
    model.graph.node.append(node("If", "c", "z", then_branch=model.graph, else_branch=model.graph))


HOSTILE = {
    "numbers in another file": (external, "'w' keeps its numbers in another file"),
    "a node's numbers in another file": (external_in_node, "keeps its numbers in another file"),
    "a negative extent": (lambda m: raw(m).dims.__setitem__(0, -4), r"'w' has the shape \[-4, 3\]"),
    "huge extents": (lambda m: raw(m).dims.__setitem__(0, 2**60), r"'w' has 48 bytes, which are not its shape"),
    "extents whose product overflows": (lambda m: raw(m).dims.extend([2**62]), r"'w' has the shape"),
    "too few numbers": (lambda m: setattr(raw(m), "raw_data", b"1234"), "'w' has 4 bytes"),
    "no numbers": (lambda m: raw(m).ClearField("raw_data"), "'w' has 0 numbers"),
    "a tensor twice": (lambda m: m.graph.initializer.append(raw(m)), "two tensors have the name 'w'"),
    "a circle": (lambda m: m.graph.node[0].input.__setitem__(0, "y"), "uses 'y', which nothing before it makes"),
    "a node twice": (lambda m: m.graph.node.append(m.graph.node[0]), "makes 'h', which is there already"),
    "an output that nothing makes": (lambda m: setattr(m.graph.output[0], "name", "z"), "nothing makes the output 'z'"),
    "no graph": (lambda m: m.ClearField("graph"), "it has no graph"),
    "no version": (lambda m: m.ClearField("opset_import"), "its operators are of version"),
    "a graph in a node": (subgraph, "it has graphs, which fastmlp does not read"),
    "functions": (lambda m: m.functions.add(), "it has functions, which"),
    "training": (lambda m: m.training_info.add(), "it has training, which"),
    "sparse tensors": (lambda m: m.graph.sparse_initializer.add(), "it has sparse tensors, which"),
    "two inputs": (
        lambda m: (
            m.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, ["rows", 4])),
            m.graph.node[0].input.__setitem__(0, "z"),
            m.graph.node.insert(0, node("Relu", "x", "r")),
            m.graph.node.append(node("Add", "r h", "s")),
            setattr(m.graph.output[0], "name", "s"),
        ),
        "it must have one input, not 2",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(kind, write):
    change, message = HOSTILE[kind]
    refused(changed(change), message, write)


def test_what_is_no_onnx_file_is_refused(write, tmp_path):
    content = of(LAST)
    for text in (b"", b"text", b"\xff" * 100, b"PK\x03\x04" * 50, content[: len(content) // 2], content[:-1]):
        refused(text, "is not a readable ONNX file|cannot be imported", write)
    with pytest.raises(fm.ModelFileError, match="no such model file"):
        fm.import_model(tmp_path / "none.onnx")


BOMBS = {
    "empty nodes": b"\x0a\x00",
    "empty tensors": b"\x2a\x00",
    "empty inputs": b"\x5a\x00",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_files_that_would_grow_are_refused_before_they_are_parsed(kind, write, monkeypatch):
    monkeypatch.setattr("fastmlp._importing.onnx_bytes.MOST_FIELDS", 20_000)
    graph = BOMBS[kind] * 1_000_000
    length, size = bytearray(), len(graph)
    while size:
        length.append(size & 127 | 128 * (size > 127))
        size >>= 7
    refused(b"\x3a" + bytes(length) + graph, "more than 20,000 fields", write)


def test_damaged_files_of_all_kinds_give_errors_of_ours_or_a_model(write):
    random, content = np.random.default_rng(0), of(node("Tanh", "h", "t"), node("Add", "h t", "y"))
    models = 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        try:
            fm.import_model(write(bytes(damaged), "a.onnx"))
            models += 1
        except fm.ModelFileError:
            pass
    assert 0 < models < 300
