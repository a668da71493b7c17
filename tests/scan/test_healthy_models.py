"""Models that nothing is wrong with, of many kinds, trained and not: a scan must find nothing to warn of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nandoctor.api import scan

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def keras() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    yield keras
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def assert_healthy(path: Path, arrays: dict[str, np.ndarray], **options: Any) -> None:
    data = path.with_name("data.npz")
    np.savez(data, **arrays)
    report = scan(path, data, labels="y" if "y" in arrays else None, **options)
    alarms = [
        f"{one.severity} {one.cause} at {one.location.layer or one.about}: {one.message}"
        for one in report.findings
        if one.severity != "note"
    ]
    assert not alarms, "\n".join(alarms)
    assert report.summary.verdict == "healthy"


def save(model: Any, folder: Path) -> Path:
    model.save(folder / "model.keras")
    return folder / "model.keras"


def train(model: Any, x: Any, y: Any, loss: Any, epochs: int = 5, **options: Any) -> None:
    model.compile(options.pop("optimizer", "adam"), loss)
    model.fit(x, y, epochs=epochs, verbose=0, **options)


@pytest.mark.parametrize(
    ("module", "architecture"),
    [
        ("mobilenet_v2", "MobileNetV2"),
        ("resnet", "ResNet50"),
        ("efficientnet", "EfficientNetB0"),
        ("densenet", "DenseNet121"),
    ],
)
def test_published_architectures_with_random_weights(keras, random, tmp_path, module, architecture):
    application = getattr(keras.applications, module)
    model = getattr(application, architecture)(weights=None, input_shape=(64, 64, 3), classes=10)
    images = random.uniform(0, 255, (8, 64, 64, 3)).astype(np.float32)

    # Tracing makes up nearly all of the time, and a pass under check_numerics traces once more.
    options = {"batch_size": 8, "check_numerics": False}
    assert_healthy(save(model, tmp_path), {"x": application.preprocess_input(images)}, **options)


@pytest.mark.parametrize("epochs", [0, 10])
def test_a_regression(keras, random, tmp_path, epochs):
    x = random.normal(size=(512, 8)).astype(np.float32)
    y = (x @ random.normal(size=(8, 1)) + 0.1 * random.normal(size=(512, 1))).astype(np.float32)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(32, "relu"), layers.Dense(1)]
    )
    train(model, x, y, "mse", epochs)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def clusters(random: np.random.Generator, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Points around a centre for each class."""
    y = random.integers(0, classes, 512)
    x = random.normal(size=(512, 6)) + 2 * random.normal(size=(classes, 6))[y]
    return x.astype(np.float32), y


@pytest.mark.parametrize("epochs", [0, 10])
def test_a_classification(keras, random, tmp_path, epochs):
    x, y = clusters(random)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(3, activation="softmax")]
    )
    train(model, x, y, "sparse_categorical_crossentropy", epochs)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_a_classification_by_logits_exported_for_serving(keras, random, tmp_path):
    x, y = clusters(random, classes=2)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, "gelu"), keras.layers.Dense(1)])
    train(model, x, y, keras.losses.BinaryCrossentropy(from_logits=True))
    model.export(tmp_path / "model", verbose=False)

    assert_healthy(tmp_path / "model", {"x": x, "y": y}, loss="binary_crossentropy(from_logits=True)")


