"""What docs/lineage.md says of each system. Figures of ours stand in the tables alone, which are measured."""

TITLES = {
    "L1": "Node objects and worker processes (MNIST, 784-128-64-10)",
    "L2": "A NumPy library with batch normalisation (MNIST, 784-50-10)",
    "L3": "A notebook (MNIST, 784-10-10)",
    "L4": "A command-line package (Fashion-MNIST, 784-128-64-10, squared error)",
    "L5": "A textbook's network (spiral, 2-64-3)",
}

INTRODUCTION = """\
fastmlp grew out of five projects that built a neural network from scratch. Here are their best-known experiments, run
again with fastmlp: first as they were, defects included, then with the same network and defaults that make sense.
[`benchmarks/lineage_recipes.py`](../benchmarks/lineage_recipes.py) has the code, a function for each row.

Accuracies are those of rows that were not trained on: MNIST's 10,000 test images, or 3,000 newly drawn points of the
spiral. They are means over seeds, with the least and the greatest; so are losses, on the same rows. The time is that of
`fit`, the shortest of the seeds, without loading data. "Theirs" is the figure that the authors gave, of one run. What
they did not write down had to be chosen, and is named below."""

NOTES = {
    "L1": """\
Theirs took hours: a queue item for each sample, an object for each neuron. Their recipe: He initialisation, each column
standardised, a random fifth of the rows for validation, Adam at 0.001, batches of 128, 5 epochs. They validated after
each batch, this run does after each epoch, which changes no weight. Their loss was in log10, which Adam hardly notices:
it divides by the size of the gradient.

Standardisation costs accuracy, as the second row shows: a pixel at the edge, inked in a few images, becomes a number of
up to some hundreds. One test image in six has a pixel beyond 10. That is what the first row lacks, and the fifth of the
rows that it does not train on.

Ours: all rows, pixels / 255, batches of 64, labels smoothed by 0.1, and a rate that rises to 0.005 in the first fifth
of the steps and falls to nothing. Rate, batch and smoothing were chosen among seven settings by the accuracy on the
last 10,000 training rows. The loss is high because it is that of smoothed labels.""",
    "L2": """\
Known: a hidden layer of 50, ReLU, batch normalisation, mini-batch gradient descent, normal or He initialisation,
gradients clipped to length 5, 75 % at best, and unstable training. Not known, and chosen so that the figure comes out:
raw pixels, initial weights of deviation 1, a rate of 0.01, batches of 32, 5 epochs.

With these, normalisation and clipping are what keeps training alive: the next two rows take them away. Initial weights
of the proper size, pixels / 255 and Adam leave nothing to cure.""",
    "L3": """\
Weights and biases uniform in ±0.5, pixels / 255, and 100 steps at a rate of 0.1, each with all 60,000 rows. The figure
is right for that recipe: after 100 steps it has not finished learning. Without the / 255 their network stalled when the
softmax overflowed. Here it cannot overflow, and the loss stays finite; but the first steps are so long that all ten
hidden units die, or all but one, and the network stalls all the same.

Mini-batches alone mend it: the same initial weights and rate, but 18,750 steps instead of 100, in a tenth of the passes
over the data. The last row has He initialisation, and Adam with one cycle in batches of 64.""",
    "L4": """\
Two sigmoid layers and a softmax with squared error, normal initialisation of deviation 1, and plain gradient descent.
An epoch was one step with a few rows, drawn anew: 300,000 to 393,216 rows in all for each of the four budgets. Not
known, and chosen: raw pixels, the gradient summed over the rows of a step and over the outputs.

Sigmoid units that start saturated hardly learn, and with 784 inputs of up to 255 each nearly all do. Ours: Glorot
initialisation, pixels / 255, Adam with one cycle in batches of 64, 6 epochs, which are 360,000 rows.""",
    "L5": """\
The spiral has three arms of 100 points. Initial weights are 0.01 · normal numbers; then come 10,000 steps at a rate of
1, each with all points. Validation points are drawn with another seed.

The small weights are not what holds it back, as the second row shows. It is the biases, zero at the start, which put
the kinks of all hidden units at the origin, and the long steps.

Ours spreads the kinks over the plane (weights of deviation 2, biases uniform in ±2, inputs normalised), shakes the
points a little while training (normal noise of 0.05, against learning by heart), and takes 10,000 steps of 30 points
with Adam and one cycle. With more points: 10,000 steps of 60.

95 % cannot be reached on these points: the noise moves a point along its angle by 0.5 rad, and two of the arms are
1.15 rad apart. "Best possible" is the most probable arm, computed from the formula that draws the points. What is
missing to it comes from 300 points being few: ten times as many close more than half of the gap. With half the noise,
95 % is within reach.""",
}
