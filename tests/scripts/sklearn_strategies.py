"""Learning strategies side by side: constant, inverse scaling, Nesterov, adaptive, Adam."""

import os
import warnings

from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

seed = int(os.environ.get("SEED", "0"))
params = [
    {"solver": "sgd", "learning_rate": "constant", "momentum": 0, "learning_rate_init": 0.2},
    {
        "solver": "sgd",
        "learning_rate": "constant",
        "momentum": 0.9,
        "nesterovs_momentum": False,
        "learning_rate_init": 0.2,
    },
    {
        "solver": "sgd",
        "learning_rate": "constant",
        "momentum": 0.9,
        "nesterovs_momentum": True,
        "learning_rate_init": 0.2,
    },
    {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0, "learning_rate_init": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.9, "learning_rate_init": 0.2},
    {"solver": "adam", "learning_rate_init": 0.01},
]
X, y = datasets.make_circles(400, noise=0.2, factor=0.5, random_state=1)
X = MinMaxScaler().fit_transform(X)
best = 0.0
for param in params:
    mlp = MLPClassifier(random_state=seed, max_iter=60, **param)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        mlp.fit(X, y)
    print(f"{param['solver']:5s} score {mlp.score(X, y):.3f} loss {mlp.loss_:.4f} curve of {len(mlp.loss_curve_)}")
    best = max(best, mlp.score(X, y))
print("score:", best)
