"""Learning rates that change: a scheduler, a plateau, a checkpoint, and the best model read back."""

import os
import tempfile

from keras.callbacks import LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Activation, BatchNormalization, Dense
from keras.models import Sequential, load_model
from keras.optimizers import Adam
from keras.regularizers import l2
from keras.utils import set_random_seed, to_categorical
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

seed = int(os.environ.get("SEED", "0"))
set_random_seed(seed)
X, y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X_train, X_test, y_train, y_test = train_test_split(X, to_categorical(y), test_size=0.4, random_state=0)


def lr_schedule(epoch):
    lr = 1e-2
    if epoch > 20:
        lr *= 1e-1
    return lr


model = Sequential(name="wine")
model.add(Dense(32, input_shape=(13,), kernel_initializer="he_normal", kernel_regularizer=l2(1e-4), name="first"))
model.add(BatchNormalization())
model.add(Activation("relu"))
model.add(Dense(3, activation="softmax", name="classes"))
model.compile(loss="categorical_crossentropy", optimizer=Adam(learning_rate=lr_schedule(0)), metrics=["acc"])

path = os.path.join(tempfile.mkdtemp(), "best.keras")
callbacks = [
    ModelCheckpoint(filepath=path, monitor="val_acc", verbose=0, save_best_only=True),
    LearningRateScheduler(lr_schedule),
    ReduceLROnPlateau(factor=0.3, patience=5, min_lr=1e-6, monitor="val_loss"),
]
history = model.fit(
    X_train, y_train, batch_size=16, epochs=30, validation_data=(X_test, y_test), callbacks=callbacks, verbose=0
)
print("epochs:", len(history.history["acc"]), "best:", max(history.history["val_acc"]))
best = load_model(path)
scores = best.evaluate(X_test, y_test, verbose=0)
print("score:", scores[1])
