"""The prose of docs/lineage.md. Our figures stand only in its tables, which are measured."""

TITLES = {
    "L1": "Node objects and worker processes (MNIST, 784-128-64-10)",
    "L2": "A NumPy library with batch normalisation (MNIST, 784-50-10)",
    "L3": "A notebook (MNIST, 784-10-10)",
    "L4": "A command-line package (Fashion-MNIST, 784-128-64-10, squared error)",
    "L5": "A textbook's network (spiral, 2-64-3)",
}

INTRODUCTION = """\
fastmlp grew out of five projects that built a neural network from scratch. This page repeats their best-known
experiments with fastmlp: first as they were, defects included, then with the same network and sensible defaults.
[`benchmarks/lineage_recipes.py`](../benchmarks/lineage_recipes.py) has a function for each row of the tables.

Accuracies are measured on rows outside of the training set: MNIST's 10,000 test images, or 3,000 newly drawn points
of the spiral. The tables show means over the seeds, with the least and the greatest accuracy; losses are means on the
same rows. The time is that of the fastest `fit`, without loading data. "Theirs" is the figure that the authors gave,
from one run. We chose the settings that they did not write down, and name them below."""

NOTES = {
    "L1": """\
Their network took hours, with a queue item for each sample and an object for each neuron. Their recipe: He
initialisation, standardised columns, a random fifth of the rows for validation, Adam at 0.001, batches of 128, 5
epochs. They validated after each batch; this run validates after each epoch, which changes no weight. Their loss used
log10. Adam hardly notices this, because it divides by the size of the gradient.

Standardisation costs accuracy, as the second row shows: a pixel at the edge that is inked in few images becomes a
number of up to some hundreds. One test image in six has a pixel beyond 10. This, and the fifth of the rows that it
does not train on, explains the lower accuracy of the first row.

Ours uses all rows, pixels / 255, batches of 64, labels smoothed by 0.1, and a rate that rises to 0.005 in the first
fifth of the steps and then falls to nothing. Rate, batch and smoothing were chosen among seven settings by the
accuracy on the last 10,000 training rows. The loss is high because it is computed with smoothed labels.""",
    "L2": """\
Known are a hidden layer of 50, ReLU, batch normalisation, mini-batch gradient descent, normal or He initialisation,
gradients clipped to length 5, 75 % at best, and unstable training. We chose the rest so as to reproduce the figure:
raw pixels, initial weights of deviation 1, a rate of 0.01, batches of 32, 5 epochs.

With these settings, only normalisation and clipping keep training alive: the next two rows remove them. Initial
weights of the proper size, pixels / 255 and Adam leave no problem to cure.""",
    "L3": """\
The recipe has weights and biases uniform in ±0.5, pixels / 255, and 100 steps at a rate of 0.1, each with all 60,000
rows. The figure is right for this recipe: after 100 steps the network has not finished learning. Without / 255 their
network stalled when the softmax overflowed. Our softmax cannot overflow, and the loss stays finite. But the first
steps are so long that all ten hidden units die, or all but one, and the network stalls as well.

Mini-batches alone solve the problem: the same initial weights and rate, but 18,750 steps instead of 100, in a tenth
of the passes over the data. The last row uses He initialisation, and Adam with one cycle in batches of 64.""",
    "L4": """\
The network has two sigmoid layers and a softmax with squared error, normal initialisation of deviation 1, and plain
gradient descent. An epoch was one step with a few randomly drawn rows; the four budgets have 300,000 to 393,216 rows
in all. The authors did not give the rest; we chose raw pixels, and the gradient summed over the rows of a step and
over the outputs.

Saturated sigmoid units hardly learn, and with 784 inputs of up to 255 nearly all units start saturated. Ours uses
Glorot initialisation, pixels / 255, and Adam with one cycle in batches of 64, for 6 epochs, which are 360,000 rows.""",
    "L5": """\
The spiral has three arms of 100 points. Initial weights are 0.01 · normal numbers. Training takes 10,000 steps at a
rate of 1, each with all points. Validation points are drawn with another seed.

The small weights are not the obstacle, as the second row shows. The obstacles are the long steps and the biases: they
start at zero, which puts the kinks of all hidden units at the origin.

Ours spreads the kinks over the plane (weights of deviation 2, biases uniform in ±2, inputs normalised), adds normal
noise of 0.05 to the points against overfitting, and takes 10,000 steps of 30 points with Adam and one cycle. With
more points it takes 10,000 steps of 60.

No network can reach 95 % on these points: the noise moves a point along its angle by 0.5 rad, and two of the arms are
1.15 rad apart. "Best possible" is the most probable arm, computed from the formula that draws the points. The rest of
the gap comes from the small number of points: ten times as many close more than half of it. With half the noise, 95 %
is within reach.""",
}
