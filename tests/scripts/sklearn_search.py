"""A grid search over widths, penalty and rate."""

import os
import warnings

from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore", category=ConvergenceWarning)
seed = int(os.environ.get("SEED", "0"))
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed, stratify=y)
pipe = Pipeline([("scale", StandardScaler()), ("mlp", MLPClassifier(max_iter=60, random_state=seed))])
grid = {
    "mlp__hidden_layer_sizes": [(10,), (20, 10)],
    "mlp__alpha": [1e-4, 1e-1],
    "mlp__learning_rate_init": [1e-3, 1e-2],
}
search = GridSearchCV(pipe, grid, cv=3)
search.fit(X_train, y_train)
print("best:", search.best_params_, round(search.best_score_, 3))
print("score:", search.score(X_test, y_test))
