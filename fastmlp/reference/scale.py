"""The scaling layer."""


def scale_forward(y, x, weights, bias):
    y[:] = x * weights + bias


def scale_backward(dx, dweights, dbias, dy, x, weights):
    dx[:] = dy * weights  # y_n = x_n w_n + b_n: ∂y_n/∂x_n = w_n
    dweights[:] = (dy * x).sum(axis=0)  # ∂y_n/∂w_n = x_n, summed over the batch
    dbias[:] = dy.sum(axis=0)
