"""The dense layer."""


def dense_forward(y, x, weights, bias):
    y[:] = x @ weights + bias


def dense_backward_inputs(dx, dy, weights):
    dx[:] = dy @ weights.T  # y_n = Σ_k x_k W_kn: ∂y_n/∂x_k = W_kn


def dense_backward_parameters(dweights, dbias, x, dy):
    dweights[:] = x.T @ dy  # ∂y_n/∂W_kn = x_k, summed over the batch
    dbias[:] = dy.sum(axis=0)