def digits(random: np.random.Generator, count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Ten blocky shapes with noise, 0..255, and which shape it is."""
    shapes = np.kron(random.uniform(size=(10, 6, 6)) > 0.5, np.ones((2, 2)))
    y = random.integers(0, 10, count)
    x = np.clip(shapes[y] * 200 + random.normal(20, 15, (count, 12, 12)), 0, 255)
    return x[..., np.newaxis].astype(np.float32), y


def test_convolutions_over_raw_pixels_that_the_model_rescales(keras, random, tmp_path):
    x, y = digits(random)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    train(model, x, y, "sparse_categorical_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_convolutions_with_batch_normalization_exported_for_serving(keras, random, tmp_path):
    x, y = digits(random)
    x = x / 255
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    train(model, x, y, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.export(tmp_path / "model", verbose=False)

    assert_healthy(tmp_path / "model", {"x": x, "y": y}, loss="sparse_categorical_crossentropy(from_logits=True)")


def test_a_recurrent_classifier_of_padded_sequences(keras, random, tmp_path):
    x = random.normal(size=(128, 20, 3)).astype(np.float32)
    x[np.arange(20) >= random.integers(5, 21, (128, 1))] = 0.0
    y = (x.sum(axis=(1, 2)) > 0).astype(np.float32)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((20, 3)), layers.Masking(0.0), layers.LSTM(16), layers.Dense(1, activation="sigmoid")]
    )
    train(model, x, y, "binary_crossentropy", 3)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_a_bidirectional_recurrent_regression(keras, random, tmp_path):
    x = np.cumsum(random.normal(size=(128, 6, 2)), axis=1).astype(np.float32)
    y = x.mean(axis=(1, 2), keepdims=True)[..., 0]
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 2)), layers.Bidirectional(layers.GRU(8)), layers.Dense(1)])
    train(model, x, y, "mse", 2)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def sentences(random: np.random.Generator) -> np.ndarray:
    """Word numbers, 0 where the sentence is over."""
    words = random.integers(1, 500, (128, 12))
    words[np.arange(12) >= random.integers(3, 13, (128, 1))] = 0
    return words.astype(np.int32)


def test_a_transformer_with_causal_and_padding_masks(keras, random, tmp_path):
    x = sentences(random)
    y = np.roll(x, -1, axis=1)
    layers = keras.layers
    words = keras.Input((12,), dtype="int32")
    h = layers.Embedding(500, 16, mask_zero=True)(words)
    attended = layers.MultiHeadAttention(2, 8)(h, h, use_causal_mask=True)
    h = layers.LayerNormalization()(h + attended)
    h = layers.LayerNormalization()(h + layers.Dense(16)(layers.Dense(32, "gelu")(h)))
    model = keras.Model(words, layers.Dense(500)(h))
    train(model, x, y, keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0), 2)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


@pytest.mark.parametrize("masked", [-1e9, float("-inf")])
def test_attention_whose_mask_is_written_by_hand(keras, random, tmp_path, masked):
    x = random.normal(size=(64, 8, 6)).astype(np.float32)
    ops = keras.ops
    tokens = keras.Input((8, 6))
    query, key, value = (keras.layers.Dense(6)(tokens) for _ in range(3))
    scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / 6**0.5
    causal = np.tril(np.ones((1, 8, 8), bool))
    weights = ops.softmax(ops.where(causal, scores, masked))
    model = keras.Model(tokens, keras.layers.Dense(1)(ops.matmul(weights, value)))

    assert_healthy(save(model, tmp_path), {"x": x})


def test_text_by_an_average_of_embeddings(keras, random, tmp_path):
    x = sentences(random)
    y = (x[:, 0] > 250).astype(np.float32)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(500, 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    train(model, x, y, "binary_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_an_autoencoder_of_pixels_under_cross_entropy(keras, random, tmp_path):
    x = digits(random)[0].reshape(-1, 144) / 255
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((144,)), layers.Dense(16, activation="relu"), layers.Dense(144, activation="sigmoid")]
    )
    train(model, x, x, "binary_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": x})


def test_a_table_on_many_scales_that_the_model_normalizes(keras, random, tmp_path):
    scales, offsets = np.array([1e5, 1e-3, 40.0, 1.0]), np.array([3e5, 0.0, 37.0, -2.0])
    x = (random.normal(size=(512, 4)) * scales + offsets).astype(np.float32)
    y = (x[:, :1] > 3e5).astype(np.float32)
    normalization = keras.layers.Normalization()
    normalization.adapt(x)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            normalization,
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    train(model, x, y, "binary_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_units_that_are_zero_for_most_rows(keras, random, tmp_path):
    x = random.normal(size=(256, 16)).astype(np.float32)
    bias = keras.initializers.Constant(-0.7)
    model = keras.Sequential(
        [keras.Input((16,)), keras.layers.Dense(32, "relu", bias_initializer=bias), keras.layers.Dense(1)]
    )
    assert np.mean(keras.ops.convert_to_numpy(model.layers[0](x)) == 0) > 0.65

    assert_healthy(save(model, tmp_path), {"x": x})


def test_the_generator_of_an_adversarial_pair(keras, random, tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(4 * 4 * 8),
            layers.Reshape((4, 4, 8)),
            layers.Conv2DTranspose(8, 4, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ]
    )

    assert_healthy(save(model, tmp_path), {"x": random.normal(size=(64, 16)).astype(np.float32)})


def test_an_encoder_and_decoder_with_skips(keras, random, tmp_path):
    x = random.uniform(size=(32, 16, 16, 1)).astype(np.float32)
    y = (x > 0.5).astype(np.float32)
    layers = keras.layers
    image = keras.Input((16, 16, 1))
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    second = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    joined = layers.Concatenate()([layers.UpSampling2D()(second), first])
    model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(joined))
    train(model, x, y, "binary_crossentropy", 2)

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_training_in_mixed_precision(keras, random, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    x, y = clusters(random)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(3, "softmax", dtype="float32")]
    )
    train(model, x, y, "sparse_categorical_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})


def test_a_last_layer_that_starts_at_zero(keras, random, tmp_path):
    x, y = clusters(random)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(3, "softmax", kernel_initializer="zeros"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")

    assert_healthy(save(model, tmp_path), {"x": x, "y": y})
