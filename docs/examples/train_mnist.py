"""Train a digit classifier on MNIST: 784-128-64-10, Adam, batches of 128, five epochs.

    python docs/examples/train_mnist.py

MNIST is looked for in $FASTMLP_DATA/mnist and in the user's cache (``fastmlp download mnist`` puts it there).
Where it is not, the script says so and trains on the built-in generated digits, which have the same shape.
"""

import fastmlp as fm


def load():
    """MNIST, or the built-in digits."""
    try:
        return "mnist", fm.datasets.load("mnist")
    except fm.DataFileError as error:
        print(f"MNIST is not here, so this run uses the built-in digits.\n({error})\n")
        return "digits", fm.datasets.load("digits")


def main():
    name, ((x, y), (x_test, y_test)) = load()
    print(f"{name}: {len(x):,} training images of {x.shape[1]} pixels, {len(x_test):,} test images")

    # One fifth is kept for validation. The split is random and the same in every run.
    (x, y), validation = fm.datasets.train_test_split(x, y, test_fraction=0.2, seed=0)

    model = fm.Sequential(
        [
            fm.Dense(128, activation="relu"),
            fm.Dense(64, activation="relu"),
            fm.Dense(10, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(optimizer=fm.Adam(learning_rate=1e-3), loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=128, epochs=5, validation_data=validation)
    model.summary()

    result = model.evaluate(x_test, y_test)
    print(f"test accuracy {result['accuracy']:.4f}, loss {result['loss']:.4f}")
    wrong = (model.predict_classes(x_test) != y_test).sum()
    print(f"{wrong} of {len(y_test):,} test images are misread")


if __name__ == "__main__":
    main()
