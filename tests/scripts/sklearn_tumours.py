"""A scaler and a network in a pipeline, judged by folds."""

import os

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

seed = int(os.environ.get("SEED", "0"))
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
model = make_pipeline(
    StandardScaler(), MLPClassifier(solver="adam", hidden_layer_sizes=(30, 30), max_iter=500, random_state=seed)
)
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)
scores = cross_val_score(model, X, y, cv=folds, scoring="roc_auc")
print(f"area under the curve {scores.mean():.3f} +/- {scores.std():.3f}")
print("score:", cross_val_score(model, X, y, cv=folds).mean())
