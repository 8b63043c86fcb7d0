"""Batches of a data set that lies on the device as bytes."""

import ctypes

import numpy
from gpu import Index

from .checking import check, same


@check
def batches_come_from_bytes(gpu, random):
    images, channels, area, batch = 50, 3, 20, 16
    pixels = random.integers(0, 256, (images, channels, area)).astype("uint8")
    labels, order = random.integers(0, 10, images).astype("int32"), random.permutation(images).astype("int32")
    mean, deviation = numpy.array([0.4, 0.5, 0.6]), numpy.array([0.2, 0.3, 0.25])
    scales, offsets = (1 / (255 * deviation)).astype("float32"), (-mean / deviation).astype("float32")
    p, o, t = gpu.array(pixels), gpu.array(order), gpu.array(labels)
    a, b, cursor = gpu.array(scales), gpu.array(offsets), gpu.array(numpy.array([0], "uint64"))
    y, z = gpu.empty((batch, channels, area)), gpu.empty(batch, "int32")
    for start in range(0, images, batch):
        gpu.launch(
            "datasets",
            "batch_images",
            2,
            p,
            o,
            cursor,
            a,
            b,
            y,
            Index(images),
            Index(batch),
            Index(channels),
            Index(area),
        )
        gpu.launch("datasets", "batch_labels", 1, t, o, cursor, z, Index(images), Index(batch))
        gpu.launch("datasets", "advance_cursor", 1, cursor, ctypes.c_uint64(batch))
        taken = order[start : start + batch]
        expected = numpy.zeros((batch, channels, area), "float32")
        expected[: len(taken)] = pixels[taken].astype("float32") * scales[:, None] + offsets[:, None]
        same(gpu.read(y), expected, f"images from {start}")
        same(gpu.read(z), numpy.concatenate([labels[taken], numpy.zeros(batch - len(taken), "int32")]), "labels")
