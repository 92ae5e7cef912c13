"""Panels: ``panel_width`` columns each, stored row after row; zeros fill the last panel."""

import numpy as np


def pack_panels(panels, matrix, panel_width):
    rows, columns = matrix.shape
    strips = -(-columns // panel_width)
    filled = np.zeros((rows, strips * panel_width), panels.dtype)
    filled[:, :columns] = matrix
    panels[:] = filled.reshape(rows, strips, panel_width).transpose(1, 0, 2).reshape(-1)


def unpack_panels(matrix, panels, panel_width):
    rows, columns = matrix.shape
    strips = panels.reshape(-1, rows, panel_width)
    matrix[:] = strips.transpose(1, 0, 2).reshape(rows, -1)[:, :columns]
