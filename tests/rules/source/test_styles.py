"""Whole files in styles that people write in; the comments tell which rules find something in which line."""

from __future__ import annotations

import re
from typing import Any

import pytest

LOSS_CLASSES = """
import keras
from keras import ops


class PoissonNLL(keras.losses.Loss):
    def __init__(self, full=False, name="poisson_nll"):
        super().__init__(name=name)
        self.full = full

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, y_pred.dtype)
        return ops.mean(y_pred - y_true * ops.log(y_pred), axis=-1)  # ND801


class Dice(keras.losses.Loss):
    def call(self, targets, outputs):
        mask = ops.cast(targets > 0.5, "float32")
        overlap = ops.sum(mask * outputs, axis=(1, 2, 3))
        return 1.0 - 2.0 * overlap / ops.sum(mask, axis=(1, 2, 3))  # ND802
"""

IMPORTED_ROOMS = """
from tensorflow import math as tfm
from tensorflow import nn


def kl(p_logits, q_logits):
    p = nn.softmax(p_logits)
    q = nn.softmax(q_logits)
    return tfm.reduce_sum(p * (tfm.log(p) - tfm.log(q)), axis=-1)  # ND801 ND801


def kl_loss(y_true, y_pred):
    p = nn.softmax(y_pred)
    return -tfm.reduce_sum(y_true * tfm.log(p), axis=-1)  # ND801


def cosine_loss(y_true, y_pred):
    return 1 - tfm.reduce_sum(y_true * y_pred, -1) * tfm.rsqrt(tfm.reduce_sum(tfm.square(y_pred), -1))  # ND803
"""

FUNCTIONAL_MODELS = """
from tensorflow.keras import Input, Model, layers, optimizers

inputs = Input(shape=(28, 28, 1))
x = layers.Conv2D(16, 3, activation="relu")(inputs)
x = layers.Flatten()(x)
x = layers.Dense(64, activation="relu")(x)
outputs = layers.Dense(10)(x)
model = Model(inputs, outputs)
model.compile(optimizer=optimizers.SGD(learning_rate=50), loss="sparse_categorical_crossentropy")  # ND809 ND812

side = layers.Dense(1)(x)
side = layers.Activation("softmax")(side)  # ND810
gate = Model(inputs=inputs, outputs=side)
gate.compile("adam", "binary_crossentropy")
"""

LAMBDAS = """
import tensorflow as tf
from tensorflow import keras

model = keras.Sequential()
model.add(keras.Input((4,)))
model.add(keras.layers.Dense(8, activation="relu"))
model.add(keras.layers.Dense(3, activation="softmax"))
model.compile(
    optimizer=keras.optimizers.Adam(-1e-3),  # ND812
    loss=lambda y_true, y_pred: -tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1)),  # ND801
)
norm_layer = keras.layers.Lambda(lambda t: t / tf.norm(t, axis=-1, keepdims=True))  # ND802
"""

TRAIN_STEP = """
import keras
import tensorflow as tf


class WGAN(keras.Model):
    def __init__(self, critic, generator, gp_weight=10.0):
        super().__init__()
        self.critic = critic
        self.generator = generator
        self.gp_weight = gp_weight

    def gradient_penalty(self, real, fake):
        with tf.GradientTape() as tape:
            mixed = 0.5 * real + 0.5 * fake
            tape.watch(mixed)
            scores = self.critic(mixed, training=True)
        grads = tape.gradient(scores, [mixed])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]))  # ND803
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, data):
        real = data
        noise = tf.random.normal((tf.shape(real)[0], 64))
        with tf.GradientTape() as tape:
            fake = self.generator(noise, training=True)
            cost = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
            cost += self.gp_weight * self.gradient_penalty(real, fake)
        grads = tape.gradient(cost, self.critic.trainable_variables)
        tf.clip_by_global_norm(grads, 1.0)  # ND811
        self.c_opt.apply_gradients(zip(grads, self.critic.trainable_variables))
        return {"loss": cost}
"""

AUGMENTED_AND_CHOSEN = """
import tensorflow as tf
from keras import ops as K


@tf.function
def masked_mse(y_true, y_pred, mask):
    loss = tf.reduce_sum(tf.square(y_true - y_pred) * mask)
    loss /= tf.reduce_sum(mask)  # ND802
    return loss


def log_ratio_loss(y_true, y_pred):
    ratio = y_pred / y_true
    return K.mean(K.where(ratio > 0, K.log(ratio), 0.0))  # ND807


def softplus_loss(y_true, y_pred):
    z = K.exp(y_pred)  # ND805
    return K.mean(K.log(1 + z) - y_true * y_pred)


def focal_loss(y_true, y_pred, gamma=0.5):
    pt = K.sum(y_true * y_pred, axis=-1)
    return K.power(1.0 - pt, 0.5) * K.abs(y_true - y_pred)  # ND803
"""

GUARDED_LOSS_CLASSES = """
import keras
from keras import ops


class PoissonNLL(keras.losses.Loss):
    def __init__(self, epsilon=1e-7, name="poisson_nll"):
        super().__init__(name=name)
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        y_pred = ops.maximum(y_pred, self.epsilon)
        return ops.mean(y_pred - y_true * ops.log(y_pred), axis=-1)


class Dice(keras.losses.Loss):
    def __init__(self, smooth=1.0, **kwargs):
        super().__init__(**kwargs)
        self.smooth = smooth

    def call(self, y_true, y_pred):
        overlap = ops.sum(y_true * y_pred)
        total = ops.sum(y_true) + ops.sum(y_pred)
        return 1 - (2 * overlap + self.smooth) / (total + self.smooth)
"""

