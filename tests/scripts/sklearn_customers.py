"""A table with text columns and missing values: one transformer for each kind of column."""

import os

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_predict, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(21)
n = 900
people = pd.DataFrame(
    {
        "age": rng.integers(18, 80, n).astype(float),
        "bill": rng.gamma(3.0, 20.0, n),
        "contract": rng.choice(["month", "year", "two years"], n),
        "payment": rng.choice(["card", "bank", "post"], n),
    }
)
logit = 1.5 * (people["contract"] == "month") + 0.02 * (people["bill"] - 60) - 0.03 * (people["age"] - 45)
leaves = np.where(logit + rng.logistic(scale=0.5, size=n) > 0.4, "leaves", "stays")
people.loc[rng.random(n) < 0.1, "age"] = np.nan

numeric = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
columns = ColumnTransformer(
    [("numbers", numeric, ["age", "bill"]), ("texts", OneHotEncoder(handle_unknown="ignore"), ["contract", "payment"])]
)
clf = Pipeline([("columns", columns), ("mlp", MLPClassifier((16,), max_iter=300, random_state=seed))])
result = cross_validate(clf, people, leaves, cv=3, scoring=["accuracy", "roc_auc"])
print({name: values.mean().round(3) for name, values in result.items() if name.startswith("test_")})
print("score:", (cross_val_predict(clf, people, leaves, cv=3) == leaves).mean())
