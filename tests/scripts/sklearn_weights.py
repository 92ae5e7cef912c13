"""The weights of a first layer as pictures, after a few iterations without convergence."""

import os
import pickle
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

seed = int(os.environ.get("SEED", "0"))
X, y = load_digits(return_X_y=True)
X = X / 16.0
X_train, X_test, y_train, y_test = train_test_split(X, y.astype(str), random_state=0, test_size=0.5)
mlp = MLPClassifier(
    hidden_layer_sizes=(40,),
    max_iter=12,
    alpha=1e-4,
    solver="sgd",
    verbose=False,
    random_state=seed,
    learning_rate_init=0.2,
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    mlp.fit(X_train, y_train)
assert any(issubclass(item.category, ConvergenceWarning) for item in caught)

vmin, vmax = mlp.coefs_[0].min(), mlp.coefs_[0].max()
pictures = [coef.reshape(8, 8) for coef in mlp.coefs_[0].T]
print(len(pictures), "pictures from", round(float(vmin), 2), "to", round(float(vmax), 2))
print([c.shape for c in mlp.coefs_], [b.shape for b in mlp.intercepts_], mlp.out_activation_)
again = pickle.loads(pickle.dumps(mlp))
assert np.array_equal(again.predict_proba(X_test), mlp.predict_proba(X_test))
print("score:", mlp.score(X_test, y_test))