GUARDED_IMPORTED_ROOMS = """
from tensorflow import math as tfm
from tensorflow import nn, clip_by_value


def kl_loss(y_true, y_pred):
    log_p = nn.log_softmax(y_pred)
    return -tfm.reduce_sum(y_true * log_p, axis=-1)


def bce_loss(y_true, y_pred):
    p = clip_by_value(y_pred, 1e-7, 1 - 1e-7)
    return -tfm.reduce_mean(y_true * tfm.log(p) + (1 - y_true) * tfm.log(1 - p))


def cosine_loss(y_true, y_pred):
    a, b = tfm.l2_normalize(y_true, axis=-1), tfm.l2_normalize(y_pred, axis=-1)
    return 1 - tfm.reduce_sum(a * b, axis=-1)


def masked_loss(y_true, y_pred, mask):
    return tfm.divide_no_nan(tfm.reduce_sum(mask * (y_true - y_pred) ** 2), tfm.reduce_sum(mask))
"""

SOUND_FUNCTIONAL_MODELS = """
from tensorflow.keras import Input, Model, layers, losses, optimizers
from tensorflow.keras.optimizers.schedules import ExponentialDecay

inputs = Input(shape=(28, 28, 1))
x = layers.Rescaling(1.0 / 255)(inputs)
x = layers.Conv2D(16, 3, activation="relu")(x)
x = layers.GlobalAveragePooling2D()(x)
logits = layers.Dense(10, name="logits")(x)
model = Model(inputs, logits)
model.compile(
    optimizer=optimizers.AdamW(ExponentialDecay(1e-3, 1000, 0.9)),
    loss=losses.SparseCategoricalCrossentropy(from_logits=True),
)
probability_model = Model(inputs, layers.Softmax()(logits))
attention = layers.Softmax(axis=1)(layers.Dense(1)(layers.Reshape((-1, 16))(x)))
"""

SOUND_LAMBDAS = """
import tensorflow as tf
from tensorflow import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(
    optimizer=keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0),
    loss=lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p)),
)
unit = keras.layers.Lambda(lambda t: tf.math.l2_normalize(t, axis=-1))
scale = keras.layers.Lambda(lambda t: t / 255.0)
rmse = lambda y, p: tf.sqrt(tf.reduce_mean(tf.square(y - p)) + 1e-8)
half = keras.layers.Lambda(lambda t, k: t / k, arguments={"k": 2.0})
"""

SOUND_TRAIN_STEP = """
import keras
import tensorflow as tf


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var = self.encoder(data)
            log_var = tf.clip_by_value(log_var, -10.0, 10.0)
            z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
            reconstruction = self.decoder(z)
            mse = tf.reduce_mean(tf.reduce_sum(tf.square(data - reconstruction), axis=1))
            kl = -0.5 * tf.reduce_mean(1 + log_var - tf.square(mean) - tf.exp(log_var))
            loss = mse + kl
        grads = tape.gradient(loss, self.trainable_weights)
        grads, norm = tf.clip_by_global_norm(grads, 1.0)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result(), "norm": norm}
"""

SOUND_LAYERS = """
import keras
import numpy as np
from keras import ops


class Attention(keras.layers.Layer):
    def __init__(self, dim, heads=4, eps=1e-6):
        super().__init__()
        self.dim, self.heads, self.eps = dim, heads, eps
        self.scale = dim**-0.5
        self.q = keras.layers.Dense(dim)
        self.k = keras.layers.Dense(dim)

    def call(self, x, mask=None):
        q, k = self.q(x), self.k(x)
        scores = ops.matmul(q, ops.transpose(k, (0, 2, 1))) / ops.sqrt(ops.cast(self.dim, q.dtype))
        if mask is not None:
            scores = ops.where(mask, scores, -1e9)
        weights = ops.softmax(scores, axis=-1)
        pooled = ops.sum(weights * mask, axis=1) / (ops.sum(mask, axis=1) + self.eps)
        return pooled


class RMSNorm(keras.layers.Layer):
    def call(self, x):
        variance = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return x * ops.rsqrt(variance + 1e-6)


def psnr(a, b):
    return 10 * np.log10(1.0 / np.mean((a - b) ** 2))
"""


@pytest.mark.parametrize(
    "source", [LOSS_CLASSES, IMPORTED_ROOMS, FUNCTIONAL_MODELS, LAMBDAS, TRAIN_STEP, AUGMENTED_AND_CHOSEN]
)
def test_faults_are_found_in_their_lines_and_nothing_else(look: Any, source: str) -> None:
    lines = source.splitlines()
    expected = [(line, rule) for line in lines for rule in re.findall(r"ND\d+", line.partition("  # ")[2])]

    found = [(one.location.code, one.rule) for one in look(source)]

    assert sorted(found) == sorted((line.strip(), rule) for line, rule in expected)


@pytest.mark.parametrize(
    "source",
    [
        GUARDED_LOSS_CLASSES,
        GUARDED_IMPORTED_ROOMS,
        SOUND_FUNCTIONAL_MODELS,
        SOUND_LAMBDAS,
        SOUND_TRAIN_STEP,
        SOUND_LAYERS,
    ],
)
def test_healthy_files_get_nothing(look: Any, source: str) -> None:
    assert look(source) == []
