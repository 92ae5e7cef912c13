"use strict";

// Computes a network. It knows nothing of the page: tests run it alone.
//
// A network is {n_features, n_outputs, dtype, steps, ...}. Its steps name tensors by their place and size in one array of
// weights. Numbers are computed in double precision from weights as they were trained.
const fastmlp = (() => {
  // ------------------------------------------------------------ activations

  // 1 - erf(x), to about 1e-15: a series near 0, a continued fraction far from it.
  function erfc(x) {
    if (x < 0) return 2 - erfc(-x);
    if (x > 27) return 0;
    if (x < 2.5) {
      let term = x, sum = x;
      for (let n = 1; term > 1e-17 * sum; n++) {
        term *= (2 * x * x) / (2 * n + 1);
        sum += term;
      }
      return 1 - 1.1283791670955126 * Math.exp(-x * x) * sum;
    }
    let tail = x;
    for (let n = 60; n > 0; n--) tail = x + n / 2 / tail;
    return (0.5641895835477563 * Math.exp(-x * x)) / tail;
  }

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const hardSigmoid = (x) => Math.min(Math.max((x + 3) / 6, 0), 1);

  // Of one number; p holds the numbers of the activation.
  const elementwise = {
    relu: (x) => Math.max(x, 0),
    leaky_relu: (x, p) => (x > 0 ? x : p.negative_slope * x),
    elu: (x, p) => (x > 0 ? x : p.alpha * Math.expm1(x)),
    selu: (x, p) => p.scale * (x > 0 ? x : p.alpha * Math.expm1(x)),
    gelu: (x) => (x * erfc(-x * Math.SQRT1_2)) / 2,
    gelu_tanh: (x) => x * sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x)),
    silu: (x) => x * sigmoid(x),
    softplus,
    sigmoid,
    tanh: Math.tanh,
    mish: (x) => x * Math.tanh(softplus(x)),
    hard_sigmoid: hardSigmoid,
    hard_swish: (x) => x * hardSigmoid(x),
  };

  function softmax(x) {
    const largest = x.reduce((a, b) => Math.max(a, b));
    const e = x.map((value) => Math.exp(value - largest));
    const sum = e.reduce((a, b) => a + b);
    return e.map((value) => value / sum);
  }

  // ------------------------------------------------------------ steps

  // Each takes a step, its input, and a function that gives the tensors that the step names; and gives its output.
  const steps = {
    affine(step, x, tensor) {
      const kernel = tensor(step.kernel), y = Float64Array.from(tensor(step.bias)), units = y.length;
      for (let i = 0; i < x.length; i++) {
        if (x[i] === 0) continue; // an image is mostly paper
        for (let j = 0, at = i * units; j < units; j++, at++) y[j] += x[i] * kernel[at];
      }
      return y;
    },
    activation(step, x) {
      if (step.kind === "softmax") return softmax(x);
      const f = elementwise[step.kind];
      return x.map((value) => f(value, step.numbers));
    },
    layer_norm(step, x, tensor) {
      const gamma = tensor(step.gamma), beta = tensor(step.beta);
      const mean = x.reduce((a, b) => a + b) / x.length;
      const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
      return x.map((value, i) => ((value - mean) / Math.sqrt(variance + step.epsilon)) * gamma[i] + beta[i]);
    },
    scale_shift(step, x, tensor) {
      const center = tensor(step.center), factors = tensor(step.factors), offsets = tensor(step.offsets);
      return x.map((value, i) => (value - center[i]) * factors[i] + offsets[i]);
    },
    residual(step, x, tensor, trace) {
      const inside = run(step.steps, x, tensor, trace);
      return x.map((value, i) => value + inside[i]);
    },
  };

  function run(list, x, tensor, trace) {
    for (const step of list) {
      x = steps[step.type](step, x, tensor, trace);
      if (trace) trace(step, x);
    }
    return x;
  }

  // ------------------------------------------------------------ a network

  function bytesOf(base64) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  // A network from its description, and its weights as base64 of little-endian numbers, as all browsers have them.
  function load(description, base64) {
    const numbers = description.dtype === "float32" ? Float32Array : Float64Array;
    const weights = new numbers(bytesOf(base64).buffer);
    // A place in the weights and a size; or numbers in double precision.
    const tensor = (place) => (place.values ? place.values : weights.subarray(place.at, place.at + place.size));
    const { outputs, classes, n_outputs: units } = description;

    // The outputs for one row of features, as `predict` gives them. trace(step, x), if given, sees the output of each
    // step.
    function predict(features, trace) {
      if (features.length !== description.n_features) throw new RangeError(`${description.n_features} features are needed`);
      const x = Float64Array.from(features);
      if (!x.every(Number.isFinite)) throw new RangeError("features must be finite numbers");
      return Array.from(run(description.steps, x, tensor, trace));
    }

    // What the outputs say: probabilities if they have a meaning as such, otherwise the numbers themselves.
    function shares(out) {
      if (outputs.link === "softmax") out = softmax(out);
      if (outputs.link === "sigmoid") out = out.map(sigmoid);
      return outputs.choice === "above" && outputs.are_probabilities ? [1 - out[0], out[0]] : out;
    }

    // The number of the class that outputs choose; null if they choose none.
    function choice(out) {
      const limit = outputs.thresholds[0];
      if (outputs.choice === "above") return out[0] > limit ? 1 : 0;
      if (outputs.choice === "second") return (outputs.link ? out[1] - out[0] : out[1]) > limit ? 1 : 0;
      return outputs.choice === "largest" ? out.indexOf(out.reduce((a, b) => Math.max(a, b))) : null;
    }

    function label(number) {
      return classes ? classes[number] : String(number);
    }

    // The name of one of the shares.
    function column(place) {
      if (description.columns) return description.columns[place];
      return units === 1 && !outputs.are_probabilities ? "output" : String(place);
    }

    return { predict, shares, choice, label, column, description };
  }

  return { load };
})();
