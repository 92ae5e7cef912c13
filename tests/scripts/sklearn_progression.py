"""Regression with early stopping, and targets that are scaled on the way."""

import os

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

seed = int(os.environ.get("SEED", "0"))
X, y = make_friedman1(2000, noise=0.5, random_state=4)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
mlp = MLPRegressor(
    hidden_layer_sizes=(64, 64), learning_rate_init=0.01, early_stopping=True, n_iter_no_change=15, random_state=seed
)
model = TransformedTargetRegressor(
    make_pipeline(QuantileTransformer(n_quantiles=200), mlp), transformer=StandardScaler()
)
model.fit(X_train, y_train)
y_pred = model.predict(X_test)
fitted = model.regressor_[-1]
print("iterations", fitted.n_iter_, "best validation score", round(fitted.best_validation_score_, 3))
print("mean absolute error", round(mean_absolute_error(y_test, y_pred), 3))
print("score:", r2_score(y_test, y_pred))
