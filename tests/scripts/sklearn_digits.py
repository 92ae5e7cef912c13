"""Digits of 8 × 8 pixels: a report and a confusion matrix."""

import os

from sklearn import datasets, metrics
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

seed = int(os.environ.get("SEED", "0"))
digits = datasets.load_digits()
data = digits.images.reshape((len(digits.images), -1))
X_train, X_test, y_train, y_test = train_test_split(data, digits.target, test_size=0.4, random_state=1)

clf = MLPClassifier(hidden_layer_sizes=(50,), max_iter=300, alpha=1e-4, random_state=seed)
clf.fit(X_train, y_train)
predicted = clf.predict(X_test)
print(metrics.classification_report(y_test, predicted))
print(metrics.confusion_matrix(y_test, predicted))
print("layers", clf.n_layers_, "iterations", clf.n_iter_, "loss", clf.loss_)
print("score:", clf.score(X_test, y_test))
