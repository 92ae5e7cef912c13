"""A small problem with L-BFGS, clones with other seeds, and their vote."""

import os

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.neural_network import MLPClassifier

seed = int(os.environ.get("SEED", "0"))
rng = np.random.RandomState(0)
X = rng.uniform(-1, 1, size=(300, 3))
y = np.logical_xor(X[:, 0] > 0, X[:, 1] > 0)
X_new = rng.uniform(-1, 1, size=(1000, 3))
y_new = np.logical_xor(X_new[:, 0] > 0, X_new[:, 1] > 0)

clf = MLPClassifier(
    solver="lbfgs", alpha=1e-3, hidden_layer_sizes=(8, 4), activation="tanh", max_iter=1000, random_state=seed
)
members = [(f"net{i}", clone(clf).set_params(random_state=10 * seed + i)) for i in range(5)]
vote = VotingClassifier(members, voting="soft").fit(X, y)
importance = permutation_importance(vote, X_new, y_new, n_repeats=5, random_state=0)
print("importance:", importance.importances_mean.round(2))
print("one alone:", round(clf.fit(X, y).score(X_new, y_new), 3), clf.predict_proba(X_new[:2]).round(3).tolist())
print("score:", vote.score(X_new, y_new))
