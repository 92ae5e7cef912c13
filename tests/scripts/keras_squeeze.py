"""An autoencoder: an encoder and a decoder, trained as one model and used one by one."""

import os

import keras
import numpy as np
from keras import layers
from keras.models import Sequential

keras.utils.set_random_seed(int(os.environ.get("SEED", "0")))

rng = np.random.default_rng(3)
angles, heights = rng.uniform(0, 2 * np.pi, 2000), rng.uniform(-1, 1, 2000)
roll = np.column_stack([np.cos(angles), np.sin(angles), heights])
x = np.tanh(roll @ rng.normal(size=(3, 20))).astype("float32")
x_train, x_test = x[:1600], x[1600:]

encoding_dim = 3
encoder = Sequential([layers.Dense(32, activation="relu", input_shape=(20,)), layers.Dense(encoding_dim)])
decoder = Sequential(
    [layers.Dense(32, activation="relu", input_shape=(encoding_dim,)), layers.Dense(20, activation="tanh")]
)
autoencoder = Sequential([encoder, decoder])
autoencoder.compile(optimizer="adam", loss="mean_squared_error")
autoencoder.fit(x_train, x_train, epochs=40, batch_size=64, shuffle=True, verbose=0, validation_data=(x_test, x_test))

encoded = encoder.predict(x_test, verbose=0)
decoded = decoder.predict(encoded, verbose=0)
print("shapes:", encoded.shape, decoded.shape)
assert np.allclose(decoded, autoencoder.predict(x_test, verbose=0), atol=1e-5)
print("score:", float(1 - ((decoded - x_test) ** 2).mean() / x_test.var()))
