"""Handwritten digits with dropout, the first network that many people train."""

import os

import numpy as np
from tensorflow.keras.datasets import mnist
from tensorflow.keras.layers import Dense, Dropout
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import RMSprop
from tensorflow.keras.utils import set_random_seed, to_categorical

set_random_seed(int(os.environ.get("SEED", "0")))
batch_size = 128
num_classes = 10

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train[:6000].reshape(6000, 784).astype("float32")
x_test = x_test[:2000].reshape(2000, 784).astype("float32")
x_train /= 255
x_test /= 255
y_train = to_categorical(y_train[:6000], num_classes)
y_test = to_categorical(y_test[:2000], num_classes)

model = Sequential()
model.add(Dense(128, activation="relu", input_shape=(784,)))
model.add(Dropout(0.2))
model.add(Dense(64, activation="relu"))
model.add(Dropout(0.2))
model.add(Dense(num_classes, activation="softmax"))
model.summary()

model.compile(loss="categorical_crossentropy", optimizer=RMSprop(), metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=5, verbose=0, validation_data=(x_test, y_test))
score = model.evaluate(x_test, y_test, verbose=0)
print("test loss", score[0])
print("best epoch", int(np.argmax(history.history["val_accuracy"])))
print("score:", score[1])
