"""Texts: words counted and weighted, a sparse matrix into the network."""

import os

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(12)
common = ["the", "a", "of", "to", "we", "and", "it", "is", "was", "on", "for", "with", "at", "this", "that"]
words = {
    "sport": ["match", "goal", "team", "coach", "season", "league", "win", "race", "ball", "final"],
    "cooking": ["oven", "pepper", "dough", "garlic", "pan", "butter", "taste", "sauce", "slice", "boil"],
    "trains": ["station", "rail", "delay", "ticket", "carriage", "platform", "signal", "tunnel", "track", "driver"],
}
texts, subjects = [], []
for _ in range(900):
    subject = rng.choice(list(words))
    own, other = words[subject], sum(words.values(), [])
    texts.append(" ".join([*rng.choice(common, 12), *rng.choice(own, 2), *rng.choice(other, 3)]))
    subjects.append(subject)

train_texts, test_texts, train_y, test_y = train_test_split(texts, subjects, random_state=0)
text_clf = Pipeline(
    [
        ("tfidf", TfidfVectorizer()),
        (
            "clf",
            MLPClassifier(
                hidden_layer_sizes=(16,), max_iter=40, learning_rate_init=0.01, early_stopping=True, random_state=seed
            ),
        ),
    ]
)
text_clf.fit(train_texts, train_y)
print(text_clf.predict(["the oven and the garlic", "a delay at the station"]))
print("score:", np.mean(text_clf.predict(test_texts) == np.array(test_y)))
