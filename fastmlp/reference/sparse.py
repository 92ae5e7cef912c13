"""The dense layer for rows without most of their zeros."""


def sparse_forward(y, starts, columns, values, weights, bias):
    for r in range(len(y)):
        own = slice(starts[r], starts[r + 1])
        y[r] = values[own] @ weights[columns[own]] + bias


def sparse_backward_weights(dweights, starts, columns, values, dy):
    dweights[:] = 0  # ∂y_n/∂W_kn = x_k: only the rows of W for which x is not 0 have a gradient
    for r in range(len(dy)):
        own = slice(starts[r], starts[r + 1])
        dweights[columns[own]] += values[own, None] * dy[r]
